//! DHCPv4 failover: draft-ietf-dhc-failover-12 and RFC 3074, wire-compatible with ISC dhcpd.
//!
//! Two DHCP servers share their pools; when one dies, the other goes on, and no address is ever held
//! by two clients. This crate is the engine of one of the two servers, and around it, with the feature
//! `server`, a whole one.
//!
//! ```text
//!                 your DHCP server, or dhcp/ and server/ of this crate
//!      clients ->  service_for? availability? grant?  ->  record   (LeaseAuthority)
//!                 +--------------------------------------------+
//!      Input ->   |  FailoverEndpoint: states, updates, pools  |   -> Output
//!                 +--------------------------------------------+
//!      connected, received, committed,          commit, connect, transmit,
//!      time reached, operator                   close, event, idle until
//! ```
//!
//! # The loop
//!
//! [`endpoint::FailoverEndpoint`] does nothing by itself. Whoever drives it says what happened and does
//! what it wants. Here the network is a function call and the disk is patient:
//!
//! ```
//! use twinlease::balance::Role;
//! use twinlease::binding::AddressRange;
//! use twinlease::durable::Recovered;
//! use twinlease::endpoint::{FailoverEndpoint, Input, LinkId, Origin, Output, RelationshipConfig};
//! use twinlease::time::{Instant, Now, UnixTime};
//! use twinlease::wire::{Deframer, FailoverState};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let now = Now { monotonic: Instant::from_micros(0), wall: UnixTime(1_700_000_000) };
//! let range = AddressRange::new([10, 0, 0, 10].into(), [10, 0, 0, 99].into()).ok_or("range")?;
//! let server = |role| {
//!     let config = RelationshipConfig::new("office-lan", role, vec![range]);
//!     FailoverEndpoint::new(config, Recovered::default(), now)
//! };
//! let mut servers = [server(Role::Primary)?, server(Role::Secondary)?];
//! let link = LinkId(1);
//! servers[0].handle_input(now, Input::Connected { link, origin: Origin::Dialled });
//! servers[1].handle_input(now, Input::Connected { link, origin: Origin::Accepted });
//! for turn in 0..100 {
//!     let [own, other] = if turn % 2 == 0 { [0, 1] } else { [1, 0] };
//!     loop {
//!         match servers[own].poll_output() {
//!             // Write it to disk first: STATE, BNDACK and DHCPACK wait for this word.
//!             Output::Commit(commit) => {
//!                 servers[own].handle_input(now, Input::Committed(commit.id));
//!             }
//!             Output::Transmit(link) => {
//!                 let (mut octets, mut deframer) = (Vec::new(), Deframer::new());
//!                 servers[own].take_transmit(link, &mut octets);
//!                 deframer.push(&octets);
//!                 while let Some(frame) = deframer.next_frame()? {
//!                     servers[other].handle_input(now, Input::Received { link, frame });
//!                 }
//!             }
//!             Output::Event(event) => println!("{event}"),
//!             Output::Connect | Output::StartTls { .. } | Output::Close(_) => {}
//!             Output::Idle { .. } => break,
//!         }
//!     }
//! }
//! assert!(servers.iter().all(|server| server.state() == FailoverState::Normal));
//! # Ok(())
//! # }
//! ```
//!
//! `examples/embed.rs` is a small DHCP server of its own around this loop, with sockets, a journal and
//! clients; it partners a real dhcpd.
//!
//! # Features
//!
//! | feature | what it adds |
//! |---|---|
//! | none | [`wire`], [`balance`], [`binding`], [`endpoint`], [`durable`], [`time`]: the standard library, and `hmac` with `md-5` |
//! | `server` (default) | everything that touches sockets, files, threads or clocks, and the program `twinlease` |
//!
//! # What never happens
//!
//! - Without `server`: a clock is read, a socket or file is touched, a thread is started, `unsafe` is used.
//! - The same inputs lead to different outputs.
//! - A message of a partner or a client makes it panic, or makes it use memory without a limit.
//! - A client or the partner is promised something that is not on disk.
//! - A dhcpd is sent one of the messages that terminate its process.
//! - With `server`, `unsafe` is used outside of [`datagrams`], which makes two system calls with it.
#![cfg_attr(not(feature = "server"), forbid(unsafe_code))]

#[cfg(feature = "server")]
pub mod admin;
pub mod balance;
#[cfg(feature = "server")]
pub mod bench;
pub mod binding;
#[cfg(feature = "server")]
pub mod cli;
#[cfg(feature = "server")]
pub mod clients;
#[cfg(feature = "server")]
pub mod datagrams;
#[cfg(feature = "server")]
pub mod demo;
#[cfg(feature = "server")]
pub mod dhcp;
#[cfg(feature = "server")]
pub mod driver;
pub mod durable;
pub mod endpoint;
#[cfg(feature = "server")]
pub mod isc;
#[cfg(feature = "server")]
pub mod pcap;
#[cfg(feature = "server")]
mod rate_limit;
#[cfg(feature = "server")]
pub mod server;
#[cfg(feature = "server")]
pub mod sim;
#[cfg(feature = "server")]
pub mod store;
pub mod time;
#[cfg(feature = "server")]
pub(crate) mod virtual_address;
pub mod wire;
