//! Commands and requests on events, and that none is lost with the process.

use std::fs;
use std::net::Ipv4Addr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use serde_json::Value;

use crate::clients::lease;
use crate::receiver::Receiver;
use crate::server::{PATIENCE, Pair, Server};
use crate::wait::{wait_for, wait_until};

const PORT: u16 = 8068;

/// Adds a hook to a server that has not been started.
fn add_hook(server: &Server, lines: &str) {
    server.reconfigure("[dhcp]", &format!("[[hook]]\nname = \"pager\"\n{lines}\n[dhcp]"));
}

/// Where the receiver of a pair listens.
fn receiver_address(pair: &Pair) -> Ipv4Addr {
    let [a, b, c, _] = pair.primary.address.octets();
    Ipv4Addr::new(a, b, c, 9)
}

/// A pair whose primary tells the receiver of these events.
fn with_web_hook(network: u8, events: &str) -> Pair {
    let pair = Pair::new(network);
    let url = format!("http://{}:{PORT}/told", receiver_address(&pair));
    add_hook(&pair.primary, &format!("events = {events}\nurl = \"{url}\""));
    pair
}

/// Lines of a file with one JSON object each.
fn objects(file: &Path) -> Vec<Value> {
    let text = fs::read_to_string(file).unwrap_or_default();
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

fn is_transition_to(state: &str) -> impl Fn(&Value) -> bool {
    move |event| event["event"] == "transition" && event["to"] == state
}

#[test]
fn a_command_is_told_of_transitions_on_its_standard_input() {
    let mut pair = Pair::new(205);
    let file = pair.primary.directory().join("told");
    let script = format!("cat >> {}", file.display());
    let lines = format!("events = \"transition\"\ncommand = [\"/bin/sh\", \"-c\", \"{script}\"]");
    add_hook(&pair.primary, &lines);
    pair.start();
    pair.secondary.kill();
    let told = wait_for("the command to be told", PATIENCE, || {
        let told = objects(&file);
        let found = told.iter().find(|event| event["to"] == "communications-interrupted");
        found.cloned().ok_or(format!("{told:?}"))
    });
    assert_eq!(told["relationship"], "loopback");
    assert_eq!(told["from"], "normal");
    assert_eq!(told["warning"], true);
    assert!(told["at"].as_u64().unwrap() > 1_700_000_000);
    for member in ["id", "server", "row", "why", "text"] {
        assert!(told[member].as_str().is_some_and(|text| !text.is_empty()), "{told}");
    }
    assert!(objects(&file).iter().all(|event| event["event"] == "transition"));
}

#[test]
fn an_event_outlives_a_kill_between_itself_and_its_delivery() {
    let mut pair = with_web_hook(206, "\"transition\"");
    pair.start();
    pair.secondary.kill();
    let queue = pair.primary.data().join("hooks.queue");
    let queued = wait_for("the event to be queued", PATIENCE, || {
        let lines = objects(&queue);
        let mut bodies = lines.iter().map(|line| &line["event"]["body"]);
        let found = bodies.find(|event| event["to"] == "communications-interrupted");
        found.map(|event| event["id"].clone()).ok_or(format!("{lines:?}"))
    });
    pair.primary.kill();
    let receiver = Receiver::on(receiver_address(&pair), PORT, None);
    pair.primary.start();
    let told = receiver.wait_for("the event from before the kill", |event| event["id"] == queued);
    assert_eq!(told.event["to"], "communications-interrupted");
    // In order, and each with an id of its own.
    let ids: Vec<_> = receiver.told().iter().map(|told| told.event["id"].clone()).collect();
    let numbers = ids.iter().map(|id| id.as_str().unwrap().rsplit_once('-').unwrap().1);
    let numbers: Vec<u64> = numbers.map(|number| number.parse().unwrap()).collect();
    assert!(numbers.is_sorted_by(|one, next| one < next), "{numbers:?}");
}

#[test]
fn what_was_taken_is_not_told_again_after_a_kill() {
    let mut pair = with_web_hook(207, "\"transition\"");
    let receiver = Receiver::on(receiver_address(&pair), PORT, None);
    pair.start();
    receiver.wait_for("NORMAL", is_transition_to("normal"));
    let delivered = "twinlease_hook_delivered_total{hook=\"pager\"}";
    wait_until("all to be acknowledged", PATIENCE, || {
        let waiting = pair.primary.sample("twinlease_hook_waiting{hook=\"pager\"}");
        waiting == 0 && pair.primary.sample(delivered) > 0
    });
    pair.primary.kill();
    let before = receiver.told().len();
    pair.primary.start();
    pair.wait_until_synced();
    pair.secondary.kill();
    receiver.wait_for("the kill", is_transition_to("communications-interrupted"));
    let mut ids: Vec<_> = receiver.told().iter().map(|told| told.event["id"].to_string()).collect();
    assert!(ids.len() > before);
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count);
}

