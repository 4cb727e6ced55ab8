//! Runs the binary.

use std::ffi::OsStr;
use std::process::{Command, Output};

/// The binary without anything of the environment that changes what it does.
pub(crate) fn twinlease<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_twinlease"));
    command
        .args(arguments)
        .env_remove("TWINLEASE_ADMIN")
        .env_remove("TWINLEASE_TOKEN")
        .env_remove("TWINLEASE_LOG");
    command
}

/// Exit code, standard output, standard error.
pub(crate) fn run<A: AsRef<OsStr>>(
    arguments: impl IntoIterator<Item = A>,
) -> (i32, String, String) {
    texts(&twinlease(arguments).output().unwrap())
}

pub(crate) fn texts(output: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}
