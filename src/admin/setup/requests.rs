//! What is wanted of relationships and scopes, and in which order the two servers do it.

use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection, StringRejection};
use axum::extract::{Extension, Path, Query, State};
use axum::http::StatusCode;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::admin::App;
use crate::admin::client::{AskError, escaped};
use crate::admin::guard::Caller;
use crate::admin::problem::Failure;
use crate::admin::steer::named;
use crate::balance::Role;
use crate::binding::AddressRange;
use crate::server::config::{Config, PeerAdmin, range_of};
use crate::server::edit::{self, Fate, Scope, ScopeWish, Wish};

use super::bodies::{
    AddBody, CreateBody, DryRun, EditBody, Leave, LeaveQuery, ModifyBody, MoveBody, NoBody,
    RemoveQuery, ReplaceBody, ReplicateBody, ScopeBody, ScopesBody, Stay,
};
use super::change::{Deed, Here, Order, Step};
use super::guard;
use super::mirror;
use super::partner::{self, Partner, Request};

pub(super) type Answer = Result<Json<EditBody>, Failure>;
type Name = Result<Path<String>, PathRejection>;
pub(super) type Dry = Result<Query<DryRun>, QueryRejection>;
pub(super) type Body = Result<String, StringRejection>;

/// What a body says, and the same to be written down. It is an object by name: serde would take a list
/// for one.
pub(super) fn read<T: DeserializeOwned>(body: Body) -> Result<(T, Value), Failure> {
    let body = body.map_err(|error| Failure::unreadable(error.status(), error.body_text()))?;
    let body = if body.trim().is_empty() { "{}" } else { &body };
    let wrong = |error: serde_json::Error| Failure::wrong(format!("the body is wrong: {error}"));
    let object: Map<String, Value> = serde_json::from_str(body).map_err(wrong)?;
    let value = Value::Object(object);
    Ok((serde_json::from_value(value.clone()).map_err(wrong)?, value))
}

pub(super) fn query<T>(query: Result<Query<T>, QueryRejection>) -> Result<T, Failure> {
    query.map(|Query(query)| query).map_err(|error| Failure::wrong(error.body_text()))
}

fn path(name: &str, rest: &str) -> String {
    format!("/v1/relationships/{}{rest}", escaped(name))
}

pub(super) fn step(partner: &Partner, request: Request, is_needed: bool) -> Step {
    Step { partner: partner.clone(), deed: Deed::Change(request), is_needed }
}

// Relationships.

pub(in crate::admin) async fn create(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    dry: Dry,
    body: Body,
) -> Answer {
    let is_dry = query(dry)?.dry_run;
    let (wanted, arguments): (CreateBody, _) = read(body)?;
    let keys = wanted.relationship;
    let name = keys.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
    let scopes: Vec<ScopeWish> = wanted.scopes.into_iter().map(ScopeWish::from).collect();
    let wish = Wish::Create { keys: keys.clone(), scopes: scopes.clone() };
    let mut order = Order::new("create-relationship", &name, &arguments, Here::Edit(wish.clone()));
    order.is_dry = is_dry;
    if wanted.partner {
        let partner = partner_of(&keys)?;
        let join = Join { app: &app, partner: &partner, wish: &wish, name: &name, role: None };
        let build = |scopes: &[ScopeBody]| {
            let keys = mirror::mirrored(&keys);
            let body = json!({ "relationship": keys, "scopes": scopes, "partner": false });
            Request { method: "POST", path: "/v1/relationships".to_owned(), body: Some(body) }
        };
        join.complete(&mut order, &scopes, build).await?;
    }
    order.carry_out(app, caller).await
}

/// Where the partner of a new relationship is asked.
fn partner_of(keys: &Map<String, Value>) -> Result<Partner, Failure> {
    let text = |key: &str| keys.get(key).and_then(Value::as_str);
    let Some(url) = text("peer-admin") else {
        let why =
            "the relationship says not where the partner's admin listener is; add \"peer-admin\"";
        return Err(Failure::wrong(why));
    };
    let token_file = text("peer-admin-token-file").map(Into::into);
    let ca_file = text("peer-admin-ca-file").map(Into::into);
    Ok(Partner::new(PeerAdmin { url: url.to_owned(), token_file, ca_file }))
}

