//! tSend, tReceive and CONTACT (§7.9.1, §7.9.2, §7.11, §8.3).

use twinlease::balance::{HashBuckets, Role};
use twinlease::durable::Recovered;
use twinlease::endpoint::{Communications, Event, LinkEnd, RelationshipConfig};
use twinlease::time::UnixTime;
use twinlease::wire::bndupd::BindingUpdate;
use twinlease::wire::codes::{BindingStatus, FailoverState, MessageType, RejectReason, Xid};
use twinlease::wire::connect::Connect;
use twinlease::wire::dialect::Dialect;
use twinlease::wire::message::Message;

use crate::support::scripted::{LINK, Script, good_connect};
use crate::support::{address, config};

/// Seconds after which the first CONTACT is said, up to 60.
fn seconds_to_contact(script: &mut Script) -> Option<u32> {
    script.said.clear();
    (0..=60).find(|second| {
        script.run(u32::from(*second > 0));
        script.types().contains(&"contact")
    })
}

/// Holds: FO-7.9.1-17, FO-7.9.1-18, FO-7.9.1-24, FO-7.11-1, FO-8.3-10, A1-19.
/// Holds: FO-3.5-2, FO-5.1-10.
#[test]
fn a_secondary_says_contact_after_a_third_of_the_primarys_receive_timer() {
    assert_eq!(seconds_to_contact(&mut Script::normal_secondary()), Some(10));
}

/// Holds: FO-7.9.2-18, FO-7.9.2-19, FO-7.9.2-25, FO-7.11-1, FO-8.3-10, A1-19.
#[test]
fn a_primary_says_contact_after_a_fifth_of_the_secondarys_receive_timer() {
    assert_eq!(seconds_to_contact(&mut Script::normal_primary()), Some(6));
}

/// Holds: FO-7.9.1-18.
#[test]
fn what_counts_is_the_receive_timer_of_the_partner() {
    let mut script = Script::secondary();
    script.called(LINK);
    let buckets = HashBuckets::half().to_wire(Dialect::Isc);
    let connect = Connect { receive_timer: Some(120), ..good_connect(&buckets) };
    script.say(Xid(1), &Message::Connect(connect));
    script.become_normal();
    script.run(25);
    script.tell(&Message::Contact);
    assert_eq!(seconds_to_contact(&mut script), Some(15));
}

/// Holds: FO-7.9.1-23, FO-7.9.2-24.
#[test]
fn every_message_sent_puts_contact_off() {
    for (mut script, interval) in [(Script::normal_secondary(), 10), (Script::normal_primary(), 6)]
    {
        script.run(interval - 1);
        script.tell(&Message::UpdReq);
        assert_eq!(script.types(), ["upddone"]);
        assert_eq!(seconds_to_contact(&mut script), Some(interval));
    }
}

/// Holds: FO-7.11-2.
#[test]
fn contact_is_a_header_and_nothing_else() {
    let mut script = Script::normal_secondary();
    script.run(10);
    assert_eq!(script.take(MessageType::CONTACT).octets.len(), 12);
}

/// Holds: FO-7.11.1-1.
#[test]
fn contact_leaves_whatever_waits_for_an_answer() {
    let mut script = Script::normal_secondary();
    script.instant_disk = false;
    script.update(active(12));
    script.state(FailoverState::PotentialConflict);
    assert_eq!(seconds_to_contact(&mut script), Some(10));
}

fn active(last: u8) -> BindingUpdate<'static> {
    BindingUpdate {
        address: address(last),
        binding_status: Some(BindingStatus::Active.code()),
        client_hardware_address: Some(&[1, 2, 0, 94, 16, 0, 1]),
        lease_expiration: Some(UnixTime(1_800_000_000)),
        potential_expiration: Some(UnixTime(1_800_000_001)),
        start_of_status: Some(UnixTime(crate::support::START)),
        client_last_transaction: Some(UnixTime(crate::support::START)),
        ..BindingUpdate::default()
    }
}

/// The same relationship with a receive-timer of its own.
fn patient(role: Role, receive_timer: u32) -> RelationshipConfig {
    let mut relationship = config(role, 20);
    relationship.receive_timer = receive_timer;
    relationship
}

fn normal(role: Role, receive_timer: u32) -> Script {
    match role {
        Role::Primary => Script::normal_primary_of(patient(role, receive_timer)),
        Role::Secondary => Script::normal_secondary_of(patient(role, receive_timer)),
    }
}

/// Seconds of silence until the connection is closed, up to 100.
fn seconds_to_close(script: &mut Script) -> Option<u32> {
    (0..=100).find(|second| {
        script.run(u32::from(*second > 0));
        script.closed == [LINK]
    })
}

/// Holds: FO-7.9.1-17, FO-7.9.1-19, FO-7.9.1-21, FO-7.9.2-18, FO-7.9.2-20, FO-7.9.2-22.
/// Holds: FO-8.3-5, FO-8.3-6, FO-8.3-9.
#[test]
fn silence_for_the_own_receive_timer_ends_communications() {
    for role in [Role::Primary, Role::Secondary] {
        let mut script = normal(role, 44);
        assert_eq!(seconds_to_close(&mut script), Some(44));
        assert_eq!(script.endpoint.state(), FailoverState::CommunicationsInterrupted);
        assert_eq!(script.endpoint.status().communications, Communications::Interrupted);
        assert!(script.events.contains(&Event::CommunicationsInterrupted(LinkEnd::Silence)));
    }
}

/// Holds: FO-7.9.1-22, FO-7.9.2-23, FO-8.3-7.
#[test]
fn the_partner_is_told_of_the_silence_before_the_connection_is_dropped() {
    for role in [Role::Primary, Role::Secondary] {
        let mut script = normal(role, 30);
        script.run(29);
        script.said.clear();
        script.run(1);
        let said = script.take(MessageType::DISCONNECT);
        let Message::Disconnect(end) = said.message(Dialect::Isc) else { unreachable!() };
        assert_eq!(end.reason, Some(RejectReason(17)));
        assert_eq!(script.types(), Vec::<&str>::new());
    }
}

/// Holds: FO-7.9.1-20, FO-7.9.2-21, FO-7.11.2-1.
#[test]
fn every_message_received_puts_the_end_off() {
    for role in [Role::Primary, Role::Secondary] {
        for message in [Message::Contact, Message::UpdReq, Message::PoolReq] {
            let mut script = normal(role, 30);
            script.run(29);
            script.tell(&message);
            assert_eq!(seconds_to_close(&mut script), Some(30), "{message:?}");
        }
    }
}

/// Holds: FO-7.9.1-17, FO-7.9.2-18.
#[test]
fn the_silence_counts_from_the_answer_to_connect() {
    for role in [Role::Primary, Role::Secondary] {
        let mut script = Script::new(patient(role, 7), Recovered::default());
        script.shake_hands();
        assert_eq!(seconds_to_close(&mut script), Some(7));
    }
}

/// Holds: FO-7.9.1-17, FO-7.9.2-18.
#[test]
fn contact_is_said_before_the_partners_state_has_come() {
    for (role, interval) in [(Role::Primary, 6), (Role::Secondary, 10)] {
        let mut script = Script::new(patient(role, 30), Recovered::default());
        script.shake_hands();
        assert_eq!(seconds_to_contact(&mut script), Some(interval));
    }
}
