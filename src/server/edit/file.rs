//! The configuration file on its disk: read whole, replaced whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use super::problem::EditError;

/// The configuration file.
#[derive(Clone, Debug)]
pub struct ConfigFile {
    path: PathBuf,
}

impl ConfigFile {
    /// The file at `path`.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its text.
    pub fn read(&self) -> Result<String, EditError> {
        fs::read_to_string(&self.path)
            .map_err(|error| EditError::Unreadable { file: self.path.clone(), error })
    }

    /// Puts `after` in place of the text `before`: after a crash the file has one of the two. Mode and
    /// owner stay. Refused if the file has another text than `before`.
    pub fn replace(&self, before: &str, after: &str) -> Result<(), EditError> {
        if self.read()? != before {
            return Err(EditError::ChangedMeanwhile { file: self.path.clone() });
        }
        self.write(after).map_err(|error| EditError::Unwritable { file: self.path.clone(), error })
    }

    fn write(&self, text: &str) -> io::Result<()> {
        // What a link leads to is replaced, not the link.
        let path = fs::canonicalize(&self.path)?;
        let metadata = fs::metadata(&path)?;
        let (Some(directory), Some(name)) = (path.parent(), path.file_name()) else {
            return Err(io::ErrorKind::InvalidInput.into());
        };
        let mut temporary = std::ffi::OsString::from(".");
        temporary.push(name);
        temporary.push(".new");
        let temporary = directory.join(temporary);
        // One from before a crash.
        match fs::remove_file(&temporary) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let written = write_like(&temporary, text, &metadata)
            .and_then(|()| fs::rename(&temporary, &path))
            .and_then(|()| File::open(directory)?.sync_all());
        if written.is_err() {
            // It is gone if it was renamed.
            let _rest = fs::remove_file(&temporary);
        }
        written
    }
}

/// Writes a new file with the mode and the owner of another.
fn write_like(path: &Path, text: &str, like: &fs::Metadata) -> io::Result<()> {
    let mut file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(path)?;
    let own = file.metadata()?;
    if (own.uid(), own.gid()) != (like.uid(), like.gid()) {
        fchown(&file, Some(like.uid()), Some(like.gid()))?;
    }
    file.set_permissions(fs::Permissions::from_mode(like.mode() & 0o7777))?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn file(directory: &Path, text: &str) -> ConfigFile {
        let path = directory.join("twinlease.toml");
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        ConfigFile::new(path)
    }

    #[test]
    fn a_replaced_file_keeps_its_mode_and_owner_and_leaves_nothing_beside_it() {
        let directory = tempfile::tempdir().unwrap();
        let file = file(directory.path(), "before");
        let was = fs::metadata(file.path()).unwrap();
        file.replace("before", "after").unwrap();
        let is = fs::metadata(file.path()).unwrap();
        assert_eq!(file.read().unwrap(), "after");
        assert_eq!((is.mode(), is.uid(), is.gid()), (was.mode(), was.uid(), was.gid()));
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_that_somebody_else_has_changed_is_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let file = file(directory.path(), "theirs");
        let error = file.replace("before", "after").unwrap_err();
        assert!(matches!(error, EditError::ChangedMeanwhile { .. }), "{error}");
        assert_eq!(file.read().unwrap(), "theirs");
    }

    #[test]
    fn what_a_link_leads_to_is_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let real = file(directory.path(), "before");
        let link = directory.path().join("link");
        symlink(real.path(), &link).unwrap();
        ConfigFile::new(&link).replace("before", "after").unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(real.read().unwrap(), "after");
    }

    #[test]
    fn what_a_crash_left_beside_the_file_is_in_nobodys_way() {
        let directory = tempfile::tempdir().unwrap();
        let file = file(directory.path(), "before");
        fs::write(directory.path().join(".twinlease.toml.new"), "half").unwrap();
        file.replace("before", "after").unwrap();
        assert_eq!(file.read().unwrap(), "after");
    }
}
