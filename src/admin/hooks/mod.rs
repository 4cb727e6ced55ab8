//! Commands and requests on events: `[[hook]]` of the configuration.
//!
//! An event passes through a queue on disk and counts as queued once it is on stable storage; from there every
//! hook is told it at least once, in order, whatever ends this process in between. `notice` is what
//! is told, `edges` finds out when a figure passes its limit, `queue` is the durable part, `deliver` a
//! thread a hook with `command` and `post` as its two ways. The engine knows of none of this: events
//! come from the feed, figures from the look of every second, and whatever blocks has a thread of its own.

mod command;
mod deliver;
mod edges;
mod notice;
mod post;
mod queue;

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{broadcast, watch};

use crate::driver::clock::Clock;
use crate::rate_limit::RateLimit;
use crate::server::command::{AdminCommand, CommandSender};
use crate::server::config::{EventKind, Hook};
use crate::server::feed::Told;
use crate::server::metrics::Samples;

use super::ask;
use super::setup::lookout::Drifts;
use super::watch::Seen;
use edges::Edges;
use notice::Notice;
use queue::Queue;

/// Pause before the queue is tried again that could not be written, and before the engine is asked again.
const PAUSE: Duration = Duration::from_secs(1);

/// How long a stop waits for what has not been delivered yet; the rest follows after the next start.
const STOP_PATIENCE: Duration = Duration::from_secs(2);

/// What is counted of one hook.
#[derive(Debug, Default)]
struct Count {
    delivered: AtomicU64,
    failed: AtomicU64,
    dropped: AtomicU64,
    waiting: AtomicU64,
    /// The last attempt failed.
    is_failing: AtomicBool,
}

/// What is counted of every hook, under its name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counts(Arc<Vec<(String, Count)>>);

impl Counts {
    fn new(hooks: &[Hook]) -> Self {
        Self(Arc::new(hooks.iter().map(|hook| (hook.name.clone(), Count::default())).collect()))
    }

    fn get(&self, hook: usize) -> Option<&Count> {
        self.0.get(hook).map(|(_, count)| count)
    }

    /// Whether everything has been delivered that can be.
    fn is_settled(&self) -> bool {
        self.0.iter().all(|(_, count)| {
            count.waiting.load(Ordering::Relaxed) == 0 || count.is_failing.load(Ordering::Relaxed)
        })
    }

    /// Adds the samples of all hooks.
    #[expect(clippy::cast_precision_loss, reason = "Prometheus numbers are doubles")]
    pub(super) fn add_to(&self, samples: &mut Samples) {
        for (name, count) in self.0.iter() {
            let label = [("hook", name.as_str())];
            for (name, help, value) in [
                (
                    "twinlease_hook_delivered_total",
                    "Events that the receiver took.",
                    &count.delivered,
                ),
                (
                    "twinlease_hook_failed_total",
                    "Attempts that the receiver did not take.",
                    &count.failed,
                ),
                (
                    "twinlease_hook_dropped_total",
                    "Events that found no room while the receiver took nothing.",
                    &count.dropped,
                ),
            ] {
                samples.counter(name, help, &label, value.load(Ordering::Relaxed));
            }
            let help = "Events that wait for the receiver.";
            let waiting = count.waiting.load(Ordering::Relaxed) as f64;
            samples.gauge("twinlease_hook_waiting", help, &label, waiting);
        }
    }
}

/// Everything between an event and its receivers.
pub(crate) struct Hooks {
    queue: Arc<Queue>,
    counts: Counts,
    edges: Edges,
    clock: Clock,
    /// As which server the receivers know this one.
    server: String,
    /// Number of the last event of the feed.
    seen: u64,
    troubles: RateLimit,
}

impl Hooks {
    /// Opens the queue and begins to deliver what waits in it. `None` without hooks.
    pub(crate) fn start(hooks: &[Hook], data_dir: &Path) -> io::Result<Option<Self>> {
        if hooks.is_empty() {
            return Ok(None);
        }
        let counts = Counts::new(hooks);
        let queue = Arc::new(Queue::open(data_dir, hooks, counts.clone())?);
        for (index, hook) in hooks.iter().enumerate() {
            deliver::start(Arc::clone(&queue), index, hook.clone(), counts.clone())?;
        }
        let server = nix::unistd::gethostname().unwrap_or_default();
        Ok(Some(Self {
            queue,
            counts,
            edges: Edges::default(),
            clock: Clock::new(),
            server: server.to_string_lossy().into_owned(),
            seen: 0,
            troubles: RateLimit::default(),
        }))
    }

    /// Whether somebody wants to know how the configuration of both servers differs.
    pub(crate) fn wants_drifts(&self) -> bool {
        self.queue.wants(EventKind::Drift)
    }

    /// What is counted.
    pub(crate) fn counts(&self) -> Counts {
        self.counts.clone()
    }

    /// Queues what happens until the engine has ended, and waits a little for its delivery.
    pub(crate) async fn run(
        mut self,
        commands: CommandSender,
        mut looks: watch::Receiver<Seen>,
        drifts: Option<watch::Receiver<Drifts>>,
    ) {
        while !commands.is_closed() {
            let after = self.seen;
            let Ok(feed) = ask(&commands, |answer| AdminCommand::Watch { after, answer }).await
            else {
                tokio::time::sleep(PAUSE).await;
                continue;
            };
            for told in feed.past {
                self.told(&told).await;
            }
            self.follow(feed.coming, &mut looks, drifts.as_ref()).await;
        }
        let deadline = tokio::time::Instant::now() + STOP_PATIENCE;
        while !self.counts.is_settled() && tokio::time::Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        self.queue.close();
    }

    /// Queues what comes, until the feed ends or has more than this can follow: then it has the rest in
    /// its past.
    async fn follow(
        &mut self,
        mut coming: broadcast::Receiver<Told>,
        looks: &mut watch::Receiver<Seen>,
        drifts: Option<&watch::Receiver<Drifts>>,
    ) {
        loop {
            tokio::select! {
                told = coming.recv() => match told {
                    Ok(told) => self.told(&told).await,
                    Err(_) => return,
                },
                Ok(()) = looks.changed() => {
                    let seen = looks.borrow_and_update().clone();
                    if let Some(status) = seen {
                        let now = self.clock.now();
                        let drifts = drifts.map(|drifts| drifts.borrow().clone());
                        let drifts = drifts.unwrap_or_default();
                        for notice in self.edges.look(now, &status, &drifts) {
                            self.queue(notice).await;
                        }
                    }
                }
            }
        }
    }

    async fn told(&mut self, told: &Told) {
        let missed = told.number.saturating_sub(self.seen.saturating_add(1));
        if missed > 0 {
            tracing::warn!("{missed} events came faster than they could be queued for the hooks");
        }
        self.seen = told.number;
        for notice in Notice::of(told) {
            self.queue(notice).await;
        }
    }

    /// Makes a notice durable. While the disk takes nothing the feed keeps what follows.
    async fn queue(&mut self, notice: Notice) {
        let event = Arc::new((notice.kind, notice.into_json(&self.server)));
        loop {
            let (queue, event) = (Arc::clone(&self.queue), Arc::clone(&event));
            let pushed =
                tokio::task::spawn_blocking(move || queue.push(event.0, event.1.clone())).await;
            let error = match pushed {
                Ok(Ok(())) | Err(_) => return,
                Ok(Err(error)) => error,
            };
            if let Some(suppressed) = self.troubles.pass(self.clock.monotonic()) {
                tracing::error!(suppressed, "the queue of the hooks cannot be written: {error}");
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}
