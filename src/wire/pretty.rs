//! One line for a message, for people.

use core::fmt::{self, Display};

use super::codes::{BindingStatus, FailoverState, IpFlags, ServerFlags};
use super::frame::Frame;
use super::option::{OptionValue, RawOption};

/// A frame as one line: type, xid, time, then every option as `name value`.
#[derive(Clone, Copy, Debug)]
pub struct Line<'a>(pub Frame<'a>);

impl Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let header = &self.0.header;
        match header.message_type.name() {
            "unknown" => write!(f, "type {}", header.message_type.0)?,
            name => f.write_str(name)?,
        }
        write!(f, " xid {} time {} length {}", header.xid, header.time.0, self.0.message_len())?;
        let mut separator = ": ";
        for option in self.0.options() {
            f.write_str(separator)?;
            separator = ", ";
            match option {
                Ok(option) => write_option(&option, f)?,
                Err(error) => write!(f, "malformed: {error}")?,
            }
        }
        Ok(())
    }
}

fn write_option(option: &RawOption<'_>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match option.code.name() {
        "unknown" => write!(f, "option-{} ", option.code.0)?,
        name => write!(f, "{name} ")?,
    }
    match option.typed() {
        Ok(value) => value.fmt(f),
        Err(_) => write!(f, "{} (wrong length)", Hex(option.value)),
    }
}

impl Display for OptionValue<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Number(number) => number.fmt(f),
            Self::Seconds(seconds) => write!(f, "{seconds}s"),
            Self::Time(time) => time.0.fmt(f),
            Self::Address(address) => address.fmt(f),
            Self::BindingStatus(code) => match BindingStatus::from_code(code) {
                Some(status) => status.fmt(f),
                None => code.fmt(f),
            },
            Self::ServerState(code) => match FailoverState::from_code(code) {
                Some(state) => state.fmt(f),
                None => code.fmt(f),
            },
            Self::RejectReason(reason) => reason.fmt(f),
            Self::IpFlags(flags) => write_flags(
                u32::from(flags.0),
                &[
                    (flags.contains(IpFlags::RESERVED), "reserved"),
                    (flags.contains(IpFlags::BOOTP), "bootp"),
                ],
                f,
            ),
            Self::ServerFlags(flags) => write_flags(
                u32::from(flags.0),
                &[(flags.contains(ServerFlags::STARTUP), "startup")],
                f,
            ),
            Self::HardwareAddress(octets) => write!(f, "{}", ColonHex(octets)),
            Self::Text(octets) => match printable(octets) {
                Some(text) => write!(f, "\"{text}\""),
                None => write!(f, "{}", Hex(octets)),
            },
            Self::Octets(octets) => write!(f, "{}", Hex(octets)),
        }
    }
}

fn write_flags(value: u32, names: &[(bool, &str)], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "{value:#x}")?;
    for (_, name) in names.iter().filter(|(set, _)| *set) {
        write!(f, " {name}")?;
    }
    Ok(())
}

/// `octets` as text if they are UTF-8 without control characters.
pub fn printable(octets: &[u8]) -> Option<&str> {
    let text = core::str::from_utf8(octets).ok()?;
    if text.chars().any(char::is_control) { None } else { Some(text) }
}

/// Octets in lower-case hexadecimal digits, `0a14`.
#[derive(Clone, Copy, Debug)]
pub struct Hex<'a>(pub &'a [u8]);

impl Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

/// Octets in lower-case hexadecimal digits with colons, `0a:14`.
#[derive(Clone, Copy, Debug)]
pub struct ColonHex<'a>(pub &'a [u8]);

impl Display for ColonHex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, octet) in self.0.iter().enumerate() {
            if position > 0 {
                f.write_str(":")?;
            }
            write!(f, "{octet:02x}")?;
        }
        Ok(())
    }
}
