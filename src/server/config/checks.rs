//! What only several sections together can have wrong.

use std::collections::HashMap;
use std::net::Ipv4Addr;

use crate::binding::{AddressRange, HardwareAddress};
use crate::dhcp::ReservedFor;

use super::problem::{Problems, Span};
use super::relationship::{self, Place, Relationship};
use super::section::{Located, suggestion};
use super::subnet::{Places, Subnet};

/// Relationships as read, each with its place.
pub(super) type Relationships = [(Relationship, Place)];

/// Subnets as read, each with its places.
pub(super) type Subnets = [(Subnet, Places)];

/// Notes names given twice and two relationships with the same pair of machines: an incoming
/// connection is told apart by the partner's address alone.
pub(super) fn relationships(all: &Relationships, problems: &mut Problems<'_>) {
    for (position, (later, place)) in all.iter().enumerate() {
        for (earlier, earlier_place) in all.iter().take(position) {
            if later.name == earlier.name {
                let line = problems.line_of(&earlier_place.name);
                problems.add(
                    &place.name,
                    "relationship.name",
                    format!(
                        "\"{}\" is already the name of a relationship, in line {line}",
                        later.name
                    ),
                    "give each relationship its own name",
                );
            }
            if relationship::same_machines(later, earlier) {
                let line = problems.line_of(&earlier_place.peer);
                problems.add(
                    &place.peer,
                    "relationship.peer-address",
                    format!(
                        "{} and {} already share the relationship \"{}\", in line {line}",
                        later.address.ip(),
                        later.peer_address.ip(),
                        earlier.name
                    ),
                    "two machines share one relationship; give this one another address pair, \
                     or put its pools into the first",
                );
            }
        }
    }
}

/// Notes subnets that overlap, and what is wrong with their pools and reservations.
///
/// `relationships` is `None` if not all of them could be read: then names are not looked up.
pub(super) fn subnets(
    all: &Subnets,
    relationships: Option<&Relationships>,
    problems: &mut Problems<'_>,
) {
    for (position, (subnet, places)) in all.iter().enumerate() {
        for (earlier, earlier_places) in all.iter().take(position) {
            if subnet.network.overlaps(&earlier.network) {
                let line = problems.line_of(&earlier_places.network);
                problems.add(
                    &places.network,
                    "subnet.network",
                    format!("{} overlaps {} in line {line}", subnet.network, earlier.network),
                    "give each subnet addresses of its own",
                );
            }
        }
        pools(subnet, places, problems);
        if let Some(relationships) = relationships {
            relationship_names(subnet, places, relationships, problems);
        }
        reservations(subnet, places, problems);
    }
    overlapping_pools(all, problems);
}

fn pools(subnet: &Subnet, places: &Places, problems: &mut Problems<'_>) {
    let network = subnet.network;
    for (pool, place) in subnet.pools.iter().zip(&places.pools) {
        let range = pool.range;
        if !network.contains(range.first()) || !network.contains(range.last()) {
            problems.add(
                &place.range,
                "subnet.pool.range",
                format!("{range} lies outside the subnet {network}"),
                format!("use addresses from {} to {}", network.address(), network.last()),
            );
        }
    }
}

fn relationship_names(
    subnet: &Subnet,
    places: &Places,
    relationships: &Relationships,
    problems: &mut Problems<'_>,
) {
    let known: Vec<&str> =
        relationships.iter().map(|(relationship, _)| relationship.name.as_str()).collect();
    for (pool, place) in subnet.pools.iter().zip(&places.pools) {
        let (Some(name), Some(span)) = (&pool.relationship, &place.relationship) else { continue };
        if !known.contains(&name.as_str()) {
            let fix = if known.is_empty() {
                "add a [[relationship]] with this name, or remove this line".to_owned()
            } else {
                suggestion(name, &known)
            };
            let problem = format!("there is no relationship \"{name}\"");
            problems.add(span, "subnet.pool.relationship", problem, fix);
        }
    }
}

fn overlapping_pools(all: &Subnets, problems: &mut Problems<'_>) {
    let mut ranges: Vec<_> = all
        .iter()
        .flat_map(|(subnet, places)| subnet.pools.iter().zip(&places.pools))
        .map(|(pool, place)| (pool.range, &place.range))
        .collect();
    ranges.sort_by_key(|(range, place)| (range.first(), place.start));
    let mut furthest: Option<(AddressRange, &Span)> = None;
    for (range, place) in ranges {
        if let Some((earlier, earlier_place)) = furthest
            && range.first() <= earlier.last()
        {
            let (at, other, other_range) = if place.start > earlier_place.start {
                (place, earlier_place, earlier)
            } else {
                (earlier_place, place, range)
            };
            let line = problems.line_of(other);
            problems.add(
                at,
                "subnet.pool.range",
                format!("the pool overlaps {other_range} in line {line}"),
                "give each pool addresses of its own",
            );
        }
        if furthest.is_none_or(|(earlier, _)| range.last() > earlier.last()) {
            furthest = Some((range, place));
        }
    }
}

fn reservations(subnet: &Subnet, places: &Places, problems: &mut Problems<'_>) {
    let network = subnet.network;
    let mut by_address: HashMap<Ipv4Addr, &Span> = HashMap::new();
    let mut by_client: HashMap<ReservedKey<'_>, &Span> = HashMap::new();
    for (reservation, place) in subnet.reservations.iter().zip(&places.reservations) {
        let Located { value: address, span, key } = place;
        if !network.contains(*address) {
            let fix = format!("use an address from {} to {}", network.address(), network.last());
            let problem = format!("{address} lies outside the subnet {network}");
            problems.add(span, &**key, problem, fix);
        }
        if let Some(earlier) = by_address.insert(*address, span) {
            let line = problems.line_of(earlier);
            problems.add(
                span,
                &**key,
                format!("{address} is already reserved, in line {line}"),
                "reserve each address for one client",
            );
        }
        if let Some(earlier) = by_client.insert(key_of(&reservation.client), span) {
            let line = problems.line_of(earlier);
            problems.add(
                span,
                &**key,
                format!("the client already has a reserved address, in line {line}"),
                "reserve one address in a subnet for each client",
            );
        }
    }
}

/// A client of a reservation, to look it up by.
type ReservedKey<'r> = (Option<&'r [u8]>, Option<HardwareAddress>);

fn key_of(client: &ReservedFor) -> ReservedKey<'_> {
    match client {
        ReservedFor::Hardware(hardware) => (None, Some(*hardware)),
        ReservedFor::Identifier(identifier) => (Some(identifier.octets()), None),
    }
}
