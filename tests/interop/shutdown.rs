//! Twinlease leaves and comes back in every orderly way.

use crate::support::load::Load;
use crate::support::pair::{Kind, PRIMARY, SECONDARY, SOON, Server, TWINS};
use crate::support::scene::Scene;
use crate::support::setup::{RELATIONSHIP, Role, Setup};

const CLIENTS: u16 = 20;

/// Interop: C17.
#[test]
fn twinlease_primary_is_stopped_and_returns() {
    stopped("shutdown::twinlease_primary_is_stopped_and_returns", PRIMARY, Role::Primary);
}

/// Interop: C17.
#[test]
fn twinlease_secondary_is_stopped_and_returns() {
    stopped("shutdown::twinlease_secondary_is_stopped_and_returns", SECONDARY, Role::Secondary);
}

#[test]
fn one_of_two_twinlease_is_stopped_and_returns() {
    stopped("shutdown::one_of_two_twinlease_is_stopped_and_returns", TWINS, Role::Secondary);
}

fn stopped(test: &str, kinds: [Kind; 2], leaving: Role) {
    let Some(mut scene) = Scene::normal(test, kinds, Setup { mclt: 15, ..Setup::default() }) else {
        return;
    };
    let load = Load::start(&scene.network, 4, 0..CLIENTS);
    load.wait_rounds(2);
    scene.pair.server(leaving).stop();
    load.wait_rounds(2);
    scene.pair.server(leaving).start();
    scene.pair.wait_normal(SOON);
    load.wait_rounds(2);
    let report = load.finish();
    report.assert_no_failure();
    scene.pair.wait_equal();
    assert_eq!(scene.pair.primary.database().holders(), report.holders());
    scene.finish();
}

/// Interop: S8.
#[test]
fn twinlease_primary_announces_its_shutdown_and_recovers() {
    announced(
        "shutdown::twinlease_primary_announces_its_shutdown_and_recovers",
        PRIMARY,
        Role::Primary,
    );
}

/// Interop: S8.
#[test]
fn twinlease_secondary_announces_its_shutdown_and_recovers() {
    announced(
        "shutdown::twinlease_secondary_announces_its_shutdown_and_recovers",
        SECONDARY,
        Role::Secondary,
    );
}

/// A partner that is told of the shutdown needs no operator to go on alone.
fn announced(test: &str, kinds: [Kind; 2], leaving: Role) {
    let Some(mut scene) = Scene::normal(test, kinds, Setup { mclt: 15, ..Setup::default() }) else {
        return;
    };
    let load = Load::start(&scene.network, 4, 0..CLIENTS);
    load.wait_rounds(2);
    let Server::Twinlease(twinlease) = scene.pair.server(leaving) else {
        panic!("twinlease leaves")
    };
    twinlease.ask(&["shutdown", RELATIONSHIP]).unwrap();
    scene.pair.server(leaving.other()).wait_state("partner-down", SOON);
    if scene.pair.server(leaving).is_running() {
        scene.pair.server(leaving).stop();
    } else {
        scene.pair.server(leaving).kill();
    }
    load.wait_rounds(2);
    scene.pair.server(leaving).start();
    scene.pair.wait_normal(SOON);
    load.wait_rounds(2);
    let report = load.finish();
    report.assert_no_failure();
    scene.pair.wait_equal();
    assert_eq!(scene.pair.primary.database().holders(), report.holders());
    scene.finish();
}

#[test]
fn twinlease_declares_its_partner_dead_by_itself_when_it_may() {
    let setup = Setup { mclt: 15, auto_partner_down: 5, ..Setup::default() };
    let test = "shutdown::twinlease_declares_its_partner_dead_by_itself_when_it_may";
    let Some(mut scene) = Scene::normal(test, PRIMARY, setup) else { return };
    scene.pair.secondary.kill();
    scene.pair.primary.wait_state("partner-down", SOON);
    scene.pair.secondary.start();
    scene.pair.wait_normal(SOON);
    scene.pair.wait_equal();
    scene.finish();
}
