//! Whether the promises were kept.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::time::Duration;

use twinlease::clients::ClientId;

use crate::record::Hold;
use crate::support::twinlease::Binding;

/// By how much two clocks of the test may be apart. Servers keep whole seconds, cut off, so that a
/// lease ends up to one second before its client believes it does; and what one server tells the
/// other is brought into the other's clock in whole seconds, once more up to one.
pub const TOLERANCE: Duration = Duration::from_secs(2);

/// One server's table and how far its clock is ahead.
#[derive(Debug)]
pub struct Table {
    pub leases: BTreeMap<Ipv4Addr, Binding>,
    /// Seconds.
    pub clock_offset: i64,
}

/// Pairs of different clients that were told to hold the same address at the same time.
pub fn overlaps(holds: &[Hold]) -> Vec<(Hold, Hold)> {
    let mut ordered: Vec<&Hold> = holds.iter().collect();
    ordered.sort_by_key(|hold| hold.from);
    let mut found = Vec::new();
    for (position, one) in ordered.iter().enumerate() {
        let later = &ordered[position + 1..];
        let during = later.iter().filter(|other| other.from + TOLERANCE < one.until);
        let others = during
            .filter(|other| other.client != one.client && other.from + TOLERANCE < other.until);
        found.extend(others.map(|other| ((*one).clone(), (*other).clone())));
    }
    found
}

/// Leases that clients hold for a while yet and that a server does not list as theirs, or for less
/// time. `now` is the time since the beginning, which was at the Unix time `begin`.
pub fn lost(
    held: &[(Ipv4Addr, Hold)],
    table: &Table,
    now: Duration,
    begin: Duration,
) -> Vec<String> {
    let is_lost = |(address, hold): &&(Ipv4Addr, Hold)| {
        !hold.excused && hold.until > now + TOLERANCE && !knows(table, *address, hold, begin)
    };
    let describe = |(address, hold): &(Ipv4Addr, Hold)| {
        format!("{address} {hold:?}, in the table: {:?}", table.leases.get(address))
    };
    held.iter().filter(is_lost).map(describe).collect()
}

/// Whether a server lists a lease for its client and for as long as the client was told.
pub fn knows(table: &Table, address: Ipv4Addr, hold: &Hold, begin: Duration) -> bool {
    let Some(lease) = table.leases.get(&address) else { return false };
    let until = i64::try_from((begin + hold.until).saturating_sub(TOLERANCE).as_secs()).unwrap();
    lease.status == "active"
        && lease.hw_address.as_deref() == Some(&hardware(hold.client))
        && lease.lease_expiration.is_some_and(|end| end - table.clock_offset >= until)
}

/// The hardware address of a client as servers print it.
fn hardware(client: ClientId) -> String {
    let [a, b, c, d] = client.to_be_bytes();
    format!("02:54:{a:02x}:{b:02x}:{c:02x}:{d:02x}")
}

/// Addresses about which two servers say different things.
pub fn differences(one: &Table, other: &Table) -> Vec<String> {
    let addresses: BTreeSet<_> = one.leases.keys().chain(other.leases.keys()).collect();
    let differs = |address: &&Ipv4Addr| !agree(essence(one, **address), essence(other, **address));
    let describe = |address: &Ipv4Addr| {
        format!("{address}: {:?} | {:?}", one.leases.get(address), other.leases.get(address))
    };
    addresses.into_iter().filter(differs).map(describe).collect()
}

/// Status of an address, its client and the end of the lease. One that is not listed was never
/// used: FREE.
fn essence(table: &Table, address: Ipv4Addr) -> (&str, Option<&str>, i64) {
    match table.leases.get(&address) {
        Some(lease) if lease.status == "active" => {
            let end = lease.lease_expiration.unwrap_or_default() - table.clock_offset;
            ("active", lease.hw_address.as_deref(), end)
        }
        Some(lease) => (&lease.status, None, 0),
        None => ("free", None, 0),
    }
}

