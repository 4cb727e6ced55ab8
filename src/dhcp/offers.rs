//! Addresses that have been offered and not yet been asked for.
//!
//! An offer keeps its address for its client for [`OFFER_LIFETIME`]; nothing of it is durable. Only
//! [`MAX_OFFERS`] are kept: where more clients than that ask at once, the oldest offer is forgotten,
//! and its client's REQUEST is judged as if the server had restarted in between.

use std::collections::{HashMap, VecDeque};
use std::net::Ipv4Addr;
use std::time::Duration;

use super::client_key::ClientKey;
use crate::binding::ClientRef;
use crate::time::Instant;

/// How long an offered address waits for its client.
pub const OFFER_LIFETIME: Duration = Duration::from_secs(120);
/// How long an offered address is kept from everybody else even where no other is left. A client that
/// wants it asks for it at once.
pub const UNCLAIMED_AFTER: Duration = Duration::from_secs(5);
/// Unclaimed offers that are looked at for one client.
const MAX_UNCLAIMED: usize = 64;
/// Offers kept at once.
pub const MAX_OFFERS: usize = 65_536;

/// One offer.
#[derive(Debug)]
struct Offer {
    client: ClientKey,
    /// Number of the entry in the order of offers that stands for this one.
    serial: u64,
    /// Nobody answered an ICMP echo request to the address.
    probed: bool,
}

/// One entry in the order of offers.
#[derive(Clone, Copy, Debug)]
struct Made {
    expires: Instant,
    address: Ipv4Addr,
    serial: u64,
}

/// All offers in being.
#[derive(Debug)]
pub(super) struct Offers {
    by_address: HashMap<Ipv4Addr, Offer>,
    by_client: HashMap<ClientKey, Ipv4Addr>,
    /// Offers in the order in which they were made; those that ended early or were prolonged are
    /// still in it, under a serial number that no offer has.
    made: VecDeque<Made>,
    next_serial: u64,
    capacity: usize,
}

impl Default for Offers {
    fn default() -> Self {
        Self::with_capacity(MAX_OFFERS)
    }
}

impl Offers {
    fn with_capacity(capacity: usize) -> Self {
        Self {
            by_address: HashMap::new(),
            by_client: HashMap::new(),
            made: VecDeque::new(),
            next_serial: 0,
            capacity,
        }
    }

    /// Keeps `address` for a client; a former offer to it ends, an offer of the same address is
    /// prolonged. A client that cannot be told apart gets no offer.
    pub(super) fn park(&mut self, address: Ipv4Addr, client: &ClientRef<'_>, now: Instant) {
        let Some(key) = ClientKey::of(client) else { return };
        let serial = self.next_serial;
        self.next_serial = self.next_serial.saturating_add(1);
        let prolonged = self.by_client.get(&key) == Some(&address);
        if let Some(offer) = self.by_address.get_mut(&address).filter(|_| prolonged) {
            offer.serial = serial;
        } else {
            self.release(client);
            self.end(address);
            while self.by_address.len() >= self.capacity && self.forget_oldest() {}
            self.by_client.insert(key.clone(), address);
            self.by_address.insert(address, Offer { client: key, serial, probed: false });
        }
        self.made.push_back(Made { expires: now.after(OFFER_LIFETIME), address, serial });
        self.compact();
    }

    /// Offers in being.
    pub(super) fn count(&self) -> usize {
        self.by_address.len()
    }

    /// The address offered to a client.
    pub(super) fn of(&self, client: &ClientRef<'_>) -> Option<Ipv4Addr> {
        self.by_client.get(&ClientKey::of(client)?).copied()
    }

    /// Whether an address is offered to somebody else.
    pub(super) fn is_parked_for_other(&self, address: Ipv4Addr, client: &ClientRef<'_>) -> bool {
        if !self.by_address.contains_key(&address) {
            return false;
        }
        self.of(client) != Some(address)
    }

    /// Addresses offered a while ago that nobody has asked for since, the longest first.
    pub(super) fn unclaimed(&self, now: Instant) -> impl Iterator<Item = Ipv4Addr> {
        let left = OFFER_LIFETIME.saturating_sub(UNCLAIMED_AFTER);
        let old = self.made.iter().take_while(move |made| made.expires <= now.after(left));
        let in_being = old.filter(|made| stands_for_offer(&self.by_address, made));
        in_being.map(|made| made.address).take(MAX_UNCLAIMED)
    }

    /// Ends the offer to a client, if there is one.
    pub(super) fn release(&mut self, client: &ClientRef<'_>) {
        if let Some(address) = self.of(client) {
            self.end(address);
        }
    }

    /// Ends the offer of an address, if there is one.
    pub(super) fn end(&mut self, address: Ipv4Addr) {
        if let Some(offer) = self.by_address.remove(&address) {
            self.by_client.remove(&offer.client);
            self.forget_ended();
        }
    }

    /// Takes out what stands before the oldest offer in being, so that whoever looks for that need not
    /// go through it: where all addresses are taken that is done for every client.
    fn forget_ended(&mut self) {
        while self.made.front().is_some_and(|made| !stands_for_offer(&self.by_address, made)) {
            self.made.pop_front();
        }
    }

