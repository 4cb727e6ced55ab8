//! Clients that follow RFC 2131, each by its habit.
//!
//! Each client: DISCOVER, take the first OFFER, renew with its own server at half of the lease, with
//! any server at seven eighths, begin again at the end. What a client would broadcast the relay
//! agent sends to both servers.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io;
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::message::{self, Answer, Ethernet, Say, Terms};

/// First pause before a question is repeated; doubled each time. RFC 2131 begins with four seconds,
/// for which these lives are too short.
const FIRST_PATIENCE: Duration = Duration::from_millis(500);

/// Longest pause before a question is repeated.
const MOST_PATIENCE: Duration = Duration::from_secs(2);

/// Questions for an offered address before the client begins anew. A client whose chosen server dies
/// between OFFER and ACK needs all of them: nobody else may answer a REQUEST that names a server.
const SELECT_ATTEMPTS: u32 = 2;

/// Prolongations after which a client does what its habit is.
const RENEWALS_BEFORE_HABIT: u32 = 1;

/// How long a client stays away that gave its lease back.
const AWAY: Duration = Duration::from_secs(2);

/// Part of the time for arrivals in which the first half of the clients appears.
const RUSH: f64 = 0.1;

/// Longest wait for a datagram; bounds how late a timer is.
const TICK: Duration = Duration::from_millis(20);

/// The largest answer that is read.
const DATAGRAM: usize = 1500;

/// Number of a client. One that comes back as another machine has another number.
pub type ClientId = u32;

/// What a client does with a lease that it has prolonged once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Habit {
    /// Prolongs it for ever.
    Stays,
    /// Gives it back and comes again after a while.
    Releases,
    /// Leaves without a word; another machine takes its place.
    Vanishes,
    /// Restarts and asks whether it may go on.
    Restarts,
}

/// A lease as its client was told of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    /// Who holds it.
    pub client: ClientId,
    /// Who gave it.
    pub server: Ipv4Addr,
    /// What it is for.
    pub address: Ipv4Addr,
    /// When the client learned of it.
    pub from: Instant,
    /// When it ends: its length, counted from the REQUEST that was answered.
    pub until: Instant,
}

/// Who is told everything that clients live through.
pub trait Witness {
    /// A client without a lease was given one, after so long a wait.
    fn granted(&mut self, told: &Told, waited: Duration);
    /// A client's lease was prolonged.
    fn renewed(&mut self, told: &Told);
    /// A client gives its lease back.
    fn released(&mut self, client: ClientId, address: Ipv4Addr, now: Instant);
    /// A client was refused the lease that it holds.
    fn refused(&mut self, client: ClientId, address: Ipv4Addr, now: Instant);
    /// A lease ended before its client got an answer.
    fn ended(&mut self, client: ClientId, address: Ipv4Addr, now: Instant);
}

impl<W: Witness> Witness for Arc<Mutex<W>> {
    fn granted(&mut self, told: &Told, waited: Duration) {
        self.lock().granted(told, waited);
    }

    fn renewed(&mut self, told: &Told) {
        self.lock().renewed(told);
    }

    fn released(&mut self, client: ClientId, address: Ipv4Addr, now: Instant) {
        self.lock().released(client, address, now);
    }

    fn refused(&mut self, client: ClientId, address: Ipv4Addr, now: Instant) {
        self.lock().refused(client, address, now);
    }

    fn ended(&mut self, client: ClientId, address: Ipv4Addr, now: Instant) {
        self.lock().ended(client, address, now);
    }
}

/// A lease that a client holds when it falls silent.
#[derive(Clone, Copy, Debug)]
pub struct Holding {
    /// Who holds it.
    pub ethernet: [u8; 6],
    /// What it holds.
    pub address: Ipv4Addr,
    /// Until when.
    pub end: Instant,
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
    /// The same after a restart.
    Restarting(Lease),
}

impl Phase {
    /// The lease that a client holds in it.
    const fn lease(self) -> Option<Lease> {
        match self {
            Self::Bound(lease)
            | Self::Renewing(lease)
            | Self::Rebinding(lease)
            | Self::Restarting(lease) => Some(lease),
            Self::Away | Self::Discovering | Self::Selecting { .. } => None,
        }
    }
}

struct Client {
    id: ClientId,
    phase: Phase,
    /// What was said in this phase and may still be answered: transactions and times.
    said: Vec<(u32, Instant)>,
    /// Since when the client wants what it is asking for.
    since: Instant,
    patience: Duration,
    /// The only timer that counts; older ones of the heap are ignored.
    due: Instant,
}

/// All clients.
pub struct Population<W> {
    clients: Vec<Client>,
    timers: BinaryHeap<Reverse<(Instant, usize)>>,
    socket: UdpSocket,
    servers: [SocketAddrV4; 2],
    relay: Ipv4Addr,
    habit: fn(ClientId) -> Habit,
    witness: W,
    xids: u32,
}

impl<W> std::fmt::Debug for Population<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("Population");
        shown.field("clients", &self.clients.len()).finish_non_exhaustive()
    }
}

