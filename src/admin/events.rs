//! `GET /v1/events`: server-sent events. First what has happened lately, then what happens, and once a
//! second how everything stands.
//!
//! A watcher that is too slow misses events and is told how many; the status it gets is always the
//! latest. What waits for it is bounded.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use futures_core::Stream;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, broadcast, mpsc};

use crate::endpoint::Event;
use crate::server::command::AdminCommand;
use crate::server::feed::{Told, Watch};
use crate::wire::codes::FailoverState;

use super::problem::Failure;
use super::watch::Picture;
use super::{App, ask};

/// Watchers at one time, so that commands always find a connection.
pub const MAX_WATCHERS: usize = 16;

/// Pieces that wait for a slow watcher.
const PIECES_AHEAD: usize = 4;

/// The header in which a watcher says what it has seen.
const LAST_EVENT_ID: &str = "last-event-id";

/// Room for watchers.
#[derive(Clone)]
pub(super) struct Watchers(Arc<Semaphore>);

impl Watchers {
    pub(super) fn new() -> Self {
        Self(Arc::new(Semaphore::new(MAX_WATCHERS)))
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct After {
    after: Option<u64>,
}

pub(super) async fn stream(
    State(app): State<App>,
    headers: HeaderMap,
    query: Result<Query<After>, QueryRejection>,
) -> Result<Response, Failure> {
    let Query(query) = query.map_err(|error| Failure::wrong(error.body_text()))?;
    let Ok(permit) = Arc::clone(&app.watchers.0).try_acquire_owned() else {
        let why = format!("{MAX_WATCHERS} others are watching already; try again later");
        return Err(Failure::unavailable(why));
    };
    let last = headers.get(LAST_EVENT_ID).and_then(|id| id.to_str().ok()?.parse().ok());
    let after = last.or(query.after).unwrap_or(0);
    let watch = ask(&app.commands, |answer| AdminCommand::Watch { after, answer }).await?;
    let (sender, receiver) = mpsc::channel(PIECES_AHEAD);
    tokio::spawn(tell(watch, app.watch.pictures(), sender, permit));
    let headers =
        [(header::CONTENT_TYPE, "text/event-stream"), (header::CACHE_CONTROL, "no-store")];
    Ok((headers, Body::from_stream(Pieces(receiver))).into_response())
}

/// Tells one watcher everything until it goes away or the server stops.
async fn tell(
    watch: Watch,
    mut pictures: tokio::sync::watch::Receiver<Picture>,
    sender: mpsc::Sender<io::Result<Bytes>>,
    _permit: OwnedSemaphorePermit,
) {
    let Watch { past, mut coming } = watch;
    let past: String = past.iter().map(told).collect();
    // The beginning is sent even if nothing has happened, so that the watcher knows that it is heard.
    let mut piece = format!(": twinlease {}\n\n{past}", env!("CARGO_PKG_VERSION"));
    pictures.mark_changed();
    loop {
        if sender.send(Ok(Bytes::from(piece))).await.is_err() {
            return;
        }
        piece = tokio::select! {
            event = coming.recv() => match event {
                Ok(event) => told(&event),
                Err(broadcast::error::RecvError::Lagged(missed)) => {
                    format!("event: missed\ndata: {}\n\n", json!({ "events": missed }))
                }
                Err(broadcast::error::RecvError::Closed) => return,
            },
            changed = pictures.changed() => match changed {
                Ok(()) => match &*pictures.borrow_and_update() {
                    Some(status) => format!("event: status\ndata: {status}\n\n"),
                    None => String::from(": no answer\n\n"),
                },
                Err(_) => return,
            },
            () = sender.closed() => return,
        };
    }
}

/// One event as it goes out. JSON has no line breaks, whatever a partner's words contain.
fn told(told: &Told) -> String {
    let (kind, members) = described(told);
    format!("id: {}\nevent: {kind}\ndata: {}\n\n", told.number, Value::Object(members))
}

/// The kind of an event, and what there is to say about it.
pub(super) fn described(told: &Told) -> (&'static str, Map<String, Value>) {
    let (kind, more) = kind_of(&told.event);
    let data = json!({
        "number": told.number,
        "at": told.at.0,
        "relationship": told.relationship,
        "text": told.event.to_string(),
        "warning": told.event.is_warning(),
    });
    let objects = [data, more].into_iter().filter_map(|value| match value {
        Value::Object(members) => Some(members),
        _ => None,
    });
    (kind, objects.flatten().collect())
}

fn kind_of(event: &Event) -> (&'static str, Value) {
    match event {
        Event::Transition { from, to, row, why } => {
            let more = json!({ "from": from.name(), "to": to.name(), "row": row, "why": why });
            ("transition", more)
        }
        Event::PartnerState { from, to, startup } => {
            let from = from.map(FailoverState::name);
            ("partner", json!({ "from": from, "to": to.name(), "startup": startup }))
        }
        Event::CommunicationsOk { .. } => ("communications", json!({ "communications": "ok" })),
        Event::CommunicationsInterrupted(_) => {
            ("communications", json!({ "communications": "interrupted" }))
        }
        Event::Maintenance { until } => {
            ("maintenance", json!({ "until": until.map(|until| until.0) }))
        }
        _ => ("notice", Value::Null),
    }
}

struct Pieces(mpsc::Receiver<io::Result<Bytes>>);

impl Stream for Pieces {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_recv(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint::LinkEnd;
    use crate::time::UnixTime;
    use crate::wire::codes::RejectReason;

    #[test]
    fn a_partners_words_cannot_forge_an_event() {
        let words = "bye\n\nevent: status\ndata: {}".to_owned();
        let end = LinkEnd::Disconnected(RejectReason::UNKNOWN, words);
        let event = Event::CommunicationsInterrupted(end);
        let (at, relationship) = (UnixTime(1_700_000_000), "a\nb".to_owned());
        let text = told(&Told { number: 7, at, relationship, event });
        assert_eq!(text.lines().count(), 4, "{text}");
        assert!(text.starts_with("id: 7\nevent: communications\ndata: {"));
    }
}
