//! Reading.

use std::io;
use std::os::fd::BorrowedFd;

use super::address::{Name, Peer};
use super::control::{Control, LocalEnd};
use super::{MAX_BATCH, system};

/// Memory for a batch of datagrams, and the batch that was read last.
#[derive(Debug)]
pub struct Inbox {
    slots: Box<[Slot]>,
    /// Slots that hold a datagram, from the first on.
    filled: usize,
}

/// Memory for one datagram.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) name: Name,
    pub(super) control: Control,
    pub(super) payload: Box<[u8]>,
    /// Octets of `payload` that were written.
    pub(super) length: usize,
    pub(super) is_cut: bool,
}

/// A datagram that was read.
#[derive(Clone, Copy, Debug)]
pub struct Datagram<'i> {
    /// Its sender, if the system told and the kind is known.
    pub peer: Option<Peer>,
    /// Its local end, on a UDP socket with `IP_PKTINFO`.
    pub local: Option<LocalEnd>,
    /// How many datagrams had found no room on the socket before this one came, since the socket was
    /// made; on a socket with `SO_RXQ_OVFL`, once there are any. It wraps.
    pub lost: Option<u32>,
    /// What it says; on a packet socket with its headers.
    pub payload: &'i [u8],
    /// It was longer than the inbox takes, and its end is lost.
    pub is_cut: bool,
}

impl Inbox {
    /// Takes memory for `datagrams` of at most `octets` each; for [`MAX_BATCH`] datagrams if more are
    /// asked for.
    pub fn new(datagrams: usize, octets: usize) -> Self {
        let slot = || Slot {
            name: Name::NONE,
            control: Control::NONE,
            payload: vec![0; octets].into_boxed_slice(),
            length: 0,
            is_cut: false,
        };
        let slots = (0..datagrams.min(MAX_BATCH)).map(|_| slot()).collect();
        Self { slots, filled: 0 }
    }

    /// Datagrams that one [`receive`](Self::receive) reads at most.
    pub const fn capacity(&self) -> usize {
        self.slots.len()
    }

    /// Reads what waits on `socket`, with one system call, and forgets what was read before. The
    /// number of datagrams is at least 1, unless the inbox has no room at all; if nothing waits, the
    /// error is of the kind `WouldBlock`.
    pub fn receive(&mut self, socket: BorrowedFd<'_>) -> io::Result<usize> {
        self.filled = 0;
        self.filled = system::receive(socket, &mut self.slots)?;
        Ok(self.filled)
    }

