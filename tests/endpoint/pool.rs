//! Who owns the unused addresses (§5.4, §7.6, §7.7).

use twinlease::balance::Role;
use twinlease::endpoint::LeaseAuthority;
use twinlease::endpoint::config::PoolShare;
use twinlease::wire::codes::{BindingStatus, FailoverState, MessageType};
use twinlease::wire::message::Message;

use crate::support::scripted::Script;
use crate::support::world::{PRIMARY, SECONDARY, World};
use crate::support::{client, config};

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

#[test]
fn a_balanced_pool_answers_poolreq_with_zero() {
    let mut script = Script::normal_primary();
    script.tell(&Message::PoolReq);
    assert_eq!(script.types(), ["poolresp"]);
    let said = script.take(MessageType::POOLRESP);
    let Message::PoolResp { addresses_transferred } =
        said.message(twinlease::wire::dialect::Dialect::Isc)
    else {
        unreachable!()
    };
    assert_eq!(addresses_transferred, Some(0));
}

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

#[test]
fn an_address_given_away_is_not_available_here_any_more() {
    let world = World::normal(20);
    let endpoint = world.sides[PRIMARY].endpoint();
    let given = endpoint.table().iter().find(|b| b.binding_status == BindingStatus::Backup);
    let given = given.expect("half of them").address;
    let answer = endpoint.availability(given, &client(1), world.now());
    assert!(matches!(answer, twinlease::endpoint::Availability::No(_)));
}
