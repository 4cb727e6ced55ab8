//! From the configuration to what the engine is built of.
//!
//! Pools are divided among owners: each relationship owns those that name it, and the pools without
//! a relationship have one more owner, behind the others. The order of an owner's ranges is that of
//! the file, so a pool that is added at the end of a subnet does not renumber those before it.

use std::net::SocketAddrV4;
use std::time::Duration;

use crate::binding::table::RangeId;
use crate::binding::times::Mclt;
use crate::binding::{AddressRange, Client};
use crate::dhcp::{DhcpConfig, PoolConfig, ReservedFor, SubnetConfig};
use crate::driver::tls::TlsIdentity;
use crate::endpoint::config::{PoolShare, Reservation};
use crate::endpoint::{RelationshipConfig, TlsPolicy};
use crate::server::config::{Config, Relationship};

/// How long a probe of an address waits for an echo, as dhcpd does.
const PING_TIMEOUT: Duration = Duration::from_secs(1);

/// What the engine is built of.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Owners with a partner; an owner's index is its position.
    pub relationships: Vec<RelationshipPlan>,
    /// The owner of all pools without a relationship; its index is one past the others.
    pub alone: Option<AlonePlan>,
    /// The DHCP service, its pools numbered by owner and range.
    pub dhcp: DhcpConfig,
}

/// An owner with a partner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelationshipPlan {
    /// Where to listen, and from where to dial.
    pub address: SocketAddrV4,
    /// Where the partner listens.
    pub peer_address: SocketAddrV4,
    /// Who is who, where connections may be secured.
    pub tls: Option<TlsIdentity>,
    /// The endpoint.
    pub endpoint: RelationshipConfig,
}

/// The owner of the pools without a relationship.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AlonePlan {
    /// In the order of their [`RangeId`].
    pub ranges: Vec<AddressRange>,
    /// Addresses in these ranges that are held back for one client each.
    pub reservations: Vec<Reservation>,
}

impl Plan {
    /// The plan for a checked configuration. `table_seed` makes the order of the client indexes
    /// unpredictable for clients.
    pub fn new(config: &Config, table_seed: u64) -> Self {
        let mut relationships: Vec<_> =
            config.relationships.iter().map(|one| relationship(one, table_seed)).collect();
        let mut alone = AlonePlan::default();
        let mut subnets = Vec::with_capacity(config.subnets.len());
        for subnet in &config.subnets {
            let mut pools = Vec::with_capacity(subnet.pools.len());
            for pool in subnet.served_pools() {
                let owner = owner_of(pool.relationship.as_deref(), &relationships);
                let endpoint = relationships.get_mut(owner).map(|owner| &mut owner.endpoint);
                // A table refuses more ranges than there are numbers.
                let id_behind = |ranges: &[AddressRange]| {
                    RangeId(u16::try_from(ranges.len()).unwrap_or(u16::MAX))
                };
                let (range_id, ranges, reservations) = match endpoint {
                    Some(endpoint) => {
                        let range_id = id_behind(&endpoint.ranges);
                        endpoint.bootp_ranges.extend(pool.dynamic_bootp.then_some(range_id));
                        (range_id, &mut endpoint.ranges, &mut endpoint.reservations)
                    }
                    None => (id_behind(&alone.ranges), &mut alone.ranges, &mut alone.reservations),
                };
                ranges.push(pool.range);
                let dynamic_bootp = pool.dynamic_bootp;
                pools.push(PoolConfig { owner, range_id, range: pool.range, dynamic_bootp });
                let held = subnet.reservations.iter();
                let held = held.filter(|held| pool.range.contains(held.address));
                reservations.extend(held.map(|held| Reservation {
                    address: held.address,
                    client: client(&held.client),
                }));
            }
            subnets.push(SubnetConfig {
                network: subnet.network,
                options: subnet.options.clone(),
                default_lease_time: subnet.lease_times.default,
                min_lease_time: subnet.lease_times.min,
                max_lease_time: subnet.lease_times.max,
                pools,
                reservations: subnet.reservations.clone(),
            });
        }
        let dhcp = DhcpConfig {
            authoritative: config.dhcp.authoritative,
            ping_timeout: config.dhcp.ping_check.then_some(PING_TIMEOUT),
            server_identifier: config.dhcp.server_identifier,
            subnets,
        };
        Self { relationships, alone: (!alone.ranges.is_empty()).then_some(alone), dhcp }
    }

