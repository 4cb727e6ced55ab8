//! Answers to questions of operators and of Prometheus: nothing changes here.

use std::iter::Peekable;
use std::net::Ipv4Addr;
use std::sync::Arc;

use crate::dhcp::Counters;
use crate::driver::committer::Statistics;
use crate::endpoint::{FailoverEndpoint, Status};

use super::command::{AdminCommand, LeasePage, LeaseQuery, LeaseReport, MAX_PAGE};
use super::metrics::Samples;
use super::owners::{Owner, OwnerSet};

/// Answers a question; a command that changes something is given back.
pub(super) fn answer(
    command: AdminCommand,
    owners: &OwnerSet,
    counters: &Counters,
    statistics: Statistics,
) -> Option<AdminCommand> {
    match command {
        AdminCommand::Status { answer } => {
            let _gone = answer.send(statuses(owners));
            None
        }
        AdminCommand::Leases { query, answer } => {
            let _gone = answer.send(leases(owners, &query));
            None
        }
        AdminCommand::Metrics { answer } => {
            let _gone = answer.send(metrics(counters, statistics));
            None
        }
        change @ (AdminCommand::PartnerDown { .. }
        | AdminCommand::Shutdown { .. }
        | AdminCommand::Stop { .. }) => Some(change),
    }
}

fn statuses(owners: &OwnerSet) -> Vec<Status> {
    owners.0.iter().filter_map(Owner::endpoint).map(FailoverEndpoint::status).collect()
}

/// Walks the tables of all owners together, in ascending order of address.
fn leases(owners: &OwnerSet, query: &LeaseQuery) -> LeasePage {
    struct Walk<'a, I: Iterator<Item = Ipv4Addr>> {
        addresses: Peekable<I>,
        owner: &'a Owner,
        name: Option<Arc<str>>,
    }
    let mut walks: Vec<_> = owners
        .0
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

fn metrics(counters: &Counters, statistics: Statistics) -> Samples {
    let mut samples = Samples::new();
    let help = "Changes made durable.";
    samples.counter("twinlease_commits_total", help, &[], statistics.commits);
    let help = "Syncs that it took.";
    samples.counter("twinlease_commit_batches_total", help, &[], statistics.batches);
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
        samples.counter("twinlease_dhcp_dropped_total", help, &[("reason", reason.name())], count);
    }
    let help = "Requests for which no address was left.";
    samples.counter("twinlease_dhcp_pool_exhausted_total", help, &[], counters.pool_exhausted);
    samples
}
