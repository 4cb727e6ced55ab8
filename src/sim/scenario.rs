//! What a seed stands for: a pair, its clients, and everything that will go wrong, all of it written
//! down before the world begins, so that a part can be left out and the rest stays what it was.

use std::fmt;
use std::net::Ipv4Addr;

use super::clock::{HOUR, MINUTE, SECOND, True};
use super::prng::Prng;
use crate::wire::dialect::Dialect;

/// The relay agent in the clients' network.
pub(crate) const RELAY: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
/// The first address that is leased.
pub(crate) const FIRST: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 10);
/// The servers' addresses.
pub(crate) const SERVERS: [Ipv4Addr; 2] =
    [Ipv4Addr::new(192, 0, 2, 1), Ipv4Addr::new(192, 0, 2, 2)];

/// Streams of random numbers; clients have those from [`CLIENTS`](stream::CLIENTS) on.
pub(crate) mod stream {
    /// What the pair is like.
    pub(crate) const PAIR: u64 = 1;
    /// What goes wrong.
    pub(crate) const FAULTS: u64 = 2;
    /// How octets travel between the servers.
    pub(crate) const LINKS: u64 = 3;
    /// How long the disk of each side takes, and what a crash leaves.
    pub(crate) const DISKS: [u64; 2] = [4, 5];
    /// The first client.
    pub(crate) const CLIENTS: u64 = 1000;
}

/// What may be chosen about a world.
#[derive(Clone, Debug)]
pub struct Wishes {
    /// Simulated hours before everything is healed.
    pub hours: u32,
    /// Leasable addresses; by default as the seed has it.
    pub addresses: Option<u32>,
    /// Clients; by default as the seed has it.
    pub clients: Option<u32>,
    /// What the partners speak; by default as the seed has it.
    pub dialect: Option<Dialect>,
    /// Kinds of fault that are left out.
    pub without: Vec<FaultKind>,
    /// An address of which the story tells every change.
    pub follow: Option<Ipv4Addr>,
}

impl Default for Wishes {
    fn default() -> Self {
        Self {
            hours: 10,
            addresses: None,
            clients: None,
            dialect: None,
            without: Vec::new(),
            follow: None,
        }
    }
}

/// A pair, its clients and its misfortunes.
#[derive(Clone, Debug)]
pub(crate) struct Scenario {
    /// Where it comes from.
    pub(crate) seed: u64,
    /// When everything is healed.
    pub(crate) end: True,
    /// Leasable addresses.
    pub(crate) addresses: u32,
    /// The numbers of the clients.
    pub(crate) clients: Vec<u32>,
    /// What the partners speak.
    pub(crate) dialect: Dialect,
    /// MCLT in seconds.
    pub(crate) mclt: u32,
    /// Lease in seconds that clients get without a wish.
    pub(crate) lease: u32,
    /// Longest silence on a connection in seconds.
    pub(crate) receive_timer: u32,
    /// Hash buckets of the primary.
    pub(crate) split: u16,
    /// Automatic PARTNER-DOWN after so many seconds.
    pub(crate) safe_period: Option<u32>,
    /// Seconds by which each clock is wrong, and microseconds that it gains in a second.
    pub(crate) clocks: [(i64, i64); 2],
    /// What one sync of each disk takes, in microseconds.
    pub(crate) sync: u64,
    /// Size of the files of each store.
    pub(crate) segment_octets: u32,
    /// Datagrams of clients that get lost, of 1000.
    pub(crate) loss: u64,
    /// An address of which the story tells every change.
    pub(crate) follow: Option<Ipv4Addr>,
    /// In the order of their times.
    pub(crate) faults: Vec<Fault>,
}

/// One thing that goes wrong, or that an operator does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// When.
    pub(crate) at: True,
    /// What.
    pub(crate) what: What,
}

