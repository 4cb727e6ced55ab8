//! Whether every guarantee was kept, from what the clients hold and what both servers list.

use std::io::{self, Write};
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::binding::HardwareAddress;
use crate::clients::Holding;

use super::cluster::{Listing, Listings};
use super::tally::Tally;

/// Waits above this come from the crash and deserve a word.
const LONG_WAIT_MS: f64 = 1000.0;

/// ARP hardware type of Ethernet.
const ETHERNET: u8 = 1;

/// What the verdict is computed from.
pub(super) struct Evidence<'e> {
    pub(super) clients: u32,
    pub(super) time_to_normal: Option<Duration>,
    pub(super) time_to_synchronise: Option<Duration>,
    pub(super) holdings: &'e [Holding],
    pub(super) listings: &'e Listings,
    pub(super) tally: &'e Tally,
}

/// The outcome. Times are milliseconds.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Verdict {
    passed: bool,
    clients: u32,
    leases_granted: u64,
    leases_granted_after_the_kill: u64,
    renewals: u64,
    releases: u64,
    leases_held_at_the_end: usize,
    addresses_held_twice: u64,
    acknowledged_leases_lost: Option<usize>,
    leases_cut_short: u64,
    addresses_that_differ: Option<usize>,
    wait_p50_ms: f64,
    wait_p99_ms: f64,
    wait_longest_ms: f64,
    first_lease_after_the_kill_ms: Option<f64>,
    time_to_normal_ms: Option<f64>,
    time_to_synchronise_ms: Option<f64>,
}

fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 10_000.0).round() / 10.0
}

impl Verdict {
    pub(super) fn compute(evidence: &Evidence<'_>) -> Self {
        let tally = evidence.tally;
        let mut verdict = Self {
            passed: false,
            clients: evidence.clients,
            leases_granted: tally.granted,
            leases_granted_after_the_kill: tally.granted_since_kill(),
            renewals: tally.renewed,
            releases: tally.released,
            leases_held_at_the_end: evidence.holdings.len(),
            addresses_held_twice: tally.held_twice,
            acknowledged_leases_lost: lost(evidence.holdings, evidence.listings),
            leases_cut_short: tally.cut_short,
            addresses_that_differ: evidence.listings.differences(),
            wait_p50_ms: milliseconds(tally.wait_at(0.5)),
            wait_p99_ms: milliseconds(tally.wait_at(0.99)),
            wait_longest_ms: milliseconds(tally.longest_wait()),
            first_lease_after_the_kill_ms: tally.first_after_kill().map(milliseconds),
            time_to_normal_ms: evidence.time_to_normal.map(milliseconds),
            time_to_synchronise_ms: evidence.time_to_synchronise.map(milliseconds),
        };
        verdict.passed = verdict.guarantees().iter().all(|(_, kept, _)| *kept);
        verdict
    }

    /// Whether every guarantee was kept.
    pub(super) const fn passed(&self) -> bool {
        self.passed
    }

