//! One table of the file: which keys it may have, and their values.

use toml_edit::{Item, Table, TableLike, Value};

use super::problem::{Problems, Span};
use super::value::Wrong;

/// A value together with where it stands.
#[derive(Clone, Debug)]
pub(super) struct Located<T> {
    pub(super) value: T,
    pub(super) span: Span,
    /// The key with the sections around it.
    pub(super) key: String,
}

/// A table whose keys have been checked against those known.
pub(super) struct Section<'t> {
    path: String,
    span: Span,
    table: &'t dyn TableLike,
}

impl<'t> Section<'t> {
    /// The file as a whole.
    pub(super) fn root(table: &'t Table, known: &[&str], problems: &mut Problems<'_>) -> Self {
        Self::new(String::new(), 0..0, table, known, problems)
    }

    fn new(
        path: String,
        span: Span,
        table: &'t dyn TableLike,
        known: &[&str],
        problems: &mut Problems<'_>,
    ) -> Self {
        let section = Self { path, span, table };
        for (key, item) in table.iter() {
            if !known.contains(&key) {
                let span = section.key_span(key, item);
                problems.add(
                    &span,
                    section.path_of(key),
                    format!("\"{key}\" is no key of {}", section.name()),
                    suggestion(key, known),
                );
            }
        }
        section
    }

    fn name(&self) -> String {
        if self.path.is_empty() { "the file".to_owned() } else { format!("[{}]", self.path) }
    }

    /// The key with the sections around it.
    pub(super) fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    /// Where a key stands; the section where it cannot be told.
    fn key_span(&self, key: &str, item: &Item) -> Span {
        self.table
            .key(key)
            .and_then(toml_edit::Key::span)
            .or_else(|| item.span())
            .unwrap_or_else(|| self.span.clone())
    }

    /// Where the key is written; `None` if it is absent.
    pub(super) fn span_of_key(&self, key: &str) -> Option<Span> {
        self.table.get(key).map(|item| self.key_span(key, item))
    }

    /// The value of `key`; `None` if it is absent or wrong, which is noted.
    pub(super) fn optional<T>(
        &self,
        key: &str,
        problems: &mut Problems<'_>,
        parse: impl FnOnce(&Value) -> Result<T, Wrong>,
    ) -> Option<Located<T>> {
        let item = self.table.get(key)?;
        let span = item.span().unwrap_or_else(|| self.key_span(key, item));
        let Some(value) = item.as_value() else {
            problems.add(
                &self.key_span(key, item),
                self.path_of(key),
                "this is a section",
                format!("write a value: {key} = ..."),
            );
            return None;
        };
        match parse(value) {
            Ok(value) => Some(Located { value, span, key: self.path_of(key) }),
            Err(wrong) => {
                let place = wrong.span.unwrap_or(span);
                problems.add(&place, self.path_of(key), wrong.problem, wrong.fix);
                None
            }
        }
    }

    /// The value of `key`, which has to be there.
    pub(super) fn required<T>(
        &self,
        key: &str,
        example: &str,
        problems: &mut Problems<'_>,
        parse: impl FnOnce(&Value) -> Result<T, Wrong>,
    ) -> Option<Located<T>> {
        if self.table.get(key).is_none() {
            self.missing(key, example, problems);
            return None;
        }
        self.optional(key, problems, parse)
    }

    /// Notes that `key` has to be there.
    pub(super) fn missing(&self, key: &str, example: &str, problems: &mut Problems<'_>) {
        problems.add(
            &self.span,
            self.path_of(key),
            format!("\"{key}\" is missing in {}", self.name()),
            format!("add, for example: {key} = {example}"),
        );
    }

    /// The one section called `key`; `None` if there is none or it is something else.
    pub(super) fn section(
        &self,
        key: &str,
        known: &[&str],
        problems: &mut Problems<'_>,
    ) -> Option<Self> {
        let item = self.table.get(key)?;
        let path = self.path_of(key);
        let span = self.key_span(key, item);
        let Some(table) = item.as_table_like() else {
            problems.add(&span, &*path, "this has to be one section", format!("write [{path}]"));
            return None;
        };
        let span = item.as_table().and_then(Table::span).unwrap_or(span);
        Some(Section::new(path, span, table, known, problems))
    }

    /// The one section called `key`, whose keys are an open set.
    pub(super) fn open_section(&self, key: &str, problems: &mut Problems<'_>) -> Option<Self> {
        let any: Vec<&str> = self
            .table
            .get(key)
            .and_then(Item::as_table_like)
            .map(|table| table.iter().map(|(key, _)| key).collect())
            .unwrap_or_default();
        self.section(key, &any, problems)
    }

    /// Every section called `key`, in the order of the file.
    pub(super) fn sections(
        &self,
        key: &str,
        known: &[&str],
        problems: &mut Problems<'_>,
    ) -> Vec<Self> {
        let Some(item) = self.table.get(key) else { return Vec::new() };
        let path = self.path_of(key);
        let span = self.key_span(key, item);
        let mut tables: Vec<(Span, &'t dyn TableLike)> = Vec::new();
        let mut complete = true;
        if let Some(list) = item.as_array_of_tables() {
            for table in list {
                tables.push((table.span().unwrap_or_else(|| span.clone()), table));
            }
        } else if let Some(list) = item.as_array() {
            for value in list {
                match value.as_inline_table() {
                    Some(table) => {
                        tables.push((table.span().unwrap_or_else(|| span.clone()), table));
                    }
                    None => complete = false,
                }
            }
        } else {
            complete = false;
        }
        if !complete {
            problems.add(
                &span,
                &*path,
                "this has to be a list of sections",
                format!("write [[{path}]], in double brackets"),
            );
        }
        tables
            .into_iter()
            .map(|(span, table)| Section::new(path.clone(), span, table, known, problems))
            .collect()
    }

    /// Every key with its value and place, for sections whose keys are an open set.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&'t str, &'t Item, Span)> + '_ {
        let table = self.table;
        table.iter().map(|(key, item)| (key, item, self.key_span(key, item)))
    }
}

/// A sentence that names the known key nearest to `key`, or all of them.
pub(super) fn suggestion(key: &str, known: &[&str]) -> String {
    let spelled = key.to_lowercase().replace('_', "-");
    let nearest = known.iter().map(|candidate| (distance(&spelled, candidate), *candidate)).min();
    match nearest {
        Some((distance, candidate)) if distance <= 1.max(candidate.len() / 3) => {
            format!("did you mean \"{candidate}\"?")
        }
        _ => format!("known are: {}", known.join(", ")),
    }
}

/// Insertions, deletions and substitutions between two words.
fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.chars().count()).collect();
    for (position, left) in one.chars().enumerate() {
        let mut diagonal = position;
        let mut previous = position + 1;
        let mut next = vec![previous];
        for (right, above) in other.chars().zip(row.iter().skip(1)) {
            let substituted = diagonal + usize::from(left != right);
            diagonal = *above;
            previous = substituted.min(above + 1).min(previous + 1);
            next.push(previous);
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_distance_counts_single_edits() {
        assert_eq!(distance("splitt", "split"), 1);
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("abc", "abc"), 0);
    }

    #[test]
    fn an_underscore_is_taken_for_a_hyphen() {
        assert_eq!(
            suggestion("peer_address", &["address", "peer-address"]),
            "did you mean \"peer-address\"?"
        );
    }

    #[test]
    fn a_word_unlike_all_others_gets_the_whole_list() {
        assert_eq!(suggestion("colour", &["mclt", "split"]), "known are: mclt, split");
    }
}
