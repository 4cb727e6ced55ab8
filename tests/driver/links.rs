//! Connections over loopback: who is let in, what is written together, who is dropped.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::{sleep, timeout};
use twinlease::driver::Clock;
use twinlease::driver::links::{
    LinkEvent, LinkSpec, Links, MAX_ACCEPTED, MAX_HALF_OPEN, MAX_HALF_OPEN_OCTETS,
};
use twinlease::endpoint::{ConnectFailure, LinkId, Origin};
use twinlease::store::OwnerId;
use twinlease::time::UnixTime;
use twinlease::wire::{Connect, Dialect, Message, Xid};

const OURS: Ipv4Addr = Ipv4Addr::LOCALHOST;
const PARTNER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
const STRANGER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 3);

/// Nothing here takes longer unless it is broken.
const PATIENCE: Duration = Duration::from_secs(20);

/// A port of `address` that nobody uses.
async fn free_port(address: Ipv4Addr) -> SocketAddrV4 {
    let listener = TcpListener::bind((address, 0)).await.unwrap();
    SocketAddrV4::new(address, listener.local_addr().unwrap().port())
}

async fn spec(number: u16, name: &str) -> LinkSpec {
    LinkSpec {
        owner: OwnerId(number),
        name: name.to_owned(),
        local: free_port(OURS).await,
        peer: free_port(PARTNER).await,
        receive_timer: Duration::from_secs(30),
        tls: None,
    }
}

/// Connects from `from`, again and again until somebody listens.
async fn knock(from: Ipv4Addr, to: SocketAddrV4) -> TcpStream {
    loop {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((from, 0).into()).unwrap();
        match socket.connect(to.into()).await {
            Ok(stream) => return stream,
            Err(_) => sleep(Duration::from_millis(20)).await,
        }
    }
}

async fn next(links: &mut Links) -> LinkEvent {
    timeout(PATIENCE, links.next()).await.unwrap()
}

async fn connected(links: &mut Links) -> (OwnerId, LinkId, Origin) {
    match next(links).await {
        LinkEvent::Connected { owner, link, origin } => (owner, link, origin),
        other => panic!("{other:?}"),
    }
}

async fn bytes(links: &mut Links, link: LinkId) -> Vec<u8> {
    match next(links).await {
        LinkEvent::Bytes { link: of, bytes } if of == link => bytes.to_vec(),
        other => panic!("{other:?}"),
    }
}

async fn closed(links: &mut Links) -> LinkId {
    match next(links).await {
        LinkEvent::Closed { link } => link,
        other => panic!("{other:?}"),
    }
}

async fn read_exact(stream: &mut TcpStream, len: usize) -> Vec<u8> {
    let mut octets = vec![0; len];
    timeout(PATIENCE, stream.read_exact(&mut octets)).await.unwrap().unwrap();
    octets
}

/// Whether the other side has closed without a byte.
async fn is_closed_silently(stream: &mut TcpStream) -> bool {
    !matches!(timeout(PATIENCE, stream.read(&mut [0; 16])).await.unwrap(), Ok(1..))
}

fn connect_message(name: &str) -> Vec<u8> {
    let connect = Connect { relationship_name: Some(name.as_bytes()), ..Connect::default() };
    let mut octets = Vec::new();
    Message::Connect(connect)
        .encode(UnixTime(1_700_000_000), Xid(0), Dialect::Isc, &mut octets)
        .unwrap();
    octets
}

/// Holds: FO-6.1-2.
#[tokio::test]
async fn the_partner_is_let_in_and_heard() {
    let spec = spec(1, "a").await;
    let mut links = Links::start(vec![spec.clone()], Clock::new());
    let mut partner = knock(PARTNER, spec.local).await;
    let (owner, link, origin) = connected(&mut links).await;
    assert_eq!((owner, origin), (OwnerId(1), Origin::Accepted));
    partner.write_all(b"hello").await.unwrap();
    assert_eq!(bytes(&mut links, link).await, b"hello");
    links.transmit(link, b"welcome");
    assert_eq!(read_exact(&mut partner, 7).await, b"welcome");
}

/// Holds: FO-4.2-1, FO-5.1.1-9.
/// Holds: FO-7.8.2-20, FO-8.2-9, A1-17.
#[tokio::test]
async fn a_stranger_is_closed_without_a_byte_and_counted() {
    let spec = spec(1, "a").await;
    let mut links = Links::start(vec![spec.clone()], Clock::new());
    let mut stranger = knock(STRANGER, spec.local).await;
    assert!(is_closed_silently(&mut stranger).await);
    assert_eq!(links.counters().unknown_address, 1);
    assert!(links.try_next().is_none());
}

