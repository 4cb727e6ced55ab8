//! Which server may lease an address that nobody holds.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::time::Duration;

use crate::support::lease_file::Lease;
use crate::support::packet::Client;
use crate::support::pair::{Kind, PRIMARY, SECONDARY, SOON};
use crate::support::partner::now;
use crate::support::relay::Relay;
use crate::support::scene::Scene;
use crate::support::setup::{Role, Setup};
use crate::support::stage::Stage;
use crate::support::wait::wait_until;

/// Interop: L6.
#[test]
fn what_a_twinlease_primary_leased_is_confirmed_by_its_owner_alone() {
    let test = "ownership::what_a_twinlease_primary_leased_is_confirmed_by_its_owner_alone";
    confirmed_by_owner_alone(test, PRIMARY, Role::Primary);
}

/// Interop: L6.
#[test]
fn what_a_dhcpd_secondary_leased_is_confirmed_by_its_owner_alone() {
    let test = "ownership::what_a_dhcpd_secondary_leased_is_confirmed_by_its_owner_alone";
    confirmed_by_owner_alone(test, PRIMARY, Role::Secondary);
}

/// Interop: L6.
#[test]
fn what_a_twinlease_secondary_leased_is_confirmed_by_its_owner_alone() {
    let test = "ownership::what_a_twinlease_secondary_leased_is_confirmed_by_its_owner_alone";
    confirmed_by_owner_alone(test, SECONDARY, Role::Secondary);
}

/// Interop: L6.
#[test]
fn what_a_dhcpd_primary_leased_is_confirmed_by_its_owner_alone() {
    let test = "ownership::what_a_dhcpd_primary_leased_is_confirmed_by_its_owner_alone";
    confirmed_by_owner_alone(test, SECONDARY, Role::Primary);
}

/// A client that gave its address back asks for it again after a reboot. A dhcpd primary gives the address to the server that
/// answers the client, a twinlease primary keeps it.
fn confirmed_by_owner_alone(test: &str, kinds: [Kind; 2], lessor: Role) {
    let split = if lessor == Role::Primary { 256 } else { 0 };
    let Some(scene) = Scene::normal(test, kinds, Setup { split, ..Setup::default() }) else {
        return;
    };
    let relay = Relay::new(&scene.network, 4);
    let client = Client::number(2);
    let granted = relay.obtain(&client, 20).unwrap();
    assert_eq!(granted.server, lessor);
    relay.send(&client.release(granted.address, lessor.address()), &[lessor]);
    let given = kinds == SECONDARY && lessor == Role::Secondary;
    let (owner, unused) = if given { (Role::Secondary, "backup") } else { (Role::Primary, "free") };
    wait_until("the address to be unused", SOON, || {
        [&scene.pair.primary, &scene.pair.secondary].iter().all(|server| {
            let database = server.database();
            database.records.get(&granted.address).is_some_and(|record| record.status == unused)
        })
    });

    // Whoever has waited for long is answered by any server that may. A server answers in the order in which it is asked.
    let reboot = client.after(100).reboot(granted.address);
    let later = Client::number(5).after(100).discover();
    relay.send(&reboot, &[owner.other()]);
    relay.send(&later, &[owner.other()]);
    let (_, first) = relay.receive(Duration::from_secs(20)).expect("a later client is answered");
    assert_eq!(first.xid, later.xid, "{first:?}");
    let (_, answer) = relay.insist(&reboot, &[owner], 20).expect("the owner answers");
    assert_eq!(answer.yiaddr, granted.address);
    scene.finish();
}

/// What the other server owned and nobody used for a day.
fn unused(addresses: impl Iterator<Item = Ipv4Addr>, status: &str) -> Vec<(Ipv4Addr, Lease)> {
    let long_ago = Some(i64::from(now()) - 86_400);
    let lease = Lease {
        starts: long_ago,
        tstp: long_ago,
        tsfp: long_ago,
        atsfp: long_ago,
        binding_state: status.to_owned(),
        ..Lease::default()
    };
    addresses.map(|address| (address, lease.clone())).collect()
}

/// Interop: L8.
#[test]
fn a_dhcpd_in_partner_down_leases_the_addresses_of_its_partner_for_the_mclt() {
    let test =
        "ownership::a_dhcpd_in_partner_down_leases_the_addresses_of_its_partner_for_the_mclt";
    for (role, partners) in [(Role::Primary, "backup"), (Role::Secondary, "free")] {
        let setup = Stage::setup();
        let leases = unused(setup.addresses(), partners);
        let states = ["partner-down", "communications-interrupted"];
        let Some(stage) = Stage::found(test, role, setup, states, &leases) else { return };
        let granted = Stage::obtain(&stage.relay(), &Client::number(1));
        assert_eq!(granted.lease_time, stage.setup.mclt, "dhcpd as {role:?}");
        stage.finish();
    }
}

/// Interop: O3.
#[test]
fn a_dhcpd_secondary_serves_alone_with_the_mclt_of_its_lease_file() {
    let test = "ownership::a_dhcpd_secondary_serves_alone_with_the_mclt_of_its_lease_file";
    let setup = Setup { mclt: 77, ..Stage::setup() };
    let leases = unused(setup.addresses(), "backup");
    let states = ["normal", "normal"];
    let Some(mut stage) = Stage::found(test, Role::Secondary, setup, states, &leases) else {
        return;
    };
    stage.wait_state("communications-interrupted");
    let granted = Stage::obtain(&stage.relay(), &Client::number(1));
    assert_eq!(granted.lease_time, 77);
    stage.finish();
}

/// Interop: L8.
#[test]
fn twinlease_primary_in_partner_down_leases_the_addresses_of_its_dhcpd() {
    let test = "ownership::twinlease_primary_in_partner_down_leases_the_addresses_of_its_dhcpd";
    leases_all(test, PRIMARY, Role::Secondary);
}

/// Interop: L8.
#[test]
fn twinlease_secondary_in_partner_down_leases_the_addresses_of_its_dhcpd() {
    let test = "ownership::twinlease_secondary_in_partner_down_leases_the_addresses_of_its_dhcpd";
    leases_all(test, SECONDARY, Role::Primary);
}

/// The survivor leases its own half at once and the other half after the MCLT; the leases outlast the test.
fn leases_all(test: &str, kinds: [Kind; 2], victim: Role) {
    let pool = ([10, 78, 8, 1].into(), [10, 78, 8, 10].into());
    let setup = Setup { mclt: 15, pool, ..Setup::default() };
    let Some(mut scene) = Scene::normal(test, kinds, setup) else { return };
    scene.pair.server(victim).kill();
    let survivor = scene.pair.server(victim.other());
    survivor.wait_state("communications-interrupted", SOON);
    survivor.partner_down();
    survivor.wait_state("partner-down", SOON);
    let relay = Relay::new(&scene.network, 4);
    let obtain = |number| relay.obtain(&Client::number(number), 90).unwrap().address;
    let own: BTreeSet<_> = (0..5).map(obtain).collect();
    let partners: BTreeSet<_> = (5..10).map(obtain).collect();
    assert!(own.len() == 5 && partners.len() == 5 && own.is_disjoint(&partners));
    scene.pair.server(victim).start();
    scene.pair.wait_normal(SOON);
    scene.pair.wait_equal();
    scene.finish();
}
