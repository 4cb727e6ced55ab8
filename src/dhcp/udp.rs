//! UDP sockets: relay agents, clients that have an address, and trials without privileges.
//!
//! The kernel says to which address a datagram was sent, and takes the address from which an answer
//! is to leave (`IP_PKTINFO`); so one port serves a machine with any number of addresses.

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::AsFd;

use nix::sys::socket::{setsockopt, sockopt};
use socket2::{Domain, Protocol, SockAddr, SockRef, Socket, Type};

use super::datagram::DatagramSocket;
use super::exchange::{Reply, SERVER_PORT};
use super::filter::{Lane, choose_lane, of_udp};
use crate::datagrams::{self, Outgoing};

/// Octets of REQUESTs that the kernel may keep for us while we are busy: some thousand, a tenth of a
/// second's work. More would only make clients wait for answers that come too late.
const REQUESTS_BUFFER: usize = 4 << 20;
/// The same for DISCOVERs. There are as many of them as there are clients, served or not, and what
/// waits is what they wait.
const DISCOVERS_BUFFER: usize = 1 << 20;

/// One UDP port.
#[derive(Debug)]
pub(super) struct UdpPort {
    requests: DatagramSocket,
    discovers: DatagramSocket,
    /// Bound to no address, so that the address to send from has to be given each time.
    any_address: bool,
}

impl UdpPort {
    /// On one address of this machine, or on all of them. One that is movable may not be there yet.
    pub(super) fn listen(
        address: SocketAddrV4,
        share_port: bool,
        is_movable: bool,
    ) -> io::Result<Self> {
        Self::bind(address, share_port, |lane, socket| {
            socket.set_freebind_v4(is_movable)?;
            socket.attach_filter(&of_udp(lane, true))
        })
    }

    /// Sees what one interface receives at port 67, except datagrams to 255.255.255.255: those are
    /// the packet socket's.
    pub(super) fn on_interface(name: &str, share_port: bool) -> io::Result<Self> {
        let address = SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, SERVER_PORT);
        Self::bind(address, share_port, |lane, socket| {
            socket.bind_device(Some(name.as_bytes()))?;
            socket.attach_filter(&of_udp(lane, false))
        })
    }

    fn bind(
        address: SocketAddrV4,
        share_port: bool,
        prepare: impl Fn(Lane, &Socket) -> io::Result<()>,
    ) -> io::Result<Self> {
        let requests = new_socket(share_port)?;
        prepare(Lane::Requests, &requests)?;
        // Alone at first: the port is refused if anybody else has it.
        requests.bind(&SockAddr::from(address))?;
        requests.set_reuse_port(true)?;
        let discovers = new_socket(share_port)?;
        prepare(Lane::Discovers, &discovers)?;
        discovers.set_reuse_port(true)?;
        discovers.bind(&requests.local_addr()?)?;
        let mut program = choose_lane();
        let program = libc::sock_fprog {
            len: u16::try_from(program.len()).unwrap_or_default(),
            filter: program.as_mut_ptr().cast(),
        };
        setsockopt(&requests, sockopt::AttachReusePortCbpf, &program)?;
        set_receive_buffer(&requests, Lane::Requests)?;
        set_receive_buffer(&discovers, Lane::Discovers)?;
        Ok(Self {
            requests: DatagramSocket::new(requests)?,
            discovers: DatagramSocket::new(discovers)?,
            any_address: address.ip().is_unspecified(),
        })
    }

    /// The address to which it is bound; a port of 0 has become a real one.
    pub(super) fn local_addr(&self) -> io::Result<SocketAddrV4> {
        let address = SockRef::from(&self.requests).local_addr()?;
        address.as_socket_ipv4().ok_or_else(|| io::Error::other("the socket is not an IPv4 socket"))
    }

    pub(super) const fn lane(&self, lane: Lane) -> &DatagramSocket {
        match lane {
            Lane::Requests => &self.requests,
            Lane::Discovers => &self.discovers,
        }
    }

    /// Sends answers to these addresses, each from the address that it names.
    pub(super) fn send<'r>(
        &self,
        replies: impl Iterator<Item = (&'r Reply, SocketAddrV4)>,
        mut failed: impl FnMut(io::Error),
    ) {
        let datagrams = replies.map(|(reply, to)| {
            let (datagram, from) = (Outgoing::to(to, &reply.bytes), reply.destination.from);
            if self.any_address && !from.is_unspecified() {
                datagram.leaving(from, 0)
            } else {
                datagram
            }
        });
        datagrams::send(self.requests.as_fd(), datagrams, |_, error| failed(error));
    }
}

/// `share_port`: a socket on an interface and one on an address both want port 67.
fn new_socket(share_port: bool) -> io::Result<Socket> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_broadcast(true)?;
    socket.set_reuse_address(share_port)?;
    setsockopt(&socket, sockopt::Ipv4PacketInfo, &true)?;
    Ok(socket)
}

/// Bounds what may wait on a socket, and has the kernel say what found no room.
pub(super) fn set_receive_buffer(socket: &Socket, lane: Lane) -> io::Result<()> {
    let octets = match lane {
        Lane::Requests => REQUESTS_BUFFER,
        Lane::Discovers => DISCOVERS_BUFFER,
    };
    // With privileges the system's limit does not count.
    if setsockopt(socket, sockopt::RcvBufForce, &octets).is_err() {
        socket.set_recv_buffer_size(octets)?;
    }
    setsockopt(socket, sockopt::RxqOvfl, &1)?;
    Ok(())
}