#[test]
fn a_receiver_that_fails_is_told_the_same_again() {
    let mut pair = with_web_hook(208, "\"communications\"");
    let receiver = Receiver::on(receiver_address(&pair), PORT, None);
    receiver.set_status(500);
    pair.start();
    let is_ok = |event: &Value| event["communications"] == "ok";
    let first = receiver.wait_for("communications", is_ok);
    wait_until("a second attempt", PATIENCE, || receiver.told().len() >= 2);
    receiver.set_status(204);
    wait_until("the event to be taken", PATIENCE, || {
        pair.primary.sample("twinlease_hook_waiting{hook=\"pager\"}") == 0
    });
    assert!(pair.primary.sample("twinlease_hook_failed_total{hook=\"pager\"}") >= 2);
    assert!(receiver.told().iter().all(|told| told.event == first.event));
    assert!(pair.primary.log().contains("not taken: the answer is 500"));
}

#[test]
fn a_command_that_never_ends_keeps_nobody_from_leases() {
    let mut pair = Pair::new(209);
    let lines = "events = \"transition\"\ncommand = [\"/bin/sleep\", \"1000\"]\ntime-limit = 1";
    add_hook(&pair.primary, lines);
    pair.start();
    let given = lease(0..20, [pair.primary.dhcp(), pair.secondary.dhcp()], |_| {});
    assert_eq!(given.len(), 20);
    wait_until("the command to be ended", PATIENCE, || {
        pair.primary.log().contains("the command has not ended within 1 s")
    });
    assert!(pair.primary.terminate().success());
}

#[test]
fn a_pool_that_would_not_last_is_told_once() {
    let mut pair = with_web_hook(210, "[\"endurance-low\"]");
    for server in [&pair.primary, &pair.secondary] {
        server.reconfigure("10.78.8.0-10.78.71.255", "10.78.8.0-10.78.8.63");
    }
    let receiver = Receiver::on(receiver_address(&pair), PORT, None);
    pair.start();
    lease(0..20, [pair.primary.dhcp(), pair.secondary.dhcp()], |_| {});
    let told = receiver.wait_for("the warning", |event| event["active"] == true);
    assert_eq!(told.event["event"], "endurance-low");
    assert_eq!(told.event["range"], "10.78.8.0-10.78.8.63");
    // Some looks later it has not been told again.
    let looks = || pair.primary.sample("twinlease_pool_new_leases_per_hour");
    assert!(looks() > 0);
    lease(20..25, [pair.primary.dhcp(), pair.secondary.dhcp()], |_| {});
    wait_until("another look", PATIENCE, || looks() >= 25 * 6);
    assert_eq!(receiver.told().len(), 1);
}

/// What shifts the clock of a process, from Debian's package libfaketime.
fn shifted_clock() -> Option<String> {
    let directories = fs::read_dir("/usr/lib").ok()?.flatten();
    let mut libraries = directories.map(|entry| entry.path().join("faketime/libfaketimeMT.so.1"));
    libraries.find(|path| path.exists())?.to_str().map(str::to_owned)
}

