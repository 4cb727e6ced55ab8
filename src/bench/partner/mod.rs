//! `twinlease bench partner`: plays the partner of a failover server, any that speaks the protocol, and
//! measures how fast bindings go either way.
//!
//! A `Player` speaks the protocol without sockets and clocks, so far as a server has to be spoken to before
//! it takes and gives bindings; `leases` makes up what it gives away, `flights` remembers what was not
//! answered yet. A `session` is a player on a connection; as many run at once as there are relationships,
//! and all begin each piece of work together. `report` tells what came of it.
//!
//! A player keeps nothing: it acknowledges what it is given and forgets it, so that all time that is
//! measured is the server's.

mod figures;
mod flights;
mod leases;
mod options;
mod player;
mod report;
mod session;
#[cfg(test)]
mod tests;

use std::fmt;
use std::io::{self, Write};

pub use options::Options;
use player::Fault;
pub use report::Report;

/// Why nothing was measured.
#[derive(Debug)]
pub enum Failure {
    /// No connection, or none any more.
    Connection(io::Error),
    /// The server or its answers were not as they have to be.
    Server(Fault),
    /// Nothing happened for so many seconds while this was waited for.
    Silence(u64, &'static str),
    /// The report cannot be written.
    Output(io::Error),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connection(error) => write!(f, "no connection with the server: {error}"),
            Self::Server(fault) => fault.fmt(f),
            Self::Silence(seconds, what) => {
                write!(f, "waited for {seconds} seconds in vain for {what}")
            }
            Self::Output(error) => write!(f, "cannot write the report: {error}"),
        }
    }
}

impl std::error::Error for Failure {}

/// Plays what `options` say, and reports.
pub fn run(options: &Options) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let report = runtime.map_err(Failure::Connection)?.block_on(session::play(options))?;
    write(options, &report).map_err(Failure::Output)
}

fn write(options: &Options, report: &Report) -> io::Result<()> {
    let json = || format!("{:#}\n", report.to_json());
    match options.json.as_deref() {
        Some("-") => io::stdout().write_all(json().as_bytes()),
        Some(file) => {
            std::fs::write(file, json())?;
            io::stdout().write_all(report.to_text().as_bytes())
        }
        None => io::stdout().write_all(report.to_text().as_bytes()),
    }
}
