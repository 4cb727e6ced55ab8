//! Every message, both ways, against literal octets.

use std::net::Ipv4Addr;

use twinlease::time::UnixTime;
use twinlease::wire::{
    BindingReply, BindingUpdate, BndAck, BndUpd, Connect, ConnectAck, Dialect, Disconnect,
    EncodeError, Frame, IpFlags, Message, MessageType, Reject, RejectReason, ServerFlags,
    StateMessage, Xid,
};

use crate::octets::octets;

const TIME: UnixTime = UnixTime(0x6553_f100);

/// `message` is what `hex` says, and `hex` is what `message` is sent as.
fn both_ways_as(dialect: Dialect, time: UnixTime, xid: u32, message: &Message<'_>, hex: &str) {
    let expected = octets(hex);
    let frame = Frame::parse_as(&expected, dialect).unwrap();
    assert_eq!(frame.header.message_type, message.message_type());
    assert_eq!((frame.header.time, frame.header.xid), (time, Xid(xid)));
    assert_eq!(Message::decode(&frame, dialect).unwrap(), *message);
    let mut sent = Vec::new();
    message.encode(time, Xid(xid), dialect, &mut sent).unwrap();
    assert_eq!(sent, expected);
}

fn both_ways(xid: u32, message: &Message<'_>, hex: &str) {
    both_ways_as(Dialect::Isc, TIME, xid, message, hex);
}

fn accepted(address: [u8; 4]) -> BindingReply<'static> {
    BindingReply { address: Ipv4Addr::from(address), reject: None }
}

#[test]
fn contact() {
    both_ways(7, &Message::Contact, "000c 0b 0c 6553f100 00000007");
}

#[test]
fn poolreq() {
    both_ways(1, &Message::PoolReq, "000c 01 0c 6553f100 00000001");
}

#[test]
fn updreqall() {
    both_ways(2, &Message::UpdReqAll, "000c 07 0c 6553f100 00000002");
}

#[test]
fn upddone() {
    both_ways(2, &Message::UpdDone, "000c 08 0c 6553f100 00000002");
}

#[test]
fn updreq() {
    both_ways(3, &Message::UpdReq, "000c 09 0c 6553f100 00000003");
}

#[test]
fn poolresp_with_five_addresses() {
    both_ways(
        9,
        &Message::PoolResp { addresses_transferred: Some(5) },
        "0014 02 0c 6553f100 00000009 0001 0004 00000005",
    );
}

#[test]
fn poolresp_without_its_option() {
    let message = Message::PoolResp { addresses_transferred: None };
    both_ways(9, &message, "000c 02 0c 6553f100 00000009");
}

/// Holds: FO-6.2-6.
#[test]
fn connect_as_dhcpd_sends_it() {
    let mut buckets = [0; 32];
    buckets[..16].fill(0xff);
    let connect = Connect {
        relationship_name: Some(b"x1"),
        max_unacked_bndupd: Some(10),
        receive_timer: Some(30),
        vendor_class: Some(b"isc-4.4.3-P1"),
        protocol_version: Some(1),
        tls_request: Some(0),
        mclt: Some(60),
        hash_bucket_assignment: Some(&buckets),
        delayed_service: None,
    };
    both_ways(
        0,
        &Message::Connect(connect),
        "0068 05 0c 6553f100 00000000
         0016 0002 7831
         000e 0004 0000000a
         0013 0004 0000001e
         001c 000c 6973632d342e342e332d5031
         0014 0001 01
         001b 0001 00
         000f 0004 0000003c
         000b 0020 ffffffffffffffffffffffffffffffff 00000000000000000000000000000000",
    );
}

/// Holds: FO-12.10-1.
#[test]
fn connect_with_delayed_service_parameter() {
    let connect = Connect { delayed_service: Some(3), ..Connect::default() };
    both_ways(1, &Message::Connect(connect), "0011 05 0c 6553f100 00000001 000a 0001 03");
}

#[test]
fn connect_with_any_length_of_hash_bucket_assignment() {
    let short = Connect { hash_bucket_assignment: Some(&[0xff]), ..Connect::default() };
    both_ways(1, &Message::Connect(short), "0011 05 0c 6553f100 00000001 000b 0001 ff");
    let empty = Connect { hash_bucket_assignment: Some(&[]), ..Connect::default() };
    both_ways(1, &Message::Connect(empty), "0010 05 0c 6553f100 00000001 000b 0000");
}

