//! TLS by agreement (§11.2, §12.26, §12.27): what is asked, answered and done; the handshake itself
//! belongs to the driver.

use twinlease::balance::{HashBuckets, Role};
use twinlease::durable::Recovered;
use twinlease::endpoint::{
    ConfigError, Event, FailoverEndpoint, Input, LinkEnd, LinkId, Origin, Output,
    RelationshipConfig, TlsPolicy, TlsSide,
};
use twinlease::time::{Instant, Now, UnixTime};
use twinlease::wire::codes::{FailoverState, MessageType, RejectReason, Xid};
use twinlease::wire::connect::{Connect, ConnectAck, Reject};
use twinlease::wire::dialect::Dialect;
use twinlease::wire::frame::Frame;
use twinlease::wire::message::Message;

use crate::support::scripted::{LINK, Said, Script, good_connect};
use crate::support::world::{PRIMARY, SECONDARY, World};
use crate::support::{START, config};

fn with(role: Role, tls: TlsPolicy) -> RelationshipConfig {
    let mut relationship = config(role, 20);
    relationship.dialect = Dialect::Draft12;
    relationship.tls = tls;
    relationship
}

/// The TLS-request of a CONNECT.
fn request_of(said: &Said) -> Option<u8> {
    let Message::Connect(connect) = said.message(Dialect::Draft12) else { panic!("{said:?}") };
    connect.tls_request
}

/// TLS-reply and reject-reason of a CONNECTACK.
fn answer_of(said: &Said) -> (Option<u8>, Option<RejectReason>) {
    let Message::ConnectAck(ack) = said.message(Dialect::Draft12) else { panic!("{said:?}") };
    (ack.tls_reply, ack.reject.map(|reject| reject.reason))
}

