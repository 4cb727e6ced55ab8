//! The failover conversation as tcpdump records it and tshark reads it.

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::time::Duration;

use nix::sys::signal::Signal;
use twinlease::wire::codes::MessageType;

use super::network::Network;
use super::prerequisites::find;
use super::process::{Process, run};

/// A capture of port 647 at the primary's host.
#[derive(Debug)]
pub struct Capture {
    path: PathBuf,
    process: Process,
}

impl Capture {
    /// Starts capturing; returns when tcpdump listens.
    pub fn start(network: &Network) -> Self {
        let path = network.directory().join("failover.pcap");
        let mut command = network.host("a").command(find("tcpdump").unwrap());
        command.args(["-i", "eth0", "-n", "-U", "--immediate-mode", "-Z", "root", "-w"]).arg(&path);
        command.args(["tcp", "port", "647"]);
        let mut process = Process::start(command, &network.directory().join("tcpdump.log"));
        process.wait_for_log("listening on", Duration::from_secs(60));
        Self { path, process }
    }

    /// Ends the capture.
    pub fn finish(&mut self) -> Recorded {
        self.process.signal(Signal::SIGINT);
        self.process.wait(Duration::from_secs(60));
        Recorded { path: self.path.clone() }
    }
}

/// A finished capture.
#[derive(Debug)]
pub struct Recorded {
    pub path: PathBuf,
}

impl Recorded {
    /// What tshark objects to in frames of `sender`.
    pub fn objections(&self, sender: Ipv4Addr) -> String {
        let filter =
            format!("(_ws.malformed || _ws.expert.severity == error) && ip.src == {sender}");
        self.tshark(&["-Y", &filter, "-V"])
    }

    /// How many failover messages of this type there are.
    pub fn messages(&self, kind: MessageType) -> usize {
        let types = self.tshark(&["-Y", "dhcpfo", "-T", "fields", "-e", "dhcpfo.type"]);
        let kind = kind.0.to_string();
        types.split([',', '\n']).filter(|found| *found == kind).count()
    }

    fn tshark(&self, arguments: &[&str]) -> String {
        let path = self.path.to_str().unwrap();
        run("tshark", &[&["-n", "-r", path], arguments].concat()).unwrap()
    }
}