impl<W: Witness> Population<W> {
    /// `count` clients that appear one after the other within `arrivals`, half of them in its first
    /// tenth. They speak to both servers through `socket`, as if by way of the relay agent `relay`.
    pub fn new(
        count: u32,
        arrivals: Duration,
        socket: UdpSocket,
        servers: [SocketAddrV4; 2],
        relay: Ipv4Addr,
        habit: fn(ClientId) -> Habit,
        witness: W,
    ) -> io::Result<Self> {
        socket.set_read_timeout(Some(TICK))?;
        let now = Instant::now();
        let clients: Vec<Client> = (0..count)
            .map(|id| {
                let share = f64::from(id) / f64::from(count);
                let share = if share < 0.5 {
                    share * 2.0 * RUSH
                } else {
                    RUSH + (share - 0.5) * 2.0 * (1.0 - RUSH)
                };
                Client {
                    id,
                    phase: Phase::Away,
                    said: Vec::new(),
                    since: now,
                    patience: FIRST_PATIENCE,
                    due: now + arrivals.mul_f64(share),
                }
            })
            .collect();
        let timers =
            clients.iter().enumerate().map(|(at, client)| Reverse((client.due, at))).collect();
        Ok(Self { clients, timers, socket, servers, relay, habit, witness, xids: 0 })
    }

