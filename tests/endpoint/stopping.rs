//! PAUSED and SHUTDOWN: what is said, and what leads out of them (§9.13, §9.14).

use twinlease::endpoint::{Input, OperatorCommand};
use twinlease::wire::codes::FailoverState;

use crate::support::scripted::{LINK, Script};

use FailoverState::{Normal, PartnerDown, Paused, Recover, Shutdown};

fn stopped_by(command: OperatorCommand) -> Script {
    let mut script = Script::normal_primary();
    script.input(Input::Operator(command));
    script
}

/// Holds: FO-9.13-1, FO-9.13-3.
#[test]
fn a_pause_is_announced_and_the_connection_closed() {
    let mut script = stopped_by(OperatorCommand::Pause);
    assert_eq!(script.announced(), [Paused]);
    script.run(1);
    assert_eq!(script.closed, [LINK]);
}

/// Holds: FO-9.14.1-3, FO-9.14.2-3.
#[test]
fn a_shutdown_is_announced_and_waits_some_seconds_for_the_partners_answer() {
    let mut script = stopped_by(OperatorCommand::Shutdown);
    assert_eq!(script.announced(), [Shutdown]);
    script.run(1);
    assert_eq!(script.closed, []);
    script.run(9);
    assert_eq!(script.closed, [LINK]);
}

/// Holds: FO-9.14.1-1, FO-9.14.1-2.
#[test]
fn a_shutdown_stores_the_state_before_it_and_the_time() {
    let mut script = Script::normal_primary();
    script.run_talking(50);
    script.input(Input::Operator(OperatorCommand::Shutdown));
    let record = script.record.expect("committed");
    assert_eq!((record.state, record.previous_state), (Shutdown, Some(Normal)));
    assert_eq!(record.last_operation, script.now.wall);
}

/// Holds: FO-9.13.1-1.
#[test]
fn a_pause_stores_the_state_before_it() {
    let record = stopped_by(OperatorCommand::Pause).record.expect("committed");
    assert_eq!((record.state, record.previous_state), (Paused, Some(Normal)));
}

/// Holds: FO-9.14.2-2.
#[test]
fn a_partner_that_takes_over_during_a_shutdown_makes_the_next_start_recover() {
    let mut script = stopped_by(OperatorCommand::Shutdown);
    script.state(PartnerDown);
    assert_eq!(script.record.expect("committed").previous_state, Some(Recover));
}

/// What leads out of other states: contact, the partner's states, time and commands.
fn after_everything(command: OperatorCommand) -> FailoverState {
    let mut script = stopped_by(command);
    script.run(60);
    script.input(Input::Operator(OperatorCommand::PartnerDown { forced: true }));
    script.connected();
    script.run(100_000);
    script.endpoint.state()
}

/// Holds: FO-9.13.2-1.
#[test]
fn paused_is_left_by_a_restart_only() {
    assert_eq!(after_everything(OperatorCommand::Pause), Paused);
}

/// Holds: FO-9.14.3-1.
#[test]
fn shutdown_is_left_by_a_restart_only() {
    assert_eq!(after_everything(OperatorCommand::Shutdown), Shutdown);
}
