//! One TCP connection: a task that reads chunks and writes whatever has gathered.

use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::{BufMut, BytesMut};
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf};
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedReadHalf;
use tokio::sync::{Notify, OwnedSemaphorePermit};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsStream;

use super::links::{Hub, LinkSpec, Notice, READ_CHUNK, WRITE_BUFFER};
use super::tls::{TlsFailure, TlsIdentity};
use crate::endpoint::{LinkId, Origin, TlsSide};
use crate::store::OwnerId;

/// Time for the last octets of a connection to be taken by the partner, and for it to close.
const LINGER: Duration = Duration::from_secs(2);

/// Largest buffer that is kept while it is empty.
const IDLE_BUFFER: usize = 256 * 1024;

/// The writing end of a connection as its owner holds it. Dropping it ends the connection at once.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) owner: OwnerId,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    outgoing: Mutex<Outgoing>,
    /// `outgoing` has changed.
    wake: Notify,
    /// The owner has asked for the end after the last octet.
    close: Notify,
    abort: Notify,
}

#[derive(Debug, Default)]
struct Outgoing {
    waiting: Vec<u8>,
    /// Octets handed to the socket and not all taken by it.
    in_flight: usize,
    closing: bool,
    /// What waits is the last in clear; TLS follows at once.
    tls: Option<TlsSide>,
}

/// More octets wait than a partner may leave unread.
#[derive(Debug)]
pub(super) struct Overrun;

impl Connection {
    /// Starts the task, which announces the connection before anything that it reads, beginning
    /// with `read`. It keeps `permit` until the connection is gone.
    pub(super) fn start(
        stream: TcpStream,
        spec: &LinkSpec,
        origin: Origin,
        read: BytesMut,
        hub: Hub,
        permit: Option<OwnedSemaphorePermit>,
    ) {
        let link = LinkId(hub.next_link.fetch_add(1, Ordering::Relaxed));
        let shared = Arc::new(Shared::default());
        let connection = Self { owner: spec.owner, shared: Arc::clone(&shared) };
        let identity = spec.tls.clone();
        tokio::spawn(async move {
            let _permit = permit;
            let connected = Notice::Connected { link, origin, connection };
            if hub.notices.send(connected).await.is_err() {
                return;
            }
            if !read.is_empty() {
                let _ = hub.notices.send(Notice::Bytes { link, bytes: read }).await;
            }
            run(stream, link, &shared, &hub, identity).await;
            let _ = hub.notices.send(Notice::Closed { link }).await;
        });
    }

    /// Queues octets; whatever is queued by the time the socket takes more leaves in one write.
    pub(super) fn transmit(&self, octets: &[u8]) -> Result<(), Overrun> {
        let mut outgoing = self.shared.outgoing.lock();
        if outgoing.waiting.len() + outgoing.in_flight + octets.len() > WRITE_BUFFER {
            return Err(Overrun);
        }
        outgoing.waiting.extend_from_slice(octets);
        drop(outgoing);
        self.shared.wake.notify_one();
        Ok(())
    }

    /// Lets TLS begin behind these octets. From now on nothing that arrives is read as it is.
    pub(super) fn start_tls(&self, octets: &[u8], side: TlsSide) {
        let mut outgoing = self.shared.outgoing.lock();
        outgoing.waiting.extend_from_slice(octets);
        outgoing.tls = Some(side);
        drop(outgoing);
        self.shared.wake.notify_one();
    }

    /// Ends the connection once what waits is written; it has a short time for that.
    pub(super) fn close(self) {
        self.shared.outgoing.lock().closing = true;
        self.shared.wake.notify_one();
        self.shared.close.notify_one();
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if !self.shared.outgoing.lock().closing {
            self.shared.abort.notify_one();
        }
    }
}

/// How writing ended.
enum Written {
    /// Everything is written and the connection is to end.
    All,
    /// Everything in clear is written and TLS is to begin.
    InClear(TlsSide),
}

/// Reads and writes until either ends, or TLS is to begin.
async fn run(
    stream: TcpStream,
    link: LinkId,
    shared: &Shared,
    hub: &Hub,
    identity: Option<TlsIdentity>,
) {
    let (mut reader, mut writer) = stream.into_split();
    let written = tokio::select! {
        () = read_in_clear(&mut reader, link, shared, hub) => None,
        result = write_all(&mut writer, shared) => result.ok(),
        () = shared.abort.notified() => None,
        () = close_overdue(shared) => None,
    };
    match written {
        None => {}
        Some(Written::All) => linger(&mut reader).await,
        Some(Written::InClear(side)) => {
            if let Ok(stream) = reader.reunite(writer)
                && let Err(failure) = run_secured(stream, side, link, shared, hub, identity).await
            {
                let _ = hub.notices.send(Notice::TlsFailed { link, failure }).await;
            }
        }
    }
}

