//! Ethernet frames of directly attached clients.

use std::net::Ipv4Addr;

use etherparse::{NetSlice, SlicedPacket, TransportSlice};

use super::super::names;
use super::super::template::{Kind, MESSAGE, Saying, Writer};
use crate::dhcp::exchange::{CLIENT_PORT, SERVER_PORT};

/// Octets of the headers.
const ETHERNET: usize = 14;
const IP: usize = 20;
const UDP: usize = 8;
const HEADERS: usize = ETHERNET + IP + UDP;

/// Octets of a frame.
pub(super) const FRAME: usize = HEADERS + MESSAGE;

/// Hop limit; the servers are on the link.
const TIME_TO_LIVE: u8 = 64;
/// The number of UDP in IP headers.
const PROTOCOL_UDP: u8 = 17;

/// Writes the frame of a message. A RELEASE goes to the server that it names, whose Ethernet address is
/// `server`; everything else is broadcast.
pub(super) fn write(
    writer: &Writer,
    saying: &Saying,
    server: Option<[u8; 6]>,
    frame: &mut [u8; FRAME],
) {
    let (from, to, hardware) = match (saying.kind, server) {
        (Kind::Release, Some(server)) => (saying.address, saying.server, server),
        _ => (Ipv4Addr::UNSPECIFIED, Ipv4Addr::BROADCAST, [0xff; 6]),
    };
    let (headers, message) = frame.split_at_mut(HEADERS);
    headers.copy_from_slice(&headers_of(hardware, names::ethernet(saying.client), from, to));
    if let Some(message) = message.first_chunk_mut() {
        writer.write(saying, message);
    }
}

fn headers_of(
    destination: [u8; 6],
    source: [u8; 6],
    from: Ipv4Addr,
    to: Ipv4Addr,
) -> [u8; HEADERS] {
    const DATAGRAM: [u8; 2] = length(UDP + MESSAGE);
    const PACKET: [u8; 2] = length(IP + UDP + MESSAGE);
    let mut ip = [0; IP];
    ip[0] = 0x45;
    ip[2..4].copy_from_slice(&PACKET);
    (ip[8], ip[9]) = (TIME_TO_LIVE, PROTOCOL_UDP);
    ip[12..16].copy_from_slice(&from.octets());
    ip[16..20].copy_from_slice(&to.octets());
    let sum = checksum(&ip).to_be_bytes();
    ip[10..12].copy_from_slice(&sum);
    // A checksum of 0 means that there is none (RFC 768).
    let mut udp = [0; UDP];
    udp[..2].copy_from_slice(&CLIENT_PORT.to_be_bytes());
    udp[2..4].copy_from_slice(&SERVER_PORT.to_be_bytes());
    udp[4..6].copy_from_slice(&DATAGRAM);
    let mut headers = [0; HEADERS];
    headers[..6].copy_from_slice(&destination);
    headers[6..12].copy_from_slice(&source);
    headers[12..14].copy_from_slice(&[0x08, 0x00]);
    headers[ETHERNET..ETHERNET + IP].copy_from_slice(&ip);
    headers[ETHERNET + IP..].copy_from_slice(&udp);
    headers
}

/// A length of at most 64 Ki, as it stands in headers.
const fn length(octets: usize) -> [u8; 2] {
    let [.., high, low] = octets.to_be_bytes();
    [high, low]
}

/// The checksum of an IP header whose own field is 0 (RFC 1071).
fn checksum(header: &[u8; IP]) -> u16 {
    let (words, _) = header.as_chunks::<2>();
    let sum: u32 = words.iter().map(|word| u32::from(u16::from_be_bytes(*word))).sum();
    let folded = (sum >> 16) + (sum & 0xffff);
    let [_, _, high, low] = (folded + (folded >> 16)).to_be_bytes();
    !u16::from_be_bytes([high, low])
}

/// What a frame brings: the Ethernet and IP address of its sender, and a message to a client.
pub(super) fn read(frame: &[u8]) -> Option<([u8; 6], Ipv4Addr, &[u8])> {
    let packet = SlicedPacket::from_ethernet(frame).ok()?;
    let (Some(NetSlice::Ipv4(ip)), Some(TransportSlice::Udp(udp))) = (packet.net, packet.transport)
    else {
        return None;
    };
    let source = frame.get(6..12)?.first_chunk().copied()?;
    (udp.destination_port() == CLIENT_PORT)
        .then(|| (source, ip.header().source_addr(), udp.payload()))
}

#[cfg(test)]
mod tests {
    use etherparse::PacketBuilder;

    use super::super::super::template::To;
    use super::*;

    const ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 78, 8, 1);
    const SERVER: Ipv4Addr = Ipv4Addr::new(10, 78, 0, 1);

    fn written(kind: Kind) -> [u8; FRAME] {
        let mut frame = [0xaa; FRAME];
        let saying =
            Saying { kind, client: 7, xid: 0x1234, address: ADDRESS, server: SERVER, to: To::All };
        write(&Writer::new(vec![]), &saying, Some([2, 0, 0, 0, 0, 9]), &mut frame);
        frame
    }

    /// The headers as a library writes them; it gives the datagram a checksum, which is left out here.
    fn by_library(destination: [u8; 6], from: Ipv4Addr, to: Ipv4Addr) -> Vec<u8> {
        let mut frame = Vec::new();
        PacketBuilder::ethernet2(names::ethernet(7), destination)
            .ipv4(from.octets(), to.octets(), TIME_TO_LIVE)
            .udp(CLIENT_PORT, SERVER_PORT)
            .write(&mut frame, &[0; MESSAGE])
            .unwrap();
        frame.truncate(HEADERS);
        frame[HEADERS - 2..].fill(0);
        frame
    }

    #[test]
    fn a_client_without_address_is_heard_by_all() {
        let expected = by_library([0xff; 6], Ipv4Addr::UNSPECIFIED, Ipv4Addr::BROADCAST);
        let mut frame = written(Kind::Discover);
        // The library asks not to fragment, and so does not need an identification.
        frame[20] |= 0x40;
        let sum = checksum_of(&frame);
        frame[24..26].copy_from_slice(&sum);
        assert_eq!(frame[..HEADERS], expected);
    }

    fn checksum_of(frame: &[u8]) -> [u8; 2] {
        let mut ip: [u8; IP] = frame[ETHERNET..ETHERNET + IP].try_into().unwrap();
        ip[10..12].fill(0);
        checksum(&ip).to_be_bytes()
    }

    #[test]
    fn a_release_goes_from_its_address_to_its_server() {
        let frame = written(Kind::Release);
        assert_eq!(frame[..6], [2, 0, 0, 0, 0, 9]);
        assert_eq!(frame[26..34], [10, 78, 8, 1, 10, 78, 0, 1]);
        assert_eq!(frame[24..26], checksum_of(&frame));
    }

    #[test]
    fn an_answer_is_taken_out_of_its_frame() {
        let mut frame = Vec::new();
        PacketBuilder::ethernet2([2, 0, 0, 0, 0, 9], [0xff; 6])
            .ipv4(SERVER.octets(), [255; 4], TIME_TO_LIVE)
            .udp(SERVER_PORT, CLIENT_PORT)
            .write(&mut frame, b"answer")
            .unwrap();
        assert_eq!(read(&frame), Some(([2, 0, 0, 0, 0, 9], SERVER, &b"answer"[..])));
        for length in 0..frame.len() {
            assert_eq!(read(&frame[..length]).map(|_| length), None);
        }
    }

    #[test]
    fn a_frame_of_a_client_is_no_answer() {
        assert_eq!(read(&written(Kind::Discover)), None);
    }
}
