//! Relationships and scopes, changed over the API and the command line: the file, the engine, and the partner.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use serde_json::{Value, json};

use crate::access::make;
use crate::clients::lease;
use crate::http::{Answer, bearer, get, send};
use crate::server::{PATIENCE, Pair, Server};
use crate::wait::wait_until;

const RELATIONSHIP: &str = "/v1/relationships/loopback";

fn file(server: &Server) -> String {
    fs::read_to_string(server.directory().join("twinlease.toml")).unwrap()
}

fn ask(server: &Server, method: &str, path: &str, body: &Value) -> Answer {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    send(server, method, path, "", &body)
}

/// The answer to a change that is made.
#[track_caller]
fn done(server: &Server, method: &str, path: &str, body: &Value) -> Value {
    let answer = ask(server, method, path, body);
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()
}

fn split(buckets: u32) -> Value {
    json!({ "set": { "split": buckets } })
}

fn audit(server: &Server) -> Value {
    get(server, "/v1/audit").json()["entries"].clone()
}

/// A pair in which each knows where the other's admin listener is.
fn introduced(network: u8) -> Pair {
    Pair::with(network, |directory| {
        let peer = if directory.ends_with("primary") { 2 } else { 1 };
        format!("peer-admin = \"http://127.77.{network}.{peer}:8067\"")
    })
}

/// A pair of servers that do not know each other, with one subnet each that the primary serves.
fn strangers(network: u8) -> Pair {
    let pair = Pair::new(network);
    for server in [&pair.primary, &pair.secondary] {
        let text = file(server);
        let (head, rest) = text.split_once("[[relationship]]").unwrap();
        let subnet = rest.split_once("[[subnet]]").unwrap().1;
        let subnet = subnet.replace("relationship = \"loopback\"\n", "");
        let is_first = server.address == pair.primary.address;
        let subnet = if is_first { format!("[[subnet]]{subnet}") } else { String::new() };
        let text = format!("{head}# Here begins what is served.\n{subnet}");
        fs::write(server.directory().join("twinlease.toml"), text).unwrap();
    }
    pair
}

fn keys(network: u8) -> Value {
    json!({
        "name": "loopback", "role": "primary",
        "address": format!("127.77.{network}.1"), "port": 6470,
        "peer-address": format!("127.77.{network}.2"), "peer-port": 6470,
        "mclt": 600, "split": 128, "max-unacked-updates": 200,
        "peer-admin": format!("http://127.77.{network}.2:8067"),
    })
}

#[test]
fn what_is_configured_is_shown_as_it_is_described() {
    let mut pair = introduced(125);
    pair.start();
    let schemas = get(&pair.primary, "/v1/openapi.json").json()["components"]["schemas"].clone();
    let relationship = get(&pair.primary, RELATIONSHIP).json();
    let scope = get(&pair.primary, "/v1/scopes").json()["scopes"][0].clone();
    let change = done(&pair.primary, "PATCH", &format!("{RELATIONSHIP}?dry-run=true"), &split(1));
    let drift = get(&pair.primary, &format!("{RELATIONSHIP}/drift")).json();
    for (name, value) in
        [("Configured", &relationship), ("Scope", &scope), ("Change", &change), ("Drift", &drift)]
    {
        let described = schemas[name]["properties"].as_object().unwrap();
        let has: Vec<_> = value.as_object().unwrap().keys().collect();
        assert_eq!(has, described.keys().collect::<Vec<_>>(), "{name}");
    }
    assert_eq!(relationship["split"], 128);
    assert_eq!(relationship["status"], "synced");
    assert_eq!(relationship["scopes"], json!(["10.78.0.0/16"]));
    let theirs = get(&pair.secondary, RELATIONSHIP).json();
    assert_eq!(
        (theirs["split"].clone(), theirs["role"].clone()),
        (Value::Null, "secondary".into())
    );
}

#[test]
fn a_dry_run_writes_nothing() {
    let mut pair = introduced(126);
    pair.start();
    let before = [file(&pair.primary), file(&pair.secondary)];
    let path = format!("{RELATIONSHIP}?dry-run=true");
    let body = json!({ "set": { "split": 64, "max-response-delay": 20 }, "partner": true });
    let change = done(&pair.primary, "PATCH", &path, &body);
    assert_eq!(change["applied"], false);
    assert!(change["diff"].as_str().unwrap().contains("+split = 64"), "{change}");
    assert!(change["partner-diff"].as_str().unwrap().contains("+max-response-delay = 20"));
    assert_eq!([file(&pair.primary), file(&pair.secondary)], before);
    for server in [&pair.primary, &pair.secondary] {
        assert_eq!(audit(server), json!([]));
    }
}

