//! What a DHCP server asks before it answers a client, and what it reports afterwards.
//!
//! [`LeaseAuthority`] is the whole contract between the DHCP service and the owner of a pool: the
//! service asks whether it may answer, which address, for how long; it reports what it did and sends
//! its answer once the returned commit is durable.

use core::fmt;
use core::net::Ipv4Addr;

use crate::binding::carried::Parts;
use crate::binding::client::MAX_IDENTIFIER_OCTETS;
use crate::binding::table::{BindingTable, RangeId};
use crate::binding::{AddressRange, ClientRef, UnknownAddress};
use crate::durable::CommitId;
use crate::time::{Now, UnixTime};
use crate::wire::codes::FailoverState;
use crate::wire::ddns::Ddns;

/// Kinds of client message that the service rules tell apart (§9.2, §9.8.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RequestKind {
    /// DHCPDISCOVER.
    Discover,
    /// DHCPREQUEST that answers an offer: it names a server.
    Selecting,
    /// DHCPREQUEST of a client that restarts: no server, no ciaddr.
    InitReboot,
    /// DHCPREQUEST unicast to this server with ciaddr.
    Renewing,
    /// DHCPREQUEST broadcast with ciaddr.
    Rebinding,
    /// DHCPRELEASE.
    Release,
    /// DHCPDECLINE.
    Decline,
    /// DHCPINFORM.
    Inform,
    /// A BOOTP request.
    Bootp,
}

/// One client message, as far as the service rules look at it.
#[derive(Clone, Copy, Debug)]
pub struct ClientRequest<'a> {
    /// What is asked.
    pub kind: RequestKind,
    /// Who asks.
    pub client: ClientRef<'a>,
    /// The secs field, in host order.
    pub secs: u16,
    /// The message names this server in option 54 or was unicast to it, so that no other server
    /// will take it up.
    pub addressed_to_this_server: bool,
    /// Ranges that could serve this client (its subnet's). If the partner has nothing left in them,
    /// a DISCOVER in the partner's buckets is answered here.
    pub ranges: &'a [RangeId],
}

/// Whether to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// Process the message.
    Serve,
    /// Drop it without any side effect.
    Silent(Silence),
}

/// Why a message is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Silence {
    /// The endpoint's state does not allow this kind of message.
    State(FailoverState),
    /// Load balancing assigns the client to the partner (RFC 3074).
    PartnersClient,
    /// The server HBA leaves the client to servers outside this pair.
    OtherServersClient,
}

impl fmt::Display for Silence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::State(state) => write!(f, "not served in state {state}"),
            Self::PartnersClient => f.write_str("load balancing assigns the client to the partner"),
            Self::OtherServersClient => {
                f.write_str("the client belongs to servers outside this pair")
            }
        }
    }
}

/// Whether an address may be given to a client now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Availability {
    /// The client holds it already: renew.
    Renew,
    /// It may be leased to this client.
    Lease,
    /// It may not.
    No(Unavailable),
}

/// Why an address may not be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unavailable {
    /// In none of this owner's ranges.
    UnknownAddress,
    /// Another client holds it.
    HeldByOther,
    /// It is the partner's to give.
    PartnersPool,
    /// Its end has been reported and the partner has not agreed yet.
    AwaitingPartner,
    /// Declined, or answered a ping.
    Abandoned,
    /// Reserved for another client.
    Reserved,
}

/// How long a lease may be, and what to promise the partner (§5.2.1, §7.1.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Goes into dhcp-lease-time; `u32::MAX` is infinite.
    pub lease_seconds: u32,
    /// Moment at which the lease ends.
    pub lease_expiration: UnixTime,
    /// What the partner will be told; `ABSENT` where there is no partner.
    pub potential_expiration: UnixTime,
}

impl Grant {
    /// A lease without end, as BOOTP clients get it (§5.14).
    pub const FOR_EVER: Self = Self {
        lease_seconds: u32::MAX,
        lease_expiration: UnixTime::INFINITE,
        potential_expiration: UnixTime::INFINITE,
    };
}

/// What a lease comes with besides its client and its times.
#[derive(Clone, Copy, Debug, Default)]
pub struct LeaseDetails<'a> {
    /// It was asked for by BOOTP, not DHCP (§5.14).
    pub bootp: bool,
    /// Options of the request and of the answer that interest the partner (§7.1.1).
    pub carried: Parts<'a>,
}

