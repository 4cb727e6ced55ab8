//! The command line.

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgGroup, Args};

use crate::bench::report::save;

use super::outcome::Outcome;
use super::plan::{Attachment, Load, Plan, SERVER_PORT};

/// What is to be done, as the command line has it.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("attachment").required(true).args(["giaddr", "interface"])))]
pub struct Options {
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

impl Options {
    /// What they ask for.
    pub fn plan(&self) -> Plan {
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

    /// Writes what came of it: for people unless JSON goes to standard output, and to the files that
    /// were asked for. `command` is the command line.
    pub fn save(&self, outcome: &Outcome, command: &str) -> io::Result<()> {
        let json_on_output = self.json.as_ref().is_some_and(|path| path.as_os_str() == "-");
        if !json_on_output {
            save("-".as_ref(), &outcome.text())?;
        }
        if let Some(path) = &self.json {
            save(path, &format!("{}\n", outcome.json()))?;
        }
        if let Some(path) = &self.html {
            save(path, &outcome.html(command))?;
        }
        Ok(())
    }
}
