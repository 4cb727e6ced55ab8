//! To whom an address belongs while it is unused, and the way there (§5.4, §5.5, §5.11).

use twinlease::balance::Role;
use twinlease::binding::table::RangeId;
use twinlease::binding::{AddressRange, Binding};
use twinlease::durable::{EndpointRecord, Recovered};
use twinlease::endpoint::{
    Availability, BindingChange, Input, LeaseAuthority, LeaseDetails, OperatorCommand,
    RelationshipConfig, Service, Unavailable,
};
use twinlease::time::UnixTime;
use twinlease::wire::bndupd::BindingUpdate;
use twinlease::wire::codes::{BindingStatus, FailoverState, MessageType, RejectReason};
use twinlease::wire::dialect::Dialect;
use twinlease::wire::message::Message;

use crate::support::scripted::{LINK, Said, Script, stored};
use crate::support::world::{PRIMARY, SECONDARY, World};
use crate::support::{MCLT, START, address, client, config};

fn draft(role: Role, size: u8) -> RelationshipConfig {
    let mut relationship = config(role, size);
    relationship.dialect = Dialect::Draft12;
    relationship
}

fn lease(script: &mut Script, last: u8, number: u8, seconds: u32) {
    let (now, address, client) = (script.now, address(last), client(number));
    let grant = script.endpoint.grant(address, &client, seconds, now);
    script
        .endpoint
        .record(
            now,
            BindingChange::Leased { address, client, grant, details: LeaseDetails::default() },
        )
        .unwrap();
    script.input(Input::TimeReached);
}

fn status_at(script: &Script, last: u8) -> BindingStatus {
    script.endpoint.table().status_of(address(last)).expect("in the range")
}

/// Address and status of every BNDUPD said, which are taken away.
fn updates(script: &mut Script, dialect: Dialect) -> Vec<(u8, BindingStatus)> {
    let mut updates = Vec::new();
    while script.types().contains(&"bndupd") {
        updates.extend(updates_of(&script.take(MessageType::BNDUPD), dialect));
    }
    updates
}

/// Address and status of each update in one BNDUPD.
fn updates_of(said: &Said, dialect: Dialect) -> Vec<(u8, BindingStatus)> {
    let Message::BndUpd(bndupd) = said.message(dialect) else { unreachable!() };
    let updates = bndupd.updates().map(|update| {
        let code = update.binding_status.expect("an update has a status");
        (update.address.octets()[3], BindingStatus::from_code(code).unwrap())
    });
    updates.collect()
}

/// The partner reports an address with a status and the client that had it last.
fn reported(script: &mut Script, last: u8, status: BindingStatus, number: u8) -> Said {
    let hardware = [1, 2, 0, 94, 16, 0, number];
    script.update(BindingUpdate {
        address: address(last),
        binding_status: Some(status.code()),
        client_hardware_address: Some(&hardware),
        lease_expiration: Some(UnixTime(START + 600)),
        potential_expiration: Some(UnixTime(START + 4200)),
        start_of_status: Some(UnixTime(START)),
        client_last_transaction: Some(UnixTime(START)),
        ..BindingUpdate::default()
    });
    script.take(MessageType::BNDACK)
}

/// Whose client `number` is, as a primary sees it.
fn is_the_partners(script: &Script, number: u8) -> bool {
    let request = twinlease::endpoint::ClientRequest {
        kind: twinlease::endpoint::RequestKind::Discover,
        client: client(number),
        secs: 0,
        addressed_to_this_server: false,
        ranges: &[],
    };
    script.endpoint.service_for(&request, script.now) != Service::Serve
}

fn numbers(script: &Script, of_the_partner: bool) -> Vec<u8> {
    (0..=255).filter(|number| is_the_partners(script, *number) == of_the_partner).collect()
}

/// Holds: FO-5.4-2, FO-5.11-10.
#[test]
fn unused_addresses_belong_to_the_primary_at_first() {
    let script = Script::primary();
    assert!(script.endpoint.table().iter().all(|b| b.binding_status == BindingStatus::Free));
}

