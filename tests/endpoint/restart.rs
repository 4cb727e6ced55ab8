//! What a process that starts makes of what the former one stored (§9.3).

use twinlease::balance::Role;
use twinlease::binding::Binding;
use twinlease::durable::{EndpointRecord, Recovered};
use twinlease::endpoint::config::StartupPolicy;
use twinlease::endpoint::{Availability, Input, LeaseAuthority, OperatorCommand};
use twinlease::time::UnixTime;
use twinlease::wire::codes::{BindingStatus, FailoverState, MessageType, ServerFlags};
use twinlease::wire::dialect::Dialect;
use twinlease::wire::message::Message;

use crate::support::scripted::{LINK, Script, stored};
use crate::support::{MCLT, START, address, client, config};

use FailoverState::{
    CommunicationsInterrupted, ConflictDone, Normal, PartnerDown, Paused, PotentialConflict,
    Recover, RecoverDone, RecoverWait, ResolutionInterrupted, Shutdown, Startup,
};

/// The same disk, a new process.
fn restart(script: &Script) -> Script {
    let role = script.endpoint.config().role;
    let recovered = Recovered { endpoint: script.record.clone(), bindings: Vec::new() };
    Script::starting_at(script.now, config(role, 20), recovered)
}

/// The state after STARTUP has waited in vain.
fn alone(role: Role, record: EndpointRecord) -> FailoverState {
    let mut script = Script::restarted(role, record);
    assert_eq!(script.endpoint.state(), Startup);
    script.run(15);
    script.endpoint.state()
}

/// Holds: FO-9.3.1-5, FO-9.3.1-6, A2-14.
#[test]
fn the_announcement_in_startup_is_what_was_recorded_with_its_start() {
    let mut script = Script::restarted(Role::Secondary, stored(Normal));
    script.shake_hands();
    let said = script.take(MessageType::STATE);
    assert_eq!(said.state(), (Normal, ServerFlags::STARTUP));
    let Message::State(state) = said.message(Dialect::Isc) else { panic!("a STATE") };
    assert_eq!(state.start_of_state, Some(UnixTime(START - 1000)));
}

/// Holds: FO-5.9-3, FO-5.9-5.
#[test]
fn normal_comes_back_as_communications_interrupted() {
    assert_eq!(alone(Role::Primary, stored(Normal)), CommunicationsInterrupted);
}

#[test]
fn a_conflict_comes_back_as_resolution_interrupted() {
    assert_eq!(alone(Role::Primary, stored(PotentialConflict)), ResolutionInterrupted);
}

#[test]
fn conflict_done_comes_back_on_a_primary() {
    assert_eq!(alone(Role::Primary, stored(ConflictDone)), ConflictDone);
}

/// Holds: FO-9.12.1-1.
#[test]
fn conflict_done_comes_back_as_resolution_interrupted_on_a_secondary() {
    assert_eq!(alone(Role::Secondary, stored(ConflictDone)), ResolutionInterrupted);
}

/// Holds: FO-9.13.1-1, FO-9.13.2-2.
#[test]
fn paused_comes_back_as_the_state_before() {
    let record = EndpointRecord { previous_state: Some(PartnerDown), ..stored(Paused) };
    assert_eq!(alone(Role::Primary, record), PartnerDown);
}

#[test]
fn partner_down_keeps_its_beginning_across_a_crash() {
    let mut script = Script::restarted(Role::Primary, stored(PartnerDown));
    script.run(15);
    let record = script.record.expect("committed");
    assert_eq!(record.start_of_state, UnixTime(START - 1000));
}

/// Holds: FO-9.13-5, FO-9.13.1-1, FO-9.13.2-2.
#[test]
fn partner_down_keeps_its_beginning_across_a_pause() {
    let mut script = Script::restarted(Role::Primary, stored(PartnerDown));
    script.run(15);
    script.input(Input::Operator(OperatorCommand::Pause));
    assert!(script.endpoint.is_stopped());
    let mut script = restart(&script);
    script.run(15);
    assert_eq!(script.endpoint.state(), PartnerDown);
    let record = script.record.expect("committed");
    assert_eq!(record.start_of_state, UnixTime(START - 1000));
}

