//! Messages signed with a shared secret (§11.1).

use std::collections::BTreeSet;

use twinlease::balance::{HashBuckets, Role};
use twinlease::durable::Recovered;
use twinlease::endpoint::{
    ConfigError, Event, FailoverEndpoint, Input, LeaseAuthority, LinkEnd, LinkId, OperatorCommand,
    Origin, RelationshipConfig, SharedSecrets,
};
use twinlease::time::{Instant, Now, UnixTime};
use twinlease::wire::bndupd::{BindingUpdate, BndUpd};
use twinlease::wire::codes::{FailoverState, MessageType, RejectReason, Xid};
use twinlease::wire::connect::{ConnectAck, Reject};
use twinlease::wire::dialect::Dialect;
use twinlease::wire::digest::{DigestInput, DigestKey, SharedSecret, carries_digest};
use twinlease::wire::frame::Frame;
use twinlease::wire::message::Message;

use crate::support::scripted::{LINK, Said, Script, good_ack, good_connect};
use crate::support::world::{PRIMARY, SECONDARY, World};
use crate::support::{START, address, config};

const OLD: &[u8] = b"the secret of last year";
const NEW: &[u8] = b"the secret of this year";

fn secret(octets: &[u8]) -> SharedSecret {
    SharedSecret::new(octets).unwrap()
}

fn key(octets: &[u8]) -> DigestKey {
    DigestKey::new(&secret(octets), DigestInput::MessageAndSecret)
}

/// A draft relationship with these secrets, the one in force first.
fn knowing(role: Role, secrets: &[&[u8]]) -> RelationshipConfig {
    let mut relationship = config(role, 20);
    relationship.dialect = Dialect::Draft12;
    relationship.secrets = secrets.first().map(|current| SharedSecrets {
        current: secret(current),
        previous: secrets.get(1).map(|previous| secret(previous)),
        input: DigestInput::MessageAndSecret,
    });
    relationship
}

fn secondary() -> Script {
    Script::signed_by(knowing(Role::Secondary, &[NEW]), key(NEW))
}

fn primary() -> Script {
    Script::signed_by(knowing(Role::Primary, &[NEW]), key(NEW))
}

fn normal_secondary() -> Script {
    let mut script = secondary();
    script.settle_as_secondary();
    script
}

/// reject-reason of a DISCONNECT.
fn disconnect_reason(said: &Said) -> Option<RejectReason> {
    let Message::Disconnect(disconnect) = said.message(Dialect::Draft12) else {
        panic!("{said:?}")
    };
    disconnect.reason
}

/// Everything that a server says in its life, as far as `role` says it.
fn life(relationship: RelationshipConfig, key: Option<DigestKey>) -> Vec<Vec<u8>> {
    let role = relationship.role;
    let mut script = Script::new(relationship, Recovered::default());
    script.key = key;
    match role {
        Role::Primary => script.settle_as_primary(),
        Role::Secondary => script.settle_as_secondary(),
    }
    script.tell(&Message::UpdReqAll);
    script.answer_everything();
    script.free_by_partner(10);
    if role == Role::Primary {
        script.tell(&Message::PoolReq);
        script.answer_everything();
    }
    script.run_talking(60);
    script.run(60);
    script.sent
}

fn types(messages: &[Vec<u8>]) -> BTreeSet<&'static str> {
    messages.iter().map(|octets| Frame::parse(octets).unwrap().header.message_type.name()).collect()
}

/// Everything that either server says but CONTACT and POOLREQ comes up in [`life`].
fn assert_lively(messages: &[Vec<u8>]) {
    let expected = [
        "connect",
        "connectack",
        "state",
        "contact",
        "bndupd",
        "bndack",
        "updreqall",
        "upddone",
        "poolreq",
        "poolresp",
        "disconnect",
    ];
    assert_eq!(types(messages), BTreeSet::from(expected));
}

