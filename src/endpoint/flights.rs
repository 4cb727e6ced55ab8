//! Updates that the partner has not answered, by message and by address.

use core::hash::{BuildHasherDefault, Hash, Hasher};
use core::net::Ipv4Addr;
use std::collections::{BTreeMap, HashMap, VecDeque};

use crate::time::UnixTime;
use crate::wire::codes::{BindingStatus, Xid};

/// Emptied lists of updates that are kept for the next messages.
const SPARE: usize = 64;

/// An update that the partner has not answered.
#[derive(Clone, Copy, Debug, Hash)]
pub(super) struct InFlight {
    pub(super) address: Ipv4Addr,
    pub(super) binding_status: BindingStatus,
    /// Becomes the acknowledged one if the partner accepts (§7.1.5).
    pub(super) potential_expiration: UnixTime,
    /// What has happened to the binding since.
    pub(super) since: Since,
    /// A newer change of this server's own waits for the answer.
    pub(super) again: bool,
}

/// What has happened to a binding while its update was in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Since {
    /// Nothing: the answer speaks of what the binding is now.
    Unchanged,
    /// A change that the same client made: the answer covers the promised time only.
    Changed,
    /// Another client, or the partner's own update: the answer means nothing any more.
    Void,
}

/// What is in flight.
///
/// A partner answers the updates of a message in their order, so that the one looked for is the first of
/// its message, however many there are.
#[derive(Clone, Debug, Default)]
pub(super) struct Flights {
    messages: BTreeMap<Xid, VecDeque<InFlight>>,
    /// In which message an address is. Only asked, never gone through.
    of: HashMap<Ipv4Addr, Xid, BuildHasherDefault<AddressHasher>>,
    spare: Vec<VecDeque<InFlight>>,
}

/// All else follows from the messages.
impl Hash for Flights {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.messages.hash(state);
    }
}

impl Flights {
    /// Updates in flight.
    pub(super) fn updates(&self) -> usize {
        self.of.len()
    }

    /// Messages with an update in flight; these are what the partner's window counts (§7.3.2).
    pub(super) fn messages(&self) -> usize {
        self.messages.len()
    }

    pub(super) fn contains(&self, address: Ipv4Addr) -> bool {
        self.of.contains_key(&address)
    }

    /// The update of `address`.
    pub(super) fn get(&self, address: Ipv4Addr) -> Option<&InFlight> {
        let message = self.messages.get(self.of.get(&address)?)?;
        message.iter().find(|flight| flight.address == address)
    }

    /// The same, to be changed.
    pub(super) fn get_mut(&mut self, address: Ipv4Addr) -> Option<&mut InFlight> {
        let message = self.messages.get_mut(self.of.get(&address)?)?;
        message.iter_mut().find(|flight| flight.address == address)
    }

    /// Every update, in the order of the xids.
    pub(super) fn iter(&self) -> impl Iterator<Item = &InFlight> {
        self.messages.values().flatten()
    }

    /// The smallest xid with an update in flight.
    pub(super) fn first_xid(&self) -> Option<Xid> {
        self.messages.first_key_value().map(|(xid, _)| *xid)
    }

    /// An address whose update in the message `xid` is in flight.
    pub(super) fn any_of(&self, xid: Xid) -> Option<Ipv4Addr> {
        self.messages.get(&xid)?.front().map(|flight| flight.address)
    }

    /// The update leaves in the message `xid`.
    pub(super) fn insert(&mut self, xid: Xid, flight: InFlight) {
        let spare = &mut self.spare;
        let message = self.messages.entry(xid).or_insert_with(|| spare.pop().unwrap_or_default());
        message.push_back(flight);
        self.of.insert(flight.address, xid);
    }

    /// The update of `address` in the message `xid` is in flight no more.
    pub(super) fn remove(&mut self, xid: Xid, address: Ipv4Addr) -> Option<InFlight> {
        let message = self.messages.get_mut(&xid)?;
        let place = message.iter().position(|flight| flight.address == address)?;
        let flight = message.remove(place)?;
        if message.is_empty()
            && let Some(empty) = self.messages.remove(&xid)
            && self.spare.len() < SPARE
        {
            self.spare.push(empty);
        }
        self.of.remove(&address);
        Some(flight)
    }
}

/// Addresses of a pool differ in their low bits; the multiplication brings these to all places.
#[derive(Clone, Copy, Debug, Default)]
struct AddressHasher(u64);

impl Hasher for AddressHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, octets: &[u8]) {
        for octet in octets {
            self.0 = self.0 << 8 | u64::from(*octet);
        }
        // 2^64 divided by the golden ratio.
        self.0 = self.0.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 ^= self.0 >> 32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flight(last: u8) -> InFlight {
        InFlight {
            address: Ipv4Addr::new(10, 0, 0, last),
            binding_status: BindingStatus::Active,
            potential_expiration: UnixTime(0),
            since: Since::Unchanged,
            again: false,
        }
    }

    fn flights(of: &[(u32, u8)]) -> Flights {
        let mut flights = Flights::default();
        for (xid, last) in of {
            flights.insert(Xid(*xid), flight(*last));
        }
        flights
    }

    #[test]
    fn a_message_is_in_flight_until_its_last_update_is_answered() {
        let mut flights = flights(&[(3, 1), (3, 2), (4, 5)]);
        assert_eq!((flights.messages(), flights.updates()), (2, 3));
        assert!(flights.remove(Xid(3), flight(2).address).is_some());
        assert_eq!(flights.any_of(Xid(3)), Some(flight(1).address));
        assert!(flights.remove(Xid(3), flight(1).address).is_some());
        assert_eq!((flights.messages(), flights.first_xid()), (1, Some(Xid(4))));
    }

    #[test]
    fn an_answer_with_another_xid_is_to_nothing() {
        let mut flights = flights(&[(3, 1)]);
        assert!(flights.remove(Xid(4), flight(1).address).is_none());
        assert!(flights.contains(flight(1).address));
    }
    #[test]
    fn the_update_of_an_address_is_found_among_the_others_of_its_message() {
        let mut flights = flights(&[(3, 1), (3, 2), (4, 5)]);
        let found =
            |flights: &Flights, last| flights.get(flight(last).address).map(|one| one.address);
        assert_eq!(found(&flights, 2), Some(flight(2).address));
        assert_eq!(found(&flights, 9), None);
        flights.get_mut(flight(2).address).unwrap().again = true;
        let again: Vec<_> = flights.iter().filter(|one| one.again).map(|one| one.address).collect();
        assert_eq!(again, [flight(2).address]);
    }

    #[test]
    fn emptied_lists_are_kept_up_to_a_number() {
        let numbers = 0..=u8::try_from(SPARE).unwrap();
        let messages: Vec<_> = numbers.map(|number| (number.into(), number)).collect();
        let mut flights = flights(&messages);
        for (xid, last) in &messages {
            flights.remove(Xid(*xid), flight(*last).address).unwrap();
        }
        assert_eq!(flights.spare.len(), SPARE);
    }

    #[test]
    fn addresses_side_by_side_have_hashes_far_apart() {
        let hash = |last| {
            let mut hasher = AddressHasher::default();
            flight(last).address.hash(&mut hasher);
            hasher.finish()
        };
        let lowest: std::collections::BTreeSet<_> = (0..64).map(|last| hash(last) >> 57).collect();
        assert!(lowest.len() > 32, "{lowest:?}");
    }
}
