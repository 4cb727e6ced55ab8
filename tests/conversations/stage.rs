//! The server under test with its disk and clocks, and the wires to its partner.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::Ipv4Addr;

use twinlease::binding::Binding;
use twinlease::durable::{Change, Commit, CommitId, EndpointRecord, Recovered};
use twinlease::endpoint::{
    ConnectFailure, Event, FailoverEndpoint, Input, LinkId, Origin, Output, RelationshipConfig,
};
use twinlease::time::{Instant, Now, UnixTime};
use twinlease::wire::codes::{FailoverState, MessageType, Xid};
use twinlease::wire::frame::{Deframer, Frame};
use twinlease::wire::message::Message;
use twinlease::wire::pretty::Line;

use crate::language::START;
use crate::options::Context;
use crate::partner::{Draft, Partner};

/// Steps without rest after which the server is said to be spinning.
const MAX_STEPS: usize = 1_000_000;

/// How often a partner that keeps in contact says so, in microseconds.
const CONTACT: u64 = 5_000_000;

/// What happens when the server dials.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Network {
    Unreachable,
    Refuses,
    Listens,
}

/// Something the partner sees.
#[derive(Clone)]
pub(crate) enum Seen {
    Message { link: String, octets: Vec<u8> },
    Closed { link: String },
}

impl Seen {
    pub(crate) fn link(&self) -> &str {
        match self {
            Self::Message { link, .. } | Self::Closed { link } => link,
        }
    }

    /// Signs of life are expected by name or not at all.
    pub(crate) fn is_contact(&self) -> bool {
        matches!(self, Self::Message { octets, .. } if octets.get(2) == Some(&MessageType::CONTACT.0))
    }
}

impl std::fmt::Display for Seen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Message { octets, .. } => match Frame::parse(octets) {
                Ok(frame) => Line(frame).fmt(f),
                Err(error) => write!(f, "unreadable octets: {error}"),
            },
            Self::Closed { link } => write!(f, "the end of connection {link}"),
        }
    }
}

struct Wire {
    name: String,
    id: LinkId,
    to_server: Deframer,
}

/// What is on stable storage.
#[derive(Default)]
pub(crate) struct Disk {
    pub(crate) record: Option<EndpointRecord>,
    pub(crate) bindings: BTreeMap<Ipv4Addr, Binding>,
    waiting: VecDeque<Commit>,
    is_slow: bool,
    durable: CommitId,
}

/// Everything around one server.
pub(crate) struct Stage {
    pub(crate) config: RelationshipConfig,
    pub(crate) endpoint: Option<FailoverEndpoint>,
    pub(crate) disk: Disk,
    pub(crate) partner: Partner,
    pub(crate) network: Network,
    /// Microseconds since the beginning.
    pub(crate) now: u64,
    /// How far the wall clocks are ahead of what a script says, in seconds.
    pub(crate) server_ahead: i32,
    pub(crate) partner_ahead: i32,
    pub(crate) keeps_in_contact: bool,
    pub(crate) acknowledges: bool,
    wires: Vec<Wire>,
    last_link: u64,
    next_contact: u64,
    wake_at: Option<Instant>,
    replies: VecDeque<(LinkId, Vec<u8>)>,
    pub(crate) seen: VecDeque<Seen>,
    pub(crate) dials: usize,
    pub(crate) reports: Vec<String>,
    /// Rows of the transition table that any process of the server has applied.
    pub(crate) rows: BTreeSet<&'static str>,
    pub(crate) entered: Option<(FailoverState, &'static str)>,
    /// The conversation so far, for whoever has to find out what went wrong.
    pub(crate) transcript: Vec<String>,
}

impl Stage {
    pub(crate) fn new(config: RelationshipConfig) -> Self {
        Self {
            partner: Partner::new(config.mclt.0),
            config,
            endpoint: None,
            disk: Disk::default(),
            network: Network::Unreachable,
            now: 0,
            server_ahead: 0,
            partner_ahead: 0,
            keeps_in_contact: false,
            acknowledges: false,
            wires: Vec::new(),
            last_link: 0,
            next_contact: 0,
            wake_at: None,
            replies: VecDeque::new(),
            seen: VecDeque::new(),
            dials: 0,
            reports: Vec::new(),
            rows: BTreeSet::new(),
            entered: None,
            transcript: Vec::new(),
        }
    }