/// Holds: FO-5.4-3, FO-5.4-5, FO-4.2-3.
#[test]
fn in_normal_each_server_leases_from_its_own_set() {
    let world = World::normal(20);
    for (side, status) in [(PRIMARY, BindingStatus::Free), (SECONDARY, BindingStatus::Backup)] {
        let endpoint = world.sides[side].endpoint();
        for binding in endpoint.table().iter() {
            let answer = endpoint.availability(binding.address, &client(1), world.now());
            let own = binding.binding_status == status;
            assert_eq!(answer == Availability::Lease, own, "side {side} {binding:?}");
        }
    }
}

/// Holds: FO-5.4-1.
#[test]
fn an_address_that_is_leased_is_in_no_set() {
    let mut script = Script::normal_primary();
    script.free_by_partner(25);
    let range = RangeId(0);
    let before = script.endpoint.table().count(range, BindingStatus::Free);
    lease(&mut script, 25, 1, 600);
    assert_eq!(script.endpoint.table().count(range, BindingStatus::Free), before - 1);
    assert_eq!(status_at(&script, 25), BindingStatus::Active);
}

/// Holds: FO-5.4-4, FO-5.11-12, FO-5.4-2.
#[test]
fn an_address_that_the_secondary_leased_returns_to_the_primary() {
    let mut script = Script::normal_secondary_of(draft(Role::Secondary, 20));
    reported(&mut script, 15, BindingStatus::Backup, 1);
    lease(&mut script, 15, 1, 60);
    script.answer_everything();
    script.run_talking(61);
    script.answer_everything();
    assert_eq!(status_at(&script, 15), BindingStatus::Free);
    let answer = script.endpoint.availability(address(15), &client(2), script.now);
    assert!(matches!(answer, Availability::No(_)), "{answer:?}");
}

/// Holds: FO-5.4-7, FO-5.4-8, FO-5.4-9, FO-5.4-12, FO-5.4-17.
/// Holds: FO-7.6-2, FO-7.6.2-1, FO-7.6.2-2, FO-7.7-1, FO-7.7-2.
#[test]
fn a_request_for_addresses_is_answered_with_the_count_and_then_with_backup_updates() {
    let mut script = Script::normal_primary();
    for last in 10..20 {
        script.free_by_partner(last);
    }
    script.said.clear();
    let xid = script.tell(&Message::PoolReq);
    let said = script.take(MessageType::POOLRESP);
    assert_eq!(said.xid, xid);
    let Message::PoolResp { addresses_transferred } = said.message(Dialect::Isc) else {
        unreachable!()
    };
    let count = usize::try_from(addresses_transferred.unwrap()).unwrap();
    let given = updates(&mut script, Dialect::Isc);
    assert!(count > 0);
    assert_eq!(given.len(), count);
    assert!(given.iter().all(|(_, status)| *status == BindingStatus::Backup), "{given:?}");
}

/// Holds: FO-5.4-10.
#[test]
fn an_address_offered_as_backup_is_not_leased_before_the_answer() {
    let mut script = Script::normal_primary();
    for last in 10..20 {
        script.free_by_partner(last);
    }
    script.said.clear();
    script.tell(&Message::PoolReq);
    let given = updates(&mut script, Dialect::Isc);
    assert!(!given.is_empty());
    for (last, _) in given {
        let answer = script.endpoint.availability(address(last), &client(1), script.now);
        assert!(matches!(answer, Availability::No(_)), "{last}: {answer:?}");
    }
}

/// A report whose answer was lost is repeated; this server has moved on in between. Both would accept
/// the other's update and own the address.
#[test]
fn the_end_of_a_lease_takes_no_address_back_that_has_been_offered_since() {
    use BindingStatus::{Backup, Expired, Free, Released, Reset};
    for ended in [Released, Expired, Reset, Free] {
        let mut script = Script::normal_primary_of(draft(Role::Primary, 20));
        for last in 10..20 {
            script.free_by_partner(last);
        }
        script.said.clear();
        script.tell(&Message::PoolReq);
        let offer = script.take(MessageType::BNDUPD);
        let given = updates_of(&offer, Dialect::Draft12)[0].0;
        assert_eq!(reported(&mut script, given, ended, 1).reject(), None);
        assert_eq!(status_at(&script, given), Backup, "{ended}");
        script.acknowledge(&offer);
        assert_eq!(status_at(&script, given), Backup, "{ended}");
        assert!(script.endpoint.table().get(address(given)).unwrap().partner_knows, "{ended}");
    }
}

