//! COMMUNICATIONS-INTERRUPTED, RESOLUTION-INTERRUPTED and the ways out of both (§9.9, §9.11).

use twinlease::balance::Role;
use twinlease::binding::Binding;
use twinlease::durable::Recovered;
use twinlease::endpoint::{
    Availability, Event, Input, LeaseAuthority, LeaseDetails, OperatorCommand, Unavailable,
};
use twinlease::time::UnixTime;
use twinlease::wire::codes::{BindingStatus, FailoverState, MessageType};
use twinlease::wire::dialect::Dialect;
use twinlease::wire::message::Message;

use crate::support::scripted::{Script, stored};
use crate::support::{MCLT, START, address, client, config};

use FailoverState::{
    CommunicationsInterrupted, ConflictDone, Normal, PartnerDown, Paused, PotentialConflict,
    Recover, RecoverDone, RecoverWait, ResolutionInterrupted, Shutdown,
};

const STATES: [FailoverState; 11] = [
    Normal,
    CommunicationsInterrupted,
    PartnerDown,
    Recover,
    RecoverWait,
    RecoverDone,
    PotentialConflict,
    ResolutionInterrupted,
    ConflictDone,
    Paused,
    Shutdown,
];

/// Address 10 is FREE, 11 is BACKUP, 12 is leased to client 1 by the partner until START + 300, of
/// which the partner reported a potential expiration of START + 900.
fn bindings() -> Vec<Binding> {
    let mut backup = Binding::unused(address(11));
    backup.binding_status = BindingStatus::Backup;
    let mut active = Binding::unused(address(12));
    active.binding_status = BindingStatus::Active;
    active.client = Some(client(1).to_client());
    active.lease_expiration = UnixTime(START + 300);
    active.received_potential_expiration = UnixTime(START + 900);
    active.client_last_transaction = UnixTime(START - 300);
    active.start_of_status = UnixTime(START - 300);
    vec![Binding::unused(address(10)), backup, active]
}

/// One that waited in vain for its partner and went on in `state`, 15 seconds after START.
fn alone(role: Role, state: FailoverState) -> Script {
    let recovered = Recovered { endpoint: Some(stored(state)), bindings: bindings() };
    let mut script = Script::new(config(role, 20), recovered);
    script.run(15);
    assert_eq!(script.endpoint.state(), state);
    script.said.clear();
    script
}

/// Which of FREE and BACKUP a server in `state` leases to new clients.
fn own_pool(role: Role, state: FailoverState) -> Vec<BindingStatus> {
    let script = alone(role, state);
    let open = |last: u8| {
        script.endpoint.availability(address(last), &client(9), script.now) == Availability::Lease
    };
    let pool = [(10, BindingStatus::Free), (11, BindingStatus::Backup)];
    pool.into_iter().filter(|(last, _)| open(*last)).map(|(_, status)| status).collect()
}

/// Holds: FO-9.9.2-3, FO-9.9.2-4.
/// Holds: FO-2.2-2, FO-3.4.1-1, FO-3.4.2-1.
#[test]
fn an_interrupted_primary_leases_free_addresses_only() {
    assert_eq!(own_pool(Role::Primary, CommunicationsInterrupted), [BindingStatus::Free]);
}

/// Holds: FO-9.9.2-3, FO-9.9.2-5.
/// Holds: FO-2.2-2, FO-3.4.1-1, FO-3.4.2-1.
#[test]
fn an_interrupted_secondary_leases_backup_addresses_only() {
    assert_eq!(own_pool(Role::Secondary, CommunicationsInterrupted), [BindingStatus::Backup]);
}

/// Holds: FO-9.11.2-3, FO-9.11.2-4.
#[test]
fn a_primary_in_resolution_interrupted_leases_free_addresses_only() {
    assert_eq!(own_pool(Role::Primary, ResolutionInterrupted), [BindingStatus::Free]);
}

