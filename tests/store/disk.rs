//! A disk in memory that takes down everything done to it, and fails as told.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use twinlease::store::Disk;

pub(crate) type Files = BTreeMap<String, Vec<u8>>;

/// A change of the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    Create(String),
    Write { name: String, offset: usize, octets: Vec<u8> },
    SetLen { name: String, len: usize },
    Sync(String),
    Remove(String),
    SyncDirectory,
}

/// What happens to an operation instead of what was asked for.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    /// This error; of a write only the first half is done.
    Refused(ErrorKind),
    /// Nothing, and success is reported.
    Lost,
    /// The octets go to another place, and success is reported.
    Misdirected { name: String, offset: usize },
}

#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) files: Files,
    pub(crate) log: Vec<Operation>,
    /// By position in the order of all changes asked for.
    pub(crate) faults: BTreeMap<usize, Fault>,
    /// Changes asked for so far.
    pub(crate) asked: usize,
    /// Reads so far, and the one that fails.
    pub(crate) reads: usize,
    pub(crate) failing_read: Option<usize>,
}

/// Handles to one and the same disk.
#[derive(Clone, Debug)]
pub(crate) struct RecordingDisk(Arc<Mutex<State>>, PathBuf);

impl RecordingDisk {
    pub(crate) fn with(files: Files) -> Self {
        let state = State { files, ..State::default() };
        Self(Arc::new(Mutex::new(state)), PathBuf::from("data"))
    }

    pub(crate) fn new() -> Self {
        Self::with(Files::new())
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    pub(crate) fn boxed(&self) -> Box<dyn Disk> {
        Box::new(self.clone())
    }

    fn change(&self, operation: Operation) -> io::Result<()> {
        let mut state = self.state();
        let fault = state.faults.get(&state.asked).cloned();
        state.asked += 1;
        let (operation, outcome) = match (fault, operation) {
            (Some(Fault::Lost), _) => return Ok(()),
            (Some(Fault::Misdirected { name, offset }), Operation::Write { octets, .. }) => {
                (Operation::Write { name, offset, octets }, Ok(()))
            }
            (Some(Fault::Refused(kind)), Operation::Write { name, offset, mut octets }) => {
                octets.truncate(octets.len() / 2);
                (Operation::Write { name, offset, octets }, Err(kind.into()))
            }
            (Some(Fault::Refused(kind)), _) => return Err(kind.into()),
            (None | Some(Fault::Misdirected { .. }), operation) => (operation, Ok(())),
        };
        apply(&mut state.files, &operation)?;
        state.log.push(operation);
        outcome
    }
}

/// Does what an operation does to files that are all kept.
pub(crate) fn apply(files: &mut Files, operation: &Operation) -> io::Result<()> {
    let file = |name: &String| io::Error::new(ErrorKind::NotFound, name.clone());
    match operation {
        Operation::Create(name) => {
            files.insert(name.clone(), Vec::new());
        }
        Operation::Write { name, offset, octets } => {
            write(files.get_mut(name).ok_or_else(|| file(name))?, *offset, octets);
        }
        Operation::SetLen { name, len } => {
            files.get_mut(name).ok_or_else(|| file(name))?.resize(*len, 0);
        }
        Operation::Sync(name) => {
            files.get(name).ok_or_else(|| file(name))?;
        }
        Operation::Remove(name) => {
            files.remove(name).ok_or_else(|| file(name))?;
        }
        Operation::SyncDirectory => {}
    }
    Ok(())
}

pub(crate) fn write(file: &mut Vec<u8>, offset: usize, octets: &[u8]) {
    let end = offset + octets.len();
    if file.len() < end {
        file.resize(end, 0);
    }
    file[offset..end].copy_from_slice(octets);
}

impl Disk for RecordingDisk {
    fn directory(&self) -> &Path {
        &self.1
    }

    fn list(&mut self) -> io::Result<Vec<String>> {
        Ok(self.state().files.keys().cloned().collect())
    }

    fn length(&mut self, name: &str) -> io::Result<u64> {
        let state = self.state();
        let file = state.files.get(name).ok_or(ErrorKind::NotFound)?;
        Ok(file.len() as u64)
    }

    fn create(&mut self, name: &str) -> io::Result<()> {
        self.change(Operation::Create(name.to_owned()))
    }

    fn read_at(&mut self, name: &str, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        let mut state = self.state();
        state.reads += 1;
        if state.failing_read == Some(state.reads) {
            return Err(io::Error::other("sector cannot be read"));
        }
        let file = state.files.get(name).ok_or(ErrorKind::NotFound)?;
        let rest = file.get(offset as usize..).unwrap_or_default();
        let count = rest.len().min(into.len());
        into[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }

    fn write_at(&mut self, name: &str, offset: u64, octets: &[u8]) -> io::Result<()> {
        let (name, offset, octets) = (name.to_owned(), offset as usize, octets.to_vec());
        self.change(Operation::Write { name, offset, octets })
    }

    fn set_len(&mut self, name: &str, len: u64) -> io::Result<()> {
        self.change(Operation::SetLen { name: name.to_owned(), len: len as usize })
    }

    fn sync(&mut self, name: &str) -> io::Result<()> {
        self.change(Operation::Sync(name.to_owned()))
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        self.change(Operation::Remove(name.to_owned()))
    }

    fn sync_directory(&mut self) -> io::Result<()> {
        self.change(Operation::SyncDirectory)
    }
}