    /// What was read last, in the order of its arrival.
    pub fn datagrams(&self) -> impl ExactSizeIterator<Item = Datagram<'_>> + DoubleEndedIterator {
        self.slots.get(..self.filled).unwrap_or_default().iter().map(|slot| Datagram {
            peer: slot.name.peer(),
            local: slot.control.local_end(),
            lost: slot.control.lost(),
            payload: slot.payload.get(..slot.length).unwrap_or_default(),
            is_cut: slot.is_cut,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;
    use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
    use std::os::fd::AsFd;

    use nix::sys::socket::{setsockopt, sockopt};

    use super::*;

    fn socket() -> UdpSocket {
        UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has ports")
    }

    /// Two sockets; what the first one sends arrives at the second.
    fn pair() -> (UdpSocket, UdpSocket) {
        let (sender, receiver) = (socket(), socket());
        sender.connect(receiver.local_addr().expect("bound")).expect("loopback is reachable");
        (sender, receiver)
    }

    #[test]
    fn all_that_waits_is_read_at_once_and_in_order() {
        let (sender, receiver) = pair();
        for number in 0..10 {
            sender.send(&[number; 3]).expect("sent");
        }
        let mut inbox = Inbox::new(MAX_BATCH, 16);
        assert_eq!(inbox.receive(receiver.as_fd()).expect("read"), 10);
        let read: Vec<_> = inbox.datagrams().map(|datagram| datagram.payload.to_vec()).collect();
        assert_eq!(read, (0..10).map(|number| vec![number; 3]).collect::<Vec<_>>());
    }

    #[test]
    fn what_exceeds_the_inbox_waits_for_the_next_time() {
        let (sender, receiver) = pair();
        for number in 0..5 {
            sender.send(&[number]).expect("sent");
        }
        let mut inbox = Inbox::new(3, 16);
        assert_eq!(inbox.receive(receiver.as_fd()).expect("read"), 3);
        assert_eq!(inbox.receive(receiver.as_fd()).expect("read"), 2);
        assert_eq!(inbox.datagrams().next().map(|datagram| datagram.payload[0]), Some(3));
    }

    #[test]
    fn a_socket_with_nothing_to_read_would_block_and_leaves_nothing_behind() {
        let (sender, receiver) = pair();
        sender.send(b"one").expect("sent");
        let mut inbox = Inbox::new(MAX_BATCH, 16);
        inbox.receive(receiver.as_fd()).expect("read");
        let error = inbox.receive(receiver.as_fd()).expect_err("nothing is there");
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
        assert_eq!(inbox.datagrams().len(), 0);
    }

    #[test]
    fn the_sender_is_told() {
        let (sender, receiver) = pair();
        sender.send(b"one").expect("sent");
        let mut inbox = Inbox::new(MAX_BATCH, 16);
        inbox.receive(receiver.as_fd()).expect("read");
        let Ok(SocketAddr::V4(address)) = sender.local_addr() else { panic!("an IPv4 socket") };
        let peer = inbox.datagrams().next().and_then(|datagram| datagram.peer);
        assert_eq!(peer, Some(Peer::Udp(address)));
    }

    #[test]
    fn the_local_end_is_told_where_the_socket_asks_for_it() {
        let (sender, receiver) = pair();
        setsockopt(&receiver, sockopt::Ipv4PacketInfo, &true).expect("the option exists");
        sender.send(b"one").expect("sent");
        let mut inbox = Inbox::new(MAX_BATCH, 16);
        inbox.receive(receiver.as_fd()).expect("read");
        let local = inbox.datagrams().next().and_then(|datagram| datagram.local).expect("told");
        assert_eq!((local.address, local.destination), (Ipv4Addr::LOCALHOST, Ipv4Addr::LOCALHOST));
    }

    #[test]
    fn a_datagram_that_is_too_long_is_said_to_be_cut() {
        let (sender, receiver) = pair();
        sender.send(&[1; 17]).expect("sent");
        sender.send(&[2; 16]).expect("sent");
        let mut inbox = Inbox::new(MAX_BATCH, 16);
        inbox.receive(receiver.as_fd()).expect("read");
        let read: Vec<_> =
            inbox.datagrams().map(|datagram| (datagram.payload.len(), datagram.is_cut)).collect();
        assert_eq!(read, [(16, true), (16, false)]);
    }

    #[test]
    fn what_finds_no_room_on_the_socket_is_counted() {
        let (sender, receiver) = pair();
        setsockopt(&receiver, sockopt::RcvBuf, &1).expect("the option exists");
        setsockopt(&receiver, sockopt::RxqOvfl, &1).expect("the option exists");
        let mut inbox = Inbox::new(MAX_BATCH, 16);
        for _ in 0..MAX_BATCH {
            sender.send(&[1; 16]).expect("sent");
        }
        let fitted = inbox.receive(receiver.as_fd()).expect("read");
        sender.send(&[2; 16]).expect("sent");
        inbox.receive(receiver.as_fd()).expect("read");
        let lost = inbox.datagrams().next().and_then(|datagram| datagram.lost);
        assert_eq!(lost.map(|lost| lost as usize), Some(MAX_BATCH - fitted));
    }

    #[test]
    fn an_empty_datagram_is_one() {
        let (sender, receiver) = pair();
        sender.send(&[]).expect("sent");
        let mut inbox = Inbox::new(MAX_BATCH, 16);
        assert_eq!(inbox.receive(receiver.as_fd()).expect("read"), 1);
    }
}
