//! Who owns the pools: one endpoint a relationship, and the server alone for pools without one.

use crate::dhcp::Owners;
use crate::endpoint::{Alone, FailoverEndpoint, Input, LeaseAuthority, Output};
use crate::store::OwnerId;
use crate::time::Now;

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
        Some(match &mut self.0.get_mut(index)?.kind {
            OwnerKind::Failover(endpoint) => &mut **endpoint,
            OwnerKind::Alone(alone) => &mut **alone,
        })
    }
}
