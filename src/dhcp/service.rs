//! The DHCPv4 service: a client's message in, an effect on the bindings and at most one answer out.
//!
//! Nothing here reads a clock or a socket. Whether a client may be served, which address it may have
//! and for how long is asked of the pool's owner ([`LeaseAuthority`]); what RFC 2131 leaves to a
//! server is decided here. Each kind of message has its own file beside this one.
//!
//! Invariant: a message that the owner does not want served has no effect at all.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use dhcproto::v4::MessageType;

use super::answer_memory::AnswerMemory;
use super::config::{ConfigError, DhcpConfig};
use super::counters::{Counters, DropReason};
use super::exchange::{Arrival, Exchange, Owners, PendingReply};
use super::network::Ipv4Network;
use super::offers::Offers;
use super::packet::{ClientPacket, Header};
use super::probe::Probes;
use super::relay::RelayInformation;
use super::subnet::{Share, Subnet, Subnets};
use crate::binding::ClientRef;
use crate::endpoint::service::{ClientRequest, LeaseAuthority, RequestKind, Service};
use crate::rate_limit::RateLimit;
use crate::time::{Instant, Now};
use crate::wire::codes::BindingStatus;

/// Refused requests that get a log line within ten seconds.
const REFUSALS_LOGGED: u32 = 20;

/// Serves the clients of the configured subnets.
#[derive(Debug)]
pub struct DhcpService {
    settings: Settings,
    desk: Desk,
}

/// What the configuration says.
#[derive(Debug)]
struct Settings {
    subnets: Subnets,
    server_identifier: Option<Ipv4Addr>,
    /// Addresses by which clients may name this server, besides the one they wrote to.
    own_addresses: Vec<Ipv4Addr>,
}

/// What changes from message to message.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) authoritative: bool,
    pub(super) offers: Offers,
    pub(super) probes: Probes,
    pub(super) counters: Counters,
    /// Complaints about empty pools, by subnet.
    pub(super) exhausted: BTreeMap<Ipv4Network, RateLimit>,
    /// Complaints about clients on networks that are not configured.
    strangers: RateLimit,
    /// Lines about refused requests, which a client can bring about as often as it likes.
    refusals: RateLimit,
    /// Options of the request and of the answer at hand that go with the binding.
    pub(super) request_options: Vec<u8>,
    pub(super) reply_options: Vec<u8>,
    pub(super) memory: AnswerMemory,
}

impl DhcpService {
    /// A service without any offer outstanding.
    pub fn new(config: DhcpConfig) -> Result<Self, ConfigError> {
        let settings = Settings {
            subnets: Subnets::new(config.subnets)?,
            server_identifier: config.server_identifier,
            own_addresses: Vec::new(),
        };
        let desk = Desk {
            authoritative: config.authoritative,
            offers: Offers::default(),
            probes: Probes::new(config.ping_timeout),
            counters: Counters::default(),
            exhausted: BTreeMap::new(),
            strangers: RateLimit::default(),
            refusals: RateLimit::with_burst(REFUSALS_LOGGED),
            request_options: Vec::new(),
            reply_options: Vec::new(),
            memory: AnswerMemory::default(),
        };
        Ok(Self { settings, desk })
    }

    /// Takes another configuration; what was offered and counted stays.
    pub fn reconfigure(&mut self, config: DhcpConfig) -> Result<(), ConfigError> {
        self.settings.subnets = Subnets::new(config.subnets)?;
        self.settings.server_identifier = config.server_identifier;
        self.desk.authoritative = config.authoritative;
        self.desk.probes.set_timeout(config.ping_timeout);
        Ok(())
    }

    /// Tells the service all addresses of this server, so that a client which got its offer through
    /// one socket may name it in a REQUEST that arrives through another.
    pub fn set_own_addresses(&mut self, addresses: Vec<Ipv4Addr>) {
        self.settings.own_addresses = addresses;
    }

    /// Takes one datagram. Whatever its bytes are, the effect is at most one answer appended to
    /// `replies` and one change recorded with an owner.
    pub fn handle(
        &mut self,
        datagram: &[u8],
        arrival: &Arrival,
        owners: &mut dyn Owners,
        now: Now,
        replies: &mut Vec<PendingReply>,
    ) {
        let packet = match ClientPacket::parse(datagram) {
            Ok(packet) => packet,
            Err(error) => {
                tracing::debug!(source = %arrival.source, "no DHCP message: {error}");
                self.desk.counters.count_dropped(error.into());
                return;
            }
        };
        self.desk.counters.count_received(packet.message_type);
        self.serve(datagram, &packet, arrival, owners, now, replies);
    }

    /// Ends offers whose time is over and makes those whose address nobody answered for. To be
    /// called at [`next_timer`](Self::next_timer) or more often.
    pub fn tick(&mut self, owners: &mut dyn Owners, now: Now, replies: &mut Vec<PendingReply>) {
        self.desk.counters.offers_expired = self
            .desk
            .counters
            .offers_expired
            .saturating_add(self.desk.offers.expire(now.monotonic));
        while let Some(probe) = self.desk.probes.pop_due(now.monotonic) {
            self.desk.offers.set_probed(probe.address);
            self.serve_again(&probe.datagram, &probe.arrival, owners, now, replies);
        }
    }

