//! DHCPRELEASE and DHCPDECLINE.

use crate::support::{bench, client, ip};
use twinlease::dhcp::DropReason;
use twinlease::endpoint::RequestKind;
use twinlease::wire::codes::BindingStatus;

#[test]
fn the_holder_releases_its_address() {
    let mut bench = bench();
    let address = bench.lease(&client(1));
    assert_eq!(bench.silence(&client(1).releasing(address)), None);
    assert_eq!(bench.status(address), BindingStatus::Free);
}

#[test]
fn nobody_else_releases_it() {
    let mut bench = bench();
    let address = bench.lease(&client(1));
    let stranger = client(2).releasing(address);
    assert_eq!(bench.silence(&stranger), Some(DropReason::NotTheHolder));
    assert_eq!(bench.status(address), BindingStatus::Active);
}

#[test]
fn a_release_to_another_server_is_not_taken() {
    let mut bench = bench();
    let address = bench.lease(&client(1));
    let mut release = client(1).releasing(address);
    release.options = vec![(54, ip(2).octets().to_vec())];
    assert_eq!(bench.silence(&release), Some(DropReason::OtherServer));
    assert_eq!(bench.status(address), BindingStatus::Active);
}

#[test]
fn a_released_address_goes_to_others_only_after_the_unused_ones() {
    let mut bench = bench();
    let address = bench.lease(&client(1));
    bench.silence(&client(1).releasing(address));
    assert_eq!(bench.ask(&client(2)).yiaddr(), ip(21));
    assert_eq!(bench.ask(&client(1)).yiaddr(), address);
}

#[test]
fn a_release_of_an_address_outside_the_pools_changes_nothing() {
    let mut bench = bench();
    let release = client(1).releasing(ip(200));
    assert_eq!(bench.silence(&release), Some(DropReason::NotTheHolder));
    assert_eq!(bench.changes(), 0);
}

#[test]
fn a_release_without_ciaddr_is_dropped() {
    let mut bench = bench();
    let mut release = client(1).releasing(ip(20));
    release.ciaddr = [0, 0, 0, 0].into();
    assert_eq!(bench.silence(&release), Some(DropReason::Incomplete));
}

#[test]
fn a_release_that_names_this_server_is_told_to_the_owner_as_such() {
    let mut bench = bench();
    bench.silence(&client(1).releasing(ip(20)));
    assert_eq!(*bench.owners.0[0].asked.borrow(), [(RequestKind::Release, true)]);
}

/// Holds: FO-5.11-15.
#[test]
fn a_declined_address_is_abandoned() {
    let mut bench = bench();
    let address = bench.lease(&client(1));
    assert_eq!(bench.silence(&client(1).declining(address)), None);
    assert_eq!(bench.status(address), BindingStatus::Abandoned);
    assert_eq!(bench.service.counters().addresses_abandoned, 1);
    assert_eq!(bench.ask(&client(1)).yiaddr(), ip(21));
}

#[test]
fn an_offered_address_may_be_declined() {
    let mut bench = bench();
    bench.ask(&client(1));
    bench.silence(&client(1).declining(ip(20)));
    assert_eq!(bench.status(ip(20)), BindingStatus::Abandoned);
}

#[test]
fn nobody_declines_what_is_not_his() {
    let mut bench = bench();
    let address = bench.lease(&client(1));
    for target in [address, ip(25)] {
        let decline = client(2).declining(target);
        assert_eq!(bench.silence(&decline), Some(DropReason::NotTheHolder));
    }
    assert_eq!(bench.changes(), 1);
}

#[test]
fn a_decline_of_another_servers_address_is_not_taken() {
    let mut bench = bench();
    let address = bench.lease(&client(1));
    let mut decline = client(1).declining(address);
    decline.options = vec![(50, address.octets().to_vec()), (54, ip(2).octets().to_vec())];
    assert_eq!(bench.silence(&decline), Some(DropReason::OtherServer));
}
