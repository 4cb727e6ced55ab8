//! Pools without a partner: the same contract as an endpoint's, no protocol.

use std::time::Duration;

use twinlease::binding::carried::Parts;
use twinlease::binding::table::RangeId;
use twinlease::binding::{AddressRange, Binding, ClientIdentifier, ClientRef};
use twinlease::durable::{Change, Recovered};
use twinlease::endpoint::config::Reservation;
use twinlease::endpoint::{
    Alone, Availability, BindingChange, ClientRequest, LeaseAuthority, LeaseDetails, Output,
    RecordError, RequestKind, Service, Unavailable,
};
use twinlease::time::{Instant, Now, UnixTime};
use twinlease::wire::codes::{BindingStatus, DdnsFlags, IpFlags};
use twinlease::wire::ddns::Ddns;

use crate::support::{START, address, client};

fn at(seconds: u32) -> Now {
    let monotonic = Instant::from_micros(0).after(Duration::from_secs(u64::from(seconds)));
    Now { monotonic, wall: UnixTime(START + seconds) }
}

/// Owner of 10.20.0.10 to 10.20.0.12.
fn owner_of(bindings: Vec<Binding>, reservations: &[Reservation]) -> Alone {
    let range = AddressRange::new(address(10), address(12)).unwrap();
    let recovered = Recovered { endpoint: None, bindings };
    Alone::new(&[range], reservations, 1, &recovered, at(0)).expect("good configuration")
}

fn lease(alone: &mut Alone, now: Now, last: u8, number: u8, seconds: u32) {
    let (address, client) = (address(last), client(number));
    let grant = alone.grant(address, &client, seconds, now);
    alone
        .record(
            now,
            BindingChange::Leased { address, client, grant, details: LeaseDetails::default() },
        )
        .unwrap();
}

/// The bindings committed since the last call, with their ids.
fn committed(alone: &mut Alone) -> Vec<(u64, Binding)> {
    let mut commits = Vec::new();
    loop {
        match alone.poll_output() {
            Output::Commit(commit) => {
                let Change::Binding(binding) = commit.change else { panic!("only bindings") };
                commits.push((commit.id.0, binding));
            }
            Output::Idle { .. } => return commits,
            other => panic!("{other:?}"),
        }
    }
}

fn reserved_for(number: u8) -> Reservation {
    Reservation { address: address(11), client: client(number).to_client() }
}

#[test]
fn everybody_is_served() {
    let request = ClientRequest {
        kind: RequestKind::Discover,
        client: client(1),
        secs: 0,
        addressed_to_this_server: false,
        ranges: &[RangeId(0)],
    };
    assert_eq!(owner_of(vec![], &[]).service_for(&request, at(0)), Service::Serve);
}

/// A client with a lease that is not known here is not of a partner: there is none.
#[test]
fn no_renewal_of_an_unknown_lease_is_believed() {
    assert!(!owner_of(vec![], &[]).believes_renewals());
}

#[test]
fn a_lease_is_as_long_as_desired() {
    let alone = owner_of(vec![], &[]);
    let grant = alone.grant(address(10), &client(1), 36_000, at(0));
    assert_eq!(grant.lease_seconds, 36_000);
    assert_eq!(grant.lease_expiration, UnixTime(START + 36_000));
    assert_eq!(grant.potential_expiration, UnixTime::ABSENT);
}

#[test]
fn a_lease_is_committed_with_its_holder_and_times() {
    let mut alone = owner_of(vec![], &[]);
    lease(&mut alone, at(5), 10, 1, 600);
    let expected = Binding {
        binding_status: BindingStatus::Active,
        client: Some(client(1).to_client()),
        lease_expiration: UnixTime(START + 605),
        client_last_transaction: UnixTime(START + 5),
        start_of_status: UnixTime(START + 5),
        ..Binding::unused(address(10))
    };
    assert_eq!(committed(&mut alone), [(1, expected.clone())]);
    assert_eq!(alone.table().get(address(10)), Some(expected));
}

#[test]
fn every_commit_has_an_id_of_its_own_which_is_returned() {
    let mut alone = owner_of(vec![], &[]);
    lease(&mut alone, at(0), 10, 1, 600);
    let released = alone.record(at(1), BindingChange::Released { address: address(10) }).unwrap();
    let ids: Vec<_> = committed(&mut alone).into_iter().map(|(id, _)| id).collect();
    assert_eq!(ids, [1, 2]);
    assert_eq!(released.0, 2);
}

