//! Sections of a document, whether they are written as `[[name]]` or as a list of inline tables.

use serde_json::{Map, Value as Json};
use toml_edit::{Array, ArrayOfTables, InlineTable, Item, Table, TableLike, Value};

use super::problem::EditError;

/// The section called `key` with this number.
pub(super) fn nth<'d>(
    parent: &'d mut dyn TableLike,
    key: &str,
    number: usize,
) -> Option<&'d mut dyn TableLike> {
    match parent.get_mut(key)? {
        Item::ArrayOfTables(tables) => {
            tables.get_mut(number).map(|table| table as &mut dyn TableLike)
        }
        Item::Value(Value::Array(values)) => {
            let table = values.get_mut(number)?.as_inline_table_mut()?;
            Some(table as &mut dyn TableLike)
        }
        _ => None,
    }
}

/// Adds a section called `key` behind the others of this name.
pub(super) fn push(parent: &mut dyn TableLike, key: &str, entries: Vec<(String, Value)>) {
    match parent.get_mut(key) {
        Some(Item::Value(Value::Array(values))) => values.push(InlineTable::from_iter(entries)),
        Some(Item::ArrayOfTables(tables)) => tables.push(Table::from_iter(entries)),
        _ => {
            let mut tables = ArrayOfTables::new();
            tables.push(Table::from_iter(entries));
            parent.insert(key, Item::ArrayOfTables(tables));
        }
    }
}

/// Removes the sections called `key` whose number is not to be kept.
pub(super) fn retain(parent: &mut dyn TableLike, key: &str, mut keep: impl FnMut(usize) -> bool) {
    let mut number = 0;
    let mut keep_next = || {
        number += 1;
        keep(number - 1)
    };
    let is_empty = match parent.get_mut(key) {
        Some(Item::ArrayOfTables(tables)) => {
            tables.retain(|_| keep_next());
            tables.is_empty()
        }
        Some(Item::Value(Value::Array(values))) => {
            values.retain(|_| keep_next());
            values.is_empty()
        }
        _ => false,
    };
    if is_empty {
        parent.remove(key);
    }
}

/// Gives `key` a value; what stands around an earlier one, a comment for example, stays.
pub(super) fn set(table: &mut dyn TableLike, key: &str, mut value: Value) {
    if let Some(Item::Value(earlier)) = table.get_mut(key) {
        *value.decor_mut() = earlier.decor().clone();
        *earlier = value;
    } else {
        table.insert(key, Item::Value(value));
    }
}

/// A value as the file writes it; `key` is named where it cannot be written.
pub(super) fn value(key: &str, json: &Json) -> Result<Value, EditError> {
    let wrong = |problem: &str| EditError::Wrong {
        key: key.to_owned(),
        problem: problem.to_owned(),
        fix: "write a text, a whole number, true, false, or a list of them".to_owned(),
    };
    Ok(match json {
        Json::Null => return Err(wrong("there is no value")),
        Json::Bool(truth) => Value::from(*truth),
        Json::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => Value::from(whole),
            (None, Some(float)) => Value::from(float),
            (None, None) => return Err(wrong("this number cannot be written")),
        },
        Json::String(text) => Value::from(text.as_str()),
        Json::Array(list) => {
            let values = list.iter().map(|one| value(key, one));
            Value::Array(values.collect::<Result<Array, _>>()?)
        }
        Json::Object(members) => Value::InlineTable(InlineTable::from_iter(entries(members)?)),
    })
}

/// The members of an object, each as the file writes it.
pub(super) fn entries(members: &Map<String, Json>) -> Result<Vec<(String, Value)>, EditError> {
    members.iter().map(|(key, json)| Ok((key.clone(), value(key, json)?))).collect()
}
