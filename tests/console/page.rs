//! The status page in a real browser, against live pairs.

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::browser::{Page, page};
use crate::clients::lease;
use crate::http::base;
use crate::packet::Client;
use crate::relay::{LONG, Relay};
use crate::server::{PATIENCE, Pair};
use crate::wait::wait_until;

pub const OWN: &str = ".server:first-child";
pub const PARTNER: &str = ".server:last-child";

pub const TAB: (&str, u32) = ("Tab", 9);
pub const ENTER: (&str, u32) = ("Enter", 13);
pub const ESCAPE: (&str, u32) = ("Escape", 27);

/// A pair in NORMAL and the page of its primary, if there is a browser.
pub fn open(network: u8) -> Option<(Pair, Page)> {
    let page = page()?;
    Some(reach(Pair::new(network), page))
}

/// Starts a pair and opens the page of its primary.
pub fn reach(mut pair: Pair, mut page: Page) -> (Pair, Page) {
    pair.start();
    page.set_size(1280, 900);
    page.open(&base(&pair.primary));
    for server in [OWN, PARTNER] {
        page.wait_for_text(&format!("{server} .state"), "normal");
    }
    (pair, page)
}

/// The page in light, in dark, and on a phone.
pub fn pictures(page: &mut Page, name: &str) {
    page.set_size(1280, 900);
    for scheme in ["dark", "light"] {
        page.set_scheme(scheme);
        page.picture(&format!("{name}-{scheme}"));
    }
    page.set_size(360, 740);
    page.picture(&format!("{name}-phone"));
    page.set_size(1280, 900);
}

#[test]
fn both_servers_are_shown_and_a_kill_is_seen_live() {
    let Some((mut pair, mut page)) = open(195) else { return };
    lease(0..40, [pair.primary.dhcp(), pair.secondary.dhcp()], |_| {});
    page.wait_for_text(&format!("{PARTNER} .state"), "normal");
    page.wait_for_text(".wire .what", "communications ok");
    page.wait_for_text(".pool .counts", "40 active");
    page.wait_for_text("#lease-note", "40 shown");
    pictures(&mut page, "normal");
    pair.secondary.kill();
    page.wait_for_text(&format!("{OWN} .state"), "communications-interrupted");
    assert_eq!(page.text(&format!("{PARTNER} .state")), "not heard");
    assert_eq!(page.text(&format!("{PARTNER} .since")), "last known: normal");
    assert_eq!(page.text(".wire .what"), "communications interrupted");
    page.wait_for_text(".diagram .lit", "interrupted");
    page.wait_for_text(".line li[data-kind=transition]", "normal → communications-interrupted");
    pictures(&mut page, "partner-dead");
    pair.secondary.start();
    page.wait_for_text(&format!("{OWN} .state"), "normal");
    assert_eq!(page.complaints(), Vec::<String>::new());
}

#[test]
fn the_partner_is_declared_down_after_a_confirmation() {
    let Some((mut pair, mut page)) = open(196) else { return };
    pair.secondary.kill();
    page.wait_for_text(&format!("{OWN} .state"), "communications-interrupted");
    page.click("[data-act=partner-down]");
    page.wait("document.querySelector('#act-dialog').open");
    page.set_scheme("light");
    page.picture("confirmation");
    assert_eq!(pair.primary.relationship("state"), Some("communications-interrupted".into()));
    page.click("#act-submit");
    page.wait("!document.querySelector('#act-dialog').open");
    page.wait_for_text(&format!("{OWN} .state"), "partner-down");
    page.wait_for_text("#audit-rows li", "loopback: partner-down loopback");
    page.wait_for_text("#audit-rows li", "communications-interrupted → partner-down");
    assert_eq!(page.complaints(), Vec::<String>::new());
}

#[test]
fn a_refusal_is_shown_with_its_rule() {
    let Some(mut page) = page() else { return };
    let mut pair = Pair::new(197);
    pair.primary.start();
    pair.primary.wait_for_state("recover");
    page.open(&base(&pair.primary));
    page.wait_for_text(&format!("{OWN} .state"), "recover");
    page.click("[data-act=partner-down]");
    page.click("#act-submit");
    page.wait_for_text("#act-error", "(§9.4)");
    assert_eq!(pair.primary.relationship("state"), Some("recover".into()));
}

#[test]
fn a_partner_that_answers_is_not_declared_down_without_being_told_so() {
    let Some((_pair, mut page)) = open(204) else { return };
    page.click("[data-act=partner-down]");
    page.wait_for_text("#act-text", "The partner answers at this moment and is in normal.");
}

#[test]
fn a_declined_address_is_found_and_reset() {
    let Some((pair, mut page)) = open(198) else { return };
    let relay = Relay::to(&pair.primary);
    let client = Client::number(1).after(LONG);
    relay.send(&client.discover());
    let offer = relay.receive();
    relay.lease(&client, &offer);
    relay.send(&client.decline(offer.yiaddr, pair.primary.address));
    let address = offer.yiaddr.to_string();
    let status = || {
        let leases = pair.primary.leases();
        leases.get(&offer.yiaddr).map(|lease| lease.status.clone())
    };
    wait_until("the address to be abandoned", PATIENCE, || {
        status().as_deref() == Some("abandoned")
    });
    page.eval("document.querySelector('[name=status]').value = ''");
    page.eval("document.querySelector('[name=search]').focus()");
    page.write(&address);
    page.wait_for_text("#lease-note", "1 shown");
    page.wait_for_text("#lease-rows", "abandoned");
    page.click("#lease-rows button");
    page.click("#act-submit");
    page.wait("!document.querySelector('#act-dialog').open");
    wait_until("the address to be unused", PATIENCE, || {
        matches!(status().as_deref(), Some("free" | "backup"))
    });
    page.wait_for_text("#audit-rows li", &format!("reset {address}"));
}

