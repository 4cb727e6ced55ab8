//! What dhcpd says in its updates, what it answers to its partner's, and when.

use std::net::Ipv4Addr;
use std::time::Duration;

use twinlease::wire::codes::{MessageType, OptionCode};

use crate::support::packet::Client;
use crate::support::partner::{Heard, Message, Partner};
use crate::support::relay::{Granted, Relay};
use crate::support::setup::{Role, Setup};
use crate::support::stage::{
    ABANDONED, ACTIVE, BACKUP, EXPIRED, FREE, NORMAL, PARTNER_DOWN, RECOVER, RELEASED, Stage,
};

/// A client that nobody but the script knows.
const STRANGER: [u8; 6] = [2, 0x7e, 1, 0, 0, 1];

/// 13, 18, 25 and 6 of an update: end of the lease, promise, start of the status, last word of the client.
fn times(update: &Heard) -> [Option<u32>; 4] {
    [
        OptionCode::LEASE_EXPIRATION_TIME,
        OptionCode::POTENTIAL_EXPIRATION_TIME,
        OptionCode::START_TIME_OF_STATE,
        OptionCode::CLIENT_LAST_TRANSACTION_TIME,
    ]
    .map(|code| update.number(code))
}

/// A lease of a dhcpd primary, which its partner has been told and has not answered.
fn untold(partner: &mut Partner, relay: &Relay, client: &Client) -> (Granted, Heard) {
    let granted = Stage::obtain(relay, client);
    let update = partner.take(MessageType::BNDUPD);
    assert_eq!((update.address(), update.status()), (granted.address, ACTIVE));
    (granted, update)
}

/// The same, acknowledged.
fn told(partner: &mut Partner, relay: &Relay, client: &Client) -> (Granted, Heard) {
    let (granted, update) = untold(partner, relay, client);
    partner.acknowledge(&update);
    (granted, update)
}

/// Interop: U1, U2, U3.
#[test]
fn dhcpd_promises_more_than_it_grants_and_keeps_quiet_about_an_early_renewal() {
    let test = "updates::dhcpd_promises_more_than_it_grants_and_keeps_quiet_about_an_early_renewal";
    let setup = Setup { mclt: 12, dhcpd_global: "", ..Stage::setup() };
    let Some((stage, mut partner)) = Stage::normal(test, Role::Primary, setup) else { return };
    let relay = stage.relay();
    let client = Client::number(2);
    let (granted, first) = told(&mut partner, &relay, &client);
    assert_eq!(granted.lease_time, 12);
    assert_eq!(first.codes(), [2, 3, 4, 5, 13, 18, 25, 6]);
    assert_eq!(first.option(OptionCode::CLIENT_IDENTIFIER), client.identifier.as_deref());
    let hardware = [&[1], &client.hardware[..]].concat();
    assert_eq!(first.option(OptionCode::CLIENT_HARDWARE_ADDRESS), Some(&hardware[..]));
    let start = first.number(OptionCode::START_TIME_OF_STATE).unwrap();
    assert_eq!(times(&first), [12, 600 + 6, 0, 0].map(|after| Some(start + after)));

    // In the first quarter of its life a lease is confirmed as it is, and the partner hears nothing; then it is as long as
    // the client may have it, because the partner knows.
    let renew = || relay.renew(&client, granted.address, &[Role::Primary], 20).unwrap().lease_time;
    let early = renew();
    assert!(early <= 12, "{early}");
    assert_eq!(partner.so_far(), []);
    while renew() != 600 {
        std::thread::sleep(Duration::from_millis(300));
    }
    let second = partner.take(MessageType::BNDUPD);
    let start = second.number(OptionCode::START_TIME_OF_STATE).unwrap();
    assert_eq!(times(&second), [600, 600 + 300, 0, 0].map(|after| Some(start + after)));
    stage.finish();
}

