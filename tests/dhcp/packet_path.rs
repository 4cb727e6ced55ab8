//! The whole way of a client's message, without sockets: read, decided, written to the journal,
//! answered, told to the partner, acknowledged by it, written again.

use std::net::Ipv4Addr;

use tempfile::TempDir;

use twinlease::balance::Role;
use twinlease::binding::AddressRange;
use twinlease::binding::table::RangeId;
use twinlease::dhcp::{
    Arrival, DhcpConfig, DhcpService, Ipv4Network, Owners, PendingReply, PoolConfig, SubnetConfig,
};
use twinlease::durable::{Change, CommitId, Recovered};
use twinlease::endpoint::{
    FailoverEndpoint, Input, LeaseAuthority, LinkId, Origin, Output, RelationshipConfig,
};
use twinlease::store::{Journal, LeaseStore, OwnerId};
use twinlease::time::{Instant, Now, UnixTime};
use twinlease::wire::{Deframer, FailoverState};

use crate::counting::allocations;
use crate::support::{Request, SERVER, START, client, ip};

const LINK: LinkId = LinkId(1);

/// An endpoint with its journal, and what it does with them.
struct Server {
    endpoint: FailoverEndpoint,
    journal: Journal,
    owner: OwnerId,
    batch: Vec<(OwnerId, Change)>,
    highest: CommitId,
    /// What its partner has not read yet.
    octets: Vec<u8>,
    deframer: Deframer,
}

impl Owners for Server {
    fn owner(&mut self, index: usize) -> Option<&mut dyn LeaseAuthority> {
        (index == 0).then_some(&mut self.endpoint)
    }
}

impl Server {
    fn new(role: Role, directory: &TempDir, now: Now) -> Self {
        let range = AddressRange::new(ip(20), ip(219)).unwrap();
        let config = RelationshipConfig::new("office-lan", role, vec![range]);
        let path = directory.path().join(format!("{role:?}"));
        let mut journal = Journal::open(&path).unwrap();
        let (owner, recovered) = journal.open_owner("relationship:office-lan").unwrap();
        assert_eq!(recovered, Recovered::default());
        Self {
            endpoint: FailoverEndpoint::new(config, recovered, now).unwrap(),
            journal,
            owner,
            batch: Vec::new(),
            highest: CommitId(0),
            octets: Vec::new(),
            deframer: Deframer::new(),
        }
    }

    /// Does what the endpoint wants, until it wants nothing more.
    fn act(&mut self, now: Now) {
        loop {
            match self.endpoint.poll_output() {
                Output::Commit(commit) => {
                    self.highest = commit.id;
                    self.batch.push((self.owner, commit.change));
                }
                Output::Transmit(link) => self.endpoint.take_transmit(link, &mut self.octets),
                Output::Idle { .. } if self.batch.is_empty() => return,
                Output::Idle { .. } => {
                    self.journal.commit(&self.batch).unwrap();
                    self.batch.clear();
                    self.endpoint.handle_input(now, Input::Committed(self.highest));
                }
                Output::Connect | Output::StartTls { .. } | Output::Close(_) | Output::Event(_) => {
                }
            }
        }
    }

    /// Reads what the partner has written.
    fn read(&mut self, now: Now, octets: &mut Vec<u8>) {
        self.deframer.push(octets);
        octets.clear();
        while let Some(frame) = self.deframer.next_frame().unwrap() {
            self.endpoint.handle_input(now, Input::Received { link: LINK, frame });
        }
        self.act(now);
    }
}

/// A pair in NORMAL, and a DHCP service at the primary.
struct Path {
    service: DhcpService,
    primary: Server,
    secondary: Server,
    now: Now,
    replies: Vec<PendingReply>,
    _directory: TempDir,
}

