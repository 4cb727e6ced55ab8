//! One server: its machine, its disk and clocks, and the process that runs on it, if one does.
//!
//! The process is a [`Keeper`] as the engine has one, and in front of the store a queue as the
//! committer has one: while a sync is under way, what comes next gathers.

use std::collections::VecDeque;
use std::fmt;

use super::agenda::{Agenda, Happening};
use super::clock::{SECOND, SimClock, True};
use super::disk::SimDisk;
use super::prng::Prng;
use super::scenario::{FIRST, RELAY, SERVERS, Scenario, stream};
use super::store;
use crate::balance::{HashBuckets, Role};
use crate::binding::AddressRange;
use crate::binding::table::RangeId;
use crate::binding::times::Mclt;
use crate::dhcp::{DhcpConfig, DhcpService, Ipv4Network, OptionSet, PoolConfig, SubnetConfig};
use crate::driver::committer::MAX_BATCH;
use crate::durable::{Change, Commit, CommitId, Recovered};
use crate::endpoint::{Event, FailoverEndpoint, LinkId, RelationshipConfig, TlsSide};
use crate::server::engine::open_owners;
use crate::server::keeper::{Keeper, Outside};
use crate::server::owners::{Owner, OwnerSet};
use crate::server::plan::{Plan, RelationshipPlan};
use crate::store::{LeaseStore, OwnerId, StoreError};
use crate::time::Now;

/// Name of the relationship.
pub(crate) const RELATIONSHIP: &str = "pair";

/// One thing that a process wants done outside.
#[derive(Debug)]
pub(crate) enum Effect {
    /// A change has been made.
    Commit(Commit),
    /// The partner is to be dialled.
    Connect,
    /// Octets are to be written.
    Transmit(LinkId, Vec<u8>),
    /// A connection is to be closed.
    Close(LinkId),
    /// Something worth telling.
    Event(Event),
}

/// Takes note of what a process wants, until it dies.
struct Wanted<'a> {
    effects: &'a mut Vec<Effect>,
    left: &'a mut Option<u64>,
}

impl Wanted<'_> {
    fn want(&mut self, effect: Effect) {
        match self.left {
            Some(0) => {}
            Some(left) => {
                *left -= 1;
                self.effects.push(effect);
            }
            None => self.effects.push(effect),
        }
    }
}

impl Outside for Wanted<'_> {
    fn commit(&mut self, _: OwnerId, commit: Commit) {
        self.want(Effect::Commit(commit));
    }

    fn connect(&mut self, _: OwnerId) {
        self.want(Effect::Connect);
    }

    fn transmit(&mut self, link: LinkId, octets: &[u8]) {
        self.want(Effect::Transmit(link, octets.to_vec()));
    }

    fn start_tls(&mut self, link: LinkId, octets: &[u8], _: TlsSide) {
        // No simulated server has TLS.
        self.want(Effect::Transmit(link, octets.to_vec()));
    }

    fn close(&mut self, link: LinkId) {
        self.want(Effect::Close(link));
    }

    fn event(&mut self, _: usize, _: &str, event: Event) {
        self.want(Effect::Event(event));
    }
}

/// The committer's first pause before it tries again where there was no room.
const FIRST_PAUSE: u64 = 20_000;

/// What comes of a sync.
#[derive(Debug)]
pub(crate) enum Sync {
    /// Everything up to this commit is durable.
    Durable(CommitId),
    /// There is no room; it is tried again after a pause.
    NoRoom { pause: u64, error: StoreError },
    /// The store is of no use any more.
    Failed(StoreError),
}

/// A process that runs.
pub(crate) struct Process {
    /// Its number among the processes of this machine.
    pub(crate) boot: u64,
    /// What the engine would drive.
    pub(crate) keeper: Keeper,
    /// The relationship's number in the store.
    pub(crate) owner: OwnerId,
    store: Box<dyn LeaseStore>,
    waiting: VecDeque<Commit>,
    syncing: Vec<(OwnerId, Change)>,
    /// The highest commit of those.
    syncing_upto: CommitId,
    /// The store has no room: the next attempt follows after so long, and clients are not served.
    stalled: Option<u64>,
    wake: Option<True>,
    /// A dial attempt is under way.
    pub(crate) dialling: bool,
    /// The store failed: nothing more is answered, and the process ends.
    pub(crate) failed: bool,
}

impl fmt::Debug for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Process").field("boot", &self.boot).finish_non_exhaustive()
    }
}

