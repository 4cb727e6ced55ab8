//! Cutting a byte stream into messages.

use twinlease::wire::{
    DecodeError, DecodeErrorKind, Deframer, Dialect, Frame, MAX_MESSAGE_LEN, Message, Xid,
};

use crate::octets::{message, octets};

/// Three messages of different sizes, one with a longer header, behind each other.
fn stream() -> Vec<u8> {
    let mut stream = message(11, "");
    stream.extend(message(10, "0018 0001 06 0017 0001 01 0019 0004 6553f0ff"));
    stream.extend(octets("0018 02 10 6553f100 00000009 aabbccdd 0001 0004 00000005"));
    stream.extend(message(200, "0102"));
    stream
}

/// Everything that the deframer gives out now: type, xid, payload.
fn drain(deframer: &mut Deframer) -> Vec<(u8, u32, Vec<u8>)> {
    let mut frames = Vec::new();
    while let Some(frame) = deframer.next_frame().unwrap() {
        let Frame { header, payload, .. } = frame;
        frames.push((header.message_type.0, header.xid.0, payload.to_vec()));
    }
    frames
}

fn expected() -> Vec<(u8, u32, Vec<u8>)> {
    vec![
        (11, 7, vec![]),
        (10, 7, octets("0018 0001 06 0017 0001 01 0019 0004 6553f0ff")),
        (2, 9, octets("0001 0004 00000005")),
        (200, 7, vec![1, 2]),
    ]
}

#[test]
fn every_cut_of_the_stream_into_three_gives_the_same_messages() {
    let stream = stream();
    for first in 0..=stream.len() {
        for second in first..=stream.len() {
            let mut deframer = Deframer::new();
            let mut frames = Vec::new();
            for part in [&stream[..first], &stream[first..second], &stream[second..]] {
                deframer.push(part);
                frames.extend(drain(&mut deframer));
            }
            assert_eq!(frames, expected(), "cut at {first} and {second}");
            assert_eq!(deframer.buffered(), 0);
        }
    }
}

#[test]
fn every_size_of_portions_gives_the_same_messages() {
    let stream = stream();
    for size in 1..=stream.len() {
        let mut deframer = Deframer::new();
        let mut frames = Vec::new();
        for part in stream.chunks(size) {
            deframer.push(part);
            frames.extend(drain(&mut deframer));
        }
        assert_eq!(frames, expected(), "portions of {size}");
    }
}

#[test]
fn messages_may_be_taken_after_everything_was_pushed() {
    let mut deframer = Deframer::new();
    for octet in stream() {
        deframer.push(&[octet]);
    }
    assert_eq!(deframer.buffered(), stream().len());
    assert_eq!(drain(&mut deframer), expected());
}

#[test]
fn take_cuts_a_borrowed_stream() {
    let stream = stream();
    let mut rest = &stream[..stream.len() - 1];
    let mut types = Vec::new();
    while let Some(frame) = Frame::take(&mut rest, Dialect::Isc).unwrap() {
        types.push(frame.header.message_type.0);
    }
    assert_eq!(types, [11, 10, 2]);
    assert_eq!(rest.len(), 13, "the incomplete message stays");
}

#[test]
fn an_incomplete_message_is_waited_for() {
    let mut deframer = Deframer::new();
    deframer.push(&octets("0014 02 0c 6553f100"));
    assert_eq!(deframer.next_frame(), Ok(None));
    assert_eq!(deframer.buffered(), 8);
}

#[test]
fn a_wrong_length_is_found_in_the_second_octet() {
    let mut deframer = Deframer::new();
    deframer.push(&[0x08]);
    assert_eq!(deframer.next_frame(), Ok(None));
    deframer.push(&[0x01]);
    let kind = DecodeErrorKind::MessageLength { length: 2049 };
    assert_eq!(deframer.next_frame(), Err(DecodeError { kind, offset: 0, option: None }));
}

#[test]
fn a_wrong_payload_offset_is_found_in_the_fourth_octet() {
    let mut deframer = Deframer::new();
    deframer.push(&octets("000c 0b 08"));
    let kind = DecodeErrorKind::PayloadOffset { payload_offset: 8, length: 12 };
    assert_eq!(deframer.next_frame(), Err(DecodeError { kind, offset: 3, option: None }));
}

#[test]
fn messages_before_an_error_are_given_out_first() {
    let mut deframer = Deframer::new();
    deframer.push(&[message(11, ""), octets("0000")].concat());
    assert_eq!(deframer.next_frame().unwrap().unwrap().header.xid, Xid(7));
    let kind = DecodeErrorKind::MessageLength { length: 0 };
    assert_eq!(deframer.next_frame(), Err(DecodeError { kind, offset: 0, option: None }));
}

#[test]
fn an_error_is_final_and_nothing_is_kept_after_it() {
    let mut deframer = Deframer::new();
    deframer.push(&octets("0000"));
    let error = deframer.next_frame().unwrap_err();
    let buffered = deframer.buffered();
    deframer.push(&message(11, ""));
    assert_eq!(deframer.next_frame(), Err(error));
    assert_eq!(deframer.buffered(), buffered);
}

#[test]
fn the_longest_message_passes() {
    let mut octets = message(250, &"00".repeat(MAX_MESSAGE_LEN - 12));
    let mut deframer = Deframer::new();
    deframer.push(&octets);
    assert_eq!(deframer.next_frame().unwrap().unwrap().payload.len(), 2036);
    octets[1] = 1;
    let mut deframer = Deframer::new();
    deframer.push(&octets);
    assert!(deframer.next_frame().is_err());
}

/// Holds: FO-6.1-14, FO-6.1-24, FO-6.1-28, A1-02.
#[test]
fn a_longer_header_is_skipped_and_kept() {
    let octets = octets("0018 02 10 6553f100 00000009 aabbccdd 0001 0004 00000005");
    let frame = Frame::parse(&octets).unwrap();
    assert_eq!(frame.extension, [0xaa, 0xbb, 0xcc, 0xdd]);
    let message = Message::decode(&frame, Dialect::Isc).unwrap();
    assert_eq!(message, Message::PoolResp { addresses_transferred: Some(5) });
    assert_eq!(frame.message_len(), 24);
}

#[test]
fn a_payload_offset_at_the_end_is_an_empty_payload() {
    let octets = octets("000e 0b 0e 6553f100 00000007 aabb");
    let frame = Frame::parse(&octets).unwrap();
    assert_eq!((frame.extension.len(), frame.payload.len()), (2, 0));
}

#[test]
fn the_dialect_decides_which_payload_offsets_pass() {
    use twinlease::wire::Dialect;
    let message = octets("000c 0b 08 6553f100 00000007");
    for (dialect, passes) in [(Dialect::Microsoft, true), (Dialect::Draft12, false)] {
        let mut deframer = Deframer::for_dialect(dialect);
        deframer.push(&message);
        assert_eq!(matches!(deframer.next_frame(), Ok(Some(_))), passes, "{dialect}");
    }
}
