//! Order, grouping, failure and end of the committer thread.

use std::io;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::mpsc;

use twinlease::binding::Binding;
use twinlease::driver::committer::{MAX_BATCH, MAX_QUEUED_COMMITS};
use twinlease::driver::{Committer, Report};
use twinlease::durable::{Change, Commit, CommitId, Recovered};
use twinlease::store::{Contents, LeaseStore, OwnerId, StoreError};

const A: OwnerId = OwnerId(0);
const B: OwnerId = OwnerId(1);

/// The addresses of one batch as the store got them.
type Batch = Vec<(OwnerId, Ipv4Addr)>;

/// What a gated store does with a batch.
#[derive(Clone, Copy)]
enum Word {
    GoOn,
    NoRoom,
    Fail,
}

/// A store whose every commit shows its batch and waits for a word.
struct GatedStore {
    batches: mpsc::Sender<Batch>,
    gate: mpsc::Receiver<Word>,
}

impl LeaseStore for GatedStore {
    fn open_owner(&mut self, _: &str) -> Result<(OwnerId, Recovered), StoreError> {
        Ok((A, Recovered::default()))
    }

    fn owner_names(&mut self) -> Result<Vec<String>, StoreError> {
        Ok(Vec::new())
    }

    fn commit(&mut self, batch: &[(OwnerId, Change)]) -> Result<(), StoreError> {
        let address = |change: &Change| match change {
            Change::Binding(binding) => binding.address,
            Change::Endpoint(_) => Ipv4Addr::UNSPECIFIED,
        };
        let shown = batch.iter().map(|(owner, change)| (*owner, address(change))).collect();
        self.batches.send(shown).unwrap();
        let (path, source) = (PathBuf::new(), io::Error::from(io::ErrorKind::StorageFull));
        match self.gate.recv().unwrap_or(Word::GoOn) {
            Word::GoOn => Ok(()),
            Word::NoRoom => Err(StoreError::NoRoom { path, source }),
            Word::Fail => Err(StoreError::Directory { path, source }),
        }
    }

    fn verify(&mut self) -> Result<Contents, StoreError> {
        Ok(Contents::default())
    }
}

fn gated() -> (Committer, mpsc::Receiver<Batch>, mpsc::Sender<Word>) {
    let (batches, seen) = mpsc::channel();
    let (open, gate) = mpsc::channel();
    (Committer::start(Box::new(GatedStore { batches, gate })).unwrap(), seen, open)
}

fn address(id: u64) -> Ipv4Addr {
    Ipv4Addr::from_bits(0x0a00_0000 + u32::try_from(id).unwrap())
}

fn commit(owner: OwnerId, id: u64) -> (OwnerId, Commit) {
    let change = Change::Binding(Binding::unused(address(id)));
    (owner, Commit { id: CommitId(id), change })
}

