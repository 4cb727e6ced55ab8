//! One run of the explorer.

use std::fmt;
use std::path::Path;
use std::process::Command;
use std::str::FromStr;

use crate::PATIENCE;

/// What it found.
pub(crate) struct Run {
    bounds: String,
    states: u64,
    /// Levels of the space; with a violation, actions that lead to it.
    pub(crate) depth: u32,
    pub(crate) whole: bool,
    seconds: f64,
    /// The property that was broken.
    pub(crate) violated: Option<String>,
    /// All that was printed.
    pub(crate) text: String,
}

impl Run {
    pub(crate) fn of(program: &Path, bounds: &str) -> Self {
        let output = Command::new(program)
            .args(bounds.split_whitespace())
            .args(["--seconds", &PATIENCE.as_secs().to_string()])
            .output()
            .expect("the explorer runs");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let line = |title: &str| text.lines().find_map(|line| line.strip_prefix(title));
        let (explored, violated) = (line("explored:").unwrap_or_default(), line("violated: "));
        Self {
            bounds: bounds.to_owned(),
            states: number(explored, "states"),
            depth: number(violated.unwrap_or(explored), "depth"),
            whole: explored.contains(" whole yes "),
            seconds: number(explored, "seconds"),
            violated: violated.and_then(|what| what.split(':').next()).map(str::to_owned),
            text: text.clone(),
        }
    }
}

/// The number behind a word.
fn number<T: FromStr>(line: &str, title: &str) -> T {
    let mut words = line.split_whitespace().skip_while(|word| *word != title);
    let value = words.nth(1).and_then(|word| word.parse().ok());
    value.unwrap_or_else(|| panic!("no {title} in \"{line}\""))
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { bounds, states, depth, seconds, .. } = self;
        match &self.violated {
            Some(property) => write!(f, "{property} after {depth} actions")?,
            None => write!(f, "nothing, depth {depth}")?,
        }
        write!(f, ", {states} states, {seconds} s ({bounds})")
    }
}
