//! Setting a connection up and keeping it alive (§8).

use twinlease::balance::{HashBuckets, Role};
use twinlease::durable::Recovered;
use twinlease::endpoint::{
    BindingChange, Communications, Event, Input, LeaseAuthority, LeaseDetails, LinkEnd, LinkId,
    Origin,
};
use twinlease::time::UnixTime;
use twinlease::wire::bndupd::{BindingReply, BindingUpdate, BndAck};
use twinlease::wire::codes::{
    BindingStatus, FailoverState, MessageType, RejectReason, ServerFlags, Xid,
};
use twinlease::wire::connect::{Connect, StateMessage};
use twinlease::wire::dialect::Dialect;
use twinlease::wire::message::Message;

use crate::support::scripted::{DHCPD, LINK, Script, good_connect};
use crate::support::world::{PRIMARY, SECONDARY, World};
use crate::support::{START, address, client, config};

/// Holds: FO-5.1-6.
/// Holds: FO-7.8-2, FO-7.8.1-1, FO-7.8.2-1, FO-8.2-7, FO-8.2-16.
#[test]
fn a_primary_sends_connect_on_a_connection_it_dialled() {
    let mut script = Script::primary();
    script.connected();
    assert_eq!(script.types(), ["connect"]);
}

/// Holds: FO-8.2-12, FO-8.2-13, FO-8.2-14.
#[test]
fn a_primary_sends_connect_on_a_connection_that_a_dhcpd_secondary_dialled() {
    let mut script = Script::primary();
    script.input(Input::Connected { link: LINK, origin: Origin::Accepted });
    assert_eq!(script.types(), ["connect"]);
}

/// Holds: FO-8.2-9, FO-8.2-10, FO-8.2-12, FO-8.2-13, FO-8.2-14, A1-14.
#[test]
fn a_draft_primary_dials_back_instead() {
    let mut relationship = config(Role::Primary, 20);
    relationship.dialect = Dialect::Draft12;
    let mut script = Script::new(relationship, Recovered::default());
    let dials = script.dials;
    script.input(Input::Connected { link: LINK, origin: Origin::Accepted });
    assert_eq!(script.closed, [LINK]);
    assert_eq!(script.dials, dials + 1);
}

/// Holds: FO-7.8-1, FO-7.8.2-2, FO-8.2-11, FO-8.2-17.
#[test]
fn a_secondary_says_nothing_before_connect() {
    let mut script = Script::secondary();
    script.connected();
    assert_eq!(script.types(), Vec::<&str>::new());
}

/// Holds: FO-5.1-7.
/// Holds: FO-7.9.1-16, FO-7.10-2, FO-8.2-24.
#[test]
fn a_secondary_answers_connect_with_connectack_and_state() {
    let mut script = Script::secondary();
    script.connected();
    script.connect();
    assert_eq!(script.types(), ["connectack", "state"]);
    assert_eq!(script.take(MessageType::CONNECTACK).xid, Xid(0));
}

#[test]
fn the_first_state_of_a_new_server_is_recover_in_startup() {
    let mut script = Script::secondary();
    script.connected();
    script.connect();
    let state = script.take(MessageType::STATE).state();
    assert_eq!(state, (FailoverState::Recover, ServerFlags::STARTUP));
}

