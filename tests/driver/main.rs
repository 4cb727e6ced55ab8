//! The driver: connections with partners over loopback, and group commit.
#![cfg(feature = "server")]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    dead_code,
    missing_docs,
    unreachable_pub,
    reason = "a test stops at the first surprise; parts are shared with other tests"
)]

mod committer;
mod durable_before_visible;
mod links;
#[path = "../interop/support/packet.rs"]
mod packet;
mod tls;
