//! DHCP options as a file writes them, from their octets.

use std::net::Ipv4Addr;

use serde_json::{Value as Json, json};

use crate::dhcp::OptionCode;
use crate::server::config::{OptionKind, option_by_code};

/// Name and value of an option, the same for the same octets.
pub(super) fn shown(code: OptionCode, data: &[u8]) -> (String, Json) {
    let named = option_by_code(code.0).and_then(|(name, kind)| Some((name, value(kind, data)?)));
    named.map_or_else(
        || (format!("option-{}", code.0), octets(data)),
        |(name, value)| (name.to_owned(), value),
    )
}

/// `None` where the octets do not fit the kind.
fn value(kind: OptionKind, data: &[u8]) -> Option<Json> {
    let unsigned = || data.iter().fold(0_u64, |sum, octet| sum << 8 | u64::from(*octet));
    Some(match kind {
        OptionKind::Address => address(data)?.into(),
        OptionKind::Addresses => data.chunks(4).map(address).collect::<Option<Vec<_>>>()?.into(),
        OptionKind::Text => std::str::from_utf8(data).ok()?.into(),
        OptionKind::Boolean => (data != [0]).into(),
        OptionKind::Unsigned8 | OptionKind::Unsigned16 | OptionKind::Unsigned32 => {
            unsigned().into()
        }
        OptionKind::Signed32 => i32::from_be_bytes(data.try_into().ok()?).into(),
        OptionKind::Names => names(data)?.into(),
        OptionKind::Routes => routes(data)?.into(),
        OptionKind::Octets => octets(data),
    })
}

fn octets(data: &[u8]) -> Json {
    json!(super::scope::colons(data))
}

fn address(data: &[u8]) -> Option<String> {
    <[u8; 4]>::try_from(data).ok().map(|octets| Ipv4Addr::from(octets).to_string())
}

/// Names in the uncompressed form of RFC 1035 §3.1.
fn names(mut data: &[u8]) -> Option<Vec<String>> {
    let (mut names, mut labels) = (Vec::new(), Vec::new());
    while let Some((length, rest)) = data.split_first() {
        let (label, behind) = rest.split_at_checked(usize::from(*length))?;
        data = behind;
        if label.is_empty() {
            names.push(std::mem::take(&mut labels).join("."));
        } else {
            labels.push(std::str::from_utf8(label).ok()?);
        }
    }
    labels.is_empty().then_some(names)
}

/// Routes as RFC 3442 packs them.
fn routes(mut data: &[u8]) -> Option<Vec<String>> {
    let mut routes = Vec::new();
    while let Some((length, rest)) = data.split_first() {
        let (prefix, rest) = rest.split_at_checked(usize::from(length.div_ceil(8)))?;
        let (gateway, behind) = rest.split_at_checked(4)?;
        data = behind;
        let mut network = [0; 4];
        network.get_mut(..prefix.len())?.copy_from_slice(prefix);
        routes.push(format!("{}/{length} via {}", Ipv4Addr::from(network), address(gateway)?));
    }
    Some(routes)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::server::config::Config;

    use super::*;

    #[test]
    fn what_a_file_says_of_options_is_said_again() {
        let options = r#"
routers = ["10.0.0.1"]
domain-name = "example.net"
ip-forwarding = true
interface-mtu = 1500
broadcast-address = "10.0.0.255"
time-offset = -3600
domain-search = ["a.bc", "d"]
classless-static-routes = ["10.1.0.0/16 via 10.0.0.1", "0.0.0.0/0 via 10.0.0.2"]
option-224 = "01:ff""#;
        let text = format!(
            "data-dir = \"/tmp/none\"\n[dhcp.options]{options}\n[[subnet]]\nnetwork = \"10.0.0.0/24\"\n"
        );
        let config = Config::parse(&text, Path::new("t.toml")).unwrap();
        let subnet = config.subnets.first().unwrap();
        let said: toml_edit::DocumentMut = options.parse().unwrap();
        for (code, data) in subnet.options.iter() {
            let (name, value) = shown(code, data);
            let again = super::super::document::value(&name, &value).unwrap();
            let there = said.get(&name).and_then(toml_edit::Item::as_value).unwrap();
            assert_eq!(again.to_string().trim(), there.to_string().trim(), "{name}");
        }
        assert_eq!(subnet.options.iter().count(), 9);
    }
}
