//! DHCPv4 failover: draft-ietf-dhc-failover-12 and RFC 3074, wire-compatible with ISC dhcpd.
#![cfg_attr(not(feature = "server"), forbid(unsafe_code))]

#[cfg(feature = "server")]
pub mod admin;
pub mod balance;
pub mod binding;
#[cfg(feature = "server")]
pub mod cli;
#[cfg(feature = "server")]
pub mod demo;
#[cfg(feature = "server")]
pub mod dhcp;
#[cfg(feature = "server")]
pub mod driver;
pub mod durable;
pub mod endpoint;
#[cfg(feature = "server")]
pub mod pcap;
#[cfg(feature = "server")]
pub mod server;
#[cfg(feature = "server")]
pub mod store;
pub mod time;
pub mod wire;
