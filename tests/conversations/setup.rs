//! The lines of a script before `start`: configuration, and what an earlier process left on disk.

use std::net::Ipv4Addr;
use std::time::Duration;

use twinlease::balance::Role;
use twinlease::binding::times::Mclt;
use twinlease::binding::{AddressRange, Binding, Client, HardwareAddress};
use twinlease::durable::EndpointRecord;
use twinlease::endpoint::RelationshipConfig;
use twinlease::endpoint::config::{PoolShare, Reservation, StartupPolicy};
use twinlease::time::UnixTime;
use twinlease::wire::codes::IpFlags;

use crate::language::{date, number, pair, seconds, span, state, status};
use crate::options::hardware;

/// MCLT where a script does not say otherwise.
const MCLT: u32 = 600;

/// Addresses of the relationship: so many from 10.20.0.10 on.
const ADDRESSES: u8 = 20;

/// A secondary that serves 10.20.0.10 to 10.20.0.29 with an MCLT of 600 seconds.
pub(crate) fn relationship() -> RelationshipConfig {
    let mut config = RelationshipConfig::new("pair", Role::Secondary, ranges(ADDRESSES));
    // Small windows are to have an effect.
    config.twinlease_window = 0;
    config.mclt = Mclt(MCLT);
    config
}

fn ranges(count: u8) -> Vec<AddressRange> {
    let last = Ipv4Addr::new(10, 20, 0, 9_u8.saturating_add(count));
    AddressRange::new(Ipv4Addr::new(10, 20, 0, 10), last).into_iter().collect()
}

/// One line of configuration.
pub(crate) fn configure(config: &mut RelationshipConfig, words: &[&str]) -> Result<(), String> {
    let time = |word| span(word).map(Duration::from_micros);
    match words {
        ["role", "primary"] => config.role = Role::Primary,
        ["role", "secondary"] => config.role = Role::Secondary,
        ["dialect", name] => {
            config.dialect = name.parse().map_err(|_| format!("no dialect {name}"))?;
        }
        ["mclt", value] => config.mclt = Mclt(seconds(value)?),
        ["receive-timer", value] => config.receive_timer = seconds(value)?,
        ["max-unacked", value] => config.max_unacked_bndupd = number(value)?,
        ["safe-period", value] => config.safe_period = Some(time(value)?),
        ["startup-wait", value] => config.startup_wait = time(value)?,
        ["after", "startup", "proceed"] => config.startup_policy = StartupPolicy::Proceed,
        ["after", "startup", "wait"] => config.startup_policy = StartupPolicy::Wait,
        ["after", "startup", "serve", "alone"] => {
            config.startup_policy = StartupPolicy::CommissionAlone;
        }
        ["storage-lost-at", when] => config.storage_lost_at = Some(date(when, 0)?),
        ["acknowledgement-wait", value] => config.acknowledgement_wait = Some(time(value)?),
        ["clamp", "in", "partner-down", "off"] => config.clamp_in_partner_down = false,
        ["addresses", count] => config.ranges = ranges(number(count)?),
        ["hot-standby", percent] => {
            config.pool_share = PoolShare::SecondaryPercent(number(percent.trim_end_matches('%'))?);
        }
        ["reserved", address, "for", client] => config.reservations.push(Reservation {
            address: address.parse().map_err(|_| format!("{address} is no address"))?,
            client: holder(client)?,
        }),
        _ => return Err(format!("unknown configuration: {}", words.join(" "))),
    }
    Ok(())
}

fn holder(client: &str) -> Result<Client, String> {
    let number = number(client.trim_start_matches("client="))?;
    let hardware = HardwareAddress::from_wire(&hardware(number));
    Ok(Client { identifier: None, hardware })
}

