//! What the TCP stacks on both ends of a capture did: connections, octets, and whether they arrived.
//!
//! The captures are taken on the primary's side of a link that is sometimes cut. A message in the
//! capture therefore counts as delivered only once the other stack has acknowledged its octets.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::Path;

use crate::side::Side;

/// Microseconds since 1970.
pub type Micros = u64;

/// Stacks hold an acknowledgement back for as long as this; a later one means that the octets were
/// lost at first.
const DELAYED_ACK: Micros = 250_000;

/// When something happened; equal times are told apart by the number of the packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct At {
    pub micros: Micros,
    pub packet: usize,
}

struct Packet {
    at: At,
    source: (Ipv4Addr, u16),
    destination: (Ipv4Addr, u16),
    sequence: u32,
    acknowledged: u32,
    flags: u8,
    payload: Vec<u8>,
}

impl Packet {
    const FIN: u8 = 1;
    const SYN: u8 = 2;
    const RST: u8 = 4;
    const ACK: u8 = 16;

    fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }
}

/// One attempt to connect, and what became of it.
#[derive(Debug)]
pub struct Connection {
    pub dialler: Side,
    pub answer: Answer,
    /// Messages of either side in the order in which they were sent.
    pub messages: Vec<Sent>,
    /// Every end that was sent, and when it arrived.
    ends: Vec<(Side, At, Option<At>)>,
}

impl Connection {
    /// When and by whom the connection ended as `side` saw it.
    pub fn closed_for(&self, side: Side) -> Option<(At, Side)> {
        let seen = |(closer, sent, delivered): &(Side, At, Option<At>)| {
            let at = if *closer == side { Some(*sent) } else { *delivered };
            at.map(|at| (at, *closer))
        };
        self.ends.iter().filter_map(seen).min()
    }
}

/// What became of a SYN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    Nothing,
    Refused(At),
    Accepted(At),
}

/// A message on its way.
#[derive(Debug)]
pub struct Sent {
    pub sender: Side,
    pub at: At,
    pub delivered: Option<At>,
    pub octets: Vec<u8>,
}

/// One direction of a connection.
struct Direction {
    next: u32,
    octets: Vec<u8>,
    waiting: BTreeMap<u32, Vec<u8>>,
    /// Number of the octet after the last whole message.
    cut: usize,
    /// Whole messages: where they end in `octets`, and when.
    messages: Vec<(usize, usize, At)>,
    first: u32,
    /// How far the other stack has acknowledged, and when.
    acknowledged: Vec<(usize, At)>,
    fin: Option<(usize, At)>,
}

impl Direction {
    fn new(syn: u32) -> Self {
        let first = syn.wrapping_add(1);
        Self {
            next: first,
            octets: Vec::new(),
            waiting: BTreeMap::new(),
            cut: 0,
            messages: Vec::new(),
            first,
            acknowledged: Vec::new(),
            fin: None,
        }
    }

    fn position(&self, sequence: u32) -> usize {
        sequence.wrapping_sub(self.first) as usize
    }

    fn take(&mut self, packet: &Packet) {
        if !packet.payload.is_empty() {
            self.waiting.entry(packet.sequence).or_insert_with(|| packet.payload.clone());
        }
        while let Some((&sequence, _)) =
            self.waiting.iter().find(|(sequence, _)| self.next.wrapping_sub(**sequence) < 1 << 31)
        {
            let payload = self.waiting.remove(&sequence).unwrap();
            let known = self.next.wrapping_sub(sequence) as usize;
            if let Some(fresh) = payload.get(known..) {
                self.octets.extend_from_slice(fresh);
                self.next = self.next.wrapping_add(u32::try_from(fresh.len()).unwrap());
            }
        }
        while let Some(header) = self.octets.get(self.cut..self.cut + 2) {
            let end = self.cut + usize::from(u16::from_be_bytes([header[0], header[1]]));
            if end > self.octets.len() {
                break;
            }
            self.messages.push((self.cut, end, packet.at));
            self.cut = end;
        }
        if packet.has(Packet::FIN) && self.fin.is_none() {
            let end = self.position(packet.sequence) + packet.payload.len();
            self.fin = Some((end + 1, packet.at));
        }
    }

    /// When the octets before `end`, sent at `at`, arrived.
    fn delivered(&self, end: usize, at: At) -> Option<At> {
        let (_, acknowledged) =
            self.acknowledged.iter().find(|(position, _)| *position >= end).copied()?;
        let prompt = acknowledged.micros <= at.micros + DELAYED_ACK;
        Some(if prompt { at } else { acknowledged })
    }
}

struct Flow {
    dialler: Side,
    answer: Answer,
    directions: BTreeMap<Side, Direction>,
    reset: Option<(At, Side)>,
}

