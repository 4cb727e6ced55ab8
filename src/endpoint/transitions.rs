//! stub
#![allow(missing_docs)]
use crate::balance::Role;
use crate::time::UnixTime;
use crate::wire::codes::FailoverState;
pub enum Action {
    None,
}
impl Action {
    pub fn requests_updates(&self) -> bool {
        false
    }
    pub fn saves_recover(&self) -> bool {
        false
    }
}
pub struct Transition {
    pub row: &'static str,
    pub next: FailoverState,
    pub why: &'static str,
    pub action: Action,
}
pub enum Outcome {
    Transition(Transition),
    Refused { row: &'static str, why: &'static str },
}
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
    Transition { row: "", next, why: "", action: Action::None }
}
pub fn on_partner_state(_r: Role, s: FailoverState, _p: FailoverState, _f: bool) -> Transition {
    t(s)
}
pub fn on_event(_r: Role, s: FailoverState, _e: EndpointEvent) -> Outcome {
    Outcome::Transition(t(s))
}
pub fn at_startup_contact(
    _r: Role,
    p: FailoverState,
    _s: FailoverState,
    _f: bool,
    _a: UnixTime,
    _l: UnixTime,
) -> Transition {
    t(p)
}
pub fn at_startup_timeout(p: FailoverState, _c: bool) -> Transition {
    t(p)
}
pub fn previous_state_at_startup(
    _s: Option<FailoverState>,
    _p: Option<FailoverState>,
    _r: Role,
) -> (FailoverState, &'static str) {
    (FailoverState::Recover, "")
}
