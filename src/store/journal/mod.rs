//! The store of a server: a journal of batches in its data directory.
//!
//! Its files, the segments, are only appended to (`format` says how). A commit is one batch: it is written
//! behind the last one and synced, and is there as a whole or, if its checksum does not fit, not at
//! all. `index` knows where the latest record of every address stands; `compaction` copies live
//! records out of the oldest segment with every commit, until the segment can go. `recovery` reads
//! everything at the start.
//!
//! Where an error leaves things: if the disk had no room, the journal is as before the commit, which
//! may be tried again ([`StoreError::NoRoom`]). After any other error of a write or a sync nobody
//! knows what is on the disk; the journal is then closed for good, and the next start reads what is
//! there.

mod compaction;
mod format;
mod index;
mod recovery;
mod segments;
mod walk;
mod window;

use std::io::{self, ErrorKind};
use std::path::Path;

use super::disk::{DirectoryDisk, Disk};
use super::error::{RecordPlace, StoreError};
use super::record::{
    binding_key, decode_binding, decode_endpoint, decode_name, encode_binding, encode_endpoint,
    encode_name,
};
use super::{Contents, LeaseStore, MAX_OWNER_NAME, OwnerId};
use crate::binding::Binding;
use crate::durable::{Change, EndpointRecord, Recovered};
use compaction::{Compaction, Progress};
use format::{
    BATCH_HEADER, BatchHeader, Key, Record, Records, SEGMENT_HEADER, push_record, seal_batch,
    segment_name,
};
pub use format::{FORMAT_VERSION, MAX_BATCH_OCTETS};
use index::{Index, MAX_SEGMENTS, Position};
pub use recovery::Cut;
use recovery::{Recovery, note, recover};
use segments::{Segment, Segments};
use walk::{Chain, read_header, read_segment, walk};
use window::{Window, damaged};

/// Octets after which a new segment is begun.
pub const SEGMENT_OCTETS: u32 = 8 << 20;

/// A durable store in one directory, which one process at a time may open.
#[derive(Debug)]
pub struct Journal {
    disk: Box<dyn Disk>,
    index: Index,
    segments: Segments,
    compaction: Compaction,
    head: Head,
    /// Segments that no batch needs and that are still there.
    useless: Vec<u32>,
    condition: Condition,
    cut: Option<Cut>,
    /// The batch being written.
    batch: Vec<u8>,
    /// Its new records, and the one being written.
    fresh: Vec<u8>,
    record: Vec<u8>,
}

/// Where the next batch goes.
#[derive(Debug)]
struct Head {
    number: u32,
    name: String,
    offset: u32,
    chain: Chain,
}

/// What may be done with the files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Condition {
    Sound,
    /// A part of a batch that failed may stand behind the last one.
    Trailing,
    /// What the disk holds is not known.
    Closed,
}

/// What the files of a journal come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Space {
    /// Files.
    pub segments: usize,
    /// Their octets.
    pub octets: u64,
    /// Octets of records that are the latest of their address, very nearly.
    pub live_octets: u64,
}

impl Journal {
    /// Opens the store in `directory`, which is made if it is not there. Fails when another process
    /// has it open, and on a file that is damaged or that a newer program wrote.
    pub fn open(directory: &Path) -> Result<Self, StoreError> {
        Self::on(Box::new(DirectoryDisk::open(directory)?), SEGMENT_OCTETS)
    }

    /// Opens the store on `disk` with segments of about `segment_octets`, at most
    /// [`SEGMENT_OCTETS`].
    pub fn on(mut disk: Box<dyn Disk>, segment_octets: u32) -> Result<Self, StoreError> {
        let limit = segment_octets.min(SEGMENT_OCTETS);
        let Recovery { index, segments, chain, cut, useless } = recover(disk.as_mut(), limit)?;
        let newest = segments.newest().copied();
        let (number, offset) = newest.map_or((0, 0), |newest| (newest.number, newest.length));
        let mut journal = Self {
            disk,
            index,
            segments,
            compaction: Compaction::default(),
            head: Head { number, name: segment_name(number), offset, chain },
            useless,
            condition: Condition::Sound,
            cut,
            batch: Vec::new(),
            fresh: Vec::new(),
            record: Vec::new(),
        };
        if newest.is_none() {
            journal.begin_segment()?;
        } else {
            journal.make_durable()?;
        }
        journal.remove_useless();
        Ok(journal)
    }

