//! Addresses that only one client may have (§5.13).

use twinlease::balance::Role;
use twinlease::binding::Binding;
use twinlease::durable::Recovered;
use twinlease::endpoint::config::Reservation;
use twinlease::endpoint::{Availability, LeaseAuthority, RelationshipConfig, Unavailable};
use twinlease::wire::bndupd::BindingUpdate;
use twinlease::wire::codes::{BindingStatus, FailoverState, IpFlags, MessageType};
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

#[test]
fn the_secondary_gives_an_address_back_that_is_reserved_no_longer() {
    let mut script = cancelled(Role::Secondary, BindingStatus::Backup);
    script.input(twinlease::endpoint::Input::Connected {
        link: crate::support::scripted::LINK,
        origin: twinlease::endpoint::Origin::Accepted,
    });
    script.connect();
    script.state(FailoverState::Recover);
    script.tell(&Message::UpdReq);
    let said = script.take(MessageType::BNDUPD);
    assert_eq!(update_said(&said), (Some(BindingStatus::Free.code()), None));
}