#[test]
fn the_announcement_of_a_pause_carries_the_time_of_the_pause() {
    let mut script = Script::normal_secondary();
    script.run_talking(20);
    script.input(Input::Operator(OperatorCommand::Pause));
    let said = script.take(MessageType::STATE);
    let Message::State(state) = said.message(Dialect::Isc) else { panic!("a STATE") };
    assert_eq!(state.start_of_state, Some(script.now.wall));
}

/// Holds: FO-9.13-3, A2-29.
/// Holds: FO-5.1-8.
#[test]
fn a_pause_is_announced_before_disconnect() {
    let mut script = Script::normal_secondary();
    script.input(Input::Operator(OperatorCommand::Pause));
    script.run(0);
    assert_eq!(script.types(), ["state", "disconnect"]);
    assert_eq!(script.take(MessageType::STATE).state().0, Paused);
    assert_eq!(script.closed, [LINK]);
}

/// Holds: FO-9.14.1-1.
#[test]
fn a_shutdown_without_an_answer_comes_back_as_communications_interrupted() {
    let mut script = Script::normal_secondary();
    script.input(Input::Operator(OperatorCommand::Shutdown));
    assert_eq!(script.announced(), [Shutdown]);
    script.run(3);
    assert!(script.endpoint.is_stopped());
    let mut script = restart(&script);
    script.run(15);
    assert_eq!(script.endpoint.state(), CommunicationsInterrupted);
}

/// A secondary that was shut down 100 seconds after the start, its partner having taken over.
fn taken_over() -> Script {
    let mut script = Script::normal_secondary();
    script.run_talking(100);
    script.input(Input::Operator(OperatorCommand::Shutdown));
    script.state_with(PartnerDown, ServerFlags(0), START + 100);
    assert!(script.endpoint.is_stopped());
    restart(&script)
}

/// Holds: FO-9.14.2-2.
#[test]
fn a_shutdown_that_the_partner_answered_with_partner_down_comes_back_as_recover() {
    let mut script = taken_over();
    script.shake_hands();
    assert_eq!(script.take(MessageType::STATE).state(), (Recover, ServerFlags::STARTUP));
}

#[test]
fn a_recovery_after_a_shutdown_asks_for_what_is_new() {
    let mut script = taken_over();
    script.shake_hands();
    script.state_with(PartnerDown, ServerFlags(0), START + 100);
    script.take(MessageType::UPDREQ);
}

/// Holds: FO-9.14.1-2.
#[test]
fn a_recovery_after_a_shutdown_waits_from_the_shutdown() {
    let mut script = taken_over();
    script.shake_hands();
    script.state_with(PartnerDown, ServerFlags(0), START + 100);
    let request = script.take(MessageType::UPDREQ);
    script.said.clear();
    script.say(request.xid, &Message::UpdDone);
    script.run_talking(MCLT - 1);
    assert_eq!(script.announced(), [RecoverWait]);
    script.run_talking(1);
    assert_eq!(script.announced(), [RecoverDone]);
}

/// What a server asks for that served last 5000 seconds ago, its partner having taken over `later`.
fn asked_for_after(later: u32) -> &'static str {
    let record = EndpointRecord { last_operation: UnixTime(START - 5000), ..stored(Normal) };
    let mut script = Script::restarted(Role::Secondary, record);
    script.shake_hands();
    script.state_with(PartnerDown, ServerFlags(0), START - 5000 + later);
    let asks = |name: &&&str| ["updreq", "updreqall"].contains(*name);
    script.types().iter().find(asks).expect("a request")
}

/// Holds: FO-5.16-4.
#[test]
fn a_store_over_an_hour_older_than_the_partners_take_over_is_doubted() {
    assert_eq!(asked_for_after(3600), "updreq");
    assert_eq!(asked_for_after(3601), "updreqall");
}

