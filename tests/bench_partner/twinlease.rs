//! With our own server, in either role.

use std::process::Command;

use crate::server::{Pair, RELATIONSHIP, Server};
use crate::{PROGRAM, play};

/// The common part of the command line for the partner of `server` at `partner`.
fn arguments(server: &Server, role: &str, partner: &Server) -> String {
    format!(
        "--server {} --local {} --role {role} --relationship {RELATIONSHIP} --pool 10.78.8.0",
        server.failover(),
        partner.failover()
    )
}

fn active(server: &Server) -> usize {
    server.leases().values().filter(|lease| lease.status == "active").count()
}

#[test]
fn an_empty_primary_keeps_all_that_it_is_given_and_gives_it_back() {
    let mut pair = Pair::new(91);
    pair.primary.start();
    let common = arguments(&pair.primary, "secondary", &pair.secondary);
    let report = play(Command::new(PROGRAM), &format!("{common} --sync-to 3000 --sync-from"));
    assert_eq!(report["sync-to"]["bindings"], 3000);
    assert_eq!(report["sync-to"]["rejected"], serde_json::json!({}));
    assert!(report["sync-from"]["bindings"].as_u64().unwrap() >= 3000, "{report}");
    assert_eq!(active(&pair.primary), 3000);
}

#[test]
fn a_partner_that_waits_to_be_called_is_found_by_a_secondary() {
    let mut pair = Pair::new(92);
    pair.secondary.start();
    let common = arguments(&pair.secondary, "primary", &pair.primary);
    let report = play(Command::new(PROGRAM), &format!("{common} --listen --sync-to 500"));
    assert_eq!(report["sync-to"]["bindings"], 500);
    assert_eq!(active(&pair.secondary), 500);
}

#[test]
fn updates_at_a_rate_are_all_answered() {
    let mut pair = Pair::new(93);
    pair.secondary.start();
    let common = arguments(&pair.secondary, "primary", &pair.primary);
    let report = play(
        Command::new(PROGRAM),
        &format!("{common} --sync-to 200 --steady 500 --seconds 2 --vendor-class script"),
    );
    assert_eq!(report["steady"]["bindings"], 1000);
    assert_eq!(report["steady"]["rejected"], serde_json::json!({}));
}

#[test]
fn a_server_that_served_alone_gives_all_before_it_is_given_anything() {
    let mut pair = Pair::new(94);
    pair.primary.start();
    let common = arguments(&pair.primary, "secondary", &pair.secondary);
    play(Command::new(PROGRAM), &format!("{common} --sync-to 400"));
    pair.primary.wait_for_state("communications-interrupted");
    pair.primary.ask(&["partner-down", RELATIONSHIP]).unwrap();
    pair.primary.wait_for_state("partner-down");
    let report = play(Command::new(PROGRAM), &common);
    assert!(report["sync-from"]["bindings"].as_u64().unwrap() >= 400, "{report}");
}
