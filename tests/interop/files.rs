//! dhcpd's own files, written and read by twinlease.

use std::net::Ipv4Addr;

use twinlease::isc;
use twinlease::time::UnixTime;
use twinlease::wire::codes::BindingStatus;

use crate::reserved::reserved;
use crate::support::dhcpd::Dhcpd;
use crate::support::lease_file::{Lease, LeaseFile, Relationship};
use crate::support::network::Network;
use crate::support::packet::Client;
use crate::support::pair::{Kind, PRIMARY, Pair, SECONDARY, SOON, Server};
use crate::support::relay::{BOTH, Relay};
use crate::support::scene::Scene;
use crate::support::setup::{RELATIONSHIP, Role, Setup};
use crate::support::stage::Stage;
use crate::support::twinlease::Twinlease;
use crate::support::wait::wait_until;

/// A pair in which addresses stand in every way, at rest.
fn lived(test: &str, kinds: [Kind; 2]) -> Option<Scene> {
    let scene = Scene::normal(test, kinds, Setup { mclt: 600, ..Setup::default() })?;
    let relay = Relay::new(&scene.network, 4);
    let clients: Vec<_> = (0..12).map(Client::number).collect();
    let granted: Vec<_> = clients.iter().map(|client| relay.obtain(client, 20).unwrap()).collect();
    scene.pair.wait_equal();
    for (number, leave) in [(0, true), (1, true), (2, false), (3, false)] {
        let (client, lease) = (&clients[number], &granted[number]);
        let server = lease.server.address();
        let message = if leave {
            client.release(lease.address, server)
        } else {
            client.decline(lease.address, server)
        };
        relay.send(&message, &[lease.server]);
    }
    wait_until("what the clients did to be known to both", SOON, || {
        [&scene.pair.primary, &scene.pair.secondary].iter().all(|server| {
            let database = server.database();
            database.count("active") == 8 && database.count("abandoned") == 2
        })
    });
    scene.pair.wait_equal();
    Some(scene)
}

/// Interop: O1.
#[test]
fn a_dhcpd_primary_starts_with_the_lease_file_of_a_twinlease() {
    let test = "files::a_dhcpd_primary_starts_with_the_lease_file_of_a_twinlease";
    starts_with_export(test, PRIMARY, Role::Primary);
}

/// Interop: O1, O3.
#[test]
fn a_dhcpd_secondary_starts_with_the_lease_file_of_a_twinlease() {
    let test = "files::a_dhcpd_secondary_starts_with_the_lease_file_of_a_twinlease";
    starts_with_export(test, SECONDARY, Role::Secondary);
}

/// dhcpd takes the place of twinlease: it complains of nothing, holds what it was given, and the pair goes on without asking
/// for anything.
fn starts_with_export(test: &str, kinds: [Kind; 2], role: Role) {
    let Some(mut scene) = lived(test, kinds) else { return };
    scene.pair.server(role).stop();
    scene.pair.server(role.other()).wait_state("communications-interrupted", SOON);
    let exported = scene.pair.server(role).twinlease().isc(&["export-leases"]).unwrap();
    scene.pair.server(role.other()).stop();
    let mut dhcpd = Dhcpd::new(&scene.network, role, &scene.setup);
    dhcpd.set_lease_file(&exported);
    dhcpd.start();
    assert_eq!(dhcpd.complaints(), Vec::<String>::new());
    let (given, kept) = (LeaseFile::parse(&exported), dhcpd.lease_file());
    assert!(given.leases.len() >= 50, "{exported}");
    for (address, lease) in &given.leases {
        assert_eq!(kept.leases.get(address), Some(lease), "{address}");
    }
    assert_eq!(kept.leases.len(), given.leases.len());
    assert_eq!(states(&kept), states(&given));

    *scene.pair.server(role) = Server::Dhcpd(dhcpd);
    scene.pair.server(role).wait_state("communications-interrupted", SOON);
    scene.pair.server(role.other()).start();
    scene.pair.wait_normal(SOON);
    scene.pair.wait_equal();
    scene.finish();
}

/// The recorded states, that of dhcpd while it starts apart.
fn states(file: &LeaseFile) -> Relationship {
    let states = file.relationships[RELATIONSHIP].clone();
    assert_eq!(states.partner_state, "normal");
    states
}

