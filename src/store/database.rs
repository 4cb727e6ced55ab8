//! The store of a server: one file in its data directory, kept by redb.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use redb::{
    Builder, Database, DatabaseError, Durability, ReadTransaction, ReadableDatabase, ReadableTable,
    ReadableTableMetadata, StorageError, TableDefinition, WriteTransaction,
};

use super::error::{RecordPlace, StoreError};
use super::record::{
    BINDING_KEY_LEN, binding_key, decode_binding, decode_endpoint, encode_binding, encode_endpoint,
    split_binding_key,
};
use super::{Contents, LeaseStore, MAX_OWNER_NAME, OwnerId};
use crate::durable::{Change, Recovered};

/// Name of the file within the data directory.
pub const FILE_NAME: &str = "leases.redb";

/// Version of the set of tables and of their keys.
pub const FORMAT_VERSION: u32 = 2;

/// The version before, which had no binding records that carry anything. It is read as it is.
const FORMER_VERSION: u32 = 1;

/// Pages that redb keeps in memory, in octets. All bindings are in memory anyway, so this serves
/// only the pages that commits rewrite.
const CACHE_SIZE: usize = 64 << 20;

const FORMAT: &str = "format";
const META: TableDefinition<'_, &str, u32> = TableDefinition::new("meta");
const OWNERS: TableDefinition<'_, &str, u16> = TableDefinition::new("owners");
const ENDPOINTS: TableDefinition<'_, u16, &[u8]> = TableDefinition::new("endpoints");
const BINDINGS: TableDefinition<'_, [u8; BINDING_KEY_LEN], &[u8]> =
    TableDefinition::new("bindings");

/// A durable store in one file, which one process at a time may open.
#[derive(Debug)]
pub struct RedbStore {
    path: PathBuf,
    /// Absent after a failure of redb itself.
    database: Option<Database>,
    /// The record being written.
    record: Vec<u8>,
    /// Positions in the batch being committed, in the order of their keys.
    order: Vec<([u8; BINDING_KEY_LEN], usize)>,
}

impl RedbStore {
    /// Opens the store in `directory`, which is made if it is not there. Fails when another
    /// process has it open, and on a file that is damaged or that a newer program wrote.
    pub fn open(directory: &Path) -> Result<Self, StoreError> {
        let path = directory.join(FILE_NAME);
        contained(&path, || Self::open_file(directory, path.clone()))
    }

    fn open_file(directory: &Path, path: PathBuf) -> Result<Self, StoreError> {
        let unusable = |source| StoreError::Directory { path: directory.to_owned(), source };
        fs::create_dir_all(directory).map_err(unusable)?;
        let is_new = !path.try_exists().map_err(unusable)?;
        let verified = Arc::new(AtomicBool::new(false));
        let by_repair = Arc::clone(&verified);
        let database = Builder::new()
            .set_cache_size(CACHE_SIZE)
            .set_repair_callback(move |_| by_repair.store(true, Ordering::Relaxed))
            .create(&path)
            .map_err(|error| opening_failed(&path, error))?;
        if is_new {
            // The name of a new file is durable only once its directory is.
            File::open(directory).and_then(|handle| handle.sync_all()).map_err(unusable)?;
        }
        let database = Some(database);
        let mut store = Self { path, database, record: Vec::new(), order: Vec::new() };
        // The repair after a crash verifies every page; after a clean stop nobody has yet.
        if !is_new && !verified.load(Ordering::Relaxed) {
            store.check_pages()?;
        }
        store.check_format()?;
        Ok(store)
    }

    /// Makes the tables of a new store; refuses those of another version.
    fn check_format(&mut self) -> Result<(), StoreError> {
        let transaction = self.begin_write()?;
        let found = {
            let mut meta =
                transaction.open_table(META).map_err(self.failed("opening a table of"))?;
            let found =
                meta.get(FORMAT).map_err(self.failed("reading"))?.map(|value| value.value());
            if matches!(found, None | Some(FORMER_VERSION)) {
                meta.insert(FORMAT, FORMAT_VERSION).map_err(self.failed("writing"))?;
            }
            found
        };
        match found {
            None => {
                transaction.open_table(OWNERS).map_err(self.failed("opening a table of"))?;
                transaction.open_table(ENDPOINTS).map_err(self.failed("opening a table of"))?;
                transaction.open_table(BINDINGS).map_err(self.failed("opening a table of"))?;
                transaction.commit().map_err(self.failed("committing to"))
            }
            // A program that reads no more than the former version is told so by the number.
            Some(FORMER_VERSION) => transaction.commit().map_err(self.failed("committing to")),
            Some(FORMAT_VERSION) => Ok(()),
            Some(found) if found > FORMAT_VERSION => Err(StoreError::NewerFormat {
                path: self.path.clone(),
                found,
                supported: FORMAT_VERSION,
            }),
            Some(found) => Err(StoreError::Damaged {
                path: self.path.clone(),
                what: format!("there is no format version {found}"),
            }),
        }
    }

