//! Clients behind relay agents.

use std::net::{Ipv4Addr, SocketAddrV4};

use dhcproto::v4::{DhcpOption, MessageType, OptionCode as Code};

use crate::support::{OTHER_RELAY, RELAY, bench, client, ip, other_ip};
use twinlease::dhcp::{DropReason, ReplyTo};

/// Holds: FO-4.1-3.
#[test]
fn giaddr_tells_the_subnet() {
    let mut bench = bench();
    assert_eq!(bench.ask(&client(1).via(RELAY)).yiaddr(), ip(20));
    assert_eq!(bench.ask(&client(2).via(OTHER_RELAY)).yiaddr(), other_ip(20));
}

/// Holds: FO-4.1-2.
#[test]
fn an_answer_goes_to_the_relay_agent_at_port_67() {
    let offer = bench().ask(&client(1).via(RELAY));
    let to = ReplyTo::Unicast(SocketAddrV4::new(RELAY, 67));
    assert_eq!(offer.pending.reply.destination.to, to);
    assert_eq!(offer.pending.reply.destination.socket, 7);
    assert_eq!(offer.message.giaddr(), RELAY);
}

#[test]
fn option_82_comes_back_last_and_as_it_was() {
    let option = [1, 3, b'e', b't', b'h', 2, 0, 99, 1, 255];
    let mut bench = bench();
    let request = client(1).via(RELAY).option(82, &option).identifier(b"\x00x");
    let requests = [
        request.clone(),
        request.clone().selecting(ip(20), [192, 0, 2, 1].into()),
        request.rebooting(other_ip(20)),
    ];
    for request in requests {
        let answer = bench.ask(&request);
        assert_eq!(answer.codes().last(), Some(&82));
        let bytes = &answer.pending.reply.bytes;
        assert!(bytes.windows(12).any(|window| window[..2] == [82, 10] && window[2..] == option));
    }
}

#[test]
fn link_selection_tells_the_subnet_and_giaddr_where_to_answer() {
    let mut option = vec![5, 4];
    option.extend(other_ip(0).octets());
    let offer = bench().ask(&client(1).via(RELAY).option(82, &option));
    assert_eq!(offer.yiaddr(), other_ip(20));
    let to = ReplyTo::Unicast(SocketAddrV4::new(RELAY, 67));
    assert_eq!(offer.pending.reply.destination.to, to);
}

#[test]
fn link_selection_of_an_unknown_subnet_is_not_served() {
    let request = client(1).via(RELAY).option(82, &[5, 4, 10, 80, 0, 0]);
    assert_eq!(bench().silence(&request), Some(DropReason::UnknownSubnet));
}

#[test]
fn a_client_without_relay_agent_cannot_select_a_link() {
    let offer = bench().ask(&client(1).option(82, &[5, 4, 10, 79, 0, 0]));
    assert_eq!(offer.yiaddr(), ip(20));
}

#[test]
fn subnet_selection_tells_the_subnet_and_comes_back() {
    let offer = bench().ask(&client(1).via(RELAY).option(118, &other_ip(0).octets()));
    assert_eq!(offer.yiaddr(), other_ip(20));
    let echo = DhcpOption::SubnetSelection(other_ip(0));
    assert_eq!(offer.option(Code::SubnetSelection), Some(&echo));
}

#[test]
fn link_selection_outranks_subnet_selection() {
    let mut option = vec![5, 4];
    option.extend(ip(0).octets());
    let request = client(1).via(OTHER_RELAY).option(118, &other_ip(0).octets()).option(82, &option);
    assert_eq!(bench().ask(&request).yiaddr(), ip(20));
}

#[test]
fn a_relay_agent_may_put_itself_in_the_servers_place() {
    let relay = |request: crate::support::Request| {
        let mut option = vec![11, 4];
        option.extend(RELAY.octets());
        request.via(RELAY).option(82, &option)
    };
    let mut bench = bench();
    let offer = bench.ask(&relay(client(1)));
    assert_eq!(offer.option(Code::ServerIdentifier), Some(&DhcpOption::ServerIdentifier(RELAY)));
    let ack = bench.ask(&relay(client(1).selecting(ip(20), RELAY)));
    assert_eq!(ack.kind(), MessageType::Ack);
}

#[test]
fn a_relay_agent_is_told_to_broadcast_a_nak() {
    let nak = bench().ask(&client(1).via(RELAY).rebooting(other_ip(20)));
    assert_eq!(nak.kind(), MessageType::Nak);
    assert!(nak.message.flags().broadcast());
    let to = ReplyTo::Unicast(SocketAddrV4::new(RELAY, 67));
    assert_eq!(nak.pending.reply.destination.to, to);
}

#[test]
fn a_relayed_rebinding_from_another_network_is_refused() {
    let nak = bench().ask(&client(1).via(RELAY).rebinding(other_ip(20)));
    assert_eq!(nak.kind(), MessageType::Nak);
}

#[test]
fn an_answer_leaves_from_the_address_that_was_asked() {
    let offer = bench().ask(&client(1).via(RELAY));
    let server = Ipv4Addr::new(192, 0, 2, 1);
    assert_eq!(offer.pending.reply.destination.from, server);
    assert_eq!(offer.option(Code::ServerIdentifier), Some(&DhcpOption::ServerIdentifier(server)));
}
