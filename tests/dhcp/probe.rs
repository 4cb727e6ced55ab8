//! An address is probed before it is offered.

use std::time::Duration;

use dhcproto::v4::MessageType;

use crate::support::{Answer, Bench, SERVER, Setup, client, ip};
use twinlease::dhcp::DropReason;
use twinlease::wire::codes::BindingStatus;

fn bench() -> Bench {
    Setup { ping_timeout: Some(Duration::from_secs(1)), ..Setup::default() }.bench()
}

fn probes(bench: &mut Bench) -> Vec<std::net::Ipv4Addr> {
    bench.service.take_probes().collect()
}

#[test]
fn the_offer_leaves_when_nobody_has_answered_in_time() {
    let mut bench = bench();
    assert_eq!(bench.silence(&client(1)), Some(DropReason::Probing));
    assert_eq!(probes(&mut bench), [ip(20)]);
    let offers = bench.wait(1);
    let [offer] = offers.try_into().unwrap();
    assert_eq!(Answer::new(offer).yiaddr(), ip(20));
}

#[test]
fn a_repeated_discover_does_not_start_another_probe() {
    let mut bench = bench();
    bench.silence(&client(1));
    assert_eq!(bench.silence(&client(1)), Some(DropReason::Probing));
    assert_eq!(probes(&mut bench), [ip(20)]);
    assert_eq!(bench.wait(1).len(), 1);
    assert_eq!(bench.ask(&client(1)).yiaddr(), ip(20));
}

/// Holds: FO-5.11-14.
#[test]
fn an_address_that_answers_is_abandoned_and_the_next_one_is_probed() {
    let mut bench = bench();
    bench.silence(&client(1));
    assert_eq!(probes(&mut bench), [ip(20)]);
    let mut replies = Vec::new();
    bench.service.probe_answered(ip(20), &mut bench.owners, bench.now, &mut replies);
    assert!(replies.is_empty());
    assert_eq!(bench.status(ip(20)), BindingStatus::Abandoned);
    assert_eq!(probes(&mut bench), [ip(21)]);
    let [offer] = bench.wait(1).try_into().unwrap();
    assert_eq!(Answer::new(offer).yiaddr(), ip(21));
}

#[test]
fn an_echo_of_an_address_that_was_not_probed_changes_nothing() {
    let mut bench = bench();
    let mut replies = Vec::new();
    bench.service.probe_answered(ip(20), &mut bench.owners, bench.now, &mut replies);
    assert_eq!((replies.len(), bench.changes()), (0, 0));
}

#[test]
fn an_address_that_its_client_holds_is_not_probed() {
    let mut bench = bench();
    bench.silence(&client(1));
    bench.wait(1);
    let ack = bench.ask(&client(1).selecting(ip(20), SERVER));
    assert_eq!(ack.kind(), MessageType::Ack);
    probes(&mut bench).clear();
    assert_eq!(bench.ask(&client(1)).yiaddr(), ip(20));
    assert!(probes(&mut bench).is_empty());
}

#[test]
fn without_the_check_nothing_is_probed() {
    let mut bench = crate::support::bench();
    bench.ask(&client(1));
    assert!(probes(&mut bench).is_empty());
}
