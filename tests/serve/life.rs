//! A pair's life: together, one killed, one stopped in order.

use std::net::{Ipv4Addr, UdpSocket};
use std::thread;
use std::time::Duration;

use crate::clients::{Given, lease, lease_while, wait_for_more};
use crate::packet::Client;
use crate::server::{Pair, Server};

/// Fails unless `server` holds every one of these leases for its client and for as long.
fn assert_holds(server: &Server, given: &[Given]) {
    let leases = server.leases();
    for lease in given {
        let held = leases.get(&lease.address);
        let held = held.unwrap_or_else(|| panic!("{lease:?} is lost on {}", server.address));
        assert_eq!(
            (held.status.as_str(), held.hardware.as_deref()),
            ("active", Some(lease.hardware.as_str())),
            "{lease:?} on {}",
            server.address
        );
        // The answer was on its way for less than two seconds.
        assert!(held.expiration.unwrap() + 2 >= lease.until, "{lease:?}: {held:?}");
    }
}

/// Holds: FO-8-1, FO-8.4-1.
#[test]
fn both_servers_hold_the_leases_that_either_gave() {
    let mut pair = Pair::new(1);
    pair.start();
    let given = lease(0..200, [pair.primary.dhcp(), pair.secondary.dhcp()], |_| {});
    for server in [&pair.primary, &pair.secondary] {
        assert!(given.iter().any(|lease| lease.server == server.address));
    }
    pair.wait_until_synced();
    assert_holds(&pair.primary, &given);
    assert_holds(&pair.secondary, &given);
    pair.wait_until_equal();
}

#[test]
fn kill_9_of_either_server_loses_no_lease_that_a_client_was_given() {
    let mut pair = Pair::new(2);
    pair.start();
    let servers = [pair.primary.dhcp(), pair.secondary.dhcp()];
    let given = lease_while(servers, |count| {
        for round in 0..6 {
            let server = if round % 2 == 0 { &mut pair.primary } else { &mut pair.secondary };
            wait_for_more(count);
            server.kill();
            thread::sleep(Duration::from_millis(100 * round));
            server.start();
            server.wait_for_state("normal");
        }
    });
    assert!(given.len() > 240);
    pair.wait_until_synced();
    assert_holds(&pair.primary, &given);
    assert_holds(&pair.secondary, &given);
}

#[test]
fn a_server_comes_back_from_kill_9_with_what_it_had_even_without_its_partner() {
    let mut pair = Pair::new(3);
    pair.start();
    let given = lease(0..100, [pair.primary.dhcp(), pair.secondary.dhcp()], |_| {});
    pair.wait_until_synced();
    pair.primary.kill();
    pair.secondary.kill();
    pair.secondary.start();
    assert_holds(&pair.secondary, &given);
    pair.secondary.wait_for_state("communications-interrupted");
}

/// A client that gives its address back and comes again while its server hangs gets it anew from the
/// partner.
#[test]
fn a_release_that_waited_while_the_server_hung_is_not_believed() {
    let mut pair = Pair::new(7);
    pair.start();
    let servers = [pair.primary.dhcp(), pair.primary.dhcp()];
    let given = lease(0..1, servers, |_| {});
    pair.primary.set_frozen(true);
    let release = Client::number(0).release(given[0].address, given[0].server);
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    socket.send_to(&release.encode(), servers[0]).unwrap();
    thread::sleep(Duration::from_secs(4));
    pair.primary.set_frozen(false);
    // Who comes later is answered later.
    lease(1..2, servers, |_| {});
    assert_holds(&pair.primary, &given);
}

#[test]
fn sigterm_tells_the_partner_and_ends_with_success() {
    let mut pair = Pair::new(4);
    pair.start();
    let status = pair.primary.terminate();
    assert!(status.success(), "{status}");
    pair.secondary.wait_for_state("communications-interrupted");
    assert_eq!(pair.secondary.relationship("partner-state"), Some("paused".into()));
    pair.primary.start();
    pair.wait_until_synced();
}

#[test]
fn sigterm_ends_a_server_that_has_no_partner() {
    let mut pair = Pair::new(5);
    pair.primary.start();
    assert!(pair.primary.terminate().success());
    pair.primary.start();
    assert!(pair.primary.terminate().success());
}

#[test]
fn partner_down_by_the_operator_is_durable_when_it_is_answered() {
    let mut pair = Pair::new(6);
    pair.start();
    pair.secondary.kill();
    pair.primary.wait_for_state("communications-interrupted");
    pair.primary.ask(&["partner-down", "loopback"]).unwrap();
    pair.primary.kill();
    pair.primary.start();
    pair.primary.wait_for_state("partner-down");
}
