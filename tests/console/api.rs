//! What the API tells of a live pair, and what it writes down.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::clients::lease;
use crate::http::{Events, get, send};
use crate::server::{PATIENCE, Pair, Server};
use crate::wait::wait_until;

fn post(server: &Server, path: &str) -> u16 {
    send(server, "POST", path, "", "").status
}

fn audit(server: &Server, query: &str) -> Vec<Value> {
    get(server, &format!("/v1/audit{query}")).json()["entries"].as_array().unwrap().clone()
}

#[test]
fn every_get_of_the_description_is_answered() {
    let mut pair = Pair::new(186);
    pair.primary.start();
    let description = get(&pair.primary, "/v1/openapi.json").json();
    for (path, methods) in description["paths"].as_object().unwrap() {
        // A stream has no end, an explanation needs something to explain, a comparison a partner.
        let others = ["/v1/events", "/v1/why", "/v1/relationships/{name}/drift"];
        if methods.get("get").is_some() && !others.contains(&path.as_str()) {
            let path = path.replace("{name}", "loopback").replace("{file}", "console.js");
            assert_eq!(get(&pair.primary, &path).status, 200, "{path}");
        }
    }
}

#[test]
fn what_an_answer_has_is_in_the_description() {
    let mut pair = Pair::new(187);
    pair.start();
    lease(0..3, [pair.primary.dhcp(), pair.secondary.dhcp()], |_| {});
    let schemas = get(&pair.primary, "/v1/openapi.json").json()["components"]["schemas"].clone();
    let status = get(&pair.primary, "/v1/status").json();
    let leases = get(&pair.primary, "/v1/leases?limit=5").body;
    let first: Value = serde_json::from_str(leases.lines().next().unwrap()).unwrap();
    let relationship = &status["relationships"][0];
    let pool = &relationship["pools"][0];
    for (name, value) in [
        ("Status", &status),
        ("Relationship", relationship),
        ("Pool", pool),
        ("Lease", &first),
        ("Problem", &get(&pair.primary, "/v1/leases?status=bound").json()),
    ] {
        let described = schemas[name]["properties"].as_object().unwrap();
        let has: BTreeSet<_> = value.as_object().unwrap().keys().collect();
        assert_eq!(has, described.keys().collect(), "{name}");
    }
}

#[test]
fn a_change_is_written_down_with_who_when_before_and_after() {
    let mut pair = Pair::new(188);
    pair.start();
    pair.secondary.kill();
    pair.primary.wait_for_state("communications-interrupted");
    assert_eq!(post(&pair.primary, "/v1/relationships/loopback/partner-down?force=true"), 200);
    let entries = audit(&pair.primary, "");
    let done = &entries[0];
    assert_eq!(done["outcome"], "done");
    assert_eq!(done["action"], "partner-down");
    assert_eq!(done["target"], "loopback");
    assert_eq!(done["arguments"], json!({ "force": true }));
    assert_eq!(done["who"]["name"], "loopback");
    assert!(done["who"]["from"].as_str().unwrap().starts_with("127."));
    assert_eq!(done["before"]["state"], "communications-interrupted");
    assert_eq!(done["after"]["state"], "partner-down");
    assert!(done["at"].as_u64().unwrap() > 1_700_000_000);
    assert_eq!(entries[1]["outcome"], "begun");
    assert_eq!(done["begun"], entries[1]["number"]);
}

#[test]
fn a_refused_change_is_written_down_with_its_rule_and_outlives_a_kill() {
    let mut pair = Pair::new(189);
    pair.primary.start();
    pair.primary.wait_for_state("recover");
    assert_eq!(post(&pair.primary, "/v1/relationships/loopback/partner-down"), 409);
    assert_eq!(post(&pair.primary, "/v1/addresses/192.0.2.1/reset"), 404);
    pair.primary.kill();
    pair.primary.start();
    let entries = audit(&pair.primary, "");
    assert_eq!(entries.len(), 4);
    assert_eq!(entries[0]["outcome"], "refused");
    assert_eq!(entries[2]["rule"], "§9.4");
    assert_eq!(audit(&pair.primary, "?limit=1&before=4")[0], entries[1]);
}

