//! One message of a capture, and what is wrong with it.

use std::net::SocketAddr;

use super::capture::Timestamp;
use crate::time::UnixTime;
use crate::wire::{Dialect, Frame, HEADER_LEN, Header, Message, MessageType, OptionReader, Xid};

/// A message in a capture, or octets that the capture lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The number of the packet with which the message is complete, as are all before it in the
    /// stream; the first packet is 1.
    pub frame: u64,
    /// When that packet was captured.
    pub time: Timestamp,
    /// Who sent it.
    pub source: SocketAddr,
    /// To whom.
    pub destination: SocketAddr,
    /// What was found.
    pub content: Content,
}

/// What was found in a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// A message; fewer than 12 octets, or a length that is not theirs, where what should be one
    /// announces a length below 12.
    Message(Vec<u8>),
    /// Octets that the capture lacks.
    Gap {
        /// How many.
        missing: u32,
        /// Octets before them that begin a message whose rest is missing.
        discarded: usize,
    },
}

impl Entry {
    /// The message, its limits taken from the stream whatever the header says. `None` for a gap and
    /// for fewer octets than a header has.
    pub fn message(&self) -> Option<Frame<'_>> {
        let Content::Message(octets) = &self.content else {
            return None;
        };
        let ([_, _, message_type, payload_offset, t0, t1, t2, t3, x0, x1, x2, x3], rest) =
            octets.split_first_chunk::<HEADER_LEN>()?;
        let header = Header {
            message_type: MessageType(*message_type),
            payload_offset: *payload_offset,
            time: UnixTime(u32::from_be_bytes([*t0, *t1, *t2, *t3])),
            xid: Xid(u32::from_be_bytes([*x0, *x1, *x2, *x3])),
        };
        let extension_len = match payload_offset {
            8 => 0,
            offset => usize::from(*offset).checked_sub(HEADER_LEN).unwrap_or(rest.len()),
        };
        let (extension, payload) = rest.split_at_checked(extension_len).unwrap_or((rest, &[]));
        Some(Frame { header, extension, payload })
    }

    /// The options that can be read.
    pub fn options(&self) -> OptionReader<'_> {
        self.message().map_or(OptionReader::new(&[], 0), |frame| frame.options())
    }

    /// What is wrong, in whole sentences; nothing where all is well.
    pub fn errors(&self) -> Vec<String> {
        let octets = match &self.content {
            Content::Message(octets) => octets,
            Content::Gap { missing, discarded } => {
                return vec![format!(
                    "{missing} octets are missing in the capture; {discarded} octets before them \
                     begin a message that cannot be read"
                )];
            }
        };
        let mut errors = Vec::new();
        let message = self.message();
        let microsoft = message.is_some_and(|frame| frame.header.payload_offset == 8);
        let dialect = if microsoft { Dialect::Microsoft } else { Dialect::Isc };
        if let Err(error) = Frame::parse_as(octets, dialect) {
            errors.push(error.to_string());
        }
        let Some(frame) = message else {
            return errors;
        };
        match Message::decode(&frame, dialect) {
            Ok(Message::BndUpd(bndupd)) => {
                errors.extend(bndupd.updates().filter_map(|update| {
                    let code = update.repeated?;
                    let address = update.address;
                    Some(format!("option {code} of {address} occurs twice; it may occur once"))
                }));
            }
            Ok(Message::Unknown { message_type, .. }) if !message_type.is_ignorable() => {
                errors.push(format!(
                    "message type {} is unknown; it must be 1 to 12",
                    message_type.0
                ));
            }
            Ok(_) => {}
            Err(error) => errors.push(error.to_string()),
        }
        errors
    }
}