    /// How many owners there are.
    pub(super) fn owners(&self) -> usize {
        self.relationships.len() + usize::from(self.alone.is_some())
    }

    /// The relationship-name of owner `number`; `None` for the pools without one.
    pub(super) fn name_of(&self, number: usize) -> Option<&str> {
        self.relationships.get(number).map(|one| one.endpoint.name.as_str())
    }

    /// The addresses of owner `number`.
    pub(super) fn ranges_of(&self, number: usize) -> &[AddressRange] {
        match (self.relationships.get(number), &self.alone) {
            (Some(one), _) => &one.endpoint.ranges,
            (None, Some(alone)) => &alone.ranges,
            (None, None) => &[],
        }
    }
}

/// Position of the relationship of this name; one past all for a pool without one.
fn owner_of(name: Option<&str>, relationships: &[RelationshipPlan]) -> usize {
    let named = |name| relationships.iter().position(|one| one.endpoint.name == name);
    name.and_then(named).unwrap_or(relationships.len())
}

fn client(reserved_for: &ReservedFor) -> Client {
    match reserved_for {
        ReservedFor::Hardware(hardware) => Client { identifier: None, hardware: Some(*hardware) },
        ReservedFor::Identifier(identifier) => {
            Client { identifier: Some(identifier.clone()), hardware: None }
        }
    }
}