pub(in crate::admin) async fn modify(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    name: Name,
    dry: Dry,
    body: Body,
) -> Answer {
    let (name, is_dry) = (named(name)?, query(dry)?.dry_run);
    let (wanted, arguments): (ModifyBody, _) = read(body)?;
    let (here, there) = if wanted.partner {
        let config = app.setup.config().await?;
        let configured = config.relationships.iter().find(|one| one.name == name);
        let Some(configured) = configured else { return Err(partner::unknown(&config, &name)) };
        mirror::divided(configured.role, &wanted.set)
    } else {
        (wanted.set, Map::new())
    };
    let wish = Wish::Modify { name: name.clone(), set: here };
    let mut order = Order::new("modify-relationship", &name, &arguments, Here::Edit(wish));
    order.is_dry = is_dry;
    if wanted.partner {
        let partner = Partner::of(&app.setup.config().await?, &name)?;
        let body = Some(json!({ "set": there, "partner": false }));
        let request = Request { method: "PATCH", path: path(&name, ""), body };
        order.then.push(step(&partner, request, false));
    }
    order.carry_out(app, caller).await
}

pub(in crate::admin) async fn remove(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    name: Name,
    wanted: Result<Query<RemoveQuery>, QueryRejection>,
) -> Answer {
    let (name, wanted) = (named(name)?, query(wanted)?);
    let fate = match wanted.scopes {
        Stay::Here => Fate::Keep,
        Stay::There => Fate::Delete,
        Stay::Disabled => Fate::Disable,
    };
    let word = match wanted.scopes {
        Stay::Here => "here",
        Stay::There => "there",
        Stay::Disabled => "disabled",
    };
    let arguments = json!({ "scopes": word, "partner": wanted.partner });
    let wish = Wish::Remove { name: name.clone(), fate };
    let mut order = Order::new("remove-relationship", &name, &arguments, Here::Edit(wish));
    order.is_dry = wanted.dry_run;
    let is_alone = guard::is_alone(&app, &name).await?;
    if wanted.partner {
        let partner = Partner::of(&app.setup.config().await?, &name)?;
        let ask = |words: &str, is_needed| {
            let path = path(&name, &format!("?scopes={words}"));
            step(&partner, Request { method: "DELETE", path, body: None }, is_needed)
        };
        match wanted.scopes {
            Stay::Here => {
                if guard::is_normal(&app, &name).await? {
                    let deed = Deed::HandOver(name.clone());
                    order.first.push(Step { partner: partner.clone(), deed, is_needed: true });
                } else if !is_alone {
                    guard::needs_agreement(&app, &name).await?;
                }
                order.first.push(ask("there", !is_alone));
            }
            // Without the partner nobody would serve them.
            Stay::There => order.then.push(ask("here&partner-is-done=true", true)),
            Stay::Disabled => order.then.push(ask("disabled", false)),
        }
    } else if wanted.scopes == Stay::Here && !wanted.partner_is_done {
        guard::needs_to_be_alone(&app, &name).await?;
    }
    order.carry_out(app, caller).await
}

// Scopes.

pub(in crate::admin) async fn add_scope(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    name: Name,
    dry: Dry,
    body: Body,
) -> Answer {
    let (name, is_dry) = (named(name)?, query(dry)?.dry_run);
    let (wanted, arguments): (AddBody, _) = read(body)?;
    let scope = ScopeWish::from(wanted.scope);
    let wish = Wish::AddScope { name: name.clone(), scope: scope.clone() };
    let mut order = Order::new("add-scope", &name, &arguments, Here::Edit(wish.clone()));
    order.is_dry = is_dry;
    if wanted.partner {
        let config = app.setup.config().await?;
        let partner = Partner::of(&config, &name)?;
        let role = role(&config, &name);
        let join = Join { app: &app, partner: &partner, wish: &wish, name: &name, role };
        join.complete(&mut order, &[scope], |scopes| add_request(&name, scopes)).await?;
    }
    order.carry_out(app, caller).await
}

