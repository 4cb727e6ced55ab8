//! What a crash can leave on the disk, for every moment of a recorded load: every acknowledged
//! commit is there, and none by half.

use std::collections::BTreeMap;

use twinlease::store::LeaseStore;

use crate::disk::{Files, Operation, RecordingDisk, write};
use crate::load::{COMMITS, Everything, Recording, batch, everything, expected, open};

const SECTOR: usize = 512;

/// Subsets of so many unsynced changes are all tried; of more a choice.
const ALL_SUBSETS_OF: usize = 9;

/// A change that no sync has covered yet.
#[derive(Clone, Debug)]
enum Unsynced {
    Created(String, usize),
    Removed(String),
    /// Part of a write, within one sector.
    Written {
        file: usize,
        offset: usize,
        octets: Vec<u8>,
    },
    Length {
        file: usize,
        len: usize,
    },
}

/// A disk that knows what is on stable storage and what is not.
#[derive(Clone, Debug, Default)]
struct Model {
    /// Files by name, as the running program sees them.
    names: BTreeMap<String, usize>,
    stable_names: BTreeMap<String, usize>,
    stable: Vec<Vec<u8>>,
    unsynced: Vec<Unsynced>,
}

impl Model {
    fn take(&mut self, operation: &Operation) {
        match operation {
            Operation::Create(name) => {
                let file = self.stable.len();
                self.stable.push(Vec::new());
                self.names.insert(name.clone(), file);
                self.unsynced.push(Unsynced::Created(name.clone(), file));
            }
            Operation::Write { name, offset, octets } => {
                let (file, mut offset, mut rest) = (self.names[name], *offset, &octets[..]);
                while !rest.is_empty() {
                    let (octets, behind) = rest.split_at(rest.len().min(SECTOR - offset % SECTOR));
                    let octets = octets.to_vec();
                    rest = behind;
                    let next = offset + octets.len();
                    self.unsynced.push(Unsynced::Written { file, offset, octets });
                    offset = next;
                }
            }
            Operation::SetLen { name, len } => {
                self.unsynced.push(Unsynced::Length { file: self.names[name], len: *len });
            }
            Operation::Sync(name) => {
                let synced = self.names[name];
                let (done, left) =
                    std::mem::take(&mut self.unsynced).into_iter().partition(|one| {
                        matches!(one, Unsynced::Written { file, .. } | Unsynced::Length { file, .. }
                        if *file == synced)
                    });
                self.unsynced = left;
                self.make_stable(done);
            }
            Operation::Remove(name) => {
                self.names.remove(name);
                self.unsynced.push(Unsynced::Removed(name.clone()));
            }
            Operation::SyncDirectory => {
                let (done, left) = std::mem::take(&mut self.unsynced)
                    .into_iter()
                    .partition(|one| matches!(one, Unsynced::Created(..) | Unsynced::Removed(_)));
                self.unsynced = left;
                self.make_stable(done);
            }
        }
    }

    fn make_stable(&mut self, changes: Vec<Unsynced>) {
        for change in changes {
            match change {
                Unsynced::Created(name, file) => drop(self.stable_names.insert(name, file)),
                Unsynced::Removed(name) => {
                    if let Some(file) = self.stable_names.remove(&name) {
                        self.stable[file].clear();
                    }
                }
                Unsynced::Written { file, offset, octets } => {
                    write(&mut self.stable[file], offset, &octets);
                }
                Unsynced::Length { file, len } => self.stable[file].resize(len, 0),
            }
        }
    }

    /// What is there after a crash that has kept these of the unsynced changes.
    fn image(&self, kept: impl IntoIterator<Item = Unsynced>) -> Files {
        let mut after = self.clone();
        after.unsynced.clear();
        after.make_stable(kept.into_iter().collect());
        let files = after.stable_names.into_iter();
        files.map(|(name, file)| (name, after.stable[file].clone())).collect()
    }

