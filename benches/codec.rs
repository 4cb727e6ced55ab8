//! Decoding and encoding of one binding update, as dhcpd sends it.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::expect_used,
    reason = "criterion's macros generate items without; a benchmark stops at the first surprise"
)]

#[path = "paths/codec.rs"]
mod path;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use twinlease::wire::Deframer;

use path::{message, read, read_stream, update, write};

fn decode(c: &mut Criterion) {
    let mut group = c.benchmark_group("decode");
    for count in [1, 20] {
        let octets = message(count);
        group.throughput(Throughput::Elements(count as u64));
        group.bench_function(format!("bndupd of {count}"), |b| b.iter(|| read(&octets)));
    }
    let stream = message(1).repeat(100);
    group.throughput(Throughput::Elements(100));
    group.bench_function("stream of 100 bndupd", |b| {
        let mut deframer = Deframer::new();
        b.iter(|| read_stream(&mut deframer, &stream));
    });
    group.finish();
}

fn encode(c: &mut Criterion) {
    let mut group = c.benchmark_group("encode");
    for count in [1, 20] {
        let updates = vec![update(); count];
        let mut octets = Vec::with_capacity(2048);
        group.throughput(Throughput::Elements(count as u64));
        group.bench_function(format!("bndupd of {count}"), |b| {
            b.iter(|| write(&updates, &mut octets));
        });
    }
    group.finish();
}

criterion_group!(benches, decode, encode);
criterion_main!(benches);
