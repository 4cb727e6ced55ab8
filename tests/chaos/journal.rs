//! What happened, in the order in which it did.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;

/// A log of actions and violations, each with its time of day (UTC, as in the servers' logs but for
/// the offset of their clocks) and the time since the beginning.
#[derive(Debug, Clone)]
pub struct Journal {
    begin: Instant,
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug)]
struct Inner {
    file: File,
    lines: Vec<String>,
    violations: Vec<String>,
}

impl Journal {
    pub fn new(path: &Path) -> Self {
        let file = File::create(path).unwrap();
        let inner = Inner { file, lines: Vec::new(), violations: Vec::new() };
        Self { begin: Instant::now(), inner: Arc::new(Mutex::new(inner)) }
    }

    /// The time since the beginning.
    pub fn at(&self, moment: Instant) -> Duration {
        moment.saturating_duration_since(self.begin)
    }

    pub fn say(&self, what: &str) {
        let of_day = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() % 86_400_000;
        let [hours, minutes] = [of_day / 3_600_000, of_day / 60_000 % 60];
        let seconds = of_day % 60_000;
        let line = format!(
            "{hours:02}:{minutes:02}:{:02}.{:03} {:9.3} {what}",
            seconds / 1000,
            seconds % 1000,
            self.begin.elapsed().as_secs_f64()
        );
        let mut inner = self.inner.lock();
        writeln!(inner.file, "{line}").unwrap();
        inner.lines.push(line);
    }

    /// Says what must never be.
    pub fn violation(&self, what: &str) {
        self.say(&format!("VIOLATION {what}"));
        let at = self.begin.elapsed().as_secs_f64();
        self.inner.lock().violations.push(format!("{at:9.3} {what}"));
    }

    pub fn violations(&self) -> Vec<String> {
        self.inner.lock().violations.clone()
    }

    /// The end of the log.
    pub fn tail(&self, lines: usize) -> String {
        let inner = self.inner.lock();
        inner.lines[inner.lines.len().saturating_sub(lines)..].join("\n")
    }
}
