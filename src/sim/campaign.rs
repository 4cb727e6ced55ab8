//! Living through worlds: one, or many with the sum of what was counted.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::minimise::minimise;
use super::outcome::{Counts, Outcome};
use super::scenario::{Scenario, Wishes};
use super::watch::{Kind, Violation};
use super::world::World;

/// Lives through one world. A panic is a violation like any other.
pub(crate) fn live(scenario: Scenario, keep_all: bool) -> Outcome {
    let copy = scenario.clone();
    let world = AssertUnwindSafe(|| World::new(copy, keep_all).run());
    catch_unwind(world).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no words");
        let violation = Violation { at: scenario.end, kind: Kind::Panic, what: text.to_owned() };
        Outcome {
            scenario,
            violation: Some(violation),
            counts: Counts::default(),
            trace: Vec::new(),
        }
    })
}

/// Lives through the worlds of several seeds.
#[derive(Debug)]
pub struct Campaign {
    wishes: Wishes,
    /// Seeds lived through.
    pub seeds: u64,
    /// The sum of what was counted.
    pub counts: Counts,
    /// Seeds with a violation, and what it was.
    pub failures: Vec<(u64, Violation)>,
}

impl Campaign {
    /// Nothing lived through yet.
    pub fn new(wishes: Wishes) -> Self {
        Self { wishes, seeds: 0, counts: Counts::default(), failures: Vec::new() }
    }

    /// Lives through the world of one more seed.
    pub fn live(&mut self, seed: u64, keep_all: bool) -> Outcome {
        let outcome = live(Scenario::new(seed, &self.wishes), keep_all);
        self.seeds += 1;
        self.counts.add(&outcome.counts);
        if let Some(violation) = &outcome.violation {
            self.failures.push((seed, violation.clone()));
        }
        outcome
    }

    /// The smallest world found in which the same promise is broken as in this one.
    pub fn minimised(outcome: &Outcome) -> Option<Outcome> {
        let kind = outcome.violation.as_ref()?.kind;
        Some(minimise(&outcome.scenario, kind))
    }
}
