//! Opening a connection to a partner.

use std::io::{self, ErrorKind};

use bytes::BytesMut;
use tokio::time::timeout;

use super::connection::Connection;
use super::links::{CONNECT_TIME, Hub, LinkSpec, Notice};
use super::socket;
use crate::endpoint::{ConnectFailure, Origin};

/// Dials once and tells how it went.
pub(super) async fn run(spec: LinkSpec, hub: Hub) {
    let stream = match timeout(CONNECT_TIME, socket::connect(spec.local, spec.peer)).await {
        Ok(Ok(stream)) => socket::prepare(&stream, spec.receive_timer).map(|()| stream),
        Ok(Err(error)) => Err(error),
        Err(_) => Err(io::Error::new(ErrorKind::TimedOut, "no answer")),
    };
    match stream {
        Ok(stream) => {
            let read = BytesMut::new();
            Connection::start(stream, &spec, Origin::Dialled, read, hub, None);
        }
        Err(error) => {
            tracing::debug!(relationship = spec.name, "dialling {}: {error}", spec.peer);
            let notice = Notice::ConnectFailed { owner: spec.owner, failure: failure(&error) };
            let _ = hub.notices.send(notice).await;
        }
    }
}

/// Whether the partner's machine has answered.
fn failure(error: &io::Error) -> ConnectFailure {
    match error.kind() {
        ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset => ConnectFailure::Refused,
        _ => ConnectFailure::Unreachable,
    }
}
