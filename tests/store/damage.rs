//! Files that are not as they were written: the outcome is an error that says where, never other
//! data and never less of it.

use std::fs;
use std::path::Path;

use twinlease::durable::Change;
use twinlease::store::{FORMAT_VERSION, Journal, LeaseStore, StoreError};

use crate::disk::{Fault, Files, Operation, RecordingDisk};
use crate::load::{COMMITS, Everything, Recording, batch, everything, expected, open};
use crate::samples::{binding, endpoint, recovered, set};

/// Opens files and reads everything.
fn read(files: &Files) -> Result<Everything, StoreError> {
    let disk = RecordingDisk::with(files.clone());
    let mut journal = open(&disk)?;
    let found = everything(&mut journal)?;
    journal.verify()?;
    Ok(found)
}

/// What is said of files that must not be taken.
fn refusal(files: &Files, which: &str) -> StoreError {
    read(files).err().unwrap_or_else(|| panic!("{which} is taken as it is"))
}

/// The files that the load leaves, of which the last one ends with the mark of an orderly end.
fn files_after_an_orderly_end() -> Files {
    let mut recording = Recording::new();
    recording.journal.close().unwrap();
    let state = recording.disk.state();
    state.files.clone()
}

/// The octets of the mark.
const MARK: usize = 32;

fn file_of(error: &StoreError) -> Option<&Path> {
    match error {
        StoreError::Damaged { path, .. }
        | StoreError::Missing { path }
        | StoreError::NewerFormat { path, .. } => Some(path),
        _ => None,
    }
}

#[test]
fn every_flipped_bit_is_reported_with_its_file() {
    let files = files_after_an_orderly_end();
    let last = files.last_key_value().unwrap().0.clone();
    let (mut flipped, expected) = (0, read(&files).unwrap());
    for (name, octets) in &files {
        let end = octets.len() - if *name == last { MARK } else { 0 };
        for place in 0..end {
            let mut damaged = files.clone();
            damaged.get_mut(name).unwrap()[place] ^= 1 << (place % 8);
            let error = refusal(&damaged, &format!("{name}, octet {place}"));
            assert_eq!(file_of(&error), Some(Path::new("data").join(name).as_path()), "{error}");
            flipped += 1;
        }
    }
    println!("flipped bits reported: {flipped}");
    // The mark itself is no lease.
    for place in 0..MARK {
        let mut damaged = files.clone();
        let octets = damaged.get_mut(&last).unwrap();
        let end = octets.len() - MARK;
        octets[end + place] ^= 1;
        assert!(read(&damaged).unwrap() == expected);
    }
}

#[test]
fn every_sector_of_zero_is_reported() {
    let files = files_after_an_orderly_end();
    let last = files.last_key_value().unwrap().0;
    for (name, octets) in &files {
        let end = octets.len() - if name == last { MARK } else { 0 };
        for sector in (0..end).step_by(512) {
            let mut damaged = files.clone();
            damaged.get_mut(name).unwrap()[sector..end.min(sector + 512)].fill(0);
            refusal(&damaged, &format!("{name}, octet {sector}"));
        }
    }
}

#[test]
fn a_file_cut_short_is_reported_unless_it_is_the_last_one() {
    let files = files_after_an_orderly_end();
    let last = files.last_key_value().unwrap().0;
    for (name, octets) in files.iter().filter(|(name, _)| *name != last) {
        for len in 0..octets.len() {
            let mut damaged = files.clone();
            damaged.get_mut(name).unwrap().truncate(len);
            refusal(&damaged, &format!("{name}, {len} octets"));
        }
    }
}

#[test]
fn a_file_that_is_gone_is_reported_unless_it_is_the_last_one() {
    let files = files_after_an_orderly_end();
    let last = files.last_key_value().unwrap().0;
    for name in files.keys().filter(|name| *name != last) {
        let mut damaged = files.clone();
        damaged.remove(name);
        let error = refusal(&damaged, name);
        assert!(matches!(error, StoreError::Missing { .. }), "{error}");
    }
}

