//! A real ISC dhcpd as one half of a pair.

use std::io::Write as _;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use nix::sys::signal::Signal;

use super::lease_file::LeaseFile;
use super::network::{Host, Network};
use super::prerequisites::unconfined_copy;
use super::process::Process;
use super::setup::{RELATIONSHIP, Role, Setup};

/// dhcpd's numbers of the states that an operator may set over OMAPI.
pub const PARTNER_DOWN: u8 = 4;

/// One dhcpd: its host, its configuration and its lease file; running or not.
#[derive(Debug)]
pub struct Dhcpd {
    pub role: Role,
    host: Host,
    directory: PathBuf,
    process: Option<Process>,
    earlier_logs: String,
}

impl Dhcpd {
    /// Writes the configuration of `role` and an empty lease file; does not start.
    pub fn new(network: &Network, role: Role, setup: &Setup) -> Self {
        let directory = network.directory_for(&format!("dhcpd-{}", role.word()));
        std::fs::write(directory.join("dhcpd.conf"), setup.dhcpd(role)).unwrap();
        let dhcpd = Self {
            role,
            host: network.host(role.host()),
            directory,
            process: None,
            earlier_logs: String::new(),
        };
        dhcpd.set_lease_file("");
        dhcpd
    }

    /// Replaces the lease file of a stopped server.
    pub fn set_lease_file(&self, text: &str) {
        assert!(self.process.is_none(), "the server owns its lease file while it runs");
        std::fs::write(self.directory.join("dhcpd.leases"), text).unwrap();
    }

    /// The lease file as it is now.
    pub fn lease_file(&self) -> LeaseFile {
        LeaseFile::parse(&self.lease_file_text())
    }

    /// The same as text.
    pub fn lease_file_text(&self) -> String {
        std::fs::read_to_string(self.directory.join("dhcpd.leases")).unwrap()
    }

    /// Replaces the configuration of a stopped server.
    pub fn set_configuration(&self, text: &str) {
        assert!(self.process.is_none(), "the server has read its configuration");
        std::fs::write(self.directory.join("dhcpd.conf"), text).unwrap();
    }

