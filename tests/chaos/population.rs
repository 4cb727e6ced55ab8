//! The clients, in a thread of their own, silent when asked.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use parking_lot::Mutex;
use twinlease::clients::{ClientId, Habit, Population};

use crate::record::Record;
use crate::support::network::Host;

/// How many live at a time; a multiple of the number of habits.
pub const COUNT: u32 = 200;

/// Time in which they appear.
const ARRIVALS: Duration = Duration::from_secs(10);

/// The relay agent's address in the clients' network.
const RELAY: Ipv4Addr = Ipv4Addr::new(10, 99, 0, 1);

/// What the thread is to do, and what it says that it does.
const LIVE: u8 = 0;
const FALL_SILENT: u8 = 1;
const SILENT: u8 = 2;
const END: u8 = 3;

/// A population that lives until it is dropped.
#[derive(Debug)]
pub struct Clients {
    control: Arc<AtomicU8>,
    thread: Option<JoinHandle<()>>,
}

const fn habit(client: ClientId) -> Habit {
    match client % 4 {
        0 => Habit::Stays,
        1 => Habit::Releases,
        2 => Habit::Vanishes,
        _ => Habit::Restarts,
    }
}

impl Clients {
    /// Lets them live at 10.78.0.3.
    pub fn start(host: &Host, servers: [SocketAddrV4; 2], record: Arc<Mutex<Record>>) -> Self {
        let socket = host.udp(Ipv4Addr::new(10, 78, 0, 3), 0);
        let control = Arc::new(AtomicU8::new(LIVE));
        let told = Arc::clone(&control);
        let mut population =
            Population::new(COUNT, ARRIVALS, socket, servers, RELAY, habit, record).unwrap();
        let live = move || {
            loop {
                match told.load(Ordering::SeqCst) {
                    LIVE => population.live(|| told.load(Ordering::SeqCst) != LIVE).unwrap(),
                    FALL_SILENT => told.store(SILENT, Ordering::SeqCst),
                    END => return,
                    _ => thread::sleep(Duration::from_millis(5)),
                }
            }
        };
        Self { control, thread: Some(thread::spawn(live)) }
    }

    /// Returns when nobody says anything any more. Everybody holds what they hold.
    pub fn fall_silent(&self) {
        self.control.store(FALL_SILENT, Ordering::SeqCst);
        while self.control.load(Ordering::SeqCst) != SILENT {
            assert!(!self.thread.as_ref().unwrap().is_finished(), "the clients' thread ended");
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Lets them go on.
    pub fn go_on(&self) {
        self.control.store(LIVE, Ordering::SeqCst);
    }
}

impl Drop for Clients {
    fn drop(&mut self) {
        self.control.store(END, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}
