//! One endpoint and a partner that says whatever the test says.

use std::collections::{BTreeMap, VecDeque};
use std::net::Ipv4Addr;
use std::time::Duration;

use twinlease::balance::{HashBuckets, Role};
use twinlease::binding::Binding;
use twinlease::durable::{Change, Commit, EndpointRecord, Recovered};
use twinlease::endpoint::{
    ConnectFailure, Event, FailoverEndpoint, Input, LinkId, Origin, Output, RelationshipConfig,
    TlsSide,
};
use twinlease::time::{Instant, Now, UnixTime};
use twinlease::wire::bndupd::{BindingReply, BindingUpdate, BndAck, BndUpd};
use twinlease::wire::codes::{FailoverState, MessageType, RejectReason, ServerFlags, Xid};
use twinlease::wire::connect::{Connect, ConnectAck, StateMessage};
use twinlease::wire::dialect::Dialect;
use twinlease::wire::digest::DigestKey;
use twinlease::wire::frame::{Deframer, Frame};
use twinlease::wire::message::Message;

use super::{MCLT, START, config};

/// What the endpoint said, as far as tests look at it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) message_type: MessageType,
    pub(crate) xid: Xid,
    pub(crate) octets: Vec<u8>,
}

impl Said {
    pub(crate) fn frame(&self) -> Frame<'_> {
        Frame::parse(&self.octets).expect("the endpoint sends well-formed messages")
    }

    pub(crate) fn message(&self, dialect: Dialect) -> Message<'_> {
        Message::decode(&self.frame(), dialect).expect("the endpoint sends readable messages")
    }

    /// State and flags of a STATE.
    pub(crate) fn state(&self) -> (FailoverState, ServerFlags) {
        let Message::State(state) = self.message(Dialect::Isc) else {
            panic!("{:?} is no STATE", self.message_type)
        };
        let code = state.server_state.expect("STATE has a server-state");
        (
            FailoverState::from_code(code).expect("a known state"),
            state.server_flags.expect("STATE has server-flags"),
        )
    }

    /// The only reject-reason of a BNDACK or CONNECTACK.
    pub(crate) fn reject(&self) -> Option<RejectReason> {
        match self.message(Dialect::Isc) {
            Message::BndAck(ack) => {
                ack.replies().next().and_then(|reply| reply.reject).map(|reject| reject.reason)
            }
            Message::ConnectAck(ack) => ack.reject.map(|reject| reject.reason),
            other => panic!("{:?} rejects nothing", other.message_type()),
        }
    }
}

/// The endpoint and everything it did.
pub(crate) struct Script {
    pub(crate) endpoint: FailoverEndpoint,
    dialect: Dialect,
    pub(crate) now: Now,
    /// The endpoint's own record as committed last.
    pub(crate) record: Option<EndpointRecord>,
    /// The bindings that are on disk.
    pub(crate) bindings: BTreeMap<Ipv4Addr, Binding>,
    /// Commits not reported durable yet.
    pub(crate) commits: VecDeque<Commit>,
    /// Whether commits become durable at once.
    pub(crate) instant_disk: bool,
    pub(crate) said: VecDeque<Said>,
    pub(crate) closed: Vec<LinkId>,
    pub(crate) events: Vec<Event>,
    pub(crate) wake_at: Option<Instant>,
    pub(crate) dials: usize,
    deframer: Deframer,
    xid: u32,
    /// vendor-class-identifier of the partner.
    pub(crate) vendor: &'static [u8],
    /// TLS that the driver was asked to negotiate.
    pub(crate) tls: Vec<TlsSide>,
    /// What the partner signs with.
    pub(crate) key: Option<DigestKey>,
    /// Every message that the endpoint ever sent.
    pub(crate) sent: Vec<Vec<u8>>,
}

/// vendor-class-identifier of another twinlease.
pub(crate) const TWINLEASE: &[u8] = b"twinlease-0.1.0";

/// vendor-class-identifier of a dhcpd.
pub(crate) const DHCPD: &[u8] = b"isc-V4.4.3-P1";

pub(crate) const LINK: LinkId = LinkId(1);

impl Script {
    /// Against a partner that signs with `key`.
    pub(crate) fn signed_by(config: RelationshipConfig, key: DigestKey) -> Self {
        Self { key: Some(key), ..Self::new(config, Recovered::default()) }
    }

    pub(crate) fn new(config: RelationshipConfig, recovered: Recovered) -> Self {
        let now = Now { monotonic: Instant::from_micros(0), wall: UnixTime(START) };
        Self::starting_at(now, config, recovered)
    }

