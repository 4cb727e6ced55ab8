use BindingStatus::{Abandoned, Active, Backup, Expired, Free, Released, Reset};

use super::*;
use crate::binding::carried::Parts;
use crate::binding::{ClientIdentifier, HardwareAddress};

const ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
const ABSENT: UnixTime = UnixTime::ABSENT;
const ROLES: [Role; 2] = [Role::Primary, Role::Secondary];

fn client(last: u8) -> Client {
    Client {
        identifier: ClientIdentifier::new(&[1, 2, 0, 0, 0, 0, last]),
        hardware: HardwareAddress::new(1, &[2, 0, 0, 0, 0, last]),
    }
}

/// A record of client 1, last heard at 500, until 2000; promises 900, 800, 700.
fn own(binding_status: BindingStatus) -> Binding {
    Binding {
        binding_status,
        client: Some(client(1)),
        lease_expiration: UnixTime(2000),
        sent_potential_expiration: UnixTime(900),
        acked_potential_expiration: UnixTime(800),
        received_potential_expiration: UnixTime(700),
        client_last_transaction: UnixTime(500),
        start_of_status: UnixTime(400),
        partner_knows: false,
        ..Binding::unused(ADDRESS)
    }
}

/// A report about client 1 that says nothing of times.
fn update(binding_status: BindingStatus) -> ReceivedUpdate {
    ReceivedUpdate {
        address: ADDRESS,
        binding_status,
        client: Some(client(1)),
        lease_expiration: ABSENT,
        potential_expiration: ABSENT,
        start_of_status: ABSENT,
        client_last_transaction: ABSENT,
        ip_flags: IpFlags(0),
        carried: Carried::NOTHING,
    }
}

fn verdict(role: Role, own: &Binding, update: &ReceivedUpdate, now: u32) -> &'static str {
    match decide(role, own, update, UnixTime(now)) {
        Acceptance::Accept => "OK",
        Acceptance::Reject(RejectReason::FATAL_CONFLICT, _) => "R2",
        Acceptance::Reject(RejectReason::OUTDATED, _) => "R15",
        Acceptance::Reject(RejectReason::LESS_CRITICAL, _) => "R16",
        Acceptance::Reject(..) => "another reason",
    }
}

/// Figure 7.1.3-1: own status down, reported status across.
const FIGURE: &str = "
    own\\received ACTIVE EXPIRED RELEASED FREE BACKUP RESET ABANDONED
    ACTIVE        c      t2      t1       t2   t2     OK    OK
    EXPIRED       t1     OK      OK       OK   OK     OK    OK
    RELEASED      t1     t1      OK       OK   OK     OK    OK
    FREE          OK     OK      OK       OK   OK     OK    OK
    BACKUP        OK     OK      OK       OK   OK     OK    OK
    RESET         t3     OK      OK       OK   OK     OK    OK
    ABANDONED     R16    R16     R16      R16  R16    OK    OK
";

/// Every pair of the figure with its cell.
fn cells() -> Vec<(BindingStatus, BindingStatus, &'static str)> {
    let named = |name: &str| name.to_lowercase().parse::<BindingStatus>().unwrap();
    let mut lines = FIGURE.trim().lines().map(str::split_whitespace);
    let received: Vec<_> = lines.next().unwrap().skip(1).map(named).collect();
    let mut cells = Vec::new();
    for mut line in lines {
        let own = named(line.next().unwrap());
        cells.extend(received.iter().zip(line).map(|(received, cell)| (own, *received, cell)));
    }
    cells
}

#[test]
fn the_figure_has_a_cell_for_every_pair() {
    let cells = cells();
    for own in BindingStatus::ALL {
        for received in BindingStatus::ALL {
            let matching = |(one, other, _): &&(_, _, _)| (one, other) == (own, received);
            assert_eq!(cells.iter().filter(matching).count(), 1, "{own} and {received}");
        }
    }
}

/// The cell's answer for a client heard `heard` by the partner, own times as given.
fn expected(
    cell: &str,
    role: Role,
    same: bool,
    heard: u32,
    own: &Binding,
    now: u32,
) -> &'static str {
    let later = |accept: bool| if accept { "OK" } else { "R15" };
    match cell {
        "OK" => "OK",
        "R16" => "R16",
        "c" if same || role == Role::Secondary => "OK",
        "c" => "R2",
        "t1" => later(heard > own.client_last_transaction.0),
        "t2" => later(now > own.lease_expiration.0),
        "t3" => later(heard > own.start_of_status.0),
        other => panic!("no such cell: {other}"),
    }
}

