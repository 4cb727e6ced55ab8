//! `twinlease demo`: a pair of servers, clients, a crash, and a verdict, on one machine without
//! privileges.
//!
//! Nothing is played: `cluster` starts two `twinlease serve` processes with stores of their own,
//! a [`Population`] of DHCP clients behind a relay agent speaks UDP to both, `tally` counts what they
//! were told, `display` shows what happens, and `verdict` is computed from what the clients hold and
//! what both servers list at the end.
//!
//! The play: both servers start with empty stores and reach NORMAL; clients come; the primary is
//! killed by SIGKILL while clients come, renew and leave; it returns; both have to agree.

mod cluster;
mod display;
mod interrupt;
mod tally;
mod verdict;

use std::fmt;
use std::io::{self, Write};
use std::net::{Ipv4Addr, UdpSocket};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use clap::Args;
use parking_lot::Mutex;

use crate::clients::{ClientId, Habit, Holding, Population};

use cluster::{Cluster, Side};
use display::Display;
use interrupt::Interrupt;
use tally::Tally;
use verdict::{Evidence, Verdict};

/// How often the servers are asked how they stand.
const POLL: Duration = Duration::from_millis(100);

/// Time kept for the comparison at the end.
const EPILOGUE: Duration = Duration::from_secs(4);

/// Part of the time before the end in which clients appear.
const ARRIVALS: f64 = 0.85;

/// The relay agent's address in the clients' network.
const RELAY: Ipv4Addr = Ipv4Addr::new(10, 99, 0, 1);

/// One client in so many gives its lease back and comes again.
const RELEASING: ClientId = 4;

/// What to show.
#[derive(Clone, Debug, Args)]
pub struct DemoOptions {
    /// Length in seconds, 20 to 60
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u64).range(20..=60))]
    seconds: u64,
    /// Number of clients, 1 to 5000
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=5000))]
    clients: u32,
    /// Print the verdict as one JSON object; progress goes to standard error
    #[arg(long)]
    json: bool,
}

/// Why there is no verdict.
#[derive(Debug)]
pub enum DemoError {
    /// Something of the machine is in the way.
    Machine(&'static str, io::Error),
    /// A server does not run: its name, and what it said last.
    Server(&'static str, String),
    /// Ctrl-C, or another signal.
    Interrupted,
}

impl fmt::Display for DemoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Machine(what, error) => write!(f, "cannot {what}: {error}"),
            Self::Server(name, log) => write!(f, "the {name} does not run; it said last:\n{log}"),
            Self::Interrupted => f.write_str("interrupted; both servers are stopped"),
        }
    }
}

impl std::error::Error for DemoError {}

/// Plays and prints the verdict. True if every guarantee was kept.
pub fn run(options: &DemoOptions) -> Result<bool, DemoError> {
    let verdict = Play::prepare(options)?.run()?;
    let mut out = io::stdout().lock();
    let printed = if options.json { verdict.print_json(&mut out) } else { verdict.print(&mut out) };
    printed
        .and_then(|()| out.flush())
        .map_err(|error| DemoError::Machine("write the verdict", error))?;
    Ok(verdict.passed())
}

/// Moments of the play, from its beginning.
#[derive(Clone, Copy, Debug)]
struct Schedule {
    kill: Duration,
    restart: Duration,
    silence: Duration,
    end: Duration,
}

impl Schedule {
    fn new(seconds: u64) -> Self {
        let end = Duration::from_secs(seconds);
        let silence = end.saturating_sub(EPILOGUE);
        Self { kill: silence.mul_f64(0.35), restart: silence.mul_f64(0.7), silence, end }
    }
}

const fn habit(client: ClientId) -> Habit {
    if client.is_multiple_of(RELEASING) { Habit::Releases } else { Habit::Stays }
}

struct Play {
    interrupt: Interrupt,
    cluster: Cluster,
    display: Display,
    tally: Arc<Mutex<Tally>>,
    schedule: Schedule,
    clients: u32,
}

impl Play {
    fn prepare(options: &DemoOptions) -> Result<Self, DemoError> {
        let interrupt =
            Interrupt::install().map_err(|error| DemoError::Machine("wait for signals", error))?;
        let cluster = Cluster::prepare(options.clients)
            .map_err(|error| DemoError::Machine("prepare the servers", error))?;
        let schedule = Schedule::new(options.seconds);
        Ok(Self {
            interrupt,
            cluster,
            display: Display::new(schedule.end, options.clients),
            tally: Arc::new(Mutex::new(Tally::new())),
            schedule,
            clients: options.clients,
        })
    }

