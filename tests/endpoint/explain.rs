//! What `why` tells: the decision of the moment, its rule, and what changes it.

use twinlease::balance::Role;
use twinlease::binding::Binding;
use twinlease::binding::table::RangeId;
use twinlease::durable::{EndpointRecord, Recovered};
use twinlease::endpoint::explain::{AddressExplanation, Change};
use twinlease::endpoint::{Availability, Service, Silence, Unavailable};
use twinlease::time::UnixTime;
use twinlease::wire::codes::{BindingStatus, FailoverState, RejectReason};

use crate::support::scripted::{Script, stored};
use crate::support::{MCLT, START, address, client, config};

use FailoverState::{CommunicationsInterrupted, PartnerDown};

/// A binding of client 1 at address 12, until START + 500 or over since START - 300.
fn binding(status: BindingStatus) -> Binding {
    let mut binding = Binding::unused(address(12));
    binding.binding_status = status;
    binding.client = Some(client(1).to_client());
    let runs = matches!(status, BindingStatus::Active | BindingStatus::Abandoned);
    binding.lease_expiration = UnixTime(if runs { START + 500 } else { START - 300 });
    binding.start_of_status = UnixTime(START - 300);
    binding.client_last_transaction = UnixTime(START - 900);
    binding
}

/// A primary alone in `state` since START - 1000, 15 seconds after START.
fn alone(state: FailoverState, binding: Binding) -> Script {
    let endpoint = Some(EndpointRecord { down_time: UnixTime(START), ..stored(state) });
    let recovered = Recovered { endpoint, bindings: vec![binding] };
    let mut script = Script::new(config(Role::Primary, 20), recovered);
    script.run(15);
    assert_eq!(script.endpoint.state(), state);
    script
}

fn explained(state: FailoverState, status: BindingStatus) -> AddressExplanation {
    let script = alone(state, binding(status));
    script.endpoint.explain_address(address(12), script.now).expect("in the range")
}

fn rules(explained: &AddressExplanation) -> Vec<&'static str> {
    explained.reasons.iter().map(|reason| reason.rule).collect()
}

fn dates(changes: &[Change]) -> Vec<Option<u32>> {
    changes.iter().map(|change| change.at.map(|at| at.0)).collect()
}

#[test]
fn of_an_address_outside_the_ranges_nothing_is_told() {
    let script = Script::primary();
    assert_eq!(script.endpoint.explain_address(address(200), script.now), None);
}

#[test]
fn an_active_address_is_its_clients_until_its_end() {
    let told = explained(CommunicationsInterrupted, BindingStatus::Active);
    assert_eq!(told.to_its_client, Some(Availability::Renew));
    assert_eq!(told.to_others, Availability::No(Unavailable::HeldByOther));
    assert_eq!(told.longest_lease, MCLT);
    assert_eq!(rules(&told), ["§5.11", "§9.8.2", "§4.1", "§5.2.1, §7.1.5"]);
    assert_eq!(dates(&told.changes), [Some(START + 500)]);
}

#[test]
fn an_infinite_lease_ends_when_its_client_gives_it_back() {
    let infinite =
        Binding { lease_expiration: UnixTime::INFINITE, ..binding(BindingStatus::Active) };
    let script = alone(CommunicationsInterrupted, infinite);
    let told = script.endpoint.explain_address(address(12), script.now).unwrap();
    assert_eq!(dates(&told.changes), [None]);
}

#[test]
fn a_free_address_is_anybodys_at_the_primary() {
    let told = explained(CommunicationsInterrupted, BindingStatus::Free);
    assert_eq!(told.to_others, Availability::Lease);
    assert_eq!(told.longest_lease, MCLT);
    assert_eq!(rules(&told), ["§5.11", "§5.2.2", "§5.4", "§5.2.1, §7.1.5"]);
}

#[test]
fn a_backup_address_is_the_partners() {
    let told = explained(CommunicationsInterrupted, BindingStatus::Backup);
    assert_eq!(told.to_others, Availability::No(Unavailable::PartnersPool));
    assert_eq!((told.longest_lease, told.changes.len()), (0, 0));
    assert!(rules(&told).contains(&"§5.4"));
    assert!(!rules(&told).contains(&"§5.2.1, §7.1.5"), "nobody may lease it");
}

