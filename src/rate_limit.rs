//! Saying something that may happen a thousand times a second once in a while.

use std::time::Duration;

use crate::time::Instant;

/// Time between two log lines about the same thing.
const INTERVAL: Duration = Duration::from_secs(10);

/// Lets one event of its kind through each [`INTERVAL`] and counts the others.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct RateLimit {
    last: Option<Instant>,
    suppressed: u64,
}

impl RateLimit {
    /// How many events were kept back since the last one that was let through, if this one is.
    pub(crate) fn pass(&mut self, now: Instant) -> Option<u64> {
        if self.last.is_some_and(|last| now.since(last) < INTERVAL) {
            self.suppressed += 1;
            return None;
        }
        self.last = Some(now);
        Some(std::mem::take(&mut self.suppressed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_event_passes_in_ten_seconds_and_tells_of_the_others() {
        let mut limit = RateLimit::default();
        assert_eq!(limit.pass(Instant::from_micros(0)), Some(0));
        assert_eq!(limit.pass(Instant::from_micros(1)), None);
        assert_eq!(limit.pass(Instant::from_micros(9_999_999)), None);
        assert_eq!(limit.pass(Instant::from_micros(10_000_000)), Some(2));
    }
}
