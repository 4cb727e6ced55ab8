//! The admin listener: HTTP for operators, scripts and Prometheus.
//!
//! | request | answer |
//! |---|---|
//! | `GET /v1/status` | how every relationship stands |
//! | `GET /v1/leases` | the bindings, one JSON object a line, in ascending order of address; `?address=`, `?status=` and `?relationship=` narrow it down |
//! | `GET /v1/why?address=` or `?client=` | what would be done for it now, by which rules, and when that changes |
//! | `POST /v1/relationships/{name}/partner-down` | declares the partner down; `?force=true` also out of RECOVER |
//! | `POST /v1/relationships/{name}/shutdown` | hands everything over to the partner |
//! | `POST /v1/relationships/{name}/forget-connect-time` | lets the next CONNECT be earlier than the last |
//! | `POST /v1/addresses/{address}/reset` | frees an abandoned address |
//! | `GET /metrics` | counters and gauges in the Prometheus text format |
//! | `GET /healthz` | `ok` as long as the engine answers |
//!
//! Every error is JSON, `{"error": "..."}`: 400 for a wrong question, 401 without the token, 403
//! for a request that a web page smuggled in, 404 for an unknown name, 409 where the state does not
//! allow it, 503 while the engine does not answer. `guard` decides who may ask, `json` is the form
//! of the answers, `leases` pages through the engine, `metrics` writes gauges, `listener` bounds
//! the connections; `client` is the asking side.

pub mod client;
mod guard;
pub mod json;
mod leases;
mod listener;
mod metrics;
mod why;

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use axum::extract::rejection::{PathRejection, QueryRejection, StringRejection};
use axum::extract::{DefaultBodyLimit, Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router, middleware};
use serde::Deserialize;
use tokio::sync::oneshot;

use crate::server::command::{AdminCommand, CommandError, CommandSender, Storage};

use json::{ErrorBody, StatusBody};

pub use listener::MAX_CONNECTIONS;

/// Octets that the body of a request may have.
const MAX_BODY: usize = 4096;

/// How long the engine may take for an answer.
const ENGINE_PATIENCE: Duration = Duration::from_secs(10);

/// The admin listener, bound and not yet answering.
#[derive(Debug)]
pub struct AdminServer {
    listener: tokio::net::TcpListener,
    router: Router,
}

impl AdminServer {
    /// Binds `listen`. Whoever asks has to show `token`, if there is one.
    pub async fn bind(
        listen: SocketAddr,
        token: Option<String>,
        commands: CommandSender,
    ) -> std::io::Result<Self> {
        let listener = tokio::net::TcpListener::bind(listen).await?;
        Ok(Self { listener, router: router(token, commands) })
    }

    /// The address bound.
    pub fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Answers until the future is dropped.
    pub async fn run(self) -> std::io::Result<()> {
        axum::serve(listener::Bounded::new(self.listener), self.router).await
    }
}

/// Answers every request of the table above by asking the engine.
pub fn router(token: Option<String>, commands: CommandSender) -> Router {
    let guard = guard::Guard::new(token);
    Router::new()
        .route("/v1/status", get(status))
        .route("/v1/leases", get(leases::list))
        .route("/v1/why", get(why::explain))
        .route("/v1/relationships/{name}/partner-down", post(partner_down))
        .route("/v1/relationships/{name}/shutdown", post(shutdown))
        .route("/v1/relationships/{name}/forget-connect-time", post(forget_connect_time))
        .route("/v1/addresses/{address}/reset", post(reset))
        .route("/metrics", get(metrics::scrape))
        .route("/healthz", get(healthz))
        .method_not_allowed_fallback(|| async {
            Failure(StatusCode::METHOD_NOT_ALLOWED, "this address takes another method".to_owned())
        })
        .fallback(|| async {
            let known = "known are /v1/status, /v1/leases, /v1/why, /v1/relationships/NAME/partner-down, \
                         /v1/relationships/NAME/shutdown, \
                         /v1/relationships/NAME/forget-connect-time, /v1/addresses/ADDRESS/reset, \
                         /metrics and /healthz";
            Failure(StatusCode::NOT_FOUND, format!("there is nothing here; {known}"))
        })
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(middleware::from_fn_with_state(guard, guard::check))
        .with_state(commands)
}

/// A request that is not followed.
#[derive(Debug)]
struct Failure(StatusCode, String);

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        (self.0, Json(ErrorBody { error: self.1 })).into_response()
    }
}

/// A question that makes no sense.
fn wrong(why: &str) -> Failure {
    Failure(StatusCode::BAD_REQUEST, why.to_owned())
}

impl From<CommandError> for Failure {
    fn from(error: CommandError) -> Self {
        let code = match error {
            CommandError::UnknownRelationship { .. } | CommandError::UnknownAddress(_) => {
                StatusCode::NOT_FOUND
            }
            CommandError::Refused { .. } => StatusCode::CONFLICT,
        };
        Self(code, error.to_string())
    }
}

