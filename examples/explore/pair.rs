//! The pair: two servers, what is under way between them, what clients hold, and the clock.

use std::collections::VecDeque;
use std::fmt;
use std::rc::Rc;

use twinlease::wire::codes::FailoverState;
use twinlease::wire::frame::Frame;
use twinlease::wire::pretty::Line;

use crate::messages::MessageNumber;
use crate::properties::{self, Held, Violation};
use crate::setting::{ADDRESSES, Bounds, CLIENTS, PRIMARY, SECONDARY, SIDES, TICK};
use crate::side::{Effect, Local};
use crate::sides::{BLANK, SideNumber, Summary};
use crate::steps::{Outcome, Steps};

/// What the servers are called in traces.
const SERVERS: [&str; 2] = ["primary", "secondary"];
/// What the clients are called in traces.
const NAMES: [&str; CLIENTS] = ["anna", "bert"];

/// Connections of one path; their numbers are bits of [`Pair::broken`].
const MAX_CONNECTIONS: u8 = 15;

/// One thing that may happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// The next message, or end of a connection, reaches this server.
    Deliver(u8),
    /// What this server has handed to its disk is durable.
    Write(u8),
    /// The primary's attempt to connect succeeds.
    Connect,
    /// This server notices that a connection is broken; what was on its way is lost.
    Notice(u8),
    /// The connection breaks.
    Cut,
    /// The server dies after so many of the waiting commits have become durable.
    Crash(u8, u8),
    /// The server dies, and its disk is lost.
    Lose(u8),
    /// The server starts.
    Start(u8),
    /// Half an MCLT passes.
    Tick,
    /// A second passes, and the client asks this server for a lease.
    Ask(u8, u8),
    /// A second passes, and the client asks this server for more of its lease.
    Renew(u8, u8),
    /// A second passes, and the client gives its lease back to this server.
    Release(u8, u8),
    /// The operator of this server declares the other down, which it is.
    Declare(u8),
}

/// What is under way to one server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Item {
    Message(u8, MessageNumber),
    End(u8),
}

/// A state of the whole.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Pair {
    sides: [SideNumber; 2],
    inbox: [VecDeque<Item>; 2],
    /// The connection that stands.
    connection: Option<u8>,
    connections: u8,
    /// For each server, the connections that are broken without its having noticed: one bit each.
    broken: [u16; 2],
    held: [Option<Held>; CLIENTS],
    /// The server that was declared down; until both are in NORMAL again.
    declared: Option<u8>,
    /// The server whose disk was lost; until both are in NORMAL again.
    forgetful: Option<u8>,
    clock: u16,
    left: Bounds,
}

impl Pair {
    /// Nothing runs, nothing is stored.
    pub(crate) fn blank(left: Bounds) -> Self {
        Self {
            sides: [BLANK; 2],
            inbox: [VecDeque::new(), VecDeque::new()],
            connection: None,
            connections: 0,
            broken: [0; 2],
            held: [None; CLIENTS],
            declared: None,
            forgetful: None,
            clock: 0,
            left,
        }
    }

    /// Both servers started and settled in NORMAL, with nothing under way.
    pub(crate) fn settled(steps: &mut Steps, bounds: Bounds) -> Result<Self, Violation> {
        let mut pair = Self::blank(bounds);
        for side in [0, 1] {
            pair = pair.after(steps, Action::Start(side))?;
        }
        for _ in 0..60 {
            while let Some(action) = pair.something_under_way(steps) {
                pair = pair.after(steps, action)?;
            }
            pair.pass(steps, 1)?;
        }
        while let Some(action) = pair.something_under_way(steps) {
            pair = pair.after(steps, action)?;
        }
        let normal = SIDES.map(|side| pair.state(steps, side) == Some(FailoverState::Normal));
        assert_eq!(normal, [true, true], "the pair settles");
        Ok(pair)
    }

    fn something_under_way(&self, steps: &Steps) -> Option<Action> {
        let routine = |action: &Action| {
            matches!(action, Action::Deliver(_) | Action::Write(_) | Action::Connect)
        };
        self.actions(steps).into_iter().find(routine)
    }

