//! The table against a model that is too simple to be wrong.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::binding::carried::Parts;
use crate::binding::{Carried, ClientIdentifier, HardwareAddress};
use crate::wire::codes::IpFlags;

fn range(first: [u8; 4], last: [u8; 4]) -> AddressRange {
    AddressRange::new(first.into(), last.into()).unwrap()
}

/// Not in the order of their addresses; the last two touch.
fn ranges() -> Vec<AddressRange> {
    vec![
        range([10, 0, 1, 0], [10, 0, 1, 19]),
        range([10, 0, 0, 5], [10, 0, 0, 5]),
        range([10, 0, 2, 0], [10, 0, 2, 9]),
        range([10, 0, 2, 10], [10, 0, 2, 12]),
    ]
}

fn client(hardware: Option<&[u8]>, identifier: Option<&[u8]>) -> Client {
    Client {
        identifier: identifier.map(|octets| ClientIdentifier::new(octets).unwrap()),
        hardware: hardware.map(|octets| HardwareAddress::new(1, octets).unwrap()),
    }
}

/// Clients with everything that identifiers and hardware addresses can be.
fn clients() -> Vec<Option<Client>> {
    vec![
        None,
        Some(client(Some(&[2, 0, 0, 0, 0, 1]), None)),
        Some(client(Some(&[2, 0, 0, 0, 0, 2]), None)),
        Some(client(Some(&[2, 0, 0, 0, 0, 2]), Some(&[1, 2, 0, 0, 0, 0, 2]))),
        Some(client(Some(&[2, 0, 0, 0, 0, 3]), Some(&[1, 2, 0, 0, 0, 0, 2]))),
        Some(client(Some(&[2, 0, 0, 0, 0, 4]), Some(&[7; 19]))),
        Some(client(Some(&[2, 0, 0, 0, 0, 4]), Some(&[7; 20]))),
        Some(client(Some(&[3; 16]), Some(&[7; 9]))),
        Some(client(Some(&[3; 16]), Some(&[7; 10]))),
        Some(client(Some(&[3; 16]), Some(&[7; 255]))),
        Some(client(None, Some(&[7; 25]))),
        Some(client(None, Some(&[7; 26]))),
        Some(client(Some(&[]), None)),
        Some(client(Some(&[]), Some(&[0]))),
    ]
}

/// Nothing, and options of several lengths.
fn carried() -> Vec<Carried> {
    let options = |octets: &'static [u8]| {
        Carried::new(Parts { request_options: Some(octets), ..Parts::default() })
    };
    vec![Carried::NOTHING, options(&[1; 4]), options(&[2; 40]), options(&[3; 1000])]
}

/// A small generator, so that every run is the same.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % end
    }

    fn pick<T: Clone>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())].clone()
    }

    fn time(&mut self) -> UnixTime {
        match self.below(10) {
            0 => UnixTime::ABSENT,
            1 => UnixTime::INFINITE_FLOOR,
            _ => UnixTime(1000 + u32::try_from(self.below(500)).unwrap()),
        }
    }

    fn binding(&mut self, address: Ipv4Addr) -> Binding {
        Binding {
            address,
            binding_status: self.pick(BindingStatus::ALL),
            ip_flags: IpFlags(u16::try_from(self.below(4)).unwrap()),
            client: self.pick(&clients()),
            lease_expiration: self.time(),
            sent_potential_expiration: self.time(),
            acked_potential_expiration: self.time(),
            received_potential_expiration: self.time(),
            client_last_transaction: self.time(),
            start_of_status: self.time(),
            carried: self.pick(&carried()),
            partner_knows: self.below(2) == 0,
        }
    }
}

/// The same contract without any structure.
struct Model {
    ranges: Vec<AddressRange>,
    bindings: BTreeMap<Ipv4Addr, Binding>,
    /// When each address took its place in its queue.
    places: BTreeMap<Ipv4Addr, u64>,
    next_place: u64,
    ends: BTreeSet<(UnixTime, Ipv4Addr)>,
    marks: BTreeSet<(Ipv4Addr, u8)>,
}

impl Model {
    fn new(ranges: Vec<AddressRange>) -> Self {
        let mut bindings = BTreeMap::new();
        let mut places = BTreeMap::new();
        for range in &ranges {
            for bits in range.first().to_bits()..=range.last().to_bits() {
                bindings.insert(Ipv4Addr::from_bits(bits), Binding::unused(bits.into()));
                places.insert(Ipv4Addr::from_bits(bits), u64::from(bits));
            }
        }
        let (ends, marks) = (BTreeSet::new(), BTreeSet::new());
        Self { ranges, bindings, places, next_place: 1 << 32, ends, marks }
    }

