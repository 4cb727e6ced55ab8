//! What operators see of an endpoint, and what it does with messages it cannot use.

use twinlease::endpoint::status::{Communications, Sync};
use twinlease::endpoint::{BindingChange, Event, Input, LeaseAuthority, LeaseDetails};
use twinlease::time::UnixTime;
use twinlease::wire::bndupd::{BindingUpdate, BndUpd};
use twinlease::wire::codes::{BindingStatus, FailoverState, MessageType, ServerFlags, Xid};
use twinlease::wire::message::Message;

use crate::support::scripted::{LINK, Script};
use crate::support::{MCLT, START, address, client};

fn lease(script: &mut Script, last: u8) {
    let (now, address, client) = (script.now, address(last), client(last));
    let grant = script.endpoint.grant(address, &client, 600, now);
    script
        .endpoint
        .record(
            now,
            BindingChange::Leased { address, client, grant, details: LeaseDetails::default() },
        )
        .unwrap();
    script.input(Input::TimeReached);
}

#[test]
fn a_pair_at_rest_is_synced() {
    let status = Script::normal_primary().endpoint.status();
    assert_eq!((status.communications, status.sync), (Communications::Ok, Sync::Synced));
    assert_eq!((status.unacked_updates, status.queued_updates), (0, 0));
}

#[test]
fn an_update_in_flight_means_syncing() {
    let mut script = Script::normal_primary();
    lease(&mut script, 25);
    let status = script.endpoint.status();
    assert_eq!((status.sync, status.unacked_updates, status.queued_updates), (Sync::Syncing, 1, 0));
}

#[test]
fn an_update_that_waits_means_syncing() {
    let mut script = Script::normal_primary();
    script.instant_disk = false;
    lease(&mut script, 25);
    let status = script.endpoint.status();
    assert_eq!((status.sync, status.unacked_updates, status.queued_updates), (Sync::Syncing, 0, 1));
}

#[test]
fn a_request_of_the_partner_that_is_not_answered_means_syncing() {
    let mut script = Script::normal_primary();
    lease(&mut script, 25);
    script.answer_everything();
    script.tell(&Message::UpdReqAll);
    assert_eq!(script.endpoint.status().sync, Sync::Syncing);
    script.answer_everything();
    assert_eq!(script.endpoint.status().sync, Sync::Synced);
}

#[test]
fn an_own_request_that_is_not_answered_means_syncing() {
    let mut script = Script::secondary();
    script.shake_hands();
    script.state(FailoverState::PartnerDown);
    let request = script.take(MessageType::UPDREQALL);
    assert_eq!(script.endpoint.status().sync, Sync::Syncing);
    script.say(request.xid, &Message::UpdDone);
    assert_eq!(script.endpoint.status().sync, Sync::Synced);
}

#[test]
fn what_has_come_of_what_was_asked_for_is_counted() {
    let mut script = Script::secondary();
    script.shake_hands();
    script.state(FailoverState::PartnerDown);
    let request = script.take(MessageType::UPDREQALL);
    assert_eq!(script.endpoint.status().receiving, Some(0));
    for last in [25, 26] {
        let update = BindingUpdate {
            address: address(last),
            binding_status: Some(BindingStatus::Free.code()),
            start_of_status: Some(UnixTime(START)),
            ..BindingUpdate::default()
        };
        script.tell(&Message::BndUpd(BndUpd::of(&[update])));
    }
    assert_eq!(script.endpoint.status().receiving, Some(2));
    script.say(request.xid, &Message::UpdDone);
    assert_eq!(script.endpoint.status().receiving, None);
}

#[test]
fn without_contact_nothing_is_synced() {
    let mut script = Script::normal_primary();
    script.cut();
    let status = script.endpoint.status();
    let expected = (Communications::Interrupted, Sync::NotSynced);
    assert_eq!((status.communications, status.sync), expected);
}

#[test]
fn a_status_tells_states_since_when_and_the_pools() {
    let mut script = Script::normal_primary();
    script.run_talking(10);
    script.state_with(FailoverState::Paused, ServerFlags(0), START + 10);
    let status = script.endpoint.status();
    assert_eq!(status.name, "pair");
    assert_eq!(status.state, FailoverState::CommunicationsInterrupted);
    assert_eq!(status.state_since, UnixTime(START + 10));
    assert_eq!(status.partner_state, Some(FailoverState::Paused));
    assert_eq!(status.mclt, MCLT);
    let counts = BindingStatus::ALL.iter().map(|status_| status.ranges[0].count(*status_));
    assert_eq!(counts.sum::<u32>(), 20);
}