    /// The second that the clock shows.
    pub(crate) fn clock(&self) -> u16 {
        self.clock
    }

    fn state(&self, steps: &Steps, side: usize) -> Option<FailoverState> {
        steps.summary(self.sides[side]).state
    }

    // What may happen.

    /// Every action that is possible now.
    pub(crate) fn actions(&self, steps: &Steps) -> Vec<Action> {
        let mut actions = Vec::with_capacity(16);
        for (number, index) in [(0_u8, PRIMARY), (1, SECONDARY)] {
            self.actions_of(steps, number, index, &mut actions);
        }
        let runs = SIDES.map(|side| self.state(steps, side).is_some());
        let dials = steps.summary(self.sides[PRIMARY]).dialling;
        let room = self.connections < MAX_CONNECTIONS;
        if dials && runs == [true, true] && self.connection.is_none() && room {
            actions.push(Action::Connect);
        }
        if self.connection.is_some() && self.left.cuts > 0 && !self.must_meet(steps) {
            actions.push(Action::Cut);
        }
        if self.left.ticks > 0 && !self.must_meet(steps) {
            actions.push(Action::Tick);
        }
        actions
    }

    fn actions_of(&self, steps: &Steps, number: u8, index: usize, actions: &mut Vec<Action>) {
        let side = steps.summary(self.sides[index]);
        let Some(state) = side.state else {
            let excluded = self.declared == Some(number) && self.state(steps, 1 - index).is_none();
            if !excluded {
                actions.push(Action::Start(number));
            }
            return;
        };
        if !self.inbox[index].is_empty() {
            actions.push(Action::Deliver(number));
        }
        if self.broken[index] != 0 {
            actions.push(Action::Notice(number));
        }
        if side.unwritten > 0 {
            actions.push(Action::Write(number));
        }
        if self.left.crashes > 0 && !self.must_meet(steps) {
            actions.extend((0..=side.unwritten).map(|written| Action::Crash(number, written)));
        }
        if self.left.losses > 0 && !self.must_meet(steps) {
            actions.push(Action::Lose(number));
        }
        if self.left.requests > 0 {
            self.requests(number, actions);
        }
        let may_declare = matches!(
            state,
            FailoverState::CommunicationsInterrupted | FailoverState::ResolutionInterrupted
        );
        if self.left.declarations > 0 && may_declare && self.state(steps, 1 - index).is_none() {
            actions.push(Action::Declare(number));
        }
    }

    fn requests(&self, number: u8, actions: &mut Vec<Action>) {
        for (client, held) in (0..self.left.clients).zip(&self.held) {
            if held.is_some() {
                actions.push(Action::Renew(client, number));
                actions.push(Action::Release(client, number));
            } else {
                actions.push(Action::Ask(client, number));
            }
        }
    }

    /// A server that was declared down and runs again has to find its partner before anything else
    /// goes wrong: two that serve without knowing of each other are what the declaration excludes
    /// (§9.4). They have met when it is on disk that the one recovers, or that both resolve a
    /// conflict.
    fn must_meet(&self, steps: &Steps) -> bool {
        let Some(number) = self.declared else { return false };
        let down = usize::from(number);
        let stored = |index: usize| steps.summary(self.sides[index]).stored;
        let has_met = match stored(down) {
            Some(
                FailoverState::Recover | FailoverState::RecoverWait | FailoverState::RecoverDone,
            ) => true,
            Some(FailoverState::PotentialConflict) => {
                stored(1 - down) != Some(FailoverState::PartnerDown)
            }
            _ => false,
        };
        self.state(steps, down).is_some() && !has_met
    }

    // What comes of it.

    /// The state after `action`, which has to be possible.
    pub(crate) fn after(&self, steps: &mut Steps, action: Action) -> Result<Self, Violation> {
        let mut next = self.clone();
        next.act(steps, action)?;
        let both = SIDES.map(|side| next.is_settled(steps, side));
        if both == [true, true] {
            next.declared = None;
            next.forgetful = None;
        }
        next.check(steps)?;
        Ok(next)
    }

    /// In NORMAL, and on disk as well.
    fn is_settled(&self, steps: &Steps, index: usize) -> bool {
        let Summary { state, stored, .. } = steps.summary(self.sides[index]);
        [state, stored].iter().all(|state| **state == Some(FailoverState::Normal))
    }

