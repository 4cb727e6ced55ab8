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
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use futures_core::Stream;
use serde::Deserialize;
use tokio::sync::mpsc;

use crate::server::command::{AdminCommand, CommandSender, LeasePage, LeaseQuery, LeaseReport};
use crate::wire::codes::BindingStatus;

use super::ask;
use super::client::escaped;
use super::json::LeaseBody;
use super::problem::Failure;

/// Pages that wait for a slow reader.
const PAGES_AHEAD: usize = 2;

/// Leases of one page of the API at most.
const MAX_LIMIT: usize = 1000;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Filters {
    address: Option<String>,
    status: Option<String>,
    relationship: Option<String>,
    search: Option<String>,
    #[serde(default)]
    details: bool,
    limit: Option<usize>,
    after: Option<String>,
}

/// What a list is made of.
#[derive(Clone, Debug)]
struct Wanted {
    query: LeaseQuery,
    /// In lower case; part of the address, the hardware address or the client identifier.
    search: Option<String>,
    details: bool,
}

impl Filters {
    fn wanted(&self) -> Result<Wanted, Failure> {
        let address = |text: &Option<String>| -> Result<Option<Ipv4Addr>, Failure> {
            let parsed = text.as_ref().map(|text| {
                let parsed = text.parse::<Ipv4Addr>();
                parsed.map_err(|_| Failure::wrong(format!("\"{text}\" is no IPv4 address")))
            });
            parsed.transpose()
        };
        let status = self.status.as_ref().map(|text| {
            let parsed = text.parse::<BindingStatus>();
            parsed.map_err(|error| Failure::wrong(format!("\"{text}\": {error}")))
        });
        let only = address(&self.address)?.map(LeaseQuery::of_address).unwrap_or_default();
        let query = LeaseQuery {
            after: address(&self.after)?.max(only.after),
            address: only.address,
            status: status.transpose()?,
            relationship: self.relationship.clone(),
        };
        let search = self.search.as_deref().map(str::trim).filter(|text| !text.is_empty());
        Ok(Wanted { query, search: search.map(str::to_lowercase), details: self.details })
    }

    /// The address of the page after `last`.
    fn next_page(&self, limit: usize, last: Ipv4Addr) -> String {
        let mut link = format!("/v1/leases?limit={limit}&after={last}");
        let texts = [
            ("status", &self.status),
            ("relationship", &self.relationship),
            ("search", &self.search),
        ];
        for (name, text) in texts {
            if let Some(text) = text {
                link = format!("{link}&{name}={}", escaped(text));
            }
        }
        if self.details { link + "&details=true" } else { link }
    }
}

impl Wanted {
    fn line(&self, lease: &LeaseReport) -> Option<LeaseBody> {
        let body =
            if self.details { LeaseBody::with_details(lease) } else { LeaseBody::from(lease) };
        let Some(search) = &self.search else { return Some(body) };
        let texts =
            [Some(body.address.to_string()), body.hw_address.clone(), body.client_id.clone()];
        texts.iter().flatten().any(|text| text.contains(search)).then_some(body)
    }

    fn lines(&self, page: &LeasePage) -> Bytes {
        let mut text = Vec::with_capacity(page.leases.len() * 384);
        for body in page.leases.iter().filter_map(|lease| self.line(lease)) {
            write_line(&mut text, &body);
        }
        Bytes::from(text)
    }

    async fn fetch(&self, commands: &CommandSender) -> Result<LeasePage, Failure> {
        let query = self.query.clone();
        let mut page = ask(commands, |answer| AdminCommand::Leases { query, answer }).await?;
        // An address is on the first page or nowhere.
        page.next = page.next.filter(|_| self.query.address.is_none());
        Ok(page)
    }
}

fn write_line(text: &mut Vec<u8>, body: &LeaseBody) {
    // Writing these plain values into memory cannot fail.
    if serde_json::to_writer(&mut *text, body).is_ok() {
        text.push(b'\n');
    }
}

pub(super) async fn list(
    State(commands): State<CommandSender>,
    filters: Result<Query<Filters>, QueryRejection>,
) -> Result<Response, Failure> {
    let Query(filters) = filters.map_err(|error| Failure::wrong(error.body_text()))?;
    let wanted = filters.wanted()?;
    match filters.limit {
        Some(limit) => one_page(&commands, &filters, wanted, limit.clamp(1, MAX_LIMIT)).await,
        None => everything(commands, wanted).await,
    }
}

/// At most `limit` leases, and where the others are.
async fn one_page(
    commands: &CommandSender,
    filters: &Filters,
    mut wanted: Wanted,
    limit: usize,
) -> Result<Response, Failure> {
    let mut found: Vec<LeaseBody> = Vec::new();
    // One more than is given out shows whether there is a next page.
    while found.len() <= limit {
        let page = wanted.fetch(commands).await?;
        found.extend(page.leases.iter().filter_map(|lease| wanted.line(lease)).take(limit + 1));
        let Some(next) = page.next else { break };
        wanted.query.after = Some(next);
    }
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"));
    if found.len() > limit {
        found.truncate(limit);
        if let Some(last) = found.last() {
            let link = format!("<{}>; rel=\"next\"", filters.next_page(limit, last.address));
            headers.extend(HeaderValue::try_from(link).ok().map(|link| (header::LINK, link)));
        }
    }
    let mut text = Vec::with_capacity(found.len() * 384);
    for body in &found {
        write_line(&mut text, body);
    }
    Ok((headers, text).into_response())
}

async fn everything(commands: CommandSender, mut wanted: Wanted) -> Result<Response, Failure> {
    // The first page is waited for, so that a server that does not answer is an error and no
    // empty list.
    let mut page = wanted.fetch(&commands).await?;
    let (sender, receiver) = mpsc::channel(PAGES_AHEAD);
    tokio::spawn(async move {
        loop {
            if sender.send(Ok(wanted.lines(&page))).await.is_err() {
                return;
            }
            let Some(next) = page.next else { return };
            wanted.query.after = Some(next);
            page = match wanted.fetch(&commands).await {
                Ok(page) => page,
                Err(failure) => {
                    // A cut stream tells the reader that the list is not whole.
                    let _ = sender.send(Err(io::Error::other(failure.why))).await;
                    return;
                }
            };
        }
    });
    let headers = [(header::CONTENT_TYPE, "application/x-ndjson")];
    Ok((headers, Body::from_stream(Pages(receiver))).into_response())
}

struct Pages(mpsc::Receiver<io::Result<Bytes>>);

impl Stream for Pages {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_recv(context)
    }
}
