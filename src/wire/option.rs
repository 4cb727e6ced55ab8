//! Options: reading, typed values, writing (§6.2, §12).

use core::net::Ipv4Addr;

use super::codes::{IpFlags, MessageType, OptionCode, RejectReason, ServerFlags};
use super::digest::{DIGEST_PLACE, DigestKey};
use super::error::{DecodeError, DecodeErrorKind, EncodeError};
use super::frame::{Frame, HEADER_LEN, Header, MAX_MESSAGE_LEN};
use crate::time::UnixTime;

/// Octets of code and length before the value.
pub const OPTION_HEADER_LEN: usize = 4;

/// One option as it stands in a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawOption<'a> {
    /// The code.
    pub code: OptionCode,
    /// The value.
    pub value: &'a [u8],
    /// Where the option begins, in octets from the start of the message.
    pub offset: usize,
}

/// Iterates over the options of a message. Ends after the first error.
#[derive(Clone, Debug)]
pub struct OptionReader<'a> {
    rest: &'a [u8],
    offset: usize,
}

impl<'a> OptionReader<'a> {
    /// Reads `payload`, which stands at octet `offset` of its message.
    pub const fn new(payload: &'a [u8], offset: usize) -> Self {
        Self { rest: payload, offset }
    }

    #[inline]
    fn read(&mut self) -> Result<RawOption<'a>, DecodeError> {
        let offset = self.offset;
        let Some(([c0, c1, l0, l1], rest)) = self.rest.split_first_chunk::<OPTION_HEADER_LEN>()
        else {
            let kind = DecodeErrorKind::OptionHeaderTruncated { available: self.rest.len() };
            self.rest = &[];
            return Err(DecodeError { kind, offset, option: None });
        };
        let code = OptionCode(u16::from_be_bytes([*c0, *c1]));
        let length = u16::from_be_bytes([*l0, *l1]);
        let Some((value, behind)) = rest.split_at_checked(usize::from(length)) else {
            let kind = DecodeErrorKind::OptionTruncated { length, available: rest.len() };
            self.rest = &[];
            return Err(DecodeError { kind, offset, option: Some(code) });
        };
        self.rest = behind;
        self.offset = self.offset.saturating_add(OPTION_HEADER_LEN).saturating_add(value.len());
        Ok(RawOption { code, value, offset })
    }
}

impl<'a> Iterator for OptionReader<'a> {
    type Item = Result<RawOption<'a>, DecodeError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() { None } else { Some(self.read()) }
    }
}

