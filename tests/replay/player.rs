//! Puts an endpoint in the place of one captured server and feeds it what that server met.
//!
//! The other server is the capture: its messages come at their times, whatever the endpoint says.
//! Its answers are translated to what they answer: a BNDACK goes to the endpoint's update that
//! corresponds to the captured one, UPDDONE, POOLRESP and CONNECTACK to its request. What the
//! endpoint asks and the captured server did not ask is answered as a dhcpd would: updates are
//! accepted, requests find nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use twinlease::durable::{Change, EndpointRecord, Recovered};
use twinlease::endpoint::{
    Availability, BindingChange, ConnectFailure, Event, FailoverEndpoint, Input, LeaseAuthority,
    LeaseDetails, LinkId, OperatorCommand, Origin, Output,
};
use twinlease::time::{Instant, Now, UnixTime};
use twinlease::wire::{
    BindingReply, BindingStatus, BndAck, Dialect, FailoverState, Frame, Message, MessageType, Xid,
};

use crate::activity::{self, Activity, What};
use crate::conversation::{
    Conversation, Spoken, message_type, read, readdressed, reply_of, update_of,
};
use crate::difference::Differences;
use crate::scenario::Scenario;
use crate::server_log::Logged;
use crate::side::Side;
use crate::tcp::{Answer, Micros};

/// Updates of the same address and status this far apart tell of the same thing.
const SAME_UPDATE: Micros = 10_000_000;

/// Two servers that close a connection this far apart do it for the same reason.
const SAME_CLOSE: Micros = 1_000_000;

/// By how much the loser of a race is delayed.
const RACE: Micros = 1000;

/// A log line may come this much later than what it tells of.
const LOG_DELAY: Micros = 20_000;

/// After how long something is answered that the captured server never asked.
const IMPROVISED: Micros = 1000;

/// What the capture and the log have in store for the endpoint.
#[derive(Clone, Debug)]
enum Happening {
    Start,
    Stop,
    Operator(OperatorCommand),
    Activity(Activity),
    DialRefused,
    Opened(usize),
    Closed(usize, Side),
    /// The captured server gave its connection up, and nothing of that got through.
    Lost,
    Message(usize),
    /// An answer that had to be translated.
    Answer(usize, Vec<u8>),
    /// The partner is reached again over a connection that the endpoint closed for reasons of its
    /// own.
    Reopened(usize),
}

/// A message that the endpoint sent.
#[derive(Debug)]
pub struct Said {
    pub at: Micros,
    pub connection: usize,
    pub octets: Vec<u8>,
    /// The captured message that it corresponds to: only updates are paired.
    pub twin: Option<usize>,
}

/// What came of it.
#[derive(Debug)]
pub struct Outcome {
    pub said: Vec<Said>,
    /// States entered, and when.
    pub states: Vec<(Micros, FailoverState)>,
    pub bindings: Vec<twinlease::binding::Binding>,
    /// What is remarkable in itself.
    pub differences: Differences,
}

/// The store: what a process that starts again finds.
#[derive(Default)]
struct Store {
    endpoint: Option<EndpointRecord>,
    bindings: BTreeMap<Ipv4Addr, twinlease::binding::Binding>,
}

pub struct Player<'a> {
    scenario: Scenario,
    own: Side,
    conversation: &'a Conversation,
    happenings: BTreeMap<(Micros, usize), Happening>,
    scheduled: usize,
    now: Micros,
    wake_at: Option<Micros>,
    endpoint: Option<FailoverEndpoint>,
    runs: usize,
    store: Store,
    /// Connections that the endpoint knows.
    links: BTreeMap<LinkId, usize>,
    links_so_far: u64,
    /// Connections that the captured servers have now.
    open: BTreeSet<usize>,
    /// The xid of the endpoint's CONNECT on each connection, or of its request.
    connects: BTreeMap<usize, Xid>,
    requests: BTreeMap<usize, Xid>,
    pool_requests: BTreeMap<usize, Xid>,
    /// UPDDONE came before the endpoint had asked.
    done_early: BTreeSet<usize>,
    reopened: BTreeSet<usize>,
    /// Connections that the endpoint closed and has not said why.
    hung_up: Vec<usize>,
    paired: BTreeSet<usize>,
    /// When the captured server lost its connections.
    disconnects: Vec<Micros>,
    outcome: Outcome,
}

