//! `twinlease serve` as one half of a pair, read out through its own command line.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::Value;

use super::network::{Host, Network};
use super::process::{Process, tail};
use super::setup::{RELATIONSHIP, Role, Setup};
use super::wait::wait_for;

/// The program under test.
const PROGRAM: &str = env!("CARGO_BIN_EXE_twinlease");

/// One twinlease: its host, its configuration and its database; running or not.
#[derive(Debug)]
pub struct Twinlease {
    pub role: Role,
    host: Host,
    directory: PathBuf,
    process: Option<Process>,
    earlier_logs: String,
    /// Variables that the program alone sees.
    environment: Vec<String>,
}

/// One line of `leases --json`. Times are Unix seconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding {
    pub status: String,
    pub hw_address: Option<String>,
    pub client_id: Option<String>,
    pub lease_expiration: Option<i64>,
    pub sent_potential_expiration: Option<i64>,
    pub acked_potential_expiration: Option<i64>,
    pub received_potential_expiration: Option<i64>,
    pub client_last_transaction: Option<i64>,
    pub start_of_status: Option<i64>,
}

impl Twinlease {
    /// Writes the configuration of `role`; does not start.
    pub fn new(network: &Network, role: Role, setup: &Setup) -> Self {
        Self::configured(network, role, |data| setup.twinlease(role, data))
    }

    /// Writes a configuration, which is made for the directory of its database; does not start.
    pub fn configured(
        network: &Network,
        role: Role,
        configuration: impl FnOnce(&Path) -> String,
    ) -> Self {
        let directory = network.directory_for(&format!("twinlease-{}", role.word()));
        std::fs::create_dir_all(directory.join("data")).unwrap();
        let text = configuration(&directory.join("data"));
        std::fs::write(directory.join("twinlease.toml"), text).unwrap();
        let host = network.host(role.host());
        let (process, earlier_logs, environment) = (None, String::new(), Vec::new());
        Self { role, host, directory, process, earlier_logs, environment }
    }

    /// What the program finds in its environment from the next start on; each is `NAME=value`.
    pub fn set_environment(&mut self, variables: Vec<String>) {
        self.environment = variables;
    }

    /// The directory of the database.
    pub fn data(&self) -> PathBuf {
        self.directory.join("data")
    }

    /// Starts the server, whatever becomes of it.
    pub fn launch(&mut self) {
        assert!(self.process.is_none(), "already started");
        let mut command = self.host.command("env");
        command.args(&self.environment).arg(PROGRAM);
        command.args(["serve", "--config", "twinlease.toml"]).current_dir(&self.directory);
        self.process = Some(Process::start(command, &self.directory.join("twinlease.log")));
    }

    /// Starts the server and waits until it answers its own command line.
    pub fn start(&mut self) {
        self.launch();
        wait_for("twinlease to answer `twinlease status`", Duration::from_secs(60), || {
            assert!(self.is_running(), "twinlease ended by itself:\n{}", tail(&self.log(), 30));
            self.ask(&["status", "--json"])
        });
    }

    /// Ends the server as a service manager does.
    pub fn stop(&mut self) {
        self.running().signal(Signal::SIGTERM);
        let status = self.running().wait(Duration::from_secs(60));
        assert!(status.success(), "twinlease after SIGTERM: {status}\n{}", tail(&self.log(), 30));
        self.ended();
    }

    /// Ends the server as a power cut does.
    pub fn kill(&mut self) {
        self.running().kill();
        self.ended();
    }

    /// Forgets everything the stopped server knew.
    pub fn lose_database(&self) {
        assert!(self.process.is_none(), "the server owns its database while it runs");
        let data = self.directory.join("data");
        std::fs::remove_dir_all(&data).unwrap();
        std::fs::create_dir_all(&data).unwrap();
    }

    /// Stops the process from running, or lets it go on: a partner whose machine hangs says nothing, and its connection stays open.
    pub fn set_frozen(&mut self, frozen: bool) {
        self.running().signal(if frozen { Signal::SIGSTOP } else { Signal::SIGCONT });
    }

