//! A partner without sockets and clocks: octets in, octets out.
//!
//! How it leads a server to NORMAL: to one in RECOVER it says RECOVER, as it knows nothing either, and
//! answers its request; from one in PARTNER-DOWN it recovers; to anybody else that is well it says NORMAL.
//! Whatever it says, it has heard the server's state before, so that nothing ends a dhcpd.

use core::fmt;
use core::time::Duration;

use crate::balance::{HashBuckets, Role};
use crate::time::{Instant, Now};
use crate::wire::batch::BatchWriter;
use crate::wire::bndupd::{BindingReply, BndAck, BndUpd};
use crate::wire::codes::{FailoverState, RejectReason, ServerFlags, Xid};
use crate::wire::connect::{Connect, ConnectAck, StateMessage};
use crate::wire::dialect::Dialect;
use crate::wire::error::DecodeError;
use crate::wire::frame::{Deframer, Frame};
use crate::wire::message::Message;

use super::figures::Figures;
use super::flights::Flights;
use super::leases::Leases;

/// Octets that wait to be written at most before nothing more is said unasked.
const ENOUGH: usize = 256 * 1024;

/// What a server is told about its partner.
#[derive(Clone, Debug)]
pub(super) struct Terms {
    pub(super) relationship: String,
    pub(super) role: Role,
    pub(super) max_unacked_updates: u32,
    pub(super) receive_timer: u32,
    pub(super) mclt: u32,
    pub(super) vendor_class: String,
    /// No more messages in flight than this.
    pub(super) window: Option<u32>,
    /// Updates in a message; by default what the server takes.
    pub(super) batch: Option<u32>,
}

/// Why a server cannot be measured.
#[derive(Debug)]
pub enum Fault {
    /// It does not want this connection.
    Refused(RejectReason, String),
    /// It ended the connection.
    Closed(String),
    /// What it says cannot be read.
    Garbled(DecodeError),
    /// It is in a state from which nothing that is said here leads to NORMAL.
    State(FailoverState),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(reason, text) => write!(f, "the server refuses: {reason}: {text}"),
            Self::Closed(text) if text.is_empty() => f.write_str("the server has hung up"),
            Self::Closed(text) => write!(f, "the server has hung up: {text}"),
            Self::Garbled(error) => write!(f, "a message of the server cannot be read: {error}"),
            Self::State(state) => write!(
                f,
                "the server is in {state}; it has to be in recover, partner-down, normal or communications-interrupted"
            ),
        }
    }
}

/// One piece of work.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Work {
    /// Give the server this many bindings.
    Give(u32),
    /// Ask it for everything.
    Take,
    /// Renew bindings, of which there are so many, every so often for so long.
    Renew { bindings: u32, every: Duration, lasting: Duration },
}

/// Work under way.
#[derive(Debug)]
struct Task {
    work: Work,
    /// The next binding to be given or renewed; counts on past the last one while renewing.
    next: u64,
    /// The request for everything.
    request: Option<Xid>,
    figures: Figures,
}

impl Task {
    /// When the next renewal is due; `None` behind the last.
    fn renewal(&self) -> Option<Instant> {
        let Work::Renew { every, lasting, .. } = self.work else { return None };
        let every = u64::try_from(every.as_nanos()).unwrap_or(u64::MAX);
        let late = Duration::from_nanos(every.saturating_mul(self.next));
        (late < lasting).then(|| self.figures.began.after(late))
    }

    /// Since when the next update is due, if it is.
    fn due_by(&self, now: Instant) -> Option<Instant> {
        match self.work {
            Work::Take => None,
            Work::Give(bindings) => (self.next < u64::from(bindings)).then_some(now),
            Work::Renew { .. } => self.renewal().filter(|due| *due <= now),
        }
    }
}

/// What the server says of itself.
#[derive(Clone, Debug, Default)]
pub(super) struct Server {
    pub(super) vendor_class: String,
    pub(super) max_unacked_updates: u32,
    receive_timer: u32,
    pub(super) state: Option<FailoverState>,
}

/// The partner.
#[derive(Debug)]
pub(super) struct Player {
    terms: Terms,
    leases: Leases,
    server: Server,
    state: Option<FailoverState>,
    deframer: Deframer,
    flights: Flights,
    /// The server's request that waits for what is going to be given.
    asked: Option<Xid>,
    /// Nothing is going to be given before NORMAL.
    gives_nothing: bool,
    task: Option<Task>,
    done: Option<Figures>,
    replies: Vec<BindingReply<'static>>,
    outgoing: Vec<u8>,
    spoke: Instant,
}