impl Path {
    fn new() -> Self {
        let now = Now { monotonic: Instant::from_micros(0), wall: UnixTime(START) };
        let directory = tempfile::tempdir().unwrap();
        let mut path = Self {
            service: DhcpService::new(configuration()).unwrap(),
            primary: Server::new(Role::Primary, &directory, now),
            secondary: Server::new(Role::Secondary, &directory, now),
            now,
            replies: Vec::new(),
            _directory: directory,
        };
        for (server, origin) in
            [(&mut path.primary, Origin::Dialled), (&mut path.secondary, Origin::Accepted)]
        {
            server.endpoint.handle_input(now, Input::Connected { link: LINK, origin });
            server.act(now);
        }
        path.settle();
        assert_eq!(path.primary.endpoint.state(), FailoverState::Normal);
        path
    }

    /// Carries everything that the two have to say, and counts what the primary allocates for it.
    fn settle(&mut self) -> usize {
        let Self { primary, secondary, now, .. } = self;
        let mut counted = 0;
        loop {
            counted += allocations(|| primary.act(*now));
            secondary.act(*now);
            if primary.octets.is_empty() && secondary.octets.is_empty() {
                return counted;
            }
            secondary.read(*now, &mut primary.octets);
            counted += allocations(|| primary.read(*now, &mut secondary.octets));
        }
    }

    /// A message and all that follows from it, and how often the primary allocates for it.
    fn serve(&mut self, datagram: &[u8], arrival: &Arrival) -> usize {
        let Self { service, primary, now, replies, .. } = self;
        replies.clear();
        let counted = allocations(|| service.handle(datagram, arrival, primary, *now, replies));
        counted + self.settle()
    }

    fn is_acknowledged(&self, address: Ipv4Addr) -> bool {
        let binding = self.primary.endpoint.table().get(address).unwrap();
        binding.partner_knows && binding.acked_potential_expiration.is_known()
    }
}

fn configuration() -> DhcpConfig {
    let range = AddressRange::new(ip(20), ip(219)).unwrap();
    let subnet = SubnetConfig {
        network: Ipv4Network::containing(SERVER, 24),
        options: std::iter::empty().collect(),
        default_lease_time: 600,
        min_lease_time: 60,
        max_lease_time: 7200,
        pools: vec![PoolConfig { owner: 0, range_id: RangeId(0), range, dynamic_bootp: false }],
        reservations: Vec::new(),
    };
    DhcpConfig {
        authoritative: true,
        ping_timeout: None,
        server_identifier: None,
        subnets: vec![subnet],
    }
}

/// A client that load balancing gives to the primary, and the address that it is offered.
fn client_of(path: &mut Path) -> (u8, Ipv4Addr) {
    (1..=u8::MAX)
        .find_map(|number| {
            let request = client(number);
            path.serve(&request.bytes(), &request.arrival);
            let reply = path.replies.first()?.reply.bytes.slice(16..20);
            let octets: [u8; 4] = reply.as_ref().try_into().unwrap();
            Some((number, octets.into()))
        })
        .unwrap()
}

#[test]
fn from_discover_to_the_partners_acknowledgement_nothing_is_allocated() {
    let mut path = Path::new();
    let (number, address) = client_of(&mut path);
    let me = || client(number).option(55, &[1, 3, 6, 15]);
    let requests: [Request; 3] = [me(), me().selecting(address, SERVER), me().renewing(address)];
    let datagrams = requests.map(|request| (request.bytes(), request.arrival));
    let mut counted = [0; 3];
    for _ in 0..50 {
        path.now.wall = UnixTime(path.now.wall.0 + 60);
        path.now.monotonic = path.now.monotonic.after(std::time::Duration::from_secs(1));
        for ((datagram, arrival), counted) in datagrams.iter().zip(&mut counted) {
            *counted = path.serve(datagram, arrival);
            assert_eq!(path.replies.len(), 1);
        }
    }
    assert!(path.is_acknowledged(address));
    assert_eq!(counted, [0; 3], "DISCOVER, REQUEST, renewal");
}