/// What was taken back is on its way to this server, whoever says so first.
#[test]
fn the_end_of_a_lease_frees_an_address_that_has_been_called_back() {
    let mut script = Script::normal_primary_of(draft(Role::Primary, 20));
    let free: Vec<_> = (10..30).filter(|n| status_at(&script, *n) == BindingStatus::Free).collect();
    for last in free {
        lease(&mut script, last, last, 36_000);
    }
    script.answer_everything();
    for _ in 0..30 {
        if script.types().contains(&"bndupd") {
            break;
        }
        script.run_talking(5);
    }
    let called_back = updates_of(&script.take(MessageType::BNDUPD), Dialect::Draft12)[0];
    assert_eq!(called_back.1, BindingStatus::Free);
    reported(&mut script, called_back.0, BindingStatus::Released, 1);
    assert_eq!(status_at(&script, called_back.0), BindingStatus::Free);
}

/// Holds: FO-5.4-11.
#[test]
fn a_request_for_addresses_is_answered_in_every_state() {
    let mut script = Script::restarted(Role::Primary, stored(FailoverState::PartnerDown));
    script.shake_hands();
    script.state(FailoverState::Recover);
    let xid = script.tell(&Message::PoolReq);
    assert_eq!(script.take(MessageType::POOLRESP).xid, xid);
    assert_eq!(script.closed, []);
}

/// Holds: FO-5.4-6, FO-5.4-13, FO-5.4-15.
#[test]
fn a_balanced_pool_stays_in_its_ratio_as_addresses_are_used() {
    let mut world = World::normal(40);
    for last in 30..46 {
        let binding = world.binding(PRIMARY, address(last));
        let side = if binding.binding_status == BindingStatus::Free { PRIMARY } else { SECONDARY };
        world.lease(side, address(last), client(last), 36_000);
    }
    world.run(130);
    let table = world.sides[PRIMARY].endpoint().table();
    let [free, backup] =
        [BindingStatus::Free, BindingStatus::Backup].map(|status| table.count(RangeId(0), status));
    assert_eq!(free + backup, 24);
    assert!(free.abs_diff(backup) <= 6, "{free} FREE, {backup} BACKUP");
}

/// Holds: FO-5.4-16.
#[test]
fn a_small_imbalance_causes_no_traffic() {
    let mut script = Script::normal_primary();
    script.free_by_partner(25);
    script.free_by_partner(26);
    lease(&mut script, 25, 1, 36_000);
    script.answer_everything();
    script.said.clear();
    script.run_talking(300);
    assert_eq!(updates(&mut script, Dialect::Isc), []);
}

/// Holds: FO-5.4-18.
#[test]
fn an_address_called_back_stays_the_secondarys_until_it_agrees() {
    let mut script = Script::normal_primary_of(draft(Role::Primary, 20));
    let free: Vec<_> = (10..30).filter(|n| status_at(&script, *n) == BindingStatus::Free).collect();
    for last in free {
        lease(&mut script, last, last, 36_000);
    }
    script.answer_everything();
    let mut called_back = Vec::new();
    for _ in 0..30 {
        script.run_talking(5);
        let said: Vec<_> = updates(&mut script, Dialect::Draft12);
        called_back.extend(said.into_iter().filter(|(_, status)| *status == BindingStatus::Free));
    }
    let (last, _) = *called_back.first().expect("some are called back");
    assert_eq!(status_at(&script, last), BindingStatus::Backup);
    let answer = script.endpoint.availability(address(last), &client(1), script.now);
    assert!(matches!(answer, Availability::No(_)), "{answer:?}");
}

/// Holds: FO-5.4-19, A1-57.
#[test]
fn a_secondary_keeps_an_address_that_it_leased_when_it_is_called_back() {
    let mut script = Script::normal_secondary();
    reported(&mut script, 15, BindingStatus::Backup, 1);
    lease(&mut script, 15, 1, 600);
    script.update(BindingUpdate {
        address: address(15),
        binding_status: Some(BindingStatus::Free.code()),
        start_of_status: Some(UnixTime(START)),
        ..BindingUpdate::default()
    });
    assert!(script.take(MessageType::BNDACK).reject().is_some());
    assert_eq!(status_at(&script, 15), BindingStatus::Active);
}

