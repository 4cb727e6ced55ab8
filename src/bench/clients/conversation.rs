//! What clients say, and what they make of the answers. No sockets and no clock: times are arguments, in
//! nanoseconds.

use std::collections::VecDeque;
use std::mem;

use crate::balance::{HashBuckets, Role};

use super::answer::{self, Answer, NoAnswer, Verdict};
use super::crowd::{Crowd, Phase};
use super::findings::{Broken, Findings};
use super::names;
use super::plan::Load;
use super::schedule::SECOND;
use super::tally::Tally;
use super::template::{Kind, Saying, To};

/// Whose turn it is, and what for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turns {
    /// All clients in turn, again and again, under this load.
    Load(Load),
    /// Each client without a lease gets one, once.
    Lease,
}

/// An exchange under way, in the order in which they were due.
#[derive(Clone, Copy, Debug)]
struct Pending {
    begun: u64,
    place: u32,
    xid: u32,
}

/// All clients in conversation with the servers.
#[derive(Debug)]
pub(super) struct Conversation {
    crowd: Crowd,
    turns: Turns,
    /// The client whose turn is next.
    place: u32,
    /// Turns taken; decides what is done in a mixed load.
    turn: u64,
    xid: u32,
    timeout: u64,
    pending: VecDeque<Pending>,
    under_way: u64,
    buckets: Option<HashBuckets>,
    tally: Tally,
    findings: Findings,
}

impl Conversation {
    /// `timeout` in nanoseconds; with `buckets`, every OFFER has to come from the responsible server.
    pub(super) fn new(
        crowd: Crowd,
        first_xid: u32,
        timeout: u64,
        buckets: Option<HashBuckets>,
    ) -> Self {
        Self {
            crowd,
            turns: Turns::Lease,
            place: 0,
            turn: 0,
            xid: first_xid,
            timeout,
            pending: VecDeque::new(),
            under_way: 0,
            buckets,
            tally: Tally::default(),
            findings: Findings::default(),
        }
    }

    /// Begins a run with empty counts.
    pub(super) fn start(&mut self, turns: Turns, now: u64) {
        self.turns = turns;
        if turns == Turns::Lease {
            self.place = 0;
        }
        self.tally = Tally::starting(now);
    }

    /// Ends a run.
    pub(super) fn finish(&mut self) -> Tally {
        self.tally.finish();
        mem::take(&mut self.tally)
    }

    pub(super) fn tally(&mut self) -> &mut Tally {
        &mut self.tally
    }

    pub(super) fn findings(&self) -> &Findings {
        &self.findings
    }

    /// Exchanges that wait for an answer.
    pub(super) fn under_way(&self) -> u64 {
        self.under_way
    }

    /// Clients that have a lease.
    pub(super) fn holding(&self, now: u64) -> u64 {
        self.crowd.holding(now)
    }

    /// When the oldest exchange under way will be given up.
    pub(super) fn patience_ends(&self) -> Option<u64> {
        self.pending.front().map(|pending| pending.begun.saturating_add(self.timeout))
    }

    /// Whether the clients without a lease all had their turn.
    pub(super) fn all_had_their_turn(&self) -> bool {
        self.turns == Turns::Lease && self.place >= self.crowd.len()
    }

    /// Begins the exchange that was due at `due`. `None` if no client can.
    pub(super) fn begin(&mut self, due: u64, now: u64) -> Option<Saying> {
        let Some((place, kind)) = self.next_turn(now) else {
            self.tally.without_client += u64::from(self.turns != Turns::Lease);
            return None;
        };
        self.xid = self.xid.wrapping_add(1);
        let (xid, number) = (self.xid, self.crowd.number(place));
        let client = self.crowd.at(place)?;
        let before = mem::replace(
            &mut client.phase,
            if kind == Kind::Discover { Phase::Discovering } else { Phase::Confirming },
        );
        (client.begun, client.asked, client.xid) = (due, due, xid);
        client.wanted = client.address;
        let (address, (server, giver)) = (client.address, client.server);
        if before == Phase::Idle {
            self.under_way += 1;
        } else {
            self.tally.cut_short += 1;
            self.tally.give_up(before != Phase::Discovering);
        }
        self.pending.push_back(Pending { begun: due, place, xid });
        self.tally.begin(now.saturating_sub(due));
        let to = match (kind, giver) {
            (Kind::Renew, Some(giver)) => To::One(giver),
            _ => To::All,
        };
        Some(Saying { kind, client: number, xid, address, server, to })
    }

