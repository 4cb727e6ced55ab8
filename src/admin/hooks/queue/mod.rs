//! What has to be delivered, on disk: a file of JSON lines to which events and positions are appended.
//!
//! An event counts as queued, and a delivery as done, once its line is on stable storage. The file is
//! written anew when much of it is past; how much may wait is bounded, and the oldest goes first.

use std::collections::{BTreeMap, VecDeque};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use parking_lot::{Condvar, Mutex, MutexGuard};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::driver::clock::Clock;
use crate::rate_limit::RateLimit;
use crate::server::config::{EventKind, Hook};

use super::Counts;

/// The file in the data directory.
const FILE: &str = "hooks.queue";

/// Its successor while that is written.
const NEW_FILE: &str = "hooks.queue.new";

/// Events that may wait. One is smaller than 64 KiB, as its words come from messages of 2 KiB.
pub(super) const MAX_WAITING: usize = 1000;

/// Octets from which on a file may be written anew.
const MIN_COMPACTION: u64 = 256 * 1024;

/// One line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Line {
    /// The first one: what begins every id, and the number of the latest event so far.
    Queue { identity: String, last: u64 },
    /// Something to be told.
    Event { number: u64, body: Map<String, Value> },
    /// A hook has been told everything up to this number.
    Told { hook: String, number: u64 },
}

/// An event on its way to a hook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Delivery {
    pub(super) number: u64,
    pub(super) kind: EventKind,
    /// With the id.
    pub(super) body: Arc<Map<String, Value>>,
}

/// Who is told, and how far.
#[derive(Debug)]
struct Receiver {
    name: String,
    kinds: Vec<EventKind>,
    /// Number of the last event that needs no telling.
    told: u64,
}

impl Receiver {
    fn awaits(&self, event: &Delivery) -> bool {
        event.number > self.told && self.kinds.contains(&event.kind)
    }
}

/// The queue, shared by whoever fills it and those who deliver.
#[derive(Debug)]
pub(super) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    directory: PathBuf,
    file: File,
    length: u64,
    /// Length from which on the file is written anew.
    compact_at: u64,
    identity: String,
    last: u64,
    /// In ascending order of number.
    waiting: VecDeque<Delivery>,
    receivers: Vec<Receiver>,
    counts: Counts,
    is_closed: bool,
    clock: Clock,
    drops: RateLimit,
}

impl Queue {
    /// Opens the queue of these hooks. One that was not there before is told what comes from now on.
    pub(super) fn open(directory: &Path, hooks: &[Hook], counts: Counts) -> io::Result<Self> {
        let state = State::open(directory, hooks, counts)?;
        Ok(Self { state: Mutex::new(state), changed: Condvar::new() })
    }

    /// Whether a hook wants to be told of this.
    pub(super) fn wants(&self, kind: EventKind) -> bool {
        self.state.lock().wants(kind)
    }

    /// Makes an event durable, if there is somebody to tell.
    pub(super) fn push(&self, kind: EventKind, body: Map<String, Value>) -> io::Result<()> {
        self.state.lock().push(kind, body)?;
        self.changed.notify_all();
        Ok(())
    }

    /// The oldest event that a hook has not been told, waited for; `None` once the queue is closed.
    pub(super) fn next(&self, hook: usize) -> Option<Delivery> {
        let mut state = self.state.lock();
        loop {
            if state.is_closed {
                return None;
            }
            if let Some(event) = state.next(hook) {
                return Some(event);
            }
            self.changed.wait(&mut state);
        }
    }

    /// A hook has been told everything up to this number.
    pub(super) fn told(&self, hook: usize, number: u64) {
        self.state.lock().told(hook, number);
    }

    /// Waits; true once the queue is closed.
    pub(super) fn pause(&self, time: Duration) -> bool {
        let deadline = std::time::Instant::now() + time;
        let mut state: MutexGuard<'_, State> = self.state.lock();
        while !state.is_closed {
            if self.changed.wait_until(&mut state, deadline).timed_out() {
                return state.is_closed;
            }
        }
        true
    }

