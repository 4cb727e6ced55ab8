//! Once a minute, where somebody wants to be told: do both servers still have the same configuration?

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use crate::admin::App;

use super::look::compared;

/// Time between two comparisons, and to the first.
const PERIOD: Duration = Duration::from_secs(60);
const FIRST: Duration = Duration::from_secs(5);

/// What differs by relationship, as the last comparison found it; what cannot be compared stays as it was.
pub(crate) type Drifts = BTreeMap<String, Vec<String>>;

/// Whoever compares.
pub(in crate::admin) struct Lookout {
    app: App,
    drifts: watch::Sender<Drifts>,
}

impl fmt::Debug for Lookout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Lookout(..)")
    }
}

impl Lookout {
    pub(in crate::admin) fn new(app: App) -> Self {
        Self { app, drifts: watch::Sender::default() }
    }

    /// What is found from now on.
    pub(in crate::admin) fn drifts(&self) -> watch::Receiver<Drifts> {
        self.drifts.subscribe()
    }

    /// Compares as long as somebody wants to know.
    pub(in crate::admin) async fn run(self) {
        let mut ticks = interval_at(Instant::now() + FIRST, PERIOD);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !self.drifts.is_closed() {
            ticks.tick().await;
            self.compare().await;
        }
        std::future::pending::<()>().await;
    }

    async fn compare(&self) {
        let Ok(config) = self.app.setup.config().await else { return };
        let mut drifts = self.drifts.borrow().clone();
        drifts.retain(|name, _| config.relationships.iter().any(|one| one.name == *name));
        for configured in config.relationships.iter().filter(|one| one.peer_admin.is_some()) {
            let Ok(drift) = compared(&self.app, &configured.name).await else { continue };
            let differs =
                drift.differences.into_iter().map(|one| format!("{}: {}", one.what, one.key));
            drifts.insert(configured.name.clone(), differs.collect());
        }
        self.drifts.send_replace(drifts);
    }
}
