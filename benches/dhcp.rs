//! One client's message through the DHCP service: read, decided, answered. Sockets and stable
//! storage are left out.

#![allow(
    missing_docs,
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "criterion generates undocumented items; a benchmark that cannot go on panics"
)]

use std::hint::black_box;
use std::net::{Ipv4Addr, SocketAddrV4};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};

use twinlease::binding::AddressRange;
use twinlease::binding::table::RangeId;
use twinlease::dhcp::packet::ClientPacket;
use twinlease::dhcp::{
    Arrival, DhcpConfig, DhcpService, Ipv4Network, OptionCode, Owners, PoolConfig, SubnetConfig,
};
use twinlease::durable::Recovered;
use twinlease::endpoint::{Alone, LeaseAuthority, Output};
use twinlease::time::{Instant, Now, UnixTime};

const SERVER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
const RELAY: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 3);
const FIRST: Ipv4Addr = Ipv4Addr::new(10, 1, 0, 0);
/// Clients that come round in turn, so that their bindings are not all in the cache.
const CLIENTS: u32 = 60_000;
const NOW: Now = Now { monotonic: Instant::from_micros(0), wall: UnixTime(1_700_000_000) };

struct Single(Alone);

impl Owners for Single {
    fn owner(&mut self, index: usize) -> Option<&mut dyn LeaseAuthority> {
        (index == 0).then_some(&mut self.0)
    }
}

fn service() -> (DhcpService, Single) {
    let last = Ipv4Addr::from_bits(FIRST.to_bits() + CLIENTS - 1);
    let range = AddressRange::new(FIRST, last).expect("ascending");
    let alone = Alone::new(&[range], &[], 1, &Recovered::default(), NOW).expect("a right range");
    let options = [
        (OptionCode(3), RELAY.octets().to_vec()),
        (OptionCode(6), SERVER.octets().to_vec()),
        (OptionCode(15), b"example.net".to_vec()),
    ];
    let subnet = SubnetConfig {
        network: Ipv4Network::containing(SERVER, 8),
        options: options.into_iter().collect(),
        default_lease_time: 600,
        min_lease_time: 60,
        max_lease_time: 7200,
        pools: vec![PoolConfig { owner: 0, range_id: RangeId(0), range, dynamic_bootp: false }],
        reservations: Vec::new(),
    };
    let service = DhcpService::new(DhcpConfig {
        authoritative: true,
        ping_timeout: None,
        server_identifier: None,
        subnets: vec![subnet],
    });
    (service.expect("a right configuration"), Single(alone))
}

/// A relayed message with the options that real clients and relay agents send.
fn message(client: u32, kind: u8, more: &[u8]) -> Vec<u8> {
    let mut bytes = vec![1, 1, 6, 1];
    bytes.extend(client.to_be_bytes());
    bytes.resize(24, 0);
    bytes.extend(RELAY.octets());
    bytes.extend([0, 12]);
    bytes.extend(client.to_be_bytes());
    bytes.resize(236, 0);
    bytes.extend([99, 130, 83, 99, 53, 1, kind]);
    bytes.extend(more);
    bytes.extend([61, 7, 1, 0, 12]);
    bytes.extend(client.to_be_bytes());
    bytes.extend([55, 7, 1, 28, 2, 3, 15, 6, 12, 57, 2, 5, 220, 12, 4]);
    bytes.extend(b"host");
    bytes.extend([82, 8, 1, 6, 0, 1, 2, 3, 4, 5, 255]);
    bytes
}

fn arrival() -> Arrival {
    Arrival {
        socket: 0,
        source: SocketAddrV4::new(RELAY, 67),
        local_address: SERVER,
        unicast: true,
        answer_to_source: false,
    }
}

/// Handles one datagram and throws away what comes of it.
fn handle(
    service: &mut DhcpService,
    owners: &mut Single,
    datagram: &[u8],
    replies: &mut Vec<twinlease::dhcp::PendingReply>,
) {
    replies.clear();
    service.handle(datagram, &arrival(), owners, NOW, replies);
    while let Output::Commit(commit) = owners.0.poll_output() {
        black_box(commit);
    }
}

fn dhcp(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("dhcp");
    group.throughput(Throughput::Elements(1));
    let discover = message(1, 1, &[]);
    group.bench_function("parse", |bencher| {
        bencher.iter(|| ClientPacket::parse(black_box(&discover)).is_ok());
    });

    let (mut service, mut owners) = service();
    let mut replies = Vec::new();
    let mut discovers = Vec::new();
    let mut requests = Vec::new();
    for client in 0..CLIENTS {
        let discover = message(client, 1, &[]);
        handle(&mut service, &mut owners, &discover, &mut replies);
        let offer = &replies.first().expect("an offer").reply.bytes;
        let mut options = vec![50, 4];
        options.extend_from_slice(offer.get(16..20).expect("yiaddr"));
        options.extend([54, 4]);
        options.extend(SERVER.octets());
        let request = message(client, 3, &options);
        handle(&mut service, &mut owners, &request, &mut replies);
        discovers.push(discover);
        requests.push(request);
    }
    for (name, datagrams) in [("discover-offer", &discovers), ("request-ack", &requests)] {
        let mut turns = datagrams.iter().cycle();
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let datagram = turns.next().expect("a cycle has no end");
                handle(&mut service, &mut owners, datagram, &mut replies);
            });
        });
    }
    group.finish();
}

criterion_group!(benches, dhcp);
criterion_main!(benches);
