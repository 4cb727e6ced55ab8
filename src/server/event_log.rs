//! Events of relationships as log lines. A partner can bring most of them about as often as it
//! likes, so that each kind is written only so often; the last of those kept back follows when the
//! time is over, so that the log always ends with how things stand.

use std::collections::BTreeMap;

use crate::endpoint::Event;
use crate::rate_limit::RateLimit;
use crate::time::{Instant, Now};

use super::feed::Feed;
use super::reasons::Reasons;

/// Lines about the same kind of thing in one relationship within ten seconds.
const BURST: u32 = 20;

/// Kinds of event, each with a limit of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Transition,
    PartnerState,
    Communications,
    Refused,
    Rejected,
    RejectedByPartner,
    ClockJumped,
    Unexpected,
    Requests,
    Pools,
    Names,
}

impl Kind {
    /// `None` for what happens once in the life of a process, or by an operator's word.
    fn of(event: &Event) -> Option<Self> {
        match event {
            Event::Transition { .. } => Some(Self::Transition),
            Event::PartnerState { .. } => Some(Self::PartnerState),
            Event::CommunicationsOk { .. }
            | Event::Secured
            | Event::CommunicationsInterrupted(_) => Some(Self::Communications),
            Event::ConnectionRefused(_) => Some(Self::Refused),
            Event::UpdateRejected { .. } => Some(Self::Rejected),
            Event::UpdateRejectedByPartner { .. } => Some(Self::RejectedByPartner),
            Event::ClockJumped { .. } => Some(Self::ClockJumped),
            Event::Unexpected { .. } => Some(Self::Unexpected),
            Event::PartnerRequestsUpdates { .. }
            | Event::PartnerUpdated { .. }
            | Event::UpdatesRequested { .. }
            | Event::UpdatesComplete { .. } => Some(Self::Requests),
            Event::PoolBalanced { .. } => Some(Self::Pools),
            Event::DnsUpdateDue { .. }
            | Event::DnsRemovalDue { .. }
            | Event::PartnerUpdatesDns { .. } => Some(Self::Names),
            Event::Maintenance { .. } | Event::StorageFailed => None,
        }
    }
}

/// The limit of one kind, and what it kept back last.
#[derive(Debug)]
struct Limited {
    limit: RateLimit,
    held: Option<Held>,
}

/// An event that was kept back.
#[derive(Debug, PartialEq, Eq)]
struct Held {
    relationship: String,
    event: Event,
}

/// Writes events, each as one line.
#[derive(Debug, Default)]
pub(super) struct EventLog {
    kinds: BTreeMap<(usize, Kind), Limited>,
    reasons: Reasons,
    feed: Feed,
}

impl EventLog {
    /// Logs an event of the relationship with this name, which is owner number `owner`, and tells it to
    /// whoever watches.
    pub(super) fn log(&mut self, owner: usize, relationship: &str, event: Event, now: Now) {
        self.reasons.count(relationship, &event);
        if let Some((event, suppressed)) = self.admit(owner, relationship, event, now.monotonic) {
            write(relationship, &event, suppressed);
            self.feed.tell(relationship, &event, now.wall);
        }
    }

    /// What has been told to watchers.
    pub(super) const fn feed(&self) -> &Feed {
        &self.feed
    }

    /// Why things happened, whether or not there was room in the log for them.
    pub(super) fn reasons(&self) -> &Reasons {
        &self.reasons
    }

    /// Logs what was kept back and may be said now.
    pub(super) fn tick(&mut self, now: Now) {
        for (Held { relationship, event }, suppressed) in self.due(now.monotonic) {
            write(&relationship, &event, suppressed);
            self.feed.tell(&relationship, &event, now.wall);
        }
    }

    /// Owners get other numbers: what was kept back is said, and everybody may say as much as at the
    /// beginning.
    pub(super) fn renumber(&mut self, now: Now) {
        for limited in std::mem::take(&mut self.kinds).into_values() {
            if let Some(Held { relationship, event }) = limited.held {
                write(&relationship, &event, 0);
                self.feed.tell(&relationship, &event, now.wall);
            }
        }
    }

    /// When [`tick`](Self::tick) has something to say.
    pub(super) fn next_timer(&self) -> Option<Instant> {
        let waiting = self.kinds.values().filter(|limited| limited.held.is_some());
        waiting.filter_map(|limited| limited.limit.reopens()).min()
    }

    /// The event, with the number of its kind kept back before it, unless it is kept back itself.
    fn admit(
        &mut self,
        owner: usize,
        relationship: &str,
        event: Event,
        now: Instant,
    ) -> Option<(Event, u64)> {
        let Some(kind) = Kind::of(&event) else { return Some((event, 0)) };
        let limited = self
            .kinds
            .entry((owner, kind))
            .or_insert_with(|| Limited { limit: RateLimit::with_burst(BURST), held: None });
        if let Some(suppressed) = limited.limit.pass(now) {
            limited.held = None;
            return Some((event, suppressed));
        }
        match &mut limited.held {
            Some(held) => held.event = event,
            none => *none = Some(Held { relationship: relationship.to_owned(), event }),
        }
        None
    }

    fn due(&mut self, now: Instant) -> Vec<(Held, u64)> {
        let is_due = |limited: &&mut Limited| {
            limited.held.is_some() && limited.limit.reopens().is_some_and(|at| at <= now)
        };
        let due = self.kinds.values_mut().filter(is_due).filter_map(|limited| {
            let suppressed = limited.limit.pass(now)?;
            // The one that is told now is not among those that are not.
            Some((limited.held.take()?, suppressed.saturating_sub(1)))
        });
        due.collect()
    }
}

fn write(relationship: &str, event: &Event, suppressed: u64) {
    match (suppressed, event.is_warning()) {
        (0, true) => tracing::warn!(relationship, "{event}"),
        (0, false) => tracing::info!(relationship, "{event}"),
        (_, true) => tracing::warn!(relationship, suppressed, "{event}"),
        (_, false) => tracing::info!(relationship, suppressed, "{event}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::FailoverState;

    const AT: Instant = Instant::from_micros(1_000_000);
    const LATER: Instant = Instant::from_micros(11_000_000);

    fn transition(to: FailoverState) -> Event {
        Event::Transition { from: FailoverState::Startup, to, row: "", why: "" }
    }

    /// A log to which so many changes of state in a row were told, and how many lines it wrote.
    fn flooded(count: u32) -> (EventLog, u32) {
        let mut log = EventLog::default();
        let mut lines = 0;
        for number in 0..count {
            let to = if number % 2 == 0 { FailoverState::Paused } else { FailoverState::Normal };
            lines += u32::from(log.admit(0, "a", transition(to), AT).is_some());
        }
        (log, lines)
    }

    #[test]
    fn a_partner_that_changes_its_state_all_the_time_does_not_fill_the_log() {
        assert_eq!(flooded(5000).1, BURST);
    }

    #[test]
    fn the_last_change_of_state_is_told_when_the_time_is_over() {
        let (mut log, _) = flooded(100);
        assert_eq!(log.next_timer(), Some(LATER));
        assert_eq!(log.due(AT), []);
        let held = Held { relationship: "a".to_owned(), event: transition(FailoverState::Normal) };
        assert_eq!(log.due(LATER), [(held, 79)]);
        assert_eq!(log.next_timer(), None);
    }

    #[test]
    fn one_relationship_does_not_silence_another() {
        let (mut log, _) = flooded(100);
        let other = transition(FailoverState::Normal);
        assert_eq!(log.admit(1, "b", other.clone(), AT), Some((other, 0)));
    }
}