/// What the DHCP service did, to be made durable and told to the partner.
#[derive(Clone, Copy, Debug)]
pub enum BindingChange<'a> {
    /// A DHCPACK is about to leave.
    Leased {
        /// The address.
        address: Ipv4Addr,
        /// Its holder.
        client: ClientRef<'a>,
        /// As returned by [`LeaseAuthority::grant`] for the same moment.
        grant: Grant,
        /// What it comes with.
        details: LeaseDetails<'a>,
    },
    /// The holder sent DHCPRELEASE.
    Released {
        /// The address.
        address: Ipv4Addr,
    },
    /// The address was declined or answered a ping.
    Abandoned {
        /// The address.
        address: Ipv4Addr,
    },
    /// An operator frees the address.
    Reset {
        /// The address.
        address: Ipv4Addr,
    },
    /// The DNS records of the client were added, changed or removed, or this is under way (§5.12).
    DnsUpdated {
        /// The address.
        address: Ipv4Addr,
        /// What there is now.
        ddns: Ddns<'a>,
    },
}

impl BindingChange<'_> {
    /// The address that changes.
    pub const fn address(&self) -> Ipv4Addr {
        match self {
            Self::Leased { address, .. }
            | Self::Released { address }
            | Self::Abandoned { address }
            | Self::Reset { address }
            | Self::DnsUpdated { address, .. } => *address,
        }
    }

    /// Checks what the types do not say.
    pub(super) fn check(&self) -> Result<(), RecordError> {
        let Self::Leased { client, .. } = self else { return Ok(()) };
        match client.identifier.map(<[u8]>::len) {
            Some(length) if length > MAX_IDENTIFIER_OCTETS => {
                Err(RecordError::IdentifierTooLong(length))
            }
            _ => Ok(()),
        }
    }
}

/// A change that cannot be recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RecordError {
    /// It is about an address that is not the owner's.
    UnknownAddress(UnknownAddress),
    /// The client-identifier of the new holder has so many octets: more than a DHCP option holds.
    IdentifierTooLong(usize),
}

impl From<UnknownAddress> for RecordError {
    fn from(unknown: UnknownAddress) -> Self {
        Self::UnknownAddress(unknown)
    }
}

impl fmt::Display for RecordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownAddress(unknown) => unknown.fmt(f),
            Self::IdentifierTooLong(length) => write!(
                f,
                "the client-identifier has {length} octets; at most {MAX_IDENTIFIER_OCTETS} are \
                 possible"
            ),
        }
    }
}

impl core::error::Error for RecordError {}

/// The owner of pools: a failover endpoint, or a server without a partner.
pub trait LeaseAuthority {
    /// Whether to process a client's message at all.
    fn service_for(&self, request: &ClientRequest<'_>, now: Now) -> Service;

    /// The bindings, to look a client or an address up.
    fn table(&self) -> &BindingTable;

    /// Whether `client` may have `address` now.
    fn availability(&self, address: Ipv4Addr, client: &ClientRef<'_>, now: Now) -> Availability;

    /// Whether a client that renews or rebinds an address of the partner's pool is believed to hold
    /// it: the partner may have leased it without having told (§3.1.2).
    fn believes_renewals(&self) -> bool {
        false
    }

    /// An address in `range` that may be leased to any new client, the one unused for longest
    /// first; addresses for which `is_parked` answers true are passed over. At most a bounded
    /// number of candidates is looked at.
    fn choose(
        &self,
        range: RangeId,
        now: Now,
        is_parked: &dyn Fn(Ipv4Addr) -> bool,
    ) -> Option<Ipv4Addr>;

    /// Moves an address that has been offered behind the others of its kind, so that
    /// [`choose`](Self::choose) meets fresh ones first. Nothing durable changes.
    fn park(&mut self, address: Ipv4Addr);

    /// The longest lease of at most `desired` seconds that `client` may have on `address`.
    fn grant(&self, address: Ipv4Addr, client: &ClientRef<'_>, desired: u32, now: Now) -> Grant;

    /// Takes note of what the service did. The answer to the client leaves when the returned
    /// commit is durable.
    fn record(&mut self, now: Now, change: BindingChange<'_>) -> Result<CommitId, RecordError>;

    /// The ranges in the order of their [`RangeId`].
    fn ranges(&self) -> &[AddressRange] {
        self.table().ranges()
    }
}
