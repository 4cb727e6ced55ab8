//! What a client would be offered, found out without offering it.
//!
//! The client's DISCOVER is made up and goes the way of every other one, up to the point where
//! something would change.

use std::net::{Ipv4Addr, SocketAddrV4};

use super::config::SubnetConfig;
use super::counters::DropReason;
use super::discover::{Candidate, owner_of, serving_shares};
use super::exchange::{Arrival, Exchange, Owners};
use super::network::Ipv4Network;
use super::packet::ClientPacket;
use super::service::{Desk, DhcpService};
use super::subnet::Subnet;
use crate::binding::ClientRef;
use crate::endpoint::service::RequestKind;
use crate::time::Now;

/// Octets of a message before its options (RFC 2131 §2).
const FIXED_OCTETS: usize = 236;

/// The hardware type of a client of which none is known.
const ETHERNET: u8 = 1;

/// What one client would be offered on one network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preview {
    /// The network that the client would be on.
    pub network: Ipv4Network,
    /// Indexes of the owners of its pools.
    pub owners: Vec<usize>,
    /// The offer, or why there would be none.
    pub offer: Result<Offer, DropReason>,
}

/// An offer that would be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Index of the owner that decides about the address; `None` for one outside the pools.
    pub owner: Option<usize>,
    /// The address.
    pub address: Ipv4Addr,
    /// Lease in seconds for a client that asks for no length.
    pub lease: u32,
    /// Lease in seconds for one that asks for the longest.
    pub longest_lease: u32,
    /// Why this address, as a sentence.
    pub why: &'static str,
}

impl Offer {
    /// The rule by which an address is chosen.
    pub const RULE: &str = "RFC 2131 §4.3.1";
}

impl DhcpService {
    /// What a first DISCOVER of `client` would bring it, on each network in ascending order. Nothing changes.
    pub fn preview(
        &self,
        client: &ClientRef<'_>,
        owners: &mut dyn Owners,
        now: Now,
    ) -> Vec<Preview> {
        let previewed = |subnet: &Subnet| Preview {
            network: subnet.config.network,
            owners: subnet.shares().iter().map(|share| share.owner).collect(),
            offer: self.preview_on(subnet, client, owners, now),
        };
        self.subnets().map(previewed).collect()
    }

    /// The longest lease that the configuration allows on an address; `None` outside every subnet.
    pub fn longest_configured_lease(&self, address: Ipv4Addr) -> Option<u32> {
        self.subnet_of(address).map(|subnet| subnet.config.max_lease_time)
    }

    fn preview_on(
        &self,
        subnet: &Subnet,
        client: &ClientRef<'_>,
        owners: &mut dyn Owners,
        now: Now,
    ) -> Result<Offer, DropReason> {
        let bytes = discover(client, subnet.config.network.address());
        let packet = ClientPacket::parse(&bytes)?;
        let arrival = Arrival {
            socket: 0,
            source: SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0),
            local_address: subnet.config.network.address(),
            unicast: false,
            answer_to_source: true,
        };
        let exchange = Exchange {
            bytes: &bytes,
            packet: &packet,
            arrival: &arrival,
            client: *client,
            subnet,
            server_identifier: arrival.local_address,
            names_this_server: false,
            now,
        };
        self.desk().preview(&exchange, owners)
    }
}

impl Desk {
    fn preview(
        &self,
        exchange: &Exchange<'_>,
        owners: &mut dyn Owners,
    ) -> Result<Offer, DropReason> {
        let serving = serving_shares(RequestKind::Discover, exchange, owners)?;
        let candidate = self.candidate(exchange, serving, owners);
        let SubnetConfig { default_lease_time, max_lease_time, .. } = exchange.subnet.config;
        match candidate.ok_or(DropReason::PoolExhausted)? {
            Candidate::Fixed(address) => Ok(Offer {
                owner: None,
                address,
                lease: default_lease_time,
                longest_lease: max_lease_time,
                why: "it is reserved for the client",
            }),
            Candidate::Pooled { share, address, held } => {
                let owner = owner_of(exchange, share, owners).ok_or(DropReason::NotOurs)?;
                let granted = |desired| {
                    owner.grant(address, &exchange.client, desired, exchange.now).lease_seconds
                };
                let held_last = owner
                    .table()
                    .get(address)
                    .is_some_and(|binding| binding.belongs_to(&exchange.client));
                let (lease, longest_lease) = (granted(default_lease_time), granted(max_lease_time));
                let why = if exchange.subnet.reservation_of(&exchange.client) == Some(address) {
                    "it is reserved for the client"
                } else if held {
                    "the client holds it"
                } else if self.offers.of(&exchange.client) == Some(address) {
                    "it was offered to the client a moment ago"
                } else if held_last {
                    "the client held it last"
                } else {
                    "it is unused for longest"
                };
                let owner = exchange.subnet.shares().get(share).map(|share| share.owner);
                Ok(Offer { owner, address, lease, longest_lease, why })
            }
        }
    }
}

/// The first DISCOVER of a client behind a relay agent of this network.
fn discover(client: &ClientRef<'_>, network: Ipv4Addr) -> Vec<u8> {
    let mut octets = vec![0; FIXED_OCTETS];
    let (htype, hardware) = match &client.hardware {
        Some(hardware) => (hardware.htype(), hardware.octets()),
        None => (ETHERNET, &[][..]),
    };
    let length = u8::try_from(hardware.len()).unwrap_or_default();
    let mut put = |at: usize, what: &[u8]| {
        octets.iter_mut().skip(at).zip(what).for_each(|(octet, wanted)| *octet = *wanted);
    };
    put(0, &[1, htype, length, 1]);
    put(24, &network.octets());
    put(28, hardware);
    octets.extend([99, 130, 83, 99, 53, 1, 1]);
    if let Some((identifier, length)) =
        client.identifier.and_then(|octets| Some((octets, u8::try_from(octets.len()).ok()?)))
    {
        octets.extend([61, length]);
        octets.extend(identifier);
    }
    octets.push(255);
    octets
}
