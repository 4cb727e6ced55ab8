//! A server besieged: partners and clients that keep no rule, on real sockets.
//!
//! In each siege a real `twinlease serve` that lost its partner serves clients while somebody at the
//! partner's address, or anybody, does what nobody should. Whatever that is, clients stay served,
//! memory stays within what the limits of `docs/limits.md` add up to, the log stays short, and the
//! real partner finds everything in order when it comes back.
#![cfg(all(feature = "server", target_os = "linux"))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    missing_docs,
    unreachable_pub,
    dead_code,
    reason = "in tests a panic is the verdict; parts are shared with other tests"
)]

#[path = "../serve/clients.rs"]
mod clients;
mod connections;
mod flood;
mod messages;
#[path = "../interop/support/packet.rs"]
mod packet;
#[path = "../interop/support/partner.rs"]
mod partner;
#[path = "../serve/server.rs"]
mod server;
mod siege;
#[path = "../interop/support/wait.rs"]
mod wait;

/// Where the scripted partner looks for the name of the relationship.
mod setup {
    pub use crate::server::RELATIONSHIP;
}
