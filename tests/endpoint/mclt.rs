//! What a short and a long MCLT bring about (§5.15).

use twinlease::balance::Role;
use twinlease::binding::table::RangeId;
use twinlease::binding::times::Mclt;
use twinlease::endpoint::{Availability, LeaseAuthority, OperatorCommand};
use twinlease::wire::codes::{BindingStatus, FailoverState};

use crate::support::world::{PRIMARY, SECONDARY, World};
use crate::support::{address, client, config};

/// What clients ask for.
const DESIRED: u32 = 86_400;

fn pair(mclt: u32) -> World {
    let [primary, secondary] = [Role::Primary, Role::Secondary].map(|role| {
        let mut config = config(role, 20);
        config.mclt = Mclt(mclt);
        config
    });
    let mut world = World::new(primary, secondary);
    world.start(PRIMARY);
    world.start(SECONDARY);
    world.run(30);
    assert_eq!(world.state(PRIMARY), FailoverState::Normal);
    world
}

/// The last octet of an address in a status, as the primary sees it.
fn address_in(world: &World, status: BindingStatus) -> u8 {
    let table = world.sides[PRIMARY].endpoint().table();
    table.queue(RangeId(0), status).next().unwrap().octets()[3]
}

/// Seconds of the first lease of a client, and of its next one right after the partner has acknowledged.
fn leases(mclt: u32) -> [u32; 2] {
    let mut world = pair(mclt);
    let free = address(address_in(&world, BindingStatus::Free));
    let first = world.lease(PRIMARY, free, client(1), DESIRED);
    world.run(1);
    [first, world.lease(PRIMARY, free, client(1), DESIRED)]
}

/// Seconds of a renewal after the two have not talked for longer than any lease was promised.
fn extension_after_an_interruption(mclt: u32) -> u32 {
    let mut world = pair(mclt);
    let free = address(address_in(&world, BindingStatus::Free));
    world.lease(PRIMARY, free, client(1), DESIRED);
    world.cable = false;
    world.cut();
    world.run(3 * DESIRED);
    world.lease(PRIMARY, free, client(1), DESIRED)
}

/// Seconds in PARTNER-DOWN after which the partner's addresses can be used.
fn wait_for_the_partners_pool(mclt: u32) -> u32 {
    let mut world = pair(mclt);
    let partners = address(address_in(&world, BindingStatus::Backup));
    world.kill(SECONDARY);
    world.run(1);
    world.operator(PRIMARY, OperatorCommand::PartnerDown { forced: false });
    let began = world.now().wall;
    loop {
        let now = world.now();
        let endpoint = world.sides[PRIMARY].endpoint();
        if endpoint.availability(partners, &client(9), now) == Availability::Lease {
            return now.wall.seconds_since(began);
        }
        world.run(10);
    }
}

/// Holds: FO-5.15-1, FO-5.15.1-1.
#[test]
fn a_short_mclt_brings_short_waits_and_short_leases() {
    assert_eq!(leases(300), [300, DESIRED]);
    assert_eq!(extension_after_an_interruption(300), 300);
    assert_eq!(wait_for_the_partners_pool(300), 300);
}

/// Holds: FO-5.15-1, FO-5.15.2-1.
#[test]
fn a_long_mclt_brings_long_waits_and_long_leases() {
    assert_eq!(leases(7200), [7200, DESIRED]);
    assert_eq!(extension_after_an_interruption(7200), 7200);
    assert_eq!(wait_for_the_partners_pool(7200), 7200);
}