/// A secondary that was told this TLS-request.
fn asked(tls: TlsPolicy, request: Option<u8>, spoil: impl Fn(&mut Connect<'_>)) -> Script {
    let mut script = Script::new(with(Role::Secondary, tls), Recovered::default());
    script.accepted();
    let buckets = HashBuckets::half().to_wire(Dialect::Draft12);
    let mut connect = Connect { tls_request: request, ..good_connect(&buckets) };
    spoil(&mut connect);
    script.say(Xid(7), &Message::Connect(connect));
    script
}

/// A primary that was given this answer to its CONNECT.
fn answered(tls: TlsPolicy, change: impl Fn(&mut ConnectAck<'_>)) -> Script {
    let mut script = Script::new(with(Role::Primary, tls), Recovered::default());
    script.connected();
    let connect = script.take(MessageType::CONNECT);
    let mut ack = ConnectAck {
        relationship_name: Some(b"pair"),
        max_unacked_bndupd: Some(10),
        receive_timer: Some(30),
        vendor_class: Some(b"test"),
        protocol_version: Some(1),
        tls_reply: Some(0),
        reject: None,
    };
    change(&mut ack);
    script.say(connect.xid, &Message::ConnectAck(ack));
    script
}

fn disconnect_reason(script: &mut Script) -> Option<RejectReason> {
    let said = script.take(MessageType::DISCONNECT);
    let Message::Disconnect(message) = said.message(Dialect::Draft12) else { panic!("{said:?}") };
    message.reason
}

/// Holds: FO-7.8-4, FO-7.8.1-17, FO-8.2-19, FO-11.2-3, FO-12.27-1, A2-30.
#[test]
fn every_connect_in_clear_says_what_is_wanted() {
    for (tls, request) in [
        (TlsPolicy::Unsupported, 0),
        (TlsPolicy::Off, 0),
        (TlsPolicy::Desired, 1),
        (TlsPolicy::Required, 2),
    ] {
        let mut script = Script::new(with(Role::Primary, tls), Recovered::default());
        script.connected();
        assert_eq!(request_of(&script.take(MessageType::CONNECT)), Some(request));
    }
}

/// The whole table of §7.8.2.
///
/// Holds: FO-7.8.2-7, FO-7.8.2-11, FO-7.8.2-12, FO-7.8.2-13, FO-7.8.2-14, FO-7.8.2-15, FO-7.8.2-16.
/// Holds: FO-7.9-7, FO-7.9-9, FO-7.9.1-8, FO-11.2-1, FO-11.2-4, FO-12.26-1, FO-12.26-2, FO-12.27-2.
/// Holds: FO-12.27-3, FO-12.27-4, FO-11-3, A1-11, A1-13.
#[test]
fn the_secondary_decides_by_the_table() {
    use TlsPolicy::{Desired, Off, Required, Unsupported};
    for (request, tls, reply, reason) in [
        (0, Unsupported, 0, None),
        (0, Off, 0, None),
        (0, Desired, 0, None),
        (0, Required, 1, Some(RejectReason::TLS_REQUIRED)),
        (1, Unsupported, 0, None),
        (1, Off, 0, None),
        (1, Desired, 1, None),
        (1, Required, 1, None),
        (2, Unsupported, 0, Some(RejectReason::TLS_NOT_SUPPORTED)),
        (2, Off, 0, Some(RejectReason::TLS_NOT_CONFIGURED)),
        (2, Desired, 1, None),
        (2, Required, 1, None),
    ] {
        let mut script = asked(tls, Some(request), |_| {});
        let answer = answer_of(&script.take(MessageType::CONNECTACK));
        assert_eq!(answer, (Some(reply), reason), "request {request}, {tls:?}");
        let begun = reply == 1 && reason.is_none();
        assert_eq!(script.tls, if begun { vec![TlsSide::Server] } else { Vec::new() });
        assert_eq!(script.closed.is_empty(), reason.is_none());
    }
}

/// Holds: FO-7.9-8, FO-7.9-10.
#[test]
fn without_tls_request_there_is_no_tls_reply() {
    let mut script = asked(TlsPolicy::Desired, None, |_| {});
    assert_eq!(answer_of(&script.take(MessageType::CONNECTACK)), (None, None));
    let mut script = asked(TlsPolicy::Required, None, |_| {});
    let answer = answer_of(&script.take(MessageType::CONNECTACK));
    assert_eq!(answer, (None, Some(RejectReason::TLS_REQUIRED)));
}

/// Holds: FO-7.8.2-8, FO-11.2-5, FO-8.2-20.
#[test]
fn the_secondary_begins_tls_at_once_and_says_nothing_more_in_clear() {
    let script = asked(TlsPolicy::Required, Some(2), |_| {});
    assert_eq!(script.types(), ["connectack"]);
    assert_eq!(script.tls, [TlsSide::Server]);
}

/// The name of the relationship is looked at inside TLS only.
///
/// Holds: FO-7.8.2-8, FO-7.8.2-9.
#[test]
fn tls_comes_before_the_name_of_the_relationship() {
    let other = |connect: &mut Connect<'_>| connect.relationship_name = Some(b"other");
    let mut script = asked(TlsPolicy::Required, Some(2), other);
    assert_eq!(answer_of(&script.take(MessageType::CONNECTACK)), (Some(1), None));
    let mut script = asked(TlsPolicy::Off, Some(2), other);
    let answer = answer_of(&script.take(MessageType::CONNECTACK));
    assert_eq!(answer, (Some(0), Some(RejectReason::TLS_NOT_CONFIGURED)));
}

/// Holds: FO-7.8.2-10.
#[test]
fn a_reply_of_no_tls_goes_along_with_the_later_answer() {
    let other = |connect: &mut Connect<'_>| connect.relationship_name = Some(b"other");
    let mut script = asked(TlsPolicy::Off, Some(1), other);
    let answer = answer_of(&script.take(MessageType::CONNECTACK));
    assert_eq!(answer, (Some(0), Some(RejectReason::INVALID_PARTNER)));
}

/// Holds: A1-12.
#[test]
fn the_secondary_looks_at_the_version_before_tls() {
    let newer = |connect: &mut Connect<'_>| connect.protocol_version = Some(2);
    let mut script = asked(TlsPolicy::Required, Some(2), newer);
    let answer = answer_of(&script.take(MessageType::CONNECTACK));
    assert_eq!(answer, (Some(0), Some(RejectReason::VERSION_MISMATCH)));
}

/// Holds: FO-7.9.2-9, FO-11.2-5, FO-8.2-20, A1-12, A2-30.
#[test]
fn the_primary_begins_tls_at_once_whatever_else_the_connectack_says() {
    for tls in [TlsPolicy::Desired, TlsPolicy::Required] {
        let script = answered(tls, |ack| {
            ack.tls_reply = Some(1);
            ack.protocol_version = Some(2);
        });
        assert_eq!(script.tls, [TlsSide::Client]);
        assert_eq!(script.types(), Vec::<&str>::new());
    }
}

/// Holds: A1-13.
#[test]
fn the_primary_looks_at_a_rejection_before_tls() {
    let script = answered(TlsPolicy::Required, |ack| {
        ack.tls_reply = Some(1);
        ack.reject = Some(Reject { reason: RejectReason::TLS_REQUIRED, message: None });
    });
    assert_eq!(script.tls, Vec::new());
    assert_eq!(script.closed, [LINK]);
}

#[test]
fn a_primary_that_requires_tls_never_goes_on_without() {
    for reply in [None, Some(0), Some(2)] {
        let mut script = answered(TlsPolicy::Required, |ack| ack.tls_reply = reply);
        assert_eq!(disconnect_reason(&mut script), Some(RejectReason::TLS_REQUIRED));
        assert_eq!(script.closed, [LINK]);
    }
}

#[test]
fn a_primary_that_did_not_ask_for_tls_refuses_it() {
    let mut script = answered(TlsPolicy::Off, |ack| ack.tls_reply = Some(1));
    assert_eq!(disconnect_reason(&mut script), Some(RejectReason::TLS_NOT_SUPPORTED));
    assert_eq!(script.tls, Vec::new());
}

#[test]
fn a_primary_that_would_like_tls_goes_on_without() {
    let script = answered(TlsPolicy::Desired, |ack| ack.tls_reply = Some(0));
    assert_eq!(script.types(), ["state"]);
}

/// Holds: FO-7.8-5, FO-7.8.1-18, FO-8.2-21, FO-8.2-22, FO-8.2-23, FO-11.2-6, FO-11.2-7.
#[test]
fn over_tls_connect_comes_once_more_and_does_not_speak_of_tls() {
    let mut script = answered(TlsPolicy::Required, |ack| ack.tls_reply = Some(1));
    script.input(Input::TlsEstablished { link: LINK });
    assert_eq!(script.types(), ["connect"]);
    let connect = script.take(MessageType::CONNECT);
    assert_eq!(request_of(&connect), None);
    let ack = ConnectAck {
        relationship_name: Some(b"pair"),
        max_unacked_bndupd: Some(10),
        receive_timer: Some(30),
        vendor_class: Some(b"test"),
        protocol_version: Some(1),
        ..ConnectAck::default()
    };
    script.say(connect.xid, &Message::ConnectAck(ack));
    assert_eq!(script.types(), ["state"]);
}

/// Holds: FO-7.9-8, FO-7.9.1-9, FO-7.9.1-16, FO-8.2-23, FO-8.2-24.
#[test]
fn over_tls_connectack_does_not_speak_of_tls_and_state_follows() {
    for request in [None, Some(2)] {
        let mut script = asked(TlsPolicy::Required, Some(2), |_| {});
        script.take(MessageType::CONNECTACK);
        script.input(Input::TlsEstablished { link: LINK });
        let buckets = HashBuckets::half().to_wire(Dialect::Draft12);
        let connect = Connect { tls_request: request, ..good_connect(&buckets) };
        script.say(Xid(8), &Message::Connect(connect));
        assert_eq!(answer_of(&script.said[0]), (None, None));
        assert_eq!(script.types(), ["connectack", "state"]);
    }
}

/// Holds: FO-11.2-5.
#[test]
fn a_partner_that_goes_on_in_clear_loses_the_connection() {
    let mut script = asked(TlsPolicy::Desired, Some(1), |_| {});
    script.take(MessageType::CONNECTACK);
    script.state(FailoverState::Normal);
    assert_eq!(script.closed, [LINK]);
    assert_eq!(script.types(), Vec::<&str>::new());
    let told = |event: &Event| matches!(event, Event::ConnectionRefused(LinkEnd::Tls(_)));
    assert!(script.events.iter().any(|event| told(event) && event.is_warning()));
}

#[test]
fn a_handshake_that_fails_ends_the_connection_and_is_told() {
    let mut script = answered(TlsPolicy::Desired, |ack| ack.tls_reply = Some(1));
    script.input(Input::TlsFailed { link: LINK, reason: "unknown issuer", refused: true });
    assert_eq!(script.closed, [LINK]);
    assert_eq!(script.types(), Vec::<&str>::new());
    let end = LinkEnd::Tls("unknown issuer".to_owned());
    assert!(script.events.contains(&Event::ConnectionRefused(end)));
}

#[test]
fn a_partner_refused_over_tls_is_not_dialled_again_for_a_minute() {
    let mut script = answered(TlsPolicy::Required, |ack| ack.tls_reply = Some(1));
    let dials = script.dials;
    script.input(Input::TlsFailed { link: LINK, reason: "unknown issuer", refused: true });
    script.run(59);
    assert_eq!(script.dials, dials);
}

#[test]
fn after_a_handshake_that_was_broken_off_the_partner_is_dialled_again_soon() {
    let mut script = answered(TlsPolicy::Required, |ack| ack.tls_reply = Some(1));
    let dials = script.dials;
    script.input(Input::TlsFailed { link: LINK, reason: "too long", refused: false });
    script.run(2);
    assert_eq!(script.dials, dials + 1);
}

#[test]
fn a_connection_lost_instead_of_an_answer_to_connect_is_told() {
    let mut script = Script::primary();
    script.connected();
    script.input(Input::Disconnected { link: LINK });
    assert!(script.events.contains(&Event::ConnectionRefused(LinkEnd::Lost)));
}

#[test]
fn a_handshake_that_never_ends_is_given_up() {
    let mut script = answered(TlsPolicy::Required, |ack| ack.tls_reply = Some(1));
    script.run(14);
    assert_eq!(script.closed, Vec::<LinkId>::new());
    script.run(2);
    assert_eq!(script.closed, [LINK]);
}

fn pair(primary: TlsPolicy, secondary: TlsPolicy, certified: bool) -> World {
    let mut world = World::new(with(Role::Primary, primary), with(Role::Secondary, secondary));
    world.certified = certified;
    world.start(PRIMARY);
    world.start(SECONDARY);
    world.run(30);
    world
}

/// Holds: FO-11.2-2.
#[test]
fn two_servers_reach_normal_over_tls_on_the_connection_that_they_have() {
    let world = pair(TlsPolicy::Required, TlsPolicy::Required, true);
    assert_eq!(world.state(PRIMARY), FailoverState::Normal);
    assert_eq!(world.state(SECONDARY), FailoverState::Normal);
    assert!(world.sides.iter().all(|side| side.events.contains(&Event::Secured)));
}

#[test]
fn two_servers_without_good_certificates_never_talk() {
    for tls in [TlsPolicy::Desired, TlsPolicy::Required] {
        let world = pair(tls, tls, false);
        assert_ne!(world.state(PRIMARY), FailoverState::Normal);
        assert_ne!(world.state(SECONDARY), FailoverState::Normal);
    }
}

#[test]
fn tls_towards_a_dhcpd_is_refused() {
    let mut relationship = with(Role::Primary, TlsPolicy::Desired);
    relationship.dialect = Dialect::Isc;
    let now = Now { monotonic: Instant::from_micros(0), wall: UnixTime(START) };
    let error = FailoverEndpoint::new(relationship, Recovered::default(), now).unwrap_err();
    assert_eq!(error, ConfigError::TlsNotUsed(Dialect::Isc));
    assert!(error.to_string().contains("have no TLS"), "{error}");
}

/// The answer is taken together with the order, and what else is to be done stays to be done.
#[test]
fn the_order_to_begin_tls_comes_with_the_answer_and_takes_nothing_else_away() {
    let now = Now { monotonic: Instant::from_micros(0), wall: UnixTime(START) };
    let relationship = with(Role::Secondary, TlsPolicy::Required);
    let mut endpoint = FailoverEndpoint::new(relationship, Recovered::default(), now).unwrap();
    endpoint.handle_input(now, Input::Connected { link: LINK, origin: Origin::Accepted });
    let buckets = HashBuckets::half().to_wire(Dialect::Draft12);
    let connect = Connect { tls_request: Some(1), ..good_connect(&buckets) };
    let mut octets = Vec::new();
    Message::Connect(connect).encode(now.wall, Xid(7), Dialect::Draft12, &mut octets).unwrap();
    let frame = Frame::parse_as(&octets, Dialect::Draft12).unwrap();
    endpoint.handle_input(now, Input::Received { link: LINK, frame });
    let mut committed = false;
    loop {
        match endpoint.poll_output() {
            Output::Commit(_) => committed = true,
            Output::StartTls { link, .. } => break assert_eq!(link, LINK),
            Output::Transmit(_) | Output::Idle { .. } => panic!("no order to begin"),
            _ => {}
        }
    }
    assert!(committed, "the record of the new process");
    let mut answer = Vec::new();
    endpoint.take_transmit(LINK, &mut answer);
    assert_eq!(Frame::parse(&answer).unwrap().header.message_type, MessageType::CONNECTACK);
}
