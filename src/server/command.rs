//! What the admin listener and signals say to the engine, and what it answers.
//!
//! The engine owns every binding, so nobody reads them past it: a question travels over a bounded
//! channel together with the way back for the answer. A question whose asker went away is answered
//! into the void; that is no error.

use std::fmt;
use std::net::Ipv4Addr;
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use crate::balance::Role;
use crate::binding::{AddressRange, Binding};
use crate::server::metrics::Samples;
use crate::time::{TimeDelta, UnixTime};
use crate::wire::codes::{BindingStatus, FailoverState};

/// Commands that may wait for the engine; whoever sends one more waits.
pub const MAX_QUEUED_COMMANDS: usize = 64;

/// Bindings that the engine looks at for one page, so that clients never wait for a listing.
pub const MAX_PAGE: usize = 1024;

/// The way into the engine.
pub type CommandSender = mpsc::Sender<AdminCommand>;

/// The engine's end of it.
pub type CommandReceiver = mpsc::Receiver<AdminCommand>;

/// A bounded channel of commands.
pub fn channel() -> (CommandSender, CommandReceiver) {
    mpsc::channel(MAX_QUEUED_COMMANDS)
}

/// What is asked of the engine.
#[derive(Debug)]
pub enum AdminCommand {
    /// How every relationship stands.
    Status {
        /// One report a relationship, in the order of the configuration.
        answer: oneshot::Sender<Vec<RelationshipReport>>,
    },
    /// The bindings in ascending order of address, a page at a time.
    Leases {
        /// Which part of them.
        query: LeaseQuery,
        /// The page.
        answer: oneshot::Sender<LeasePage>,
    },
    /// Everything that is counted.
    Metrics {
        /// The samples.
        answer: oneshot::Sender<Samples>,
    },
    /// The operator declares that the partner is down (§9.4).
    PartnerDown {
        /// relationship-name.
        relationship: String,
        /// Also where leases granted before are not known.
        forced: bool,
        /// Answered once the new state is durable, or with the reason why not.
        answer: oneshot::Sender<Result<(), CommandError>>,
    },
    /// The operator hands everything over to the partner (§9.14).
    Shutdown {
        /// relationship-name.
        relationship: String,
        /// Answered once the new state is durable, or with the reason why not.
        answer: oneshot::Sender<Result<(), CommandError>>,
    },
    /// The process is about to end: pause every relationship, tell the partners, make everything
    /// durable (§9.13). The engine ends after its answer.
    Stop {
        /// Answered when all is done.
        answer: oneshot::Sender<()>,
    },
}

/// Why an operator's word is not followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommandError {
    /// No relationship has this name.
    UnknownRelationship {
        /// The name asked for.
        name: String,
        /// The names there are.
        known: Vec<String>,
    },
    /// The relationship is in a state in which this must not be done.
    Refused {
        /// The reason, and what would be right.
        reason: String,
    },
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownRelationship { name, known } if known.is_empty() => {
                write!(f, "there is no relationship \"{name}\"; none is configured")
            }
            Self::UnknownRelationship { name, known } => {
                write!(f, "there is no relationship \"{name}\"; configured: {}", known.join(", "))
            }
            Self::Refused { reason } => f.write_str(reason),
        }
    }
}

impl std::error::Error for CommandError {}

/// Whether the partner can be talked to (§8.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommunicationsReport {
    /// CONNECT and STATE have been exchanged on a live connection.
    Ok,
    /// They have not.
    Interrupted,
}

/// Whether both servers hold the same bindings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyncReport {
    /// Nothing waits to be told or asked.
    Synced,
    /// An exchange of all or of the unacknowledged bindings is running.
    Syncing,
    /// Nothing has been exchanged since the last interruption.
    NotSynced,
}

/// How one relationship stands.
#[derive(Clone, Debug)]
pub struct RelationshipReport {
    /// relationship-name.
    pub name: String,
    /// Own role.
    pub role: Role,
    /// Own state.
    pub state: FailoverState,
    /// When it was entered.
    pub state_since: UnixTime,
    /// What the partner announced last; `None` if it never did.
    pub partner_state: Option<FailoverState>,
    /// Whether it can be talked to.
    pub communications: CommunicationsReport,
    /// Whether both hold the same.
    pub sync: SyncReport,
    /// BNDUPDs sent and not answered.
    pub unacked_updates: u64,
    /// Updates that wait to be sent.
    pub queued_updates: u64,
    /// Local clock minus the partner's.
    pub clock_delta: TimeDelta,
    /// Its pools in the order of the configuration.
    pub pools: Vec<PoolReport>,
}

/// How many addresses of one pool have each binding status.
#[derive(Clone, Debug)]
pub struct PoolReport {
    /// The addresses.
    pub range: AddressRange,
    /// Indexed by [`BindingStatus::code`] less 1.
    counts: [u64; BindingStatus::ALL.len()],
}

impl PoolReport {
    /// A pool without any count.
    pub const fn new(range: AddressRange) -> Self {
        Self { range, counts: [0; BindingStatus::ALL.len()] }
    }

    /// Sets how many addresses have `status`.
    pub fn set(&mut self, status: BindingStatus, count: u64) {
        if let Some(slot) = self.counts.get_mut(usize::from(status.code()).wrapping_sub(1)) {
            *slot = count;
        }
    }

    /// How many addresses have `status`.
    pub fn count(&self, status: BindingStatus) -> u64 {
        self.counts.get(usize::from(status.code()).wrapping_sub(1)).copied().unwrap_or(0)
    }
}

/// Which bindings are asked for.
#[derive(Clone, Debug, Default)]
pub struct LeaseQuery {
    /// Only addresses after this one.
    pub after: Option<Ipv4Addr>,
    /// Only this address.
    pub address: Option<Ipv4Addr>,
    /// Only this status.
    pub status: Option<BindingStatus>,
    /// Only addresses of this relationship.
    pub relationship: Option<String>,
}

/// A run of bindings in ascending order of address. Addresses that were never used are left out.
#[derive(Clone, Debug, Default)]
pub struct LeasePage {
    /// The bindings that the query asks for; at most [`MAX_PAGE`].
    pub leases: Vec<LeaseReport>,
    /// The last address looked at, to be given as [`LeaseQuery::after`]; `None` at the end.
    pub next: Option<Ipv4Addr>,
}

/// One binding and whose it is.
#[derive(Clone, Debug)]
pub struct LeaseReport {
    /// The binding.
    pub binding: Binding,
    /// Its relationship; `None` in a pool without one.
    pub relationship: Option<Arc<str>>,
}
