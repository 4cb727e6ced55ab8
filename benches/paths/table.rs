//! A binding table in which every address is leased.

use std::net::Ipv4Addr;

use twinlease::binding::table::BindingTable;
use twinlease::binding::{AddressRange, Binding, Client, ClientIdentifier, HardwareAddress};
use twinlease::time::UnixTime;
use twinlease::wire::BindingStatus;

const FIRST: u32 = 0x0a00_0000;

/// Address number `serial` of the range.
pub fn address(serial: u32) -> Ipv4Addr {
    Ipv4Addr::from_bits(FIRST + serial)
}

/// Its binding, leased to a client of its own.
pub fn lease(serial: u32, lease_expiration: UnixTime) -> Binding {
    let [_, top, high, low] = serial.to_be_bytes();
    let identifier = [1, 2, 0, 0, top, high, low];
    Binding {
        binding_status: BindingStatus::Active,
        client: Some(Client {
            identifier: ClientIdentifier::new(&identifier),
            hardware: HardwareAddress::new(1, &[2, 0, 0, top, high, low]),
        }),
        lease_expiration,
        ..Binding::unused(address(serial))
    }
}

/// A table of `size` leases whose ends are spread over an hour.
pub fn leased_table(size: u32) -> BindingTable {
    let range = AddressRange::new(address(0), address(size - 1)).expect("the range is in order");
    let mut table = BindingTable::new(&[range], 1).expect("the addresses fit");
    for serial in 0..size {
        let end = UnixTime(1_700_000_000 + scattered(serial, size) % 3600);
        table.put(&lease(serial, end)).expect("the address is in the range");
    }
    table
}

/// Visits all numbers below `size` without any order that a cache could use. `size` is not a
/// multiple of the stride.
pub fn scattered(step: u32, size: u32) -> u32 {
    u32::try_from(u64::from(step) * 611_953 % u64::from(size)).expect("it is below the size")
}
