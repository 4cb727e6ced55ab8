//! What an answer says, on which connection it leaves, and what it does to a binding that has moved on
//! (§7.1.3, §7.2, §7.9, §5.10, §5.17).

use twinlease::balance::{HashBuckets, Role};
use twinlease::durable::Recovered;
use twinlease::endpoint::{BindingChange, Input, LeaseAuthority, LeaseDetails, Origin};
use twinlease::time::UnixTime;
use twinlease::wire::bndupd::{BindingUpdate, BndUpd};
use twinlease::wire::codes::{BindingStatus, FailoverState, MessageType, ServerFlags, Xid};
use twinlease::wire::connect::{Connect, StateMessage};
use twinlease::wire::dialect::Dialect;
use twinlease::wire::message::Message;

use crate::support::scripted::{LINK, Script, good_connect};
use crate::support::{START, address, client, config};

fn active(last: u8) -> BindingUpdate<'static> {
    BindingUpdate {
        address: address(last),
        binding_status: Some(BindingStatus::Active.code()),
        client_hardware_address: Some(&[1, 2, 0, 94, 16, 0, 1]),
        lease_expiration: Some(UnixTime(START + 600)),
        potential_expiration: Some(UnixTime(START + 4200)),
        start_of_status: Some(UnixTime(START)),
        client_last_transaction: Some(UnixTime(START)),
        ..BindingUpdate::default()
    }
}

fn lease(script: &mut Script, last: u8, number: u8, desired: u32) {
    let (now, address, client) = (script.now, address(last), client(number));
    let grant = script.endpoint.grant(address, &client, desired, now);
    script
        .endpoint
        .record(
            now,
            BindingChange::Leased { address, client, grant, details: LeaseDetails::default() },
        )
        .unwrap();
    script.input(Input::TimeReached);
}

/// Holds: FO-7.2-13, FO-7.2-15, FO-7.2-16, FO-7.2-18, FO-7.2.1-3, FO-7.2.1-6, A1-05.
#[test]
fn an_acceptance_holds_the_address_alone() {
    let mut script = Script::normal_secondary();
    script.update(active(12));
    let ack = script.take(MessageType::BNDACK);
    assert_eq!(ack.octets.get(12..), Some([0, 2, 0, 4, 10, 20, 0, 12].as_slice()));
}

/// Holds: FO-7.2-19, FO-7.2.1-8.
/// Holds: FO-12.16-1, FO-12.16-2.
#[test]
fn a_rejection_says_why_in_words() {
    let mut script = Script::normal_secondary();
    script.update(active(250));
    let ack = script.take(MessageType::BNDACK);
    let Message::BndAck(bndack) = ack.message(Dialect::Isc) else { unreachable!() };
    let reject = bndack.replies().next().unwrap().reject.unwrap();
    assert_eq!(reject.message, Some(b"address in no pool of the relationship".as_slice()));
}

#[test]
fn a_rejecting_connectack_offers_no_terms() {
    let mut script = Script::secondary();
    script.connected();
    let buckets = HashBuckets::half().to_wire(Dialect::Isc);
    let connect = Connect { relationship_name: Some(b"other"), ..good_connect(&buckets) };
    script.say(Xid(7), &Message::Connect(connect));
    let said = script.take(MessageType::CONNECTACK);
    let Message::ConnectAck(ack) = said.message(Dialect::Isc) else { unreachable!() };
    assert_eq!((ack.max_unacked_bndupd, ack.receive_timer, ack.vendor_class), (None, None, None));
    assert_eq!((ack.protocol_version, ack.tls_reply), (Some(1), Some(0)));
}

/// §7.2: a BNDACK leaves on the connection of its BNDUPD only; the partner sends that again.
/// Holds: FO-7.2-9, FO-7.2-11, FO-7.2-12.
#[test]
fn an_answer_that_missed_its_connection_is_dropped() {
    let mut script = Script::normal_secondary();
    script.instant_disk = false;
    script.update(active(12));
    script.input(Input::Disconnected { link: LINK });
    script.connected();
    script.connect();
    script.sync();
    script.state(FailoverState::CommunicationsInterrupted);
    script.sync();
    assert_eq!(script.endpoint.state(), FailoverState::Normal);
    assert!(!script.types().contains(&"bndack"), "{:?}", script.types());
}

/// Both servers saw the lease end, and the address has another client since.
/// Holds: A1-34.
#[test]
fn a_late_answer_to_an_expiry_frees_no_address_that_is_leased_again() {
    let mut script = Script::normal_primary();
    lease(&mut script, 25, 1, 60);
    script.answer_everything();
    script.run_talking(60);
    let expiry = script.take(MessageType::BNDUPD);
    script.update(BindingUpdate {
        binding_status: Some(BindingStatus::Expired.code()),
        ..active(25)
    });
    assert_eq!(script.endpoint.table().status_of(address(25)), Some(BindingStatus::Free));
    lease(&mut script, 25, 2, 600);
    script.acknowledge(&expiry);
    let binding = script.endpoint.table().get(address(25)).unwrap();
    assert_eq!(binding.binding_status, BindingStatus::Active);
    assert!(binding.belongs_to(&client(2)));
    assert!(!binding.partner_knows);
}

