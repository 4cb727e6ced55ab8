//! One direction of a TCP connection: segments in any order to messages.

use std::collections::VecDeque;

use super::capture::Stamp;
use super::entry::Content;
use super::link::Segment;
use crate::wire::{Dialect, Frame, HEADER_LEN, MAX_MESSAGE_LEN, OptionReader};

/// Segments that wait for one before them.
const MAX_WAITING: usize = 1024;
/// A segment this far behind belongs to another connection between the same ports.
const OLD_CONNECTION: u32 = 1 << 24;

/// Whether messages can be cut off the octets at hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Synchronisation {
    /// The first octets have to tell whether this is failover.
    Undecided,
    /// The octets continue from the start of a message.
    Synchronised,
    /// Looking for a segment that begins with a message.
    Searching,
    /// This is no failover.
    Foreign,
}

/// A segment that waits for one before it.
#[derive(Debug)]
struct Waiting {
    sequence: u32,
    payload: Vec<u8>,
    uncaptured: usize,
    stamp: Stamp,
}

/// Which packet brought the octets up to `end`.
#[derive(Clone, Copy, Debug)]
struct Mark {
    end: usize,
    stamp: Stamp,
}

/// A message or a gap that a stream gives out.
pub(super) type Found = (Stamp, Content);

/// One direction of a connection.
#[derive(Debug)]
pub(super) struct Stream {
    synchronisation: Synchronisation,
    /// The number of the octet that comes next.
    next: Option<u32>,
    /// Octets in order that are not yet a whole message, and where they come from.
    octets: Vec<u8>,
    marks: VecDeque<Mark>,
    /// The packet with which the octets so far were complete.
    latest: Option<Stamp>,
    waiting: Vec<Waiting>,
}

impl Stream {
    /// A stream of which nothing is known but whether it is failover for certain.
    pub(super) const fn new(is_failover: bool) -> Self {
        Self {
            synchronisation: if is_failover {
                Synchronisation::Searching
            } else {
                Synchronisation::Undecided
            },
            next: None,
            octets: Vec::new(),
            marks: VecDeque::new(),
            latest: None,
            waiting: Vec::new(),
        }
    }

    /// Whether this carries failover messages for certain.
    pub(super) fn is_failover(&self) -> bool {
        matches!(self.synchronisation, Synchronisation::Synchronised | Synchronisation::Searching)
    }

    /// Whether this carries something else.
    pub(super) fn is_foreign(&self) -> bool {
        self.synchronisation == Synchronisation::Foreign
    }

    /// Whether nothing is lost, except the view of retransmissions, by forgetting this stream.
    pub(super) fn is_idle(&self) -> bool {
        self.octets.is_empty() && self.waiting.is_empty()
    }

    /// Learns from the other direction that this is failover.
    pub(super) fn set_failover(&mut self, found: &mut Vec<Found>) {
        match self.synchronisation {
            Synchronisation::Undecided => {
                self.synchronisation = Synchronisation::Synchronised;
                self.cut_messages(found);
            }
            Synchronisation::Foreign => self.synchronisation = Synchronisation::Searching,
            Synchronisation::Synchronised | Synchronisation::Searching => {}
        }
    }

    /// Octets held in segments that wait for one before them.
    pub(super) fn waiting_octets(&self) -> usize {
        self.waiting.iter().map(|waiting| waiting.payload.len()).sum()
    }

    /// The first packet among the segments that wait.
    pub(super) fn first_waiting_frame(&self) -> Option<u64> {
        self.waiting.iter().map(|waiting| waiting.stamp.frame).min()
    }

    /// Takes in a segment.
    pub(super) fn add(&mut self, segment: &Segment<'_>, stamp: Stamp, found: &mut Vec<Found>) {
        let sequence = segment.sequence.wrapping_add(u32::from(segment.syn));
        if segment.syn && self.next != Some(sequence) {
            self.begin(sequence, found);
        }
        if segment.payload.is_empty() {
            return;
        }
        let behind = self.next.map_or(0, |next| next.wrapping_sub(sequence));
        if self.next.is_none() || (behind < 1 << 31 && behind > OLD_CONNECTION) {
            self.join(sequence, found);
        }
        let expected = self.next.unwrap_or(sequence);
        if is_after(sequence, expected) {
            self.wait(segment, sequence, stamp, found);
        } else {
            self.take(sequence, segment.payload, segment.uncaptured, stamp, found);
            self.take_waiting(found);
        }
    }