#[test]
fn contact_in_partner_down_is_recorded() {
    let mut script = Script::restarted(Role::Primary, stored(PartnerDown));
    script.run(15);
    script.shake_hands();
    script.state(Recover);
    assert!(script.record.unwrap().contact_in_partner_down);
}

/// Only servers that never served anybody have nothing to wait for.
/// Holds: FO-9.6.2-1.
#[test]
fn a_server_that_has_served_waits_beside_a_partner_that_recovers_too() {
    let record = EndpointRecord { down_time: UnixTime(START - 10), ..stored(Recover) };
    let mut script = Script::restarted(Role::Secondary, record);
    script.shake_hands();
    script.state(Recover);
    let request = script.take(MessageType::UPDREQ);
    script.say(request.xid, &Message::UpdDone);
    assert_eq!(script.endpoint.state(), RecoverWait);
}

/// The next recovery counts from its own stop.
#[test]
fn a_recovery_that_led_to_normal_leaves_no_time_of_a_stop() {
    let record = Script::normal_secondary().record.unwrap();
    assert_eq!((record.state, record.down_time), (Normal, UnixTime::ABSENT));
}

#[test]
fn recover_wait_goes_on_where_a_crash_left_it() {
    let record = EndpointRecord { down_time: UnixTime(START - 500), ..stored(RecoverWait) };
    let mut script = Script::restarted(Role::Secondary, record);
    script.run(MCLT - 501);
    assert_eq!(script.endpoint.state(), RecoverWait);
    script.run(1);
    assert_eq!(script.endpoint.state(), RecoverDone);
}

/// Holds: FO-9.3.2-17, FO-9.3.2-20.
#[test]
fn a_partner_that_took_over_after_the_crash_leads_to_recover_and_updreq() {
    let mut script = Script::restarted(Role::Primary, stored(Normal));
    script.shake_hands();
    script.said.clear();
    script.state_with(PartnerDown, ServerFlags(0), START - 9);
    assert_eq!(script.types(), ["state", "updreq"]);
    assert_eq!(script.announced(), [Recover]);
}

#[test]
fn a_partner_that_took_over_in_the_second_of_the_crash_leads_to_a_conflict() {
    let mut script = Script::restarted(Role::Primary, stored(Normal));
    script.shake_hands();
    script.said.clear();
    script.state_with(PartnerDown, ServerFlags(0), START - 10);
    assert_eq!(script.types(), ["state", "updreq"]);
    assert_eq!(script.announced(), [PotentialConflict]);
}

#[test]
fn a_recovery_that_went_on_is_no_conflict_with_a_partner_down_since_before() {
    let record = EndpointRecord { down_time: UnixTime(START - 10), ..stored(RecoverWait) };
    let mut script = Script::restarted(Role::Primary, record);
    script.shake_hands();
    script.state_with(PartnerDown, ServerFlags(0), START - 500);
    assert_eq!(script.endpoint.state(), RecoverWait);
}

#[test]
fn partner_down_waits_for_the_partner_to_leave_startup() {
    let mut script = Script::restarted(Role::Primary, stored(PartnerDown));
    script.shake_hands();
    script.state_with(Normal, ServerFlags::STARTUP, START);
    assert_eq!(script.endpoint.state(), PartnerDown);
    script.state_with(Normal, ServerFlags(0), START);
    assert_eq!(script.endpoint.state(), PotentialConflict);
}

#[test]
fn a_connection_lost_before_any_state_leaves_startup_as_it_was() {
    let mut script = Script::restarted(Role::Primary, stored(Normal));
    script.shake_hands();
    script.cut();
    assert_eq!(script.endpoint.state(), Startup);
    script.run(15);
    assert_eq!(script.endpoint.state(), CommunicationsInterrupted);
}

fn with_policy(policy: StartupPolicy, record: EndpointRecord) -> Script {
    let mut relationship = config(Role::Primary, 20);
    relationship.startup_policy = policy;
    let recovered = Recovered { endpoint: Some(record), bindings: Vec::new() };
    let mut script = Script::new(relationship, recovered);
    script.run(60);
    script
}