fn add_request(name: &str, scopes: &[ScopeBody]) -> Request {
    let body = json!({ "scope": scopes.first(), "partner": false });
    Request { method: "POST", path: path(name, "/scopes"), body: Some(body) }
}

/// Scopes that both servers are to share from now on.
struct Join<'j> {
    app: &'j App,
    partner: &'j Partner,
    wish: &'j Wish,
    name: &'j str,
    /// What this server is in a relationship that is there already: its two servers serve at once.
    role: Option<Role>,
}

impl Join<'_> {
    /// Adds what the partner does to an order. Whoever gives addresses alone now stops first.
    async fn complete(
        &self,
        order: &mut Order,
        wanted: &[ScopeWish],
        request: impl FnOnce(&[ScopeBody]) -> Request,
    ) -> Result<(), Failure> {
        let theirs: ScopesBody = match self.partner.ask(Request::get("/v1/scopes")).await {
            Ok(theirs) => theirs,
            Err(error @ AskError::Refused(_)) => {
                return Err(partner::failure(&error, "nothing is changed here"));
            }
            Err(error) => {
                order.unreachable = Some(partner::reason(&error));
                return Ok(());
            }
        };
        let (old, new) = self.configs().await?;
        let new = Scope::all(&new);
        let is_wanted = |scope: &Scope| {
            wanted.iter().any(|wish| edit::same_network(&wish.network, &scope.network))
        };
        let shared: Vec<_> = new.iter().filter(|scope| is_wanted(scope)).collect();
        let shared: Vec<_> =
            shared.into_iter().filter_map(|one| one.shared_by(self.name)).collect();
        let ranges: Vec<_> = shared.iter().flat_map(ranges).collect();
        let here_alone = gives_alone(&Scope::all(&old), &ranges);
        let there_alone = gives_alone(&theirs.scopes, &ranges);
        if here_alone && there_alone {
            let why = "both servers give these addresses alone now, so that leases of one are unknown to the \
                       other; disable the pools on one of them until its leases have ended";
            return Err(Failure::new(StatusCode::CONFLICT, why, "§5.10"));
        }
        guard::needs_leases_at_primary(self.role, here_alone, there_alone)?;
        let bodies = shared.iter().map(|scope| for_partner(scope, &theirs.scopes));
        let step = step(self.partner, request(&bodies.collect::<Vec<_>>()), there_alone);
        if there_alone {
            order.first.push(step);
        } else {
            order.then.push(step);
        }
        Ok(())
    }

    /// What is configured here before and after.
    async fn configs(&self) -> Result<(Config, Config), Failure> {
        let (file, wish) = (self.app.setup.file()?, self.wish.clone());
        let made = tokio::task::spawn_blocking(move || {
            let text = file.read()?;
            let old = edit::read(&text, file.path())?;
            Ok::<_, edit::EditError>((old, edit::edit(&text, &wish, file.path())?.config))
        });
        Ok(made.await.map_err(|error| Failure::unavailable(error.to_string()))??)
    }
}

fn ranges(scope: &Scope) -> Vec<AddressRange> {
    scope.pools.iter().filter_map(|pool| range_of(&pool.range)).collect()
}

/// Whether a server gives some of these addresses to clients without a partner.
fn gives_alone(scopes: &[Scope], wanted: &[AddressRange]) -> bool {
    let alone = scopes.iter().flat_map(|scope| &scope.pools);
    let mut alone = alone.filter(|pool| pool.relationship.is_none() && !pool.disabled);
    alone.any(|pool| {
        range_of(&pool.range).is_some_and(|range| {
            let overlaps =
                |one: &AddressRange| one.first() <= range.last() && range.first() <= one.last();
            wanted.iter().any(overlaps)
        })
    })
}