/// Holds: FO-11-2, FO-11.1-3, FO-12.17-4, FO-7.9.1-10, A1-50.
#[test]
fn with_a_secret_every_message_is_signed() {
    let mut messages = life(knowing(Role::Primary, &[NEW]), Some(key(NEW)));
    messages.extend(life(knowing(Role::Secondary, &[NEW]), Some(key(NEW))));
    assert_lively(&messages);
    for octets in messages {
        let frame = Frame::parse(&octets).unwrap();
        assert_eq!(key(NEW).verify(&frame), Ok(()), "{}", frame.header.message_type.name());
    }
}

/// Holds: FO-11.1-6.
#[test]
fn without_a_secret_no_message_is_signed() {
    let mut messages = life(knowing(Role::Primary, &[]), None);
    messages.extend(life(knowing(Role::Secondary, &[]), None));
    assert_lively(&messages);
    for octets in messages {
        let frame = Frame::parse(&octets).unwrap();
        assert!(!carries_digest(&frame), "{}", frame.header.message_type.name());
    }
}

/// A rejecting CONNECTACK is signed too.
///
/// Holds: FO-11.1-3, A1-50.
#[test]
fn a_rejection_is_signed() {
    let mut script = secondary();
    script.accepted();
    script.key = Some(key(OLD));
    script.connect();
    let ack = script.take(MessageType::CONNECTACK);
    assert_eq!(key(NEW).verify(&ack.frame()), Ok(()));
}

/// What a secondary says to a CONNECT of a partner that signs with `partner`.
#[track_caller]
fn rejects_connect(relationship: RelationshipConfig, partner: Option<DigestKey>) -> RejectReason {
    let mut script = Script::new(relationship, Recovered::default());
    script.key = partner;
    script.accepted();
    script.connect();
    assert_eq!(script.types(), ["connectack"]);
    assert_eq!(script.closed, [LINK]);
    script.take(MessageType::CONNECTACK).reject().unwrap()
}

/// Holds: FO-11.1-4, FO-11.1-13, A2-27.
#[test]
fn a_connect_without_digest_is_rejected_and_the_connection_closed() {
    let reason = rejects_connect(knowing(Role::Secondary, &[NEW]), None);
    assert_eq!(reason, RejectReason::MISSING_DIGEST);
}

/// Holds: FO-7.8.2-18, FO-11.1-13, A2-27.
#[test]
fn a_connect_signed_with_another_secret_is_rejected_and_the_connection_closed() {
    let reason = rejects_connect(knowing(Role::Secondary, &[NEW]), Some(key(OLD)));
    assert_eq!(reason, RejectReason::DIGEST_MISMATCH);
}

/// Holds: FO-11.1-7.
#[test]
fn a_signed_connect_is_rejected_without_a_secret() {
    let reason = rejects_connect(knowing(Role::Secondary, &[]), Some(key(NEW)));
    assert_eq!(reason, RejectReason::DIGEST_NOT_CONFIGURED);
}

/// Holds: FO-7.8.2-17, FO-12.17-7.
#[test]
fn a_connect_with_a_digest_of_an_unknown_type_is_rejected_as_not_supported() {
    let mut octets = Vec::new();
    let buckets = [0; 32];
    let connect = Message::Connect(good_connect(&buckets));
    let (time, dialect) = (UnixTime(START), Dialect::Draft12);
    connect.encode_signed(time, Xid(1), dialect, Some(&key(NEW)), &mut octets).unwrap();
    octets[16] = 2;
    let mut script = secondary();
    script.accepted();
    script.octets(&octets);
    let ack = script.take(MessageType::CONNECTACK);
    assert_eq!(ack.reject(), Some(RejectReason::DIGEST_NOT_SUPPORTED));
}

/// Holds: FO-7.8.2-18.
#[test]
fn the_digest_is_looked_at_before_the_name_of_the_relationship() {
    let mut relationship = knowing(Role::Secondary, &[NEW]);
    relationship.name = "other".to_owned();
    assert_eq!(rejects_connect(relationship, Some(key(OLD))), RejectReason::DIGEST_MISMATCH);
}

/// A message of the partner's on an established connection is answered by DISCONNECT.
#[track_caller]
fn disconnects(mut script: Script, partner: Option<DigestKey>, reason: RejectReason) {
    script.key = partner;
    script.tell(&Message::Contact);
    assert_eq!(script.types(), ["disconnect"]);
    assert_eq!(disconnect_reason(&script.said[0]), Some(reason));
    assert_eq!(script.closed, [LINK]);
}

