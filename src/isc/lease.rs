//! A lease file as values.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use crate::binding::{ClientIdentifier, HardwareAddress};
use crate::time::UnixTime;
use crate::wire::codes::{BindingStatus, FailoverState};

/// What a lease file says at its end: it is a log in which the last block of a name or an address
/// counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeaseFile {
    /// The `failover peer ... state` blocks by the name of the relationship.
    pub relationships: BTreeMap<String, FailoverBlock>,
    /// The `lease` blocks.
    pub leases: BTreeMap<Ipv4Addr, Lease>,
}

/// One `failover peer ... state` block.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FailoverBlock {
    /// Own state and when it was entered; `None` where the file says `unknown-state` or nothing.
    pub own: Option<(FailoverState, UnixTime)>,
    /// The partner's state as last heard.
    pub partner: Option<(FailoverState, UnixTime)>,
    /// MCLT in seconds, which a secondary remembers.
    pub mclt: Option<u32>,
}

/// One `lease` block. A time that is not given is absent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lease {
    /// The latest DHCPACK, or the latest move between the two servers.
    pub starts: UnixTime,
    /// When the client's lease ends.
    pub ends: UnixTime,
    /// The latest potential expiration told to the partner.
    pub tstp: UnixTime,
    /// The potential expiration that binds this server.
    pub tsfp: UnixTime,
    /// The potential expiration that both servers agree on; absent while there is something to tell.
    pub atsfp: UnixTime,
    /// When the client was last heard.
    pub cltt: UnixTime,
    /// Where the address stands; `None` where the file leaves it to `ends`.
    pub binding: Option<BindingStatus>,
    /// Where it goes when its time is over; `None` where it stays.
    pub next: Option<BindingStatus>,
    /// Where it goes when what happened is taken back; `None` where it stays.
    pub rewind: Option<BindingStatus>,
    /// Held back for one client.
    pub reserved: bool,
    /// Given by dynamic BOOTP.
    pub bootp: bool,
    /// Hardware type and address of the client.
    pub hardware: Option<HardwareAddress>,
    /// Client identifier of the client.
    pub uid: Option<ClientIdentifier>,
}
