//! Connections with the partner: who may open one, timers, clocks (§8).
//!
//! Several connections may exist while one is being set up; at most one is *the* link. The primary
//! speaks first with CONNECT; a secondary waits for it on every connection it has. Communications
//! are okay once CONNECT was accepted and the partner's STATE has arrived (§8.3).

use core::time::Duration;

use crate::balance::Role;
use crate::time::{Instant, Now, UnixTime};
use crate::wire::codes::{FailoverState, MessageType, RejectReason, ServerFlags, Xid};
use crate::wire::connect::{Disconnect, StateMessage};
use crate::wire::frame::Header;
use crate::wire::message::Message;

use super::FailoverEndpoint;
use super::event::{Event, LinkEnd};
use super::io::{ConnectFailure, LinkId, Origin, Output};
use super::pace::Beats;
use super::partner::clock_sample;
use super::transitions::EndpointEvent;

/// Time within which CONNECT or CONNECTACK, and then STATE, has to arrive.
pub(super) const SETUP_TIMEOUT: Duration = Duration::from_secs(15);

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

/// How far a connection has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Phase {
    /// A secondary waits for CONNECT.
    AwaitConnect,
    /// The driver negotiates TLS.
    AwaitTls,
    /// A primary waits for the answer to its CONNECT.
    AwaitConnectAck(Xid),
    /// CONNECT was accepted, the partner's STATE has not come.
    AwaitState,
    /// Communications are okay.
    Up,
}

/// One TCP connection.
#[derive(Clone, Debug, Hash)]
pub(super) struct Link {
    pub(super) id: LinkId,
    pub(super) phase: Phase,
    pub(super) since: Instant,
    pub(super) last_received: Instant,
    last_sent: Instant,
    /// TLS stands on it.
    pub(super) secured: bool,
    /// The xid of the partner's latest message that is no answer, with a shared secret in use.
    pub(super) last_xid: Option<Xid>,
    /// The first STATE leaves at this moment unless the partner's comes before.
    pub(super) first_state_due: Option<Instant>,
    pub(super) beats: Beats,
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
#[derive(Clone, Copy, Debug, Hash)]
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
            secured: false,
            last_xid: None,
            first_state_due: None,
            beats: Beats::default(),
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
        let contact =
            Duration::from_secs(u64::from(self.config.receive_timer / 3).max(1).saturating_add(1));
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
            let next = wait.saturating_mul(2).min(longest);
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

    pub(super) fn drop_link(&mut self, id: LinkId) -> Option<Link> {
        let position = self.links.iter().position(|link| link.id == id)?;
        if self.transmit.get(&id).is_some_and(Vec::is_empty) {
            self.transmit.remove(&id);
        }
        Some(self.links.remove(position))
    }

    pub(super) fn lose_link(&mut self, now: Now, id: LinkId, end: LinkEnd) {
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
            self.requests.cut_off();
        }
        let failure = self.failure_of_communications(&end);
        // What breaks before anything was said is the network's or a process's doing.
        let unanswered = matches!(link.phase, Phase::AwaitConnectAck(_));
        if was_up || unanswered || end != LinkEnd::Lost {
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
        let next = wait.saturating_mul(2).clamp(REDIAL_MIN.min(longest), longest);
        self.dial = Dial::At { when: now.monotonic.after(wait), pause: next };
    }

    /// The refusal was about something that the next attempt does otherwise.
    pub(super) fn dial_soon(&mut self, now: Now) {
        if let Dial::At { .. } = self.dial {
            self.dial = Dial::At { when: now.monotonic.after(REDIAL_MIN), pause: REDIAL_MIN };
        }
    }

    fn dial_at_once(&mut self, now: Now) {
        if let Dial::At { pause, .. } = self.dial {
            self.dial = Dial::At { when: now.monotonic, pause };
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
            self.stats.connections = self.stats.connections.saturating_add(1);
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
        self.note_beat(id, header.message_type, now.monotonic);
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
        link.is_established().then(|| link.last_received.after(self.silence_allowed(link)))
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
            | LinkEnd::TlsBroken(_)
            | LinkEnd::Disconnected(RejectReason::NO_TRAFFIC, _) => {
                if lasted {
                    Self::AtOnce
                } else {
                    Self::Soon
                }
            }
            LinkEnd::Rejected(..)
            | LinkEnd::RejectedByPartner(..)
            | LinkEnd::Disconnected(..)
            | LinkEnd::Tls(_) => Self::Late,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partner_that_breaks_the_protocol_is_avoided_for_longer_once_it_was_let_in() {
        let end = LinkEnd::ProtocolError(MessageType::CONNECT, "not now");
        assert!(matches!(Retry::after(&end, true, false), Retry::Late));
        assert!(matches!(Retry::after(&end, false, false), Retry::Soon));
    }

    #[test]
    fn what_lasted_is_tried_again_at_once() {
        assert!(matches!(Retry::after(&LinkEnd::Lost, true, true), Retry::AtOnce));
        assert!(matches!(Retry::after(&LinkEnd::Lost, true, false), Retry::Soon));
    }
}
