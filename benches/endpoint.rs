//! One binding from the lease to its acknowledgement.

#![allow(
    missing_docs,
    unreachable_pub,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "criterion generates undocumented items; a benchmark that cannot go on panics"
)]

#[path = "paths/endpoint.rs"]
mod path;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};

use path::{LEASES, Pair};

fn update_to_ack(criterion: &mut Criterion) {
    let mut pair = Pair::normal();
    let addresses = pair.free_addresses();
    let mut group = criterion.benchmark_group("endpoint");
    group.throughput(Throughput::Elements(u64::from(LEASES)));
    group.bench_function("update to ack, both sides", |bencher| {
        bencher.iter(|| pair.lease(&addresses));
    });
    group.finish();
    assert_eq!(pair.unacked(), 0, "every update is answered at the end of its cycle");
}

criterion_group!(benches, update_to_ack);
criterion_main!(benches);
