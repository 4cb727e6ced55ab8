//! Updates in both directions: windows, requests, rejections (§7.1 to §7.5).

use std::net::Ipv4Addr;

use twinlease::balance::{HashBuckets, Role};
use twinlease::binding::AddressRange;
use twinlease::binding::table::RangeId;
use twinlease::endpoint::{BindingChange, Grant, Input, LeaseAuthority, LeaseDetails};
use twinlease::time::UnixTime;
use twinlease::wire::bndupd::{BindingReply, BindingUpdate, BndAck};
use twinlease::wire::codes::{
    BindingStatus, FailoverState, IpFlags, MessageType, RejectReason, Xid,
};
use twinlease::wire::connect::{Connect, Reject};
use twinlease::wire::dialect::Dialect;
use twinlease::wire::message::Message;

use crate::support::scripted::{DHCPD, Script, good_connect};
use crate::support::{START, address, client, config};

const HARDWARE: &[u8] = &[1, 2, 0, 94, 16, 0, 1];

fn active() -> BindingUpdate<'static> {
    BindingUpdate {
        address: address(12),
        binding_status: Some(BindingStatus::Active.code()),
        client_hardware_address: Some(HARDWARE),
        lease_expiration: Some(UnixTime(START + 600)),
        potential_expiration: Some(UnixTime(START + 4200)),
        start_of_status: Some(UnixTime(START)),
        client_last_transaction: Some(UnixTime(START)),
        ..BindingUpdate::default()
    }
}

#[track_caller]
fn answer(update: BindingUpdate<'_>) -> Option<RejectReason> {
    let mut script = Script::normal_secondary();
    let xid = script.update(update);
    let ack = script.take(MessageType::BNDACK);
    assert_eq!(ack.xid, xid);
    ack.reject()
}

/// Holds: FO-7.1-1, FO-7.2.1-1, FO-7.2-7.
/// Holds: FO-6.1-18, FO-6.1-22.
#[test]
fn a_good_update_is_accepted_with_its_xid() {
    assert_eq!(answer(active()), None);
}

/// Holds: FO-7.1.3-2.
#[test]
fn an_address_outside_the_ranges_is_illegal() {
    let update = BindingUpdate { address: address(250), ..active() };
    assert_eq!(answer(update), Some(RejectReason::ILLEGAL_ADDRESS));
}

/// Holds: FO-2.2-3.
#[test]
fn an_update_without_status_misses_binding_information() {
    let update = BindingUpdate { binding_status: None, ..active() };
    assert_eq!(answer(update), Some(RejectReason::MISSING_BINDING_INFORMATION));
}

#[test]
fn a_status_of_8_is_missing_binding_information() {
    let update = BindingUpdate { binding_status: Some(8), ..active() };
    assert_eq!(answer(update), Some(RejectReason::MISSING_BINDING_INFORMATION));
}

/// Holds: FO-7.1.3-1.
#[test]
fn active_without_hardware_address_misses_binding_information() {
    let update = BindingUpdate { client_hardware_address: None, ..active() };
    assert_eq!(answer(update), Some(RejectReason::MISSING_BINDING_INFORMATION));
}

#[test]
fn active_without_potential_expiration_misses_binding_information() {
    let update = BindingUpdate { potential_expiration: None, ..active() };
    assert_eq!(answer(update), Some(RejectReason::MISSING_BINDING_INFORMATION));
}

/// A time of 0 stands for no time (§6.2).
#[test]
fn active_with_a_lease_expiration_of_0_misses_binding_information() {
    let update = BindingUpdate { lease_expiration: Some(UnixTime(0)), ..active() };
    assert_eq!(answer(update), Some(RejectReason::MISSING_BINDING_INFORMATION));
}

#[test]
fn active_with_a_potential_expiration_of_0_is_accepted() {
    let update = BindingUpdate { potential_expiration: Some(UnixTime(0)), ..active() };
    assert_eq!(answer(update), None);
}

#[test]
fn a_release_older_than_what_is_known_is_outdated() {
    let mut script = Script::normal_secondary();
    script.update(active());
    script.take(MessageType::BNDACK);
    script.update(BindingUpdate {
        binding_status: Some(BindingStatus::Released.code()),
        client_last_transaction: Some(UnixTime(START)),
        ..active()
    });
    assert_eq!(script.take(MessageType::BNDACK).reject(), Some(RejectReason::OUTDATED));
}

