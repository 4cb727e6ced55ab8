//! What goes into the service and what comes out of it: arrivals, answers, and where they go.

use std::net::{Ipv4Addr, SocketAddrV4};

use bytes::Bytes;

use super::packet::{ClientPacket, Header};
use super::subnet::Subnet;
use crate::binding::ClientRef;
use crate::durable::CommitId;
use crate::endpoint::service::LeaseAuthority;
use crate::time::Now;

/// UDP port of servers and relay agents.
pub const SERVER_PORT: u16 = 67;
/// UDP port of clients.
pub const CLIENT_PORT: u16 = 68;

/// Hardware type of Ethernet.
const ETHERNET: u8 = 1;

/// How a datagram came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Arrival {
    /// Index of the socket, through which the answer leaves too.
    pub socket: usize,
    /// Sender.
    pub source: SocketAddrV4,
    /// This server's address: the one to which the datagram was sent, or that of the interface
    /// which received the broadcast. It tells the network of a client without address, and becomes
    /// the server identifier.
    pub local_address: Ipv4Addr,
    /// Sent to this server alone, as opposed to all that are on the link.
    pub unicast: bool,
    /// The socket listens on another port than 67: every answer goes to where the request came
    /// from, relayed or not. So servers can be tried without privileges and side by side.
    pub answer_to_source: bool,
}

/// Where an answer goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Destination {
    /// Index of the socket on which the request arrived.
    pub socket: usize,
    /// The server's address to send from.
    pub from: Ipv4Addr,
    /// The receiver.
    pub to: ReplyTo,
}

/// The receiver of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReplyTo {
    /// A host that answers ARP: a relay agent, or a client that has its address.
    Unicast(SocketAddrV4),
    /// Everybody on the link, at port 68.
    Broadcast,
    /// A client that does not have its address yet, by its Ethernet address, at port 68. Where there
    /// is no packet socket it goes by broadcast instead.
    Link {
        /// The client's address to be.
        address: Ipv4Addr,
        /// Its Ethernet address.
        hardware: [u8; 6],
    },
}

/// One message to a client or relay agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The payload of the UDP datagram.
    pub bytes: Bytes,
    /// Where it goes.
    pub destination: Destination,
}

/// An answer that may leave once a commit is durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingReply {
    /// The owner that made the commit; without meaning if `commit` is 0.
    pub owner: usize,
    /// What has to be durable first. 0, the empty past, for an answer that promises nothing.
    pub commit: CommitId,
    /// The answer.
    pub reply: Reply,
}

/// Access to the owners of the pools.
pub trait Owners {
    /// The owner with this index, as [`PoolConfig::owner`](super::PoolConfig::owner) names it.
    fn owner(&mut self, index: usize) -> Option<&mut dyn LeaseAuthority>;
}

/// One request with everything that its handling needs.
#[derive(Debug)]
pub(super) struct Exchange<'p> {
    /// As received.
    pub(super) bytes: &'p [u8],
    pub(super) packet: &'p ClientPacket<'p>,
    pub(super) arrival: &'p Arrival,
    pub(super) client: ClientRef<'p>,
    /// The network on which the client is, or that of the address which it speaks about.
    pub(super) subnet: &'p Subnet,
    /// This server as the client knows it.
    pub(super) server_identifier: Ipv4Addr,
    /// Option 54 of the request names this server.
    pub(super) names_this_server: bool,
    pub(super) now: Now,
}

impl Exchange<'_> {
    pub(super) fn header(&self) -> &Header {
        &self.packet.header
    }

    /// A client that speaks BOOTP, not DHCP.
    pub(super) fn is_bootp(&self) -> bool {
        self.packet.message_type.is_none()
    }

    /// Option 54 names somebody else.
    pub(super) fn names_other_server(&self) -> bool {
        self.packet.server_identifier.is_some() && !self.names_this_server
    }

    /// Sent to this server alone, by a client that is not behind a relay agent.
    pub(super) fn is_direct_unicast(&self) -> bool {
        self.arrival.unicast && !self.header().is_relayed()
    }

    /// Where the answer goes that offers or confirms `yiaddr` (RFC 2131 §4.1).
    pub(super) fn destination_of_lease(&self, yiaddr: Ipv4Addr) -> Destination {
        let header = self.header();
        self.destination(if header.is_relayed() {
            ReplyTo::Unicast(SocketAddrV4::new(header.giaddr, SERVER_PORT))
        } else if !header.ciaddr.is_unspecified() {
            ReplyTo::Unicast(SocketAddrV4::new(header.ciaddr, CLIENT_PORT))
        } else if header.wants_broadcast() {
            ReplyTo::Broadcast
        } else {
            link(header, yiaddr)
        })
    }

    /// Where a DHCPNAK goes: the client's address is wrong, so it cannot be used.
    pub(super) fn destination_of_nak(&self) -> Destination {
        let header = self.header();
        self.destination(if header.is_relayed() {
            ReplyTo::Unicast(SocketAddrV4::new(header.giaddr, SERVER_PORT))
        } else {
            ReplyTo::Broadcast
        })
    }

    /// Where the answer to a DHCPINFORM goes: to the client itself, relayed or not (RFC 2131 §4.3.5).
    pub(super) fn destination_of_information(&self, client: Ipv4Addr) -> Destination {
        self.destination(ReplyTo::Unicast(SocketAddrV4::new(client, CLIENT_PORT)))
    }

    fn destination(&self, to: ReplyTo) -> Destination {
        let Arrival { socket, source, local_address: from, answer_to_source, .. } = *self.arrival;
        let to = if answer_to_source { ReplyTo::Unicast(source) } else { to };
        Destination { socket, from, to }
    }
}

/// By Ethernet address where the client has one.
fn link(header: &Header, address: Ipv4Addr) -> ReplyTo {
    match header.chaddr.first_chunk::<6>() {
        Some(hardware) if header.htype == ETHERNET && header.hlen == 6 => {
            ReplyTo::Link { address, hardware: *hardware }
        }
        _ => ReplyTo::Broadcast,
    }
}