#[test]
fn in_partner_down_the_end_of_the_wait_has_a_date() {
    let mut backup = binding(BindingStatus::Backup);
    backup.received_potential_expiration = UnixTime(START - 200);
    let script = alone(PartnerDown, backup);
    let told = script.endpoint.explain_address(address(12), script.now).unwrap();
    assert_eq!(dates(&told.changes), [Some(START - 200 + MCLT)]);
    assert_eq!(told.changes[0].what.rule, "§9.4.2");
}

/// Holds: FO-5.14-2.
#[test]
fn no_date_ends_the_wait_for_an_address_that_bootp_may_have_taken_for_ever() {
    let endpoint = Some(EndpointRecord { down_time: UnixTime(START), ..stored(PartnerDown) });
    let recovered = Recovered { endpoint, bindings: vec![binding(BindingStatus::Backup)] };
    let mut relationship = config(Role::Primary, 20);
    relationship.bootp_ranges = vec![RangeId(0)];
    let mut script = Script::new(relationship, recovered);
    script.run(15);
    let told = script.endpoint.explain_address(address(12), script.now).unwrap();
    assert_eq!(told.to_others, Availability::No(Unavailable::PartnersPool));
    assert_eq!(told.changes, []);
}

#[test]
fn no_date_ends_the_wait_for_a_lease_that_was_promised_for_ever() {
    let mut backup = binding(BindingStatus::Backup);
    backup.received_potential_expiration = UnixTime::INFINITE;
    let script = alone(PartnerDown, backup);
    let told = script.endpoint.explain_address(address(12), script.now).unwrap();
    assert_eq!(told.changes, []);
}

#[test]
fn an_end_that_the_partner_has_not_heard_of_waits_for_its_answer() {
    let unheard = Binding { partner_knows: false, ..binding(BindingStatus::Expired) };
    let script = alone(CommunicationsInterrupted, unheard);
    let told = script.endpoint.explain_address(address(12), script.now).unwrap();
    // The process before may have reported the end, so its own client waits too.
    assert_eq!(told.to_its_client, Some(Availability::No(Unavailable::AwaitingPartner)));
    assert_eq!(told.to_others, Availability::No(Unavailable::AwaitingPartner));
    assert!(rules(&told).contains(&"§7.1.1"));
    assert_eq!(dates(&told.changes), [None]);
}

#[test]
fn an_abandoned_address_is_tried_again_at_a_date() {
    let told = explained(CommunicationsInterrupted, BindingStatus::Abandoned);
    assert_eq!(told.to_others, Availability::No(Unavailable::Abandoned));
    assert_eq!(dates(&told.changes), [Some(START + 500)]);
}

/// Whether the limit by what the partner knows is told of for an address that may be leased.
fn tells_the_limit(state: FailoverState, clamp: bool) -> bool {
    let endpoint = Some(EndpointRecord { down_time: UnixTime(START), ..stored(state) });
    let recovered = Recovered { endpoint, bindings: vec![binding(BindingStatus::Free)] };
    let mut relationship = config(Role::Primary, 20);
    relationship.clamp_in_partner_down = clamp;
    let mut script = Script::new(relationship, recovered);
    script.run(15);
    let told = script.endpoint.explain_address(address(12), script.now).unwrap();
    rules(&told).contains(&"§5.2.1, §7.1.5")
}

#[test]
fn the_lead_time_is_told_of_where_it_limits_a_lease() {
    assert!(tells_the_limit(CommunicationsInterrupted, false));
    assert!(tells_the_limit(PartnerDown, true));
    assert!(!tells_the_limit(PartnerDown, false));
}

#[test]
fn an_abandoned_address_without_a_date_has_nothing_to_wait_for() {
    for end in [UnixTime::ABSENT, UnixTime::INFINITE] {
        let rests = Binding { lease_expiration: end, ..binding(BindingStatus::Abandoned) };
        let script = alone(PartnerDown, rests);
        let told = script.endpoint.explain_address(address(12), script.now).unwrap();
        assert_eq!(told.changes, [], "{end:?}");
    }
}

