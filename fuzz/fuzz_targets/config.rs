//! Any text is a configuration, or has mistakes that are in it; a remark changes nothing.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use twinlease::server::config::Config;

fuzz_target!(|input: &[u8]| {
    let Ok(text) = str::from_utf8(input) else { return };
    // Keys that name files would be followed.
    if text.contains("-file") {
        return;
    }
    let parsed = Config::parse(text, Path::new("fuzz.toml"));
    let remarked = Config::parse(&format!("{text}\n# a remark\n"), Path::new("fuzz.toml"));
    match (parsed, remarked) {
        (Ok(config), Ok(remarked)) => assert_eq!(format!("{config:?}"), format!("{remarked:?}")),
        (Err(invalid), remarked) => {
            let problems = invalid.problems();
            assert!(!problems.is_empty());
            for problem in problems {
                let line = text.split('\n').nth(problem.line - 1).unwrap_or_default();
                assert!(problem.column <= line.chars().count() + 1, "{problem}");
                assert!(!problem.problem.is_empty() && !problem.fix.is_empty());
            }
            // A text that breaks off inside a string goes on with what is put behind it.
            if let Err(remarked) = remarked {
                assert!(!remarked.to_string().is_empty());
            }
        }
        (Ok(_), Err(invalid)) => panic!("a remark is a mistake: {invalid}"),
    }
});
