//! A disk that loses, tears, misdirects and refuses.
//!
//! What a crash leaves is what [`Disk`] allows it to leave: content as of the last sync, and of
//! everything later any part, sector by sector.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;
use std::sync::Arc;

use parking_lot::Mutex;

use super::prng::Prng;
use crate::store::Disk;

/// Octets of a sector.
const SECTOR: usize = 512;

/// A handle on a disk; the store has one, the world another.
#[derive(Clone, Debug)]
pub(crate) struct SimDisk(Arc<Mutex<Platter>>);

#[derive(Debug)]
struct Platter {
    files: BTreeMap<String, Content>,
    /// Names as of the last sync of the directory.
    durable_names: BTreeSet<String>,
    /// Files that are gone by name, but not durably so.
    removed: BTreeMap<String, Content>,
    random: Prng,
    faults: Faults,
    /// The power goes after so many operations; later ones do nothing.
    dies_in: Option<u64>,
    dead: bool,
    /// A write went astray, so that damage may be found.
    damaged: bool,
    /// An operation has failed since the last start.
    troubled: bool,
}

/// What will go wrong.
#[derive(Debug, Default)]
struct Faults {
    /// No room is left.
    full: bool,
    /// After so many operations one fails.
    fails_in: Option<u64>,
    /// So many reads fail.
    failing_reads: u64,
    /// The next write ends in the wrong place.
    misdirects: bool,
}

#[derive(Clone, Debug, Default)]
struct Content {
    now: Vec<u8>,
    durable: Vec<u8>,
    /// Since the last sync, in their order.
    writes: Vec<Write>,
}

#[derive(Clone, Debug)]
enum Write {
    At(usize, Vec<u8>),
    Length(usize),
}

impl SimDisk {
    /// An empty disk.
    pub(crate) fn new(random: Prng) -> Self {
        Self(Arc::new(Mutex::new(Platter {
            files: BTreeMap::new(),
            durable_names: BTreeSet::new(),
            removed: BTreeMap::new(),
            random,
            faults: Faults::default(),
            dies_in: None,
            dead: false,
            damaged: false,
            troubled: false,
        })))
    }

    /// Whether there is no room.
    pub(crate) fn set_full(&self, full: bool) {
        self.0.lock().faults.full = full;
    }

    /// One operation fails, after `operations` more.
    pub(crate) fn fail_in(&self, operations: u64) {
        self.0.lock().faults.fails_in = Some(operations);
    }

    /// The next read fails.
    pub(crate) fn fail_reads(&self, reads: u64) {
        self.0.lock().faults.failing_reads = reads;
    }

    /// The next write ends in the wrong place.
    pub(crate) fn misdirect(&self) {
        self.0.lock().faults.misdirects = true;
    }

    /// Whether a write went astray since the disk was empty.
    pub(crate) fn is_damaged(&self) -> bool {
        self.0.lock().damaged
    }

    /// The whole of it was read: nothing that went astray has done harm.
    pub(crate) fn is_sound(&self) {
        let mut platter = self.0.lock();
        platter.damaged = false;
        platter.troubled = false;
    }

    /// Whether an operation may fail at present.
    pub(crate) fn is_troubled(&self) -> bool {
        let platter = self.0.lock();
        platter.faults.full || platter.faults.fails_in.is_some() || platter.troubled
    }

    /// No fault is pending any more.
    pub(crate) fn heal(&self) {
        let mut platter = self.0.lock();
        platter.faults = Faults::default();
        platter.troubled = false;
    }

    /// The process dies within what it is doing, after `operations` more; nothing later has any
    /// effect.
    pub(crate) fn die_in(&self, operations: u64) {
        self.0.lock().dies_in = Some(operations);
    }

    /// The process is dead. What it had written stays in the system's memory, synced or not, unless the
    /// machine loses its power as well.
    pub(crate) fn crash(&self, power: bool) {
        let mut platter = self.0.lock();
        platter.dies_in = None;
        platter.dead = false;
        if power {
            platter.lose_power();
        }
    }
}

impl Content {
    fn apply(octets: &mut Vec<u8>, write: &Write) {
        match write {
            Write::At(offset, data) => {
                let end = offset + data.len();
                if octets.len() < end {
                    octets.resize(end, 0);
                }
                if let Some(place) = octets.get_mut(*offset..end) {
                    place.copy_from_slice(data);
                }
            }
            Write::Length(length) => octets.resize(*length, 0),
        }
    }

    fn write(&mut self, write: Write) {
        Self::apply(&mut self.now, &write);
        self.writes.push(write);
    }

    fn sync(&mut self) {
        for write in std::mem::take(&mut self.writes) {
            Self::apply(&mut self.durable, &write);
        }
    }

