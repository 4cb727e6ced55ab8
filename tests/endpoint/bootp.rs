//! Leases that BOOTP clients have for ever (§5.14).

use twinlease::balance::Role;
use twinlease::binding::table::RangeId;
use twinlease::endpoint::{
    Availability, BindingChange, ClientRequest, Grant, Input, LeaseAuthority, LeaseDetails,
    OperatorCommand, RelationshipConfig, RequestKind, Service, Unavailable,
};
use twinlease::time::UnixTime;
use twinlease::wire::bndupd::BindingUpdate;
use twinlease::wire::codes::{BindingStatus, FailoverState, IpFlags, MessageType};
use twinlease::wire::dialect::Dialect;
use twinlease::wire::message::Message;

use crate::support::scripted::Script;
use crate::support::world::{PRIMARY, SECONDARY, World};
use crate::support::{MCLT, START, address, client, config};

const BOOTP: LeaseDetails<'static> = LeaseDetails {
    bootp: true,
    carried: twinlease::binding::carried::Parts {
        request_options: None,
        reply_options: None,
        ddns: None,
    },
};

fn bootp_config(role: Role, dialect: Dialect) -> RelationshipConfig {
    let mut config = config(role, 20);
    config.dialect = dialect;
    config.bootp_ranges = vec![RangeId(0)];
    config
}

fn pair(is_open: bool) -> World {
    let [primary, secondary] = [Role::Primary, Role::Secondary].map(|role| {
        let mut config = bootp_config(role, Dialect::Draft12);
        config.bootp_ranges.retain(|_| is_open);
        config
    });
    let mut world = World::new(primary, secondary);
    world.start(PRIMARY);
    world.start(SECONDARY);
    world.run(30);
    world
}

fn lease_by_bootp(world: &mut World, side: usize, last: u8, number: u8) {
    world.record(
        side,
        BindingChange::Leased {
            address: address(last),
            client: client(number),
            grant: Grant::FOR_EVER,
            details: BOOTP,
        },
    );
}

/// A free address of each side: the primary's first.
fn free_addresses(world: &World) -> [u8; 2] {
    let table = world.sides[PRIMARY].endpoint().table();
    [BindingStatus::Free, BindingStatus::Backup]
        .map(|status| table.queue(RangeId(0), status).next().unwrap().octets()[3])
}

/// No lead time has anything to say about it.
///
/// Holds: FO-5.14-1.
#[test]
fn a_lease_by_bootp_is_for_ever_on_both_servers() {
    let mut world = pair(true);
    let [first, _] = free_addresses(&world);
    lease_by_bootp(&mut world, PRIMARY, first, 1);
    world.run(20 * MCLT);
    for side in [PRIMARY, SECONDARY] {
        let binding = world.binding(side, address(first));
        assert_eq!(binding.binding_status, BindingStatus::Active);
        assert!(binding.lease_expiration.is_infinite());
        assert!(binding.ip_flags.contains(IpFlags::BOOTP));
    }
}

/// Whether `side`, long alone in PARTNER-DOWN, gives an address of the other's part to a client.
fn uses_partners_address(side: usize, is_open: bool) -> bool {
    let mut world = pair(is_open);
    let partners = free_addresses(&world)[1 - side];
    world.kill(1 - side);
    world.run(5);
    world.operator(side, OperatorCommand::PartnerDown { forced: false });
    world.run(4 * MCLT);
    let endpoint = world.sides[side].endpoint();
    let answer = endpoint.availability(address(partners), &client(9), world.now());
    assert!([Availability::Lease, Availability::No(Unavailable::PartnersPool)].contains(&answer));
    let parts = endpoint.table().get(address(partners)).unwrap().binding_status;
    let chosen = endpoint.choose(RangeId(0), world.now(), &|candidate| {
        endpoint.table().status_of(candidate) != Some(parts)
    });
    assert_eq!(chosen.is_some(), answer == Availability::Lease, "both ways to an address agree");
    answer == Availability::Lease
}

/// Holds: FO-5.14-2, FO-5.14-3.
#[test]
fn the_primary_never_uses_what_it_gave_away_in_a_pool_open_to_bootp() {
    assert!(!uses_partners_address(PRIMARY, true));
    assert!(uses_partners_address(PRIMARY, false));
}

/// Holds: FO-5.14-2, FO-5.14-4.
#[test]
fn the_secondary_never_uses_what_is_the_primarys_in_a_pool_open_to_bootp() {
    assert!(!uses_partners_address(SECONDARY, true));
    assert!(uses_partners_address(SECONDARY, false));
}

/// The primary may have accepted the report, and leased the address by BOOTP since.
///
/// Holds: FO-5.14-4.
#[test]
fn the_secondary_never_uses_an_address_whose_end_it_reported_without_an_answer() {
    let mut world = pair(true);
    let [_, own] = free_addresses(&world);
    world.lease(SECONDARY, address(own), client(1), 60);
    world.run(1);
    world.sides[SECONDARY].deaf = true;
    world.record(SECONDARY, BindingChange::Released { address: address(own) });
    world.kill(PRIMARY);
    world.sides[SECONDARY].deaf = false;
    world.run(5);
    world.operator(SECONDARY, OperatorCommand::PartnerDown { forced: false });
    world.run(10 * MCLT);
    let endpoint = world.sides[SECONDARY].endpoint();
    let answer = endpoint.availability(address(own), &client(9), world.now());
    assert_eq!(answer, Availability::No(Unavailable::AwaitingPartner));
}