#[test]
fn a_change_is_written_applied_and_noted_and_no_lease_is_lost() {
    let mut pair = introduced(127);
    let path = pair.primary.directory().join("twinlease.toml");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    pair.primary.reconfigure("split = 128", "split = 128 # half and half");
    pair.start();
    let given = lease(0..30, [pair.primary.dhcp(), pair.secondary.dhcp()], |_| {});
    let change = done(&pair.primary, "PATCH", RELATIONSHIP, &split(192));
    assert_eq!((&change["applied"], &change["changed"]), (&json!(true), &json!(["loopback"])));
    assert!(file(&pair.primary).contains("split = 192 # half and half"));
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o640);
    assert_eq!(get(&pair.primary, RELATIONSHIP).json()["split"], 192);
    pair.wait_until_equal();
    let leases = pair.primary.leases();
    assert!(given.iter().all(|given| leases[&given.address].status == "active"));
    let entry = audit(&pair.primary)[0].clone();
    assert_eq!(entry["action"], "modify-relationship");
    assert_eq!(entry["before"]["relationship"]["split"], 128);
    assert_eq!(entry["after"]["relationship"]["split"], 192);
    assert!(entry["after"]["diff"].as_str().unwrap().contains("+split = 192"));
}

#[test]
fn a_wrong_wish_is_refused_with_its_rule_and_changes_nothing() {
    let mut pair = Pair::new(128);
    pair.primary.start();
    let before = file(&pair.primary);
    let add =
        json!({ "scope": { "network": "10.78.4.0/24", "ranges": ["10.78.4.10-10.78.4.20"] } });
    let scopes = format!("{RELATIONSHIP}/scopes");
    for (method, path, body, status, rule, why) in [
        ("PATCH", RELATIONSHIP, split(300), 400, "configuration: relationship.split", "0 to 256"),
        (
            "PATCH",
            RELATIONSHIP,
            json!({ "set": { "splitt": 3 } }),
            400,
            "configuration: relationship.splitt",
            "did you mean \"split\"?",
        ),
        ("POST", &scopes, add, 400, "configuration: subnet.network", "overlaps 10.78.0.0/16"),
        ("PATCH", "/v1/relationships/x", split(3), 404, "configuration: relationship", "loopback"),
        ("PATCH", RELATIONSHIP, json!([]), 400, "RFC 9110 §15.5.1", "the body is wrong"),
        (
            "PATCH",
            RELATIONSHIP,
            json!({ "set": {}, "partner": true }),
            409,
            "configuration: relationship.peer-admin",
            "add peer-admin",
        ),
    ] {
        let answer = ask(&pair.primary, method, path, &body);
        let problem = answer.json();
        assert_eq!((answer.status, &problem["rule"]), (status, &json!(rule)), "{problem}");
        assert!(problem["error"].as_str().unwrap().contains(why), "{problem}");
    }
    assert_eq!(file(&pair.primary), before);
}

#[test]
fn a_secret_is_in_no_answer_no_log_and_no_entry() {
    let mut pair = Pair::new(129);
    let token = "swordfish-in-the-file";
    pair.primary.reconfigure("[dhcp]", &format!("token = \"{token}\"\n[dhcp]"));
    pair.primary.environment.insert("TWINLEASE_TOKEN", token.to_owned());
    pair.primary.start();
    let body = json!({ "set": { "shared-secret": "swordfish-in-a-wish" } }).to_string();
    let headers = bearer(token);
    let refused = send(&pair.primary, "PATCH", RELATIONSHIP, &headers, &body);
    assert_eq!(refused.status, 400, "{}", refused.body);
    pair.primary.reconfigure("[admin]", "[admin] # of this server");
    let changed = send(&pair.primary, "POST", "/v1/configuration/reload", &headers, "");
    assert_eq!(changed.status, 200, "{}", changed.body);
    let change = changed.json();
    assert!(change["diff"].as_str().unwrap().contains("token = \"***\""), "{change}");
    let log = fs::read_to_string(pair.primary.data().join("audit.jsonl")).unwrap();
    for text in [refused.body, changed.body, log, pair.primary.log()] {
        assert!(!text.contains("swordfish"), "{text}");
    }
}

