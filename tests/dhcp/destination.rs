//! Where answers to directly attached clients go, and on sockets for trials.

use std::net::SocketAddrV4;

use dhcproto::v4::{DhcpOption, MessageType, OptionCode as Code};

use crate::support::{RELAY, Request, SERVER, Setup, bench, client, ip, other_ip};
use twinlease::dhcp::{Destination, ReplyTo};

fn destination(request: &Request) -> Destination {
    let mut bench = bench();
    if request.ciaddr == ip(20) {
        bench.lease(&client(1));
    }
    bench.ask(request).pending.reply.destination
}

#[test]
fn a_client_without_address_is_reached_by_its_hardware_address() {
    let to = ReplyTo::Link { address: ip(20), hardware: [0, 12, 1, 2, 3, 1] };
    assert_eq!(destination(&client(1)), Destination { socket: 7, from: SERVER, to });
}

#[test]
fn a_client_that_asks_for_broadcast_gets_it() {
    let mut request = client(1);
    request.flags = 0x8000;
    assert_eq!(destination(&request).to, ReplyTo::Broadcast);
}

#[test]
fn a_client_whose_hardware_is_not_ethernet_is_reached_by_broadcast() {
    let mut request = client(1);
    request.htype = 6;
    assert_eq!(destination(&request).to, ReplyTo::Broadcast);
}

/// Holds: FO-3.1.2-3.
#[test]
fn a_client_with_an_address_is_reached_there_at_port_68() {
    let to = ReplyTo::Unicast(SocketAddrV4::new(ip(20), 68));
    assert_eq!(destination(&client(1).renewing(ip(20))).to, to);
    assert_eq!(destination(&client(1).rebinding(ip(20))).to, to);
}

#[test]
fn a_nak_is_broadcast() {
    let mut bench = bench();
    bench.lease(&client(2));
    for request in [client(1).rebooting(other_ip(20)), client(1).renewing(ip(20))] {
        let nak = bench.ask(&request);
        assert_eq!(nak.kind(), MessageType::Nak);
        assert_eq!(nak.pending.reply.destination.to, ReplyTo::Broadcast);
    }
}

#[test]
fn on_a_trial_socket_every_answer_goes_back_to_where_the_request_came_from() {
    let source = SocketAddrV4::new([127, 0, 0, 1].into(), 40_068);
    let requests = [
        client(1).via(RELAY),
        client(1).via(RELAY).rebooting(other_ip(20)),
        client(1).renewing(ip(20)),
        client(1).renewing(ip(150)).kind(MessageType::Inform),
    ];
    for mut request in requests {
        request.arrival.source = source;
        request.arrival.answer_to_source = true;
        assert_eq!(destination(&request).to, ReplyTo::Unicast(source));
    }
}

#[test]
fn a_configured_server_identifier_replaces_the_address() {
    let identifier = ip(9);
    let mut bench = Setup { server_identifier: Some(identifier), ..Setup::default() }.bench();
    let offer = bench.ask(&client(1));
    assert_eq!(
        offer.option(Code::ServerIdentifier),
        Some(&DhcpOption::ServerIdentifier(identifier))
    );
    let ack = bench.ask(&client(1).selecting(ip(20), identifier));
    assert_eq!(ack.kind(), MessageType::Ack);
}
