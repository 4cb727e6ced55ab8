//! The header of a message, and cutting a byte stream into messages (§6.1).

use super::codes::{MessageType, Xid};
use super::dialect::Dialect;
use super::error::{DecodeError, DecodeErrorKind};
use super::option::OptionReader;
use crate::time::UnixTime;

/// Octets of the fixed header: length, type, payload offset, time, xid.
pub const HEADER_LEN: usize = 12;
/// The shortest message (§6.1).
pub const MIN_MESSAGE_LEN: usize = 12;
/// The longest message (§6.1).
pub const MAX_MESSAGE_LEN: usize = 2048;

/// What every message begins with (§6.1). The message length is that of the frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The type of the message.
    pub message_type: MessageType,
    /// Where the options begin, in octets from the start of the message, as it was sent.
    pub payload_offset: u8,
    /// When the message was sent, by the sender's clock.
    pub time: UnixTime,
    /// Pairs a response with its request.
    pub xid: Xid,
}

/// One whole message whose options have not been looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// The header.
    pub header: Header,
    /// Header octets between the twelfth and the payload offset: none today, kept for tools.
    pub extension: &'a [u8],
    /// The options.
    pub payload: &'a [u8],
}

impl<'a> Frame<'a> {
    /// Reads `octets`, which must be exactly one message of the draft or of dhcpd.
    pub fn parse(octets: &'a [u8]) -> Result<Self, DecodeError> {
        Self::parse_as(octets, Dialect::default())
    }

    /// Reads `octets`, which must be exactly one message of `dialect`.
    pub fn parse_as(octets: &'a [u8], dialect: Dialect) -> Result<Self, DecodeError> {
        let incomplete = |length| {
            let available = octets.len();
            error(DecodeErrorKind::MessageIncomplete { length, available }, 0)
        };
        let Some(length) = message_length(octets, dialect)? else {
            return Err(incomplete(MIN_MESSAGE_LEN));
        };
        if octets.len() != length {
            return Err(incomplete(length));
        }
        Self::split(octets).ok_or_else(|| incomplete(length))
    }

    /// Takes apart a message whose length and payload offset are right.
    #[inline]
    fn split(octets: &'a [u8]) -> Option<Self> {
        let ([_, _, message_type, payload_offset, t0, t1, t2, t3, x0, x1, x2, x3], rest) =
            octets.split_first_chunk::<HEADER_LEN>()?;
        let extension_len = usize::from(*payload_offset).saturating_sub(HEADER_LEN);
        let (extension, payload) = rest.split_at_checked(extension_len)?;
        let header = Header {
            message_type: MessageType(*message_type),
            payload_offset: *payload_offset,
            time: UnixTime(u32::from_be_bytes([*t0, *t1, *t2, *t3])),
            xid: Xid(u32::from_be_bytes([*x0, *x1, *x2, *x3])),
        };
        Some(Self { header, extension, payload })
    }

    /// Cuts the first message off `stream`. `None`, with `stream` untouched, while the message is
    /// incomplete.
    pub fn take(stream: &mut &'a [u8], dialect: Dialect) -> Result<Option<Self>, DecodeError> {
        let Some(length) = message_length(stream, dialect)? else {
            return Ok(None);
        };
        let Some((message, rest)) = stream.split_at_checked(length) else {
            return Ok(None);
        };
        *stream = rest;
        Ok(Self::split(message))
    }

    /// The octets of the whole message.
    pub fn message_len(&self) -> usize {
        self.extension.len().saturating_add(self.payload.len()).saturating_add(HEADER_LEN)
    }

    /// Every option in the order sent, known or not, meaningful in this message or not.
    pub fn options(&self) -> OptionReader<'a> {
        OptionReader::new(self.payload, self.extension.len().saturating_add(HEADER_LEN))
    }
}

/// The length of the message that `octets` begin with, as soon as it can be told, and whether it
/// and the payload offset are right as far as they are there.
#[inline]
fn message_length(octets: &[u8], dialect: Dialect) -> Result<Option<usize>, DecodeError> {
    let Some((length, rest)) = octets.split_first_chunk::<2>() else {
        return Ok(None);
    };
    let length = u16::from_be_bytes(*length);
    if !(MIN_MESSAGE_LEN..=MAX_MESSAGE_LEN).contains(&usize::from(length)) {
        return Err(error(DecodeErrorKind::MessageLength { length }, 0));
    }
    if let [_, payload_offset, ..] = *rest {
        let offset = usize::from(payload_offset);
        let right = (HEADER_LEN..=usize::from(length)).contains(&offset)
            || (offset == 8 && dialect.accepts_payload_offset_8());
        if !right {
            return Err(error(DecodeErrorKind::PayloadOffset { payload_offset, length }, 3));
        }
    }
    Ok(Some(usize::from(length)))
}

const fn error(kind: DecodeErrorKind, offset: usize) -> DecodeError {
    DecodeError { kind, offset, option: None }
}

/// Cuts a byte stream into messages, whatever the portions in which the octets arrive.
///
/// Call [`push`](Self::push) with what was received, then [`next_frame`](Self::next_frame) until
/// it gives `None`. What stays behind then is less than one message, so the buffer never holds
/// more than [`MAX_MESSAGE_LEN`] octets plus the longest portion pushed, and is not allocated
/// again once it has that size. An error is final: every later call repeats it and octets pushed
/// after it are dropped.
#[derive(Clone, Debug, Default)]
pub struct Deframer {
    octets: Vec<u8>,
    /// Start of the octets not yet given out.
    start: usize,
    dialect: Dialect,
    failed: Option<DecodeError>,
}

impl Deframer {
    /// A deframer at the start of a stream of the draft or of dhcpd.
    pub fn new() -> Self {
        Self::default()
    }

    /// A deframer at the start of a stream of `dialect`.
    pub fn for_dialect(dialect: Dialect) -> Self {
        Self { dialect, ..Self::default() }
    }

    /// Adds octets received.
    pub fn push(&mut self, octets: &[u8]) {
        if self.failed.is_some() {
            return;
        }
        if self.start == self.octets.len() {
            self.octets.clear();
        } else {
            self.octets.drain(..self.start);
        }
        self.start = 0;
        self.octets.extend_from_slice(octets);
    }

    /// The next whole message; `None` until more octets have been pushed.
    pub fn next_frame(&mut self) -> Result<Option<Frame<'_>>, DecodeError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let mut rest = self.octets.get(self.start..).unwrap_or_default();
        match Frame::take(&mut rest, self.dialect) {
            Ok(frame) => {
                self.start = self.octets.len().saturating_sub(rest.len());
                Ok(frame)
            }
            Err(error) => {
                self.failed = Some(error);
                Err(error)
            }
        }
    }

    /// Octets pushed and not yet given out.
    pub fn buffered(&self) -> usize {
        self.octets.len().saturating_sub(self.start)
    }
}
