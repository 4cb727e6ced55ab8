//! Any file is read to a proper end, its messages in the order of their packets, and printed.
#![no_main]

use libfuzzer_sys::fuzz_target;
use twinlease::pcap::{self, render};

fuzz_target!(|input: &[u8]| {
    let mut last = 0;
    let mut printed = Vec::new();
    let _ = pcap::decode(input, |entry| {
        assert!(entry.frame >= last);
        last = entry.frame;
        printed.clear();
        render::write_line(entry, &mut printed)?;
        render::write_json(entry, &mut printed)
    });
});
