//! What to play, and with whom.

use std::net::{Ipv4Addr, SocketAddrV4};

use clap::Args;

use crate::balance::Role;

/// The port at which dhcpd listens for its partner.
const PORT: u16 = 647;

/// What the command line says.
#[derive(Clone, Debug, Args)]
pub struct Options {
    /// Where the server listens for its partner; without a port 647
    #[arg(long, value_name = "ADDR[:PORT]", value_parser = endpoint)]
    pub(super) server: SocketAddrV4,
    /// Where the server has its partner; of several relationships the first of consecutive addresses
    #[arg(long, value_name = "ADDR[:PORT]", value_parser = endpoint)]
    pub(super) local: SocketAddrV4,
    /// Wait at --local for the server to connect, instead of connecting to it
    #[arg(long)]
    pub(super) listen: bool,
    /// Name of the relationship; of several {} stands for the number of each, from 0
    #[arg(long, value_name = "NAME")]
    pub(super) relationship: String,
    /// What the partner is in the relationship: primary or secondary
    #[arg(long, value_name = "ROLE", value_parser = role)]
    pub(super) role: Role,
    /// How many relationships, all at once from this process
    #[arg(long, value_name = "K", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub(super) relationships: u16,
    /// The pool's first address
    #[arg(long, value_name = "ADDRESS")]
    pub(super) pool: Ipv4Addr,
    /// Addresses from one relationship's pool to the next one's; by default as many as are given
    #[arg(long, value_name = "N")]
    pub(super) stride: Option<u32>,

    /// Give the server N bindings of each pool, as fast as its window allows
    #[arg(long, value_name = "N")]
    pub(super) sync_to: Option<u32>,
    /// Ask the server for everything
    #[arg(long)]
    pub(super) sync_from: bool,
    /// Renew bindings at this rate a second, all relationships together, whatever the server does
    #[arg(long, value_name = "RATE", value_parser = rate)]
    pub(super) steady: Option<f64>,
    /// For how long
    #[arg(long, value_name = "S", default_value_t = 10, requires = "steady")]
    pub(super) seconds: u64,

    /// Updates that the server may have unanswered, as announced to it
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub(super) max_unacked_updates: u32,
    /// Have no more messages unanswered than this, whatever the server allows
    #[arg(long, value_name = "N")]
    pub(super) window: Option<u32>,
    /// Updates in one message, for servers that take several; by default as many as have room for another
    /// twinlease, else one
    #[arg(long, value_name = "N")]
    pub(super) batch: Option<u32>,
    /// What the partner says it is; a twinlease sends several updates in a message to another only
    #[arg(long, value_name = "TEXT", default_value = concat!("twinlease-", env!("CARGO_PKG_VERSION"), "-bench"))]
    pub(super) vendor_class: String,
    /// MCLT in seconds, of a primary
    #[arg(long, value_name = "S", default_value_t = 3600)]
    pub(super) mclt: u32,
    /// Length of the leases that are given, in seconds
    #[arg(long, value_name = "S", default_value_t = 7200)]
    pub(super) lease_time: u32,
    /// Seconds of silence after which the server may give the partner up
    #[arg(long, value_name = "S", default_value_t = 60)]
    pub(super) max_response_delay: u32,
    /// Give up when nothing happens for so long
    #[arg(long, value_name = "S", default_value_t = 60)]
    pub(super) patience: u64,
    /// Write the report as one JSON object; - is standard output
    #[arg(long, value_name = "FILE|-")]
    pub(super) json: Option<String>,
}

impl Options {
    /// The address `number` of the partner.
    pub(super) fn local(&self, number: u16) -> SocketAddrV4 {
        let address = u32::from(*self.local.ip()).wrapping_add(u32::from(number));
        SocketAddrV4::new(address.into(), self.local.port())
    }

    /// The first address of pool `number`.
    pub(super) fn pool(&self, number: u16) -> u32 {
        let stride = self.stride.unwrap_or(self.bindings());
        u32::from(self.pool).wrapping_add(stride.wrapping_mul(u32::from(number)))
    }

    /// Bindings of each pool that are given and renewed.
    pub(super) fn bindings(&self) -> u32 {
        /// Where nothing is given that could be renewed.
        const RENEWED: u32 = 1000;
        self.sync_to.unwrap_or(RENEWED).max(1)
    }

    /// The name of relationship `number`.
    pub(super) fn name(&self, number: u16) -> String {
        self.relationship.replace("{}", &number.to_string())
    }
}

fn endpoint(text: &str) -> Result<SocketAddrV4, String> {
    let address = text.parse::<Ipv4Addr>().map(|address| SocketAddrV4::new(address, PORT));
    address.or_else(|_| text.parse()).map_err(|_| "an address as 10.78.0.1 or 10.78.0.1:647".into())
}

fn role(text: &str) -> Result<Role, String> {
    match text {
        "primary" => Ok(Role::Primary),
        "secondary" => Ok(Role::Secondary),
        _ => Err("primary or secondary".into()),
    }
}

fn rate(text: &str) -> Result<f64, String> {
    let rate = text.parse::<f64>().ok();
    rate.filter(|rate| *rate > 0.0 && rate.is_finite()).ok_or_else(|| "a number above 0".into())
}
