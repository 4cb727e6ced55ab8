//! STATE: when it is said, what it says, and that it wants no answer (§7.10).

use twinlease::balance::Role;
use twinlease::endpoint::{Input, OperatorCommand};
use twinlease::time::UnixTime;
use twinlease::wire::codes::{FailoverState, MessageType, ServerFlags};
use twinlease::wire::dialect::Dialect;
use twinlease::wire::message::Message;

use crate::support::START;
use crate::support::scripted::{LINK, Script, stored};

/// Holds: FO-7.10-1, FO-7.10-6, FO-7.10.1-1, A1-51, A2-50.
#[test]
fn state_tells_the_state_the_flags_and_since_when() {
    let mut script = Script::restarted(Role::Secondary, stored(FailoverState::PartnerDown));
    script.called(LINK);
    script.connect();
    let said = script.take(MessageType::STATE);
    let Message::State(state) = said.message(Dialect::Isc) else { unreachable!() };
    assert_eq!(state.server_state, Some(FailoverState::PartnerDown.code()));
    assert_eq!(state.server_flags, Some(ServerFlags::STARTUP));
    assert_eq!(state.start_of_state, Some(UnixTime(START - 1000)));
}

/// Holds: FO-7.10-4, FO-7.10.2-2.
#[test]
fn every_change_of_state_is_announced() {
    let mut script = Script::secondary();
    script.called(LINK);
    script.connect();
    script.announced();
    script.state(FailoverState::Recover);
    let request = script.take(MessageType::UPDREQALL);
    script.say(request.xid, &Message::UpdDone);
    script.state(FailoverState::RecoverDone);
    script.state(FailoverState::Normal);
    script.state(FailoverState::Paused);
    assert_eq!(
        script.announced(),
        [
            FailoverState::Recover,
            FailoverState::RecoverWait,
            FailoverState::RecoverDone,
            FailoverState::Normal,
            FailoverState::CommunicationsInterrupted,
        ]
    );
}

/// Holds: FO-7.10-4.
#[test]
fn a_change_of_state_by_an_operator_is_announced() {
    let mut script = Script::normal_primary();
    script.input(Input::Operator(OperatorCommand::Shutdown));
    assert_eq!(script.announced(), [FailoverState::Shutdown]);
}

/// Holds: FO-7.10-5, FO-7.10.2-3.
#[test]
fn state_is_not_answered() {
    let mut script = Script::normal_primary();
    script.state(FailoverState::Normal);
    script.state_with(FailoverState::Normal, ServerFlags::STARTUP, START + 1);
    assert_eq!(script.types(), Vec::<&str>::new());
}

/// Holds: FO-7.10-5.
#[test]
fn an_unanswered_state_is_not_repeated() {
    let mut script = Script::normal_primary();
    script.run_talking(120);
    assert!(script.announced().is_empty());
}

/// Holds: FO-7.10.1-2.
#[test]
fn every_state_has_an_xid_of_its_own() {
    let mut script = Script::secondary();
    let mut xids = Vec::new();
    for _ in 0..3 {
        script.called(LINK);
        script.connect();
        script.state(FailoverState::Recover);
        script.state(FailoverState::PotentialConflict);
        let states = script.said.iter().filter(|said| said.message_type == MessageType::STATE);
        xids.extend(states.map(|said| said.xid));
        script.cut();
    }
    let count = xids.len();
    assert!(count >= 6, "{xids:?}");
    xids.sort_unstable();
    xids.dedup();
    assert_eq!(xids.len(), count, "{xids:?}");
}

/// Holds: FO-7.10.1-3, FO-7.10.2-1.
#[test]
fn what_has_been_announced_is_not_announced_again() {
    let mut script = Script::secondary();
    script.called(LINK);
    script.connect();
    script.become_normal();
    for state in [FailoverState::Normal, FailoverState::CommunicationsInterrupted] {
        script.state(state);
        script.run_talking(60);
    }
    let mut last = FailoverState::Normal;
    for state in script.announced() {
        assert_ne!(state, last);
        last = state;
    }
}
