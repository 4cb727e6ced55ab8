//! The messages about the connection itself: CONNECT, CONNECTACK, STATE, DISCONNECT (§7.8–§7.12).

use super::codes::{OptionCode, RejectReason, ServerFlags};
use super::error::DecodeError;
use super::frame::Frame;
use super::option::{OptionWriter, RawOption};
use crate::time::UnixTime;

/// The options of a CONNECT (§7.8). Everything may be missing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Connect<'a> {
    /// The name of the relationship; compared as octets, no terminator.
    pub relationship_name: Option<&'a [u8]>,
    /// How many BNDUPD messages the sender takes without answering, at least 1.
    pub max_unacked_bndupd: Option<u32>,
    /// Seconds of silence after which the sender gives up the connection.
    pub receive_timer: Option<u32>,
    /// The implementation of the sender.
    pub vendor_class: Option<&'a [u8]>,
    /// The version of the protocol: 1.
    pub protocol_version: Option<u8>,
    /// 0 no TLS, 1 desired, 2 required.
    pub tls_request: Option<u8>,
    /// The maximum client lead time in seconds.
    pub mclt: Option<u32>,
    /// Which clients belong to which server: 256 bits. Another length than 32 octets is an error of
    /// the CONNECT, to be answered with a reject-reason (§7.8.2), and none of the message.
    pub hash_bucket_assignment: Option<&'a [u8]>,
    /// Seconds a client waits before the other server helps (§12.10).
    pub delayed_service: Option<u8>,
}

/// The options of a CONNECTACK (§7.9). Everything may be missing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConnectAck<'a> {
    /// The name of the relationship; compared as octets, no terminator.
    pub relationship_name: Option<&'a [u8]>,
    /// How many BNDUPD messages the sender takes without answering, at least 1.
    pub max_unacked_bndupd: Option<u32>,
    /// Seconds of silence after which the sender gives up the connection.
    pub receive_timer: Option<u32>,
    /// The implementation of the sender.
    pub vendor_class: Option<&'a [u8]>,
    /// The version of the protocol: 1.
    pub protocol_version: Option<u8>,
    /// 0 no TLS, 1 TLS.
    pub tls_reply: Option<u8>,
    /// Why the connection is rejected; `None` accepts it.
    pub reject: Option<Reject<'a>>,
}

/// A rejection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reject<'a> {
    /// Why.
    pub reason: RejectReason,
    /// Text for people.
    pub message: Option<&'a [u8]>,
}

/// The options of a STATE (§7.10). Everything may be missing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StateMessage {
    /// The sender's failover state as sent; [`FailoverState::from_code`] reads it.
    ///
    /// [`FailoverState::from_code`]: super::FailoverState::from_code
    pub server_state: Option<u8>,
    /// The sender's flags.
    pub server_flags: Option<ServerFlags>,
    /// When the state began, by the sender's clock.
    pub start_of_state: Option<UnixTime>,
}

/// The options of a DISCONNECT (§7.12). Everything may be missing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Disconnect<'a> {
    /// Why the connection ends.
    pub reason: Option<RejectReason>,
    /// Text for people.
    pub message: Option<&'a [u8]>,
}

/// Fills `slot`, or reports `option` as repeated.
fn once<T>(slot: &mut Option<T>, value: T, option: &RawOption<'_>) -> Result<(), DecodeError> {
    if slot.is_some() {
        return Err(option.repeated());
    }
    *slot = Some(value);
    Ok(())
}

impl<'a> Connect<'a> {
    pub(super) fn decode(frame: &Frame<'a>) -> Result<Self, DecodeError> {
        let mut connect = Self::default();
        for option in frame.options() {
            let option = option?;
            let value = option.value;
            match option.code {
                OptionCode::RELATIONSHIP_NAME => {
                    once(&mut connect.relationship_name, value, &option)?;
                }
                OptionCode::MAX_UNACKED_BNDUPD => {
                    once(&mut connect.max_unacked_bndupd, option.u32()?, &option)?;
                }
                OptionCode::RECEIVE_TIMER => {
                    once(&mut connect.receive_timer, option.u32()?, &option)?;
                }
                OptionCode::VENDOR_CLASS_IDENTIFIER => {
                    once(&mut connect.vendor_class, value, &option)?;
                }
                OptionCode::PROTOCOL_VERSION => {
                    once(&mut connect.protocol_version, option.u8()?, &option)?;
                }
                OptionCode::TLS_REQUEST => once(&mut connect.tls_request, option.u8()?, &option)?,
                OptionCode::MCLT => once(&mut connect.mclt, option.u32()?, &option)?,
                OptionCode::HASH_BUCKET_ASSIGNMENT => {
                    once(&mut connect.hash_bucket_assignment, value, &option)?;
                }
                OptionCode::DELAYED_SERVICE_PARAMETER => {
                    once(&mut connect.delayed_service, option.u8()?, &option)?;
                }
                _ => {}
            }
        }
        Ok(connect)
    }

    pub(super) fn write(&self, writer: &mut OptionWriter<'_>) {
        octets(writer, OptionCode::RELATIONSHIP_NAME, self.relationship_name);
        long(writer, OptionCode::MAX_UNACKED_BNDUPD, self.max_unacked_bndupd);
        long(writer, OptionCode::RECEIVE_TIMER, self.receive_timer);
        octets(writer, OptionCode::VENDOR_CLASS_IDENTIFIER, self.vendor_class);
        octet(writer, OptionCode::PROTOCOL_VERSION, self.protocol_version);
        octet(writer, OptionCode::TLS_REQUEST, self.tls_request);
        long(writer, OptionCode::MCLT, self.mclt);
        octets(writer, OptionCode::HASH_BUCKET_ASSIGNMENT, self.hash_bucket_assignment);
        octet(writer, OptionCode::DELAYED_SERVICE_PARAMETER, self.delayed_service);
    }
}

