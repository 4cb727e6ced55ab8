//! DHCP clients: they come, renew, rebind, release, vanish, come back, ask twice, find their address
//! in use, and hear of one server only. They keep RFC 2131, above all this: a client uses its address
//! until its lease is over, counted from when it asked, or until it gives it up or is refused.

use std::net::Ipv4Addr;

use super::agenda::{Agenda, Happening};
use super::clock::{HOUR, MINUTE, SECOND, True};
use super::packet::{self, Answer, Heard, Say};
use super::prng::Prng;
use super::scenario::{SERVERS, stream};

/// A lease as its client sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Held {
    /// The address.
    pub(crate) address: Ipv4Addr,
    /// Who confirmed it last.
    pub(crate) server: Ipv4Addr,
    /// When the client asks to keep it.
    renew: True,
    /// When it asks anybody.
    rebind: True,
    /// When it stops using it.
    pub(crate) end: True,
}

/// What a client is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// It is switched off, with its lease or without.
    Off,
    /// It asks for offers.
    Selecting,
    /// It asks for what it was offered, or for what it had.
    Requesting(Say),
    /// It has a lease.
    Bound,
}

/// What a client says, and to whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Saying {
    /// The octets.
    pub(crate) octets: Vec<u8>,
    /// The only server that hears it; `None` is every server that the relay agent forwards to.
    pub(crate) to: Option<usize>,
}

/// What becomes of a client's lease, for whoever watches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum News {
    /// It uses the address that this server gave, until then.
    Uses(Ipv4Addr, Ipv4Addr, True),
    /// It does not any more.
    Leaves(Ipv4Addr),
}

/// One client.
#[derive(Debug)]
pub(crate) struct Client {
    /// Its number; its hardware address follows from it.
    pub(crate) id: u32,
    random: Prng,
    phase: Phase,
    held: Option<Held>,
    /// The address that it had last, kept while it is off.
    last: Option<Ipv4Addr>,
    /// When it began to ask.
    began: True,
    asked: True,
    tries: u32,
    xid: u32,
    turn: u64,
    /// Lease that it asks for.
    wish: Option<u32>,
    /// Times of 1000 at which it leaves instead of renewing.
    restless: u64,
    /// Servers to which its relay agent forwards.
    pub(crate) reach: [bool; 2],
}

impl Client {
    /// A client that is switched on some time in the first minutes.
    pub(crate) fn new(seed: u64, id: u32, agenda: &mut Agenda) -> Self {
        let mut random = Prng::new(seed, stream::CLIENTS + u64::from(id));
        let restless = *random.pick(&[0, 20, 100, 300]).unwrap_or(&20);
        let wish =
            if random.chance(200) { u32::try_from(random.between(60, 10_000)).ok() } else { None };
        let on = random.below(20 * MINUTE);
        agenda.at(on, Happening::Client { client: id, turn: 0 });
        Self {
            id,
            random,
            phase: Phase::Off,
            held: None,
            last: None,
            began: 0,
            asked: 0,
            tries: 0,
            xid: 0,
            turn: 0,
            wish,
            restless,
            reach: [true; 2],
        }
    }

    /// Whether what was noted for `turn` is still meant.
    pub(crate) const fn is_due(&self, turn: u64) -> bool {
        self.turn == turn
    }

    /// Its timer is due.
    pub(crate) fn act(
        &mut self,
        now: True,
        agenda: &mut Agenda,
        say: &mut Vec<Saying>,
        news: &mut Vec<News>,
    ) {
        if let Some(held) = self.held.filter(|held| held.end <= now) {
            self.held = None;
            self.last = Some(held.address);
            news.push(News::Leaves(held.address));
        }
        match self.phase {
            Phase::Off => {
                self.begin(now);
                match self.held.map(|held| held.address).or(self.last) {
                    Some(address) if self.random.chance(800) => {
                        self.phase = Phase::Requesting(Say::Reboot(address));
                        self.ask(now, Say::Reboot(address), agenda, say);
                    }
                    _ => self.discover(now, agenda, say),
                }
            }
            Phase::Selecting => self.discover(now, agenda, say),
            Phase::Requesting(what) if self.tries < 4 => self.ask(now, what, agenda, say),
            Phase::Requesting(Say::Reboot(_)) if self.held.is_some() => {
                // RFC 2131 §3.2: without an answer it goes on with what it has.
                self.phase = Phase::Bound;
                self.keep(now, agenda, say, news);
            }
            Phase::Requesting(_) => {
                self.begin(now);
                self.discover(now, agenda, say);
            }
            Phase::Bound => self.keep(now, agenda, say, news),
        }
    }

