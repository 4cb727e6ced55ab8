//! Who owns the unused addresses (§5.4, §7.6, §7.7).

use twinlease::balance::{HashBuckets, Role};
use twinlease::binding::Binding;
use twinlease::binding::table::RangeId;
use twinlease::durable::Recovered;
use twinlease::endpoint::config::PoolShare;
use twinlease::endpoint::{
    BindingChange, ClientRequest, Event, Input, LeaseAuthority, LeaseDetails, RequestKind, Service,
};
use twinlease::time::UnixTime;
use twinlease::wire::bndupd::BindingUpdate;
use twinlease::wire::codes::{BindingStatus, FailoverState, MessageType};
use twinlease::wire::dialect::Dialect;
use twinlease::wire::message::Message;

use crate::support::scripted::{Script, stored};
use crate::support::world::{PRIMARY, SECONDARY, World};
use crate::support::{START, address, client, config};

fn backup_of(size: u8) -> usize {
    let world = World::normal(size);
    let table = world.sides[SECONDARY].endpoint().table();
    table.iter().filter(|b| b.binding_status == BindingStatus::Backup).count()
}

#[test]
fn a_new_pool_of_50_gives_25() {
    assert_eq!(backup_of(50), 25);
}

#[test]
fn a_new_pool_of_21_gives_10() {
    assert_eq!(backup_of(21), 10);
}

#[test]
fn a_new_pool_of_3_gives_1() {
    assert_eq!(backup_of(3), 1);
}

#[test]
fn a_pool_of_1_stays_with_the_primary() {
    assert_eq!(backup_of(1), 0);
}

/// Holds: FO-4.2-2.
#[test]
fn a_hot_standby_secondary_gets_its_percentage() {
    let mut primary = config(Role::Primary, 100);
    primary.pool_share = PoolShare::SecondaryPercent(5);
    let mut world = World::new(primary, config(Role::Secondary, 100));
    world.start(PRIMARY);
    world.start(SECONDARY);
    world.run(30);
    let table = world.sides[SECONDARY].endpoint().table();
    let backup = table.iter().filter(|b| b.binding_status == BindingStatus::Backup).count();
    assert_eq!(backup, 5);
}

#[test]
fn the_secondary_asks_for_addresses_on_entering_normal() {
    let mut script = Script::secondary();
    script.connected();
    script.connect();
    script.state(FailoverState::Recover);
    let request = script.take(MessageType::UPDREQALL);
    script.say(request.xid, &Message::UpdDone);
    script.state(FailoverState::RecoverDone);
    assert_eq!(script.endpoint.state(), FailoverState::Normal);
    script.take(MessageType::POOLREQ);
}

/// POOLREQs of a secondary with its share in the two minutes after the one on entering NORMAL was answered with 0.
fn poolreqs_later(dialect: Dialect) -> usize {
    let mut relationship = config(Role::Secondary, 20);
    relationship.dialect = dialect;
    let mut script = Script::normal_secondary_of(relationship);
    for last in 10..20 {
        script.update(BindingUpdate {
            address: address(last),
            binding_status: Some(BindingStatus::Backup.code()),
            ..BindingUpdate::default()
        });
    }
    let mut asked = 0;
    for _ in 0..24 {
        script.tell(&Message::PoolResp { addresses_transferred: Some(0) });
        script.run_talking(5);
        asked += script.types().iter().filter(|name| **name == "poolreq").count();
        script.said.clear();
    }
    asked
}

/// Holds: FO-7.6-4, FO-7.6-5.
#[test]
fn a_draft_secondary_asks_for_addresses_every_minute() {
    assert_eq!(poolreqs_later(Dialect::Draft12), 2);
}

/// A dhcpd divides the pools by itself.
#[test]
fn another_secondary_with_its_share_does_not_ask_again() {
    assert_eq!(poolreqs_later(Dialect::Isc), 0);
}

