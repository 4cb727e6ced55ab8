//! Datagrams over loopback.

use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::time::Duration;

use bytes::Bytes;
use dhcproto::v4::MessageType;
use twinlease::dhcp::{Arrival, ClientSockets, Destination, Reply, ReplyTo, SocketConfig};

use crate::support::client as client_message;

fn listening(addresses: &[SocketAddrV4]) -> ClientSockets {
    let config = SocketConfig { listen: addresses.to_vec(), ..SocketConfig::default() };
    ClientSockets::open(&config).unwrap()
}

fn client() -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    socket
}

/// Waits for a datagram; one that never comes fails the test.
async fn something(sockets: &ClientSockets) {
    let wait = tokio::time::timeout(Duration::from_secs(10), sockets.readable(true));
    wait.await.unwrap();
}

/// What arrives, at least `count` datagrams.
async fn received(sockets: &mut ClientSockets, count: usize) -> Vec<(Arrival, Vec<u8>)> {
    let mut batch = Vec::new();
    while batch.len() < count {
        something(sockets).await;
        sockets.receive(true, |arrival, octets| batch.push((*arrival, octets.to_vec())));
    }
    batch
}

/// A DISCOVER as clients send it.
fn discover() -> Vec<u8> {
    client_message(1).bytes()
}

const LOOPBACK: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0);
const SECOND: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(127, 0, 0, 2), 0);

#[tokio::test]
async fn a_datagram_arrives_with_its_two_ends() {
    let mut sockets = listening(&[LOOPBACK, SECOND]);
    let addresses: Vec<_> = sockets.local_addresses().map(Result::unwrap).collect();
    let client = client();
    client.send_to(b"two", addresses[1]).unwrap();
    let batch = received(&mut sockets, 1).await;
    let (arrival, bytes) = &batch[0];
    assert_eq!(&bytes[..], b"two");
    assert_eq!(arrival.socket, 1);
    assert_eq!(std::net::SocketAddr::V4(arrival.source), client.local_addr().unwrap());
    assert_eq!(arrival.local_address, *SECOND.ip());
    assert!(arrival.unicast && arrival.answer_to_source);
}

#[tokio::test]
async fn many_datagrams_come_in_one_batch_in_their_order() {
    let mut sockets = listening(&[LOOPBACK]);
    let address = sockets.local_addresses().next().unwrap().unwrap();
    let client = client();
    for number in 0..100_u8 {
        client.send_to(&[number], address).unwrap();
    }
    let batch = received(&mut sockets, 100).await;
    let numbers: Vec<u8> = batch.iter().map(|(_, bytes)| bytes[0]).collect();
    assert_eq!(numbers, (0..100).collect::<Vec<u8>>());
}

#[tokio::test]
async fn other_messages_overtake_discovers() {
    let mut sockets = listening(&[LOOPBACK]);
    let address = sockets.local_addresses().next().unwrap().unwrap();
    let request = client_message(2).kind(MessageType::Request).bytes();
    client().send_to(&discover(), address).unwrap();
    client().send_to(&request, address).unwrap();
    let batch = received(&mut sockets, 2).await;
    assert_eq!([&batch[0].1, &batch[1].1], [&request, &discover()]);
}

#[tokio::test]
async fn discovers_that_are_not_wanted_wait() {
    let mut sockets = listening(&[LOOPBACK]);
    let address = sockets.local_addresses().next().unwrap().unwrap();
    client().send_to(&discover(), address).unwrap();
    something(&sockets).await;
    sockets.receive(false, |_, _| panic!("it was read"));
    assert_eq!(received(&mut sockets, 1).await.len(), 1);
}

#[tokio::test]
async fn a_discover_with_its_type_behind_another_option_arrives_too() {
    let mut sockets = listening(&[LOOPBACK]);
    let address = sockets.local_addresses().next().unwrap().unwrap();
    let mut message = discover();
    message.truncate(240);
    message.extend([57, 2, 2, 64, 53, 1, 1, 255]);
    client().send_to(&message, address).unwrap();
    assert_eq!(received(&mut sockets, 1).await[0].1, message);
}

#[tokio::test]
async fn a_broadcast_is_received_once() {
    let mut sockets = listening(&[SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0)]);
    let port = sockets.local_addresses().next().unwrap().unwrap().port();
    let client = client();
    client.set_broadcast(true).unwrap();
    client.send_to(&discover(), (Ipv4Addr::new(127, 255, 255, 255), port)).unwrap();
    client.send_to(b"the end", (Ipv4Addr::new(127, 255, 255, 255), port)).unwrap();
    let batch = received(&mut sockets, 2).await;
    assert_eq!((batch.len(), batch[0].0.unicast), (2, false));
    sockets.receive(true, |_, _| panic!("it was received twice"));
}

