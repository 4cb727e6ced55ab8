//! The two lose each other without a word, serve alone and find each other again.

use crate::support::load::Load;
use crate::support::packet::Client;
use crate::support::pair::{Kind, PRIMARY, SECONDARY, SOON, TWINS};
use crate::support::relay::{BOTH, Relay};
use crate::support::scene::Scene;
use crate::support::setup::{Role, Setup};

const CLIENTS: u16 = 20;

fn setup() -> Setup {
    Setup { max_response_delay: 6, mclt: 60, ..Setup::default() }
}

#[test]
fn twinlease_primary_takes_over_from_a_dhcpd_that_hangs() {
    hangs(
        "interruption::twinlease_primary_takes_over_from_a_dhcpd_that_hangs",
        PRIMARY,
        Role::Secondary,
    );
}

#[test]
fn twinlease_secondary_takes_over_from_a_dhcpd_that_hangs() {
    hangs(
        "interruption::twinlease_secondary_takes_over_from_a_dhcpd_that_hangs",
        SECONDARY,
        Role::Primary,
    );
}

#[test]
fn dhcpd_takes_over_from_a_twinlease_that_hangs() {
    hangs("interruption::dhcpd_takes_over_from_a_twinlease_that_hangs", PRIMARY, Role::Primary);
}

fn hangs(test: &str, kinds: [Kind; 2], victim: Role) {
    let Some(mut scene) = Scene::normal(test, kinds, setup()) else { return };
    let load = Load::start(&scene.network, 4, 0..CLIENTS);
    load.wait_rounds(2);
    scene.pair.server(victim).set_frozen(true);
    scene.pair.server(victim.other()).wait_state("communications-interrupted", SOON);
    load.wait_rounds(2);
    scene.pair.server(victim).set_frozen(false);
    scene.pair.wait_normal(SOON);
    load.wait_rounds(2);
    let report = load.finish();
    report.assert_no_failure();
    scene.pair.wait_equal();
    assert_eq!(scene.pair.primary.database().holders(), report.holders());
    scene.finish();
}

/// Interop: L7.
#[test]
fn twinlease_primary_and_dhcpd_serve_apart_and_agree_afterwards() {
    apart("interruption::twinlease_primary_and_dhcpd_serve_apart_and_agree_afterwards", PRIMARY);
}

/// Interop: L7.
#[test]
fn dhcpd_and_twinlease_secondary_serve_apart_and_agree_afterwards() {
    apart(
        "interruption::dhcpd_and_twinlease_secondary_serve_apart_and_agree_afterwards",
        SECONDARY,
    );
}

#[test]
fn two_twinlease_serve_apart_and_agree_afterwards() {
    apart("interruption::two_twinlease_serve_apart_and_agree_afterwards", TWINS);
}

/// Each gives addresses of its own half while the other cannot be reached.
fn apart(test: &str, kinds: [Kind; 2]) {
    let Some(mut scene) = Scene::normal(test, kinds, setup()) else { return };
    let relay = Relay::new(&scene.network, 4);
    scene.network.set_cable("b", false);
    for role in BOTH {
        scene.pair.server(role).wait_state("communications-interrupted", SOON);
    }
    let mut granted = Vec::new();
    for (numbers, reachable, server) in
        [(0..10, "a", Role::Primary), (10..20, "b", Role::Secondary)]
    {
        scene.network.set_cable("a", reachable == "a");
        scene.network.set_cable("b", reachable == "b");
        for client in numbers.map(Client::number) {
            let lease = relay.obtain(&client, 40).unwrap();
            assert_eq!((lease.server, lease.lease_time), (server, scene.setup.mclt));
            granted.push((lease.address, client.hardware_text()));
        }
    }
    scene.network.set_cable("a", true);
    scene.pair.wait_normal(SOON);
    scene.pair.wait_equal();
    assert_eq!(scene.pair.primary.database().holders(), granted.into_iter().collect());
    scene.finish();
}

#[test]
fn twinlease_primary_and_dhcpd_lose_power_together() {
    power_cut("interruption::twinlease_primary_and_dhcpd_lose_power_together", PRIMARY);
}

#[test]
fn dhcpd_and_twinlease_secondary_lose_power_together() {
    power_cut("interruption::dhcpd_and_twinlease_secondary_lose_power_together", SECONDARY);
}

fn power_cut(test: &str, kinds: [Kind; 2]) {
    let Some(mut scene) = Scene::normal(test, kinds, setup()) else { return };
    let load = Load::start(&scene.network, 4, 0..CLIENTS);
    load.wait_rounds(2);
    let before = load.finish();
    before.assert_no_failure();
    for role in BOTH {
        scene.pair.server(role).kill();
    }
    for role in BOTH {
        scene.pair.server(role).start();
    }
    scene.pair.wait_normal(SOON);
    scene.pair.wait_equal();
    assert_eq!(scene.pair.primary.database().holders(), before.holders());
    scene.finish();
}
