//! `[virtual-address]`: an address that moves to the serving peer.

use std::net::Ipv4Addr;

use super::checks::{Relationships, Subnets};
use super::problem::{Problems, Span};
use super::section::{Section, suggestion};
use super::{interface_name, value};

pub(super) const KEYS: &[&str] = &["address", "interface", "relationship"];

/// An address that the serving peer of a relationship holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VirtualAddress {
    /// The address.
    pub address: Ipv4Addr,
    /// Bits of its network.
    pub prefix_length: u8,
    /// Name of the interface on which it is held.
    pub interface: String,
    /// relationship-name.
    pub relationship: String,
}

/// Where its parts stand.
#[derive(Debug)]
pub(super) struct Place {
    address: Span,
    relationship: Span,
}

pub(super) fn read(
    root: &Section<'_>,
    problems: &mut Problems<'_>,
) -> Option<(VirtualAddress, Place)> {
    let section = root.section("virtual-address", KEYS, problems)?;
    let example = "\"10.78.0.10/24\"";
    let address = section.required("address", example, problems, value::address_with_prefix);
    let interface = section.required("interface", "\"eth0\"", problems, interface_name);
    let relationship = section.required("relationship", "\"office-lan\"", problems, value::text);
    let (address, interface, relationship) = (address?, interface?, relationship?);
    let place = Place { address: address.span, relationship: relationship.span };
    let (address, prefix_length) = address.value;
    let (interface, relationship) = (interface.value, relationship.value);
    Some((VirtualAddress { address, prefix_length, interface, relationship }, place))
}

/// Notes what does not fit the rest of the file. `relationships` is `None` if not all of them could be read.
pub(super) fn check(
    (wanted, place): &(VirtualAddress, Place),
    relationships: Option<&Relationships>,
    subnets: &Subnets,
    problems: &mut Problems<'_>,
) {
    let address = wanted.address;
    let relationships = relationships.unwrap_or_default();
    let known: Vec<&str> =
        relationships.iter().map(|(relationship, _)| relationship.name.as_str()).collect();
    if !known.is_empty() && !known.contains(&wanted.relationship.as_str()) {
        let problem = format!("there is no relationship \"{}\"", wanted.relationship);
        let fix = suggestion(&wanted.relationship, &known);
        problems.add(&place.relationship, "virtual-address.relationship", problem, fix);
    }
    let key = "virtual-address.address";
    let mut fixed = relationships.iter().flat_map(|(relationship, _)| {
        [*relationship.address.ip(), *relationship.peer_address.ip()]
    });
    if fixed.any(|fixed| fixed == address) {
        let problem = format!("{address} is the address of one of the servers");
        problems.add(&place.address, key, problem, "write an address that neither server has");
    }
    let mut pools = subnets.iter().flat_map(|(subnet, _)| &subnet.pools);
    if pools.any(|pool| pool.range.contains(address)) {
        let problem = format!("{address} is in a pool, so that a client might get it");
        problems.add(&place.address, key, problem, "write one outside of all pools");
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::server::config::Config;

    use super::*;

    const REST: &str = r#"
data-dir = "/tmp/none"
[[relationship]]
name = "office-lan"
role = "primary"
address = "10.78.0.1"
peer-address = "10.78.0.2"
[[subnet]]
network = "10.78.0.0/24"
[[subnet.pool]]
range = "10.78.0.20-10.78.0.119"
relationship = "office-lan"
"#;

    fn read(address: &str, relationship: &str) -> Result<Option<VirtualAddress>, Vec<String>> {
        let text = format!(
            "{REST}[virtual-address]\naddress = \"{address}\"\ninterface = \"eth0\"\n\
             relationship = \"{relationship}\"\n"
        );
        let parsed = Config::parse(&text, Path::new("t.toml"));
        parsed
            .map(|config| config.virtual_address)
            .map_err(|error| error.problems().iter().map(|found| found.problem.clone()).collect())
    }

    #[test]
    fn an_address_that_fits_is_read_with_its_prefix() {
        let found = read("10.78.0.10/24", "office-lan").unwrap().unwrap();
        assert_eq!((found.address, found.prefix_length), (Ipv4Addr::new(10, 78, 0, 10), 24));
    }

    #[test]
    fn an_address_that_somebody_has_or_may_get_is_refused() {
        let expected = "10.78.0.2 is the address of one of the servers";
        assert_eq!(read("10.78.0.2/24", "office-lan").unwrap_err(), [expected]);
        let expected = "10.78.0.30 is in a pool, so that a client might get it";
        assert_eq!(read("10.78.0.30/24", "office-lan").unwrap_err(), [expected]);
    }

    #[test]
    fn the_relationship_is_one_that_there_is() {
        let expected = "there is no relationship \"office\"";
        assert_eq!(read("10.78.0.10/24", "office").unwrap_err(), [expected]);
    }

    #[test]
    fn an_address_without_the_length_of_its_network_is_refused() {
        let expected = "\"10.78.0.10\" is no address with the length of its network";
        assert_eq!(read("10.78.0.10", "office-lan").unwrap_err(), [expected]);
    }
}
