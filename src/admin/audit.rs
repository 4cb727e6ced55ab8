//! Who changed what, when, and how things stood before and after: a file of JSON lines.
//!
//! A change is noted on disk before it is tried, and once more with its outcome before it is answered. So
//! nothing is changed that the file does not know, and a change whose process died has an entry
//! without an outcome. The file is bounded: the oldest lines go when there are too many.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::driver::clock::Clock;

use super::guard::Caller;
use super::problem::Failure;

/// The file in the data directory; older ones have a number behind it.
const FILE: &str = "audit.jsonl";

/// Octets of one file.
const MAX_FILE: u64 = 1024 * 1024;

/// Files that are kept, the present one included.
const FILES: u32 = 4;

/// Octets of one line; a request brings 4096 at most.
const MAX_LINE: u64 = 64 * 1024;

/// Entries of one answer.
pub(super) const MAX_ENTRIES: usize = 1000;

/// One line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Counts lines from 1.
    pub number: u64,
    /// When, in Unix seconds.
    pub at: u32,
    /// Who.
    pub who: Who,
    /// What, as "partner-down".
    pub action: String,
    /// Of which relationship or address.
    pub target: String,
    /// How it was asked for.
    pub arguments: Value,
    /// "begun", "done" or "refused".
    pub outcome: String,
    /// Number of the line that says how it began.
    pub begun: Option<u64>,
    /// How the target stood before.
    pub before: Value,
    /// How it stood afterwards.
    pub after: Value,
    /// Why it was refused.
    pub error: Option<String>,
    /// By which rule.
    pub rule: Option<String>,
}

/// Who asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Who {
    /// Name of the token; "loopback" where none is needed.
    pub name: String,
    /// What it allows.
    pub role: String,
    /// Where the request came from.
    pub from: Option<String>,
}

impl From<&Caller> for Who {
    fn from(caller: &Caller) -> Self {
        Self {
            name: caller.name.to_string(),
            role: caller.role.name().to_owned(),
            from: caller.from.map(|from| from.to_string()),
        }
    }
}

/// The audit log, shared by all requests.
#[derive(Clone, Debug)]
pub(super) struct Audit(Arc<Mutex<Log>>);

impl Audit {
    /// Opens the log in the data directory.
    pub(super) fn open(directory: &Path) -> io::Result<Self> {
        Ok(Self(Arc::new(Mutex::new(Log::open(directory)?))))
    }

    /// Makes a line durable; the answer is its number.
    pub(super) async fn append(&self, entry: Entry) -> Result<u64, Failure> {
        let log = Arc::clone(&self.0);
        let written = tokio::task::spawn_blocking(move || log.lock().append(entry)).await;
        let why = match written {
            Ok(Ok(number)) => return Ok(number),
            Ok(Err(error)) => error.to_string(),
            Err(error) => error.to_string(),
        };
        tracing::error!("the audit log cannot be written: {why}");
        let why =
            format!("the audit log cannot be written, and nothing is changed without it: {why}");
        Err(Failure::unavailable(why))
    }

    /// The latest lines before number `before`, the latest first.
    pub(super) async fn latest(&self, before: u64, limit: usize) -> Result<Vec<Entry>, Failure> {
        let log = Arc::clone(&self.0);
        let read = tokio::task::spawn_blocking(move || log.lock().latest(before, limit)).await;
        match read {
            Ok(Ok(entries)) => Ok(entries),
            Ok(Err(error)) => {
                Err(Failure::unavailable(format!("the audit log cannot be read: {error}")))
            }
            Err(error) => Err(Failure::unavailable(error.to_string())),
        }
    }
}

/// The files.
#[derive(Debug)]
struct Log {
    directory: PathBuf,
    file: File,
    length: u64,
    last: u64,
    clock: Clock,
    max_file: u64,
}

impl Log {
    fn open(directory: &Path) -> io::Result<Self> {
        let file = open_file(&directory.join(FILE))?;
        let length = file.metadata()?.len();
        let mut log = Self {
            directory: directory.to_owned(),
            file,
            length,
            last: 0,
            clock: Clock::new(),
            max_file: MAX_FILE,
        };
        log.last = log.latest(u64::MAX, 1)?.first().map_or(0, |entry| entry.number);
        log.end_torn_line()?;
        Ok(log)
    }

    /// A crash may have left a part of a line.
    fn end_torn_line(&mut self) -> io::Result<()> {
        if self.length > 0 {
            let mut last = [0];
            self.file.seek(SeekFrom::End(-1))?;
            self.file.read_exact(&mut last)?;
            if last != *b"\n" {
                self.file.write_all(b"\n")?;
                self.length = self.length.saturating_add(1);
            }
        }
        Ok(())
    }

