//! DHCPDISCOVER: which address is offered.

use dhcproto::v4::{DhcpOption, MessageType, OptionCode as Code};

use crate::support::{OTHER_RELAY, RELAY, SERVER, Setup, bench, client, ip, other_ip};
use twinlease::dhcp::{DropReason, OFFER_LIFETIME};
use twinlease::durable::CommitId;
use twinlease::wire::codes::BindingStatus;

#[test]
fn a_new_client_is_offered_the_address_unused_for_longest() {
    let mut bench = bench();
    let offer = bench.ask(&client(1));
    assert_eq!((offer.kind(), offer.yiaddr()), (MessageType::Offer, ip(20)));
}

#[test]
fn an_offer_echoes_the_request_and_promises_nothing() {
    let mut bench = bench();
    let offer = bench.ask(&client(1));
    assert_eq!(offer.message.xid(), 0x1234_5601);
    assert_eq!(offer.message.chaddr(), [0, 12, 1, 2, 3, 1]);
    assert_eq!(offer.option(Code::ServerIdentifier), Some(&DhcpOption::ServerIdentifier(SERVER)));
    assert_eq!(offer.pending.commit, CommitId(0));
    assert_eq!((bench.changes(), bench.status(ip(20))), (0, BindingStatus::Free));
}

#[test]
fn an_offered_address_is_not_offered_to_another_client() {
    let mut bench = bench();
    assert_eq!(bench.ask(&client(1)).yiaddr(), ip(20));
    assert_eq!(bench.ask(&client(2)).yiaddr(), ip(21));
    assert_eq!(bench.ask(&client(3).requesting(ip(20))).yiaddr(), ip(22));
}

#[test]
fn a_repeated_discover_is_offered_the_same_address() {
    let mut bench = bench();
    bench.ask(&client(1));
    bench.ask(&client(2));
    assert_eq!(bench.ask(&client(1)).yiaddr(), ip(20));
}

#[test]
fn an_offer_not_taken_up_is_free_for_others_after_two_minutes() {
    let mut bench = bench();
    bench.ask(&client(1));
    bench.wait(119);
    assert_eq!(bench.ask(&client(11).requesting(ip(20))).yiaddr(), ip(21));
    bench.wait(1);
    assert_eq!(OFFER_LIFETIME.as_secs(), 120);
    assert_eq!(bench.ask(&client(12).requesting(ip(20))).yiaddr(), ip(20));
    assert_eq!(bench.service.counters().offers_expired, 1);
}

#[test]
fn the_holder_is_offered_the_address_that_it_holds() {
    let mut bench = bench();
    bench.lease(&client(9));
    let held = bench.lease(&client(1));
    assert_eq!(bench.ask(&client(1).requesting(ip(25))).yiaddr(), held);
}

#[test]
fn a_former_holder_is_offered_its_address_again() {
    let mut bench = bench();
    bench.lease(&client(9));
    let held = bench.lease(&client(1));
    bench.wait(601);
    assert_eq!(bench.status(held), BindingStatus::Free);
    assert_eq!(bench.ask(&client(1)).yiaddr(), held);
}

#[test]
fn a_former_address_that_is_offered_to_somebody_else_is_not_offered() {
    let mut bench = bench();
    let held = bench.lease(&client(1));
    bench.wait(601);
    assert_eq!(bench.ask(&client(2).requesting(held)).yiaddr(), held);
    assert_ne!(bench.ask(&client(1)).yiaddr(), held);
}

#[test]
fn the_requested_address_is_offered_if_it_is_free() {
    let mut bench = bench();
    assert_eq!(bench.ask(&client(1).requesting(ip(27))).yiaddr(), ip(27));
}

#[test]
fn a_requested_address_outside_the_pools_is_passed_over() {
    let mut bench = bench();
    assert_eq!(bench.ask(&client(1).requesting(ip(200))).yiaddr(), ip(20));
    assert_eq!(bench.ask(&client(2).requesting(other_ip(20))).yiaddr(), ip(21));
}

#[test]
fn a_client_that_changes_the_subnet_gets_an_address_of_the_new_one() {
    let mut bench = bench();
    bench.lease(&client(1));
    assert_eq!(bench.ask(&client(1).via(OTHER_RELAY)).yiaddr(), other_ip(20));
    assert_eq!(bench.ask(&client(1).via(RELAY)).yiaddr(), ip(20));
}

#[test]
fn an_empty_pool_is_counted_and_nothing_is_offered() {
    let mut bench = bench();
    for last in 1..=10 {
        bench.lease(&client(last));
    }
    assert_eq!(bench.silence(&client(11)), Some(DropReason::PoolExhausted));
    assert_eq!(bench.service.counters().pool_exhausted, 1);
}

#[test]
fn a_network_that_is_not_configured_is_not_served() {
    let mut bench = bench();
    let stranger = client(1).via("10.80.0.3".parse().unwrap());
    assert_eq!(bench.silence(&stranger), Some(DropReason::UnknownSubnet));
}

#[test]
fn messages_of_servers_are_not_answered() {
    let mut bench = bench();
    for kind in [MessageType::Offer, MessageType::Ack, MessageType::Nak, MessageType::Unknown(99)] {
        assert_eq!(bench.silence(&client(1).kind(kind)), Some(DropReason::UnexpectedType));
    }
}

#[test]
fn the_broadcast_address_of_a_pool_is_offered_to_nobody() {
    let mut bench = Setup { pool: (254, 255), ..Setup::default() }.bench();
    assert_eq!(bench.ask(&client(1)).yiaddr(), ip(254));
    let wish = client(2).requesting(ip(255));
    assert_eq!(bench.silence(&wish), Some(DropReason::PoolExhausted));
}