impl Flow {
    fn finish(self) -> Connection {
        let mut messages = Vec::new();
        let mut ends: Vec<(Side, At, Option<At>)> =
            self.reset.into_iter().map(|(at, side)| (side, at, Some(at))).collect();
        for (sender, direction) in &self.directions {
            for &(begin, end, at) in &direction.messages {
                let octets = direction.octets[begin..end].to_vec();
                let delivered = direction.delivered(end, at);
                messages.push(Sent { sender: *sender, at, delivered, octets });
            }
            if let Some((end, at)) = direction.fin {
                ends.push((*sender, at, direction.delivered(end, at)));
            }
        }
        messages.sort_by_key(|sent| sent.at);
        Connection { dialler: self.dialler, answer: self.answer, messages, ends }
    }
}

/// The connections of a capture in the order of their SYNs, with the time of the first packet and
/// of the last.
pub fn connections(capture: &Path) -> (Vec<Connection>, Micros, Micros) {
    let packets = packets(&std::fs::read(capture).unwrap());
    let (begin, end) = (packets.first().unwrap().at.micros, packets.last().unwrap().at.micros);
    let mut flows: Vec<Flow> = Vec::new();
    let mut current: BTreeMap<[(Ipv4Addr, u16); 2], usize> = BTreeMap::new();
    for packet in
        packets.iter().filter(|packet| [packet.source.1, packet.destination.1].contains(&647))
    {
        let mut ends = [packet.source, packet.destination];
        ends.sort_unstable();
        let sender = Side::of(packet.source.0);
        if packet.has(Packet::SYN) && !packet.has(Packet::ACK) {
            let again = current.get(&ends).is_some_and(|flow| {
                flows[*flow].directions[&sender].first == packet.sequence.wrapping_add(1)
            });
            if !again {
                current.insert(ends, flows.len());
                let directions = BTreeMap::from([(sender, Direction::new(packet.sequence))]);
                flows.push(Flow {
                    dialler: sender,
                    answer: Answer::Nothing,
                    directions,
                    reset: None,
                });
            }
        } else if let Some(flow) = current.get(&ends) {
            add(&mut flows[*flow], sender, packet);
        }
    }
    (flows.into_iter().map(Flow::finish).collect(), begin, end)
}

fn add(flow: &mut Flow, sender: Side, packet: &Packet) {
    if packet.has(Packet::RST) {
        match flow.answer {
            Answer::Nothing => flow.answer = Answer::Refused(packet.at),
            Answer::Accepted(_) if flow.reset.is_none() => flow.reset = Some((packet.at, sender)),
            Answer::Accepted(_) | Answer::Refused(_) => {}
        }
    }
    if packet.has(Packet::SYN) {
        flow.directions.entry(sender).or_insert_with(|| Direction::new(packet.sequence));
        if flow.answer == Answer::Nothing {
            flow.answer = Answer::Accepted(packet.at);
        }
    } else if let Some(direction) = flow.directions.get_mut(&sender) {
        direction.take(packet);
    }
    if packet.has(Packet::ACK)
        && let Some(other) = flow.directions.get_mut(&sender.other())
    {
        let position = other.position(packet.acknowledged);
        if position < 1 << 31 {
            other.acknowledged.push((position, packet.at));
        }
    }
}

/// The TCP packets of a pcap file as tcpdump writes it here: little-endian, microseconds, Ethernet.
fn packets(file: &[u8]) -> Vec<Packet> {
    assert_eq!(file[..4], [0xd4, 0xc3, 0xb2, 0xa1], "a classic pcap file");
    let mut packets = Vec::new();
    let mut rest = &file[24..];
    let mut number = 0;
    while !rest.is_empty() {
        let word = |at: usize| u32::from_le_bytes(rest[at..at + 4].try_into().unwrap());
        let micros = Micros::from(word(0)) * 1_000_000 + Micros::from(word(4));
        let len = word(8) as usize;
        let frame = &rest[16..16 + len];
        rest = &rest[16 + len..];
        number += 1;
        packets.extend(tcp(frame, At { micros, packet: number }));
    }
    packets
}

fn tcp(frame: &[u8], at: At) -> Option<Packet> {
    let short = |octets: &[u8], at: usize| u16::from_be_bytes([octets[at], octets[at + 1]]);
    let long =
        |octets: &[u8], at: usize| u32::from_be_bytes(octets[at..at + 4].try_into().unwrap());
    if short(frame, 12) != 0x0800 || frame[23] != 6 {
        return None;
    }
    let ip = &frame[14..14 + usize::from(short(frame, 16))];
    let tcp = &ip[usize::from(ip[0] & 15) * 4..];
    Some(Packet {
        at,
        source: (Ipv4Addr::from(long(ip, 12)), short(tcp, 0)),
        destination: (Ipv4Addr::from(long(ip, 16)), short(tcp, 2)),
        sequence: long(tcp, 4),
        acknowledged: long(tcp, 8),
        flags: tcp[13],
        payload: tcp[usize::from(tcp[12] >> 4) * 4..].to_vec(),
    })
}
