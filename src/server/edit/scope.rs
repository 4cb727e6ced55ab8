//! A scope, a subnet of the file with its pools, as it is shown, compared and sent to a partner: with
//! everything that holds in it, whichever section says so, and in one way of writing.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::binding::HardwareAddress;
use crate::dhcp::{Reservation, ReservedFor};
use crate::server::config::{Config, Pool, Subnet};

use super::options;

/// ARP hardware type of Ethernet.
const ETHERNET: u8 = 1;

/// A subnet and its pools.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Scope {
    /// "10.78.0.0/24".
    pub network: String,
    /// Seconds of a lease for a client that asks for none.
    pub default_lease_time: u32,
    /// Seconds of the shortest.
    pub min_lease_time: u32,
    /// Seconds of the longest.
    pub max_lease_time: u32,
    /// By name, as a file writes them; those of `[dhcp]` included.
    pub options: BTreeMap<String, Json>,
    /// In the order of the file.
    pub pools: Vec<ScopePool>,
    /// In the order of the file.
    pub reservations: Vec<ScopeReservation>,
}

/// One range of addresses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ScopePool {
    /// "first-last".
    pub range: String,
    /// relationship-name; null where this server has the addresses alone.
    pub relationship: Option<String>,
    /// It serves nobody.
    #[serde(default)]
    pub disabled: bool,
    /// It serves BOOTP clients too.
    #[serde(default)]
    pub dynamic_bootp: bool,
}

/// An address for one client.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ScopeReservation {
    /// The address.
    pub address: Ipv4Addr,
    /// The client's hardware address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hw_address: Option<String>,
    /// Or its client identifier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
}

impl Scope {
    /// Every subnet of a configuration, in the order of the file.
    pub fn all(config: &Config) -> Vec<Self> {
        config.subnets.iter().map(Self::from).collect()
    }

    /// Whether a pool of it belongs to the relationship.
    pub fn is_of(&self, relationship: &str) -> bool {
        self.pools.iter().any(|pool| pool.is_of(relationship))
    }

    /// With the pools of one relationship only; `None` if it has none.
    pub fn shared_by(&self, relationship: &str) -> Option<Self> {
        let mut scope = self.clone();
        scope.pools.retain(|pool| pool.is_of(relationship));
        (!scope.pools.is_empty()).then_some(scope)
    }
}

impl ScopePool {
    fn is_of(&self, relationship: &str) -> bool {
        self.relationship.as_deref() == Some(relationship)
    }
}

impl From<&Subnet> for Scope {
    fn from(subnet: &Subnet) -> Self {
        let options = subnet.options.iter();
        Self {
            network: subnet.network.to_string(),
            default_lease_time: subnet.lease_times.default,
            min_lease_time: subnet.lease_times.min,
            max_lease_time: subnet.lease_times.max,
            options: options.map(|(code, data)| options::shown(code, data)).collect(),
            pools: subnet.pools.iter().map(ScopePool::from).collect(),
            reservations: subnet.reservations.iter().map(ScopeReservation::from).collect(),
        }
    }
}

impl From<&Pool> for ScopePool {
    fn from(pool: &Pool) -> Self {
        Self {
            range: pool.range.to_string(),
            relationship: pool.relationship.clone(),
            disabled: pool.disabled,
            dynamic_bootp: pool.dynamic_bootp,
        }
    }
}

impl From<&Reservation> for ScopeReservation {
    fn from(reservation: &Reservation) -> Self {
        let (hw_address, client_id) = match &reservation.client {
            ReservedFor::Hardware(hardware) => (Some(hardware_text(*hardware)), None),
            ReservedFor::Identifier(identifier) => (None, Some(colons(identifier.octets()))),
        };
        Self { address: reservation.address, hw_address, client_id }
    }
}

fn hardware_text(hardware: HardwareAddress) -> String {
    match hardware.htype() {
        ETHERNET => colons(hardware.octets()),
        other => format!("{other}/{}", colons(hardware.octets())),
    }
}

/// Octets as a file writes them.
pub(super) fn colons(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect::<Vec<_>>().join(":")
}
