//! The one task that owns every binding.
//!
//! It waits for whatever comes first: octets from a partner, datagrams from clients, reports that
//! commits are durable, an operator's word, a timer. It takes what is ready, lets the endpoints and
//! the DHCP service act on it, and then carries out what they want: commits to the committer, octets
//! to the links, and answers to clients as soon as their commit is durable. Taking much at a time is
//! what lets one sync serve many commits.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::net::Ipv4Addr;
use std::time::Duration;

use bytes::BytesMut;
use tokio::sync::oneshot;

use crate::dhcp::{Arrival, ClientSockets, DhcpConfig, DhcpService, PendingReply, Pinger, Reply};
use crate::driver::clock::Clock;
use crate::driver::committer::{Committer, Report};
use crate::driver::links::{LinkEvent, LinkSpec, Links};
use crate::driver::tls::TlsFailure;
use crate::durable::{Commit, CommitId};
use crate::endpoint::{Alone, FailoverEndpoint, Input, LinkId, OperatorCommand, Output};
use crate::store::{LeaseStore, OwnerId, StoreError};
use crate::time::{Instant, Now};
use crate::wire::frame::Deframer;

use super::command::{AdminCommand, CommandError, CommandReceiver};
use super::config::Config;
use super::event_log::EventLog;
use super::owners::{Owner, OwnerKind, OwnerSet};
use super::plan::{Plan, RelationshipPlan};
use super::recovery::{Configured, recover};
use super::report::{self, Counted};

/// Events of links taken in one turn, at most 64 KiB each, so that clients are served in between.
const MAX_EVENTS: usize = 8;

/// Longest sleep: so soon it is noticed that the wall clock was set, or that this process did not run.
const LONGEST_SLEEP: Duration = Duration::from_secs(1);

/// How long this server may not have listened to clients before it believes what has gathered since.
/// After that a client has asked again or has gone to the partner; what it wanted then may be the
/// opposite of what it wants now.
const MAX_DEAFNESS: Duration = Duration::from_secs(2);

/// Time for the runtime to look at the sockets.
const REACTION: Duration = Duration::from_millis(2);

/// Batches that are thrown away then at most; the sockets hold fewer.
const STALE_BATCHES: usize = 64;

/// How long a stop waits for partners to take note.
const STOP_PATIENCE: Duration = Duration::from_secs(3);

/// How long closing connections may take to get rid of their last octets.
const FLUSH_PATIENCE: Duration = Duration::from_millis(500);

/// Name under which the store keeps pools without relationship. No relationship can have it: theirs
/// are stored with a prefix.
const ALONE: &str = "alone";

/// The name under which the store knows the owner of the pools of a relationship, or of those without
/// one.
pub(crate) fn owner_name(relationship: Option<&str>) -> String {
    relationship.map_or_else(|| ALONE.to_owned(), |name| format!("relationship:{name}"))
}

/// Why the engine cannot start.
#[derive(Debug)]
pub enum StartError {
    /// The store cannot be read.
    Store(StoreError),
    /// A relationship cannot work.
    Relationship(String, crate::endpoint::ConfigError),
    /// The DHCP service cannot work.
    Dhcp(crate::dhcp::ConfigError),
    /// The system has no thread to give.
    Thread(std::io::Error),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store(error) => error.fmt(f),
            Self::Relationship(name, error) => write!(f, "relationship \"{name}\": {error}"),
            Self::Dhcp(error) => error.fmt(f),
            Self::Thread(error) => write!(f, "cannot start the thread of the store: {error}"),
        }
    }
}

impl std::error::Error for StartError {}

/// How the engine ended.
#[derive(Debug)]
pub enum EngineEnd {
    /// It was asked to stop and everything is durable.
    Stopped,
    /// Stable storage failed: nothing more could be promised.
    Storage(StoreError),
}

/// An operator waiting for the state that was asked for to be durable.
struct Waiting {
    owner: usize,
    commit: CommitId,
    answer: oneshot::Sender<Result<(), CommandError>>,
}

