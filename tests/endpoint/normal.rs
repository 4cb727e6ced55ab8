//! NORMAL: what is sent on entering it, whose clients are served, what updates say (§9.8).

use twinlease::balance::{HashBuckets, Role, hash};
use twinlease::binding::table::RangeId;
use twinlease::binding::{ClientRef, HardwareAddress};
use twinlease::endpoint::{
    Availability, BindingChange, ClientRequest, Input, LeaseAuthority, LeaseDetails,
    OperatorCommand, RequestKind, Service, Unavailable,
};
use twinlease::time::UnixTime;
use twinlease::wire::bndupd::BindingUpdate;
use twinlease::wire::codes::{BindingStatus, FailoverState, MessageType, Xid};
use twinlease::wire::dialect::Dialect;
use twinlease::wire::message::Message;

use crate::support::scripted::{LINK, Said, Script, good_connect};
use crate::support::world::{PRIMARY, World};
use crate::support::{MCLT, START, address, client, config};

use FailoverState::{
    CommunicationsInterrupted, ConflictDone, Normal, PartnerDown, PotentialConflict, RecoverDone,
};

fn lease(script: &mut Script, last: u8, number: u8, seconds: u32) {
    let (now, address, client) = (script.now, address(last), client(number));
    let grant = script.endpoint.grant(address, &client, seconds, now);
    script
        .endpoint
        .record(
            now,
            BindingChange::Leased { address, client, grant, details: LeaseDetails::default() },
        )
        .unwrap();
    script.input(Input::TimeReached);
}

/// The only update of a BNDUPD.
fn update_of(said: &Said) -> BindingUpdate<'_> {
    let Message::BndUpd(bndupd) = said.message(Dialect::Isc) else { panic!("a BNDUPD") };
    bndupd.updates().next().expect("an update")
}

/// A primary that leased address 25 for a minute to client 1, told its partner and had it accepted.
fn with_a_lease_of_a_minute() -> Script {
    let mut script = Script::normal_primary();
    for last in 20..30 {
        script.free_by_partner(last);
    }
    lease(&mut script, 25, 1, 60);
    script.answer_everything();
    script.said.clear();
    script
}

/// Holds: FO-9.8-1, FO-9.8.4-3, FO-9.9-1.
/// Holds: FO-3.3-1.
#[test]
fn normal_ends_with_the_connection() {
    let mut script = Script::normal_primary();
    script.input(Input::Disconnected { link: LINK });
    assert_eq!(script.endpoint.state(), CommunicationsInterrupted);
}

/// Holds: FO-9.8.1-1.
#[test]
fn what_the_partner_has_not_acknowledged_is_sent_on_entering_normal() {
    let mut script = Script::normal_primary();
    script.free_by_partner(25);
    script.cut();
    lease(&mut script, 25, 1, 60);
    assert_eq!(script.types(), Vec::<&str>::new());
    script.shake_hands();
    script.state(CommunicationsInterrupted);
    assert_eq!(script.endpoint.state(), Normal);
    let said = script.take(MessageType::BNDUPD);
    assert_eq!(update_of(&said).address, address(25));
}

/// Holds: FO-9.8.1-2, A2-42.
#[test]
fn a_secondary_asks_for_addresses_when_its_updates_have_been_answered() {
    let mut script = Script::normal_secondary();
    script.cut();
    lease(&mut script, 12, 1, 60);
    script.shake_hands();
    script.state(CommunicationsInterrupted);
    let said = script.take(MessageType::BNDUPD);
    assert!(!script.types().contains(&"poolreq"));
    script.acknowledge(&said);
    script.take(MessageType::POOLREQ);
}

/// Whether this server answers a DISCOVER of `client`.
fn serves_in(script: &Script, client: ClientRef<'static>) -> bool {
    let kind = RequestKind::Discover;
    let ranges = &[RangeId(0)];
    let request = ClientRequest { kind, client, secs: 0, addressed_to_this_server: false, ranges };
    script.endpoint.service_for(&request, script.now) == Service::Serve
}

/// A primary that serves the bucket of `key` and no other.
fn serving_only(key: &[u8]) -> Script {
    let mut relationship = config(Role::Primary, 20);
    let mut octets = [0; 32];
    let bucket = usize::from(hash(key));
    octets[bucket / 8] |= 1 << (bucket % 8);
    relationship.hash_buckets = HashBuckets::from_wire(&octets, Dialect::Isc).unwrap();
    Script::normal_primary_of(relationship)
}

/// Holds: FO-9.8.2-3.
#[test]
fn the_hash_is_over_the_client_identifier() {
    let script = serving_only(b"\x01printer");
    let hardware = HardwareAddress::new(1, &[2, 0, 94, 16, 0, 9]);
    assert!(serves_in(&script, ClientRef { identifier: Some(b"\x01printer"), hardware }));
    assert!(!serves_in(&script, ClientRef { identifier: None, hardware }));
}

/// Holds: FO-9.8.2-3.
#[test]
fn without_a_client_identifier_the_hash_is_over_chaddr() {
    let octets = [2, 0, 94, 16, 0, 9];
    let script = serving_only(&octets);
    let hardware = HardwareAddress::new(1, &octets);
    assert!(serves_in(&script, ClientRef { identifier: None, hardware }));
}

/// Holds: FO-9.8.2-4.
/// Holds: FO-5.3-6.
/// Holds: FO-7.8.1-12, FO-7.8.2-34.
#[test]
fn a_secondary_serves_the_buckets_it_was_sent_at_connect_time() {
    let none_for_the_primary = [0; 32];
    let mut script = Script::secondary();
    script.connected();
    script.say(Xid(0), &Message::Connect(good_connect(&none_for_the_primary)));
    script.take(MessageType::CONNECTACK);
    script.become_normal();
    assert!((0..=255).all(|number| serves_in(&script, client(number))));
}

