//! What happens to the owners of bindings, and what they want: the engine without its tasks, sockets
//! and clock.
//!
//! Whoever drives a [`Keeper`] tells it what happened, then lets it [`act`](Keeper::act): what the
//! owners want goes to an [`Outside`], commits gather for the committer, and answers to clients
//! wait here until their commit is durable. The engine drives it with the world as it is, the
//! simulator with a world of its own.

use std::collections::{BTreeMap, VecDeque};
use std::net::Ipv4Addr;

use crate::dhcp::{Arrival, DhcpService, PendingReply, Reply};
use crate::driver::links::LinkEvent;
use crate::driver::tls::TlsFailure;
use crate::durable::{Commit, CommitId};
use crate::endpoint::{
    Communications, Event, FailoverEndpoint, Input, LinkId, OperatorCommand, Output, TlsSide,
};
use crate::store::OwnerId;
use crate::time::{Instant, Now};
use crate::wire::frame::Deframer;

use super::duties::Alarms;
use super::owners::{Owner, OwnerSet};

/// Microseconds in a second.
const MICROS: u64 = 1_000_000;

/// What owners want done outside, in the order in which they want it.
pub(crate) trait Outside {
    /// Make this durable; nothing that promises it leaves before.
    fn commit(&mut self, owner: OwnerId, commit: Commit);
    /// Dial the partner.
    fn connect(&mut self, owner: OwnerId);
    /// Write octets to a connection.
    fn transmit(&mut self, link: LinkId, octets: &[u8]);
    /// Write octets in clear, then negotiate TLS.
    fn start_tls(&mut self, link: LinkId, octets: &[u8], side: TlsSide);
    /// Close a connection once everything is written.
    fn close(&mut self, link: LinkId);
    /// Something worth telling about owner number `owner`.
    fn event(&mut self, owner: usize, relationship: &str, event: Event);
}

/// The owners, the DHCP service, and what waits for stable storage.
#[derive(Debug)]
pub(crate) struct Keeper {
    owners: OwnerSet,
    service: DhcpService,
    /// Which owner a connection belongs to, and the octets of an unfinished message.
    connections: BTreeMap<LinkId, (usize, Deframer)>,
    by_id: BTreeMap<OwnerId, usize>,

    /// By owner: the highest commit made and the highest that is durable.
    made: Vec<CommitId>,
    durable: Vec<CommitId>,
    /// By owner: answers in the order of their commits.
    held: Vec<VecDeque<PendingReply>>,
    alarms: Alarms,
    /// What the wall clock shows at the origin of the monotonic clock, in seconds.
    wall_at_origin: Option<i64>,

    /// Numbers of owners, while they are gone through.
    numbers: Vec<usize>,

    replies: Vec<PendingReply>,
    outgoing: Vec<Reply>,
    octets: Vec<u8>,
}

impl Keeper {
    /// Takes owners as they were recovered, with nothing under way.
    pub(crate) fn new(owners: OwnerSet, service: DhcpService) -> Self {
        let count = owners.iter().len();
        let by_id = owners.iter().enumerate().map(|(index, owner)| (owner.id, index)).collect();
        Self {
            owners,
            service,
            connections: BTreeMap::new(),
            by_id,
            made: vec![CommitId(0); count],
            durable: vec![CommitId(0); count],
            held: (0..count).map(|_| VecDeque::new()).collect(),
            alarms: Alarms::new(count),
            wall_at_origin: None,
            numbers: Vec::new(),
            replies: Vec::new(),
            outgoing: Vec::new(),
            octets: Vec::new(),
        }
    }

    /// The owners.
    pub(crate) const fn owners(&self) -> &OwnerSet {
        &self.owners
    }

    /// The owners and the service, for questions that play a request through without effect.
    pub(crate) const fn parts(&mut self) -> (&mut OwnerSet, &DhcpService) {
        (&mut self.owners, &self.service)
    }

    /// The service, to be told of addresses and asked for probes.
    pub(crate) const fn service_mut(&mut self) -> &mut DhcpService {
        &mut self.service
    }

    /// The highest commit that owner number `index` has made.
    pub(crate) fn made(&self, index: usize) -> CommitId {
        self.made.get(index).copied().unwrap_or_default()
    }

    /// The highest commit of owner number `index` that is durable.
    pub(crate) fn durable(&self, index: usize) -> CommitId {
        self.durable.get(index).copied().unwrap_or_default()
    }

    /// Whether this commit of an owner is durable. Everything of an owner that is gone was.
    pub(crate) fn is_durable(&self, owner: OwnerId, commit: CommitId) -> bool {
        self.by_id.get(&owner).is_none_or(|index| commit <= self.durable(*index))
    }

