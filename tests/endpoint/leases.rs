//! How long a lease may be, and whose client is whose (§5.2, §5.3).

use twinlease::binding::ClientRef;
use twinlease::binding::table::RangeId;
use twinlease::endpoint::{
    Availability, BindingChange, ClientRequest, LeaseAuthority, LeaseDetails, OperatorCommand,
    RecordError, RequestKind, Service, Silence, Unavailable,
};
use twinlease::time::UnixTime;
use twinlease::wire::codes::FailoverState;

use crate::support::scripted::Script;
use crate::support::world::{PRIMARY, SECONDARY, World};
use crate::support::{MCLT, START, address, client};

/// Holds: FO-2.2-9, FO-3.4.1-2, FO-5.2.1-1, FO-5.2.1-8.
#[test]
fn a_first_lease_is_no_longer_than_the_mclt() {
    let mut world = World::normal(20);
    assert_eq!(world.lease(PRIMARY, address(20), client(1), 3600), MCLT);
}

/// Holds: FO-5.2.1-10, FO-5.2.1-22.
#[test]
fn a_renewal_is_full_once_the_partner_has_accepted() {
    let mut world = World::normal(20);
    world.lease(PRIMARY, address(20), client(1), 3600);
    world.run(MCLT / 2);
    assert_eq!(world.lease(PRIMARY, address(20), client(1), 3600), 3600);
}

/// Holds: FO-2.2-7, FO-3.1.3-2, FO-4.1-7.
#[test]
fn a_renewal_is_short_again_while_the_partner_has_not_accepted() {
    let mut world = World::normal(20);
    world.cable = false;
    world.cut();
    world.lease(PRIMARY, address(20), client(1), 3600);
    world.run(MCLT / 2);
    assert_eq!(world.lease(PRIMARY, address(20), client(1), 3600), MCLT);
}

/// Holds: FO-9.8.3-1, FO-9.9.2-6, FO-9.9.2-7.
/// Holds: FO-1-1, FO-3.1.1-3, FO-4.1-4, FO-4.1-12, FO-5.2.1-24.
/// Holds: FO-7.1.5-10, FO-7.1.5-11.
#[test]
fn the_partner_may_renew_up_to_what_it_was_told_plus_mclt() {
    let mut world = World::normal(20);
    world.lease(PRIMARY, address(20), client(1), 3600);
    world.kill(PRIMARY);
    world.run(100);
    assert_eq!(world.lease(SECONDARY, address(20), client(1), 36_000), 3900 - 100 + MCLT);
}

/// Holds: FO-5.2.1-2, FO-5.2.1-9, FO-5.2.1-20.
#[test]
fn the_partner_is_promised_half_the_lease_and_a_full_one() {
    let mut world = World::normal(20);
    let now = world.now().wall;
    world.lease(PRIMARY, address(20), client(1), 3600);
    let told = world.binding(SECONDARY, address(20)).received_potential_expiration;
    assert_eq!(told, UnixTime(now.0 + MCLT / 2 + 3600));
}

/// Holds: A1-07.
#[test]
fn another_client_starts_from_nothing_again() {
    let mut world = World::normal(20);
    world.lease(PRIMARY, address(20), client(1), 60);
    world.run(70);
    assert_eq!(world.lease(PRIMARY, address(20), client(2), 36_000), MCLT);
}

#[test]
fn a_renewal_keeps_the_beginning_of_the_lease_and_a_lease_after_its_end_begins_anew() {
    let mut world = World::normal(20);
    world.cable = false;
    world.cut();
    let mut beginnings = Vec::new();
    for (seconds, pause) in [(60, 30), (60, 90), (60, 0)] {
        world.lease(PRIMARY, address(20), client(1), seconds);
        beginnings.push(world.binding(PRIMARY, address(20)).start_of_status.0);
        world.run(pause);
    }
    let first = beginnings[0];
    assert_eq!(beginnings, [first, first, first + 120]);
}

#[test]
fn a_parked_address_goes_behind_the_others() {
    let mut script = Script::normal_primary();
    let choose = |script: &Script| {
        script.endpoint.choose(RangeId(0), script.now, &|_| false).expect("a free address")
    };
    let first = choose(&script);
    script.endpoint.park(first);
    assert_ne!(choose(&script), first);
}

fn discover(secs: u16, number: u8) -> ClientRequest<'static> {
    ClientRequest {
        kind: RequestKind::Discover,
        client: client(number),
        secs,
        addressed_to_this_server: false,
        ranges: &[RangeId(0)],
    }
}

/// Holds: FO-9.8.2-2, FO-9.8.2-5.
/// Holds: FO-1-4, FO-5.3-1, FO-5.5-1.
/// Holds: FO-9.2-8.
#[test]
fn in_normal_every_discover_has_exactly_one_server() {
    let world = World::normal(20);
    for number in 0..=255 {
        let served = [PRIMARY, SECONDARY].map(|side| {
            let endpoint = world.sides[side].endpoint();
            endpoint.service_for(&discover(0, number), world.now()) == Service::Serve
        });
        assert_eq!(served.iter().filter(|served| **served).count(), 1, "client {number}");
    }
}