/// A scope as the partner is asked for it: whole, unless it has the subnet already.
fn for_partner(scope: &Scope, theirs: &[Scope]) -> ScopeBody {
    let is_there = theirs.iter().any(|there| there.network == scope.network);
    let mut others = Map::new();
    if !is_there && let Ok(Value::Object(members)) = serde_json::to_value(scope) {
        others = members;
        others.retain(|key, value| {
            let is_empty = value.as_array().is_some_and(Vec::is_empty)
                || value.as_object().is_some_and(Map::is_empty);
            !is_empty && !["network", "pools"].contains(&key.as_str())
        });
    }
    let ranges = scope.pools.iter().map(|pool| pool.range.clone()).collect();
    ScopeBody { network: scope.network.clone(), ranges, others }
}

pub(in crate::admin) async fn remove_scope(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    name: Name,
    wanted: Result<Query<LeaveQuery>, QueryRejection>,
) -> Answer {
    let (name, wanted) = (named(name)?, query(wanted)?);
    let fate = match wanted.here {
        Leave::Keep => Fate::Keep,
        Leave::Delete => Fate::Delete,
        Leave::Disable => Fate::Disable,
    };
    let network = wanted.network;
    let arguments = json!({ "network": network, "partner": wanted.partner });
    let wish = Wish::RemoveScope { name: name.clone(), network: network.clone(), fate };
    let mut order = Order::new("remove-scope", &name, &arguments, Here::Edit(wish));
    order.is_dry = wanted.dry_run;
    let is_alone = guard::is_alone(&app, &name).await?;
    if wanted.partner {
        if fate == Fate::Keep && !is_alone {
            guard::needs_agreement(&app, &name).await?;
        }
        let partner = Partner::of(&app.setup.config().await?, &name)?;
        let there = match wanted.on_partner {
            Some(Leave::Disable) => "disable",
            Some(Leave::Keep) => {
                let why = "the partner does not keep what is kept here; write on-partner=delete or disable";
                return Err(Failure::wrong(why));
            }
            Some(Leave::Delete) | None => "delete",
        };
        let path = path(&name, &format!("/scopes?network={}&here={there}", escaped(&network)));
        let request = Request { method: "DELETE", path, body: None };
        order.first.push(step(&partner, request, fate == Fate::Keep && !is_alone));
    } else if fate == Fate::Keep && !wanted.partner_is_done {
        guard::needs_to_be_alone(&app, &name).await?;
    }
    order.carry_out(app, caller).await
}

pub(in crate::admin) async fn move_scope(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    dry: Dry,
    body: Body,
) -> Answer {
    let is_dry = query(dry)?.dry_run;
    let (wanted, arguments): (MoveBody, _) = read(body)?;
    let config = app.setup.config().await?;
    let from = match wanted.from {
        Some(from) => from,
        None => only_relationship(&config, &wanted.network)?,
    };
    let (network, to) = (wanted.network, wanted.to);
    let wish = Wish::MoveScope { network: network.clone(), from: from.clone(), to: to.clone() };
    let mut order = Order::new("move-scope", &network, &arguments, Here::Edit(wish.clone()));
    order.is_dry = is_dry;
    if !wanted.partner {
        if !wanted.partner_is_done {
            guard::needs_to_be_alone(&app, &from).await?;
        }
        return order.carry_out(app, caller).await;
    }
    let is_alone = guard::is_alone(&app, &from).await?;
    if !is_alone {
        guard::needs_agreement(&app, &from).await?;
    }
    let (theirs, others) = (Partner::of(&config, &from)?, Partner::of(&config, &to)?);
    if theirs.is(&others) {
        let body = json!({ "network": network, "from": from, "to": to, "partner-is-done": true });
        let path = "/v1/scopes/move".to_owned();
        let request = Request { method: "POST", path, body: Some(body) };
        order.first.push(step(&theirs, request, !is_alone));
    } else {
        let path = path(&from, &format!("/scopes?network={}&here=delete", escaped(&network)));
        let request = Request { method: "DELETE", path, body: None };
        order.first.push(step(&theirs, request, !is_alone));
        let role = role(&config, &to);
        guard::needs_leases_at_primary(role, true, false)?;
        let join = Join { app: &app, partner: &others, wish: &wish, name: &to, role };
        let ranges = Vec::new();
        let scope = ScopeWish { network, ranges, others: Map::new() };
        join.complete(&mut order, &[scope], |scopes| add_request(&to, scopes)).await?;
    }
    order.carry_out(app, caller).await
}