    /// What was read counts as durable from now on, and may so far be in the system's memory only: the
    /// process that wrote it can have ended before its sync.
    fn make_durable(&mut self) -> Result<(), StoreError> {
        let disk = &mut self.disk;
        let synced = disk.sync(&self.head.name).and_then(|()| disk.sync_directory());
        synced.map_err(|source| self.refused(source, "syncing"))
    }

    /// What opening found behind the last whole batch, and cut.
    pub const fn cut(&self) -> Option<&Cut> {
        self.cut.as_ref()
    }

    /// How much room it takes.
    pub fn space(&self) -> Space {
        Space {
            segments: self.segments.len(),
            octets: self.segments.octets(),
            live_octets: self.segments.live_octets(),
        }
    }

    fn usable(&self) -> Result<(), StoreError> {
        if self.condition != Condition::Closed {
            return Ok(());
        }
        Err(StoreError::Failed {
            path: self.disk.directory().to_owned(),
            action: "using",
            source: "closed after an earlier failure".into(),
        })
    }

    /// Makes the records in `fresh`, of which there are `count`, durable, with as many copies of
    /// old ones as it is time for.
    fn append(&mut self, count: u32) -> Result<(), StoreError> {
        let octets = self.fresh.len().saturating_add(BATCH_HEADER as usize);
        let Some(fresh) = u32::try_from(octets).ok().filter(|octets| *octets <= MAX_BATCH_OCTETS)
        else {
            return Err(StoreError::BatchTooLong { octets });
        };
        self.usable()?;
        self.batch.clear();
        self.batch.resize(BATCH_HEADER as usize, 0);
        let progress = self
            .compaction
            .copy(self.disk.as_mut(), &self.index, &self.segments, fresh, &mut self.batch)
            .inspect_err(|_| self.condition = Condition::Closed)?;
        // Copies first: of two records of one key in a batch the later one counts.
        self.batch.extend(&self.fresh);
        let length = u32::try_from(self.batch.len()).unwrap_or(u32::MAX);
        if self.head.offset > SEGMENT_HEADER
            && self.head.offset.saturating_add(length) > self.segments.limit()
        {
            self.begin_segment()?;
        }
        let chain = self.write(count.saturating_add(progress.copied), progress.finished)?;
        self.take_effect(chain, &progress)
    }

    /// Writes the batch behind the last one and syncs it.
    fn write(&mut self, records: u32, finished: bool) -> Result<Chain, StoreError> {
        self.trim()?;
        let oldest = self.segments.oldest().map_or(self.head.number, |segment| segment.number);
        let length = u32::try_from(self.batch.len()).unwrap_or(u32::MAX);
        let header = BatchHeader {
            length: length.saturating_sub(BATCH_HEADER),
            sequence: self.head.chain.sequence,
            previous_checksum: self.head.chain.checksum,
            oldest: oldest.saturating_add(u32::from(finished)),
            records,
        };
        let checksum = seal_batch(&mut self.batch, &header, self.head.number, self.head.offset);
        self.condition = Condition::Trailing;
        let written = self
            .disk
            .write_at(&self.head.name, u64::from(self.head.offset), &self.batch)
            .and_then(|()| self.disk.sync(&self.head.name));
        if let Err(source) = written {
            let error = self.refused(source, "writing to");
            // What the batch took is room for others; whether that succeeds shows later.
            let _ = self.trim();
            return Err(error);
        }
        self.condition = Condition::Sound;
        Ok(Chain {
            sequence: header.sequence.wrapping_add(1),
            checksum,
            oldest: Some(header.oldest),
            marked: header.length == 0,
        })
    }

    /// Takes down what the batch that has just become durable says.
    fn take_effect(&mut self, chain: Chain, progress: &Progress) -> Result<(), StoreError> {
        let records = self.batch.get(BATCH_HEADER as usize..).unwrap_or_default();
        let first = self.head.offset.saturating_add(BATCH_HEADER);
        self.head.offset = first.saturating_add(u32::try_from(records.len()).unwrap_or(u32::MAX));
        self.head.chain = chain;
        if let Some(newest) = self.segments.newest_mut() {
            newest.length = self.head.offset;
        }
        for record in (Records { octets: records, offset: first }) {
            let noted = record.map_err(|fault| fault.what.to_owned()).and_then(|record| {
                note(&mut self.index, &mut self.segments, self.head.number, &record)
            });
            noted.map_err(|what| damaged(self.disk.as_ref(), self.head.number, first, what))?;
        }
        self.compaction.advance(progress);
        if progress.finished
            && let Some(segment) = self.segments.remove_oldest()
        {
            self.useless.push(segment.number);
        }
        self.remove_useless();
        Ok(())
    }

