//! Once a second: how everything stands, for whoever watches.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::watch;

use crate::driver::clock::Clock;
use crate::server::command::{AdminCommand, CommandSender, LeaseQuery, ServerStatus};
use crate::virtual_address::Held;

use super::ask;
use super::json::StatusBody;
use super::outlook::Outlook;

/// Time between two looks.
const PERIOD: Duration = Duration::from_secs(1);

/// Pages of the walk through all leases that are looked at in one period.
const PAGES: usize = 4;

/// The status as JSON; `None` while the engine does not answer.
pub(super) type Picture = Option<Arc<str>>;

/// The same as values.
pub(crate) type Seen = Option<Arc<StatusBody>>;

/// What was seen last.
#[derive(Clone)]
pub(super) struct Watch {
    clock: Clock,
    outlook: Arc<Mutex<Outlook>>,
    pictures: watch::Receiver<Picture>,
    held: Option<Held>,
}

impl Watch {
    /// The status of this moment.
    pub(super) fn status(&self, status: &ServerStatus) -> StatusBody {
        let body = StatusBody::new(status, &self.outlook.lock(), self.clock.now());
        body.with_virtual_address(self.held.as_ref())
    }

    /// The picture of every second.
    pub(super) fn pictures(&self) -> watch::Receiver<Picture> {
        self.pictures.clone()
    }
}

/// Whoever looks.
#[derive(Debug)]
pub(super) struct Watcher {
    commands: CommandSender,
    clock: Clock,
    outlook: Arc<Mutex<Outlook>>,
    /// Where the walk through all leases goes on.
    walk: LeaseQuery,
    pictures: watch::Sender<Picture>,
    looks: watch::Sender<Seen>,
    held: Option<Held>,
}

/// A watcher, and how to read what it sees. Where the virtual address is, `held` says.
pub(super) fn new(commands: CommandSender, held: Option<Held>) -> (Watch, Watcher) {
    let (sender, pictures) = watch::channel(None);
    let clock = Clock::new();
    let outlook = Arc::<Mutex<Outlook>>::default();
    let watch = Watch { clock, outlook: Arc::clone(&outlook), pictures, held: held.clone() };
    let (looks, _) = watch::channel(None);
    let walk = LeaseQuery::default();
    (watch, Watcher { commands, clock, outlook, walk, pictures: sender, looks, held })
}

impl Watcher {
    /// What is seen every second.
    pub(super) fn looks(&self) -> watch::Receiver<Seen> {
        self.looks.subscribe()
    }

    /// Looks until the engine ends.
    pub(super) async fn run(mut self) {
        let mut ticks = tokio::time::interval(PERIOD);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        while !self.commands.is_closed() {
            ticks.tick().await;
            let status = ask(&self.commands, |answer| AdminCommand::Status { answer }).await;
            let seen = match status {
                Ok(status) => Some(Arc::new(self.look(&status).await)),
                Err(_) => None,
            };
            let picture = seen.as_ref().and_then(|body| serde_json::to_string(&**body).ok());
            self.pictures.send_replace(picture.map(Arc::from));
            self.looks.send_replace(seen);
        }
    }

    async fn look(&mut self, status: &ServerStatus) -> StatusBody {
        self.outlook.lock().observe(self.clock.now(), status);
        for _ in 0..PAGES {
            let query = self.walk.clone();
            let page = ask(&self.commands, |answer| AdminCommand::Leases { query, answer }).await;
            let Ok(page) = page else { break };
            self.outlook.lock().survey(self.clock.now().wall, status, &page);
            self.walk.after = page.next;
            if page.next.is_none() {
                break;
            }
        }
        let body = StatusBody::new(status, &self.outlook.lock(), self.clock.now());
        body.with_virtual_address(self.held.as_ref())
    }
}
