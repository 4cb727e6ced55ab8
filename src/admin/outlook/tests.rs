//! The computations of the status, look by look.

use std::net::Ipv4Addr;

use super::*;
use crate::balance::Role;
use crate::binding::AddressRange;
use crate::binding::table::{BindingTable, RangeId};
use crate::endpoint::status::{Stats, Walk};
use crate::server::command::Storage;

const WALL: u32 = 1_700_000_000;

/// So many seconds after the beginning.
fn at(second: u32) -> Now {
    let monotonic = Instant::from_micros(u64::from(second) * 1_000_000);
    Now { monotonic, wall: UnixTime(WALL + second) }
}

/// Ten addresses, all FREE.
fn pool() -> RangeCounts {
    let [first, last] = [1, 10].map(|last| Ipv4Addr::new(10, 0, 0, last));
    let range = AddressRange::new(first, last).unwrap();
    RangeCounts::of(&BindingTable::new(&[range], 0).unwrap(), RangeId(0), range)
}

fn report() -> Status {
    Status {
        name: "a".to_owned(),
        role: Role::Primary,
        state: FailoverState::Normal,
        state_since: UnixTime(WALL),
        partner_state: None,
        partner_since: UnixTime::ABSENT,
        last_contact: None,
        communications: Communications::Ok,
        sync: Sync::Syncing,
        unacked_updates: 0,
        queued_updates: 0,
        oldest_unacked: None,
        last_xid: Xid(0),
        windows: (10, 10),
        walk: None,
        receiving: None,
        clock_delta_seconds: None,
        mclt: 600,
        maintenance_until: None,
        ranges: vec![pool()],
        stats: Stats::default(),
    }
}

/// What is known after these looks, one a second from 0 on.
fn outlined(reports: impl IntoIterator<Item = Status>) -> Outlined {
    let mut outlook = Outlook::default();
    let mut last = (at(0), report());
    for (second, report) in (0..).zip(reports) {
        let status = ServerStatus { storage: Storage::Ok, relationships: vec![report.clone()] };
        outlook.observe(at(second), &status);
        last = (at(second), report);
    }
    outlook.of(last.0.monotonic, &last.1)
}

#[test]
fn a_walk_tells_how_much_is_left_and_for_how_long() {
    let walks = (0..=4).map(|step| {
        let walk = Walk { done: step * 100, total: 1000 };
        Status { walk: Some(walk), ..report() }
    });
    let progress = outlined(walks).progress.unwrap();
    assert_eq!((progress.direction, progress.unit), ("sending", "addresses"));
    assert_eq!((progress.done, progress.total), (400, Some(1000)));
    assert_eq!((progress.rate, progress.seconds_left), (100.0, Some(6)));
}

#[test]
fn whoever_asks_does_not_know_how_much_will_come() {
    let asked = (0..=4).map(|step| Status { receiving: Some(step * 50), ..report() });
    let progress = outlined(asked).progress.unwrap();
    assert_eq!((progress.direction, progress.done, progress.total), ("receiving", 200, None));
    assert_eq!((progress.rate, progress.seconds_left), (50.0, None));
}

#[test]
fn updates_that_wait_are_counted_from_the_last_time_that_none_did() {
    let step = |answered, queued_updates| {
        let stats = Stats { updates_accepted_by_partner: answered, ..Stats::default() };
        let sync = if queued_updates == 0 { Sync::Synced } else { Sync::Syncing };
        Status { sync, queued_updates, stats, ..report() }
    };
    let progress = outlined([step(70, 0), step(70, 30), step(80, 20)]).progress.unwrap();
    assert_eq!((progress.done, progress.total), (10, Some(30)));
}

#[test]
fn nothing_is_under_way_where_both_agree() {
    let synced = Status { sync: Sync::Synced, ..report() };
    let known = outlined([report(), synced]);
    assert_eq!(known.progress, None);
    assert_eq!(known.last_synced, Some(UnixTime(WALL + 1)));
}

#[test]
fn the_last_contact_is_remembered_when_the_connection_is_gone() {
    let contact = Some(UnixTime(WALL));
    let heard = Status { last_contact: contact, ..report() };
    assert_eq!(outlined([heard, report(), report()]).last_contact, contact);
}

#[test]
fn an_update_is_as_old_as_the_look_that_first_knew_its_xid() {
    let looks = [5, 8, 9, 9, 9].map(|last| Status {
        last_xid: Xid(last),
        oldest_unacked: Some(Xid(7)),
        ..report()
    });
    assert_eq!(outlined(looks).oldest_unacked_seconds, Some(3));
}

#[test]
fn a_server_has_its_own_share_until_the_partner_has_been_down_for_mclt() {
    let primary = report();
    let secondary = Status { role: Role::Secondary, ..report() };
    let down = Status { state: FailoverState::PartnerDown, ..secondary.clone() };
    let available = |report, second| available(at(second).wall, report, &pool());
    assert_eq!(available(&primary, 0), 10);
    assert_eq!(available(&secondary, 0), 0);
    assert_eq!(available(&down, 599), 0);
    assert_eq!(available(&down, 600), 10);
}

#[test]
fn a_pool_lasts_as_long_as_its_addresses_at_the_rate_of_new_leases() {
    let ten = endurance(100, Some(10.0), 600);
    assert_eq!((ten.seconds, ten.is_short), (Some(36_000), false));
}

#[test]
fn a_pool_is_short_if_it_ends_before_the_partners_addresses_may_be_used() {
    assert!(endurance(10, Some(10.0), 600).is_short);
    assert!(endurance(0, Some(1.0), 600).is_short);
}

#[test]
fn a_pool_without_new_leases_lasts() {
    for rate in [None, Some(0.0)] {
        let quiet = endurance(0, rate, 600);
        assert_eq!((quiet.seconds, quiet.is_short), (None, false));
    }
}
