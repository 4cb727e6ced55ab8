//! Addresses that a dhcpd holds back for one client.

use std::net::Ipv4Addr;

use twinlease::wire::codes::{MessageType, OptionCode};

use crate::support::lease_file::{Lease, Relationship};
use crate::support::packet::Client;
use crate::support::pair::{Kind, PRIMARY, SECONDARY, SOON};
use crate::support::partner::{Message, now};
use crate::support::scene::Scene;
use crate::support::setup::{RELATIONSHIP, Role, Setup};
use crate::support::stage::{BACKUP, FREE, Stage};

/// The first addresses of the pool, reserved for clients 0, 1, ...
pub fn reserved(setup: &Setup, role: Role) -> Vec<(Ipv4Addr, Lease)> {
    let long_ago = Some(i64::from(now()) - 86_400);
    let lease = |number: u16| {
        let client = Client::number(number);
        Lease {
            starts: long_ago,
            ends: long_ago,
            tstp: long_ago,
            tsfp: long_ago,
            atsfp: long_ago,
            cltt: long_ago,
            binding_state: if role == Role::Primary { "free" } else { "backup" }.to_owned(),
            hardware: Some(client.hardware_text()),
            uid: client.identifier,
            reserved: true,
            ..Lease::default()
        }
    };
    setup.addresses().zip((0..4).map(lease)).collect()
}

/// Interop: U25.
#[test]
fn a_dhcpd_tells_of_a_reserved_address_with_its_own_unused_status() {
    let test = "reserved::a_dhcpd_tells_of_a_reserved_address_with_its_own_unused_status";
    for (role, status) in [(Role::Primary, FREE), (Role::Secondary, BACKUP)] {
        let setup = Stage::setup();
        let leases = reserved(&setup, role);
        let states = ["normal", "normal"];
        let Some(mut stage) = Stage::found(test, role, setup, states, &leases) else { return };
        let mut partner = stage.dial();
        stage.become_normal(&mut partner);
        partner.send(&Message::new(MessageType::UPDREQALL));
        let heard = partner.accept_all();
        for (address, _) in &leases {
            let update = heard.iter().find(|heard| heard.is_update_of(*address)).unwrap();
            assert_eq!(update.status(), status, "dhcpd as {role:?}");
            assert_eq!(update.option(OptionCode::IP_FLAGS), Some(&[0, 1][..]));
        }
        stage.finish();
    }
}

/// Interop: U25.
#[test]
fn twinlease_primary_takes_the_reserved_addresses_of_its_dhcpd() {
    let test = "reserved::twinlease_primary_takes_the_reserved_addresses_of_its_dhcpd";
    takes_reserved(test, PRIMARY, Role::Secondary);
}

/// Interop: U25.
#[test]
fn twinlease_secondary_takes_the_reserved_addresses_of_its_dhcpd() {
    let test = "reserved::twinlease_secondary_takes_the_reserved_addresses_of_its_dhcpd";
    takes_reserved(test, SECONDARY, Role::Primary);
}

/// A twinlease without a store joins.
fn takes_reserved(test: &str, kinds: [Kind; 2], holder: Role) {
    let setup = Setup { mclt: 5, ..Stage::setup() };
    let Some(mut scene) = Scene::stopped(test, kinds, setup) else { return };
    let states = Relationship {
        my_state: "normal".to_owned(),
        partner_state: "normal".to_owned(),
        mclt: (holder == Role::Secondary).then_some(scene.setup.mclt),
    };
    let leases = reserved(&scene.setup, holder);
    let states = states.to_text(RELATIONSHIP, i64::from(now()) - 86_400);
    let file = leases.iter().fold(states, |text, (address, lease)| text + &lease.to_text(*address));
    scene.pair.server(holder).dhcpd().set_lease_file(&file);
    scene.pair.primary.start();
    scene.pair.secondary.start();
    scene.pair.wait_normal(SOON);
    scene.pair.wait_equal();
    let bindings = scene.pair.server(holder.other()).twinlease().leases();
    for (address, lease) in &leases {
        let binding = &bindings[address];
        let found = (&binding.status, &binding.hw_address);
        assert_eq!(found, (&lease.binding_state, &lease.hardware), "{address}");
    }
    let log = scene.pair.server(holder).log();
    assert!(!log.contains("rejected"), "{log}");
    scene.finish();
}
