//! Addresses that are probed before they are offered.
//!
//! The DISCOVER waits here while its candidate is probed by an ICMP echo request. If nobody answers
//! in time it is served again and finds its address in the parked offer; if somebody answers, the
//! address is abandoned and it is served again with another.

use std::collections::VecDeque;
use std::net::Ipv4Addr;
use std::time::Duration;

use super::exchange::Arrival;
use crate::time::Instant;

/// Probes under way at once; a candidate beyond them is offered without a probe.
pub const MAX_PROBES: usize = 256;

/// A DISCOVER that waits for its candidate.
#[derive(Debug)]
pub(super) struct Probe {
    /// The candidate.
    pub(super) address: Ipv4Addr,
    due: Instant,
    /// The DISCOVER as it arrived.
    pub(super) datagram: Box<[u8]>,
    pub(super) arrival: Arrival,
}

/// All probes under way, in the order in which they end.
#[derive(Debug)]
pub(super) struct Probes {
    timeout: Option<Duration>,
    pending: VecDeque<Probe>,
    unsent: Vec<Ipv4Addr>,
}

impl Probes {
    /// Without a time-out nothing is ever probed.
    pub(super) fn new(timeout: Option<Duration>) -> Self {
        Self { timeout, pending: VecDeque::new(), unsent: Vec::new() }
    }

    /// From now on a probe waits so long.
    pub(super) const fn set_timeout(&mut self, timeout: Option<Duration>) {
        self.timeout = timeout;
    }

    /// Whether the address is being probed.
    pub(super) fn is_under_way(&self, address: Ipv4Addr) -> bool {
        self.pending.iter().any(|probe| probe.address == address)
    }

    /// Begins a probe. False if none is wanted or too many are under way.
    pub(super) fn begin(
        &mut self,
        address: Ipv4Addr,
        datagram: &[u8],
        arrival: &Arrival,
        now: Instant,
    ) -> bool {
        let Some(timeout) = self.timeout.filter(|_| self.pending.len() < MAX_PROBES) else {
            return false;
        };
        self.unsent.push(address);
        self.pending.push_back(Probe {
            address,
            due: now.after(timeout),
            datagram: datagram.into(),
            arrival: *arrival,
        });
        true
    }

    pub(super) fn take_unsent(&mut self) -> impl Iterator<Item = Ipv4Addr> {
        self.unsent.drain(..)
    }

    /// A probe that nobody answered in time.
    pub(super) fn pop_due(&mut self, now: Instant) -> Option<Probe> {
        if self.next_due()? > now {
            return None;
        }
        self.pending.pop_front()
    }

    /// When the next probe ends.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.pending.front().map(|probe| probe.due)
    }

    /// Ends the probe of an address.
    pub(super) fn remove(&mut self, address: Ipv4Addr) -> Option<Probe> {
        let position = self.pending.iter().position(|probe| probe.address == address)?;
        self.pending.remove(position)
    }
}
