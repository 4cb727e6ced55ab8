//! The configuration file is read again because a signal says so.

use std::fmt;

use crate::admin::ask;
use crate::server::command::{AdminCommand, Applied, CommandSender};
use crate::server::config::Config;

use super::Setup;

/// The file, and who takes it.
#[derive(Clone)]
pub(crate) struct Again {
    setup: Setup,
    commands: CommandSender,
}

impl fmt::Debug for Again {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Again").finish_non_exhaustive()
    }
}

impl Again {
    pub(in crate::admin) const fn new(setup: Setup, commands: CommandSender) -> Self {
        Self { setup, commands }
    }

    /// Reads the file and lets the engine take it, behind a change that is under way. The error is why
    /// the former configuration stays in force.
    pub(crate) async fn read(&self) -> Result<Applied, String> {
        let _turn = self.setup.0.turn.lock().await;
        let file = self.setup.file().map_err(|failure| failure.to_string())?;
        let read = tokio::task::spawn_blocking(move || {
            let text = file.read().map_err(|error| error.to_string())?;
            let config = Config::parse(&text, file.path()).map_err(|error| error.to_string())?;
            Ok::<_, String>((text, Box::new(config)))
        });
        let (text, config) = read.await.map_err(|error| error.to_string())??;
        let answer = ask(&self.commands, |answer| AdminCommand::Apply { config, answer }).await;
        let applied = answer.map_err(|failure| failure.to_string())?;
        let applied = applied.map_err(|error| error.to_string())?;
        *self.setup.0.in_force.lock() = text;
        Ok(applied)
    }
}