#[test]
fn connectack_that_accepts() {
    let ack = ConnectAck {
        relationship_name: Some(b"x1"),
        max_unacked_bndupd: Some(10),
        receive_timer: Some(30),
        vendor_class: Some(b"isc-4.4.3-P1"),
        protocol_version: Some(1),
        tls_reply: Some(0),
        reject: None,
    };
    both_ways(
        0,
        &Message::ConnectAck(ack),
        "003c 06 0c 6553f100 00000000
         0016 0002 7831
         000e 0004 0000000a
         0013 0004 0000001e
         001c 000c 6973632d342e342e332d5031
         0014 0001 01
         001a 0001 00",
    );
}

#[test]
fn connectack_that_rejects_an_unknown_relationship() {
    let message: &[u8] = b"unknown failover relationship name";
    let ack = ConnectAck {
        relationship_name: Some(b"x1"),
        vendor_class: Some(b"isc-4.4.3-P1"),
        protocol_version: Some(1),
        tls_reply: Some(0),
        reject: Some(Reject { reason: RejectReason::INVALID_PARTNER, message: Some(message) }),
        ..ConnectAck::default()
    };
    both_ways(
        0,
        &Message::ConnectAck(ack),
        "0057 06 0c 6553f100 00000000
         0016 0002 7831
         001c 000c 6973632d342e342e332d5031
         0014 0001 01
         001a 0001 00
         0015 0001 08
         0010 0022 756e6b6e6f776e206661696c6f7665722072656c6174696f6e73686970206e616d65",
    );
}

#[test]
fn state_recover_with_startup_flag() {
    let state = StateMessage {
        server_state: Some(6),
        server_flags: Some(ServerFlags::STARTUP),
        start_of_state: Some(UnixTime(0x6553_f0ff)),
    };
    both_ways(
        1,
        &Message::State(state),
        "001e 0a 0c 6553f100 00000001 0018 0001 06 0017 0001 01 0019 0004 6553f0ff",
    );
}

#[test]
fn state_without_any_option() {
    let message = Message::State(StateMessage::default());
    both_ways(1, &message, "000c 0a 0c 6553f100 00000001");
}

#[test]
fn disconnect_for_a_duplicate_connection() {
    let disconnect = Disconnect {
        reason: Some(RejectReason::DUPLICATE_CONNECTION),
        message: Some(b"already connected"),
    };
    both_ways(
        4,
        &Message::Disconnect(disconnect),
        "0026 0c 0c 6553f100 00000004 0015 0001 07
         0010 0011 616c726561647920636f6e6e6563746564",
    );
}

#[test]
fn disconnect_without_any_option() {
    let message = Message::Disconnect(Disconnect::default());
    both_ways(4, &message, "000c 0c 0c 6553f100 00000004");
}

/// Holds: FO-5.11-22.
/// Holds: FO-7.1.5-1, A1-51.
#[test]
fn bndupd_of_a_first_lease() {
    let updates = [BindingUpdate {
        address: Ipv4Addr::new(10, 20, 0, 57),
        binding_status: Some(2),
        client_hardware_address: Some(&[1, 2, 0, 0x5e, 0x10, 0, 1]),
        lease_expiration: Some(UnixTime(1_700_001_800)),
        potential_expiration: Some(UnixTime(1_700_044_100)),
        start_of_status: Some(UnixTime(1_700_000_000)),
        client_last_transaction: Some(UnixTime(1_700_000_000)),
        ..BindingUpdate::default()
    }];
    both_ways(
        8,
        &Message::BndUpd(BndUpd::of(&updates)),
        "0044 03 0c 6553f100 00000008
         0002 0004 0a140039
         0003 0001 02
         0005 0007 0102005e100001
         000d 0004 6553f808
         0012 0004 65549d44
         0019 0004 6553f100
         0006 0004 6553f100",
    );
}

#[test]
fn bndupd_of_an_address_never_used() {
    let updates = [BindingUpdate {
        address: Ipv4Addr::new(10, 20, 0, 57),
        binding_status: Some(1),
        lease_expiration: Some(UnixTime(0)),
        potential_expiration: Some(UnixTime(0)),
        start_of_status: Some(UnixTime(0)),
        ..BindingUpdate::default()
    }];
    both_ways(
        5,
        &Message::BndUpd(BndUpd::of(&updates)),
        "0031 03 0c 6553f100 00000005
         0002 0004 0a140039 0003 0001 01
         000d 0004 00000000 0012 0004 00000000 0019 0004 00000000",
    );
}

