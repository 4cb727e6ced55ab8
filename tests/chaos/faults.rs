//! What a network does to a host, by nftables and the token bucket of the kernel.
//!
//! netem, which delays datagrams by a given time, is in few kernels of virtual machines and not in
//! that of the test command. A bucket that lets little through delays as a slow line does: by the
//! queue in front of it, and what does not find room in the queue is lost.

use std::fmt::Write as _;
use std::io::Write as _;
use std::net::Ipv4Addr;
use std::process::Stdio;

use crate::support::network::Host;

/// What a slow line lets through, and how long a datagram waits in front of it before it is lost.
const SLOW: [&str; 7] = ["tbf", "rate", "48kbit", "burst", "2000", "latency", "1s"];

/// What is wrong with what a host receives and sends.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Faults {
    /// From these addresses nothing arrives.
    pub deaf_to: Vec<Ipv4Addr>,
    /// So many of a hundred datagrams that arrive are lost.
    pub loss: u64,
    /// What it sends leaves over a slow line.
    pub slow: bool,
}

impl Faults {
    /// Nothing arrives from `address` any more.
    pub fn cut(&mut self, address: Ipv4Addr) {
        if !self.deaf_to.contains(&address) {
            self.deaf_to.push(address);
        }
    }

    /// Lets them be as they are described, whatever was before.
    pub fn apply(&self, host: &Host) {
        let mut rules = String::from("flush ruleset\n");
        rules += "table inet chaos {\nchain input {\ntype filter hook input priority 0;\n";
        for address in &self.deaf_to {
            writeln!(rules, "ip saddr {address} drop").unwrap();
        }
        if self.loss > 0 {
            writeln!(rules, "iif != lo numgen random mod 100 < {} drop", self.loss).unwrap();
        }
        rules += "}\n}\n";
        execute(host, "nft", &["-f", "-"], &rules);
        let change = if self.slow { "replace" } else { "del" };
        let bucket: &[&str] = if self.slow { &SLOW } else { &[] };
        // Where there is no bucket none can be removed.
        execute(host, "tc", &[&["qdisc", change, "dev", "eth0", "root"], bucket].concat(), "");
    }
}

fn execute(host: &Host, program: &str, arguments: &[&str], input: &str) {
    let mut command = host.command(program);
    command.args(arguments).stdin(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let is_removal = arguments.contains(&"del");
    assert!(
        output.status.success() || is_removal,
        "{program} {arguments:?}: {}\n{input}",
        String::from_utf8_lossy(&output.stderr)
    );
}