/// The owner of everything.
pub struct Engine {
    clock: Clock,
    owners: OwnerSet,
    service: DhcpService,
    sockets: ClientSockets,
    /// Only where addresses are probed before they are offered.
    pinger: Option<Pinger>,
    links: Links,
    /// Which owner a connection belongs to, and the octets of an unfinished message.
    connections: BTreeMap<LinkId, (usize, Deframer)>,
    committer: Committer,
    commands: CommandReceiver,
    by_id: BTreeMap<OwnerId, usize>,

    /// By owner: the highest commit made and the highest that is durable.
    made: Vec<CommitId>,
    durable: Vec<CommitId>,
    /// By owner: answers in the order of their commits.
    held: Vec<VecDeque<PendingReply>>,
    wake_at: Vec<Option<Instant>>,
    waiting: Vec<Waiting>,

    batch: Vec<(OwnerId, Commit)>,
    inbox: Vec<(Arrival, BytesMut)>,
    replies: Vec<PendingReply>,
    outgoing: Vec<Reply>,
    octets: Vec<u8>,
    event_log: EventLog,
    /// When clients were listened to last.
    listened: Instant,
    stopping: Option<(Instant, Option<oneshot::Sender<()>>)>,
    failure: Option<StoreError>,
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("owners", &self.owners.0.len()).finish_non_exhaustive()
    }
}

/// What one wait ended with.
enum Ready {
    Committed(Report),
    Link(LinkEvent),
    Command(AdminCommand),
    Clients,
    Echo(Ipv4Addr),
    Time,
}

impl Engine {
    /// Reads the store and opens everything. To be called inside a runtime.
    pub fn new(
        config: &Config,
        mut store: Box<dyn LeaseStore>,
        sockets: ClientSockets,
        commands: CommandReceiver,
        table_seed: u64,
    ) -> Result<Self, StartError> {
        let clock = Clock::new();
        let plan = Plan::new(config, table_seed);
        let owners = open_owners(&plan, &mut *store, table_seed, clock.now())?;
        let pinger = config.dhcp.ping_check.then(open_pinger).flatten();
        let ping_timeout = plan.dhcp.ping_timeout.filter(|_| pinger.is_some());
        let dhcp = DhcpConfig { ping_timeout, ..plan.dhcp };
        let mut service = DhcpService::new(dhcp).map_err(StartError::Dhcp)?;
        service.set_own_addresses(sockets.own_addresses());
        let committer = Committer::start(store).map_err(StartError::Thread)?;
        let links = Links::start(link_specs(&plan.relationships, &owners), clock);
        let count = owners.len();
        let by_id = owners.iter().enumerate().map(|(index, owner)| (owner.id, index)).collect();
        Ok(Self {
            clock,
            owners: OwnerSet(owners),
            service,
            sockets,
            pinger,
            links,
            connections: BTreeMap::new(),
            committer,
            commands,
            by_id,
            made: vec![CommitId(0); count],
            durable: vec![CommitId(0); count],
            held: (0..count).map(|_| VecDeque::new()).collect(),
            wake_at: vec![None; count],
            waiting: Vec::new(),
            batch: Vec::new(),
            inbox: Vec::new(),
            replies: Vec::new(),
            outgoing: Vec::new(),
            octets: Vec::new(),
            event_log: EventLog::default(),
            listened: clock.monotonic(),
            stopping: None,
            failure: None,
        })
    }

    /// Works until it is told to stop or the storage fails.
    pub async fn run(mut self) -> EngineEnd {
        self.act();
        loop {
            if self.is_finished() {
                return self.finish().await;
            }
            let ready = self.wait().await;
            self.forget_stale_requests().await;
            self.take(ready);
            self.take_more().await;
            self.act();
        }
    }

