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
#[cfg(feature = "server")]
mod capture_file;
#[cfg(feature = "server")]
mod captures;
mod codes;
#[path = "../counting/mod.rs"]
mod counting;
mod dialects;
mod digest;
mod errors;
mod framing;
#[cfg(feature = "server")]
mod hostile;
mod messages;
mod octets;
mod options;
#[cfg(feature = "server")]
mod pcap_files;
#[cfg(feature = "server")]
mod pcap_output;
#[cfg(feature = "server")]
mod pcap_streams;
mod pretty;
