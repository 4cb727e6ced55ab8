//! Connections with the partner: who may open one, CONNECT and CONNECTACK, timers, clocks (§8).
//!
//! Several connections may exist while one is being set up; at most one is *the* link. The primary
//! speaks first with CONNECT; a secondary waits for it on every connection it has. Communications
//! are okay once CONNECT was accepted and the partner's STATE has arrived (§8.3).

use core::time::Duration;

use crate::balance::{HashBuckets, Role};
use crate::binding::times::Mclt;
use crate::time::{Instant, Now, TimeDelta, UnixTime};
use crate::wire::codes::{FailoverState, MessageType, RejectReason, ServerFlags, Xid};
use crate::wire::connect::{Connect, ConnectAck, Disconnect, Reject, StateMessage};
use crate::wire::frame::Header;
use crate::wire::message::Message;

use super::FailoverEndpoint;
use super::authentication::{Failure, Proof};
use super::event::{Event, LinkEnd};
use super::io::{ConnectFailure, LinkId, Origin, Output};
use super::outbox::Outgoing;
use super::partner::clock_sample;
use super::transitions::EndpointEvent;

/// Time within which CONNECT or CONNECTACK, and then STATE, has to arrive.
pub(super) const SETUP_TIMEOUT: Duration = Duration::from_secs(15);

/// How long the first STATE is held back for a dhcpd to announce its own (see
/// [`holds_first_state`](FailoverEndpoint::holds_first_state)).
const FIRST_STATE_HOLD: Duration = Duration::from_secs(1);

/// Connections of one relationship that may exist at a time.
const MAX_LINKS: usize = 4;

/// Pause after the first attempt that leads nowhere; doubled up to the configured interval.
const REDIAL_MIN: Duration = Duration::from_millis(500);
/// Communications that have been okay for so long end a back-off; after their loss the next attempt
/// follows at once.
const LASTING: Duration = Duration::from_secs(5);
/// Pause after a partner has said that it has a connection already; doubled up to [`REFUSED_MIN`].
/// It finds out within its receive-timer that the other one is dead.
const DUPLICATE_MIN: Duration = Duration::from_secs(5);
/// Pause after a refusal that only an operator can mend (§7.12); doubled up to [`REFUSED_MAX`].
const REFUSED_MIN: Duration = Duration::from_secs(60);
/// Longest pause after refusals.
const REFUSED_MAX: Duration = Duration::from_secs(300);

/// protocol-version of the draft.
const PROTOCOL_VERSION: u8 = 1;

/// How far a connection has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// A secondary waits for CONNECT.
    AwaitConnect,
    /// A primary waits for the answer to its CONNECT.
    AwaitConnectAck(Xid),
    /// CONNECT was accepted, the partner's STATE has not come.
    AwaitState,
    /// Communications are okay.
    Up,
}

/// One TCP connection.
#[derive(Clone, Debug)]
pub(super) struct Link {
    id: LinkId,
    phase: Phase,
    pub(super) since: Instant,
    last_received: Instant,
    last_sent: Instant,
    /// The xid of the partner's latest message that is no answer, with a shared secret in use.
    pub(super) last_xid: Option<Xid>,
    /// The first STATE leaves at this moment unless the partner's comes before.
    pub(super) first_state_due: Option<Instant>,
}

impl Link {
    pub(super) fn is(&self, id: LinkId) -> bool {
        self.id == id
    }

    /// CONNECT was accepted.
    const fn is_established(&self) -> bool {
        matches!(self.phase, Phase::AwaitState | Phase::Up)
    }

    /// When what is missing for communications has to have come.
    fn setup_ends(&self) -> Option<Instant> {
        (self.phase != Phase::Up).then(|| self.since.after(SETUP_TIMEOUT))
    }
}

/// When to dial next.
#[derive(Clone, Copy, Debug)]
pub(super) enum Dial {
    /// At this moment, if there is no link then.
    At { when: Instant, pause: Duration },
    /// The driver is at it.
    Pending { pause: Duration },
    /// Never: the endpoint has stopped.
    Stopped,
}

