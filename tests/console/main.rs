//! The operator's console: the HTTP API and the status page of live pairs, the page in a real headless
//! Chromium. Pictures of the page are left in the build's directory for temporary files of tests.
#![cfg(all(feature = "server", target_os = "linux"))]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    missing_docs,
    unreachable_pub,
    dead_code,
    reason = "in tests a panic is the verdict; parts are shared with other tests"
)]

mod access;
mod api;
mod browser;
mod change;
#[path = "../serve/clients.rs"]
mod clients;
mod configuration;
mod editing;
mod http;
mod metrics;
#[path = "../interop/support/packet.rs"]
mod packet;
mod page;
mod parity;
#[path = "../serve/relay.rs"]
mod relay;
#[path = "../serve/server.rs"]
mod server;
mod setup;
#[path = "../skipping/mod.rs"]
mod skipping;
mod steering;
mod story;
mod tls;
#[path = "../interop/support/wait.rs"]
mod wait;
