//! The sockets on which clients and relay agents are served.
//!
//! There are two kinds of port. `interfaces` serves directly attached clients: packet sockets for
//! those without address and a UDP port 67 for everybody else on that interface. `listen`
//! is a plain UDP port on one address: at port 67 for relay agents, at any other for trials,
//! where every answer goes back to where the request came from.
//!
//! Each port has two lanes (`filter`). DISCOVERs are read last and only as far as there is time for
//! them; those that find no room are lost before they have cost anything, and counted.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::task::{Context, Poll};
use std::time::Instant;

use super::datagram::DatagramSocket;
use super::exchange::{Arrival, CLIENT_PORT, Reply, ReplyTo, SERVER_PORT};
use super::filter::Lane;
use super::interface::{Interface, machine_addresses};
use super::packet_socket::{PacketSocket, parse_frame};
use super::udp::UdpPort;
use crate::datagrams::{self, Datagram, Inbox, Peer};
use crate::rate_limit::RateLimit;

/// Datagrams that one [`ClientSockets::receive`] takes, very nearly.
pub const MAX_BATCH: usize = 256;
/// How many of them may be DISCOVERs however many others there are, so that a storm of renewals does
/// not shut newcomers out.
const SURE_DISCOVERS: usize = 32;
/// Longest message that is read; a longer one is no DHCP message.
const MAX_MESSAGE: usize = 4096;

/// Where clients are served.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SocketConfig {
    /// Names of Ethernet interfaces with directly attached clients.
    pub interfaces: Vec<String>,
    /// UDP addresses.
    pub listen: Vec<SocketAddrV4>,
    /// An address that may not be on this machine yet, and is served all the same.
    pub movable: Option<Ipv4Addr>,
}

/// A socket that could not be opened.
#[derive(Debug)]
pub struct OpenError {
    what: String,
    error: io::Error,
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot serve clients on {}: {}", self.what, self.error)?;
        match self.error.kind() {
            io::ErrorKind::PermissionDenied => f.write_str(
                "; this needs root or the capabilities CAP_NET_RAW and CAP_NET_BIND_SERVICE, \
                 `listen` on a port above 1023 needs neither",
            ),
            io::ErrorKind::AddrInUse => {
                f.write_str("; another DHCP server or relay agent is running on this machine")
            }
            _ => Ok(()),
        }
    }
}

impl std::error::Error for OpenError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.error)
    }
}

/// All sockets of the DHCP service.
#[derive(Debug)]
pub struct ClientSockets {
    ports: Vec<Port>,
    /// The port that is read first next time, so that a busy one does not starve the others.
    next: usize,
    inbox: Inbox,
    failures: Failures,
}

#[derive(Debug)]
struct Port {
    name: String,
    udp: UdpPort,
    link: Option<PacketSocket>,
    /// Of both lanes, UDP and link.
    losses: [[Losses; 2]; 2],
    /// Taken where the system does not tell to which address a datagram was sent.
    address: Ipv4Addr,
    answer_to_source: bool,
}

/// What the kernel has said about the datagrams that a socket lost.
#[derive(Clone, Copy, Debug, Default)]
struct Losses {
    /// As it was said last.
    said: u32,
    /// Broadcasts that the filter of a UDP socket refused are among them, so they count only while
    /// the socket holds more than is read at once.
    with_refused: bool,
    is_behind: bool,
}

impl Losses {
    fn of_udp(address: Ipv4Addr) -> [Self; 2] {
        // Bound to one address, a socket sees no broadcasts.
        [Self { with_refused: address.is_unspecified(), ..Self::default() }; 2]
    }

    /// How many have found no room since the last time.
    fn learn(&mut self, said: Option<u32>) -> u64 {
        let Some(said) = said else { return 0 };
        let more = said.wrapping_sub(std::mem::replace(&mut self.said, said));
        if self.with_refused && !self.is_behind { 0 } else { more.into() }
    }
}

/// Sends and receives that failed, and datagrams that found no room.
#[derive(Debug)]
struct Failures {
    count: u64,
    overrun: u64,
    since: Instant,
    limit: RateLimit,
}

impl Failures {
    fn note(&mut self, port: &str, what: &str, error: &io::Error) {
        self.count = self.count.saturating_add(1);
        let micros = u64::try_from(self.since.elapsed().as_micros()).unwrap_or(u64::MAX);
        if let Some(suppressed) = self.limit.pass(crate::time::Instant::from_micros(micros)) {
            tracing::warn!(port, suppressed, "{what}: {error}");
        }
    }
}

