//! One server: the real endpoint, its disk, and what only an observer knows.
//!
//! A step is deterministic: the same side, input and moment give the same side and effects. So every
//! step is computed once ([`Steps`](crate::steps::Steps)) however many states of the pair it occurs in.

use std::collections::{BTreeMap, VecDeque};
use std::hash::{Hash, Hasher};
use std::net::Ipv4Addr;

use twinlease::binding::Binding;
use twinlease::binding::table::RangeId;
use twinlease::durable::{Change, Commit, CommitId, EndpointRecord, Recovered};
use twinlease::endpoint::{
    Availability, BindingChange, ClientRequest, Event, FailoverEndpoint, Input, LeaseAuthority,
    LeaseDetails, LinkId, OperatorCommand, Origin, Output, RelationshipConfig, RequestKind,
    Service, Unavailable,
};
use twinlease::time::{Instant, Now};
use twinlease::wire::codes::{BindingStatus, FailoverState, Xid};
use twinlease::wire::dialect::Dialect;
use twinlease::wire::frame::Frame;
use twinlease::wire::message::Message;

use crate::fingerprint::Fingerprint;
use crate::messages::{MessageNumber, Messages};
use crate::properties::{self, Violation};
use crate::setting::{ADDRESSES, LEASE, client, second};

/// Inputs that may follow from each other before a server counts as one that never rests.
const MAX_WAKES: usize = 50;

/// What is on stable storage.
#[derive(Clone, Default, Hash)]
pub(crate) struct Disk {
    pub(crate) record: Option<EndpointRecord>,
    pub(crate) bindings: BTreeMap<Ipv4Addr, Binding>,
}

impl Disk {
    fn write(&mut self, change: Change) {
        match change {
            Change::Binding(binding) => {
                self.bindings.insert(binding.address, binding);
            }
            Change::Endpoint(record) => self.record = Some(record),
        }
    }

    fn recovered(&self) -> Recovered {
        Recovered {
            endpoint: self.record.clone(),
            bindings: self.bindings.values().cloned().collect(),
        }
    }
}

/// A DHCPACK that waits for the disk.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Promise {
    pub(crate) client: u8,
    pub(crate) address: Ipv4Addr,
    /// Second at which the lease ends.
    pub(crate) end: u16,
    /// The commit that the endpoint named.
    commit: CommitId,
    /// The last commit that recording the lease led to.
    needs: CommitId,
}

/// What an observer of the process has seen; gone with the process.
#[derive(Clone, Default, Hash)]
pub(crate) struct Observed {
    /// Latest commit reported as durable.
    pub(crate) durable: CommitId,
    /// For each update that was delivered and not answered: what has to be durable before.
    pub(crate) owed: BTreeMap<Xid, CommitId>,
    /// Updates sent on this connection that were not answered.
    pub(crate) unanswered: Vec<Xid>,
    /// States that became durable, the announced one first; the last one is on disk.
    pub(crate) states: VecDeque<FailoverState>,
}

impl Observed {
    fn note_state(&mut self, state: FailoverState) {
        if self.states.back() != Some(&state) {
            self.states.push_back(state);
        }
    }

    /// Whether the announced state is, or has just been, on disk; it is not gone back to.
    pub(crate) fn announces(&mut self, state: FailoverState) -> bool {
        while self.states.len() > 1 && self.states.front() != Some(&state) {
            self.states.pop_front();
        }
        self.states.front() == Some(&state)
    }
}

/// One server.
#[derive(Clone, Default)]
pub(crate) struct Side {
    /// The process; none if it does not run.
    pub(crate) endpoint: Option<FailoverEndpoint>,
    pub(crate) disk: Disk,
    /// Handed to the disk and not durable.
    pub(crate) unwritten: VecDeque<Commit>,
    pub(crate) promises: Vec<Promise>,
    pub(crate) observed: Observed,
    /// The endpoint wants a connection.
    pub(crate) dialling: bool,
}

/// What happens to one server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Local {
    /// The process starts with what is on its disk.
    Start,
    /// The process dies after so many of the waiting commits have reached the disk.
    Crash(u8),
    /// The process dies, and its disk is lost.
    Lose,
    /// Everything that waits for the disk is on it.
    Written,
    /// A connection; true if this server opened it.
    Connected(u8, bool),
    /// The end of a connection is noticed.
    Disconnected(u8),
    /// A message arrives on a connection.
    Received(u8, MessageNumber),
    /// Time has passed.
    Woken,
    /// A client without a lease asks for one.
    Ask(u8),
    /// A client asks for more of the lease that it holds on the address of this index.
    Renew(u8, u8),
    /// A client gives the address of this index back.
    Release(u8, u8),
    /// A client that has given its lease back takes no answer that is still on its way.
    Forget(u8),
    /// The operator declares the partner down.
    Declare,
}

