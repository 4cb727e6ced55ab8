//! A disk that refuses: what is acknowledged stays, and where nothing is lost all goes on.

use std::io::ErrorKind;

use twinlease::store::{Journal, LeaseStore, StoreError};

use crate::disk::{Fault, Operation, RecordingDisk};
use crate::load::{COMMITS, Everything, Recording, batch, everything, expected, open};

const NO_ROOM: [ErrorKind; 3] =
    [ErrorKind::StorageFull, ErrorKind::QuotaExceeded, ErrorKind::ReadOnlyFilesystem];

/// How many changes of the disk the load makes.
fn operations() -> usize {
    Recording::new().disk.state().asked
}

/// What a new process reads from what a disk holds.
fn reopened(disk: &RecordingDisk) -> Result<Everything, StoreError> {
    let mut journal = open(&RecordingDisk::with(disk.state().files.clone()))?;
    everything(&mut journal)
}

/// Does something again as often as the disk has no room for it.
fn insist<T>(mut action: impl FnMut() -> Result<T, StoreError>, refused: &mut usize) -> T {
    loop {
        match action() {
            Ok(done) => return done,
            Err(StoreError::NoRoom { .. }) => *refused += 1,
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn a_disk_that_is_full_at_any_moment_for_any_time_heals() {
    let expected = expected();
    let (mut tried, mut refused) = (0, 0);
    for first in 0..operations() {
        for (kind, length) in NO_ROOM.into_iter().zip([1, 2, 5]) {
            let disk = RecordingDisk::new();
            let faults = (first..first + length).map(|at| (at, Fault::Refused(kind)));
            disk.state().faults.extend(faults);
            tried += 1;
            let mut journal = insist(|| open(&disk), &mut refused);
            insist(|| everything(&mut journal), &mut refused);
            for number in 0..COMMITS {
                insist(|| journal.commit(&batch(number)), &mut refused);
            }
            let expected = &expected[COMMITS as usize];
            assert!(everything(&mut journal).unwrap() == *expected, "from {first}");
            journal.verify().unwrap();
            assert!(reopened(&disk).unwrap() == *expected, "from {first}");
        }
    }
    println!("disks that were full for a while: {tried}, commits refused: {refused}");
    assert!(refused > tried / 2);
}

#[test]
fn a_process_that_dies_while_the_disk_is_full_has_lost_nothing() {
    let expected = expected();
    let mut tried = 0;
    for first in 0..operations() {
        let disk = RecordingDisk::new();
        let forever = (first..first + 1000).map(|at| (at, Fault::Refused(ErrorKind::StorageFull)));
        disk.state().faults.extend(forever);
        let mut acknowledged = None;
        let journal = open(&disk).ok().and_then(|mut journal| {
            everything(&mut journal).ok()?;
            acknowledged = Some(0);
            Some(journal)
        });
        if let Some(mut journal) = journal {
            for number in 0..COMMITS {
                if journal.commit(&batch(number)).is_err() {
                    assert!(matches!(
                        journal.commit(&batch(number)),
                        Err(StoreError::NoRoom { .. })
                    ));
                    break;
                }
                acknowledged = Some(number as usize + 1);
            }
        }
        tried += 1;
        // The last batch may be there as a whole, though it could not be synced.
        let found = reopened(&disk).unwrap();
        let acknowledged = acknowledged.unwrap_or(0);
        assert!(expected[acknowledged..].iter().take(2).any(|one| *one == found), "from {first}");
    }
    println!("processes that died while the disk was full: {tried}");
}

#[test]
fn after_an_error_that_may_have_lost_data_nothing_is_promised_any_more() {
    let expected = expected();
    let mut tried = 0;
    for position in 0..operations() {
        let disk = RecordingDisk::new();
        disk.state().faults.insert(position, Fault::Refused(ErrorKind::Other));
        let Ok(mut journal) = open(&disk) else { continue };
        if everything(&mut journal).is_err() {
            continue;
        }
        let failed = (0..COMMITS).find(|number| journal.commit(&batch(*number)).is_err());
        tried += 1;
        let log = disk.state().log.len();
        let Some(number) = failed else {
            // A segment that cannot be removed is no reason to stop.
            assert!(reopened(&disk).unwrap() == expected[COMMITS as usize]);
            continue;
        };
        assert!(matches!(journal.commit(&batch(number)), Err(StoreError::Failed { .. })));
        assert!(matches!(journal.verify(), Err(StoreError::Failed { .. })));
        assert_eq!(disk.state().log.len(), log, "the disk is left alone");
        let found = reopened(&disk).unwrap();
        let number = number as usize;
        assert!(found == expected[number] || found == expected[number + 1], "at {position}");
    }
    println!("disks that failed once: {tried}");
}

#[test]
fn a_sector_that_cannot_be_read_is_reported_at_the_start() {
    let files = Recording::new().disk.state().files.clone();
    let disk = RecordingDisk::with(files.clone());
    everything(&mut open(&disk).unwrap()).unwrap();
    let reads = disk.state().reads;
    for failing in 1..=reads {
        let disk = RecordingDisk::with(files.clone());
        disk.state().failing_read = Some(failing);
        let error = open(&disk).and_then(|mut journal| everything(&mut journal)).unwrap_err();
        assert!(matches!(error, StoreError::Failed { action: "reading", .. }), "{error}");
        assert_eq!(disk.state().files, files);
    }
}

#[test]
fn a_sector_that_cannot_be_read_in_an_old_segment_ends_the_promises() {
    let recording = Recording::new();
    let first = recording.acknowledged[0];
    assert!(recording.disk.state().log[first..].iter().any(|o| matches!(o, Operation::Remove(_))));
    let reads = recording.disk.state().reads;
    let opened = RecordingDisk::new();
    everything(&mut open(&opened).unwrap()).unwrap();
    let opening = opened.state().reads;
    assert!(reads > opening, "old segments are read");
    let expected = expected();
    for failing in opening + 1..=reads {
        let disk = RecordingDisk::new();
        disk.state().failing_read = Some(failing);
        let error = Recording::on(disk.clone()).map(|_| ()).unwrap_err();
        assert!(matches!(error, StoreError::Failed { action: "reading", .. }), "{error}");
        assert!(expected.contains(&reopened(&disk).unwrap()));
    }
}

#[test]
fn a_batch_of_more_than_fits_is_refused_and_the_next_one_is_taken() {
    let disk = RecordingDisk::new();
    let mut journal = Journal::on(disk.boxed(), u32::MAX).unwrap();
    everything(&mut journal).unwrap();
    let long: Vec<_> = batch(4).into_iter().cycle().take(100_000).collect();
    assert!(matches!(journal.commit(&long), Err(StoreError::BatchTooLong { .. })));
    journal.commit(&batch(0)).unwrap();
    assert_eq!(everything(&mut journal).unwrap(), expected()[1]);
}

/// A process that was killed before its sync leaves what it wrote in the system's memory, and one
/// whose first sync of the directory failed leaves a file without a durable name. Found by the
/// simulator.
#[test]
fn what_is_read_at_the_start_is_made_durable_before_anything_builds_on_it() {
    let disk = RecordingDisk::with(Recording::new().disk.state().files.clone());
    open(&disk).unwrap();
    let newest = disk.state().files.keys().last().unwrap().clone();
    let log = disk.state().log.clone();
    assert_eq!(log.get(..2), Some(&[Operation::Sync(newest), Operation::SyncDirectory][..]));
}
