//! The one task that owns every binding.
//!
//! It waits for whatever comes first: octets from a partner, datagrams from clients, reports that
//! commits are durable, an operator's word, a timer. It takes what is ready, lets the
//! `Keeper` act on it, and then carries out what that wants: commits to the committer, octets to
//! the links, and answers to clients. Taking much at a time is what lets one sync serve many commits.

mod applying;
mod difference;
mod opening;

use std::fmt;
use std::net::Ipv4Addr;
use std::time::Duration;

use tokio::sync::oneshot;

use crate::dhcp::{ClientSockets, DhcpConfig, DhcpService, Pinger};
use crate::driver::clock::Clock;
use crate::driver::committer::{self, Committer, Report};
use crate::driver::links::{LinkEvent, Links};
use crate::durable::{Commit, CommitId};
use crate::endpoint::{Event, LinkId, OperatorCommand, TlsSide};
use crate::store::{LeaseStore, OwnerId, StoreError};
use crate::time::Instant;

use crate::server::command::{AdminCommand, CommandError, CommandReceiver};
use crate::server::config::Config;
use crate::server::event_log::EventLog;
use crate::server::keeper::{Keeper, OperateError, Outside};
use crate::server::owners::{Owner, OwnerSet, RESTING};
use crate::server::plan::Plan;
use crate::server::report::{self, Counted};
use crate::server::steering;

/// Events of links taken in one turn, at most 64 KiB each, so that clients are served in between.
const MAX_EVENTS: usize = 8;

/// Commits that may wait for the disk before DISCOVERs are left waiting: as many as share a sync.
const MAX_COMMITS_BEFORE_OFFERS: usize = committer::MAX_BATCH;

pub(crate) use opening::open_owners;

use applying::Applying;
use opening::link_specs;

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
    owner: OwnerId,
    commit: CommitId,
    answer: oneshot::Sender<Result<(), CommandError>>,
}

/// The owner of everything.
pub struct Engine {
    clock: Clock,
    config: Config,
    plan: Plan,
    table_seed: u64,
    applying: Option<Applying>,
    keeper: Keeper,
    sockets: ClientSockets,
    /// Only where addresses are probed before they are offered.
    pinger: Option<Pinger>,
    links: Links,
    committer: Committer,
    commands: CommandReceiver,
    waiting: Vec<Waiting>,

    batch: Vec<(OwnerId, Commit)>,
    /// More of clients waits than was read at once.
    is_behind: bool,
    event_log: EventLog,
    /// When clients were listened to last.
    listened: Instant,
    stopping: Option<(Instant, Option<oneshot::Sender<()>>)>,
    failure: Option<StoreError>,
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine")
            .field("owners", &self.keeper.owners().iter().len())
            .finish_non_exhaustive()
    }
}

