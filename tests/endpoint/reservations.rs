//! Addresses that only one client may have (§5.13).

use twinlease::balance::Role;
use twinlease::binding::Binding;
use twinlease::durable::Recovered;
use twinlease::endpoint::config::{PoolShare, Reservation};
use twinlease::endpoint::{
    Availability, BindingChange, Input, LeaseAuthority, LeaseDetails, RelationshipConfig,
    Unavailable,
};
use twinlease::wire::bndupd::{BindingReply, BindingUpdate, BndAck};
use twinlease::wire::codes::{BindingStatus, FailoverState, IpFlags, MessageType, RejectReason};
use twinlease::wire::connect::Reject;
use twinlease::wire::dialect::Dialect;
use twinlease::wire::message::Message;

use crate::support::scripted::{Said, Script};
use crate::support::world::{PRIMARY, SECONDARY, World};
use crate::support::{address, client, config};

const RESERVED: u8 = 12;

/// 10.20.0.12 is reserved for client 1.
fn reserving(role: Role, dialect: Dialect) -> RelationshipConfig {
    let mut config = config(role, 21);
    config.dialect = dialect;
    let held = Reservation { address: address(RESERVED), client: client(1).to_client() };
    config.reservations.push(held);
    config
}

fn draft_pair() -> World {
    let [primary, secondary] =
        [Role::Primary, Role::Secondary].map(|role| reserving(role, Dialect::Draft12));
    let mut world = World::new(primary, secondary);
    world.start(PRIMARY);
    world.start(SECONDARY);
    world.run(30);
    world
}

fn statuses(world: &World) -> [BindingStatus; 2] {
    [PRIMARY, SECONDARY].map(|side| world.binding(side, address(RESERVED)).binding_status)
}

#[test]
fn a_reserved_address_is_free_on_the_primary_and_backup_on_the_secondary() {
    let world = draft_pair();
    assert_eq!(statuses(&world), [BindingStatus::Free, BindingStatus::Backup]);
}

#[test]
fn a_reserved_address_is_offered_again_after_a_lease_of_the_secondary() {
    let mut world = draft_pair();
    world.lease(SECONDARY, address(RESERVED), client(1), 60);
    assert_eq!(statuses(&world), [BindingStatus::Active; 2]);
    world.run(90);
    assert_eq!(statuses(&world), [BindingStatus::Free, BindingStatus::Backup]);
}

#[test]
fn a_reserved_address_is_offered_again_after_a_lease_of_the_primary() {
    let mut world = draft_pair();
    world.lease(PRIMARY, address(RESERVED), client(1), 60);
    world.run(90);
    assert_eq!(statuses(&world), [BindingStatus::Free, BindingStatus::Backup]);
}

/// Neither server has to agree to anything again.
#[test]
fn a_restart_with_the_same_reservations_changes_nothing() {
    for side in [PRIMARY, SECONDARY] {
        let mut world = draft_pair();
        world.cable = false;
        world.kill(side);
        world.start(side);
        world.run(20);
        let expected = [BindingStatus::Free, BindingStatus::Backup];
        let binding = world.binding(side, address(RESERVED));
        assert_eq!((binding.binding_status, binding.partner_knows), (expected[side], true));
    }
}

#[test]
fn reserved_addresses_do_not_count_in_the_balance_with_a_dhcpd_either() {
    let mut relationship = config(Role::Primary, 20);
    relationship.reservations = (10..20)
        .map(|last| Reservation { address: address(last), client: client(last).to_client() })
        .collect();
    let script = Script::normal_primary_of(relationship);
    let table = script.endpoint.table();
    let given = table.iter().filter(|b| b.binding_status == BindingStatus::Backup);
    let given: Vec<u8> = given.map(|b| b.address.octets()[3]).collect();
    assert_eq!(given.len(), 5, "half of the 10 others: {given:?}");
    assert!(given.iter().all(|last| *last >= 20), "{given:?}");
}

#[test]
fn reserved_addresses_do_not_count_in_the_balance() {
    let world = draft_pair();
    let table = world.sides[PRIMARY].endpoint().table();
    let given = table.iter().filter(|b| b.binding_status == BindingStatus::Backup).count();
    assert_eq!(given, 10, "half of the 20 others");
}

#[track_caller]
fn update_said(said: &Said) -> (Option<u8>, Option<IpFlags>) {
    let Message::BndUpd(bndupd) = said.message(Dialect::Draft12) else { unreachable!() };
    let update = bndupd.updates().next().unwrap();
    assert_eq!(update.address, address(RESERVED));
    (update.binding_status, update.ip_flags)
}

