//! Clients on an Ethernet segment that have no address yet.
//!
//! Such a client sends from 0.0.0.0 to 255.255.255.255 and cannot answer ARP, so it is spoken to in
//! whole Ethernet frames. The kernel hands this socket only datagrams to 255.255.255.255 port 67 and
//! keeps the same datagrams from the UDP socket of the interface (see [`udp`](super::udp)): each is
//! read exactly once, and other traffic of the interface costs nothing.
//!
//! UDP checksums are not verified: on virtual links the sender leaves them to hardware that does not
//! exist, and a wrong one would cost the client its answer.

use std::io::{self, Read};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::AsRawFd;
use std::task::{Context, Poll, ready};

use etherparse::{NetSlice, PacketBuilder, SlicedPacket, TransportSlice};
use socket2::{Domain, Protocol, SockFilter, Socket, Type};

use super::datagram::DatagramSocket;
use super::exchange::{CLIENT_PORT, SERVER_PORT};
use super::interface::Interface;

/// Ethernet's number for IPv4.
const ETHERTYPE_IPV4: u16 = 0x0800;
/// Hop limit of answers; the receiver is on the link.
const TIME_TO_LIVE: u8 = 64;
/// Octets read of one frame; the largest an Ethernet segment carries.
const MAX_FRAME: usize = 2048;

/// What a client's frame said.
#[derive(Debug)]
pub(super) struct LinkDatagram<'f> {
    pub(super) source: SocketAddrV4,
    pub(super) payload: &'f [u8],
}

/// A packet socket on one interface.
#[derive(Debug)]
pub(super) struct PacketSocket {
    io: DatagramSocket,
    hardware: [u8; 6],
    /// The frame that is being read.
    inbound: Box<[u8; MAX_FRAME]>,
    /// The frame that is being written.
    outbound: Vec<u8>,
}

impl PacketSocket {
    /// Needs `CAP_NET_RAW`.
    pub(super) fn open(interface: &Interface) -> io::Result<Self> {
        let protocol = Protocol::from(i32::from(ETHERTYPE_IPV4.to_be()));
        let socket = Socket::new(Domain::PACKET, Type::RAW, Some(protocol))?;
        socket.set_nonblocking(true)?;
        socket.attach_filter(&broadcasts_to_servers())?;
        nix::sys::socket::bind(socket.as_raw_fd(), &interface.link)?;
        // Between creation and binding, frames of any kind and any interface were let in.
        let mut inbound = Box::new([0; MAX_FRAME]);
        while (&socket).read(&mut *inbound).is_ok() {}
        Ok(Self {
            io: DatagramSocket::new(socket)?,
            hardware: interface.hardware,
            inbound,
            outbound: Vec::new(),
        })
    }

    /// The next client's datagram; `None` if a frame came that is none.
    pub(super) fn poll_receive(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<Option<LinkDatagram<'_>>>> {
        let inbound = &mut *self.inbound;
        let length = ready!(self.io.poll_read(cx, |socket| (&*socket).read(inbound)))?;
        Poll::Ready(Ok(inbound.get(..length).and_then(parse_frame)))
    }

    /// Sends a datagram to a client by its Ethernet address, or to all.
    pub(super) fn send(
        &mut self,
        from: Ipv4Addr,
        (hardware, to): ([u8; 6], Ipv4Addr),
        payload: &[u8],
    ) -> io::Result<()> {
        self.outbound.clear();
        PacketBuilder::ethernet2(self.hardware, hardware)
            .ipv4(from.octets(), to.octets(), TIME_TO_LIVE)
            .udp(SERVER_PORT, CLIENT_PORT)
            .write(&mut self.outbound, payload)
            .map_err(io::Error::other)?;
        self.io.socket().send(&self.outbound).map(drop)
    }
}

fn parse_frame(frame: &[u8]) -> Option<LinkDatagram<'_>> {
    let packet = SlicedPacket::from_ethernet(frame).ok()?;
    let (Some(NetSlice::Ipv4(ip)), Some(TransportSlice::Udp(udp))) = (packet.net, packet.transport)
    else {
        return None;
    };
    let source = SocketAddrV4::new(ip.header().source_addr(), udp.source_port());
    (udp.destination_port() == SERVER_PORT)
        .then_some(LinkDatagram { source, payload: udp.payload() })
}

/// Classic BPF: UDP over IPv4 to 255.255.255.255 port 67, first or only fragment.
fn broadcasts_to_servers() -> [SockFilter; 13] {
    const LOAD_WORD: u16 = 0x20;
    const LOAD_HALF: u16 = 0x28;
    const LOAD_OCTET: u16 = 0x30;
    const LOAD_HALF_INDEXED: u16 = 0x48;
    const LOAD_HEADER_LENGTH: u16 = 0xb1;
    const JUMP_IF_EQUAL: u16 = 0x15;
    const JUMP_IF_ANY_BIT: u16 = 0x45;
    const RETURN: u16 = 0x06;
    [
        SockFilter::new(LOAD_HALF, 0, 0, 12),
        SockFilter::new(JUMP_IF_EQUAL, 0, 9, ETHERTYPE_IPV4.into()),
        SockFilter::new(LOAD_OCTET, 0, 0, 23),
        SockFilter::new(JUMP_IF_EQUAL, 0, 7, 17),
        SockFilter::new(LOAD_WORD, 0, 0, 30),
        SockFilter::new(JUMP_IF_EQUAL, 0, 5, u32::MAX),
        SockFilter::new(LOAD_HALF, 0, 0, 20),
        SockFilter::new(JUMP_IF_ANY_BIT, 3, 0, 0x1fff),
        SockFilter::new(LOAD_HEADER_LENGTH, 0, 0, 14),
        SockFilter::new(LOAD_HALF_INDEXED, 0, 0, 16),
        SockFilter::new(JUMP_IF_EQUAL, 1, 0, SERVER_PORT.into()),
        SockFilter::new(RETURN, 0, 0, 0),
        SockFilter::new(RETURN, 0, 0, u32::MAX),
    ]
}
