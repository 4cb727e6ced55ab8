//! A subnet, its server, and clients that are a few octets each.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use dhcproto::v4::{DhcpOption, Message, MessageType, OptionCode as Code};
use dhcproto::{Decodable, Decoder};

use twinlease::binding::table::{BindingTable, RangeId};
use twinlease::binding::{AddressRange, ClientRef, HardwareAddress};
use twinlease::dhcp::{
    Arrival, DhcpConfig, DhcpService, DropReason, Ipv4Network, OptionCode, OptionSet, Owners,
    PendingReply, PoolConfig, Reservation, SubnetConfig,
};
use twinlease::durable::{CommitId, Recovered};
use twinlease::endpoint::{
    Alone, Availability, BindingChange, ClientRequest, Grant, LeaseAuthority, RecordError,
    RequestKind, Service, Silence,
};
use twinlease::time::{Instant, Now, UnixTime};
use twinlease::wire::codes::BindingStatus;

/// This server on the first subnet.
pub(crate) const SERVER: Ipv4Addr = ip(1);
/// A relay agent on the first subnet.
pub(crate) const RELAY: Ipv4Addr = ip(3);
/// A relay agent on the second subnet.
pub(crate) const OTHER_RELAY: Ipv4Addr = Ipv4Addr::new(10, 79, 0, 3);
/// Seconds since 1970 at which every test starts.
pub(crate) const START: u32 = 1_700_000_000;

/// An address of the first subnet, 10.78.0.0/24, whose pool is .20 to .29.
pub(crate) const fn ip(last: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 78, 0, last)
}

/// An address of the second subnet, 10.79.0.0/24, whose pool is .20 to .29.
pub(crate) const fn other_ip(last: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 79, 0, last)
}

/// A pool's owner that does as the test says, and otherwise as a server without partner.
pub(crate) struct Owner {
    pub(crate) alone: Alone,
    /// Nothing is served.
    pub(crate) silence: Option<Silence>,
    /// What `availability` says of certain addresses.
    pub(crate) availability: BTreeMap<Ipv4Addr, Availability>,
    /// What `believes_renewals` says.
    pub(crate) believes_renewals: bool,
    /// Longest lease.
    pub(crate) limit: Option<u32>,
    /// What the service asked: kind, and whether it said that the message was for this server.
    pub(crate) asked: RefCell<Vec<(RequestKind, bool)>>,
    /// How often something was recorded.
    pub(crate) changes: usize,
}

impl LeaseAuthority for Owner {
    fn service_for(&self, request: &ClientRequest<'_>, now: Now) -> Service {
        self.asked.borrow_mut().push((request.kind, request.addressed_to_this_server));
        self.silence.map_or_else(|| self.alone.service_for(request, now), Service::Silent)
    }

    fn table(&self) -> &BindingTable {
        self.alone.table()
    }

    fn availability(&self, address: Ipv4Addr, client: &ClientRef<'_>, now: Now) -> Availability {
        let scripted = self.availability.get(&address).copied();
        scripted.unwrap_or_else(|| self.alone.availability(address, client, now))
    }

    fn believes_renewals(&self) -> bool {
        self.believes_renewals
    }

    fn choose(
        &self,
        range: RangeId,
        now: Now,
        is_parked: &dyn Fn(Ipv4Addr) -> bool,
    ) -> Option<Ipv4Addr> {
        let refused =
            |address| matches!(self.availability.get(&address), Some(Availability::No(_)));
        self.alone.choose(range, now, &|address| is_parked(address) || refused(address))
    }

    fn park(&mut self, address: Ipv4Addr) {
        self.alone.park(address);
    }

    fn grant(&self, address: Ipv4Addr, client: &ClientRef<'_>, desired: u32, now: Now) -> Grant {
        let desired = self.limit.map_or(desired, |limit| desired.min(limit));
        self.alone.grant(address, client, desired, now)
    }

    fn record(&mut self, now: Now, change: BindingChange<'_>) -> Result<CommitId, RecordError> {
        self.changes += 1;
        self.alone.record(now, change)
    }
}

