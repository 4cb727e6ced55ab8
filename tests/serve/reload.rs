//! A changed configuration file takes effect on SIGHUP, and no lease is lost.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::clients::{Given, lease, lease_while, wait_for_more};
use crate::server::{Pair, Server};

/// A pool that has no relationship, instead of the one that has.
const OWN_POOL: (&str, &str) = ("relationship = \"loopback\"\n", "");

/// Fails unless `server` holds every one of these leases for its client.
fn assert_holds(server: &Server, given: &[Given]) {
    let leases = server.leases();
    for lease in given {
        let held = leases.get(&lease.address).map(|held| (&*held.status, held.hardware.as_deref()));
        assert_eq!(held, Some(("active", Some(&*lease.hardware))), "{lease:?}");
    }
}

/// Fails if an address was given to two clients.
fn assert_no_double(given: &[Given]) {
    let mut holders: BTreeMap<Ipv4Addr, &str> = BTreeMap::new();
    for lease in given {
        let holder = holders.entry(lease.address).or_insert(&lease.hardware);
        assert_eq!(*holder, lease.hardware, "{} was given twice", lease.address);
    }
}

#[test]
fn a_lease_time_is_changed_and_the_partner_notices_nothing() {
    let mut pair = Pair::new(101);
    pair.start();
    let since = pair.primary.relationship("state-since");
    pair.primary.reconfigure("default-lease-time = 600", "default-lease-time = 120");
    assert!(pair.primary.reload().contains("changed=[]"));
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let given = lease(0..40, [pair.primary.dhcp(), pair.secondary.dhcp()], |_| {});
    let by_primary: Vec<_> =
        given.iter().filter(|lease| lease.server == pair.primary.address).collect();
    assert!(!by_primary.is_empty());
    for lease in by_primary {
        assert!(lease.until < now + 500, "{lease:?}");
    }
    assert_eq!(pair.primary.relationship("state-since"), since);
    assert_eq!(pair.primary.relationship("communications"), Some("ok".into()));
}

#[test]
fn a_relationship_that_is_changed_keeps_its_leases_and_is_in_normal_again() {
    let mut pair = Pair::new(102);
    pair.start();
    let given = lease(0..60, [pair.primary.dhcp(), pair.secondary.dhcp()], |_| {});
    let process = pair.primary.id();
    pair.primary.reconfigure("split = 128", "split = 64");
    assert!(pair.primary.reload().contains("changed=[\"loopback\"]"));
    pair.wait_until_synced();
    assert_eq!(pair.primary.id(), process);
    assert_holds(&pair.primary, &given);
    assert_holds(&pair.secondary, &given);
    pair.wait_until_equal();
}

#[test]
fn a_pool_that_gets_a_relationship_takes_its_leases_along() {
    let mut pair = Pair::new(103);
    pair.primary.reconfigure(OWN_POOL.0, OWN_POOL.1);
    pair.secondary.reconfigure(OWN_POOL.0, OWN_POOL.1);
    // The secondary has no pool of its own, or both would give the same addresses.
    pair.secondary.reconfigure("[[subnet.pool]]\nrange = \"10.78.8.0-10.78.71.255\"\n", "");
    pair.primary.start();
    let alone = pair.primary.dhcp();
    let given = lease(0..60, [alone, alone], |_| {});
    let pool = "[[subnet.pool]]\nrange = \"10.78.8.0-10.78.71.255\"\nrelationship = \"loopback\"\n";
    pair.secondary
        .reconfigure("max-lease-time = 7200\n", &format!("max-lease-time = 7200\n{pool}"));
    pair.primary.reconfigure("71.255\"\n", "71.255\"\nrelationship = \"loopback\"\n");
    let log = pair.primary.reload();
    assert!(log.contains("changed=[\"loopback\", \"pools without relationship\"]"), "{log}");
    pair.secondary.start();
    pair.wait_until_synced();
    assert_holds(&pair.primary, &given);
    assert_holds(&pair.secondary, &given);
}

