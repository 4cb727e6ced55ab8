//! Breadth first through every state of the pair.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use crate::fingerprint::{Fingerprint, Mixing};
use crate::pair::{Action, Pair};
use crate::properties::Violation;
use crate::steps::Steps;

/// Where a search ends at the latest.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Actions from the beginning.
    pub(crate) depth: u32,
    /// States.
    pub(crate) states: usize,
    pub(crate) time: Duration,
}

/// What a search has seen.
pub(crate) struct Report {
    pub(crate) states: usize,
    /// States of one server, and steps of one server that were computed.
    pub(crate) of_one_server: (usize, usize),
    /// Steps between states of the pair, those to states already seen included.
    pub(crate) transitions: u64,
    /// The depth down to which every state was seen and left by every action.
    pub(crate) depth: u32,
    /// Nothing is left to be seen.
    pub(crate) whole: bool,
    pub(crate) elapsed: Duration,
    pub(crate) found: Option<Found>,
}

impl Report {
    /// Before any state was explored.
    const fn nothing() -> Self {
        Self {
            states: 0,
            of_one_server: (0, 0),
            transitions: 0,
            depth: 0,
            whole: false,
            elapsed: Duration::ZERO,
            found: None,
        }
    }

    /// A property was broken on the way to the first state.
    pub(crate) fn of_the_beginning(violation: Violation) -> Self {
        Self { found: Some(Found { violation, trace: Vec::new() }), ..Self::nothing() }
    }
}

/// A violation with the way to it.
pub(crate) struct Found {
    pub(crate) violation: Violation,
    pub(crate) trace: Vec<Action>,
}

/// How a state was reached first.
#[derive(Clone, Copy)]
struct Origin {
    parent: u32,
    action: Action,
}

/// States seen so far, in the order in which they were seen.
struct Seen {
    states: HashSet<u128, Mixing>,
    origins: Vec<Origin>,
}

impl Seen {
    /// Adds a state to those of the next level if it is new.
    fn add(&mut self, pair: &Pair, origin: Origin, level: &mut Vec<u8>) {
        let begin = level.len();
        pair.write(level);
        if self.states.insert(Fingerprint::of(&level[begin..])) {
            self.origins.push(origin);
        } else {
            level.truncate(begin);
        }
    }

    fn trace(&self, mut state: u32, last: Action) -> Vec<Action> {
        let mut trace = vec![last];
        while state != 0 {
            let Origin { parent, action } = self.origins[state as usize];
            trace.push(action);
            state = parent;
        }
        trace.reverse();
        trace
    }
}

/// Looks at every state within `limits`. `tell` hears of each depth that is done.
pub(crate) fn search(
    steps: &mut Steps,
    root: &Pair,
    limits: Limits,
    mut tell: impl FnMut(u32, usize, &Steps),
) -> Report {
    let begin = Instant::now();
    let mut seen = Seen { states: HashSet::default(), origins: Vec::new() };
    let mut level = Vec::new();
    seen.add(root, Origin { parent: 0, action: Action::Tick }, &mut level);
    let mut report = Report::nothing();
    let mut first_of_level = 0_u32;
    let mut is_cut_short = false;
    while !level.is_empty() && report.depth < limits.depth && !is_cut_short {
        let mut next_level = Vec::new();
        let next_first = u32::try_from(seen.origins.len()).expect("fewer than 2^32 states");
        let mut rest = level.as_slice();
        let mut number = first_of_level;
        while !rest.is_empty() {
            let pair = Pair::read(&mut rest);
            for action in pair.actions(steps) {
                report.transitions += 1;
                match pair.after(steps, action) {
                    Ok(next) => seen.add(&next, Origin { parent: number, action }, &mut next_level),
                    Err(violation) => {
                        report.states = seen.origins.len();
                        report.elapsed = begin.elapsed();
                        report.of_one_server = steps.sizes();
                        let trace = seen.trace(number, action);
                        report.found = Some(Found { violation, trace });
                        return report;
                    }
                }
            }
            number += 1;
            is_cut_short = seen.origins.len() >= limits.states || begin.elapsed() >= limits.time;
            if is_cut_short {
                break;
            }
        }
        if !is_cut_short {
            report.depth += 1;
            tell(report.depth, seen.origins.len(), steps);
        }
        steps.tidy();
        first_of_level = next_first;
        level = next_level;
    }
    report.states = seen.origins.len();
    report.whole = level.is_empty() && !is_cut_short;
    report.elapsed = begin.elapsed();
    report.of_one_server = steps.sizes();
    report
}