    /// Whose turn is next, and what the client does with it.
    fn next_turn(&mut self, now: u64) -> Option<(u32, Kind)> {
        let count = self.crowd.len();
        for _ in 0..count {
            if self.turns == Turns::Lease && self.place >= count {
                return None;
            }
            let place = self.place.checked_rem(count)?;
            self.place = if self.turns == Turns::Lease { place + 1 } else { (place + 1) % count };
            let holds = self.crowd.at(place)?.holds_lease(now);
            let kind = match self.turns {
                Turns::Lease => (!holds).then_some(Kind::Discover),
                Turns::Load(load) => load.kind(self.turn, holds),
            };
            if let Some(kind) = kind {
                self.turn = self.turn.wrapping_add(1);
                return Some((place, kind));
            }
        }
        None
    }

    /// Takes a datagram from the server with this number; what the client says next, if anything.
    pub(super) fn hear(&mut self, from: Option<u8>, octets: &[u8], now: u64) -> Option<Saying> {
        let odd = &mut self.tally.odd;
        let answer = match answer::read(octets) {
            Ok(answer) => answer,
            Err(NoAnswer::Unreadable) => {
                odd.unreadable += 1;
                return None;
            }
            Err(NoAnswer::Stranger) => {
                odd.strangers += 1;
                return None;
            }
        };
        odd.unknown_server += u64::from(from.is_none());
        let Some(client) = self.crowd.find(answer.client) else {
            odd.strangers += 1;
            return None;
        };
        if client.xid != answer.xid || now >= client.begun.saturating_add(self.timeout) {
            odd.late += 1;
            return None;
        }
        let phase = client.phase;
        self.count_server(from, answer.verdict);
        match (phase, answer.verdict) {
            (_, Verdict::Offer) => {
                self.check_responsibility(from, &answer);
                self.offered(phase, from, &answer, now)
            }
            (Phase::Selecting | Phase::Confirming, Verdict::Ack(seconds)) => {
                self.acknowledged(from, &answer, seconds, now)
            }
            (Phase::Selecting | Phase::Confirming, Verdict::Nak) => {
                self.refused(&answer, phase, now);
                None
            }
            (Phase::Idle | Phase::Discovering, Verdict::Ack(_) | Verdict::Nak) => {
                self.tally.odd.repeated += 1;
                None
            }
        }
    }

    fn count_server(&mut self, from: Option<u8>, verdict: Verdict) {
        let Some(answers) = from.and_then(|from| self.tally.servers.get_mut(usize::from(from)))
        else {
            return;
        };
        match verdict {
            Verdict::Offer => answers.offers += 1,
            Verdict::Ack(_) => answers.acks += 1,
            Verdict::Nak => answers.naks += 1,
        }
    }

    /// In NORMAL a DISCOVER of a client that has not waited is answered by one server only.
    fn check_responsibility(&mut self, from: Option<u8>, answer: &Answer) {
        let (Some(buckets), Some(from)) = (self.buckets, from) else { return };
        let role = buckets.role_for(&names::ethernet(answer.client));
        if from != u8::from(role == Role::Secondary) {
            let Answer { client, server, .. } = *answer;
            self.findings.note(Broken::WrongServer, || {
                format!("client {client} was offered an address by {server}; it is the {role}'s")
            });
        }
    }

    fn offered(
        &mut self,
        phase: Phase,
        from: Option<u8>,
        answer: &Answer,
        now: u64,
    ) -> Option<Saying> {
        if phase != Phase::Discovering {
            self.tally.odd.further_offers += 1;
            return None;
        }
        let Answer { client: number, xid, address, server, .. } = *answer;
        let client = self.crowd.find(number)?;
        let took = now.saturating_sub(client.begun);
        (client.phase, client.asked, client.wanted) = (Phase::Selecting, now, address);
        client.server = (server, from);
        self.tally.offer.record(took);
        Some(Saying { kind: Kind::Select, client: number, xid, address, server, to: To::All })
    }