/// The value of an option in the form its code gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OptionValue<'a> {
    /// A count, a version or a request: options 1, 14, 20, 26, 27.
    Number(u32),
    /// An interval in seconds: options 10, 15, 19.
    Seconds(u32),
    /// A time by the sender's clock: options 6, 13, 18, 25.
    Time(UnixTime),
    /// Option 2.
    Address(Ipv4Addr),
    /// Option 3, as sent: it may be no [`BindingStatus`](super::BindingStatus).
    BindingStatus(u8),
    /// Option 24, as sent: it may be no [`FailoverState`](super::FailoverState).
    ServerState(u8),
    /// Option 21.
    RejectReason(RejectReason),
    /// Option 12.
    IpFlags(IpFlags),
    /// Option 23.
    ServerFlags(ServerFlags),
    /// Option 5: the hardware type, then the address.
    HardwareAddress(&'a [u8]),
    /// Meant to be read by people: options 16, 22, 28.
    Text(&'a [u8]),
    /// Every other option.
    Octets(&'a [u8]),
}

impl<'a> RawOption<'a> {
    /// The value in the form that belongs to the code; an error if its length does not fit.
    pub fn typed(&self) -> Result<OptionValue<'a>, DecodeError> {
        Ok(match self.code {
            OptionCode::ADDRESSES_TRANSFERRED | OptionCode::MAX_UNACKED_BNDUPD => {
                OptionValue::Number(self.u32()?)
            }
            OptionCode::PROTOCOL_VERSION | OptionCode::TLS_REPLY | OptionCode::TLS_REQUEST => {
                OptionValue::Number(self.u8()?.into())
            }
            OptionCode::DELAYED_SERVICE_PARAMETER => OptionValue::Seconds(self.u8()?.into()),
            OptionCode::MCLT | OptionCode::RECEIVE_TIMER => OptionValue::Seconds(self.u32()?),
            OptionCode::CLIENT_LAST_TRANSACTION_TIME
            | OptionCode::LEASE_EXPIRATION_TIME
            | OptionCode::POTENTIAL_EXPIRATION_TIME
            | OptionCode::START_TIME_OF_STATE => OptionValue::Time(self.time()?),
            OptionCode::ASSIGNED_IP_ADDRESS => OptionValue::Address(self.address()?),
            OptionCode::BINDING_STATUS => OptionValue::BindingStatus(self.u8()?),
            OptionCode::SERVER_STATE => OptionValue::ServerState(self.u8()?),
            OptionCode::REJECT_REASON => OptionValue::RejectReason(RejectReason(self.u8()?)),
            OptionCode::IP_FLAGS => OptionValue::IpFlags(IpFlags(self.u16()?)),
            OptionCode::SERVER_FLAGS => OptionValue::ServerFlags(ServerFlags(self.u8()?)),
            OptionCode::CLIENT_HARDWARE_ADDRESS => OptionValue::HardwareAddress(self.value),
            OptionCode::MESSAGE
            | OptionCode::RELATIONSHIP_NAME
            | OptionCode::VENDOR_CLASS_IDENTIFIER => OptionValue::Text(self.value),
            _ => OptionValue::Octets(self.value),
        })
    }

    /// The value of an option of one octet.
    #[inline]
    pub fn u8(&self) -> Result<u8, DecodeError> {
        self.fixed::<1>().map(|[value]| value)
    }

    /// The value of an option of two octets.
    #[inline]
    pub fn u16(&self) -> Result<u16, DecodeError> {
        self.fixed().map(u16::from_be_bytes)
    }

    /// The value of an option of four octets.
    #[inline]
    pub fn u32(&self) -> Result<u32, DecodeError> {
        self.fixed().map(u32::from_be_bytes)
    }

    /// The value of an option that is a time.
    #[inline]
    pub fn time(&self) -> Result<UnixTime, DecodeError> {
        self.u32().map(UnixTime)
    }

    /// The value of an option that is an address.
    #[inline]
    pub fn address(&self) -> Result<Ipv4Addr, DecodeError> {
        self.fixed::<4>().map(Ipv4Addr::from)
    }

    #[inline]
    fn fixed<const N: usize>(&self) -> Result<[u8; N], DecodeError> {
        <[u8; N]>::try_from(self.value).map_err(|_| self.wrong_length(N))
    }

    #[cold]
    pub(super) fn wrong_length(&self, expected: usize) -> DecodeError {
        let length = u16::try_from(self.value.len()).unwrap_or(u16::MAX);
        let expected = u16::try_from(expected).unwrap_or(u16::MAX);
        self.error(DecodeErrorKind::OptionLength { length, expected })
    }

    #[cold]
    pub(super) const fn repeated(&self) -> DecodeError {
        self.error(DecodeErrorKind::OptionRepeated)
    }

    const fn error(&self, kind: DecodeErrorKind) -> DecodeError {
        DecodeError { kind, offset: self.offset, option: Some(self.code) }
    }
}

/// Writes one message behind whatever a buffer holds already.
///
/// [`finish`](Self::finish) sets the length and takes everything back if it is too long.
#[derive(Debug)]
pub struct OptionWriter<'o> {
    out: &'o mut Vec<u8>,
    start: usize,
    message_type: MessageType,
    too_long: bool,
    key: Option<&'o DigestKey>,
}

impl<'o> OptionWriter<'o> {
    /// Begins a message with `header`, whose payload offset is written as it is.
    pub fn begin(header: Header, out: &'o mut Vec<u8>) -> Self {
        let start = out.len();
        let [t0, t1, t2, t3] = header.time.0.to_be_bytes();
        let [x0, x1, x2, x3] = header.xid.0.to_be_bytes();
        let (message_type, payload_offset) = (header.message_type, header.payload_offset);
        out.extend_from_slice(&[
            0,
            0,
            message_type.0,
            payload_offset,
            t0,
            t1,
            t2,
            t3,
            x0,
            x1,
            x2,
            x3,
        ]);
        Self { out, start, message_type, too_long: false, key: None }
    }

    /// Begins a message that carries a message-digest of `key`, if there is one, as its first
    /// option (§11.1).
    pub fn begin_signed(header: Header, key: Option<&'o DigestKey>, out: &'o mut Vec<u8>) -> Self {
        let mut writer = Self::begin(header, out);
        if key.is_some() {
            writer.octets(OptionCode::MESSAGE_DIGEST, &DIGEST_PLACE);
        }
        Self { key, ..writer }
    }