    /// Compares every page with its checksum.
    fn check_pages(&mut self) -> Result<(), StoreError> {
        let Some(database) = &mut self.database else { return Err(self.closed()) };
        match database.check_integrity() {
            Ok(true) => Ok(()),
            Ok(false) => Err(StoreError::Damaged {
                path: self.path.clone(),
                what: "the checksum of a page does not fit".to_owned(),
            }),
            Err(error) => Err(opening_failed(&self.path, error)),
        }
    }

    fn closed(&self) -> StoreError {
        let source = "closed after an earlier failure".into();
        StoreError::Failed { path: self.path.clone(), action: "using", source }
    }

    fn begin_read(&self) -> Result<ReadTransaction, StoreError> {
        let database = self.database.as_ref().ok_or_else(|| self.closed())?;
        database.begin_read().map_err(self.failed("reading"))
    }

    fn begin_write(&self) -> Result<WriteTransaction, StoreError> {
        let database = self.database.as_ref().ok_or_else(|| self.closed())?;
        let mut transaction = database.begin_write().map_err(self.failed("writing to"))?;
        transaction.set_durability(Durability::Immediate).map_err(self.failed("writing to"))?;
        Ok(transaction)
    }

    /// Makes an error of redb, whichever of its types, an error of this store.
    fn failed<E: Into<redb::Error>>(&self, action: &'static str) -> impl FnOnce(E) -> StoreError {
        let path = self.path.clone();
        move |error| match error.into() {
            redb::Error::Corrupted(what) => StoreError::Damaged { path, what },
            error @ (redb::Error::TableTypeMismatch { .. }
            | redb::Error::TableDoesNotExist(_)
            | redb::Error::TypeDefinitionChanged { .. }) => {
                StoreError::Damaged { path, what: error.to_string() }
            }
            error => StoreError::Failed { path, action, source: Box::new(error) },
        }
    }

    /// The number of `name`, given now if it has none.
    fn owner_id(&self, name: &str) -> Result<OwnerId, StoreError> {
        let transaction = self.begin_write()?;
        let owner = {
            let mut owners = transaction.open_table(OWNERS).map_err(self.failed("reading"))?;
            let known = owners.get(name).map_err(self.failed("reading"))?.map(|id| id.value());
            if let Some(known) = known {
                return Ok(OwnerId(known));
            }
            // Names are never removed, so their number is the next free one.
            let count = owners.len().map_err(self.failed("reading"))?;
            let owner = u16::try_from(count).map_err(|_| StoreError::TooManyOwners)?;
            owners.insert(name, owner).map_err(self.failed("writing to"))?;
            OwnerId(owner)
        };
        transaction.commit().map_err(self.failed("committing to"))?;
        Ok(owner)
    }

    fn names(&self) -> Result<Vec<String>, StoreError> {
        let transaction = self.begin_read()?;
        let owners = transaction.open_table(OWNERS).map_err(self.failed("reading"))?;
        let mut names = Vec::new();
        for entry in owners.iter().map_err(self.failed("reading"))? {
            let (name, owner) = entry.map_err(self.failed("reading"))?;
            names.push((owner.value(), name.value().to_owned()));
        }
        names.sort_unstable();
        Ok(names.into_iter().map(|(_, name)| name).collect())
    }

    fn recover(&self, owner: OwnerId) -> Result<Recovered, StoreError> {
        let transaction = self.begin_read()?;
        let endpoints = transaction.open_table(ENDPOINTS).map_err(self.failed("reading"))?;
        let endpoint = endpoints
            .get(owner.0)
            .map_err(self.failed("reading"))?
            .map(|record| decode_endpoint(owner, record.value()))
            .transpose()
            .map_err(|error| StoreError::Record { place: RecordPlace::Endpoint(owner), error })?;
        let table = transaction.open_table(BINDINGS).map_err(self.failed("reading"))?;
        let first = binding_key(owner, [0; 4].into());
        let last = binding_key(owner, [255; 4].into());
        let mut bindings = Vec::new();
        for entry in table.range(first..=last).map_err(self.failed("reading"))? {
            let (key, record) = entry.map_err(self.failed("reading"))?;
            let key = key.value();
            let binding = decode_binding(key, record.value()).map_err(|error| {
                let (owner, address) = split_binding_key(key);
                StoreError::Record { place: RecordPlace::Binding(owner, address), error }
            })?;
            bindings.push(binding);
        }
        Ok(Recovered { endpoint, bindings })
    }

    /// Writes the endpoint records of `batch`; there is hardly ever more than one.
    fn write_endpoints(
        &mut self,
        transaction: &WriteTransaction,
        batch: &[(OwnerId, Change)],
    ) -> Result<(), StoreError> {
        let mut records = batch
            .iter()
            .filter_map(|(owner, change)| match change {
                Change::Endpoint(record) => Some((*owner, record)),
                Change::Binding(_) => None,
            })
            .peekable();
        if records.peek().is_none() {
            return Ok(());
        }
        let mut table = transaction.open_table(ENDPOINTS).map_err(self.failed("writing to"))?;
        for (owner, record) in records {
            encode_endpoint(owner, record, &mut self.record);
            table.insert(owner.0, self.record.as_slice()).map_err(self.failed("writing to"))?;
        }
        Ok(())
    }

