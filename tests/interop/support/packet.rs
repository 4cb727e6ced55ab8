//! DHCPv4 messages of scripted clients, built and read here so that they check the product's codec too.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU32, Ordering};

const COOKIE: [u8; 4] = [99, 130, 83, 99];
const FIXED: usize = 236;

/// DHCP message types (option 53) that the tests name.
pub const DISCOVER: u8 = 1;
pub const OFFER: u8 = 2;
pub const REQUEST: u8 = 3;
pub const DECLINE: u8 = 4;
pub const ACK: u8 = 5;
pub const NAK: u8 = 6;
pub const RELEASE: u8 = 7;

/// A simulated client: what identifies it and how long it has been trying.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    pub hardware: [u8; 6],
    /// Data of option 61, type octet included.
    pub identifier: Option<Vec<u8>>,
    pub secs: u16,
}

impl Client {
    /// Client `number`: every second one sends a client-identifier.
    pub fn number(number: u16) -> Self {
        let [high, low] = number.to_be_bytes();
        let hardware = [2, 0x7e, 0, 0, high, low];
        let identifier = number.is_multiple_of(2).then(|| [&[1], &hardware[..]].concat());
        Self { hardware, identifier, secs: 0 }
    }

    /// The same client after waiting.
    pub fn after(&self, secs: u16) -> Self {
        Self { secs, ..self.clone() }
    }

    /// What RFC 3074 hashes: the client-identifier, else the hardware address.
    pub fn balancing_key(&self) -> &[u8] {
        self.identifier.as_deref().unwrap_or(&self.hardware)
    }

    /// The hardware address with colons.
    pub fn hardware_text(&self) -> String {
        self.hardware.map(|octet| format!("{octet:02x}")).join(":")
    }

    pub fn discover(&self) -> Message {
        self.message(DISCOVER)
    }

    /// Takes up an offer.
    pub fn select(&self, offer: &Message) -> Message {
        let server = offer.options.get(&54).cloned().unwrap_or_default();
        let mut request = self.message(REQUEST).with(50, &offer.yiaddr.octets()).with(54, &server);
        request.xid = offer.xid;
        request
    }

    /// Extends a lease: RENEWING when it reaches one server, REBINDING when it reaches both.
    pub fn renew(&self, address: Ipv4Addr) -> Message {
        Message { ciaddr: address, ..self.message(REQUEST) }
    }

    /// Asks for its old address after a reboot.
    pub fn reboot(&self, address: Ipv4Addr) -> Message {
        self.message(REQUEST).with(50, &address.octets())
    }

    /// Gives a lease back.
    pub fn release(&self, address: Ipv4Addr, server: Ipv4Addr) -> Message {
        Message { ciaddr: address, ..self.message(RELEASE) }.with(54, &server.octets())
    }

    /// Reports that an address is in use by somebody else.
    pub fn decline(&self, address: Ipv4Addr, server: Ipv4Addr) -> Message {
        self.message(DECLINE).with(50, &address.octets()).with(54, &server.octets())
    }

    fn message(&self, kind: u8) -> Message {
        static XID: AtomicU32 = AtomicU32::new(0x5e00_0000);
        let message = Message {
            op: 1,
            xid: XID.fetch_add(1, Ordering::Relaxed),
            secs: self.secs,
            ciaddr: Ipv4Addr::UNSPECIFIED,
            yiaddr: Ipv4Addr::UNSPECIFIED,
            giaddr: Ipv4Addr::UNSPECIFIED,
            hardware: self.hardware,
            options: BTreeMap::from([(53, vec![kind])]),
        };
        match &self.identifier {
            Some(identifier) => message.with(61, identifier),
            None => message,
        }
    }
}

/// One DHCPv4 message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    pub op: u8,
    pub xid: u32,
    pub secs: u16,
    pub ciaddr: Ipv4Addr,
    pub yiaddr: Ipv4Addr,
    pub giaddr: Ipv4Addr,
    pub hardware: [u8; 6],
    pub options: BTreeMap<u8, Vec<u8>>,
}

