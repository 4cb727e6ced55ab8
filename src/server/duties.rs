//! Which owners have something to do: those to whom something happened, and those whose time has come.
//!
//! A turn costs what is due, not what there is: with a thousand relationships of which one says
//! something, one is looked at.

use crate::time::Instant;

/// A time that does not come.
const NEVER: Instant = Instant::from_micros(u64::MAX);

/// Owners, by number, to whom something happened.
#[derive(Debug, Default)]
pub(super) struct Touched {
    is_touched: Vec<bool>,
    numbers: Vec<usize>,
}

impl Touched {
    /// Of so many owners every one, as each has something to say when it is new.
    pub(super) fn all(count: usize) -> Self {
        Self { is_touched: vec![true; count], numbers: (0..count).collect() }
    }

    /// Something happened to owner `number`.
    pub(super) fn add(&mut self, number: usize) {
        if let Some(is_touched) = self.is_touched.get_mut(number)
            && !core::mem::replace(is_touched, true)
        {
            self.numbers.push(number);
        }
    }

    /// Something may have happened to every owner.
    pub(super) fn add_all(&mut self) {
        (0..self.is_touched.len()).for_each(|number| self.add(number));
    }

    /// Exchanges `empty` for the numbers, ascending; none is touched any more.
    pub(super) fn take(&mut self, empty: &mut Vec<usize>) {
        core::mem::swap(&mut self.numbers, empty);
        empty.sort_unstable();
        for number in empty {
            if let Some(is_touched) = self.is_touched.get_mut(*number) {
                *is_touched = false;
            }
        }
    }
}

/// When each owner wants to be told the time.
///
/// A tree over the owners, in which every node is the earlier of the two below it. Node 1 is the root,
/// and the nodes below `n` are `2n` and `2n + 1`.
#[derive(Debug)]
pub(super) struct Alarms {
    nodes: Vec<Instant>,
    leaves: usize,
}

impl Alarms {
    /// Nobody of so many owners waits for anything.
    pub(super) fn new(count: usize) -> Self {
        let leaves = count.max(1).next_power_of_two();
        Self { nodes: vec![NEVER; leaves.saturating_mul(2)], leaves }
    }

    fn node(&self, node: usize) -> Instant {
        self.nodes.get(node).copied().unwrap_or(NEVER)
    }

    /// Owner `number` waits until `at`.
    pub(super) fn set(&mut self, number: usize, at: Option<Instant>) {
        let mut node = self.leaves.saturating_add(number);
        let mut earliest = at.unwrap_or(NEVER);
        while let Some(slot) = self.nodes.get_mut(node).filter(|_| node > 0) {
            if core::mem::replace(slot, earliest) == earliest {
                return;
            }
            earliest = earliest.min(self.node(node ^ 1));
            node /= 2;
        }
    }

    /// The earliest.
    pub(super) fn next(&self) -> Option<Instant> {
        Some(self.node(1)).filter(|at| *at != NEVER)
    }

    /// The owners that wait no longer than until `now`, ascending.
    pub(super) fn due(&self, now: Instant, due: &mut Vec<usize>) {
        self.due_below(1, now, due);
    }

    fn due_below(&self, node: usize, now: Instant, due: &mut Vec<usize>) {
        let at = self.node(node);
        if at > now || at == NEVER {
            return;
        }
        if let Some(number) = node.checked_sub(self.leaves) {
            due.push(number);
        } else {
            self.due_below(node * 2, now, due);
            self.due_below(node * 2 + 1, now, due);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(micros: u64) -> Instant {
        Instant::from_micros(micros)
    }

    fn due(alarms: &Alarms, micros: u64) -> Vec<usize> {
        let mut due = Vec::new();
        alarms.due(at(micros), &mut due);
        due
    }

    #[test]
    fn an_owner_is_touched_once_however_much_happens_to_it() {
        let mut touched = Touched::all(3);
        let mut numbers = Vec::new();
        touched.take(&mut numbers);
        assert_eq!(numbers, [0, 1, 2]);
        numbers.clear();
        for number in [2, 0, 2] {
            touched.add(number);
        }
        touched.take(&mut numbers);
        assert_eq!(numbers, [0, 2]);
    }

    #[test]
    fn whose_time_has_come_is_due_and_nobody_else() {
        let mut alarms = Alarms::new(5);
        for (number, time) in [(4, 10), (1, 30), (3, 20), (0, 20)] {
            alarms.set(number, Some(at(time)));
        }
        assert_eq!(due(&alarms, 9), Vec::<usize>::new());
        assert_eq!(due(&alarms, 20), [0, 3, 4]);
        assert_eq!(due(&alarms, u64::MAX), [0, 1, 3, 4]);
    }

    #[test]
    fn the_next_alarm_is_the_earliest_after_every_change() {
        let mut alarms = Alarms::new(3);
        assert_eq!(alarms.next(), None);
        alarms.set(2, Some(at(7)));
        alarms.set(0, Some(at(9)));
        assert_eq!(alarms.next(), Some(at(7)));
        alarms.set(2, Some(at(12)));
        assert_eq!(alarms.next(), Some(at(9)));
        alarms.set(0, None);
        assert_eq!(alarms.next(), Some(at(12)));
        alarms.set(2, None);
        assert_eq!(alarms.next(), None);
    }
}
