//! What the service serves: subnets with their pools, options and reservations.

use std::fmt;
use std::net::Ipv4Addr;
use std::time::Duration;

use super::network::Ipv4Network;
use super::options::OptionSet;
use crate::binding::table::RangeId;
use crate::binding::{AddressRange, ClientIdentifier, HardwareAddress};

/// Most owners whose pools one subnet may mix.
pub const MAX_OWNERS_PER_SUBNET: usize = 64;

/// Configuration of a [`DhcpService`](super::DhcpService).
#[derive(Clone, Debug)]
pub struct DhcpConfig {
    /// Whether this server knows its subnets so well that it refuses clients which ask for an
    /// address of another network.
    pub authoritative: bool,
    /// How long an address is probed by ICMP echo before it is offered; `None` leaves it out.
    pub ping_timeout: Option<Duration>,
    /// Value of option 54 in every answer. By default the address on which the request arrived.
    pub server_identifier: Option<Ipv4Addr>,
    /// In any order; no two may overlap.
    pub subnets: Vec<SubnetConfig>,
}

/// One subnet.
#[derive(Clone, Debug)]
pub struct SubnetConfig {
    /// Its addresses.
    pub network: Ipv4Network,
    /// What its clients are told besides the lease.
    pub options: OptionSet,
    /// Lease in seconds for a client that does not ask for a length. Brought within the two below.
    pub default_lease_time: u32,
    /// Shortest lease in seconds that a client gets on its wish; at most the one below counts.
    pub min_lease_time: u32,
    /// Longest lease in seconds.
    pub max_lease_time: u32,
    /// Where addresses come from, in the order in which they are tried.
    pub pools: Vec<PoolConfig>,
    /// Addresses for one client only.
    pub reservations: Vec<Reservation>,
}

/// A range of addresses and who decides about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolConfig {
    /// Index for [`Owners::owner`](super::Owners::owner).
    pub owner: usize,
    /// The range among the owner's ranges.
    pub range_id: RangeId,
    /// The addresses.
    pub range: AddressRange,
    /// Whether BOOTP clients get its addresses, for ever.
    pub dynamic_bootp: bool,
}

/// An address for one client only, inside or outside the pools.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reservation {
    /// Whose it is.
    pub client: ReservedFor,
    /// The address, inside the subnet.
    pub address: Ipv4Addr,
}

/// How the client of a reservation is recognised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReservedFor {
    /// By its hardware address, whatever identifier it sends.
    Hardware(HardwareAddress),
    /// By its client identifier.
    Identifier(ClientIdentifier),
}

/// Why a configuration is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConfigError {
    /// Two subnets have addresses in common.
    SubnetsOverlap(Ipv4Network, Ipv4Network),
    /// A pool has addresses outside its subnet.
    PoolOutside(Ipv4Network, AddressRange),
    /// A reserved address lies outside its subnet.
    ReservationOutside(Ipv4Network, Ipv4Addr),
    /// Two reservations of a subnet name the same address.
    ReservedTwice(Ipv4Addr),
    /// The pools of a subnet belong to too many owners.
    TooManyOwners(Ipv4Network),
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SubnetsOverlap(one, other) => write!(f, "subnets {one} and {other} overlap"),
            Self::PoolOutside(network, range) => {
                write!(f, "pool {range} does not lie inside its subnet {network}")
            }
            Self::ReservationOutside(network, address) => {
                write!(f, "reserved address {address} does not lie inside its subnet {network}")
            }
            Self::ReservedTwice(address) => write!(f, "{address} is reserved twice"),
            Self::TooManyOwners(network) => write!(
                f,
                "the pools of {network} belong to more than {MAX_OWNERS_PER_SUBNET} relationships"
            ),
        }
    }
}

impl std::error::Error for ConfigError {}
