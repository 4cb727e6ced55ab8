//! Everything that the page can have done to a relationship, in a real browser against live pairs.

use serde_json::{Value, json};

use crate::browser::Page;
use crate::clients::lease;
use crate::http::{get, send};
use crate::page::{OWN, open};
use crate::server::{PATIENCE, Pair};
use crate::wait::wait_until;

pub fn confirm(page: &mut Page, word: &str) {
    page.click(&format!("[data-act={word}]"));
    page.wait("document.querySelector('#act-dialog').open");
    page.click("#act-submit");
    page.wait("!document.querySelector('#act-dialog').open");
}

fn latest_change(pair: &Pair) -> Value {
    get(&pair.primary, "/v1/audit?limit=1").json()["entries"][0].clone()
}

#[test]
fn a_partner_that_answers_is_declared_down_with_a_reason_only() {
    let Some((pair, mut page)) = open(230) else { return };
    page.click("[data-act=partner-down]");
    page.click("#act-submit");
    page.wait_for_text("#act-error", "the partner answers and is in normal");
    page.wait("document.querySelector('#act-reason-label').hidden");
    page.click("#act-force");
    page.click("#act-submit");
    page.wait_for_text("#act-error", "give a reason");
    assert_eq!(pair.primary.relationship("state"), Some("normal".into()));
    page.eval("document.querySelector('#act-reason').focus()");
    page.write("its disk is lying");
    page.set_scheme("light");
    page.picture("forced");
    page.click("#act-submit");
    page.wait("!document.querySelector('#act-dialog').open");
    assert!(pair.primary.log().contains("normal -> partner-down"));
    let change = latest_change(&pair);
    assert_eq!(change["arguments"], json!({ "force": true, "reason": "its disk is lying" }));
    assert_eq!(change["outcome"], "done");
}

#[test]
fn maintenance_is_begun_shown_and_ended() {
    let Some((pair, mut page)) = open(231) else { return };
    page.wait("document.querySelector('[data-act=end-maintenance]').hidden");
    page.click("[data-act=maintenance]");
    page.wait("!document.querySelector('#act-time-label').hidden");
    page.eval("document.querySelector('#act-time').value = '7200'");
    page.click("#act-submit");
    page.wait("!document.querySelector('#act-dialog').open");
    page.wait_for_text(".wire .maintenance", "maintenance until");
    page.wait_for_text(".line li[data-kind=maintenance]", "maintenance until");
    page.set_scheme("dark");
    page.picture("maintenance");
    let until = pair.primary.relationship("maintenance-until").unwrap().as_u64().unwrap();
    let change = latest_change(&pair);
    assert_eq!(change["arguments"]["until"], until);
    assert_eq!(until - change["at"].as_u64().unwrap(), 7200);
    confirm(&mut page, "end-maintenance");
    page.wait("document.querySelector('.wire .maintenance').textContent === ''");
    assert_eq!(pair.primary.relationship("maintenance-until"), Some(Value::Null));
    assert_eq!(page.complaints(), Vec::<String>::new());
}

#[test]
fn leases_are_told_again_and_pools_divided_from_the_page() {
    let Some((pair, mut page)) = open(232) else { return };
    lease(0..40, [pair.primary.dhcp(), pair.secondary.dhcp()], |_| {});
    pair.wait_until_equal();
    let name =
        "twinlease_messages_total{relationship=\"loopback\",direction=\"sent\",type=\"updreq\"}";
    let before = pair.primary.sample(name);
    confirm(&mut page, "resynchronise");
    wait_until("the partner to be asked", PATIENCE, || pair.primary.sample(name) > before);
    pair.wait_until_synced();
    page.wait_for_text("#audit-rows li", "loopback: resynchronise loopback");
    confirm(&mut page, "rebalance");
    page.wait_for_text("#audit-rows li", "loopback: rebalance loopback");
    assert_eq!(page.complaints(), Vec::<String>::new());
}

#[test]
fn a_relationship_is_paused_and_another_shut_down_from_the_page() {
    for (network, word, state) in [(233, "pause", "paused"), (234, "shutdown", "shutdown")] {
        let Some((pair, mut page)) = open(network) else { return };
        confirm(&mut page, word);
        page.wait_for_text(&format!("{OWN} .state"), state);
        page.wait_for_text(
            "#audit-rows li",
            &format!("loopback: {word} loopback normal → {state}"),
        );
        assert_eq!(pair.primary.relationship("state"), Some(state.into()));
    }
}

#[test]
fn maintenance_has_to_end_and_every_steering_is_written_down() {
    let mut pair = Pair::new(235);
    pair.start();
    let post = |path: &str| {
        send(&pair.primary, "POST", &format!("/v1/relationships/loopback/{path}"), "", "").status
    };
    for wrong in ["", "?seconds=0", "?until=1", "?seconds=5&until=5", "?seconds=99999999", "?for=1"]
    {
        assert_eq!(post(&format!("maintenance{wrong}")), 400, "{wrong}");
    }
    let words =
        ["maintenance?seconds=60", "end-maintenance", "resynchronise", "rebalance", "pause"];
    for word in words {
        assert_eq!(post(word), 200, "{word}");
        let change = latest_change(&pair);
        assert_eq!(Some(change["action"].as_str().unwrap()), word.split('?').next());
        assert_eq!(change["outcome"], "done");
    }
}