    /// A process that starts later than at [`START`].
    pub(crate) fn starting_at(now: Now, config: RelationshipConfig, recovered: Recovered) -> Self {
        let dialect = config.dialect;
        let endpoint = FailoverEndpoint::new(config, recovered, now).expect("good configuration");
        let mut script = Self {
            endpoint,
            dialect,
            now,
            record: None,
            bindings: BTreeMap::new(),
            commits: VecDeque::new(),
            instant_disk: true,
            said: VecDeque::new(),
            closed: Vec::new(),
            events: Vec::new(),
            wake_at: None,
            dials: 0,
            deframer: Deframer::new(),
            xid: 100,
            vendor: b"test",
            tls: Vec::new(),
            key: None,
            sent: Vec::new(),
        };
        script.drain();
        script
    }

    /// A secondary with an empty store.
    pub(crate) fn secondary() -> Self {
        Self::new(config(Role::Secondary, 20), Recovered::default())
    }

    /// A primary with an empty store.
    pub(crate) fn primary() -> Self {
        Self::new(config(Role::Primary, 20), Recovered::default())
    }

    /// A server with an empty store towards a partner that follows the draft.
    pub(crate) fn draft(role: Role) -> Self {
        let mut config = config(role, 20);
        config.dialect = Dialect::Draft12;
        Self::new(config, Recovered::default())
    }

    /// A process that finds `record` on its disk.
    pub(crate) fn restarted(role: Role, record: EndpointRecord) -> Self {
        let recovered = Recovered { endpoint: Some(record), bindings: Vec::new() };
        Self::new(config(role, 20), recovered)
    }

    /// A connection and CONNECT with its answer.
    pub(crate) fn shake_hands(&mut self) {
        self.connected();
        match self.endpoint.config().role {
            Role::Primary => self.accept_connect(),
            Role::Secondary => {
                self.connect();
                self.take(MessageType::CONNECTACK);
            }
        }
    }

    /// The connection breaks; what was said on it is forgotten.
    pub(crate) fn cut(&mut self) {
        self.input(Input::Disconnected { link: LINK });
        self.said.clear();
    }

    /// The states announced so far, in order; everything said is forgotten.
    pub(crate) fn announced(&mut self) -> Vec<FailoverState> {
        let states = self.said.iter().filter(|said| said.message_type == MessageType::STATE);
        let states = states.map(|said| said.state().0).collect();
        self.said.clear();
        states
    }

    /// A secondary in NORMAL with a partner in NORMAL, everything said so far forgotten.
    pub(crate) fn normal_secondary() -> Self {
        Self::normal_secondary_of(config(Role::Secondary, 20))
    }

    /// The same with another configuration; the connection is one that the partner opened.
    pub(crate) fn normal_secondary_of(config: RelationshipConfig) -> Self {
        let mut script = Self::new(config, Recovered::default());
        script.settle_as_secondary();
        script
    }

    /// A primary in NORMAL with a partner in NORMAL, everything said so far forgotten.
    pub(crate) fn normal_primary() -> Self {
        Self::normal_primary_of(config(Role::Primary, 20))
    }

    /// The same with another configuration.
    pub(crate) fn normal_primary_of(config: RelationshipConfig) -> Self {
        let mut script = Self::new(config, Recovered::default());
        script.settle_as_primary();
        script
    }

    /// From the start to NORMAL on a connection that the partner opened.
    pub(crate) fn settle_as_secondary(&mut self) {
        self.accepted();
        self.connect();
        self.become_normal();
    }

    /// From the start to NORMAL on a connection that the endpoint opened.
    pub(crate) fn settle_as_primary(&mut self) {
        self.connected();
        self.accept_connect();
        self.become_normal();
    }

    /// A connection that the partner opened.
    pub(crate) fn accepted(&mut self) {
        self.input(Input::Connected { link: LINK, origin: Origin::Accepted });
    }

    pub(crate) fn become_normal(&mut self) {
        self.state(FailoverState::Recover);
        let request = self.take(MessageType::UPDREQALL);
        self.say(request.xid, &Message::UpdDone);
        self.state(FailoverState::RecoverDone);
        self.state(FailoverState::Normal);
        assert_eq!(self.endpoint.state(), FailoverState::Normal);
        self.answer_everything();
        self.said.clear();
        self.events.clear();
    }

    /// Accepts all updates until no more come.
    pub(crate) fn answer_everything(&mut self) {
        while let Some(position) =
            self.said.iter().position(|said| said.message_type == MessageType::BNDUPD)
        {
            let update = self.said.remove(position).expect("just found");
            self.acknowledge(&update);
        }
    }

