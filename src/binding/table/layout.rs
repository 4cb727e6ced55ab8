//! From an address to its slot and back.
//!
//! Slots are numbered through all ranges in ascending order of address, so the order of slots is the
//! order of addresses, whatever the order in which the ranges were given.

use core::fmt;
use core::net::Ipv4Addr;

use crate::binding::AddressRange;

/// Most addresses that one table takes: four whole /8 networks.
pub const MAX_ADDRESSES: u64 = 1 << 26;

/// Position of a range in the list from which the table was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RangeId(pub u16);

impl RangeId {
    /// Its index in that list.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// Ranges from which no table can be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TableError {
    /// These two have addresses in common.
    Overlap(AddressRange, AddressRange),
    /// More ranges than a [`RangeId`] can name.
    TooManyRanges(usize),
    /// More addresses than [`MAX_ADDRESSES`].
    TooManyAddresses(u64),
    /// There is no memory for so many addresses.
    OutOfMemory(u64),
}

impl fmt::Display for TableError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Overlap(one, other) => {
                write!(f, "{one} and {other} overlap; every address may be in one range only")
            }
            Self::TooManyRanges(count) => {
                write!(f, "there are {count} ranges; at most {} are possible", 1_u32 << 16)
            }
            Self::TooManyAddresses(count) => {
                write!(f, "the ranges hold {count} addresses; at most {MAX_ADDRESSES} are possible")
            }
            Self::OutOfMemory(count) => write!(f, "there is no memory for {count} addresses"),
        }
    }
}

impl core::error::Error for TableError {}

/// One range among the others, in ascending order.
#[derive(Clone, Debug, Hash)]
struct Span {
    first: u32,
    last: u32,
    /// Slot of `first`.
    base: u32,
    range: AddressRange,
    id: RangeId,
}

/// The ranges of a table.
#[derive(Clone, Debug, Hash)]
pub(super) struct Layout {
    ranges: Vec<AddressRange>,
    spans: Vec<Span>,
    slots: u32,
}

impl Layout {
    pub(super) fn new(ranges: &[AddressRange]) -> Result<Self, TableError> {
        let addresses: u64 = ranges.iter().map(AddressRange::size).sum();
        let slots = u32::try_from(addresses).ok().filter(|_| addresses <= MAX_ADDRESSES);
        let slots = slots.ok_or(TableError::TooManyAddresses(addresses))?;
        let mut spans = Vec::with_capacity(ranges.len());
        for (position, &range) in ranges.iter().enumerate() {
            let id =
                u16::try_from(position).map_err(|_| TableError::TooManyRanges(ranges.len()))?;
            let (first, last) = (range.first().to_bits(), range.last().to_bits());
            spans.push(Span { first, last, base: 0, range, id: RangeId(id) });
        }
        spans.sort_unstable_by_key(|span| span.first);
        let mut base = 0;
        let mut previous: Option<&Span> = None;
        for span in &mut spans {
            if let Some(before) = previous.filter(|before| before.last >= span.first) {
                return Err(TableError::Overlap(before.range, span.range));
            }
            span.base = base;
            base += span.last - span.first + 1;
            previous = Some(span);
        }
        Ok(Self { ranges: ranges.to_vec(), spans, slots })
    }

    /// In the order of their ids.
    pub(super) fn ranges(&self) -> &[AddressRange] {
        &self.ranges
    }

    /// How many slots there are.
    pub(super) const fn slots(&self) -> u32 {
        self.slots
    }

    /// Slot and range of an address.
    pub(super) fn locate(&self, address: Ipv4Addr) -> Option<(u32, RangeId)> {
        let bits = address.to_bits();
        let behind = self.spans.partition_point(|span| span.first <= bits);
        let span = self.spans.get(behind.checked_sub(1)?)?;
        (bits <= span.last).then(|| (span.base + (bits - span.first), span.id))
    }

    /// The address of a slot; the slot must exist.
    pub(super) fn address_of(&self, slot: u32) -> Ipv4Addr {
        let behind = self.spans.partition_point(|span| span.base <= slot);
        let span = behind.checked_sub(1).and_then(|at| self.spans.get(at));
        Ipv4Addr::from_bits(span.map_or(0, |span| span.first + (slot - span.base)))
    }

    /// First slot of each range and the slot behind its last one, in ascending order of slots.
    pub(super) fn extents(&self) -> impl Iterator<Item = (RangeId, u32, u32)> + '_ {
        self.spans.iter().map(|span| (span.id, span.base, span.base + (span.last - span.first) + 1))
    }

    /// All addresses behind `after`, ascending; all of them for `None`.
    pub(super) fn addresses_after(
        &self,
        after: Option<Ipv4Addr>,
    ) -> impl Iterator<Item = Ipv4Addr> + '_ {
        let lowest = after.map_or(Some(0), |address| address.to_bits().checked_add(1));
        let lowest = lowest.map_or(u64::MAX, u64::from);
        let begin = self.spans.partition_point(|span| u64::from(span.last) < lowest);
        self.spans.iter().skip(begin).flat_map(move |span| {
            let first = u32::try_from(lowest).map_or(span.first, |lowest| lowest.max(span.first));
            (first..=span.last).map(Ipv4Addr::from_bits)
        })
    }

    /// Octets on the heap.
    pub(super) fn memory(&self) -> usize {
        self.ranges.capacity() * size_of::<AddressRange>()
            + self.spans.capacity() * size_of::<Span>()
    }
}