impl Process {
    /// The endpoint.
    pub(crate) fn endpoint(&self) -> Option<&FailoverEndpoint> {
        self.keeper.owners().iter().next().and_then(Owner::endpoint)
    }

    /// Has carried out what the process wants, for as many more outputs as `left` says.
    pub(crate) fn act(&mut self, left: &mut Option<u64>) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.keeper.act(&mut Wanted { effects: &mut effects, left });
        effects
    }

    /// Hands commits to the committer; a sync begins if none is under way.
    pub(crate) fn submit(
        &mut self,
        now: True,
        side: usize,
        commits: impl Iterator<Item = Commit>,
        sync: u64,
        agenda: &mut Agenda,
    ) {
        self.waiting.extend(commits);
        if self.syncing.is_empty() && !self.waiting.is_empty() && !self.failed {
            let count = self.waiting.len().min(MAX_BATCH);
            let owner = self.owner;
            let batch = self.waiting.drain(..count);
            let upto = &mut self.syncing_upto;
            self.syncing = batch
                .map(|commit| {
                    *upto = commit.id;
                    (owner, commit.change)
                })
                .collect();
            agenda.at(now + sync, Happening::Synced { side, boot: self.boot });
        }
    }

    /// The sync that is under way ends.
    pub(crate) fn sync(&mut self) -> Sync {
        match self.store.commit(&self.syncing) {
            Ok(()) => {
                self.syncing.clear();
                self.stalled = None;
                Sync::Durable(self.syncing_upto)
            }
            Err(error) if error.is_no_room() => {
                let pause = self.stalled.map_or(FIRST_PAUSE, |pause| (2 * pause).min(SECOND));
                self.stalled = Some(pause);
                Sync::NoRoom { pause, error }
            }
            Err(error) => Sync::Failed(error),
        }
    }

    /// Whether clients are served.
    pub(crate) const fn serves(&self) -> bool {
        !self.failed && self.stalled.is_none()
    }

    /// Whether a sync is under way.
    pub(crate) const fn is_syncing(&self) -> bool {
        !self.syncing.is_empty()
    }

    /// Sees to it that the process is woken when it wants to be.
    pub(crate) fn set_alarm(
        &mut self,
        now: True,
        side: usize,
        clock: &SimClock,
        agenda: &mut Agenda,
    ) {
        let wanted = self.keeper.next_wake().map(|at| clock.when(at).max(now + 1));
        if let Some(at) =
            wanted.filter(|at| self.wake.is_none_or(|known| known > *at || known <= now))
        {
            self.wake = Some(at);
            agenda.at(at, Happening::Wake { side, boot: self.boot, at });
        }
    }

    /// Whether this is the alarm that was set last; it is over.
    pub(crate) fn wakes(&mut self, at: True) -> bool {
        let is_last = self.wake == Some(at);
        if is_last {
            self.wake = None;
        }
        is_last
    }
}

/// A machine.
#[derive(Debug)]
pub(crate) struct Machine {
    /// Which of the two; its address does not change with its role.
    pub(crate) side: usize,
    /// Its clocks.
    pub(crate) clock: SimClock,
    /// Its disk.
    pub(crate) disk: SimDisk,
    /// Size of a segment of the store.
    segment_octets: u32,
    /// What a sync takes, in microseconds.
    pub(crate) sync: u64,
    /// How the relationship is configured.
    pub(crate) config: RelationshipConfig,
    lease: u32,
    longest_lease: u32,
    /// What runs on it.
    pub(crate) process: Option<Process>,
    /// Number of the latest process.
    pub(crate) boot: u64,
    /// After so many outputs more the process dies.
    pub(crate) outputs_left: Option<u64>,
    /// Chooses where in the middle of a commit a process dies.
    random: Prng,
}

impl Machine {
    /// A machine of a scenario, not running.
    pub(crate) fn new(scenario: &Scenario, side: usize) -> Self {
        let (offset, drift) = scenario.clocks.get(side).copied().unwrap_or_default();
        let disks = stream::DISKS.get(side).copied().unwrap_or_default();
        let role = if side == 0 { Role::Primary } else { Role::Secondary };
        Self {
            side,
            clock: SimClock::new(offset, drift),
            disk: SimDisk::new(Prng::new(scenario.seed, disks)),
            segment_octets: scenario.segment_octets,
            sync: scenario.sync,
            config: relationship(scenario, role),
            lease: scenario.lease,
            longest_lease: scenario.longest_lease(),
            process: None,
            boot: 0,
            outputs_left: None,
            random: Prng::new(scenario.seed, disks + 1000),
        }
    }

