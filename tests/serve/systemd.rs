//! What systemd is told, and what it is given to run.

use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::Command;

use crate::server::{PATIENCE, Pair};
use crate::skipping::skip;

/// A socket on which a server of the pair finds whoever started it.
fn listened_to(pair: &mut Pair) -> UnixDatagram {
    let path = pair.primary.directory().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    pair.primary.environment.insert("NOTIFY_SOCKET", path.to_str().unwrap().to_owned());
    socket
}

fn heard(socket: &UnixDatagram) -> String {
    let mut octets = [0; 256];
    let length = socket.recv(&mut octets).unwrap();
    String::from_utf8(octets[..length].to_vec()).unwrap().trim().to_owned()
}

#[test]
fn systemd_is_told_when_the_server_is_ready_alive_and_stopping() {
    let mut pair = Pair::new(151);
    let socket = listened_to(&mut pair);
    pair.primary.environment.insert("WATCHDOG_USEC", "200000".to_owned());
    pair.primary.start();
    assert_eq!(heard(&socket), "READY=1");
    for _ in 0..3 {
        assert_eq!(heard(&socket), "WATCHDOG=1");
    }
    pair.primary.terminate();
    let last = std::iter::repeat_with(|| heard(&socket)).find(|word| word != "WATCHDOG=1");
    assert_eq!(last.as_deref(), Some("STOPPING=1"));
}

#[test]
fn systemd_is_told_when_the_configuration_is_read_again_and_when_that_is_done() {
    let mut pair = Pair::new(153);
    let socket = listened_to(&mut pair);
    pair.primary.start();
    assert_eq!(heard(&socket), "READY=1");
    pair.primary.reload();
    let word = heard(&socket);
    assert!(word.starts_with("RELOADING=1\nMONOTONIC_USEC="), "{word}");
    assert_eq!(heard(&socket), "READY=1");
}

#[test]
fn without_a_watchdog_systemd_is_told_no_more_than_needed() {
    let mut pair = Pair::new(152);
    let socket = listened_to(&mut pair);
    pair.primary.start();
    assert_eq!(heard(&socket), "READY=1");
    pair.primary.terminate();
    assert_eq!(heard(&socket), "STOPPING=1");
}

/// Its own tool looks at the unit.
#[test]
fn the_unit_is_one_that_systemd_understands() {
    let unit = Path::new(env!("CARGO_MANIFEST_DIR")).join("contrib/systemd/twinlease.service");
    let text = std::fs::read_to_string(&unit).unwrap();
    for line in ["Type=notify", "WatchdogSec=30s", "StateDirectory=twinlease", "User=twinlease"] {
        assert!(text.lines().any(|found| found == line), "{line}");
    }
    // The program is not where a package would put it.
    let directory = tempfile::tempdir().unwrap();
    let copy = directory.path().join("twinlease.service");
    let program = env!("CARGO_BIN_EXE_twinlease");
    std::fs::write(&copy, text.replace("/usr/bin/twinlease", program)).unwrap();
    let mut verify = Command::new("systemd-analyze");
    let Ok(output) = verify.args(["verify", "--man=no"]).arg(&copy).output() else {
        return skip("the unit of systemd", "missing: systemd-analyze (package systemd)");
    };
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!said.contains("twinlease.service:"), "{said}");
}
