//! Two endpoints, one clock, one link.

use std::collections::{BTreeMap, VecDeque};
use std::net::Ipv4Addr;
use std::time::Duration;

use twinlease::balance::Role;
use twinlease::binding::{Binding, ClientRef};
use twinlease::durable::{Change, CommitId, EndpointRecord, Recovered};
use twinlease::endpoint::{
    BindingChange, ConnectFailure, Event, FailoverEndpoint, Input, LeaseAuthority, LeaseDetails,
    LinkId, OperatorCommand, Origin, Output, RelationshipConfig,
};
use twinlease::time::{Instant, Now, UnixTime};
use twinlease::wire::codes::{FailoverState, MessageType};
use twinlease::wire::frame::Deframer;

use super::{START, config};

/// Steps without rest after which a test is told that the endpoints never settle.
const MAX_STEPS: usize = 200_000;

/// What one side has on stable storage.
#[derive(Clone, Default)]
pub(crate) struct Disk {
    record: Option<EndpointRecord>,
    bindings: BTreeMap<Ipv4Addr, Binding>,
    durable: CommitId,
}

impl Disk {
    fn write(&mut self, id: CommitId, change: Change) {
        match change {
            Change::Binding(binding) => {
                self.bindings.insert(binding.address, binding);
            }
            Change::Endpoint(record) => self.record = Some(record),
        }
        self.durable = id;
    }

    /// That of a process which left nothing but `record`.
    pub(crate) fn with(record: EndpointRecord) -> Self {
        Self { record: Some(record), ..Self::default() }
    }

    fn recovered(&self) -> Recovered {
        Recovered {
            endpoint: self.record.clone(),
            bindings: self.bindings.values().cloned().collect(),
        }
    }
}

/// One server: its process, if it runs, and its disk.
pub(crate) struct Side {
    config: RelationshipConfig,
    endpoint: Option<FailoverEndpoint>,
    pub(crate) disk: Disk,
    deframers: BTreeMap<LinkId, Deframer>,
    wake_at: Option<Instant>,
    pub(crate) events: Vec<Event>,
    pub(crate) states: Vec<FailoverState>,
    /// Messages that reached this side, by type.
    pub(crate) heard: BTreeMap<MessageType, u64>,
    /// Octets for this side are lost.
    pub(crate) deaf: bool,
}

impl Side {
    fn new(config: RelationshipConfig) -> Self {
        Self {
            config,
            endpoint: None,
            disk: Disk::default(),
            deframers: BTreeMap::new(),
            wake_at: None,
            events: Vec::new(),
            states: Vec::new(),
            heard: BTreeMap::new(),
            deaf: false,
        }
    }

    pub(crate) fn endpoint(&self) -> &FailoverEndpoint {
        self.endpoint.as_ref().expect("the process runs")
    }
}

/// Index of the primary in [`World::sides`].
pub(crate) const PRIMARY: usize = 0;
/// Index of the secondary.
pub(crate) const SECONDARY: usize = 1;

/// The pair.
pub(crate) struct World {
    pub(crate) sides: [Side; 2],
    now: Now,
    next_link: u64,
    /// Connected links: both ends carry the same number.
    pipes: Vec<LinkId>,
    octets: VecDeque<(usize, LinkId, Vec<u8>)>,
    /// Whether dialling works.
    pub(crate) cable: bool,
    /// Sides that wait for the other's part of a TLS handshake.
    shaking: Vec<(usize, LinkId)>,
    /// Whether handshakes succeed.
    pub(crate) certified: bool,
}

impl World {
    /// Both processes stopped, nothing stored.
    pub(crate) fn new(primary: RelationshipConfig, secondary: RelationshipConfig) -> Self {
        Self {
            sides: [Side::new(primary), Side::new(secondary)],
            now: Now { monotonic: Instant::from_micros(0), wall: UnixTime(START) },
            next_link: 0,
            pipes: Vec::new(),
            octets: VecDeque::new(),
            cable: true,
            shaking: Vec::new(),
            certified: true,
        }
    }

    /// A pair with `size` addresses, started and settled in NORMAL.
    pub(crate) fn normal(size: u8) -> Self {
        let mut world = Self::new(config(Role::Primary, size), config(Role::Secondary, size));
        world.start(PRIMARY);
        world.start(SECONDARY);
        world.run(30);
        assert_eq!(world.state(PRIMARY), FailoverState::Normal);
        assert_eq!(world.state(SECONDARY), FailoverState::Normal);
        world
    }

    pub(crate) fn now(&self) -> Now {
        self.now
    }

    pub(crate) fn state(&self, side: usize) -> FailoverState {
        self.sides[side].endpoint().state()
    }

