//! File formats and link layers.

use std::io::{self, Read};

use twinlease::pcap::{self, CaptureError, Entry, Timestamp};

use crate::capture_file::{
    Interface, Order, Tcp, ethernet_pcap, pcap as pcap_file, pcapng, segment, simple_packet,
};
use crate::octets::message;

const MICROSECONDS: u32 = 0xa1b2_c3d4;
const NANOSECONDS: u32 = 0xa1b2_3c4d;

/// What is in a capture, and how reading it ended.
pub(crate) fn read(file: impl Read + Send) -> (Vec<Entry>, Result<(), CaptureError>) {
    let mut entries = Vec::new();
    let outcome = pcap::decode(file, |entry| {
        entries.push(entry.clone());
        Ok(())
    });
    (entries, outcome)
}

/// Packet number and xid of every message in a capture that is all right.
fn xids(file: &[u8]) -> Vec<(u64, u32)> {
    let (entries, outcome) = read(file);
    outcome.unwrap();
    entries.iter().map(|entry| (entry.frame, entry.message().unwrap().header.xid.0)).collect()
}

fn contact() -> Vec<u8> {
    message(11, "")
}

#[test]
fn both_byte_orders_and_both_precisions_of_pcap() {
    let contact = contact();
    let packets = [segment(1, &contact).ethernet()];
    for (order, magic, nanos) in [
        (Order::Little, MICROSECONDS, 5000),
        (Order::Big, MICROSECONDS, 5000),
        (Order::Little, NANOSECONDS, 5),
        (Order::Big, NANOSECONDS, 5),
    ] {
        let file = pcap_file(order, magic, 1, &packets);
        let (entries, outcome) = read(file.as_slice());
        outcome.unwrap();
        assert_eq!(entries.len(), 1);
        assert_eq!(entries[0].time, Timestamp { seconds: 1000, nanos });
        assert_eq!(entries[0].source.to_string(), "10.0.0.1:647");
        assert_eq!(entries[0].destination.to_string(), "10.0.0.2:40000");
    }
}

#[test]
fn every_link_layer() {
    let contact = contact();
    let packet = segment(1, &contact);
    let cooked = [0, 0, 0, 1, 0, 6, 0, 0, 0, 0, 0, 1, 0, 0, 8, 0];
    let cooked2 = [8, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 6, 0, 0, 0, 0, 0, 1, 0, 0];
    let vlan = [0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 1, 0x81, 0, 0, 5, 8, 0];
    let stacked = [0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 1, 0x88, 0xa8, 0, 7, 0x81, 0, 0, 5, 8, 0];
    let layers: [(u32, Vec<u8>); 13] = [
        (0, packet.behind(&[2, 0, 0, 0])),
        (0, packet.behind(&[0, 0, 0, 2])),
        (108, packet.behind(&[0, 0, 0, 2])),
        (1, packet.ethernet()),
        (1, packet.behind(&vlan)),
        (1, packet.behind(&stacked)),
        (12, packet.ipv4()),
        (101, packet.ipv4()),
        (228, packet.ipv4()),
        (229, packet.ipv6()),
        (101, packet.ipv6()),
        (113, packet.behind(&cooked)),
        (276, packet.behind(&cooked2)),
    ];
    for (link_type, packet) in layers {
        let file = pcap_file(Order::Little, MICROSECONDS, link_type, &[packet]);
        assert_eq!(xids(&file), [(1, 7)], "link layer {link_type}");
    }
}

#[test]
fn an_ipv6_address_stands_in_brackets() {
    let contact = contact();
    let file = pcap_file(Order::Little, MICROSECONDS, 101, &[segment(1, &contact).ipv6()]);
    assert_eq!(read(file.as_slice()).0[0].source.to_string(), "[fd00::1]:647");
}

#[test]
fn padding_behind_a_short_ethernet_frame_is_no_payload() {
    let contact = contact();
    let mut first = segment(1, &contact).ethernet();
    first.extend([0; 20]);
    let second = segment(13, &contact).ethernet();
    let file = pcap_file(Order::Little, MICROSECONDS, 1, &[first, second]);
    assert_eq!(xids(&file), [(1, 7), (2, 7)]);
}

#[test]
fn both_byte_orders_of_pcapng_with_several_interfaces() {
    let contact = contact();
    let interfaces = [
        Interface { link_type: 1, resolution: None, offset: None },
        Interface { link_type: 101, resolution: Some(9), offset: None },
        Interface { link_type: 101, resolution: Some(0x8a), offset: Some(-100) },
        Interface { link_type: 147, resolution: None, offset: None },
    ];
    let packets = [
        (0, 1_000_000_005, segment(1, &contact).ethernet()),
        (3, 0, vec![1, 2, 3]),
        (1, 1_000_000_000_005, segment(13, &contact).ipv4()),
        (2, 1024 * 1100 + 512, segment(25, &contact).ipv4()),
        (9, 0, segment(37, &contact).ipv4()),
    ];
    for order in [Order::Little, Order::Big] {
        let file = pcapng(order, &interfaces, &packets);
        let (entries, outcome) = read(file.as_slice());
        outcome.unwrap();
        let found: Vec<_> =
            entries.iter().map(|e| (e.frame, e.time.seconds, e.time.nanos)).collect();
        assert_eq!(found, [(1, 1000, 5000), (3, 1000, 5), (4, 1000, 500_000_000)]);
    }
}