/// Holds: A1-57.
#[test]
fn a_secondary_gives_an_address_back_whose_lease_has_run_out() {
    let mut script = Script::normal_secondary();
    reported(&mut script, 15, BindingStatus::Backup, 1);
    lease(&mut script, 15, 1, 60);
    script.cut();
    script.run(100);
    script.shake_hands();
    script.state(FailoverState::Normal);
    script.update(BindingUpdate {
        address: address(15),
        binding_status: Some(BindingStatus::Free.code()),
        start_of_status: Some(script.now.wall),
        ..BindingUpdate::default()
    });
    assert_eq!(script.take(MessageType::BNDACK).reject(), None);
}

/// Holds: FO-5.4-20, FO-5.4-21.
#[test]
fn addresses_of_the_secondarys_clients_are_given_first() {
    let mut script = Script::normal_primary_of(draft(Role::Primary, 40));
    let theirs = numbers(&script, true);
    let ours = numbers(&script, false);
    for last in 10..50 {
        let number = if last < 20 { theirs[usize::from(last)] } else { ours[usize::from(last)] };
        reported(&mut script, last, BindingStatus::Free, number);
    }
    script.said.clear();
    script.tell(&Message::PoolReq);
    let given: Vec<_> =
        updates(&mut script, Dialect::Draft12).into_iter().map(|(last, _)| last).collect();
    assert!((10..20).all(|last| given.contains(&last)), "{given:?}");
}

/// Holds: FO-5.5-6, FO-5.5-4.
/// Holds: FO-7.1.1-3.
#[test]
fn a_change_that_the_partner_reported_is_not_reported_back() {
    let mut script = Script::normal_secondary();
    reported(&mut script, 15, BindingStatus::Active, 1);
    assert_eq!(status_at(&script, 15), BindingStatus::Active);
    script.run_talking(60);
    assert_eq!(updates(&mut script, Dialect::Isc), []);
}

/// Holds: FO-5.11-17, FO-5.11-29, FO-5.11-31.
#[test]
fn an_address_reset_by_an_operator_is_told_so_and_free_afterwards() {
    let mut script = Script::normal_primary();
    script.free_by_partner(25);
    lease(&mut script, 25, 1, 600);
    script.answer_everything();
    script.endpoint.record(script.now, BindingChange::Reset { address: address(25) }).unwrap();
    script.input(Input::TimeReached);
    let said = script.take(MessageType::BNDUPD);
    let Message::BndUpd(bndupd) = said.message(Dialect::Isc) else { unreachable!() };
    let update = bndupd.updates().next().unwrap();
    assert_eq!(update.binding_status, Some(BindingStatus::Reset.code()));
    assert_eq!(status_at(&script, 25), BindingStatus::Reset);
    script.acknowledge(&said);
    assert_eq!(status_at(&script, 25), BindingStatus::Free);
}

/// Holds: A1-30.
#[test]
fn an_abandoned_address_comes_back_through_reset() {
    let mut script = Script::normal_primary();
    script.free_by_partner(25);
    let address_ = address(25);
    script.endpoint.record(script.now, BindingChange::Abandoned { address: address_ }).unwrap();
    script.input(Input::TimeReached);
    script.answer_everything();
    assert_eq!(status_at(&script, 25), BindingStatus::Abandoned);
    script.endpoint.record(script.now, BindingChange::Reset { address: address_ }).unwrap();
    script.input(Input::TimeReached);
    assert_eq!(updates(&mut script, Dialect::Isc), [(25, BindingStatus::Reset)]);
}

/// What an update of this status says of the client.
fn client_in_update_of(status: BindingStatus) -> Option<Vec<u8>> {
    let mut script = Script::normal_primary();
    script.free_by_partner(25);
    lease(&mut script, 25, 1, 60);
    if status != BindingStatus::Active {
        script.answer_everything();
        if status == BindingStatus::Released {
            let released = BindingChange::Released { address: address(25) };
            script.endpoint.record(script.now, released).unwrap();
        }
        script.run_talking(61);
    }
    let said = script.take(MessageType::BNDUPD);
    let Message::BndUpd(bndupd) = said.message(Dialect::Isc) else { unreachable!() };
    let update = bndupd.updates().next().unwrap();
    assert_eq!(update.binding_status, Some(status.code()));
    update.client_hardware_address.map(<[u8]>::to_vec)
}