    fn acknowledged(
        &mut self,
        from: Option<u8>,
        answer: &Answer,
        seconds: u32,
        now: u64,
    ) -> Option<Saying> {
        let Answer { client: number, xid, address, server, .. } = *answer;
        let client = self.crowd.find(number)?;
        let (begun, asked, wanted) = (client.begun, client.asked, client.wanted);
        client.phase = Phase::Idle;
        client.server = (server, from);
        self.under_way = self.under_way.saturating_sub(1);
        self.tally.ack.record(now.saturating_sub(asked));
        self.tally.complete(now.saturating_sub(begun));
        if wanted != address {
            self.findings.note(Broken::OtherAddress, || {
                format!("client {number} asked for {wanted} and was given {address} by {server}")
            });
        }
        let until = asked.saturating_add(u64::from(seconds).saturating_mul(SECOND));
        if let Some(other) = self.crowd.grant(number, address, until, now) {
            self.findings.note(Broken::HeldTwice, || {
                format!("{address} was given to client {number} by {server}; client {other} has it")
            });
        }
        if self.turns != Turns::Load(Load::Release) {
            return None;
        }
        self.crowd.end_lease(number);
        self.tally.released += 1;
        let to = from.map_or(To::All, To::One);
        Some(Saying { kind: Kind::Release, client: number, xid, address, server, to })
    }

    fn refused(&mut self, answer: &Answer, phase: Phase, now: u64) {
        let Answer { client: number, server, .. } = *answer;
        let Some(client) = self.crowd.find(number) else { return };
        let (held, address) = (client.holds_lease(now), client.address);
        client.phase = Phase::Idle;
        self.under_way = self.under_way.saturating_sub(1);
        self.tally.refuse();
        if phase == Phase::Confirming {
            if held {
                self.findings.note(Broken::Refused, || {
                    format!("client {number} was refused {address} by {server}; its lease is valid")
                });
            }
            self.crowd.end_lease(number);
        }
    }

