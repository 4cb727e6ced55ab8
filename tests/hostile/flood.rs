//! Clients without number.

use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use twinlease::datagrams::{self, MAX_BATCH, Outgoing};

use crate::packet::Client;
use crate::siege::Siege;

/// DISCOVERs of clients that nobody knows: ten times what the server's clients say meanwhile, and more
/// than there are addresses.
const FLOOD: u32 = 9_000;

/// How many are sent at a time, and the pause after them.
const BURST: u32 = 20;
const PAUSE: Duration = Duration::from_millis(15);

/// How long the server gets more than it can read.
const TOO_MUCH: Duration = Duration::from_secs(5);

/// DISCOVERs, each of another client.
struct MadeUp {
    octets: Vec<u8>,
    random: u64,
}

impl MadeUp {
    fn new() -> Self {
        let mut message = Client::number(0).discover();
        message.giaddr = Ipv4Addr::new(10, 78, 0, 4);
        message.options.remove(&61);
        Self { octets: message.encode(), random: 0x9e37_79b9_7f4a_7c15 }
    }

    fn discover(&mut self) -> &[u8] {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.octets[4..8].copy_from_slice(&self.random.to_be_bytes()[..4]);
        self.octets[29..34].copy_from_slice(&self.random.to_be_bytes()[3..]);
        &self.octets
    }
}

/// Sends as many DISCOVERs as the system takes, for so long; how many.
fn pour(server: SocketAddrV4) -> usize {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let (mut made_up, mut sent, begun) = (MadeUp::new(), 0, Instant::now());
    while begun.elapsed() < TOO_MUCH {
        let octets: Vec<_> = (0..MAX_BATCH).map(|_| made_up.discover().to_vec()).collect();
        let datagrams = octets.iter().map(|octets| Outgoing::to(server, octets));
        sent += MAX_BATCH;
        datagrams::send(socket.as_fd(), datagrams, |_, _| sent -= 1);
    }
    sent
}

#[test]
fn more_discovers_than_can_be_read_cost_no_renewal() {
    let siege = Siege::lay(122);
    let server = siege.server().dhcp();
    let (sent, renewed) = thread::scope(|scope| {
        let sent = scope.spawn(|| pour(server));
        let mut renewed = 0;
        while !sent.is_finished() {
            siege.renew();
            renewed += 1;
        }
        (sent.join().unwrap(), renewed)
    });
    let lost = siege.server().sample("twinlease_dhcp_dropped_total{reason=\"overload\"");
    println!("{lost} of {sent} were too many; every client renewed {renewed} times");
    assert!(lost > 0, "the server could read all {sent}");
    siege.lift();
}

#[test]
fn a_flood_of_discovers_keeps_nobody_from_being_served() {
    let mut siege = Siege::lay(121);
    let server = siege.server().dhcp();
    let answered = siege.during(|| {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let listener = socket.try_clone().unwrap();
        let over = AtomicBool::new(false);
        thread::scope(|scope| {
            let answered = scope.spawn(|| {
                listener.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
                let mut answered = 0_u32;
                while !over.load(Ordering::Relaxed) {
                    answered += u32::from(listener.recv(&mut [0; 1500]).is_ok());
                }
                answered
            });
            let mut made_up = MadeUp::new();
            for number in 0..FLOOD {
                if number % BURST == 0 {
                    thread::sleep(PAUSE);
                }
                drop(socket.send_to(made_up.discover(), server));
            }
            over.store(true, Ordering::Relaxed);
            answered.join().unwrap()
        })
    });
    println!("{answered} of {FLOOD} were answered");
    siege.lift();
}
