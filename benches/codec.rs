//! Decoding and encoding of one binding update, as dhcpd sends it.
#![allow(
    missing_docs,
    clippy::expect_used,
    reason = "criterion's macros generate items without; a benchmark stops at the first surprise"
)]

use std::hint::black_box;
use std::net::Ipv4Addr;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use twinlease::time::UnixTime;
use twinlease::wire::{BindingUpdate, BndUpd, Deframer, Dialect, Frame, Message, Xid};

const TIME: UnixTime = UnixTime(1_700_000_000);

/// An ACTIVE binding with everything that dhcpd sends for it.
fn update() -> BindingUpdate<'static> {
    BindingUpdate {
        address: Ipv4Addr::new(10, 20, 0, 57),
        binding_status: Some(2),
        client_identifier: Some(&[1, 2, 0, 0x5e, 0x10, 0, 1]),
        client_hardware_address: Some(&[1, 2, 0, 0x5e, 0x10, 0, 1]),
        lease_expiration: Some(UnixTime(1_700_001_800)),
        potential_expiration: Some(UnixTime(1_700_044_100)),
        start_of_status: Some(TIME),
        client_last_transaction: Some(TIME),
        ..BindingUpdate::default()
    }
}

/// One message with `count` updates.
fn message(count: usize) -> Vec<u8> {
    let updates = vec![update(); count];
    let mut octets = Vec::new();
    let message = Message::BndUpd(BndUpd::of(&updates));
    message.encode(TIME, Xid(8), Dialect::Draft12, &mut octets).expect("the message fits");
    octets
}

fn decode(c: &mut Criterion) {
    let mut group = c.benchmark_group("decode");
    for count in [1, 20] {
        let octets = message(count);
        group.throughput(Throughput::Elements(count as u64));
        group.bench_function(format!("bndupd of {count}"), |b| {
            b.iter(|| {
                let frame = Frame::parse(black_box(&octets)).expect("a frame");
                let message = Message::decode(&frame, Dialect::Isc).expect("a message");
                if let Message::BndUpd(bndupd) = message {
                    bndupd.updates().for_each(|update| _ = black_box(update));
                }
            });
        });
    }
    let stream = message(1).repeat(100);
    group.throughput(Throughput::Elements(100));
    group.bench_function("stream of 100 bndupd", |b| {
        let mut deframer = Deframer::new();
        b.iter(|| {
            deframer.push(black_box(&stream));
            while let Some(frame) = deframer.next_frame().expect("a frame") {
                let message = Message::decode(&frame, Dialect::Isc).expect("a message");
                if let Message::BndUpd(bndupd) = message {
                    bndupd.updates().for_each(|update| _ = black_box(update));
                }
            }
        });
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
            b.iter(|| {
                octets.clear();
                let message = Message::BndUpd(BndUpd::of(black_box(&updates)));
                message.encode(TIME, Xid(8), Dialect::Draft12, &mut octets).expect("it fits");
                black_box(&octets);
            });
        });
    }
    group.finish();
}

criterion_group!(benches, decode, encode);
criterion_main!(benches);