impl<'a> Player<'a> {
    pub fn new(
        scenario: Scenario,
        own: Side,
        conversation: &'a Conversation,
        log: &[(Micros, Logged)],
    ) -> Self {
        let mut player = Self {
            scenario,
            own,
            conversation,
            happenings: BTreeMap::new(),
            scheduled: 0,
            now: 0,
            wake_at: None,
            endpoint: None,
            runs: 0,
            store: Store::default(),
            links: BTreeMap::new(),
            links_so_far: 0,
            open: BTreeSet::new(),
            connects: BTreeMap::new(),
            requests: BTreeMap::new(),
            pool_requests: BTreeMap::new(),
            done_early: BTreeSet::new(),
            reopened: BTreeSet::new(),
            hung_up: Vec::new(),
            paired: BTreeSet::new(),
            disconnects: Vec::new(),
            outcome: Outcome {
                said: Vec::new(),
                states: Vec::new(),
                bindings: Vec::new(),
                differences: Differences::default(),
            },
        };
        player.plan_log(log);
        player.plan_activity();
        player.plan_capture();
        player
    }

    fn plan(&mut self, at: Micros, happening: Happening) {
        self.scheduled += 1;
        self.happenings.insert((at, self.scheduled), happening);
    }

    fn plan_log(&mut self, log: &[(Micros, Logged)]) {
        let own_dials: Vec<Micros> = self
            .conversation
            .connections
            .iter()
            .filter_map(|connection| match connection.answer {
                Answer::Accepted(at) | Answer::Refused(at) => Some(at.micros),
                Answer::Nothing => None,
            })
            .collect();
        let mut stopped = 0;
        for &(at, logged) in log {
            match logged {
                Logged::Started => {
                    // The log is written a moment after the first SYN.
                    let first = own_dials.iter().copied().find(|dial| *dial > stopped);
                    let begin = if stopped == 0 { self.conversation.begin } else { at };
                    self.plan(begin.min(at).min(first.unwrap_or(at)) - 1, Happening::Start);
                }
                Logged::Stopped => {
                    stopped = at;
                    self.plan(at, Happening::Stop);
                }
                Logged::Disconnected => {
                    self.disconnects.push(at);
                    self.plan(at + LOG_DELAY, Happening::Lost);
                }
                Logged::AskedToShutDown => {
                    self.plan(at, Happening::Operator(OperatorCommand::Shutdown));
                }
                Logged::Moved(FailoverState::CommunicationsInterrupted, to)
                    if to == FailoverState::PartnerDown
                        && self.scenario.is_declared_alone(self.own) =>
                {
                    let command = OperatorCommand::PartnerDown { forced: false };
                    self.plan(at, Happening::Operator(command));
                }
                Logged::Moved(_, FailoverState::Paused) => {
                    self.plan(at, Happening::Operator(OperatorCommand::Pause));
                }
                Logged::Moved(FailoverState::Paused, _) => {
                    // A paused twinlease comes back by starting again.
                    self.plan(at, Happening::Stop);
                    self.plan(at, Happening::Start);
                }
                Logged::Moved(..) => {}
            }
        }
    }

    fn plan_activity(&mut self) {
        for activity in activity::of(self.conversation, self.own) {
            self.plan(activity.at, Happening::Activity(activity));
        }
    }

    fn plan_capture(&mut self) {
        let mut planned = Vec::new();
        let losers = self.losers();
        for (number, connection) in self.conversation.connections.iter().enumerate() {
            match connection.answer {
                Answer::Accepted(at) => planned.push((at, Happening::Opened(number))),
                Answer::Refused(at) if connection.dialler == self.own => {
                    planned.push((at, Happening::DialRefused));
                }
                Answer::Refused(_) | Answer::Nothing => {}
            }
            if let Some((mut at, side)) = connection.closed_for(self.own) {
                if losers.contains(&number) {
                    at.micros += 2 * RACE;
                }
                planned.push((at, Happening::Closed(number, side)));
            }
        }
        for (number, spoken) in self.conversation.messages.iter().enumerate() {
            if spoken.sender != self.own
                && let Some(mut at) = spoken.delivered
            {
                if losers.contains(&spoken.connection) {
                    at.micros += RACE;
                }
                planned.push((at, Happening::Message(number)));
            }
        }
        planned.sort_by_key(|(at, happening)| {
            (*at, matches!(happening, Happening::Closed(..)), order_of_message(happening))
        });
        for (at, happening) in planned {
            self.plan(at.micros, happening);
        }
    }

