//! A thread a hook: it tells one event after the other, each until it was taken.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use crate::server::config::{Hook, HookTarget};

use super::queue::{Delivery, Queue};
use super::{Counts, command, post};

/// Pause after the first failure; each is twice as long as the one before.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// Why an event was not taken, in words without anything secret.
#[derive(Debug)]
pub(super) struct NotTaken(pub(super) String);

impl fmt::Display for NotTaken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The way to a receiver, made once.
enum Way {
    Command(command::Program),
    Web(post::Receiver),
}

impl Way {
    fn of(hook: &Hook) -> Self {
        match &hook.target {
            HookTarget::Command { program, arguments } => {
                Self::Command(command::Program::new(program, arguments, hook.time_limit))
            }
            HookTarget::Web(web) => Self::Web(post::Receiver::new(web, hook.time_limit)),
        }
    }

    fn tell(&self, event: &Delivery) -> Result<(), NotTaken> {
        match self {
            Self::Command(program) => program.run(event),
            Self::Web(receiver) => receiver.post(event),
        }
    }
}

/// Begins to deliver what the queue has for this hook, until the queue is closed.
pub(super) fn start(queue: Arc<Queue>, index: usize, hook: Hook, counts: Counts) -> io::Result<()> {
    let thread = thread::Builder::new().name(format!("hook-{index}"));
    thread.spawn(move || deliver(&queue, index, &hook, &counts)).map(drop)
}

fn deliver(queue: &Queue, index: usize, hook: &Hook, counts: &Counts) {
    let way = Way::of(hook);
    let mut pause = FIRST_PAUSE;
    let Some(count) = counts.get(index) else { return };
    while let Some(event) = queue.next(index) {
        match way.tell(&event) {
            Ok(()) => {
                pause = FIRST_PAUSE;
                count.is_failing.store(false, Ordering::Relaxed);
                count.delivered.fetch_add(1, Ordering::Relaxed);
                queue.told(index, event.number);
            }
            Err(why) => {
                count.is_failing.store(true, Ordering::Relaxed);
                count.failed.fetch_add(1, Ordering::Relaxed);
                let (hook, event) = (&hook.name, event.number);
                let seconds = pause.as_secs();
                tracing::warn!(hook, event, "not taken: {why}; told again in {seconds} s");
                if queue.pause(pause) {
                    return;
                }
                pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
            }
        }
    }
}