/// Holds: A2-20.
#[test]
fn bndupd_with_every_option() {
    let updates = [BindingUpdate {
        address: Ipv4Addr::new(10, 20, 0, 57),
        binding_status: Some(2),
        client_identifier: Some(&[1, 2]),
        client_hardware_address: Some(&[1, 2, 0, 0x5e, 0x10, 0, 1]),
        lease_expiration: Some(UnixTime(1)),
        potential_expiration: Some(UnixTime(2)),
        start_of_status: Some(UnixTime(3)),
        client_last_transaction: Some(UnixTime(4)),
        ip_flags: Some(IpFlags(3)),
        ddns: Some(&[0, 1, 1, b'a', 0]),
        client_request_options: Some(&[0x63, 0x82, 0x53, 0x63, 12, 1, b'h']),
        client_reply_options: Some(&[0x63, 0x82, 0x53, 0x63]),
        repeated: None,
    }];
    both_ways_as(
        Dialect::Draft12,
        TIME,
        5,
        &Message::BndUpd(BndUpd::of(&updates)),
        "006c 03 0c 6553f100 00000005
         0002 0004 0a140039
         0003 0001 02
         0004 0002 0102
         0005 0007 0102005e100001
         000d 0004 00000001
         0012 0004 00000002
         0019 0004 00000003
         0006 0004 00000004
         000c 0002 0003
         0009 0005 0001016100
         0008 0007 638253630c0168
         0007 0004 63825363",
    );
}

#[test]
fn bndupd_for_dhcpd_leaves_out_ddns() {
    let updates = [BindingUpdate { ddns: Some(&[0, 1, 0]), ..BindingUpdate::default() }];
    let mut sent = Vec::new();
    let message = Message::BndUpd(BndUpd::of(&updates));
    message.encode(TIME, Xid(1), Dialect::Isc, &mut sent).unwrap();
    assert_eq!(sent, octets("0014 03 0c 6553f100 00000001 0002 0004 00000000"));
}

#[test]
fn bndack_that_accepts() {
    let replies = [accepted([10, 20, 0, 57])];
    both_ways_as(
        Dialect::Isc,
        UnixTime(0x6553_f101),
        8,
        &Message::BndAck(BndAck::of(&replies)),
        "0014 04 0c 6553f101 00000008 0002 0004 0a140039",
    );
}

#[test]
fn bndack_that_rejects_with_a_text() {
    let reject = Reject { reason: RejectReason::OUTDATED, message: Some(b"outdated") };
    let replies = [BindingReply { reject: Some(reject), ..accepted([10, 20, 0, 57]) }];
    both_ways_as(
        Dialect::Isc,
        UnixTime(0x6553_f101),
        8,
        &Message::BndAck(BndAck::of(&replies)),
        "0025 04 0c 6553f101 00000008 0002 0004 0a140039 0015 0001 0f
         0010 0008 6f75746461746564",
    );
}

/// Holds: FO-6.3-5, FO-6.3-6.
#[test]
fn bndupd_of_two_addresses_the_second_reserved() {
    let first = BindingUpdate {
        address: Ipv4Addr::new(10, 20, 0, 60),
        binding_status: Some(7),
        ..BindingUpdate::default()
    };
    let second = BindingUpdate {
        address: Ipv4Addr::new(10, 20, 0, 61),
        ip_flags: Some(IpFlags::RESERVED),
        ..first
    };
    let updates = [first, second];
    let message = Message::BndUpd(BndUpd::of(&updates));
    both_ways_as(
        Dialect::Draft12,
        TIME,
        10,
        &message,
        "002c 03 0c 6553f100 0000000a
         0002 0004 0a14003c 0003 0001 07
         0002 0004 0a14003d 0003 0001 07 000c 0002 0001",
    );
}

/// Holds: FO-6.3-13, FO-6.3-14, FO-6.3-15, FO-7.2-5.
#[test]
fn bndack_of_two_addresses_one_rejected() {
    let reject = Reject { reason: RejectReason::LESS_CRITICAL, message: None };
    let replies = [
        BindingReply { reject: Some(reject), ..accepted([10, 20, 0, 60]) },
        accepted([10, 20, 0, 61]),
    ];
    both_ways_as(
        Dialect::Draft12,
        TIME,
        10,
        &Message::BndAck(BndAck::of(&replies)),
        "0021 04 0c 6553f100 0000000a
         0002 0004 0a14003c 0015 0001 10
         0002 0004 0a14003d",
    );
}

