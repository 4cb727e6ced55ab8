//! A message that can be read and sent is read again as the same message.
#![no_main]

use libfuzzer_sys::fuzz_target;
use twinlease::wire::{Dialect, EncodeError, Frame, Message};

/// Whether nothing of the message is left out on sending.
fn is_sendable(message: &Message<'_>, dialect: Dialect) -> bool {
    match message {
        Message::BndUpd(bndupd) => bndupd.updates().all(|update| {
            update.repeated.is_none() && (dialect.may_send_ddns() || update.ddns.is_none())
        }),
        Message::BndAck(bndack) => bndack.replies().all(|reply| !reply.address.is_unspecified()),
        _ => true,
    }
}

fuzz_target!(|input: &[u8]| {
    for dialect in [Dialect::Draft12, Dialect::Isc, Dialect::Microsoft] {
        let Ok(frame) = Frame::parse_as(input, dialect) else { continue };
        let Ok(message) = Message::decode(&frame, dialect) else { continue };
        let (time, xid) = (frame.header.time, frame.header.xid);
        let mut sent = Vec::new();
        match message.encode(time, xid, dialect, &mut sent) {
            Ok(()) => {}
            Err(EncodeError::TooLong { .. } | EncodeError::SeveralTransactions { .. }) => {
                assert!(sent.is_empty());
                continue;
            }
            Err(error) => panic!("{error}"),
        }
        let again = Frame::parse_as(&sent, dialect).expect("what was sent is a frame");
        assert_eq!((again.header.time, again.header.xid), (time, xid));
        if is_sendable(&message, dialect) {
            assert_eq!(Message::decode(&again, dialect), Ok(message));
        }
    }
});
