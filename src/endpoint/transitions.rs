//! stub
#![allow(missing_docs)]
use crate::balance::Role;
use crate::time::UnixTime;
use crate::wire::codes::FailoverState::{self, *};
#[derive(Clone, Copy, Debug)]
pub enum Action {
    None,
    Request,
    Save,
}
impl Action {
    pub fn requests_updates(&self) -> bool {
        matches!(self, Self::Request)
    }
    pub fn saves_recover(&self) -> bool {
        matches!(self, Self::Save)
    }
}
#[derive(Clone, Copy, Debug)]
pub struct Transition {
    pub row: &'static str,
    pub next: FailoverState,
    pub why: &'static str,
    pub action: Action,
}
#[derive(Clone, Copy, Debug)]
pub enum Outcome {
    Transition(Transition),
    Refused { row: &'static str, why: &'static str },
}
#[derive(Clone, Copy, Debug)]
pub enum EndpointEvent {
    CommunicationsFailed,
    SafePeriodOver,
    RecoverWaitOver,
    UpdatesComplete,
    OperatorPartnerDown { forced: bool, connected: bool },
    OperatorPause,
    OperatorShutdown,
}
fn t(next: FailoverState) -> Transition {
    Transition { row: "row", next, why: "why", action: Action::None }
}
pub fn on_partner_state(r: Role, s: FailoverState, p: FailoverState, f: bool) -> Transition {
    let pc = matches!(p, PotentialConflict | ResolutionInterrupted | ConflictDone);
    let n = match s {
        Normal => match p {
            PartnerDown => PotentialConflict,
            Recover | RecoverWait | Paused => CommunicationsInterrupted,
            Shutdown => PartnerDown,
            _ if pc => PotentialConflict,
            _ => Normal,
        },
        CommunicationsInterrupted => match p {
            Normal | CommunicationsInterrupted | RecoverDone => Normal,
            PartnerDown => PotentialConflict,
            Shutdown => PartnerDown,
            _ if pc => PotentialConflict,
            _ => s,
        },
        PartnerDown if f => s,
        PartnerDown => match p {
            Normal | CommunicationsInterrupted | PartnerDown => PotentialConflict,
            RecoverDone => Normal,
            _ if pc => PotentialConflict,
            _ => s,
        },
        Recover => {
            if pc {
                PotentialConflict
            } else {
                s
            }
        }
        RecoverDone => match p {
            Normal | RecoverDone => Normal,
            _ if pc => PotentialConflict,
            _ => s,
        },
        ResolutionInterrupted => PotentialConflict,
        ConflictDone => {
            if p == Normal {
                Normal
            } else {
                s
            }
        }
        _ => s,
    };
    let mut x = t(n);
    if s == Recover && n == Recover && !matches!(p, Paused | Shutdown) {
        x.action = Action::Request;
    }
    if s == PotentialConflict && r == Role::Secondary && p == ConflictDone {
        x.action = Action::Request;
    }
    if s == Shutdown && p == PartnerDown {
        x.action = Action::Save;
    }
    x
}
pub fn on_event(r: Role, s: FailoverState, e: EndpointEvent) -> Outcome {
    use EndpointEvent as E;
    let n = match (e, s) {
        (E::CommunicationsFailed, Normal) => CommunicationsInterrupted,
        (E::CommunicationsFailed, PotentialConflict) => ResolutionInterrupted,
        (E::SafePeriodOver, CommunicationsInterrupted) => PartnerDown,
        (E::RecoverWaitOver, RecoverWait) => RecoverDone,
        (E::UpdatesComplete, Recover) => RecoverWait,
        (E::UpdatesComplete, PotentialConflict) => {
            if r == Role::Primary {
                ConflictDone
            } else {
                Normal
            }
        }
        (
            E::OperatorPartnerDown { .. },
            Normal | CommunicationsInterrupted | ResolutionInterrupted | Startup,
        ) => PartnerDown,
        (E::OperatorPartnerDown { .. }, PartnerDown) => PartnerDown,
        (E::OperatorPartnerDown { .. }, _) => return Outcome::Refused { row: "", why: "no" },
        (E::OperatorPause, _) => Paused,
        (E::OperatorShutdown, _) => Shutdown,
        _ => s,
    };
    Outcome::Transition(t(n))
}
pub fn at_startup_contact(
    _r: Role,
    p: FailoverState,
    s: FailoverState,
    _f: bool,
    stos: UnixTime,
    l: UnixTime,
) -> Transition {
    if s == PartnerDown && !matches!(p, Recover | RecoverWait | RecoverDone) {
        if stos > l { t(Recover) } else { t(PotentialConflict) }
    } else {
        t(p)
    }
}
pub fn at_startup_timeout(p: FailoverState, c: bool) -> Transition {
    if c { t(PartnerDown) } else { t(p) }
}
pub fn previous_state_at_startup(
    s: Option<FailoverState>,
    p: Option<FailoverState>,
    _r: Role,
) -> (FailoverState, &'static str) {
    let n = match s {
        None => Recover,
        Some(Paused | Shutdown) => return previous_state_at_startup(p, None, _r),
        Some(Normal) => CommunicationsInterrupted,
        Some(PotentialConflict) => ResolutionInterrupted,
        Some(x) => x,
    };
    (n, "")
}