impl Dial {
    /// The first attempt of a run.
    pub(super) const fn now(now: Now) -> Self {
        Self::At { when: now.monotonic, pause: REDIAL_MIN }
    }
}

impl FailoverEndpoint {
    /// CONNECT accepted and STATE received (§8.3).
    pub(super) fn communications_ok(&self) -> bool {
        self.current_link().is_some_and(|link| link.phase == Phase::Up)
    }

    pub(super) fn current_link(&self) -> Option<&Link> {
        self.links.iter().find(|link| link.is_established())
    }

    pub(super) fn link_mut(&mut self, id: LinkId) -> Option<&mut Link> {
        self.links.iter_mut().find(|link| link.id == id)
    }

    /// The connection on which messages go out, if there is one.
    pub(super) fn link_in_use(&self) -> Option<LinkId> {
        self.current_link().map(|link| link.id)
    }

    // Coming and going of connections.

    pub(super) fn on_connected(&mut self, now: Now, id: LinkId, origin: Origin) {
        if let Dial::At { pause, .. } | Dial::Pending { pause } = self.dial
            && origin == Origin::Dialled
        {
            // A connection alone ends no back-off (§8.2).
            let wait = pause.max(self.config.redial_interval);
            self.dial = Dial::At { when: now.monotonic.after(wait), pause };
        }
        if matches!(self.dial, Dial::Stopped) || !self.make_room(now, origin) {
            self.outputs.push_back(Output::Close(id));
            return;
        }
        let phase = match self.config.role {
            Role::Primary => Phase::AwaitConnectAck(Xid(0)),
            Role::Secondary => Phase::AwaitConnect,
        };
        self.links.push(Link {
            id,
            phase,
            since: now.monotonic,
            last_received: now.monotonic,
            last_sent: now.monotonic,
            last_xid: None,
            first_state_due: None,
        });
        if self.config.role == Role::Primary {
            self.send_connect(now, id);
        } else if origin == Origin::Dialled && !self.config.dialect.connects_on_any_connection() {
            // By the draft the secondary's own attempt is only a knock on the door (§8.2).
            self.drop_link(id);
            self.outputs.push_back(Output::Close(id));
        }
    }

    /// Whether a new connection may be added; closes what it replaces.
    fn make_room(&mut self, now: Now, origin: Origin) -> bool {
        if self.config.role == Role::Secondary {
            self.drop_oldest_waiting();
            return true;
        }
        if origin == Origin::Accepted && !self.config.dialect.connects_on_any_connection() {
            // The knock of a draft secondary: dial it at once unless a connection exists (§8.2).
            if self.links.is_empty() {
                self.dial_at_once(now);
            }
            return false;
        }
        // A partner that dials has no connection: one that has been silent for longer than its
        // CONTACT interval is what is left of its former life.
        let contact = Duration::from_secs(u64::from(self.config.receive_timer / 3).max(1) + 1);
        let stale: Vec<LinkId> = self
            .links
            .iter()
            .filter(|link| now.monotonic.since(link.last_received) > contact)
            .map(|link| link.id)
            .collect();
        for id in stale {
            let reason = (RejectReason::DUPLICATE_CONNECTION, "replaced by a newer connection");
            self.close_link(now, id, LinkEnd::Replaced, Some(reason));
        }
        self.links.is_empty()
    }

    /// Of the connections on which no CONNECT has come the oldest makes room for a new one.
    fn drop_oldest_waiting(&mut self) {
        if self.links.len() < MAX_LINKS {
            return;
        }
        let oldest = self.links.iter().find(|link| link.phase == Phase::AwaitConnect);
        if let Some(id) = oldest.map(|link| link.id) {
            self.drop_link(id);
            self.outputs.push_back(Output::Close(id));
        }
    }