fn agree(one: (&str, Option<&str>, i64), other: (&str, Option<&str>, i64)) -> bool {
    let tolerance = i64::try_from(TOLERANCE.as_secs()).unwrap();
    (one.0, one.1) == (other.0, other.1) && (one.2 - other.2).abs() <= tolerance
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 99, 1, 1);
    const BEGIN: Duration = Duration::from_secs(1_700_000_000);
    const NOW: Duration = Duration::from_secs(50);

    fn hold(client: ClientId, from: u64, until: u64) -> Hold {
        Hold {
            client,
            server: Ipv4Addr::new(10, 78, 0, 1),
            from: Duration::from_secs(from),
            until: Duration::from_secs(until),
            excused: false,
        }
    }

    /// A table in which a client has the address until so many seconds after the beginning.
    fn table(client: ClientId, until: i64, clock_offset: i64) -> Table {
        let binding = Binding {
            status: "active".to_owned(),
            hw_address: Some(hardware(client)),
            client_id: None,
            lease_expiration: Some(1_700_000_000 + until + clock_offset),
            sent_potential_expiration: None,
            acked_potential_expiration: None,
            received_potential_expiration: None,
            client_last_transaction: None,
            start_of_status: None,
        };
        Table { leases: BTreeMap::from([(ADDRESS, binding)]), clock_offset }
    }

    fn lost_in(table: &Table, hold: Hold) -> usize {
        lost(&[(ADDRESS, hold)], table, NOW, BEGIN).len()
    }

    #[test]
    fn a_doubled_lease_is_found() {
        assert_eq!(overlaps(&[hold(1, 0, 20), hold(2, 10, 30)]).len(), 1);
    }

    #[test]
    fn a_doubled_lease_within_a_longer_one_is_found() {
        let holds = [hold(1, 0, 60), hold(2, 10, 20), hold(3, 30, 40)];
        assert_eq!(overlaps(&holds).len(), 2);
    }

    #[test]
    fn a_lease_after_the_end_of_another_is_no_doubled_one() {
        assert_eq!(overlaps(&[hold(1, 0, 20), hold(2, 20, 30)]), []);
    }

    #[test]
    fn a_lease_of_the_same_client_is_no_doubled_one() {
        assert_eq!(overlaps(&[hold(1, 0, 20), hold(1, 10, 30)]), []);
    }

    #[test]
    fn a_lease_that_is_in_the_table_is_not_lost_whatever_the_clock() {
        assert_eq!(lost_in(&table(1, 80, 0), hold(1, 40, 80)), 0);
        assert_eq!(lost_in(&table(1, 80, 37), hold(1, 40, 80)), 0);
        assert_eq!(lost_in(&table(1, 80, -37), hold(1, 40, 80)), 0);
    }

    #[test]
    fn a_lease_that_is_not_in_the_table_is_lost() {
        let empty = Table { leases: BTreeMap::new(), clock_offset: 0 };
        assert_eq!(lost_in(&empty, hold(1, 40, 80)), 1);
    }

    #[test]
    fn a_lease_that_another_client_has_in_the_table_is_lost() {
        assert_eq!(lost_in(&table(2, 80, 0), hold(1, 40, 80)), 1);
    }

    #[test]
    fn a_lease_that_ends_too_early_in_the_table_is_lost() {
        assert_eq!(lost_in(&table(1, 70, 0), hold(1, 40, 80)), 1);
    }

    #[test]
    fn a_lease_that_is_over_is_not_lost() {
        let empty = Table { leases: BTreeMap::new(), clock_offset: 0 };
        assert_eq!(lost_in(&empty, hold(1, 20, 50)), 0);
    }

    #[test]
    fn a_lease_that_only_a_lost_disk_knew_is_excused() {
        let empty = Table { leases: BTreeMap::new(), clock_offset: 0 };
        assert_eq!(lost_in(&empty, Hold { excused: true, ..hold(1, 40, 80) }), 0);
    }

    #[test]
    fn tables_that_differ_in_status_holder_or_end_are_different() {
        let one = table(1, 80, 0);
        assert_eq!(differences(&one, &table(1, 80, -12)), Vec::<String>::new());
        let empty = Table { leases: BTreeMap::new(), clock_offset: 0 };
        for other in [empty, table(2, 80, 0), table(1, 70, 0)] {
            assert_eq!(differences(&one, &other).len(), 1);
        }
    }

    #[test]
    fn an_address_that_one_server_never_used_is_free() {
        let mut one = table(1, 80, 0);
        one.leases.get_mut(&ADDRESS).unwrap().status = "free".to_owned();
        let empty = Table { leases: BTreeMap::new(), clock_offset: 0 };
        assert_eq!(differences(&one, &empty), Vec::<String>::new());
    }
}
