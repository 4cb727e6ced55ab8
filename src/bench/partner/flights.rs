//! Updates that the server has not answered, by xid.
//!
//! xids are given out one after the other, so what is in flight is a queue, and finding one is an index.

use std::collections::VecDeque;

use crate::time::Instant;
use crate::wire::codes::Xid;

/// One message. One that is no BNDUPD, or has been answered, has no updates.
#[derive(Clone, Copy, Debug)]
struct Flight {
    unanswered: u32,
    since: Instant,
}

/// The messages sent, from the first that has not been answered.
#[derive(Debug)]
pub(super) struct Flights {
    /// xid of the first one.
    first: u32,
    sent: VecDeque<Flight>,
    messages: u32,
    updates: u64,
}

impl Flights {
    /// None yet. No BNDUPD has xid 0.
    pub(super) fn new() -> Self {
        Self { first: 1, sent: VecDeque::new(), messages: 0, updates: 0 }
    }

    /// The xid of the next message.
    pub(super) fn next(&self) -> Xid {
        Xid(self.first.wrapping_add(u32::try_from(self.sent.len()).unwrap_or(u32::MAX)))
    }

    /// The next message leaves with so many updates, which are late from `since` on.
    pub(super) fn launch(&mut self, updates: u32, since: Instant) {
        self.messages += u32::from(updates > 0);
        self.updates += u64::from(updates);
        self.sent.push_back(Flight { unanswered: updates, since });
        self.pass_answered();
    }

    /// So many updates of a message have been answered: since when they were in flight; `None` if they
    /// were not.
    pub(super) fn land(&mut self, xid: Xid, updates: u32) -> Option<Instant> {
        let place = xid.0.wrapping_sub(self.first) as usize;
        let flight = self.sent.get_mut(place)?;
        flight.unanswered = flight.unanswered.checked_sub(updates).filter(|_| updates > 0)?;
        self.messages -= u32::from(flight.unanswered == 0);
        self.updates -= u64::from(updates);
        let since = flight.since;
        self.pass_answered();
        Some(since)
    }

    fn pass_answered(&mut self) {
        while self.sent.front().is_some_and(|flight| flight.unanswered == 0) {
            self.sent.pop_front();
            self.first = self.first.wrapping_add(1);
        }
    }

    /// Messages with updates in flight.
    pub(super) const fn messages(&self) -> u32 {
        self.messages
    }

    /// Updates in flight.
    pub(super) const fn updates(&self) -> u64 {
        self.updates
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: Instant = Instant::from_micros(7);

    #[test]
    fn an_answer_finds_its_message_whatever_else_was_sent() {
        let mut flights = Flights::new();
        flights.launch(0, Instant::default());
        let xid = flights.next();
        flights.launch(2, AT);
        flights.launch(1, Instant::default());
        assert_eq!(flights.land(xid, 2), Some(AT));
        assert_eq!((flights.messages(), flights.updates()), (1, 1));
    }

    #[test]
    fn a_message_is_in_flight_until_its_last_update_is_answered() {
        let mut flights = Flights::new();
        let xid = flights.next();
        flights.launch(2, AT);
        assert_eq!(flights.land(xid, 1), Some(AT));
        assert_eq!(flights.messages(), 1);
        assert_eq!(flights.land(xid, 1), Some(AT));
        assert_eq!(flights.messages(), 0);
    }

    #[test]
    fn an_answer_to_nothing_is_none() {
        let mut flights = Flights::new();
        assert_eq!(flights.land(Xid(1), 1), None);
        let xid = flights.next();
        flights.launch(1, AT);
        flights.land(xid, 1);
        assert_eq!(flights.land(xid, 1), None);
    }
}
