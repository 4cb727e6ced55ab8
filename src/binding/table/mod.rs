//! The bindings of a relationship, by address, client, status and end.
//!
//! Addresses of a range are contiguous, so a table is one dense array of packed `Record`s of fixed
//! size in ascending order of address (`layout`, `record`). Queues by status and chains by client
//! are linked through the records (`queues`, `clients`); a heap knows which lease ends next
//! (`expiry`). What varies in length lives beside it (`beside`): identifiers too long for a record,
//! and what bindings carry (`freight`).
//!
//! Invariant: a binding costs at most 96 octets besides what it carries, all of it included, and nothing here depends on
//! the order of a hash.
//!
//! Slots are positions in the array. They come from `layout` or from a link, and both hold only
//! slots that exist.

mod beside;
mod clients;
mod expiry;
mod freight;
mod layout;
mod queues;
mod record;
#[cfg(test)]
mod tests;

use core::fmt;
use core::net::Ipv4Addr;

pub use layout::{MAX_ADDRESSES, RangeId, TableError};

use clients::ClientIndex;
use expiry::ExpiryHeap;
use layout::Layout;
use queues::Queues;
use record::{Record, VariableParts};

use super::{AddressRange, Binding, Client, ClientRef, UnknownAddress};
use crate::time::UnixTime;
use crate::wire::codes::BindingStatus;

/// The slot that does not exist: the end of a list.
const NONE: u32 = u32::MAX;

#[expect(clippy::indexing_slicing, reason = "slots in use exist, see the module's documentation")]
fn at(records: &[Record], slot: u32) -> &Record {
    &records[slot as usize]
}

#[expect(clippy::indexing_slicing, reason = "slots in use exist, see the module's documentation")]
fn at_mut(records: &mut [Record], slot: u32) -> &mut Record {
    &mut records[slot as usize]
}

#[expect(clippy::cast_possible_truncation, reason = "a table has fewer than 2^27 addresses")]
const fn slot_number(position: usize) -> u32 {
    position as u32
}

/// What the endpoint notes about an address for its own use; lost at a restart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Mark {
    /// Waits in the queue of updates to be sent.
    Queued = 1,
    /// An update has been sent and not been answered.
    InFlight = 2,
    /// The lease has ended, and an update about that has been sent (§5.2.2).
    EndReported = 4,
    /// The primary has asked for the address back (§5.4).
    Recalled = 8,
}

/// One binding for every address of the ranges it is made for.
#[derive(Clone, Hash)]
pub struct BindingTable {
    layout: Layout,
    records: Vec<Record>,
    queues: Queues,
    clients: ClientIndex,
    expiry: ExpiryHeap,
    /// For each range, how many addresses are marked [`Mark::Recalled`].
    recalled: Vec<u32>,
    parts: VariableParts,
}

impl BindingTable {
    /// A table in which every address is FREE and unused.
    ///
    /// The ranges may come in any order and are named by their position; no two may overlap.
    /// `seed` keeps the client index unpredictable and has no other effect.
    pub fn new(ranges: &[AddressRange], seed: u64) -> Result<Self, TableError> {
        let layout = Layout::new(ranges)?;
        let slots = layout.slots();
        let out_of_memory = TableError::OutOfMemory(u64::from(slots));
        let mut records = Vec::new();
        records.try_reserve_exact(slots as usize).map_err(|_| out_of_memory)?;
        records.resize_with(slots as usize, Record::unused);
        let mut queues = Queues::new(ranges.len());
        for (range, begin, end) in layout.extents() {
            for slot in begin..end {
                queues.append(&mut records, range, slot);
            }
        }
        Ok(Self {
            clients: ClientIndex::new(slots, seed).ok_or(out_of_memory)?,
            expiry: ExpiryHeap::new(slots).ok_or(out_of_memory)?,
            layout,
            records,
            queues,
            recalled: vec![0; ranges.len()],
            parts: VariableParts::default(),
        })
    }

    /// The ranges in the order of their [`RangeId`].
    pub fn ranges(&self) -> &[AddressRange] {
        self.layout.ranges()
    }

    /// The range in which an address lies; `None` if it lies in none.
    pub fn range_of(&self, address: Ipv4Addr) -> Option<RangeId> {
        self.layout.locate(address).map(|(_, range)| range)
    }

