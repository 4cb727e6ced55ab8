//! Which client messages each state lets through (§9.2, requirements 4.1), and which addresses
//! PARTNER-DOWN lets go (§9.4.2).

use twinlease::balance::Role;
use twinlease::binding::table::RangeId;
use twinlease::binding::{AddressRange, Binding};
use twinlease::durable::{EndpointRecord, Recovered};
use twinlease::endpoint::{
    Availability, ClientRequest, LeaseAuthority, RecordError, RequestKind, Service, Silence,
    Unavailable,
};
use twinlease::time::UnixTime;
use twinlease::wire::codes::{BindingStatus, FailoverState};

use crate::support::scripted::{Script, stored};
use crate::support::{MCLT, START, address, client, config};

const KINDS: [RequestKind; 8] = [
    RequestKind::Discover,
    RequestKind::Selecting,
    RequestKind::InitReboot,
    RequestKind::Renewing,
    RequestKind::Rebinding,
    RequestKind::Release,
    RequestKind::Decline,
    RequestKind::Inform,
];
const ALL: &[RequestKind] = &KINDS;
const RENEWALS: &[RequestKind] = &[RequestKind::Renewing, RequestKind::Rebinding];
const NONE: &[RequestKind] = &[];

/// The kinds of message of a client that are served, whoever's client it is by the hash.
fn served(script: &Script) -> Vec<RequestKind> {
    let serves = |kind: RequestKind| {
        (0..=40).all(|number| {
            let request = ClientRequest {
                kind,
                client: client(number),
                secs: 0,
                addressed_to_this_server: false,
                ranges: &[RangeId(0)],
            };
            script.endpoint.service_for(&request, script.now) == Service::Serve
        })
    };
    KINDS.into_iter().filter(|kind| serves(*kind)).collect()
}

/// A primary that went on in `state` without its partner.
fn alone_in(state: FailoverState) -> Script {
    let down_time = UnixTime(START);
    let mut script =
        Script::restarted(Role::Primary, EndpointRecord { down_time, ..stored(state) });
    script.run(15);
    assert_eq!(script.endpoint.state(), state);
    script
}

/// Holds: FO-5.9-1.
/// Holds: FO-9.3.1-1.
#[test]
fn startup_serves_nobody() {
    let script = Script::restarted(Role::Primary, stored(FailoverState::Normal));
    assert_eq!(served(&script), NONE);
}

/// Holds: FO-9.8.2-1, FO-9.8.2-2.
/// Holds: A2-36.
/// Holds: FO-5.5-2.
/// Holds: FO-9.2-7, FO-9.2-8, A2-37.
#[test]
fn normal_renews_for_everybody() {
    assert_eq!(served(&Script::normal_primary()), RENEWALS);
}

/// Holds: FO-9.9.2-1, FO-9.9.2-2.
/// Holds: FO-3.3-5, FO-5.3-9, FO-5.6-2.
/// Holds: FO-9.2-6, FO-9.2-5.
#[test]
fn communications_interrupted_serves_everybody() {
    assert_eq!(served(&alone_in(FailoverState::CommunicationsInterrupted)), ALL);
}

/// Holds: FO-5.7-2.
/// Holds: FO-9.4-2, FO-9.4.2-1.
#[test]
fn partner_down_serves_everybody() {
    assert_eq!(served(&alone_in(FailoverState::PartnerDown)), ALL);
}

/// Holds: FO-9.11-2, FO-9.11.2-1, FO-9.11.2-2.
#[test]
fn resolution_interrupted_serves_everybody() {
    assert_eq!(served(&alone_in(FailoverState::ResolutionInterrupted)), ALL);
}

/// Holds: FO-9.12-2, FO-9.12.2-1.
#[test]
fn conflict_done_serves_everybody() {
    assert_eq!(served(&alone_in(FailoverState::ConflictDone)), ALL);
}

/// Holds: FO-5.8-1.
/// Holds: FO-9.5.1-1.
#[test]
fn recover_serves_nobody() {
    assert_eq!(served(&alone_in(FailoverState::Recover)), NONE);
}

/// Holds: FO-9.6.1-1.
#[test]
fn recover_wait_serves_nobody() {
    assert_eq!(served(&alone_in(FailoverState::RecoverWait)), NONE);
}

/// Holds: A2-43.
/// Holds: FO-9.7.1-1, FO-9.7-1.
#[test]
fn recover_done_only_renews() {
    assert_eq!(served(&alone_in(FailoverState::RecoverDone)), RENEWALS);
}

