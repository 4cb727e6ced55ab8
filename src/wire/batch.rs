//! A BNDUPD written update by update, until there is no room for another (§6.3).

use super::bndupd::BindingUpdate;
use super::codes::{MessageType, Xid};
use super::dialect::Dialect;
use super::digest::DigestKey;
use super::error::EncodeError;
use super::frame::Header;
use super::option::OptionWriter;
use crate::time::UnixTime;

/// One BNDUPD in the making.
#[derive(Debug)]
pub struct BatchWriter<'o> {
    writer: OptionWriter<'o>,
    dialect: Dialect,
    count: usize,
}

impl<'o> BatchWriter<'o> {
    /// Begins a message behind what `out` holds.
    pub fn begin(time: UnixTime, xid: Xid, dialect: Dialect, out: &'o mut Vec<u8>) -> Self {
        Self::begin_signed(time, xid, dialect, None, out)
    }

    /// The same with a message-digest of `key` if there is one (§11.1).
    pub fn begin_signed(
        time: UnixTime,
        xid: Xid,
        dialect: Dialect,
        key: Option<&'o DigestKey>,
        out: &'o mut Vec<u8>,
    ) -> Self {
        let message_type = MessageType::BNDUPD;
        let payload_offset = dialect.payload_offset();
        let header = Header { message_type, payload_offset, time, xid };
        Self { writer: OptionWriter::begin_signed(header, key, out), dialect, count: 0 }
    }

    /// Adds an update. False, and the message is as it was, if it has no room for it, or as many
    /// updates as the dialect allows.
    pub fn push(&mut self, update: &BindingUpdate<'_>) -> bool {
        if self.count >= self.dialect.max_transactions() {
            return false;
        }
        let len = self.writer.len();
        update.write(self.dialect, &mut self.writer);
        let fits = !self.writer.is_too_long();
        if fits {
            self.count = self.count.saturating_add(1);
        } else {
            self.writer.rewind(len);
        }
        fits
    }

    /// How many updates it holds.
    pub const fn count(&self) -> usize {
        self.count
    }

    /// Ends the message. Without any update the buffer is as it was before.
    pub fn finish(self) -> Result<(), EncodeError> {
        if self.count == 0 {
            self.writer.abandon();
            return Err(EncodeError::NoTransaction { message_type: MessageType::BNDUPD });
        }
        self.writer.finish()
    }
}
