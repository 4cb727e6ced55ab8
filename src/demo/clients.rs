//! A population of DHCP clients behind one relay agent, on one UDP socket.
//!
//! Each client follows RFC 2131: DISCOVER, take the first OFFER, renew with its own server at half
//! of the lease, with any server at seven eighths, begin again at the end. What a client would
//! broadcast the relay agent sends to both servers. Some clients release their lease after a while
//! and come again.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io;
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::message::{self, Answer, Ethernet, Say, Terms};
use super::tally::{ClientId, Tally};

/// First pause before a question is repeated; doubled each time. RFC 2131 begins with four seconds,
/// for which this play is too short.
const FIRST_PATIENCE: Duration = Duration::from_millis(500);

/// Longest pause before a question is repeated.
const MOST_PATIENCE: Duration = Duration::from_secs(2);

/// Questions for an offered address before the client begins anew. A client whose chosen server dies
/// between OFFER and ACK needs all of them: nobody else may answer a REQUEST that names a server.
const SELECT_ATTEMPTS: u32 = 2;

/// One client in so many gives its lease back and comes again.
const RELEASING: ClientId = 4;

/// Prolongations after which such a client gives its lease back.
const RENEWALS_BEFORE_RELEASE: u32 = 1;

/// How long it stays away.
const AWAY: Duration = Duration::from_secs(2);

/// Part of the time before the end in which clients appear.
const ARRIVALS: f64 = 0.85;

/// Longest wait for a datagram; bounds how late a timer is.
const TICK: Duration = Duration::from_millis(20);

/// The largest answer that is read.
const DATAGRAM: usize = 1500;

/// A lease that a client holds when it falls silent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Holding {
    pub(super) ethernet: Ethernet,
    pub(super) address: Ipv4Addr,
    pub(super) end: Instant,
}

#[derive(Clone, Copy, Debug)]
struct Lease {
    server: Ipv4Addr,
    address: Ipv4Addr,
    rebind: Instant,
    end: Instant,
    renewals: u32,
}

/// What a client waits for.
#[derive(Clone, Copy, Debug)]
enum Phase {
    /// Its time to appear.
    Away,
    /// An offer.
    Discovering,
    /// An acknowledgement of what it chose.
    Selecting { server: Ipv4Addr, address: Ipv4Addr, attempts: u32 },
    /// The time to renew.
    Bound(Lease),
    /// A prolongation by its own server.
    Renewing(Lease),
    /// A prolongation by any server.
    Rebinding(Lease),
}

struct Client {
    ethernet: Ethernet,
    phase: Phase,
    xid: u32,
    /// When the present question was asked for the first time.
    asked: Instant,
    patience: Duration,
    /// The only timer that counts; older ones of the heap are ignored.
    due: Instant,
}

/// All clients.
pub(super) struct Population {
    clients: Vec<Client>,
    timers: BinaryHeap<Reverse<(Instant, ClientId)>>,
    socket: UdpSocket,
    servers: [SocketAddrV4; 2],
    tally: Arc<Mutex<Tally>>,
    silence: Instant,
    xids: u32,
}

