//! A listener that holds a bounded number of connections, each for a bounded time without an answer.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::extract::connect_info::Connected;
use axum::serve::IncomingStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep, sleep};

/// Connections open at one time; one more waits in the system's queue.
pub const MAX_CONNECTIONS: usize = 64;

/// Longest time between two writes on a connection, and to the first: within it a request has to be
/// complete, answered, and its answer taken. Whoever idles longer makes room for others.
const ANSWER_TIME: Duration = Duration::from_secs(20);

/// Pause after a failed accept, so that a lack of descriptors is not answered by a tight loop.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Where a connection came from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer(pub(super) SocketAddr);

impl Connected<IncomingStream<'_, Bounded>> for Peer {
    fn connect_info(stream: IncomingStream<'_, Bounded>) -> Self {
        Self(*stream.remote_addr())
    }
}

/// Accepts as long as fewer than [`MAX_CONNECTIONS`] are open.
pub(super) struct Bounded {
    listener: TcpListener,
    room: Arc<Semaphore>,
}

impl Bounded {
    pub(super) fn new(listener: TcpListener) -> Self {
        Self { listener, room: Arc::new(Semaphore::new(MAX_CONNECTIONS)) }
    }
}

impl axum::serve::Listener for Bounded {
    type Io = Held;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Held, SocketAddr) {
        let permit = Arc::clone(&self.room).acquire_owned().await.ok();
        loop {
            match self.listener.accept().await {
                Ok((stream, peer)) => return (Held::new(stream, permit, ANSWER_TIME), peer),
                Err(_) => sleep(ACCEPT_PAUSE).await,
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// A connection that gives its place back when it is dropped, and breaks when nothing could be
/// written for `time`.
pub(super) struct Held {
    stream: TcpStream,
    time: Duration,
    overdue: Pin<Box<Sleep>>,
    _permit: Option<OwnedSemaphorePermit>,
}

impl Held {
    fn new(stream: TcpStream, permit: Option<OwnedSemaphorePermit>, time: Duration) -> Self {
        Self { stream, time, overdue: Box::pin(sleep(time)), _permit: permit }
    }

    /// The error of a connection whose time is over.
    fn poll_overdue(&mut self, context: &mut Context<'_>) -> Poll<io::Error> {
        self.overdue.as_mut().poll(context).map(|()| io::ErrorKind::TimedOut.into())
    }
}

impl AsyncRead for Held {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        // First, so that an endless request ends as well.
        if let Poll::Ready(error) = self.poll_overdue(context) {
            return Poll::Ready(Err(error));
        }
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Held {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        match Pin::new(&mut self.stream).poll_write(context, octets) {
            Poll::Ready(result) => {
                let deadline = Instant::now() + self.time;
                self.overdue.as_mut().reset(deadline);
                Poll::Ready(result)
            }
            Poll::Pending => self.poll_overdue(context).map(Err),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    /// Both ends of a connection that has 10 ms for a request and its answer, the asking end first.
    async fn connection() -> (TcpStream, Held) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let asking = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        (asking, Held::new(stream, None, Duration::from_millis(10)))
    }

    #[tokio::test]
    async fn a_connection_that_asks_nothing_breaks() {
        let (_asking, mut held) = connection().await;
        let error = held.read(&mut [0]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn a_request_that_never_ends_breaks() {
        let (mut asking, mut held) = connection().await;
        let error = loop {
            asking.write_all(b"x").await.unwrap();
            if let Err(error) = held.read(&mut [0]).await {
                break error;
            }
            tokio::task::yield_now().await;
        };
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn an_answer_gives_time_for_the_next_request() {
        let (_asking, mut held) = connection().await;
        let before = held.overdue.deadline();
        held.write_all(b"answer").await.unwrap();
        assert!(held.overdue.deadline() > before);
    }
}
