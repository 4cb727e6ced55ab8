//! Waiting for a socket that is read and written datagram by datagram.

use std::io;
use std::net;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::task::{Context, Poll, ready};

use socket2::{SockRef, Socket};
use tokio::io::Interest;
use tokio::net::UdpSocket;

use crate::datagrams::Inbox;

/// A socket of any family that the runtime watches.
///
/// The runtime's UDP socket is used for its watching only: it passes reads and writes on to the
/// system call that it is given, so a packet socket or an ICMP socket does as well.
#[derive(Debug)]
pub(super) struct DatagramSocket(UdpSocket);

impl AsFd for DatagramSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl DatagramSocket {
    /// To be called inside a tokio runtime.
    pub(super) fn new(socket: Socket) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        UdpSocket::from_std(net::UdpSocket::from(OwnedFd::from(socket))).map(Self)
    }

    /// For writing, and for reading without waiting.
    pub(super) fn socket(&self) -> SockRef<'_> {
        SockRef::from(&self.0)
    }

    /// Waits until there may be something to read. Pending means that the task will be woken.
    pub(super) fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.poll_recv_ready(cx)
    }

    /// Reads what is there, as far as the runtime knows of it.
    pub(super) fn receive(&self, inbox: &mut Inbox) -> io::Result<usize> {
        self.0.try_io(Interest::READABLE, || inbox.receive(self.0.as_fd()))
    }

    /// Reads with `read` as soon as there is something. Pending means that the task will be woken.
    pub(super) fn poll_read<T>(
        &self,
        cx: &mut Context<'_>,
        mut read: impl FnMut(SockRef<'_>) -> io::Result<T>,
    ) -> Poll<io::Result<T>> {
        loop {
            ready!(self.0.poll_recv_ready(cx))?;
            match self.0.try_io(Interest::READABLE, || read(self.socket())) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                done => return Poll::Ready(done),
            }
        }
    }
}
