//! Every state of one server that was met, under a number.
//!
//! An endpoint takes kilobytes, and millions of sides are met. So those that have not been looked at for
//! a while are forgotten but for what the search asks often, and how they came about: they are computed
//! again when they are needed.

use std::collections::HashMap;
use std::rc::Rc;

use twinlease::wire::codes::FailoverState;

use crate::fingerprint::Mixing;
use crate::side::{Local, Side};

/// Position in the table of sides.
pub(crate) type SideNumber = u32;

/// A server that does not run and has nothing stored.
pub(crate) const BLANK: SideNumber = 0;

/// Sides kept whole after a [`Sides::tidy`]; between two of them there are more.
const KEPT: usize = 200_000;

/// The step that led to a side first.
#[derive(Clone, Copy)]
pub(crate) struct Origin {
    pub(crate) index: usize,
    pub(crate) before: SideNumber,
    pub(crate) local: Local,
    pub(crate) clock: u16,
}

/// What the search asks of a side for every state that it is part of.
#[derive(Clone, Copy, Default)]
pub(crate) struct Summary {
    /// The state, if the process runs.
    pub(crate) state: Option<FailoverState>,
    /// The state on disk.
    pub(crate) stored: Option<FailoverState>,
    /// Commits that wait for the disk.
    pub(crate) unwritten: u8,
    /// The endpoint wants a connection.
    pub(crate) dialling: bool,
}

impl Summary {
    fn of(side: &Side) -> Self {
        Self {
            state: side.state(),
            stored: side.disk.record.as_ref().map(|record| record.state),
            unwritten: u8::try_from(side.unwritten.len()).unwrap_or(u8::MAX),
            dialling: side.dialling,
        }
    }
}

struct Slot {
    summary: Summary,
    /// None for [`BLANK`].
    origin: Option<Origin>,
    whole: Option<Rc<Side>>,
    /// The round in which it was asked for last.
    asked: u32,
}

/// The table.
pub(crate) struct Sides {
    slots: Vec<Slot>,
    numbers: HashMap<u128, SideNumber, Mixing>,
    whole: usize,
    round: u32,
}

impl Sides {
    /// With [`BLANK`] alone.
    pub(crate) fn new() -> Self {
        let mut sides = Self { slots: Vec::new(), numbers: HashMap::default(), whole: 0, round: 0 };
        sides.add(Side::default(), None);
        sides
    }

    pub(crate) fn count(&self) -> usize {
        self.slots.len()
    }

    /// The number of a side that `origin` has led to.
    pub(crate) fn add(&mut self, side: Side, origin: Option<Origin>) -> SideNumber {
        let next = u32::try_from(self.slots.len()).expect("fewer than 2^32 sides");
        let number = *self.numbers.entry(side.fingerprint()).or_insert(next);
        if number == next {
            let (summary, whole) = (Summary::of(&side), Some(Rc::new(side)));
            self.slots.push(Slot { summary, origin, whole, asked: self.round });
            self.whole += 1;
        }
        number
    }

    pub(crate) fn summary(&self, number: SideNumber) -> &Summary {
        &self.slots[number as usize].summary
    }

    /// The whole side, or else how it came about.
    pub(crate) fn get(&mut self, number: SideNumber) -> Result<Rc<Side>, Origin> {
        let slot = &mut self.slots[number as usize];
        slot.asked = self.round;
        slot.whole.clone().ok_or_else(|| slot.origin.expect("the blank side is always whole"))
    }

    /// Keeps what had been forgotten.
    pub(crate) fn put_back(&mut self, number: SideNumber, side: Rc<Side>) {
        self.slots[number as usize].whole = Some(side);
        self.whole += 1;
    }

    /// Forgets what has not been asked for lately, if there is much of it.
    pub(crate) fn tidy(&mut self) {
        self.round += 1;
        let mut age = 3;
        while self.whole > KEPT && age > 0 {
            age -= 1;
            let oldest = self.round.saturating_sub(age);
            for slot in &mut self.slots {
                let forgets = slot.origin.is_some() && slot.asked < oldest;
                if forgets && slot.whole.take().is_some() {
                    self.whole -= 1;
                }
            }
        }
    }
}
