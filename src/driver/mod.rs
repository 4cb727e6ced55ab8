//! What stands between the sans-IO core and the world: TCP to partners, the clock, group commit.
//!
//! * [`clock`] reads the clocks; nothing else does.
//! * [`committer`] is a thread that owns the store and makes whatever waits durable with one sync.
//! * [`links`] holds every TCP connection: `listener` accepts those of configured partners, `dial`
//!   opens them, `connection` reads and writes one, `socket` sets their options.
//! * [`tls`] secures one where the endpoints have agreed on it.
//!
//! Memory is bounded by the limits named in [`links`] and [`committer`], whatever a partner sends
//! or does not read.

pub mod clock;
pub mod committer;
mod connection;
mod dial;
pub mod links;
mod listener;
mod socket;
pub mod tls;
pub mod web_tls;

pub use clock::Clock;
pub use committer::{Committer, Report};
pub use links::{LinkCounters, LinkEvent, LinkSpec, Links};
