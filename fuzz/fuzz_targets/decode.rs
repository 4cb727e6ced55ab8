//! Any octets are a message or an error, can be printed, and a frame is sent again as received.
#![no_main]

use libfuzzer_sys::fuzz_target;
use twinlease::wire::pretty::Line;
use twinlease::wire::{Dialect, Frame, Message, encode_frame};

fuzz_target!(|input: &[u8]| {
    for dialect in [Dialect::Draft12, Dialect::Isc, Dialect::Microsoft] {
        let frame = match Frame::parse_as(input, dialect) {
            Ok(frame) => frame,
            Err(error) => {
                assert!(!error.to_string().is_empty());
                continue;
            }
        };
        match Message::decode(&frame, dialect) {
            Ok(message) => assert_eq!(message.message_type(), frame.header.message_type),
            Err(error) => assert!(error.offset <= input.len(), "{error}"),
        }
        let mut sent = Vec::new();
        encode_frame(&frame, &mut sent).expect("what was received fits");
        assert_eq!(sent, input);
        assert!(!Line(frame).to_string().contains('\n'));
    }
});
