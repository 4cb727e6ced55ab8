//! The admin listener: HTTP for operators, scripts, Prometheus and the status page.
//!
//! What can be asked stands in `routes` below, and in `openapi.json`, which is served and which a test
//! holds against the routes. Every error is a problem (RFC 9457) that names the rule that refused.
//!
//! `guard` decides who may ask what, `problem` is a request that is not followed, `json` the form of the
//! answers; `setup` has relationships and scopes as they are configured, `leases` pages through the engine,
//! `why` explains, `steer` and `wishes` carry out what changes something and `audit` writes it down, `events`
//! tells whoever watches, `hooks` runs commands and sends requests on them, `watch` looks at everything once a
//! second and `outlook` computes what follows from it, `metrics` and `gauges` write what is counted, `page` is the
//! status page, `listener` bounds the connections; `client` is the asking side.

mod audit;
pub mod client;
mod events;
mod gauges;
mod guard;
pub(crate) mod hooks;
pub mod json;
mod leases;
mod listener;
mod metrics;
mod outlook;
mod page;
mod problem;
pub(crate) mod setup;
mod steer;
mod watch;
mod why;
mod wishes;

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use axum::extract::rejection::QueryRejection;
use axum::extract::{DefaultBodyLimit, Extension, FromRef, Query, State};
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, delete, get, patch, post, put};
use axum::{Json, Router, middleware};
use serde::Deserialize;
use tokio::sync::oneshot;

use crate::driver::web_tls::WebIdentity;
use crate::server::command::{AdminCommand, CommandSender, Storage};
use crate::server::config::{Admin, Role, Token};
use crate::server::edit::ConfigFile;

use audit::Audit;
use guard::{Caller, Guard, Rule};
use json::{AuditBody, SessionBody, StatusBody};
use problem::Failure;
use setup::again::Again;
use setup::lookout::{Drifts, Lookout};
use setup::{MAX_SCOPES_BODY, Setup, look, requests, reservations};

pub use events::MAX_WATCHERS;
pub use listener::MAX_CONNECTIONS;

/// Octets that the body of a request may have.
const MAX_BODY: usize = 4096;

/// How long the engine may take for an answer.
const ENGINE_PATIENCE: Duration = Duration::from_secs(10);

/// Entries of the audit log in one answer unless more are asked for.
const AUDIT_PAGE: usize = 100;

/// What can be asked, as an `OpenAPI` description.
const OPENAPI: &str = include_str!("openapi.json");

/// What is counted elsewhere and shown in `GET /metrics`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Elsewhere {
    pub(crate) hooks: hooks::Counts,
    pub(crate) virtual_address: Option<crate::virtual_address::Held>,
}

/// What every request may need.
#[derive(Clone)]
struct App {
    commands: CommandSender,
    audit: Audit,
    watch: watch::Watch,
    watchers: events::Watchers,
    setup: Setup,
    elsewhere: Elsewhere,
}

impl FromRef<App> for CommandSender {
    fn from_ref(app: &App) -> Self {
        app.commands.clone()
    }
}

/// One thing that can be asked.
struct Route {
    method: Method,
    path: &'static str,
    /// `None` for what says nothing about this server.
    needs: Option<Role>,
    /// Octets that a body may have.
    max_body: usize,
    handler: MethodRouter<App>,
}

