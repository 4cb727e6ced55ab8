//! Transactions in BNDUPD and BNDACK (§6.3).

use std::net::Ipv4Addr;

use twinlease::wire::{
    BatchWriter, BindingReply, BindingUpdate, BndAck, BndUpd, DecodeErrorKind, Dialect,
    EncodeError, Frame, Message, MessageType, OptionCode, Reject, RejectReason, Xid,
};

use crate::octets::{error, in_option, message};

/// The updates of a BNDUPD with these options.
fn updates_of(payload: &str, check: impl Fn(&[BindingUpdate<'_>])) {
    let octets = message(3, payload);
    let frame = Frame::parse(&octets).unwrap();
    let Message::BndUpd(bndupd) = Message::decode(&frame, Dialect::Isc).unwrap() else {
        panic!("no BNDUPD");
    };
    check(&bndupd.updates().collect::<Vec<_>>());
}

/// The replies of a BNDACK with these options.
fn replies_of(payload: &str, check: impl Fn(&[BindingReply<'_>])) {
    let octets = message(4, payload);
    let frame = Frame::parse(&octets).unwrap();
    let Message::BndAck(bndack) = Message::decode(&frame, Dialect::Isc).unwrap() else {
        panic!("no BNDACK");
    };
    check(&bndack.replies().collect::<Vec<_>>());
}

#[test]
fn a_bndupd_without_any_option_is_one_update_of_no_address() {
    updates_of("", |updates| assert_eq!(updates, [BindingUpdate::default()]));
}

#[test]
fn a_bndupd_without_an_address_is_one_update_of_no_address() {
    let expected = BindingUpdate { binding_status: Some(2), ..BindingUpdate::default() };
    updates_of("0003 0001 02", |updates| assert_eq!(updates, [expected]));
}

#[test]
fn options_before_the_first_address_belong_to_the_first_transaction() {
    updates_of("0003 0001 02 0002 0004 0a000001 0002 0004 0a000002", |updates| {
        let first = BindingUpdate {
            address: Ipv4Addr::new(10, 0, 0, 1),
            binding_status: Some(2),
            ..BindingUpdate::default()
        };
        let second =
            BindingUpdate { address: Ipv4Addr::new(10, 0, 0, 2), ..BindingUpdate::default() };
        assert_eq!(updates, [first, second]);
    });
}

#[test]
fn an_option_repeated_in_one_transaction_is_noted_and_its_first_value_kept() {
    updates_of("0002 0004 0a000001 0003 0001 02 0003 0001 01", |updates| {
        let expected = BindingUpdate {
            address: Ipv4Addr::new(10, 0, 0, 1),
            binding_status: Some(2),
            repeated: Some(OptionCode::BINDING_STATUS),
            ..BindingUpdate::default()
        };
        assert_eq!(updates, [expected]);
    });
}

#[test]
fn the_first_of_several_repeated_options_is_named() {
    let payload = "0002 0004 0a000001 0009 0000 0009 0000 0003 0001 01 0003 0001 01";
    updates_of(payload, |updates| assert_eq!(updates[0].repeated, Some(OptionCode::DDNS)));
}

#[test]
fn every_option_of_an_update_is_noted_when_repeated() {
    let options = [
        "0003 0001 02",
        "0004 0001 02",
        "0005 0001 02",
        "0006 0004 00000002",
        "0007 0001 02",
        "0008 0001 02",
        "0009 0001 02",
        "000c 0002 0002",
        "000d 0004 00000002",
        "0012 0004 00000002",
        "0019 0004 00000002",
    ];
    for option in options {
        let code = u16::from_str_radix(&option[..4], 16).unwrap();
        let payload = format!("0002 0004 0a000001 {option} {option}");
        updates_of(&payload, |updates| {
            assert_eq!(updates[0].repeated, Some(OptionCode(code)), "{option}");
        });
    }
}

#[test]
fn an_option_may_occur_again_in_the_next_transaction() {
    updates_of("0002 0004 0a000001 0003 0001 02 0002 0004 0a000002 0003 0001 01", |updates| {
        assert_eq!(updates.iter().map(|update| update.repeated).collect::<Vec<_>>(), [None, None]);
    });
}

#[test]
fn an_unknown_option_may_be_repeated() {
    updates_of("0002 0004 0a000001 0063 0000 0063 0000", |updates| {
        assert_eq!(updates[0].repeated, None);
    });
}

#[test]
fn the_same_address_twice_is_two_updates() {
    updates_of("0002 0004 0a000001 0002 0004 0a000001", |updates| assert_eq!(updates.len(), 2));
}

#[test]
fn a_wrong_length_in_a_later_transaction_is_found() {
    let octets = message(3, "0002 0004 0a000001 0002 0003 0a0000");
    let kind = DecodeErrorKind::OptionLength { length: 3, expected: 4 };
    assert_eq!(error(&octets), in_option(kind, 20, OptionCode::ASSIGNED_IP_ADDRESS));
}

#[test]
fn client_data_in_a_bndack_is_skipped_whatever_its_length() {
    replies_of("0002 0004 0a000001 0003 0002 0203 0012 0001 00", |replies| {
        assert_eq!(replies, [BindingReply { address: Ipv4Addr::new(10, 0, 0, 1), reject: None }]);
    });
}

#[test]
fn a_message_without_reject_reason_accepts() {
    replies_of("0002 0004 0a000001 0010 0001 78", |replies| assert_eq!(replies[0].reject, None));
}

#[test]
fn a_bndack_without_any_option_is_one_reply_for_no_address() {
    replies_of("", |replies| {
        assert_eq!(replies, [BindingReply { address: Ipv4Addr::UNSPECIFIED, reject: None }]);
    });
}

#[test]
fn a_bndack_with_nothing_but_a_reason_rejects_no_address() {
    replies_of("0015 0001 fe", |replies| {
        let reject = Some(Reject { reason: RejectReason::UNKNOWN, message: None });
        assert_eq!(replies, [BindingReply { address: Ipv4Addr::UNSPECIFIED, reject }]);
    });
}

#[test]
fn a_reject_reason_twice_in_one_transaction_of_a_bndack_is_an_error() {
    let octets = message(4, "0002 0004 0a000001 0015 0001 01 0015 0001 02");
    let kind = DecodeErrorKind::OptionRepeated;
    assert_eq!(error(&octets), in_option(kind, 25, OptionCode::REJECT_REASON));
}

#[test]
fn a_text_twice_in_one_transaction_of_a_bndack_is_an_error() {
    let octets = message(4, "0002 0004 0a000001 0010 0000 0010 0000");
    let kind = DecodeErrorKind::OptionRepeated;
    assert_eq!(error(&octets), in_option(kind, 24, OptionCode::MESSAGE));
}

#[test]
fn a_message_has_room_for_156_updates_of_the_smallest_size_and_not_for_157() {
    let smallest = BindingUpdate { binding_status: Some(1), ..BindingUpdate::default() };
    let updates = vec![smallest; 157];
    let mut sent = Vec::new();
    let time = twinlease::time::UnixTime(1);
    let fits = Message::BndUpd(BndUpd::of(&updates[..156]));
    fits.encode(time, Xid(1), Dialect::Draft12, &mut sent).unwrap();
    assert_eq!(sent.len(), 12 + 156 * 13);
    let too_many = Message::BndUpd(BndUpd::of(&updates));
    assert_eq!(
        too_many.encode(time, Xid(1), Dialect::Draft12, &mut sent),
        Err(EncodeError::TooLong { message_type: MessageType::BNDUPD })
    );
    assert_eq!(Dialect::Draft12.max_transactions(), 156);
}

/// The third update has no room; what was written of it is taken back.
#[test]
fn a_batch_ends_before_the_update_that_has_no_room() {
    let small = BindingUpdate { binding_status: Some(1), ..BindingUpdate::default() };
    let large = BindingUpdate { client_request_options: Some(&[0; 1000]), ..small };
    let mut sent = vec![0xaa];
    let time = twinlease::time::UnixTime(1);
    let mut batch = BatchWriter::begin(time, Xid(1), Dialect::Draft12, &mut sent);
    assert_eq!(
        [small, large, large, small].map(|update| batch.push(&update)),
        [true, true, false, true]
    );
    batch.finish().unwrap();
    let mut expected = vec![0xaa];
    let updates = [small, large, small];
    let message = Message::BndUpd(BndUpd::of(&updates));
    message.encode(time, Xid(1), Dialect::Draft12, &mut expected).unwrap();
    assert_eq!(sent, expected);
}

#[test]
fn a_batch_takes_as_many_updates_as_the_dialect() {
    let update = BindingUpdate { binding_status: Some(1), ..BindingUpdate::default() };
    for (dialect, most) in [(Dialect::Isc, 1), (Dialect::Microsoft, 16), (Dialect::Draft12, 156)] {
        let mut sent = Vec::new();
        let time = twinlease::time::UnixTime(1);
        let mut batch = BatchWriter::begin(time, Xid(1), dialect, &mut sent);
        while batch.push(&update) {}
        assert_eq!(batch.count(), most);
    }
}

#[test]
fn a_batch_without_updates_leaves_the_buffer_as_it_was() {
    let mut sent = vec![0xaa];
    let time = twinlease::time::UnixTime(1);
    let batch = BatchWriter::begin(time, Xid(1), Dialect::Draft12, &mut sent);
    let message_type = MessageType::BNDUPD;
    assert_eq!(batch.finish(), Err(EncodeError::NoTransaction { message_type }));
    assert_eq!(sent, [0xaa]);
}

#[test]
fn a_bndack_that_rejects_156_addresses_fits_without_texts() {
    let reject = Some(Reject { reason: RejectReason::OUTDATED, message: None });
    let replies = [BindingReply { address: Ipv4Addr::UNSPECIFIED, reject }; 156];
    let mut sent = Vec::new();
    let message = Message::BndAck(BndAck::of(&replies));
    message.encode(twinlease::time::UnixTime(1), Xid(1), Dialect::Draft12, &mut sent).unwrap();
    assert_eq!(sent.len(), 2040);
}

/// Holds: A1-25.
#[test]
fn a_bndack_that_would_be_too_long_leaves_its_texts_out() {
    let reject = Some(Reject { reason: RejectReason::OUTDATED, message: Some(b"outdated") });
    let replies = [BindingReply { address: Ipv4Addr::UNSPECIFIED, reject }; 100];
    for (count, length) in [(81, 12 + 81 * 25), (82, 12 + 82 * 13)] {
        let mut sent = Vec::new();
        let message = Message::BndAck(BndAck::of(&replies[..count]));
        message.encode(twinlease::time::UnixTime(1), Xid(1), Dialect::Isc, &mut sent).unwrap();
        assert_eq!(sent.len(), length, "{count} replies");
    }
}
