//! `twinlease leases`: read and printed line by line, so that a million of them need no memory.

use std::io::{self, BufRead, BufReader, Write};
use std::net::Ipv4Addr;

use clap::Args;

use crate::admin::client::escaped;
use crate::admin::json::LeaseBody;

use super::table::utc;
use super::{AdminAddress, Failure};

/// Which bindings to list.
#[derive(Debug, Args)]
pub(super) struct Filter {
    /// Only this address
    #[arg(long, value_name = "ADDRESS")]
    address: Option<Ipv4Addr>,
    /// Only this binding status: free, active, expired, released, abandoned, reset or backup
    #[arg(long, value_name = "STATUS")]
    status: Option<String>,
    /// Only this relationship
    #[arg(long, value_name = "NAME")]
    relationship: Option<String>,
    /// Also the options of the client and the state of its DNS records
    #[arg(long, requires = "json")]
    details: bool,
}

impl Filter {
    fn path(&self) -> String {
        let address = self.address.map(|address| address.to_string());
        let details = self.details.then(|| true.to_string());
        let wishes = [
            ("address", address.as_ref()),
            ("status", self.status.as_ref()),
            ("relationship", self.relationship.as_ref()),
            ("details", details.as_ref()),
        ];
        let mut path = String::from("/v1/leases");
        let mut separator = '?';
        for (name, value) in wishes {
            if let Some(value) = value {
                path.push(separator);
                path.push_str(name);
                path.push('=');
                path.push_str(&escaped(value));
                separator = '&';
            }
        }
        path
    }
}

/// Prints the bindings that the filter lets through.
pub(super) fn run(server: &AdminAddress, json: bool, filter: &Filter) -> Result<(), Failure> {
    let mut lines = BufReader::new(server.client().stream(&filter.path())?);
    let mut out = io::BufWriter::new(io::stdout().lock());
    if !json {
        writeln!(
            out,
            "{:<15}  {:<9}  {:<17}  {:<19}  {:<19}  relationship",
            "address", "status", "hw-address", "expires", "last heard"
        )?;
    }
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = lines
            .read_until(b'\n', &mut line)
            .map_err(|error| Failure::Said(format!("the list is not whole: {error}")))?;
        if read == 0 {
            return Ok(out.flush()?);
        }
        if json {
            out.write_all(&line)?;
        } else {
            let lease: LeaseBody = serde_json::from_slice(&line).map_err(|error| {
                Failure::Said(format!("a line of the answer makes no sense: {error}"))
            })?;
            print(&lease, &mut out)?;
        }
    }
}

fn print(lease: &LeaseBody, out: &mut impl Write) -> io::Result<()> {
    let client = lease.hw_address.as_deref().or(lease.client_id.as_deref()).unwrap_or("-");
    writeln!(
        out,
        "{:<15}  {:<9}  {client:<17}  {:<19}  {:<19}  {}",
        lease.address.to_string(),
        lease.binding_status,
        utc(lease.lease_expiration),
        utc(lease.client_last_transaction),
        lease.relationship.as_deref().unwrap_or("-"),
    )
}
