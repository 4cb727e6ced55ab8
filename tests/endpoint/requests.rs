//! UPDREQ, UPDREQALL, UPDDONE, POOLREQ, POOLRESP: what they hold and how they are answered (§7.2 to §7.7).

use twinlease::endpoint::{BindingChange, Event, Input, LeaseAuthority, LeaseDetails};
use twinlease::time::UnixTime;
use twinlease::wire::bndupd::{BindingReply, BindingUpdate, BndAck};
use twinlease::wire::codes::{
    BindingStatus, FailoverState, MessageType, OptionCode, RejectReason, Xid,
};
use twinlease::wire::connect::Reject;
use twinlease::wire::message::Message;

use crate::support::scripted::{Said, Script};
use crate::support::{START, address, client};

fn lease(script: &mut Script, last: u8, number: u8) {
    let (now, address, client) = (script.now, address(last), client(number));
    let grant = script.endpoint.grant(address, &client, 3600, now);
    script
        .endpoint
        .record(
            now,
            BindingChange::Leased { address, client, grant, details: LeaseDetails::default() },
        )
        .unwrap();
    script.input(Input::TimeReached);
}

fn codes(said: &Said) -> Vec<OptionCode> {
    said.frame().options().map(|option| option.expect("well-formed").code).collect()
}

fn active(last: u8, number: u8) -> (BindingUpdate<'static>, [u8; 7]) {
    let update = BindingUpdate {
        address: address(last),
        binding_status: Some(BindingStatus::Active.code()),
        lease_expiration: Some(UnixTime(START + 600)),
        potential_expiration: Some(UnixTime(START + 4200)),
        start_of_status: Some(UnixTime(START)),
        client_last_transaction: Some(UnixTime(START)),
        ..BindingUpdate::default()
    };
    (update, [1, 2, 0, 94, 16, 0, number])
}

fn reject(script: &mut Script, update: &Said, last: u8) {
    let reject = Some(Reject { reason: RejectReason::OUTDATED, message: Some(b"seen it") });
    let replies = [BindingReply { address: address(last), reject }];
    script.say(update.xid, &Message::BndAck(BndAck::of(&replies)));
}

/// Holds: FO-7.3-1, FO-7.3.2-1, FO-7.3.2-2, FO-7.3.2-4, FO-7.3.2-3, FO-7.3-3.
#[test]
fn a_request_brings_what_was_not_acknowledged_and_then_upddone() {
    let mut script = Script::normal_primary();
    lease(&mut script, 25, 1);
    lease(&mut script, 26, 2);
    let first = script.take(MessageType::BNDUPD);
    script.acknowledge(&first);
    let second = script.take(MessageType::BNDUPD);
    reject(&mut script, &second, 26);
    let request = script.tell(&Message::UpdReq);
    let again = script.take(MessageType::BNDUPD);
    assert_eq!(script.types(), Vec::<&str>::new());
    script.acknowledge(&again);
    let done = script.take(MessageType::UPDDONE);
    assert_eq!(done.xid, request);
}

/// Holds: FO-7.3.1-1, FO-7.4-3, FO-7.4.1-1.
#[test]
fn a_request_for_updates_has_no_options() {
    let mut script = Script::secondary();
    script.shake_hands();
    script.state(FailoverState::PartnerDown);
    assert_eq!(codes(&script.take(MessageType::UPDREQALL)), []);
}

/// Holds: FO-7.3.1-1.
#[test]
fn a_request_for_what_is_new_has_no_options() {
    let mut script = Script::restarted(
        twinlease::balance::Role::Secondary,
        crate::support::scripted::stored(FailoverState::Recover),
    );
    script.shake_hands();
    script.state(FailoverState::PartnerDown);
    assert_eq!(codes(&script.take(MessageType::UPDREQ)), []);
}

/// Holds: FO-7.5-5, FO-7.5-4, FO-7.5.1-2.
/// Holds: FO-7.5.1-1.
#[test]
fn upddone_has_the_xid_of_its_request_and_no_options() {
    for all in [false, true] {
        let mut script = Script::normal_secondary();
        let message = if all { Message::UpdReqAll } else { Message::UpdReq };
        let request = script.tell(&message);
        script.answer_everything();
        let done = script.take(MessageType::UPDDONE);
        assert_eq!((done.xid, codes(&done)), (request, vec![]));
    }
}

