//! Relationships and scopes as the page shows them, and how it asks before it changes them.

use crate::access::make;
use crate::browser::{Page, page};
use crate::change::{await_difference, differences, fill, open, propose};
use crate::http::base;
use crate::page::{ENTER, ESCAPE, TAB, pictures, reach};
use crate::server::{Pair, RELATIONSHIP};

pub const ENTRY: &str = "relationship loopback";
pub const SCOPE: &str = "scope 10.78.0.0/16";
pub const CHIP: &str = "[data-entry='relationship loopback'] .chip";

/// A pair whose servers can ask each other, and the page of its primary, if there is a browser.
pub fn linked(network: u8) -> Option<(Pair, Page)> {
    let page = page()?;
    let pair = Pair::with(network, |directory| {
        let peer = if directory.ends_with("primary") { 2 } else { 1 };
        format!("peer-admin = \"http://127.77.{network}.{peer}:8067\"")
    });
    Some(reach(pair, page))
}

#[test]
fn relationships_and_scopes_are_listed_with_all_that_is_configured() {
    let Some((pair, mut page)) = linked(240) else { return };
    page.wait_for_text(CHIP, "synced");
    page.wait_for_text("[data-entry='relationship loopback'] .head", "last synced");
    for (key, value) in [
        ("role", "primary"),
        ("mode", "load-balance"),
        ("address", "127.77.240.1"),
        ("port", "6470"),
        ("peer-address", "127.77.240.2"),
        ("peer-port", "6470"),
        ("max-response-delay", "30 s"),
        ("max-unacked-updates", "200"),
        ("mclt", "10 min 0 s"),
        ("split", "128"),
        ("load-balance-max-seconds", "3"),
        ("auto-partner-down", "never"),
        ("heartbeat-interval", "not set"),
        ("contact-lost-time", "not set"),
        ("takeover-delay", "0ms"),
        ("dialect", "isc"),
        ("shared-secret", "none"),
    ] {
        let selector = format!("[data-entry='{ENTRY}'] [data-key='{key}'] dd");
        assert_eq!(page.text(&selector), value, "{key}");
    }
    page.wait_for_text(&format!("[data-entry='{SCOPE}'] .ranges"), "10.78.8.0-10.78.71.255");
    page.wait_for_text(&format!("[data-entry='{SCOPE}'] .ranges"), RELATIONSHIP);
    page.eval("document.querySelector('.entry details').open = true");
    pictures(&mut page, "configuration");
    assert_eq!(page.complaints(), Vec::<String>::new());
    drop(pair);
}

#[test]
fn a_change_is_shown_before_it_is_made() {
    let Some((pair, mut page)) = linked(241) else { return };
    let before = pair.primary.configured();
    open(&mut page, ENTRY, "modify");
    fill(&mut page, "split", "64");
    pictures(&mut page, "modify");
    propose(&mut page);
    let [here, there] = differences(&mut page);
    assert!(here.contains("-split = 128") && here.contains("+split = 64"), "{here}");
    assert_eq!(there, "Stays as it is.");
    pictures(&mut page, "difference");
    assert_eq!(page.eval("document.activeElement.id"), "change-cancel", "the safe answer is first");
    page.click("#change-back");
    page.wait("document.querySelector('#change-fields [name=split]').value === '64'");
    page.click("#change-cancel");
    page.wait("!document.querySelector('#change-dialog').open");
    assert_eq!(pair.primary.configured(), before);
    assert_eq!(page.complaints(), Vec::<String>::new());
}

#[test]
fn a_refused_change_says_why_and_by_which_rule() {
    let Some((pair, mut page)) = linked(243) else { return };
    let before = pair.primary.configured();
    open(&mut page, ENTRY, "modify");
    fill(&mut page, "split", "300");
    page.click("#change-submit");
    page.wait("document.querySelector('#change-error').textContent.includes('split')");
    assert!(page.text("#change-error").ends_with(')'), "the rule stands at the end");
    page.wait("!document.querySelector('#change-fields').hidden");
    pictures(&mut page, "change-refused");
    assert_eq!(pair.primary.configured(), before);
}