#[test]
fn with_the_policy_wait_startup_lasts_until_the_partner_comes() {
    let script = with_policy(StartupPolicy::Wait, stored(Normal));
    assert_eq!(script.endpoint.state(), Startup);
}

#[test]
fn a_server_commissioned_alone_counts_partner_down_from_the_end_of_startup() {
    let script = with_policy(StartupPolicy::CommissionAlone, stored(Recover));
    assert_eq!(script.endpoint.state(), PartnerDown);
    assert_eq!(script.record.expect("committed").start_of_state, UnixTime(START + 15));
}

/// Holds: A2-35.
#[test]
fn the_safe_period_starts_anew_when_startup_ends() {
    let mut relationship = config(Role::Primary, 20);
    relationship.safe_period = Some(std::time::Duration::from_secs(100));
    let endpoint = Some(stored(CommunicationsInterrupted));
    let mut script = Script::new(relationship, Recovered { endpoint, bindings: Vec::new() });
    script.run(114);
    assert_eq!(script.endpoint.state(), CommunicationsInterrupted);
    script.run(1);
    assert_eq!(script.endpoint.state(), PartnerDown);
    assert_eq!(script.record.expect("committed").start_of_state, UnixTime(START + 115));
}

#[test]
fn the_partners_pool_opens_one_mclt_after_the_recorded_beginning_of_partner_down() {
    let record = EndpointRecord { start_of_state: UnixTime(START - 100), ..stored(PartnerDown) };
    let mut script = Script::restarted(Role::Secondary, record);
    let ask = |script: &Script| script.endpoint.availability(address(20), &client(1), script.now);
    script.run(MCLT - 101);
    assert!(matches!(ask(&script), Availability::No(_)));
    script.run(1);
    assert_eq!(ask(&script), Availability::Lease);
}

/// Holds: FO-7.4.2-2.
#[test]
fn a_debt_of_all_updates_outlives_the_process() {
    let mut script = Script::normal_primary();
    let partner = client(1);
    let grant = script.endpoint.grant(address(10), &partner, 60, script.now);
    let change = twinlease::endpoint::BindingChange::Leased {
        address: address(10),
        client: partner,
        grant,
        details: twinlease::endpoint::LeaseDetails::default(),
    };
    script.endpoint.record(script.now, change).expect("an address of the range");
    script.input(Input::TimeReached);
    script.answer_everything();
    let binding = script.endpoint.table().get(address(10)).expect("in range");
    assert!(binding.partner_knows);
    // The request and the crash come before anything is answered.
    script.tell(&Message::UpdReqAll);
    let recovered = Recovered { endpoint: script.record.clone(), bindings: vec![binding] };
    let mut script = Script::starting_at(script.now, config(Role::Primary, 20), recovered);
    script.shake_hands();
    script.state(Recover);
    script.said.clear();
    script.tell(&Message::UpdReq);
    script.take(MessageType::BNDUPD);
}

/// Holds: FO-9.3.2-20.
#[test]
fn a_lease_given_since_the_last_mark_of_operation_proves_that_both_served() {
    let mut binding = Binding::unused(address(10));
    binding.binding_status = BindingStatus::Active;
    binding.client = Some(client(1).to_client());
    binding.lease_expiration = UnixTime(START + 100);
    binding.client_last_transaction = UnixTime(START - 3);
    binding.partner_knows = false;
    let endpoint = Some(stored(Normal));
    let recovered = Recovered { endpoint, bindings: vec![binding] };
    let mut script = Script::new(config(Role::Primary, 20), recovered);
    script.shake_hands();
    script.state_with(PartnerDown, ServerFlags(0), START - 5);
    assert_eq!(script.endpoint.state(), PotentialConflict);
}

/// Seconds of STARTUP of a server that has not served for so long.
fn startup_after_an_absence_of(seconds: u32) -> u32 {
    let record = EndpointRecord { last_operation: UnixTime(START - seconds), ..stored(Normal) };
    let mut script = Script::restarted(Role::Primary, record);
    (1..=100)
        .find(|_| {
            script.run(1);
            script.endpoint.state() != Startup
        })
        .expect("STARTUP ends")
}