/// Holds: FO-7.5-3, FO-7.5-2, FO-7.3-3.
#[test]
fn a_rejection_does_not_hold_upddone_back() {
    let mut script = Script::normal_primary();
    lease(&mut script, 25, 1);
    let update = script.take(MessageType::BNDUPD);
    script.tell(&Message::UpdReq);
    assert_eq!(script.types(), Vec::<&str>::new());
    reject(&mut script, &update, 25);
    assert_eq!(script.types(), ["upddone"]);
}

/// Holds: FO-7.3-2, FO-7.3-4, FO-7.4-1, FO-7.4-2, FO-7.5.2-1.
#[test]
fn a_server_that_asked_goes_on_when_everything_has_come() {
    let mut script = Script::secondary();
    script.shake_hands();
    script.state(FailoverState::PartnerDown);
    let request = script.take(MessageType::UPDREQALL);
    script.run_talking(20);
    assert_eq!(script.endpoint.state(), FailoverState::Recover);
    script.say(request.xid, &Message::UpdDone);
    assert_eq!(script.endpoint.state(), FailoverState::RecoverWait);
}

/// Holds: FO-7.3.2-10, FO-7.3.2-11.
#[test]
fn a_request_for_everything_keeps_within_the_window() {
    let mut script = Script::normal_primary();
    for last in 20..30 {
        lease(&mut script, last, last);
    }
    script.answer_everything();
    script.tell(&Message::UpdReqAll);
    assert_eq!(script.types(), vec!["bndupd"; 10]);
    let update = script.take(MessageType::BNDUPD);
    script.acknowledge(&update);
    assert_eq!(script.types(), vec!["bndupd"; 10]);
}

/// Holds: FO-7.3.2-6, FO-7.3.2-5, FO-7.3.2-7, FO-7.3.2-9, FO-7.3.2-8.
#[test]
fn what_changes_after_a_request_is_sent_as_ever_and_not_waited_for() {
    let mut script = Script::normal_primary();
    lease(&mut script, 25, 1);
    let first = script.take(MessageType::BNDUPD);
    script.tell(&Message::UpdReq);
    lease(&mut script, 26, 2);
    assert_eq!(script.types(), ["bndupd"]);
    script.acknowledge(&first);
    script.take(MessageType::UPDDONE);
}

/// Holds: FO-7.6-6, FO-7.6.1-1, FO-7.6-1, FO-7.6-3.
#[test]
fn a_secondary_that_enters_normal_asks_for_addresses_without_options() {
    let mut script = Script::normal_secondary();
    script.cut();
    script.shake_hands();
    script.state(FailoverState::Normal);
    assert_eq!(codes(&script.take(MessageType::POOLREQ)), []);
}

/// Holds: FO-7.7.1-2, FO-7.7.1-3, FO-7.7-3, FO-7.7.1-1, FO-7.6.2-6, FO-7.6.2-7, A1-20.
#[test]
fn poolresp_has_the_xid_of_its_request_and_the_count_alone() {
    let mut script = Script::normal_primary();
    for last in 10..20 {
        script.free_by_partner(last);
    }
    let backup = |script: &Script| {
        let table = script.endpoint.table();
        table.count(twinlease::binding::table::RangeId(0), BindingStatus::Backup)
    };
    let before = backup(&script);
    let request = script.tell(&Message::PoolReq);
    let said = script.take(MessageType::POOLRESP);
    assert_eq!((said.xid, codes(&said)), (request, vec![OptionCode::ADDRESSES_TRANSFERRED]));
    let Message::PoolResp { addresses_transferred } =
        said.message(twinlease::wire::dialect::Dialect::Isc)
    else {
        unreachable!()
    };
    assert_eq!(addresses_transferred, Some(backup(&script) - before));
}

/// Holds: FO-7.6.2-8, FO-7.6.2-9.
#[test]
fn a_request_for_addresses_is_dealt_with_at_once() {
    let mut script = Script::normal_primary();
    script.tell(&Message::PoolReq);
    assert_eq!(script.types().first(), Some(&"poolresp"));
}

