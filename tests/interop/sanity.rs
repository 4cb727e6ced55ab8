//! The harness itself, proven with dhcpd on both sides.

use crate::support::capture::Capture;
use crate::support::dhclient::Dhclient;
use crate::support::load::Load;
use crate::support::network::Network;
use crate::support::packet::Client;
use crate::support::pair::{Kind, Pair, SOON, Server};
use crate::support::perfdhcp::Perfdhcp;
use crate::support::relay::Relay;
use crate::support::setup::{Role, Setup};

const DHCPD: [Kind; 2] = [Kind::Dhcpd, Kind::Dhcpd];

#[test]
fn a_pair_of_dhcpd_reaches_normal_in_the_harness() {
    let Some(network) = Network::new("a_pair_of_dhcpd_reaches_normal_in_the_harness") else {
        return;
    };
    let capture = Capture::start(&network);
    let pair = Pair::started(DHCPD, &network, &Setup::default());
    let counters = Perfdhcp::default().run(&network);
    assert_eq!(counters["REQUEST-ACK"].received, 100);
    pair.wait_equal();
    let recorded = capture.finish();
    for (server, role) in [(&pair.primary, Role::Primary), (&pair.secondary, Role::Secondary)] {
        let Server::Dhcpd(server) = server else { panic!("not a dhcpd") };
        assert_eq!(server.complaints(), Vec::<String>::new());
        assert_eq!(recorded.objections(role.address()), "");
    }
}

#[test]
fn dhclient_on_a_pair_of_dhcpd_is_bound_renews_and_releases() {
    let Some(mut network) =
        Network::new("dhclient_on_a_pair_of_dhcpd_is_bound_renews_and_releases")
    else {
        return;
    };
    let setup = Setup { mclt: 10, ..Setup::default() };
    let pair = Pair::started(DHCPD, &network, &setup);
    let mut dhclient = Dhclient::start(&mut network, "station");
    let (address, _) = dhclient.wait_bound(1);
    assert_eq!(dhclient.wait_bound(2).0, address, "{}", dhclient.log());
    pair.wait_equal();
    assert_eq!(pair.primary.database().count("active"), 1);
    dhclient.release();
    pair.wait_equal();
    assert_eq!(pair.primary.database().count("active"), 0);
}

#[test]
fn load_on_a_pair_of_dhcpd_survives_the_death_of_either() {
    let Some(network) = Network::new("load_on_a_pair_of_dhcpd_survives_the_death_of_either") else {
        return;
    };
    let mut pair = Pair::started(DHCPD, &network, &Setup::default());
    let load = Load::start(&network, 3, 0..20);
    load.wait_rounds(2);
    for role in [Role::Primary, Role::Secondary] {
        pair.server(role).kill();
        load.wait_rounds(2);
        pair.server(role).start();
        pair.wait_normal(SOON);
    }
    let report = load.finish();
    report.assert_no_failure();
    pair.wait_equal();
    assert_eq!(pair.primary.database().holders(), report.holders());
}

#[test]
fn one_dhcpd_of_a_pair_offers() {
    let Some(network) = Network::new("one_dhcpd_of_a_pair_offers") else { return };
    let _pair = Pair::started(DHCPD, &network, &Setup::default());
    let relay = Relay::new(&network, 3);
    let clients: Vec<_> = (0..40).map(Client::number).collect();
    for offers in relay.offers(&clients, &Client::number(1000)) {
        assert_eq!(offers.len(), 1);
    }
}
