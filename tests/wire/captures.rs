//! The captures of ISC dhcpd in `pcaps/`.

use std::fs::File;
use std::path::PathBuf;
use std::process::Command;

use twinlease::pcap::{self, Content, Entry};
use twinlease::wire::{Dialect, Frame, Message, encode_frame};

/// Every capture, by name.
fn captures() -> Vec<PathBuf> {
    let directory = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("pcaps");
    let mut captures: Vec<_> = directory
        .read_dir()
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "pcap"))
        .collect();
    captures.sort();
    assert!(captures.len() >= 10, "{} captures", captures.len());
    captures
}

fn entries(path: &PathBuf) -> Vec<Entry> {
    let mut entries = Vec::new();
    let collect = |entry: &Entry| {
        entries.push(entry.clone());
        Ok(())
    };
    pcap::decode(File::open(path).unwrap(), collect).unwrap();
    entries
}

fn octets(entry: &Entry) -> &[u8] {
    match &entry.content {
        Content::Message(octets) => octets,
        Content::Gap { .. } => panic!("a gap in packet {}", entry.frame),
    }
}

/// Holds: FO-6-1, FO-6.2-1.
#[test]
fn every_message_is_read_without_an_error_and_sent_again_as_the_same_octets() {
    for path in captures() {
        let entries = entries(&path);
        assert!(entries.len() > 100, "{}: {} messages", path.display(), entries.len());
        for entry in &entries {
            assert_eq!(entry.errors(), Vec::<String>::new(), "{}", path.display());
            let received = octets(entry);
            let frame = Frame::parse(received).unwrap();
            let message = Message::decode(&frame, Dialect::Isc).unwrap();
            let mut sent = Vec::new();
            let (time, xid) = (frame.header.time, frame.header.xid);
            message.encode(time, xid, Dialect::Isc, &mut sent).unwrap();
            assert_eq!(sent, received, "{} packet {}", path.display(), entry.frame);
            sent.clear();
            encode_frame(&frame, &mut sent).unwrap();
            assert_eq!(sent, received, "{} packet {}", path.display(), entry.frame);
        }
    }
}

#[test]
fn packets_types_and_xids_are_those_that_tshark_finds() {
    for path in captures() {
        let tshark = Command::new("tshark")
            .args(["-Y", "dhcpfo", "-T", "fields", "-e", "frame.number"])
            .args(["-e", "dhcpfo.type", "-e", "dhcpfo.xid", "-r"])
            .arg(&path)
            .output();
        let Ok(output) = tshark else {
            eprintln!("tshark is not installed: nothing compared");
            return;
        };
        let expected = tshark_messages(&String::from_utf8(output.stdout).unwrap());
        let found: Vec<_> = entries(&path)
            .iter()
            .map(|entry| {
                let header = entry.message().unwrap().header;
                (entry.frame, header.message_type.0, header.xid.0)
            })
            .collect();
        assert_eq!(found, expected, "{}", path.display());
    }
}

/// Packet, type and xid of every message in lines of three fields, the latter two with commas
/// between the messages of a packet.
fn tshark_messages(lines: &str) -> Vec<(u64, u8, u32)> {
    let mut messages = Vec::new();
    for line in lines.lines() {
        let fields: Vec<_> = line.split('\t').collect();
        let packet = fields[0].parse().unwrap();
        for (message_type, xid) in fields[1].split(',').zip(fields[2].split(',')) {
            let xid = u32::from_str_radix(xid.trim_start_matches("0x"), 16).unwrap();
            messages.push((packet, message_type.parse().unwrap(), xid));
        }
    }
    messages
}
