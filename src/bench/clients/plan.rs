//! What is to be done.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use clap::ValueEnum;

use super::template::Kind;

/// What the clients do, each when its turn comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Load {
    /// DISCOVER, OFFER, REQUEST, ACK
    Exchange,
    /// REQUEST for more time, to the server that gave the lease; leases are got beforehand
    Renew,
    /// An exchange, then RELEASE at once
    Release,
    /// REQUEST after a restart (INIT-REBOOT), to all servers; leases are got beforehand
    Reboot,
    /// Of ten turns: six renewals, two restarts, two exchanges; leases are got beforehand
    Mixed,
}

impl Load {
    /// As it is written on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Exchange => "exchange",
            Self::Renew => "renew",
            Self::Release => "release",
            Self::Reboot => "reboot",
            Self::Mixed => "mixed",
        }
    }

    /// Whether the clients need leases before it begins.
    pub const fn needs_leases(self) -> bool {
        matches!(self, Self::Renew | Self::Reboot | Self::Mixed)
    }

    /// What a client does in this turn; `None` if it cannot take part.
    pub(super) const fn kind(self, turn: u64, holds_lease: bool) -> Option<Kind> {
        match (self, holds_lease) {
            (Self::Exchange | Self::Release, _) | (Self::Mixed, false) => Some(Kind::Discover),
            (Self::Renew, true) => Some(Kind::Renew),
            (Self::Reboot, true) => Some(Kind::Reboot),
            (Self::Mixed, true) => Some(match turn % 10 {
                0 | 5 => Kind::Discover,
                2 | 7 => Kind::Reboot,
                _ => Kind::Renew,
            }),
            (Self::Renew | Self::Reboot, false) => None,
        }
    }
}

/// Where the clients are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attachment {
    /// Behind a relay agent with these addresses.
    Relay(Vec<Ipv4Addr>),
    /// On the Ethernet segment of the interface with this name.
    Interface(String),
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The servers: the primary first where `split` is given. At most two; none on an interface where it
    /// does not matter who answers.
    pub servers: Vec<SocketAddrV4>,
    /// Where the clients are.
    pub attachment: Attachment,
    /// What they do.
    pub load: Load,
    /// Exchanges begun a second; with `ramp`, the rate that is tried first.
    pub rate: u32,
    /// Length of the run; 0 with `ramp` for none after it.
    pub length: Duration,
    /// How many clients.
    pub clients: u32,
    /// Number of the first one.
    pub first_client: u32,
    /// When an exchange counts as unanswered, from the time at which it was due.
    pub timeout: Duration,
    /// Look for the highest rate first, each try so long.
    pub ramp: Option<Duration>,
    /// So many times the rate after the run.
    pub overload: Option<f64>,
    /// Buckets of the primary (RFC 3074), 0 to 256; every OFFER has to come from the right server.
    pub split: Option<u16>,
}

impl Plan {
    /// What is wrong with it, as sentences.
    pub fn mistakes(&self) -> Vec<String> {
        let mut mistakes = Vec::new();
        let mut unless = |right: bool, sentence: &str| {
            if !right {
                mistakes.push(sentence.to_owned());
            }
        };
        let relayed = matches!(self.attachment, Attachment::Relay(_));
        let ports = self.servers.iter().map(SocketAddrV4::port);
        let on_67 = ports.clone().filter(|port| *port == SERVER_PORT).count();
        unless(self.servers.len() <= 2, "--servers takes one server or two");
        unless(!relayed || !self.servers.is_empty(), "--giaddr needs --servers");
        unless(
            !relayed || on_67 == 0 || on_67 == self.servers.len(),
            "--servers: either all servers listen at port 67 or none does",
        );
        unless(self.split.is_none() || self.servers.len() == 2, "--split needs two --servers");
        unless(
            relayed || !matches!(self.load, Load::Renew | Load::Mixed),
            "renewals are answered to the client's own address, which needs --giaddr",
        );
        unless(self.clients > 0, "--clients: at least one");
        unless(
            self.first_client.checked_add(self.clients).is_some(),
            "--first-client with --clients goes past 4294967295",
        );
        mistakes
    }
}

/// UDP port of servers and relay agents.
pub(super) const SERVER_PORT: u16 = crate::dhcp::exchange::SERVER_PORT;

#[cfg(test)]
mod tests {
    use super::*;

    fn plan() -> Plan {
        Plan {
            servers: vec![SocketAddrV4::new(Ipv4Addr::LOCALHOST, 67)],
            attachment: Attachment::Relay(vec![Ipv4Addr::LOCALHOST]),
            load: Load::Exchange,
            rate: 100,
            length: Duration::from_secs(1),
            clients: 10,
            first_client: 0,
            timeout: Duration::from_secs(1),
            ramp: None,
            overload: None,
            split: None,
        }
    }

    #[test]
    fn a_plan_without_mistakes_has_none() {
        assert_eq!(plan().mistakes(), Vec::<String>::new());
    }

    #[test]
    fn every_mistake_is_told() {
        let wrong = Plan {
            attachment: Attachment::Interface("eth0".to_owned()),
            load: Load::Renew,
            clients: 0,
            split: Some(128),
            ..plan()
        };
        assert_eq!(wrong.mistakes().len(), 3, "{:?}", wrong.mistakes());
    }

    #[test]
    fn servers_at_port_67_and_elsewhere_do_not_go_together() {
        let servers = [67, 6767].map(|port| SocketAddrV4::new(Ipv4Addr::LOCALHOST, port)).to_vec();
        assert_eq!(Plan { servers, ..plan() }.mistakes().len(), 1);
    }

    #[test]
    fn a_mixed_load_is_six_renewals_two_restarts_and_two_exchanges() {
        let kinds: Vec<_> = (0..10).filter_map(|turn| Load::Mixed.kind(turn, true)).collect();
        let count = |kind| kinds.iter().filter(|other| **other == kind).count();
        assert_eq!([Kind::Renew, Kind::Reboot, Kind::Discover].map(count), [6, 2, 2]);
    }

    #[test]
    fn who_has_no_lease_cannot_renew_it() {
        assert_eq!(Load::Renew.kind(0, false), None);
        assert_eq!(Load::Mixed.kind(1, false), Some(Kind::Discover));
    }
}
