//! Every row of `docs/transitions.md` entered from outside: by what a store held, by the partner's
//! octets, by time, by an operator.

use std::collections::BTreeSet;

use twinlease::balance::Role;
use twinlease::durable::{EndpointRecord, Recovered};
use twinlease::endpoint::config::StartupPolicy;
use twinlease::endpoint::transitions::{on_partner_state, rows};
use twinlease::endpoint::{
    BindingChange, Event, Input, LeaseAuthority, LeaseDetails, OperatorCommand,
};
use twinlease::time::UnixTime;
use twinlease::wire::bndupd::BindingUpdate;
use twinlease::wire::codes::{FailoverState, MessageType, ServerFlags, Xid};
use twinlease::wire::message::Message;

use crate::support::scripted::{LINK, Script, stored};
use crate::support::{MCLT, START, address, config};

use FailoverState::{
    CommunicationsInterrupted, ConflictDone, Normal, PartnerDown, Paused, PotentialConflict,
    Recover, RecoverDone, RecoverWait, ResolutionInterrupted, Shutdown, Startup,
};
use Role::{Primary, Secondary};

const ROLES: [Role; 2] = [Primary, Secondary];

/// Own state down, partner's state across, "=" stays; from §9.4 to §9.14.
const GRID: &str = "
      N   CI  PD  R   RW  RD  PC  RI  CD  PA  SD
  N   =   =   PC  CI  CI  =   PC  PC  PC  CI  PD
  CI  N   N   PC  =   =   N   PC  PC  PC  =   PD
  PD  PC  PC  PC  =   =   N   PC  PC  PC  =   =
  R   =   =   =   =   =   =   PC  PC  PC  =   =
  RW  =   =   =   =   =   =   =   =   =   =   =
  RD  N   =   =   =   =   N   PC  PC  PC  =   =
  PC  =   =   =   =   =   =   =   =   =   =   =
  RI  PC  PC  PC  PC  PC  PC  PC  PC  PC  PC  PC
  CD  N   =   =   =   =   =   =   =   =   =   =
  PA  =   =   =   =   =   =   =   =   =   =   =
  SD  =   =   =   =   =   =   =   =   =   =   =
";

fn named(short: &str) -> FailoverState {
    match short {
        "N" => Normal,
        "CI" => CommunicationsInterrupted,
        "PD" => PartnerDown,
        "R" => Recover,
        "RW" => RecoverWait,
        "RD" => RecoverDone,
        "PC" => PotentialConflict,
        "RI" => ResolutionInterrupted,
        "CD" => ConflictDone,
        "PA" => Paused,
        "SD" => Shutdown,
        other => panic!("no such state: {other}"),
    }
}

/// Own state, partner's state, state that follows.
fn cells() -> Vec<[FailoverState; 3]> {
    let mut lines = GRID.trim_matches('\n').lines().map(str::split_whitespace);
    let partners: Vec<_> = lines.next().expect("a heading").map(named).collect();
    let mut cells = Vec::new();
    for mut line in lines {
        let own = named(line.next().expect("a state"));
        for (partner, cell) in partners.iter().zip(line) {
            cells.push([own, *partner, if cell == "=" { own } else { named(cell) }]);
        }
    }
    cells
}

fn record(state: FailoverState) -> EndpointRecord {
    EndpointRecord { down_time: UnixTime(START), ..stored(state) }
}

/// A process that found this on its disk and whose partner stayed away.
fn alone(role: Role, record: EndpointRecord) -> Script {
    let mut script = Script::restarted(role, record);
    script.run(15);
    script
}

/// One in `state`, with a connection on which the next STATE is looked at.
fn connected_in(role: Role, state: FailoverState) -> Script {
    let mut script = match (state, role) {
        (Normal | Paused | Shutdown, Primary) => Script::normal_primary(),
        (Normal | Paused | Shutdown, Secondary) => Script::normal_secondary(),
        (PotentialConflict, _) => {
            let mut script = alone(role, record(ResolutionInterrupted));
            script.shake_hands();
            script.state(ResolutionInterrupted);
            script
        }
        _ => {
            let mut script = alone(role, record(state));
            script.shake_hands();
            script
        }
    };
    match state {
        Paused => script.input(Input::Operator(OperatorCommand::Pause)),
        Shutdown => script.input(Input::Operator(OperatorCommand::Shutdown)),
        _ => {}
    }
    assert_eq!(script.endpoint.state(), state, "{role}");
    script
}

