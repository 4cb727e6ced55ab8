//! Which test says that it holds which rules.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// A test that holds a rule.
#[derive(Debug, Clone)]
pub(crate) struct Holding {
    /// `endpoint::pool::a_new_pool_of_50_gives_25`.
    pub(crate) name: String,
    /// Its file, from the top of the project.
    pub(crate) file: String,
}

/// Ids and who holds them.
pub(crate) type Holdings = BTreeMap<String, Vec<Holding>>;

/// The tests by the rules that they name.
pub(crate) fn read(root: &Path) -> Result<Holdings, String> {
    collect(root, |file, text| match Path::new(file).extension().and_then(|e| e.to_str()) {
        Some("rs") => in_source(file, text, "/// Holds:"),
        _ => Ok(in_conversation(file, text)),
    })
}

/// The tests by the cases of interoperation that they name.
pub(crate) fn read_interop(root: &Path) -> Result<Holdings, String> {
    collect(root, |file, text| {
        if file.starts_with("tests/interop/") {
            return in_source(file, text, "/// Interop:");
        }
        Ok(Vec::new())
    })
}

fn collect(
    root: &Path,
    held: impl Fn(&str, &str) -> Result<Vec<(String, Holding)>, String>,
) -> Result<Holdings, String> {
    let mut holdings = BTreeMap::new();
    for file in files(root)? {
        let text = fs::read_to_string(root.join(&file)).map_err(|e| format!("{file}: {e}"))?;
        let found = held(&file, &text)?;
        for (id, holding) in found {
            holdings.entry(id).or_insert_with(Vec::new).push(holding);
        }
    }
    Ok(holdings)
}

fn files(root: &Path) -> Result<Vec<String>, String> {
    let mut folders = vec![PathBuf::from("src"), PathBuf::from("tests")];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in
            fs::read_dir(root.join(&folder)).map_err(|e| format!("{}: {e}", folder.display()))?
        {
            let entry = entry.map_err(|e| e.to_string())?;
            let path = folder.join(entry.file_name());
            if entry.path().is_dir() {
                folders.push(path);
            } else if may_hold(&path) {
                files.push(path.to_string_lossy().into_owned());
            }
        }
    }
    files.sort();
    Ok(files)
}

fn may_hold(path: &Path) -> bool {
    match path.extension().and_then(|e| e.to_str()) {
        Some("rs") => !path.starts_with("tests/conformance"),
        Some("txt") => path.starts_with("tests/conversations"),
        _ => false,
    }
}

fn ids(list: &str) -> impl Iterator<Item = &str> {
    list.split([',', ' ']).map(|id| id.trim_end_matches('.')).filter(|id| !id.is_empty())
}

/// `tests/endpoint/pool.rs` is module `endpoint::pool`.
fn module(file: &str) -> String {
    let inner = file.trim_start_matches("tests/").trim_start_matches("src/");
    let inner = inner.trim_end_matches(".rs").trim_end_matches(".txt");
    inner.trim_end_matches("/main").trim_end_matches("/mod").replace('/', "::")
}

/// What stands behind `mark` in the documentation of each test.
fn in_source(file: &str, text: &str, mark: &str) -> Result<Vec<(String, Holding)>, String> {
    let mut found = Vec::new();
    let mut claimed: Vec<String> = Vec::new();
    let mut is_test = false;
    for line in text.lines().map(str::trim_start) {
        if let Some(list) = line.strip_prefix(mark) {
            claimed.extend(ids(list).map(str::to_owned));
        } else if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
            is_test = true;
        } else if !line.starts_with("///") && !line.starts_with("#[") {
            if !claimed.is_empty() {
                let name = function(line).filter(|_| is_test);
                let name = name.ok_or_else(|| {
                    format!("{file}: {claimed:?} stand on what is no test: {line}")
                })?;
                let holding =
                    Holding { name: format!("{}::{name}", module(file)), file: file.to_owned() };
                found.extend(claimed.drain(..).map(|id| (id, holding.clone())));
            }
            is_test = false;
        }
    }
    Ok(found)
}

fn function(line: &str) -> Option<&str> {
    let rest = line.trim_start_matches("async ").strip_prefix("fn ")?;
    rest.split_once('(').map(|(name, _)| name)
}

fn in_conversation(file: &str, text: &str) -> Vec<(String, Holding)> {
    let holding = Holding { name: module(file), file: file.to_owned() };
    let lists = text.lines().filter_map(|l| l.strip_prefix("# Holds:"));
    lists.flat_map(ids).map(|id| (id.to_owned(), holding.clone())).collect()
}
