//! Every way to be wrong, with its exact error.

use twinlease::time::UnixTime;
use twinlease::wire::{
    BndUpd, DecodeError, DecodeErrorKind, Dialect, EncodeError, Frame, IpFlags, Message,
    MessageType, OptionCode, Xid,
};

use crate::octets::{error, error_as, in_option, message, octets};

fn at(kind: DecodeErrorKind, offset: usize) -> DecodeError {
    DecodeError { kind, offset, option: None }
}

/// The fixed-size options that each message reads, with their size.
const FIXED: &[(u8, &[(u16, u16)])] = &[
    (2, &[(1, 4)]),
    (3, &[(2, 4), (3, 1), (6, 4), (12, 2), (13, 4), (18, 4), (25, 4)]),
    (4, &[(2, 4), (21, 1)]),
    (5, &[(14, 4), (15, 4), (19, 4), (20, 1), (27, 1), (10, 1)]),
    (6, &[(14, 4), (19, 4), (20, 1), (21, 1), (26, 1)]),
    (10, &[(23, 1), (24, 1), (25, 4)]),
    (12, &[(21, 1)]),
];

/// The options of any size that each message reads once.
const VARIABLE: &[(u8, &[u16])] = &[(5, &[11, 22, 28]), (6, &[16, 22, 28]), (12, &[16])];

/// Holds: FO-6.1-8.
#[test]
fn a_length_of_11_is_too_short() {
    let kind = DecodeErrorKind::MessageLength { length: 11 };
    assert_eq!(error(&octets("000b 0b 0c 6553f100 000000")), at(kind, 0));
}

/// Holds: FO-6.1-7.
#[test]
fn a_length_of_2049_is_too_long() {
    let kind = DecodeErrorKind::MessageLength { length: 2049 };
    assert_eq!(error(&octets("0801")), at(kind, 0));
}

/// Holds: FO-6.1-6.
#[test]
fn fewer_octets_than_announced_are_incomplete() {
    let kind = DecodeErrorKind::MessageIncomplete { length: 13, available: 12 };
    assert_eq!(error(&octets("000d 0b 0c 6553f100 00000007")), at(kind, 0));
}

#[test]
fn more_octets_than_announced_are_refused() {
    let kind = DecodeErrorKind::MessageIncomplete { length: 12, available: 13 };
    assert_eq!(error(&octets("000c 0b 0c 6553f100 00000007 00")), at(kind, 0));
}

#[test]
fn no_octets_are_incomplete() {
    let kind = DecodeErrorKind::MessageIncomplete { length: 12, available: 0 };
    assert_eq!(error(&[]), at(kind, 0));
}

/// Holds: A1-02.
#[test]
fn a_payload_offset_below_12_is_wrong() {
    for payload_offset in 0..12 {
        let message = [0, 12, 11, payload_offset, 0, 0, 0, 0, 0, 0, 0, 0];
        let kind = DecodeErrorKind::PayloadOffset { payload_offset, length: 12 };
        assert_eq!(error(&message), at(kind, 3));
    }
}

#[test]
fn a_payload_offset_behind_the_message_is_wrong() {
    let kind = DecodeErrorKind::PayloadOffset { payload_offset: 13, length: 12 };
    assert_eq!(error(&octets("000c 0b 0d 6553f100 00000007")), at(kind, 3));
}

#[test]
fn microsoft_takes_no_payload_offset_but_8_below_12() {
    for payload_offset in [0, 7, 9, 11] {
        let message = [0, 12, 11, payload_offset, 0, 0, 0, 0, 0, 0, 0, 0];
        let kind = DecodeErrorKind::PayloadOffset { payload_offset, length: 12 };
        assert_eq!(error_as(&message, Dialect::Microsoft), at(kind, 3));
    }
}

#[test]
fn one_to_three_octets_are_no_option() {
    for (available, payload) in [(1, "00"), (2, "0016"), (3, "0016 00")] {
        for message_type in 1..=12 {
            let kind = DecodeErrorKind::OptionHeaderTruncated { available };
            assert_eq!(error(&message(message_type, payload)), at(kind, 12));
        }
    }
}

#[test]
fn a_value_that_reaches_behind_the_message_is_wrong_in_every_message() {
    for message_type in 1..=12 {
        let kind = DecodeErrorKind::OptionTruncated { length: 2, available: 1 };
        let expected = in_option(kind, 12, OptionCode(99));
        assert_eq!(error(&message(message_type, "0063 0002 00")), expected);
    }
}

#[test]
fn the_offset_of_an_error_counts_from_the_start_of_the_message() {
    let kind = DecodeErrorKind::OptionTruncated { length: 1, available: 0 };
    let expected = in_option(kind, 17, OptionCode::SERVER_STATE);
    assert_eq!(error(&message(10, "0017 0001 00 0018 0001")), expected);
}

#[test]
fn the_offset_of_an_error_counts_a_longer_header() {
    let octets = octets("0014 0a 0f 6553f100 00000007 aabbcc 0018 0001 02");
    let kind = DecodeErrorKind::OptionTruncated { length: 1, available: 0 };
    let mut short = octets[..19].to_vec();
    short[1] = 19;
    assert_eq!(error(&short), in_option(kind, 15, OptionCode::SERVER_STATE));
}

