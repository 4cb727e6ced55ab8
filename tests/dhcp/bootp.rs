//! BOOTP clients: RFC 951, and pools that are open to them.

use std::net::{Ipv4Addr, SocketAddrV4};

use twinlease::binding::Binding;
use twinlease::dhcp::{DropReason, PendingReply, ReplyTo, Reservation, ReservedFor};
use twinlease::endpoint::{LeaseAuthority, RequestKind, Silence};
use twinlease::time::UnixTime;
use twinlease::wire::codes::{BindingStatus, IpFlags};

use crate::support::{Bench, RELAY, Request, SERVER, Setup, bench, client, hardware, ip};

/// A BOOTP client.
fn bootp(last: u8) -> Request {
    Request { kind: None, ..client(last) }
}

/// A server whose first pool is open to BOOTP.
fn open() -> Bench {
    Setup { dynamic_bootp: true, ..Setup::default() }.bench()
}

#[track_caller]
fn answer(bench: &mut Bench, request: &Request) -> PendingReply {
    let mut replies = bench.raw(&request.bytes(), &request.arrival);
    assert_eq!(replies.len(), 1);
    replies.remove(0)
}

/// The yiaddr field of the answer.
#[track_caller]
fn address_given(bench: &mut Bench, request: &Request) -> Ipv4Addr {
    let bytes = answer(bench, request).reply.bytes;
    Ipv4Addr::from(<[u8; 4]>::try_from(&bytes[16..20]).unwrap())
}

fn binding(bench: &Bench, address: Ipv4Addr) -> Binding {
    bench.owners.0[0].table().get(address).unwrap()
}

#[test]
fn a_pool_that_is_not_open_to_bootp_gives_no_address() {
    let mut bench = bench();
    assert_eq!(bench.silence(&bootp(1)), Some(DropReason::Bootp));
    assert_eq!(bench.changes(), 0);
}

#[test]
fn a_lease_by_bootp_never_ends_and_says_that_it_came_by_bootp() {
    let mut bench = open();
    assert_eq!(address_given(&mut bench, &bootp(1)), ip(20));
    let binding = binding(&bench, ip(20));
    assert_eq!(binding.binding_status, BindingStatus::Active);
    assert_eq!(binding.lease_expiration, UnixTime::INFINITE);
    assert!(binding.ip_flags.contains(IpFlags::BOOTP));
    assert!(binding.belongs_to(&hardware(1)));
}

/// op, htype, hlen, hops, xid, secs, flags, ciaddr, yiaddr, siaddr, giaddr, chaddr, sname, file: as
/// RFC 951 has them; then the cookie, and options that are no DHCP ones.
#[test]
fn the_answer_is_a_bootreply_of_300_octets() {
    let mut bench = open();
    let bytes = answer(&mut bench, &bootp(1)).reply.bytes;
    let header = [
        &[2, 1, 6, 0][..],
        &0x1234_5601_u32.to_be_bytes(),
        &[0; 4],
        &[0; 4],
        &ip(20).octets(),
        &SERVER.octets(),
        &[0; 4],
        &[0, 12, 1, 2, 3, 1],
    ]
    .concat();
    assert_eq!(bytes.len(), 300);
    assert_eq!(bytes[..34], header);
    assert_eq!(bytes[34..236], [0; 202]);
    let options = [
        &[99, 130, 83, 99][..],
        &[1, 4, 255, 255, 255, 0],
        &[3, 4, 10, 78, 0, 3],
        &[6, 8, 10, 78, 0, 4, 10, 78, 0, 5],
        &[15, 11],
        b"example.net",
        &[255],
    ]
    .concat();
    assert_eq!(bytes[236..236 + options.len()], options);
}

