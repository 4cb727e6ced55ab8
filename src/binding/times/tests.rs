use core::net::Ipv4Addr;

use super::*;
use crate::time::TimeDelta;

const ABSENT: UnixTime = UnixTime::ABSENT;
const NEVER: UnixTime = UnixTime::INFINITE;
const DESIRED: u32 = 43_200;
const MCLT: Mclt = Mclt(1800);

/// Seconds granted, end of the lease, potential expiration.
fn grant(now: u32, desired: u32, known: (u32, u32), mclt: Mclt) -> (u32, u32, u32) {
    let now = UnixTime(now);
    let limit = lease_limit(now, UnixTime(known.0), UnixTime(known.1), mclt);
    let end = lease_end(now, desired, limit);
    let granted = lease_seconds(now, end);
    (granted, end.0, potential_expiration(now, granted, desired).0)
}

/// Holds: FO-5.2.1-19, FO-5.2.1-20, FO-5.2.1-25, FO-5.2.1-26.
#[test]
fn leases_grow_to_full_length_as_the_partner_acknowledges() {
    let first = grant(1_700_000_000, DESIRED, (0, 0), MCLT);
    assert_eq!(first, (1800, 1_700_001_800, 1_700_044_100));
    let second = grant(1_700_000_900, DESIRED, (1_700_044_100, 0), MCLT);
    assert_eq!(second, (43_200, 1_700_044_100, 1_700_065_700));
    let third = grant(1_700_022_500, DESIRED, (1_700_065_700, 0), MCLT);
    assert_eq!(third, (43_200, 1_700_065_700, 1_700_087_300));
}

#[test]
fn a_renewal_before_the_acknowledgement_gets_mclt_again() {
    let renewal = grant(1_700_000_900, DESIRED, (0, 0), MCLT);
    assert_eq!(renewal, (1800, 1_700_002_700, 1_700_045_000));
}

#[test]
fn a_surviving_secondary_leases_up_to_mclt_past_what_it_received() {
    let received = (0, 1_700_065_700);
    for (now, granted, end) in [
        (1_700_060_300, 7200, 1_700_067_500),
        (1_700_063_900, 3600, 1_700_067_500),
        (1_700_065_700, 1800, 1_700_067_500),
        (1_700_066_600, 1800, 1_700_068_400),
    ] {
        let (seconds, ends, _) = grant(now, DESIRED, received, MCLT);
        assert_eq!((seconds, ends), (granted, end), "at {now}");
    }
    assert_eq!(grant(1_700_060_300, DESIRED, received, MCLT).2, 1_700_107_100);
}

fn binding(binding_status: BindingStatus) -> Binding {
    Binding { binding_status, ..Binding::unused(Ipv4Addr::new(10, 0, 0, 1)) }
}

/// The address of a client that the secondary served alone until 1700068400.
fn ended_lease() -> Binding {
    Binding {
        lease_expiration: UnixTime(1_700_068_400),
        received_potential_expiration: UnixTime(1_700_065_700),
        ..binding(BindingStatus::Expired)
    }
}

#[test]
fn the_wait_counts_from_partner_down_if_the_lease_ended_before() {
    let at = reallocatable_at(UnixTime(1_700_070_000), &ended_lease(), MCLT);
    assert_eq!(at, UnixTime(1_700_071_800));
}

#[test]
fn the_wait_counts_from_the_end_of_a_lease_that_outlived_the_crash() {
    let at = reallocatable_at(UnixTime(1_700_022_600), &ended_lease(), MCLT);
    assert_eq!(at, UnixTime(1_700_070_200));
}

#[test]
fn the_partners_pool_waits_for_mclt_from_partner_down() {
    for status in [BindingStatus::Free, BindingStatus::Backup] {
        let at = reallocatable_at(UnixTime(1_700_070_000), &binding(status), MCLT);
        assert_eq!(at, UnixTime(1_700_071_800), "{status}");
    }
}

#[test]
fn the_last_lease_of_a_free_address_does_not_prolong_the_wait() {
    let free =
        Binding { lease_expiration: UnixTime(1_700_099_000), ..binding(BindingStatus::Free) };
    assert_eq!(reallocatable_at(UnixTime(1_700_070_000), &free, MCLT), UnixTime(1_700_071_800));
}

#[test]
fn a_promise_kept_for_a_free_address_prolongs_the_wait() {
    let free = Binding {
        received_potential_expiration: UnixTime(1_700_080_000),
        ..binding(BindingStatus::Free)
    };
    assert_eq!(reallocatable_at(UnixTime(1_700_070_000), &free, MCLT), UnixTime(1_700_081_800));
}

