//! A server, its clients, somebody hostile, and what is measured.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, TcpStream, UdpSocket};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use socket2::{Domain, SockAddr, Socket, Type};
use twinlease::dhcp::MAX_OFFERS;
use twinlease::driver::committer::MAX_QUEUED_COMMITS;
use twinlease::driver::links::{MAX_ACCEPTED, MAX_EVENTS, READ_CHUNK, WRITE_BUFFER};
use twinlease::wire::MAX_MESSAGE_LEN;
use twinlease::wire::codes::MessageType;

use crate::clients::{Given, lease};
use crate::packet::{ACK, Client, Message as PacketMessage};
use crate::partner::{Message, Partner};
use crate::server::{PATIENCE, Pair, Server};
use crate::wait::wait_for;

/// STATE numbers.
const NORMAL: u8 = 2;

/// What connections may take: a chunk and an unfinished message each, events on their way, and what
/// one partner leaves unread, here and in the buffer that grows while it is copied.
const CONNECTIONS: usize =
    MAX_ACCEPTED * (READ_CHUNK + MAX_MESSAGE_LEN) + MAX_EVENTS * READ_CHUNK + 3 * WRITE_BUFFER;

/// What an offer takes, in the maps by address and by client and in the order of offers.
const OFFER: usize = 192;

/// A commit that waits, and the answer that waits for it.
const COMMIT: usize = 1024;

/// What may be taken beyond what is there before a siege.
const BOUND: usize = CONNECTIONS + MAX_OFFERS * OFFER + MAX_QUEUED_COMMITS * COMMIT;

/// Log lines in ten seconds: twenty of each of a dozen kinds.
const LINES: usize = 240;

/// Clients that ask at a time.
const CLIENTS: u16 = 40;

/// The relay agent of clients that renew.
const RELAY: Ipv4Addr = Ipv4Addr::new(10, 78, 0, 3);

/// After so long a client that hears nothing asks again.
const AGAIN: Duration = Duration::from_millis(500);

/// Sieges one after the other: each is as much as the machine bears.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// A server that served together with its partner and is alone now.
pub struct Siege {
    pub pair: Pair,
    pub begun: Instant,
    /// Resident memory in octets before anything hostile.
    before: usize,
    lines_before: usize,
    next_client: u16,
    given: Vec<Given>,
    _turn: MutexGuard<'static, ()>,
}

impl Siege {
    /// Two servers on 127.77.`network`.0/24 come to NORMAL, clients get leases, and the secondary dies.
    pub fn lay(network: u8) -> Self {
        Self::with(network, "")
    }

    /// The same with more lines in `[[relationship]]`.
    pub fn with(network: u8, lines: &str) -> Self {
        let turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let mut pair = Pair::with(network, |_| lines.to_owned());
        pair.start();
        pair.secondary.kill();
        pair.primary.wait_for_state("communications-interrupted");
        let mut siege = Self {
            pair,
            begun: Instant::now(),
            before: 0,
            lines_before: 0,
            next_client: 0,
            given: Vec::new(),
            _turn: turn,
        };
        siege.serve();
        siege.before = siege.status("VmRSS");
        siege.lines_before = siege.server().log().lines().count();
        siege
    }

    /// Who is besieged.
    pub fn server(&self) -> &Server {
        &self.pair.primary
    }

    /// More clients get a lease.
    pub fn serve(&mut self) {
        let numbers = self.next_client..self.next_client + CLIENTS;
        self.next_client += CLIENTS;
        let address = self.server().dhcp();
        self.given.extend(lease(numbers, [address, address], |_| {}));
    }

    /// Every client that holds a lease prolongs it, one after the other.
    pub fn renew(&self) {
        let held: BTreeMap<_, _> =
            self.given.iter().map(|given| (given.hardware.as_str(), given.address)).collect();
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        socket.set_read_timeout(Some(AGAIN)).unwrap();
        for client in (0..self.next_client).map(Client::number) {
            let renewal = client.renew(held[client.hardware_text().as_str()]);
            let renewal = PacketMessage { giaddr: RELAY, ..renewal };
            wait_for("a renewal to be answered", PATIENCE, || {
                socket.send_to(&renewal.encode(), self.server().dhcp())?;
                // What comes late is the answer to an earlier try, and to another client's.
                loop {
                    let mut buffer = [0; 2048];
                    let len = socket.recv(&mut buffer)?;
                    let answer = PacketMessage::decode(&buffer[..len]).unwrap();
                    if answer.answers(&renewal) && answer.kind() == Some(ACK) {
                        return std::io::Result::Ok(());
                    }
                }
            });
        }
    }

