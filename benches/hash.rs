//! The load balancing decision, and the binding table at a million addresses.
#![allow(
    missing_docs,
    clippy::expect_used,
    reason = "criterion's macros generate items without; a benchmark stops at the first surprise"
)]

use std::hint::black_box;
use std::net::Ipv4Addr;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use twinlease::balance::{HashBuckets, hash};
use twinlease::binding::table::BindingTable;
use twinlease::binding::{AddressRange, Binding, Client, ClientIdentifier, HardwareAddress};
use twinlease::time::UnixTime;
use twinlease::wire::BindingStatus;

/// An identifier of 17 octets: each costs a look-up that waits for the one before.
const KEY: [u8; 17] = *b"\xff\x00\x00\x00\x01\x00\x01\x00\x01\x12\x34\x56\x78\x99\xaa\xbb\xcc";

const MILLION: u32 = 1_000_000;

fn decision(criterion: &mut Criterion) {
    let buckets = HashBuckets::half();
    let mut group = criterion.benchmark_group("balance");
    group.throughput(Throughput::Elements(1));
    group.bench_function("hash of 17 octets", |bencher| {
        bencher.iter(|| hash(black_box(&KEY)));
    });
    group.bench_function("server of a client", |bencher| {
        bencher.iter(|| buckets.role_for(black_box(&KEY)));
    });
    group.finish();
}

/// Binding number `serial` of the range, leased to a client of its own.
fn lease(serial: u32, lease_expiration: UnixTime) -> Binding {
    let [_, top, high, low] = serial.to_be_bytes();
    let identifier = [1, 2, 0, 0, top, high, low];
    Binding {
        binding_status: BindingStatus::Active,
        client: Some(Client {
            identifier: ClientIdentifier::new(&identifier),
            hardware: HardwareAddress::new(1, &[2, 0, 0, top, high, low]),
        }),
        lease_expiration,
        ..Binding::unused(Ipv4Addr::from_bits(0x0a00_0000 + serial))
    }
}

/// A million leases whose ends are spread over an hour.
fn leased_table() -> BindingTable {
    let (first, last) = (Ipv4Addr::new(10, 0, 0, 0), Ipv4Addr::new(10, 15, 66, 63));
    let range = AddressRange::new(first, last).expect("the range is in order");
    let mut table = BindingTable::new(&[range], 1).expect("a million addresses fit");
    for serial in 0..MILLION {
        let end = UnixTime(1_700_000_000 + scattered(serial) % 3600);
        table.put(&lease(serial, end)).expect("the address is in the range");
    }
    table
}

/// Visits all numbers below a million without any order that a cache could use.
fn scattered(step: u32) -> u32 {
    u32::try_from(u64::from(step) * 611_953 % u64::from(MILLION)).expect("it is below a million")
}

fn table(criterion: &mut Criterion) {
    let mut table = leased_table();
    let mut step = 0;
    let mut next = move || {
        step = (step + 1) % MILLION;
        scattered(step)
    };
    let mut group = criterion.benchmark_group("table of a million");
    group.throughput(Throughput::Elements(1));
    group.bench_function("get", |bencher| {
        bencher.iter(|| table.get(Ipv4Addr::from_bits(0x0a00_0000 + next())));
    });
    group.bench_function("of_client", |bencher| {
        bencher.iter(|| {
            let client = lease(next(), UnixTime::ABSENT).client.expect("it is leased");
            table.of_client(&client.as_ref()).count()
        });
    });
    let mut end = 1_700_003_600;
    group.bench_function("put of a renewal", |bencher| {
        bencher.iter(|| {
            end += 1;
            table.put(&lease(next(), UnixTime(end))).expect("the address is in the range");
        });
    });
    group.bench_function("put of a release and a new lease", |bencher| {
        bencher.iter(|| {
            let serial = next();
            end += 1;
            let leased = lease(serial, UnixTime(end));
            let free = Binding { binding_status: BindingStatus::Free, ..leased.clone() };
            table.put(&free).expect("the address is in the range");
            table.put(&leased).expect("the address is in the range");
        });
    });
    group.finish();
}

criterion_group!(benches, decision, table);
criterion_main!(benches);
