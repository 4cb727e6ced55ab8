//! Which states dhcpd and its partner lead each other through.

use twinlease::wire::codes::MessageType;

use crate::support::packet::Client;
use crate::support::pair::{Kind, PRIMARY, SECONDARY, SOON};
use crate::support::partner::{Heard, Message, Partner};
use crate::support::relay::{BOTH, Relay};
use crate::support::scene::Scene;
use crate::support::setup::{Role, Setup};
use crate::support::stage::{
    CONFLICT, CONFLICT_DONE, INTERRUPTED, NORMAL, PARTNER_DOWN, PAUSED, RECOVER,
    RESOLUTION_INTERRUPTED, STARTUP, Stage,
};

/// A dhcpd that was interrupted in NORMAL hears that its partner served alone.
fn in_conflict(test: &str, role: Role) -> Option<(Stage, Partner)> {
    let states = ["communications-interrupted", "normal"];
    let mut stage = Stage::found(test, role, Stage::setup(), states, &[])?;
    let mut partner = stage.dial();
    stage.shake_hands(&mut partner);
    partner.send(&Message::state(PARTNER_DOWN, 0));
    wait_announced(&mut partner, CONFLICT);
    Some((stage, partner))
}

/// The next announcements, up to one of `state`.
#[track_caller]
fn wait_announced(partner: &mut Partner, state: u8) {
    while partner.take(MessageType::STATE).state().0 != state {}
}

fn kinds(heard: &[Heard]) -> Vec<&'static str> {
    heard.iter().map(|heard| heard.kind.name()).collect()
}

/// Interop: S5.
#[test]
fn a_dhcpd_secondary_asks_only_a_primary_that_was_in_conflict_before_it_was_done() {
    let test =
        "states::a_dhcpd_secondary_asks_only_a_primary_that_was_in_conflict_before_it_was_done";
    let Some((stage, mut partner)) = in_conflict(test, Role::Secondary) else { return };
    partner.send(&Message::state(CONFLICT_DONE, 0));
    assert_eq!(kinds(&partner.so_far()), Vec::<&str>::new());
    for state in [CONFLICT, CONFLICT_DONE] {
        partner.send(&Message::state(state, 0));
    }
    partner.take(MessageType::UPDREQ);
    stage.finish();
}

/// Interop: S6.
#[test]
fn a_dhcpd_primary_in_conflict_done_survives_a_lost_connection() {
    let test = "states::a_dhcpd_primary_in_conflict_done_survives_a_lost_connection";
    let Some((mut stage, mut partner)) = in_conflict(test, Role::Primary) else { return };
    partner.send(&Message::state(CONFLICT, 0));
    let request = partner.take(MessageType::UPDREQ);
    partner.send(&Message::answer(MessageType::UPDDONE, &request));
    wait_announced(&mut partner, CONFLICT_DONE);
    drop(partner);

    let mut partner = stage.dial();
    assert_eq!(stage.shake_hands(&mut partner).state().0, CONFLICT_DONE);
    for state in [RESOLUTION_INTERRUPTED, CONFLICT] {
        partner.send(&Message::state(state, 0));
        assert_eq!(kinds(&partner.so_far()), Vec::<&str>::new());
    }
    partner.send(&Message::state(NORMAL, 0));
    wait_announced(&mut partner, NORMAL);
    stage.finish();
}

/// Interop: S7.
#[test]
fn a_dhcpd_that_knows_nothing_asks_a_partner_that_served_alone_for_everything() {
    let test = "states::a_dhcpd_that_knows_nothing_asks_a_partner_that_served_alone_for_everything";
    let Some(mut stage) = Stage::started(test, Role::Secondary, Stage::setup()) else { return };
    let mut partner = stage.dial();
    stage.shake_hands(&mut partner);
    partner.send(&Message::state(PARTNER_DOWN, 0));
    let request = partner.take(MessageType::UPDREQALL);
    partner.send(&Message::answer(MessageType::UPDDONE, &request));
    stage.wait_state("recover-wait");
    let log = stage.dhcpd.log();
    assert!(!log.contains("potential-conflict"), "{log}");
    stage.finish();
}

