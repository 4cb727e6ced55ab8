use std::collections::BTreeSet;
use std::path::Path;

use FailoverState::{
    CommunicationsInterrupted, ConflictDone, Normal, PartnerDown, Paused, PotentialConflict,
    Recover, RecoverDone, RecoverWait, ResolutionInterrupted, Shutdown, Startup,
};

use super::*;

const ROLES: [Role; 2] = [Role::Primary, Role::Secondary];

/// Own state down, partner's state across; "=" stays. Written from the draft, not from the table.
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
fn cells() -> Vec<(FailoverState, FailoverState, FailoverState)> {
    let mut lines = GRID.trim_matches('\n').lines().map(str::split_whitespace);
    let partners: Vec<_> = lines.next().unwrap().map(named).collect();
    let mut cells = Vec::new();
    for mut line in lines {
        let own = named(line.next().unwrap());
        for (partner, cell) in partners.iter().zip(line) {
            let next = if cell == "=" { own } else { named(cell) };
            cells.push((own, *partner, next));
        }
    }
    cells
}

#[test]
fn every_pair_of_states_leads_where_the_grid_says() {
    let cells = cells();
    assert_eq!(cells.len(), 121);
    for (own, partner, next) in cells {
        for role in ROLES {
            if (role, own) == (Role::Secondary, ConflictDone) {
                continue;
            }
            let answer = on_partner_state(role, own, partner, false);
            assert_eq!(answer.next, next, "{role} in {own}, partner in {partner}");
            assert!(answer.row.starts_with("PT-"));
        }
    }
}

#[test]
fn the_startup_flag_matters_to_partner_down_alone() {
    for (own, partner, _) in cells() {
        let flagged = on_partner_state(Role::Primary, own, partner, true);
        if own == PartnerDown {
            assert_eq!((flagged.next, flagged.row), (PartnerDown, "PT-161"));
        } else {
            assert_eq!(flagged, on_partner_state(Role::Primary, own, partner, false));
        }
    }
}

#[test]
fn startup_is_no_state_to_report() {
    for own in FailoverState::ALL {
        for flag in [false, true] {
            let answer = on_partner_state(Role::Primary, *own, Startup, flag);
            let expected = (*own, "PT-160", Action::Disconnect);
            assert_eq!((answer.next, answer.row, answer.action), expected);
        }
    }
}

#[test]
fn a_recovering_server_asks_for_updates_unless_the_partner_is_leaving() {
    for partner in [Normal, CommunicationsInterrupted, PartnerDown, Recover, RecoverWait] {
        assert!(on_partner_state(Role::Primary, Recover, partner, false).action.requests_updates());
    }
    for partner in [Paused, Shutdown] {
        let answer = on_partner_state(Role::Primary, Recover, partner, false);
        assert_eq!(answer.action, Action::HoldRequest);
    }
}

#[test]
fn the_secondary_asks_once_the_primary_is_conflict_done() {
    let asks = |role, own| on_partner_state(role, own, ConflictDone, false).action;
    for own in [Normal, CommunicationsInterrupted, PartnerDown, Recover, RecoverDone] {
        assert_eq!(asks(Role::Secondary, own), Action::RequestUpdates, "{own}");
    }
    assert_eq!(asks(Role::Secondary, PotentialConflict), Action::RequestUpdates);
    assert_eq!(asks(Role::Secondary, ResolutionInterrupted), Action::RequestUpdates);
    assert_eq!(asks(Role::Primary, PotentialConflict), Action::Nothing);
}

#[test]
fn of_the_stopped_states_only_shutdown_takes_note_of_partner_down() {
    for (own, partner, _) in cells() {
        let answer = on_partner_state(Role::Primary, own, partner, false);
        let expected = (own, partner) == (Shutdown, PartnerDown);
        assert_eq!(answer.action.saves_recover(), expected, "{own} and {partner}");
    }
}

