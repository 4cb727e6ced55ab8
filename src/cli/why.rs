//! `twinlease why`.

use std::io::{self, Write};
use std::net::Ipv4Addr;

use clap::Args;

use crate::admin::client::escaped;
use crate::admin::json::{ChangeBody, OfferBody, WhyAnswer, WhyBody};

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
    if let (Some(address), None) = (answer.address, answer.bucket) {
        writeln!(out, "{indent}{address}")?;
    }
    answer.offers.iter().try_for_each(|offer| print_offer(offer, indent, out))?;
    for reason in &answer.reasons {
        writeln!(out, "{indent}  {} ({})", reason.text, reason.rule)?;
    }
    if answer.bucket.is_none() && answer.longest_lease > 0 {
        writeln!(out, "{indent}  longest lease now: {}", seconds(answer.longest_lease))?;
    }
    for change in &answer.changes {
        writeln!(out, "{indent}  changes {} ({})", when(change), change.rule)?;
    }
    let deeper = format!("{indent}  ");
    answer.addresses.iter().try_for_each(|address| print(address, &deeper, out))
}

fn print_offer(offer: &OfferBody, indent: &str, out: &mut impl Write) -> io::Result<()> {
    let OfferBody { subnet, text, rule, .. } = offer;
    let Some(address) = offer.address else {
        return writeln!(out, "{indent}in {subnet} it would be offered nothing: {text} ({rule})");
    };
    let (lease, longest) = (seconds(offer.lease), seconds(offer.longest_lease));
    writeln!(
        out,
        "{indent}in {subnet} it would be offered {address}, {lease} if it asks for no length, at \
         most {longest}: {text} ({rule})"
    )
}

fn seconds(lease: u32) -> String {
    match lease {
        u32::MAX => "without end".to_owned(),
        seconds => format!("{seconds} s"),
    }
}

fn when(change: &ChangeBody) -> String {
    match change.at {
        Some(at) => format!("at {}: {}", utc(Some(at)), change.text),
        None => format!("once {}", change.text),
    }
}