#[tokio::test]
async fn a_dial_comes_from_the_configured_address() {
    let spec = spec(1, "a").await;
    let listener = TcpListener::bind(spec.peer).await.unwrap();
    let mut links = Links::start(vec![spec.clone()], Clock::new());
    links.connect(spec.owner);
    let (_stream, from) = timeout(PATIENCE, listener.accept()).await.unwrap().unwrap();
    assert_eq!(from.ip(), OURS);
    assert_eq!(connected(&mut links).await.2, Origin::Dialled);
}

#[tokio::test]
async fn a_partner_that_does_not_listen_refuses() {
    let spec = spec(1, "a").await;
    let mut links = Links::start(vec![spec.clone()], Clock::new());
    for _ in 0..3 {
        links.connect(spec.owner);
        let event = next(&mut links).await;
        assert!(
            matches!(
                event,
                LinkEvent::ConnectFailed { owner: OwnerId(1), failure: ConnectFailure::Refused }
            ),
            "{event:?}"
        );
    }
}

#[tokio::test]
async fn a_second_dial_waits_for_the_end_of_the_first() {
    let spec = spec(1, "a").await;
    let listener = TcpListener::bind(spec.peer).await.unwrap();
    let mut links = Links::start(vec![spec.clone()], Clock::new());
    links.connect(spec.owner);
    links.connect(spec.owner);
    let (_first, _) = timeout(PATIENCE, listener.accept()).await.unwrap().unwrap();
    connected(&mut links).await;
    links.connect(spec.owner);
    let (_second, _) = timeout(PATIENCE, listener.accept()).await.unwrap().unwrap();
    connected(&mut links).await;
    assert_eq!(links.open(), 2);
}

#[tokio::test]
async fn the_end_of_a_connection_is_told_and_the_partner_may_come_back() {
    let spec = spec(1, "a").await;
    let mut links = Links::start(vec![spec.clone()], Clock::new());
    let mut last = LinkId(0);
    for _ in 0..3 {
        let partner = knock(PARTNER, spec.local).await;
        let (_, link, _) = connected(&mut links).await;
        assert!(link > last);
        drop(partner);
        assert_eq!(closed(&mut links).await, link);
        last = link;
    }
    assert_eq!(links.open(), 0);
}

#[tokio::test]
async fn what_was_queued_is_written_before_a_close_and_no_event_follows() {
    let spec = spec(1, "a").await;
    let mut links = Links::start(vec![spec.clone()], Clock::new());
    let mut partner = knock(PARTNER, spec.local).await;
    let (_, link, _) = connected(&mut links).await;
    partner.write_all(&vec![7; 100_000]).await.unwrap();
    let message = vec![5; 1 << 20];
    links.transmit(link, &message);
    links.close(link);
    let mut read = Vec::new();
    timeout(PATIENCE, partner.read_to_end(&mut read)).await.unwrap().unwrap();
    assert_eq!(read, message);
    drop(partner);
    assert!(timeout(Duration::from_millis(100), links.next()).await.is_err());
}

#[tokio::test]
async fn messages_that_gather_leave_in_few_writes_and_in_order() {
    let spec = spec(1, "a").await;
    let mut links = Links::start(vec![spec.clone()], Clock::new());
    let mut partner = knock(PARTNER, spec.local).await;
    let (_, link, _) = connected(&mut links).await;
    let mut expected = Vec::new();
    for number in 0..1000_u32 {
        links.transmit(link, &number.to_be_bytes());
        expected.extend(number.to_be_bytes());
    }
    // All of them were queued before the connection's task ran: they are one write.
    let mut first = vec![0; expected.len()];
    let len = timeout(PATIENCE, partner.read(&mut first)).await.unwrap().unwrap();
    assert_eq!((len, first), (expected.len(), expected));
}

/// Holds: FO-3.5-4.
/// Holds: FO-8.3-16.
#[tokio::test]
async fn a_partner_that_does_not_read_loses_the_connection() {
    let spec = spec(1, "a").await;
    let mut links = Links::start(vec![spec.clone()], Clock::new());
    let _partner = knock(PARTNER, spec.local).await;
    let (_, link, _) = connected(&mut links).await;
    let megabyte = vec![0; 1 << 20];
    let mut sent = 0;
    while links.open() == 1 {
        assert!(sent < 64, "the write buffer must have a limit");
        links.transmit(link, &megabyte);
        sent += 1;
        tokio::task::yield_now().await;
    }
    assert_eq!(closed(&mut links).await, link);
    assert_eq!(links.counters().overrun, 1);
}