/// What counts as acknowledged once the partner has accepted a first lease of client 1, while `number`
/// has been granted the address since; and what it was told then.
fn acknowledged_behind(number: u8) -> (UnixTime, UnixTime) {
    let mut script = Script::normal_primary();
    lease(&mut script, 25, 1, 3600);
    let promised = script.endpoint.table().get(address(25)).unwrap().sent_potential_expiration;
    let first = script.take(MessageType::BNDUPD);
    script.run(10);
    lease(&mut script, 25, number, 3600);
    script.acknowledge(&first);
    let binding = script.endpoint.table().get(address(25)).unwrap();
    assert!(!binding.partner_knows);
    (binding.acked_potential_expiration, promised)
}

/// The partner does know what it was promised for the same client.
/// Holds: FO-7.1.5-8.
#[test]
fn an_answer_behind_a_renewal_still_acknowledges_the_promise_it_answers() {
    let (acked, promised) = acknowledged_behind(1);
    assert_eq!(acked, promised);
}

/// The promise was made for somebody else's lease.
#[test]
fn an_answer_behind_another_clients_lease_acknowledges_nothing() {
    assert_eq!(acknowledged_behind(2).0, UnixTime::ABSENT);
}

/// Holds: FO-7.4.2-2, FO-7.4.2-3.
#[test]
fn a_request_for_everything_outlives_its_connection() {
    let mut script = Script::normal_primary();
    script.tell(&Message::UpdReqAll);
    script.said.clear();
    script.input(Input::Disconnected { link: LINK });
    script.connected();
    script.accept_connect();
    script.state(FailoverState::Recover);
    script.said.clear();
    script.tell(&Message::UpdReq);
    let updates = script.types().iter().filter(|name| **name == "bndupd").count();
    assert_eq!(updates, 10, "the BACKUP addresses, all of which the partner knew once");
}

#[test]
fn a_draft_release_tells_of_the_client_and_of_no_lease() {
    let mut relationship = config(Role::Primary, 20);
    relationship.dialect = Dialect::Draft12;
    let mut script = Script::normal_primary_of(relationship);
    lease(&mut script, 25, 1, 600);
    script.answer_everything();
    script.run_talking(5);
    let now = script.now;
    script.endpoint.record(now, BindingChange::Released { address: address(25) }).unwrap();
    script.input(Input::TimeReached);
    let said = script.take(MessageType::BNDUPD);
    let Message::BndUpd(bndupd) = said.message(Dialect::Draft12) else { unreachable!() };
    let update = bndupd.updates().next().unwrap();
    let expected = BindingUpdate {
        address: address(25),
        binding_status: Some(BindingStatus::Released.code()),
        client_hardware_address: Some(&[1, 2, 0, 94, 16, 0, 1]),
        start_of_status: Some(UnixTime(START + 5)),
        client_last_transaction: Some(UnixTime(START + 5)),
        ..BindingUpdate::default()
    };
    assert_eq!(update, expected);
}

/// §5.10: the partner's clock is 250 seconds ahead.
/// Holds: FO-5.10-1, FO-5.10-5, FO-5.10-6.
/// Holds: FO-6.2-4.
/// Holds: FO-7.8.2-27, A1-54.
#[test]
fn every_time_of_the_partner_is_brought_into_the_local_clock() {
    let mut relationship = config(Role::Secondary, 20);
    relationship.dialect = Dialect::Draft12;
    let mut script = Script::new(relationship, Recovered::default());
    script.input(Input::Connected { link: LINK, origin: Origin::Accepted });
    let buckets = HashBuckets::half().to_wire(Dialect::Draft12);
    let ahead = |time: u32| Some(UnixTime(time + 250));
    let update = BindingUpdate {
        lease_expiration: ahead(START + 600),
        potential_expiration: ahead(START + 4200),
        start_of_status: ahead(START - 10),
        client_last_transaction: ahead(START - 5),
        ..active(12)
    };
    for message in
        [Message::Connect(good_connect(&buckets)), Message::BndUpd(BndUpd::of(&[update]))]
    {
        let mut octets = Vec::new();
        message.encode(UnixTime(START + 250), Xid(1), Dialect::Draft12, &mut octets).unwrap();
        script.octets(&octets);
    }
    let binding = script.endpoint.table().get(address(12)).unwrap();
    assert_eq!(binding.lease_expiration, UnixTime(START + 600));
    assert_eq!(binding.received_potential_expiration, UnixTime(START + 4200));
    assert_eq!(binding.start_of_status, UnixTime(START - 10));
    assert_eq!(binding.client_last_transaction, UnixTime(START - 5));
}

/// §5.10: the partner's clock is 250 seconds ahead.
/// Holds: FO-5.10-1, FO-5.10-6.
#[test]
fn the_beginning_of_the_partners_state_is_brought_into_the_local_clock() {
    let mut relationship = config(Role::Secondary, 20);
    relationship.dialect = Dialect::Draft12;
    let mut script = Script::new(relationship, Recovered::default());
    script.input(Input::Connected { link: LINK, origin: Origin::Accepted });
    let buckets = HashBuckets::half().to_wire(Dialect::Draft12);
    let state = StateMessage {
        server_state: Some(FailoverState::Recover.code()),
        server_flags: Some(ServerFlags(0)),
        start_of_state: Some(UnixTime(START + 250 - 30)),
    };
    for message in [Message::Connect(good_connect(&buckets)), Message::State(state)] {
        let mut octets = Vec::new();
        message.encode(UnixTime(START + 250), Xid(1), Dialect::Draft12, &mut octets).unwrap();
        script.octets(&octets);
    }
    let record = script.record.expect("the partner's state is recorded");
    assert_eq!(record.partner_start_of_state, UnixTime(START - 30));
}
