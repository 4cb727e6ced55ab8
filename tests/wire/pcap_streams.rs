//! TCP streams put together.

use twinlease::pcap::{Content, Entry};

use crate::capture_file::{Order, Tcp, ethernet_pcap, pcap, segment, syn};
use crate::octets::{message, octets};
use crate::pcap_files::read;

/// A CONTACT with this xid.
fn contact(xid: u32) -> Vec<u8> {
    [octets("000c 0b 0c 6553f100"), xid.to_be_bytes().to_vec()].concat()
}

/// The CONTACTs 1, 2, 3 and so on.
fn contacts(count: u32) -> Vec<u8> {
    (1..=count).flat_map(contact).collect()
}

fn entries(packets: &[Tcp<'_>]) -> Vec<Entry> {
    let (entries, outcome) = read(ethernet_pcap(packets).as_slice());
    outcome.unwrap();
    entries
}

/// Packet number and xid of every message; `None` for a gap.
fn found(packets: &[Tcp<'_>]) -> Vec<(u64, Option<u32>)> {
    let entries = entries(packets);
    entries.iter().map(|e| (e.frame, e.message().map(|frame| frame.header.xid.0))).collect()
}

#[test]
fn a_message_ends_in_the_packet_with_its_last_octet() {
    let all = contacts(3);
    let packets = [segment(1, &all[..5]), segment(6, &all[5..30]), segment(31, &all[30..])];
    assert_eq!(found(&packets), [(2, Some(1)), (2, Some(2)), (3, Some(3))]);
}

#[test]
fn every_cut_of_the_stream_into_two_segments_gives_the_same_messages() {
    let all = contacts(3);
    for cut in 1..all.len() {
        let packets = [syn(0), segment(1, &all[..cut]), segment(1 + to_u32(cut), &all[cut..])];
        let xids: Vec<_> = found(&packets).iter().map(|(_, xid)| xid.unwrap()).collect();
        assert_eq!(xids, [1, 2, 3], "cut at {cut}");
    }
}

fn to_u32(number: usize) -> u32 {
    u32::try_from(number).unwrap()
}

#[test]
fn a_retransmission_is_seen_once() {
    let all = contacts(2);
    let packets = [syn(0), segment(1, &all[..12]), segment(1, &all[..12]), segment(13, &all[12..])];
    assert_eq!(found(&packets), [(2, Some(1)), (4, Some(2))]);
}

#[test]
fn a_retransmission_that_brings_more_adds_what_is_new() {
    let all = contacts(2);
    let packets = [syn(0), segment(1, &all[..12]), segment(1, &all)];
    assert_eq!(found(&packets), [(2, Some(1)), (3, Some(2))]);
}

#[test]
fn an_overlap_keeps_what_came_first() {
    let all = contacts(2);
    let mut other = all[6..].to_vec();
    other[0] ^= 0xff;
    let packets = [syn(0), segment(1, &all[..12]), segment(7, &other)];
    assert_eq!(found(&packets), [(2, Some(1)), (3, Some(2))]);
}

#[test]
fn a_keepalive_octet_before_the_next_is_ignored() {
    let all = contacts(2);
    let packets = [syn(0), segment(1, &all[..12]), segment(12, &[0]), segment(13, &all[12..])];
    assert_eq!(found(&packets), [(2, Some(1)), (4, Some(2))]);
}

#[test]
fn segments_in_the_wrong_order_are_put_right() {
    let all = contacts(3);
    let packets = [
        syn(0),
        segment(1, &all[..6]),
        segment(17, &all[16..30]),
        segment(31, &all[30..]),
        segment(7, &all[6..16]),
    ];
    assert_eq!(found(&packets), [(5, Some(1)), (5, Some(2)), (5, Some(3))]);
}

#[test]
fn a_message_behind_a_late_segment_is_complete_with_that_segment() {
    let all = contacts(2);
    let packets = [syn(0), segment(13, &all[12..]), segment(1, &all[..12])];
    assert_eq!(found(&packets), [(3, Some(1)), (3, Some(2))]);
}

#[test]
fn messages_of_other_connections_keep_their_place_while_a_segment_is_late() {
    let all = contacts(2);
    let other = contact(9);
    let elsewhere = Tcp { ports: (647, 50_000), ..segment(1, &other) };
    let packets = [syn(0), segment(13, &all[12..]), elsewhere, segment(1, &all[..12])];
    assert_eq!(found(&packets), [(3, Some(9)), (4, Some(1)), (4, Some(2))]);
}

#[test]
fn messages_behind_a_segment_that_never_comes_keep_their_place_among_others() {
    let all = contacts(3);
    let other = contact(9);
    let elsewhere = Tcp { ports: (647, 50_000), ..segment(1, &other) };
    let packets = [syn(0), segment(1, &all[..12]), segment(25, &all[24..]), elsewhere];
    assert_eq!(found(&packets), [(2, Some(1)), (3, None), (3, Some(3)), (4, Some(9))]);
}

#[test]
fn sequence_numbers_go_round() {
    let all = contacts(3);
    let start = u32::MAX - 5;
    let packets = [
        syn(start.wrapping_sub(1)),
        segment(start, &all[..20]),
        segment(start.wrapping_add(20), &all[20..]),
    ];
    assert_eq!(found(&packets), [(2, Some(1)), (3, Some(2)), (3, Some(3))]);
}

#[test]
fn a_stream_without_its_beginning_is_taken_up_at_the_next_message() {
    let all = contacts(3);
    let packets = [segment(1, &all[5..12]), segment(8, &all[12..])];
    assert_eq!(found(&packets), [(2, Some(2)), (2, Some(3))]);
}

#[test]
fn a_gap_costs_the_messages_it_touches_and_is_reported() {
    let all = contacts(6);
    let packets =
        [syn(0), segment(1, &all[..18]), segment(31, &all[30..36]), segment(37, &all[36..])];
    assert_eq!(
        found(&packets),
        [(2, Some(1)), (3, None), (4, Some(4)), (4, Some(5)), (4, Some(6))]
    );
    let gap = &entries(&packets)[1];
    assert_eq!(gap.content, Content::Gap { missing: 12, discarded: 6 });
    assert_eq!(
        gap.errors(),
        ["12 octets are missing in the capture; 6 octets before them begin a message that cannot \
          be read"]
    );
}

#[test]
fn a_new_connection_between_the_same_ports_starts_afresh() {
    let all = contacts(2);
    let packets = [
        syn(100),
        segment(101, &all[..18]),
        syn(5000),
        segment(5001, &all[..12]),
        segment(5013, &all[12..]),
    ];
    assert_eq!(found(&packets), [(2, Some(1)), (4, Some(1)), (5, Some(2))]);
}

#[test]
fn a_new_connection_with_lower_numbers_and_no_syn_is_noticed() {
    let all = contacts(2);
    let packets = [segment(1 << 30, &all[..12]), segment(1, &all[12..])];
    assert_eq!(found(&packets), [(1, Some(1)), (2, Some(2))]);
}

#[test]
fn a_repeated_syn_changes_nothing() {
    let all = contacts(1);
    let packets = [syn(0), syn(0), segment(1, &all)];
    assert_eq!(found(&packets), [(3, Some(1))]);
}

#[test]
fn data_in_the_syn_is_read() {
    let all = contacts(1);
    let packets = [Tcp { payload: &all, ..syn(0) }];
    assert_eq!(found(&packets), [(1, Some(1))]);
}

#[test]
fn another_port_is_recognised_by_its_first_message() {
    let all = contacts(2);
    for cut in 1..all.len() {
        let ports = (10_647, 40_000);
        let packets = [
            Tcp { ports, ..syn(0) },
            Tcp { ports, ..segment(1, &all[..cut]) },
            Tcp { ports, ..segment(1 + to_u32(cut), &all[cut..]) },
        ];
        let xids: Vec<_> = found(&packets).iter().map(|(_, xid)| xid.unwrap()).collect();
        assert_eq!(xids, [1, 2], "cut at {cut}");
    }
}

#[test]
fn another_port_with_other_data_is_left_alone() {
    let ports = (80, 40_000);
    let message = contacts(1);
    let packets = [
        Tcp { ports, ..syn(0) },
        Tcp { ports, ..segment(1, b"GET / HTTP/1.1\r\n\r\n") },
        Tcp { ports, ..segment(19, &message) },
    ];
    assert_eq!(found(&packets), []);
}

#[test]
fn both_directions_are_separate_streams() {
    let all = contacts(2);
    let back = Tcp { ports: (40_000, 647), ..segment(1, &all[..12]) };
    let packets = [segment(1, &all[..6]), back, segment(7, &all[6..])];
    assert_eq!(found(&packets), [(2, Some(1)), (3, Some(1)), (3, Some(2))]);
}

#[test]
fn what_was_not_captured_of_a_packet_is_a_gap() {
    let all = contacts(4);
    let mut first = segment(1, &all[..30]).ethernet();
    first.truncate(first.len() - 10);
    let packets = [syn(0).ethernet(), first, segment(37, &all[36..]).ethernet()];
    let file = pcap(Order::Little, 0xa1b2_c3d4, 1, &packets);
    let (entries, outcome) = read(file.as_slice());
    outcome.unwrap();
    let contents: Vec<_> = entries.into_iter().map(|e| (e.frame, e.content)).collect();
    assert_eq!(
        contents,
        [
            (2, Content::Message(contact(1))),
            (2, Content::Gap { missing: 10, discarded: 8 }),
            (3, Content::Message(contact(4))),
        ]
    );
}

#[test]
fn a_length_below_12_ends_the_stream_until_a_segment_begins_with_a_message() {
    let broken = [contact(1), octets("000b 0b 0c 6553f100 00000002"), contact(3)].concat();
    let next = contact(4);
    let packets = [syn(0), segment(1, &broken), segment(37, &next)];
    assert_eq!(found(&packets), [(2, Some(1)), (2, Some(2)), (3, Some(4))]);
    assert_eq!(
        entries(&packets)[1].errors(),
        ["octet 0: the message length is 11; it must be 12 to 2048"]
    );
}

#[test]
fn a_message_that_is_too_long_is_an_error_and_the_next_is_found() {
    let mut long = message(250, &"00".repeat(2036));
    long.push(0);
    long[1] = 1;
    long.extend(contact(2));
    let packets = [syn(0), segment(1, &long)];
    assert_eq!(found(&packets), [(2, Some(7)), (2, Some(2))]);
    assert_eq!(
        entries(&packets)[0].errors(),
        ["octet 0: the message length is 2049; it must be 12 to 2048"]
    );
}

#[test]
fn a_wrong_payload_offset_is_an_error_and_the_next_message_is_found() {
    let wrong = [octets("000c 0b 09 6553f100 00000001"), contact(2)].concat();
    let packets = [syn(0), segment(1, &wrong)];
    assert_eq!(found(&packets), [(2, Some(1)), (2, Some(2))]);
    assert_eq!(
        entries(&packets)[0].errors(),
        ["octet 3: the payload offset is 9; it must be 12 to the message length 12"]
    );
}

#[test]
fn an_option_repeated_in_an_update_and_an_unknown_type_are_errors() {
    let repeated = message(3, "0002 0004 0a000001 0003 0001 02 0003 0001 02");
    let unknown = message(127, "");
    let ignorable = message(128, "");
    let stream = [repeated, unknown, ignorable].concat();
    let entries = entries(&[syn(0), segment(1, &stream)]);
    let errors: Vec<_> = entries.iter().map(Entry::errors).collect();
    assert_eq!(
        errors,
        [
            vec![
                "option 3 (binding-status) of 10.0.0.1 occurs twice; it may occur once".to_owned()
            ],
            vec!["message type 127 is unknown; it must be 1 to 12".to_owned()],
            vec![],
        ]
    );
}

#[test]
fn a_stream_whose_missing_segment_never_comes_is_given_up_and_does_not_hold_the_rest_for_ever() {
    let payload = contact(5);
    let sequences = (0..2000).map(|number| 1000 + 20 * number);
    let mut packets = vec![syn(0)];
    packets.extend(sequences.map(|sequence| segment(sequence, &payload)));
    let gaps = entries(&packets).iter().filter(|entry| entry.message().is_none()).count();
    let messages = entries(&packets).len() - gaps;
    assert_eq!((messages, gaps), (2000, 2000));
}

#[test]
fn more_connections_than_are_kept_at_a_time_lose_no_message() {
    let payload = contact(1);
    let ports = (1..=20_000).map(|port| (647, port));
    let packets: Vec<_> = ports.map(|ports| Tcp { ports, ..segment(1, &payload) }).collect();
    assert_eq!(entries(&packets).len(), 20_000);
}
