//! One variant for each type of message (§7).

use super::bndupd::{BndAck, BndUpd};
use super::codes::{MessageType, OptionCode, Xid};
use super::connect::{Connect, ConnectAck, Disconnect, StateMessage, decode_pool_response, long};
use super::dialect::Dialect;
use super::digest::DigestKey;
use super::error::{DecodeError, EncodeError};
use super::frame::{Frame, Header};
use super::option::OptionWriter;
use crate::time::UnixTime;

/// A message, borrowing its variable parts from the octets received or from values to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message<'a> {
    /// The secondary asks for addresses (§7.5).
    PoolReq,
    /// The primary answers it (§7.6).
    PoolResp {
        /// How many addresses were moved; `None` where the option is missing.
        addresses_transferred: Option<u32>,
    },
    /// Binding updates (§7.1).
    BndUpd(BndUpd<'a>),
    /// Answers to binding updates (§7.2).
    BndAck(BndAck<'a>),
    /// The primary opens a connection (§7.8).
    Connect(Connect<'a>),
    /// The secondary accepts or rejects it (§7.9).
    ConnectAck(ConnectAck<'a>),
    /// Asks for every binding (§7.4).
    UpdReqAll,
    /// All bindings asked for have been sent and answered (§7.7).
    UpdDone,
    /// Asks for every binding not yet acknowledged (§7.3).
    UpdReq,
    /// The sender's failover state (§7.10).
    State(StateMessage),
    /// A sign of life (§7.11).
    Contact,
    /// The last message of a connection (§7.12).
    Disconnect(Disconnect<'a>),
    /// A type that this crate does not know. Up to 127 it closes the connection, from 128 on it is
    /// ignored (§6.1).
    Unknown {
        /// The type.
        message_type: MessageType,
        /// Everything behind the header, not looked at.
        payload: &'a [u8],
    },
}

impl<'a> Message<'a> {
    /// Reads a frame. The first error in it is reported; nothing is guessed.
    pub fn decode(frame: &Frame<'a>, dialect: Dialect) -> Result<Self, DecodeError> {
        let plain = |message| {
            for option in frame.options() {
                option?;
            }
            Ok(message)
        };
        match frame.header.message_type {
            MessageType::POOLREQ => plain(Self::PoolReq),
            MessageType::POOLRESP => {
                let addresses_transferred = decode_pool_response(frame)?;
                Ok(Self::PoolResp { addresses_transferred })
            }
            MessageType::BNDUPD => BndUpd::decode(frame, dialect).map(Self::BndUpd),
            MessageType::BNDACK => BndAck::decode(frame, dialect).map(Self::BndAck),
            MessageType::CONNECT => Connect::decode(frame).map(Self::Connect),
            MessageType::CONNECTACK => ConnectAck::decode(frame).map(Self::ConnectAck),
            MessageType::UPDREQALL => plain(Self::UpdReqAll),
            MessageType::UPDDONE => plain(Self::UpdDone),
            MessageType::UPDREQ => plain(Self::UpdReq),
            MessageType::STATE => StateMessage::decode(frame).map(Self::State),
            MessageType::CONTACT => plain(Self::Contact),
            MessageType::DISCONNECT => Disconnect::decode(frame).map(Self::Disconnect),
            message_type => Ok(Self::Unknown { message_type, payload: frame.payload }),
        }
    }

    /// Appends the message to `out`, its options in the order in which dhcpd sends them. What the
    /// partner's dialect does not take is left out (DDNS towards dhcpd) or refused (several
    /// updates in one BNDUPD). On an error `out` is as it was.
    pub fn encode(
        &self,
        time: UnixTime,
        xid: Xid,
        dialect: Dialect,
        out: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        self.encode_signed(time, xid, dialect, None, out)
    }

    /// As [`encode`](Self::encode), with a message-digest of `key` as the first option if there is
    /// one (§11.1).
    pub fn encode_signed(
        &self,
        time: UnixTime,
        xid: Xid,
        dialect: Dialect,
        key: Option<&DigestKey>,
        out: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        match self {
            Self::BndUpd(bndupd) => bndupd.check(dialect)?,
            Self::BndAck(bndack) => bndack.check()?,
            _ => {}
        }
        let message_type = self.message_type();
        let payload_offset = dialect.payload_offset();
        let header = Header { message_type, payload_offset, time, xid };
        let mut writer = OptionWriter::begin_signed(header, key, out);
        match self {
            Self::PoolReq | Self::UpdReqAll | Self::UpdDone | Self::UpdReq | Self::Contact => {}
            Self::PoolResp { addresses_transferred } => {
                long(&mut writer, OptionCode::ADDRESSES_TRANSFERRED, *addresses_transferred);
            }
            Self::BndUpd(bndupd) => bndupd.write(dialect, &mut writer),
            Self::BndAck(bndack) => bndack.write(&mut writer),
            Self::Connect(connect) => connect.write(&mut writer),
            Self::ConnectAck(ack) => ack.write(&mut writer),
            Self::State(state) => state.write(&mut writer),
            Self::Disconnect(disconnect) => disconnect.write(&mut writer),
            Self::Unknown { payload, .. } => writer.raw(payload),
        }
        writer.finish()
    }

    /// The type of the message.
    pub const fn message_type(&self) -> MessageType {
        match self {
            Self::PoolReq => MessageType::POOLREQ,
            Self::PoolResp { .. } => MessageType::POOLRESP,
            Self::BndUpd(_) => MessageType::BNDUPD,
            Self::BndAck(_) => MessageType::BNDACK,
            Self::Connect(_) => MessageType::CONNECT,
            Self::ConnectAck(_) => MessageType::CONNECTACK,
            Self::UpdReqAll => MessageType::UPDREQALL,
            Self::UpdDone => MessageType::UPDDONE,
            Self::UpdReq => MessageType::UPDREQ,
            Self::State(_) => MessageType::STATE,
            Self::Contact => MessageType::CONTACT,
            Self::Disconnect(_) => MessageType::DISCONNECT,
            Self::Unknown { message_type, .. } => *message_type,
        }
    }
}