    /// Notes that nobody uses the address.
    pub(super) fn set_probed(&mut self, address: Ipv4Addr) {
        if let Some(offer) = self.by_address.get_mut(&address) {
            offer.probed = true;
        }
    }

    /// Whether the address has been offered and found unused.
    pub(super) fn is_probed(&self, address: Ipv4Addr) -> bool {
        self.by_address.get(&address).is_some_and(|offer| offer.probed)
    }

    /// Ends all offers whose time is over; returns how many.
    pub(super) fn expire(&mut self, now: Instant) -> u64 {
        let mut expired = 0_u64;
        while self.made.front().is_some_and(|made| made.expires <= now) {
            expired = expired.saturating_add(u64::from(self.end_oldest()));
        }
        expired
    }

    /// When the next offer may end.
    pub(super) fn next_expiry(&self) -> Option<Instant> {
        self.made.front().map(|made| made.expires)
    }

    /// Takes the oldest entry; false if there is none.
    fn forget_oldest(&mut self) -> bool {
        let any = !self.made.is_empty();
        self.end_oldest();
        any
    }

    /// Takes the oldest entry and ends its offer; false if that had ended already.
    fn end_oldest(&mut self) -> bool {
        let Some(oldest) = self.made.pop_front() else { return false };
        let in_being = stands_for_offer(&self.by_address, &oldest);
        if in_being {
            self.end(oldest.address);
        }
        in_being
    }

    /// Keeps the order from outgrowing the offers where they end early or are prolonged.
    fn compact(&mut self) {
        if self.made.len() > self.by_address.len().saturating_mul(2).saturating_add(1024) {
            let offers = &self.by_address;
            self.made.retain(|made| stands_for_offer(offers, made));
        }
    }
}

fn stands_for_offer(offers: &HashMap<Ipv4Addr, Offer>, made: &Made) -> bool {
    offers.get(&made.address).is_some_and(|offer| offer.serial == made.serial)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::binding::HardwareAddress;

    const ONE: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
    const TWO: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);
    const START: Instant = Instant::from_micros(0);

    fn client(last: u8) -> ClientRef<'static> {
        let hardware = HardwareAddress::new(1, &[0, 12, 1, 2, 3, last]);
        ClientRef { identifier: None, hardware }
    }

    #[test]
    fn an_offer_is_parked_for_everybody_but_its_client() {
        let mut offers = Offers::default();
        offers.park(ONE, &client(1), START);
        assert!(offers.is_parked_for_other(ONE, &client(2)));
        assert!(!offers.is_parked_for_other(ONE, &client(1)));
    }

    #[test]
    fn a_second_offer_to_a_client_ends_the_first() {
        let mut offers = Offers::default();
        offers.park(ONE, &client(1), START);
        offers.park(TWO, &client(1), START);
        assert!(!offers.is_parked_for_other(ONE, &client(2)));
        assert_eq!(offers.of(&client(1)), Some(TWO));
    }

    #[test]
    fn an_offer_ends_after_two_minutes() {
        let mut offers = Offers::default();
        offers.park(ONE, &client(1), START);
        assert_eq!(offers.expire(Instant::from_micros(119_999_999)), 0);
        assert_eq!(offers.expire(Instant::from_micros(120_000_000)), 1);
        assert_eq!(offers.of(&client(1)), None);
    }

    #[test]
    fn an_offer_made_again_lasts_two_minutes_from_then() {
        let mut offers = Offers::default();
        offers.park(ONE, &client(1), START);
        offers.park(ONE, &client(1), Instant::from_micros(60_000_000));
        assert_eq!(offers.expire(Instant::from_micros(120_000_000)), 0);
        assert_eq!(offers.expire(Instant::from_micros(180_000_000)), 1);
    }

    #[test]
    fn the_oldest_offer_is_forgotten_where_there_are_too_many() {
        let mut offers = Offers::with_capacity(2);
        offers.park(ONE, &client(1), START);
        offers.park(TWO, &client(2), Instant::from_micros(1));
        offers.park(Ipv4Addr::new(10, 0, 0, 3), &client(3), Instant::from_micros(2));
        assert_eq!(offers.of(&client(1)), None);
        assert_eq!(offers.of(&client(2)), Some(TWO));
    }

    #[test]
    fn offers_that_ended_before_the_oldest_one_are_not_gone_through() {
        let mut offers = Offers::default();
        for last in 0..=255 {
            offers.park(Ipv4Addr::new(10, 0, 1, last), &client(last), START);
        }
        for last in 0..=253 {
            offers.release(&client(last));
        }
        assert_eq!(offers.made.len(), 2);
    }

    #[test]
    fn the_order_of_offers_does_not_grow_with_repetition() {
        let mut offers = Offers::default();
        for _ in 0..10_000 {
            offers.park(ONE, &client(1), START);
        }
        assert!(offers.made.len() < 1100);
    }
}
