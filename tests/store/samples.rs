//! Records with every field set to something of its own.

use std::net::Ipv4Addr;

use twinlease::binding::carried::Parts;
use twinlease::binding::{Binding, Carried, Client, ClientIdentifier, HardwareAddress};
use twinlease::durable::{Change, EndpointRecord, Recovered};
use twinlease::store::{LeaseStore, OwnerId};
use twinlease::time::UnixTime;
use twinlease::wire::codes::{BindingStatus, DdnsFlags, FailoverState, IpFlags};
use twinlease::wire::ddns::Ddns;

pub(crate) fn address(last: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 78, 0, last)
}

/// A binding in which no two fields are alike.
pub(crate) fn binding(last: u8) -> Binding {
    Binding {
        address: address(last),
        binding_status: BindingStatus::Active,
        ip_flags: IpFlags(0x8003),
        client: Some(Client {
            identifier: ClientIdentifier::new(&[1, 0, 12, 1, 2, 3, last]),
            hardware: HardwareAddress::new(1, &[0, 12, 1, 2, 3, last]),
        }),
        lease_expiration: UnixTime(1_700_000_001),
        sent_potential_expiration: UnixTime(1_700_000_002),
        acked_potential_expiration: UnixTime(1_700_000_003),
        received_potential_expiration: UnixTime(1_700_000_004),
        client_last_transaction: UnixTime(1_700_000_005),
        start_of_status: UnixTime(1_700_000_006),
        carried: Carried::NOTHING,
        partner_knows: false,
    }
}

/// The same with options and DNS state beside it.
pub(crate) fn carrying(last: u8) -> Binding {
    let carried = Carried::new(Parts {
        request_options: Some(&[99, 130, 83, 99, 12, 1, last]),
        reply_options: Some(&[99, 130, 83, 99, 58, 4, 0, 0, 1, 44]),
        ddns: Ddns::new(DdnsFlags(7), b"\x04host\x07example\x00"),
    });
    Binding { carried, ..binding(last) }
}

/// An endpoint record in which no two fields are alike.
pub(crate) fn endpoint() -> EndpointRecord {
    EndpointRecord {
        state: FailoverState::PartnerDown,
        start_of_state: UnixTime(1_700_000_011),
        previous_state: Some(FailoverState::Normal),
        partner_state: Some(FailoverState::RecoverWait),
        partner_start_of_state: UnixTime(1_700_000_012),
        last_operation: UnixTime(1_700_000_013),
        down_time: UnixTime(1_700_000_014),
        storage_lost: true,
        owes_update_all: false,
        contact_in_partner_down: true,
        mclt: Some(3600),
        hash_bucket_assignment: Some(std::array::from_fn(|octet| octet as u8)),
        last_connect_time: Some(UnixTime(0x6553_f109)),
        unsure_before: UnixTime(1_700_000_015),
        maintenance_until: None,
    }
}

pub(crate) fn set(owner: OwnerId, binding: Binding) -> (OwnerId, Change) {
    (owner, Change::Binding(binding))
}

/// What the owner `name` has.
pub(crate) fn recovered(store: &mut impl LeaseStore, name: &str) -> Recovered {
    store.open_owner(name).unwrap().1
}