    /// Ends the waiting of whoever delivers.
    pub(super) fn close(&self) {
        self.state.lock().is_closed = true;
        self.changed.notify_all();
    }
}

impl State {
    fn open(directory: &Path, hooks: &[Hook], counts: Counts) -> io::Result<Self> {
        let found = Found::read(&directory.join(FILE))?;
        let identity = match found.identity {
            Some(identity) => identity,
            None => new_identity()?,
        };
        let receivers = hooks.iter().map(|hook| Receiver {
            name: hook.name.clone(),
            kinds: hook.events.clone(),
            told: found.told.get(&hook.name).copied().unwrap_or(found.last),
        });
        let mut state = Self {
            directory: directory.to_owned(),
            file: OpenOptions::new().read(true).open(directory)?,
            length: 0,
            compact_at: MIN_COMPACTION,
            identity,
            last: found.last,
            waiting: found.events.into(),
            receivers: receivers.collect(),
            counts,
            is_closed: false,
            clock: Clock::new(),
            drops: RateLimit::default(),
        };
        state.forget();
        state.compact()?;
        Ok(state)
    }

    fn wants(&self, kind: EventKind) -> bool {
        self.receivers.iter().any(|receiver| receiver.kinds.contains(&kind))
    }

    fn push(&mut self, kind: EventKind, mut body: Map<String, Value>) -> io::Result<()> {
        if !self.wants(kind) {
            return Ok(());
        }
        let number = self.last.saturating_add(1);
        body.insert("id".to_owned(), format!("{}-{number}", self.identity).into());
        let line = Line::Event { number, body };
        self.append(&line)?;
        let Line::Event { body, .. } = line else { return Ok(()) };
        self.last = number;
        if self.waiting.len() >= MAX_WAITING {
            self.drop_oldest();
        }
        self.waiting.push_back(Delivery { number, kind, body: Arc::new(body) });
        self.count_waiting();
        Ok(())
    }

    fn next(&self, hook: usize) -> Option<Delivery> {
        let receiver = self.receivers.get(hook)?;
        self.waiting.iter().find(|event| receiver.awaits(event)).cloned()
    }

    fn told(&mut self, hook: usize, number: u64) {
        let Some(receiver) = self.receivers.get_mut(hook) else { return };
        receiver.told = receiver.told.max(number);
        let line = Line::Told { hook: receiver.name.clone(), number: receiver.told };
        if let Err(error) = self.append(&line) {
            // It has been told; after a crash it is told once more.
            tracing::warn!("the queue of the hooks cannot be written: {error}");
        }
        self.forget();
    }

    /// Makes room; whoever has not been told goes without.
    fn drop_oldest(&mut self) {
        let Some(event) = self.waiting.pop_front() else { return };
        for (hook, receiver) in self.receivers.iter().enumerate() {
            if let Some(count) = self.counts.get(hook).filter(|_| receiver.awaits(&event)) {
                count.dropped.fetch_add(1, Ordering::Relaxed);
            }
        }
        if let Some(suppressed) = self.drops.pass(self.clock.monotonic()) {
            let name = event.kind.name();
            tracing::warn!(
                suppressed,
                "{MAX_WAITING} events wait for the hooks: the oldest, {name}, is dropped"
            );
        }
    }

    /// Forgets what everybody has been told.
    fn forget(&mut self) {
        let receivers = &self.receivers;
        self.waiting.retain(|event| receivers.iter().any(|receiver| receiver.awaits(event)));
        self.count_waiting();
    }

    fn count_waiting(&self) {
        for (hook, receiver) in self.receivers.iter().enumerate() {
            let Some(count) = self.counts.get(hook) else { continue };
            let waiting = self.waiting.iter().filter(|event| receiver.awaits(event)).count();
            count.waiting.store(u64::try_from(waiting).unwrap_or(u64::MAX), Ordering::Relaxed);
        }
    }

