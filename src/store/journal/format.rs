//! The octets of a segment: its header, its batches and the records in them, as
//! `docs/store-format.md` lays them down. Reading is total.

use std::net::Ipv4Addr;

use super::super::checksum::Crc32c;
use super::super::record::{binding_key, check_seal};
use super::super::{OwnerId, RecordError};

/// Version of the format of all files of a store.
pub const FORMAT_VERSION: u32 = 3;

/// Octets before the first batch of a segment.
pub(super) const SEGMENT_HEADER: u32 = 40;

/// Octets before the records of a batch.
pub(super) const BATCH_HEADER: u32 = 32;

/// Octets before a record.
pub(super) const RECORD_HEADER: u32 = 10;

/// Batches and records begin at multiples of it.
pub(super) const ALIGNMENT: u32 = 8;

/// Longest batch with its header, in octets.
pub const MAX_BATCH_OCTETS: u32 = 8 << 20;

const SEGMENT_MAGIC: [u8; 8] = *b"twlease\n";
const BATCH_MAGIC: [u8; 4] = *b"tlb\n";

const NO_BATCH: &str = "no batch begins here";

const BINDING: u8 = 1;
const ENDPOINT: u8 = 2;
const OWNER: u8 = 3;

/// The name of segment `number` within the data directory.
pub(super) fn segment_name(number: u32) -> String {
    format!("leases-{number:010}.log")
}

/// The number of the segment of this name, if it is one.
pub(super) fn segment_number(name: &str) -> Option<u32> {
    let digits = name.strip_prefix("leases-")?.strip_suffix(".log")?;
    let number = digits.parse().ok()?;
    (segment_name(number) == name).then_some(number)
}

/// What a segment says about itself and the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SegmentHeader {
    pub(super) number: u32,
    /// Sequence number of its first batch.
    pub(super) sequence: u64,
    /// Length of the segment before in octets; 0 for the first of a store.
    pub(super) previous_length: u32,
    /// Checksum of the batch before its first one; 0 for the first of a store.
    pub(super) previous_checksum: u32,
}

/// Why octets are no header of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HeaderFault {
    /// They are not one, or not as they were written.
    Damaged(&'static str),
    /// They are one of a newer format.
    Newer(u32),
}

impl SegmentHeader {
    pub(super) fn encode(&self) -> [u8; SEGMENT_HEADER as usize] {
        let mut octets = Vec::with_capacity(SEGMENT_HEADER as usize);
        octets.extend(SEGMENT_MAGIC);
        octets.extend(FORMAT_VERSION.to_be_bytes());
        octets.extend(self.number.to_be_bytes());
        octets.extend(self.sequence.to_be_bytes());
        octets.extend(self.previous_length.to_be_bytes());
        octets.extend(self.previous_checksum.to_be_bytes());
        octets.extend([0; 4]);
        octets.extend(Crc32c::new().update(&octets).finish().to_be_bytes());
        let mut header = [0; SEGMENT_HEADER as usize];
        for (to, from) in header.iter_mut().zip(octets) {
            *to = from;
        }
        header
    }

    pub(super) fn decode(segment: &[u8]) -> Result<Self, HeaderFault> {
        let Some(header) = segment.first_chunk::<{ SEGMENT_HEADER as usize }>() else {
            return Err(HeaderFault::Damaged("its header is cut short"));
        };
        let mut fields = Fields(header);
        if fields.take::<8>() != SEGMENT_MAGIC {
            return Err(HeaderFault::Damaged("it does not begin as a file of leases does"));
        }
        let version = fields.long();
        let decoded = Self {
            number: fields.long(),
            sequence: u64::from_be_bytes(fields.take()),
            previous_length: fields.long(),
            previous_checksum: fields.long(),
        };
        let reserved = fields.long();
        let content = header.first_chunk::<36>().map_or(&[][..], |octets| octets);
        if fields.long() != Crc32c::new().update(content).finish() {
            return Err(HeaderFault::Damaged("the checksum of its header does not fit"));
        }
        match version {
            FORMAT_VERSION if reserved == 0 => Ok(decoded),
            FORMAT_VERSION => Err(HeaderFault::Damaged("octets that must be 0 are not")),
            newer if newer > FORMAT_VERSION => Err(HeaderFault::Newer(newer)),
            _ => Err(HeaderFault::Damaged("there is no such format version")),
        }
    }
}

