//! A picture of an endpoint for operators.

use crate::balance::Role;
use crate::binding::table::BindingTable;
use crate::binding::{AddressRange, table::RangeId};
use crate::time::UnixTime;
use crate::wire::codes::{BindingStatus, FailoverState, Xid};

/// Whether the two servers can talk (§8.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Communications {
    /// TCP is up, CONNECT accepted, STATE received.
    Ok,
    /// Anything less.
    Interrupted,
}

impl Communications {
    /// "ok" or "interrupted".
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Interrupted => "interrupted",
        }
    }
}

/// How far the two databases agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sync {
    /// Communications are ok and nothing waits in either direction.
    Synced,
    /// Updates are on their way.
    Syncing,
    /// Communications are interrupted.
    NotSynced,
}

impl Sync {
    /// "synced", "syncing" or "not-synced".
    pub const fn name(self) -> &'static str {
        match self {
            Self::Synced => "synced",
            Self::Syncing => "syncing",
            Self::NotSynced => "not-synced",
        }
    }
}

/// Binding statuses that exist.
const STATUSES: usize = BindingStatus::ALL.len();

/// Addresses of one range by binding status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RangeCounts {
    /// The range.
    pub range: AddressRange,
    counts: [u32; STATUSES],
}

impl RangeCounts {
    /// Counts the range `id` of `table`.
    pub fn of(table: &BindingTable, id: RangeId, range: AddressRange) -> Self {
        let mut counts = [0; STATUSES];
        for (count, status) in counts.iter_mut().zip(BindingStatus::ALL) {
            *count = table.count(id, *status);
        }
        Self { range, counts }
    }

    /// Addresses with this status.
    pub fn count(&self, status: BindingStatus) -> u32 {
        BindingStatus::ALL
            .iter()
            .zip(self.counts)
            .find_map(|(candidate, count)| (*candidate == status).then_some(count))
            .unwrap_or(0)
    }
}

/// Counts since the endpoint was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Messages received by type code 1 to 12; index 0 counts all others.
    pub received: [u64; 13],
    /// Messages sent by type code 1 to 12.
    pub sent: [u64; 13],
    /// Updates that the partner accepted.
    pub updates_accepted_by_partner: u64,
    /// Updates that the partner rejected.
    pub updates_rejected_by_partner: u64,
    /// Updates accepted from the partner.
    pub updates_accepted: u64,
    /// Updates of the partner that were rejected.
    pub updates_rejected: u64,
    /// Times communications became ok.
    pub connections: u64,
}

/// How far a walk through all addresses has come that tells the partner what it lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Walk {
    /// Addresses passed.
    pub done: u64,
    /// Addresses in all.
    pub total: u64,
}

/// Everything `twinlease status` shows of a relationship.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Name of the relationship.
    pub name: String,
    /// Own role.
    pub role: Role,
    /// Own state; STARTUP while in STARTUP.
    pub state: FailoverState,
    /// When it was entered.
    pub state_since: UnixTime,
    /// The state that the partner announced last, in this run or an earlier one.
    pub partner_state: Option<FailoverState>,
    /// When the partner entered it, in the local clock.
    pub partner_since: UnixTime,
    /// When something arrived on the connection in use; `None` if there is none.
    pub last_contact: Option<UnixTime>,
    /// Whether the two can talk.
    pub communications: Communications,
    /// How far they agree.
    pub sync: Sync,
    /// Updates sent and not answered.
    pub unacked_updates: usize,
    /// Updates not sent yet.
    pub queued_updates: usize,
    /// The xid of the oldest update in flight, if any.
    pub oldest_unacked: Option<Xid>,
    /// The latest xid used.
    pub last_xid: Xid,
    /// Updates that the partner may leave unanswered here, and this server there.
    pub windows: (u32, u32),
    /// The walk under way, if there is one.
    pub walk: Option<Walk>,
    /// Updates received since this server asked for them; `None` if it is not asking.
    pub receiving: Option<u64>,
    /// Local clock minus the partner's, if known.
    pub clock_delta_seconds: Option<i32>,
    /// MCLT in force, in seconds.
    pub mclt: u32,
    /// Until when an operator holds the automatic PARTNER-DOWN back.
    pub maintenance_until: Option<UnixTime>,
    /// Ranges in the order of their `RangeId`.
    pub ranges: Vec<RangeCounts>,
    /// Counters.
    pub stats: Stats,
}
