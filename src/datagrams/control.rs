//! The local end of a datagram, as a control message (`IP_PKTINFO`).

use std::mem::{offset_of, size_of};
use std::net::Ipv4Addr;

use super::system::SIZE_OF_LENGTH;

/// Octets in front of what a control message says: its length, its level and its type.
const HEADER: usize = SIZE_OF_LENGTH + 8;
/// Octets of a control message with packet information.
const LENGTH: usize = HEADER + size_of::<libc::in_pktinfo>();
/// Octets that it takes up.
const SPACE: usize = LENGTH.next_multiple_of(SIZE_OF_LENGTH);
/// Octets for control messages; there is room for a few that nobody has asked for.
const ROOM: usize = 64;

// The layout that the code below takes for granted.
const _: () = {
    assert!(SPACE <= ROOM && size_of::<libc::in_pktinfo>() == 12);
    assert!(offset_of!(libc::in_pktinfo, ipi_spec_dst) == 4);
    assert!(offset_of!(libc::in_pktinfo, ipi_addr) == 8);
};

/// What the system says about the local end of a UDP datagram, on a socket with `IP_PKTINFO`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LocalEnd {
    /// Index of the interface on which it came.
    pub interface: u32,
    /// The address of this machine that it was for; for a broadcast that of the interface.
    pub address: Ipv4Addr,
    /// The address to which it was sent.
    pub destination: Ipv4Addr,
}

/// Room for control messages. Length 0: none.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(8))]
pub(super) struct Control {
    pub(super) octets: [u8; ROOM],
    pub(super) length: usize,
}

impl Control {
    pub(super) const NONE: Self = Self { octets: [0; ROOM], length: 0 };

    /// Asks for a datagram to leave from `address`; through `interface`, unless that is 0.
    pub(super) fn leaving(address: Ipv4Addr, interface: u32) -> Self {
        let mut control = Self::NONE;
        let fields: [&[u8]; 5] = [
            &LENGTH.to_ne_bytes(),
            &libc::IPPROTO_IP.to_ne_bytes(),
            &libc::IP_PKTINFO.to_ne_bytes(),
            &interface.to_ne_bytes(),
            &address.octets(),
        ];
        for (octet, value) in control.octets.iter_mut().zip(fields.into_iter().flatten()) {
            *octet = *value;
        }
        control.length = SPACE;
        control
    }

    /// The octets that count.
    pub(super) fn as_slice(&self) -> &[u8] {
        self.octets.get(..self.length).unwrap_or_default()
    }

    /// What the system has written about the local end.
    pub(super) fn local_end(&self) -> Option<LocalEnd> {
        let (words, rest) = self.find(libc::IPPROTO_IP, libc::IP_PKTINFO)?.as_chunks::<4>();
        let ([interface, address, destination], []) = (words, rest) else { return None };
        Some(LocalEnd {
            interface: u32::from_ne_bytes(*interface),
            address: (*address).into(),
            destination: (*destination).into(),
        })
    }

    /// What the system has written about datagrams that found no room.
    pub(super) fn lost(&self) -> Option<u32> {
        let count = self.find(libc::SOL_SOCKET, libc::SO_RXQ_OVFL)?;
        Some(u32::from_ne_bytes(*count.first_chunk()?))
    }

    /// The content of the control message of one kind.
    fn find(&self, level: i32, kind: i32) -> Option<&[u8]> {
        let mut rest = self.as_slice();
        while let Some((found, content)) = next(&mut rest) {
            if found == (level, kind) {
                return Some(content);
            }
        }
        None
    }
}

/// Cuts the first control message off: its level and type, and its content.
fn next<'c>(rest: &mut &'c [u8]) -> Option<((i32, i32), &'c [u8])> {
    let (length, fields) = rest.split_first_chunk::<SIZE_OF_LENGTH>()?;
    let (level, fields) = fields.split_first_chunk::<4>()?;
    let (kind, _) = fields.split_first_chunk::<4>()?;
    let length = usize::from_ne_bytes(*length);
    let content = rest.get(HEADER..length)?;
    let kind = (i32::from_ne_bytes(*level), i32::from_ne_bytes(*kind));
    *rest = rest.get(length.next_multiple_of(SIZE_OF_LENGTH)..).unwrap_or_default();
    Some((kind, content))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 1, 2, 3);

    #[test]
    fn a_local_end_is_read_as_it_was_written() {
        let end = Control::leaving(ADDRESS, 7).local_end().expect("it is there");
        assert_eq!((end.interface, end.address), (7, ADDRESS));
    }

    #[test]
    fn a_control_message_of_another_kind_is_stepped_over() {
        let info = Control::leaving(ADDRESS, 7);
        let mut control = Control::NONE;
        let other = HEADER + 1;
        control.octets[..SIZE_OF_LENGTH].copy_from_slice(&other.to_ne_bytes());
        let at = other.next_multiple_of(SIZE_OF_LENGTH);
        control.octets[at..at + SPACE].copy_from_slice(&info.octets[..SPACE]);
        control.length = at + SPACE;
        assert_eq!(control.local_end().map(|end| end.address), Some(ADDRESS));
    }

    #[test]
    fn the_count_of_lost_datagrams_is_read() {
        let mut control = Control::leaving(ADDRESS, 7);
        let kind = [libc::SOL_SOCKET.to_ne_bytes(), libc::SO_RXQ_OVFL.to_ne_bytes()].concat();
        control.octets[..SIZE_OF_LENGTH].copy_from_slice(&(HEADER + 4).to_ne_bytes());
        control.octets[SIZE_OF_LENGTH..HEADER].copy_from_slice(&kind);
        control.octets[HEADER..HEADER + 4].copy_from_slice(&9_u32.to_ne_bytes());
        assert_eq!((control.lost(), control.local_end()), (Some(9), None));
    }

    #[test]
    fn a_control_message_that_says_it_is_longer_than_its_room_is_none() {
        let mut control = Control::leaving(ADDRESS, 7);
        for length in [0, 1, HEADER - 1, SPACE + 1, usize::MAX] {
            control.octets[..SIZE_OF_LENGTH].copy_from_slice(&length.to_ne_bytes());
            assert_eq!(control.local_end(), None, "{length}");
        }
    }
}