/// What goes wrong. Times are microseconds, sides 0 and 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// A process dies after so many outputs more, and is started again later. With `power` the
    /// machine goes dark as well, and nobody is told that its connections are gone.
    Crash { side: usize, outputs: u64, away: u64, power: bool },
    /// Octets from this side do not arrive for a while; `None` is both directions.
    Block { from: Option<usize>, time: u64 },
    /// The connection breaks in the middle of what is on its way; a side may not notice.
    Cut { deaf: Option<usize> },
    /// Clients do not reach this side for a while.
    ClientsCut { side: usize, time: u64 },
    /// The relay agent of a share of the clients, of 1000, forwards to this side only.
    OneSidedRelay { side: usize, share: u64, time: u64 },
    /// A wall clock is set.
    Jump { side: usize, seconds: i64 },
    /// An oscillator changes: microseconds gained in a second.
    Drift { side: usize, drift: i64 },
    /// A disk has no room left for a while.
    FullDisk { side: usize, time: u64 },
    /// A disk takes so long for a sync, for a while.
    SlowDisk { side: usize, sync: u64, time: u64 },
    /// A disk refuses writes and syncs once, after so many operations.
    FailedWrite { side: usize, operations: u64 },
    /// A write ends in the wrong place.
    Misdirected { side: usize },
    /// The next start cannot read the disk at the first attempt.
    FailedRead { side: usize },
    /// The operator of a side that is alone says so; wrongly if the other lives all the same.
    PartnerDown { side: usize, wrongly: bool },
    /// A short stop.
    Pause { side: usize, time: u64 },
    /// A long stop, announced.
    Shutdown { side: usize, time: u64 },
    /// A machine gets an empty disk; its operator says so.
    Wipe { side: usize },
    /// The primary is started anew with another MCLT.
    Mclt { seconds: u32 },
    /// The primary is started anew with another split.
    Split { buckets: u16 },
    /// Both are stopped while all is well, and started in each other's place.
    SwapRoles,
}

/// Kinds of fault, as they are counted and left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FaultKind(pub &'static str);

/// Every kind with how often it is drawn.
const KINDS: [(&str, u64); 21] = [
    ("crash", 20),
    ("power-loss", 12),
    ("block", 10),
    ("one-way-loss", 8),
    ("stall", 8),
    ("cut", 10),
    ("half-open", 6),
    ("clients-cut", 4),
    ("one-sided-relay", 4),
    ("clock-jump", 3),
    ("clock-drift", 2),
    ("full-disk", 3),
    ("slow-disk", 4),
    ("failed-write", 3),
    ("misdirected-write", 2),
    ("failed-read", 2),
    ("partner-down", 8),
    ("wrong-partner-down", 2),
    ("pause", 4),
    ("shutdown", 3),
    ("wipe", 3),
];

/// Kinds that change the configuration; at most one of each in a world.
const CHANGES: [&str; 3] = ["mclt", "split", "swap-roles"];

impl FaultKind {
    /// Every kind.
    pub fn all() -> impl Iterator<Item = Self> {
        KINDS.iter().map(|(name, _)| *name).chain(CHANGES).map(Self)
    }

    /// The kind of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::all().find(|kind| kind.0 == name)
    }
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.0)
    }
}

impl What {
    /// Its kind.
    pub(crate) fn kind(&self) -> FaultKind {
        FaultKind(match self {
            Self::Crash { power: false, .. } => "crash",
            Self::Crash { power: true, .. } => "power-loss",
            Self::Block { time, .. } if *time < MINUTE / 4 => "stall",
            Self::Block { from: None, .. } => "block",
            Self::Block { from: Some(_), .. } => "one-way-loss",
            Self::Cut { deaf: None } => "cut",
            Self::Cut { deaf: Some(_) } => "half-open",
            Self::ClientsCut { .. } => "clients-cut",
            Self::OneSidedRelay { .. } => "one-sided-relay",
            Self::Jump { .. } => "clock-jump",
            Self::Drift { .. } => "clock-drift",
            Self::FullDisk { .. } => "full-disk",
            Self::SlowDisk { .. } => "slow-disk",
            Self::FailedWrite { .. } => "failed-write",
            Self::Misdirected { .. } => "misdirected-write",
            Self::FailedRead { .. } => "failed-read",
            Self::PartnerDown { wrongly: false, .. } => "partner-down",
            Self::PartnerDown { wrongly: true, .. } => "wrong-partner-down",
            Self::Pause { .. } => "pause",
            Self::Shutdown { .. } => "shutdown",
            Self::Wipe { .. } => "wipe",
            Self::Mclt { .. } => "mclt",
            Self::Split { .. } => "split",
            Self::SwapRoles => "swap-roles",
        })
    }

