//! CONNECT and CONNECTACK: what they say, what is checked, what follows (§7.8, §7.9).

use twinlease::balance::{HashBuckets, Role};
use twinlease::binding::times::Mclt;
use twinlease::durable::Recovered;
use twinlease::endpoint::{Event, LeaseAuthority, LinkEnd};
use twinlease::time::UnixTime;
use twinlease::wire::bndupd::{BindingUpdate, BndUpd};
use twinlease::wire::codes::{
    BindingStatus, FailoverState, MessageType, OptionCode, RejectReason, ServerFlags, Xid,
};
use twinlease::wire::connect::{Connect, ConnectAck, Disconnect, Reject, StateMessage};
use twinlease::wire::dialect::Dialect;
use twinlease::wire::message::Message;

use crate::support::scripted::{LINK, Said, Script, good_ack, good_connect, stored};
use crate::support::{MCLT, START, address, config};

/// The codes of the options of a message, in the order sent.
fn options(said: &Said) -> Vec<OptionCode> {
    said.frame().options().map(|option| option.unwrap().code).collect()
}

/// A primary of the draft right after its CONNECT, which is returned.
fn connecting() -> (Script, Said) {
    let mut script = Script::draft(Role::Primary);
    script.connected();
    let connect = script.take(MessageType::CONNECT);
    (script, connect)
}

/// A secondary of the draft that has answered a CONNECT changed by `change`, and the answer.
fn answered(change: impl Fn(&mut Connect<'_>)) -> (Script, Said) {
    let mut script = Script::draft(Role::Secondary);
    script.called(LINK);
    let buckets = HashBuckets::half().to_wire(Dialect::Draft12);
    let mut connect = good_connect(&buckets);
    change(&mut connect);
    script.say(Xid(7), &Message::Connect(connect));
    let ack = script.take(MessageType::CONNECTACK);
    (script, ack)
}

fn unknown_name(connect: &mut Connect<'_>) {
    connect.relationship_name = Some(b"other");
}

fn ack_of(said: &Said) -> ConnectAck<'_> {
    let Message::ConnectAck(ack) = said.message(Dialect::Draft12) else { panic!("no CONNECTACK") };
    ack
}

fn disconnect_of(said: &Said) -> Disconnect<'_> {
    let Message::Disconnect(end) = said.message(Dialect::Draft12) else { panic!("no DISCONNECT") };
    end
}

// What CONNECT says.

/// Holds: FO-7.8-3, FO-7.8.1-3, FO-7.8.1-4, FO-7.8.1-8, FO-7.8.1-9, FO-7.8.1-15, FO-7.8.1-16.
/// Holds: A1-51.
#[test]
fn connect_tells_name_window_timer_implementation_version_and_mclt() {
    let mut relationship = config(Role::Primary, 20);
    relationship.max_unacked_bndupd = 44;
    relationship.receive_timer = 33;
    let mut script = Script::new(relationship, Recovered::default());
    script.connected();
    let said = script.take(MessageType::CONNECT);
    let Message::Connect(connect) = said.message(Dialect::Isc) else { unreachable!() };
    assert_eq!(connect.relationship_name, Some(b"pair".as_slice()));
    assert_eq!(connect.max_unacked_bndupd, Some(44));
    assert_eq!(connect.receive_timer, Some(33));
    assert!(connect.vendor_class.is_some_and(|text| text.starts_with(b"twinlease")));
    assert_eq!(connect.protocol_version, Some(1));
    assert_eq!(connect.mclt, Some(MCLT));
}

/// The assignment in the CONNECT of a draft primary with these buckets.
fn assignment(buckets: HashBuckets) -> Vec<u8> {
    let mut relationship = config(Role::Primary, 20);
    relationship.dialect = Dialect::Draft12;
    relationship.hash_buckets = buckets;
    let mut script = Script::new(relationship, Recovered::default());
    script.connected();
    let said = script.take(MessageType::CONNECT);
    let Message::Connect(connect) = said.message(Dialect::Draft12) else { unreachable!() };
    connect.hash_bucket_assignment.unwrap().to_vec()
}