/// What a step leads to outside of the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// A message leaves on a connection.
    Send(u8, MessageNumber),
    /// A connection is closed.
    Close(u8),
    /// A lease has been decided upon; the client does not know it yet.
    Granted { client: u8, address: Ipv4Addr, end: u16 },
    /// The client has its DHCPACK.
    Acknowledged { client: u8, address: Ipv4Addr, end: u16 },
    /// The client has a DHCPNAK.
    Refused { client: u8 },
    /// The endpoint reports something; only for traces.
    Reported(String),
}

impl Hash for Side {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        let Self { endpoint, disk, unwritten, promises, observed, dialling } = self;
        endpoint.is_some().hash(hasher);
        if let Some(endpoint) = endpoint {
            endpoint.hash_state(hasher);
        }
        for Commit { id, change } in unwritten {
            id.hash(hasher);
            match change {
                Change::Binding(binding) => binding.hash(hasher),
                Change::Endpoint(record) => record.hash(hasher),
            }
        }
        (disk, promises, observed, dialling).hash(hasher);
    }
}

/// A step under way.
pub(crate) struct Step<'a> {
    side: Side,
    now: Now,
    effects: Vec<Effect>,
    config: &'a RelationshipConfig,
    messages: &'a mut Messages,
    /// Whether what the endpoint reports is kept.
    tells: bool,
    /// The transitions that were reported.
    path: Vec<(FailoverState, FailoverState)>,
}

impl Side {
    pub(crate) fn fingerprint(&self) -> u128 {
        Fingerprint::of(self)
    }

    pub(crate) fn state(&self) -> Option<FailoverState> {
        self.endpoint.as_ref().map(FailoverEndpoint::state)
    }

    /// What the disk knows of an address.
    pub(crate) fn stored(&self, address: Ipv4Addr) -> Option<&Binding> {
        self.disk.bindings.get(&address)
    }

    /// The last commit that waits for the disk and is about `address`.
    pub(crate) fn last_commit_of(&self, address: Ipv4Addr) -> Option<CommitId> {
        let is_about = |commit: &&Commit| match &commit.change {
            Change::Binding(binding) => binding.address == address,
            Change::Endpoint(_) => false,
        };
        self.unwritten.iter().rev().find(is_about).map(|commit| commit.id)
    }

    /// Whether a client may get this address now if it asks for it as a new one.
    pub(crate) fn offers(&self, address: Ipv4Addr, number: usize, now: Now) -> bool {
        self.endpoint.as_ref().is_some_and(|endpoint| {
            serves(endpoint, RequestKind::Discover, number, now)
                && endpoint.availability(address, &client(number), now) == Availability::Lease
        })
    }
}

/// Whether a request of a client that has waited for long is answered.
fn serves(endpoint: &FailoverEndpoint, kind: RequestKind, number: usize, now: Now) -> bool {
    let request = ClientRequest {
        kind,
        client: client(number),
        secs: 60_000,
        addressed_to_this_server: false,
        ranges: &[RangeId(0)],
    };
    endpoint.service_for(&request, now) == Service::Serve
}

impl<'a> Step<'a> {
    /// What becomes of `side`, and what leaves it.
    pub(crate) fn take(
        side: &Side,
        config: &'a RelationshipConfig,
        messages: &'a mut Messages,
        local: Local,
        now: Now,
        tells: bool,
    ) -> Result<(Side, Vec<Effect>), Violation> {
        let before = side.state();
        let (side, effects, path) = (side.clone(), Vec::new(), Vec::new());
        let mut step = Self { side, now, effects, config, messages, tells, path };
        match local {
            Local::Start => step.start()?,
            Local::Crash(written) => step.crash(written),
            Local::Lose => step.side = Side::default(),
            Local::Written => step.written()?,
            Local::Connected(link, dialled) => {
                let link = LinkId(u64::from(link));
                let origin = if dialled { Origin::Dialled } else { Origin::Accepted };
                step.side.dialling &= !dialled;
                step.side.observed.unanswered.clear();
                step.input(Input::Connected { link, origin })?;
            }
            Local::Disconnected(link) => {
                step.side.observed.unanswered.clear();
                step.input(Input::Disconnected { link: LinkId(u64::from(link)) })?;
            }
            Local::Received(link, message) => step.receive(link, message)?,
            Local::Woken => step.input(Input::TimeReached)?,
            Local::Ask(client) => step.ask(client)?,
            Local::Renew(client, address) => step.renew(client, ADDRESSES[usize::from(address)])?,
            Local::Release(client, address) => {
                step.release(client, ADDRESSES[usize::from(address)])?;
            }
            Local::Forget(client) => {
                step.side.promises.retain(|promise| promise.client != client);
            }
            Local::Declare => {
                let command = OperatorCommand::PartnerDown { forced: false };
                step.input(Input::Operator(command))?;
            }
        }
        if !matches!(local, Local::Start | Local::Crash(_) | Local::Lose) {
            properties::state_is_explained(before, step.side.state(), &step.path)?;
        }
        Ok((step.side, step.effects))
    }