    fn path(&self, age: u32) -> PathBuf {
        match age {
            0 => self.directory.join(FILE),
            age => self.directory.join(format!("{FILE}.{age}")),
        }
    }

    fn append(&mut self, mut entry: Entry) -> io::Result<u64> {
        entry.number = self.last.saturating_add(1);
        entry.at = self.clock.now().wall.0;
        let mut line = serde_json::to_vec(&entry)?;
        line.push(b'\n');
        if self.length >= self.max_file {
            self.rotate()?;
        }
        if let Err(error) = self.file.write_all(&line).and_then(|()| self.file.sync_data()) {
            // What of it may stand there is no line.
            let _as_before = self.file.set_len(self.length);
            return Err(error);
        }
        self.length = self.length.saturating_add(u64::try_from(line.len()).unwrap_or(u64::MAX));
        self.last = entry.number;
        Ok(entry.number)
    }

    fn rotate(&mut self) -> io::Result<()> {
        for age in (0..FILES - 1).rev() {
            match fs::rename(self.path(age), self.path(age + 1)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        self.file = open_file(&self.path(0))?;
        self.length = 0;
        File::open(&self.directory)?.sync_all()
    }

    fn latest(&self, before: u64, limit: usize) -> io::Result<Vec<Entry>> {
        let mut found: Vec<Entry> = Vec::new();
        for age in 0..FILES {
            if found.len() >= limit {
                break;
            }
            let file = match File::open(self.path(age)) {
                Ok(file) => file,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            let mut entries = read_entries(file)?;
            entries.retain(|entry| entry.number < before);
            found.extend(entries.into_iter().rev());
        }
        found.truncate(limit);
        Ok(found)
    }
}

fn open_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).read(true).append(true).mode(0o600).open(path)
}

/// The lines that are entries; what is none, as a torn one, is passed over.
fn read_entries(file: File) -> io::Result<Vec<Entry>> {
    let mut reader = BufReader::new(file);
    let mut entries = Vec::new();
    let mut line = Vec::new();
    loop {
        line.clear();
        if reader.by_ref().take(MAX_LINE).read_until(b'\n', &mut line)? == 0 {
            return Ok(entries);
        }
        entries.extend(serde_json::from_slice::<Entry>(&line));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(action: &str) -> Entry {
        Entry {
            number: 0,
            at: 0,
            who: Who { name: "ann".into(), role: "operate".into(), from: None },
            action: action.to_owned(),
            target: "a".to_owned(),
            arguments: Value::Null,
            outcome: "begun".to_owned(),
            begun: None,
            before: Value::Null,
            after: Value::Null,
            error: None,
            rule: None,
        }
    }

    fn numbers(log: &Log, before: u64, limit: usize) -> Vec<u64> {
        log.latest(before, limit).unwrap().iter().map(|entry| entry.number).collect()
    }

    #[test]
    fn the_latest_lines_come_first_and_in_pages() {
        let directory = tempfile::tempdir().unwrap();
        let mut log = Log::open(directory.path()).unwrap();
        (0..5).for_each(|_| assert!(log.append(entry("reset")).is_ok()));
        assert_eq!(numbers(&log, u64::MAX, 2), [5, 4]);
        assert_eq!(numbers(&log, 4, 9), [3, 2, 1]);
    }

    #[test]
    fn lines_are_counted_on_after_a_restart_and_a_torn_one_is_passed_over() {
        let directory = tempfile::tempdir().unwrap();
        let mut log = Log::open(directory.path()).unwrap();
        log.append(entry("reset")).unwrap();
        log.file.write_all(b"{\"number\": 2, \"at\"").unwrap();
        let mut log = Log::open(directory.path()).unwrap();
        assert_eq!(log.append(entry("shutdown")).unwrap(), 2);
        assert_eq!(numbers(&log, u64::MAX, 9), [2, 1]);
    }

    #[test]
    fn the_files_are_bounded_and_the_oldest_lines_go() {
        let directory = tempfile::tempdir().unwrap();
        let mut log = Log::open(directory.path()).unwrap();
        log.max_file = 1000;
        (0..100).for_each(|_| assert!(log.append(entry("reset")).is_ok()));
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 4);
        let kept = numbers(&log, u64::MAX, 1000);
        assert!((5..40).contains(&kept.len()), "{kept:?}");
        assert_eq!(kept.first(), Some(&100));
        assert!(kept.is_sorted_by(|one, next| *one == next + 1));
    }

    #[test]
    fn nobody_else_may_read_the_file() {
        use std::os::unix::fs::MetadataExt;
        let directory = tempfile::tempdir().unwrap();
        Log::open(directory.path()).unwrap();
        let mode = fs::metadata(directory.path().join(FILE)).unwrap().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
