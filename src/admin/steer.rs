//! What changes something: each change is written down with how things stood before and after.

use std::net::Ipv4Addr;

use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection, StringRejection};
use axum::extract::{Extension, Path, Query, State};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::oneshot;

use crate::endpoint::OperatorCommand;
use crate::server::command::{AdminCommand, CommandError, CommandSender, LeaseQuery};
use crate::wire::codes::FailoverState;

use super::audit::{Entry, Who};
use super::guard::Caller;
use super::json::{DoneBody, ResetBody};
use super::problem::Failure;
use super::{App, ask};

/// Characters of a reason.
const MAX_REASON: usize = 256;

/// How an operator wants the partner declared down, in the query or in the body.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PartnerDownQuery {
    #[serde(default)]
    force: bool,
    #[serde(default)]
    reason: Option<String>,
}

impl PartnerDownQuery {
    /// What the body says. It is an object by name: serde would take a list for one.
    fn of_body(body: &str) -> Result<Self, Failure> {
        if body.trim().is_empty() {
            return Ok(Self::default());
        }
        let read = || {
            let object: serde_json::Map<String, Value> = serde_json::from_str(body)?;
            serde_json::from_value(object.into())
        };
        read().map_err(|error: serde_json::Error| {
            let right = "write {\"force\": true, \"reason\": \"...\"} or nothing";
            Failure::wrong(format!("the body is wrong: {error}; {right}"))
        })
    }

    fn and(self, other: Self) -> Self {
        Self { force: self.force || other.force, reason: self.reason.or(other.reason) }
    }

    /// The reason, if there is one that says something.
    fn reason(&self) -> Result<Option<&str>, Failure> {
        let reason = self.reason.as_deref().map(str::trim).filter(|reason| !reason.is_empty());
        let is_right = reason.is_none_or(|reason| {
            reason.chars().count() <= MAX_REASON && !reason.chars().any(char::is_control)
        });
        if is_right {
            return Ok(reason);
        }
        let why = format!("a reason is one line of at most {MAX_REASON} characters");
        Err(Failure::wrong(why))
    }
}

pub(super) fn named<T>(path: Result<Path<T>, PathRejection>) -> Result<T, Failure> {
    path.map(|Path(name)| name).map_err(|error| Failure::wrong(error.body_text()))
}

pub(super) async fn partner_down(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    relationship: Result<Path<String>, PathRejection>,
    query: Result<Query<PartnerDownQuery>, QueryRejection>,
    body: Result<String, StringRejection>,
) -> Result<Json<DoneBody>, Failure> {
    let name = named(relationship)?;
    let Query(wish) = query.map_err(|error| Failure::wrong(error.body_text()))?;
    let body = body.map_err(|error| Failure::unreadable(error.status(), error.body_text()))?;
    let wish = wish.and(PartnerDownQuery::of_body(&body)?);
    let forced = wish.force;
    let reason = wish.reason()?;
    let overrules = forced && reason.is_some();
    let arguments = match reason {
        Some(reason) => json!({ "force": forced, "reason": reason }),
        None => json!({ "force": forced }),
    };
    let asked = Asked { action: "partner-down", arguments, refused_by: "§9.4" };
    steer_relationship(app, caller, asked, name, move |relationship, answer| {
        AdminCommand::PartnerDown { relationship, forced, overrules, answer }
    })
    .await
}

pub(super) async fn shutdown(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    relationship: Result<Path<String>, PathRejection>,
) -> Result<Json<DoneBody>, Failure> {
    let asked = Asked { action: "shutdown", arguments: json!({}), refused_by: "§9.14" };
    operate(app, caller, asked, named(relationship)?, OperatorCommand::Shutdown).await
}

pub(super) async fn forget_connect_time(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    relationship: Result<Path<String>, PathRejection>,
) -> Result<Json<DoneBody>, Failure> {
    let asked = Asked { action: "forget-connect-time", arguments: json!({}), refused_by: "§11.1" };
    operate(app, caller, asked, named(relationship)?, OperatorCommand::ForgetConnectTime).await
}

pub(super) async fn reset(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    address: Result<Path<Ipv4Addr>, PathRejection>,
) -> Result<Json<ResetBody>, Failure> {
    let address = named(address)?;
    let asked = Asked { action: "reset", arguments: json!({}), refused_by: "§5.11" };
    let command = move |answer| AdminCommand::Reset { address, answer };
    steer(app, caller, asked, Target::Address(address), command).await?;
    Ok(Json(ResetBody { address }))
}

/// Where the engine says what became of a command.
type Answer = oneshot::Sender<Result<(), CommandError>>;

/// Gives a relationship an operator's word.
pub(super) async fn operate(
    app: App,
    caller: Caller,
    asked: Asked,
    relationship: String,
    command: OperatorCommand,
) -> Result<Json<DoneBody>, Failure> {
    steer_relationship(app, caller, asked, relationship, move |relationship, answer| {
        AdminCommand::Operate { relationship, command, answer }
    })
    .await
}