    /// Whether the process lives.
    pub fn is_running(&mut self) -> bool {
        self.process.as_mut().is_some_and(Process::is_running)
    }

    /// The log of all runs.
    pub fn log(&self) -> String {
        let current = self.process.as_ref().map(Process::log).unwrap_or_default();
        format!("{}{current}", self.earlier_logs)
    }

    /// The relationship's status, when the server answers.
    pub fn status(&self) -> Option<Value> {
        let text = self.ask(&["status", "--json"]).ok()?;
        let status: Value =
            serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}:\n{text}"));
        let relationships = status["relationships"].as_array()?;
        relationships.iter().find(|entry| entry["name"] == RELATIONSHIP).cloned()
    }

    /// A member of it.
    pub fn relationship(&self, member: &str) -> Option<Value> {
        Some(self.status()?[member].clone())
    }

    /// Own state.
    pub fn state(&self) -> Option<String> {
        self.relationship("state")?.as_str().map(str::to_owned)
    }

    /// The partner's state as last heard.
    pub fn partner_state(&self) -> Option<String> {
        self.relationship("partner-state")?.as_str().map(str::to_owned)
    }

    /// `twinlease leases --json`, by address.
    pub fn leases(&self) -> BTreeMap<Ipv4Addr, Binding> {
        self.try_leases().unwrap()
    }

    /// The same, when the server answers.
    pub fn try_leases(&self) -> Result<BTreeMap<Ipv4Addr, Binding>, String> {
        Ok(self.ask(&["leases", "--json"])?.lines().map(Binding::parse).collect())
    }

    /// Declares the partner dead: `twinlease partner-down NAME`.
    pub fn partner_down(&self) {
        self.ask(&["partner-down", RELATIONSHIP]).unwrap();
    }

    /// Writes a file beside the configuration, or that itself.
    pub fn write(&self, name: &str, text: &str) {
        assert!(self.process.is_none(), "the server reads its files while it runs");
        std::fs::write(self.directory.join(name), text).unwrap();
    }

    /// Runs a command of `twinlease isc` with the configuration of the stopped server.
    pub fn isc(&self, arguments: &[&str]) -> Result<String, String> {
        self.ask(&[&["isc"], arguments, &["--config", "twinlease.toml"]].concat())
    }

    /// Runs a command of the program inside the server's host; what it prints.
    pub fn ask(&self, arguments: &[&str]) -> Result<String, String> {
        let mut command = self.host.command(PROGRAM);
        let output = command.args(arguments).current_dir(&self.directory).output().unwrap();
        if output.status.success() {
            return Ok(String::from_utf8(output.stdout).unwrap());
        }
        Err(format!(
            "twinlease {}: {}: {}",
            arguments.join(" "),
            output.status,
            String::from_utf8_lossy(&output.stderr)
        ))
    }

    fn running(&mut self) -> &mut Process {
        self.process.as_mut().expect("the server runs")
    }

    fn ended(&mut self) {
        if let Some(process) = self.process.take() {
            self.earlier_logs.push_str(&process.log());
        }
    }
}

impl Binding {
    fn parse(line: &str) -> (Ipv4Addr, Self) {
        let value: Value = serde_json::from_str(line)
            .unwrap_or_else(|error| panic!("leases --json: {error}: {line}"));
        let text = |name: &str| value[name].as_str().map(str::to_owned);
        let time = |name: &str| value[name].as_i64().filter(|time| *time != 0);
        let binding = Self {
            status: text("binding-status").unwrap_or_else(|| panic!("no binding-status: {line}")),
            hw_address: text("hw-address"),
            client_id: text("client-id").map(|identifier| identifier.replace(':', "")),
            lease_expiration: time("lease-expiration"),
            sent_potential_expiration: time("sent-potential-expiration"),
            acked_potential_expiration: time("acked-potential-expiration"),
            received_potential_expiration: time("received-potential-expiration"),
            client_last_transaction: time("client-last-transaction"),
            start_of_status: time("start-of-status"),
        };
        let address = text("address").and_then(|address| address.parse().ok());
        (address.unwrap_or_else(|| panic!("no address: {line}")), binding)
    }
}
