//! Once a second: how everything stands, for whoever watches.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::server::command::{AdminCommand, CommandSender, ServerStatus};

use super::ask;
use super::json::StatusBody;

/// Time between two looks.
const PERIOD: Duration = Duration::from_secs(1);

/// The status as JSON; `None` while the engine does not answer.
pub(super) type Picture = Option<Arc<str>>;

/// What was seen last.
#[derive(Clone)]
pub(super) struct Watch {
    pictures: watch::Receiver<Picture>,
}

impl Watch {
    /// The status of this moment.
    pub(super) fn status(&self, status: &ServerStatus) -> StatusBody {
        StatusBody::new(status)
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
    pictures: watch::Sender<Picture>,
}

/// A watcher, and how to read what it sees.
pub(super) fn new(commands: CommandSender) -> (Watch, Watcher) {
    let (sender, pictures) = watch::channel(None);
    (Watch { pictures }, Watcher { commands, pictures: sender })
}

impl Watcher {
    /// Looks until the engine ends.
    pub(super) async fn run(self) {
        let mut ticks = tokio::time::interval(PERIOD);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        while !self.commands.is_closed() {
            ticks.tick().await;
            let status = ask(&self.commands, |answer| AdminCommand::Status { answer }).await;
            let picture = status.ok().and_then(|status| {
                serde_json::to_string(&StatusBody::new(&status)).ok().map(Arc::from)
            });
            self.pictures.send_replace(picture);
        }
    }
}
