//! DHCPREQUEST where it is granted: selecting, init-reboot, renewing, rebinding.

use dhcproto::v4::{DhcpOption, MessageType, OptionCode as Code};

use crate::support::{RELAY, SERVER, START, bench, client, hardware, ip};
use twinlease::dhcp::DropReason;
use twinlease::durable::CommitId;
use twinlease::endpoint::{LeaseAuthority, RequestKind};
use twinlease::time::UnixTime;
use twinlease::wire::codes::BindingStatus;

/// Holds: FO-3.1.3-1.
#[test]
fn an_ack_waits_for_its_commit() {
    let mut bench = bench();
    bench.ask(&client(1));
    let ack = bench.ask(&client(1).selecting(ip(20), SERVER));
    assert_eq!((ack.kind(), ack.yiaddr()), (MessageType::Ack, ip(20)));
    assert_eq!((ack.pending.owner, ack.pending.commit), (0, CommitId(1)));
    let binding = bench.owners.0[0].table().get(ip(20)).unwrap();
    assert_eq!(binding.binding_status, BindingStatus::Active);
    assert_eq!(binding.lease_expiration, UnixTime(START + 600));
    assert!(binding.belongs_to(&hardware(1)));
}

#[test]
fn t1_is_half_and_t2_seven_eighths_of_the_lease() {
    let mut bench = bench();
    let offer = bench.ask(&client(1));
    assert_eq!(offer.option(Code::Renewal), Some(&DhcpOption::Renewal(300)));
    assert_eq!(offer.option(Code::Rebinding), Some(&DhcpOption::Rebinding(525)));
}

/// Holds: FO-5.2.1-8.
#[test]
fn a_lease_never_outlasts_what_the_owner_grants() {
    let mut bench = bench();
    bench.owners.0[0].limit = Some(90);
    bench.ask(&client(1));
    let ack = bench.ask(&client(1).selecting(ip(20), SERVER));
    assert_eq!(ack.lease_time(), Some(90));
    assert_eq!(ack.option(Code::Rebinding), Some(&DhcpOption::Rebinding(78)));
}

#[test]
fn a_client_that_selects_another_server_frees_its_offer() {
    let mut bench = bench();
    bench.ask(&client(1));
    let elsewhere = client(1).selecting(ip(120), ip(2));
    assert_eq!(bench.silence(&elsewhere), Some(DropReason::OtherServer));
    assert_eq!(bench.ask(&client(2).requesting(ip(20))).yiaddr(), ip(20));
    assert_eq!(bench.changes(), 0);
}

#[test]
fn a_selection_of_another_server_is_not_put_to_the_owner() {
    let mut bench = bench();
    bench.silence(&client(1).selecting(ip(20), ip(2)));
    assert!(bench.owners.0[0].asked.borrow().is_empty());
}

#[test]
fn any_address_of_this_server_names_it() {
    let mut bench = bench();
    bench.service.set_own_addresses(vec![SERVER, "10.90.0.1".parse().unwrap()]);
    bench.ask(&client(1));
    let ack = bench.ask(&client(1).selecting(ip(20), "10.90.0.1".parse().unwrap()));
    assert_eq!(ack.kind(), MessageType::Ack);
}

#[test]
fn a_selection_is_granted_after_a_restart_that_forgot_the_offer() {
    let mut bench = bench();
    let ack = bench.ask(&client(1).selecting(ip(23), SERVER));
    assert_eq!((ack.kind(), ack.yiaddr()), (MessageType::Ack, ip(23)));
}

/// Holds: FO-3.1-1.
/// Holds: FO-7.1.3-3.
#[test]
fn every_kind_of_request_is_told_apart() {
    let cases = [
        (client(1).selecting(ip(20), SERVER), RequestKind::Selecting, true),
        (client(1).rebooting(ip(20)), RequestKind::InitReboot, false),
        (client(1).renewing(ip(20)), RequestKind::Renewing, true),
        (client(1).rebinding(ip(20)), RequestKind::Rebinding, false),
        (client(1).rebinding(ip(20)).via(RELAY), RequestKind::Rebinding, false),
    ];
    for (request, kind, addressed) in cases {
        let mut bench = bench();
        bench.lease(&client(1));
        bench.owners.0[0].asked.borrow_mut().clear();
        let ack = bench.ask(&request);
        assert_eq!((ack.kind(), ack.yiaddr()), (MessageType::Ack, ip(20)), "{kind:?}");
        assert_eq!(*bench.owners.0[0].asked.borrow(), [(kind, addressed)]);
    }
}

#[test]
fn a_renewal_starts_the_lease_anew() {
    let mut bench = bench();
    let address = bench.lease(&client(1));
    bench.wait(300);
    let ack = bench.ask(&client(1).renewing(address));
    assert_eq!(ack.lease_time(), Some(600));
    assert_eq!(ack.message.ciaddr(), address);
    let binding = bench.owners.0[0].table().get(address).unwrap();
    assert_eq!(binding.lease_expiration, UnixTime(START + 900));
}

#[test]
fn a_renewal_after_the_end_is_granted_if_nobody_else_has_the_address() {
    let mut bench = bench();
    let address = bench.lease(&client(1));
    bench.wait(700);
    assert_eq!(bench.ask(&client(1).renewing(address)).kind(), MessageType::Ack);
}

#[test]
fn a_former_holder_that_reboots_gets_its_address_back() {
    let mut bench = bench();
    let address = bench.lease(&client(1));
    bench.wait(700);
    assert_eq!(bench.ask(&client(1).rebooting(address)).yiaddr(), address);
}

#[test]
fn a_request_without_any_address_is_dropped() {
    let mut bench = bench();
    let request = client(1).kind(MessageType::Request);
    assert_eq!(bench.silence(&request), Some(DropReason::Incomplete));
    assert_eq!(bench.silence(&request.naming(SERVER)), Some(DropReason::Incomplete));
}

#[test]
fn the_ack_ends_the_offer() {
    let mut bench = bench();
    bench.lease(&client(1));
    bench.wait(121);
    assert_eq!(bench.service.counters().offers_expired, 0);
}
