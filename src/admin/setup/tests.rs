//! Changes whose engine or whose operator does not play along.

use std::path::Path;

use axum::extract::{Extension, Path as Name, Query, State};
use serde_json::json;
use tokio::sync::oneshot;

use crate::admin::audit::Audit;
use crate::admin::guard::Caller;
use crate::admin::{App, Elsewhere, events, watch};
use crate::server::command::{
    self, AdminCommand, Applied, CommandError, CommandReceiver, ServerStatus, Storage,
};
use crate::server::config::Role;

use super::bodies::DryRun;
use super::*;

const FILE: &str = "data-dir = \"/tmp/none\"\n\n[[relationship]]\nname = \"a\" # north\n\
                    role = \"primary\"\naddress = \"10.0.0.1\"\npeer-address = \"10.0.0.2\"\n";

/// A server without an engine, and the engine's end.
fn app(directory: &Path) -> (App, CommandReceiver) {
    let file = directory.join("t.toml");
    std::fs::write(&file, FILE).unwrap();
    let (commands, inbox) = command::channel();
    let (watch, _) = watch::new(commands.clone(), None);
    let setup = Setup::new(Some(ConfigFile::new(file)));
    let audit = Audit::open(directory).unwrap();
    let (watchers, elsewhere) = (events::Watchers::new(), Elsewhere::default());
    (App { commands, audit, watch, watchers, setup, elsewhere }, inbox)
}

/// Answers like an engine; `apply` says what becomes of a configuration.
async fn play(
    mut inbox: CommandReceiver,
    mut apply: impl FnMut() -> Result<Applied, CommandError>,
) {
    while let Some(command) = inbox.recv().await {
        match command {
            AdminCommand::Apply { answer, .. } => drop(answer.send(apply())),
            AdminCommand::Status { answer } => {
                let relationships = Vec::new();
                drop(answer.send(ServerStatus { storage: Storage::Ok, relationships }));
            }
            _ => {}
        }
    }
}

async fn modify(app: &App) -> Result<bodies::EditBody, Failure> {
    let caller = Caller { name: "ann".into(), role: Role::Admin, from: None };
    let body = json!({ "set": { "split": 64 } }).to_string();
    let dry = Ok(Query(DryRun::default()));
    let name = Ok(Name("a".to_owned()));
    let asked = requests::modify(State(app.clone()), Extension(caller), name, dry, Ok(body));
    asked.await.map(|body| body.0)
}

fn text(directory: &Path) -> String {
    std::fs::read_to_string(directory.join("t.toml")).unwrap()
}

#[tokio::test]
async fn a_file_that_the_engine_refuses_is_put_back() {
    let directory = tempfile::tempdir().unwrap();
    let (app, inbox) = app(directory.path());
    let reason = "the engine cannot".to_owned();
    tokio::spawn(play(inbox, move || Err(CommandError::Refused { reason: reason.clone() })));
    let failure = modify(&app).await.unwrap_err();
    assert_eq!(failure.status, StatusCode::CONFLICT);
    assert_eq!(failure.why, "the engine cannot; the file is as it was");
    assert_eq!(text(directory.path()), FILE);
    let entry = app.audit.latest(u64::MAX, 1).await.unwrap().remove(0);
    assert_eq!(entry.outcome, "refused");
    assert_eq!(entry.after, entry.before);
}

#[tokio::test]
async fn an_engine_that_takes_it_leaves_the_file_written() {
    let directory = tempfile::tempdir().unwrap();
    let (app, inbox) = app(directory.path());
    let applied = Applied { changed: vec!["a".into()], needs_restart: vec!["data-dir".into()] };
    tokio::spawn(play(inbox, move || Ok(applied.clone())));
    let done = modify(&app).await.unwrap();
    assert_eq!((done.applied, done.needs_restart), (true, vec!["data-dir".to_owned()]));
    assert_eq!(text(directory.path()), format!("{FILE}split = 64\n"));
}

#[tokio::test]
async fn what_somebody_writes_meanwhile_is_not_put_back_over() {
    let directory = tempfile::tempdir().unwrap();
    let (app, inbox) = app(directory.path());
    let file = directory.path().join("t.toml");
    let reason = "the engine cannot".to_owned();
    tokio::spawn(play(inbox, move || {
        std::fs::write(&file, "theirs").unwrap();
        Err(CommandError::Refused { reason: reason.clone() })
    }));
    let failure = modify(&app).await.unwrap_err();
    assert!(failure.why.contains("the file has the new text still"), "{failure}");
    assert_eq!(text(directory.path()), "theirs");
}

#[tokio::test]
async fn one_change_waits_for_another_and_not_for_ever() {
    let directory = tempfile::tempdir().unwrap();
    let (app, _inbox) = app(directory.path());
    let (ended, end) = oneshot::channel::<()>();
    let (holds, is_held) = oneshot::channel();
    let other = app.clone();
    tokio::spawn(async move {
        let _turn = other.setup.0.turn.lock().await;
        holds.send(()).unwrap();
        let _ended = end.await;
    });
    is_held.await.unwrap();
    let failure = modify(&app).await.unwrap_err();
    drop(ended);
    assert_eq!(failure.why, "another change is under way; try again");
    assert_eq!(text(directory.path()), FILE);
}

#[test]
fn what_is_asked_for_is_written_down_without_its_secrets() {
    let asked = json!({ "set": { "shared-secret": "hush", "split": 5 }, "list": [{ "token": 1 }] });
    let written = masked(&asked);
    assert_eq!(written["set"]["split"], 5);
    assert_eq!(written["set"]["shared-secret"], edit::MASK);
    assert_eq!(written["list"][0]["token"], edit::MASK);
}
