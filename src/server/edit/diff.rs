//! What a change does to the file, line by line, without secrets.

use similar::TextDiff;

use super::secrets::masked;

/// Lines around a change.
const CONTEXT: usize = 3;

/// A unified diff; empty where nothing changes.
pub fn diff(before: &str, after: &str) -> String {
    let (before, after) = (masked(before), masked(after));
    let lines = TextDiff::from_lines(&before, &after);
    lines.unified_diff().context_radius(CONTEXT).header("before", "after").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_line_is_shown_with_those_around_it() {
        let shown = diff("a = 1\nb = 2\nc = 3\n", "a = 1\nb = 5\nc = 3\n");
        assert_eq!(
            shown,
            "--- before\n+++ after\n@@ -1,3 +1,3 @@\n a = 1\n-b = 2\n+b = 5\n c = 3\n"
        );
    }

    #[test]
    fn nothing_is_shown_where_nothing_changes() {
        assert_eq!(diff("a = 1\n", "a = 1\n"), "");
    }

    #[test]
    fn a_secret_beside_a_change_is_not_shown() {
        let shown = diff("token = \"hush\"\nb = 2\n", "token = \"hush\"\nb = 5\n");
        assert!(shown.contains("token") && !shown.contains("hush"), "{shown}");
    }
}
