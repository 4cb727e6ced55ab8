//! Opening: every segment is read once, in order, and checked octet for octet.

use std::path::PathBuf;

use super::super::StoreError;
use super::super::disk::Disk;
use super::super::record::decode_name;
use super::format::{Key, Record, SEGMENT_HEADER, segment_name, segment_number};
use super::index::{Index, MAX_SEGMENTS, Position};
use super::segments::{Segment, Segments};
use super::walk::{Chain, End, batch_from, read_header, read_segment, walk};
use super::window::damaged;

/// The file of an earlier program.
const FORMER_NAME: &str = "leases.redb";

/// What a crash left behind the last whole batch, and is no more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cut {
    /// The file.
    pub path: PathBuf,
    /// The octet behind the last whole batch.
    pub offset: u64,
    /// The octets cut.
    pub octets: u64,
    /// What was wrong with them.
    pub what: String,
}

/// What all segments come to.
#[derive(Debug)]
pub(super) struct Recovery {
    pub(super) index: Index,
    pub(super) segments: Segments,
    pub(super) chain: Chain,
    pub(super) cut: Option<Cut>,
    /// Segments that no batch needs and that are still there.
    pub(super) useless: Vec<u32>,
}

/// Reads all segments; cuts what a crash has left of a batch, and nothing else.
pub(super) fn recover(disk: &mut dyn Disk, limit: u32) -> Result<Recovery, StoreError> {
    let numbers = segment_numbers(disk)?;
    let mut recovery = Recovery {
        index: Index::default(),
        segments: Segments::new(limit),
        chain: Chain::START,
        cut: None,
        useless: Vec::new(),
    };
    // What stands before a gap must be what a crash has kept from being removed.
    let gap =
        numbers.windows(2).rposition(|pair| matches!(pair, [a, b] if a.checked_add(1) != Some(*b)));
    let (before, run) = numbers.split_at(gap.map_or(0, |gap| gap.saturating_add(1)));
    for (position, number) in run.iter().enumerate() {
        recovery.read(disk, *number, position.saturating_add(1) == run.len())?;
    }
    recovery.useless.extend(before);
    recovery.drop_useless(disk)?;
    recovery.check_owners(disk)?;
    Ok(recovery)
}

/// The numbers of all segments, in ascending order.
fn segment_numbers(disk: &mut dyn Disk) -> Result<Vec<u32>, StoreError> {
    let names = disk
        .list()
        .map_err(|source| StoreError::Directory { path: disk.directory().to_owned(), source })?;
    if names.iter().any(|name| name == FORMER_NAME) {
        return Err(StoreError::FormerStore { path: disk.directory().join(FORMER_NAME) });
    }
    let mut numbers: Vec<_> = names.iter().filter_map(|name| segment_number(name)).collect();
    numbers.sort_unstable();
    Ok(numbers)
}

impl Recovery {
    /// Reads segment `number`, the next one.
    fn read(&mut self, disk: &mut dyn Disk, number: u32, last: bool) -> Result<(), StoreError> {
        let octets = read_segment(disk, number)?;
        if last && self.is_torn_creation(number, &octets) {
            return self.undo_creation(disk, number, octets.len() as u64);
        }
        let header = read_header(disk, number, &octets)?;
        let previous_length = self.segments.newest().map_or(0, |segment| segment.length);
        if self.segments.len() > 0 || number == 1 {
            if header != self.chain.header(number, previous_length) {
                let what = "it does not go on where the segment before ends";
                return Err(damaged(disk, number, 0, what));
            }
        } else {
            self.chain.sequence = header.sequence;
            self.chain.checksum = header.previous_checksum;
        }
        if self.segments.len() >= (MAX_SEGMENTS - 1) as usize {
            return Err(damaged(disk, number, 0, "there are more segments than a store has"));
        }
        self.segments.push(Segment::new(number, SEGMENT_HEADER));
        let (index, segments) = (&mut self.index, &mut self.segments);
        let end = walk(disk, number, &octets, &mut self.chain, |record| {
            note(index, segments, number, record)
                .map_err(|what| damaged(disk, number, record.offset, what))
        })?;
        if let Some(newest) = self.segments.newest_mut() {
            newest.length = end.offset;
        }
        match end.fault {
            None => Ok(()),
            Some(_) if last => self.cut(disk, number, &octets, end),
            Some(what) => Err(damaged(disk, number, end.offset, what)),
        }
    }

