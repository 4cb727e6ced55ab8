//! The command line: one binary, one file a command.
//!
//! Exit codes: 0 all is well, 1 it failed, 2 the command line or the configuration file is wrong.
//! Answers go to standard output, everything else to standard error.

mod bench;
mod check;
mod completions;
mod isc;
mod leases;
mod man;
mod operate;
mod pcap;
mod reservation;
mod serve;
mod setup;
mod sim;
mod status;
mod table;
mod token;
mod top;
mod why;

use std::io;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::admin::client::{AskError, Client};
use crate::demo::{self, DemoOptions};
use crate::driver::web_tls::Authorities;
use crate::server::config::DEFAULT_ADMIN;
use crate::server::logging::LogFormat;

/// It failed.
const FAILED: u8 = 1;
/// The command line or the configuration file is wrong.
const USAGE: u8 = 2;

/// DHCPv4 failover server: the partner of an ISC dhcpd, or of another twinlease.
#[derive(Debug, Parser)]
#[command(name = "twinlease", version, max_term_width = 100, arg_required_else_help = true)]
#[command(after_help = "\
Exit codes: 0 all is well, 1 it failed, 2 the command line or the configuration file is wrong.

Try it without privileges and without a configuration:
  twinlease demo")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server until SIGTERM or SIGINT
    #[command(
        after_help = "Example:\n  twinlease serve --config /etc/twinlease.toml --log-format json"
    )]
    Serve {
        #[command(flatten)]
        file: ConfigFile,
        #[command(flatten)]
        log: LogOptions,
    },
    /// Check a configuration file: every error with line, column, key and cure
    #[command(after_help = "\
Exit codes: 0 the file is right, 2 it is wrong, 1 it cannot be read.

Example:
  twinlease check --config /etc/twinlease.toml")]
    Check {
        #[command(flatten)]
        file: ConfigFile,
        /// Print the outcome as one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Show how every relationship of a running server stands
    #[command(after_help = "Example:\n  twinlease status --admin 127.0.0.1:8067 --json")]
    Status {
        #[command(flatten)]
        server: AdminAddress,
        /// Print one JSON object instead of a table
        #[arg(long)]
        json: bool,
    },
    /// Watch a running server live in the terminal
    #[command(
        after_help = "Keys: q or Escape ends it.\n\nExample:\n  twinlease top --admin 127.0.0.1:8067"
    )]
    Top {
        #[command(flatten)]
        server: AdminAddress,
    },
    /// List the bindings of a running server in ascending order of address
    #[command(after_help = "\
Addresses that were never used are left out. Times are Unix seconds in JSON, null where unknown.

Examples:
  twinlease leases
  twinlease leases --json --status active --relationship office-lan")]
    Leases {
        #[command(flatten)]
        server: AdminAddress,
        /// Print one JSON object a line instead of a table
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        filter: leases::Filter,
    },
    /// Tell what would be done for an address or a client now, by which rule, and when that changes
    #[command(after_help = "\
