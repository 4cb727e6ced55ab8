//! A DISCOVER is answered by exactly the server that RFC 3074 and the secs rule name.

use twinlease::balance::{self, HashBuckets};

use crate::support::packet::Client;
use crate::support::pair::{Kind, PRIMARY, SECONDARY};
use crate::support::relay::{BOTH, Relay};
use crate::support::scene::Scene;
use crate::support::setup::{Role, Setup};

/// Clients asked for each value of secs; half of them send a client-identifier.
const CLIENTS: u16 = 300;

#[test]
fn the_named_server_answers_beside_a_twinlease_primary() {
    named_server_answers(
        "balancing::the_named_server_answers_beside_a_twinlease_primary",
        PRIMARY,
        128,
    );
}

#[test]
fn the_named_server_answers_beside_a_twinlease_secondary() {
    named_server_answers(
        "balancing::the_named_server_answers_beside_a_twinlease_secondary",
        SECONDARY,
        64,
    );
}

/// Each server keeps an address for every client that it makes an offer, so the pool is larger than twice the clients.
fn named_server_answers(test: &str, kinds: [Kind; 2], split: u16) {
    let pool = ([10, 78, 8, 0].into(), [10, 78, 11, 255].into());
    let Some(scene) = Scene::normal(test, kinds, Setup { split, pool, ..Setup::default() }) else {
        return;
    };
    let relay = Relay::new(&scene.network, 4);
    let marker = Client::number(u16::MAX);
    let buckets = HashBuckets::from_split(split).unwrap();
    for (secs, limit_passed) in [(0, false), (3, false), (4, true)] {
        let clients: Vec<_> =
            (0..CLIENTS).map(|number| Client::number(number).after(secs)).collect();
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
