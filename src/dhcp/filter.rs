//! What the kernel sorts before this process is bothered: classic BPF.
//!
//! Each port has two sockets, one for DISCOVERs and one for everything else. Under more load than can
//! be served the kernel drops what finds no room, which costs this process nothing; kept apart, a
//! flood of DISCOVERs cannot crowd out the REQUESTs that complete the exchanges begun before, nor the
//! renewals. A DISCOVER is known by its option 53 in first place, where clients put it; one that has
//! it elsewhere waits among the others, and is served all the same.

use socket2::SockFilter;

use super::exchange::SERVER_PORT;
use super::packet::FIXED_OCTETS;

/// Which messages a socket is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lane {
    /// Everything but DISCOVERs.
    Requests,
    /// DISCOVERs, as far as they are told apart.
    Discovers,
}

impl Lane {
    pub(super) const ALL: [Self; 2] = [Self::Requests, Self::Discovers];

    /// What a filter returns about DISCOVERs, and about other messages.
    const fn verdicts(self) -> [u32; 2] {
        match self {
            Self::Requests => [0, u32::MAX],
            Self::Discovers => [u32::MAX, 0],
        }
    }
}

/// Ethernet's number for IPv4.
pub(super) const ETHERTYPE_IPV4: u16 = 0x0800;

/// Where the option begins that says what a message is, in a DHCP message.
const OPTION: u32 = 240;
const _: () = assert!(OPTION as usize == FIXED_OCTETS);
/// Octets of a message up to the end of that option.
const WITH_OPTION: u32 = OPTION + 3;
/// Code and length of option 53.
const MESSAGE_TYPE: u32 = 0x3501;
/// DISCOVER.
const DISCOVER: u32 = 1;

/// Octets of headers.
const UDP_HEADER: u32 = 8;
const ETHERNET_HEADER: u32 = 14;

const LOAD_WORD: u16 = 0x20;
const LOAD_HALF: u16 = 0x28;
const LOAD_OCTET: u16 = 0x30;
const LOAD_LENGTH: u16 = 0x80;
const LOAD_HALF_INDEXED: u16 = 0x48;
const LOAD_OCTET_INDEXED: u16 = 0x50;
const LOAD_INDEX_HEADER_LENGTH: u16 = 0xb1;
const SUBTRACT_INDEX: u16 = 0x1c;
const JUMP_IF_EQUAL: u16 = 0x15;
const JUMP_IF_AT_LEAST: u16 = 0x35;
const JUMP_IF_ANY_BIT: u16 = 0x45;
const RETURN: u16 = 0x06;

/// Which of the two UDP sockets of a port a datagram is for, by its place in [`Lane::ALL`]. It sees
/// the payload; where that is too short to be read the answer is 0.
pub(super) fn choose_lane() -> [SockFilter; 6] {
    [
        SockFilter::new(LOAD_HALF, 0, 0, OPTION),
        SockFilter::new(JUMP_IF_EQUAL, 0, 3, MESSAGE_TYPE),
        SockFilter::new(LOAD_OCTET, 0, 0, OPTION + 2),
        SockFilter::new(JUMP_IF_EQUAL, 0, 1, DISCOVER),
        SockFilter::new(RETURN, 0, 0, 1),
        SockFilter::new(RETURN, 0, 0, 0),
    ]
}

/// For a UDP socket. A broadcast is given to both sockets of a port, so each has to refuse what is
/// the other's. `limited_broadcasts`: datagrams to 255.255.255.255 are wanted too.
pub(super) fn of_udp(lane: Lane, limited_broadcasts: bool) -> [SockFilter; 11] {
    /// Offsets from here on count from the network header (`SKF_NET_OFF`), which the kernel keeps.
    const NETWORK_HEADER: u32 = 0xfff0_0000;
    let [discovers, others] = lane.verdicts();
    let broadcasts = if limited_broadcasts { 0 } else { 8 };
    [
        SockFilter::new(LOAD_WORD, 0, 0, NETWORK_HEADER + 16),
        SockFilter::new(JUMP_IF_EQUAL, broadcasts, 0, u32::MAX),
        SockFilter::new(LOAD_LENGTH, 0, 0, 0),
        SockFilter::new(JUMP_IF_AT_LEAST, 0, 5, UDP_HEADER + WITH_OPTION),
        SockFilter::new(LOAD_HALF, 0, 0, UDP_HEADER + OPTION),
        SockFilter::new(JUMP_IF_EQUAL, 0, 3, MESSAGE_TYPE),
        SockFilter::new(LOAD_OCTET, 0, 0, UDP_HEADER + OPTION + 2),
        SockFilter::new(JUMP_IF_EQUAL, 0, 1, DISCOVER),
        SockFilter::new(RETURN, 0, 0, discovers),
        SockFilter::new(RETURN, 0, 0, others),
        SockFilter::new(RETURN, 0, 0, 0),
    ]
}

/// For a packet socket: UDP over IPv4 to 255.255.255.255 port 67, first or only fragment.
pub(super) fn of_link(lane: Lane) -> [SockFilter; 21] {
    /// Both headers around the IPv4 header, which is in the index.
    const PAYLOAD: u32 = ETHERNET_HEADER + UDP_HEADER;
    let [discovers, others] = lane.verdicts();
    [
        SockFilter::new(LOAD_HALF, 0, 0, 12),
        SockFilter::new(JUMP_IF_EQUAL, 0, 18, ETHERTYPE_IPV4.into()),
        SockFilter::new(LOAD_OCTET, 0, 0, 23),
        SockFilter::new(JUMP_IF_EQUAL, 0, 16, 17),
        SockFilter::new(LOAD_WORD, 0, 0, 30),
        SockFilter::new(JUMP_IF_EQUAL, 0, 14, u32::MAX),
        SockFilter::new(LOAD_HALF, 0, 0, 20),
        SockFilter::new(JUMP_IF_ANY_BIT, 12, 0, 0x1fff),
        SockFilter::new(LOAD_INDEX_HEADER_LENGTH, 0, 0, ETHERNET_HEADER),
        SockFilter::new(LOAD_HALF_INDEXED, 0, 0, 16),
        SockFilter::new(JUMP_IF_EQUAL, 0, 9, SERVER_PORT.into()),
        SockFilter::new(LOAD_LENGTH, 0, 0, 0),
        SockFilter::new(SUBTRACT_INDEX, 0, 0, 0),
        SockFilter::new(JUMP_IF_AT_LEAST, 0, 5, PAYLOAD + WITH_OPTION),
        SockFilter::new(LOAD_HALF_INDEXED, 0, 0, PAYLOAD + OPTION),
        SockFilter::new(JUMP_IF_EQUAL, 0, 3, MESSAGE_TYPE),
        SockFilter::new(LOAD_OCTET_INDEXED, 0, 0, PAYLOAD + OPTION + 2),
        SockFilter::new(JUMP_IF_EQUAL, 0, 1, DISCOVER),
        SockFilter::new(RETURN, 0, 0, discovers),
        SockFilter::new(RETURN, 0, 0, others),
        SockFilter::new(RETURN, 0, 0, 0),
    ]
}
