//! The segments there are, and how much of each is still needed.

use std::collections::VecDeque;

use super::index::{MAX_SEGMENTS, Position};

/// One file of the journal.
#[derive(Clone, Copy, Debug)]
pub(super) struct Segment {
    pub(super) number: u32,
    /// Octets of the file that are used.
    pub(super) length: u32,
    /// Records in it, and their octets.
    records: u32,
    record_octets: u32,
    /// Records that are the latest of their key.
    live: u32,
}

impl Segment {
    pub(super) const fn new(number: u32, length: u32) -> Self {
        Self { number, length, records: 0, record_octets: 0, live: 0 }
    }

    /// The octets of its live records, as far as they are like the others in it.
    fn live_octets(&self) -> u64 {
        u64::from(self.record_octets)
            .saturating_mul(u64::from(self.live))
            .checked_div(u64::from(self.records))
            .unwrap_or(0)
    }

    pub(super) const fn live(&self) -> u32 {
        self.live
    }
}

/// Octets that all files may have for each octet of live records.
const SPREAD: u64 = 2;

/// All segments, their numbers without a gap.
#[derive(Debug)]
pub(super) struct Segments {
    all: VecDeque<Segment>,
    /// Octets after which a new segment is begun.
    limit: u32,
}

impl Segments {
    pub(super) const fn new(limit: u32) -> Self {
        Self { all: VecDeque::new(), limit }
    }

    pub(super) const fn limit(&self) -> u32 {
        self.limit
    }

    /// The oldest segment, if there are more octets than there may be.
    pub(super) fn to_be_emptied(&self) -> Option<&Segment> {
        let allowed =
            self.live_octets().saturating_mul(SPREAD).saturating_add(u64::from(self.limit));
        self.oldest().filter(|_| self.len() > 1 && self.octets() > allowed)
    }

    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Segment> {
        self.all.iter()
    }

    pub(super) fn oldest(&self) -> Option<&Segment> {
        self.all.front()
    }

    pub(super) fn newest(&self) -> Option<&Segment> {
        self.all.back()
    }

    pub(super) fn newest_mut(&mut self) -> Option<&mut Segment> {
        self.all.back_mut()
    }

    pub(super) fn push(&mut self, segment: Segment) {
        self.all.push_back(segment);
    }

    pub(super) fn remove_oldest(&mut self) -> Option<Segment> {
        self.all.pop_front()
    }

    /// How many segments stand before the one of this position.
    pub(super) fn ordinal(&self, position: Position) -> u16 {
        let first = self.oldest().map_or(0, |segment| segment.number % MAX_SEGMENTS);
        let ordinal = position.slot().wrapping_sub(first) % MAX_SEGMENTS;
        u16::try_from(ordinal).unwrap_or(u16::MAX)
    }

    /// The number of the segment before which so many stand.
    pub(super) fn number(&self, ordinal: u16) -> u32 {
        self.all.get(usize::from(ordinal)).map_or(0, |segment| segment.number)
    }

    /// Octets of all files.
    pub(super) fn octets(&self) -> u64 {
        self.all.iter().map(|segment| u64::from(segment.length)).sum()
    }

    /// Octets of all live records, very nearly.
    pub(super) fn live_octets(&self) -> u64 {
        self.all.iter().map(Segment::live_octets).sum()
    }

    /// Counts a record in the newest segment that takes the place of the one at `former`.
    pub(super) fn count(&mut self, octets: u32, former: Option<Position>) {
        if let Some(newest) = self.all.back_mut() {
            newest.records = newest.records.saturating_add(1);
            newest.record_octets = newest.record_octets.saturating_add(octets);
            newest.live = newest.live.saturating_add(1);
        }
        if let Some(former) = former {
            let ordinal = usize::from(self.ordinal(former));
            if let Some(segment) = self.all.get_mut(ordinal) {
                segment.live = segment.live.saturating_sub(1);
            }
        }
    }
}