/// Holds: FO-7.8-3, FO-7.8.1-11, FO-7.8.1-14.
#[test]
fn connect_assigns_the_buckets_that_the_split_leaves_to_the_secondary() {
    let assigned = assignment(HashBuckets::from_split(64).unwrap());
    assert_eq!(assigned, [[0; 8].as_slice(), &[0xff; 24]].concat());
}

/// Holds: FO-7.8.1-10.
#[test]
fn without_load_balancing_connect_assigns_no_bucket_to_the_secondary() {
    assert_eq!(assignment(HashBuckets::all_primary()), [0; 32]);
}

/// Holds: FO-7.8.1-2.
#[test]
fn what_a_connection_says_is_numbered_on_from_its_connect() {
    let mut script = Script::primary();
    let mut first = Vec::new();
    for _ in 0..2 {
        script.connected();
        first.push(script.said[0].xid);
        script.accept_connect();
        script.state(FailoverState::Recover);
        let state = script.take(MessageType::STATE);
        assert_eq!(state.xid.0, first.last().unwrap().0 + 1);
        script.cut();
    }
    assert_ne!(first[0], first[1]);
}

// The secondary's checks.

/// Holds: FO-7.8.2-5, FO-7.8.2-6.
#[test]
fn another_protocol_version_is_refused_with_the_own_one() {
    let (_, said) = answered(|connect| connect.protocol_version = Some(2));
    assert_eq!(said.reject(), Some(RejectReason::VERSION_MISMATCH));
    assert_eq!(ack_of(&said).protocol_version, Some(1));
}

/// Holds: FO-7.8.2-19, FO-7.8.2-21.
#[test]
fn a_relationship_that_is_not_configured_is_refused() {
    let (_, said) = answered(unknown_name);
    assert_eq!(said.reject(), Some(RejectReason::INVALID_PARTNER));
}

/// What a secondary has on record after a CONNECT with these terms that followed one with others.
fn recorded_terms(mclt: u32, buckets: [u8; 32]) -> (Option<u32>, Option<[u8; 32]>) {
    let mut script = Script::secondary();
    script.called(LINK);
    script.say(Xid(7), &Message::Connect(good_connect(&[0xff; 32])));
    script.cut();
    script.called(LINK);
    let connect = Connect { mclt: Some(mclt), ..good_connect(&buckets) };
    script.say(Xid(8), &Message::Connect(connect));
    let record = script.record.unwrap();
    (record.mclt, record.hash_bucket_assignment)
}

/// A process that starts without contact goes by them.
#[test]
fn each_term_that_a_connect_changes_is_recorded() {
    for (mclt, buckets) in [(MCLT + 100, [0xff; 32]), (MCLT, [0x55; 32])] {
        assert_eq!(recorded_terms(mclt, buckets), (Some(mclt), Some(buckets)));
    }
}

/// Holds: FO-7.8.2-31.
#[test]
fn an_mclt_of_nothing_cannot_be_run_with() {
    let (_, said) = answered(|connect| connect.mclt = Some(0));
    assert_eq!(said.reject(), Some(RejectReason::INVALID_MCLT));
}

/// Holds: FO-7.8.2-35, A1-03, A2-28.
#[test]
fn an_assignment_that_is_none_is_a_hash_bucket_conflict_in_every_dialect() {
    for dialect in [Dialect::Draft12, Dialect::Isc] {
        for octets in [[0xff; 31].as_slice(), &[0xff; 33], &[]] {
            let mut relationship = config(Role::Secondary, 20);
            relationship.dialect = dialect;
            let mut script = Script::new(relationship, Recovered::default());
            script.called(LINK);
            let connect =
                Connect { hash_bucket_assignment: Some(octets), ..good_connect(&[0; 32]) };
            script.say(Xid(7), &Message::Connect(connect));
            let ack = script.take(MessageType::CONNECTACK);
            assert_eq!(ack.reject(), Some(RejectReason(18)), "{dialect} {octets:?}");
        }
    }
}