    pub(super) fn on_connect_failed(&mut self, now: Now, failure: ConnectFailure) {
        if let Dial::Pending { pause } = self.dial {
            let longest = self.config.redial_interval;
            let wait = pause.min(longest);
            let next = (wait * 2).min(longest);
            self.dial = Dial::At { when: now.monotonic.after(wait), pause: next };
        }
        self.note_clock_refusal(false);
        self.startup_without_partner(now, failure);
    }

    pub(super) fn on_disconnected(&mut self, now: Now, id: LinkId) {
        self.lose_link(now, id, LinkEnd::Lost);
    }

    /// Closes a connection on purpose; a reason says DISCONNECT first (§7.12).
    pub(super) fn close_link(
        &mut self,
        now: Now,
        id: LinkId,
        end: LinkEnd,
        reason: Option<(RejectReason, &str)>,
    ) {
        let established = self.link_in_use() == Some(id);
        if let Some((reason, text)) = reason.filter(|_| established) {
            let xid = self.take_xid();
            let message = Disconnect { reason: Some(reason), message: Some(text.as_bytes()) };
            self.transmit_on(now, id, xid, &Message::Disconnect(message));
        }
        if self.links.iter().any(|link| link.id == id) {
            self.outputs.push_back(Output::Close(id));
            self.lose_link(now, id, end);
        }
    }

    fn drop_link(&mut self, id: LinkId) -> Option<Link> {
        let position = self.links.iter().position(|link| link.id == id)?;
        if self.transmit.get(&id).is_some_and(Vec::is_empty) {
            self.transmit.remove(&id);
        }
        Some(self.links.remove(position))
    }

    fn lose_link(&mut self, now: Now, id: LinkId, end: LinkEnd) {
        let Some(link) = self.drop_link(id) else { return };
        let was_up = link.phase == Phase::Up;
        let was_established = link.is_established();
        let lasted = was_up && now.monotonic.since(link.since) >= LASTING;
        let retry = Retry::after(&end, was_established, lasted);
        match &end {
            LinkEnd::Rejected(reason, _) | LinkEnd::RejectedByPartner(reason, _) => {
                self.note_clock_refusal(*reason == RejectReason::TIME_MISMATCH);
            }
            _ if was_up => self.note_clock_refusal(false),
            _ => {}
        }
        if was_established {
            self.keep_unsent_acknowledgements();
            self.updates.reset();
            self.requests.forget();
        }
        let failure = self.failure_of_communications(&end);
        if was_up || end != LinkEnd::Lost {
            self.events.push(if was_up {
                Event::CommunicationsInterrupted(end)
            } else {
                Event::ConnectionRefused(end)
            });
        }
        self.schedule_dial(now, retry);
        if was_up {
            self.communications_failed(now, failure);
        } else if self.state() == FailoverState::Startup {
            self.apply_event(now, EndpointEvent::LinkLost);
        }
    }

    fn schedule_dial(&mut self, now: Now, retry: Retry) {
        let pause = match self.dial {
            Dial::At { pause, .. } | Dial::Pending { pause } => pause,
            Dial::Stopped => return,
        };
        let (wait, longest) = match retry {
            Retry::AtOnce => (Duration::ZERO, REDIAL_MIN),
            Retry::Soon => {
                let longest = self.config.redial_interval;
                (pause.min(longest), longest)
            }
            Retry::WhenTheOtherIsGone => (pause.clamp(DUPLICATE_MIN, REFUSED_MIN), REFUSED_MIN),
            Retry::Late => (pause.max(REFUSED_MIN), REFUSED_MAX),
        };
        let next = (wait * 2).clamp(REDIAL_MIN.min(longest), longest);
        self.dial = Dial::At { when: now.monotonic.after(wait), pause: next };
    }

    /// The refusal was about something that the next attempt does otherwise.
    fn dial_soon(&mut self, now: Now) {
        if let Dial::At { .. } = self.dial {
            self.dial = Dial::At { when: now.monotonic.after(REDIAL_MIN), pause: REDIAL_MIN };
        }
    }

    fn dial_at_once(&mut self, now: Now) {
        if let Dial::At { pause, .. } = self.dial {
            self.dial = Dial::At { when: now.monotonic, pause };
        }
    }

