//! A change on its way: rehearsed at the partner, written down, done on both servers in order.

use std::time::Duration;

use axum::Json;
use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::admin::audit::{Entry, Who};
use crate::admin::client::{AskError, escaped};
use crate::admin::guard::Caller;
use crate::admin::json::DoneBody;
use crate::admin::problem::Failure;
use crate::admin::{App, ask};
use crate::server::command::{AdminCommand, Applied};
use crate::server::config::Config;
use crate::server::edit::{self, ConfigFile, Edited, Scope, Wish};

use super::bodies::{ConfiguredBody, EditBody};
use super::partner::{self, Partner, Request};
use super::{Setup, guard, masked};

/// How long one change waits for another to end.
const TURN: Duration = Duration::from_secs(2);

/// Octets of one part of an entry of the audit log.
const MAX_PART: usize = 12 * 1024;

/// What a partner does for a change.
pub(super) struct Step {
    pub(super) partner: Partner,
    pub(super) deed: Deed,
    /// Without it nothing is changed here.
    pub(super) is_needed: bool,
}

/// What it is asked for.
pub(super) enum Deed {
    /// A change of its own configuration.
    Change(Request),
    /// To hand everything over in this relationship.
    HandOver(String),
}

/// What is to be done here.
pub(super) enum Here {
    /// Nothing.
    Nothing,
    /// A change of the file.
    Edit(Wish),
    /// The file as it stands is read.
    Reload,
}

/// A change.
pub(super) struct Order {
    pub(super) action: &'static str,
    /// Relationship or network that it is about.
    pub(super) target: String,
    pub(super) arguments: Value,
    pub(super) here: Here,
    /// What partners do before.
    pub(super) first: Vec<Step>,
    /// What they do afterwards.
    pub(super) then: Vec<Step>,
    /// Why a partner that could do without is not asked.
    pub(super) unreachable: Option<String>,
    pub(super) is_dry: bool,
}

impl Order {
    pub(super) fn new(action: &'static str, target: &str, arguments: &Value, here: Here) -> Self {
        Self {
            action,
            target: target.to_owned(),
            arguments: masked(arguments),
            here,
            first: Vec::new(),
            then: Vec::new(),
            unreachable: None,
            is_dry: false,
        }
    }

    /// Carries it out and writes it down. Whoever asked may go away meanwhile: it is finished all the
    /// same.
    pub(super) async fn carry_out(
        self,
        app: App,
        caller: Caller,
    ) -> Result<Json<EditBody>, Failure> {
        let all = tokio::spawn(async move { self.in_turn(&app, &caller).await });
        all.await.unwrap_or_else(|error| Err(Failure::unavailable(error.to_string()))).map(Json)
    }

    async fn in_turn(mut self, app: &App, caller: &Caller) -> Result<EditBody, Failure> {
        // Two servers that ask each other at one time do not wait for each other.
        let turn = app.setup.0.turn.lock();
        let Ok(_turn) = tokio::time::timeout(TURN, turn).await else {
            let why = "another change is under way; try again";
            return Err(Failure::new(StatusCode::CONFLICT, why, "RFC 9110 §15.5.10"));
        };
        let plan = Plan::new(&app.setup, &self.here).await?;
        let mut body = EditBody {
            diff: edit::diff(&plan.before, &plan.after.text),
            partner: "not-asked".to_owned(),
            ..EditBody::default()
        };
        self.rehearse(&mut body).await?;
        if self.is_dry {
            return Ok(body);
        }
        let mut entry = self.entry(caller, &plan);
        entry.begun = Some(app.audit.append(entry.clone()).await?);
        let outcome = self.perform(app, &plan, &mut body).await;
        entry.after = match &outcome {
            Ok(()) => picture(&plan.after.config, &self.target, Some(&body)),
            Err(_) => entry.before.clone(),
        };
        match &outcome {
            Ok(()) => "done".clone_into(&mut entry.outcome),
            Err(failure) => {
                "refused".clone_into(&mut entry.outcome);
                entry.error = Some(failure.why.clone());
                entry.rule = Some(failure.rule.to_string());
            }
        }
        // It is done whether or not this line can be written, and its beginning stands there.
        let _logged = app.audit.append(entry).await;
        outcome.map(|()| body)
    }

