//! The search for the highest rate that a server keeps up with.

/// The search ends when what is known to be too much exceeds what is known to go by one part in so many.
const PRECISION: u32 = 20;

/// Doubles the rate until it is too much, then halves the interval. A rate that is too much is tried
/// once more before that is believed: on a machine with other work a single try says little.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ramp {
    next: u32,
    /// The highest rate that went.
    good: u32,
    /// The lowest rate that did not.
    bad: Option<u32>,
    doubted: bool,
}

impl Ramp {
    /// Begins with this rate, which is at least 1.
    pub(super) fn new(first: u32) -> Self {
        Self { next: first.max(1), good: 0, bad: None, doubted: false }
    }

    /// The rate to try next; `None` when the search is over.
    pub(super) fn next(&self) -> Option<u32> {
        let within = match self.bad {
            Some(bad) => bad - self.good > (self.good / PRECISION).max(1),
            None => true,
        };
        within.then_some(self.next)
    }

    /// Says how the rate went that was to be tried.
    pub(super) fn learn(&mut self, kept_up: bool) {
        if !kept_up && !self.doubted {
            self.doubted = true;
            return;
        }
        self.doubted = false;
        if kept_up {
            self.good = self.next;
        } else {
            self.bad = Some(self.next);
        }
        self.next = match self.bad {
            None => self.good.saturating_mul(2),
            Some(bad) => u32::midpoint(self.good, bad).max(1),
        };
        if self.bad.is_none() && self.good == u32::MAX {
            self.bad = Some(u32::MAX);
        }
    }

    /// The highest rate that went; `None` if none did.
    pub(super) fn found(&self) -> Option<u32> {
        (self.good > 0).then_some(self.good)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rates that are tried on a server with this limit, and what is found.
    fn search(first: u32, limit: u32) -> (Vec<u32>, Option<u32>) {
        let mut ramp = Ramp::new(first);
        let mut tried = Vec::new();
        while let Some(rate) = ramp.next() {
            tried.push(rate);
            ramp.learn(rate <= limit);
        }
        (tried, ramp.found())
    }

    #[test]
    fn the_limit_is_found_within_a_twentieth() {
        for limit in [1, 2, 7, 99, 500, 1234, 1_000_000, 3_000_000_000] {
            let found = search(500, limit).1.unwrap();
            assert!(found <= limit && limit - found <= (limit / 20).max(1), "{limit}: {found}");
        }
    }

    #[test]
    fn a_rate_doubles_until_it_is_too_much() {
        let (tried, _) = search(100, 900);
        assert_eq!(tried[..5], [100, 200, 400, 800, 1600]);
    }

    #[test]
    fn too_much_is_tried_twice() {
        let (tried, _) = search(100, 900);
        assert_eq!(tried[5..7], [1600, 1200]);
    }

    #[test]
    fn one_bad_try_is_forgiven() {
        let mut ramp = Ramp::new(100);
        ramp.learn(false);
        assert_eq!(ramp.next(), Some(100));
        ramp.learn(true);
        assert_eq!(ramp.next(), Some(200));
    }

    #[test]
    fn a_server_that_keeps_up_with_nothing_has_no_rate() {
        let (tried, found) = search(4, 0);
        assert_eq!((tried, found), (vec![4, 4, 2, 2, 1, 1], None));
    }
}
