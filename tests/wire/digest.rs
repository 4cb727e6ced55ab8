//! message-digest: known answers, what is covered, what is refused (§11.1, §12.17).

use std::net::Ipv4Addr;

use twinlease::time::UnixTime;
use twinlease::wire::digest::carries_digest;
use twinlease::wire::{
    BatchWriter, BindingReply, BindingUpdate, BndAck, Dialect, DigestError, DigestInput, DigestKey,
    Frame, Message, MessageType, OptionCode, Reject, RejectReason, SharedSecret, Xid,
};

use crate::octets::octets;

const SECRET: &[u8] = b"failover-secret";

fn key_of(secret: &[u8], input: DigestInput) -> DigestKey {
    DigestKey::new(&SharedSecret::new(secret).unwrap(), input)
}

fn key() -> DigestKey {
    key_of(SECRET, DigestInput::MessageAndSecret)
}

/// A CONTACT of xid 7, signed.
fn signed_contact(key: &DigestKey) -> Vec<u8> {
    let mut sent = Vec::new();
    let time = UnixTime(0x3e80_0000);
    Message::Contact.encode_signed(time, Xid(7), Dialect::Draft12, Some(key), &mut sent).unwrap();
    sent
}

fn verify(key: &DigestKey, message: &[u8]) -> Result<(), DigestError> {
    key.verify(&Frame::parse_as(message, Dialect::Draft12).unwrap())
}

/// Holds: FO-11.1-8.
#[test]
fn the_function_is_hmac_md5_by_the_vectors_of_rfc_2202() {
    let counting: Vec<u8> = (1..=25).collect();
    let vectors: [(&[u8], &[u8], &str); 7] = [
        (&[0x0b; 16], b"Hi There", "9294727a3638bb1c13f48ef8158bfc9d"),
        (b"Jefe", b"what do ya want for nothing?", "750c783e6ab0b503eaa86e310a5db738"),
        (&[0xaa; 16], &[0xdd; 50], "56be34521d144c88dbb8c733f0e8b3f6"),
        (&counting, &[0xcd; 50], "697eaf0aca3a3aea3a75164746ffaa79"),
        (&[0x0c; 16], b"Test With Truncation", "56461ef2342edc00f9bab995690efd4c"),
        (
            &[0xaa; 80],
            b"Test Using Larger Than Block-Size Key - Hash Key First",
            "6b1ab7fe4bd7bf8f0b62e6ce61b9d0cd",
        ),
        (
            &[0xaa; 80],
            b"Test Using Larger Than Block-Size Key and Larger Than One Block-Size Data",
            "6f630fad67cda0ee1fb1f562db3aa53e",
        ),
    ];
    for (secret, data, digest) in vectors {
        let key = key_of(secret, DigestInput::Message);
        assert_eq!(key.digest_of(data).to_vec(), octets(digest));
    }
}

/// The digest is that of the message with its place zeroed, followed by the secret.
///
/// Holds: FO-11.1-9, FO-11.1-10, FO-11.1-11, FO-12.17-1, FO-12.17-2, A2-22, A2-23.
#[test]
fn a_message_is_signed_to_the_letter_of_the_draft() {
    assert_eq!(
        signed_contact(&key()),
        octets("00210b0c 3e800000 00000007 0011 0011 01 ae38c3dd38e43673e9aa1e5e22c67bed")
    );
}

/// Holds: A2-22.
#[test]
fn the_message_may_be_signed_without_the_secret_behind_it() {
    let key = key_of(SECRET, DigestInput::Message);
    assert_eq!(
        signed_contact(&key),
        octets("00210b0c 3e800000 00000007 0011 0011 01 ba975e355cde89a43a1090f5c5799050")
    );
}

/// Holds: FO-11.1-12.
#[test]
fn a_signed_message_is_verified() {
    assert_eq!(verify(&key(), &signed_contact(&key())), Ok(()));
}

/// Holds: FO-11.1-12.
#[test]
fn every_octet_of_a_message_counts() {
    let good = signed_contact(&key());
    // The length and the payload offset, 12 at least, cannot change in a message that is whole.
    for position in (0..good.len()).filter(|position| ![0, 1, 3].contains(position)) {
        let mut bad = good.clone();
        bad[position] ^= 1;
        assert!(verify(&key(), &bad).is_err(), "octet {position}");
    }
}

#[test]
fn the_octets_of_a_header_extension_count() {
    let mut message = octets("00250b10 3e800000 00000007 aabbccdd 0011 0011 01");
    message.extend([0; 16]);
    let digest = key().digest_of(&message);
    message[21..].copy_from_slice(&digest);
    assert_eq!(verify(&key(), &message), Ok(()));
    message[12] ^= 1;
    assert_eq!(verify(&key(), &message), Err(DigestError::Mismatch));
}

#[test]
fn another_secret_does_not_verify() {
    let other = key_of(b"another-secret", DigestInput::MessageAndSecret);
    assert_eq!(verify(&other, &signed_contact(&key())), Err(DigestError::Mismatch));
}

#[test]
fn the_two_ways_to_cover_a_message_do_not_verify_each_other() {
    let other = key_of(SECRET, DigestInput::Message);
    assert_eq!(verify(&other, &signed_contact(&key())), Err(DigestError::Mismatch));
}

#[test]
fn a_message_without_digest_lacks_it() {
    let contact = octets("000c0b0c 3e800000 00000007");
    assert_eq!(verify(&key(), &contact), Err(DigestError::Missing));
}