#[test]
fn roles_are_held_by_every_change() {
    let mut pair = Pair::new(130);
    let mut lines = String::new();
    let mut tokens = Vec::new();
    for role in ["read", "operate", "admin"] {
        let made = make(role, role);
        lines += &made.lines;
        tokens.push(bearer(&made.token));
        pair.primary.environment.insert("TWINLEASE_TOKEN", made.token);
    }
    pair.primary.reconfigure("[dhcp]", &format!("{lines}[dhcp]"));
    pair.primary.start();
    let codes = |method: &str, path: &str, body: &Value| {
        let body = body.to_string();
        tokens.iter().map(|token| send(&pair.primary, method, path, token, &body).status).collect()
    };
    let all: Vec<u16> = codes("GET", RELATIONSHIP, &json!({}));
    assert_eq!(all, [200, 200, 200]);
    let description = include_str!("../../src/admin/openapi.json");
    let description: Value = serde_json::from_str(description).unwrap();
    let mut changes = 0;
    for (path, methods) in description["paths"].as_object().unwrap() {
        let admin = methods.as_object().unwrap().iter().filter(|(_, one)| one["x-role"] == "admin");
        for (method, _) in admin.filter(|(method, _)| *method != "get") {
            let path = path.replace("{name}", "loopback").replace("{address}", "10.78.8.1");
            let codes: Vec<u16> = codes(&method.to_uppercase(), &path, &json!({ "wrong": 1 }));
            assert_eq!(codes[..2], [403, 403], "{method} {path}");
            assert_ne!(codes[2], 403, "{method} {path}");
            changes += 1;
        }
    }
    assert_eq!(changes, 12);
}

#[test]
fn a_relationship_is_made_on_both_servers_in_one_step() {
    let mut pair = strangers(131);
    pair.primary.start();
    pair.secondary.start();
    let given = lease(0..20, [pair.primary.dhcp(); 2], |_| {});
    let body = json!({ "relationship": keys(131), "scopes": [{ "network": "10.78.0.0/16" }],
                       "partner": true });
    let change = done(&pair.primary, "POST", "/v1/relationships", &body);
    assert_eq!(change["partner"], "applied", "{change}");
    pair.wait_until_equal();
    assert!(file(&pair.secondary).contains("# Here begins what is served."));
    assert_eq!(
        get(&pair.primary, &format!("{RELATIONSHIP}/drift")).json()["in-agreement"],
        json!(true)
    );
    let leases = pair.secondary.leases();
    assert!(given.iter().all(|given| leases[&given.address].status == "active"));
    let again = ask(&pair.primary, "POST", "/v1/relationships", &body);
    assert_eq!(again.status, 409, "{}", again.body);
}

#[test]
fn a_relationship_without_scopes_is_empty_until_its_first() {
    let mut pair = strangers(132);
    pair.primary.start();
    pair.secondary.start();
    let body = json!({ "relationship": keys(132), "partner": true });
    done(&pair.primary, "POST", "/v1/relationships", &body);
    pair.wait_until_synced();
    let status = || get(&pair.primary, RELATIONSHIP).json()["status"].clone();
    assert_eq!(status(), "empty");
    let scope = json!({ "scope": { "network": "10.79.0.0/24", "ranges": ["10.79.0.10-10.79.0.99"],
        "max-lease-time": 1800, "options": { "routers": "10.79.0.1" },
        "reservations": [{ "hw-address": "00:0c:01:02:03:04", "address": "10.79.0.5" }] },
        "partner": true });
    let change = done(&pair.primary, "POST", &format!("{RELATIONSHIP}/scopes"), &scope);
    assert_eq!(change["partner"], "applied");
    pair.wait_until_synced();
    wait_until("the first scope to count", PATIENCE, || status() == "synced");
    let drift = get(&pair.secondary, &format!("{RELATIONSHIP}/drift"));
    // The secondary was not told where the primary's admin listener is.
    assert_eq!(drift.status, 409);
    let drift = get(&pair.primary, &format!("{RELATIONSHIP}/drift")).json();
    assert_eq!(drift, json!({ "in-agreement": true, "differences": [] }));
}

#[test]
fn leases_of_a_secondary_are_not_shared_with_a_primary_that_serves_already() {
    let mut pair = strangers(134);
    pair.primary.start();
    pair.secondary.start();
    let mut keys = keys(134);
    keys["role"] = "secondary".into();
    for key in ["mclt", "split"] {
        keys[key] = Value::Null;
    }
    let body = json!({ "relationship": keys, "partner": true });
    done(&pair.primary, "POST", "/v1/relationships", &body);
    pair.wait_until_synced();
    let before = file(&pair.primary);
    let scope = json!({ "scope": { "network": "10.78.0.0/16" }, "partner": true });
    let answer = ask(&pair.primary, "POST", &format!("{RELATIONSHIP}/scopes"), &scope);
    assert_eq!(answer.status, 409, "{}", answer.body);
    assert!(answer.body.contains("before it knows the leases"), "{}", answer.body);
    assert_eq!(file(&pair.primary), before);
}

