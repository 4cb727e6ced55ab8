//! Whether a partner's update is taken, and what it makes of the binding (§7.1.3).
//!
//! [`decide`] is Figure 7.1.3-1 and its three time rules, nothing else: that the address is known,
//! that nothing is missing and that the times are in the local clock is settled before. [`apply`] is
//! the effect. Both look at this server's present record, whether or not the partner knows it.

use core::net::Ipv4Addr;

use super::{Binding, Carried, Client};
use crate::balance::Role;
use crate::time::UnixTime;
use crate::wire::codes::{BindingStatus, IpFlags, RejectReason};

#[cfg(test)]
mod tests;

/// One binding update transaction of the partner, complete, its times in the local clock (§5.10).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceivedUpdate {
    /// assigned-IP-address.
    pub address: Ipv4Addr,
    /// binding-status.
    pub binding_status: BindingStatus,
    /// client-identifier and client-hardware-address; without an identifier the client uses none.
    pub client: Option<Client>,
    /// lease-expiration-time; `ABSENT` if missing, as all times here.
    pub lease_expiration: UnixTime,
    /// potential-expiration-time.
    pub potential_expiration: UnixTime,
    /// start-time-of-state.
    pub start_of_status: UnixTime,
    /// client-last-transaction-time.
    pub client_last_transaction: UnixTime,
    /// IP-flags; no bits if missing.
    pub ip_flags: IpFlags,
    /// client-request-options, client-reply-options and DDNS.
    pub carried: Carried,
}

/// What becomes of an update.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acceptance {
    /// Store it, then answer without reject-reason.
    Accept,
    /// Answer with this reason; the text is for the partner's log.
    Reject(RejectReason, &'static str),
}

/// A cell of the figure.
enum Rule {
    Accept,
    /// Both servers have leased the address.
    BothActive,
    /// time(1): the partner has heard from a client later.
    HeardLater,
    /// time(2): this server's lease is over.
    LeaseOver,
    /// time(3): the partner has heard from a client after this server's reset.
    HeardAfterReset,
    /// Only a reset leads out of ABANDONED.
    LessCritical,
}

/// The cell for this server's status and the reported one.
const fn rule(own: BindingStatus, received: BindingStatus) -> Rule {
    use BindingStatus::{Abandoned, Active, Backup, Expired, Free, Released, Reset};
    match (own, received) {
        (Active, Active) => Rule::BothActive,
        (Active, Expired | Free | Backup) => Rule::LeaseOver,
        (Active, Released) | (Expired, Active) | (Released, Active | Expired) => Rule::HeardLater,
        (Reset, Active) => Rule::HeardAfterReset,
        (Abandoned, Active | Expired | Released | Free | Backup) => Rule::LessCritical,
        (Active | Abandoned, Reset | Abandoned)
        | (Expired | Reset, Free | Expired | Released | Abandoned | Reset | Backup)
        | (Released, Free | Released | Abandoned | Reset | Backup)
        | (Free | Backup, _) => Rule::Accept,
    }
}

/// Whether to accept `update` on top of `own` (Figure 7.1.3-1).
///
/// Comparisons are strict: equal times are not later. A missing time is earlier than any date, so an
/// update that does not say when the client was heard is never later, and one that does is later
/// than a record that does not. A lease of unknown end is over; one without end never is.
pub fn decide(role: Role, own: &Binding, update: &ReceivedUpdate, now: UnixTime) -> Acceptance {
    let heard = date(update.client_last_transaction);
    match rule(own.binding_status, update.binding_status) {
        Rule::Accept => Acceptance::Accept,
        Rule::BothActive => match role {
            Role::Primary if !is_same_client(own, update) => Acceptance::Reject(
                RejectReason::FATAL_CONFLICT,
                "address is leased to another client",
            ),
            Role::Primary | Role::Secondary => Acceptance::Accept,
        },
        Rule::HeardLater if heard > date(own.client_last_transaction) => Acceptance::Accept,
        Rule::HeardLater => Acceptance::Reject(
            RejectReason::OUTDATED,
            "this server has heard from the client at the same time or later",
        ),
        Rule::LeaseOver if now > own.lease_expiration && !own.lease_expiration.is_infinite() => {
            Acceptance::Accept
        }
        Rule::LeaseOver => {
            Acceptance::Reject(RejectReason::OUTDATED, "the lease has not expired on this server")
        }
        Rule::HeardAfterReset if heard > date(own.start_of_status) => Acceptance::Accept,
        Rule::HeardAfterReset => Acceptance::Reject(
            RejectReason::OUTDATED,
            "the address was reset after the client was heard",
        ),
        Rule::LessCritical => Acceptance::Reject(
            RejectReason::LESS_CRITICAL,
            "the address is abandoned and has to be reset first",
        ),
    }
}

/// The binding after accepting `update`: known to the partner as it is.
///
/// EXPIRED, RELEASED and RESET become FREE at once, with the client kept as the last one (§5.2.2).
/// ABANDONED forgets the client. For a client that holds the lease on both servers, nothing that an
/// older update says moves a time backwards: the lease ends when the later one does.
///
/// What was promised for the old lease is forgotten when the address becomes FREE or BACKUP or gets
/// another client (§5.2.1), unless `keeps_promises`: where the partner counts them on, as dhcpd
/// does, or where they are part of a wait in PARTNER-DOWN, they stay. Even then an acknowledged
/// promise to one client lengthens no lease of another.
pub fn apply(
    own: &Binding,
    update: &ReceivedUpdate,
    now: UnixTime,
    keeps_promises: bool,
) -> Binding {
    let mut next = match update.binding_status {
        BindingStatus::Active => leased(own, update, keeps_promises),
        BindingStatus::Abandoned => abandoned(own, update),
        BindingStatus::Backup => available(own, update, BindingStatus::Backup, keeps_promises),
        BindingStatus::Free
        | BindingStatus::Expired
        | BindingStatus::Released
        | BindingStatus::Reset => available(own, update, BindingStatus::Free, keeps_promises),
    };
    next.carried = carried(own, update);
    let is_older = next.binding_status == BindingStatus::Active && is_older_renewal(own, update);
    let reported = date(update.start_of_status);
    next.start_of_status = if is_older {
        own.start_of_status
    } else if next.binding_status == update.binding_status && reported.is_known() {
        reported
    } else if next.binding_status == own.binding_status {
        own.start_of_status
    } else {
        now
    };
    next.ip_flags = update.ip_flags;
    next.partner_knows = true;
    next
}