    pub(crate) fn binding(&self, side: usize, address: Ipv4Addr) -> Binding {
        self.sides[side].endpoint().table().get(address).expect("an address of the range")
    }

    /// Starts the process with what is on its disk.
    pub(crate) fn start(&mut self, side: usize) {
        let recovered = self.sides[side].disk.recovered();
        let config = self.sides[side].config.clone();
        self.sides[side].disk.durable = CommitId(0);
        self.sides[side].endpoint =
            Some(FailoverEndpoint::new(config, recovered, self.now).expect("a good configuration"));
        self.drain(side);
        self.settle();
    }

    /// Gives the stopped process another configuration.
    pub(crate) fn configure(&mut self, side: usize, config: RelationshipConfig) {
        self.sides[side].config = config;
    }

    /// kill -9: what is not on disk is gone, the partner's connection ends.
    pub(crate) fn kill(&mut self, side: usize) {
        self.sides[side].endpoint = None;
        self.sides[side].deframers.clear();
        self.sides[side].wake_at = None;
        self.cut_links(&[1 - side]);
    }

    /// Ends every connection; `cable` decides whether new ones come up.
    pub(crate) fn cut(&mut self) {
        self.cut_links(&[PRIMARY, SECONDARY]);
    }

    fn cut_links(&mut self, told: &[usize]) {
        self.octets.clear();
        for link in std::mem::take(&mut self.pipes) {
            for &side in told {
                self.input(side, Input::Disconnected { link });
            }
        }
        self.settle();
    }

    pub(crate) fn operator(&mut self, side: usize, command: OperatorCommand) {
        let now = self.now;
        let endpoint = self.sides[side].endpoint.as_mut().expect("the process runs");
        endpoint.operator(now, command).expect("the command is allowed");
        self.drain(side);
        self.settle();
    }

    /// What a DHCP server does on an ACK; returns the seconds granted.
    pub(crate) fn lease(
        &mut self,
        side: usize,
        address: Ipv4Addr,
        client: ClientRef<'_>,
        desired: u32,
    ) -> u32 {
        self.lease_with(side, address, client, desired, LeaseDetails::default())
    }

    /// The same with details.
    pub(crate) fn lease_with(
        &mut self,
        side: usize,
        address: Ipv4Addr,
        client: ClientRef<'_>,
        desired: u32,
        details: LeaseDetails<'_>,
    ) -> u32 {
        let now = self.now;
        let endpoint = self.sides[side].endpoint.as_mut().expect("the process runs");
        let grant = endpoint.grant(address, &client, desired, now);
        endpoint
            .record(now, BindingChange::Leased { address, client, grant, details })
            .expect("an address of the range");
        self.drain(side);
        self.settle();
        grant.lease_seconds
    }

    pub(crate) fn record(&mut self, side: usize, change: BindingChange<'_>) {
        let now = self.now;
        let endpoint = self.sides[side].endpoint.as_mut().expect("the process runs");
        endpoint.record(now, change).expect("an address of the range");
        self.drain(side);
        self.settle();
    }

    /// TCP connections that exist.
    pub(crate) fn connections(&self) -> usize {
        self.pipes.len()
    }

    pub(crate) fn runs(&self, side: usize) -> bool {
        self.sides[side].endpoint.is_some()
    }

    /// Lets `seconds` pass, waking each side when it asked to be woken.
    pub(crate) fn run(&mut self, seconds: u32) {
        let end = self.now.monotonic.after(Duration::from_secs(u64::from(seconds)));
        for _ in 0..MAX_STEPS {
            self.settle();
            let next = self.sides.iter().filter_map(|side| side.wake_at).min();
            let Some(next) = next.filter(|next| *next <= end) else {
                self.advance_to(end);
                self.settle();
                return;
            };
            self.advance_to(next);
            for side in [PRIMARY, SECONDARY] {
                let due = self.sides[side].wake_at.is_some_and(|at| at <= self.now.monotonic);
                if due {
                    self.input(side, Input::TimeReached);
                }
            }
        }
        panic!("the endpoints never settle");
    }

    /// Lets time pass until the clocks show `wall`.
    pub(crate) fn run_until(&mut self, wall: UnixTime) {
        self.run(wall.seconds_since(self.now.wall));
    }

    /// Lets `seconds` pass without waking either side, then wakes both before either hears the other.
    pub(crate) fn run_apart(&mut self, seconds: u32) {
        self.advance_to(self.now.monotonic.after(Duration::from_secs(u64::from(seconds))));
        for side in [PRIMARY, SECONDARY] {
            self.input(side, Input::TimeReached);
        }
        self.settle();
    }

    fn advance_to(&mut self, instant: Instant) {
        let target = instant.max(self.now.monotonic);
        self.now.monotonic = target;
        let seconds = u32::try_from(target.as_micros() / 1_000_000).expect("a short test");
        self.now.wall = UnixTime(START + seconds);
    }

