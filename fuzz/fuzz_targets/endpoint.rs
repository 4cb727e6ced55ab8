//! An endpoint is told anything, in any order. Two of them told the same say the same, what they say
//! can be read, and what they made durable is what a restart would find in their tables.
#![no_main]

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use twinlease::balance::Role;
use twinlease::binding::{AddressRange, Binding, ClientRef, HardwareAddress};
use twinlease::durable::{Change, CommitId, Recovered};
use twinlease::endpoint::{
    BindingChange, ConnectFailure, FailoverEndpoint, Input, LeaseAuthority, LeaseDetails, LinkId,
    OperatorCommand, Origin, Output, RelationshipConfig,
};
use twinlease::time::{Instant, Now, UnixTime};
use twinlease::wire::connect::{Connect, ConnectAck, StateMessage};
use twinlease::wire::{Deframer, Dialect, FailoverState, Frame, Message, ServerFlags, Xid};

const START: u32 = 1_700_000_000;
const FIRST: Ipv4Addr = Ipv4Addr::new(10, 20, 0, 10);
const LAST: Ipv4Addr = Ipv4Addr::new(10, 20, 0, 17);
const NAME: &[u8] = b"pair";
const BUCKETS: [u8; 32] = [0x55; 32];

/// The input, taken octet by octet; zeros behind its end.
struct Script<'a>(&'a [u8]);

impl<'a> Script<'a> {
    fn octet(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    fn octets(&mut self) -> &'a [u8] {
        let length = usize::from(self.octet()).min(self.0.len());
        let (taken, rest) = self.0.split_at(length);
        self.0 = rest;
        taken
    }
}

/// One endpoint and what has become of its outputs.
struct Told {
    endpoint: FailoverEndpoint,
    dialect: Dialect,
    deframers: BTreeMap<LinkId, Deframer>,
    stored: BTreeMap<Ipv4Addr, Binding>,
    committed: CommitId,
    said: Vec<String>,
}

impl Told {
    fn new(role: Role, dialect: Dialect, now: Now) -> Self {
        let range = AddressRange::new(FIRST, LAST).expect("a range");
        let mut config = RelationshipConfig::new("pair", role, vec![range]);
        config.dialect = dialect;
        let endpoint = FailoverEndpoint::new(config, Recovered::default(), now);
        Self {
            endpoint: endpoint.expect("a good configuration"),
            dialect,
            deframers: BTreeMap::new(),
            stored: BTreeMap::new(),
            committed: CommitId(0),
            said: Vec::new(),
        }
    }

    fn drain(&mut self) {
        loop {
            let output = self.endpoint.poll_output();
            match &output {
                Output::Commit(commit) => {
                    assert!(commit.id > self.committed, "commits are numbered upwards");
                    self.committed = commit.id;
                    if let Change::Binding(binding) = &commit.change {
                        self.stored.insert(binding.address, binding.clone());
                    }
                }
                Output::Transmit(link) | Output::StartTls { link, .. } => self.read(*link),
                Output::Close(link) => drop(self.deframers.remove(link)),
                Output::Connect | Output::Event(_) => {}
                Output::Idle { wake_at } => return self.said.push(format!("{wake_at:?}")),
            }
            self.said.push(format!("{output:?}"));
        }
    }

    fn read(&mut self, link: LinkId) {
        let mut octets = Vec::new();
        self.endpoint.take_transmit(link, &mut octets);
        let deframer =
            self.deframers.entry(link).or_insert_with(|| Deframer::for_dialect(self.dialect));
        deframer.push(&octets);
        while let Some(frame) = deframer.next_frame().expect("frames are sent") {
            Message::decode(&frame, self.dialect).expect("readable messages are sent");
        }
        self.said.push(format!("{octets:02x?}"));
    }

    fn hear(&mut self, now: Now, link: LinkId, xid: Xid, message: &Message<'_>) {
        let mut octets = Vec::new();
        if message.encode(now.wall, xid, self.dialect, &mut octets).is_ok()
            && let Ok(frame) = Frame::parse_as(&octets, self.dialect)
        {
            self.endpoint.handle_input(now, Input::Received { link, frame });
        }
    }

