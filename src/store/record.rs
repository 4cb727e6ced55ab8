//! One record as octets and back; `docs/store-format.md` says what stands where.
//!
//! All numbers are big-endian. Every record ends with the CRC-32C of its key and of everything
//! before, so that a record that is damaged, or stands in another's place, is noticed.

use std::net::Ipv4Addr;

use super::checksum::Crc32c;
use super::error::RecordError;
use super::{MAX_OWNER_NAME, OwnerId};
use crate::binding::carried;
use crate::binding::{Binding, Carried, Client, ClientIdentifier, HardwareAddress};
use crate::durable::EndpointRecord;
use crate::time::UnixTime;
use crate::wire::codes::{BindingStatus, FailoverState, IpFlags};

/// Highest version of a record, in its first octet.
pub const RECORD_VERSION: u8 = 3;
/// Version of endpoint records, and of binding records that carry nothing.
const PLAIN_VERSION: u8 = 1;
/// Version of binding records with what they carry behind the client identifier.
const CARRYING_VERSION: u8 = 2;
/// Version of endpoint records with the time of a CONNECT at their end.
const DATED_VERSION: u8 = 2;
/// Version of endpoint records with further times behind it, each 0 if there is none.
const TIMES_VERSION: u8 = 3;

/// Octets of a binding's key: owner, address.
pub const BINDING_KEY_LEN: usize = 6;
/// Octets of a binding record before hardware address and client identifier.
const BINDING_FIXED: usize = 32;
const CHECKSUM: usize = 4;
/// Octets of an endpoint record before the time of the last CONNECT, if there is one.
const ENDPOINT_FIXED: usize = 60;
/// Octets of that time, and of each other behind it.
const TIME: usize = 4;

const PARTNER_KNOWS: u8 = 1;
const HAS_CLIENT: u8 = 2;
const HAS_HARDWARE: u8 = 4;

const STORAGE_LOST: u8 = 1;
const OWES_UPDATE_ALL: u8 = 2;
const CONTACT_IN_PARTNER_DOWN: u8 = 4;
const HAS_MCLT: u8 = 8;
const HAS_BUCKETS: u8 = 16;

/// The key of a binding: in the order of owners, and of addresses within an owner.
pub fn binding_key(owner: OwnerId, address: Ipv4Addr) -> [u8; BINDING_KEY_LEN] {
    let [o0, o1] = owner.0.to_be_bytes();
    let [a0, a1, a2, a3] = address.octets();
    [o0, o1, a0, a1, a2, a3]
}

/// The owner and the address of a binding's key.
pub fn split_binding_key(key: [u8; BINDING_KEY_LEN]) -> (OwnerId, Ipv4Addr) {
    let [o0, o1, a0, a1, a2, a3] = key;
    (OwnerId(u16::from_be_bytes([o0, o1])), Ipv4Addr::new(a0, a1, a2, a3))
}

/// Replaces the content of `out` by the record of `binding`.
pub fn encode_binding(owner: OwnerId, binding: &Binding, out: &mut Vec<u8>) {
    out.clear();
    let client = binding.client.as_ref();
    let hardware = client.and_then(|client| client.hardware);
    let identifier = client.and_then(|client| client.identifier.as_ref());
    let mut flags = 0;
    for (flag, set) in [
        (PARTNER_KNOWS, binding.partner_knows),
        (HAS_CLIENT, client.is_some()),
        (HAS_HARDWARE, hardware.is_some()),
    ] {
        flags |= if set { flag } else { 0 };
    }
    let hardware = hardware.unwrap_or_default();
    let identifier = identifier.map(ClientIdentifier::octets).unwrap_or_default();
    let carried = binding.carried.octets();
    let version = if carried.is_empty() { PLAIN_VERSION } else { CARRYING_VERSION };
    // The types hold at most 16 and 255 octets.
    let length = |octets: &[u8]| u8::try_from(octets.len()).unwrap_or(u8::MAX);
    out.extend([
        version,
        binding.binding_status.code(),
        flags,
        hardware.htype(),
        length(hardware.octets()),
        length(identifier),
    ]);
    out.extend(binding.ip_flags.0.to_be_bytes());
    for time in [
        binding.lease_expiration,
        binding.sent_potential_expiration,
        binding.acked_potential_expiration,
        binding.received_potential_expiration,
        binding.client_last_transaction,
        binding.start_of_status,
    ] {
        out.extend(time.0.to_be_bytes());
    }
    out.extend(hardware.octets());
    out.extend(identifier);
    out.extend(carried);
    seal(&binding_key(owner, binding.address), out);
}

