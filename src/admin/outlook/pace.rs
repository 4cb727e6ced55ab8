//! How fast a count grows.

use std::collections::VecDeque;

use crate::time::Instant;

use super::{RATE_TIME, number};

/// A count and what it was in the last seconds.
#[derive(Clone, Debug, Default)]
pub(super) struct Pace(VecDeque<(Instant, u64)>);

impl Pace {
    /// Takes in what the count is; looks older than [`RATE_TIME`] are forgotten but for one.
    pub(super) fn look(&mut self, now: Instant, count: u64) {
        if self.0.back().is_some_and(|(_, before)| *before > count) {
            self.0.clear();
        }
        self.0.push_back((now, count));
        while self.0.get(1).is_some_and(|(at, _)| now.since(*at) >= RATE_TIME) {
            self.0.pop_front();
        }
    }

    /// So many a second.
    pub(super) fn rate(&self) -> f64 {
        let (Some((from, before)), Some((to, after))) = (self.0.front(), self.0.back()) else {
            return 0.0;
        };
        let time = to.since(*from).as_secs_f64();
        if time > 0.0 { number(after.saturating_sub(*before)) / time } else { 0.0 }
    }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "these quotients are exact")]
mod tests {
    use super::*;

    fn pace(looks: &[(u64, u64)]) -> Pace {
        let mut pace = Pace::default();
        for (second, count) in looks {
            pace.look(Instant::from_micros(second * 1_000_000), *count);
        }
        pace
    }

    #[test]
    fn one_look_tells_no_rate() {
        assert_eq!(pace(&[(1, 500)]).rate(), 0.0);
    }

    #[test]
    fn the_rate_is_that_of_the_last_ten_seconds() {
        let looks: Vec<_> = (0..=20).map(|second| (second, second.min(10) * 100)).collect();
        assert_eq!(pace(looks.get(..=10).unwrap()).rate(), 100.0);
        assert_eq!(pace(&looks).rate(), 0.0);
    }

    #[test]
    fn a_count_that_begins_anew_is_no_negative_rate() {
        assert_eq!(pace(&[(1, 500), (2, 0), (3, 5)]).rate(), 5.0);
    }
}