#[test]
fn a_draft_connect_without_max_unacked_bndupd_is_refused() {
    let (_, said) = answered(|connect| connect.max_unacked_bndupd = None);
    assert_eq!(said.reject(), Some(RejectReason::UNKNOWN_REASON));
}

#[test]
fn a_draft_connect_without_receive_timer_is_refused() {
    let (_, said) = answered(|connect| connect.receive_timer = None);
    assert_eq!(said.reject(), Some(RejectReason::UNKNOWN_REASON));
}

#[test]
fn a_dhcpd_may_leave_window_and_timer_out() {
    let mut script = Script::secondary();
    script.called(LINK);
    let buckets = HashBuckets::half().to_wire(Dialect::Isc);
    let connect =
        Connect { max_unacked_bndupd: None, receive_timer: None, ..good_connect(&buckets) };
    script.say(Xid(7), &Message::Connect(connect));
    assert_eq!(script.take(MessageType::CONNECTACK).reject(), None);
}

/// The reason given to a draft primary whose clock is `behind` seconds behind.
fn answer_to_clock(behind: u32) -> (Script, Option<RejectReason>) {
    let mut script = Script::draft(Role::Secondary);
    script.called(LINK);
    let buckets = HashBuckets::half().to_wire(Dialect::Draft12);
    let connect = Message::Connect(good_connect(&buckets));
    script.hear(LINK, UnixTime(START - behind), Xid(7), &connect);
    let reject = script.take(MessageType::CONNECTACK).reject();
    (script, reject)
}

/// Holds: FO-7.8.2-23, FO-7.8.2-24, FO-7.8.2-25.
#[test]
fn a_clock_too_far_off_is_a_time_mismatch() {
    assert_eq!(answer_to_clock(3601).1, Some(RejectReason::TIME_MISMATCH));
}

/// Holds: FO-7.8.2-4, FO-7.8.2-23, FO-7.8.2-26.
#[test]
fn the_difference_between_reception_and_header_is_the_delta() {
    let (mut script, reject) = answer_to_clock(3600);
    assert_eq!(reject, None);
    assert_eq!(script.endpoint.status().clock_delta_seconds, Some(3600));
    script.said.clear();
}

/// A line on which it waited for as long as a clock is ahead would make that clock look right,
/// and a release that is older than a renewal newer (§5.10).
#[test]
fn a_connect_that_was_late_on_its_way_is_corrected_by_the_next_message() {
    let (mut script, _) = answer_to_clock(6);
    assert_eq!(script.endpoint.status().clock_delta_seconds, Some(6));
    let time = UnixTime(script.now.wall.0 - 2);
    script.hear(LINK, time, Xid(8), &Message::Contact);
    assert_eq!(script.endpoint.status().clock_delta_seconds, Some(2));
}

/// Holds: FO-7.8.2-28.
#[test]
fn a_pair_whose_clocks_are_an_hour_apart_reaches_normal() {
    let (mut script, _) = answer_to_clock(3600);
    let behind = |script: &Script| UnixTime(script.now.wall.0 - 3600);
    for state in [FailoverState::Recover, FailoverState::RecoverDone, FailoverState::Normal] {
        let since = behind(&script);
        let state = StateMessage {
            server_state: Some(state.code()),
            server_flags: Some(ServerFlags(0)),
            start_of_state: Some(since),
        };
        script.hear(LINK, since, Xid(8), &Message::State(state));
        if let Some(request) = script.said.iter().position(|said| {
            matches!(said.message_type, MessageType::UPDREQ | MessageType::UPDREQALL)
        }) {
            let request = script.said.remove(request).unwrap();
            script.hear(LINK, since, request.xid, &Message::UpdDone);
        }
    }
    assert_eq!(script.endpoint.state(), FailoverState::Normal);
}

// What the secondary takes over.

fn secondary_told(mclt: u32) -> Script {
    let (script, ack) = answered(|connect| connect.mclt = Some(mclt));
    assert_eq!(ack.reject(), None);
    script
}