/// The owners of a bench: one for each subnet.
pub(crate) struct TwoOwners(pub(crate) [Owner; 2]);

impl Owners for TwoOwners {
    fn owner(&mut self, index: usize) -> Option<&mut dyn LeaseAuthority> {
        self.0.get_mut(index).map(|owner| owner as &mut dyn LeaseAuthority)
    }
}

/// A server with two subnets, the clock, and what it answered.
pub(crate) struct Bench {
    pub(crate) service: DhcpService,
    pub(crate) owners: TwoOwners,
    pub(crate) now: Now,
}

/// What a bench is built of.
pub(crate) struct Setup {
    pub(crate) authoritative: bool,
    pub(crate) ping_timeout: Option<Duration>,
    pub(crate) server_identifier: Option<Ipv4Addr>,
    pub(crate) reservations: Vec<Reservation>,
    pub(crate) options: OptionSet,
    /// Last octets of the first and the last address of the pool.
    pub(crate) pool: (u8, u8),
    /// Whether the first pool is open to BOOTP.
    pub(crate) dynamic_bootp: bool,
    /// Longest lease of either subnet.
    pub(crate) max_lease_time: u32,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            authoritative: true,
            ping_timeout: None,
            server_identifier: None,
            reservations: Vec::new(),
            options: [
                (OptionCode(3), vec![10, 78, 0, 3]),
                (OptionCode(6), vec![10, 78, 0, 4, 10, 78, 0, 5]),
                (OptionCode(15), b"example.net".to_vec()),
            ]
            .into_iter()
            .collect(),
            pool: (20, 29),
            dynamic_bootp: false,
            max_lease_time: 7200,
        }
    }
}

impl Setup {
    pub(crate) fn bench(self) -> Bench {
        let now = Now { monotonic: Instant::default(), wall: UnixTime(START) };
        let range = AddressRange::new(ip(self.pool.0), ip(self.pool.1)).unwrap();
        let other_range = AddressRange::new(other_ip(20), other_ip(29)).unwrap();
        let subnet = SubnetConfig {
            network: Ipv4Network::containing(ip(0), 24),
            options: self.options,
            default_lease_time: 600,
            min_lease_time: 60,
            max_lease_time: self.max_lease_time,
            pools: vec![PoolConfig {
                owner: 0,
                range_id: RangeId(0),
                range,
                dynamic_bootp: self.dynamic_bootp,
            }],
            reservations: self.reservations,
        };
        let other = SubnetConfig {
            network: Ipv4Network::containing(other_ip(0), 24),
            options: OptionSet::default(),
            pools: vec![PoolConfig {
                owner: 1,
                range_id: RangeId(0),
                range: other_range,
                dynamic_bootp: false,
            }],
            reservations: Vec::new(),
            ..subnet
        };
        let service = DhcpService::new(DhcpConfig {
            authoritative: self.authoritative,
            ping_timeout: self.ping_timeout,
            server_identifier: self.server_identifier,
            subnets: vec![other, subnet],
        });
        let owners = TwoOwners([owner(range, now), owner(other_range, now)]);
        Bench { service: service.unwrap(), owners, now }
    }
}

fn owner(range: AddressRange, now: Now) -> Owner {
    Owner {
        alone: Alone::new(&[range], &[], 1, &Recovered::default(), now).unwrap(),
        silence: None,
        availability: BTreeMap::new(),
        believes_renewals: false,
        limit: None,
        asked: RefCell::default(),
        changes: 0,
    }
}

pub(crate) fn bench() -> Bench {
    Setup::default().bench()
}

impl Bench {
    /// The answers to a datagram.
    pub(crate) fn raw(&mut self, datagram: &[u8], arrival: &Arrival) -> Vec<PendingReply> {
        let mut replies = Vec::new();
        self.service.handle(datagram, arrival, &mut self.owners, self.now, &mut replies);
        replies
    }

