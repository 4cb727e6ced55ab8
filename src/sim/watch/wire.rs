//! What the two servers say to each other, read off their connections: how many updates are in
//! flight, what is promised in them, and that each gets one answer (checker 6).

use std::collections::{BTreeMap, VecDeque};
use std::net::Ipv4Addr;

use super::{Kind, Violation};
use crate::durable::CommitId;
use crate::endpoint::LinkId;
use crate::sim::clock::True;
use crate::time::UnixTime;
use crate::wire::codes::{BindingStatus, FailoverState, Xid};
use crate::wire::dialect::Dialect;
use crate::wire::frame::Deframer;
use crate::wire::message::Message;

/// What a message says, as far as it is watched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    /// So many updates may be in flight towards the sender.
    Limit(u32),
    /// The sender's state.
    State(FailoverState),
    /// Updates with their promises; none for an address that is not leased.
    Update(Xid, Vec<(Ipv4Addr, Option<UnixTime>)>),
    /// Answers: whether each address was accepted.
    Answer(Xid, Vec<(Ipv4Addr, bool)>),
}

/// Something that has arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// Updates of these addresses.
    Update(Vec<Ipv4Addr>),
    /// These addresses were accepted with the promises that were sent.
    Accepted(Vec<(Ipv4Addr, UnixTime)>),
}

/// One direction of a connection.
#[derive(Debug, Default)]
struct Direction {
    deframer: Deframer,
    /// Octets of whole messages sent.
    sent: u64,
    /// Octets received.
    received: u64,
    /// What was sent and has not arrived, with the octet at which it ends.
    on_the_way: VecDeque<(u64, Said)>,
    /// Updates that the sender has had no answer to.
    in_flight: BTreeMap<Xid, BTreeMap<Ipv4Addr, Option<UnixTime>>>,
    /// Updates that have arrived, with the highest commit made once they had been dealt with.
    arrived: BTreeMap<Xid, Option<CommitId>>,
    /// How many may be in flight towards the sender.
    limit: Option<u32>,
    /// The sender has no part in the connection any more.
    closed: bool,
}

/// All connections.
#[derive(Debug)]
pub(crate) struct Wire {
    dialect: Dialect,
    links: BTreeMap<LinkId, [Direction; 2]>,
    /// Messages seen.
    pub(crate) messages: u64,
}

impl Wire {
    /// Nothing has been said.
    pub(crate) const fn new(dialect: Dialect) -> Self {
        Self { dialect, links: BTreeMap::new(), messages: 0 }
    }

    /// A side has closed its end of a connection, or lost it: it says and hears nothing more on it.
    pub(crate) fn closed(&mut self, side: usize, link: LinkId) {
        let Some(directions) = self.links.get_mut(&link) else { return };
        if let Some(own) = directions.get_mut(side) {
            own.closed = true;
        }
        if let Some(towards) = directions.get_mut(1 - side) {
            towards.arrived.clear();
        }
        if directions.iter().all(|direction| direction.closed) {
            self.links.remove(&link);
        }
    }

    /// The process of a side has died, and with it its end of every connection.
    pub(crate) fn died(&mut self, side: usize) {
        let links: Vec<LinkId> = self.links.keys().copied().collect();
        for link in links {
            self.closed(side, link);
        }
    }

    /// `from` writes octets. What is wrong with what they say goes to `complaints`; the states and
    /// answers in them are returned.
    pub(crate) fn sent(
        &mut self,
        at: True,
        from: usize,
        link: LinkId,
        octets: &[u8],
        complaints: &mut Vec<Violation>,
    ) -> Vec<Said> {
        let dialect = self.dialect;
        let directions = self.links.entry(link).or_insert_with(|| {
            [0, 1].map(|_| Direction {
                deframer: Deframer::for_dialect(dialect),
                ..Direction::default()
            })
        });
        let mut said = Vec::new();
        let Some(direction) = directions.get_mut(from) else { return said };
        direction.deframer.push(octets);
        loop {
            match direction.deframer.next_frame() {
                Ok(Some(frame)) => {
                    self.messages += 1;
                    direction.sent += frame.message_len() as u64;
                    let end = direction.sent;
                    match Message::decode(&frame, dialect) {
                        Ok(message) => {
                            read(at, frame.header.xid, &message, complaints, |what| {
                                said.push(what.clone());
                                direction.on_the_way.push_back((end, what));
                            });
                        }
                        Err(error) => complaints.push(Violation::new(
                            at,
                            Kind::Window,
                            format!("side {from} sends what cannot be read: {error}"),
                        )),
                    }
                }
                Ok(None) => break,
                Err(error) => {
                    let what = format!("side {from} sends no messages: {error}");
                    complaints.push(Violation::new(at, Kind::Window, what));
                    break;
                }
            }
        }
        for what in &said {
            complaints.extend(note_sent(at, from, directions, what, dialect));
        }
        said
    }

