//! Clocks that drift, jump and run back.
//!
//! True time is that of the world, in microseconds since its beginning. Each machine has an
//! oscillator that is a little wrong, from which both of its clocks run.

use crate::time::{Instant, Now, UnixTime};

/// Microseconds of true time since the world began.
pub(crate) type True = u64;

/// Microseconds in a second.
pub(crate) const SECOND: u64 = 1_000_000;
/// Microseconds in a minute.
pub(crate) const MINUTE: u64 = 60 * SECOND;
/// Microseconds in an hour.
pub(crate) const HOUR: u64 = 60 * MINUTE;

/// Unix time at the beginning of the world.
pub(crate) const START: u32 = 1_700_000_000;

/// Parts in a million.
const MILLION: u64 = 1_000_000;

/// The clocks of one machine.
#[derive(Clone, Debug)]
pub(crate) struct SimClock {
    /// What the oscillator gains: microseconds in a second.
    drift: i64,
    /// Local microseconds that had passed when the drift was set.
    local_base: u64,
    true_base: True,
    /// How far the wall clock was set away from START, in microseconds.
    offset: i64,
    /// Local microseconds when the process started: its monotonic clock begins there.
    started: u64,
}

impl SimClock {
    /// A clock that is `offset` seconds wrong and gains `drift` microseconds in a second.
    pub(crate) fn new(offset: i64, drift: i64) -> Self {
        let offset = offset.saturating_mul(SECOND.cast_signed());
        Self { drift, local_base: 0, true_base: 0, offset, started: 0 }
    }

    /// A process starts.
    pub(crate) fn start_process(&mut self, at: True) {
        self.started = self.local(at);
    }

    /// Both readings.
    pub(crate) fn now(&self, at: True) -> Now {
        let local = self.local(at);
        let monotonic = Instant::from_micros(local.saturating_sub(self.started));
        Now { monotonic, wall: self.wall_of(local) }
    }

    /// The true time at which the monotonic clock shows `instant`, or has passed it.
    pub(crate) fn when(&self, instant: Instant) -> True {
        let local = self.started.saturating_add(instant.as_micros());
        let since = local.saturating_sub(self.local_base);
        let rate = MILLION.saturating_add_signed(self.drift);
        let guess = u128::from(since) * u128::from(MILLION) / u128::from(rate.max(1));
        let mut at = self.true_base.saturating_add(u64::try_from(guess).unwrap_or(u64::MAX / 2));
        while at < u64::MAX / 2 && self.local(at) < local {
            at += 1;
        }
        at
    }

    /// Sets the wall clock forward by so many seconds, or back.
    pub(crate) fn jump(&mut self, seconds: i64) {
        self.offset = self.offset.saturating_add(seconds.saturating_mul(SECOND.cast_signed()));
    }

    /// How wrong the wall clock is, in microseconds.
    pub(crate) fn error(&self, at: True) -> i64 {
        let local = self.local(at).cast_signed().saturating_add(self.offset);
        local.saturating_sub(at.cast_signed())
    }

    /// From now on the oscillator gains `drift` microseconds in a second.
    pub(crate) fn drift(&mut self, at: True, drift: i64) {
        self.local_base = self.local(at);
        self.true_base = at;
        self.drift = drift;
    }

    fn local(&self, at: True) -> u64 {
        let since = at.saturating_sub(self.true_base);
        let gained = i128::from(since) * i128::from(self.drift) / i128::from(MILLION);
        let gained = i64::try_from(gained).unwrap_or_default();
        self.local_base.saturating_add(since).saturating_add_signed(gained)
    }

    fn wall_of(&self, local: u64) -> UnixTime {
        let micros = local.cast_signed().saturating_add(self.offset);
        let seconds = i64::from(START) + micros.div_euclid(SECOND.cast_signed());
        UnixTime(u32::try_from(seconds.max(1)).unwrap_or(UnixTime::INFINITE_FLOOR.0 - 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_found_again_whatever_the_drift() {
        for drift in [-300, 0, 300] {
            let mut clock = SimClock::new(-7, drift);
            clock.start_process(5 * HOUR);
            let now = clock.now(9 * HOUR + 12_345).monotonic;
            let found = clock.when(now);
            assert!(clock.now(found).monotonic >= now);
            assert!(found.abs_diff(9 * HOUR + 12_345) <= 1);
        }
    }

    #[test]
    fn the_monotonic_clock_takes_no_part_in_a_jump() {
        let mut clock = SimClock::new(0, 0);
        let before = clock.now(HOUR);
        clock.jump(-100);
        let after = clock.now(HOUR);
        assert_eq!(after.monotonic, before.monotonic);
        assert_eq!(after.wall.plus(100), before.wall);
    }

    #[test]
    fn a_change_of_drift_moves_no_clock() {
        let mut clock = SimClock::new(3, 200);
        let before = clock.now(HOUR);
        clock.drift(HOUR, -200);
        assert_eq!(clock.now(HOUR), before);
    }
}
