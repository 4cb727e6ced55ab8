//! Batches of changes for a lease store.

use std::net::Ipv4Addr;

use twinlease::binding::{Binding, Client, ClientIdentifier, HardwareAddress};
use twinlease::durable::Change;
use twinlease::store::OwnerId;
use twinlease::time::UnixTime;
use twinlease::wire::codes::BindingStatus;

/// Addresses of the owner.
pub const BINDINGS: u32 = 1_000_000;
const FIRST: u32 = 0x0a00_0000;

/// An active binding of an ordinary client; about 50 octets as a record.
pub fn binding(offset: u32, time: u32) -> Binding {
    let [a, b, c, d] = offset.to_be_bytes();
    let hardware = [0, 12, a, b, c, d];
    Binding {
        binding_status: BindingStatus::Active,
        client: Some(Client {
            identifier: ClientIdentifier::new(&[&[1], hardware.as_slice()].concat()),
            hardware: HardwareAddress::new(1, &hardware),
        }),
        lease_expiration: UnixTime(1_700_000_000 + time),
        start_of_status: UnixTime(1_700_000_000),
        ..Binding::unused(Ipv4Addr::from_bits(FIRST + offset))
    }
}

/// Which address the n-th change is of.
pub type Order = fn(u32) -> u32;

/// The same sequence of offsets in every run.
pub fn scattered(step: u32) -> u32 {
    u32::try_from(u64::from(step) * 2_654_435_761 % u64::from(BINDINGS)).unwrap()
}

pub fn batch(owner: OwnerId, size: u32, round: u32, offset: Order) -> Vec<(OwnerId, Change)> {
    let first = round.wrapping_mul(size) % BINDINGS;
    (first..first + size)
        .map(|step| (owner, Change::Binding(binding(offset(step % BINDINGS), round))))
        .collect()
}
