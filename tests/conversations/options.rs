//! Options of messages by their names in the draft, written and compared.

use std::net::Ipv4Addr;

use twinlease::balance::HashBuckets;
use twinlease::time::UnixTime;
use twinlease::wire::codes::{BindingStatus, FailoverState, MessageType, OptionCode, RejectReason};
use twinlease::wire::dialect::Dialect;

use crate::language::{date, hex, number, seconds, state, status};

/// What a value may depend on.
#[derive(Clone, Copy)]
pub(crate) struct Context {
    pub(crate) dialect: Dialect,
    /// Microseconds of the script.
    pub(crate) now: u64,
    /// How far the clock of the sender is ahead, in seconds.
    pub(crate) ahead: i32,
}

impl Context {
    pub(crate) fn clock(&self, time: UnixTime) -> UnixTime {
        if time.is_known() && !time.is_infinite() {
            UnixTime(time.0.wrapping_add_signed(self.ahead))
        } else {
            time
        }
    }
}

/// The type with this name in either case; `TYPE-200` is one without a name.
pub(crate) fn message_type(word: &str) -> Result<MessageType, String> {
    let name = word.to_lowercase();
    if let Some(code) = name.strip_prefix("type-") {
        return number(code).map(MessageType);
    }
    (1..=12)
        .map(MessageType)
        .find(|candidate| candidate.name() == name)
        .ok_or_else(|| format!("{word} is no message; STATE, BNDUPD and so on are"))
}

/// The code with this name in either case; `option-200` is one without a name.
pub(crate) fn code(word: &str) -> Result<OptionCode, String> {
    let name = word.to_lowercase();
    if let Some(code) = name.strip_prefix("option-") {
        return number(code).map(OptionCode);
    }
    (1..=29)
        .map(OptionCode)
        .find(|candidate| candidate.name().to_lowercase() == name)
        .ok_or_else(|| format!("{word} is no option of the draft"))
}

/// Words that are no `name=value`: the state of a STATE, address and status of a binding.
pub(crate) fn bare(message_type: MessageType, word: &str) -> Result<(OptionCode, &str), String> {
    let code = match message_type {
        MessageType::STATE if state(word).is_ok() => OptionCode::SERVER_STATE,
        MessageType::BNDUPD | MessageType::BNDACK if word.parse::<Ipv4Addr>().is_ok() => {
            OptionCode::ASSIGNED_IP_ADDRESS
        }
        MessageType::BNDUPD if status(word).is_ok() => OptionCode::BINDING_STATUS,
        _ => return Err(format!("{word} says nothing in {}", message_type.name())),
    };
    Ok((code, word))
}

const REASONS: &[(&str, RejectReason)] = &[
    ("illegal-address", RejectReason::ILLEGAL_ADDRESS),
    ("fatal-conflict", RejectReason::FATAL_CONFLICT),
    ("missing-binding-information", RejectReason::MISSING_BINDING_INFORMATION),
    ("time-mismatch", RejectReason::TIME_MISMATCH),
    ("invalid-mclt", RejectReason::INVALID_MCLT),
    ("unknown-reason", RejectReason::UNKNOWN_REASON),
    ("duplicate-connection", RejectReason::DUPLICATE_CONNECTION),
    ("invalid-partner", RejectReason::INVALID_PARTNER),
    ("tls-not-supported", RejectReason::TLS_NOT_SUPPORTED),
    ("tls-not-configured", RejectReason::TLS_NOT_CONFIGURED),
    ("tls-required", RejectReason::TLS_REQUIRED),
    ("digest-not-supported", RejectReason::DIGEST_NOT_SUPPORTED),
    ("digest-not-configured", RejectReason::DIGEST_NOT_CONFIGURED),
    ("version-mismatch", RejectReason::VERSION_MISMATCH),
    ("outdated", RejectReason::OUTDATED),
    ("less-critical", RejectReason::LESS_CRITICAL),
    ("no-traffic", RejectReason::NO_TRAFFIC),
    ("hash-bucket-conflict", RejectReason::HASH_BUCKET_CONFLICT),
    ("not-reserved", RejectReason::NOT_RESERVED),
    ("digest-mismatch", RejectReason::DIGEST_MISMATCH),
    ("missing-digest", RejectReason::MISSING_DIGEST),
    ("unknown", RejectReason::UNKNOWN),
];

fn reason(word: &str) -> Result<u8, String> {
    let named = REASONS.iter().find(|(name, _)| *name == word).map(|(_, reason)| reason.0);
    named.map_or_else(|| number(word), Ok)
}

/// Hardware type and address of a test client.
pub(crate) fn hardware(client: u8) -> [u8; 7] {
    [1, 2, 0, 94, 16, 0, client]
}

/// The octets of an option whose value is written as `word`.
pub(crate) fn value(code: OptionCode, word: &str, context: Context) -> Result<Vec<u8>, String> {
    if let Some(octets) = word.strip_prefix("0x") {
        return hex(octets);
    }
    let one = |octet: u8| vec![octet];
    Ok(match code {
        OptionCode::ADDRESSES_TRANSFERRED | OptionCode::MAX_UNACKED_BNDUPD => {
            number::<u32>(word)?.to_be_bytes().into()
        }
        OptionCode::MCLT | OptionCode::RECEIVE_TIMER => seconds(word)?.to_be_bytes().into(),
        OptionCode::PROTOCOL_VERSION | OptionCode::TLS_REPLY | OptionCode::TLS_REQUEST => {
            one(number(word)?)
        }
        OptionCode::DELAYED_SERVICE_PARAMETER => one(number(word.trim_end_matches('s'))?),
        OptionCode::CLIENT_LAST_TRANSACTION_TIME
        | OptionCode::LEASE_EXPIRATION_TIME
        | OptionCode::POTENTIAL_EXPIRATION_TIME
        | OptionCode::START_TIME_OF_STATE => {
            let time = context.clock(date(word, context.now)?);
            context.dialect.wire_time(time).0.to_be_bytes().into()
        }
        OptionCode::ASSIGNED_IP_ADDRESS => {
            let address: Ipv4Addr = word.parse().map_err(|_| format!("{word} is no address"))?;
            address.octets().into()
        }
        OptionCode::BINDING_STATUS => {
            one(status(word).map(BindingStatus::code).or_else(|_| number(word))?)
        }
        OptionCode::SERVER_STATE => {
            one(state(word).map(FailoverState::code).or_else(|_| number(word))?)
        }
        OptionCode::REJECT_REASON => one(reason(word)?),
        OptionCode::SERVER_FLAGS => one(if word == "startup" { 1 } else { number(word)? }),
        OptionCode::IP_FLAGS => match word {
            "reserved" => vec![0, 1],
            "bootp" => vec![0, 2],
            word => number::<u16>(word)?.to_be_bytes().into(),
        },
        OptionCode::HASH_BUCKET_ASSIGNMENT if word == "half" => {
            HashBuckets::half().to_wire(context.dialect).into()
        }
        OptionCode::MESSAGE
        | OptionCode::RELATIONSHIP_NAME
        | OptionCode::VENDOR_CLASS_IDENTIFIER => word.as_bytes().into(),
        _ => hex(word)?,
    })
}
