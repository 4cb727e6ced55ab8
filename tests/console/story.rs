//! A day with a pair, as its operator lives it: everything in a real browser, clients all the while.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::UNIX_EPOCH;

use crate::browser::{Page, page};
use crate::change::{apply, choose, differences, fill, open, propose};
use crate::clients::{Given, lease};
use crate::http::base;
use crate::page::{OWN, PARTNER};
use crate::server::{Pair, Server};
use crate::steering::confirm;

const ENTRY: &str = "relationship loopback";
const CHIP: &str = "[data-entry='relationship loopback'] .chip";

/// The latest lease of every address that was ever given.
#[derive(Default)]
struct Leased(BTreeMap<Ipv4Addr, Given>);

impl Leased {
    /// New clients, answered by whoever answers; the last of them is found in the page. Nobody is given
    /// what somebody else may still use.
    fn more(&mut self, page: &mut Page, pair: &Pair, clients: std::ops::Range<u16>) -> Vec<Given> {
        let given = lease(clients, [pair.primary.dhcp(), pair.secondary.dhcp()], |_| {});
        let now = UNIX_EPOCH.elapsed().unwrap().as_secs();
        for lease in &given {
            if let Some(before) = self.0.insert(lease.address, lease.clone()) {
                let is_over = before.until <= now;
                assert!(is_over || before.hardware == lease.hardware, "{before:?} {lease:?}");
            }
        }
        find(page, given.last().unwrap());
        given
    }
}

/// Looks for a lease in the page, whatever has become of it meanwhile.
fn find(page: &mut Page, lease: &Given) {
    let (form, address) = ("document.querySelector('#lease-filter')", lease.address);
    page.eval(&format!(
        "{form}.elements.status.value = ''; {form}.elements.search.value = '{address}'; \
         {form}.dispatchEvent(new Event('input'))"
    ));
    page.wait_for_text("#lease-rows", &lease.hardware);
}

fn visit(page: &mut Page, server: &Server, state: &str) {
    page.open(&base(server));
    page.wait_for_text(&format!("{OWN} .state"), state);
}

fn create(page: &mut Page, pair: &Pair) {
    open(page, "", "create");
    let [own, peer] =
        [pair.primary.address, pair.secondary.address].map(|address| address.to_string());
    fill(page, "name", "loopback");
    fill(page, "address", &own);
    fill(page, "port", "6470");
    fill(page, "peer-address", &peer);
    fill(page, "peer-port", "6470");
    fill(page, "peer-admin", &format!("http://{peer}:8067"));
    fill(page, "mclt", "4");
    page.picture("story-1-create");
    propose(page);
    for side in differences(page) {
        assert!(side.contains("+name = \"loopback\""), "{side}");
    }
    page.picture("story-2-difference");
    assert_eq!(apply(page), "Done. The partner has it too.");
    page.wait_for_text(CHIP, "empty");
    page.picture("story-3-empty");
}

fn add_scope(page: &mut Page) {
    open(page, ENTRY, "add-scope");
    fill(page, "network", "10.78.0.0/16");
    fill(page, "ranges", "10.78.8.0-10.78.8.255\n10.78.9.0-10.78.9.255");
    fill(page, "default-lease-time", "600");
    propose(page);
    apply(page);
}

#[test]
fn an_operator_makes_uses_and_ends_a_relationship_in_the_page_alone() {
    let Some(mut page) = page() else { return };
    let mut pair = Pair::of_strangers(251);
    pair.primary.start();
    pair.secondary.start();
    let mut leased = Leased::default();
    page.set_size(1280, 900);
    page.set_scheme("light");
    page.open(&base(&pair.primary));
    page.wait_for_text("#setup-relationships", "There is no relationship");
    page.picture("story-0-alone");

    // Create the relationship, add a scope, watch it synchronise.
    create(&mut page, &pair);
    add_scope(&mut page);
    page.wait_for_text(&format!("{OWN} .state"), "normal");
    page.wait_for_text(&format!("{PARTNER} .state"), "normal");
    page.wait_for_text(CHIP, "synced");
    pair.wait_until_synced();
    leased.more(&mut page, &pair, 0..30);
    pair.wait_until_equal();
    page.picture("story-4-synced");

    // Kill the primary, see clients served.
    pair.primary.kill();
    page.wait_for_text("#alarm", "does not answer");
    visit(&mut page, &pair.secondary, "communications-interrupted");
    assert_eq!(page.text(&format!("{PARTNER} .state")), "not heard");
    let given = leased.more(&mut page, &pair, 30..40);
    assert!(given.iter().all(|lease| lease.server == pair.secondary.address));
    page.picture("story-5-partner-dead");

    // Promote.
    confirm(&mut page, "partner-down");
    page.wait_for_text(&format!("{OWN} .state"), "partner-down");
    leased.more(&mut page, &pair, 40..45);

    // Bring it back.
    pair.primary.start();
    page.wait_for_text(&format!("{OWN} .state"), "normal");
    page.wait_for_text(&format!("{PARTNER} .state"), "normal");
    page.wait_for_text(CHIP, "synced");
    pair.wait_until_equal();
    assert_eq!(pair.primary.leases().len(), pair.secondary.leases().len());

    // Maintenance mode, and one peer upgraded by a restart meanwhile.
    visit(&mut page, &pair.primary, "normal");
    confirm(&mut page, "maintenance");
    page.wait_for_text(".wire .maintenance", "maintenance until");
    pair.secondary.terminate();
    page.wait_for_text(&format!("{OWN} .state"), "communications-interrupted");
    leased.more(&mut page, &pair, 45..50);
    page.picture("story-6-maintenance");
    pair.secondary.start();
    page.wait_for_text(&format!("{OWN} .state"), "normal");
    pair.wait_until_equal();
    confirm(&mut page, "end-maintenance");
    page.wait("document.querySelector('.wire .maintenance').textContent === ''");

    // Remove the relationship and keep the scopes here.
    open(&mut page, ENTRY, "remove");
    choose(&mut page, "scopes", "here");
    propose(&mut page);
    let [here, there] = differences(&mut page);
    assert!(here.contains("-relationship = \"loopback\""), "{here}");
    assert!(there.contains("-name = \"loopback\""), "{there}");
    page.picture("story-7-remove");
    apply(&mut page);
    page.wait_for_text("#setup-relationships", "There is no relationship");
    page.wait_for_text("#setup-scopes", "this server alone");
    assert!(!pair.secondary.configured().contains("[[relationship]]"));

    // Every client is still known, and new ones are served here.
    let known = pair.primary.leases();
    for (address, lease) in &leased.0 {
        assert_eq!(known[address].hardware.as_ref(), Some(&lease.hardware), "{address}");
    }
    let given = leased.more(&mut page, &pair, 50..55);
    assert!(given.iter().all(|lease| lease.server == pair.primary.address));
    page.wait_for_text("#setup-scopes", "10.78.0.0/16");
    page.picture("story-8-alone-again");
    assert_eq!(page.complaints().iter().filter(|said| said.contains("exceptionThrown")).count(), 0);
}