/// Holds: FO-11.1-4, FO-11.1-13, A2-27.
#[test]
fn a_message_without_digest_ends_the_connection() {
    disconnects(normal_secondary(), None, RejectReason::MISSING_DIGEST);
}

/// Holds: FO-11.1-13, A2-27.
#[test]
fn a_message_signed_with_another_secret_ends_the_connection() {
    disconnects(normal_secondary(), Some(key(OLD)), RejectReason::DIGEST_MISMATCH);
}

/// Holds: FO-11.1-7, A2-27.
#[test]
fn a_signed_message_ends_the_connection_without_a_secret() {
    let script = Script::normal_secondary_of(knowing(Role::Secondary, &[]));
    disconnects(script, Some(key(NEW)), RejectReason::DIGEST_NOT_CONFIGURED);
}

/// Holds: FO-11.1-7.
#[test]
fn a_dhcpd_that_signed_would_be_refused_as_well() {
    let script = Script::normal_secondary();
    disconnects(script, Some(key(NEW)), RejectReason::DIGEST_NOT_CONFIGURED);
}

/// Holds: FO-11.1-13, A2-27.
#[test]
fn a_connectack_signed_with_another_secret_is_answered_by_disconnect() {
    let mut script = primary();
    script.connected();
    script.key = Some(key(OLD));
    script.accept_connect();
    assert_eq!(script.types(), ["disconnect"]);
    assert_eq!(disconnect_reason(&script.said[0]), Some(RejectReason::DIGEST_MISMATCH));
    assert_eq!(script.closed, [LINK]);
}

/// Holds: FO-11.1-14.
#[test]
fn operators_are_warned_of_a_message_that_is_not_authentic() {
    let mut script = normal_secondary();
    script.key = Some(key(OLD));
    script.tell(&Message::Contact);
    let warned = script.events.iter().any(|event| {
        let reason = RejectReason::DIGEST_MISMATCH;
        event.is_warning()
            && matches!(event, Event::CommunicationsInterrupted(LinkEnd::Rejected(why, _)) if *why == reason)
    });
    assert!(warned, "{:?}", script.events);
}

/// Holds: FO-11.1-14.
#[test]
fn operators_are_warned_of_a_connect_that_is_not_authentic() {
    let mut script = secondary();
    script.accepted();
    script.key = None;
    script.connect();
    let warned = script.events.iter().any(|event| {
        let reason = RejectReason::MISSING_DIGEST;
        event.is_warning()
            && matches!(event, Event::ConnectionRefused(LinkEnd::Rejected(why, _)) if *why == reason)
    });
    assert!(warned, "{:?}", script.events);
}

/// Holds: FO-11-1.
#[test]
fn a_forged_state_message_moves_nothing() {
    let mut script = normal_secondary();
    script.key = Some(key(OLD));
    script.state(FailoverState::Shutdown);
    assert_eq!(script.endpoint.state(), FailoverState::CommunicationsInterrupted);
    assert_eq!(script.endpoint.status().partner_state, Some(FailoverState::Normal));
}

#[test]
fn a_forged_update_changes_no_binding() {
    let mut script = normal_secondary();
    let before = script.endpoint.table().get(address(12));
    script.key = Some(key(OLD));
    let update =
        BindingUpdate { address: address(12), binding_status: Some(5), ..BindingUpdate::default() };
    script.tell(&Message::BndUpd(BndUpd::of(&[update])));
    assert_eq!(script.endpoint.table().get(address(12)), before);
}

#[test]
fn after_a_failure_the_next_attempt_is_a_minute_away() {
    let mut script = primary();
    script.connected();
    script.key = Some(key(OLD));
    script.accept_connect();
    let dials = script.dials;
    script.run(59);
    assert_eq!(script.dials, dials);
    script.run(2);
    assert_eq!(script.dials, dials + 1);
}

