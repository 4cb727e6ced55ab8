//! How connections end and when the next attempt is made (§7.12, §8.2, §8.6).

use std::time::Duration;

use twinlease::balance::{HashBuckets, Role};
use twinlease::durable::{CommitId, Recovered};
use twinlease::endpoint::{Event, Input, LinkId, OperatorCommand, Origin, Output};
use twinlease::wire::bndupd::{BindingUpdate, BndUpd};
use twinlease::wire::codes::{BindingStatus, FailoverState, MessageType, RejectReason, Xid};
use twinlease::wire::connect::{Connect, ConnectAck, Disconnect, Reject, StateMessage};
use twinlease::wire::dialect::Dialect;
use twinlease::wire::error::{DecodeError, DecodeErrorKind};
use twinlease::wire::frame::Frame;
use twinlease::wire::message::Message;

use crate::support::scripted::{DHCPD, LINK, Script, good_connect};
use crate::support::{address, config};

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

/// A server of either role whose communications have been okay for ten seconds.
fn settled() -> [Script; 2] {
    [Script::normal_primary(), Script::normal_secondary()].map(|mut script| {
        script.run_talking(10);
        script
    })
}

/// Holds: FO-9.9.2-9, FO-9.3.2-14, FO-9.4.1-2, FO-9.4.2-12, FO-9.5.1-2.
/// Holds: FO-8.6-2, A1-15.
#[test]
fn after_a_loss_the_next_attempt_follows_at_once() {
    for mut script in settled() {
        let dials = script.dials;
        script.input(Input::Disconnected { link: LINK });
        assert_eq!(script.dials, dials + 1);
    }
}

/// Holds: FO-8.6-2, A1-15.
#[test]
fn after_silence_the_next_attempt_follows_at_once() {
    for mut script in settled() {
        let dials = script.dials;
        script.run(30);
        assert_eq!((script.closed.as_slice(), script.dials), ([LINK].as_slice(), dials + 1));
    }
}

/// Holds: A1-15.
#[test]
fn after_a_disconnect_for_silence_the_next_attempt_follows_at_once() {
    for mut script in settled() {
        let dials = script.dials;
        disconnect(&mut script, RejectReason::NO_TRAFFIC);
        assert_eq!(script.dials, dials + 1);
    }
}

/// Holds: FO-7.12-2, FO-7.12-3, FO-8.2-5, A1-15.
#[test]
fn after_a_disconnect_for_another_reason_the_next_attempt_waits_a_minute() {
    for mut script in settled() {
        disconnect(&mut script, RejectReason::UNKNOWN);
        assert_eq!(seconds_to_dial(&mut script), Some(60));
    }
}

/// Holds: FO-7.12-2, FO-7.12-3, A1-15.
#[test]
fn after_an_error_of_the_partner_the_next_attempt_waits_a_minute() {
    for mut script in settled() {
        script.tell(&Message::Unknown { message_type: MessageType(127), payload: &[] });
        assert_eq!(seconds_to_dial(&mut script), Some(60));
    }
}

/// Holds: FO-7.12-2.
#[test]
fn connections_that_never_last_are_tried_less_and_less_often() {
    let wait_after = |(redial_interval, count)| {
        let mut relationship = config(Role::Primary, 20);
        relationship.redial_interval = Duration::from_secs(redial_interval);
        let mut script = Script::new(relationship, Recovered::default());
        for _ in 0..count {
            script.shake_hands();
            script.state(FailoverState::Recover);
            script.cut();
        }
        seconds_to_dial(&mut script)
    };
    let waits = [(5, 1), (5, 2), (5, 3), (5, 4), (5, 9), (40, 9)].map(wait_after);
    assert_eq!(waits, [1, 2, 4, 5, 5, 40].map(Some));
}

/// Seconds between attempts to reach a partner that never answers.
fn attempts(redial_interval: u64) -> Vec<u32> {
    let mut relationship = config(Role::Secondary, 20);
    relationship.redial_interval = Duration::from_secs(redial_interval);
    let mut script = Script::new(relationship, Recovered::default());
    script.run(100);
    (0..4).map(|_| seconds_to_dial(&mut script).unwrap()).collect()
}