/// Holds: FO-5.13-4.
#[test]
fn the_offer_says_backup_and_reserved() {
    let mut script = Script::normal_primary_of(reserving(Role::Primary, Dialect::Draft12));
    script.update(BindingUpdate {
        address: address(RESERVED),
        binding_status: Some(BindingStatus::Reset.code()),
        ..BindingUpdate::default()
    });
    assert_eq!(script.types(), ["bndack"], "it was FREE and has been offered before");
    script.said.clear();
    script.tell(&Message::UpdReqAll);
    let offers = script.said.iter().filter(|said| {
        said.message_type == MessageType::BNDUPD
            && update_of(said)
                == Some((Some(BindingStatus::Backup.code()), Some(IpFlags::RESERVED)))
    });
    assert_eq!(offers.count(), 1);
}

/// Status and flags if the update is about the reserved address.
fn update_of(said: &Said) -> Option<(Option<u8>, Option<IpFlags>)> {
    let Message::BndUpd(bndupd) = said.message(Dialect::Draft12) else { return None };
    let update = bndupd.updates().next()?;
    (update.address == address(RESERVED)).then_some((update.binding_status, update.ip_flags))
}

#[test]
fn a_dhcpd_is_offered_nothing() {
    let script = Script::normal_primary_of(reserving(Role::Primary, Dialect::Isc));
    let binding = script.endpoint.table().get(address(RESERVED)).unwrap();
    assert_eq!(binding, Binding::unused(address(RESERVED)));
}

/// An endpoint without reservations whose store says that 10.20.0.12 was a reserved one.
fn cancelled(role: Role, status: BindingStatus) -> Script {
    let binding = Binding {
        binding_status: status,
        ip_flags: IpFlags::RESERVED,
        ..Binding::unused(address(RESERVED))
    };
    let mut config = config(role, 20);
    config.dialect = Dialect::Draft12;
    Script::new(config, Recovered { endpoint: None, bindings: vec![binding] })
}

#[test]
fn the_primary_does_not_use_an_address_that_was_reserved_before_the_secondary_gave_it_back() {
    let script = cancelled(Role::Primary, BindingStatus::Free);
    let answer = script.endpoint.availability(address(RESERVED), &client(9), script.now);
    assert_eq!(answer, Availability::No(Unavailable::PartnersPool));
}

/// Holds: FO-5.13-7.
#[test]
fn the_primary_calls_an_address_back_that_is_reserved_no_longer_and_uses_it_then() {
    for status in [BindingStatus::Free, BindingStatus::Backup] {
        let mut script = cancelled(Role::Primary, status);
        script.connected();
        script.accept_connect();
        script.state(FailoverState::Recover);
        script.tell(&Message::UpdReq);
        let said = script.take(MessageType::BNDUPD);
        assert_eq!(update_said(&said), (Some(BindingStatus::Free.code()), None));
        script.acknowledge(&said);
        let answer = script.endpoint.availability(address(RESERVED), &client(9), script.now);
        assert_eq!(answer, Availability::Lease);
    }
}

/// Holds: FO-5.13-7.
#[test]
fn the_secondary_gives_an_address_back_that_is_reserved_no_longer() {
    let mut script = cancelled(Role::Secondary, BindingStatus::Backup);
    script.input(Input::Connected {
        link: crate::support::scripted::LINK,
        origin: twinlease::endpoint::Origin::Accepted,
    });
    script.connect();
    script.state(FailoverState::Recover);
    script.tell(&Message::UpdReq);
    let said = script.take(MessageType::BNDUPD);
    assert_eq!(update_said(&said), (Some(BindingStatus::Free.code()), None));
}

/// Holds: FO-12.12-2.
#[test]
fn every_update_about_a_reserved_address_has_the_flag_whatever_the_status() {
    let mut script = Script::normal_primary_of(reserving(Role::Primary, Dialect::Draft12));
    let (now, address, client) = (script.now, address(RESERVED), client(1));
    let grant = script.endpoint.grant(address, &client, 60, now);
    let details = LeaseDetails::default();
    let changes = [
        (BindingChange::Leased { address, client, grant, details }, BindingStatus::Active),
        (BindingChange::Released { address }, BindingStatus::Released),
        (BindingChange::Abandoned { address }, BindingStatus::Abandoned),
        (BindingChange::Reset { address }, BindingStatus::Reset),
    ];
    for (change, status) in changes {
        script.endpoint.record(now, change).unwrap();
        script.input(Input::TimeReached);
        let update = script.take(MessageType::BNDUPD);
        assert_eq!(update_said(&update), (Some(status.code()), Some(IpFlags::RESERVED)));
        if status == BindingStatus::Released {
            reject(&mut script, &update);
        } else {
            script.acknowledge(&update);
        }
    }
}

