//! What happens to relationships, for whoever watches: the latest of it, and everything from now on.
//!
//! Told is what changes how a relationship stands, and no more often than the log tells it. What is
//! kept, and what waits for a slow watcher, is bounded; a watcher that falls behind is told so.

use std::collections::VecDeque;

use tokio::sync::broadcast;

use crate::endpoint::Event;
use crate::time::UnixTime;

/// Events that a new watcher is told.
pub const MAX_HISTORY: usize = 256;

/// Events that wait for a slow watcher; it misses those before.
pub const MAX_WAITING: usize = 64;

/// One event of a relationship.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// Counts events since the start of the process, from 1.
    pub number: u64,
    /// When.
    pub at: UnixTime,
    /// relationship-name.
    pub relationship: String,
    /// What.
    pub event: Event,
}

/// The past as far as it is kept, and the way to hear what comes.
#[derive(Debug)]
pub struct Watch {
    /// The oldest first.
    pub past: Vec<Told>,
    /// What comes after it.
    pub coming: broadcast::Receiver<Told>,
}

/// Where events are told.
#[derive(Debug)]
pub(super) struct Feed {
    history: VecDeque<Told>,
    told: u64,
    sender: broadcast::Sender<Told>,
}

impl Default for Feed {
    fn default() -> Self {
        let (sender, _) = broadcast::channel(MAX_WAITING);
        Self { history: VecDeque::new(), told: 0, sender }
    }
}

impl Feed {
    /// Tells an event, if it is one that watchers want to know.
    pub(super) fn tell(&mut self, relationship: &str, event: &Event, at: UnixTime) {
        if !is_told(event) {
            return;
        }
        self.told = self.told.saturating_add(1);
        let relationship = relationship.to_owned();
        let told = Told { number: self.told, at, relationship, event: event.clone() };
        if self.history.len() == MAX_HISTORY {
            self.history.pop_front();
        }
        self.history.push_back(told.clone());
        // Nobody watching is no error.
        let _nobody = self.sender.send(told);
    }

    /// The events after number `after`, and those to come.
    pub(super) fn watch(&self, after: u64) -> Watch {
        // A number from before a restart is later than any of this process.
        let after = if after > self.told { 0 } else { after };
        let past = self.history.iter().filter(|told| told.number > after).cloned().collect();
        Watch { past, coming: self.sender.subscribe() }
    }
}

fn is_told(event: &Event) -> bool {
    matches!(
        event,
        Event::Transition { .. }
            | Event::PartnerState { .. }
            | Event::CommunicationsOk { .. }
            | Event::CommunicationsInterrupted(_)
            | Event::ClockJumped { .. }
            | Event::Maintenance { .. }
            | Event::StorageFailed
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::FailoverState;

    const AT: UnixTime = UnixTime(1_700_000_000);

    fn transition() -> Event {
        let (from, to) = (FailoverState::Normal, FailoverState::PartnerDown);
        Event::Transition { from, to, row: "PT-001", why: "" }
    }

    fn numbers(watch: &Watch) -> Vec<u64> {
        watch.past.iter().map(|told| told.number).collect()
    }

    #[test]
    fn a_watcher_is_told_what_it_has_not_seen() {
        let mut feed = Feed::default();
        (0..3).for_each(|_| feed.tell("a", &transition(), AT));
        assert_eq!(numbers(&feed.watch(0)), [1, 2, 3]);
        assert_eq!(numbers(&feed.watch(2)), [3]);
    }

    #[test]
    fn a_watcher_of_the_process_before_is_told_everything() {
        let mut feed = Feed::default();
        feed.tell("a", &transition(), AT);
        assert_eq!(numbers(&feed.watch(900)), [1]);
    }

    #[test]
    fn the_past_is_bounded() {
        let mut feed = Feed::default();
        (0..MAX_HISTORY + 10).for_each(|_| feed.tell("a", &transition(), AT));
        let watch = feed.watch(0);
        assert_eq!(watch.past.len(), MAX_HISTORY);
        assert_eq!(watch.past.first().map(|told| told.number), Some(11));
    }

    #[test]
    fn what_a_partner_may_send_at_will_is_not_told() {
        let mut feed = Feed::default();
        feed.tell("a", &Event::PoolBalanced { given: 1, recalled: 0 }, AT);
        assert_eq!(feed.watch(0).past, []);
    }
}
