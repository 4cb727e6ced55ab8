//! A store without a disk.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use super::{Contents, LeaseStore, MAX_OWNER_NAME, OwnerId, StoreError};
use crate::binding::Binding;
use crate::durable::{Change, EndpointRecord, Recovered};

/// Holds exactly what a [`Journal`](super::Journal) would, for as long as it lives.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore {
    names: Vec<String>,
    endpoints: BTreeMap<OwnerId, EndpointRecord>,
    bindings: BTreeMap<(OwnerId, Ipv4Addr), Binding>,
}

impl MemoryStore {
    /// An empty store.
    pub const fn new() -> Self {
        Self { names: Vec::new(), endpoints: BTreeMap::new(), bindings: BTreeMap::new() }
    }
}

impl LeaseStore for MemoryStore {
    fn open_owner(&mut self, name: &str) -> Result<(OwnerId, Recovered), StoreError> {
        if name.is_empty() || name.len() > MAX_OWNER_NAME {
            return Err(StoreError::OwnerName { len: name.len() });
        }
        let known = self.names.iter().position(|known| known == name);
        let position = known.unwrap_or(self.names.len());
        let owner = OwnerId(u16::try_from(position).map_err(|_| StoreError::TooManyOwners)?);
        if known.is_none() {
            self.names.push(name.to_owned());
        }
        let all = (owner, Ipv4Addr::UNSPECIFIED)..=(owner, Ipv4Addr::BROADCAST);
        let recovered = Recovered {
            endpoint: self.endpoints.get(&owner).cloned(),
            bindings: self.bindings.range(all).map(|(_, binding)| binding.clone()).collect(),
        };
        Ok((owner, recovered))
    }

    fn owner_names(&mut self) -> Result<Vec<String>, StoreError> {
        Ok(self.names.clone())
    }

    fn commit(&mut self, batch: &[(OwnerId, Change)]) -> Result<(), StoreError> {
        for (owner, change) in batch {
            match change {
                Change::Binding(binding) => {
                    self.bindings.insert((*owner, binding.address), binding.clone());
                }
                Change::Endpoint(record) => {
                    self.endpoints.insert(*owner, record.clone());
                }
            }
        }
        Ok(())
    }

    fn verify(&mut self) -> Result<Contents, StoreError> {
        Ok(Contents {
            owners: self.names.len() as u64,
            endpoints: self.endpoints.len() as u64,
            bindings: self.bindings.len() as u64,
        })
    }
}
