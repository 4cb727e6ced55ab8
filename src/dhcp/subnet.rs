//! The subnets as packets find them: by an address, with owners and reservations looked up fast.

use std::collections::{BTreeMap, HashMap};
use std::net::Ipv4Addr;

use super::client_key::ClientKey;
use super::config::{ConfigError, MAX_OWNERS_PER_SUBNET, PoolConfig, ReservedFor, SubnetConfig};
use crate::binding::ClientRef;
use crate::binding::table::RangeId;

/// All subnets in ascending order.
#[derive(Debug)]
pub(super) struct Subnets(Vec<Subnet>);

impl Subnets {
    pub(super) fn new(configs: Vec<SubnetConfig>) -> Result<Self, ConfigError> {
        let mut subnets = configs.into_iter().map(Subnet::new).collect::<Result<Vec<_>, _>>()?;
        subnets.sort_by_key(|subnet| subnet.config.network);
        let overlap = subnets.windows(2).find_map(|pair| match pair {
            [one, other] if one.config.network.overlaps(&other.config.network) => {
                Some(ConfigError::SubnetsOverlap(one.config.network, other.config.network))
            }
            _ => None,
        });
        overlap.map_or(Ok(Self(subnets)), Err)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Subnet> {
        self.0.iter()
    }

    /// The subnet in which `address` lies.
    pub(super) fn containing(&self, address: Ipv4Addr) -> Option<&Subnet> {
        let behind = self.0.partition_point(|subnet| subnet.config.network.address() <= address);
        let subnet = self.0.get(behind.checked_sub(1)?)?;
        subnet.config.network.contains(address).then_some(subnet)
    }
}

/// The part of a subnet that belongs to one owner.
#[derive(Debug)]
pub(super) struct Share {
    /// Index for `Owners::owner`.
    pub(super) owner: usize,
    /// The owner's ranges in this subnet, in the order in which they are tried.
    pub(super) ranges: Vec<RangeId>,
}

/// One subnet.
#[derive(Debug)]
pub(super) struct Subnet {
    pub(super) config: SubnetConfig,
    /// One entry an owner, in the order of the pools.
    shares: Vec<Share>,
    /// Positions in `shares` of the pools' owners.
    share_of_pool: Vec<usize>,
    reserved_for: HashMap<ClientKey, Ipv4Addr>,
    reserved: BTreeMap<Ipv4Addr, ClientKey>,
}

impl Subnet {
    fn new(mut config: SubnetConfig) -> Result<Self, ConfigError> {
        let network = config.network;
        config.max_lease_time = config.max_lease_time.max(1);
        config.min_lease_time = config.min_lease_time.clamp(1, config.max_lease_time);
        config.default_lease_time =
            config.default_lease_time.clamp(config.min_lease_time, config.max_lease_time);
        let mut shares: Vec<Share> = Vec::new();
        let mut share_of_pool = Vec::new();
        for pool in &config.pools {
            if !network.contains(pool.range.first()) || !network.contains(pool.range.last()) {
                return Err(ConfigError::PoolOutside(network, pool.range));
            }
            let known = shares.iter().position(|share| share.owner == pool.owner);
            let position = known.unwrap_or(shares.len());
            match shares.get_mut(position) {
                Some(share) => share.ranges.push(pool.range_id),
                None => shares.push(Share { owner: pool.owner, ranges: vec![pool.range_id] }),
            }
            share_of_pool.push(position);
        }
        if shares.len() > MAX_OWNERS_PER_SUBNET {
            return Err(ConfigError::TooManyOwners(network));
        }
        let mut reserved_for = HashMap::new();
        let mut reserved = BTreeMap::new();
        for reservation in &config.reservations {
            let address = reservation.address;
            if !network.contains(address) {
                return Err(ConfigError::ReservationOutside(network, address));
            }
            let client = match &reservation.client {
                ReservedFor::Hardware(hardware) => ClientKey::Hardware(*hardware),
                ReservedFor::Identifier(identifier) => ClientKey::Identifier(identifier.clone()),
            };
            if reserved.insert(address, client.clone()).is_some() {
                return Err(ConfigError::ReservedTwice(address));
            }
            reserved_for.insert(client, address);
        }
        Ok(Self { config, shares, share_of_pool, reserved_for, reserved })
    }

    /// The owners of its pools.
    pub(super) fn shares(&self) -> &[Share] {
        &self.shares
    }

    /// The pools in the order in which they are tried, each with the position of its owner's share.
    pub(super) fn pools(&self) -> impl Iterator<Item = (usize, &PoolConfig)> {
        self.share_of_pool.iter().copied().zip(&self.config.pools)
    }

    /// Position of the share to which an address belongs; `None` outside the pools.
    pub(super) fn share_of(&self, address: Ipv4Addr) -> Option<usize> {
        self.pools().find(|(_, pool)| pool.range.contains(address)).map(|(share, _)| share)
    }

    /// Whether an address may be leased by BOOTP to a client for which it is not reserved.
    pub(super) fn is_open_to_bootp(&self, address: Ipv4Addr) -> bool {
        self.config.pools.iter().any(|pool| pool.dynamic_bootp && pool.range.contains(address))
    }

    /// The address reserved for a client: by its identifier, else by its hardware address.
    pub(super) fn reservation_of(&self, client: &ClientRef<'_>) -> Option<Ipv4Addr> {
        if self.reserved_for.is_empty() {
            return None;
        }
        let by_identifier = ClientKey::by_identifier(client);
        let found = by_identifier.and_then(|key| self.reserved_for.get(&key));
        let by_hardware = || self.reserved_for.get(&ClientKey::Hardware(client.hardware?));
        found.or_else(by_hardware).copied()
    }

    /// Whether an address is reserved, and not for this client.
    pub(super) fn is_reserved_for_other(&self, address: Ipv4Addr, client: &ClientRef<'_>) -> bool {
        self.reserved.contains_key(&address) && self.reservation_of(client) != Some(address)
    }
}
