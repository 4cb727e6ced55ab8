//! Setting a connection up and keeping it alive (§8).

use twinlease::balance::{HashBuckets, Role};
use twinlease::durable::Recovered;
use twinlease::endpoint::{Event, Input, LinkEnd, LinkId, Origin};
use twinlease::time::UnixTime;
use twinlease::wire::codes::{FailoverState, MessageType, RejectReason, ServerFlags, Xid};
use twinlease::wire::connect::Connect;
use twinlease::wire::dialect::Dialect;
use twinlease::wire::message::Message;

use crate::support::scripted::{LINK, Script, good_connect};
use crate::support::{START, config};

/// Holds: FO-5.1-6.
#[test]
fn a_primary_sends_connect_on_a_connection_it_dialled() {
    let mut script = Script::primary();
    script.connected();
    assert_eq!(script.types(), ["connect"]);
}

#[test]
fn a_primary_sends_connect_on_a_connection_that_a_dhcpd_secondary_dialled() {
    let mut script = Script::primary();
    script.input(Input::Connected { link: LINK, origin: Origin::Accepted });
    assert_eq!(script.types(), ["connect"]);
}

#[test]
fn a_draft_primary_dials_back_instead() {
    let mut relationship = config(Role::Primary, 20);
    relationship.dialect = Dialect::Draft12;
    let mut script = Script::new(relationship, Recovered::default());
    let dials = script.dials;
    script.input(Input::Connected { link: LINK, origin: Origin::Accepted });
    assert_eq!(script.closed, [LINK]);
    assert_eq!(script.dials, dials + 1);
}

#[test]
fn a_secondary_says_nothing_before_connect() {
    let mut script = Script::secondary();
    script.connected();
    assert_eq!(script.types(), Vec::<&str>::new());
}

/// Holds: FO-5.1-7.
#[test]
fn a_secondary_answers_connect_with_connectack_and_state() {
    let mut script = Script::secondary();
    script.connected();
    script.connect();
    assert_eq!(script.types(), ["connectack", "state"]);
    assert_eq!(script.take(MessageType::CONNECTACK).xid, Xid(0));
}

#[test]
fn the_first_state_of_a_new_server_is_recover_in_startup() {
    let mut script = Script::secondary();
    script.connected();
    script.connect();
    let state = script.take(MessageType::STATE).state();
    assert_eq!(state, (FailoverState::Recover, ServerFlags::STARTUP));
}

