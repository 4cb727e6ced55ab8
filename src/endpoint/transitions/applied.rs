//! How often each row of the table was applied.

use super::{Outcome, Transition, rows, table};

/// Where the row of BNDUPD stands: looking it up for every update would cost more than the update.
const UPDATE_RECEIVED: usize = position("EV-35");

/// A counter for each row. The same row counts again whenever it decides, also where it leaves the
/// state as it is.
#[derive(Clone, Debug)]
pub struct Applied(Vec<u64>);

impl Applied {
    /// Every row at 0.
    pub(in crate::endpoint) fn none() -> Self {
        Self(vec![0; rows().count()])
    }

    /// The id of each row with its count, in the order of the table.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> + use<'_> {
        rows().map(|row| row.id).zip(self.0.iter().copied())
    }

    /// How often the row with this id was applied; 0 for one that does not exist.
    pub fn count(&self, id: &str) -> u64 {
        self.iter().find(|(row, _)| *row == id).map_or(0, |(_, count)| count)
    }

    pub(in crate::endpoint) fn note(&mut self, id: &str) {
        let position = table::TABLE.iter().position(|row| row.id == id);
        self.add(position.unwrap_or(table::TABLE.len()));
    }

    pub(in crate::endpoint) fn note_answer(&mut self, outcome: &Outcome) {
        match outcome {
            Outcome::Transition(Transition { row, .. }) | Outcome::Refused { row, .. } => {
                self.note(row);
            }
        }
    }

    pub(in crate::endpoint) fn note_update_received(&mut self) {
        self.add(UPDATE_RECEIVED);
    }

    fn add(&mut self, position: usize) {
        if let Some(count) = self.0.get_mut(position) {
            *count = count.saturating_add(1);
        }
    }
}

/// The place of a row in the table, at compile time.
#[expect(
    clippy::arithmetic_side_effects,
    clippy::panic,
    reason = "a row that is not in the table must not compile"
)]
const fn position(id: &str) -> usize {
    let mut rest = table::TABLE;
    while let Some((row, behind)) = rest.split_first() {
        if is_same(row.id.as_bytes(), id.as_bytes()) {
            return table::TABLE.len() - rest.len();
        }
        rest = behind;
    }
    panic!("no such row")
}

const fn is_same(mut one: &[u8], mut two: &[u8]) -> bool {
    while let (Some((first, behind_one)), Some((second, behind_two))) =
        (one.split_first(), two.split_first())
    {
        if *first != *second {
            return false;
        }
        (one, two) = (behind_one, behind_two);
    }
    one.is_empty() && two.is_empty()
}