    /// Whether every commit made is durable.
    pub(crate) fn all_is_durable(&self) -> bool {
        self.made == self.durable
    }

    // What happens.

    /// Everything of these owners up to these commits is durable.
    pub(crate) fn committed(&mut self, now: Now, owners: Vec<(OwnerId, CommitId)>) {
        for (id, commit) in owners {
            let Some(&index) = self.by_id.get(&id) else { continue };
            if let Some(durable) = self.durable.get_mut(index) {
                *durable = commit;
            }
            self.tell(now, index, Input::Committed(commit));
            self.release(index);
        }
    }

    /// Stable storage failed.
    pub(crate) fn storage_failed(&mut self, now: Now) {
        for endpoint in self.owners.iter_mut().filter_map(Owner::endpoint_mut) {
            endpoint.handle_input(now, Input::StorageFailed);
        }
    }

    /// Something happened on a connection.
    pub(crate) fn link_event(&mut self, now: Now, event: LinkEvent) {
        match event {
            LinkEvent::Connected { owner, link, origin } => {
                let Some(&index) = self.by_id.get(&owner) else { return };
                let owner = self.owners.get_mut(index).filter(|owner| !owner.is_resting());
                let Some(endpoint) = owner.and_then(Owner::endpoint_mut) else { return };
                let deframer = Deframer::for_dialect(endpoint.config().dialect);
                self.connections.insert(link, (index, deframer));
                endpoint.handle_input(now, Input::Connected { link, origin });
            }
            LinkEvent::ConnectFailed { owner, failure } => {
                let Some(&index) = self.by_id.get(&owner) else { return };
                self.tell(now, index, Input::ConnectFailed(failure));
            }
            LinkEvent::Bytes { link, bytes } => self.on_octets(now, link, &bytes),
            LinkEvent::Secured { link } => {
                let Some((owner, deframer)) = self.connections.get(&link) else { return };
                // What came in clear must never be read as if it had come inside TLS.
                let input = if deframer.buffered() == 0 {
                    Input::TlsEstablished { link }
                } else {
                    let reason = "octets came in clear after TLS had been agreed on";
                    Input::TlsFailed { link, reason, refused: true }
                };
                self.tell(now, *owner, input);
            }
            LinkEvent::TlsFailed { link, failure: TlsFailure { reason, refused } } => {
                if let Some((owner, _)) = self.connections.remove(&link) {
                    self.tell(now, owner, Input::TlsFailed { link, reason: &reason, refused });
                }
            }
            LinkEvent::Closed { link } => {
                if let Some((owner, _)) = self.connections.remove(&link) {
                    self.tell(now, owner, Input::Disconnected { link });
                }
            }
        }
    }

    fn on_octets(&mut self, now: Now, link: LinkId, octets: &[u8]) {
        let Some((owner, deframer)) = self.connections.get_mut(&link) else { return };
        let owner = self.owners.get_mut(*owner).filter(|owner| !owner.is_resting());
        let Some(endpoint) = owner.and_then(Owner::endpoint_mut) else { return };
        deframer.push(octets);
        loop {
            match deframer.next_frame() {
                Ok(Some(frame)) => endpoint.handle_input(now, Input::Received { link, frame }),
                Ok(None) => return,
                Err(error) => {
                    return endpoint.handle_input(now, Input::Garbled { link, error });
                }
            }
        }
    }

    fn tell(&mut self, now: Now, owner: usize, input: Input<'_>) {
        let owner = self.owners.get_mut(owner);
        // What is durable is news even to one that rests.
        let is_heard = |owner: &Owner| !owner.is_resting() || matches!(input, Input::Committed(_));
        if let Some(endpoint) = owner.filter(|owner| is_heard(owner)).and_then(Owner::endpoint_mut)
        {
            endpoint.handle_input(now, input);
        }
    }

    /// A datagram of a client or relay agent arrived.
    pub(crate) fn datagram(&mut self, now: Now, arrival: &Arrival, datagram: &[u8]) {
        self.service.handle(datagram, arrival, &mut self.owners, now, &mut self.replies);
    }

    /// Somebody answered an ICMP echo request.
    pub(crate) fn echo(&mut self, now: Now, address: Ipv4Addr) {
        self.service.probe_answered(address, &mut self.owners, now, &mut self.replies);
    }