#[test]
fn a_partner_that_cannot_be_reached_is_passed_over_and_said_so() {
    let mut pair = strangers(133);
    pair.primary.start();
    let body = json!({ "relationship": keys(133), "scopes": [{ "network": "10.78.0.0/16" }],
                       "partner": true });
    let change = done(&pair.primary, "POST", "/v1/relationships", &body);
    assert!(change["partner"].as_str().unwrap().starts_with("unreachable: "), "{change}");
    assert_eq!(change["applied"], true);
    let drift = get(&pair.primary, &format!("{RELATIONSHIP}/drift"));
    assert_eq!(drift.status, 502, "{}", drift.body);
}

#[test]
fn a_partner_that_refuses_leaves_everything_as_it_was() {
    let mut pair = introduced(120);
    pair.start();
    let before = file(&pair.primary);
    let scope = json!({ "scope": { "network": "10.79.0.0/24", "ranges": ["10.79.0.10-10.79.0.99"] },
                        "partner": true });
    let text = file(&pair.secondary);
    let other = "[[subnet]]\nnetwork = \"10.79.0.0/16\"\n";
    fs::write(pair.secondary.directory().join("twinlease.toml"), format!("{text}{other}")).unwrap();
    let answer = ask(&pair.primary, "POST", &format!("{RELATIONSHIP}/scopes"), &scope);
    assert_eq!(answer.status, 409, "{}", answer.body);
    let error = answer.json()["error"].as_str().unwrap().to_owned();
    assert!(
        error.contains("the partner refuses: subnet.network: 10.79.0.0/24 overlaps"),
        "{error}"
    );
    assert!(error.ends_with("nothing is changed here"), "{error}");
    assert_eq!(file(&pair.primary), before);
}

#[test]
fn a_difference_is_named_and_replication_takes_it_away_and_no_lease() {
    let mut pair = introduced(135);
    pair.secondary.reconfigure("max-lease-time = 7200", "max-lease-time = 3600 # for now");
    pair.secondary.reconfigure("10.78.71.255", "10.78.70.255");
    pair.start();
    let given = lease(0..30, [pair.primary.dhcp(), pair.secondary.dhcp()], |_| {});
    pair.wait_until_synced();
    let said = pair.primary.ask(&["drift", "loopback"]).unwrap_err();
    assert!(said.contains("the two servers of loopback differ in 3 places"), "{said}");
    let differences = |server: &Server| {
        let drift = get(server, &format!("{RELATIONSHIP}/drift")).json();
        let named = |one: &Value| format!("{} {} {}", one["key"], one["here"], one["there"]);
        drift["differences"].as_array().unwrap().iter().map(named).collect::<Vec<_>>()
    };
    assert_eq!(
        differences(&pair.primary),
        [
            "\"max-lease-time\" 7200 3600",
            "\"range\" null \"10.78.8.0-10.78.70.255\"",
            "\"range\" \"10.78.8.0-10.78.71.255\" null",
        ]
    );
    let said = pair.primary.ask(&["scope", "replicate", "loopback"]).unwrap();
    assert!(said.contains("+max-lease-time = 7200 # for now"), "{said}");
    pair.wait_until_equal();
    for server in [&pair.primary, &pair.secondary] {
        assert_eq!(differences(server), Vec::<String>::new());
        let leases = server.leases();
        assert!(given.iter().all(|given| leases[&given.address].status == "active"));
    }
    let said = pair.primary.ask(&["drift", "loopback"]).unwrap();
    assert_eq!(said, "loopback: both servers agree\n");
}

#[test]
fn a_removed_relationship_leaves_its_scopes_and_leases_here() {
    let mut pair = introduced(121);
    pair.start();
    let given = lease(0..30, [pair.primary.dhcp(), pair.secondary.dhcp()], |_| {});
    pair.wait_until_synced();
    let refused =
        pair.primary.ask(&["relationship", "remove", "loopback", "--scopes", "here"]).unwrap_err();
    assert!(refused.contains("the partner may be giving these addresses"), "{refused}");
    let remove = ["relationship", "remove", "loopback", "--scopes", "here", "--partner", "--json"];
    let change: Value = serde_json::from_str(&pair.primary.ask(&remove).unwrap()).unwrap();
    assert_eq!((&change["applied"], &change["partner"]), (&json!(true), &json!("applied")));
    assert!(!file(&pair.primary).contains("[[relationship]]"));
    assert!(!file(&pair.secondary).contains("10.78.8.0"));
    let leases = pair.primary.leases();
    assert!(given.iter().all(|given| leases[&given.address].status == "active"));
    let more = lease(100..110, [pair.primary.dhcp(); 2], |_| {});
    assert!(more.iter().all(|one| given.iter().all(|given| given.address != one.address)));
}

