//! The binding table at a million addresses, and an update of it from a thousand to ten million.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::expect_used,
    reason = "criterion's macros generate items without; a benchmark stops at the first surprise"
)]

#[path = "paths/table.rs"]
mod path;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use twinlease::binding::Binding;
use twinlease::time::UnixTime;
use twinlease::wire::BindingStatus;

use path::{address, lease, leased_table, scattered};

const MILLION: u32 = 1_000_000;

fn table(criterion: &mut Criterion) {
    let mut table = leased_table(MILLION);
    let mut step = 0;
    let mut next = move || {
        step = (step + 1) % MILLION;
        scattered(step, MILLION)
    };
    let mut group = criterion.benchmark_group("table of a million");
    group.throughput(Throughput::Elements(1));
    group.bench_function("get", |bencher| bencher.iter(|| table.get(address(next()))));
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

/// A renewal by size of the table: its client is looked up, and the binding replaced.
fn sizes(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("update by size");
    group.throughput(Throughput::Elements(1));
    for size in [1_000, 10_000, 100_000, MILLION, 10 * MILLION] {
        let mut table = leased_table(size);
        let (mut step, mut end) = (0, 1_700_003_600);
        group.bench_function(BenchmarkId::new("renewal", size), |bencher| {
            bencher.iter(|| {
                step = (step + 1) % size;
                end += 1;
                let renewed = lease(scattered(step, size), UnixTime(end));
                let client = renewed.client.as_ref().expect("it is leased");
                let address = table.of_client(&client.as_ref()).next().expect("it has one");
                assert_eq!(address, renewed.address, "each client has one address");
                table.put(&renewed).expect("the address is in the range");
            });
        });
    }
    group.finish();
}

criterion_group!(benches, table, sizes);
criterion_main!(benches);