#[test]
fn leases_come_in_pages_that_are_the_list() {
    let mut pair = Pair::new(190);
    pair.start();
    let given = lease(0..23, [pair.primary.dhcp(), pair.secondary.dhcp()], |_| {});
    let server = &pair.primary;
    wait_until("the primary to know all leases", PATIENCE, || {
        get(server, "/v1/leases?limit=1000&status=active").body.lines().count() == given.len()
    });
    let mut path = "/v1/leases?limit=10&status=active".to_owned();
    let (mut sizes, mut addresses) = (Vec::new(), BTreeSet::new());
    loop {
        let page = get(server, &path);
        sizes.push(page.body.lines().count());
        for line in page.body.lines() {
            let lease: Value = serde_json::from_str(line).unwrap();
            assert!(addresses.insert(lease["address"].as_str().unwrap().to_owned()));
        }
        let Some(link) = page.header("link") else { break };
        path = link.trim_start_matches('<').split('>').next().unwrap().to_owned();
    }
    assert_eq!(sizes, [10, 10, 3]);
    assert!(given.iter().all(|given| addresses.contains(&given.address.to_string())));
}

#[test]
fn a_lease_is_found_by_a_part_of_its_hardware_address() {
    let mut pair = Pair::new(191);
    pair.start();
    let given = lease(0..9, [pair.primary.dhcp(), pair.secondary.dhcp()], |_| {});
    pair.wait_until_synced();
    let wanted = given[4].hardware.to_uppercase();
    let found = get(&pair.primary, &format!("/v1/leases?limit=5&search={}", &wanted[3..])).body;
    assert_eq!(found.lines().count(), 1, "{found}");
    assert!(found.contains(&given[4].address.to_string()));
}

#[test]
fn whoever_watches_is_told_of_a_kill_and_of_the_status_every_second() {
    let mut pair = Pair::new(192);
    pair.start();
    let mut events = Events::of(&pair.primary, "/v1/events");
    let past = events.next("transition", |data| data["to"] == "normal");
    assert!(past["row"].as_str().is_some_and(|row| !row.is_empty()), "{past}");
    let is_ok = |data: &Value| data["relationships"][0]["communications"] == "ok";
    events.next("status", is_ok);
    pair.secondary.kill();
    let interrupted = |data: &Value| data["communications"] == "interrupted";
    assert_eq!(events.next("communications", interrupted)["relationship"], "loopback");
    let now = events.next("transition", |data| data["to"] == "communications-interrupted");
    assert!(now["number"].as_u64() > past["number"].as_u64());
    events.next("status", |data| !is_ok(data));
    let after = format!("/v1/events?after={}", now["number"]);
    let mut later = Events::of(&pair.primary, &after);
    pair.secondary.start();
    let first = later.next("transition", |_| true);
    assert!(first["number"].as_u64() > now["number"].as_u64(), "{first}");
}

#[test]
fn watchers_are_bounded() {
    let mut pair = Pair::new(193);
    pair.primary.start();
    let mut watching: Vec<_> = (0..16).map(|_| Events::of(&pair.primary, "/v1/events")).collect();
    for events in &mut watching {
        events.next("status", |_| true);
    }
    assert_eq!(get(&pair.primary, "/v1/events").status, 503);
    assert_eq!(get(&pair.primary, "/v1/status").status, 200);
}

#[test]
fn the_status_tells_what_follows_from_how_things_stand() {
    let mut pair = Pair::new(194);
    pair.start();
    let given = lease(0..20, [pair.primary.dhcp(), pair.secondary.dhcp()], |_| {});
    wait_until("the leases to be counted", PATIENCE, || {
        let pool = pair.primary.relationship("pools").unwrap()[0].clone();
        pool["new-leases-per-hour"] == 120.0
    });
    assert_eq!(given.len(), 20);
    let member = |name| pair.primary.relationship(name).unwrap();
    let pool = member("pools")[0].clone();
    assert_eq!(pool["available"], pool["free"]);
    let endurance = pool["endurance-seconds"].as_u64().unwrap();
    assert_eq!(endurance, pool["free"].as_u64().unwrap() * 30);
    assert_eq!(pool["endurance-warning"], false);
    assert_eq!(member("mclt"), 600);
    assert_eq!(member("own-window"), 200);
    for time in ["last-contact", "last-synced", "partner-state-since"] {
        assert!(member(time).as_u64().unwrap() > 1_700_000_000, "{time}");
    }
}