    /// A timer is due, or may be: the wall clock may have been set.
    pub(crate) fn time_reached(&mut self, now: Now) {
        if self.clock_was_set(now) {
            self.owners.iter_mut().for_each(|owner| owner.time_reached(now));
        }
        let mut due = std::mem::take(&mut self.numbers);
        self.alarms.due(now.monotonic, &mut due);
        for number in due.drain(..) {
            if let Some(owner) = self.owners.get_mut(number) {
                owner.time_reached(now);
            }
        }
        self.numbers = due;
        self.service.tick(&mut self.owners, now, &mut self.replies);
    }

    /// Whether the wall clock shows something else than it would by the monotonic clock; then every
    /// owner has waited for the wrong moment.
    fn clock_was_set(&mut self, now: Now) -> bool {
        let elapsed = i64::try_from(now.monotonic.as_micros() / MICROS).unwrap_or(i64::MAX);
        let origin = i64::from(now.wall.0).saturating_sub(elapsed);
        // Both are cut to whole seconds, at different moments.
        let is_known = self.wall_at_origin.is_some_and(|known| known.abs_diff(origin) <= 1);
        if !is_known {
            self.wall_at_origin = Some(origin);
        }
        !is_known
    }

    /// The operator of the relationship `name` said something. The answer is the number of its owner,
    /// or why it was refused; what follows from it may be told once [`made`](Self::made) is durable.
    pub(crate) fn operate(
        &mut self,
        now: Now,
        name: &str,
        command: OperatorCommand,
    ) -> Result<usize, OperateError> {
        let found = self.owners.iter_mut().enumerate().find_map(|(index, owner)| {
            let is_resting = owner.is_resting();
            let endpoint = owner.endpoint_mut()?;
            (endpoint.config().name == name).then_some((index, endpoint, is_resting))
        });
        let Some((index, endpoint, is_resting)) = found else {
            let known = self.owners.iter().filter_map(Owner::endpoint);
            let known = known.map(|endpoint| endpoint.config().name.clone()).collect();
            return Err(OperateError::UnknownRelationship(known));
        };
        if is_resting {
            return Err(OperateError::Resting);
        }
        tracing::info!(relationship = name, ?command, "operator's command");
        match endpoint.operator(now, command) {
            Ok(()) => Ok(index),
            Err(refused) => Err(OperateError::Refused(refused)),
        }
    }

    /// The operator frees an abandoned address: the number of its owner, and the commit to wait for or
    /// the reason against it. `None` if it is nobody's.
    pub(crate) fn reset(
        &mut self,
        now: Now,
        address: Ipv4Addr,
    ) -> Option<(usize, Result<CommitId, String>)> {
        let mut owners = self.owners.iter_mut().enumerate();
        owners.find_map(|(index, owner)| Some((index, owner.reset(address, now)?)))
    }

    /// The server is about to stop: partners are told.
    pub(crate) fn pause_all(&mut self, now: Now) {
        for endpoint in self.owners.iter_mut().filter_map(Owner::endpoint_mut) {
            // A relationship that is stopped already stays so.
            let _refused = endpoint.operator(now, OperatorCommand::Pause);
        }
    }

    // Another configuration.

    /// Owner number `index` is to be replaced: its partner is told, where it listens. True if there is
    /// something to wait for.
    pub(super) fn prepare_rest(&mut self, now: Now, index: usize) -> bool {
        let Some(owner) = self.owners.get_mut(index) else { return false };
        match owner.endpoint_mut() {
            Some(endpoint) if endpoint.status().communications == Communications::Ok => {
                endpoint.operator(now, OperatorCommand::Pause).is_ok()
            }
            _ => false,
        }
    }

    /// Whether owner number `index` has nothing more to say to its partner.
    pub(super) fn has_stopped(&self, index: usize) -> bool {
        let owner = self.owners.iter().nth(index).and_then(Owner::endpoint);
        owner.is_none_or(FailoverEndpoint::is_stopped)
    }

    /// From now on nothing happens to owner number `index`.
    pub(super) fn rest(&mut self, index: usize) {
        if let Some(owner) = self.owners.get_mut(index) {
            owner.rest();
        }
    }

