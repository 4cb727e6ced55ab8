//! The values that the endpoint and the store exchange; neither sees the other.
//!
//! Durable before visible: whatever promises a [`Commit`] to a client or to the partner leaves only
//! after the driver has reported the commit's [`CommitId`], or a later one, as durable.

use crate::binding::Binding;
use crate::time::UnixTime;
use crate::wire::codes::FailoverState;

/// Position of a commit in the order in which one owner made them. The first is 1; 0 is the empty
/// past, which is always durable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CommitId(pub u64);

impl CommitId {
    /// The one after this.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

/// One change to be made durable. Commits of one owner become durable in the order of their ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// Its position.
    pub id: CommitId,
    /// What it changes.
    pub change: Change,
}

/// What a commit changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The record of one address replaces the one before.
    Binding(Binding),
    /// The endpoint's own record replaces the one before.
    Endpoint(EndpointRecord),
}

/// What a failover endpoint remembers about itself and its partner across restarts (§9.2, §9.3).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EndpointRecord {
    /// Own state; never STARTUP, which is not recorded.
    pub state: FailoverState,
    /// When `state` was entered. In PARTNER-DOWN this is the T0 of §9.4.2; in PAUSED and SHUTDOWN
    /// it is still the start of `previous_state`.
    pub start_of_state: UnixTime,
    /// The state to return to after PAUSED or SHUTDOWN (§9.13, §9.14).
    pub previous_state: Option<FailoverState>,
    /// The state that the partner announced last.
    pub partner_state: Option<FailoverState>,
    /// When the partner entered it, in the local clock.
    pub partner_start_of_state: UnixTime,
    /// Last known moment at which this server served clients (§9.3.2).
    pub last_operation: UnixTime,
    /// When this server stopped working as far as known; start of the RECOVER-WAIT interval.
    pub down_time: UnixTime,
    /// Own bindings are not complete: ask for all of the partner's (§9.5.2).
    pub storage_lost: bool,
    /// The partner asked for everything and has not been answered yet (§5.16, §5.17).
    pub owes_update_all: bool,
    /// Whether the partner has been in contact since PARTNER-DOWN was entered.
    pub contact_in_partner_down: bool,
    /// MCLT in seconds that a secondary learnt from its primary.
    pub mclt: Option<u32>,
    /// Hash buckets that a secondary learnt from its primary, as carried on the wire.
    pub hash_bucket_assignment: Option<[u8; 32]>,
    /// The latest time that a CONNECT has carried while a shared secret was in use: received by a
    /// secondary, sent by a primary (§11.1).
    pub last_connect_time: Option<UnixTime>,
    /// Leases last heard of before this may have been prolonged by a server that has lost its store
    /// since, without the other's knowledge: they hold until MCLT after what was promised (§5.2.1).
    /// Absent if no store was lost.
    pub unsure_before: UnixTime,
    /// Until then an operator holds the automatic PARTNER-DOWN of §10 back.
    pub maintenance_until: Option<UnixTime>,
}

/// Everything that a store holds for one owner.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Absent on the very first start.
    pub endpoint: Option<EndpointRecord>,
    /// In ascending order of address, each address at most once.
    pub bindings: Vec<Binding>,
}
