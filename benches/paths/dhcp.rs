//! Clients' messages through the DHCP service: read, decided, answered. Sockets and stable storage are
//! left out.

use std::hint::black_box;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::rc::Rc;

use twinlease::binding::AddressRange;
use twinlease::binding::table::RangeId;
use twinlease::dhcp::{
    Arrival, DhcpConfig, DhcpService, Ipv4Network, OptionCode, Owners, PendingReply, PoolConfig,
    SubnetConfig,
};
use twinlease::durable::Recovered;
use twinlease::endpoint::{Alone, LeaseAuthority, Output};
use twinlease::time::{Instant, Now, UnixTime};

const SERVER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
const RELAY: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 3);
const FIRST: Ipv4Addr = Ipv4Addr::new(10, 1, 0, 0);
const NOW: Now = Now { monotonic: Instant::from_micros(0), wall: UnixTime(1_700_000_000) };

struct Single(Alone);

impl Owners for Single {
    fn owner(&mut self, index: usize) -> Option<&mut dyn LeaseAuthority> {
        (index == 0).then_some(&mut self.0)
    }
}

/// A service with as many addresses as there are clients.
fn service(clients: u32) -> (DhcpService, Single) {
    let last = Ipv4Addr::from_bits(FIRST.to_bits() + clients - 1);
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
pub fn message(client: u32, kind: u8, more: &[u8]) -> Vec<u8> {
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

/// Clients that hold a lease each and come round in turn.
pub struct Clients {
    service: DhcpService,
    owners: Single,
    replies: Vec<PendingReply>,
    /// What each client says, by number.
    discovers: Vec<Rc<[u8]>>,
    requests: Vec<Rc<[u8]>>,
    turn: usize,
}

impl Clients {
    /// `count` clients, each with the lease that it was offered.
    pub fn served(count: u32) -> Self {
        let (service, owners) = service(count);
        let (replies, discovers, requests) = (Vec::new(), Vec::new(), Vec::new());
        let mut clients = Self { service, owners, replies, discovers, requests, turn: 0 };
        for client in 0..count {
            let discover = message(client, 1, &[]);
            clients.handle(&discover);
            let offer = &clients.replies.first().expect("an offer").reply.bytes;
            let mut options = vec![50, 4];
            options.extend_from_slice(offer.get(16..20).expect("yiaddr"));
            options.extend([54, 4]);
            options.extend(SERVER.octets());
            let request = message(client, 3, &options);
            clients.handle(&request);
            clients.discovers.push(discover.into());
            clients.requests.push(request.into());
        }
        clients
    }

    /// The next client asks who is there and is made an offer.
    pub fn discover(&mut self) {
        let turn = self.next();
        let datagram = Rc::clone(&self.discovers[turn]);
        self.handle(&datagram);
    }

    /// The next client asks for its address and gets it.
    pub fn request(&mut self) {
        let turn = self.next();
        let datagram = Rc::clone(&self.requests[turn]);
        self.handle(&datagram);
    }

    fn next(&mut self) -> usize {
        self.turn = (self.turn + 1) % self.discovers.len();
        self.turn
    }

    /// Handles one datagram and throws away what comes of it.
    fn handle(&mut self, datagram: &[u8]) {
        self.replies.clear();
        self.service.handle(datagram, &arrival(), &mut self.owners, NOW, &mut self.replies);
        while let Output::Commit(commit) = self.owners.0.poll_output() {
            black_box(commit);
        }
    }
}