    fn entry(&self, caller: &Caller, plan: &Plan) -> Entry {
        Entry {
            number: 0,
            at: 0,
            who: Who::from(caller),
            action: self.action.to_owned(),
            target: self.target.clone(),
            arguments: bounded(self.arguments.clone()),
            outcome: "begun".to_owned(),
            begun: None,
            before: picture(&plan.old, &self.target, None),
            after: Value::Null,
            error: None,
            rule: None,
        }
    }

    /// Asks every partner what it would do. One that cannot be reached and is not needed is left out.
    async fn rehearse(&mut self, body: &mut EditBody) -> Result<(), Failure> {
        let mut diffs = Vec::new();
        let mut unreachable = self.unreachable.take();
        for steps in [&mut self.first, &mut self.then] {
            let mut reached = Vec::new();
            for step in std::mem::take(steps) {
                let Deed::Change(request) = &step.deed else {
                    reached.push(step);
                    continue;
                };
                match step.partner.ask::<EditBody>(request.dry()).await {
                    Ok(answer) => {
                        diffs.push(answer.diff);
                        reached.push(step);
                    }
                    Err(error @ AskError::Refused(_)) => {
                        return Err(partner::failure(&error, NOTHING));
                    }
                    Err(error) if step.is_needed => return Err(partner::failure(&error, NOTHING)),
                    Err(error) => unreachable = Some(partner::reason(&error)),
                }
            }
            *steps = reached;
        }
        if !diffs.is_empty() {
            body.partner_diff = Some(diffs.concat());
            "applied".clone_into(&mut body.partner);
        }
        if let Some(why) = unreachable {
            body.partner = format!("unreachable: {why}");
        }
        Ok(())
    }

    async fn perform(&self, app: &App, plan: &Plan, body: &mut EditBody) -> Result<(), Failure> {
        for (position, step) in self.first.iter().enumerate() {
            let what = if position == 0 { NOTHING } else { HALF };
            if let Err(error) = step.take(app).await? {
                match error {
                    AskError::Refused(_) => return Err(partner::failure(&error, what)),
                    _ if step.is_needed => return Err(partner::failure(&error, what)),
                    _ => body.partner = format!("unreachable: {}", partner::reason(&error)),
                }
            }
        }
        let applied = plan.carry_out(app).await.map_err(|mut failure| {
            if !self.first.is_empty() {
                failure.why.push_str("; the partner has made its change already");
            }
            failure
        })?;
        body.applied = true;
        body.changed = applied.changed;
        body.needs_restart = applied.needs_restart;
        for step in &self.then {
            match step.take(app).await? {
                Ok(()) => {}
                Err(error @ AskError::Refused(_)) => {
                    plan.take_back(app).await?;
                    return Err(partner::failure(&error, NOTHING));
                }
                // It may have done it: what is done here stays, so that both do not give an address.
                Err(error) => body.partner = format!("unreachable: {}", partner::reason(&error)),
            }
        }
        Ok(())
    }
}

/// What is said where a partner does not do its part.
const NOTHING: &str = "nothing is changed here";

/// What is said where it has done a part of it.
const HALF: &str = "nothing is changed here, and the partner has handed over";

impl Step {
    async fn take(&self, app: &App) -> Result<Result<(), AskError>, Failure> {
        match &self.deed {
            Deed::Change(request) => {
                Ok(self.partner.ask::<EditBody>(request.clone()).await.map(|_| ()))
            }
            Deed::HandOver(name) => {
                let path = format!("/v1/relationships/{}/shutdown", escaped(name));
                let request = Request { method: "POST", path, body: None };
                if let Err(error) = self.partner.ask::<DoneBody>(request).await {
                    return Ok(Err(error));
                }
                guard::taken_over(app, name).await.map(Ok)
            }
        }
    }
}

/// What becomes of the file.
struct Plan {
    file: ConfigFile,
    before: String,
    old: Config,
    after: Edited,
    /// The file has the new text already.
    is_written: bool,
}

