//! The DHCPv4 service as a client, a relay agent and the owner of the pools see it: datagrams in,
//! datagrams out, time as an argument.

#![cfg(feature = "server")]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails, and that is what it should do"
)]

mod allocation;
mod balance;
mod bootp;
mod bounds;
mod carried;
#[path = "../counting/mod.rs"]
mod counting;
mod destination;
mod discover;
mod hostile;
mod identity;
mod inform;
mod options;
mod packet_path;
mod probe;
mod refusal;
mod relay;
mod release;
mod request;
mod reservation;
mod socket;
mod support;
