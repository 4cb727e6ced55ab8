//! Several binding updates in one BNDUPD, and their answers in one BNDACK (§6.3).

use twinlease::balance::Role;
use twinlease::binding::{Client, ClientIdentifier};
use twinlease::durable::Recovered;
use twinlease::endpoint::{
    Batching, BindingChange, Event, Input, LeaseAuthority, LeaseDetails, RelationshipConfig,
};
use twinlease::time::UnixTime;
use twinlease::wire::bndupd::{BindingReply, BndAck};
use twinlease::wire::codes::{BindingStatus, FailoverState, MessageType, RejectReason, Xid};
use twinlease::wire::connect::Reject;
use twinlease::wire::dialect::Dialect;
use twinlease::wire::frame::MAX_MESSAGE_LEN;
use twinlease::wire::message::Message;

use crate::support::scripted::{DHCPD, Said, Script, TWINLEASE};
use crate::support::world::{PRIMARY, SECONDARY, World};
use crate::support::{START, address, client, config};

/// A primary in NORMAL whose partner says that it is `vendor`.
fn primary(config: RelationshipConfig, vendor: &'static [u8]) -> Script {
    let mut script = Script::new(config, Recovered::default());
    script.vendor = vendor;
    script.connected();
    script.accept_connect();
    script.become_normal();
    script
}

