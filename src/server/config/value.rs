//! Values of single keys: each function reads one kind, or says what would be right.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use toml_edit::Value;

use crate::binding::{AddressRange, ClientIdentifier, HardwareAddress};
use crate::dhcp::Ipv4Network;

use super::problem::Span;

/// Longest time that may be configured, in seconds: 68 years, the largest date on the wire.
const MAX_SECONDS: u64 = 0x7fff_fffe;

/// A value that cannot be used.
#[derive(Debug)]
pub(super) struct Wrong {
    /// What is wrong with it.
    pub(super) problem: String,
    /// What would be right.
    pub(super) fix: String,
    /// The part of the value that is wrong; `None` for all of it.
    pub(super) span: Option<Span>,
}

impl Wrong {
    pub(super) fn new(problem: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { problem: problem.into(), fix: fix.into(), span: None }
    }
}

/// The value as the file writes it.
fn shown(value: &Value) -> String {
    let mut bare = value.clone();
    bare.decor_mut().clear();
    bare.to_string()
}

/// A text.
pub(super) fn text(value: &Value) -> Result<String, Wrong> {
    match value.as_str() {
        Some("") => Err(Wrong::new("the text is empty", "write at least one character")),
        Some(text) => Ok(text.to_owned()),
        None => Err(Wrong::new(
            format!("{} is no text", shown(value)),
            format!("write it in quotes: \"{}\"", shown(value).trim_matches('"')),
        )),
    }
}

/// `true` or `false`.
pub(super) fn boolean(value: &Value) -> Result<bool, Wrong> {
    value.as_bool().ok_or_else(|| {
        Wrong::new(
            format!("{} is neither true nor false", shown(value)),
            "write true or false, without quotes",
        )
    })
}

/// A whole number from `least` to `most`.
pub(super) fn integer(value: &Value, least: u32, most: u32) -> Result<u32, Wrong> {
    let fix = format!("a whole number from {least} to {most} is needed");
    let Some(number) = value.as_integer() else {
        return Err(Wrong::new(format!("{} is no whole number", shown(value)), fix));
    };
    match u32::try_from(number) {
        Ok(number) if (least..=most).contains(&number) => Ok(number),
        _ if number < i64::from(least) => Err(Wrong::new(format!("{number} is too small"), fix)),
        _ => Err(Wrong::new(format!("{number} is too large"), fix)),
    }
}

/// Seconds as a whole number, or a text of numbers with units, as "90s" or "1h30m".
pub(super) fn seconds(value: &Value, least: u32) -> Result<u32, Wrong> {
    seconds_up_to(value, least, MAX_SECONDS)
}

/// As [`seconds`], at most `most`.
pub(super) fn seconds_up_to(value: &Value, least: u32, most: u64) -> Result<u32, Wrong> {
    let example = if least > 30 { "3600 or \"1h\"" } else { "30 or \"30s\"" };
    let fix = format!("at least {least} seconds are needed, written as {example}");
    let parsed = match value {
        Value::Integer(number) => u64::try_from(*number.value()).ok(),
        Value::String(text) => duration(text.value()),
        _ => None,
    };
    let Some(parsed) = parsed else {
        return Err(Wrong::new(
            format!("{} is no time", shown(value)),
            format!("write seconds as a whole number, or with units: {example}, \"1h30m\", \"1d\""),
        ));
    };
    if parsed < u64::from(least) {
        return Err(Wrong::new(format!("{} is too short", shown(value)), fix));
    }
    match u32::try_from(parsed) {
        Ok(seconds) if parsed <= most => Ok(seconds),
        _ => Err(Wrong::new(
            format!("{} is too long", shown(value)),
            format!("at most {most} seconds are possible"),
        )),
    }
}

/// Milliseconds as a text, "250ms", or a time as [`seconds`] has it.
pub(super) fn millis(value: &Value, least: u64) -> Result<Duration, Wrong> {
    let in_millis = value.as_str().and_then(|text| text.trim().strip_suffix("ms"));
    let parsed = match in_millis {
        Some(digits) => digits.trim().parse().ok().map(Duration::from_millis),
        None => Some(Duration::from_secs(u64::from(seconds(value, 0)?))),
    };
    let Some(parsed) = parsed else {
        let fix = "write milliseconds, \"250ms\", or seconds, 2 or \"2s\"";
        return Err(Wrong::new(format!("{} is no time", shown(value)), fix));
    };
    if parsed < Duration::from_millis(least) {
        let fix = format!("at least \"{least}ms\" is needed");
        return Err(Wrong::new(format!("{} is too short", shown(value)), fix));
    }
    Ok(parsed)
}