fn relationship(configured: &Relationship, table_seed: u64) -> RelationshipPlan {
    let mut endpoint = RelationshipConfig::new(&configured.name, configured.role, Vec::new());
    endpoint.dialect = configured.dialect;
    endpoint.receive_timer = configured.max_response_delay;
    endpoint.max_unacked_bndupd = configured.max_unacked_updates;
    endpoint.redial_interval = configured.reconnect_interval;
    endpoint.mclt = Mclt(configured.mclt);
    endpoint.hash_buckets = configured.hash_buckets;
    endpoint.server_buckets = configured.server_buckets;
    endpoint.load_balance_max_seconds = configured.load_balance_max_seconds;
    endpoint.check_secs_byte_order = configured.check_secs_byte_order;
    endpoint.batching = configured.batching;
    endpoint.safe_period = configured.auto_partner_down;
    endpoint.pool_share = match configured.reserve_percent {
        Some(percent) => PoolShare::SecondaryPercent(percent),
        None => PoolShare::Half,
    };
    endpoint.startup_wait = configured.startup_wait;
    endpoint.startup_wait_after_mclt = configured.startup_wait_after_mclt;
    endpoint.startup_policy = configured.startup_policy;
    endpoint.storage_lost_at = configured.storage_lost_at;
    endpoint.clamp_in_partner_down = configured.clamp_in_partner_down;
    endpoint.acknowledgement_wait = configured.acknowledgement_wait;
    endpoint.secrets.clone_from(&configured.secrets);
    endpoint.max_clock_delta = configured.max_clock_delta;
    endpoint.tls = match &configured.tls {
        Some(tls) => tls.policy,
        None if configured.dialect.has_tls() => TlsPolicy::Off,
        None => TlsPolicy::Unsupported,
    };
    endpoint.pace = configured.pace;
    endpoint.table_seed = table_seed;
    RelationshipPlan {
        address: configured.address,
        peer_address: configured.peer_address,
        tls: configured.tls.as_ref().map(|tls| tls.identity.clone()),
        endpoint,
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn plan(text: &str) -> Plan {
        Plan::new(&Config::parse(text, Path::new("test.toml")).unwrap(), 7)
    }

    const MIXED: &str = r#"
        data-dir = "/tmp/none"
        [[relationship]]
        name = "a"
        role = "primary"
        address = "10.0.0.1"
        peer-address = "10.0.0.2"
        [[subnet]]
        network = "10.0.0.0/24"
        pool = [
            { range = "10.0.0.10-10.0.0.19", relationship = "a" },
            { range = "10.0.0.30-10.0.0.39" },
            { range = "10.0.0.20-10.0.0.29", relationship = "a" },
        ]
        [[subnet.reservation]]
        client-id = "01:02"
        address = "10.0.0.35"
    "#;

    /// Holds: FO-2.2-10.
    #[test]
    fn pools_are_numbered_by_owner_in_the_order_of_the_file() {
        let plan = plan(MIXED);
        let pools = plan.dhcp.subnets.first().map(|subnet| subnet.pools.clone()).unwrap();
        let numbers: Vec<_> = pools.iter().map(|pool| (pool.owner, pool.range_id.0)).collect();
        assert_eq!(numbers, [(0, 0), (1, 0), (0, 1)]);
    }

    /// What an endpoint is told where the file says no more than it must.
    fn defaults() -> RelationshipPlan {
        plan(MIXED).relationships.remove(0)
    }

    /// Holds: FO-7.8.1-5, FO-7.8.1-6, FO-7.8.1-7, FO-7.9.1-12, FO-7.9.1-13.
    #[test]
    fn by_default_a_partner_may_send_more_than_10_updates_and_less_than_100() {
        assert!((11..100).contains(&defaults().endpoint.max_unacked_bndupd));
    }

    /// Holds: FO-8.2-1.
    #[test]
    fn by_default_the_partner_is_dialled_at_port_647() {
        assert_eq!(defaults().peer_address.port(), 647);
    }

    /// Holds: FO-8.2-2.
    #[test]
    fn by_default_this_server_listens_on_port_647() {
        assert_eq!(defaults().address.port(), 647);
    }

    /// Holds: FO-8.3-8.
    #[test]
    fn by_default_a_lost_partner_is_noticed_within_a_minute() {
        assert!(defaults().endpoint.receive_timer <= 60);
    }

    /// Holds: FO-8.2-4.
    #[test]
    fn the_pause_between_attempts_is_configurable() {
        let text = MIXED.replace("role", "reconnect-interval = 90\nrole");
        let endpoint = plan(&text).relationships.remove(0).endpoint;
        assert_eq!(endpoint.redial_interval, Duration::from_secs(90));
    }

    /// Holds: FO-7.8.1-13.
    #[test]
    fn the_primary_is_told_how_many_clients_are_the_secondarys() {
        let text = MIXED.replace("role", "split = 64\nrole");
        let endpoint = plan(&text).relationships.remove(0).endpoint;
        assert_eq!(endpoint.hash_buckets.share(), 64);
    }

    #[test]
    fn what_a_relationship_says_of_clients_reaches_the_endpoint() {
        let text = MIXED.replace(
            "role = \"primary\"",
            "role = \"primary\"\nload-balance-max-seconds = 7\ncheck-secs-byte-order = true\n\
             mode = \"hot-standby\"\nreserve-percent = 8",
        );
        let plan = plan(&text);
        let endpoint = plan.relationships.first().map(|one| one.endpoint.clone()).unwrap();
        assert_eq!(endpoint.load_balance_max_seconds, 7);
        assert!(endpoint.check_secs_byte_order);
        assert_eq!(endpoint.pool_share, PoolShare::SecondaryPercent(8));
        assert_eq!(endpoint.hash_buckets.share(), 256);
    }

    #[test]
    fn an_owner_knows_which_of_its_ranges_are_open_to_bootp() {
        let range = r#"range = "10.0.0.20-10.0.0.29", "#;
        let plan = plan(&MIXED.replace(range, &format!("{range} dynamic-bootp = true,")));
        let ranges: Vec<_> =
            plan.relationships.iter().map(|one| one.endpoint.bootp_ranges.clone()).collect();
        assert_eq!(ranges, [[RangeId(1)]]);
    }

    #[test]
    fn an_owner_knows_the_reservations_in_its_ranges() {
        let plan = plan(MIXED);
        let alone = plan.alone.unwrap();
        assert_eq!(alone.reservations.len(), 1);
        assert!(plan.relationships.iter().all(|one| one.endpoint.reservations.is_empty()));
    }

    #[test]
    fn a_pool_that_is_disabled_has_no_owner() {
        let range = r#"range = "10.0.0.30-10.0.0.39""#;
        let plan = plan(&MIXED.replace(range, &format!("{range}, disabled = true")));
        assert!(plan.alone.is_none());
        assert_eq!(plan.dhcp.subnets.first().map(|subnet| subnet.pools.len()), Some(2));
    }

    #[test]
    fn nobody_owns_pools_alone_where_all_have_a_relationship() {
        let text = MIXED.replace("{ range = \"10.0.0.30-10.0.0.39\" },", "");
        assert!(plan(&text).alone.is_none());
    }
}