/// Everything that can be asked.
fn routes() -> Vec<Route> {
    let look = |path, handler: MethodRouter<App>| (Method::GET, path, Some(Role::Read), handler);
    let open = |path, handler| (Method::GET, path, None, handler);
    let act = |path, handler| (Method::POST, path, Some(Role::Operate), handler);
    let change = |method, path, handler| (method, path, Some(Role::Admin), handler);
    let table = [
        open("/", get(page::html)),
        open("/console/{file}", get(page::part)),
        look("/v1/status", get(status)),
        look("/v1/leases", get(leases::list)),
        look("/v1/why", get(why::explain)),
        look("/v1/events", get(events::stream)),
        look("/v1/session", get(session)),
        look("/v1/openapi.json", get(openapi)),
        (Method::GET, "/v1/audit", Some(Role::Admin), get(audit_log)),
        act("/v1/relationships/{name}/partner-down", post(steer::partner_down)),
        act("/v1/relationships/{name}/shutdown", post(steer::shutdown)),
        act("/v1/relationships/{name}/forget-connect-time", post(steer::forget_connect_time)),
        act("/v1/relationships/{name}/pause", post(wishes::pause)),
        act("/v1/relationships/{name}/maintenance", post(wishes::maintenance)),
        act("/v1/relationships/{name}/end-maintenance", post(wishes::end_maintenance)),
        act("/v1/relationships/{name}/resynchronise", post(wishes::resynchronise)),
        act("/v1/relationships/{name}/rebalance", post(wishes::rebalance)),
        act("/v1/addresses/{address}/reset", post(steer::reset)),
        look("/metrics", get(metrics::scrape)),
        look("/healthz", get(healthz)),
        look("/v1/relationships", get(look::relationships)),
        look("/v1/relationships/{name}", get(look::relationship)),
        look("/v1/relationships/{name}/drift", get(look::drift)),
        look("/v1/scopes", get(look::scopes)),
        change(Method::PATCH, "/v1/relationships/{name}", patch(requests::modify)),
        change(Method::DELETE, "/v1/relationships/{name}", delete(requests::remove)),
        change(Method::DELETE, "/v1/relationships/{name}/scopes", delete(requests::remove_scope)),
        change(Method::POST, "/v1/relationships/{name}/replicate", post(requests::replicate)),
        change(Method::POST, "/v1/replicate", post(requests::replicate_all)),
        change(Method::POST, "/v1/scopes/move", post(requests::move_scope)),
        change(Method::PUT, "/v1/reservations/{address}", put(reservations::reserve)),
        change(Method::DELETE, "/v1/reservations/{address}", delete(reservations::free)),
        change(Method::POST, "/v1/configuration/reload", post(requests::reload)),
    ];
    // What brings scopes brings their reservations.
    let with_scopes = [
        (Method::POST, "/v1/relationships", post(requests::create)),
        (Method::POST, "/v1/relationships/{name}/scopes", post(requests::add_scope)),
        (Method::PUT, "/v1/relationships/{name}/scopes", put(requests::replace_scopes)),
    ];
    let route =
        |(method, path, needs, handler)| Route { method, path, needs, max_body: MAX_BODY, handler };
    let long = |(method, path, handler): (_, _, MethodRouter<App>)| {
        let max_body = MAX_SCOPES_BODY;
        let handler = handler.layer(DefaultBodyLimit::max(max_body));
        Route { method, path, needs: Some(Role::Admin), max_body, handler }
    };
    table.into_iter().map(route).chain(with_scopes.into_iter().map(long)).collect()
}

/// The admin listener, bound and not yet answering.
#[derive(Debug)]
pub struct AdminServer {
    listener: tokio::net::TcpListener,
    tls: Option<WebIdentity>,
    service: Service,
}

impl AdminServer {
    /// Binds the listener of `[admin]`. Whoever asks has to show one of its tokens, if there are any. What is changed is
    /// written down in `data_dir`; relationships and scopes are those of `file`. What is counted
    /// `elsewhere` is shown here.
    pub(crate) async fn bind(
        admin: &Admin,
        data_dir: &Path,
        file: ConfigFile,
        commands: CommandSender,
        elsewhere: Elsewhere,
    ) -> std::io::Result<Self> {
        let service =
            Service::new(admin.tokens.clone(), data_dir, Some(file), commands, elsewhere)?;
        let listener = tokio::net::TcpListener::bind(admin.listen).await?;
        Ok(Self { listener, tls: admin.tls.clone(), service })
    }

    /// What answers requests, without a listener and without a configuration file; it is asked as by
    /// somebody on this machine.
    pub fn unbound(
        tokens: Vec<Token>,
        data_dir: &Path,
        commands: CommandSender,
    ) -> std::io::Result<Router> {
        let elsewhere = Elsewhere::default();
        Service::new(tokens, data_dir, None, commands, elsewhere).map(|service| service.router)
    }

    /// How everything stands, every second while this runs.
    pub(crate) fn looks(&self) -> tokio::sync::watch::Receiver<watch::Seen> {
        self.service.watcher.looks()
    }

    /// How the configuration of both servers differs, once a minute while this runs.
    pub(crate) fn drifts(&self) -> tokio::sync::watch::Receiver<Drifts> {
        self.service.lookout.drifts()
    }

    /// The way to have the configuration file read again.
    pub(crate) fn again(&self) -> Again {
        self.service.again.clone()
    }

    /// The address bound.
    pub fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Answers until the future is dropped.
    pub async fn run(self) -> std::io::Result<()> {
        let tls = self.tls.as_ref().map(WebIdentity::acceptor);
        let listener = listener::Bounded::new(self.listener, tls);
        let Service { router, watcher, lookout, .. } = self.service;
        let router = router.into_make_service_with_connect_info::<listener::Peer>();
        tokio::select! {
            ended = axum::serve(listener, router) => ended,
            () = watcher.run() => Ok(()),
            () = lookout.run() => Ok(()),
        }
    }
}

/// What answers, and what keeps the figures for it that need time.
#[derive(Debug)]
struct Service {
    router: Router,
    watcher: watch::Watcher,
    lookout: Lookout,
    again: Again,
}

