//! The two cannot talk, or one of them is gone (§9.4, §9.8, §9.9).

use twinlease::balance::Role;
use twinlease::endpoint::{Availability, LeaseAuthority, OperatorCommand};
use twinlease::wire::codes::{BindingStatus, FailoverState};

use crate::support::world::{PRIMARY, SECONDARY, World};
use crate::support::{MCLT, address, client, config};

/// Both tables, as far as two servers have to agree.
#[track_caller]
fn agree(world: &World) {
    let [one, two] = [PRIMARY, SECONDARY].map(|side| {
        let table = world.sides[side].endpoint().table();
        table
            .iter()
            .map(|b| {
                let active = b.binding_status == BindingStatus::Active;
                (b.address, b.binding_status, active.then_some((b.client, b.lease_expiration)))
            })
            .collect::<Vec<_>>()
    });
    assert_eq!(one, two);
}

/// Holds: FO-3.3-2, FO-4.1-10, FO-4.1-13, FO-1-3.
#[test]
fn leases_given_while_interrupted_are_exchanged_afterwards() {
    let mut world = World::normal(20);
    world.cable = false;
    world.cut();
    world.lease(PRIMARY, address(20), client(1), 3600);
    world.lease(SECONDARY, address(11), client(2), 3600);
    world.cable = true;
    world.run(30);
    assert_eq!(world.state(PRIMARY), FailoverState::Normal);
    agree(&world);
    assert!(world.binding(SECONDARY, address(20)).belongs_to(&client(1)));
}

/// Each heard the same client while they could not talk; what was heard last counts.
#[test]
fn of_two_renewals_of_a_client_both_servers_keep_the_later_one() {
    for (first, second) in [(PRIMARY, SECONDARY), (SECONDARY, PRIMARY)] {
        let mut world = World::normal(20);
        world.lease(PRIMARY, address(20), client(1), 600);
        world.run(1);
        world.cable = false;
        world.cut();
        world.lease(first, address(20), client(1), 300);
        world.run(10);
        world.lease(second, address(20), client(1), 400);
        let later = world.binding(second, address(20));
        world.cable = true;
        world.run(60);
        for side in [PRIMARY, SECONDARY] {
            let kept = world.binding(side, address(20));
            assert_eq!(kept.client_last_transaction, later.client_last_transaction);
            assert_eq!(kept.lease_expiration, later.lease_expiration);
            assert!(kept.partner_knows);
        }
    }
}

/// Holds: FO-9.9-2, FO-9.10-2.
#[test]
fn a_server_killed_in_normal_comes_back_to_normal_without_waiting() {
    let mut world = World::normal(20);
    world.lease(PRIMARY, address(20), client(1), 3600);
    world.kill(PRIMARY);
    world.run(5);
    assert_eq!(world.state(SECONDARY), FailoverState::CommunicationsInterrupted);
    world.start(PRIMARY);
    world.run(30);
    assert_eq!(world.state(PRIMARY), FailoverState::Normal);
    assert_eq!(world.state(SECONDARY), FailoverState::Normal);
    agree(&world);
}

/// Holds: FO-9.2-4.
#[test]
fn an_update_that_was_in_flight_is_sent_again_after_the_reconnection() {
    let mut world = World::normal(20);
    world.sides[PRIMARY].deaf = true;
    world.lease(PRIMARY, address(20), client(1), 3600);
    world.cut();
    world.sides[PRIMARY].deaf = false;
    world.run(30);
    assert_eq!(world.state(PRIMARY), FailoverState::Normal);
    assert!(world.binding(PRIMARY, address(20)).partner_knows);
    agree(&world);
}

/// Holds: FO-9.6-2, FO-9.6.2-7, FO-9.5.2-10.
#[test]
fn after_partner_down_the_crashed_server_recovers_and_waits_from_its_crash() {
    let mut world = World::normal(20);
    world.lease(PRIMARY, address(20), client(1), 3600);
    world.run(20);
    world.kill(PRIMARY);
    world.run(100);
    world.operator(SECONDARY, OperatorCommand::PartnerDown { forced: false });
    world.lease(SECONDARY, address(11), client(2), 3600);
    world.start(PRIMARY);
    world.run(10);
    assert_eq!(world.state(PRIMARY), FailoverState::RecoverWait);
    world.run(MCLT - 120);
    assert_eq!(world.state(PRIMARY), FailoverState::RecoverWait);
    world.run(30);
    assert_eq!(world.state(PRIMARY), FailoverState::Normal);
    assert_eq!(world.state(SECONDARY), FailoverState::Normal);
    agree(&world);
}

