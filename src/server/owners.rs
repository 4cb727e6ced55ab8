//! Who owns the pools: one endpoint a relationship, and the server alone for pools without one.

use std::net::Ipv4Addr;

use crate::dhcp::Owners;
use crate::durable::CommitId;
use crate::endpoint::service::BindingChange;
use crate::endpoint::{Alone, FailoverEndpoint, Input, LeaseAuthority, Output};
use crate::store::OwnerId;
use crate::time::Now;
use crate::wire::codes::BindingStatus;

/// One owner.
#[derive(Debug)]
pub(crate) struct Owner {
    pub(crate) id: OwnerId,
    pub(crate) kind: OwnerKind,
}

/// What an owner is.
#[derive(Debug)]
pub(crate) enum OwnerKind {
    Failover(Box<FailoverEndpoint>),
    Alone(Box<Alone>),
}

impl Owner {
    pub(crate) fn endpoint(&self) -> Option<&FailoverEndpoint> {
        match &self.kind {
            OwnerKind::Failover(endpoint) => Some(endpoint),
            OwnerKind::Alone(_) => None,
        }
    }

    pub(crate) fn endpoint_mut(&mut self) -> Option<&mut FailoverEndpoint> {
        match &mut self.kind {
            OwnerKind::Failover(endpoint) => Some(endpoint),
            OwnerKind::Alone(_) => None,
        }
    }

    pub(crate) fn authority(&self) -> &dyn LeaseAuthority {
        match &self.kind {
            OwnerKind::Failover(endpoint) => &**endpoint,
            OwnerKind::Alone(alone) => &**alone,
        }
    }

    fn authority_mut(&mut self) -> &mut dyn LeaseAuthority {
        match &mut self.kind {
            OwnerKind::Failover(endpoint) => &mut **endpoint,
            OwnerKind::Alone(alone) => &mut **alone,
        }
    }

    /// Frees an abandoned address by an operator's word. `None` if the address is not this owner's;
    /// the reason if it must not be done.
    pub(crate) fn reset(
        &mut self,
        address: Ipv4Addr,
        now: Now,
    ) -> Option<Result<CommitId, String>> {
        let status = self.authority().table().get(address)?.binding_status;
        if status != BindingStatus::Abandoned {
            let reason = format!("{address} is {status}; only an abandoned address can be reset");
            return Some(Err(reason));
        }
        if let Some(endpoint) = self.endpoint().filter(|endpoint| !endpoint.may_reset()) {
            let state = endpoint.state();
            let role = endpoint.config().role;
            let reason = format!(
                "a {role} in {state} leaves abandoned addresses alone; reset it at the partner"
            );
            return Some(Err(reason));
        }
        let recorded = self.authority_mut().record(now, BindingChange::Reset { address });
        Some(recorded.map_err(|error| error.to_string()))
    }

    pub(crate) fn time_reached(&mut self, now: Now) {
        match &mut self.kind {
            OwnerKind::Failover(endpoint) => endpoint.handle_input(now, Input::TimeReached),
            OwnerKind::Alone(alone) => alone.time_reached(now),
        }
    }

    pub(crate) fn poll_output(&mut self) -> Output {
        match &mut self.kind {
            OwnerKind::Failover(endpoint) => endpoint.poll_output(),
            OwnerKind::Alone(alone) => alone.poll_output(),
        }
    }
}

/// All of them, as the DHCP service sees them.
#[derive(Debug, Default)]
pub(crate) struct OwnerSet(pub(crate) Vec<Owner>);

impl Owners for OwnerSet {
    fn owner(&mut self, index: usize) -> Option<&mut dyn LeaseAuthority> {
        Some(self.0.get_mut(index)?.authority_mut())
    }
}