    /// The partner agrees to talk and says that it is in this state.
    fn greet(&mut self, now: Now, link: LinkId, xid: Xid, state: FailoverState) {
        match self.endpoint.config().role {
            Role::Primary => {
                let terms = ConnectAck {
                    relationship_name: Some(NAME),
                    max_unacked_bndupd: Some(3),
                    receive_timer: Some(30),
                    vendor_class: Some(b"fuzz"),
                    protocol_version: Some(1),
                    tls_reply: Some(0),
                    ..ConnectAck::default()
                };
                self.hear(now, link, Xid(0), &Message::ConnectAck(terms));
            }
            Role::Secondary => {
                let terms = Connect {
                    relationship_name: Some(NAME),
                    max_unacked_bndupd: Some(3),
                    receive_timer: Some(30),
                    vendor_class: Some(b"fuzz"),
                    protocol_version: Some(1),
                    tls_request: Some(0),
                    mclt: Some(600),
                    hash_bucket_assignment: Some(&BUCKETS),
                    ..Connect::default()
                };
                self.hear(now, link, Xid(0), &Message::Connect(terms));
            }
        }
        let state = StateMessage {
            server_state: Some(state.code()),
            server_flags: Some(ServerFlags(0)),
            start_of_state: Some(now.wall),
        };
        self.hear(now, link, xid, &Message::State(state));
    }

    fn lease(&mut self, now: Now, address: Ipv4Addr, number: u8) {
        let hardware = HardwareAddress::new(1, &[2, 0, 0, 0, 0, number]);
        let client = ClientRef { hardware, identifier: None };
        let grant = self.endpoint.grant(address, &client, 3600, now);
        let details = LeaseDetails::default();
        let change = BindingChange::Leased { address, client, grant, details };
        let _unknown = self.endpoint.record(now, change);
    }

    fn step(&mut self, now: Now, step: &mut Script<'_>, link: LinkId, xid: Xid) {
        let address = Ipv4Addr::from_bits(FIRST.to_bits() + u32::from(step.octet() % 9));
        let endpoint = &mut self.endpoint;
        match step.octet() % 14 {
            0 => endpoint.handle_input(now, Input::Connected { link, origin: Origin::Dialled }),
            1 => endpoint.handle_input(now, Input::Connected { link, origin: Origin::Accepted }),
            2 => endpoint.handle_input(now, Input::Disconnected { link }),
            3 => endpoint.handle_input(now, Input::ConnectFailed(ConnectFailure::Refused)),
            4 => endpoint.handle_input(now, Input::Committed(self.committed)),
            5 => {
                let state = FailoverState::from_code(step.octet() % 13);
                self.greet(now, link, xid, state.unwrap_or(FailoverState::Normal));
            }
            6 => {
                let forced = step.octet() % 2 == 0;
                let _refused = endpoint.operator(now, OperatorCommand::PartnerDown { forced });
            }
            7 => {
                let stops = [OperatorCommand::Pause, OperatorCommand::Shutdown];
                let _refused = endpoint.operator(now, stops[usize::from(step.octet() % 2)]);
            }
            8 => self.lease(now, address, step.octet() % 4),
            9 => drop(endpoint.record(now, BindingChange::Released { address })),
            10 => drop(endpoint.record(now, BindingChange::Abandoned { address })),
            11 => drop(endpoint.record(now, BindingChange::Reset { address })),
            _ => {
                // A whole header, so that what follows is looked at.
                let (message_type, payload) = (step.octet() % 16, step.octets());
                let length = u16::try_from(12 + payload.len()).expect("at most 255 octets");
                let [high, low] = length.to_be_bytes();
                let mut octets = vec![high, low, message_type, 12];
                octets.extend(now.wall.0.to_be_bytes());
                octets.extend(xid.0.to_be_bytes());
                octets.extend(payload);
                if let Ok(frame) = Frame::parse_as(&octets, self.dialect) {
                    endpoint.handle_input(now, Input::Received { link, frame });
                }
            }
        }
        self.drain();
    }
}

fuzz_target!(|input: &[u8]| {
    let mut script = Script(input);
    let kind = script.octet();
    let role = if kind & 1 == 0 { Role::Primary } else { Role::Secondary };
    let dialect = [Dialect::Draft12, Dialect::Isc, Dialect::Microsoft][usize::from(kind >> 1) % 3];
    let mut now = Now { monotonic: Instant::from_micros(0), wall: UnixTime(START) };
    let mut twins = [Told::new(role, dialect, now), Told::new(role, dialect, now)];
    for number in 0..200 {
        if script.0.is_empty() {
            break;
        }
        let seconds = u32::from(script.octet() / 8).pow(2);
        let link = LinkId(u64::from(script.octet() % 3));
        now.wall = now.wall.plus(seconds);
        now.monotonic = now.monotonic.after(Duration::from_secs(u64::from(seconds)));
        let before = script.0;
        for twin in &mut twins {
            script.0 = before;
            twin.endpoint.handle_input(now, Input::TimeReached);
            twin.step(now, &mut script, link, Xid(number + 1));
        }
        assert_eq!(twins[0].said, twins[1].said);
        for twin in &mut twins {
            twin.said.clear();
        }
    }
    let [told, _] = &twins;
    for binding in told.stored.values() {
        assert_eq!(told.endpoint.table().get(binding.address).as_ref(), Some(binding));
    }
});
