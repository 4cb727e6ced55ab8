//! One address: who holds it, until when, and what the partner knows about it.
//!
//! [`Binding`] is the record of one address. `times` computes how long a lease may be and when an
//! address may be reused, `accept` decides whether a partner's update is taken (§7.1.3), both as
//! pure functions. [`BindingTable`](table::BindingTable) holds the bindings of a relationship.

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

pub mod accept;
pub mod carried;
pub mod client;
#[expect(
    clippy::arithmetic_side_effects,
    reason = "slots, and counts of them, stay below the number of addresses, which `layout` checks"
)]
pub mod table;
pub mod times;

use core::fmt;
use core::net::Ipv4Addr;

pub use carried::Carried;
pub use client::{Client, ClientIdentifier, ClientRef, HardwareAddress};

use crate::time::UnixTime;
use crate::wire::codes::{BindingStatus, IpFlags};

/// What a server remembers of one address, all of it in stable storage (§5.2.1, §7.1.5).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Binding {
    /// The address.
    pub address: Ipv4Addr,
    /// Where the address stands (§5.11).
    pub binding_status: BindingStatus,
    /// RESERVED and BOOTP (§12.12).
    pub ip_flags: IpFlags,
    /// The holder if ACTIVE, else the last one if it is still known.
    pub client: Option<Client>,
    /// When the client's lease ends as far as this server knows.
    pub lease_expiration: UnixTime,
    /// Latest potential-expiration-time put in an update to the partner, acknowledged or not.
    pub sent_potential_expiration: UnixTime,
    /// Potential-expiration-time of the latest update that the partner accepted.
    pub acked_potential_expiration: UnixTime,
    /// Potential-expiration-time of the latest update accepted from the partner.
    pub received_potential_expiration: UnixTime,
    /// When this server, or the one that reported it, last heard from the client.
    pub client_last_transaction: UnixTime,
    /// When the address took its binding status.
    pub start_of_status: UnixTime,
    /// Options of the client's request and of the answer to it, and the state of its DNS records.
    pub carried: Carried,
    /// Whether the partner has accepted, or itself told us, exactly this.
    pub partner_knows: bool,
}

impl Binding {
    /// An address that has never been used: FREE, nothing known, nothing to tell.
    pub const fn unused(address: Ipv4Addr) -> Self {
        Self {
            address,
            binding_status: BindingStatus::Free,
            ip_flags: IpFlags(0),
            client: None,
            lease_expiration: UnixTime::ABSENT,
            sent_potential_expiration: UnixTime::ABSENT,
            acked_potential_expiration: UnixTime::ABSENT,
            received_potential_expiration: UnixTime::ABSENT,
            client_last_transaction: UnixTime::ABSENT,
            start_of_status: UnixTime::ABSENT,
            carried: Carried::NOTHING,
            partner_knows: true,
        }
    }

    /// Whether the address was ever anything but a FREE one without history.
    pub fn was_ever_used(&self) -> bool {
        self.binding_status != BindingStatus::Free
            || self.client.is_some()
            || self.start_of_status.is_known()
            || self.ip_flags != IpFlags(0)
    }

    /// Whether `client` is the one this binding belongs, or last belonged, to.
    pub fn belongs_to(&self, client: &ClientRef<'_>) -> bool {
        self.client.as_ref().is_some_and(|mine| mine.as_ref().is_same_client(client))
    }
}

/// A contiguous run of addresses, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AddressRange {
    first: Ipv4Addr,
    last: Ipv4Addr,
}

impl AddressRange {
    /// `None` if `last` comes before `first`.
    pub fn new(first: Ipv4Addr, last: Ipv4Addr) -> Option<Self> {
        (first <= last).then_some(Self { first, last })
    }

    /// The lowest address.
    pub const fn first(&self) -> Ipv4Addr {
        self.first
    }

    /// The highest address.
    pub const fn last(&self) -> Ipv4Addr {
        self.last
    }