#[test]
fn a_removed_relationship_leaves_its_scopes_and_leases_there() {
    let mut pair = introduced(122);
    pair.start();
    let given = lease(0..30, [pair.primary.dhcp(), pair.secondary.dhcp()], |_| {});
    pair.wait_until_synced();
    let path = format!("{RELATIONSHIP}?scopes=there&partner=true");
    let change = done(&pair.primary, "DELETE", &path, &Value::Null);
    assert_eq!(change["partner"], "applied", "{change}");
    assert!(!file(&pair.primary).contains("10.78.8.0"));
    let leases = pair.secondary.leases();
    assert!(given.iter().all(|given| leases[&given.address].status == "active"));
    let more = lease(100..110, [pair.secondary.dhcp(); 2], |_| {});
    assert!(more.iter().all(|one| given.iter().all(|given| given.address != one.address)));
}

#[test]
fn a_scope_that_leaves_its_relationship_is_disabled_on_the_partner() {
    let mut pair = introduced(123);
    pair.start();
    let path =
        format!("{RELATIONSHIP}/scopes?network=10.78.0.0/16&on-partner=disable&partner=true");
    let change = done(&pair.primary, "DELETE", &path, &Value::Null);
    assert!(change["partner-diff"].as_str().unwrap().contains("+disabled = true"), "{change}");
    let scope = get(&pair.secondary, "/v1/scopes").json()["scopes"][0].clone();
    let pool = json!([{ "range": "10.78.8.0-10.78.71.255", "relationship": null, "disabled": true,
                        "dynamic-bootp": false }]);
    assert_eq!(scope["pools"], pool);
    assert_eq!(get(&pair.primary, RELATIONSHIP).json()["status"], "empty");
    lease(0..5, [pair.primary.dhcp(); 2], |_| {});
}

#[test]
fn a_file_changed_by_hand_is_read_anew_on_a_word() {
    let mut pair = introduced(124);
    pair.start();
    pair.primary.reconfigure("split = 128", "split = 100");
    let shown = pair.primary.ask(&["reload", "--dry-run"]).unwrap();
    assert!(shown.contains("-split = 128\n+split = 100"), "{shown}");
    assert!(shown.contains("nothing is written: a dry run"), "{shown}");
    let said = pair.primary.ask(&["reload"]).unwrap();
    assert!(said.contains("applied") && said.contains("began anew: loopback"), "{said}");
    pair.primary.reconfigure("split = 100", "split = 1000");
    let refused = pair.primary.ask(&["reload"]).unwrap_err();
    assert!(refused.contains("relationship.split: 1000 is too large"), "{refused}");
    pair.primary.wait_for_state("normal");
}

#[test]
fn an_address_is_reserved_and_freed_on_both_servers() {
    let mut pair = introduced(114);
    pair.start();
    let ask = |arguments: &[&str]| pair.primary.ask(arguments).unwrap();
    let client = "02:7e:00:00:00:09";
    let set =
        ["reservation", "set", "10.78.70.7", "--hw-address", client, "--partner", "--dry-run"];
    assert!(ask(&set).contains("nothing is written"));
    assert!(!file(&pair.primary).contains("reservation"));
    let said = ask(&set[..6]);
    assert!(said.contains("applied; partner applied"), "{said}");
    assert!(ask(&["reservation", "list"]).contains(client));
    for server in [&pair.primary, &pair.secondary] {
        assert!(file(server).contains(client), "{}", file(server));
    }
    pair.wait_until_synced();
    assert_eq!(get(&pair.primary, &format!("{RELATIONSHIP}/drift")).json()["in-agreement"], true);
    let given = lease(9..10, [pair.primary.dhcp(), pair.secondary.dhcp()], |_| {});
    assert_eq!(given[0].hardware, client);
    assert_eq!(given[0].address.to_string(), "10.78.70.7");
    let said = ask(&["reservation", "remove", "10.78.70.7", "--partner"]);
    assert!(said.contains("applied; partner applied"), "{said}");
    for server in [&pair.primary, &pair.secondary] {
        assert!(!file(server).contains("reservation"));
    }
    let refused = pair.primary.ask(&["reservation", "remove", "10.78.70.7"]).unwrap_err();
    assert!(refused.contains("is reserved for nobody"), "{refused}");
}