    /// When [`tick`](Self::tick) has something to do next.
    pub fn next_timer(&self) -> Option<Instant> {
        [self.desk.offers.next_expiry(), self.desk.probes.next_due()].into_iter().flatten().min()
    }

    /// Addresses to which an ICMP echo request is to be sent now.
    pub fn take_probes(&mut self) -> impl Iterator<Item = Ipv4Addr> {
        self.desk.probes.take_unsent()
    }

    /// An address has answered an echo request: if it is one that was to be offered, it is abandoned
    /// and the client gets another.
    pub fn probe_answered(
        &mut self,
        address: Ipv4Addr,
        owners: &mut dyn Owners,
        now: Now,
        replies: &mut Vec<PendingReply>,
    ) {
        let Some(probe) = self.desk.probes.remove(address) else { return };
        let owner = self.settings.subnets.containing(address).and_then(|subnet| {
            subnet.shares().get(subnet.share_of(address)?).map(|share| share.owner)
        });
        if let Some(owner) = owner {
            tracing::warn!(%address, "abandoned: it answered an ICMP echo request");
            self.desk.abandon(owner, address, owners, now);
        }
        self.serve_again(&probe.datagram, &probe.arrival, owners, now, replies);
    }

    /// Takes note of messages that were lost before they could be read, because more came than can be
    /// served.
    pub fn count_overrun(&mut self, messages: u64) {
        self.desk.counters.count_overrun(messages);
    }

    /// What has been counted since the start.
    pub fn counters(&self) -> &Counters {
        &self.desk.counters
    }

    pub(super) fn desk(&self) -> &Desk {
        &self.desk
    }

    pub(super) fn subnets(&self) -> impl Iterator<Item = &Subnet> {
        self.settings.subnets.all()
    }

    pub(super) fn subnet_of(&self, address: Ipv4Addr) -> Option<&Subnet> {
        self.settings.subnets.containing(address)
    }

    fn serve_again(
        &mut self,
        datagram: &[u8],
        arrival: &Arrival,
        owners: &mut dyn Owners,
        now: Now,
        replies: &mut Vec<PendingReply>,
    ) {
        if let Ok(packet) = ClientPacket::parse(datagram) {
            self.serve(datagram, &packet, arrival, owners, now, replies);
        }
    }

    fn serve(
        &mut self,
        bytes: &[u8],
        packet: &ClientPacket<'_>,
        arrival: &Arrival,
        owners: &mut dyn Owners,
        now: Now,
        replies: &mut Vec<PendingReply>,
    ) {
        let Self { settings, desk } = self;
        let served = settings
            .exchange(bytes, packet, arrival, now)
            .and_then(|(kind, exchange)| desk.dispatch(kind, &exchange, owners, replies));
        if let Err(reason) = served {
            let client = packet.client();
            tracing::debug!(
                message = ?packet.message_type,
                client = client.hardware.map(tracing::field::display),
                "dropped: {} ({})",
                reason.name(),
                reason.rule()
            );
            desk.counters.count_dropped(reason);
            if reason == DropReason::UnknownSubnet {
                desk.complain_of_stranger(packet, arrival, now);
            }
        }
    }
}

impl Settings {
    /// Puts together what is known about a request before anybody is asked.
    fn exchange<'p>(
        &'p self,
        bytes: &'p [u8],
        packet: &'p ClientPacket<'p>,
        arrival: &'p Arrival,
        now: Now,
    ) -> Result<(RequestKind, Exchange<'p>), DropReason> {
        let kind = kind_of(packet, arrival)?;
        let client = packet.client();
        if client.identifier.is_none() && client.hardware.is_none() {
            return Err(DropReason::NoIdentity);
        }
        let relay = RelayInformation::of(packet);
        let network = network_hint(kind, packet, arrival, &relay);
        let subnet = self.subnets.containing(network).ok_or(DropReason::UnknownSubnet)?;
        let server_identifier = relay
            .server_identifier_override
            .or(self.server_identifier)
            .unwrap_or(arrival.local_address);
        let names_this_server = packet
            .server_identifier
            .is_some_and(|named| named == server_identifier || self.own_addresses.contains(&named));
        let exchange = Exchange {
            bytes,
            packet,
            arrival,
            client,
            subnet,
            server_identifier,
            names_this_server,
            now,
        };
        Ok((kind, exchange))
    }
}

/// The kind of message, by RFC 2131 table 4 for a REQUEST.
fn kind_of(packet: &ClientPacket<'_>, arrival: &Arrival) -> Result<RequestKind, DropReason> {
    match packet.message_type {
        None => Ok(RequestKind::Bootp),
        Some(MessageType::Discover) => Ok(RequestKind::Discover),
        Some(MessageType::Request) => {
            let header = &packet.header;
            if packet.server_identifier.is_some() {
                Ok(RequestKind::Selecting)
            } else if header.ciaddr.is_unspecified() {
                Ok(RequestKind::InitReboot)
            } else if arrival.unicast && !header.is_relayed() {
                Ok(RequestKind::Renewing)
            } else {
                Ok(RequestKind::Rebinding)
            }
        }
        Some(MessageType::Release) => Ok(RequestKind::Release),
        Some(MessageType::Decline) => Ok(RequestKind::Decline),
        Some(MessageType::Inform) => Ok(RequestKind::Inform),
        Some(_) => Err(DropReason::UnexpectedType),
    }
}