    /// Lives until it is `enough`. Between two calls the clients are silent: they hold what they
    /// hold, and answers that come meanwhile wait.
    pub fn live(&mut self, enough: impl Fn() -> bool) -> io::Result<()> {
        let mut buffer = [0; DATAGRAM];
        while !enough() {
            self.ring(Instant::now());
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
        Ok(())
    }

    /// What the clients hold.
    pub fn holdings(&self, now: Instant) -> Vec<Holding> {
        let holding = |client: &Client| {
            let lease = client.phase.lease().filter(|lease| lease.end > now)?;
            let ethernet = ethernet(client.id);
            Some(Holding { ethernet, address: lease.address, end: lease.end })
        };
        self.clients.iter().filter_map(holding).collect()
    }

    /// Wakes every client whose time has come.
    fn ring(&mut self, now: Instant) {
        while let Some(Reverse((due, at))) = self.timers.peek().copied() {
            if due > now {
                return;
            }
            self.timers.pop();
            if self.clients.get(at).is_some_and(|client| client.due == due) {
                self.wake(now, at);
            }
        }
    }

    fn wake(&mut self, now: Instant, at: usize) {
        let Some(client) = self.clients.get(at) else { return };
        let id = client.id;
        match client.phase {
            Phase::Away => self.discover(now, at),
            Phase::Discovering => self.repeat(now, at, Phase::Discovering),
            Phase::Selecting { attempts, .. } if attempts >= SELECT_ATTEMPTS => {
                self.repeat(now, at, Phase::Discovering);
            }
            Phase::Selecting { server, address, attempts } => {
                self.repeat(now, at, Phase::Selecting { server, address, attempts: attempts + 1 });
            }
            Phase::Bound(lease) if lease.renewals < RENEWALS_BEFORE_HABIT => {
                self.begin(now, at, Phase::Renewing(lease));
            }
            Phase::Bound(lease) => match (self.habit)(id) {
                Habit::Stays => self.begin(now, at, Phase::Renewing(lease)),
                Habit::Releases => self.release(now, at, lease),
                Habit::Vanishes => self.vanish(now, at),
                Habit::Restarts => self.begin(now, at, Phase::Restarting(lease)),
            },
            Phase::Renewing(lease) if now < lease.rebind => {
                self.repeat(now, at, Phase::Renewing(lease));
            }
            Phase::Renewing(lease) | Phase::Rebinding(lease) if now < lease.end => {
                self.repeat(now, at, Phase::Rebinding(lease));
            }
            Phase::Restarting(lease) if now < lease.end => {
                self.repeat(now, at, Phase::Restarting(lease));
            }
            Phase::Renewing(lease) | Phase::Rebinding(lease) | Phase::Restarting(lease) => {
                self.witness.ended(id, lease.address, now);
                self.discover(now, at);
            }
        }
    }

    fn discover(&mut self, now: Instant, at: usize) {
        self.begin(now, at, Phase::Discovering);
    }

    /// Wants something new from now on.
    fn begin(&mut self, now: Instant, at: usize, phase: Phase) {
        if let Some(client) = self.clients.get_mut(at) {
            client.since = now;
            client.patience = FIRST_PATIENCE;
            client.said.clear();
        }
        self.ask(now, at, phase);
    }

    fn repeat(&mut self, now: Instant, at: usize, phase: Phase) {
        if let Some(client) = self.clients.get_mut(at) {
            client.patience = (client.patience * 2).min(MOST_PATIENCE);
        }
        self.ask(now, at, phase);
    }

    fn release(&mut self, now: Instant, at: usize, lease: Lease) {
        let Some(client) = self.clients.get(at) else { return };
        self.witness.released(client.id, lease.address, now);
        self.say(now, at, Say::Release { server: lease.server, address: lease.address });
        self.set(at, Phase::Away, now + AWAY);
    }

    /// Another machine takes the client's place.
    fn vanish(&mut self, now: Instant, at: usize) {
        let count = self.count();
        if let Some(client) = self.clients.get_mut(at) {
            client.id = client.id.wrapping_add(count);
        }
        self.discover(now, at);
    }

    /// Says what belongs to a phase and waits as long as the client's patience lasts.
    fn ask(&mut self, now: Instant, at: usize, phase: Phase) {
        let (say, limit) = match phase {
            Phase::Discovering => (Say::Discover, None),
            Phase::Selecting { server, address, .. } => (Say::Select { server, address }, None),
            Phase::Renewing(lease) => (Say::Renew { address: lease.address }, Some(lease.rebind)),
            Phase::Rebinding(lease) => (Say::Rebind { address: lease.address }, Some(lease.end)),
            Phase::Restarting(lease) => (Say::Reboot { address: lease.address }, Some(lease.end)),
            Phase::Away | Phase::Bound(_) => return,
        };
        let patience = self.clients.get(at).map_or(FIRST_PATIENCE, |client| client.patience);
        let due = limit.map_or(now + patience, |limit| limit.min(now + patience));
        self.set(at, phase, due);
        self.say(now, at, say);
    }

    fn set(&mut self, at: usize, phase: Phase, due: Instant) {
        if let Some(client) = self.clients.get_mut(at) {
            client.phase = phase;
            client.due = due;
            self.timers.push(Reverse((due, at)));
        }
    }

    fn say(&mut self, now: Instant, at: usize, say: Say) {
        let Some(client) = self.clients.get_mut(at) else { return };
        self.xids = self.xids.wrapping_add(1);
        client.said.push((self.xids, now));
        let waited = now.saturating_duration_since(client.since);
        let octets = message::write(say, self.xids, ethernet(client.id), waited, self.relay);
        let Some(octets) = octets else { return };
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

    fn hear(&mut self, now: Instant, xid: u32, from: Ethernet, answer: Answer) {
        let [_, _, number @ ..] = from;
        let Some(id) = ClientId::from_be_bytes(number).checked_rem(self.count()) else { return };
        let Ok(at) = usize::try_from(id) else { return };
        let Some(client) = self.clients.get_mut(at).filter(|client| ethernet(client.id) == from)
        else {
            return;
        };
        let Some(&(_, asked)) = client.said.iter().find(|(said, _)| *said == xid) else { return };
        let (id, since) = (client.id, client.since);
        match (client.phase, answer) {
            (Phase::Discovering, Answer::Offer { server, address }) => {
                client.patience = FIRST_PATIENCE;
                client.said.clear();
                self.ask(now, at, Phase::Selecting { server, address, attempts: 1 });
            }
            (Phase::Selecting { address: chosen, .. }, Answer::Ack { server, address, lease })
                if address == chosen =>
            {
                let told = self.bind(now, at, asked, (server, address, lease), 0);
                if let Some(told) = told {
                    self.witness.granted(&told, now.saturating_duration_since(since));
                }
            }
            (
                Phase::Renewing(held) | Phase::Rebinding(held) | Phase::Restarting(held),
                Answer::Ack { server, address, lease },
            ) if address == held.address => {
                let terms = (server, address, lease);
                if let Some(told) = self.bind(now, at, asked, terms, held.renewals + 1) {
                    self.witness.renewed(&told);
                }
            }
            (
                Phase::Renewing(held) | Phase::Rebinding(held) | Phase::Restarting(held),
                Answer::Nak,
            ) => {
                self.witness.refused(id, held.address, now);
                self.discover(now, at);
            }
            (Phase::Selecting { .. }, Answer::Nak) => self.repeat(now, at, Phase::Discovering),
            _ => {}
        }
    }

    fn count(&self) -> u32 {
        u32::try_from(self.clients.len()).unwrap_or(u32::MAX)
    }

    /// The client holds a lease whose times count from `asked`, unless it is over already.
    fn bind(
        &mut self,
        now: Instant,
        at: usize,
        asked: Instant,
        (server, address, terms): (Ipv4Addr, Ipv4Addr, Terms),
        renewals: u32,
    ) -> Option<Told> {
        let until = asked + terms.end;
        if until <= now {
            return None;
        }
        let lease = Lease { server, address, rebind: asked + terms.rebind, end: until, renewals };
        self.set(at, Phase::Bound(lease), asked + terms.renew);
        let client = self.clients.get(at)?.id;
        Some(Told { client, server, address, from: now, until })
    }
}

/// A client's Ethernet address.
const fn ethernet(id: ClientId) -> Ethernet {
    let [a, b, c, d] = id.to_be_bytes();
    [0x02, 0x54, a, b, c, d]
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
            | io::ErrorKind::HostUnreachable
            | io::ErrorKind::NetworkUnreachable
    )
}
