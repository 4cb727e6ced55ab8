//! Datagrams, many a system call.
//!
//! [`Inbox`] reads what waits on a socket, up to [`MAX_BATCH`] datagrams at once, into memory that it
//! took when it was made. [`send`] writes any number; one that cannot be sent costs none of the
//! others. Both serve UDP sockets, where a datagram comes with the local address to which it was sent
//! and may leave from one, and packet sockets, where the other end is a link address. Nothing here
//! waits: a socket that has nothing, or takes nothing, is an error of the kind `WouldBlock`.
//!
//! No library gives all of this: tokio, socket2 and std read one datagram a call; `nix::sendmmsg`
//! hands out results that may not be iterated where fewer were sent than given; rustix does not know
//! `IP_PKTINFO`. So `system` calls the C library itself, and it is the one file of the program with
//! `unsafe` in it. What the octets of addresses and control messages mean is written and read without.

mod address;
mod control;
mod receive;
mod send;
mod system;

pub use address::{LinkAddress, Peer};
pub use control::LocalEnd;
pub use receive::{Datagram, Inbox};
pub use send::{Outgoing, send};

/// Datagrams that one system call reads or writes at most. A call costs about as much as handling a
/// short datagram does, so more would not save much.
pub const MAX_BATCH: usize = 64;