/// A CONNECT changed by `spoil` is rejected with `reason`.
#[track_caller]
fn rejects(dialect: Dialect, reason: RejectReason, spoil: impl Fn(&mut Connect<'_>)) {
    let mut relationship = config(Role::Secondary, 20);
    relationship.dialect = dialect;
    let mut script = Script::new(relationship, Recovered::default());
    script.input(Input::Connected { link: LINK, origin: Origin::Accepted });
    let buckets = HashBuckets::half().to_wire(dialect);
    let mut connect = good_connect(&buckets);
    spoil(&mut connect);
    script.say(Xid(7), &Message::Connect(connect));
    let ack = script.take(MessageType::CONNECTACK);
    assert_eq!(ack.reject(), Some(reason));
    assert_eq!(ack.xid, Xid(7));
    assert_eq!(script.closed, [LINK]);
    assert_eq!(script.types(), Vec::<&str>::new());
}

/// Holds: FO-5.1.1-3.
/// Holds: FO-12.21-2, A2-24.
#[test]
fn an_unknown_relationship_name_is_an_invalid_partner() {
    rejects(Dialect::Isc, RejectReason::INVALID_PARTNER, |connect| {
        connect.relationship_name = Some(b"other");
    });
}

#[test]
fn a_missing_relationship_name_is_an_invalid_partner() {
    rejects(Dialect::Isc, RejectReason::INVALID_PARTNER, |connect| {
        connect.relationship_name = None;
    });
}

/// Holds: FO-6.1-3.
#[test]
fn a_missing_mclt_is_an_invalid_mclt() {
    rejects(Dialect::Isc, RejectReason::INVALID_MCLT, |connect| connect.mclt = None);
}

#[test]
fn a_missing_hash_bucket_assignment_is_a_hash_bucket_conflict() {
    rejects(Dialect::Isc, RejectReason::HASH_BUCKET_CONFLICT, |connect| {
        connect.hash_bucket_assignment = None;
    });
}

#[test]
fn a_primary_that_insists_on_tls_is_told_that_there_is_none() {
    rejects(Dialect::Isc, RejectReason::TLS_NOT_SUPPORTED, |connect| {
        connect.tls_request = Some(2);
    });
}

#[test]
fn another_protocol_version_is_rejected_by_the_draft() {
    rejects(Dialect::Draft12, RejectReason::VERSION_MISMATCH, |connect| {
        connect.protocol_version = Some(2);
    });
}

/// Holds: FO-5.10-2.
#[test]
fn a_clock_61_seconds_off_is_a_time_mismatch() {
    let mut script = Script::secondary();
    script.connected();
    let buckets = HashBuckets::half().to_wire(Dialect::Isc);
    let mut octets = Vec::new();
    Message::Connect(good_connect(&buckets))
        .encode(UnixTime(START - 61), Xid(3), Dialect::Isc, &mut octets)
        .unwrap();
    script.octets(&octets);
    assert_eq!(script.take(MessageType::CONNECTACK).reject(), Some(RejectReason::TIME_MISMATCH));
}

#[test]
fn a_clock_60_seconds_off_is_accepted() {
    let mut script = Script::secondary();
    script.connected();
    let buckets = HashBuckets::half().to_wire(Dialect::Isc);
    let mut octets = Vec::new();
    Message::Connect(good_connect(&buckets))
        .encode(UnixTime(START - 60), Xid(3), Dialect::Isc, &mut octets)
        .unwrap();
    script.octets(&octets);
    assert_eq!(script.take(MessageType::CONNECTACK).reject(), None);
}

#[test]
fn a_second_connect_while_a_live_link_exists_is_a_duplicate() {
    let mut script = Script::normal_secondary();
    let second = LinkId(2);
    script.input(Input::Connected { link: second, origin: Origin::Accepted });
    let buckets = HashBuckets::half().to_wire(Dialect::Isc);
    let mut octets = Vec::new();
    Message::Connect(good_connect(&buckets))
        .encode(script.now.wall, Xid(9), Dialect::Isc, &mut octets)
        .unwrap();
    let frame = twinlease::wire::frame::Frame::parse(&octets).unwrap();
    script.input(Input::Received { link: second, frame });
    assert_eq!(
        script.take(MessageType::CONNECTACK).reject(),
        Some(RejectReason::DUPLICATE_CONNECTION)
    );
    assert_eq!(script.endpoint.state(), FailoverState::Normal);
}

#[test]
fn a_message_before_connect_closes_the_connection_without_an_answer() {
    let mut script = Script::secondary();
    script.connected();
    script.tell(&Message::Contact);
    assert_eq!(script.closed, [LINK]);
    assert_eq!(script.types(), Vec::<&str>::new());
}

#[test]
fn a_connection_without_connect_is_closed_after_15_seconds() {
    let mut script = Script::secondary();
    script.connected();
    script.run(14);
    assert_eq!(script.closed, []);
    script.run(1);
    assert_eq!(script.closed, [LINK]);
}

/// Holds: FO-3.5-2, FO-5.1-10.
#[test]
fn contact_leaves_after_a_third_of_the_partners_receive_timer() {
    let mut script = Script::normal_primary();
    script.run(9);
    assert!(!script.types().contains(&"contact"), "{:?}", script.types());
    script.run(1);
    assert!(script.types().contains(&"contact"), "{:?}", script.types());
}

#[test]
fn a_partner_that_waits_for_one_second_only_hears_in_time() {
    let mut script = Script::secondary();
    script.connected();
    let buckets = HashBuckets::half().to_wire(Dialect::Isc);
    let connect = Connect { receive_timer: Some(1), ..good_connect(&buckets) };
    script.say(Xid(1), &Message::Connect(connect));
    script.said.clear();
    script.run(1);
    assert_eq!(script.types(), ["contact"; 3]);
}

/// Holds: FO-3.5-1, FO-3.5-3, FO-3.5-4, FO-5.1-8.
/// Holds: FO-12.19-1.
#[test]
fn silence_for_the_own_receive_timer_ends_the_connection_with_reason_17() {
    let mut script = Script::normal_primary();
    script.run(30);
    let disconnect = script.take(MessageType::DISCONNECT);
    let Message::Disconnect(message) = disconnect.message(Dialect::Isc) else { unreachable!() };
    assert_eq!(message.reason, Some(RejectReason::NO_TRAFFIC));
    assert_eq!(script.closed, [LINK]);
    assert_eq!(script.endpoint.state(), FailoverState::CommunicationsInterrupted);
    assert!(script.events.contains(&Event::CommunicationsInterrupted(LinkEnd::Silence)));
}

/// Holds: FO-6.1-11.
#[test]
fn an_unknown_message_type_below_128_ends_the_connection() {
    let mut script = Script::normal_primary();
    script.tell(&Message::Unknown { message_type: MessageType(127), payload: &[] });
    assert_eq!(script.closed, [LINK]);
}

/// Holds: FO-6.1-12, FO-6.1-13.
#[test]
fn an_unknown_message_type_from_128_on_is_ignored() {
    let mut script = Script::normal_primary();
    script.tell(&Message::Unknown { message_type: MessageType(128), payload: &[] });
    assert_eq!(script.closed, []);
    assert_eq!(script.endpoint.state(), FailoverState::Normal);
}

#[test]
fn a_state_without_a_known_value_ends_the_connection() {
    let mut script = Script::normal_primary();
    let state = twinlease::wire::connect::StateMessage {
        server_state: Some(12),
        server_flags: Some(ServerFlags(0)),
        start_of_state: Some(UnixTime(START)),
    };
    script.tell(&Message::State(state));
    assert_eq!(script.closed, [LINK]);
    assert_eq!(script.endpoint.state(), FailoverState::CommunicationsInterrupted);
}

/// Holds: FO-2.2-8, FO-5.2.1-13, FO-5.2.1-14.
#[test]
fn a_secondary_lives_by_the_primarys_mclt() {
    let mut relationship = config(Role::Secondary, 20);
    relationship.mclt = twinlease::binding::times::Mclt(5);
    let mut script = Script::new(relationship, Recovered::default());
    script.connected();
    script.connect();
    assert_eq!(script.endpoint.status().mclt, crate::support::MCLT);
}

#[test]
fn towards_a_dhcpd_in_startup_normal_waits_for_its_state() {
    let mut script = restarted_primary_facing(b"isc-4.4.3-P1");
    assert_eq!(script.types(), Vec::<&str>::new());
    script.state(FailoverState::Recover);
    assert_eq!(
        script.take(MessageType::STATE).state(),
        (FailoverState::CommunicationsInterrupted, ServerFlags(0))
    );
}

#[test]
fn towards_a_silent_dhcpd_normal_waits_one_second() {
    let mut script = restarted_primary_facing(b"isc-4.4.3-P1");
    script.run(1);
    assert_eq!(
        script.take(MessageType::STATE).state(),
        (FailoverState::Normal, ServerFlags::STARTUP)
    );
}

#[test]
fn towards_others_the_recorded_state_is_announced_at_once() {
    let mut script = restarted_primary_facing(b"other");
    assert_eq!(
        script.take(MessageType::STATE).state(),
        (FailoverState::Normal, ServerFlags::STARTUP)
    );
}

/// A primary whose former process was in NORMAL, after CONNECTACK.
fn restarted_primary_facing(vendor: &[u8]) -> Script {
    let record = {
        let script = Script::normal_primary();
        script.record.expect("the state was committed")
    };
    assert_eq!(record.state, FailoverState::Normal);
    let recovered = Recovered { endpoint: Some(record), bindings: Vec::new() };
    let mut script = Script::new(config(Role::Primary, 20), recovered);
    script.connected();
    let connect = script.take(MessageType::CONNECT);
    let ack = twinlease::wire::connect::ConnectAck {
        relationship_name: Some(b"pair"),
        max_unacked_bndupd: Some(10),
        receive_timer: Some(30),
        vendor_class: Some(vendor),
        protocol_version: Some(1),
        tls_reply: Some(0),
        reject: None,
    };
    script.say(connect.xid, &Message::ConnectAck(ack));
    script
}

#[test]
fn of_many_silent_connections_the_oldest_makes_room() {
    let mut script = Script::secondary();
    for number in 2..7 {
        script.input(Input::Connected { link: LinkId(number), origin: Origin::Accepted });
    }
    assert_eq!(script.closed, [LinkId(2)]);
}

/// CONTACTs whose header shows the partner's clock `behind` seconds behind, one every ten seconds.
fn contacts_behind(script: &mut Script, behind: u32, count: u32) {
    for _ in 0..count {
        script.run(10);
        let mut octets = Vec::new();
        let time = UnixTime(script.now.wall.0 - behind);
        Message::Contact.encode(time, Xid(1), Dialect::Isc, &mut octets).unwrap();
        script.octets(&octets);
    }
}

/// Holds: FO-5.10-8, FO-5.10-11.
#[test]
fn a_message_that_was_late_on_its_way_does_not_change_the_clock_delta() {
    let mut script = Script::normal_primary();
    contacts_behind(&mut script, 20, 1);
    contacts_behind(&mut script, 0, 1);
    assert_eq!(script.endpoint.status().clock_delta_seconds, Some(0));
}

/// Holds: FO-5.10-7, FO-5.10-9, FO-5.10-10.
#[test]
fn a_clock_that_was_set_is_believed_after_a_while() {
    let mut script = Script::normal_primary();
    contacts_behind(&mut script, 20, 2);
    assert_eq!(script.endpoint.status().clock_delta_seconds, Some(20));
    assert!(script.events.contains(&Event::ClockJumped { before: 0, now: 20 }));
}
