//! An IPv4 network: an address and the length of its prefix.

use std::fmt;
use std::net::Ipv4Addr;

/// An IPv4 network: an address and how many of its first bits matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ipv4Network {
    address: Ipv4Addr,
    length: u8,
}

impl Ipv4Network {
    /// The network with this prefix length in which `address` lies; a length above 32 counts as 32.
    pub fn containing(address: Ipv4Addr, length: u8) -> Self {
        let length = length.min(32);
        Self { address: Ipv4Addr::from_bits(address.to_bits() & mask_bits(length)), length }
    }

    /// Its first address.
    pub const fn address(&self) -> Ipv4Addr {
        self.address
    }

    /// How many bits are fixed.
    pub const fn length(&self) -> u8 {
        self.length
    }

    /// The mask, as option 1 carries it.
    pub fn mask(&self) -> Ipv4Addr {
        Ipv4Addr::from_bits(mask_bits(self.length))
    }

    /// Its last address.
    pub fn last(&self) -> Ipv4Addr {
        Ipv4Addr::from_bits(self.address.to_bits() | !mask_bits(self.length))
    }

    /// Whether `address` lies in it.
    pub fn contains(&self, address: Ipv4Addr) -> bool {
        (self.address..=self.last()).contains(&address)
    }

    /// Whether a client may have `address`: it is inside and names neither the network itself nor
    /// everybody in it. Networks of one or two addresses have hosts only (RFC 3021).
    pub fn is_host(&self, address: Ipv4Addr) -> bool {
        let names_all = address == self.address || address == self.last();
        self.contains(address) && (self.length > 30 || !names_all)
    }

    /// Whether the two share an address.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.contains(other.address) || other.contains(self.address)
    }
}

fn mask_bits(length: u8) -> u32 {
    u32::MAX.checked_shl(32_u32.saturating_sub(u32::from(length))).unwrap_or(0)
}

impl fmt::Display for Ipv4Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_of_every_length_has_its_mask() {
        let cases =
            [(0, "0.0.0.0"), (8, "255.0.0.0"), (23, "255.255.254.0"), (32, "255.255.255.255")];
        for (length, mask) in cases {
            let network = Ipv4Network::containing(Ipv4Addr::UNSPECIFIED, length);
            assert_eq!(network.mask().to_string(), mask);
        }
    }

    #[test]
    fn the_last_address_is_inside_and_the_next_is_not() {
        let network = Ipv4Network::containing(Ipv4Addr::new(10, 0, 0, 7), 24);
        assert_eq!(network.to_string(), "10.0.0.0/24");
        assert!(network.contains(network.last()));
        assert!(!network.contains(Ipv4Addr::new(10, 0, 1, 0)));
    }

    #[test]
    fn the_first_and_the_last_address_are_no_hosts() {
        let network = Ipv4Network::containing(Ipv4Addr::new(10, 0, 0, 0), 29);
        let hosts = (0..10).filter(|last| network.is_host(Ipv4Addr::new(10, 0, 0, *last)));
        assert_eq!(hosts.collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6]);
    }

    #[test]
    fn both_addresses_of_a_link_between_two_are_hosts() {
        let network = Ipv4Network::containing(Ipv4Addr::new(10, 0, 0, 0), 31);
        assert!(network.is_host(network.address()) && network.is_host(network.last()));
    }

    #[test]
    fn networks_overlap_where_one_contains_the_other() {
        let wide = Ipv4Network::containing(Ipv4Addr::new(10, 0, 0, 0), 8);
        let narrow = Ipv4Network::containing(Ipv4Addr::new(10, 1, 0, 0), 16);
        assert!(wide.overlaps(&narrow) && narrow.overlaps(&wide));
        assert!(!narrow.overlaps(&Ipv4Network::containing(Ipv4Addr::new(10, 2, 0, 0), 16)));
    }
}
