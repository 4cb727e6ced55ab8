//! The simulator: every seed that ever found a bug, and a few fixed ones besides.
#![cfg(feature = "server")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

fn sim(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_twinlease"));
    command.arg("sim").args(arguments).output().unwrap()
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The lines of `tests/seeds.txt`: a seed with options, and behind `#` what it found.
fn kept() -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/seeds.txt");
    let lines = fs::read_to_string(path).unwrap();
    let seeds = lines.lines().filter_map(|line| line.split('#').next());
    seeds.map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

/// Holds: FO-4.1-5, FO-4.1-9, FO-5.2.1-6.
#[test]
fn no_seed_that_ever_found_a_bug_finds_one() {
    for line in kept() {
        let arguments = ["--seed"].into_iter().chain(line.split_whitespace());
        let output = sim(&arguments.collect::<Vec<_>>());
        assert!(output.status.success(), "{line}\n{}", text(&output));
    }
}

/// Holds: FO-1-3, FO-5.2-1.
#[test]
fn fixed_seeds_break_no_promise() {
    let output = sim(&["--seed", "1", "--seeds", "8", "--hours", "3"]);
    assert!(output.status.success(), "{}", text(&output));
}

#[test]
fn the_same_seed_is_the_same_world() {
    let arguments = ["--seed", "11", "--hours", "2", "--trace", "--addresses", "50"];
    let [one, two] = [sim(&arguments), sim(&arguments)].map(|output| {
        let lines: Vec<String> = text(&output).lines().map(str::to_owned).collect();
        // The sum tells how fast it went.
        lines.into_iter().filter(|line| !line.contains("hours a minute")).collect::<Vec<_>>()
    });
    assert!(one.len() > 10);
    assert_eq!(one, two);
}

#[test]
fn the_sum_is_one_json_object() {
    let output = sim(&["--seed", "1", "--hours", "1", "--json", "--without", "all"]);
    let sum: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&sum["seeds"], &sum["violations"]), (&Value::from(1), &Value::from(0)));
    assert!(sum["leases"].as_u64().unwrap() > 0, "{sum}");
}

#[test]
fn a_kind_of_fault_that_does_not_exist_is_a_usage_error() {
    let output = sim(&["--seed", "1", "--without", "earthquake"]);
    assert_eq!(output.status.code(), Some(2));
}
