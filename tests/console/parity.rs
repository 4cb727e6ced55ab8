//! What `docs/parity.md` promises is there.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;

const TABLE: &str = include_str!("../../docs/parity.md");
const OPENAPI: &str = include_str!("../../src/admin/openapi.json");
const STEERING: &str = include_str!("../../src/admin/console/steer.js");
const EDITING: &str = include_str!("../../src/admin/console/edits.js");

/// What stands between backticks.
fn quoted() -> impl Iterator<Item = &'static str> {
    TABLE.split('`').skip(1).step_by(2)
}

fn source(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn every_test_of_the_table_exists() {
    let mut found = 0;
    for name in quoted().filter(|name| name.contains("::")) {
        let parts: Vec<_> = name.split("::").collect();
        let [suite, file] = parts[..2] else { unreachable!() };
        let text = source(&format!("{suite}/{file}.rs"));
        if let Some(test) = parts.get(2) {
            assert!(text.contains(&format!("fn {test}()")), "{name}");
        }
        found += 1;
    }
    assert!(found > 30, "{found}");
}

#[test]
fn every_request_of_the_table_is_described() {
    let description: Value = serde_json::from_str(OPENAPI).unwrap();
    let methods = ["GET ", "POST ", "PATCH ", "PUT ", "DELETE "];
    let is_request = |text: &&str| methods.iter().any(|method| text.starts_with(method));
    for request in quoted().filter(is_request) {
        let (method, path) = request.split_once(' ').unwrap();
        let operation = &description["paths"][path][method.to_lowercase()];
        assert!(operation.is_object(), "{request}");
    }
}

/// The words of a table of the page that begins so.
fn words(text: &'static str, table: &str) -> BTreeSet<&'static str> {
    let lines = text.split_once(table).unwrap().1.split_once("\n};").unwrap().0.lines();
    lines.filter_map(|line| line.strip_prefix("  \"")?.split('"').next()).collect()
}

#[test]
fn every_button_of_a_relationship_is_in_the_table_and_no_other() {
    let named: BTreeSet<_> = quoted().filter_map(|text| text.strip_prefix("data-act=")).collect();
    assert_eq!(named, words(STEERING, "const DEEDS = {"));
}

#[test]
fn every_button_of_the_configuration_is_in_the_table_and_no_other() {
    let named: BTreeSet<_> = quoted().filter_map(|text| text.strip_prefix("data-edit=")).collect();
    assert_eq!(named, words(EDITING, "const EDITS = {"));
}
