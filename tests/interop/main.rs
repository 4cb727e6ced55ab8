//! Interoperation with ISC dhcpd, dhclient and perfdhcp in network namespaces.
//!
//! Every test builds its own network of namespaces, runs real servers and clients in it and removes it all at its end. Where a
//! machine cannot do that (no root, no namespaces, programs missing) the tests say so and pass; with `CI=true` they fail. The
//! files of a failed test are kept, and its last words name their directory; with `TWINLEASE_KEEP` set, of every test.
#![cfg(feature = "server")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    missing_docs,
    unreachable_pub,
    dead_code,
    reason = "in tests a panic is the verdict, and names of tests say what they show; a test binary exports nothing, and parts \
              are shared with other tests"
)]

mod balancing;
mod conflict;
mod crash;
mod files;
mod interruption;
mod normal_life;
mod ownership;
mod partner_down;
mod pools;
mod replacement;
mod reserved;
mod sanity;
mod set_up;
mod shutdown;
mod states;
mod support;
mod take_over;
mod updates;
mod virtual_address;