impl<'a> ConnectAck<'a> {
    pub(super) fn decode(frame: &Frame<'a>) -> Result<Self, DecodeError> {
        let mut ack = Self::default();
        let mut reason = None;
        let mut message = None;
        for option in frame.options() {
            let option = option?;
            let value = option.value;
            match option.code {
                OptionCode::RELATIONSHIP_NAME => once(&mut ack.relationship_name, value, &option)?,
                OptionCode::MAX_UNACKED_BNDUPD => {
                    once(&mut ack.max_unacked_bndupd, option.u32()?, &option)?;
                }
                OptionCode::RECEIVE_TIMER => once(&mut ack.receive_timer, option.u32()?, &option)?,
                OptionCode::VENDOR_CLASS_IDENTIFIER => {
                    once(&mut ack.vendor_class, value, &option)?;
                }
                OptionCode::PROTOCOL_VERSION => {
                    once(&mut ack.protocol_version, option.u8()?, &option)?;
                }
                OptionCode::TLS_REPLY => once(&mut ack.tls_reply, option.u8()?, &option)?,
                OptionCode::REJECT_REASON => {
                    once(&mut reason, RejectReason(option.u8()?), &option)?;
                }
                OptionCode::MESSAGE => once(&mut message, value, &option)?,
                _ => {}
            }
        }
        ack.reject = reason.map(|reason| Reject { reason, message });
        Ok(ack)
    }

    pub(super) fn write(&self, writer: &mut OptionWriter<'_>) {
        octets(writer, OptionCode::RELATIONSHIP_NAME, self.relationship_name);
        long(writer, OptionCode::MAX_UNACKED_BNDUPD, self.max_unacked_bndupd);
        long(writer, OptionCode::RECEIVE_TIMER, self.receive_timer);
        octets(writer, OptionCode::VENDOR_CLASS_IDENTIFIER, self.vendor_class);
        octet(writer, OptionCode::PROTOCOL_VERSION, self.protocol_version);
        octet(writer, OptionCode::TLS_REPLY, self.tls_reply);
        if let Some(reject) = &self.reject {
            reject.write(writer);
        }
    }
}

impl Reject<'_> {
    pub(super) fn write(&self, writer: &mut OptionWriter<'_>) {
        writer.u8(OptionCode::REJECT_REASON, self.reason.0);
        octets(writer, OptionCode::MESSAGE, self.message);
    }
}

impl StateMessage {
    pub(super) fn decode(frame: &Frame<'_>) -> Result<Self, DecodeError> {
        let mut state = Self::default();
        for option in frame.options() {
            let option = option?;
            match option.code {
                OptionCode::SERVER_STATE => once(&mut state.server_state, option.u8()?, &option)?,
                OptionCode::SERVER_FLAGS => {
                    once(&mut state.server_flags, ServerFlags(option.u8()?), &option)?;
                }
                OptionCode::START_TIME_OF_STATE => {
                    once(&mut state.start_of_state, option.time()?, &option)?;
                }
                _ => {}
            }
        }
        Ok(state)
    }

    pub(super) fn write(&self, writer: &mut OptionWriter<'_>) {
        octet(writer, OptionCode::SERVER_STATE, self.server_state);
        octet(writer, OptionCode::SERVER_FLAGS, self.server_flags.map(|flags| flags.0));
        long(writer, OptionCode::START_TIME_OF_STATE, self.start_of_state.map(|time| time.0));
    }
}

impl<'a> Disconnect<'a> {
    pub(super) fn decode(frame: &Frame<'a>) -> Result<Self, DecodeError> {
        let mut disconnect = Self::default();
        for option in frame.options() {
            let option = option?;
            match option.code {
                OptionCode::REJECT_REASON => {
                    once(&mut disconnect.reason, RejectReason(option.u8()?), &option)?;
                }
                OptionCode::MESSAGE => once(&mut disconnect.message, option.value, &option)?,
                _ => {}
            }
        }
        Ok(disconnect)
    }

    pub(super) fn write(&self, writer: &mut OptionWriter<'_>) {
        octet(writer, OptionCode::REJECT_REASON, self.reason.map(|reason| reason.0));
        octets(writer, OptionCode::MESSAGE, self.message);
    }
}

fn octet(writer: &mut OptionWriter<'_>, code: OptionCode, value: Option<u8>) {
    if let Some(value) = value {
        writer.u8(code, value);
    }
}

pub(super) fn long(writer: &mut OptionWriter<'_>, code: OptionCode, value: Option<u32>) {
    if let Some(value) = value {
        writer.u32(code, value);
    }
}

pub(super) fn octets(writer: &mut OptionWriter<'_>, code: OptionCode, value: Option<&[u8]>) {
    if let Some(value) = value {
        writer.octets(code, value);
    }
}

/// The number of addresses a POOLRESP reports (§7.6).
pub(super) fn decode_pool_response(frame: &Frame<'_>) -> Result<Option<u32>, DecodeError> {
    let mut addresses_transferred = None;
    for option in frame.options() {
        let option = option?;
        if option.code == OptionCode::ADDRESSES_TRANSFERRED {
            once(&mut addresses_transferred, option.u32()?, &option)?;
        }
    }
    Ok(addresses_transferred)
}