/// The address stays as it is.
fn reject(script: &mut Script, update: &Said) {
    let reject = Some(Reject { reason: RejectReason::OUTDATED, message: None });
    let replies = [BindingReply { address: address(RESERVED), reject }];
    script.say(update.xid, &Message::BndAck(BndAck::of(&replies)));
}

/// Whether each side's DHCP server may give the address to the client, and to another one.
fn available(world: &World, number: u8) -> [Availability; 2] {
    [PRIMARY, SECONDARY].map(|side| {
        let endpoint = world.sides[side].endpoint();
        endpoint.availability(address(RESERVED), &client(number), world.now())
    })
}

/// Holds: FO-5.13-5, A1-45.
#[test]
fn a_free_reserved_address_is_offered_by_either_server_to_its_client_and_to_nobody_else() {
    let world = draft_pair();
    assert_eq!(available(&world, 1), [Availability::Lease; 2]);
    assert_eq!(available(&world, 2), [Availability::No(Unavailable::Reserved); 2]);
}

/// The client of the reservation has to wait until the lease of the other one is over.
///
/// Holds: FO-5.13-2.
#[test]
fn a_lease_that_is_older_than_the_reservation_goes_on_until_it_ends() {
    let configs = [Role::Primary, Role::Secondary].map(|role| {
        let mut config = reserving(role, Dialect::Draft12);
        config.reservations.clear();
        config
    });
    let [primary, secondary] = configs;
    let mut world = World::new(primary, secondary);
    world.start(PRIMARY);
    world.start(SECONDARY);
    world.run(30);
    let holder = if statuses(&world)[PRIMARY] == BindingStatus::Free { PRIMARY } else { SECONDARY };
    world.lease(holder, address(RESERVED), client(2), 400);
    for (side, role) in [(PRIMARY, Role::Primary), (SECONDARY, Role::Secondary)] {
        world.kill(side);
        world.configure(side, reserving(role, Dialect::Draft12));
        world.start(side);
    }
    world.run(60);
    assert_eq!(statuses(&world), [BindingStatus::Active; 2]);
    assert_eq!(available(&world, 1), [Availability::No(Unavailable::HeldByOther); 2]);
    world.run(400);
    assert_eq!(statuses(&world), [BindingStatus::Free, BindingStatus::Backup]);
    assert_eq!(available(&world, 1), [Availability::Lease; 2]);
}

/// Holds: FO-5.13-1, FO-5.13-6.
#[test]
fn a_reservation_on_the_secondary_only_does_not_let_it_use_an_address_of_the_primary() {
    let mut primary = reserving(Role::Primary, Dialect::Draft12);
    primary.reservations.clear();
    primary.pool_share = PoolShare::SecondaryPercent(0);
    let mut world = World::new(primary, reserving(Role::Secondary, Dialect::Draft12));
    world.start(PRIMARY);
    world.start(SECONDARY);
    world.run(30);
    assert_eq!(statuses(&world), [BindingStatus::Free; 2]);
    assert_eq!(available(&world, 1)[SECONDARY], Availability::No(Unavailable::PartnersPool));
}

/// However the address became available: leased and run out, released, reset by an operator.
///
/// Holds: FO-5.13-3, FO-5.13-4, A1-45.
#[test]
fn whenever_a_reserved_address_becomes_free_the_secondary_is_offered_it() {
    for end in [
        None,
        Some(BindingChange::Released { address: address(RESERVED) }),
        Some(BindingChange::Reset { address: address(RESERVED) }),
    ] {
        let mut script = Script::normal_primary_of(reserving(Role::Primary, Dialect::Draft12));
        let (now, address, client) = (script.now, address(RESERVED), client(1));
        let grant = script.endpoint.grant(address, &client, 60, now);
        let details = LeaseDetails::default();
        let change = BindingChange::Leased { address, client, grant, details };
        script.endpoint.record(now, change).unwrap();
        script.input(Input::TimeReached);
        script.answer_everything();
        match end {
            Some(end) => {
                script.endpoint.record(now, end).unwrap();
                script.input(Input::TimeReached);
            }
            None => script.run_talking(65),
        }
        let report = script.take(MessageType::BNDUPD);
        script.acknowledge(&report);
        assert_eq!(script.endpoint.table().status_of(address), Some(BindingStatus::Free));
        let offer = script.take(MessageType::BNDUPD);
        let backup = (Some(BindingStatus::Backup.code()), Some(IpFlags::RESERVED));
        assert_eq!(update_said(&offer), backup, "{end:?}");
        script.acknowledge(&offer);
        assert_eq!(script.endpoint.table().status_of(address), Some(BindingStatus::Free));
    }
}
