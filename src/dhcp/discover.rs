//! DHCPDISCOVER: which address is offered (RFC 2131 §4.3.1).
//!
//! In this order: the address reserved for the client, the one offered to it before, the one it
//! holds, the one it held last, the one it asks for, the one unused for longest; where there is none,
//! one that was offered to somebody else who has not asked for it. What an owner does not want
//! served, or says may not be given, is never offered.

use std::fmt::Write;
use std::net::Ipv4Addr;

use dhcproto::v4::MessageType;

use super::answer::Promise;
use super::counters::DropReason;
use super::exchange::{Exchange, Owners, PendingReply};
use super::service::{Desk, serving_owner};
use crate::binding::AddressRange;
use crate::binding::table::{BindingTable, RangeId};
use crate::endpoint::service::{Availability, LeaseAuthority, RequestKind};
use crate::wire::codes::BindingStatus;

/// Addresses of a client's past that are looked at.
const MAX_PAST_ADDRESSES: usize = 32;

/// The address that will be offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Candidate {
    /// From a pool.
    Pooled {
        /// Position of the owner's share in the subnet.
        share: usize,
        address: Ipv4Addr,
        /// The client holds it already.
        held: bool,
    },
    /// Reserved for the client outside the pools; nobody's business but the configuration's.
    Fixed(Ipv4Addr),
}

/// Positions of shares whose owners serve this client: one bit each.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Serving(u64);

impl Serving {
    fn add(&mut self, share: usize) {
        self.0 |= 1_u64.checked_shl(u32::try_from(share).unwrap_or(u32::MAX)).unwrap_or(0);
    }

    fn contains(self, share: usize) -> bool {
        self.0.checked_shr(u32::try_from(share).unwrap_or(u32::MAX)).unwrap_or(0) & 1 == 1
    }
}

impl Desk {
    pub(super) fn discover(
        &mut self,
        exchange: &Exchange<'_>,
        owners: &mut dyn Owners,
        replies: &mut Vec<PendingReply>,
    ) -> Result<(), DropReason> {
        let serving = serving_shares(RequestKind::Discover, exchange, owners)?;
        let Some(candidate) = self.candidate(exchange, serving, owners) else {
            self.complain_of_empty_pools(exchange, owners);
            return Err(DropReason::PoolExhausted);
        };
        let desired = desired_lease(exchange);
        let (address, seconds) = match candidate {
            Candidate::Fixed(address) => (address, desired),
            Candidate::Pooled { share, address, held } => {
                self.reserve_for_client(exchange, address, held)?;
                let owner = owner_of(exchange, share, owners).ok_or(DropReason::NotOurs)?;
                if !held {
                    owner.park(address);
                }
                let grant = owner.grant(address, &exchange.client, desired, exchange.now);
                (address, grant.lease_seconds)
            }
        };
        let offer = MessageType::Offer;
        replies.push(self.answer_with_lease(exchange, offer, (address, seconds), Promise::NOTHING));
        Ok(())
    }

    /// Parks the address. `Err` if it has to be probed first.
    pub(super) fn reserve_for_client(
        &mut self,
        exchange: &Exchange<'_>,
        address: Ipv4Addr,
        held: bool,
    ) -> Result<(), DropReason> {
        let now = exchange.now.monotonic;
        self.offers.park(address, &exchange.client, now);
        if held || self.offers.is_probed(address) {
            return Ok(());
        }
        if self.probes.is_under_way(address) {
            return Err(DropReason::Probing);
        }
        if self.probes.begin(address, exchange.bytes, exchange.arrival, now) {
            self.counters.addresses_probed = self.counters.addresses_probed.saturating_add(1);
            return Err(DropReason::Probing);
        }
        Ok(())
    }

