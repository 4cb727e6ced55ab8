//! What becomes of an address that the partner does not take, or does not give back (§5.4).

use twinlease::balance::Role;
use twinlease::endpoint::{BindingChange, Input, LeaseAuthority, LeaseDetails};
use twinlease::time::UnixTime;
use twinlease::wire::bndupd::{BindingReply, BindingUpdate, BndAck};
use twinlease::wire::codes::{BindingStatus, MessageType, RejectReason};
use twinlease::wire::connect::Reject;
use twinlease::wire::dialect::Dialect;
use twinlease::wire::message::Message;

use crate::support::scripted::Script;
use crate::support::{START, address, client, config};

/// Rejects every BNDUPD said, and those that follow at once; returns addresses and statuses.
fn refuse_everything(script: &mut Script, reason: RejectReason) -> Vec<(u8, BindingStatus)> {
    let dialect = script.endpoint.config().dialect;
    let mut refused = Vec::new();
    while script.types().contains(&"bndupd") {
        let said = script.take(MessageType::BNDUPD);
        let Message::BndUpd(bndupd) = said.message(dialect) else { unreachable!() };
        let update = bndupd.updates().next().expect("one update a message");
        let status = update.binding_status.and_then(BindingStatus::from_code);
        refused.push((update.address.octets()[3], status.expect("a status")));
        let reject = Some(Reject { reason, message: None });
        let reply = BindingReply { address: update.address, reject };
        script.say(said.xid, &Message::BndAck(BndAck::of(&[reply])));
    }
    refused
}

/// A primary that has just offered ten addresses.
fn offering() -> Script {
    let mut script = Script::normal_primary();
    for last in 10..30 {
        script.free_by_partner(last);
    }
    script.run(2);
    script
}

fn statuses(script: &Script, offers: &[(u8, BindingStatus)]) -> Vec<BindingStatus> {
    let table = script.endpoint.table();
    offers.iter().map(|(last, _)| table.status_of(address(*last)).unwrap()).collect()
}

/// Holds: A1-29.
#[test]
fn an_offer_is_taken_back_if_the_reason_shows_that_the_secondary_has_not_taken_it() {
    for reason in [RejectReason::ILLEGAL_ADDRESS, RejectReason::NOT_RESERVED] {
        let mut script = offering();
        let offers = refuse_everything(&mut script, reason);
        assert_eq!(offers.len(), 10);
        assert_eq!(statuses(&script, &offers), [BindingStatus::Free; 10], "{reason:?}");
    }
}

/// Holds: A1-29.
#[test]
fn an_offer_refused_for_another_reason_stays_the_secondarys_until_it_says_more() {
    let mut script = offering();
    let offers = refuse_everything(&mut script, RejectReason::OUTDATED);
    assert_eq!(offers.len(), 10);
    assert_eq!(statuses(&script, &offers), [BindingStatus::Backup; 10]);
}

/// Holds: A1-29.
#[test]
fn a_secondary_gives_an_unused_address_back() {
    let mut script = Script::normal_secondary();
    for status in [BindingStatus::Backup, BindingStatus::Free] {
        script.update(BindingUpdate {
            address: address(12),
            binding_status: Some(status.code()),
            start_of_status: Some(UnixTime(START)),
            ..BindingUpdate::default()
        });
        assert_eq!(script.take(MessageType::BNDACK).reject(), None);
        assert_eq!(script.endpoint.table().status_of(address(12)), Some(status));
    }
}

/// The partner lacks the pool: it refuses whatever is offered.
#[test]
fn a_refused_offer_is_not_repeated_with_every_lease() {
    let mut script = offering();
    let mut refused = refuse_everything(&mut script, RejectReason::ILLEGAL_ADDRESS);
    for number in 0..8 {
        let (now, address, client) = (script.now, address(10 + number), client(number));
        let grant = script.endpoint.grant(address, &client, 3600, now);
        script
            .endpoint
            .record(
                now,
                BindingChange::Leased { address, client, grant, details: LeaseDetails::default() },
            )
            .unwrap();
        script.input(Input::TimeReached);
        script.run_talking(5);
        refused.extend(refuse_everything(&mut script, RejectReason::ILLEGAL_ADDRESS));
    }
    let offers = refused.iter().filter(|(_, status)| *status == BindingStatus::Backup);
    assert_eq!(offers.count(), 10, "those at the beginning");
}

/// §7.2.1: a rejected update is not sent again at once.
#[test]
fn a_refused_address_is_passed_over_at_the_next_look() {
    let mut script = offering();
    let first = refuse_everything(&mut script, RejectReason::ILLEGAL_ADDRESS);
    script.run_talking(60);
    let second = refuse_everything(&mut script, RejectReason::ILLEGAL_ADDRESS);
    assert!(!second.is_empty());
    assert!(second.iter().all(|offer| !first.contains(offer)), "{first:?}, then {second:?}");
}

/// A draft primary whose own addresses are all leased, and what it calls back.
fn calling_back() -> Script {
    let mut relationship = config(Role::Primary, 20);
    relationship.dialect = Dialect::Draft12;
    let mut script = Script::normal_primary_of(relationship);
    for last in 10..30 {
        if script.endpoint.table().status_of(address(last)) == Some(BindingStatus::Free) {
            let (now, address, client) = (script.now, address(last), client(last));
            let grant = script.endpoint.grant(address, &client, 3600, now);
            script
                .endpoint
                .record(
                    now,
                    BindingChange::Leased {
                        address,
                        client,
                        grant,
                        details: LeaseDetails::default(),
                    },
                )
                .unwrap();
        }
    }
    script.input(Input::TimeReached);
    while let Some(position) = script.said.iter().position(|said| {
        let Message::BndUpd(bndupd) = said.message(Dialect::Draft12) else { return false };
        let is_lease = |update: BindingUpdate<'_>| update.binding_status == Some(2);
        bndupd.updates().any(is_lease)
    }) {
        let lease = script.said.remove(position).expect("just found");
        script.acknowledge(&lease);
    }
    script.run(2);
    script
}

/// §5.4: whoever used the address says so by an update of its own.
#[test]
fn an_address_that_the_secondary_keeps_is_not_called_back_with_every_change() {
    let mut script = calling_back();
    let first = refuse_everything(&mut script, RejectReason::FATAL_CONFLICT);
    assert_eq!(first.len(), 5);
    for last in [10, 11] {
        script.free_by_partner(last);
        script.run(2);
    }
    assert_eq!(refuse_everything(&mut script, RejectReason::FATAL_CONFLICT), []);
}
