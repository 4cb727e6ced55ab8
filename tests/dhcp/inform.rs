//! DHCPINFORM: parameters without a lease.

use std::net::{Ipv4Addr, SocketAddrV4};

use dhcproto::v4::MessageType;

use crate::support::{RELAY, Request, bench, client, ip};
use twinlease::dhcp::{DropReason, ReplyTo};
use twinlease::durable::CommitId;

fn informing() -> Request {
    client(1).renewing(ip(150)).kind(MessageType::Inform)
}

#[test]
fn an_inform_gets_parameters_and_no_times() {
    let mut bench = bench();
    let ack = bench.ask(&informing());
    assert_eq!(ack.kind(), MessageType::Ack);
    assert_eq!(ack.codes(), [53, 54, 1, 3, 6, 15]);
    assert_eq!((ack.yiaddr(), ack.message.ciaddr()), (Ipv4Addr::UNSPECIFIED, ip(150)));
    assert_eq!((ack.pending.commit, bench.changes()), (CommitId(0), 0));
}

#[test]
fn an_inform_is_answered_to_the_client_itself() {
    let client = ReplyTo::Unicast(SocketAddrV4::new(ip(150), 68));
    let mut relayed = informing();
    relayed.giaddr = RELAY;
    for request in [informing(), relayed] {
        assert_eq!(bench().ask(&request).pending.reply.destination.to, client);
    }
}

#[test]
fn a_client_that_leaves_ciaddr_empty_is_answered_where_it_is() {
    let mut request = informing();
    request.ciaddr = Ipv4Addr::UNSPECIFIED;
    let answer = bench().ask(&request);
    let client = ReplyTo::Unicast(SocketAddrV4::new(ip(150), 68));
    assert_eq!(answer.pending.reply.destination.to, client);
}

#[test]
fn a_client_without_any_address_is_not_answered() {
    let request = client(1).kind(MessageType::Inform);
    assert_eq!(bench().silence(&request), Some(DropReason::Incomplete));
}
