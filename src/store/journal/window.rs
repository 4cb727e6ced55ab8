//! Reading single records out of segments, a stretch of the file at a time.

use super::super::StoreError;
use super::super::disk::Disk;
use super::format::{
    BATCH_HEADER, RECORD_HEADER, Record, batch_length, read_record, record_length, segment_name,
};

/// Octets that are read at a time; more than the longest record has.
const WINDOW: usize = 128 << 10;

/// The stretch of a segment that was read last.
#[derive(Debug, Default)]
pub(super) struct Window {
    number: u32,
    start: u32,
    /// Octets of it; `room` is longer.
    filled: usize,
    room: Vec<u8>,
}

impl Window {
    /// The record at `offset` of segment `number`.
    pub(super) fn record(
        &mut self,
        disk: &mut dyn Disk,
        number: u32,
        offset: u32,
    ) -> Result<Record<'_>, StoreError> {
        let header = self.from(disk, number, offset, RECORD_HEADER as usize)?;
        let length = record_length(header);
        let octets = self.from(disk, number, offset, length)?;
        read_record(octets, offset).map_err(|what| damaged(disk, number, offset, what))
    }

    /// The octets of the records in the batch that begins at `offset` of segment `number`.
    pub(super) fn batch_length(
        &mut self,
        disk: &mut dyn Disk,
        number: u32,
        offset: u32,
    ) -> Result<u32, StoreError> {
        let header = self.from(disk, number, offset, BATCH_HEADER as usize)?;
        batch_length(header).map_err(|what| damaged(disk, number, offset, what))
    }

    /// What stands from `offset` on: at least `count` octets, unless the file ends before.
    fn from(
        &mut self,
        disk: &mut dyn Disk,
        number: u32,
        offset: u32,
        count: usize,
    ) -> Result<&[u8], StoreError> {
        let at = offset.checked_sub(self.start).map(|at| at as usize);
        let held = at.is_some_and(|at| self.filled.saturating_sub(at) >= count);
        if self.number != number || !held {
            let name = segment_name(number);
            if self.room.len() < count {
                self.room = vec![0; WINDOW.max(count)];
            }
            self.filled = 0;
            let read = disk.read_at(&name, u64::from(offset), &mut self.room);
            (self.number, self.start) = (number, offset);
            self.filled = read.map_err(|source| StoreError::Failed {
                path: disk.directory().join(name),
                action: "reading",
                source: source.into(),
            })?;
        }
        let at = offset.wrapping_sub(self.start) as usize;
        Ok(self.room.get(at..self.filled).unwrap_or_default())
    }
}

/// The error of a place in a segment.
pub(super) fn damaged(
    disk: &dyn Disk,
    number: u32,
    offset: u32,
    what: impl Into<String>,
) -> StoreError {
    StoreError::Damaged {
        path: disk.directory().join(segment_name(number)),
        offset: u64::from(offset),
        what: what.into(),
    }
}
