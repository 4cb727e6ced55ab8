//! `examples/embed.rs`, a DHCP server of somebody else's, as one half of a pair with a real ISC dhcpd.
//!
//! It is built without the feature `server`: the core alone. Where a machine cannot run dhcpd in network
//! namespaces the tests say so and pass, as those of `tests/interop` do, whose harness this is.
#![cfg(feature = "server")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    missing_docs,
    unreachable_pub,
    reason = "in tests a panic is the verdict, and names of tests say what they show; a test binary exports nothing"
)]
#![allow(dead_code, reason = "the harness has more than two tests need")]

#[path = "../interop/support/mod.rs"]
mod support;

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use support::dhcpd::Dhcpd;
use support::lease_file::Lease;
use support::network::Network;
use support::packet::{ACK, Client, Message, OFFER};
use support::process::{Process, tail};
use support::relay::Relay;
use support::setup::{Role, Setup};
use support::wait::wait_for;

const SOON: Duration = Duration::from_secs(120);

/// The example, built of the core alone.
fn program() -> PathBuf {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "--no-default-features", "--example", "embed"]);
    cargo.current_dir(env!("CARGO_MANIFEST_DIR"));
    assert!(cargo.status().unwrap().success(), "the example does not build");
    // The test is TARGET/PROFILE/deps/NAME.
    let test = std::env::current_exe().unwrap();
    test.ancestors().nth(3).unwrap().join("debug/examples/embed")
}

/// The embedding server in one role, a dhcpd in the other, both in NORMAL.
struct Pair {
    network: Network,
    embedding: Process,
    dhcpd: Dhcpd,
    role: Role,
}

impl Pair {
    fn in_normal(test: &str, role: Role) -> Option<Self> {
        let network = Network::new(test)?;
        let setup = Setup::default();
        let mut dhcpd = Dhcpd::new(&network, role.other(), &setup);
        let directory = network.directory_for("embed");
        let mut command = network.host(role.host()).command(program());
        command.arg(role.word());
        let (own, partner) = (role.address(), role.other().address());
        command.args([own, partner, setup.pool.0, setup.pool.1].map(|address| address.to_string()));
        command.arg(directory.join("journal"));
        let embedding = Process::start(command, &directory.join("log"));
        dhcpd.start();
        let mut pair = Self { network, embedding, dhcpd, role };
        pair.wait_normal();
        Some(pair)
    }

    fn wait_normal(&mut self) {
        wait_for("both servers in NORMAL", SOON, || {
            let states = [self.dhcpd.state(), self.dhcpd.partner_state()];
            let own = self
                .embedding
                .log()
                .lines()
                .rfind(|line| line.starts_with("state "))
                .map(str::to_owned);
            let normal = states.iter().flatten().filter(|state| *state == "normal").count() == 2
                && own.as_ref().is_some_and(|line| line.contains("-> normal"));
            if normal {
                return Ok(());
            }
            let log = tail(&self.embedding.log(), 20);
            Err(format!("dhcpd has (own, partner) {states:?}; the embedding server:\n{log}"))
        });
    }

    /// What dhcpd has written about the address, once its status is `status`.
    fn wait_for_dhcpd(&self, message: &Message, status: &str) -> Lease {
        wait_for(&format!("{} {status} at dhcpd", message.yiaddr), SOON, || {
            let lease = self.dhcpd.lease_file().leases.remove(&message.yiaddr);
            match lease {
                Some(lease) if lease.binding_state == status => Ok(lease),
                other => Err(format!("{other:?}\n{}", tail(&self.embedding.log(), 20))),
            }
        })
    }

    /// A client gets a lease, dhcpd hears of it; the client gives it back, dhcpd hears of that.
    fn serve(&self) {
        let relay = Relay::new(&self.network, 3);
        // Whoever has waited long is answered by either server.
        let client = Client::number(2).after(100);
        let servers = [self.role];
        let (_, offer) = relay.insist(&client.discover(), &servers, 40).expect("an offer");
        assert_eq!(offer.kind(), Some(OFFER));
        let (_, ack) = relay.insist(&client.select(&offer), &servers, 40).expect("an answer");
        assert_eq!((ack.kind(), ack.yiaddr), (Some(ACK), offer.yiaddr));
        let lease = self.wait_for_dhcpd(&ack, "active");
        assert_eq!(lease.hardware, Some(client.hardware_text()));
        assert_eq!(lease.uid, client.identifier);
        relay.send(&client.release(ack.yiaddr, self.role.address()), &servers);
        // An address that is given back belongs to the primary.
        self.wait_for_dhcpd(&ack, "free");
        assert_eq!(self.dhcpd.complaints(), Vec::<String>::new());
    }
}

#[test]
fn an_embedding_primary_serves_beside_a_dhcpd() {
    let test = "an_embedding_primary_serves_beside_a_dhcpd";
    if let Some(pair) = Pair::in_normal(test, Role::Primary) {
        pair.serve();
    }
}

#[test]
fn an_embedding_secondary_serves_beside_a_dhcpd() {
    let test = "an_embedding_secondary_serves_beside_a_dhcpd";
    if let Some(pair) = Pair::in_normal(test, Role::Secondary) {
        pair.serve();
    }
}
