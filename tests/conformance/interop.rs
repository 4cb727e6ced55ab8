//! Every case of `tests/interop/cases.txt`, against the tests with a real dhcpd that hold them
//! (`/// Interop: C1, C12.`).

use std::collections::BTreeMap;
use std::fs;

use crate::holds::{self, Holdings};
use crate::{no_faults, root};

/// How many numbers each group has; a letter behind a number is a case more.
const GROUPS: [(&str, usize); 6] = [("C", 19), ("S", 14), ("U", 29), ("P", 6), ("L", 8), ("O", 5)];

/// The cases with what each says.
fn cases() -> BTreeMap<String, String> {
    let text = fs::read_to_string(root().join("tests/interop/cases.txt")).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    let case = |line: &str| {
        let (id, what) = line.split_once(" | ").unwrap_or_else(|| panic!("no case: {line}"));
        (id.to_owned(), what.to_owned())
    };
    lines.map(case).collect()
}

fn holdings() -> Holdings {
    holds::read_interop(&root()).unwrap_or_else(|e| panic!("{e}"))
}

#[test]
fn every_case_of_the_list_is_there() {
    let cases = cases();
    let numbered = GROUPS
        .iter()
        .flat_map(|(group, count)| (1..=*count).map(move |number| format!("{group}{number}")));
    let lettered = ["U28a", "U28b"].map(str::to_owned);
    let mut expected: Vec<String> = numbered.chain(lettered).collect();
    expected.sort();
    assert_eq!(cases.into_keys().collect::<Vec<_>>(), expected);
}

#[test]
fn every_case_is_held_by_a_test_against_a_real_dhcpd() {
    let holdings = holdings();
    let cases = cases().into_iter().filter(|(id, _)| !holdings.contains_key(id));
    let idle: Vec<String> =
        cases.map(|(id, what)| format!("no test of tests/interop holds {id}: {what}")).collect();
    no_faults(&idle);
}

#[test]
fn tests_hold_only_cases_that_exist() {
    let cases = cases();
    let strangers: Vec<String> = holdings()
        .iter()
        .filter(|(id, _)| !cases.contains_key(*id))
        .map(|(id, by)| format!("{} holds {id}, which is no case", by[0].name))
        .collect();
    no_faults(&strangers);
}
