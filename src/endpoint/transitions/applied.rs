//! How often each row of the table was applied.

use super::{Outcome, Transition, rows};

/// A counter for each row. The same row counts again whenever it decides, also where it leaves the
/// state as it is.
#[derive(Clone, Debug)]
pub struct Applied {
    counts: Vec<u64>,
    /// Where the row of BNDUPD stands: looking it up for every update would cost more than the update.
    update_received: Option<usize>,
}

impl Applied {
    /// Every row at 0.
    pub(in crate::endpoint) fn none() -> Self {
        Self { counts: vec![0; rows().count()], update_received: position("EV-35") }
    }

    /// The id of each row with its count, in the order of the table.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> + use<'_> {
        rows().map(|row| row.id).zip(self.counts.iter().copied())
    }

    pub(in crate::endpoint) fn note(&mut self, id: &str) {
        self.add(position(id));
    }

    pub(in crate::endpoint) fn note_answer(&mut self, outcome: &Outcome) {
        match outcome {
            Outcome::Transition(Transition { row, .. }) | Outcome::Refused { row, .. } => {
                self.note(row);
            }
        }
    }

    pub(in crate::endpoint) fn note_update_received(&mut self) {
        self.add(self.update_received);
    }

    fn add(&mut self, position: Option<usize>) {
        if let Some(count) = position.and_then(|position| self.counts.get_mut(position)) {
            *count = count.saturating_add(1);
        }
    }
}

fn position(id: &str) -> Option<usize> {
    rows().position(|row| row.id == id)
}
