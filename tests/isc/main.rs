//! dhcpd's lease files as octets and as what a store holds; `dhcpd.conf` as text. What a real dhcpd
//! makes of them: tests/interop, `files`.
#![cfg(feature = "server")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on panics")]

mod conf;
mod hostile;
mod lease_file;
mod store;