    /// Writes the bindings of `batch` in the order of their keys, which touches every page once.
    fn write_bindings(
        &mut self,
        transaction: &WriteTransaction,
        batch: &[(OwnerId, Change)],
    ) -> Result<(), StoreError> {
        self.order.clear();
        self.order.extend(batch.iter().enumerate().filter_map(|(position, (owner, change))| {
            match change {
                Change::Binding(binding) => Some((binding_key(*owner, binding.address), position)),
                Change::Endpoint(_) => None,
            }
        }));
        if self.order.is_empty() {
            return Ok(());
        }
        // Latest first within a key, so that the duplicates dropped are the earlier changes.
        self.order.sort_unstable_by(|(a, i), (b, j)| a.cmp(b).then(j.cmp(i)));
        self.order.dedup_by_key(|(key, _)| *key);
        let mut table = transaction.open_table(BINDINGS).map_err(self.failed("writing to"))?;
        for (key, position) in &self.order {
            if let Some((owner, Change::Binding(binding))) = batch.get(*position) {
                encode_binding(*owner, binding, &mut self.record);
                table.insert(key, self.record.as_slice()).map_err(self.failed("writing to"))?;
            }
        }
        Ok(())
    }
}

impl RedbStore {
    fn commit_all(&mut self, batch: &[(OwnerId, Change)]) -> Result<(), StoreError> {
        let transaction = self.begin_write()?;
        self.write_endpoints(&transaction, batch)?;
        self.write_bindings(&transaction, batch)?;
        transaction.commit().map_err(self.failed("committing to"))
    }

    fn verify_all(&mut self) -> Result<Contents, StoreError> {
        self.check_pages()?;
        let transaction = self.begin_read()?;
        let owners = transaction.open_table(OWNERS).map_err(self.failed("reading"))?;
        let mut contents = Contents::default();
        for entry in owners.iter().map_err(self.failed("reading"))? {
            let (_, owner) = entry.map_err(self.failed("reading"))?;
            let recovered = self.recover(OwnerId(owner.value()))?;
            contents.owners += 1;
            contents.endpoints += u64::from(recovered.endpoint.is_some());
            contents.bindings += recovered.bindings.len() as u64;
        }
        Ok(contents)
    }

    /// Does `action`, after whose panic the store is closed.
    fn contained<T>(
        &mut self,
        action: impl FnOnce(&mut Self) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let path = self.path.clone();
        let mut panicked = true;
        let result = contained(&path, || {
            let result = action(self);
            panicked = false;
            result
        });
        if panicked {
            self.close();
        }
        result
    }

    /// Closes the file; closing a damaged one can panic, too.
    fn close(&mut self) {
        if let Some(database) = self.database.take() {
            let _ = catch_unwind(AssertUnwindSafe(|| drop(database)));
        }
    }
}

impl LeaseStore for RedbStore {
    fn open_owner(&mut self, name: &str) -> Result<(OwnerId, Recovered), StoreError> {
        if name.is_empty() || name.len() > MAX_OWNER_NAME {
            return Err(StoreError::OwnerName { len: name.len() });
        }
        self.contained(|store| {
            let owner = store.owner_id(name)?;
            Ok((owner, store.recover(owner)?))
        })
    }

    fn owner_names(&mut self) -> Result<Vec<String>, StoreError> {
        self.contained(|store| store.names())
    }

    fn commit(&mut self, batch: &[(OwnerId, Change)]) -> Result<(), StoreError> {
        if batch.is_empty() {
            return Ok(());
        }
        self.contained(|store| store.commit_all(batch))
    }

    fn verify(&mut self) -> Result<Contents, StoreError> {
        self.contained(Self::verify_all)
    }
}

impl Drop for RedbStore {
    fn drop(&mut self) {
        self.close();
    }
}

/// Turns a panic into an error: redb trusts the notes on free pages that it leaves at a clean stop,
/// and panics where they are damaged.
fn contained<T>(
    path: &Path,
    action: impl FnOnce() -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    catch_unwind(AssertUnwindSafe(action)).unwrap_or_else(|panic| {
        let said = panic
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| panic.downcast_ref::<&str>().copied())
            .unwrap_or("its structure makes no sense");
        Err(StoreError::Damaged { path: path.to_owned(), what: said.to_owned() })
    })
}

fn opening_failed(path: &Path, error: DatabaseError) -> StoreError {
    let path = path.to_owned();
    match error {
        DatabaseError::DatabaseAlreadyOpen => StoreError::InUse { path },
        DatabaseError::Storage(StorageError::Corrupted(what)) => StoreError::Damaged { path, what },
        DatabaseError::Storage(StorageError::Io(error))
            if matches!(error.kind(), ErrorKind::InvalidData | ErrorKind::UnexpectedEof) =>
        {
            StoreError::Damaged { path, what: error.to_string() }
        }
        error @ (DatabaseError::UpgradeRequired(_) | DatabaseError::RepairAborted) => {
            StoreError::Damaged { path, what: error.to_string() }
        }
        error => StoreError::Failed { path, action: "opening", source: Box::new(error) },
    }
}
