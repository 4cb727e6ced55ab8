//! Accepting connections, of configured partners only.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::{BufMut, BytesMut};
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, TryAcquireError};
use tokio::time::{sleep, timeout};

use super::connection::Connection;
use super::links::{Expected, HALF_OPEN_TIME, Hub, LinkSpec, MAX_HALF_OPEN_OCTETS};
use super::socket;
use crate::endpoint::Origin;
use crate::rate_limit::RateLimit;
use crate::wire::{Dialect, Frame, Message};

/// Pause after the first failure to listen; doubled up to [`RETRY_MAX`].
const RETRY_MIN: Duration = Duration::from_millis(250);
/// Longest pause between attempts to listen.
const RETRY_MAX: Duration = Duration::from_secs(30);
/// Pause after a failure to accept, such as for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Listens on `local` for the partners that are expected, for ever.
pub(super) async fn run(local: SocketAddrV4, expected: Expected, hub: Hub) {
    let listener = bind(local).await;
    tracing::info!("listening for partners on {local}");
    let mut refusals = RateLimit::default();
    let mut failures = RateLimit::default();
    loop {
        match listener.accept().await {
            Ok((stream, from)) => {
                let accepted = accept(stream, from, &expected.read(), &hub);
                if let Err(refusal) = accepted
                    && let Some(more) = refusals.pass(hub.clock.monotonic())
                {
                    tracing::warn!("connection from {from} closed: {refusal} ({more} more before)");
                }
            }
            Err(error) => {
                if let Some(more) = failures.pass(hub.clock.monotonic()) {
                    tracing::error!("accepting on {local}: {error} ({more} more before)");
                }
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Tries until it works: the address may come up later, or an earlier process may still end.
async fn bind(local: SocketAddrV4) -> TcpListener {
    let mut pause = RETRY_MIN;
    loop {
        match socket::listen(local) {
            Ok(listener) => return listener,
            Err(error) => {
                tracing::error!("cannot listen for partners on {local}: {error}; trying again");
            }
        }
        sleep(pause).await;
        pause = (pause * 2).min(RETRY_MAX);
    }
}

/// Takes a connection in, or closes it without a word and says why.
fn accept(
    stream: TcpStream,
    from: SocketAddr,
    specs: &[LinkSpec],
    hub: &Hub,
) -> Result<(), &'static str> {
    let candidates: Vec<LinkSpec> =
        specs.iter().filter(|spec| is_from(from, *spec.peer.ip())).cloned().collect();
    let Some(first) = candidates.first() else {
        hub.counting.unknown_address.fetch_add(1, Ordering::Relaxed);
        return Err("no partner has this address");
    };
    let full = |_: TryAcquireError| {
        hub.counting.too_many.fetch_add(1, Ordering::Relaxed);
        "too many connections"
    };
    let permit = Arc::clone(&hub.accepted).try_acquire_owned().map_err(full)?;
    socket::prepare(&stream, first.receive_timer).map_err(|_| "it broke at once")?;
    if candidates.len() == 1 {
        let (read, hub) = (BytesMut::new(), hub.clone());
        Connection::start(stream, first, Origin::Accepted, read, hub, Some(permit));
    } else {
        let half_open = Arc::clone(&hub.half_open).try_acquire_owned().map_err(full)?;
        tokio::spawn(attribute(stream, candidates, hub.clone(), permit, half_open));
    }
    Ok(())
}

fn is_from(from: SocketAddr, peer: Ipv4Addr) -> bool {
    from.ip() == IpAddr::V4(peer)
}

/// Finds out by its CONNECT to which of several relationships a connection belongs.
async fn attribute(
    mut stream: TcpStream,
    candidates: Vec<LinkSpec>,
    hub: Hub,
    permit: OwnedSemaphorePermit,
    half_open: OwnedSemaphorePermit,
) {
    let mut read = BytesMut::new();
    let named = timeout(HALF_OPEN_TIME, read_name(&mut stream, &mut read)).await;
    drop(half_open);
    let Ok(Some(name)) = named else {
        hub.counting.unattributed.fetch_add(1, Ordering::Relaxed);
        let from = stream.peer_addr().map(|from| from.to_string()).unwrap_or_default();
        tracing::debug!("connection from {from} closed: its first message is no CONNECT");
        return;
    };
    // A name that no relationship has goes to the first one, which rejects it in the protocol's way.
    let named = candidates.iter().find(|spec| spec.name.as_bytes() == name);
    if let Some(spec) = named.or(candidates.first()) {
        Connection::start(stream, spec, Origin::Accepted, read, hub, Some(permit));
    }
}

/// The relationship-name of the CONNECT that the connection begins with; what was read, which may
/// be more than that, is left in `read`. `None` if it begins otherwise.
async fn read_name(stream: &mut TcpStream, read: &mut BytesMut) -> Option<Vec<u8>> {
    loop {
        let mut octets = read.as_ref();
        if let Some(frame) = Frame::take(&mut octets, Dialect::default()).ok()? {
            return match Message::decode(&frame, Dialect::default()) {
                Ok(Message::Connect(connect)) => {
                    Some(connect.relationship_name.unwrap_or_default().to_vec())
                }
                Ok(_) | Err(_) => None,
            };
        }
        let room = MAX_HALF_OPEN_OCTETS.saturating_sub(read.len());
        if room == 0 || stream.read_buf(&mut (&mut *read).limit(room)).await.ok()? == 0 {
            return None;
        }
    }
}
