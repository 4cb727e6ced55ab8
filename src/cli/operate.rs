//! `twinlease partner-down`, `shutdown`, `maintenance` and their like: an operator's word to a running
//! server.

use std::io::{self, Write};
use std::net::Ipv4Addr;

use clap::{Args, Subcommand};

use crate::admin::client::escaped;
use crate::admin::json::{DoneBody, ResetBody};
use crate::server::config::duration;

use super::table::utc;
use super::{AdminAddress, Failure};

/// Declares the partner down.
pub(super) fn partner_down(
    server: &AdminAddress,
    name: &str,
    force: bool,
    reason: Option<&str>,
    json: bool,
) -> Result<(), Failure> {
    let reason = reason.map(|reason| format!("&reason={}", escaped(reason))).unwrap_or_default();
    send(server, name, &format!("partner-down?force={force}{reason}"), json)
}

/// What an operator may want of a relationship beside leaving it or being left.
#[derive(Debug, Subcommand)]
pub(super) enum Wish {
    /// Stop a relationship for a short time; the partner goes on, and a restart leads back
    #[command(after_help = "Example:\n  twinlease pause office-lan")]
    Pause(Whose),
    /// Work on the partner: until the end it is not declared down automatically
    #[command(after_help = "\
Said to the server that stays. Synchronisation goes on while the partner answers. If the partner is
still away at the end, and auto-partner-down is over, the takeover follows at once.

Examples:
  twinlease maintenance office-lan --for 2h
  twinlease maintenance office-lan --off")]
    Maintenance {
        #[command(flatten)]
        whose: Whose,
        /// How long, as 90s, 30m, 2h or 1d
        #[arg(long = "for", value_name = "TIME", value_parser = seconds, required_unless_present = "off")]
        time: Option<u64>,
        /// End it now
        #[arg(long, conflicts_with = "time")]
        off: bool,
    },
    /// Tell the partner every lease once more, and ask it for what was never acknowledged here
    #[command(
        visible_alias = "resync",
        after_help = "\
For two servers in normal; `twinlease status` shows how far it is. A restart ends it.

Example:
  twinlease resynchronise office-lan"
    )]
    Resynchronise(Whose),
    /// Divide the unused addresses between the two servers anew
    #[command(after_help = "\
For two servers in normal. With the dialect isc each server gives of its own.

Example:
  twinlease rebalance office-lan")]
    Rebalance(Whose),
}

/// Which relationship of which server.
#[derive(Debug, Args)]
pub(super) struct Whose {
    /// Name of the relationship
    name: String,
    #[command(flatten)]
    server: AdminAddress,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

fn seconds(text: &str) -> Result<u64, String> {
    duration(text).ok_or_else(|| "write a number with a unit: 90s, 30m, 2h, 1d".to_owned())
}

/// Says it to the server.
pub(super) fn wish(wish: &Wish) -> Result<(), Failure> {
    let (Whose { name, server, json }, word) = match wish {
        Wish::Pause(whose) => (whose, "pause".to_owned()),
        Wish::Maintenance { whose, time: Some(time), .. } => {
            (whose, format!("maintenance?seconds={time}"))
        }
        Wish::Maintenance { whose, .. } => (whose, "end-maintenance".to_owned()),
        Wish::Resynchronise(whose) => (whose, "resynchronise".to_owned()),
        Wish::Rebalance(whose) => (whose, "rebalance".to_owned()),
    };
    send(server, name, &word, *json)
}

/// Hands everything over to the partner.
pub(super) fn shutdown(server: &AdminAddress, name: &str, json: bool) -> Result<(), Failure> {
    send(server, name, "shutdown", json)
}

/// Lets the next CONNECT be earlier than the last.
pub(super) fn forget_connect_time(
    server: &AdminAddress,
    name: &str,
    json: bool,
) -> Result<(), Failure> {
    send(server, name, "forget-connect-time", json)
}

/// Frees an abandoned address.
pub(super) fn reset(server: &AdminAddress, address: Ipv4Addr, json: bool) -> Result<(), Failure> {
    let done: ResetBody = server.client().post(&format!("/v1/addresses/{address}/reset"))?;
    let mut out = io::stdout().lock();
    if json {
        serde_json::to_writer(&mut out, &done).map_err(io::Error::from)?;
        return Ok(writeln!(out)?);
    }
    Ok(writeln!(out, "{}: reset", done.address)?)
}

fn send(server: &AdminAddress, name: &str, word: &str, json: bool) -> Result<(), Failure> {
    let path = format!("/v1/relationships/{}/{word}", escaped(name));
    let done: DoneBody = server.client().post(&path)?;
    let mut out = io::stdout().lock();
    if json {
        serde_json::to_writer(&mut out, &done).map_err(io::Error::from)?;
        return Ok(writeln!(out)?);
    }
    let state = done.state.as_deref().unwrap_or("unknown");
    let maintenance = done
        .maintenance_until
        .map_or_else(String::new, |until| format!(", maintenance until {}", utc(Some(until))));
    Ok(writeln!(out, "{}: state {state}{maintenance}", done.relationship)?)
}