    fn rotate(&mut self, address: Ipv4Addr) {
        self.places.insert(address, self.next_place);
        self.next_place += 1;
    }

    fn put(&mut self, binding: &Binding) {
        let before = self.bindings.insert(binding.address, binding.clone()).unwrap();
        if before.binding_status != binding.binding_status {
            self.rotate(binding.address);
        }
        self.ends.retain(|(_, address)| *address != binding.address);
        let timed = [BindingStatus::Active, BindingStatus::Abandoned];
        let end = binding.lease_expiration;
        if timed.contains(&binding.binding_status) && end.0 != 0 && end.0 < 0x7fff_ffff {
            self.ends.insert((end, binding.address));
        }
    }

    fn pop_expired(&mut self, now: UnixTime) -> Option<Ipv4Addr> {
        let first = *self.ends.first().filter(|(time, _)| *time <= now)?;
        self.ends.remove(&first);
        Some(first.1)
    }

    fn queue(&self, range: usize, status: BindingStatus) -> Vec<Ipv4Addr> {
        let in_queue = |binding: &&Binding| {
            self.ranges[range].contains(binding.address) && binding.binding_status == status
        };
        let mut queue: Vec<_> =
            self.bindings.values().filter(in_queue).map(|binding| binding.address).collect();
        queue.sort_by_key(|address| self.places[address]);
        queue
    }
}

fn assert_same(table: &BindingTable, model: &Model) {
    assert!(table.iter().eq(model.bindings.values().cloned()));
    assert_eq!(table.next_expiry(), model.ends.first().map(|(time, _)| *time));
    for position in 0..model.ranges.len() {
        let id = RangeId(u16::try_from(position).unwrap());
        for status in BindingStatus::ALL {
            let queue = model.queue(position, *status);
            assert_eq!(table.queue(id, *status).collect::<Vec<_>>(), queue);
            assert_eq!(table.count(id, *status) as usize, queue.len());
            let reserved =
                |address: &&Ipv4Addr| !model.bindings[address].ip_flags.contains(IpFlags::RESERVED);
            let unreserved = queue.iter().filter(reserved).count();
            assert_eq!(table.count_unreserved(id, *status) as usize, unreserved);
        }
    }
    for client in clients().iter().flatten() {
        let found: Vec<_> = table.of_client(&client.as_ref()).collect();
        let mut sorted = found.clone();
        sorted.sort_unstable();
        let belongs = |binding: &&Binding| binding.belongs_to(&client.as_ref());
        let expected: Vec<_> =
            model.bindings.values().filter(belongs).map(|binding| binding.address).collect();
        assert_eq!(sorted, expected);
    }
}

fn run_against_model(seed: u64) {
    let mut numbers = Numbers(seed);
    let mut table = BindingTable::new(&ranges(), seed).unwrap();
    let mut model = Model::new(ranges());
    let addresses: Vec<_> = model.bindings.keys().copied().collect();
    for step in 0..4000 {
        let address = numbers.pick(&addresses);
        match numbers.below(10) {
            0 => {
                table.rotate(address);
                model.rotate(address);
            }
            1 | 2 => {
                let now = numbers.time();
                assert_eq!(table.pop_expired(now), model.pop_expired(now));
            }
            3 => {
                let mark = numbers.pick(&[
                    Mark::Queued,
                    Mark::InFlight,
                    Mark::EndReported,
                    Mark::Recalled,
                ]);
                let was_marked = model.marks.contains(&(address, mark as u8));
                assert_eq!(table.is_marked(address, mark), was_marked);
                table.set_mark(address, mark, !was_marked);
                if !model.marks.remove(&(address, mark as u8)) {
                    model.marks.insert((address, mark as u8));
                }
            }
            _ => {
                let binding = numbers.binding(address);
                table.put(&binding).unwrap();
                model.put(&binding);
                assert_eq!(table.get(address), Some(binding.clone()));
                assert_eq!(table.status_of(address), Some(binding.binding_status));
            }
        }
        if step % 20 == 0 {
            assert_same(&table, &model);
        }
    }
}

#[test]
fn the_table_behaves_like_its_model() {
    for seed in 1..=8 {
        run_against_model(seed);
    }
}