/// Holds: FO-5.11-3, FO-5.11-6, FO-5.11-9, A1-09.
#[test]
fn active_expired_and_released_name_the_client() {
    for status in [BindingStatus::Active, BindingStatus::Expired, BindingStatus::Released] {
        assert_eq!(client_in_update_of(status), Some(vec![1, 2, 0, 94, 16, 0, 1]), "{status}");
    }
}

/// Holds: FO-5.11-2, FO-5.11-13, FO-5.11-18, FO-5.11-21.
#[test]
fn client_information_is_taken_with_every_status_but_abandoned() {
    for status in [BindingStatus::Free, BindingStatus::Reset, BindingStatus::Backup] {
        let mut script = Script::normal_secondary();
        assert_eq!(reported(&mut script, 15, status, 7).reject(), None, "{status}");
        let binding = script.endpoint.table().get(address(15)).unwrap();
        assert!(binding.belongs_to(&client(7)), "{status}");
    }
}

/// Holds: FO-5.11-4, FO-5.11-7, FO-5.2.2-4.
#[test]
fn an_ended_lease_is_free_for_anybody_once_its_end_is_acknowledged() {
    for released in [false, true] {
        let mut script = Script::normal_primary();
        script.free_by_partner(25);
        lease(&mut script, 25, 1, 60);
        script.answer_everything();
        if released {
            let change = BindingChange::Released { address: address(25) };
            script.endpoint.record(script.now, change).unwrap();
        }
        script.run_talking(61);
        script.answer_everything();
        assert_eq!(status_at(&script, 25), BindingStatus::Free);
        let answer = script.endpoint.availability(address(25), &client(2), script.now);
        assert_eq!(answer, Availability::Lease);
    }
}

/// Holds: FO-5.11-5, FO-5.11-8, FO-5.2.2-5.
#[test]
fn the_end_of_a_lease_that_was_not_told_binds_only_others() {
    for released in [false, true] {
        let mut script = Script::normal_primary();
        script.free_by_partner(25);
        lease(&mut script, 25, 1, 60);
        script.answer_everything();
        script.cut();
        if released {
            let change = BindingChange::Released { address: address(25) };
            script.endpoint.record(script.now, change).unwrap();
        }
        script.run(61);
        let ask = |number| script.endpoint.availability(address(25), &client(number), script.now);
        assert_eq!(ask(1), Availability::Lease);
        assert_eq!(ask(2), Availability::No(Unavailable::AwaitingPartner));
    }
}

/// Holds: FO-5.11-24.
#[test]
fn a_partner_that_freed_an_ended_lease_while_it_was_alone_is_believed() {
    for ended in [BindingStatus::Expired, BindingStatus::Released, BindingStatus::Reset] {
        let binding = Binding {
            binding_status: ended,
            client: Some(client(1).to_client()),
            lease_expiration: UnixTime(START - 5000),
            start_of_status: UnixTime(START - 5000),
            client_last_transaction: UnixTime(START - 6000),
            ..Binding::unused(address(12))
        };
        let endpoint = Some(stored(FailoverState::Recover));
        let recovered = Recovered { endpoint, bindings: vec![binding] };
        let mut script = Script::new(config(Role::Primary, 20), recovered);
        script.shake_hands();
        script.state(FailoverState::PartnerDown);
        reported(&mut script, 12, BindingStatus::Free, 1);
        assert_eq!(status_at(&script, 12), BindingStatus::Free, "{ended:?} here");
    }
}

/// Whether a server in PARTNER-DOWN for so many seconds leases an unused address of the partner.
fn leases_the_partners(role: Role, status: BindingStatus, seconds: u32) -> bool {
    let mut binding = Binding::unused(address(12));
    binding.binding_status = status;
    let endpoint = Some(EndpointRecord {
        start_of_state: UnixTime(START),
        ..stored(FailoverState::PartnerDown)
    });
    let recovered = Recovered { endpoint, bindings: vec![binding] };
    let mut script = Script::new(config(role, 20), recovered);
    script.run(seconds);
    assert_eq!(script.endpoint.state(), FailoverState::PartnerDown);
    script.endpoint.availability(address(12), &client(1), script.now) == Availability::Lease
}

