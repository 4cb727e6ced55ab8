//! A wire between two servers that is listened to, cut, or tampered with.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, SocketAddrV4, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use socket2::{Domain, Socket, Type};

use crate::server::Pair;

/// First octet of a TLS record that carries a handshake. A failover message begins with its length,
/// at most 2048.
const TLS_HANDSHAKE: u8 = 0x16;

/// What both directions of every connection of a pair pass through.
#[derive(Clone, Debug, Default)]
pub struct Tap {
    seen: Arc<Mutex<Vec<u8>>>,
    holds_tls: Arc<AtomicBool>,
    tampers: Arc<AtomicBool>,
}

impl Tap {
    /// Puts itself between two servers that have not been started; it lasts as long as the process.
    pub fn between(pair: &Pair) -> Self {
        let [a, b, c, _] = pair.primary.address.octets();
        let own = Ipv4Addr::new(a, b, c, 3);
        let ends = [pair.primary.failover(), pair.secondary.failover()];
        for (server, peer) in [(&pair.primary, ends[1]), (&pair.secondary, ends[0])] {
            let line = |address| format!("peer-address = \"{address}\"");
            server.reconfigure(&line(*peer.ip()), &line(own));
        }
        let tap = Self::default();
        let listener = TcpListener::bind(SocketAddrV4::new(own, ends[0].port())).unwrap();
        let serving = tap.clone();
        thread::spawn(move || {
            for caller in listener.incoming().flatten() {
                let SocketAddr::V4(from) = caller.peer_addr().unwrap() else { continue };
                let to = if from.ip() == ends[0].ip() { ends[1] } else { ends[0] };
                if let Ok(callee) = dial(own, to) {
                    serving.join(&caller, &callee);
                }
            }
        });
        tap
    }

    /// Every octet that went by, in either direction.
    pub fn seen(&self) -> Vec<u8> {
        self.seen.lock().unwrap().clone()
    }

    /// Whether these octets went by in clear.
    pub fn saw(&self, octets: &[u8]) -> bool {
        self.seen().windows(octets.len()).any(|window| window == octets)
    }

    /// From now on handshakes of TLS do not arrive, until told otherwise.
    pub fn hold_tls(&self, holds: bool) {
        self.holds_tls.store(holds, Ordering::Relaxed);
    }

    /// Changes one bit of what passes next.
    pub fn tamper(&self) {
        self.tampers.store(true, Ordering::Relaxed);
    }

    fn join(&self, one: &TcpStream, other: &TcpStream) {
        for (from, to) in [(one, other), (other, one)] {
            let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
            let tap = self.clone();
            thread::spawn(move || tap.carry(from, to));
        }
    }

    fn carry(&self, mut from: TcpStream, mut to: TcpStream) {
        let mut buffer = [0; 4096];
        while let Ok(length @ 1..) = from.read(&mut buffer) {
            let octets = &mut buffer[..length];
            if octets[0] == TLS_HANDSHAKE && self.holds_tls.load(Ordering::Relaxed) {
                continue;
            }
            if self.tampers.swap(false, Ordering::Relaxed) {
                octets[length - 1] ^= 1;
            }
            self.seen.lock().unwrap().extend_from_slice(octets);
            if to.write_all(octets).is_err() {
                break;
            }
        }
        drop(to.shutdown(Shutdown::Write));
    }
}

fn dial(own: Ipv4Addr, to: SocketAddrV4) -> std::io::Result<TcpStream> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.bind(&SocketAddrV4::new(own, 0).into())?;
    socket.connect(&to.into())?;
    Ok(socket.into())
}