/// Interop: U4.
#[test]
fn a_lease_released_at_a_dhcpd_primary_is_free_once_the_partner_agrees() {
    let test = "updates::a_lease_released_at_a_dhcpd_primary_is_free_once_the_partner_agrees";
    let Some((stage, mut partner)) = Stage::normal(test, Role::Primary, Stage::setup()) else {
        return;
    };
    let relay = stage.relay();
    for owner in [Role::Primary, Role::Secondary] {
        let client = stage.setup.clients_of(owner).next().unwrap();
        let (granted, active) = told(&mut partner, &relay, &client);
        stage.wait_lease(granted.address, |lease| lease.atsfp.is_some());
        let server = Role::Primary.address();
        relay.send(&client.release(granted.address, server), &[Role::Primary]);
        let update = partner.take(MessageType::BNDUPD);
        assert_eq!((update.address(), update.status()), (granted.address, RELEASED));
        let [end, promise, start, heard] = times(&update);
        assert_eq!((end, start, heard), (promise, times(&active)[2], times(&active)[3]));
        assert!(end >= heard, "{update:?}");
        partner.acknowledge(&update);
        // The address of a client that the partner answers goes to the partner.
        let expected = if owner == Role::Primary { "free" } else { "backup" };
        stage.wait_lease(granted.address, |lease| lease.binding_state == expected);
        let heard = partner.accept_all();
        let offered: Vec<_> =
            heard.iter().map(|update| (update.address(), update.status())).collect();
        let to_partner = (owner == Role::Secondary).then_some((granted.address, BACKUP));
        assert_eq!(offered, Vec::from_iter(to_partner));
    }
    stage.finish();
}

/// Interop: U5.
#[test]
fn a_dhcpd_primary_reports_the_end_of_a_lease_with_the_promise_that_it_made() {
    let test = "updates::a_dhcpd_primary_reports_the_end_of_a_lease_with_the_promise_that_it_made";
    let setup = Setup { mclt: 3, ..Stage::setup() };
    let Some((stage, mut partner)) = Stage::normal(test, Role::Primary, setup) else { return };
    let client = stage.setup.clients_of(Role::Primary).next().unwrap();
    let (granted, active) = told(&mut partner, &stage.relay(), &client);
    let expired = partner.take(MessageType::BNDUPD);
    assert_eq!((expired.address(), expired.status()), (granted.address, EXPIRED));
    assert_eq!(times(&expired), times(&active));
    assert!(times(&expired)[1] > Some(expired.time), "the promise is not over");
    partner.acknowledge(&expired);
    stage.wait_lease(granted.address, |lease| lease.binding_state == "free");
    stage.finish();
}

/// Interop: U6.
#[test]
fn dhcpd_reports_a_declined_address_without_its_client() {
    let test = "updates::dhcpd_reports_a_declined_address_without_its_client";
    let Some((stage, mut partner)) = Stage::normal(test, Role::Primary, Stage::setup()) else {
        return;
    };
    let (relay, client) = (stage.relay(), Client::number(2));
    let (granted, active) = told(&mut partner, &relay, &client);
    relay.send(&client.decline(granted.address, Role::Primary.address()), &[Role::Primary]);
    let update = partner.take(MessageType::BNDUPD);
    assert_eq!((update.address(), update.status()), (granted.address, ABANDONED));
    assert_eq!(update.codes(), [2, 3, 13, 18, 25, 6]);
    let [end, promise, start, heard] = times(&update);
    assert!(end >= start.map(|start| start + 86_400), "{update:?}");
    assert_eq!([promise, start, heard], times(&active)[1..]);
    stage.finish();
}

/// Interop: U7.
#[test]
fn a_dhcpd_primary_stores_the_lease_of_its_partner_with_the_promise() {
    let test = "updates::a_dhcpd_primary_stores_the_lease_of_its_partner_with_the_promise";
    let Some((stage, mut partner)) = Stage::normal(test, Role::Primary, Stage::setup()) else {
        return;
    };
    let address = stage.setup.pool.1;
    let lease = Message::lease(address, ACTIVE, STRANGER, 300);
    assert_eq!(partner.update(&lease), None);
    let stored = stage.wait_lease(address, |lease| lease.binding_state == "active");
    let promise = lease.value(OptionCode::POTENTIAL_EXPIRATION_TIME);
    assert_eq!((stored.tsfp, stored.atsfp), (promise, promise));
    assert_eq!(stored.ends, lease.value(OptionCode::LEASE_EXPIRATION_TIME));
    stage.finish();
}

