//! Twinlease joins, with an empty database, a dhcpd that holds 2,000 leases.

use std::collections::BTreeMap;
use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::support::compare::hexadecimal;
use crate::support::lease_file::{Lease, Relationship};
use crate::support::packet::Client;
use crate::support::pair::{Kind, PRIMARY, SECONDARY, SOON, Server};
use crate::support::relay::{BOTH, Relay};
use crate::support::scene::Scene;
use crate::support::setup::{RELATIONSHIP, Role, Setup};
use crate::support::wait::wait_until;

const LEASES: u16 = 2000;
const MCLT: u32 = 5;
const POOL: (Ipv4Addr, Ipv4Addr) = (Ipv4Addr::new(10, 78, 8, 0), Ipv4Addr::new(10, 78, 15, 255));

#[test]
fn twinlease_primary_holds_the_2000_leases_of_a_dhcpd_that_it_joins() {
    joins(
        "take_over::twinlease_primary_holds_the_2000_leases_of_a_dhcpd_that_it_joins",
        PRIMARY,
        Role::Secondary,
    );
}

#[test]
fn twinlease_secondary_holds_the_2000_leases_of_a_dhcpd_that_it_joins() {
    joins(
        "take_over::twinlease_secondary_holds_the_2000_leases_of_a_dhcpd_that_it_joins",
        SECONDARY,
        Role::Primary,
    );
}

/// A dhcpd holds the leases and has served alone; twinlease knows nothing and is about to be started.
fn before_joining(
    test: &str,
    kinds: [Kind; 2],
    holder: Role,
    setup: Setup,
) -> Option<(Scene, BTreeMap<Ipv4Addr, Lease>)> {
    let mut scene = Scene::stopped(test, kinds, setup)?;
    let leases = leases(&scene.setup);
    let dhcpd = scene.pair.server(holder).dhcpd();
    dhcpd.set_lease_file(&lease_file(&leases, holder));
    dhcpd.start();
    scene.pair.server(holder).wait_state("partner-down", SOON);
    Some((scene, leases))
}

/// Interop: U19.
#[test]
fn twinlease_primary_dies_while_it_joins_a_dhcpd() {
    let test = "take_over::twinlease_primary_dies_while_it_joins_a_dhcpd";
    dies_while_joining(test, PRIMARY, Role::Secondary);
}

/// Interop: U19.
#[test]
fn twinlease_secondary_dies_while_it_joins_a_dhcpd() {
    let test = "take_over::twinlease_secondary_dies_while_it_joins_a_dhcpd";
    dies_while_joining(test, SECONDARY, Role::Primary);
}

/// Attempts at a kill in the middle of a synchronisation that a busy machine may let pass.
const ATTEMPTS: usize = 5;

/// What dhcpd had told a process that is no more it never tells again, nor anything else while its window is full.
fn dies_while_joining(test: &str, kinds: [Kind; 2], holder: Role) {
    for _ in 0..ATTEMPTS {
        let setup = Setup {
            mclt: MCLT,
            max_unacked_updates: 3,
            pool: POOL,
            default_lease_time: 7200,
            ..Setup::default()
        };
        let Some((mut scene, leases)) = before_joining(test, kinds, holder, setup) else { return };
        let newcomer = scene.pair.server(holder.other()).twinlease();
        newcomer.launch();
        wait_for_octets(&newcomer.data(), 4096);
        newcomer.set_frozen(true);
        newcomer.kill();
        newcomer.start();
        let was_interrupted = newcomer.leases().len() < leases.len();
        scene.pair.wait_normal(SOON);
        scene.pair.wait_equal();
        scene.finish();
        if was_interrupted {
            return;
        }
    }
    panic!("twinlease was too fast to be interrupted");
}

/// Waits until a directory holds so many octets, and notices at once: the whole synchronisation takes a fraction of a second.
fn wait_for_octets(directory: &Path, count: u64) {
    let end = Instant::now() + SOON;
    let held = || -> u64 {
        let files = fs::read_dir(directory).unwrap();
        files.map(|file| file.unwrap().metadata().map_or(0, |metadata| metadata.len())).sum()
    };
    while held() < count {
        assert!(Instant::now() < end, "no {count} octets in {}", directory.display());
        thread::sleep(Duration::from_micros(100));
    }
}

fn joins(test: &str, kinds: [Kind; 2], holder: Role) {
    let setup = Setup {
        mclt: MCLT,
        pool: POOL,
        default_lease_time: 7200,
        max_unacked_updates: 100,
        ..Setup::default()
    };
    let Some((mut scene, leases)) = before_joining(test, kinds, holder, setup) else { return };
    scene.pair.server(holder.other()).start();
    scene.pair.wait_normal(SOON);
    scene.pair.wait_equal();

    let Server::Twinlease(twinlease) = scene.pair.server(holder.other()) else {
        panic!("the newcomer is twinlease")
    };
    let held = twinlease.leases();
    assert_eq!(
        held.values().filter(|binding| binding.status == "active").count(),
        usize::from(LEASES)
    );
    for (address, lease) in &leases {
        let binding = &held[address];
        assert_eq!(binding.status, lease.binding_state, "{address}");
        assert_eq!(binding.hw_address, lease.hardware, "{address}");
        assert_eq!(binding.client_id, lease.uid.as_deref().map(hexadecimal), "{address}");
        assert_eq!(binding.lease_expiration, lease.ends, "{address}");
        assert_eq!(binding.received_potential_expiration, lease.tstp, "{address}");
        assert_eq!(binding.client_last_transaction, lease.cltt, "{address}");
        assert_eq!(binding.start_of_status, lease.starts, "{address}");
    }
    clients_renew(&scene, &leases);
    scene.finish();
}