impl ClientSockets {
    /// Opens everything or nothing. To be called inside a tokio runtime.
    pub fn open(config: &SocketConfig) -> Result<Self, OpenError> {
        let wants_67 = config.listen.iter().any(|address| address.port() == SERVER_PORT);
        let share_port = wants_67 && !config.interfaces.is_empty();
        let mut ports = Vec::new();
        for name in &config.interfaces {
            let port = Port::on_interface(name, share_port);
            ports.push(port.map_err(|error| OpenError { what: name.clone(), error })?);
        }
        for address in &config.listen {
            let is_movable = config.movable == Some(*address.ip());
            let port = Port::listening(*address, share_port, is_movable);
            ports.push(port.map_err(|error| OpenError { what: address.to_string(), error })?);
        }
        let (since, limit) = (Instant::now(), RateLimit::default());
        let failures = Failures { count: 0, overrun: 0, since, limit };
        let inbox = Inbox::new(datagrams::MAX_BATCH, MAX_MESSAGE);
        Ok(Self { ports, next: 0, inbox, failures })
    }

    /// Addresses by which clients may know this server, for
    /// [`DhcpService::set_own_addresses`](super::DhcpService::set_own_addresses).
    pub fn own_addresses(&self) -> Vec<Ipv4Addr> {
        let mut addresses: Vec<_> = self.ports.iter().map(|port| port.address).collect();
        if addresses.iter().any(Ipv4Addr::is_unspecified) {
            addresses.extend(machine_addresses().unwrap_or_default());
        }
        addresses.retain(|address| !address.is_unspecified());
        addresses.sort_unstable();
        addresses.dedup();
        addresses
    }

    /// Where each port listens, in the order interfaces, listen.
    pub fn local_addresses(&self) -> impl Iterator<Item = io::Result<SocketAddrV4>> {
        self.ports.iter().map(|port| port.udp.local_addr())
    }

    /// Datagrams that could not be received or sent since the start.
    pub const fn failures(&self) -> u64 {
        self.failures.count
    }

    /// Datagrams that found no room since this was asked last, because more came than were served.
    /// The system says so with the next datagram that has room.
    pub const fn take_overrun(&mut self) -> u64 {
        std::mem::replace(&mut self.failures.overrun, 0)
    }

    /// Waits until something may have arrived; for DISCOVERs only where they are wanted.
    pub async fn readable(&self, discovers: bool) {
        poll_fn(|cx| self.poll_readable(cx, discovers)).await;
    }

    fn poll_readable(&self, cx: &mut Context<'_>, discovers: bool) -> Poll<()> {
        let mut ready = Poll::Pending;
        for lane in lanes(discovers) {
            for socket in self.ports.iter().flat_map(|port| port.sockets(lane)) {
                if socket.poll_readable(cx).is_ready() {
                    ready = Poll::Ready(());
                }
            }
        }
        ready
    }

    /// Hands over what has arrived, about [`MAX_BATCH`] datagrams at most, and says whether there may
    /// be more. DISCOVERs come last, and only where they are wanted.
    pub fn receive(&mut self, discovers: bool, mut handle: impl FnMut(&Arrival, &[u8])) -> bool {
        let mut left = MAX_BATCH;
        let count = self.ports.len();
        for lane in lanes(discovers) {
            if lane == Lane::Discovers {
                left = left.max(SURE_DISCOVERS);
            }
            for index in (self.next..count).chain(0..self.next.min(count)) {
                let Some(port) = self.ports.get_mut(index) else { continue };
                let mut reader = Reader {
                    port: index,
                    lane,
                    left: &mut left,
                    inbox: &mut self.inbox,
                    failures: &mut self.failures,
                };
                port.receive_link(&mut reader, &mut handle);
                port.receive_udp(&mut reader, &mut handle);
            }
        }
        self.next = self.next.wrapping_add(1).checked_rem(count).unwrap_or(0);
        left == 0
    }

    /// Sends all of them. What cannot be sent is lost like any datagram, and counted.
    pub fn send_batch(&mut self, replies: &[Reply]) {
        let failures = &mut self.failures;
        for (index, port) in self.ports.iter_mut().enumerate() {
            let replies = replies.iter().filter(|reply| reply.destination.socket == index);
            port.send(replies, failures);
        }
    }
}

fn lanes(discovers: bool) -> impl Iterator<Item = Lane> {
    Lane::ALL.into_iter().filter(move |lane| discovers || *lane == Lane::Requests)
}

/// Reads one lane of one port.
struct Reader<'r> {
    port: usize,
    lane: Lane,
    /// Datagrams that may still be read.
    left: &'r mut usize,
    inbox: &'r mut Inbox,
    failures: &'r mut Failures,
}

