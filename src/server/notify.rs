//! Word to systemd (`sd_notify`): ready once the engine answers, alive as long as it does, stopping.
//!
//! Without systemd nobody listens, and nothing is said.

use std::time::Duration;

use sd_notify::NotifyState;
use tokio::sync::oneshot;

use super::command::{AdminCommand, CommandSender};

/// The server tells its partners and leaves.
pub(super) fn stopping() {
    tell(NotifyState::Stopping);
}

/// The server reads its configuration again; [`ready`] follows.
pub(super) fn reloading() {
    let moment = NotifyState::monotonic_usec_now();
    let told = moment.and_then(|moment| sd_notify::notify(&[NotifyState::Reloading, moment]));
    if let Err(error) = told {
        tracing::debug!("systemd cannot be told: {error}");
    }
}

/// The server serves.
pub(super) fn ready() {
    tell(NotifyState::Ready);
}

/// Says that the server is ready, and then, twice in the time that the watchdog allows, that it lives. An
/// engine that does not answer says nothing, and systemd starts another.
pub(super) async fn keep(commands: CommandSender) {
    if !answers(&commands).await {
        return;
    }
    ready();
    let Some(limit) = sd_notify::watchdog_enabled() else { return };
    let mut ticks = tokio::time::interval((limit / 2).max(Duration::from_millis(1)));
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if !answers(&commands).await {
            return;
        }
        tell(NotifyState::Watchdog);
    }
}

/// Waits until the engine answers; false once there is none.
async fn answers(commands: &CommandSender) -> bool {
    let (answer, answered) = oneshot::channel();
    commands.send(AdminCommand::Status { answer }).await.is_ok() && answered.await.is_ok()
}

fn tell(state: NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[state]) {
        tracing::debug!("systemd cannot be told: {error}");
    }
}