/// Holds: FO-9-2, FO-9.2-10, FO-9.2-11, FO-9.2-12, FO-9.2-13, FO-9.2-18, FO-9.2-21, FO-9.2-22.
/// Holds: FO-9.2-23, FO-9.2-24, FO-9.2-25, FO-9.2-27, FO-9.2-28, FO-9.4.3-1, FO-9.4.3-5, FO-9.4.3-6.
/// Holds: FO-9.4.3-7, FO-9.5.2-1, FO-9.7.2-1, FO-9.7.2-2, FO-9-1, A2-04, A2-05, A2-16, A2-17, A2-38.
#[test]
fn every_pair_of_states_follows_the_grid_when_the_partner_speaks() {
    for role in ROLES {
        for [own, partner, next] in cells() {
            if (role, own) == (Secondary, ConflictDone) {
                continue;
            }
            let mut script = connected_in(role, own);
            script.state(partner);
            assert_eq!(script.endpoint.state(), next, "{role} in {own} hears {partner}");
        }
    }
}

/// Holds: FO-9.4.3-2, FO-9.4.3-3, FO-9.4.3-4, A2-15.
#[test]
fn the_startup_flag_holds_partner_down_back_and_nothing_else() {
    for role in ROLES {
        for [own, partner, next] in cells() {
            if (role, own) == (Secondary, ConflictDone) {
                continue;
            }
            let next = if own == PartnerDown { own } else { next };
            let mut script = connected_in(role, own);
            script.state_with(partner, ServerFlags::STARTUP, START);
            assert_eq!(script.endpoint.state(), next, "{role} in {own} hears {partner}");
        }
    }
}

#[test]
fn every_row_for_a_partners_state_is_met_by_a_pair_of_the_grid() {
    let mut met = BTreeSet::new();
    for role in ROLES {
        for [own, partner, _] in cells() {
            for flag in [false, true] {
                met.insert(on_partner_state(role, own, partner, flag).row);
            }
        }
    }
    // STARTUP as a state, in `startup_as_a_state_costs_the_connection`; and a row that only hands on
    // to the row of the pair.
    met.extend(["PT-160", "PT-162"]);
    let missed: Vec<_> =
        rows().map(|row| row.id).filter(|id| id.starts_with("PT-") && !met.contains(id)).collect();
    assert_eq!(missed, Vec::<&str>::new());
}

/// Holds: FO-12.24-3, FO-9.3.1-6.
#[test]
fn startup_as_a_state_costs_the_connection() {
    for state in [Normal, PartnerDown, Recover] {
        let mut script = connected_in(Primary, state);
        script.state(Startup);
        assert_eq!(script.closed, [LINK]);
    }
}

#[test]
fn every_other_row_has_a_test_that_enters_it() {
    let lists = include_str!("every_row.rs").lines().filter_map(|l| l.strip_prefix("/// Enters: "));
    let listed: BTreeSet<_> = lists.flat_map(|l| l.trim_end_matches('.').split(", ")).collect();
    let mut other: BTreeSet<_> =
        rows().map(|row| row.id).filter(|id| !id.starts_with("PT-")).collect();
    // It stands for everything that has no row.
    assert!(other.remove("GAP-4"));
    let missing: Vec<_> = other.difference(&listed).collect();
    assert_eq!(missing, Vec::<&&str>::new());
    let unknown: Vec<_> = listed.difference(&other).collect();
    assert_eq!(unknown, Vec::<&&str>::new());
}

/// State after STARTUP without contact.
fn after_startup(role: Role, record: EndpointRecord) -> FailoverState {
    alone(role, record).endpoint.state()
}

/// In STARTUP with this behind it, its partner connected and about to speak.
fn starting(record: EndpointRecord) -> Script {
    let mut script = Script::restarted(Primary, record);
    script.shake_hands();
    script.said.clear();
    script
}