Examples:
  twinlease why 10.78.0.20
  twinlease why --client 00:0c:01:02:03:04
  twinlease why --client id:01000c01020304 --json")]
    Why {
        #[command(flatten)]
        about: why::About,
        #[command(flatten)]
        server: AdminAddress,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Declare that the partner is down: this server goes on alone, is promoted
    #[command(
        visible_alias = "promote",
        after_help = "\
Refused while the partner answers, unless it is forced with a reason. Only when the partner really does not run: two servers that both believe the other to be down give
the same address to two clients.

Example:
  twinlease partner-down office-lan"
    )]
    PartnerDown {
        /// Name of the relationship
        name: String,
        /// Also while this server recovers and does not know the leases of the partner; with --reason
        /// also while the partner answers
        #[arg(long)]
        force: bool,
        /// Why it is right, for the audit log
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
        #[command(flatten)]
        server: AdminAddress,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Hand everything over to the partner, which then goes on alone, before a long stop
    #[command(after_help = "Example:\n  twinlease shutdown office-lan")]
    Shutdown {
        /// Name of the relationship
        name: String,
        #[command(flatten)]
        server: AdminAddress,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    #[command(flatten)]
    Wish(operate::Wish),
    /// Let the partner connect although its clock was set back
    #[command(after_help = "\
With a shared secret every CONNECT has to be later than the one before, so that none can be played
back. A primary that lost its store, and whose clock was wrong before, is refused until this is said
to the secondary.

Example:
  twinlease forget-connect-time office-lan")]
    ForgetConnectTime {
        /// Name of the relationship
        name: String,
        #[command(flatten)]
        server: AdminAddress,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Free an abandoned address: it was declined, or answered a ping, and is well again
    #[command(after_help = "\
With a partner it may be leased again once the partner has agreed.

Example:
  twinlease reset 10.78.0.20")]
    Reset {
        /// The address
        address: Ipv4Addr,
        #[command(flatten)]
        server: AdminAddress,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// See and change the relationships of a running server's configuration
    Relationship {
        #[command(subcommand)]
        command: setup::RelationshipCommand,
    },
    /// See and change the scopes, subnets with their pools, of a running server's configuration
    Scope {
        #[command(subcommand)]
        command: setup::ScopeCommand,
    },
    /// See and change the reservations of a running server's configuration
    Reservation {
        #[command(subcommand)]
        command: reservation::ReservationCommand,
    },
    /// Compare what both servers of a relationship have to agree on
    #[command(after_help = "\
Exit codes: 0 both agree, 1 they differ or one cannot be asked.

Example:
  twinlease drift office-lan")]
    Drift {
        /// Name of the relationship
        name: String,
        #[command(flatten)]
        look: setup::Look,
    },
    /// Let a running server read its configuration file anew, without a restart
    #[command(after_help = "\
What changes is shown; what waits for a restart is named.

Example:
  twinlease reload --dry-run")]
    Reload {
        #[command(flatten)]
        how: setup::How,
    },
    /// Make a token for the admin listener: the token once, and the lines for the configuration
    #[command(after_help = "\
The configuration gets the SHA-256 only. What is printed first is shown nowhere again.
Roles: read looks, operate steers relationships and addresses too, admin also sees what others did.

Example:
  twinlease token --name grafana --role read")]
    Token {
        /// As whom the audit log knows whoever shows it
        #[arg(long)]
        name: String,
        /// What it allows: read, operate or admin
        #[arg(long, value_enum)]
        role: token::RoleName,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Print what a shell needs to complete these commands
    #[command(
        after_help = "Example:\n  twinlease completions bash > /etc/bash_completion.d/twinlease"
    )]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Write manual pages for all these commands
    #[command(after_help = "Example:\n  twinlease man /usr/local/share/man/man1")]
    Man {
        /// Where to
        directory: PathBuf,
    },
    /// See a pair at work on this machine: clients, a crash, a return, and a verdict
    #[command(after_help = "\
Needs no privileges. Two real server processes on loopback, real UDP clients behind a relay agent.
Exit codes: 0 every guarantee was kept, 1 one was not.

Example:
  twinlease demo --seconds 40 --clients 300")]
    Demo {
        #[command(flatten)]
        options: DemoOptions,
    },
    /// To and from the files of an ISC dhcpd
    Isc {
        #[command(subcommand)]
        command: isc::IscCommand,
    },
    /// Simulate a pair for which everything goes wrong, and check that no promise is broken
    #[command(after_help = "\
Exit codes: 0 every promise was kept, 1 one was not, 2 the command line is wrong.

Examples:
  twinlease sim --seed 1 --trace
  twinlease sim --seed 1 --seeds 1000 --hours 10")]
    Sim {
        #[command(flatten)]
        options: sim::Options,
    },
    /// Put a load on a server, whoever made it, and measure it from the outside
    Bench {
        #[command(subcommand)]
        command: bench::BenchCommand,
    },
    /// Look into captures of failover connections
    Pcap {
        #[command(subcommand)]
        command: PcapCommand,
    },
}

#[derive(Debug, Subcommand)]
enum PcapCommand {
    /// Print every failover message of a capture (pcap or pcapng)
    #[command(
        after_help = "Example:\n  twinlease pcap decode failover.pcap --json | jq .type",
        after_long_help = format!(
            "Example:\n  twinlease pcap decode failover.pcap --json | jq .type\n\n{}",
            crate::pcap::render::JSON_HELP
        )
    )]
    Decode {
        /// The capture
        file: PathBuf,
        /// Print one JSON object a message
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Args)]
struct ConfigFile {
    /// The configuration file (TOML)
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

#[derive(Debug, Args)]
struct LogOptions {
    /// What to log: error, warn, info, debug, trace, or a filter as info,name=debug
    #[arg(long, value_name = "FILTER", env = "TWINLEASE_LOG", default_value = "info")]
    log: String,
    /// How to log
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    log_format: LogFormat,
}

#[derive(Debug, Args)]
struct AdminAddress {
    /// Where the server's admin listener is, [admin] listen of its configuration; a URL with https where there is [admin.tls]
    #[arg(long, value_name = "ADDR", env = "TWINLEASE_ADMIN", default_value = DEFAULT_ADMIN)]
    admin: String,
    /// Whom to believe over https: certificates of authorities (PEM), instead of those of this machine
    #[arg(long, value_name = "FILE", env = "TWINLEASE_ADMIN_CA", value_parser = authorities)]
    admin_ca: Option<Authorities>,
    /// The token of [admin], if there is one; best given in the environment
    #[arg(long, value_name = "TOKEN", env = "TWINLEASE_TOKEN", hide_env_values = true)]
    token: Option<String>,
}

fn authorities(file: &str) -> Result<Authorities, String> {
    Authorities::load(Path::new(file))
}

impl AdminAddress {
    fn client(&self) -> Client {
        Client::believing(&self.admin, self.token.clone(), self.admin_ca.clone())
    }
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Serve { file, log } => serve::run(&file.config, &log),
        Command::Check { file, json } => check::run(&file.config, json),
        Command::Status { server, json } => finish(status::run(&server, json)),
        Command::Leases { server, json, filter } => finish(leases::run(&server, json, &filter)),
        Command::Why { about, server, json } => finish(why::run(&server, json, &about)),
        Command::PartnerDown { name, force, reason, server, json } => {
            finish(operate::partner_down(&server, &name, force, reason.as_deref(), json))
        }
        Command::Wish(wish) => finish(operate::wish(&wish)),
        Command::Shutdown { name, server, json } => finish(operate::shutdown(&server, &name, json)),
        Command::ForgetConnectTime { name, server, json } => {
            finish(operate::forget_connect_time(&server, &name, json))
        }
        Command::Reset { address, server, json } => finish(operate::reset(&server, address, json)),
        Command::Relationship { command } => finish(setup::relationship(&command)),
        Command::Scope { command } => finish(setup::scopes(&command)),
        Command::Reservation { command } => finish(reservation::run(&command)),
        Command::Drift { name, look } => finish(setup::drift(&name, &look)),
        Command::Reload { how } => finish(setup::reload(&how)),
        Command::Top { server } => finish(top::run(&server)),
        Command::Man { directory } => finish(man::run(&directory)),
        Command::Completions { shell } => finish(completions::run(shell)),
        Command::Token { name, role, json } => finish(token::run(&name, role, json)),
        Command::Demo { options } => match demo::run(&options) {
            Ok(true) => ExitCode::SUCCESS,
            Ok(false) => ExitCode::from(FAILED),
            Err(error) => fail(&error.to_string()),
        },
        Command::Isc { command } => isc::run(command),
        Command::Sim { options } => sim::run(&options),
        Command::Bench { command } => bench::run(&command),
        Command::Pcap { command: PcapCommand::Decode { file, json } } => {
            finish(pcap::decode(&file, json))
        }
    }
}

/// Why a command failed.
#[derive(Debug)]
enum Failure {
    /// Standard output cannot be written.
    Output(io::Error),
    /// Anything else, as a sentence.
    Said(String),
}

impl From<AskError> for Failure {
    fn from(error: AskError) -> Self {
        Self::Said(error.to_string())
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

/// Prints a failure and turns it into an exit code. A reader that had enough, as `head` does, is no
/// failure.
fn finish(outcome: Result<(), Failure>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
            ExitCode::SUCCESS
        }
        Err(Failure::Output(error)) => fail(&format!("cannot write the output: {error}")),
        Err(Failure::Said(sentence)) => fail(&sentence),
    }
}

fn fail(sentence: &str) -> ExitCode {
    eprintln!("twinlease: {sentence}");
    ExitCode::from(FAILED)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
