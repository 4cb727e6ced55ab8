//! What only a look at every lease can tell: how many began lately, and how many are shorter than
//! their clients could have. The walk goes page by page; its figures are those of the last one
//! that came to its end.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use crate::binding::{AddressRange, Binding};
use crate::server::command::LeasePage;
use crate::time::UnixTime;
use crate::wire::codes::BindingStatus;

use super::number;

/// Seconds in which a lease counts as new, with what makes an hour of them.
const LATELY: (u32, u32) = (600, 6);

/// The same for a quieter look.
const HOUR: u32 = 3600;

/// What was found in one pool.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::admin) struct Found {
    lately: u32,
    in_an_hour: u32,
    /// Leases given by this server.
    own: u32,
    /// Those of them that are shorter than was wanted.
    cut: u32,
}

impl Found {
    pub(super) fn plus(self, other: Self) -> Self {
        Self {
            lately: self.lately.saturating_add(other.lately),
            in_an_hour: self.in_an_hour.saturating_add(other.in_an_hour),
            own: self.own.saturating_add(other.own),
            cut: self.cut.saturating_add(other.cut),
        }
    }

    /// The higher of what the last ten minutes and the last hour say, so that a rush is seen at once and
    /// a pause does not hide it.
    pub(super) fn new_leases_per_hour(self) -> f64 {
        f64::from(self.lately.saturating_mul(LATELY.1).max(self.in_an_hour))
    }

    pub(super) fn cut_share(self) -> Option<f64> {
        (self.own > 0).then(|| number(self.cut.into()) / number(self.own.into()))
    }

    fn count(&mut self, now: UnixTime, binding: &Binding) {
        if binding.binding_status != BindingStatus::Active {
            return;
        }
        let age = now.seconds_since(binding.start_of_status);
        self.lately = self.lately.saturating_add(u32::from(age < LATELY.0));
        self.in_an_hour = self.in_an_hour.saturating_add(u32::from(age < HOUR));
        if let Some(is_cut) = is_cut(binding) {
            self.own = self.own.saturating_add(1);
            self.cut = self.cut.saturating_add(u32::from(is_cut));
        }
    }
}

/// Whether a lease is shorter than was wanted; `None` if another server gave it. What was wanted is told
/// to the partner: the potential expiration is half the lease and one lease as wanted from when it
/// was given (§5.2.1), and always later than the end of a lease given here.
fn is_cut(binding: &Binding) -> Option<bool> {
    let (given, end) = (binding.client_last_transaction, binding.lease_expiration);
    let promised = binding.sent_potential_expiration;
    if !given.is_known() || !end.is_known() || promised <= end {
        return None;
    }
    if end.is_infinite() || promised.is_infinite() {
        return Some(!end.is_infinite());
    }
    let lease = end.seconds_since(given);
    let wanted = promised.seconds_since(given).saturating_sub((lease / 2).max(1));
    Some(wanted > lease)
}

/// Walks through all leases, one after the other.
#[derive(Debug, Default)]
pub(super) struct Survey {
    under_way: Option<BTreeMap<Ipv4Addr, (AddressRange, Found)>>,
    found: BTreeMap<Ipv4Addr, (AddressRange, Found)>,
}

impl Survey {
    /// Takes in the next page; one without a next page ends the walk.
    pub(super) fn add(
        &mut self,
        now: UnixTime,
        ranges: impl Iterator<Item = AddressRange>,
        page: &LeasePage,
    ) {
        let found = self.under_way.get_or_insert_with(|| {
            ranges.map(|range| (range.first(), (range, Found::default()))).collect()
        });
        for lease in &page.leases {
            let address = lease.binding.address;
            let pool = found.range_mut(..=address).next_back().map(|(_, pool)| pool);
            if let Some((range, found)) = pool
                && range.contains(address)
            {
                found.count(now, &lease.binding);
            }
        }
        if page.next.is_none()
            && let Some(found) = self.under_way.take()
        {
            self.found = found;
        }
    }

    /// What the last whole walk found in a pool.
    pub(super) fn of(&self, range: AddressRange) -> Option<Found> {
        let (known, found) = self.found.get(&range.first())?;
        (*known == range).then_some(*found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::binding::times::potential_expiration;
    use crate::server::command::LeaseReport;

    const NOW: UnixTime = UnixTime(1_700_000_000);

    fn ago(seconds: u32) -> UnixTime {
        UnixTime(NOW.0 - seconds)
    }

    /// A lease that began so many seconds ago, of this length, where `wanted` was asked for.
    fn lease(last: u8, began: u32, length: u32, wanted: u32) -> LeaseReport {
        let given = ago(began);
        let binding = Binding {
            binding_status: BindingStatus::Active,
            start_of_status: given,
            client_last_transaction: given,
            lease_expiration: given.plus(length),
            sent_potential_expiration: potential_expiration(given, length, wanted),
            ..Binding::unused(Ipv4Addr::new(10, 0, 0, last))
        };
        LeaseReport { binding, relationship: None }
    }

    fn range() -> AddressRange {
        AddressRange::new(Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::new(10, 0, 0, 9)).unwrap()
    }

    fn walked(pages: Vec<Vec<LeaseReport>>) -> Survey {
        let mut survey = Survey::default();
        let count = pages.len();
        for (index, leases) in pages.into_iter().enumerate() {
            let next = (index + 1 < count).then_some(Ipv4Addr::new(10, 0, 0, 5));
            survey.add(NOW, [range()].into_iter(), &LeasePage { leases, next });
        }
        survey
    }

    #[test]
    fn a_rush_of_ten_minutes_is_an_hours_rate() {
        let found = walked(vec![vec![lease(1, 10, 600, 600), lease(2, 599, 600, 600)]]);
        let rate = found.of(range()).unwrap().new_leases_per_hour();
        assert!((rate - 12.0).abs() < 1e-9, "{rate}");
    }

    #[test]
    fn a_pause_does_not_hide_the_hour() {
        let leases = (1..=8).map(|last| lease(last, 1800, 7200, 7200)).collect();
        let rate = walked(vec![leases]).of(range()).unwrap().new_leases_per_hour();
        assert!((rate - 8.0).abs() < 1e-9, "{rate}");
    }

    #[test]
    fn nothing_is_said_before_a_walk_has_come_to_its_end() {
        let mut survey = Survey::default();
        let next = Some(Ipv4Addr::new(10, 0, 0, 5));
        let page = LeasePage { leases: vec![lease(1, 1, 600, 600)], next };
        survey.add(NOW, [range()].into_iter(), &page);
        assert_eq!(survey.of(range()), None);
    }

    #[test]
    fn the_pages_of_a_walk_are_counted_together() {
        let survey = walked(vec![vec![lease(1, 1, 600, 600)], vec![lease(6, 1, 600, 600)]]);
        assert_eq!(survey.of(range()).unwrap().lately, 2);
    }

    #[test]
    fn a_lease_cut_by_the_lead_time_is_told_from_one_in_full() {
        let survey = walked(vec![vec![lease(1, 60, 600, 7200), lease(2, 60, 7200, 7200)]]);
        assert_eq!(survey.of(range()).unwrap().cut_share(), Some(0.5));
    }

    #[test]
    fn a_lease_that_the_partner_gave_says_nothing_about_our_lead_time() {
        let mut of_partner = lease(1, 60, 600, 7200);
        of_partner.binding.sent_potential_expiration = UnixTime::ABSENT;
        assert_eq!(walked(vec![vec![of_partner]]).of(range()).unwrap().cut_share(), None);
    }
}