    /// Images of every subset of what is unsynced, or of many.
    fn subsets(&self, mut each: impl FnMut(Files)) {
        let count = self.unsynced.len();
        let chosen = |mask: u64| {
            let kept = self.unsynced.iter().enumerate();
            kept.filter(move |(place, _)| mask >> place & 1 == 1).map(|(_, one)| one.clone())
        };
        if count <= ALL_SUBSETS_OF {
            (0..1 << count).for_each(|mask| each(self.image(chosen(mask))));
            return;
        }
        assert!(count < 64, "{count} unsynced changes");
        let all = (1_u64 << count) - 1;
        let mut masks = vec![0, all];
        for place in 0..count {
            masks.extend([
                1 << place,
                all ^ 1 << place,
                (1 << place) - 1,
                all ^ ((1 << place) - 1),
            ]);
        }
        let mut seed = count as u64;
        masks.extend((0..256).map(|_| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            seed >> 20 & all
        }));
        masks.sort_unstable();
        masks.dedup();
        for mask in masks {
            each(self.image(chosen(mask)));
        }
    }

    /// Images in which the last write reached the disk up to every one of its octets, with the rest
    /// of the file not there; and up to every eighth with the rest there and zero.
    fn cuts(&self, last: &Operation, mut each: impl FnMut(Files)) {
        let Operation::Write { name, offset, octets } = last else { return };
        let file = self.names[name];
        let others = || {
            self.unsynced.iter().filter(
                |one| !matches!(one, Unsynced::Written { file: other, .. } if *other == file),
            )
        };
        for len in 0..=octets.len() {
            let part = Unsynced::Written { file, offset: *offset, octets: octets[..len].to_vec() };
            let kept = others().cloned().chain([part]);
            each(self.image(kept.clone()));
            if len % 8 == 0 {
                let whole = Unsynced::Length { file, len: offset + octets.len() };
                each(self.image(kept.chain([whole])));
            }
        }
    }
}

/// Opens an image and compares it with what may be there after `acknowledged` commits.
fn check(image: &Files, acknowledged: Option<usize>, expected: &[Everything], goes_on: bool) {
    let disk = RecordingDisk::with(image.clone());
    let shown = || image.iter().map(|(name, octets)| (name, octets.len())).collect::<Vec<_>>();
    let mut journal = open(&disk).unwrap_or_else(|error| panic!("{error}: {:?}", shown()));
    let found = everything(&mut journal).unwrap();
    let least = acknowledged.unwrap_or(0);
    let reached = (least..expected.len()).take(2).find(|number| expected[*number] == found);
    let reached = reached.unwrap_or_else(|| panic!("{acknowledged:?} acknowledged: {:?}", shown()));
    if goes_on {
        // What was recovered is a store like any other.
        let next = reached.min(COMMITS as usize - 1);
        journal.commit(&batch(next as u32)).unwrap();
        journal.verify().unwrap();
        let mut again = open(&RecordingDisk::with(disk.state().files.clone())).unwrap();
        assert_eq!(again.cut(), None);
        assert_eq!(everything(&mut again).unwrap(), everything(&mut journal).unwrap());
    }
}

/// For each moment: the operations up to then, and how many commits had been acknowledged.
fn moments(recording: &Recording) -> Vec<(Model, Operation, Option<usize>)> {
    let mut model = Model::default();
    let log = recording.disk.state().log.clone();
    let moments = log.into_iter().enumerate().map(|(position, operation)| {
        model.take(&operation);
        let acknowledged = recording.acknowledged.iter().rposition(|len| *len <= position + 1);
        (model.clone(), operation, acknowledged)
    });
    moments.collect()
}

#[test]
fn every_subset_of_unsynced_writes_leaves_all_acknowledged_commits_and_none_by_half() {
    let recording = Recording::new();
    assert!(recording.disk.state().log.iter().any(|one| matches!(one, Operation::Remove(_))));
    let expected = expected();
    let mut images = 0;
    for (model, _, acknowledged) in moments(&recording) {
        model.subsets(|image| {
            images += 1;
            check(&image, acknowledged, &expected, images % 8 == 0);
        });
    }
    println!("crash images of subsets of unsynced writes: {images}");
    assert!(images > 500, "{images}");
}

#[test]
fn a_write_cut_at_any_octet_leaves_all_acknowledged_commits_and_none_by_half() {
    let recording = Recording::new();
    let expected = expected();
    let mut images = 0;
    for (model, last, acknowledged) in moments(&recording) {
        model.cuts(&last, |image| {
            images += 1;
            check(&image, acknowledged, &expected, images % 64 == 0);
        });
    }
    println!("crash images of writes cut at an octet: {images}");
    assert!(images > 10_000, "{images}");
}

#[test]
fn what_a_crash_has_left_of_a_batch_is_cut_and_said() {
    let recording = Recording::new();
    let mut files = recording.disk.state().files.clone();
    let (name, octets) = files.last_entry().map(|e| (e.key().clone(), e.get().clone())).unwrap();
    let whole = octets.len();
    files.get_mut(&name).unwrap().extend([b't', b'l', b'b', b'\n', 7]);
    let journal = open(&RecordingDisk::with(files)).unwrap();
    let cut = journal.cut().unwrap();
    assert_eq!(cut.path.file_name().unwrap().to_str(), Some(name.as_str()));
    assert_eq!((cut.offset, cut.octets), (whole as u64, 5));
}
