//! A stream gives the same messages and the same error whatever the portions it comes in. The
//! first octet of the input sets the size of the portions.
#![no_main]

use libfuzzer_sys::fuzz_target;
use twinlease::wire::{Deframer, Dialect, Frame};

fuzz_target!(|input: &[u8]| {
    let Some((size, stream)) = input.split_first() else { return };
    let mut deframer = Deframer::new();
    let mut rest = stream;
    for portion in stream.chunks(usize::from(*size).max(1)) {
        deframer.push(portion);
        loop {
            match deframer.next_frame() {
                Ok(Some(frame)) => {
                    assert_eq!(Frame::take(&mut rest, Dialect::Isc), Ok(Some(frame)));
                }
                Ok(None) => break,
                Err(error) => {
                    assert_eq!(Frame::take(&mut rest, Dialect::Isc), Err(error));
                    return;
                }
            }
        }
    }
    assert_eq!(Frame::take(&mut rest, Dialect::Isc), Ok(None));
    assert_eq!(deframer.buffered(), rest.len());
});
