//! Saying something that may happen a thousand times a second once in a while.

use std::time::Duration;

use crate::time::Instant;

/// Time for which the log lines about the same thing are counted.
const INTERVAL: Duration = Duration::from_secs(10);

/// Lets some events of its kind through each [`INTERVAL`] and counts the others.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RateLimit {
    burst: u32,
    since: Option<Instant>,
    passed: u32,
    suppressed: u64,
}

/// One event an interval.
impl Default for RateLimit {
    fn default() -> Self {
        Self::with_burst(1)
    }
}

impl RateLimit {
    /// So many events an interval.
    pub(crate) const fn with_burst(burst: u32) -> Self {
        Self { burst, since: None, passed: 0, suppressed: 0 }
    }

    /// When the interval of the last event is over.
    pub(crate) fn reopens(&self) -> Option<Instant> {
        self.since.map(|since| since.after(INTERVAL))
    }

    /// How many events were kept back since the last one that was let through, if this one is.
    pub(crate) fn pass(&mut self, now: Instant) -> Option<u64> {
        if self.since.is_none_or(|since| now.since(since) >= INTERVAL) {
            self.since = Some(now);
            self.passed = 0;
        }
        if self.passed >= self.burst {
            self.suppressed += 1;
            return None;
        }
        self.passed += 1;
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

    #[test]
    fn a_burst_passes_and_the_rest_is_counted() {
        let mut limit = RateLimit::with_burst(20);
        let now = Instant::from_micros(0);
        assert_eq!((0..30).filter(|_| limit.pass(now).is_some()).count(), 20);
        assert_eq!(limit.pass(Instant::from_micros(10_000_000)), Some(10));
    }
}