/// Holds: FO-9.11.2-3, FO-9.11.2-5.
#[test]
fn a_secondary_in_resolution_interrupted_leases_backup_addresses_only() {
    assert_eq!(own_pool(Role::Secondary, ResolutionInterrupted), [BindingStatus::Backup]);
}

/// Seconds that the holder of address 12 gets at most, 15 seconds after START.
fn longest_renewal(state: FailoverState) -> u32 {
    let script = alone(Role::Secondary, state);
    let answer = script.endpoint.availability(address(12), &client(1), script.now);
    assert_eq!(answer, Availability::Renew);
    script.endpoint.grant(address(12), &client(1), 36_000, script.now).lease_seconds
}

/// Holds: FO-9.9.2-6, FO-9.9.2-7, A2-09.
#[test]
fn an_interrupted_server_renews_the_partners_leases_up_to_the_promise_and_mclt() {
    assert_eq!(longest_renewal(CommunicationsInterrupted), 900 + MCLT - 15);
}

/// Holds: FO-9.11.2-6, FO-9.11.2-7.
#[test]
fn a_server_in_resolution_interrupted_renews_the_partners_leases_up_to_the_promise_and_mclt() {
    assert_eq!(longest_renewal(ResolutionInterrupted), 900 + MCLT - 15);
}

/// What a client gets that renews every 100 seconds without the partner hearing of it.
fn renewals(state: FailoverState) -> Vec<u32> {
    use twinlease::endpoint::BindingChange;
    let mut script = alone(Role::Secondary, state);
    let mut granted = Vec::new();
    for _ in 0..12 {
        let (now, address, client) = (script.now, address(12), client(1));
        let grant = script.endpoint.grant(address, &client, 36_000, now);
        granted.push(grant.lease_seconds);
        script
            .endpoint
            .record(
                now,
                BindingChange::Leased { address, client, grant, details: LeaseDetails::default() },
            )
            .unwrap();
        script.run(100);
    }
    granted
}

/// Holds: FO-9.9.2-8.
#[test]
fn without_contact_leases_shrink_to_mclt() {
    let granted = renewals(CommunicationsInterrupted);
    assert!(granted.windows(2).all(|pair| pair[1] <= pair[0]), "{granted:?}");
    assert_eq!(granted.last(), Some(&MCLT));
}

/// Holds: FO-9.11.2-8.
#[test]
fn leases_shrink_to_mclt_in_resolution_interrupted() {
    assert_eq!(renewals(ResolutionInterrupted).last(), Some(&MCLT));
}

/// Whether entering the state that a lost connection leads to asks for an operator.
fn alarms(mut script: Script, state: FailoverState) -> bool {
    script.cut();
    let entered = |event: &&Event| matches!(event, Event::Transition { to, .. } if *to == state);
    script.events.iter().find(entered).expect("entered").is_warning()
}

/// Holds: FO-9.9.1-2.
#[test]
fn entering_communications_interrupted_is_an_alarm() {
    assert!(alarms(Script::normal_primary(), CommunicationsInterrupted));
}

/// Holds: FO-9.11.1-1, FO-9.10.3-1, FO-9.11-1.
#[test]
fn entering_resolution_interrupted_is_an_alarm() {
    let mut script = Script::restarted(Role::Primary, stored(PotentialConflict));
    script.shake_hands();
    script.state(PotentialConflict);
    assert!(alarms(script, ResolutionInterrupted));
}

fn declared_down(state: FailoverState) -> FailoverState {
    let mut script = alone(Role::Primary, state);
    script.input(Input::Operator(OperatorCommand::PartnerDown { forced: false }));
    script.endpoint.state()
}

/// Holds: FO-9.9.3-2.
#[test]
fn an_operator_leads_from_communications_interrupted_to_partner_down() {
    assert_eq!(declared_down(CommunicationsInterrupted), PartnerDown);
}

/// Holds: FO-9.11.3-1.
#[test]
fn an_operator_leads_from_resolution_interrupted_to_partner_down() {
    assert_eq!(declared_down(ResolutionInterrupted), PartnerDown);
}