    /// Gives up waiting for what is missing.
    pub(super) fn give_up(&mut self, found: &mut Vec<Found>) {
        while let (Some(first), Some(next)) = (self.first_waiting(), self.next) {
            let missing = first.sequence.wrapping_sub(next);
            let stamp = first.stamp;
            self.lose(missing, stamp, found);
            self.take_waiting(found);
        }
    }

    /// A connection starts: its first octet is the first of a message.
    fn begin(&mut self, sequence: u32, found: &mut Vec<Found>) {
        self.join(sequence, found);
        self.synchronisation = if self.is_failover() {
            Synchronisation::Synchronised
        } else {
            Synchronisation::Undecided
        };
    }

    /// The capture joins a connection at this octet.
    fn join(&mut self, sequence: u32, found: &mut Vec<Found>) {
        self.give_up(found);
        self.octets.clear();
        self.marks.clear();
        self.next = Some(sequence);
        if self.is_failover() {
            self.synchronisation = Synchronisation::Searching;
        }
    }

    fn wait(&mut self, segment: &Segment<'_>, sequence: u32, stamp: Stamp, found: &mut Vec<Found>) {
        let known = self.waiting.iter().any(|waiting| {
            waiting.sequence == sequence && waiting.payload.len() >= segment.payload.len()
        });
        if known || self.is_foreign() {
            return;
        }
        let payload = segment.payload.to_vec();
        let uncaptured = segment.uncaptured;
        self.waiting.push(Waiting { sequence, payload, uncaptured, stamp });
        if self.waiting.len() > MAX_WAITING {
            self.give_up(found);
        }
    }

    fn first_waiting(&self) -> Option<&Waiting> {
        let next = self.next?;
        self.waiting.iter().min_by_key(|waiting| waiting.sequence.wrapping_sub(next))
    }

    /// Takes the segments that need wait no longer.
    fn take_waiting(&mut self, found: &mut Vec<Found>) {
        loop {
            let next = self.next.unwrap_or(0);
            let ready = |waiting: &Waiting| !is_after(waiting.sequence, next);
            let Some(position) = self.waiting.iter().position(ready) else {
                return;
            };
            let Waiting { sequence, payload, uncaptured, stamp } =
                self.waiting.swap_remove(position);
            self.take(sequence, &payload, uncaptured, stamp, found);
        }
    }

    /// Takes a segment that begins at or before the next octet.
    fn take(
        &mut self,
        sequence: u32,
        payload: &[u8],
        uncaptured: usize,
        stamp: Stamp,
        found: &mut Vec<Found>,
    ) {
        let next = self.next.unwrap_or(sequence);
        let known = usize::try_from(next.wrapping_sub(sequence)).unwrap_or(usize::MAX);
        let Some(fresh @ [_, ..]) = payload.get(known..) else {
            return;
        };
        self.next = Some(next.wrapping_add(u32::try_from(fresh.len()).unwrap_or(u32::MAX)));
        self.accept(fresh, stamp, found);
        if uncaptured > 0 {
            self.lose(u32::try_from(uncaptured).unwrap_or(u32::MAX), stamp, found);
        }
    }

    /// Goes on behind octets that are not in the capture.
    fn lose(&mut self, missing: u32, stamp: Stamp, found: &mut Vec<Found>) {
        self.next = self.next.map(|next| next.wrapping_add(missing));
        match self.synchronisation {
            Synchronisation::Undecided => self.synchronisation = Synchronisation::Foreign,
            Synchronisation::Synchronised => {
                let discarded = self.octets.len();
                found.push((stamp, Content::Gap { missing, discarded }));
                self.synchronisation = Synchronisation::Searching;
            }
            Synchronisation::Searching | Synchronisation::Foreign => {}
        }
        self.octets.clear();
        self.marks.clear();
    }

