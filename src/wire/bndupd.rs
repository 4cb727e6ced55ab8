//! Binding updates and their answers, and the batching of both (§6.3, §7.1, §7.2).
//!
//! A message holds one or more transactions. An assigned-IP-address option opens a transaction;
//! options before the first one belong to the first transaction, as dhcpd accepts any order.

use core::mem::replace;
use core::net::Ipv4Addr;
use core::{fmt, slice};

use super::codes::{IpFlags, MessageType, OptionCode, RejectReason};
use super::connect::{Reject, long, octets};
use super::dialect::Dialect;
use super::error::{DecodeError, EncodeError};
use super::frame::{Frame, MAX_MESSAGE_LEN};
use super::option::{OPTION_HEADER_LEN, OptionReader, OptionWriter, RawOption};
use crate::time::UnixTime;

/// One binding update transaction (§7.1). Everything but the address may be missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BindingUpdate<'a> {
    /// The address of the binding; 0.0.0.0 where the option is missing.
    pub address: Ipv4Addr,
    /// The status as sent; [`BindingStatus::from_code`](super::BindingStatus::from_code) reads it.
    pub binding_status: Option<u8>,
    /// The data of the client's DHCP option 61.
    pub client_identifier: Option<&'a [u8]>,
    /// The hardware type, then the hardware address.
    pub client_hardware_address: Option<&'a [u8]>,
    /// The end of the lease as told to the client.
    pub lease_expiration: Option<UnixTime>,
    /// The time the sender may want to give to the client later.
    pub potential_expiration: Option<UnixTime>,
    /// When the binding-status began.
    pub start_of_status: Option<UnixTime>,
    /// When the sender last heard a request of the client.
    pub client_last_transaction: Option<UnixTime>,
    /// Properties of the address.
    pub ip_flags: Option<IpFlags>,
    /// State of the dynamic DNS update: two octets of flags, then a name in wire form (§12.9).
    pub ddns: Option<&'a [u8]>,
    /// Options received from the client, behind the DHCP magic number.
    pub client_request_options: Option<&'a [u8]>,
    /// Options sent to the client, behind the DHCP magic number.
    pub client_reply_options: Option<&'a [u8]>,
    /// An option that occurred twice in this transaction; its first value is the one above.
    /// Never sent.
    pub repeated: Option<OptionCode>,
}

impl Default for BindingUpdate<'_> {
    fn default() -> Self {
        Self {
            address: Ipv4Addr::UNSPECIFIED,
            binding_status: None,
            client_identifier: None,
            client_hardware_address: None,
            lease_expiration: None,
            potential_expiration: None,
            start_of_status: None,
            client_last_transaction: None,
            ip_flags: None,
            ddns: None,
            client_request_options: None,
            client_reply_options: None,
            repeated: None,
        }
    }
}

/// The answer to one binding update transaction (§7.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BindingReply<'a> {
    /// The address of the binding; 0.0.0.0 where the option is missing.
    pub address: Ipv4Addr,
    /// Why the update is rejected; `None` accepts it.
    pub reject: Option<Reject<'a>>,
}

/// The transactions of a BNDUPD.
#[derive(Clone, Copy)]
pub struct BndUpd<'a>(Transactions<'a, BindingUpdate<'a>>);

/// The transactions of a BNDACK.
#[derive(Clone, Copy)]
pub struct BndAck<'a>(Transactions<'a, BindingReply<'a>>);

