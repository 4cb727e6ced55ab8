//! `GET /v1/why`: what would be done for an address or a client, in sentences that name their rules.

use std::net::Ipv4Addr;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use serde::Deserialize;

use crate::binding::{Client, ClientIdentifier, HardwareAddress};
use crate::server::command::{AdminCommand, CommandSender, WhyQuestion};

use super::ask;
use super::json::WhyBody;
use super::problem::Failure;

/// The hardware type of Ethernet, which an address of six octets is taken for.
const ETHERNET: u8 = 1;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct About {
    address: Option<String>,
    client: Option<String>,
}

impl About {
    fn into_question(self) -> Result<WhyQuestion, String> {
        match (self.address, self.client) {
            (Some(text), None) => text
                .parse::<Ipv4Addr>()
                .map(WhyQuestion::Address)
                .map_err(|_| format!("\"{text}\" is no IPv4 address")),
            (None, Some(text)) => client(&text).map(WhyQuestion::Client).ok_or_else(|| {
                format!(
                    "\"{text}\" is no client; write a hardware address as 00:0c:01:02:03:04, or \
                     the octets of a client identifier as id:010c..."
                )
            }),
            _ => Err("ask for one address or for one client".to_owned()),
        }
    }
}

/// A hardware address with colons, or `id:` and hexadecimal octets.
fn client(text: &str) -> Option<Client> {
    if let Some(identifier) = text.strip_prefix("id:") {
        let octets = octets(&identifier.replace(':', ""))?;
        let identifier = Some(ClientIdentifier::new(&octets)?);
        return Some(Client { identifier, hardware: None });
    }
    let parts: Option<Vec<u8>> = text.split(':').map(octet).collect();
    let hardware = Some(HardwareAddress::new(ETHERNET, &parts?)?);
    Some(Client { identifier: None, hardware })
}

fn octets(digits: &str) -> Option<Vec<u8>> {
    (0..digits.len()).step_by(2).map(|at| octet(digits.get(at..at + 2)?)).collect()
}

fn octet(digits: &str) -> Option<u8> {
    let two = digits.len() == 2 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    two.then(|| u8::from_str_radix(digits, 16).ok()).flatten()
}

pub(super) async fn explain(
    State(commands): State<CommandSender>,
    about: Result<Query<About>, QueryRejection>,
) -> Result<Json<WhyBody>, Failure> {
    let Query(about) = about.map_err(|error| Failure::wrong(error.body_text()))?;
    let about = about.into_question().map_err(Failure::wrong)?;
    let reports = ask(&commands, |answer| AdminCommand::Why { about, answer }).await?;
    Ok(Json(WhyBody::new(&reports)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hardware_address_has_colons() {
        let found = client("00:0c:01:02:03:ff").unwrap();
        assert_eq!(found.hardware, HardwareAddress::new(1, &[0, 12, 1, 2, 3, 255]));
        assert_eq!(found.identifier, None);
    }

    #[test]
    fn an_identifier_has_its_octets_behind_id() {
        let found = client("id:01:00ff").unwrap();
        assert_eq!(found.identifier.unwrap().octets(), [1, 0, 255]);
        assert_eq!(found.hardware, None);
    }

    #[test]
    fn anything_else_is_no_client() {
        for text in [
            "",
            "zz",
            "id:",
            "id:0",
            "00:0c:1",
            "printer",
            "00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00",
        ] {
            assert_eq!(client(text), None, "{text}");
        }
    }
}