    fn run(mut self) -> Result<Verdict, DemoError> {
        let begin = Instant::now();
        let kill = begin + self.schedule.kill;
        let restart = begin + self.schedule.restart;
        let silence = begin + self.schedule.silence;

        self.display.event("two servers start with empty stores, on 127.0.0.1 and 127.0.0.2");
        self.start(Side::Primary)?;
        self.start(Side::Secondary)?;
        let time_to_normal = self.until_agreed(begin, kill)?;
        self.report(time_to_normal, "both are in NORMAL", "; clients come");
        let population = self.open_doors(silence)?;
        self.watch_until(kill)?;

        let held = self.tally.lock().held();
        self.display.event(&format!(
            "SIGKILL to the primary while {held} clients hold leases; the secondary goes on alone, \
             with leases no longer than the partner knows plus MCLT"
        ));
        self.cluster.kill(Side::Primary);
        self.tally.lock().primary_killed(Instant::now());
        self.watch_until(restart)?;

        let granted = self.tally.lock().granted_since_kill();
        self.display.event(&format!(
            "the primary returns with the store it left behind; {granted} leases were granted meanwhile"
        ));
        let returned = Instant::now();
        self.start(Side::Primary)?;
        let time_to_synchronise = self.until_agreed(returned, silence)?;
        self.report(time_to_synchronise, "both are in NORMAL and know the same", "");
        self.watch_until(silence)?;

        self.display.event("the clients fall silent; what they hold is compared with both stores");
        let holdings = population
            .join()
            .map_err(|_| DemoError::Machine("run the clients", io::Error::other("panic")))?
            .map_err(|error| DemoError::Machine("speak UDP", error))?;
        let listings = self.compare(silence + EPILOGUE.mul_f64(0.75))?;
        self.display.finish();
        let verdict = Verdict::compute(&Evidence {
            clients: self.clients,
            time_to_normal,
            time_to_synchronise,
            holdings: &holdings,
            listings: &listings,
            tally: &self.tally.lock(),
        });
        if !verdict.passed() {
            self.cluster.keep_files();
            self.display.event(&format!(
                "logs, configurations and stores of both: {}",
                self.cluster.directory().display()
            ));
        }
        Ok(verdict)
    }

    /// Starts a server and waits until it can be asked.
    fn start(&mut self, side: Side) -> Result<(), DemoError> {
        self.cluster.start(side).map_err(|error| DemoError::Machine("start a server", error))?;
        let patience = Instant::now() + Duration::from_secs(5);
        while self.cluster.look(side).is_none() {
            self.check(side)?;
            if Instant::now() > patience {
                return Err(DemoError::Server(side.name(), self.cluster.last_words(side)));
            }
            thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    /// Fails if a signal came, or if a server that should run does not.
    fn check(&mut self, side: Side) -> Result<(), DemoError> {
        if self.interrupt.came() {
            return Err(DemoError::Interrupted);
        }
        if self.cluster.has_ended(side) {
            return Err(DemoError::Server(side.name(), self.cluster.last_words(side)));
        }
        Ok(())
    }

    fn open_doors(
        &self,
        silence: Instant,
    ) -> Result<thread::JoinHandle<io::Result<Vec<Holding>>>, DemoError> {
        let tally = Arc::clone(&self.tally);
        let addresses = self.cluster.client_addresses();
        let arrivals = silence.saturating_duration_since(Instant::now()).mul_f64(ARRIVALS);
        let mut population = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))
            .and_then(|socket| {
                let count = self.clients;
                Population::new(count, arrivals, socket, addresses, RELAY, habit, tally)
            })
            .map_err(|error| DemoError::Machine("open a socket for the clients", error))?;
        thread::Builder::new()
            .name("clients".to_owned())
            .spawn(move || {
                population.live(|| Instant::now() >= silence)?;
                Ok(population.holdings(Instant::now()))
            })
            .map_err(|error| DemoError::Machine("start a thread", error))
    }

    /// Shows how things stand until `moment`.
    fn watch_until(&mut self, moment: Instant) -> Result<(), DemoError> {
        while Instant::now() < moment {
            self.look_around()?;
            thread::sleep(POLL.min(moment.saturating_duration_since(Instant::now())));
        }
        Ok(())
    }

    /// How long after `since` both are in NORMAL, talk, and have nothing left to tell each other;
    /// `None` if that does not come about before `limit`.
    fn until_agreed(
        &mut self,
        since: Instant,
        limit: Instant,
    ) -> Result<Option<Duration>, DemoError> {
        loop {
            if self.look_around()? {
                return Ok(Some(since.elapsed()));
            }
            if Instant::now() >= limit {
                return Ok(None);
            }
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Asks both servers how they stand and shows it; true if they agree.
    fn look_around(&mut self) -> Result<bool, DemoError> {
        let mut agreed = true;
        for side in Side::BOTH {
            if self.cluster.is_started(side) {
                self.check(side)?;
            }
            let view = self.cluster.look(side);
            agreed &= view.as_ref().is_some_and(cluster::View::is_settled);
            self.display.server(side, view.as_ref());
        }
        self.display.clients(&self.tally.lock());
        Ok(agreed)
    }

    /// The lists of both servers as soon as they are equal; as they are at `limit` if that comes
    /// first. A lease that ends while one is asked makes a difference that passes.
    fn compare(&mut self, limit: Instant) -> Result<cluster::Listings, DemoError> {
        loop {
            let listings = self.cluster.listings();
            if listings.differences().is_some_and(|count| count == 0) || Instant::now() >= limit {
                return Ok(listings);
            }
            self.look_around()?;
            thread::sleep(POLL);
        }
    }

    fn report(&mut self, time: Option<Duration>, done: &str, next: &str) {
        self.display.event(&match time {
            Some(time) => format!("{done} after {} ms{next}", time.as_millis()),
            None => format!("NOT in time: {done}"),
        });
    }
}