#[test]
fn dhcpd_secondary_holds_the_2000_leases_of_a_twinlease_that_it_joins() {
    is_joined(
        "take_over::dhcpd_secondary_holds_the_2000_leases_of_a_twinlease_that_it_joins",
        PRIMARY,
        Role::Primary,
    );
}

#[test]
fn dhcpd_primary_holds_the_2000_leases_of_a_twinlease_that_it_joins() {
    is_joined(
        "take_over::dhcpd_primary_holds_the_2000_leases_of_a_twinlease_that_it_joins",
        SECONDARY,
        Role::Secondary,
    );
}

/// The holder answers every client, from its half of the pool.
fn is_joined(test: &str, kinds: [Kind; 2], holder: Role) {
    let setup = Setup {
        mclt: 30,
        split: if holder == Role::Primary { 256 } else { 0 },
        pool: ([10, 78, 8, 0].into(), [10, 78, 25, 255].into()),
        default_lease_time: 7200,
        max_unacked_updates: 100,
        ..Setup::default()
    };
    let Some(mut scene) = Scene::normal(test, kinds, setup) else { return };
    let granted = long_leases(&Relay::new(&scene.network, 4), holder);
    scene.pair.server(holder.other()).stop();
    scene.pair.server(holder).wait_state("communications-interrupted", SOON);
    let Server::Dhcpd(dhcpd) = scene.pair.server(holder.other()) else {
        panic!("the newcomer is a dhcpd")
    };
    dhcpd.set_lease_file("");
    dhcpd.start();
    scene.pair.wait_normal(SOON);
    scene.pair.wait_equal();
    assert_eq!(scene.pair.server(holder.other()).database().holders(), granted);
    scene.finish();
}

/// Leases of 2,000 clients, each renewed until it outlasts the test. The first one is as long as the MCLT allows, further ones are
/// longer when the partner has acknowledged.
fn long_leases(relay: &Relay, server: Role) -> BTreeMap<Ipv4Addr, String> {
    let obtain = |client: Client| (relay.obtain(&client, 20).unwrap(), client);
    let mut held: Vec<_> = (0..LEASES).map(Client::number).map(obtain).collect();
    wait_until("long leases for all clients", SOON, || {
        for (granted, client) in held.iter_mut().filter(|(granted, _)| granted.lease_time < 3600) {
            *granted = relay.renew(client, granted.address, &[server], 20).unwrap();
        }
        held.iter().all(|(granted, _)| granted.lease_time >= 3600)
    });
    held.iter().map(|(granted, client)| (granted.address, client.hardware_text())).collect()
}

/// Some of the holders renew at twinlease and at dhcpd and keep what they have.
fn clients_renew(scene: &Scene, leases: &BTreeMap<Ipv4Addr, Lease>) {
    let relay = Relay::new(&scene.network, 4);
    for (number, address) in leases.keys().enumerate().step_by(97) {
        let client = Client::number(u16::try_from(number).unwrap());
        for server in BOTH {
            assert_eq!(relay.renew(&client, *address, &[server], 10).unwrap().address, *address);
        }
    }
    wait_until("the renewals to be known to both", SOON, || {
        scene.pair.primary.database().count("active") == usize::from(LEASES)
    });
    scene.pair.wait_equal();
}

/// Leases of clients 0, 1, ... in the order of the addresses, each with times of its own, none of which ends in the test.
fn leases(setup: &Setup) -> BTreeMap<Ipv4Addr, Lease> {
    let now =
        i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap();
    let lease = |number: u16| {
        let client = Client::number(number);
        let starts = now - 600 - i64::from(number % 100);
        Lease {
            starts: Some(starts),
            ends: Some(starts + 7200 + i64::from(number)),
            tstp: Some(starts + 10_800 + i64::from(number)),
            tsfp: Some(starts + 10_800 + i64::from(number)),
            atsfp: Some(starts + 10_800 + i64::from(number)),
            cltt: Some(starts),
            binding_state: "active".to_owned(),
            next_binding_state: Some("expired".to_owned()),
            rewind_binding_state: Some("free".to_owned()),
            hardware: Some(client.hardware_text()),
            uid: client.identifier,
            reserved: false,
        }
    };
    setup.addresses().zip((0..LEASES).map(lease)).collect()
}

/// The lease file of a dhcpd that has been in PARTNER-DOWN for a day.
fn lease_file(leases: &BTreeMap<Ipv4Addr, Lease>, role: Role) -> String {
    let relationship = Relationship {
        my_state: "partner-down".to_owned(),
        partner_state: "normal".to_owned(),
        mclt: (role == Role::Secondary).then_some(MCLT),
    };
    let now =
        i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap();
    let head = relationship.to_text(RELATIONSHIP, now - 86_400);
    leases.iter().fold(head, |text, (address, lease)| text + &lease.to_text(*address))
}