    pub(crate) fn acknowledge(&mut self, update: &Said) {
        let Message::BndUpd(bndupd) = update.message(self.dialect) else { panic!("no BNDUPD") };
        let replies: Vec<_> = bndupd
            .updates()
            .map(|update| BindingReply { address: update.address, reject: None })
            .collect();
        self.say(update.xid, &Message::BndAck(BndAck::of(&replies)));
    }

    pub(crate) fn connected(&mut self) {
        self.input(Input::Connected { link: LINK, origin: Origin::Dialled });
    }

    /// The partner opens a connection.
    pub(crate) fn called(&mut self, link: LinkId) {
        self.input(Input::Connected { link, origin: Origin::Accepted });
    }

    /// The CONNECT of a dhcpd-like primary.
    pub(crate) fn connect(&mut self) {
        let buckets = HashBuckets::half().to_wire(self.dialect);
        let connect = Connect { vendor_class: Some(self.vendor), ..good_connect(&buckets) };
        self.say(Xid(0), &Message::Connect(connect));
    }

    /// The CONNECTACK that a secondary gives to the endpoint's CONNECT.
    pub(crate) fn accept_connect(&mut self) {
        let connect = self.take(MessageType::CONNECT);
        let ack = ConnectAck { vendor_class: Some(self.vendor), ..good_ack() };
        self.say(connect.xid, &Message::ConnectAck(ack));
    }

    pub(crate) fn state(&mut self, state: FailoverState) {
        self.state_with(state, ServerFlags(0), START);
    }

    pub(crate) fn state_with(&mut self, state: FailoverState, flags: ServerFlags, since: u32) {
        let message = StateMessage {
            server_state: Some(state.code()),
            server_flags: Some(flags),
            start_of_state: Some(UnixTime(since)),
        };
        self.tell(&Message::State(message));
    }

    /// A message of the partner's own, with a fresh xid, which is returned.
    pub(crate) fn tell(&mut self, message: &Message<'_>) -> Xid {
        self.xid += 1;
        let xid = Xid(self.xid);
        self.say(xid, message);
        xid
    }

    pub(crate) fn update(&mut self, update: BindingUpdate<'_>) -> Xid {
        self.tell(&Message::BndUpd(BndUpd::of(&[update])))
    }

    pub(crate) fn say(&mut self, xid: Xid, message: &Message<'_>) {
        let mut octets = Vec::new();
        let (time, key) = (self.now.wall, self.key.as_ref());
        message.encode_signed(time, xid, self.dialect, key, &mut octets).expect("encodable");
        self.octets(&octets);
    }

    /// A message on any connection, by any clock.
    pub(crate) fn hear(&mut self, link: LinkId, time: UnixTime, xid: Xid, message: &Message<'_>) {
        let mut octets = Vec::new();
        message.encode(time, xid, self.dialect, &mut octets).expect("encodable");
        let frame = Frame::parse(&octets).expect("a whole message");
        self.input(Input::Received { link, frame });
    }

    /// One message as octets.
    pub(crate) fn octets(&mut self, octets: &[u8]) {
        let frame = Frame::parse(octets).expect("a whole message");
        self.endpoint.handle_input(self.now, Input::Received { link: LINK, frame });
        self.drain();
    }

    pub(crate) fn input(&mut self, input: Input<'_>) {
        self.endpoint.handle_input(self.now, input);
        self.drain();
    }

    /// Everything committed so far is on disk now.
    pub(crate) fn sync(&mut self) {
        let last = self.commits.back().map(|commit| commit.id);
        for commit in std::mem::take(&mut self.commits) {
            self.write(&commit);
        }
        if let Some(id) = last {
            self.input(Input::Committed(id));
        }
    }

    /// Lets time pass; the endpoint is woken when it asked for it.
    pub(crate) fn run(&mut self, seconds: u32) {
        self.run_for(Duration::from_secs(u64::from(seconds)));
    }

    pub(crate) fn run_for(&mut self, time: Duration) {
        let end = self.now.monotonic.after(time);
        for _ in 0..100_000 {
            let next = self.wake_at.filter(|at| *at <= end);
            let target = next.unwrap_or(end).max(self.now.monotonic);
            self.now.monotonic = target;
            let passed = u32::try_from(target.as_micros() / 1_000_000).expect("a short test");
            self.now.wall = UnixTime(START + passed);
            self.input(Input::TimeReached);
            if next.is_none() {
                return;
            }
        }
        panic!("the endpoint never rests");
    }

