//! `[[relationship]]`: created, modified, removed.

use serde_json::{Map, Value as Json};
use toml_edit::DocumentMut;

use crate::server::config::{Config, RELATIONSHIP_KEYS};

use super::problem::EditError;
use super::{Fate, ScopeWish, document, relationship, scopes};

const SECTION: &str = "relationship";

pub(super) fn create(
    document: &mut DocumentMut,
    config: &Config,
    keys: &Map<String, Json>,
    wanted: &[ScopeWish],
) -> Result<(), EditError> {
    let name = keys.get("name").and_then(Json::as_str).unwrap_or_default();
    if relationship(config, name).is_ok() {
        return Err(EditError::Taken {
            problem: format!("there is a relationship \"{name}\" already"),
            fix: "give it another name, or modify the one that is there".to_owned(),
        });
    }
    // An absent value is a default.
    let given = keys.iter().filter(|(_, value)| !value.is_null());
    let given: Map<_, _> = given.map(|(key, value)| (key.clone(), value.clone())).collect();
    let mut entries = document::entries(&given)?;
    let place = |key: &str| RELATIONSHIP_KEYS.iter().position(|known| *known == key);
    entries.sort_by_key(|(key, _)| place(key).unwrap_or(usize::MAX));
    document::push(document.as_table_mut(), SECTION, entries);
    for scope in wanted {
        scopes::add(document, config, name, scope)?;
    }
    Ok(())
}

pub(super) fn modify(
    document: &mut DocumentMut,
    config: &Config,
    name: &str,
    set: &Map<String, Json>,
) -> Result<(), EditError> {
    let number = relationship(config, name)?;
    if set.get("name").is_some_and(|new| new.as_str() != Some(name)) {
        return Err(EditError::wrong(
            "relationship.name",
            "leases are kept under the name, and the partner knows it",
            "remove the relationship and create another",
        ));
    }
    let Some(table) = document::nth(document.as_table_mut(), SECTION, number) else {
        return Ok(());
    };
    for (key, value) in set {
        if value.is_null() {
            table.remove(key);
        } else {
            document::set(table, key, document::value(&format!("{SECTION}.{key}"), value)?);
        }
    }
    Ok(())
}

pub(super) fn remove(
    document: &mut DocumentMut,
    config: &Config,
    name: &str,
    fate: Fate,
) -> Result<(), EditError> {
    let number = relationship(config, name)?;
    scopes::leave_all(document, config, name, fate);
    document::retain(document.as_table_mut(), SECTION, |one| one != number);
    Ok(())
}
