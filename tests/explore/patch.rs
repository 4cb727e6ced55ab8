//! The mistakes in `tests/explore/mistakes`: unified diffs with a few words in front.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// One mistake.
pub(crate) struct Mutant {
    pub(crate) name: String,
    /// The property that it breaks.
    pub(crate) violates: String,
    /// Arguments for the explorer.
    pub(crate) bounds: String,
    pub(crate) patch: Patch,
}

impl Mutant {
    /// All of them, by name.
    pub(crate) fn all() -> Vec<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/explore/mistakes");
        let mut paths: Vec<PathBuf> = fs::read_dir(folder)
            .expect("tests/explore/mistakes is there")
            .map(|entry| entry.expect("readable").path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "patch"))
            .collect();
        paths.sort();
        paths.iter().map(|path| Self::read(path)).collect()
    }

    fn read(path: &Path) -> Self {
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        let text = fs::read_to_string(path).expect("readable");
        let word = |title: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(title));
            line.unwrap_or_else(|| panic!("{name} has no line \"{title}\"")).trim().to_owned()
        };
        for title in ["Breaks:", "Kind:"] {
            assert!(!word(title).is_empty(), "{name} says what it is");
        }
        let (violates, bounds) = (word("Violates:"), word("Bounds:"));
        Self { violates, bounds, patch: Patch::parse(&text), name }
    }
}

/// For each file, what is replaced by what. Line numbers are not looked at: the lines themselves, with
/// those around them, have to be there exactly once.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Patch(pub(crate) BTreeMap<String, Vec<(String, String)>>);

impl Patch {
    pub(crate) fn parse(text: &str) -> Self {
        let mut files: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
        let mut file = String::new();
        for line in text.lines() {
            if let Some(path) = line.strip_prefix("+++ b/") {
                path.clone_into(&mut file);
            } else if line.starts_with("--- ") || file.is_empty() {
            } else if line.starts_with("@@") {
                files.entry(file.clone()).or_default().push(Default::default());
            } else if let Some((before, after)) =
                files.get_mut(&file).and_then(|hunks| hunks.last_mut())
            {
                let (kind, rest) = line.split_at_checked(1).unwrap_or((" ", ""));
                for (side, other) in [(before, "+"), (after, "-")] {
                    if kind != other {
                        side.push_str(rest);
                        side.push('\n');
                    }
                }
            }
        }
        assert!(!files.is_empty(), "a patch changes something");
        Self(files)
    }

    /// The text of `file` after the patch.
    pub(crate) fn apply(&self, file: &str, text: &str) -> String {
        let mut text = text.to_owned();
        for (before, after) in self.0.get(file).into_iter().flatten() {
            let count = text.matches(before.as_str()).count();
            assert_eq!(count, 1, "{file} has these lines {count} times:\n{before}");
            text = text.replace(before.as_str(), after);
        }
        text
    }
}

#[test]
fn a_patch_replaces_lines_wherever_they_stand() {
    let patch = Patch::parse("--- a/f\n+++ b/f\n@@ -1,2 +1,2 @@\n one\n-two\n+three\n");
    assert_eq!(patch.apply("f", "zero\none\ntwo\n"), "zero\none\nthree\n");
}

#[test]
#[should_panic(expected = "has these lines 0 times")]
fn a_patch_that_does_not_fit_is_noticed() {
    Patch::parse("--- a/f\n+++ b/f\n@@ -1 +1 @@\n-two\n+three\n").apply("f", "one\n");
}