/// Interop: U8, U22, U23, U24, U21.
#[test]
fn what_a_dhcpd_primary_rejects_of_its_secondary() {
    let test = "updates::what_a_dhcpd_primary_rejects_of_its_secondary";
    let Some((stage, mut partner)) = Stage::normal(test, Role::Primary, Stage::setup()) else {
        return;
    };
    let address = stage.setup.pool.1;
    assert_eq!(partner.update(&Message::lease(address, ACTIVE, STRANGER, 300)), None);
    assert_eq!(partner.update(&Message::lease(address, EXPIRED, STRANGER, 0)), Some(2));
    let hardware = OptionCode::CLIENT_HARDWARE_ADDRESS;
    let nobody = Message::lease(address, ACTIVE, STRANGER, 300).without(hardware);
    assert_eq!(partner.update(&nobody), Some(3));
    let abandoned = Message::lease(address, ABANDONED, STRANGER, 300);
    assert_eq!(partner.update(&abandoned), Some(6));
    assert_eq!(partner.update(&abandoned.without(hardware)), None);
    let outside = Ipv4Addr::from(u32::from(address) + 1);
    assert_eq!(partner.update(&Message::lease(outside, ACTIVE, STRANGER, 300)), Some(1));
    let reserved = |address| Message::update(address, FREE).with(OptionCode::IP_FLAGS, [0, 1]);
    // One half is its own.
    let backup = stage.dhcpd.lease_file().leases;
    let own = stage.setup.addresses().find(|address| !backup.contains_key(address)).unwrap();
    assert_eq!(partner.update(&reserved(own)), Some(19));
    stage.finish();
}

/// Interop: U9.
#[test]
fn a_dhcpd_primary_returns_what_a_client_of_its_partner_released_there() {
    let test = "updates::a_dhcpd_primary_returns_what_a_client_of_its_partner_released_there";
    let Some((stage, mut partner)) = Stage::normal(test, Role::Primary, Stage::setup()) else {
        return;
    };
    let mut clients = stage.setup.clients_of(Role::Secondary).filter(|c| c.identifier.is_none());
    let (hardware, address) = (clients.next().unwrap().hardware, stage.setup.pool.1);
    assert_eq!(partner.update(&Message::lease(address, ACTIVE, hardware, 300)), None);
    assert_eq!(partner.update(&Message::lease(address, RELEASED, hardware, 0)), None);
    let offer = partner.take(MessageType::BNDUPD);
    assert_eq!((offer.address(), offer.status()), (address, BACKUP));
    stage.finish();
}

/// Interop: U10, U11.
#[test]
fn a_dhcpd_secondary_takes_the_end_of_a_lease_from_its_primary_when_it_is_near() {
    let test =
        "updates::a_dhcpd_secondary_takes_the_end_of_a_lease_from_its_primary_when_it_is_near";
    let Some((stage, mut partner)) = Stage::normal(test, Role::Secondary, Stage::setup()) else {
        return;
    };
    for (address, seconds, answer) in
        [(stage.setup.pool.0, 30, None), (stage.setup.pool.1, 120, Some(2))]
    {
        assert_eq!(partner.update(&Message::lease(address, ACTIVE, STRANGER, seconds)), None);
        let expired = Message::lease(address, EXPIRED, STRANGER, seconds);
        assert_eq!(partner.update(&expired), answer, "{seconds} seconds before the end");
    }
    stage.wait_lease(stage.setup.pool.0, |lease| lease.binding_state == "free");
    stage.wait_lease(stage.setup.pool.1, |lease| lease.binding_state == "active");
    stage.finish();
}

/// Interop: U12.
#[test]
fn a_dhcpd_secondary_allocates_what_its_primary_gave_it() {
    let test = "updates::a_dhcpd_secondary_allocates_what_its_primary_gave_it";
    let Some((stage, mut partner)) = Stage::normal(test, Role::Secondary, Stage::setup()) else {
        return;
    };
    let given = give(&stage, &mut partner, 5);
    let granted = Stage::obtain(&stage.relay(), &Client::number(1));
    assert!(given.contains(&granted.address), "{granted:?}");
    stage.finish();
}

/// Gives a dhcpd secondary its first addresses.
fn give(stage: &Stage, partner: &mut Partner, count: usize) -> Vec<Ipv4Addr> {
    let given: Vec<_> = stage.setup.addresses().take(count).collect();
    for address in &given {
        assert_eq!(partner.update(&Message::update(*address, BACKUP)), None);
    }
    given
}