    /// Puts owners in new places. `places` has, by new number, the number that an owner has now or one
    /// that is new; whoever is not in it is gone, with its connections. Everything that was made by those
    /// is durable.
    pub(super) fn rearrange(&mut self, places: Vec<Place>) {
        let mut present: Vec<_> = self.owners.take_all().into_iter().map(Some).collect();
        let mut owners = Vec::with_capacity(places.len());
        let (mut made, mut durable, mut held) = (Vec::new(), Vec::new(), Vec::new());
        let mut moved = BTreeMap::new();
        for place in places {
            let number = owners.len();
            match place {
                Place::Kept(before) => {
                    let Some(owner) = present.get_mut(before).and_then(Option::take) else {
                        continue;
                    };
                    owners.push(owner);
                    made.push(self.made(before));
                    durable.push(self.durable(before));
                    held.push(self.held.get_mut(before).map(std::mem::take).unwrap_or_default());
                    moved.insert(before, number);
                }
                Place::New(owner) => {
                    owners.push(owner);
                    made.push(CommitId::default());
                    durable.push(CommitId::default());
                    held.push(VecDeque::new());
                }
            }
        }
        self.connections.retain(|_, (owner, _)| match moved.get(owner) {
            Some(number) => {
                *owner = *number;
                true
            }
            None => false,
        });
        self.by_id = owners.iter().enumerate().map(|(index, owner)| (owner.id, index)).collect();
        self.alarms = Alarms::new(owners.len());
        self.owners = OwnerSet::new(owners);
        (self.made, self.durable, self.held) = (made, durable, held);
    }

    /// Whether every relationship has stopped and its partner knows.
    pub(crate) fn is_stopped(&self) -> bool {
        self.owners.iter().filter_map(Owner::endpoint).all(FailoverEndpoint::is_stopped)
    }

    // What follows.

    /// Has everything carried out that the owners want.
    pub(crate) fn act(&mut self, outside: &mut dyn Outside) {
        let mut touched = std::mem::take(&mut self.numbers);
        self.owners.take_touched(&mut touched);
        for index in touched.drain(..) {
            self.carry_out(index, outside);
        }
        self.numbers = touched;
        let mut replies = std::mem::take(&mut self.replies);
        for reply in replies.drain(..) {
            if reply.commit <= self.durable(reply.owner) {
                self.outgoing.push(reply.reply);
            } else if let Some(held) = self.held.get_mut(reply.owner) {
                held.push_back(reply);
            }
        }
        self.replies = replies;
    }

    /// Has everything carried out that owner number `index` wants.
    pub(crate) fn carry_out(&mut self, index: usize, outside: &mut dyn Outside) {
        loop {
            let Some(owner) = self.owners.wants_of(index) else { return };
            match owner.poll_output() {
                Output::Commit(commit) => {
                    if let Some(made) = self.made.get_mut(index) {
                        *made = commit.id;
                    }
                    outside.commit(owner.id, commit);
                }
                Output::Connect => outside.connect(owner.id),
                Output::Transmit(link) => {
                    if let Some(endpoint) = owner.endpoint_mut() {
                        self.octets.clear();
                        endpoint.take_transmit(link, &mut self.octets);
                        outside.transmit(link, &self.octets);
                    }
                }
                Output::StartTls { link, side } => {
                    if let Some(endpoint) = owner.endpoint_mut() {
                        self.octets.clear();
                        endpoint.take_transmit(link, &mut self.octets);
                        outside.start_tls(link, &self.octets, side);
                    }
                }
                Output::Close(link) => {
                    self.connections.remove(&link);
                    outside.close(link);
                }
                Output::Event(event) => {
                    if let Some(endpoint) = owner.endpoint() {
                        outside.event(index, &endpoint.config().name, event);
                    }
                }
                Output::Idle { wake_at } => {
                    return self.alarms.set(index, wake_at);
                }
            }
        }
    }

    /// Lets go what waited for commits of this owner that are durable now.
    fn release(&mut self, index: usize) {
        let durable = self.durable(index);
        if let Some(held) = self.held.get_mut(index) {
            while held.front().is_some_and(|reply| reply.commit <= durable) {
                self.outgoing.extend(held.pop_front().map(|reply| reply.reply));
            }
        }
    }

    /// Answers that may leave. Whoever sends them takes them out.
    pub(crate) const fn outgoing(&mut self) -> &mut Vec<Reply> {
        &mut self.outgoing
    }

    /// When [`time_reached`](Self::time_reached) has something to do.
    pub(crate) fn next_wake(&self) -> Option<Instant> {
        self.alarms.next().into_iter().chain(self.service.next_timer()).min()
    }
}

/// Who is to have a number.
#[derive(Debug)]
pub(super) enum Place {
    /// The owner that has this number now.
    Kept(usize),
    /// One that was opened from the store.
    New(Owner),
}

/// Why an operator's command was not carried out.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum OperateError {
    /// No relationship has the name; these are there.
    UnknownRelationship(Vec<String>),
    /// The state does not allow it.
    Refused(crate::endpoint::Refused),
    /// It is about to be replaced.
    Resting,
}
