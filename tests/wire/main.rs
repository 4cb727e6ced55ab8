//! Octets to messages and back, captures to messages: literal octets, every way to be wrong,
//! hostile input, no allocation.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

mod allocation;
mod batching;
mod capture_file;
mod captures;
mod codes;
mod errors;
mod framing;
mod hostile;
mod messages;
mod octets;
mod options;
mod pcap_files;
mod pcap_output;
mod pcap_streams;
mod pretty;
