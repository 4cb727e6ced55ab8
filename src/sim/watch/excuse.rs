//! What the draft excuses, and no more (§3.1.2, §9.4, §10).
//!
//! An address may have two clients where a server serves on its own authority beside a partner that
//! was declared down and lives, until the conflict that follows is resolved; where both stores of the
//! pair were lost; by as much as a clock was set; and where an operator lowers the MCLT while leases by
//! the larger one are out, as every wait counts the smaller one from then on. A lease that lived through
//! such a time stays excused, one that began later does not.

use crate::sim::clock::True;

/// A stretch of time; without end while it lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stretch {
    to: Option<True>,
}

/// The time that excuses, and how far clocks were set.
#[derive(Clone, Debug, Default)]
pub(crate) struct Excuses {
    /// The last one; whatever lived through an earlier one is older than it.
    last: Option<Stretch>,
    /// Times at which a clock was set, with the size of the jump in microseconds.
    jumps: Vec<(True, u64)>,
    /// Until when leases may be out that were given by a larger MCLT than the present one.
    lowered: True,
    /// Stores that were lost, until the pair is in NORMAL again.
    forgetful: [bool; 2],
    /// The two served beside each other, and the conflict that follows is not resolved.
    unsettled: bool,
}

impl Excuses {
    /// Whether a server is in PARTNER-DOWN while its partner serves, as of now.
    pub(crate) fn divided(&mut self, now: True, divided: bool) {
        let lasts = divided || self.forgetful == [true; 2] || now < self.lowered;
        match &mut self.last {
            Some(last) if last.to.is_none() => last.to = (!lasts).then_some(now),
            last if lasts => *last = Some(Stretch { to: None }),
            _ => {}
        }
    }

    /// The store of a side is lost.
    pub(crate) fn store_lost(&mut self, side: usize) {
        if let Some(forgetful) = self.forgetful.get_mut(side) {
            *forgetful = true;
        }
    }

    /// Both are in NORMAL with each other: what one had lost it has again.
    pub(crate) const fn both_normal(&mut self) {
        self.forgetful = [false; 2];
    }

    /// Whether a side has lost its store and not recovered.
    pub(crate) fn is_forgetful(&self, side: usize) -> bool {
        self.forgetful.get(side).copied().unwrap_or(false)
    }

    /// The MCLT is lowered; leases by the former one may be out until then.
    pub(crate) fn mclt_lowered(&mut self, until: True) {
        self.lowered = self.lowered.max(until);
    }

    /// A wall clock is set.
    pub(crate) fn clock_set(&mut self, now: True, micros: u64) {
        self.jumps.push((now, micros));
    }

    /// By how much clocks were set since.
    pub(crate) fn set_since(&self, since: True) -> u64 {
        self.jumps.iter().filter(|(at, _)| *at >= since).map(|(_, micros)| micros).sum()
    }

    /// Whether servers that serve beside each other, as of now or before, have not settled yet what came
    /// of it.
    pub(crate) fn unsettled(&mut self, beside: bool, conflict: bool) -> bool {
        self.unsettled = beside || self.unsettled && conflict;
        self.unsettled
    }

    /// Whether something that began at `since` has lived through a time that excuses.
    pub(crate) fn excuses(&self, since: True) -> bool {
        self.last.is_some_and(|last| last.to.is_none_or(|to| to >= since))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_began_after_a_division_is_not_excused() {
        let mut excuses = Excuses::default();
        excuses.divided(10, true);
        excuses.divided(20, false);
        assert!(excuses.excuses(5) && excuses.excuses(15) && !excuses.excuses(21));
    }

    #[test]
    fn a_conflict_excuses_only_after_a_division() {
        let mut excuses = Excuses::default();
        assert!(!excuses.unsettled(false, true));
        assert!(excuses.unsettled(true, false));
        assert!(excuses.unsettled(false, true));
        assert!(!excuses.unsettled(false, false));
    }

    #[test]
    fn the_loss_of_one_store_excuses_nothing_and_that_of_both_does() {
        let mut excuses = Excuses::default();
        excuses.store_lost(0);
        excuses.divided(10, false);
        assert!(!excuses.excuses(0));
        excuses.store_lost(1);
        excuses.divided(11, false);
        assert!(excuses.excuses(0));
        excuses.both_normal();
        excuses.divided(12, false);
        assert!(!excuses.excuses(13));
    }

    #[test]
    fn a_lowered_mclt_excuses_for_as_long_as_the_former_one() {
        let mut excuses = Excuses::default();
        excuses.mclt_lowered(100);
        excuses.divided(50, false);
        excuses.divided(100, false);
        assert!(excuses.excuses(100) && !excuses.excuses(101));
    }

    #[test]
    fn jumps_before_count_no_more() {
        let mut excuses = Excuses::default();
        excuses.clock_set(10, 5);
        excuses.clock_set(20, 7);
        assert_eq!(
            (excuses.set_since(10), excuses.set_since(11), excuses.set_since(21)),
            (12, 7, 0)
        );
    }
}