impl Message {
    fn with(mut self, code: u8, data: &[u8]) -> Self {
        self.options.insert(code, data.to_vec());
        self
    }

    /// Option 53.
    pub fn kind(&self) -> Option<u8> {
        self.options.get(&53)?.first().copied()
    }

    /// Whether this is a server's answer to `question`. A late OFFER has the transaction of the REQUEST that took it up.
    pub fn answers(&self, question: &Self) -> bool {
        let kinds: &[u8] = if question.kind() == Some(DISCOVER) { &[OFFER] } else { &[ACK, NAK] };
        self.xid == question.xid && self.kind().is_some_and(|kind| kinds.contains(&kind))
    }

    /// Option 54: which server speaks.
    pub fn server(&self) -> Option<Ipv4Addr> {
        self.options.get(&54)?.as_slice().try_into().ok().map(<[u8; 4]>::into)
    }

    /// Option 51, in seconds.
    pub fn lease_time(&self) -> Option<u32> {
        self.options.get(&51)?.as_slice().try_into().ok().map(u32::from_be_bytes)
    }

    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![self.op, 1, 6, u8::from(self.giaddr != Ipv4Addr::UNSPECIFIED)];
        bytes.extend(self.xid.to_be_bytes());
        bytes.extend(self.secs.to_be_bytes());
        bytes.extend([0, 0]);
        for address in [self.ciaddr, self.yiaddr, Ipv4Addr::UNSPECIFIED, self.giaddr] {
            bytes.extend(address.octets());
        }
        bytes.extend(self.hardware);
        bytes.resize(FIXED, 0);
        bytes.extend(COOKIE);
        for (code, data) in &self.options {
            bytes.extend([*code, u8::try_from(data.len()).unwrap()]);
            bytes.extend(data);
        }
        bytes.push(255);
        bytes.resize(bytes.len().max(300), 0);
        bytes
    }

    /// Reads a reply; an error says what is wrong with it.
    pub fn decode(bytes: &[u8]) -> Result<Self, String> {
        if bytes.len() < FIXED + COOKIE.len() || bytes[FIXED..FIXED + 4] != COOKIE {
            return Err(format!("not a DHCP message: {bytes:02x?}"));
        }
        let address = |at: usize| Ipv4Addr::from(<[u8; 4]>::try_from(&bytes[at..at + 4]).unwrap());
        let mut options = BTreeMap::new();
        let mut rest = &bytes[FIXED + 4..];
        loop {
            match rest {
                [] => return Err("no end option".to_owned()),
                [255, ..] => break,
                [0, after @ ..] => rest = after,
                [code, length, data @ ..] if data.len() >= usize::from(*length) => {
                    let (data, after) = data.split_at(usize::from(*length));
                    options.insert(*code, data.to_vec());
                    rest = after;
                }
                [code, ..] => return Err(format!("option {code} runs past the end")),
            }
        }
        Ok(Self {
            op: bytes[0],
            xid: u32::from_be_bytes(bytes[4..8].try_into().unwrap()),
            secs: u16::from_be_bytes(bytes[8..10].try_into().unwrap()),
            ciaddr: address(12),
            yiaddr: address(16),
            giaddr: address(24),
            hardware: bytes[28..34].try_into().unwrap(),
            options,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_reads_back() {
        let message = Client::number(2).after(4).reboot(Ipv4Addr::new(10, 78, 8, 1));
        assert_eq!(Message::decode(&message.encode()), Ok(message));
    }

    #[test]
    fn an_option_past_the_end_is_refused() {
        let mut bytes = Client::number(1).discover().encode();
        bytes.truncate(FIXED + 4);
        bytes.extend([61, 9, 1]);
        assert_eq!(Message::decode(&bytes), Err("option 61 runs past the end".to_owned()));
    }
}
