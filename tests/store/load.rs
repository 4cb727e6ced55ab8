//! A load that begins, fills, empties and removes segments within a few dozen commits.

use twinlease::binding::Binding;
use twinlease::durable::{Change, EndpointRecord, Recovered};
use twinlease::store::{Journal, LeaseStore, MemoryStore, OwnerId, StoreError};
use twinlease::time::UnixTime;

use crate::disk::RecordingDisk;
use crate::samples::{binding, carrying, endpoint, set};

/// Octets of a segment: room for a handful of batches.
pub(crate) const SEGMENT_OCTETS: u32 = 1536;

pub(crate) const COMMITS: u32 = 48;

const OWNERS: [&str; 2] = ["a", "b"];

/// Commit `number` of the load: every address is changed again and again, some seldom.
pub(crate) fn batch(number: u32) -> Vec<(OwnerId, Change)> {
    let mark = UnixTime(1_000 + number);
    let seldom = number.is_multiple_of(16);
    let addresses = [number * 5 % 7, number * 3 % 11, 200 + number / 16];
    let mut batch: Vec<_> = addresses[..if seldom { 3 } else { 2 }]
        .iter()
        .map(|last| {
            let last = *last as u8;
            let binding = if number % 9 == 4 { carrying(last) } else { binding(last) };
            set(OwnerId(number as u16 % 2), Binding { lease_expiration: mark, ..binding })
        })
        .collect();
    if number % 10 == 3 {
        // More than a segment, and many sectors.
        batch.extend((0..24).map(|last| set(OwnerId(1), binding(100 + last))));
    }
    if number.is_multiple_of(5) {
        let record = EndpointRecord { last_operation: mark, ..endpoint() };
        batch.push((OwnerId(0), Change::Endpoint(record)));
    }
    batch
}

/// All that a store holds.
pub(crate) type Everything = Vec<Recovered>;

/// What both owners have.
pub(crate) fn everything(store: &mut impl LeaseStore) -> Result<Everything, StoreError> {
    OWNERS.iter().map(|name| Ok(store.open_owner(name)?.1)).collect()
}

/// What there is after each number of commits.
pub(crate) fn expected() -> Vec<Everything> {
    let mut store = MemoryStore::new();
    let mut states = vec![everything(&mut store).unwrap()];
    for number in 0..COMMITS {
        store.commit(&batch(number)).unwrap();
        states.push(everything(&mut store).unwrap());
    }
    states
}

pub(crate) fn open(disk: &RecordingDisk) -> Result<Journal, StoreError> {
    Journal::on(disk.boxed(), SEGMENT_OCTETS)
}

/// A load that was recorded as it ran.
pub(crate) struct Recording {
    pub(crate) disk: RecordingDisk,
    pub(crate) journal: Journal,
    /// By commit: how many operations there were when it was acknowledged; first of all, when both
    /// owners had been opened.
    pub(crate) acknowledged: Vec<usize>,
}

impl Recording {
    /// Runs the whole load.
    pub(crate) fn new() -> Self {
        Self::on(RecordingDisk::new()).unwrap()
    }

    pub(crate) fn on(disk: RecordingDisk) -> Result<Self, StoreError> {
        let mut journal = open(&disk)?;
        everything(&mut journal)?;
        let mut acknowledged = vec![disk.state().log.len()];
        for number in 0..COMMITS {
            journal.commit(&batch(number))?;
            acknowledged.push(disk.state().log.len());
        }
        Ok(Self { disk, journal, acknowledged })
    }
}
