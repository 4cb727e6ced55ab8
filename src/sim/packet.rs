//! What clients say to servers and hear from them, octet by octet.

use std::net::Ipv4Addr;

use super::scenario::RELAY;
use crate::dhcp::OptionCode;
use crate::dhcp::packet::{ClientPacket, FIXED_OCTETS, OptionWalk};

/// Message types of option 53.
const DISCOVER: u8 = 1;
const OFFER: u8 = 2;
const REQUEST: u8 = 3;
const DECLINE: u8 = 4;
const ACK: u8 = 5;
const NAK: u8 = 6;
const RELEASE: u8 = 7;

/// One thing that a client says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Say {
    /// Who has an address for me? Perhaps this one?
    Discover(Option<Ipv4Addr>),
    /// I take what this server offers.
    Select { server: Ipv4Addr, address: Ipv4Addr },
    /// I am back: may I go on with this address?
    Reboot(Ipv4Addr),
    /// To the server that gave the lease: may I keep it?
    Renew(Ipv4Addr),
    /// To any server: may I keep it?
    Rebind(Ipv4Addr),
    /// I need it no more.
    Release { server: Ipv4Addr, address: Ipv4Addr },
    /// Somebody uses it already.
    Decline { server: Ipv4Addr, address: Ipv4Addr },
}

impl Say {
    /// Whether it goes to one server directly, without a relay agent.
    pub(crate) const fn is_unicast(self) -> bool {
        matches!(self, Self::Renew(_) | Self::Release { .. })
    }
}

/// What a server answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// This address may be asked for.
    Offer { server: Ipv4Addr, address: Ipv4Addr },
    /// The address is the client's for so many seconds.
    Ack { server: Ipv4Addr, address: Ipv4Addr, seconds: u32, renew: u32, rebind: u32 },
    /// The address is not the client's.
    Nak { server: Ipv4Addr },
}

/// An answer with what tells to whom it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Heard {
    /// Transaction of the request.
    pub(crate) xid: u32,
    /// The client's number.
    pub(crate) client: u32,
    /// What is said.
    pub(crate) answer: Answer,
}

/// The Ethernet address of a client.
pub(crate) const fn hardware(client: u32) -> [u8; 6] {
    let [a, b, c, d] = client.to_be_bytes();
    [2, 0, a, b, c, d]
}

/// The octets of a message; a lease of `wish` seconds is asked for where there is one to ask for.
pub(crate) fn write(say: Say, client: u32, xid: u32, secs: u16, wish: Option<u32>) -> Vec<u8> {
    let none = Ipv4Addr::UNSPECIFIED;
    let (kind, ciaddr, requested, server) = match say {
        Say::Discover(wanted) => (DISCOVER, none, wanted, None),
        Say::Select { server, address } => (REQUEST, none, Some(address), Some(server)),
        Say::Reboot(address) => (REQUEST, none, Some(address), None),
        Say::Renew(address) | Say::Rebind(address) => (REQUEST, address, None, None),
        Say::Release { server, address } => (RELEASE, address, None, Some(server)),
        Say::Decline { server, address } => (DECLINE, none, Some(address), Some(server)),
    };
    let giaddr = if say.is_unicast() { none } else { RELAY };
    let mut octets = Vec::with_capacity(280);
    octets.extend_from_slice(&[1, 1, 6, u8::from(!say.is_unicast())]);
    octets.extend_from_slice(&xid.to_be_bytes());
    octets.extend_from_slice(&secs.to_be_bytes());
    octets.extend_from_slice(&[0, 0]);
    octets.extend_from_slice(&ciaddr.octets());
    octets.extend_from_slice(&[0; 8]);
    octets.extend_from_slice(&giaddr.octets());
    octets.extend_from_slice(&hardware(client));
    octets.resize(236, 0);
    octets.extend_from_slice(&[99, 130, 83, 99, 53, 1, kind]);
    let mut option = |code: OptionCode, data: [u8; 4]| {
        octets.extend_from_slice(&[code.0, 4]);
        octets.extend_from_slice(&data);
    };
    if let Some(address) = requested {
        option(OptionCode::REQUESTED_ADDRESS, address.octets());
    }
    if let Some(server) = server {
        option(OptionCode::SERVER_IDENTIFIER, server.octets());
    }
    if let Some(seconds) = wish.filter(|_| matches!(kind, DISCOVER | REQUEST)) {
        option(OptionCode::LEASE_TIME, seconds.to_be_bytes());
    }
    octets.push(255);
    octets
}