fn under(policy: StartupPolicy, state: FailoverState) -> FailoverState {
    let mut relationship = config(Primary, 20);
    relationship.startup_policy = policy;
    let endpoint = Some(record(state));
    let mut script = Script::new(relationship, Recovered { endpoint, bindings: Vec::new() });
    script.run(60);
    script.endpoint.state()
}

fn declared_down(mut script: Script, forced: bool) -> FailoverState {
    let _refused = script.endpoint.operator(script.now, OperatorCommand::PartnerDown { forced });
    script.input(Input::TimeReached);
    script.endpoint.state()
}

fn lost_from(role: Role, state: FailoverState) -> FailoverState {
    let mut script = connected_in(role, state);
    // Contact is okay only once the partner has spoken.
    script.state(if state == PotentialConflict { PotentialConflict } else { Recover });
    script.cut();
    script.endpoint.state()
}

/// One that asked for updates, and the xid of its request.
fn asked(role: Role, state: FailoverState, partner: FailoverState) -> (Script, Xid) {
    let mut script = connected_in(role, state);
    if state == PotentialConflict && role == Secondary {
        script.state(partner);
    } else if state != PotentialConflict {
        script.said.clear();
        script.state(partner);
    }
    let request = script.take(MessageType::UPDREQ);
    script.said.clear();
    (script, request.xid)
}

/// Holds: FO-9.3.2-10.
/// Enters: ST-01.
#[test]
fn normal_is_stored_while_the_process_is_gone() {
    assert_eq!(after_startup(Primary, record(Normal)), CommunicationsInterrupted);
}

/// Holds: FO-9.3.2-10.
/// Enters: ST-02.
#[test]
fn a_conflict_is_stored_while_the_process_is_gone() {
    assert_eq!(after_startup(Secondary, record(PotentialConflict)), ResolutionInterrupted);
}

/// Holds: FO-9.3.2-1, FO-9.3.2-2, FO-9.3.2-10, FO-9.2-15.
/// Enters: ST-03, ST-16.
#[test]
fn states_without_contact_come_back_as_they_are() {
    for state in [
        CommunicationsInterrupted,
        PartnerDown,
        Recover,
        RecoverWait,
        RecoverDone,
        ResolutionInterrupted,
    ] {
        assert_eq!(after_startup(Primary, record(state)), state);
    }
}

/// Enters: ST-04.
#[test]
fn conflict_done_comes_back_on_a_primary() {
    assert_eq!(after_startup(Primary, record(ConflictDone)), ConflictDone);
}

/// Enters: ST-05.
#[test]
fn conflict_done_is_no_state_of_a_secondary() {
    assert_eq!(after_startup(Secondary, record(ConflictDone)), ResolutionInterrupted);
}

/// Holds: FO-9.2-16.
/// Enters: ST-06.
#[test]
fn a_stop_comes_back_as_what_was_before() {
    for stop in [Paused, Shutdown] {
        let before = EndpointRecord { previous_state: Some(PartnerDown), ..record(stop) };
        assert_eq!(after_startup(Primary, before), PartnerDown);
    }
}

/// Enters: ST-07.
#[test]
fn a_stop_during_which_the_partner_took_over_comes_back_as_recover() {
    let mut script = Script::normal_secondary();
    script.input(Input::Operator(OperatorCommand::Shutdown));
    script.state(PartnerDown);
    let record = script.record.expect("committed");
    assert_eq!(after_startup(Secondary, record), Recover);
}

/// Holds: FO-9.3.2-5, FO-9.5.2-3, FO-9.5.2-4, A2-11.
/// Enters: ST-08, ST-09.
/// Holds: FO-9.5-1.
#[test]
fn an_empty_store_asks_for_everything() {
    let mut script = Script::secondary();
    script.shake_hands();
    assert_eq!(script.take(MessageType::STATE).state().0, Recover);
    script.state(PartnerDown);
    assert_eq!(script.endpoint.state(), Recover);
    script.take(MessageType::UPDREQALL);
}

/// Holds: FO-9.3.2-17, FO-9.3-1, FO-9.3.2-19, A1-37.
/// Enters: ST-10.
#[test]
fn a_partner_that_took_over_later_leads_to_recover() {
    let mut script = starting(record(Normal));
    script.state_with(PartnerDown, ServerFlags(0), START - 9);
    assert_eq!(script.endpoint.state(), Recover);
    script.take(MessageType::UPDREQ);
}

