//! The packed form of one binding.

use core::net::Ipv4Addr;

use super::NONE;
use super::beside::Beside;
use super::freight::Freight;
use crate::binding::{Binding, Carried, Client, ClientIdentifier, ClientRef, HardwareAddress};
use crate::time::UnixTime;
use crate::wire::codes::{BindingStatus, IpFlags};

/// Octets of a record that hardware address and identifier share: enough for Ethernet and an
/// identifier made of an IAID and a link-layer or enterprise DUID.
const CLIENT_OCTETS: usize = 25;

/// A hardware length that says there is no hardware address.
const NO_HARDWARE: u8 = u8::MAX;

/// Bit of `bits` that holds `partner_knows`; the lower bits are marks.
const PARTNER_KNOWS: u8 = 0x80;

/// Client identifiers, by handle.
pub(super) type Identifiers = Beside<Box<[u8]>>;

/// All of a binding but its address, and its links into the lists of the table.
#[derive(Clone, Debug, Hash)]
pub(super) struct Record {
    lease_expiration: UnixTime,
    sent_potential_expiration: UnixTime,
    acked_potential_expiration: UnixTime,
    received_potential_expiration: UnixTime,
    client_last_transaction: UnixTime,
    start_of_status: UnixTime,
    /// Neighbours in the queue of the range and status.
    pub(super) queue_next: u32,
    pub(super) queue_prev: u32,
    /// Neighbours in the chain of the client index.
    pub(super) client_next: u32,
    pub(super) client_prev: u32,
    /// Position in the expiry heap.
    pub(super) heap_position: u32,
    /// Handle of what is carried; `NONE` for nothing.
    carried: u32,
    pub(super) ip_flags: IpFlags,
    pub(super) status: BindingStatus,
    bits: u8,
    htype: u8,
    hardware_len: u8,
    /// 0 if there is no identifier.
    identifier_len: u8,
    /// The hardware address, then the identifier, or the handle of an identifier that has no room.
    octets: [u8; CLIENT_OCTETS],
}

/// What is kept beside the records because its length varies.
#[derive(Clone, Debug, Default, Hash)]
pub(super) struct VariableParts {
    /// Client identifiers that have no room in their record.
    pub(super) identifiers: Identifiers,
    /// Options and DNS state.
    pub(super) carried: Freight,
}

impl Record {
    /// Whether the partner has accepted, or itself told, exactly this.
    pub(super) const fn partner_knows(&self) -> bool {
        self.bits & PARTNER_KNOWS != 0
    }

    /// An unused address; the caller links it.
    pub(super) const fn unused() -> Self {
        Self {
            lease_expiration: UnixTime::ABSENT,
            sent_potential_expiration: UnixTime::ABSENT,
            acked_potential_expiration: UnixTime::ABSENT,
            received_potential_expiration: UnixTime::ABSENT,
            client_last_transaction: UnixTime::ABSENT,
            start_of_status: UnixTime::ABSENT,
            queue_next: NONE,
            queue_prev: NONE,
            client_next: NONE,
            client_prev: NONE,
            heap_position: NONE,
            carried: NONE,
            ip_flags: IpFlags(0),
            status: BindingStatus::Free,
            bits: PARTNER_KNOWS,
            htype: 0,
            hardware_len: NO_HARDWARE,
            identifier_len: 0,
            octets: [0; CLIENT_OCTETS],
        }
    }

    /// Whether the address is reserved for a client.
    pub(super) const fn is_reserved(&self) -> bool {
        self.ip_flags.contains(IpFlags::RESERVED)
    }

    /// Whether all bits of `mask` are set; the highest bit is not the caller's.
    pub(super) const fn has_bits(&self, mask: u8) -> bool {
        self.bits & mask == mask
    }

    /// Sets or clears the bits of `mask`.
    pub(super) const fn set_bits(&mut self, mask: u8, on: bool) {
        if on { self.bits |= mask } else { self.bits &= !mask }
    }

