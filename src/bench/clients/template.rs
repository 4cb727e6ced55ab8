//! What clients say, as octets.
//!
//! Every kind of message is written once, and then only its few places that differ.

use std::net::Ipv4Addr;

use crate::dhcp::option_code::OptionCode;

use super::layout::{CHADDR, CIADDR, COOKIE, FLAGS, GIADDR, HOPS, MAGIC, OPTIONS, XID};
use super::names;

/// Octets of every message: what BOOTP demands at least (RFC 1542 §2.1).
pub(super) const MESSAGE: usize = 300;

/// The first octet of the flags field where answers have to be broadcast.
const BROADCAST: u8 = 0x80;

/// Kinds of message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Who has an address for me?
    Discover,
    /// I take what this server offers.
    Select,
    /// May I keep my address for longer?
    Renew,
    /// After a restart: is it still mine? (INIT-REBOOT)
    Reboot,
    /// I need it no more.
    Release,
}

/// The servers that a message is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum To {
    /// All of them: it is broadcast, or a relay agent passes it to all that it knows.
    All,
    /// The one with this number.
    One(u8),
}

/// One message, before it is octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Saying {
    pub(super) kind: Kind,
    /// Number of the client.
    pub(super) client: u32,
    pub(super) xid: u32,
    /// The address that it is about; without meaning in a DISCOVER.
    pub(super) address: Ipv4Addr,
    /// The server that it names, in a SELECT and in a RELEASE.
    pub(super) server: Ipv4Addr,
    pub(super) to: To,
}

/// A message of one kind, and where its options are that differ from client to client.
#[derive(Clone, Debug)]
struct Template {
    octets: [u8; MESSAGE],
    requested: Option<usize>,
    server: Option<usize>,
    /// The address stands in ciaddr.
    has_address: bool,
}

impl Template {
    fn new(kind: Kind, relayed: bool) -> Self {
        let mut octets = [0; MESSAGE];
        let mut put = |at: usize, data: &[u8]| {
            for (octet, given) in octets.iter_mut().skip(at).zip(data) {
                *octet = *given;
            }
            at + data.len()
        };
        // BOOTREQUEST, Ethernet, addresses of six octets.
        put(0, &[1, 1, 6]);
        if relayed {
            put(HOPS, &[1]);
        } else if kind != Kind::Release {
            put(FLAGS, &[BROADCAST]);
        }
        put(COOKIE, &MAGIC);
        let code = match kind {
            Kind::Discover => 1,
            Kind::Select | Kind::Renew | Kind::Reboot => 3,
            Kind::Release => 7,
        };
        let mut end = put(OPTIONS, &[OptionCode::MESSAGE_TYPE.0, 1, code]);
        let mut address = |wanted: bool, option: OptionCode| {
            wanted.then(|| {
                let at = put(end, &[option.0, 4]);
                end = at + 4;
                at
            })
        };
        let names_server = matches!(kind, Kind::Select | Kind::Release);
        let requests = matches!(kind, Kind::Select | Kind::Reboot);
        let requested = address(requests, OptionCode::REQUESTED_ADDRESS);
        let server = address(names_server, OptionCode::SERVER_IDENTIFIER);
        if kind != Kind::Release {
            // Mask, routers, name servers, domain name.
            end = put(end, &[OptionCode::PARAMETER_REQUEST_LIST.0, 4, 1, 3, 6, 15]);
        }
        put(end, &[OptionCode::END.0]);
        let has_address = matches!(kind, Kind::Renew | Kind::Release);
        Self { octets, requested, server, has_address }
    }
}

/// Writes messages.
#[derive(Clone, Debug)]
pub(super) struct Writer {
    discover: Template,
    select: Template,
    renew: Template,
    reboot: Template,
    release: Template,
    /// Addresses of the relay agent; client n is behind the one with number n modulo their count.
    relays: Vec<Ipv4Addr>,
}

impl Writer {
    /// For clients behind these addresses of a relay agent; without any, for directly attached ones.
    pub(super) fn new(relays: Vec<Ipv4Addr>) -> Self {
        let template = |kind| Template::new(kind, !relays.is_empty());
        Self {
            discover: template(Kind::Discover),
            select: template(Kind::Select),
            renew: template(Kind::Renew),
            reboot: template(Kind::Reboot),
            release: template(Kind::Release),
            relays,
        }
    }

