//! The only time types of the crate.
//!
//! Timers run on the monotonic [`Instant`]; stored and transmitted times are [`UnixTime`]; both
//! readings of "now" travel together in [`Now`]. Nothing below the driver reads a clock.

use core::fmt;
use core::time::Duration;

/// A reading of a monotonic clock, in microseconds since an arbitrary origin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(u64);

impl Instant {
    /// The instant `micros` microseconds after the clock's origin.
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// Microseconds since the clock's origin.
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// The instant `delay` later; saturates at the end of time.
    #[must_use]
    pub fn after(self, delay: Duration) -> Self {
        let micros = u64::try_from(delay.as_micros()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(micros))
    }

    /// How long ago `earlier` was; zero if it lies in the future.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

/// Seconds since 1970-01-01 00:00 UTC, as the wire carries them (§6.2).
///
/// Two values are no dates: [`UnixTime::ABSENT`] (0) stands for "not known" and every value from
/// [`UnixTime::INFINITE_FLOOR`] on for "never", as dhcpd sends `0x7fffffff`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixTime(pub u32);

impl UnixTime {
    /// No such time is known.
    pub const ABSENT: Self = Self(0);
    /// Never; the value written for an infinite time.
    pub const INFINITE: Self = Self(u32::MAX);
    /// The smallest value read as "never".
    pub const INFINITE_FLOOR: Self = Self(0x7fff_ffff);

    /// The last date that is not read as "never".
    const LATEST: Self = Self(Self::INFINITE_FLOOR.0 - 1);

    /// Whether this is a date or "never", as opposed to "not known".
    pub const fn is_known(self) -> bool {
        self.0 != 0
    }

    /// Whether this means "never".
    pub const fn is_infinite(self) -> bool {
        self.0 >= Self::INFINITE_FLOOR.0
    }

    /// The time `seconds` later. "Never" stays "never"; a sum past the largest date is "never".
    #[must_use]
    pub const fn plus(self, seconds: u32) -> Self {
        if self.is_infinite() {
            return Self::INFINITE;
        }
        match self.0.checked_add(seconds) {
            Some(sum) if sum < Self::INFINITE_FLOOR.0 => Self(sum),
            _ => Self::INFINITE,
        }
    }

    /// Seconds from `earlier` to this time; 0 if this time is not later.
    pub const fn seconds_since(self, earlier: Self) -> u32 {
        self.0.saturating_sub(earlier.0)
    }

    /// This time of the partner expressed in the local clock (§5.10). Absent and infinite values
    /// are no dates and stay as they are.
    #[must_use]
    pub fn shifted_by(self, delta: TimeDelta) -> Self {
        if !self.is_known() || self.is_infinite() {
            return self;
        }
        let shifted = i64::from(self.0).saturating_add(i64::from(delta.0));
        let clamped = shifted.clamp(1, i64::from(Self::LATEST.0));
        Self(u32::try_from(clamped).unwrap_or(self.0))
    }
}

impl fmt::Display for UnixTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_infinite() { f.write_str("never") } else { write!(f, "{}", self.0) }
    }
}

/// Local clock minus the partner's clock, in seconds (§5.10).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimeDelta(pub i32);

/// Both readings of the present moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// For timers.
    pub monotonic: Instant,
    /// For stored and transmitted times.
    pub wall: UnixTime,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_past_the_largest_date_is_never() {
        assert_eq!(UnixTime(0x7fff_fff0).plus(100), UnixTime::INFINITE);
    }

    #[test]
    fn never_stays_never_when_seconds_are_added() {
        assert_eq!(UnixTime(0x7fff_ffff).plus(1), UnixTime::INFINITE);
    }

    #[test]
    fn an_absent_time_is_not_shifted() {
        assert_eq!(UnixTime::ABSENT.shifted_by(TimeDelta(5)), UnixTime::ABSENT);
    }

    #[test]
    fn a_partner_ahead_by_249_seconds_is_corrected_backwards() {
        assert_eq!(UnixTime(1_700_044_350).shifted_by(TimeDelta(-249)), UnixTime(1_700_044_101));
    }
}
