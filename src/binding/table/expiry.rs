//! When the next binding ends.
//!
//! A heap with four children a node. Every record knows its position, so that a renewal moves the
//! entry that is there and a record never has two. Ties go by slot, which is by address.

use super::record::Record;
use super::{NONE, at, at_mut, slot_number};
use crate::time::UnixTime;

/// Children of a node: siblings share a cache line.
const CHILDREN: usize = 4;

/// Time in the upper half, slot in the lower.
type Entry = u64;

const fn slot_of(entry: Entry) -> u32 {
    (entry & 0xffff_ffff) as u32
}

/// Records with an end, the earliest first.
#[derive(Clone, Debug, Hash)]
pub(super) struct ExpiryHeap {
    entries: Vec<Entry>,
}

impl ExpiryHeap {
    /// Room for so many records; `None` if there is no memory for it.
    pub(super) fn new(slots: u32) -> Option<Self> {
        let mut entries = Vec::new();
        entries.try_reserve_exact(slots as usize).ok()?;
        Some(Self { entries })
    }

    /// The earliest end and its slot.
    pub(super) fn first(&self) -> Option<(UnixTime, u32)> {
        let entry = *self.entries.first()?;
        Some((UnixTime((entry >> 32) as u32), slot_of(entry)))
    }

    /// The record at `slot` ends at `time`, and at no other time.
    pub(super) fn set(&mut self, records: &mut [Record], slot: u32, time: UnixTime) {
        let entry = u64::from(time.0) << 32 | u64::from(slot);
        let mut position = at(records, slot).heap_position as usize;
        if self.entries.get(position).is_none() {
            position = self.entries.len();
            self.entries.push(entry);
        }
        self.settle(records, position, entry);
    }

    /// The record at `slot` has no end.
    pub(super) fn remove(&mut self, records: &mut [Record], slot: u32) {
        let position = at(records, slot).heap_position as usize;
        if self.entries.get(position).is_none() {
            return;
        }
        at_mut(records, slot).heap_position = NONE;
        if let Some(last) = self.entries.pop().filter(|_| position < self.entries.len()) {
            self.settle(records, position, last);
        }
    }

    /// Puts `entry` where it belongs, starting from the free place at `position`.
    fn settle(&mut self, records: &mut [Record], position: usize, entry: Entry) {
        let position = self.rise(records, position, entry);
        let position = self.sink(records, position, entry);
        self.place(records, position, entry);
    }

    /// Moves later parents of the free place down; the place that is free then.
    fn rise(&mut self, records: &mut [Record], mut free: usize, entry: Entry) -> usize {
        while let Some(parent) = free.checked_sub(1).map(|below| below / CHILDREN) {
            match self.entries.get(parent) {
                Some(&above) if above > entry => self.place(records, free, above),
                _ => break,
            }
            free = parent;
        }
        free
    }

    /// Moves earlier children of the free place up; the place that is free then.
    fn sink(&mut self, records: &mut [Record], mut free: usize, entry: Entry) -> usize {
        loop {
            let first = free * CHILDREN + 1;
            let end = (first + CHILDREN).min(self.entries.len());
            let children = self.entries.get(first..end).unwrap_or_default();
            match children.iter().zip(first..).min() {
                Some((&below, child)) if below < entry => {
                    self.place(records, free, below);
                    free = child;
                }
                _ => return free,
            }
        }
    }

    fn place(&mut self, records: &mut [Record], position: usize, entry: Entry) {
        if let Some(place) = self.entries.get_mut(position) {
            *place = entry;
            at_mut(records, slot_of(entry)).heap_position = slot_number(position);
        }
    }

    /// Octets on the heap.
    pub(super) fn memory(&self) -> usize {
        self.entries.capacity() * size_of::<Entry>()
    }
}
