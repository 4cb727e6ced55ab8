//! Exploration of every state within bounds: nothing is found in this crate, and each of the mistakes
//! in `tests/explore/mistakes` is.
//!
//! The explorer (`examples/explore`) is built here as a program of its own, optimised, against the
//! sources as they are or against a copy that holds one mistake. What was found, how deep and how soon
//! is printed; `cargo test --test explore -- --nocapture` shows it.
#![expect(clippy::expect_used, reason = "a test stops at the first surprise")]

mod patch;
mod run;
mod workshop;

use std::time::Duration;

use patch::Mutant;
use run::Run;
use workshop::Workshop;

/// Bounds below which the whole space is explored within a minute.
const SMALL: [&str; 5] = [
    "--ticks 1 --requests 1 --crashes 0 --cuts 1",
    "--ticks 1 --requests 1 --crashes 0 --cuts 1 --isc",
    "--ticks 1 --requests 1 --crashes 0 --cuts 0 --from-nothing",
    "--ticks 1 --requests 1 --crashes 1 --cuts 0",
    "--ticks 0 --requests 1 --crashes 1 --cuts 0 --declarations 1",
];

/// Actions that the longest ways in these spaces are long at least.
const DEPTH: u32 = 30;

#[test]
fn every_state_within_small_bounds_holds_every_property() {
    let explorer = Workshop::open().build("unchanged").expect("the explorer builds");
    let mut deepest = 0;
    for bounds in SMALL {
        let run = Run::of(&explorer, bounds);
        println!("{run}");
        assert_eq!(run.violated, None, "{}", run.text);
        assert!(run.whole, "{}", run.text);
        deepest = deepest.max(run.depth);
    }
    assert!(deepest >= DEPTH, "the deepest space has {deepest} levels");
}

#[test]
fn every_mutant_is_found() {
    let mutants = Mutant::all();
    assert!(mutants.len() >= 12, "there are {} mutants", mutants.len());
    let mut missed = Vec::new();
    for mutant in mutants {
        let mut workshop = Workshop::open();
        workshop.apply(&mutant.patch);
        let explorer = workshop.build(&mutant.name);
        workshop.restore();
        drop(workshop);
        let explorer = explorer.unwrap_or_else(|error| panic!("{}: {error}", mutant.name));
        let run = Run::of(&explorer, &mutant.bounds);
        println!("{}: {run}", mutant.name);
        if run.violated.as_deref() != Some(mutant.violates.as_str()) {
            missed.push((mutant.name, mutant.violates, run.text));
        }
    }
    assert!(missed.is_empty(), "{missed:#?}");
}

/// How long one run of the explorer may take before it counts as one that found nothing.
const PATIENCE: Duration = Duration::from_secs(300);