/// Holds: FO-5.1-2.
#[test]
fn poolreq_is_answered_with_the_count_before_the_updates() {
    let mut script = Script::normal_primary();
    for last in 10..20 {
        script.free_by_partner(last);
    }
    script.said.clear();
    let xid = script.tell(&Message::PoolReq);
    let types = script.types();
    assert_eq!(types.first(), Some(&"poolresp"), "{types:?}");
    assert_eq!(script.take(MessageType::POOLRESP).xid, xid);
}

/// Holds: FO-5.4-13, A1-49.
#[test]
fn a_balanced_pool_answers_poolreq_with_zero() {
    let mut script = Script::normal_primary();
    script.tell(&Message::PoolReq);
    assert_eq!(script.types(), ["poolresp"]);
    let said = script.take(MessageType::POOLRESP);
    let Message::PoolResp { addresses_transferred } = said.message(Dialect::Isc) else {
        unreachable!()
    };
    assert_eq!(addresses_transferred, Some(0));
}

/// Holds: FO-4.1-8.
#[test]
fn a_secondary_running_short_gets_more() {
    let mut world = World::normal(40);
    let given: Vec<_> = world.sides[SECONDARY]
        .endpoint()
        .table()
        .iter()
        .filter(|b| b.binding_status == BindingStatus::Backup)
        .map(|b| b.address)
        .take(18)
        .collect();
    for (number, address) in (1..).zip(given) {
        world.lease(SECONDARY, address, client(number), 3600);
    }
    world.run(130);
    let table = world.sides[SECONDARY].endpoint().table();
    let backup = table.iter().filter(|b| b.binding_status == BindingStatus::Backup).count();
    assert!(backup >= 9, "{backup} addresses of 22 unused ones");
}

/// Holds: FO-2.2-1.
#[test]
fn an_address_given_away_is_not_available_here_any_more() {
    let world = World::normal(20);
    let endpoint = world.sides[PRIMARY].endpoint();
    let given = endpoint.table().iter().find(|b| b.binding_status == BindingStatus::Backup);
    let given = given.expect("half of them").address;
    let answer = endpoint.availability(given, &client(1), world.now());
    assert!(matches!(answer, twinlease::endpoint::Availability::No(_)));
}

/// The number of a client that `script`, a primary, serves in NORMAL.
fn own_client(script: &Script) -> u8 {
    let served = |number: &u8| {
        let request = ClientRequest {
            kind: RequestKind::Discover,
            client: client(*number),
            secs: 0,
            addressed_to_this_server: false,
            ranges: &[],
        };
        script.endpoint.service_for(&request, script.now) == Service::Serve
    };
    (0..=255).find(served).expect("half of the clients")
}

fn lease_all_free(script: &mut Script) {
    let free: Vec<_> = script
        .endpoint
        .table()
        .iter()
        .filter(|binding| binding.binding_status == BindingStatus::Free)
        .map(|binding| binding.address)
        .collect();
    for (number, address) in (100..).zip(free) {
        let (now, client) = (script.now, client(number));
        let grant = script.endpoint.grant(address, &client, 3600, now);
        script
            .endpoint
            .record(
                now,
                BindingChange::Leased { address, client, grant, details: LeaseDetails::default() },
            )
            .unwrap();
    }
    script.input(Input::TimeReached);
}

/// §5.4: the addresses of the primary's own clients come back first.
/// Holds: FO-5.4-22.
#[test]
fn a_draft_primary_calls_the_addresses_of_its_own_clients_back_first() {
    let mut relationship = config(Role::Primary, 20);
    relationship.dialect = Dialect::Draft12;
    let mut script = Script::normal_primary_of(relationship);
    let hardware = [1, 2, 0, 94, 16, 0, own_client(&script)];
    let backup: Vec<_> = script
        .endpoint
        .table()
        .iter()
        .filter(|binding| binding.binding_status == BindingStatus::Backup)
        .map(|binding| binding.address)
        .collect();
    let (_, last) = backup.split_at(5);
    for &address in last {
        script.update(BindingUpdate {
            address,
            binding_status: Some(BindingStatus::Backup.code()),
            client_hardware_address: Some(&hardware),
            ..BindingUpdate::default()
        });
    }
    lease_all_free(&mut script);
    script.answer_everything();
    script.run_talking(60);
    let mut recalled: Vec<_> = Vec::new();
    while script.types().contains(&"bndupd") {
        let said = script.take(MessageType::BNDUPD);
        let Message::BndUpd(bndupd) = said.message(Dialect::Draft12) else { unreachable!() };
        let update = bndupd.updates().next().unwrap();
        assert_eq!(update.binding_status, Some(BindingStatus::Free.code()));
        recalled.push(update.address);
    }
    recalled.sort();
    assert_eq!(recalled, last);
}

