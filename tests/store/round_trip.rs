//! Everything committed is read back as it was, from either store.

use std::net::Ipv4Addr;

use twinlease::binding::{Binding, Client, ClientIdentifier, HardwareAddress};
use twinlease::durable::{Change, EndpointRecord, Recovered};
use twinlease::store::{Contents, Journal, LeaseStore, MemoryStore, OwnerId, StoreError};
use twinlease::time::UnixTime;
use twinlease::wire::codes::{BindingStatus, FailoverState};

use crate::samples::{address, binding, carrying, endpoint, recovered, set};

/// Commits `batch` to a store on disk, opens it again and reads the owner "a".
fn through_the_disk(batch: impl FnOnce(OwnerId) -> Vec<(OwnerId, Change)>) -> Recovered {
    let directory = tempfile::tempdir().unwrap();
    let mut store = Journal::open(directory.path()).unwrap();
    let (owner, _) = store.open_owner("a").unwrap();
    store.commit(&batch(owner)).unwrap();
    drop(store);
    recovered(&mut Journal::open(directory.path()).unwrap(), "a")
}

fn binding_through_the_disk(binding: Binding) -> Binding {
    let mut read = through_the_disk(|owner| vec![set(owner, binding)]).bindings;
    assert_eq!(read.len(), 1);
    read.remove(0)
}

fn endpoint_through_the_disk(record: EndpointRecord) -> EndpointRecord {
    through_the_disk(|owner| vec![(owner, Change::Endpoint(record))]).endpoint.unwrap()
}

#[test]
fn a_new_owner_has_nothing() {
    assert_eq!(through_the_disk(|_| Vec::new()), Recovered::default());
}

/// Holds: FO-5.2.1-15, FO-5.2.1-16.
/// Holds: FO-9.4.2-9.
#[test]
fn every_field_of_a_binding_is_kept() {
    assert_eq!(binding_through_the_disk(binding(1)), binding(1));
}

#[test]
fn what_a_binding_carries_is_kept() {
    assert_eq!(binding_through_the_disk(carrying(1)), carrying(1));
}

#[test]
fn every_binding_status_is_kept() {
    for status in BindingStatus::ALL {
        let expected = Binding { binding_status: *status, ..binding(1) };
        assert_eq!(binding_through_the_disk(expected.clone()), expected);
    }
}

#[test]
fn an_unused_binding_is_kept() {
    let unused = Binding::unused(address(9));
    assert_eq!(binding_through_the_disk(unused.clone()), unused);
}

#[test]
fn client_identifiers_of_every_length_are_kept() {
    let clients = (1..=255u8).map(|len| Binding {
        client: Some(Client {
            identifier: ClientIdentifier::new(&vec![len; usize::from(len)]),
            hardware: None,
        }),
        ..binding(len)
    });
    let expected: Vec<_> = clients.collect();
    let batch = expected.clone();
    let read = through_the_disk(|owner| batch.into_iter().map(|b| set(owner, b)).collect());
    assert_eq!(read.bindings, expected);
}

#[test]
fn hardware_addresses_of_every_length_are_kept() {
    for len in 0..=16 {
        let hardware = HardwareAddress::new(32, &vec![0xab; len]);
        assert!(hardware.is_some());
        let client = Some(Client { identifier: None, hardware });
        let expected = Binding { client, ..binding(1) };
        assert_eq!(binding_through_the_disk(expected.clone()), expected);
    }
}

#[test]
fn a_client_of_whom_nothing_is_known_is_not_the_absence_of_a_client() {
    let expected =
        Binding { client: Some(Client { identifier: None, hardware: None }), ..binding(1) };
    assert_eq!(binding_through_the_disk(expected.clone()), expected);
}

#[test]
fn an_infinite_lease_is_kept() {
    let expected = Binding { lease_expiration: UnixTime::INFINITE, ..binding(1) };
    assert_eq!(binding_through_the_disk(expected.clone()), expected);
}

#[test]
fn every_field_of_an_endpoint_record_is_kept() {
    assert_eq!(endpoint_through_the_disk(endpoint()), endpoint());
}

#[test]
fn the_end_of_maintenance_is_kept_with_and_without_the_time_of_a_connect() {
    for last_connect_time in [None, endpoint().last_connect_time] {
        let maintenance_until = Some(UnixTime(1_700_000_015));
        let record = EndpointRecord { last_connect_time, maintenance_until, ..endpoint() };
        assert_eq!(endpoint_through_the_disk(record.clone()), record);
    }
}

#[test]
fn every_failover_state_is_kept_in_each_of_its_places() {
    for state in FailoverState::ALL {
        let expected = EndpointRecord {
            state: *state,
            previous_state: Some(*state),
            partner_state: Some(*state),
            ..endpoint()
        };
        assert_eq!(endpoint_through_the_disk(expected.clone()), expected);
    }
}

#[test]
fn what_an_endpoint_does_not_know_is_kept_as_unknown() {
    let expected = EndpointRecord {
        previous_state: None,
        partner_state: None,
        storage_lost: false,
        owes_update_all: true,
        contact_in_partner_down: false,
        mclt: None,
        hash_bucket_assignment: None,
        last_connect_time: None,
        unsure_before: UnixTime::ABSENT,
        ..endpoint()
    };
    assert_eq!(endpoint_through_the_disk(expected.clone()), expected);
}