    fn act(&mut self, steps: &mut Steps, action: Action) -> Result<(), Violation> {
        match action {
            Action::Deliver(number) => self.deliver(steps, usize::from(number)),
            Action::Write(number) => self.local(steps, usize::from(number), Local::Written),
            Action::Connect => self.connect(steps),
            Action::Notice(number) => self.notice(steps, usize::from(number)),
            Action::Cut => {
                self.left.cuts -= 1;
                self.break_connection(&SIDES);
                Ok(())
            }
            Action::Crash(number, written) => {
                self.left.crashes -= 1;
                self.die(steps, usize::from(number), Local::Crash(written))
            }
            Action::Lose(number) => {
                self.left.losses -= 1;
                self.forgetful = Some(number);
                self.die(steps, usize::from(number), Local::Lose)
            }
            Action::Start(number) => self.local(steps, usize::from(number), Local::Start),
            Action::Tick => {
                self.left.ticks -= 1;
                self.pass(steps, TICK)
            }
            Action::Ask(client, number) => {
                self.left.requests -= 1;
                self.pass(steps, 1)?;
                self.local(steps, usize::from(number), Local::Ask(client))
            }
            Action::Renew(client, number) => {
                self.left.requests -= 1;
                self.pass(steps, 1)?;
                let Some(held) = self.held[usize::from(client)] else { return Ok(()) };
                self.local(steps, usize::from(number), Local::Renew(client, held.address))
            }
            Action::Release(client, number) => {
                self.left.requests -= 1;
                self.pass(steps, 1)?;
                let Some(held) = self.held[usize::from(client)].take() else { return Ok(()) };
                for index in SIDES {
                    self.local(steps, index, Local::Forget(client))?;
                }
                self.local(steps, usize::from(number), Local::Release(client, held.address))
            }
            Action::Declare(number) => {
                self.left.declarations -= 1;
                self.declared = Some(1 - number);
                self.local(steps, usize::from(number), Local::Declare)
            }
        }
    }

    fn deliver(&mut self, steps: &mut Steps, index: usize) -> Result<(), Violation> {
        match self.inbox[index].pop_front() {
            Some(Item::Message(link, message)) => {
                self.local(steps, index, Local::Received(link, message))
            }
            Some(Item::End(link)) => self.local(steps, index, Local::Disconnected(link)),
            None => Ok(()),
        }
    }

    fn connect(&mut self, steps: &mut Steps) -> Result<(), Violation> {
        self.connections += 1;
        let link = self.connections;
        self.connection = Some(link);
        self.local(steps, PRIMARY, Local::Connected(link, true))?;
        self.local(steps, SECONDARY, Local::Connected(link, false))
    }

    fn notice(&mut self, steps: &mut Steps, index: usize) -> Result<(), Violation> {
        let link = u8::try_from(self.broken[index].trailing_zeros()).unwrap_or_default();
        self.forget(index, link);
        self.local(steps, index, Local::Disconnected(link))
    }

    /// Nothing of this connection reaches the server any more.
    fn forget(&mut self, index: usize, link: u8) {
        self.broken[index] &= !(1 << link);
        self.inbox[index].retain(|item| match item {
            Item::Message(on, _) | Item::End(on) => *on != link,
        });
    }

    fn break_connection(&mut self, survivors: &[usize]) {
        if let Some(link) = self.connection.take() {
            for index in survivors {
                self.broken[*index] |= 1 << link;
            }
        }
    }

    fn die(&mut self, steps: &mut Steps, index: usize, how: Local) -> Result<(), Violation> {
        self.break_connection(&[1 - index]);
        self.inbox[index].clear();
        self.broken[index] = 0;
        self.local(steps, index, how)
    }

    /// Time passes for everybody; leases end.
    fn pass(&mut self, steps: &mut Steps, seconds: u16) -> Result<(), Violation> {
        self.clock += seconds;
        for held in &mut self.held {
            *held = held.filter(|held| held.end > self.clock);
        }
        for index in SIDES {
            self.local(steps, index, Local::Woken)?;
        }
        Ok(())
    }