    // The set-up.

    fn send_connect(&mut self, now: Now, id: LinkId) {
        let xid = self.take_xid();
        if let Some(link) = self.link_mut(id) {
            link.phase = Phase::AwaitConnectAck(xid);
        }
        let dialect = self.config.dialect;
        let buckets = self.config.server_buckets.narrow(&self.config.hash_buckets).to_wire(dialect);
        let delayed_service = u8::try_from(self.config.load_balance_max_seconds);
        let delayed_service = delayed_service.ok().filter(|seconds| *seconds > 0);
        let name = self.config.name.clone();
        let vendor_class = self.config.vendor_class.clone();
        let connect = Connect {
            relationship_name: Some(name.as_bytes()),
            max_unacked_bndupd: Some(self.config.max_unacked_bndupd),
            receive_timer: Some(self.config.receive_timer),
            vendor_class: Some(vendor_class.as_bytes()),
            protocol_version: Some(PROTOCOL_VERSION),
            tls_request: dialect.sends_tls_request().then_some(0),
            mclt: Some(self.config.mclt.0),
            hash_bucket_assignment: Some(&buckets),
            delayed_service: delayed_service.filter(|_| dialect.sends_delayed_service()),
        };
        let time = self.take_connect_time(now);
        self.transmit_dated(now, id, time, xid, &Message::Connect(connect));
    }

    pub(super) fn on_connect(
        &mut self,
        now: Now,
        id: LinkId,
        header: Header,
        connect: &Connect<'_>,
        proof: Result<Proof, Failure>,
    ) {
        let waits =
            self.links.iter().any(|link| link.id == id && link.phase == Phase::AwaitConnect);
        if !waits {
            let end =
                LinkEnd::ProtocolError(MessageType::CONNECT, "this server did not wait for it");
            self.close_link(now, id, end, Some((RejectReason::UNKNOWN, "unexpected CONNECT")));
            return;
        }
        let admitted = self.admit(header, connect, proof);
        match admitted.and_then(|()| self.check_connect(now, header, connect)) {
            Err((reason, text)) => self.reject_connect(now, id, header.xid, connect, reason, text),
            Ok(terms) => self.accept_connect(now, id, header.xid, connect, terms),
        }
    }

    /// What is looked at before the content of a CONNECT, in the order of §7.8.2: the version, TLS,
    /// the digest.
    fn admit(
        &mut self,
        header: Header,
        connect: &Connect<'_>,
        proof: Result<Proof, Failure>,
    ) -> Result<(), Failure> {
        if connect.protocol_version.is_none_or(|version| version != PROTOCOL_VERSION)
            && self.config.dialect.checks_protocol_version()
        {
            return Err((RejectReason::VERSION_MISMATCH, "this server speaks protocol-version 1"));
        }
        if connect.tls_request == Some(2) {
            return Err((RejectReason::TLS_NOT_SUPPORTED, "this server does not do TLS"));
        }
        let proof = proof?;
        self.check_connect_time(header.time, false)?;
        self.trust(proof);
        Ok(())
    }

