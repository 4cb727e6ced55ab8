//! A journal whose files were damaged is refused, or holds nothing that was not written. Where
//! only what was not synced is lost, it holds every commit.
#![no_main]

use std::collections::BTreeMap;
use std::io;
use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::{Arc, Mutex};

use libfuzzer_sys::fuzz_target;
use twinlease::binding::{Binding, Client, HardwareAddress};
use twinlease::durable::{Change, Recovered};
use twinlease::store::{Disk, Journal, LeaseStore, MemoryStore, OwnerId};
use twinlease::time::UnixTime;
use twinlease::wire::BindingStatus;

/// Small, so that few commits fill several.
const SEGMENT_OCTETS: u32 = 2048;
const FIRST: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 0);

/// Files as they are, and as they were when they were synced last.
#[derive(Clone, Debug, Default)]
struct Files(BTreeMap<String, (Vec<u8>, Vec<u8>)>);

#[derive(Clone, Debug, Default)]
struct Shared(Arc<Mutex<Files>>);

impl Shared {
    fn with<T>(&self, name: &str, act: impl FnOnce(&mut (Vec<u8>, Vec<u8>)) -> T) -> io::Result<T> {
        let mut files = self.0.lock().expect("one thread");
        files.0.get_mut(name).map(act).ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

impl Disk for Shared {
    fn directory(&self) -> &Path {
        Path::new("memory")
    }

    fn list(&mut self) -> io::Result<Vec<String>> {
        Ok(self.0.lock().expect("one thread").0.keys().cloned().collect())
    }

    fn length(&mut self, name: &str) -> io::Result<u64> {
        self.with(name, |(now, _)| now.len() as u64)
    }

    fn create(&mut self, name: &str) -> io::Result<()> {
        self.0.lock().expect("one thread").0.insert(name.to_owned(), Default::default());
        Ok(())
    }

    fn read_at(&mut self, name: &str, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        self.with(name, |(now, _)| {
            let rest = now.get(offset as usize..).unwrap_or_default();
            let count = rest.len().min(into.len());
            into[..count].copy_from_slice(&rest[..count]);
            count
        })
    }

    fn write_at(&mut self, name: &str, offset: u64, octets: &[u8]) -> io::Result<()> {
        self.with(name, |(now, _)| {
            let end = offset as usize + octets.len();
            now.resize(now.len().max(end), 0);
            now[offset as usize..end].copy_from_slice(octets);
        })
    }

    fn set_len(&mut self, name: &str, len: u64) -> io::Result<()> {
        self.with(name, |(now, _)| now.resize(len as usize, 0))
    }

    fn sync(&mut self, name: &str) -> io::Result<()> {
        self.with(name, |(now, synced)| synced.clone_from(now))
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        self.0.lock().expect("one thread").0.remove(name);
        Ok(())
    }

    fn sync_directory(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn binding(number: u8, version: u32) -> Binding {
    let client =
        Client { hardware: HardwareAddress::new(1, &[2, 0, 0, 0, 0, number]), identifier: None };
    Binding {
        binding_status: BindingStatus::Active,
        client: Some(client),
        lease_expiration: UnixTime(version),
        ..Binding::unused(Ipv4Addr::from_bits(FIRST.to_bits() + u32::from(number)))
    }
}

fn open(disk: &Shared) -> Option<(Journal, OwnerId, Recovered)> {
    let mut journal = Journal::on(Box::new(disk.clone()), SEGMENT_OCTETS).ok()?;
    let (owner, recovered) = journal.open_owner("pair").ok()?;
    Some((journal, owner, recovered))
}

fuzz_target!(|input: &[u8]| {
    let (&[kind, count], rest) = input.split_first_chunk().unwrap_or((&[0; 2], &[]));
    let (commits, damage) = rest.split_at(usize::from(count).min(rest.len()));
    let disk = Shared::default();
    let (mut journal, owner, _) = open(&disk).expect("a new journal");
    let mut twin = MemoryStore::new();
    twin.open_owner("pair").expect("an owner");
    for (version, commit) in (1..).zip(commits) {
        let batch: Vec<_> = (0..=commit % 8)
            .map(|more| (owner, Change::Binding(binding(commit / 8 + more, version))))
            .collect();
        journal.commit(&batch).expect("a sound disk");
        twin.commit(&batch).expect("memory");
    }
    drop(journal);
    let (_, expected) = twin.open_owner("pair").expect("an owner");
    let mut files = disk.0.lock().expect("one thread");
    if kind % 2 == 0 {
        // The machine lost its power.
        for (now, synced) in files.0.values_mut() {
            now.clone_from(synced);
        }
        drop(files);
        let (_, _, recovered) = open(&disk).expect("what was synced is whole");
        assert_eq!(recovered, expected);
        return;
    }
    let names = files.0.len();
    for change in damage.chunks_exact(4) {
        let [file, high, low, octet] = change else { continue };
        let Some((now, _)) = files.0.values_mut().nth(usize::from(*file) % names) else { continue };
        let place = usize::from(u16::from_be_bytes([*high, *low])) % now.len().max(1);
        match octet {
            0 => now.truncate(place),
            octet => now.iter_mut().nth(place).into_iter().for_each(|found| *found ^= octet),
        }
    }
    drop(files);
    let Some((_, _, recovered)) = open(&disk) else { return };
    for found in &recovered.bindings {
        let number = found.address.octets()[3];
        let version = found.lease_expiration.0;
        let written = version as usize <= commits.len() && *found == binding(number, version);
        assert!(written, "never written: {found:?}");
    }
});
