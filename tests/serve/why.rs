//! `twinlease why` against what clients then get.

use std::time::Duration;

use serde_json::{Value, json};

use crate::clients::lease;
use crate::hexadecimal;
use crate::packet::Client;
use crate::relay::{LONG, Relay};
use crate::server::{Pair, Server};

/// How `why --client` names a client.
fn name(client: &Client) -> String {
    match &client.identifier {
        Some(octets) => format!("id:{}", hexadecimal(octets)),
        None => client.hardware_text(),
    }
}

/// What `server` says of `client`.
fn why(server: &Server, client: &str) -> Value {
    let said = server.ask(&["why", "--client", client, "--json"]).unwrap();
    serde_json::from_str::<Value>(&said).unwrap()["answers"][0].take()
}

/// Asks first, then lets each client ask: both have to be told the same. How many got a lease.
fn compare(server: &Server, numbers: std::ops::Range<u16>) -> usize {
    let relay = Relay::to(server);
    let mut leased = 0;
    for client in numbers.map(Client::number) {
        let told = why(server, &name(&client));
        let offer = &told["offers"][0];
        let Some(offered) = relay.offer(&client) else {
            assert_eq!(offer["address"], Value::Null, "{client:?}: {told}");
            assert!(offer["rule"].as_str().unwrap().len() > 3, "{told}");
            continue;
        };
        assert_eq!(offer["address"], json!(offered.yiaddr), "{client:?}: {told}");
        assert_eq!(told["address"], json!(offered.yiaddr), "{client:?}: {told}");
        let given = relay.lease(&client, &offered);
        assert_eq!(offer["lease"], json!(given.lease_time()), "{client:?}: {told}");
        leased += 1;
    }
    leased
}

#[test]
fn in_every_state_a_client_gets_what_why_says() {
    let mut pair = Pair::new(51);
    pair.start();
    // Clients with a lease, those of the partner among them, and new ones.
    lease(0..30, [pair.primary.dhcp(), pair.secondary.dhcp()], |_| {});
    pair.wait_until_synced();
    let served = [&pair.primary, &pair.secondary].map(|server| compare(server, 0..60));
    assert!(served.iter().all(|count| (10..50).contains(count)), "{served:?}");
    pair.wait_until_synced();
    pair.primary.kill();
    pair.secondary.wait_for_state("communications-interrupted");
    assert_eq!(compare(&pair.secondary, 0..80), 80);
    pair.secondary.ask(&["partner-down", "loopback"]).unwrap();
    assert_eq!(compare(&pair.secondary, 0..90), 90);
}

#[test]
fn a_server_that_recovers_says_that_nobody_is_served_and_serves_nobody() {
    let mut pair = Pair::new(52);
    pair.primary.start();
    pair.primary.wait_for_state("recover");
    let told = why(&pair.primary, "02:7e:00:00:00:01");
    assert_eq!(told["offers"][0]["address"], Value::Null);
    assert_eq!(told["offers"][0]["rule"], "draft §9.2");
    let relay = Relay::to(&pair.primary);
    relay.0.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
    relay.send(&Client::number(1).after(LONG).discover());
    assert!(relay.0.recv(&mut [0; 2048]).is_err());
}

#[test]
fn a_reserved_address_is_what_its_client_would_be_offered() {
    let mut pair = Pair::new(53);
    for server in [&pair.primary, &pair.secondary] {
        server.reconfigure(
            "[[subnet.pool]]",
            "[[subnet.reservation]]\nhw-address = \"02:7e:00:00:00:07\"\naddress = \"10.78.9.9\"\n\
             [[subnet.pool]]",
        );
    }
    pair.start();
    let told = why(&pair.primary, "02:7e:00:00:00:07");
    assert_eq!(told["address"], "10.78.9.9");
    assert_eq!(told["offers"][0]["text"], "it is reserved for the client");
    let both = [&pair.primary, &pair.secondary];
    assert!(both.iter().any(|server| compare(server, 7..8) == 1));
    // And nobody else is told that it would be offered to him.
    assert_ne!(why(&pair.primary, "02:7e:00:00:00:09")["address"], "10.78.9.9");
}

#[test]
fn a_client_that_sends_an_identifier_is_found_by_its_hardware_address() {
    let mut pair = Pair::new(54);
    pair.start();
    let client = Client::number(2);
    let given = lease(2..3, [pair.primary.dhcp(), pair.secondary.dhcp()], |_| {});
    pair.wait_until_synced();
    // How long the lease may be gets less with every second, so the two are asked side by side.
    let both = || [name(&client), client.hardware_text()].map(|client| why(&pair.primary, &client));
    let same = (0..20).map(|_| both()).find(|[one, other]| one == other);
    let [told, _] = same.expect("both names are told the same within a second");
    assert_eq!(told["addresses"][0]["address"], json!(given[0].address));
}

#[test]
fn the_longest_lease_is_what_the_subnet_allows() {
    let mut pair = Pair::with(55, |_| "clamp-in-partner-down = false".to_owned());
    pair.start();
    let given = lease(0..1, [pair.primary.dhcp(), pair.secondary.dhcp()], |_| {});
    pair.wait_until_synced();
    pair.secondary.kill();
    pair.primary.wait_for_state("communications-interrupted");
    pair.primary.ask(&["partner-down", "loopback"]).unwrap();
    let said = pair.primary.ask(&["why", &given[0].address.to_string(), "--json"]).unwrap();
    let told = serde_json::from_str::<Value>(&said).unwrap();
    assert_eq!(told["answers"][0]["longest-lease"], 7200);
    let client = why(&pair.primary, &name(&Client::number(0)));
    assert_eq!(client["offers"][0]["longest-lease"], 7200);
    assert_eq!(client["offers"][0]["lease"], 600);
}
