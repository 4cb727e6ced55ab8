//! Both operators declare the other side dead while only the network between them is. Both serve; then they meet again.

use std::time::Duration;

use crate::support::packet::Client;
use crate::support::pair::{Kind, PRIMARY, SECONDARY, SOON, TWINS};
use crate::support::relay::{BOTH, Granted, Relay};
use crate::support::scene::Scene;
use crate::support::setup::{Role, Setup};

#[test]
fn twinlease_primary_and_dhcpd_resolve_a_potential_conflict() {
    both_alone("conflict::twinlease_primary_and_dhcpd_resolve_a_potential_conflict", PRIMARY);
}

#[test]
fn dhcpd_and_twinlease_secondary_resolve_a_potential_conflict() {
    both_alone("conflict::dhcpd_and_twinlease_secondary_resolve_a_potential_conflict", SECONDARY);
}

#[test]
fn two_twinlease_resolve_a_potential_conflict() {
    both_alone("conflict::two_twinlease_resolve_a_potential_conflict", TWINS);
}

fn both_alone(test: &str, kinds: [Kind; 2]) {
    let setup = Setup { max_response_delay: 10, mclt: 120, ..Setup::default() };
    let Some(mut scene) = Scene::normal(test, kinds, setup) else { return };
    let relay = Relay::new(&scene.network, 4);
    let old = (0..6)
        .map(Client::number)
        .map(|client| (relay.obtain(&client, 10).unwrap(), client))
        .collect::<Vec<_>>();
    scene.pair.wait_equal();

    scene.network.set_cable("b", false);
    for role in BOTH {
        scene.pair.server(role).wait_state("communications-interrupted", SOON);
    }
    for role in BOTH {
        scene.pair.server(role).partner_down();
        scene.pair.server(role).wait_state("partner-down", SOON);
    }
    // The clients reach the primary, then the secondary; the two never reach each other.
    let at_primary = serve(&relay, Role::Primary, &old[..4], 10..14);
    scene.network.set_cable("a", false);
    scene.network.set_cable("b", true);
    let at_secondary = serve(&relay, Role::Secondary, &old[2..], 20..24);
    scene.network.set_cable("a", true);

    scene.pair.wait_normal(Duration::from_secs(300));
    scene.pair.wait_equal();
    let holders = scene.pair.primary.database().holders();
    let all = old.iter().chain(&at_primary).chain(&at_secondary);
    for (granted, client) in all {
        assert_eq!(
            holders.get(&granted.address),
            Some(&client.hardware_text()),
            "{}",
            granted.address
        );
    }
    scene.finish();
}

/// Renews `old` leases at one server and obtains new ones for the clients of these numbers.
fn serve(
    relay: &Relay,
    server: Role,
    old: &[(Granted, Client)],
    new: std::ops::Range<u16>,
) -> Vec<(Granted, Client)> {
    for (granted, client) in old {
        relay.renew(client, granted.address, &[server], 40).unwrap();
    }
    let obtain = |client: Client| {
        let granted = relay.obtain(&client, 40).unwrap();
        assert_eq!(granted.server, server);
        (granted, client)
    };
    new.map(Client::number).map(obtain).collect()
}
