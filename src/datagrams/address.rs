//! Socket addresses as octets, in the layout that the system gives them.

use std::mem::{offset_of, size_of};
use std::net::{Ipv4Addr, SocketAddrV4};

use super::system::family;

/// Octets of the longest address that is understood.
const LENGTH: usize = size_of::<libc::sockaddr_ll>();

// The layouts that the code below takes for granted.
const _: () = {
    assert!(size_of::<libc::sockaddr_in>() <= LENGTH && LENGTH == 20);
    assert!(offset_of!(libc::sockaddr_in, sin_port) == 2);
    assert!(offset_of!(libc::sockaddr_in, sin_addr) == 4);
    assert!(offset_of!(libc::sockaddr_ll, sll_protocol) == 2);
    assert!(offset_of!(libc::sockaddr_ll, sll_ifindex) == 4);
    assert!(offset_of!(libc::sockaddr_ll, sll_halen) == 11);
    assert!(offset_of!(libc::sockaddr_ll, sll_addr) == 12);
};

/// A place on a link, which is what packet sockets send to and receive from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LinkAddress {
    /// Index of the interface.
    pub interface: u32,
    /// The `EtherType`: 0x0800 for IPv4.
    pub protocol: u16,
    /// The Ethernet address.
    pub hardware: [u8; 6],
}

/// The other end of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Peer {
    /// Of a UDP socket.
    Udp(SocketAddrV4),
    /// Of a packet socket.
    Link(LinkAddress),
}

/// Room for an address. Length 0: none.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(8))]
pub(super) struct Name {
    pub(super) octets: [u8; LENGTH],
    pub(super) length: u32,
}

impl Name {
    pub(super) const NONE: Self = Self { octets: [0; LENGTH], length: 0 };

    pub(super) fn udp(address: SocketAddrV4) -> Self {
        let [f0, f1] = family(libc::AF_INET).to_ne_bytes();
        let [p0, p1] = address.port().to_be_bytes();
        let [a0, a1, a2, a3] = address.ip().octets();
        let mut octets = [0; LENGTH];
        octets[..8].copy_from_slice(&[f0, f1, p0, p1, a0, a1, a2, a3]);
        Self { octets, length: 16 }
    }

    pub(super) fn link(address: LinkAddress) -> Self {
        let mut octets = [0; LENGTH];
        octets[..2].copy_from_slice(&family(libc::AF_PACKET).to_ne_bytes());
        octets[2..4].copy_from_slice(&address.protocol.to_be_bytes());
        octets[4..8].copy_from_slice(&address.interface.to_ne_bytes());
        octets[11] = 6;
        octets[12..18].copy_from_slice(&address.hardware);
        Self { octets, length: 20 }
    }

    /// The octets that count.
    pub(super) fn as_slice(&self) -> &[u8] {
        self.octets.get(..self.length as usize).unwrap_or_default()
    }

    /// What the system has written, if it is of a kind that is understood.
    pub(super) fn peer(&self) -> Option<Peer> {
        let [f0, f1, p0, p1, o4, o5, o6, o7, rest @ ..] = self.octets;
        let kind = i32::from(u16::from_ne_bytes([f0, f1]));
        let second = u16::from_be_bytes([p0, p1]);
        match (kind, self.length) {
            (libc::AF_INET, 8..) => {
                Some(Peer::Udp(SocketAddrV4::new(Ipv4Addr::new(o4, o5, o6, o7), second)))
            }
            (libc::AF_PACKET, 18..) => Some(Peer::Link(LinkAddress {
                interface: u32::from_ne_bytes([o4, o5, o6, o7]),
                protocol: second,
                hardware: *rest.last_chunk::<8>()?.first_chunk()?,
            })),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_udp_address_is_read_as_it_was_written() {
        let address = SocketAddrV4::new(Ipv4Addr::new(10, 1, 2, 3), 6767);
        assert_eq!(Name::udp(address).peer(), Some(Peer::Udp(address)));
    }

    #[test]
    fn a_link_address_is_read_as_it_was_written() {
        let address = LinkAddress { interface: 7, protocol: 0x0800, hardware: [2, 0, 0, 4, 5, 6] };
        assert_eq!(Name::link(address).peer(), Some(Peer::Link(address)));
    }

    #[test]
    fn no_address_is_nobodys() {
        assert_eq!(Name::NONE.peer(), None);
    }
}