/// Where a server alone in `state` is after the partner came back in `partner`.
fn rejoined(state: FailoverState, partner: FailoverState) -> FailoverState {
    let mut script = alone(Role::Primary, state);
    script.shake_hands();
    script.state(partner);
    script.endpoint.state()
}

/// Holds: FO-9.9.3-3, FO-9.9.3-6, FO-9.9.3-7, FO-9.9.3-8, FO-9.9.3-9, FO-9.9.3-10, FO-9.9.3-11.
/// Holds: FO-9.9.3-12, A2-03.
#[test]
fn after_an_interruption_the_partners_state_decides() {
    for partner in STATES {
        let expected = match partner {
            Normal | CommunicationsInterrupted | RecoverDone => Normal,
            Recover | RecoverWait | Paused => CommunicationsInterrupted,
            PartnerDown | PotentialConflict | ConflictDone | ResolutionInterrupted => {
                PotentialConflict
            }
            _ => PartnerDown,
        };
        assert_eq!(rejoined(CommunicationsInterrupted, partner), expected, "partner {partner}");
    }
}

/// Holds: FO-9.11.3-2.
#[test]
fn contact_leads_from_resolution_interrupted_back_to_the_conflict() {
    for partner in STATES {
        assert_eq!(rejoined(ResolutionInterrupted, partner), PotentialConflict, "{partner}");
    }
}

/// Holds: FO-9.9.3-4, FO-9.9.3-5, A2-34.
#[test]
fn a_new_connection_finds_a_server_that_was_normal_interrupted() {
    let mut script = Script::normal_secondary();
    script.cut();
    script.shake_hands();
    assert_eq!(script.take(MessageType::STATE).state().0, CommunicationsInterrupted);
    script.state(CommunicationsInterrupted);
    assert_eq!(script.announced(), [Normal]);
}

/// Holds: FO-9.9.3-13.
#[test]
fn a_secondary_that_is_normal_again_asks_for_addresses_until_it_gets_none() {
    let mut script = Script::normal_secondary();
    script.cut();
    script.shake_hands();
    script.state(Normal);
    let request = script.take(MessageType::POOLREQ);
    let answer = |count| Message::PoolResp { addresses_transferred: Some(count) };
    script.say(request.xid, &answer(3));
    script.run_talking(10);
    let request = script.take(MessageType::POOLREQ);
    script.say(request.xid, &answer(0));
    script.run_talking(30);
    assert!(!script.types().contains(&"poolreq"));
}

/// Holds: FO-9.13-2.
#[test]
fn a_partners_pause_leaves_no_client_without_a_server() {
    use twinlease::endpoint::{ClientRequest, RequestKind, Service};
    let mut script = Script::normal_primary();
    script.state(Paused);
    for number in 0..=255 {
        let request = ClientRequest {
            kind: RequestKind::Discover,
            client: client(number),
            secs: 0,
            addressed_to_this_server: false,
            ranges: &[],
        };
        assert_eq!(script.endpoint.service_for(&request, script.now), Service::Serve);
    }
}

/// Holds: FO-9.10-1, FO-9.12-1.
#[test]
fn a_primary_is_conflict_done_when_it_holds_the_secondarys_updates() {
    use twinlease::wire::bndupd::BindingUpdate;
    let mut script = alone(Role::Primary, ResolutionInterrupted);
    script.shake_hands();
    script.state(PotentialConflict);
    let request = script.take(MessageType::UPDREQ);
    script.update(BindingUpdate {
        address: address(11),
        binding_status: Some(BindingStatus::Active.code()),
        client_hardware_address: Some(&[1, 2, 0, 94, 16, 0, 7]),
        lease_expiration: Some(UnixTime(START + 600)),
        potential_expiration: Some(UnixTime(START + 4200)),
        start_of_status: Some(UnixTime(START)),
        client_last_transaction: Some(UnixTime(START)),
        ..BindingUpdate::default()
    });
    assert_eq!(script.endpoint.state(), PotentialConflict);
    script.say(request.xid, &Message::UpdDone);
    assert_eq!(script.endpoint.state(), ConflictDone);
    let binding = script.endpoint.table().get(address(11)).expect("in the range");
    assert!(binding.belongs_to(&client(7)));
    let answer = script.endpoint.availability(address(11), &client(8), script.now);
    assert_eq!(answer, Availability::No(Unavailable::HeldByOther));
}