#[test]
fn in_normal_a_client_that_has_waited_over_3_seconds_has_both() {
    let world = World::normal(20);
    for number in 0..=255 {
        for side in [PRIMARY, SECONDARY] {
            let endpoint = world.sides[side].endpoint();
            assert_eq!(endpoint.service_for(&discover(4, number), world.now()), Service::Serve);
        }
    }
}

#[test]
fn a_client_of_a_partner_without_addresses_is_served_here() {
    let mut world = World::normal(2);
    for number in 0..=255 {
        let endpoint = world.sides[PRIMARY].endpoint();
        if endpoint.service_for(&discover(0, number), world.now())
            == Service::Silent(Silence::PartnersClient)
        {
            let backup = world.binding(PRIMARY, address(10)).binding_status;
            let last =
                if backup == twinlease::wire::codes::BindingStatus::Backup { 10 } else { 11 };
            world.lease(SECONDARY, address(last), client(7), 3600);
            let endpoint = world.sides[PRIMARY].endpoint();
            assert_eq!(endpoint.service_for(&discover(0, number), world.now()), Service::Serve);
            return;
        }
    }
    panic!("some client belongs to the partner");
}

#[test]
fn a_recovering_server_serves_nobody() {
    let mut script = Script::secondary();
    script.connected();
    script.connect();
    script.state(FailoverState::PartnerDown);
    assert_eq!(script.endpoint.state(), FailoverState::Recover);
    let now = script.now;
    for kind in [RequestKind::Discover, RequestKind::Renewing, RequestKind::Release] {
        let request = ClientRequest { kind, ..discover(60, 1) };
        assert_eq!(
            script.endpoint.service_for(&request, now),
            Service::Silent(Silence::State(FailoverState::Recover))
        );
    }
}

#[test]
fn a_recovered_server_renews_and_does_nothing_else() {
    let mut script = Script::secondary();
    script.connected();
    script.connect();
    script.state(FailoverState::PartnerDown);
    let request = script.take(twinlease::wire::codes::MessageType::UPDREQALL);
    script.say(request.xid, &twinlease::wire::message::Message::UpdDone);
    script.run_talking(MCLT);
    assert_eq!(script.endpoint.state(), FailoverState::RecoverDone);
    let now = script.now;
    assert!(now.wall > UnixTime(START));
    let renewing = ClientRequest { kind: RequestKind::Renewing, ..discover(0, 1) };
    assert_eq!(script.endpoint.service_for(&renewing, now), Service::Serve);
    let asked = script.endpoint.service_for(&discover(60, 1), now);
    assert_eq!(asked, Service::Silent(Silence::State(FailoverState::RecoverDone)));
}

/// A client that was promised a long lease asks for a short one, which the partner never hears of.
/// Returns the moment of the first promise's end as well.
fn promise_shortened_without_contact() -> (World, UnixTime) {
    let mut world = World::normal(20);
    let long = UnixTime(world.now().wall.0 + MCLT / 2 + 36_000);
    world.lease(PRIMARY, address(20), client(1), 36_000);
    world.run(10);
    world.cable = false;
    world.cut();
    world.run(1);
    world.lease(PRIMARY, address(20), client(1), 60);
    (world, long)
}

/// Holds: A1-07.
#[test]
fn a_promise_is_not_taken_back_by_a_shorter_lease() {
    let (world, long) = promise_shortened_without_contact();
    assert_eq!(world.binding(PRIMARY, address(20)).sent_potential_expiration, long);
}

/// Holds: A1-07.
#[test]
fn a_shorter_lease_shortens_no_wait_of_partner_down() {
    let (mut world, long) = promise_shortened_without_contact();
    world.operator(PRIMARY, OperatorCommand::PartnerDown { forced: false });
    let wait = long.0 + MCLT - world.now().wall.0;
    world.run(wait - 1);
    let answer = |world: &World| {
        let endpoint = world.sides[PRIMARY].endpoint();
        endpoint.availability(address(20), &client(2), world.now())
    };
    assert_eq!(answer(&world), Availability::No(Unavailable::AwaitingPartner));
    world.run(1);
    assert_eq!(answer(&world), Availability::Lease);
}

#[test]
fn a_lease_to_an_identifier_over_255_octets_is_not_recorded() {
    let mut script = Script::normal_primary();
    let (now, address, identifier) = (script.now, address(25), [7; 256]);
    let client = ClientRef { identifier: Some(&identifier), ..client(1) };
    let grant = script.endpoint.grant(address, &client, 60, now);
    let details = LeaseDetails::default();
    let change = BindingChange::Leased { address, client, grant, details };
    let refused = script.endpoint.record(now, change);
    assert_eq!(refused, Err(RecordError::IdentifierTooLong(256)));
}
