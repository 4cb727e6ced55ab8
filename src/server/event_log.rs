//! Events of relationships as log lines: every change of state, and what a partner can repeat at will
//! only so often.

use std::collections::BTreeMap;

use crate::endpoint::Event;
use crate::rate_limit::RateLimit;
use crate::time::Instant;

/// Lines about the same kind of thing in one relationship within ten seconds.
const BURST: u32 = 20;

/// Kinds of event that a partner can bring about as often as it likes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Repeatable {
    Refused,
    Rejected,
    RejectedByPartner,
    ClockJumped,
    Unexpected,
    Requests,
}

impl Repeatable {
    /// `None` for what is rare by nature, or must not be missed.
    fn of(event: &Event) -> Option<Self> {
        match event {
            Event::ConnectionRefused(_) => Some(Self::Refused),
            Event::UpdateRejected { .. } => Some(Self::Rejected),
            Event::UpdateRejectedByPartner { .. } => Some(Self::RejectedByPartner),
            Event::ClockJumped { .. } => Some(Self::ClockJumped),
            Event::Unexpected { .. } => Some(Self::Unexpected),
            Event::PartnerRequestsUpdates { .. } | Event::PartnerUpdated { .. } => {
                Some(Self::Requests)
            }
            Event::Transition { .. }
            | Event::PartnerState { .. }
            | Event::CommunicationsOk { .. }
            | Event::CommunicationsInterrupted(_)
            | Event::UpdatesRequested { .. }
            | Event::UpdatesComplete { .. }
            | Event::PoolBalanced { .. }
            | Event::DnsUpdateDue { .. }
            | Event::DnsRemovalDue { .. }
            | Event::PartnerUpdatesDns { .. }
            | Event::StorageFailed => None,
        }
    }
}

/// Writes events, each as one line.
#[derive(Debug, Default)]
pub(super) struct EventLog {
    limits: BTreeMap<(usize, Repeatable), RateLimit>,
}

impl EventLog {
    /// Logs an event of the relationship with this name, which is owner number `owner`.
    pub(super) fn log(&mut self, owner: usize, relationship: &str, event: &Event, now: Instant) {
        let allowed = match Repeatable::of(event) {
            None => Some(0),
            Some(kind) => {
                let limit = self.limits.entry((owner, kind));
                limit.or_insert(RateLimit::with_burst(BURST)).pass(now)
            }
        };
        match (allowed, event.is_warning()) {
            (None, _) => {}
            (Some(0), true) => tracing::warn!(relationship, "{event}"),
            (Some(0), false) => tracing::info!(relationship, "{event}"),
            (Some(suppressed), true) => tracing::warn!(relationship, suppressed, "{event}"),
            (Some(suppressed), false) => tracing::info!(relationship, suppressed, "{event}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::FailoverState;

    #[test]
    fn a_transition_is_never_held_back() {
        let event = Event::Transition {
            from: FailoverState::Normal,
            to: FailoverState::PartnerDown,
            row: "",
            why: "",
        };
        assert_eq!(Repeatable::of(&event), None);
    }
}