/// The same client, heard by both servers while dhcpd's update is under way: the reason of the rejection.
fn duel(role: Role, later_by: i64) -> Option<Result<(), u8>> {
    let test = "updates::dhcpd_settles_an_update_that_crosses_its_own_by_who_heard_the_client_last";
    let (stage, mut partner) = Stage::normal(test, role, Stage::setup())?;
    if role == Role::Secondary {
        give(&stage, &mut partner, 5);
    }
    let client = Client::number(1);
    let (granted, own) = untold(&mut partner, &stage.relay(), &client);
    let heard = i64::from(own.number(OptionCode::CLIENT_LAST_TRANSACTION_TIME).unwrap());
    let ours = Message::lease(granted.address, ACTIVE, client.hardware, 500)
        .number(OptionCode::CLIENT_LAST_TRANSACTION_TIME, u32::try_from(heard + later_by).unwrap());
    let answer = partner.update(&ours);
    let promise = match answer {
        Some(_) => own.number(OptionCode::POTENTIAL_EXPIRATION_TIME).map(i64::from),
        None => ours.value(OptionCode::POTENTIAL_EXPIRATION_TIME),
    };
    // Its own update counts if it rejected ours, and else the late answer to it changes nothing.
    partner.acknowledge(&own);
    assert_eq!(partner.so_far(), []);
    stage.wait_lease(granted.address, |lease| lease.atsfp == promise);
    stage.finish();
    Some(answer.map_or(Ok(()), Err))
}

/// Interop: U13, U14, U15.
#[test]
fn dhcpd_settles_an_update_that_crosses_its_own_by_who_heard_the_client_last() {
    for (role, later_by, expected) in [
        (Role::Primary, -10, Err(16)),
        (Role::Primary, 10, Ok(())),
        (Role::Primary, 0, Err(16)),
        (Role::Secondary, -10, Err(16)),
        (Role::Secondary, 10, Ok(())),
        (Role::Secondary, 0, Ok(())),
    ] {
        if let Some(answer) = duel(role, later_by) {
            assert_eq!(answer, expected, "dhcpd as {role:?}, the partner heard {later_by} s later");
        }
    }
}

/// Interop: U16.
#[test]
fn dhcpd_collects_its_answers() {
    let test = "updates::dhcpd_collects_its_answers";
    let states = ["normal", "normal"];
    let Some(mut stage) = Stage::found(test, Role::Secondary, Stage::setup(), states, &[]) else {
        return;
    };
    let mut partner = stage.dial();
    stage.shake_hands_with_window(&mut partner, 10);
    partner.send(&Message::state(NORMAL, 0));
    partner.take(MessageType::STATE);
    let addresses: Vec<_> = stage.setup.addresses().collect();
    // The fifth fills half of the window; what comes before does not, and a rejection does not wait with it.
    for address in &addresses[..4] {
        partner.send(&Message::update(*address, BACKUP));
    }
    assert_eq!(partner.so_far(), []);
    partner.send(&Message::update(addresses[4], BACKUP));
    assert_eq!(partner.so_far().len(), 5);
    // One alone is answered all the same.
    assert_eq!(partner.update(&Message::update(addresses[5], BACKUP)), None);
    stage.finish();
}

/// Interop: U17.
#[test]
fn dhcpd_keeps_to_the_window_of_its_partner() {
    let test = "updates::dhcpd_keeps_to_the_window_of_its_partner";
    let Some(mut stage) = Stage::started(test, Role::Secondary, Stage::setup()) else { return };
    let mut partner = stage.dial();
    stage.shake_hands_with_window(&mut partner, 3);
    partner.send(&Message::new(MessageType::UPDREQALL));
    let mut received = 0;
    while received < stage.setup.pool_size() {
        let updates = partner.so_far();
        assert!((1..=3).contains(&updates.len()), "{updates:?}");
        received += updates.len();
        for update in updates {
            partner.acknowledge(&update);
        }
    }
    partner.take(MessageType::UPDDONE);
    stage.finish();
}

