//! Who holds the address, by the failover states.
//!
//! In every pair of states in which the two servers talk, one of them at most wants it: the primary
//! wherever both serve, the secondary while the primary does not.

use crate::balance::Role;
use crate::wire::codes::FailoverState;

/// Whether the server of this role wants the address in this state.
pub(super) const fn is_wanted(role: Role, state: FailoverState) -> bool {
    match role {
        Role::Primary => matches!(
            state,
            FailoverState::Normal
                | FailoverState::CommunicationsInterrupted
                | FailoverState::PartnerDown
                | FailoverState::PotentialConflict
                | FailoverState::ResolutionInterrupted
                | FailoverState::ConflictDone
        ),
        Role::Secondary => matches!(
            state,
            FailoverState::CommunicationsInterrupted
                | FailoverState::PartnerDown
                | FailoverState::ResolutionInterrupted
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pairs of states in which two servers that talk can stay (§9.2), the primary's first.
    #[test]
    fn of_two_servers_that_talk_one_at_most_wants_it() {
        use FailoverState::{
            ConflictDone, Normal, PartnerDown, PotentialConflict, Recover, RecoverDone, RecoverWait,
        };
        for (primary, secondary) in [
            (Normal, Normal),
            (PotentialConflict, PotentialConflict),
            (ConflictDone, PotentialConflict),
            (PotentialConflict, ConflictDone),
            (Recover, PartnerDown),
            (RecoverWait, PartnerDown),
            (RecoverDone, PartnerDown),
            (RecoverDone, Normal),
            (PartnerDown, Recover),
            (PartnerDown, RecoverWait),
            (PartnerDown, RecoverDone),
            (Normal, RecoverDone),
            (Recover, Recover),
        ] {
            let wanted = [(Role::Primary, primary), (Role::Secondary, secondary)]
                .map(|(role, state)| is_wanted(role, state));
            assert_ne!(wanted, [true, true], "{primary} {secondary}");
        }
    }

    #[test]
    fn whoever_serves_alone_wants_it() {
        for role in [Role::Primary, Role::Secondary] {
            assert!(is_wanted(role, FailoverState::CommunicationsInterrupted));
            assert!(is_wanted(role, FailoverState::PartnerDown));
        }
    }

    #[test]
    fn whoever_does_not_serve_does_not_want_it() {
        use FailoverState::{Paused, Recover, RecoverDone, RecoverWait, Shutdown, Startup};
        for state in [Paused, Recover, RecoverDone, RecoverWait, Shutdown, Startup] {
            assert!(!is_wanted(Role::Primary, state), "{state}");
            assert!(!is_wanted(Role::Secondary, state), "{state}");
        }
    }
}