#[test]
fn a_stored_state_becomes_the_previous_one_without_contact() {
    for (stored, previous, row) in [
        (Normal, CommunicationsInterrupted, "ST-01"),
        (PotentialConflict, ResolutionInterrupted, "ST-02"),
        (CommunicationsInterrupted, CommunicationsInterrupted, "ST-03"),
        (PartnerDown, PartnerDown, "ST-03"),
        (Recover, Recover, "ST-03"),
        (RecoverWait, RecoverWait, "ST-03"),
        (RecoverDone, RecoverDone, "ST-03"),
        (ResolutionInterrupted, ResolutionInterrupted, "ST-03"),
        (ConflictDone, ConflictDone, "ST-04"),
    ] {
        let found = previous_state_at_startup(Some(stored), None, Role::Primary, false);
        assert_eq!(found, (previous, row), "{stored}");
    }
    let secondary = previous_state_at_startup(Some(ConflictDone), None, Role::Secondary, false);
    assert_eq!(secondary, (ResolutionInterrupted, "ST-05"));
}

#[test]
fn a_stop_returns_to_the_state_before_it() {
    for stop in [Paused, Shutdown] {
        let found = previous_state_at_startup(Some(stop), Some(Normal), Role::Primary, false);
        assert_eq!(found, (CommunicationsInterrupted, "ST-06"), "{stop}");
    }
    let took_over = previous_state_at_startup(Some(Shutdown), Some(Recover), Role::Primary, false);
    assert_eq!(took_over, (Recover, "ST-07"));
}

#[test]
fn an_empty_store_whose_loss_is_declared_has_a_row_of_its_own() {
    let found = previous_state_at_startup(None, None, Role::Secondary, true);
    assert_eq!(found, (Recover, "ST-08"));
}

#[test]
fn nothing_stored_or_an_impossible_record_means_recover() {
    for (stored, saved) in [
        (None, None),
        (Some(Startup), None),
        (Some(Paused), None),
        (Some(Paused), Some(Paused)),
        (Some(Shutdown), Some(Startup)),
    ] {
        let found = previous_state_at_startup(stored, saved, Role::Primary, false);
        assert_eq!(found, (Recover, "ST-09"), "{stored:?} {saved:?}");
    }
}

/// The contact of a server in operation until 1000 with a partner in its state since `since`.
fn contact(previous: FailoverState, partner: FailoverState, flag: bool, since: u32) -> Transition {
    let (since, until) = (UnixTime(since), UnixTime(1000));
    at_startup_contact(Role::Primary, previous, partner, flag, since, until)
}

#[test]
fn a_partner_that_took_over_afterwards_means_recover() {
    for flag in [false, true] {
        let answer = contact(CommunicationsInterrupted, PartnerDown, flag, 1001);
        assert_eq!((answer.next, answer.row), (Recover, "ST-10"));
    }
}

#[test]
fn a_partner_that_took_over_before_or_in_the_same_second_means_a_conflict() {
    for since in [999, 1000] {
        let answer = contact(PartnerDown, PartnerDown, false, since);
        assert_eq!((answer.next, answer.row), (PotentialConflict, "ST-11"));
    }
}

#[test]
fn a_recovery_goes_on_whenever_the_partner_took_over() {
    for previous in [Recover, RecoverWait, RecoverDone] {
        let answer = contact(previous, PartnerDown, false, 1);
        assert_eq!((answer.next, answer.row), (previous, "ST-12"));
    }
}

#[test]
fn any_other_contact_goes_on_in_the_previous_state() {
    let answer = contact(CommunicationsInterrupted, Normal, false, 1);
    assert_eq!((answer.next, answer.row), (CommunicationsInterrupted, "ST-13"));
    let answer = contact(PartnerDown, Recover, true, 1);
    assert_eq!((answer.next, answer.row), (PartnerDown, "ST-14"));
    let answer = contact(CommunicationsInterrupted, Recover, true, 1);
    assert_eq!((answer.next, answer.row), (CommunicationsInterrupted, "ST-15"));
}

#[test]
fn startup_without_contact_ends_as_configured() {
    let end = |previous, policy| {
        let answer = at_startup_timeout(previous, policy);
        (answer.next, answer.row)
    };
    let interrupted = CommunicationsInterrupted;
    assert_eq!(end(interrupted, StartupPolicy::Proceed), (interrupted, "ST-16"));
    assert_eq!(end(interrupted, StartupPolicy::Wait), (Startup, "ST-17"));
    assert_eq!(end(interrupted, StartupPolicy::CommissionAlone), (PartnerDown, "ST-18"));
    assert_eq!(end(Recover, StartupPolicy::Proceed), (Recover, "ST-19"));
}

