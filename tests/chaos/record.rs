//! What clients were told, interval by interval.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use twinlease::clients::{ClientId, Told, Witness};

use crate::checker::{self, TOLERANCE};
use crate::journal::Journal;

/// A client was told to hold an address from one time to another. Times are since the beginning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    pub client: ClientId,
    /// Who said so last.
    pub server: Ipv4Addr,
    pub from: Duration,
    pub until: Duration,
    /// The only server that knew lost its disk: nobody can keep what it promised. A lease that is
    /// prolonged later is known again.
    pub excused: bool,
}

/// Counts of what clients lived through.
#[derive(Debug, Default, Clone, Copy)]
pub struct Counts {
    pub granted: u64,
    pub renewed: u64,
    pub released: u64,
    pub refused: u64,
    pub ended: u64,
    /// Leases that only a lost disk knew.
    pub excused: u64,
}

/// All holds by address.
#[derive(Debug)]
pub struct Record {
    journal: Journal,
    holds: BTreeMap<Ipv4Addr, Vec<Hold>>,
    pub counts: Counts,
}

impl Record {
    pub fn new(journal: Journal) -> Self {
        Self { journal, holds: BTreeMap::new(), counts: Counts::default() }
    }

    pub fn holds(&self) -> &BTreeMap<Ipv4Addr, Vec<Hold>> {
        &self.holds
    }

    /// What is held at a time.
    pub fn held_at(&self, moment: Duration) -> Vec<(Ipv4Addr, Hold)> {
        let current = |(address, holds): (&Ipv4Addr, &Vec<Hold>)| {
            let current = holds.iter().filter(|hold| hold.until > moment);
            current.map(|hold| (*address, hold.clone())).collect::<Vec<_>>()
        };
        self.holds.iter().flat_map(current).collect()
    }

    /// Excuses these, unless they were prolonged meanwhile.
    pub fn excuse(&mut self, unknown: &[(Ipv4Addr, Hold)]) {
        for (address, wanted) in unknown {
            let holds = self.holds.get_mut(address).into_iter().flatten();
            for hold in holds.filter(|hold| *hold == wanted && !hold.excused) {
                hold.excused = true;
                self.counts.excused += 1;
                self.journal.say(&format!("lost with the disk: {address} {hold:?}"));
            }
        }
    }

    fn hold(&mut self, told: &Told) {
        let (from, until) = (self.journal.at(told.from), self.journal.at(told.until));
        let holds = self.holds.entry(told.address).or_default();
        let current = holds.last_mut().filter(|hold| hold.client == told.client);
        match current.filter(|hold| hold.until >= from) {
            Some(hold) => {
                hold.until = hold.until.max(until);
                hold.server = told.server;
                hold.excused = false;
            }
            None => holds.push(Hold {
                client: told.client,
                server: told.server,
                from,
                until,
                excused: false,
            }),
        }
        let latest = holds.iter().filter(|hold| hold.until > from).cloned().collect::<Vec<_>>();
        for (one, other) in checker::overlaps(&latest) {
            let what = format!("{} is held twice: {one:?} and {other:?}", told.address);
            self.journal.violation(&what);
        }
    }

    /// The client's hold ends now; the hold as it was.
    fn let_go(&mut self, client: ClientId, address: Ipv4Addr, now: Duration) -> Option<Hold> {
        let holds = self.holds.get_mut(&address)?;
        let hold = holds.iter_mut().rfind(|hold| hold.client == client)?;
        let before = hold.clone();
        hold.until = hold.until.min(now);
        Some(before)
    }
}

impl Witness for Record {
    fn granted(&mut self, told: &Told, _waited: Duration) {
        self.counts.granted += 1;
        self.hold(told);
    }

    fn renewed(&mut self, told: &Told) {
        self.counts.renewed += 1;
        self.hold(told);
    }

    fn released(&mut self, client: ClientId, address: Ipv4Addr, now: Instant) {
        self.counts.released += 1;
        let now = self.journal.at(now);
        self.let_go(client, address, now);
    }

    fn refused(&mut self, client: ClientId, address: Ipv4Addr, now: Instant) {
        self.counts.refused += 1;
        let now = self.journal.at(now);
        let Some(hold) = self.let_go(client, address, now) else { return };
        if hold.until > now + TOLERANCE && !hold.excused {
            let what = format!("client {client} is refused {address}, which it holds: {hold:?}");
            self.journal.violation(&what);
        }
    }

    fn ended(&mut self, _client: ClientId, _address: Ipv4Addr, _now: Instant) {
        self.counts.ended += 1;
    }
}