    /// Adds an option with any value.
    #[inline]
    pub fn octets(&mut self, code: OptionCode, value: &[u8]) {
        let length = u16::try_from(value.len()).unwrap_or(u16::MAX);
        if self.len().saturating_add(value.len()) > MAX_MESSAGE_LEN - OPTION_HEADER_LEN {
            self.too_long = true;
            return;
        }
        let [c0, c1] = code.0.to_be_bytes();
        let [l0, l1] = length.to_be_bytes();
        self.out.extend_from_slice(&[c0, c1, l0, l1]);
        self.out.extend_from_slice(value);
    }

    /// Adds an option of one octet.
    #[inline]
    pub fn u8(&mut self, code: OptionCode, value: u8) {
        self.octets(code, &[value]);
    }

    /// Adds an option of two octets.
    #[inline]
    pub fn u16(&mut self, code: OptionCode, value: u16) {
        self.octets(code, &value.to_be_bytes());
    }

    /// Adds an option of four octets.
    #[inline]
    pub fn u32(&mut self, code: OptionCode, value: u32) {
        self.octets(code, &value.to_be_bytes());
    }

    /// Adds octets that are no option: a header extension, or a payload not understood.
    pub fn raw(&mut self, octets: &[u8]) {
        if self.len().saturating_add(octets.len()) > MAX_MESSAGE_LEN {
            self.too_long = true;
        } else {
            self.out.extend_from_slice(octets);
        }
    }

    /// Octets of the message so far.
    #[inline]
    pub fn len(&self) -> usize {
        self.out.len().saturating_sub(self.start)
    }

    /// Whether nothing follows the header yet.
    pub fn is_empty(&self) -> bool {
        self.len() <= HEADER_LEN
    }

    /// Takes back everything behind the first `len` octets of the message, whether it fitted or not.
    pub(super) fn rewind(&mut self, len: usize) {
        self.out.truncate(self.start.saturating_add(len));
        self.too_long = false;
    }

    /// Whether something did not fit.
    pub(super) const fn is_too_long(&self) -> bool {
        self.too_long
    }

    /// Gives the message up: the buffer is as it was before.
    pub(super) fn abandon(self) {
        self.out.truncate(self.start);
    }

    /// Ends the message. On an error the buffer is as it was before the message.
    pub fn finish(self) -> Result<(), EncodeError> {
        let length = u16::try_from(self.len()).unwrap_or(u16::MAX).to_be_bytes();
        if !self.too_long
            && let Some(message) = self.out.get_mut(self.start..)
        {
            if let Some(field) = message.first_chunk_mut::<2>() {
                *field = length;
            }
            if let Some(key) = self.key {
                key.sign(message);
            }
            return Ok(());
        }
        self.out.truncate(self.start);
        Err(EncodeError::TooLong { message_type: self.message_type })
    }
}

/// Appends a message with exactly these options, in this order, to `out`: what a tool uses that
/// sends what no server would. On an error `out` is as it was.
pub fn encode_options<'a>(
    header: Header,
    options: impl IntoIterator<Item = (OptionCode, &'a [u8])>,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    let mut writer = OptionWriter::begin(header, out);
    for (code, value) in options {
        writer.octets(code, value);
    }
    writer.finish()
}

/// Appends `frame` to `out` as it was received. On an error `out` is as it was.
pub fn encode_frame(frame: &Frame<'_>, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    let mut writer = OptionWriter::begin(frame.header, out);
    writer.raw(frame.extension);
    writer.raw(frame.payload);
    writer.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::codes::{MessageType, Xid};

    fn header() -> Header {
        let (message_type, payload_offset) = (MessageType::CONTACT, 12);
        Header { message_type, payload_offset, time: UnixTime(0), xid: Xid(0) }
    }

    #[test]
    fn a_message_is_empty_until_an_option_follows_its_header() {
        let mut out = vec![9; 100];
        let mut writer = OptionWriter::begin(header(), &mut out);
        assert!(writer.is_empty());
        writer.u8(OptionCode::SERVER_STATE, 1);
        assert!(!writer.is_empty());
    }

    #[test]
    fn octets_that_are_no_option_fill_a_message_up_and_no_further() {
        let mut out = Vec::new();
        let mut writer = OptionWriter::begin(header(), &mut out);
        writer.raw(&[7; MAX_MESSAGE_LEN - HEADER_LEN]);
        assert!(!writer.is_too_long());
        writer.raw(&[7]);
        assert!(writer.is_too_long());
    }
}