/// Holds: FO-5.11-30.
#[test]
fn an_accepted_release_is_stored_as_free() {
    let mut script = Script::normal_secondary();
    script.update(active());
    script.update(BindingUpdate {
        binding_status: Some(BindingStatus::Released.code()),
        client_last_transaction: Some(UnixTime(START + 1)),
        ..active()
    });
    let status = script.endpoint.table().status_of(address(12));
    assert_eq!(status, Some(BindingStatus::Free));
}

/// The promise with which a lease that the partner granted is told to it when it asks for all.
#[track_caller]
fn promise_repeated(told: u32) -> UnixTime {
    let mut script = Script::normal_secondary();
    script.update(BindingUpdate { potential_expiration: Some(UnixTime(told)), ..active() });
    script.tell(&Message::UpdReqAll);
    let update = script.take(MessageType::BNDUPD);
    let Message::BndUpd(bndupd) = update.message(Dialect::Isc) else { unreachable!() };
    bndupd.updates().next().unwrap().potential_expiration.unwrap()
}

#[test]
fn a_lease_of_the_partner_is_repeated_with_its_own_promise() {
    assert_eq!(promise_repeated(START + 4200), UnixTime(START + 4200));
}

/// dhcpd repeats leases with a potential-expiration-time of 0 (§7.1.1: later than the lease).
#[test]
fn a_lease_without_promise_is_repeated_with_one_later_than_its_end() {
    assert_eq!(promise_repeated(0), UnixTime(START + 601));
}

/// A dhcpd secondary reports EXPIRED; both servers know the same end.
#[track_caller]
fn answer_to_expiry(seconds_before_the_end: u32) -> Option<RejectReason> {
    let mut script = Script::normal_primary();
    let update = BindingUpdate {
        lease_expiration: Some(UnixTime(START + seconds_before_the_end)),
        ..active()
    };
    script.update(update);
    script.take(MessageType::BNDACK);
    let status = Some(BindingStatus::Expired.code());
    script.update(BindingUpdate { binding_status: status, ..update });
    script.take(MessageType::BNDACK).reject()
}

#[test]
fn a_primary_takes_no_expiry_long_before_the_end() {
    assert_eq!(answer_to_expiry(20), Some(RejectReason::OUTDATED));
}

#[test]
fn a_primary_takes_an_expiry_that_clocks_explain() {
    assert_eq!(answer_to_expiry(2), None);
}

/// As dhcpd sends it: the end of the lease is the moment of the release, the rest is as it was.
#[track_caller]
fn answer_to_release_of_dhcpd(released: u32) -> Option<RejectReason> {
    let mut script = Script::normal_secondary();
    script.update(active());
    script.take(MessageType::BNDACK);
    script.update(BindingUpdate {
        binding_status: Some(BindingStatus::Released.code()),
        lease_expiration: Some(UnixTime(released)),
        potential_expiration: Some(UnixTime(released)),
        ..active()
    });
    script.take(MessageType::BNDACK).reject()
}

#[test]
fn a_release_of_dhcpd_is_as_late_as_its_lease_expiration() {
    assert_eq!(answer_to_release_of_dhcpd(START + 1), None);
}

#[test]
fn a_release_of_dhcpd_in_the_second_of_the_lease_is_accepted() {
    assert_eq!(answer_to_release_of_dhcpd(START), None);
}

#[test]
fn a_release_of_dhcpd_before_the_lease_is_outdated() {
    assert_eq!(answer_to_release_of_dhcpd(START - 1), Some(RejectReason::OUTDATED));
}

/// The partner did not know of the lease when it heard of a release: it means an earlier one.
#[test]
fn a_release_of_dhcpd_in_the_second_of_a_lease_that_it_has_not_heard_of_changes_nothing() {
    let mut script = Script::normal_primary();
    let (now, leased, client) = (script.now, address(25), client(1));
    let grant = script.endpoint.grant(leased, &client, 600, now);
    let details = LeaseDetails::default();
    let change = BindingChange::Leased { address: leased, client, grant, details };
    script.endpoint.record(now, change).unwrap();
    script.update(BindingUpdate {
        address: leased,
        binding_status: Some(BindingStatus::Released.code()),
        lease_expiration: Some(now.wall),
        potential_expiration: Some(now.wall),
        ..active()
    });
    assert_eq!(script.take(MessageType::BNDACK).reject(), Some(RejectReason::OUTDATED));
    assert_eq!(script.endpoint.table().status_of(leased), Some(BindingStatus::Active));
}

