//! Both servers served without each other (§9.10 to §9.12).

use twinlease::endpoint::OperatorCommand;
use twinlease::wire::codes::{BindingStatus, FailoverState};

use crate::support::world::{PRIMARY, SECONDARY, World};
use crate::support::{address, client};

const PARTNER_DOWN: OperatorCommand = OperatorCommand::PartnerDown { forced: false };

fn torn_apart() -> World {
    let mut world = World::normal(20);
    world.cable = false;
    world.cut();
    world.run(1);
    world.operator(PRIMARY, PARTNER_DOWN);
    world.operator(SECONDARY, PARTNER_DOWN);
    world
}

fn rejoined(mut world: World) -> World {
    world.cable = true;
    world.run(30);
    world
}

#[test]
fn two_servers_in_partner_down_resolve_their_conflict_to_normal() {
    let world = rejoined(torn_apart());
    assert_eq!(world.state(PRIMARY), FailoverState::Normal);
    assert_eq!(world.state(SECONDARY), FailoverState::Normal);
}

/// Holds: FO-9.10.3-5, FO-9.12.1-1.
#[test]
fn the_primary_passes_through_conflict_done_the_secondary_does_not() {
    let world = rejoined(torn_apart());
    assert!(world.sides[PRIMARY].states.contains(&FailoverState::ConflictDone));
    assert!(!world.sides[SECONDARY].states.contains(&FailoverState::ConflictDone));
}

#[test]
fn leases_of_both_sides_are_known_to_both_afterwards() {
    let mut world = torn_apart();
    world.lease(PRIMARY, address(20), client(1), 3600);
    world.lease(SECONDARY, address(11), client(2), 3600);
    let world = rejoined(world);
    for side in [PRIMARY, SECONDARY] {
        assert!(world.binding(side, address(20)).belongs_to(&client(1)), "side {side}");
        assert!(world.binding(side, address(11)).belongs_to(&client(2)), "side {side}");
    }
}

/// Holds: FO-9.10-1.
/// Holds: FO-3.1.2-5.
#[test]
fn of_two_clients_on_one_address_the_primarys_stays() {
    let mut world = torn_apart();
    world.run(crate::support::MCLT);
    world.lease(PRIMARY, address(20), client(1), 3600);
    world.lease(SECONDARY, address(20), client(2), 3600);
    let world = rejoined(world);
    for side in [PRIMARY, SECONDARY] {
        let binding = world.binding(side, address(20));
        assert_eq!(binding.binding_status, BindingStatus::Active);
        assert!(binding.belongs_to(&client(1)), "side {side}");
    }
}

#[test]
fn a_conflict_broken_off_goes_on_after_the_reconnection() {
    let mut world = torn_apart();
    world.lease(PRIMARY, address(20), client(1), 3600);
    world.cable = true;
    world.run(1);
    world.cut();
    world.run(30);
    assert_eq!(world.state(PRIMARY), FailoverState::Normal);
    assert_eq!(world.state(SECONDARY), FailoverState::Normal);
}
