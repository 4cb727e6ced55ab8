//! Who uses an address, from the clients' point of view (checker 1), and for how long they may
//! (checker 2).

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use super::excuse::Excuses;
use super::{Kind, Violation};
use crate::sim::clock::{SECOND, True};

/// Servers count whole seconds, and estimate each other's clock by them.
const GRAIN: u64 = 3 * SECOND;

/// An answer that has waited for the disk may be so old when it arrives: a clock that was set
/// meanwhile was set during the lease.
const ON_THE_WAY: u64 = 60 * SECOND;

/// Times of a lease may differ by one part in so many, as clocks drift.
const DRIFT: u64 = 1000;

/// A client's use of an address. What excused it once stays on some server's record until both servers
/// have settled whose the address is; so it begins anew only then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Use {
    since: True,
    /// When the lease that it goes by began, and by whom it was given.
    renewed: True,
    server: usize,
    until: True,
    /// Until when the draft protects it: the end of the lease, unless its record was lost.
    protected: True,
    /// Its record was lost; renewals do not change that.
    orphan: bool,
}

/// Who uses what.
#[derive(Clone, Debug, Default)]
pub(crate) struct Holders {
    uses: BTreeMap<Ipv4Addr, BTreeMap<u32, Use>>,
}

/// How much later than the servers see it a lease may end for its client.
fn grain(from: True, until: True) -> u64 {
    GRAIN + until.saturating_sub(from) / DRIFT
}

impl Holders {
    /// A client begins or goes on to use an address until `until`.
    pub(crate) fn uses(
        &mut self,
        now: True,
        client: u32,
        (address, server): (Ipv4Addr, usize),
        until: True,
        is_settled: bool,
        excuses: &Excuses,
    ) -> Option<Violation> {
        let holders = self.uses.entry(address).or_default();
        let alone = holders.iter().all(|(holder, held)| *holder == client || held.until <= now);
        let mine = holders.get(&client).filter(|_| !(is_settled && alone));
        let since = mine.map_or(now, |held| held.since);
        let orphan = mine.filter(|held| held.orphan);
        let protected = orphan.map_or(until, |held| held.protected);
        let orphan = orphan.is_some();
        holders.insert(client, Use { since, renewed: now, server, until, protected, orphan });
        if orphan {
            // It is believed where nobody knows better, and nobody can (§3.1.2).
            return None;
        }
        let other = holders.iter().find(|(holder, held)| {
            let given = held.renewed.min(since).saturating_sub(ON_THE_WAY);
            let tolerance = grain(held.renewed, held.until) + excuses.set_since(given);
            **holder != client
                && held.protected > now + tolerance
                && !excuses.excuses(held.since)
                && !excuses.excuses(since)
        });
        let (holder, held) = other?;
        let left = (held.until - now) / SECOND;
        let what = format!(
            "client {client} is given {address}, which client {holder} uses for {left} seconds more"
        );
        Some(Violation::new(now, Kind::TwoHolders, what))
    }

    /// A server has lost its store: what it gave and its partner did not know of is protected by the
    /// wait of RECOVER-WAIT, until `waited`, and no longer (§9.6).
    pub(crate) fn store_lost(
        &mut self,
        server: usize,
        waited: True,
        partner_knows: impl Fn(Ipv4Addr, u32) -> True,
    ) {
        for (address, holders) in &mut self.uses {
            for (client, held) in holders.iter_mut().filter(|(_, held)| held.server == server) {
                let known = partner_knows(*address, *client);
                if known + grain(held.renewed, held.until) < held.until {
                    held.protected = held.protected.min(waited.max(known));
                    held.orphan = true;
                }
            }
        }
    }

    /// A client gives an address up.
    pub(crate) fn leaves(&mut self, now: True, client: u32, address: Ipv4Addr) {
        let held = self.uses.get_mut(&address).and_then(|holders| holders.get_mut(&client));
        if let Some(held) = held {
            held.until = held.until.min(now);
            held.protected = held.protected.min(now);
        }
    }
}