    /// Which relay address the client is behind.
    pub(super) fn relay_of(&self, client: u32) -> usize {
        usize::try_from(client).unwrap_or(0).checked_rem(self.relays.len()).unwrap_or(0)
    }

    /// Writes a message.
    pub(super) fn write(&self, saying: &Saying, message: &mut [u8; MESSAGE]) {
        let template = match saying.kind {
            Kind::Discover => &self.discover,
            Kind::Select => &self.select,
            Kind::Renew => &self.renew,
            Kind::Reboot => &self.reboot,
            Kind::Release => &self.release,
        };
        *message = template.octets;
        patch(message, XID, saying.xid.to_be_bytes());
        patch(message, CHADDR, names::ethernet(saying.client));
        if let Some(relay) = self.relays.get(self.relay_of(saying.client)) {
            patch(message, GIADDR, relay.octets());
        }
        if template.has_address {
            patch(message, CIADDR, saying.address.octets());
        }
        if let Some(at) = template.requested {
            patch(message, at, saying.address.octets());
        }
        if let Some(at) = template.server {
            patch(message, at, saying.server.octets());
        }
    }
}

fn patch<const N: usize>(message: &mut [u8; MESSAGE], at: usize, octets: [u8; N]) {
    if let Some(place) = message.get_mut(at..).and_then(<[u8]>::first_chunk_mut) {
        *place = octets;
    }
}

#[cfg(test)]
mod tests {
    use dhcproto::v4::MessageType;

    use super::*;
    use crate::dhcp::packet::ClientPacket;

    const ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 78, 8, 1);
    const SERVER: Ipv4Addr = Ipv4Addr::new(10, 78, 0, 1);
    const RELAYS: [Ipv4Addr; 2] = [Ipv4Addr::new(10, 78, 0, 3), Ipv4Addr::new(10, 79, 0, 3)];

    fn written(kind: Kind, client: u32, relays: &[Ipv4Addr]) -> [u8; MESSAGE] {
        let mut octets = [0xaa; MESSAGE];
        let saying =
            Saying { kind, client, xid: 0x1234, address: ADDRESS, server: SERVER, to: To::All };
        Writer::new(relays.to_vec()).write(&saying, &mut octets);
        octets
    }

    #[test]
    fn each_kind_says_to_a_server_what_it_means() {
        let table = [
            (Kind::Discover, MessageType::Discover, None, false, false),
            (Kind::Select, MessageType::Request, Some(SERVER), true, false),
            (Kind::Renew, MessageType::Request, None, false, true),
            (Kind::Reboot, MessageType::Request, None, true, false),
            (Kind::Release, MessageType::Release, Some(SERVER), false, true),
        ];
        for (kind, message_type, server, requested, has_address) in table {
            let octets = written(kind, 7, &RELAYS);
            let packet = ClientPacket::parse(&octets).unwrap();
            assert_eq!(packet.message_type, Some(message_type), "{kind:?}");
            assert_eq!(packet.server_identifier, server, "{kind:?}");
            assert_eq!(packet.requested_address, requested.then_some(ADDRESS), "{kind:?}");
            let ciaddr = if has_address { ADDRESS } else { Ipv4Addr::UNSPECIFIED };
            assert_eq!(packet.header.ciaddr, ciaddr, "{kind:?}");
        }
    }

    #[test]
    fn a_message_bears_its_client_and_its_transaction() {
        let octets = written(Kind::Discover, 0x0102_0304, &RELAYS);
        let packet = ClientPacket::parse(&octets).unwrap();
        assert_eq!(packet.header.xid, 0x1234);
        assert_eq!(packet.client().hardware.unwrap().octets(), [0x02, 0x7c, 1, 2, 3, 4]);
    }

    #[test]
    fn clients_are_divided_among_the_relay_addresses() {
        for client in 0..4 {
            let octets = written(Kind::Reboot, client, &RELAYS);
            let packet = ClientPacket::parse(&octets).unwrap();
            assert_eq!(packet.header.giaddr, RELAYS[client as usize % 2]);
        }
    }

    #[test]
    fn a_directly_attached_client_wants_a_broadcast() {
        let octets = written(Kind::Discover, 1, &[]);
        let packet = ClientPacket::parse(&octets).unwrap();
        assert!(packet.header.giaddr.is_unspecified());
        assert!(packet.header.wants_broadcast());
    }
}
