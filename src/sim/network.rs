//! Connections between the two servers, as TCP has them: octets neither overtake each other nor come
//! twice, but they stall, arrive in pieces, and end in the middle of a message; and a connection may
//! be gone at one end without the other's knowing.

use std::collections::{BTreeMap, VecDeque};

use super::agenda::{Agenda, Happening};
use super::clock::{SECOND, True};
use super::prng::Prng;
use crate::endpoint::{ConnectFailure, LinkId, Origin};

/// How long a dial attempt waits for an answer; that of the driver.
const CONNECT_TIME: u64 = 5 * SECOND;

/// What is on its way to one end.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Chunk {
    Octets(Vec<u8>),
    /// The other end was closed.
    End,
}

/// What reaches a server.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Arrived {
    /// Octets.
    Octets(Vec<u8>),
    /// The end of the connection.
    End,
}

#[derive(Debug)]
struct Connection {
    /// The process at each end, by its boot, while its socket is open.
    ends: [Option<u64>; 2],
    /// To each side, with the time of arrival.
    due: [VecDeque<(True, Chunk)>; 2],
    latest: [True; 2],
    /// From each side: held up by a block.
    stalled: [VecDeque<Chunk>; 2],
    /// From each side: octets that nobody has acknowledged.
    unacknowledged: [bool; 2],
    /// It broke on the way: nothing more passes.
    broken: bool,
}

/// The network between the servers.
#[derive(Debug)]
pub(crate) struct Network {
    connections: BTreeMap<LinkId, Connection>,
    next_link: u64,
    /// Until when octets from each side do not arrive.
    blocked: [True; 2],
    /// Whether each machine is on.
    pub(crate) powered: [bool; 2],
    /// The process that listens on each side.
    pub(crate) listening: [Option<u64>; 2],
    /// How long unacknowledged octets keep a connection.
    user_timeout: u64,
    random: Prng,
}

impl Network {
    /// Without connections, both machines off.
    pub(crate) fn new(user_timeout: u64, random: Prng) -> Self {
        Self {
            connections: BTreeMap::new(),
            next_link: 0,
            blocked: [0; 2],
            powered: [false; 2],
            listening: [None; 2],
            user_timeout,
            random,
        }
    }

    fn is_blocked(&self, from: usize, now: True) -> bool {
        self.blocked.get(from).is_some_and(|until| *until > now)
    }

    /// Whether octets from a side reach the other machine.
    fn passes(&self, from: usize, now: True) -> bool {
        !self.is_blocked(from, now) && self.powered.get(1 - from).copied().unwrap_or(false)
    }

    /// Whether octets pass both ways.
    pub(crate) fn is_whole(&self, now: True) -> bool {
        [0, 1].iter().all(|from| self.passes(*from, now))
    }

    fn latency(&mut self) -> u64 {
        match self.random.below(64) {
            0 => self.random.between(20_000, 900_000),
            _ => self.random.between(200, 2_000),
        }
    }

    /// The process `boot` dials its partner.
    pub(crate) fn dial(&mut self, now: True, from: usize, boot: u64, agenda: &mut Agenda) {
        let to = 1 - from;
        let latency = self.latency();
        let failed = |failure| Happening::DialFailed { side: from, boot, failure };
        if !self.is_whole(now) {
            return agenda.at(now + CONNECT_TIME, failed(ConnectFailure::Unreachable));
        }
        let Some(listener) = self.listening.get(to).copied().flatten() else {
            return agenda.at(now + 2 * latency, failed(ConnectFailure::Refused));
        };
        self.next_link += 1;
        let link = LinkId(self.next_link);
        let ends = if from == 0 { [boot, listener] } else { [listener, boot] };
        let connection = Connection {
            ends: ends.map(Some),
            due: [VecDeque::new(), VecDeque::new()],
            latest: [now + 2 * latency; 2],
            stalled: [VecDeque::new(), VecDeque::new()],
            unacknowledged: [false; 2],
            broken: false,
        };
        self.connections.insert(link, connection);
        let (side, origin) = (to, Origin::Accepted);
        agenda.at(now + latency, Happening::Connected { side, boot: listener, link, origin });
        let (side, origin) = (from, Origin::Dialled);
        agenda.at(now + 2 * latency, Happening::Connected { side, boot, link, origin });
    }

    /// Whether the end of a connection belongs to this process.
    pub(crate) fn is_end(&self, side: usize, boot: u64, link: LinkId) -> bool {
        let connection = self.connections.get(&link);
        connection.and_then(|one| one.ends.get(side).copied().flatten()) == Some(boot)
    }

    /// Octets are written.
    pub(crate) fn transmit(
        &mut self,
        now: True,
        from: usize,
        link: LinkId,
        octets: &[u8],
        agenda: &mut Agenda,
    ) {
        if octets.is_empty() {
            return;
        }
        // Now and then a message is torn into two pieces.
        let cut = if self.random.chance(60) { self.random.below(octets.len() as u64) } else { 0 };
        let (first, second) = octets.split_at(usize::try_from(cut).unwrap_or(0));
        for piece in [first, second] {
            if !piece.is_empty() {
                self.put(now, from, link, Chunk::Octets(piece.to_vec()), agenda);
            }
        }
    }