    fn begin(&mut self, now: True) {
        self.began = now;
        self.tries = 0;
    }

    fn discover(&mut self, now: True, agenda: &mut Agenda, say: &mut Vec<Saying>) {
        self.phase = Phase::Selecting;
        self.ask(now, Say::Discover(self.last), agenda, say);
    }

    /// Says something and waits for an answer, each time twice as long.
    fn ask(&mut self, now: True, what: Say, agenda: &mut Agenda, say: &mut Vec<Saying>) {
        self.asked = now;
        self.say(now, what, say);
        let wait = (4 * SECOND) << self.tries.min(4);
        self.tries += 1;
        let wait = wait + self.random.below(SECOND);
        self.wake(now + wait, agenda);
    }

    fn say(&mut self, now: True, what: Say, say: &mut Vec<Saying>) {
        self.xid = self.xid.wrapping_add(1);
        let xid = self.transaction();
        let secs = u16::try_from((now - self.began) / SECOND).unwrap_or(u16::MAX);
        let octets = packet::write(what, self.id, xid, secs, self.wish);
        let to = match what {
            Say::Renew(_) | Say::Release { .. } => {
                let server = self.held.map(|held| held.server);
                SERVERS.iter().position(|own| Some(*own) == server)
            }
            _ => None,
        };
        if self.random.chance(10) {
            say.push(Saying { octets: octets.clone(), to });
        }
        say.push(Saying { octets, to });
    }

    /// The transaction of what it said last.
    const fn transaction(&self) -> u32 {
        self.id << 16 | self.xid & 0xffff
    }

    fn wake(&mut self, at: True, agenda: &mut Agenda) {
        self.turn += 1;
        agenda.at(at, Happening::Client { client: self.id, turn: self.turn });
    }

    /// Bound: renews, rebinds, or leaves.
    fn keep(
        &mut self,
        now: True,
        agenda: &mut Agenda,
        say: &mut Vec<Saying>,
        news: &mut Vec<News>,
    ) {
        let Some(held) = self.held else {
            self.begin(now);
            return self.discover(now, agenda, say);
        };
        if now < held.renew {
            return self.wake(held.renew, agenda);
        }
        if self.tries == 0 {
            self.began = now;
            if self.random.chance(self.restless) {
                return self.leave(now, held, agenda, say, news);
            }
        }
        let (what, until) = if now < held.rebind {
            (Say::Renew(held.address), held.rebind)
        } else {
            (Say::Rebind(held.address), held.end)
        };
        self.tries += 1;
        self.asked = now;
        self.say(now, what, say);
        // RFC 2131 §4.4.5: half of what is left, but no less than a minute.
        let wait = ((until - now) / 2).max(MINUTE.min(until - now)).max(SECOND);
        self.wake((now + wait).min(held.end), agenda);
    }

    /// Releases its address, or vanishes with it.
    fn leave(
        &mut self,
        now: True,
        held: Held,
        agenda: &mut Agenda,
        say: &mut Vec<Saying>,
        news: &mut Vec<News>,
    ) {
        if self.random.chance(500) {
            let Held { server, address, .. } = held;
            self.say(now, Say::Release { server, address }, say);
            self.held = None;
            news.push(News::Leaves(address));
        }
        self.last = if self.random.chance(700) { Some(held.address) } else { None };
        self.phase = Phase::Off;
        self.tries = 0;
        let away = match self.random.below(3) {
            0 => self.random.between(SECOND, 5 * MINUTE),
            1 => self.random.between(5 * MINUTE, HOUR),
            _ => self.random.between(HOUR, 4 * HOUR),
        };
        self.wake(now + away, agenda);
    }

