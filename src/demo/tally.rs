//! What the clients were told, counted while it happens.

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use crate::clients::{ClientId, Told, Witness};

/// Waits are recorded in microseconds, up to two minutes, with three digits.
const MOST_MICROS: u64 = 120_000_000;
const DIGITS: u8 = 3;

/// Counts of everything that clients were told, and who holds which address until when.
#[derive(Debug)]
pub(super) struct Tally {
    begin: Instant,
    killed: Option<Instant>,
    holders: HashMap<Ipv4Addr, (ClientId, Instant)>,
    /// Leases given to clients that had none.
    pub(super) granted: u64,
    /// Leases prolonged.
    pub(super) renewed: u64,
    /// Leases given back.
    pub(super) released: u64,
    /// Times that an address was given to a client while another held it.
    pub(super) held_twice: u64,
    /// Leases whose prolongation was refused or did not come before their end.
    pub(super) cut_short: u64,
    granted_since_kill: u64,
    first_after_kill: Option<Duration>,
    waits: Option<Histogram<u64>>,
}

impl Tally {
    pub(super) fn new() -> Self {
        Self {
            begin: Instant::now(),
            killed: None,
            holders: HashMap::new(),
            granted: 0,
            renewed: 0,
            released: 0,
            held_twice: 0,
            cut_short: 0,
            granted_since_kill: 0,
            first_after_kill: None,
            waits: Histogram::new_with_bounds(1, MOST_MICROS, DIGITS).ok(),
        }
    }

    fn hold(&mut self, told: &Told) {
        let before = self.holders.insert(told.address, (told.client, told.until));
        if before.is_some_and(|(other, until)| other != told.client && until > told.from) {
            self.held_twice += 1;
        }
    }

    /// A client lost its lease against its will.
    fn cut_short(&mut self, client: ClientId, address: Ipv4Addr) {
        self.cut_short += 1;
        self.let_go(client, address);
    }

    fn let_go(&mut self, client: ClientId, address: Ipv4Addr) {
        if self.holders.get(&address).is_some_and(|(holder, _)| *holder == client) {
            self.holders.remove(&address);
        }
    }

    pub(super) fn primary_killed(&mut self, now: Instant) {
        self.killed = Some(now);
    }

    pub(super) const fn granted_since_kill(&self) -> u64 {
        self.granted_since_kill
    }

    /// How long after the kill the first client without a lease was given one.
    pub(super) const fn first_after_kill(&self) -> Option<Duration> {
        self.first_after_kill
    }

    /// Clients that hold a lease.
    pub(super) fn held(&self) -> usize {
        self.holders.len()
    }

    /// Leases granted and prolonged a second, over all.
    pub(super) fn rate(&self) -> f64 {
        let seconds = self.begin.elapsed().as_secs_f64().max(0.001);
        let count = u32::try_from(self.granted + self.renewed).unwrap_or(u32::MAX);
        f64::from(count) / seconds
    }

    /// The wait that this share of all clients did not exceed.
    pub(super) fn wait_at(&self, share: f64) -> Duration {
        let micros = self.waits.as_ref().map_or(0, |waits| waits.value_at_quantile(share));
        Duration::from_micros(micros)
    }

    /// The longest wait.
    pub(super) fn longest_wait(&self) -> Duration {
        Duration::from_micros(self.waits.as_ref().map_or(0, Histogram::max))
    }
}

impl Witness for Tally {
    fn granted(&mut self, told: &Told, waited: Duration) {
        self.granted += 1;
        if let Some(waits) = &mut self.waits {
            waits.saturating_record(u64::try_from(waited.as_micros()).unwrap_or(u64::MAX));
        }
        if let Some(killed) = self.killed {
            self.granted_since_kill += 1;
            self.first_after_kill.get_or_insert(told.from.saturating_duration_since(killed));
        }
        self.hold(told);
    }

    fn renewed(&mut self, told: &Told) {
        self.renewed += 1;
        self.hold(told);
    }

    fn released(&mut self, client: ClientId, address: Ipv4Addr, _now: Instant) {
        self.released += 1;
        self.let_go(client, address);
    }

    fn refused(&mut self, client: ClientId, address: Ipv4Addr, _now: Instant) {
        self.cut_short(client, address);
    }

    fn ended(&mut self, client: ClientId, address: Ipv4Addr, _now: Instant) {
        self.cut_short(client, address);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 99, 1, 1);
    const LEASE: Duration = Duration::from_secs(10);

    fn told(client: ClientId, from: Instant, until: Instant) -> Told {
        Told { client, server: Ipv4Addr::LOCALHOST, address: ADDRESS, from, until }
    }

    fn granted_to(first: ClientId) -> (Tally, Instant) {
        let now = Instant::now();
        let mut tally = Tally::new();
        tally.granted(&told(first, now, now + LEASE), Duration::ZERO);
        (tally, now)
    }

    #[test]
    fn an_address_given_to_a_second_client_within_the_lease_is_held_twice() {
        let (mut tally, now) = granted_to(1);
        tally.granted(&told(2, now + LEASE / 2, now + LEASE * 2), Duration::ZERO);
        assert_eq!(tally.held_twice, 1);
    }

    #[test]
    fn an_address_whose_lease_is_over_may_be_given_to_another_client() {
        let (mut tally, now) = granted_to(1);
        tally.granted(&told(2, now + LEASE, now + LEASE * 2), Duration::ZERO);
        assert_eq!(tally.held_twice, 0);
    }

    #[test]
    fn an_address_given_back_may_be_given_to_another_client() {
        let (mut tally, now) = granted_to(1);
        tally.released(1, ADDRESS, now);
        tally.granted(&told(2, now, now + LEASE), Duration::ZERO);
        assert_eq!(tally.held_twice, 0);
    }

    #[test]
    fn a_client_that_renews_holds_its_address_once() {
        let (mut tally, now) = granted_to(1);
        tally.renewed(&told(1, now + LEASE / 2, now + LEASE * 2));
        assert_eq!((tally.held_twice, tally.held()), (0, 1));
    }

    #[test]
    fn the_longest_wait_is_kept_whatever_its_length() {
        let now = Instant::now();
        let mut tally = Tally::new();
        tally.granted(&told(1, now, now + LEASE), Duration::from_millis(3500));
        let longest = tally.longest_wait();
        assert!(longest >= Duration::from_millis(3500), "{longest:?}");
    }
}
