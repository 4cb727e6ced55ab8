//! The DHCPv4 service: clients' packets in, replies out, addresses allocated.
//!
//! [`DhcpService`] is a plain state machine: [`handle`](DhcpService::handle) takes one datagram with
//! its [`Arrival`] and appends at most one [`PendingReply`], which leaves when its commit is durable.
//! A datagram is read by [`packet`], put into its subnet by [`service`], and handled in the file named
//! after its kind: `discover`, `request`, `release`, `inform`, `bootp`. Pools belong to
//! [`LeaseAuthority`](crate::endpoint::service::LeaseAuthority)s, found through [`Owners`]; between
//! DISCOVER and REQUEST an address waits in `offers`.
//!
//! [`preview`] plays a DISCOVER through without effect, for operators.
//!
//! The service does no input or output of its own: [`socket`] carries datagrams between it and the
//! network, by `udp` and `packet_socket`, sorted by `filter`; [`ping`] asks whether an address is in use.

#![cfg_attr(
    not(test),
    deny(
        clippy::arithmetic_side_effects,
        clippy::panic,
        clippy::string_slice,
        clippy::unreachable,
        reason = "what a partner, client, file or operator sends passes here, and nothing may panic on it"
    )
)]

mod answer;
mod answer_memory;
mod bootp;
mod client_key;
pub mod config;
pub mod counters;
mod datagram;
mod discover;
pub mod exchange;
mod filter;
mod inform;
mod interface;
pub mod network;
mod offers;
pub mod option_code;
pub mod options;
pub mod packet;
mod packet_socket;
pub mod ping;
pub mod preview;
mod probe;
mod relay;
mod release;
mod reply;
mod request;
pub mod service;
pub mod socket;
mod subnet;
mod udp;

pub use config::{ConfigError, DhcpConfig, PoolConfig, Reservation, ReservedFor, SubnetConfig};
pub use counters::{Counters, DropReason};
pub use exchange::{Arrival, Destination, Owners, PendingReply, Reply, ReplyTo};
pub(crate) use interface::Interface;
pub use network::Ipv4Network;
pub use offers::{MAX_OFFERS, OFFER_LIFETIME, UNCLAIMED_AFTER};
pub use option_code::OptionCode;
pub use options::OptionSet;
pub use ping::Pinger;
pub use preview::{Offer, Preview};
pub use probe::MAX_PROBES;
pub use service::DhcpService;
pub use socket::{ClientSockets, SocketConfig};