    fn crash(&mut self, share: u64, random: &mut Prng) {
        for write in std::mem::take(&mut self.writes) {
            match &write {
                Write::At(offset, data) => {
                    let mut at = *offset;
                    let mut rest = data.as_slice();
                    while !rest.is_empty() {
                        let room = (SECTOR - at % SECTOR).min(rest.len());
                        let (piece, behind) = rest.split_at(room);
                        if random.chance(share) {
                            Self::apply(&mut self.durable, &Write::At(at, piece.to_vec()));
                        }
                        at += room;
                        rest = behind;
                    }
                }
                Write::Length(_) if random.chance(share) => Self::apply(&mut self.durable, &write),
                Write::Length(_) => {}
            }
        }
        self.now.clone_from(&self.durable);
    }
}

fn full() -> io::Error {
    io::ErrorKind::StorageFull.into()
}

fn failed() -> io::Error {
    io::Error::other("the device reports an error")
}

impl Platter {
    /// Of what was not synced any part survives.
    fn lose_power(&mut self) {
        let Self { files, durable_names, removed, random, .. } = self;
        let share = match random.below(3) {
            0 => 0,
            1 => 500,
            _ => 950,
        };
        for (name, content) in std::mem::take(removed) {
            if !random.chance(share) {
                files.entry(name).or_insert(content);
            }
        }
        files.retain(|name, _| durable_names.contains(name) || random.chance(share));
        for content in files.values_mut() {
            content.crash(share, random);
        }
        *durable_names = files.keys().cloned().collect();
    }