/// Holds: FO-9.8.3-3.
#[test]
fn the_times_of_an_address_are_used_after_a_crash() {
    let mut world = World::normal(20);
    world.lease(PRIMARY, address(20), client(1), 3600);
    world.kill(PRIMARY);
    world.start(PRIMARY);
    world.run(20);
    let acked = world.binding(PRIMARY, address(20)).acked_potential_expiration;
    let limit = acked.0 + MCLT - world.now().wall.0;
    assert!(limit > MCLT);
    assert_eq!(world.lease(PRIMARY, address(20), client(1), 36_000), limit);
}

/// Holds: FO-9.8.3-2, FO-9.8.3-4, FO-9.8.3-5, FO-9.8.3-6, FO-9.8.3-7.
/// Holds: FO-5.2.1-21, FO-5.5-3, FO-5.5-5.
#[test]
fn an_update_tells_the_whole_lease_and_a_much_later_potential_expiration() {
    let mut script = Script::normal_primary();
    script.free_by_partner(25);
    lease(&mut script, 25, 1, 3600);
    let said = script.take(MessageType::BNDUPD);
    let update = update_of(&said);
    assert_eq!(update.lease_expiration, Some(UnixTime(START + MCLT)));
    assert_eq!(update.potential_expiration, Some(UnixTime(START + MCLT / 2 + 3600)));
}

/// Holds: FO-9.8.3-8.
/// Holds: FO-5.2.2-4, FO-5.5-5, FO-5.11-29.
#[test]
fn a_lease_that_runs_out_is_told_as_expired() {
    let mut script = with_a_lease_of_a_minute();
    script.run_talking(61);
    let said = script.take(MessageType::BNDUPD);
    assert_eq!(update_of(&said).binding_status, Some(BindingStatus::Expired.code()));
}

/// Holds: FO-9.8.3-8.
#[test]
fn a_lease_that_is_given_back_is_told_as_released() {
    let mut script = with_a_lease_of_a_minute();
    script.endpoint.record(script.now, BindingChange::Released { address: address(25) }).unwrap();
    script.input(Input::TimeReached);
    let said = script.take(MessageType::BNDUPD);
    assert_eq!(update_of(&said).binding_status, Some(BindingStatus::Released.code()));
}

/// Holds: FO-9.8.3-9, FO-9.8.3-10.
/// Holds: FO-5.2.2-3.
#[test]
fn once_its_end_was_told_an_address_waits_for_the_answer_whoever_asks() {
    let mut script = with_a_lease_of_a_minute();
    script.run_talking(61);
    let said = script.take(MessageType::BNDUPD);
    for number in [1, 2] {
        let answer = script.endpoint.availability(address(25), &client(number), script.now);
        assert_eq!(answer, Availability::No(Unavailable::AwaitingPartner), "client {number}");
    }
    script.acknowledge(&said);
    for number in [1, 2] {
        let answer = script.endpoint.availability(address(25), &client(number), script.now);
        assert_eq!(answer, Availability::Lease, "client {number}");
    }
}

/// Holds: FO-9.8.3-11.
#[test]
fn until_its_end_was_told_the_same_client_may_have_the_address_again() {
    let mut script = with_a_lease_of_a_minute();
    script.cut();
    script.run(61);
    assert_eq!(script.types(), Vec::<&str>::new());
    let answer = script.endpoint.availability(address(25), &client(1), script.now);
    assert_eq!(answer, Availability::Lease);
}

/// Holds: FO-9.8.4-1.
#[test]
fn an_operator_leads_from_normal_to_partner_down() {
    let mut script = Script::normal_primary();
    script.input(Input::Operator(OperatorCommand::PartnerDown { forced: false }));
    assert_eq!(script.endpoint.state(), PartnerDown);
}

/// Holds: FO-9.8.4-4, FO-9.8.4-5, A2-06.
#[test]
fn an_unexpected_state_takes_the_way_through_communications_interrupted_in_one_step() {
    let mut script = Script::normal_primary();
    script.state(PotentialConflict);
    assert_eq!(script.announced(), [PotentialConflict]);
}

/// Holds: FO-9.8.4-5, A2-07.
#[test]
fn what_a_partner_in_normal_may_have_been_before_is_expected() {
    for state in [CommunicationsInterrupted, RecoverDone] {
        let mut script = Script::normal_secondary();
        script.state(state);
        assert_eq!(script.endpoint.state(), Normal, "{state}");
    }
    let mut script =
        Script::restarted(Role::Primary, crate::support::scripted::stored(ConflictDone));
    script.shake_hands();
    script.state(PotentialConflict);
    script.state(Normal);
    assert_eq!(script.endpoint.state(), Normal);
}

/// Holds: FO-9.8-2.
#[test]
fn a_conflict_is_settled_before_normal_is_entered() {
    let mut script =
        Script::restarted(Role::Secondary, crate::support::scripted::stored(PotentialConflict));
    script.shake_hands();
    script.state(ConflictDone);
    let request = script.take(MessageType::UPDREQ);
    script.state(Normal);
    assert_eq!(script.endpoint.state(), PotentialConflict);
    script.say(request.xid, &Message::UpdDone);
    assert_eq!(script.endpoint.state(), Normal);
}

/// Holds: FO-9.8.4-2.
#[test]
fn a_partner_that_asked_for_nothing_and_answers_nothing_keeps_its_connection() {
    let mut script = Script::normal_primary();
    script.free_by_partner(25);
    lease(&mut script, 25, 1, 3600);
    script.take(MessageType::BNDUPD);
    script.run_talking(3600);
    assert_eq!(script.closed, []);
}