/// Holds: FO-9.3.2-18, A1-37, A2-13.
/// Enters: ST-11.
#[test]
fn a_partner_that_took_over_earlier_leads_to_a_conflict() {
    for since in [START - 500, START - 10] {
        let mut script = starting(record(Normal));
        script.state_with(PartnerDown, ServerFlags(0), since);
        assert_eq!(script.endpoint.state(), PotentialConflict);
    }
}

/// Holds: A2-12.
/// Enters: ST-12.
#[test]
fn a_recovery_goes_on_whenever_the_partner_took_over() {
    for state in [Recover, RecoverWait, RecoverDone] {
        let mut script = starting(record(state));
        script.state_with(PartnerDown, ServerFlags(0), START - 500);
        assert_eq!(script.endpoint.state(), state);
    }
}

/// Holds: FO-9.3.2-15, FO-9.3.2-16, FO-9.3.2-19.
/// Enters: ST-13.
#[test]
fn contact_goes_on_in_the_state_from_before() {
    let mut script = starting(record(Recover));
    assert_eq!(script.endpoint.state(), Startup);
    script.state(Normal);
    assert_eq!(script.endpoint.state(), Recover);
    assert_eq!(script.take(MessageType::STATE).state(), (Recover, ServerFlags(0)));
}

/// Enters: ST-14.
#[test]
fn partner_down_hears_nothing_of_a_partner_in_startup() {
    let mut script = starting(record(PartnerDown));
    script.state_with(Normal, ServerFlags::STARTUP, START);
    assert_eq!(script.endpoint.state(), PartnerDown);
}

/// Enters: ST-15.
#[test]
fn two_that_start_go_on_together() {
    let mut script = starting(record(Normal));
    script.state_with(Normal, ServerFlags::STARTUP, START);
    assert_eq!(script.endpoint.state(), Normal);
}

/// Holds: FO-9.3.2-22.
/// Enters: ST-17.
#[test]
fn one_that_is_to_wait_waits() {
    assert_eq!(under(StartupPolicy::Wait, Normal), Startup);
}

/// Holds: FO-9.3.2-9.
/// Enters: ST-18.
#[test]
fn one_that_is_commissioned_alone_serves_alone() {
    assert_eq!(under(StartupPolicy::CommissionAlone, Recover), PartnerDown);
}

/// Holds: FO-9.3.2-21.
/// Enters: ST-19.
#[test]
fn one_that_is_to_proceed_recovers_when_the_partner_comes() {
    assert_eq!(under(StartupPolicy::Proceed, Recover), Recover);
}

/// Enters: ST-20.
#[test]
fn a_connection_that_says_nothing_leaves_startup_alone() {
    let mut script = starting(record(Normal));
    script.cut();
    assert_eq!(script.endpoint.state(), Startup);
}

/// Holds: FO-9.1-1, FO-9.2-17, FO-9.3.2-11.
/// Enters: EV-43, EV-01.
#[test]
fn a_process_starts_in_startup() {
    let mut script = Script::restarted(Primary, record(Normal));
    assert_eq!(script.endpoint.state(), Startup);
    script.run(14);
    assert_eq!(script.endpoint.state(), Startup);
}

/// Enters: EV-02.
#[test]
fn contact_lost_in_normal() {
    let mut script = Script::normal_primary();
    script.cut();
    assert_eq!(script.endpoint.state(), CommunicationsInterrupted);
}

/// Enters: EV-03.
#[test]
fn contact_lost_again_while_interrupted() {
    assert_eq!(lost_from(Primary, CommunicationsInterrupted), CommunicationsInterrupted);
}

/// Enters: EV-04.
#[test]
fn contact_lost_in_partner_down() {
    assert_eq!(lost_from(Primary, PartnerDown), PartnerDown);
}

/// Holds: FO-9.5.2-7, FO-9.5.2-11.
/// Enters: EV-05.
#[test]
fn contact_lost_in_recover() {
    assert_eq!(lost_from(Secondary, Recover), Recover);
}

