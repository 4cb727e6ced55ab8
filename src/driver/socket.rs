//! Options of the sockets towards partners.

use std::io;
use std::net::SocketAddrV4;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

/// Connections that the system completes before they are accepted. Beyond that a connection, the
/// partner's among them, is delayed by a second or more.
const BACKLOG: u32 = 1024;

/// A listener on `local`, also right after an earlier process had one there.
pub(super) fn listen(local: SocketAddrV4) -> io::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(local.into())?;
    socket.listen(BACKLOG)
}

/// A connection from an ephemeral port of `local` to `peer`; no time-out but the system's.
pub(super) async fn connect(local: SocketAddrV4, peer: SocketAddrV4) -> io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    // Lets a listener be opened on the port that this connection happens to get.
    socket.set_reuseaddr(true)?;
    socket.bind(SocketAddrV4::new(*local.ip(), 0).into())?;
    let stream = socket.connect(peer.into()).await?;
    if stream.local_addr()? == stream.peer_addr()? {
        // On one machine the ephemeral port may be the very one dialled, and TCP then connects
        // the socket to itself.
        return Err(io::ErrorKind::ConnectionRefused.into());
    }
    Ok(stream)
}

/// Messages leave at once, and a partner that is gone is noticed within its receive-timer.
pub(super) fn prepare(stream: &TcpStream, receive_timer: Duration) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let socket = SockRef::from(stream);
    let third = (receive_timer / 3).max(Duration::from_secs(1));
    let keepalive = TcpKeepalive::new().with_time(third).with_interval(third).with_retries(3);
    socket.set_tcp_keepalive(&keepalive)?;
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(receive_timer))?;
    Ok(())
}