    /// How many addresses there are.
    pub const fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether there are no addresses.
    pub const fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// The binding of an address; `None` if it lies in no range.
    ///
    /// A copy. It allocates only for a client identifier of more than 30 octets.
    pub fn get(&self, address: Ipv4Addr) -> Option<Binding> {
        let (slot, _) = self.layout.locate(address)?;
        Some(at(&self.records, slot).unpack(address, &self.parts))
    }

    /// The status of an address; `None` if it lies in no range.
    pub fn status_of(&self, address: Ipv4Addr) -> Option<BindingStatus> {
        self.layout.locate(address).map(|(slot, _)| at(&self.records, slot).status)
    }

    /// Whether the partner knows the binding of an address; nobody has to be told of one that lies in no
    /// range.
    pub fn partner_knows(&self, address: Ipv4Addr) -> bool {
        let slot = self.layout.locate(address);
        slot.is_none_or(|(slot, _)| at(&self.records, slot).partner_knows())
    }

    /// Puts many bindings, in less time than one after the other. Those of addresses that lie in no range
    /// are left out.
    pub fn put_all(&mut self, bindings: &[Binding]) {
        /// What is looked at ahead is still near when it is needed.
        const AHEAD: usize = 64;
        for bindings in bindings.chunks(AHEAD) {
            let clients = bindings.iter().filter_map(|binding| binding.client.as_ref());
            self.clients.look_ahead(clients.map(Client::as_ref));
            for binding in bindings {
                let _outside = self.put(binding);
            }
        }
    }

    /// Replaces the binding of an address.
    ///
    /// If the status changes, the address goes to the end of the new status' queue; otherwise it
    /// keeps its place. Marks stay as they are. If the binding is ACTIVE or ABANDONED with a date
    /// as its lease expiration, [`pop_expired`](Self::pop_expired) will report it then, once. A
    /// client of whom nothing is known counts as none.
    pub fn put(&mut self, binding: &Binding) -> Result<(), UnknownAddress> {
        let (slot, range) =
            self.layout.locate(binding.address).ok_or(UnknownAddress(binding.address))?;
        self.put_client(slot, binding.client.as_ref());
        at_mut(&mut self.records, slot).set_carried(&binding.carried, &mut self.parts.carried);
        let records = &mut self.records;
        let status = at(records, slot).status;
        if status == binding.binding_status {
            let record = at_mut(records, slot);
            let was_reserved = record.is_reserved();
            record.set_times(binding);
            let is_reserved = record.is_reserved();
            if is_reserved != was_reserved {
                self.queues.reservation_changed(range, status, is_reserved);
            }
        } else {
            self.queues.remove(records, range, slot);
            let record = at_mut(records, slot);
            record.set_times(binding);
            record.status = binding.binding_status;
            self.queues.append(records, range, slot);
        }
        if ends(binding) {
            self.expiry.set(records, slot, binding.lease_expiration);
        } else {
            self.expiry.remove(records, slot);
        }
        Ok(())
    }

    /// Makes `client` the client of the record at `slot`.
    fn put_client(&mut self, slot: u32, client: Option<&Client>) {
        let nobody = ClientRef { identifier: None, hardware: None };
        let client = client.map_or(nobody, Client::as_ref);
        if at(&self.records, slot).client(&self.parts.identifiers) == client {
            return;
        }
        self.clients.remove(&mut self.records, &self.parts.identifiers, slot);
        at_mut(&mut self.records, slot).set_client(&client, &mut self.parts.identifiers);
        self.clients.insert(&mut self.records, &self.parts.identifiers, slot);
    }

    /// How many addresses of a range have this status. Takes constant time.
    pub fn count(&self, range: RangeId, status: BindingStatus) -> u32 {
        self.queues.count(range, status)
    }

    /// How many of them are not flagged RESERVED. Takes constant time.
    pub fn count_unreserved(&self, range: RangeId, status: BindingStatus) -> u32 {
        self.queues.count_unreserved(range, status)
    }

    /// How many of its addresses are marked [`Mark::Recalled`]. Takes constant time.
    pub fn count_recalled(&self, range: RangeId) -> u32 {
        self.recalled.get(range.index()).copied().unwrap_or(0)
    }