    /// Removes what the last durable batch says is not needed. What cannot be removed now is tried
    /// again later; a crash can bring it back, which does no harm.
    fn remove_useless(&mut self) {
        let disk = &mut self.disk;
        self.useless.retain(|number| match disk.remove(&segment_name(*number)) {
            Ok(()) => false,
            Err(error) => error.kind() != ErrorKind::NotFound,
        });
    }

    /// Begins the next segment; it is durable before a batch goes into it.
    fn begin_segment(&mut self) -> Result<(), StoreError> {
        self.trim()?;
        if self.segments.len() >= (MAX_SEGMENTS - 1) as usize || self.head.number == u32::MAX {
            let source = io::Error::new(ErrorKind::StorageFull, "a store has no more segments");
            return Err(self.refused(source, "adding to"));
        }
        let number = self.head.number.saturating_add(1);
        let name = segment_name(number);
        let header = self.head.chain.header(number, self.head.offset).encode();
        let disk = &mut self.disk;
        let made = disk
            .create(&name)
            .and_then(|()| disk.write_at(&name, 0, &header))
            .and_then(|()| disk.sync(&name))
            .and_then(|()| disk.sync_directory());
        made.map_err(|source| self.refused(source, "adding to"))?;
        self.head.number = number;
        self.head.name = name;
        self.head.offset = SEGMENT_HEADER;
        self.segments.push(Segment::new(number, SEGMENT_HEADER));
        Ok(())
    }

    /// Cuts what a batch that failed may have left behind the last one.
    fn trim(&mut self) -> Result<(), StoreError> {
        if self.condition == Condition::Trailing {
            self.disk
                .set_len(&self.head.name, u64::from(self.head.offset))
                .map_err(|source| self.refused(source, "cutting"))?;
            self.condition = Condition::Sound;
        }
        Ok(())
    }

    /// What an error of the disk means: wait for room, or no use any more.
    fn refused(&mut self, source: io::Error, action: &'static str) -> StoreError {
        let path = self.disk.directory().to_owned();
        let error = StoreError::of_disk(path, action, source);
        if !error.is_no_room() {
            self.condition = Condition::Closed;
        }
        error
    }

    /// Puts a record behind the new ones.
    fn push(&mut self, key: Key) {
        push_record(&mut self.fresh, key, &self.record);
    }

    /// The number of `name`, given now if it has none.
    fn owner_id(&mut self, name: &str) -> Result<OwnerId, StoreError> {
        let owners = self.index.owners();
        let known = owners.iter().position(|owner| owner.name == name);
        let number = u16::try_from(known.unwrap_or(owners.len()));
        let owner = OwnerId(number.map_err(|_| StoreError::TooManyOwners)?);
        if known.is_none() {
            self.fresh.clear();
            encode_name(owner, name, &mut self.record);
            self.push(Key::Owner(owner));
            self.append(1)?;
        }
        Ok(owner)
    }

    /// Everything that `owner` has, read in the order in which it stands in the files.
    fn recovered(&mut self, owner: OwnerId) -> Result<Recovered, StoreError> {
        let endpoint = match self.index.position(Key::Endpoint(owner)) {
            Some(position) => Some(self.read_endpoint(owner, position)?),
            None => None,
        };
        let mut bindings = Vec::new();
        let mut order = Vec::new();
        for (address, position) in self.index.bindings_of(owner) {
            let rank = u32::try_from(bindings.len()).unwrap_or(u32::MAX);
            order.push((self.segments.ordinal(position), position.offset(), rank));
            bindings.push(Binding::unused(address));
        }
        order.sort_unstable();
        let mut window = Window::default();
        for (ordinal, offset, rank) in order {
            let Some(binding) = bindings.get_mut(rank as usize) else { continue };
            let number = self.segments.number(ordinal);
            let record = window.record(self.disk.as_mut(), number, offset)?;
            if record.key != Key::Binding(owner, binding.address) {
                let what = format!("the record of {} stood here", binding.address);
                return Err(damaged(self.disk.as_ref(), number, offset, what));
            }
            *binding = decode_binding(binding_key(owner, binding.address), record.content)
                .map_err(|error| {
                    let place = RecordPlace::Binding(owner, binding.address);
                    StoreError::Record { place, error }
                })?;
        }
        Ok(Recovered { endpoint, bindings })
    }