/// The octets of a header, field by field; what is not there reads as 0.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> [u8; N] {
        match self.0.split_first_chunk::<N>() {
            Some((field, rest)) => {
                self.0 = rest;
                *field
            }
            None => [0; N],
        }
    }

    fn long(&mut self) -> u32 {
        u32::from_be_bytes(self.take())
    }
}

/// What stands before the records of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BatchHeader {
    /// Octets of its records.
    pub(super) length: u32,
    pub(super) sequence: u64,
    /// Checksum of the batch before.
    pub(super) previous_checksum: u32,
    /// The oldest segment that is needed once this batch is durable.
    pub(super) oldest: u32,
    pub(super) records: u32,
}

/// A batch whose checksum fits.
#[derive(Debug)]
pub(super) struct Batch<'a> {
    pub(super) header: BatchHeader,
    pub(super) checksum: u32,
    pub(super) records: Records<'a>,
    /// Where the next batch begins in the segment.
    pub(super) end: u32,
}

/// Completes the batch in `octets`, whose records stand behind room for the header, to stand at
/// `offset` of segment `number`. Returns its checksum.
pub(super) fn seal_batch(octets: &mut [u8], header: &BatchHeader, number: u32, offset: u32) -> u32 {
    let Some((room, records)) = octets.split_first_chunk_mut::<{ BATCH_HEADER as usize }>() else {
        return 0;
    };
    let fields: [&[u8]; 6] = [
        &BATCH_MAGIC,
        &header.length.to_be_bytes(),
        &header.sequence.to_be_bytes(),
        &header.previous_checksum.to_be_bytes(),
        &header.oldest.to_be_bytes(),
        &header.records.to_be_bytes(),
    ];
    for (to, from) in room.iter_mut().zip(fields.into_iter().flatten()) {
        *to = *from;
    }
    let Some((fields, place)) = room.split_last_chunk_mut::<4>() else { return 0 };
    let checksum = batch_checksum(number, offset, fields, records);
    *place = checksum.to_be_bytes();
    checksum
}

/// The place counts, so that a batch that was written elsewhere is noticed.
fn batch_checksum(number: u32, offset: u32, header: &[u8], records: &[u8]) -> u32 {
    Crc32c::new()
        .update(&number.to_be_bytes())
        .update(&offset.to_be_bytes())
        .update(header)
        .update(records)
        .finish()
}

/// Reads the batch at `offset` of segment `number`, if a whole one stands there.
pub(super) fn read_batch(
    segment: &[u8],
    number: u32,
    offset: u32,
) -> Result<Batch<'_>, &'static str> {
    let rest = segment.get(offset as usize..).unwrap_or_default();
    let Some((octets, behind)) = rest.split_first_chunk::<{ BATCH_HEADER as usize }>() else {
        return Err("the header of a batch is cut short");
    };
    let mut fields = Fields(octets);
    if fields.take::<4>() != BATCH_MAGIC {
        return Err(NO_BATCH);
    }
    let header = BatchHeader {
        length: fields.long(),
        sequence: u64::from_be_bytes(fields.take()),
        previous_checksum: fields.long(),
        oldest: fields.long(),
        records: fields.long(),
    };
    let checksum = fields.long();
    let Some(records) = behind.get(..header.length as usize) else {
        return Err("a batch runs past the end of the file");
    };
    let content = octets.first_chunk::<28>().map_or(&[][..], |octets| octets);
    if checksum != batch_checksum(number, offset, content, records) {
        return Err("the checksum of a batch does not fit");
    }
    let first = offset.saturating_add(BATCH_HEADER);
    let records = Records { octets: records, offset: first };
    Ok(Batch { header, checksum, records, end: first.saturating_add(header.length) })
}

/// What a record is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    Binding(OwnerId, Ipv4Addr),
    Endpoint(OwnerId),
    /// The name of an owner.
    Owner(OwnerId),
}

/// A record in its place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Record<'a> {
    pub(super) key: Key,
    /// Where it begins in the segment.
    pub(super) offset: u32,
    /// Its content, checksum included.
    pub(super) content: &'a [u8],
    /// All its octets, header and padding included.
    pub(super) octets: &'a [u8],
}

