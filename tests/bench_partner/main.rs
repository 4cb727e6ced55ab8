//! `twinlease bench partner` with servers as they run: our own on loopback, and a dhcpd in a namespace.
//! What is counted is asserted; what is timed is not.
#![cfg(all(feature = "server", target_os = "linux"))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    missing_docs,
    unreachable_pub,
    dead_code,
    reason = "in tests a panic is the verdict; parts are shared with other tests"
)]

mod dhcpd;
mod hub;
#[path = "../serve/server.rs"]
mod server;
#[path = "../interop/support/mod.rs"]
mod support;
mod twinlease;
use support::wait;

use std::process::Command;

use serde_json::Value;

/// The program under test.
const PROGRAM: &str = env!("CARGO_BIN_EXE_twinlease");

/// Runs `bench partner`, by `command`, with `arguments` divided by blanks; its report.
#[track_caller]
fn play(mut command: Command, arguments: &str) -> Value {
    command.args(["bench", "partner", "--json", "-"]).args(arguments.split_whitespace());
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments}: {said}");
    serde_json::from_slice(&output.stdout).unwrap()
}
