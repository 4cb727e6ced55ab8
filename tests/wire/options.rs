//! Options one by one: reading, typed values, writing lists of any options.

use std::net::Ipv4Addr;

use twinlease::time::UnixTime;
use twinlease::wire::{
    Connect, Dialect, EncodeError, Frame, Header, IpFlags, Message, MessageType, OptionCode,
    OptionReader, OptionValue, RawOption, RejectReason, ServerFlags, StateMessage, Xid,
    encode_frame, encode_options,
};

use crate::octets::{message, octets};

/// Holds: FO-6.1-1, FO-6.1-25, FO-12-1.
#[test]
fn the_reader_gives_code_value_and_place_of_every_option() {
    let payload = octets("0018 0001 02 0063 0000 0010 0002 6869");
    let options: Vec<_> = OptionReader::new(&payload, 12).collect::<Result<_, _>>().unwrap();
    assert_eq!(
        options,
        [
            RawOption { code: OptionCode::SERVER_STATE, value: &[2], offset: 12 },
            RawOption { code: OptionCode(99), value: &[], offset: 17 },
            RawOption { code: OptionCode::MESSAGE, value: b"hi", offset: 21 },
        ]
    );
}

#[test]
fn the_reader_ends_after_an_error() {
    let payload = octets("0018 0001 02 0063");
    let mut reader = OptionReader::new(&payload, 12);
    assert!(reader.next().unwrap().is_ok());
    assert!(reader.next().unwrap().is_err());
    assert_eq!(reader.next(), None);
}

/// Holds: FO-6.2-3, FO-6.2-5, FO-6.2-8, FO-12-1.
/// Holds: FO-12.29-4.
#[test]
fn every_option_has_its_form() {
    use OptionValue as Value;
    let four: &[u8] = &[0, 0, 1, 0];
    let cases: [(u16, &[u8], Value<'_>); 29] = [
        (1, four, Value::Number(256)),
        (2, four, Value::Address(Ipv4Addr::new(0, 0, 1, 0))),
        (3, &[2], Value::BindingStatus(2)),
        (4, &[1, 2], Value::Octets(&[1, 2])),
        (5, &[1, 2], Value::HardwareAddress(&[1, 2])),
        (6, four, Value::Time(UnixTime(256))),
        (7, four, Value::Octets(four)),
        (8, four, Value::Octets(four)),
        (9, four, Value::Octets(four)),
        (10, &[5], Value::Seconds(5)),
        (11, four, Value::Octets(four)),
        (12, &[0, 1], Value::IpFlags(IpFlags::RESERVED)),
        (13, four, Value::Time(UnixTime(256))),
        (14, four, Value::Number(256)),
        (15, four, Value::Seconds(256)),
        (16, b"hi", Value::Text(b"hi")),
        (17, four, Value::Octets(four)),
        (18, four, Value::Time(UnixTime(256))),
        (19, four, Value::Seconds(256)),
        (20, &[1], Value::Number(1)),
        (21, &[15], Value::RejectReason(RejectReason::OUTDATED)),
        (22, b"x1", Value::Text(b"x1")),
        (23, &[1], Value::ServerFlags(ServerFlags::STARTUP)),
        (24, &[254], Value::ServerState(254)),
        (25, four, Value::Time(UnixTime(256))),
        (26, &[0], Value::Number(0)),
        (27, &[2], Value::Number(2)),
        (28, b"isc", Value::Text(b"isc")),
        (29, four, Value::Octets(four)),
    ];
    for (code, value, expected) in cases {
        let option = RawOption { code: OptionCode(code), value, offset: 12 };
        assert_eq!(option.typed(), Ok(expected), "option {code}");
    }
}

#[test]
fn an_option_of_a_wrong_length_has_no_typed_value() {
    for code in [1, 2, 3, 6, 10, 12, 13, 14, 15, 18, 19, 20, 21, 23, 24, 25, 26, 27] {
        let option = RawOption { code: OptionCode(code), value: &[0; 3], offset: 12 };
        assert!(option.typed().is_err(), "option {code}");
    }
}

/// Holds: FO-6.1-4.
#[test]
fn an_unknown_option_is_skipped_in_every_message() {
    for message_type in 1..=12 {
        let octets = message(message_type, "0000 0000 0063 0003 010203 ffff 0001 00 0063 0000");
        let frame = Frame::parse(&octets).unwrap();
        assert!(Message::decode(&frame, Dialect::Isc).is_ok(), "type {message_type}");
        assert_eq!(frame.options().count(), 4);
    }
}

#[test]
fn an_option_without_meaning_in_the_message_is_skipped_whatever_its_length() {
    let octets = message(10, "0018 0001 02 000f 0001 00 000f 0001 00 0011 0000");
    let frame = Frame::parse(&octets).unwrap();
    let state = StateMessage { server_state: Some(2), ..StateMessage::default() };
    assert_eq!(Message::decode(&frame, Dialect::Isc), Ok(Message::State(state)));
}

/// Holds: FO-12.11-3.
#[test]
fn mclt_and_hash_buckets_mean_nothing_in_a_connectack() {
    let octets = message(6, "000f 0001 00 000b 0001 00");
    let frame = Frame::parse(&octets).unwrap();
    let Message::ConnectAck(ack) = Message::decode(&frame, Dialect::Draft12).unwrap() else {
        panic!("no CONNECTACK");
    };
    assert_eq!(ack, twinlease::wire::ConnectAck::default());
}

/// Holds: FO-6.2-2.
#[test]
fn the_order_of_options_means_nothing_in_a_connect() {
    let octets = message(5, "000f 0004 0000003c 0014 0001 01 0016 0002 7831");
    let frame = Frame::parse(&octets).unwrap();
    let expected = Connect {
        relationship_name: Some(b"x1"),
        protocol_version: Some(1),
        mclt: Some(60),
        ..Connect::default()
    };
    assert_eq!(Message::decode(&frame, Dialect::Isc), Ok(Message::Connect(expected)));
}

#[test]
fn any_frame_can_be_sent_again_as_it_was_received() {
    let received = octets("001d 5a 10 6553f100 00000009 aabbccdd 0001 0004 00000005 ffff 0001 00");
    let frame = Frame::parse(&received).unwrap();
    let mut sent = Vec::new();
    encode_frame(&frame, &mut sent).unwrap();
    assert_eq!(sent, received);
}

#[test]
fn a_list_of_any_options_can_be_sent() {
    let header = Header {
        message_type: MessageType::BNDUPD,
        payload_offset: 12,
        time: UnixTime(0x6553_f100),
        xid: Xid(7),
    };
    let options: [(OptionCode, &[u8]); 3] =
        [(OptionCode::DDNS, &[]), (OptionCode::DDNS, &[1]), (OptionCode(0), &[2])];
    let mut sent = Vec::new();
    encode_options(header, options, &mut sent).unwrap();
    assert_eq!(sent, message(3, "0009 0000 0009 0001 01 0000 0001 02"));
}

#[test]
fn a_list_of_options_that_is_too_long_leaves_the_buffer_alone() {
    let header = Header {
        message_type: MessageType::BNDUPD,
        payload_offset: 12,
        time: UnixTime(1),
        xid: Xid(7),
    };
    let long = vec![0; 70_000];
    let mut sent = vec![9];
    let outcome = encode_options(header, [(OptionCode(99), long.as_slice())], &mut sent);
    assert_eq!(outcome, Err(EncodeError::TooLong { message_type: MessageType::BNDUPD }));
    assert_eq!(sent, [9]);
}
