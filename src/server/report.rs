//! Answers to questions of operators and of Prometheus: nothing changes here.

use std::iter::Peekable;
use std::net::Ipv4Addr;
use std::sync::Arc;

use crate::dhcp::DhcpService;
use crate::driver::LinkCounters;
use crate::driver::committer::Statistics;
use crate::endpoint::FailoverEndpoint;
use crate::time::Now;

use super::command::{
    AdminCommand, LeasePage, LeaseQuery, LeaseReport, MAX_PAGE, ServerStatus, Storage,
};
use super::feed::Feed;
use super::metrics::Samples;
use super::owners::{Owner, OwnerSet};
use super::reasons::Reasons;
use super::why;

/// What has been counted outside the endpoints.
#[derive(Debug)]
pub(super) struct Counted<'a> {
    pub(super) service: &'a DhcpService,
    pub(super) reasons: &'a Reasons,
    pub(super) feed: &'a Feed,
    pub(super) store: Statistics,
    pub(super) links: LinkCounters,
    pub(super) socket_failures: u64,
}

/// Answers a question; a command that changes something is given back.
pub(super) fn answer(
    command: AdminCommand,
    owners: &mut OwnerSet,
    counted: &Counted<'_>,
    now: Now,
) -> Option<AdminCommand> {
    match command {
        AdminCommand::Status { answer } => {
            let _gone = answer.send(status(owners, counted));
            None
        }
        AdminCommand::Leases { query, answer } => {
            let _gone = answer.send(leases(owners, &query));
            None
        }
        AdminCommand::Why { about, answer } => {
            let _gone = answer.send(why::reports(owners, counted.service, &about, now));
            None
        }
        AdminCommand::Metrics { answer } => {
            let _gone = answer.send(metrics(counted));
            None
        }
        AdminCommand::Watch { after, answer } => {
            let _gone = answer.send(counted.feed.watch(after));
            None
        }
        change @ (AdminCommand::PartnerDown { .. }
        | AdminCommand::Operate { .. }
        | AdminCommand::Reset { .. }
        | AdminCommand::Apply { .. }
        | AdminCommand::Stop { .. }) => Some(change),
    }
}

fn status(owners: &OwnerSet, counted: &Counted<'_>) -> ServerStatus {
    let endpoints = owners.iter().filter_map(Owner::endpoint);
    ServerStatus {
        storage: if counted.store.is_stalled { Storage::NoRoom } else { Storage::Ok },
        relationships: endpoints.map(FailoverEndpoint::status).collect(),
    }
}

/// Walks the tables of all owners together, in ascending order of address.
fn leases(owners: &OwnerSet, query: &LeaseQuery) -> LeasePage {
    struct Walk<'a, I: Iterator<Item = Ipv4Addr>> {
        addresses: Peekable<I>,
        owner: &'a Owner,
        name: Option<Arc<str>>,
    }
    let mut walks: Vec<_> = owners
        .iter()
        .map(|owner| Walk {
            addresses: owner.authority().table().addresses_after(query.after).peekable(),
            owner,
            name: owner.endpoint().map(|endpoint| Arc::from(endpoint.config().name.as_str())),
        })
        .filter(|walk| {
            query.relationship.is_none() || walk.name.as_deref() == query.relationship.as_deref()
        })
        .collect();
    let mut page = LeasePage::default();
    for _ in 0..MAX_PAGE {
        let next = walks
            .iter_mut()
            .filter_map(|walk| Some((*walk.addresses.peek()?, walk)))
            .min_by_key(|(address, _)| *address);
        let Some((address, walk)) = next else {
            page.next = None;
            return page;
        };
        walk.addresses.next();
        page.next = Some(address);
        let Some(binding) = walk.owner.authority().table().get(address) else { continue };
        let wanted = binding.was_ever_used()
            && query.address.is_none_or(|only| only == address)
            && query.status.is_none_or(|only| only == binding.binding_status);
        if wanted {
            page.leases.push(LeaseReport { binding, relationship: walk.name.clone() });
        }
    }
    page
}

fn metrics(counted: &Counted<'_>) -> Samples {
    let mut samples = Samples::new();
    let Counted { service, reasons, store, links, socket_failures, .. } = counted;
    reasons.add_to(&mut samples);
    let counters = service.counters();
    for (name, help, count) in [
        ("twinlease_commits_total", "Changes made durable.", store.commits),
        ("twinlease_commit_batches_total", "Syncs that it took.", store.batches),
        (
            "twinlease_commit_batches_put_off_total",
            "Times that the store had no room for a batch.",
            store.put_off,
        ),
        ("twinlease_link_octets_received_total", "Octets from partners.", links.octets_received),
        ("twinlease_link_octets_sent_total", "Octets to partners.", links.octets_sent),
        (
            "twinlease_dhcp_socket_failures_total",
            "Datagrams of clients that could not be received or sent.",
            *socket_failures,
        ),
    ] {
        samples.counter(name, help, &[], count);
    }
    let help = "1 while the store has room; 0 while nothing can be promised.";
    samples.gauge("twinlease_storage_ok", help, &[], f64::from(u8::from(!store.is_stalled)));
    for (reason, count) in [
        ("unknown-address", links.unknown_address),
        ("too-many", links.too_many),
        ("unattributed", links.unattributed),
        ("overrun", links.overrun),
    ] {
        let help = "Partner connections that the driver closed.";
        samples.counter("twinlease_link_refused_total", help, &[("reason", reason)], count);
    }
    for (kind, count) in counters.received() {
        let help = "Client messages received.";
        samples.counter("twinlease_dhcp_received_total", help, &[("type", kind)], count);
    }
    for (kind, count) in counters.sent() {
        let help = "Answers to clients.";
        samples.counter("twinlease_dhcp_sent_total", help, &[("type", kind)], count);
    }
    for (reason, count) in counters.dropped() {
        let help = "Client messages dropped.";
        let labels = [("reason", reason.name()), ("rule", reason.rule())];
        samples.counter("twinlease_dhcp_dropped_total", help, &labels, count);
    }
    let help = "Requests for which no address was left.";
    samples.counter("twinlease_dhcp_pool_exhausted_total", help, &[], counters.pool_exhausted);
    samples
}
