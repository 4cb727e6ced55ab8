//! From a client to its bindings.
//!
//! A hash table with half as many chains as there are addresses; the chains are doubly linked through
//! the records. The hash is `SipHash` of a secret seed and the client, so that nobody outside can
//! choose clients that share a chain, and one client with very many bindings costs no more than
//! others when it leaves one.

use core::hash::Hasher;
use std::hash::DefaultHasher;

use super::record::{Identifiers, Record};
use super::{NONE, at, at_mut};
use crate::binding::ClientRef;

/// Clients whose chains are looked at together: about as many loads as a processor has under way at
/// a time.
const TOGETHER: usize = 16;

/// The heads of the chains.
#[derive(Clone, Debug, Hash)]
pub(super) struct ClientIndex {
    seed: u64,
    heads: Vec<u32>,
}

impl ClientIndex {
    /// Chains for so many records; `None` if there is no memory for them.
    pub(super) fn new(slots: u32, seed: u64) -> Option<Self> {
        let chains = slots.div_ceil(2) as usize;
        let mut heads = Vec::new();
        heads.try_reserve_exact(chains).ok()?;
        heads.resize(chains, NONE);
        Some(Self { seed, heads })
    }

    /// Adds the record at `slot` to the chain of its client, if it has one.
    pub(super) fn insert(&mut self, records: &mut [Record], long: &Identifiers, slot: u32) {
        let record = at_mut(records, slot);
        let Some(chain) = self.chain_of(&record.client(long)) else { return };
        let Some(head) = self.heads.get_mut(chain) else { return };
        record.client_prev = NONE;
        record.client_next = *head;
        if *head != NONE {
            at_mut(records, *head).client_prev = slot;
        }
        *head = slot;
    }

    /// Looks at the chains of clients that are about to be added. Their heads lie anywhere in memory: looked
    /// at together they are waited for once, and not one after the other.
    pub(super) fn look_ahead<'a>(&self, clients: impl Iterator<Item = ClientRef<'a>>) {
        let mut chains = clients.filter_map(|client| self.chain_of(&client));
        let mut together = [0; TOGETHER];
        loop {
            let mut count = 0;
            for (place, chain) in together.iter_mut().zip(chains.by_ref()) {
                *place = chain;
                count += 1;
            }
            let heads = together.iter().take(count).filter_map(|chain| self.heads.get(*chain));
            core::hint::black_box(heads.fold(0, |all, head| all ^ head));
            if count < TOGETHER {
                return;
            }
        }
    }

    /// Takes the record at `slot` out of the chain of its client, if it has one.
    pub(super) fn remove(&mut self, records: &mut [Record], long: &Identifiers, slot: u32) {
        let record = at(records, slot);
        let (before, behind) = (record.client_prev, record.client_next);
        let Some(chain) = self.chain_of(&record.client(long)) else { return };
        if before != NONE {
            at_mut(records, before).client_next = behind;
        } else if let Some(head) = self.heads.get_mut(chain) {
            *head = behind;
        }
        if behind != NONE {
            at_mut(records, behind).client_prev = before;
        }
    }

    /// The slots of all records of `client`, the one that got it last first.
    pub(super) fn slots_of<'a>(
        &self,
        records: &'a [Record],
        long: &'a Identifiers,
        client: ClientRef<'a>,
    ) -> impl Iterator<Item = u32> + use<'a> {
        let head = self.chain_of(&client).and_then(|chain| self.heads.get(chain));
        let mut next = head.copied().unwrap_or(NONE);
        let chained = core::iter::from_fn(move || {
            let slot = next;
            next = records.get(slot as usize)?.client_next;
            Some(slot)
        });
        chained.filter(move |slot| at(records, *slot).client(long).is_same_client(&client))
    }

    /// The chain for what makes two clients the same (§7.1.3): the identifier, or hardware type and
    /// address where there is none.
    fn chain_of(&self, client: &ClientRef<'_>) -> Option<usize> {
        let mut hasher = DefaultHasher::new();
        hasher.write_u64(self.seed);
        match (client.identifier, &client.hardware) {
            (Some(identifier), _) => {
                hasher.write_u8(1);
                hasher.write(identifier);
            }
            (None, Some(hardware)) => {
                hasher.write_u8(0);
                hasher.write_u8(hardware.htype());
                hasher.write(hardware.octets());
            }
            (None, None) => return None,
        }
        // Maps 32 well-mixed bits evenly onto the chains without a division.
        let scaled = (hasher.finish() >> 32) * self.heads.len() as u64;
        usize::try_from(scaled >> 32).ok()
    }

    /// Octets on the heap.
    pub(super) fn memory(&self) -> usize {
        self.heads.capacity() * size_of::<u32>()
    }
}