impl Player {
    /// A partner that has a connection. A primary speaks at once.
    pub(super) fn new(terms: Terms, leases: Leases, gives_nothing: bool, now: Now) -> Self {
        let mut player = Self {
            terms,
            leases,
            server: Server::default(),
            state: None,
            deframer: Deframer::for_dialect(Dialect::Isc),
            flights: Flights::new(),
            asked: None,
            gives_nothing,
            task: None,
            done: None,
            replies: Vec::new(),
            outgoing: Vec::new(),
            spoke: now.monotonic,
        };
        if player.terms.role == Role::Primary {
            player.connect(now);
        }
        player
    }

    /// Octets to be written; whoever writes them takes them out.
    pub(super) const fn outgoing(&mut self) -> &mut Vec<u8> {
        &mut self.outgoing
    }

    /// The server as it describes itself.
    pub(super) const fn server(&self) -> &Server {
        &self.server
    }

    /// Whether the server can be told to begin with this.
    pub(super) fn is_ready_for(&self, work: &Work) -> bool {
        let normal = Some(FailoverState::Normal);
        match (self.server.state, work) {
            _ if self.task.is_some() => false,
            (Some(FailoverState::Recover), Work::Give(_)) => self.asked.is_some(),
            (Some(FailoverState::PartnerDown), Work::Take) => {
                self.state == Some(FailoverState::Recover)
            }
            (state, _) => state == normal && self.state == normal,
        }
    }

    /// Begins a piece of work.
    pub(super) fn begin(&mut self, now: Now, work: Work) {
        let figures = Figures::begin(now.monotonic);
        let mut task = Task { work, next: 0, request: None, figures };
        if work == Work::Take {
            task.request = Some(self.say(now, &Message::UpdReqAll));
        }
        self.task = Some(task);
        self.pump(now);
    }

    /// What the work came to, once it is done.
    pub(super) const fn take_done(&mut self) -> Option<Figures> {
        self.done.take()
    }

    /// When something has to be said.
    pub(super) fn wakes_at(&self) -> Instant {
        let contact = self.contact_at();
        let task = self.task.as_ref().filter(|_| self.has_room());
        task.and_then(Task::renewal).map_or(contact, |due| due.min(contact))
    }

    /// Octets from the server.
    pub(super) fn receive(&mut self, now: Now, octets: &[u8]) -> Result<(), Fault> {
        let mut deframer = core::mem::take(&mut self.deframer);
        deframer.push(octets);
        while let Some(frame) = deframer.next_frame().map_err(Fault::Garbled)? {
            self.hear(now, frame)?;
        }
        self.deframer = deframer;
        Ok(())
    }

    /// Says what is due and what the server's window has room for.
    pub(super) fn pump(&mut self, now: Now) {
        while let Some(mut task) = self.task.take() {
            let sent = self.has_room() && self.send_updates(now, &mut task);
            self.task = Some(task);
            if !sent {
                break;
            }
        }
        self.finish_work(now);
        if self.contact_at() <= now.monotonic {
            self.say(now, &Message::Contact);
        }
    }

    fn contact_at(&self) -> Instant {
        let silence = Duration::from_secs(u64::from(self.server.receive_timer.clamp(3, 3600) / 3));
        self.spoke.after(silence)
    }

    fn has_room(&self) -> bool {
        let window = self.terms.window.unwrap_or(u32::MAX).min(self.server.max_unacked_updates);
        self.flights.messages() < window && self.outgoing.len() < ENOUGH
    }

    /// Whether the server takes all that the draft has.
    fn is_twinlease(&self) -> bool {
        self.server.vendor_class.starts_with("twinlease-")
    }

    // Updates out.