/// Either validated octets or values to be sent.
#[derive(Clone, Copy)]
enum Transactions<'a, T> {
    Wire { frame: Frame<'a>, dialect: Dialect },
    Values(&'a [T]),
}

impl<'a> BndUpd<'a> {
    /// A message with these updates. [`Dialect::max_transactions`] says how many it may have.
    pub const fn of(updates: &'a [BindingUpdate<'a>]) -> Self {
        Self(Transactions::Values(updates))
    }

    /// The updates in the order sent; at least one in a message received.
    pub fn updates(&self) -> Updates<'a> {
        Updates(match self.0 {
            Transactions::Wire { frame, dialect } => {
                Source::Wire(WireTransactions::new(&frame, dialect))
            }
            Transactions::Values(values) => Source::Values(values.iter()),
        })
    }

    pub(super) fn decode(frame: &Frame<'a>, dialect: Dialect) -> Result<Self, DecodeError> {
        for option in frame.options() {
            check_length(&option?, dialect)?;
        }
        Ok(Self(Transactions::Wire { frame: *frame, dialect }))
    }

    pub(super) fn check(&self, dialect: Dialect) -> Result<(), EncodeError> {
        let message_type = MessageType::BNDUPD;
        match self.updates().count() {
            0 => Err(EncodeError::NoTransaction { message_type }),
            1 => Ok(()),
            _ if dialect.may_send_bulk() => Ok(()),
            count => Err(EncodeError::SeveralTransactions { message_type, count }),
        }
    }

    pub(super) fn write(&self, dialect: Dialect, writer: &mut OptionWriter<'_>) {
        for update in self.updates() {
            update.write(dialect, writer);
        }
    }
}

impl<'a> BndAck<'a> {
    /// A message with these replies: one for each address of the BNDUPD that it answers.
    pub const fn of(replies: &'a [BindingReply<'a>]) -> Self {
        Self(Transactions::Values(replies))
    }

    /// The replies in the order sent; at least one in a message received.
    pub fn replies(&self) -> Replies<'a> {
        Replies(match self.0 {
            Transactions::Wire { frame, dialect } => {
                Source::Wire(WireTransactions::new(&frame, dialect))
            }
            Transactions::Values(values) => Source::Values(values.iter()),
        })
    }

    pub(super) fn decode(frame: &Frame<'a>, dialect: Dialect) -> Result<Self, DecodeError> {
        let (mut address, mut reason, mut message) = (false, false, false);
        for option in frame.options() {
            let option = option?;
            let repeated = match option.code {
                OptionCode::ASSIGNED_IP_ADDRESS => {
                    option.address()?;
                    if replace(&mut address, true) {
                        (reason, message) = (false, false);
                    }
                    false
                }
                OptionCode::REJECT_REASON => {
                    option.u8()?;
                    replace(&mut reason, true)
                }
                OptionCode::MESSAGE => replace(&mut message, true),
                _ => false,
            };
            if repeated {
                return Err(option.repeated());
            }
        }
        Ok(Self(Transactions::Wire { frame: *frame, dialect }))
    }

    /// Any partner takes as many replies as it has sent updates.
    pub(super) fn check(&self) -> Result<(), EncodeError> {
        match self.replies().next() {
            None => Err(EncodeError::NoTransaction { message_type: MessageType::BNDACK }),
            Some(_) => Ok(()),
        }
    }

    /// Writes the replies, without their texts if the message has no room for these (§6.3).
    pub(super) fn write(&self, writer: &mut OptionWriter<'_>) {
        let with_texts =
            self.replies().fold(writer.len(), |len, reply| len.saturating_add(reply.len()));
        let has_room = with_texts <= MAX_MESSAGE_LEN;
        for reply in self.replies() {
            writer.octets(OptionCode::ASSIGNED_IP_ADDRESS, &reply.address.octets());
            if let Some(Reject { reason, message }) = reply.reject {
                Reject { reason, message: message.filter(|_| has_room) }.write(writer);
            }
        }
    }
}

impl BindingReply<'_> {
    /// Octets of its options.
    fn len(&self) -> usize {
        let reject = self.reject.map_or(0, |reject| {
            let text =
                reject.message.map_or(0, |message| message.len().saturating_add(OPTION_HEADER_LEN));
            text.saturating_add(OPTION_HEADER_LEN + 1)
        });
        reject.saturating_add(OPTION_HEADER_LEN + 4)
    }
}

