//! A dhcpd alone with a scripted partner: what dhcpd does is the fact, and our own server relies on it.

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use twinlease::wire::codes::{MessageType, OptionCode};

use super::dhcpd::Dhcpd;
use super::lease_file::{Lease, Relationship};
use super::network::Network;
use super::packet::Client;
use super::partner::{Heard, Message, Partner, now};
use super::relay::{Granted, Relay};
use super::setup::{RELATIONSHIP, Role, Setup};
use super::wait::wait_for;

/// Failover's port.
const PORT: u16 = 647;

/// Failover states as they are numbered in option 24.
pub const NORMAL: u8 = 2;
pub const INTERRUPTED: u8 = 3;
pub const PARTNER_DOWN: u8 = 4;
pub const CONFLICT: u8 = 5;
pub const RECOVER: u8 = 6;
pub const PAUSED: u8 = 7;
pub const RESOLUTION_INTERRUPTED: u8 = 10;
pub const CONFLICT_DONE: u8 = 11;

/// server-flags of a server in STARTUP.
pub const STARTUP: u8 = 1;

/// Binding states as they are numbered in option 3.
pub const FREE: u8 = 1;
pub const ACTIVE: u8 = 2;
pub const EXPIRED: u8 = 3;
pub const RELEASED: u8 = 4;
pub const ABANDONED: u8 = 5;
pub const BACKUP: u8 = 7;

/// One dhcpd and the place where its partner would be.
#[derive(Debug)]
pub struct Stage {
    // Dropped in this order: the server ends before its network.
    pub dhcpd: Dhcpd,
    pub setup: Setup,
    pub network: Network,
    /// xids are unique across connections.
    next_xid: u32,
}

impl Stage {
    /// What scripted conversations are made under: a small pool, and nobody ends a silence.
    pub fn setup() -> Setup {
        Setup {
            max_response_delay: 3600,
            pool: ([10, 78, 8, 0].into(), [10, 78, 8, 19].into()),
            ..Setup::default()
        }
    }

    /// A stopped dhcpd with an empty lease file; `None` when this machine cannot run `test`.
    pub fn stopped(test: &str, role: Role, setup: Setup) -> Option<Self> {
        let network = Network::new(test)?;
        let dhcpd = Dhcpd::new(&network, role, &setup);
        Some(Self { dhcpd, setup, network, next_xid: 0 })
    }

    /// A running dhcpd with an empty lease file.
    pub fn started(test: &str, role: Role, setup: Setup) -> Option<Self> {
        let mut stage = Self::stopped(test, role, setup)?;
        stage.dhcpd.start();
        Some(stage)
    }

    /// A running dhcpd that finds these states and leases in its lease file.
    pub fn found(
        test: &str,
        role: Role,
        setup: Setup,
        states: [&str; 2],
        leases: &[(Ipv4Addr, Lease)],
    ) -> Option<Self> {
        let mut stage = Self::stopped(test, role, setup)?;
        let relationship = Relationship {
            my_state: states[0].to_owned(),
            partner_state: states[1].to_owned(),
            mclt: (role == Role::Secondary).then_some(stage.setup.mclt),
        };
        let head = relationship.to_text(RELATIONSHIP, i64::from(now()) - 86_400);
        let file =
            leases.iter().fold(head, |file, (address, lease)| file + &lease.to_text(*address));
        stage.dhcpd.set_lease_file(&file);
        stage.dhcpd.start();
        Some(stage)
    }

    /// A dhcpd in NORMAL whose pool was never used, with its partner. The addresses that it gave to its partner have been
    /// accepted.
    pub fn normal(test: &str, role: Role, setup: Setup) -> Option<(Self, Partner)> {
        let mut stage = Self::found(test, role, setup, ["normal", "normal"], &[])?;
        let mut partner = stage.dial();
        stage.become_normal(&mut partner);
        Some((stage, partner))
    }

    /// Connects to dhcpd from the partner's address.
    pub fn dial(&mut self) -> Partner {
        self.dial_from(self.dhcpd.role.other().host())
    }