#[test]
fn a_renewal_keeps_the_beginning_of_the_status() {
    let mut alone = owner_of(vec![], &[]);
    lease(&mut alone, at(0), 10, 1, 600);
    lease(&mut alone, at(100), 10, 1, 600);
    let binding = alone.table().get(address(10)).unwrap();
    assert_eq!(binding.start_of_status, UnixTime(START));
    assert_eq!(binding.client_last_transaction, UnixTime(START + 100));
}

#[test]
fn another_holder_begins_the_status_anew() {
    let mut alone = owner_of(vec![], &[]);
    lease(&mut alone, at(0), 10, 1, 600);
    lease(&mut alone, at(100), 10, 2, 600);
    let binding = alone.table().get(address(10)).unwrap();
    assert_eq!(binding.start_of_status, UnixTime(START + 100));
}

#[test]
fn a_released_address_is_free_from_then_on() {
    let mut alone = owner_of(vec![], &[]);
    lease(&mut alone, at(0), 10, 1, 600);
    alone.record(at(50), BindingChange::Released { address: address(10) }).unwrap();
    let (_, binding) = committed(&mut alone).pop().unwrap();
    assert_eq!(binding.binding_status, BindingStatus::Free);
    assert_eq!(binding.start_of_status, UnixTime(START + 50));
    assert_eq!(binding.lease_expiration, UnixTime(START + 50));
    assert!(binding.belongs_to(&client(1)));
}

#[test]
fn an_abandoned_address_rests_without_its_client_for_a_day() {
    let mut alone = owner_of(vec![], &[]);
    lease(&mut alone, at(0), 10, 1, 600);
    alone.record(at(50), BindingChange::Abandoned { address: address(10) }).unwrap();
    let (_, binding) = committed(&mut alone).pop().unwrap();
    assert_eq!(binding.binding_status, BindingStatus::Abandoned);
    assert_eq!(binding.client, None);
    assert_eq!(binding.lease_expiration, UnixTime(START + 50 + 86_400));
    assert_eq!(binding.start_of_status, UnixTime(START + 50));
    let answer = alone.availability(address(10), &client(2), at(51));
    assert_eq!(answer, Availability::No(Unavailable::Abandoned));
}

#[test]
fn a_lease_ends_when_its_time_has_come_and_not_before() {
    let mut alone = owner_of(vec![], &[]);
    lease(&mut alone, at(0), 10, 1, 600);
    committed(&mut alone);
    assert_eq!(alone.poll_output(), Output::Idle { wake_at: Some(at(600).monotonic) });
    alone.time_reached(at(599));
    assert_eq!(committed(&mut alone), []);
    alone.time_reached(at(600));
    let (_, binding) = committed(&mut alone).pop().expect("freed");
    assert_eq!(binding.binding_status, BindingStatus::Free);
    assert_eq!(binding.start_of_status, UnixTime(START + 600));
    assert_eq!(alone.poll_output(), Output::Idle { wake_at: None });
}

#[test]
fn availability_depends_on_the_holder() {
    let mut alone = owner_of(vec![], &[]);
    assert_eq!(alone.availability(address(10), &client(1), at(0)), Availability::Lease);
    lease(&mut alone, at(0), 10, 1, 600);
    assert_eq!(alone.availability(address(10), &client(1), at(0)), Availability::Renew);
    let other = alone.availability(address(10), &client(2), at(0));
    assert_eq!(other, Availability::No(Unavailable::HeldByOther));
}

#[test]
fn an_address_of_no_range_is_unknown() {
    let mut alone = owner_of(vec![], &[]);
    let answer = alone.availability(address(99), &client(1), at(0));
    assert_eq!(answer, Availability::No(Unavailable::UnknownAddress));
    assert!(alone.record(at(0), BindingChange::Reset { address: address(99) }).is_err());
}

#[test]
fn every_status_without_a_holder_may_be_leased() {
    for status in [
        BindingStatus::Free,
        BindingStatus::Backup,
        BindingStatus::Expired,
        BindingStatus::Released,
        BindingStatus::Reset,
    ] {
        let binding = Binding { binding_status: status, ..Binding::unused(address(10)) };
        let alone = owner_of(vec![binding], &[]);
        assert_eq!(alone.availability(address(10), &client(1), at(0)), Availability::Lease);
    }
}

#[test]
fn a_reserved_address_is_for_its_client_only() {
    let alone = owner_of(vec![], &[reserved_for(1)]);
    assert_eq!(alone.availability(address(11), &client(1), at(0)), Availability::Lease);
    let other = alone.availability(address(11), &client(2), at(0));
    assert_eq!(other, Availability::No(Unavailable::Reserved));
    assert_eq!(alone.availability(address(10), &client(2), at(0)), Availability::Lease);
}

