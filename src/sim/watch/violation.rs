//! What a checker complains of.

use std::fmt;

use crate::sim::clock::True;
use crate::sim::trace::Stamp;

/// A promise that was not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// When it was seen.
    pub at: True,
    /// Which promise.
    pub kind: Kind,
    /// What was seen.
    pub what: String,
}

/// The promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// No address is in use by two clients at once (§3.1).
    TwoHolders,
    /// No lease ends later than MCLT after what the partner has on its disk (§5.2.1).
    BeyondPartner,
    /// What was acknowledged survives any crash.
    Lost,
    /// The state on disk is the one announced last (§9.2).
    State,
    /// An address belongs to one server at a time (§5.4).
    TwoOwners,
    /// No more updates are in flight than the partner allows, and each gets one answer (§7.1, §8.4).
    Window,
    /// Unresponsive states answer nobody, RECOVER-DONE answers renewals only (§9.2).
    Served,
    /// Every transition is one of the table.
    Transition,
    /// A lease ends no later than MCLT after what this server knows that the partner knows (§7.1.5).
    LeaseLimit,
    /// What is promised to the partner lies beyond the lease (§7.1.1).
    Promise,
    /// Nothing is answered before it is durable (§7.2, §9.2).
    Early,
    /// Only an accepted update moves what the partner is known to know (§7.1.5).
    Acknowledged,
    /// An address goes from one client to another by way of FREE or BACKUP alone (§5.11).
    ClientChange,
    /// Both are in NORMAL a stated time after all is well.
    NotNormal,
    /// Nothing waits to be sent or answered then.
    NotDrained,
    /// The pools are balanced then.
    Unbalanced,
    /// Both tables say the same then.
    TablesDiffer,
    /// Time goes on.
    Stuck,
    /// Nothing panics.
    Panic,
}

impl Kind {
    /// Its name in output and in `tests/seeds.txt`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::TwoHolders => "two-holders",
            Self::BeyondPartner => "beyond-partner",
            Self::Lost => "lost",
            Self::State => "state-on-disk",
            Self::TwoOwners => "two-owners",
            Self::Window => "window",
            Self::Served => "served",
            Self::Transition => "transition",
            Self::LeaseLimit => "lease-limit",
            Self::Promise => "promise",
            Self::Early => "early",
            Self::Acknowledged => "acknowledged",
            Self::ClientChange => "client-change",
            Self::NotNormal => "not-normal",
            Self::NotDrained => "not-drained",
            Self::Unbalanced => "unbalanced",
            Self::TablesDiffer => "tables-differ",
            Self::Stuck => "stuck",
            Self::Panic => "panic",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl Violation {
    /// A violation seen at a moment.
    pub const fn new(at: True, kind: Kind, what: String) -> Self {
        Self { at, kind, what }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", Stamp(self.at), self.kind, self.what)
    }
}
