//! Relationships and scopes as they are configured, and how they differ from the partner's.

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};

use crate::admin::client::escaped;
use crate::admin::problem::Failure;
use crate::admin::steer::named;
use crate::admin::{App, ask};
use crate::server::command::AdminCommand;
use crate::server::config::Config;
use crate::server::edit::{self, Scope};

use super::Setup;
use super::bodies::{ConfiguredBody, DriftBody, RelationshipsBody, ScopesBody};
use super::drift::{Side, compare};
use super::partner::{self, Partner, Request};

impl Setup {
    /// The file as it stands.
    pub(super) async fn config(&self) -> Result<Config, Failure> {
        let file = self.file()?;
        let read = move || edit::read(&file.read()?, file.path());
        let read = tokio::task::spawn_blocking(read).await;
        Ok(read.map_err(|error| Failure::unavailable(error.to_string()))??)
    }
}

/// Every relationship, and the file that it stands in.
async fn all(app: &App) -> Result<(Vec<ConfiguredBody>, Config), Failure> {
    let config = app.setup.config().await?;
    let status = ask(&app.commands, |answer| AdminCommand::Status { answer }).await?;
    let bodies = config.relationships.iter().map(|configured| {
        let status = status.relationships.iter().find(|status| status.name == configured.name);
        ConfiguredBody::new(configured, &config, status)
    });
    Ok((bodies.collect(), config))
}

async fn one(app: &App, name: &str) -> Result<(ConfiguredBody, Config), Failure> {
    let (bodies, config) = all(app).await?;
    let found = bodies.into_iter().find(|body| body.name == name);
    Ok((found.ok_or_else(|| partner::unknown(&config, name))?, config))
}

pub(in crate::admin) async fn relationships(
    State(app): State<App>,
) -> Result<Json<RelationshipsBody>, Failure> {
    let (relationships, _) = all(&app).await?;
    Ok(Json(RelationshipsBody { relationships }))
}

pub(in crate::admin) async fn relationship(
    State(app): State<App>,
    name: Result<Path<String>, PathRejection>,
) -> Result<Json<ConfiguredBody>, Failure> {
    Ok(Json(one(&app, &named(name)?).await?.0))
}

pub(in crate::admin) async fn scopes(State(app): State<App>) -> Result<Json<ScopesBody>, Failure> {
    let scopes = Scope::all(&app.setup.config().await?);
    Ok(Json(ScopesBody { scopes }))
}

pub(in crate::admin) async fn drift(
    State(app): State<App>,
    name: Result<Path<String>, PathRejection>,
) -> Result<Json<DriftBody>, Failure> {
    Ok(Json(compared(&app, &named(name)?).await?))
}

/// How the configuration of both servers differs.
pub(super) async fn compared(app: &App, name: &str) -> Result<DriftBody, Failure> {
    let (relationship, config) = one(app, name).await?;
    let partner = Partner::of(&config, name)?;
    let failed = |error| partner::failure(&error, "nothing is compared");
    let request = Request::get(format!("/v1/relationships/{}", escaped(name)));
    let theirs: ConfiguredBody = partner.ask(request).await.map_err(failed)?;
    let there: ScopesBody = partner.ask(Request::get("/v1/scopes")).await.map_err(failed)?;
    let scopes = Scope::all(&config);
    let here = Side { relationship: &relationship, scopes: &scopes };
    let there = Side { relationship: &theirs, scopes: &there.scopes };
    Ok(compare(&here, &there))
}
