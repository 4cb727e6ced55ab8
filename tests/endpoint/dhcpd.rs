//! A dhcpd at the other end: some STATE messages terminate its process or park it in SHUTDOWN, and
//! none of those may ever reach it, whatever operators, crashes and connections do. `dhcpd_lives` looks
//! for one at random.

use twinlease::balance::Role;
use twinlease::durable::EndpointRecord;
use twinlease::endpoint::{Input, OperatorCommand};
use twinlease::wire::codes::{FailoverState, MessageType, ServerFlags};
use twinlease::wire::message::Message;

use crate::support::START;
use crate::support::scripted::{DHCPD, LINK, Script, stored};

use FailoverState::{
    CommunicationsInterrupted, ConflictDone, Normal, PartnerDown, PotentialConflict, Recover,
    RecoverDone, ResolutionInterrupted,
};

fn restarted(role: Role, state: FailoverState, partner: Option<FailoverState>) -> Script {
    let mut script =
        Script::restarted(role, EndpointRecord { partner_state: partner, ..stored(state) });
    script.vendor = DHCPD;
    script
}

#[test]
fn a_primary_that_was_resolving_a_conflict_waits_for_the_state_of_a_dhcpd() {
    let mut script = restarted(Role::Primary, ResolutionInterrupted, Some(Normal));
    script.shake_hands();
    assert_eq!(script.types(), Vec::<&str>::new());
}

#[test]
fn a_conflict_is_not_announced_to_a_dhcpd_that_starts_in_normal() {
    let mut script = restarted(Role::Primary, ResolutionInterrupted, None);
    script.shake_hands();
    script.state_with(Normal, ServerFlags::STARTUP, START);
    assert_eq!(script.types(), ["disconnect"]);
    assert_eq!(script.closed, [LINK]);
}

#[test]
fn a_primary_that_had_to_leave_a_starting_dhcpd_resolves_the_conflict_on_the_next_connection() {
    let mut script = restarted(Role::Primary, ResolutionInterrupted, None);
    script.shake_hands();
    script.state_with(Normal, ServerFlags::STARTUP, START);
    script.shake_hands();
    script.state(CommunicationsInterrupted);
    assert_eq!(script.take(MessageType::STATE).state().0, PotentialConflict);
    script.take(MessageType::UPDREQ);
}

#[test]
fn a_primary_in_conflict_done_joins_a_dhcpd_that_starts_in_normal() {
    let mut script = restarted(Role::Primary, ConflictDone, None);
    script.shake_hands();
    script.state_with(Normal, ServerFlags::STARTUP, START);
    assert_eq!(script.take(MessageType::STATE).state(), (Normal, ServerFlags(0)));
}

#[test]
fn a_secondary_that_starts_joins_the_conflict_of_a_dhcpd_in_conflict_done_at_once() {
    let mut script = restarted(Role::Secondary, Normal, Some(ConflictDone));
    script.shake_hands();
    script.state(ConflictDone);
    assert_eq!(script.closed, []);
    assert_eq!(script.types(), ["state", "updreq"]);
    assert_eq!(script.take(MessageType::STATE).state(), (PotentialConflict, ServerFlags(0)));
}

#[test]
fn an_announcement_that_waited_for_the_disk_is_withheld_from_a_dhcpd_in_conflict_done() {
    let mut script = restarted(Role::Secondary, ResolutionInterrupted, None);
    script.shake_hands();
    script.state(PotentialConflict);
    script.said.clear();
    script.instant_disk = false;
    script.input(Input::Operator(OperatorCommand::Pause));
    script.state(ConflictDone);
    script.sync();
    assert!(!script.types().contains(&"state"));
    assert_eq!(script.closed, [LINK]);
}

#[test]
fn a_pause_is_not_told_to_a_dhcpd_that_upddone_has_just_sent_to_conflict_done() {
    let mut script = restarted(Role::Secondary, ResolutionInterrupted, None);
    script.shake_hands();
    script.state(PotentialConflict);
    let xid = script.tell(&Message::UpdReq);
    assert_eq!(script.take(MessageType::UPDDONE).xid, xid);
    script.said.clear();
    script.input(Input::Operator(OperatorCommand::Pause));
    assert_eq!(script.announced(), []);
    assert_eq!(script.closed, [LINK]);
}

#[test]
fn a_pause_is_told_to_a_dhcpd_that_has_joined() {
    let mut script = restarted(Role::Secondary, CommunicationsInterrupted, None);
    script.shake_hands();
    for state in [CommunicationsInterrupted, Normal] {
        script.state(state);
    }
    script.said.clear();
    script.input(Input::Operator(OperatorCommand::Pause));
    assert_eq!(script.announced(), [FailoverState::Paused]);
}

#[test]
fn a_command_does_not_break_the_silence_before_a_dhcpd_has_spoken() {
    let mut script = restarted(Role::Secondary, Normal, None);
    script.shake_hands();
    script.input(Input::Operator(OperatorCommand::PartnerDown { forced: false }));
    assert_eq!(script.types(), Vec::<&str>::new());
    script.state(CommunicationsInterrupted);
    assert!(script.types().contains(&"state"));
}

#[test]
fn a_dhcpd_last_seen_in_conflict_done_is_waited_for_as_long_as_it_takes() {
    let mut script = restarted(Role::Secondary, PartnerDown, Some(ConflictDone));
    script.shake_hands();
    script.run(10);
    assert!(!script.types().contains(&"state"));
}

#[test]
fn a_recovery_that_goes_on_announces_its_state_before_it_asks_for_updates() {
    let mut script = restarted(Role::Secondary, Recover, None);
    script.shake_hands();
    script.state(PartnerDown);
    script.input(Input::Disconnected { link: LINK });
    script.said.clear();
    script.shake_hands();
    script.state(PartnerDown);
    let types = script.types();
    assert_eq!((types[0], types[types.len() - 1]), ("state", "updreq"));
}

#[test]
fn a_dhcpd_that_lost_the_connection_in_recover_is_reminded_to_ask() {
    let mut script = restarted(Role::Primary, RecoverDone, None);
    script.run(15);
    script.shake_hands();
    script.state(Recover);
    assert_eq!(script.announced(), [Recover, RecoverDone]);
}