    /// The secondary's further checks in their order (requirements 6.3).
    fn check_connect(
        &self,
        now: Now,
        header: Header,
        connect: &Connect<'_>,
    ) -> Result<Terms, Failure> {
        let dialect = self.config.dialect;
        let Some(name) = connect.relationship_name else {
            return Err((RejectReason::INVALID_PARTNER, "missing relationship-name"));
        };
        if name != self.config.name.as_bytes() {
            return Err((RejectReason::INVALID_PARTNER, "unknown relationship-name"));
        }
        let delta = clock_sample(now, header.time);
        if delta.0.unsigned_abs() > self.config.clock_limit() {
            return Err((RejectReason::TIME_MISMATCH, "the clocks differ by too much"));
        }
        let mclt = match connect.mclt {
            Some(seconds) if seconds > 0 => Mclt(seconds),
            _ => return Err((RejectReason::INVALID_MCLT, "missing MCLT, or an MCLT of 0")),
        };
        let buckets = connect
            .hash_bucket_assignment
            .and_then(|assignment| HashBuckets::from_wire(assignment, dialect))
            .ok_or((
                RejectReason::HASH_BUCKET_CONFLICT,
                "hash-bucket-assignment is not 32 octets",
            ))?;
        if !self.config.server_buckets.contains_secondary_of(&buckets) {
            return Err((
                RejectReason::HASH_BUCKET_CONFLICT,
                "hash-bucket-assignment has buckets outside the server HBA",
            ));
        }
        if let Some(missing) = self.missing_terms(connect.max_unacked_bndupd, connect.receive_timer)
        {
            return Err((RejectReason::UNKNOWN_REASON, missing));
        }
        let duplicate = self.current_link().is_some_and(|link| {
            let contact = Duration::from_secs(u64::from(self.config.receive_timer / 3).max(1) + 1);
            now.monotonic.since(link.last_received) <= contact
        });
        if duplicate {
            return Err((RejectReason::DUPLICATE_CONNECTION, "already connected"));
        }
        let delayed_service = match connect.delayed_service {
            Some(seconds) if seconds > 0 => u16::from(seconds),
            _ => self.config.load_balance_max_seconds,
        };
        Ok(Terms { delta, mclt, buckets, delayed_service })
    }

    fn reject_connect(
        &mut self,
        now: Now,
        id: LinkId,
        xid: Xid,
        connect: &Connect<'_>,
        reason: RejectReason,
        text: &'static str,
    ) {
        let name = self.config.name.clone();
        let ack = ConnectAck {
            relationship_name: Some(name.as_bytes()),
            protocol_version: Some(PROTOCOL_VERSION),
            tls_reply: connect.tls_request.map(|_| 0),
            reject: Some(Reject { reason, message: Some(text.as_bytes()) }),
            ..ConnectAck::default()
        };
        self.transmit_on(now, id, xid, &Message::ConnectAck(ack));
        self.outputs.push_back(Output::Close(id));
        self.lose_link(now, id, LinkEnd::Rejected(reason, text));
    }

    fn accept_connect(
        &mut self,
        now: Now,
        id: LinkId,
        xid: Xid,
        connect: &Connect<'_>,
        terms: Terms,
    ) {
        if let Some(former) = self.link_in_use() {
            let reason = (RejectReason::DUPLICATE_CONNECTION, "replaced by a newer connection");
            self.close_link(now, former, LinkEnd::Replaced, Some(reason));
        }
        self.learn_partner(connect.max_unacked_bndupd, connect.receive_timer, connect.vendor_class);
        self.partner.delta = Some(terms.delta);
        self.delayed_service = terms.delayed_service;
        self.adopt_terms(terms.mclt, &terms.buckets);
        let tls_reply = connect.tls_request.map(|_| 0);
        self.establish(now, id);
        if self.authentication.is_on() {
            // The time of this CONNECT has to be on disk before anything comes of it.
            self.outbox.push(self.last_commit, Outgoing::ConnectAck { xid, tls_reply });
        } else {
            self.send_connect_ack(now, xid, tls_reply);
        }
        self.announce_first_state(now, id);
    }

    /// Accepts the CONNECT of the link in use.
    pub(super) fn send_connect_ack(&mut self, now: Now, xid: Xid, tls_reply: Option<u8>) {
        let name = self.config.name.clone();
        let vendor_class = self.config.vendor_class.clone();
        let ack = ConnectAck {
            relationship_name: Some(name.as_bytes()),
            max_unacked_bndupd: Some(self.config.max_unacked_bndupd),
            receive_timer: Some(self.config.receive_timer),
            vendor_class: Some(vendor_class.as_bytes()),
            protocol_version: Some(PROTOCOL_VERSION),
            tls_reply,
            reject: None,
        };
        self.transmit_now(now, xid, &Message::ConnectAck(ack));
    }

