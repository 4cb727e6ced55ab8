//! The story of a world, a line for everything that matters: time, both servers' states, what each
//! has of the pool, and what happened.

use std::collections::VecDeque;
use std::fmt;

use super::clock::{HOUR, MINUTE, SECOND, True};
use super::machine::Machine;
use crate::wire::codes::BindingStatus;

/// Lines kept for a report where not all are wanted.
const KEPT: usize = 60;

/// A moment as hours, minutes, seconds and milliseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stamp(pub True);

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(at) = *self;
        let (hours, minutes) = (at / HOUR, at % HOUR / MINUTE);
        let (seconds, millis) = (at % MINUTE / SECOND, at % SECOND / 1000);
        write!(f, "{hours:>4}:{minutes:02}:{seconds:02}.{millis:03}")
    }
}

/// Lines, all of them or the last ones.
#[derive(Debug)]
pub(crate) struct Trace {
    lines: VecDeque<String>,
    /// Whether all are kept.
    all: bool,
}

impl Trace {
    /// Without lines; it keeps all that come, or the last ones.
    pub(crate) const fn new(all: bool) -> Self {
        Self { lines: VecDeque::new(), all }
    }

    /// Adds a line about something that happened.
    pub(crate) fn note(&mut self, at: True, machines: &[Machine; 2], what: &fmt::Arguments<'_>) {
        let [one, two] = machines;
        self.push(format!("{} {} | {} | {what}", Stamp(at), Side(one), Side(two)));
    }

    fn push(&mut self, line: String) {
        if !self.all && self.lines.len() >= KEPT {
            self.lines.pop_front();
        }
        self.lines.push_back(line);
    }

    /// The lines in their order.
    pub(crate) fn into_lines(self) -> Vec<String> {
        self.lines.into()
    }
}

/// One server in fixed columns: state, FREE, BACKUP, ACTIVE, updates without answer.
struct Side<'a>(&'a Machine);

impl fmt::Display for Side<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(endpoint) = self.0.endpoint() else {
            return write!(f, "{:<26} {:>4} {:>4} {:>4} {:>3}", "-", "", "", "", "");
        };
        let status = endpoint.status();
        let count = |of: BindingStatus| {
            let counts = status.ranges.iter().map(|range| range.count(of));
            counts.sum::<u32>()
        };
        write!(
            f,
            "{:<26} {:>4} {:>4} {:>4} {:>3}",
            status.state.to_string(),
            count(BindingStatus::Free),
            count(BindingStatus::Backup),
            count(BindingStatus::Active),
            status.unacked_updates,
        )
    }
}
