//! How long a lease may be, what to promise the partner, and when an address may be used again
//! (§5.2.1, §7.1.5, §9.4.2).
//!
//! The one idea: a client's lease never ends later than MCLT after what the partner knows. A server
//! that takes over therefore has to wait for no longer than MCLT past the times in its own record.
//!
//! Every time may be absent (0), which is earlier than any date, or "never", which is later; every
//! sum saturates at "never".

use core::fmt;

use super::Binding;
use crate::time::UnixTime;
use crate::wire::codes::BindingStatus;

#[cfg(test)]
mod tests;

/// Maximum client lead time in seconds: how far a client's lease may end after what the partner
/// knows (§5.2.1). Set on the primary, at least 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mclt(pub u32);

impl fmt::Display for Mclt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The latest moment at which a lease given at `now` may end: MCLT after the latest of `now`, the
/// potential expiration that the partner has acknowledged, and the one received from it (§7.1.5).
///
/// The bound is inclusive. This server's own lease-expiration-time is left out on purpose: with it,
/// each renewal would add another MCLT and leave the partner's knowledge behind without bound.
pub fn lease_limit(now: UnixTime, acked: UnixTime, received: UnixTime, mclt: Mclt) -> UnixTime {
    now.max(acked).max(received).plus(mclt.0)
}

/// When a lease of `desired` seconds given at `now` ends: shortened to `limit`, never refused.
///
/// `limit` comes from [`lease_limit`], or is [`UnixTime::INFINITE`] where no limit applies.
pub fn lease_end(now: UnixTime, desired: u32, limit: UnixTime) -> UnixTime {
    now.plus(desired).min(limit)
}

/// What goes into dhcp-lease-time for a lease that ends at `lease_expiration`; `u32::MAX` is an
/// infinite lease.
pub const fn lease_seconds(now: UnixTime, lease_expiration: UnixTime) -> u32 {
    if lease_expiration.is_infinite() { u32::MAX } else { lease_expiration.seconds_since(now) }
}

/// The potential-expiration-time told to the partner after a lease of `granted` seconds: the moment
/// at which the client is expected to renew, plus one lease of the length that was desired, so that
/// the renewal can be given in full (§5.2.1).
///
/// Always later than the end of the lease, as long as `granted <= desired` (§7.1.1); "never" for an
/// infinite one.
pub fn potential_expiration(now: UnixTime, granted: u32, desired: u32) -> UnixTime {
    let until_renewal = (granted / 2).max(1);
    now.plus(until_renewal).plus(desired)
}

/// From when on a server in PARTNER-DOWN since `partner_down_since` may give this address to
/// another client, or may give it at all if it was the partner's (§9.4.2).
///
/// That is MCLT after the latest moment that could have been promised to anybody: all four times of
/// the record for an address in use, and also the moment at which the lease was seen to end; for an
/// address of either pool only the promises, as nobody holds it. "Never" for an ABANDONED address.
///
/// The address is usable once `now` is not earlier. The rule is for what stood in the record when
/// PARTNER-DOWN was entered or has been shared with the partner since; a lease given afterwards
/// without contact just has to be over (§5.2.1).
pub fn reallocatable_at(partner_down_since: UnixTime, binding: &Binding, mclt: Mclt) -> UnixTime {
    let promised = binding
        .sent_potential_expiration
        .max(binding.acked_potential_expiration)
        .max(binding.received_potential_expiration);
    let latest = match binding.binding_status {
        BindingStatus::Free | BindingStatus::Backup => promised,
        BindingStatus::Active => promised.max(binding.lease_expiration),
        BindingStatus::Expired | BindingStatus::Released | BindingStatus::Reset => {
            promised.max(binding.lease_expiration).max(binding.start_of_status)
        }
        BindingStatus::Abandoned => return UnixTime::INFINITE,
    };
    latest.max(partner_down_since).plus(mclt.0)
}