#[tokio::test]
async fn too_many_connections_are_closed_and_room_comes_back() {
    let spec = spec(1, "a").await;
    let mut links = Links::start(vec![spec.clone()], Clock::new());
    let mut partners = Vec::new();
    for _ in 0..MAX_ACCEPTED {
        partners.push(knock(PARTNER, spec.local).await);
        connected(&mut links).await;
    }
    let mut one_more = knock(PARTNER, spec.local).await;
    assert!(is_closed_silently(&mut one_more).await);
    assert_eq!(links.counters().too_many, 1);
    partners.pop();
    closed(&mut links).await;
    let _next = knock(PARTNER, spec.local).await;
    connected(&mut links).await;
}

/// Two relationships with the same partner address, behind the same listener.
async fn two_relationships() -> (LinkSpec, Links) {
    let first = spec(1, "first").await;
    let second = LinkSpec { owner: OwnerId(2), name: "second".to_owned(), ..first.clone() };
    let links = Links::start(vec![first.clone(), second], Clock::new());
    (first, links)
}

/// Holds: FO-2.2-6, FO-4.1-11, FO-5.1.1-1, FO-5.1.1-4, FO-5.1.1-5, FO-5.1.1-6, FO-5.1.1-7.
/// Holds: FO-5.1.1-9.
/// Holds: FO-9-3.
/// Holds: FO-7.8.2-22, FO-8.1-2, FO-8.2-11, A1-17.
#[tokio::test]
async fn a_connect_names_the_relationship_where_the_address_does_not() {
    let (spec, mut links) = two_relationships().await;
    for (name, owner) in [("second", 2), ("first", 1), ("third", 1)] {
        let mut partner = knock(PARTNER, spec.local).await;
        let message = connect_message(name);
        let (head, tail) = message.split_at(17);
        partner.write_all(head).await.unwrap();
        partner.flush().await.unwrap();
        sleep(Duration::from_millis(10)).await;
        partner.write_all(tail).await.unwrap();
        let (found, link, _) = connected(&mut links).await;
        assert_eq!(found, OwnerId(owner), "{name}");
        assert_eq!(bytes(&mut links, link).await, message);
        links.close(link);
    }
}

#[tokio::test]
async fn connections_that_do_not_say_what_they_are_for_are_few() {
    let (spec, links) = two_relationships().await;
    let mut silent = Vec::new();
    for _ in 0..MAX_HALF_OPEN {
        silent.push(knock(PARTNER, spec.local).await);
    }
    let mut one_more = knock(PARTNER, spec.local).await;
    assert!(is_closed_silently(&mut one_more).await);
    assert_eq!(links.counters().too_many, 1);
}

#[tokio::test]
async fn another_first_message_than_connect_closes_where_the_name_is_needed() {
    let (spec, links) = two_relationships().await;
    let mut contact = Vec::new();
    Message::Contact.encode(UnixTime(1), Xid(1), Dialect::Isc, &mut contact).unwrap();
    for octets in [contact, vec![0xff; MAX_HALF_OPEN_OCTETS]] {
        let mut partner = knock(PARTNER, spec.local).await;
        partner.write_all(&octets).await.unwrap();
        assert!(is_closed_silently(&mut partner).await);
    }
    assert_eq!(links.counters().unattributed, 2);
}

#[tokio::test]
async fn shutting_down_writes_what_was_queued() {
    let spec = spec(1, "a").await;
    let mut links = Links::start(vec![spec.clone()], Clock::new());
    let mut partner = knock(PARTNER, spec.local).await;
    let (_, link, _) = connected(&mut links).await;
    links.transmit(link, b"goodbye");
    let reading = tokio::spawn(async move {
        let mut read = Vec::new();
        partner.read_to_end(&mut read).await.unwrap();
        read
    });
    links.shut_down(PATIENCE).await;
    assert_eq!(timeout(PATIENCE, reading).await.unwrap().unwrap(), b"goodbye");
    assert!(TcpStream::connect(spec.local).await.is_err());
}

#[tokio::test]
async fn a_listener_waits_for_its_address_to_become_free() {
    let spec = spec(1, "a").await;
    let taken = TcpListener::bind(spec.local).await.unwrap();
    let mut links = Links::start(vec![spec.clone()], Clock::new());
    sleep(Duration::from_millis(50)).await;
    drop(taken);
    let _partner = knock(PARTNER, spec.local).await;
    connected(&mut links).await;
}