/// Holds: FO-7.8.2-29, FO-7.8.2-30.
#[test]
fn a_secondary_runs_with_any_mclt_of_its_primary() {
    for mclt in [1, MCLT + 1, u32::MAX] {
        assert_eq!(secondary_told(mclt).endpoint.status().mclt, mclt);
    }
}

/// Holds: FO-7.8.2-32.
#[test]
fn the_primarys_mclt_is_stored() {
    let record = secondary_told(MCLT + 1).record.unwrap();
    assert_eq!(record.mclt, Some(MCLT + 1));
}

/// Holds: FO-7.8.2-32, FO-7.8.2-33.
#[test]
fn without_contact_a_secondary_keeps_to_its_primarys_mclt() {
    let mut record = stored(FailoverState::Normal);
    record.mclt = Some(MCLT + 1);
    let mut relationship = config(Role::Secondary, 20);
    relationship.mclt = Mclt(5);
    let recovered = Recovered { endpoint: Some(record), bindings: Vec::new() };
    let mut script = Script::new(relationship, recovered);
    script.run(60);
    assert_eq!(script.endpoint.state(), FailoverState::CommunicationsInterrupted);
    assert_eq!(script.endpoint.status().mclt, MCLT + 1);
}

/// Holds: FO-7.8.2-34.
#[test]
fn the_assignment_is_stored_for_normal() {
    let assignment = HashBuckets::from_split(77).unwrap().to_wire(Dialect::Isc);
    let mut script = Script::secondary();
    script.called(LINK);
    script.say(Xid(7), &Message::Connect(good_connect(&assignment)));
    assert_eq!(script.record.unwrap().hash_bucket_assignment, Some(assignment));
}

// CONNECTACK.

/// Holds: FO-7.9-1, FO-7.9-4, FO-7.9-5, FO-7.9.1-2, FO-7.9.1-3, FO-7.9.1-11, FO-7.9.1-14.
/// Holds: FO-7.9.1-15.
#[test]
fn an_acceptance_tells_name_window_timer_implementation_and_version() {
    let mut relationship = config(Role::Secondary, 20);
    relationship.max_unacked_bndupd = 44;
    relationship.receive_timer = 33;
    let mut script = Script::new(relationship, Recovered::default());
    script.called(LINK);
    script.connect();
    let said = script.take(MessageType::CONNECTACK);
    let ack = ack_of(&said);
    assert_eq!(ack.relationship_name, Some(b"pair".as_slice()));
    assert_eq!(ack.max_unacked_bndupd, Some(44));
    assert_eq!(ack.receive_timer, Some(33));
    assert!(ack.vendor_class.is_some_and(|text| text.starts_with(b"twinlease")));
    assert_eq!(ack.protocol_version, Some(1));
}

/// Holds: FO-7.9-11, FO-7.9-14.
#[test]
fn an_acceptance_says_no_more_than_it_may() {
    let (_, said) = answered(|_| {});
    let codes = options(&said);
    for code in [
        OptionCode::REJECT_REASON,
        OptionCode::MESSAGE,
        OptionCode::MCLT,
        OptionCode::HASH_BUCKET_ASSIGNMENT,
    ] {
        assert!(!codes.contains(&code), "{code:?}");
    }
}

/// Holds: FO-7.9-1, FO-7.9-4, FO-7.9-12, FO-7.9-13, FO-7.9.1-2, FO-7.9.1-3, FO-7.9.1-4, FO-7.9.1-5.
#[test]
fn a_rejection_tells_name_version_reason_and_why_in_words() {
    let (_, said) = answered(unknown_name);
    let ack = ack_of(&said);
    assert_eq!((ack.relationship_name, ack.protocol_version), (Some(b"pair".as_slice()), Some(1)));
    let message = Some(b"unknown relationship-name".as_slice());
    assert_eq!(ack.reject, Some(Reject { reason: RejectReason::INVALID_PARTNER, message }));
}

/// Holds: FO-7.9-6, FO-7.9-14, FO-7.9.1-6.
#[test]
fn a_rejection_says_nothing_of_terms() {
    let (_, said) = answered(unknown_name);
    let codes = options(&said);
    for code in [
        OptionCode::MAX_UNACKED_BNDUPD,
        OptionCode::RECEIVE_TIMER,
        OptionCode::VENDOR_CLASS_IDENTIFIER,
        OptionCode::MCLT,
        OptionCode::HASH_BUCKET_ASSIGNMENT,
    ] {
        assert!(!codes.contains(&code), "{code:?}");
    }
}

