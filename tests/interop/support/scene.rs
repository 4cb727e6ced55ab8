//! A test's stage: a network, a pair on it and a recording of what the two say to each other.

use super::capture::{Capture, Recorded};
use super::network::Network;
use super::pair::{Kind, Pair, SOON, Server};
use super::relay::BOTH;
use super::setup::Setup;

/// A running pair of servers in NORMAL that has shared out its pool, or a pair yet to be started.
#[derive(Debug)]
pub struct Scene {
    // Dropped in this order: servers and recording end before their network.
    pub pair: Pair,
    capture: Capture,
    pub setup: Setup,
    pub network: Network,
}

impl Scene {
    /// A stopped pair; `None` when this machine cannot run `test`.
    pub fn stopped(test: &str, kinds: [Kind; 2], setup: Setup) -> Option<Self> {
        let network = Network::new(test)?;
        let capture = Capture::start(&network);
        let pair = Pair::new(kinds, &network, &setup);
        Some(Self { pair, capture, setup, network })
    }

    /// A pair in NORMAL, begun with empty databases.
    pub fn normal(test: &str, kinds: [Kind; 2], setup: Setup) -> Option<Self> {
        let mut scene = Self::stopped(test, kinds, setup)?;
        scene.pair.primary.start();
        scene.pair.secondary.start();
        scene.pair.wait_normal(SOON);
        scene.pair.wait_balanced(&scene.setup);
        Some(scene)
    }

    /// What holds at the end of every scene: both servers live, and tshark can read every message of both.
    pub fn finish(mut self) {
        self.conclude();
    }

    /// The same, and what the two said to each other.
    pub fn conclude(&mut self) -> Recorded {
        for role in BOTH {
            let server = self.pair.server(role);
            assert!(server.is_running(), "{role:?} ended by itself:\n{}", server.log());
        }
        let recorded = self.capture.finish();
        for role in BOTH {
            assert_eq!(recorded.objections(role.address()), "", "tshark on what the {role:?} sent");
        }
        recorded
    }

    /// What a dhcpd of the pair complains about.
    pub fn complaints(&self) -> Vec<String> {
        let dhcpd = |server: &Server| match server {
            Server::Dhcpd(server) => server.complaints(),
            Server::Twinlease(_) => Vec::new(),
        };
        [&self.pair.primary, &self.pair.secondary].into_iter().flat_map(dhcpd).collect()
    }
}
