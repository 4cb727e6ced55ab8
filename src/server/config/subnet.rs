//! `[[subnet]]`, its pools and its reservations.

use std::net::Ipv4Addr;

use crate::binding::AddressRange;
use crate::dhcp::{Ipv4Network, OptionSet, Reservation, ReservedFor};

use super::options::{self, Options};
use super::problem::{Problems, Span};
use super::section::{Located, Section};
use super::value;

pub(super) const KEYS: &[&str] = &[
    "network",
    "default-lease-time",
    "min-lease-time",
    "max-lease-time",
    "options",
    "pool",
    "reservation",
];
pub(super) const POOL_KEYS: &[&str] = &["range", "relationship", "disabled", "dynamic-bootp"];
pub(super) const RESERVATION_KEYS: &[&str] = &["hw-address", "client-id", "address"];

/// Shortest lease that can be configured, in seconds.
const MIN_LEASE: u32 = 1;

/// Lengths of leases in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaseTimes {
    /// For a client that asks for none.
    pub default: u32,
    /// The shortest given.
    pub min: u32,
    /// The longest given.
    pub max: u32,
}

/// Lease times as far as a section states them.
#[derive(Clone, Debug, Default)]
pub(super) struct StatedTimes {
    default: Option<Located<u32>>,
    min: Option<Located<u32>>,
    max: Option<Located<u32>>,
}

impl StatedTimes {
    pub(super) fn read(section: &Section<'_>, problems: &mut Problems<'_>) -> Self {
        let mut time =
            |key| section.optional(key, problems, |value| value::seconds(value, MIN_LEASE));
        Self {
            default: time("default-lease-time"),
            min: time("min-lease-time"),
            max: time("max-lease-time"),
        }
    }

    /// What holds where `outer` states the rest; notes times that contradict each other.
    pub(super) fn complete(&self, outer: &Self, problems: &mut Problems<'_>) -> LeaseTimes {
        let default = self.default.as_ref().or(outer.default.as_ref());
        let min = self.min.as_ref().or(outer.min.as_ref());
        let max = self.max.as_ref().or(outer.max.as_ref());
        let default_seconds = default.map_or(600, |stated| stated.value);
        let max_seconds = max.map_or(default_seconds.max(7200), |stated| stated.value);
        let least = default_seconds.min(max_seconds).min(60);
        let min_seconds = min.map_or(least, |stated| stated.value);
        // What contradicts itself in the outer section alone has been noted there.
        if self.default.is_some() || self.min.is_some() || self.max.is_some() {
            note_order(default, max, problems);
            note_order(min, default, problems);
            note_order(min, max, problems);
        }
        LeaseTimes { default: default_seconds, min: min_seconds, max: max_seconds }
    }
}

/// Notes two lease times of which the one that should be shorter is not.
fn note_order(
    shorter: Option<&Located<u32>>,
    longer: Option<&Located<u32>>,
    problems: &mut Problems<'_>,
) {
    let (Some(shorter), Some(longer)) = (shorter, longer) else { return };
    if shorter.value <= longer.value {
        return;
    }
    let name = |key: &str| key.rsplit('.').next().unwrap_or(key).to_owned();
    let line = problems.line_of(&longer.span);
    problems.add(
        &shorter.span,
        &*shorter.key,
        format!(
            "{} {} is above {} {}, in line {line}",
            name(&shorter.key),
            shorter.value,
            name(&longer.key),
            longer.value
        ),
        format!("write at most {}, or raise {}", longer.value, name(&longer.key)),
    );
}

/// A network and what its clients are given.
#[derive(Clone, Debug)]
pub struct Subnet {
    /// Its addresses.
    pub network: Ipv4Network,
    /// Lengths of its leases.
    pub lease_times: LeaseTimes,
    /// What its clients are told, the options of `[dhcp]` included.
    pub options: OptionSet,
    /// Its pools in the order of the file.
    pub pools: Vec<Pool>,
    /// Its reservations in the order of the file.
    pub reservations: Vec<Reservation>,
}

impl Subnet {
    /// Its pools without those that are disabled.
    pub fn served_pools(&self) -> impl Iterator<Item = &Pool> {
        self.pools.iter().filter(|pool| !pool.disabled)
    }
}

