//! What is explored: two addresses, two clients, and how much of everything may happen.

use std::net::Ipv4Addr;

use twinlease::balance::Role;
use twinlease::binding::times::Mclt;
use twinlease::binding::{AddressRange, ClientRef, HardwareAddress};
use twinlease::endpoint::RelationshipConfig;
use twinlease::time::{Instant, Now, UnixTime};
use twinlease::wire::dialect::Dialect;

/// Index of the primary.
pub(crate) const PRIMARY: usize = 0;
/// Index of the secondary.
pub(crate) const SECONDARY: usize = 1;
/// Both servers.
pub(crate) const SIDES: [usize; 2] = [PRIMARY, SECONDARY];

/// Addresses of the only pool.
pub(crate) const ADDRESSES: [Ipv4Addr; 2] =
    [Ipv4Addr::new(10, 20, 0, 1), Ipv4Addr::new(10, 20, 0, 2)];
/// How many clients there are.
pub(crate) const CLIENTS: usize = 2;

/// MCLT in seconds.
pub(crate) const MCLT: u16 = 600;
/// How far the clock goes on in one tick, in seconds.
pub(crate) const TICK: u16 = MCLT / 2;
/// Seconds that every client wants.
pub(crate) const LEASE: u32 = 900;
/// Messages with updates that may be unanswered.
pub(crate) const WINDOW: u32 = 1;

/// The wall clock at second 0.
const START: u32 = 1_700_000_000;

/// The present moment at a second of the exploration.
pub(crate) fn now(second: u16) -> Now {
    Now {
        monotonic: Instant::from_micros(u64::from(second) * 1_000_000),
        wall: UnixTime(START + u32::from(second)),
    }
}

/// The second of the exploration at which the wall clock shows `time`; "never" is the last one.
pub(crate) fn second(time: UnixTime) -> u16 {
    u16::try_from(time.0.saturating_sub(START)).unwrap_or(u16::MAX)
}

/// The first belongs to the primary by its hash, the second to the secondary; the third never acts
/// and stands for anybody else.
pub(crate) fn client(number: usize) -> ClientRef<'static> {
    const OCTETS: [u8; CLIENTS + 1] = [0, 1, 2];
    let hardware = HardwareAddress::new(1, &[2, 0, 94, 16, 0, OCTETS[number]]);
    ClientRef { identifier: None, hardware }
}

/// One server's configuration. The connection is given up when it breaks and not for silence: time
/// passes in large steps, and what silence leads to is the same as a break.
pub(crate) fn config(side: usize, dialect: Dialect) -> RelationshipConfig {
    let role = if side == PRIMARY { Role::Primary } else { Role::Secondary };
    let range = AddressRange::new(ADDRESSES[0], ADDRESSES[1]);
    let mut config = RelationshipConfig::new("pair", role, range.into_iter().collect());
    config.mclt = Mclt(u32::from(MCLT));
    config.dialect = dialect;
    config.max_unacked_bndupd = WINDOW;
    config.twinlease_window = 0;
    config.receive_timer = 1_000_000;
    config
}

/// How often each thing may happen on one path. The space below these bounds is finite.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Bounds {
    /// Clients that act.
    pub(crate) clients: u8,
    /// Ticks of the clock.
    pub(crate) ticks: u8,
    /// Requests and releases of clients.
    pub(crate) requests: u8,
    /// Crashes of a server.
    pub(crate) crashes: u8,
    /// Crashes that take the disk with them.
    pub(crate) losses: u8,
    /// Breaks of the connection.
    pub(crate) cuts: u8,
    /// Declarations that the partner is down.
    pub(crate) declarations: u8,
}

impl Bounds {
    /// As numbers, for storing.
    pub(crate) fn to_octets(self) -> [u8; 7] {
        let Self { clients, ticks, requests, crashes, losses, cuts, declarations } = self;
        [clients, ticks, requests, crashes, losses, cuts, declarations]
    }

    /// The inverse.
    pub(crate) fn from_octets(octets: [u8; 7]) -> Self {
        let [clients, ticks, requests, crashes, losses, cuts, declarations] = octets;
        Self { clients, ticks, requests, crashes, losses, cuts, declarations }
    }
}
