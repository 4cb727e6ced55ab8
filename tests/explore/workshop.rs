//! A copy of the core in which one thing at a time is changed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::patch::Patch;

/// One at a time: there is one copy.
static BUSY: Mutex<()> = Mutex::new(());

/// The copy has the core alone, and nothing that only tests need: it builds in seconds.
const MANIFEST: &str = r#"[package]
name = "twinlease"
version = "0.0.0"
edition = "2024"

[features]
server = []

[[bin]]
name = "explore"
path = "explore/main.rs"

[dependencies]
hmac = "*"
md-5 = { version = "*", default-features = false }

[profile.dev]
opt-level = 2
debug = false

[workspace]
"#;

/// The copy, while it is ours.
pub(crate) struct Workshop {
    folder: PathBuf,
    changed: Vec<(PathBuf, String)>,
    _busy: MutexGuard<'static, ()>,
}

impl Workshop {
    /// Brings the copy up to date. Files that are the same stay untouched, so that they are not built
    /// again.
    pub(crate) fn open() -> Self {
        let busy = BUSY.lock().unwrap_or_else(PoisonError::into_inner);
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("explore");
        copy(&root.join("src"), &folder.join("src"));
        copy(&root.join("examples/explore"), &folder.join("explore"));
        write(&folder.join("Cargo.toml"), MANIFEST);
        if !folder.join("Cargo.lock").exists() {
            fs::copy(root.join("Cargo.lock"), folder.join("Cargo.lock")).expect("writable");
        }
        Self { folder, changed: Vec::new(), _busy: busy }
    }

    pub(crate) fn apply(&mut self, mistake: &Patch) {
        for file in mistake.0.keys() {
            let path = self.folder.join(file);
            let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{file}: {error}"));
            write(&path, &mistake.apply(file, &text));
            self.changed.push((path, text));
        }
    }

    pub(crate) fn restore(&mut self) {
        for (path, text) in self.changed.drain(..) {
            write(&path, &text);
        }
    }

    /// The explorer, under a name of its own; what the compiler says if it does not build.
    pub(crate) fn build(&self, name: &str) -> Result<PathBuf, String> {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let output = Command::new(cargo)
            .args(["build", "--offline", "--quiet", "--bin", "explore"])
            .current_dir(&self.folder)
            .env("CARGO_TARGET_DIR", self.folder.join("target"))
            .env_remove("RUSTFLAGS")
            .output()
            .expect("cargo runs");
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned());
        }
        let built = self.folder.join("target/debug/explore");
        let kept = self.folder.join(format!("explore-{name}"));
        fs::copy(built, &kept).expect("writable");
        Ok(kept)
    }
}

impl Drop for Workshop {
    fn drop(&mut self) {
        self.restore();
    }
}

/// Makes `to` like `from`, files of Rust alone.
fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).expect("readable") {
        let path = entry.expect("readable").path();
        let target = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            copy(&path, &target);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            write(&target, &fs::read_to_string(&path).expect("readable"));
        }
    }
}

/// Writes a file unless it has this content already.
fn write(path: &Path, text: &str) {
    if fs::read_to_string(path).is_ok_and(|present| present == text) {
        return;
    }
    fs::create_dir_all(path.parent().expect("a folder")).expect("writable");
    fs::write(path, text).expect("writable");
}
