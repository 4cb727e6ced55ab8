//! `twinlease serve` as a process: pairs of it on loopback, real UDP clients, real kills.
//!
//! Every test has a loopback network of its own, so that all of them can run at once without
//! privileges.
#![cfg(all(feature = "server", target_os = "linux"))]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    missing_docs,
    unreachable_pub,
    dead_code,
    reason = "in tests a panic is the verdict; parts are shared with other tests"
)]

mod clients;
mod hooks;
mod life;
mod operator;
#[path = "../interop/support/packet.rs"]
mod packet;
mod receiver;
mod recovery;
mod relay;
mod reload;
mod secrets;
mod server;
mod settings;
#[path = "../skipping/mod.rs"]
mod skipping;
mod steering;
mod storage;
mod systemd;
mod tap;
mod tls;
#[path = "../interop/support/wait.rs"]
mod wait;
mod why;

/// Octets in hexadecimal, without anything between them.
pub(crate) fn hexadecimal(octets: &[u8]) -> String {
    octets.iter().fold(String::new(), |text, octet| text + &format!("{octet:02x}"))
}