    /// The address to offer; `None` if there is none.
    pub(super) fn candidate(
        &self,
        exchange: &Exchange<'_>,
        serving: Serving,
        owners: &mut dyn Owners,
    ) -> Option<Candidate> {
        let reserved = exchange.subnet.reservation_of(&exchange.client);
        if let Some(address) = reserved
            && exchange.subnet.share_of(address).is_none()
        {
            return Some(Candidate::Fixed(address));
        }
        let offered = self.offers.of(&exchange.client);
        reserved
            .and_then(|address| self.available(exchange, serving, address, owners))
            .or_else(|| self.available(exchange, serving, offered?, owners))
            .or_else(|| self.of_the_past(exchange, serving, owners))
            .or_else(|| {
                self.available(exchange, serving, exchange.packet.requested_address?, owners)
            })
            .or_else(|| {
                // A search through addresses that are all offered finds nothing and takes its time.
                let crowded = self.is_crowded(exchange, owners);
                crowded.then(|| self.unclaimed(exchange, serving, owners)).flatten()
            })
            .or_else(|| self.unused(exchange, serving, owners))
            .or_else(|| self.unclaimed(exchange, serving, owners))
    }

    /// Whether there are as many offers as there are addresses to offer, of which one server has the
    /// FREE ones and the other the BACKUP ones.
    fn is_crowded(&self, exchange: &Exchange<'_>, owners: &mut dyn Owners) -> bool {
        let mut unused = 0_u64;
        for (_, pool) in exchange.subnet.pools() {
            let Some(owner) = owners.owner(pool.owner) else { continue };
            let count = |status| owner.table().count(pool.range_id, status);
            let own = count(BindingStatus::Free).max(count(BindingStatus::Backup));
            unused = unused.saturating_add(u64::from(own));
        }
        self.offers.count() as u64 >= unused
    }

    /// This very address, if the client may have it.
    fn available(
        &self,
        exchange: &Exchange<'_>,
        serving: Serving,
        address: Ipv4Addr,
        owners: &mut dyn Owners,
    ) -> Option<Candidate> {
        if self.is_kept_for_other(exchange, address) {
            return None;
        }
        allowed(exchange, serving, address, owners)
    }

    /// An address offered to somebody who has not asked for it since. Where no other is left, those
    /// who never answer must not keep addresses from those who do.
    fn unclaimed(
        &self,
        exchange: &Exchange<'_>,
        serving: Serving,
        owners: &mut dyn Owners,
    ) -> Option<Candidate> {
        let mut offered = self
            .offers
            .unclaimed(exchange.now.monotonic)
            .filter(|address| !exchange.subnet.is_reserved_for_other(*address, &exchange.client));
        offered.find_map(|address| allowed(exchange, serving, address, owners))
    }

    /// An address of this subnet that the client holds, else one that it held last.
    fn of_the_past(
        &self,
        exchange: &Exchange<'_>,
        serving: Serving,
        owners: &mut dyn Owners,
    ) -> Option<Candidate> {
        let mut former = None;
        for share in (0..exchange.subnet.shares().len()).filter(|share| serving.contains(*share)) {
            let mut past = [None; MAX_PAST_ADDRESSES];
            let owner = owner_of(exchange, share, owners)?;
            for (place, address) in past.iter_mut().zip(owner.table().of_client(&exchange.client)) {
                *place = Some(address);
            }
            for address in past.into_iter().flatten() {
                match self.available(exchange, serving, address, owners) {
                    held @ Some(Candidate::Pooled { held: true, .. }) => return held,
                    other => former = former.or(other),
                }
            }
        }
        former
    }

    /// The address unused for longest in the first pool that has one.
    fn unused(
        &self,
        exchange: &Exchange<'_>,
        serving: Serving,
        owners: &mut dyn Owners,
    ) -> Option<Candidate> {
        let pools = exchange.subnet.pools().filter(|(share, _)| serving.contains(*share));
        let network = exchange.subnet.config.network;
        for (share, pool) in pools.filter(|(_, pool)| pool.dynamic_bootp || !exchange.is_bootp()) {
            // A range taken over from dhcpd may hold the network's own addresses.
            let is_kept =
                |address| !network.is_host(address) || self.is_kept_for_other(exchange, address);
            let owner = owners.owner(pool.owner)?;
            if let Some(address) = owner.choose(pool.range_id, exchange.now, &is_kept) {
                return Some(Candidate::Pooled { share, address, held: false });
            }
        }
        None
    }

