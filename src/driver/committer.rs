//! Group commit: a thread that owns the store and makes everything that waits durable with one sync.
//!
//! While one batch is being synced, the next one gathers; so the number of commits a sync grows with
//! the load, and a single commit waits for nobody. Where the disk is so fast that many small batches
//! would be synced, each at the cost of processor time, syncs begin half a millisecond apart as long
//! as there are several commits for each.
//!
//! A store without room stops nothing but promises: its batch is tried again until there is room,
//! nothing overtakes it, and no report says durable in the meantime.
//!
//! Between two batches the thread lends the store to whoever has to read it.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use tokio::sync::Notify;

use crate::durable::{Change, Commit, CommitId};
use crate::store::{LeaseStore, OwnerId, StoreError};

/// Commits that may wait; see [`Committer::has_room`].
pub const MAX_QUEUED_COMMITS: usize = 16 * 1024;

/// Commits that share a sync, so that none waits for very many others.
pub const MAX_BATCH: usize = 4096;

/// The time between the beginnings of two syncs while there is much to do.
const PERIOD: Duration = Duration::from_micros(500);

/// Commits of a batch after which there is much to do; after fewer the next one is not waited with.
const SEVERAL: usize = 4;

/// How long the thread waits before it tries again where there was no room; twice as long each time.
const FIRST_PAUSE: Duration = Duration::from_millis(20);

/// The longest of these pauses: room that has been made is used within this time.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// What the thread has to say.
#[derive(Debug)]
pub enum Report {
    /// Everything of these owners up to and including these commits is on stable storage; each
    /// owner occurs once, with the highest id.
    Durable(Vec<(OwnerId, CommitId)>),
    /// The store has no room; what waits is tried again until it has. Said once each time.
    NoRoom(StoreError),
    /// The store has room again.
    Room,
    /// The store failed; nothing more becomes durable. Said once, as the last report.
    Failed(StoreError),
}

/// The thread and the queue in front of it.
pub struct Committer {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    /// Something waits, or the end has come.
    work: Condvar,
    /// A report waits.
    reports: Notify,
}

/// What is done with the store between two batches.
type Errand = Box<dyn FnOnce(&mut dyn LeaseStore) + Send>;

#[derive(Default)]
struct State {
    waiting: VecDeque<(OwnerId, Commit)>,
    errand: Option<Errand>,
    durable: Highest,
    stall: Option<Report>,
    failed: Option<StoreError>,
    /// Taken out of `waiting` and not yet durable.
    syncing: usize,
    /// The thread waits for the first commit.
    is_idle: bool,
    closing: bool,
    stopped: bool,
    statistics: Statistics,
}

/// Counts since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Commits made durable.
    pub commits: u64,
    /// Syncs that it took.
    pub batches: u64,
    /// Times that a batch was put off because the store had no room.
    pub put_off: u64,
    /// Whether the store has no room now.
    pub is_stalled: bool,
}

impl Committer {
    /// Starts the thread. It fails only where the system has no thread to give.
    pub fn start(store: Box<dyn LeaseStore>) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let of_thread = Arc::clone(&shared);
        let thread = thread::Builder::new()
            .name("twinlease-store".to_owned())
            .spawn(move || of_thread.run(store))?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Queues commits and leaves `commits` empty. Those of one owner are in the order of their ids.
    pub fn submit(&self, commits: &mut Vec<(OwnerId, Commit)>) {
        if commits.is_empty() {
            return;
        }
        let mut state = self.shared.state.lock();
        state.waiting.extend(commits.drain(..));
        let wakes = state.is_idle || state.waiting.len() >= MAX_BATCH;
        drop(state);
        if wakes {
            self.shared.work.notify_one();
        }
    }

    /// Lends the store to `errand` as soon as the batch at hand is durable; the next one waits until it
    /// is done. There is one errand at a time: another takes its place if it has not begun.
    pub fn lend(&self, errand: impl FnOnce(&mut dyn LeaseStore) + Send + 'static) {
        self.shared.state.lock().errand = Some(Box::new(errand));
        self.shared.work.notify_one();
    }

    /// Whether fewer than [`MAX_QUEUED_COMMITS`] wait. Whoever takes in what makes commits stops
    /// until it is so; the next [`report`](Self::report) is the time to ask again.
    pub fn has_room(&self) -> bool {
        self.waiting() < MAX_QUEUED_COMMITS
    }

    /// Commits that wait for the next sync.
    pub fn waiting(&self) -> usize {
        self.shared.state.lock().waiting.len()
    }

    /// Whether the store has no room, so that nothing new can be promised for now.
    pub fn is_stalled(&self) -> bool {
        self.shared.state.lock().statistics.is_stalled
    }

    /// Whether everything submitted is durable.
    pub fn is_idle(&self) -> bool {
        let state = self.shared.state.lock();
        state.waiting.is_empty() && state.syncing == 0
    }

    /// The next report, if there is one already.
    pub fn try_report(&self) -> Option<Report> {
        let mut state = self.shared.state.lock();
        if !state.durable.is_empty() {
            return Some(Report::Durable(state.durable.drain().collect()));
        }
        if let Some(report) = state.stall.take() {
            return Some(report);
        }
        state.failed.take().map(Report::Failed)
    }

    /// The next report. May be dropped and called again without losing one.
    pub async fn report(&self) -> Report {
        loop {
            if let Some(report) = self.try_report() {
                return report;
            }
            self.shared.reports.notified().await;
        }
    }