/// Holds: FO-5.11-23.
#[test]
fn every_pair_is_decided_by_its_cell_at_every_edge() {
    for (mine, theirs, cell) in cells() {
        for role in ROLES {
            for holder in [1, 2] {
                for (heard, now) in [0, 399, 400, 401, 499, 500, 501]
                    .iter()
                    .flat_map(|heard| [1999, 2000, 2001].map(|now| (*heard, now)))
                {
                    for forget in [false, true] {
                        let mut own = own(mine);
                        if forget {
                            own.client_last_transaction = ABSENT;
                            own.start_of_status = ABSENT;
                            own.lease_expiration = ABSENT;
                        }
                        let update = ReceivedUpdate {
                            client: Some(client(holder)),
                            client_last_transaction: UnixTime(heard),
                            ..update(theirs)
                        };
                        let wanted = expected(cell, role, holder == 1, heard, &own, now);
                        let got = verdict(role, &own, &update, now);
                        assert_eq!(got, wanted, "{role} {own:?} {update:?} at {now}");
                    }
                }
            }
        }
    }
}

#[test]
fn an_infinite_lease_does_not_expire_or_become_free() {
    let own = Binding { lease_expiration: UnixTime::INFINITE_FLOOR, ..own(Active) };
    for status in [Expired, Free, Backup] {
        assert_eq!(verdict(Role::Secondary, &own, &update(status), u32::MAX), "R15", "{status}");
    }
    assert_eq!(verdict(Role::Secondary, &own, &update(Reset), 1), "OK");
    assert_eq!(verdict(Role::Secondary, &own, &update(Abandoned), 1), "OK");
}

#[test]
fn a_client_heard_at_no_date_is_not_later() {
    let never = ReceivedUpdate { client_last_transaction: UnixTime::INFINITE, ..update(Released) };
    assert_eq!(verdict(Role::Primary, &own(Active), &never, 1000), "R15");
}

#[test]
fn ended_leases_are_stored_as_free_with_their_last_client() {
    for status in [Expired, Released, Reset] {
        let next = apply(&own(Active), &update(status), UnixTime(3000), false);
        assert_eq!(next.binding_status, Free, "{status}");
        assert_eq!(next.client, Some(client(1)));
        assert_eq!(next.start_of_status, UnixTime(3000));
        assert!(next.partner_knows);
    }
}

#[test]
fn free_backup_active_and_abandoned_are_stored_as_such() {
    for status in [Free, Backup, Active, Abandoned] {
        let next = apply(&own(Expired), &update(status), UnixTime(3000), false);
        assert_eq!(next.binding_status, status);
    }
}

#[test]
fn an_available_address_keeps_no_promises() {
    for status in [Free, Backup, Expired, Released, Reset] {
        let report = ReceivedUpdate { potential_expiration: UnixTime(5000), ..update(status) };
        let next = apply(&own(Active), &report, UnixTime(3000), false);
        assert_eq!(next.sent_potential_expiration, ABSENT, "{status}");
        assert_eq!(next.acked_potential_expiration, ABSENT);
        assert_eq!(next.received_potential_expiration, ABSENT);
    }
}

#[test]
fn promises_that_are_kept_prolong_waits_and_no_lease() {
    for status in [Free, Backup, Expired, Released, Reset] {
        let report = ReceivedUpdate { potential_expiration: UnixTime(5000), ..update(status) };
        let next = apply(&own(Active), &report, UnixTime(3000), true);
        assert_eq!(next.sent_potential_expiration, UnixTime(900), "{status}");
        assert_eq!(next.acked_potential_expiration, ABSENT);
        assert_eq!(next.received_potential_expiration, UnixTime(5000));
    }
}

#[test]
fn a_report_without_a_promise_leaves_the_kept_one() {
    let next = apply(&own(Active), &update(Expired), UnixTime(3000), true);
    assert_eq!(next.received_potential_expiration, UnixTime(700));
}

#[test]
fn an_abandoned_address_forgets_its_client() {
    let report = ReceivedUpdate { lease_expiration: UnixTime(9000), ..update(Abandoned) };
    let next = apply(&own(Active), &report, UnixTime(3000), false);
    assert_eq!(next.client, None);
    assert_eq!(next.lease_expiration, UnixTime(9000));
    assert_eq!(next.sent_potential_expiration, UnixTime(900));
}

fn renewal(heard: u32, lease_expiration: u32, potential_expiration: u32) -> ReceivedUpdate {
    ReceivedUpdate {
        lease_expiration: UnixTime(lease_expiration),
        potential_expiration: UnixTime(potential_expiration),
        client_last_transaction: UnixTime(heard),
        start_of_status: UnixTime(heard),
        ..update(Active)
    }
}

#[test]
fn a_newer_renewal_of_the_same_client_replaces_what_it_says() {
    let next = apply(&own(Active), &renewal(600, 2500, 600), UnixTime(3000), false);
    let expected = Binding {
        lease_expiration: UnixTime(2500),
        received_potential_expiration: UnixTime(600),
        client_last_transaction: UnixTime(600),
        start_of_status: UnixTime(600),
        partner_knows: true,
        ..own(Active)
    };
    assert_eq!(next, expected);
}

#[test]
fn a_lease_known_to_end_later_is_not_shortened() {
    let next = apply(&own(Active), &renewal(600, 1500, 1600), UnixTime(1000), false);
    assert_eq!(next.lease_expiration, UnixTime(2000));
}

