//! What the admin listener and signals say to the engine, and what it answers.
//!
//! The engine owns every binding, so nobody reads them past it: a question travels over a bounded
//! channel together with the way back for the answer. A question whose asker went away is answered
//! into the void; that is no error.

use std::fmt;
use std::net::Ipv4Addr;
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use crate::binding::{Binding, Client};
use crate::dhcp::Preview;
use crate::endpoint::explain::{AddressExplanation, ClientExplanation};
use crate::endpoint::{OperatorCommand, Status};
use crate::server::config::Config;
use crate::server::feed::Watch;
use crate::server::metrics::Samples;
use crate::wire::codes::BindingStatus;

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

/// How the server stands.
#[derive(Debug)]
pub struct ServerStatus {
    /// Whether anything can be promised.
    pub storage: Storage,
    /// One status a relationship, in the order of the configuration.
    pub relationships: Vec<Status>,
}

/// What the store can take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Storage {
    /// Everything.
    Ok,
    /// Nothing for now: the disk is full or takes no writes.
    NoRoom,
}

impl Storage {
    /// "ok" or "no-room".
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::NoRoom => "no-room",
        }
    }
}

/// What is asked of the engine.
#[derive(Debug)]
pub enum AdminCommand {
    /// How every relationship stands.
    Status {
        /// The whole server's.
        answer: oneshot::Sender<ServerStatus>,
    },
    /// The bindings in ascending order of address, a page at a time.
    Leases {
        /// Which part of them.
        query: LeaseQuery,
        /// The page.
        answer: oneshot::Sender<LeasePage>,
    },
    /// What would be done for an address or a client now, and why.
    Why {
        /// Whom or what it is about.
        about: WhyQuestion,
        /// One answer an owner that has something to say.
        answer: oneshot::Sender<Vec<WhyReport>>,
    },
    /// Everything that is counted.
    Metrics {
        /// The samples.
        answer: oneshot::Sender<Samples>,
    },
    /// Somebody wants to be told what happens.
    Watch {
        /// Number of the last event known; 0 for none.
        after: u64,
        /// What has happened since, and what will.
        answer: oneshot::Sender<Watch>,
    },
    /// The operator declares that the partner is down (§9.4).
    PartnerDown {
        /// relationship-name.
        relationship: String,
        /// Also where leases granted before are not known.
        forced: bool,
        /// Also while the partner answers: why that is right was said.
        overrules: bool,
        /// Answered once the new state is durable, or with the reason why not.
        answer: oneshot::Sender<Result<(), CommandError>>,
    },
    /// Another word of the operator to a relationship.
    Operate {
        /// relationship-name.
        relationship: String,
        /// What.
        command: OperatorCommand,
        /// Answered once what follows from it is durable, or with the reason why not.
        answer: oneshot::Sender<Result<(), CommandError>>,
    },
    /// The operator frees an abandoned address (§5.11).
    Reset {
        /// The address.
        address: Ipv4Addr,
        /// Answered once it is durable.
        answer: oneshot::Sender<Result<(), CommandError>>,
    },
    /// Another configuration takes the place of the present one.
    Apply {
        /// The new one.
        config: Box<Config>,
        /// Answered once it serves, or with the reason why it does not.
        answer: oneshot::Sender<Result<Applied, CommandError>>,
    },
    /// The process is about to end: pause every relationship, tell the partners, make everything
    /// durable (§9.13). The engine ends after its answer.
    Stop {
        /// Answered when all is done.
        answer: oneshot::Sender<()>,
    },
}

/// What came of another configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// Relationships that began anew, are new, or are gone; and the pools without one, if any of that
    /// is true of them.
    pub changed: Vec<String>,
    /// Keys with another value than before that counts after a restart only.
    pub needs_restart: Vec<String>,
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
    /// The address is in no pool of this server.
    UnknownAddress(Ipv4Addr),
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
            Self::UnknownAddress(address) => {
                write!(f, "{address} is in no pool of this server")
            }
            Self::Refused { reason } => f.write_str(reason),
        }
    }
}

impl std::error::Error for CommandError {}

/// What an operator wants to understand.
#[derive(Clone, Debug)]
pub enum WhyQuestion {
    /// An address.
    Address(Ipv4Addr),
    /// A client, by its identifier or hardware address.
    Client(Client),
}

/// What one owner of pools would do.
#[derive(Clone, Debug)]
pub struct WhyReport {
    /// Its relationship; `None` for pools without one.
    pub relationship: Option<Arc<str>>,
    /// What it would do, and why.
    pub explanation: Explanation,
}

/// The two kinds of answer.
#[derive(Clone, Debug)]
pub enum Explanation {
    /// About an address.
    Address(AddressExplanation),
    /// About a client.
    Client {
        /// What the owner of the pools says.
        explained: ClientExplanation,
        /// What a DISCOVER would bring it on each network where the owner has pools.
        offers: Vec<Preview>,
    },
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

impl LeaseQuery {
    /// Of one address, which is on the first page if it was ever used.
    pub fn of_address(address: Ipv4Addr) -> Self {
        let after = address.to_bits().checked_sub(1).map(Ipv4Addr::from_bits);
        Self { after, address: Some(address), ..Self::default() }
    }
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
