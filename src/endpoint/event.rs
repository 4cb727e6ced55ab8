//! What an endpoint tells logs, metrics and the operator.

use core::fmt;
use core::net::Ipv4Addr;

use crate::time::UnixTime;
use crate::wire::codes::{DdnsFlags, FailoverState, MessageType, RejectReason};
use crate::wire::error::DecodeError;

/// One thing worth telling.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// The endpoint changed its state.
    Transition {
        /// State before.
        from: FailoverState,
        /// State now.
        to: FailoverState,
        /// Why, as a row of the transition table.
        row: &'static str,
        /// Why, in words.
        why: &'static str,
    },
    /// The partner announced a state other than the one before.
    PartnerState {
        /// What it announced before, if anything.
        from: Option<FailoverState>,
        /// What it announces now.
        to: FailoverState,
        /// It is still in STARTUP.
        startup: bool,
    },
    /// CONNECT was accepted and the partner's STATE has arrived (§8.3).
    CommunicationsOk {
        /// The partner's vendor-class-identifier as text.
        vendor_class: String,
    },
    /// TLS stands on a connection.
    Secured,
    /// The connection ended after communications were okay.
    CommunicationsInterrupted(LinkEnd),
    /// A connection ended before communications were okay.
    ConnectionRefused(LinkEnd),
    /// The partner rejected an update; it keeps its own view of the address.
    UpdateRejectedByPartner {
        /// The address.
        address: Ipv4Addr,
        /// Its reason.
        reason: RejectReason,
        /// Its words.
        text: String,
    },
    /// An update from the partner was rejected.
    UpdateRejected {
        /// The address.
        address: Ipv4Addr,
        /// The reason given.
        reason: RejectReason,
        /// The words given.
        text: &'static str,
    },
    /// The partner's clock moved against ours by more than drift explains.
    ClockJumped {
        /// Seconds that the partner's clock was behind ours before.
        before: i32,
        /// Seconds now.
        now: i32,
    },
    /// A message that the protocol does not foresee here was ignored.
    Unexpected {
        /// Its type.
        message: MessageType,
        /// What is odd about it.
        what: &'static str,
    },
    /// The partner was asked for its bindings.
    UpdatesRequested {
        /// For all of them (UPDREQALL).
        all: bool,
    },
    /// The partner has sent everything that it was asked for.
    UpdatesComplete {
        /// Updates received since the request.
        received: u64,
    },
    /// The partner asks for bindings.
    PartnerRequestsUpdates {
        /// For all of them (UPDREQALL).
        all: bool,
    },
    /// The partner has everything that it asked for.
    PartnerUpdated {
        /// Updates sent to it.
        sent: u64,
    },
    /// Unused addresses were moved to the partner, or called back.
    PoolBalanced {
        /// Addresses given to the partner.
        given: u32,
        /// Addresses called back from it.
        recalled: u32,
    },
    /// The client of a lease granted here is to be put into the DNS (§5.12.3).
    DnsUpdateDue {
        /// Its address.
        address: Ipv4Addr,
    },
    /// This server made an address free: the client's records are to be removed (§5.12.4).
    DnsRemovalDue {
        /// The address.
        address: Ipv4Addr,
        /// The client's name, as in a master file.
        name: String,
        /// Which records there are.
        flags: DdnsFlags,
    },
    /// The partner updates the DNS for its clients; this server is not set up to do so.
    PartnerUpdatesDns {
        /// An address for which it does.
        address: Ipv4Addr,
    },
    /// An operator holds the automatic PARTNER-DOWN back, or it is possible again.
    Maintenance {
        /// Until when, in the local clock; `None` if not any more.
        until: Option<UnixTime>,
    },
    /// Stable storage failed: nothing is promised any more.
    StorageFailed,
}

