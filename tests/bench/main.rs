//! `twinlease bench` as a process, against live servers: counts, never times.
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

mod against_dhcpd;
mod against_twinlease;
mod report;
#[path = "../serve/server.rs"]
mod server;
#[path = "../interop/support/mod.rs"]
mod support;

use support::wait;