    /// Sends one message; false if nothing is due.
    fn send_updates(&mut self, now: Now, task: &mut Task) -> bool {
        let bindings = match task.work {
            Work::Take => return false,
            Work::Give(bindings) | Work::Renew { bindings, .. } => bindings,
        };
        let Some(since) = task.due_by(now.monotonic) else { return false };
        let limit = self.terms.batch.unwrap_or(if self.is_twinlease() { u32::MAX } else { 1 });
        let dialect = if self.is_twinlease() { Dialect::Draft12 } else { Dialect::Isc };
        let xid = self.flights.next();
        let mut batch = BatchWriter::begin(now.wall, xid, dialect, &mut self.outgoing);
        let mut count = 0;
        while count < limit && task.due_by(now.monotonic).is_some() {
            let place = u32::try_from(task.next % u64::from(bindings)).unwrap_or(0);
            let hardware = self.leases.hardware(place);
            if !batch.push(&self.leases.update(place, now.wall, &hardware)) {
                break;
            }
            count += 1;
            task.next += 1;
        }
        if batch.finish().is_err() {
            return false;
        }
        self.flights.launch(count, since);
        self.spoke = now.monotonic;
        task.figures.messages += 1;
        true
    }

    fn hear_answers(&mut self, now: Now, xid: Xid, bndack: &BndAck<'_>) {
        let Some(task) = &mut self.task else { return };
        let mut count = 0;
        for reply in bndack.replies() {
            count += 1;
            if let Some(reject) = reply.reject {
                *task.figures.rejected.entry(reject.reason).or_default() += 1;
            }
        }
        if let Some(since) = self.flights.land(xid, count) {
            task.figures.bindings += u64::from(count);
            task.figures.answered(now.monotonic.since(since), u64::from(count));
            task.figures.ended = now.monotonic;
        }
    }

    /// What is given is over with the last answer, and what is taken with UPDDONE.
    fn finish_work(&mut self, now: Now) {
        let is_over = self.task.as_ref().is_some_and(|task| match task.work {
            Work::Give(bindings) => task.next >= u64::from(bindings),
            Work::Take => task.request.is_none(),
            Work::Renew { .. } => task.renewal().is_none(),
        });
        if !is_over || self.flights.updates() > 0 {
            return;
        }
        let Some(task) = self.task.take() else { return };
        if matches!(task.work, Work::Give(_)) {
            self.gives_nothing = true;
            self.answer_request(now);
        }
        self.done = Some(task.figures);
    }

    // Messages in.

    fn hear(&mut self, now: Now, frame: Frame<'_>) -> Result<(), Fault> {
        let xid = frame.header.xid;
        match Message::decode(&frame, Dialect::Isc).map_err(Fault::Garbled)? {
            Message::BndUpd(bndupd) => self.take_updates(now, xid, &bndupd),
            Message::BndAck(bndack) => self.hear_answers(now, xid, &bndack),
            Message::State(state) => return self.hear_state(now, state),
            Message::UpdReq | Message::UpdReqAll => {
                self.asked = Some(xid);
                if self.gives_nothing {
                    self.answer_request(now);
                }
            }
            Message::UpdDone => self.hear_done(now, xid),
            Message::PoolReq => {
                let addresses_transferred = Some(0);
                self.answer(now, xid, &Message::PoolResp { addresses_transferred });
            }
            Message::Connect(connect) => self.accept(now, xid, &connect),
            Message::ConnectAck(ack) => return self.hear_connect_ack(&ack),
            Message::Disconnect(disconnect) => {
                let text = String::from_utf8_lossy(disconnect.message.unwrap_or_default());
                return Err(Fault::Closed(text.into_owned()));
            }
            Message::PoolResp { .. } | Message::Contact | Message::Unknown { .. } => {}
        }
        Ok(())
    }

    fn take_updates(&mut self, now: Now, xid: Xid, bndupd: &BndUpd<'_>) {
        let mut replies = core::mem::take(&mut self.replies);
        replies.clear();
        let accept = |address| BindingReply { address, reject: None };
        replies.extend(bndupd.updates().map(|update| accept(update.address)));
        self.answer(now, xid, &Message::BndAck(BndAck::of(&replies)));
        if let Some(task) = self.task.as_mut().filter(|task| task.request.is_some()) {
            task.figures.bindings += replies.len() as u64;
            task.figures.messages += 1;
        }
        self.replies = replies;
    }

    fn hear_done(&mut self, now: Now, xid: Xid) {
        let Some(task) = self.task.as_mut().filter(|task| task.request == Some(xid)) else {
            return;
        };
        task.request = None;
        task.figures.ended = now.monotonic;
        self.finish_work(now);
        if self.server.state == Some(FailoverState::PartnerDown) {
            self.announce(now, FailoverState::RecoverDone);
        }
    }

