//! The lease store on a real disk: group commits into a store of a million bindings, and its start.
//!
//! `cargo bench --bench store`; the directory is made below `TMPDIR`.
#![allow(
    clippy::unwrap_used,
    missing_docs,
    unreachable_pub,
    reason = "a measurement stops at the first surprise"
)]

#[path = "paths/store.rs"]
mod path;

use std::hint::black_box;
use std::path::Path;
use std::time::Duration;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use twinlease::store::{Journal, LeaseStore, OwnerId};

use path::{BINDINGS, Order, batch, scattered};

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
