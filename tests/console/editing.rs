//! Relationships and scopes changed in the page, against live pairs that go on serving.

use serde_json::json;

use crate::browser::{Page, page};
use crate::change::{apply, await_difference, choose, differences, fill, open, propose};
use crate::clients::lease;
use crate::configuration::{CHIP, ENTRY, SCOPE, linked};
use crate::http::base;
use crate::page::{pictures, reach};
use crate::server::{PATIENCE, Pair, RELATIONSHIP, Server};
use crate::wait::wait_until;

fn wait_for_scopes(server: &Server, is_right: impl Fn(&str) -> bool) {
    wait_until("the file to be changed", PATIENCE, || is_right(&server.configured()));
}

/// Another relationship of the same two servers, between other addresses of theirs.
fn add_another(pair: &Pair, page: &mut Page) {
    let network = pair.primary.address.octets()[2];
    open(page, "", "create");
    fill(page, "name", "other");
    fill(page, "address", &format!("127.77.{network}.3"));
    fill(page, "port", "6470");
    fill(page, "peer-address", &format!("127.77.{network}.4"));
    fill(page, "peer-port", "6470");
    fill(page, "peer-admin", &base(&pair.secondary));
    propose(page);
    apply(page);
    page.wait_for_text("[data-entry='relationship other'] .chip", "empty");
}

#[test]
fn a_parameter_is_modified_while_both_serve() {
    let Some((pair, mut page)) = linked(238) else { return };
    open(&mut page, ENTRY, "modify");
    fill(&mut page, "split", "64");
    propose(&mut page);
    apply(&mut page);
    assert!(pair.primary.configured().contains("split = 64"));
    page.wait_for_text(&format!("[data-entry='{ENTRY}'] [data-key='split'] dd"), "64");
    page.wait_for_text("#audit-rows li", "loopback");
    pair.wait_until_synced();
    assert_eq!(page.complaints(), Vec::<String>::new());
}

#[test]
fn heartbeats_are_made_faster_on_both_servers_at_once() {
    let Some((pair, mut page)) = linked(229) else { return };
    open(&mut page, ENTRY, "modify");
    fill(&mut page, "heartbeat-interval", "250ms");
    fill(&mut page, "contact-lost-time", "2s");
    propose(&mut page);
    for side in differences(&mut page) {
        assert!(side.contains("+heartbeat-interval = \"250ms\""), "{side}");
    }
    apply(&mut page);
    page.wait_for_text(
        &format!("[data-entry='{ENTRY}'] [data-key='contact-lost-time'] dd"),
        "2000ms",
    );
    pair.wait_until_synced();
}

#[test]
fn an_emptied_field_goes_back_to_its_default() {
    let Some((pair, mut page)) = linked(242) else { return };
    open(&mut page, ENTRY, "modify");
    fill(&mut page, "max-unacked-updates", "");
    propose(&mut page);
    apply(&mut page);
    assert!(!pair.primary.configured().contains("max-unacked-updates"));
    page.wait_for_text(
        &format!("[data-entry='{ENTRY}'] [data-key='max-unacked-updates'] dd"),
        "11",
    );
}

#[test]
fn ranges_of_a_scope_are_taken_out_and_given_back() {
    let Some((pair, mut page)) = linked(244) else { return };
    open(&mut page, SCOPE, "remove-scope");
    choose(&mut page, "on-partner", "disable");
    propose(&mut page);
    let [here, there] = differences(&mut page);
    assert!(here.contains("-relationship = \"loopback\""), "{here}");
    assert!(there.contains("+disabled = true"), "{there}");
    apply(&mut page);
    page.wait_for_text(&format!("[data-entry='{SCOPE}'] .ranges"), "this server alone");
    page.wait_for_text(CHIP, "empty");
    open(&mut page, ENTRY, "add-scope");
    choose(&mut page, "scope", "10.78.0.0/16");
    propose(&mut page);
    apply(&mut page);
    page.wait_for_text(&format!("[data-entry='{SCOPE}'] .ranges"), RELATIONSHIP);
    page.wait_for_text(CHIP, "synced");
    wait_for_scopes(&pair.secondary, |text| !text.contains("disabled = true"));
    pair.wait_until_synced();
}

#[test]
fn a_scope_with_leases_is_shared_and_the_partner_learns_them() {
    let Some((pair, mut page)) = linked(245) else { return };
    open(&mut page, SCOPE, "remove-scope");
    choose(&mut page, "on-partner", "delete");
    propose(&mut page);
    apply(&mut page);
    wait_for_scopes(&pair.secondary, |text| !text.contains("10.78.8.0"));
    let given = lease(0..60, [pair.primary.dhcp(), pair.primary.dhcp()], |_| {});
    open(&mut page, ENTRY, "add-scope");
    choose(&mut page, "scope", "10.78.0.0/16");
    propose(&mut page);
    apply(&mut page);
    page.wait_for_text(CHIP, "synced");
    pair.wait_until_equal();
    let known = pair.secondary.leases();
    for lease in given {
        assert_eq!(known[&lease.address].status, "active", "{}", lease.address);
    }
}

#[test]
fn a_scope_is_moved_to_another_relationship() {
    let Some((pair, mut page)) = linked(246) else { return };
    add_another(&pair, &mut page);
    open(&mut page, SCOPE, "move-scope");
    choose(&mut page, "to", "other");
    propose(&mut page);
    for side in differences(&mut page) {
        assert!(side.contains("+relationship = \"other\""), "{side}");
    }
    apply(&mut page);
    page.wait_for_text(&format!("[data-entry='{SCOPE}'] .ranges"), "other");
    page.wait_for_text(CHIP, "empty");
    page.wait_for_text("[data-entry='relationship other'] .chip", "synced");
    for server in [&pair.primary, &pair.secondary] {
        assert!(server.configured().contains("relationship = \"other\""));
    }
}