    fn start(&mut self) -> Result<(), Violation> {
        let recovered = self.side.disk.recovered();
        let endpoint = FailoverEndpoint::new(self.config.clone(), recovered, self.now);
        self.side.endpoint = Some(endpoint.expect("a good configuration"));
        let stored = self.side.disk.record.as_ref().map(|record| record.state);
        self.side.observed.states.extend(stored);
        self.drain()
    }

    fn crash(&mut self, written: u8) {
        for commit in self.side.unwritten.drain(..).take(usize::from(written)) {
            self.side.disk.write(commit.change);
        }
        self.side = Side { disk: std::mem::take(&mut self.side.disk), ..Side::default() };
    }

    fn written(&mut self) -> Result<(), Violation> {
        let Some(last) = self.side.unwritten.back().map(|commit| commit.id) else { return Ok(()) };
        for commit in std::mem::take(&mut self.side.unwritten) {
            if let Change::Endpoint(record) = &commit.change {
                self.side.observed.note_state(record.state);
            }
            self.side.disk.write(commit.change);
        }
        self.side.observed.durable = last;
        self.acknowledge()?;
        self.input(Input::Committed(last))
    }

    /// DHCPACKs whose commit is durable leave.
    fn acknowledge(&mut self) -> Result<(), Violation> {
        let durable = self.side.observed.durable;
        for promise in std::mem::take(&mut self.side.promises) {
            if promise.commit > durable {
                self.side.promises.push(promise);
                continue;
            }
            properties::promise_is_durable(promise.needs, durable)?;
            let Promise { client, address, end, .. } = promise;
            self.effects.push(Effect::Acknowledged { client, address, end });
        }
        Ok(())
    }

    /// An input and everything that follows at once.
    fn input(&mut self, input: Input<'_>) -> Result<(), Violation> {
        let now = self.now;
        let Some(endpoint) = &mut self.side.endpoint else { return Ok(()) };
        endpoint.handle_input(now, input);
        self.drain()
    }

    fn receive(&mut self, link: u8, message: MessageNumber) -> Result<(), Violation> {
        let octets = self.messages.get(message);
        let frame = Frame::parse(&octets).expect("well-formed messages");
        let message = Message::decode(&frame, self.config.dialect).expect("readable messages");
        let xid = frame.header.xid;
        if matches!(message, Message::BndAck(_)) {
            self.side.observed.unanswered.retain(|sent| *sent != xid);
        }
        self.input(Input::Received { link: LinkId(u64::from(link)), frame })?;
        if let Message::BndUpd(bndupd) = message {
            let addresses = bndupd.updates().map(|update| update.address);
            if let Some(needed) = addresses.filter_map(|at| self.side.last_commit_of(at)).max() {
                self.side.observed.owed.insert(xid, needed);
            }
        }
        Ok(())
    }

    // Clients.

    fn ask(&mut self, number: u8) -> Result<(), Violation> {
        let now = self.now;
        let who = client(usize::from(number));
        let Some(endpoint) = &self.side.endpoint else { return Ok(()) };
        if !serves(endpoint, RequestKind::Discover, usize::from(number), now) {
            return Ok(());
        }
        let known = endpoint.table().of_client(&who).find(|address| {
            !matches!(endpoint.availability(*address, &who, now), Availability::No(_))
        });
        match known.or_else(|| endpoint.choose(RangeId(0), now, &|_| false)) {
            Some(address) => self.lease(number, address),
            None => Ok(()),
        }
    }