    /// Octets arrive at `to`.
    pub(crate) fn arrived(&mut self, to: usize, link: LinkId, octets: usize) -> Vec<Heard> {
        let mut heard = Vec::new();
        let Some(directions) = self.links.get_mut(&link) else { return heard };
        let mut messages = Vec::new();
        if let Some(direction) = directions.get_mut(1 - to) {
            direction.received += octets as u64;
            let received = direction.received;
            while direction.on_the_way.front().is_some_and(|(end, _)| *end <= received) {
                messages.extend(direction.on_the_way.pop_front().map(|(_, said)| said));
            }
        }
        for said in messages {
            match said {
                Said::Update(xid, updates) => {
                    if let Some(direction) = directions.get_mut(1 - to) {
                        direction.arrived.insert(xid, None);
                    }
                    let addresses = updates.iter().map(|(address, _)| *address).collect();
                    heard.push(Heard::Update(addresses));
                }
                Said::Answer(xid, answers) => {
                    let sent = directions.get_mut(to).and_then(|own| own.in_flight.remove(&xid));
                    let sent = sent.unwrap_or_default();
                    let accepted = answers.iter().filter(|(_, accepted)| *accepted);
                    let accepted = accepted.filter_map(|(address, _)| {
                        let promise = sent.get(address)?;
                        Some((*address, promise.unwrap_or(UnixTime::ABSENT)))
                    });
                    heard.push(Heard::Accepted(accepted.collect()));
                }
                Said::Limit(_) | Said::State(_) => {}
            }
        }
        heard
    }

    /// All that has arrived at `to` has been dealt with; what had to be made durable for it was made
    /// by `made`.
    pub(crate) fn dealt_with(&mut self, to: usize, link: LinkId, made: CommitId) {
        if let Some(direction) = self.links.get_mut(&link).and_then(|one| one.get_mut(1 - to)) {
            direction.arrived.values_mut().for_each(|upto| *upto = upto.or(Some(made)));
        }
    }

    /// `from` answers an update: up to which commit what it says had to be durable, where `made` is
    /// the highest so far. `None` if the update is not of this connection.
    pub(crate) fn answered(
        &mut self,
        from: usize,
        link: LinkId,
        xid: Xid,
        made: CommitId,
    ) -> Option<CommitId> {
        let direction = self.links.get_mut(&link)?.get_mut(1 - from)?;
        direction.arrived.remove(&xid).map(|upto| upto.unwrap_or(made))
    }

    /// Updates that have arrived at `to` and have not been answered.
    pub(crate) fn unanswered(&self, to: usize) -> usize {
        self.links.values().filter_map(|one| one.get(1 - to)).map(|one| one.arrived.len()).sum()
    }
}

fn read(
    at: True,
    xid: Xid,
    message: &Message<'_>,
    complaints: &mut Vec<Violation>,
    mut note: impl FnMut(Said),
) {
    match message {
        Message::Connect(connect) => note(Said::Limit(connect.max_unacked_bndupd.unwrap_or(0))),
        Message::ConnectAck(ack) => note(Said::Limit(ack.max_unacked_bndupd.unwrap_or(0))),
        Message::State(state) => {
            let state = state.server_state.and_then(FailoverState::from_code);
            if let Some(state) = state {
                note(Said::State(state));
            }
        }
        Message::BndUpd(bndupd) => {
            let mut updates = Vec::new();
            for update in bndupd.updates() {
                let active = update.binding_status == Some(BindingStatus::Active.code());
                let promise = update.potential_expiration.filter(|_| active);
                if active {
                    complaints.extend(promised(
                        at,
                        update.address,
                        update.lease_expiration,
                        promise,
                    ));
                }
                updates.push((update.address, promise));
            }
            note(Said::Update(xid, updates));
        }
        Message::BndAck(bndack) => {
            let answers = bndack.replies().map(|reply| (reply.address, reply.reject.is_none()));
            note(Said::Answer(xid, answers.collect()));
        }
        _ => {}
    }
}