    /// Connections that lost a race: both servers dialled, and the captured server turned one of
    /// the two down without a word. Which one is a matter of microseconds; twinlease is to meet the
    /// one that won first.
    fn losers(&self) -> BTreeSet<usize> {
        let answered: BTreeSet<usize> = self
            .conversation
            .of_type(self.own, MessageType::CONNECTACK)
            .map(|(_, spoken)| spoken.connection)
            .collect();
        self.conversation
            .of_type(self.own.other(), MessageType::CONNECT)
            .map(|(_, spoken)| spoken.connection)
            .filter(|connection| !answered.contains(connection))
            .collect()
    }

    /// Plays everything up to `end`.
    pub fn play(mut self, end: Micros) -> Outcome {
        loop {
            let next = self.happenings.first_key_value().map(|((at, _), _)| *at);
            let wake_at = self.wake_at.filter(|_| self.endpoint.is_some());
            let earliest = next.into_iter().chain(wake_at).min();
            let Some(at) = earliest.filter(|at| *at < end) else { break };
            self.now = self.now.max(at);
            if wake_at.is_some_and(|wake_at| next.is_none_or(|next| wake_at < next)) {
                self.input(Input::TimeReached);
            } else if let Some((_, happening)) = self.happenings.pop_first() {
                self.happen(happening);
            }
        }
        if let Some(endpoint) = &self.endpoint {
            self.outcome.bindings = endpoint.table().iter().collect();
        }
        self.outcome
    }

    fn now(&self) -> Now {
        let wall = UnixTime(u32::try_from(self.now / 1_000_000).unwrap());
        let monotonic = Instant::from_micros(self.now + 1_000_000 - self.conversation.begin);
        Now { monotonic, wall }
    }

