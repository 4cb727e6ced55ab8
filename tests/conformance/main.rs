//! Every rule of the draft and every reading of its contradictions, against the tests that hold them.
//!
//! `rules/` has one entry for each, with what became of it; tests say in their documentation which
//! they hold (`/// Holds: FO-5.4-10, A1-57.`), and so do conversations (`# Holds: ...`). From both come
//! `docs/conformance.md` and `docs/draft-12-notes.md`; `TWINLEASE_BLESS=1` writes them. [`interop`] does
//! the same for what a real dhcpd does, without a page.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a failed expectation is a failed test"
)]

mod holds;
mod interop;
mod markdown;
mod rules;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use holds::Holdings;
use rules::{Rule, Verdict};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn all() -> (Vec<Rule>, Holdings) {
    let rules =
        rules::read(&root().join("tests/conformance/rules")).unwrap_or_else(|e| panic!("{e}"));
    let holdings = holds::read(&root()).unwrap_or_else(|e| panic!("{e}"));
    (rules, holdings)
}

/// What the tests claim about each rule, and what the rules say of themselves, as a list of faults.
fn no_faults(faults: &[String]) {
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_rule_of_the_draft_is_there_once() {
    let (rules, _) = all();
    let mut counts: BTreeMap<&str, Vec<u32>> = BTreeMap::new();
    for rule in &rules {
        let (section, number) = rule.id.rsplit_once('-').expect("an id has a number");
        counts.entry(section).or_default().push(number.parse().expect("a number"));
    }
    let mut faults = Vec::new();
    for (section, numbers) in &counts {
        for (expected, number) in (1..).zip(numbers) {
            if *number != expected {
                faults
                    .push(format!("{section}-{number} stands where {section}-{expected} belongs"));
            }
        }
    }
    no_faults(&faults);
    let of_the_draft = rules.iter().filter(|r| r.is_of_the_draft()).count();
    assert_eq!((of_the_draft, rules.len() - of_the_draft), (1113, 107));
}

#[test]
fn no_rule_is_open() {
    let (rules, _) = all();
    let open: Vec<String> = rules
        .iter()
        .filter(|r| matches!(r.verdict, Verdict::Open))
        .map(|r| format!("nothing is said of {}", r.id))
        .collect();
    no_faults(&open);
}

#[test]
fn tests_hold_only_rules_that_exist() {
    let (rules, holdings) = all();
    let known: BTreeSet<&str> = rules.iter().map(|r| r.id.as_str()).collect();
    let strangers: Vec<String> = holdings
        .iter()
        .filter(|(id, _)| !known.contains(id.as_str()))
        .map(|(id, by)| format!("{} holds {id}, which is no rule", by[0].name))
        .collect();
    no_faults(&strangers);
}

#[test]
fn what_is_done_is_held_by_a_test() {
    let (rules, holdings) = all();
    let idle: Vec<String> = rules
        .iter()
        .filter(|r| matches!(r.verdict, Verdict::Done { .. }) && !holdings.contains_key(&r.id))
        .map(|r| format!("{} is called done, but no test says that it holds it", r.id))
        .collect();
    no_faults(&idle);
}

#[test]
fn what_a_test_holds_is_done_or_a_deviation() {
    let (rules, holdings) = all();
    let wrong: Vec<String> = rules
        .iter()
        .filter(|r| matches!(r.verdict, Verdict::NotApplicable { .. }))
        .filter_map(|r| {
            holdings.get(&r.id).map(|by| {
                format!("{} is held by {}, but its entry says otherwise", r.id, by[0].name)
            })
        })
        .collect();
    no_faults(&wrong);
}

#[test]
fn the_files_that_do_a_rule_exist() {
    let (rules, _) = all();
    let mut faults = Vec::new();
    for rule in &rules {
        for file in rule.verdict.files() {
            if !root().join(file).exists() {
                faults.push(format!("{}: there is no {file}", rule.id));
            }
        }
    }
    no_faults(&faults);
}

/// Rules for clients, operators and authors bind nobody here; of the others one in twenty may be out of reach.
#[test]
fn few_rules_for_servers_are_not_applicable() {
    let (rules, _) = all();
    let ours: Vec<&Rule> =
        rules.iter().filter(|r| r.is_of_the_draft() && r.binds_a_server()).collect();
    let out = ours.iter().filter(|r| matches!(r.verdict, Verdict::NotApplicable { .. })).count();
    assert!(out * 20 <= ours.len(), "{out} of {} are called not applicable", ours.len());
}

fn up_to_date(path: &Path, page: &str) {
    if std::env::var_os("TWINLEASE_BLESS").is_some() {
        std::fs::write(path, page).expect("the page can be written");
    }
    let written = std::fs::read_to_string(path).unwrap_or_default();
    let hint = "run TWINLEASE_BLESS=1 cargo test --test conformance";
    assert!(written == page, "{} is out of date: {hint}", path.display());
}

#[test]
fn the_matrix_is_up_to_date() {
    let (rules, holdings) = all();
    up_to_date(&root().join("docs/conformance.md"), &markdown::matrix(&rules, &holdings));
}

#[test]
fn the_notes_are_up_to_date() {
    let (rules, holdings) = all();
    up_to_date(&root().join("docs/draft-12-notes.md"), &markdown::notes(&rules, &holdings));
}