/// "90s", "1h30m", "2d", "1w": whole numbers, each with its unit.
pub(crate) fn duration(text: &str) -> Option<u64> {
    let mut total: u64 = 0;
    let mut rest = text.trim();
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|character: char| !character.is_ascii_digit())?;
        let (number, behind) = rest.split_at_checked(digits)?;
        let mut characters = behind.chars();
        let unit = match characters.next()? {
            's' => 1,
            'm' => 60,
            'h' => 3600,
            'd' => 86_400,
            'w' => 604_800,
            _ => return None,
        };
        total = total.checked_add(number.parse::<u64>().ok()?.checked_mul(unit)?)?;
        rest = characters.as_str().trim_start();
    }
    Some(total)
}

/// An IPv4 address that a machine can have.
pub(super) fn address(value: &Value) -> Result<Ipv4Addr, Wrong> {
    let fix = "write an IPv4 address in quotes: \"10.78.0.1\"";
    let Some(address) = value.as_str().and_then(|text| text.parse::<Ipv4Addr>().ok()) else {
        return Err(Wrong::new(format!("{} is no IPv4 address", shown(value)), fix));
    };
    if address.is_unspecified() || address.is_broadcast() || address.is_multicast() {
        return Err(Wrong::new(format!("{address} is not the address of one machine"), fix));
    }
    Ok(address)
}

/// An address, IPv4 or IPv6, with a port.
pub(super) fn socket(value: &Value) -> Result<SocketAddr, Wrong> {
    value.as_str().and_then(|text| text.parse().ok()).ok_or_else(|| {
        Wrong::new(
            format!("{} is no address with a port", shown(value)),
            "write both in quotes: \"127.0.0.1:8067\"",
        )
    })
}

/// "10.78.0.0/24", without bits behind the prefix.
pub(super) fn network(value: &Value) -> Result<Ipv4Network, Wrong> {
    let Some((address, length)) = value.as_str().and_then(split_prefix) else {
        return Err(Wrong::new(
            format!("{} is no network", shown(value)),
            "write address and prefix length in quotes: \"10.78.0.0/24\"",
        ));
    };
    let network = Ipv4Network::containing(address, length);
    if network.address() != address {
        return Err(Wrong::new(
            format!("{address} has bits behind its first {length}"),
            format!("write \"{network}\""),
        ));
    }
    Ok(network)
}

/// The network that a text names, as a file may write it.
pub(crate) fn network_of(text: &str) -> Option<Ipv4Network> {
    network(&Value::from(text)).ok()
}

/// The range that a text names, as a file may write it.
pub(crate) fn range_of(text: &str) -> Option<AddressRange> {
    range(&Value::from(text)).ok()
}

/// "10.78.0.10/24": an address, and the bits of its network.
pub(super) fn address_with_prefix(value: &Value) -> Result<(Ipv4Addr, u8), Wrong> {
    let (host, length) = value.as_str().and_then(split_prefix).ok_or_else(|| {
        Wrong::new(
            format!("{} is no address with the length of its network", shown(value)),
            "write both in quotes: \"10.78.0.10/24\"",
        )
    })?;
    address(&Value::from(host.to_string())).map(|host| (host, length))
}

fn split_prefix(text: &str) -> Option<(Ipv4Addr, u8)> {
    let (address, length) = text.split_once('/')?;
    let length = length.parse::<u8>().ok().filter(|length| *length <= 32)?;
    Some((address.trim().parse().ok()?, length))
}

/// "first-last", "network/length" or one address.
pub(super) fn range(value: &Value) -> Result<AddressRange, Wrong> {
    let no_range = || {
        Wrong::new(
            format!("{} is no range of addresses", shown(value)),
            "write the first and the last in quotes: \"10.78.0.20-10.78.0.119\"",
        )
    };
    let text = value.as_str().ok_or_else(no_range)?;
    if text.contains('/') {
        let network = network(value)?;
        return AddressRange::new(network.address(), network.last()).ok_or_else(no_range);
    }
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let parse = |end: &str| end.trim().parse::<Ipv4Addr>().map_err(|_| no_range());
    let (first, last) = (parse(first)?, parse(last)?);
    AddressRange::new(first, last).ok_or_else(|| {
        Wrong::new(
            format!("the range ends with {last}, before its beginning {first}"),
            format!("write \"{last}-{first}\""),
        )
    })
}

