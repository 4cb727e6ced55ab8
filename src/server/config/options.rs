//! DHCP options that clients are given, by name, as their octets.

use std::net::Ipv4Addr;

use toml_edit::Value;

use crate::dhcp::{OptionCode, OptionSet};

use super::problem::Problems;
use super::section::{Section, suggestion};
use super::value::{self, Wrong};

/// Options with their data; a code occurs at most once.
pub(super) type Options = Vec<(OptionCode, Vec<u8>)>;

/// What the value of an option is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Address,
    Addresses,
    Text,
    Boolean,
    Unsigned8,
    Unsigned16,
    Unsigned32,
    Signed32,
    Names,
    Routes,
    Octets,
}

/// Names as in RFC 2132 and its successors, and as dhcpd writes them.
const OPTIONS: &[(&str, u8, Kind)] = &[
    ("time-offset", 2, Kind::Signed32),
    ("routers", 3, Kind::Addresses),
    ("time-servers", 4, Kind::Addresses),
    ("ien116-name-servers", 5, Kind::Addresses),
    ("domain-name-servers", 6, Kind::Addresses),
    ("log-servers", 7, Kind::Addresses),
    ("lpr-servers", 9, Kind::Addresses),
    ("host-name", 12, Kind::Text),
    ("boot-size", 13, Kind::Unsigned16),
    ("domain-name", 15, Kind::Text),
    ("root-path", 17, Kind::Text),
    ("ip-forwarding", 19, Kind::Boolean),
    ("default-ip-ttl", 23, Kind::Unsigned8),
    ("interface-mtu", 26, Kind::Unsigned16),
    ("broadcast-address", 28, Kind::Address),
    ("router-discovery", 31, Kind::Boolean),
    ("arp-cache-timeout", 35, Kind::Unsigned32),
    ("nis-domain", 40, Kind::Text),
    ("nis-servers", 41, Kind::Addresses),
    ("ntp-servers", 42, Kind::Addresses),
    ("vendor-encapsulated-options", 43, Kind::Octets),
    ("netbios-name-servers", 44, Kind::Addresses),
    ("netbios-dd-server", 45, Kind::Addresses),
    ("netbios-node-type", 46, Kind::Unsigned8),
    ("netbios-scope", 47, Kind::Text),
    ("x-display-manager", 49, Kind::Addresses),
    ("tftp-server-name", 66, Kind::Text),
    ("bootfile-name", 67, Kind::Text),
    ("smtp-server", 69, Kind::Addresses),
    ("pop-server", 70, Kind::Addresses),
    ("www-server", 72, Kind::Addresses),
    ("pcode", 100, Kind::Text),
    ("tcode", 101, Kind::Text),
    ("v6-only-preferred", 108, Kind::Unsigned32),
    ("default-url", 114, Kind::Text),
    ("domain-search", 119, Kind::Names),
    ("classless-static-routes", 121, Kind::Routes),
    ("capwap-ac-v4", 138, Kind::Addresses),
    ("tftp-server-address", 150, Kind::Addresses),
];

/// Name and kind of the option with this code, if it has a name.
pub(crate) fn by_code(code: u8) -> Option<(&'static str, Kind)> {
    let named = OPTIONS.iter().find(|(_, known, _)| *known == code);
    named.map(|(name, _, kind)| (*name, *kind))
}

/// The code of the option called so in a file, if there is one.
pub(crate) fn code_of(name: &str) -> Option<u8> {
    find(name).ok().map(|(code, _)| code)
}

/// Codes that the server writes itself, or that only clients and relays send.
const NOT_CONFIGURABLE: &[u8] =
    &[0, 1, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 61, 80, 82, 90, 118, 255];

/// Reads a table of options.
pub(super) fn read(section: &Section<'_>, problems: &mut Problems<'_>) -> Options {
    let mut options = Options::new();
    for (name, item, span) in section.entries() {
        let Some(value) = item.as_value() else {
            let fix = format!("write a value: {name} = ...");
            problems.add(&span, section.path_of(name), "this is a section", fix);
            continue;
        };
        let whole = value.span().unwrap_or_else(|| span.clone());
        match read_one(name, value) {
            Ok(option) if options.iter().any(|other| other.0 == option.0) => problems.add(
                &span,
                section.path_of(name),
                format!("{} is given twice", option.0),
                "remove one of the two",
            ),
            Ok(option) => options.push(option),
            Err(Refused::Name(wrong)) => {
                problems.add(&span, section.path_of(name), wrong.problem, wrong.fix);
            }
            Err(Refused::Value(wrong)) => {
                let place = wrong.span.unwrap_or(whole);
                problems.add(&place, section.path_of(name), wrong.problem, wrong.fix);
            }
        }
    }
    options
}

/// The options of a section, and of those around it that it does not replace.
pub(super) fn merge(inner: Options, outer: &Options) -> OptionSet {
    inner.into_iter().chain(outer.iter().cloned()).collect()
}

enum Refused {
    Name(Wrong),
    Value(Wrong),
}

fn read_one(name: &str, value: &Value) -> Result<(OptionCode, Vec<u8>), Refused> {
    let (code, kind) = find(name).map_err(Refused::Name)?;
    let data = encode(kind, value).map_err(Refused::Value)?;
    if data.is_empty() {
        let wrong =
            Wrong::new("the list is empty", "write at least one value, or remove the option");
        return Err(Refused::Value(wrong));
    }
    Ok((OptionCode(code), data))
}