/// The state and row after an event, or "refused" and the row.
fn after(
    role: Role,
    state: FailoverState,
    event: EndpointEvent,
) -> (Result<FailoverState, &'static str>, &'static str) {
    match on_event(role, state, event) {
        Outcome::Transition(transition) => (Ok(transition.next), transition.row),
        Outcome::Refused { row, .. } => (Err("refused"), row),
    }
}

#[test]
fn failed_communications_interrupt_normal_and_resolution() {
    for state in FailoverState::ALL {
        let (next, _) = after(Role::Primary, *state, EndpointEvent::CommunicationsFailed);
        let expected = match state {
            Normal => CommunicationsInterrupted,
            PotentialConflict => ResolutionInterrupted,
            other => *other,
        };
        assert_eq!(next, Ok(expected), "{state}");
    }
}

#[test]
fn the_safe_period_ends_in_partner_down_from_communications_interrupted_only() {
    for state in FailoverState::ALL {
        let (next, _) = after(Role::Primary, *state, EndpointEvent::SafePeriodOver);
        let interrupted = *state == CommunicationsInterrupted;
        assert_eq!(next, Ok(if interrupted { PartnerDown } else { *state }));
    }
}

#[test]
fn complete_updates_lead_on_by_state_and_role() {
    let next = |role, state| after(role, state, EndpointEvent::UpdatesComplete);
    assert_eq!(next(Role::Primary, Recover), (Ok(RecoverWait), "EV-28"));
    assert_eq!(next(Role::Secondary, Recover), (Ok(RecoverWait), "EV-28"));
    assert_eq!(next(Role::Primary, PotentialConflict), (Ok(ConflictDone), "EV-29"));
    assert_eq!(next(Role::Secondary, PotentialConflict), (Ok(Normal), "EV-30"));
    assert_eq!(next(Role::Primary, Normal), (Ok(Normal), "EV-31"));
}

#[test]
fn recover_wait_ends_in_recover_done() {
    for event in [
        EndpointEvent::RecoverWaitOver,
        EndpointEvent::RecoverWaitOverAlone,
        EndpointEvent::RecoverWaitOverAtEntry,
        EndpointEvent::FirstRunProved,
    ] {
        assert_eq!(after(Role::Primary, RecoverWait, event).0, Ok(RecoverDone));
        assert_eq!(after(Role::Primary, Normal, event), (Ok(Normal), "GAP-4"));
    }
}

fn partner_down(
    state: FailoverState,
    forced: bool,
    connected: bool,
) -> (Result<FailoverState, &'static str>, &'static str) {
    after(Role::Primary, state, EndpointEvent::OperatorPartnerDown { forced, connected })
}

#[test]
fn an_operator_may_declare_the_partner_down_where_this_server_knows_the_leases() {
    assert_eq!(partner_down(Normal, false, true), (Ok(PartnerDown), "EV-18"));
    assert_eq!(partner_down(CommunicationsInterrupted, false, false), (Ok(PartnerDown), "EV-19"));
    assert_eq!(partner_down(ResolutionInterrupted, false, false), (Ok(PartnerDown), "EV-20"));
    assert_eq!(partner_down(PartnerDown, false, false), (Ok(PartnerDown), "EV-21"));
    assert_eq!(partner_down(Startup, false, false), (Ok(PartnerDown), "EV-22"));
}

#[test]
fn a_recovering_server_serves_alone_only_by_force() {
    for state in [Recover, RecoverWait, RecoverDone] {
        assert_eq!(partner_down(state, false, false), (Err("refused"), "EV-23"));
        assert_eq!(partner_down(state, true, false), (Ok(PartnerDown), "EV-23"));
    }
}

#[test]
fn a_connected_partner_in_a_conflict_is_not_down() {
    assert_eq!(partner_down(PotentialConflict, true, true), (Err("refused"), "EV-24"));
    assert_eq!(partner_down(ConflictDone, true, true), (Err("refused"), "EV-25"));
    assert_eq!(partner_down(ConflictDone, false, false), (Ok(PartnerDown), "EV-25"));
}

#[test]
fn a_stopping_server_declares_nobody_down() {
    assert_eq!(partner_down(Paused, true, false), (Err("refused"), "GAP-1"));
    assert_eq!(partner_down(Shutdown, true, false), (Err("refused"), "GAP-1"));
}

