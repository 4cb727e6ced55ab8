//! Answers every DHCP client at once and remembers nothing: the ceiling for `twinlease bench clients`.
//!
//! ```text
//! cargo run --release --example responder -- 127.0.0.1:6767
//! twinlease bench clients --servers 127.0.0.1:6767 --giaddr 10.0.0.1 --ramp --clients 1000000
//! ```
//!
//! It is no server: the address of a client is the end of its Ethernet address, and no lease is kept.

use std::error::Error;
use std::net::{SocketAddrV4, UdpSocket};
use std::os::fd::AsFd;

use nix::sys::socket::{setsockopt, sockopt};
use twinlease::datagrams::{Inbox, MAX_BATCH, Outgoing, Peer, send};

/// Octets in front of the options.
const FIXED: usize = 240;
/// Octets of an answer.
const ANSWER: usize = 300;
/// Octets that the kernel may keep.
const RECEIVE_BUFFER: usize = 32 << 20;

fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::args().nth(1).ok_or("give an address, as 127.0.0.1:6767")?;
    let address: SocketAddrV4 = address.parse()?;
    let socket = UdpSocket::bind(address)?;
    // Without privileges the system's limit stays, and bursts are lost.
    let _ = setsockopt(&socket, sockopt::RcvBufForce, &RECEIVE_BUFFER);
    let mut inbox = Inbox::new(MAX_BATCH, 1500);
    let mut answers = Vec::with_capacity(MAX_BATCH);
    loop {
        // Waits for the first one; the others are read with it.
        socket.peek_from(&mut [0])?;
        if inbox.receive(socket.as_fd()).is_err() {
            continue;
        }
        answers.clear();
        let answered = inbox.datagrams().filter_map(|datagram| match datagram.peer {
            Some(Peer::Udp(from)) => Some((from, answer(datagram.payload, address)?)),
            _ => None,
        });
        answers.extend(answered);
        let outgoing = answers.iter().map(|(to, octets)| Outgoing::to(*to, octets));
        send(socket.as_fd(), outgoing, |_, error| eprintln!("{error}"));
    }
}

/// OFFER to a DISCOVER, ACK to a REQUEST, nothing to anything else. Option 53 has to be the first one.
fn answer(question: &[u8], own: SocketAddrV4) -> Option<[u8; ANSWER]> {
    let kind = match question.get(FIXED..FIXED + 3)? {
        [53, 1, 1] => 2,
        [53, 1, 3] => 5,
        _ => return None,
    };
    let mut octets = [0; ANSWER];
    let (fixed, options) = octets.split_at_mut(FIXED);
    fixed.copy_from_slice(question.get(..FIXED)?);
    let [.., a, b, c] = *fixed.get(28..34)?.first_chunk::<6>()?;
    fixed.get_mut(..1)?.fill(2);
    fixed.get_mut(16..20)?.copy_from_slice(&[10, a, b, c]);
    let [s0, s1, s2, s3] = own.ip().octets();
    let said = [53, 1, kind, 54, 4, s0, s1, s2, s3, 51, 4, 0, 0, 14, 16, 255];
    options.get_mut(..said.len())?.copy_from_slice(&said);
    Some(octets)
}