#[test]
fn an_older_renewal_moves_no_time_backwards() {
    let next = apply(&own(Active), &renewal(300, 1500, 600), UnixTime(1000), false);
    assert_eq!(next, Binding { partner_knows: true, ..own(Active) });
}

#[test]
fn a_promise_in_an_older_renewal_counts_if_it_goes_further() {
    let next = apply(&own(Active), &renewal(300, 1500, 1600), UnixTime(1000), false);
    assert_eq!(next.received_potential_expiration, UnixTime(1600));
}

#[test]
fn a_renewal_that_does_not_say_when_the_client_was_heard_keeps_the_known_time() {
    let next = apply(&own(Active), &renewal(0, 2500, 2600), UnixTime(1000), false);
    assert_eq!(next.client_last_transaction, UnixTime(500));
    assert_eq!(next.received_potential_expiration, UnixTime(2600));
    assert_eq!(next.start_of_status, UnixTime(400));
}

#[test]
fn another_client_replaces_everything() {
    let report = ReceivedUpdate { client: Some(client(2)), ..renewal(300, 1500, 1600) };
    let next = apply(&own(Active), &report, UnixTime(1000), false);
    let expected = Binding {
        binding_status: Active,
        client: Some(client(2)),
        lease_expiration: UnixTime(1500),
        received_potential_expiration: UnixTime(1600),
        client_last_transaction: UnixTime(300),
        start_of_status: UnixTime(300),
        ..Binding::unused(ADDRESS)
    };
    assert_eq!(next, expected);
}

#[test]
fn promises_to_a_former_client_are_kept_where_asked() {
    let report = ReceivedUpdate { client: Some(client(2)), ..renewal(300, 1500, 1600) };
    let next = apply(&own(Active), &report, UnixTime(1000), true);
    assert_eq!(next.sent_potential_expiration, UnixTime(900));
    assert_eq!(next.acked_potential_expiration, ABSENT);
    assert_eq!(next.received_potential_expiration, UnixTime(1600));
}

#[test]
fn a_lease_after_a_free_address_starts_from_nothing() {
    for status in [Free, Backup, Reset] {
        let next = apply(&own(status), &renewal(600, 1500, 1600), UnixTime(1000), false);
        assert_eq!(next.lease_expiration, UnixTime(1500), "{status}");
        assert_eq!(next.sent_potential_expiration, ABSENT);
        assert_eq!(next.acked_potential_expiration, ABSENT);
    }
}

#[test]
fn a_lease_that_goes_on_after_its_end_keeps_what_was_promised() {
    for status in [Expired, Released] {
        let next = apply(&own(status), &renewal(600, 1500, 1600), UnixTime(1000), false);
        assert_eq!(next.lease_expiration, UnixTime(1500), "{status}");
        assert_eq!(next.sent_potential_expiration, UnixTime(900));
        assert_eq!(next.acked_potential_expiration, UnixTime(800));
    }
}

#[test]
fn an_unused_address_reported_unused_does_not_change() {
    let report = ReceivedUpdate { client: None, ..update(Free) };
    let own = Binding::unused(ADDRESS);
    assert_eq!(apply(&own, &report, UnixTime(1000), true), own);
}

#[test]
fn the_same_report_twice_changes_nothing_more() {
    for status in BindingStatus::ALL {
        let report = ReceivedUpdate { binding_status: *status, ..renewal(600, 1500, 1600) };
        for keeps_promises in [false, true] {
            let once = apply(&own(Active), &report, UnixTime(3000), keeps_promises);
            let twice = apply(&once, &report, UnixTime(3100), keeps_promises);
            assert_eq!(twice, once, "{status}");
        }
    }
}

#[test]
fn an_offer_without_client_keeps_the_last_one_for_affinity() {
    let report = ReceivedUpdate { client: None, ..update(Backup) };
    let next = apply(&own(Free), &report, UnixTime(3000), false);
    assert_eq!(next.client, Some(client(1)));
    assert_eq!(next.client_last_transaction, UnixTime(500));
}

#[test]
fn flags_are_taken_as_reported() {
    let mut own = own(Free);
    own.ip_flags = IpFlags::BOOTP;
    let report = ReceivedUpdate { ip_flags: IpFlags::RESERVED, ..update(Backup) };
    assert_eq!(apply(&own, &report, UnixTime(3000), false).ip_flags, IpFlags::RESERVED);
}

/// Both heard the client; what this server heard later is what the client has.
#[test]
fn an_older_renewal_replaces_nothing_that_is_carried() {
    let options = |octets: &'static [u8]| {
        Carried::new(Parts { reply_options: Some(octets), ..Parts::default() })
    };
    let own = Binding { carried: options(&[1; 8]), ..own(Active) };
    for (heard, expected) in [(499, &[1; 8]), (501, &[2; 8])] {
        let update = ReceivedUpdate {
            client_last_transaction: UnixTime(heard),
            carried: options(&[2; 8]),
            ..update(Active)
        };
        let next = apply(&own, &update, UnixTime(1000), false);
        assert_eq!(next.carried.parts().reply_options, Some(&expected[..]), "{heard}");
    }
}