    fn local(&mut self, steps: &mut Steps, index: usize, local: Local) -> Result<(), Violation> {
        let outcome: Rc<Outcome> = steps.step(index, self.sides[index], local, self.clock)?;
        self.sides[index] = outcome.side;
        for effect in &outcome.effects {
            tell(steps, index, effect);
            self.take_effect(steps, index, effect)?;
        }
        Ok(())
    }

    fn take_effect(
        &mut self,
        steps: &mut Steps,
        index: usize,
        effect: &Effect,
    ) -> Result<(), Violation> {
        match effect {
            Effect::Send(link, message) => {
                if self.connection == Some(*link) {
                    self.inbox[1 - index].push_back(Item::Message(*link, *message));
                }
            }
            Effect::Close(link) => {
                self.forget(index, *link);
                if self.connection == Some(*link) {
                    self.connection = None;
                    self.inbox[1 - index].push_back(Item::End(*link));
                }
            }
            Effect::Granted { client, address, end } => {
                // What a lost disk knew was promised all the same: RECOVER-WAIT makes up for it.
                if self.forgetful.is_none_or(|number| usize::from(number) == index) {
                    let partner = steps.side(self.sides[1 - index]);
                    let stored = partner.stored(*address);
                    properties::lease_is_limited(*client, *end, stored, self.clock)?;
                }
            }
            Effect::Acknowledged { client, address, end } => {
                self.acknowledge(*client, *address, *end);
            }
            Effect::Refused { client } => self.held[usize::from(*client)] = None,
            Effect::Reported(_) => {}
        }
        Ok(())
    }

    /// A client takes the first lease that it gets, and a longer one on the same address.
    fn acknowledge(&mut self, client: u8, address: std::net::Ipv4Addr, end: u16) {
        let index = ADDRESSES.iter().position(|one| *one == address);
        let Some(address) = index.and_then(|index| u8::try_from(index).ok()) else { return };
        let held = &mut self.held[usize::from(client)];
        let end = match held {
            Some(held) if held.address != address => return,
            Some(held) => held.end.max(end),
            None => end,
        };
        *held = Some(Held { address, end }).filter(|held| held.end > self.clock);
    }

    // Properties of the pair.

    fn check(&self, steps: &mut Steps) -> Result<(), Violation> {
        properties::no_address_is_doubled(&self.held)?;
        let offers = SIDES.map(|side| steps.offers(self.sides[side], self.clock));
        for (client, held) in self.held.iter().enumerate() {
            let Some(held) = held else { continue };
            let others = (0..=CLIENTS).filter(|other| *other != client);
            for other in others {
                for side in SIDES {
                    let offered = offers[side][other] >> held.address & 1 == 1;
                    properties::held_is_not_offered(offered, *held, side)?;
                }
            }
        }
        for address in 0..ADDRESSES.len() {
            let offered_by = SIDES.map(|side| offers[side][CLIENTS] >> address & 1 == 1);
            properties::pools_are_disjoint(offered_by, address)?;
        }
        Ok(())
    }

    // For storing.

    /// Appends this state to `out`, preceded by nothing: it says itself where it ends.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        for side in self.sides {
            out.extend(side.to_le_bytes());
        }
        for inbox in &self.inbox {
            out.push(u8::try_from(inbox.len()).expect("fewer than 256 items"));
            for item in inbox {
                let (link, message) = match item {
                    Item::Message(link, message) => (*link, message.0),
                    Item::End(link) => (*link | 0x80, 0),
                };
                out.push(link);
                out.extend(message.to_le_bytes());
            }
        }
        out.extend([self.connection.unwrap_or(0), self.connections]);
        for broken in self.broken {
            out.extend(broken.to_le_bytes());
        }
        for held in self.held {
            let Held { address, end } = held.unwrap_or(Held { address: u8::MAX, end: 0 });
            out.push(address);
            out.extend(end.to_le_bytes());
        }
        out.extend([self.declared, self.forgetful].map(|number| number.unwrap_or(u8::MAX)));
        out.extend(self.clock.to_le_bytes());
        out.extend(self.left.to_octets());
    }

    /// Takes a state off the front of what [`write`](Self::write) wrote.
    pub(crate) fn read(octets: &mut &[u8]) -> Self {
        let sides = [read_u32(octets), read_u32(octets)];
        let inbox = [read_inbox(octets), read_inbox(octets)];
        let [connection, connections] = take(octets);
        let broken = [read_u16(octets), read_u16(octets)];
        let held = [read_held(octets), read_held(octets)];
        let marked = take::<2>(octets).map(|number| (number != u8::MAX).then_some(number));
        let [declared, forgetful] = marked;
        let clock = read_u16(octets);
        let left = Bounds::from_octets(take(octets));
        Self {
            sides,
            inbox,
            connection: (connection != 0).then_some(connection),
            connections,
            broken,
            held,
            declared,
            forgetful,
            clock,
            left,
        }
    }
}