#[test]
fn names_are_those_of_the_contract() {
    let communications =
        [Communications::Ok, Communications::Interrupted].map(Communications::name);
    assert_eq!(communications, ["ok", "interrupted"]);
    let sync = [Sync::Synced, Sync::Syncing, Sync::NotSynced].map(Sync::name);
    assert_eq!(sync, ["synced", "syncing", "not-synced"]);
}

/// A header without options.
fn bare(message_type: u8) -> Vec<u8> {
    vec![0, 12, message_type, 12, 0, 0, 0, 0, 0, 0, 0, 7]
}

/// Holds: FO-5.1-11.
#[test]
fn messages_are_counted_by_type_and_unknown_ones_together() {
    let mut script = Script::normal_primary();
    let before = script.endpoint.status().stats.received;
    script.tell(&Message::Contact);
    for unknown in [128, 200, 255] {
        script.octets(&bare(unknown));
    }
    let after = script.endpoint.status().stats.received;
    let contact = usize::from(MessageType::CONTACT.0);
    assert_eq!(after[contact] - before[contact], 1);
    assert_eq!(after[0] - before[0], 3);
}

#[test]
fn sent_messages_are_counted_by_type() {
    let mut script = Script::normal_primary();
    let before = script.endpoint.status().stats.sent;
    script.tell(&Message::PoolReq);
    let after = script.endpoint.status().stats.sent;
    let poolresp = usize::from(MessageType::POOLRESP.0);
    assert_eq!(after[poolresp] - before[poolresp], 1);
}

#[test]
fn a_message_that_cannot_be_read_costs_the_connection() {
    let mut script = Script::normal_primary();
    let mut state = bare(MessageType::STATE.0);
    // A server-state of two octets.
    state.extend([0, 24, 0, 2, 0, 2]);
    state[1] = 18;
    script.octets(&state);
    assert_eq!(script.types().first(), Some(&"disconnect"));
    assert_eq!(script.closed, [LINK]);
}

#[test]
fn an_answer_to_nothing_is_an_event_and_nothing_else() {
    let mut script = Script::normal_secondary();
    script.tell(&Message::UpdDone);
    let told =
        |event: &Event| matches!(event, Event::Unexpected { message: MessageType::UPDDONE, .. });
    assert!(script.events.iter().any(told), "{:?}", script.events);
    assert_eq!((script.closed.as_slice(), script.types().as_slice()), (&[][..], &[][..]));
}

#[test]
fn octets_for_a_connection_leave_in_batches() {
    let mut script = Script::normal_secondary();
    script.said.clear();
    let update =
        BindingUpdate { address: address(200), binding_status: Some(1), ..Default::default() };
    let mut octets = Vec::new();
    let updates = [update];
    Message::BndUpd(BndUpd::of(&updates))
        .encode(script.now.wall, Xid(900), twinlease::wire::dialect::Dialect::Isc, &mut octets)
        .unwrap();
    // Rejections, collected only at the end: more than one batch of them.
    for _ in 0..3000 {
        let frame = twinlease::wire::frame::Frame::parse(&octets).unwrap();
        script.endpoint.handle_input(script.now, Input::Received { link: LINK, frame });
    }
    let (mut batches, mut total) = (Vec::new(), 0);
    loop {
        match script.endpoint.poll_output() {
            twinlease::endpoint::Output::Transmit(link) => {
                let mut batch = Vec::new();
                script.endpoint.take_transmit(link, &mut batch);
                total += batch.len();
                batches.push(batch.len());
            }
            twinlease::endpoint::Output::Commit(commit) => {
                script.endpoint.handle_input(script.now, Input::Committed(commit.id));
            }
            twinlease::endpoint::Output::Idle { .. } => break,
            _ => {}
        }
    }
    assert!(total > 65_536, "{total}");
    assert!(batches.iter().all(|batch| *batch <= 65_536), "{batches:?}");
}

#[test]
fn startup_lasts_since_the_process_began() {
    let script = Script::primary();
    let status = script.endpoint.status();
    assert_eq!((status.state, status.state_since), (FailoverState::Startup, UnixTime(START)));
}

/// dhcpd, as the primary, resets an address by itself.
#[test]
fn in_normal_a_primary_may_reset_an_address_and_the_secondary_of_a_dhcpd_may_not() {
    assert!(Script::normal_primary().endpoint.may_reset());
    assert!(!Script::normal_secondary().endpoint.may_reset());
}