    fn append(&mut self, line: &Line) -> io::Result<()> {
        if self.length >= self.compact_at
            && let Err(error) = self.compact()
        {
            tracing::warn!("the queue of the hooks cannot be written anew: {error}");
            self.compact_at = self.length.saturating_mul(2);
        }
        let octets = octets_of(line)?;
        if let Err(error) = self.file.write_all(&octets).and_then(|()| self.file.sync_data()) {
            // What of it may stand there is no line.
            let _as_before = self.file.set_len(self.length);
            return Err(error);
        }
        self.length = self.length.saturating_add(length_of(&octets));
        Ok(())
    }

    /// Writes everything that still matters into a new file, which takes the place of the old one.
    fn compact(&mut self) -> io::Result<()> {
        let mut octets =
            octets_of(&Line::Queue { identity: self.identity.clone(), last: self.last })?;
        for receiver in &self.receivers {
            let (hook, number) = (receiver.name.clone(), receiver.told);
            octets.extend(octets_of(&Line::Told { hook, number })?);
        }
        for event in &self.waiting {
            let (number, body) = (event.number, (*event.body).clone());
            octets.extend(octets_of(&Line::Event { number, body })?);
        }
        let new = self.directory.join(NEW_FILE);
        match fs::remove_file(&new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = OpenOptions::new().create_new(true).append(true).mode(0o600).open(&new)?;
        file.write_all(&octets)?;
        file.sync_all()?;
        fs::rename(&new, self.directory.join(FILE))?;
        self.file = file;
        self.length = length_of(&octets);
        self.compact_at = self.length.saturating_mul(2).max(MIN_COMPACTION);
        File::open(&self.directory)?.sync_all()
    }
}

/// What stands in a file.
#[derive(Debug, Default)]
struct Found {
    identity: Option<String>,
    last: u64,
    events: Vec<Delivery>,
    told: BTreeMap<String, u64>,
}

impl Found {
    /// Reads what can be read; a crash may have left a part of the last line.
    fn read(file: &Path) -> io::Result<Self> {
        let octets = match fs::read(file) {
            Ok(octets) => octets,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(error),
        };
        let mut found = Self::default();
        let mut unreadable = 0_usize;
        for line in octets.split(|octet| *octet == b'\n').filter(|line| !line.is_empty()) {
            match serde_json::from_slice(line) {
                Ok(line) => found.take(line),
                Err(_) => unreadable = unreadable.saturating_add(1),
            }
        }
        if unreadable > 0 {
            let file = file.display();
            tracing::warn!(%file, "{unreadable} lines cannot be read and are passed over");
        }
        Ok(found)
    }

    fn take(&mut self, line: Line) {
        match line {
            Line::Queue { identity, last } => {
                self.identity = Some(identity);
                self.last = self.last.max(last);
            }
            Line::Event { number, body } => {
                let kind = body.get("event").and_then(Value::as_str).and_then(EventKind::named);
                // Numbers ascend, unless somebody else wrote here.
                let is_later = self.events.last().is_none_or(|event| event.number < number);
                if let Some(kind) = kind.filter(|_| is_later) {
                    self.events.push(Delivery { number, kind, body: Arc::new(body) });
                }
                self.last = self.last.max(number);
            }
            Line::Told { hook, number } => {
                let told = self.told.entry(hook).or_default();
                *told = number.max(*told);
                self.last = self.last.max(number);
            }
        }
    }
}

fn octets_of(line: &Line) -> io::Result<Vec<u8>> {
    let mut octets = serde_json::to_vec(line)?;
    octets.push(b'\n');
    Ok(octets)
}

fn length_of(octets: &[u8]) -> u64 {
    u64::try_from(octets.len()).unwrap_or(u64::MAX)
}

/// Tells the ids of one queue from those of all others.
fn new_identity() -> io::Result<String> {
    let number = getrandom::u64().map_err(|error| io::Error::other(error.to_string()))?;
    Ok(format!("{number:016x}"))
}

#[cfg(test)]
mod tests;
