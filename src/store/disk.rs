//! The disk under a store: one directory of files.
//!
//! A store touches no file but through [`Disk`], so that the same store runs on a directory
//! ([`DirectoryDisk`]) and on a simulated disk that loses, tears, misdirects or refuses.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::StoreError;

/// Name of the file whose lock keeps a second process out.
const LOCK_NAME: &str = "leases.lock";

/// One directory of files, used by one store at a time.
///
/// What a store may rely on after a crash: the content of a file as of its last successful
/// [`sync`](Self::sync), and the presence of its name as of the last successful
/// [`sync_directory`](Self::sync_directory). Of everything later, any part may be there, in any
/// order, sector by sector of 512 octets. A write that covers a part of a sector leaves the rest of
/// that sector as it was.
pub trait Disk: fmt::Debug + Send {
    /// Where the files are, for messages.
    fn directory(&self) -> &Path;

    /// The names of all files, in ascending order.
    fn list(&mut self) -> io::Result<Vec<String>>;

    /// The length of a file in octets.
    fn length(&mut self, name: &str) -> io::Result<u64>;

    /// Makes an empty file; a file of this name loses its content.
    fn create(&mut self, name: &str) -> io::Result<()>;

    /// Reads from `offset` on; fewer octets than `into` has only at the end of the file. Says how
    /// many.
    fn read_at(&mut self, name: &str, offset: u64, into: &mut [u8]) -> io::Result<usize>;

    /// Writes all of `octets` at `offset`, at most at the end of the file, which grows as needed.
    /// After an error any part of them may have been written.
    fn write_at(&mut self, name: &str, offset: u64, octets: &[u8]) -> io::Result<()>;

    /// Cuts a file to `len` octets, or extends it by octets of zero.
    fn set_len(&mut self, name: &str, len: u64) -> io::Result<()>;

    /// Returns once the content of a file is on stable storage.
    fn sync(&mut self, name: &str) -> io::Result<()>;

    /// Removes a file.
    fn remove(&mut self, name: &str) -> io::Result<()>;

    /// Returns once the names of all files are on stable storage.
    fn sync_directory(&mut self) -> io::Result<()>;
}

/// A directory of the file system, locked for as long as this lives.
#[derive(Debug)]
pub struct DirectoryDisk {
    path: PathBuf,
    /// Files in use, kept open.
    files: BTreeMap<String, File>,
    /// Holds the lock.
    _lock: File,
}

impl DirectoryDisk {
    /// Opens `path`, which is made if it is not there. Fails when another process has it open.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let unusable = |source| StoreError::Directory { path: path.to_owned(), source };
        fs::create_dir_all(path).map_err(unusable)?;
        let lock_path = path.join(LOCK_NAME);
        let lock = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .open(&lock_path)
            .map_err(unusable)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), files: BTreeMap::new(), _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(StoreError::InUse { path: path.to_owned() }),
            Err(TryLockError::Error(source)) => Err(unusable(source)),
        }
    }

    fn file(&mut self, name: &str) -> io::Result<&File> {
        if !self.files.contains_key(name) {
            let file = OpenOptions::new().read(true).write(true).open(self.path.join(name))?;
            self.files.insert(name.to_owned(), file);
        }
        self.files.get(name).ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

impl Disk for DirectoryDisk {
    fn directory(&self) -> &Path {
        &self.path
    }

    fn list(&mut self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            // A name that is no text is not one of a store.
            if let Ok(name) = entry?.file_name().into_string() {
                names.push(name);
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    fn length(&mut self, name: &str) -> io::Result<u64> {
        Ok(self.file(name)?.metadata()?.len())
    }

    fn create(&mut self, name: &str) -> io::Result<()> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(self.path.join(name))?;
        self.files.insert(name.to_owned(), file);
        Ok(())
    }

    fn read_at(&mut self, name: &str, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        let file = self.file(name)?;
        let mut done = 0;
        while let Some(rest) = into.get_mut(done..).filter(|rest| !rest.is_empty()) {
            match file.read_at(rest, offset.saturating_add(done as u64)) {
                Ok(0) => break,
                Ok(count) => done = done.saturating_add(count),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(done)
    }

    fn write_at(&mut self, name: &str, offset: u64, octets: &[u8]) -> io::Result<()> {
        self.file(name)?.write_all_at(octets, offset)
    }

    fn set_len(&mut self, name: &str, len: u64) -> io::Result<()> {
        self.file(name)?.set_len(len)
    }

    fn sync(&mut self, name: &str) -> io::Result<()> {
        self.file(name)?.sync_data()
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        self.files.remove(name);
        fs::remove_file(self.path.join(name))
    }

    fn sync_directory(&mut self) -> io::Result<()> {
        File::open(&self.path)?.sync_all()
    }
}