impl BindingUpdate<'_> {
    pub(super) fn write(&self, dialect: Dialect, writer: &mut OptionWriter<'_>) {
        writer.octets(OptionCode::ASSIGNED_IP_ADDRESS, &self.address.octets());
        if let Some(status) = self.binding_status {
            writer.u8(OptionCode::BINDING_STATUS, status);
        }
        octets(writer, OptionCode::CLIENT_IDENTIFIER, self.client_identifier);
        octets(writer, OptionCode::CLIENT_HARDWARE_ADDRESS, self.client_hardware_address);
        let time = |time: Option<UnixTime>| time.map(|time| time.0);
        long(writer, OptionCode::LEASE_EXPIRATION_TIME, time(self.lease_expiration));
        long(writer, OptionCode::POTENTIAL_EXPIRATION_TIME, time(self.potential_expiration));
        long(writer, OptionCode::START_TIME_OF_STATE, time(self.start_of_status));
        let last_transaction = time(self.client_last_transaction);
        long(writer, OptionCode::CLIENT_LAST_TRANSACTION_TIME, last_transaction);
        if let Some(flags) = self.ip_flags {
            writer.u16(OptionCode::IP_FLAGS, flags.0);
        }
        if dialect.may_send_ddns() {
            octets(writer, OptionCode::DDNS, self.ddns);
        }
        octets(writer, OptionCode::CLIENT_REQUEST_OPTIONS, self.client_request_options);
        octets(writer, OptionCode::CLIENT_REPLY_OPTIONS, self.client_reply_options);
    }
}

/// Whether an option that an update reads has the length its code demands.
#[inline]
fn check_length(option: &RawOption<'_>, dialect: Dialect) -> Result<(), DecodeError> {
    let right = match option.code {
        OptionCode::BINDING_STATUS => 1,
        OptionCode::IP_FLAGS if dialect.accepts_one_octet_ip_flags() => {
            if option.value.len() == 1 {
                return Ok(());
            }
            2
        }
        OptionCode::IP_FLAGS => 2,
        OptionCode::ASSIGNED_IP_ADDRESS
        | OptionCode::CLIENT_LAST_TRANSACTION_TIME
        | OptionCode::LEASE_EXPIRATION_TIME
        | OptionCode::POTENTIAL_EXPIRATION_TIME
        | OptionCode::START_TIME_OF_STATE => 4,
        _ => return Ok(()),
    };
    if option.value.len() == right { Ok(()) } else { Err(option.wrong_length(right)) }
}

/// Cuts the options of a message that was found right into transactions.
#[derive(Clone)]
struct WireTransactions<'a> {
    options: OptionReader<'a>,
    dialect: Dialect,
    next: Next,
}

/// What the next transaction begins with.
#[derive(Clone, Copy)]
enum Next {
    /// Whatever comes first in the message.
    First,
    /// The address that ended the transaction before.
    Opened(Ipv4Addr),
    /// The message has ended.
    End,
}

impl<'a> WireTransactions<'a> {
    fn new(frame: &Frame<'a>, dialect: Dialect) -> Self {
        Self { options: frame.options(), dialect, next: Next::First }
    }

    /// Runs `each` over the other options of the next transaction and gives its address; `None`
    /// at the end of the message.
    #[inline]
    fn next_transaction(&mut self, mut each: impl FnMut(&RawOption<'a>)) -> Option<Ipv4Addr> {
        let mut address = match replace(&mut self.next, Next::End) {
            Next::First => None,
            Next::Opened(address) => Some(address),
            Next::End => return None,
        };
        while let Some(Ok(option)) = self.options.next() {
            if option.code != OptionCode::ASSIGNED_IP_ADDRESS {
                each(&option);
                continue;
            }
            let opened = option.address().unwrap_or(Ipv4Addr::UNSPECIFIED);
            if address.is_some() {
                self.next = Next::Opened(opened);
                break;
            }
            address = Some(opened);
        }
        Some(address.unwrap_or(Ipv4Addr::UNSPECIFIED))
    }

    #[inline]
    fn next_update(&mut self) -> Option<BindingUpdate<'a>> {
        let mut update = BindingUpdate::default();
        let dialect = self.dialect;
        update.address = self.next_transaction(|option| update.read(option, dialect))?;
        Some(update)
    }

