//! What can be wrong with received octets, and with values to be sent.

use core::fmt;

use super::codes::{MessageType, OptionCode};
use super::frame::{HEADER_LEN, MAX_MESSAGE_LEN, MIN_MESSAGE_LEN};

/// Octets that are no message of the protocol. On a byte stream there is no way to go on behind
/// one: the connection has to be closed (§6.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecodeError {
    /// What is wrong.
    pub kind: DecodeErrorKind,
    /// Where, in octets from the start of the message.
    pub offset: usize,
    /// In which option, where the option's code could be read.
    pub option: Option<OptionCode>,
}

/// What is wrong with received octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecodeErrorKind {
    /// The message length of the header is not in 12..=2048.
    MessageLength {
        /// The length announced.
        length: u16,
    },
    /// The octets given are fewer or more than the header announces.
    MessageIncomplete {
        /// The length announced; 12 where not even the header is there.
        length: usize,
        /// The octets there are.
        available: usize,
    },
    /// The payload offset lies inside the header or behind the end of the message.
    PayloadOffset {
        /// The offset announced.
        payload_offset: u8,
        /// The length of the message.
        length: u16,
    },
    /// The message ends within the four octets that open an option.
    OptionHeaderTruncated {
        /// The octets there are.
        available: usize,
    },
    /// The value of an option reaches behind the end of the message.
    OptionTruncated {
        /// The length announced.
        length: u16,
        /// The octets there are.
        available: usize,
    },
    /// An option with a fixed length has another one.
    OptionLength {
        /// The length announced.
        length: u16,
        /// The length that would be right.
        expected: u16,
    },
    /// An option occurs for a second time where it may occur once (§6.2).
    OptionRepeated,
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(code) = self.option {
            write!(f, "option {code} at octet {}: ", self.offset)?;
        } else {
            write!(f, "octet {}: ", self.offset)?;
        }
        match self.kind {
            DecodeErrorKind::MessageLength { length } => write!(
                f,
                "the message length is {length}; it must be {MIN_MESSAGE_LEN} to {MAX_MESSAGE_LEN}"
            ),
            DecodeErrorKind::MessageIncomplete { length, available } => write!(
                f,
                "the message has {available} octets; it must have exactly the {length} it announces"
            ),
            DecodeErrorKind::PayloadOffset { payload_offset, length } => write!(
                f,
                "the payload offset is {payload_offset}; it must be {HEADER_LEN} to the message \
                 length {length}"
            ),
            DecodeErrorKind::OptionHeaderTruncated { available } => write!(
                f,
                "the message ends after {available} octets of an option; code and length need 4"
            ),
            DecodeErrorKind::OptionTruncated { length, available } => write!(
                f,
                "the value is announced with {length} octets; only {available} are left in the \
                 message"
            ),
            DecodeErrorKind::OptionLength { length, expected } => {
                write!(f, "the value has {length} octets; it must have {expected}")
            }
            DecodeErrorKind::OptionRepeated => {
                f.write_str("the option occurs for a second time; it may occur once")
            }
        }
    }
}

impl core::error::Error for DecodeError {}

/// A message that cannot be put on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EncodeError {
    /// The message would be longer than [`MAX_MESSAGE_LEN`].
    TooLong {
        /// The message.
        message_type: MessageType,
    },
    /// A BNDUPD or BNDACK without any transaction.
    NoTransaction {
        /// The message.
        message_type: MessageType,
    },
    /// Several transactions for a partner that takes one per message.
    SeveralTransactions {
        /// The message.
        message_type: MessageType,
        /// How many there are.
        count: usize,
    },
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong { message_type } => write!(
                f,
                "a {} message would be longer than the {MAX_MESSAGE_LEN} octets allowed",
                message_type.name()
            ),
            Self::NoTransaction { message_type } => {
                write!(f, "a {} message needs at least one transaction", message_type.name())
            }
            Self::SeveralTransactions { message_type, count } => write!(
                f,
                "a {} message has {count} transactions; this partner takes one per message",
                message_type.name()
            ),
        }
    }
}

impl core::error::Error for EncodeError {}
