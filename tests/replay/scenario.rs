//! How the servers of each capture were configured, as `pcaps/README.md` says.

use std::net::Ipv4Addr;
use std::time::Duration;

use twinlease::balance::HashBuckets;
use twinlease::binding::AddressRange;
use twinlease::binding::times::Mclt;
use twinlease::endpoint::RelationshipConfig;

use crate::side::Side;

/// Settings of one capture.
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    pub name: &'static str,
    mclt: u32,
    split: u16,
    max_response_delay: u32,
    max_unacked: u32,
    /// What every client gets when nothing limits it.
    pub lease: u32,
    range: [[u8; 4]; 2],
    auto_partner_down: Option<u64>,
    /// PARTNER-DOWN of this server is an operator's doing.
    pub operator_partner_down: Option<Side>,
    /// The other server is declared down as well.
    pub both_partner_down: bool,
    /// This server's lease file is emptied while it is stopped.
    pub loses_database: Option<Side>,
}

const USUAL: Scenario = Scenario {
    name: "",
    mclt: 30,
    split: 128,
    max_response_delay: 30,
    max_unacked: 100,
    lease: 120,
    range: [[10, 78, 0, 100], [10, 78, 0, 139]],
    auto_partner_down: None,
    operator_partner_down: None,
    both_partner_down: false,
    loses_database: None,
};

impl Scenario {
    pub fn of(name: &'static str) -> Self {
        let usual = Self { name, ..USUAL };
        let split = |split| Self { split, range: [[10, 78, 0, 100], [10, 78, 0, 163]], ..usual };
        let lost = |side: Side| Self {
            mclt: 20,
            lease: 60,
            operator_partner_down: Some(side.other()),
            loses_database: Some(side),
            ..usual
        };
        match name {
            "fresh-start" => Self { mclt: 20, lease: 40, ..usual },
            "interruption" => Self { mclt: 20, lease: 60, max_response_delay: 15, ..usual },
            "partner-down" => {
                Self { mclt: 60, operator_partner_down: Some(Side::Primary), ..usual }
            }
            "potential-conflict" => Self {
                mclt: 20,
                lease: 60,
                max_response_delay: 15,
                operator_partner_down: Some(Side::Primary),
                both_partner_down: true,
                ..usual
            },
            "lost-database" => lost(Side::Secondary),
            "lost-database-primary" => lost(Side::Primary),
            "auto-partner-down" => Self { mclt: 60, auto_partner_down: Some(10), ..usual },
            "split-0" => split(0),
            "split-64" => split(64),
            "split-128" => split(128),
            "split-256" => split(256),
            "large-window" => Self {
                max_unacked: 2000,
                mclt: 300,
                lease: 600,
                range: [[10, 78, 1, 0], [10, 78, 2, 255]],
                ..usual
            },
            "pool-request" => Self { split: 0, ..usual },
            "shutdown" => Self { max_response_delay: 20, ..usual },
            "refused-connection" | "reset-and-decline" | "restart" | "paused" => usual,
            _ => panic!("the settings of {name} are missing here"),
        }
    }

    /// Whether an operator puts `side` into PARTNER-DOWN.
    pub fn is_declared_alone(&self, side: Side) -> bool {
        self.operator_partner_down.is_some_and(|one| one == side || self.both_partner_down)
    }

    /// The configuration of `side` in its process number `run`, the first being 0.
    pub fn config(&self, side: Side, run: usize) -> RelationshipConfig {
        let misnamed = self.name == "refused-connection" && side == Side::Secondary && run == 0;
        let name = if misnamed { "other-name" } else { "twinlease" };
        let [first, last] = self.range.map(Ipv4Addr::from);
        let range = AddressRange::new(first, last).unwrap();
        let mut config = RelationshipConfig::new(name, side.role(), vec![range]);
        // Small windows are to have an effect.
        config.twinlease_window = 0;
        config.receive_timer = self.max_response_delay;
        config.max_unacked_bndupd = self.max_unacked;
        if side == Side::Primary {
            config.mclt = Mclt(self.mclt);
            config.hash_buckets = HashBuckets::from_split(self.split).unwrap();
            config.safe_period = self.auto_partner_down.map(Duration::from_secs);
        }
        config
    }
}
