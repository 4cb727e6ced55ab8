//! How connections end and when the next attempt is made (§7.12, §8.2, §8.6).

use twinlease::balance::{HashBuckets, Role};
use twinlease::durable::Recovered;
use twinlease::endpoint::{Input, LinkId, OperatorCommand, Origin};
use twinlease::wire::codes::{FailoverState, MessageType, RejectReason, Xid};
use twinlease::wire::connect::{ConnectAck, Disconnect, Reject};
use twinlease::wire::dialect::Dialect;
use twinlease::wire::frame::Frame;
use twinlease::wire::message::Message;

use crate::support::config;
use crate::support::scripted::{LINK, Script, good_connect};

/// Seconds until the endpoint dials, up to 400.
fn seconds_to_dial(script: &mut Script) -> Option<u32> {
    let dials = script.dials;
    (0..=400).find(|second| {
        script.run(u32::from(*second > 0));
        script.dials > dials
    })
}

fn disconnect(script: &mut Script, reason: RejectReason) {
    let message = Disconnect { reason: Some(reason), message: Some(b"scripted") };
    script.tell(&Message::Disconnect(message));
    assert_eq!(script.endpoint.state(), FailoverState::CommunicationsInterrupted);
}

/// Holds: FO-9.9.2-9.
/// Holds: FO-9.3.2-14, FO-9.4.1-2, FO-9.4.2-12, FO-9.5.1-2.
#[test]
fn after_a_loss_the_next_attempt_follows_at_once() {
    let mut script = Script::normal_primary();
    script.input(Input::Disconnected { link: LINK });
    assert_eq!(seconds_to_dial(&mut script), Some(1));
}

#[test]
fn after_a_disconnect_for_silence_the_next_attempt_follows_at_once() {
    let mut script = Script::normal_primary();
    disconnect(&mut script, RejectReason::NO_TRAFFIC);
    assert_eq!(seconds_to_dial(&mut script), Some(1));
}

#[test]
fn after_a_disconnect_for_another_reason_the_next_attempt_waits_a_minute() {
    let mut script = Script::normal_primary();
    disconnect(&mut script, RejectReason::UNKNOWN);
    assert_eq!(seconds_to_dial(&mut script), Some(60));
}

#[test]
fn after_an_error_of_the_partner_the_next_attempt_waits_a_minute() {
    let mut script = Script::normal_primary();
    script.tell(&Message::Unknown { message_type: MessageType(127), payload: &[] });
    assert_eq!(seconds_to_dial(&mut script), Some(60));
}

fn refuse(script: &mut Script) {
    let connect = script.take(MessageType::CONNECT);
    let ack = ConnectAck {
        relationship_name: Some(b"pair"),
        protocol_version: Some(1),
        tls_reply: Some(0),
        reject: Some(Reject { reason: RejectReason::INVALID_PARTNER, message: None }),
        ..ConnectAck::default()
    };
    script.say(connect.xid, &Message::ConnectAck(ack));
}

#[test]
fn after_a_refusal_the_next_attempt_waits_a_minute() {
    let mut script = Script::primary();
    script.connected();
    refuse(&mut script);
    assert_eq!(seconds_to_dial(&mut script), Some(60));
}

#[test]
fn attempts_become_less_frequent_as_refusals_go_on() {
    let mut script = Script::primary();
    for _ in 0..2 {
        script.connected();
        refuse(&mut script);
    }
    assert_eq!(seconds_to_dial(&mut script), Some(120));
}

/// Holds: FO-9.9.2-9.
#[test]
fn attempts_never_cease_however_often_they_are_refused() {
    let mut script = Script::primary();
    for _ in 0..20 {
        script.connected();
        refuse(&mut script);
    }
    assert_eq!(seconds_to_dial(&mut script), Some(300));
}

#[test]
fn a_stopped_server_takes_no_connection_that_it_was_dialling() {
    let mut script = Script::normal_primary();
    script.input(Input::Disconnected { link: LINK });
    script.input(Input::Operator(OperatorCommand::Shutdown));
    script.said.clear();
    script.input(Input::Connected { link: LinkId(2), origin: Origin::Dialled });
    assert_eq!(script.types(), Vec::<&str>::new());
    assert_eq!(script.closed.last(), Some(&LinkId(2)));
}

/// The reason in the only DISCONNECT said.
#[track_caller]
fn reason_said(script: &mut Script) -> Option<RejectReason> {
    let said = script.take(MessageType::DISCONNECT);
    let Message::Disconnect(message) = said.message(Dialect::Isc) else { unreachable!() };
    message.reason
}

/// Holds: FO-3.5-1.
#[test]
fn a_connection_that_is_replaced_is_told_so() {
    let mut script = Script::normal_secondary();
    script.run(25);
    script.said.clear();
    let second = LinkId(2);
    script.input(Input::Connected { link: second, origin: Origin::Accepted });
    let buckets = HashBuckets::half().to_wire(Dialect::Isc);
    let mut octets = Vec::new();
    Message::Connect(good_connect(&buckets))
        .encode(script.now.wall, Xid(9), Dialect::Isc, &mut octets)
        .unwrap();
    let frame = Frame::parse(&octets).unwrap();
    script.input(Input::Received { link: second, frame });
    assert_eq!(script.closed, [LINK]);
    assert_eq!(reason_said(&mut script), Some(RejectReason::DUPLICATE_CONNECTION));
}

#[test]
fn an_accepted_connection_without_state_ends_with_a_disconnect() {
    let mut script = Script::new(config(Role::Secondary, 20), Recovered::default());
    script.connected();
    script.connect();
    script.run(15);
    assert_eq!(script.closed, [LINK]);
    assert_eq!(reason_said(&mut script), Some(RejectReason::NO_TRAFFIC));
}