/// What this server is in a relationship.
fn role(config: &Config, name: &str) -> Option<Role> {
    config.relationships.iter().find(|one| one.name == name).map(|one| one.role)
}

/// The relationship that all shared pools of a scope are in.
fn only_relationship(config: &Config, network: &str) -> Result<String, Failure> {
    let scopes = Scope::all(config);
    let scope = scopes.iter().find(|scope| edit::same_network(&scope.network, network));
    let pools = scope.into_iter().flat_map(|scope| &scope.pools);
    let mut names: Vec<_> = pools.filter_map(|pool| pool.relationship.clone()).collect();
    names.dedup();
    match <[String; 1]>::try_from(names) {
        Ok([name]) => Ok(name),
        Err(names) if names.is_empty() => {
            let why = format!("{network} is in no relationship; add it to one");
            Err(Failure::not_found(why))
        }
        Err(names) => {
            let why = format!(
                "{network} is in several relationships, say \"from\": {}",
                names.join(", ")
            );
            Err(Failure::wrong(why))
        }
    }
}

// Replication.

pub(in crate::admin) async fn replicate(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    name: Name,
    dry: Dry,
    body: Body,
) -> Answer {
    let (name, is_dry) = (named(name)?, query(dry)?.dry_run);
    let (wanted, arguments): (ReplicateBody, _) = read(body)?;
    let config = app.setup.config().await?;
    let step = replication(&config, &name, wanted.network.as_deref())?;
    let mut order = Order::new("replicate", &name, &arguments, Here::Nothing);
    order.is_dry = is_dry;
    order.then.push(step);
    order.carry_out(app, caller).await
}

pub(in crate::admin) async fn replicate_all(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    dry: Dry,
    body: Body,
) -> Answer {
    let is_dry = query(dry)?.dry_run;
    let (NoBody {}, arguments) = read(body)?;
    let config = app.setup.config().await?;
    let mut order = Order::new("replicate", "all", &arguments, Here::Nothing);
    order.is_dry = is_dry;
    let steps = config.relationships.iter().map(|one| replication(&config, &one.name, None));
    order.then = steps.collect::<Result<_, _>>()?;
    order.carry_out(app, caller).await
}

/// What the partner of a relationship is asked for, so that its scopes are those of this server.
fn replication(config: &Config, name: &str, network: Option<&str>) -> Result<Step, Failure> {
    let partner = Partner::of(config, name)?;
    let scopes: Vec<_> =
        Scope::all(config).iter().filter_map(|scope| scope.shared_by(name)).collect();
    let is_meant =
        |scope: &Scope| network.is_none_or(|network| edit::same_network(network, &scope.network));
    let meant: Vec<_> = scopes.into_iter().filter(is_meant).collect();
    if let (true, Some(network)) = (meant.is_empty(), network) {
        let why = format!("{network} is no scope of the relationship \"{name}\"");
        return Err(Failure::not_found(why));
    }
    let body = json!(ReplaceBody { scopes: meant, complete: network.is_none() });
    let request = Request { method: "PUT", path: path(name, "/scopes"), body: Some(body) };
    Ok(step(&partner, request, true))
}

pub(in crate::admin) async fn replace_scopes(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    name: Name,
    dry: Dry,
    body: Body,
) -> Answer {
    let (name, is_dry) = (named(name)?, query(dry)?.dry_run);
    let (wanted, arguments): (ReplaceBody, _) = read(body)?;
    let wish =
        Wish::Replace { name: name.clone(), scopes: wanted.scopes, is_complete: wanted.complete };
    let mut order = Order::new("replace-scopes", &name, &arguments, Here::Edit(wish));
    order.is_dry = is_dry;
    order.carry_out(app, caller).await
}

pub(in crate::admin) async fn reload(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    dry: Dry,
    body: Body,
) -> Answer {
    let is_dry = query(dry)?.dry_run;
    let (NoBody {}, arguments) = read(body)?;
    let mut order = Order::new("reload", "configuration", &arguments, Here::Reload);
    order.is_dry = is_dry;
    order.carry_out(app, caller).await
}
