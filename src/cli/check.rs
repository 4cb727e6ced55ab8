//! `twinlease check`.

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use serde::Serialize;

use crate::endpoint::{SharedSecrets, TlsPolicy};
use crate::server::config::{Config, LoadError, Problem, Relationship, Subnet};

use super::serve::refuse;
use super::{Failure, USAGE, finish};

#[derive(Serialize)]
struct Outcome<'a> {
    ok: bool,
    errors: &'a [Problem],
}

/// Reads the file; prints a summary, or every error.
pub(super) fn run(file: &Path, json: bool) -> ExitCode {
    match Config::load(file) {
        Ok(config) => finish(if json { print_outcome(&[]) } else { summary(file, &config) }),
        Err(LoadError::Invalid(invalid)) if json => match print_outcome(invalid.problems()) {
            Ok(()) => ExitCode::from(USAGE),
            failed => finish(failed),
        },
        Err(error) => refuse(&error),
    }
}

fn print_outcome(errors: &[Problem]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    let outcome = Outcome { ok: errors.is_empty(), errors };
    serde_json::to_writer(&mut out, &outcome).map_err(io::Error::from)?;
    Ok(writeln!(out)?)
}

/// How the partner is told from an impostor.
fn identity(relationship: &Relationship) -> &'static str {
    match &relationship.secrets {
        Some(SharedSecrets { previous: None, .. }) => {
            "known by its address, and messages are signed with a shared secret"
        }
        Some(SharedSecrets { previous: Some(_), .. }) => {
            "known by its address, and messages are signed with a shared secret; the previous one is \
             still accepted"
        }
        None if relationship.tls.is_some() => "known by its address and its certificate",
        None if relationship.dialect.signs_messages() => {
            "known by its address alone; a shared secret, or TLS, would protect against impostors"
        }
        None => {
            "known by its address alone: ISC dhcpd neither signs messages nor verifies them, and has \
             no TLS"
        }
    }
}

fn summary(file: &Path, config: &Config) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    writeln!(out, "{}: ok", file.display())?;
    writeln!(out, "  data       {}", config.data_dir.display())?;
    let token = if config.admin.tokens.is_empty() { "" } else { " with a token" };
    writeln!(out, "  admin      {}{token}", config.admin.listen)?;
    let mut places: Vec<String> =
        config.dhcp.interfaces.iter().map(|name| format!("interface {name}")).collect();
    places.extend(config.dhcp.listen.iter().map(|address| format!("UDP {address}")));
    if places.is_empty() {
        places.push("nobody: [dhcp] has neither interfaces nor listen".to_owned());
    }
    writeln!(out, "  clients    {}", places.join(", "))?;
    for relationship in &config.relationships {
        let pools = config.subnets.iter().flat_map(Subnet::served_pools);
        let addresses: u64 = pools
            .filter(|pool| pool.relationship.as_ref() == Some(&relationship.name))
            .map(|pool| pool.range.size())
            .sum();
        writeln!(
            out,
            "  partner    {} \"{}\": {} at {}, partner at {}, {addresses} addresses",
            relationship.dialect,
            relationship.name,
            relationship.role,
            relationship.address,
            relationship.peer_address,
        )?;
        writeln!(out, "             {}", identity(relationship))?;
        if let Some(tls) = &relationship.tls {
            let condition = match tls.policy {
                TlsPolicy::Required => "only",
                _ => "where the partner wants it too",
            };
            let name = &tls.peer_name;
            writeln!(out, "             over TLS 1.3 {condition}, with a certificate for {name}")?;
        }
    }
    for subnet in &config.subnets {
        let addresses: u64 = subnet.served_pools().map(|pool| pool.range.size()).sum();
        writeln!(
            out,
            "  subnet     {}: {addresses} addresses in {} pools, {} reservations, leases of {} to {} s",
            subnet.network,
            subnet.served_pools().count(),
            subnet.reservations.len(),
            subnet.lease_times.min,
            subnet.lease_times.max,
        )?;
    }
    Ok(())
}