/// Interop: O2.
#[test]
fn twinlease_starts_with_the_lease_file_of_a_dhcpd_primary() {
    let test = "files::twinlease_starts_with_the_lease_file_of_a_dhcpd_primary";
    starts_with_import(test, SECONDARY, Role::Primary);
}

/// Interop: O2.
#[test]
fn twinlease_starts_with_the_lease_file_of_a_dhcpd_secondary() {
    let test = "files::twinlease_starts_with_the_lease_file_of_a_dhcpd_secondary";
    starts_with_import(test, PRIMARY, Role::Secondary);
}

/// Twinlease takes the place of dhcpd and goes on in its state: nobody asks for all bindings.
fn starts_with_import(test: &str, kinds: [Kind; 2], role: Role) {
    let Some(mut scene) = lived(test, kinds) else { return };
    scene.pair.server(role).stop();
    let left = scene.pair.server(role).dhcpd().lease_file_text();
    let mut twinlease = Twinlease::new(&scene.network, role, &scene.setup);
    twinlease.write("dhcpd.leases", &left);
    let said = twinlease.isc(&["import-leases", "dhcpd.leases", "--trust-states"]).unwrap();
    assert!(said.contains("state normal"), "{said}");

    let again = LeaseFile::parse(&twinlease.isc(&["export-leases"]).unwrap());
    let left = LeaseFile::parse(&left);
    // Of an address that nobody ever used dhcpd says no more than that it is free.
    for (address, lease) in left.leases.iter().filter(|(_, lease)| lease.starts.is_some()) {
        assert_eq!(
            comparable(&again.leases[address], lease),
            comparable(lease, lease),
            "{address}"
        );
    }
    twinlease.start();
    *scene.pair.server(role) = Server::Twinlease(twinlease);
    scene.pair.wait_normal(SOON);
    scene.pair.wait_equal();
    let log = scene.pair.server(role).log();
    assert!(!log.contains("asking the partner for all bindings"), "{log}");
    scene.finish();
}

/// Interop: O2.
#[test]
fn what_a_dhcpd_wrote_is_read_as_it_is() {
    let test = "files::what_a_dhcpd_wrote_is_read_as_it_is";
    for role in BOTH {
        let setup = Stage::setup();
        let leases = reserved(&setup, role);
        let states = ["normal", "normal"];
        let Some(mut stage) = Stage::found(test, role, setup, states, &leases) else { return };
        stage.wait_state("communications-interrupted");
        Stage::obtain(&stage.relay(), &Client::number(2));
        stage.dhcpd.stop();
        let written = stage.dhcpd.lease_file_text();
        let (read, expected) =
            (isc::LeaseFile::read(written.as_bytes()).unwrap(), LeaseFile::parse(&written));
        assert_eq!(read.leases.len(), expected.leases.len());
        for (address, lease) in &expected.leases {
            assert_eq!(&as_read(&read.leases[address]), lease, "{address}");
        }
        assert_eq!(read.leases.values().filter(|lease| lease.reserved).count(), leases.len());
        let block = &read.relationships[RELATIONSHIP];
        let mclt = (role == Role::Secondary).then_some(stage.setup.mclt);
        assert_eq!((block.own.unwrap().0.name(), block.mclt), ("communications-interrupted", mclt));
    }
}

/// The same as the tests write it.
fn as_read(lease: &isc::Lease) -> Lease {
    let time = |time: UnixTime| time.is_known().then_some(i64::from(time.0));
    let name = |status: Option<BindingStatus>| status.map(|status| status.name().to_owned());
    Lease {
        starts: time(lease.starts),
        ends: time(lease.ends),
        tstp: time(lease.tstp),
        tsfp: time(lease.tsfp),
        atsfp: time(lease.atsfp),
        cltt: time(lease.cltt),
        binding_state: name(lease.binding).unwrap(),
        next_binding_state: name(lease.next),
        rewind_binding_state: name(lease.rewind),
        hardware: lease.hardware.map(|hardware| hardware.to_string()),
        uid: lease.uid.as_ref().map(|uid| uid.octets().to_vec()),
        reserved: lease.reserved,
    }
}

