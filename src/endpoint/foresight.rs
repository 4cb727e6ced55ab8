//! Where a dhcpd goes on hearing what it is told, before it says so.
//!
//! STATE and UPDDONE move a dhcpd at once, and in the state that it moves to it may not survive what
//! it would have survived before. Until its own STATE arrives, both count.

use core::time::Duration;

use crate::balance::Role;
use crate::time::Instant;
use crate::wire::codes::FailoverState;

use FailoverState::{
    CommunicationsInterrupted, ConflictDone, Normal, PartnerDown, Paused, PotentialConflict,
    Recover, RecoverDone, RecoverWait, ResolutionInterrupted, Shutdown,
};

/// Foreseen states kept; more are not under way before the partner says one of them.
const MAX_FORESEEN: usize = 8;

/// A dhcpd announces at once where it goes. One that has not after so long went nowhere.
const BELIEVED: Duration = Duration::from_secs(5);

/// What a dhcpd makes of what it was told on this connection.
#[derive(Clone, Debug, Default, Hash)]
pub(super) struct Foresight {
    /// The states that it has been sent to and has not announced, in order, and when.
    ahead: Vec<(Instant, FailoverState)>,
    /// What it was told last.
    last: Option<Told>,
}

/// One of our STATE messages as it leaves.
#[derive(Clone, Copy, Debug, Hash)]
pub(super) struct Told {
    pub(super) state: FailoverState,
    /// With the flag STARTUP.
    pub(super) in_startup: bool,
}

impl Foresight {
    /// The states that the partner may be in by now beside the one it announced.
    pub(super) fn states(&self, now: Instant) -> impl Iterator<Item = FailoverState> + '_ {
        let believed = self.ahead.iter().filter(move |(at, _)| now.since(*at) <= BELIEVED);
        believed.map(|(_, state)| *state)
    }

    /// The partner, last heard in `its`, is told a state.
    pub(super) fn told(&mut self, now: Instant, its: FailoverState, it_starts: bool, told: Told) {
        self.last = Some(told);
        self.moves(now, its, |from| on_state(from, it_starts, told));
    }

    /// The partner, last heard in `its`, is told that its request is answered.
    pub(super) fn told_done(
        &mut self,
        now: Instant,
        its: FailoverState,
        ours: FailoverState,
        own_role: Role,
    ) {
        self.moves(now, its, |from| match (from, own_role, ours) {
            (PotentialConflict, Role::Secondary, _) => Some(ConflictDone),
            (PotentialConflict, Role::Primary, ConflictDone) => Some(Normal),
            _ => None,
        });
    }

    /// The partner announces a state: what led it there is behind it. One that was not foreseen, as
    /// its first on a connection, was under way before it heard what we said last.
    pub(super) fn heard(&mut self, now: Instant, its: FailoverState, it_starts: bool) {
        if let Some(position) = self.ahead.iter().position(|(_, state)| *state == its) {
            self.ahead.drain(..=position);
            return;
        }
        self.ahead.clear();
        if let Some(told) = self.last {
            self.moves(now, its, |from| on_state(from, it_starts, told));
        }
    }

    /// From wherever the partner may be.
    fn moves(
        &mut self,
        now: Instant,
        its: FailoverState,
        to: impl Fn(FailoverState) -> Option<FailoverState>,
    ) {
        let from = core::iter::once(its).chain(self.states(now));
        let reached: Vec<_> = from.filter_map(to).collect();
        self.ahead.retain(|(at, _)| now.since(*at) <= BELIEVED);
        for state in reached {
            let is_last = self.ahead.last().is_some_and(|(_, last)| *last == state);
            if !is_last && self.ahead.len() < MAX_FORESEEN {
                self.ahead.push((now, state));
            }
        }
    }
}

