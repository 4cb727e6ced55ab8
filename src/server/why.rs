//! What would be done for an address or a client: the answer of its owner, and of the DHCP service.

use std::sync::Arc;

use crate::binding::{Client, ClientIdentifier, ClientRef, HardwareAddress};
use crate::dhcp::{DhcpService, Preview};
use crate::endpoint::explain::{self, AddressExplanation, ClientExplanation, Reason};
use crate::time::Now;

use super::command::{Explanation, WhyQuestion, WhyReport};
use super::owners::{Owner, OwnerSet};

/// One answer an owner that has something to say.
pub(super) fn reports(
    owners: &mut OwnerSet,
    service: &DhcpService,
    about: &WhyQuestion,
    now: Now,
) -> Vec<WhyReport> {
    match about {
        WhyQuestion::Address(address) => {
            let explained = owners.iter().filter_map(|owner| {
                let mut explained = match owner.endpoint() {
                    Some(endpoint) => endpoint.explain_address(*address, now),
                    None => explain::address(owner.authority(), *address, now),
                }?;
                limit(&mut explained, service);
                Some(report(owner, Explanation::Address(explained)))
            });
            explained.collect()
        }
        WhyQuestion::Client(asked) => {
            let known = recognise(asked, owners);
            let client = known.as_ref().unwrap_or(asked).as_ref();
            let previews = service.preview(&client, owners, now);
            let owners = owners.iter().enumerate();
            let explained = owners.map(|(index, owner)| {
                let offers = previews.iter().filter(|preview| preview.owners.contains(&index));
                let mut explained = explain_client(owner, &client, offers.clone(), service, now);
                if known.is_none() && asked.identifier.is_none() {
                    let text = "it is not known here; if it sends a client identifier, ask for \
                                that, as everything depends on it";
                    explained
                        .reasons
                        .push(Reason { text: text.to_owned(), rule: "RFC 2131 §4.2" });
                }
                let offers = offers.cloned().collect();
                report(owner, Explanation::Client { explained, offers })
            });
            explained.collect()
        }
    }
}

fn report(owner: &Owner, explanation: Explanation) -> WhyReport {
    let relationship = owner.endpoint().map(|endpoint| Arc::from(endpoint.config().name.as_str()));
    WhyReport { relationship, explanation }
}

fn explain_client<'a>(
    owner: &Owner,
    client: &ClientRef<'_>,
    mut offers: impl Iterator<Item = &'a Preview>,
    service: &DhcpService,
    now: Now,
) -> ClientExplanation {
    let mut explained = match owner.endpoint() {
        Some(endpoint) => endpoint.explain_client(client, now),
        None => explain::client(owner.authority(), client, now),
    };
    let first = offers.find_map(|preview| preview.offer.as_ref().ok());
    explained.address = first.map(|offer| offer.address);
    explained.longest_lease = first.map_or(0, |offer| offer.longest_lease);
    for address in &mut explained.addresses {
        limit(address, service);
    }
    explained
}

/// No lease is longer than its subnet allows.
fn limit(explained: &mut AddressExplanation, service: &DhcpService) {
    if let Some(longest) = service.longest_configured_lease(explained.binding.address) {
        explained.longest_lease = explained.longest_lease.min(longest);
    }
}

/// The client as a binding remembers it, with both of its names. One that is asked for by its
/// hardware address may be known by the identifier made of it (RFC 2132 §9.14).
fn recognise(asked: &Client, owners: &OwnerSet) -> Option<Client> {
    let usual = asked.hardware.filter(|_| asked.identifier.is_none()).and_then(usual_identifier);
    let usual = Client { identifier: usual, hardware: asked.hardware };
    [asked, &usual].into_iter().find_map(|client| {
        owners.iter().find_map(|owner| {
            let table = owner.authority().table();
            let address = table.of_client(&client.as_ref()).next()?;
            table.get(address)?.client
        })
    })
}

fn usual_identifier(hardware: HardwareAddress) -> Option<ClientIdentifier> {
    ClientIdentifier::new(&[&[hardware.htype()], hardware.octets()].concat())
}
