//! Clients without number.

use std::net::{Ipv4Addr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crate::packet::Client;
use crate::siege::Siege;

/// DISCOVERs of clients that nobody knows: ten times what the server's clients say meanwhile, and more
/// than there are addresses.
const FLOOD: u32 = 9_000;

/// How many are sent at a time, and the pause after them.
const BURST: u32 = 20;
const PAUSE: Duration = Duration::from_millis(15);

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
            let relay = Ipv4Addr::new(10, 78, 0, 4);
            let mut message = Client::number(0).discover();
            message.giaddr = relay;
            message.options.remove(&61);
            let mut octets = message.encode();
            let mut random = 0x9e37_79b9_7f4a_7c15_u64;
            for number in 0..FLOOD {
                if number % BURST == 0 {
                    thread::sleep(PAUSE);
                }
                random ^= random << 13;
                random ^= random >> 7;
                random ^= random << 17;
                octets[4..8].copy_from_slice(&random.to_be_bytes()[..4]);
                octets[29..34].copy_from_slice(&random.to_be_bytes()[3..]);
                drop(socket.send_to(&octets, server));
            }
            over.store(true, Ordering::Relaxed);
            answered.join().unwrap()
        })
    });
    println!("{answered} of {FLOOD} were answered");
    siege.lift();
}