/// A primary in NORMAL that waits 40 seconds for answers, with two leases that the partner was told of.
fn awaiting_two_answers() -> Script {
    let mut relationship = config(Role::Primary, 20);
    relationship.acknowledgement_wait = Some(std::time::Duration::from_secs(40));
    let mut script = Script::normal_primary_of(relationship);
    for (leased, number) in [(address(24), 1), (address(25), 2)] {
        let (now, client) = (script.now, client(number));
        let grant = script.endpoint.grant(leased, &client, 600, now);
        let details = LeaseDetails::default();
        let change = BindingChange::Leased { address: leased, client, grant, details };
        script.endpoint.record(now, change).unwrap();
    }
    script.input(Input::TimeReached);
    script.run_talking(30);
    script
}

/// Holds: FO-9.8.4-2.
#[test]
fn each_answer_gives_the_others_their_time_anew() {
    let mut script = awaiting_two_answers();
    let first = script.take(MessageType::BNDUPD);
    script.acknowledge(&first);
    script.run_talking(39);
    assert_eq!(script.endpoint.state(), FailoverState::Normal);
    script.run_talking(1);
    assert_eq!(script.endpoint.state(), FailoverState::CommunicationsInterrupted);
}

#[test]
fn nothing_is_waited_for_once_everything_is_answered() {
    let mut script = awaiting_two_answers();
    script.answer_everything();
    script.run_talking(100);
    assert_eq!(script.endpoint.state(), FailoverState::Normal);
}

/// The partner heard the client earlier than this server, which has not told it yet.
#[test]
fn an_older_renewal_of_the_partners_takes_no_newer_one_out_of_the_queue() {
    let mut script = Script::normal_primary();
    let renew = |script: &mut Script| {
        let (now, leased, client) = (script.now, address(25), client(1));
        let grant = script.endpoint.grant(leased, &client, 600, now);
        let details = LeaseDetails::default();
        let change = BindingChange::Leased { address: leased, client, grant, details };
        script.endpoint.record(now, change).unwrap();
        script.input(Input::TimeReached);
    };
    renew(&mut script);
    script.answer_everything();
    script.run(10);
    script.instant_disk = false;
    renew(&mut script);
    let heard = Some(UnixTime(START + 5));
    script.update(BindingUpdate {
        address: address(25),
        client_last_transaction: heard,
        ..active()
    });
    script.sync();
    let said = script.take(MessageType::BNDUPD);
    let Message::BndUpd(bndupd) = said.message(Dialect::Isc) else { unreachable!() };
    let told = bndupd.updates().next().unwrap();
    assert_eq!(told.client_last_transaction, Some(UnixTime(START + 10)));
}

/// What is on record of the partner's promise once it has reported the end of the lease.
fn promise_left(dialect: Dialect) -> UnixTime {
    let mut relationship = config(Role::Secondary, 20);
    relationship.dialect = dialect;
    let mut script = Script::normal_secondary_of(relationship);
    script.update(active());
    script.update(BindingUpdate {
        binding_status: Some(BindingStatus::Released.code()),
        lease_expiration: Some(UnixTime(START + 1)),
        client_last_transaction: Some(UnixTime(START + 1)),
        ..active()
    });
    let binding = script.endpoint.table().get(address(12)).unwrap();
    assert_eq!(binding.binding_status, BindingStatus::Free);
    binding.received_potential_expiration
}

/// A dhcpd may promise up to it to the next client.
#[test]
fn the_promise_of_a_lease_that_ended_outlives_it_beside_a_dhcpd_alone() {
    assert_eq!(promise_left(Dialect::Isc), UnixTime(START + 4200));
    assert_eq!(promise_left(Dialect::Draft12), UnixTime::ABSENT);
}

/// Clients have their turn in between, and nothing has to happen for the rest to follow.
#[test]
fn a_request_that_takes_long_to_answer_wants_the_next_step_at_once() {
    let last = Ipv4Addr::new(10, 20, 150, 0);
    let mut relationship = config(Role::Secondary, 20);
    relationship.ranges = vec![AddressRange::new(address(10), last).unwrap()];
    let mut script = Script::normal_secondary_of(relationship);
    script.run(0);
    script.tell(&Message::UpdReq);
    assert_eq!(script.wake_at, Some(script.now.monotonic));
    script.run(0);
    assert!(script.types().contains(&"upddone"), "{:?}", script.types());
}

