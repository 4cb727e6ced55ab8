//! The values that go into and come out of a [`FailoverEndpoint`](super::FailoverEndpoint).

use crate::durable::{Commit, CommitId};
use crate::endpoint::event::Event;
use crate::time::{Instant, UnixTime};
use crate::wire::error::DecodeError;
use crate::wire::frame::Frame;

/// One TCP connection to the partner, named by the driver. Never reused within a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkId(pub u64);

/// Who opened a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// This server dialled, after [`Output::Connect`].
    Dialled,
    /// The partner dialled.
    Accepted,
}

/// What this server is in a TLS handshake. The draft leaves it open; whoever speaks first in the
/// protocol, the primary, is the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsSide {
    /// The primary.
    Client,
    /// The secondary.
    Server,
}

/// Why a dial attempt failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectFailure {
    /// The partner's machine answers, nothing listens.
    Refused,
    /// Nobody answered, or no way there.
    Unreachable,
}

/// What happens to an endpoint. Exhaustive on purpose: a new kind must break every driver.
#[derive(Debug)]
pub enum Input<'a> {
    /// A TCP connection with the configured partner is up.
    Connected {
        /// Its name from now on.
        link: LinkId,
        /// Who opened it.
        origin: Origin,
    },
    /// The dial attempt asked for by [`Output::Connect`] failed.
    ConnectFailed(ConnectFailure),
    /// A whole message arrived.
    Received {
        /// On which connection.
        link: LinkId,
        /// The message, cut out of the stream by a `Deframer`.
        frame: Frame<'a>,
    },
    /// The stream cannot be cut into messages any more.
    Garbled {
        /// The connection.
        link: LinkId,
        /// What is wrong with it.
        error: DecodeError,
    },
    /// TLS, asked for by [`Output::StartTls`], stands: the partner has shown a certificate that it
    /// is to be known by, and no octet came in clear behind the message that led to it.
    TlsEstablished {
        /// The connection.
        link: LinkId,
    },
    /// TLS did not come about on the connection, or broke.
    TlsFailed {
        /// The connection.
        link: LinkId,
        /// Why, for people.
        reason: &'a str,
        /// One server does not accept what the other is; until somebody mends that it will not.
        refused: bool,
    },
    /// The connection is gone: closed by the partner, or broken.
    Disconnected {
        /// The connection.
        link: LinkId,
    },
    /// The wake-up time of [`Output::Idle`] has come, or may have.
    TimeReached,
    /// Every commit up to and including this one is on stable storage.
    Committed(CommitId),
    /// Stable storage failed. The endpoint promises nothing any more (§9.2) and leaves the partner.
    StorageFailed,
    /// An operator's word.
    Operator(OperatorCommand),
}

/// What an operator may say to an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OperatorCommand {
    /// The partner is not running and will not run (§9.4).
    PartnerDown {
        /// Also from the RECOVER states, where leases granted before are not known.
        forced: bool,
    },
    /// A short stop: the partner goes on in COMMUNICATIONS-INTERRUPTED (§9.13).
    Pause,
    /// A long stop: the partner enters PARTNER-DOWN (§9.14).
    Shutdown,
    /// The next CONNECT may carry an earlier time than the last: a clock was set back (§11.1).
    ForgetConnectTime,
    /// The partner is worked on: however long it stays away, it is not declared down automatically
    /// (§10) before this moment. `None` ends that.
    Maintenance {
        /// The end, in the local clock.
        until: Option<UnixTime>,
    },
    /// In NORMAL, tell the partner every lease once more, and ask it for what was never
    /// acknowledged here.
    Resynchronise,
    /// In NORMAL, divide the unused addresses anew, however small the difference (§5.4).
    Rebalance,
}

/// What an endpoint wants done. The order carries meaning: a commit precedes what promises it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Make this durable, then say [`Input::Committed`].
    Commit(Commit),
    /// Dial the partner, then say `Connected` or `ConnectFailed`.
    Connect,
    /// Octets wait in `take_transmit` for this connection.
    Transmit(LinkId),
    /// Write what waits in `take_transmit` for this connection in clear, then negotiate TLS on it at
    /// once and say `TlsEstablished` or `TlsFailed`. Whatever the partner sends from now on belongs
    /// to TLS; there is nothing to transmit before it stands.
    StartTls {
        /// The connection.
        link: LinkId,
        /// Which part this server plays.
        side: TlsSide,
    },
    /// Close the connection once what was transmitted before is written; no `Disconnected` follows.
    Close(LinkId),
    /// For logs, metrics and the operator.
    Event(Event),
    /// Nothing more to do before `wake_at`, if anything at all.
    Idle {
        /// When to say [`Input::TimeReached`].
        wake_at: Option<Instant>,
    },
}
