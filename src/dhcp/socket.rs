//! The sockets on which clients and relay agents are served.
//!
//! There are two kinds of port. `interfaces` serves directly attached clients: a packet socket for
//! those without address and a UDP socket at port 67 for everybody else on that interface. `listen`
//! is a plain UDP socket on one address: at port 67 for relay agents, at any other port for trials,
//! where every answer goes back to where the request came from.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::BytesMut;

use super::exchange::{Arrival, CLIENT_PORT, Reply, ReplyTo, SERVER_PORT};
use super::interface::{Interface, machine_addresses};
use super::packet_socket::PacketSocket;
use super::udp::UdpPort;
use crate::rate_limit::RateLimit;

/// Datagrams that one [`ClientSockets::recv_batch`] returns at most.
pub const MAX_BATCH: usize = 256;
/// Memory for received datagrams is taken in pieces of this size.
const CHUNK: usize = 64 * 1024;

/// Where clients are served.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SocketConfig {
    /// Names of Ethernet interfaces with directly attached clients.
    pub interfaces: Vec<String>,
    /// UDP addresses.
    pub listen: Vec<SocketAddrV4>,
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
    chunk: BytesMut,
    failures: Failures,
}

#[derive(Debug)]
struct Port {
    name: String,
    udp: UdpPort,
    link: Option<PacketSocket>,
    /// Taken where the system does not tell to which address a datagram was sent.
    address: Ipv4Addr,
    answer_to_source: bool,
}

/// Sends and receives that failed.
#[derive(Debug)]
struct Failures {
    count: u64,
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
            let port = Port::listening(*address, share_port);
            ports.push(port.map_err(|error| OpenError { what: address.to_string(), error })?);
        }
        let failures = Failures { count: 0, since: Instant::now(), limit: RateLimit::default() };
        Ok(Self { ports, next: 0, chunk: BytesMut::new(), failures })
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

    /// Waits until something has arrived and appends it, at most [`MAX_BATCH`] datagrams. Loses
    /// nothing if it is dropped before it is ready.
    pub async fn recv_batch(&mut self, batch: &mut Vec<(Arrival, BytesMut)>) {
        poll_fn(|cx| self.poll_recv(cx, batch)).await;
    }

    fn poll_recv(
        &mut self,
        cx: &mut Context<'_>,
        batch: &mut Vec<(Arrival, BytesMut)>,
    ) -> Poll<()> {
        let before = batch.len();
        let mut inbox = Inbox {
            socket: 0,
            batch,
            reads_left: MAX_BATCH,
            chunk: &mut self.chunk,
            failures: &mut self.failures,
        };
        let count = self.ports.len();
        for index in (self.next..count).chain(0..self.next.min(count)) {
            let Some(port) = self.ports.get_mut(index) else { continue };
            inbox.socket = index;
            port.poll_link(cx, &mut inbox);
            port.poll_udp(cx, &mut inbox);
        }
        self.next = self.next.wrapping_add(1).checked_rem(count).unwrap_or(0);
        if batch.len() > before { Poll::Ready(()) } else { Poll::Pending }
    }

    /// Sends all of them. What cannot be sent is lost like any datagram, and counted.
    pub fn send_batch<'r>(&mut self, replies: impl IntoIterator<Item = &'r Reply>) {
        for reply in replies {
            let Some(port) = self.ports.get_mut(reply.destination.socket) else { continue };
            if let Err(error) = port.send(reply) {
                self.failures.note(&port.name, "cannot send to a client", &error);
            }
        }
    }
}

/// Where received datagrams are put.
struct Inbox<'i> {
    socket: usize,
    batch: &'i mut Vec<(Arrival, BytesMut)>,
    /// Reads that may still be made before the batch is handed over.
    reads_left: usize,
    chunk: &'i mut BytesMut,
    failures: &'i mut Failures,
}

impl Inbox<'_> {
    /// Whether another read may be made. If not, the task comes back at once for the rest.
    fn room(&mut self, cx: &Context<'_>) -> Option<&mut Self> {
        let Some(left) = self.reads_left.checked_sub(1) else {
            cx.waker().wake_by_ref();
            return None;
        };
        self.reads_left = left;
        Some(self)
    }

    fn note(&mut self, port: &str, error: &io::Error) {
        self.failures.note(port, "cannot receive from clients", error);
    }

    fn put(&mut self, arrival: Arrival, payload: &[u8]) {
        if self.chunk.capacity() < payload.len() {
            self.chunk.reserve(CHUNK.max(payload.len()));
        }
        self.chunk.extend_from_slice(payload);
        self.batch.push((arrival, self.chunk.split()));
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
            answer_to_source: false,
        })
    }

    fn listening(address: SocketAddrV4, share_port: bool) -> io::Result<Self> {
        Ok(Self {
            udp: UdpPort::listen(address, share_port && address.port() == SERVER_PORT)?,
            link: None,
            address: *address.ip(),
            name: address.to_string(),
            answer_to_source: address.port() != SERVER_PORT,
        })
    }

    /// Broadcasts of clients without address.
    fn poll_link(&mut self, cx: &mut Context<'_>, inbox: &mut Inbox<'_>) {
        let Some(link) = &mut self.link else { return };
        while let Some(room) = inbox.room(cx) {
            match link.poll_receive(cx) {
                Poll::Pending => return,
                Poll::Ready(Ok(None)) => {}
                Poll::Ready(Err(error)) => room.note(&self.name, &error),
                Poll::Ready(Ok(Some(datagram))) => {
                    let arrival = Arrival {
                        socket: room.socket,
                        source: datagram.source,
                        local_address: self.address,
                        unicast: false,
                        answer_to_source: false,
                    };
                    room.put(arrival, datagram.payload);
                }
            }
        }
    }

    /// Everything else.
    fn poll_udp(&mut self, cx: &mut Context<'_>, inbox: &mut Inbox<'_>) {
        while let Some(room) = inbox.room(cx) {
            match self.udp.poll_receive(cx) {
                Poll::Pending => return,
                Poll::Ready(Ok(None)) => {}
                Poll::Ready(Err(error)) => room.note(&self.name, &error),
                Poll::Ready(Ok(Some(datagram))) => {
                    let arrival = Arrival {
                        socket: room.socket,
                        source: datagram.source,
                        local_address: datagram.local_address.unwrap_or(self.address),
                        unicast: datagram.unicast,
                        answer_to_source: self.answer_to_source,
                    };
                    room.put(arrival, datagram.payload);
                }
            }
        }
    }

    fn send(&mut self, reply: &Reply) -> io::Result<()> {
        let from = reply.destination.from;
        let broadcast = SocketAddrV4::new(Ipv4Addr::BROADCAST, CLIENT_PORT);
        match (reply.destination.to, &mut self.link) {
            (ReplyTo::Unicast(to), _) => self.udp.send(from, to, &reply.bytes),
            (ReplyTo::Broadcast, Some(link)) => {
                link.send(from, ([0xff; 6], Ipv4Addr::BROADCAST), &reply.bytes)
            }
            (ReplyTo::Link { address, hardware }, Some(link)) => {
                link.send(from, (hardware, address), &reply.bytes)
            }
            (ReplyTo::Broadcast | ReplyTo::Link { .. }, None) => {
                self.udp.send(from, broadcast, &reply.bytes)
            }
        }
    }
}
