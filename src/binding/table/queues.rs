//! For every range and status, the addresses that have it, in the order in which they took it.
//!
//! The lists are doubly linked through the records, so every operation takes constant time and no
//! memory of its own.

use super::layout::RangeId;
use super::record::Record;
use super::{NONE, at, at_mut};
use crate::wire::codes::BindingStatus;

/// How many binding statuses there are.
const STATUSES: usize = BindingStatus::ALL.len();

/// One list and how many addresses are in it.
#[derive(Clone, Copy, Debug, Hash)]
struct Queue {
    first: u32,
    last: u32,
    count: u32,
    reserved: u32,
}

impl Queue {
    const EMPTY: Self = Self { first: NONE, last: NONE, count: 0, reserved: 0 };
}

/// The queues of all ranges.
#[derive(Clone, Debug, Hash)]
pub(super) struct Queues(Vec<[Queue; STATUSES]>);

impl Queues {
    /// Empty queues for so many ranges.
    pub(super) fn new(ranges: usize) -> Self {
        Self(vec![[Queue::EMPTY; STATUSES]; ranges])
    }

    fn queue(&self, range: RangeId, status: BindingStatus) -> Option<&Queue> {
        self.0.get(range.index())?.get(position(status))
    }

    /// The record at `slot` takes the last place of the queue for its status.
    pub(super) fn append(&mut self, records: &mut [Record], range: RangeId, slot: u32) {
        let record = at_mut(records, slot);
        let (status, reserved) = (record.status, record.is_reserved());
        let Some(queue) = queue_mut(&mut self.0, range, status) else { return };
        record.queue_prev = queue.last;
        record.queue_next = NONE;
        if queue.last == NONE {
            queue.first = slot;
        } else {
            at_mut(records, queue.last).queue_next = slot;
        }
        queue.last = slot;
        queue.count += 1;
        queue.reserved += u32::from(reserved);
    }

    /// The record at `slot` leaves the queue for its status.
    pub(super) fn remove(&mut self, records: &mut [Record], range: RangeId, slot: u32) {
        let record = at(records, slot);
        let (before, behind) = (record.queue_prev, record.queue_next);
        let (status, reserved) = (record.status, record.is_reserved());
        let Some(queue) = queue_mut(&mut self.0, range, status) else { return };
        if before == NONE {
            queue.first = behind;
        } else {
            at_mut(records, before).queue_next = behind;
        }
        if behind == NONE {
            queue.last = before;
        } else {
            at_mut(records, behind).queue_prev = before;
        }
        queue.count -= 1;
        queue.reserved -= u32::from(reserved);
    }

    /// A record in the queue of `status` has become reserved, or is no longer.
    pub(super) fn reservation_changed(&mut self, range: RangeId, status: BindingStatus, now: bool) {
        if let Some(queue) = queue_mut(&mut self.0, range, status) {
            if now { queue.reserved += 1 } else { queue.reserved -= 1 }
        }
    }

    /// Length of a queue.
    pub(super) fn count(&self, range: RangeId, status: BindingStatus) -> u32 {
        self.queue(range, status).map_or(0, |queue| queue.count)
    }

    /// Addresses of a queue that are not reserved.
    pub(super) fn count_unreserved(&self, range: RangeId, status: BindingStatus) -> u32 {
        self.queue(range, status).map_or(0, |queue| queue.count - queue.reserved)
    }

    /// The slots of a queue from the first to the last.
    pub(super) fn slots<'a>(
        &self,
        records: &'a [Record],
        range: RangeId,
        status: BindingStatus,
    ) -> impl Iterator<Item = u32> + use<'a> {
        let mut next = self.queue(range, status).map_or(NONE, |queue| queue.first);
        core::iter::from_fn(move || {
            let slot = next;
            next = records.get(slot as usize)?.queue_next;
            Some(slot)
        })
    }

    /// Octets on the heap.
    pub(super) fn memory(&self) -> usize {
        self.0.capacity() * size_of::<[Queue; STATUSES]>()
    }
}

fn queue_mut(
    queues: &mut [[Queue; STATUSES]],
    range: RangeId,
    status: BindingStatus,
) -> Option<&mut Queue> {
    queues.get_mut(range.index())?.get_mut(position(status))
}

/// Codes start at 1.
const fn position(status: BindingStatus) -> usize {
    status.code() as usize - 1
}