    pub(crate) fn clock(&self) -> Now {
        let passed = u32::try_from(self.now / 1_000_000).unwrap_or(u32::MAX);
        Now {
            monotonic: Instant::from_micros(self.now),
            wall: UnixTime((START + passed).wrapping_add_signed(self.server_ahead)),
        }
    }

    fn context(&self, ahead: i32) -> Context {
        Context { dialect: self.config.dialect, now: self.now, ahead }
    }

    pub(crate) fn as_partner(&self) -> Context {
        self.context(self.partner_ahead)
    }

    pub(crate) fn as_server(&self) -> Context {
        self.context(self.server_ahead)
    }

    pub(crate) fn note(&mut self, what: &str) {
        #[expect(clippy::cast_precision_loss, reason = "a script is shorter than an age")]
        let seconds = self.now as f64 / 1e6;
        self.transcript.push(format!("{seconds:>10.3}s {what}"));
    }

    // The process.

    pub(crate) fn start(&mut self) -> Result<(), String> {
        if self.endpoint.is_some() {
            return Err("the server runs already".to_owned());
        }
        let recovered = Recovered {
            endpoint: self.disk.record.clone(),
            bindings: self.disk.bindings.values().cloned().collect(),
        };
        let endpoint = FailoverEndpoint::new(self.config.clone(), recovered, self.clock());
        self.endpoint = Some(endpoint.map_err(|error| error.to_string())?);
        self.disk.durable = CommitId(0);
        self.settle()
    }

    /// The process is gone, and with it what is not on disk and every connection.
    pub(crate) fn crash(&mut self) -> Result<(), String> {
        self.running()?;
        self.note_rows();
        self.endpoint = None;
        self.disk.waiting.clear();
        self.wires.clear();
        self.wake_at = None;
        Ok(())
    }

    /// Remembers which rows the running process has applied.
    pub(crate) fn note_rows(&mut self) {
        let applied = self.endpoint.iter().flat_map(|endpoint| endpoint.applied().iter());
        self.rows.extend(applied.filter(|(_, count)| *count > 0).map(|(row, _)| row));
    }

    pub(crate) fn running(&mut self) -> Result<&mut FailoverEndpoint, String> {
        self.endpoint.as_mut().ok_or_else(|| "the server does not run".to_owned())
    }

    pub(crate) fn input(&mut self, input: Input<'_>) -> Result<(), String> {
        let now = self.clock();
        self.running()?.handle_input(now, input);
        self.settle()
    }

    // The disk.

    pub(crate) fn slow_disk(&mut self, is_slow: bool) -> Result<(), String> {
        self.disk.is_slow = is_slow;
        if is_slow { Ok(()) } else { self.sync() }
    }

    fn sync(&mut self) -> Result<(), String> {
        while let Some(commit) = self.disk.waiting.pop_front() {
            self.write(commit);
        }
        let durable = self.disk.durable;
        if self.endpoint.is_some() { self.input(Input::Committed(durable)) } else { Ok(()) }
    }

    fn write(&mut self, commit: Commit) {
        match commit.change {
            Change::Binding(binding) => {
                self.disk.bindings.insert(binding.address, binding);
            }
            Change::Endpoint(record) => self.disk.record = Some(record),
        }
        self.disk.durable = commit.id;
    }

    pub(crate) fn is_durable(&self, id: CommitId) -> bool {
        id <= self.disk.durable
    }

    // Connections.

    pub(crate) fn connect(&mut self, name: &str, origin: Origin) -> Result<(), String> {
        self.running()?;
        let id = self.add_wire(name)?;
        self.input(Input::Connected { link: id, origin })
    }

