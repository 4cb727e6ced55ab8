//! What is wrong in a configuration file: where, which key, what, and what would be right.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::Serialize;

/// One mistake.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// The key with the sections around it, as `relationship.split`; empty for the file as a whole.
    pub key: String,
    /// What is wrong.
    pub problem: String,
    /// What would be right.
    pub fix: String,
    /// The line as it stands in the file.
    #[serde(skip)]
    source: String,
    /// Characters to underline, at least 1.
    #[serde(skip)]
    width: usize,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: ", self.line, self.column)?;
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        write!(f, "{}; {}", self.problem, self.fix)
    }
}

/// A file that cannot be used, with every mistake in it, in the order of the file.
#[derive(Clone, Debug)]
pub struct InvalidConfig {
    file: PathBuf,
    problems: Vec<Problem>,
}

impl InvalidConfig {
    /// The mistakes.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

impl fmt::Display for InvalidConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for problem in &self.problems {
            writeln!(f, "{}:{problem}", self.file.display())?;
            let number = problem.line.to_string();
            writeln!(f, "  {number} | {}", problem.source)?;
            let indent = " ".repeat(problem.column.saturating_sub(1));
            writeln!(f, "  {:1$} | {indent}{2}", "", number.len(), "^".repeat(problem.width))?;
        }
        let count = self.problems.len();
        let plural = if count == 1 { "" } else { "s" };
        write!(f, "{}: {count} error{plural}", self.file.display())
    }
}

impl std::error::Error for InvalidConfig {}

/// A place in the file, in octets.
pub(super) type Span = Range<usize>;

/// Collects mistakes while a file is read.
#[derive(Debug)]
pub(super) struct Problems<'t> {
    text: &'t str,
    found: Vec<(usize, Problem)>,
}

impl<'t> Problems<'t> {
    pub(super) const fn new(text: &'t str) -> Self {
        Self { text, found: Vec::new() }
    }

    /// Notes a mistake at `span`.
    pub(super) fn add(
        &mut self,
        span: &Span,
        key: impl Into<String>,
        problem: impl Into<String>,
        fix: impl Into<String>,
    ) {
        let (line, column, source) = locate(self.text, span.start);
        let marked = self.text.get(span.clone()).unwrap_or("");
        let first_line = marked.lines().next().unwrap_or("");
        let problem = Problem {
            line,
            column,
            key: key.into(),
            problem: problem.into(),
            fix: fix.into(),
            source,
            width: first_line.chars().count().max(1),
        };
        self.found.push((span.start, problem));
    }

    /// Notes a mistake about a key whose value must not be shown.
    pub(super) fn add_hiding_value(
        &mut self,
        span: &Span,
        key: impl Into<String>,
        problem: impl Into<String>,
        fix: impl Into<String>,
    ) {
        self.add(span, key, problem, fix);
        if let Some((_, problem)) = self.found.last_mut() {
            let shown = problem.column - 1 + problem.width;
            problem.source = problem.source.chars().take(shown).collect();
            problem.source.push_str(" = ...");
        }
    }

    /// Whether nothing has been found so far.
    pub(super) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// Line of an octet, for references to other places of the file.
    pub(super) fn line_of(&self, span: &Span) -> usize {
        locate(self.text, span.start).0
    }

    /// The mistakes in the order of the file.
    pub(super) fn into_error(mut self, file: &Path) -> InvalidConfig {
        self.found.sort_by_key(|(offset, _)| *offset);
        let problems = self.found.into_iter().map(|(_, problem)| problem).collect();
        InvalidConfig { file: file.to_owned(), problems }
    }
}

/// Line and column, from 1, of the octet at `offset`, and that line's text.
fn locate(text: &str, offset: usize) -> (usize, usize, String) {
    let before = text.get(..offset.min(text.len())).unwrap_or("");
    let line = before.matches('\n').count() + 1;
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let column = before.get(line_start..).unwrap_or("").chars().count() + 1;
    let source = text.get(line_start..).and_then(|rest| rest.lines().next()).unwrap_or("");
    (line, column, source.to_owned())
}