#[test]
fn an_operator_may_stop_a_server_in_every_state() {
    for state in FailoverState::ALL {
        let pause = after(Role::Primary, *state, EndpointEvent::OperatorPause);
        assert_eq!(pause, (Ok(Paused), "EV-26"));
        let stop = after(Role::Primary, *state, EndpointEvent::OperatorShutdown);
        assert_eq!(stop, (Ok(Shutdown), "EV-27"));
    }
}

const EVENTS: [EndpointEvent; 22] = [
    EndpointEvent::CommunicationsFailed,
    EndpointEvent::LinkLost,
    EndpointEvent::SafePeriodOver,
    EndpointEvent::RecoverWaitOver,
    EndpointEvent::RecoverWaitOverAlone,
    EndpointEvent::RecoverWaitOverAtEntry,
    EndpointEvent::FirstRunProved,
    EndpointEvent::UpdatesComplete,
    EndpointEvent::StrayUpdateDone,
    EndpointEvent::UpdatesRequested,
    EndpointEvent::AllUpdatesRequested,
    EndpointEvent::UpdateReceived,
    EndpointEvent::PoolRequested,
    EndpointEvent::PoolAnswered,
    EndpointEvent::RequestStalled,
    EndpointEvent::AcknowledgementsMissing,
    EndpointEvent::AuthenticationFailed,
    EndpointEvent::StorageFailed,
    EndpointEvent::ProcessStarted,
    EndpointEvent::OperatorPartnerDown { forced: false, connected: true },
    EndpointEvent::OperatorPause,
    EndpointEvent::OperatorShutdown,
];

/// Every row that any function names, for any arguments.
fn reachable_rows() -> BTreeSet<&'static str> {
    let mut reached = BTreeSet::new();
    let states = FailoverState::ALL;
    for role in ROLES {
        for declared in [false, true] {
            reached.insert(previous_state_at_startup(None, None, role, declared).1);
        }
        for own in states {
            for other in states {
                reached.insert(previous_state_at_startup(Some(*own), Some(*other), role, false).1);
                reached.insert(startup_flag_row(role, *own));
                for flag in [false, true] {
                    reached.insert(on_partner_state(role, *own, *other, flag).row);
                    for since in [1, 3] {
                        let (since, until) = (UnixTime(since), UnixTime(2));
                        let contact = at_startup_contact(role, *own, *other, flag, since, until);
                        reached.insert(contact.row);
                    }
                }
            }
            for policy in
                [StartupPolicy::Proceed, StartupPolicy::Wait, StartupPolicy::CommissionAlone]
            {
                reached.insert(at_startup_timeout(*own, policy).row);
            }
            reached.extend(EVENTS.map(|event| after(role, *own, event).1));
        }
    }
    reached
}

#[test]
fn every_row_answers_something() {
    let reached = reachable_rows();
    let unreached: Vec<_> = rows().map(|row| row.id).filter(|id| !reached.contains(id)).collect();
    assert_eq!(unreached, Vec::<&str>::new());
}

#[test]
fn the_rows_of_each_kind_are_in_the_order_of_their_numbers() {
    let ids: Vec<_> = rows().map(|row| row.id.split_once('-').unwrap()).collect();
    for pair in ids.windows(2) {
        let (one, two) = (pair[0], pair[1]);
        let in_order = one.0 != two.0 || one.1 < two.1;
        assert!(in_order, "{one:?} before {two:?}");
    }
}

#[test]
fn at_most_one_row_fits() {
    let rows: Vec<_> = rows().collect();
    for (position, one) in rows.iter().enumerate() {
        for two in &rows[position + 1..] {
            let same_role = one.role.is_none() || two.role.is_none() || one.role == two.role;
            let same_state = FailoverState::ALL
                .iter()
                .any(|state| one.states.contain(*state) && two.states.contain(*state));
            let overlap = same_role && same_state && one.trigger.is(two.trigger);
            assert!(!overlap, "{} and {}", one.id, two.id);
        }
    }
}

#[test]
fn the_document_is_the_table() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/transitions.md");
    let page = render_markdown();
    if std::env::var_os("TWINLEASE_BLESS").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap();
    let hint = "run TWINLEASE_BLESS=1 cargo test --lib transitions";
    assert!(written == page, "docs/transitions.md is out of date: {hint}");
}
