//! What one piece of work came to.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;

use crate::time::Instant;
use crate::wire::codes::RejectReason;

/// Significant digits of a latency.
const DIGITS: u8 = 3;

/// One piece of work of one relationship.
#[derive(Clone, Debug)]
pub(super) struct Figures {
    /// When it began and when it was done.
    pub(super) began: Instant,
    pub(super) ended: Instant,
    /// Bindings that went over, and the messages that carried them.
    pub(super) bindings: u64,
    pub(super) messages: u64,
    /// Updates that the server refused, by reason.
    pub(super) rejected: BTreeMap<RejectReason, u64>,
    /// Microseconds until an update was answered; empty where the server gives.
    pub(super) latency: Histogram<u64>,
}

impl Figures {
    /// Work that begins.
    #[expect(clippy::expect_used, reason = "zero to five digits are allowed")]
    pub(super) fn begin(now: Instant) -> Self {
        let latency = Histogram::new(DIGITS).expect("three digits");
        Self {
            began: now,
            ended: now,
            bindings: 0,
            messages: 0,
            rejected: BTreeMap::new(),
            latency,
        }
    }

    /// So many updates have been answered after this time.
    pub(super) fn answered(&mut self, after: Duration, updates: u64) {
        let micros = u64::try_from(after.as_micros()).unwrap_or(u64::MAX);
        // It grows with what it is told.
        let _ = self.latency.record_n(micros.max(1), updates);
    }

    /// Seconds from begin to end; a moment at least.
    pub(super) fn seconds(&self) -> f64 {
        self.ended.since(self.began).max(Duration::from_micros(1)).as_secs_f64()
    }

    /// Bindings a second.
    #[expect(clippy::cast_precision_loss, reason = "no run has 2^52 bindings")]
    pub(super) fn rate(&self) -> f64 {
        self.bindings as f64 / self.seconds()
    }
}