    fn draw(kind: &str, random: &mut Prng, mclt: u32) -> Self {
        let side = usize::from(random.chance(500));
        let mclt = u64::from(mclt) * SECOND;
        let long = |random: &mut Prng| match random.below(4) {
            0 => random.between(SECOND, MINUTE),
            1 => random.between(MINUTE, 10 * MINUTE),
            2 => random.between(10 * MINUTE, HOUR),
            _ => random.between(mclt / 2, 2 * mclt + 10 * MINUTE),
        };
        match kind {
            "crash" | "power-loss" => Self::Crash {
                side,
                outputs: if random.chance(500) { 0 } else { random.below(40) },
                away: long(random),
                power: kind == "power-loss",
            },
            "stall" => Self::Block {
                from: if random.chance(500) { None } else { Some(side) },
                time: random.between(SECOND, MINUTE / 4 - 1),
            },
            "block" => Self::Block { from: None, time: MINUTE / 4 + long(random) },
            "one-way-loss" => Self::Block { from: Some(side), time: MINUTE / 4 + long(random) },
            "cut" => Self::Cut { deaf: None },
            "half-open" => Self::Cut { deaf: Some(side) },
            "clients-cut" => Self::ClientsCut { side, time: long(random) },
            "one-sided-relay" => {
                Self::OneSidedRelay { side, share: random.between(100, 1000), time: long(random) }
            }
            "clock-jump" => {
                let seconds = random.between(1, 600).cast_signed();
                Self::Jump { side, seconds: if random.chance(500) { seconds } else { -seconds } }
            }
            "clock-drift" => {
                Self::Drift { side, drift: random.between(0, 400).cast_signed() - 200 }
            }
            "full-disk" => Self::FullDisk { side, time: long(random) },
            "slow-disk" => Self::SlowDisk {
                side,
                sync: random.between(SECOND / 10, 8 * SECOND),
                time: long(random),
            },
            "failed-write" => Self::FailedWrite { side, operations: random.below(10) },
            "misdirected-write" => Self::Misdirected { side },
            "failed-read" => Self::FailedRead { side },
            "partner-down" => Self::PartnerDown { side, wrongly: false },
            "wrong-partner-down" => Self::PartnerDown { side, wrongly: true },
            "pause" => Self::Pause { side, time: long(random) },
            "shutdown" => Self::Shutdown { side, time: long(random) },
            "wipe" => Self::Wipe { side },
            "mclt" => Self::Mclt { seconds: *random.pick(&MCLTS).unwrap_or(&3600) },
            "split" => Self::Split { buckets: u16::try_from(random.below(257)).unwrap_or(128) },
            _ => Self::SwapRoles,
        }
    }
}

/// Leases that clients ask for are cut to this, in seconds, or to the usual one if that is longer.
const LONGEST_LEASE: u32 = 7200;

/// MCLTs in seconds.
const MCLTS: [u32; 4] = [300, 900, 1800, 3600];
/// Leases in seconds.
const LEASES: [u32; 5] = [120, 600, 1800, 3600, 7200];

