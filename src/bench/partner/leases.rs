//! The bindings that a player gives away: made up, each address always with the same client.

use std::net::Ipv4Addr;

use crate::time::UnixTime;
use crate::wire::bndupd::BindingUpdate;
use crate::wire::codes::BindingStatus;

/// Leases of one pool.
#[derive(Clone, Copy, Debug)]
pub(super) struct Leases {
    /// The pool's first address.
    pub(super) first: u32,
    /// Their length in seconds.
    pub(super) time: u32,
}

/// The hardware address of a client as an update carries it: Ethernet, locally administered.
pub(super) type Hardware = [u8; 7];

impl Leases {
    /// The client of the lease at `place`.
    pub(super) fn hardware(self, place: u32) -> Hardware {
        let [a, b, c, d] = self.first.wrapping_add(place).to_be_bytes();
        [1, 2, 0, a, b, c, d]
    }

    /// The lease at `place`, given or renewed at `now`, written with `hardware`.
    pub(super) fn update(
        self,
        place: u32,
        now: UnixTime,
        hardware: &Hardware,
    ) -> BindingUpdate<'_> {
        let ends = now.plus(self.time);
        BindingUpdate {
            address: Ipv4Addr::from(self.first.wrapping_add(place)),
            binding_status: Some(BindingStatus::Active.code()),
            client_hardware_address: Some(hardware),
            lease_expiration: Some(ends),
            potential_expiration: Some(ends.plus(self.time / 2)),
            start_of_status: Some(now),
            client_last_transaction: Some(now),
            ..BindingUpdate::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEASES: Leases = Leases { first: 0x0a4e_0800, time: 600 };

    #[test]
    fn every_address_has_a_client_of_its_own() {
        assert_ne!(LEASES.hardware(0), LEASES.hardware(1));
    }

    #[test]
    fn the_promise_is_later_than_the_end_of_the_lease() {
        let hardware = LEASES.hardware(3);
        let update = LEASES.update(3, UnixTime(1000), &hardware);
        assert_eq!(update.address, Ipv4Addr::new(10, 78, 8, 3));
        assert_eq!(update.lease_expiration, Some(UnixTime(1600)));
        assert_eq!(update.potential_expiration, Some(UnixTime(1900)));
    }
}
