//! One client's message through the DHCP service: read, decided, answered. Sockets and stable
//! storage are left out.

#![allow(
    missing_docs,
    unreachable_pub,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "criterion generates undocumented items; a benchmark that cannot go on panics"
)]

#[path = "paths/dhcp.rs"]
mod path;

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use twinlease::dhcp::packet::ClientPacket;

use path::{Clients, message};

/// So many that their bindings are not all in the cache.
const CLIENTS: u32 = 60_000;

fn dhcp(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("dhcp");
    group.throughput(Throughput::Elements(1));
    let discover = message(1, 1, &[]);
    group.bench_function("parse", |bencher| {
        bencher.iter(|| ClientPacket::parse(black_box(&discover)).is_ok());
    });
    let mut clients = Clients::served(CLIENTS);
    group.bench_function("discover-offer", |bencher| bencher.iter(|| clients.discover()));
    group.bench_function("request-ack", |bencher| bencher.iter(|| clients.request()));
    group.bench_function("discover-offer-request-ack", |bencher| {
        bencher.iter(|| {
            clients.discover();
            clients.request();
        });
    });
    group.finish();
}

criterion_group!(benches, dhcp);
criterion_main!(benches);