#[test]
fn a_reservation_by_identifier_asks_for_the_identifier() {
    let mut holder = client(1).to_client();
    holder.identifier = ClientIdentifier::new(b"printer");
    let alone = owner_of(vec![], &[Reservation { address: address(11), client: holder }]);
    let printer = ClientRef { identifier: Some(b"printer"), ..client(9) };
    assert_eq!(alone.availability(address(11), &printer, at(0)), Availability::Lease);
    let same_hardware = alone.availability(address(11), &client(1), at(0));
    assert_eq!(same_hardware, Availability::No(Unavailable::Reserved));
}

#[test]
fn the_address_unused_for_longest_is_chosen_unless_parked_or_reserved() {
    let alone = owner_of(vec![], &[reserved_for(1)]);
    let choose = |parked: u8| alone.choose(RangeId(0), at(0), &|found| found == address(parked));
    assert_eq!(choose(99), Some(address(10)));
    assert_eq!(choose(10), Some(address(12)));
}

#[test]
fn a_parked_address_goes_behind_the_others() {
    let mut alone = owner_of(vec![], &[]);
    alone.park(address(10));
    assert_eq!(alone.choose(RangeId(0), at(0), &|_| false), Some(address(11)));
}

#[test]
fn what_a_former_partner_owned_is_chosen_when_nothing_is_free() {
    let bindings = (10..=12).map(|last| Binding {
        binding_status: BindingStatus::Backup,
        ..Binding::unused(address(last))
    });
    let alone = owner_of(bindings.collect(), &[]);
    assert_eq!(alone.choose(RangeId(0), at(0), &|_| false), Some(address(10)));
}

#[test]
fn bindings_of_a_range_no_longer_configured_are_passed_over() {
    let alone = owner_of(vec![Binding::unused(address(99))], &[]);
    assert_eq!(alone.table().get(address(99)), None);
    assert_eq!(alone.ranges().len(), 1);
}

#[test]
fn a_lease_to_an_identifier_over_255_octets_is_refused() {
    let mut alone = owner_of(Vec::new(), &[]);
    let (address, identifier) = (address(10), [7; 256]);
    let client = ClientRef { identifier: Some(&identifier), ..client(1) };
    let grant = alone.grant(address, &client, 60, at(0));
    let details = LeaseDetails::default();
    let change = BindingChange::Leased { address, client, grant, details };
    assert_eq!(alone.record(at(0), change), Err(RecordError::IdentifierTooLong(256)));
}

#[test]
fn what_has_become_of_dns_records_is_carried_with_the_lease() {
    let mut alone = owner_of(vec![], &[]);
    lease(&mut alone, at(0), 10, 1, 60);
    let ddns = Ddns::new(DdnsFlags::FORWARD_DONE, b"\x02pc\x07example\x00").unwrap();
    alone.record(at(1), BindingChange::DnsUpdated { address: address(10), ddns }).unwrap();
    assert_eq!(alone.table().get(address(10)).unwrap().carried.parts().ddns, Some(ddns));
}

#[test]
fn what_a_client_said_is_carried_with_its_lease_and_outlives_renewals_past_the_relay() {
    let relayed: &[u8] = &[99, 130, 83, 99, 82, 2, 1, 0];
    let mut alone = owner_of(vec![], &[]);
    for (seconds, request_options) in [(0, Some(relayed)), (30, None)] {
        let (address, client) = (address(10), client(1));
        let grant = alone.grant(address, &client, 60, at(seconds));
        let carried = Parts { request_options, ..Parts::default() };
        let details = LeaseDetails { carried, ..LeaseDetails::default() };
        alone
            .record(at(seconds), BindingChange::Leased { address, client, grant, details })
            .unwrap();
        let binding = alone.table().get(address).unwrap();
        assert_eq!(binding.carried.parts().request_options, Some(relayed));
    }
}

#[test]
fn a_lease_is_marked_as_one_by_bootp_and_the_next_is_not() {
    let mut alone = owner_of(vec![], &[]);
    for bootp in [true, false] {
        let (address, client) = (address(10), client(1));
        let grant = alone.grant(address, &client, 600, at(0));
        let details = LeaseDetails { bootp, ..LeaseDetails::default() };
        let change = BindingChange::Leased { address, client, grant, details };
        alone.record(at(0), change).unwrap();
        let (_, binding) = committed(&mut alone).pop().unwrap();
        assert_eq!(binding.ip_flags.contains(IpFlags::BOOTP), bootp);
    }
}
