//! A dhcpd's lease file, as what the store of the twinlease in its place begins with.

use std::net::Ipv4Addr;

use super::lease::{FailoverBlock, Lease, LeaseFile};
use crate::balance::Role;
use crate::binding::{AddressRange, Binding, Client};
use crate::durable::{EndpointRecord, Recovered};
use crate::time::UnixTime;
use crate::wire::codes::{BindingStatus, FailoverState, IpFlags};

/// Who decides about some of the addresses.
#[derive(Clone, Copy, Debug)]
pub struct Owner<'a> {
    /// Name of the relationship, and what this server is in it; `None` for pools without a partner.
    pub relationship: Option<(&'a str, Role)>,
    /// Its addresses.
    pub ranges: &'a [AddressRange],
}

/// What a lease file comes to.
#[derive(Clone, Debug, Default)]
pub struct Imported {
    /// What each owner has, in the order of the owners.
    pub owners: Vec<Recovered>,
    /// Leases that lie in no pool.
    pub left_out: Vec<Ipv4Addr>,
    /// Relationships of the file that are not configured.
    pub unknown: Vec<String>,
}

/// Divides a lease file among owners. `trusted` takes the state of each relationship from the file,
/// where it is one to go on from; otherwise, and where it is not, the server begins in RECOVER and asks
/// its partner for everything.
pub fn import(file: &LeaseFile, owners: &[Owner<'_>], trusted: bool, now: UnixTime) -> Imported {
    let mut imported = Imported {
        owners: vec![Recovered::default(); owners.len()],
        left_out: Vec::new(),
        unknown: file
            .relationships
            .keys()
            .filter(|name| owners.iter().all(|owner| owner.is_not(name)))
            .cloned()
            .collect(),
    };
    for (address, lease) in &file.leases {
        let owner = owners.iter().position(|owner| owner.has(*address));
        match owner.and_then(|index| imported.owners.get_mut(index)) {
            Some(recovered) => recovered.bindings.push(binding(*address, lease, now)),
            None => imported.left_out.push(*address),
        }
    }
    for (owner, recovered) in owners.iter().zip(&mut imported.owners) {
        if let Some((name, role)) = owner.relationship
            && let Some(block) = file.relationships.get(name)
        {
            let last = last_operation(block, &recovered.bindings, now);
            recovered.endpoint = Some(record(block, role, trusted, last, now));
        }
    }
    imported
}

impl Owner<'_> {
    fn is_not(&self, name: &str) -> bool {
        self.relationship.is_none_or(|(own, _)| own != name)
    }

    fn has(&self, address: Ipv4Addr) -> bool {
        self.ranges.iter().any(|range| range.contains(address))
    }
}

/// dhcpd keeps one time for what the partner acknowledged and what it promised. Both bind.
fn binding(address: Ipv4Addr, lease: &Lease, now: UnixTime) -> Binding {
    let status = lease.binding.unwrap_or(if lease.ends > now {
        BindingStatus::Active
    } else {
        BindingStatus::Free
    });
    let known_identity = lease.uid.is_some() || lease.hardware.is_some();
    let client =
        known_identity.then(|| Client { identifier: lease.uid.clone(), hardware: lease.hardware });
    let mut flags = IpFlags(0);
    for (flag, is_set) in [(IpFlags::RESERVED, lease.reserved), (IpFlags::BOOTP, lease.bootp)] {
        flags.0 |= if is_set { flag.0 } else { 0 };
    }
    let tstp = if lease.tstp.is_known() { lease.tstp } else { lease.ends };
    let waits =
        matches!(status, BindingStatus::Expired | BindingStatus::Released | BindingStatus::Reset);
    Binding {
        binding_status: status,
        ip_flags: flags,
        client,
        lease_expiration: lease.ends,
        sent_potential_expiration: lease.tstp,
        acked_potential_expiration: lease.atsfp,
        received_potential_expiration: lease.tsfp.max(lease.atsfp),
        client_last_transaction: lease.cltt,
        start_of_status: lease.starts,
        partner_knows: !waits && tstp <= lease.atsfp,
        ..Binding::unused(address)
    }
}

/// The latest thing that the file knows of; the future is no operation.
fn last_operation(block: &FailoverBlock, bindings: &[Binding], now: UnixTime) -> UnixTime {
    let states = [block.own, block.partner].into_iter().flatten().map(|(_, since)| since);
    let leases = bindings.iter().flat_map(|b| [b.start_of_status, b.client_last_transaction]);
    states.chain(leases).filter(|time| *time <= now).max().unwrap_or_default()
}

fn record(
    block: &FailoverBlock,
    role: Role,
    trusted: bool,
    last_operation: UnixTime,
    now: UnixTime,
) -> EndpointRecord {
    let found = block.own.filter(|(state, _)| trusted && goes_on_from(*state));
    let recovers = found.is_none();
    let (state, since) = found.unwrap_or((FailoverState::Recover, now));
    EndpointRecord {
        state,
        start_of_state: since,
        previous_state: None,
        partner_state: block.partner.map(|(state, _)| state),
        partner_start_of_state: block.partner.map_or(UnixTime::ABSENT, |(_, since)| since),
        last_operation,
        down_time: if recovers { last_operation } else { UnixTime::ABSENT },
        storage_lost: recovers,
        owes_update_all: false,
        contact_in_partner_down: false,
        mclt: block.mclt.filter(|_| role == Role::Secondary),
        hash_bucket_assignment: None,
        last_connect_time: None,
        unsure_before: UnixTime::ABSENT,
        maintenance_until: None,
    }
}

/// States in which the lease file is complete.
const fn goes_on_from(state: FailoverState) -> bool {
    matches!(
        state,
        FailoverState::Normal
            | FailoverState::CommunicationsInterrupted
            | FailoverState::PartnerDown
    )
}
