//! `[[subnet.reservation]]`: an address is held for one client, for another, or for nobody any more.

use std::net::Ipv4Addr;

use serde_json::{Map, Value as Json};
use toml_edit::DocumentMut;

use crate::server::config::{Config, Subnet};

use super::document;
use super::problem::EditError;
use super::scopes::{RESERVATION, SECTION, push_reservation};

/// Keys that say for whom.
const CLIENT_KEYS: [&str; 2] = ["hw-address", "client-id"];

/// Holds an address for the client that these keys name, whoever it was held for.
pub(super) fn reserve(
    document: &mut DocumentMut,
    config: &Config,
    address: Ipv4Addr,
    client: &Map<String, Json>,
) -> Result<(), EditError> {
    let (number, subnet) = around(config, address)?;
    let Some(table) = document::nth(document.as_table_mut(), SECTION, number) else {
        return Ok(());
    };
    let Some(position) = held_at(subnet, address) else {
        let mut members = client.clone();
        members.insert("address".to_owned(), address.to_string().into());
        return push_reservation(table, &members.into());
    };
    let Some(held) = document::nth(table, RESERVATION, position) else { return Ok(()) };
    for key in CLIENT_KEYS.iter().filter(|key| !client.contains_key(**key)) {
        held.remove(key);
    }
    for (key, json) in client {
        document::set(held, key, document::value(&format!("subnet.reservation.{key}"), json)?);
    }
    Ok(())
}

/// Holds an address for nobody any more.
pub(super) fn free(
    document: &mut DocumentMut,
    config: &Config,
    address: Ipv4Addr,
) -> Result<(), EditError> {
    let (number, subnet) = around(config, address)?;
    let Some(freed) = held_at(subnet, address) else {
        return Err(EditError::wrong(
            "subnet.reservation.address",
            format!("{address} is reserved for nobody"),
            "name an address of `twinlease reservation list`",
        ));
    };
    if let Some(table) = document::nth(document.as_table_mut(), SECTION, number) {
        document::retain(table, RESERVATION, |position| position != freed);
    }
    Ok(())
}

/// The subnet in which an address lies, and its number.
fn around(config: &Config, address: Ipv4Addr) -> Result<(usize, &Subnet), EditError> {
    let mut subnets = config.subnets.iter().enumerate();
    subnets.find(|(_, subnet)| subnet.network.contains(address)).ok_or_else(|| {
        EditError::UnknownScope {
            network: address.to_string(),
            known: config.subnets.iter().map(|subnet| subnet.network.to_string()).collect(),
        }
    })
}

/// Which reservation of a subnet is that of an address.
fn held_at(subnet: &Subnet, address: Ipv4Addr) -> Option<usize> {
    subnet.reservations.iter().position(|held| held.address == address)
}