    pub(super) fn on_connect_ack(
        &mut self,
        now: Now,
        id: LinkId,
        header: Header,
        ack: &ConnectAck<'_>,
    ) {
        let expected = self
            .links
            .iter()
            .any(|link| link.id == id && link.phase == Phase::AwaitConnectAck(header.xid));
        if !expected {
            self.unexpected(MessageType::CONNECTACK, "it answers no outstanding CONNECT");
            return;
        }
        if let Some(reject) = ack.reject {
            let text = String::from_utf8_lossy(reject.message.unwrap_or_default()).into_owned();
            // §7.8.2 prints 19, whose meaning needs an address, for a conflict of the buckets.
            let reason = match reject.reason {
                RejectReason::NOT_RESERVED => RejectReason::HASH_BUCKET_CONFLICT,
                reason => reason,
            };
            let end = LinkEnd::RejectedByPartner(reason, text);
            self.close_link(now, id, end, None);
            if reject.reason == RejectReason::DIGEST_MISMATCH
                && self.authentication.partner_signs_otherwise()
            {
                self.dial_soon(now);
            }
            return;
        }
        let dialect = self.config.dialect;
        let delta = clock_sample(now, header.time);
        let refusal = if ack.tls_reply == Some(1) {
            Some((RejectReason::TLS_NOT_SUPPORTED, "this server does not do TLS"))
        } else if ack
            .protocol_version
            .map_or(dialect.checks_protocol_version(), |version| version != PROTOCOL_VERSION)
        {
            Some((RejectReason::VERSION_MISMATCH, "this server speaks protocol-version 1"))
        } else if ack.relationship_name.is_some_and(|name| name != self.config.name.as_bytes()) {
            Some((RejectReason::INVALID_PARTNER, "the CONNECTACK names another relationship"))
        } else if delta.0.unsigned_abs() > self.config.clock_limit() {
            Some((RejectReason::TIME_MISMATCH, "the clocks differ by too much"))
        } else {
            self.missing_terms(ack.max_unacked_bndupd, ack.receive_timer)
                .map(|missing| (RejectReason::UNKNOWN_REASON, missing))
        };
        if let Some((reason, text)) = refusal {
            // §7.12: the primary says why although the connection was never established.
            let xid = self.take_xid();
            let message = Disconnect { reason: Some(reason), message: Some(text.as_bytes()) };
            self.transmit_on(now, id, xid, &Message::Disconnect(message));
            self.close_link(now, id, LinkEnd::Rejected(reason, text), None);
            return;
        }
        self.learn_partner(ack.max_unacked_bndupd, ack.receive_timer, ack.vendor_class);
        self.partner.delta = Some(delta);
        self.establish(now, id);
        self.announce_first_state(now, id);
    }