    fn add_wire(&mut self, name: &str) -> Result<LinkId, String> {
        if self.wires.iter().any(|wire| wire.name == name) {
            return Err(format!("there is a connection {name} already"));
        }
        self.last_link += 1;
        let id = LinkId(self.last_link);
        let to_server = Deframer::for_dialect(self.config.dialect);
        self.wires.push(Wire { name: name.to_owned(), id, to_server });
        self.next_contact = self.now + CONTACT;
        Ok(id)
    }

    /// The connection with this name, or the newest one.
    fn wire(&mut self, name: Option<&str>) -> Result<&mut Wire, String> {
        let found = match name {
            Some(name) => self.wires.iter_mut().find(|wire| wire.name == name),
            None => self.wires.last_mut(),
        };
        found.ok_or_else(|| format!("there is no connection {}", name.unwrap_or_default()))
    }

    pub(crate) fn disconnect(&mut self, name: Option<&str>) -> Result<(), String> {
        let id = self.wire(name)?.id;
        self.wires.retain(|wire| wire.id != id);
        self.input(Input::Disconnected { link: id })
    }

    /// Octets travel from the partner to the server and are cut into messages there.
    pub(crate) fn send(&mut self, name: Option<&str>, octets: &[u8]) -> Result<(), String> {
        let shown = Frame::parse(octets).map(|frame| Line(frame).to_string());
        self.note(&format!("partner: {}", shown.unwrap_or_else(|_| format!("{octets:02x?}"))));
        let now = self.clock();
        let wire = self.wire(name)?;
        let id = wire.id;
        wire.to_server.push(octets);
        while let Some(wire) = self.wires.iter_mut().find(|wire| wire.id == id) {
            let Some(endpoint) = &mut self.endpoint else { break };
            match wire.to_server.next_frame() {
                Ok(Some(frame)) => {
                    endpoint.handle_input(now, Input::Received { link: id, frame });
                }
                Ok(None) => break,
                Err(error) => {
                    endpoint.handle_input(now, Input::Garbled { link: id, error });
                    self.drain()?;
                    break;
                }
            }
            self.drain()?;
        }
        self.settle()
    }

    pub(crate) fn say(
        &mut self,
        name: Option<&str>,
        message_type: MessageType,
        xid: Xid,
        words: &[&str],
    ) -> Result<Draft, String> {
        let draft = self.partner.message(message_type, xid, words, self.as_partner())?;
        self.send(name, &draft.octets)?;
        Ok(draft)
    }

    // Time.

    pub(crate) fn run_until(&mut self, end: u64) -> Result<(), String> {
        if end < self.now {
            return Err("this moment is over already".to_owned());
        }
        for _ in 0..MAX_STEPS {
            let contact = self.next_contact();
            let wake = self.wake_at.map(Instant::as_micros);
            let next = [contact, wake].into_iter().flatten().min().filter(|at| *at <= end);
            self.now = next.unwrap_or(end).max(self.now);
            if contact.is_some_and(|at| at <= self.now) {
                self.next_contact = self.now + CONTACT;
                let xid = self.partner.next_xid();
                self.say(None, MessageType::CONTACT, xid, &[])?;
            }
            if self.endpoint.is_some() {
                self.input(Input::TimeReached)?;
            }
            if next.is_none() {
                return Ok(());
            }
        }
        Err("the server never rests".to_owned())
    }

    fn next_contact(&self) -> Option<u64> {
        let talks = self.keeps_in_contact && self.endpoint.is_some() && !self.wires.is_empty();
        talks.then_some(self.next_contact)
    }

    // What the server does.

    /// Does what the server wants, wakes it if it asked for that at once, and lets the partner answer.
    pub(crate) fn settle(&mut self) -> Result<(), String> {
        for _ in 0..MAX_STEPS {
            self.drain()?;
            let now = self.clock();
            if self.wake_at.is_some_and(|at| at <= now.monotonic) {
                self.running()?.handle_input(now, Input::TimeReached);
                continue;
            }
            let Some((link, octets)) = self.replies.pop_front() else { return Ok(()) };
            let name = self.wires.iter().find(|wire| wire.id == link).map(|w| w.name.clone());
            if let Some(name) = name {
                self.send(Some(&name), &octets)?;
            }
        }
        Err("the server never rests".to_owned())
    }

