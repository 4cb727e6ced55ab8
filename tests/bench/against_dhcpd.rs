//! Loads on a real dhcpd in a network of its own.

use std::process::Command;

use crate::report::{PROGRAM, Report, run};
use crate::support::dhcpd::Dhcpd;
use crate::support::network::Network;
use crate::support::setup::{Role, Setup};

/// A dhcpd without partner.
const CONFIGURATION: &str = "\
authoritative; ddns-update-style none; ping-check false; dhcp-cache-threshold 0;
subnet 10.78.0.0 netmask 255.255.0.0 { range 10.78.8.0 10.78.9.255; }
";

/// A running dhcpd in host `a`.
fn dhcpd(network: &Network) -> Dhcpd {
    let mut dhcpd = Dhcpd::new(network, Role::Primary, &Setup::default());
    dhcpd.set_configuration(CONFIGURATION);
    dhcpd.start();
    dhcpd
}

/// A hundred clients, a turn for each of them within two seconds, so that none is cut short.
fn load(command: Command, arguments: &[&str]) -> Report {
    let fixed = ["--rate", "50", "--seconds", "2", "--clients", "100"];
    run(command, &[&fixed[..], arguments].concat())
}

fn active(dhcpd: &Dhcpd) -> usize {
    let leases = dhcpd.lease_file().leases;
    leases.values().filter(|lease| lease.binding_state == "active").count()
}

#[test]
fn relayed_clients_get_leases_and_renew_them() {
    let Some(network) = Network::new("relayed_clients_get_leases_and_renew_them") else { return };
    let dhcpd = dhcpd(&network);
    let relayed = ["--servers", "10.78.0.1", "--giaddr", "10.78.0.3,10.78.0.4"];
    for kind in ["exchange", "renew", "reboot"] {
        let command = network.host("c").command(PROGRAM);
        let report = load(command, &[&relayed[..], &["--load", kind]].concat());
        report.assert_all_completed(100);
        assert_eq!(report.servers("acks"), [100], "{kind}");
    }
    assert_eq!(active(&dhcpd), 100);
}

#[test]
fn directly_attached_clients_get_leases_and_give_them_back() {
    let Some(mut network) = Network::new("directly_attached_clients_get_leases_and_give_them_back")
    else {
        return;
    };
    let dhcpd = dhcpd(&network);
    let station = network.add_station("d");
    let attached = ["--interface", "eth0", "--servers", "10.78.0.1"];
    let report = load(station.command(PROGRAM), &attached);
    report.assert_all_completed(100);
    assert_eq!(report.servers("acks"), [100]);
    assert_eq!(active(&dhcpd), 100);
    let arguments = [&attached[..], &["--load", "release"]].concat();
    let report = load(station.command(PROGRAM), &arguments);
    report.assert_all_completed(100);
    crate::wait::wait_until("all leases to be released", crate::server::PATIENCE, || {
        active(&dhcpd) == 0
    });
}