/// The same inside TLS, after the handshake. What breaks TLS itself is an error.
async fn run_secured(
    stream: TcpStream,
    side: TlsSide,
    link: LinkId,
    shared: &Shared,
    hub: &Hub,
    identity: Option<TlsIdentity>,
) -> Result<(), TlsFailure> {
    let identity = identity.ok_or_else(TlsFailure::not_configured)?;
    let stream = tokio::select! {
        result = identity.negotiate(stream, side) => result?,
        () = shared.abort.notified() => return Ok(()),
        () = shared.close.notified() => return Ok(()),
    };
    shared.outgoing.lock().tls = None;
    if hub.notices.send(Notice::Secured { link }).await.is_err() {
        return Ok(());
    }
    let (mut reader, mut writer) = tokio::io::split(stream);
    let written = tokio::select! {
        result = read_secured(&mut reader, link, shared, hub) => return result,
        result = write_all(&mut writer, shared) => result.ok(),
        () = shared.abort.notified() => None,
        () = close_overdue(shared) => None,
    };
    if let Some(Written::All) = written {
        linger(&mut reader).await;
    }
    Ok(())
}

/// Closing while octets are unread would reset the connection, and with it what the partner has not
/// read yet.
async fn linger(reader: &mut (impl AsyncRead + Unpin)) {
    let _ = timeout(LINGER, discard(reader)).await;
}

/// Ends when the partner has not taken the last octets in time.
async fn close_overdue(shared: &Shared) {
    shared.close.notified().await;
    sleep(LINGER).await;
}

/// Hands chunks on until the connection ends. A slow owner slows the partner down.
async fn read_in_clear(reader: &mut OwnedReadHalf, link: LinkId, shared: &Shared, hub: &Hub) {
    let mut buffer = BytesMut::new();
    while reader.readable().await.is_ok() {
        buffer.reserve(READ_CHUNK / 4);
        let (read, closing) = {
            // Under the lock, so that not one octet of TLS is taken for one in clear.
            let outgoing = shared.outgoing.lock();
            if outgoing.tls.is_some() {
                break;
            }
            (reader.try_read_buf(&mut (&mut buffer).limit(READ_CHUNK)), outgoing.closing)
        };
        match read {
            Ok(1..) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => continue,
            Ok(0) | Err(_) => return,
        }
        let bytes = buffer.split();
        if !closing && hub.notices.send(Notice::Bytes { link, bytes }).await.is_err() {
            return;
        }
    }
    let starts_tls = shared.outgoing.lock().tls.is_some();
    if starts_tls {
        // The writer ends this.
        std::future::pending::<()>().await;
    }
}

/// The same inside TLS.
async fn read_secured(
    reader: &mut ReadHalf<TlsStream<TcpStream>>,
    link: LinkId,
    shared: &Shared,
    hub: &Hub,
) -> Result<(), TlsFailure> {
    let mut buffer = BytesMut::new();
    loop {
        buffer.reserve(READ_CHUNK / 4);
        match reader.read_buf(&mut (&mut buffer).limit(READ_CHUNK)).await {
            Ok(1..) => {}
            // A partner that refuses this server's certificate says so when it is done with it.
            Err(error) if error.kind() == ErrorKind::InvalidData => {
                return Err(TlsFailure::from(error));
            }
            Ok(0) | Err(_) => return Ok(()),
        }
        let bytes = buffer.split();
        if !shared.outgoing.lock().closing
            && hub.notices.send(Notice::Bytes { link, bytes }).await.is_err()
        {
            return Ok(());
        }
    }
}

async fn discard(reader: &mut (impl AsyncRead + Unpin)) {
    let mut buffer = [0; 4096];
    while let Ok(1..) = reader.read(&mut buffer).await {}
}

/// Writes what gathers until the owner closes, or wants TLS; then everything is written.
async fn write_all(writer: &mut (impl AsyncWrite + Unpin), shared: &Shared) -> io::Result<Written> {
    let mut writing = Vec::new();
    loop {
        let (closing, tls) = {
            let mut outgoing = shared.outgoing.lock();
            std::mem::swap(&mut outgoing.waiting, &mut writing);
            outgoing.in_flight = writing.len();
            (outgoing.closing, outgoing.tls)
        };
        if !writing.is_empty() {
            writer.write_all(&writing).await?;
            writer.flush().await?;
            writing.clear();
            writing.shrink_to(IDLE_BUFFER);
        } else if closing {
            writer.shutdown().await?;
            return Ok(Written::All);
        } else if let Some(side) = tls {
            return Ok(Written::InClear(side));
        } else {
            shared.wake.notified().await;
        }
    }
}
