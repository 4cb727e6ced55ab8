//! Where leases survive a crash.
//!
//! The lease table lives in memory; a store is asked for two things only: everything an owner had
//! when it starts ([`LeaseStore::open_owner`]), and to make a batch of changes durable with one
//! sync ([`LeaseStore::commit`]). An owner is whoever owns pools: a relationship, or the pools
//! without one.
//!
//! [`Journal`] keeps everything in files of its own on a [`Disk`], [`MemoryStore`] is its twin
//! without one. `record` writes and reads the octets of one record, which `docs/store-format.md` describes;
//! reading is total: whatever the octets are, the outcome is a value or a [`RecordError`].

#![cfg_attr(
    not(test),
    deny(
        clippy::arithmetic_side_effects,
        clippy::panic,
        clippy::string_slice,
        clippy::unreachable,
        reason = "what a partner, client, file or operator sends passes here, and nothing may panic on it"
    )
)]

#[expect(
    clippy::arithmetic_side_effects,
    reason = "tables are built at compile time, where what panics does not compile"
)]
mod checksum;
mod disk;
pub mod error;
mod journal;
mod memory;
pub mod record;

pub use disk::{DirectoryDisk, Disk};
pub use error::{RecordError, RecordPlace, StoreError};
pub use journal::{Cut, FORMAT_VERSION, Journal, MAX_BATCH_OCTETS, SEGMENT_OCTETS, Space};
pub use memory::MemoryStore;

use crate::durable::{Change, Recovered};

/// Number of an owner within a store; given out when its name is first opened, and kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OwnerId(pub u16);

/// Longest name of an owner in octets.
pub const MAX_OWNER_NAME: usize = 1024;

/// What a whole store holds, counted by [`LeaseStore::verify`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Contents {
    /// Names of owners.
    pub owners: u64,
    /// Records of endpoints.
    pub endpoints: u64,
    /// Records of addresses.
    pub bindings: u64,
}

/// A durable home for the changes of any number of owners.
pub trait LeaseStore: Send {
    /// Everything the owner of this name has; a name that is new here gets the next free number.
    fn open_owner(&mut self, name: &str) -> Result<(OwnerId, Recovered), StoreError>;

    /// The names of all owners there ever were, in the order of their numbers.
    fn owner_names(&mut self) -> Result<Vec<String>, StoreError>;

    /// Makes all of `batch` durable with one sync; it is on stable storage when this returns. Of
    /// several changes of one record the last one in the batch wins. After
    /// [`StoreError::NoRoom`] the same batch may be committed again, and nothing else before it.
    /// After any other error nothing may be assumed about the batch, and nothing more may be
    /// promised.
    fn commit(&mut self, batch: &[(OwnerId, Change)]) -> Result<(), StoreError>;

    /// Reads everything and reports the first damage.
    fn verify(&mut self) -> Result<Contents, StoreError>;

    /// Marks an orderly end behind the last commit. A store that is dropped without it has lost
    /// nothing.
    fn close(&mut self) -> Result<(), StoreError> {
        Ok(())
    }
}