#[test]
fn every_refusal_names_a_rule_and_says_why() {
    for refusal in [
        Unavailable::UnknownAddress,
        Unavailable::HeldByOther,
        Unavailable::PartnersPool,
        Unavailable::AwaitingPartner,
        Unavailable::Abandoned,
        Unavailable::Reserved,
    ] {
        assert!(refusal.rule().starts_with('§'));
        assert!(refusal.text().len() > 10);
    }
}

#[test]
fn a_rejection_names_the_rule_behind_its_reason() {
    for (codes, rule) in [
        (&[1, 3][..], "§7.1.3"),
        (&[2, 15, 16], "figure 7.1.3-1"),
        (&[19], "§5.13"),
        (&[4], "§5.10"),
        (&[5, 8, 14], "§7.8.2"),
        (&[18], "§5.3"),
        (&[7], "§8.2"),
        (&[9, 10, 11], "§11.2"),
        (&[12, 13, 20, 21], "§11.1"),
        (&[17], "§8.3"),
        (&[6, 254], "§12.21"),
    ] {
        for code in codes {
            let reason = RejectReason(*code);
            assert_eq!(reason.rule(), rule, "{reason}");
        }
    }
}

#[test]
fn every_state_that_is_silent_names_its_section() {
    let rules: std::collections::BTreeSet<_> =
        FailoverState::ALL.iter().map(|state| Silence::State(*state).rule()).collect();
    assert_eq!(rules.len(), FailoverState::ALL.len());
    assert_eq!(Silence::PartnersClient.rule(), "RFC 3074, §9.8.2");
}

/// A client of the partner, as a primary in NORMAL sees it.
fn partners_client(script: &Script) -> u8 {
    let silent = |number: &u8| {
        let told = script.endpoint.explain_client(&client(*number), script.now);
        told.discover == Service::Silent(Silence::PartnersClient)
    };
    (0..=255).find(silent).expect("half of them")
}

#[test]
fn a_client_of_the_partner_is_served_once_it_has_waited() {
    let script = Script::normal_primary();
    let number = partners_client(&script);
    let told = script.endpoint.explain_client(&client(number), script.now);
    assert_eq!(told.served_from_secs, Some(4));
    assert_eq!(told.renewal, Service::Serve);
    assert_eq!(told.changes[0].what.text, "it has asked for 4 seconds: then either server answers");
    assert_eq!(told.bucket, twinlease::balance::hash(client(number).hash_key()));
}

#[test]
fn a_client_is_told_the_address_it_had_and_all_of_them() {
    let script = alone(CommunicationsInterrupted, binding(BindingStatus::Active));
    let told = script.endpoint.explain_client(&client(1), script.now);
    assert_eq!(told.address, Some(address(12)));
    assert_eq!(told.longest_lease, MCLT);
    let known: Vec<_> = told.addresses.iter().map(|held| held.binding.address).collect();
    assert_eq!(known, [address(12)]);
    assert_eq!(
        told.addresses[0],
        script.endpoint.explain_address(address(12), script.now).unwrap()
    );
}

#[test]
fn a_new_client_is_told_the_address_unused_for_longest() {
    let script = alone(CommunicationsInterrupted, binding(BindingStatus::Active));
    let told = script.endpoint.explain_client(&client(9), script.now);
    assert_eq!(told.address, Some(address(10)));
    assert_eq!(told.discover, Service::Serve);
    assert_eq!((told.served_from_secs, told.changes.len()), (Some(0), 0));
}

#[test]
fn a_server_that_serves_nobody_says_which_state_keeps_it() {
    let mut script = Script::primary();
    script.run(15);
    let told = script.endpoint.explain_client(&client(1), script.now);
    let silent = Service::Silent(Silence::State(FailoverState::Recover));
    assert_eq!((told.discover, told.renewal, told.served_from_secs), (silent, silent, None));
    assert_eq!(told.reasons[0].text, "this server is in recover");
    assert_eq!(told.changes[0].what.text, "the state is another than recover");
}