    /// Has dhcpd check its configuration: it must have nothing to say against it.
    pub fn check_configuration(&self) {
        let mut command = self.host.command(unconfined_copy("dhcpd", &self.directory));
        command.args(["-4", "-t", "-cf", "dhcpd.conf", "-lf", "dhcpd.leases"]);
        let output = command.current_dir(&self.directory).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && !said.contains("line "), "dhcpd -t:\n{said}");
    }

    /// Starts the server in the foreground, its log in a file.
    pub fn start(&mut self) {
        assert!(self.process.is_none(), "already started");
        let program = unconfined_copy("dhcpd", &self.directory);
        let mut command = self.host.command(program);
        command.args([
            "-4",
            "-f",
            "-d",
            "-cf",
            "dhcpd.conf",
            "-lf",
            "dhcpd.leases",
            "-pf",
            "dhcpd.pid",
            "eth0",
        ]);
        command.current_dir(&self.directory);
        let mut process = Process::start(command, &self.directory.join("dhcpd.log"));
        process.wait_for_log("Server starting service.", Duration::from_secs(60));
        self.process = Some(process);
    }

    /// Ends the server as a service manager does. It says nothing to its partner.
    pub fn stop(&mut self) {
        self.running().signal(Signal::SIGTERM);
        self.running().wait(Duration::from_secs(60));
        self.ended();
    }

    /// Ends the server as a power cut does.
    pub fn kill(&mut self) {
        self.running().kill();
        self.ended();
    }

    /// Stops the process from running, or lets it go on: a partner whose machine hangs says nothing, and its connection stays open.
    pub fn set_frozen(&mut self, frozen: bool) {
        self.running().signal(if frozen { Signal::SIGSTOP } else { Signal::SIGCONT });
    }

    /// Whether the process lives. dhcpd ends itself on some messages of its partner.
    pub fn is_running(&mut self) -> bool {
        self.process.as_mut().is_some_and(Process::is_running)
    }

    /// The log of all runs.
    pub fn log(&self) -> String {
        let current = self.process.as_ref().map(Process::log).unwrap_or_default();
        format!("{}{current}", self.earlier_logs)
    }

    /// Own state by the log of this run, while it runs.
    pub fn state(&mut self) -> Option<String> {
        self.last_move("I move from ")
    }

    /// The partner's state as this server last heard it: in this run, or as it found it recorded.
    pub fn partner_state(&mut self) -> Option<String> {
        let recorded = self.lease_file().relationships.remove(RELATIONSHIP);
        self.last_move("peer moves from ").or(recorded.map(|states| states.partner_state))
    }

    /// Declares the partner dead, as the operator does with omshell.
    pub fn partner_down(&self) {
        self.set_state(PARTNER_DOWN);
    }

    /// Sets the own state over OMAPI.
    pub fn set_state(&self, state: u8) {
        let answer = self.omshell(&format!(
            "new failover-state\nset name = \"{RELATIONSHIP}\"\nopen\nset local-state = {state}\nupdate\n"
        ));
        assert!(
            answer.contains("hierarchy") && !answer.contains("can't"),
            "omshell failed:\n{answer}"
        );
    }

    /// Asks the server over OMAPI to end, as its manual advises, and waits until it has.
    pub fn shut_down(&mut self) {
        self.omshell("new control\nopen\nset state = 2\nupdate\n");
        self.running().wait(Duration::from_secs(120));
        self.ended();
    }

    /// Runs omshell commands against the server; what it prints.
    pub fn omshell(&self, commands: &str) -> String {
        let mut command = self.host.command(super::prerequisites::find("omshell").unwrap());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut input = child.stdin.take().unwrap();
        write!(input, "server {}\nport 7911\nconnect\n{commands}", Ipv4Addr::LOCALHOST).unwrap();
        drop(input);
        let output = child.wait_with_output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Lines of the log in which the server complains, beside those that two dhcpd cause each other too.
    pub fn complaints(&self) -> Vec<String> {
        self.log().lines().filter(|line| !is_normal(line)).map(str::to_owned).collect()
    }

    fn last_move(&mut self, prefix: &str) -> Option<String> {
        if !self.is_running() {
            return None;
        }
        let start = format!("failover peer {RELATIONSHIP}: {prefix}");
        let log = self.process.as_ref()?.log();
        let last = log.lines().filter_map(|line| line.strip_prefix(&start)).next_back()?;
        last.split_whitespace().next_back().map(str::to_owned)
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

/// Beginnings of lines that dhcpd writes in a life without trouble.
const NORMAL_BEGINNINGS: [&str; 28] = [
    "Internet Systems Consortium DHCP Server",
    "Copyright ",
    "All rights reserved.",
    "For info, please visit",
    "Config file: ",
    "Database file: ",
    "PID file: ",
    "Source compiled to use binary-leases",
    "Wrote ",
    "Listening on ",
    "Sending on ",
    "Server starting service.",
    "DHCPDISCOVER from ",
    "DHCPOFFER on ",
    "DHCPREQUEST for ",
    "DHCPACK on ",
    "DHCPRELEASE of ",
    "DHCPINFORM from ",
    "DHCPACK to ",
    "reuse_lease: ",
    "balancing pool ",
    "balanced pool ",
    "Both servers have entered recover-done!",
    "Sending updates to ",
    "Sent update request",
    "Sent update done message",
    "Update request ",
    "pool ",
];

/// What two dhcpd cause each other when both recover at once: each asks twice, and both send the same virgin address.
const BOTH_RECOVER: [&str; 2] = [
    "Received update request while old update still flying!",
    "rejected: incoming update is less critical than outgoing update",
];

/// What follows `failover peer NAME: ` in a life without trouble.
const NORMAL_FAILOVER: [&str; 7] = [
    "I move from ",
    "peer moves from ",
    "Both servers normal",
    "requesting full update from peer",
    "peer update completed.",
    "peer update request from peer",
    "peer initiated disconnect",
];

fn is_normal(line: &str) -> bool {
    let line = line.trim();
    let after_name = line.strip_prefix(&format!("failover peer {RELATIONSHIP}: "));
    line.is_empty()
        || NORMAL_BEGINNINGS.iter().any(|beginning| line.starts_with(beginning))
        || BOTH_RECOVER.iter().any(|known| line.contains(known))
        || after_name
            .is_some_and(|rest| NORMAL_FAILOVER.iter().any(|known| rest.starts_with(known)))
}
