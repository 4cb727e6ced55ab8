//! What the partner's states, its answers and operators lead to, as seen on the wire (§9.4 to §9.14).

use std::time::Duration;

use twinlease::balance::Role;
use twinlease::durable::{EndpointRecord, Recovered};
use twinlease::endpoint::{Input, OperatorCommand};
use twinlease::time::UnixTime;
use twinlease::wire::codes::{FailoverState, MessageType, ServerFlags};
use twinlease::wire::message::Message;

use crate::support::scripted::{LINK, Script, stored};
use crate::support::{START, config};

use FailoverState::{
    CommunicationsInterrupted, ConflictDone, Normal, PartnerDown, Paused, PotentialConflict,
    Recover, RecoverDone, ResolutionInterrupted, Shutdown,
};

const PARTNER_DOWN: OperatorCommand = OperatorCommand::PartnerDown { forced: false };

/// One that has just found its partner in `partner`, everything it said forgotten.
fn facing(role: Role, record: EndpointRecord, partner: FailoverState) -> Script {
    let mut script = Script::restarted(role, record);
    script.shake_hands();
    script.state(partner);
    script.said.clear();
    script
}

fn lost(state: FailoverState) -> EndpointRecord {
    EndpointRecord { storage_lost: true, ..stored(state) }
}

/// Holds: FO-9.8.4-7, FO-9.14-2.
/// Holds: FO-3.3-4.
#[test]
fn a_partner_that_shuts_down_leaves_this_server_in_partner_down() {
    let mut script = Script::normal_primary();
    script.run_talking(50);
    script.said.clear();
    script.state(Shutdown);
    assert_eq!(script.announced(), [PartnerDown]);
    assert_eq!(script.record.expect("committed").start_of_state, UnixTime(START + 50));
}

/// Holds: FO-9.8.4-6.
/// Holds: FO-5.1-9.
/// Holds: FO-9.2-2, FO-9.2-14.
#[test]
fn a_partner_that_pauses_leaves_this_server_interrupted() {
    let mut script = Script::normal_primary();
    script.state(Paused);
    assert_eq!(script.announced(), [CommunicationsInterrupted]);
}

#[test]
fn a_partner_that_recovers_ends_normal_without_a_request() {
    let mut script = Script::normal_primary();
    script.state(Recover);
    assert_eq!(script.types(), ["state"]);
    assert_eq!(script.announced(), [CommunicationsInterrupted]);
}

/// Holds: A2-44.
#[test]
fn a_state_that_is_repeated_changes_nothing() {
    let mut script = Script::normal_primary();
    script.state(Normal);
    assert_eq!(script.types(), Vec::<&str>::new());
}

#[test]
fn a_recovery_asks_once_however_often_the_partners_state_changes() {
    let mut script = facing(Role::Secondary, stored(Recover), PartnerDown);
    script.state(CommunicationsInterrupted);
    script.state(Normal);
    assert_eq!(script.types(), Vec::<&str>::new());
}

#[test]
fn a_recovery_asks_again_on_the_next_connection() {
    let mut script = facing(Role::Secondary, stored(Recover), PartnerDown);
    script.cut();
    script.shake_hands();
    script.said.clear();
    script.state(PartnerDown);
    script.take(MessageType::UPDREQ);
}

/// Holds: A2-40.
#[test]
fn a_recovery_does_not_ask_a_partner_that_is_leaving() {
    let mut script = Script::restarted(Role::Secondary, stored(Recover));
    script.shake_hands();
    script.state(Shutdown);
    assert!(!script.types().contains(&"updreq"));
}

#[test]
fn a_secondary_that_meets_a_conflict_in_recover_does_not_ask_first() {
    let mut script = Script::restarted(Role::Secondary, lost(Recover));
    script.shake_hands();
    script.state(PotentialConflict);
    assert_eq!(script.endpoint.state(), PotentialConflict);
    assert!(!script.types().iter().any(|said| said.starts_with("updreq")));
}

/// Holds: A2-21.
#[test]
fn a_secondary_that_lost_its_store_asks_for_everything_once_the_primary_is_done() {
    let mut script = facing(Role::Secondary, lost(Recover), PotentialConflict);
    script.state(ConflictDone);
    assert_eq!(script.types(), ["updreqall"]);
}