#[test]
fn a_pool_that_was_away_comes_back_with_its_leases() {
    let mut pair = Pair::new(104);
    pair.primary.reconfigure(OWN_POOL.0, OWN_POOL.1);
    pair.primary.start();
    let alone = pair.primary.dhcp();
    let given = lease(0..30, [alone, alone], |_| {});
    let pool = "[[subnet.pool]]\nrange = \"10.78.8.0-10.78.71.255\"\n";
    pair.primary.reconfigure(pool, "");
    pair.primary.reload();
    assert_eq!(pair.primary.leases(), BTreeMap::new());
    pair.primary.reconfigure("max-lease-time = 7200\n", &format!("max-lease-time = 7200\n{pool}"));
    pair.primary.reload();
    assert_holds(&pair.primary, &given);
}

#[test]
fn no_lease_is_lost_or_given_twice_while_the_configuration_changes_again_and_again() {
    let mut pair = Pair::new(105);
    pair.start();
    let servers = [pair.primary.dhcp(), pair.secondary.dhcp()];
    let given = lease_while(servers, |count| {
        for round in 0..8 {
            let server = if round % 2 == 0 { &pair.primary } else { &pair.secondary };
            wait_for_more(count);
            let window = |round: u32| format!("max-unacked-updates = {}", 200 + round / 2);
            server.reconfigure(&window(round), &window(round + 2));
            assert!(server.reload().contains("configuration applied"));
            server.wait_for_state("normal");
        }
    });
    assert_no_double(&given);
    pair.wait_until_synced();
    assert_holds(&pair.primary, &given);
    assert_holds(&pair.secondary, &given);
}

#[test]
fn a_relationship_is_added_and_the_other_keeps_its_connection() {
    let mut pair = Pair::new(106);
    pair.start();
    let since = pair.primary.relationship("state-since");
    let address = pair.primary.address;
    let more = format!(
        "[[relationship]]\nname = \"other\"\nrole = \"primary\"\naddress = \"{address}\"\nport = 6470\n\
         peer-address = \"127.77.106.9\"\npeer-port = 6470\n[[subnet]]\nnetwork = \"10.79.0.0/24\"\n\
         [[subnet.pool]]\nrange = \"10.79.0.10-10.79.0.90\"\nrelationship = \"other\"\n[[subnet]]\n\
         network = \"10.78.0.0/16\""
    );
    pair.primary.reconfigure("[[subnet]]\nnetwork = \"10.78.0.0/16\"", &more);
    assert!(pair.primary.reload().contains("changed=[\"other\"]"));
    let status = pair.primary.ask(&["status", "--json"]).unwrap();
    let status: serde_json::Value = serde_json::from_str(&status).unwrap();
    let names: Vec<_> =
        status["relationships"].as_array().unwrap().iter().map(|one| &one["name"]).collect();
    assert_eq!(names, ["loopback", "other"]);
    assert_eq!(pair.primary.relationship("state-since"), since);
    assert_eq!(pair.primary.relationship("communications"), Some("ok".into()));
}

#[test]
fn a_wrong_file_changes_nothing() {
    let mut pair = Pair::new(107);
    pair.start();
    pair.primary.reconfigure("mclt = 600", "mclt = \"soon\"");
    let log = pair.primary.reload();
    assert!(log.contains("the configuration stays as it was") && log.contains("mclt"), "{log}");
    assert_eq!(pair.primary.relationship("communications"), Some("ok".into()));
    assert_eq!(lease(0..4, [pair.primary.dhcp(), pair.secondary.dhcp()], |_| {}).len(), 4);
}

#[test]
fn what_counts_after_a_restart_only_is_named() {
    let mut pair = Pair::new(108);
    pair.primary.start();
    pair.primary.reconfigure(":8067\"", ":8068\"");
    let log = pair.primary.reload();
    assert!(log.contains("needs_restart=[\"admin.listen\"]"), "{log}");
}

#[test]
fn after_a_signal_there_is_nothing_left_to_reload() {
    let mut pair = Pair::new(110);
    pair.primary.start();
    pair.primary.reconfigure("default-lease-time = 600", "default-lease-time = 120");
    let would = |server: &Server| server.ask(&["reload", "--dry-run"]).unwrap();
    assert!(would(&pair.primary).contains("+default-lease-time = 120"));
    pair.primary.reload();
    assert!(would(&pair.primary).contains("nothing changes"));
}
