//! kill -9 in the middle of commits: everything acknowledged is there.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use twinlease::binding::Binding;
use twinlease::durable::{Change, EndpointRecord};
use twinlease::store::{Journal, LeaseStore, OwnerId};
use twinlease::time::UnixTime;

use crate::samples::{binding, endpoint, recovered, set};

/// Where the child commits; set only by the parent.
const DIRECTORY: &str = "TWINLEASE_TORTURE_DIRECTORY";
const ROUNDS: u32 = 20;
const BATCH: u8 = 40;

/// The changes of batch `number`: a run of addresses and the endpoint record, all marked with it.
fn batch(owner: OwnerId, number: u32) -> Vec<(OwnerId, Change)> {
    let mark = UnixTime(number);
    let bindings = (0..BATCH).map(|step| {
        let last = (number as u8).wrapping_mul(7).wrapping_add(step);
        set(owner, Binding { lease_expiration: mark, ..binding(last) })
    });
    let record = EndpointRecord { last_operation: mark, ..endpoint() };
    bindings.chain([(owner, Change::Endpoint(record))]).collect()
}

/// What the process does that the test starts and kills: it commits without end.
fn commit_until_killed(directory: &Path) {
    let mut store = Journal::open(directory).unwrap();
    let (owner, recovered) = store.open_owner("a").unwrap();
    let first = recovered.endpoint.map_or(0, |record| record.last_operation.0) + 1;
    for number in first.. {
        store.commit(&batch(owner, number)).unwrap();
        let mut out = std::io::stdout().lock();
        writeln!(out, "acknowledged {number}").unwrap();
        out.flush().unwrap();
    }
}

/// Runs the child for `time` after its first acknowledgement, kills it, and returns the last number that it
/// acknowledged.
fn run_and_kill(directory: &Path, time: Duration) -> Option<u32> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "torture::kill_9_loses_nothing_acknowledged", "--nocapture"])
        .env(DIRECTORY, directory)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut acknowledged = lines
        .map_while(Result::ok)
        .filter_map(|line| line.strip_prefix("acknowledged ")?.parse().ok());
    let first = acknowledged.next();
    std::thread::sleep(time);
    child.kill().unwrap();
    child.wait().unwrap();
    acknowledged.last().or(first)
}

/// Holds: FO-2.2-11.
#[test]
fn kill_9_loses_nothing_acknowledged() {
    if let Some(directory) = std::env::var_os(DIRECTORY) {
        // Started by this very test.
        return commit_until_killed(Path::new(&directory));
    }
    let directory = tempfile::tempdir().unwrap();
    let mut acknowledged = 0;
    for round in 0..ROUNDS {
        let time = Duration::from_micros(u64::from(30_000 + round * 7_919 % 90_000));
        acknowledged = run_and_kill(directory.path(), time).unwrap_or(acknowledged);
        let mut store = Journal::open(directory.path()).unwrap();
        let found = recovered(&mut store, "a");
        let reached = found.endpoint.map_or(0, |record| record.last_operation.0);
        assert!(reached >= acknowledged, "{acknowledged} was acknowledged, {reached} is there");
        // A batch is there as a whole or not at all: each address shows the last batch up to
        // `reached` that touched it.
        let (owner, _) = store.open_owner("a").unwrap();
        let mut expected = std::collections::BTreeMap::new();
        for number in 1..=reached {
            for (_, change) in batch(owner, number) {
                if let Change::Binding(binding) = change {
                    expected.insert(binding.address, binding);
                }
            }
        }
        assert_eq!(found.bindings, expected.into_values().collect::<Vec<_>>());
        store.verify().unwrap();
    }
    assert!(acknowledged > ROUNDS, "the child must have come to commit: {acknowledged}");
}
