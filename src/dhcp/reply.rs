//! Writing an answer, octet by octet, into a buffer that is used again and again.
//!
//! The order of options is fixed: message type, server identifier, times, subnet mask, what the
//! client asked for in the order in which it asked, client identifier, and last what a relay agent
//! put in, unmodified (RFC 3046 §2.2). `dhcproto`'s encoder sorts by code and allocates, so it is
//! not used here; the tests read every answer back with its decoder.

use std::net::Ipv4Addr;

use bytes::{BufMut, BytesMut};
use dhcproto::v4::{MAGIC, MessageType};

use super::option_code::OptionCode;
use super::packet::Header;

/// Shortest message that every BOOTP relay agent forwards, and longest that every BOOTP client takes
/// (RFC 1542 §2.1).
const MIN_OCTETS: usize = 300;
/// Octets of an IPv4 and a UDP header, which option 57 counts and a message does not have.
const IP_AND_UDP_OCTETS: usize = 28;
/// Longest IP datagram that a client must be able to take (RFC 2131 §2).
const DEFAULT_DATAGRAM: usize = 576;
/// Longest IP datagram that fits an Ethernet frame.
const ETHERNET_DATAGRAM: usize = 1500;
/// Room that an answer needs, with as much relay agent information on top as any relay agent adds;
/// for more the buffer grows.
pub(super) const MAX_OCTETS: usize = 2 * ETHERNET_DATAGRAM;
/// Longest data of one instance of an option.
const MAX_INSTANCE: usize = 255;

/// What differs between answers besides their options.
#[derive(Clone, Copy, Debug)]
pub(super) struct ReplyFields {
    /// OFFER, ACK or NAK; `None` is an answer to BOOTP.
    pub(super) message_type: Option<MessageType>,
    /// Option 54.
    pub(super) server_identifier: Ipv4Addr,
    /// The address that the client has or gets.
    pub(super) yiaddr: Ipv4Addr,
    /// The server that the client goes on with, where that is said here.
    pub(super) siaddr: Ipv4Addr,
    /// Echo of the client's ciaddr, where the kind of answer has one.
    pub(super) ciaddr: Ipv4Addr,
    /// The flags field.
    pub(super) flags: u16,
}

/// Writes one message behind whatever the buffer holds.
#[derive(Debug)]
pub(super) struct ReplyWriter<'b> {
    buffer: &'b mut BytesMut,
    /// Length of the buffer before the message.
    start: usize,
    /// Octets that the message may have, end option and relay agent information left out.
    limit: usize,
    relay_agent_information: &'b [u8],
    omitted: u64,
}

impl<'b> ReplyWriter<'b> {
    /// Begins an answer to `request` with its fixed fields and, unless it is BOOTP, options 53 and 54.
    ///
    /// `max_message_size` is option 57. `relay_agent_information` will be written last and comes on
    /// top of it, because the relay agent takes it off before the client sees the message.
    pub(super) fn begin(
        buffer: &'b mut BytesMut,
        request: &Header,
        fields: &ReplyFields,
        max_message_size: Option<u16>,
        relay_agent_information: &'b [u8],
    ) -> Self {
        let start = buffer.len();
        buffer.put_slice(&[2, request.htype, request.hlen, 0]);
        buffer.put_u32(request.xid);
        buffer.put_u16(0);
        buffer.put_u16(fields.flags);
        buffer.put_slice(&fields.ciaddr.octets());
        buffer.put_slice(&fields.yiaddr.octets());
        buffer.put_slice(&fields.siaddr.octets());
        buffer.put_slice(&request.giaddr.octets());
        buffer.put_slice(&request.chaddr);
        buffer.put_bytes(0, 64 + 128);
        buffer.put_slice(&MAGIC);
        let limit = match fields.message_type {
            Some(_) => message_limit(max_message_size, encoded_len(relay_agent_information)),
            None => MIN_OCTETS - 1,
        };
        let mut writer = Self { buffer, start, limit, relay_agent_information, omitted: 0 };
        if let Some(message_type) = fields.message_type {
            writer.option(OptionCode::MESSAGE_TYPE, &[message_type.into()]);
            writer.address(OptionCode::SERVER_IDENTIFIER, fields.server_identifier);
        }
        writer
    }

    /// Adds an option, in several instances if it is longer than 255 octets (RFC 3396). Leaves it
    /// out and counts it if it does not fit.
    pub(super) fn option(&mut self, code: OptionCode, data: &[u8]) {
        if self.len().saturating_add(encoded_len(data)) > self.limit {
            self.omitted = self.omitted.saturating_add(1);
            return;
        }
        put_option(self.buffer, code, data);
    }

    /// Octets of the message so far.
    fn len(&self) -> usize {
        self.buffer.len().saturating_sub(self.start)
    }

    /// Adds an option that holds one address.
    pub(super) fn address(&mut self, code: OptionCode, address: Ipv4Addr) {
        self.option(code, &address.octets());
    }