/// Steers a relationship; the answer has the state that the command has led to.
async fn steer_relationship(
    app: App,
    caller: Caller,
    asked: Asked,
    relationship: String,
    command: impl FnOnce(String, Answer) -> AdminCommand + Send + 'static,
) -> Result<Json<DoneBody>, Failure> {
    let target = Target::Relationship(relationship.clone());
    let name = relationship.clone();
    let after = steer(app, caller, asked, target, move |answer| command(name, answer)).await?;
    let state = after.get("state").and_then(Value::as_str).map(str::to_owned);
    let maintenance_until = after.get("maintenance-until").and_then(Value::as_u64);
    let maintenance_until = maintenance_until.and_then(|until| u32::try_from(until).ok());
    Ok(Json(DoneBody { relationship, state, maintenance_until }))
}

/// What is changed.
enum Target {
    Relationship(String),
    Address(Ipv4Addr),
}

impl Target {
    fn name(&self) -> String {
        match self {
            Self::Relationship(name) => name.clone(),
            Self::Address(address) => address.to_string(),
        }
    }

    /// How it stands now; null if there is nothing of this name.
    async fn picture(&self, commands: &CommandSender) -> Result<Value, Failure> {
        match self {
            Self::Relationship(name) => {
                let status = ask(commands, |answer| AdminCommand::Status { answer }).await?;
                let report = status.relationships.iter().find(|report| report.name == *name);
                Ok(report.map_or(Value::Null, |report| {
                    json!({
                        "state": report.state.name(),
                        "partner-state": report.partner_state.map(FailoverState::name),
                        "communications": report.communications.name(),
                        "maintenance-until": report.maintenance_until.map(|until| until.0),
                    })
                }))
            }
            Self::Address(address) => {
                let query = LeaseQuery::of_address(*address);
                let page = ask(commands, |answer| AdminCommand::Leases { query, answer }).await?;
                Ok(page.leases.first().map_or(
                    Value::Null,
                    |lease| json!({ "binding-status": lease.binding.binding_status.name() }),
                ))
            }
        }
    }
}

/// What is asked for.
pub(super) struct Asked {
    pub(super) action: &'static str,
    pub(super) arguments: Value,
    /// By which rule the engine refuses it, if it does.
    pub(super) refused_by: &'static str,
}

/// Carries out a change and writes it down; the answer is how its target stands afterwards. Whoever
/// asked may go away meanwhile: the change and its lines are finished all the same.
async fn steer(
    app: App,
    caller: Caller,
    asked: Asked,
    target: Target,
    command: impl FnOnce(Answer) -> AdminCommand + Send + 'static,
) -> Result<Value, Failure> {
    let all = tokio::spawn(async move {
        let before = target.picture(&app.commands).await?;
        let mut entry = Entry {
            number: 0,
            at: 0,
            who: Who::from(&caller),
            action: asked.action.to_owned(),
            target: target.name(),
            arguments: asked.arguments,
            outcome: "begun".to_owned(),
            begun: None,
            before,
            after: Value::Null,
            error: None,
            rule: None,
        };
        entry.begun = Some(app.audit.append(entry.clone()).await?);
        let outcome = match ask(&app.commands, command).await {
            Ok(answer) => answer.map_err(|error| Failure::of_command(&error, asked.refused_by)),
            Err(failure) => Err(failure),
        };
        entry.after = target.picture(&app.commands).await.unwrap_or(Value::Null);
        match &outcome {
            Ok(()) => "done".clone_into(&mut entry.outcome),
            Err(failure) => {
                "refused".clone_into(&mut entry.outcome);
                entry.error = Some(failure.why.clone());
                entry.rule = Some(failure.rule.to_string());
            }
        }
        let after = entry.after.clone();
        // It is done whether or not this line can be written, and its beginning stands there.
        let _logged = app.audit.append(entry).await;
        outcome.map(|()| after)
    });
    all.await.unwrap_or_else(|error| Err(Failure::unavailable(error.to_string())))
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use super::*;

    #[test]
    fn a_declaration_is_forced_by_an_object_that_says_so() {
        for (body, forced) in
            [("", Some(false)), (" {} ", Some(false)), ("{\"force\": true}", Some(true))]
        {
            let read = PartnerDownQuery::of_body(body).ok();
            assert_eq!(read.map(|wish| wish.force), forced, "{body}");
        }
    }

    #[test]
    fn a_body_that_is_no_such_object_is_wrong() {
        for body in ["[true]", "true", "{\"forced\": true}", "{\"force\": 1}", "{"] {
            let code = PartnerDownQuery::of_body(body).map_err(|failure| failure.status);
            assert_eq!(code.err(), Some(StatusCode::BAD_REQUEST));
        }
    }

    #[test]
    fn a_reason_is_one_line_and_not_endless() {
        let reason = |text: &str| {
            let wish = PartnerDownQuery { force: true, reason: Some(text.to_owned()) };
            wish.reason().map(|said| said.map(str::to_owned)).ok()
        };
        assert_eq!(reason(" the cable is cut "), Some(Some("the cable is cut".to_owned())));
        assert_eq!(reason("  "), Some(None));
        assert_eq!(reason("two\nlines"), None);
        assert_eq!(reason(&"x".repeat(257)), None);
    }
}