/// Interop: S12, O4.
#[test]
fn a_dhcpd_in_partner_down_takes_no_note_of_a_partner_that_starts_in_normal() {
    let test = "states::a_dhcpd_in_partner_down_takes_no_note_of_a_partner_that_starts_in_normal";
    let states = ["partner-down", "communications-interrupted"];
    let Some(mut stage) = Stage::found(test, Role::Primary, Stage::setup(), states, &[]) else {
        return;
    };
    let mut partner = stage.dial();
    assert_eq!(stage.shake_hands(&mut partner).state(), (PARTNER_DOWN, STARTUP));
    partner.send(&Message::state(NORMAL, STARTUP));
    assert_eq!(partner.take(MessageType::STATE).state(), (PARTNER_DOWN, 0));
    assert_eq!(kinds(&partner.so_far()), Vec::<&str>::new());
    partner.send(&Message::state(RECOVER, 0));
    assert_eq!(kinds(&partner.so_far()), Vec::<&str>::new());
    assert_eq!(stage.dhcpd.state().as_deref(), Some("partner-down"));
    stage.finish();
}

/// Interop: S9.
#[test]
fn a_dhcpd_is_interrupted_while_its_partner_pauses() {
    for role in BOTH {
        let test = "states::a_dhcpd_is_interrupted_while_its_partner_pauses";
        let Some((stage, mut partner)) = Stage::normal(test, role, Stage::setup()) else { return };
        for (ours, its) in [(PAUSED, INTERRUPTED), (NORMAL, NORMAL)] {
            partner.send(&Message::state(ours, 0));
            assert_eq!(partner.take(MessageType::STATE).state(), (its, 0), "dhcpd as {role:?}");
        }
        stage.finish();
    }
}

/// A pair with short timers and leases of both servers, of which dhcpd declares its partner dead when it is told to.
fn pair(test: &str, kinds: [Kind; 2], dhcpd_peer: &'static str) -> Option<Scene> {
    let setup = Setup { max_response_delay: 6, mclt: 15, dhcpd_peer, ..Setup::default() };
    let scene = Scene::normal(test, kinds, setup)?;
    let relay = Relay::new(&scene.network, 4);
    for number in 0..6 {
        relay.obtain(&Client::number(number), 20).unwrap();
    }
    scene.pair.wait_equal();
    Some(scene)
}

/// Both end in NORMAL with the same bindings; `moves` are the states that the server of `role` came through, in this order.
fn ends_well(mut scene: Scene, role: Role, moves: &[&str]) {
    scene.pair.wait_normal(SOON);
    scene.pair.wait_equal();
    let log = scene.pair.server(role).log();
    let mut rest = log.as_str();
    for state in moves {
        let at = [format!(" to {state}"), format!(" -> {state}")]
            .iter()
            .filter_map(|text| rest.find(text).map(|at| at + text.len()))
            .min();
        rest = &rest[at.unwrap_or_else(|| panic!("no {state} in its turn of {moves:?}: {log}"))..];
    }
    scene.finish();
}

/// Interop: S4.
#[test]
fn twinlease_primary_declared_a_living_dhcpd_dead() {
    let test = "states::twinlease_primary_declared_a_living_dhcpd_dead";
    declared_dead(test, PRIMARY, Role::Secondary);
}

/// Interop: S4.
#[test]
fn twinlease_secondary_declared_a_living_dhcpd_dead() {
    let test = "states::twinlease_secondary_declared_a_living_dhcpd_dead";
    declared_dead(test, SECONDARY, Role::Primary);
}

fn declared_dead(test: &str, kinds: [Kind; 2], dhcpd: Role) {
    let Some(mut scene) = pair(test, kinds, "") else { return };
    scene.network.set_cable("b", false);
    for role in BOTH {
        scene.pair.server(role).wait_state("communications-interrupted", SOON);
    }
    scene.pair.server(dhcpd.other()).partner_down();
    scene.pair.server(dhcpd.other()).wait_state("partner-down", SOON);
    scene.network.set_cable("b", true);
    ends_well(scene, dhcpd, &["communications-interrupted", "potential-conflict", "normal"]);
}