impl Plan {
    async fn new(setup: &Setup, here: &Here) -> Result<Self, Failure> {
        let file = setup.file()?;
        let in_force = setup.0.in_force.lock().clone();
        let (wish, is_reload) = match here {
            Here::Nothing => (None, false),
            Here::Edit(wish) => (Some(wish.clone()), false),
            Here::Reload => (None, true),
        };
        let made = tokio::task::spawn_blocking(move || {
            let text = file.read()?;
            let config = edit::read(&text, file.path())?;
            let after = match wish {
                Some(wish) => edit::edit(&text, &wish, file.path())?,
                None => Edited { text: text.clone(), config: config.clone() },
            };
            let (before, old) = if is_reload {
                // What is in force was right when it was read; files that it names may be gone.
                let old = edit::read(&in_force, file.path()).unwrap_or(config);
                (in_force, old)
            } else {
                (text, config)
            };
            Ok::<_, edit::EditError>(Self { file, before, old, after, is_written: is_reload })
        });
        Ok(made.await.map_err(|error| Failure::unavailable(error.to_string()))??)
    }

    fn changes_nothing(&self) -> bool {
        !self.is_written && self.before == self.after.text
    }

    /// Writes the file and lets the engine take it; where it does not, the file is put back.
    async fn carry_out(&self, app: &App) -> Result<Applied, Failure> {
        if self.changes_nothing() {
            return Ok(Applied::default());
        }
        if !self.is_written {
            self.write(&self.before, &self.after.text).await?;
        }
        match apply(app, &self.after.config).await {
            Ok(Ok(applied)) => {
                app.setup.0.in_force.lock().clone_from(&self.after.text);
                Ok(applied)
            }
            Ok(Err(mut refused)) => {
                if !self.is_written {
                    let back = self.write(&self.after.text, &self.before).await;
                    let file = back.map_or_else(
                        |failure| format!("has the new text still: {failure}"),
                        |()| "is as it was".to_owned(),
                    );
                    refused.why = format!("{}; the file {file}", refused.why);
                }
                Err(refused)
            }
            Err(mut unknown) => {
                unknown.why.push_str("; the file has the new text");
                Err(unknown)
            }
        }
    }

    /// Undoes what was carried out.
    async fn take_back(&self, app: &App) -> Result<(), Failure> {
        if self.changes_nothing() || self.is_written {
            return Ok(());
        }
        self.write(&self.after.text, &self.before).await?;
        app.setup.0.in_force.lock().clone_from(&self.before);
        apply(app, &self.old).await?.map(|_| ())
    }

    async fn write(&self, before: &str, after: &str) -> Result<(), Failure> {
        let (file, before, after) = (self.file.clone(), before.to_owned(), after.to_owned());
        let written = tokio::task::spawn_blocking(move || file.replace(&before, &after)).await;
        Ok(written.map_err(|error| Failure::unavailable(error.to_string()))??)
    }
}

/// The relationship or the scope of this name.
fn picture(config: &Config, target: &str, done: Option<&EditBody>) -> Value {
    let scopes = Scope::all(config);
    let named = config.relationships.iter().find(|one| one.name == target);
    let relationship = named.map(|one| json!(ConfiguredBody::new(one, config, None)));
    let is_meant = |scope: &&Scope| scope.network == target || scope.is_of(target);
    let scopes: Vec<_> = scopes.iter().filter(is_meant).collect();
    let mut picture = json!({ "relationship": relationship, "scopes": scopes });
    if let (Some(done), Some(members)) = (done, picture.as_object_mut()) {
        members.insert("diff".to_owned(), bounded(json!(done.diff)));
        members.insert("partner".to_owned(), json!(done.partner));
    }
    bounded(picture)
}

/// Lets the engine take a configuration; the outer error is that it did not answer.
async fn apply(app: &App, config: &Config) -> Result<Result<Applied, Failure>, Failure> {
    let config = Box::new(config.clone());
    let answer = ask(&app.commands, |answer| AdminCommand::Apply { config, answer }).await?;
    Ok(answer.map_err(|error| Failure::of_command(&error, "configuration")))
}

/// What is too long for one line of the audit log says how long it is.
fn bounded(part: Value) -> Value {
    let length = part.to_string().len();
    if length <= MAX_PART { part } else { json!({ "octets": length }) }
}
