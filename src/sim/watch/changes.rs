//! Whether a server may change its record of an address as it does: how long a lease, to whom, and
//! what the partner must have said first.

use super::{Kind, Violation};
use crate::balance::Role;
use crate::binding::Binding;
use crate::sim::clock::True;
use crate::time::UnixTime;
use crate::wire::codes::{BindingStatus, FailoverState};

/// What led to a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// A client's message.
    Client,
    /// The partner's message.
    Partner,
    /// Time, an operator, the disk.
    Other,
}

/// A change of one address's record.
#[derive(Clone, Debug)]
pub(crate) struct Changed<'a> {
    /// When.
    pub(crate) at: True,
    /// What led to it.
    pub(crate) cause: Cause,
    /// The record before; an address without one has never been used.
    pub(crate) before: &'a Binding,
    /// The record now.
    pub(crate) after: &'a Binding,
    /// The server's state.
    pub(crate) state: FailoverState,
    /// Its role.
    pub(crate) role: Role,
    /// T0 of PARTNER-DOWN.
    pub(crate) partner_down_since: UnixTime,
    /// Its partner has been in contact since.
    pub(crate) contact_since: bool,
    /// Its clock.
    pub(crate) now: UnixTime,
    /// The largest MCLT that has been in force, in seconds: what limits leases.
    pub(crate) mclt: u32,
    /// The smallest: what waits count, on a server that has learnt it.
    pub(crate) least_mclt: u32,
    /// Potential-expiration-times of this address that the partner has accepted in what led to the
    /// change.
    pub(crate) accepted: &'a [UnixTime],
    /// The partner has sent an update of this address in what led to the change.
    pub(crate) updated: bool,
}