/// Holds: A2-21.
#[test]
fn a_primary_that_lost_its_store_asks_for_everything_in_a_conflict() {
    let mut script = Script::restarted(Role::Primary, lost(Recover));
    script.shake_hands();
    script.said.clear();
    script.state(PotentialConflict);
    assert_eq!(script.types(), ["state", "state", "updreqall"]);
}

/// Holds: A2-46.
#[test]
fn the_answer_to_the_request_of_a_recovery_does_not_end_a_secondarys_conflict() {
    let mut script = Script::restarted(Role::Secondary, stored(Recover));
    script.shake_hands();
    script.state(PartnerDown);
    let request = script.take(MessageType::UPDREQ);
    script.state(PotentialConflict);
    script.said.clear();
    script.say(request.xid, &Message::UpdDone);
    assert_eq!(script.endpoint.state(), PotentialConflict);
    script.state(ConflictDone);
    assert_eq!(script.types(), ["updreq"]);
}

/// Holds: FO-9.10.3-2, FO-9.10.3-3, A2-46.
#[test]
fn upddone_with_another_xid_changes_nothing() {
    let mut script = Script::restarted(Role::Primary, stored(ResolutionInterrupted));
    script.shake_hands();
    script.state(ResolutionInterrupted);
    let request = script.take(MessageType::UPDREQ);
    script.say(twinlease::wire::codes::Xid(request.xid.0 + 1000), &Message::UpdDone);
    assert_eq!(script.endpoint.state(), PotentialConflict);
    script.say(request.xid, &Message::UpdDone);
    assert_eq!(script.endpoint.state(), ConflictDone);
}

/// Holds: FO-9.10.3-2, FO-9.10.3-4, A2-19.
#[test]
fn a_secondary_that_finds_the_primary_done_asks_at_once() {
    let mut script = Script::restarted(Role::Secondary, stored(ResolutionInterrupted));
    script.shake_hands();
    script.state(ConflictDone);
    let request = script.take(MessageType::UPDREQ);
    script.said.clear();
    script.say(request.xid, &Message::UpdDone);
    assert_eq!(script.announced(), [Normal]);
}

/// Holds: FO-9.10.3-7, FO-9.12.2-2, FO-9.12.2-3, FO-9.12.3-1, FO-9.12.3-2.
#[test]
fn a_primary_in_conflict_done_stays_so_across_a_loss_of_contact() {
    let mut script = facing(Role::Primary, stored(ConflictDone), PotentialConflict);
    script.cut();
    assert_eq!(script.endpoint.state(), ConflictDone);
    script.shake_hands();
    assert_eq!(script.announced(), [ConflictDone]);
    script.state(CommunicationsInterrupted);
    script.state(PotentialConflict);
    assert_eq!(script.types(), Vec::<&str>::new());
    script.state(Normal);
    assert_eq!(script.announced(), [Normal]);
}

/// Holds: FO-9.10.3-1, FO-9.11-1.
#[test]
fn a_conflict_that_loses_contact_is_interrupted() {
    let mut script = facing(Role::Secondary, stored(ResolutionInterrupted), PotentialConflict);
    assert_eq!(script.endpoint.state(), PotentialConflict);
    script.cut();
    assert_eq!(script.endpoint.state(), ResolutionInterrupted);
}

#[test]
fn partner_down_ends_first_when_the_partner_has_recovered() {
    let mut script = facing(Role::Primary, stored(PartnerDown), Recover);
    script.state(RecoverDone);
    assert_eq!(script.announced(), [Normal]);
}

#[test]
fn a_second_partner_down_does_not_set_its_beginning_back() {
    let mut script = Script::restarted(Role::Primary, stored(PartnerDown));
    script.run(15);
    script.input(Input::Operator(PARTNER_DOWN));
    assert_eq!(script.record.expect("committed").start_of_state, UnixTime(START - 1000));
}

#[test]
fn partner_down_is_refused_while_a_conflict_is_resolved() {
    let mut script = facing(Role::Secondary, stored(ResolutionInterrupted), PotentialConflict);
    assert!(script.endpoint.operator(script.now, PARTNER_DOWN).is_err());
    assert_eq!(script.endpoint.state(), PotentialConflict);
}