/// What one wait ended with.
enum Ready {
    Committed(Report),
    Link(LinkEvent),
    Command(AdminCommand),
    Clients,
    Echo(Ipv4Addr),
    Opened(Result<Vec<Owner>, StartError>),
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
        let dhcp = DhcpConfig { ping_timeout, ..plan.dhcp.clone() };
        let mut service = DhcpService::new(dhcp).map_err(StartError::Dhcp)?;
        service.set_own_addresses(sockets.own_addresses());
        let committer = Committer::start(store).map_err(StartError::Thread)?;
        let links = Links::start(link_specs(&plan.relationships, owners.iter()), clock);
        Ok(Self {
            clock,
            config: config.clone(),
            plan,
            table_seed,
            applying: None,
            keeper: Keeper::new(OwnerSet::new(owners), service),
            sockets,
            pinger,
            links,
            committer,
            commands,
            waiting: Vec::new(),
            batch: Vec::new(),
            is_behind: false,
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
            self.take_more();
            self.go_on_applying();
            self.act();
            if self.is_behind {
                // Connections are written to by tasks of their own.
                tokio::task::yield_now().await;
            }
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
        let discovers = self.accepts_discovers();
        let echo = async {
            match &mut self.pinger {
                Some(pinger) => pinger.answered().await,
                None => std::future::pending().await,
            }
        };
        let opened = async {
            match &mut self.applying {
                Some(applying) => applying.opened().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            report = self.committer.report() => Ready::Committed(report),
            event = self.links.next(), if has_room => Ready::Link(event),
            Some(command) = self.commands.recv() => Ready::Command(command),
            () = self.sockets.readable(discovers), if accepts_clients => Ready::Clients,
            address = echo => Ready::Echo(address),
            owners = opened => Ready::Opened(owners),
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
        let mut forgotten = 0_usize;
        // The runtime learns of what has gathered only while this task waits.
        tokio::time::sleep(REACTION).await;
        for _ in 0..STALE_BATCHES {
            if !self.sockets.receive(true, |_, _| forgotten = forgotten.saturating_add(1)) {
                break;
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
            Ready::Link(event) => self.keeper.link_event(self.clock.now(), event),
            Ready::Command(command) => self.on_command(command),
            // They are read with what is ready besides.
            Ready::Clients => {}
            Ready::Echo(address) => self.keeper.echo(self.clock.now(), address),
            Ready::Opened(owners) => self.on_opened(owners),
            Ready::Time => self.on_time(),
        }
    }

    /// What is ready besides, a bounded number of each kind: a partner that sends without end does
    /// not keep clients waiting.
    fn take_more(&mut self) {
        if let Some(report) = self.committer.try_report() {
            self.on_committed(report);
        }
        for _ in 0..MAX_EVENTS {
            if !self.committer.has_room() {
                return;
            }
            let Some(event) = self.links.try_next() else { break };
            self.keeper.link_event(self.clock.now(), event);
        }
        if self.accepts_clients() {
            self.on_clients();
            self.listened = self.clock.monotonic();
        }
    }

    /// Where the store has no room, no client can be promised anything. The partner is still heard:
    /// what it may send without an answer is bounded.
    fn accepts_clients(&self) -> bool {
        self.stopping.is_none() && !self.committer.is_stalled()
    }

    /// An offer is worth nothing where the REQUEST that follows has to wait for the disk.
    fn accepts_discovers(&self) -> bool {
        self.committer.waiting() < MAX_COMMITS_BEFORE_OFFERS
    }

    // What happens.

    fn on_committed(&mut self, report: Report) {
        let now = self.clock.now();
        match report {
            Report::Durable(owners) => {
                self.keeper.committed(now, owners);
                self.answer_operators();
            }
            Report::NoRoom(error) => {
                tracing::error!("{error}; nothing new is promised until there is room");
            }
            Report::Room => tracing::info!("there is room for leases again"),
            Report::Failed(error) => {
                tracing::error!("stable storage failed, nothing is promised any more: {error}");
                self.keeper.storage_failed(now);
                self.failure = Some(error);
            }
        }
    }

    fn on_clients(&mut self) {
        let now = self.clock.now();
        let discovers = self.accepts_discovers();
        let Self { sockets, keeper, .. } = self;
        self.is_behind = sockets.receive(discovers, |arrival, datagram| {
            keeper.datagram(now, arrival, datagram);
        });
        self.keeper.service_mut().count_overrun(self.sockets.take_overrun());
    }

    fn on_time(&mut self) {
        let now = self.clock.now();
        self.keeper.time_reached(now);
        self.event_log.tick(now);
    }

    // Operators.

    fn on_command(&mut self, command: AdminCommand) {
        let (owners, service) = self.keeper.parts();
        let counted = Counted {
            service,
            reasons: self.event_log.reasons(),
            feed: self.event_log.feed(),
            store: self.committer.statistics(),
            links: self.links.counters(),
            socket_failures: self.sockets.failures(),
        };
        let Some(command) = report::answer(command, owners, &counted, self.clock.now()) else {
            return;
        };
        match command {
            AdminCommand::PartnerDown { relationship, forced, overrules, answer } => {
                let owners = self.keeper.owners();
                let objection = steering::objection(owners, &relationship);
                if let Some(objection) = objection.filter(|_| !overrules) {
                    let _gone = answer.send(Err(objection));
                } else {
                    let command = OperatorCommand::PartnerDown { forced };
                    self.operate(&relationship, command, answer);
                }
            }
            AdminCommand::Operate { relationship, command, answer } => {
                self.operate(&relationship, command, answer);
            }
            AdminCommand::Reset { address, answer } => self.reset(address, answer),
            AdminCommand::Apply { config, answer } => self.begin_applying(config, answer),
            AdminCommand::Stop { answer } => self.begin_stop(Some(answer)),
            AdminCommand::Status { .. }
            | AdminCommand::Leases { .. }
            | AdminCommand::Why { .. }
            | AdminCommand::Metrics { .. }
            | AdminCommand::Watch { .. } => {}
        }
    }

    fn operate(
        &mut self,
        name: &str,
        command: OperatorCommand,
        answer: oneshot::Sender<Result<(), CommandError>>,
    ) {
        match self.keeper.operate(self.clock.now(), name, command) {
            Ok(owner) => {
                self.carry_out(owner);
                self.wait_for(owner, self.keeper.made(owner), answer);
            }
            Err(OperateError::UnknownRelationship(known)) => {
                let name = name.to_owned();
                let _gone = answer.send(Err(CommandError::UnknownRelationship { name, known }));
            }
            Err(OperateError::Refused(refused)) => {
                let reason = refused.to_string();
                let _gone = answer.send(Err(CommandError::Refused { reason }));
            }
            Err(OperateError::Resting) => {
                let reason = RESTING.to_owned();
                let _gone = answer.send(Err(CommandError::Refused { reason }));
            }
        }
    }

    /// Answers an operator as soon as a commit of owner number `owner` is durable.
    fn wait_for(
        &mut self,
        owner: usize,
        commit: CommitId,
        answer: oneshot::Sender<Result<(), CommandError>>,
    ) {
        if let Some(owner) = self.keeper.owners().iter().nth(owner) {
            self.waiting.push(Waiting { owner: owner.id, commit, answer });
            self.answer_operators();
        }
    }

    /// Tells operators whose command has taken effect on stable storage.
    fn answer_operators(&mut self) {
        let (ready, waiting) = std::mem::take(&mut self.waiting)
            .into_iter()
            .partition(|waiting: &Waiting| self.keeper.is_durable(waiting.owner, waiting.commit));
        self.waiting = waiting;
        for waiting in ready {
            let _gone = waiting.answer.send(Ok(()));
        }
    }

    fn reset(&mut self, address: Ipv4Addr, answer: oneshot::Sender<Result<(), CommandError>>) {
        match self.keeper.reset(self.clock.now(), address) {
            Some((owner, Ok(commit))) => {
                tracing::info!(%address, "reset by the operator: it may be leased again (§5.11)");
                self.carry_out(owner);
                self.wait_for(owner, commit, answer);
            }
            Some((_, Err(reason))) => {
                let _gone = answer.send(Err(CommandError::Refused { reason }));
            }
            None => {
                let _gone = answer.send(Err(CommandError::UnknownAddress(address)));
            }
        }
    }

    fn begin_stop(&mut self, answer: Option<oneshot::Sender<()>>) {
        let now = self.clock.now();
        self.keeper.pause_all(now);
        self.stopping = Some((now.monotonic.after(STOP_PATIENCE), answer));
    }

    fn is_finished(&self) -> bool {
        if self.failure.is_some() {
            return true;
        }
        let Some((deadline, _)) = &self.stopping else { return false };
        self.keeper.is_stopped() && self.keeper.all_is_durable()
            || self.clock.now().monotonic >= *deadline
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
        let Self { clock, keeper, links, batch, event_log, .. } = self;
        keeper.act(&mut World { clock, links, batch, event_log });
        self.committer.submit(&mut self.batch);
        for address in self.keeper.service_mut().take_probes() {
            if let Some(pinger) = &self.pinger
                && let Err(error) = pinger.send(address)
            {
                tracing::debug!(%address, "cannot send an ICMP echo request: {error}");
            }
        }
        let outgoing = self.keeper.outgoing();
        if self.failure.is_none() {
            self.sockets.send_batch(outgoing);
        }
        outgoing.clear();
    }

    fn carry_out(&mut self, owner: usize) {
        let Self { clock, keeper, links, batch, event_log, .. } = self;
        keeper.carry_out(owner, &mut World { clock, links, batch, event_log });
    }

    fn next_wake(&self) -> Option<Instant> {
        let stop = self.stopping.as_ref().map(|(deadline, _)| *deadline);
        let log = self.event_log.next_timer();
        let applying = self.applying.as_ref().and_then(Applying::next_wake);
        self.keeper.next_wake().into_iter().chain(stop).chain(log).chain(applying).min()
    }
}

/// The world as it is.
struct World<'a> {
    clock: &'a Clock,
    links: &'a mut Links,
    batch: &'a mut Vec<(OwnerId, Commit)>,
    event_log: &'a mut EventLog,
}

impl Outside for World<'_> {
    fn commit(&mut self, owner: OwnerId, commit: Commit) {
        self.batch.push((owner, commit));
    }

    fn connect(&mut self, owner: OwnerId) {
        self.links.connect(owner);
    }

    fn transmit(&mut self, link: LinkId, octets: &[u8]) {
        self.links.transmit(link, octets);
    }

    fn start_tls(&mut self, link: LinkId, octets: &[u8], side: TlsSide) {
        self.links.start_tls(link, octets, side);
    }

    fn close(&mut self, link: LinkId) {
        self.links.close(link);
    }

    fn event(&mut self, owner: usize, relationship: &str, event: Event) {
        self.event_log.log(owner, relationship, event, self.clock.now());
    }
}

fn open_pinger() -> Option<Pinger> {
    Pinger::open()
        .inspect_err(|error| {
            tracing::warn!("addresses are offered without ping-check: no ICMP socket: {error}");
        })
        .ok()
}
