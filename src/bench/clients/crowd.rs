//! The clients: what each holds and what it waits for, in flat memory.

use std::collections::HashMap;
use std::net::Ipv4Addr;

/// What a client waits for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Phase {
    /// Its turn.
    #[default]
    Idle,
    /// An OFFER.
    Discovering,
    /// The answer to the REQUEST that takes up an offer.
    Selecting,
    /// The answer to a REQUEST for an address that it holds.
    Confirming,
}

/// One client. Times are nanoseconds of the run's clock.
#[derive(Clone, Copy, Debug)]
pub(super) struct Client {
    /// When its exchange was due to begin.
    pub(super) begun: u64,
    /// When the REQUEST was due that it waits for.
    pub(super) asked: u64,
    /// End of its lease, counted from the REQUEST.
    pub(super) until: u64,
    /// Of the exchange that is under way, or that was the last one.
    pub(super) xid: u32,
    /// What it has a lease of; unspecified if it has none.
    pub(super) address: Ipv4Addr,
    /// What it asks for.
    pub(super) wanted: Ipv4Addr,
    /// Who gave the lease, or offers one: its identifier and its number.
    pub(super) server: (Ipv4Addr, Option<u8>),
    pub(super) phase: Phase,
}

impl Client {
    const NEW: Self = Self {
        begun: 0,
        asked: 0,
        until: 0,
        xid: 0,
        address: Ipv4Addr::UNSPECIFIED,
        wanted: Ipv4Addr::UNSPECIFIED,
        server: (Ipv4Addr::UNSPECIFIED, None),
        phase: Phase::Idle,
    };

    /// Whether it has a lease that is not over.
    pub(super) fn holds_lease(&self, now: u64) -> bool {
        !self.address.is_unspecified() && self.until > now
    }
}

/// All clients, and who was last given which address.
#[derive(Debug)]
pub(super) struct Crowd {
    /// Number of the first one; the others follow.
    first: u32,
    clients: Vec<Client>,
    holders: HashMap<Ipv4Addr, u32>,
}

impl Crowd {
    /// So many clients from this number on, all without a lease.
    pub(super) fn new(first: u32, count: u32) -> Self {
        let size = usize::try_from(count).unwrap_or(usize::MAX);
        Self { first, clients: vec![Client::NEW; size], holders: HashMap::with_capacity(2 * size) }
    }

    pub(super) fn len(&self) -> u32 {
        u32::try_from(self.clients.len()).unwrap_or(u32::MAX)
    }

    /// The number of the client at this place.
    pub(super) fn number(&self, place: u32) -> u32 {
        self.first.wrapping_add(place)
    }

    /// The client at this place.
    pub(super) fn at(&mut self, place: u32) -> Option<&mut Client> {
        self.clients.get_mut(usize::try_from(place).ok()?)
    }

    /// The client with this number.
    pub(super) fn find(&mut self, number: u32) -> Option<&mut Client> {
        self.at(number.checked_sub(self.first)?)
    }

    /// How many have a lease.
    pub(super) fn holding(&self, now: u64) -> u64 {
        let holding = self.clients.iter().filter(|client| client.holds_lease(now));
        u64::try_from(holding.count()).unwrap_or(u64::MAX)
    }

    /// Gives an address to a client. If that of right belongs to another one, returns its number: the
    /// other's lease is not over, it has not been given back, and its client has taken no other since.
    pub(super) fn grant(
        &mut self,
        number: u32,
        address: Ipv4Addr,
        until: u64,
        now: u64,
    ) -> Option<u32> {
        let before = self.holders.insert(address, number).filter(|other| *other != number);
        let robbed = before.filter(|other| {
            self.find(*other).is_some_and(|other| other.address == address && other.until > now)
        });
        if let Some(client) = self.find(number) {
            (client.address, client.until) = (address, until);
        }
        robbed
    }

    /// Takes a client's lease away.
    pub(super) fn end_lease(&mut self, number: u32) {
        if let Some(client) = self.find(number) {
            (client.address, client.until) = (Ipv4Addr::UNSPECIFIED, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 78, 8, 1);
    const OTHER: Ipv4Addr = Ipv4Addr::new(10, 78, 8, 2);

    /// Two clients; the first one holds [`ADDRESS`] until 1000.
    fn crowd() -> Crowd {
        let mut crowd = Crowd::new(100, 2);
        assert_eq!(crowd.grant(100, ADDRESS, 1000, 0), None);
        crowd
    }

    #[test]
    fn an_address_given_to_a_second_client_is_found_out() {
        assert_eq!(crowd().grant(101, ADDRESS, 2000, 999), Some(100));
    }

    #[test]
    fn a_lease_that_is_over_may_be_given_to_another() {
        assert_eq!(crowd().grant(101, ADDRESS, 2000, 1000), None);
    }

    #[test]
    fn a_lease_given_back_may_be_given_to_another() {
        let mut crowd = crowd();
        crowd.end_lease(100);
        assert_eq!(crowd.grant(101, ADDRESS, 2000, 1), None);
    }

    #[test]
    fn an_address_that_its_client_left_for_another_may_be_given_to_another() {
        let mut crowd = crowd();
        assert_eq!(crowd.grant(100, OTHER, 2000, 1), None);
        assert_eq!(crowd.grant(101, ADDRESS, 2000, 1), None);
    }

    #[test]
    fn the_same_client_may_be_given_its_address_again() {
        assert_eq!(crowd().grant(100, ADDRESS, 2000, 1), None);
    }

    #[test]
    fn a_prolonged_lease_is_protected_until_its_new_end() {
        let mut crowd = crowd();
        crowd.grant(100, ADDRESS, 5000, 500);
        assert_eq!(crowd.grant(101, ADDRESS, 9000, 4999), Some(100));
    }

    #[test]
    fn a_number_outside_of_the_crowd_is_nobody() {
        let mut crowd = crowd();
        assert!(crowd.find(99).is_none());
        assert!(crowd.find(102).is_none());
    }
}
