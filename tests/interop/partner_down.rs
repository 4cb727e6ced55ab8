//! The operator declares the partner dead; the partner returns and recovers.

use crate::support::load::Load;
use crate::support::packet::Client;
use crate::support::pair::{Kind, PRIMARY, SECONDARY, SOON, Server, TWINS};
use crate::support::relay::Relay;
use crate::support::scene::Scene;
use crate::support::setup::{Role, Setup};
use crate::support::wait::wait_until;

const MCLT: u32 = 15;
const CLIENTS: u16 = 20;

/// Interop: S3.
#[test]
fn twinlease_primary_is_told_that_its_dhcpd_is_dead() {
    told(
        "partner_down::twinlease_primary_is_told_that_its_dhcpd_is_dead",
        PRIMARY,
        Role::Secondary,
        false,
    );
}

/// Interop: S3.
#[test]
fn twinlease_secondary_is_told_that_its_dhcpd_is_dead() {
    told(
        "partner_down::twinlease_secondary_is_told_that_its_dhcpd_is_dead",
        SECONDARY,
        Role::Primary,
        false,
    );
}

#[test]
fn dhcpd_is_told_that_its_twinlease_primary_is_dead() {
    told(
        "partner_down::dhcpd_is_told_that_its_twinlease_primary_is_dead",
        PRIMARY,
        Role::Primary,
        false,
    );
}

#[test]
fn dhcpd_is_told_that_its_twinlease_secondary_is_dead() {
    told(
        "partner_down::dhcpd_is_told_that_its_twinlease_secondary_is_dead",
        SECONDARY,
        Role::Secondary,
        false,
    );
}

/// Interop: S2.
#[test]
fn twinlease_primary_that_lost_its_database_recovers_through_recover_wait() {
    let test =
        "partner_down::twinlease_primary_that_lost_its_database_recovers_through_recover_wait";
    told(test, PRIMARY, Role::Primary, true);
}

/// Interop: S2.
#[test]
fn twinlease_secondary_that_lost_its_database_recovers_through_recover_wait() {
    let test =
        "partner_down::twinlease_secondary_that_lost_its_database_recovers_through_recover_wait";
    told(test, SECONDARY, Role::Secondary, true);
}

#[test]
fn dhcpd_that_lost_its_database_recovers_beside_a_twinlease_primary() {
    told(
        "partner_down::dhcpd_that_lost_its_database_recovers_beside_a_twinlease_primary",
        PRIMARY,
        Role::Secondary,
        true,
    );
}

#[test]
fn one_of_two_twinlease_recovers_its_lost_database() {
    told(
        "partner_down::one_of_two_twinlease_recovers_its_lost_database",
        TWINS,
        Role::Primary,
        true,
    );
}

fn told(test: &str, kinds: [Kind; 2], victim: Role, loses_database: bool) {
    let Some(mut scene) = Scene::normal(test, kinds, Setup { mclt: MCLT, ..Setup::default() })
    else {
        return;
    };
    let load = Load::start(&scene.network, 4, 0..CLIENTS);
    load.wait_rounds(2);
    scene.pair.server(victim).kill();
    let survivor = scene.pair.server(victim.other());
    survivor.wait_state("communications-interrupted", SOON);
    survivor.partner_down();
    survivor.wait_state("partner-down", SOON);
    load.wait_rounds(2);

    match scene.pair.server(victim) {
        Server::Dhcpd(server) if loses_database => server.set_lease_file(""),
        Server::Twinlease(server) if loses_database => server.lose_database(),
        Server::Dhcpd(_) | Server::Twinlease(_) => {}
    }
    scene.pair.server(victim).start();
    if loses_database {
        scene.pair.server(victim).wait_state("recover-wait", SOON);
    }
    scene.pair.wait_normal(SOON);
    load.wait_rounds(2);
    let report = load.finish();
    report.assert_no_failure();
    scene.pair.wait_equal();
    assert_eq!(scene.pair.primary.database().holders(), report.holders());
    scene.finish();
}

#[test]
fn dhcpd_in_recover_wait_stores_what_its_twinlease_primary_leases_meanwhile() {
    let test =
        "partner_down::dhcpd_in_recover_wait_stores_what_its_twinlease_primary_leases_meanwhile";
    leases_beside_recover_wait(test, PRIMARY, Role::Secondary);
}

#[test]
fn dhcpd_in_recover_wait_stores_what_its_twinlease_secondary_leases_meanwhile() {
    let test =
        "partner_down::dhcpd_in_recover_wait_stores_what_its_twinlease_secondary_leases_meanwhile";
    leases_beside_recover_wait(test, SECONDARY, Role::Primary);
}

/// A dhcpd that waits out the MCLT asks for nothing any more, and takes updates all the same.
fn leases_beside_recover_wait(test: &str, kinds: [Kind; 2], victim: Role) {
    let Some(mut scene) = Scene::normal(test, kinds, Setup { mclt: 60, ..Setup::default() }) else {
        return;
    };
    scene.pair.server(victim).kill();
    let survivor = scene.pair.server(victim.other());
    survivor.wait_state("communications-interrupted", SOON);
    survivor.partner_down();
    survivor.wait_state("partner-down", SOON);
    scene.pair.server(victim).dhcpd().set_lease_file("");
    scene.pair.server(victim).start();
    scene.pair.server(victim).wait_state("recover-wait", SOON);
    let granted = Relay::new(&scene.network, 4).obtain(&Client::number(1), 20).unwrap();
    let waiting = scene.pair.server(victim);
    wait_until("the lease to be in the lease file", SOON, || {
        let file = waiting.dhcpd().lease_file();
        file.leases.get(&granted.address).is_some_and(|lease| lease.binding_state == "active")
    });
    assert_eq!(waiting.state().as_deref(), Some("recover-wait"));
    scene.pair.wait_normal(SOON);
    scene.pair.wait_equal();
    scene.finish();
}