/// Interop: U18.
#[test]
fn a_dhcpd_with_nothing_to_tell_is_done_at_once() {
    let test = "updates::a_dhcpd_with_nothing_to_tell_is_done_at_once";
    let Some((stage, mut partner)) = Stage::normal(test, Role::Primary, Stage::setup()) else {
        return;
    };
    let xid = partner.send(&Message::new(MessageType::UPDREQ));
    let done = partner.next();
    assert_eq!((done.kind, done.xid), (MessageType::UPDDONE, xid));
    stage.finish();
}

/// Interop: U19.
#[test]
fn a_dhcpd_in_partner_down_goes_on_only_when_old_updates_are_answered() {
    let test = "updates::a_dhcpd_in_partner_down_goes_on_only_when_old_updates_are_answered";
    let states = ["partner-down", "normal"];
    let Some(mut stage) = Stage::found(test, Role::Primary, Stage::setup(), states, &[]) else {
        return;
    };
    let ask = |stage: &mut Stage| {
        let mut partner = stage.dial();
        stage.shake_hands_with_window(&mut partner, 3);
        partner.send(&Message::state(RECOVER, 0));
        let xid = partner.send(&Message::new(MessageType::UPDREQALL));
        (partner, xid)
    };
    let updates_of = |partner: &mut Partner| {
        let mut heard = partner.so_far();
        heard.retain(|heard| heard.kind == MessageType::BNDUPD);
        heard
    };
    let (mut partner, _) = ask(&mut stage);
    let unanswered = updates_of(&mut partner);
    assert_eq!(unanswered.len(), 3);
    drop(partner);

    let (mut partner, xid) = ask(&mut stage);
    assert_eq!(updates_of(&mut partner), []);
    for update in &unanswered {
        partner.acknowledge(update);
    }
    let heard = partner.accept_all();
    let done = heard.iter().find(|heard| heard.kind == MessageType::UPDDONE).unwrap();
    assert_eq!(done.xid, xid);
    stage.finish();
}

/// Interop: U20.
#[test]
fn dhcpd_forgets_a_client_identifier_that_an_update_leaves_out() {
    let test = "updates::dhcpd_forgets_a_client_identifier_that_an_update_leaves_out";
    let Some((stage, mut partner)) = Stage::normal(test, Role::Primary, Stage::setup()) else {
        return;
    };
    let address = stage.setup.pool.1;
    let lease = Message::lease(address, ACTIVE, STRANGER, 300);
    let identified = lease.clone().with(OptionCode::CLIENT_IDENTIFIER, [0, 1, 2]);
    assert_eq!(partner.update(&identified), None);
    stage.wait_lease(address, |lease| lease.uid.as_deref() == Some(&[0, 1, 2]));
    assert_eq!(partner.update(&lease), None);
    stage.wait_lease(address, |lease| lease.uid.is_none());
    stage.finish();
}

/// Interop: U26.
#[test]
fn dhcpd_skips_what_it_does_not_know_in_an_update() {
    let test = "updates::dhcpd_skips_what_it_does_not_know_in_an_update";
    let Some((stage, mut partner)) = Stage::normal(test, Role::Primary, Stage::setup()) else {
        return;
    };
    let lease = [7, 8, 17, 30, 4000]
        .into_iter()
        .fold(Message::lease(stage.setup.pool.1, ACTIVE, STRANGER, 300), |lease, code| {
            lease.with(OptionCode(code), [1, 2, 3])
        });
    assert_eq!(partner.update(&lease), None);
    stage.finish();
}

/// Interop: U27.
#[test]
fn a_lease_that_came_and_went_while_the_two_were_apart_is_reported_free() {
    let test = "updates::a_lease_that_came_and_went_while_the_two_were_apart_is_reported_free";
    let setup = Setup { mclt: 3, ..Stage::setup() };
    let Some((mut stage, partner)) = Stage::normal(test, Role::Primary, setup) else { return };
    drop(partner);
    stage.wait_state("communications-interrupted");
    let client = stage.setup.clients_of(Role::Primary).next().unwrap();
    let granted = Stage::obtain(&stage.relay(), &client);
    stage.wait_lease(granted.address, |lease| lease.binding_state == "active");
    stage.wait_lease(granted.address, |lease| lease.binding_state == "free");
    let mut partner = stage.dial();
    let heard = stage.become_normal(&mut partner);
    let told = statuses(&heard, granted.address);
    assert!(told == [FREE] || told == [FREE, BACKUP], "{heard:?}");
    stage.finish();
}