/// Transaction and meaning of what a client says.
pub(crate) fn understand(octets: &[u8]) -> Option<(u32, Say)> {
    let packet = ClientPacket::parse(octets).ok()?;
    let ciaddr = packet.header.ciaddr;
    let (requested, server) = (packet.requested_address, packet.server_identifier);
    let say = match (u8::from(packet.message_type?), server) {
        (DISCOVER, _) => Say::Discover(requested),
        (REQUEST, Some(server)) => Say::Select { server, address: requested? },
        (REQUEST, None) if ciaddr.is_unspecified() => Say::Reboot(requested?),
        (REQUEST, None) if packet.header.is_relayed() => Say::Rebind(ciaddr),
        (REQUEST, None) => Say::Renew(ciaddr),
        (RELEASE, Some(server)) => Say::Release { server, address: ciaddr },
        (DECLINE, Some(server)) => Say::Decline { server, address: requested? },
        _ => return None,
    };
    Some((packet.header.xid, say))
}

/// Reads an answer; `None` if it is none.
pub(crate) fn read(octets: &[u8]) -> Option<Heard> {
    let four = |at: usize| -> Option<[u8; 4]> { octets.get(at..at + 4)?.try_into().ok() };
    let xid = u32::from_be_bytes(four(4)?);
    let address = Ipv4Addr::from(four(16)?);
    let client = u32::from_be_bytes(four(30)?);
    let (mut kind, mut server, mut times) = (0, None, [None; 3]);
    for option in OptionWalk::new(octets.get(FIXED_OCTETS..)?) {
        let (code, data) = option.ok()?;
        let number = || Some(u32::from_be_bytes(data.try_into().ok()?));
        match code {
            OptionCode::MESSAGE_TYPE => kind = *data.first()?,
            OptionCode::SERVER_IDENTIFIER => server = number().map(Ipv4Addr::from_bits),
            OptionCode::LEASE_TIME => times[0] = number(),
            OptionCode::RENEWAL_TIME => times[1] = number(),
            OptionCode::REBINDING_TIME => times[2] = number(),
            _ => {}
        }
    }
    let server = server?;
    let answer = match kind {
        OFFER => Answer::Offer { server, address },
        ACK => {
            let [seconds, renew, rebind] = times;
            let seconds = seconds?;
            let (renew, rebind) = (renew.unwrap_or(seconds / 2), rebind.unwrap_or(seconds / 8 * 7));
            Answer::Ack { server, address, seconds, renew, rebind }
        }
        NAK => Answer::Nak { server },
        _ => return None,
    };
    Some(Heard { xid, client, answer })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_reads_what_a_client_says() {
        let (server, address) = (Ipv4Addr::new(192, 0, 2, 1), Ipv4Addr::new(10, 0, 0, 9));
        let octets = write(Say::Select { server, address }, 5, 77, 3, Some(600));
        let packet = ClientPacket::parse(&octets).unwrap();
        assert_eq!((packet.header.xid, packet.header.secs, packet.header.giaddr), (77, 3, RELAY));
        assert_eq!(packet.requested_address, Some(address));
        assert_eq!(packet.server_identifier, Some(server));
        assert_eq!(packet.lease_time, Some(600));
        assert_eq!(packet.header.chaddr[..6], hardware(5));
    }

    #[test]
    fn what_is_said_is_understood() {
        let (server, address) = (Ipv4Addr::new(192, 0, 2, 1), Ipv4Addr::new(10, 0, 0, 9));
        let all = [
            Say::Discover(None),
            Say::Discover(Some(address)),
            Say::Select { server, address },
            Say::Reboot(address),
            Say::Renew(address),
            Say::Rebind(address),
            Say::Release { server, address },
            Say::Decline { server, address },
        ];
        for say in all {
            assert_eq!(understand(&write(say, 5, 77, 3, None)), Some((77, say)));
        }
    }

    #[test]
    fn what_is_no_answer_is_passed_over() {
        assert_eq!(read(&[2; 100]), None);
        assert_eq!(read(&write(Say::Discover(None), 1, 1, 0, None)), None);
    }
}
