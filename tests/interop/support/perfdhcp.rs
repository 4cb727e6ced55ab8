//! Runs of perfdhcp from the clients' host, as a relay, with its counters.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use super::network::Network;
use super::prerequisites::find;

/// Counters of a run by exchange: `DISCOVER-OFFER`, `REQUEST-ACK`, `REQUEST-ACK (renewal)`, `RELEASE`.
pub type Counters = BTreeMap<String, Exchange>;

/// Counters of one kind of exchange.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Exchange {
    pub sent: u64,
    pub received: u64,
    pub orphans: u64,
    pub rejected: u64,
    pub non_unique: u64,
}

/// What perfdhcp does.
#[derive(Debug, Clone)]
pub struct Perfdhcp {
    /// Four-way exchanges to begin, each by a client of its own, and how many in a second.
    pub exchanges: u32,
    pub rate: u32,
    /// Renewals and releases in a second; both count against the rate.
    pub renewals: u32,
    pub releases: u32,
    /// First hardware address.
    pub base: &'static str,
    /// One server, or `None` for a broadcast that all servers hear.
    pub server: Option<Ipv4Addr>,
    /// Seconds that a client pretends to have waited, from the start of the run.
    pub pretend_waiting: bool,
}

impl Default for Perfdhcp {
    fn default() -> Self {
        Self {
            exchanges: 100,
            rate: 100,
            renewals: 0,
            releases: 0,
            base: "mac=00:0c:01:00:00:00",
            server: None,
            pretend_waiting: false,
        }
    }
}

impl Perfdhcp {
    /// Runs to the end. Lost packets are for the caller to judge.
    pub fn run(&self, network: &Network) -> Counters {
        let mut command = network.host("c").command(find("perfdhcp").unwrap());
        command.args(["-4", "-l", "eth0", "-u", "-W", "3000000"]);
        command.args(["-n", &self.exchanges.to_string(), "-r", &self.rate.to_string()]);
        command.args(["-R", &self.exchanges.to_string(), "-b", self.base]);
        for (option, rate) in [("-f", self.renewals), ("-F", self.releases)] {
            if rate > 0 {
                command.args([option, &rate.to_string()]);
            }
        }
        if self.pretend_waiting {
            command.args(["-Y", "0", "-y", "3600"]);
        }
        command.args(self.server.map(|server| server.to_string()));
        let output = command.output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        let counters = parse(&text);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(
            counters.contains_key("REQUEST-ACK"),
            "perfdhcp gave no counters:\n{text}\n{errors}"
        );
        counters
    }
}

fn parse(text: &str) -> Counters {
    let mut counters = Counters::new();
    let mut name = None;
    for line in text.lines() {
        if let Some(title) = line.strip_prefix("***Statistics for: ") {
            let title = title.trim_end_matches('*');
            counters.insert(title.to_owned(), Exchange::default());
            name = Some(title);
            continue;
        }
        let Some(exchange) = name.and_then(|name| counters.get_mut(name)) else { continue };
        let Some((counter, value)) = line.split_once(": ") else { continue };
        let Ok(value) = value.trim().parse() else { continue };
        match counter {
            "sent packets" => exchange.sent = value,
            "received packets" => exchange.received = value,
            "orphans" => exchange.orphans = value,
            "rejected leases" => exchange.rejected = value,
            "non unique addresses" => exchange.non_unique = value,
            _ => {}
        }
    }
    counters
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_of_each_exchange_are_read() {
        let text = "***Rate statistics***\nRate: 79.9\n***Statistics for: DISCOVER-OFFER***\nsent packets: 200\n\
                    received packets: 199\ndrops: 1\norphans: 2\nrejected leases: 3\nnon unique addresses: 4\n\n\
                    ***Statistics for: REQUEST-ACK (renewal)***\nsent packets: 58\nmin delay: 0.376 ms\n";
        let offer = Exchange { sent: 200, received: 199, orphans: 2, rejected: 3, non_unique: 4 };
        let renewal = Exchange { sent: 58, ..Exchange::default() };
        let expected = [("DISCOVER-OFFER", offer), ("REQUEST-ACK (renewal)", renewal)]
            .map(|(name, exchange)| (name.to_owned(), exchange));
        assert_eq!(parse(text), Counters::from(expected));
    }
}
