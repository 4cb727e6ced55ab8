//! Octets from nobody friendly: mutated messages, streams and captures. The same numbers in every
//! run.

use std::collections::VecDeque;

use twinlease::pcap;
use twinlease::pcap::render::{write_json, write_line};
use twinlease::wire::pretty::Line;
use twinlease::wire::{
    DecodeError, Deframer, Dialect, EncodeError, Frame, Message, Xid, encode_frame,
};

use crate::capture_file::{
    Interface, Order, Tcp, ethernet_pcap, pcapng, segment, simple_packet, syn,
};
use crate::octets::{message, octets};

const DIALECTS: [Dialect; 3] = [Dialect::Draft12, Dialect::Isc, Dialect::Microsoft];

/// Marsaglia's xorshift.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(limit.max(1)).unwrap()).unwrap()
    }

    /// Changes `octets` in one to four places.
    fn mutate(&mut self, octets: &mut Vec<u8>) {
        const TELLING: [u8; 10] = [0, 1, 2, 4, 8, 12, 0x7f, 0x80, 0xfe, 0xff];
        for _ in 0..=self.below(4) {
            let at = self.below(octets.len());
            match self.below(7) {
                0 if at < octets.len() => octets[at] ^= 1 << self.below(8),
                1 if at < octets.len() => octets[at] = TELLING[self.below(TELLING.len())],
                2 => octets.insert(at, TELLING[self.below(TELLING.len())]),
                3 if at < octets.len() => drop(octets.remove(at)),
                4 => octets.truncate(at),
                5 => {
                    let end = (at + self.below(24)).min(octets.len());
                    let again = octets[at..end].to_vec();
                    octets.splice(at..at, again);
                }
                _ if at < octets.len() => octets[at] = self.next().to_le_bytes()[0],
                _ => {}
            }
        }
    }
}

/// One message of each type and some odd ones.
fn messages() -> Vec<Vec<u8>> {
    let update = "0002 0004 0a140039 0003 0001 02 0004 0002 0102 0005 0007 0102005e100001
        000d 0004 6553f808 0012 0004 65549d44 0019 0004 6553f100 0006 0004 6553f100
        000c 0002 0001 0009 0003 000100";
    let free = "0002 0004 0a14003a 0003 0001 07 0008 0004 63825363 0007 0004 63825363";
    vec![
        message(1, ""),
        message(2, "0001 0004 00000005"),
        message(3, update),
        message(3, &[update, free, update].concat()),
        message(4, "0002 0004 0a140039"),
        message(4, "0002 0004 0a140039 0015 0001 0f 0010 0002 6869 0002 0004 0a14003a"),
        message(
            5,
            "0016 0002 7831 000e 0004 0000000a 0013 0004 0000001e
             001c 000c 6973632d342e342e332d5031 0014 0001 01 001b 0001 00 000f 0004 0000003c
             000b 0020 ffffffffffffffffffffffffffffffff00000000000000000000000000000000",
        ),
        message(
            6,
            "0016 0002 7831 000e 0004 0000000a 0013 0004 0000001e 001c 0001 78 0014 0001 01
             001a 0001 00 0015 0001 08 0010 0003 6e6f21",
        ),
        message(7, ""),
        message(8, ""),
        message(9, ""),
        message(10, "0018 0001 06 0017 0001 01 0019 0004 6553f0ff"),
        message(11, ""),
        message(12, "0015 0001 07 0010 0002 6869"),
        message(200, "0102"),
        octets("0018 02 10 6553f100 00000009 aabbccdd 0001 0004 00000005"),
    ]
}

/// Sets the length field to the length that `message` has.
fn set_length(message: &mut [u8]) {
    if let Ok(length) = u16::try_from(message.len())
        && message.len() >= 2
    {
        message[..2].copy_from_slice(&length.to_be_bytes());
    }
}

/// Mutated messages, most of them with a right length.
fn mutated(seed: u64, count: usize) -> impl Iterator<Item = Vec<u8>> {
    let corpus = messages();
    let mut random = Random(seed);
    (0..count).map(move |_| {
        let mut octets = corpus[random.below(corpus.len())].clone();
        random.mutate(&mut octets);
        if random.below(8) > 0 {
            set_length(&mut octets);
        }
        octets
    })
}

/// Whether a message can be sent as it was read: a repeated option is read once and sent once,
/// dhcpd is sent no DDNS, and an address that was missing may cost a BNDACK the room for texts.
fn is_sendable(message: &Message<'_>, dialect: Dialect) -> bool {
    match message {
        Message::BndUpd(bndupd) => bndupd.updates().all(|update| {
            update.repeated.is_none() && (dialect.may_send_ddns() || update.ddns.is_none())
        }),
        Message::BndAck(bndack) => bndack.replies().all(|reply| !reply.address.is_unspecified()),
        _ => true,
    }
}

#[test]
fn a_message_that_can_be_read_and_sent_is_read_again_as_the_same_message() {
    let mut compared = 0;
    for octets in mutated(0x5eed, 20_000) {
        for dialect in DIALECTS {
            let Ok(frame) = Frame::parse_as(&octets, dialect) else { continue };
            let Ok(message) = Message::decode(&frame, dialect) else { continue };
            let (time, xid) = (frame.header.time, frame.header.xid);
            let mut sent = vec![0xaa];
            match message.encode(time, xid, dialect, &mut sent) {
                Ok(()) => {}
                Err(EncodeError::SeveralTransactions { .. } | EncodeError::TooLong { .. }) => {
                    assert_eq!(sent, [0xaa]);
                    continue;
                }
                Err(error) => panic!("{error}: {octets:02x?}"),
            }
            let again = Frame::parse_as(&sent[1..], dialect).unwrap();
            assert_eq!((again.header.time, again.header.xid), (time, xid));
            if is_sendable(&message, dialect) {
                compared += 1;
                assert_eq!(Message::decode(&again, dialect), Ok(message), "{octets:02x?}");
            }
        }
    }
    assert!(compared > 10_000, "{compared} messages compared");
}

