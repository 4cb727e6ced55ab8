//! Something that may be said often, said rarely.

use std::time::Duration;

use crate::time::Instant;

/// Shortest time between two lines about the same thing.
const INTERVAL: Duration = Duration::from_secs(10);

/// Lets one line through every ten seconds, and knows how many it held back.
#[derive(Debug, Default)]
pub(super) struct Quiet {
    last: Option<Instant>,
    held_back: u64,
}

impl Quiet {
    /// `Some` with the number of lines held back since the last one if it may be said now.
    pub(super) fn allow(&mut self, now: Instant) -> Option<u64> {
        if self.last.is_some_and(|last| now.since(last) < INTERVAL) {
            self.held_back += 1;
            return None;
        }
        self.last = Some(now);
        Some(std::mem::take(&mut self.held_back))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_is_said_the_next_are_counted() {
        let mut quiet = Quiet::default();
        let at = |second: u64| Instant::from_micros(second * 1_000_000);
        let said: Vec<_> = [0, 1, 9, 10].map(|second| quiet.allow(at(second))).into();
        assert_eq!(said, [Some(0), None, None, Some(2)]);
    }
}
