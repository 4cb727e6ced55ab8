//! From an empty database, or an old one, to NORMAL (§9.3, §9.5 to §9.7).

use twinlease::balance::Role;
use twinlease::binding::Binding;
use twinlease::durable::Recovered;
use twinlease::endpoint::{LeaseAuthority, OperatorCommand};
use twinlease::time::UnixTime;
use twinlease::wire::bndupd::BindingUpdate;
use twinlease::wire::codes::{BindingStatus, FailoverState};
use twinlease::wire::dialect::Dialect;

use crate::support::scripted::{Script, TWINLEASE, stored};
use crate::support::world::{Disk, PRIMARY, SECONDARY, World};
use crate::support::{MCLT, START, address, client, config};

/// Holds: FO-4.1-6.
#[test]
fn a_new_pair_reaches_normal_without_waiting_for_the_mclt() {
    let mut world = World::new(config(Role::Primary, 20), config(Role::Secondary, 20));
    world.start(PRIMARY);
    world.start(SECONDARY);
    world.run(30);
    assert_eq!(world.state(PRIMARY), FailoverState::Normal);
    assert_eq!(world.state(SECONDARY), FailoverState::Normal);
}

#[test]
fn a_new_pair_shares_its_addresses_in_halves() {
    let world = World::normal(20);
    for side in [PRIMARY, SECONDARY] {
        let table = world.sides[side].endpoint().table();
        let backup = table.iter().filter(|b| b.binding_status == BindingStatus::Backup).count();
        assert_eq!(backup, 10, "side {side}");
    }
}

#[test]
fn a_lease_is_known_to_the_partner_afterwards() {
    let mut world = World::normal(20);
    world.lease(PRIMARY, address(20), client(1), 3600);
    world.run(5);
    let held = world.binding(SECONDARY, address(20));
    assert_eq!(held.binding_status, BindingStatus::Active);
    assert!(held.belongs_to(&client(1)));
}

/// Holds: FO-4.1-14, FO-5.1-4, FO-5.8-2.
/// Holds: FO-7.4.2-1, FO-7.4.2-4.
#[test]
fn a_server_that_lost_its_database_gets_it_back_and_waits_the_mclt() {
    let mut world = World::normal(20);
    world.lease(PRIMARY, address(20), client(1), 3600);
    world.run(5);
    world.kill(SECONDARY);
    world.sides[SECONDARY].disk = Disk::default();
    world.operator(PRIMARY, OperatorCommand::PartnerDown { forced: false });
    world.start(SECONDARY);
    world.run(30);
    assert_eq!(world.state(SECONDARY), FailoverState::RecoverWait);
    assert_eq!(world.state(PRIMARY), FailoverState::PartnerDown);
    assert_eq!(world.binding(SECONDARY, address(20)).binding_status, BindingStatus::Active);
    world.run(MCLT);
    assert_eq!(world.state(SECONDARY), FailoverState::Normal);
    assert_eq!(world.state(PRIMARY), FailoverState::Normal);
}

/// The partner may have renewed the lease just before it lost its store, and then agree to its end in
/// ignorance. Found by the simulator (`tests/seeds.txt`).
///
/// Holds: FO-9.6-2.
#[test]
fn an_ended_lease_is_not_free_before_a_partner_that_lost_its_store_has_waited() {
    for dialect in [Dialect::Isc, Dialect::Draft12] {
        let mut configs = [Role::Primary, Role::Secondary].map(|role| config(role, 10));
        for config in &mut configs {
            config.dialect = dialect;
        }
        let [primary, secondary] = configs;
        let mut world = World::new(primary, secondary);
        world.start(PRIMARY);
        world.start(SECONDARY);
        world.run(30);
        let address = address(10);
        world.lease(PRIMARY, address, client(1), 100);
        world.run(10);
        world.kill(PRIMARY);
        world.sides[PRIMARY].disk = Disk::default();
        // What was promised, and MCLT, are over.
        world.run(200 + MCLT);
        world.start(PRIMARY);
        world.run(200);
        assert_eq!(world.state(PRIMARY), FailoverState::RecoverWait);
        assert_eq!(world.binding(SECONDARY, address).binding_status, BindingStatus::Expired);
        world.run(MCLT);
        assert_eq!(world.state(PRIMARY), FailoverState::Normal);
        for side in [PRIMARY, SECONDARY] {
            let status = world.binding(side, address).binding_status;
            let unused = matches!(status, BindingStatus::Free | BindingStatus::Backup);
            assert!(unused, "{dialect:?} side {side}: {status}");
        }
    }
}