    /// Gives up what has waited for too long.
    pub(super) fn give_up(&mut self, now: u64) {
        while let Some(pending) = self.pending.front() {
            if pending.begun.saturating_add(self.timeout) > now {
                return;
            }
            let Pending { place, xid, .. } = *pending;
            self.pending.pop_front();
            let Some(client) = self.crowd.at(place) else { continue };
            if client.xid != xid || client.phase == Phase::Idle {
                continue;
            }
            let phase = mem::take(&mut client.phase);
            self.under_way = self.under_way.saturating_sub(1);
            self.tally.give_up(phase != Phase::Discovering);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::super::answer::octets;
    use super::*;

    const SERVER: [u8; 4] = [10, 78, 0, 1];
    const ADDRESS: [u8; 4] = [10, 78, 8, 1];
    const OTHER: [u8; 4] = [10, 78, 8, 2];
    const OFFER: u8 = 2;
    const ACK: u8 = 5;
    const NAK: u8 = 6;

    /// So many clients under a load, with a time-out of one second.
    fn conversation(clients: u32, turns: Turns) -> Conversation {
        let mut conversation = Conversation::new(Crowd::new(0, clients), 100, SECOND, None);
        conversation.start(turns, 0);
        conversation
    }

    impl Conversation {
        /// The first server answers to what was said.
        fn answer(
            &mut self,
            kind: u8,
            said: &Saying,
            address: [u8; 4],
            now: u64,
        ) -> Option<Saying> {
            self.hear(Some(0), &octets(kind, said.client, said.xid, address, SERVER), now)
        }

        /// The next client gets this address, between two times.
        fn lease(&mut self, address: [u8; 4], from: u64, to: u64) {
            let discover = self.begin(from, from).unwrap();
            let select = self.answer(OFFER, &discover, address, to).unwrap();
            self.answer(ACK, &select, address, to);
        }
    }

    #[test]
    fn an_exchange_takes_up_the_offer_and_ends_with_the_ack() {
        let mut talk = conversation(1, Turns::Load(Load::Exchange));
        let discover = talk.begin(0, 0).unwrap();
        assert_eq!((discover.kind, discover.to), (Kind::Discover, To::All));
        let select = talk.answer(OFFER, &discover, ADDRESS, 10).unwrap();
        assert_eq!((select.kind, select.to, select.xid), (Kind::Select, To::All, discover.xid));
        assert_eq!((select.address, select.server), (ADDRESS.into(), SERVER.into()));
        assert_eq!(talk.answer(ACK, &select, ADDRESS, 20), None);
        assert_eq!((talk.tally.completed, talk.under_way()), (1, 0));
    }

    #[test]
    fn times_count_from_when_an_exchange_was_due() {
        let mut talk = conversation(1, Turns::Load(Load::Exchange));
        let discover = talk.begin(0, 400_000_000).unwrap();
        let select = talk.answer(OFFER, &discover, ADDRESS, 500_000_000).unwrap();
        talk.answer(ACK, &select, ADDRESS, 700_000_000);
        let near = |micros: f64, millis: f64| (micros / 1e3 - millis).abs() < 1.0;
        assert!(near(talk.tally.delay.quantile(1.0), 400.0));
        assert!(near(talk.tally.offer.quantile(1.0), 500.0));
        assert!(near(talk.tally.ack.quantile(1.0), 200.0));
        assert!(near(talk.tally.exchange.quantile(1.0), 700.0));
    }

    #[test]
    fn an_exchange_without_answer_is_given_up_when_its_time_is_up() {
        let mut talk = conversation(2, Turns::Load(Load::Exchange));
        let first = talk.begin(0, 0).unwrap();
        talk.begin(1, 1).unwrap();
        talk.answer(OFFER, &first, ADDRESS, 10);
        talk.give_up(SECOND - 1);
        assert_eq!(talk.tally.unanswered(), 0);
        assert_eq!(talk.patience_ends(), Some(SECOND));
        talk.give_up(SECOND + 1);
        assert_eq!((talk.tally.without_ack, talk.tally.without_offer), (1, 1));
        assert_eq!((talk.under_way(), talk.patience_ends()), (0, None));
    }

    #[test]
    fn an_answer_after_the_time_is_late_whether_given_up_or_not() {
        let mut talk = conversation(1, Turns::Load(Load::Exchange));
        let discover = talk.begin(0, 0).unwrap();
        assert_eq!(talk.answer(OFFER, &discover, ADDRESS, SECOND), None);
        talk.give_up(SECOND);
        assert_eq!(talk.answer(OFFER, &discover, ADDRESS, SECOND), None);
        assert_eq!((talk.tally.odd.late, talk.tally.without_offer), (2, 1));
    }

    #[test]
    fn a_client_whose_turn_comes_again_gives_up_and_begins_anew() {
        let mut talk = conversation(1, Turns::Load(Load::Exchange));
        let first = talk.begin(0, 0).unwrap();
        let second = talk.begin(10, 10).unwrap();
        assert_ne!(first.xid, second.xid);
        assert_eq!((talk.tally.cut_short, talk.tally.without_offer, talk.under_way()), (1, 1, 1));
        talk.give_up(SECOND);
        assert_eq!(talk.tally.unanswered(), 1);
        talk.give_up(SECOND + 10);
        assert_eq!((talk.tally.unanswered(), talk.under_way()), (2, 0));
    }

    #[test]
    fn second_answers_are_counted_and_change_nothing() {
        let mut talk = conversation(1, Turns::Load(Load::Exchange));
        let discover = talk.begin(0, 0).unwrap();
        let select = talk.answer(OFFER, &discover, ADDRESS, 1).unwrap();
        assert_eq!(talk.answer(OFFER, &discover, OTHER, 2), None);
        talk.answer(ACK, &select, ADDRESS, 3);
        talk.answer(ACK, &select, ADDRESS, 4);
        let Tally { odd, completed, .. } = talk.finish();
        assert_eq!((odd.further_offers, odd.repeated, completed), (1, 1, 1));
        assert_eq!(talk.findings().total(), 0);
    }

    #[test]
    fn a_lease_is_renewed_with_the_server_that_gave_it() {
        let mut talk = conversation(1, Turns::Lease);
        talk.lease(ADDRESS, 0, 10);
        assert!(talk.all_had_their_turn());
        talk.start(Turns::Load(Load::Renew), 20);
        let renew = talk.begin(20, 20).unwrap();
        assert_eq!((renew.kind, renew.to), (Kind::Renew, To::One(0)));
        assert_eq!(renew.address, Ipv4Addr::from(ADDRESS));
        talk.answer(ACK, &renew, ADDRESS, 30);
        assert_eq!((talk.tally.completed, talk.findings().total()), (1, 0));
    }

    #[test]
    fn clients_without_a_lease_are_passed_over_by_renewals() {
        let mut talk = conversation(3, Turns::Lease);
        talk.lease(ADDRESS, 0, 10);
        talk.start(Turns::Load(Load::Reboot), 20);
        talk.place = 1;
        let reboot = talk.begin(20, 20).unwrap();
        assert_eq!((reboot.kind, reboot.client, reboot.to), (Kind::Reboot, 0, To::All));
        talk.crowd.end_lease(0);
        assert_eq!(talk.begin(30, 30), None);
        assert_eq!(talk.tally.without_client, 1);
    }

    #[test]
    fn a_released_address_may_go_to_the_next_client() {
        let mut talk = conversation(2, Turns::Load(Load::Release));
        let discover = talk.begin(0, 0).unwrap();
        let select = talk.answer(OFFER, &discover, ADDRESS, 1).unwrap();
        let release = talk.answer(ACK, &select, ADDRESS, 2).unwrap();
        assert_eq!((release.kind, release.to), (Kind::Release, To::One(0)));
        talk.lease(ADDRESS, 10, 20);
        assert_eq!((talk.tally.released, talk.findings().total()), (2, 0));
    }

    #[test]
    fn an_address_acknowledged_to_two_clients_is_a_broken_promise() {
        let mut talk = conversation(2, Turns::Load(Load::Exchange));
        talk.lease(ADDRESS, 0, 10);
        talk.lease(ADDRESS, 20, 30);
        assert_eq!(talk.findings().total(), 1);
        assert!(talk.findings().told()[0].starts_with("held-twice: 10.78.8.1"));
    }

    #[test]
    fn another_address_than_the_one_asked_for_is_a_broken_promise() {
        let mut talk = conversation(1, Turns::Load(Load::Exchange));
        let discover = talk.begin(0, 0).unwrap();
        let select = talk.answer(OFFER, &discover, ADDRESS, 1).unwrap();
        talk.answer(ACK, &select, OTHER, 2);
        assert!(talk.findings().told()[0].starts_with("other-address: "));
    }

    #[test]
    fn a_valid_lease_that_is_refused_is_a_broken_promise_and_is_gone() {
        let mut talk = conversation(1, Turns::Lease);
        talk.lease(ADDRESS, 0, 10);
        talk.start(Turns::Load(Load::Reboot), 20);
        let reboot = talk.begin(20, 20).unwrap();
        talk.answer(NAK, &reboot, [0; 4], 30);
        assert_eq!((talk.tally.refused, talk.holding(30), talk.under_way()), (1, 0, 0));
        assert!(talk.findings().told()[0].starts_with("valid-lease-refused: "));
    }

    #[test]
    fn an_offer_that_is_no_longer_good_may_be_refused() {
        let mut talk = conversation(1, Turns::Load(Load::Exchange));
        let discover = talk.begin(0, 0).unwrap();
        let select = talk.answer(OFFER, &discover, ADDRESS, 1).unwrap();
        talk.answer(NAK, &select, [0; 4], 2);
        assert_eq!((talk.tally.refused, talk.findings().total()), (1, 0));
    }

    #[test]
    fn an_offer_by_the_server_that_is_not_responsible_is_a_broken_promise() {
        let buckets = HashBuckets::from_split(128);
        let mut talk = Conversation::new(Crowd::new(0, 64), 100, SECOND, buckets);
        talk.start(Turns::Load(Load::Exchange), 0);
        let mut wrong = 0;
        for _ in 0..64 {
            let discover = talk.begin(0, 0).unwrap();
            let key = names::ethernet(discover.client);
            wrong += u64::from(HashBuckets::half().role_for(&key) == Role::Secondary);
            talk.answer(OFFER, &discover, ADDRESS, 1);
        }
        assert!(wrong > 0 && wrong < 64);
        assert_eq!(talk.findings().total(), wrong);
    }

    #[test]
    fn what_is_no_answer_to_any_of_our_clients_is_counted() {
        let mut talk = conversation(1, Turns::Load(Load::Exchange));
        talk.hear(None, b"nonsense", 0);
        talk.hear(None, &octets(OFFER, 77, 1, ADDRESS, SERVER), 0);
        assert_eq!((talk.tally.odd.unreadable, talk.tally.odd.strangers), (1, 1));
    }
}