fn find(name: &str) -> Result<(u8, Kind), Wrong> {
    if let Some((_, code, kind)) = OPTIONS.iter().find(|(known, ..)| *known == name) {
        return Ok((*code, *kind));
    }
    let Some(number) = name.strip_prefix("option-") else {
        let mut known: Vec<&str> = OPTIONS.iter().map(|(name, ..)| *name).collect();
        known.push("option-N with N from 1 to 254");
        return Err(Wrong::new(format!("\"{name}\" is no DHCP option"), suggestion(name, &known)));
    };
    match number.parse::<u8>() {
        Ok(code) if !NOT_CONFIGURABLE.contains(&code) => {
            Ok((code, by_code(code).map_or(Kind::Octets, |(_, kind)| kind)))
        }
        Ok(code) => Err(Wrong::new(
            format!("option {code} cannot be configured: the server decides it for each message"),
            "remove it",
        )),
        Err(_) => Err(Wrong::new(
            format!("{number} is no option code"),
            "write a number from 1 to 254: option-224",
        )),
    }
}

fn encode(kind: Kind, value: &Value) -> Result<Vec<u8>, Wrong> {
    Ok(match kind {
        Kind::Address => plain_address(value)?.octets().to_vec(),
        Kind::Addresses => {
            let addresses = value::list(value, value::address)?;
            addresses.iter().flat_map(Ipv4Addr::octets).collect()
        }
        Kind::Text => value::text(value)?.into_bytes(),
        Kind::Boolean => vec![u8::from(value::boolean(value)?)],
        Kind::Unsigned8 => value::integer(value, 0, 0xff)?.to_be_bytes()[3..].to_vec(),
        Kind::Unsigned16 => value::integer(value, 0, 0xffff)?.to_be_bytes()[2..].to_vec(),
        Kind::Unsigned32 => value::integer(value, 0, u32::MAX)?.to_be_bytes().to_vec(),
        Kind::Signed32 => signed(value)?.to_be_bytes().to_vec(),
        Kind::Names => value::list(value, domain_name)?.concat(),
        Kind::Routes => value::list(value, route)?.concat(),
        Kind::Octets => value::octets(value)?,
    })
}

/// Any address: a mask or a broadcast address is not that of one machine.
fn plain_address(value: &Value) -> Result<Ipv4Addr, Wrong> {
    value.as_str().and_then(|text| text.parse().ok()).ok_or_else(|| {
        Wrong::new("this is no IPv4 address", "write it in quotes: \"255.255.255.0\"")
    })
}

fn signed(value: &Value) -> Result<i32, Wrong> {
    value.as_integer().and_then(|number| i32::try_from(number).ok()).ok_or_else(|| {
        Wrong::new("this is no whole number of 32 bits", "write it without quotes: -3600")
    })
}

/// A name in the uncompressed form of RFC 1035 §3.1.
fn domain_name(value: &Value) -> Result<Vec<u8>, Wrong> {
    let text = value::text(value)?;
    let mut octets = Vec::with_capacity(text.len() + 2);
    for label in text.trim_end_matches('.').split('.') {
        match u8::try_from(label.len()) {
            Ok(length @ 1..=63) => octets.push(length),
            _ => {
                return Err(Wrong::new(
                    format!("\"{text}\" is no domain name"),
                    "write labels of 1 to 63 characters with dots between them: \"example.net\"",
                ));
            }
        }
        octets.extend_from_slice(label.as_bytes());
    }
    octets.push(0);
    Ok(octets)
}

/// A route as RFC 3442 packs it: prefix length, the octets of the prefix that matter, router.
fn route(value: &Value) -> Result<Vec<u8>, Wrong> {
    let wrong = || {
        Wrong::new(
            "this is no route",
            "write network and router in quotes: \"10.0.0.0/8 via 10.78.0.3\"",
        )
    };
    let (network, router) =
        value.as_str().and_then(|text| text.split_once(" via ")).ok_or_else(wrong)?;
    let network = value::network(&Value::from(network.trim()))?;
    let router: Ipv4Addr = router.trim().parse().map_err(|_| wrong())?;
    let mut octets = vec![network.length()];
    octets
        .extend(network.address().octets().iter().take(usize::from(network.length().div_ceil(8))));
    octets.extend(router.octets());
    Ok(octets)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(name: &str, value: impl Into<Value>) -> Vec<u8> {
        read_one(name, &value.into()).ok().unwrap().1
    }

    #[test]
    fn a_single_address_counts_as_a_list_of_one() {
        assert_eq!(data("routers", "10.0.0.1"), [10, 0, 0, 1]);
    }

    #[test]
    fn a_search_list_is_written_in_labels() {
        let list = Value::from_iter(["a.bc", "d"]);
        assert_eq!(data("domain-search", list), b"\x01a\x02bc\x00\x01d\x00");
    }

    #[test]
    fn a_route_keeps_only_the_octets_of_its_prefix() {
        assert_eq!(
            data("classless-static-routes", "10.1.0.0/16 via 10.0.0.1"),
            [16, 10, 1, 10, 0, 0, 1]
        );
    }

    #[test]
    fn a_number_of_sixteen_bits_is_sent_high_octet_first() {
        assert_eq!(data("interface-mtu", 1500), [0x05, 0xdc]);
    }

    #[test]
    fn an_unnamed_option_takes_octets() {
        assert_eq!(data("option-224", "01:ff"), [1, 255]);
    }

    #[test]
    fn the_lease_time_is_not_an_option_to_configure() {
        assert!(matches!(read_one("option-51", &Value::from("00:00")), Err(Refused::Name(_))));
    }

    #[test]
    fn the_table_is_in_the_order_of_the_codes() {
        assert!(OPTIONS.is_sorted_by(|(_, one, _), (_, other, _)| one < other));
    }
}