/// Holds: FO-7.7.2-1, FO-7.7.2-2.
#[test]
fn addresses_received_make_a_secondary_ask_once_more() {
    let mut script = Script::normal_secondary();
    script.cut();
    script.shake_hands();
    script.state(FailoverState::Normal);
    let request = script.take(MessageType::POOLREQ);
    script.said.clear();
    script.say(request.xid, &Message::PoolResp { addresses_transferred: Some(5) });
    assert_eq!(script.types(), Vec::<&str>::new());
    script.run_talking(10);
    script.take(MessageType::POOLREQ);
}

/// Holds: FO-7.1.2-4, FO-7.1.2-6.
#[test]
fn a_client_may_hold_several_addresses() {
    let mut script = Script::normal_secondary();
    for last in [12, 13] {
        let (update, hardware) = active(last, 1);
        script.update(BindingUpdate { client_hardware_address: Some(&hardware), ..update });
        assert_eq!(script.take(MessageType::BNDACK).reject(), None);
    }
    for last in [12, 13] {
        assert!(script.endpoint.table().get(address(last)).unwrap().belongs_to(&client(1)));
    }
}

/// Holds: FO-7.2-19, FO-7.2-17, FO-7.2-14, FO-7.2-13, FO-7.2.1-7, FO-7.2.1-2, FO-7.2.2-3.
/// Holds: FO-12.21-3, FO-12.21-1.
#[test]
fn a_rejection_holds_address_reason_and_text() {
    let mut script = Script::normal_secondary();
    let (update, hardware) = active(250, 1);
    script.update(BindingUpdate { client_hardware_address: Some(&hardware), ..update });
    let said = script.take(MessageType::BNDACK);
    let expected =
        [OptionCode::ASSIGNED_IP_ADDRESS, OptionCode::REJECT_REASON, OptionCode::MESSAGE];
    assert_eq!(codes(&said), expected);
}

/// Holds: FO-7.2.2-4.
#[test]
fn the_partners_words_for_a_rejection_are_told() {
    let mut script = Script::normal_primary();
    lease(&mut script, 25, 1);
    let update = script.take(MessageType::BNDUPD);
    reject(&mut script, &update, 25);
    let told = |event: &Event| matches!(event, Event::UpdateRejectedByPartner { text, .. } if text == "seen it");
    assert!(script.events.iter().any(told), "{:?}", script.events);
}

/// Holds: FO-7.2.2-2, FO-7.2-2.
#[test]
fn a_rejected_update_leaves_the_address_as_it_was() {
    let mut script = Script::normal_primary();
    lease(&mut script, 25, 1);
    let before = script.endpoint.table().get(address(25)).unwrap();
    let update = script.take(MessageType::BNDUPD);
    reject(&mut script, &update, 25);
    let after = script.endpoint.table().get(address(25)).unwrap();
    assert_eq!(after.binding_status, BindingStatus::Active);
    assert_eq!(after.acked_potential_expiration, before.acked_potential_expiration);
    assert!(!after.partner_knows);
}

/// Holds: FO-7.2-6, FO-7.2-7.
#[test]
fn every_update_is_answered_whatever_it_holds() {
    let mut script = Script::normal_secondary();
    for (status, last) in [(1, 12), (7, 13), (9, 14), (2, 15), (3, 200)] {
        let xid = script.update(BindingUpdate {
            address: address(last),
            binding_status: Some(status),
            ..BindingUpdate::default()
        });
        assert_eq!(script.take(MessageType::BNDACK).xid, xid);
    }
}

/// Holds: A1-34.
#[test]
fn of_two_updates_that_cross_the_partners_ends_the_pending_one() {
    let mut script = Script::normal_primary();
    lease(&mut script, 25, 1);
    let mine = script.take(MessageType::BNDUPD);
    script.update(BindingUpdate {
        address: address(25),
        binding_status: Some(BindingStatus::Abandoned.code()),
        start_of_status: Some(UnixTime(START)),
        ..BindingUpdate::default()
    });
    assert_eq!(script.take(MessageType::BNDACK).reject(), None);
    script.acknowledge(&mine);
    let binding = script.endpoint.table().get(address(25)).unwrap();
    assert_eq!(binding.binding_status, BindingStatus::Abandoned);
    assert_eq!(script.endpoint.status().unacked_updates, 0);
}

