//! The only file that reads clocks.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::time::{Instant, Now, UnixTime};

/// A monotonic clock that starts with the process's use of it, and the system's wall clock.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    origin: std::time::Instant,
}

impl Clock {
    /// A clock whose origin is the present moment.
    pub fn new() -> Self {
        Self { origin: std::time::Instant::now() }
    }

    /// Both readings of the present moment.
    pub fn now(&self) -> Now {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let wall = UnixTime(u32::try_from(since_epoch.as_secs()).unwrap_or(u32::MAX));
        Now { monotonic: self.monotonic(), wall }
    }

    /// The reading for timers.
    pub fn monotonic(&self) -> Instant {
        Instant::default().after(self.origin.elapsed())
    }

    /// `at` as the runtime's timers take it.
    pub fn deadline(&self, at: Instant) -> tokio::time::Instant {
        let since_origin = Duration::from_micros(at.as_micros());
        // A moment beyond what the system can name is as good as never.
        let never = Duration::from_secs(u64::from(u32::MAX));
        let deadline = self.origin.checked_add(since_origin).unwrap_or(self.origin + never);
        tokio::time::Instant::from_std(deadline)
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_is_as_far_from_the_origin_as_the_instant() {
        let clock = Clock::new();
        let deadline = clock.deadline(Instant::from_micros(1_500_000)).into_std();
        assert_eq!(deadline.duration_since(clock.origin), Duration::from_millis(1500));
    }

    #[test]
    fn the_end_of_time_has_a_deadline() {
        let clock = Clock::new();
        let deadline = clock.deadline(Instant::from_micros(u64::MAX)).into_std();
        assert!(deadline.duration_since(clock.origin) > Duration::from_secs(1 << 31));
    }
}