    /// Counts since the start.
    pub fn statistics(&self) -> Statistics {
        self.shared.state.lock().statistics
    }

    /// Makes everything that waits durable and ends the thread. Blocks for as long as that takes,
    /// but does not wait for room.
    pub fn close(mut self) -> Result<(), StoreError> {
        self.stop();
        match self.shared.state.lock().failed.take() {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    fn stop(&mut self) {
        self.shared.state.lock().closing = true;
        self.shared.work.notify_one();
        if let Some(thread) = self.thread.take() {
            // A panic of the thread has been reported as a failure of the store.
            let _ = thread.join();
        }
    }
}

impl Drop for Committer {
    fn drop(&mut self) {
        self.stop();
    }
}

impl fmt::Debug for Committer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Committer").field("statistics", &self.statistics()).finish_non_exhaustive()
    }
}

impl Shared {
    fn run(&self, mut store: Box<dyn LeaseStore>) {
        let mut batch = Vec::new();
        let mut last = Highest::default();
        let mut not_before = None;
        while let Some(next) = self.take(&mut batch, &mut last, not_before) {
            if let Next::Errand(errand) = next {
                errand(store.as_mut());
                continue;
            }
            not_before = (batch.len() >= SEVERAL).then(|| Instant::now() + PERIOD);
            let result = self.insist(store.as_mut(), &batch);
            let mut state = self.state.lock();
            state.syncing = 0;
            match result {
                Ok(()) => {
                    state.statistics.batches += 1;
                    state.statistics.commits += batch.len() as u64;
                    for (owner, id) in last.drain() {
                        state.durable.note(owner, id);
                    }
                }
                Err(error) => {
                    state.failed = Some(error);
                    state.stopped = true;
                    state.waiting.clear();
                }
            }
            let stopped = state.stopped;
            drop(state);
            self.reports.notify_one();
            batch.clear();
            if stopped {
                return;
            }
        }
        // Everything is durable without the mark.
        let _ = store.close();
    }

    /// Commits `batch`, again and again as long as the store has no room for it.
    fn insist(
        &self,
        store: &mut dyn LeaseStore,
        batch: &[(OwnerId, Change)],
    ) -> Result<(), StoreError> {
        let mut pause = FIRST_PAUSE;
        loop {
            let result = store.commit(batch);
            let mut state = self.state.lock();
            let error = match result {
                Err(error) if error.is_no_room() && !state.closing => error,
                result => {
                    if result.is_ok() && std::mem::take(&mut state.statistics.is_stalled) {
                        // Nobody need hear of a stall that is over.
                        let unheard = state.stall.take().is_some();
                        state.stall = (!unheard).then_some(Report::Room);
                    }
                    return result;
                }
            };
            state.statistics.put_off += 1;
            if !std::mem::replace(&mut state.statistics.is_stalled, true) {
                state.stall = Some(Report::NoRoom(error));
                self.reports.notify_one();
            }
            let until = Instant::now() + pause;
            while !state.closing && !self.work.wait_until(&mut state, until).timed_out() {}
            pause = LONGEST_PAUSE.min(pause * 2);
        }
    }

    /// Waits for work and takes a batch of it, with the highest id of each owner, and not before the
    /// given moment unless the batch is full. An errand goes first. `None` at the end.
    fn take(
        &self,
        batch: &mut Vec<(OwnerId, Change)>,
        last: &mut Highest,
        not_before: Option<Instant>,
    ) -> Option<Next> {
        let mut state = self.state.lock();
        while state.waiting.is_empty() && state.errand.is_none() {
            if state.closing {
                return None;
            }
            state.is_idle = true;
            self.work.wait(&mut state);
            state.is_idle = false;
        }
        if let Some(errand) = state.errand.take() {
            return Some(Next::Errand(errand));
        }
        while let Some(moment) = not_before
            && state.waiting.len() < MAX_BATCH
            && state.errand.is_none()
            && !state.closing
            && !self.work.wait_until(&mut state, moment).timed_out()
        {}
        let count = state.waiting.len().min(MAX_BATCH);
        state.syncing = count;
        for (owner, commit) in state.waiting.drain(..count) {
            last.note(owner, commit.id);
            batch.push((owner, commit.change));
        }
        Some(Next::Batch)
    }
}

/// What the thread does next.
enum Next {
    /// Makes the batch durable that was taken.
    Batch,
    Errand(Errand),
}

/// The highest id of each owner that occurs.
#[derive(Debug, Default)]
struct Highest {
    /// By number of the owner; of one that does not occur, that of the empty past.
    ids: Vec<CommitId>,
    owners: Vec<OwnerId>,
}

impl Highest {
    fn note(&mut self, owner: OwnerId, id: CommitId) {
        let number = usize::from(owner.0);
        if number >= self.ids.len() {
            self.ids.resize(number + 1, CommitId::default());
        }
        let Some(highest) = self.ids.get_mut(number) else { return };
        if *highest == CommitId::default() {
            self.owners.push(owner);
        }
        *highest = id.max(*highest);
    }

    fn is_empty(&self) -> bool {
        self.owners.is_empty()
    }

    /// Takes all out, in the order in which the owners first occurred.
    fn drain(&mut self) -> impl Iterator<Item = (OwnerId, CommitId)> + '_ {
        let Self { ids, owners } = self;
        owners.drain(..).map(|owner| {
            let id = ids.get_mut(usize::from(owner.0)).map(std::mem::take);
            (owner, id.unwrap_or_default())
        })
    }
}