#[test]
fn by_the_draft_a_secondary_gives_nothing_away() {
    let mut script = Script::draft(Role::Secondary);
    script.settle_as_secondary();
    for last in 10..28 {
        script.update(BindingUpdate {
            address: address(last),
            binding_status: Some(BindingStatus::Backup.code()),
            ..BindingUpdate::default()
        });
    }
    script.said.clear();
    script.run_talking(130);
    assert!(!script.types().contains(&"bndupd"), "{:?}", script.types());
}

#[test]
fn addresses_given_away_are_an_event() {
    let world = World::normal(20);
    let given = Event::PoolBalanced { given: 10, recalled: 0 };
    assert!(world.sides[PRIMARY].events.contains(&given), "{:?}", world.sides[PRIMARY].events);
}

#[test]
fn a_look_that_moves_nothing_is_no_event() {
    for mut script in [Script::normal_primary(), Script::normal_secondary()] {
        script.run_talking(200);
        let balanced = |event: &Event| matches!(event, Event::PoolBalanced { .. });
        assert!(!script.events.iter().any(balanced), "{:?}", script.events);
    }
}

/// A secondary beside a partner that gives by itself, with so many of 20 addresses; whether it asks
/// for more at the next look.
fn asks_with(backup: u8) -> bool {
    let mut script = Script::normal_secondary();
    script.tell(&Message::PoolResp { addresses_transferred: Some(0) });
    for last in 10..10 + backup {
        script.update(BindingUpdate {
            address: address(last),
            binding_status: Some(BindingStatus::Backup.code()),
            ..BindingUpdate::default()
        });
    }
    script.said.clear();
    script.run_talking(61);
    script.types().contains(&"poolreq")
}

#[test]
fn a_secondary_beside_a_dhcpd_asks_when_it_is_short_of_addresses() {
    assert!(asks_with(0) && asks_with(6));
    assert!(!asks_with(7) && !asks_with(10));
}

#[test]
fn a_server_at_rest_is_woken_for_contact_and_its_marks_and_hardly_else() {
    for mut script in [Script::normal_primary(), Script::normal_secondary()] {
        script.run_talking(60);
        let mut wakes = 0;
        let end = script.now.monotonic.after(std::time::Duration::from_secs(25));
        while let Some(at) = script.wake_at.filter(|at| *at <= end) {
            let micros = at.as_micros() - script.now.monotonic.as_micros();
            script.run(u32::try_from(micros.div_ceil(1_000_000)).unwrap());
            wakes += 1;
        }
        assert!(wakes <= 10, "{wakes} wakes in 25 seconds");
    }
}

/// A primary that calls addresses back, which its partner has not answered.
fn calling_back() -> Script {
    let mut script = Script::draft(Role::Primary);
    script.settle_as_primary();
    let free: Vec<_> = script.endpoint.table().queue(RangeId(0), BindingStatus::Free).collect();
    for (number, address) in (0..).zip(free.into_iter().take(7)) {
        let (now, client) = (script.now, client(number));
        let grant = script.endpoint.grant(address, &client, 600, now);
        let details = LeaseDetails::default();
        let change = BindingChange::Leased { address, client, grant, details };
        script.endpoint.record(now, change).unwrap();
    }
    script.input(Input::TimeReached);
    script.answer_everything();
    script.run(2);
    let recalled_alone =
        |event: &Event| matches!(event, Event::PoolBalanced { given: 0, recalled: 1.. });
    assert!(script.events.iter().any(recalled_alone), "{:?}", script.events);
    script
}

