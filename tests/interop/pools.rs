//! The unused addresses between the two servers: who gives, who asks, and that it comes to rest.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use twinlease::wire::codes::{MessageType, OptionCode};

use crate::support::lease_file::{Lease, Relationship};
use crate::support::packet::Client;
use crate::support::pair::{Kind, PRIMARY, SECONDARY, SOON};
use crate::support::partner::{Heard, Message, now};
use crate::support::relay::Relay;
use crate::support::scene::Scene;
use crate::support::setup::{RELATIONSHIP, Role, Setup};
use crate::support::stage::{ACTIVE, BACKUP, FREE, Stage};
use crate::support::wait::wait_until;

/// A dhcpd that looks at its pools as often as it can.
const OFTEN: &str = "min-balance 1; max-balance 3;";
/// A dhcpd that looks at its pools when it is asked to, and not by itself in the time of a test.
const SELDOM: &str = "min-balance 3600; max-balance 3600;";

fn pool_of(size: u8) -> Setup {
    let pool = ([10, 78, 8, 1].into(), [10, 78, 8, size].into());
    Setup { pool, ..Stage::setup() }
}

fn count(heard: &[Heard], status: u8) -> usize {
    let updates = heard.iter().filter(|heard| heard.kind == MessageType::BNDUPD);
    updates.filter(|update| update.status() == status).count()
}

/// Every address was last used by a client that the server of `role` answers, and is in this status.
fn used(setup: &Setup, role: Role, status: &str) -> Vec<(Ipv4Addr, Lease)> {
    let (start, end) = (Some(i64::from(now()) - 7200), Some(i64::from(now()) - 3600));
    let lease = |client: Client| Lease {
        starts: start,
        ends: end,
        tstp: end,
        tsfp: end,
        atsfp: end,
        cltt: start,
        binding_state: status.to_owned(),
        hardware: Some(client.hardware_text()),
        uid: client.identifier,
        ..Lease::default()
    };
    setup.addresses().zip(setup.clients_of(role).map(lease)).collect()
}

/// What a dhcpd primary that finds these addresses gives to its partner on entering NORMAL.
fn given(test: &str, setup: Setup, leases: &[(Ipv4Addr, Lease)]) -> Option<usize> {
    let states = ["normal", "normal"];
    let mut stage = Stage::found(test, Role::Primary, setup, states, leases)?;
    let mut partner = stage.dial();
    let heard = stage.become_normal(&mut partner);
    stage.finish();
    Some(count(&heard, BACKUP))
}

/// Interop: P1.
#[test]
fn a_dhcpd_primary_gives_25_of_50_addresses() {
    let test = "pools::a_dhcpd_primary_gives_25_of_50_addresses";
    if let Some(given) = given(test, pool_of(50), &[]) {
        assert_eq!(given, 25);
    }
}

/// Interop: P1.
#[test]
fn twinlease_primary_gives_its_dhcpd_25_of_50_addresses() {
    let test = "pools::twinlease_primary_gives_its_dhcpd_25_of_50_addresses";
    let Some(scene) = Scene::normal(test, PRIMARY, pool_of(50)) else { return };
    wait_until("half of the pool to be given", SOON, || {
        [&scene.pair.primary, &scene.pair.secondary]
            .iter()
            .all(|server| server.database().count("backup") == 25)
    });
    scene.finish();
}

/// Interop: P2.
#[test]
fn a_dhcpd_primary_gives_the_addresses_of_its_partners_clients_first() {
    let test = "pools::a_dhcpd_primary_gives_the_addresses_of_its_partners_clients_first";
    for (answered_by, expected) in [(Role::Secondary, 12), (Role::Primary, 8)] {
        let setup = pool_of(20);
        let leases = used(&setup, answered_by, "free");
        if let Some(given) = given(test, setup, &leases) {
            assert_eq!(given, expected, "clients of the {answered_by:?}");
        }
    }
}

