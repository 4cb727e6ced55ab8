//! Relationships and scopes of the configuration file: shown, changed, compared with the partner's.
//!
//! `look` shows them and `drift` compares, by `lookout` once a minute; `requests` reads what is wanted and says in which order the two
//! servers do it, `reservations` the same for single addresses; `change` carries it out: the file is written, the engine takes it, and where it does
//! not the file is put back. `partner` asks the other server, `mirror` knows what of a relationship it
//! has in its file too, and `bodies` is the form of it all. `again` reads the file because a signal says so.
//!
//! An address is never given by both. What takes it from a server is in force there before the other begins
//! to give it alone; `guard` refuses what would have a server give alone what its partner may be giving.

pub(crate) mod again;
pub(super) mod bodies;
mod change;
mod drift;
mod guard;
pub(super) mod look;
pub(crate) mod lookout;
mod mirror;
mod partner;
pub(super) mod requests;
pub(super) mod reservations;

use std::sync::Arc;

use axum::http::StatusCode;
use parking_lot::Mutex;
use serde_json::{Map, Value};

use crate::server::edit::{self, ConfigFile, EditError};

use super::problem::Failure;

/// Octets that a body with scopes may have: they bring their reservations.
pub(super) const MAX_SCOPES_BODY: usize = 1024 * 1024;

/// The configuration file of this server.
#[derive(Clone)]
pub(super) struct Setup(Arc<Inner>);

struct Inner {
    /// `None` where there is none, as in a trial without a server around.
    file: Option<ConfigFile>,
    /// What the server works with, as far as it is known here.
    in_force: Mutex<String>,
    /// Held by the one change that is under way.
    turn: tokio::sync::Mutex<()>,
}

impl Setup {
    pub(super) fn new(file: Option<ConfigFile>) -> Self {
        // A file that cannot be read now says so when it is asked for.
        let text = file.as_ref().and_then(|file| file.read().ok()).unwrap_or_default();
        let turn = tokio::sync::Mutex::new(());
        Self(Arc::new(Inner { file, in_force: Mutex::new(text), turn }))
    }

    fn file(&self) -> Result<ConfigFile, Failure> {
        let why = "this server has no configuration file";
        self.0.file.clone().ok_or_else(|| Failure::unavailable(why))
    }
}

impl From<EditError> for Failure {
    fn from(error: EditError) -> Self {
        let status = match &error {
            EditError::Unreadable { .. } | EditError::Unwritable { .. } => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            EditError::ChangedMeanwhile { .. } | EditError::Broken(_) | EditError::Taken { .. } => {
                StatusCode::CONFLICT
            }
            EditError::Invalid(_) | EditError::Wrong { .. } => StatusCode::BAD_REQUEST,
            EditError::UnknownRelationship { .. } | EditError::UnknownScope { .. } => {
                StatusCode::NOT_FOUND
            }
        };
        let mut failure = Self::new(status, error.to_string(), "configuration");
        if let Some(key) = error.key() {
            failure.rule = format!("configuration: {key}").into();
        }
        failure
    }
}

/// What is asked for, without what must not be written down.
fn masked(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let member = |(key, value): (&String, &Value)| {
                let shown = if edit::is_secret(key) { edit::MASK.into() } else { masked(value) };
                (key.clone(), shown)
            };
            Value::Object(members.iter().map(member).collect::<Map<_, _>>())
        }
        Value::Array(items) => items.iter().map(masked).collect(),
        value => value.clone(),
    }
}

#[cfg(test)]
mod tests;
