//! May an interoperation test run on this machine, and how many run at once.

#[path = "../../skipping/mod.rs"]
mod skipping;

use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use skipping::skip;

/// Tests that hold namespaces and daemons at the same time. Most of their life is waiting for timers of the
/// protocol, so a few more than there are processors.
const AT_ONCE: usize = 6;

/// Programs without which no test of this binary runs, with the Debian package of each.
const TOOLS: [(&str, &str); 9] = [
    ("ip", "iproute2"),
    ("setpriv", "util-linux"),
    ("dhcpd", "isc-dhcp-server"),
    ("omshell", "isc-dhcp-server"),
    ("dhclient", "isc-dhcp-client"),
    ("perfdhcp", "kea-admin"),
    ("tcpdump", "tcpdump"),
    ("tshark", "tshark"),
    ("sysctl", "procps"),
];

/// Where programs are looked for beside `PATH`: an unprivileged user's path misses the last two.
const PLACES: [&str; 3] = ["/usr/bin", "/usr/sbin", "/sbin"];

/// A turn to run; the next test gets it when this is dropped.
#[derive(Debug)]
pub struct Turn(());

static RUNNING: Mutex<usize> = Mutex::new(0);
static FINISHED: Condvar = Condvar::new();

impl Turn {
    fn take() -> Self {
        let mut running = lock();
        while *running >= AT_ONCE {
            running = FINISHED.wait(running).unwrap_or_else(PoisonError::into_inner);
        }
        *running += 1;
        Self(())
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        *lock() -= 1;
        FINISHED.notify_one();
    }
}

fn lock() -> MutexGuard<'static, usize> {
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waits for a turn. `None` when this machine cannot run `test`: the reason is printed and appended to the file named by
/// `TWINLEASE_SKIPS`; with `CI=true` it is a panic.
pub fn turn(test: &str) -> Option<Turn> {
    let Some(reason) = obstacle() else { return Some(Turn::take()) };
    skip(test, &reason);
    None
}

/// Whether a test that needs more than others has it here: programs, with the Debian package of each. What is said of
/// [`turn`] otherwise holds for it too.
pub fn are_there(test: &str, tools: &[(&str, &str)]) -> bool {
    let missing = missing(tools);
    if !missing.is_empty() {
        skip(test, &format!("missing: {}", missing.join(", ")));
    }
    missing.is_empty()
}

fn missing(tools: &[(&str, &str)]) -> Vec<String> {
    let missing = tools.iter().filter(|(tool, _)| find(tool).is_none());
    missing.map(|(tool, package)| format!("{tool} (package {package})")).collect()
}

/// Why no test of this binary can run here.
fn obstacle() -> Option<String> {
    if !nix::unistd::geteuid().is_root() {
        return Some("needs root for network namespaces".to_owned());
    }
    let missing = missing(&TOOLS);
    if !missing.is_empty() {
        return Some(format!("missing: {}", missing.join(", ")));
    }
    let probe = format!("twl{}-probe", std::process::id());
    namespaces_work(&probe).err()
}

/// Containers often have the root user but not the right to make namespaces. Asked once, as every test would ask it.
fn namespaces_work(probe: &str) -> Result<(), String> {
    static ANSWER: std::sync::OnceLock<Result<(), String>> = std::sync::OnceLock::new();
    let ask = || {
        super::network::remove_abandoned();
        let made = super::process::run("ip", &["netns", "add", probe])
            .and_then(|_| super::process::run("ip", &["netns", "exec", probe, "true"]));
        drop(super::process::run("ip", &["netns", "del", probe]));
        made.map(drop).map_err(|error| format!("cannot make network namespaces: {error}"))
    };
    ANSWER.get_or_init(ask).clone()
}

/// The path of a program.
pub fn find(tool: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(PLACES.iter().map(PathBuf::from))
        .map(|place| place.join(tool))
        .find(|candidate| candidate.is_file())
}

/// Debian's `AppArmor` profiles tie `dhcpd` and `dhclient` to their system directories, by the path of the program: a copy
/// beside the test's files is free of them.
pub fn unconfined_copy(tool: &str, directory: &Path) -> PathBuf {
    let copy = directory.join(tool);
    if !copy.exists() {
        install(&find(tool).unwrap(), &copy);
    }
    copy
}

/// Makes an executable copy. Another process writes it: a file that this one writes cannot be executed for as long as a child that
/// another test is just starting holds it open.
pub fn install(original: &Path, copy: &Path) {
    let paths = [original, copy].map(|path| path.to_str().unwrap());
    super::process::run("install", &[&["-m", "755"], &paths[..]].concat()).unwrap();
}