/// The partner never heard that it ended, so it cannot have leased the address.
#[test]
fn the_wait_for_an_address_whose_end_the_secondary_never_reported_is_over_one_day() {
    let mut world = pair(true);
    let [_, own] = free_addresses(&world);
    world.lease(SECONDARY, address(own), client(1), 60);
    world.run(1);
    world.kill(PRIMARY);
    world.run(5);
    world.operator(SECONDARY, OperatorCommand::PartnerDown { forced: false });
    world.record(SECONDARY, BindingChange::Released { address: address(own) });
    let endpoint = world.sides[SECONDARY].endpoint();
    let told = endpoint.explain_address(address(own), world.now()).unwrap();
    assert_eq!(told.to_others, Availability::No(Unavailable::AwaitingPartner));
    assert!(told.changes[0].at.is_some(), "{:?}", told.changes);
}

/// Status and flags of the next update; it is accepted.
fn said(script: &mut Script, dialect: Dialect) -> (Option<u8>, Option<IpFlags>) {
    let said = script.take(MessageType::BNDUPD);
    let update = {
        let Message::BndUpd(bndupd) = said.message(dialect) else { unreachable!() };
        let update = bndupd.updates().next().unwrap();
        (update.binding_status, update.ip_flags)
    };
    script.acknowledge(&said);
    update
}

fn leased_by_bootp(dialect: Dialect) -> Script {
    let mut script = Script::normal_primary_of(bootp_config(Role::Primary, dialect));
    record(
        &mut script,
        BindingChange::Leased {
            address: address(10),
            client: client(1),
            grant: Grant::FOR_EVER,
            details: BOOTP,
        },
    );
    script
}

fn record(script: &mut Script, change: BindingChange<'_>) {
    script.endpoint.record(script.now, change).unwrap();
    script.input(Input::TimeReached);
}

fn with_flag(status: BindingStatus) -> (Option<u8>, Option<IpFlags>) {
    (Some(status.code()), Some(IpFlags::BOOTP))
}

/// Holds: FO-5.14-5, FO-12.12-3.
#[test]
fn every_update_about_a_bootp_client_has_the_flag() {
    let mut script = leased_by_bootp(Dialect::Draft12);
    assert_eq!(said(&mut script, Dialect::Draft12), with_flag(BindingStatus::Active));
    record(&mut script, BindingChange::Reset { address: address(10) });
    assert_eq!(said(&mut script, Dialect::Draft12), with_flag(BindingStatus::Reset));
    // FREE by now; the client is still shown as the last one.
    script.said.clear();
    script.tell(&Message::UpdReqAll);
    assert_eq!(said(&mut script, Dialect::Draft12), with_flag(BindingStatus::Free));
}

/// A dhcpd rejects it for an address of its own free state.
#[test]
fn a_dhcpd_is_not_told_that_the_last_client_of_a_free_address_spoke_bootp() {
    let mut script = leased_by_bootp(Dialect::Isc);
    assert_eq!(said(&mut script, Dialect::Isc), with_flag(BindingStatus::Active));
    record(&mut script, BindingChange::Reset { address: address(10) });
    assert_eq!(said(&mut script, Dialect::Isc), with_flag(BindingStatus::Reset));
    script.said.clear();
    script.tell(&Message::UpdReqAll);
    assert_eq!(said(&mut script, Dialect::Isc), (Some(BindingStatus::Free.code()), None));
}

/// Each server leases an address to the same client while they cannot talk.
///
/// Holds: FO-5.14-6.
#[test]
fn a_bootp_client_with_an_address_of_each_server_keeps_both() {
    let mut world = pair(true);
    let [first, second] = free_addresses(&world);
    world.cable = false;
    world.cut();
    lease_by_bootp(&mut world, PRIMARY, first, 1);
    world.run(1);
    lease_by_bootp(&mut world, SECONDARY, second, 1);
    world.cable = true;
    world.run(3 * MCLT);
    for side in [PRIMARY, SECONDARY] {
        assert_eq!(world.state(side), FailoverState::Normal);
        for last in [first, second] {
            let binding = world.binding(side, address(last));
            assert_eq!(binding.binding_status, BindingStatus::Active, "{side} {last}");
            assert!(binding.belongs_to(&client(1)));
        }
    }
}

#[test]
fn in_normal_each_bootp_client_is_served_by_exactly_one_server() {
    let world = pair(true);
    for number in 0..50 {
        let request = ClientRequest {
            kind: RequestKind::Bootp,
            client: client(number),
            secs: 0,
            addressed_to_this_server: false,
            ranges: &[RangeId(0)],
        };
        let served = [PRIMARY, SECONDARY].map(|side| {
            world.sides[side].endpoint().service_for(&request, world.now()) == Service::Serve
        });
        assert_ne!(served[PRIMARY], served[SECONDARY], "client {number}");
    }
}

/// As a dhcpd, which makes the exception for DISCOVER alone.
#[test]
fn a_bootp_client_of_a_partner_without_addresses_is_not_served() {
    let mut script = Script::normal_primary();
    for last in 10..30 {
        script.update(BindingUpdate {
            address: address(last),
            binding_status: Some(BindingStatus::Free.code()),
            start_of_status: Some(UnixTime(START)),
            ..BindingUpdate::default()
        });
    }
    let serves = |kind| {
        let count = (0..50).filter(|number| {
            let request = ClientRequest {
                kind,
                client: client(*number),
                secs: 0,
                addressed_to_this_server: false,
                ranges: &[RangeId(0)],
            };
            script.endpoint.service_for(&request, script.now) == Service::Serve
        });
        count.count()
    };
    assert_eq!(serves(RequestKind::Discover), 50);
    assert!(serves(RequestKind::Bootp) < 50);
}
