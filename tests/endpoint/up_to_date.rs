//! What the partner is known to know, and when that stops counting (§5.16, §5.17).

use twinlease::binding::Binding;
use twinlease::endpoint::{
    BindingChange, Input, LeaseAuthority, LeaseDetails, OperatorCommand, Origin,
};
use twinlease::wire::bndupd::{BindingReply, BndAck};
use twinlease::wire::codes::{BindingStatus, FailoverState, MessageType, RejectReason};
use twinlease::wire::connect::Reject;
use twinlease::wire::dialect::Dialect;
use twinlease::wire::message::Message;

use crate::support::scripted::{LINK, Said, Script};
use crate::support::world::{PRIMARY, SECONDARY, World};
use crate::support::{address, client};

fn lease(script: &mut Script, last: u8) {
    let (now, address, client) = (script.now, address(last), client(last));
    let grant = script.endpoint.grant(address, &client, 3600, now);
    let details = LeaseDetails::default();
    let change = BindingChange::Leased { address, client, grant, details };
    script.endpoint.record(now, change).unwrap();
    script.input(Input::TimeReached);
}

fn address_in(said: &Said) -> u8 {
    let Message::BndUpd(bndupd) = said.message(Dialect::Isc) else { panic!("no BNDUPD") };
    bndupd.updates().next().unwrap().address.octets()[3]
}

/// The addresses that come after a request, accepted one after the other until UPDDONE.
fn sent_upon(script: &mut Script, request: &Message<'_>) -> Vec<u8> {
    script.said.clear();
    script.tell(request);
    let mut addresses = Vec::new();
    while script.types() != ["upddone"] {
        let update = script.take(MessageType::BNDUPD);
        addresses.push(address_in(&update));
        script.acknowledge(&update);
    }
    addresses
}

/// A primary whose addresses were all its own and unused, and that has leased three: the second
/// was rejected by the partner.
fn primary() -> Script {
    let mut script = Script::normal_primary();
    for last in 10..13 {
        lease(&mut script, last);
        let update = script.take(MessageType::BNDUPD);
        if last == 11 {
            let reject = Some(Reject { reason: RejectReason::OUTDATED, message: None });
            let replies = [BindingReply { address: address(last), reject }];
            script.say(update.xid, &Message::BndAck(BndAck::of(&replies)));
        } else {
            script.acknowledge(&update);
        }
    }
    script
}

/// Holds: FO-5.16-1.
#[test]
fn a_request_for_what_is_new_brings_the_addresses_that_were_not_acknowledged() {
    assert_eq!(sent_upon(&mut primary(), &Message::UpdReq), [11]);
}

/// The addresses given to the secondary have a history by now; those that stayed have none.
///
/// Holds: FO-5.16-5.
#[test]
fn a_request_for_everything_brings_every_address_but_those_never_used() {
    let mut script = primary();
    let used: Vec<u8> = {
        let table = script.endpoint.table();
        let ever_used = table.iter().filter(Binding::was_ever_used);
        ever_used.map(|binding| binding.address.octets()[3]).collect()
    };
    assert!(used.len() < 20, "some were never used");
    assert_eq!(sent_upon(&mut script, &Message::UpdReqAll), used);
}

/// Holds: FO-5.17-2, FO-5.16-4.
#[test]
fn a_request_for_everything_counts_until_upddone_whatever_is_asked_on_the_next_connection() {
    let mut script = primary();
    let everything = sent_upon(&mut primary(), &Message::UpdReqAll);
    script.tell(&Message::UpdReqAll);
    script.cut();
    script.input(Input::Connected { link: LINK, origin: Origin::Dialled });
    script.accept_connect();
    script.state(FailoverState::Recover);
    assert_eq!(sent_upon(&mut script, &Message::UpdReq), everything);
    assert_eq!(sent_upon(&mut script, &Message::UpdReq), Vec::<u8>::new(), "they are known now");
}

/// Yesterday's store is put back: it knows nothing of a lease that the partner saw acknowledged.
///
/// Holds: FO-5.16-3, FO-5.16-4.
#[test]
fn a_server_with_a_restored_store_gets_back_what_it_had_acknowledged_since() {
    let mut world = World::normal(20);
    let backup = world.sides[SECONDARY].disk.clone();
    world.lease(PRIMARY, address(10), client(1), 100_000);
    world.run(1);
    world.lease(PRIMARY, address(10), client(1), 100_000);
    assert_eq!(world.binding(SECONDARY, address(10)).binding_status, BindingStatus::Active);
    world.run(5000);
    world.kill(SECONDARY);
    world.run(5);
    world.operator(PRIMARY, OperatorCommand::PartnerDown { forced: false });
    world.sides[SECONDARY].disk = backup;
    world.start(SECONDARY);
    world.run(10);
    assert!(world.sides[SECONDARY].states.contains(&FailoverState::Recover));
    assert_eq!(world.binding(SECONDARY, address(10)).binding_status, BindingStatus::Active);
}