#[test]
fn updates_are_counted_by_what_became_of_them() {
    let mut script = Script::normal_secondary();
    let before = script.endpoint.status().stats;
    for update in [active(), active(), BindingUpdate { address: address(250), ..active() }] {
        script.update(update);
    }
    let stats = script.endpoint.status().stats;
    assert_eq!(stats.updates_accepted - before.updates_accepted, 2);
    assert_eq!(stats.updates_rejected - before.updates_rejected, 1);
}

/// Holds: FO-7.1.1-16.
#[test]
fn what_is_promised_is_later_than_the_lease_whatever_was_granted() {
    let mut script = Script::normal_primary();
    let (now, leased, client) = (script.now, address(25), client(1));
    let end = UnixTime(START + 300);
    let grant = Grant { lease_seconds: 300, lease_expiration: end, potential_expiration: end };
    let details = LeaseDetails::default();
    let change = BindingChange::Leased { address: leased, client, grant, details };
    script.endpoint.record(now, change).unwrap();
    script.input(Input::TimeReached);
    let said = script.take(MessageType::BNDUPD);
    let Message::BndUpd(bndupd) = said.message(Dialect::Isc) else { unreachable!() };
    let told = bndupd.updates().next().unwrap();
    assert_eq!(told.lease_expiration, Some(end));
    assert!(told.potential_expiration > Some(end), "{told:?}");
}

/// The change is news that the partner asked for, though it waited for the window when the request came.
/// Holds: FO-7.3.2-4.
#[test]
fn a_request_is_done_only_when_what_waited_for_the_window_is_answered_too() {
    let mut script = Script::normal_primary_of(config(Role::Primary, 40));
    let free: Vec<_> = script.endpoint.table().queue(RangeId(0), BindingStatus::Free).collect();
    for (number, address) in (0..).zip(&free[..12]) {
        let (now, address, client) = (script.now, *address, client(number));
        let grant = script.endpoint.grant(address, &client, 600, now);
        let details = LeaseDetails::default();
        let change = BindingChange::Leased { address, client, grant, details };
        script.endpoint.record(now, change).unwrap();
    }
    script.input(Input::TimeReached);
    assert_eq!(told(&script).len(), 10, "a window of 10");
    script.tell(&Message::UpdReq);
    for _ in 0..12 {
        assert!(!script.types().contains(&"upddone"));
        let update = script.take(MessageType::BNDUPD);
        script.acknowledge(&update);
    }
    assert!(script.types().contains(&"upddone"));
}

/// The addresses of the updates said, in their order.
fn told(script: &Script) -> Vec<u8> {
    let updates = script.said.iter().filter(|said| said.message_type == MessageType::BNDUPD);
    let told = updates.map(|said| {
        let Message::BndUpd(bndupd) = said.message(Dialect::Isc) else { unreachable!() };
        bndupd.updates().next().unwrap().address.octets()[3]
    });
    told.collect()
}

#[test]
fn live_changes_and_the_answer_to_a_request_take_turns_in_the_window() {
    let mut script = Script::normal_primary_of(config(Role::Primary, 40));
    let free: Vec<_> = script.endpoint.table().queue(RangeId(0), BindingStatus::Free).collect();
    script.instant_disk = false;
    for (number, address) in (0..).zip(&free[..12]) {
        let (now, address, client) = (script.now, *address, client(number));
        let grant = script.endpoint.grant(address, &client, 600, now);
        let details = LeaseDetails::default();
        let change = BindingChange::Leased { address, client, grant, details };
        script.endpoint.record(now, change).unwrap();
    }
    script.input(Input::TimeReached);
    script.tell(&Message::UpdReqAll);
    script.sync();
    let told = told(&script);
    let live = |last: &u8| free[..12].contains(&address(*last));
    let turns: Vec<bool> = told.iter().map(live).collect();
    assert_eq!(turns, [true, false].repeat(5), "a window of 10: {told:?}");
}

