//! When exchanges begin.

/// Nanoseconds in a second.
pub(super) const SECOND: u64 = 1_000_000_000;

/// The times at which a load of a constant rate begins its exchanges, in nanoseconds of the run's clock.
///
/// They depend on nothing that a server does. An exchange that is begun late keeps the time for which
/// it was meant, so that whatever held it up counts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Schedule {
    start: u64,
    /// Exchanges a second; at least 1.
    rate: u32,
    next: u64,
    count: u64,
}

impl Schedule {
    /// `rate` exchanges a second for so many nanoseconds, the first one at `start`.
    pub(super) fn new(start: u64, rate: u32, length: u64) -> Self {
        let rate = rate.max(1);
        let count = u128::from(length) * u128::from(rate) / u128::from(SECOND);
        Self { start, rate, next: 0, count: u64::try_from(count).unwrap_or(u64::MAX) }
    }

    /// The time of the next exchange; `None` when all have begun.
    pub(super) fn upcoming(&self) -> Option<u64> {
        (self.next < self.count).then(|| {
            let after = u128::from(self.next) * u128::from(SECOND) / u128::from(self.rate);
            self.start.saturating_add(u64::try_from(after).unwrap_or(u64::MAX))
        })
    }

    /// Takes the next exchange if its time has come.
    pub(super) fn take(&mut self, now: u64) -> Option<u64> {
        let due = self.upcoming().filter(|due| *due <= now)?;
        self.next += 1;
        Some(due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(schedule: &mut Schedule, now: u64) -> Vec<u64> {
        std::iter::from_fn(|| schedule.take(now)).collect()
    }

    #[test]
    fn exchanges_are_evenly_spaced() {
        let mut schedule = Schedule::new(100, 4, SECOND);
        let times = all(&mut schedule, u64::MAX);
        assert_eq!(times, [100, 250_000_100, 500_000_100, 750_000_100]);
        assert_eq!(schedule.upcoming(), None);
    }

    #[test]
    fn nothing_is_due_before_its_time() {
        let mut schedule = Schedule::new(100, 1000, SECOND);
        assert_eq!(schedule.take(99), None);
        assert_eq!(schedule.take(100), Some(100));
        assert_eq!(schedule.take(100), None);
    }

    #[test]
    fn what_is_late_keeps_its_time() {
        let mut schedule = Schedule::new(0, 1000, SECOND);
        assert_eq!(all(&mut schedule, 3_500_000), [0, 1_000_000, 2_000_000, 3_000_000]);
    }

    #[test]
    fn a_rate_that_does_not_divide_a_second_does_not_drift() {
        let mut schedule = Schedule::new(0, 3, 1000 * SECOND);
        let times = all(&mut schedule, u64::MAX);
        assert_eq!(times.len(), 3000);
        assert_eq!(times.get(2997), Some(&(999 * SECOND)));
    }
}