/// Holds: FO-5.4-18.
#[test]
fn a_recall_that_lost_its_connection_is_repeated_on_the_next() {
    let mut script = calling_back();
    let recalled = |script: &Script| {
        let updates = script.said.iter().filter(|said| said.message_type == MessageType::BNDUPD);
        updates
            .filter(|said| {
                let Message::BndUpd(bndupd) = said.message(Dialect::Draft12) else {
                    unreachable!()
                };
                bndupd.updates().all(|update| update.binding_status == Some(1))
            })
            .count()
    };
    let called_back = recalled(&script);
    assert!(called_back > 0);
    script.cut();
    script.connected();
    script.accept_connect();
    script.state(FailoverState::CommunicationsInterrupted);
    assert_eq!(recalled(&script), called_back);
}

/// It may have leased them, and would agree all the same. Found by the simulator (`tests/seeds.txt`).
#[test]
fn nothing_is_called_back_from_a_partner_that_lost_its_store() {
    let mut script = calling_back();
    let backup = |script: &Script| script.endpoint.table().count(RangeId(0), BindingStatus::Backup);
    let before = backup(&script);
    script.cut();
    script.connected();
    script.accept_connect();
    script.state(FailoverState::Recover);
    script.tell(&Message::UpdReqAll);
    script.answer_everything();
    assert_eq!(script.endpoint.state(), FailoverState::CommunicationsInterrupted);
    assert_eq!(backup(&script), before);
}

/// A primary in NORMAL, all of whose 20 addresses were used last by clients of the secondary.
fn with_addresses_of_the_partners_clients() -> Script {
    let partners = (0..=255).filter(|number| {
        HashBuckets::half().role_for(client(*number).hash_key()) == Role::Secondary
    });
    let bindings = (10..30).zip(partners).map(|(last, number)| Binding {
        client: Some(client(number).to_client()),
        lease_expiration: UnixTime(START - 1000),
        ..Binding::unused(address(last))
    });
    let endpoint = Some(stored(FailoverState::CommunicationsInterrupted));
    let recovered = Recovered { endpoint, bindings: bindings.collect() };
    let mut script = Script::new(config(Role::Primary, 20), recovered);
    script.shake_hands();
    script.state(FailoverState::CommunicationsInterrupted);
    assert_eq!(script.endpoint.state(), FailoverState::Normal);
    script.answer_everything();
    script
}

/// A tenth of them may be held for affinity.
/// Holds: FO-5.4-21.
#[test]
fn addresses_of_the_partners_clients_are_given_beyond_the_balance_as_far_as_affinity_goes() {
    let script = with_addresses_of_the_partners_clients();
    assert_eq!(script.endpoint.table().count(RangeId(0), BindingStatus::Backup), 10 + 2);
}

/// Holds: FO-5.4-16.
#[test]
fn for_affinity_alone_no_look_moves_an_address() {
    let mut script = with_addresses_of_the_partners_clients();
    let backup: Vec<_> =
        script.endpoint.table().queue(RangeId(0), BindingStatus::Backup).take(2).collect();
    for address in backup {
        script.update(BindingUpdate {
            address,
            binding_status: Some(BindingStatus::Active.code()),
            client_hardware_address: Some(&[1, 2, 0, 94, 16, 0, 1]),
            lease_expiration: Some(UnixTime(START + 3600)),
            potential_expiration: Some(UnixTime(START + 7200)),
            client_last_transaction: Some(UnixTime(START)),
            ..BindingUpdate::default()
        });
    }
    let count = |script: &Script, status| script.endpoint.table().count(RangeId(0), status);
    assert_eq!(count(&script, BindingStatus::Active), 2);
    script.run_talking(130);
    assert_eq!(count(&script, BindingStatus::Free), 8);
}