/// Reads the record of the binding that stands under `key`.
pub fn decode_binding(key: [u8; BINDING_KEY_LEN], record: &[u8]) -> Result<Binding, RecordError> {
    let Some((
        [version, status, flags, htype, hardware_len, identifier_len, f0, f1, times @ ..],
        variable,
    )) = record.split_first_chunk::<BINDING_FIXED>()
    else {
        return Err(too_short(record, BINDING_FIXED + CHECKSUM));
    };
    check_version(*version, CARRYING_VERSION)?;
    let lengths = (usize::from(*hardware_len), usize::from(*identifier_len));
    let expected = (BINDING_FIXED + CHECKSUM).saturating_add(lengths.0).saturating_add(lengths.1);
    let has_length = match *version {
        PLAIN_VERSION => record.len() == expected,
        _ => (expected.saturating_add(1)..=expected.saturating_add(carried::MAX_OCTETS))
            .contains(&record.len()),
    };
    if !has_length {
        return Err(RecordError::Length { found: record.len(), expected });
    }
    check_seal(&key, record)?;
    let (hardware, rest) = variable.split_at_checked(lengths.0).unwrap_or_default();
    let (identifier, rest) = rest.split_at_checked(lengths.1).unwrap_or_default();
    let carried = rest.len().checked_sub(CHECKSUM).and_then(|end| rest.get(..end));
    let carried = Carried::from_octets(carried.unwrap_or_default()).ok_or(field(
        "what is carried",
        BINDING_FIXED.saturating_add(lengths.0).saturating_add(lengths.1),
        rest.first().copied().unwrap_or_default(),
    ))?;
    let binding_status =
        BindingStatus::from_code(*status).ok_or(field("binding_status", 1, *status))?;
    if *flags & !(PARTNER_KNOWS | HAS_CLIENT | HAS_HARDWARE) != 0 {
        return Err(field("flags", 2, *flags));
    }
    let hardware = HardwareAddress::new(*htype, hardware).ok_or(field(
        "hardware address length",
        4,
        *hardware_len,
    ))?;
    let client = (flags & HAS_CLIENT != 0).then(|| Client {
        identifier: ClientIdentifier::new(identifier),
        hardware: (flags & HAS_HARDWARE != 0).then_some(hardware),
    });
    let time = |at: usize| UnixTime(long(times, at));
    Ok(Binding {
        address: split_binding_key(key).1,
        binding_status,
        ip_flags: IpFlags(u16::from_be_bytes([*f0, *f1])),
        client,
        lease_expiration: time(0),
        sent_potential_expiration: time(4),
        acked_potential_expiration: time(8),
        received_potential_expiration: time(12),
        client_last_transaction: time(16),
        start_of_status: time(20),
        carried,
        partner_knows: flags & PARTNER_KNOWS != 0,
    })
}

/// Replaces the content of `out` by the record of an owner's endpoint.
pub fn encode_endpoint(owner: OwnerId, record: &EndpointRecord, out: &mut Vec<u8>) {
    out.clear();
    let mut flags = 0;
    for (flag, set) in [
        (STORAGE_LOST, record.storage_lost),
        (OWES_UPDATE_ALL, record.owes_update_all),
        (CONTACT_IN_PARTNER_DOWN, record.contact_in_partner_down),
        (HAS_MCLT, record.mclt.is_some()),
        (HAS_BUCKETS, record.hash_bucket_assignment.is_some()),
    ] {
        flags |= if set { flag } else { 0 };
    }
    let code = |state: Option<FailoverState>| state.map_or(0, FailoverState::code);
    let [previous, partner] = [code(record.previous_state), code(record.partner_state)];
    let further = record.unsure_before.is_known() || record.maintenance_until.is_some();
    let version = match record.last_connect_time {
        _ if further => TIMES_VERSION,
        Some(_) => DATED_VERSION,
        None => PLAIN_VERSION,
    };
    out.extend([version, record.state.code(), previous, partner, flags, 0, 0, 0]);
    for time in [
        record.start_of_state,
        record.partner_start_of_state,
        record.last_operation,
        record.down_time,
    ] {
        out.extend(time.0.to_be_bytes());
    }
    out.extend(record.mclt.unwrap_or_default().to_be_bytes());
    out.extend(record.hash_bucket_assignment.unwrap_or_default());
    if version >= DATED_VERSION {
        out.extend(record.last_connect_time.unwrap_or(UnixTime::ABSENT).0.to_be_bytes());
    }
    if version >= TIMES_VERSION {
        out.extend(record.unsure_before.0.to_be_bytes());
        out.extend(record.maintenance_until.unwrap_or(UnixTime::ABSENT).0.to_be_bytes());
    }
    seal(&owner.0.to_be_bytes(), out);
}