impl Population {
    /// `count` clients that appear one after the other, half of them at once, until shortly before
    /// `silence`.
    pub(super) fn new(
        count: u32,
        servers: [SocketAddrV4; 2],
        tally: Arc<Mutex<Tally>>,
        silence: Instant,
    ) -> io::Result<Self> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        socket.set_read_timeout(Some(TICK))?;
        let now = Instant::now();
        let arrivals = silence.saturating_duration_since(now).mul_f64(ARRIVALS);
        let clients: Vec<Client> = (0..count)
            .map(|number| {
                let share = f64::from(number) / f64::from(count);
                // The first half comes within the first tenth of the time.
                let share = if share < 0.5 { share / 5.0 } else { 0.1 + (share - 0.5) * 1.8 };
                let [a, b, c, d] = number.to_be_bytes();
                Client {
                    ethernet: [0x02, 0x54, a, b, c, d],
                    phase: Phase::Away,
                    xid: 0,
                    asked: now,
                    patience: FIRST_PATIENCE,
                    due: now + arrivals.mul_f64(share),
                }
            })
            .collect();
        let timers =
            clients.iter().enumerate().map(|(id, client)| Reverse((client.due, id))).collect();
        Ok(Self { clients, timers, socket, servers, tally, silence, xids: 0 })
    }

    /// Lives until the time of silence; what the clients hold then.
    pub(super) fn run(mut self) -> io::Result<Vec<Holding>> {
        let mut buffer = [0; DATAGRAM];
        loop {
            let now = Instant::now();
            if now >= self.silence {
                return Ok(self.holdings(now));
            }
            self.ring(now);
            match self.socket.recv(&mut buffer) {
                Ok(length) => {
                    let answer = buffer.get(..length).and_then(message::read);
                    if let Some((xid, ethernet, answer)) = answer {
                        self.hear(Instant::now(), xid, ethernet, answer);
                    }
                }
                Err(error) if is_passing(&error) => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn holdings(&self, now: Instant) -> Vec<Holding> {
        let lease = |client: &Client| match client.phase {
            Phase::Bound(lease) | Phase::Renewing(lease) | Phase::Rebinding(lease)
                if lease.end > now =>
            {
                Some(Holding { ethernet: client.ethernet, address: lease.address, end: lease.end })
            }
            Phase::Away
            | Phase::Discovering
            | Phase::Selecting { .. }
            | Phase::Bound(_)
            | Phase::Renewing(_)
            | Phase::Rebinding(_) => None,
        };
        self.clients.iter().filter_map(lease).collect()
    }

    /// Wakes every client whose time has come.
    fn ring(&mut self, now: Instant) {
        while let Some(Reverse((due, id))) = self.timers.peek().copied() {
            if due > now {
                return;
            }
            self.timers.pop();
            if self.clients.get(id).is_some_and(|client| client.due == due) {
                self.wake(now, id);
            }
        }
    }

    fn wake(&mut self, now: Instant, id: ClientId) {
        let Some(client) = self.clients.get(id) else { return };
        match client.phase {
            Phase::Away => self.discover(now, id),
            Phase::Discovering => self.repeat(now, id, Phase::Discovering),
            Phase::Selecting { attempts, .. } if attempts >= SELECT_ATTEMPTS => {
                self.repeat(now, id, Phase::Discovering);
            }
            Phase::Selecting { server, address, attempts } => {
                self.repeat(now, id, Phase::Selecting { server, address, attempts: attempts + 1 });
            }
            Phase::Bound(lease) => {
                let releases =
                    id.is_multiple_of(RELEASING) && lease.renewals >= RENEWALS_BEFORE_RELEASE;
                if releases {
                    self.release(now, id, lease);
                } else {
                    self.begin_renewal(now, id, lease);
                }
            }
            Phase::Renewing(lease) if now < lease.rebind => {
                self.repeat(now, id, Phase::Renewing(lease));
            }
            Phase::Renewing(lease) | Phase::Rebinding(lease) if now < lease.end => {
                self.repeat(now, id, Phase::Rebinding(lease));
            }
            Phase::Renewing(lease) | Phase::Rebinding(lease) => {
                self.tally.lock().cut_short(id, lease.address);
                self.discover(now, id);
            }
        }
    }

    fn discover(&mut self, now: Instant, id: ClientId) {
        self.new_question(now, id);
        self.ask(now, id, Phase::Discovering);
    }

    fn begin_renewal(&mut self, now: Instant, id: ClientId, lease: Lease) {
        self.new_question(now, id);
        self.ask(now, id, Phase::Renewing(lease));
    }

    fn release(&mut self, now: Instant, id: ClientId, lease: Lease) {
        self.new_question(now, id);
        self.say(now, id, Say::Release { server: lease.server, address: lease.address });
        self.tally.lock().release(id, lease.address);
        self.set(id, Phase::Away, now + AWAY);
    }

    fn new_question(&mut self, now: Instant, id: ClientId) {
        self.xids = self.xids.wrapping_add(1);
        if let Some(client) = self.clients.get_mut(id) {
            client.xid = self.xids;
            client.asked = now;
            client.patience = FIRST_PATIENCE;
        }
    }

    fn repeat(&mut self, now: Instant, id: ClientId, phase: Phase) {
        if let Some(client) = self.clients.get_mut(id) {
            client.patience = (client.patience * 2).min(MOST_PATIENCE);
        }
        self.ask(now, id, phase);
    }

    /// Says what belongs to a phase and waits as long as the client's patience lasts.
    fn ask(&mut self, now: Instant, id: ClientId, phase: Phase) {
        let (say, limit) = match phase {
            Phase::Discovering => (Say::Discover, None),
            Phase::Selecting { server, address, .. } => (Say::Select { server, address }, None),
            Phase::Renewing(lease) => (Say::Renew { address: lease.address }, Some(lease.rebind)),
            Phase::Rebinding(lease) => (Say::Rebind { address: lease.address }, Some(lease.end)),
            Phase::Away | Phase::Bound(_) => return,
        };
        let patience = self.clients.get(id).map_or(FIRST_PATIENCE, |client| client.patience);
        let due = limit.map_or(now + patience, |limit| limit.min(now + patience));
        self.set(id, phase, due);
        self.say(now, id, say);
    }

    fn set(&mut self, id: ClientId, phase: Phase, due: Instant) {
        if let Some(client) = self.clients.get_mut(id) {
            client.phase = phase;
            client.due = due;
            self.timers.push(Reverse((due, id)));
        }
    }

    fn say(&self, now: Instant, id: ClientId, say: Say) {
        let Some(client) = self.clients.get(id) else { return };
        let waited = now.saturating_duration_since(client.asked);
        let Some(octets) = message::write(say, client.xid, client.ethernet, waited) else { return };
        let only = match (say, client.phase) {
            (Say::Release { server, .. }, _) => Some(server),
            (Say::Renew { .. }, Phase::Renewing(lease)) => Some(lease.server),
            _ => None,
        };
        for server in
            self.servers.iter().filter(|server| only.is_none_or(|only| only == *server.ip()))
        {
            // A server that is dead refuses datagrams; the client cannot know, and repeats itself.
            let _refused = self.socket.send_to(&octets, server);
        }
    }

    fn hear(&mut self, now: Instant, xid: u32, ethernet: Ethernet, answer: Answer) {
        let [_, _, number @ ..] = ethernet;
        let Ok(id) = usize::try_from(u32::from_be_bytes(number)) else { return };
        let Some(client) = self.clients.get(id).filter(|client| client.xid == xid) else { return };
        let asked = client.asked;
        match (client.phase, answer) {
            (Phase::Discovering, Answer::Offer { server, address }) => {
                if let Some(client) = self.clients.get_mut(id) {
                    client.patience = FIRST_PATIENCE;
                }
                self.ask(now, id, Phase::Selecting { server, address, attempts: 1 });
            }
            (Phase::Selecting { address: chosen, .. }, Answer::Ack { server, address, lease })
                if address == chosen =>
            {
                let end = self.bind(id, server, address, lease, asked, 0);
                let waited = now.saturating_duration_since(asked);
                self.tally.lock().grant(id, address, now, end, waited);
            }
            (
                Phase::Renewing(held) | Phase::Rebinding(held),
                Answer::Ack { server, address, lease },
            ) if address == held.address => {
                let end = self.bind(id, server, address, lease, now, held.renewals + 1);
                self.tally.lock().renew(id, address, now, end);
            }
            (Phase::Renewing(held) | Phase::Rebinding(held), Answer::Nak) => {
                self.tally.lock().cut_short(id, held.address);
                self.discover(now, id);
            }
            (Phase::Selecting { .. }, Answer::Nak) => self.repeat(now, id, Phase::Discovering),
            (
                Phase::Away
                | Phase::Discovering
                | Phase::Selecting { .. }
                | Phase::Bound(_)
                | Phase::Renewing(_)
                | Phase::Rebinding(_),
                _,
            ) => {}
        }
    }

    /// The client holds a lease whose times count from `since`; when it ends.
    fn bind(
        &mut self,
        id: ClientId,
        server: Ipv4Addr,
        address: Ipv4Addr,
        terms: Terms,
        since: Instant,
        renewals: u32,
    ) -> Instant {
        let end = since + terms.end;
        let lease = Lease { server, address, rebind: since + terms.rebind, end, renewals };
        self.set(id, Phase::Bound(lease), since + terms.renew);
        end
    }
}

/// Whether a receive may simply be tried again: nothing came, or a datagram to a dead server was
/// refused.
fn is_passing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock
            | io::ErrorKind::TimedOut
            | io::ErrorKind::Interrupted
            | io::ErrorKind::ConnectionRefused
    )
}