/// A CONNECT changed by `spoil` is rejected with `reason`.
#[track_caller]
fn rejects(dialect: Dialect, reason: RejectReason, spoil: impl Fn(&mut Connect<'_>)) {
    let mut relationship = config(Role::Secondary, 20);
    relationship.dialect = dialect;
    let mut script = Script::new(relationship, Recovered::default());
    script.input(Input::Connected { link: LINK, origin: Origin::Accepted });
    let buckets = HashBuckets::half().to_wire(dialect);
    let mut connect = good_connect(&buckets);
    spoil(&mut connect);
    script.say(Xid(7), &Message::Connect(connect));
    let ack = script.take(MessageType::CONNECTACK);
    assert_eq!(ack.reject(), Some(reason));
    assert_eq!(ack.xid, Xid(7));
    assert_eq!(script.closed, [LINK]);
    assert_eq!(script.types(), Vec::<&str>::new());
}

/// Holds: FO-5.1.1-3.
/// Holds: FO-12.21-2, A2-24.
#[test]
fn an_unknown_relationship_name_is_an_invalid_partner() {
    rejects(Dialect::Isc, RejectReason::INVALID_PARTNER, |connect| {
        connect.relationship_name = Some(b"other");
    });
}

#[test]
fn a_missing_relationship_name_is_an_invalid_partner() {
    rejects(Dialect::Isc, RejectReason::INVALID_PARTNER, |connect| {
        connect.relationship_name = None;
    });
}

/// Holds: FO-6.1-3.
#[test]
fn a_missing_mclt_is_an_invalid_mclt() {
    rejects(Dialect::Isc, RejectReason::INVALID_MCLT, |connect| connect.mclt = None);
}

#[test]
fn a_missing_hash_bucket_assignment_is_a_hash_bucket_conflict() {
    rejects(Dialect::Isc, RejectReason::HASH_BUCKET_CONFLICT, |connect| {
        connect.hash_bucket_assignment = None;
    });
}

#[test]
fn a_primary_that_insists_on_tls_is_told_that_there_is_none() {
    rejects(Dialect::Isc, RejectReason::TLS_NOT_SUPPORTED, |connect| {
        connect.tls_request = Some(2);
    });
}

#[test]
fn another_protocol_version_is_rejected_by_the_draft() {
    rejects(Dialect::Draft12, RejectReason::VERSION_MISMATCH, |connect| {
        connect.protocol_version = Some(2);
    });
}

/// Holds: FO-5.10-2.
#[test]
fn a_clock_61_seconds_off_is_a_time_mismatch() {
    let mut script = Script::secondary();
    script.connected();
    let buckets = HashBuckets::half().to_wire(Dialect::Isc);
    let mut octets = Vec::new();
    Message::Connect(good_connect(&buckets))
        .encode(UnixTime(START - 61), Xid(3), Dialect::Isc, &mut octets)
        .unwrap();
    script.octets(&octets);
    assert_eq!(script.take(MessageType::CONNECTACK).reject(), Some(RejectReason::TIME_MISMATCH));
}

#[test]
fn a_clock_60_seconds_off_is_accepted() {
    let mut script = Script::secondary();
    script.connected();
    let buckets = HashBuckets::half().to_wire(Dialect::Isc);
    let mut octets = Vec::new();
    Message::Connect(good_connect(&buckets))
        .encode(UnixTime(START - 60), Xid(3), Dialect::Isc, &mut octets)
        .unwrap();
    script.octets(&octets);
    assert_eq!(script.take(MessageType::CONNECTACK).reject(), None);
}

/// Holds: FO-8-3, FO-8.1-1, A1-14.
#[test]
fn a_second_connect_while_a_live_link_exists_is_a_duplicate() {
    let mut script = Script::normal_secondary();
    let second = LinkId(2);
    script.input(Input::Connected { link: second, origin: Origin::Accepted });
    let buckets = HashBuckets::half().to_wire(Dialect::Isc);
    let mut octets = Vec::new();
    Message::Connect(good_connect(&buckets))
        .encode(script.now.wall, Xid(9), Dialect::Isc, &mut octets)
        .unwrap();
    let frame = twinlease::wire::frame::Frame::parse(&octets).unwrap();
    script.input(Input::Received { link: second, frame });
    assert_eq!(
        script.take(MessageType::CONNECTACK).reject(),
        Some(RejectReason::DUPLICATE_CONNECTION)
    );
    assert_eq!(script.endpoint.state(), FailoverState::Normal);
}

#[test]
fn a_message_before_connect_closes_the_connection_without_an_answer() {
    let mut script = Script::secondary();
    script.connected();
    script.tell(&Message::Contact);
    assert_eq!(script.closed, [LINK]);
    assert_eq!(script.types(), Vec::<&str>::new());
}

/// Holds: FO-7.8.2-3, FO-8.2-18.
#[test]
fn a_connection_without_connect_is_closed_after_15_seconds() {
    let mut script = Script::secondary();
    script.connected();
    script.run(14);
    assert_eq!(script.closed, []);
    script.run(1);
    assert_eq!(script.closed, [LINK]);
}

#[test]
fn a_partner_that_waits_for_one_second_only_hears_in_time() {
    let mut script = Script::secondary();
    script.connected();
    let buckets = HashBuckets::half().to_wire(Dialect::Isc);
    let connect = Connect { receive_timer: Some(1), ..good_connect(&buckets) };
    script.say(Xid(1), &Message::Connect(connect));
    script.said.clear();
    script.run(1);
    assert_eq!(script.types(), ["contact"; 3]);
}

/// Holds: FO-3.5-1, FO-3.5-3, FO-3.5-4, FO-5.1-8.
/// Holds: FO-12.19-1.
#[test]
fn silence_for_the_own_receive_timer_ends_the_connection_with_reason_17() {
    let mut script = Script::normal_primary();
    script.run(30);
    let disconnect = script.take(MessageType::DISCONNECT);
    let Message::Disconnect(message) = disconnect.message(Dialect::Isc) else { unreachable!() };
    assert_eq!(message.reason, Some(RejectReason::NO_TRAFFIC));
    assert_eq!(script.closed, [LINK]);
    assert_eq!(script.endpoint.state(), FailoverState::CommunicationsInterrupted);
    assert!(script.events.contains(&Event::CommunicationsInterrupted(LinkEnd::Silence)));
}

/// Holds: FO-6.1-11.
#[test]
fn an_unknown_message_type_below_128_ends_the_connection() {
    let mut script = Script::normal_primary();
    script.tell(&Message::Unknown { message_type: MessageType(127), payload: &[] });
    assert_eq!(script.closed, [LINK]);
}

/// Holds: FO-6.1-12, FO-6.1-13.
#[test]
fn an_unknown_message_type_from_128_on_is_ignored() {
    let mut script = Script::normal_primary();
    script.tell(&Message::Unknown { message_type: MessageType(128), payload: &[] });
    assert_eq!(script.closed, []);
    assert_eq!(script.endpoint.state(), FailoverState::Normal);
}

#[test]
fn a_state_without_a_known_value_ends_the_connection() {
    let mut script = Script::normal_primary();
    let state = StateMessage {
        server_state: Some(12),
        server_flags: Some(ServerFlags(0)),
        start_of_state: Some(UnixTime(START)),
    };
    script.tell(&Message::State(state));
    assert_eq!(script.closed, [LINK]);
    assert_eq!(script.endpoint.state(), FailoverState::CommunicationsInterrupted);
}

/// Holds: FO-2.2-8, FO-5.2.1-13, FO-5.2.1-14.
#[test]
fn a_secondary_lives_by_the_primarys_mclt() {
    let mut relationship = config(Role::Secondary, 20);
    relationship.mclt = twinlease::binding::times::Mclt(5);
    let mut script = Script::new(relationship, Recovered::default());
    script.connected();
    script.connect();
    assert_eq!(script.endpoint.status().mclt, crate::support::MCLT);
}

/// Holds: FO-7.9.2-16.
#[test]
fn towards_a_dhcpd_in_startup_normal_waits_for_its_state() {
    let mut script = restarted_primary_facing(b"isc-4.4.3-P1");
    assert_eq!(script.types(), Vec::<&str>::new());
    script.state(FailoverState::Recover);
    assert_eq!(
        script.take(MessageType::STATE).state(),
        (FailoverState::CommunicationsInterrupted, ServerFlags(0))
    );
}

#[test]
fn towards_a_silent_dhcpd_normal_waits_one_second() {
    let mut script = restarted_primary_facing(b"isc-4.4.3-P1");
    script.run(1);
    assert_eq!(
        script.take(MessageType::STATE).state(),
        (FailoverState::Normal, ServerFlags::STARTUP)
    );
}

#[test]
fn towards_others_the_recorded_state_is_announced_at_once() {
    let mut script = restarted_primary_facing(b"other");
    assert_eq!(
        script.take(MessageType::STATE).state(),
        (FailoverState::Normal, ServerFlags::STARTUP)
    );
}

/// A primary whose former process was in NORMAL, after CONNECTACK.
fn restarted_primary_facing(vendor: &[u8]) -> Script {
    let record = {
        let script = Script::normal_primary();
        script.record.expect("the state was committed")
    };
    assert_eq!(record.state, FailoverState::Normal);
    let recovered = Recovered { endpoint: Some(record), bindings: Vec::new() };
    let mut script = Script::new(config(Role::Primary, 20), recovered);
    script.connected();
    let connect = script.take(MessageType::CONNECT);
    let ack = twinlease::wire::connect::ConnectAck {
        relationship_name: Some(b"pair"),
        max_unacked_bndupd: Some(10),
        receive_timer: Some(30),
        vendor_class: Some(vendor),
        protocol_version: Some(1),
        tls_reply: Some(0),
        reject: None,
    };
    script.say(connect.xid, &Message::ConnectAck(ack));
    script
}

#[test]
fn of_many_silent_connections_the_oldest_makes_room() {
    let mut script = Script::secondary();
    for number in 2..7 {
        script.input(Input::Connected { link: LinkId(number), origin: Origin::Accepted });
    }
    assert_eq!(script.closed, [LinkId(2)]);
}

/// A CONTACT whose header shows the partner's clock `behind` seconds behind.
fn contact_behind(script: &mut Script, behind: u32) {
    let time = UnixTime(script.now.wall.0 - behind);
    script.hear(LINK, time, Xid(1), &Message::Contact);
}

/// Such CONTACTs, one every ten seconds.
fn contacts_behind(script: &mut Script, behind: u32, count: u32) {
    for _ in 0..count {
        script.run(10);
        contact_behind(script, behind);
    }
}

/// Holds: FO-5.10-8, FO-5.10-11.
#[test]
fn a_message_that_was_late_on_its_way_does_not_change_the_clock_delta() {
    let mut script = Script::normal_primary();
    contacts_behind(&mut script, 20, 1);
    contacts_behind(&mut script, 0, 1);
    assert_eq!(script.endpoint.status().clock_delta_seconds, Some(0));
}

/// Holds: FO-5.10-7, FO-5.10-9, FO-5.10-10, FO-7.11.2-2.
#[test]
fn a_clock_that_was_set_is_believed_after_a_while() {
    let mut script = Script::normal_primary();
    contacts_behind(&mut script, 20, 2);
    assert_eq!(script.endpoint.status().clock_delta_seconds, Some(20));
    assert!(script.events.contains(&Event::ClockJumped { before: 0, now: 20 }));
}

/// Holds: FO-5.10-9, FO-5.10-10.
#[test]
fn samples_of_five_seconds_make_a_jump_of_a_clock() {
    for (seconds, delta) in [(4, 0), (5, 20)] {
        let mut script = Script::normal_primary();
        contact_behind(&mut script, 20);
        script.run(seconds);
        contact_behind(&mut script, 20);
        let known = script.endpoint.status().clock_delta_seconds;
        assert_eq!(known, Some(delta), "{seconds} seconds");
    }
}

// One connection.

/// Holds: FO-8-3, FO-8.1-1, FO-8.2-26, FO-8.2-27.
#[test]
fn servers_that_dial_each_other_end_up_with_one_connection() {
    for dialect in [Dialect::Isc, Dialect::Draft12] {
        let both = [Role::Primary, Role::Secondary].map(|role| {
            let mut relationship = config(role, 20);
            relationship.dialect = dialect;
            relationship
        });
        let [primary, secondary] = both;
        let mut world = World::new(primary, secondary);
        world.start(SECONDARY);
        world.start(PRIMARY);
        world.run(120);
        assert_eq!(world.connections(), 1, "{dialect}");
        for side in [PRIMARY, SECONDARY] {
            assert_eq!(world.sides[side].endpoint().status().stats.connections, 1, "{dialect}");
        }
    }
}

/// Holds: FO-8.2-26, FO-8.2-27, A1-14.
#[test]
fn of_two_connections_a_primary_uses_one_and_closes_the_other() {
    for mut script in [Script::primary(), Script::draft(Role::Primary)] {
        script.connected();
        script.called(LinkId(2));
        assert_eq!(script.types(), ["connect"]);
        assert_eq!(script.closed, [LinkId(2)]);
    }
}

/// Holds: FO-8-3, FO-8.1-1.
#[test]
fn the_connection_on_which_connect_is_agreed_replaces_those_that_wait_for_it() {
    let mut script = Script::secondary();
    script.called(LinkId(2));
    script.called(LINK);
    script.connect();
    assert_eq!(script.closed, [LinkId(2)]);
    script.take(MessageType::CONNECTACK);
}

/// Holds: FO-8.2-8, FO-8.2-14, A1-14.
#[test]
fn a_draft_secondary_drops_the_connection_it_opened() {
    let mut script = Script::draft(Role::Secondary);
    script.connected();
    assert_eq!(script.closed, [LINK]);
    assert_eq!(script.types(), Vec::<&str>::new());
}

/// Holds: FO-8.2-8, FO-8.2-14.
#[test]
fn a_secondary_of_a_dhcpd_takes_connect_on_the_connection_it_opened() {
    let mut script = Script::secondary();
    script.connected();
    assert_eq!(script.closed, []);
    script.connect();
    assert_eq!(script.take(MessageType::CONNECTACK).reject(), None);
}

/// Holds: FO-8.2-18, FO-8.2-3.
#[test]
fn a_draft_secondary_knocks_again_when_no_connect_comes() {
    let mut script = Script::draft(Role::Secondary);
    script.called(LINK);
    let dials = script.dials;
    script.run(20);
    assert_eq!(script.closed, [LINK]);
    assert!(script.dials > dials);
}

/// Holds: FO-8.2-13.
#[test]
fn a_draft_primary_connects_on_no_connection_but_its_own() {
    let mut script = Script::draft(Role::Primary);
    script.called(LINK);
    assert_eq!(script.types(), Vec::<&str>::new());
    script.connected();
    assert_eq!(script.types(), ["connect"]);
}

/// Holds: FO-7.8-1, A1-17.
#[test]
fn a_primary_is_nobodys_secondary() {
    let mut script = Script::primary();
    script.connected();
    script.connect();
    assert!(!script.types().contains(&"connectack"));
    assert_eq!(script.closed, [LINK]);
}

// Communications.

/// Holds: FO-8.2-25, FO-8.3-1, FO-8.3-2, FO-8.3-3, A1-18.
#[test]
fn communications_are_okay_once_connect_is_agreed_and_state_has_come() {
    for mut script in [Script::primary(), Script::secondary()] {
        let is_okay = |script: &Script| script.endpoint.status().communications;
        script.connected();
        assert_eq!(is_okay(&script), Communications::Interrupted);
        match script.endpoint.config().role {
            Role::Primary => script.accept_connect(),
            Role::Secondary => script.connect(),
        }
        assert_eq!(is_okay(&script), Communications::Interrupted);
        script.state(FailoverState::Recover);
        assert_eq!(is_okay(&script), Communications::Ok);
    }
}

/// Holds: FO-8-2, FO-8.3-4, FO-8.6-1.
#[test]
fn the_loss_of_the_connection_is_the_loss_of_communications() {
    for mut script in [Script::normal_primary(), Script::normal_secondary()] {
        script.input(Input::Disconnected { link: LINK });
        assert_eq!(script.endpoint.status().communications, Communications::Interrupted);
        assert_eq!(script.endpoint.state(), FailoverState::CommunicationsInterrupted);
    }
}

/// Holds: FO-8.2-24, A1-52.
#[test]
fn nothing_comes_between_the_set_up_and_state() {
    for mut script in [Script::normal_primary(), Script::normal_secondary()] {
        script.cut();
        let own = match script.endpoint.config().role {
            Role::Primary => address(25),
            Role::Secondary => address(12),
        };
        let (now, client) = (script.now, client(1));
        let grant = script.endpoint.grant(own, &client, 600, now);
        let change =
            BindingChange::Leased { address: own, client, grant, details: LeaseDetails::default() };
        script.endpoint.record(now, change).unwrap();
        script.input(Input::TimeReached);
        script.instant_disk = false;
        script.shake_hands();
        script.state(FailoverState::CommunicationsInterrupted);
        script.sync();
        let types = script.types();
        assert_eq!(types.first(), Some(&"state"));
        assert!(types.contains(&"bndupd"), "{types:?}");
    }
}

// What is taken in while the store is slow.

/// A secondary whose window is full of updates that wait for the disk.
fn busy() -> Script {
    let mut script = Script::normal_secondary();
    script.instant_disk = false;
    for last in 10..21 {
        script.update(active(last));
    }
    assert_eq!(script.types(), Vec::<&str>::new());
    script
}

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

/// Holds: FO-7.8.1-4, FO-7.9.1-11, FO-8.3-12, FO-8.3-13.
#[test]
fn as_many_updates_are_taken_as_were_announced() {
    let mut script = busy();
    assert_eq!(script.endpoint.config().max_unacked_bndupd, 11);
    assert_eq!(script.endpoint.status().stats.updates_accepted, 11);
    script.sync();
    assert_eq!(script.types(), ["bndack"; 11]);
}

/// Holds: FO-8.3-11, FO-8.3-14, FO-8.5-1, FO-8.5-2.
#[test]
fn every_other_message_is_taken_at_once_while_updates_wait() {
    let ack = [BindingReply { address: address(10), reject: None }];
    let messages = [
        Message::PoolReq,
        Message::PoolResp { addresses_transferred: Some(0) },
        Message::BndAck(BndAck::of(&ack)),
        Message::UpdReqAll,
        Message::UpdDone,
        Message::UpdReq,
        Message::Contact,
        Message::State(StateMessage {
            server_state: Some(FailoverState::Paused.code()),
            server_flags: Some(ServerFlags(0)),
            start_of_state: Some(UnixTime(START)),
        }),
    ];
    for message in messages {
        let mut script = busy();
        let counter = usize::from(message.message_type().0);
        let before = script.endpoint.status().stats.received[counter];
        script.run(29);
        script.tell(&message);
        script.run(29);
        assert_eq!(script.endpoint.status().stats.received[counter], before + 1);
        assert_eq!(script.closed, [], "{message:?}");
        if matches!(message, Message::State(_)) {
            assert_eq!(script.endpoint.state(), FailoverState::CommunicationsInterrupted);
        }
    }
}

/// Holds: FO-8.3-17.
#[test]
fn an_update_may_take_minutes() {
    let mut script = busy();
    script.run_talking(300);
    assert_eq!(script.endpoint.state(), FailoverState::Normal);
    script.said.clear();
    script.sync();
    assert_eq!(script.types(), ["bndack"; 11]);
}

/// Holds: FO-8.3-12, FO-8.3-15, FO-8.4-2, FO-8.4-3, FO-8.4-4.
#[test]
fn the_partner_decides_how_many_updates_it_is_sent() {
    for window in [1, 3, 7] {
        let mut script = Script::secondary();
        script.called(LINK);
        let buckets = HashBuckets::half().to_wire(Dialect::Isc);
        let connect = Connect { max_unacked_bndupd: Some(window), ..good_connect(&buckets) };
        script.say(Xid(1), &Message::Connect(connect));
        assert_eq!(in_flight(&mut script), window as usize);
    }
}

/// Holds: A1-22.
#[test]
fn a_partner_that_takes_no_updates_is_sent_one_at_a_time() {
    let mut script = Script::secondary();
    script.called(LINK);
    let buckets = HashBuckets::half().to_wire(Dialect::Isc);
    let connect = Connect { max_unacked_bndupd: Some(0), ..good_connect(&buckets) };
    script.say(Xid(1), &Message::Connect(connect));
    assert_eq!(in_flight(&mut script), 1);
}

/// Messages that a secondary in NORMAL with ten new leases sends without an answer.
fn in_flight(script: &mut Script) -> usize {
    script.become_normal();
    let (now, client) = (script.now, client(1));
    for last in 10..20 {
        let grant = script.endpoint.grant(address(last), &client, 600, now);
        let change = BindingChange::Leased {
            address: address(last),
            client,
            grant,
            details: LeaseDetails::default(),
        };
        script.endpoint.record(now, change).unwrap();
    }
    script.input(Input::TimeReached);
    script.types().iter().filter(|name| **name == "bndupd").count()
}

// What a lost connection takes with it.

/// A secondary that was asked on a connection which broke before it could answer, connected again.
fn asked_in_vain(message: &Message<'_>) -> Script {
    let mut script = Script::normal_secondary();
    script.instant_disk = false;
    script.update(active(12));
    script.tell(message);
    script.cut();
    script.called(LINK);
    script.connect();
    script.state(FailoverState::CommunicationsInterrupted);
    script.sync();
    script.sync();
    assert_eq!(script.endpoint.state(), FailoverState::Normal);
    script
}

/// Holds: FO-8.6-4, FO-8.6-5, FO-8.6-6, FO-8.6-7.
#[test]
fn what_was_asked_on_a_lost_connection_is_done_and_not_answered() {
    for request in [Message::UpdReq, Message::PoolReq, Message::Contact] {
        let mut script = asked_in_vain(&request);
        for answer in ["bndack", "upddone", "poolresp"] {
            assert!(!script.types().contains(&answer), "{:?}", script.types());
        }
        let status = script.endpoint.table().status_of(address(12));
        assert_eq!(status, Some(BindingStatus::Active));
        script.said.clear();
    }
}

/// Holds: FO-7.8.2-36, FO-8.6-4, FO-8.6-7.
#[test]
fn a_dhcpd_is_given_the_answers_that_a_lost_connection_took_away() {
    let mut script = Script::secondary();
    script.vendor = DHCPD;
    script.called(LINK);
    script.connect();
    script.become_normal();
    script.instant_disk = false;
    let xid = script.update(active(12));
    script.cut();
    script.called(LINK);
    script.connect();
    script.state(FailoverState::CommunicationsInterrupted);
    script.sync();
    script.sync();
    assert_eq!(script.take(MessageType::BNDACK).xid, xid);
}

#[test]
fn a_dhcpd_that_changes_its_state_is_given_no_answer_twice() {
    let mut script = Script::secondary();
    script.vendor = DHCPD;
    script.called(LINK);
    script.connect();
    script.become_normal();
    script.update(active(12));
    script.said.clear();
    script.state(FailoverState::Normal);
    script.state(FailoverState::CommunicationsInterrupted);
    assert!(!script.types().contains(&"bndack"), "{:?}", script.types());
}

/// With a receive-timer of 30 seconds a partner that lives says CONTACT every ten.
#[test]
fn a_partner_that_calls_replaces_a_connection_silent_for_over_a_second_more_than_its_contact() {
    for (seconds, closed) in [(11, LinkId(2)), (12, LINK)] {
        let mut script = Script::normal_primary();
        script.run(seconds);
        script.called(LinkId(2));
        assert_eq!(script.closed, [closed], "after {seconds} seconds");
    }
}

/// They may have been on their way when the connection broke.
#[test]
fn a_dhcpd_is_given_its_last_window_of_answers_once_more() {
    let mut script = Script::secondary();
    script.vendor = DHCPD;
    script.called(LINK);
    script.connect();
    script.become_normal();
    let asked: Vec<Xid> = (0..15).map(|_| script.update(active(12))).collect();
    script.cut();
    script.called(LINK);
    script.connect();
    script.state(FailoverState::CommunicationsInterrupted);
    let answers = script.said.iter().filter(|said| said.message_type == MessageType::BNDACK);
    let answered: Vec<Xid> = answers.map(|said| said.xid).collect();
    assert_eq!(answered, asked[4..], "a window of 11");
}

#[test]
fn a_dhcpd_that_comes_back_without_a_state_is_owed_two_windows_of_answers_at_most() {
    let mut script = Script::secondary();
    script.vendor = DHCPD;
    script.instant_disk = false;
    for _ in 0..10 {
        script.called(LINK);
        script.connect();
        for _ in 0..11 {
            script.update(active(12));
        }
        script.cut();
    }
    script.called(LINK);
    script.connect();
    script.state(FailoverState::Recover);
    script.sync();
    script.sync();
    let answers = script.types().iter().filter(|name| **name == "bndack").count();
    assert_eq!(answers, 22);
}
