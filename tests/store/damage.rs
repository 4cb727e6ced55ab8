//! Whatever stands in the file, the outcome is data or a typed error.

use std::fs;
use std::path::Path;

use redb::{Database, ReadableDatabase, TableDefinition};
use twinlease::durable::{Change, EndpointRecord};
use twinlease::store::record::{
    binding_key, decode_binding, decode_endpoint, encode_binding, encode_endpoint,
};
use twinlease::store::{
    FILE_NAME, FORMAT_VERSION, LeaseStore, OwnerId, RecordError, RecordPlace, RedbStore, StoreError,
};

use crate::samples::{address, binding, carrying, endpoint, set};

const OWNER: OwnerId = OwnerId(0x0102);

fn binding_octets() -> Vec<u8> {
    let mut octets = Vec::new();
    encode_binding(OWNER, &binding(4), &mut octets);
    octets
}

fn endpoint_octets() -> Vec<u8> {
    let mut octets = Vec::new();
    encode_endpoint(OWNER, &endpoint(), &mut octets);
    octets
}

/// Opens, reads everything, and reports what the first failing step says.
fn open_and_read(directory: &Path) -> Result<(), StoreError> {
    let mut store = RedbStore::open(directory)?;
    store.open_owner("a")?;
    store.verify()?;
    Ok(())
}

/// A closed store with a binding and an endpoint record of owner "a".
fn small_store() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let mut store = RedbStore::open(directory.path()).unwrap();
    let (owner, _) = store.open_owner("a").unwrap();
    store.commit(&[set(owner, binding(1)), (owner, Change::Endpoint(endpoint()))]).unwrap();
    directory
}

#[test]
fn a_binding_record_is_written_as_the_format_says() {
    let expected = [
        &[1, 2, 6, 1, 6, 7, 0x80, 0x03][..],
        &1_700_000_001u32.to_be_bytes(),
        &1_700_000_002u32.to_be_bytes(),
        &1_700_000_003u32.to_be_bytes(),
        &1_700_000_004u32.to_be_bytes(),
        &1_700_000_005u32.to_be_bytes(),
        &1_700_000_006u32.to_be_bytes(),
        &[0, 12, 1, 2, 3, 4],
        &[1, 0, 12, 1, 2, 3, 4],
    ]
    .concat();
    assert_eq!(binding_octets().split_last_chunk::<4>().unwrap().0, expected);
}

#[test]
fn an_endpoint_record_is_written_as_the_format_says() {
    let expected = [
        &[2, 4, 2, 254, 1 + 4 + 8 + 16, 0, 0, 0][..],
        &1_700_000_011u32.to_be_bytes(),
        &1_700_000_012u32.to_be_bytes(),
        &1_700_000_013u32.to_be_bytes(),
        &1_700_000_014u32.to_be_bytes(),
        &3600u32.to_be_bytes(),
        &endpoint().hash_bucket_assignment.unwrap(),
        &0x6553_f109u32.to_be_bytes(),
    ]
    .concat();
    assert_eq!(endpoint_octets().split_last_chunk::<4>().unwrap().0, expected);
}

#[test]
fn an_endpoint_record_without_the_time_of_a_connect_is_written_as_version_1() {
    let mut octets = Vec::new();
    let record = EndpointRecord { last_connect_time: None, ..endpoint() };
    encode_endpoint(OWNER, &record, &mut octets);
    assert_eq!((octets[0], octets.len()), (1, 64));
}

#[test]
fn every_flipped_bit_of_a_binding_record_is_noticed() {
    let key = binding_key(OWNER, address(4));
    let octets = binding_octets();
    assert_eq!(decode_binding(key, &octets), Ok(binding(4)));
    for bit in 0..octets.len() * 8 {
        let mut damaged = octets.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        assert!(decode_binding(key, &damaged).is_err(), "bit {bit}");
    }
}