/// Leases the addresses to clients of their numbers; all of it becomes durable at once.
fn lease_together(script: &mut Script, addresses: impl IntoIterator<Item = u8>) {
    script.instant_disk = false;
    for last in addresses {
        let now = script.now;
        let (address, client) = (address(last), client(last));
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
    script.instant_disk = true;
    script.sync();
}

/// The addresses in a BNDUPD, in their order.
fn addresses_in(said: &Said) -> Vec<u8> {
    let Message::BndUpd(bndupd) = said.message(Dialect::Draft12) else { panic!("no BNDUPD") };
    bndupd.updates().map(|update| update.address.octets()[3]).collect()
}

/// How many updates each BNDUPD carries when 15 leases become durable together.
fn sizes(batching: Batching, dialect: Dialect, vendor: &'static [u8]) -> Vec<usize> {
    let mut config = config(Role::Primary, 20);
    config.batching = batching;
    config.dialect = dialect;
    let mut script = primary(config, vendor);
    lease_together(&mut script, 10..20);
    script.said.iter().map(|said| addresses_in(said).len()).collect()
}

/// Holds: FO-6.3-1, FO-6.3-4, FO-7.1-3, FO-7.2-3.
#[test]
fn leases_that_become_durable_together_go_in_one_message_to_another_twinlease() {
    assert_eq!(sizes(Batching::WithTwinlease, Dialect::Isc, TWINLEASE), [10]);
}

#[test]
fn a_dhcpd_gets_one_update_a_message_whatever_is_configured() {
    assert_eq!(sizes(Batching::WithEverybody, Dialect::Isc, DHCPD), [1; 10]);
}

#[test]
fn another_partner_gets_one_update_a_message_unless_configured() {
    assert_eq!(sizes(Batching::WithTwinlease, Dialect::Draft12, b"other"), [1; 10]);
}

#[test]
fn another_partner_that_speaks_the_draft_gets_batches_where_configured() {
    assert_eq!(sizes(Batching::WithEverybody, Dialect::Draft12, b"other"), [10]);
}

#[test]
fn batching_can_be_switched_off() {
    assert_eq!(sizes(Batching::Never, Dialect::Draft12, TWINLEASE), [1; 10]);
}

/// Holds: FO-6.3-5, FO-6.3-7, FO-6.3-8.
#[test]
fn each_transaction_begins_with_its_address_and_has_a_status() {
    let mut script = primary(config(Role::Primary, 20), TWINLEASE);
    lease_together(&mut script, [10, 11]);
    let update = script.take(MessageType::BNDUPD);
    let codes: Vec<u16> = update.frame().options().map(|option| option.unwrap().code.0).collect();
    let transactions: Vec<&[u16]> = codes.split(|code| *code == 2).collect();
    assert!(transactions[0].is_empty(), "nothing stands before the first address");
    assert_eq!(transactions.len(), 3);
    assert!(transactions[1..].iter().all(|options| options.contains(&3)));
}

fn big(script: &mut Script, count: u8) {
    let identifiers: Vec<_> =
        (0..count).map(|number| ClientIdentifier::new(&[number; 255]).unwrap()).collect();
    script.instant_disk = false;
    for (number, identifier) in (10..).zip(identifiers) {
        let now = script.now;
        let holder = Client { identifier: Some(identifier), hardware: client(number).hardware };
        let (address, client) = (address(number), holder.as_ref());
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
    script.instant_disk = true;
    script.sync();
}

#[test]
fn what_has_no_room_in_a_message_begins_the_next() {
    let mut script = primary(config(Role::Primary, 20), TWINLEASE);
    big(&mut script, 9);
    assert!(script.said.iter().all(|said| said.octets.len() <= MAX_MESSAGE_LEN));
    let all: Vec<Vec<u8>> = script.said.iter().map(addresses_in).collect();
    assert!(all.len() > 1, "{all:?}");
    assert_eq!(all.concat(), (10..19).collect::<Vec<u8>>());
}

/// Holds: A1-47.
#[test]
fn a_message_counts_once_in_the_window_however_many_updates_it_has() {
    let mut script = primary(config(Role::Primary, 60), TWINLEASE);
    for round in 0..12 {
        lease_together(&mut script, [10 + 2 * round, 11 + 2 * round]);
    }
    assert_eq!(script.types(), ["bndupd"; 10]);
    assert_eq!(script.endpoint.status().unacked_updates, 20);
    let first = script.take(MessageType::BNDUPD);
    script.acknowledge(&first);
    assert_eq!(script.types(), ["bndupd"; 10], "one answered message makes room for one");
    let last = script.said.back().unwrap();
    assert_eq!(addresses_in(last), [30, 31, 32, 33], "all that waited goes in one");
}

/// Messages without an answer to a partner that announces a window of ten, after 24 leases one by one.
fn unanswered(vendor: &'static [u8], twinlease_window: u32) -> usize {
    let mut relationship = config(Role::Primary, 60);
    relationship.twinlease_window = twinlease_window;
    let mut script = primary(relationship, vendor);
    for last in 10..34 {
        lease_together(&mut script, [last]);
    }
    script.types().len()
}

#[test]
fn another_twinlease_is_sent_more_than_it_announces_and_nobody_else() {
    assert_eq!(unanswered(TWINLEASE, 16), 16);
    assert_eq!(unanswered(TWINLEASE, 5), 10);
    assert_eq!(unanswered(b"script", 16), 10);
    assert_eq!(unanswered(DHCPD, 16), 10);
}

/// What is known of the partner's answer to the address.
fn acked(script: &Script, last: u8) -> UnixTime {
    script.endpoint.table().get(address(last)).unwrap().acked_potential_expiration
}

const REJECTED: BindingReply<'static> = BindingReply {
    address: std::net::Ipv4Addr::new(10, 20, 0, 11),
    reject: Some(Reject { reason: RejectReason::OUTDATED, message: Some(b"older") }),
};

/// Holds: FO-6.3-12, FO-6.3-14.
#[test]
fn each_update_of_a_message_is_accepted_or_rejected_by_itself() {
    let mut script = primary(config(Role::Primary, 20), TWINLEASE);
    lease_together(&mut script, [10, 11, 12]);
    let update = script.take(MessageType::BNDUPD);
    // In another order than the updates.
    let replies = [
        BindingReply { address: address(12), reject: None },
        REJECTED,
        BindingReply { address: address(10), reject: None },
    ];
    script.say(update.xid, &Message::BndAck(BndAck::of(&replies)));
    assert!(acked(&script, 10).is_known());
    assert!(!acked(&script, 11).is_known());
    assert!(acked(&script, 12).is_known());
    assert_eq!(script.endpoint.status().unacked_updates, 0);
    assert!(script.events.contains(&Event::UpdateRejectedByPartner {
        address: REJECTED.address,
        reason: RejectReason::OUTDATED,
        text: "older".to_owned(),
    }));
}

#[test]
fn an_update_that_its_answer_leaves_out_frees_the_window_and_is_sent_again() {
    let mut script = primary(config(Role::Primary, 20), TWINLEASE);
    lease_together(&mut script, [10, 11]);
    let update = script.take(MessageType::BNDUPD);
    let replies = [BindingReply { address: address(10), reject: None }];
    script.say(update.xid, &Message::BndAck(BndAck::of(&replies)));
    assert_eq!(script.endpoint.status().unacked_updates, 0);
    assert!(!acked(&script, 11).is_known());
    script.run_talking(125);
    let again = script.take(MessageType::BNDUPD);
    assert_eq!(addresses_in(&again), [11]);
}

#[test]
fn an_update_that_had_no_room_is_not_sent_before_a_newer_change_is_durable() {
    let mut script = primary(config(Role::Primary, 20), TWINLEASE);
    for last in 20..29 {
        lease_together(&mut script, [last]);
    }
    big(&mut script, 9);
    let left_over = 10 + u8::try_from(addresses_in(script.said.back().unwrap()).len()).unwrap();
    script.instant_disk = false;
    let change = BindingChange::Released { address: address(left_over) };
    script.endpoint.record(script.now, change).unwrap();
    let first = script.take(MessageType::BNDUPD);
    script.acknowledge(&first);
    assert!(!addresses_in(script.said.back().unwrap()).contains(&left_over));
}

#[test]
fn upddone_waits_for_every_update_of_every_message() {
    let mut script = primary(config(Role::Primary, 20), TWINLEASE);
    lease_together(&mut script, 10..15);
    script.answer_everything();
    script.said.clear();
    let request = script.tell(&Message::UpdReqAll);
    let updates: Vec<Said> = script.said.drain(..).collect();
    assert!(updates.len() < 15, "they go in batches");
    for update in &updates {
        assert_eq!(script.types(), Vec::<&str>::new());
        script.acknowledge(update);
    }
    assert_eq!(script.take(MessageType::UPDDONE).xid, request);
}

/// A BNDUPD with these options.
fn bulk(transactions: &[&[u8]]) -> Vec<u8> {
    let payload = transactions.concat();
    let length = u16::try_from(12 + payload.len()).unwrap();
    let mut octets = length.to_be_bytes().to_vec();
    octets.extend_from_slice(&[3, 12]);
    octets.extend_from_slice(&START.to_be_bytes());
    octets.extend_from_slice(&[0, 0, 0, 77]);
    octets.extend_from_slice(&payload);
    octets
}

/// The address is FREE.
const FIRST: &[u8] = &[0, 2, 0, 4, 10, 20, 0, 12, 0, 3, 0, 1, 1];
/// An address of nobody's.
const ILLEGAL: &[u8] = &[0, 2, 0, 4, 10, 20, 0, 250, 0, 3, 0, 1, 1];
/// FREE again, with the options in another order.
const LAST: &[u8] =
    &[0, 2, 0, 4, 10, 20, 0, 13, 0, 25, 0, 4, 0x65, 0x53, 0xf1, 0x01, 0, 3, 0, 1, 1];

/// One message answers one message; its set of addresses is that of the update; the one rejected is
/// followed by reason and text, the others by nothing.
///
/// Holds: FO-6.3-2, FO-6.3-9, FO-6.3-10, FO-6.3-11, FO-6.3-13, FO-6.3-15, A1-25.
#[test]
fn a_batch_is_answered_by_one_message_that_says_which_address_is_rejected_and_why() {
    let mut script = Script::normal_secondary();
    script.octets(&bulk(&[FIRST, ILLEGAL, LAST]));
    assert_eq!(script.types(), ["bndack"]);
    let ack = script.take(MessageType::BNDACK);
    assert_eq!(ack.xid, Xid(77));
    let options: Vec<(u16, Vec<u8>)> = ack
        .frame()
        .options()
        .map(|option| option.unwrap())
        .map(|option| (option.code.0, option.value.to_vec()))
        .collect();
    let text = b"address in no pool of the relationship".to_vec();
    let expected = [
        (2, vec![10, 20, 0, 12]),
        (2, vec![10, 20, 0, 250]),
        (21, vec![1]),
        (16, text),
        (2, vec![10, 20, 0, 13]),
    ];
    assert_eq!(options, expected);
}

/// Holds: FO-6.3-6.
#[test]
fn the_order_of_options_between_two_addresses_does_not_matter() {
    let statuses = |order: [&[u8]; 2]| {
        let mut script = Script::normal_secondary();
        let head: &[u8] = &[0, 2, 0, 4, 10, 20, 0, 12];
        script.octets(&bulk(&[head, order[0], order[1], LAST]));
        [12, 13].map(|last| script.endpoint.table().get(address(last)).unwrap())
    };
    let status: &[u8] = &[0, 3, 0, 1, 7];
    let since: &[u8] = &[0, 25, 0, 4, 0x65, 0x53, 0xf1, 0x01];
    let [first, last] = statuses([status, since]);
    assert_eq!(first.binding_status, BindingStatus::Backup);
    assert_eq!(statuses([since, status]), [first, last]);
}

/// An address with its status, its client, and the end of the lease.
type Held = (u8, BindingStatus, Option<Client>, UnixTime);

/// What both servers hold after the same story, told with and without batches.
fn story(batching: Batching, seed: u64) -> [Vec<Held>; 2] {
    let [primary, secondary] = [Role::Primary, Role::Secondary].map(|role| {
        let mut config = config(role, 60);
        config.batching = batching;
        config
    });
    let mut world = World::new(primary, secondary);
    world.start(PRIMARY);
    world.start(SECONDARY);
    world.run(30);
    let mut random = seed | 1;
    for _ in 0..60 {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let [_, step, number, ..] = random.to_be_bytes();
        let side = usize::from(step & 1);
        let held = address(10 + number % 60);
        let holder = client(number % 60);
        let now = world.now();
        let endpoint = world.sides[side].endpoint();
        let may_lease = !matches!(
            endpoint.availability(held, &holder, now),
            twinlease::endpoint::Availability::No(_)
        );
        match step % 16 {
            0 => world.cut(),
            1 => world.cable = !world.cable,
            2 => world.run(40),
            3 if endpoint.table().status_of(held) == Some(BindingStatus::Active) => {
                world.record(side, BindingChange::Released { address: held });
            }
            _ if may_lease && endpoint.state() != FailoverState::Startup => {
                world.lease(side, held, holder, 4000);
            }
            _ => world.run(1),
        }
    }
    world.cable = true;
    world.run(400);
    [PRIMARY, SECONDARY].map(|side| {
        let table = world.sides[side].endpoint().table();
        table
            .iter()
            .map(|b| (b.address.octets()[3], b.binding_status, b.client, b.lease_expiration))
            .collect()
    })
}

/// Holds: FO-6.3-3.
#[test]
fn with_batches_and_without_them_both_servers_end_with_equal_tables() {
    for seed in 0..40 {
        assert_eq!(story(Batching::WithTwinlease, seed), story(Batching::Never, seed), "{seed}");
    }
}