/// A primary that knows these secrets, whose CONNECT a partner that signs with `partner` has rejected for
/// this reason.
fn rejected(secrets: &[&[u8]], partner: &[u8], reason: RejectReason) -> Script {
    let mut script = Script::signed_by(knowing(Role::Primary, secrets), key(partner));
    script.connected();
    let connect = script.take(MessageType::CONNECT);
    let ack = ConnectAck { reject: Some(Reject { reason, message: None }), ..good_ack() };
    script.say(connect.xid, &Message::ConnectAck(ack));
    script
}

/// Whether the next attempt follows at once.
fn dials_again(mut script: Script) -> bool {
    let dials = script.dials;
    script.run(1);
    script.dials > dials
}

#[test]
fn a_partner_with_the_other_secret_is_called_with_it_at_once() {
    assert!(dials_again(rejected(&[NEW, OLD], OLD, RejectReason::DIGEST_MISMATCH)));
}

#[test]
fn a_partner_that_takes_no_secret_is_left_alone_for_a_while() {
    assert!(!dials_again(rejected(&[NEW, OLD], NEW, RejectReason::DIGEST_MISMATCH)));
    assert!(!dials_again(rejected(&[NEW, OLD], OLD, RejectReason::INVALID_PARTNER)));
}

#[test]
fn without_a_secret_no_time_of_a_connect_is_recorded() {
    for script in [
        Script::normal_primary_of(knowing(Role::Primary, &[])),
        Script::normal_secondary_of(knowing(Role::Secondary, &[])),
    ] {
        assert_eq!(script.record.unwrap().last_connect_time, None);
    }
}

// Messages of the past.

/// The endpoint of another process that finds what this one has on disk.
fn restarted(script: &Script, relationship: RelationshipConfig) -> Script {
    let recovered = Recovered { endpoint: script.record.clone(), bindings: Vec::new() };
    let mut next = Script::starting_at(script.now, relationship, recovered);
    next.key.clone_from(&script.key);
    next
}

/// What is said to a CONNECT that carries `time`, on a new connection.
fn connect_at(script: &mut Script, time: u32) -> Option<RejectReason> {
    script.cut();
    script.closed.clear();
    script.accepted();
    let now = script.now;
    script.now.wall = UnixTime(time);
    let buckets = HashBuckets::half().to_wire(Dialect::Draft12);
    let mut octets = Vec::new();
    let connect = Message::Connect(good_connect(&buckets));
    let (time, dialect, key) = (UnixTime(time), Dialect::Draft12, script.key.clone());
    connect.encode_signed(time, Xid(7), dialect, key.as_ref(), &mut octets).unwrap();
    script.now = now;
    script.octets(&octets);
    script.take(MessageType::CONNECTACK).reject()
}

/// A primary that connects again and again within a second counts the times of its CONNECTs up.
#[test]
fn the_time_of_a_connect_that_was_counted_up_is_not_taken_for_the_partners_clock() {
    let mut script = secondary();
    assert_eq!(connect_at(&mut script, START + 5), None);
    script.state(FailoverState::Recover);
    assert_eq!(script.endpoint.status().clock_delta_seconds, Some(0));
}

/// Holds: FO-11.1-16, A2-26.
#[test]
fn a_connect_that_is_played_back_is_rejected() {
    let mut script = secondary();
    assert_eq!(connect_at(&mut script, START), None);
    assert_eq!(connect_at(&mut script, START), Some(RejectReason::TIME_MISMATCH));
    assert_eq!(connect_at(&mut script, START - 1), Some(RejectReason::TIME_MISMATCH));
    assert_eq!(connect_at(&mut script, START + 1), None);
}

/// Holds: FO-11.1-15, FO-11.1-16.
#[test]
fn a_connect_of_the_time_before_a_restart_is_rejected() {
    let mut script = secondary();
    assert_eq!(connect_at(&mut script, START), None);
    let mut script = restarted(&script, knowing(Role::Secondary, &[NEW]));
    assert_eq!(connect_at(&mut script, START), Some(RejectReason::TIME_MISMATCH));
}