impl Changed<'_> {
    /// The first rule that is broken, if one is.
    pub(crate) fn check(&self) -> Option<Violation> {
        self.lease_limit()
            .or_else(|| self.promise())
            .or_else(|| self.acknowledged())
            .or_else(|| self.freed())
            .or_else(|| self.client_change())
    }

    fn complain(&self, kind: Kind, why: &str) -> Violation {
        let (before, after) = (self.before, self.after);
        let state = self.state;
        let what = format!("{}: {why} in {state}: {before:?} -> {after:?}", after.address);
        Violation::new(self.at, kind, what)
    }

    /// Whether a client got the lease, in what led to the change.
    fn is_lease(&self) -> bool {
        self.cause == Cause::Client
            && self.after.binding_status == BindingStatus::Active
            && self.after.client_last_transaction == self.now
    }

    fn same_client(&self) -> bool {
        let after = self.after.client.as_ref();
        after.is_some_and(|client| self.before.belongs_to(&client.as_ref()))
    }

    /// 2.4-1: a lease ends at most MCLT after what this server knows that the partner knows.
    fn lease_limit(&self) -> Option<Violation> {
        if !self.is_lease() {
            return None;
        }
        let (acked, received) = if self.same_client() {
            (self.before.acked_potential_expiration, self.before.received_potential_expiration)
        } else {
            (UnixTime::ABSENT, UnixTime::ABSENT)
        };
        let latest = self.now.0.max(acked.0).max(received.0);
        if self.after.lease_expiration.0 <= latest.saturating_add(self.mclt) {
            return None;
        }
        Some(self.complain(Kind::LeaseLimit, "a lease longer than what the partner knows allows"))
    }

    /// 2.4-2, on the server's own record: what is promised lies beyond the lease.
    fn promise(&self) -> Option<Violation> {
        let after = self.after;
        if !self.is_lease() || after.sent_potential_expiration > after.lease_expiration {
            return None;
        }
        Some(self.complain(Kind::Promise, "no promise beyond the lease"))
    }

    /// 2.4-4: what the partner is known to know moves only by its answer, and to what was sent.
    fn acknowledged(&self) -> Option<Violation> {
        let (before, after) =
            (self.before.acked_potential_expiration, self.after.acked_potential_expiration);
        if after <= before || self.accepted.contains(&after) {
            return None;
        }
        Some(self.complain(Kind::Acknowledged, "an acknowledged time that was not acknowledged"))
    }

    /// A lease that has ended makes its address FREE once the partner has agreed, or after the waits of
    /// PARTNER-DOWN (§5.11).
    fn freed(&self) -> Option<Violation> {
        let unused = |status| matches!(status, BindingStatus::Free | BindingStatus::Backup);
        let (before, after) = (self.before.binding_status, self.after.binding_status);
        // The consent of a partner that recovers counts later than it is given.
        let agreed = !self.accepted.is_empty() || self.updated || self.before.partner_knows;
        if !unused(after) || unused(before) || agreed || self.may_reuse() {
            return None;
        }
        Some(self.complain(Kind::ClientChange, "made free without the partner's consent"))
    }

    /// 2.4-5: another client only by way of FREE or BACKUP.
    fn client_change(&self) -> Option<Violation> {
        let own = match self.role {
            Role::Primary => BindingStatus::Free,
            Role::Secondary => BindingStatus::Backup,
        };
        let before = self.before.binding_status;
        if !self.is_lease() || self.same_client() || before == own || self.may_reuse() {
            return None;
        }
        // A client that renews what the partner must have given it is believed (§3.1.2).
        let partners = matches!(before, BindingStatus::Free | BindingStatus::Backup);
        if partners && self.state != FailoverState::Normal {
            return None;
        }
        Some(self.complain(Kind::ClientChange, "given to another client"))
    }

    /// Whether the waits of PARTNER-DOWN are over (§9.4.2).
    fn may_reuse(&self) -> bool {
        if self.state != FailoverState::PartnerDown {
            return false;
        }
        let before = self.before;
        let promised = before
            .sent_potential_expiration
            .max(before.acked_potential_expiration)
            .max(before.received_potential_expiration);
        let latest = match before.binding_status {
            BindingStatus::Free | BindingStatus::Backup => promised,
            _ => promised.max(before.lease_expiration),
        };
        let waited = latest.max(self.partner_down_since).plus(self.least_mclt) <= self.now;
        let alone = !self.contact_since
            && before.client_last_transaction >= self.partner_down_since
            && before.lease_expiration <= self.now;
        waited || alone
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::binding::{Client, HardwareAddress};
    use std::net::Ipv4Addr;

    const NOW: UnixTime = UnixTime(10_000);

    fn held(status: BindingStatus, client: u8) -> Binding {
        let hardware = HardwareAddress::new(1, &[2, 0, 0, 0, 0, client]);
        Binding {
            binding_status: status,
            client: Some(Client { identifier: None, hardware }),
            lease_expiration: NOW,
            sent_potential_expiration: NOW.plus(1),
            client_last_transaction: NOW,
            ..Binding::unused(Ipv4Addr::new(10, 0, 0, 10))
        }
    }

    fn changed<'a>(cause: Cause, before: &'a Binding, after: &'a Binding) -> Changed<'a> {
        Changed {
            at: 0,
            cause,
            before,
            after,
            state: FailoverState::Normal,
            role: Role::Primary,
            partner_down_since: UnixTime::ABSENT,
            contact_since: false,
            now: NOW,
            mclt: 300,
            least_mclt: 300,
            accepted: &[],
            updated: false,
        }
    }

    fn kind_of(changed: &Changed<'_>) -> Option<Kind> {
        changed.check().map(|violation| violation.kind)
    }

    #[test]
    fn a_lease_beyond_the_limit_is_seen() {
        let before = held(BindingStatus::Active, 1);
        let lease = |seconds| Binding {
            lease_expiration: NOW.plus(seconds),
            sent_potential_expiration: NOW.plus(1000),
            ..held(BindingStatus::Active, 1)
        };
        assert_eq!(kind_of(&changed(Cause::Client, &before, &lease(300))), None);
        let too_long = lease(301);
        assert_eq!(kind_of(&changed(Cause::Client, &before, &too_long)), Some(Kind::LeaseLimit));
    }

    #[test]
    fn what_the_partner_acknowledged_for_another_client_gives_no_time() {
        let before =
            Binding { acked_potential_expiration: NOW.plus(1000), ..held(BindingStatus::Free, 2) };
        let after = Binding {
            lease_expiration: NOW.plus(900),
            sent_potential_expiration: NOW.plus(2000),
            ..held(BindingStatus::Active, 1)
        };
        assert_eq!(kind_of(&changed(Cause::Client, &before, &after)), Some(Kind::LeaseLimit));
    }

    #[test]
    fn a_promise_that_does_not_reach_beyond_the_lease_is_seen() {
        let before = held(BindingStatus::Active, 1);
        let after = Binding { sent_potential_expiration: NOW, ..before.clone() };
        assert_eq!(kind_of(&changed(Cause::Client, &before, &after)), Some(Kind::Promise));
    }

    #[test]
    fn an_acknowledged_time_that_nobody_acknowledged_is_seen() {
        let before = held(BindingStatus::Active, 1);
        let after = Binding { acked_potential_expiration: NOW.plus(1), ..before.clone() };
        let mut change = changed(Cause::Partner, &before, &after);
        assert_eq!(kind_of(&change), Some(Kind::Acknowledged));
        let accepted = [NOW.plus(1)];
        change.accepted = &accepted;
        assert_eq!(kind_of(&change), None);
    }

    #[test]
    fn an_address_made_free_without_the_partner_is_seen() {
        let before = Binding { partner_knows: false, ..held(BindingStatus::Expired, 1) };
        let after = Binding { binding_status: BindingStatus::Free, ..before.clone() };
        let mut change = changed(Cause::Other, &before, &after);
        assert_eq!(kind_of(&change), Some(Kind::ClientChange));
        let accepted = [UnixTime::ABSENT];
        change.accepted = &accepted;
        assert_eq!(kind_of(&change), None);
    }

    #[test]
    fn an_address_made_free_before_the_waits_of_partner_down_are_over_is_seen() {
        let before = Binding {
            partner_knows: false,
            client_last_transaction: UnixTime::ABSENT,
            ..held(BindingStatus::Expired, 1)
        };
        let after = Binding { binding_status: BindingStatus::Free, ..before.clone() };
        let mut change = changed(Cause::Other, &before, &after);
        change.state = FailoverState::PartnerDown;
        change.partner_down_since = NOW;
        assert_eq!(kind_of(&change), Some(Kind::ClientChange));
        change.now = NOW.plus(301);
        assert_eq!(kind_of(&change), None);
    }

    #[test]
    fn an_address_given_to_another_client_is_seen() {
        for status in [BindingStatus::Active, BindingStatus::Expired, BindingStatus::Backup] {
            let before = held(status, 2);
            let after = held(BindingStatus::Active, 1);
            let seen = kind_of(&changed(Cause::Client, &before, &after));
            assert_eq!(seen, Some(Kind::ClientChange), "{status}");
        }
    }

    #[test]
    fn an_address_of_its_own_may_be_given() {
        let before = held(BindingStatus::Free, 2);
        let after = held(BindingStatus::Active, 1);
        assert_eq!(kind_of(&changed(Cause::Client, &before, &after)), None);
    }
}
