//! Zeroes that stand behind the last batch so that the file need not grow with every commit.

use std::iter::repeat_n;

use twinlease::store::{Journal, LeaseStore, SEGMENT_OCTETS};

use crate::disk::{Operation, RecordingDisk};
use crate::load::{Recording, batch, everything, expected, open};
use crate::samples::{binding, set};

/// How often a file became longer by a write.
fn growths(disk: &RecordingDisk) -> usize {
    let mut length = 0;
    let growths = disk.state().log.clone().into_iter().filter(|operation| match operation {
        Operation::Create(_) => {
            length = 0;
            false
        }
        Operation::Write { offset, octets, .. } => {
            let end = offset + octets.len();
            let grows = length < end;
            length = end.max(length);
            grows
        }
        _ => false,
    });
    growths.count()
}

/// The newest file of a disk, and its name.
fn newest(disk: &RecordingDisk) -> (String, Vec<u8>) {
    let files = disk.state().files.clone();
    files.into_iter().next_back().unwrap()
}

#[test]
fn a_thousand_commits_make_the_file_longer_twice() {
    let disk = RecordingDisk::new();
    let mut journal = Journal::on(disk.boxed(), SEGMENT_OCTETS).unwrap();
    let (owner, _) = journal.open_owner("a").unwrap();
    for number in 0_u32..1000 {
        journal.commit(&[set(owner, binding(number as u8))]).unwrap();
    }
    assert_eq!(growths(&disk), 2, "its header, and zeroes behind the first batch");
}

#[test]
fn zeroes_behind_the_last_batch_are_no_damage() {
    let recording = Recording::new();
    let (_, octets) = newest(&recording.disk);
    assert_eq!(octets.last(), Some(&0));
    let mut journal = open(&RecordingDisk::with(recording.disk.state().files.clone())).unwrap();
    assert_eq!(journal.cut(), None);
    assert_eq!(everything(&mut journal).unwrap(), *expected().last().unwrap());
}

#[test]
fn zeroes_that_were_found_are_replaced_by_what_comes() {
    let recording = Recording::new();
    let (name, mut octets) = newest(&recording.disk);
    octets.extend(repeat_n(0, 4096));
    let mut files = recording.disk.state().files.clone();
    files.insert(name.clone(), octets.clone());
    let disk = RecordingDisk::with(files);
    let mut journal = open(&disk).unwrap();
    journal.commit(&batch(1)).unwrap();
    assert_eq!(disk.state().files.get(&name).unwrap().len(), octets.len());
}

#[test]
fn zeroes_that_a_crash_brought_back_behind_an_older_file_are_no_damage() {
    let recording = Recording::new();
    let mut files = recording.disk.state().files.clone();
    assert!(files.len() > 1);
    files.first_entry().unwrap().get_mut().extend(repeat_n(0, 100));
    let mut journal = open(&RecordingDisk::with(files)).unwrap();
    assert_eq!(everything(&mut journal).unwrap(), *expected().last().unwrap());
}

#[test]
fn an_orderly_end_leaves_no_zeroes() {
    let mut recording = Recording::new();
    recording.journal.close().unwrap();
    let octets = recording.journal.space().octets;
    let files = recording.disk.state().files.clone();
    assert_eq!(files.values().map(|file| file.len() as u64).sum::<u64>(), octets);
}

#[test]
fn of_a_batch_torn_among_zeroes_no_more_is_said_to_be_cut_than_there_was() {
    let recording = Recording::new();
    let (name, mut octets) = newest(&recording.disk);
    let used = octets.iter().rposition(|octet| *octet != 0).unwrap() + 1;
    let begin = used.next_multiple_of(8);
    octets.truncate(begin);
    octets.extend(*b"tlb\n");
    octets.extend(repeat_n(0, 1000));
    let mut files = recording.disk.state().files.clone();
    files.insert(name, octets);
    let journal = open(&RecordingDisk::with(files)).unwrap();
    let cut = journal.cut().unwrap();
    assert_eq!((cut.offset, cut.octets), (begin as u64, 4));
}