    /// Lets clients come for as long as `attack` takes, and once after it.
    pub fn during<T: Send>(&mut self, attack: impl FnOnce() -> T + Send) -> T {
        let result = thread::scope(|scope| {
            let attack = scope.spawn(attack);
            while !attack.is_finished() {
                self.serve();
                // The pool has to last.
                thread::sleep(Duration::from_millis(200));
            }
            attack.join().unwrap()
        });
        self.serve();
        result
    }

    /// What has to hold whatever was done; then the real partner returns.
    pub fn lift(mut self) {
        let grown = self.status("VmHWM").saturating_sub(self.before);
        let lines = self.server().log().lines().count() - self.lines_before;
        let intervals = usize::try_from(self.begun.elapsed().as_secs() / 10).unwrap() + 1;
        println!(
            "{} leases, {} KiB more at the most of {} KiB, {lines} lines in {intervals} intervals",
            self.given.len(),
            grown >> 10,
            BOUND >> 10,
        );
        assert!(grown <= BOUND, "grown by {grown} octets, more than {BOUND}");
        assert!(lines <= LINES * intervals, "{lines} lines in {intervals} intervals");
        self.pair.secondary.start();
        self.pair.wait_until_synced();
        // What the partner knows is its own affair: somebody may have spoken for it.
        let leases = self.server().leases();
        for given in &self.given {
            let held = leases.get(&given.address).unwrap_or_else(|| panic!("{given:?} is lost"));
            assert_eq!(held.hardware.as_deref(), Some(given.hardware.as_str()), "{given:?}");
            assert_eq!(held.status, "active", "{given:?}");
        }
    }

    /// A line of the process's status in octets.
    fn status(&self, name: &str) -> usize {
        let text = std::fs::read_to_string(format!("/proc/{}/status", self.server().id())).unwrap();
        let line = text.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() << 10
    }

    /// An address of the network.
    pub fn address(&self, last: u8) -> Ipv4Addr {
        let [a, b, c, _] = self.server().address.octets();
        Ipv4Addr::new(a, b, c, last)
    }

    /// Who dials as the partner.
    pub fn dialler(&self) -> Dialler {
        Dialler { from: self.pair.secondary.address, server: self.server().failover() }
    }
}

/// Somebody who connects from an address.
#[derive(Debug, Clone, Copy)]
pub struct Dialler {
    pub from: Ipv4Addr,
    pub server: std::net::SocketAddrV4,
}

impl Dialler {
    /// A connection, whatever becomes of it.
    pub fn dial(self) -> std::io::Result<TcpStream> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        socket.set_reuse_address(true)?;
        socket.bind(&SockAddr::from(std::net::SocketAddrV4::new(self.from, 0)))?;
        socket.connect_timeout(&SockAddr::from(self.server), Duration::from_secs(10))?;
        let stream = TcpStream::from(socket);
        stream.set_write_timeout(Some(Duration::from_secs(10)))?;
        Ok(stream)
    }

    /// A partner whose connection the server takes up: it has said CONNECT.
    pub fn meet(self) -> Partner {
        wait_for("a connection that the server takes up", PATIENCE, || {
            let stream = self.dial()?;
            // A server that has a connection closes another one without a word.
            stream.set_read_timeout(Some(Duration::from_secs(2)))?;
            match stream.peek(&mut [0]) {
                Ok(1) => Ok(Partner::on(stream, 1_000_000)),
                Ok(_) => Err(ErrorKind::ConnectionReset.into()),
                Err(error) => Err(error),
            }
        })
    }

    /// A partner in NORMAL.
    pub fn befriend(self) -> Partner {
        let mut partner = self.meet();
        let connect = partner.take(MessageType::CONNECT);
        partner.send(&Message::connect_ack(&connect));
        partner.take(MessageType::STATE);
        partner.send(&Message::state(NORMAL, 0));
        while partner.take(MessageType::STATE).state().0 != NORMAL {}
        partner
    }
}