/// Holds: FO-9.6.2-8.
/// Enters: EV-06.
#[test]
fn contact_lost_in_recover_wait() {
    assert_eq!(lost_from(Secondary, RecoverWait), RecoverWait);
}

/// Holds: FO-9.7.2-3, FO-9.2-20.
/// Enters: EV-07.
#[test]
fn contact_lost_in_recover_done() {
    assert_eq!(lost_from(Secondary, RecoverDone), RecoverDone);
}

/// Holds: FO-9.2-26.
/// Enters: EV-08.
#[test]
fn contact_lost_in_a_conflict() {
    assert_eq!(lost_from(Secondary, PotentialConflict), ResolutionInterrupted);
}

#[test]
fn contact_that_failed_in_resolution_interrupted() {
    let mut script = connected_in(Primary, ResolutionInterrupted);
    script.cut();
    assert_eq!(script.endpoint.state(), ResolutionInterrupted);
}

/// Enters: EV-10.
#[test]
fn contact_lost_in_conflict_done() {
    assert_eq!(lost_from(Primary, ConflictDone), ConflictDone);
}

/// Enters: EV-11.
#[test]
fn contact_lost_in_a_stop() {
    for state in [Paused, Shutdown] {
        let mut script = connected_in(Primary, state);
        script.cut();
        assert_eq!(script.endpoint.state(), state);
    }
}

/// Enters: EV-12.
#[test]
fn the_safe_period_is_over() {
    for (state, next) in
        [(CommunicationsInterrupted, PartnerDown), (ResolutionInterrupted, ResolutionInterrupted)]
    {
        let mut relationship = config(Primary, 20);
        relationship.safe_period = Some(std::time::Duration::from_secs(100));
        let endpoint = Some(record(state));
        let mut script = Script::new(relationship, Recovered { endpoint, bindings: vec![] });
        script.run(200);
        assert_eq!(script.endpoint.state(), next);
    }
}

/// Holds: FO-9.6.2-2, FO-9.6.2-1, FO-9.2-19.
/// Enters: EV-14.
#[test]
fn the_wait_is_over_with_contact() {
    let mut script = connected_in(Secondary, RecoverWait);
    script.state(PartnerDown);
    script.run_talking(MCLT - 16);
    assert_eq!(script.endpoint.state(), RecoverWait);
    script.run_talking(1);
    assert_eq!(script.endpoint.state(), RecoverDone);
}

/// Holds: FO-9.6.2-9, FO-9.6.2-10, FO-9.6.2-11.
/// Enters: EV-15.
#[test]
fn the_wait_is_over_without_contact() {
    let mut script = alone(Secondary, record(RecoverWait));
    script.run(MCLT - 15);
    assert_eq!(script.endpoint.state(), RecoverDone);
}

/// Holds: FO-9.6.2-5.
/// Enters: EV-16.
#[test]
fn the_wait_was_over_before_it_began() {
    let long_ago = EndpointRecord {
        last_operation: UnixTime(START - 2 * MCLT),
        down_time: UnixTime(START - 2 * MCLT),
        ..stored(Recover)
    };
    let mut script = Script::restarted(Secondary, long_ago);
    script.shake_hands();
    script.state(PartnerDown);
    let request = script.take(MessageType::UPDREQ);
    script.said.clear();
    script.say(request.xid, &Message::UpdDone);
    assert_eq!(script.endpoint.state(), RecoverDone);
}

/// Holds: FO-9.6.2-3, FO-9.6.2-4, FO-9.3.2-8, A2-10.
/// Enters: EV-17.
#[test]
fn two_new_servers_do_not_wait() {
    let mut script = Script::secondary();
    script.shake_hands();
    script.state(Recover);
    let request = script.take(MessageType::UPDREQALL);
    script.say(request.xid, &Message::UpdDone);
    assert_eq!(script.endpoint.state(), RecoverDone);
}

/// Holds: A2-18.
/// Enters: EV-18, EV-19, EV-20, EV-21.
#[test]
fn an_operator_declares_the_partner_down_where_leases_are_known() {
    assert_eq!(declared_down(Script::normal_primary(), false), PartnerDown);
    for state in [CommunicationsInterrupted, ResolutionInterrupted, PartnerDown] {
        assert_eq!(declared_down(alone(Primary, record(state)), false), PartnerDown);
    }
}