/// A lease as it is given to a client, and what the partner has on its disk about it; all in true
/// time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Given {
    /// When.
    pub(crate) at: True,
    /// When the lease ends.
    pub(crate) until: True,
    /// The latest time of the partner's record, if that is about this client.
    pub(crate) partner_knows: Option<True>,
    /// MCLT in microseconds.
    pub(crate) mclt: u64,
    /// By how much clocks were set while the partner's record was made, and since.
    pub(crate) set: u64,
}

impl Given {
    /// Checker 2: a lease ends no later than MCLT after what the partner knows.
    pub(crate) fn check(&self, address: Ipv4Addr) -> Option<Violation> {
        let known = self.partner_knows.unwrap_or(0).max(self.at);
        // What the partner has was written by its clock as it was hours ago.
        let limit = known + self.mclt + 2 * GRAIN + grain(self.at, self.until) + self.set;
        if self.until <= limit {
            return None;
        }
        let beyond = (self.until - known) / SECOND;
        let what = format!(
            "a lease of {address} ends {beyond} seconds after what the partner has on its disk; \
             the MCLT is {}",
            self.mclt / SECOND
        );
        Some(Violation::new(self.at, Kind::BeyondPartner, what))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 10);

    fn second_client_at(second: u64, excuses: &Excuses) -> Option<Violation> {
        let mut holders = Holders::default();
        assert_eq!(holders.uses(SECOND, 1, (ADDRESS, 0), 601 * SECOND, false, excuses), None);
        holders.uses(second * SECOND, 2, (ADDRESS, 0), 2000 * SECOND, false, excuses)
    }

    #[test]
    fn a_second_client_is_seen() {
        let seen = second_client_at(500, &Excuses::default());
        assert_eq!(seen.unwrap().kind, Kind::TwoHolders);
    }

    #[test]
    fn the_next_client_is_no_second_one() {
        assert_eq!(second_client_at(602, &Excuses::default()), None);
    }

    #[test]
    fn a_clock_that_was_set_excuses_as_much_and_no_more() {
        let mut excuses = Excuses::default();
        excuses.clock_set(2 * SECOND, 60 * SECOND);
        assert_eq!(second_client_at(550, &excuses), None);
        assert!(second_client_at(500, &excuses).is_some());
    }

    #[test]
    fn a_lease_whose_record_was_lost_is_protected_for_the_wait_and_no_longer() {
        let excuses = Excuses::default();
        let second_client_at = |second: u64| {
            let mut holders = Holders::default();
            holders.uses(0, 1, (ADDRESS, 0), 600 * SECOND, false, &excuses);
            holders.store_lost(0, 300 * SECOND, |_, _| 0);
            holders.uses(second * SECOND, 2, (ADDRESS, 1), 900 * SECOND, false, &excuses)
        };
        assert!(second_client_at(290).is_some());
        assert_eq!(second_client_at(310), None);
    }

    #[test]
    fn a_lease_that_the_partner_knows_is_protected_whatever_is_lost() {
        let (mut holders, excuses) = (Holders::default(), Excuses::default());
        holders.uses(0, 1, (ADDRESS, 0), 600 * SECOND, false, &excuses);
        holders.store_lost(0, 300 * SECOND, |_, _| 600 * SECOND);
        assert!(
            holders.uses(310 * SECOND, 2, (ADDRESS, 1), 900 * SECOND, false, &excuses).is_some()
        );
    }

    #[test]
    fn a_client_that_left_is_not_counted() {
        let mut holders = Holders::default();
        let excuses = Excuses::default();
        holders.uses(0, 1, (ADDRESS, 0), 600 * SECOND, false, &excuses);
        holders.leaves(0, 1, ADDRESS);
        assert_eq!(holders.uses(SECOND, 2, (ADDRESS, 0), 600 * SECOND, false, &excuses), None);
    }

    #[test]
    fn a_lease_beyond_the_partners_knowledge_is_seen() {
        let given = |until| Given {
            at: 0,
            until: until * SECOND,
            partner_knows: Some(1000 * SECOND),
            mclt: 300 * SECOND,
            set: 0,
        };
        assert_eq!(given(1300).check(ADDRESS), None);
        assert_eq!(given(1320).check(ADDRESS).unwrap().kind, Kind::BeyondPartner);
    }
}