#[test]
fn partner_down_is_refused_in_a_recovery_unless_forced() {
    let mut script = facing(Role::Secondary, stored(Recover), PartnerDown);
    assert!(script.endpoint.operator(script.now, PARTNER_DOWN).is_err());
    let forced = OperatorCommand::PartnerDown { forced: true };
    assert!(script.endpoint.operator(script.now, forced).is_ok());
    assert_eq!(script.endpoint.state(), PartnerDown);
}

#[test]
fn partner_down_is_refused_in_conflict_done_while_connected() {
    let mut script = facing(Role::Primary, stored(ConflictDone), PotentialConflict);
    assert!(script.endpoint.operator(script.now, PARTNER_DOWN).is_err());
    script.cut();
    assert!(script.endpoint.operator(script.now, PARTNER_DOWN).is_ok());
}

/// Interrupted since START + 15, with a safe period of 100 seconds.
fn in_safe_period() -> Script {
    let mut relationship = config(Role::Primary, 20);
    relationship.safe_period = Some(Duration::from_secs(100));
    let endpoint = Some(stored(Normal));
    let mut script = Script::new(relationship, Recovered { endpoint, bindings: Vec::new() });
    script.run(15);
    assert_eq!(script.endpoint.state(), CommunicationsInterrupted);
    script
}

#[test]
fn the_safe_period_ends_with_the_interruption() {
    let mut script = in_safe_period();
    script.run(50);
    script.shake_hands();
    script.state(CommunicationsInterrupted);
    script.run_talking(200);
    assert_eq!(script.endpoint.state(), Normal);
}

/// Holds: FO-9.9.1-1.
#[test]
fn the_safe_period_of_the_next_interruption_is_a_whole_one() {
    let mut script = in_safe_period();
    script.run(50);
    script.shake_hands();
    script.state(CommunicationsInterrupted);
    script.cut();
    script.run(99);
    assert_eq!(script.endpoint.state(), CommunicationsInterrupted);
    script.run(1);
    assert_eq!(script.endpoint.state(), PartnerDown);
}

#[test]
fn the_safe_period_runs_on_while_the_partner_recovers() {
    let mut script = in_safe_period();
    script.run(50);
    script.shake_hands();
    script.state(Recover);
    script.said.clear();
    script.run_talking(49);
    assert_eq!(script.announced(), Vec::<FailoverState>::new());
    script.run_talking(1);
    assert_eq!(script.announced(), [PartnerDown]);
}

#[test]
fn there_is_no_safe_period_in_resolution_interrupted() {
    let mut relationship = config(Role::Primary, 20);
    relationship.safe_period = Some(Duration::from_secs(100));
    let endpoint = Some(stored(PotentialConflict));
    let mut script = Script::new(relationship, Recovered { endpoint, bindings: Vec::new() });
    script.run(1000);
    assert_eq!(script.endpoint.state(), ResolutionInterrupted);
}

/// Holds: FO-9.10.1-1.
/// Holds: FO-9.2-2.
#[test]
fn state_precedes_the_request_in_a_conflict() {
    let mut script = Script::restarted(Role::Primary, stored(CommunicationsInterrupted));
    script.shake_hands();
    script.said.clear();
    script.state(PartnerDown);
    assert_eq!(script.types().last(), Some(&"updreq"));
    assert_eq!(script.types().first(), Some(&"state"));
}

/// Holds: A2-41.
#[test]
fn a_request_that_stalls_costs_the_connection() {
    let mut script = facing(Role::Primary, stored(ResolutionInterrupted), ResolutionInterrupted);
    assert_eq!(script.endpoint.state(), PotentialConflict);
    script.run_talking(60);
    assert_eq!(script.closed, [LINK]);
    assert_eq!(script.endpoint.state(), ResolutionInterrupted);
}

#[test]
fn the_startup_flag_ends_with_startup() {
    let mut script = Script::restarted(Role::Primary, stored(Normal));
    script.shake_hands();
    assert_eq!(script.take(MessageType::STATE).state().1, ServerFlags::STARTUP);
    script.state(CommunicationsInterrupted);
    assert_eq!(script.take(MessageType::STATE).state().1, ServerFlags(0));
}