    /// Connects to dhcpd from a host by name.
    pub fn dial_from(&mut self, host: &str) -> Partner {
        let address = (self.dhcpd.role.address(), PORT);
        let host = self.network.host(host);
        let stream = wait_for("dhcpd to listen", Duration::from_secs(60), || {
            host.enter(|| TcpStream::connect(address))
        });
        self.next_xid += 1_000_000;
        Partner::on(stream, self.next_xid)
    }

    /// Waits for dhcpd at the partner's address.
    pub fn listen(&self) -> TcpListener {
        let role = self.dhcpd.role.other();
        let host = self.network.host(role.host());
        let listener = host.enter(|| TcpListener::bind((role.address(), PORT))).unwrap();
        listener.set_nonblocking(true).unwrap();
        listener
    }

    /// The next connection that dhcpd opens.
    pub fn accept(&mut self, listener: &TcpListener) -> Partner {
        let (stream, from) =
            wait_for("dhcpd to connect", Duration::from_secs(60), || listener.accept());
        assert_eq!(from.ip(), self.dhcpd.role.address(), "dhcpd calls from its own address");
        stream.set_nonblocking(false).unwrap();
        self.next_xid += 1_000_000;
        Partner::on(stream, self.next_xid)
    }

    /// CONNECT and CONNECTACK; the STATE that dhcpd says then.
    #[track_caller]
    pub fn shake_hands(&self, partner: &mut Partner) -> Heard {
        self.shake_hands_with_window(partner, 100)
    }

    /// The same for a partner that takes this many updates without answering.
    #[track_caller]
    pub fn shake_hands_with_window(&self, partner: &mut Partner, window: u32) -> Heard {
        let sized = |message: Message| message.number(OptionCode::MAX_UNACKED_BNDUPD, window);
        match self.dhcpd.role {
            Role::Primary => {
                let connect = partner.take(MessageType::CONNECT);
                partner.send(&sized(Message::connect_ack(&connect)));
            }
            Role::Secondary => {
                let connect = Message::connect().number(OptionCode::MCLT, self.setup.mclt);
                partner.send(&sized(connect));
                let ack = partner.take(MessageType::CONNECTACK);
                assert_eq!(ack.reject_reason(), None);
            }
        }
        partner.take(MessageType::STATE)
    }

    /// Both in NORMAL from states that lead there at once, and all updates accepted; what was heard on the way.
    #[track_caller]
    pub fn become_normal(&self, partner: &mut Partner) -> Vec<Heard> {
        self.shake_hands(partner);
        partner.send(&Message::state(NORMAL, 0));
        while partner.take(MessageType::STATE).state() != (NORMAL, 0) {}
        partner.accept_all()
    }

    /// A relay agent for clients.
    pub fn relay(&self) -> Relay {
        Relay::new(&self.network, 4)
    }

    /// A lease of dhcpd for a client that has waited for so long that every server answers.
    #[track_caller]
    pub fn obtain(relay: &Relay, client: &Client) -> Granted {
        relay.obtain(&client.after(100), 40).unwrap()
    }

    /// The last entry of an address in the lease file, once it is as wanted.
    #[track_caller]
    pub fn wait_lease(&self, address: Ipv4Addr, what: impl Fn(&Lease) -> bool) -> Lease {
        wait_for("the lease file to say so", Duration::from_secs(60), || {
            let lease = self.dhcpd.lease_file().leases.remove(&address);
            match lease {
                Some(lease) if what(&lease) => Ok(lease),
                other => Err(format!("{address}: {other:?}")),
            }
        })
    }

    /// Waits until dhcpd is in `state` by its own account.
    pub fn wait_state(&mut self, state: &str) {
        let end = Instant::now() + Duration::from_secs(60);
        while self.dhcpd.state().as_deref() != Some(state) {
            assert!(Instant::now() < end, "not in {state}:\n{}", self.dhcpd.log());
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// What holds at the end: dhcpd lives.
    pub fn finish(mut self) {
        assert!(self.dhcpd.is_running(), "dhcpd ended by itself:\n{}", self.dhcpd.log());
    }
}