/// Holds: FO-8.2-3, FO-8.2-4, FO-8.6-3.
#[test]
fn an_unreachable_partner_is_tried_again_in_the_configured_interval() {
    assert_eq!(attempts(5)[1..], [5, 5, 5]);
    assert_eq!(attempts(40)[1..], [40, 40, 40]);
}

fn refuse(script: &mut Script) {
    refuse_with(script, RejectReason::INVALID_PARTNER);
}

fn refuse_with(script: &mut Script, reason: RejectReason) {
    let connect = script.take(MessageType::CONNECT);
    let ack = ConnectAck {
        relationship_name: Some(b"pair"),
        protocol_version: Some(1),
        tls_reply: Some(0),
        reject: Some(Reject { reason, message: None }),
        ..ConnectAck::default()
    };
    script.say(connect.xid, &Message::ConnectAck(ack));
}

/// Holds: FO-7.9-2, FO-7.9-3, FO-8.2-5, A1-15.
#[test]
fn after_a_refusal_the_next_attempt_waits_a_minute() {
    let mut script = Script::primary();
    script.connected();
    refuse(&mut script);
    assert_eq!(seconds_to_dial(&mut script), Some(60));
}

/// Holds: FO-7.9-2, FO-7.9-3, A1-15.
#[test]
fn after_refusing_a_connect_the_next_attempt_waits_a_minute() {
    let mut script = Script::secondary();
    script.called(LINK);
    let buckets = HashBuckets::half().to_wire(Dialect::Isc);
    let connect = Connect { relationship_name: Some(b"other"), ..good_connect(&buckets) };
    script.say(Xid(1), &Message::Connect(connect));
    assert_eq!(seconds_to_dial(&mut script), Some(60));
}

/// What an earlier connection has left at the partner goes within its receive-timer.
///
/// Holds: A1-15.
#[test]
fn a_partner_that_says_to_be_connected_is_tried_again_sooner() {
    let wait_after = |count: u32| {
        let mut script = Script::primary();
        for _ in 0..count {
            script.connected();
            refuse_with(&mut script, RejectReason::DUPLICATE_CONNECTION);
        }
        seconds_to_dial(&mut script)
    };
    assert_eq!([1, 2, 3, 4, 5, 9].map(wait_after), [5, 10, 20, 40, 60, 60].map(Some));
}

/// Holds: FO-8.2-5.
#[test]
fn attempts_become_less_frequent_as_refusals_go_on() {
    let mut script = Script::primary();
    for _ in 0..2 {
        script.connected();
        refuse(&mut script);
    }
    assert_eq!(seconds_to_dial(&mut script), Some(120));
}

/// Holds: FO-9.9.2-9, FO-8.2-6.
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

/// Holds: FO-3.5-1, FO-8-3, A1-14.
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