/// Interop: U28.
#[test]
fn dhcpd_frees_an_address_that_its_partner_abandoned() {
    let test = "updates::dhcpd_frees_an_address_that_its_partner_abandoned";
    let Some((stage, mut partner)) = Stage::normal(test, Role::Secondary, Stage::setup()) else {
        return;
    };
    let address = stage.setup.pool.1;
    let abandoned = Message::lease(address, ABANDONED, STRANGER, 3)
        .without(OptionCode::CLIENT_HARDWARE_ADDRESS)
        .number(OptionCode::POTENTIAL_EXPIRATION_TIME, 0);
    assert_eq!(partner.update(&abandoned), None);
    let free = partner.take(MessageType::BNDUPD);
    assert_eq!((free.address(), free.status()), (address, FREE));
    assert_eq!(free.number(OptionCode::POTENTIAL_EXPIRATION_TIME), Some(0));
    // Even when the partner does the same at the same moment.
    let crossing = Message::update(address, FREE);
    assert_eq!(partner.update(&crossing), None);
    partner.acknowledge(&free);
    stage.wait_lease(address, |lease| lease.binding_state == "free");
    stage.finish();
}

/// Sends an update and loses the connection before dhcpd has answered; how often the answer comes on the next connection.
fn lost_answers(stage: &mut Stage, address: Ipv4Addr, pause: Duration) -> usize {
    let mut partner = stage.dial();
    stage.become_normal(&mut partner);
    let xid = partner.send(&Message::update(address, BACKUP));
    assert_eq!(partner.so_far(), []);
    drop(partner);
    std::thread::sleep(pause);
    let mut partner = stage.dial();
    let heard = stage.become_normal(&mut partner);
    let is_answer = |heard: &&Heard| heard.kind == MessageType::BNDACK && heard.xid == xid;
    let answers = heard.iter().filter(is_answer).count();
    assert_eq!(partner.update(&Message::update(address, BACKUP)), None);
    answers
}

/// Interop: U28a, U28b.
#[test]
fn an_answer_that_dhcpd_held_back_when_the_connection_broke_comes_on_the_next_one_or_never() {
    let test = "updates::an_answer_that_dhcpd_held_back_when_the_connection_broke_comes_on_the_next_one_or_never";
    let states = ["normal", "normal"];
    let Some(mut stage) = Stage::found(test, Role::Secondary, Stage::setup(), states, &[]) else {
        return;
    };
    let addresses: Vec<_> = stage.setup.addresses().collect();
    // dhcpd holds an answer back for two seconds: whoever takes longer never gets it.
    assert_eq!(lost_answers(&mut stage, addresses[0], Duration::from_secs(4)), 0);
    // A machine that is busy may be too slow once.
    let mut fast = addresses[1..6].iter();
    assert!(fast.any(|address| lost_answers(&mut stage, *address, Duration::ZERO) == 1));
    stage.finish();
}

/// Interop: U29.
#[test]
fn a_dhcpd_in_conflict_keeps_a_lease_that_its_partner_calls_free() {
    let test = "updates::a_dhcpd_in_conflict_keeps_a_lease_that_its_partner_calls_free";
    let Some((mut stage, mut partner)) = Stage::normal(test, Role::Primary, Stage::setup()) else {
        return;
    };
    let client = Client::number(1);
    let (granted, _) = told(&mut partner, &stage.relay(), &client);
    drop(partner);
    stage.wait_state("communications-interrupted");
    let mut partner = stage.dial();
    stage.shake_hands(&mut partner);
    partner.send(&Message::state(PARTNER_DOWN, 0));
    partner.take(MessageType::UPDREQ);
    stage.wait_state("potential-conflict");
    assert_eq!(partner.update(&Message::update(granted.address, FREE)), Some(2));
    partner.send(&Message::new(MessageType::UPDREQALL));
    assert_eq!(statuses(&partner.accept_all(), granted.address), [ACTIVE]);
    stage.finish();
}

/// What was said of an address, in order.
fn statuses(heard: &[Heard], address: Ipv4Addr) -> Vec<u8> {
    heard.iter().filter(|heard| heard.is_update_of(address)).map(Heard::status).collect()
}