/// Holds: FO-5.9-2, FO-5.9-3, FO-9.3.1-2, FO-9.3.1-3.
/// Holds: FO-9.3.2-13.
#[test]
fn startup_is_short_after_a_short_absence() {
    assert_eq!(startup_after_an_absence_of(MCLT - 1), 15);
}

/// Holds: FO-5.9-2, FO-5.9-4.
#[test]
fn startup_is_longer_after_an_absence_of_mclt() {
    assert_eq!(startup_after_an_absence_of(MCLT), 30);
}

/// Holds: FO-9.3.2-12, FO-9.3.1-4.
#[test]
fn startup_is_as_long_as_configured() {
    let mut relationship = config(Role::Primary, 20);
    relationship.startup_wait = std::time::Duration::from_secs(4);
    let endpoint = Some(stored(Normal));
    let mut script = Script::new(relationship, Recovered { endpoint, bindings: Vec::new() });
    script.run(3);
    assert_eq!(script.endpoint.state(), Startup);
    script.run(1);
    assert_eq!(script.endpoint.state(), CommunicationsInterrupted);
}

/// Holds: FO-9.3.2-3, FO-9.3.2-4, FO-9.3.2-6, FO-9.6.2-6.
#[test]
fn a_store_declared_lost_waits_from_its_loss_even_beside_a_new_partner() {
    let mut relationship = config(Role::Secondary, 20);
    relationship.storage_lost_at = Some(UnixTime(START - 100));
    let mut script = Script::new(relationship, Recovered::default());
    script.shake_hands();
    script.state(Recover);
    let request = script.take(MessageType::UPDREQALL);
    script.say(request.xid, &Message::UpdDone);
    assert_eq!(script.endpoint.state(), RecoverWait);
    script.run_talking(MCLT - 101);
    assert_eq!(script.endpoint.state(), RecoverWait);
    script.run_talking(1);
    assert_eq!(script.endpoint.state(), RecoverDone);
}

/// Holds: FO-5.10-3.
#[test]
fn a_partner_refused_for_its_clock_is_not_declared_down_by_the_safe_period() {
    let mut relationship = config(Role::Secondary, 20);
    relationship.safe_period = Some(std::time::Duration::from_secs(100));
    let endpoint = Some(stored(CommunicationsInterrupted));
    let mut script = Script::new(relationship, Recovered { endpoint, bindings: Vec::new() });
    script.run(100);
    script.connected();
    let buckets = twinlease::balance::HashBuckets::half().to_wire(Dialect::Isc);
    let connect = crate::support::scripted::good_connect(&buckets);
    let (behind, xid) = (UnixTime(script.now.wall.0 - 500), twinlease::wire::codes::Xid(0));
    let mut octets = Vec::new();
    Message::Connect(connect).encode(behind, xid, Dialect::Isc, &mut octets).expect("encodable");
    script.octets(&octets);
    assert!(script.take(MessageType::CONNECTACK).reject().is_some());
    script.run(30);
    assert_eq!(script.endpoint.state(), CommunicationsInterrupted);
    // Then it does not even answer.
    script.run(300);
    assert_eq!(script.endpoint.state(), PartnerDown);
}

/// Holds: A2-35.
#[test]
fn the_safe_period_goes_on_beside_a_partner_that_has_paused_or_recovers() {
    for said in [Paused, Recover] {
        let mut relationship = config(Role::Primary, 20);
        relationship.safe_period = Some(std::time::Duration::from_secs(100));
        let endpoint = Some(stored(CommunicationsInterrupted));
        let mut script = Script::new(relationship, Recovered { endpoint, bindings: Vec::new() });
        script.run(15 + 50);
        script.shake_hands();
        script.state(said);
        script.run_talking(49);
        assert_eq!(script.endpoint.state(), CommunicationsInterrupted, "{said}");
        script.run(1);
        assert_eq!(script.endpoint.state(), PartnerDown, "{said}");
    }
}
