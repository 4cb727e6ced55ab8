//! Messages of a capture in print.
//!
//! JSON, one object on a line:
//!
//! | key | value |
//! |---|---|
//! | `frame` | number of the packet that completes the message; the first of the capture is 1 |
//! | `time` | when that packet was captured, in seconds since 1970, with fraction |
//! | `src`, `dst` | `"address:port"` |
//! | `type` | `"bndupd"` and so on; `"unknown"` for a type without a name; null for a gap |
//! | `type-code` | the number of the type; null for a gap |
//! | `xid` | the number; null for a gap |
//! | `options` | in the order sent: `code`, `name` as in the draft (`"unknown"` for others), `value` |
//! | `errors` | sentences about what is wrong; empty where all is well |
//!
//! Values:
//!
//! | options | value |
//! |---|---|
//! | times, intervals, counts, flags, reject-reason, versions, TLS | number |
//! | assigned-IP-address | `"10.0.0.1"` |
//! | binding-status, server-state | the name, as `"active"`, `"communications-interrupted"`; the number where it has none |
//! | client-hardware-address | every octet, hardware type first: `"01:02:00:5e:10:00:01"` |
//! | message, relationship-name, vendor-class-identifier | the text; hexadecimal if it is not printable UTF-8 |
//! | all others, and any of a wrong length | lower-case hexadecimal: `"0a14"` |

use std::io::{self, Write};

use serde::Serialize;

use super::entry::Entry;
use crate::wire::pretty::{ColonHex, Hex, Line, printable};
use crate::wire::{BindingStatus, FailoverState, OptionValue, RawOption};

/// The form of the JSON, for the command line's help.
pub const JSON_HELP: &str = "\
JSON, one object on a line, in the order in which the messages end on the wire:
  frame      number of the packet that completes the message, from 1
  time       when that packet was captured, in seconds since 1970, with fraction
  src, dst   \"address:port\"
  type       \"bndupd\" and so on; \"unknown\" for a type without a name
  type-code  the number of the type
  xid        the number
  options    in the order sent: code, name as in the draft, value
  errors     sentences about what is wrong; empty where all is well
Values of options:
  times, intervals, counts, flags, reasons   number
  assigned-IP-address                        \"10.0.0.1\"
  binding-status, server-state               name, as \"active\"; the number where it has none
  client-hardware-address                    hardware type first, \"01:02:00:5e:10:00:01\"
  message, relationship-name, vendor-class   text; hexadecimal if it is not printable
  all others, and any of a wrong length      hexadecimal, \"0a14\"
Octets that the capture lacks are an object whose type, type-code and xid are null.";

/// Writes `entry` as a line for people: packet, time, who to whom, the message, its errors.
pub fn write_line(entry: &Entry, out: &mut dyn Write) -> io::Result<()> {
    let time = entry.time;
    write!(
        out,
        "{} {}.{:06} {} > {}:",
        entry.frame,
        time.seconds,
        time.nanos / 1000,
        entry.source,
        entry.destination
    )?;
    if let Some(frame) = entry.message() {
        write!(out, " {}", Line(frame))?;
    }
    for error in entry.errors() {
        write!(out, " [{error}]")?;
    }
    writeln!(out)
}

/// Writes `entry` as a line of JSON.
pub fn write_json(entry: &Entry, out: &mut dyn Write) -> io::Result<()> {
    let header = entry.message().map(|frame| frame.header);
    let object = Object {
        frame: entry.frame,
        time: entry.time.as_secs_f64(),
        src: entry.source.to_string(),
        dst: entry.destination.to_string(),
        name: header.map(|header| header.message_type.name()),
        type_code: header.map(|header| header.message_type.0),
        xid: header.map(|header| header.xid.0),
        options: entry.options().flatten().map(OptionObject::from).collect(),
        errors: entry.errors(),
    };
    serde_json::to_writer(&mut *out, &object)?;
    writeln!(out)
}

#[derive(Serialize)]
struct Object {
    frame: u64,
    time: f64,
    src: String,
    dst: String,
    #[serde(rename = "type")]
    name: Option<&'static str>,
    #[serde(rename = "type-code")]
    type_code: Option<u8>,
    xid: Option<u32>,
    options: Vec<OptionObject>,
    errors: Vec<String>,
}

#[derive(Serialize)]
struct OptionObject {
    code: u16,
    name: &'static str,
    value: Value,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Value {
    Number(u32),
    Text(String),
}

impl From<RawOption<'_>> for OptionObject {
    fn from(option: RawOption<'_>) -> Self {
        let value = match option.typed() {
            Ok(value) => Value::from(value),
            Err(_) => Value::Text(Hex(option.value).to_string()),
        };
        Self { code: option.code.0, name: option.code.name(), value }
    }
}

impl From<OptionValue<'_>> for Value {
    fn from(value: OptionValue<'_>) -> Self {
        match value {
            OptionValue::Number(number) | OptionValue::Seconds(number) => Self::Number(number),
            OptionValue::Time(time) => Self::Number(time.0),
            OptionValue::Address(address) => Self::Text(address.to_string()),
            OptionValue::BindingStatus(code) => {
                Self::named(code, BindingStatus::from_code(code).map(BindingStatus::name))
            }
            OptionValue::ServerState(code) => {
                Self::named(code, FailoverState::from_code(code).map(FailoverState::name))
            }
            OptionValue::RejectReason(reason) => Self::Number(reason.0.into()),
            OptionValue::IpFlags(flags) => Self::Number(flags.0.into()),
            OptionValue::ServerFlags(flags) => Self::Number(flags.0.into()),
            OptionValue::HardwareAddress(octets) => Self::Text(ColonHex(octets).to_string()),
            OptionValue::Text(octets) => Self::Text(match printable(octets) {
                Some(text) => text.to_owned(),
                None => Hex(octets).to_string(),
            }),
            OptionValue::Octets(octets) => Self::Text(Hex(octets).to_string()),
        }
    }
}

impl Value {
    fn named(code: u8, name: Option<&'static str>) -> Self {
        name.map_or(Self::Number(code.into()), |name| Self::Text(name.to_owned()))
    }
}