    /// An answer has arrived.
    pub(crate) fn hear(
        &mut self,
        now: True,
        heard: &Heard,
        agenda: &mut Agenda,
        say: &mut Vec<Saying>,
        news: &mut Vec<News>,
    ) {
        if self.phase == Phase::Off || heard.xid != self.transaction() {
            return;
        }
        match (heard.answer, self.phase) {
            (Answer::Offer { server, address }, Phase::Selecting) => {
                let select = Say::Select { server, address };
                self.phase = Phase::Requesting(select);
                self.tries = 0;
                self.ask(now, select, agenda, say);
            }
            (Answer::Ack { server, address, seconds, renew, rebind }, phase) => {
                let asked_for = match phase {
                    Phase::Requesting(Say::Select { address, .. } | Say::Reboot(address)) => {
                        Some(address)
                    }
                    Phase::Bound => self.held.map(|held| held.address),
                    Phase::Requesting(_) | Phase::Selecting | Phase::Off => None,
                };
                if asked_for != Some(address) {
                    return;
                }
                let from_asking = |seconds: u32| self.asked + u64::from(seconds) * SECOND;
                let held = Held {
                    address,
                    server,
                    renew: from_asking(renew),
                    rebind: from_asking(rebind),
                    end: from_asking(seconds),
                };
                let is_new = phase != Phase::Bound;
                if is_new && self.random.chance(4) {
                    return self.decline(now, held, agenda, say, news);
                }
                news.push(News::Uses(address, server, held.end));
                self.held = Some(held);
                self.last = Some(address);
                self.phase = Phase::Bound;
                self.tries = 0;
                self.wake(held.renew.max(now + SECOND), agenda);
            }
            (Answer::Nak { .. }, Phase::Requesting(_) | Phase::Bound) => {
                if let Some(held) = self.held.take() {
                    news.push(News::Leaves(held.address));
                }
                self.last = None;
                self.begin(now);
                self.phase = Phase::Selecting;
                self.wake(now + SECOND, agenda);
            }
            (Answer::Offer { .. } | Answer::Nak { .. }, _) => {}
        }
    }

    /// Somebody else answers for the address.
    fn decline(
        &mut self,
        now: True,
        held: Held,
        agenda: &mut Agenda,
        say: &mut Vec<Saying>,
        news: &mut Vec<News>,
    ) {
        let Held { server, address, .. } = held;
        self.say(now, Say::Decline { server, address }, say);
        if let Some(held) = self.held.take() {
            news.push(News::Leaves(held.address));
        }
        self.last = None;
        self.begin(now);
        self.phase = Phase::Selecting;
        self.wake(now + 10 * SECOND, agenda);
    }

    /// Nothing more is heard of it; it may go on using its address until the end of the lease.
    pub(crate) const fn silence(&mut self) {
        self.turn += 1;
        self.phase = Phase::Off;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVER: Ipv4Addr = SERVERS[0];
    const ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 20);

    /// A client that has asked for the address at second 100 and is told that it has it for a while.
    fn bound(seconds: u32) -> (Client, Vec<News>) {
        let mut agenda = Agenda::default();
        let mut client = Client::new(3, 1, &mut agenda);
        client.restless = 0;
        let (mut say, mut news) = (Vec::new(), Vec::new());
        let now = 100 * SECOND;
        client.phase = Phase::Requesting(Say::Select { server: SERVER, address: ADDRESS });
        client.ask(now, Say::Select { server: SERVER, address: ADDRESS }, &mut agenda, &mut say);
        let xid = client.transaction();
        let (renew, rebind) = (seconds / 2, seconds / 8 * 7);
        let answer = Answer::Ack { server: SERVER, address: ADDRESS, seconds, renew, rebind };
        let heard = Heard { xid, client: 1, answer };
        client.hear(now + SECOND, &heard, &mut agenda, &mut say, &mut news);
        (client, news)
    }

    #[test]
    fn a_lease_counts_from_when_the_client_asked() {
        let (_, news) = bound(600);
        assert_eq!(news, [News::Uses(ADDRESS, SERVER, 700 * SECOND)]);
    }

    #[test]
    fn a_client_renews_with_the_server_that_gave_the_lease_and_rebinds_with_any() {
        let (mut client, _) = bound(800);
        let (mut agenda, mut say, mut news) = (Agenda::default(), Vec::new(), Vec::new());
        client.act(500 * SECOND, &mut agenda, &mut say, &mut news);
        client.act(850 * SECOND, &mut agenda, &mut say, &mut news);
        assert_eq!((say.first().unwrap().to, say.last().unwrap().to), (Some(0), None));
    }

    #[test]
    fn a_client_stops_using_its_address_at_the_end_of_its_lease() {
        let (mut client, _) = bound(600);
        let (mut agenda, mut say, mut news) = (Agenda::default(), Vec::new(), Vec::new());
        client.act(700 * SECOND, &mut agenda, &mut say, &mut news);
        assert_eq!(news, [News::Leaves(ADDRESS)]);
    }
}
