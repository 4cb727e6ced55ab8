//! One TCP connection: a task that reads chunks and writes whatever has gathered.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::{BufMut, BytesMut};
use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{Notify, OwnedSemaphorePermit};
use tokio::time::{sleep, timeout};

use super::links::{Hub, Notice, WRITE_BUFFER};
use crate::endpoint::{LinkId, Origin};
use crate::store::OwnerId;

/// Octets that are read at once.
const CHUNK: usize = 64 * 1024;

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
}

/// More octets wait than a partner may leave unread.
#[derive(Debug)]
pub(super) struct Overrun;

impl Connection {
    /// Starts the task, which announces the connection before anything that it reads, beginning
    /// with `read`. It keeps `permit` until the connection is gone.
    pub(super) fn start(
        stream: TcpStream,
        owner: OwnerId,
        origin: Origin,
        read: BytesMut,
        hub: Hub,
        permit: Option<OwnedSemaphorePermit>,
    ) {
        let link = LinkId(hub.next_link.fetch_add(1, Ordering::Relaxed));
        let shared = Arc::new(Shared::default());
        let connection = Self { owner, shared: Arc::clone(&shared) };
        tokio::spawn(async move {
            let _permit = permit;
            let connected = Notice::Connected { link, origin, connection };
            if hub.notices.send(connected).await.is_err() {
                return;
            }
            if !read.is_empty() {
                let _ = hub.notices.send(Notice::Bytes { link, bytes: read }).await;
            }
            run(stream, link, &shared, &hub).await;
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

/// Reads and writes until either ends.
async fn run(stream: TcpStream, link: LinkId, shared: &Shared, hub: &Hub) {
    let (mut reader, mut writer) = stream.into_split();
    let flushed = tokio::select! {
        () = read_all(&mut reader, link, shared, hub) => false,
        result = write_all(&mut writer, shared) => result.is_ok(),
        () = shared.abort.notified() => false,
        () = close_overdue(shared) => false,
    };
    if flushed {
        // Closing while octets are unread would reset the connection, and with it what the partner
        // has not read yet.
        let _ = timeout(LINGER, discard(&mut reader)).await;
    }
}

/// Ends when the partner has not taken the last octets in time.
async fn close_overdue(shared: &Shared) {
    shared.close.notified().await;
    sleep(LINGER).await;
}

/// Hands chunks on until the connection ends. A slow owner slows the partner down.
async fn read_all(reader: &mut OwnedReadHalf, link: LinkId, shared: &Shared, hub: &Hub) {
    let mut buffer = BytesMut::new();
    loop {
        buffer.reserve(CHUNK / 4);
        match reader.read_buf(&mut (&mut buffer).limit(CHUNK)).await {
            Ok(1..) => {}
            Ok(0) | Err(_) => return,
        }
        let bytes = buffer.split();
        if shared.outgoing.lock().closing {
            continue;
        }
        if hub.notices.send(Notice::Bytes { link, bytes }).await.is_err() {
            return;
        }
    }
}

async fn discard(reader: &mut OwnedReadHalf) {
    let mut buffer = [0; 4096];
    while let Ok(1..) = reader.read(&mut buffer).await {}
}

/// Writes what gathers until the owner closes; then everything is written.
async fn write_all(writer: &mut OwnedWriteHalf, shared: &Shared) -> io::Result<()> {
    let mut writing = Vec::new();
    loop {
        let closing = {
            let mut outgoing = shared.outgoing.lock();
            std::mem::swap(&mut outgoing.waiting, &mut writing);
            outgoing.in_flight = writing.len();
            outgoing.closing
        };
        if !writing.is_empty() {
            writer.write_all(&writing).await?;
            writing.clear();
            writing.shrink_to(IDLE_BUFFER);
        } else if closing {
            return writer.shutdown().await;
        } else {
            shared.wake.notified().await;
        }
    }
}