    /// Both readings of its clocks.
    pub(crate) fn now(&self, at: True) -> Now {
        self.clock.now(at)
    }

    /// The endpoint that runs.
    pub(crate) fn endpoint(&self) -> Option<&FailoverEndpoint> {
        self.process.as_ref()?.endpoint()
    }

    /// Starts a process; what it found on its disk is returned as well.
    pub(crate) fn start(&mut self, at: True) -> Result<Recovered, StartFailure> {
        self.boot += 1;
        self.outputs_left = None;
        self.clock.start_process(at);
        let now = self.now(at);
        let mut store =
            store::open(&self.disk, self.segment_octets).map_err(StartFailure::Store)?;
        let name = format!("relationship:{RELATIONSHIP}");
        let (owner, recovered) = store.open_owner(&name).map_err(StartFailure::Store)?;
        let plan = self.plan();
        let owners = open_owners(&plan, &mut *store, 0, now)
            .map_err(|error| StartFailure::Other(error.to_string()))?;
        let service =
            DhcpService::new(plan.dhcp).map_err(|error| StartFailure::Other(error.to_string()))?;
        self.process = Some(Process {
            boot: self.boot,
            keeper: Keeper::new(OwnerSet::new(owners), service),
            owner,
            store,
            waiting: VecDeque::new(),
            syncing: Vec::new(),
            syncing_upto: CommitId(0),
            stalled: None,
            wake: None,
            dialling: false,
            failed: false,
        });
        Ok(recovered)
    }

    /// The process dies, in the middle of a commit if one is under way.
    pub(crate) fn kill(&mut self, power: bool) {
        if let Some(mut process) = self.process.take() {
            if process.is_syncing() && self.random.chance(700) {
                self.disk.die_in(self.random.below(6));
                // What comes of it is for the next start to find out.
                let _outcome = process.sync();
            }
            drop(process);
            self.disk.crash(power);
        }
        self.outputs_left = None;
    }

    /// A new, empty disk. The administrator says when the old one was lost.
    pub(crate) fn wipe(&mut self, at: True) {
        self.disk = SimDisk::new(Prng::new(self.random.next(), 0));
        self.config.storage_lost_at = Some(self.now(at).wall);
    }

    fn plan(&self) -> Plan {
        let [one, other] = if self.side == 0 { [0, 1] } else { [1, 0] };
        let address = |side: usize| {
            let address = SERVERS.get(side).copied().unwrap_or(RELAY);
            std::net::SocketAddrV4::new(address, 647)
        };
        let pools = (0_u16..).zip(&self.config.ranges).map(|(id, range)| PoolConfig {
            owner: 0,
            range_id: RangeId(id),
            range: *range,
            dynamic_bootp: false,
        });
        let subnet = SubnetConfig {
            network: Ipv4Network::containing(RELAY, 16),
            options: OptionSet::default(),
            default_lease_time: self.lease,
            min_lease_time: 60,
            max_lease_time: self.longest_lease,
            pools: pools.collect(),
            reservations: Vec::new(),
        };
        Plan {
            relationships: vec![RelationshipPlan {
                address: address(one),
                peer_address: address(other),
                tls: None,
                endpoint: self.config.clone(),
            }],
            alone: None,
            dhcp: DhcpConfig {
                authoritative: true,
                ping_timeout: None,
                server_identifier: None,
                subnets: vec![subnet],
            },
        }
    }
}

/// Why a process does not start.
#[derive(Debug)]
pub(crate) enum StartFailure {
    /// Its store cannot be opened.
    Store(StoreError),
    /// Anything else, which should not happen here.
    Other(String),
}

fn relationship(scenario: &Scenario, role: Role) -> RelationshipConfig {
    let range = AddressRange::new(FIRST, scenario.last());
    let mut config = RelationshipConfig::new(RELATIONSHIP, role, range.into_iter().collect());
    config.dialect = scenario.dialect;
    // Small windows are to have an effect.
    config.twinlease_window = 0;
    config.receive_timer = scenario.receive_timer;
    config.mclt = Mclt(scenario.mclt);
    config.hash_buckets = HashBuckets::from_split(scenario.split).unwrap_or_else(HashBuckets::half);
    config.safe_period = scenario
        .safe_period
        .map(|seconds| std::time::Duration::from_micros(u64::from(seconds) * SECOND));
    config
}
