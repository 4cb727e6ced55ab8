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
use tokio::task::JoinSet;
use tokio::time::{Instant, Sleep, sleep, timeout};
use tokio_rustls::TlsAcceptor;

/// Connections open at one time; one more waits in the system's queue.
pub const MAX_CONNECTIONS: usize = 64;

/// Longest time between two writes on a connection, and to the first: within it a request has to be
/// complete, answered, and its answer taken. Whoever idles longer makes room for others.
const ANSWER_TIME: Duration = Duration::from_secs(20);

/// Time in which a handshake has to be done.
const HANDSHAKE_TIME: Duration = Duration::from_secs(10);

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

/// Accepts as long as fewer than [`MAX_CONNECTIONS`] are open, those included whose handshake is under way.
pub(super) struct Bounded {
    listener: TcpListener,
    room: Arc<Semaphore>,
    tls: Option<TlsAcceptor>,
    handshakes: JoinSet<Option<(Held, SocketAddr)>>,
}

impl Bounded {
    pub(super) fn new(listener: TcpListener, tls: Option<TlsAcceptor>) -> Self {
        let room = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        Self { listener, room, tls, handshakes: JoinSet::new() }
    }
}

impl axum::serve::Listener for Bounded {
    type Io = Held;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Held, SocketAddr) {
        loop {
            let (stream, peer, permit) = tokio::select! {
                accepted = accept(&self.listener, &self.room) => accepted,
                Some(shaken) = self.handshakes.join_next() => match shaken {
                    Ok(Some(secured)) => return secured,
                    _ => continue,
                },
            };
            let Some(tls) = self.tls.clone() else {
                return (Held::new(Box::new(stream), permit, ANSWER_TIME), peer);
            };
            self.handshakes.spawn(async move {
                let stream = timeout(HANDSHAKE_TIME, tls.accept(stream)).await.ok()?.ok()?;
                Some((Held::new(Box::new(stream), permit, ANSWER_TIME), peer))
            });
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// The next connection, once there is room for it. Loses nothing if it is dropped before.
async fn accept(
    listener: &TcpListener,
    room: &Arc<Semaphore>,
) -> (TcpStream, SocketAddr, Option<OwnedSemaphorePermit>) {
    let permit = Arc::clone(room).acquire_owned().await.ok();
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => return (stream, peer, permit),
            Err(_) => sleep(ACCEPT_PAUSE).await,
        }
    }
}

/// A connection in clear, or one secured by TLS.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// A connection that gives its place back when it is dropped, and breaks when nothing could be
/// written for `time`.
pub(super) struct Held {
    stream: Box<dyn Stream>,
    time: Duration,
    overdue: Pin<Box<Sleep>>,
    _permit: Option<OwnedSemaphorePermit>,
}

impl Held {
    fn new(stream: Box<dyn Stream>, permit: Option<OwnedSemaphorePermit>, time: Duration) -> Self {
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
        (asking, Held::new(Box::new(stream), None, Duration::from_millis(10)))
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