/// Holds: FO-7.1-4, FO-7.2-4, FO-6.3-2, FO-6.3-9, FO-6.3-10, FO-6.3-11.
#[test]
fn a_bulk_update_gets_one_answer_for_all_its_addresses() {
    let mut script = Script::normal_secondary();
    // Two transactions in one message; dhcpd never sends them, the draft allows it (§6.3).
    let first: &[u8] = &[0, 2, 0, 4, 10, 20, 0, 12, 0, 3, 0, 1, 1];
    let second: &[u8] = &[0, 2, 0, 4, 10, 20, 0, 13, 0, 3, 0, 1, 1];
    let mut octets = vec![0, 38, 3, 12];
    octets.extend_from_slice(&START.to_be_bytes());
    octets.extend_from_slice(&[0, 0, 0, 77]);
    octets.extend_from_slice(first);
    octets.extend_from_slice(second);
    script.octets(&octets);
    assert_eq!(script.types(), ["bndack"]);
    let ack = script.take(MessageType::BNDACK);
    let Message::BndAck(bndack) = ack.message(Dialect::Draft12) else { unreachable!() };
    let addresses: Vec<_> = bndack.replies().map(|reply| reply.address).collect();
    assert_eq!(addresses, [address(12), address(13)]);
    assert_eq!(ack.xid, Xid(77));
}

fn lease(script: &mut Script, last: u8, number: u8) {
    let now = script.now;
    let grant = script.endpoint.grant(address(last), &client(number), 3600, now);
    let change = BindingChange::Leased {
        address: address(last),
        client: client(number),
        grant,
        details: LeaseDetails::default(),
    };
    script.endpoint.record(now, change).unwrap();
    script.input(Input::TimeReached);
}

#[test]
fn no_more_updates_are_in_flight_than_the_partner_takes() {
    let mut script = Script::normal_primary();
    for last in 10..30 {
        lease(&mut script, last, last);
    }
    assert_eq!(script.types(), vec!["bndupd"; 10]);
    assert_eq!(script.endpoint.status().unacked_updates, 10);
    assert_eq!(script.endpoint.status().queued_updates, 10);
}

#[test]
fn an_acknowledged_update_makes_room_for_the_next() {
    let mut script = Script::normal_primary();
    for last in 10..30 {
        lease(&mut script, last, last);
    }
    let first = script.take(MessageType::BNDUPD);
    script.acknowledge(&first);
    assert_eq!(script.types(), vec!["bndupd"; 10]);
}

/// Holds: FO-7.2.2-5.
#[test]
fn a_rejected_update_is_not_sent_again_at_once() {
    let mut script = Script::normal_primary();
    lease(&mut script, 15, 1);
    let update = script.take(MessageType::BNDUPD);
    let reject = Some(Reject { reason: RejectReason::OUTDATED, message: Some(b"older") });
    let replies = [BindingReply { address: address(15), reject }];
    script.say(update.xid, &Message::BndAck(BndAck::of(&replies)));
    script.run_talking(60);
    assert!(!script.types().contains(&"bndupd"), "{:?}", script.types());
    assert_eq!(
        script.endpoint.table().get(address(15)).unwrap().acked_potential_expiration,
        UnixTime(0)
    );
}

/// Holds: FO-5.1-3.
/// Holds: FO-7.2.2-6.
#[test]
fn a_rejected_update_is_sent_again_when_the_partner_asks() {
    let mut script = Script::normal_primary();
    lease(&mut script, 15, 1);
    let update = script.take(MessageType::BNDUPD);
    let reject = Some(Reject { reason: RejectReason::OUTDATED, message: None });
    let replies = [BindingReply { address: address(15), reject }];
    script.say(update.xid, &Message::BndAck(BndAck::of(&replies)));
    let request = script.tell(&Message::UpdReq);
    assert_eq!(script.types(), ["bndupd"]);
    let again = script.take(MessageType::BNDUPD);
    assert_ne!(again.xid, update.xid);
    script.acknowledge(&again);
    assert_eq!(script.take(MessageType::UPDDONE).xid, request);
}

#[test]
fn upddone_comes_at_once_when_nothing_is_owed() {
    let mut script = Script::normal_primary();
    let request = script.tell(&Message::UpdReq);
    assert_eq!(script.types(), ["upddone"]);
    assert_eq!(script.take(MessageType::UPDDONE).xid, request);
}