/// Holds: FO-9.10.2-1.
/// Holds: FO-4.2-4.
#[test]
fn potential_conflict_serves_nobody() {
    let mut script = Script::restarted(Role::Primary, stored(FailoverState::PotentialConflict));
    script.shake_hands();
    script.state(FailoverState::PotentialConflict);
    assert_eq!(script.endpoint.state(), FailoverState::PotentialConflict);
    assert_eq!(served(&script), NONE);
}

/// Holds: FO-9.14.2-1, A2-39.
#[test]
fn a_stopping_server_serves_nobody() {
    for command in [
        twinlease::endpoint::OperatorCommand::Pause,
        twinlease::endpoint::OperatorCommand::Shutdown,
    ] {
        let mut script = Script::normal_primary();
        script.input(twinlease::endpoint::Input::Operator(command));
        assert_eq!(served(&script), NONE);
    }
}

/// A binding of client 1 whose lease ended at START - 300.
fn ended(status: BindingStatus) -> Binding {
    let mut binding = Binding::unused(address(10));
    binding.binding_status = status;
    binding.client = Some(client(1).to_client());
    binding.lease_expiration = UnixTime(START - 300);
    binding.start_of_status = UnixTime(START - 300);
    binding.client_last_transaction = UnixTime(START - 2000);
    binding.partner_knows = false;
    binding
}

/// A primary in PARTNER-DOWN since START - 1000 that goes on at once, with one binding.
fn in_partner_down(binding: Binding) -> Script {
    let endpoint = Some(stored(FailoverState::PartnerDown));
    let recovered = Recovered { endpoint, bindings: vec![binding] };
    let mut relationship = config(Role::Primary, 20);
    relationship.startup_wait = std::time::Duration::ZERO;
    let mut script = Script::new(relationship, recovered);
    script.run(0);
    assert_eq!(script.endpoint.state(), FailoverState::PartnerDown);
    script
}

/// Client 2 may have the address from this many seconds after START on.
#[track_caller]
fn opens_at(script: &mut Script, seconds: u32) {
    let ask = |script: &Script| script.endpoint.availability(address(10), &client(2), script.now);
    script.run(seconds - 1);
    assert!(matches!(ask(script), Availability::No(_)), "too early");
    script.run(1);
    assert_eq!(ask(script), Availability::Lease);
}

/// Holds: FO-5.2.1-4, FO-5.2.2-2, FO-5.11-24.
#[test]
fn an_expired_address_opens_one_mclt_after_its_end() {
    opens_at(&mut in_partner_down(ended(BindingStatus::Expired)), MCLT - 300);
}

/// A server in PARTNER-DOWN looks through its table piece by piece.
#[test]
fn an_ended_lease_at_the_end_of_a_large_range_is_freed_after_its_wait_too() {
    let last = std::net::Ipv4Addr::new(10, 20, 20, 0);
    let mut relationship = config(Role::Primary, 20);
    relationship.ranges = vec![AddressRange::new(address(10), last).unwrap()];
    let binding = Binding { address: last, ..ended(BindingStatus::Expired) };
    let endpoint = Some(stored(FailoverState::PartnerDown));
    let mut script = Script::new(relationship, Recovered { endpoint, bindings: vec![binding] });
    script.run(MCLT);
    assert_eq!(script.endpoint.table().status_of(last), Some(BindingStatus::Free));
}

/// The lease was given without contact, and ended: the partner knows of the one before, long over.
#[test]
fn an_address_leased_alone_opens_at_the_end_of_its_lease() {
    let mut alone = ended(BindingStatus::Reset);
    alone.client_last_transaction = UnixTime(START - 600);
    alone.acked_potential_expiration = UnixTime(START - 1500);
    alone.lease_expiration = UnixTime(START + 50);
    opens_at(&mut in_partner_down(alone), 50);
}

/// Holds: FO-5.11-24.
#[test]
fn a_released_address_opens_one_mclt_after_its_end() {
    opens_at(&mut in_partner_down(ended(BindingStatus::Released)), MCLT - 300);
}

/// Holds: FO-5.11-24.
#[test]
fn a_reset_address_opens_one_mclt_after_its_end() {
    opens_at(&mut in_partner_down(ended(BindingStatus::Reset)), MCLT - 300);
}

/// Holds: FO-7.1.5-12, FO-7.1.5-13.
/// Holds: FO-9.4.2-7, A1-38, A2-49.
#[test]
fn a_promise_that_was_sent_delays_the_reuse() {
    let sent_potential_expiration = UnixTime(START - 200);
    let binding = Binding { sent_potential_expiration, ..ended(BindingStatus::Expired) };
    opens_at(&mut in_partner_down(binding), MCLT - 200);
}

