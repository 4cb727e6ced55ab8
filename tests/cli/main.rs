//! The command line from outside: what the binary prints, where, and with which exit code.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that meets the unexpected has failed"
)]

mod check;
mod help;
mod pcap;
mod support;