/// Something that makes a server end a connection, and the reason that it gives.
type End = (&'static str, RejectReason, fn(&mut Script));

/// Everything by which a server ends a connection that is established.
const ENDS: [End; 10] = [
    ("silence", RejectReason::NO_TRAFFIC, |script| script.run(30)),
    ("a stop", RejectReason::UNKNOWN, |script| {
        script.input(Input::Operator(OperatorCommand::Pause));
        script.run(1);
    }),
    ("a request that stalls", RejectReason::UNKNOWN, |script| {
        script.state(FailoverState::PotentialConflict);
        script.run_talking(60);
    }),
    ("an unknown type", RejectReason::UNKNOWN, |script| {
        script.tell(&Message::Unknown { message_type: MessageType(127), payload: &[] });
    }),
    ("octets that make no sense", RejectReason::UNKNOWN, |script| {
        let kind = DecodeErrorKind::MessageLength { length: 11 };
        let error = DecodeError { kind, offset: 0, option: None };
        script.input(Input::Garbled { link: LINK, error });
    }),
    ("a message that cannot be read", RejectReason::UNKNOWN, |script| {
        script.octets(&[0, 16, 10, 12, 0, 0, 0, 0, 0, 0, 0, 9, 0, 24, 0, 9]);
    }),
    ("a state without a name", RejectReason::UNKNOWN, |script| {
        let state = StateMessage { server_state: Some(12), ..StateMessage::default() };
        script.tell(&Message::State(state));
    }),
    ("a store that fails", RejectReason::UNKNOWN, |script| script.input(Input::StorageFailed)),
    ("another connect", RejectReason::UNKNOWN, |script| script.connect()),
    ("a dhcpd that must not hear what comes next", RejectReason::UNKNOWN, |script| {
        script.state(FailoverState::ConflictDone);
        script.input(Input::Operator(OperatorCommand::Shutdown));
    }),
];

/// A primary in NORMAL whose partner is a dhcpd.
fn facing_a_dhcpd() -> Script {
    let mut script = Script::primary();
    script.vendor = DHCPD;
    script.shake_hands();
    script.become_normal();
    script
}

/// Holds: FO-7.12-1, FO-7.12-4, FO-7.12-5, FO-7.12-6, FO-7.12.1-1, FO-7.12.1-3, FO-7.12.1-4.
/// Holds: FO-8.6-8, A1-16, A1-42.
#[test]
fn disconnect_with_reason_and_words_is_the_last_message_of_an_established_connection() {
    for (what, reason, end) in ENDS {
        let mut script = facing_a_dhcpd();
        script.run_talking(5);
        script.said.clear();
        end(&mut script);
        assert_eq!(script.closed, [LINK], "{what}");
        let last = script.said.pop_back().unwrap();
        let Message::Disconnect(said) = last.message(Dialect::Isc) else {
            panic!("{what}: {:?} is the last message", last.message_type)
        };
        assert_eq!(said.reason, Some(reason), "{what}");
        assert!(said.message.is_some_and(|text| !text.is_empty()), "{what}");
        assert!(!script.types().contains(&"disconnect"), "{what}");
    }
}

#[test]
fn a_server_whose_store_failed_comes_back_to_nobody() {
    for mut script in settled() {
        script.input(Input::StorageFailed);
        assert_eq!(seconds_to_dial(&mut script), None);
        script.said.clear();
        script.called(LinkId(2));
        assert_eq!((script.types(), script.closed.last()), (Vec::new(), Some(&LinkId(2))));
    }
}

/// Holds: FO-7.12.1-2.
#[test]
fn a_disconnect_has_an_xid_of_its_own() {
    let mut script = facing_a_dhcpd();
    script.run(6);
    let contact = script.take(MessageType::CONTACT).xid;
    script.tell(&Message::Unknown { message_type: MessageType(127), payload: &[] });
    assert!(script.take(MessageType::DISCONNECT).xid > contact);
}

/// Holds: FO-7.12-1, A1-16.
#[test]
fn a_connection_that_is_not_established_ends_without_disconnect() {
    let mut waiting = Script::secondary();
    waiting.called(LINK);
    waiting.run(15);
    let mut too_early = Script::secondary();
    too_early.called(LINK);
    too_early.tell(&Message::Contact);
    for script in [waiting, too_early] {
        assert_eq!(script.closed, [LINK]);
        assert_eq!(script.types(), Vec::<&str>::new());
    }
}

/// Holds: FO-7.12-4.
#[test]
fn a_disconnect_is_not_answered() {
    for mut script in settled() {
        script.said.clear();
        disconnect(&mut script, RejectReason::UNKNOWN);
        assert_eq!(script.types(), Vec::<&str>::new());
        assert_eq!(script.closed, [LINK]);
    }
}

/// Holds: FO-7.12.2-1, FO-7.12.2-2.
#[test]
fn a_disconnect_is_an_alarm_that_tells_the_partners_words() {
    for mut script in settled() {
        disconnect(&mut script, RejectReason::UNKNOWN);
        let told = script.events.iter().find(|event| event.to_string().contains("scripted"));
        assert!(told.is_some_and(Event::is_warning), "{:?}", script.events);
    }
}

/// Holds: FO-8.2-28, A1-15.
#[test]
fn the_end_of_another_connection_is_no_reason_to_dial() {
    let mut script = Script::normal_secondary();
    let dials = script.dials;
    script.called(LinkId(2));
    script.input(Input::Disconnected { link: LinkId(2) });
    script.run_talking(120);
    assert_eq!(script.dials, dials);
    assert_eq!(script.endpoint.state(), FailoverState::Normal);
}

/// A secondary that has 4000 answers of 20 octets to give.
fn with_much_to_say() -> Script {
    let mut script = Script::normal_secondary();
    let update = BindingUpdate {
        address: address(12),
        binding_status: Some(BindingStatus::Free.code()),
        ..BindingUpdate::default()
    };
    let mut octets = Vec::new();
    let updates = [update];
    let message = Message::BndUpd(BndUpd::of(&updates));
    message.encode(script.now.wall, Xid(500), Dialect::Isc, &mut octets).unwrap();
    for _ in 0..4000 {
        let frame = Frame::parse(&octets).unwrap();
        script.endpoint.handle_input(script.now, Input::Received { link: LINK, frame });
    }
    script
}

/// The sizes in which everything that waits is handed out.
fn batches(script: &mut Script) -> Vec<usize> {
    let mut batches = Vec::new();
    loop {
        match script.endpoint.poll_output() {
            Output::Transmit(link) => {
                let mut batch = Vec::new();
                script.endpoint.take_transmit(link, &mut batch);
                batches.push(batch.len());
            }
            Output::Commit(commit) => {
                script.endpoint.handle_input(script.now, Input::Committed(commit.id));
            }
            Output::Idle { .. } => return batches,
            _ => {}
        }
    }
}

#[test]
fn what_waits_for_a_connection_is_handed_out_in_batches_of_64_kibioctets() {
    assert_eq!(batches(&mut with_much_to_say()), [65_536, 4000 * 20 - 65_536]);
}

#[test]
fn what_waits_when_a_connection_is_closed_is_handed_out_whole() {
    let mut script = with_much_to_say();
    // The answers leave for the connection, then a message that cannot be read ends it.
    script.endpoint.handle_input(script.now, Input::Committed(CommitId(u64::MAX)));
    let error = DecodeError { kind: DecodeErrorKind::OptionRepeated, offset: 12, option: None };
    script.endpoint.handle_input(script.now, Input::Garbled { link: LINK, error });
    let batches = batches(&mut script);
    assert!(batches.len() == 2 && batches[0] == 65_536, "{batches:?}");
    assert!(batches[1] > 4000 * 20 - 65_536, "and DISCONNECT behind them: {batches:?}");
}

#[test]
fn connections_that_are_gone_leave_nothing_behind() {
    let mut script = Script::normal_secondary();
    for number in 2..40 {
        script.input(Input::Disconnected { link: LinkId(number - 1) });
        script.called(LinkId(number));
        let buckets = [0xff; 32];
        let connect = Message::Connect(good_connect(&buckets));
        script.hear(LinkId(number), script.now.wall, Xid(number.try_into().unwrap()), &connect);
        script.run(1);
    }
    let kept = format!("{:?}", script.endpoint).matches("LinkId(").count();
    assert!(kept <= 4, "{kept} connections are remembered");
}

#[test]
fn a_command_that_is_refused_says_why() {
    let mut script = Script::normal_primary();
    script.input(Input::Operator(OperatorCommand::Shutdown));
    let command = OperatorCommand::PartnerDown { forced: false };
    let refused = script.endpoint.operator(script.now, command).unwrap_err();
    let expected = format!("refused in state {}: {}", script.endpoint.state(), refused.why);
    assert_eq!(refused.to_string(), expected);
}
