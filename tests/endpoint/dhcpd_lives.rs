//! Random lives of an endpoint beside a dhcpd, from every state: clients, operators of both servers,
//! cuts, restarts, a slow disk, reservations, BOOTP, batches, answers and rejections. Whatever happens,
//! nothing is sent that makes a dhcpd drop the connection, loop, park itself or terminate
//! (`support/hazards.rs`).

use std::collections::VecDeque;
use std::net::Ipv4Addr;
use std::time::Duration;

use twinlease::balance::Role;
use twinlease::binding::carried::Parts;
use twinlease::binding::table::RangeId;
use twinlease::durable::{EndpointRecord, Recovered};
use twinlease::endpoint::config::{PoolShare, Reservation};
use twinlease::endpoint::{
    Availability, Batching, BindingChange, ClientRequest, Grant, Input, LeaseAuthority,
    LeaseDetails, OperatorCommand, RelationshipConfig, RequestKind, Service,
};
use twinlease::time::UnixTime;
use twinlease::wire::bndupd::{BindingReply, BindingUpdate, BndAck};
use twinlease::wire::codes::{
    BindingStatus, DdnsFlags, FailoverState, IpFlags, MessageType, RejectReason, Xid,
};
use twinlease::wire::connect::Reject;
use twinlease::wire::ddns::Ddns;
use twinlease::wire::frame::Frame;
use twinlease::wire::message::Message;

use crate::support::dhcpd::Dhcpd;
use crate::support::hazards::Ears;
use crate::support::scripted::{DHCPD, LINK, Said, Script, stored};
use crate::support::{address, client, config};

use FailoverState::{
    CommunicationsInterrupted, ConflictDone, Normal, PartnerDown, Paused, PotentialConflict,
    Recover, RecoverDone, RecoverWait, ResolutionInterrupted, Shutdown,
};

/// CONFLICT-DONE, in which only a primary ever is, comes last.
const STATES: [FailoverState; 11] = [
    Normal,
    CommunicationsInterrupted,
    PartnerDown,
    PotentialConflict,
    Recover,
    Paused,
    Shutdown,
    RecoverDone,
    ResolutionInterrupted,
    RecoverWait,
    ConflictDone,
];

const LIVES: u64 = 2_400;
const STEPS: usize = 80;
const ADDRESSES: u8 = 20;
/// Updates that the dhcpd takes without answering; as in [`Script::connect`].
const WINDOW: usize = 10;

/// A name in wire form, and options behind a magic number: what clients bring along.
const NAME: &[u8] = b"\x04host\x07example\0";
const OPTIONS: &[u8] = &[99, 130, 83, 99, 82, 3, 1, 1, 7];

/// One life.
struct Life {
    script: Script,
    config: RelationshipConfig,
    seed: u64,
    random: u64,
    connected: bool,
    /// The dhcpd has said its state on this connection.
    has_said: bool,
    dhcpd: Dhcpd,
    ears: Ears,
    /// What the dhcpd says and has not been heard yet.
    on_the_way: VecDeque<Message<'static>>,
    /// Updates that the dhcpd has not answered.
    updates: Vec<Said>,
    /// UPDREQ and UPDREQALL that the dhcpd has not answered.
    requests: Vec<Xid>,
    /// What happened, for the message of a failure.
    story: Vec<String>,
}

impl Life {
    fn new(seed: u64) -> Self {
        let (role, its_role) = if seed.is_multiple_of(2) {
            (Role::Primary, Role::Secondary)
        } else {
            (Role::Secondary, Role::Primary)
        };
        let config = varied(role, seed / 24);
        let state = match seed % 12 {
            11 => None,
            index => Some(STATES[usize::try_from(index).unwrap()]),
        };
        let record = state.map(|state| {
            let stopped = matches!(state, Paused | Shutdown).then_some(Normal);
            EndpointRecord { previous_state: stopped, ..stored(state) }
        });
        let dhcpd = Dhcpd { role: its_role, state: Recover, starting: false, ours: None };
        let mut life = Self {
            script: Script::new(config.clone(), Recovered::default()),
            config,
            seed,
            random: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
            connected: false,
            has_said: false,
            dhcpd,
            ears: Ears::with_window(WINDOW),
            on_the_way: VecDeque::new(),
            updates: Vec::new(),
            requests: Vec::new(),
            story: vec![format!("{role:?} starts with {state:?}")],
        };
        life.dhcpd.state = life.any_state();
        life.start(Recovered { endpoint: record, bindings: Vec::new() });
        life
    }