/// 2.4-2: in every update of a lease the promise lies beyond its end.
pub(crate) fn promised(
    at: True,
    address: Ipv4Addr,
    end: Option<UnixTime>,
    promise: Option<UnixTime>,
) -> Option<Violation> {
    match (end, promise) {
        (Some(end), Some(promise)) if promise > end || end.is_infinite() => None,
        (end, promise) => {
            let what = format!("{address} is reported as leased until {end:?}, with {promise:?}");
            Some(Violation::new(at, Kind::Promise, what))
        }
    }
}

/// Takes note of what was sent, and complains where the window or the pairing is broken.
fn note_sent(
    at: True,
    from: usize,
    directions: &mut [Direction; 2],
    said: &Said,
    dialect: Dialect,
) -> Option<Violation> {
    let [own, other] = match directions {
        [one, two] if from == 0 => [one, two],
        [one, two] => [two, one],
    };
    match said {
        Said::Limit(limit) => {
            own.limit = Some(*limit);
            None
        }
        Said::State(_) => None,
        Said::Update(xid, updates) => {
            own.in_flight.insert(*xid, updates.iter().copied().collect());
            let flying = own.in_flight.len();
            // The other end may have forgotten the connection already.
            let limit = other.limit?;
            if flying <= usize::try_from(limit).unwrap_or(usize::MAX) {
                return None;
            }
            let what = format!("side {from} has {flying} updates in flight; {limit} are allowed");
            Some(Violation::new(at, Kind::Window, what))
        }
        Said::Answer(xid, _) => {
            // A dhcpd may get the answer of the connection before once more; and the other end may
            // have forgotten the connection already.
            let is_known = other.limit.is_some() && dialect != Dialect::Isc;
            if other.arrived.contains_key(xid) || !is_known {
                return None;
            }
            let what = format!("side {from} answers {xid:?}, which was answered or never came");
            Some(Violation::new(at, Kind::Window, what))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 10);

    fn directions() -> [Direction; 2] {
        [0, 1].map(|_| Direction { limit: Some(2), ..Direction::default() })
    }

    fn update(xid: u32) -> Said {
        Said::Update(Xid(xid), vec![(ADDRESS, None)])
    }

    #[test]
    fn more_updates_than_the_partner_allows_are_seen() {
        let mut directions = directions();
        assert_eq!(note_sent(0, 0, &mut directions, &update(1), Dialect::Draft12), None);
        assert_eq!(note_sent(0, 0, &mut directions, &update(2), Dialect::Draft12), None);
        let seen = note_sent(0, 0, &mut directions, &update(3), Dialect::Draft12);
        assert_eq!(seen.unwrap().kind, Kind::Window);
    }

    #[test]
    fn a_second_answer_is_seen() {
        let mut directions = directions();
        let answer = Said::Answer(Xid(1), vec![(ADDRESS, true)]);
        directions[0].arrived.insert(Xid(1), None);
        assert_eq!(note_sent(0, 1, &mut directions, &answer, Dialect::Draft12), None);
        directions[0].arrived.clear();
        let seen = note_sent(0, 1, &mut directions, &answer, Dialect::Draft12);
        assert_eq!(seen.unwrap().kind, Kind::Window);
    }

    #[test]
    fn an_update_that_promises_too_little_is_seen() {
        let (end, later) = (Some(UnixTime(100)), Some(UnixTime(101)));
        assert_eq!(promised(0, ADDRESS, end, later), None);
        assert_eq!(promised(0, ADDRESS, end, end).unwrap().kind, Kind::Promise);
        assert_eq!(promised(0, ADDRESS, end, None).unwrap().kind, Kind::Promise);
    }
}
