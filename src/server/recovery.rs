//! What each owner starts with: its own records, and those of addresses that were another owner's.
//!
//! A pool may get a relationship, lose it, or move to another one. Its leases move along, or the new
//! owner would give addresses to second clients.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use crate::binding::{AddressRange, Binding};
use crate::durable::{Change, Recovered};
use crate::store::{LeaseStore, OwnerId, StoreError};
use crate::time::UnixTime;
use crate::wire::codes::BindingStatus;

/// An owner as configured.
#[derive(Clone, Debug)]
pub(super) struct Configured<'a> {
    /// Its name in the store.
    pub(super) name: String,
    /// Its addresses; no two owners share any.
    pub(super) ranges: &'a [AddressRange],
}

/// Who owns an address now.
struct Layout {
    /// In ascending order of address.
    ranges: Vec<(AddressRange, usize)>,
}

impl Layout {
    fn new(owners: &[Configured<'_>]) -> Self {
        let ranges = owners.iter().enumerate();
        let mut ranges: Vec<_> = ranges
            .flat_map(|(owner, configured)| configured.ranges.iter().map(move |r| (*r, owner)))
            .collect();
        ranges.sort_unstable();
        Self { ranges }
    }

    fn owner_of(&self, address: Ipv4Addr) -> Option<usize> {
        let after = self.ranges.partition_point(|(range, _)| range.first() <= address);
        let (range, owner) = self.ranges.get(after.checked_sub(1)?)?;
        range.contains(address).then_some(*owner)
    }
}

/// Bindings that are taken over with one sync.
const TAKEN_AT_ONCE: usize = 4096;

/// Opens these owners, in the order given. Records that an owner takes over are durable under its own
/// number when this returns. Those of owners by the names `unasked` are left alone.
pub(super) fn recover(
    owners: &[Configured<'_>],
    unasked: &[String],
    store: &mut dyn LeaseStore,
) -> Result<Vec<(OwnerId, Recovered)>, StoreError> {
    let layout = Layout::new(owners);
    let mut strays = Strays::default();
    let mut opened = Vec::with_capacity(owners.len());
    for (owner, configured) in owners.iter().enumerate() {
        let (id, recovered) = store.open_owner(&configured.name)?;
        strays.collect(&recovered, &layout, Some(owner));
        opened.push((id, recovered));
    }
    for name in store.owner_names()? {
        if !owners.iter().any(|configured| configured.name == name) && !unasked.contains(&name) {
            strays.collect(&store.open_owner(&name)?.1, &layout, None);
        }
    }
    for (owner, taken) in strays.by_owner() {
        if let (Some((id, recovered)), Some(configured)) =
            (opened.get_mut(owner), owners.get(owner))
        {
            let batch = adopt(*id, recovered, taken);
            if !batch.is_empty() {
                // A crash between two parts does no harm: what is left is taken over at the next start.
                for part in batch.chunks(TAKEN_AT_ONCE) {
                    store.commit(part)?;
                }
                tracing::info!(
                    owner = configured.name,
                    "{} bindings taken over from the former owner of their addresses",
                    batch.len()
                );
            }
        }
    }
    Ok(opened)
}

/// Records that stand under another owner than the one whose address it is now.
#[derive(Default)]
struct Strays(BTreeMap<Ipv4Addr, (usize, Binding)>);

impl Strays {
    /// Takes from the records of `holder` those that are somebody else's now. Of several records of
    /// an address the latest counts.
    fn collect(&mut self, recovered: &Recovered, layout: &Layout, holder: Option<usize>) {
        for binding in &recovered.bindings {
            let Some(owner) = layout.owner_of(binding.address) else { continue };
            if Some(owner) == holder || !is_worth_keeping(binding) {
                continue;
            }
            let known = self.0.get(&binding.address);
            if known.is_none_or(|(_, known)| last_change(known) < last_change(binding)) {
                self.0.insert(binding.address, (owner, binding.clone()));
            }
        }
    }

    fn by_owner(self) -> BTreeMap<usize, Vec<Binding>> {
        let mut by_owner: BTreeMap<usize, Vec<Binding>> = BTreeMap::new();
        for (owner, binding) in self.0.into_values() {
            by_owner.entry(owner).or_default().push(binding);
        }
        by_owner
    }
}

/// Puts records of a former owner among those of the present one, unless that has a later one. One of
/// its own that is as late was another owner's in between: what its partner knows of it counts no
/// longer (§5.17).
fn adopt(id: OwnerId, own: &mut Recovered, taken: Vec<Binding>) -> Vec<(OwnerId, Change)> {
    let mut batch = Vec::new();
    let mut added = Vec::new();
    for stray in taken {
        let stray = without_partner(stray);
        match own.bindings.binary_search_by_key(&stray.address, |binding| binding.address) {
            Ok(position) => {
                let Some(present) = own.bindings.get_mut(position) else { continue };
                let (own_change, strays) = (last_change(present), last_change(&stray));
                if own_change >= strays {
                    present.partner_knows &= own_change > strays;
                    continue;
                }
                present.clone_from(&stray);
            }
            Err(_) => added.push(stray.clone()),
        }
        batch.push((id, Change::Binding(stray)));
    }
    own.bindings.append(&mut added);
    own.bindings.sort_unstable_by_key(|binding| binding.address);
    batch
}

/// The same without what a former partner knew or owned. What it told is kept, as it may have been
/// promised to the client.
fn without_partner(binding: Binding) -> Binding {
    Binding {
        binding_status: match binding.binding_status {
            BindingStatus::Backup => BindingStatus::Free,
            other => other,
        },
        sent_potential_expiration: UnixTime::ABSENT,
        acked_potential_expiration: UnixTime::ABSENT,
        partner_knows: false,
        ..binding
    }
}

/// Whether there is more to know of an address than that nobody has had it.
fn is_worth_keeping(binding: &Binding) -> bool {
    binding.client.is_some()
        || !matches!(binding.binding_status, BindingStatus::Free | BindingStatus::Backup)
}

fn last_change(binding: &Binding) -> UnixTime {
    binding.start_of_status.max(binding.client_last_transaction)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::binding::{Client, HardwareAddress};
    use crate::store::MemoryStore;

    fn address(last: u8) -> Ipv4Addr {
        Ipv4Addr::new(10, 0, 0, last)
    }

    fn range(first: u8, last: u8) -> AddressRange {
        AddressRange::new(address(first), address(last)).unwrap()
    }

    fn lease(last: u8, since: u32) -> Binding {
        Binding {
            binding_status: BindingStatus::Active,
            client: Some(Client {
                identifier: None,
                hardware: HardwareAddress::new(1, &[2, 0, 0, 0, 0, last]),
            }),
            lease_expiration: UnixTime(since + 600),
            sent_potential_expiration: UnixTime(since + 900),
            acked_potential_expiration: UnixTime(since + 900),
            start_of_status: UnixTime(since),
            ..Binding::unused(address(last))
        }
    }

    /// A store in which the owner `name` has these bindings.
    fn store_of(name: &str, bindings: &[Binding]) -> MemoryStore {
        let mut store = MemoryStore::new();
        put(&mut store, name, bindings);
        store
    }

    fn put(store: &mut MemoryStore, name: &str, bindings: &[Binding]) {
        let (id, _) = store.open_owner(name).unwrap();
        let change = |binding: &Binding| (id, Change::Binding(binding.clone()));
        store.commit(&bindings.iter().map(change).collect::<Vec<_>>()).unwrap();
    }

    /// What the owner `name` starts with when it owns 10.0.0.10 to 10.0.0.19.
    fn start(store: &mut MemoryStore, name: &str) -> Vec<Binding> {
        let ranges = [range(10, 19)];
        let owners = [Configured { name: name.to_owned(), ranges: &ranges }];
        recover(&owners, &[], store).unwrap().remove(0).1.bindings
    }

    #[test]
    fn an_owner_starts_with_its_own_records_as_they_are() {
        let mut store = store_of("a", &[lease(10, 100), lease(11, 100)]);
        assert_eq!(start(&mut store, "a"), [lease(10, 100), lease(11, 100)]);
    }

    /// Holds: FO-5.16-2, FO-5.17-1.
    #[test]
    fn a_pool_takes_its_leases_along_and_the_new_partner_is_told_of_them() {
        let mut store = store_of("old", &[lease(10, 100), lease(11, 100), lease(20, 100)]);
        let expected = [10, 11].map(|last| Binding {
            sent_potential_expiration: UnixTime::ABSENT,
            acked_potential_expiration: UnixTime::ABSENT,
            partner_knows: false,
            ..lease(last, 100)
        });
        assert_eq!(start(&mut store, "new"), expected);
        assert_eq!(store.open_owner("new").unwrap().1.bindings, expected);
    }

    #[test]
    fn leases_move_between_two_configured_owners() {
        let mut store = store_of("a", &[lease(10, 100), lease(20, 100)]);
        let (first, second) = ([range(10, 19)], [range(20, 29)]);
        let owners = [("b", &second), ("a", &first)]
            .map(|(name, ranges)| Configured { name: name.to_owned(), ranges });
        let started = recover(&owners, &[], &mut store).unwrap();
        let addresses: Vec<_> = started.iter().map(|(_, own)| own.bindings[0].address).collect();
        assert_eq!(addresses, [address(20), address(10)]);
    }

    /// The pool was in another relationship, or in none, and came back.
    ///
    /// Holds: FO-5.17-1.
    #[test]
    fn a_record_of_its_own_that_is_as_late_wins_and_the_partner_is_told_of_it() {
        let mut store = store_of("old", &[lease(10, 100), lease(11, 300), lease(12, 100)]);
        put(&mut store, "new", &[lease(10, 100), lease(11, 200), lease(12, 200)]);
        let started = start(&mut store, "new");
        let since: Vec<_> = started.iter().map(|binding| binding.start_of_status.0).collect();
        assert_eq!(since, [100, 300, 200]);
        let known: Vec<_> = started.iter().map(|binding| binding.partner_knows).collect();
        assert_eq!(known, [false, false, true], "only a later one of its own is as it was");
    }

    #[test]
    fn the_latest_of_several_former_owners_wins() {
        let mut store = store_of("older", &[lease(10, 100)]);
        put(&mut store, "newer", &[lease(10, 200)]);
        put(&mut store, "oldest", &[lease(10, 50)]);
        assert_eq!(start(&mut store, "new")[0].start_of_status, UnixTime(200));
    }

    #[test]
    fn what_was_a_former_partners_to_give_is_free() {
        let backup = Binding { binding_status: BindingStatus::Backup, ..lease(10, 100) };
        let mut store = store_of("old", &[backup]);
        assert_eq!(start(&mut store, "new")[0].binding_status, BindingStatus::Free);
    }

    #[test]
    fn an_address_that_nobody_has_had_is_not_taken_over() {
        let mut store = store_of("old", &[Binding::unused(address(10))]);
        assert_eq!(start(&mut store, "new"), []);
    }
}