#[test]
fn two_files_in_each_others_place_are_reported() {
    let files = files_after_an_orderly_end();
    let names: Vec<_> = files.keys().cloned().collect();
    let mut damaged = files.clone();
    damaged.insert(names[0].clone(), files[&names[1]].clone());
    damaged.insert(names[1].clone(), files[&names[0]].clone());
    let error = read(&damaged).unwrap_err();
    assert!(error.to_string().contains("it is segment"), "{error}");
}

/// Runs the load with one write that the disk treats otherwise, and opens what is left.
fn run_with(position: usize, fault: Fault) -> Result<Everything, StoreError> {
    let disk = RecordingDisk::new();
    disk.state().faults.insert(position, fault);
    let recording = Recording::on(disk)?;
    let files = recording.disk.state().files.clone();
    read(&files)
}

/// The writes of the load, but for the last one, after which nothing shows that it is missing.
fn writes() -> Vec<(usize, String, usize)> {
    let log = Recording::new().disk.state().log.clone();
    let mut writes: Vec<_> = log
        .into_iter()
        .enumerate()
        .filter_map(|(position, operation)| match operation {
            Operation::Write { name, offset, .. } => Some((position, name, offset)),
            _ => None,
        })
        .collect();
    writes.pop();
    writes
}

#[test]
fn a_write_that_never_reached_the_disk_is_noticed_or_has_become_useless() {
    let expected = expected().pop().unwrap();
    let (mut noticed, mut tried) = (0, 0);
    for (position, ..) in writes() {
        tried += 1;
        match run_with(position, Fault::Lost) {
            Ok(found) => assert!(found == expected, "write {position}"),
            Err(error) => noticed += usize::from(file_of(&error).is_some()),
        }
    }
    println!("lost writes: {tried}, noticed: {noticed}");
    assert!(noticed > tried / 2);
}

#[test]
fn a_misdirected_write_is_noticed_or_has_become_useless() {
    let expected = expected().pop().unwrap();
    let writes = writes();
    let (mut noticed, mut tried) = (0, 0);
    for (position, name, offset) in &writes {
        let earlier = writes.iter().filter(|(other, ..)| other < position).rev().take(12);
        let mut places: Vec<_> = earlier.map(|(_, name, offset)| (name.clone(), *offset)).collect();
        places.extend([(name.clone(), offset + 512), (name.clone(), offset.saturating_sub(512))]);
        for (name, offset) in places {
            tried += 1;
            match run_with(*position, Fault::Misdirected { name, offset }) {
                Ok(found) => assert!(found == expected, "write {position}"),
                Err(error) => noticed += usize::from(!matches!(error, StoreError::NoRoom { .. })),
            }
        }
    }
    println!("misdirected writes: {tried}, noticed: {noticed}");
    assert!(noticed > tried / 2);
}

#[test]
fn segments_that_a_crash_has_kept_from_being_removed_are_removed() {
    let recording = Recording::new();
    let log = recording.disk.state().log.clone();
    let mut kept = Files::new();
    for operation in log.iter().filter(|one| !matches!(one, Operation::Remove(_))) {
        crate::disk::apply(&mut kept, operation).unwrap();
    }
    let needed = recording.disk.state().files.clone();
    assert!(kept.len() > needed.len());
    let disk = RecordingDisk::with(kept.clone());
    let mut journal = open(&disk).unwrap();
    assert_eq!(everything(&mut journal).unwrap(), expected().pop().unwrap());
    assert_eq!(disk.state().files.keys().collect::<Vec<_>>(), needed.keys().collect::<Vec<_>>());
    // A crash may have kept only some of them.
    kept.remove(&kept.keys().nth(1).unwrap().clone());
    assert_eq!(read(&kept).unwrap(), expected().pop().unwrap());
}

#[test]
fn a_store_of_a_newer_format_is_refused_and_left_as_it_is() {
    let mut files = files_after_an_orderly_end();
    let name = files.keys().next().unwrap().clone();
    let octets = files.get_mut(&name).unwrap();
    octets[8..12].copy_from_slice(&(FORMAT_VERSION + 1).to_be_bytes());
    let checksum = crc32c(&octets[..36]);
    octets[36..40].copy_from_slice(&checksum.to_be_bytes());
    let disk = RecordingDisk::with(files.clone());
    let error = open(&disk).unwrap_err();
    assert!(
        matches!(error, StoreError::NewerFormat { found, supported: FORMAT_VERSION, .. }
            if found == FORMAT_VERSION + 1),
        "{error}"
    );
    assert_eq!(disk.state().files, files);
}