/// Where a dhcpd in `its` state goes on hearing ours, as far as that forbids anything afterwards.
fn on_state(its: FailoverState, it_starts: bool, told: Told) -> Option<FailoverState> {
    let ours = told.state;
    match its {
        Normal if ours == PartnerDown => Some(if it_starts { Recover } else { PotentialConflict }),
        CommunicationsInterrupted => match ours {
            Normal | CommunicationsInterrupted | RecoverDone | RecoverWait => Some(Normal),
            PartnerDown | PotentialConflict | ResolutionInterrupted | ConflictDone => {
                Some(PotentialConflict)
            }
            _ => None,
        },
        PartnerDown if told.in_startup => None,
        PartnerDown => match ours {
            RecoverDone => Some(Normal),
            Recover | RecoverWait | Paused | Shutdown => None,
            _ => Some(PotentialConflict),
        },
        Recover => {
            let conflict =
                matches!(ours, Normal | PotentialConflict | ResolutionInterrupted | ConflictDone);
            conflict.then_some(PotentialConflict)
        }
        RecoverDone => matches!(ours, Normal | RecoverDone).then_some(Normal),
        PotentialConflict => (ours == Recover).then_some(Recover),
        ResolutionInterrupted => (!matches!(ours, Paused | Shutdown)).then_some(PotentialConflict),
        ConflictDone => (ours == Normal).then_some(Normal),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(state: FailoverState) -> Told {
        Told { state, in_startup: false }
    }

    /// Where a dhcpd in `its` state goes on hearing each of ours; nowhere on hearing another.
    fn goes(its: FailoverState) -> &'static [(FailoverState, FailoverState)] {
        match its {
            Normal => &[(PartnerDown, PotentialConflict)],
            CommunicationsInterrupted => &[
                (Normal, Normal),
                (CommunicationsInterrupted, Normal),
                (RecoverDone, Normal),
                (RecoverWait, Normal),
                (PartnerDown, PotentialConflict),
                (PotentialConflict, PotentialConflict),
                (ResolutionInterrupted, PotentialConflict),
                (ConflictDone, PotentialConflict),
            ],
            PartnerDown => &[
                (FailoverState::Startup, PotentialConflict),
                (Normal, PotentialConflict),
                (CommunicationsInterrupted, PotentialConflict),
                (PartnerDown, PotentialConflict),
                (PotentialConflict, PotentialConflict),
                (ResolutionInterrupted, PotentialConflict),
                (ConflictDone, PotentialConflict),
                (RecoverDone, Normal),
            ],
            Recover => &[
                (Normal, PotentialConflict),
                (PotentialConflict, PotentialConflict),
                (ResolutionInterrupted, PotentialConflict),
                (ConflictDone, PotentialConflict),
            ],
            RecoverDone => &[(Normal, Normal), (RecoverDone, Normal)],
            PotentialConflict => &[(Recover, Recover)],
            ResolutionInterrupted => &[
                (FailoverState::Startup, PotentialConflict),
                (Normal, PotentialConflict),
                (CommunicationsInterrupted, PotentialConflict),
                (PartnerDown, PotentialConflict),
                (PotentialConflict, PotentialConflict),
                (Recover, PotentialConflict),
                (RecoverDone, PotentialConflict),
                (ResolutionInterrupted, PotentialConflict),
                (ConflictDone, PotentialConflict),
                (RecoverWait, PotentialConflict),
            ],
            ConflictDone => &[(Normal, Normal)],
            _ => &[],
        }
    }

    #[test]
    fn a_dhcpd_goes_where_each_of_our_states_sends_it() {
        for its in FailoverState::ALL {
            for ours in FailoverState::ALL {
                let expected = goes(*its).iter().find(|(state, _)| state == ours);
                assert_eq!(
                    on_state(*its, false, told(*ours)),
                    expected.map(|(_, next)| *next),
                    "{its} on {ours}"
                );
            }
        }
    }

    #[test]
    fn a_dhcpd_that_starts_recovers_where_it_was_declared_down() {
        assert_eq!(on_state(Normal, true, told(PartnerDown)), Some(Recover));
    }

    #[test]
    fn a_dhcpd_in_partner_down_waits_for_the_end_of_our_startup() {
        let starting = Told { state: Normal, in_startup: true };
        assert_eq!(on_state(PartnerDown, false, starting), None);
    }
}