/// Interop: S10.
#[test]
fn twinlease_primary_meets_a_dhcpd_that_declared_it_dead_by_itself() {
    let test = "states::twinlease_primary_meets_a_dhcpd_that_declared_it_dead_by_itself";
    declared_by_dhcpd(test, PRIMARY, Role::Secondary);
}

/// Interop: S10.
#[test]
fn twinlease_secondary_meets_a_dhcpd_that_declared_it_dead_by_itself() {
    let test = "states::twinlease_secondary_meets_a_dhcpd_that_declared_it_dead_by_itself";
    declared_by_dhcpd(test, SECONDARY, Role::Primary);
}

/// First while it lived and knew of the interruption, which is a conflict; then while it was dead, which is none.
fn declared_by_dhcpd(test: &str, kinds: [Kind; 2], dhcpd: Role) {
    let Some(mut scene) = pair(test, kinds, "auto-partner-down 2;") else { return };
    scene.network.set_cable("b", false);
    scene.pair.server(dhcpd).wait_state("partner-down", SOON);
    scene.pair.server(dhcpd.other()).wait_state("communications-interrupted", SOON);
    scene.network.set_cable("b", true);
    scene.pair.wait_normal(SOON);

    scene.pair.server(dhcpd.other()).kill();
    scene.pair.server(dhcpd).wait_state("partner-down", SOON);
    scene.pair.server(dhcpd.other()).start();
    let moves = ["communications-interrupted", "potential-conflict", "normal", "recover", "normal"];
    ends_well(scene, dhcpd.other(), &moves);
}

/// Interop: S11.
#[test]
fn the_operator_of_dhcpd_declares_a_connected_twinlease_primary_dead() {
    let test = "states::the_operator_of_dhcpd_declares_a_connected_twinlease_primary_dead";
    declared_while_connected(test, PRIMARY, Role::Secondary);
}

/// Interop: S11.
#[test]
fn the_operator_of_dhcpd_declares_a_connected_twinlease_secondary_dead() {
    let test = "states::the_operator_of_dhcpd_declares_a_connected_twinlease_secondary_dead";
    declared_while_connected(test, SECONDARY, Role::Primary);
}

fn declared_while_connected(test: &str, kinds: [Kind; 2], dhcpd: Role) {
    let Some(mut scene) = pair(test, kinds, "") else { return };
    scene.pair.server(dhcpd).partner_down();
    ends_well(scene, dhcpd, &["normal", "partner-down", "potential-conflict", "normal"]);
}

/// Interop: S14.
#[test]
fn twinlease_primary_is_left_by_the_operator_of_dhcpd() {
    left("states::twinlease_primary_is_left_by_the_operator_of_dhcpd", PRIMARY, Role::Secondary);
}

/// Interop: S14.
#[test]
fn twinlease_secondary_is_left_by_the_operator_of_dhcpd() {
    left("states::twinlease_secondary_is_left_by_the_operator_of_dhcpd", SECONDARY, Role::Primary);
}

/// The shutdown of the manual. Whether dhcpd still says so or not, it comes back in RECOVER. Now and
/// then it reads nothing while it is asked to end, until it believes that its partner, of which it has
/// a CONTACT every second, is gone; then it ends as if it had been killed, and is asked again.
fn left(test: &str, kinds: [Kind; 2], dhcpd: Role) {
    let Some(mut scene) = pair(test, kinds, "") else { return };
    for _ in 0..5 {
        scene.pair.server(dhcpd).dhcpd().shut_down();
        let in_order = scene.pair.server(dhcpd).log().contains(" to shutdown");
        scene.pair.server(dhcpd).start();
        if in_order {
            break;
        }
        scene.pair.wait_normal(SOON);
    }
    ends_well(scene, dhcpd, &["shutdown", "recover", "normal"]);
}