    /// Adds an option that holds a number of seconds.
    pub(super) fn seconds(&mut self, code: OptionCode, seconds: u32) {
        self.option(code, &seconds.to_be_bytes());
    }

    /// Writes option 82 and the end, fills up to the length that BOOTP wants. Returns the number of
    /// options that did not fit.
    pub(super) fn finish(self) -> u64 {
        if !self.relay_agent_information.is_empty() {
            let code = OptionCode::RELAY_AGENT_INFORMATION;
            put_option(self.buffer, code, self.relay_agent_information);
        }
        self.buffer.put_u8(OptionCode::END.0);
        let missing = MIN_OCTETS.saturating_sub(self.len());
        self.buffer.put_bytes(0, missing);
        self.omitted
    }
}

/// Octets of the message before option 82 and the end option.
fn message_limit(max_message_size: Option<u16>, relay_octets: usize) -> usize {
    let datagram = max_message_size.map_or(DEFAULT_DATAGRAM, usize::from);
    let client = datagram.clamp(DEFAULT_DATAGRAM, ETHERNET_DATAGRAM);
    let frame = ETHERNET_DATAGRAM.saturating_sub(relay_octets).max(DEFAULT_DATAGRAM);
    client.min(frame).saturating_sub(IP_AND_UDP_OCTETS + 1)
}

fn encoded_len(data: &[u8]) -> usize {
    data.len().saturating_add(data.len().div_ceil(MAX_INSTANCE).saturating_mul(2))
}

fn put_option(buffer: &mut BytesMut, code: OptionCode, data: &[u8]) {
    for part in data.chunks(MAX_INSTANCE) {
        buffer.put_u8(code.0);
        buffer.put_u8(u8::try_from(part.len()).unwrap_or(u8::MAX));
        buffer.put_slice(part);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REQUEST: Header = Header {
        htype: 1,
        hlen: 6,
        xid: 0x0102_0304,
        secs: 7,
        flags: 0x8000,
        ciaddr: Ipv4Addr::UNSPECIFIED,
        giaddr: Ipv4Addr::new(10, 78, 0, 3),
        chaddr: [0, 12, 1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    };

    const FIELDS: ReplyFields = ReplyFields {
        message_type: Some(MessageType::Ack),
        siaddr: Ipv4Addr::UNSPECIFIED,
        server_identifier: Ipv4Addr::new(10, 78, 0, 1),
        yiaddr: Ipv4Addr::new(10, 78, 0, 20),
        ciaddr: Ipv4Addr::UNSPECIFIED,
        flags: 0x8000,
    };

    fn written(
        max: Option<u16>,
        relay: &[u8],
        fill: impl Fn(&mut ReplyWriter<'_>),
    ) -> (BytesMut, u64) {
        let mut buffer = BytesMut::new();
        let mut writer = ReplyWriter::begin(&mut buffer, &REQUEST, &FIELDS, max, relay);
        fill(&mut writer);
        let omitted = writer.finish();
        (buffer, omitted)
    }

    #[test]
    fn a_short_answer_is_filled_up_to_300_octets() {
        assert_eq!(written(None, &[], |_| {}).0.len(), 300);
    }

    #[test]
    fn relay_agent_information_is_the_last_option() {
        let relay = [1, 2, 0xab, 0xcd];
        let (bytes, _) = written(None, &relay, |writer| writer.seconds(OptionCode::LEASE_TIME, 60));
        let options = [53, 1, 5, 54, 4, 10, 78, 0, 1, 51, 4, 0, 0, 0, 60, 82, 4, 1, 2, 0xab, 0xcd];
        assert_eq!(bytes[240..261], options);
        assert_eq!(bytes[261], 255);
    }

    #[test]
    fn without_option_57_a_message_has_at_most_548_octets() {
        let (bytes, omitted) = written(None, &[], |writer| {
            for _ in 0..3 {
                writer.option(OptionCode(224), &[0; 100]);
            }
        });
        assert_eq!((bytes.len(), omitted), (240 + 9 + 2 * 102 + 1, 1));
        let (bytes, omitted) = written(None, &[], |writer| {
            writer.option(OptionCode(224), &[0; 255]);
            writer.option(OptionCode(225), &[0; 39]);
        });
        assert_eq!((bytes.len(), omitted), (548, 0));
    }

    #[test]
    fn option_57_makes_room_for_more() {
        let (bytes, omitted) = written(Some(1500), &[], |writer| {
            for _ in 0..6 {
                writer.option(OptionCode(224), &[0; 200]);
            }
        });
        assert_eq!((bytes.len(), omitted), (240 + 9 + 6 * 202 + 1, 0));
    }

    #[test]
    fn a_long_option_is_split() {
        let data: Vec<u8> = (0..=255).cycle().take(256).collect();
        let (bytes, _) = written(Some(1500), &[], |writer| writer.option(OptionCode(121), &data));
        assert_eq!(bytes[249..251], [121, 255]);
        assert_eq!(bytes[506..509], [121, 1, 255]);
    }
}
