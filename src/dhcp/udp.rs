//! UDP sockets: relay agents, and clients that have their address.

use std::io::{self, IoSlice, IoSliceMut};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::{AsRawFd, RawFd};
use std::task::{Context, Poll, ready};

use nix::sys::socket::{
    ControlMessage, ControlMessageOwned, MsgFlags, SockaddrIn, recvmsg, sendmsg, setsockopt,
    sockopt,
};
use socket2::{Domain, Protocol, SockAddr, SockFilter, Socket, Type};

use super::datagram::DatagramSocket;
use super::exchange::SERVER_PORT;

/// Octets that the kernel may keep for us while we are busy: some thousand requests, a tenth of a
/// second's work. More would only make clients wait for answers that come too late.
const RECEIVE_BUFFER: usize = 4 << 20;
/// Longest message that is read; a longer one is no DHCP message.
const MAX_MESSAGE: usize = 4096;

/// A datagram with both its ends.
#[derive(Debug)]
pub(super) struct UdpDatagram<'b> {
    pub(super) source: SocketAddrV4,
    /// This server's address, if the system told.
    pub(super) local_address: Option<Ipv4Addr>,
    /// Sent to that address and not to a broadcast address.
    pub(super) unicast: bool,
    pub(super) payload: &'b [u8],
}

/// One UDP socket.
#[derive(Debug)]
pub(super) struct UdpPort {
    io: DatagramSocket,
    /// Bound to no address, so that the address to send from has to be given each time.
    any_address: bool,
    inbound: Box<[u8; MAX_MESSAGE]>,
    control: Vec<u8>,
}

impl UdpPort {
    /// A socket on one address of this machine, or on all of them.
    pub(super) fn listen(address: SocketAddrV4, share_port: bool) -> io::Result<Self> {
        let socket = new_socket(share_port)?;
        Self::bind(socket, address)
    }

    /// A socket that sees what one interface receives at port 67, except datagrams to
    /// 255.255.255.255: those are the packet socket's.
    pub(super) fn on_interface(name: &str, share_port: bool) -> io::Result<Self> {
        let socket = new_socket(share_port)?;
        socket.bind_device(Some(name.as_bytes()))?;
        socket.attach_filter(&all_but_limited_broadcasts())?;
        Self::bind(socket, SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, SERVER_PORT))
    }

    fn bind(socket: Socket, address: SocketAddrV4) -> io::Result<Self> {
        socket.bind(&SockAddr::from(address))?;
        Ok(Self {
            io: DatagramSocket::new(socket)?,
            any_address: address.ip().is_unspecified(),
            inbound: Box::new([0; MAX_MESSAGE]),
            control: nix::cmsg_space!(libc::in_pktinfo),
        })
    }

    /// The address to which the socket is bound; a port of 0 has become a real one.
    pub(super) fn local_addr(&self) -> io::Result<SocketAddrV4> {
        let address = self.io.socket().local_addr()?;
        address.as_socket_ipv4().ok_or_else(|| io::Error::other("the socket is not an IPv4 socket"))
    }

    /// The next datagram; `None` if it was too long.
    pub(super) fn poll_receive(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<Option<UdpDatagram<'_>>>> {
        let (inbound, control) = (&mut *self.inbound, &mut self.control);
        let header =
            ready!(self.io.poll_read(cx, |socket| receive(socket.as_raw_fd(), inbound, control)))?;
        let Some(header) = header else { return Poll::Ready(Ok(None)) };
        Poll::Ready(Ok(Some(UdpDatagram {
            source: header.source,
            local_address: header.local_address,
            unicast: header.unicast,
            payload: inbound.get(..header.length).unwrap_or_default(),
        })))
    }

    /// Sends a datagram. `from` is one of this machine's addresses.
    pub(super) fn send(&self, from: Ipv4Addr, to: SocketAddrV4, payload: &[u8]) -> io::Result<()> {
        if !self.any_address || from.is_unspecified() {
            return self.io.socket().send_to(payload, &SockAddr::from(to)).map(drop);
        }
        let info = libc::in_pktinfo {
            ipi_ifindex: 0,
            ipi_spec_dst: libc::in_addr { s_addr: from.to_bits().to_be() },
            ipi_addr: libc::in_addr { s_addr: 0 },
        };
        let control = [ControlMessage::Ipv4PacketInfo(&info)];
        let slices = [IoSlice::new(payload)];
        let descriptor = self.io.socket().as_raw_fd();
        let to = SockaddrIn::from(to);
        sendmsg(descriptor, &slices, &control, MsgFlags::MSG_DONTWAIT, Some(&to))?;
        Ok(())
    }
}

/// What came with a datagram.
struct Header {
    length: usize,
    source: SocketAddrV4,
    local_address: Option<Ipv4Addr>,
    unicast: bool,
}

fn receive(
    descriptor: RawFd,
    inbound: &mut [u8],
    control: &mut [u8],
) -> io::Result<Option<Header>> {
    let mut slices = [IoSliceMut::new(inbound)];
    let flags = MsgFlags::MSG_DONTWAIT;
    let message = recvmsg::<SockaddrIn>(descriptor, &mut slices, Some(control), flags)?;
    if message.flags.contains(MsgFlags::MSG_TRUNC) {
        return Ok(None);
    }
    let Some(source) = message.address else { return Ok(None) };
    let mut header =
        Header { length: message.bytes, source: source.into(), local_address: None, unicast: true };
    for control in message.cmsgs()? {
        if let ControlMessageOwned::Ipv4PacketInfo(info) = control {
            header.local_address = Some(address_of(info.ipi_spec_dst));
            header.unicast = info.ipi_spec_dst.s_addr == info.ipi_addr.s_addr;
        }
    }
    Ok(Some(header))
}

fn address_of(address: libc::in_addr) -> Ipv4Addr {
    Ipv4Addr::from_bits(u32::from_be(address.s_addr))
}

/// `share_port`: a socket on an interface and one on an address both want port 67.
fn new_socket(share_port: bool) -> io::Result<Socket> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_broadcast(true)?;
    socket.set_reuse_address(share_port)?;
    setsockopt(&socket, sockopt::Ipv4PacketInfo, &true)?;
    // With privileges the system's limit does not count.
    if setsockopt(&socket, sockopt::RcvBufForce, &RECEIVE_BUFFER).is_err() {
        socket.set_recv_buffer_size(RECEIVE_BUFFER)?;
    }
    Ok(socket)
}

/// Classic BPF on the IPv4 header, which the kernel keeps in front of what a UDP socket sees.
fn all_but_limited_broadcasts() -> [SockFilter; 4] {
    const LOAD_WORD: u16 = 0x20;
    const JUMP_IF_EQUAL: u16 = 0x15;
    const RETURN: u16 = 0x06;
    /// Offsets from here on count from the network header (`SKF_NET_OFF`).
    const NETWORK_HEADER: u32 = 0xfff0_0000;
    [
        SockFilter::new(LOAD_WORD, 0, 0, NETWORK_HEADER + 16),
        SockFilter::new(JUMP_IF_EQUAL, 0, 1, u32::MAX),
        SockFilter::new(RETURN, 0, 0, 0),
        SockFilter::new(RETURN, 0, 0, u32::MAX),
    ]
}