    /// Whether a crash has kept the header of a new segment from becoming durable: there is nothing
    /// but a part of it.
    fn is_torn_creation(&self, number: u32, octets: &[u8]) -> bool {
        let previous = self.segments.newest();
        if previous.is_none() && number != 1 {
            return false;
        }
        let whole =
            self.chain.header(number, previous.map_or(0, |segment| segment.length)).encode();
        octets != whole
            && octets.len() <= whole.len()
            && octets.iter().zip(whole).all(|(found, meant)| *found == meant || *found == 0)
    }

    fn undo_creation(
        &mut self,
        disk: &mut dyn Disk,
        number: u32,
        octets: u64,
    ) -> Result<(), StoreError> {
        let name = segment_name(number);
        let path = disk.directory().join(&name);
        let what = "the header is cut short".to_owned();
        self.cut = Some(Cut { path: path.clone(), offset: 0, octets, what });
        disk.remove(&name).map_err(|source| StoreError::of_disk(path, "removing", source))
    }

    /// Cuts what stands behind the last batch, unless a whole batch is among it: then a batch that
    /// was durable is damaged.
    fn cut(
        &mut self,
        disk: &mut dyn Disk,
        number: u32,
        octets: &[u8],
        end: End,
    ) -> Result<(), StoreError> {
        let what = end.fault.unwrap_or_default();
        if let Some((at, batch)) = batch_from(octets, number, end.offset) {
            let sequence = batch.header.sequence;
            let what = if at == end.offset {
                what
            } else {
                format!("{what}; batch {sequence} follows at octet {at}")
            };
            return Err(damaged(disk, number, end.offset, what));
        }
        let name = segment_name(number);
        let path = disk.directory().join(&name);
        let offset = u64::from(end.offset);
        let cut = disk.set_len(&name, offset).and_then(|()| disk.sync(&name));
        cut.map_err(|source| StoreError::of_disk(path.clone(), "cutting", source))?;
        self.cut =
            Some(Cut { path, offset, octets: (octets.len() as u64).saturating_sub(offset), what });
        Ok(())
    }

    /// Forgets the segments that were no longer needed by the last batch.
    fn drop_useless(&mut self, disk: &dyn Disk) -> Result<(), StoreError> {
        let Some(first) = self.segments.oldest().map(|segment| segment.number) else {
            return match self.useless.last() {
                Some(number) => Err(missing(disk, number.saturating_add(1))),
                None => Ok(()),
            };
        };
        let oldest = self.chain.oldest.unwrap_or(first);
        if oldest < first {
            return Err(missing(disk, oldest));
        }
        while let Some(segment) = self.segments.oldest().copied().filter(|s| s.number < oldest) {
            if segment.live() > 0 {
                let what = "it has records that are needed, and was to be removed";
                return Err(damaged(disk, segment.number, 0, what));
            }
            self.segments.remove_oldest();
            self.useless.push(segment.number);
        }
        match self.segments.oldest() {
            Some(_) => Ok(()),
            None => Err(missing(disk, oldest)),
        }
    }

    /// Every number of an owner must have a name.
    fn check_owners(&self, disk: &dyn Disk) -> Result<(), StoreError> {
        let owners = self.index.owners();
        let nameless = owners.iter().position(|owner| owner.name.is_empty());
        let beyond = self.index.last_owner_of_bindings().map(|owner| usize::from(owner.0));
        match nameless.or(beyond.filter(|last| *last >= owners.len())) {
            None => Ok(()),
            Some(owner) => {
                let number = self.segments.newest().map_or(0, |segment| segment.number);
                let what = format!("no segment up to this one names owner {owner}");
                Err(damaged(disk, number, 0, what))
            }
        }
    }
}

fn missing(disk: &dyn Disk, number: u32) -> StoreError {
    StoreError::Missing { path: disk.directory().join(segment_name(number)) }
}

/// Takes down that `record` of segment `number`, the newest, is the latest of its key.
pub(super) fn note(
    index: &mut Index,
    segments: &mut Segments,
    number: u32,
    record: &Record<'_>,
) -> Result<(), String> {
    let position = Position::new(number, record.offset).ok_or("a record stands too far behind")?;
    if let Key::Owner(owner) = record.key {
        let name = decode_name(owner, record.content).map_err(|error| error.to_string())?;
        index.name(owner, name);
    }
    let former = index.replace(record.key, position);
    segments.count(u32::try_from(record.octets.len()).unwrap_or(u32::MAX), former);
    Ok(())
}
