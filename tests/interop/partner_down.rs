//! The operator declares the partner dead; the partner returns and recovers.

use crate::support::load::Load;
use crate::support::pair::{Kind, PRIMARY, SECONDARY, SOON, Server, TWINS};
use crate::support::scene::Scene;
use crate::support::setup::{Role, Setup};

const MCLT: u32 = 15;
const CLIENTS: u16 = 20;

#[test]
fn twinlease_primary_is_told_that_its_dhcpd_is_dead() {
    told(
        "partner_down::twinlease_primary_is_told_that_its_dhcpd_is_dead",
        PRIMARY,
        Role::Secondary,
        false,
    );
}

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

#[test]
fn twinlease_primary_that_lost_its_database_recovers_through_recover_wait() {
    let test =
        "partner_down::twinlease_primary_that_lost_its_database_recovers_through_recover_wait";
    told(test, PRIMARY, Role::Primary, true);
}

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
