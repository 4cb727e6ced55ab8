//! What a server has been told is durable, kept beside its disk: whatever a crash leaves must hold it
//! (checker 3 of the simulator).

use std::collections::{BTreeMap, VecDeque};
use std::net::Ipv4Addr;

use super::{Kind, Violation};
use crate::binding::Binding;
use crate::durable::{Change, Commit, CommitId, EndpointRecord, Recovered};
use crate::sim::clock::True;
use crate::wire::codes::FailoverState;

/// Durable leases remembered behind the newest of each address.
const REMEMBERED: usize = 256;

/// The acknowledged content of a store, and what is on its way there.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shadow {
    /// The endpoint's record.
    pub(crate) record: Option<EndpointRecord>,
    /// The record of every address that has one.
    pub(crate) bindings: BTreeMap<Ipv4Addr, Binding>,
    /// Made, and not known to be durable.
    pending: VecDeque<Commit>,
    /// The latest durable bindings, whatever came behind them.
    recent: VecDeque<Binding>,
    /// Durable states from the one that was announced last on.
    states: VecDeque<FailoverState>,
}

impl Shadow {
    /// Of a store that is taken as it was found.
    pub(crate) fn of(recovered: &Recovered) -> Self {
        let bindings = recovered.bindings.iter().map(|one| (one.address, one.clone())).collect();
        let states = recovered.endpoint.iter().map(|record| record.state).collect();
        Self { record: recovered.endpoint.clone(), bindings, states, ..Self::default() }
    }

    /// A change is made.
    pub(crate) fn made(&mut self, commit: Commit) {
        self.pending.push_back(commit);
    }

    /// Everything up to `id` is durable.
    pub(crate) fn durable(&mut self, id: CommitId) {
        while self.pending.front().is_some_and(|commit| commit.id <= id) {
            if let Some(commit) = self.pending.pop_front() {
                self.apply(commit.change);
            }
        }
    }

    fn apply(&mut self, change: Change) {
        match change {
            Change::Binding(binding) => {
                if self.recent.len() >= REMEMBERED {
                    self.recent.pop_front();
                }
                self.recent.push_back(binding.clone());
                self.bindings.insert(binding.address, binding);
            }
            Change::Endpoint(record) => {
                if self.states.back() != Some(&record.state) {
                    self.states.push_back(record.state);
                }
                self.record = Some(record);
            }
        }
    }

    /// A state is announced; whether it is durable and no older than the one announced before.
    pub(crate) fn announces(&mut self, state: FailoverState) -> bool {
        let found = self.states.iter().position(|durable| *durable == state);
        if let Some(found) = found {
            self.states.drain(..found);
        }
        found.is_some()
    }

    /// What the process last made of an address, durable or not.
    pub(crate) fn latest(&self, address: Ipv4Addr) -> Option<&Binding> {
        let pending = self.pending.iter().rev().find_map(|commit| match &commit.change {
            Change::Binding(binding) if binding.address == address => Some(binding),
            _ => None,
        });
        pending.or_else(|| self.bindings.get(&address))
    }

    /// The endpoint's own record as it was last made.
    pub(crate) fn latest_record(&self) -> Option<&EndpointRecord> {
        let pending = self.pending.iter().rev().find_map(|commit| match &commit.change {
            Change::Endpoint(record) => Some(record),
            Change::Binding(_) => None,
        });
        pending.or(self.record.as_ref())
    }

    /// The highest commit made.
    pub(crate) fn last_made(&self) -> CommitId {
        self.pending.back().map_or(CommitId(0), |commit| commit.id)
    }

    /// Whether a change of `address` that was made up to `upto` is not durable.
    pub(crate) fn is_pending(&self, address: Ipv4Addr, upto: CommitId) -> bool {
        self.pending.iter().take_while(|commit| commit.id <= upto).any(|commit| {
            matches!(&commit.change, Change::Binding(binding) if binding.address == address)
        })
    }

    /// Whether a binding that `fits` is, or was until lately, durable.
    pub(crate) fn has_been_durable(
        &self,
        address: Ipv4Addr,
        fits: impl Fn(&Binding) -> bool,
    ) -> bool {
        self.bindings.get(&address).is_some_and(&fits)
            || self.recent.iter().any(|binding| binding.address == address && fits(binding))
    }

