//! The owner of pools without a partner: the same contract, no protocol.

use core::net::Ipv4Addr;
use std::collections::{BTreeMap, VecDeque};

use crate::binding::table::{BindingTable, RangeId};
use crate::binding::times;
use crate::binding::{AddressRange, Binding, Carried, Client, ClientRef, UnknownAddress};
use crate::durable::{Change, Commit, CommitId, Recovered};
use crate::time::{Instant, Now, UnixTime};
use crate::wire::codes::{BindingStatus, IpFlags};

use super::config::{ConfigError, Reservation};
use super::io::Output;
use super::leases::ABANDON_SECONDS;
use super::service::{
    Availability, BindingChange, ClientRequest, Grant, LeaseAuthority, RecordError, Service,
    Unavailable,
};

/// Candidates that `choose` looks at before it gives up.
const MAX_CANDIDATES: usize = 4096;

/// Pools that belong to this server only. FREE is the one status from which addresses are given.
#[derive(Debug)]
pub struct Alone {
    table: BindingTable,
    reserved: BTreeMap<Ipv4Addr, Client>,
    last_commit: CommitId,
    outputs: VecDeque<Output>,
    now: Now,
}

impl Alone {
    /// Pools with what their store held.
    pub fn new(
        ranges: &[AddressRange],
        reservations: &[Reservation],
        table_seed: u64,
        recovered: &Recovered,
        now: Now,
    ) -> Result<Self, ConfigError> {
        let mut table = BindingTable::new(ranges, table_seed)
            .map_err(|error| ConfigError::Ranges(error.to_string()))?;
        // A range taken out of the configuration leaves bindings behind; they come back with it.
        table.put_all(&recovered.bindings);
        let reserved =
            reservations.iter().map(|held| (held.address, held.client.clone())).collect();
        let last_commit = CommitId(0);
        Ok(Self { table, reserved, last_commit, outputs: VecDeque::new(), now })
    }

    /// Frees what has run out. To be called when the moment that `poll_output` named has come.
    pub fn time_reached(&mut self, now: Now) {
        self.now = now;
        while let Some(address) = self.table.pop_expired(now.wall) {
            if let Some(binding) = self.table.get(address) {
                self.free(now, binding);
            }
        }
    }

    /// What to do next; only commits and [`Output::Idle`] occur.
    pub fn poll_output(&mut self) -> Output {
        self.outputs.pop_front().unwrap_or_else(|| {
            let wake_at = self.table.next_expiry().map(|at| self.monotonic_of(at));
            Output::Idle { wake_at }
        })
    }

    fn monotonic_of(&self, at: UnixTime) -> Instant {
        let seconds = at.seconds_since(self.now.wall);
        self.now.monotonic.after(core::time::Duration::from_secs(u64::from(seconds)))
    }

    fn free(&mut self, now: Now, binding: Binding) -> CommitId {
        self.store(Binding {
            binding_status: BindingStatus::Free,
            start_of_status: now.wall,
            ..binding
        })
    }

    fn store(&mut self, binding: Binding) -> CommitId {
        let known = self.table.put(&binding);
        debug_assert!(known.is_ok(), "only addresses of the table are stored");
        self.last_commit = self.last_commit.next();
        let change = Change::Binding(binding);
        self.outputs.push_back(Output::Commit(Commit { id: self.last_commit, change }));
        self.last_commit
    }

    fn is_for_another(&self, address: Ipv4Addr, client: &ClientRef<'_>) -> bool {
        self.reserved.get(&address).is_some_and(|holder| match &holder.identifier {
            Some(identifier) => client.identifier != Some(identifier.octets()),
            None => holder.hardware != client.hardware,
        })
    }
}

impl LeaseAuthority for Alone {
    fn service_for(&self, _request: &ClientRequest<'_>, _now: Now) -> Service {
        Service::Serve
    }

    fn table(&self) -> &BindingTable {
        &self.table
    }

    fn availability(&self, address: Ipv4Addr, client: &ClientRef<'_>, _now: Now) -> Availability {
        let Some(binding) = self.table.get(address) else {
            return Availability::No(Unavailable::UnknownAddress);
        };
        if self.is_for_another(address, client) {
            return Availability::No(Unavailable::Reserved);
        }
        match binding.binding_status {
            BindingStatus::Active if binding.belongs_to(client) => Availability::Renew,
            BindingStatus::Active => Availability::No(Unavailable::HeldByOther),
            BindingStatus::Abandoned => Availability::No(Unavailable::Abandoned),
            BindingStatus::Free
            | BindingStatus::Backup
            | BindingStatus::Expired
            | BindingStatus::Released
            | BindingStatus::Reset => Availability::Lease,
        }
    }

    fn choose(
        &self,
        range: RangeId,
        _now: Now,
        is_parked: &dyn Fn(Ipv4Addr) -> bool,
    ) -> Option<Ipv4Addr> {
        let vacant =
            |address: &Ipv4Addr| !is_parked(*address) && !self.reserved.contains_key(address);
        // BACKUP is what a pool brings along that had a partner before.
        [BindingStatus::Free, BindingStatus::Backup]
            .into_iter()
            .find_map(|status| self.table.queue(range, status).take(MAX_CANDIDATES).find(vacant))
    }

    fn park(&mut self, address: Ipv4Addr) {
        self.table.rotate(address);
    }

    fn grant(&self, _address: Ipv4Addr, _client: &ClientRef<'_>, desired: u32, now: Now) -> Grant {
        let lease_expiration = times::lease_end(now.wall, desired, UnixTime::INFINITE);
        Grant {
            lease_seconds: times::lease_seconds(now.wall, lease_expiration),
            lease_expiration,
            potential_expiration: UnixTime::ABSENT,
        }
    }

    fn record(&mut self, now: Now, change: BindingChange<'_>) -> Result<CommitId, RecordError> {
        change.check()?;
        self.now = now;
        let address = change.address();
        let own = self.table.get(address).ok_or(UnknownAddress(address))?;
        Ok(match change {
            BindingChange::Leased { client, grant, details, .. } => {
                let renewed =
                    own.binding_status == BindingStatus::Active && own.belongs_to(&client);
                let carried = if own.belongs_to(&client) {
                    own.carried.renewed(details.carried)
                } else {
                    Carried::new(details.carried)
                };
                self.store(Binding {
                    binding_status: BindingStatus::Active,
                    ip_flags: own.ip_flags.with(IpFlags::BOOTP, details.bootp),
                    carried,
                    client: Some(client.to_client()),
                    lease_expiration: grant.lease_expiration,
                    client_last_transaction: now.wall,
                    start_of_status: if renewed { own.start_of_status } else { now.wall },
                    ..own
                })
            }
            BindingChange::Released { .. } | BindingChange::Reset { .. } => {
                let lease_expiration = own.lease_expiration.min(now.wall);
                self.free(now, Binding { lease_expiration, ..own })
            }
            BindingChange::DnsUpdated { ddns, .. } => {
                self.store(Binding { carried: own.carried.with_ddns(ddns), ..own })
            }
            BindingChange::Abandoned { .. } => self.store(Binding {
                binding_status: BindingStatus::Abandoned,
                client: None,
                lease_expiration: now.wall.plus(ABANDON_SECONDS),
                start_of_status: now.wall,
                ..own
            }),
        })
    }
}
