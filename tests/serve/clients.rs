//! Clients behind a relay agent: many at once, each until it has a lease.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::packet::{ACK, Client, Message, NAK, OFFER};
use crate::wait::wait_until;

/// Clients that ask at the same time.
const AT_ONCE: usize = 32;
/// Pause after which a client asks again.
const AGAIN: Duration = Duration::from_millis(500);
/// Ends a test in which a client never gets an address.
const PATIENCE: Duration = Duration::from_secs(60);

/// A lease that a client was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    pub address: Ipv4Addr,
    pub hardware: String,
    pub server: Ipv4Addr,
    /// Until when the client may use it, in Unix seconds.
    pub until: u64,
}

/// One client that has no lease yet.
struct Asking {
    client: Client,
    question: Message,
    asked: Instant,
    since: Instant,
}

/// Lets more and more clients get leases while `disturb` does something to the servers; it is given the
/// number of leases so far. All leases that were given.
pub fn lease_while(servers: [SocketAddrV4; 2], disturb: impl FnOnce(&AtomicU16)) -> Vec<Given> {
    let (count, enough) = (AtomicU16::new(0), AtomicBool::new(false));
    thread::scope(|scope| {
        let clients = scope.spawn(|| {
            let (mut given, mut first) = (Vec::new(), 0);
            while !enough.load(Ordering::Relaxed) {
                given.extend(lease(first..first + 50, servers, |_| {
                    count.fetch_add(1, Ordering::Relaxed);
                }));
                first += 50;
                thread::sleep(Duration::from_millis(20));
            }
            given
        });
        disturb(&count);
        enough.store(true, Ordering::Relaxed);
        clients.join().unwrap()
    })
}

/// Waits until forty more leases have been given.
pub fn wait_for_more(count: &AtomicU16) {
    let before = count.load(Ordering::Relaxed);
    wait_until("leases to be given", PATIENCE, || count.load(Ordering::Relaxed) > before + 40);
}

/// Lets clients of these numbers get leases from whichever of the servers answers. `each` is called
/// with every lease as it comes.
pub fn lease(
    numbers: std::ops::Range<u16>,
    servers: [SocketAddrV4; 2],
    mut each: impl FnMut(&Given),
) -> Vec<Given> {
    let relay = Ipv4Addr::new(10, 78, 0, 3);
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
    let send = |message: &Message| {
        let message = Message { giaddr: relay, ..message.clone() };
        for server in servers {
            // Nobody may be there.
            let _ = socket.send_to(&message.encode(), server);
        }
    };
    let mut waiting = numbers;
    let mut asking: BTreeMap<u32, Asking> = BTreeMap::new();
    let mut given = Vec::new();
    let mut buffer = [0; 2048];
    loop {
        while asking.len() < AT_ONCE
            && let Some(number) = waiting.next()
        {
            let client = Client::number(number);
            let question = client.discover();
            send(&question);
            let now = Instant::now();
            asking.insert(question.xid, Asking { client, question, asked: now, since: now });
        }
        if asking.is_empty() {
            return given;
        }
        match socket.recv(&mut buffer) {
            Ok(len) => {
                let answer = Message::decode(&buffer[..len]).unwrap();
                take(&answer, &mut asking, &mut given, &send, &mut each);
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            // A server that has just been killed.
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => {}
            Err(error) => panic!("{error}"),
        }
        ask_again(&mut asking, &send);
    }
}

fn take(
    answer: &Message,
    asking: &mut BTreeMap<u32, Asking>,
    given: &mut Vec<Given>,
    send: &impl Fn(&Message),
    each: &mut impl FnMut(&Given),
) {
    let Some(mut entry) = asking.remove(&answer.xid) else { return };
    if !answer.answers(&entry.question) {
        asking.insert(answer.xid, entry);
        return;
    }
    match answer.kind() {
        Some(OFFER) => {
            entry.question = entry.client.select(answer);
            entry.asked = Instant::now();
            send(&entry.question);
            asking.insert(entry.question.xid, entry);
        }
        Some(ACK) => {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
            let lease = Given {
                address: answer.yiaddr,
                hardware: entry.client.hardware_text(),
                server: answer.server().unwrap(),
                until: now + u64::from(answer.lease_time().unwrap()),
            };
            each(&lease);
            given.push(lease);
        }
        Some(NAK) => {
            entry.question = entry.client.discover();
            send(&entry.question);
            asking.insert(entry.question.xid, entry);
        }
        other => panic!("message type {other:?}"),
    }
}

/// A client that hears nothing begins again, and says for how long it has been waiting.
fn ask_again(asking: &mut BTreeMap<u32, Asking>, send: &impl Fn(&Message)) {
    let late: Vec<u32> = asking
        .iter()
        .filter(|(_, entry)| entry.asked.elapsed() > AGAIN)
        .map(|(xid, _)| *xid)
        .collect();
    for xid in late {
        let mut entry = asking.remove(&xid).unwrap();
        assert!(entry.since.elapsed() < PATIENCE, "{:?} gets no lease", entry.client);
        // Long enough for the other server to take over, in whole test seconds.
        entry.question = entry.client.after(10).discover();
        entry.asked = Instant::now();
        send(&entry.question);
        asking.insert(entry.question.xid, entry);
    }
}
