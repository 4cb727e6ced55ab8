//! kill -9 of either side in the middle of a load.

use crate::support::load::Load;
use crate::support::pair::{Kind, PRIMARY, SECONDARY, SOON, TWINS};
use crate::support::scene::Scene;
use crate::support::setup::{Role, Setup};

/// Clients of the load; the pool has three times as many addresses.
const CLIENTS: u16 = 30;

#[test]
fn twinlease_primary_dies_in_the_middle_of_a_load() {
    dies("crash::twinlease_primary_dies_in_the_middle_of_a_load", PRIMARY, Role::Primary);
}

#[test]
fn twinlease_secondary_dies_in_the_middle_of_a_load() {
    dies("crash::twinlease_secondary_dies_in_the_middle_of_a_load", SECONDARY, Role::Secondary);
}

#[test]
fn dhcpd_primary_dies_in_the_middle_of_a_load() {
    dies("crash::dhcpd_primary_dies_in_the_middle_of_a_load", SECONDARY, Role::Primary);
}

#[test]
fn dhcpd_secondary_dies_in_the_middle_of_a_load() {
    dies("crash::dhcpd_secondary_dies_in_the_middle_of_a_load", PRIMARY, Role::Secondary);
}

#[test]
fn one_of_two_twinlease_dies_in_the_middle_of_a_load() {
    dies("crash::one_of_two_twinlease_dies_in_the_middle_of_a_load", TWINS, Role::Primary);
}

fn dies(test: &str, kinds: [Kind; 2], victim: Role) {
    let Some(mut scene) = Scene::normal(test, kinds, Setup { mclt: 20, ..Setup::default() }) else {
        return;
    };
    let load = Load::start(&scene.network, 4, 0..CLIENTS);
    for _ in 0..2 {
        load.wait_rounds(2);
        scene.pair.server(victim).kill();
        load.wait_rounds(3);
        let survivor = scene.pair.server(victim.other());
        survivor.wait_state("communications-interrupted", SOON);
        scene.pair.server(victim).start();
        scene.pair.wait_normal(SOON);
    }
    load.wait_rounds(2);
    let report = load.finish();
    report.assert_no_failure();
    assert_eq!(report.held.len(), usize::from(CLIENTS));
    scene.pair.wait_equal();
    assert_eq!(scene.pair.primary.database().holders(), report.holders());
    scene.finish();
}