/// Holds: FO-5.1-5.
/// Holds: FO-7.3-3, FO-7.5-1, FO-7.5-2.
#[test]
fn upddone_waits_for_the_answer_to_every_update() {
    let mut script = Script::normal_primary();
    script.tell(&Message::UpdReqAll);
    let updates: Vec<_> = std::iter::from_fn(|| {
        script.types().contains(&"bndupd").then(|| script.take(MessageType::BNDUPD))
    })
    .collect();
    assert_eq!(updates.len(), 10, "the BACKUP addresses; unused FREE ones need no update");
    for update in updates.iter().rev() {
        assert!(!script.types().contains(&"upddone"));
        script.acknowledge(update);
    }
    assert_eq!(script.types(), ["upddone"]);
}

/// §7.3.2: what was not acknowledged at the request is owed, even where it waits for the answer to
/// an older update of the same address.
#[test]
fn upddone_waits_for_a_change_that_followed_an_update_in_flight() {
    let mut script = Script::normal_primary();
    lease(&mut script, 15, 1);
    lease(&mut script, 15, 1);
    let first = script.take(MessageType::BNDUPD);
    script.tell(&Message::UpdReq);
    script.acknowledge(&first);
    assert_eq!(script.types(), ["bndupd"]);
    script.answer_everything();
    assert_eq!(script.types(), ["upddone"]);
}

/// Holds: FO-7.3.2-5, FO-7.3.2-7.
#[test]
fn upddone_does_not_wait_for_changes_after_the_request() {
    let mut script = Script::normal_primary();
    lease(&mut script, 15, 1);
    let first = script.take(MessageType::BNDUPD);
    script.tell(&Message::UpdReq);
    lease(&mut script, 15, 1);
    script.acknowledge(&first);
    script.take(MessageType::UPDDONE);
    assert_eq!(script.types(), ["bndupd"]);
}

/// Holds: A1-40.
#[test]
fn a_newer_request_replaces_the_older_one() {
    let mut script = Script::normal_primary();
    script.tell(&Message::UpdReqAll);
    let newer = script.tell(&Message::UpdReqAll);
    script.answer_everything();
    assert_eq!(script.types(), ["upddone"]);
    assert_eq!(script.take(MessageType::UPDDONE).xid, newer);
}

/// Holds: FO-6.1-17, FO-6.1-21, FO-6.1-22.
#[test]
fn a_bndack_with_another_xid_changes_nothing() {
    let mut script = Script::normal_primary();
    lease(&mut script, 15, 1);
    let replies = [BindingReply { address: address(15), reject: None }];
    script.say(Xid(999_999), &Message::BndAck(BndAck::of(&replies)));
    assert_eq!(script.endpoint.status().unacked_updates, 1);
}

#[test]
fn a_lease_renewed_while_its_update_is_in_flight_is_sent_again_after_the_answer() {
    let mut script = Script::normal_primary();
    lease(&mut script, 15, 1);
    lease(&mut script, 15, 1);
    assert_eq!(script.types(), ["bndupd"]);
    let first = script.take(MessageType::BNDUPD);
    script.acknowledge(&first);
    assert_eq!(script.types(), ["bndupd"]);
}

/// Holds: FO-5.11-16.
#[test]
fn an_abandoned_address_is_reported_without_its_client() {
    let mut script = Script::normal_primary();
    lease(&mut script, 15, 1);
    script.answer_everything();
    let now = script.now;
    script.endpoint.record(now, BindingChange::Abandoned { address: address(15) }).unwrap();
    script.input(Input::TimeReached);
    let said = script.take(MessageType::BNDUPD);
    let Message::BndUpd(bndupd) = said.message(Dialect::Isc) else { unreachable!() };
    let update = bndupd.updates().next().unwrap();
    assert_eq!(update.binding_status, Some(BindingStatus::Abandoned.code()));
    assert_eq!(update.client_hardware_address, None);
    assert_eq!(update.client_identifier, None);
}

/// A secondary whose partner, of this vendor, has reported 10.20.0.12 as ABANDONED; the answer to
/// what it says next of the address.
#[track_caller]
fn answer_after_abandoned(vendor: &[u8], status: BindingStatus) -> Option<RejectReason> {
    let mut script = Script::secondary();
    script.connected();
    let buckets = HashBuckets::half().to_wire(Dialect::Isc);
    let connect = Connect { vendor_class: Some(vendor), ..good_connect(&buckets) };
    script.say(Xid(1), &Message::Connect(connect));
    script.state(FailoverState::PartnerDown);
    script.update(BindingUpdate {
        address: address(12),
        binding_status: Some(BindingStatus::Abandoned.code()),
        ..BindingUpdate::default()
    });
    assert_eq!(script.take(MessageType::BNDACK).reject(), None);
    script.update(BindingUpdate { binding_status: Some(status.code()), ..active() });
    script.take(MessageType::BNDACK).reject()
}

