//! Owners of a plan, opened with what the store holds, and where their partners are.

use std::time::Duration;

use crate::driver::links::LinkSpec;
use crate::endpoint::{Alone, FailoverEndpoint};
use crate::server::owners::{Owner, OwnerKind};
use crate::server::plan::{Plan, RelationshipPlan};
use crate::server::recovery::{Configured, recover};
use crate::store::LeaseStore;
use crate::time::Now;

use super::{ALONE, StartError, owner_name};

/// How long an owner that begins anew looks for its partner. It was away for a moment only, in which
/// nothing can have happened that takes longer to learn of (§9.3.2).
const LOOK: Duration = Duration::from_secs(1);

/// Opens the owners of a plan with what the store holds.
pub(crate) fn open_owners(
    plan: &Plan,
    store: &mut dyn LeaseStore,
    table_seed: u64,
    now: Now,
) -> Result<Vec<Owner>, StartError> {
    let all: Vec<_> = (0..plan.owners()).collect();
    open(plan, &all, &[], store, table_seed, now)
}

/// Opens the owners `numbers` of a plan again, after they have rested for a moment.
pub(super) fn reopen_owners(
    plan: &Plan,
    numbers: &[usize],
    unasked: &[String],
    store: &mut dyn LeaseStore,
    table_seed: u64,
    now: Now,
) -> Result<Vec<Owner>, StartError> {
    let mut plan = plan.clone();
    for relationship in &mut plan.relationships {
        let endpoint = &mut relationship.endpoint;
        endpoint.startup_wait = endpoint.startup_wait.min(LOOK);
    }
    open(&plan, numbers, unasked, store, table_seed, now)
}

fn open(
    plan: &Plan,
    numbers: &[usize],
    unasked: &[String],
    store: &mut dyn LeaseStore,
    table_seed: u64,
    now: Now,
) -> Result<Vec<Owner>, StartError> {
    let configured: Vec<_> = numbers
        .iter()
        .map(|number| Configured {
            name: owner_name(plan.name_of(*number)),
            ranges: plan.ranges_of(*number),
        })
        .collect();
    let recovered = recover(&configured, unasked, store).map_err(StartError::Store)?;
    let mut owners = Vec::with_capacity(numbers.len());
    for (number, (id, recovered)) in numbers.iter().zip(recovered) {
        let kind = match (plan.relationships.get(*number), &plan.alone) {
            (Some(relationship), _) => {
                let config = relationship.endpoint.clone();
                let name = || relationship.endpoint.name.clone();
                let endpoint = FailoverEndpoint::new(config, recovered, now)
                    .map_err(|error| StartError::Relationship(name(), error))?;
                OwnerKind::Failover(Box::new(endpoint))
            }
            (None, Some(alone)) => {
                let alone =
                    Alone::new(&alone.ranges, &alone.reservations, table_seed, &recovered, now)
                        .map_err(|error| StartError::Relationship(ALONE.to_owned(), error))?;
                OwnerKind::Alone(Box::new(alone))
            }
            (None, None) => continue,
        };
        owners.push(Owner::new(id, kind));
    }
    Ok(owners)
}

/// Where the partners of the first owners are.
pub(super) fn link_specs<'o>(
    relationships: &[RelationshipPlan],
    owners: impl Iterator<Item = &'o Owner>,
) -> Vec<LinkSpec> {
    let specs = relationships.iter().zip(owners).map(|(plan, owner)| LinkSpec {
        owner: owner.id,
        name: plan.endpoint.name.clone(),
        local: plan.address,
        peer: plan.peer_address,
        receive_timer: Duration::from_secs(u64::from(plan.endpoint.receive_timer)),
        tls: plan.tls.clone(),
    });
    specs.collect()
}
