//! Options of clients and servers that go along with a binding (§7.1.1, §12.7, §12.8).

use twinlease::balance::Role;
use twinlease::binding::Carried;
use twinlease::binding::carried::{Parts, options_of};
use twinlease::durable::Recovered;
use twinlease::endpoint::{BindingChange, Input, LeaseAuthority, LeaseDetails, RelationshipConfig};
use twinlease::time::UnixTime;
use twinlease::wire::bndupd::BindingUpdate;
use twinlease::wire::codes::{BindingStatus, FailoverState, MessageType};
use twinlease::wire::dialect::Dialect;
use twinlease::wire::message::Message;

use crate::support::scripted::{DHCPD, Said, Script};
use crate::support::world::{PRIMARY, SECONDARY, World};
use crate::support::{START, address, client, config};

/// Host name and relay agent information, behind the magic number of DHCP.
const REQUEST: &[u8] = &[99, 130, 83, 99, 12, 2, b'p', b'c', 82, 3, 1, 1, 7];
/// T1 and T2.
const REPLY: &[u8] = &[99, 130, 83, 99, 58, 4, 0, 0, 1, 44, 59, 4, 0, 0, 2, 13];

const DETAILS: LeaseDetails<'static> = LeaseDetails {
    bootp: false,
    carried: Parts { request_options: Some(REQUEST), reply_options: Some(REPLY), ddns: None },
};

fn draft(role: Role) -> RelationshipConfig {
    let mut config = config(role, 20);
    config.dialect = Dialect::Draft12;
    config
}

fn lease(script: &mut Script, details: LeaseDetails<'_>) {
    let (now, address, client) = (script.now, address(10), client(1));
    let grant = script.endpoint.grant(address, &client, 300, now);
    let change = BindingChange::Leased { address, client, grant, details };
    script.endpoint.record(now, change).unwrap();
    script.input(Input::TimeReached);
}

/// Request options and reply options of an update.
fn options_said(said: &Said) -> [Option<Vec<u8>>; 2] {
    let Message::BndUpd(bndupd) = said.message(Dialect::Draft12) else { panic!("no BNDUPD") };
    let update = bndupd.updates().next().unwrap();
    [update.client_request_options, update.client_reply_options]
        .map(|options| options.map(<[u8]>::to_vec))
}

/// Holds: FO-12.7-1, FO-12.7-2, FO-12.8-1, FO-12.8-2, FO-7.1.1-27, FO-7.1.1-32, FO-7.1-26, FO-7.1-28.
#[test]
fn an_update_of_a_lease_has_the_options_of_request_and_answer_behind_their_magic_number() {
    let mut script = Script::normal_primary_of(draft(Role::Primary));
    lease(&mut script, DETAILS);
    let update = script.take(MessageType::BNDUPD);
    assert_eq!(options_said(&update), [Some(REQUEST.to_vec()), Some(REPLY.to_vec())]);
    let raw = |code| {
        let options = update.frame().options().map(|option| option.unwrap());
        options.filter(|option| option.code.0 == code).map(|option| option.value).next()
    };
    assert_eq!([raw(8), raw(7)], [Some(REQUEST), Some(REPLY)]);
}

/// The answer to the client is no news when the lease has ended.
///
/// Holds: A1-09, FO-7.1.1-27, FO-7.1-26, FO-7.1-29.
#[test]
fn a_release_has_the_options_of_the_request_and_none_of_the_answer() {
    let mut script = Script::normal_primary_of(draft(Role::Primary));
    lease(&mut script, DETAILS);
    script.answer_everything();
    script.endpoint.record(script.now, BindingChange::Released { address: address(10) }).unwrap();
    script.input(Input::TimeReached);
    let update = script.take(MessageType::BNDUPD);
    assert_eq!(options_said(&update), [Some(REQUEST.to_vec()), None]);
}

/// Holds: FO-7.1-27, FO-7.1-29.
#[test]
fn an_update_that_no_client_caused_has_no_options() {
    let address = address(10);
    for end in
        [None, Some(BindingChange::Reset { address }), Some(BindingChange::Abandoned { address })]
    {
        let mut script = Script::normal_primary_of(draft(Role::Primary));
        lease(&mut script, DETAILS);
        script.answer_everything();
        script.said.clear();
        match end {
            Some(change) => {
                script.endpoint.record(script.now, change).unwrap();
                script.input(Input::TimeReached);
            }
            None => script.run_talking(305),
        }
        assert_eq!(options_said(&script.take(MessageType::BNDUPD)), [None, None], "{end:?}");
    }
}

/// What is of interest is the choice of the DHCP server around the endpoint.
///
/// Holds: FO-7.1.1-30, FO-7.1.1-35.
#[test]
fn options_that_the_draft_does_not_name_go_along_as_well() {
    let wishes: &[u8] = &[99, 130, 83, 99, 55, 2, 1, 3];
    let router: &[u8] = &[99, 130, 83, 99, 3, 4, 10, 20, 0, 1];
    let carried = Parts { request_options: Some(wishes), reply_options: Some(router), ddns: None };
    let mut script = Script::normal_primary_of(draft(Role::Primary));
    lease(&mut script, LeaseDetails { bootp: false, carried });
    let update = script.take(MessageType::BNDUPD);
    assert_eq!(options_said(&update), [Some(wishes.to_vec()), Some(router.to_vec())]);
}

#[test]
fn a_dhcpd_gets_no_options() {
    let mut script = Script::new(config(Role::Primary, 20), Recovered::default());
    script.vendor = DHCPD;
    script.connected();
    script.accept_connect();
    script.become_normal();
    lease(&mut script, DETAILS);
    assert_eq!(options_said(&script.take(MessageType::BNDUPD)), [None, None]);
}

