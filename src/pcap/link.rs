//! From a packet to the TCP segment in it.

use core::net::{IpAddr, SocketAddr};

use etherparse::{EtherType, LaxNetSlice, LaxSlicedPacket, TransportSlice};

/// What stands before the IP header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LinkLayer {
    Ethernet,
    /// Linux cooked, version 1.
    Cooked,
    /// Linux cooked, version 2.
    Cooked2,
    /// Nothing.
    RawIp,
    /// Four octets that name the protocol family, in whatever byte order.
    Loopback,
}

impl LinkLayer {
    /// The link layer with this number in the registry of capture files.
    pub(super) const fn from_link_type(link_type: i32) -> Option<Self> {
        match link_type {
            0 | 108 => Some(Self::Loopback),
            1 => Some(Self::Ethernet),
            12 | 14 | 101 | 228 | 229 => Some(Self::RawIp),
            113 => Some(Self::Cooked),
            276 => Some(Self::Cooked2),
            _ => None,
        }
    }
}

/// A TCP segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Segment<'a> {
    pub(super) source: SocketAddr,
    pub(super) destination: SocketAddr,
    /// The number of the first octet of the payload, or of the SYN.
    pub(super) sequence: u32,
    pub(super) syn: bool,
    pub(super) payload: &'a [u8],
    /// Octets at the end of the payload that were sent but not captured.
    pub(super) uncaptured: usize,
}

/// The TCP segment in a packet, if there is one whole enough to be used.
pub(super) fn find_segment(link_layer: LinkLayer, octets: &[u8]) -> Option<Segment<'_>> {
    let packet = match link_layer {
        LinkLayer::Ethernet => LaxSlicedPacket::from_ethernet(octets).ok()?,
        LinkLayer::Cooked => {
            let (header, rest) = octets.split_first_chunk::<16>()?;
            let [.., high, low] = *header;
            LaxSlicedPacket::from_ether_type(EtherType(u16::from_be_bytes([high, low])), rest)
        }
        LinkLayer::Cooked2 => {
            let (header, rest) = octets.split_first_chunk::<20>()?;
            let [high, low, ..] = *header;
            LaxSlicedPacket::from_ether_type(EtherType(u16::from_be_bytes([high, low])), rest)
        }
        LinkLayer::RawIp => LaxSlicedPacket::from_ip(octets).ok()?,
        LinkLayer::Loopback => LaxSlicedPacket::from_ip(octets.get(4..)?).ok()?,
    };
    let Some(TransportSlice::Tcp(tcp)) = packet.transport else {
        return None;
    };
    let header_len = tcp.slice().len() - tcp.payload().len();
    let (source, destination, sent) = match &packet.net {
        Some(LaxNetSlice::Ipv4(ip)) => {
            let header = ip.header();
            let sent = usize::from(header.total_len())
                .saturating_sub(header.slice().len())
                .saturating_sub(header_len);
            (IpAddr::V4(header.source_addr()), IpAddr::V4(header.destination_addr()), sent)
        }
        Some(LaxNetSlice::Ipv6(ip)) => {
            let header = ip.header();
            let addresses = (header.source_addr(), header.destination_addr());
            (IpAddr::V6(addresses.0), IpAddr::V6(addresses.1), tcp.payload().len())
        }
        _ => return None,
    };
    Some(Segment {
        source: SocketAddr::new(source, tcp.source_port()),
        destination: SocketAddr::new(destination, tcp.destination_port()),
        sequence: tcp.sequence_number(),
        syn: tcp.syn(),
        payload: tcp.payload(),
        uncaptured: sent.saturating_sub(tcp.payload().len()),
    })
}
