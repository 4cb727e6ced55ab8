//! From two empty databases to NORMAL, and a life in which nothing goes wrong.

use std::time::Duration;

use crate::support::compare::Database;
use crate::support::dhclient::Dhclient;
use crate::support::packet::Client;
use crate::support::pair::{Kind, PRIMARY, SECONDARY, SOON, Server, TWINS};
use crate::support::perfdhcp::Perfdhcp;
use crate::support::relay::{BOTH, Relay};
use crate::support::scene::Scene;
use crate::support::setup::{Role, Setup};
use crate::support::twinlease::Twinlease;
use crate::support::wait::wait_until;

/// Interop: S1.
#[test]
fn twinlease_primary_reaches_normal_from_empty() {
    reaches_normal("normal_life::twinlease_primary_reaches_normal_from_empty", PRIMARY);
}

/// Interop: S1.
#[test]
fn twinlease_secondary_reaches_normal_from_empty() {
    reaches_normal("normal_life::twinlease_secondary_reaches_normal_from_empty", SECONDARY);
}

#[test]
fn two_twinlease_reach_normal_from_empty() {
    reaches_normal("normal_life::two_twinlease_reach_normal_from_empty", TWINS);
}

fn reaches_normal(test: &str, kinds: [Kind; 2]) {
    let Some(scene) = Scene::normal(test, kinds, Setup::default()) else { return };
    let counters = Perfdhcp { exchanges: 60, ..Perfdhcp::default() }.run(&scene.network);
    assert_eq!(counters["REQUEST-ACK"].received, counters["REQUEST-ACK"].sent);
    scene.pair.wait_equal();
    assert_eq!(scene.pair.primary.database().count("active"), 60);
    assert_eq!(scene.complaints(), Vec::<String>::new());
    for server in [&scene.pair.primary, &scene.pair.secondary] {
        match server {
            Server::Twinlease(twinlease) => {
                assert_status_agrees_with_leases(twinlease, &scene.setup);
            }
            // Nobody knows of a lease to wait for.
            Server::Dhcpd(dhcpd) => assert!(dhcpd.log().contains("from recover to recover-done")),
        }
    }
    scene.finish();
}

/// `status --json` has the promised members, and its counts are those of `leases --json`.
fn assert_status_agrees_with_leases(twinlease: &Twinlease, setup: &Setup) {
    let member = |name: &str| twinlease.relationship(name).unwrap();
    assert_eq!(member("role"), twinlease.role.word());
    assert_eq!((member("state"), member("partner-state")), ("normal".into(), "normal".into()));
    assert_eq!((member("communications"), member("sync")), ("ok".into(), "synced".into()));
    assert_eq!((member("unacked-updates"), member("queued-updates")), (0.into(), 0.into()));
    assert!(member("state-since").is_number() && member("clock-delta-seconds").is_number());
    let (pools, database) = (member("pools"), Database::of_twinlease(&twinlease.leases()));
    assert_eq!(pools.as_array().unwrap().len(), 1);
    let count = |status: &str| usize::try_from(pools[0][status].as_u64().unwrap()).unwrap();
    let others = ["backup", "active", "expired", "released", "abandoned", "reset"];
    for status in others {
        assert_eq!(count(status), database.count(status), "{status}");
    }
    assert_eq!(count("free"), setup.pool_size() - others.map(count).iter().sum::<usize>());
}

/// Interop: U10.
#[test]
fn leases_of_a_twinlease_primary_run_out_on_both() {
    runs_out("normal_life::leases_of_a_twinlease_primary_run_out_on_both", PRIMARY);
}

/// Interop: U5.
#[test]
fn leases_of_a_twinlease_secondary_run_out_on_both() {
    runs_out("normal_life::leases_of_a_twinlease_secondary_run_out_on_both", SECONDARY);
}