/// What the binding carries after the update. What the partner leaves out has not changed while the
/// client is the same (§12.9, §5.12.2).
fn carried(own: &Binding, update: &ReceivedUpdate) -> Carried {
    let received = update.carried.parts();
    match update.binding_status {
        BindingStatus::Active if !continues(own, update) => update.carried.clone(),
        BindingStatus::Active if is_older_renewal(own, update) => own.carried.clone(),
        BindingStatus::Active => own.carried.renewed(received),
        BindingStatus::Free
        | BindingStatus::Expired
        | BindingStatus::Released
        | BindingStatus::Reset
        | BindingStatus::Backup
        | BindingStatus::Abandoned => match received.ddns {
            Some(_) => update.carried.ended(),
            None => own.carried.ended(),
        },
    }
}

fn leased(own: &Binding, update: &ReceivedUpdate, keeps_promises: bool) -> Binding {
    let mut next = Binding { binding_status: BindingStatus::Active, ..own.clone() };
    next.client.clone_from(&update.client);
    next.lease_expiration = update.lease_expiration;
    next.received_potential_expiration = update.potential_expiration;
    next.client_last_transaction = date(update.client_last_transaction);
    if continues(own, update) {
        next.client_last_transaction =
            next.client_last_transaction.max(date(own.client_last_transaction));
        if own.binding_status == BindingStatus::Active {
            next.lease_expiration = update.lease_expiration.max(own.lease_expiration);
        }
        if is_older_renewal(own, update) {
            next.received_potential_expiration =
                update.potential_expiration.max(own.received_potential_expiration);
        }
    } else {
        forget_promises(&mut next, keeps_promises);
        next.received_potential_expiration = update.potential_expiration;
    }
    next
}

/// FREE or BACKUP: nobody holds the address.
fn available(
    own: &Binding,
    update: &ReceivedUpdate,
    status: BindingStatus,
    keeps_promises: bool,
) -> Binding {
    let mut next = Binding { binding_status: status, ..own.clone() };
    let heard = date(update.client_last_transaction);
    if update.client.is_some() {
        next.client.clone_from(&update.client);
    }
    next.client_last_transaction = if update.client.is_none() || is_same_client(own, update) {
        heard.max(date(own.client_last_transaction))
    } else {
        heard
    };
    if update.lease_expiration.is_known() {
        next.lease_expiration = update.lease_expiration;
    }
    forget_promises(&mut next, keeps_promises);
    if keeps_promises && update.potential_expiration.is_known() {
        next.received_potential_expiration = update.potential_expiration;
    }
    next
}

fn abandoned(own: &Binding, update: &ReceivedUpdate) -> Binding {
    let mut next = Binding { binding_status: BindingStatus::Abandoned, ..own.clone() };
    next.client = None;
    next.lease_expiration = update.lease_expiration;
    next.client_last_transaction = date(update.client_last_transaction);
    if update.potential_expiration.is_known() {
        next.received_potential_expiration = update.potential_expiration;
    }
    next
}

/// The lease that the promises were made for is over. Kept ones prolong waits only: as a sent
/// promise, not as an acknowledged one, on which the next client's lease would build.
fn forget_promises(binding: &mut Binding, keeps_promises: bool) {
    if keeps_promises {
        binding.sent_potential_expiration =
            binding.sent_potential_expiration.max(binding.acked_potential_expiration);
    } else {
        binding.sent_potential_expiration = UnixTime::ABSENT;
        binding.received_potential_expiration = UnixTime::ABSENT;
    }
    binding.acked_potential_expiration = UnixTime::ABSENT;
}

/// Whether the update is about the client that this server knows, present or last (§7.1.3).
fn is_same_client(own: &Binding, update: &ReceivedUpdate) -> bool {
    update.client.as_ref().is_some_and(|client| own.belongs_to(&client.as_ref()))
}

/// Whether an ACTIVE update goes on with a lease that has not become available in between.
fn continues(own: &Binding, update: &ReceivedUpdate) -> bool {
    match own.binding_status {
        BindingStatus::Active | BindingStatus::Expired | BindingStatus::Released => {
            is_same_client(own, update)
        }
        BindingStatus::Free
        | BindingStatus::Backup
        | BindingStatus::Reset
        | BindingStatus::Abandoned => false,
    }
}

/// Whether an ACTIVE update tells of an earlier transaction of the client than this server knows.
/// One that tells of none is as new as its arrival.
fn is_older_renewal(own: &Binding, update: &ReceivedUpdate) -> bool {
    let heard = date(update.client_last_transaction);
    continues(own, update) && heard.is_known() && heard < date(own.client_last_transaction)
}

/// The time itself, or absent for "never": nobody is heard, and no status begins, at no time.
const fn date(time: UnixTime) -> UnixTime {
    if time.is_infinite() { UnixTime::ABSENT } else { time }
}
