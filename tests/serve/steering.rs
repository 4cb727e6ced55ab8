//! Two live servers steered by commands.

use serde_json::Value;

use crate::clients::lease;
use crate::server::{PATIENCE, Pair, Server};
use crate::wait::wait_until;

fn json(server: &Server, arguments: &[&str]) -> Value {
    serde_json::from_str(&server.ask(arguments).unwrap()).unwrap()
}

#[test]
fn a_partner_that_answers_is_not_declared_down() {
    let mut pair = Pair::new(140);
    pair.start();
    for arguments in [
        &["partner-down", "loopback"][..],
        &["promote", "loopback", "--force"],
        &["partner-down", "loopback", "--reason", "a whim"],
        &["partner-down", "loopback", "--force", "--reason", " "],
    ] {
        let refused = pair.primary.ask(arguments).unwrap_err();
        assert!(refused.contains("the partner answers and is in normal"), "{refused}");
    }
    assert_eq!(pair.primary.relationship("state"), Some("normal".into()));
}

#[test]
fn a_partner_that_answers_is_declared_down_by_force_with_a_reason() {
    let mut pair = Pair::new(141);
    pair.start();
    let reason = ["--reason", "its disk is lying"];
    let arguments = ["partner-down", "loopback", "--force", reason[0], reason[1]];
    pair.primary.ask(&arguments).unwrap();
    assert!(pair.primary.log().contains("normal -> partner-down"));
    let audit = std::fs::read_to_string(pair.primary.data().join("audit.jsonl")).unwrap();
    assert!(audit.contains("\"reason\":\"its disk is lying\""), "{audit}");
    pair.wait_until_synced();
}

#[test]
fn the_survivor_is_promoted_and_the_pair_comes_together_again() {
    let mut pair = Pair::new(142);
    pair.primary.reconfigure("mclt = 600", "mclt = 4");
    pair.start();
    pair.primary.kill();
    pair.secondary.wait_for_state("communications-interrupted");
    let said = pair.secondary.ask(&["promote", "loopback"]).unwrap();
    assert_eq!(said, "loopback: state partner-down\n");
    pair.primary.start();
    pair.wait_until_synced();
}

#[test]
fn in_maintenance_the_partner_may_stay_away_and_a_restart_changes_nothing() {
    let mut pair = Pair::with(143, |_| "auto-partner-down = 1".to_owned());
    pair.start();
    let said = json(&pair.primary, &["maintenance", "loopback", "--for", "1h", "--json"]);
    let until = said["maintenance-until"].as_u64().unwrap();
    pair.primary.kill();
    pair.primary.start();
    assert_eq!(pair.primary.relationship("maintenance-until"), Some(until.into()));
    pair.wait_until_synced();
    pair.secondary.kill();
    pair.primary.wait_for_state("communications-interrupted");
    let shown = pair.primary.ask(&["status"]).unwrap();
    assert!(shown.contains("  maintenance     until "), "{shown}");
    wait_until("the safe period to be over", PATIENCE, || {
        let since = pair.primary.relationship("state-since").unwrap().as_u64().unwrap();
        std::time::UNIX_EPOCH.elapsed().unwrap().as_secs() > since + 3
    });
    let state = pair.primary.relationship("state");
    assert_eq!(state, Some("communications-interrupted".into()));
    pair.primary.ask(&["maintenance", "loopback", "--off"]).unwrap();
    pair.primary.wait_for_state("partner-down");
    assert_eq!(pair.primary.relationship("maintenance-until"), Some(Value::Null));
}

#[test]
fn maintenance_ends_by_itself() {
    let mut pair = Pair::with(144, |_| "auto-partner-down = 1".to_owned());
    pair.start();
    pair.primary.ask(&["maintenance", "loopback", "--for", "3s"]).unwrap();
    pair.secondary.kill();
    pair.primary.wait_for_state("partner-down");
    assert!(pair.primary.log().contains("maintenance is over"));
}

#[test]
fn synchronisation_goes_on_in_maintenance() {
    let mut pair = Pair::new(145);
    pair.start();
    pair.primary.ask(&["maintenance", "loopback", "--for", "1h"]).unwrap();
    let given = lease(0..10, [pair.primary.dhcp(), pair.secondary.dhcp()], |_| {});
    pair.wait_until_equal();
    assert_eq!(given.len(), 10);
}

#[test]
fn maintenance_without_an_end_is_a_wrong_command_line() {
    let pair = Pair::new(146);
    for arguments in [
        &["maintenance", "loopback"][..],
        &["maintenance", "loopback", "--for", "soon"],
        &["maintenance", "loopback", "--for", "1h", "--off"],
    ] {
        assert!(pair.primary.ask(arguments).unwrap_err().contains("--for"), "{arguments:?}");
    }
}

#[test]
fn a_resynchronisation_sends_every_lease_once_more() {
    let mut pair = Pair::new(147);
    pair.start();
    lease(0..30, [pair.primary.dhcp(), pair.secondary.dhcp()], |_| {});
    pair.wait_until_equal();
    let name = "twinlease_updates_total{relationship=\"loopback\",direction=\"sent\",outcome=\"accepted\"}";
    let before = pair.primary.sample(name);
    pair.primary.ask(&["resync", "loopback"]).unwrap();
    wait_until("every lease to be told again", PATIENCE, || {
        pair.primary.sample(name) >= before + 30
    });
    pair.wait_until_equal();
}

#[test]
fn a_rebalance_evens_out_a_small_difference() {
    let mut pair = Pair::new(148);
    pair.start();
    // New clients of the primary alone: too few for the balance to be looked at by itself.
    let given = lease(0..200, [pair.primary.dhcp(), pair.secondary.dhcp()], |_| {});
    assert_eq!(given.len(), 200);
    pair.wait_until_equal();
    let difference = || {
        let pools = pair.primary.relationship("pools").unwrap();
        let count = |status: &str| pools[0][status].as_i64().unwrap();
        (count("free") - count("backup")).abs()
    };
    let before = difference();
    assert!(before > 1, "the hash divides 200 clients evenly; use another number");
    for server in [&pair.primary, &pair.secondary] {
        server.ask(&["rebalance", "loopback"]).unwrap();
    }
    wait_until("equal shares", PATIENCE, || difference() <= 1);
}

#[test]
fn what_is_for_a_pair_in_normal_is_refused_without_the_partner() {
    let mut pair = Pair::new(149);
    pair.primary.start();
    pair.primary.wait_for_state("recover");
    for word in ["resynchronise", "rebalance"] {
        let refused = pair.primary.ask(&[word, "loopback"]).unwrap_err();
        assert!(refused.contains("refused in state recover"), "{refused}");
    }
}

#[test]
fn after_a_pause_the_partner_goes_on_and_a_restart_leads_back() {
    let mut pair = Pair::new(150);
    pair.start();
    assert_eq!(pair.primary.ask(&["pause", "loopback"]).unwrap(), "loopback: state paused\n");
    pair.secondary.wait_for_state("communications-interrupted");
    pair.primary.kill();
    pair.primary.start();
    pair.wait_until_synced();
}
