//! What this server asks of its partner's API. Server asks server; on a thread of its own, and not for long.

use std::time::Duration;

use axum::http::StatusCode;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::admin::client::{AskError, Client};
use crate::admin::problem::Failure;
use crate::server::config::{Config, PeerAdmin};

/// How long the partner's listener may take to pick up.
const CONNECT_PATIENCE: Duration = Duration::from_secs(2);

/// How long it may take for an answer; whoever asked here waits for 20 seconds.
const ANSWER_PATIENCE: Duration = Duration::from_secs(8);

/// A gateway that gets no answer, or a bad one.
pub(super) const GATEWAY: &str = "RFC 9110 §15.6.3";

/// Where a partner is asked.
#[derive(Clone, Debug)]
pub(super) struct Partner(PeerAdmin);

/// One request to it.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) method: &'static str,
    pub(super) path: String,
    pub(super) body: Option<Value>,
}

impl Request {
    pub(super) fn get(path: impl Into<String>) -> Self {
        Self { method: "GET", path: path.into(), body: None }
    }

    /// The same request, of which nothing comes but an answer.
    pub(super) fn dry(&self) -> Self {
        let sign = if self.path.contains('?') { '&' } else { '?' };
        Self { path: format!("{}{sign}dry-run=true", self.path), ..self.clone() }
    }
}

impl Partner {
    pub(super) const fn new(peer: PeerAdmin) -> Self {
        Self(peer)
    }

    /// The partner of a relationship.
    pub(super) fn of(config: &Config, name: &str) -> Result<Self, Failure> {
        let configured = config.relationships.iter().find(|one| one.name == name);
        let Some(configured) = configured else { return Err(unknown(config, name)) };
        configured.peer_admin.clone().map(Self).ok_or_else(|| {
            let why = format!(
                "it is not said where the partner's admin listener is; add peer-admin = \"http://...\" to the \
                 relationship \"{name}\", or make this change on each server"
            );
            let mut failure = Failure::new(StatusCode::CONFLICT, why, "");
            failure.rule = "configuration: relationship.peer-admin".into();
            failure
        })
    }

    /// Whether both are asked at the same place.
    pub(super) fn is(&self, other: &Self) -> bool {
        self.0.url.trim_end_matches('/') == other.0.url.trim_end_matches('/')
    }

    /// Asks and reads the answer.
    pub(super) async fn ask<T: DeserializeOwned + Send + 'static>(
        &self,
        request: Request,
    ) -> Result<T, AskError> {
        let peer = self.0.clone();
        let base = peer.url.clone();
        let asked = tokio::task::spawn_blocking(move || {
            let unreachable = |why| AskError::Unreachable { base: peer.url.clone(), why };
            let token = peer.token().map_err(unreachable)?;
            let believed = peer.authorities().map_err(unreachable)?;
            let (connect, answer) = (CONNECT_PATIENCE, ANSWER_PATIENCE);
            let client = Client::patient(&peer.url, token, believed, connect, answer);
            client.exchange(request.method, &request.path, request.body.as_ref())
        });
        asked
            .await
            .unwrap_or_else(|error| Err(AskError::Unreachable { base, why: error.to_string() }))
    }
}

pub(super) fn unknown(config: &Config, name: &str) -> Failure {
    let names = config.relationships.iter().map(|one| one.name.clone());
    let names: Vec<_> = names.collect();
    let known = if names.is_empty() { "none is configured".to_owned() } else { names.join(", ") };
    Failure::not_found(format!("there is no relationship \"{name}\"; configured: {known}"))
}

/// Why there is no answer, in few words.
pub(super) fn reason(error: &AskError) -> String {
    match error {
        AskError::Unreachable { base, why } | AskError::Nonsense { base, why } => {
            format!("{base}: {why}")
        }
        AskError::Refused(why) => why.clone(),
    }
}

/// What is told to whoever asked for something that needs the partner.
pub(super) fn failure(error: &AskError, what: &str) -> Failure {
    let why = reason(error);
    match error {
        AskError::Refused(_) => {
            let why = format!("the partner refuses: {why}; {what}");
            Failure::new(StatusCode::CONFLICT, why, "RFC 9110 §15.5.10")
        }
        AskError::Unreachable { .. } | AskError::Nonsense { .. } => {
            let why = format!("the partner's API cannot be reached at {why}; {what}");
            Failure::new(StatusCode::BAD_GATEWAY, why, GATEWAY)
        }
    }
}