    /// Takes octets that continue the stream. The receiver gets them no earlier than those before
    /// them, so they count to the packet that filled the hole they waited behind.
    fn accept(&mut self, fresh: &[u8], stamp: Stamp, found: &mut Vec<Found>) {
        let stamp = self.latest.filter(|latest| latest.frame > stamp.frame).unwrap_or(stamp);
        self.latest = Some(stamp);
        match self.synchronisation {
            Synchronisation::Foreign => return,
            Synchronisation::Searching if !begins_with_message(fresh) => return,
            Synchronisation::Searching => self.synchronisation = Synchronisation::Synchronised,
            Synchronisation::Undecided | Synchronisation::Synchronised => {}
        }
        self.octets.extend_from_slice(fresh);
        self.marks.push_back(Mark { end: self.octets.len(), stamp });
        if self.synchronisation == Synchronisation::Undecided {
            match is_failover(&self.octets) {
                Some(true) => self.synchronisation = Synchronisation::Synchronised,
                Some(false) => {
                    self.synchronisation = Synchronisation::Foreign;
                    self.octets = Vec::new();
                    self.marks = VecDeque::new();
                }
                None => {}
            }
        }
        self.cut_messages(found);
    }

    fn cut_messages(&mut self, found: &mut Vec<Found>) {
        if self.synchronisation != Synchronisation::Synchronised {
            return;
        }
        let mut start = 0;
        while let Some([high, low, ..]) = self.octets.get(start..) {
            let length = usize::from(u16::from_be_bytes([*high, *low]));
            if length < HEADER_LEN {
                self.lose_boundary(start, found);
                return;
            }
            let Some(message) = self.octets.get(start..start + length) else {
                break;
            };
            if let Some(stamp) = self.completed_by(start + length) {
                found.push((stamp, Content::Message(message.to_vec())));
            }
            start += length;
        }
        self.octets.drain(..start);
        self.marks.retain_mut(|mark| {
            let kept = mark.end > start;
            mark.end = mark.end.saturating_sub(start);
            kept
        });
    }

    /// What stands at `start` is no message, so nobody can tell where the next one begins.
    fn lose_boundary(&mut self, start: usize, found: &mut Vec<Found>) {
        let end = self.octets.len().min(start + HEADER_LEN);
        if let (Some(stamp), Some(octets)) = (self.completed_by(end), self.octets.get(start..end)) {
            found.push((stamp, Content::Message(octets.to_vec())));
        }
        self.octets.clear();
        self.marks.clear();
        self.synchronisation = Synchronisation::Searching;
    }

    /// The packet that brought the octet before `end`.
    fn completed_by(&self, end: usize) -> Option<Stamp> {
        self.marks.iter().find(|mark| mark.end >= end).map(|mark| mark.stamp)
    }
}

/// Whether `sequence` comes after `expected` in the circle of sequence numbers.
const fn is_after(sequence: u32, expected: u32) -> bool {
    let ahead = sequence.wrapping_sub(expected);
    ahead != 0 && ahead < 1 << 31
}

/// Whether a segment on the failover port may begin with a message.
fn begins_with_message(octets: &[u8]) -> bool {
    let [high, low, message_type, payload_offset, ..] = *octets else {
        return false;
    };
    let length = usize::from(u16::from_be_bytes([high, low]));
    (HEADER_LEN..=MAX_MESSAGE_LEN).contains(&length)
        && (1..=12).contains(&message_type)
        && (payload_offset == 8 || (HEADER_LEN..=length).contains(&usize::from(payload_offset)))
}

/// Whether a stream on any port begins with a well-formed message; `None` while that is open.
fn is_failover(octets: &[u8]) -> Option<bool> {
    if let [first, ..] = octets
        && usize::from(*first) > MAX_MESSAGE_LEN >> 8
    {
        return Some(false);
    }
    if octets.len() < 4 {
        return None;
    }
    if !begins_with_message(octets) {
        return Some(false);
    }
    let mut rest = octets;
    match Frame::take(&mut rest, Dialect::Microsoft) {
        Ok(Some(frame)) => Some(frame.options().all(|option| option.is_ok())),
        Ok(None) => {
            let known = OptionReader::new(octets.get(HEADER_LEN..).unwrap_or_default(), HEADER_LEN);
            let implausible = known.flatten().any(|option| option.code.0 > 255);
            if implausible { Some(false) } else { None }
        }
        Err(_) => Some(false),
    }
}