#[test]
fn the_last_change_of_an_address_in_a_batch_wins() {
    let later = Binding { binding_status: BindingStatus::Released, ..binding(1) };
    let batch =
        |owner| vec![set(owner, binding(1)), set(owner, binding(2)), set(owner, later.clone())];
    assert_eq!(through_the_disk(batch).bindings, [later.clone(), binding(2)]);
}

#[test]
fn the_last_endpoint_record_in_a_batch_wins() {
    let later = EndpointRecord { state: FailoverState::Normal, ..endpoint() };
    let read = through_the_disk(|owner| {
        vec![(owner, Change::Endpoint(endpoint())), (owner, Change::Endpoint(later.clone()))]
    });
    assert_eq!(read.endpoint, Some(later));
}

#[test]
fn bindings_are_read_in_the_order_of_their_addresses() {
    let last = Binding { address: Ipv4Addr::BROADCAST, ..binding(0) };
    let first = Binding { address: Ipv4Addr::UNSPECIFIED, ..binding(0) };
    let expected = [first.clone(), binding(7), binding(200), last.clone()];
    let read = through_the_disk(|owner| {
        [last, binding(200), first, binding(7)].map(|b| set(owner, b)).to_vec()
    });
    assert_eq!(read.bindings, expected);
}

#[test]
fn owners_with_the_same_address_do_not_see_each_other() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = Journal::open(directory.path()).unwrap();
    let (a, _) = store.open_owner("a").unwrap();
    let (b, _) = store.open_owner("b").unwrap();
    let of_b = Binding { binding_status: BindingStatus::Backup, ..binding(1) };
    store.commit(&[set(a, binding(1)), set(b, of_b.clone())]).unwrap();
    assert_eq!(recovered(&mut store, "a").bindings, [binding(1)]);
    assert_eq!(recovered(&mut store, "b").bindings, [of_b]);
}

#[test]
fn an_owner_keeps_its_number_whatever_the_order_of_opening() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = Journal::open(directory.path()).unwrap();
    let numbers = ["a", "b", "c"].map(|name| store.open_owner(name).unwrap().0);
    drop(store);
    let mut store = Journal::open(directory.path()).unwrap();
    let again = ["c", "b", "a"].map(|name| store.open_owner(name).unwrap().0);
    assert_eq!(numbers, [OwnerId(0), OwnerId(1), OwnerId(2)]);
    assert_eq!(again, [OwnerId(2), OwnerId(1), OwnerId(0)]);
}

#[test]
fn the_names_of_all_owners_are_known_in_the_order_of_their_numbers() {
    let directory = tempfile::tempdir().unwrap();
    let mut disk = Journal::open(directory.path()).unwrap();
    let mut memory = MemoryStore::new();
    for name in ["c", "a", "b"] {
        disk.open_owner(name).unwrap();
        memory.open_owner(name).unwrap();
    }
    assert_eq!(disk.owner_names().unwrap(), ["c", "a", "b"]);
    assert_eq!(memory.owner_names().unwrap(), ["c", "a", "b"]);
}

#[test]
fn an_owner_without_a_name_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = Journal::open(directory.path()).unwrap();
    assert!(matches!(store.open_owner(""), Err(StoreError::OwnerName { len: 0 })));
}

#[test]
fn verify_counts_what_there_is() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = Journal::open(directory.path()).unwrap();
    let (owner, _) = store.open_owner("a").unwrap();
    store.open_owner("b").unwrap();
    let batch =
        [set(owner, binding(1)), set(owner, binding(2)), (owner, Change::Endpoint(endpoint()))];
    store.commit(&batch).unwrap();
    assert_eq!(store.verify().unwrap(), Contents { owners: 2, endpoints: 1, bindings: 2 });
}

#[test]
fn the_memory_store_holds_what_the_disk_store_holds() {
    let directory = tempfile::tempdir().unwrap();
    let mut disk = Journal::open(directory.path()).unwrap();
    let mut memory = MemoryStore::new();
    for batch in 0..20u8 {
        for name in ["a", "b"] {
            let (owner, _) = disk.open_owner(name).unwrap();
            assert_eq!(memory.open_owner(name).unwrap().0, owner);
            let status = BindingStatus::ALL[usize::from(batch) % BindingStatus::ALL.len()];
            let changes = [3, 1, 3].map(|step| {
                let last = batch.wrapping_mul(step);
                set(owner, Binding { binding_status: status, ..binding(last) })
            });
            disk.commit(&changes).unwrap();
            memory.commit(&changes).unwrap();
            disk.commit(&[(owner, Change::Endpoint(endpoint()))]).unwrap();
            memory.commit(&[(owner, Change::Endpoint(endpoint()))]).unwrap();
        }
    }
    for name in ["a", "b"] {
        assert_eq!(recovered(&mut disk, name), recovered(&mut memory, name));
    }
    assert_eq!(disk.verify().unwrap(), memory.verify().unwrap());
}