    fn note(&mut self, kind: impl Into<String>, place: impl Into<String>) {
        let seconds = self.now.saturating_sub(self.conversation.begin) / 1000;
        let place = format!("{}.{:03} {}", seconds / 1000, seconds % 1000, place.into());
        self.outcome.differences.note(kind, place);
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Start => self.start(),
            Happening::Stop => {
                self.endpoint = None;
                self.links.clear();
            }
            Happening::Operator(command) => {
                let now = self.now();
                if let Some(endpoint) = &mut self.endpoint
                    && let Err(refused) = endpoint.operator(now, command)
                {
                    self.note(format!("operator's {command:?}: {refused}"), "");
                }
                self.pump();
            }
            Happening::Activity(activity) => self.act(&activity),
            Happening::DialRefused => self.input(Input::ConnectFailed(ConnectFailure::Refused)),
            Happening::Opened(connection) => {
                self.open.insert(connection);
                let dialler = self.conversation.connections[connection].dialler;
                let origin = if dialler == self.own { Origin::Dialled } else { Origin::Accepted };
                self.connect(connection, origin);
            }
            Happening::Closed(connection, side) => self.close(connection, side),
            Happening::Message(number) => self.hear(number),
            Happening::Answer(connection, mut octets) => {
                octets[4..8].copy_from_slice(&self.now().wall.0.to_be_bytes());
                self.deliver(connection, &octets);
            }
            Happening::Lost => self.lose_all(),
            Happening::Reopened(connection) => self.reopen(connection),
        }
    }

    fn start(&mut self) {
        if self.scenario.loses_database == Some(self.own) && self.runs == 1 {
            self.store = Store::default();
        }
        let recovered = Recovered {
            endpoint: self.store.endpoint.clone(),
            bindings: self.store.bindings.values().cloned().collect(),
        };
        let config = self.scenario.config(self.own, self.runs);
        self.runs += 1;
        self.endpoint = Some(FailoverEndpoint::new(config, recovered, self.now()).unwrap());
        self.pump();
    }

    fn connect(&mut self, connection: usize, origin: Origin) {
        if self.endpoint.is_none() {
            return;
        }
        self.links_so_far += 1;
        let link = LinkId(self.links_so_far);
        self.links.insert(link, connection);
        self.input(Input::Connected { link, origin });
    }

    fn link_of(&self, connection: usize) -> Option<LinkId> {
        self.links.iter().find(|(_, known)| **known == connection).map(|(link, _)| *link)
    }

    fn close(&mut self, connection: usize, side: Side) {
        self.open.remove(&connection);
        self.requests.remove(&connection);
        self.done_early.remove(&connection);
        if let Some(link) = self.link_of(connection) {
            self.links.remove(&link);
            if side == self.own {
                self.note("connection closed by dhcpd only", format!("connection {connection}"));
            }
            self.input(Input::Disconnected { link });
        }
    }

    fn lose_all(&mut self) {
        for connection in self.open.clone() {
            self.close(connection, self.own);
        }
    }

    /// The captured partner says something.
    fn hear(&mut self, number: usize) {
        let Spoken { connection, octets, .. } = &self.conversation.messages[number];
        let (connection, octets) = (*connection, octets.as_slice());
        let request = match message_type(octets) {
            // Goes to the update that it answers, see `pair`; here it is a sign of life.
            MessageType::BNDACK => {
                let time = UnixTime(u32::from_be_bytes(octets[4..8].try_into().unwrap()));
                let mut contact = Vec::new();
                Message::Contact.encode(time, Xid(0), Dialect::Isc, &mut contact).unwrap();
                return self.deliver(connection, &contact);
            }
            MessageType::CONNECTACK => self.connects.get(&connection).copied(),
            MessageType::UPDDONE => {
                let request = self.requests.remove(&connection);
                if request.is_none() {
                    self.done_early.insert(connection);
                }
                request
            }
            MessageType::POOLRESP => self.pool_requests.remove(&connection),
            _ => return self.deliver(connection, octets),
        };
        if let Some(xid) = request {
            let octets = readdressed(octets, self.now().wall.0, xid);
            self.deliver(connection, &octets);
        }
    }

    fn deliver(&mut self, connection: usize, octets: &[u8]) {
        if let Some(link) = self.link_of(connection) {
            let frame = Frame::parse(octets).unwrap();
            self.input(Input::Received { link, frame });
        }
    }

    fn input(&mut self, input: Input<'_>) {
        let now = self.now();
        if let Some(endpoint) = &mut self.endpoint {
            endpoint.handle_input(now, input);
            self.pump();
        }
    }

    /// Carries out what the endpoint wants.
    fn pump(&mut self) {
        while let Some(endpoint) = &mut self.endpoint {
            match endpoint.poll_output() {
                Output::Commit(commit) => {
                    match commit.change {
                        Change::Binding(binding) => {
                            self.store.bindings.insert(binding.address, binding);
                        }
                        Change::Endpoint(record) => self.store.endpoint = Some(record),
                    }
                    let now = self.now();
                    if let Some(endpoint) = &mut self.endpoint {
                        endpoint.handle_input(now, Input::Committed(commit.id));
                    }
                }
                Output::Connect => self.dial(),
                Output::Transmit(link) => {
                    let mut octets = Vec::new();
                    endpoint.take_transmit(link, &mut octets);
                    self.say(link, &octets);
                }
                Output::StartTls { .. } => panic!("a dhcpd has no TLS"),
                Output::Close(link) => self.hang_up(link),
                Output::Event(event) => self.take_note(event),
                Output::Idle { wake_at } => {
                    let offset = self.conversation.begin - 1_000_000;
                    self.wake_at = wake_at.map(|at| (at.as_micros() + offset).max(self.now));
                    return;
                }
            }
        }
    }

    fn take_note(&mut self, event: Event) {
        match event {
            Event::Transition { to, .. } => self.outcome.states.push((self.now, to)),
            Event::CommunicationsInterrupted(end) | Event::ConnectionRefused(end) => {
                for connection in std::mem::take(&mut self.hung_up) {
                    let kind = format!("connection closed by twinlease only: {end}");
                    self.note(kind, format!("connection {connection}"));
                }
            }
            Event::ClockJumped { .. } | Event::StorageFailed => {
                self.note(format!("event: {event}"), "");
            }
            _ => {}
        }
    }

    /// The endpoint wants a connection. The captured ones come by themselves; here is one only if
    /// the endpoint closed what the captured servers kept.
    fn dial(&mut self) {
        let kept = self.open.iter().copied().find(|connection| self.link_of(*connection).is_none());
        if let Some(connection) = kept.filter(|_| self.links.is_empty()) {
            self.plan(self.now + IMPROVISED, Happening::Reopened(connection));
        }
    }

    fn reopen(&mut self, connection: usize) {
        if !self.open.contains(&connection) || !self.links.is_empty() {
            return self.input(Input::ConnectFailed(ConnectFailure::Unreachable));
        }
        self.reopened.insert(connection);
        self.connect(connection, Origin::Dialled);
        if self.own == Side::Secondary {
            self.repeat(connection, MessageType::CONNECT, None);
        }
    }

    /// Says the partner's last message of a type once more.
    fn repeat(&mut self, connection: usize, message_type: MessageType, xid: Option<Xid>) {
        let last = self
            .conversation
            .of_type(self.own.other(), message_type)
            .map(|(_, spoken)| spoken)
            .filter(|spoken| spoken.connection == connection && spoken.at.micros <= self.now)
            .last();
        if let Some(spoken) = last {
            let xid = xid.unwrap_or(read(&spoken.octets).0);
            let octets = readdressed(&spoken.octets, self.now().wall.0, xid);
            self.plan(self.now + IMPROVISED, Happening::Answer(connection, octets));
        }
    }

    fn hang_up(&mut self, link: LinkId) {
        let Some(connection) = self.links.remove(&link) else { return };
        let seen = self.conversation.connections[connection].closed_for(self.own);
        let mut closes = self.disconnects.iter().copied().chain(seen.map(|(at, _)| at.micros));
        let as_captured = closes.any(|at| at.abs_diff(self.now) < SAME_CLOSE);
        if as_captured {
            self.open.remove(&connection);
        }
        if !as_captured && self.open.contains(&connection) {
            self.hung_up.push(connection);
        }
    }

    /// The endpoint has sent these octets.
    fn say(&mut self, link: LinkId, mut octets: &[u8]) {
        let connection = self.links[&link];
        while let Some(frame) = Frame::take(&mut octets, Dialect::Isc).unwrap() {
            let xid = frame.header.xid;
            let mut copy = Vec::new();
            twinlease::wire::encode_frame(&frame, &mut copy).unwrap();
            let mut said = Said { at: self.now, connection, octets: copy, twin: None };
            match frame.header.message_type {
                MessageType::CONNECT => {
                    self.connects.insert(connection, xid);
                    if self.reopened.contains(&connection) {
                        self.repeat(connection, MessageType::CONNECTACK, Some(xid));
                        self.repeat(connection, MessageType::STATE, None);
                    }
                }
                MessageType::CONNECTACK if self.reopened.contains(&connection) => {
                    self.repeat(connection, MessageType::STATE, None);
                }
                MessageType::BNDUPD => said.twin = self.pair(connection, xid, &said.octets),
                MessageType::UPDREQ | MessageType::UPDREQALL => self.request(connection, xid),
                MessageType::POOLREQ => self.request_addresses(connection, xid),
                _ => {}
            }
            self.outcome.said.push(said);
        }
    }

    /// Finds the captured update that tells the same, and plans its answer.
    fn pair(&mut self, connection: usize, xid: Xid, octets: &[u8]) -> Option<usize> {
        let told = update_of(octets).unwrap();
        let heard = last_transaction_of(octets);
        let twin = self
            .conversation
            .of_type(self.own, MessageType::BNDUPD)
            .filter(|(number, _)| !self.paired.contains(number))
            .filter(|(_, spoken)| update_of(&spoken.octets) == Some(told))
            .filter(|(_, spoken)| match last_transaction_of(&spoken.octets) {
                0 => spoken.at.micros.abs_diff(self.now) < SAME_UPDATE,
                captured if told.1 == BindingStatus::Active => captured.abs_diff(heard) <= 1,
                _ => spoken.at.micros.abs_diff(self.now) < SAME_UPDATE,
            })
            .map(|(number, spoken)| (spoken.at.micros.abs_diff(self.now), number))
            .min()
            .map(|(_, number)| number);
        let wall = self.now().wall;
        let (at, answer) = if let Some(number) = twin {
            self.paired.insert(number);
            let spoken = &self.conversation.messages[number];
            let answer = self.conversation.answer(spoken, MessageType::BNDACK);
            let Some((answer, at)) = answer.and_then(|answer| Some((answer, answer.delivered?)))
            else {
                return twin;
            };
            (at.micros, readdressed(&answer.octets, wall.0, xid))
        } else {
            let reply = [BindingReply { address: told.0, reject: None }];
            let mut answer = Vec::new();
            Message::BndAck(BndAck::of(&reply))
                .encode(wall, xid, Dialect::Isc, &mut answer)
                .unwrap();
            (self.now, answer)
        };
        self.plan(at.max(self.now + IMPROVISED), Happening::Answer(connection, answer));
        twin
    }

    fn request(&mut self, connection: usize, xid: Xid) {
        self.requests.insert(connection, xid);
        let to_come = self
            .conversation
            .of_type(self.own.other(), MessageType::UPDDONE)
            .any(|(_, spoken)| spoken.connection == connection && spoken.at.micros >= self.now);
        if self.done_early.remove(&connection) || !to_come {
            self.requests.remove(&connection);
            self.improvise(connection, xid, &Message::UpdDone);
        }
    }

    fn request_addresses(&mut self, connection: usize, xid: Xid) {
        let to_come = self
            .conversation
            .of_type(self.own.other(), MessageType::POOLRESP)
            .any(|(_, spoken)| spoken.at.micros.abs_diff(self.now) < SAME_UPDATE);
        if to_come {
            self.pool_requests.insert(connection, xid);
        } else {
            let nothing = Message::PoolResp { addresses_transferred: Some(0) };
            self.improvise(connection, xid, &nothing);
        }
    }

    fn improvise(&mut self, connection: usize, xid: Xid, message: &Message<'_>) {
        let mut octets = Vec::new();
        message.encode(self.now().wall, xid, Dialect::Isc, &mut octets).unwrap();
        self.plan(self.now + IMPROVISED, Happening::Answer(connection, octets));
    }

    /// A client or an operator does at the endpoint what it did at the captured server.
    fn act(&mut self, activity: &Activity) {
        let now = self.now();
        let address = activity.address;
        let Some(endpoint) = &mut self.endpoint else { return };
        let change = match &activity.what {
            What::Leased(client) => {
                let client = client.as_ref();
                let availability = endpoint.availability(address, &client, now);
                let grant = endpoint.grant(address, &client, self.scenario.lease, now);
                if let Availability::No(why) = availability {
                    self.note(
                        format!("leased by dhcpd, not available to twinlease: {why:?}"),
                        address.to_string(),
                    );
                }
                BindingChange::Leased { address, client, grant, details: LeaseDetails::default() }
            }
            What::Released => BindingChange::Released { address },
            What::Declined => BindingChange::Abandoned { address },
            What::Reset => BindingChange::Reset { address },
        };
        if let Some(endpoint) = &mut self.endpoint {
            endpoint.record(now, change).unwrap();
        }
        self.pump();
    }
}

