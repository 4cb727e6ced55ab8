//! What is never shown of a configuration file: tokens, their digests, addresses of hooks, and secrets that
//! do not belong there.

use std::ops::Range;

use toml_edit::{Document, Item, TableLike, Value};

/// Keys whose values are nobody's business.
const SECRET: [&str; 5] = ["token", "sha256", "url", "shared-secret", "previous-shared-secret"];

/// What stands in place of such a value.
pub const MASK: &str = "\"***\"";

/// Whether the value of `key`, with or without the sections around it, is never shown.
pub fn is_secret(key: &str) -> bool {
    SECRET.contains(&key.rsplit('.').next().unwrap_or(key))
}

/// The text with every secret value replaced, also those that are commented out.
pub(super) fn masked(text: &str) -> String {
    let mut places = Vec::new();
    if let Ok(document) = Document::parse(text) {
        collect(document.as_table(), &mut places);
    }
    places.sort_by_key(|place: &Range<usize>| std::cmp::Reverse(place.start));
    let mut shown = text.to_owned();
    for place in places {
        if shown.get(place.clone()).is_some() {
            shown.replace_range(place, MASK);
        }
    }
    shown.split_inclusive('\n').map(masked_line).collect()
}

fn collect(table: &dyn TableLike, places: &mut Vec<Range<usize>>) {
    for (key, item) in table.iter() {
        match item {
            item if is_secret(key) => places.extend(item.span()),
            Item::ArrayOfTables(tables) => {
                tables.iter().for_each(|table| collect(table, places));
            }
            Item::Value(Value::Array(values)) => {
                let tables = values.iter().filter_map(Value::as_inline_table);
                tables.for_each(|table| collect(table, places));
            }
            item => {
                if let Some(table) = item.as_table_like() {
                    collect(table, places);
                }
            }
        }
    }
}

/// A line of a comment, or of a text that is no TOML, that gives a secret key a value.
fn masked_line(line: &str) -> String {
    let Some((left, _)) = line.split_once('=') else { return line.to_owned() };
    let key = left.trim_start_matches(['#', ' ', '\t']).trim_end();
    if !is_secret(key) {
        return line.to_owned();
    }
    let end = if line.ends_with('\n') { "\n" } else { "" };
    format!("{left}= {MASK}{end}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_value_is_replaced_wherever_it_stands() {
        let text = "[admin]\ntoken = \"hush\" # hush hush\n\
                    tokens = [{ name = \"a\", sha256 = \"hush\" }]\n\
                    # shared-secret = \"hush\"\n\
                    [[hook]]\nurl = \"https://a.example/hush\"\n\
                    [[relationship]]\nshared-secret = \"\"\"\nhush\n\"\"\"\nname = \"x\"\n";
        let shown = masked(text);
        assert!(!shown.contains("hush"), "{shown}");
        assert!(shown.contains("name = \"x\"") && shown.contains("name = \"a\""), "{shown}");
    }

    #[test]
    fn what_is_no_toml_is_masked_by_its_lines() {
        assert_eq!(masked("[[[\ntoken = hush"), "[[[\ntoken = \"***\"");
    }

    #[test]
    fn the_place_of_a_secret_is_no_secret() {
        let text = "shared-secret-file = \"/etc/twinlease/secret\"\n";
        assert_eq!(masked(text), text);
    }
}
