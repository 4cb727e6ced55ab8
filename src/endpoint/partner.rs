//! What is known of the partner's process: its limits, what it is, and how its clock differs (§5.10).

use core::time::Duration;

use crate::balance::Role;
use crate::time::{Instant, Now, TimeDelta, UnixTime};

/// Samples that differ from the known delta by no more than this are jitter, and a delta up to this
/// counts as none (§5.10).
const CLOCK_JITTER: i32 = 2;

/// Two clocks that are read in whole seconds may seem to be so much further apart.
const ROUNDING: i32 = 1;

/// A sample that differs by more than this is a jump of a clock rather than a slow message.
const CLOCK_JUMP: i32 = 5;

/// How long samples have to agree on a jump before it is believed.
const JUMP_CONFIRMED: Duration = Duration::from_secs(5);

/// What is known of the partner's process from its latest CONNECT or CONNECTACK.
#[derive(Clone, Debug, Hash)]
pub(super) struct Partner {
    pub(super) max_unacked_bndupd: u32,
    pub(super) receive_timer: u32,
    pub(super) vendor_class: String,
    pub(super) delta: Option<TimeDelta>,
    /// The delta is that of a signed CONNECT, which may say a later time than it is, so as to be later than
    /// the one before; the next message knows better.
    pub(super) delta_is_provisional: bool,
    /// Samples since this moment say that one of the clocks was set.
    jump: Option<(Instant, TimeDelta)>,
}

impl Default for Partner {
    fn default() -> Self {
        Self {
            max_unacked_bndupd: 1,
            receive_timer: 30,
            vendor_class: String::new(),
            delta: None,
            delta_is_provisional: false,
            jump: None,
        }
    }
}

impl Partner {
    /// Whether the process is an ISC dhcpd, which some messages terminate.
    pub(super) fn is_dhcpd(&self) -> bool {
        self.vendor_class.starts_with("isc-")
    }

    /// Whether the process is another twinlease, which takes everything that the draft has in an
    /// update.
    pub(super) fn is_twinlease(&self) -> bool {
        self.vendor_class.starts_with("twinlease-")
    }

    /// tSend of a server in this role: the share of the partner's receive-timer that the draft
    /// suggests, in whole seconds unless that would be none (§7.9.1, §7.9.2).
    pub(super) fn send_interval(&self, own: Role) -> Duration {
        let parts = match own {
            Role::Primary => 5,
            Role::Secondary => 3,
        };
        let timer = Duration::from_secs(u64::from(self.receive_timer));
        let share = timer.checked_div(parts).unwrap_or(timer);
        match (self.receive_timer, share.as_secs()) {
            (0, _) => Duration::from_secs(1),
            (_, 0) => Duration::from_millis(u64::from(share.subsec_millis())),
            (_, whole) => Duration::from_secs(whole),
        }
    }

    /// Takes a sample of the clock delta. A lasting jump replaces the delta, and the former one is
    /// returned; a message that was late on its way changes nothing (§5.10). Where the delta is from a
    /// message that was late itself, the next one that was less so corrects it: nothing arrives before
    /// it is sent.
    pub(super) fn refine(&mut self, at: Instant, sample: TimeDelta) -> Option<TimeDelta> {
        let known = self.delta?;
        if core::mem::take(&mut self.delta_is_provisional) {
            self.delta = Some(sample);
            return None;
        }
        if sample.0.abs_diff(known.0) <= CLOCK_JUMP.unsigned_abs() {
            self.jump = None;
            if sample.0 < known.0.saturating_sub(ROUNDING) {
                self.delta = Some(sample);
            }
            return None;
        }
        match self.jump {
            Some((since, jump)) if jump.0.abs_diff(sample.0) <= CLOCK_JITTER.unsigned_abs() => {
                if at.since(since) < JUMP_CONFIRMED {
                    return None;
                }
                self.jump = None;
                self.delta.replace(sample)
            }
            _ => {
                self.jump = Some((at, sample));
                None
            }
        }
    }

    /// What to add to the partner's times.
    pub(super) fn correction(&self) -> TimeDelta {
        match self.delta {
            Some(TimeDelta(seconds)) if seconds.abs() > CLOCK_JITTER => TimeDelta(seconds),
            _ => TimeDelta(0),
        }
    }
}

/// Local reception time minus the header's time (§5.10).
pub(super) fn clock_sample(now: Now, header: UnixTime) -> TimeDelta {
    let difference = i64::from(now.wall.0).saturating_sub(i64::from(header.0));
    let clamped = difference.clamp(i64::from(-i32::MAX), i64::from(i32::MAX));
    TimeDelta(i32::try_from(clamped).unwrap_or(i32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delta_from_a_message_that_was_late_is_corrected_by_one_that_was_not() {
        let mut partner = Partner { delta: Some(TimeDelta(0)), ..Partner::default() };
        for (sample, known) in [(-4, -4), (-5, -4), (0, -4), (-3, -4)] {
            assert_eq!(partner.refine(Instant::default(), TimeDelta(sample)), None);
            assert_eq!(partner.delta, Some(TimeDelta(known)), "after {sample}");
        }
    }

    #[test]
    fn a_jump_is_believed_when_samples_have_agreed_for_long_enough() {
        let at = |seconds: u64| Instant::from_micros(seconds * 1_000_000);
        let mut partner = Partner { delta: Some(TimeDelta(0)), ..Partner::default() };
        assert_eq!(partner.refine(at(0), TimeDelta(100)), None);
        assert_eq!(partner.refine(at(6), TimeDelta(200)), None, "it is another jump");
        assert_eq!(partner.refine(at(10), TimeDelta(202)), None, "not for long enough");
        assert_eq!(partner.refine(at(11), TimeDelta(198)), Some(TimeDelta(0)));
        assert_eq!(partner.delta, Some(TimeDelta(198)));
    }
}
