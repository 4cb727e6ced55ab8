//! `twinlease why`.

use std::io::{self, Write};
use std::net::Ipv4Addr;

use clap::Args;

use crate::admin::client::escaped;
use crate::admin::json::{ChangeBody, WhyAnswer, WhyBody};

use super::table::utc;
use super::{AdminAddress, Failure};

/// What to explain.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(super) struct About {
    /// An address
    address: Option<Ipv4Addr>,
    /// A client: its hardware address, or id: and the octets of its client identifier
    #[arg(long, value_name = "ID")]
    client: Option<String>,
}

impl About {
    fn path(&self) -> String {
        match (&self.address, &self.client) {
            (Some(address), _) => format!("/v1/why?address={address}"),
            (None, client) => {
                format!("/v1/why?client={}", escaped(client.as_deref().unwrap_or_default()))
            }
        }
    }
}

/// Prints what would be done, why, and when that changes.
pub(super) fn run(server: &AdminAddress, json: bool, about: &About) -> Result<(), Failure> {
    let body: WhyBody = server.client().get(&about.path())?;
    let mut out = io::stdout().lock();
    if json {
        serde_json::to_writer(&mut out, &body).map_err(io::Error::from)?;
        return Ok(writeln!(out)?);
    }
    if body.answers.is_empty() {
        return Err(Failure::Said("the address is in no pool of this server".to_owned()));
    }
    for answer in &body.answers {
        let owner = answer.relationship.as_deref().unwrap_or("pools without a partner");
        writeln!(out, "{owner}")?;
        print(answer, "  ", &mut out)?;
    }
    Ok(())
}

fn print(answer: &WhyAnswer, indent: &str, out: &mut impl Write) -> io::Result<()> {
    match (answer.address, answer.bucket) {
        (Some(address), None) => writeln!(out, "{indent}{address}")?,
        (Some(address), Some(_)) => writeln!(out, "{indent}would be offered {address}")?,
        (None, _) => writeln!(out, "{indent}would be offered nothing")?,
    }
    for reason in &answer.reasons {
        writeln!(out, "{indent}  {} ({})", reason.text, reason.rule)?;
    }
    match answer.longest_lease {
        0 => {}
        u32::MAX => writeln!(out, "{indent}  longest lease now: without end")?,
        seconds => writeln!(out, "{indent}  longest lease now: {seconds} s")?,
    }
    for change in &answer.changes {
        writeln!(out, "{indent}  changes {} ({})", when(change), change.rule)?;
    }
    let deeper = format!("{indent}  ");
    answer.addresses.iter().try_for_each(|address| print(address, &deeper, out))
}

fn when(change: &ChangeBody) -> String {
    match change.at {
        Some(at) => format!("at {}: {}", utc(Some(at)), change.text),
        None => format!("once {}", change.text),
    }
}