/// Holds: FO-11.1-15.
#[test]
fn the_time_of_a_connect_is_on_disk_before_it_is_answered() {
    let mut script = secondary();
    script.instant_disk = false;
    script.sync();
    script.accepted();
    script.connect();
    assert_eq!(script.types(), Vec::<&str>::new());
    assert_eq!(script.record.as_ref().unwrap().last_connect_time, Some(UnixTime(START)));
    script.sync();
    assert_eq!(script.types(), ["connectack", "state"]);
}

/// Holds: FO-11.1-15.
#[test]
fn the_time_of_a_connect_that_is_rejected_for_another_reason_is_kept_too() {
    let mut relationship = knowing(Role::Secondary, &[NEW]);
    relationship.name = "other".to_owned();
    let mut script = Script::signed_by(relationship, key(NEW));
    assert_eq!(connect_at(&mut script, START), Some(RejectReason::INVALID_PARTNER));
    assert_eq!(connect_at(&mut script, START), Some(RejectReason::TIME_MISMATCH));
}

#[test]
fn the_time_of_a_connect_that_is_not_authentic_is_not_kept() {
    let mut script = secondary();
    script.key = Some(key(OLD));
    assert_eq!(connect_at(&mut script, START + 60), Some(RejectReason::DIGEST_MISMATCH));
    script.key = Some(key(NEW));
    assert_eq!(connect_at(&mut script, START), None);
}

/// Holds: A2-26.
#[test]
fn without_a_secret_the_time_of_a_connect_may_be_any() {
    let mut script = Script::new(knowing(Role::Secondary, &[]), Recovered::default());
    assert_eq!(connect_at(&mut script, START), None);
    assert_eq!(connect_at(&mut script, START - 60), None);
}

/// Holds: A2-26.
#[test]
fn an_operator_lets_a_partner_in_whose_clock_was_set_back() {
    let mut script = secondary();
    assert_eq!(connect_at(&mut script, START + 60), None);
    script.input(Input::Operator(OperatorCommand::ForgetConnectTime));
    let mut script = restarted(&script, knowing(Role::Secondary, &[NEW]));
    assert_eq!(connect_at(&mut script, START), None);
}

/// The times of two CONNECTs of a primary, the second with the clock at `later`, which may be
/// earlier, in a process of its own if `restart`.
fn two_connects(later: u32, restart: bool) -> [UnixTime; 2] {
    let mut script = primary();
    script.connected();
    let first = script.take(MessageType::CONNECT).frame().header.time;
    script.cut();
    if restart {
        script = restarted(&script, knowing(Role::Primary, &[NEW]));
    }
    script.now.wall = UnixTime(later);
    script.input(Input::Connected { link: LinkId(2), origin: Origin::Dialled });
    [first, script.take(MessageType::CONNECT).frame().header.time]
}

/// Holds: A2-26.
#[test]
fn the_connects_of_a_primary_are_later_each_time_whatever_its_clock_does() {
    for restart in [false, true] {
        let start = UnixTime(START);
        assert_eq!(two_connects(START, restart), [start, UnixTime(START + 1)]);
        assert_eq!(two_connects(START - 100, restart), [start, UnixTime(START + 1)]);
        assert_eq!(two_connects(START + 9, restart), [start, UnixTime(START + 9)]);
    }
}

// Order within a connection.

fn contact(script: &mut Script, xid: u32) {
    script.say(Xid(xid), &Message::Contact);
}

/// Holds: FO-11.1-18, A2-25.
#[test]
fn a_message_whose_xid_does_not_exceed_the_one_before_ends_the_connection() {
    for xid in [500, 499] {
        let mut script = normal_secondary();
        contact(&mut script, 500);
        assert_eq!(script.types(), Vec::<&str>::new());
        contact(&mut script, xid);
        assert_eq!(script.types(), ["disconnect"]);
        assert_eq!(script.closed, [LINK]);
    }
}

/// Holds: A2-25.
#[test]
fn xids_may_leave_some_out() {
    let mut script = normal_secondary();
    contact(&mut script, 500);
    contact(&mut script, u32::MAX);
    assert_eq!(script.closed, Vec::<LinkId>::new());
}

