//! The program whose paths are counted, and valgrind around it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Counting begins and ends with this function of `examples/instructions`.
const MEASURED: &str = "--toggle-collect=instructions::measured*";

/// Why nothing can be counted here.
pub fn obstacle() -> Option<String> {
    let version = Command::new("valgrind").arg("--version").output();
    version.err().map(|error| format!("valgrind (package valgrind): {error}"))
}

/// The version of the compiler.
pub fn compiler() -> String {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = output(Command::new(rustc).arg("--version"));
    version.split_whitespace().take(2).collect::<Vec<_>>().join(" ")
}

/// Builds the program as it is released, and says where it is.
pub fn build() -> PathBuf {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--release", "--example", "instructions", "--message-format=json"]);
    let messages = output(cargo.current_dir(env!("CARGO_MANIFEST_DIR")));
    let executable = messages.lines().find_map(|line| {
        let message: serde_json::Value = serde_json::from_str(line).ok()?;
        let is_it = message["target"]["name"] == "instructions";
        message["executable"].as_str().filter(|_| is_it).map(PathBuf::from)
    });
    executable.unwrap_or_else(|| panic!("cargo names no program:\n{messages}"))
}

/// Instructions that `path` needs each time it is gone.
pub fn count(program: &Path, path: &str) -> u64 {
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--tool=callgrind", "--callgrind-out-file=/dev/null", MEASURED]);
    let Output { stdout, stderr, status } = valgrind.arg(program).arg(path).output().unwrap();
    let (stdout, stderr) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    let collected = stderr.lines().find_map(|line| line.split_once("Collected : "));
    let collected = collected.and_then(|(_, count)| count.trim().parse::<u64>().ok());
    match (stdout.trim().parse::<u64>(), collected) {
        (Ok(times), Some(count @ 1..)) if status.success() => count / times,
        _ => panic!("callgrind of {path}: {status}\n{stdout}{stderr}"),
    }
}

/// What a command prints that has to succeed.
fn output(command: &mut Command) -> String {
    let Output { stdout, stderr, status } = command.output().unwrap();
    assert!(status.success(), "{command:?}: {status}\n{}", String::from_utf8_lossy(&stderr));
    String::from_utf8(stdout).unwrap()
}
