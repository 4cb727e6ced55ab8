//! What the service counts. All counters start at 0 with the process and only grow.

use dhcproto::v4::MessageType;

use super::packet::PacketError;
use crate::endpoint::service::Silence;

/// Message types 1 to 18 are named; everything else shares the last place.
const TYPES: usize = 19;

/// Counters of one service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    received: [u64; TYPES],
    sent: [u64; TYPES],
    dropped: [u64; DropReason::ALL.len()],
    /// DISCOVERs for which no pool had an address.
    pub pool_exhausted: u64,
    /// Offers that no REQUEST followed in time.
    pub offers_expired: u64,
    /// Options left out of answers because the message would have become too long.
    pub options_omitted: u64,
    /// Addresses probed before they were offered.
    pub addresses_probed: u64,
    /// Addresses abandoned because a client declined them or because they answered a probe.
    pub addresses_abandoned: u64,
}

impl Counters {
    /// Messages received, by type in lower case ("discover"); "bootp" has no type, "other" a type
    /// that no client sends.
    pub fn received(&self) -> impl Iterator<Item = (&'static str, u64)> {
        labelled(&self.received)
    }

    /// Messages produced, by type in lower case.
    pub fn sent(&self) -> impl Iterator<Item = (&'static str, u64)> {
        labelled(&self.sent)
    }

    /// Messages dropped, by reason.
    pub fn dropped(&self) -> impl Iterator<Item = (DropReason, u64)> {
        DropReason::ALL.into_iter().zip(self.dropped)
    }

    /// Messages dropped for one reason.
    pub fn dropped_for(&self, reason: DropReason) -> u64 {
        self.dropped.get(reason as usize).copied().unwrap_or(0)
    }

    pub(super) fn count_received(&mut self, message_type: Option<MessageType>) {
        add_one(&mut self.received, message_type.map_or(0, u8::from));
    }

    pub(super) fn count_sent(&mut self, message_type: Option<MessageType>) {
        add_one(&mut self.sent, message_type.map_or(0, u8::from));
    }

    pub(super) fn count_overrun(&mut self, messages: u64) {
        if let Some(counter) = self.dropped.get_mut(DropReason::Overload as usize) {
            *counter = counter.saturating_add(messages);
        }
    }

    pub(super) fn count_dropped(&mut self, reason: DropReason) {
        if let Some(counter) = self.dropped.get_mut(reason as usize) {
            *counter = counter.saturating_add(1);
        }
    }
}

fn add_one(counters: &mut [u64; TYPES], message_type: u8) {
    let place = usize::from(message_type).min(TYPES - 1);
    if let Some(counter) = counters.get_mut(place) {
        *counter = counter.saturating_add(1);
    }
}

/// The counters with names: place 0 is BOOTP, 1 to 8 the messages between client and server.
fn labelled(counters: &[u64; TYPES]) -> impl Iterator<Item = (&'static str, u64)> {
    const NAMES: [&str; 9] =
        ["bootp", "discover", "offer", "request", "decline", "ack", "nak", "release", "inform"];
    let other: u64 = counters.iter().skip(NAMES.len()).sum();
    NAMES.into_iter().zip(counters.iter().copied()).chain([("other", other)])
}

/// Why a message got no answer and had no effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DropReason {
    /// Too short, no magic cookie, hlen too large, not a request.
    NotDhcp,
    /// An option is truncated or has a wrong length.
    MalformedOptions,
    /// A BOOTP client without reservation, where no pool open to BOOTP has an address.
    Bootp,
    /// A type of message that no client sends, or that this server does not know.
    UnexpectedType,
    /// Neither client identifier nor hardware address.
    NoIdentity,
    /// A field or option that this kind of message needs is missing.
    Incomplete,
    /// The client's network is not configured.
    UnknownSubnet,
    /// The failover state does not allow it.
    State,
    /// Load balancing assigns the client to the partner.
    PartnersClient,
    /// The server HBA leaves the client to servers outside the pair.
    OtherServersClient,
    /// It names another server.
    OtherServer,
    /// The address is the partner's to give.
    PartnersAddress,
    /// The client asks for an address about which this server knows nothing certain.
    NotOurs,
    /// The client's address is wrong, but this server is not authoritative.
    NotAuthoritative,
    /// No pool has an address.
    PoolExhausted,
    /// The address for this client is being probed.
    Probing,
    /// A RELEASE or DECLINE for an address that the client does not hold.
    NotTheHolder,
    /// More came than can be served; it was lost before it was read. Most are DISCOVERs: they are
    /// read last.
    Overload,
}