    /// Every address whose client, or last client, is this one (§7.1.3), the address that got it
    /// last first.
    pub fn of_client<'a>(
        &'a self,
        client: &ClientRef<'a>,
    ) -> impl Iterator<Item = Ipv4Addr> + use<'a> {
        let slots = self.clients.slots_of(&self.records, &self.parts.identifiers, *client);
        slots.map(|slot| self.layout.address_of(slot))
    }

    /// The addresses of a range that have this status, the one that took it, or was
    /// [rotated](Self::rotate), longest ago first. A new table has all in FREE, ascending.
    pub fn queue(
        &self,
        range: RangeId,
        status: BindingStatus,
    ) -> impl Iterator<Item = Ipv4Addr> + use<'_> {
        let slots = self.queues.slots(&self.records, range, status);
        slots.map(|slot| self.layout.address_of(slot))
    }

    /// Moves an address to the end of its queue. An unknown address is left alone.
    pub fn rotate(&mut self, address: Ipv4Addr) {
        if let Some((slot, range)) = self.layout.locate(address) {
            self.queues.remove(&mut self.records, range, slot);
            self.queues.append(&mut self.records, range, slot);
        }
    }

    /// When the next ACTIVE or ABANDONED binding ends that has not been reported yet.
    pub fn next_expiry(&self) -> Option<UnixTime> {
        self.expiry.first().map(|(time, _)| time)
    }

    /// An ACTIVE or ABANDONED address whose lease expiration is not later than `now`: the earliest
    /// first, among equals the lowest. Each is reported once after it has been put; bindings
    /// without a lease expiration, or that never end, are not reported.
    pub fn pop_expired(&mut self, now: UnixTime) -> Option<Ipv4Addr> {
        let (_, slot) = self.expiry.first().filter(|(time, _)| *time <= now)?;
        self.expiry.remove(&mut self.records, slot);
        Some(self.layout.address_of(slot))
    }

    /// All addresses above `after`, which need not be in the table, ascending; all for `None`.
    pub fn addresses_after(
        &self,
        after: Option<Ipv4Addr>,
    ) -> impl Iterator<Item = Ipv4Addr> + use<'_> {
        self.layout.addresses_after(after)
    }

    /// All bindings in ascending order of address.
    pub fn iter(&self) -> impl Iterator<Item = Binding> + use<'_> {
        let addresses = self.layout.addresses_after(None);
        addresses.zip(&self.records).map(|(address, record)| record.unpack(address, &self.parts))
    }

    /// Whether an address is marked; false for an unknown one.
    pub fn is_marked(&self, address: Ipv4Addr, mark: Mark) -> bool {
        self.layout
            .locate(address)
            .is_some_and(|(slot, _)| at(&self.records, slot).has_bits(mark as u8))
    }

    /// Sets or removes a mark. An unknown address is left alone.
    pub fn set_mark(&mut self, address: Ipv4Addr, mark: Mark, on: bool) {
        let Some((slot, range)) = self.layout.locate(address) else { return };
        let record = at_mut(&mut self.records, slot);
        let was_on = record.has_bits(mark as u8);
        record.set_bits(mark as u8, on);
        if mark == Mark::Recalled
            && on != was_on
            && let Some(count) = self.recalled.get_mut(range.index())
        {
            if on { *count += 1 } else { *count -= 1 }
        }
    }

    /// Octets that the table takes, reserve included.
    pub fn memory(&self) -> usize {
        let parts = [
            size_of::<Self>(),
            self.layout.memory(),
            self.records.capacity() * size_of::<Record>(),
            self.queues.memory(),
            self.clients.memory(),
            self.expiry.memory(),
            self.recalled.capacity() * size_of::<u32>(),
            self.parts.identifiers.memory() + self.parts.carried.memory(),
        ];
        parts.into_iter().sum()
    }
}

/// Whether time alone ends this binding: a lease, or dhcpd's abandon-lease-time.
const fn ends(binding: &Binding) -> bool {
    let end = binding.lease_expiration;
    matches!(binding.binding_status, BindingStatus::Active | BindingStatus::Abandoned)
        && end.is_known()
        && !end.is_infinite()
}

/// The ranges and how many addresses of each status are in them; not the bindings.
impl fmt::Debug for BindingTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut map = f.debug_map();
        for (position, range) in self.ranges().iter().enumerate() {
            let id = RangeId(u16::try_from(position).unwrap_or(u16::MAX));
            let counts = BindingStatus::ALL.iter().map(|status| self.count(id, *status));
            map.entry(range, &counts.collect::<Vec<_>>());
        }
        map.finish()
    }
}