impl Scenario {
    /// What a seed stands for.
    pub(crate) fn new(seed: u64, wishes: &Wishes) -> Self {
        let mut random = Prng::new(seed, stream::PAIR);
        let dialect = if random.chance(500) { Dialect::Isc } else { Dialect::Draft12 };
        let mclt = *random.pick(&MCLTS).unwrap_or(&3600);
        let lease = *random.pick(&LEASES).unwrap_or(&3600);
        let receive_timer = *random.pick(&[15, 30, 60]).unwrap_or(&30);
        let addresses = *random.pick(&[12, 50, 100, 200]).unwrap_or(&200);
        let crowd = random.between(300, 1100);
        let split = match random.below(4) {
            0 => u16::try_from(random.below(257)).unwrap_or(128),
            _ => 128,
        };
        let safe_period =
            random.chance(150).then(|| u32::try_from(random.between(600, 7200)).unwrap_or(3600));
        let clocks = [0, 1].map(|_| {
            let wrong = random.between(0, 40).cast_signed() - 20;
            let drift = random.between(0, 400).cast_signed() - 200;
            if random.chance(500) { (0, 0) } else { (wrong, drift) }
        });
        let sync = random.between(500, 20_000);
        let loss = *random.pick(&[0, 10, 50]).unwrap_or(&0);
        let segment_octets = *random.pick(&[8 << 10, 64 << 10, 1 << 20]).unwrap_or(&(64 << 10));
        let addresses = wishes.addresses.unwrap_or(addresses).clamp(1, 50_000);
        let by_seed = u32::try_from(u64::from(addresses) * crowd / 1000).unwrap_or(addresses);
        let clients = (0..wishes.clients.unwrap_or(by_seed.max(1))).collect();
        let end = u64::from(wishes.hours) * HOUR;
        let faults = draw_faults(seed, end, mclt, wishes);
        Self {
            seed,
            end,
            addresses,
            clients,
            dialect: wishes.dialect.unwrap_or(dialect),
            mclt,
            lease,
            receive_timer,
            split,
            safe_period,
            clocks,
            sync,
            segment_octets,
            loss,
            follow: wishes.follow,
            faults,
        }
    }

    /// The longest lease that a client may have, in seconds.
    pub(crate) fn longest_lease(&self) -> u32 {
        self.lease.max(LONGEST_LEASE)
    }

    /// The last address that is leased.
    pub(crate) fn last(&self) -> Ipv4Addr {
        Ipv4Addr::from_bits(FIRST.to_bits() + self.addresses.saturating_sub(1))
    }
}

/// Draws faults at a rate of the seed's own, an average of three minutes to two hours apart.
fn draw_faults(seed: u64, end: True, mclt: u32, wishes: &Wishes) -> Vec<Fault> {
    let mut random = Prng::new(seed, stream::FAULTS);
    let pause = *random.pick(&[3, 10, 30, 120]).unwrap_or(&30) * MINUTE;
    let total: u64 = KINDS.iter().map(|(_, weight)| weight).sum();
    let mut faults = Vec::new();
    let mut at = 2 * MINUTE;
    loop {
        at += random.between(SECOND, 2 * pause);
        if at >= end {
            break;
        }
        let mut left = random.below(total);
        let mut kinds = KINDS.iter();
        let kind = kinds.find(|(_, weight)| {
            let hit = left < *weight;
            left = left.saturating_sub(*weight);
            hit
        });
        let what = What::draw(kind.map_or("crash", |(name, _)| name), &mut random, mclt);
        faults.push(Fault { at, what });
    }
    for kind in CHANGES {
        let at = random.between(2 * MINUTE, end.max(3 * MINUTE));
        let what = What::draw(kind, &mut random, mclt);
        if random.chance(150) && at < end {
            faults.push(Fault { at, what });
        }
    }
    faults.retain(|fault| !wishes.without.contains(&fault.what.kind()));
    faults.sort_by_key(|fault| fault.at);
    faults
}

/// "crash at 1:02:03.4 (side 0, ...)".
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?}", super::trace::Stamp(self.at), self.what)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_stands_for_the_same_always() {
        let wishes = Wishes::default();
        let (one, two) = (Scenario::new(5, &wishes), Scenario::new(5, &wishes));
        assert_eq!(one.faults, two.faults);
        assert_ne!(one.faults, Scenario::new(6, &wishes).faults);
    }

    #[test]
    fn a_kind_that_is_left_out_does_not_occur_and_the_rest_stays() {
        let all = Scenario::new(5, &Wishes { hours: 100, ..Wishes::default() });
        let without = vec![FaultKind::named("crash").unwrap()];
        let some = Scenario::new(5, &Wishes { hours: 100, without, ..Wishes::default() });
        let mut rest = all.faults;
        rest.retain(|fault| fault.what.kind().0 != "crash");
        assert_eq!(rest, some.faults);
    }

    #[test]
    fn every_kind_is_drawn_under_its_own_name() {
        let mut random = Prng::new(0, 0);
        for kind in FaultKind::all() {
            assert_eq!(What::draw(kind.0, &mut random, 3600).kind(), kind);
        }
    }
}
