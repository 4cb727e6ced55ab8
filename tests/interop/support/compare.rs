//! Two lease databases side by side, whoever keeps them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use super::lease_file::{Lease, LeaseFile};
use super::twinlease::Binding;

/// What both kinds of server can be asked about an address. Times are Unix seconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    pub status: String,
    /// With colons.
    pub hardware: Option<String>,
    /// Hexadecimal.
    pub client_id: Option<String>,
    /// When the client's lease ends.
    pub expiration: Option<i64>,
    /// The potential expirations that this server announced and received: what binds the partner and what binds this server.
    /// Where updates cross, each accepted by the other side, only one of the two is the same for both.
    pub promised: BTreeSet<i64>,
}

/// All addresses of which a server has something to say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Database {
    pub records: BTreeMap<Ipv4Addr, Record>,
}

impl Database {
    pub fn of_dhcpd(file: &LeaseFile) -> Self {
        Self {
            records: file
                .leases
                .iter()
                .map(|(address, lease)| (*address, Record::of_dhcpd(lease)))
                .collect(),
        }
    }

    pub fn of_twinlease(leases: &BTreeMap<Ipv4Addr, Binding>) -> Self {
        Self {
            records: leases
                .iter()
                .map(|(address, lease)| (*address, Record::of_twinlease(lease)))
                .collect(),
        }
    }

    /// Addresses in a status.
    pub fn count(&self, status: &str) -> usize {
        self.records.values().filter(|record| record.status == status).count()
    }

    /// The active addresses with the hardware address of each holder.
    pub fn holders(&self) -> BTreeMap<Ipv4Addr, String> {
        let active = self.records.iter().filter(|(_, record)| record.status == "active");
        active
            .map(|(address, record)| (*address, record.hardware.clone().unwrap_or_default()))
            .collect()
    }
}

impl Record {
    fn of_dhcpd(lease: &Lease) -> Self {
        let promised = [lease.tstp, lease.atsfp];
        Self {
            status: lease.binding_state.clone(),
            hardware: lease.hardware.clone(),
            client_id: lease.uid.as_deref().map(hexadecimal),
            expiration: lease.ends,
            promised: promised.into_iter().flatten().filter(|promise| *promise != 0).collect(),
        }
    }

    fn of_twinlease(lease: &Binding) -> Self {
        let promised = [lease.acked_potential_expiration, lease.received_potential_expiration];
        Self {
            status: lease.status.clone(),
            hardware: lease.hw_address.clone(),
            client_id: lease.client_id.clone(),
            expiration: lease.lease_expiration,
            promised: promised.into_iter().flatten().collect(),
        }
    }

    /// What an address is of which a server has nothing to say.
    fn virgin() -> Self {
        Self {
            status: "free".to_owned(),
            hardware: None,
            client_id: None,
            expiration: None,
            promised: BTreeSet::new(),
        }
    }

    /// Members in which two records of an address contradict each other.
    fn contradictions(&self, other: &Self) -> Vec<&'static str> {
        let mut found = Vec::new();
        if self.status != other.status {
            found.push("status");
        }
        if self.status == "active" && other.status == "active" {
            if self.hardware != other.hardware {
                found.push("hardware address");
            }
            if self.client_id != other.client_id {
                found.push("client identifier");
            }
            if self.expiration != other.expiration {
                found.push("lease expiration");
            }
            if self.promised.is_disjoint(&other.promised) {
                found.push("potential expiration");
            }
        }
        found
    }
}

/// Octets as the command line prints them.
pub fn hexadecimal(octets: &[u8]) -> String {
    octets.iter().fold(String::new(), |text, octet| text + &format!("{octet:02x}"))
}

/// One line for each address on which two databases differ.
pub fn differences(one: &Database, other: &Database) -> Vec<String> {
    let addresses: BTreeSet<_> = one.records.keys().chain(other.records.keys()).collect();
    let virgin = Record::virgin();
    let difference = |address: &Ipv4Addr| {
        let (left, right) = (
            one.records.get(address).unwrap_or(&virgin),
            other.records.get(address).unwrap_or(&virgin),
        );
        let members = left.contradictions(right);
        (!members.is_empty())
            .then(|| format!("{address}: {}: {left:?} | {right:?}", members.join(", ")))
    };
    addresses.into_iter().filter_map(difference).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn active() -> Record {
        Record {
            status: "active".to_owned(),
            hardware: Some("02:7e:00:00:00:01".to_owned()),
            client_id: None,
            expiration: Some(1_795_180_637),
            promised: BTreeSet::from([1_795_180_937]),
        }
    }

    fn database(record: Record) -> Database {
        Database { records: BTreeMap::from([(Ipv4Addr::new(10, 78, 8, 1), record)]) }
    }

    #[test]
    fn equal_databases_have_no_differences() {
        assert_eq!(differences(&database(active()), &database(active())), Vec::<String>::new());
    }

    #[test]
    fn an_unknown_address_is_a_virgin_free_one() {
        assert_eq!(
            differences(&database(Record::virgin()), &Database::default()),
            Vec::<String>::new()
        );
        assert_eq!(differences(&database(active()), &Database::default()).len(), 1);
    }

    #[test]
    fn each_member_of_an_active_lease_is_compared() {
        let changed: [fn(&mut Record); 5] = [
            |record| record.status = "free".to_owned(),
            |record| record.hardware = None,
            |record| record.client_id = Some("01".to_owned()),
            |record| record.expiration = Some(1),
            |record| record.promised = BTreeSet::from([1]),
        ];
        for change in changed {
            let mut other = active();
            change(&mut other);
            assert_eq!(active().contradictions(&other).len(), 1, "{other:?}");
        }
    }
}
