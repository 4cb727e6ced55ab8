//! What neighbours know of the address: is there somebody who answers for it, and who has it now (RFC 5227).

use std::io::{self, Read};
use std::net::Ipv4Addr;
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use etherparse::{
    ArpEthIpv4Packet, ArpOperation, EtherType, Ethernet2Header, NetSlice, SlicedPacket,
};
use socket2::{Domain, Protocol, Socket, Type};

use crate::dhcp::Interface;

/// Questions that are asked before nobody is believed to have the address.
const PROBES: u32 = 3;

/// Time for the answer to one of them.
const PROBE_TIME: Duration = Duration::from_millis(200);

/// Longest frame that is looked at; an ARP packet has 42 octets, padded to 60.
const MAX_FRAME: usize = 128;

const EVERYBODY: [u8; 6] = [0xff; 6];
const NOBODY: [u8; 6] = [0; 6];

/// The other machines on an Ethernet segment.
#[derive(Debug)]
pub(super) struct Neighbours {
    socket: Socket,
    hardware: [u8; 6],
}

impl Neighbours {
    /// Needs `CAP_NET_RAW`.
    pub(super) fn on(interface: &Interface) -> io::Result<Self> {
        let protocol = Protocol::from(i32::from(EtherType::ARP.0.to_be()));
        let socket = Socket::new(Domain::PACKET, Type::RAW, Some(protocol))?;
        nix::sys::socket::bind(socket.as_raw_fd(), &interface.link)?;
        Ok(Self { socket, hardware: interface.hardware })
    }

    /// Whoever else answers for the address, and if this one yields, whoever is about to take it too.
    pub(super) fn holder(&self, address: Ipv4Addr, yields: bool) -> io::Result<Option<[u8; 6]>> {
        for _ in 0..PROBES {
            self.send(Ipv4Addr::UNSPECIFIED, address)?;
            let deadline = Instant::now() + PROBE_TIME;
            while let Some(heard) = self.hear(deadline)? {
                if claims(&heard, address, yields) && heard.sender_mac != self.hardware {
                    return Ok(Some(heard.sender_mac));
                }
            }
        }
        Ok(None)
    }

    /// Tells everybody that the address is here now.
    pub(super) fn announce(&self, address: Ipv4Addr) -> io::Result<()> {
        self.send(address, address)
    }

    fn send(&self, sender: Ipv4Addr, target: Ipv4Addr) -> io::Result<()> {
        let ethernet = Ethernet2Header {
            source: self.hardware,
            destination: EVERYBODY,
            ether_type: EtherType::ARP,
        };
        let arp = ArpEthIpv4Packet {
            operation: ArpOperation::REQUEST,
            sender_mac: self.hardware,
            sender_ipv4: sender.octets(),
            target_mac: NOBODY,
            target_ipv4: target.octets(),
        };
        let frame = [&ethernet.to_bytes()[..], &arp.to_bytes()].concat();
        self.socket.send(&frame).map(drop)
    }

    /// The next ARP packet; `None` at the deadline.
    fn hear(&self, deadline: Instant) -> io::Result<Option<ArpEthIpv4Packet>> {
        let mut frame = [0; MAX_FRAME];
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(None);
            }
            self.socket.set_read_timeout(Some(left))?;
            match (&self.socket).read(&mut frame) {
                Ok(length) => {
                    let packet = frame.get(..length).and_then(parse);
                    if packet.is_some() {
                        return Ok(packet);
                    }
                }
                Err(error) => match error.kind() {
                    io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted => {}
                    _ => return Err(error),
                },
            }
        }
    }
}

fn parse(frame: &[u8]) -> Option<ArpEthIpv4Packet> {
    match SlicedPacket::from_ethernet(frame).ok()?.net? {
        NetSlice::Arp(arp) => arp.to_packet().try_eth_ipv4().ok(),
        _ => None,
    }
}

/// Whether the sender of a packet has the address, or, where that counts too, is about to take it.
fn claims(heard: &ArpEthIpv4Packet, address: Ipv4Addr, counts_probes: bool) -> bool {
    let sender = heard.sender_ipv4_addr();
    let is_probe = sender.is_unspecified() && heard.operation == ArpOperation::REQUEST;
    sender == address || counts_probes && is_probe && heard.target_ipv4_addr() == address
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 78, 0, 50);

    fn heard(operation: ArpOperation, sender: Ipv4Addr, target: Ipv4Addr) -> ArpEthIpv4Packet {
        ArpEthIpv4Packet {
            operation,
            sender_mac: [2; 6],
            sender_ipv4: sender.octets(),
            target_mac: NOBODY,
            target_ipv4: target.octets(),
        }
    }

    #[test]
    fn whoever_answers_for_the_address_claims_it() {
        let answer = heard(ArpOperation::REPLY, ADDRESS, Ipv4Addr::UNSPECIFIED);
        assert!(claims(&answer, ADDRESS, false));
    }

    #[test]
    fn of_two_that_ask_at_one_time_one_gives_way() {
        let probe = heard(ArpOperation::REQUEST, Ipv4Addr::UNSPECIFIED, ADDRESS);
        assert!(claims(&probe, ADDRESS, true));
        assert!(!claims(&probe, ADDRESS, false));
    }

    #[test]
    fn whoever_looks_for_the_address_does_not_claim_it() {
        let question = heard(ArpOperation::REQUEST, Ipv4Addr::new(10, 78, 0, 3), ADDRESS);
        assert!(!claims(&question, ADDRESS, true));
    }
}