/// Holds: A2-25.
#[test]
fn an_answer_repeats_the_xid_of_its_request_and_no_more() {
    let mut script = primary();
    script.settle_as_primary();
    contact(&mut script, 500);
    // UPDDONE of xid 1 answers nothing, which is no matter of authentication.
    script.say(Xid(1), &Message::UpdDone);
    assert_eq!(script.closed, Vec::<LinkId>::new());
}

/// Holds: A2-25.
#[test]
fn xids_begin_anew_with_a_connection() {
    let mut script = normal_secondary();
    contact(&mut script, 500);
    assert_eq!(connect_at(&mut script, START + 5), None);
}

/// Holds: A2-25.
#[test]
fn without_a_secret_xids_may_come_in_any_order() {
    let mut script = Script::normal_secondary_of(knowing(Role::Secondary, &[]));
    contact(&mut script, 500);
    contact(&mut script, 499);
    assert_eq!(script.closed, Vec::<LinkId>::new());
}

/// Holds: FO-11.1-17, A2-25.
#[test]
fn the_xids_of_messages_that_are_no_answers_increase() {
    for role in [Role::Primary, Role::Secondary] {
        let messages = life(knowing(role, &[NEW]), Some(key(NEW)));
        let headers = messages.iter().map(|octets| Frame::parse(octets).unwrap().header);
        let answers = [
            MessageType::CONNECTACK,
            MessageType::BNDACK,
            MessageType::POOLRESP,
            MessageType::UPDDONE,
        ];
        let own = headers.filter(|header| !answers.contains(&header.message_type));
        let xids: Vec<Xid> = own.map(|header| header.xid).collect();
        assert!(xids.windows(2).all(|pair| pair[0] < pair[1]), "{role:?}: {xids:?}");
    }
}

/// What waited for the disk leaves with an xid above all that left before it.
///
/// Holds: FO-11.1-17.
#[test]
fn a_request_that_waited_for_the_disk_has_the_xid_of_its_leaving() {
    let mut script = secondary();
    script.accepted();
    script.connect();
    script.instant_disk = false;
    script.state(FailoverState::Recover);
    for _ in 0..4 {
        script.run(5);
        script.tell(&Message::Contact);
    }
    script.sync();
    let xids: Vec<Xid> = script.said.iter().map(|said| said.xid).skip(1).collect();
    assert!(script.types().contains(&"updreqall") && script.types().contains(&"contact"));
    assert!(xids.windows(2).all(|pair| pair[0] < pair[1]), "{xids:?}");
}

// Clocks.

/// Whether a partner is let in whose clock is behind by `seconds` with this tolerance.
fn let_in(tolerance: Option<u32>, seconds: u32) -> Option<RejectReason> {
    let mut relationship = knowing(Role::Secondary, &[NEW]);
    relationship.max_clock_delta = tolerance;
    let mut script = Script::signed_by(relationship, key(NEW));
    connect_at(&mut script, START - seconds)
}

/// Holds: FO-11.1-20, FO-11.1-21.
#[test]
fn the_difference_of_the_clocks_may_be_limited() {
    assert_eq!(let_in(Some(10), 10), None);
    assert_eq!(let_in(Some(10), 11), Some(RejectReason::TIME_MISMATCH));
}

/// Holds: FO-11.1-19.
#[test]
fn any_difference_of_the_clocks_may_be_tolerated() {
    assert_eq!(let_in(Some(u32::MAX), START - 1), None);
}

// A pair of servers, each with its secrets.

fn pair(primary: &[&[u8]], secondary: &[&[u8]]) -> World {
    let mut world =
        World::new(knowing(Role::Primary, primary), knowing(Role::Secondary, secondary));
    world.start(PRIMARY);
    world.start(SECONDARY);
    world.run(30);
    world
}

#[track_caller]
fn assert_normal(world: &World) {
    assert_eq!(world.state(PRIMARY), FailoverState::Normal);
    assert_eq!(world.state(SECONDARY), FailoverState::Normal);
}

#[test]
fn two_servers_with_the_same_secret_reach_normal() {
    assert_normal(&pair(&[NEW], &[NEW]));
}

