//! What a store holds, as the lease file of a dhcpd that takes its place.

use super::lease::{FailoverBlock, Lease};
use crate::balance::Role;
use crate::binding::Binding;
use crate::durable::{EndpointRecord, Recovered};
use crate::time::UnixTime;
use crate::wire::codes::{BindingStatus, FailoverState, IpFlags};

use super::lease::LeaseFile;

/// Adds everything of one owner to `file`. `relationship` is its name and what this server is in it;
/// `None` for the pools without a partner.
pub fn export(relationship: Option<(&str, Role)>, recovered: &Recovered, file: &mut LeaseFile) {
    if let (Some((name, role)), Some(record)) = (relationship, &recovered.endpoint) {
        file.relationships.insert(name.to_owned(), failover_block(role, record));
    }
    let used = recovered.bindings.iter().filter(|binding| binding.was_ever_used());
    file.leases.extend(used.map(|binding| (binding.address, lease(binding))));
}

/// A dhcpd never leaves PAUSED or SHUTDOWN by itself: it gets what this server would return to.
fn failover_block(role: Role, record: &EndpointRecord) -> FailoverBlock {
    let state = match record.state {
        FailoverState::Paused | FailoverState::Shutdown => {
            record.previous_state.unwrap_or(FailoverState::Recover)
        }
        state => state,
    };
    FailoverBlock {
        own: Some((state, record.start_of_state)),
        partner: record.partner_state.map(|state| (state, record.partner_start_of_state)),
        mclt: record.mclt.filter(|_| role == Role::Secondary),
    }
}

/// What both servers agree on goes into tsfp and atsfp. There is something to tell where tstp is later
/// than atsfp; dhcpd takes the end of the lease where there is no tstp.
fn lease(binding: &Binding) -> Lease {
    let agreed = binding.acked_potential_expiration.max(binding.received_potential_expiration);
    let told = binding.sent_potential_expiration;
    let (told, bound, agreed) = if binding.partner_knows {
        let agreed = if agreed.is_known() { agreed } else { binding.lease_expiration };
        (if told.is_known() { told.min(agreed) } else { agreed }, agreed, agreed)
    } else {
        let told = told.max(binding.lease_expiration).max(binding.start_of_status);
        (told, agreed, if told > agreed { agreed } else { UnixTime::ABSENT })
    };
    Lease {
        starts: binding.start_of_status,
        ends: binding.lease_expiration,
        tstp: told,
        tsfp: bound,
        atsfp: agreed,
        cltt: binding.client_last_transaction,
        binding: Some(binding.binding_status),
        next: match binding.binding_status {
            BindingStatus::Active => Some(BindingStatus::Expired),
            BindingStatus::Expired
            | BindingStatus::Released
            | BindingStatus::Reset
            | BindingStatus::Abandoned => Some(BindingStatus::Free),
            BindingStatus::Free | BindingStatus::Backup => None,
        },
        rewind: None,
        reserved: binding.ip_flags.contains(IpFlags::RESERVED),
        bootp: binding.ip_flags.contains(IpFlags::BOOTP),
        hardware: binding.client.as_ref().and_then(|client| client.hardware),
        uid: binding.client.as_ref().and_then(|client| client.identifier.clone()),
    }
}
