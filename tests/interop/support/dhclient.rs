//! ISC dhclient on a station of the test network.

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use super::network::{Host, Network};
use super::prerequisites::{install, unconfined_copy};
use super::process::Process;

/// Puts the address on the interface, so that renewals leave from it by unicast, and touches nothing else.
const SCRIPT: &str = "#!/bin/sh
case $reason in
BOUND|RENEW|REBIND|REBOOT) ip address replace $new_ip_address/16 dev $interface ;;
PREINIT|EXPIRE|FAIL|RELEASE|STOP) ip address flush dev $interface ;;
esac
";

const CONFIGURATION: &str =
    "timeout 120; retry 2; initial-interval 1; backoff-cutoff 2; reboot 4; select-timeout 0;\n";

/// One dhclient, running in the foreground.
#[derive(Debug)]
pub struct Dhclient {
    host: Host,
    directory: PathBuf,
    process: Process,
}

impl Dhclient {
    /// Adds the station `name` and starts a dhclient on it.
    pub fn start(network: &mut Network, name: &str) -> Self {
        let host = network.add_station(name);
        let directory = network.directory_for(name);
        let text = directory.join("script.text");
        std::fs::write(&text, SCRIPT).unwrap();
        install(&text, &directory.join("script"));
        std::fs::write(directory.join("dhclient.conf"), CONFIGURATION).unwrap();
        std::fs::write(directory.join("dhclient.leases"), "").unwrap();
        let mut command = command(&host, &directory);
        command.args(["-d", "eth0"]);
        let process = Process::start(command, &directory.join("dhclient.log"));
        Self { host, directory, process }
    }

    /// Waits until the client is bound for the `times`th time; its address and the server that acknowledged.
    pub fn wait_bound(&mut self, times: usize) -> (Ipv4Addr, Ipv4Addr) {
        super::wait::wait_for("dhclient to be bound", Duration::from_secs(180), || {
            let log = self.process.log();
            let bound = log.lines().filter(|line| line.starts_with("bound to ")).nth(times - 1);
            let server =
                log.lines().filter(|line| line.starts_with("DHCPACK ")).nth(times - 1).and_then(
                    |line| line.split(" from ").nth(1)?.split_whitespace().next()?.parse().ok(),
                );
            let address = bound.and_then(|line| line.split_whitespace().nth(2)?.parse().ok());
            address.zip(server).ok_or(log)
        })
    }

    /// Gives the lease back and ends the client.
    pub fn release(&mut self) {
        let mut command = command(&self.host, &self.directory);
        let output = command.args(["-r", "eth0"]).output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(text.contains("DHCPRELEASE "), "dhclient -r sent no release:\n{text}");
        self.process.wait(Duration::from_secs(60));
    }

    /// The log of the client.
    pub fn log(&self) -> String {
        self.process.log()
    }
}

fn command(host: &Host, directory: &std::path::Path) -> Command {
    let mut command = host.command(unconfined_copy("dhclient", directory));
    command.args([
        "-4",
        "-v",
        "-cf",
        "dhclient.conf",
        "-lf",
        "dhclient.leases",
        "-pf",
        "dhclient.pid",
    ]);
    command.arg("-sf").arg(directory.join("script"));
    command.current_dir(directory);
    command
}
