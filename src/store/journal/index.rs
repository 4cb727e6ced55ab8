//! Where the latest record of everything stands: four octets an address.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::num::NonZeroU32;

use super::super::OwnerId;
use super::format::{ALIGNMENT, Key};

/// Bits of the offset of a record, counted in units of its alignment: 16 MiB.
const OFFSET_BITS: u32 = 21;

/// Segments that can be told apart.
pub(super) const MAX_SEGMENTS: u32 = 1 << (u32::BITS - OFFSET_BITS);

/// A segment, by its number modulo [`MAX_SEGMENTS`], and an offset in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Position(NonZeroU32);

impl Position {
    /// The place at `offset` of segment `number`; absent for offset 0, where no record begins, and
    /// for offsets that no record has.
    pub(super) fn new(number: u32, offset: u32) -> Option<Self> {
        let unit = offset / ALIGNMENT;
        if unit == 0 || unit >> OFFSET_BITS != 0 {
            return None;
        }
        NonZeroU32::new((number % MAX_SEGMENTS) << OFFSET_BITS | unit).map(Self)
    }

    /// The number of the segment modulo [`MAX_SEGMENTS`].
    pub(super) const fn slot(self) -> u32 {
        self.0.get() >> OFFSET_BITS
    }

    pub(super) const fn offset(self) -> u32 {
        (self.0.get() & ((1 << OFFSET_BITS) - 1)).saturating_mul(ALIGNMENT)
    }
}

/// The positions of 256 addresses that follow each other.
type Block = [Option<Position>; 256];

/// The blocks of 65,536 addresses; absent where no address has a record.
type Network = [Option<Box<Block>>; 256];

/// The latest record of each binding, endpoint and name of an owner.
#[derive(Debug, Default)]
pub(super) struct Index {
    bindings: BTreeMap<(OwnerId, u16), Box<Network>>,
    owners: Vec<Owner>,
    binding_count: u64,
}

/// What there is of an owner beside its bindings.
#[derive(Clone, Debug, Default)]
pub(super) struct Owner {
    /// Empty as long as no name has been read.
    pub(super) name: String,
    named: Option<Position>,
    pub(super) endpoint: Option<Position>,
}

impl Index {
    pub(super) fn owners(&self) -> &[Owner] {
        &self.owners
    }

    pub(super) const fn binding_count(&self) -> u64 {
        self.binding_count
    }

    /// The highest number of an owner that has a binding.
    pub(super) fn last_owner_of_bindings(&self) -> Option<OwnerId> {
        self.bindings.last_key_value().map(|((owner, _), _)| *owner)
    }

    pub(super) fn position(&self, key: Key) -> Option<Position> {
        match key {
            Key::Binding(owner, address) => {
                let [a, b, c, d] = address.octets();
                let network = self.bindings.get(&(owner, u16::from_be_bytes([a, b])))?;
                *network.get(usize::from(c))?.as_ref()?.get(usize::from(d))?
            }
            Key::Endpoint(owner) => self.owners.get(usize::from(owner.0))?.endpoint,
            Key::Owner(owner) => self.owners.get(usize::from(owner.0))?.named,
        }
    }

    /// Notes the latest record of `key`; returns where the one before stands.
    pub(super) fn replace(&mut self, key: Key, position: Position) -> Option<Position> {
        let place = match key {
            Key::Binding(owner, address) => {
                let place = self.place(owner, address)?;
                let former = place.replace(position);
                self.binding_count = self.binding_count.saturating_add(u64::from(former.is_none()));
                return former;
            }
            Key::Endpoint(owner) => &mut self.owner(owner)?.endpoint,
            Key::Owner(owner) => &mut self.owner(owner)?.named,
        };
        place.replace(position)
    }

    fn place(&mut self, owner: OwnerId, address: Ipv4Addr) -> Option<&mut Option<Position>> {
        let [a, b, c, d] = address.octets();
        let network = self
            .bindings
            .entry((owner, u16::from_be_bytes([a, b])))
            .or_insert_with(|| Box::new([const { None }; 256]));
        let block = network.get_mut(usize::from(c))?;
        block.get_or_insert_with(|| Box::new([None; 256])).get_mut(usize::from(d))
    }

    /// Takes down the name of an owner.
    pub(super) fn name(&mut self, owner: OwnerId, name: &str) {
        if let Some(owner) = self.owner(owner)
            && owner.name != name
        {
            name.clone_into(&mut owner.name);
        }
    }

    fn owner(&mut self, owner: OwnerId) -> Option<&mut Owner> {
        let position = usize::from(owner.0);
        if self.owners.len() <= position {
            self.owners.resize(position + 1, Owner::default());
        }
        self.owners.get_mut(position)
    }

    /// The addresses of an owner that have a record, in ascending order.
    pub(super) fn bindings_of(
        &self,
        owner: OwnerId,
    ) -> impl Iterator<Item = (Ipv4Addr, Position)> + '_ {
        self.bindings.range((owner, 0)..=(owner, u16::MAX)).flat_map(|((_, network), blocks)| {
            let [a, b] = network.to_be_bytes();
            (0..=u8::MAX).zip(blocks.iter()).flat_map(move |(c, block)| {
                block.iter().flat_map(move |block| {
                    (0..=u8::MAX)
                        .zip(block.iter())
                        .filter_map(move |(d, place)| Some(([a, b, c, d].into(), (*place)?)))
                })
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_gives_back_what_it_was_made_of() {
        let position = Position::new(MAX_SEGMENTS + 3, (16 << 20) - 8);
        assert_eq!(position.map(|p| (p.slot(), p.offset())), Some((3, (16 << 20) - 8)));
    }

    #[test]
    fn an_offset_past_sixteen_mebioctets_has_no_position() {
        assert_eq!(Position::new(1, 16 << 20), None);
    }

    #[test]
    fn the_addresses_of_an_owner_come_in_ascending_order_and_those_of_another_do_not_come() {
        let mut index = Index::default();
        let position = Position::new(1, 72);
        for (owner, address) in
            [(1, [10, 0, 1, 0]), (1, [10, 0, 0, 255]), (2, [10, 0, 0, 1]), (1, [9, 0, 0, 0])]
        {
            let key = Key::Binding(OwnerId(owner), address.into());
            assert_eq!(position.and_then(|p| index.replace(key, p)), None);
        }
        let addresses: Vec<_> =
            index.bindings_of(OwnerId(1)).map(|(address, _)| address.octets()).collect();
        assert_eq!(addresses, [[9, 0, 0, 0], [10, 0, 0, 255], [10, 0, 1, 0]]);
    }
}