    /// Counts one operation; whether it takes place.
    fn operate(&mut self) -> io::Result<()> {
        if let Some(left) = &mut self.dies_in {
            self.dead |= *left == 0;
            *left = left.saturating_sub(1);
        }
        if self.dead {
            return Err(failed());
        }
        match &mut self.faults.fails_in {
            Some(0) => {
                self.faults.fails_in = None;
                self.troubled = true;
                Err(failed())
            }
            Some(left) => {
                *left -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn file(&mut self, name: &str) -> io::Result<&mut Content> {
        self.files.get_mut(name).ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

impl Disk for SimDisk {
    fn directory(&self) -> &Path {
        Path::new("simulated")
    }

    fn list(&mut self) -> io::Result<Vec<String>> {
        Ok(self.0.lock().files.keys().cloned().collect())
    }

    fn length(&mut self, name: &str) -> io::Result<u64> {
        Ok(self.0.lock().file(name)?.now.len() as u64)
    }

    fn create(&mut self, name: &str) -> io::Result<()> {
        let mut platter = self.0.lock();
        platter.operate()?;
        if platter.faults.full {
            return Err(full());
        }
        if let Some(content) = platter.files.get_mut(name) {
            content.write(Write::Length(0));
        } else {
            platter.files.insert(name.to_owned(), Content::default());
        }
        Ok(())
    }

    fn read_at(&mut self, name: &str, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        let mut platter = self.0.lock();
        if platter.faults.failing_reads > 0 {
            platter.faults.failing_reads -= 1;
            platter.troubled = true;
            return Err(failed());
        }
        let octets = &platter.file(name)?.now;
        let offset = usize::try_from(offset).unwrap_or(usize::MAX);
        let there = octets.get(offset..).unwrap_or_default();
        let count = there.len().min(into.len());
        if let (Some(to), Some(from)) = (into.get_mut(..count), there.get(..count)) {
            to.copy_from_slice(from);
        }
        Ok(count)
    }

    fn write_at(&mut self, name: &str, offset: u64, octets: &[u8]) -> io::Result<()> {
        let mut platter = self.0.lock();
        let mut offset = usize::try_from(offset).map_err(|_| full())?;
        let outcome = platter.operate();
        if platter.dead {
            return outcome;
        }
        let is_full = platter.faults.full;
        let part = platter.random.below(octets.len() as u64 + 1);
        let part = usize::try_from(part).unwrap_or(0);
        if std::mem::take(&mut platter.faults.misdirects) && offset > 0 {
            let sectors = (offset / SECTOR) as u64;
            offset = usize::try_from(platter.random.below(sectors + 1)).unwrap_or(0) * SECTOR;
            platter.damaged = true;
        }
        let content = platter.file(name)?;
        if outcome.is_err() || is_full {
            // Of a write that fails any part may have been done.
            let done = octets.get(..part).unwrap_or_default().to_vec();
            let room = content.now.len().saturating_sub(offset);
            let done = if is_full {
                done.get(..room.min(part)).unwrap_or_default().to_vec()
            } else {
                done
            };
            content.write(Write::At(offset, done));
            return outcome.and(Err(full()));
        }
        content.write(Write::At(offset, octets.to_vec()));
        Ok(())
    }

    fn set_len(&mut self, name: &str, len: u64) -> io::Result<()> {
        let mut platter = self.0.lock();
        platter.operate()?;
        let len = usize::try_from(len).map_err(|_| full())?;
        if platter.faults.full && len > platter.file(name)?.now.len() {
            return Err(full());
        }
        platter.file(name)?.write(Write::Length(len));
        Ok(())
    }

    fn sync(&mut self, name: &str) -> io::Result<()> {
        let mut platter = self.0.lock();
        if let Err(error) = platter.operate() {
            // A sync that fails has done any part of its work.
            if !platter.dead {
                let Platter { files, random, .. } = &mut *platter;
                if let Some(content) = files.get_mut(name) {
                    let (now, writes) = (content.now.clone(), content.writes.clone());
                    content.crash(500, random);
                    (content.now, content.writes) = (now, writes);
                }
            }
            return Err(error);
        }
        platter.file(name)?.sync();
        Ok(())
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        let mut platter = self.0.lock();
        platter.operate()?;
        let content = platter.files.remove(name);
        let content = content.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
        if platter.durable_names.contains(name) {
            platter.removed.insert(name.to_owned(), content);
        }
        Ok(())
    }

    fn sync_directory(&mut self) -> io::Result<()> {
        let mut platter = self.0.lock();
        platter.operate()?;
        platter.durable_names = platter.files.keys().cloned().collect();
        platter.removed.clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn disk_with_a_file() -> SimDisk {
        let mut disk = SimDisk::new(Prng::new(1, 1));
        disk.create("a").unwrap();
        disk.write_at("a", 0, &[1; 2000]).unwrap();
        disk.sync("a").unwrap();
        disk.sync_directory().unwrap();
        disk
    }

    fn content(disk: &mut SimDisk) -> Vec<u8> {
        let mut octets = vec![0; 10_000];
        let count = disk.read_at("a", 0, &mut octets).unwrap();
        octets.truncate(count);
        octets
    }

    #[test]
    fn what_was_synced_survives_every_crash() {
        for _ in 0..100 {
            let mut disk = disk_with_a_file();
            disk.crash(true);
            assert_eq!(content(&mut disk), [1; 2000]);
        }
    }

    #[test]
    fn a_write_without_sync_may_be_torn_between_sectors_and_nowhere_else() {
        let mut disk = disk_with_a_file();
        let mut torn = 0;
        for _ in 0..100 {
            disk.write_at("a", 0, &[2; 2000]).unwrap();
            disk.crash(true);
            let octets = content(&mut disk);
            assert!(octets.chunks(SECTOR).all(|sector| sector.windows(2).all(|w| w[0] == w[1])));
            torn += u32::from(octets.contains(&1) && octets.contains(&2));
            disk.write_at("a", 0, &[1; 2000]).unwrap();
            disk.sync("a").unwrap();
        }
        assert!(torn > 0);
    }

    #[test]
    fn a_process_that_dies_leaves_what_it_had_written() {
        let mut disk = disk_with_a_file();
        disk.write_at("a", 0, &[2; 2000]).unwrap();
        disk.crash(false);
        assert_eq!(content(&mut disk), [2; 2000]);
    }

    #[test]
    fn what_a_dead_process_had_not_synced_goes_with_the_power() {
        let (mut disk, mut lost) = (disk_with_a_file(), 0);
        for _ in 0..50 {
            disk.write_at("a", 0, &[2; 100]).unwrap();
            disk.crash(false);
            disk.crash(true);
            lost += u32::from(content(&mut disk) == [1; 2000]);
            disk.write_at("a", 0, &[1; 100]).unwrap();
            disk.sync("a").unwrap();
        }
        assert!(lost > 0);
    }

    #[test]
    fn nothing_has_an_effect_after_death() {
        let mut disk = disk_with_a_file();
        disk.die_in(1);
        disk.write_at("a", 0, &[2; 10]).unwrap();
        assert!(disk.write_at("a", 10, &[3; 10]).is_err());
        assert!(disk.sync("a").is_err());
        disk.crash(false);
        assert_eq!(content(&mut disk)[..12], [2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1]);
    }

    #[test]
    fn a_name_without_sync_of_the_directory_may_be_gone() {
        let mut gone = 0;
        for seed in 0..50 {
            let mut disk = SimDisk::new(Prng::new(seed, 1));
            disk.create("a").unwrap();
            disk.sync("a").unwrap();
            disk.crash(true);
            gone += u32::from(disk.list().unwrap().is_empty());
        }
        assert!(gone > 0 && gone < 50);
    }

    #[test]
    fn a_full_disk_says_so_and_takes_what_has_its_room_already() {
        let mut disk = disk_with_a_file();
        disk.set_full(true);
        let error = disk.write_at("a", 2000, &[2; 10]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        assert_eq!(content(&mut disk).len(), 2000);
    }
}
