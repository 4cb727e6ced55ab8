//! A pair of endpoints on one clock, joined by a link that can be cut.

pub(crate) mod dhcpd;
pub(crate) mod hazards;
pub(crate) mod scripted;
pub(crate) mod world;

use std::net::Ipv4Addr;

use twinlease::balance::Role;
use twinlease::binding::times::Mclt;
use twinlease::binding::{AddressRange, ClientRef, HardwareAddress};
use twinlease::endpoint::RelationshipConfig;

/// The wall clock at the beginning of every test.
pub(crate) const START: u32 = 1_700_000_000;

/// MCLT of every test, in seconds.
pub(crate) const MCLT: u32 = 600;

pub(crate) fn address(last: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 20, 0, last)
}

/// A relationship over 10.20.0.10 to 10.20.0.(9 + size).
pub(crate) fn config(role: Role, size: u8) -> RelationshipConfig {
    let range = AddressRange::new(address(10), address(9 + size)).unwrap();
    let mut config = RelationshipConfig::new("pair", role, vec![range]);
    // Small windows are to have an effect.
    config.twinlease_window = 0;
    config.mclt = Mclt(MCLT);
    config
}

/// A client without identifier; its number is the end of its hardware address.
pub(crate) fn client(number: u8) -> ClientRef<'static> {
    let hardware = HardwareAddress::new(1, &[2, 0, 94, 16, 0, number]);
    ClientRef { identifier: None, hardware }
}
