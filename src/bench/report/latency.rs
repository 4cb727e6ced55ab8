//! Times that something took.

use hdrhistogram::Histogram;
use serde_json::{Value, json};

use super::number;

/// Times are recorded in nanoseconds, to a microsecond, up to ten minutes, with three digits.
const LEAST: u64 = 1_000;
const MOST: u64 = 600_000_000_000;
const DIGITS: u8 = 3;

/// Points of a curve for each power of ten that the share of slower ones falls by.
const POINTS_A_DECADE: u32 = 8;

/// Times that something took, recorded one by one in memory of fixed size.
#[derive(Clone, Debug)]
pub struct Latencies(Option<Histogram<u64>>);

impl Default for Latencies {
    fn default() -> Self {
        Self(Histogram::new_with_bounds(LEAST, MOST, DIGITS).ok())
    }
}

impl Latencies {
    /// Records a time in nanoseconds.
    pub fn record(&mut self, nanoseconds: u64) {
        if let Some(histogram) = &mut self.0 {
            histogram.saturating_record(nanoseconds);
        }
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        if let Some(histogram) = &mut self.0 {
            histogram.reset();
        }
    }

    /// How many were recorded.
    pub fn count(&self) -> u64 {
        self.0.as_ref().map_or(0, Histogram::len)
    }

    /// The time in microseconds that this share of all did not exceed; 0 if there are none.
    pub fn quantile(&self, share: f64) -> f64 {
        self.0.as_ref().map_or(0.0, |histogram| number(histogram.value_at_quantile(share)) / 1e3)
    }

    /// The usual percentiles.
    pub fn summary(&self) -> Summary {
        Summary {
            count: self.count(),
            p50: self.quantile(0.5),
            p90: self.quantile(0.9),
            p99: self.quantile(0.99),
            p999: self.quantile(0.999),
            max: self.0.as_ref().map_or(0.0, |histogram| number(histogram.max()) / 1e3),
        }
    }

    /// For a plot: how often ten times fewer are slower (1: 90 %, 2: 99 %), and milliseconds.
    pub fn curve(&self) -> Vec<(f64, f64)> {
        let count = self.count();
        if count == 0 {
            return Vec::new();
        }
        let decades = number(count).log10();
        let steps = (0..).map(|step| f64::from(step) / f64::from(POINTS_A_DECADE));
        let steps = steps.take_while(|step| *step < decades).chain([decades]);
        steps.map(|step| (step, self.quantile(1.0 - 10_f64.powf(-step)) / 1e3)).collect()
    }
}

/// Percentiles in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Summary {
    /// How many were recorded.
    pub count: u64,
    /// Half of all took no longer.
    pub p50: f64,
    /// Nine of ten took no longer.
    pub p90: f64,
    /// 99 of 100 took no longer.
    pub p99: f64,
    /// 999 of 1000 took no longer.
    pub p999: f64,
    /// The longest.
    pub max: f64,
}

impl Summary {
    /// As a JSON object.
    pub fn json(&self) -> Value {
        json!({
            "count": self.count,
            "p50": self.p50,
            "p90": self.p90,
            "p99": self.p99,
            "p99.9": self.p999,
            "max": self.max,
        })
    }

    /// Cells of a table, in milliseconds: p50, p90, p99, p99.9, max.
    pub fn cells(&self) -> Vec<String> {
        [self.p50, self.p90, self.p99, self.p999, self.max].map(milliseconds).to_vec()
    }
}

/// Microseconds as milliseconds.
fn milliseconds(microseconds: f64) -> String {
    format!("{:.3}", microseconds / 1e3)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(milliseconds: impl IntoIterator<Item = u64>) -> Latencies {
        let mut latencies = Latencies::default();
        for time in milliseconds {
            latencies.record(time * 1_000_000);
        }
        latencies
    }

    fn assert_near(value: f64, expected: f64) {
        assert!((value - expected).abs() <= expected / 500.0, "{value} is not {expected}");
    }

    #[test]
    fn percentiles_are_those_of_what_was_recorded() {
        let summary = of(1..=1000).summary();
        assert_eq!(summary.count, 1000);
        assert_near(summary.p50, 500_000.0);
        assert_near(summary.p90, 900_000.0);
        assert_near(summary.p99, 990_000.0);
        assert_near(summary.p999, 999_000.0);
        assert_near(summary.max, 1_000_000.0);
    }

    #[test]
    fn nothing_recorded_is_zero_everywhere() {
        assert_eq!(Latencies::default().summary(), Summary::default());
        assert_eq!(Latencies::default().curve(), Vec::new());
    }

    #[test]
    fn what_is_longer_than_the_longest_counts_as_the_longest() {
        let mut latencies = Latencies::default();
        latencies.record(u64::MAX);
        assert_eq!(latencies.count(), 1);
    }

    #[test]
    fn a_curve_rises_from_the_median_of_nothing_to_the_longest() {
        let curve = of(1..=100).curve();
        assert_near(curve.first().unwrap().1, 1.0);
        assert_near(curve.last().unwrap().1, 99.0);
        assert!(curve.is_sorted_by(|one, next| one.0 < next.0 && one.1 <= next.1));
    }
}
