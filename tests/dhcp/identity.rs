//! Who a client is.

use crate::support::{SERVER, bench, client, ip};
use dhcproto::v4::MessageType;
use twinlease::dhcp::DropReason;

#[test]
fn the_identifier_counts_and_not_the_hardware_address() {
    let mut bench = bench();
    let address = bench.lease(&client(1).identifier(b"\x00me"));
    assert_eq!(bench.ask(&client(2).identifier(b"\x00me")).yiaddr(), address);
    assert_ne!(bench.ask(&client(1)).yiaddr(), address);
}

#[test]
fn clients_with_different_identifiers_on_one_hardware_address_are_two() {
    let mut bench = bench();
    let one = bench.lease(&client(1).identifier(b"\x00one"));
    let other = bench.lease(&client(1).identifier(b"\x00other"));
    assert_ne!(one, other);
}

#[test]
fn a_client_that_shows_neither_is_not_served() {
    let mut nobody = client(1);
    nobody.chaddr.clear();
    assert_eq!(bench().silence(&nobody), Some(DropReason::NoIdentity));
}

#[test]
fn an_identifier_alone_is_enough() {
    let mut bench = bench();
    let mut nobody = client(1).identifier(b"\x00x");
    nobody.chaddr.clear();
    bench.ask(&nobody);
    assert_eq!(bench.ask(&nobody.selecting(ip(20), SERVER)).kind(), MessageType::Ack);
}

#[test]
fn an_identifier_of_255_octets_is_kept_whole() {
    let mut bench = bench();
    let long = vec![7; 255];
    let mut longer = long.clone();
    longer[254] = 8;
    let address = bench.lease(&client(1).identifier(&long));
    assert_eq!(bench.ask(&client(1).identifier(&long)).yiaddr(), address);
    assert_ne!(bench.ask(&client(1).identifier(&longer)).yiaddr(), address);
}
