//! The table of counts: the compiler in the first line, then a path a line.

use std::collections::BTreeMap;
use std::fmt;

/// Instructions that each path needs each time, and who compiled it.
#[derive(Debug, PartialEq, Eq)]
pub struct Counts {
    pub compiler: String,
    pub instructions: BTreeMap<String, u64>,
}

impl Counts {
    /// Reads the table.
    pub fn parse(text: &str) -> Self {
        let (compiler, paths) = text.split_once('\n').unwrap();
        let path = |line: &str| {
            let (name, count) = line.split_once(' ').unwrap();
            (name.to_owned(), count.trim().parse().unwrap())
        };
        Self { compiler: compiler.to_owned(), instructions: paths.lines().map(path).collect() }
    }

    /// The paths of which `found` differs by more than `tolerance` per thousand.
    pub fn differences(&self, found: &Self, tolerance: u64) -> Vec<String> {
        let differs = |(path, known): (&String, &u64)| {
            let found = found.instructions[path];
            let off = found.abs_diff(*known) * 1000 > known * tolerance;
            off.then(|| format!("{path}: {found}, by the table {known}"))
        };
        self.instructions.iter().filter_map(differs).collect()
    }
}

/// As [`Counts::parse`] reads it.
impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.compiler)?;
        for (path, count) in &self.instructions {
            writeln!(f, "{path:<30} {count}")?;
        }
        Ok(())
    }
}

#[test]
fn a_table_is_read_as_it_is_written() {
    let instructions = [("hash-single".to_owned(), 67), ("table-get".to_owned(), 120)];
    let counts = Counts { compiler: "rustc 1.90.0".to_owned(), instructions: instructions.into() };
    assert_eq!(Counts::parse(&counts.to_string()), counts);
}

#[test]
fn a_count_off_by_more_than_the_tolerance_differs_either_way() {
    let counts = |count| Counts {
        compiler: String::new(),
        instructions: [("table-get".to_owned(), count)].into(),
    };
    let differs = |count| !counts(1000).differences(&counts(count), 30).is_empty();
    assert_eq!([969, 970, 1030, 1031].map(differs), [true, false, false, true]);
}
