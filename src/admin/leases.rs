//! `GET /v1/leases`: pages out of the engine, streamed as they come.
//!
//! The listing is no snapshot: what changes while it runs is shown as it was when its page was made.

use std::io;
use std::net::Ipv4Addr;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures_core::Stream;
use serde::Deserialize;
use tokio::sync::mpsc;

use crate::server::command::{AdminCommand, CommandSender, LeasePage, LeaseQuery};
use crate::wire::codes::BindingStatus;

use super::json::LeaseBody;
use super::{Failure, ask, wrong};

/// Pages that wait for a slow reader.
const PAGES_AHEAD: usize = 2;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Filters {
    address: Option<String>,
    status: Option<String>,
    relationship: Option<String>,
    #[serde(default)]
    details: bool,
}

impl Filters {
    fn into_query(self) -> Result<LeaseQuery, String> {
        let address = self.address.map(|text| {
            text.parse::<Ipv4Addr>().map_err(|_| format!("\"{text}\" is no IPv4 address"))
        });
        let status = self.status.map(|text| {
            text.parse::<BindingStatus>().map_err(|error| format!("\"{text}\": {error}"))
        });
        Ok(LeaseQuery {
            after: None,
            address: address.transpose()?,
            status: status.transpose()?,
            relationship: self.relationship,
        })
    }
}

pub(super) async fn list(
    State(commands): State<CommandSender>,
    filters: Result<Query<Filters>, QueryRejection>,
) -> Result<Response, Failure> {
    let Query(filters) = filters.map_err(|error| wrong(&error.body_text()))?;
    let details = filters.details;
    let mut query = filters.into_query().map_err(|why| wrong(&why))?;
    // The first page is waited for, so that a server that does not answer is an error and no
    // empty list.
    let mut page = fetch(&commands, &query).await?;
    let (sender, receiver) = mpsc::channel(PAGES_AHEAD);
    tokio::spawn(async move {
        loop {
            if sender.send(Ok(lines(&page, details))).await.is_err() {
                return;
            }
            let Some(next) = page.next else { return };
            query.after = Some(next);
            page = match fetch(&commands, &query).await {
                Ok(page) => page,
                Err(failure) => {
                    // A cut stream tells the reader that the list is not whole.
                    let _ = sender.send(Err(io::Error::other(failure.1))).await;
                    return;
                }
            };
        }
    });
    let headers = [(header::CONTENT_TYPE, "application/x-ndjson")];
    Ok((headers, Body::from_stream(Pages(receiver))).into_response())
}

async fn fetch(commands: &CommandSender, query: &LeaseQuery) -> Result<LeasePage, Failure> {
    let query = query.clone();
    ask(commands, |answer| AdminCommand::Leases { query, answer }).await
}

fn lines(page: &LeasePage, details: bool) -> Bytes {
    let mut text = Vec::with_capacity(page.leases.len() * 384);
    for lease in &page.leases {
        let body = if details { LeaseBody::with_details(lease) } else { LeaseBody::from(lease) };
        // Writing these plain values into memory cannot fail.
        if serde_json::to_writer(&mut text, &body).is_ok() {
            text.push(b'\n');
        }
    }
    Bytes::from(text)
}

struct Pages(mpsc::Receiver<io::Result<Bytes>>);

impl Stream for Pages {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_recv(context)
    }
}