impl Service {
    fn new(
        tokens: Vec<Token>,
        data_dir: &Path,
        file: Option<ConfigFile>,
        commands: CommandSender,
        elsewhere: Elsewhere,
    ) -> std::io::Result<Self> {
        let audit = Audit::open(data_dir)?;
        let (watch, watcher) = watch::new(commands.clone(), elsewhere.virtual_address.clone());
        let watchers = events::Watchers::new();
        let app = App { commands, audit, watch, watchers, setup: Setup::new(file), elsewhere };
        let lookout = Lookout::new(app.clone());
        let again = Again::new(app.setup.clone(), app.commands.clone());
        Ok(Self { router: router(tokens, app), watcher, lookout, again })
    }
}

/// Answers every request of the table above.
fn router(tokens: Vec<Token>, app: App) -> Router {
    let table = routes();
    let rules = table.iter().map(|route| Rule {
        path: route.path,
        method: route.method.clone(),
        needs: route.needs,
        max_body: route.max_body,
    });
    let guard = Guard::new(tokens, rules);
    let mut known: Vec<_> = table.iter().map(|route| route.path).collect();
    known.sort_unstable();
    known.dedup();
    let nothing = format!("there is nothing here; known are {}", known.join(", "));
    let router = table
        .into_iter()
        .fold(Router::new(), |router, route| router.route(route.path, route.handler));
    router
        .method_not_allowed_fallback(|| async {
            let why = "this address takes another method";
            Failure::new(StatusCode::METHOD_NOT_ALLOWED, why, "RFC 9110 §15.5.6")
        })
        .fallback(move || async move { Failure::not_found(nothing) })
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(middleware::from_fn_with_state(guard, guard::check))
        .with_state(app)
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
    match tokio::time::timeout(ENGINE_PATIENCE, exchange).await {
        Ok(Some(value)) => Ok(value),
        Ok(None) => Err(Failure::unavailable("the server is stopping")),
        Err(_) => Err(Failure::unavailable("the server is too busy to answer; try again")),
    }
}

async fn status(State(app): State<App>) -> Result<Json<StatusBody>, Failure> {
    let status = ask(&app.commands, |answer| AdminCommand::Status { answer }).await?;
    Ok(Json(app.watch.status(&status)))
}

async fn healthz(State(commands): State<CommandSender>) -> Result<Response, Failure> {
    let status = ask(&commands, |answer| AdminCommand::Status { answer }).await?;
    if status.storage != Storage::Ok {
        let why = "there is no room for leases; nothing can be promised";
        return Err(Failure::unavailable(why));
    }
    Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], "ok\n").into_response())
}

async fn session(Extension(caller): Extension<Caller>) -> Json<SessionBody> {
    let role = caller.role.name().to_owned();
    Json(SessionBody { name: caller.name.to_string(), role })
}

async fn openapi() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], OPENAPI).into_response()
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AuditQuery {
    limit: Option<usize>,
    before: Option<u64>,
}

async fn audit_log(
    State(app): State<App>,
    query: Result<Query<AuditQuery>, QueryRejection>,
) -> Result<Json<AuditBody>, Failure> {
    let Query(query) = query.map_err(|error| Failure::wrong(error.body_text()))?;
    let limit = query.limit.unwrap_or(AUDIT_PAGE).clamp(1, audit::MAX_ENTRIES);
    let entries = app.audit.latest(query.before.unwrap_or(u64::MAX), limit).await?;
    let is_full = entries.len() == limit;
    let next = entries.last().filter(|_| is_full).map(|entry| entry.number);
    Ok(Json(AuditBody { entries, next }))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;

    #[test]
    fn the_description_has_every_route_with_its_role_and_no_other() {
        let description: Value = serde_json::from_str(OPENAPI).unwrap();
        let described: BTreeSet<String> = description["paths"]
            .as_object()
            .unwrap()
            .iter()
            .flat_map(|(path, methods)| {
                let methods = methods.as_object().unwrap().iter();
                methods.filter(|(method, _)| *method != "parameters").map(
                    move |(method, operation)| {
                        let role = operation["x-role"].as_str().unwrap_or("none");
                        format!("{} {path} {role}", method.to_uppercase())
                    },
                )
            })
            .collect();
        let routed: BTreeSet<String> = routes()
            .iter()
            .map(|Route { method, path, needs, .. }| {
                format!("{method} {path} {}", needs.map_or("none", Role::name))
            })
            .collect();
        assert_eq!(described, routed);
    }

    #[test]
    fn what_the_description_refers_to_is_in_it() {
        fn check(value: &Value, root: &Value) {
            if let Some(reference) = value.get("$ref").and_then(Value::as_str) {
                let pointer = reference.strip_prefix('#').unwrap();
                assert!(root.pointer(pointer).is_some(), "{reference}");
            }
            match value {
                Value::Object(members) => members.values().for_each(|inner| check(inner, root)),
                Value::Array(items) => items.iter().for_each(|inner| check(inner, root)),
                _ => {}
            }
        }
        let description: Value = serde_json::from_str(OPENAPI).unwrap();
        check(&description, &description);
    }
}