/// Adds an effect to the story, if one is written.
fn tell(steps: &mut Steps, index: usize, effect: &Effect) {
    let Some(story) = &mut steps.story else { return };
    let server = SERVERS[index];
    story.push(match effect {
        Effect::Send(_, message) => {
            let octets = steps.messages.get(*message);
            match Frame::parse(&octets) {
                Ok(frame) => format!("{server} sends {}", Line(frame)),
                Err(error) => format!("{server} sends what cannot be read: {error}"),
            }
        }
        Effect::Close(link) => format!("{server} closes connection {link}"),
        Effect::Granted { client, address, end } => {
            format!("{server} leases {address} to {} until {end}", NAMES[usize::from(*client)])
        }
        Effect::Acknowledged { client, address, end } => {
            format!("{} has {address} until {end}", NAMES[usize::from(*client)])
        }
        Effect::Refused { client } => {
            format!("{} is refused by the {server}", NAMES[usize::from(*client)])
        }
        Effect::Reported(what) => format!("{server}: {what}"),
    });
}

fn take<const N: usize>(octets: &mut &[u8]) -> [u8; N] {
    let (first, rest) = octets.split_first_chunk().expect("a whole state");
    *octets = rest;
    *first
}

fn read_u16(octets: &mut &[u8]) -> u16 {
    u16::from_le_bytes(take(octets))
}

fn read_u32(octets: &mut &[u8]) -> u32 {
    u32::from_le_bytes(take(octets))
}

fn read_inbox(octets: &mut &[u8]) -> VecDeque<Item> {
    let [count] = take(octets);
    let item = |_| {
        let [link] = take(octets);
        let message = MessageNumber(read_u32(octets));
        if link & 0x80 == 0 { Item::Message(link, message) } else { Item::End(link & 0x7f) }
    };
    (0..count).map(item).collect()
}

fn read_held(octets: &mut &[u8]) -> Option<Held> {
    let [address] = take(octets);
    let end = read_u16(octets);
    (address != u8::MAX).then_some(Held { address, end })
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let server = |number: u8| SERVERS[usize::from(number)];
        let client = |number: u8| NAMES[usize::from(number)];
        match *self {
            Self::Deliver(side) => write!(f, "the {} receives", server(side)),
            Self::Write(side) => write!(f, "the {}'s disk has all", server(side)),
            Self::Connect => f.write_str("the primary connects"),
            Self::Notice(side) => write!(f, "the {} notices the broken connection", server(side)),
            Self::Cut => f.write_str("the connection breaks"),
            Self::Crash(side, 0) => write!(f, "the {} crashes", server(side)),
            Self::Crash(side, written) => {
                write!(f, "the {} crashes; {written} more commits are on its disk", server(side))
            }
            Self::Lose(side) => write!(f, "the {} dies and its disk is lost", server(side)),
            Self::Start(side) => write!(f, "the {} starts", server(side)),
            Self::Tick => f.write_str("half an MCLT passes"),
            Self::Ask(who, side) => write!(f, "{} asks the {}", client(who), server(side)),
            Self::Renew(who, side) => write!(f, "{} renews at the {}", client(who), server(side)),
            Self::Release(who, side) => {
                write!(f, "{} releases at the {}", client(who), server(side))
            }
            Self::Declare(side) => {
                write!(f, "the operator of the {} declares the partner down", server(side))
            }
        }
    }
}