/// Octets as pairs of hexadecimal digits with colons between them.
fn colon_octets(text: &str) -> Option<Vec<u8>> {
    text.split(':')
        .map(|pair| {
            let digits = pair.len() == 2 && pair.bytes().all(|digit| digit.is_ascii_hexdigit());
            digits.then(|| u8::from_str_radix(pair, 16).ok()).flatten()
        })
        .collect()
}

/// An Ethernet address, "00:0c:01:02:03:04"; another hardware type stands before a slash, "6/...".
pub(super) fn hardware(value: &Value) -> Result<HardwareAddress, Wrong> {
    let parsed = value.as_str().and_then(|text| {
        let (htype, octets) = match text.split_once('/') {
            Some((htype, octets)) => (htype.parse().ok()?, colon_octets(octets)?),
            None => (1, colon_octets(text)?),
        };
        if htype == 1 && octets.len() != 6 {
            return None;
        }
        HardwareAddress::new(htype, &octets)
    });
    parsed.ok_or_else(|| {
        Wrong::new(
            format!("{} is no hardware address", shown(value)),
            "write six octets in hexadecimal digits with colons: \"00:0c:01:02:03:04\"",
        )
    })
}

/// A client identifier with its type octet, "01:00:0c:01:02:03:04".
pub(super) fn client_identifier(value: &Value) -> Result<ClientIdentifier, Wrong> {
    octets(value).and_then(|octets| {
        ClientIdentifier::new(&octets).ok_or_else(|| {
            Wrong::new(
                format!("the client identifier has {} octets", octets.len()),
                "write 1 to 255 octets",
            )
        })
    })
}

/// Any octets, "ff:00:01".
pub(super) fn octets(value: &Value) -> Result<Vec<u8>, Wrong> {
    value.as_str().and_then(colon_octets).ok_or_else(|| {
        Wrong::new(
            format!("{} are no octets", shown(value)),
            "write hexadecimal digits in pairs with colons: \"01:00:0c:ff\"",
        )
    })
}

/// A list of values of one kind; a single value counts as a list of one.
pub(super) fn list<T>(
    value: &Value,
    parse: impl Fn(&Value) -> Result<T, Wrong>,
) -> Result<Vec<T>, Wrong> {
    match value.as_array() {
        Some(values) => values
            .iter()
            .map(|value| parse(value).map_err(|wrong| Wrong { span: value.span(), ..wrong }))
            .collect(),
        None => parse(value).map(|value| vec![value]),
    }
}

/// One of several words.
pub(super) fn word<T: Copy>(value: &Value, words: &[(&str, T)]) -> Result<T, Wrong> {
    let found = value.as_str().and_then(|text| words.iter().find(|(word, _)| *word == text));
    found.map(|(_, meaning)| *meaning).ok_or_else(|| {
        let known: Vec<String> = words.iter().map(|(word, _)| format!("\"{word}\"")).collect();
        Wrong::new(
            format!("{} is not known here", shown(value)),
            format!("write {}", known.join(" or ")),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_may_have_several_units() {
        assert_eq!(duration("1h30m"), Some(5400));
        assert_eq!(duration("1w 2d 3s"), Some(604_800 + 2 * 86_400 + 3));
    }

    #[test]
    fn a_time_without_a_unit_or_number_is_none() {
        for text in ["", "30", "h", "1y", "1h30", "-1s", "99999999999999999999s"] {
            assert_eq!(duration(text), None, "{text}");
        }
    }

    #[test]
    fn a_range_may_be_written_as_a_network() {
        let range = range(&Value::from("10.0.0.16/28")).unwrap();
        assert_eq!(range.to_string(), "10.0.0.16-10.0.0.31");
    }

    #[test]
    fn a_hardware_address_may_name_its_type() {
        let address = hardware(&Value::from("6/00:01")).unwrap();
        assert_eq!((address.htype(), address.octets()), (6, &[0, 1][..]));
    }

    #[test]
    fn octets_need_two_digits_each() {
        assert!(octets(&Value::from("1:02")).is_err());
        assert!(octets(&Value::from("+1:02")).is_err());
    }
}
