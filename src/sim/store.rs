//! The store on a simulated disk: the journal that ships, with segments so small that old ones have
//! to go all the time.

use super::disk::SimDisk;
use crate::store::{Journal, LeaseStore, StoreError};

/// Opens what is on the disk.
pub(crate) fn open(disk: &SimDisk, segment_octets: u32) -> Result<Box<dyn LeaseStore>, StoreError> {
    Ok(Box::new(Journal::on(Box::new(disk.clone()), segment_octets)?))
}