/// Enters: EV-22.
#[test]
fn an_operator_ends_startup() {
    let script = Script::restarted(Primary, record(Normal));
    assert_eq!(declared_down(script, false), PartnerDown);
}

/// Holds: A2-18.
/// Enters: EV-23.
#[test]
fn an_operator_ends_a_recovery_by_force_only() {
    for state in [Recover, RecoverWait, RecoverDone] {
        assert_eq!(declared_down(alone(Primary, record(state)), false), state);
        assert_eq!(declared_down(alone(Primary, record(state)), true), PartnerDown);
    }
}

/// Holds: A2-18.
/// Enters: EV-24.
#[test]
fn no_operator_ends_a_conflict() {
    let script = connected_in(Primary, PotentialConflict);
    assert_eq!(declared_down(script, true), PotentialConflict);
}

/// Enters: EV-25.
#[test]
fn an_operator_ends_conflict_done_without_contact_only() {
    let mut connected = connected_in(Primary, ConflictDone);
    connected.state(PotentialConflict);
    assert_eq!(declared_down(connected, false), ConflictDone);
    assert_eq!(declared_down(alone(Primary, record(ConflictDone)), false), PartnerDown);
}

/// Enters: GAP-1.
#[test]
fn a_stopping_server_declares_nobody_down() {
    for state in [Paused, Shutdown] {
        assert_eq!(declared_down(connected_in(Primary, state), true), state);
    }
}

/// Enters: EV-26, EV-27.
#[test]
fn an_operator_stops_a_server_in_any_state() {
    for state in [Normal, PartnerDown, Recover, PotentialConflict, ConflictDone] {
        for (command, stop) in
            [(OperatorCommand::Pause, Paused), (OperatorCommand::Shutdown, Shutdown)]
        {
            let mut script = connected_in(Primary, state);
            script.input(Input::Operator(command));
            assert_eq!(script.endpoint.state(), stop);
        }
    }
}

/// Holds: FO-9.5.2-6, FO-9.6-1, FO-9.5.2-5, FO-9.5.2-2, FO-9.5-2.
/// Enters: EV-28.
#[test]
fn upddone_ends_recover() {
    let (mut script, xid) = asked(Secondary, Recover, PartnerDown);
    script.say(xid, &Message::UpdDone);
    assert_eq!(script.endpoint.state(), RecoverWait);
}

/// Enters: EV-29.
#[test]
fn upddone_makes_a_primary_conflict_done() {
    let (mut script, xid) = asked(Primary, PotentialConflict, PotentialConflict);
    script.say(xid, &Message::UpdDone);
    assert_eq!(script.endpoint.state(), ConflictDone);
}

/// Enters: EV-30.
#[test]
fn upddone_makes_a_secondary_normal() {
    let (mut script, xid) = asked(Secondary, PotentialConflict, ConflictDone);
    script.say(xid, &Message::UpdDone);
    assert_eq!(script.endpoint.state(), Normal);
}

/// Enters: EV-31.
#[test]
fn upddone_that_nothing_waits_for_changes_nothing() {
    let (mut script, xid) = asked(Secondary, Recover, PartnerDown);
    let forced = OperatorCommand::PartnerDown { forced: true };
    script.input(Input::Operator(forced));
    assert_eq!(script.endpoint.state(), PartnerDown);
    script.say(xid, &Message::UpdDone);
    assert_eq!(script.endpoint.state(), PartnerDown);
}

/// Enters: EV-32.
#[test]
fn upddone_for_no_request_changes_nothing() {
    let mut script = Script::normal_secondary();
    script.tell(&Message::UpdDone);
    assert_eq!(script.endpoint.state(), Normal);
    assert!(script.events.iter().any(|event| matches!(event, Event::Unexpected { .. })));
}