/// Addresses for any client.
#[derive(Clone, Debug)]
pub struct Pool {
    /// The addresses.
    pub range: AddressRange,
    /// Name of the relationship that shares them; `None` if this server has them alone.
    pub relationship: Option<String>,
    /// Whether it only stands in the file and serves nobody.
    pub disabled: bool,
    /// Whether BOOTP clients get its addresses, for ever.
    pub dynamic_bootp: bool,
}

/// Where the parts of a subnet stand in the file, in the same order.
#[derive(Clone, Debug)]
pub(super) struct Places {
    pub(super) network: Span,
    pub(super) pools: Vec<PoolPlace>,
    pub(super) reservations: Vec<Located<Ipv4Addr>>,
}

/// Where a pool stands in the file.
#[derive(Clone, Debug)]
pub(super) struct PoolPlace {
    pub(super) range: Span,
    pub(super) relationship: Option<Span>,
}

/// Reads one `[[subnet]]`; `None` without a network, as nothing in it can be checked then.
pub(super) fn read(
    section: &Section<'_>,
    outer_times: &StatedTimes,
    outer_options: &Options,
    problems: &mut Problems<'_>,
) -> Option<(Subnet, Places)> {
    let network = section.required("network", "\"10.78.0.0/24\"", problems, value::network);
    let lease_times = StatedTimes::read(section, problems).complete(outer_times, problems);
    let own_options = section.open_section("options", problems);
    let own_options = own_options.map(|table| options::read(&table, problems)).unwrap_or_default();
    let options = options::merge(own_options, outer_options);
    let (pools, pool_places) = section
        .sections("pool", POOL_KEYS, problems)
        .iter()
        .filter_map(|pool| read_pool(pool, problems))
        .unzip();
    let (reservations, reservation_places) = section
        .sections("reservation", RESERVATION_KEYS, problems)
        .iter()
        .filter_map(|reservation| read_reservation(reservation, problems))
        .unzip();
    let network = network?;
    let places =
        Places { network: network.span, pools: pool_places, reservations: reservation_places };
    let subnet = Subnet { network: network.value, lease_times, options, pools, reservations };
    Some((subnet, places))
}

fn read_pool(section: &Section<'_>, problems: &mut Problems<'_>) -> Option<(Pool, PoolPlace)> {
    let example = "\"10.78.0.20-10.78.0.119\"";
    let range = section.required("range", example, problems, value::range);
    let relationship = section.optional("relationship", problems, value::text);
    let disabled = section.optional("disabled", problems, value::boolean);
    let bootp = section.optional("dynamic-bootp", problems, value::boolean);
    let range = range?;
    let place = PoolPlace {
        range: range.span,
        relationship: relationship.as_ref().map(|located| located.span.clone()),
    };
    let pool = Pool {
        range: range.value,
        relationship: relationship.map(|name| name.value),
        disabled: disabled.is_some_and(|located| located.value),
        dynamic_bootp: bootp.is_some_and(|located| located.value),
    };
    Some((pool, place))
}

fn read_reservation(
    section: &Section<'_>,
    problems: &mut Problems<'_>,
) -> Option<(Reservation, Located<Ipv4Addr>)> {
    let address = section.required("address", "\"10.78.0.30\"", problems, value::address);
    let hardware = section.optional("hw-address", problems, value::hardware);
    let client_id = section.optional("client-id", problems, value::client_identifier);
    match (section.span_of_key("hw-address"), section.span_of_key("client-id")) {
        (None, None) => section.missing("hw-address", "\"00:0c:01:02:03:04\"", problems),
        (Some(_), Some(span)) => problems.add(
            &span,
            section.path_of("client-id"),
            "a reservation is for a client identifier or a hardware address, not both",
            "remove one of the two",
        ),
        (Some(_), None) | (None, Some(_)) => {}
    }
    let client = client_id
        .map(|located| ReservedFor::Identifier(located.value))
        .or_else(|| hardware.map(|located| ReservedFor::Hardware(located.value)))?;
    let address = address?;
    Some((Reservation { client, address: address.value }, address))
}