    /// The only answer to a message.
    pub(crate) fn ask(&mut self, request: &Request) -> Answer {
        let replies = self.raw(&request.bytes(), &request.arrival);
        assert_eq!(replies.len(), 1, "{request:?}: {:?}", self.drops());
        Answer::new(replies.into_iter().next().unwrap())
    }

    /// The reason for which a message gets no answer; none if it was taken without one.
    pub(crate) fn silence(&mut self, request: &Request) -> Option<DropReason> {
        let before = self.service.counters().clone();
        let replies = self.raw(&request.bytes(), &request.arrival);
        assert!(replies.is_empty(), "{request:?} got {:?}", Answer::new(replies[0].clone()));
        let mut grown = self.service.counters().dropped().zip(before.dropped());
        grown.find(|((_, now), (_, then))| now > then).map(|((reason, _), _)| reason)
    }

    fn drops(&self) -> Vec<(DropReason, u64)> {
        self.service.counters().dropped().filter(|(_, count)| *count > 0).collect()
    }

    /// DISCOVER to ACK; the address.
    pub(crate) fn lease(&mut self, client: &Request) -> Ipv4Addr {
        let offer = self.ask(&client.clone().kind(MessageType::Discover));
        let ack = self.ask(&client.clone().selecting(offer.yiaddr(), SERVER));
        assert_eq!(ack.kind(), MessageType::Ack);
        ack.yiaddr()
    }

    /// Lets time go by and the service notice.
    pub(crate) fn wait(&mut self, seconds: u32) -> Vec<PendingReply> {
        self.now.monotonic = self.now.monotonic.after(Duration::from_secs(seconds.into()));
        self.now.wall = self.now.wall.plus(seconds);
        for owner in &mut self.owners.0 {
            owner.alone.time_reached(self.now);
        }
        let mut replies = Vec::new();
        self.service.tick(&mut self.owners, self.now, &mut replies);
        replies
    }

    pub(crate) fn status(&self, address: Ipv4Addr) -> BindingStatus {
        let [first, second] = &self.owners.0;
        let status = first.table().status_of(address).or(second.table().status_of(address));
        status.unwrap()
    }

    pub(crate) fn changes(&self) -> usize {
        self.owners.0.iter().map(|owner| owner.changes).sum()
    }
}

/// A client's message under construction.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) kind: Option<MessageType>,
    pub(crate) xid: u32,
    pub(crate) secs: u16,
    pub(crate) flags: u16,
    pub(crate) ciaddr: Ipv4Addr,
    pub(crate) giaddr: Ipv4Addr,
    pub(crate) htype: u8,
    pub(crate) chaddr: Vec<u8>,
    pub(crate) options: Vec<(u8, Vec<u8>)>,
    pub(crate) arrival: Arrival,
}

/// A client on the first subnet without an address.
pub(crate) fn client(last: u8) -> Request {
    Request {
        kind: Some(MessageType::Discover),
        xid: 0x1234_5600 | u32::from(last),
        secs: 0,
        flags: 0,
        ciaddr: Ipv4Addr::UNSPECIFIED,
        giaddr: Ipv4Addr::UNSPECIFIED,
        htype: 1,
        chaddr: vec![0, 12, 1, 2, 3, last],
        options: Vec::new(),
        arrival: Arrival {
            socket: 7,
            source: SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 68),
            local_address: SERVER,
            unicast: false,
            answer_to_source: false,
        },
    }
}

/// The same client's identity as the bindings know it.
pub(crate) fn hardware(last: u8) -> ClientRef<'static> {
    ClientRef { identifier: None, hardware: HardwareAddress::new(1, &[0, 12, 1, 2, 3, last]) }
}

impl Request {
    pub(crate) fn kind(mut self, kind: MessageType) -> Self {
        self.kind = Some(kind);
        self
    }

    pub(crate) fn option(mut self, code: u8, data: &[u8]) -> Self {
        self.options.push((code, data.to_vec()));
        self
    }

    pub(crate) fn identifier(self, octets: &[u8]) -> Self {
        self.option(61, octets)
    }