    fn put(&mut self, now: True, from: usize, link: LinkId, chunk: Chunk, agenda: &mut Agenda) {
        let to = 1 - from;
        let latency = self.latency();
        let (blocked, whole) = (self.is_blocked(from, now), self.is_whole(now));
        let one_way = self.is_blocked(to, now);
        let timeout = self.user_timeout;
        let Some(connection) = self.connections.get_mut(&link) else { return };
        let is_end = chunk == Chunk::End;
        if !is_end && connection.ends.get(from).is_none_or(Option::is_none) {
            return;
        }
        let nobody = connection.ends.get(to).is_none_or(Option::is_none);
        if connection.broken || nobody || blocked || one_way {
            let waits = connection.unacknowledged.get_mut(from);
            if let Some(waits) = waits.filter(|waits| !**waits && !is_end) {
                *waits = true;
                agenda.at(now + timeout, Happening::GiveUp { side: from, link });
            }
        }
        if connection.broken {
            return;
        }
        if nobody {
            if whole && !is_end {
                agenda.at(now + 2 * latency, Happening::Reset { side: from, link });
            }
        } else if blocked {
            if let Some(stalled) = connection.stalled.get_mut(from) {
                stalled.push_back(chunk);
            }
        } else {
            connection.send(now + latency, to, link, chunk, agenda);
        }
    }

    /// Takes what has arrived at a side, for the process at that end.
    pub(crate) fn take(
        &mut self,
        now: True,
        to: usize,
        link: LinkId,
        agenda: &mut Agenda,
    ) -> Option<(u64, Arrived)> {
        let whole = self.is_whole(now);
        let connection = self.connections.get_mut(&link)?;
        let queue = connection.due.get_mut(to)?;
        if queue.front().is_none_or(|(due, _)| *due > now) {
            return None;
        }
        let (_, chunk) = queue.pop_front()?;
        let end = connection.ends.get_mut(to)?;
        let Some(boot) = *end else {
            let answers = chunk != Chunk::End && whole && !connection.broken;
            if answers {
                agenda.at(now + 1_000, Happening::Reset { side: 1 - to, link });
            }
            return None;
        };
        match chunk {
            Chunk::Octets(octets) => Some((boot, Arrived::Octets(octets))),
            Chunk::End => {
                *end = None;
                self.tidy(link);
                Some((boot, Arrived::End))
            }
        }
    }

    /// The system drops a connection at one end; the process there is told.
    pub(crate) fn drop_end(&mut self, side: usize, link: LinkId) -> Option<u64> {
        let connection = self.connections.get_mut(&link)?;
        let boot = connection.ends.get_mut(side)?.take();
        self.tidy(link);
        boot
    }

    /// Octets have waited for `user_timeout`: whether the system gives the connection up.
    pub(crate) fn gives_up(&mut self, now: True, side: usize, link: LinkId) -> bool {
        let (blocked, one_way) = (self.is_blocked(side, now), self.is_blocked(1 - side, now));
        let Some(connection) = self.connections.get_mut(&link) else { return false };
        let nobody = connection.ends.get(1 - side).is_none_or(Option::is_none);
        let lost = connection.broken || nobody || blocked || one_way;
        if let Some(waits) = connection.unacknowledged.get_mut(side) {
            *waits = false;
        }
        lost
    }

    /// A process closes its end; what it wrote before still arrives.
    pub(crate) fn close(&mut self, now: True, side: usize, link: LinkId, agenda: &mut Agenda) {
        let Some(connection) = self.connections.get_mut(&link) else { return };
        if connection.ends.get_mut(side).and_then(Option::take).is_some() {
            self.put(now, side, link, Chunk::End, agenda);
            self.tidy(link);
        }
    }

    /// A process has died: its system closes for it. Without power nobody does.
    pub(crate) fn process_died(
        &mut self,
        now: True,
        side: usize,
        power: bool,
        agenda: &mut Agenda,
    ) {
        let links: Vec<LinkId> = self.connections.keys().copied().collect();
        for link in links {
            if power {
                self.drop_end(side, link);
            } else {
                self.close(now, side, link, agenda);
            }
        }
    }

    /// Every connection breaks within what is on its way; `deaf` does not notice.
    pub(crate) fn cut(&mut self, now: True, deaf: Option<usize>, agenda: &mut Agenda) {
        let Self { connections, random, .. } = self;
        for (link, connection) in connections.iter_mut().filter(|(_, one)| !one.broken) {
            connection.broken = true;
            for to in [0, 1] {
                if let Some(queue) = connection.due.get_mut(to) {
                    shorten(queue, random);
                }
                if deaf != Some(to) {
                    let due = now + random.between(100, 50_000);
                    connection.send(due, to, *link, Chunk::End, agenda);
                }
            }
            connection.stalled = [VecDeque::new(), VecDeque::new()];
        }
    }

    /// Octets from a side do not arrive until `until`.
    pub(crate) fn block(&mut self, from: usize, until: True) {
        if let Some(blocked) = self.blocked.get_mut(from) {
            *blocked = until.max(*blocked);
        }
    }

