//! Two real `twinlease serve` processes, real clients, and everything that breaks them.
//!
//! In a network of namespaces of its own a pair serves two hundred clients that renew, release,
//! vanish and restart. Faults come and go as a seed says: servers are killed, stopped and frozen,
//! connections are cut in one direction or both, datagrams get lost or are late, disks are full or
//! lost, an operator declares the partner down; the clocks of the two servers differ all the time. After
//! each round everything is made well again, and the checker looks at what the clients were told
//! and at both servers' tables:
//!
//! * no two clients were told to hold an address at the same time ([`checker::overlaps`]);
//! * no client was refused a lease that it held;
//! * both servers are in NORMAL again and hold the same ([`checker::differences`]);
//! * every lease that a client holds is in both tables, for as long as the client was told
//!   ([`checker::lost`]).
//!
//! | variable | what | default |
//! |---|---|---|
//! | `TWINLEASE_CHAOS_SECONDS` | length | 180 |
//! | `TWINLEASE_CHAOS_SEED` | what decides about everything that is left to chance | the time |
//!
//! The seed is printed. It repeats the faults and their order; processes and networks have their own
//! timing. Every action is in the file `chaos.log` with its time, which is kept together with the
//! servers' logs and stores if the test fails.
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

mod checker;
mod disk;
mod faults;
mod journal;
mod play;
mod population;
mod random;
mod record;
mod server;
mod stage;
mod support;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::server::{Terms, comes_about};
use crate::stage::{BOTH, Stage};

/// How long it goes on in the test command.
const DEFAULT_SECONDS: u64 = 180;

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} is no number: {text}")))
}

#[test]
fn no_address_is_held_twice_and_no_lease_is_lost_whatever_breaks() {
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let seed = number("TWINLEASE_CHAOS_SEED").unwrap_or_else(now);
    let length = Duration::from_secs(number("TWINLEASE_CHAOS_SECONDS").unwrap_or(DEFAULT_SECONDS));
    if let Some(play) = play::Play::prepare(seed) {
        play.run(length);
    }
}

/// That the checker sees what it is there for: each server is declared down while it lives, and both
/// give what they believe to be theirs alone.
#[test]
fn an_operator_who_is_wrong_about_both_servers_doubles_leases_and_is_found_out() {
    let terms = Terms { dialect: "draft", pool: 300 };
    let Some(mut stage) = Stage::start("wrong operator", terms, [0, 0]) else { return };
    assert!(stage.becomes_normal());
    stage.cut_partners();
    for side in BOTH {
        assert!(stage.enters(side, "communications-interrupted"));
        stage.servers[side].partner_down().unwrap();
    }
    let is_doubled = || stage.journal.violations().iter().any(|what| what.contains("held twice"));
    assert!(comes_about(Duration::from_secs(120), is_doubled), "{}", stage.journal.tail(20));
}
