//! ICMP echo: does anybody use an address already?

use std::future::poll_fn;
use std::io::{self, Read};
use std::mem::MaybeUninit;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::task::{Context, Poll, ready};

use socket2::{Domain, Protocol, SockAddr, Socket, Type};

use super::datagram::DatagramSocket;

/// Types of ICMP message.
const ECHO_REPLY: u8 = 0;
const ECHO_REQUEST: u8 = 8;
/// Longest datagram that is looked at.
const MAX_DATAGRAM: usize = 1500;
/// Tells our echo replies from those of other programs.
const PAYLOAD: &[u8; 16] = b"twinlease probe\0";

/// Sends ICMP echo requests and reports who answers.
#[derive(Debug)]
pub struct Pinger {
    io: DatagramSocket,
    /// Datagrams come with their IPv4 header.
    raw: bool,
    buffer: Box<[u8; MAX_DATAGRAM]>,
}

impl Pinger {
    /// Opens an ICMP datagram socket, or a raw one where the system does not let this group have it.
    /// Needs `net.ipv4.ping_group_range` or `CAP_NET_RAW`. To be called inside a tokio runtime.
    pub fn open() -> io::Result<Self> {
        let (socket, raw) = match Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::ICMPV4)) {
            Ok(socket) => (socket, false),
            Err(_) => (Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::ICMPV4))?, true),
        };
        Ok(Self { io: DatagramSocket::new(socket)?, raw, buffer: Box::new([0; MAX_DATAGRAM]) })
    }

    /// Sends one echo request.
    pub fn send(&self, address: Ipv4Addr) -> io::Result<()> {
        let to = SockAddr::from(SocketAddrV4::new(address, 0));
        self.io.socket().send_to(&echo_request(), &to).map(drop)
    }

    /// Waits for an echo reply to one of our requests and returns its sender. Loses nothing if it is
    /// dropped before it is ready.
    pub async fn answered(&mut self) -> Ipv4Addr {
        poll_fn(|cx| self.poll_answered(cx)).await
    }

    fn poll_answered(&mut self, cx: &mut Context<'_>) -> Poll<Ipv4Addr> {
        let (raw, buffer) = (self.raw, &mut *self.buffer);
        loop {
            let answer = self.io.poll_read(cx, |socket| {
                if raw {
                    (&*socket).read(buffer).map(|length| raw_reply(buffer.get(..length)?))
                } else {
                    // The kernel hands over only replies to requests of this very socket.
                    sender(&socket)
                }
            });
            // An error is about an earlier request, and reading it has cleared it.
            if let Ok(Some(address)) = ready!(answer) {
                return Poll::Ready(address);
            }
        }
    }
}

/// Sender of the next datagram, whatever it holds.
fn sender(socket: &Socket) -> io::Result<Option<Ipv4Addr>> {
    let mut message = [MaybeUninit::uninit(); 8 + PAYLOAD.len()];
    let (_, from) = socket.recv_from(&mut message)?;
    Ok(from.as_socket_ipv4().map(|from| *from.ip()))
}

/// Sender of an echo reply that carries our payload, out of a datagram with its IPv4 header.
fn raw_reply(datagram: &[u8]) -> Option<Ipv4Addr> {
    let ip = etherparse::Ipv4Slice::from_slice(datagram).ok()?;
    let message = ip.payload().payload;
    let is_ours = message.first() == Some(&ECHO_REPLY) && message.get(8..) == Some(&PAYLOAD[..]);
    is_ours.then(|| ip.header().source_addr())
}

/// Type, code, checksum, identifier (the kernel's business on a datagram socket), sequence, payload.
fn echo_request() -> [u8; 8 + PAYLOAD.len()] {
    let mut message = [0; 8 + PAYLOAD.len()];
    message[0] = ECHO_REQUEST;
    if let Some(payload) = message.get_mut(8..) {
        payload.copy_from_slice(PAYLOAD);
    }
    let [high, low] = etherparse::checksum::Sum16BitWords::new()
        .add_slice(&message)
        .ones_complement()
        .to_be()
        .to_be_bytes();
    message[2] = high;
    message[3] = low;
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_echo_request_has_a_valid_checksum() {
        let words = echo_request();
        let sum: u32 =
            words.as_chunks::<2>().0.iter().map(|pair| u32::from(u16::from_be_bytes(*pair))).sum();
        assert_eq!((sum & 0xffff) + (sum >> 16), 0xffff);
    }
}