    /// How many addresses the range holds.
    pub const fn size(&self) -> u64 {
        (self.last.to_bits() as u64).saturating_sub(self.first.to_bits() as u64).saturating_add(1)
    }

    /// How many of its addresses come no later than `address`.
    pub const fn up_to(&self, address: Ipv4Addr) -> u64 {
        let behind = (address.to_bits() as u64).saturating_add(1);
        let passed = behind.saturating_sub(self.first.to_bits() as u64);
        if passed < self.size() { passed } else { self.size() }
    }

    /// Whether `address` lies in the range.
    pub fn contains(&self, address: Ipv4Addr) -> bool {
        (self.first..=self.last).contains(&address)
    }
}

/// "first-last", as the configuration writes it.
impl fmt::Display for AddressRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.first, self.last)
    }
}

/// An address in none of the owner's ranges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownAddress(pub Ipv4Addr);

impl fmt::Display for UnknownAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} lies in none of the configured ranges", self.0)
    }
}

impl core::error::Error for UnknownAddress {}

#[cfg(test)]
mod tests {
    use super::*;

    const ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 7);

    #[test]
    fn a_range_holds_its_ends_and_nothing_beside_them() {
        let at = |last| Ipv4Addr::new(10, 0, 0, last);
        let range = AddressRange::new(at(10), at(20)).unwrap();
        let held: Vec<u8> = (0..=30).filter(|last| range.contains(at(*last))).collect();
        assert_eq!(held, (10..=20).collect::<Vec<u8>>());
    }

    #[test]
    fn the_part_of_a_range_up_to_an_address_is_counted() {
        let at = |last| Ipv4Addr::new(10, 0, 0, last);
        let range = AddressRange::new(at(10), at(20)).unwrap();
        let parts = [(0, 0), (9, 0), (10, 1), (15, 6), (19, 10), (20, 11), (21, 11), (255, 11)];
        for (last, part) in parts {
            assert_eq!(range.up_to(at(last)), part, "{last}");
        }
        let everything = AddressRange::new(Ipv4Addr::UNSPECIFIED, Ipv4Addr::BROADCAST).unwrap();
        assert_eq!(everything.up_to(Ipv4Addr::BROADCAST), 1 << 32);
    }

    #[test]
    fn a_fresh_address_was_never_used() {
        assert!(!Binding::unused(ADDRESS).was_ever_used());
    }

    #[test]
    fn any_trace_shows_that_an_address_was_used() {
        let fresh = Binding::unused(ADDRESS);
        let hardware = HardwareAddress::new(1, &[2, 0, 0, 0, 0, 1]);
        let used = [
            Binding { binding_status: BindingStatus::Backup, ..fresh.clone() },
            Binding { client: Some(Client { identifier: None, hardware }), ..fresh.clone() },
            Binding { start_of_status: UnixTime(1), ..fresh.clone() },
            Binding { ip_flags: IpFlags::RESERVED, ..fresh },
        ];
        for binding in used {
            assert!(binding.was_ever_used(), "{binding:?}");
        }
    }

    #[test]
    fn a_range_is_written_as_in_the_configuration() {
        let range = AddressRange::new(ADDRESS, Ipv4Addr::new(10, 0, 0, 9)).unwrap();
        assert_eq!(range.to_string(), "10.0.0.7-10.0.0.9");
        assert_eq!(range.size(), 3);
    }

    #[test]
    fn a_range_does_not_run_backwards() {
        assert_eq!(AddressRange::new(ADDRESS, Ipv4Addr::new(10, 0, 0, 6)), None);
        assert!(AddressRange::new(ADDRESS, ADDRESS).is_some());
    }

    #[test]
    fn an_unknown_address_is_named() {
        let text = UnknownAddress(ADDRESS).to_string();
        assert_eq!(text, "10.0.0.7 lies in none of the configured ranges");
    }
}
