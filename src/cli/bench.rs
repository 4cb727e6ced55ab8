//! `twinlease bench`.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{ArgGroup, Args, Subcommand};

use crate::bench::clients::{self, Attachment, Load, Outcome, Plan};
use crate::bench::report;
use crate::dhcp::exchange::SERVER_PORT;

use super::{FAILED, USAGE, fail};

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
        options: ClientOptions,
    },
}

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("attachment").required(true).args(["giaddr", "interface"])))]
pub(super) struct ClientOptions {
    /// The servers, the primary first; port 67 unless another one is given
    #[arg(long, value_name = "ADDR[:PORT]", value_delimiter = ',', value_parser = server)]
    servers: Vec<SocketAddrV4>,
    /// Addresses of the relay agent that the clients are behind
    #[arg(long, value_name = "ADDR", value_delimiter = ',')]
    giaddr: Vec<Ipv4Addr>,
    /// The Ethernet interface that the clients are attached to
    #[arg(long, value_name = "NAME")]
    interface: Option<String>,
    /// What the clients do
    #[arg(long, value_enum, default_value_t = Load::Exchange)]
    load: Load,
    /// Exchanges to begin a second; with --ramp the rate that is tried first
    #[arg(long, value_name = "N", default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..))]
    rate: u32,
    /// Length of the run; 0 with --ramp for none after it
    #[arg(long, value_name = "N", default_value_t = 10)]
    seconds: u32,
    /// How many clients take turns
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    clients: u32,
    /// Number of the first client; others than those of an earlier load are new to the server
    #[arg(long, value_name = "N", default_value_t = 0)]
    first_client: u32,
    /// When an exchange counts as unanswered, in seconds from when it was due
    #[arg(long, value_name = "SECONDS", default_value = "1", value_parser = seconds)]
    timeout: Duration,
    /// First find the highest rate at which at most 1 % fails: doubled until it is too much, then halved
    #[arg(long)]
    ramp: bool,
    /// Length of each try of --ramp; should be several times the time-out
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = seconds, requires = "ramp")]
    step_seconds: Duration,
    /// After the run, another one at so many times its rate
    #[arg(long, value_name = "TIMES", value_parser = times)]
    overload: Option<f64>,
    /// The primary's share of the 256 buckets of RFC 3074: every offer has to come from the right server
    #[arg(long, value_name = "BUCKETS", value_parser = clap::value_parser!(u16).range(0..=256))]
    split: Option<u16>,
    /// Write everything as one JSON object to a file, or to standard output: -
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write a page with tables and plots
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

fn server(text: &str) -> Result<SocketAddrV4, String> {
    let address = || text.parse().map(|address| SocketAddrV4::new(address, SERVER_PORT));
    text.parse().or_else(|_| address()).map_err(|_| "an IPv4 address, or ADDRESS:PORT".to_owned())
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: Option<f64> = text.parse().ok();
    let duration = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    duration.filter(|duration| !duration.is_zero()).ok_or_else(|| "seconds above 0".to_owned())
}

fn times(text: &str) -> Result<f64, String> {
    let times: Option<f64> = text.parse().ok();
    times.filter(|times| *times > 0.0 && times.is_finite()).ok_or_else(|| "above 0".to_owned())
}

impl ClientOptions {
    fn plan(&self) -> Plan {
        let attachment = match &self.interface {
            Some(name) => Attachment::Interface(name.clone()),
            None => Attachment::Relay(self.giaddr.clone()),
        };
        Plan {
            servers: self.servers.clone(),
            attachment,
            load: self.load,
            rate: self.rate,
            length: Duration::from_secs(self.seconds.into()),
            clients: self.clients,
            first_client: self.first_client,
            timeout: self.timeout,
            ramp: self.ramp.then_some(self.step_seconds),
            overload: self.overload,
            split: self.split,
        }
    }
}

/// Puts a server to the test.
pub(super) fn run(command: &BenchCommand) -> ExitCode {
    let BenchCommand::Clients { options } = command;
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
    if let Err(error) = write(options, &outcome) {
        return fail(&format!("cannot write the report: {error}"));
    }
    if outcome.broken() > 0 { ExitCode::from(FAILED) } else { ExitCode::SUCCESS }
}

fn write(options: &ClientOptions, outcome: &Outcome) -> std::io::Result<()> {
    let json_on_output = options.json.as_ref().is_some_and(|path| path.as_os_str() == "-");
    if !json_on_output {
        report::save("-".as_ref(), &outcome.text())?;
    }
    if let Some(path) = &options.json {
        report::save(path, &format!("{}\n", outcome.json()))?;
    }
    if let Some(path) = &options.html {
        let command: Vec<_> = std::env::args().collect();
        report::save(path, &outcome.html(&command.join(" ")))?;
    }
    Ok(())
}
