//! `twinlease bench clients`: a population of DHCP clients that asks at a given rate.
//!
//! The load is open: `schedule` says when each exchange begins, and nothing that a server does changes
//! that. Times are counted from when an exchange was due, so that an answer which a client had to wait
//! for because the generator or the server was busy is late, not left out.
//!
//! `conversation` is the clients: it says what each says in its turn and takes the answers in, without
//! sockets and without a clock. `crowd` keeps what they hold, in flat memory, and finds out when an
//! address is given to two of them; `findings` are the promises that were broken. `template` writes
//! messages and `answer` reads them, both in place. `port` carries them, many a system call; `run`
//! is the loop around it all, on one thread. `ramp` searches for the highest rate; `tally` counts,
//! `outcome` tells.

#![cfg_attr(
    not(test),
    deny(
        clippy::panic,
        clippy::string_slice,
        clippy::unreachable,
        reason = "what a server sends passes here, and nothing may panic on it"
    )
)]

mod answer;
mod conversation;
mod crowd;
mod findings;
mod layout;
mod names;
mod options;
mod outcome;
mod plan;
mod port;
mod progress;
mod ramp;
mod run;
mod schedule;
mod tally;
mod template;

use std::fmt;
use std::io;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::balance::HashBuckets;

use conversation::Conversation;
use crowd::Crowd;
use outcome::{Preparation, Run, Step};
use port::Ports;
use progress::Progress;
use ramp::Ramp;
use run::{Clock, Generator, nanoseconds};

pub use options::Options;
pub use outcome::Outcome;
pub use plan::{Attachment, Load, Plan};
pub use port::OpenError;

/// A rate is kept up with if no more than this share of the exchanges fails.
pub const KEPT_UP: f64 = 0.01;

/// Why nothing could be measured.
#[derive(Debug)]
pub enum BenchError {
    /// A socket cannot be opened.
    Open(OpenError),
    /// A socket cannot be read.
    Receive(io::Error),
    /// No client got the lease that the load is about.
    NoLease,
    /// Nothing came back at all.
    NoAnswer,
}

impl fmt::Display for BenchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open(error) => error.fmt(f),
            Self::Receive(error) => write!(f, "cannot receive: {error}"),
            Self::NoLease => f.write_str(
                "no client got a lease; is there a server, and has it a pool for the network of giaddr?",
            ),
            Self::NoAnswer => f.write_str(
                "not one answer came; is there a server, and has it a pool for the network of giaddr?",
            ),
        }
    }
}

impl std::error::Error for BenchError {}

impl From<OpenError> for BenchError {
    fn from(error: OpenError) -> Self {
        Self::Open(error)
    }
}

impl From<io::Error> for BenchError {
    fn from(error: io::Error) -> Self {
        Self::Receive(error)
    }
}

/// Does what the plan says: leases where the load needs them, the search for the highest rate, the run,
/// the overload.
pub fn run(plan: &Plan) -> Result<Outcome, BenchError> {
    let mut bench = Bench::new(plan)?;
    let preparation = if plan.load.needs_leases() { Some(bench.prepare()?) } else { None };
    let (steps, found) = match plan.ramp {
        Some(length) => bench.ramp(length)?,
        None => (Vec::new(), None),
    };
    let rate = if plan.ramp.is_some() { found } else { Some(plan.rate) };
    let mut runs = Vec::new();
    if let Some(rate) = rate.filter(|_| !plan.length.is_zero()) {
        runs.push(bench.run("steady", rate)?);
    }
    if let (Some(rate), Some(times)) = (rate, plan.overload) {
        runs.push(bench.run("overload", multiplied(rate, times))?);
    }
    let findings = bench.generator.conversation.findings().clone();
    let outcome = Outcome { plan: plan.clone(), preparation, steps, found, runs, findings };
    if outcome.completed() == 0 { Err(BenchError::NoAnswer) } else { Ok(outcome) }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the product is not negative, and the largest rate where it is too large"
)]
fn multiplied(rate: u32, times: f64) -> u32 {
    (f64::from(rate) * times).round() as u32
}

/// A generator that follows a plan.
struct Bench<'p> {
    plan: &'p Plan,
    generator: Generator,
}

impl<'p> Bench<'p> {
    fn new(plan: &'p Plan) -> Result<Self, BenchError> {
        let crowd = Crowd::new(plan.first_client, plan.clients);
        let buckets = plan.split.and_then(HashBuckets::from_split);
        let timeout = nanoseconds(plan.timeout);
        let conversation = Conversation::new(crowd, first_xid(), timeout, buckets);
        let ports = Ports::open(plan)?;
        Ok(Self { plan, generator: Generator { clock: Clock::start(), conversation, ports } })
    }

    fn prepare(&mut self) -> Result<Preparation, BenchError> {
        let before = self.generator.clock.now();
        self.generator.lease(&mut Progress::new("leases", None))?;
        let now = self.generator.clock.now();
        let leases = self.generator.conversation.holding(now);
        if leases == 0 {
            return Err(BenchError::NoLease);
        }
        self.generator.rest()?;
        Ok(Preparation { leases, took: Duration::from_nanos(now.saturating_sub(before)) })
    }

    /// The steps, and the rate that was found.
    fn ramp(&mut self, length: Duration) -> Result<(Vec<Step>, Option<u32>), BenchError> {
        let mut ramp = Ramp::new(self.plan.rate);
        let mut steps = Vec::new();
        while let Some(rate) = ramp.next() {
            let mut progress = Progress::new(&format!("ramp {rate}/s"), Some(length));
            let tally = self.generator.load(self.plan.load, rate, length, &mut progress)?;
            let step = Step::new(rate, &tally);
            ramp.learn(step.kept_up);
            steps.push(step);
            self.generator.rest()?;
        }
        Ok((steps, ramp.found()))
    }

    fn run(&mut self, name: &'static str, rate: u32) -> Result<Run, BenchError> {
        let before = self.generator.ports.unsent();
        let mut progress = Progress::new(&format!("{name} {rate}/s"), Some(self.plan.length));
        let length = self.plan.length;
        let tally = self.generator.load(self.plan.load, rate, length, &mut progress)?;
        self.generator.rest()?;
        let unsent = self.generator.ports.unsent().saturating_sub(before);
        Ok(Run { name, rate, length, tally, unsent })
    }
}

/// Where transaction numbers begin: elsewhere each time, so that no answer to an earlier load is taken
/// for one to this.
fn first_xid() -> u32 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    now.subsec_nanos() ^ std::process::id().rotate_left(16)
}
