//! A packet socket on the clients' own Ethernet segment.
//!
//! The clients ask for broadcast answers, so nothing is missed where the interface takes only frames
//! for its own address. The kernel hands over UDP datagrams to port 68 and nothing else.

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use nix::ifaddrs::getifaddrs;
use nix::sys::socket::LinkAddr;
use socket2::{Domain, Protocol, SockFilter, Socket, Type};

use crate::datagrams::{Inbox, MAX_BATCH, Outgoing, send};
use crate::dhcp::exchange::CLIENT_PORT;

use super::super::template::{Saying, Writer};
use super::frame::{self, FRAME};
use super::{BATCHES, Hear, LONGEST, enlarge_buffers, server_number};

/// Ethernet's number for IPv4.
const ETHERTYPE_IPV4: u16 = 0x0800;
/// Servers whose Ethernet addresses are remembered.
const SERVERS: usize = 8;

/// A link with clients and servers on it.
#[derive(Debug)]
pub(crate) struct Link {
    socket: Socket,
    inbox: Inbox,
    outbox: Vec<[u8; FRAME]>,
    servers: Vec<SocketAddrV4>,
    /// Ethernet addresses of servers that have answered.
    known: Vec<(Ipv4Addr, [u8; 6])>,
    writer: Writer,
    unsent: u64,
}

impl Link {
    /// Needs `CAP_NET_RAW`.
    pub(super) fn open(name: &str, servers: &[SocketAddrV4]) -> io::Result<Self> {
        let interface = find(name)?;
        let protocol = Protocol::from(i32::from(ETHERTYPE_IPV4.to_be()));
        let socket = Socket::new(Domain::PACKET, Type::RAW, Some(protocol))?;
        socket.attach_filter(&datagrams_to_clients())?;
        enlarge_buffers(&socket)?;
        socket.set_nonblocking(true)?;
        nix::sys::socket::bind(socket.as_raw_fd(), &interface)?;
        let mut inbox = Inbox::new(MAX_BATCH, LONGEST);
        // Between creation and binding, frames of any interface were let in.
        while inbox.receive(socket.as_fd()).is_ok() {}
        Ok(Self {
            socket,
            inbox,
            outbox: Vec::with_capacity(MAX_BATCH * BATCHES),
            servers: servers.to_vec(),
            known: Vec::with_capacity(SERVERS),
            writer: Writer::new(Vec::new()),
            unsent: 0,
        })
    }

    pub(super) fn put(&mut self, saying: &Saying) {
        self.outbox.push(framed(&self.writer, &self.known, saying));
    }

    pub(super) fn flush(&mut self) {
        if self.outbox.is_empty() {
            return;
        }
        let frames = self.outbox.iter().map(|frame| Outgoing::new(frame));
        send(self.socket.as_fd(), frames, |_, _| self.unsent += 1);
        self.outbox.clear();
    }

    pub(super) fn receive(&mut self, hear: &mut Hear<'_>) -> io::Result<u64> {
        let mut count = 0;
        for _ in 0..BATCHES {
            match self.inbox.receive(self.socket.as_fd()) {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(count),
                Err(error) => return Err(error),
            }
            for datagram in self.inbox.datagrams() {
                count += 1;
                let Some((hardware, source, message)) = frame::read(datagram.payload) else {
                    continue;
                };
                remember(&mut self.known, source, hardware);
                if let Some(saying) = hear(server_number(&self.servers, source), message) {
                    self.outbox.push(framed(&self.writer, &self.known, &saying));
                }
            }
            self.flush();
        }
        Ok(count)
    }

    pub(super) fn unsent(&self) -> u64 {
        self.unsent
    }

    pub(super) fn socket(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

fn framed(writer: &Writer, known: &[(Ipv4Addr, [u8; 6])], saying: &Saying) -> [u8; FRAME] {
    let server = known.iter().find(|(address, _)| *address == saying.server);
    let mut octets = [0; FRAME];
    frame::write(writer, saying, server.map(|(_, hardware)| *hardware), &mut octets);
    octets
}

fn remember(known: &mut Vec<(Ipv4Addr, [u8; 6])>, address: Ipv4Addr, hardware: [u8; 6]) {
    if known.len() < SERVERS && !known.iter().any(|(other, _)| *other == address) {
        known.push((address, hardware));
    }
}

/// An interface, in the form in which a packet socket is bound. It needs no IP address.
fn find(name: &str) -> io::Result<LinkAddr> {
    let mut entries = getifaddrs()?.filter(|entry| entry.interface_name == name);
    let missing = || io::Error::new(io::ErrorKind::NotFound, "there is no such interface");
    entries.find_map(|entry| entry.address?.as_link_addr().copied()).ok_or_else(missing)
}

/// Classic BPF: UDP over IPv4 to port 68, first or only fragment.
fn datagrams_to_clients() -> [SockFilter; 11] {
    const LOAD_HALF: u16 = 0x28;
    const LOAD_OCTET: u16 = 0x30;
    const LOAD_HALF_INDEXED: u16 = 0x48;
    const LOAD_HEADER_LENGTH: u16 = 0xb1;
    const JUMP_IF_EQUAL: u16 = 0x15;
    const JUMP_IF_ANY_BIT: u16 = 0x45;
    const RETURN: u16 = 0x06;
    [
        SockFilter::new(LOAD_HALF, 0, 0, 12),
        SockFilter::new(JUMP_IF_EQUAL, 0, 7, ETHERTYPE_IPV4.into()),
        SockFilter::new(LOAD_OCTET, 0, 0, 23),
        SockFilter::new(JUMP_IF_EQUAL, 0, 5, 17),
        SockFilter::new(LOAD_HALF, 0, 0, 20),
        SockFilter::new(JUMP_IF_ANY_BIT, 3, 0, 0x1fff),
        SockFilter::new(LOAD_HEADER_LENGTH, 0, 0, 14),
        SockFilter::new(LOAD_HALF_INDEXED, 0, 0, 16),
        SockFilter::new(JUMP_IF_EQUAL, 1, 0, CLIENT_PORT.into()),
        SockFilter::new(RETURN, 0, 0, 0),
        SockFilter::new(RETURN, 0, 0, u32::MAX),
    ]
}
