//! Captured conversations of two ISC dhcpd, replayed with a twinlease in the place of one of them.
//!
//! An endpoint in the role of one server is fed what that server met: the other server's messages
//! at their captured times, connections that open and close, its clients and its operator. Its
//! states, its answers, its updates and what it knows at the end are compared with those of the
//! captured server. Every difference is in `differences.txt` with its reason; one that is not there
//! fails the test, and so does one that is there and does not occur.
//!
//! * [`tcp`]: packets to connections and messages, and whether these arrived;
//! * [`conversation`], [`server_log`], [`activity`]: what was said, what the servers logged, what
//!   clients did;
//! * [`scenario`]: how the servers were configured;
//! * [`player`]: feeds the endpoint;
//! * [`comparison`], [`difference`]: the verdict.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    missing_docs,
    missing_debug_implementations,
    unreachable_pub,
    reason = "in tests a panic is the verdict, and a test binary exports nothing"
)]

mod activity;
mod comparison;
mod conversation;
mod difference;
mod player;
mod scenario;
mod server_log;
mod side;
mod tcp;

use std::path::Path;

use comparison::Comparison;
use conversation::Conversation;
use player::Player;
use scenario::Scenario;
use server_log::Logged;
use side::Side;

/// Replays `capture` with twinlease as `own`.
fn replay(capture: &'static str, own: Side) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("pcaps");
    let conversation = Conversation::of(&folder.join(format!("{capture}.pcap")));
    let log_of = |side| server_log::read(&folder.join(format!("{capture}.{side}.log")));
    // The recording ends when the primary is stopped for good, shortly before the secondary.
    let end = [Side::Primary, Side::Secondary]
        .map(|side| log_of(side).iter().rfind(|(_, logged)| *logged == Logged::Stopped).unwrap().0)
        .into_iter()
        .min()
        .unwrap();
    let mut log = log_of(own);
    log.retain(|(at, _)| *at < end);
    let outcome = Player::new(Scenario::of(capture), own, &conversation, &log).play(end);
    let found = Comparison { conversation: &conversation, own, end }.run(outcome, &log);
    difference::check(capture, own, &found);
}

macro_rules! captures {
    ($($module:ident = $capture:literal,)+) => {
        $(mod $module {
            #[test]
            fn twinlease_as_primary() {
                crate::replay($capture, crate::Side::Primary);
            }

            #[test]
            fn twinlease_as_secondary() {
                crate::replay($capture, crate::Side::Secondary);
            }
        })+

        #[test]
        fn every_capture_is_replayed_and_no_other_is_listed() {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("pcaps");
            let mut captures: Vec<String> = std::fs::read_dir(folder)
                .unwrap()
                .map(|entry| entry.unwrap().path())
                .filter(|path| path.extension().is_some_and(|extension| extension == "pcap"))
                .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
                .collect();
            captures.sort();
            let mut replayed = vec![$($capture),+];
            replayed.sort_unstable();
            assert_eq!(captures, replayed);
            for name in difference::captures_named() {
                assert!(captures.contains(&name), "differences.txt names {name}");
            }
        }
    };
}

captures! {
    auto_partner_down = "auto-partner-down",
    fresh_start = "fresh-start",
    interruption = "interruption",
    large_window = "large-window",
    lost_database = "lost-database",
    lost_database_primary = "lost-database-primary",
    partner_down = "partner-down",
    paused = "paused",
    pool_request = "pool-request",
    potential_conflict = "potential-conflict",
    refused_connection = "refused-connection",
    reset_and_decline = "reset-and-decline",
    restart = "restart",
    shutdown = "shutdown",
    split_0 = "split-0",
    split_64 = "split-64",
    split_128 = "split-128",
    split_256 = "split-256",
}