/// Holds: FO-7.1.5-12, FO-7.1.5-13.
/// Holds: FO-9.4.2-7, A1-38.
#[test]
fn a_promise_that_was_acknowledged_delays_the_reuse() {
    let acked_potential_expiration = UnixTime(START - 100);
    let binding = Binding { acked_potential_expiration, ..ended(BindingStatus::Expired) };
    opens_at(&mut in_partner_down(binding), MCLT - 100);
}

/// Holds: FO-7.1.5-12.
/// Holds: FO-9.4.2-7, A1-38.
#[test]
fn a_promise_that_was_received_delays_the_reuse() {
    let received_potential_expiration = UnixTime(START + 50);
    let binding = Binding { received_potential_expiration, ..ended(BindingStatus::Expired) };
    opens_at(&mut in_partner_down(binding), MCLT + 50);
}

/// Holds: FO-5.2.1-4, FO-5.7-1.
/// Holds: FO-9.4.2-8, A2-08, A2-48, A1-39.
#[test]
fn the_beginning_of_partner_down_delays_the_reuse() {
    let long_ago = UnixTime(START - 5000);
    let binding = Binding {
        lease_expiration: long_ago,
        start_of_status: long_ago,
        client_last_transaction: long_ago,
        ..ended(BindingStatus::Expired)
    };
    let endpoint = Some(EndpointRecord {
        start_of_state: UnixTime(START - 400),
        ..stored(FailoverState::PartnerDown)
    });
    let recovered = Recovered { endpoint, bindings: vec![binding] };
    let mut script = Script::new(config(Role::Primary, 20), recovered);
    opens_at(&mut script, MCLT - 400);
}

#[test]
fn an_end_that_may_have_been_reported_binds_its_own_client_too() {
    let script = in_partner_down(ended(BindingStatus::Expired));
    assert_eq!(
        script.endpoint.availability(address(10), &client(1), script.now),
        Availability::No(Unavailable::AwaitingPartner)
    );
}

#[test]
fn an_address_in_use_never_opens_to_another_client() {
    let lease_expiration = UnixTime::INFINITE;
    let mut script = in_partner_down(Binding { lease_expiration, ..ended(BindingStatus::Active) });
    script.run(10 * MCLT);
    assert_eq!(
        script.endpoint.availability(address(10), &client(2), script.now),
        Availability::No(Unavailable::HeldByOther)
    );
}

#[test]
fn an_expired_address_stays_closed_while_communications_are_interrupted() {
    let endpoint = Some(stored(FailoverState::CommunicationsInterrupted));
    let recovered = Recovered { endpoint, bindings: vec![ended(BindingStatus::Expired)] };
    let mut script = Script::new(config(Role::Primary, 20), recovered);
    script.run(10 * MCLT);
    assert_eq!(
        script.endpoint.availability(address(10), &client(2), script.now),
        Availability::No(Unavailable::AwaitingPartner)
    );
}

#[test]
fn renewals_are_believed_without_contact_and_not_in_normal() {
    assert!(!Script::normal_primary().endpoint.believes_renewals());
    assert!(!alone_in(FailoverState::RecoverDone).endpoint.believes_renewals());
    for state in [
        FailoverState::CommunicationsInterrupted,
        FailoverState::PartnerDown,
        FailoverState::ResolutionInterrupted,
    ] {
        assert!(alone_in(state).endpoint.believes_renewals(), "{state}");
    }
}

/// Holds: A2-47.
#[test]
fn a_client_that_is_believed_has_at_most_one_mclt() {
    let script = alone_in(FailoverState::CommunicationsInterrupted);
    let grant = script.endpoint.grant(address(20), &client(3), 36_000, script.now);
    assert_eq!(grant.lease_seconds, MCLT);
}

#[test]
fn a_silence_and_a_refusal_say_why() {
    let silences = [
        (Silence::State(FailoverState::Recover), "not served in state recover"),
        (Silence::PartnersClient, "load balancing assigns the client to the partner"),
        (Silence::OtherServersClient, "the client belongs to servers outside this pair"),
    ];
    for (silence, text) in silences {
        assert_eq!(silence.to_string(), text);
    }
    let too_long = RecordError::IdentifierTooLong(300).to_string();
    assert!(too_long.contains("300") && too_long.contains("255"), "{too_long}");
}
