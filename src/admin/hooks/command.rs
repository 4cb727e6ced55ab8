//! A program that is told an event: JSON on its standard input, the most important of it as variables.
//!
//! It gets nothing else of this process: none of its variables but a few harmless ones, none of its output.
//! With its process group it is ended when its time is over.

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use serde_json::{Map, Value};

use super::deliver::NotTaken;
use super::queue::Delivery;

/// Variables that are handed on. The others may hold secrets.
const HANDED_ON: [&str; 4] = ["PATH", "LANG", "LC_ALL", "TZ"];

/// Members of an event that are variables too.
const VARIABLES: [(&str, &str); 6] = [
    ("TWINLEASE_EVENT", "event"),
    ("TWINLEASE_EVENT_ID", "id"),
    ("TWINLEASE_AT", "at"),
    ("TWINLEASE_SERVER", "server"),
    ("TWINLEASE_RELATIONSHIP", "relationship"),
    ("TWINLEASE_TEXT", "text"),
];

/// Time between two looks at whether a program has ended: short at first, and never longer.
const LOOKS: [Duration; 2] = [Duration::from_millis(2), Duration::from_millis(100)];

/// A program with its arguments.
#[derive(Debug)]
pub(super) struct Program {
    path: String,
    arguments: Vec<String>,
    time_limit: Duration,
}

impl Program {
    pub(super) fn new(path: &str, arguments: &[String], time_limit: Duration) -> Self {
        Self { path: path.to_owned(), arguments: arguments.to_vec(), time_limit }
    }

    /// Runs it to its end; the event is taken if that was a success.
    pub(super) fn run(&self, event: &Delivery) -> Result<(), NotTaken> {
        let mut child = self.command(&event.body).spawn().map_err(|error| {
            let path = &self.path;
            NotTaken(format!("{path} cannot be run: {error}"))
        })?;
        if let Some(mut input) = child.stdin.take() {
            let mut octets = serde_json::to_vec(&*event.body).unwrap_or_default();
            octets.push(b'\n');
            // A pipe holds 64 KiB and an event is smaller. Whoever does not want to read it need not.
            let _unread = input.write_all(&octets);
        }
        let status = wait(&mut child, self.time_limit)?;
        if status.success() {
            return Ok(());
        }
        Err(NotTaken(format!("{} ended with {status}", self.path)))
    }

    fn command(&self, body: &Map<String, Value>) -> Command {
        let mut command = Command::new(&self.path);
        command.args(&self.arguments).env_clear().current_dir("/").process_group(0);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let handed_on = HANDED_ON.iter().filter_map(|name| Some((*name, std::env::var_os(name)?)));
        command.envs(handed_on);
        for (variable, member) in VARIABLES {
            let text = match body.get(member) {
                Some(Value::String(text)) => text.replace('\0', "\u{fffd}"),
                Some(value) => value.to_string(),
                None => continue,
            };
            command.env(variable, text);
        }
        command
    }
}

/// Waits for the end of a program, and sees to it when its time is over.
fn wait(child: &mut Child, time_limit: Duration) -> Result<ExitStatus, NotTaken> {
    let deadline = Instant::now() + time_limit;
    let [mut pause, longest] = LOOKS;
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Ok(status),
            Ok(None) if Instant::now() < deadline => thread::sleep(pause),
            Ok(None) => break,
            Err(error) => return Err(NotTaken(format!("its end cannot be seen: {error}"))),
        }
        pause = pause.saturating_mul(2).min(longest);
    }
    if let Ok(group) = i32::try_from(child.id()) {
        // It may end by itself at this moment.
        let _ended = killpg(Pid::from_raw(group), Signal::SIGKILL);
    }
    let _status = child.wait();
    Err(NotTaken(format!("the command has not ended within {} s", time_limit.as_secs())))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::server::config::EventKind;

    fn event() -> Delivery {
        let body = json!({
            "event": "transition", "id": "x-7", "at": 1_700_000_000, "server": "dhcp1",
            "relationship": "a", "text": "words; $(touch /tmp/never) 'of' a \"partner\"",
        });
        let body = Arc::new(body.as_object().unwrap().clone());
        Delivery { number: 7, kind: EventKind::Transition, body }
    }

    /// Runs a script with a file of its own as its first argument: the verdict, and what it wrote there.
    fn script(text: &str, time_limit: Duration) -> (Result<(), String>, String) {
        let file = tempfile::NamedTempFile::new().unwrap();
        let path = file.path().to_str().unwrap();
        let arguments = ["-c", text, "hook", path].map(str::to_owned);
        let verdict = Program::new("/bin/sh", &arguments, time_limit).run(&event());
        let written = std::fs::read_to_string(&file).unwrap();
        (verdict.map_err(|why| why.to_string()), written)
    }

    const LONG: Duration = Duration::from_secs(30);

    #[test]
    fn a_program_reads_the_event_as_json() {
        let (verdict, written) = script("cat > $1", LONG);
        assert_eq!(verdict, Ok(()));
        assert_eq!(
            serde_json::from_str::<Value>(&written).unwrap(),
            Value::Object((*event().body).clone())
        );
    }

    #[test]
    fn a_program_finds_the_event_in_variables_and_none_of_this_process() {
        let (_, written) = script("env > $1", LONG);
        let words = "TWINLEASE_TEXT=words; $(touch /tmp/never) 'of' a \"partner\"";
        for line in ["TWINLEASE_EVENT=transition", "TWINLEASE_EVENT_ID=x-7", words] {
            assert!(written.lines().any(|found| found == line), "{written}");
        }
        assert!(!written.contains("CARGO"), "{written}");
    }

    #[test]
    fn a_program_that_fails_has_not_taken_it() {
        let expected = "/bin/sh ended with exit status: 3".to_owned();
        assert_eq!(script("exit 3", LONG).0, Err(expected));
    }

    #[test]
    fn a_program_that_does_not_read_may_take_it() {
        assert_eq!(script("exec < /dev/null", LONG).0, Ok(()));
    }

    #[test]
    fn a_program_that_hangs_is_ended_with_its_children() {
        let text = "sleep 1000 & echo $! > $1; wait";
        let (verdict, written) = script(text, Duration::from_secs(2));
        assert!(verdict.unwrap_err().contains("has not ended"));
        let sleeper: u32 = written.trim().parse().unwrap();
        let is_alive = || {
            let stat = std::fs::read_to_string(format!("/proc/{sleeper}/stat"));
            stat.is_ok_and(|stat| !stat.contains(") Z ") && !stat.contains(") X "))
        };
        while is_alive() {
            thread::sleep(LOOKS[0]);
        }
    }
}