    /// Lets time pass while the partner says CONTACT every five seconds.
    pub(crate) fn run_talking(&mut self, seconds: u32) {
        for _ in 0..seconds / 5 {
            self.run(5);
            self.tell(&Message::Contact);
        }
        self.run(seconds % 5);
    }

    /// The partner reports an address as FREE, so that this primary owns it.
    pub(crate) fn free_by_partner(&mut self, last: u8) {
        self.update(BindingUpdate {
            address: super::address(last),
            binding_status: Some(1),
            ..BindingUpdate::default()
        });
    }

    /// The next message of this type, wherever it stands; it must be there.
    #[track_caller]
    pub(crate) fn take(&mut self, message_type: MessageType) -> Said {
        let position = self.said.iter().position(|said| said.message_type == message_type);
        let Some(position) = position else {
            panic!("no {} among {:?}", message_type.name(), self.types())
        };
        self.said.remove(position).expect("just found")
    }

    pub(crate) fn types(&self) -> Vec<&'static str> {
        self.said.iter().map(|said| said.message_type.name()).collect()
    }

    fn drain(&mut self) {
        loop {
            match self.endpoint.poll_output() {
                Output::Commit(commit) => {
                    if let Change::Endpoint(record) = &commit.change {
                        self.record = Some(record.clone());
                    }
                    if self.instant_disk {
                        self.write(&commit);
                        self.endpoint.handle_input(self.now, Input::Committed(commit.id));
                    } else {
                        self.commits.push_back(commit);
                    }
                }
                Output::Connect => {
                    self.dials += 1;
                    self.endpoint
                        .handle_input(self.now, Input::ConnectFailed(ConnectFailure::Unreachable));
                }
                Output::Transmit(link) => self.collect(link),
                Output::StartTls { link, side } => {
                    self.collect(link);
                    self.tls.push(side);
                }
                Output::Close(link) => self.closed.push(link),
                Output::Event(event) => self.events.push(event),
                Output::Idle { wake_at } => {
                    self.wake_at = wake_at;
                    return;
                }
            }
        }
    }

    fn write(&mut self, commit: &Commit) {
        if let Change::Binding(binding) = &commit.change {
            self.bindings.insert(binding.address, binding.clone());
        }
    }

    fn collect(&mut self, link: LinkId) {
        let mut octets = Vec::new();
        self.endpoint.take_transmit(link, &mut octets);
        self.deframer.push(&octets);
        let mut rest: &[u8] = &octets;
        while let Some(frame) = self.deframer.next_frame().expect("well-formed") {
            let length = usize::from(u16::from_be_bytes([rest[0], rest[1]]));
            self.sent.push(rest[..length].to_vec());
            self.said.push_back(Said {
                message_type: frame.header.message_type,
                xid: frame.header.xid,
                octets: rest[..length].to_vec(),
            });
            rest = &rest[length..];
        }
    }
}

/// What a process leaves behind that has been in `state` for 1000 seconds and served clients until
/// 10 seconds ago.
pub(crate) fn stored(state: FailoverState) -> EndpointRecord {
    EndpointRecord {
        state,
        start_of_state: UnixTime(START - 1000),
        previous_state: None,
        partner_state: None,
        partner_start_of_state: UnixTime::ABSENT,
        last_operation: UnixTime(START - 10),
        down_time: UnixTime::ABSENT,
        storage_lost: false,
        owes_update_all: false,
        contact_in_partner_down: false,
        mclt: Some(MCLT),
        hash_bucket_assignment: Some([0xff; 32]),
        last_connect_time: None,
        unsure_before: UnixTime::ABSENT,
        maintenance_until: None,
    }
}

/// A CONNECT that a secondary of the relationship "pair" accepts.
pub(crate) fn good_connect(buckets: &[u8; 32]) -> Connect<'_> {
    Connect {
        relationship_name: Some(b"pair"),
        max_unacked_bndupd: Some(10),
        receive_timer: Some(30),
        vendor_class: Some(b"test"),
        protocol_version: Some(1),
        tls_request: Some(0),
        mclt: Some(MCLT),
        hash_bucket_assignment: Some(buckets),
        delayed_service: None,
    }
}

/// The CONNECTACK of a secondary that accepts.
pub(crate) fn good_ack() -> ConnectAck<'static> {
    ConnectAck {
        relationship_name: Some(b"pair"),
        max_unacked_bndupd: Some(10),
        receive_timer: Some(30),
        vendor_class: Some(b"test"),
        protocol_version: Some(1),
        tls_reply: Some(0),
        reject: None,
    }
}
