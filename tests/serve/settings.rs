//! Settings of the file that show in what two servers do.

use serde_json::Value;

use crate::clients::lease;
use crate::packet::Client;
use crate::relay::Relay;
use crate::server::{PATIENCE, Pair, Server};
use crate::wait::wait_until;

/// Addresses of a pool in one status.
fn count(server: &Server, status: &str) -> u64 {
    server.relationship("pools").unwrap()[0][status].as_u64().unwrap()
}

#[test]
fn a_hot_standby_answers_nobody_and_holds_its_reserve() {
    let mut pair = Pair::new(81);
    pair.primary.reconfigure("split = 128", "mode = \"hot-standby\"\nreserve-percent = 10");
    pair.start();
    let (free, backup) = (count(&pair.primary, "free"), count(&pair.primary, "backup"));
    assert_eq!((free + backup) / 10, backup);
    let (primary, secondary) = (Relay::to(&pair.primary), Relay::to(&pair.secondary));
    for client in (0..50).map(Client::number) {
        assert!(primary.offer(&client).is_some());
        assert!(secondary.offer(&client).is_none());
    }
    pair.primary.kill();
    pair.secondary.wait_for_state("communications-interrupted");
    assert!(secondary.offer(&Client::number(60)).is_some());
}

#[test]
fn a_client_whose_wait_is_in_the_wrong_octet_order_is_not_taken_for_one_that_waits_long() {
    let mut pair = Pair::with(82, |_| "check-secs-byte-order = true".to_owned());
    pair.start();
    let relays = [Relay::to(&pair.primary), Relay::to(&pair.secondary)];
    for number in 0..20 {
        let answers = |secs: u16| {
            let client = Client::number(number).after(secs.swap_bytes());
            relays.iter().filter(|relay| relay.offer(&client).is_some()).count()
        };
        assert_eq!([answers(1), answers(10)], [1, 2], "client {number}");
    }
}

#[test]
fn a_partner_that_hangs_is_noticed_within_the_contact_lost_time() {
    let lines = "heartbeat-interval = \"100ms\"\ncontact-lost-time = \"1s\"";
    let mut pair = Pair::with(85, |_| lines.to_owned());
    for server in [&pair.primary, &pair.secondary] {
        // It is not this that ends the connection.
        server.reconfigure("max-response-delay = 30", "max-response-delay = 3000");
    }
    pair.start();
    // Its heartbeats have to be heard first.
    let name = "twinlease_messages_total{relationship=\"loopback\",direction=\"received\",type=\"contact\"}";
    wait_until("heartbeats", PATIENCE, || pair.primary.sample(name) > 8);
    pair.secondary.set_frozen(true);
    pair.primary.wait_for_state("communications-interrupted");
    pair.secondary.set_frozen(false);
    pair.wait_until_synced();
}

#[test]
fn two_twinlease_put_many_updates_into_one_message() {
    let mut pair = Pair::new(83);
    pair.start();
    let updates = count(&pair.primary, "backup");
    let name =
        "twinlease_messages_total{relationship=\"loopback\",direction=\"sent\",type=\"bndupd\"}";
    let messages = pair.primary.sample(name);
    assert!(updates > 8000 && messages < updates / 4, "{messages} messages for {updates} updates");
}

#[test]
fn what_a_client_said_is_known_to_the_partner() {
    let mut pair = Pair::with(84, |_| "dialect = \"draft\"".to_owned());
    pair.start();
    lease(0..20, [pair.primary.dhcp(), pair.secondary.dhcp()], |_| {});
    pair.wait_until_synced();
    let details = |server: &Server| {
        let text = server.ask(&["leases", "--json", "--details", "--status", "active"]).unwrap();
        let carried = text.lines().map(|line| {
            let lease: Value = serde_json::from_str(line).unwrap();
            lease["client-reply-options"].as_str().map(str::to_owned)
        });
        carried.collect::<Vec<_>>()
    };
    let carried = details(&pair.primary);
    assert_eq!(carried.len(), 20);
    assert!(carried.iter().all(Option::is_some), "{carried:?}");
    assert_eq!(carried, details(&pair.secondary));
}
