//! Any datagram is a message of a DHCP client or an error.
#![no_main]

use libfuzzer_sys::fuzz_target;
use twinlease::dhcp::packet::ClientPacket;

fuzz_target!(|input: &[u8]| {
    match ClientPacket::parse(input) {
        Ok(packet) => {
            let client = packet.client();
            assert!(client.identifier.is_none_or(|octets| !octets.is_empty()));
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
