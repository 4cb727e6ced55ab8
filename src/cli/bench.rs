//! `twinlease bench`.

use std::process::ExitCode;

use clap::Subcommand;

use crate::bench::partner;

use super::fail;

/// What to measure.
#[derive(Debug, Subcommand)]
pub(super) enum BenchCommand {
    /// Play the failover partner of a server: bindings both ways, updates at a rate
    #[command(after_help = "\
Never with a server in use: it is given made-up leases.

Example:
  twinlease bench partner --server 10.78.0.1 --local 10.78.0.2 --role secondary \\
      --relationship office-lan --pool 10.78.8.0 --sync-to 10000 --sync-from")]
    Partner {
        #[command(flatten)]
        options: Box<partner::Options>,
    },
}

/// Measures.
pub(super) fn run(command: BenchCommand) -> ExitCode {
    match command {
        BenchCommand::Partner { options } => match partner::run(&options) {
            Ok(()) => ExitCode::SUCCESS,
            Err(failure) => fail(&failure.to_string()),
        },
    }
}
