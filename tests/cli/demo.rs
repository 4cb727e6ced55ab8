//! `twinlease demo`: a whole play, and one that is interrupted.

use std::process::Stdio;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use super::support::{texts, twinlease};

#[test]
fn a_play_keeps_every_guarantee() {
    let command = ["demo", "--seconds", "20", "--clients", "60", "--json"];
    let (code, out, err) = texts(&twinlease(command).output().unwrap());
    let verdict: Value = serde_json::from_str(&out).unwrap_or_else(|_| panic!("{out}\n{err}"));
    assert_eq!((code, &verdict["passed"]), (0, &Value::Bool(true)), "{out}\n{err}");
    assert_eq!(verdict["addresses-held-twice"], 0);
    assert_eq!(verdict["acknowledged-leases-lost"], 0);
    assert_eq!(verdict["leases-cut-short"], 0);
    assert_eq!(verdict["addresses-that-differ"], 0);
    for positive in ["leases-granted-after-the-kill", "renewals", "leases-held-at-the-end"] {
        assert!(verdict[positive].as_u64().unwrap() > 0, "{positive}: {out}");
    }
    for event in ["SIGKILL to the primary", "secondary: communications-interrupted", "returns"] {
        assert!(err.contains(event), "{event}: {err}");
    }
}

#[test]
fn an_interrupted_play_leaves_nothing_behind() {
    let mut demo = twinlease(["demo", "--clients", "5"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let directory = std::env::temp_dir().join(format!("twinlease-demo-{}", demo.id()));
    let log = directory.join("secondary").join("log");
    let since = Instant::now();
    while !std::fs::read_to_string(&log).is_ok_and(|log| log.contains("serving")) {
        assert!(since.elapsed() < Duration::from_secs(20), "the demo does not start");
        std::thread::sleep(Duration::from_millis(20));
    }
    kill(Pid::from_raw(i32::try_from(demo.id()).unwrap()), Signal::SIGINT).unwrap();
    assert_eq!(demo.wait().unwrap().code(), Some(1));
    assert!(!directory.exists());
    let marker = directory.to_str().unwrap().to_owned();
    let runs_on = std::fs::read_dir("/proc").unwrap().flatten().any(|process| {
        let arguments = std::fs::read(process.path().join("cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&arguments).contains(&marker)
    });
    assert!(!runs_on, "a server of the demo still runs");
}