    /// The binding as everything else sees it.
    pub(super) fn unpack(&self, address: Ipv4Addr, parts: &VariableParts) -> Binding {
        let client = self.client(&parts.identifiers);
        let known = client.identifier.is_some() || client.hardware.is_some();
        Binding {
            address,
            binding_status: self.status,
            ip_flags: self.ip_flags,
            client: known.then(|| Client {
                identifier: client.identifier.and_then(ClientIdentifier::new),
                hardware: client.hardware,
            }),
            lease_expiration: self.lease_expiration,
            sent_potential_expiration: self.sent_potential_expiration,
            acked_potential_expiration: self.acked_potential_expiration,
            received_potential_expiration: self.received_potential_expiration,
            client_last_transaction: self.client_last_transaction,
            start_of_status: self.start_of_status,
            carried: parts.carried.get(self.carried),
            partner_knows: self.has_bits(PARTNER_KNOWS),
        }
    }

    /// Takes over the times and flags of `binding`; status and client are linked elsewhere.
    pub(super) const fn set_times(&mut self, binding: &Binding) {
        self.lease_expiration = binding.lease_expiration;
        self.sent_potential_expiration = binding.sent_potential_expiration;
        self.acked_potential_expiration = binding.acked_potential_expiration;
        self.received_potential_expiration = binding.received_potential_expiration;
        self.client_last_transaction = binding.client_last_transaction;
        self.start_of_status = binding.start_of_status;
        self.ip_flags = binding.ip_flags;
        self.set_bits(PARTNER_KNOWS, binding.partner_knows);
    }

    /// Replaces what is carried; the room of what was carried before is given back.
    pub(super) fn set_carried(&mut self, carried: &Carried, freight: &mut Freight) {
        self.carried = freight.exchange(self.carried, carried);
    }

    /// The client; both parts are absent if there is none.
    pub(super) fn client<'a>(&'a self, long: &'a Identifiers) -> ClientRef<'a> {
        let hardware = if self.hardware_len == NO_HARDWARE {
            None
        } else {
            let octets = self.octets.get(..usize::from(self.hardware_len));
            octets.and_then(|octets| HardwareAddress::new(self.htype, octets))
        };
        ClientRef { identifier: self.identifier(long), hardware }
    }

    fn identifier<'a>(&'a self, long: &'a Identifiers) -> Option<&'a [u8]> {
        if self.identifier_len == 0 {
            return None;
        }
        match self.handle() {
            Some(handle) => long.get(handle).map(|identifier| &**identifier),
            None => {
                self.octets.get(self.identifier_start()..)?.get(..usize::from(self.identifier_len))
            }
        }
    }

    /// Replaces the client. The old identifier's room beside the record is given back.
    pub(super) fn set_client(&mut self, client: &ClientRef<'_>, long: &mut Identifiers) {
        if let Some(handle) = self.handle() {
            long.remove(handle);
        }
        self.octets = [0; CLIENT_OCTETS];
        self.htype = client.hardware.map_or(0, |hardware| hardware.htype());
        self.hardware_len = NO_HARDWARE;
        if let Some(hardware) = &client.hardware {
            let octets = hardware.octets();
            self.put_octets(0, octets);
            self.hardware_len = u8::try_from(octets.len()).unwrap_or(NO_HARDWARE);
        }
        let identifier = client.identifier.unwrap_or_default();
        self.identifier_len = u8::try_from(identifier.len()).unwrap_or(0);
        let start = self.identifier_start();
        if self.is_identifier_long() {
            let handle = long.insert(identifier.into());
            self.put_octets(start, &handle.to_le_bytes());
        } else {
            self.put_octets(start, identifier);
        }
    }

    /// Copies `octets` to `start` if they fit, as they always do: lengths are checked before.
    fn put_octets(&mut self, start: usize, octets: &[u8]) {
        if let Some(room) = self.octets.get_mut(start..start + octets.len()) {
            room.copy_from_slice(octets);
        }
    }

    fn identifier_start(&self) -> usize {
        if self.hardware_len == NO_HARDWARE { 0 } else { usize::from(self.hardware_len) }
    }

    fn is_identifier_long(&self) -> bool {
        self.identifier_start() + usize::from(self.identifier_len) > CLIENT_OCTETS
    }

    /// Where an identifier lies that has no room in the record.
    fn handle(&self) -> Option<u32> {
        if !self.is_identifier_long() {
            return None;
        }
        let octets = self.octets.get(self.identifier_start()..)?.first_chunk()?;
        Some(u32::from_le_bytes(*octets))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_takes_80_octets() {
        assert_eq!(size_of::<Record>(), 80);
    }
}