    fn renew(&mut self, number: u8, address: Ipv4Addr) -> Result<(), Violation> {
        let Some(endpoint) = &self.side.endpoint else { return Ok(()) };
        if !serves(endpoint, RequestKind::Rebinding, usize::from(number), self.now) {
            return Ok(());
        }
        match endpoint.availability(address, &client(usize::from(number)), self.now) {
            Availability::Renew | Availability::Lease => self.lease(number, address),
            Availability::No(Unavailable::PartnersPool) if endpoint.believes_renewals() => {
                self.lease(number, address)
            }
            Availability::No(Unavailable::HeldByOther) => {
                self.effects.push(Effect::Refused { client: number });
                Ok(())
            }
            Availability::No(_) => Ok(()),
        }
    }

    fn lease(&mut self, number: u8, address: Ipv4Addr) -> Result<(), Violation> {
        let (now, who) = (self.now, client(usize::from(number)));
        let Some(endpoint) = &mut self.side.endpoint else { return Ok(()) };
        let grant = endpoint.grant(address, &who, LEASE, now);
        let details = LeaseDetails::default();
        let change = BindingChange::Leased { address, client: who, grant, details };
        let commit = endpoint.record(now, change).expect("an address of the pool");
        let end = second(grant.lease_expiration);
        self.effects.push(Effect::Granted { client: number, address, end });
        self.drain()?;
        let needs = self.side.last_commit_of(address).unwrap_or(commit);
        self.side.promises.push(Promise { client: number, address, end, commit, needs });
        self.acknowledge()
    }

    fn release(&mut self, number: u8, address: Ipv4Addr) -> Result<(), Violation> {
        let now = self.now;
        let Some(endpoint) = &mut self.side.endpoint else { return Ok(()) };
        let holds = endpoint.table().get(address).is_some_and(|binding| {
            binding.belongs_to(&client(usize::from(number)))
                && binding.binding_status == BindingStatus::Active
        });
        if holds && serves(endpoint, RequestKind::Release, usize::from(number), now) {
            endpoint.record(now, BindingChange::Released { address }).expect("of the pool");
        }
        self.drain()
    }

    // Outputs.

    /// Carries out what the endpoint wants until it rests.
    fn drain(&mut self) -> Result<(), Violation> {
        for _ in 0..MAX_WAKES {
            let wake_at = self.carry_out()?;
            if wake_at.is_none_or(|at| at > self.now.monotonic) {
                return Ok(());
            }
            if let Some(endpoint) = &mut self.side.endpoint {
                endpoint.handle_input(self.now, Input::TimeReached);
            }
        }
        Err(Violation::new("a server comes to rest", "it wants to be woken again and again"))
    }

    fn carry_out(&mut self) -> Result<Option<Instant>, Violation> {
        loop {
            let Some(endpoint) = &mut self.side.endpoint else { return Ok(None) };
            match endpoint.poll_output() {
                Output::Commit(commit) => self.side.unwritten.push_back(commit),
                Output::Connect => self.side.dialling = true,
                Output::Transmit(link) => {
                    let mut octets = Vec::new();
                    endpoint.take_transmit(link, &mut octets);
                    self.transmit(link, &octets)?;
                }
                Output::Close(link) => {
                    self.side.observed.unanswered.clear();
                    self.effects.push(Effect::Close(number_of(link)));
                }
                Output::Event(event) => {
                    if let Event::Transition { from, to, row, .. } = &event {
                        properties::transition_is_a_row(*from, *to, row)?;
                        self.path.push((*from, *to));
                    }
                    if self.tells {
                        self.effects.push(Effect::Reported(event.to_string()));
                    }
                }
                Output::StartTls { .. } => {
                    return Err(Violation::new("no TLS where none is configured", "it starts"));
                }
                Output::Idle { wake_at } => return Ok(wake_at),
            }
        }
    }

    fn transmit(&mut self, link: LinkId, mut stream: &[u8]) -> Result<(), Violation> {
        let dialect = self.config.dialect;
        while let Some((whole, frame)) = next_message(&mut stream, dialect) {
            let message = Message::decode(&frame, dialect).expect("readable messages");
            properties::message_may_leave(&mut self.side, frame.header.xid, &message)?;
            let number = self.messages.number_of(whole);
            self.effects.push(Effect::Send(number_of(link), number));
        }
        Ok(())
    }
}

/// Cuts the next message off what an endpoint has sent, which is whole and well-formed.
fn next_message<'a>(stream: &mut &'a [u8], dialect: Dialect) -> Option<(&'a [u8], Frame<'a>)> {
    let before = *stream;
    let frame = Frame::take(stream, dialect).expect("well-formed messages")?;
    Some((&before[..frame.message_len()], frame))
}

fn number_of(link: LinkId) -> u8 {
    u8::try_from(link.0).unwrap_or(u8::MAX)
}