#[test]
fn a_frame_is_sent_again_as_it_was_received_and_printed_whatever_it_holds() {
    let mut compared = 0;
    for octets in mutated(0xbeef, 20_000) {
        let Ok(frame) = Frame::parse(&octets) else { continue };
        let mut sent = Vec::new();
        encode_frame(&frame, &mut sent).unwrap();
        assert_eq!(sent, octets);
        assert!(!Line(frame).to_string().contains('\n'));
        let length: usize = frame.options().flatten().map(|option| 4 + option.value.len()).sum();
        assert!(length <= frame.payload.len());
        compared += 1;
    }
    assert!(compared > 10_000, "{compared} frames compared");
}

/// What a stream gives out: type, xid and payload of each message, and how it ends.
type Outcome = (Vec<(u8, Xid, Vec<u8>)>, Option<DecodeError>);

fn whole(mut stream: &[u8]) -> Outcome {
    let mut frames = Vec::new();
    loop {
        match Frame::take(&mut stream, Dialect::Isc) {
            Ok(Some(Frame { header, payload, .. })) => {
                frames.push((header.message_type.0, header.xid, payload.to_vec()));
            }
            Ok(None) => return (frames, None),
            Err(error) => return (frames, Some(error)),
        }
    }
}

fn in_portions(stream: &[u8], random: &mut Random) -> Outcome {
    let mut frames = Vec::new();
    let mut deframer = Deframer::new();
    let mut portions: VecDeque<&[u8]> = VecDeque::new();
    let mut rest = stream;
    while !rest.is_empty() {
        let (portion, behind) = rest.split_at((1 + random.below(40)).min(rest.len()));
        portions.push_back(portion);
        rest = behind;
    }
    for portion in portions {
        deframer.push(portion);
        loop {
            match deframer.next_frame() {
                Ok(Some(Frame { header, payload, .. })) => {
                    frames.push((header.message_type.0, header.xid, payload.to_vec()));
                }
                Ok(None) => break,
                Err(error) => return (frames, Some(error)),
            }
        }
    }
    (frames, None)
}

#[test]
fn a_stream_gives_the_same_messages_and_the_same_error_in_any_portions() {
    let mut random = Random(0xcafe);
    let corpus = messages();
    let mut failed = 0;
    for _ in 0..5_000 {
        let mut stream = Vec::new();
        for _ in 0..=random.below(6) {
            stream.extend(&corpus[random.below(corpus.len())]);
        }
        random.mutate(&mut stream);
        let expected = whole(&stream);
        failed += usize::from(expected.1.is_some());
        assert_eq!(in_portions(&stream, &mut random), expected, "{stream:02x?}");
    }
    assert!((500..4_500).contains(&failed), "{failed} streams with an error");
}

/// Small captures of every kind of file.
fn capture_files() -> Vec<Vec<u8>> {
    let stream = messages().concat();
    let sequences: Vec<_> = (0..stream.len()).step_by(97).collect();
    let mut packets = vec![syn(0)];
    for start in &sequences {
        let end = (start + 97).min(stream.len());
        packets.push(segment(1 + u32::try_from(*start).unwrap(), &stream[*start..end]));
    }
    packets.swap(2, 3);
    let ethernet = Interface { link_type: 1, resolution: Some(9), offset: Some(5) };
    let raw = Interface { link_type: 101, resolution: Some(0x86), offset: None };
    let blocks: Vec<_> = (1..).zip(&packets).map(|(t, p)| (0, t, p.ethernet())).collect();
    let mut next_generation = pcapng(Order::Little, &[ethernet, raw], &blocks);
    next_generation.extend(simple_packet(Order::Little, &packets[1].ethernet()));
    let raw_blocks: Vec<_> = (1..).zip(&packets).map(|(t, p)| (1, t, p.ipv4())).collect();
    let other_port: Vec<_> =
        packets.iter().map(|packet| Tcp { ports: (10_647, 40_000), ..*packet }).collect();
    vec![
        ethernet_pcap(&packets),
        ethernet_pcap(&other_port),
        next_generation,
        pcapng(Order::Big, &[ethernet, raw], &raw_blocks),
    ]
}

#[test]
fn a_mutated_capture_is_read_to_a_proper_end_in_order() {
    let mut random = Random(0xfeed);
    let corpus = capture_files();
    let mut messages = 0;
    for _ in 0..1_500 {
        let mut file = corpus[random.below(corpus.len())].clone();
        random.mutate(&mut file);
        let mut last = 0;
        let mut printed = Vec::new();
        let outcome = pcap::decode(file.as_slice(), |entry| {
            assert!(entry.frame >= last, "packet {} after {last}", entry.frame);
            last = entry.frame;
            messages += 1;
            write_line(entry, &mut printed)?;
            write_json(entry, &mut printed)
        });
        if let Err(error) = outcome {
            assert!(!error.to_string().is_empty());
        }
    }
    assert!(messages > 5_000, "{messages} messages");
}