#[test]
fn clocks_that_are_apart_are_told() {
    let Some(library) = shifted_clock() else {
        println!("SKIPPED: hooks::clocks_that_are_apart_are_told: no libfaketime");
        return;
    };
    let mut pair = with_web_hook(221, "\"clock-difference\"");
    let receiver = Receiver::on(receiver_address(&pair), PORT, None);
    pair.secondary.environment.insert("LD_PRELOAD", library);
    pair.secondary.environment.insert("FAKETIME", "-20s".to_owned());
    pair.secondary.environment.insert("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned());
    pair.start();
    let told = receiver.wait_for("the difference", |event| event["active"] == true);
    assert_eq!(told.event["event"], "clock-difference");
    assert_eq!(told.event["relationship"], "loopback");
}

#[test]
fn a_scope_that_is_another_at_the_partner_is_told() {
    let mut pair = Pair::with(214, |directory| {
        let peer = if directory.ends_with("primary") { 2 } else { 1 };
        format!("peer-admin = \"http://127.77.214.{peer}:8067\"")
    });
    let url = format!("http://{}:{PORT}/", receiver_address(&pair));
    add_hook(&pair.primary, &format!("events = \"drift\"\nurl = \"{url}\""));
    pair.secondary.reconfigure("max-lease-time = 7200", "max-lease-time = 3600");
    let receiver = Receiver::on(receiver_address(&pair), PORT, None);
    pair.start();
    let told = receiver.wait_for("the difference", |event| event["active"] == true);
    assert_eq!(told.event["event"], "drift");
    assert!(told.event["text"].as_str().unwrap().contains("max-lease-time"), "{told:?}");
}

#[test]
fn a_conflict_is_told_when_it_begins_and_when_it_is_over() {
    let mut pair = with_web_hook(215, "\"conflict\"");
    for server in [&pair.primary, &pair.secondary] {
        server.reconfigure("max-response-delay = 30", "max-response-delay = 3");
    }
    let receiver = Receiver::on(receiver_address(&pair), PORT, None);
    pair.start();
    // Each believes the other to be down while that does not run.
    pair.secondary.set_frozen(true);
    pair.primary.wait_for_state("communications-interrupted");
    pair.primary.ask(&["partner-down", "loopback"]).unwrap();
    pair.primary.set_frozen(true);
    pair.secondary.set_frozen(false);
    pair.secondary.wait_for_state("communications-interrupted");
    pair.secondary.ask(&["partner-down", "loopback"]).unwrap();
    pair.primary.set_frozen(false);
    pair.wait_until_synced();
    let told = receiver.wait_for("the end", |event| event["active"] == false);
    let all = receiver.told();
    assert_eq!(all.first().unwrap().event["active"], true, "{all:?}");
    assert_eq!(told.event["event"], "conflict");
}

#[test]
fn the_last_words_of_an_orderly_stop_are_delivered() {
    let mut pair = with_web_hook(211, "\"transition\"");
    let receiver = Receiver::on(receiver_address(&pair), PORT, None);
    pair.start();
    pair.primary.terminate();
    receiver.wait_for("the stop", is_transition_to("paused"));
}

fn private(file: &Path, text: &str) {
    fs::write(file, text).unwrap();
    fs::set_permissions(file, fs::Permissions::from_mode(0o600)).unwrap();
}

#[test]
fn a_request_goes_over_tls_with_its_token_and_nobody_else_sees_either() {
    const TOKEN: &str = "swordfish-of-the-pager";
    let mut pair = Pair::new(212);
    let address = receiver_address(&pair);
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let params = CertificateParams::new(vec![address.to_string()]).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, &ca).unwrap();
    let provider = Arc::new(ring::default_provider());
    let tls = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![CertificateDer::from_pem_slice(certificate.pem().as_bytes()).unwrap()],
            PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes()).unwrap(),
        )
        .unwrap();
    let receiver = Receiver::on(address, PORT, Some(Arc::new(tls)));
    let directory = pair.primary.directory();
    let (authority, token) = (directory.join("ca.pem"), directory.join("token"));
    fs::write(&authority, ca.pem()).unwrap();
    private(&token, &format!("{TOKEN}\n"));
    let lines = format!(
        "events = \"transition\"\nurl = \"https://{address}:{PORT}/path-{TOKEN}\"\n\
         token-file = \"{}\"\nca-file = \"{}\"",
        token.display(),
        authority.display()
    );
    add_hook(&pair.primary, &lines);
    receiver.set_status(403);
    pair.primary.start();
    let told = receiver.wait_for("a transition", |event| event["event"] == "transition");
    let head = told.head.to_lowercase();
    assert!(head.contains(&format!("authorization: bearer {TOKEN}\r\n")), "{head}");
    wait_until("a refusal to be logged", PATIENCE, || {
        pair.primary.log().contains("not taken: the answer is 403")
    });
    let queue = fs::read_to_string(pair.primary.data().join("hooks.queue")).unwrap();
    for text in [pair.primary.log(), queue] {
        assert!(!text.contains("swordfish"), "{text}");
    }
}

#[test]
fn a_receiver_of_another_authority_is_told_nothing() {
    let mut pair = Pair::new(213);
    let address = receiver_address(&pair);
    let stranger = rcgen::generate_simple_self_signed(vec![address.to_string()]).unwrap();
    let provider = Arc::new(ring::default_provider());
    let tls = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![stranger.cert.der().clone()],
            PrivateKeyDer::try_from(stranger.signing_key.serialize_der()).unwrap(),
        )
        .unwrap();
    let receiver = Receiver::on(address, PORT, Some(Arc::new(tls)));
    let ca = rcgen::generate_simple_self_signed(vec!["other.test".to_owned()]).unwrap();
    let authority = pair.primary.directory().join("ca.pem");
    fs::write(&authority, ca.cert.pem()).unwrap();
    let url = format!("https://{address}:{PORT}/");
    let ca_file = authority.display();
    let lines = format!("events = \"transition\"\nurl = \"{url}\"\nca-file = \"{ca_file}\"");
    add_hook(&pair.primary, &lines);
    pair.primary.start();
    wait_until("the refusal to be logged", PATIENCE, || {
        pair.primary.log().contains("not taken: invalid peer certificate")
    });
    assert_eq!(receiver.told().len(), 0);
}
