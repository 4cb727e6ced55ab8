//! What operators may want beyond the table of states.

use std::time::Duration;

use twinlease::balance::Role;
use twinlease::binding::Binding;
use twinlease::durable::{EndpointRecord, Recovered};
use twinlease::endpoint::{Event, Input, LeaseAuthority, OperatorCommand, RelationshipConfig};
use twinlease::time::UnixTime;
use twinlease::wire::codes::{BindingStatus, FailoverState, MessageType};

use crate::support::scripted::{DHCPD, Script, stored};
use crate::support::world::{PRIMARY, SECONDARY, World};
use crate::support::{START, address, client, config};

use FailoverState::{CommunicationsInterrupted, Normal, PartnerDown};

const SAFE_PERIOD: u32 = 60;

fn automatic() -> RelationshipConfig {
    let mut relationship = config(Role::Primary, 20);
    relationship.safe_period = Some(Duration::from_secs(u64::from(SAFE_PERIOD)));
    relationship
}

/// A primary in NORMAL with maintenance for so many seconds.
fn maintained(seconds: u32) -> Script {
    let mut script = Script::normal_primary_of(automatic());
    maintain(&mut script, Some(seconds));
    script
}

fn maintain(script: &mut Script, seconds: Option<u32>) {
    let until = seconds.map(|seconds| script.now.wall.plus(seconds));
    script.input(Input::Operator(OperatorCommand::Maintenance { until }));
}

#[test]
fn in_maintenance_the_partner_is_not_declared_down_automatically() {
    let mut script = maintained(500);
    script.cut();
    script.run(499);
    assert_eq!(script.endpoint.state(), CommunicationsInterrupted);
}

#[test]
fn at_the_end_of_maintenance_a_takeover_that_was_held_follows() {
    let mut script = maintained(500);
    script.cut();
    script.run(501);
    assert_eq!(script.endpoint.state(), PartnerDown);
    let over = Event::Maintenance { until: None };
    assert!(script.events.contains(&over), "{:?}", script.events);
}

#[test]
fn a_safe_period_that_is_not_over_at_the_end_of_maintenance_goes_on() {
    let mut script = maintained(20);
    script.cut();
    script.run(SAFE_PERIOD - 1);
    assert_eq!(script.endpoint.state(), CommunicationsInterrupted);
    script.run(2);
    assert_eq!(script.endpoint.state(), PartnerDown);
}

#[test]
fn maintenance_may_end_early() {
    let mut script = maintained(5000);
    script.cut();
    script.run(100);
    maintain(&mut script, None);
    assert_eq!(script.endpoint.state(), PartnerDown);
}

#[test]
fn maintenance_does_not_keep_an_operator_from_declaring_the_partner_down() {
    let mut script = maintained(5000);
    script.cut();
    script.input(Input::Operator(OperatorCommand::PartnerDown { forced: false }));
    assert_eq!(script.endpoint.state(), PartnerDown);
}

#[test]
fn maintenance_outlives_the_process() {
    let script = maintained(500);
    let record = script.record.expect("committed");
    assert_eq!(record.maintenance_until, Some(UnixTime(START + 500)));
    let endpoint = Some(EndpointRecord { state: CommunicationsInterrupted, ..record });
    let recovered = Recovered { endpoint, bindings: Vec::new() };
    let mut later = Script::new(automatic(), recovered);
    later.run(400);
    assert_eq!(later.endpoint.state(), CommunicationsInterrupted);
    later.run(200);
    assert_eq!(later.endpoint.state(), PartnerDown);
}

#[test]
fn maintenance_that_ended_while_nothing_ran_is_over() {
    let maintenance_until = Some(UnixTime(START - 1));
    let record = EndpointRecord { maintenance_until, ..stored(Normal) };
    let script = Script::restarted(Role::Primary, record);
    assert_eq!(script.record.expect("committed").maintenance_until, None);
}

#[test]
fn maintenance_that_would_be_over_already_is_refused() {
    let mut script = Script::normal_primary();
    let command = OperatorCommand::Maintenance { until: Some(script.now.wall) };
    assert!(script.endpoint.operator(script.now, command).is_err());
    assert_eq!(script.endpoint.status().maintenance_until, None);
}

