//! A server that has lost its store.

use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::clients::lease;
use crate::server::Pair;

/// A pair with leases whose secondary has lost everything.
fn robbed(network: u8, mclt: &str) -> Pair {
    let mut pair = Pair::new(network);
    pair.primary.reconfigure("mclt = 600", &format!("mclt = {mclt}"));
    pair.start();
    lease(0..40, [pair.primary.dhcp(), pair.secondary.dhcp()], |_| {});
    pair.wait_until_synced();
    pair.secondary.kill();
    pair.primary.wait_for_state("communications-interrupted");
    fs::remove_dir_all(pair.secondary.data()).unwrap();
    pair
}

#[test]
fn a_server_without_its_store_gets_everything_back_and_waits_for_the_mclt() {
    let mut pair = robbed(71, "5");
    pair.secondary.start();
    pair.wait_until_equal();
    let log = pair.secondary.log();
    assert!(log.contains("asking the partner for all bindings"), "{log}");
    assert!(log.contains("state recover -> recover-wait"), "{log}");
}

#[test]
fn the_wait_after_a_loss_goes_on_after_kill_9_and_does_not_begin_anew() {
    let mut pair = robbed(72, "15");
    pair.secondary.start();
    pair.secondary.wait_for_state("recover-wait");
    let began = pair.secondary.relationship("state-since").unwrap();
    pair.secondary.kill();
    pair.secondary.start();
    pair.secondary.wait_for_state("recover-wait");
    assert_eq!(pair.secondary.relationship("state-since"), Some(began));
    pair.wait_until_equal();
}

#[test]
fn a_loss_that_lies_long_ago_by_the_operators_word_is_not_waited_for() {
    let mut pair = robbed(73, "600");
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let lost = format!("storage-lost-at = {}\nmax-response-delay", now - 700);
    pair.secondary.reconfigure("max-response-delay", &lost);
    pair.secondary.start();
    pair.wait_until_equal();
}
