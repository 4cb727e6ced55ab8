//! `twinlease bench`.

use std::env;
use std::process::ExitCode;

use clap::Subcommand;

use crate::bench::clients;

use super::{FAILED, USAGE, fail};

/// What to measure.
#[derive(Debug, Subcommand)]
pub(super) enum BenchCommand {
    /// Play DHCP clients that ask at a given rate, whatever the server does
    #[command(after_help = "\
Behind a relay agent (--giaddr) a message for all servers goes to each of --servers, and they answer to
port 67 of giaddr, which has to be an address of this machine. Servers at another port are on trial:
they answer to where the request came from, and giaddr only names the clients' network.

Latencies count from when a message was due, so that nothing is left out while the server or this
program is busy. docs/bench.md says what every figure means.

Exit codes: 0 all is well, 1 a promise was broken or nothing was answered, 2 wrong usage.

Examples:
  twinlease bench clients --servers 10.78.0.1,10.78.0.2 --giaddr 10.78.0.3 --rate 1000
  twinlease bench clients --interface eth0 --load release --rate 200 --seconds 30
  twinlease bench clients --servers 10.78.0.1 --giaddr 10.78.0.3 --ramp --overload 4 --html report.html
  twinlease bench clients --servers 127.0.0.1:6767 --giaddr 10.78.0.3 --load renew --json -")]
    Clients {
        #[command(flatten)]
        options: Box<clients::Options>,
    },
}

/// Measures.
pub(super) fn run(command: &BenchCommand) -> ExitCode {
    match command {
        BenchCommand::Clients { options } => clients(options),
    }
}

fn clients(options: &clients::Options) -> ExitCode {
    let plan = options.plan();
    let mistakes = plan.mistakes();
    if !mistakes.is_empty() {
        for mistake in mistakes {
            eprintln!("twinlease: {mistake}");
        }
        return ExitCode::from(USAGE);
    }
    let outcome = match clients::run(&plan) {
        Ok(outcome) => outcome,
        Err(error) => return fail(&error.to_string()),
    };
    let command: Vec<_> = env::args().collect();
    if let Err(error) = options.save(&outcome, &command.join(" ")) {
        return fail(&format!("cannot write the report: {error}"));
    }
    if outcome.broken() > 0 { ExitCode::from(FAILED) } else { ExitCode::SUCCESS }
}
