//! A DISCOVER is answered by exactly the server that RFC 3074 and the secs rule name.

use std::time::Duration;

use twinlease::balance;

use crate::support::packet::Client;
use crate::support::pair::{Kind, PRIMARY, SECONDARY, SOON};
use crate::support::relay::{BOTH, Relay};
use crate::support::scene::Scene;
use crate::support::setup::{Role, Setup};
use crate::support::wait::wait_until;

/// Clients asked for each value of secs; half of them send a client-identifier.
const CLIENTS: u16 = 300;

/// Interop: L3.
#[test]
fn the_named_server_answers_beside_a_twinlease_primary() {
    let test = "balancing::the_named_server_answers_beside_a_twinlease_primary";
    named_server_answers(test, PRIMARY, large(128), CLIENTS, &LIMIT);
}

/// Interop: L3.
#[test]
fn the_named_server_answers_beside_a_twinlease_secondary() {
    let test = "balancing::the_named_server_answers_beside_a_twinlease_secondary";
    named_server_answers(test, SECONDARY, large(64), CLIENTS, &LIMIT);
}

/// Interop: L2.
#[test]
fn hash_buckets_of_a_twinlease_primary_name_the_server_of_1000_clients() {
    let test = "balancing::hash_buckets_of_a_twinlease_primary_name_the_server_of_1000_clients";
    named_server_answers(test, PRIMARY, irregular(), 1000, &[(0, false)]);
}

/// Interop: L1.
#[test]
fn hash_buckets_of_a_dhcpd_primary_name_the_server_of_1000_clients() {
    let test = "balancing::hash_buckets_of_a_dhcpd_primary_name_the_server_of_1000_clients";
    named_server_answers(test, SECONDARY, irregular(), 1000, &[(0, false)]);
}

/// Interop: L4.
#[test]
fn a_client_with_the_other_byte_order_has_waited_long_beside_a_twinlease_primary() {
    let test =
        "balancing::a_client_with_the_other_byte_order_has_waited_long_beside_a_twinlease_primary";
    other_byte_order(test, PRIMARY);
}

/// Interop: L4.
#[test]
fn a_client_with_the_other_byte_order_has_waited_long_beside_a_twinlease_secondary() {
    let test = "balancing::a_client_with_the_other_byte_order_has_waited_long_beside_a_twinlease_secondary";
    other_byte_order(test, SECONDARY);
}

/// secs, and whether it passes `load-balance-max-seconds`.
const LIMIT: [(u16, bool); 3] = [(0, false), (3, false), (4, true)];

/// Each server keeps an address for every client that it makes an offer, so the pool is larger than twice the clients.
fn large(split: u16) -> Setup {
    Setup { split, pool: ([10, 78, 8, 0].into(), [10, 78, 11, 255].into()), ..Setup::default() }
}

/// Buckets in no order at all.
fn irregular() -> Setup {
    let octet = |index: usize| u8::try_from((index * index * 37 + 91) % 256).unwrap();
    let hba = Some(std::array::from_fn(octet));
    Setup { hba, pool: ([10, 78, 8, 0].into(), [10, 78, 17, 255].into()), ..Setup::default() }
}

fn other_byte_order(test: &str, kinds: [Kind; 2]) {
    let setup = |check_secs_byte_order| Setup { check_secs_byte_order, ..large(128) };
    named_server_answers(test, kinds, setup(false), 20, &[(0x0300, true), (0x0400, true)]);
    named_server_answers(test, kinds, setup(true), 20, &[(0x0300, false), (0x0400, true)]);
}

fn named_server_answers(
    test: &str,
    kinds: [Kind; 2],
    setup: Setup,
    count: u16,
    limit: &[(u16, bool)],
) {
    let Some(scene) = Scene::normal(test, kinds, setup) else { return };
    let relay = Relay::new(&scene.network, 4);
    let marker = Client::number(u16::MAX);
    let buckets = scene.setup.buckets();
    for &(secs, limit_passed) in limit {
        let clients: Vec<_> = (0..count).map(|number| Client::number(number).after(secs)).collect();
        for (client, mut answered) in clients.iter().zip(relay.offers(&clients, &marker)) {
            let named = match buckets.role_for(client.balancing_key()) {
                balance::Role::Primary => Role::Primary,
                balance::Role::Secondary => Role::Secondary,
            };
            answered.sort_by_key(|role| role.word());
            let expected = if limit_passed { BOTH.to_vec() } else { vec![named] };
            assert_eq!(answered, expected, "{} with secs {secs}", client.hardware_text());
        }
    }
    scene.finish();
}

/// Interop: L5.
#[test]
fn who_has_addresses_answers_the_clients_of_who_has_none_beside_a_twinlease_primary() {
    let test = "balancing::who_has_addresses_answers_the_clients_of_who_has_none_beside_a_twinlease_primary";
    partner_without_addresses(test, PRIMARY);
}

/// Interop: L5.
#[test]
fn who_has_addresses_answers_the_clients_of_who_has_none_beside_a_twinlease_secondary() {
    let test = "balancing::who_has_addresses_answers_the_clients_of_who_has_none_beside_a_twinlease_secondary";
    partner_without_addresses(test, SECONDARY);
}

/// One address is the primary's. Of three, one is the secondary's and the others are soon leased by the primary.
fn partner_without_addresses(test: &str, kinds: [Kind; 2]) {
    let pool = |last| ([10, 78, 8, 1].into(), [10, 78, 8, last].into());
    let setup = Setup { pool: pool(1), ..Setup::default() };
    let Some(mut scene) = Scene::stopped(test, kinds, setup) else { return };
    scene.pair.primary.start();
    scene.pair.secondary.start();
    scene.pair.wait_normal(SOON);
    assert_answered(&scene, Role::Secondary, 0, Role::Primary);
    scene.finish();

    let setup = Setup { pool: pool(3), ..Setup::default() };
    let Some(mut scene) = Scene::stopped(test, kinds, setup) else { return };
    scene.pair.primary.start();
    scene.pair.secondary.start();
    scene.pair.wait_normal(SOON);
    scene.pair.wait_balanced(&scene.setup);
    let relay = Relay::new(&scene.network, 4);
    for client in scene.setup.clients_of(Role::Primary).take(2) {
        assert_eq!(relay.obtain(&client, 20).unwrap().server, Role::Primary);
    }
    wait_until("the secondary to know", SOON, || {
        scene.pair.secondary.database().count("active") == 2
    });
    assert_answered(&scene, Role::Primary, 2, Role::Secondary);
    scene.finish();
}

/// A DISCOVER of a client of one server, asked once, is answered by the server that has an address.
fn assert_answered(scene: &Scene, client_of: Role, skip: usize, by: Role) {
    let client = scene.setup.clients_of(client_of).nth(skip).unwrap();
    let relay = Relay::new(&scene.network, 5);
    let (server, _) = relay
        .ask(&client.discover(), &BOTH, Duration::from_secs(20))
        .unwrap_or_else(|| panic!("nobody answers a client of the {client_of:?}"));
    assert_eq!(server, by);
}