#[test]
fn the_seed_changes_nothing_that_can_be_seen() {
    let [first, second] = [1, 0x9e37_79b9_7f4a_7c15].map(|seed| {
        let mut numbers = Numbers(5);
        let mut table = BindingTable::new(&ranges(), seed).unwrap();
        let addresses: Vec<_> = table.addresses_after(None).collect();
        for _ in 0..500 {
            let address = numbers.pick(&addresses);
            table.put(&numbers.binding(address)).unwrap();
        }
        let of = |client: &Client| table.of_client(&client.as_ref()).collect::<Vec<_>>();
        clients().iter().flatten().map(of).collect::<Vec<_>>()
    });
    assert_eq!(first, second);
}

#[test]
fn many_bindings_put_together_are_there_as_if_put_one_after_the_other() {
    let mut numbers = Numbers(5);
    let mut together = BindingTable::new(&ranges(), 3).unwrap();
    let mut bindings: Vec<_> =
        together.iter().map(|unused| numbers.binding(unused.address)).collect();
    bindings.push(numbers.binding([10, 9, 9, 9].into()));
    let mut one_by_one = together.clone();
    together.put_all(&bindings);
    for binding in &bindings {
        let _outside = one_by_one.put(binding);
    }
    assert!(together.iter().eq(one_by_one.iter()));
    for client in clients().iter().flatten() {
        let client = client.as_ref();
        assert!(together.of_client(&client).eq(one_by_one.of_client(&client)));
    }
}

#[test]
fn room_for_long_identifiers_is_given_back() {
    let mut table = BindingTable::new(&ranges(), 0).unwrap();
    let address = Ipv4Addr::new(10, 0, 1, 7);
    for len in [200, 100, 255, 60] {
        let long = Some(client(None, Some(&vec![9; len])));
        table.put(&Binding { client: long, ..Binding::unused(address) }).unwrap();
        assert_eq!(table.parts.identifiers.len(), 1);
    }
    table.put(&Binding::unused(address)).unwrap();
    assert_eq!(table.parts.identifiers.len(), 0);
}

#[test]
fn room_for_what_is_carried_is_given_back() {
    let mut table = BindingTable::new(&ranges(), 0).unwrap();
    let address = Ipv4Addr::new(10, 0, 1, 7);
    for carried in carried().into_iter().skip(1) {
        table.put(&Binding { carried, ..Binding::unused(address) }).unwrap();
        assert_eq!(table.parts.carried.len(), 1);
    }
    table.put(&Binding::unused(address)).unwrap();
    assert_eq!(table.parts.carried.len(), 0);
}

#[test]
fn bindings_that_carry_the_same_few_octets_share_them() {
    let mut table = BindingTable::new(&ranges(), 0).unwrap();
    let addresses: Vec<_> = table.addresses_after(None).collect();
    let carrying = |address, octets: &'static [u8]| Binding {
        carried: Carried::new(Parts { reply_options: Some(octets), ..Parts::default() }),
        ..Binding::unused(address)
    };
    for &address in &addresses {
        table.put(&carrying(address, &[1; 16])).unwrap();
    }
    assert_eq!(table.parts.carried.len(), 1);
    table.put(&carrying(addresses[0], &[2; 16])).unwrap();
    assert_eq!(table.parts.carried.len(), 2);
    for &address in &addresses[1..] {
        assert_eq!(table.get(address), Some(carrying(address, &[1; 16])));
        table.put(&Binding::unused(address)).unwrap();
    }
    assert_eq!(table.parts.carried.len(), 1);
}

#[test]
fn ranges_keep_the_order_in_which_they_are_given() {
    let table = BindingTable::new(&ranges(), 0).unwrap();
    assert_eq!(table.ranges(), ranges());
    assert_eq!(table.range_of(Ipv4Addr::new(10, 0, 1, 19)), Some(RangeId(0)));
    assert_eq!(table.range_of(Ipv4Addr::new(10, 0, 0, 5)), Some(RangeId(1)));
    assert_eq!(table.range_of(Ipv4Addr::new(10, 0, 2, 10)), Some(RangeId(3)));
    assert_eq!(table.range_of(Ipv4Addr::new(10, 0, 0, 6)), None);
    assert_eq!(table.len(), 34);
}

#[test]
fn a_new_table_offers_its_addresses_in_ascending_order() {
    let table = BindingTable::new(&ranges(), 0).unwrap();
    let free: Vec<_> = table.queue(RangeId(3), BindingStatus::Free).collect();
    assert_eq!(free, [10, 11, 12].map(|last| Ipv4Addr::new(10, 0, 2, last)));
}