/// Holds: FO-9.10.1-2, FO-9.10.3-5, FO-9.10.3-6.
#[test]
fn a_secondary_in_a_conflict_waits_for_the_primarys_request() {
    let mut script = alone(Role::Secondary, ResolutionInterrupted);
    script.shake_hands();
    script.state(PotentialConflict);
    script.run_talking(20);
    assert!(!script.types().contains(&"updreq"));
    script.state(ConflictDone);
    script.take(MessageType::UPDREQ);
}

/// Holds: FO-9.10.3-7.
#[test]
fn a_secondary_that_leaves_a_conflict_announces_normal_and_then_asks_for_addresses() {
    let mut script = alone(Role::Secondary, ResolutionInterrupted);
    script.shake_hands();
    script.state(ConflictDone);
    let request = script.take(MessageType::UPDREQ);
    script.answer_everything();
    script.said.clear();
    script.say(request.xid, &Message::UpdDone);
    script.answer_everything();
    assert_eq!(script.types(), ["state", "poolreq"]);
    let said = script.take(MessageType::STATE);
    assert_eq!(said.state().0, Normal);
    let Message::State(state) = said.message(Dialect::Isc) else { panic!("a STATE") };
    assert_eq!(state.start_of_state, Some(script.now.wall));
}

/// Holds: FO-9.4.2-2, FO-9.4.2-3.
#[test]
fn in_partner_down_every_lease_is_renewed_and_the_own_pool_is_open_at_once() {
    let script = alone(Role::Secondary, PartnerDown);
    let ask =
        |last, number| script.endpoint.availability(address(last), &client(number), script.now);
    assert_eq!(ask(12, 1), Availability::Renew);
    assert_eq!(ask(11, 9), Availability::Lease);
}

/// What the partner promised for the lease that ended lengthens no new one.
/// Holds: FO-7.1.5-10.
#[test]
fn a_client_that_comes_back_to_an_address_long_free_starts_from_nothing_again() {
    let free = Binding {
        client: Some(client(1).to_client()),
        received_potential_expiration: UnixTime(START + 10_000),
        ..Binding::unused(address(12))
    };
    let endpoint = Some(stored(CommunicationsInterrupted));
    let recovered = Recovered { endpoint, bindings: vec![free] };
    let mut script = Script::new(config(Role::Primary, 20), recovered);
    script.run(15);
    let grant = script.endpoint.grant(address(12), &client(1), 36_000, script.now);
    assert_eq!(grant.lease_seconds, MCLT);
}

/// Longest lease to a client of which the partner never heard.
fn longest(state: FailoverState, clamped: bool) -> u32 {
    let mut relationship = config(Role::Secondary, 20);
    relationship.clamp_in_partner_down = clamped;
    let endpoint = Some(stored(state));
    let mut script = Script::new(relationship, Recovered { endpoint, bindings: bindings() });
    script.run(15);
    assert_eq!(script.endpoint.state(), state);
    script.endpoint.grant(address(11), &client(9), 36_000, script.now).lease_seconds
}

/// Holds: FO-9.4.2-10.
#[test]
fn leases_stay_within_mclt_in_partner_down() {
    assert_eq!(longest(PartnerDown, true), MCLT);
}

/// Holds: FO-9.4.2-11.
#[test]
fn leases_of_any_length_are_given_in_partner_down_where_that_is_configured() {
    assert_eq!(longest(PartnerDown, false), 36_000);
    assert_eq!(longest(CommunicationsInterrupted, false), MCLT);
}