    /// What has to hold, whether it does, and the figure.
    fn guarantees(&self) -> [(&'static str, bool, String); 6] {
        let count = |count: Option<usize>| count.map_or("unknown".to_owned(), |n| n.to_string());
        let time = |time: Option<f64>| time.map_or("never".to_owned(), |ms| format!("{ms} ms"));
        [
            ("leases granted", self.leases_granted > 0, self.leases_granted.to_string()),
            (
                "addresses held by two clients at once",
                self.addresses_held_twice == 0,
                self.addresses_held_twice.to_string(),
            ),
            (
                "acknowledged leases lost",
                self.acknowledged_leases_lost == Some(0) && self.leases_cut_short == 0,
                match self.leases_cut_short {
                    0 => count(self.acknowledged_leases_lost),
                    cut => format!("{}, {cut} cut short", count(self.acknowledged_leases_lost)),
                },
            ),
            (
                "addresses on which the two servers differ at the end",
                self.addresses_that_differ == Some(0),
                count(self.addresses_that_differ),
            ),
            (
                "time from start with empty stores to NORMAL",
                self.time_to_normal_ms.is_some(),
                time(self.time_to_normal_ms),
            ),
            (
                "time to synchronise after the crash, start included",
                self.time_to_synchronise_ms.is_some(),
                time(self.time_to_synchronise_ms),
            ),
        ]
    }

    pub(super) fn print_json(&self, out: &mut impl Write) -> io::Result<()> {
        serde_json::to_writer(&mut *out, self)?;
        writeln!(out)
    }

    pub(super) fn print(&self, out: &mut impl Write) -> io::Result<()> {
        writeln!(
            out,
            "\nVerdict: {}\n",
            if self.passed { "every guarantee kept" } else { "FAILED" }
        )?;
        for (what, kept, figure) in self.guarantees() {
            writeln!(out, "  {:<4}  {what:<55} {figure}", if kept { "ok" } else { "FAIL" })?;
        }
        let first =
            self.first_lease_after_the_kill_ms.map_or("-".to_owned(), |ms| format!("{ms} ms"));
        writeln!(out)?;
        for (what, figure) in [
            ("longest time a client waited for a lease", format!("{} ms", self.wait_longest_ms)),
            (
                "half waited at most, 99 of 100 at most",
                format!("{} ms, {} ms", self.wait_p50_ms, self.wait_p99_ms),
            ),
            ("first new lease after the kill", first),
            (
                "leases granted by the survivor and after the return",
                self.leases_granted_after_the_kill.to_string(),
            ),
            ("renewals, releases", format!("{}, {}", self.renewals, self.releases)),
            ("leases held at the end", self.leases_held_at_the_end.to_string()),
        ] {
            writeln!(out, "        {what:<55} {figure}")?;
        }
        if self.wait_longest_ms > LONG_WAIT_MS {
            writeln!(
                out,
                "\nA client whose server dies between OFFER and ACK waits longest: it asks that \
                 server again before it asks anew."
            )?;
        }
        Ok(())
    }
}

/// Leases that clients hold and that a server does not list as theirs; `None` if a server did not
/// list anything. A lease that has ended meanwhile may be gone.
fn lost(holdings: &[Holding], listings: &Listings) -> Option<usize> {
    let [Some(primary), Some(secondary)] = &listings.0 else { return None };
    let now = Instant::now();
    let is_lost = |holding: &&Holding| {
        holding.end > now && !(knows(primary, holding) && knows(secondary, holding))
    };
    Some(holdings.iter().filter(is_lost).count())
}

fn knows(listing: &Listing, holding: &Holding) -> bool {
    let ethernet = HardwareAddress::new(ETHERNET, &holding.ethernet);
    let ethernet = ethernet.map(|address| address.to_string());
    listing
        .get(&holding.address)
        .is_some_and(|lease| lease.binding_status == "active" && lease.hw_address == ethernet)
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use crate::admin::json::LeaseBody;
    use crate::clients::{Told, Witness};

    const ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 99, 1, 1);

    fn listing(status: &str, hardware: &str) -> Listing {
        let lease = LeaseBody {
            address: ADDRESS,
            binding_status: status.to_owned(),
            hw_address: Some(hardware.to_owned()),
            client_id: None,
            lease_expiration: None,
            sent_potential_expiration: None,
            acked_potential_expiration: None,
            received_potential_expiration: None,
            client_last_transaction: None,
            start_of_status: None,
            relationship: None,
            client_request_options: None,
            client_reply_options: None,
            ddns_name: None,
            ddns_flags: None,
        };
        Listing::from([(ADDRESS, lease)])
    }

    fn verdict(listings: &Listings) -> Verdict {
        let end = Instant::now() + Duration::from_secs(60);
        let holding = Holding { ethernet: [2, 0x54, 0, 0, 0, 1], address: ADDRESS, end };
        let mut tally = Tally::new();
        let server = Ipv4Addr::LOCALHOST;
        let told = Told { client: 1, server, address: ADDRESS, from: Instant::now(), until: end };
        tally.granted(&told, Duration::ZERO);
        Verdict::compute(&Evidence {
            clients: 1,
            time_to_normal: Some(Duration::ZERO),
            time_to_synchronise: Some(Duration::ZERO),
            holdings: &[holding],
            listings,
            tally: &tally,
        })
    }

    const CLIENT: &str = "02:54:00:00:00:01";

    #[test]
    fn two_servers_that_know_the_lease_pass() {
        let one = || Some(listing("active", CLIENT));
        assert!(verdict(&Listings([one(), one()])).passed());
    }

    #[test]
    fn a_lease_that_one_server_does_not_know_is_lost() {
        let listings = Listings([Some(listing("active", CLIENT)), Some(Listing::new())]);
        let verdict = verdict(&listings);
        assert_eq!(verdict.acknowledged_leases_lost, Some(1));
        assert_eq!(verdict.addresses_that_differ, Some(1));
        assert!(!verdict.passed());
    }

    #[test]
    fn a_lease_that_both_servers_give_to_another_client_is_lost() {
        let one = || Some(listing("active", "02:54:00:00:00:02"));
        let verdict = verdict(&Listings([one(), one()]));
        assert_eq!(verdict.acknowledged_leases_lost, Some(1));
        assert!(!verdict.passed());
    }

    #[test]
    fn a_server_that_does_not_answer_is_no_pass() {
        let listings = Listings([Some(listing("active", CLIENT)), None]);
        assert!(!verdict(&listings).passed());
    }
}