#[test]
fn each_time_of_an_active_binding_prolongs_the_wait() {
    let since = UnixTime(1000);
    let late = UnixTime(5000);
    let active = binding(BindingStatus::Active);
    for prolonged in [
        Binding { lease_expiration: late, ..active.clone() },
        Binding { sent_potential_expiration: late, ..active.clone() },
        Binding { acked_potential_expiration: late, ..active.clone() },
        Binding { received_potential_expiration: late, ..active.clone() },
    ] {
        assert_eq!(reallocatable_at(since, &prolonged, Mclt(60)), UnixTime(5060));
    }
}

#[test]
fn the_start_of_an_ended_status_prolongs_the_wait() {
    for status in [BindingStatus::Expired, BindingStatus::Released, BindingStatus::Reset] {
        let ended = Binding { start_of_status: UnixTime(5000), ..binding(status) };
        assert_eq!(reallocatable_at(UnixTime(1000), &ended, Mclt(60)), UnixTime(5060), "{status}");
    }
    let active = Binding { start_of_status: UnixTime(5000), ..binding(BindingStatus::Active) };
    assert_eq!(reallocatable_at(UnixTime(1000), &active, Mclt(60)), UnixTime(1060));
}

#[test]
fn an_infinite_lease_and_an_abandoned_address_are_never_reallocated() {
    let infinite =
        Binding { lease_expiration: UnixTime::INFINITE_FLOOR, ..binding(BindingStatus::Active) };
    assert_eq!(reallocatable_at(UnixTime(1000), &infinite, MCLT), NEVER);
    assert_eq!(reallocatable_at(UnixTime(1000), &binding(BindingStatus::Abandoned), MCLT), NEVER);
}

#[test]
fn a_desired_lease_within_mclt_is_given_in_full() {
    let (granted, end, potential) = grant(1_700_000_000, 600, (0, 0), Mclt(3600));
    assert_eq!((granted, end, potential), (600, 1_700_000_600, 1_700_000_900));
}

#[test]
fn a_received_time_is_compared_in_the_local_clock() {
    let received = UnixTime(1_700_044_350).shifted_by(TimeDelta(-249));
    let limit = lease_limit(UnixTime(1_700_000_001), ABSENT, received, MCLT);
    assert_eq!(limit, UnixTime(1_700_044_101 + 1800));
}

#[test]
fn an_infinite_desire_is_cut_to_mclt_at_first_and_promised_in_full() {
    let now = UnixTime(1_700_000_000);
    let end = lease_end(now, u32::MAX, lease_limit(now, ABSENT, ABSENT, MCLT));
    assert_eq!(end, UnixTime(1_700_001_800));
    assert_eq!(potential_expiration(now, 1800, u32::MAX), NEVER);
    let renewed = lease_end(now, u32::MAX, lease_limit(now, NEVER, ABSENT, MCLT));
    assert_eq!((renewed, lease_seconds(now, renewed)), (NEVER, u32::MAX));
}

#[test]
fn a_lease_without_limit_has_the_desired_length() {
    assert_eq!(lease_end(UnixTime(1000), 500, NEVER), UnixTime(1500));
}

/// A small generator, so that the checks are the same in every run.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 32) as u32
    }

    /// Mostly dates around the present, sometimes absent or infinite.
    fn time(&mut self) -> UnixTime {
        match self.next() % 8 {
            0 => ABSENT,
            1 => NEVER,
            _ => UnixTime(1_700_000_000 + self.next() % 200_000),
        }
    }
}

/// Holds: FO-5.2.1-6, FO-5.2.1-11, FO-5.2.1-17, FO-5.2.1-27.
#[test]
fn no_lease_exceeds_what_the_partner_knows_by_more_than_mclt() {
    let mut numbers = Numbers(1);
    for _ in 0..10_000 {
        let now = UnixTime(1_700_000_000 + numbers.next() % 200_000);
        let (acked, received) = (numbers.time(), numbers.time());
        let (desired, mclt) = (numbers.next() % 100_000, numbers.next() % 10_000 + 1);
        let end = lease_end(now, desired, lease_limit(now, acked, received, Mclt(mclt)));
        let known = u64::from(now.0.max(acked.0).max(received.0));
        assert!(u64::from(end.0) <= known + u64::from(mclt));
        assert!(end.seconds_since(now) >= desired.min(mclt));
    }
}

#[test]
fn the_promise_is_later_than_the_lease() {
    let mut numbers = Numbers(2);
    for _ in 0..10_000 {
        let now = UnixTime(1_700_000_000 + numbers.next() % 200_000);
        let desired = numbers.next() % 100_000 + 1;
        let limit = lease_limit(now, ABSENT, ABSENT, Mclt(numbers.next() % 10_000 + 1));
        let end = lease_end(now, desired, limit);
        assert!(potential_expiration(now, lease_seconds(now, end), desired) > end);
    }
}

#[test]
fn even_a_lease_of_one_second_ends_before_its_promise() {
    let now = UnixTime(1000);
    assert_eq!(potential_expiration(now, 1, 1), UnixTime(1002));
}

#[test]
fn an_mclt_is_written_as_its_seconds() {
    assert_eq!(Mclt(3600).to_string(), "3600");
}