/// Holds: A1-24.
#[test]
fn an_option_that_occurs_twice_in_an_update_misses_information() {
    let mut script = Script::normal_secondary();
    let mut octets = vec![0, 30, MessageType::BNDUPD.0, 12];
    octets.extend(START.to_be_bytes());
    octets.extend([0, 0, 1, 1]);
    octets.extend([0, 2, 0, 4, 10, 20, 0, 12, 0, 3, 0, 1, 1, 0, 3, 0, 1, 1]);
    octets[1] = u8::try_from(octets.len()).unwrap();
    script.octets(&octets);
    let answer = script.take(MessageType::BNDACK).reject();
    assert_eq!(answer, Some(RejectReason::MISSING_BINDING_INFORMATION));
}

/// Holds: A1-24, FO-6.2-7.
#[test]
fn an_option_that_occurs_twice_elsewhere_ends_the_connection() {
    let mut script = Script::normal_secondary();
    let mut octets = vec![0, 22, MessageType::STATE.0, 12];
    octets.extend(START.to_be_bytes());
    octets.extend([0, 0, 1, 1]);
    octets.extend([0, 24, 0, 1, 2, 0, 24, 0, 1, 2]);
    octets[1] = u8::try_from(octets.len()).unwrap();
    script.octets(&octets);
    let said = script.take(MessageType::DISCONNECT);
    let Message::Disconnect(disconnect) = said.message(twinlease::wire::dialect::Dialect::Isc)
    else {
        unreachable!()
    };
    assert_eq!(disconnect.reason, Some(RejectReason::UNKNOWN));
}

/// Holds: FO-6.1-19, FO-6.1-20, FO-6.1-23, A1-26.
#[test]
fn every_message_of_its_own_has_an_xid_of_its_own() {
    let mut script = Script::normal_primary();
    for last in 20..30 {
        lease(&mut script, last, last);
    }
    script.run_talking(60);
    script.tell(&Message::UpdReqAll);
    let own: Vec<Xid> = script
        .said
        .iter()
        .filter(|said| said.message_type != MessageType::UPDDONE)
        .map(|said| said.xid)
        .collect();
    let mut different = own.clone();
    different.sort();
    different.dedup();
    assert!(own.len() > 10);
    assert_eq!(different.len(), own.len());
}

/// Holds: FO-7.6.2-10, A1-48.
#[test]
fn a_secondary_that_is_asked_for_addresses_says_so_and_gives_none() {
    let mut relationship = crate::support::config(twinlease::balance::Role::Secondary, 20);
    relationship.dialect = twinlease::wire::dialect::Dialect::Draft12;
    let mut script = Script::normal_secondary_of(relationship);
    script.tell(&Message::PoolReq);
    let said = script.take(MessageType::POOLRESP);
    assert_eq!(&said.octets[12..], [0, 1, 0, 4, 0, 0, 0, 0]);
    let told =
        |event: &Event| matches!(event, Event::Unexpected { message: MessageType::POOLREQ, .. });
    assert!(script.events.iter().any(told), "{:?}", script.events);
    assert_eq!(script.closed, []);
}

/// Each is a walk through all bindings for twelve octets.
#[test]
fn a_partner_that_asks_for_updates_without_end_is_answered_now_and_then() {
    let mut script = Script::normal_primary();
    script.answer_everything();
    let mut last = script.tell(&Message::UpdReq);
    for _ in 1..1000 {
        last = script.tell(&Message::UpdReq);
    }
    let answers = |script: &Script| {
        script.said.iter().filter(|said| said.message_type == MessageType::UPDDONE).count()
    };
    assert_eq!(answers(&script), 16);
    script.run_talking(1);
    assert_eq!(answers(&script), 17);
    assert_eq!(
        script.said.iter().rfind(|said| said.message_type == MessageType::UPDDONE).unwrap().xid,
        last
    );
}

#[test]
fn a_partner_that_asks_for_addresses_without_end_is_answered_each_time() {
    let mut script = Script::normal_primary();
    script.answer_everything();
    for _ in 0..1000 {
        script.tell(&Message::PoolReq);
    }
    let answers = script.said.iter().filter(|said| said.message_type == MessageType::POOLRESP);
    assert_eq!(answers.count(), 1000);
}
