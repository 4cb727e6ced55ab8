//! What a server may say at which moment: a STATE only if it is on its disk (checker 4), an answer to
//! a client only in a state that has answers (checker 7).

use super::{Kind, Violation};
use crate::sim::clock::True;
use crate::sim::packet::{Answer, Say};
use crate::wire::codes::FailoverState;

/// Complains of an announcement of which the disk knows nothing.
pub(crate) fn state(
    at: True,
    announced: FailoverState,
    is_durable: bool,
    on_disk: Option<FailoverState>,
) -> Option<Violation> {
    if is_durable {
        return None;
    }
    let on_disk = on_disk.map_or_else(|| "nothing".to_owned(), |state| state.to_string());
    let what = format!("{announced} is announced while the disk has {on_disk}");
    Some(Violation::new(at, Kind::State, what))
}

/// Whether what a client says is answered in a state (§9.2).
pub(crate) const fn has_answers(state: FailoverState, say: Say) -> bool {
    match state {
        FailoverState::Normal
        | FailoverState::CommunicationsInterrupted
        | FailoverState::PartnerDown
        | FailoverState::ResolutionInterrupted
        | FailoverState::ConflictDone => true,
        FailoverState::RecoverDone => matches!(say, Say::Renew(_) | Say::Rebind(_)),
        FailoverState::Startup
        | FailoverState::PotentialConflict
        | FailoverState::Recover
        | FailoverState::RecoverWait
        | FailoverState::Paused
        | FailoverState::Shutdown => false,
    }
}

/// Complains of an answer that the state in which the question came does not allow.
pub(crate) fn answer(
    at: True,
    state: FailoverState,
    say: Say,
    answer: Answer,
) -> Option<Violation> {
    if has_answers(state, say) {
        return None;
    }
    Some(Violation::new(at, Kind::Served, format!("{say:?} is answered in {state}: {answer:?}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    const ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 10);
    const NAK: Answer = Answer::Nak { server: ADDRESS };

    #[test]
    fn a_state_that_is_not_on_disk_is_seen() {
        let normal = FailoverState::Normal;
        assert_eq!(state(0, normal, true, Some(normal)), None);
        let seen = state(0, normal, false, Some(FailoverState::Recover));
        assert_eq!(seen.unwrap().kind, Kind::State);
    }

    #[test]
    fn an_answer_in_an_unresponsive_state_is_seen() {
        let say = Say::Rebind(ADDRESS);
        assert_eq!(answer(0, FailoverState::Normal, say, NAK), None);
        let seen = answer(0, FailoverState::PotentialConflict, say, NAK);
        assert_eq!(seen.unwrap().kind, Kind::Served);
    }

    #[test]
    fn anything_but_a_renewal_answered_in_recover_done_is_seen() {
        let state = FailoverState::RecoverDone;
        assert_eq!(answer(0, state, Say::Renew(ADDRESS), NAK), None);
        assert!(answer(0, state, Say::Discover(None), NAK).is_some());
    }
}