    /// A block may be over: what was held up goes on, and systems learn what has become of their
    /// connections meanwhile.
    pub(crate) fn unblock(&mut self, now: True, agenda: &mut Agenda) {
        let links: Vec<LinkId> = self.connections.keys().copied().collect();
        for link in links {
            for from in [0, 1] {
                if !self.passes(from, now) {
                    continue;
                }
                let whole = self.is_whole(now);
                let latency = self.latency();
                let Some(connection) = self.connections.get_mut(&link) else { continue };
                let stalled = connection.stalled.get_mut(from).map(std::mem::take);
                for chunk in stalled.into_iter().flatten() {
                    connection.send(now + latency, 1 - from, link, chunk, agenda);
                }
                let nobody = connection.ends.get(1 - from).is_none_or(Option::is_none);
                let waits = connection.unacknowledged.get(from).copied().unwrap_or(false);
                if nobody && waits && whole && !connection.broken {
                    agenda.at(now + latency, Happening::Reset { side: from, link });
                }
            }
        }
    }

    /// Ends every block.
    pub(crate) fn heal(&mut self, now: True, agenda: &mut Agenda) {
        self.blocked = [0; 2];
        self.unblock(now, agenda);
    }

    /// Forgets a connection that has no end any more.
    fn tidy(&mut self, link: LinkId) {
        if self.connections.get(&link).is_some_and(|one| one.ends == [None, None]) {
            self.connections.remove(&link);
        }
    }
}

impl Connection {
    fn send(&mut self, due: True, to: usize, link: LinkId, chunk: Chunk, agenda: &mut Agenda) {
        let (Some(latest), Some(queue)) = (self.latest.get_mut(to), self.due.get_mut(to)) else {
            return;
        };
        *latest = due.max(*latest);
        queue.push_back((*latest, chunk));
        agenda.at(*latest, Happening::Deliver { to, link });
    }
}

/// Of what is on its way only a beginning arrives.
fn shorten(queue: &mut VecDeque<(True, Chunk)>, random: &mut Prng) {
    let kept = random.below(queue.len() as u64 + 1);
    queue.truncate(usize::try_from(kept).unwrap_or(0));
    if let Some((_, Chunk::Octets(octets))) = queue.back_mut() {
        let length = random.below(octets.len() as u64 + 1);
        octets.truncate(usize::try_from(length).unwrap_or(0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connected() -> (Network, Agenda, LinkId) {
        let mut network = Network::new(30 * SECOND, Prng::new(1, 1));
        let mut agenda = Agenda::default();
        network.powered = [true; 2];
        network.listening = [Some(1), Some(1)];
        network.dial(0, 0, 1, &mut agenda);
        (network, agenda, LinkId(1))
    }

    /// Everything that arrives at side 1, as one string of octets, and whether the end did.
    fn received(network: &mut Network, agenda: &mut Agenda, until: True) -> (Vec<u8>, bool) {
        let (mut octets, mut ended) = (Vec::new(), false);
        while let Some((now, what)) = agenda.next(until) {
            if let Happening::Deliver { to: 1, link } = what {
                match network.take(now, 1, link, agenda) {
                    Some((_, Arrived::Octets(more))) => octets.extend(more),
                    Some((_, Arrived::End)) => ended = true,
                    None => {}
                }
            }
        }
        (octets, ended)
    }

    #[test]
    fn octets_arrive_in_their_order_and_then_the_end() {
        let (mut network, mut agenda, link) = connected();
        let sent: Vec<u8> = (0..200).collect();
        for octet in &sent {
            network.transmit(10_000_000, 0, link, &[*octet], &mut agenda);
        }
        network.close(10_000_000, 0, link, &mut agenda);
        assert_eq!(received(&mut network, &mut agenda, 20_000_000), (sent, true));
    }

    #[test]
    fn a_block_holds_octets_up_and_loses_none() {
        let (mut network, mut agenda, link) = connected();
        network.block(0, 20_000_000);
        network.transmit(10_000_000, 0, link, &[1, 2, 3], &mut agenda);
        assert_eq!(received(&mut network, &mut agenda, 19_000_000), (vec![], false));
        network.unblock(20_000_000, &mut agenda);
        assert_eq!(received(&mut network, &mut agenda, 30_000_000), (vec![1, 2, 3], false));
    }

    #[test]
    fn a_cut_lets_a_beginning_through() {
        let (mut network, mut agenda, link) = connected();
        let sent: Vec<u8> = (0..100).collect();
        network.transmit(10_000_000, 0, link, &sent, &mut agenda);
        network.cut(10_000_000, None, &mut agenda);
        let (octets, ended) = received(&mut network, &mut agenda, 20_000_000);
        assert!(sent.starts_with(&octets) && ended);
    }

    #[test]
    fn whoever_is_deaf_does_not_hear_of_a_cut() {
        let (mut network, mut agenda, _) = connected();
        network.cut(10_000_000, Some(1), &mut agenda);
        assert!(!received(&mut network, &mut agenda, 20_000_000).1);
    }
}