    fn answer_request(&mut self, now: Now) {
        let Some(xid) = self.asked.take() else { return };
        self.answer(now, xid, &Message::UpdDone);
        if self.state == Some(FailoverState::Recover) {
            self.announce(now, FailoverState::RecoverDone);
        }
    }

    /// The server's state decides what this partner's is.
    fn hear_state(&mut self, now: Now, message: StateMessage) -> Result<(), Fault> {
        let code = message.server_state.unwrap_or_default();
        let Some(state) = FailoverState::from_code(code) else { return Ok(()) };
        self.server.state = Some(state);
        let next = match (state, self.state) {
            (
                FailoverState::Recover | FailoverState::RecoverWait | FailoverState::PartnerDown,
                None,
            ) => FailoverState::Recover,
            (
                FailoverState::Recover | FailoverState::RecoverWait | FailoverState::PartnerDown,
                Some(_),
            ) => return Ok(()),
            (
                FailoverState::RecoverDone
                | FailoverState::Normal
                | FailoverState::CommunicationsInterrupted,
                _,
            ) => FailoverState::Normal,
            _ => return Err(Fault::State(state)),
        };
        if self.state != Some(next) {
            self.announce(now, next);
        }
        Ok(())
    }

    // Terms.

    fn connect(&mut self, now: Now) {
        let buckets = HashBuckets::half().to_wire(Dialect::Isc);
        let terms = self.terms.clone();
        let connect = Connect {
            relationship_name: Some(terms.relationship.as_bytes()),
            max_unacked_bndupd: Some(terms.max_unacked_updates),
            receive_timer: Some(terms.receive_timer),
            vendor_class: Some(terms.vendor_class.as_bytes()),
            protocol_version: Some(1),
            tls_request: Some(0),
            mclt: Some(terms.mclt),
            hash_bucket_assignment: Some(&buckets),
            delayed_service: None,
        };
        self.say(now, &Message::Connect(connect));
    }

    fn accept(&mut self, now: Now, xid: Xid, connect: &Connect<'_>) {
        self.learn(connect.vendor_class, connect.max_unacked_bndupd, connect.receive_timer);
        let terms = self.terms.clone();
        let ack = ConnectAck {
            relationship_name: Some(terms.relationship.as_bytes()),
            max_unacked_bndupd: Some(terms.max_unacked_updates),
            receive_timer: Some(terms.receive_timer),
            vendor_class: Some(terms.vendor_class.as_bytes()),
            protocol_version: Some(1),
            tls_reply: connect.tls_request.map(|_| 0),
            reject: None,
        };
        self.answer(now, xid, &Message::ConnectAck(ack));
    }

    fn hear_connect_ack(&mut self, ack: &ConnectAck<'_>) -> Result<(), Fault> {
        if let Some(reject) = ack.reject {
            let text = String::from_utf8_lossy(reject.message.unwrap_or_default());
            return Err(Fault::Refused(reject.reason, text.into_owned()));
        }
        self.learn(ack.vendor_class, ack.max_unacked_bndupd, ack.receive_timer);
        Ok(())
    }

    fn learn(&mut self, vendor: Option<&[u8]>, window: Option<u32>, timer: Option<u32>) {
        self.server.vendor_class = String::from_utf8_lossy(vendor.unwrap_or_default()).into_owned();
        self.server.max_unacked_updates = window.unwrap_or_default();
        self.server.receive_timer = timer.unwrap_or_default();
    }

    // Messages out.

    fn announce(&mut self, now: Now, state: FailoverState) {
        self.state = Some(state);
        let message = StateMessage {
            server_state: Some(state.code()),
            server_flags: Some(ServerFlags(0)),
            start_of_state: Some(now.wall),
        };
        self.say(now, &Message::State(message));
    }

    /// A message of the player's own; its xid.
    fn say(&mut self, now: Now, message: &Message<'_>) -> Xid {
        let xid = self.flights.next();
        self.flights.launch(0, now.monotonic);
        self.answer(now, xid, message);
        xid
    }

    fn answer(&mut self, now: Now, xid: Xid, message: &Message<'_>) {
        self.spoke = now.monotonic;
        // Nothing that is said here is too long.
        let encoded = message.encode(now.wall, xid, Dialect::Isc, &mut self.outgoing);
        debug_assert!(encoded.is_ok(), "{encoded:?}");
    }
}