/// Holds: FO-5.11-20, FO-5.2.1-3, FO-5.2.2-1.
/// Holds: FO-9.4-1, FO-9.4.2-4, FO-9.4.2-6.
#[test]
fn a_primary_in_partner_down_leases_backup_addresses_after_mclt() {
    assert!(!leases_the_partners(Role::Primary, BindingStatus::Backup, MCLT - 1));
    assert!(leases_the_partners(Role::Primary, BindingStatus::Backup, MCLT));
}

/// Holds: FO-5.11-11, FO-5.11-25, FO-5.2.1-3.
/// Holds: FO-9.4-1, FO-9.4.2-4, FO-9.4.2-6.
#[test]
fn a_secondary_in_partner_down_leases_free_addresses_after_mclt() {
    assert!(!leases_the_partners(Role::Secondary, BindingStatus::Free, MCLT - 1));
    assert!(leases_the_partners(Role::Secondary, BindingStatus::Free, MCLT));
}

/// Holds: FO-5.2.1-5.
#[test]
fn a_lease_given_in_partner_down_needs_no_wait_after_its_end() {
    let mut script = Script::normal_primary();
    script.free_by_partner(25);
    script.input(Input::Disconnected { link: LINK });
    script.run(1);
    script.input(Input::Operator(OperatorCommand::PartnerDown { forced: false }));
    script.run(10);
    lease(&mut script, 25, 1, 60);
    script.run(61);
    let answer = script.endpoint.availability(address(25), &client(2), script.now);
    assert_eq!(answer, Availability::Lease);
}

/// Holds: FO-5.11-19.
#[test]
fn a_secondary_leases_backup_addresses_at_any_time() {
    for state in [FailoverState::Normal, FailoverState::CommunicationsInterrupted] {
        let mut script = Script::normal_secondary();
        reported(&mut script, 15, BindingStatus::Backup, 1);
        if state != FailoverState::Normal {
            script.cut();
        }
        assert_eq!(script.endpoint.state(), state);
        let answer = script.endpoint.availability(address(15), &client(2), script.now);
        assert_eq!(answer, Availability::Lease, "{state}");
    }
}

/// Holds: FO-5.11-16.
#[test]
fn an_abandoned_address_with_a_client_is_refused_or_stripped() {
    let mut script = Script::normal_secondary();
    reported(&mut script, 15, BindingStatus::Abandoned, 1);
    assert_eq!(script.endpoint.table().get(address(15)).unwrap().client, None);
}

/// Holds: FO-2.2-12, FO-5.1.1-8.
/// Holds: FO-7.6.2-3, FO-7.6.2-4, FO-7.6.2-5.
#[test]
fn every_range_of_a_relationship_is_shared() {
    let both = |role| {
        let other = AddressRange::new([192, 168, 7, 10].into(), [192, 168, 7, 29].into()).unwrap();
        let mut relationship = config(role, 20);
        relationship.ranges.push(other);
        relationship
    };
    let mut world = World::new(both(Role::Primary), both(Role::Secondary));
    world.start(PRIMARY);
    world.start(SECONDARY);
    world.run(30);
    let table = world.sides[SECONDARY].endpoint().table();
    for range in [RangeId(0), RangeId(1)] {
        assert_eq!(table.count(range, BindingStatus::Backup), 10, "{range:?}");
    }
}

/// Holds: A1-44.
#[test]
fn any_acceptance_of_an_end_makes_the_address_free() {
    let mut script = Script::normal_primary();
    script.free_by_partner(25);
    lease(&mut script, 25, 1, 60);
    script.answer_everything();
    script.run_talking(61);
    assert_eq!(status_at(&script, 25), BindingStatus::Expired);
    script.answer_everything();
    assert_eq!(status_at(&script, 25), BindingStatus::Free);
}

/// Holds: A1-46.
/// Holds: FO-7.2.1-9, FO-7.2.1-5.
#[test]
fn after_a_rejection_the_own_view_follows_once_and_later() {
    let mut script = Script::normal_primary();
    script.free_by_partner(25);
    lease(&mut script, 25, 1, 600);
    script.answer_everything();
    script.said.clear();
    let answer = reported(&mut script, 25, BindingStatus::Released, 1);
    assert_eq!(answer.reject(), Some(RejectReason::OUTDATED));
    assert_eq!(updates(&mut script, Dialect::Isc), []);
    script.run_talking(600);
    assert!(updates(&mut script, Dialect::Isc).len() <= 1);
}
