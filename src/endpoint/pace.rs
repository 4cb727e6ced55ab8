//! How closely two servers of this kind watch each other, where an operator wants that to be closer than
//! whole seconds.
//!
//! The draft has one timer for all of it, in seconds, which its partner is told. Two twinlease may beat
//! faster: neither tells the other, and the shorter time counts only once the partner is heard to beat so
//! fast. Any other partner sees nothing of it.

use core::time::Duration;

use crate::time::Instant;
use crate::wire::codes::{FailoverState, MessageType};

use super::FailoverEndpoint;
use super::link::Link;

/// CONTACTs in a row that have to come fast before a partner is believed to beat fast: so many do not
/// arrive together after a delay.
const BELIEVED_AFTER: usize = 4;

/// Times of its own for contact, its loss, and what follows from that.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pace {
    /// Another twinlease is sent a CONTACT when nothing else was sent for so long; `None` for what its
    /// receive-timer asks for.
    pub heartbeat_interval: Option<Duration>,
    /// Another twinlease that was heard to beat twice within this time, and then is silent for so long,
    /// has been lost; `None` for the receive-timer.
    pub contact_lost_time: Option<Duration>,
    /// So long after the partner has been lost its clients are still left to it.
    pub takeover_delay: Duration,
}

/// How long the partner was silent before each of its latest CONTACTs, which it sends when it has nothing
/// else to say.
#[derive(Clone, Copy, Debug, Hash)]
pub(super) struct Beats([Duration; BELIEVED_AFTER]);

impl Default for Beats {
    fn default() -> Self {
        Self([Duration::MAX; BELIEVED_AFTER])
    }
}

impl Beats {
    fn note(&mut self, silence: Duration) {
        self.0.rotate_right(1);
        let [latest, ..] = &mut self.0;
        *latest = silence;
    }

    /// Whether the partner beats at least twice within this time.
    fn are_within(&self, time: Duration) -> bool {
        self.0.iter().all(|silence| silence.saturating_mul(2) <= time)
    }
}

impl FailoverEndpoint {
    /// tSend, with the heartbeat that this partner understands.
    pub(super) fn send_interval(&self) -> Duration {
        let asked_for = self.partner.send_interval(self.config.role);
        let heartbeat = self.config.pace.heartbeat_interval;
        heartbeat.filter(|_| self.partner.is_twinlease()).unwrap_or(asked_for).min(asked_for)
    }

    /// How long a partner may be silent on this connection.
    pub(super) fn silence_allowed(&self, link: &Link) -> Duration {
        let timer = Duration::from_secs(u64::from(self.config.receive_timer));
        let pace = self.config.pace.contact_lost_time;
        let pace = pace.filter(|time| self.partner.is_twinlease() && link.beats.are_within(*time));
        pace.unwrap_or(timer).min(timer)
    }

    /// Takes note of how long the partner was silent before a message.
    pub(super) fn note_beat(&mut self, link: super::LinkId, kind: MessageType, at: Instant) {
        if self.config.pace.contact_lost_time.is_none() || kind != MessageType::CONTACT {
            return;
        }
        if let Some(link) = self.link_mut(link) {
            link.beats.note(at.since(link.last_received));
        }
    }

    /// When the clients of a partner that has been lost at `at` are no longer left to it.
    pub(super) fn takeover_from(
        &self,
        from: FailoverState,
        to: FailoverState,
        at: Instant,
    ) -> Option<Instant> {
        let delay = self.config.pace.takeover_delay;
        let is_lost =
            from == FailoverState::Normal && to == FailoverState::CommunicationsInterrupted;
        (is_lost && !delay.is_zero()).then(|| at.after(delay))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAST: Duration = Duration::from_millis(100);

    #[test]
    fn a_partner_is_believed_to_beat_fast_after_four_beats() {
        let mut beats = Beats::default();
        for _ in 0..3 {
            beats.note(FAST);
        }
        assert!(!beats.are_within(FAST * 3));
        beats.note(FAST);
        assert!(beats.are_within(FAST * 3));
        assert!(!beats.are_within(FAST));
    }

    #[test]
    fn one_slow_beat_is_remembered_for_a_while() {
        let mut beats = Beats([FAST; BELIEVED_AFTER]);
        beats.note(FAST * 20);
        beats.note(FAST);
        assert!(!beats.are_within(FAST * 3));
    }
}