#[test]
fn an_abandoned_address_is_not_leased_without_a_reset() {
    let answer = answer_after_abandoned(b"test", BindingStatus::Active);
    assert_eq!(answer, Some(RejectReason::LESS_CRITICAL));
}

/// Holds: FO-5.11-26.
#[test]
fn an_abandoned_address_may_be_reset() {
    assert_eq!(answer_after_abandoned(b"test", BindingStatus::Reset), None);
}

/// dhcpd frees abandoned addresses after a time and resets nothing.
#[test]
fn a_dhcpd_may_free_an_abandoned_address() {
    assert_eq!(answer_after_abandoned(b"isc-4.4.3-P1", BindingStatus::Free), None);
}

/// The IP-flags of the next update said.
#[track_caller]
fn flags_said(script: &mut Script, dialect: Dialect) -> Option<IpFlags> {
    let said = script.take(MessageType::BNDUPD);
    let Message::BndUpd(bndupd) = said.message(dialect) else { unreachable!() };
    bndupd.updates().next().unwrap().ip_flags
}

#[test]
fn a_client_that_follows_a_bootp_client_is_none() {
    let mut script = Script::normal_primary();
    script.update(BindingUpdate {
        address: address(25),
        binding_status: Some(BindingStatus::Free.code()),
        ip_flags: Some(IpFlags::BOOTP),
        ..BindingUpdate::default()
    });
    lease(&mut script, 25, 1);
    assert_eq!(flags_said(&mut script, Dialect::Isc), None);
}

/// Holds: FO-12.12-4.
#[test]
fn unassigned_flags_of_the_partner_are_not_repeated_to_it() {
    let mut script = Script::normal_secondary();
    script.update(BindingUpdate { ip_flags: Some(IpFlags(0xfffe)), ..active() });
    script.tell(&Message::UpdReqAll);
    assert_eq!(flags_said(&mut script, Dialect::Isc), Some(IpFlags::BOOTP));
}

/// §7.1.1: the flag speaks of the sender's reservations.
#[test]
fn a_draft_server_claims_no_reservation_of_its_partner() {
    let mut relationship = config(Role::Primary, 20);
    relationship.dialect = Dialect::Draft12;
    let mut script = Script::normal_primary_of(relationship);
    script.update(BindingUpdate { ip_flags: Some(IpFlags::RESERVED), ..active() });
    assert_eq!(script.take(MessageType::BNDACK).reject(), None);
    lease(&mut script, 12, 1);
    assert_eq!(flags_said(&mut script, Dialect::Draft12), None);
}

/// What a secondary says after a client has released its lease at both servers within a second, and
/// it had to reject the partner's update about the lease before that about the release.
fn said_after_a_release_at_both(vendor: &'static [u8]) -> Vec<u8> {
    let mut script = Script::secondary();
    script.vendor = vendor;
    script.connected();
    script.connect();
    script.become_normal();
    script.update(active());
    let now = script.now;
    script.endpoint.record(now, BindingChange::Released { address: address(12) }).unwrap();
    script.input(Input::TimeReached);
    script.update(active());
    script.update(BindingUpdate {
        binding_status: Some(BindingStatus::Released.code()),
        lease_expiration: Some(UnixTime(START)),
        potential_expiration: Some(UnixTime(START)),
        ..active()
    });
    script.answer_everything();
    script.said.clear();
    script.run_talking(60);
    let updates = script.said.iter().filter(|said| said.message_type == MessageType::BNDUPD);
    updates
        .flat_map(|said| {
            let Message::BndUpd(bndupd) = said.message(Dialect::Isc) else { unreachable!() };
            bndupd.updates().filter_map(|update| update.binding_status).collect::<Vec<_>>()
        })
        .collect()
}

/// It ignores the acceptance of the release, as the rejection before made it forget that update.
#[test]
fn a_dhcpd_is_told_of_an_address_whose_release_it_may_have_forgotten() {
    assert_eq!(said_after_a_release_at_both(DHCPD), [BindingStatus::Free.code()]);
}

#[test]
fn others_need_not_be_told_of_a_release_that_was_accepted() {
    assert_eq!(said_after_a_release_at_both(b"test"), Vec::<u8>::new());
}