    /// What the partner has to tell and did not.
    fn missing_terms(&self, window: Option<u32>, timer: Option<u32>) -> Option<&'static str> {
        if !self.config.dialect.requires_timer_and_window() {
            None
        } else if window.is_none() {
            Some("missing max-unacked-bndupd")
        } else if timer.is_none() {
            Some("missing receive-timer")
        } else {
            None
        }
    }

    fn learn_partner(&mut self, window: Option<u32>, timer: Option<u32>, vendor: Option<&[u8]>) {
        self.partner.max_unacked_bndupd = window.unwrap_or(1).max(1);
        self.partner.receive_timer = timer.unwrap_or(self.config.receive_timer);
        self.partner.vendor_class =
            String::from_utf8_lossy(vendor.unwrap_or_default()).into_owned();
    }

    /// CONNECT is agreed: every other connection goes, timers start (§8.2).
    fn establish(&mut self, now: Now, id: LinkId) {
        let others: Vec<LinkId> =
            self.links.iter().map(|link| link.id).filter(|other| *other != id).collect();
        for other in others {
            self.drop_link(other);
            self.outputs.push_back(Output::Close(other));
        }
        let holds = self.holds_first_state();
        if let Some(link) = self.link_mut(id) {
            link.phase = Phase::AwaitState;
            link.since = now.monotonic;
            link.first_state_due = holds.then(|| now.monotonic.after(FIRST_STATE_HOLD));
        }
    }

    /// STATE follows, unless it has to wait.
    fn announce_first_state(&mut self, now: Now, id: LinkId) {
        if self.link_mut(id).is_some_and(|link| link.first_state_due.is_none()) {
            self.announce_state(now);
        }
    }

    pub(super) fn on_state(&mut self, now: Now, id: LinkId, message: StateMessage) {
        let Some(state) = message
            .server_state
            .and_then(FailoverState::from_code)
            .filter(|state| *state != FailoverState::Startup)
        else {
            self.note_state_without_meaning();
            let end = LinkEnd::ProtocolError(MessageType::STATE, "server-state has no known value");
            self.close_link(now, id, end, Some((RejectReason::UNKNOWN, "unknown server-state")));
            return;
        };
        let startup =
            message.server_flags.is_some_and(|flags| flags.contains(ServerFlags::STARTUP));
        let start_of_state = message
            .start_of_state
            .unwrap_or(UnixTime::ABSENT)
            .shifted_by(self.partner.correction());
        let first = self.link_mut(id).is_some_and(|link| link.phase == Phase::AwaitState);
        let held = self.link_mut(id).is_some_and(|link| link.first_state_due.is_some());
        if first {
            if let Some(link) = self.link_mut(id) {
                link.phase = Phase::Up;
            }
            self.stats.connections += 1;
            let vendor_class = self.partner.vendor_class.clone();
            self.events.push(Event::CommunicationsOk { vendor_class });
        }
        self.partner_state_received(now, state, startup, start_of_state, first, held);
    }

    /// No more attempts to reach the partner: this server is stopping.
    pub(super) fn stop_dialling(&mut self) {
        self.dial = Dial::Stopped;
    }

    /// Closes every connection, with DISCONNECT where one is established.
    pub(super) fn close_all_links(
        &mut self,
        now: Now,
        end: &LinkEnd,
        reason: (RejectReason, &'static str),
    ) {
        let open: Vec<LinkId> = self.links.iter().map(|link| link.id).collect();
        for id in open {
            self.close_link(now, id, end.clone(), Some(reason));
        }
    }

    // Clocks and timers.

    /// Any message: it proves life and refines the clock delta (§5.10, §8.5).
    pub(super) fn heard(&mut self, now: Now, id: LinkId, header: Header) {
        if let Some(link) = self.link_mut(id) {
            link.last_received = now.monotonic;
        }
        if self.link_in_use() != Some(id) {
            return;
        }
        let sample = clock_sample(now, header.time);
        if let Some(before) = self.partner.refine(now.monotonic, sample) {
            self.events.push(Event::ClockJumped { before: before.0, now: sample.0 });
        }
    }

    pub(super) fn sent(&mut self, now: Now, id: LinkId) {
        if let Some(link) = self.link_mut(id) {
            link.last_sent = now.monotonic;
        }
    }

    /// tReceive: runs from CONNECTACK on (§7.9.1, §7.9.2).
    fn silence_ends(&self, link: &Link) -> Option<Instant> {
        let timer = Duration::from_secs(u64::from(self.config.receive_timer));
        link.is_established().then(|| link.last_received.after(timer))
    }

    fn send_interval(&self) -> Duration {
        self.partner.send_interval(self.config.role)
    }

    pub(super) fn link_timers(&mut self, now: Now) {
        self.renew_xids(now);
        let expired: Vec<(LinkId, bool)> = self
            .links
            .iter()
            .filter_map(|link| {
                let silent = self.silence_ends(link).is_some_and(|end| end <= now.monotonic);
                let unfinished = link.setup_ends().is_some_and(|end| end <= now.monotonic);
                (silent || unfinished).then_some((link.id, silent))
            })
            .collect();
        for (id, silent) in expired {
            if silent {
                let reason = (RejectReason::NO_TRAFFIC, "nothing heard for the receive-timer");
                self.close_link(now, id, LinkEnd::Silence, Some(reason));
            } else {
                let reason = (RejectReason::NO_TRAFFIC, "the connection was not set up in time");
                self.close_link(now, id, LinkEnd::SetupTimeout, Some(reason));
            }
        }
        let first_state_due = self
            .current_link()
            .and_then(|link| link.first_state_due)
            .is_some_and(|due| due <= now.monotonic);
        if first_state_due {
            self.announce_state(now);
        }
        self.contact_timer(now);
        if let Dial::At { when, pause } = self.dial
            && when <= now.monotonic
            && self.links.is_empty()
        {
            self.dial = Dial::Pending { pause };
            self.outputs.push_back(Output::Connect);
        }
    }

    /// CONTACT when nothing else has been sent for tSend; never held back (§7.11).
    fn contact_timer(&mut self, now: Now) {
        let interval = self.send_interval();
        let due = self
            .current_link()
            .filter(|link| now.monotonic.since(link.last_sent) >= interval)
            .map(|link| link.id);
        if let Some(id) = due {
            let xid = self.take_xid();
            self.transmit_on(now, id, xid, &Message::Contact);
        }
    }

    /// The next moment at which [`link_timers`](Self::link_timers) has something to do.
    pub(super) fn next_link_timer(&self) -> Option<Instant> {
        let links = self.links.iter().flat_map(|link| {
            let contact = link.is_established().then(|| link.last_sent.after(self.send_interval()));
            [self.silence_ends(link), link.setup_ends(), contact, link.first_state_due]
                .into_iter()
                .flatten()
        });
        let dial = match self.dial {
            Dial::At { when, .. } if self.links.is_empty() => Some(when),
            Dial::At { .. } | Dial::Pending { .. } | Dial::Stopped => None,
        };
        links.chain(dial).min()
    }
}

