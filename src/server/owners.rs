//! Who owns the pools: one endpoint a relationship, and the server alone for pools without one.

use std::net::Ipv4Addr;

use crate::dhcp::Owners;
use crate::durable::CommitId;
use crate::endpoint::service::BindingChange;
use crate::endpoint::{Alone, FailoverEndpoint, Input, LeaseAuthority, Output};
use crate::store::OwnerId;
use crate::time::Now;
use crate::wire::codes::BindingStatus;

use super::duties::Touched;

/// Why an operator's word to an owner that rests is not followed.
pub(super) const RESTING: &str = "a changed configuration is being applied; try again";

/// One owner.
#[derive(Debug)]
pub(crate) struct Owner {
    pub(crate) id: OwnerId,
    pub(crate) kind: OwnerKind,
    /// It is about to be replaced: nobody is served and no time passes for it, so that what it has made
    /// durable is all there is.
    is_resting: bool,
}

/// What an owner is.
#[derive(Debug)]
pub(crate) enum OwnerKind {
    Failover(Box<FailoverEndpoint>),
    Alone(Box<Alone>),
}

impl Owner {
    pub(crate) const fn new(id: OwnerId, kind: OwnerKind) -> Self {
        Self { id, kind, is_resting: false }
    }

    pub(crate) const fn rest(&mut self) {
        self.is_resting = true;
    }

    pub(crate) const fn is_resting(&self) -> bool {
        self.is_resting
    }

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
        if self.is_resting {
            return Some(Err(RESTING.to_owned()));
        }
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
        if self.is_resting {
            return;
        }
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

/// All of them, as the DHCP service sees them, and which of them something may have happened to.
#[derive(Debug, Default)]
pub(crate) struct OwnerSet {
    all: Vec<Owner>,
    touched: Touched,
}

impl OwnerSet {
    /// Owners, each of which has something to say.
    pub(crate) fn new(all: Vec<Owner>) -> Self {
        Self { touched: Touched::all(all.len()), all }
    }

    /// Takes all of them out.
    pub(super) fn take_all(&mut self) -> Vec<Owner> {
        std::mem::take(self).all
    }

    /// In the order of their numbers.
    pub(crate) fn iter(&self) -> std::slice::Iter<'_, Owner> {
        self.all.iter()
    }

    /// To do something to every one.
    pub(crate) fn iter_mut(&mut self) -> std::slice::IterMut<'_, Owner> {
        self.touched.add_all();
        self.all.iter_mut()
    }

    /// To do something to owner `number`.
    pub(crate) fn get_mut(&mut self, number: usize) -> Option<&mut Owner> {
        self.touched.add(number);
        self.all.get_mut(number)
    }

    /// To ask owner `number` what it wants; nothing happens to it.
    pub(crate) fn wants_of(&mut self, number: usize) -> Option<&mut Owner> {
        self.all.get_mut(number)
    }

    /// Exchanges `empty` for the numbers of all to whom something was done since the last time.
    pub(super) fn take_touched(&mut self, empty: &mut Vec<usize>) {
        self.touched.take(empty);
    }
}

impl Owners for OwnerSet {
    fn owner(&mut self, index: usize) -> Option<&mut dyn LeaseAuthority> {
        self.get_mut(index).filter(|owner| !owner.is_resting).map(Owner::authority_mut)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::binding::AddressRange;
    use crate::durable::Recovered;

    /// A thousand owners that have said what they had to say.
    fn quiet() -> OwnerSet {
        let address = Ipv4Addr::new(10, 78, 8, 1);
        let range = AddressRange::new(address, address).unwrap();
        let owner = |number: u16| {
            let recovered = Recovered::default();
            let alone = Alone::new(&[range], &[], 0, &recovered, Now::default()).unwrap();
            Owner::new(OwnerId(number), OwnerKind::Alone(Box::new(alone)))
        };
        let mut owners = OwnerSet::new((0..1000).map(owner).collect());
        assert_eq!(touched(&mut owners).len(), 1000);
        owners
    }

    fn touched(owners: &mut OwnerSet) -> Vec<usize> {
        let mut numbers = Vec::new();
        owners.take_touched(&mut numbers);
        numbers
    }

    #[test]
    fn of_a_thousand_owners_those_are_looked_at_to_whom_something_was_done() {
        let mut owners = quiet();
        owners.get_mut(700).unwrap();
        owners.owner(3).unwrap();
        assert_eq!(touched(&mut owners), [3, 700]);
    }

    #[test]
    fn to_look_at_an_owner_is_not_to_do_something_to_it() {
        let mut owners = quiet();
        owners.wants_of(5).unwrap();
        assert_eq!(owners.iter().count(), 1000);
        assert_eq!(touched(&mut owners), Vec::<usize>::new());
    }

    #[test]
    fn one_that_is_about_to_be_replaced_serves_nobody() {
        let mut owners = quiet();
        owners.get_mut(3).unwrap().rest();
        assert!(owners.owner(3).is_none());
        assert!(owners.owner(4).is_some());
    }
}