/// client-last-transaction-time of a BNDUPD; 0 if it is missing.
fn last_transaction_of(octets: &[u8]) -> u32 {
    let (_, Message::BndUpd(bndupd)) = read(octets) else { return 0 };
    let update = bndupd.updates().next();
    update.and_then(|update| update.client_last_transaction).map_or(0, |time| time.0)
}

/// Messages in the order in which they were sent.
fn order_of_message(happening: &Happening) -> usize {
    match happening {
        Happening::Message(number) => *number,
        _ => 0,
    }
}

/// The status that an update leads to once both servers agree.
pub fn settled(status: BindingStatus) -> BindingStatus {
    match status {
        BindingStatus::Expired | BindingStatus::Released | BindingStatus::Reset => {
            BindingStatus::Free
        }
        other => other,
    }
}

/// How the endpoint answered a captured BNDUPD.
pub fn verdict_of(said: &[Said], bndupd: &Spoken) -> crate::conversation::Verdict {
    let (address, _) = update_of(&bndupd.octets).unwrap();
    let xid = read(&bndupd.octets).0;
    said.iter()
        .filter(|said| said.connection >= bndupd.connection && read(&said.octets).0 == xid)
        .filter_map(|said| reply_of(&said.octets))
        .find(|(replied, _)| *replied == address)
        .map_or(crate::conversation::Verdict::Unanswered, |(_, verdict)| verdict)
}