/// An address of the subnet that matters: what the relay agent or the client names, else where the
/// message came from (RFC 3527, RFC 3011, RFC 2131 §4.3.1).
fn network_hint(
    kind: RequestKind,
    packet: &ClientPacket<'_>,
    arrival: &Arrival,
    relay: &RelayInformation,
) -> Ipv4Addr {
    let header = &packet.header;
    let named = || relay.link_selection.or(packet.subnet_selection);
    let relayed = || header.is_relayed().then_some(header.giaddr);
    let ciaddr = (!header.ciaddr.is_unspecified()).then_some(header.ciaddr);
    let hint = match kind {
        RequestKind::Release => ciaddr,
        RequestKind::Decline => packet.requested_address,
        RequestKind::Renewing => named().or(ciaddr),
        RequestKind::Inform | RequestKind::Bootp => named().or_else(relayed).or(ciaddr),
        RequestKind::Discover
        | RequestKind::Selecting
        | RequestKind::InitReboot
        | RequestKind::Rebinding => named().or_else(relayed),
    };
    hint.unwrap_or(arrival.local_address)
}

impl Desk {
    fn complain_of_stranger(&mut self, packet: &ClientPacket<'_>, arrival: &Arrival, now: Now) {
        if let Some(suppressed) = self.strangers.pass(now.monotonic) {
            let Header { giaddr, ciaddr, .. } = packet.header;
            tracing::warn!(
                %giaddr,
                %ciaddr,
                received_on = %arrival.local_address,
                suppressed,
                "no subnet is configured for a client's network"
            );
        }
    }

    pub(super) fn log_refusal(
        &mut self,
        exchange: &Exchange<'_>,
        address: Ipv4Addr,
        reason: &'static str,
    ) {
        let Some(suppressed) = self.refusals.pass(exchange.now.monotonic) else { return };
        let client = exchange.client.hardware;
        tracing::info!(%address, ?client, suppressed, "DHCPNAK: {reason} (RFC 2131 §4.3.2)");
    }

    fn dispatch(
        &mut self,
        kind: RequestKind,
        exchange: &Exchange<'_>,
        owners: &mut dyn Owners,
        replies: &mut Vec<PendingReply>,
    ) -> Result<(), DropReason> {
        match kind {
            RequestKind::Discover => self.discover(exchange, owners, replies),
            RequestKind::Selecting
            | RequestKind::InitReboot
            | RequestKind::Renewing
            | RequestKind::Rebinding => self.request(kind, exchange, owners, replies),
            RequestKind::Release => self.release(exchange, owners),
            RequestKind::Decline => self.decline(exchange, owners),
            RequestKind::Inform => self.inform(exchange, owners, replies),
            RequestKind::Bootp => self.bootp(exchange, owners, replies),
        }
    }
}

/// The owner of a share, if it wants this message served.
pub(super) fn serving_owner<'o>(
    kind: RequestKind,
    exchange: &Exchange<'_>,
    share: &Share,
    owners: &'o mut dyn Owners,
) -> Result<&'o mut dyn LeaseAuthority, DropReason> {
    let addressed_to_this_server = match kind {
        RequestKind::Discover | RequestKind::Bootp => false,
        RequestKind::Selecting
        | RequestKind::InitReboot
        | RequestKind::Renewing
        | RequestKind::Rebinding
        | RequestKind::Release
        | RequestKind::Decline
        | RequestKind::Inform => exchange.names_this_server || exchange.is_direct_unicast(),
    };
    let owner = owners.owner(share.owner).ok_or(DropReason::NotOurs)?;
    let request = ClientRequest {
        kind,
        client: exchange.client,
        secs: exchange.header().secs,
        addressed_to_this_server,
        ranges: &share.ranges,
    };
    match owner.service_for(&request, exchange.now) {
        Service::Serve => Ok(owner),
        Service::Silent(silence) => Err(silence.into()),
    }
}

/// The share whose owner decides about a message: that of the address in question, else the
/// subnet's first. `None` in a subnet without pools, which nobody but this service decides about.
pub(super) fn deciding_share(subnet: &Subnet, address: Option<Ipv4Addr>) -> Option<&Share> {
    let of_address = address.and_then(|address| subnet.share_of(address));
    subnet.shares().get(of_address.unwrap_or(0))
}

/// Whether an address is ACTIVE and held by this client.
pub(super) fn is_holder(
    owner: &dyn LeaseAuthority,
    address: Ipv4Addr,
    client: &ClientRef<'_>,
) -> bool {
    owner.table().get(address).is_some_and(|binding| {
        binding.binding_status == BindingStatus::Active && binding.belongs_to(client)
    })
}
