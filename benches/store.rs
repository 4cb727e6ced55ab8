//! The lease store on a real disk: group commits into a store of a million bindings, and its start.
//!
//! `cargo bench --bench store`; the directory is made below `TMPDIR`.
#![allow(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    missing_docs,
    reason = "a measurement stops at the first surprise"
)]

use std::hint::black_box;
use std::net::Ipv4Addr;
use std::path::Path;
use std::time::Duration;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use twinlease::binding::{Binding, Client, ClientIdentifier, HardwareAddress};
use twinlease::durable::Change;
use twinlease::store::{Journal, LeaseStore, OwnerId};
use twinlease::time::UnixTime;
use twinlease::wire::codes::BindingStatus;

const BINDINGS: u32 = 1_000_000;
const FIRST: u32 = 0x0a00_0000;

/// An active binding of an ordinary client; about 50 octets as a record.
fn binding(offset: u32, time: u32) -> Binding {
    let [a, b, c, d] = offset.to_be_bytes();
    let hardware = [0, 12, a, b, c, d];
    Binding {
        binding_status: BindingStatus::Active,
        client: Some(Client {
            identifier: ClientIdentifier::new(&[&[1], hardware.as_slice()].concat()),
            hardware: HardwareAddress::new(1, &hardware),
        }),
        lease_expiration: UnixTime(1_700_000_000 + time),
        start_of_status: UnixTime(1_700_000_000),
        ..Binding::unused(Ipv4Addr::from_bits(FIRST + offset))
    }
}

/// Which address the n-th change is of.
type Order = fn(u32) -> u32;

/// The same sequence of offsets in every run.
fn scattered(step: u32) -> u32 {
    (u64::from(step) * 2_654_435_761 % u64::from(BINDINGS)) as u32
}

fn batch(owner: OwnerId, size: u32, round: u32, offset: Order) -> Vec<(OwnerId, Change)> {
    let first = round.wrapping_mul(size) % BINDINGS;
    (first..first + size)
        .map(|step| (owner, Change::Binding(binding(offset(step % BINDINGS), round))))
        .collect()
}

/// A store with a million bindings.
fn filled(directory: &Path) -> (Journal, OwnerId) {
    let mut store = Journal::open(directory).unwrap();
    let (owner, _) = store.open_owner("bench").unwrap();
    for round in 0..BINDINGS / 10_000 {
        store.commit(&batch(owner, 10_000, round, |step| step)).unwrap();
    }
    (store, owner)
}

fn commits(c: &mut Criterion) {
    let directory = tempfile::tempdir().unwrap();
    let (mut store, owner) = filled(directory.path());
    let mut group = c.benchmark_group("store/commit");
    group.sample_size(20).measurement_time(Duration::from_secs(4));
    let mut round = 0;
    let orders: [(&str, Order); 2] = [("in-order", |step| step), ("scattered", scattered)];
    for (order, offset) in orders {
        for size in [1, 100, 2000] {
            group.throughput(Throughput::Elements(u64::from(size)));
            group.bench_function(format!("{order}/{size}"), |bencher| {
                bencher.iter_batched(
                    || {
                        round += 1;
                        batch(owner, size, round, offset)
                    },
                    |batch| store.commit(&batch).unwrap(),
                    BatchSize::PerIteration,
                );
            });
        }
    }
    group.finish();
}

fn starts(c: &mut Criterion) {
    let directory = tempfile::tempdir().unwrap();
    drop(filled(directory.path()));
    let crashed = tempfile::tempdir().unwrap();
    let (store, _) = filled(crashed.path());
    std::mem::forget(store);
    let mut group = c.benchmark_group("store/start");
    group.sample_size(10).throughput(Throughput::Elements(u64::from(BINDINGS)));
    group.bench_function("after-clean-stop", |bencher| {
        bencher.iter(|| {
            let mut store = Journal::open(directory.path()).unwrap();
            black_box(store.open_owner("bench").unwrap());
        });
    });
    group.bench_function("after-kill", |bencher| {
        bencher.iter_batched(
            || {
                let copy = tempfile::tempdir().unwrap();
                for file in std::fs::read_dir(crashed.path()).unwrap() {
                    let file = file.unwrap();
                    std::fs::copy(file.path(), copy.path().join(file.file_name())).unwrap();
                }
                copy
            },
            |copy| {
                let mut store = Journal::open(copy.path()).unwrap();
                black_box(store.open_owner("bench").unwrap());
                std::mem::forget(store);
                copy
            },
            BatchSize::PerIteration,
        );
    });
    group.bench_function("verify", |bencher| {
        let mut store = Journal::open(directory.path()).unwrap();
        bencher.iter(|| black_box(store.verify().unwrap()));
    });
    group.finish();
}

criterion_group!(benches, commits, starts);
criterion_main!(benches);
