//! Conversations: the stories of the protocol as scripts that a reader can follow. README.md tells how
//! they are written; every script beside it is one test, named as its file.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on panics"
)]

mod clients;
mod format;
mod grid;
mod language;
mod options;
mod partner;
mod run;
mod setup;
mod stage;

use std::collections::BTreeSet;
use std::path::PathBuf;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/conversations")
}

/// Plays a script and tells which rows of the transition table were applied in it.
fn play(name: &str) -> BTreeSet<&'static str> {
    let file = format!("tests/conversations/{name}.txt");
    let text = std::fs::read_to_string(folder().join(format!("{name}.txt"))).expect("the script");
    run::play(&file, &text).unwrap_or_else(|fault| panic!("{fault}"))
}

/// One test for each script.
macro_rules! conversations {
    ($($name:ident,)+) => {
        $(
            #[test]
            fn $name() {
                play(stringify!($name));
            }
        )+

        const NAMES: &[&str] = &[$(stringify!($name),)+];
    };
}

conversations! {
    connection_by_the_draft,
    duplicate_connection,
    first_start_of_a_secondary,
    partner_disconnects,
    refused_again_and_again,
    silent_partner,
}

#[test]
fn every_script_is_a_test() {
    let entries = std::fs::read_dir(folder()).expect("the folder of the scripts");
    let scripts: BTreeSet<String> = entries
        .filter_map(|entry| entry.expect("an entry").file_name().into_string().ok())
        .filter_map(|name| name.strip_suffix(".txt").map(str::to_owned))
        .collect();
    let listed: BTreeSet<String> = NAMES.iter().map(|&name| name.to_owned()).collect();
    assert_eq!(scripts, listed, "add the name of the script to main.rs");
}

#[test]
fn every_script_begins_with_title_and_story() {
    for name in NAMES {
        let text = std::fs::read_to_string(folder().join(format!("{name}.txt"))).expect("it");
        let head: Vec<&str> = text.lines().take_while(|line| line.starts_with('#')).collect();
        let is_told = head.len() >= 3
            && head[0].starts_with("# ")
            && head[1] == "#"
            && head.iter().skip(2).any(|line| !line.starts_with("# Holds:") && line.len() > 2);
        assert!(is_told, "{name}.txt: a title, an empty comment, then the story are needed");
    }
}