    fn drain(&mut self) -> Result<(), String> {
        loop {
            let Some(endpoint) = &mut self.endpoint else { return Ok(()) };
            match endpoint.poll_output() {
                Output::Commit(commit) => self.commit(commit),
                Output::Connect => self.dial()?,
                Output::Transmit(link) => {
                    let mut octets = Vec::new();
                    endpoint.take_transmit(link, &mut octets);
                    self.look_at(link, &octets)?;
                }
                Output::StartTls { .. } => return Err("the server starts TLS".to_owned()),
                Output::Close(link) => {
                    let Some(at) = self.wires.iter().position(|wire| wire.id == link) else {
                        return Err("the server closes what is closed".to_owned());
                    };
                    let link = self.wires.remove(at).name;
                    self.note(&format!("server: closes connection {link}"));
                    self.seen.push_back(Seen::Closed { link });
                }
                Output::Event(event) => {
                    self.note(&format!("        ({event})"));
                    if let Event::Transition { to, row, .. } = &event {
                        self.entered = Some((*to, row));
                    }
                    self.reports.push(event.to_string());
                }
                Output::Idle { wake_at } => {
                    self.wake_at = wake_at;
                    return Ok(());
                }
            }
        }
    }

    fn commit(&mut self, commit: Commit) {
        if self.disk.is_slow {
            self.disk.waiting.push_back(commit);
            return;
        }
        let id = commit.id;
        self.write(commit);
        let now = self.clock();
        if let Some(endpoint) = &mut self.endpoint {
            endpoint.handle_input(now, Input::Committed(id));
        }
    }

    fn dial(&mut self) -> Result<(), String> {
        self.dials += 1;
        let result = match self.network {
            Network::Unreachable => Input::ConnectFailed(ConnectFailure::Unreachable),
            Network::Refuses => Input::ConnectFailed(ConnectFailure::Refused),
            Network::Listens => {
                let name = format!("{}", self.last_link + 1);
                self.note("server: dials, the partner takes the call");
                Input::Connected { link: self.add_wire(&name)?, origin: Origin::Dialled }
            }
        };
        let now = self.clock();
        self.running()?.handle_input(now, result);
        Ok(())
    }

    /// Octets from the server, cut into messages.
    fn look_at(&mut self, id: LinkId, octets: &[u8]) -> Result<(), String> {
        let wire = self.wires.iter().find(|wire| wire.id == id);
        let name = wire.map(|wire| wire.name.clone()).ok_or("octets on a closed connection")?;
        let mut rest = octets;
        while !rest.is_empty() {
            let length = match rest {
                [high, low, ..] => usize::from(u16::from_be_bytes([*high, *low])),
                _ => 0,
            };
            let (message, behind) = rest.split_at_checked(length).ok_or("half a message")?;
            rest = behind;
            let frame = Frame::parse(message).map_err(|error| error.to_string())?;
            Message::decode(&frame, self.config.dialect).map_err(|error| error.to_string())?;
            self.note(&format!("server: {}", Line(frame)));
            let seen = Seen::Message { link: name.clone(), octets: message.to_vec() };
            if self.acknowledges && frame.header.message_type == MessageType::BNDUPD {
                let octets = self.acknowledgement(&frame)?;
                self.replies.push_back((id, octets));
            } else {
                self.seen.push_back(seen);
            }
        }
        Ok(())
    }

    fn acknowledgement(&self, frame: &Frame<'_>) -> Result<Vec<u8>, String> {
        let Ok(Message::BndUpd(update)) = Message::decode(frame, self.config.dialect) else {
            return Err("no BNDUPD".to_owned());
        };
        let addresses: Vec<String> = update.updates().map(|u| u.address.to_string()).collect();
        let words: Vec<&str> = addresses.iter().map(String::as_str).collect();
        let context = self.as_partner();
        let xid = frame.header.xid;
        Ok(self.partner.message(MessageType::BNDACK, xid, &words, context)?.octets)
    }
}
