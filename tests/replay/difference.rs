//! The list of known differences, each with its reason.
//!
//! `differences.txt` has one line for each kind of difference in a capture:
//!
//! ```text
//! CAPTURES SIDE | how often | difference | reason
//! ```
//!
//! CAPTURES is a name, several joined by `+`, `*` for all, or `*!NAME!NAME` for all but these; SIDE is
//! the server that is replaced. `*` as "how often" means at least once in each. Lines that begin
//! with `#` are for the reader.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use crate::side::Side;

/// Differences found, by kind, each with where it was seen.
#[derive(Debug, Default)]
pub struct Differences(BTreeMap<String, Vec<String>>);

impl Differences {
    pub fn note(&mut self, kind: impl Into<String>, place: impl Into<String>) {
        self.0.entry(kind.into()).or_default().push(place.into());
    }
}

/// A line of the list.
struct Listed {
    captures: String,
    side: String,
    count: String,
    kind: String,
}

fn list() -> Vec<Listed> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/replay/differences.txt");
    let text = std::fs::read_to_string(path).unwrap();
    text.lines()
        .filter(|line| !line.starts_with('#') && !line.trim().is_empty())
        .map(|line| {
            let parts: Vec<&str> = line.split(" | ").map(str::trim).collect();
            let [place, count, kind, reason] = parts[..] else {
                panic!("four parts are needed, separated by ' | ': {line}");
            };
            assert!(!reason.is_empty(), "a reason is needed: {line}");
            let (captures, side) = place.split_once(' ').unwrap();
            let [captures, side, count, kind] = [captures, side, count, kind].map(str::to_owned);
            Listed { captures, side, count, kind }
        })
        .collect()
}

impl Listed {
    fn is_about(&self, capture: &str, side: Side) -> bool {
        let named = match self.captures.strip_prefix('*') {
            Some(exceptions) => exceptions.split('!').all(|exception| exception != capture),
            None => self.captures.split('+').any(|name| name == capture),
        };
        named && self.side == side.to_string()
    }
}

/// The captures named in the list.
pub fn captures_named() -> Vec<String> {
    let listed = list();
    let names = listed.iter().flat_map(|listed| listed.captures.split(['+', '!']));
    names.filter(|name| *name != "*").map(str::to_owned).collect()
}

/// Fails unless the differences found are exactly those that are listed.
pub fn check(capture: &str, side: Side, found: &Differences) {
    let mut found = found.0.clone();
    let mut complaints = String::new();
    let listed = list();
    let here = listed.iter().filter(|listed| listed.is_about(capture, side));
    for Listed { count, kind, .. } in here {
        let places = found.remove(kind).unwrap_or_default();
        let as_listed =
            if count == "*" { !places.is_empty() } else { *count == places.len().to_string() };
        if !as_listed {
            writeln!(complaints, "listed {count} times, found {}: {kind}", places.len()).unwrap();
            for place in places.iter().take(5) {
                writeln!(complaints, "    {place}").unwrap();
            }
        }
    }
    for (kind, places) in found {
        writeln!(complaints, "not listed: {capture} {side} | {} | {kind} | ", places.len())
            .unwrap();
        for place in places.iter().take(5) {
            writeln!(complaints, "    {place}").unwrap();
        }
    }
    assert!(complaints.is_empty(), "{capture} replayed as {side}:\n{complaints}");
}