    fn start(&mut self, recovered: Recovered) {
        let now = self.script.now;
        let bindings = self.script.bindings.clone();
        self.script = Script::starting_at(now, self.config.clone(), recovered);
        self.script.bindings = bindings;
        self.script.vendor = DHCPD;
        self.script.instant_disk = self.below(2) == 0;
        self.ears.partner_restarts();
        self.lose();
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random >> 11) % bound
    }

    fn number(&mut self, bound: u8) -> u8 {
        u8::try_from(self.below(u64::from(bound))).unwrap()
    }

    fn any_state(&mut self) -> FailoverState {
        let count = if self.dhcpd.role == Role::Primary { 11 } else { 10 };
        STATES[usize::try_from(self.below(count)).unwrap()]
    }

    fn any_address(&mut self) -> Ipv4Addr {
        address(10 + self.number(ADDRESSES))
    }

    fn step(&mut self) {
        match self.below(24) {
            0..=3 if !self.connected => self.connect(),
            0..=3 => self.speak(),
            4 | 5 if self.connected => self.is_told_to(),
            6 if self.connected => {
                self.story.push("cut".to_owned());
                self.script.input(Input::Disconnected { link: LINK });
                self.lose();
            }
            7 => self.restart(),
            8 => self.operate(),
            9 | 10 => {
                self.story.push("sync".to_owned());
                self.script.sync();
            }
            11..=14 => self.client_acts(),
            15 | 16 if self.has_said => self.tell_an_update(),
            17 | 18 if self.has_said => self.answer_updates(),
            19 if self.has_said => self.answer_request(),
            20 if self.has_said => self.ask(),
            21..=23 if !self.connected || self.has_said => self.wait(),
            _ => {}
        }
        self.hear();
    }

    fn wait(&mut self) {
        let seconds = [1, 1, 5, 20, 120, 700][usize::try_from(self.below(6)).unwrap()];
        self.story.push(format!("{seconds} s"));
        if self.connected {
            self.deliver();
            self.script.run_talking(seconds);
        } else {
            self.script.run(seconds);
        }
    }

    fn restart(&mut self) {
        self.story.push("restart".to_owned());
        let bindings = self.script.bindings.values().cloned().collect();
        let endpoint = self.script.record.clone();
        self.start(Recovered { endpoint, bindings });
    }

    /// The dhcpd may have been started again or been told another state in the meantime.
    fn connect(&mut self) {
        match self.below(3) {
            0 => self.dhcpd.starting = true,
            1 => self.dhcpd.state = self.any_state(),
            _ => {}
        }
        let (state, starting) = (self.dhcpd.state, self.dhcpd.starting);
        self.story.push(format!("connect, dhcpd is {state}, starting: {starting}"));
        self.script.connected();
        self.connected = !self.script.closed.contains(&LINK);
        if !self.connected {
            return;
        }
        match self.config.role {
            Role::Primary => self.script.accept_connect(),
            Role::Secondary => {
                self.ears.asked.insert(0);
                self.script.connect();
            }
        }
        self.on_the_way.push_back(self.dhcpd.announcement());
    }

    /// The connection is gone.
    fn lose(&mut self) {
        self.connected = false;
        self.has_said = false;
        self.on_the_way.clear();
        self.updates.clear();
        self.requests.clear();
        self.ears.connection_ends();
        self.dhcpd.on_loss();
    }

    /// The next message of the dhcpd arrives.
    fn speak(&mut self) {
        let Some(message) = self.on_the_way.pop_front() else { return };
        self.story.push(format!("dhcpd says {message:?}"));
        let xid = self.script.tell(&message);
        self.has_said = true;
        if matches!(message, Message::UpdReq | Message::UpdReqAll | Message::PoolReq) {
            self.ears.asked.insert(xid.0);
        }
    }

    /// Both have heard all that the other said.
    fn deliver(&mut self) {
        self.hear();
        while !self.on_the_way.is_empty() {
            self.speak();
            self.hear();
        }
    }

    /// An operator sets the state of the dhcpd. What is on the way then would cross that whatever the
    /// partner does, so nothing is.
    fn is_told_to(&mut self) {
        self.deliver();
        if self.connected {
            self.dhcpd.starting = false;
            let state = self.any_state();
            self.story.push(format!("the operator of dhcpd says {state}"));
            self.on_the_way.extend(self.dhcpd.enter(state));
            self.deliver();
        }
    }

    fn operate(&mut self) {
        let command = match self.below(5) {
            0 => OperatorCommand::Pause,
            1 => OperatorCommand::Shutdown,
            2 => OperatorCommand::PartnerDown { forced: true },
            _ => OperatorCommand::PartnerDown { forced: false },
        };
        self.story.push(format!("{command:?}"));
        self.script.input(Input::Operator(command));
    }

    fn client_acts(&mut self) {
        let number = self.number(12);
        let (now, holder) = (self.script.now, client(number));
        let request = ClientRequest {
            kind: RequestKind::Rebinding,
            client: holder,
            secs: 0,
            addressed_to_this_server: false,
            ranges: &[RangeId(0)],
        };
        let endpoint = &self.script.endpoint;
        if endpoint.service_for(&request, now) != Service::Serve {
            return;
        }
        let known = endpoint.table().of_client(&holder).find(|address| {
            !matches!(endpoint.availability(*address, &holder, now), Availability::No(_))
        });
        let Some(address) = known.or_else(|| endpoint.choose(RangeId(0), now, &|_| false)) else {
            return;
        };
        let active = endpoint.table().status_of(address) == Some(BindingStatus::Active);
        let bootp = !self.config.bootp_ranges.is_empty() && self.below(4) == 0;
        let grant = if bootp {
            Grant::FOR_EVER
        } else {
            let desired = 30 + u32::try_from(self.below(900)).unwrap();
            self.script.endpoint.grant(address, &holder, desired, now)
        };
        let ddns = Ddns::new(DdnsFlags::FORWARD_DONE, NAME).unwrap();
        let change = match self.below(8) {
            0 if active => BindingChange::Released { address },
            1 => BindingChange::Abandoned { address },
            2 if active => BindingChange::Reset { address },
            3 if active => BindingChange::DnsUpdated { address, ddns },
            _ => {
                let carried = Parts {
                    request_options: Some(OPTIONS),
                    reply_options: Some(OPTIONS),
                    ddns: Some(ddns),
                };
                let details = LeaseDetails { bootp, carried };
                BindingChange::Leased { address, client: holder, grant, details }
            }
        };
        self.story.push(format!("{change:?}"));
        self.script.endpoint.record(now, change).expect("an address of the range");
        self.script.input(Input::TimeReached);
    }

    /// Anything that a dhcpd may say of an address, and some things that none would.
    fn tell_an_update(&mut self) {
        let now = self.script.now.wall.0;
        let time = |life: &mut Self| match life.below(5) {
            0 => None,
            1 => Some(UnixTime::ABSENT),
            2 => Some(UnixTime(now + 500)),
            3 => Some(UnixTime::INFINITE_FLOOR),
            _ => Some(UnixTime(now - 100)),
        };
        let times = [time(self), time(self), time(self), time(self)];
        let number = self.number(12);
        let hardware = [1, 2, 0, 94, 16, 0, number];
        let update = BindingUpdate {
            address: self.any_address(),
            binding_status: (self.below(20) > 0).then(|| 1 + self.number(8)),
            client_identifier: (self.below(4) == 0).then_some(b"another"),
            client_hardware_address: (self.below(4) > 0).then_some(&hardware),
            lease_expiration: times[0],
            potential_expiration: times[1],
            start_of_status: times[2],
            client_last_transaction: times[3],
            ip_flags: (self.below(3) == 0).then(|| IpFlags(u16::from(self.number(4)))),
            ..BindingUpdate::default()
        };
        self.story.push(format!("dhcpd tells {update:?}"));
        let xid = self.script.update(update);
        self.ears.told.insert((xid.0, update.address));
    }

    fn answer_updates(&mut self) {
        let count = self.below(4);
        for said in self.updates.drain(..).collect::<Vec<_>>() {
            let reason = match self.below(10) {
                0 => Some(RejectReason::FATAL_CONFLICT),
                1 => Some(RejectReason::LESS_CRITICAL),
                2 => Some(RejectReason::ILLEGAL_ADDRESS),
                _ => None,
            };
            self.story.push(format!("dhcpd answers {:?}: {reason:?}", said.xid));
            self.ears.unanswered.remove(&said.xid.0);
            let frame = Frame::parse(&said.octets).expect("heard before");
            let Ok(Message::BndUpd(bndupd)) = Message::decode(&frame, self.config.dialect) else {
                panic!("heard before")
            };
            let reject = reason.map(|reason| Reject { reason, message: None });
            let replies: Vec<_> = bndupd
                .updates()
                .map(|update| BindingReply { address: update.address, reject })
                .collect();
            self.script.say(said.xid, &Message::BndAck(BndAck::of(&replies)));
            if count == 0 {
                break;
            }
        }
    }

    fn answer_request(&mut self) {
        if let Some(xid) = self.requests.pop() {
            self.story.push("dhcpd says UPDDONE".to_owned());
            self.script.say(xid, &Message::UpdDone);
        }
    }

    fn ask(&mut self) {
        let request = match self.below(3) {
            0 => Message::UpdReq,
            1 => Message::UpdReqAll,
            _ => Message::PoolReq,
        };
        self.on_the_way.push_back(request);
    }

    /// The dhcpd hears what was sent, in its order, and acts on it.
    fn hear(&mut self) {
        for octets in std::mem::take(&mut self.script.sent) {
            let (its, now) = (self.dhcpd.state, self.script.now.wall);
            if let Err(harm) = self.ears.hear(&octets, its, now) {
                panic!("seed {}: {harm}: {:#?}", self.seed, self.story);
            }
            let frame = Frame::parse(&octets).expect("just heard");
            let said = Said {
                message_type: frame.header.message_type,
                xid: frame.header.xid,
                octets: octets.clone(),
            };
            match said.message_type {
                MessageType::STATE => {
                    let (ours, flags) = said.state();
                    self.story.push(format!("dhcpd, in {its}, hears {ours}"));
                    let says = self.dhcpd.on_state(ours, flags);
                    self.on_the_way.extend(says);
                }
                MessageType::UPDDONE => {
                    self.story.push("dhcpd hears UPDDONE".to_owned());
                    self.on_the_way.extend(self.dhcpd.on_update_done());
                }
                MessageType::UPDREQ | MessageType::UPDREQALL => self.requests.push(said.xid),
                MessageType::BNDUPD => self.updates.push(said),
                _ => {}
            }
        }
        self.script.said.clear();
        if std::mem::take(&mut self.script.closed).contains(&LINK) {
            self.story.push("closed".to_owned());
            self.lose();
        }
    }
}

/// What operators configure.
fn varied(role: Role, variant: u64) -> RelationshipConfig {
    let mut config = config(role, ADDRESSES);
    if variant & 1 == 1 {
        let held = |last, number| Reservation {
            address: address(last),
            client: client(number).to_client(),
        };
        config.reservations = vec![held(12, 1), held(21, 2)];
    }
    if variant & 2 == 2 {
        config.bootp_ranges = vec![RangeId(0)];
    }
    if variant & 4 == 4 {
        config.batching = Batching::WithEverybody;
    }
    if variant & 8 == 8 {
        config.pool_share = PoolShare::SecondaryPercent(10);
    }
    if variant & 16 == 16 {
        config.safe_period = Some(Duration::from_secs(60));
        config.acknowledgement_wait = Some(Duration::from_secs(90));
    }
    config
}

#[test]
fn nothing_that_harms_a_dhcpd_is_ever_sent_to_it() {
    for seed in 0..LIVES {
        let mut life = Life::new(seed);
        for _ in 0..STEPS {
            life.step();
        }
    }
}
