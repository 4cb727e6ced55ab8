//! The store on a simulated disk.

use std::sync::Arc;

use parking_lot::Mutex;

use super::disk::SimDisk;
use crate::durable::{Change, Recovered};
use crate::store::{Contents, Disk, LeaseStore, MemoryStore, OwnerId, StoreError};

/// What is on the disk.
pub(crate) type Image = Arc<Mutex<MemoryStore>>;

#[derive(Debug)]
struct Interim {
    disk: SimDisk,
    image: Image,
}

/// Opens what is on the disk.
pub(crate) fn open(disk: &SimDisk, image: &Image) -> Result<Box<dyn LeaseStore>, StoreError> {
    Ok(Box::new(Interim { disk: disk.clone(), image: Arc::clone(image) }))
}

impl LeaseStore for Interim {
    fn open_owner(&mut self, name: &str) -> Result<(OwnerId, Recovered), StoreError> {
        self.image.lock().open_owner(name)
    }

    fn owner_names(&mut self) -> Result<Vec<String>, StoreError> {
        self.image.lock().owner_names()
    }

    fn commit(&mut self, batch: &[(OwnerId, Change)]) -> Result<(), StoreError> {
        let outcome = self.disk.create("interim").and_then(|()| self.disk.sync("interim"));
        outcome.map_err(|error| StoreError::Failed {
            path: "simulated".into(),
            action: "commit",
            source: Box::new(error),
        })?;
        self.image.lock().commit(batch)
    }

    fn verify(&mut self) -> Result<Contents, StoreError> {
        self.image.lock().verify()
    }
}