#[test]
fn answers_about_other_addresses_are_other_answers() {
    let of = |address| {
        Message::BndAck(BndAck::of(&[accepted(address)]))
            .eq(&Message::BndAck(BndAck::of(&[accepted([10, 20, 0, 60])])))
    };
    assert!(of([10, 20, 0, 60]));
    assert!(!of([10, 20, 0, 61]));
}

#[test]
fn an_unknown_type_keeps_its_payload() {
    let message = Message::Unknown { message_type: MessageType(200), payload: &[1, 2, 3] };
    both_ways(1, &message, "000f c8 0c 6553f100 00000001 010203");
}

/// Holds: FO-6.1-9.
#[test]
fn type_0_is_unknown_and_not_ignorable() {
    let message = Message::Unknown { message_type: MessageType(0), payload: &[] };
    both_ways(1, &message, "000c 00 0c 6553f100 00000001");
    assert!(!MessageType(0).is_ignorable());
}

/// Holds: A1-23.
#[test]
fn types_are_ignorable_from_128_on() {
    assert!(!MessageType(127).is_ignorable());
    assert!(MessageType(128).is_ignorable());
}

#[test]
fn microsoft_sends_payload_offset_8_and_one_octet_of_ip_flags() {
    let message = octets("0019 03 08 6553f100 00000001 0002 0004 c0a8011f 000c 0001 02");
    let frame = Frame::parse_as(&message, Dialect::Microsoft).unwrap();
    let Message::BndUpd(bndupd) = Message::decode(&frame, Dialect::Microsoft).unwrap() else {
        panic!("no BNDUPD");
    };
    let flags: Vec<_> = bndupd.updates().map(|update| update.ip_flags).collect();
    assert_eq!(flags, [Some(IpFlags(2))]);
    both_ways_as(Dialect::Microsoft, TIME, 7, &Message::Contact, "000c 0b 08 6553f100 00000007");
}

#[test]
fn encode_appends_to_what_the_buffer_holds() {
    let mut sent = vec![0xaa];
    Message::Contact.encode(TIME, Xid(7), Dialect::Isc, &mut sent).unwrap();
    assert_eq!(sent, octets("aa 000c 0b 0c 6553f100 00000007"));
}

#[test]
fn a_message_of_2048_octets_is_sent() {
    let name = vec![b'x'; 2032];
    let connect = Connect { relationship_name: Some(&name), ..Connect::default() };
    let mut sent = Vec::new();
    Message::Connect(connect).encode(TIME, Xid(1), Dialect::Isc, &mut sent).unwrap();
    assert_eq!(sent.len(), 2048);
    assert_eq!(sent[..2], [0x08, 0x00]);
}

/// Holds: FO-6.1-7, FO-6.1-27.
#[test]
fn a_message_of_2049_octets_is_refused_and_leaves_the_buffer_alone() {
    let name = vec![b'x'; 2033];
    let connect = Connect { relationship_name: Some(&name), ..Connect::default() };
    let mut sent = vec![1, 2, 3];
    let outcome = Message::Connect(connect).encode(TIME, Xid(1), Dialect::Isc, &mut sent);
    assert_eq!(outcome, Err(EncodeError::TooLong { message_type: MessageType::CONNECT }));
    assert_eq!(sent, [1, 2, 3]);
}

#[test]
fn two_updates_in_one_message_are_refused_for_dhcpd() {
    let updates = [BindingUpdate::default(); 2];
    let mut sent = vec![1];
    let message = Message::BndUpd(BndUpd::of(&updates));
    let outcome = message.encode(TIME, Xid(1), Dialect::Isc, &mut sent);
    let message_type = MessageType::BNDUPD;
    assert_eq!(outcome, Err(EncodeError::SeveralTransactions { message_type, count: 2 }));
    assert_eq!(sent, [1]);
}

#[test]
fn a_bndack_without_a_reply_is_refused() {
    let outcome =
        Message::BndAck(BndAck::of(&[])).encode(TIME, Xid(1), Dialect::Draft12, &mut Vec::new());
    assert_eq!(outcome, Err(EncodeError::NoTransaction { message_type: MessageType::BNDACK }));
}

/// Holds: FO-5.10-4.
/// Holds: FO-6.1-5, FO-6.1-15.
#[test]
fn the_time_changes_nothing_but_the_header() {
    let mut sent = Vec::new();
    Message::Contact.encode(UnixTime(1), Xid(2), Dialect::Isc, &mut sent).unwrap();
    assert_eq!(sent, octets("000c 0b 0c 00000001 00000002"));
}
