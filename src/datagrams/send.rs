//! Writing.

use std::io::{self, IoSlice};
use std::iter;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::BorrowedFd;

use super::address::{LinkAddress, Name};
use super::control::Control;
use super::{MAX_BATCH, system};

/// A datagram to be sent.
#[derive(Clone, Copy, Debug)]
pub struct Outgoing<'p> {
    pub(super) name: Name,
    pub(super) control: Control,
    /// Written one behind the other.
    pub(super) parts: [IoSlice<'p>; 2],
}

impl<'p> Outgoing<'p> {
    /// To wherever the socket is connected or, a packet socket with its own link headers, bound.
    pub fn new(payload: &'p [u8]) -> Self {
        let parts = [IoSlice::new(&[]), IoSlice::new(payload)];
        Self { name: Name::NONE, control: Control::NONE, parts }
    }

    /// To a UDP address.
    pub fn to(address: SocketAddrV4, payload: &'p [u8]) -> Self {
        Self { name: Name::udp(address), ..Self::new(payload) }
    }

    /// To a link address, through a packet socket.
    pub fn on_link(address: LinkAddress, payload: &'p [u8]) -> Self {
        Self { name: Name::link(address), ..Self::new(payload) }
    }

    /// Leaves from this address of this machine, through the interface with this index if it is not
    /// 0. For UDP sockets.
    #[must_use]
    pub fn leaving(self, address: Ipv4Addr, interface: u32) -> Self {
        Self { control: Control::leaving(address, interface), ..self }
    }

    /// Has these octets in front of its payload.
    #[must_use]
    pub fn with_head(self, head: &'p [u8]) -> Self {
        let [_, payload] = self.parts;
        Self { parts: [IoSlice::new(head), payload], ..self }
    }
}

/// Sends all of them, in order and many a system call. `failed` is told of each that cannot be sent,
/// by its place among them; the others are sent all the same.
pub fn send<'p>(
    socket: BorrowedFd<'_>,
    datagrams: impl IntoIterator<Item = Outgoing<'p>>,
    mut failed: impl FnMut(usize, io::Error),
) {
    let mut datagrams = datagrams.into_iter().fuse();
    let Some(mut first) = datagrams.next() else { return };
    let mut batch = [first; MAX_BATCH];
    let mut before = 0_usize;
    loop {
        let mut count = 0;
        for (slot, datagram) in batch.iter_mut().zip(iter::once(first).chain(datagrams.by_ref())) {
            *slot = datagram;
            count += 1;
        }
        let mut next = 0;
        while let Some(rest) = batch.get(next..count).filter(|rest| !rest.is_empty()) {
            match system::send(socket, rest) {
                // At least one, or it had been an error.
                Ok(sent) => next += sent.max(1),
                Err(error) => {
                    failed(before.saturating_add(next), error);
                    next += 1;
                }
            }
        }
        before = before.saturating_add(count);
        let Some(following) = datagrams.next() else { return };
        first = following;
    }
}

#[cfg(test)]
mod tests {
    use std::net::{SocketAddr, UdpSocket};
    use std::os::fd::AsFd;

    use super::*;

    fn socket() -> (UdpSocket, SocketAddrV4) {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has ports");
        socket.set_nonblocking(true).expect("it can be so");
        let Ok(SocketAddr::V4(address)) = socket.local_addr() else { panic!("an IPv4 socket") };
        (socket, address)
    }

    #[expect(clippy::needless_pass_by_value, reason = "this is how `send` hands it out")]
    fn no_failure(index: usize, error: io::Error) {
        panic!("datagram {index}: {error}");
    }

    /// All that `socket` has received, with the sender's address.
    fn received(socket: &UdpSocket) -> Vec<(Vec<u8>, SocketAddr)> {
        let mut octets = [0; 100];
        let next =
            || socket.recv_from(&mut octets).ok().map(|(n, from)| (octets[..n].to_vec(), from));
        iter::from_fn(next).collect()
    }

    #[test]
    fn more_than_one_batch_arrives_in_order() {
        let ((sender, _), (receiver, to)) = (socket(), socket());
        let payloads: Vec<_> = (0..2 * MAX_BATCH + 3).map(usize::to_be_bytes).collect();
        send(sender.as_fd(), payloads.iter().map(|octets| Outgoing::to(to, octets)), no_failure);
        let arrived: Vec<_> = received(&receiver).into_iter().map(|(octets, _)| octets).collect();
        assert_eq!(arrived, payloads);
    }

    #[test]
    fn each_goes_to_an_address_of_its_own() {
        let ((sender, _), (first, one), (second, two)) = (socket(), socket(), socket());
        let datagrams = [Outgoing::to(one, b"1"), Outgoing::to(two, b"2")];
        send(sender.as_fd(), datagrams, no_failure);
        assert_eq!([received(&first)[0].0[0], received(&second)[0].0[0]], *b"12");
    }

    #[test]
    fn one_that_cannot_be_sent_does_not_cost_the_others() {
        let ((sender, _), (receiver, to)) = (socket(), socket());
        // Without permission to broadcast this one is refused.
        let nobody = SocketAddrV4::new(Ipv4Addr::BROADCAST, to.port());
        let addresses = [nobody, to, nobody, nobody, to];
        let mut failures = Vec::new();
        let datagrams = addresses.iter().map(|address| Outgoing::to(*address, b"x"));
        send(sender.as_fd(), datagrams, |index, _| failures.push(index));
        assert_eq!((failures, received(&receiver).len()), (vec![0, 2, 3], 2));
    }

    #[test]
    fn a_failure_in_a_later_batch_is_counted_from_the_very_first() {
        let ((sender, _), (_receiver, to)) = (socket(), socket());
        let nobody = SocketAddrV4::new(Ipv4Addr::BROADCAST, to.port());
        let mut failures = Vec::new();
        let addresses = [to].repeat(MAX_BATCH + 1).into_iter().chain([nobody]);
        let datagrams = addresses.map(|address| Outgoing::to(address, b"x"));
        send(sender.as_fd(), datagrams, |index, _| failures.push(index));
        assert_eq!(failures, [MAX_BATCH + 1]);
    }

    #[test]
    fn it_leaves_from_the_address_that_is_asked_for() {
        let (receiver, to) = socket();
        let sender = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).expect("there are ports");
        let from = Ipv4Addr::new(127, 0, 0, 5);
        send(sender.as_fd(), [Outgoing::to(to, b"x").leaving(from, 0)], no_failure);
        assert_eq!(received(&receiver)[0].1.ip(), from);
    }

    #[test]
    fn a_head_stands_in_front_of_the_payload() {
        let ((sender, _), (receiver, to)) = (socket(), socket());
        send(sender.as_fd(), [Outgoing::to(to, b"tail").with_head(b"head ")], no_failure);
        assert_eq!(received(&receiver)[0].0, b"head tail");
    }

    #[test]
    fn a_connected_socket_needs_no_address() {
        let ((sender, _), (receiver, to)) = (socket(), socket());
        sender.connect(to).expect("loopback is reachable");
        send(sender.as_fd(), [Outgoing::new(b"x")], no_failure);
        assert_eq!(received(&receiver).len(), 1);
    }
}