/// The partner may have renewed the lease up to MCLT after what it was promised, and lost the only record of
/// that. Found by the simulator (`tests/seeds.txt`).
///
/// Holds: FO-5.2.1-6.
#[test]
fn a_lease_holds_until_mclt_after_what_a_lost_store_was_promised() {
    for (lost, ends_first) in
        [(PRIMARY, false), (PRIMARY, true), (SECONDARY, false), (SECONDARY, true)]
    {
        let mut world = World::normal(20);
        let address = address(20);
        world.lease(PRIMARY, address, client(1), 900);
        world.run(5);
        let survivor = 1 - lost;
        let held = world.binding(survivor, address);
        let promised = held.sent_potential_expiration.max(held.received_potential_expiration);
        assert!(promised > held.lease_expiration);
        world.kill(lost);
        world.sides[lost].disk = Disk::default();
        if ends_first {
            world.run_until(held.lease_expiration.plus(5));
            assert_eq!(world.binding(survivor, address).binding_status, BindingStatus::Expired);
        }
        world.start(lost);
        world.run_until(promised.plus(MCLT - 5));
        for side in [PRIMARY, SECONDARY] {
            let status = world.binding(side, address).binding_status;
            assert_eq!(status, BindingStatus::Active, "side {side}, {lost} lost, {ends_first}");
        }
        world.run(30);
        for side in [PRIMARY, SECONDARY] {
            let status = world.binding(side, address).binding_status;
            assert!(
                matches!(status, BindingStatus::Free | BindingStatus::Backup),
                "side {side}: {status}"
            );
        }
    }
}

/// A client that is heard after the loss has what it was given then, and no more.
#[test]
fn a_lease_renewed_after_a_store_was_lost_ends_when_it_ends() {
    let mut world = World::normal(20);
    let address = address(20);
    world.lease(PRIMARY, address, client(1), 900);
    world.run(5);
    world.kill(SECONDARY);
    world.sides[SECONDARY].disk = Disk::default();
    world.start(SECONDARY);
    world.run(30);
    world.lease(PRIMARY, address, client(1), 100);
    world.run(110);
    assert_ne!(world.binding(PRIMARY, address).binding_status, BindingStatus::Active);
}

/// The survivor's leases may rest on what the partner had promised before it lost its store. Found by
/// the simulator.
///
/// Holds: FO-5.2.1-6.
#[test]
fn a_partner_that_lost_its_store_is_told_what_it_had_promised() {
    let mut world = World::normal(20);
    let address = address(20);
    world.lease(SECONDARY, address, client(1), 900);
    world.run(100);
    world.lease(PRIMARY, address, client(1), 900);
    world.run(5);
    let promised = world.binding(SECONDARY, address).received_potential_expiration;
    world.kill(PRIMARY);
    world.sides[PRIMARY].disk = Disk::default();
    world.start(PRIMARY);
    world.run(30);
    assert_eq!(world.binding(PRIMARY, address).received_potential_expiration, promised);
}

/// What two servers that differ about a loss say of a lease until then has to come to the same.
#[test]
fn another_twinlease_that_holds_on_to_a_lease_that_ended_here_is_believed() {
    for (vendor, believed) in [(TWINLEASE, true), (b"another", false)] {
        let mut ended = Binding::unused(address(12));
        ended.binding_status = BindingStatus::Expired;
        ended.client = Some(client(1).to_client());
        ended.lease_expiration = UnixTime(START - 10);
        ended.client_last_transaction = UnixTime(START - 300);
        ended.partner_knows = false;
        let recovered =
            Recovered { endpoint: Some(stored(FailoverState::Normal)), bindings: vec![ended] };
        let mut script = Script::new(config(Role::Primary, 20), recovered);
        script.vendor = vendor;
        script.connected();
        script.accept_connect();
        script.state(FailoverState::Normal);
        script.update(BindingUpdate {
            address: address(12),
            binding_status: Some(BindingStatus::Active.code()),
            client_hardware_address: Some(&[1, 2, 0, 94, 16, 0, 1]),
            lease_expiration: Some(UnixTime(START + 600)),
            potential_expiration: Some(UnixTime(START + 601)),
            start_of_status: Some(UnixTime(START)),
            client_last_transaction: Some(UnixTime(START - 300)),
            ..BindingUpdate::default()
        });
        let status = script.endpoint.table().get(address(12)).unwrap().binding_status;
        assert_eq!(status == BindingStatus::Active, believed, "{status}");
    }
}