impl DropReason {
    /// All reasons, in the order of their declaration.
    pub const ALL: [Self; 18] = [
        Self::NotDhcp,
        Self::MalformedOptions,
        Self::Bootp,
        Self::UnexpectedType,
        Self::NoIdentity,
        Self::Incomplete,
        Self::UnknownSubnet,
        Self::State,
        Self::PartnersClient,
        Self::OtherServersClient,
        Self::OtherServer,
        Self::PartnersAddress,
        Self::NotOurs,
        Self::NotAuthoritative,
        Self::PoolExhausted,
        Self::Probing,
        Self::NotTheHolder,
        Self::Overload,
    ];

    /// The rule behind it, for logs and metrics.
    pub const fn rule(self) -> &'static str {
        match self {
            Self::NotDhcp | Self::UnexpectedType => "RFC 2131 §2",
            Self::MalformedOptions => "RFC 2132 §2",
            Self::Bootp => "RFC 1534",
            Self::NoIdentity => "RFC 2131 §4.2",
            Self::Incomplete => "RFC 2131 §4.3",
            Self::UnknownSubnet | Self::PoolExhausted => "RFC 2131 §4.3.1",
            Self::State => "draft §9.2",
            Self::PartnersClient => "RFC 3074, draft §9.8.2",
            Self::OtherServersClient => "RFC 3074, draft §5.3",
            Self::OtherServer => "RFC 2131 §3.1",
            Self::PartnersAddress => "draft §5.4",
            Self::NotOurs | Self::NotAuthoritative => "RFC 2131 §4.3.2",
            Self::Probing => "RFC 2131 §2.2",
            Self::NotTheHolder => "RFC 2131 §4.3.3",
            // Who gets no answer asks again, later each time.
            Self::Overload => "RFC 2131 §4.1",
        }
    }

    /// A name for logs and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotDhcp => "not-dhcp",
            Self::MalformedOptions => "malformed-options",
            Self::Bootp => "bootp",
            Self::UnexpectedType => "unexpected-type",
            Self::NoIdentity => "no-identity",
            Self::Incomplete => "incomplete",
            Self::UnknownSubnet => "unknown-subnet",
            Self::State => "failover-state",
            Self::PartnersClient => "partners-client",
            Self::OtherServersClient => "other-servers-client",
            Self::OtherServer => "other-server",
            Self::PartnersAddress => "partners-address",
            Self::NotOurs => "not-ours",
            Self::NotAuthoritative => "not-authoritative",
            Self::PoolExhausted => "pool-exhausted",
            Self::Probing => "probing",
            Self::NotTheHolder => "not-the-holder",
            Self::Overload => "overload",
        }
    }
}

impl From<PacketError> for DropReason {
    fn from(error: PacketError) -> Self {
        match error {
            PacketError::TooShort(_)
            | PacketError::NoMagicCookie
            | PacketError::NotARequest
            | PacketError::HardwareAddressTooLong(_) => Self::NotDhcp,
            PacketError::Truncated(_)
            | PacketError::WrongLength { .. }
            | PacketError::TooLong { .. } => Self::MalformedOptions,
        }
    }
}

impl From<Silence> for DropReason {
    fn from(silence: Silence) -> Self {
        match silence {
            Silence::State(_) => Self::State,
            Silence::PartnersClient => Self::PartnersClient,
            Silence::OtherServersClient => Self::OtherServersClient,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_the_place_of_its_declaration() {
        for (place, reason) in DropReason::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, place);
        }
    }

    #[test]
    fn a_message_is_counted_under_its_name() {
        let mut counters = Counters::default();
        counters.count_received(Some(MessageType::Inform));
        counters.count_received(None);
        counters.count_received(Some(MessageType::Unknown(200)));
        let counted: Vec<_> = counters.received().filter(|(_, count)| *count > 0).collect();
        assert_eq!(counted, [("bootp", 1), ("inform", 1), ("other", 1)]);
    }
}
