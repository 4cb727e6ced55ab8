//! The balance of a pool follows the leases, and comes to rest (§5.4).

use twinlease::balance::{HashBuckets, Role};
use twinlease::binding::table::RangeId;
use twinlease::endpoint::{BindingChange, Event, LeaseAuthority, LeaseDetails, RelationshipConfig};
use twinlease::time::UnixTime;
use twinlease::wire::bndupd::{BindingUpdate, BndUpd};
use twinlease::wire::codes::{BindingStatus, MessageType};
use twinlease::wire::dialect::Dialect;
use twinlease::wire::message::Message;

use crate::support::scripted::Script;
use crate::support::world::{PRIMARY, SECONDARY, World};
use crate::support::{START, address, client, config};

fn spoken(dialect: Dialect, role: Role, size: u8) -> RelationshipConfig {
    let mut relationship = config(role, size);
    relationship.dialect = dialect;
    relationship
}

fn with_status(script: &Script, status: BindingStatus) -> Vec<u8> {
    let queue = script.endpoint.table().queue(RangeId(0), status);
    queue.map(|address| address.octets()[3]).collect()
}

/// The partner has leased these addresses, all in one message after the other.
fn partner_leases(script: &mut Script, addresses: &[u8]) {
    for &last in addresses {
        let hardware = [1, 2, 0, 94, 16, 0, last];
        let update = BindingUpdate {
            address: address(last),
            binding_status: Some(BindingStatus::Active.code()),
            client_hardware_address: Some(&hardware),
            lease_expiration: Some(UnixTime(START + 3600)),
            potential_expiration: Some(UnixTime(START + 7200)),
            start_of_status: Some(UnixTime(START)),
            client_last_transaction: Some(UnixTime(START)),
            ..BindingUpdate::default()
        };
        script.tell(&Message::BndUpd(BndUpd::of(&[update])));
    }
}

/// How often addresses were moved, and how many.
fn moves(events: &[Event]) -> (usize, u32) {
    let moved = events.iter().filter_map(|event| match event {
        Event::PoolBalanced { given, recalled } => Some(given + recalled),
        _ => None,
    });
    (moved.clone().count(), moved.sum())
}

/// Holds: FO-5.4-14.
#[test]
fn the_primary_gives_as_soon_as_the_partner_has_used_up_its_addresses() {
    let mut script = Script::normal_primary();
    let backup = with_status(&script, BindingStatus::Backup);
    partner_leases(&mut script, &backup[..8]);
    script.run(2);
    assert_eq!(with_status(&script, BindingStatus::Backup).len(), 6);
}

/// Holds: FO-5.4-14.
#[test]
fn a_draft_primary_calls_back_as_soon_as_it_has_used_up_its_own() {
    let mut script = Script::normal_primary_of(spoken(Dialect::Draft12, Role::Primary, 20));
    for last in with_status(&script, BindingStatus::Free) {
        let (now, address, client) = (script.now, address(last), client(last));
        let grant = script.endpoint.grant(address, &client, 3600, now);
        script
            .endpoint
            .record(
                now,
                BindingChange::Leased { address, client, grant, details: LeaseDetails::default() },
            )
            .unwrap();
    }
    script.run(2);
    assert_eq!(moves(&script.events).1, 5);
}

#[test]
fn a_burst_of_leases_is_balanced_in_one_go() {
    let mut script = Script::normal_primary();
    script.run_talking(5);
    let backup = with_status(&script, BindingStatus::Backup);
    partner_leases(&mut script, &backup);
    script.run(4);
    assert_eq!(moves(&script.events), (1, 5));
}

/// Holds: FO-5.4-13.
#[test]
fn what_has_been_called_back_is_not_called_back_twice() {
    let mut script = Script::normal_primary_of(spoken(Dialect::Draft12, Role::Primary, 40));
    let free = with_status(&script, BindingStatus::Free);
    let lease = |script: &mut Script, last: u8| {
        let (now, address, client) = (script.now, address(last), client(last));
        let grant = script.endpoint.grant(address, &client, 3600, now);
        script
            .endpoint
            .record(
                now,
                BindingChange::Leased { address, client, grant, details: LeaseDetails::default() },
            )
            .unwrap();
    };
    for &last in &free[..19] {
        lease(&mut script, last);
    }
    script.run(2);
    assert_eq!(moves(&script.events), (1, 9));
    lease(&mut script, free[19]);
    script.run(2);
    assert_eq!(moves(&script.events), (1, 9), "no answer to the first call has come");
}

/// The addresses moved while clients come and go at random for an hour, those moved in the hour of
/// rest that follows, and the leases granted.
fn moved_by_churn(dialect: Dialect) -> (u32, u32, u32) {
    let mut world =
        World::new(spoken(dialect, Role::Primary, 100), spoken(dialect, Role::Secondary, 100));
    world.start(PRIMARY);
    world.start(SECONDARY);
    world.run(30);
    let moved = |world: &World| moves(&world.sides[0].events).1 + moves(&world.sides[1].events).1;
    let initially = moved(&world);
    let (mut leases, mut seed) = (0, 12345_u32);
    for _ in 0..1200 {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let newcomer = client((seed >> 24) as u8);
        let side = match HashBuckets::half().role_for(newcomer.hash_key()) {
            Role::Primary => PRIMARY,
            Role::Secondary => SECONDARY,
        };
        let endpoint = world.sides[side].endpoint();
        if endpoint
            .table()
            .of_client(&newcomer)
            .any(|held| endpoint.table().status_of(held) == Some(BindingStatus::Active))
        {
            continue;
        }
        if let Some(chosen) = endpoint.choose(RangeId(0), world.now(), &|_| false) {
            world.lease(side, chosen, newcomer, 300);
            leases += 1;
        }
        world.run(3);
    }
    let after_churn = moved(&world);
    world.run(1200);
    let emptied = moved(&world);
    world.run(3600);
    (after_churn - initially, moved(&world) - emptied, leases)
}

/// Addresses return to the primary: about half of the leases have to be made good for.
#[test]
fn clients_that_come_and_go_move_no_more_addresses_than_they_use() {
    for dialect in [Dialect::Isc, Dialect::Draft12] {
        let (moved, _, leases) = moved_by_churn(dialect);
        assert!(leases > 500 && moved < leases, "{dialect}: {moved} moved for {leases} leases");
    }
}

#[test]
fn a_pool_without_clients_comes_to_rest() {
    for dialect in [Dialect::Isc, Dialect::Draft12] {
        let (_, at_rest, _) = moved_by_churn(dialect);
        assert_eq!(at_rest, 0, "{dialect}");
    }
}

/// §5.4: nothing is said about a pool in balance.
#[test]
fn a_look_that_finds_the_pool_in_balance_says_nothing() {
    let mut script = Script::normal_primary();
    let backup = with_status(&script, BindingStatus::Backup);
    partner_leases(&mut script, &backup[..1]);
    script.take(MessageType::BNDACK);
    script.run(4);
    assert_eq!(script.types(), Vec::<&str>::new());
}
