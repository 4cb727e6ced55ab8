//! Addresses for one client only.

use dhcproto::v4::MessageType;

use crate::support::{Bench, SERVER, Setup, client, ip};
use twinlease::binding::{ClientIdentifier, HardwareAddress};
use twinlease::dhcp::{DropReason, Reservation, ReservedFor};
use twinlease::durable::CommitId;

/// .20 inside the pool and .200 outside it are client 1's and 2's by hardware address, .21 and .201
/// belong to the identifiers "in" and "out".
fn bench() -> Bench {
    let hardware =
        |last| ReservedFor::Hardware(HardwareAddress::new(1, &[0, 12, 1, 2, 3, last]).unwrap());
    let identifier = |octets| ReservedFor::Identifier(ClientIdentifier::new(octets).unwrap());
    let reservations = [
        (hardware(1), 20),
        (hardware(2), 200),
        (identifier(b"\0in"), 21),
        (identifier(b"\0out"), 201),
    ];
    let reservations =
        reservations.map(|(client, last)| Reservation { client, address: ip(last) }).to_vec();
    Setup { reservations, ..Setup::default() }.bench()
}

#[test]
fn every_client_is_offered_the_address_reserved_for_it() {
    let cases = [
        (client(1), 20),
        (client(2), 200),
        (client(8).identifier(b"\0in"), 21),
        (client(9).identifier(b"\0out"), 201),
        (client(1).identifier(b"\0other"), 20),
    ];
    for (client, last) in cases {
        assert_eq!(bench().lease(&client), ip(last));
    }
}

#[test]
fn the_identifier_comes_before_the_hardware_address() {
    assert_eq!(bench().ask(&client(1).identifier(b"\0out")).yiaddr(), ip(201));
}

#[test]
fn a_reserved_address_is_not_offered_to_others() {
    let mut bench = bench();
    assert_eq!(bench.ask(&client(7)).yiaddr(), ip(22));
    assert_eq!(bench.ask(&client(8).requesting(ip(20))).yiaddr(), ip(23));
}

#[test]
fn a_reserved_address_is_refused_to_others() {
    let mut bench = bench();
    for last in [20, 200] {
        let request = client(7).selecting(ip(last), SERVER);
        assert_eq!(bench.ask(&request).kind(), MessageType::Nak);
    }
}

#[test]
fn an_address_outside_the_pools_is_nobodys_to_record() {
    let mut bench = bench();
    let ack = bench.ask(&client(2).selecting(ip(200), SERVER));
    assert_eq!((ack.kind(), ack.pending.commit), (MessageType::Ack, CommitId(0)));
    assert_eq!(ack.lease_time(), Some(600));
    assert_eq!(bench.changes(), 0);
    assert_eq!(bench.ask(&client(2).renewing(ip(200))).kind(), MessageType::Ack);
    assert_eq!(bench.ask(&client(2).rebooting(ip(200))).kind(), MessageType::Ack);
}

#[test]
fn a_reserved_address_inside_a_pool_is_recorded() {
    let mut bench = bench();
    bench.lease(&client(1));
    assert_eq!(bench.changes(), 1);
}

#[test]
fn a_release_of_an_address_outside_the_pools_is_nothing_to_record() {
    let mut bench = bench();
    let release = client(2).releasing(ip(200));
    assert_eq!(bench.silence(&release), Some(DropReason::NotTheHolder));
}