/// A lease without what twinlease works out by itself, and without a promise where dhcpd noted none.
fn comparable(lease: &Lease, original: &Lease) -> Lease {
    Lease {
        next_binding_state: None,
        rewind_binding_state: None,
        tstp: lease.tstp.filter(|_| original.tstp.is_some()),
        ..lease.clone()
    }
}

/// Interop: O5.
#[test]
fn two_dhcpd_start_with_the_configurations_that_a_twinlease_writes_for_both_halves() {
    let test =
        "files::two_dhcpd_start_with_the_configurations_that_a_twinlease_writes_for_both_halves";
    for role in BOTH {
        let Some(network) = Network::new(test) else { return };
        let setup = Setup::default();
        let twinlease = Twinlease::new(&network, role, &setup);
        twinlease.write("twinlease.toml", &everything(role));
        let mut servers = [(role, ""), (role.other(), "--partner")].map(|(role, option)| {
            let arguments = ["dhcpd-conf", option];
            let used = if option.is_empty() { &arguments[..1] } else { &arguments[..] };
            let configuration = twinlease.isc(used).unwrap();
            let dhcpd = Dhcpd::new(&network, role, &setup);
            dhcpd.set_configuration(&configuration);
            dhcpd.check_configuration();
            dhcpd
        });
        servers.sort_by_key(|dhcpd| dhcpd.role.word());
        let [primary, secondary] = servers.map(Server::Dhcpd);
        let mut pair = Pair { primary, secondary };
        pair.primary.start();
        pair.secondary.start();
        pair.wait_normal(SOON);
        let pools = |address: Ipv4Addr| !address.octets().starts_with(&[10, 78, 10]);
        wait_until("the pool to be shared out", SOON, || {
            let backup = pair.secondary.database().count("backup");
            backup == 50
        });
        assert!(pair.primary.database().records.keys().copied().all(pools));
        for role in BOTH {
            let complaints = pair.server(role).dhcpd().complaints();
            assert_eq!(complaints, Vec::<String>::new());
        }
    }
}

/// A configuration with all that has a word in dhcpd.conf.
fn everything(role: Role) -> String {
    let (own, peer) = (role.address(), role.other().address());
    let mclt = if role == Role::Primary {
        let hba = (0..32_u8).map(|octet| format!("{:02x}", octet.wrapping_mul(37)));
        format!("mclt = 120\nhba = \"{}\"", hba.collect::<Vec<_>>().join(":"))
    } else {
        String::new()
    };
    let word = role.word();
    format!(
        r#"data-dir = "data"
[dhcp]
interfaces = ["eth0"]
authoritative = false
ping-check = false
server-identifier = "{own}"
[[relationship]]
name = "{RELATIONSHIP}"
role = "{word}"
address = "{own}"
port = 647
peer-address = "{peer}"
peer-port = 647
max-response-delay = 25
max-unacked-updates = 17
load-balance-max-seconds = 5
check-secs-byte-order = true
auto-partner-down = 3600
{mclt}
[[subnet]]
network = "10.78.0.0/16"
default-lease-time = 600
min-lease-time = 30
max-lease-time = 7200
[subnet.options]
routers = ["10.78.0.3", "10.78.0.4"]
domain-name-servers = "10.78.0.3"
domain-name = "a \"quoted\" name"
time-offset = -3600
ip-forwarding = true
default-ip-ttl = 64
interface-mtu = 1400
arp-cache-timeout = 90000
broadcast-address = "10.78.255.255"
ntp-servers = ["10.78.0.3"]
vendor-encapsulated-options = "01:02:ff"
netbios-node-type = 8
tftp-server-name = "boot"
domain-search = ["example.net", "example.org"]
classless-static-routes = ["10.0.0.0/8 via 10.78.0.3"]
v6-only-preferred = 300
default-url = "http://example.net/"
option-224 = "01:ff"
[[subnet.pool]]
range = "10.78.8.0-10.78.8.99"
relationship = "{RELATIONSHIP}"
[[subnet.pool]]
range = "10.78.10.0-10.78.10.9"
dynamic-bootp = true
[[subnet.reservation]]
hw-address = "02:7e:00:00:00:01"
address = "10.78.20.1"
[[subnet.reservation]]
hw-address = "6/02:7e:00:00:00:02"
address = "10.78.20.2"
[[subnet.reservation]]
client-id = "01:02:7e:00:00:00:03"
address = "10.78.20.3"
"#
    )
}
