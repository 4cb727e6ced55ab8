//! What a captured server logged about itself: its processes, its states, its operator.

use std::path::Path;

use twinlease::wire::FailoverState;

use crate::tcp::Micros;

/// One line that matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Logged {
    Started,
    Stopped,
    /// The state left, and the state entered.
    Moved(FailoverState, FailoverState),
    AskedToShutDown,
    /// The connection with the partner is over.
    Disconnected,
}

/// The lines that matter, with their time.
pub fn read(path: &Path) -> Vec<(Micros, Logged)> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().filter_map(line).collect()
}

fn line(line: &str) -> Option<(Micros, Logged)> {
    let (time, words) = line.split_once(' ')?;
    let (seconds, millis) = time.split_once('.')?;
    let millis: Micros = millis.parse().unwrap();
    let micros = seconds.parse::<Micros>().unwrap() * 1_000_000 + millis * 1000;
    if words.starts_with("-- stopped") {
        return Some((micros, Logged::Stopped));
    }
    if words.starts_with("-- asked to shut down") {
        return Some((micros, Logged::AskedToShutDown));
    }
    if words.starts_with("peer ") && words.ends_with(": disconnected") {
        return Some((micros, Logged::Disconnected));
    }
    let (_, states) = words.split_once(": I move from ")?;
    let (from, to) = states.split_once(" to ")?;
    if to == "startup" {
        return Some((micros, Logged::Started));
    }
    Some((micros, Logged::Moved(from.parse().unwrap(), to.parse().unwrap())))
}