/// Interop: P3.
#[test]
fn a_dhcpd_secondary_without_addresses_asks_for_some() {
    let test = "pools::a_dhcpd_secondary_without_addresses_asks_for_some";
    let setup = Setup { dhcpd_peer: OFTEN, ..pool_of(40) };
    let Some((stage, mut partner)) = Stage::normal(test, Role::Secondary, setup) else { return };
    let request = partner.take(MessageType::POOLREQ);
    let answer = Message::answer(MessageType::POOLRESP, &request)
        .number(OptionCode::ADDRESSES_TRANSFERRED, 20);
    partner.send(&answer);
    for address in stage.setup.addresses().take(20) {
        assert_eq!(partner.update(&Message::update(address, BACKUP)), None);
    }
    let granted = Stage::obtain(&stage.relay(), &Client::number(1));
    assert!(stage.setup.addresses().take(20).any(|address| address == granted.address));
    stage.finish();
}

/// Interop: P3.
#[test]
fn a_dhcpd_secondary_leases_more_than_its_first_half_beside_a_twinlease_primary() {
    let test =
        "pools::a_dhcpd_secondary_leases_more_than_its_first_half_beside_a_twinlease_primary";
    leases_more_than_half(test, PRIMARY);
}

/// Interop: P4.
#[test]
fn twinlease_secondary_leases_more_than_its_first_half_beside_a_dhcpd_primary() {
    let test = "pools::twinlease_secondary_leases_more_than_its_first_half_beside_a_dhcpd_primary";
    leases_more_than_half(test, SECONDARY);
}

/// The secondary answers every client.
fn leases_more_than_half(test: &str, kinds: [Kind; 2]) {
    let pool = ([10, 78, 8, 1].into(), [10, 78, 8, 40].into());
    let setup = Setup { split: 0, pool, dhcpd_peer: OFTEN, ..Setup::default() };
    let Some(scene) = Scene::normal(test, kinds, setup) else { return };
    let relay = Relay::new(&scene.network, 4);
    let to = [Role::Secondary];
    for client in (0..30).map(Client::number) {
        let (_, offer) = relay.insist(&client.discover(), &to, 80).expect("an address is left");
        relay.insist(&client.select(&offer), &to, 20).expect("it is leased");
    }
    scene.pair.wait_equal();
    assert_eq!(scene.pair.primary.database().count("active"), 30);
    scene.finish();
}

/// Interop: P4.
#[test]
fn a_dhcpd_primary_answers_a_request_for_addresses_before_it_gives_them() {
    let test = "pools::a_dhcpd_primary_answers_a_request_for_addresses_before_it_gives_them";
    let setup = Setup { dhcpd_peer: SELDOM, ..pool_of(20) };
    let states = ["normal", "normal"];
    let Some(mut stage) = Stage::found(test, Role::Primary, setup, states, &[]) else { return };
    let mut partner = stage.dial();
    let heard = stage.become_normal(&mut partner);
    let ours = heard.iter().filter(|heard| heard.kind == MessageType::BNDUPD).map(Heard::address);
    for (number, address) in ours.take(6).enumerate() {
        let hardware = Client::number(u16::try_from(number).unwrap()).hardware;
        assert_eq!(partner.update(&Message::lease(address, ACTIVE, hardware, 300)), None);
    }
    // It has 10 and its partner 4; after that nobody is short.
    for expected in [3, 0] {
        let xid = partner.send(&Message::new(MessageType::POOLREQ));
        let answer = partner.next();
        assert_eq!((answer.kind, answer.xid), (MessageType::POOLRESP, xid));
        assert_eq!(answer.number(OptionCode::ADDRESSES_TRANSFERRED), Some(expected));
        let updates = partner.accept_all();
        assert_eq!(count(&updates, BACKUP), usize::try_from(expected).unwrap());
    }
    stage.finish();
}