/// The checksum that the format describes, bit by bit.
fn crc32c(octets: &[u8]) -> u32 {
    !octets.iter().fold(u32::MAX, |value, octet| {
        (0..8).fold(value ^ u32::from(*octet), |value, _| {
            if value & 1 == 1 { value >> 1 ^ 0x82f6_3b78 } else { value >> 1 }
        })
    })
}

#[test]
fn the_store_of_an_earlier_program_is_refused_by_name_and_left_as_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("leases.redb");
    fs::write(&path, "leases").unwrap();
    let error = Journal::open(directory.path()).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "{} was written by an earlier twinlease, whose leases this one does not read; move it \
             away to fetch all leases from the partner",
            path.display()
        )
    );
    assert_eq!(fs::read(&path).unwrap(), b"leases");
}

#[test]
fn a_second_process_is_told_that_another_one_uses_the_store() {
    let directory = tempfile::tempdir().unwrap();
    let first = Journal::open(directory.path()).unwrap();
    let error = Journal::open(directory.path()).unwrap_err();
    drop(first);
    assert_eq!(
        error.to_string(),
        format!(
            "another twinlease uses {}; stop it, or give this one its own data-dir",
            directory.path().display()
        )
    );
    Journal::open(directory.path()).unwrap();
}

#[test]
fn a_file_that_is_no_segment_is_refused_and_left_as_it_is() {
    for text in ["no leases", &"these are no leases at all ".repeat(1000)] {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("leases-0000000001.log");
        fs::write(&path, text).unwrap();
        let error = Journal::open(directory.path()).unwrap_err();
        assert!(matches!(error, StoreError::Damaged { offset: 0, .. }), "{error:?}");
        assert_eq!(fs::read(&path).unwrap(), text.as_bytes());
    }
}

#[test]
fn other_files_in_the_data_directory_are_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    for name in ["notes", "leases-1.log", "leases-0000000001.log.copy"] {
        fs::write(directory.path().join(name), "mine").unwrap();
    }
    let mut journal = Journal::open(directory.path()).unwrap();
    let (owner, _) = journal.open_owner("a").unwrap();
    journal.commit(&[set(owner, binding(1)), (owner, Change::Endpoint(endpoint()))]).unwrap();
    drop(journal);
    let mut journal = Journal::open(directory.path()).unwrap();
    assert_eq!(recovered(&mut journal, "a").bindings, [binding(1)]);
    assert_eq!(fs::read(directory.path().join("leases-1.log")).unwrap(), b"mine");
}

#[test]
fn a_data_directory_that_is_a_file_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("data");
    fs::write(&path, "").unwrap();
    let error = Journal::open(&path).unwrap_err();
    assert!(matches!(error, StoreError::Directory { .. }), "{error:?}");
}

/// A generator of positions; the sequence is the same in every run.
fn next(seed: &mut u64) -> usize {
    *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*seed >> 33) as usize
}

#[test]
fn a_file_with_many_damaged_octets_yields_an_error_or_what_was_acknowledged_once() {
    let files = files_after_an_orderly_end();
    let states = expected();
    let names: Vec<_> = files.keys().cloned().collect();
    let mut seed = 1;
    for _ in 0..1000 {
        let mut damaged = files.clone();
        let octets = damaged.get_mut(&names[next(&mut seed) % names.len()]).unwrap();
        for _ in 0..=next(&mut seed) % 8 {
            let (place, len) = (next(&mut seed) % octets.len(), next(&mut seed) % 64);
            let end = octets.len().min(place + len);
            octets[place..end].fill_with(|| next(&mut seed) as u8);
        }
        if let Ok(found) = read(&damaged) {
            assert!(states.contains(&found));
        }
    }
    assert_eq!(states.len(), COMMITS as usize + 1);
    assert!(!batch(0).is_empty());
}