fn runs_out(test: &str, kinds: [Kind; 2]) {
    let setup = Setup { default_lease_time: 8, max_lease_time: 8, ..Setup::default() };
    let Some(scene) = Scene::normal(test, kinds, setup) else { return };
    let relay = Relay::new(&scene.network, 4);
    let granted: Vec<_> =
        (0..20).map(|number| relay.obtain(&Client::number(number), 10).unwrap()).collect();
    for role in BOTH {
        assert!(
            granted.iter().any(|lease| lease.server == role),
            "none of 20 clients came to the {role:?}"
        );
    }
    let databases = || [scene.pair.primary.database(), scene.pair.secondary.database()];
    wait_until("the leases to be known to both", SOON, || {
        databases().iter().all(|database| {
            granted.iter().all(|lease| database.records.contains_key(&lease.address))
        })
    });
    wait_until("the leases to run out on both", SOON, || {
        databases().iter().all(|database| {
            granted.iter().all(|lease| {
                ["free", "backup"].contains(&database.records[&lease.address].status.as_str())
            })
        })
    });
    scene.pair.wait_equal();
    assert_eq!(scene.complaints(), Vec::<String>::new());
    scene.finish();
}

/// Interop: C14, C15.
#[test]
fn a_silent_link_of_a_twinlease_primary_stays_up() {
    stays_up("normal_life::a_silent_link_of_a_twinlease_primary_stays_up", PRIMARY);
}

/// Interop: C14, C15.
#[test]
fn a_silent_link_of_a_twinlease_secondary_stays_up() {
    stays_up("normal_life::a_silent_link_of_a_twinlease_secondary_stays_up", SECONDARY);
}

/// Three times `max-response-delay` without a client: only CONTACT keeps the link.
fn stays_up(test: &str, kinds: [Kind; 2]) {
    let setup = Setup { max_response_delay: 6, ..Setup::default() };
    let Some(mut scene) = Scene::normal(test, kinds, setup) else { return };
    std::thread::sleep(Duration::from_secs(18));
    scene.pair.wait_normal(SOON);
    for server in [&scene.pair.primary, &scene.pair.secondary] {
        assert!(!server.log().contains("communications-interrupted"), "{}", server.log());
    }
    assert_eq!(scene.complaints(), Vec::<String>::new());
    scene.finish();
}

/// Split that gives every client to the server of `role`.
fn all_to(role: Role) -> Setup {
    let split = if role == Role::Primary { 256 } else { 0 };
    Setup { split, mclt: 10, ..Setup::default() }
}

/// Holds: FO-4.1-1.
#[test]
fn dhclient_is_bound_renews_and_releases_at_a_twinlease_primary() {
    dhclient(
        "normal_life::dhclient_is_bound_renews_and_releases_at_a_twinlease_primary",
        PRIMARY,
        Role::Primary,
    );
}

#[test]
fn dhclient_is_bound_renews_and_releases_at_a_twinlease_secondary() {
    dhclient(
        "normal_life::dhclient_is_bound_renews_and_releases_at_a_twinlease_secondary",
        SECONDARY,
        Role::Secondary,
    );
}

#[test]
fn dhclient_is_bound_renews_and_releases_at_the_dhcpd_beside_a_twinlease_secondary() {
    let test = "normal_life::dhclient_is_bound_renews_and_releases_at_the_dhcpd_beside_a_twinlease_secondary";
    dhclient(test, SECONDARY, Role::Primary);
}

fn dhclient(test: &str, kinds: [Kind; 2], server: Role) {
    let Some(mut scene) = Scene::normal(test, kinds, all_to(server)) else { return };
    let mut client = Dhclient::start(&mut scene.network, "station");
    let (address, from) = client.wait_bound(1);
    assert_eq!(from, server.address());
    assert_eq!(client.wait_bound(2), (address, from), "{}", client.log());
    scene.pair.wait_equal();
    assert_eq!(scene.pair.secondary.database().holders().keys().collect::<Vec<_>>(), [&address]);
    client.release();
    wait_until("the release to be known to both", SOON, || {
        [&scene.pair.primary, &scene.pair.secondary]
            .iter()
            .all(|server| server.database().count("active") == 0)
    });
    scene.pair.wait_equal();
    assert_eq!(scene.complaints(), Vec::<String>::new());
    scene.finish();
}

