//! The endpoint as a whole: two of them on one clock, or one and a scripted partner, with nothing in
//! between but octets.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on panics"
)]

mod alone;
mod announcing;
mod answers;
mod authentication;
mod batching;
mod bootp;
mod carried;
mod closing;
mod coming_back;
mod config;
mod conflict;
mod connection;
mod decisions;
mod dhcpd;
mod dhcpd_lives;
mod dhcpd_pairs;
mod dhcpd_window;
mod dns;
mod durability;
mod every_row;
mod expiry;
mod explain;
mod fingerprint;
mod handshake;
mod header;
mod hot_standby;
mod interruption;
mod keeping_alive;
mod leases;
mod live_updates;
mod mclt;
mod normal;
mod ownership;
mod pace;
mod pairs;
mod pool;
mod pool_changes;
mod promises;
mod random;
mod recovery;
mod refused_offers;
mod requests;
mod reservations;
mod restart;
mod server_hba;
mod service;
mod soak;
mod states;
mod status;
mod steering;
mod stopping;
mod support;
mod tls;
mod up_to_date;
mod update_contents;
mod updates;
mod without_contact;
