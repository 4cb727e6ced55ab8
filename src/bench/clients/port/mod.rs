//! Where clients and servers meet: UDP sockets of a relay agent, or a packet socket on a link.
//!
//! What is to be said is collected and leaves many a system call; what is heard is read the same way.

mod frame;
mod link;
mod relay;

use std::fmt;
use std::io;
use std::net::SocketAddrV4;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::socket::{setsockopt, sockopt};
use nix::sys::time::TimeSpec;
use socket2::Socket;

use super::plan::{Attachment, Plan};
use super::template::Saying;
use link::Link;
use relay::Relay;

/// Octets that the kernel may keep for us, in each direction.
const BUFFER: usize = 32 << 20;
/// Longest datagram that is read.
const LONGEST: usize = 1600;
/// Batches that are read before anything else is looked after.
const BATCHES: usize = 8;

/// Takes a datagram with the number of the server that it is from; what is said in return, if anything.
pub(super) type Hear<'h> = dyn FnMut(Option<u8>, &[u8]) -> Option<Saying> + 'h;

/// All sockets of a load.
#[derive(Debug)]
pub(super) enum Ports {
    Relay(Relay),
    Link(Link),
}

/// A socket that could not be opened.
#[derive(Debug)]
pub struct OpenError {
    what: String,
    error: io::Error,
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot play clients on {}: {}", self.what, self.error)?;
        match self.error.kind() {
            io::ErrorKind::PermissionDenied => f.write_str(
                "; this needs root or the capabilities CAP_NET_RAW and CAP_NET_BIND_SERVICE",
            ),
            io::ErrorKind::AddrInUse => {
                f.write_str("; another DHCP server or relay agent is running on this machine")
            }
            io::ErrorKind::AddrNotAvailable => {
                f.write_str("; a relay agent's address has to be one of this machine's")
            }
            _ => Ok(()),
        }
    }
}

impl std::error::Error for OpenError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.error)
    }
}

impl Ports {
    /// Opens everything or nothing.
    pub(super) fn open(plan: &Plan) -> Result<Self, OpenError> {
        match &plan.attachment {
            Attachment::Relay(addresses) => Relay::open(addresses, &plan.servers).map(Self::Relay),
            Attachment::Interface(name) => Link::open(name, &plan.servers)
                .map(Self::Link)
                .map_err(|error| OpenError { what: name.clone(), error }),
        }
    }

    /// Has something said with the next [`flush`](Self::flush).
    pub(super) fn put(&mut self, saying: &Saying) {
        match self {
            Self::Relay(relay) => relay.put(saying),
            Self::Link(link) => link.put(saying),
        }
    }

    /// Sends all that was put.
    pub(super) fn flush(&mut self) {
        match self {
            Self::Relay(relay) => relay.flush(),
            Self::Link(link) => link.flush(),
        }
    }

    /// Reads what has arrived and sends what is said in return. Returns how many datagrams there were.
    pub(super) fn receive(&mut self, hear: &mut Hear<'_>) -> io::Result<u64> {
        match self {
            Self::Relay(relay) => relay.receive(hear),
            Self::Link(link) => link.receive(hear),
        }
    }

    /// Datagrams that the system did not take.
    pub(super) fn unsent(&self) -> u64 {
        match self {
            Self::Relay(relay) => relay.unsent(),
            Self::Link(link) => link.unsent(),
        }
    }

    /// Waits until something has arrived, at most so long.
    pub(super) fn wait(&self, at_most: Duration) {
        let mut sockets: Vec<PollFd<'_>> = match self {
            Self::Relay(relay) => relay.sockets().map(readable).collect(),
            Self::Link(link) => vec![readable(link.socket())],
        };
        // Woken by a signal or not: the caller looks for itself.
        let _ = ppoll(&mut sockets, Some(TimeSpec::from(at_most)), None);
    }
}

fn readable(socket: BorrowedFd<'_>) -> PollFd<'_> {
    PollFd::new(socket, PollFlags::POLLIN)
}

/// Gives a socket large buffers; with privileges the system's limit does not count.
fn enlarge_buffers(socket: &Socket) -> io::Result<()> {
    if setsockopt(&socket.as_fd(), sockopt::RcvBufForce, &BUFFER).is_err() {
        socket.set_recv_buffer_size(BUFFER)?;
    }
    if setsockopt(&socket.as_fd(), sockopt::SndBufForce, &BUFFER).is_err() {
        socket.set_send_buffer_size(BUFFER)?;
    }
    Ok(())
}

/// The number of the server with this address.
fn server_number(servers: &[SocketAddrV4], address: std::net::Ipv4Addr) -> Option<u8> {
    let number = servers.iter().position(|server| *server.ip() == address)?;
    u8::try_from(number).ok()
}
