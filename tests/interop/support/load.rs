//! Clients that go on: each obtains a lease and renews it over and over, whatever happens to the servers.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::network::Network;
use super::packet::Client;
use super::relay::{BOTH, Granted, Relay};
use super::wait::wait_until;

/// Tries of half a second that a client makes before its failure is recorded.
const TRIES: u32 = 40;

/// Pause between two clients.
const PACE: Duration = Duration::from_millis(10);

/// A population of clients in a thread of its own.
#[derive(Debug)]
pub struct Load {
    stop: Arc<AtomicBool>,
    rounds: Arc<AtomicUsize>,
    thread: Option<JoinHandle<Report>>,
}

/// What the clients saw.
#[derive(Debug, Default)]
pub struct Report {
    /// What each client, by number, was granted last and until when.
    pub held: BTreeMap<u16, (Client, Granted, Instant)>,
    /// A lease denied, an address changed, an address granted twice, a client that nobody answered.
    pub failures: Vec<String>,
}

impl Load {
    /// Starts `clients` behind the relay 10.78.0.`relay`.
    pub fn start(network: &Network, relay: u8, clients: std::ops::Range<u16>) -> Self {
        let (stop, rounds) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let population = Population {
            relay: Relay::new(network, relay),
            stop: Arc::clone(&stop),
            rounds: Arc::clone(&rounds),
            report: Report::default(),
        };
        let thread = std::thread::spawn(move || population.live(clients));
        Self { stop, rounds, thread: Some(thread) }
    }

    /// Waits until every client has been served `rounds` more times.
    pub fn wait_rounds(&self, rounds: usize) {
        let goal = self.rounds.load(Ordering::Relaxed) + rounds;
        wait_until("the clients to be served", Duration::from_secs(300), || {
            self.rounds.load(Ordering::Relaxed) >= goal
        });
    }

    /// Ends the population after the client in hand.
    pub fn finish(mut self) -> Report {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.take().unwrap().join().unwrap()
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

struct Population {
    relay: Relay,
    stop: Arc<AtomicBool>,
    rounds: Arc<AtomicUsize>,
    report: Report,
}

impl Population {
    fn live(mut self, clients: std::ops::Range<u16>) -> Report {
        loop {
            for number in clients.clone() {
                if self.stop.load(Ordering::Relaxed) {
                    return self.report;
                }
                self.serve(number);
                std::thread::sleep(PACE);
            }
            self.rounds.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn serve(&mut self, number: u16) {
        let client = Client::number(number);
        let held = self.report.held.get(&number).cloned();
        let result = match &held {
            Some((_, lease, _)) => self
                .relay
                .renew(&client, lease.address, &[lease.server], 2)
                .or_else(|_| self.relay.renew(&client, lease.address, &BOTH, TRIES)),
            None => self.relay.obtain(&client, TRIES),
        };
        match result {
            Ok(granted) => self.record(number, client, granted),
            Err(error) => self.report.failures.push(error),
        }
    }

    fn record(&mut self, number: u16, client: Client, granted: Granted) {
        let now = Instant::now();
        for (other, (_, lease, until)) in &self.report.held {
            if *other != number && lease.address == granted.address && *until > now {
                self.report
                    .failures
                    .push(format!("{} granted to {number} while {other} holds it", lease.address));
            }
            if *other == number && lease.address != granted.address {
                self.report
                    .failures
                    .push(format!("{number} moved from {} to {}", lease.address, granted.address));
            }
        }
        let until = now + Duration::from_secs(granted.lease_time.into());
        self.report.held.insert(number, (client, granted, until));
    }
}

impl Report {
    /// The addresses held at the end, with the hardware address of each holder.
    pub fn holders(&self) -> BTreeMap<Ipv4Addr, String> {
        self.held
            .values()
            .map(|(client, lease, _)| (lease.address, client.hardware_text()))
            .collect()
    }

    /// Panics when any client was let down.
    pub fn assert_no_failure(&self) {
        assert!(
            self.failures.is_empty(),
            "{} failures:\n{}",
            self.failures.len(),
            self.failures.join("\n")
        );
    }
}