/// Holds: FO-12.1-1, FO-12.2-1, FO-12.3-1, FO-12.6-1, FO-12.10-1, FO-12.13-1, FO-12.14-1.
/// Holds: FO-12.15-1, FO-12.18-1, FO-12.19-1, FO-12.20-1, FO-12.21-1, FO-12.23-1, FO-12.24-1.
/// Holds: FO-12.25-1.
#[test]
fn every_fixed_size_option_needs_its_size() {
    for (message_type, options) in FIXED {
        for &(code, expected) in *options {
            for length in (0..8).filter(|length| *length != expected) {
                let value = "00".repeat(usize::from(length));
                let octets = message(*message_type, &format!("{code:04x} {length:04x} {value}"));
                let kind = DecodeErrorKind::OptionLength { length, expected };
                assert_eq!(error(&octets), in_option(kind, 12, OptionCode(code)));
            }
        }
    }
}

#[test]
fn every_option_outside_transactions_may_occur_once() {
    let fixed = FIXED.iter().filter(|(message_type, _)| ![3, 4].contains(message_type));
    for (message_type, options) in fixed {
        for &(code, length) in *options {
            let value = "00".repeat(usize::from(length));
            let option = format!("{code:04x} {length:04x} {value}");
            let octets = message(*message_type, &format!("{option} {option}"));
            let offset = 12 + 4 + usize::from(length);
            let kind = DecodeErrorKind::OptionRepeated;
            assert_eq!(error(&octets), in_option(kind, offset, OptionCode(code)));
        }
    }
    for (message_type, codes) in VARIABLE {
        for code in *codes {
            let octets = message(*message_type, &format!("{code:04x} 0000 {code:04x} 0000"));
            let kind = DecodeErrorKind::OptionRepeated;
            assert_eq!(error(&octets), in_option(kind, 16, OptionCode(*code)));
        }
    }
}

/// The flags of a BNDUPD in which IP-flags have one octet, or why it cannot be read.
fn one_octet_of_flags(dialect: Dialect) -> Result<Option<IpFlags>, DecodeErrorKind> {
    let octets = message(3, "0002 0004 0a000001 000c 0001 02");
    let frame = Frame::parse(&octets).unwrap();
    match Message::decode(&frame, dialect) {
        Ok(Message::BndUpd(bndupd)) => Ok(bndupd.updates().next().unwrap().ip_flags),
        Ok(_) => panic!("no BNDUPD"),
        Err(error) => Err(error.kind),
    }
}

/// Holds: A2-20.
#[test]
fn ip_flags_of_one_octet_are_the_low_octet_where_the_dialect_has_them_and_else_an_error() {
    let error = Err(DecodeErrorKind::OptionLength { length: 1, expected: 2 });
    assert_eq!(one_octet_of_flags(Dialect::Draft12), error);
    assert_eq!(one_octet_of_flags(Dialect::Isc), error);
    assert_eq!(one_octet_of_flags(Dialect::Microsoft), Ok(Some(IpFlags::BOOTP)));
}

#[test]
fn microsoft_ip_flags_have_one_or_two_octets() {
    let octets = message(3, "000c 0003 000000");
    let kind = DecodeErrorKind::OptionLength { length: 3, expected: 2 };
    let expected = in_option(kind, 12, OptionCode::IP_FLAGS);
    assert_eq!(error_as(&octets, Dialect::Microsoft), expected);
}

#[test]
fn errors_say_what_where_and_what_would_be_right() {
    let texts = [
        (error(&octets("000b")), "octet 0: the message length is 11; it must be 12 to 2048"),
        (
            error(&octets("000d 0b 0c 6553f100 00000007")),
            "octet 0: the message has 12 octets; it must have exactly the 13 it announces",
        ),
        (
            error(&octets("000c 0b 08 6553f100 00000007")),
            "octet 3: the payload offset is 8; it must be 12 to the message length 12",
        ),
        (
            error(&message(11, "0016 00")),
            "octet 12: the message ends after 3 octets of an option; code and length need 4",
        ),
        (
            error(&message(11, "0016 0005 78")),
            "option 22 (relationship-name) at octet 12: the value is announced with 5 octets; \
             only 1 are left in the message",
        ),
        (
            error(&message(3, "000c 0001 01")),
            "option 12 (IP-flags) at octet 12: the value has 1 octets; it must have 2",
        ),
        (
            error(&message(10, "0018 0001 02 0018 0001 02")),
            "option 24 (server-state) at octet 17: the option occurs for a second time; it may \
             occur once",
        ),
    ];
    for (error, text) in texts {
        assert_eq!(error.to_string(), text);
    }
}

#[test]
fn refusals_to_encode_say_what_would_be_right() {
    let message_type = MessageType::BNDUPD;
    assert_eq!(
        EncodeError::TooLong { message_type }.to_string(),
        "a bndupd message would be longer than the 2048 octets allowed"
    );
    assert_eq!(
        EncodeError::NoTransaction { message_type }.to_string(),
        "a bndupd message needs at least one transaction"
    );
    assert_eq!(
        EncodeError::SeveralTransactions { message_type, count: 2 }.to_string(),
        "a bndupd message has 2 transactions; this partner takes one per message"
    );
}

#[test]
fn a_bndupd_without_an_update_is_sent_in_no_dialect() {
    for dialect in [Dialect::Draft12, Dialect::Isc, Dialect::Microsoft] {
        let empty = Message::BndUpd(BndUpd::of(&[]));
        let refused = empty.encode(UnixTime(0), Xid(1), dialect, &mut Vec::new());
        let message_type = MessageType::BNDUPD;
        assert_eq!(refused, Err(EncodeError::NoTransaction { message_type }), "{dialect}");
    }
}