    /// Whether an address is offered to or reserved for another client.
    pub(super) fn is_kept_for_other(&self, exchange: &Exchange<'_>, address: Ipv4Addr) -> bool {
        self.offers.is_parked_for_other(address, &exchange.client)
            || exchange.subnet.is_reserved_for_other(address, &exchange.client)
    }

    fn complain_of_empty_pools(&mut self, exchange: &Exchange<'_>, owners: &mut dyn Owners) {
        self.counters.pool_exhausted = self.counters.pool_exhausted.saturating_add(1);
        let subnet = exchange.subnet.config.network;
        let limit = self.exhausted.entry(subnet).or_default();
        let Some(suppressed) = limit.pass(exchange.now.monotonic) else { return };
        let mut reasons = String::new();
        for (_, pool) in exchange.subnet.pools() {
            if let Some(owner) = owners.owner(pool.owner) {
                if !reasons.is_empty() {
                    reasons.push_str("; ");
                }
                reasons.push_str(&describe(owner.table(), pool.range_id, pool.range));
            }
        }
        if reasons.is_empty() {
            reasons.push_str("the subnet has no pool");
        }
        tracing::warn!(%subnet, suppressed, "no address for a client: {reasons}");
    }
}

/// This very address as far as its owner and the configuration allow it, whoever it is offered to.
fn allowed(
    exchange: &Exchange<'_>,
    serving: Serving,
    address: Ipv4Addr,
    owners: &mut dyn Owners,
) -> Option<Candidate> {
    let share = exchange.subnet.share_of(address).filter(|share| serving.contains(*share))?;
    if is_closed_to_bootp(exchange, address) {
        return None;
    }
    let owner = owner_of(exchange, share, owners)?;
    match owner.availability(address, &exchange.client, exchange.now) {
        Availability::Renew => Some(Candidate::Pooled { share, address, held: true }),
        Availability::Lease if exchange.subnet.config.network.is_host(address) => {
            Some(Candidate::Pooled { share, address, held: false })
        }
        Availability::Lease | Availability::No(_) => None,
    }
}

/// Whether a BOOTP client cannot have an address that it might otherwise.
fn is_closed_to_bootp(exchange: &Exchange<'_>, address: Ipv4Addr) -> bool {
    exchange.is_bootp()
        && !exchange.subnet.is_open_to_bootp(address)
        && exchange.subnet.reservation_of(&exchange.client) != Some(address)
}

/// How many addresses of a pool are in each status, those without any left out.
fn describe(table: &BindingTable, range_id: RangeId, range: AddressRange) -> String {
    let mut text = format!("{range} has");
    for status in BindingStatus::ALL {
        let count = table.count(range_id, *status);
        if count > 0 {
            let _infallible = write!(text, " {count} {status}");
        }
    }
    text
}

pub(super) fn owner_of<'o>(
    exchange: &Exchange<'_>,
    share: usize,
    owners: &'o mut dyn Owners,
) -> Option<&'o mut dyn LeaseAuthority> {
    owners.owner(exchange.subnet.shares().get(share)?.owner)
}

/// Which owners serve this client; the first one's reason if none does.
pub(super) fn serving_shares(
    kind: RequestKind,
    exchange: &Exchange<'_>,
    owners: &mut dyn Owners,
) -> Result<Serving, DropReason> {
    let mut serving = Serving::default();
    let mut refusal = None;
    for (position, share) in exchange.subnet.shares().iter().enumerate() {
        match serving_owner(kind, exchange, share, owners) {
            Ok(_) => serving.add(position),
            Err(reason) => refusal = refusal.or(Some(reason)),
        }
    }
    match refusal {
        Some(reason) if serving.0 == 0 => Err(reason),
        _ => Ok(serving),
    }
}

/// The lease in seconds that the client would get without a partner: its wish within the subnet's
/// bounds, or the subnet's default.
pub(super) fn desired_lease(exchange: &Exchange<'_>) -> u32 {
    let subnet = &exchange.subnet.config;
    exchange.packet.lease_time.map_or(subnet.default_lease_time, |wish| {
        wish.clamp(subnet.min_lease_time, subnet.max_lease_time)
    })
}