/// Holds: FO-7.9.1-1.
#[test]
fn a_connectack_carries_the_xid_of_the_connect() {
    assert_eq!(answered(|_| {}).1.xid, Xid(7));
    assert_eq!(answered(unknown_name).1.xid, Xid(7));
}

/// Holds: FO-7.9.1-7.
#[test]
fn a_rejecting_connectack_is_the_last_word_of_a_connection() {
    let (script, _) = answered(unknown_name);
    assert_eq!(script.closed, [LINK]);
    assert_eq!(script.types(), Vec::<&str>::new());
}

// The primary's checks.

/// Holds: FO-7.9.2-1, FO-7.9.2-4, A1-26.
#[test]
fn a_connectack_with_another_xid_is_ignored() {
    let (mut script, connect) = connecting();
    script.say(Xid(connect.xid.0 + 1), &Message::ConnectAck(good_ack()));
    assert_eq!((script.types(), script.closed.len()), (Vec::new(), 0));
    script.say(connect.xid, &Message::ConnectAck(good_ack()));
    assert_eq!(script.types(), ["state"]);
}

/// Holds: FO-7.9.2-2.
#[test]
fn a_connection_without_connectack_is_closed_after_15_seconds() {
    let (mut script, _) = connecting();
    script.run(14);
    assert_eq!(script.closed, []);
    script.run(1);
    assert_eq!(script.closed, [LINK]);
}

/// What a primary does that is told `ack` `behind` seconds ago: the DISCONNECT, if it says one.
fn told(behind: u32, change: impl Fn(&mut ConnectAck<'_>)) -> (Script, Option<RejectReason>) {
    let (mut script, connect) = connecting();
    let mut ack = good_ack();
    change(&mut ack);
    let time = UnixTime(START - behind);
    script.hear(LINK, time, connect.xid, &Message::ConnectAck(ack));
    let end = script.said.iter().find(|said| said.message_type == MessageType::DISCONNECT);
    let reason = end.and_then(|said| disconnect_of(said).reason);
    (script, reason)
}

fn rejecting(ack: &mut ConnectAck<'_>) {
    let message = Some(b"go away".as_slice());
    ack.reject = Some(Reject { reason: RejectReason::HASH_BUCKET_CONFLICT, message });
}

/// Holds: FO-7.9.2-5, FO-7.9.2-8, A1-21.
#[test]
fn a_rejection_closes_the_connection_without_another_word() {
    let (script, reason) = told(0, rejecting);
    assert_eq!((reason, script.types()), (None, Vec::new()));
    assert_eq!(script.closed, [LINK]);
}

/// Holds: FO-7.9.2-6, FO-7.9.2-7.
#[test]
fn a_rejection_is_reported_with_its_reason_and_its_words() {
    let (script, _) = told(0, rejecting);
    let words = "go away".to_owned();
    let end = LinkEnd::RejectedByPartner(RejectReason::HASH_BUCKET_CONFLICT, words);
    assert!(script.events.contains(&Event::ConnectionRefused(end)), "{:?}", script.events);
    let event = script.events.iter().find(|event| matches!(event, Event::ConnectionRefused(_)));
    assert!(event.is_some_and(|event| event.is_warning()
        && event.to_string().contains("hash bucket assignment conflict (\"go away\"; §5.3)")));
    let line = event.filter(|event| event.is_warning()).map(Event::to_string).unwrap();
    assert!(line.contains("hash bucket assignment conflict"), "{line}");
    assert!(line.contains("go away"), "{line}");
}

/// Holds: FO-7.9.2-10.
#[test]
fn a_connectack_of_another_version_is_refused() {
    let (script, reason) = told(0, |ack| ack.protocol_version = Some(2));
    assert_eq!(reason, Some(RejectReason::VERSION_MISMATCH));
    assert_eq!(script.closed, [LINK]);
}

/// Holds: FO-7.9.2-10.
#[test]
fn a_draft_connectack_without_version_is_refused() {
    let (_, reason) = told(0, |ack| ack.protocol_version = None);
    assert_eq!(reason, Some(RejectReason::VERSION_MISMATCH));
}

#[test]
fn a_connectack_for_another_relationship_is_refused() {
    let (_, reason) = told(0, |ack| ack.relationship_name = Some(b"other"));
    assert_eq!(reason, Some(RejectReason::INVALID_PARTNER));
}

#[test]
fn a_draft_connectack_without_window_or_timer_is_refused() {
    let (_, reason) = told(0, |ack| ack.max_unacked_bndupd = None);
    assert_eq!(reason, Some(RejectReason::UNKNOWN_REASON));
    let (_, reason) = told(0, |ack| ack.receive_timer = None);
    assert_eq!(reason, Some(RejectReason::UNKNOWN_REASON));
}

/// Holds: FO-7.9.2-11, FO-7.9.2-12, FO-7.9.2-13, A1-16.
#[test]
fn a_connectack_by_a_clock_too_far_off_is_answered_with_disconnect() {
    let (script, reason) = told(3601, |_| {});
    assert_eq!(reason, Some(RejectReason::TIME_MISMATCH));
    assert_eq!(script.closed, [LINK]);
}

/// Holds: FO-7.9.2-3, FO-7.9.2-11, FO-7.9.2-14.
#[test]
fn a_primary_too_records_the_delta() {
    let (script, _) = told(3600, |_| {});
    assert_eq!(script.endpoint.status().clock_delta_seconds, Some(3600));
}

/// Holds: FO-7.9.2-26.
#[test]
fn the_first_fault_of_a_connectack_decides() {
    let everything = |ack: &mut ConnectAck<'_>| {
        rejecting(ack);
        ack.protocol_version = Some(2);
    };
    assert_eq!(told(3601, everything).1, None);
    let (_, reason) = told(3601, |ack| ack.protocol_version = Some(2));
    assert_eq!(reason, Some(RejectReason::VERSION_MISMATCH));
}