/// Reads the endpoint record of `owner`.
pub fn decode_endpoint(owner: OwnerId, record: &[u8]) -> Result<EndpointRecord, RecordError> {
    let Some(([version, state, previous, partner, flags, fixed @ ..], behind)) =
        record.split_first_chunk::<ENDPOINT_FIXED>()
    else {
        return Err(too_short(record, ENDPOINT_FIXED + CHECKSUM));
    };
    check_version(*version, TIMES_VERSION)?;
    let times = match *version {
        PLAIN_VERSION => 0,
        DATED_VERSION => TIME,
        _ => 3 * TIME,
    };
    let expected = (ENDPOINT_FIXED + CHECKSUM).saturating_add(times);
    if record.len() != expected {
        return Err(RecordError::Length { found: record.len(), expected });
    }
    check_seal(&owner.0.to_be_bytes(), record)?;
    let (reserved, rest) = fixed.split_at_checked(3).unwrap_or_default();
    if let Some(value) = reserved.iter().find(|octet| **octet != 0) {
        return Err(field("reserved", 5, *value));
    }
    let known = STORAGE_LOST | OWES_UPDATE_ALL | CONTACT_IN_PARTNER_DOWN | HAS_MCLT | HAS_BUCKETS;
    if flags & !known != 0 {
        return Err(field("flags", 4, *flags));
    }
    let optional = |name, offset, code: u8| match code {
        0 => Ok(None),
        _ => FailoverState::from_code(code).map(Some).ok_or(field(name, offset, code)),
    };
    let further = *version == TIMES_VERSION;
    let known = |time: UnixTime| time.is_known().then_some(time);
    let connect_time = UnixTime(long(behind, 0));
    let buckets = rest.get(20..).and_then(|octets| octets.first_chunk::<32>()).copied();
    Ok(EndpointRecord {
        state: FailoverState::from_code(*state).ok_or(field("state", 1, *state))?,
        start_of_state: UnixTime(long(rest, 0)),
        previous_state: optional("previous_state", 2, *previous)?,
        partner_state: optional("partner_state", 3, *partner)?,
        partner_start_of_state: UnixTime(long(rest, 4)),
        last_operation: UnixTime(long(rest, 8)),
        down_time: UnixTime(long(rest, 12)),
        storage_lost: flags & STORAGE_LOST != 0,
        owes_update_all: flags & OWES_UPDATE_ALL != 0,
        contact_in_partner_down: flags & CONTACT_IN_PARTNER_DOWN != 0,
        mclt: (flags & HAS_MCLT != 0).then_some(long(rest, 16)),
        hash_bucket_assignment: buckets.filter(|_| flags & HAS_BUCKETS != 0),
        last_connect_time: match *version {
            PLAIN_VERSION => None,
            DATED_VERSION => Some(connect_time),
            _ => known(connect_time),
        },
        unsure_before: if further { UnixTime(long(behind, TIME)) } else { UnixTime::ABSENT },
        maintenance_until: known(UnixTime(long(behind, 2 * TIME))).filter(|_| further),
    })
}

/// Replaces the content of `out` by the record of an owner's name.
pub fn encode_name(owner: OwnerId, name: &str, out: &mut Vec<u8>) {
    out.clear();
    out.extend(name.as_bytes());
    seal(&owner.0.to_be_bytes(), out);
}

/// Reads the name of `owner`.
pub fn decode_name(owner: OwnerId, record: &[u8]) -> Result<&str, RecordError> {
    check_seal(&owner.0.to_be_bytes(), record)?;
    let name = record.split_last_chunk::<CHECKSUM>().map_or(&[][..], |(name, _)| name);
    if name.is_empty() || name.len() > MAX_OWNER_NAME {
        return Err(RecordError::Length { found: record.len(), expected: 1 + CHECKSUM });
    }
    std::str::from_utf8(name).map_err(|error| {
        let offset = error.valid_up_to();
        field("owner's name", offset, name.get(offset).copied().unwrap_or_default())
    })
}

/// Appends the checksum of `key` and `record`.
pub(super) fn seal(key: &[u8], record: &mut Vec<u8>) {
    let checksum = Crc32c::new().update(key).update(record).finish();
    record.extend(checksum.to_be_bytes());
}

/// Compares the checksum at the end of `record` with that of `key` and what stands before it.
pub(super) fn check_seal(key: &[u8], record: &[u8]) -> Result<(), RecordError> {
    let Some((content, checksum)) = record.split_last_chunk::<CHECKSUM>() else {
        return Err(too_short(record, CHECKSUM));
    };
    let found = u32::from_be_bytes(*checksum);
    let expected = Crc32c::new().update(key).update(content).finish();
    if found == expected { Ok(()) } else { Err(RecordError::Checksum { found, expected }) }
}

fn check_version(version: u8, highest: u8) -> Result<(), RecordError> {
    let known = (PLAIN_VERSION..=highest).contains(&version);
    if known { Ok(()) } else { Err(RecordError::Version { found: version }) }
}

/// The number at `at`; callers read within what they have measured.
fn long(octets: &[u8], at: usize) -> u32 {
    octets
        .get(at..)
        .and_then(|rest| rest.first_chunk::<4>())
        .map_or(0, |octets| u32::from_be_bytes(*octets))
}

const fn field(field: &'static str, offset: usize, value: u8) -> RecordError {
    RecordError::Field { field, offset, value }
}

const fn too_short(record: &[u8], expected: usize) -> RecordError {
    RecordError::Length { found: record.len(), expected }
}
