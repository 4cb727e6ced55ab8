//! All directions of all connections, and the order of what they give out.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::SocketAddr;

use super::FAILOVER_PORT;
use super::capture::Stamp;
use super::entry::{Content, Entry};
use super::link::Segment;
use super::stream::{Found, Stream};

/// Directions of connections known at a time.
const MAX_STREAMS: usize = 16_384;
/// Octets of messages and segments held back at a time.
const MAX_HELD: usize = 16 * 1024 * 1024;

/// Source and destination.
type Direction = (SocketAddr, SocketAddr);

/// All directions of all connections.
///
/// Whether a missing segment is late or not in the capture at all shows only later. In the second
/// case the messages behind it belong to the packets that brought them, so everything found in
/// later packets is held back meanwhile.
#[derive(Debug)]
pub(super) struct Flows {
    streams: BTreeMap<Direction, Stream>,
    /// The directions in which a segment is missing.
    incomplete: BTreeSet<Direction>,
    /// Ordered by packet, then by the order in which they were found.
    held: BTreeMap<(u64, u64), Entry>,
    held_octets: usize,
    found_so_far: u64,
    found: Vec<Found>,
}

impl Flows {
    pub(super) const fn new() -> Self {
        Self {
            streams: BTreeMap::new(),
            incomplete: BTreeSet::new(),
            held: BTreeMap::new(),
            held_octets: 0,
            found_so_far: 0,
            found: Vec::new(),
        }
    }

    /// Takes in a segment.
    pub(super) fn add(&mut self, segment: &Segment<'_>, stamp: Stamp) {
        let direction = (segment.source, segment.destination);
        let back = (segment.destination, segment.source);
        let known_port = [direction.0, direction.1].iter().any(|end| end.port() == FAILOVER_PORT);
        let is_failover = known_port || self.streams.get(&back).is_some_and(Stream::is_failover);
        if self.streams.len() >= MAX_STREAMS && !self.streams.contains_key(&direction) {
            self.streams.retain(|_, stream| stream.is_failover() && !stream.is_idle());
            if self.streams.len() >= MAX_STREAMS {
                return;
            }
        }
        let stream = self.streams.entry(direction).or_insert_with(|| Stream::new(is_failover));
        if is_failover {
            stream.set_failover(&mut self.found);
        }
        stream.add(segment, stamp, &mut self.found);
        let became_failover = !is_failover && stream.is_failover();
        self.hold(direction);
        if became_failover && let Some(stream) = self.streams.get_mut(&back) {
            stream.set_failover(&mut self.found);
            self.hold(back);
        }
        while self.held_octets + self.waiting_octets() > MAX_HELD {
            let Some(oldest) = self.oldest_incomplete() else { break };
            self.give_up(oldest);
        }
    }

    /// The capture has ended: nothing is waited for any longer.
    pub(super) fn end(&mut self) {
        while let Some(direction) = self.incomplete.first().copied() {
            self.give_up(direction);
        }
    }

    /// Gives out everything that no later packet can come before.
    pub(super) fn take_settled(
        &mut self,
        visit: &mut impl FnMut(&Entry) -> io::Result<()>,
    ) -> io::Result<()> {
        let open = self.incomplete.iter().filter_map(|direction| self.streams.get(direction));
        let first_open = open.filter_map(Stream::first_waiting_frame).min().unwrap_or(u64::MAX);
        while let Some(first) = self.held.first_entry() {
            if first.key().0 >= first_open {
                break;
            }
            let entry = first.remove();
            self.held_octets = self.held_octets.saturating_sub(entry.octets().len());
            visit(&entry)?;
        }
        Ok(())
    }

    /// Puts what `direction` gave out among the held entries.
    fn hold(&mut self, direction: Direction) {
        let (source, destination) = direction;
        for (Stamp { frame, time }, content) in self.found.drain(..) {
            let entry = Entry { frame, time, source, destination, content };
            self.held_octets += entry.octets().len();
            self.held.insert((frame, self.found_so_far), entry);
            self.found_so_far += 1;
        }
        let incomplete =
            self.streams.get(&direction).is_some_and(|s| s.first_waiting_frame().is_some());
        if incomplete {
            self.incomplete.insert(direction);
        } else {
            self.incomplete.remove(&direction);
        }
    }

    fn waiting_octets(&self) -> usize {
        let incomplete = self.incomplete.iter().filter_map(|each| self.streams.get(each));
        incomplete.map(Stream::waiting_octets).sum()
    }

    fn oldest_incomplete(&self) -> Option<Direction> {
        let first_frame = |direction: &Direction| {
            self.streams.get(direction).and_then(Stream::first_waiting_frame)
        };
        self.incomplete.iter().copied().min_by_key(first_frame)
    }

    fn give_up(&mut self, direction: Direction) {
        if let Some(stream) = self.streams.get_mut(&direction) {
            stream.give_up(&mut self.found);
        }
        self.hold(direction);
        self.incomplete.remove(&direction);
    }
}

impl Entry {
    fn octets(&self) -> &[u8] {
        match &self.content {
            Content::Message(octets) => octets,
            Content::Gap { .. } => &[],
        }
    }
}
