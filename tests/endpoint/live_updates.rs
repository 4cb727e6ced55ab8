//! Updates to a partner that recovers: once it has received everything, it is told what changes at
//! once, long before the two are in NORMAL again (§7.1.1, §7.3.2).

use twinlease::balance::Role;
use twinlease::binding::Binding;
use twinlease::durable::Recovered;
use twinlease::endpoint::{BindingChange, Input, LeaseAuthority, LeaseDetails, OperatorCommand};
use twinlease::time::UnixTime;
use twinlease::wire::codes::{BindingStatus, FailoverState, MessageType};
use twinlease::wire::dialect::Dialect;
use twinlease::wire::message::Message;

use crate::support::scripted::{DHCPD, Script, stored};
use crate::support::world::{Disk, PRIMARY, SECONDARY, World};
use crate::support::{START, address, client, config};

fn lease(script: &mut Script, last: u8, number: u8) {
    let (now, address, client) = (script.now, address(last), client(number));
    let grant = script.endpoint.grant(address, &client, 3600, now);
    let details = LeaseDetails::default();
    let change = BindingChange::Leased { address, client, grant, details };
    script.endpoint.record(now, change).unwrap();
    script.input(Input::TimeReached);
}

/// A primary that meets its partner in RECOVER, having been in `state` alone.
fn meets_in_recover(state: FailoverState, dialect: Dialect, vendor: &'static [u8]) -> Script {
    let mut known = Binding::unused(address(12));
    known.binding_status = BindingStatus::Active;
    known.client = Some(client(9).to_client());
    known.lease_expiration = UnixTime(START + 90_000);
    known.partner_knows = true;
    let recovered = Recovered { endpoint: Some(stored(state)), bindings: vec![known] };
    let mut relationship = config(Role::Primary, 20);
    relationship.dialect = dialect;
    let mut script = Script::new(relationship, recovered);
    script.vendor = vendor;
    script.shake_hands();
    script.state(FailoverState::Recover);
    assert_eq!(script.endpoint.state(), state);
    script.said.clear();
    script
}

/// The same after everything that the partner asked for has been answered.
fn has_updated(state: FailoverState, dialect: Dialect, vendor: &'static [u8]) -> Script {
    let mut script = meets_in_recover(state, dialect, vendor);
    script.tell(&Message::UpdReqAll);
    script.answer_everything();
    script.take(MessageType::UPDDONE);
    script
}

fn survivor() -> Script {
    has_updated(FailoverState::PartnerDown, Dialect::Draft12, b"test")
}

/// Holds: FO-7.1.1-1, FO-7.1.1-37.
#[test]
fn a_partner_in_recover_wait_is_told_at_once() {
    let mut script = survivor();
    script.state(FailoverState::RecoverWait);
    lease(&mut script, 25, 1);
    assert_eq!(script.types(), ["bndupd"]);
}

/// Holds: FO-7.1.1-37.
#[test]
fn a_dhcpd_in_recover_wait_is_told_at_once() {
    let mut script = has_updated(FailoverState::PartnerDown, Dialect::Isc, DHCPD);
    script.state(FailoverState::RecoverWait);
    lease(&mut script, 25, 1);
    assert_eq!(script.types(), ["bndupd"]);
}

/// Holds: FO-7.1.1-37.
#[test]
fn a_server_that_was_only_interrupted_tells_its_recovering_partner_too() {
    let state = FailoverState::CommunicationsInterrupted;
    let mut script = has_updated(state, Dialect::Draft12, b"test");
    script.state(FailoverState::RecoverWait);
    lease(&mut script, 25, 1);
    assert_eq!(script.types(), ["bndupd"]);
}

/// Holds: FO-7.1.1-37, FO-7.3.2-6.
#[test]
fn a_lease_between_upddone_and_the_partners_next_state_is_told() {
    let mut script = survivor();
    lease(&mut script, 25, 1);
    assert_eq!(script.types(), ["bndupd"]);
}

/// Holds: FO-7.1.1-37.
#[test]
fn a_partner_that_comes_back_in_recover_wait_is_told_what_it_missed() {
    let mut script = survivor();
    script.cut();
    lease(&mut script, 25, 1);
    script.shake_hands();
    script.state(FailoverState::RecoverWait);
    let missed = script.take(MessageType::BNDUPD);
    script.acknowledge(&missed);
    assert!(script.endpoint.table().get(address(25)).unwrap().partner_knows);
}

/// Holds: FO-7.1.1-37.
#[test]
fn a_partner_that_comes_back_in_recover_wait_is_told_what_follows() {
    let mut script = survivor();
    script.cut();
    script.shake_hands();
    script.state(FailoverState::RecoverWait);
    script.said.clear();
    lease(&mut script, 25, 1);
    assert_eq!(script.types(), ["bndupd"]);
}

/// Holds: FO-7.3.2-7.
#[test]
fn a_lease_told_after_upddone_brings_no_second_one() {
    let mut script = survivor();
    lease(&mut script, 25, 1);
    script.answer_everything();
    assert_eq!(script.types(), Vec::<&str>::new());
}

#[test]
fn a_partner_that_has_not_asked_yet_is_told_nothing() {
    let mut script = meets_in_recover(FailoverState::PartnerDown, Dialect::Draft12, b"test");
    lease(&mut script, 25, 1);
    assert_eq!(script.types(), Vec::<&str>::new());
}

#[test]
fn a_partner_that_falls_back_into_recover_is_told_nothing_until_it_asks() {
    let mut script = survivor();
    script.state(FailoverState::RecoverWait);
    script.state(FailoverState::Recover);
    lease(&mut script, 25, 1);
    assert_eq!(script.types(), Vec::<&str>::new());
}

#[test]
fn a_partner_that_pauses_is_told_nothing() {
    let mut script = Script::normal_primary();
    script.state(FailoverState::Paused);
    script.said.clear();
    lease(&mut script, 25, 1);
    assert_eq!(script.types(), Vec::<&str>::new());
}

/// Holds: FO-7.1.1-1, FO-7.1.1-37.
#[test]
fn a_server_that_waits_the_mclt_learns_what_its_partner_leases_meanwhile() {
    let mut world = World::normal(20);
    world.kill(SECONDARY);
    world.sides[SECONDARY].disk = Disk::default();
    world.operator(PRIMARY, OperatorCommand::PartnerDown { forced: false });
    world.start(SECONDARY);
    world.run(30);
    assert_eq!(world.state(SECONDARY), FailoverState::RecoverWait);
    world.lease(PRIMARY, address(20), client(1), 3600);
    world.run(5);
    assert_eq!(world.state(SECONDARY), FailoverState::RecoverWait);
    assert!(world.binding(SECONDARY, address(20)).belongs_to(&client(1)));
}