#[test]
fn two_servers_with_different_secrets_never_talk() {
    let world = pair(&[NEW], &[OLD]);
    assert_ne!(world.state(PRIMARY), FailoverState::Normal);
    assert_ne!(world.state(SECONDARY), FailoverState::Normal);
}

/// The other reading of what a digest covers works as well, and not together with the first.
///
/// Holds: A2-22.
#[test]
fn what_a_digest_covers_is_agreed_by_configuration() {
    let covering = |role, input| {
        let mut relationship = knowing(role, &[NEW]);
        relationship.secrets.as_mut().unwrap().input = input;
        relationship
    };
    let run = |primary, secondary| {
        let mut world =
            World::new(covering(Role::Primary, primary), covering(Role::Secondary, secondary));
        world.start(PRIMARY);
        world.start(SECONDARY);
        world.run(30);
        world.state(PRIMARY)
    };
    assert_eq!(run(DigestInput::Message, DigestInput::Message), FailoverState::Normal);
    assert_ne!(run(DigestInput::Message, DigestInput::MessageAndSecret), FailoverState::Normal);
}

/// Restarts one server with other secrets; the pair has to be in NORMAL again within seconds.
#[track_caller]
fn change(world: &mut World, side: usize, secrets: &[&[u8]]) {
    let role = if side == PRIMARY { Role::Primary } else { Role::Secondary };
    world.kill(side);
    world.configure(side, knowing(role, secrets));
    world.start(side);
    world.run(5);
    assert_normal(world);
}

#[test]
fn a_secret_is_rotated_one_server_at_a_time_whichever_comes_first() {
    for [first, second] in [[PRIMARY, SECONDARY], [SECONDARY, PRIMARY]] {
        let mut world = pair(&[OLD], &[OLD]);
        assert_normal(&world);
        change(&mut world, first, &[NEW, OLD]);
        change(&mut world, second, &[NEW, OLD]);
        change(&mut world, first, &[NEW]);
        change(&mut world, second, &[NEW]);
    }
}

#[test]
fn the_second_server_may_get_the_new_secret_alone() {
    for [first, second] in [[PRIMARY, SECONDARY], [SECONDARY, PRIMARY]] {
        let mut world = pair(&[OLD], &[OLD]);
        change(&mut world, first, &[NEW, OLD]);
        change(&mut world, second, &[NEW]);
        change(&mut world, first, &[NEW]);
    }
}

#[test]
fn the_new_secret_signs_where_both_know_it() {
    let mut script = Script::signed_by(knowing(Role::Secondary, &[NEW, OLD]), key(NEW));
    script.accepted();
    script.connect();
    let ack = script.take(MessageType::CONNECTACK);
    assert_eq!(key(NEW).verify(&ack.frame()), Ok(()));
}

#[test]
fn the_old_secret_signs_for_a_partner_that_signs_with_it() {
    let mut script = Script::signed_by(knowing(Role::Secondary, &[NEW, OLD]), key(OLD));
    script.accepted();
    script.connect();
    let ack = script.take(MessageType::CONNECTACK);
    assert_eq!(key(OLD).verify(&ack.frame()), Ok(()));
}

#[test]
fn a_secret_that_was_taken_out_is_refused() {
    let mut world = pair(&[NEW, OLD], &[OLD]);
    assert_normal(&world);
    world.kill(PRIMARY);
    world.configure(PRIMARY, knowing(Role::Primary, &[NEW]));
    world.start(PRIMARY);
    world.run(30);
    assert_ne!(world.state(PRIMARY), FailoverState::Normal);
}

// What cannot be.

#[test]
fn a_secret_for_a_partner_that_signs_nothing_is_refused() {
    let mut relationship = knowing(Role::Primary, &[NEW]);
    relationship.dialect = Dialect::Isc;
    let now = Now { monotonic: Instant::from_micros(0), wall: UnixTime(START) };
    let error = FailoverEndpoint::new(relationship, Recovered::default(), now).unwrap_err();
    assert_eq!(error, ConfigError::SecretNotUsed(Dialect::Isc));
    assert!(error.to_string().contains("use dialect draft on both servers"), "{error}");
}
