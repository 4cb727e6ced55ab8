//! The entries of `rules/`: a line `id | level | who | rule`, then a line with the verdict.

use std::fs;
use std::path::Path;

/// What became of a rule.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// These files do it, and a test turns red when it is broken.
    Done { files: Vec<String> },
    /// Not a rule for this program, for this reason.
    NotApplicable { reason: String },
    /// Broken on purpose towards partners of some dialect, on this evidence; or, in these files, towards all.
    Deviates { evidence: String },
    /// Nothing said yet.
    Open,
}

impl Verdict {
    pub(crate) fn files(&self) -> &[String] {
        match self {
            Self::Done { files } => files,
            _ => &[],
        }
    }
}

/// One rule of the draft, or one reading of a contradiction in it.
#[derive(Debug)]
pub(crate) struct Rule {
    /// `FO-5.4-10`; or `A1-05`, the fifth contradiction found in sections 1 to 8 (`A2`: 9 to 12).
    pub(crate) id: String,
    /// The three columns after the id.
    pub(crate) columns: [String; 3],
    /// Why a contradiction is read as it is.
    pub(crate) because: Option<String>,
    pub(crate) verdict: Verdict,
}

/// Whose duty is no server's.
const OTHERS: [&str; 6] =
    ["client", "operator", "admin", "implementer", "specifier", "spec authors"];

impl Rule {
    pub(crate) fn is_of_the_draft(&self) -> bool {
        self.id.starts_with("FO-")
    }

    pub(crate) fn binds_a_server(&self) -> bool {
        !OTHERS.contains(&self.columns[1].as_str())
    }

    /// `5.4` of `FO-5.4-10`.
    pub(crate) fn section(&self) -> &str {
        let (section, _) = self.id.rsplit_once('-').expect("checked on reading");
        section.trim_start_matches("FO-")
    }

    fn start(line: &str) -> Result<Self, String> {
        let mut columns = line.split(" | ").map(str::to_owned);
        let id = columns.next().unwrap_or_default();
        if !id.contains('-') {
            return Err(format!("no id: {line}"));
        }
        match <[String; 3]>::try_from(columns.collect::<Vec<_>>()) {
            Ok(columns) => Ok(Self { id, columns, because: None, verdict: Verdict::Open }),
            Err(found) => Err(format!("{id} has {} columns after its id, not 3", found.len())),
        }
    }

    fn say(&mut self, line: &str) -> Result<(), String> {
        let (key, text) = line.split_once(':').unwrap_or((line, ""));
        let text = text.trim().to_owned();
        if text.is_empty() {
            return Err(format!("{}: {line}", self.id));
        }
        match key {
            "done" => {
                self.verdict =
                    Verdict::Done { files: text.split_whitespace().map(str::to_owned).collect() }
            }
            "not applicable" => self.verdict = Verdict::NotApplicable { reason: text },
            "deviates" => self.verdict = Verdict::Deviates { evidence: text },
            "because" => self.because = Some(text),
            _ => return Err(format!("{}: no such key: {key}", self.id)),
        }
        Ok(())
    }
}

/// Every entry of every file of the folder, in the order of sections.
pub(crate) fn read(folder: &Path) -> Result<Vec<Rule>, String> {
    let mut rules: Vec<Rule> = Vec::new();
    for entry in fs::read_dir(folder).map_err(|e| format!("{}: {e}", folder.display()))? {
        let path = entry.map_err(|e| e.to_string())?.path();
        let text = fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
        for line in text.lines().filter(|l| !l.is_empty()) {
            match (line.strip_prefix("    "), rules.last_mut()) {
                (Some(said), Some(rule)) => rule.say(said)?,
                (Some(said), None) => {
                    return Err(format!("{}: {said} belongs to no rule", path.display()));
                }
                (None, _) => rules.push(Rule::start(line)?),
            }
        }
    }
    rules.sort_by_cached_key(|r| order(&r.id));
    Ok(rules)
}

fn order(id: &str) -> (bool, Vec<u32>) {
    (
        !id.starts_with("FO-"),
        id.split(|c: char| !c.is_ascii_digit()).filter_map(|n| n.parse().ok()).collect(),
    )
}