    pub(crate) fn requesting(self, address: Ipv4Addr) -> Self {
        self.option(50, &address.octets())
    }

    pub(crate) fn naming(self, server: Ipv4Addr) -> Self {
        self.option(54, &server.octets())
    }

    pub(crate) fn selecting(self, address: Ipv4Addr, server: Ipv4Addr) -> Self {
        self.kind(MessageType::Request).requesting(address).naming(server)
    }

    pub(crate) fn rebooting(self, address: Ipv4Addr) -> Self {
        self.kind(MessageType::Request).requesting(address)
    }

    /// Broadcast with ciaddr.
    pub(crate) fn rebinding(mut self, address: Ipv4Addr) -> Self {
        self.ciaddr = address;
        self.kind(MessageType::Request)
    }

    /// Unicast from the client's own address.
    pub(crate) fn renewing(self, address: Ipv4Addr) -> Self {
        self.rebinding(address).unicast_from(address)
    }

    pub(crate) fn unicast_from(mut self, address: Ipv4Addr) -> Self {
        self.arrival.source = SocketAddrV4::new(address, 68);
        self.arrival.unicast = true;
        self
    }

    /// Through a relay agent.
    pub(crate) fn via(mut self, relay: Ipv4Addr) -> Self {
        self.giaddr = relay;
        self.arrival.source = SocketAddrV4::new(relay, 67);
        self.arrival.local_address = Ipv4Addr::new(192, 0, 2, 1);
        self.arrival.unicast = true;
        self
    }

    pub(crate) fn releasing(self, address: Ipv4Addr) -> Self {
        self.renewing(address).kind(MessageType::Release).naming(SERVER)
    }

    pub(crate) fn declining(self, address: Ipv4Addr) -> Self {
        self.selecting(address, SERVER).kind(MessageType::Decline)
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut bytes = vec![1, self.htype, u8::try_from(self.chaddr.len()).unwrap(), 0];
        bytes.extend(self.xid.to_be_bytes());
        bytes.extend(self.secs.to_be_bytes());
        bytes.extend(self.flags.to_be_bytes());
        bytes.extend(self.ciaddr.octets());
        bytes.extend([0; 8]);
        bytes.extend(self.giaddr.octets());
        bytes.extend(&self.chaddr);
        bytes.resize(236, 0);
        bytes.extend([99, 130, 83, 99]);
        if let Some(kind) = self.kind {
            bytes.extend([53, 1, kind.into()]);
        }
        for (code, data) in &self.options {
            bytes.extend([*code, u8::try_from(data.len()).unwrap()]);
            bytes.extend(data);
        }
        bytes.push(255);
        bytes
    }
}

/// An answer, read by a decoder that is not the server's.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) message: Message,
    pub(crate) pending: PendingReply,
}

impl Answer {
    pub(crate) fn new(pending: PendingReply) -> Self {
        let message = Message::decode(&mut Decoder::new(&pending.reply.bytes)).unwrap();
        Self { message, pending }
    }

    pub(crate) fn kind(&self) -> MessageType {
        self.message.opts().msg_type().unwrap()
    }

    pub(crate) fn yiaddr(&self) -> Ipv4Addr {
        self.message.yiaddr()
    }

    pub(crate) fn option(&self, code: Code) -> Option<&DhcpOption> {
        self.message.opts().get(code)
    }

    pub(crate) fn lease_time(&self) -> Option<u32> {
        match self.option(Code::AddressLeaseTime) {
            Some(DhcpOption::AddressLeaseTime(seconds)) => Some(*seconds),
            _ => None,
        }
    }

    /// Codes of the options in the order of the bytes.
    pub(crate) fn codes(&self) -> Vec<u8> {
        let mut codes = Vec::new();
        let mut rest = &self.pending.reply.bytes[240..];
        while rest[0] != 255 {
            codes.push(rest[0]);
            rest = &rest[2 + usize::from(rest[1])..];
        }
        codes
    }
}