    /// A process has died and the next has found `recovered`: all that was durable, and of what was
    /// on its way a beginning.
    pub(crate) fn compare(&mut self, at: True, recovered: &Recovered) -> Option<Violation> {
        let found: BTreeMap<Ipv4Addr, &Binding> =
            recovered.bindings.iter().map(|binding| (binding.address, binding)).collect();
        let mut pending = std::mem::take(&mut self.pending);
        let mut missing = self.difference(recovered, &found);
        while missing.is_some()
            && let Some(commit) = pending.pop_front()
        {
            self.apply(commit.change);
            missing = self.difference(recovered, &found);
        }
        self.recent.clear();
        let what = missing?;
        Some(Violation::new(at, Kind::Lost, what))
    }

    /// How the store differs from this, if it does.
    fn difference(
        &self,
        recovered: &Recovered,
        found: &BTreeMap<Ipv4Addr, &Binding>,
    ) -> Option<String> {
        if recovered.endpoint != self.record {
            let (found, known) = (&recovered.endpoint, &self.record);
            return Some(format!("the store has {found:?} and was to have {known:?}"));
        }
        if let Some((_, known)) =
            self.bindings.iter().find(|(address, known)| found.get(address) != Some(known))
        {
            let there = found.get(&known.address);
            return Some(format!("the store has {there:?} and was to have {known:?}"));
        }
        let extra = found.iter().find(|(address, _)| !self.bindings.contains_key(address));
        extra.map(|(_, binding)| format!("the store has {binding:?}, which was never made"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::UnixTime;

    fn binding(last: u8, start: u32) -> Binding {
        let address = Ipv4Addr::new(10, 0, 0, last);
        Binding { start_of_status: UnixTime(start), ..Binding::unused(address) }
    }

    fn commit(id: u64, last: u8, start: u32) -> Commit {
        Commit { id: CommitId(id), change: Change::Binding(binding(last, start)) }
    }

    /// Two durable changes and one on its way.
    fn shadow() -> Shadow {
        let mut shadow = Shadow::default();
        shadow.made(commit(1, 1, 10));
        shadow.made(commit(2, 2, 20));
        shadow.made(commit(3, 1, 30));
        shadow.durable(CommitId(2));
        shadow
    }

    fn found(bindings: Vec<Binding>) -> Recovered {
        Recovered { endpoint: None, bindings }
    }

    #[test]
    fn a_state_that_is_not_durable_or_older_than_the_last_may_not_be_announced() {
        let states = [FailoverState::Recover, FailoverState::Normal].into();
        let mut shadow = Shadow { states, ..Shadow::default() };
        assert!(!shadow.announces(FailoverState::PartnerDown));
        assert!(shadow.announces(FailoverState::Recover));
        assert!(shadow.announces(FailoverState::Normal));
        assert!(!shadow.announces(FailoverState::Recover));
    }

    #[test]
    fn what_was_on_its_way_may_be_there_or_not() {
        for start in [10, 30] {
            let recovered = found(vec![binding(1, start), binding(2, 20)]);
            assert_eq!(shadow().compare(0, &recovered), None);
        }
    }

    #[test]
    fn a_lost_commit_is_seen() {
        let recovered = found(vec![binding(1, 10)]);
        assert_eq!(shadow().compare(0, &recovered).unwrap().kind, Kind::Lost);
    }

    #[test]
    fn an_older_binding_is_seen() {
        let recovered = found(vec![binding(1, 5), binding(2, 20)]);
        assert_eq!(shadow().compare(0, &recovered).unwrap().kind, Kind::Lost);
    }

    #[test]
    fn a_binding_that_was_never_made_is_seen() {
        let recovered = found(vec![binding(1, 10), binding(2, 20), binding(3, 1)]);
        assert_eq!(shadow().compare(0, &recovered).unwrap().kind, Kind::Lost);
    }

    #[test]
    fn a_change_waits_until_it_is_durable() {
        let mut shadow = shadow();
        let address = Ipv4Addr::new(10, 0, 0, 1);
        assert!(shadow.is_pending(address, CommitId(3)));
        assert!(!shadow.is_pending(address, CommitId(2)));
        shadow.durable(CommitId(3));
        assert!(!shadow.is_pending(address, CommitId(3)));
    }
}