/// Holds: FO-12.17-7.
#[test]
fn a_digest_of_another_type_than_1_is_unknown() {
    for digest_type in [0, 2, 255] {
        let mut message = signed_contact(&key());
        message[16] = digest_type;
        assert_eq!(verify(&key(), &message), Err(DigestError::UnknownType(digest_type)));
    }
}

#[test]
fn a_digest_of_another_length_does_not_match() {
    for value in ["0011 0000", "0011 0001 01", "0011 0002 01 ae"] {
        let mut message = octets("00000b0c 3e800000 00000007");
        message.extend(octets(value));
        message[1] = u8::try_from(message.len()).unwrap();
        assert_eq!(verify(&key(), &message), Err(DigestError::Mismatch), "{value}");
    }
}

#[test]
fn of_two_digests_none_matches() {
    let mut message = octets("00360b0c 3e800000 00000007 0011 0011 01");
    message.extend([0; 16]);
    message.extend(octets("0011 0011 01 00000000000000000000000000000000"));
    let digest = key().digest_of(&message);
    message[17..33].copy_from_slice(&digest);
    assert_eq!(verify(&key(), &message), Err(DigestError::Mismatch));
}

/// Holds: A1-04.
#[test]
fn a_digest_behind_other_options_is_verified_where_it_stands() {
    let mut message = octets("002a0a0c 3e800000 00000007 0018 0001 02 0017 0001 00 0011 0011 01");
    let place = message.len();
    message.extend([0; 16]);
    message[1] = u8::try_from(message.len()).unwrap();
    let digest = key().digest_of(&message);
    message[place..].copy_from_slice(&digest);
    assert_eq!(verify(&key(), &message), Ok(()));
}

fn first_option(message: &[u8]) -> OptionCode {
    let frame = Frame::parse_as(message, Dialect::Draft12).unwrap();
    let first = frame.options().next().unwrap().unwrap();
    first.code
}

/// Holds: FO-11.1-5, FO-12.17-3, A1-04, A2-23.
#[test]
fn the_digest_is_the_first_option_of_every_kind_of_message() {
    let key = key();
    let reply = [BindingReply { address: Ipv4Addr::new(10, 0, 0, 1), reject: None }];
    let messages = [
        Message::PoolReq,
        Message::PoolResp { addresses_transferred: Some(3) },
        Message::BndAck(BndAck::of(&reply)),
        Message::Connect(twinlease::wire::Connect::default()),
        Message::ConnectAck(twinlease::wire::ConnectAck::default()),
        Message::UpdReqAll,
        Message::UpdDone,
        Message::UpdReq,
        Message::State(twinlease::wire::StateMessage::default()),
        Message::Contact,
        Message::Disconnect(twinlease::wire::Disconnect::default()),
    ];
    for message in messages {
        let mut sent = Vec::new();
        let time = UnixTime(1);
        message.encode_signed(time, Xid(1), Dialect::Draft12, Some(&key), &mut sent).unwrap();
        assert_eq!(first_option(&sent), OptionCode::MESSAGE_DIGEST, "{:?}", message.message_type());
        assert_eq!(verify(&key, &sent), Ok(()), "{:?}", message.message_type());
    }
}

#[test]
fn a_full_bndupd_leaves_room_for_its_digest() {
    let key = key();
    let mut sent = Vec::new();
    let (time, dialect) = (UnixTime(1), Dialect::Draft12);
    let mut batch = BatchWriter::begin_signed(time, Xid(1), dialect, Some(&key), &mut sent);
    let identifier = [7; 200];
    let update = BindingUpdate {
        address: Ipv4Addr::new(10, 0, 0, 1),
        client_identifier: Some(&identifier),
        ..BindingUpdate::default()
    };
    while batch.push(&update) {}
    batch.finish().unwrap();
    assert_eq!(first_option(&sent), OptionCode::MESSAGE_DIGEST);
    assert_eq!(verify(&key, &sent), Ok(()));
}

#[test]
fn a_signed_bndack_of_many_rejections_fits_by_leaving_texts_out() {
    let key = key();
    let text = [b'x'; 40];
    let reject = Some(Reject { reason: RejectReason::OUTDATED, message: Some(&text) });
    let reply = BindingReply { address: Ipv4Addr::new(10, 0, 0, 1), reject };
    // With their texts these fill the message to the last octet but for a digest.
    let replies = vec![reply; (2048 - 12) / 57];
    let mut sent = Vec::new();
    let message = Message::BndAck(BndAck::of(&replies));
    message.encode_signed(UnixTime(1), Xid(1), Dialect::Draft12, Some(&key), &mut sent).unwrap();
    assert_eq!(verify(&key, &sent), Ok(()));
}

#[test]
fn options_that_do_not_fill_the_payload_do_not_hide_a_digest() {
    let mut message = signed_contact(&key());
    message.extend([0, 1]);
    message[1] += 2;
    let frame = Frame::parse_as(&message, Dialect::Draft12).unwrap();
    assert!(carries_digest(&frame));
    assert_eq!(frame.header.message_type, MessageType::CONTACT);
    assert_eq!(key().verify(&frame), Err(DigestError::Mismatch));
}

/// Holds: FO-11.1-1.
#[test]
fn a_secret_is_not_shown() {
    let secret = SharedSecret::new(SECRET).unwrap();
    let shown = format!("{secret:?} {:?}", key());
    assert_eq!(shown, "SharedSecret(..) DigestKey(..)");
}

#[test]
fn an_empty_secret_is_none() {
    assert_eq!(SharedSecret::new(b""), None);
}
