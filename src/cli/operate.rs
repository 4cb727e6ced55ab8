//! `twinlease partner-down`, `shutdown`, `forget-connect-time` and `reset`: an operator's word to a
//! running server.

use std::io::{self, Write};
use std::net::Ipv4Addr;

use crate::admin::client::escaped;
use crate::admin::json::{DoneBody, ResetBody};

use super::{AdminAddress, Failure};

/// Declares the partner down.
pub(super) fn partner_down(
    server: &AdminAddress,
    name: &str,
    force: bool,
    json: bool,
) -> Result<(), Failure> {
    let wish = if force { "?force=true" } else { "" };
    send(server, name, &format!("partner-down{wish}"), json)
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
    Ok(writeln!(out, "{}: state {state}", done.relationship)?)
}
