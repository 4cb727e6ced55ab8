//! Logs: to standard error, for people or as JSON.

use std::fmt;
use std::io::{self, IsTerminal};

use clap::ValueEnum;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// One line for people
    #[default]
    Human,
    /// One JSON object a line
    Json,
}

/// A filter that cannot be used.
#[derive(Debug)]
pub struct WrongFilter {
    filter: String,
    error: ParseError,
}

impl fmt::Display for WrongFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "\"{}\" is no log filter: {}; write error, warn, info, debug or trace, or \
             info,twinlease::driver=debug",
            self.filter, self.error
        )
    }
}

impl std::error::Error for WrongFilter {}

/// Begins to log what `filter` lets through. Only the first call of a process has an effect.
pub fn start(filter: &str, format: LogFormat) -> Result<(), WrongFilter> {
    let parsed = EnvFilter::builder()
        .parse(filter)
        .map_err(|error| WrongFilter { filter: filter.to_owned(), error })?;
    let builder = tracing_subscriber::fmt().with_env_filter(parsed).with_writer(io::stderr);
    // An error here says that another subscriber is at work, which is as good.
    let _ = match format {
        LogFormat::Human => {
            builder.with_ansi(io::stderr().is_terminal()).with_target(false).try_init()
        }
        LogFormat::Json => builder.json().flatten_event(true).with_current_span(false).try_init(),
    };
    Ok(())
}