/// Why a connection ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LinkEnd {
    /// The partner closed it, or it broke.
    Lost,
    /// Nothing arrived for as long as this server's receive-timer.
    Silence,
    /// The set-up did not finish in time.
    SetupTimeout,
    /// The partner sent DISCONNECT.
    Disconnected(RejectReason, String),
    /// The partner rejected the CONNECT.
    RejectedByPartner(RejectReason, String),
    /// This server rejected the partner's CONNECT or CONNECTACK.
    Rejected(RejectReason, &'static str),
    /// The partner's octets make no sense.
    Garbled(DecodeError),
    /// A message that may not come at this point.
    ProtocolError(MessageType, &'static str),
    /// Updates stayed away for too long while bindings were asked for.
    Stalled,
    /// The partner acknowledged no update for too long.
    Unacknowledged,
    /// An announcement that this partner cannot take on an open connection.
    StateNotTakenByPartner(FailoverState),
    /// One server does not let the other in over TLS; why, in words that may be the partner's.
    Tls(String),
    /// TLS was not finished, or broke; why, in words that may be the partner's.
    TlsBroken(String),
    /// With a shared secret in use xids may not begin anew on a connection (§11.1).
    XidsUsedUp,
    /// A newer connection of the same partner replaced it.
    Replaced,
    /// This server is stopping.
    Stopping,
}

impl Event {
    /// Whether an operator should look at it.
    pub fn is_warning(&self) -> bool {
        match self {
            Self::Transition { to, .. } => matches!(
                to,
                FailoverState::CommunicationsInterrupted
                    | FailoverState::ResolutionInterrupted
                    | FailoverState::PotentialConflict
                    | FailoverState::PartnerDown
            ),
            // The two servers hear of a client, or see a lease end, at different moments: whoever is
            // behind is told so, and both go on.
            Self::UpdateRejected { reason, .. } | Self::UpdateRejectedByPartner { reason, .. } => {
                *reason != RejectReason::OUTDATED
            }
            Self::CommunicationsInterrupted(_)
            | Self::ConnectionRefused(_)
            | Self::ClockJumped { .. }
            | Self::Unexpected { .. }
            | Self::PartnerUpdatesDns { .. }
            | Self::StorageFailed => true,
            Self::PartnerState { .. }
            | Self::CommunicationsOk { .. }
            | Self::Secured
            | Self::UpdatesRequested { .. }
            | Self::UpdatesComplete { .. }
            | Self::PartnerRequestsUpdates { .. }
            | Self::PartnerUpdated { .. }
            | Self::PoolBalanced { .. }
            | Self::Maintenance { .. }
            | Self::DnsUpdateDue { .. }
            | Self::DnsRemovalDue { .. } => false,
        }
    }
}

/// One line, whatever a partner's words contain.
impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = |all: &bool| if *all { "all bindings" } else { "bindings not yet acknowledged" };
        match self {
            Self::Transition { from, to, row, why } => {
                write!(f, "state {from} -> {to}: {why} ({row})")
            }
            Self::PartnerState { from: Some(from), to, startup } => {
                write!(f, "partner state {from} -> {to}")?;
                if *startup { f.write_str(" (in startup)") } else { Ok(()) }
            }
            Self::PartnerState { from: None, to, .. } => write!(f, "partner state {to}"),
            Self::CommunicationsOk { vendor_class } => {
                write!(f, "communications ok with {vendor_class:?}")
            }
            Self::Secured => f.write_str("connection secured by TLS"),
            Self::CommunicationsInterrupted(end) => write!(f, "communications interrupted: {end}"),
            Self::ConnectionRefused(end) => write!(f, "connection not established: {end}"),
            Self::UpdateRejectedByPartner { address, reason, text } => {
                write!(
                    f,
                    "partner rejects the update of {address}: {} ({text:?}; {})",
                    reason.text(),
                    reason.rule()
                )
            }
            Self::UpdateRejected { address, reason, text } => {
                let rule = reason.rule();
                write!(f, "update of {address} rejected: {} ({text}; {rule})", reason.text())
            }
            Self::ClockJumped { before, now } => {
                write!(f, "partner's clock was {before} s behind and is now {now} s behind")
            }
            Self::Unexpected { message, what } => write!(f, "{} ignored: {what}", message.name()),
            Self::UpdatesRequested { all } => write!(f, "asking the partner for {}", what(all)),
            Self::UpdatesComplete { received } => {
                write!(f, "partner has sent everything asked for: {received} updates")
            }
            Self::PartnerRequestsUpdates { all } => write!(f, "partner asks for {}", what(all)),
            Self::PartnerUpdated { sent } => {
                write!(f, "partner has answered everything it asked for: {sent} updates")
            }
            Self::PoolBalanced { given, recalled } => {
                write!(f, "pools balanced: {given} addresses given, {recalled} called back")
            }
            Self::DnsUpdateDue { address } => {
                write!(f, "the client of {address} is to be put into the DNS")
            }
            Self::DnsRemovalDue { address, name, .. } => {
                write!(f, "{name} and {address} are to be removed from the DNS")
            }
            Self::PartnerUpdatesDns { address } => write!(
                f,
                "partner updates the DNS, for {address} among others; this server does not, and removes no records"
            ),
            Self::Maintenance { until: Some(UnixTime(until)) } => {
                write!(f, "maintenance until {until}: the partner is not declared down before")
            }
            Self::Maintenance { until: None } => {
                f.write_str("maintenance is over: the safe period counts again")
            }
            Self::StorageFailed => {
                f.write_str("stable storage failed; nothing is promised any more")
            }
        }
    }
}