    fn read_endpoint(
        &mut self,
        owner: OwnerId,
        position: Position,
    ) -> Result<EndpointRecord, StoreError> {
        let number = self.segments.number(self.segments.ordinal(position));
        let mut window = Window::default();
        let record = window.record(self.disk.as_mut(), number, position.offset())?;
        decode_endpoint(owner, record.content)
            .map_err(|error| StoreError::Record { place: RecordPlace::Endpoint(owner), error })
    }

    /// Reads a record that stands where the index says, and counts it.
    fn check(
        &self,
        number: u32,
        record: &Record<'_>,
        all: &mut Contents,
    ) -> Result<(), StoreError> {
        if self.index.position(record.key) != Position::new(number, record.offset) {
            return Ok(());
        }
        let (place, outcome) = match record.key {
            Key::Binding(owner, address) => {
                all.bindings = all.bindings.saturating_add(1);
                let outcome = decode_binding(binding_key(owner, address), record.content);
                (RecordPlace::Binding(owner, address), outcome.map(|_| ()))
            }
            Key::Endpoint(owner) => {
                all.endpoints = all.endpoints.saturating_add(1);
                let outcome = decode_endpoint(owner, record.content);
                (RecordPlace::Endpoint(owner), outcome.map(|_| ()))
            }
            Key::Owner(owner) => {
                all.owners = all.owners.saturating_add(1);
                (RecordPlace::Name(owner), decode_name(owner, record.content).map(|_| ()))
            }
        };
        outcome.map_err(|error| StoreError::Record { place, error })
    }

    /// What the index knows.
    fn contents(&self) -> Contents {
        let owners = self.index.owners();
        Contents {
            owners: owners.len() as u64,
            endpoints: owners.iter().filter(|owner| owner.endpoint.is_some()).count() as u64,
            bindings: self.index.binding_count(),
        }
    }
}

impl LeaseStore for Journal {
    fn open_owner(&mut self, name: &str) -> Result<(OwnerId, Recovered), StoreError> {
        if name.is_empty() || name.len() > MAX_OWNER_NAME {
            return Err(StoreError::OwnerName { len: name.len() });
        }
        let owner = self.owner_id(name)?;
        Ok((owner, self.recovered(owner)?))
    }

    fn owner_names(&mut self) -> Result<Vec<String>, StoreError> {
        Ok(self.index.owners().iter().map(|owner| owner.name.clone()).collect())
    }

    fn commit(&mut self, batch: &[(OwnerId, Change)]) -> Result<(), StoreError> {
        if batch.is_empty() {
            return Ok(());
        }
        self.fresh.clear();
        let owners = self.index.owners().len();
        for (owner, change) in batch {
            if usize::from(owner.0) >= owners {
                return Err(StoreError::UnknownOwner(*owner));
            }
            match change {
                Change::Binding(binding) => {
                    encode_binding(*owner, binding, &mut self.record);
                    self.push(Key::Binding(*owner, binding.address));
                }
                Change::Endpoint(record) => {
                    encode_endpoint(*owner, record, &mut self.record);
                    self.push(Key::Endpoint(*owner));
                }
            }
        }
        self.append(u32::try_from(batch.len()).unwrap_or(u32::MAX))
    }

    fn verify(&mut self) -> Result<Contents, StoreError> {
        self.usable()?;
        self.trim()?;
        let numbers: Vec<_> = self.segments.iter().map(|segment| segment.number).collect();
        let mut all = Contents::default();
        let mut chain = None;
        for number in numbers {
            let octets = read_segment(self.disk.as_mut(), number)?;
            let header = read_header(self.disk.as_ref(), number, &octets)?;
            let chain = chain.get_or_insert(Chain {
                sequence: header.sequence,
                checksum: header.previous_checksum,
                ..Chain::START
            });
            let end = walk(self.disk.as_ref(), number, &octets, chain, |record| {
                self.check(number, record, &mut all)
            })?;
            if let Some(what) = end.fault {
                return Err(damaged(self.disk.as_ref(), number, end.offset, what));
            }
        }
        let (expected, head) = (self.contents(), &self.head);
        if chain.is_none_or(|chain| chain.sequence != head.chain.sequence) || all != expected {
            let what = format!("{all:?} are there, {expected:?} must be");
            return Err(damaged(self.disk.as_ref(), head.number, head.offset, what));
        }
        Ok(all)
    }

    /// Writes an empty batch, so that damage of the last one shows at the next start.
    fn close(&mut self) -> Result<(), StoreError> {
        self.usable()?;
        if self.head.chain.marked {
            return Ok(());
        }
        self.batch.clear();
        self.batch.resize(BATCH_HEADER as usize, 0);
        let chain = self.write(0, false)?;
        self.take_effect(chain, &Progress::default())
    }
}