#[test]
fn a_walk_resumes_behind_an_address_in_or_between_the_ranges() {
    let table = BindingTable::new(&ranges(), 0).unwrap();
    let next = |after: [u8; 4]| table.addresses_after(Some(after.into())).next();
    assert_eq!(table.addresses_after(None).next(), Some(Ipv4Addr::new(10, 0, 0, 5)));
    assert_eq!(next([10, 0, 0, 5]), Some(Ipv4Addr::new(10, 0, 1, 0)));
    assert_eq!(next([10, 0, 1, 7]), Some(Ipv4Addr::new(10, 0, 1, 8)));
    assert_eq!(next([10, 0, 1, 200]), Some(Ipv4Addr::new(10, 0, 2, 0)));
    assert_eq!(next([10, 0, 2, 12]), None);
    assert_eq!(next([255, 255, 255, 255]), None);
}

#[test]
fn overlapping_ranges_are_named() {
    let (one, other) = (range([10, 0, 0, 0], [10, 0, 0, 9]), range([10, 0, 0, 9], [10, 0, 0, 20]));
    let error = BindingTable::new(&[other, one], 0).unwrap_err();
    assert_eq!(error, TableError::Overlap(one, other));
}

#[test]
fn too_many_addresses_are_refused() {
    let all = range([0, 0, 0, 0], [255, 255, 255, 255]);
    let error = BindingTable::new(&[all], 0).unwrap_err();
    assert_eq!(error, TableError::TooManyAddresses(1 << 32));
}

#[test]
fn too_many_ranges_are_refused() {
    let ranges: Vec<_> =
        (0..=65_536_u32).map(|bits| AddressRange::new(bits.into(), bits.into()).unwrap()).collect();
    assert_eq!(BindingTable::new(&ranges, 0).unwrap_err(), TableError::TooManyRanges(65_537));
    assert!(BindingTable::new(&ranges[1..], 0).is_ok());
}

#[test]
fn a_refusal_of_ranges_says_what_would_be_possible() {
    let (one, other) = (range([10, 0, 0, 0], [10, 0, 0, 9]), range([10, 0, 0, 9], [10, 0, 0, 20]));
    let overlap = TableError::Overlap(one, other).to_string();
    assert!(overlap.starts_with(&format!("{one} and {other} overlap")), "{overlap}");
    for (refusal, numbers) in [
        (TableError::TooManyRanges(65_537), ["65537", "65536"]),
        (TableError::TooManyAddresses(1 << 32), ["4294967296", &MAX_ADDRESSES.to_string()]),
        (TableError::OutOfMemory(77), ["77", "memory"]),
    ] {
        let text = refusal.to_string();
        assert!(numbers.iter().all(|number| text.contains(number)), "{text}");
    }
}

#[test]
fn an_address_outside_the_ranges_is_unknown() {
    let mut table = BindingTable::new(&ranges(), 0).unwrap();
    let outside = Ipv4Addr::new(10, 0, 3, 0);
    assert_eq!(table.put(&Binding::unused(outside)), Err(UnknownAddress(outside)));
    assert_eq!(table.get(outside), None);
}

#[test]
fn a_table_without_ranges_is_empty() {
    let table = BindingTable::new(&[], 0).unwrap();
    let anybody = client(Some(&[1]), None);
    assert!(table.is_empty());
    assert!(!BindingTable::new(&ranges(), 0).unwrap().is_empty());
    assert_eq!(table.of_client(&anybody.as_ref()).next(), None);
}

#[test]
fn a_million_bindings_take_at_most_96_octets_each() {
    let million = range([10, 0, 0, 0], [10, 15, 66, 63]);
    let mut table = BindingTable::new(&[million], 1).unwrap();
    assert_eq!(table.len(), 1_000_000);
    for (serial, bits) in (0_u32..).zip(million.first().to_bits()..=million.last().to_bits()) {
        let [_, top, high, low] = serial.to_be_bytes();
        let mac = [2, 0, top, high, low, 1];
        let mut identifier = [0xff; 19];
        identifier[13..].copy_from_slice(&mac);
        let binding = Binding {
            binding_status: BindingStatus::Active,
            client: Some(client(Some(&mac), Some(&identifier))),
            lease_expiration: UnixTime(1_700_000_000 + serial),
            ..Binding::unused(bits.into())
        };
        table.put(&binding).unwrap();
    }
    assert_eq!(table.count(RangeId(0), BindingStatus::Active), 1_000_000);
    let memory = table.memory();
    assert!((88_000_000..=96_000_000).contains(&memory), "{memory} octets");
}

