//! A program that runs inside a host of the test network, with its output in a searchable file.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::wait::wait_for;

/// Runs a short-lived program to its end; its output, or why it failed.
pub fn run(program: &str, arguments: &[&str]) -> Result<String, String> {
    let command = || format!("{program} {}", arguments.join(" "));
    let found =
        super::prerequisites::find(program).ok_or_else(|| format!("{program} is not there"))?;
    let output = Command::new(found)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("{}: {error}", command()))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(format!(
        "{}: {}: {}",
        command(),
        output.status,
        String::from_utf8_lossy(&output.stderr).trim()
    ))
}

/// A running program. Dropping it kills it at once.
#[derive(Debug)]
pub struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts `command` with standard output and error in the file `log`, which is emptied first.
    pub fn start(mut command: Command, log: &Path) -> Self {
        let file = File::create(log).unwrap();
        let child = command
            .stdin(Stdio::null())
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
        Self { child, log: log.to_owned() }
    }

    /// All that the program has written so far.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.log).unwrap()).into_owned()
    }

    /// The first line of the log that contains `text`, waited for.
    pub fn wait_for_log(&mut self, text: &str, deadline: Duration) -> String {
        let log = self.log.clone();
        wait_for(&format!("{text:?} in {}", log.display()), deadline, || {
            self.log()
                .lines()
                .find(|line| line.contains(text))
                .map(str::to_owned)
                .ok_or_else(|| format!("the log ends:\n{}", tail(&self.log(), 15)))
        })
    }

    /// Whether the program still runs.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Sends `signal`.
    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.child.id().try_into().unwrap());
        kill(pid, signal).unwrap_or_else(|error| panic!("kill {pid}: {error}"));
    }

    /// Ends the program without warning, as a power cut would.
    pub fn kill(&mut self) {
        if self.is_running() {
            self.signal(Signal::SIGKILL);
        }
        self.child.wait().unwrap();
    }

    /// Waits for the end of the program.
    pub fn wait(&mut self, deadline: Duration) -> ExitStatus {
        let log = self.log.clone();
        wait_for(&format!("the end of the program of {}", log.display()), deadline, || {
            self.child.try_wait().unwrap().ok_or("it runs")
        })
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The last `lines` of a text.
pub fn tail(text: &str, lines: usize) -> String {
    let all: Vec<_> = text.lines().collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}
