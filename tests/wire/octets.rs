//! Building octets for the tests.

use twinlease::wire::{DecodeError, DecodeErrorKind, Dialect, Frame, Message, OptionCode};

/// The octets written as hexadecimal digits; blanks and line ends mean nothing.
pub(crate) fn octets(hex: &str) -> Vec<u8> {
    let digits: Vec<u32> = hex
        .chars()
        .filter(|character| !character.is_whitespace())
        .map(|character| character.to_digit(16).expect("a hexadecimal digit"))
        .collect();
    assert_eq!(digits.len() % 2, 0, "an odd number of digits");
    digits.chunks(2).map(|pair| u8::try_from(pair[0] * 16 + pair[1]).unwrap()).collect()
}

/// A message of `message_type` with time 0x6553f100 and xid 7 whose options are `payload`.
pub(crate) fn message(message_type: u8, payload: &str) -> Vec<u8> {
    let payload = octets(payload);
    let length = u16::try_from(12 + payload.len()).unwrap().to_be_bytes();
    let mut message = vec![length[0], length[1], message_type, 12];
    message.extend(octets("6553f100 00000007"));
    message.extend(payload);
    message
}

/// What is wrong with `octets` in `dialect`.
pub(crate) fn error_as(octets: &[u8], dialect: Dialect) -> DecodeError {
    let frame = Frame::parse_as(octets, dialect);
    frame.and_then(|frame| Message::decode(&frame, dialect).map(|_| ())).unwrap_err()
}

/// What is wrong with `octets`.
pub(crate) fn error(octets: &[u8]) -> DecodeError {
    error_as(octets, Dialect::Isc)
}

/// An error in an option.
pub(crate) fn in_option(kind: DecodeErrorKind, offset: usize, option: OptionCode) -> DecodeError {
    DecodeError { kind, offset, option: Some(option) }
}
