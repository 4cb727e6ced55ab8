//! What came of a run.

use std::mem;

use crate::bench::report::{Latencies, share};

use super::schedule::SECOND;

/// Counts and times of one run.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    /// Exchanges that began.
    pub(super) begun: u64,
    /// Exchanges that ended as they should.
    pub(super) completed: u64,
    /// Exchanges that waited for an OFFER when their time was up.
    pub(super) without_offer: u64,
    /// Exchanges that waited for an ACK when their time was up.
    pub(super) without_ack: u64,
    /// Exchanges given up early, because the turn of their client came again. Among the unanswered.
    pub(super) cut_short: u64,
    /// Exchanges that ended with a NAK.
    pub(super) refused: u64,
    /// Turns for which there was no client with a lease.
    pub(super) without_client: u64,
    /// RELEASE messages sent.
    pub(super) released: u64,
    /// Answers that fit no exchange under way.
    pub(super) odd: Odd,
    /// By number of the server.
    pub(super) servers: [Answers; 2],
    /// From the time at which the DISCOVER was due to the OFFER.
    pub(super) offer: Latencies,
    /// From the time at which the REQUEST was due to the ACK.
    pub(super) ack: Latencies,
    /// From the time at which the exchange was due to its end.
    pub(super) exchange: Latencies,
    /// By how much the generator itself was late.
    pub(super) delay: Latencies,
    /// Second by second.
    pub(super) seconds: Vec<Second>,
    second: Second,
    second_exchange: Latencies,
    second_end: u64,
}

/// Answers that fit no exchange under way.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Odd {
    /// Of an exchange that was given up or is over.
    pub(super) late: u64,
    /// A second OFFER, by another server or the same.
    pub(super) further_offers: u64,
    /// A second ACK or NAK, or one that nobody had asked for.
    pub(super) repeated: u64,
    /// Datagrams that are no answers.
    pub(super) unreadable: u64,
    /// Answers to machines that are none of ours.
    pub(super) strangers: u64,
    /// Answers from elsewhere than the servers that were named.
    pub(super) unknown_server: u64,
}

/// What one server answered.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Answers {
    pub(super) offers: u64,
    pub(super) acks: u64,
    pub(super) naks: u64,
}

/// What happened within one second.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Second {
    pub(super) begun: u64,
    pub(super) completed: u64,
    pub(super) unanswered: u64,
    pub(super) refused: u64,
    /// Half of the exchanges that ended took no longer, in microseconds.
    pub(super) p50: f64,
    /// 99 of 100 took no longer.
    pub(super) p99: f64,
}

impl Tally {
    /// For a run that begins now.
    pub(super) fn starting(now: u64) -> Self {
        Self { second_end: now.saturating_add(SECOND), ..Self::default() }
    }

    /// An exchange begins so many nanoseconds late.
    pub(super) fn begin(&mut self, delay: u64) {
        self.begun += 1;
        self.second.begun += 1;
        self.delay.record(delay);
    }

    /// An exchange has ended as it should.
    pub(super) fn complete(&mut self, took: u64) {
        self.completed += 1;
        self.second.completed += 1;
        self.exchange.record(took);
        self.second_exchange.record(took);
    }

    /// An exchange is given up.
    pub(super) fn give_up(&mut self, has_offer: bool) {
        self.second.unanswered += 1;
        if has_offer {
            self.without_ack += 1;
        } else {
            self.without_offer += 1;
        }
    }

    /// An exchange ends with a NAK.
    pub(super) fn refuse(&mut self) {
        self.refused += 1;
        self.second.refused += 1;
    }

    /// Closes the seconds that are over. Returns the last one that was closed, if any.
    pub(super) fn turn_second(&mut self, now: u64) -> Option<Second> {
        let mut closed = None;
        while now >= self.second_end {
            closed = Some(self.close_second());
            self.second_end += SECOND;
        }
        closed
    }

    /// Closes the second that has only begun, if anything happened in it.
    pub(super) fn finish(&mut self) {
        if self.second != Second::default() {
            self.close_second();
        }
    }

    fn close_second(&mut self) -> Second {
        let mut second = mem::take(&mut self.second);
        second.p50 = self.second_exchange.quantile(0.5);
        second.p99 = self.second_exchange.quantile(0.99);
        self.second_exchange.clear();
        self.seconds.push(second);
        second
    }

    /// Exchanges that got no answer within the time-out.
    pub(super) fn unanswered(&self) -> u64 {
        self.without_offer + self.without_ack
    }

    /// Which share of the exchanges that began did not end as it should.
    pub(super) fn failed_share(&self) -> f64 {
        share(self.begun.saturating_sub(self.completed), self.begun)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_exchange_is_completed_unanswered_or_refused() {
        let mut tally = Tally::starting(0);
        for _ in 0..4 {
            tally.begin(0);
        }
        tally.complete(1_000_000);
        tally.give_up(false);
        tally.give_up(true);
        tally.refuse();
        assert_eq!((tally.begun, tally.completed, tally.unanswered()), (4, 1, 2));
        assert!((tally.failed_share() - 0.75).abs() < f64::EPSILON);
    }

    #[test]
    fn each_second_counts_what_happened_in_it() {
        let mut tally = Tally::starting(0);
        tally.begin(0);
        assert!(tally.turn_second(SECOND - 1).is_none());
        assert_eq!(tally.turn_second(SECOND).unwrap().begun, 1);
        tally.complete(2_000_000);
        tally.refuse();
        tally.finish();
        let completed: Vec<_> = tally.seconds.iter().map(|second| second.completed).collect();
        assert_eq!(completed, [0, 1]);
        let refused: Vec<_> = tally.seconds.iter().map(|second| second.refused).collect();
        assert_eq!(refused, [0, 1]);
        assert!((tally.seconds[1].p99 - 2000.0).abs() < 5.0);
    }

    #[test]
    fn a_pause_of_seconds_leaves_empty_seconds() {
        let mut tally = Tally::starting(0);
        tally.begin(0);
        tally.turn_second(3 * SECOND + 1);
        let begun: Vec<_> = tally.seconds.iter().map(|second| second.begun).collect();
        assert_eq!(begun, [1, 0, 0]);
    }
}