/// Holds: FO-7.9.2-17, FO-7.10-3, FO-8.2-24.
#[test]
fn after_an_accepting_connectack_a_primary_says_state() {
    let (script, _) = told(0, |_| {});
    assert_eq!(script.types(), ["state"]);
}

/// Holds: FO-7.9.2-15, A1-54.
#[test]
fn a_primary_brings_every_time_of_the_secondary_into_its_own_clock() {
    let (mut script, _) = told(3000, |_| {});
    let theirs = |time: u32| Some(UnixTime(time - 3000));
    let state = StateMessage {
        server_state: Some(FailoverState::CommunicationsInterrupted.code()),
        server_flags: Some(ServerFlags(0)),
        start_of_state: theirs(START - 77),
    };
    script.hear(LINK, UnixTime(START - 3000), Xid(8), &Message::State(state));
    assert_eq!(script.record.as_ref().unwrap().partner_start_of_state, UnixTime(START - 77));
    let updates = [BindingUpdate {
        address: address(12),
        binding_status: Some(BindingStatus::Active.code()),
        client_hardware_address: Some(&[1, 2, 0, 94, 16, 0, 1]),
        lease_expiration: theirs(START + 600),
        potential_expiration: theirs(START + 4200),
        start_of_status: theirs(START - 10),
        client_last_transaction: theirs(START - 5),
        ..BindingUpdate::default()
    }];
    let update = Message::BndUpd(BndUpd::of(&updates));
    script.hear(LINK, UnixTime(START - 3000), Xid(9), &update);
    let binding = script.endpoint.table().get(address(12)).unwrap();
    assert_eq!(binding.lease_expiration, UnixTime(START + 600));
    assert_eq!(binding.received_potential_expiration, UnixTime(START + 4200));
    assert_eq!(binding.start_of_status, UnixTime(START - 10));
    assert_eq!(binding.client_last_transaction, UnixTime(START - 5));
}
