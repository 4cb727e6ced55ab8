//! What clients say to servers and hear from them.

use std::net::Ipv4Addr;
use std::time::Duration;

use dhcproto::v4::{DhcpOption, Flags, HType, Message, MessageType, OptionCode};
use dhcproto::{Decodable, Decoder, Encodable};

/// A client's Ethernet address.
pub(super) type Ethernet = [u8; 6];

/// One thing that a client says.
#[derive(Clone, Copy, Debug)]
pub(super) enum Say {
    /// Who has an address for me?
    Discover,
    /// I take what this server offers.
    Select { server: Ipv4Addr, address: Ipv4Addr },
    /// To the server that gave the lease: may I keep it?
    Renew { address: Ipv4Addr },
    /// To any server: may I keep it?
    Rebind { address: Ipv4Addr },
    /// To any server, after a restart: is it still mine?
    Reboot { address: Ipv4Addr },
    /// I need it no more.
    Release { server: Ipv4Addr, address: Ipv4Addr },
}

/// The octets of a message. What goes to one server directly bears no relay agent's address.
pub(super) fn write(
    say: Say,
    xid: u32,
    ethernet: Ethernet,
    waited: Duration,
    relay: Ipv4Addr,
) -> Option<Vec<u8>> {
    let unspecified = Ipv4Addr::UNSPECIFIED;
    let (kind, ciaddr, relayed) = match say {
        Say::Discover => (MessageType::Discover, unspecified, true),
        Say::Select { .. } | Say::Reboot { .. } => (MessageType::Request, unspecified, true),
        Say::Rebind { address } => (MessageType::Request, address, true),
        Say::Renew { address } => (MessageType::Request, address, false),
        Say::Release { address, .. } => (MessageType::Release, address, false),
    };
    let giaddr = if relayed { relay } else { unspecified };
    let mut message =
        Message::new_with_id(xid, ciaddr, unspecified, unspecified, giaddr, &ethernet);
    message
        .set_htype(HType::Eth)
        .set_flags(Flags::default())
        .set_secs(u16::try_from(waited.as_secs()).unwrap_or(u16::MAX));
    if relayed {
        message.set_hops(1);
    }
    let options = message.opts_mut();
    options.insert(DhcpOption::MessageType(kind));
    match say {
        Say::Select { server, address } => {
            options.insert(DhcpOption::ServerIdentifier(server));
            options.insert(DhcpOption::RequestedIpAddress(address));
        }
        Say::Reboot { address } => {
            options.insert(DhcpOption::RequestedIpAddress(address));
        }
        Say::Release { server, .. } => {
            options.insert(DhcpOption::ServerIdentifier(server));
        }
        Say::Discover | Say::Renew { .. } | Say::Rebind { .. } => {}
    }
    message.to_vec().ok()
}

/// What a server answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Offer { server: Ipv4Addr, address: Ipv4Addr },
    Ack { server: Ipv4Addr, address: Ipv4Addr, lease: Terms },
    Nak,
}

/// Times of a lease, from the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Terms {
    pub(super) renew: Duration,
    pub(super) rebind: Duration,
    pub(super) end: Duration,
}

/// Transaction, client and content of an answer; `None` if the octets are none.
pub(super) fn read(octets: &[u8]) -> Option<(u32, Ethernet, Answer)> {
    let message = Message::decode(&mut Decoder::new(octets)).ok()?;
    let ethernet = Ethernet::try_from(message.chaddr()).ok()?;
    let options = message.opts();
    let server = match options.get(OptionCode::ServerIdentifier) {
        Some(DhcpOption::ServerIdentifier(server)) => *server,
        _ => return None,
    };
    let address = message.yiaddr();
    let answer = match options.get(OptionCode::MessageType)? {
        DhcpOption::MessageType(MessageType::Offer) => Answer::Offer { server, address },
        DhcpOption::MessageType(MessageType::Ack) => {
            let Some(DhcpOption::AddressLeaseTime(seconds)) =
                options.get(OptionCode::AddressLeaseTime)
            else {
                return None;
            };
            let end = Duration::from_secs(u64::from(*seconds));
            let renew = match options.get(OptionCode::Renewal) {
                Some(DhcpOption::Renewal(seconds)) => Duration::from_secs(u64::from(*seconds)),
                _ => end / 2,
            };
            let rebind = match options.get(OptionCode::Rebinding) {
                Some(DhcpOption::Rebinding(seconds)) => Duration::from_secs(u64::from(*seconds)),
                _ => end * 7 / 8,
            };
            Answer::Ack { server, address, lease: Terms { renew, rebind, end } }
        }
        DhcpOption::MessageType(MessageType::Nak) => Answer::Nak,
        _ => return None,
    };
    Some((message.xid(), ethernet, answer))
}
