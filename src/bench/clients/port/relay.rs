//! A relay agent's UDP sockets.
//!
//! Servers at port 67 answer to port 67 of giaddr, so there is a socket on each of these addresses.
//! Servers at another port are on trial and answer to where the request came from: then giaddr names
//! the clients' network and nothing else.

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::{AsFd, BorrowedFd};

use socket2::{Domain, Protocol, SockAddr, Socket, Type};

use crate::datagrams::{Inbox, MAX_BATCH, Outgoing, Peer, send};

use super::super::plan::SERVER_PORT;
use super::super::template::{MESSAGE, Saying, To, Writer};
use super::{BATCHES, Hear, LONGEST, OpenError, enlarge_buffers, server_number};

/// A relay agent.
#[derive(Debug)]
pub(crate) struct Relay {
    ports: Vec<Port>,
    servers: Vec<SocketAddrV4>,
    writer: Writer,
    unsent: u64,
}

#[derive(Debug)]
struct Port {
    socket: Socket,
    inbox: Inbox,
    outbox: Vec<Parcel>,
}

/// A message on its way out.
#[derive(Clone, Copy, Debug)]
struct Parcel {
    message: [u8; MESSAGE],
    to: To,
}

impl Parcel {
    fn write(writer: &Writer, saying: &Saying) -> Self {
        let mut parcel = Self { message: [0; MESSAGE], to: saying.to };
        writer.write(saying, &mut parcel.message);
        parcel
    }

    /// The message to each server that it is for.
    fn copies<'p>(
        &'p self,
        servers: &'p [SocketAddrV4],
    ) -> impl Iterator<Item = Outgoing<'p>> + use<'p> {
        let receivers = match self.to {
            To::All => servers,
            To::One(number) => {
                servers.get(usize::from(number)).map_or(&[][..], std::slice::from_ref)
            }
        };
        receivers.iter().map(|server| Outgoing::to(*server, &self.message))
    }
}

impl Relay {
    pub(super) fn open(
        addresses: &[Ipv4Addr],
        servers: &[SocketAddrV4],
    ) -> Result<Self, OpenError> {
        let on_trial = servers.iter().any(|server| server.port() != SERVER_PORT);
        let mut ports = Vec::new();
        for address in addresses {
            let local = if on_trial {
                SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0)
            } else {
                SocketAddrV4::new(*address, SERVER_PORT)
            };
            let port = Port::open(local);
            ports.push(port.map_err(|error| OpenError { what: local.to_string(), error })?);
        }
        let writer = Writer::new(addresses.to_vec());
        Ok(Self { ports, servers: servers.to_vec(), writer, unsent: 0 })
    }

    pub(super) fn put(&mut self, saying: &Saying) {
        if let Some(port) = self.ports.get_mut(self.writer.relay_of(saying.client)) {
            port.outbox.push(Parcel::write(&self.writer, saying));
        }
    }

    pub(super) fn flush(&mut self) {
        for port in &mut self.ports {
            self.unsent += port.flush(&self.servers);
        }
    }

    pub(super) fn receive(&mut self, hear: &mut Hear<'_>) -> io::Result<u64> {
        let mut count = 0;
        for port in &mut self.ports {
            for _ in 0..BATCHES {
                let heard = port.receive(&self.servers, &self.writer, hear)?;
                self.unsent += port.flush(&self.servers);
                count += heard;
                if heard == 0 {
                    break;
                }
            }
        }
        Ok(count)
    }

    pub(super) fn unsent(&self) -> u64 {
        self.unsent
    }

    pub(super) fn sockets(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.ports.iter().map(|port| port.socket.as_fd())
    }
}

impl Port {
    fn open(local: SocketAddrV4) -> io::Result<Self> {
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
        enlarge_buffers(&socket)?;
        socket.set_nonblocking(true)?;
        socket.bind(&SockAddr::from(local))?;
        let outbox = Vec::with_capacity(MAX_BATCH * BATCHES);
        Ok(Self { socket, inbox: Inbox::new(MAX_BATCH, LONGEST), outbox })
    }

    fn receive(
        &mut self,
        servers: &[SocketAddrV4],
        writer: &Writer,
        hear: &mut Hear<'_>,
    ) -> io::Result<u64> {
        match self.inbox.receive(self.socket.as_fd()) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(0),
            Err(error) => return Err(error),
        }
        let mut count = 0;
        for datagram in self.inbox.datagrams() {
            count += 1;
            let from = match datagram.peer {
                Some(Peer::Udp(address)) => server_number(servers, *address.ip()),
                _ => None,
            };
            if let Some(saying) = hear(from, datagram.payload) {
                self.outbox.push(Parcel::write(writer, &saying));
            }
        }
        Ok(count)
    }

    /// Sends everything; how many datagrams the system did not take.
    fn flush(&mut self, servers: &[SocketAddrV4]) -> u64 {
        if self.outbox.is_empty() {
            return 0;
        }
        let mut unsent = 0;
        let copies = self.outbox.iter().flat_map(|parcel| parcel.copies(servers));
        send(self.socket.as_fd(), copies, |_, _| unsent += 1);
        self.outbox.clear();
        unsent
    }
}
