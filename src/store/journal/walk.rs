//! Going through a segment batch by batch, each of which must continue the one before.

use super::super::StoreError;
use super::super::disk::Disk;
use super::FORMAT_VERSION;
use super::format::{
    ALIGNMENT, Batch, HeaderFault, Record, SEGMENT_HEADER, SegmentHeader, read_batch, segment_name,
};
use super::window::damaged;

/// More octets than a segment has.
const MOST_OCTETS: usize = 32 << 20;

/// What the next batch must say of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Chain {
    /// Its sequence number.
    pub(super) sequence: u64,
    /// Checksum of the batch before.
    pub(super) checksum: u32,
    /// The oldest segment that is needed; absent before the first batch.
    pub(super) oldest: Option<u32>,
    /// Whether the last batch is empty: the mark of a clean stop.
    pub(super) marked: bool,
}

impl Chain {
    /// Before the first batch of a store.
    pub(super) const START: Self = Self { sequence: 1, checksum: 0, oldest: None, marked: false };

    /// The header of a segment that goes on where this chain stands.
    pub(super) const fn header(&self, number: u32, previous_length: u32) -> SegmentHeader {
        SegmentHeader {
            number,
            sequence: self.sequence,
            previous_length,
            previous_checksum: self.checksum,
        }
    }

    /// Goes on by a batch, or says why it is not the next one.
    pub(super) fn follow(&mut self, batch: &Batch<'_>) -> Result<(), String> {
        let header = &batch.header;
        if header.sequence != self.sequence {
            return Err(format!(
                "batch {} stands where batch {} must stand",
                header.sequence, self.sequence
            ));
        }
        if header.previous_checksum != self.checksum {
            return Err(format!("batch {} does not follow the one before", header.sequence));
        }
        self.sequence = self.sequence.wrapping_add(1);
        self.checksum = batch.checksum;
        self.oldest = Some(header.oldest);
        self.marked = header.length == 0;
        Ok(())
    }
}

/// Where the batches of a segment end.
#[derive(Debug)]
pub(super) struct End {
    /// The octet behind the last batch.
    pub(super) offset: u32,
    /// Why what stands there is no batch, if anything does.
    pub(super) fault: Option<String>,
}

/// All octets of segment `number`.
pub(super) fn read_segment(disk: &mut dyn Disk, number: u32) -> Result<Vec<u8>, StoreError> {
    let name = segment_name(number);
    let mut octets = Vec::new();
    let read = disk.length(&name).and_then(|length| {
        let most = usize::try_from(length).map_or(MOST_OCTETS, |length| length.min(MOST_OCTETS));
        octets.resize(most, 0);
        disk.read_at(&name, 0, &mut octets)
    });
    let path = disk.directory().join(name);
    match read {
        Ok(MOST_OCTETS) => Err(damaged(disk, number, 0, "no segment is as long as this")),
        Ok(count) => {
            octets.truncate(count);
            Ok(octets)
        }
        Err(source) => Err(StoreError::Failed { path, action: "reading", source: source.into() }),
    }
}

/// The header of `segment`, which must be that of segment `number`.
pub(super) fn read_header(
    disk: &dyn Disk,
    number: u32,
    segment: &[u8],
) -> Result<SegmentHeader, StoreError> {
    match SegmentHeader::decode(segment) {
        Ok(header) if header.number == number => Ok(header),
        Ok(header) => Err(damaged(disk, number, 0, format!("it is segment {}", header.number))),
        Err(HeaderFault::Damaged(what)) => Err(damaged(disk, number, 0, what)),
        Err(HeaderFault::Newer(found)) => Err(StoreError::NewerFormat {
            path: disk.directory().join(segment_name(number)),
            found,
            supported: FORMAT_VERSION,
        }),
    }
}

/// Hands every record of `segment` to `each`, up to the first octet that is no batch.
pub(super) fn walk(
    disk: &dyn Disk,
    number: u32,
    segment: &[u8],
    chain: &mut Chain,
    mut each: impl FnMut(&Record<'_>) -> Result<(), StoreError>,
) -> Result<End, StoreError> {
    let mut offset = SEGMENT_HEADER;
    while (offset as usize) < segment.len() {
        let batch = match read_batch(segment, number, offset) {
            Ok(batch) => batch,
            Err(what) => return Ok(End { offset, fault: Some(what.to_owned()) }),
        };
        if let Err(what) = chain.follow(&batch) {
            return Ok(End { offset, fault: Some(what) });
        }
        let mut count = 0_u32;
        for record in batch.records {
            let record = record.map_err(|fault| damaged(disk, number, fault.offset, fault.what))?;
            each(&record)?;
            count = count.saturating_add(1);
        }
        if count != batch.header.records {
            let what = format!("the batch has {count} records and says {}", batch.header.records);
            return Err(damaged(disk, number, offset, what));
        }
        offset = batch.end;
    }
    Ok(End { offset, fault: None })
}

/// The first whole batch at `offset` or behind it.
pub(super) fn batch_from(segment: &[u8], number: u32, offset: u32) -> Option<(u32, Batch<'_>)> {
    let end = u32::try_from(segment.len()).unwrap_or(u32::MAX);
    (offset.next_multiple_of(ALIGNMENT)..end)
        .step_by(ALIGNMENT as usize)
        .find_map(|offset| Some((offset, read_batch(segment, number, offset).ok()?)))
}