#[test]
fn a_table_is_shown_by_its_ranges_and_their_counts() {
    let mut table = BindingTable::new(&[range([10, 0, 2, 10], [10, 0, 2, 12])], 0).unwrap();
    let active =
        Binding { binding_status: BindingStatus::Active, ..Binding::unused([10, 0, 2, 11].into()) };
    table.put(&active).unwrap();
    let [free, used] = [BindingStatus::Free, BindingStatus::Active].map(|status| {
        let position = BindingStatus::ALL.iter().position(|known| *known == status);
        position.unwrap()
    });
    let mut counts = [0; BindingStatus::ALL.len()];
    (counts[free], counts[used]) = (2, 1);
    let range = "AddressRange { first: 10.0.2.10, last: 10.0.2.12 }";
    assert_eq!(format!("{table:?}"), format!("{{{range}: {counts:?}}}"));
}

#[test]
fn leases_end_in_the_order_of_their_ends_whatever_the_order_in_which_they_were_given() {
    let mut table = BindingTable::new(&[range([10, 0, 0, 0], [10, 0, 0, 99])], 0).unwrap();
    let lease = |table: &mut BindingTable, last: u8, end: u32| {
        let address = Ipv4Addr::new(10, 0, 0, last);
        let lease_expiration = UnixTime(end);
        let binding_status = BindingStatus::Active;
        let unused = Binding::unused(address);
        table.put(&Binding { binding_status, lease_expiration, ..unused }).unwrap();
    };
    for last in 0..100 {
        lease(&mut table, last, 1000 - u32::from(last));
    }
    // Renewed, and one in three given back.
    for last in (0..100).step_by(2) {
        lease(&mut table, last, 2000 + u32::from(last));
    }
    for last in (0..100).step_by(3) {
        table.put(&Binding::unused(Ipv4Addr::new(10, 0, 0, last))).unwrap();
    }
    let ended: Vec<u8> = core::iter::from_fn(|| table.pop_expired(UnixTime(3000)))
        .map(|address| address.octets()[3])
        .collect();
    let held = |last: &u8| !last.is_multiple_of(3);
    let odd = (0..100).rev().filter(|last| last % 2 == 1).filter(held);
    let even = (0..100).filter(|last| last % 2 == 0).filter(held);
    assert_eq!(ended, odd.chain(even).collect::<Vec<_>>());
}

#[test]
fn addresses_called_back_are_counted_as_long_as_they_are_marked() {
    let mut table = BindingTable::new(&ranges(), 0).unwrap();
    let addresses: Vec<_> = table.addresses_after(None).take(4).collect();
    for (on, counts) in [(true, [1, 2, 3, 4]), (false, [3, 2, 1, 0])] {
        for (address, count) in addresses.iter().zip(counts) {
            for _ in 0..2 {
                table.set_mark(*address, Mark::Recalled, on);
                let counted: u32 = (0..4).map(|range| table.count_recalled(RangeId(range))).sum();
                assert_eq!(counted, count);
            }
        }
    }
}

#[test]
fn the_memory_of_a_table_counts_its_parts() {
    let mut table = BindingTable::new(&ranges(), 0).unwrap();
    let empty = table.memory();
    let slots = 34;
    let fixed = slots * (size_of::<Record>() + size_of::<u32>() + size_of::<u64>());
    let queues = 4 * BindingStatus::ALL.len() * 16;
    let ranges = 4 * (size_of::<AddressRange>() + 8);
    assert!(empty >= fixed + queues + ranges, "{empty} octets");
    assert!(empty < fixed + queues + ranges + 2048, "{empty} octets");
    let long = Some(client(None, Some(&[9; 255])));
    table.put(&Binding { client: long, ..Binding::unused(Ipv4Addr::new(10, 0, 1, 7)) }).unwrap();
    let grown = table.memory() - empty;
    assert!((255..2048).contains(&grown), "{grown} octets more");
}

#[test]
fn an_address_counts_as_unreserved_again_when_its_reservation_is_gone() {
    let mut table = BindingTable::new(&ranges(), 0).unwrap();
    let mut binding = Binding::unused([10, 0, 2, 3].into());
    for (flags, unreserved) in [(IpFlags::RESERVED, 9), (IpFlags(0), 10), (IpFlags::RESERVED, 9)] {
        binding.ip_flags = flags;
        table.put(&binding).unwrap();
        assert_eq!(table.count_unreserved(RangeId(2), BindingStatus::Free), unreserved);
    }
}