/// `stored STATE ...`: what an earlier process wrote of itself.
pub(crate) fn stored(words: &[&str], now: u64) -> Result<EndpointRecord, String> {
    let [own, rest @ ..] = words else { return Err("stored needs a state".to_owned()) };
    let mut record = EndpointRecord {
        state: state(own)?,
        start_of_state: date("-1000s", now)?,
        previous_state: None,
        partner_state: None,
        partner_start_of_state: UnixTime::ABSENT,
        last_operation: date("-10s", now)?,
        down_time: UnixTime::ABSENT,
        storage_lost: false,
        owes_update_all: false,
        contact_in_partner_down: false,
        mclt: Some(MCLT),
        hash_bucket_assignment: Some([0xff; 32]),
        last_connect_time: None,
        unsure_before: UnixTime::ABSENT,
        maintenance_until: None,
    };
    for word in rest {
        match (*word, pair(word)) {
            (_, Some(("since", value))) => record.start_of_state = date(value, now)?,
            (_, Some(("last-operation", value))) => record.last_operation = date(value, now)?,
            (_, Some(("down", value))) => record.down_time = date(value, now)?,
            (_, Some(("previous", value))) => record.previous_state = Some(state(value)?),
            (_, Some(("partner", value))) => record.partner_state = Some(state(value)?),
            (_, Some(("partner-since", value))) => {
                record.partner_start_of_state = date(value, now)?;
            }
            (_, Some(("mclt", value))) => record.mclt = Some(seconds(value)?),
            ("storage-lost", _) => record.storage_lost = true,
            ("owes-everything", _) => record.owes_update_all = true,
            ("met-partner", _) => record.contact_in_partner_down = true,
            _ => return Err(format!("{word} is nothing that is stored of a server")),
        }
    }
    Ok(record)
}

/// `stored binding ADDRESS STATUS ...`.
pub(crate) fn stored_binding(words: &[&str], now: u64) -> Result<Binding, String> {
    let [address, of_binding, rest @ ..] = words else {
        return Err("stored binding needs an address and a status".to_owned());
    };
    let address = address.parse().map_err(|_| format!("{address} is no address"))?;
    let mut binding = Binding { binding_status: status(of_binding)?, ..Binding::unused(address) };
    for word in rest {
        match (*word, pair(word)) {
            (_, Some(("client", client))) => binding.client = Some(holder(client)?),
            (_, Some((field, value))) => *time(&mut binding, field)? = date(value, now)?,
            ("unknown-to-partner", _) => binding.partner_knows = false,
            ("reserved", _) => binding.ip_flags = IpFlags::RESERVED,
            _ => return Err(format!("{word} is nothing that is stored of an address")),
        }
    }
    Ok(binding)
}

fn time<'b>(binding: &'b mut Binding, field: &str) -> Result<&'b mut UnixTime, String> {
    Ok(match field {
        "lease" => &mut binding.lease_expiration,
        "sent" => &mut binding.sent_potential_expiration,
        "acked" => &mut binding.acked_potential_expiration,
        "received" => &mut binding.received_potential_expiration,
        "last-transaction" => &mut binding.client_last_transaction,
        "since" => &mut binding.start_of_status,
        _ => return Err(format!("{field} is no time of an address")),
    })
}

/// What is wrong with `binding` if words should describe it; nothing if they do.
pub(crate) fn fault_of(
    binding: &Binding,
    words: &[&str],
    now: u64,
) -> Result<Option<String>, String> {
    let mut copy = binding.clone();
    for word in words {
        let right = match (*word, pair(word)) {
            ("known-to-partner", _) => binding.partner_knows,
            ("unknown-to-partner", _) => !binding.partner_knows,
            ("reserved", _) => binding.ip_flags.contains(IpFlags::RESERVED),
            (_, Some(("client", "none"))) => binding.client.is_none(),
            (_, Some(("client", client))) => binding.belongs_to(&holder(client)?.as_ref()),
            (_, Some((field, value))) => *time(&mut copy, field)? == date(value, now)?,
            (word, None) => binding.binding_status == status(word)?,
        };
        if !right {
            return Ok(Some(format!("not {word}: {binding:?}")));
        }
    }
    Ok(None)
}
