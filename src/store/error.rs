//! What can go wrong with a store.

use std::error::Error;
use std::fmt;
use std::io::{self, ErrorKind};
use std::net::Ipv4Addr;
use std::path::PathBuf;

use super::{MAX_OWNER_NAME, OwnerId};

/// Octets that are no record of this format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordError {
    /// The record has another number of octets than its kind and its own lengths ask for.
    Length {
        /// The octets there are.
        found: usize,
        /// The octets that would be right; the least number where not even the lengths are there.
        expected: usize,
    },
    /// The record is of a version that this program does not know.
    Version {
        /// The version written.
        found: u8,
    },
    /// The checksum over key and record does not fit.
    Checksum {
        /// The checksum written.
        found: u32,
        /// The checksum of the octets there are.
        expected: u32,
    },
    /// A field has a value that it cannot have.
    Field {
        /// Name of the field.
        field: &'static str,
        /// Where it begins, in octets from the start of the record.
        offset: usize,
        /// The value written.
        value: u8,
    },
}

impl fmt::Display for RecordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length { found, expected } => {
                write!(f, "the record has {found} octets; it must have {expected}")
            }
            Self::Version { found } => write!(
                f,
                "the record has version {found}; this program reads versions up to {}",
                super::record::RECORD_VERSION
            ),
            Self::Checksum { found, expected } => {
                write!(f, "the record's checksum is {found:08x}; its octets have {expected:08x}")
            }
            Self::Field { field, offset, value } => {
                write!(f, "{field} at octet {offset} is {value}, which it cannot be")
            }
        }
    }
}

impl Error for RecordError {}

/// Which record of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordPlace {
    /// The endpoint record of an owner.
    Endpoint(OwnerId),
    /// The record of an address.
    Binding(OwnerId, Ipv4Addr),
    /// The name of an owner.
    Name(OwnerId),
}

impl fmt::Display for RecordPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Endpoint(owner) => write!(f, "endpoint record of owner {}", owner.0),
            Self::Binding(owner, address) => write!(f, "binding {address} of owner {}", owner.0),
            Self::Name(owner) => write!(f, "name of owner {}", owner.0),
        }
    }
}

/// Why a store cannot be used, or not any more.
#[derive(Debug)]
#[non_exhaustive]
pub enum StoreError {
    /// The data directory cannot be made or used.
    Directory {
        /// The directory.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Another process has the store open.
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// A newer program wrote the store.
    NewerFormat {
        /// The file.
        path: PathBuf,
        /// The version of the format.
        found: u32,
        /// The newest version that this program reads.
        supported: u32,
    },
    /// The directory holds the store of an earlier program, which this one does not read.
    FormerStore {
        /// The file.
        path: PathBuf,
    },
    /// A file is not as it was written.
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where, in octets from its start.
        offset: u64,
        /// What is wrong with it.
        what: String,
    },
    /// A file is not there.
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// One record cannot be read.
    Record {
        /// Which.
        place: RecordPlace,
        /// What is wrong with it.
        error: RecordError,
    },
    /// The system refused a read, a write or a sync.
    Failed {
        /// The file.
        path: PathBuf,
        /// What was being done.
        action: &'static str,
        /// What the layer below says.
        source: Box<dyn Error + Send + Sync>,
    },
    /// There is no room for what was to be written, or the disk takes no writes for now. Nothing
    /// is lost: the same can be committed again.
    NoRoom {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A batch has more octets than may be written at once; nothing of it has been.
    BatchTooLong {
        /// The octets it has.
        octets: usize,
    },
    /// A change is of an owner that has never been opened.
    UnknownOwner(OwnerId),
    /// All 65,536 numbers of owners are taken.
    TooManyOwners,
    /// The name of an owner is empty or too long.
    OwnerName {
        /// Its length in octets.
        len: usize,
    },
}

impl StoreError {
    /// What it means that the disk refuses a change.
    pub(super) fn of_disk(path: PathBuf, action: &'static str, source: io::Error) -> Self {
        match source.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::ReadOnlyFilesystem => {
                Self::NoRoom { path, source }
            }
            _ => Self::Failed { path, action, source: source.into() },
        }
    }

    /// Whether the same may be tried again later.
    pub const fn is_no_room(&self) -> bool {
        matches!(self, Self::NoRoom { .. })
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory { path, source } => {
                write!(f, "data directory {}: {source}", path.display())
            }
            Self::InUse { path } => write!(
                f,
                "another twinlease uses {}; stop it, or give this one its own data-dir",
                path.display()
            ),
            Self::NewerFormat { path, found, supported } => write!(
                f,
                "{} has format version {found}; this program reads versions up to {supported}: a \
                 newer twinlease wrote it",
                path.display()
            ),
            Self::FormerStore { path } => write!(
                f,
                "{} was written by an earlier twinlease, whose leases this one does not read; move \
                 it away to fetch all leases from the partner",
                path.display()
            ),
            Self::Damaged { path, offset, what } => write!(
                f,
                "{} is damaged at octet {offset}: {what}; restore a copy of the data-dir, or move \
                 it away to fetch all leases from the partner",
                path.display()
            ),
            Self::Missing { path } => write!(
                f,
                "{} is missing; restore a copy of the data-dir, or move it away to fetch all \
                 leases from the partner",
                path.display()
            ),
            Self::Record { place, error } => write!(f, "{place}: {error}"),
            Self::Failed { path, action, source } => {
                write!(f, "{action} {}: {source}", path.display())
            }
            Self::NoRoom { path, source } => {
                write!(f, "no room for leases in {}: {source}", path.display())
            }
            Self::BatchTooLong { octets } => write!(
                f,
                "a batch has {octets} octets; at most {} are written at once",
                super::MAX_BATCH_OCTETS
            ),
            Self::UnknownOwner(owner) => {
                write!(f, "owner {} has no name in the store; open it first", owner.0)
            }
            Self::TooManyOwners => f.write_str(
                "the store has 65536 relationships, current and former; it takes no more",
            ),
            Self::OwnerName { len } => {
                write!(f, "the name has {len} octets; 1 to {MAX_OWNER_NAME} are allowed")
            }
        }
    }
}

impl Error for StoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Record { error, .. } => Some(error),
            Self::Failed { source, .. } => Some(source.as_ref()),
            Self::Directory { source, .. } | Self::NoRoom { source, .. } => Some(source),
            Self::InUse { .. }
            | Self::NewerFormat { .. }
            | Self::FormerStore { .. }
            | Self::Damaged { .. }
            | Self::Missing { .. }
            | Self::BatchTooLong { .. }
            | Self::UnknownOwner(_)
            | Self::TooManyOwners
            | Self::OwnerName { .. } => None,
        }
    }
}
