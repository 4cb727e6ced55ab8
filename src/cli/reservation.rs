//! `twinlease reservation`: addresses that are held for one client each.

use std::net::Ipv4Addr;

use clap::{Args, Subcommand};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::admin::json::ScopesBody;
use crate::server::edit::ScopeReservation;

use super::Failure;
use super::setup::{Both, Look};
use super::table::Table;

#[derive(Debug, Subcommand)]
pub(super) enum ReservationCommand {
    /// List the reservations of the configuration file
    #[command(after_help = "Example:\n  twinlease reservation list")]
    List(Look),
    /// Hold an address for one client, whoever it was held for
    #[command(after_help = "\
Example:
  twinlease reservation set 10.78.0.30 --hw-address 00:0c:01:02:03:04 --partner")]
    Set {
        /// The address
        address: Ipv4Addr,
        #[command(flatten)]
        client: Client,
        #[command(flatten)]
        both: Both,
    },
    /// Hold an address for nobody any more
    #[command(after_help = "\
Example:
  twinlease reservation remove 10.78.0.30 --partner")]
    Remove {
        /// The address
        address: Ipv4Addr,
        #[command(flatten)]
        both: Both,
    },
}

/// For whom.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(super) struct Client {
    /// The client's hardware address
    #[arg(long, value_name = "OCTETS")]
    hw_address: Option<String>,
    /// Or its client identifier
    #[arg(long, value_name = "OCTETS")]
    client_id: Option<String>,
}

/// One reservation, and where it stands.
#[derive(Debug, Serialize, Deserialize)]
struct Listed {
    network: String,
    #[serde(flatten)]
    reservation: ScopeReservation,
}

#[derive(Debug, Serialize, Deserialize)]
struct AllListed {
    reservations: Vec<Listed>,
}

/// What the command line says of a reservation.
pub(super) fn run(command: &ReservationCommand) -> Result<(), Failure> {
    match command {
        ReservationCommand::List(look) => list(look),
        ReservationCommand::Set { address, client, both } => {
            let mut body = json!({ "partner": both.partner });
            for (key, value) in
                [("hw-address", &client.hw_address), ("client-id", &client.client_id)]
            {
                if let (Some(value), Value::Object(members)) = (value, &mut body) {
                    members.insert(key.to_owned(), value.as_str().into());
                }
            }
            both.how.change("PUT", &format!("/v1/reservations/{address}"), Some(&body))
        }
        ReservationCommand::Remove { address, both } => {
            let path = format!("/v1/reservations/{address}?partner={}", both.partner);
            both.how.change("DELETE", &path, None)
        }
    }
}

fn list(look: &Look) -> Result<(), Failure> {
    let all: ScopesBody = look.server.client().get("/v1/scopes")?;
    let of_scope = all.scopes.into_iter().flat_map(|scope| {
        let network = scope.network;
        let listed = move |reservation| Listed { network: network.clone(), reservation };
        scope.reservations.into_iter().map(listed)
    });
    let all = AllListed { reservations: of_scope.collect() };
    let mut table = Table::new(&["address", "client", "network"]);
    for Listed { network, reservation } in &all.reservations {
        let ScopeReservation { address, hw_address, client_id } = reservation;
        let by_id = client_id.as_ref().map(|id| format!("client-id {id}"));
        let client = hw_address.clone().or(by_id).unwrap_or_default();
        table.row(vec![address.to_string(), client, network.clone()]);
    }
    look.print(&all, |mut out| table.print(&mut out))
}
