//! What an operator decides, by a command or in the file.

use std::net::Ipv4Addr;

use crate::clients::{Given, lease};
use crate::packet::Client;
use crate::relay::{LONG, Relay};
use crate::server::{PATIENCE, Pair, Server};
use crate::wait::wait_until;

fn status(server: &Server, address: Ipv4Addr) -> Option<String> {
    server.leases().get(&address).map(|lease| lease.status.clone())
}

/// After PARTNER-DOWN the other server waits for this long.
fn shorten_mclt(pair: &Pair) {
    pair.primary.reconfigure("mclt = 600", "mclt = 4");
}

fn wait_for_status(server: &Server, address: Ipv4Addr, wanted: &str) {
    wait_until(&format!("{address} to be {wanted}"), PATIENCE, || {
        status(server, address).as_deref() == Some(wanted)
    });
}

/// Fails unless `server` knows who had these leases; they are short and may have ended.
fn assert_knows(server: &Server, given: &[Given]) {
    let leases = server.leases();
    for given in given {
        assert_eq!(leases[&given.address].hardware.as_deref(), Some(given.hardware.as_str()));
    }
}

/// An address that a client of the primary has declined.
fn declined(pair: &Pair) -> Ipv4Addr {
    let relay = Relay::to(&pair.primary);
    let client = Client::number(1).after(LONG);
    relay.send(&client.discover());
    let offer = relay.receive();
    relay.lease(&client, &offer);
    let address = offer.yiaddr;
    relay.send(&client.decline(address, pair.primary.address));
    for server in [&pair.primary, &pair.secondary] {
        wait_for_status(server, address, "abandoned");
    }
    address
}

#[test]
fn a_declined_address_that_is_reset_can_be_leased_again() {
    let mut pair = Pair::new(61);
    pair.start();
    let address = declined(&pair);
    let said = pair.primary.ask(&["reset", &address.to_string()]).unwrap();
    assert_eq!(said, format!("{address}: reset\n"));
    for server in [&pair.primary, &pair.secondary] {
        wait_until("the address to be unused", PATIENCE, || {
            matches!(status(server, address).as_deref(), Some("free" | "backup"))
        });
    }
}

#[test]
fn a_reset_is_durable_when_it_is_answered() {
    let mut pair = Pair::new(62);
    pair.start();
    let address = declined(&pair);
    pair.secondary.kill();
    pair.primary.wait_for_state("communications-interrupted");
    pair.primary.ask(&["reset", &address.to_string()]).unwrap();
    pair.primary.kill();
    pair.primary.start();
    assert_eq!(status(&pair.primary, address).as_deref(), Some("reset"));
}

#[test]
fn only_an_abandoned_address_of_this_server_is_reset() {
    let mut pair = Pair::new(63);
    pair.start();
    let given = lease(0..1, [pair.primary.dhcp(), pair.secondary.dhcp()], |_| {});
    let address = given[0].address;
    pair.wait_until_synced();
    let refused = pair.primary.ask(&["reset", &address.to_string()]).unwrap_err();
    assert!(refused.contains("is active; only an abandoned address can be reset"), "{refused}");
    assert_eq!(status(&pair.primary, address).as_deref(), Some("active"));
    let refused = pair.primary.ask(&["reset", "192.0.2.1"]).unwrap_err();
    assert!(refused.contains("192.0.2.1 is in no pool of this server"), "{refused}");
}

#[test]
fn a_partner_that_stays_away_is_declared_down_after_the_safe_period() {
    let mut pair = Pair::with(64, |_| "auto-partner-down = 2".to_owned());
    shorten_mclt(&pair);
    pair.start();
    pair.secondary.kill();
    pair.primary.wait_for_state("partner-down");
    assert!(pair.primary.log().contains("communications-interrupted -> partner-down"));
    pair.secondary.start();
    pair.wait_until_synced();
}

#[test]
fn the_first_server_of_a_pair_serves_alone_where_the_file_says_so() {
    let lines = "startup-policy = \"commission-alone\"\nstartup-wait = 1";
    let mut pair = Pair::with(65, |directory| {
        if directory.ends_with("primary") { lines.to_owned() } else { String::new() }
    });
    shorten_mclt(&pair);
    pair.primary.start();
    pair.primary.wait_for_state("partner-down");
    let given = lease(0..20, [pair.primary.dhcp(); 2], |_| {});
    pair.secondary.start();
    pair.wait_until_synced();
    assert_knows(&pair.secondary, &given);
}

#[test]
fn a_server_that_is_told_to_wait_serves_nobody_without_its_partner() {
    let mut pair = Pair::with(66, |_| "startup-policy = \"wait\"\nstartup-wait = 1".to_owned());
    pair.start();
    pair.primary.kill();
    pair.secondary.kill();
    pair.primary.start();
    pair.primary.wait_for_state("startup");
    let said = pair.primary.ask(&["why", "--client", "02:7e:00:00:00:01"]).unwrap();
    assert!(
        said.contains("its DISCOVER is not answered here: not served in state startup"),
        "{said}"
    );
    pair.secondary.start();
    pair.wait_until_synced();
}

#[test]
fn an_orderly_shutdown_leaves_the_partner_in_partner_down_across_restarts() {
    let mut pair = Pair::new(67);
    shorten_mclt(&pair);
    pair.start();
    pair.primary.ask(&["shutdown", "loopback"]).unwrap();
    pair.secondary.wait_for_state("partner-down");
    assert_eq!(pair.primary.relationship("state"), Some("shutdown".into()));
    assert!(pair.primary.terminate().success());
    pair.secondary.kill();
    pair.secondary.start();
    pair.secondary.wait_for_state("partner-down");
    let given = lease(0..20, [pair.secondary.dhcp(); 2], |_| {});
    pair.primary.start();
    pair.wait_until_synced();
    assert_knows(&pair.primary, &given);
}
