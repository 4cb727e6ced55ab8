//! Writes a lease file as dhcpd does.

use std::fmt::{self, Write as _};
use std::net::Ipv4Addr;

use super::date;
use super::lease::{FailoverBlock, Lease, LeaseFile};
use super::read::hardware_name;
use crate::time::UnixTime;

/// The whole file: states first, then the leases in ascending order.
impl fmt::Display for LeaseFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("authoring-byte-order little-endian;\n")?;
        for (name, block) in &self.relationships {
            write_failover(name, block, f)?;
        }
        self.leases.iter().try_for_each(|(address, lease)| write_lease(*address, lease, f))
    }
}

fn write_failover(name: &str, block: &FailoverBlock, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    writeln!(f, "\nfailover peer {} state {{", quoted(name.as_bytes()))?;
    for (whose, state) in [("my", block.own), ("partner", block.partner)] {
        let (state, since) = state
            .map_or(("unknown-state", UnixTime::ABSENT), |(state, since)| (state.name(), since));
        write!(f, "  {whose} state {state}")?;
        if since.is_known() {
            write!(f, " at {}", date::format(since))?;
        }
        f.write_str(";\n")?;
    }
    if let Some(mclt) = block.mclt {
        writeln!(f, "  mclt {mclt};")?;
    }
    f.write_str("}\n")
}

fn write_lease(address: Ipv4Addr, lease: &Lease, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    writeln!(f, "lease {address} {{")?;
    let times = [
        ("starts", lease.starts),
        ("ends", lease.ends),
        ("tstp", lease.tstp),
        ("tsfp", lease.tsfp),
        ("atsfp", lease.atsfp),
        ("cltt", lease.cltt),
    ];
    for (name, time) in times.into_iter().filter(|(_, time)| time.is_known()) {
        writeln!(f, "  {name} {};", date::format(time))?;
    }
    let states = [("", lease.binding), ("next ", lease.next), ("rewind ", lease.rewind)];
    for (which, state) in states {
        if let Some(state) = state {
            writeln!(f, "  {which}binding state {state};")?;
        }
    }
    for (flag, is_set) in [("reserved", lease.reserved), ("dynamic-bootp", lease.bootp)] {
        if is_set {
            writeln!(f, "  {flag};")?;
        }
    }
    if let Some(hardware) = lease.hardware {
        let name = hardware_name(hardware.htype());
        let space = if hardware.octets().is_empty() { "" } else { " " };
        writeln!(f, "  hardware {name}{space}{hardware};")?;
    }
    if let Some(uid) = &lease.uid {
        writeln!(f, "  uid {};", quoted(uid.octets()))?;
    }
    f.write_str("}\n")
}

/// A string in quotes; what cannot be printed stands in octal digits.
pub(super) fn quoted(octets: &[u8]) -> String {
    let mut text = String::from("\"");
    for &octet in octets {
        match octet {
            b'"' | b'\\' => text.extend(['\\', char::from(octet)]),
            b' '..=b'~' => text.push(char::from(octet)),
            // Writing to a String does not fail.
            _ => {
                // Writing to a String does not fail.
                let _written = write!(text, "\\{octet:03o}");
            }
        }
    }
    text.push('"');
    text
}