    async fn wait(&mut self) -> Ready {
        let latest = self.clock.now().monotonic.after(LONGEST_SLEEP);
        let wake_at = self.next_wake().map_or(latest, |at| at.min(latest));
        let timer = tokio::time::sleep_until(self.clock.deadline(wake_at));
        // While the disk is the limit nobody is listened to: clients ask again, and TCP slows the
        // partner down.
        let has_room = self.committer.has_room();
        let accepts_clients = has_room && self.accepts_clients();
        let echo = async {
            match &mut self.pinger {
                Some(pinger) => pinger.answered().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            report = self.committer.report() => Ready::Committed(report),
            event = self.links.next(), if has_room => Ready::Link(event),
            Some(command) = self.commands.recv() => Ready::Command(command),
            () = self.sockets.recv_batch(&mut self.inbox), if accepts_clients => Ready::Clients,
            address = echo => Ready::Echo(address),
            () = timer => Ready::Time,
        }
    }

    /// Throws away what clients said while nobody listened, because the process was stopped or the
    /// disk had no room. A RELEASE from before the client got its lease anew would end that lease.
    async fn forget_stale_requests(&mut self) {
        let now = self.clock.monotonic();
        let listens = self.committer.has_room() && self.accepts_clients();
        if now.since(self.listened) <= MAX_DEAFNESS || !listens {
            return;
        }
        let mut forgotten = self.inbox.len();
        self.inbox.clear();
        // The runtime learns of what has gathered only while this task waits.
        tokio::time::sleep(REACTION).await;
        for _ in 0..STALE_BATCHES {
            tokio::select! {
                biased;
                () = self.sockets.recv_batch(&mut self.inbox) => {
                    forgotten = forgotten.saturating_add(self.inbox.len());
                    self.inbox.clear();
                }
                () = std::future::ready(()) => break,
            }
        }
        self.listened = now;
        if forgotten > 0 {
            tracing::warn!("{forgotten} messages of clients came while nobody listened: forgotten");
        }
    }

    fn take(&mut self, ready: Ready) {
        match ready {
            Ready::Committed(report) => self.on_committed(report),
            Ready::Link(event) => self.on_link_event(event),
            Ready::Command(command) => self.on_command(command),
            Ready::Clients => self.on_clients(),
            Ready::Echo(address) => {
                let now = self.clock.now();
                let (owners, replies) = (&mut self.owners, &mut self.replies);
                self.service.probe_answered(address, owners, now, replies);
            }
            Ready::Time => self.on_time(),
        }
    }

    /// What is ready besides, a bounded number of each kind: a partner that sends without end does
    /// not keep clients waiting.
    async fn take_more(&mut self) {
        if let Some(report) = self.committer.try_report() {
            self.on_committed(report);
        }
        for _ in 0..MAX_EVENTS {
            if !self.committer.has_room() {
                return;
            }
            let Some(event) = self.links.try_next() else { break };
            self.on_link_event(event);
        }
        if self.accepts_clients() {
            tokio::select! {
                biased;
                () = self.sockets.recv_batch(&mut self.inbox) => self.on_clients(),
                () = std::future::ready(()) => {}
            }
            self.listened = self.clock.monotonic();
        }
    }

    /// Where the store has no room, no client can be promised anything. The partner is still heard:
    /// what it may send without an answer is bounded.
    fn accepts_clients(&self) -> bool {
        self.stopping.is_none() && !self.committer.is_stalled()
    }

    // What happens.

    fn on_committed(&mut self, report: Report) {
        match report {
            Report::Durable(owners) => {
                let now = self.clock.now();
                for (id, commit) in owners {
                    let Some(&index) = self.by_id.get(&id) else { continue };
                    if let Some(durable) = self.durable.get_mut(index) {
                        *durable = commit;
                    }
                    let owner = self.owners.0.get_mut(index).and_then(Owner::endpoint_mut);
                    if let Some(endpoint) = owner {
                        endpoint.handle_input(now, Input::Committed(commit));
                    }
                    self.release(index);
                }
            }
            Report::NoRoom(error) => {
                tracing::error!("{error}; nothing new is promised until there is room");
            }
            Report::Room => tracing::info!("there is room for leases again"),
            Report::Failed(error) => {
                tracing::error!("stable storage failed, nothing is promised any more: {error}");
                let now = self.clock.now();
                for endpoint in self.owners.0.iter_mut().filter_map(Owner::endpoint_mut) {
                    endpoint.handle_input(now, Input::StorageFailed);
                }
                self.failure = Some(error);
            }
        }
    }

    fn on_link_event(&mut self, event: LinkEvent) {
        let now = self.clock.now();
        match event {
            LinkEvent::Connected { owner, link, origin } => {
                let Some(&index) = self.by_id.get(&owner) else { return };
                let endpoint = self.owners.0.get_mut(index).and_then(Owner::endpoint_mut);
                let Some(endpoint) = endpoint else { return };
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
        let owner = self.owners.0.get_mut(*owner).and_then(Owner::endpoint_mut);
        let Some(endpoint) = owner else { return };
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
        if let Some(endpoint) = self.owners.0.get_mut(owner).and_then(Owner::endpoint_mut) {
            endpoint.handle_input(now, input);
        }
    }

    fn on_clients(&mut self) {
        let now = self.clock.now();
        for (arrival, datagram) in self.inbox.drain(..) {
            self.service.handle(&datagram, &arrival, &mut self.owners, now, &mut self.replies);
        }
    }

    fn on_time(&mut self) {
        let now = self.clock.now();
        // All of them, due or not: the wall clock may have been set.
        for owner in &mut self.owners.0 {
            owner.time_reached(now);
        }
        self.service.tick(&mut self.owners, now, &mut self.replies);
        self.event_log.tick(now.monotonic);
    }

    // Operators.

    fn on_command(&mut self, command: AdminCommand) {
        let counted = Counted {
            service: &self.service,
            reasons: self.event_log.reasons(),
            store: self.committer.statistics(),
            links: self.links.counters(),
            socket_failures: self.sockets.failures(),
        };
        let Some(command) = report::answer(command, &mut self.owners, &counted, self.clock.now())
        else {
            return;
        };
        match command {
            AdminCommand::PartnerDown { relationship, forced, answer } => {
                self.operate(&relationship, OperatorCommand::PartnerDown { forced }, answer);
            }
            AdminCommand::Shutdown { relationship, answer } => {
                self.operate(&relationship, OperatorCommand::Shutdown, answer);
            }
            AdminCommand::ForgetConnectTime { relationship, answer } => {
                self.operate(&relationship, OperatorCommand::ForgetConnectTime, answer);
            }
            AdminCommand::Reset { address, answer } => self.reset(address, answer),
            AdminCommand::Stop { answer } => self.begin_stop(Some(answer)),
            AdminCommand::Status { .. }
            | AdminCommand::Leases { .. }
            | AdminCommand::Why { .. }
            | AdminCommand::Metrics { .. } => {}
        }
    }

    fn operate(
        &mut self,
        name: &str,
        command: OperatorCommand,
        answer: oneshot::Sender<Result<(), CommandError>>,
    ) {
        let now = self.clock.now();
        let found = self.owners.0.iter_mut().enumerate().find_map(|(index, owner)| {
            let endpoint = owner.endpoint_mut()?;
            (endpoint.config().name == name).then_some((index, endpoint))
        });
        let Some((owner, endpoint)) = found else {
            let known = self
                .owners
                .0
                .iter()
                .filter_map(Owner::endpoint)
                .map(|endpoint| endpoint.config().name.clone())
                .collect();
            let name = name.to_owned();
            let _gone = answer.send(Err(CommandError::UnknownRelationship { name, known }));
            return;
        };
        tracing::info!(relationship = name, ?command, "operator's command");
        if let Err(refused) = endpoint.operator(now, command) {
            let reason = refused.to_string();
            let _gone = answer.send(Err(CommandError::Refused { reason }));
            return;
        }
        self.carry_out(owner);
        let commit = self.made.get(owner).copied().unwrap_or_default();
        self.waiting.push(Waiting { owner, commit, answer });
        self.release(owner);
    }

    fn reset(&mut self, address: Ipv4Addr, answer: oneshot::Sender<Result<(), CommandError>>) {
        let now = self.clock.now();
        let mut owners = self.owners.0.iter_mut().enumerate();
        let found = owners.find_map(|(index, owner)| Some((index, owner.reset(address, now)?)));
        let (owner, commit) = match found {
            Some((owner, Ok(commit))) => (owner, commit),
            Some((_, Err(reason))) => {
                let _gone = answer.send(Err(CommandError::Refused { reason }));
                return;
            }
            None => {
                let _gone = answer.send(Err(CommandError::UnknownAddress(address)));
                return;
            }
        };
        tracing::info!(%address, "reset by the operator: it may be leased again (§5.11)");
        self.carry_out(owner);
        self.waiting.push(Waiting { owner, commit, answer });
        self.release(owner);
    }

    fn begin_stop(&mut self, answer: Option<oneshot::Sender<()>>) {
        let now = self.clock.now();
        for endpoint in self.owners.0.iter_mut().filter_map(Owner::endpoint_mut) {
            // A relationship that is stopped already stays so.
            let _refused = endpoint.operator(now, OperatorCommand::Pause);
        }
        self.stopping = Some((now.monotonic.after(STOP_PATIENCE), answer));
    }

    fn is_finished(&self) -> bool {
        if self.failure.is_some() {
            return true;
        }
        let Some((deadline, _)) = &self.stopping else { return false };
        let all_stopped =
            self.owners.0.iter().filter_map(Owner::endpoint).all(FailoverEndpoint::is_stopped);
        all_stopped && self.made == self.durable || self.clock.now().monotonic >= *deadline
    }

    async fn finish(mut self) -> EngineEnd {
        self.links.shut_down(FLUSH_PATIENCE).await;
        let committer = self.committer;
        let drained = tokio::task::spawn_blocking(move || committer.close()).await;
        if let Some((_, Some(answer))) = self.stopping.take() {
            let _gone = answer.send(());
        }
        match (self.failure, drained) {
            (Some(error), _) | (None, Ok(Err(error))) => EngineEnd::Storage(error),
            (None, Ok(Ok(())) | Err(_)) => EngineEnd::Stopped,
        }
    }

    // What follows.

    /// Carries out what the owners want and sends what may leave.
    fn act(&mut self) {
        for owner in 0..self.owners.0.len() {
            self.carry_out(owner);
        }
        self.committer.submit(&mut self.batch);
        for address in self.service.take_probes() {
            if let Some(pinger) = &self.pinger
                && let Err(error) = pinger.send(address)
            {
                tracing::debug!(%address, "cannot send an ICMP echo request: {error}");
            }
        }
        for reply in self.replies.drain(..) {
            let durable = self.durable.get(reply.owner).copied().unwrap_or_default();
            if reply.commit <= durable {
                self.outgoing.push(reply.reply);
            } else if let Some(held) = self.held.get_mut(reply.owner) {
                held.push_back(reply);
            }
        }
        if self.failure.is_none() {
            self.sockets.send_batch(&self.outgoing);
        }
        self.outgoing.clear();
    }

    fn carry_out(&mut self, index: usize) {
        loop {
            let Some(owner) = self.owners.0.get_mut(index) else { return };
            match owner.poll_output() {
                Output::Commit(commit) => {
                    if let Some(made) = self.made.get_mut(index) {
                        *made = commit.id;
                    }
                    self.batch.push((owner.id, commit));
                }
                Output::Connect => self.links.connect(owner.id),
                Output::Transmit(link) => {
                    if let Some(endpoint) = owner.endpoint_mut() {
                        self.octets.clear();
                        endpoint.take_transmit(link, &mut self.octets);
                        self.links.transmit(link, &self.octets);
                    }
                }
                Output::StartTls { link, side } => {
                    if let Some(endpoint) = owner.endpoint_mut() {
                        self.octets.clear();
                        endpoint.take_transmit(link, &mut self.octets);
                        self.links.start_tls(link, &self.octets, side);
                    }
                }
                Output::Close(link) => {
                    self.connections.remove(&link);
                    self.links.close(link);
                }
                Output::Event(event) => {
                    if let Some(endpoint) = owner.endpoint() {
                        let now = self.clock.now().monotonic;
                        self.event_log.log(index, &endpoint.config().name, event, now);
                    }
                }
                Output::Idle { wake_at } => {
                    if let Some(slot) = self.wake_at.get_mut(index) {
                        *slot = wake_at;
                    }
                    return;
                }
            }
        }
    }

    /// Sends what waited for commits of this owner that are durable now.
    fn release(&mut self, index: usize) {
        let durable = self.durable.get(index).copied().unwrap_or_default();
        if let Some(held) = self.held.get_mut(index) {
            while held.front().is_some_and(|reply| reply.commit <= durable) {
                self.outgoing.extend(held.pop_front().map(|reply| reply.reply));
            }
        }
        let (ready, waiting) = std::mem::take(&mut self.waiting)
            .into_iter()
            .partition(|waiting: &Waiting| waiting.owner == index && waiting.commit <= durable);
        self.waiting = waiting;
        for waiting in ready {
            let _gone = waiting.answer.send(Ok(()));
        }
    }

    fn next_wake(&self) -> Option<Instant> {
        let stop = self.stopping.as_ref().map(|(deadline, _)| *deadline);
        let owners = self.wake_at.iter().copied().flatten();
        let log = self.event_log.next_timer();
        owners.chain(self.service.next_timer()).chain(stop).chain(log).min()
    }
}

fn open_owners(
    plan: &Plan,
    store: &mut dyn LeaseStore,
    table_seed: u64,
    now: Now,
) -> Result<Vec<Owner>, StartError> {
    let relationships = plan.relationships.iter().map(|relationship| Configured {
        name: owner_name(Some(&relationship.endpoint.name)),
        ranges: &relationship.endpoint.ranges,
    });
    let alone = plan.alone.iter();
    let alone = alone.map(|alone| Configured { name: owner_name(None), ranges: &alone.ranges });
    let configured: Vec<_> = relationships.chain(alone).collect();
    let mut recovered = recover(&configured, store).map_err(StartError::Store)?.into_iter();
    let mut owners = Vec::new();
    for (plan, (id, recovered)) in plan.relationships.iter().zip(recovered.by_ref()) {
        let config = plan.endpoint.clone();
        let endpoint = FailoverEndpoint::new(config, recovered, now)
            .map_err(|error| StartError::Relationship(plan.endpoint.name.clone(), error))?;
        owners.push(Owner { id, kind: OwnerKind::Failover(Box::new(endpoint)) });
    }
    if let (Some(alone), Some((id, recovered))) = (&plan.alone, recovered.next()) {
        let alone = Alone::new(&alone.ranges, &alone.reservations, table_seed, &recovered, now)
            .map_err(|error| StartError::Relationship(ALONE.to_owned(), error))?;
        owners.push(Owner { id, kind: OwnerKind::Alone(Box::new(alone)) });
    }
    Ok(owners)
}

fn open_pinger() -> Option<Pinger> {
    Pinger::open()
        .inspect_err(|error| {
            tracing::warn!("addresses are offered without ping-check: no ICMP socket: {error}");
        })
        .ok()
}

fn link_specs(relationships: &[RelationshipPlan], owners: &[Owner]) -> Vec<LinkSpec> {
    let specs = relationships.iter().zip(owners).map(|(plan, owner)| LinkSpec {
        owner: owner.id,
        name: plan.endpoint.name.clone(),
        local: plan.address,
        peer: plan.peer_address,
        receive_timer: Duration::from_secs(u64::from(plan.endpoint.receive_timer)),
        tls: plan.tls.clone(),
    });
    specs.collect()
}
