//! A small disk of its own for each store.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use nix::sched::{CloneFlags, unshare};

use crate::support::process::run;

/// What a disk holds: more than the stores of this test take.
const SIZE: &str = "size=48m";

/// The file that takes up the room.
const BALLAST: &str = "ballast";

/// A file system in memory.
#[derive(Debug)]
pub struct Disk {
    place: PathBuf,
}

/// Lets what this thread and its children mount be gone with the process.
pub fn mount_privately() {
    unshare(CloneFlags::CLONE_NEWNS).unwrap();
    run("mount", &["--make-rprivate", "/"]).unwrap();
}

impl Disk {
    /// Mounts an empty one.
    pub fn mount(place: &Path) -> Self {
        run("mount", &["-t", "tmpfs", "-o", SIZE, "twinlease-chaos", place.to_str().unwrap()])
            .unwrap();
        Self { place: place.to_owned() }
    }

    /// Takes up all the room that is left.
    pub fn fill(&self) {
        let mut ballast = File::create(self.place.join(BALLAST)).unwrap();
        let block = vec![0; 1 << 16];
        while ballast.write_all(&block).is_ok() {}
        while ballast.write_all(&[0; 512]).is_ok() {}
    }

    /// Gives the room back.
    pub fn make_room(&self) {
        fs::remove_file(self.place.join(BALLAST)).unwrap();
    }

    /// Loses everything.
    pub fn wipe(&self) {
        for entry in fs::read_dir(&self.place).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_dir() {
                fs::remove_dir_all(entry.path()).unwrap();
            } else {
                fs::remove_file(entry.path()).unwrap();
            }
        }
    }

    /// Leaves a copy on another disk.
    pub fn copy_to(&self, directory: &Path) {
        drop(fs::remove_file(self.place.join(BALLAST)));
        let paths = [self.place.as_path(), directory].map(|path| path.to_str().unwrap());
        run("cp", &[&["-rT"], &paths[..]].concat()).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        drop(run("umount", &["-l", self.place.to_str().unwrap()]));
    }
}