#[tokio::test]
async fn a_broadcast_that_is_for_the_other_lane_is_not_counted_as_lost() {
    let mut sockets = listening(&[SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0)]);
    let port = sockets.local_addresses().next().unwrap().unwrap().port();
    let client = client();
    client.set_broadcast(true).unwrap();
    client.send_to(&discover(), (Ipv4Addr::new(127, 255, 255, 255), port)).unwrap();
    client.send_to(b"the end", (Ipv4Addr::LOCALHOST, port)).unwrap();
    received(&mut sockets, 2).await;
    assert_eq!(sockets.take_overrun(), 0);
}

#[tokio::test]
async fn a_flood_of_discovers_costs_no_request_and_is_counted() {
    let mut sockets = listening(&[LOOPBACK]);
    let address = sockets.local_addresses().next().unwrap().unwrap();
    let client = client();
    let request = client_message(2).kind(MessageType::Request).bytes();
    let sent = 10_000;
    for _ in 0..sent {
        client.send_to(&discover(), address).unwrap();
    }
    client.send_to(&request, address).unwrap();
    let mut read = 0;
    assert_eq!(received(&mut sockets, 1).await[0].1, request);
    // The last one says how many were lost before it.
    while sockets.receive(true, |_, _| read += 1) {}
    client.send_to(&discover(), address).unwrap();
    read += received(&mut sockets, 1).await.len();
    assert!(sockets.take_overrun() > 0, "{read} of {sent} were read");
}

#[tokio::test]
async fn a_reply_leaves_through_the_socket_of_the_request() {
    let mut sockets = listening(&[LOOPBACK, SECOND]);
    let address = sockets.local_addresses().nth(1).unwrap().unwrap();
    let client = client();
    let std::net::SocketAddr::V4(to) = client.local_addr().unwrap() else { panic!("not IPv4") };
    let destination = Destination { socket: 1, from: *SECOND.ip(), to: ReplyTo::Unicast(to) };
    sockets.send_batch(&[Reply { bytes: Bytes::from_static(b"answer"), destination }]);
    let mut buffer = [0; 16];
    let (length, from) = client.recv_from(&mut buffer).unwrap();
    assert_eq!((&buffer[..length], from), (&b"answer"[..], address.into()));
}

#[tokio::test]
async fn a_socket_on_all_addresses_answers_from_the_one_that_was_asked() {
    let any = SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0);
    let mut sockets = listening(&[any]);
    let port = sockets.local_addresses().next().unwrap().unwrap().port();
    let client = client();
    let asked = SocketAddrV4::new(Ipv4Addr::new(127, 0, 0, 3), port);
    client.send_to(b"?", asked).unwrap();
    let batch = received(&mut sockets, 1).await;
    let (arrival, _) = &batch[0];
    assert_eq!(arrival.local_address, *asked.ip());
    let destination = Destination {
        socket: 0,
        from: arrival.local_address,
        to: ReplyTo::Unicast(arrival.source),
    };
    sockets.send_batch(&[Reply { bytes: Bytes::from_static(b"!"), destination }]);
    let (_, from) = client.recv_from(&mut [0; 16]).unwrap();
    assert_eq!(from, asked.into());
}

#[tokio::test]
async fn a_reply_that_cannot_be_sent_is_counted() {
    let mut sockets = listening(&[LOOPBACK]);
    let to = ReplyTo::Unicast(SocketAddrV4::new(Ipv4Addr::new(192, 0, 2, 1), 68));
    let destination = Destination { socket: 0, from: Ipv4Addr::LOCALHOST, to };
    sockets.send_batch(&[Reply { bytes: Bytes::from(vec![0; 70_000]), destination }]);
    assert_eq!(sockets.failures(), 1);
}

#[tokio::test]
async fn an_address_that_is_taken_is_refused_with_a_hint() {
    let first = listening(&[LOOPBACK]);
    let taken = first.local_addresses().next().unwrap().unwrap();
    let config = SocketConfig { listen: vec![taken], ..SocketConfig::default() };
    let error = ClientSockets::open(&config).unwrap_err().to_string();
    assert!(error.starts_with(&format!("cannot serve clients on {taken}: ")), "{error}");
    assert!(error.ends_with("another DHCP server or relay agent is running on this machine"));
}

#[tokio::test]
async fn an_interface_that_does_not_exist_is_refused() {
    let config =
        SocketConfig { interfaces: vec!["nosuchif0".to_owned()], ..SocketConfig::default() };
    let error = ClientSockets::open(&config).unwrap_err().to_string();
    assert_eq!(error, "cannot serve clients on nosuchif0: there is no such interface");
}