#[test]
fn options_that_do_not_fit_64_octets_are_left_out() {
    let options = [(1, 50), (2, 60)]
        .map(|(code, length)| (twinlease::dhcp::OptionCode(223 + code), vec![code; length]));
    let setup =
        Setup { dynamic_bootp: true, options: options.into_iter().collect(), ..Setup::default() };
    let bytes = answer(&mut setup.bench(), &bootp(1)).reply.bytes;
    assert_eq!(bytes.len(), 300);
    assert_eq!(bytes[246..248], [224, 50]);
    assert_eq!(bytes[298], 255);
}

#[test]
fn the_answer_waits_for_its_commit() {
    let mut bench = open();
    assert_ne!(answer(&mut bench, &bootp(1)).commit.0, 0);
}

#[test]
fn a_bootp_client_that_asks_again_gets_the_same_address() {
    let mut bench = open();
    address_given(&mut bench, &bootp(1));
    address_given(&mut bench, &bootp(2));
    assert_eq!(address_given(&mut bench, &bootp(1)), ip(20));
}

#[test]
fn a_reserved_address_is_given_by_bootp_from_any_pool() {
    let reservation = Reservation {
        client: ReservedFor::Hardware(hardware(1).hardware.unwrap()),
        address: ip(22),
    };
    let mut bench = Setup { reservations: vec![reservation], ..Setup::default() }.bench();
    assert_eq!(address_given(&mut bench, &bootp(1)), ip(22));
    assert!(binding(&bench, ip(22)).ip_flags.contains(IpFlags::BOOTP));
}

#[test]
fn a_reserved_address_outside_the_pools_is_given_by_bootp() {
    let reservation = Reservation {
        client: ReservedFor::Hardware(hardware(1).hardware.unwrap()),
        address: ip(99),
    };
    let mut bench = Setup { reservations: vec![reservation], ..Setup::default() }.bench();
    assert_eq!(address_given(&mut bench, &bootp(1)), ip(99));
    assert_eq!(bench.changes(), 0);
}

/// The last client of an address in a closed pool comes back by BOOTP.
#[test]
fn an_address_held_by_dhcp_in_a_closed_pool_is_not_given_by_bootp() {
    let mut bench = bench();
    bench.lease(&client(1));
    assert_eq!(bench.silence(&bootp(1)), Some(DropReason::Bootp));
}

#[test]
fn a_bootp_client_that_comes_back_by_dhcp_gets_an_end() {
    let mut bench = open();
    address_given(&mut bench, &bootp(1));
    assert_eq!(bench.lease(&client(1)), ip(20));
    let binding = binding(&bench, ip(20));
    assert_eq!(binding.lease_expiration, UnixTime(crate::support::START + 600));
    assert!(!binding.ip_flags.contains(IpFlags::BOOTP));
}

#[test]
fn the_owner_is_asked_whether_to_serve_a_bootp_client() {
    let mut bench = open();
    bench.owners.0[0].silence = Some(Silence::PartnersClient);
    assert_eq!(bench.silence(&bootp(1)), Some(DropReason::PartnersClient));
    assert_eq!(*bench.owners.0[0].asked.borrow(), [(RequestKind::Bootp, false)]);
}

#[test]
fn a_client_that_names_another_server_is_left_to_it() {
    let mut bench = open();
    let mut datagram = bootp(1).bytes();
    datagram[44..48].copy_from_slice(b"boot");
    assert!(bench.raw(&datagram, &bootp(1).arrival).is_empty());
    assert_eq!(bench.changes(), 0);
}

#[test]
fn a_client_that_knows_its_address_gets_parameters_only() {
    let mut bench = open();
    let request = Request { ciaddr: ip(50), ..bootp(1) };
    assert_eq!(address_given(&mut bench, &request), Ipv4Addr::UNSPECIFIED);
    assert_eq!(bench.changes(), 0);
}

#[test]
fn an_answer_through_a_relay_agent_goes_to_it() {
    let mut bench = open();
    let to = answer(&mut bench, &bootp(1).via(RELAY)).reply.destination.to;
    assert_eq!(to, ReplyTo::Unicast(SocketAddrV4::new(RELAY, 67)));
}