impl Reader<'_> {
    /// Reads from `socket` until it has no more or enough has been read.
    fn read(
        &mut self,
        name: &str,
        socket: &DatagramSocket,
        losses: &mut [Losses; 2],
        mut take: impl FnMut(Datagram<'_>),
    ) {
        let [requests, discovers] = losses;
        let losses = if self.lane == Lane::Requests { requests } else { discovers };
        while *self.left > 0 {
            let count = match socket.receive(self.inbox) {
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    losses.is_behind = false;
                    return;
                }
                Err(error) => {
                    self.failures.note(name, "cannot receive from clients", &error);
                    1
                }
            };
            *self.left = self.left.saturating_sub(count);
            let last = self.inbox.datagrams().next_back();
            let more = losses.learn(last.and_then(|last| last.lost));
            self.failures.overrun = self.failures.overrun.saturating_add(more);
            self.inbox.datagrams().filter(|datagram| !datagram.is_cut).for_each(&mut take);
        }
        losses.is_behind = true;
    }
}

impl Port {
    fn on_interface(name: &str, share_port: bool) -> io::Result<Self> {
        let interface = Interface::find(name)?;
        Ok(Self {
            udp: UdpPort::on_interface(name, share_port)?,
            link: Some(PacketSocket::open(&interface)?),
            address: interface.addresses.first().copied().unwrap_or(Ipv4Addr::UNSPECIFIED),
            name: interface.name,
            losses: [Losses::of_udp(Ipv4Addr::UNSPECIFIED), Default::default()],
            answer_to_source: false,
        })
    }

    fn listening(address: SocketAddrV4, share_port: bool, is_movable: bool) -> io::Result<Self> {
        let share_port = share_port && address.port() == SERVER_PORT;
        Ok(Self {
            udp: UdpPort::listen(address, share_port, is_movable)?,
            link: None,
            address: *address.ip(),
            name: address.to_string(),
            losses: [Losses::of_udp(*address.ip()), Default::default()],
            answer_to_source: address.port() != SERVER_PORT,
        })
    }

    fn sockets(&self, lane: Lane) -> impl Iterator<Item = &DatagramSocket> {
        let link = self.link.as_ref().map(|link| link.lane(lane));
        link.into_iter().chain([self.udp.lane(lane)])
    }

    /// Broadcasts of clients without address.
    fn receive_link(&mut self, reader: &mut Reader<'_>, handle: &mut impl FnMut(&Arrival, &[u8])) {
        let Some(link) = &self.link else { return };
        let [_, losses] = &mut self.losses;
        let (socket, local_address) = (reader.port, self.address);
        reader.read(&self.name, link.lane(reader.lane), losses, |frame| {
            let Some(datagram) = parse_frame(frame.payload) else { return };
            let source = datagram.source;
            let arrival =
                Arrival { socket, source, local_address, unicast: false, answer_to_source: false };
            handle(&arrival, datagram.payload);
        });
    }

    /// Everything else.
    fn receive_udp(&mut self, reader: &mut Reader<'_>, handle: &mut impl FnMut(&Arrival, &[u8])) {
        let [losses, _] = &mut self.losses;
        let (socket, address) = (reader.port, self.address);
        let answer_to_source = self.answer_to_source;
        reader.read(&self.name, self.udp.lane(reader.lane), losses, |datagram| {
            let Some(Peer::Udp(source)) = datagram.peer else { return };
            let arrival = Arrival {
                socket,
                source,
                local_address: datagram.local.map_or(address, |local| local.address),
                unicast: datagram.local.is_none_or(|local| local.address == local.destination),
                answer_to_source,
            };
            handle(&arrival, datagram.payload);
        });
    }

    fn send<'r>(
        &mut self,
        replies: impl Iterator<Item = &'r Reply> + Clone,
        failures: &mut Failures,
    ) {
        let Self { name, udp, link, .. } = self;
        let mut failed = |error| failures.note(name, "cannot send to a client", &error);
        let has_link = link.is_some();
        let by_udp = replies.clone().filter_map(|reply| match reply.destination.to {
            ReplyTo::Unicast(to) => Some((reply, to)),
            ReplyTo::Broadcast | ReplyTo::Link { .. } => {
                let everybody = SocketAddrV4::new(Ipv4Addr::BROADCAST, CLIENT_PORT);
                (!has_link).then_some((reply, everybody))
            }
        });
        udp.send(by_udp, &mut failed);
        let Some(link) = link else { return };
        let by_link = replies.filter_map(|reply| match reply.destination.to {
            ReplyTo::Unicast(_) => None,
            ReplyTo::Broadcast => Some((reply, [0xff; 6], Ipv4Addr::BROADCAST)),
            ReplyTo::Link { address, hardware } => Some((reply, hardware, address)),
        });
        link.send(by_link, failed);
    }
}
