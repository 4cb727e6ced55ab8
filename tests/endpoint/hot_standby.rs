//! A secondary that answers nobody in NORMAL and holds a share of the addresses in reserve.

use twinlease::balance::{HashBuckets, Role};
use twinlease::binding::Binding;
use twinlease::binding::table::RangeId;
use twinlease::durable::Recovered;
use twinlease::endpoint::config::PoolShare;
use twinlease::endpoint::{
    Availability, ClientRequest, Event, LeaseAuthority, RelationshipConfig, RequestKind, Service,
};
use twinlease::time::UnixTime;
use twinlease::wire::bndupd::BindingUpdate;
use twinlease::wire::codes::{BindingStatus, FailoverState};
use twinlease::wire::dialect::Dialect;

use crate::support::scripted::Script;
use crate::support::world::{PRIMARY, SECONDARY, World};
use crate::support::{START, address, client, config};

const DIALECTS: [Dialect; 2] = [Dialect::Isc, Dialect::Draft12];

/// The primary of a hot standby with 5 % of 100 addresses in reserve.
fn primary(dialect: Dialect) -> RelationshipConfig {
    let mut relationship = config(Role::Primary, 100);
    relationship.dialect = dialect;
    relationship.pool_share = PoolShare::SecondaryPercent(5);
    relationship.hash_buckets = HashBuckets::all_primary();
    relationship
}

fn normal_pair(dialect: Dialect) -> World {
    let mut secondary = config(Role::Secondary, 100);
    secondary.dialect = dialect;
    let mut world = World::new(primary(dialect), secondary);
    world.start(PRIMARY);
    world.start(SECONDARY);
    world.run(30);
    assert_eq!(world.state(SECONDARY), FailoverState::Normal);
    world
}

fn in_reserve(world: &World) -> u32 {
    world.sides[SECONDARY].endpoint().table().count(RangeId(0), BindingStatus::Backup)
}

fn is_served(world: &World, side: usize, number: u8) -> bool {
    let request = ClientRequest {
        kind: RequestKind::Discover,
        client: client(number),
        secs: 0,
        addressed_to_this_server: false,
        ranges: &[RangeId(0)],
    };
    let endpoint = world.sides[side].endpoint();
    endpoint.service_for(&request, world.now()) == Service::Serve
}

/// Holds: FO-4.2-2.
#[test]
fn in_normal_the_primary_answers_everybody_and_the_standby_nobody() {
    for dialect in DIALECTS {
        let world = normal_pair(dialect);
        let served = |side: usize| {
            let clients = (0..=255).filter(|number| is_served(&world, side, *number));
            clients.count()
        };
        assert_eq!((served(PRIMARY), served(SECONDARY)), (256, 0), "{dialect}");
    }
}

#[test]
fn out_of_contact_the_standby_answers_from_its_reserve() {
    for dialect in DIALECTS {
        let mut world = normal_pair(dialect);
        world.cable = false;
        world.cut();
        assert_eq!(in_reserve(&world), 5);
        assert!(is_served(&world, SECONDARY, 1));
        let endpoint = world.sides[SECONDARY].endpoint();
        let chosen = endpoint.choose(RangeId(0), world.now(), &|_| false).expect("its reserve");
        let answer = endpoint.availability(chosen, &client(1), world.now());
        assert_eq!(answer, Availability::Lease, "{dialect}");
    }
}

/// Holds: FO-5.4-14, FO-5.4-15.
#[test]
fn a_reserve_that_has_been_used_is_filled_up_at_once() {
    for dialect in DIALECTS {
        let mut script = Script::normal_primary_of(primary(dialect));
        let queue = script.endpoint.table().queue(RangeId(0), BindingStatus::Backup);
        let used: Vec<_> = queue.take(4).collect();
        for address in used {
            let hardware = [1, 2, 0, 94, 16, 0, address.octets()[3]];
            script.update(BindingUpdate {
                address,
                binding_status: Some(BindingStatus::Active.code()),
                client_hardware_address: Some(&hardware),
                lease_expiration: Some(UnixTime(START + 3600)),
                potential_expiration: Some(UnixTime(START + 7200)),
                ..BindingUpdate::default()
            });
        }
        script.run(2);
        let backup = script.endpoint.table().count(RangeId(0), BindingStatus::Backup);
        assert_eq!(backup, 4, "5 % of 96 in {dialect}");
    }
}

/// No client belongs to the standby, so there is no better choice to wait for.
/// Holds: FO-5.4-15.
#[test]
fn the_reserve_may_be_of_addresses_that_had_clients() {
    let bindings = (10..=109).map(|last| Binding {
        client: Some(client(last).to_client()),
        lease_expiration: UnixTime(START - 5000),
        ..Binding::unused(address(last))
    });
    let recovered = Recovered { endpoint: None, bindings: bindings.collect() };
    let mut script = Script::new(primary(Dialect::Isc), recovered);
    script.connected();
    script.accept_connect();
    script.become_normal();
    assert_eq!(script.endpoint.table().count(RangeId(0), BindingStatus::Backup), 5);
}

#[test]
fn the_reserve_does_not_go_to_and_fro_as_the_pool_fills_and_empties() {
    for dialect in DIALECTS {
        let mut world = normal_pair(dialect);
        let moved = |world: &World| {
            let events = world.sides.iter().flat_map(|side| &side.events);
            let moved = events.filter(|event| matches!(event, Event::PoolBalanced { .. }));
            moved.count()
        };
        let before = moved(&world);
        for round in 0..10 {
            for number in 0..40 {
                let endpoint = world.sides[PRIMARY].endpoint();
                let free = endpoint.choose(RangeId(0), world.now(), &|_| false).expect("enough");
                world.lease(PRIMARY, free, client(number), 60);
                world.run(1);
            }
            world.run(600);
            assert_eq!(in_reserve(&world), 5, "{dialect}, round {round}");
        }
        assert_eq!(moved(&world), before, "{dialect}");
    }
}
