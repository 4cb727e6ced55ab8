//! What the hot paths cost in instructions, which other work on the machine does not change.
//!
//! `counts.txt` says how many each path needs; more than the tolerance above or below is a failure. Valgrind
//! counts (`callgrind`), on the program that `examples/instructions` is when built as what is released.
//! `TWINLEASE_BLESS=1 cargo test --test instructions` writes the counts anew.
#![allow(
    unreachable_pub,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

mod callgrind;
mod counts;
#[path = "../skipping/mod.rs"]
mod skipping;

use std::path::Path;

use counts::Counts;
use skipping::skip;

/// Per thousand that a count may differ from the table. The same source built in another directory has
/// other symbols, and with them other units and other inlining: up to 46 per thousand were seen.
const TOLERANCE: u64 = 100;
/// The same for another compiler than the one that the table names: what it makes of the same source
/// is not ours to decide, but a path that grows by a fifth is.
const OTHER_COMPILER: u64 = 200;

#[test]
fn the_hot_paths_need_the_instructions_that_the_table_says() {
    if let Some(obstacle) = callgrind::obstacle() {
        return skip("instruction counts", &obstacle);
    }
    let table = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/instructions/counts.txt");
    let known = Counts::parse(&std::fs::read_to_string(&table).unwrap());
    let program = callgrind::build();
    let count = |path: &String| (path.clone(), callgrind::count(&program, path));
    let found = Counts {
        compiler: callgrind::compiler(),
        instructions: known.instructions.keys().map(count).collect(),
    };
    if std::env::var_os("TWINLEASE_BLESS").is_some() {
        return std::fs::write(&table, found.to_string()).unwrap();
    }
    let tolerance = if found.compiler == known.compiler { TOLERANCE } else { OTHER_COMPILER };
    let differences = known.differences(&found, tolerance);
    assert!(
        differences.is_empty(),
        "instructions an operation, more than {tolerance} per thousand off the table (if that is meant, \
         TWINLEASE_BLESS=1 writes it anew):\n{}",
        differences.join("\n")
    );
}