/// Enters: EV-33, EV-34.
#[test]
fn requests_for_updates_are_answered_in_any_state() {
    for state in [Normal, PartnerDown, Recover, PotentialConflict, ConflictDone] {
        for request in [Message::UpdReq, Message::UpdReqAll] {
            let mut script = connected_in(Primary, state);
            script.state(if state == PartnerDown { Recover } else { PotentialConflict });
            script.said.clear();
            let before = script.endpoint.state();
            script.tell(&request);
            script.answer_everything();
            script.take(MessageType::UPDDONE);
            assert_eq!(script.endpoint.state(), before);
        }
    }
}

/// Enters: EV-35.
#[test]
fn updates_are_judged_in_any_state() {
    for state in [Normal, PartnerDown, Recover, PotentialConflict, ConflictDone] {
        let mut script = connected_in(Primary, state);
        script.state(if state == PartnerDown { Recover } else { PotentialConflict });
        script.said.clear();
        script.update(BindingUpdate {
            address: address(12),
            binding_status: Some(1),
            ..BindingUpdate::default()
        });
        script.take(MessageType::BNDACK);
    }
}

/// Enters: EV-36.
#[test]
fn requests_for_addresses_are_answered() {
    let mut script = connected_in(Primary, PartnerDown);
    script.state(Recover);
    script.tell(&Message::PoolReq);
    script.take(MessageType::POOLRESP);
}

/// Enters: EV-37.
#[test]
fn addresses_given_make_a_secondary_ask_again() {
    let mut script = Script::normal_secondary();
    script.tell(&Message::PoolResp { addresses_transferred: Some(3) });
    script.run_talking(10);
    script.take(MessageType::POOLREQ);
}

/// Holds: FO-9.5.2-9, FO-9.5.2-8, FO-9.5.2-12.
/// Enters: EV-38.
#[test]
fn an_unanswered_request_costs_recover_the_connection() {
    let (mut script, _) = asked(Secondary, Recover, PartnerDown);
    script.run_talking(60);
    assert_eq!((script.endpoint.state(), script.closed.as_slice()), (Recover, &[LINK][..]));
    script.shake_hands();
    script.state(PartnerDown);
    script.take(MessageType::UPDREQ);
}

/// Enters: EV-39.
#[test]
fn an_unanswered_request_interrupts_a_conflict() {
    let (mut script, _) = asked(Primary, PotentialConflict, PotentialConflict);
    script.run_talking(60);
    assert_eq!(script.endpoint.state(), ResolutionInterrupted);
    assert_eq!(script.closed, [LINK]);
}

/// Holds: FO-9.2-1.
/// Enters: EV-42.
#[test]
fn a_state_that_cannot_be_stored_is_not_announced() {
    let mut script = Script::normal_primary();
    script.instant_disk = false;
    script.state(Paused);
    script.input(Input::StorageFailed);
    script.sync();
    assert!(!script.types().contains(&"state"), "{:?}", script.types());
}

/// Holds: FO-9.8.4-2, A2-41.
/// Enters: EV-40.
#[test]
fn a_partner_that_acknowledges_nothing_is_left_where_that_is_configured() {
    let mut relationship = config(Primary, 20);
    relationship.acknowledgement_wait = Some(std::time::Duration::from_secs(40));
    let mut script = Script::normal_primary_of(relationship);
    script.free_by_partner(25);
    let (now, address, client) = (script.now, address(25), crate::support::client(1));
    let grant = script.endpoint.grant(address, &client, 600, now);
    script
        .endpoint
        .record(
            now,
            BindingChange::Leased { address, client, grant, details: LeaseDetails::default() },
        )
        .unwrap();
    script.input(Input::TimeReached);
    script.run_talking(39);
    assert_eq!(script.endpoint.state(), Normal);
    script.run_talking(1);
    assert_eq!(script.endpoint.state(), CommunicationsInterrupted);
    script.take(MessageType::DISCONNECT);
}

/// Enters: EV-41.
#[test]
fn a_connection_that_breaks_the_rules_ends_and_leads_on() {
    let mut script = Script::normal_secondary();
    let nonsense = [0, 12, 200, 11, 0, 0, 0, 0, 0, 0, 0, 7];
    let error = twinlease::wire::frame::Frame::parse(&nonsense).unwrap_err();
    script.input(Input::Garbled { link: LINK, error });
    assert_eq!(script.endpoint.state(), CommunicationsInterrupted);
}