#[test]
fn a_token_is_asked_for_and_kept_for_the_session_only() {
    let Some(mut page) = page() else { return };
    let mut pair = Pair::new(200);
    let mut command = Command::new(env!("CARGO_BIN_EXE_twinlease"));
    command.args(["token", "--name", "watch", "--role", "read", "--json"]);
    let made: Value = serde_json::from_slice(&command.output().unwrap().stdout).unwrap();
    let token = made["token"].as_str().unwrap();
    let lines = format!(
        "[[admin.tokens]]\nname = \"watch\"\nrole = \"read\"\nsha256 = {}\n[dhcp]",
        made["sha256"]
    );
    pair.primary.reconfigure("[dhcp]", &lines);
    pair.primary.environment.insert("TWINLEASE_TOKEN", token.to_owned());
    pair.primary.start();
    page.open(&base(&pair.primary));
    page.wait("document.querySelector('#token-dialog').open");
    page.set_size(360, 740);
    page.picture("token-phone");
    page.write("a wrong one");
    page.press(ENTER.0, ENTER.1);
    page.wait_for_text("#token-error", "this is no token");
    page.write(token);
    page.press(ENTER.0, ENTER.1);
    page.wait_for_text("#live", "live");
    assert_eq!(page.text("#session"), "watch · read");
    page.wait("document.querySelector('[data-act=partner-down]').disabled");
    assert_eq!(page.eval("sessionStorage.getItem('twinlease-token')"), token);
    assert_eq!(page.eval("localStorage.length + document.cookie.length"), 0);
    let markup = page.eval("document.documentElement.outerHTML + location.href");
    assert!(!markup.as_str().unwrap().contains(token));
}

#[test]
fn everything_can_be_done_with_the_keyboard() {
    let Some((_pair, mut page)) = open(201) else { return };
    let focused = "document.activeElement?.dataset?.act === 'partner-down'";
    for _ in 0..40 {
        if page.eval(focused) == true {
            break;
        }
        page.press(TAB.0, TAB.1);
    }
    assert_eq!(page.eval(focused), true);
    page.press(ENTER.0, ENTER.1);
    page.wait("document.querySelector('#act-dialog').open");
    assert_eq!(page.eval("document.activeElement.id"), "act-cancel", "the safe answer is first");
    page.press(ESCAPE.0, ESCAPE.1);
    page.wait("!document.querySelector('#act-dialog').open");
    assert_eq!(page.eval(focused), true, "the focus is where it was");
}

#[test]
fn a_phone_shows_the_page_without_scrolling_sideways() {
    let Some((pair, mut page)) = open(202) else { return };
    lease(0..5, [pair.primary.dhcp(), pair.secondary.dhcp()], |_| {});
    page.wait_for_text("#lease-note", "5 shown");
    page.set_size(360, 740);
    page.wait("document.documentElement.scrollWidth <= 360");
    page.wait("document.querySelector('.diagram svg').getAttribute('viewBox') === '0 0 340 420'");
    let smallest = page.eval(
        "Math.min(...[...document.querySelectorAll('.diagram text')].map((text) => text.getBoundingClientRect().height))",
    );
    assert!(smallest.as_f64().unwrap() > 10.0, "{smallest}");
}

#[test]
fn the_page_says_when_its_own_server_is_dead() {
    let Some((mut pair, mut page)) = open(203) else { return };
    pair.primary.kill();
    page.wait_for_text("#alarm", "does not answer");
    page.wait("document.querySelector('#content').classList.contains('stale')");
    page.set_scheme("light");
    page.picture("own-dead");
    pair.primary.start();
    page.wait_for_text("#live", "live");
    page.wait("document.querySelector('#alarm').hidden");
}

/// An Ethernet interface of this machine that leads nowhere, as long as it is kept.
struct Interface(&'static str);

impl Interface {
    fn new(name: &'static str, other_end: &str) -> Self {
        Command::new("ip").args(["link", "del", name]).stderr(Stdio::null()).status().unwrap();
        let pair = ["link", "add", name, "type", "veth", "peer", "name", other_end];
        let address = ["address", "add", "127.77.239.60/32", "dev", name];
        for arguments in [&pair[..], &address, &["link", "set", name, "up"]] {
            assert!(Command::new("ip").args(arguments).status().unwrap().success());
        }
        Self(name)
    }
}

impl Drop for Interface {
    fn drop(&mut self) {
        drop(Command::new("ip").args(["link", "del", self.0]).status());
    }
}

#[test]
fn the_virtual_address_is_shown_on_the_server_that_may_hold_it() {
    let Some(page) = page() else { return };
    let interface = Interface::new("twl239", "twl239-end");
    let lines = |directory: &Path| {
        if directory.ends_with("secondary") {
            return String::new();
        }
        format!(
            "[virtual-address]\naddress = \"127.77.239.50/32\"\ninterface = \"{}\"\nrelationship = \"loopback\"",
            interface.0
        )
    };
    let (pair, mut page) = reach(Pair::with(239, lines), page);
    let fact = "[...document.querySelectorAll('.facts div')].find((row) => row.textContent.includes('Virtual address'))";
    page.wait(&format!("{fact}.textContent.includes('127.77.239.50on this server')"));
    page.open(&base(&pair.secondary));
    page.wait_for_text(&format!("{OWN} .state"), "normal");
    page.wait(&format!("{fact}.hidden"));
}
