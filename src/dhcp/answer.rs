//! Putting answers together (RFC 2131 table 3).

use std::net::Ipv4Addr;

use bytes::Bytes;
use dhcproto::v4::MessageType;

use super::exchange::{Destination, Exchange, PendingReply, Reply};
use super::option_code::OptionCode;
use super::reply::{MAX_OCTETS, ReplyFields, ReplyWriter};
use super::service::Desk;
use crate::durable::CommitId;

/// A lease time that means "for ever".
pub(super) const INFINITE: u32 = u32::MAX;

/// A commit and the owner that made it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Promise {
    pub(super) owner: usize,
    pub(super) commit: CommitId,
}

impl Promise {
    /// An answer that promises nothing may leave at once.
    pub(super) const NOTHING: Self = Self { owner: 0, commit: CommitId(0) };
}

impl Desk {
    /// A DHCPOFFER, or a DHCPACK to a REQUEST.
    pub(super) fn answer_with_lease(
        &mut self,
        exchange: &Exchange<'_>,
        message_type: MessageType,
        (address, seconds): (Ipv4Addr, u32),
        promise: Promise,
    ) -> PendingReply {
        let header = exchange.header();
        let is_offer = message_type == MessageType::Offer;
        let fields = ReplyFields {
            message_type: Some(message_type),
            server_identifier: exchange.server_identifier,
            siaddr: Ipv4Addr::UNSPECIFIED,
            yiaddr: address,
            ciaddr: if is_offer { Ipv4Addr::UNSPECIFIED } else { header.ciaddr },
            flags: header.flags,
        };
        let destination = exchange.destination_of_lease(address);
        self.answer(exchange, &fields, destination, promise, |writer| {
            writer.seconds(OptionCode::LEASE_TIME, seconds);
            if seconds != INFINITE {
                for (code, time) in renewal_times(seconds) {
                    writer.seconds(code, time);
                }
            }
            write_configured(writer, exchange);
        })
    }

    /// A DHCPACK to an INFORM: parameters, but no address and no times.
    pub(super) fn answer_with_information(
        &mut self,
        exchange: &Exchange<'_>,
        client: Ipv4Addr,
    ) -> PendingReply {
        let header = exchange.header();
        let fields = ReplyFields {
            message_type: Some(MessageType::Ack),
            server_identifier: exchange.server_identifier,
            siaddr: Ipv4Addr::UNSPECIFIED,
            yiaddr: Ipv4Addr::UNSPECIFIED,
            ciaddr: header.ciaddr,
            flags: header.flags,
        };
        let destination = exchange.destination_of_information(client);
        self.answer(exchange, &fields, destination, Promise::NOTHING, |writer| {
            write_configured(writer, exchange);
        })
    }

    /// The answer to a BOOTP request: an address, unless the client has one, and parameters, but no
    /// options that only DHCP has (RFC 951 §7.3, RFC 1542 §3.4).
    pub(super) fn answer_to_bootp(
        &mut self,
        exchange: &Exchange<'_>,
        address: Ipv4Addr,
        promise: Promise,
    ) -> PendingReply {
        let header = exchange.header();
        let fields = ReplyFields {
            message_type: None,
            server_identifier: exchange.server_identifier,
            siaddr: exchange.server_identifier,
            yiaddr: address,
            ciaddr: header.ciaddr,
            flags: header.flags,
        };
        let destination = exchange.destination_of_lease(address);
        self.answer(exchange, &fields, destination, promise, |writer| {
            write_configured(writer, exchange);
        })
    }

    /// A DHCPNAK with the reason in words.
    pub(super) fn refuse(&mut self, exchange: &Exchange<'_>, reason: &str) -> PendingReply {
        let header = exchange.header();
        // RFC 2131 §4.3.2: the relay agent is to broadcast it, as the client's address is wrong.
        let broadcast = if header.is_relayed() { 0x8000 } else { 0 };
        let fields = ReplyFields {
            message_type: Some(MessageType::Nak),
            server_identifier: exchange.server_identifier,
            siaddr: Ipv4Addr::UNSPECIFIED,
            yiaddr: Ipv4Addr::UNSPECIFIED,
            ciaddr: Ipv4Addr::UNSPECIFIED,
            flags: header.flags | broadcast,
        };
        let destination = exchange.destination_of_nak();
        self.answer(exchange, &fields, destination, Promise::NOTHING, |writer| {
            writer.option(OptionCode::MESSAGE, reason.as_bytes());
            write_echoes(writer, exchange);
        })
    }

    fn answer(
        &mut self,
        exchange: &Exchange<'_>,
        fields: &ReplyFields,
        destination: Destination,
        promise: Promise,
        fill: impl FnOnce(&mut ReplyWriter<'_>),
    ) -> PendingReply {
        let packet = exchange.packet;
        let relay_agent_information = packet.relay_agent_information.as_deref().unwrap_or_default();
        let buffer = self.memory.buffer(MAX_OCTETS);
        let mut writer = ReplyWriter::begin(
            buffer,
            &packet.header,
            fields,
            packet.max_message_size,
            relay_agent_information,
        );
        fill(&mut writer);
        let omitted = writer.finish();
        self.counters.options_omitted = self.counters.options_omitted.saturating_add(omitted);
        self.counters.count_sent(fields.message_type);
        let bytes: Bytes = buffer.split().freeze();
        let Promise { owner, commit } = promise;
        PendingReply { owner, commit, reply: Reply { bytes, destination } }
    }
}

/// T1 and T2 of a lease that ends: a half and seven eighths (RFC 2131 §4.4.5).
pub(super) const fn renewal_times(seconds: u32) -> [(OptionCode, u32); 2] {
    [
        (OptionCode::RENEWAL_TIME, seconds / 2),
        (OptionCode::REBINDING_TIME, seconds.saturating_sub(seconds.div_ceil(8))),
    ]
}

/// Options of the client that come back as they are (RFC 6842, RFC 3011).
fn write_echoes(writer: &mut ReplyWriter<'_>, exchange: &Exchange<'_>) {
    if let Some(identifier) = exchange.client.identifier {
        writer.option(OptionCode::CLIENT_IDENTIFIER, identifier);
    }
    if let Some(subnet) = exchange.packet.subnet_selection {
        writer.address(OptionCode::SUBNET_SELECTION, subnet);
    }
}

/// The subnet mask, the echoes, and of the configured options those which the client asks for, in
/// its order; all of them if it does not say (RFC 2131 §4.3.1). The mask comes before the routers
/// (RFC 2132 §3.3).
fn write_configured(writer: &mut ReplyWriter<'_>, exchange: &Exchange<'_>) {
    let subnet = &exchange.subnet.config;
    let mask = subnet.network.mask().octets();
    let configured = subnet.options.get(OptionCode::SUBNET_MASK);
    writer.option(OptionCode::SUBNET_MASK, configured.unwrap_or(&mask));
    write_echoes(writer, exchange);
    match exchange.packet.parameter_request_list.as_deref() {
        Some(list) => {
            for (position, code) in list.iter().enumerate() {
                let repeated = list.iter().take(position).any(|earlier| earlier == code);
                let code = OptionCode(*code);
                if !repeated && let Some(data) = subnet.options.get(code) {
                    write_unless_mask(writer, code, data);
                }
            }
        }
        None => {
            subnet.options.iter().for_each(|(code, data)| write_unless_mask(writer, code, data));
        }
    }
}

fn write_unless_mask(writer: &mut ReplyWriter<'_>, code: OptionCode, data: &[u8]) {
    if code != OptionCode::SUBNET_MASK {
        writer.option(code, data);
    }
}
