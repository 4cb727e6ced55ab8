//! The load balancing decision: for one client, and for several at once.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::indexing_slicing,
    reason = "criterion's macros generate items without; a benchmark stops at the first surprise"
)]

#[path = "paths/hash.rs"]
mod path;

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use twinlease::balance::{HashBuckets, hash, hash_each};

use path::{KEY_OCTETS, TOGETHER, keys};

fn decision(criterion: &mut Criterion) {
    let keys = keys();
    let buckets = HashBuckets::half();
    let mut group = criterion.benchmark_group("balance");
    group.throughput(Throughput::Elements(1));
    // A key that depends on the bucket before it: the processor cannot begin the next one early.
    let mut key = keys[0];
    group.bench_function("hash of 16 octets, one after the other", |bencher| {
        bencher.iter(|| key[KEY_OCTETS - 1] = hash(black_box(&key)));
    });
    group.bench_function("server of a client", |bencher| {
        bencher.iter(|| buckets.role_for(black_box(&keys[0])));
    });
    group.throughput(Throughput::Elements(TOGETHER as u64));
    group.bench_function("hash of 16 octets, eight at once", |bencher| {
        let keys = keys.each_ref().map(<[u8; KEY_OCTETS]>::as_slice);
        bencher.iter(|| hash_each(black_box(keys)));
    });
    group.finish();
}

criterion_group!(benches, decision);
criterion_main!(benches);