/// When another attempt may do better (§7.9, §7.12, §8.6).
#[derive(Clone, Copy)]
enum Retry {
    /// After the loss of what was good.
    AtOnce,
    /// After a pause that grows to the configured interval.
    Soon,
    /// The partner holds what is left of an earlier connection.
    WhenTheOtherIsGone,
    /// After a refusal, and after a DISCONNECT of either side: anything sooner would only lead into a
    /// loop.
    Late,
}

impl Retry {
    /// Communications that `lasted` are worth coming back to at once. A DISCONNECT for silence is the
    /// loss of a connection, whoever said it.
    fn after(end: &LinkEnd, was_established: bool, lasted: bool) -> Self {
        match end {
            LinkEnd::Rejected(reason, _)
            | LinkEnd::RejectedByPartner(reason, _)
            | LinkEnd::Disconnected(reason, _)
                if *reason == RejectReason::DUPLICATE_CONNECTION =>
            {
                Self::WhenTheOtherIsGone
            }
            LinkEnd::Lost
            | LinkEnd::Silence
            | LinkEnd::Disconnected(RejectReason::NO_TRAFFIC, _) => {
                if lasted {
                    Self::AtOnce
                } else {
                    Self::Soon
                }
            }
            LinkEnd::Rejected(..) | LinkEnd::RejectedByPartner(..) | LinkEnd::Disconnected(..) => {
                Self::Late
            }
            LinkEnd::Garbled(_) | LinkEnd::ProtocolError(..) if was_established => Self::Late,
            LinkEnd::Garbled(_)
            | LinkEnd::ProtocolError(..)
            | LinkEnd::SetupTimeout
            | LinkEnd::Stalled
            | LinkEnd::Unacknowledged
            | LinkEnd::StateNotTakenByPartner(_)
            | LinkEnd::Replaced
            | LinkEnd::XidsUsedUp
            | LinkEnd::Stopping => Self::Soon,
        }
    }
}

/// What a CONNECT settles.
#[derive(Clone, Copy)]
struct Terms {
    delta: TimeDelta,
    mclt: Mclt,
    buckets: HashBuckets,
    delayed_service: u16,
}
