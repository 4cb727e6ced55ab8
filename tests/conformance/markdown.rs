//! The two pages.

use std::fmt::Write as _;

use crate::holds::Holdings;
use crate::rules::{Rule, Verdict};

const MATRIX: &str = "\
# Conformance

Every rule of draft-ietf-dhc-failover-12, by section, in words of our own, with what became of it. *Done* names the files that
do it and the tests that turn red when it is broken; *deviates* names the partners towards whom it is broken on purpose, and
the evidence; *not applicable* says why it binds no server. A level in capitals is the draft's own.

Written by `TWINLEASE_BLESS=1 cargo test --test conformance` from `tests/conformance/rules/` and from what tests say they hold.
";

const NOTES: &str = "\
# Notes on draft 12

Where the draft contradicts itself, leaves a case out or names a wrong section: the reading that this program follows, why, and
the test that holds it. `A1` are contradictions in sections 1 to 8, `A2` in sections 9 to 12.

Written by `TWINLEASE_BLESS=1 cargo test --test conformance` from `tests/conformance/rules/`.
";

/// `docs/conformance.md`.
pub(crate) fn matrix(rules: &[Rule], holdings: &Holdings) -> String {
    let rules: Vec<&Rule> = rules.iter().filter(|r| r.is_of_the_draft()).collect();
    let mut page = String::from(MATRIX);
    let _ = writeln!(
        page,
        "\n| done | deviates | not applicable | open | all |\n|---|---|---|---|---|"
    );
    let count = |is: fn(&Verdict) -> bool| rules.iter().filter(|r| is(&r.verdict)).count();
    let done = count(|v| matches!(v, Verdict::Done { .. }));
    let deviates = count(|v| matches!(v, Verdict::Deviates { .. }));
    let out = count(|v| matches!(v, Verdict::NotApplicable { .. }));
    let open = count(|v| matches!(v, Verdict::Open));
    let _ = writeln!(page, "| {done} | {deviates} | {out} | {open} | {} |", rules.len());
    let mut section = "";
    for rule in rules {
        if rule.section() != section {
            section = rule.section();
            let _ = writeln!(
                page,
                "\n## §{section}\n\n| id | level | who | rule | held |\n|---|---|---|---|---|"
            );
        }
        let [level, who, text] = &rule.columns;
        let held = held(rule, holdings);
        let _ = writeln!(page, "| {} | {level} | {who} | {text} | {held} |", rule.id);
    }
    page
}

/// `docs/draft-12-notes.md`.
pub(crate) fn notes(rules: &[Rule], holdings: &Holdings) -> String {
    let mut page = String::from(NOTES);
    for rule in rules.iter().filter(|r| !r.is_of_the_draft()) {
        let [sections, problem, reading] = &rule.columns;
        let _ = writeln!(page, "\n## {} (§{sections})\n\n{problem}\n", rule.id);
        let _ = writeln!(page, "- Reading: {reading}");
        if let Some(because) = &rule.because {
            let _ = writeln!(page, "- Because: {because}");
        }
        let _ = writeln!(page, "- {}", held(rule, holdings));
    }
    page
}

fn held(rule: &Rule, holdings: &Holdings) -> String {
    let tests = holdings.get(&rule.id).map(Vec::as_slice).unwrap_or_default();
    let tests: Vec<String> = tests.iter().map(|t| format!("[{}](../{})", t.name, t.file)).collect();
    let tests = tests.join(", ");
    match &rule.verdict {
        Verdict::Done { files } => {
            let files: Vec<String> = files.iter().map(|f| format!("[{f}](../{f})")).collect();
            format!("Done in {}; held by {tests}", files.join(", "))
        }
        Verdict::Deviates { evidence } if tests.is_empty() => format!("Deviates: {evidence}"),
        Verdict::Deviates { evidence } => format!("Deviates: {evidence}; held by {tests}"),
        Verdict::NotApplicable { reason } => format!("Not applicable: {reason}"),
        Verdict::Open => "**open**".to_owned(),
    }
}