/// Asks the engine and waits for its answer.
async fn ask<T>(
    commands: &CommandSender,
    command: impl FnOnce(oneshot::Sender<T>) -> AdminCommand,
) -> Result<T, Failure> {
    let (answer, answered) = oneshot::channel();
    let exchange = async {
        commands.send(command(answer)).await.ok()?;
        answered.await.ok()
    };
    let unavailable = |why: &str| Failure(StatusCode::SERVICE_UNAVAILABLE, why.to_owned());
    match tokio::time::timeout(ENGINE_PATIENCE, exchange).await {
        Ok(Some(value)) => Ok(value),
        Ok(None) => Err(unavailable("the server is stopping")),
        Err(_) => Err(unavailable("the server is too busy to answer; try again")),
    }
}

async fn status(State(commands): State<CommandSender>) -> Result<Json<StatusBody>, Failure> {
    let status = ask(&commands, |answer| AdminCommand::Status { answer }).await?;
    Ok(Json(StatusBody::new(&status)))
}

async fn healthz(State(commands): State<CommandSender>) -> Result<Response, Failure> {
    let status = ask(&commands, |answer| AdminCommand::Status { answer }).await?;
    if status.storage != Storage::Ok {
        let why = "there is no room for leases; nothing can be promised";
        return Err(Failure(StatusCode::SERVICE_UNAVAILABLE, why.to_owned()));
    }
    Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], "ok\n").into_response())
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct PartnerDownQuery {
    #[serde(default)]
    force: bool,
}

/// What the body of a declaration says. It is an object by name: serde would take a list for one.
fn is_forced(body: &str) -> Result<bool, Failure> {
    if body.trim().is_empty() {
        return Ok(false);
    }
    let read = || {
        let object: serde_json::Map<String, serde_json::Value> = serde_json::from_str(body)?;
        serde_json::from_value::<PartnerDownQuery>(object.into())
    };
    read().map(|wish| wish.force).map_err(|error| {
        wrong(&format!("the body is wrong: {error}; write {{\"force\": true}} or nothing"))
    })
}

async fn partner_down(
    State(commands): State<CommandSender>,
    relationship: Result<Path<String>, PathRejection>,
    query: Result<Query<PartnerDownQuery>, QueryRejection>,
    body: Result<String, StringRejection>,
) -> Result<Json<json::DoneBody>, Failure> {
    let Path(relationship) = relationship.map_err(|error| wrong(&error.body_text()))?;
    let Query(wish) = query.map_err(|error| wrong(&error.body_text()))?;
    let body = body.map_err(|error| Failure(error.status(), error.body_text()))?;
    let forced = is_forced(&body)? || wish.force;
    let name = relationship.clone();
    let command = |answer| AdminCommand::PartnerDown { relationship, forced, answer };
    ask(&commands, command).await??;
    done(&commands, name).await
}

async fn shutdown(
    State(commands): State<CommandSender>,
    relationship: Result<Path<String>, PathRejection>,
) -> Result<Json<json::DoneBody>, Failure> {
    let Path(relationship) = relationship.map_err(|error| wrong(&error.body_text()))?;
    let name = relationship.clone();
    ask(&commands, |answer| AdminCommand::Shutdown { relationship, answer }).await??;
    done(&commands, name).await
}

async fn forget_connect_time(
    State(commands): State<CommandSender>,
    relationship: Result<Path<String>, PathRejection>,
) -> Result<Json<json::DoneBody>, Failure> {
    let Path(relationship) = relationship.map_err(|error| wrong(&error.body_text()))?;
    let name = relationship.clone();
    ask(&commands, |answer| AdminCommand::ForgetConnectTime { relationship, answer }).await??;
    done(&commands, name).await
}

async fn reset(
    State(commands): State<CommandSender>,
    address: Result<Path<Ipv4Addr>, PathRejection>,
) -> Result<Json<json::ResetBody>, Failure> {
    let Path(address) = address.map_err(|error| wrong(&error.body_text()))?;
    ask(&commands, |answer| AdminCommand::Reset { address, answer }).await??;
    Ok(Json(json::ResetBody { address }))
}

/// The state that a command has led to.
async fn done(commands: &CommandSender, name: String) -> Result<Json<json::DoneBody>, Failure> {
    let status = ask(commands, |answer| AdminCommand::Status { answer }).await?;
    let mut reports = status.relationships.iter();
    let state = reports.find(|report| report.name == name).map(|report| report.state);
    Ok(Json(json::DoneBody {
        relationship: name,
        state: state.map(|state| state.name().to_owned()),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_declaration_is_forced_by_an_object_that_says_so() {
        for (body, forced) in
            [("", Some(false)), (" {} ", Some(false)), ("{\"force\": true}", Some(true))]
        {
            assert_eq!(is_forced(body).ok(), forced, "{body}");
        }
    }

    #[test]
    fn a_body_that_is_no_such_object_is_wrong() {
        for body in ["[true]", "true", "{\"forced\": true}", "{\"force\": 1}", "{"] {
            assert_eq!(is_forced(body).map_err(|failure| failure.0), Err(StatusCode::BAD_REQUEST));
        }
    }
}
