//! What bindings carry, beside the records.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::NONE;
use super::beside::Beside;
use crate::binding::Carried;

/// Octets up to which equal values are kept once. Clients that tell no names differ in nothing but the
/// length of their leases; what holds names is longer and hardly ever repeats.
const SHARED_OCTETS: usize = 32;

/// Every value that some record has the handle of.
#[derive(Clone, Debug, Default, Hash)]
pub(super) struct Freight {
    values: Beside<Arc<[u8]>>,
    /// Handles of short values, and how many records have them.
    shared: BTreeMap<Arc<[u8]>, (u32, u32)>,
}

impl Freight {
    /// The value under a handle; nothing under `NONE`.
    pub(super) fn get(&self, handle: u32) -> Carried {
        Carried::from_shared(self.values.get(handle).cloned())
    }

    /// Gives the handle of `carried` in exchange for the one that a record had.
    pub(super) fn exchange(&mut self, handle: u32, carried: &Carried) -> u32 {
        if self.values.get(handle) == carried.shared() {
            return handle;
        }
        self.release(handle);
        carried.shared().map_or(NONE, |value| self.acquire(value))
    }

    fn acquire(&mut self, value: &Arc<[u8]>) -> u32 {
        if value.len() > SHARED_OCTETS {
            return self.values.insert(value.clone());
        }
        if let Some((handle, holders)) = self.shared.get_mut(value) {
            *holders += 1;
            return *handle;
        }
        let handle = self.values.insert(value.clone());
        self.shared.insert(value.clone(), (handle, 1));
        handle
    }

    fn release(&mut self, handle: u32) {
        let Some(value) = self.values.get(handle) else { return };
        if let Some((_, holders)) = self.shared.get_mut(value) {
            *holders -= 1;
            if *holders > 0 {
                return;
            }
            self.shared.remove(&value.clone());
        }
        self.values.remove(handle);
    }

    /// Values held now.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.values.len()
    }

    /// Octets on the heap, about: shared values are few.
    pub(super) fn memory(&self) -> usize {
        self.values.memory()
    }
}