#[test]
fn each_difference_of_the_servers_is_named_and_a_replication_mends_it() {
    let Some((mut pair, mut page)) = linked(247) else { return };
    pair.secondary.terminate();
    pair.secondary.reconfigure("max-lease-time = 7200", "max-lease-time = 3600");
    pair.secondary.start();
    pair.wait_until_synced();
    page.wait_for_text(CHIP, "synced");
    let check = format!("[data-entry='{ENTRY}'] [data-drift]");
    let drift = format!("[data-entry='{ENTRY}'] .drift");
    page.click(&check);
    page.wait_for_text(&format!("{drift} table"), "max-lease-time");
    let table = page.text(&drift);
    assert!(table.contains("7200") && table.contains("3600"), "{table}");
    pictures(&mut page, "drift");
    page.click(&format!("[data-entry='{SCOPE}'] [data-edit=replicate-scope]"));
    await_difference(&mut page);
    let [here, there] = differences(&mut page);
    assert_eq!(here, "Stays as it is.");
    assert!(there.contains("+max-lease-time = 7200"), "{there}");
    apply(&mut page);
    page.wait(&format!("document.querySelector({}).textContent === ''", json!(drift)));
    page.click(&check);
    page.wait_for_text(&drift, "Both servers are configured alike.");
    assert!(pair.secondary.configured().contains("max-lease-time = 7200"));
}

#[test]
fn the_file_is_read_again_as_it_stands() {
    let Some((pair, mut page)) = linked(249) else { return };
    pair.primary.reconfigure("max-lease-time = 7200", "max-lease-time = 5400");
    open(&mut page, "", "reload");
    await_difference(&mut page);
    assert!(differences(&mut page)[0].contains("+max-lease-time = 5400"));
    apply(&mut page);
    page.wait_for_text(&format!("[data-entry='{SCOPE}'] .head"), "at most 1 h 30 min");
    pair.wait_until_synced();
}

#[test]
fn an_exchange_under_way_is_shown_with_what_is_done() {
    let Some(page) = page() else { return };
    // A partner that hangs is not lost for a while, however slow all this is.
    let pair = Pair::new(145);
    for server in [&pair.primary, &pair.secondary] {
        server.reconfigure("max-response-delay = 30", "max-response-delay = 300");
    }
    let (pair, mut page) = reach(pair, page);
    page.wait_for_text(CHIP, "synced");
    pair.secondary.set_frozen(true);
    lease(0..30, [pair.primary.dhcp(), pair.primary.dhcp()], |_| {});
    page.wait(&format!("document.querySelector({}).textContent === 'syncing'", json!(CHIP)));
    page.wait_for_text(&format!("[data-entry='{ENTRY}'] .head"), "updates");
    page.set_scheme("light");
    page.picture("syncing");
    pair.secondary.set_frozen(false);
    page.wait(&format!("document.querySelector({}).textContent === 'synced'", json!(CHIP)));
    pair.wait_until_equal();
}

#[test]
fn the_scopes_of_a_removed_relationship_go_on_there() {
    let Some((pair, mut page)) = linked(236) else { return };
    remove(&mut page, "there");
    assert!(!pair.primary.configured().contains("10.78.8.0-10.78.71.255"));
    let given = lease(0..5, [pair.primary.dhcp(), pair.secondary.dhcp()], |_| {});
    assert!(given.iter().all(|lease| lease.server == pair.secondary.address));
}

#[test]
fn the_scopes_of_a_removed_relationship_stay_and_serve_nobody() {
    let Some((pair, mut page)) = linked(237) else { return };
    remove(&mut page, "disabled");
    page.wait_for_text(&format!("[data-entry='{SCOPE}'] .ranges"), "disabled");
    for server in [&pair.primary, &pair.secondary] {
        let text = server.configured();
        assert!(text.contains("disabled = true") && !text.contains("[[relationship]]"), "{text}");
    }
}

fn remove(page: &mut Page, scopes: &str) {
    open(page, ENTRY, "remove");
    choose(page, "scopes", scopes);
    propose(page);
    apply(page);
    page.wait_for_text("#setup-relationships", "There is no relationship");
}

#[test]
fn an_address_is_reserved_for_another_client_and_freed() {
    let Some((pair, mut page)) = linked(115) else { return };
    open(&mut page, SCOPE, "reserve");
    fill(&mut page, "address", "10.78.70.7");
    fill(&mut page, "hw-address", "02:00:00:00:00:01");
    propose(&mut page);
    for side in differences(&mut page) {
        assert!(side.contains("+address = \"10.78.70.7\""), "{side}");
    }
    apply(&mut page);
    let held = format!("[data-entry='{SCOPE}'] [data-held='10.78.70.7']");
    page.wait(&format!("document.querySelector({}) !== null", json!(held)));
    page.eval(&format!("document.querySelector({}).closest('details').open = true", json!(held)));
    page.click(&format!("{held} [data-edit=change-reservation]"));
    fill(&mut page, "hw-address", "02:00:00:00:00:02");
    propose(&mut page);
    apply(&mut page);
    let first = format!("document.querySelector({}).textContent", json!(held));
    page.wait(&format!("{first}.includes('02:00:00:00:00:02')"));
    page.eval(&format!("document.querySelector({}).closest('details').open = true", json!(held)));
    pictures(&mut page, "reservation");
    page.click(&format!("{held} [data-edit=free-reservation]"));
    propose(&mut page);
    apply(&mut page);
    page.wait(&format!("!document.querySelector({})", json!(held)));
    for server in [&pair.primary, &pair.secondary] {
        assert!(!server.configured().contains("reservation"));
    }
}
