//! The command line from outside: what the binary prints, where, and with which exit code.
#![cfg(feature = "server")]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

mod check;
mod demo;
mod help;
mod isc;
mod pcap;
mod secrets;
mod serve;
mod support;
