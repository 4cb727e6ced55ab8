//! Addresses on which the two servers disagree, to be brought up again after a while.
//!
//! A rejected update must not be sent again at once, and whoever rejected one may tell what it knows
//! itself, but only after a considerable delay (§7.1.3). Without either the two would disagree until
//! the next time they lose contact.

use core::net::Ipv4Addr;
use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

use crate::time::{Instant, Now};

/// Delay before the server that rejected an update tells its own view.
const AFTER_REJECTING: Duration = Duration::from_secs(30);
/// Delay before an update that was rejected is sent again.
const AFTER_REJECTION: Duration = Duration::from_secs(120);

/// Who rejected whose update.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rejected {
    /// This server the partner's.
    ByUs,
    /// The partner this server's.
    ByPartner,
}

/// At most one entry an address.
#[derive(Clone, Debug, Default, Hash)]
pub(super) struct SecondThoughts {
    due: BTreeSet<(Instant, Ipv4Addr)>,
    of: BTreeMap<Ipv4Addr, Instant>,
}

impl SecondThoughts {
    /// Notes a disagreement; an earlier note about the address stays as it is.
    pub(super) fn note(&mut self, now: Now, address: Ipv4Addr, rejected: Rejected) {
        if self.of.contains_key(&address) {
            return;
        }
        let at = now.monotonic.after(match rejected {
            Rejected::ByUs => AFTER_REJECTING,
            Rejected::ByPartner => AFTER_REJECTION,
        });
        self.of.insert(address, at);
        self.due.insert((at, address));
    }

    /// Whether a disagreement about the address waits to be brought up.
    pub(super) fn holds(&self, address: Ipv4Addr) -> bool {
        self.of.contains_key(&address)
    }

    /// The next address whose delay is over.
    pub(super) fn pop_due(&mut self, now: Now) -> Option<Ipv4Addr> {
        let &(at, address) = self.due.first()?;
        if at > now.monotonic {
            return None;
        }
        self.due.pop_first();
        self.of.remove(&address);
        Some(address)
    }

    /// When the next one is due.
    pub(super) fn next(&self) -> Option<Instant> {
        self.due.first().map(|(at, _)| *at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);

    fn at(seconds: u64) -> Now {
        Now { monotonic: Instant::from_micros(seconds * 1_000_000), ..Now::default() }
    }

    /// Holds: FO-7.2.1-10.
    #[test]
    fn a_rejected_update_waits_two_minutes() {
        let mut thoughts = SecondThoughts::default();
        thoughts.note(at(0), ADDRESS, Rejected::ByPartner);
        assert_eq!(thoughts.pop_due(at(119)), None);
        assert_eq!(thoughts.pop_due(at(120)), Some(ADDRESS));
    }

    #[test]
    fn an_address_is_brought_up_once() {
        let mut thoughts = SecondThoughts::default();
        thoughts.note(at(0), ADDRESS, Rejected::ByUs);
        thoughts.note(at(1), ADDRESS, Rejected::ByUs);
        assert_eq!(thoughts.pop_due(at(60)), Some(ADDRESS));
        assert_eq!(thoughts.pop_due(at(60)), None);
    }
}