/// Holds: FO-9.9.3-1.
#[test]
fn the_safe_period_leads_to_partner_down() {
    let mut secondary = config(Role::Secondary, 20);
    secondary.safe_period = Some(std::time::Duration::from_secs(60));
    let mut world = World::new(config(Role::Primary, 20), secondary);
    world.start(PRIMARY);
    world.start(SECONDARY);
    world.run(30);
    world.cable = false;
    world.cut();
    world.run(59);
    assert_eq!(world.state(SECONDARY), FailoverState::CommunicationsInterrupted);
    world.run(1);
    assert_eq!(world.state(SECONDARY), FailoverState::PartnerDown);
}

/// Holds: FO-9.14-1, FO-9.14-2.
#[test]
fn a_long_stop_hands_over_and_comes_back_through_recover() {
    let mut world = World::normal(20);
    world.operator(PRIMARY, OperatorCommand::Shutdown);
    world.run(5);
    assert_eq!(world.state(SECONDARY), FailoverState::PartnerDown);
    assert!(world.sides[PRIMARY].endpoint().is_stopped());
    world.kill(PRIMARY);
    world.start(PRIMARY);
    world.run(5);
    assert!(world.sides[PRIMARY].states.contains(&FailoverState::Recover));
    world.run(MCLT + 5);
    assert_eq!(world.state(PRIMARY), FailoverState::Normal);
    assert_eq!(world.state(SECONDARY), FailoverState::Normal);
}

/// Holds: FO-9.13-2, FO-9.13-4.
#[test]
fn a_short_stop_leaves_the_partner_interrupted_and_comes_back_to_normal() {
    let mut world = World::normal(20);
    world.operator(SECONDARY, OperatorCommand::Pause);
    world.run(2);
    assert_eq!(world.state(PRIMARY), FailoverState::CommunicationsInterrupted);
    assert!(world.sides[SECONDARY].endpoint().is_stopped());
    world.kill(SECONDARY);
    world.start(SECONDARY);
    world.run(10);
    assert_eq!(world.state(PRIMARY), FailoverState::Normal);
    assert_eq!(world.state(SECONDARY), FailoverState::Normal);
}

/// Holds: FO-3.3-3, FO-5.2.1-3, FO-5.2.2-1, FO-5.7-1.
#[test]
fn the_partners_addresses_may_be_leased_one_mclt_after_partner_down() {
    let mut world = World::normal(20);
    world.kill(PRIMARY);
    world.operator(SECONDARY, OperatorCommand::PartnerDown { forced: false });
    let free = address(29);
    let ask = |world: &World| {
        world.sides[SECONDARY].endpoint().availability(free, &client(9), world.now())
    };
    assert_eq!(world.binding(SECONDARY, free).binding_status, BindingStatus::Free);
    world.run(MCLT - 1);
    assert!(matches!(ask(&world), Availability::No(_)));
    world.run(1);
    assert_eq!(ask(&world), Availability::Lease);
}

#[test]
fn an_expired_lease_is_free_once_the_partner_has_agreed() {
    let mut world = World::normal(20);
    world.lease(PRIMARY, address(20), client(1), 60);
    world.run(62);
    for side in [PRIMARY, SECONDARY] {
        assert_eq!(world.binding(side, address(20)).binding_status, BindingStatus::Free);
    }
    agree(&world);
}

/// Holds: FO-9.8.3-9, FO-9.8.3-11.
/// Holds: FO-5.6-1.
#[test]
fn an_expired_lease_stays_expired_without_the_partner() {
    let mut world = World::normal(20);
    world.lease(PRIMARY, address(20), client(1), 60);
    world.kill(SECONDARY);
    world.run(120);
    assert_eq!(world.binding(PRIMARY, address(20)).binding_status, BindingStatus::Expired);
    let other = world.sides[PRIMARY].endpoint().availability(address(20), &client(2), world.now());
    assert!(matches!(other, Availability::No(_)));
    let same = world.sides[PRIMARY].endpoint().availability(address(20), &client(1), world.now());
    assert_eq!(same, Availability::Lease);
}

#[test]
fn a_process_that_ends_after_a_long_stop_does_not_announce_a_short_one() {
    let mut world = World::normal(20);
    world.operator(PRIMARY, OperatorCommand::Shutdown);
    world.operator(PRIMARY, OperatorCommand::Pause);
    assert_eq!(world.state(PRIMARY), FailoverState::Shutdown);
}
