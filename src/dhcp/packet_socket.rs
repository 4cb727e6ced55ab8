//! Clients on an Ethernet segment that have no address yet.
//!
//! Such a client sends from 0.0.0.0 to 255.255.255.255 and cannot answer ARP, so it is spoken to in
//! whole Ethernet frames. The kernel hands these sockets only datagrams to 255.255.255.255 port 67 and
//! keeps the same datagrams from the UDP port of the interface (see [`filter`](super::filter)): each is
//! read exactly once, and other traffic of the interface costs nothing.
//!
//! UDP checksums are not verified: on virtual links the sender leaves them to hardware that does not
//! exist, and a wrong one would cost the client its answer.

use std::io::{self, Read};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::{AsFd, AsRawFd};

use etherparse::{
    EtherType, Ethernet2Header, IpNumber, Ipv4Header, NetSlice, SlicedPacket, TransportSlice,
    UdpHeader,
};
use socket2::{Domain, Protocol, Socket, Type};

use super::datagram::DatagramSocket;
use super::exchange::{CLIENT_PORT, Reply, SERVER_PORT};
use super::filter::{ETHERTYPE_IPV4, Lane, of_link};
use super::interface::Interface;
use super::udp::set_receive_buffer;
use crate::datagrams::{self, Outgoing};

/// Hop limit of answers; the receiver is on the link.
const TIME_TO_LIVE: u8 = 64;
/// Octets of the headers in front of an answer.
const HEAD: usize = 14 + 20 + 8;

/// What a client's frame said.
#[derive(Debug)]
pub(super) struct LinkDatagram<'f> {
    pub(super) source: SocketAddrV4,
    pub(super) payload: &'f [u8],
}

/// The packet sockets on one interface.
#[derive(Debug)]
pub(super) struct PacketSocket {
    requests: DatagramSocket,
    discovers: DatagramSocket,
    hardware: [u8; 6],
    /// Headers of the answers that are being sent.
    heads: Vec<[u8; HEAD]>,
}

impl PacketSocket {
    /// Needs `CAP_NET_RAW`.
    pub(super) fn open(interface: &Interface) -> io::Result<Self> {
        Ok(Self {
            requests: open_lane(interface, Lane::Requests)?,
            discovers: open_lane(interface, Lane::Discovers)?,
            hardware: interface.hardware,
            heads: Vec::new(),
        })
    }

    pub(super) const fn lane(&self, lane: Lane) -> &DatagramSocket {
        match lane {
            Lane::Requests => &self.requests,
            Lane::Discovers => &self.discovers,
        }
    }

    /// Sends answers to clients by their Ethernet and IPv4 addresses.
    pub(super) fn send<'r>(
        &mut self,
        replies: impl Iterator<Item = (&'r Reply, [u8; 6], Ipv4Addr)> + Clone,
        mut failed: impl FnMut(io::Error),
    ) {
        self.heads.clear();
        for (reply, hardware, to) in replies.clone() {
            // An answer is shorter than an Ethernet frame, so it has its headers.
            let from = reply.destination.from;
            let head = head(&reply.bytes, (self.hardware, from), (hardware, to));
            self.heads.push(head.unwrap_or([0; HEAD]));
        }
        let datagrams = replies
            .zip(&self.heads)
            .map(|((reply, ..), head)| Outgoing::new(&reply.bytes).with_head(head));
        datagrams::send(self.requests.as_fd(), datagrams, |_, error| failed(error));
    }
}

fn open_lane(interface: &Interface, lane: Lane) -> io::Result<DatagramSocket> {
    let protocol = Protocol::from(i32::from(ETHERTYPE_IPV4.to_be()));
    let socket = Socket::new(Domain::PACKET, Type::RAW, Some(protocol))?;
    socket.set_nonblocking(true)?;
    socket.attach_filter(&of_link(lane))?;
    nix::sys::socket::bind(socket.as_raw_fd(), &interface.link)?;
    // Between creation and binding, frames of any kind and any interface were let in.
    while (&socket).read(&mut [0]).is_ok() {}
    set_receive_buffer(&socket, lane)?;
    DatagramSocket::new(socket)
}

/// Ethernet, IPv4 and UDP headers of an answer.
fn head(
    payload: &[u8],
    (source, from): ([u8; 6], Ipv4Addr),
    (destination, to): ([u8; 6], Ipv4Addr),
) -> Option<[u8; HEAD]> {
    let ethernet = Ethernet2Header { source, destination, ether_type: EtherType::IPV4 };
    let octets = u16::try_from(payload.len().checked_add(8)?).ok()?;
    let mut ip =
        Ipv4Header::new(octets, TIME_TO_LIVE, IpNumber::UDP, from.octets(), to.octets()).ok()?;
    ip.header_checksum = ip.calc_header_checksum();
    let udp = UdpHeader::with_ipv4_checksum(SERVER_PORT, CLIENT_PORT, &ip, payload).ok()?;
    let mut head = [0; HEAD];
    let (link, rest) = head.split_first_chunk_mut::<14>()?;
    let (network, transport) = rest.split_first_chunk_mut::<20>()?;
    *link = ethernet.to_bytes();
    network.copy_from_slice(&ip.to_bytes());
    transport.copy_from_slice(&udp.to_bytes());
    Some(head)
}

/// What a frame says, if it is a client's.
pub(super) fn parse_frame(frame: &[u8]) -> Option<LinkDatagram<'_>> {
    let packet = SlicedPacket::from_ethernet(frame).ok()?;
    let (Some(NetSlice::Ipv4(ip)), Some(TransportSlice::Udp(udp))) = (packet.net, packet.transport)
    else {
        return None;
    };
    let source = SocketAddrV4::new(ip.header().source_addr(), udp.source_port());
    (udp.destination_port() == SERVER_PORT)
        .then_some(LinkDatagram { source, payload: udp.payload() })
}