fn durable(report: Report) -> Vec<(OwnerId, CommitId)> {
    match report {
        Report::Durable(ids) => ids,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_waits_during_a_sync_shares_the_next_one_in_order() {
    let (committer, seen, open) = gated();
    committer.submit(&mut vec![commit(A, 1)]);
    assert_eq!(seen.recv().unwrap(), [(A, address(1))]);
    committer.submit(&mut vec![commit(A, 2), commit(B, 1)]);
    committer.submit(&mut vec![commit(A, 3)]);
    open.send(Word::GoOn).unwrap();
    assert_eq!(durable(committer.report().await), [(A, CommitId(1))]);
    assert_eq!(seen.recv().unwrap(), [(A, address(2)), (B, address(1)), (A, address(3))]);
    open.send(Word::GoOn).unwrap();
    assert_eq!(durable(committer.report().await), [(A, CommitId(3)), (B, CommitId(1))]);
    assert!(committer.is_idle());
    let statistics = committer.statistics();
    assert_eq!((statistics.commits, statistics.batches), (4, 2));
}

#[tokio::test]
async fn nothing_is_reported_before_the_store_has_it() {
    let (committer, seen, open) = gated();
    committer.submit(&mut vec![commit(A, 1)]);
    seen.recv().unwrap();
    assert!(committer.try_report().is_none());
    assert!(!committer.is_idle());
    open.send(Word::GoOn).unwrap();
    assert_eq!(durable(committer.report().await), [(A, CommitId(1))]);
}

#[tokio::test]
async fn one_sync_takes_a_bounded_number_of_commits() {
    let (committer, seen, open) = gated();
    committer.submit(&mut vec![commit(A, 1)]);
    seen.recv().unwrap();
    let count = u64::try_from(MAX_BATCH).unwrap();
    committer.submit(&mut (2..count + 3).map(|id| commit(A, id)).collect());
    open.send(Word::GoOn).unwrap();
    assert_eq!(seen.recv().unwrap().len(), MAX_BATCH);
    open.send(Word::GoOn).unwrap();
    assert_eq!(seen.recv().unwrap(), [(A, address(count + 2))]);
    open.send(Word::GoOn).unwrap();
}

#[tokio::test]
async fn there_is_room_until_the_queue_is_full() {
    let (committer, seen, open) = gated();
    committer.submit(&mut vec![commit(A, 1)]);
    seen.recv().unwrap();
    let full = u64::try_from(MAX_QUEUED_COMMITS).unwrap() + 2;
    committer.submit(&mut (2..full - 1).map(|id| commit(A, id)).collect());
    assert!(committer.has_room());
    committer.submit(&mut vec![commit(A, full - 1)]);
    assert!(!committer.has_room());
    drop(open);
    while committer.report().await.highest(A) < CommitId(full - 1) {}
    assert!(committer.has_room());
}

/// What a report says of an owner.
trait Highest {
    fn highest(self, owner: OwnerId) -> CommitId;
}

impl Highest for Report {
    fn highest(self, owner: OwnerId) -> CommitId {
        durable(self).into_iter().find(|(of, _)| *of == owner).unwrap().1
    }
}

#[tokio::test]
async fn a_failure_is_the_last_report() {
    let (committer, _seen, open) = gated();
    open.send(Word::Fail).unwrap();
    committer.submit(&mut vec![commit(A, 1)]);
    assert!(matches!(committer.report().await, Report::Failed(StoreError::Directory { .. })));
    committer.submit(&mut vec![commit(A, 2)]);
    assert!(committer.try_report().is_none());
}

#[tokio::test]
async fn a_batch_without_room_is_tried_again_until_there_is_and_nothing_overtakes_it() {
    let (committer, seen, open) = gated();
    committer.submit(&mut vec![commit(A, 1)]);
    assert_eq!(seen.recv().unwrap(), [(A, address(1))]);
    committer.submit(&mut vec![commit(A, 2)]);
    open.send(Word::NoRoom).unwrap();
    assert!(matches!(committer.report().await, Report::NoRoom(StoreError::NoRoom { .. })));
    assert!(committer.is_stalled() && !committer.is_idle());
    assert_eq!(seen.recv().unwrap(), [(A, address(1))]);
    open.send(Word::NoRoom).unwrap();
    assert_eq!(seen.recv().unwrap(), [(A, address(1))]);
    assert!(committer.try_report().is_none(), "no room is said once");
    open.send(Word::GoOn).unwrap();
    assert_eq!(seen.recv().unwrap(), [(A, address(2))]);
    open.send(Word::GoOn).unwrap();
    let (mut reached, mut room) = (CommitId(0), false);
    while reached < CommitId(2) || !room {
        match committer.report().await {
            Report::Room => room = true,
            report => reached = report.highest(A),
        }
    }
    assert!(!committer.is_stalled());
    assert_eq!(committer.statistics().put_off, 2);
}

#[test]
fn closing_does_not_wait_for_room() {
    let (committer, seen, open) = gated();
    committer.submit(&mut vec![commit(A, 1)]);
    seen.recv().unwrap();
    (0..10).for_each(|_| open.send(Word::NoRoom).unwrap());
    assert!(matches!(committer.close(), Err(StoreError::NoRoom { .. })));
}

#[test]
fn closing_makes_durable_what_waits() {
    let (committer, seen, open) = gated();
    committer.submit(&mut vec![commit(A, 1)]);
    seen.recv().unwrap();
    committer.submit(&mut vec![commit(A, 2)]);
    drop(open);
    committer.close().unwrap();
    assert_eq!(seen.recv().unwrap(), [(A, address(2))]);
}

#[test]
fn closing_tells_of_a_failure_that_nobody_has_heard_of() {
    let (committer, _seen, open) = gated();
    open.send(Word::Fail).unwrap();
    committer.submit(&mut vec![commit(A, 1)]);
    assert!(committer.close().is_err());
}
