//! Octets to messages and back (§6, §7, §12).
//!
//! A [`Deframer`] cuts the byte stream into [`Frame`]s; [`Message::decode`] reads a frame without
//! copying; [`Message::encode`] appends octets to a buffer. Nothing here allocates for a message.
//!
//! Strict where a stream cannot be trusted any longer, tolerant elsewhere:
//!
//! * A length outside 12..=2048, a payload offset outside the message, options that do not fill
//!   the payload exactly, a wrong length of a fixed-size option, and an option that occurs twice
//!   are a [`DecodeError`]; the connection has to be closed. In a BNDUPD an option that occurs
//!   twice within one transaction is noted in the update instead, so that it can be rejected.
//! * Options that are unknown or have no meaning in the message are skipped, whatever they hold.
//!   [`Frame::options`] still shows them.
//! * Everything may be missing; whoever acts on a message says what it needs.
//! * Unknown message types are given out as [`Message::Unknown`].

#![cfg_attr(
    not(test),
    deny(
        clippy::arithmetic_side_effects,
        clippy::panic,
        clippy::string_slice,
        clippy::unreachable,
        reason = "what a partner, client, file or operator sends passes here, and nothing may panic on it"
    )
)]

pub mod batch;
pub mod bndupd;
pub mod codes;
pub mod connect;
pub mod ddns;
pub mod dialect;
pub mod digest;
pub mod error;
pub mod frame;
pub mod message;
pub mod option;
pub mod pretty;

pub use batch::BatchWriter;
pub use bndupd::{BindingReply, BindingUpdate, BndAck, BndUpd};
pub use codes::{
    BindingStatus, DdnsFlags, FailoverState, IpFlags, MessageType, OptionCode, RejectReason,
    ServerFlags, Xid,
};
pub use connect::{Connect, ConnectAck, Disconnect, Reject, StateMessage};
pub use ddns::Ddns;
pub use dialect::Dialect;
pub use digest::{DigestError, DigestInput, DigestKey, SharedSecret};
pub use error::{DecodeError, DecodeErrorKind, EncodeError};
pub use frame::{Deframer, Frame, HEADER_LEN, Header, MAX_MESSAGE_LEN, MIN_MESSAGE_LEN};
pub use message::Message;
pub use option::{
    OptionReader, OptionValue, OptionWriter, RawOption, encode_frame, encode_options,
};