fn updates(script: &Script) -> usize {
    script.types().iter().filter(|name| **name == MessageType::BNDUPD.name()).count()
}

/// A primary in NORMAL with these bindings, which the partner knows.
fn known_to_the_partner(statuses: &[BindingStatus]) -> Script {
    let binding = |(last, status): (u8, &BindingStatus)| Binding {
        binding_status: *status,
        client: Some(client(last).to_client()),
        lease_expiration: UnixTime(START + 3000),
        client_last_transaction: UnixTime(START - 10),
        partner_knows: true,
        ..Binding::unused(address(last))
    };
    let bindings = (10..).zip(statuses).map(binding).collect();
    let recovered = Recovered { endpoint: Some(stored(Normal)), bindings };
    let mut script = Script::new(config(Role::Primary, 20), recovered);
    script.connected();
    script.accept_connect();
    script.state(Normal);
    script.answer_everything();
    script.said.clear();
    script
}

#[test]
fn a_resynchronisation_tells_every_lease_again_and_nothing_that_is_unused() {
    use BindingStatus::{Active, Backup, Free, Released};
    let mut script = known_to_the_partner(&[Active, Free, Active, Backup, Released]);
    script.input(Input::Operator(OperatorCommand::Resynchronise));
    assert_eq!(updates(&script), 2, "{:?}", script.types());
}

#[test]
fn a_resynchronisation_asks_another_twinlease_for_what_was_not_acknowledged() {
    let mut script = known_to_the_partner(&[]);
    script.input(Input::Operator(OperatorCommand::Resynchronise));
    let request = script.take(MessageType::UPDREQ);
    script.say(request.xid, &twinlease::wire::message::Message::UpdDone);
    assert_eq!(script.endpoint.state(), Normal);
    assert_eq!(script.endpoint.status().receiving, None);
}

#[test]
fn a_dhcpd_is_not_asked_by_a_resynchronisation() {
    let mut script = Script::new(config(Role::Primary, 20), Recovered::default());
    script.vendor = DHCPD;
    script.settle_as_primary();
    script.input(Input::Operator(OperatorCommand::Resynchronise));
    assert!(!script.types().contains(&"updreq"), "{:?}", script.types());
}

#[test]
fn a_pair_agrees_again_after_both_have_resynchronised() {
    let mut world = World::normal(20);
    for last in 15..20 {
        world.lease(PRIMARY, address(last), client(last), 3600);
    }
    world.run(10);
    for side in [PRIMARY, SECONDARY] {
        world.operator(side, OperatorCommand::Resynchronise);
    }
    world.run(30);
    for last in 15..20 {
        let [one, two] = [PRIMARY, SECONDARY].map(|side| world.binding(side, address(last)));
        assert_eq!((one.client, one.lease_expiration), (two.client, two.lease_expiration));
        assert!(one.partner_knows && two.partner_knows);
    }
}

#[test]
fn a_rebalance_moves_addresses_however_small_the_difference() {
    let mut world = World::normal(40);
    let share = |world: &World| {
        let table = world.sides[SECONDARY].endpoint().table();
        table.iter().filter(|b| b.binding_status == BindingStatus::Backup).count()
    };
    for last in (10..50)
        .rev()
        .filter(|last| world.binding(PRIMARY, address(*last)).binding_status == BindingStatus::Free)
        .take(2)
        .collect::<Vec<_>>()
    {
        world.lease(PRIMARY, address(last), client(last), 3600);
    }
    let before = share(&world);
    world.operator(SECONDARY, OperatorCommand::Rebalance);
    world.run(5);
    assert!(share(&world) < before, "{before}");
}

#[test]
fn what_is_for_a_pair_in_normal_is_refused_without_the_partner() {
    for command in [OperatorCommand::Resynchronise, OperatorCommand::Rebalance] {
        let mut script = Script::normal_primary();
        script.cut();
        let refused = script.endpoint.operator(script.now, command).unwrap_err();
        assert_eq!(refused.state, CommunicationsInterrupted);
    }
}
