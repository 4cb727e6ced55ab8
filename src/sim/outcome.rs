//! What came of a world.

use std::collections::BTreeMap;

use super::scenario::{FaultKind, Scenario};
use super::watch::Violation;

/// What was counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Simulated microseconds.
    pub simulated: u64,
    /// Things that happened.
    pub happenings: u64,
    /// Messages between the servers.
    pub messages: u64,
    /// Datagrams of clients that reached a server.
    pub asked: u64,
    /// Leases given to clients, renewals among them.
    pub leases: u64,
    /// Commits made durable.
    pub commits: u64,
    /// Processes started.
    pub starts: u64,
    /// Faults that took effect.
    pub faults: BTreeMap<FaultKind, u64>,
    /// How often each row of the transition table decided.
    pub rows: BTreeMap<&'static str, u64>,
}

impl Counts {
    /// Adds those of another world.
    pub fn add(&mut self, other: &Self) {
        self.simulated += other.simulated;
        self.happenings += other.happenings;
        self.messages += other.messages;
        self.asked += other.asked;
        self.leases += other.leases;
        self.commits += other.commits;
        self.starts += other.starts;
        for (kind, count) in &other.faults {
            *self.faults.entry(*kind).or_default() += count;
        }
        for (row, count) in &other.rows {
            *self.rows.entry(row).or_default() += count;
        }
    }
}

/// What came of a world.
#[derive(Debug)]
pub struct Outcome {
    /// What it began with.
    pub(crate) scenario: Scenario,
    /// The first promise that was broken, if one was.
    pub violation: Option<Violation>,
    /// What was counted.
    pub counts: Counts,
    /// The story, or its end.
    pub trace: Vec<String>,
}
