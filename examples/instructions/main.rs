//! What `tests/instructions` counts: one path, so many times, in a function of its own.
//!
//! `instructions PATH` prepares the path, goes it a few times, then goes it in [`measured`] and prints
//! how often. Without an argument it goes every path once.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a measurement stops at the first surprise"
)]

#[path = "../../benches/paths/codec.rs"]
mod codec;
#[path = "../../benches/paths/dhcp.rs"]
mod dhcp;
#[path = "../../benches/paths/endpoint.rs"]
mod endpoint;
#[path = "../../benches/paths/hash.rs"]
mod hash;
#[path = "../../benches/paths/store.rs"]
mod store;
#[path = "../../benches/paths/table.rs"]
mod table;

use std::hint::black_box;

use twinlease::balance::hash as bucket;
use twinlease::balance::hash_each;
use twinlease::dhcp::packet::ClientPacket;
use twinlease::store::{Journal, LeaseStore};
use twinlease::time::UnixTime;
use twinlease::wire::Deframer;

/// Goes its path as often as told before it counts, and while it counts.
type Path = fn(times: u32);

/// Every path with the number of times that it is gone.
const PATHS: [(&str, Path, u32); 14] = [
    ("decode-bndupd", decode, 1000),
    ("decode-stream-of-100-bndupd", decode_stream, 10),
    ("encode-bndupd", encode, 1000),
    ("hash-single", hash_single, 1000),
    ("hash-eight-at-once", hash_together, 1000),
    ("update-to-ack-of-64", update_to_ack, 20),
    ("table-get", table_get, 1000),
    ("table-of-client", table_of_client, 1000),
    ("table-put", table_put, 1000),
    ("store-commit-of-100", store_commit, 20),
    ("dhcp-parse", dhcp_parse, 1000),
    ("dhcp-discover", dhcp_discover, 1000),
    ("dhcp-request", dhcp_request, 1000),
    ("dhcp-exchange", dhcp_exchange, 1000),
];

/// Bindings and clients: few enough to be prepared at the speed of an emulator.
const SIZE: u32 = 4_000;

fn main() {
    let name = std::env::args().nth(1).filter(|argument| !argument.starts_with('-'));
    for (path, go, times) in PATHS {
        if name.is_none() {
            go(1);
        } else if name.as_deref() == Some(path) {
            go(times);
            println!("{times}");
        }
    }
}

/// Goes the path, a tenth of the times before counting begins: what is made once is there by then.
fn count(times: u32, mut path: impl FnMut()) {
    for _ in 0..times.div_ceil(10) {
        path();
    }
    measured(times, path);
}

/// What happens in here is counted, and nothing else.
#[inline(never)]
fn measured(times: u32, mut path: impl FnMut()) {
    for _ in 0..times {
        path();
    }
}

fn decode(times: u32) {
    let octets = codec::message(1);
    count(times, || codec::read(&octets));
}

fn decode_stream(times: u32) {
    let stream = codec::message(1).repeat(100);
    let mut deframer = Deframer::new();
    count(times, || codec::read_stream(&mut deframer, &stream));
}

fn encode(times: u32) {
    let updates = [codec::update()];
    let mut octets = Vec::new();
    count(times, || codec::write(&updates, &mut octets));
}

fn hash_single(times: u32) {
    let [key, ..] = hash::keys();
    count(times, || _ = black_box(bucket(black_box(&key))));
}

fn hash_together(times: u32) {
    let keys = hash::keys();
    let keys: [&[u8]; hash::TOGETHER] = std::array::from_fn(|client| &keys[client][..]);
    count(times, || _ = black_box(hash_each(black_box(keys))));
}

fn update_to_ack(times: u32) {
    let mut pair = endpoint::Pair::normal();
    let addresses = pair.free_addresses();
    count(times, || pair.lease(&addresses));
    assert_eq!(pair.unacked(), 0, "every update is answered");
}

/// Numbers below the size in a scattered order.
fn serials() -> impl FnMut() -> u32 {
    let mut step = 0;
    move || {
        step += 1;
        table::scattered(step, SIZE)
    }
}

fn table_get(times: u32) {
    let table = table::leased_table(SIZE);
    let mut next = serials();
    count(times, || _ = black_box(table.get(table::address(next()))));
}

fn table_of_client(times: u32) {
    let table = table::leased_table(SIZE);
    let client = table::lease(7, UnixTime::ABSENT).client.expect("it is leased");
    count(times, || _ = black_box(table.of_client(&client.as_ref()).count()));
}

fn table_put(times: u32) {
    let mut table = table::leased_table(SIZE);
    let mut next = serials();
    let mut end = 1_700_003_600;
    count(times, || {
        end += 1;
        table.put(&table::lease(next(), UnixTime(end))).expect("the address is in the range");
    });
}

fn store_commit(times: u32) {
    let directory = tempfile::tempdir().unwrap();
    let mut store = Journal::open(directory.path()).unwrap();
    let (owner, _) = store.open_owner("instructions").unwrap();
    let orders: [store::Order; 2] = [|step| step, store::scattered];
    let batches = orders.map(|order| store::batch(owner, 100, 0, order));
    let mut turn = 0;
    count(times, || {
        turn = 1 - turn;
        store.commit(&batches[turn]).unwrap();
    });
}

fn dhcp_parse(times: u32) {
    let discover = dhcp::message(1, 1, &[]);
    count(times, || _ = black_box(ClientPacket::parse(black_box(&discover)).is_ok()));
}

fn dhcp_discover(times: u32) {
    let mut clients = dhcp::Clients::served(SIZE);
    count(times, || clients.discover());
}

fn dhcp_request(times: u32) {
    let mut clients = dhcp::Clients::served(SIZE);
    count(times, || clients.request());
}

fn dhcp_exchange(times: u32) {
    let mut clients = dhcp::Clients::served(SIZE);
    count(times, || {
        clients.discover();
        clients.request();
    });
}