    fn next_reply(&mut self) -> Option<BindingReply<'a>> {
        let mut reason = None;
        let mut message = None;
        let address = self.next_transaction(|option| match option.code {
            OptionCode::REJECT_REASON => reason = option.u8().ok().map(RejectReason),
            OptionCode::MESSAGE => message = Some(option.value),
            _ => {}
        })?;
        let reject = reason.map(|reason| Reject { reason, message });
        Some(BindingReply { address, reject })
    }
}

impl<'a> BindingUpdate<'a> {
    #[inline]
    fn read(&mut self, option: &RawOption<'a>, dialect: Dialect) {
        let value = Some(option.value);
        let first = match option.code {
            OptionCode::BINDING_STATUS => keep_first(&mut self.binding_status, option.u8().ok()),
            OptionCode::CLIENT_IDENTIFIER => keep_first(&mut self.client_identifier, value),
            OptionCode::CLIENT_HARDWARE_ADDRESS => {
                keep_first(&mut self.client_hardware_address, value)
            }
            OptionCode::LEASE_EXPIRATION_TIME => {
                keep_first(&mut self.lease_expiration, option.time().ok())
            }
            OptionCode::POTENTIAL_EXPIRATION_TIME => {
                keep_first(&mut self.potential_expiration, option.time().ok())
            }
            OptionCode::START_TIME_OF_STATE => {
                keep_first(&mut self.start_of_status, option.time().ok())
            }
            OptionCode::CLIENT_LAST_TRANSACTION_TIME => {
                keep_first(&mut self.client_last_transaction, option.time().ok())
            }
            OptionCode::IP_FLAGS => {
                let flags = match *option.value {
                    [flags] if dialect.accepts_one_octet_ip_flags() => Some(u16::from(flags)),
                    _ => option.u16().ok(),
                };
                keep_first(&mut self.ip_flags, flags.map(IpFlags))
            }
            OptionCode::DDNS => keep_first(&mut self.ddns, value),
            OptionCode::CLIENT_REQUEST_OPTIONS => {
                keep_first(&mut self.client_request_options, value)
            }
            OptionCode::CLIENT_REPLY_OPTIONS => keep_first(&mut self.client_reply_options, value),
            _ => true,
        };
        if !first && self.repeated.is_none() {
            self.repeated = Some(option.code);
        }
    }
}

/// Fills `slot` unless it is filled; whether it was empty.
#[inline]
fn keep_first<T>(slot: &mut Option<T>, value: Option<T>) -> bool {
    let empty = slot.is_none();
    if empty {
        *slot = value;
    }
    empty
}

#[derive(Clone)]
enum Source<'a, T> {
    Wire(WireTransactions<'a>),
    Values(slice::Iter<'a, T>),
}

/// The updates of a BNDUPD.
#[derive(Clone)]
pub struct Updates<'a>(Source<'a, BindingUpdate<'a>>);

impl<'a> Iterator for Updates<'a> {
    type Item = BindingUpdate<'a>;

    #[inline]
    fn next(&mut self) -> Option<BindingUpdate<'a>> {
        match &mut self.0 {
            Source::Wire(transactions) => transactions.next_update(),
            Source::Values(values) => values.next().copied(),
        }
    }
}

/// The replies of a BNDACK.
#[derive(Clone)]
pub struct Replies<'a>(Source<'a, BindingReply<'a>>);

impl<'a> Iterator for Replies<'a> {
    type Item = BindingReply<'a>;

    fn next(&mut self) -> Option<BindingReply<'a>> {
        match &mut self.0 {
            Source::Wire(transactions) => transactions.next_reply(),
            Source::Values(values) => values.next().copied(),
        }
    }
}

impl PartialEq for BndUpd<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.updates().eq(other.updates())
    }
}

impl Eq for BndUpd<'_> {}

impl PartialEq for BndAck<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.replies().eq(other.replies())
    }
}

impl Eq for BndAck<'_> {}

impl fmt::Debug for BndUpd<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.updates()).finish()
    }
}

impl fmt::Debug for BndAck<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.replies()).finish()
    }
}

impl fmt::Debug for Updates<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.clone()).finish()
    }
}

impl fmt::Debug for Replies<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.clone()).finish()
    }
}