impl Record<'_> {
    /// Compares the content with its checksum.
    pub(super) fn check(&self) -> Result<(), RecordError> {
        match self.key {
            Key::Binding(owner, address) => check_seal(&binding_key(owner, address), self.content),
            Key::Endpoint(owner) | Key::Owner(owner) => {
                check_seal(&owner.0.to_be_bytes(), self.content)
            }
        }
    }
}

/// The octets that a record with `content` octets takes.
pub(super) const fn record_octets(content: u16) -> u32 {
    RECORD_HEADER.saturating_add(content as u32).next_multiple_of(ALIGNMENT)
}

/// All octets of the record whose header this is.
pub(super) fn record_length(header: &[u8]) -> usize {
    let length = header.get(2..).and_then(|rest| rest.first_chunk::<2>());
    record_octets(length.map_or(0, |length| u16::from_be_bytes(*length))) as usize
}

/// The octets of the records in the batch whose header this is.
pub(super) fn batch_length(header: &[u8]) -> Result<u32, &'static str> {
    match header.split_first_chunk::<4>() {
        Some((&BATCH_MAGIC, rest)) => Ok(Fields(rest).long()),
        _ => Err(NO_BATCH),
    }
}

/// Appends a record to a batch.
pub(super) fn push_record(batch: &mut Vec<u8>, key: Key, content: &[u8]) {
    let (kind, owner, address) = match key {
        Key::Binding(owner, address) => (BINDING, owner, address),
        Key::Endpoint(owner) => (ENDPOINT, owner, Ipv4Addr::UNSPECIFIED),
        Key::Owner(owner) => (OWNER, owner, Ipv4Addr::UNSPECIFIED),
    };
    // No content of a record is as long as 65,535 octets: see `record`.
    let length = u16::try_from(content.len()).unwrap_or(u16::MAX);
    let [length_high, length_low] = length.to_be_bytes();
    let [owner_high, owner_low] = owner.0.to_be_bytes();
    let [a, b, c, d] = address.octets();
    batch.extend([kind, 0, length_high, length_low, owner_high, owner_low, a, b, c, d]);
    batch.extend(content);
    batch.resize(batch.len().next_multiple_of(ALIGNMENT as usize), 0);
}

/// Reads the record at the beginning of `octets`, which stand at `offset` of a segment.
pub(super) fn read_record(octets: &[u8], offset: u32) -> Result<Record<'_>, &'static str> {
    let Some((header, _)) = octets.split_first_chunk::<{ RECORD_HEADER as usize }>() else {
        return Err("the header of a record is cut short");
    };
    let [kind, zero, length_high, length_low, owner_high, owner_low, a, b, c, d] = *header;
    let owner = OwnerId(u16::from_be_bytes([owner_high, owner_low]));
    let key = match (kind, zero, [a, b, c, d]) {
        (BINDING, 0, address) => Key::Binding(owner, address.into()),
        (ENDPOINT, 0, [0, 0, 0, 0]) => Key::Endpoint(owner),
        (OWNER, 0, [0, 0, 0, 0]) => Key::Owner(owner),
        _ => return Err("there is no such kind of record"),
    };
    let length = u16::from_be_bytes([length_high, length_low]);
    let Some(octets) = octets.get(..record_octets(length) as usize) else {
        return Err("a record is cut short");
    };
    let content = octets
        .get(RECORD_HEADER as usize..)
        .and_then(|behind| behind.get(..usize::from(length)))
        .unwrap_or_default();
    Ok(Record { key, offset, content, octets })
}

/// The records of a batch, one after the other.
#[derive(Debug)]
pub(super) struct Records<'a> {
    pub(super) octets: &'a [u8],
    /// Where the next one begins in the segment.
    pub(super) offset: u32,
}

/// A place in a segment where something is not as it must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) offset: u32,
    pub(super) what: &'static str,
}

impl<'a> Iterator for Records<'a> {
    type Item = Result<Record<'a>, Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.octets.is_empty() {
            return None;
        }
        match read_record(self.octets, self.offset) {
            Ok(record) => {
                let taken = record.octets.len();
                self.octets = self.octets.get(taken..).unwrap_or_default();
                self.offset = self.offset.saturating_add(u32::try_from(taken).unwrap_or(u32::MAX));
                Some(Ok(record))
            }
            Err(what) => {
                self.octets = &[];
                Some(Err(Fault { offset: self.offset, what }))
            }
        }
    }
}
