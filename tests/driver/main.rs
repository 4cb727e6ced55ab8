//! The driver: connections with partners over loopback, and group commit.
#![cfg(feature = "server")]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

mod committer;
mod links;
mod tls;