#[test]
fn a_replication_that_would_change_nothing_cannot_be_confirmed() {
    let Some((pair, mut page)) = linked(248) else { return };
    for (entry, word) in [(ENTRY, "replicate"), ("", "replicate-all")] {
        open(&mut page, entry, word);
        await_difference(&mut page);
        page.wait_for_text("#change-said", "Nothing would become different.");
        page.wait("document.querySelector('#change-submit').disabled");
        page.click("#change-cancel");
    }
    pair.wait_until_synced();
}

#[test]
fn a_change_is_made_with_the_keyboard_alone() {
    let Some((pair, mut page)) = linked(252) else { return };
    page.wait("document.querySelector('[data-edit=create]') !== null");
    let focused = "document.activeElement?.dataset?.edit === 'create'";
    for _ in 0..60 {
        if page.eval(focused) == true {
            break;
        }
        page.press(TAB.0, TAB.1);
    }
    assert_eq!(page.eval(focused), true);
    page.press(ENTER.0, ENTER.1);
    page.wait("document.activeElement.name === 'name'");
    page.write("other");
    page.press(ENTER.0, ENTER.1);
    page.wait("document.querySelector('#change-error').textContent !== ''");
    assert_eq!(page.eval("document.activeElement.id"), "change-submit", "it may be tried again");
    page.press(ESCAPE.0, ESCAPE.1);
    page.wait("!document.querySelector('#change-dialog').open");
    assert_eq!(page.eval(focused), true, "the focus is where it was");
    drop(pair);
}

#[test]
fn a_phone_shows_every_form_without_scrolling_sideways() {
    let Some((pair, mut page)) = linked(253) else { return };
    page.wait_for_text(CHIP, "synced");
    page.set_size(360, 740);
    page.wait("document.documentElement.scrollWidth <= 360");
    let forms = [
        ("", "create"),
        (ENTRY, "modify"),
        (ENTRY, "add-scope"),
        (ENTRY, "remove"),
        (SCOPE, "remove-scope"),
    ];
    for (entry, word) in forms {
        open(&mut page, entry, word);
        let dialog = "document.querySelector('#change-dialog')";
        assert_eq!(
            page.eval(&format!("{dialog}.scrollWidth <= {dialog}.clientWidth")),
            true,
            "{word}"
        );
        let unnamed = "[...document.querySelectorAll('#change-fields :is(input, select, textarea)')].filter((field) => !field.labels.length).length";
        assert_eq!(page.eval(unnamed), 0, "{word}");
        page.picture(&format!("phone-{word}"));
        page.click("#change-cancel");
    }
    drop(pair);
}

#[test]
fn a_role_that_may_not_change_the_configuration_only_looks_at_it() {
    let Some(mut page) = page() else { return };
    let mut pair = Pair::new(254);
    let made = make("bob", "operate");
    pair.primary.reconfigure("[dhcp]", &format!("{}[dhcp]", made.lines));
    pair.primary.environment.insert("TWINLEASE_TOKEN", made.token.clone());
    pair.primary.start();
    page.open(&base(&pair.primary));
    page.wait("document.querySelector('#token-dialog').open");
    page.write(&made.token);
    page.press(ENTER.0, ENTER.1);
    page.wait_for_text(&format!("[data-entry='{ENTRY}'] h4"), RELATIONSHIP);
    assert_eq!(
        page.eval(
            "[...document.querySelectorAll('[data-edits]')].every((button) => button.disabled)"
        ),
        true
    );
    assert_eq!(page.eval("document.querySelector('[data-drift]').disabled"), false);
    assert_eq!(page.eval("document.querySelector('[data-act=partner-down]').disabled"), false);
}