    /// Carries octets until nothing moves any more.
    fn settle(&mut self) {
        for _ in 0..MAX_STEPS {
            let Some((side, link, octets)) = self.octets.pop_front() else { return };
            self.deliver(side, link, &octets);
        }
        panic!("the endpoints never stop talking");
    }

    fn deliver(&mut self, side: usize, link: LinkId, octets: &[u8]) {
        if self.sides[side].deaf
            || self.sides[side].endpoint.is_none()
            || !self.pipes.contains(&link)
        {
            return;
        }
        let mut deframer = self.sides[side].deframers.remove(&link).unwrap_or_default();
        deframer.push(octets);
        let now = self.now;
        while let Some(frame) = deframer.next_frame().expect("well-formed frames") {
            let side = &mut self.sides[side];
            *side.heard.entry(frame.header.message_type).or_default() += 1;
            let endpoint = side.endpoint.as_mut().expect("checked above");
            endpoint.handle_input(now, Input::Received { link, frame });
        }
        self.sides[side].deframers.insert(link, deframer);
        self.drain(side);
    }

    fn input(&mut self, side: usize, input: Input<'_>) {
        let now = self.now;
        if let Some(endpoint) = &mut self.sides[side].endpoint {
            endpoint.handle_input(now, input);
            self.drain(side);
        }
    }

    /// Carries out what a side wants.
    fn drain(&mut self, side: usize) {
        loop {
            let Some(endpoint) = &mut self.sides[side].endpoint else { return };
            match endpoint.poll_output() {
                Output::Commit(commit) => {
                    let id = commit.id;
                    self.sides[side].disk.write(id, commit.change);
                    self.input_without_drain(side, Input::Committed(id));
                }
                Output::Connect => self.dial(side),
                Output::Transmit(link) => {
                    let mut octets = Vec::new();
                    endpoint.take_transmit(link, &mut octets);
                    self.octets.push_back((1 - side, link, octets));
                }
                Output::StartTls { link, .. } => {
                    let mut octets = Vec::new();
                    endpoint.take_transmit(link, &mut octets);
                    if !octets.is_empty() {
                        self.octets.push_back((1 - side, link, octets));
                    }
                    self.shake_hands(side, link);
                }
                Output::Close(link) => self.close(side, link),
                Output::Event(event) => {
                    if let Event::Transition { to, .. } = &event {
                        self.sides[side].states.push(*to);
                    }
                    self.sides[side].events.push(event);
                }
                Output::Idle { wake_at } => {
                    self.sides[side].wake_at = wake_at;
                    return;
                }
            }
        }
    }

    fn input_without_drain(&mut self, side: usize, input: Input<'_>) {
        let now = self.now;
        if let Some(endpoint) = &mut self.sides[side].endpoint {
            endpoint.handle_input(now, input);
        }
    }

    /// TLS stands, or has failed, when both sides have begun it.
    fn shake_hands(&mut self, side: usize, link: LinkId) {
        let other = self.shaking.iter().position(|waits| *waits == (1 - side, link));
        let Some(other) = other else { return self.shaking.push((side, link)) };
        self.shaking.remove(other);
        for side in [1 - side, side] {
            let result = if self.certified {
                Input::TlsEstablished { link }
            } else {
                Input::TlsFailed { link, reason: "unknown issuer", refused: true }
            };
            self.input_without_drain(side, result);
        }
        self.drain(1 - side);
    }

    fn dial(&mut self, side: usize) {
        if !self.cable || self.sides[1 - side].endpoint.is_none() {
            let failure =
                if self.cable { ConnectFailure::Refused } else { ConnectFailure::Unreachable };
            self.input_without_drain(side, Input::ConnectFailed(failure));
            return;
        }
        self.next_link += 1;
        let link = LinkId(self.next_link);
        self.pipes.push(link);
        self.input_without_drain(side, Input::Connected { link, origin: Origin::Dialled });
        self.input(1 - side, Input::Connected { link, origin: Origin::Accepted });
    }

    /// Octets on their way still arrive, then the other side sees the end.
    fn close(&mut self, side: usize, link: LinkId) {
        let waiting: Vec<_> =
            self.octets.iter().filter(|(_, on, _)| *on == link).cloned().collect();
        self.octets.retain(|(_, on, _)| *on != link);
        for (to, on, octets) in waiting {
            if to == 1 - side {
                self.deliver(to, on, &octets);
            }
        }
        if let Some(position) = self.pipes.iter().position(|open| *open == link) {
            self.pipes.remove(position);
            self.input(1 - side, Input::Disconnected { link });
        }
    }
}