/// Interop: P5.
#[test]
fn a_dhcpd_secondary_returns_what_it_has_too_much() {
    let test = "pools::a_dhcpd_secondary_returns_what_it_has_too_much";
    let setup = Setup { dhcpd_peer: OFTEN, ..pool_of(20) };
    let Some((stage, mut partner)) = Stage::normal(test, Role::Secondary, setup) else { return };
    for address in stage.setup.addresses() {
        partner.send(&Message::update(address, BACKUP));
    }
    let mut returned = 0;
    let end = Instant::now() + SOON;
    while returned < 10 && Instant::now() < end {
        returned += count(&partner.accept_all(), FREE);
    }
    assert_eq!(returned, 10);
    stage.finish();
}

/// Interop: P5.
#[test]
fn twinlease_primary_takes_back_what_its_dhcpd_has_too_much() {
    let test = "pools::twinlease_primary_takes_back_what_its_dhcpd_has_too_much";
    let setup = Setup { mclt: 5, ..pool_of(40) };
    let Some(mut scene) = Scene::stopped(test, PRIMARY, setup) else { return };
    let states = Relationship {
        my_state: "normal".to_owned(),
        partner_state: "normal".to_owned(),
        mclt: Some(scene.setup.mclt),
    };
    let head = states.to_text(RELATIONSHIP, i64::from(now()) - 86_400);
    let leases = used(&scene.setup, Role::Primary, "backup");
    let file = leases.iter().fold(head, |text, (address, lease)| text + &lease.to_text(*address));
    scene.pair.secondary.dhcpd().set_lease_file(&file);
    scene.pair.primary.start();
    scene.pair.secondary.start();
    scene.pair.wait_normal(SOON);
    // All were used by clients of the primary, so that it gets four more than half.
    wait_until("the surplus to be returned", SOON, || {
        [&scene.pair.primary, &scene.pair.secondary]
            .iter()
            .all(|server| server.database().count("backup") == 16)
    });
    scene.pair.wait_equal();
    scene.finish();
}

/// Interop: P6.
#[test]
fn a_pool_whose_clients_come_and_go_stays_divided_beside_a_twinlease_primary() {
    let test = "pools::a_pool_whose_clients_come_and_go_stays_divided_beside_a_twinlease_primary";
    comes_to_rest(test, PRIMARY);
}

/// Interop: P6.
#[test]
fn a_pool_whose_clients_come_and_go_stays_divided_beside_a_twinlease_secondary() {
    let test = "pools::a_pool_whose_clients_come_and_go_stays_divided_beside_a_twinlease_secondary";
    comes_to_rest(test, SECONDARY);
}

/// Half a minute of clients that stay for some seconds, with a dhcpd that looks at its pool every other second. Hours of
/// it, without a dhcpd: tests/endpoint, `soak`.
fn comes_to_rest(test: &str, kinds: [Kind; 2]) {
    let pool = ([10, 78, 8, 1].into(), [10, 78, 8, 60].into());
    let times = Setup { mclt: 4, default_lease_time: 4, max_lease_time: 4, ..Setup::default() };
    let setup = Setup { pool, dhcpd_peer: OFTEN, ..times };
    let Some(mut scene) = Scene::normal(test, kinds, setup) else { return };
    let relay = Relay::new(&scene.network, 4);
    let end = Instant::now() + Duration::from_secs(25);
    for number in (0..40).cycle().take_while(|_| Instant::now() < end) {
        relay.obtain(&Client::number(number), 40).unwrap();
        std::thread::sleep(Duration::from_millis(100));
    }
    wait_until("the leases to run out", SOON, || {
        [&scene.pair.primary, &scene.pair.secondary]
            .iter()
            .all(|server| server.database().count("active") == 0)
    });
    // A server that has no more than three twentieths of the pool beyond its half is left alone.
    wait_until("the pool to be shared out", SOON, || {
        let backup = scene.pair.primary.database().count("backup");
        backup.abs_diff(scene.setup.pool_size() - backup) <= 2 * 9 + 1
    });
    scene.pair.wait_equal();
    let requests = scene.conclude().messages(MessageType::POOLREQ);
    assert!(requests <= 3, "{requests} requests for addresses in half a minute");
}
