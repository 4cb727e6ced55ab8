//! One thread that sends when it is time, reads what has come, and gives up what has waited too long.

use std::io;
use std::time::{Duration, Instant};

use super::conversation::{Conversation, Turns};
use super::plan::Load;
use super::port::Ports;
use super::progress::Progress;
use super::schedule::{SECOND, Schedule};
use super::tally::Tally;

/// Exchanges that are begun before anything else is looked after.
const AT_ONCE: usize = 256;
/// Exchanges under way while leases are got before a run.
const LEASES_AT_ONCE: u64 = 64;
/// How often the clients without a lease ask for one before a run.
const LEASE_ROUNDS: u32 = 5;
/// A rest is over when nothing has come for so long, or when it has taken too long.
const QUIET: u64 = SECOND / 2;
const LONGEST_REST: u64 = 10 * SECOND;
/// Longest sleep: bounds how late the end of a run and the progress are.
const LONGEST_SLEEP: u64 = SECOND / 100;

/// The time, in nanoseconds from a beginning.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock(Instant);

impl Clock {
    pub(super) fn start() -> Self {
        Self(Instant::now())
    }

    pub(super) fn now(self) -> u64 {
        nanoseconds(self.0.elapsed())
    }
}

/// A duration in the unit of the clock.
pub(super) fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// When exchanges begin.
#[derive(Clone, Copy, Debug)]
enum Pace {
    /// At their times, whatever the server does.
    Open(Schedule),
    /// As soon as fewer than [`LEASES_AT_ONCE`] are under way.
    Closed,
}

/// Clients, sockets and a clock.
#[derive(Debug)]
pub(super) struct Generator {
    pub(super) clock: Clock,
    pub(super) conversation: Conversation,
    pub(super) ports: Ports,
}

impl Generator {
    /// Has every client get a lease, as fast as the servers give them. Returns what came of it.
    pub(super) fn lease(&mut self, progress: &mut Progress) -> io::Result<Tally> {
        let mut whole = Tally::default();
        for _ in 0..LEASE_ROUNDS {
            let round = self.play(Turns::Lease, Pace::Closed, progress)?;
            whole.begun += round.begun;
            whole.completed += round.completed;
            if round.completed == round.begun {
                break;
            }
        }
        Ok(whole)
    }

    /// Plays a load at a rate, for so long and until every exchange is answered or given up.
    pub(super) fn load(
        &mut self,
        load: Load,
        rate: u32,
        length: Duration,
        progress: &mut Progress,
    ) -> io::Result<Tally> {
        let schedule = Schedule::new(self.clock.now(), rate, nanoseconds(length));
        self.play(Turns::Load(load), Pace::Open(schedule), progress)
    }

    /// Lets the servers work off what they still have.
    pub(super) fn rest(&mut self) -> io::Result<()> {
        let begin = self.clock.now();
        let mut quiet_since = begin;
        loop {
            let heard = self.hear()?;
            let now = self.clock.now();
            if heard > 0 {
                quiet_since = now;
            }
            if now - quiet_since >= QUIET || now - begin >= LONGEST_REST {
                return Ok(());
            }
            self.ports.wait(Duration::from_nanos(LONGEST_SLEEP));
        }
    }

    fn play(&mut self, turns: Turns, mut pace: Pace, progress: &mut Progress) -> io::Result<Tally> {
        self.conversation.start(turns, self.clock.now());
        loop {
            let now = self.clock.now();
            self.begin(&mut pace, now);
            let heard = self.hear()?;
            let now = self.clock.now();
            self.conversation.give_up(now);
            if let Some(second) = self.conversation.tally().turn_second(now) {
                progress.second(&second);
            }
            if self.is_over(&pace) {
                progress.end();
                return Ok(self.conversation.finish());
            }
            let idle = self.idle_until(&pace).saturating_sub(self.clock.now());
            if heard == 0 && idle > 0 {
                self.ports.wait(Duration::from_nanos(idle));
            }
        }
    }

    /// Begins the exchanges whose time has come.
    fn begin(&mut self, pace: &mut Pace, now: u64) {
        for _ in 0..AT_ONCE {
            let due = match pace {
                Pace::Open(schedule) => schedule.take(now),
                Pace::Closed => (self.conversation.under_way() < LEASES_AT_ONCE).then_some(now),
            };
            let Some(due) = due else { break };
            if let Some(saying) = self.conversation.begin(due, now) {
                self.ports.put(&saying);
            } else if matches!(pace, Pace::Closed) {
                break;
            }
        }
        self.ports.flush();
    }

    fn hear(&mut self) -> io::Result<u64> {
        let Self { clock, conversation, ports } = self;
        ports.receive(&mut |from, octets| conversation.hear(from, octets, clock.now()))
    }

    /// Whether everything has begun, and has ended.
    fn is_over(&self, pace: &Pace) -> bool {
        let all_begun = match pace {
            Pace::Open(schedule) => schedule.upcoming().is_none(),
            Pace::Closed => self.conversation.all_had_their_turn(),
        };
        all_begun && self.conversation.under_way() == 0
    }

    /// When there is something to do, whatever arrives.
    fn idle_until(&self, pace: &Pace) -> u64 {
        let next = match pace {
            Pace::Open(schedule) => schedule.upcoming(),
            Pace::Closed => None,
        };
        let latest = self.clock.now().saturating_add(LONGEST_SLEEP);
        let times = [next, self.conversation.patience_ends()];
        times.into_iter().flatten().fold(latest, u64::min)
    }
}