#[test]
fn every_flipped_bit_of_an_endpoint_record_is_noticed() {
    let octets = endpoint_octets();
    assert_eq!(decode_endpoint(OWNER, &octets), Ok(endpoint()));
    for bit in 0..octets.len() * 8 {
        let mut damaged = octets.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        assert!(decode_endpoint(OWNER, &damaged).is_err(), "bit {bit}");
    }
}

#[test]
fn every_other_length_of_a_record_is_noticed() {
    let key = binding_key(OWNER, address(4));
    for (octets, is_binding) in [(binding_octets(), true), (endpoint_octets(), false)] {
        for len in 0..octets.len() {
            let cut = &octets[..len];
            assert!(if is_binding {
                decode_binding(key, cut).is_err()
            } else {
                decode_endpoint(OWNER, cut).is_err()
            });
        }
        let longer = [octets.as_slice(), &[0]].concat();
        assert!(if is_binding {
            decode_binding(key, &longer).is_err()
        } else {
            decode_endpoint(OWNER, &longer).is_err()
        });
    }
}

#[test]
fn a_record_in_the_place_of_another_address_is_noticed() {
    let error = decode_binding(binding_key(OWNER, address(5)), &binding_octets()).unwrap_err();
    assert!(matches!(error, RecordError::Checksum { .. }), "{error}");
}

#[test]
fn a_record_of_a_newer_version_is_named_as_such() {
    let mut octets = binding_octets();
    octets[0] = 9;
    let error = decode_binding(binding_key(OWNER, address(4)), &octets).unwrap_err();
    assert_eq!(error, RecordError::Version { found: 9 });
}

#[test]
fn a_damaged_record_is_named_when_its_owner_is_opened() {
    let directory = small_store();
    let table: TableDefinition<'_, [u8; 6], &[u8]> = TableDefinition::new("bindings");
    let database = Database::open(directory.path().join(FILE_NAME)).unwrap();
    let transaction = database.begin_write().unwrap();
    let key = binding_key(OwnerId(0), address(1));
    transaction.open_table(table).unwrap().insert(key, &[1u8, 2, 3][..]).unwrap();
    transaction.commit().unwrap();
    drop(database);
    let error = open_and_read(directory.path()).unwrap_err();
    assert!(
        matches!(error, StoreError::Record {
            place: RecordPlace::Binding(OwnerId(0), place),
            error: RecordError::Length { found: 3, expected: 36 },
        } if place == address(1)),
        "{error}"
    );
}

#[test]
fn a_store_of_a_newer_format_is_refused() {
    let directory = small_store();
    let database = Database::open(directory.path().join(FILE_NAME)).unwrap();
    let transaction = database.begin_write().unwrap();
    let meta: TableDefinition<'_, &str, u32> = TableDefinition::new("meta");
    transaction.open_table(meta).unwrap().insert("format", FORMAT_VERSION + 1).unwrap();
    transaction.commit().unwrap();
    drop(database);
    let error = open_and_read(directory.path()).unwrap_err();
    assert!(
        matches!(error, StoreError::NewerFormat { found, supported: FORMAT_VERSION, .. }
            if found == FORMAT_VERSION + 1),
        "{error}"
    );
}

/// A file of the version before holds binding records without anything carried.
#[test]
fn a_store_of_the_former_format_is_read_and_then_one_of_this_format() {
    let directory = small_store();
    let database = Database::create(directory.path().join(FILE_NAME)).unwrap();
    let meta = TableDefinition::<&str, u32>::new("meta");
    let transaction = database.begin_write().unwrap();
    transaction.open_table(meta).unwrap().insert("format", FORMAT_VERSION - 1).unwrap();
    transaction.commit().unwrap();
    drop(database);
    let mut store = RedbStore::open(directory.path()).unwrap();
    assert_eq!(store.open_owner("a").unwrap().1.bindings, [binding(1)]);
    drop(store);
    let database = Database::create(directory.path().join(FILE_NAME)).unwrap();
    let read = database.begin_read().unwrap();
    let format = read.open_table(meta).unwrap().get("format").unwrap().unwrap().value();
    assert_eq!(format, FORMAT_VERSION);
}