#[test]
fn perfdhcp_gets_renews_and_releases_at_a_twinlease_primary() {
    perfdhcp(
        "normal_life::perfdhcp_gets_renews_and_releases_at_a_twinlease_primary",
        PRIMARY,
        Role::Primary,
    );
}

#[test]
fn perfdhcp_gets_renews_and_releases_at_a_twinlease_secondary() {
    perfdhcp(
        "normal_life::perfdhcp_gets_renews_and_releases_at_a_twinlease_secondary",
        SECONDARY,
        Role::Secondary,
    );
}

/// Half of the pool belongs to the serving side, so fewer clients than that.
fn perfdhcp(test: &str, kinds: [Kind; 2], server: Role) {
    let setup = Setup { pool: ([10, 78, 8, 0].into(), [10, 78, 9, 255].into()), ..all_to(server) };
    let Some(scene) = Scene::normal(test, kinds, setup) else { return };
    let to = Some(server.address());
    let load =
        Perfdhcp { exchanges: 200, renewals: 30, releases: 30, server: to, ..Perfdhcp::default() };
    let counters = load.run(&scene.network);
    for (exchange, at_least) in
        [("DISCOVER-OFFER", 200), ("REQUEST-ACK", 200), ("REQUEST-ACK (renewal)", 1)]
    {
        let counted = &counters[exchange];
        assert!(counted.sent >= at_least, "{exchange}: {counted:?}");
        assert_eq!(
            (counted.received, counted.rejected, counted.non_unique),
            (counted.sent, 0, 0),
            "{exchange}"
        );
    }
    assert!(counters["RELEASE"].sent > 0);
    scene.pair.wait_equal();
    assert!(scene.pair.primary.database().count("active") < 200);
    // A lease that changes while its update is under way is sent again, and the late answer to the first is remarked on.
    let late =
        |line: &String| line.starts_with("bind update on ") && line.ends_with(": xid mismatch.");
    let complaints: Vec<_> = scene.complaints().into_iter().filter(|line| !late(line)).collect();
    assert_eq!(complaints, Vec::<String>::new());
    scene.finish();
}

#[test]
fn what_clients_do_at_a_twinlease_primary_reaches_the_dhcpd() {
    every_message(
        "normal_life::what_clients_do_at_a_twinlease_primary_reaches_the_dhcpd",
        PRIMARY,
        Role::Primary,
    );
}

#[test]
fn what_clients_do_at_a_twinlease_secondary_reaches_the_dhcpd() {
    every_message(
        "normal_life::what_clients_do_at_a_twinlease_secondary_reaches_the_dhcpd",
        SECONDARY,
        Role::Secondary,
    );
}

fn every_message(test: &str, kinds: [Kind; 2], server: Role) {
    let Some(scene) = Scene::normal(test, kinds, all_to(server)) else { return };
    let relay = Relay::new(&scene.network, 4);
    let clients: Vec<_> = (0..4).map(Client::number).collect();
    let granted: Vec<_> = clients.iter().map(|client| relay.obtain(client, 10).unwrap()).collect();
    assert!(
        granted.iter().all(|lease| lease.server == server && lease.lease_time == 10),
        "{granted:?}"
    );
    scene.pair.wait_equal();

    let renewed = relay.renew(&clients[0], granted[0].address, &[server], 10).unwrap();
    assert_eq!(
        (renewed.address, renewed.lease_time),
        (granted[0].address, 600),
        "the partner has acknowledged"
    );
    let rebooted = relay.insist(&clients[1].reboot(granted[1].address), &BOTH, 10).unwrap();
    assert_eq!(rebooted.1.yiaddr, granted[1].address);
    relay.send(&clients[2].release(granted[2].address, server.address()), &[server]);
    relay.send(&clients[3].decline(granted[3].address, server.address()), &[server]);

    wait_until("both to know what became of each lease", SOON, || {
        [&scene.pair.primary, &scene.pair.secondary].iter().all(|server| {
            let database = server.database();
            database.count("active") == 2
                && database.records[&granted[3].address].status == "abandoned"
        })
    });
    scene.pair.wait_equal();
    scene.finish();
}
