//! Giving space back, a little with every commit: the records of the oldest segment that are still
//! the latest of their key are written again with what is new, and once none is left in it the
//! segment goes.

use super::super::StoreError;
use super::super::disk::Disk;
use super::format::{BATCH_HEADER, MAX_BATCH_OCTETS, SEGMENT_HEADER};
use super::index::{Index, Position};
use super::segments::Segments;
use super::window::{Window, damaged};

/// Octets of the oldest segment that are looked through for each octet that is new. As at most half
/// of all octets are live where this is done, less than that comes back as copies than goes.
const PACE: u32 = 4;

/// How far the oldest segment has been looked through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Place {
    /// Where the next record or batch begins.
    offset: u32,
    /// Where the batch ends that is being looked through.
    batch_end: u32,
}

/// Looks through the oldest segment.
#[derive(Debug, Default)]
pub(super) struct Compaction {
    place: Place,
    window: Window,
}

/// What a commit does for the oldest segment; it counts once the commit is durable.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Progress {
    place: Place,
    /// Records written again.
    pub(super) copied: u32,
    /// Whether nothing of the oldest segment is needed any more.
    pub(super) finished: bool,
}

impl Compaction {
    /// Appends live records of the oldest segment to `batch`, in proportion to the `fresh` octets
    /// that are to be written beside them, and as far as both fit into one batch.
    pub(super) fn copy(
        &mut self,
        disk: &mut dyn Disk,
        index: &Index,
        segments: &Segments,
        fresh: u32,
        batch: &mut Vec<u8>,
    ) -> Result<Progress, StoreError> {
        let mut progress = Progress { place: self.place, copied: 0, finished: false };
        let Some(oldest) = segments.to_be_emptied() else { return Ok(progress) };
        let (number, place) = (oldest.number, &mut progress.place);
        place.offset = place.offset.max(SEGMENT_HEADER);
        let first = place.offset;
        let budget = fresh.saturating_add(BATCH_HEADER).saturating_mul(PACE);
        let most = MAX_BATCH_OCTETS.saturating_sub(fresh) as usize;
        while place.offset.saturating_sub(first) < budget {
            if place.offset >= oldest.length {
                if progress.copied != oldest.live() {
                    let what = "records that are needed cannot be found";
                    return Err(damaged(disk, number, place.offset, what));
                }
                progress.finished = true;
                break;
            }
            if place.offset >= place.batch_end {
                let length = self.window.batch_length(disk, number, place.offset)?;
                place.offset = place.offset.saturating_add(BATCH_HEADER);
                place.batch_end = place.offset.saturating_add(length);
                continue;
            }
            let record = self.window.record(disk, number, place.offset)?;
            if index.position(record.key) == Position::new(number, place.offset) {
                if batch.len().saturating_add(record.octets.len()) > most {
                    break;
                }
                record
                    .check()
                    .map_err(|error| damaged(disk, number, place.offset, error.to_string()))?;
                batch.extend(record.octets);
                progress.copied = progress.copied.saturating_add(1);
            }
            place.offset =
                place.offset.saturating_add(u32::try_from(record.octets.len()).unwrap_or(u32::MAX));
        }
        Ok(progress)
    }

    /// Takes down what a durable commit has done.
    pub(super) fn advance(&mut self, progress: &Progress) {
        self.place = if progress.finished { Place::default() } else { progress.place };
    }
}