#[test]
fn a_binding_record_that_carries_something_is_written_as_the_format_says() {
    let mut octets = Vec::new();
    encode_binding(OWNER, &carrying(4), &mut octets);
    let plain = binding_octets();
    let behind = plain.len() - 4;
    assert_eq!(octets[0], 2);
    assert_eq!(octets[1..behind], plain[1..behind]);
    let carried = [
        &[0, 7, 0, 10][..],
        &[99, 130, 83, 99, 12, 1, 4],
        &[99, 130, 83, 99, 58, 4, 0, 0, 1, 44],
        &[0, 7],
        b"\x04host\x07example\x00",
    ]
    .concat();
    assert_eq!(octets[behind..octets.len() - 4], carried);
}

#[test]
fn every_flipped_bit_of_a_binding_record_that_carries_something_is_noticed() {
    let mut octets = Vec::new();
    encode_binding(OWNER, &carrying(4), &mut octets);
    for bit in 0..octets.len() * 8 {
        let mut damaged = octets.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        assert!(decode_binding(binding_key(OWNER, address(4)), &damaged).is_err(), "bit {bit}");
    }
}

#[test]
fn a_second_process_is_told_that_another_one_uses_the_store() {
    let directory = small_store();
    let first = RedbStore::open(directory.path()).unwrap();
    let error = RedbStore::open(directory.path()).unwrap_err();
    drop(first);
    let path = directory.path().join(FILE_NAME);
    assert_eq!(
        error.to_string(),
        format!(
            "another twinlease uses {}; stop it, or give this one its own data-dir",
            path.display()
        )
    );
}

#[test]
fn a_file_that_is_no_store_is_refused_and_left_as_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(FILE_NAME);
    let text = b"these are no leases at all ".repeat(1000);
    fs::write(&path, &text).unwrap();
    let error = RedbStore::open(directory.path()).unwrap_err();
    assert!(matches!(error, StoreError::Damaged { .. }), "{error:?}");
    assert_eq!(fs::read(&path).unwrap(), text);
}

#[test]
fn a_data_directory_that_is_a_file_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("data");
    fs::write(&path, "").unwrap();
    let error = RedbStore::open(&path).unwrap_err();
    assert!(matches!(error, StoreError::Directory { .. }), "{error:?}");
}

/// A generator of positions; the sequence is the same in every run.
fn next(seed: &mut u64) -> usize {
    *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*seed >> 33) as usize
}

#[test]
fn a_damaged_file_yields_an_error_or_the_data_and_never_other_data() {
    let directory = small_store();
    let path = directory.path().join(FILE_NAME);
    let original = fs::read(&path).unwrap();
    let used = original.iter().rposition(|octet| *octet != 0).unwrap() + 1;
    let mut seed = 1;
    for _ in 0..300 {
        let mut damaged = original.clone();
        damaged[next(&mut seed) % used] ^= 1 << (next(&mut seed) % 8);
        fs::write(&path, &damaged).unwrap();
        let read = RedbStore::open(directory.path()).and_then(|mut store| store.open_owner("a"));
        if let Ok((_, recovered)) = read {
            for read in &recovered.bindings {
                assert_eq!(read, &binding(1));
            }
        }
    }
}

#[test]
fn a_file_cut_short_yields_an_error_or_the_data() {
    let directory = small_store();
    let path = directory.path().join(FILE_NAME);
    let original = fs::read(&path).unwrap();
    for eighth in 1..8 {
        fs::write(&path, &original[..original.len() * eighth / 8]).unwrap();
        let read = RedbStore::open(directory.path()).and_then(|mut store| store.open_owner("a"));
        if let Ok((_, recovered)) = read {
            assert_eq!(recovered.bindings, [binding(1)]);
        }
    }
}