#[test]
fn simple_packets_have_no_time() {
    let contact = contact();
    let interface = Interface { link_type: 101, resolution: None, offset: None };
    let mut file = pcapng(Order::Big, &[interface], &[]);
    file.extend(simple_packet(Order::Big, &segment(1, &contact).ipv4()));
    let (entries, outcome) = read(file.as_slice());
    outcome.unwrap();
    assert_eq!(entries.len(), 1);
    assert_eq!((entries[0].frame, entries[0].time), (1, Timestamp::default()));
}

#[test]
fn a_second_section_starts_with_new_interfaces() {
    let contact = contact();
    let ethernet = Interface { link_type: 1, resolution: None, offset: None };
    let raw = Interface { link_type: 101, ..ethernet };
    let mut file = pcapng(Order::Little, &[ethernet], &[(0, 1, segment(1, &contact).ethernet())]);
    file.extend(pcapng(Order::Big, &[raw], &[(0, 1, segment(13, &contact).ipv4())]));
    assert_eq!(xids(&file), [(1, 7), (2, 7)]);
}

#[test]
fn a_packet_longer_than_the_first_buffer_is_read() {
    let contact = contact();
    let long = vec![0; 700_000];
    let packets = [segment(1, &contact).ethernet(), long, segment(13, &contact).ethernet()];
    let file = pcap_file(Order::Little, MICROSECONDS, 1, &packets);
    assert_eq!(xids(&file), [(1, 7), (3, 7)]);
}

/// Gives one octet at a time.
struct Slow<'a>(&'a [u8]);

impl Read for Slow<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = buffer.len().min(1);
        self.0.read(&mut buffer[..length])
    }
}

#[test]
fn a_file_may_come_in_small_portions() {
    let contact = contact();
    let file = ethernet_pcap(&[segment(1, &contact), segment(13, &contact)]);
    let (entries, outcome) = read(Slow(&file));
    outcome.unwrap();
    assert_eq!(entries.len(), 2);
}

#[test]
fn messages_before_the_cut_are_given_out() {
    let contact = contact();
    let file = ethernet_pcap(&[segment(1, &contact), segment(13, &contact)]);
    let (entries, outcome) = read(&file[..file.len() - 1]);
    assert_eq!(entries.len(), 1);
    assert!(matches!(outcome, Err(CaptureError::CutShort { frame: 1 })), "{outcome:?}");
}

#[test]
fn a_packet_of_an_impossible_length_is_damage() {
    let contact = contact();
    let mut file = ethernet_pcap(&[segment(1, &contact)]);
    file.extend([0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0x7f, 0, 0, 0, 0]);
    let (entries, outcome) = read(file.as_slice());
    assert_eq!(entries.len(), 1);
    assert!(outcome.is_err());
}

#[test]
fn what_is_no_capture_is_refused() {
    for file in [&b""[..], b"abc", b"{\"frame\": 1, \"and\": \"so on and so forth\"}"] {
        let (entries, outcome) = read(file);
        assert!(entries.is_empty());
        assert!(matches!(outcome, Err(CaptureError::NotACapture)), "{outcome:?}");
    }
}

#[test]
fn a_link_layer_that_is_not_understood_is_named() {
    let file = pcap_file(Order::Little, MICROSECONDS, 147, &[vec![0; 60]]);
    let (_, outcome) = read(file.as_slice());
    assert_eq!(
        outcome.unwrap_err().to_string(),
        "link layer 147 is not understood; Ethernet, Linux cooked, raw IP or loopback is needed"
    );
}

#[test]
fn a_visitor_that_fails_ends_the_reading() {
    let contact = contact();
    let file = ethernet_pcap(&[segment(1, &contact), segment(13, &contact)]);
    let mut visited = 0;
    let outcome = pcap::decode(file.as_slice(), |_| {
        visited += 1;
        Err(io::Error::other("full"))
    });
    assert!(matches!(outcome, Err(CaptureError::Output(_))));
    assert_eq!(visited, 1);
}

#[test]
fn an_empty_capture_is_all_right() {
    assert_eq!(xids(&ethernet_pcap(&[])), []);
    assert_eq!(xids(&ethernet_pcap(&[Tcp { syn: true, ..segment(1, &[]) }])), []);
}