/// One line, whatever a partner's words contain.
impl fmt::Display for LinkEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lost => f.write_str("connection lost"),
            Self::Silence => f.write_str("nothing heard for max-response-delay"),
            Self::SetupTimeout => f.write_str("set-up not finished in time"),
            Self::Disconnected(reason, text) => {
                let rule = reason.rule();
                write!(f, "partner disconnects: {} ({text:?}; {rule})", reason.text())
            }
            Self::RejectedByPartner(reason, text) => {
                let rule = reason.rule();
                write!(f, "partner rejects the connection: {} ({text:?}; {rule})", reason.text())
            }
            Self::Rejected(reason, text) => {
                write!(f, "rejected: {} ({text}; {})", reason.text(), reason.rule())
            }
            Self::Garbled(error) => write!(f, "garbled message: {error}"),
            Self::ProtocolError(message, what) => write!(f, "{}: {what}", message.name()),
            Self::Stalled => f.write_str("no update arrived although bindings were asked for"),
            Self::Unacknowledged => f.write_str("no update was acknowledged for too long"),
            Self::StateNotTakenByPartner(state) => {
                write!(
                    f,
                    "closed because this partner cannot be told {state} on an open connection"
                )
            }
            Self::Tls(why) => write!(f, "no TLS: {why:?} (§11.2)"),
            Self::TlsBroken(why) => write!(f, "TLS broken off: {why:?}"),
            Self::XidsUsedUp => f.write_str("the xids of the connection are used up"),
            Self::Replaced => f.write_str("replaced by a newer connection"),
            Self::Stopping => f.write_str("this server is stopping"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partners_words_stay_on_one_line() {
        let end = LinkEnd::Disconnected(RejectReason::UNKNOWN, "bye\n\u{1b}[31mWARN forged".into());
        assert_eq!(
            end.to_string(),
            "partner disconnects: unknown error (\"bye\\n\\u{1b}[31mWARN forged\"; §12.21)"
        );
    }
    #[test]
    fn what_either_server_heard_later_is_told_but_no_warning() {
        let rejected = |reason| Event::UpdateRejectedByPartner {
            address: Ipv4Addr::new(10, 0, 0, 1),
            reason,
            text: String::new(),
        };
        assert!(!rejected(RejectReason::OUTDATED).is_warning());
        assert!(rejected(RejectReason::FATAL_CONFLICT).is_warning());
    }
}