/// What the two servers know of the options at 10.20.0.10.
fn carried(world: &World) -> [Carried; 2] {
    [PRIMARY, SECONDARY].map(|side| world.binding(side, address(10)).carried)
}

/// Codes and data of the request options that `side` knows at 10.20.0.10.
fn carried_options(world: &World, side: usize) -> Vec<(u8, Vec<u8>)> {
    let carried = world.binding(side, address(10)).carried;
    let area = carried.parts().request_options.unwrap_or_default();
    options_of(area).map(|(code, data)| (code, data.to_vec())).collect()
}

fn lease_with_options(world: &mut World) {
    world.lease_with(PRIMARY, address(10), client(1), 6000, DETAILS);
}

/// The pair speaks as it does with dhcpd, and recognises itself.
#[test]
fn between_two_twinlease_servers_both_know_the_options() {
    let mut world = World::normal(20);
    lease_with_options(&mut world);
    assert_eq!(carried(&world), [Carried::new(DETAILS.carried), Carried::new(DETAILS.carried)]);
}

/// A renewal is unicast past the relay agent, and may go to the server that never heard of it.
///
/// Holds: FO-7.1.4-1, FO-7.1.4-2.
#[test]
fn what_a_relay_agent_told_the_partner_is_kept_when_the_client_renews_here() {
    let mut world = World::normal(20);
    lease_with_options(&mut world);
    let renewed: &[u8] = &[99, 130, 83, 99, 12, 3, b'n', b'e', b'w'];
    let carried = Parts { request_options: Some(renewed), ..Parts::default() };
    let details = LeaseDetails { bootp: false, carried };
    world.lease_with(SECONDARY, address(10), client(1), 6000, details);
    let known = carried_options(&world, SECONDARY);
    assert_eq!(known, [(82, vec![1, 1, 7]), (12, b"new".to_vec())]);
}

#[test]
fn options_survive_a_restart_of_the_server_that_was_told() {
    let mut world = World::normal(20);
    lease_with_options(&mut world);
    world.kill(SECONDARY);
    world.start(SECONDARY);
    assert_eq!(carried(&world)[SECONDARY], Carried::new(DETAILS.carried));
}

/// Long after the request, the answer to UPDREQALL tells of it.
///
/// Holds: FO-7.1.1-28, FO-7.1.1-33.
#[test]
fn a_server_that_lost_its_storage_gets_the_options_back() {
    let mut world = World::normal(20);
    lease_with_options(&mut world);
    world.kill(PRIMARY);
    world.sides[PRIMARY].disk = crate::support::world::Disk::default();
    world.start(PRIMARY);
    world.run(60);
    assert_eq!(carried(&world)[PRIMARY], Carried::new(DETAILS.carried));
}

fn active() -> BindingUpdate<'static> {
    BindingUpdate {
        address: address(12),
        binding_status: Some(BindingStatus::Active.code()),
        client_hardware_address: Some(&[1, 2, 0, 94, 16, 0, 1]),
        lease_expiration: Some(UnixTime(START + 600)),
        potential_expiration: Some(UnixTime(START + 4200)),
        client_last_transaction: Some(UnixTime(START)),
        client_request_options: Some(REQUEST),
        ..BindingUpdate::default()
    }
}

/// What a secondary carries at 10.20.0.12 after these updates.
fn after(updates: &[BindingUpdate<'_>]) -> Option<Vec<u8>> {
    let mut script = Script::normal_secondary_of(draft(Role::Secondary));
    for update in updates {
        script.update(*update);
        assert_eq!(script.take(MessageType::BNDACK).reject(), None);
    }
    let carried = script.endpoint.table().get(address(12)).unwrap().carried;
    carried.parts().request_options.map(<[u8]>::to_vec)
}

#[test]
fn what_an_update_leaves_out_is_kept_for_the_same_client() {
    let later = BindingUpdate {
        client_request_options: None,
        client_last_transaction: Some(UnixTime(START + 1)),
        ..active()
    };
    assert_eq!(after(&[active(), later]).as_deref(), Some(REQUEST));
}

#[test]
fn another_client_begins_without_options() {
    let later = BindingUpdate {
        client_request_options: None,
        client_hardware_address: Some(&[1, 2, 0, 94, 16, 0, 2]),
        ..active()
    };
    assert_eq!(after(&[active(), later]), None);
}

#[test]
fn options_without_a_magic_number_are_not_kept() {
    assert_eq!(after(&[BindingUpdate { client_request_options: Some(&[12]), ..active() }]), None);
}

#[test]
fn a_lease_that_is_over_carries_no_options() {
    let released = BindingUpdate {
        binding_status: Some(BindingStatus::Released.code()),
        client_last_transaction: Some(UnixTime(START + 1)),
        ..active()
    };
    assert_eq!(after(&[active(), released]), None);
}

/// Times outside ACTIVE, an address of a client for FREE: §7.1 has them as MUST NOT.
///
/// Holds: A1-10.
#[test]
fn an_option_that_the_table_forbids_is_no_error() {
    let mut script = Script::normal_secondary_of(draft(Role::Secondary));
    script.update(BindingUpdate {
        binding_status: Some(BindingStatus::Free.code()),
        client_identifier: Some(b"x"),
        client_reply_options: Some(REPLY),
        ddns: Some(&[0, 1, 0]),
        ..active()
    });
    assert_eq!(script.take(MessageType::BNDACK).reject(), None);
    assert_eq!(script.endpoint.state(), FailoverState::Normal);
}
