//! What both servers have to agree on, compared.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::{Value, json};

use crate::server::edit::Scope;

use super::bodies::{ConfiguredBody, DifferenceBody, DriftBody};

/// One server's side of a relationship.
pub(super) struct Side<'s> {
    pub(super) relationship: &'s ConfiguredBody,
    /// All scopes of the server.
    pub(super) scopes: &'s [Scope],
}

/// Every difference between two sides of one relationship.
pub(super) fn compare(here: &Side<'_>, there: &Side<'_>) -> DriftBody {
    let mut found = Differences::default();
    relationship(here.relationship, there.relationship, &mut found);
    let name = &here.relationship.name;
    let shared = |side: &Side<'_>| -> Vec<Scope> {
        side.scopes.iter().filter_map(|scope| scope.shared_by(name)).collect()
    };
    let (ours, theirs) = (shared(here), shared(there));
    let networks: BTreeSet<_> =
        ours.iter().chain(&theirs).map(|scope| scope.network.clone()).collect();
    for network in networks {
        let of = |scopes: &[Scope]| scopes.iter().find(|scope| scope.network == network).cloned();
        let what = format!("scope {network}");
        match (of(&ours), of(&theirs)) {
            (Some(ours), Some(theirs)) => scope(&what, &ours, &theirs, &mut found),
            (ours, theirs) => found.note(
                &what,
                "relationship",
                ours.map(|_| name.as_str()),
                theirs.map(|_| name.as_str()),
            ),
        }
    }
    DriftBody { in_agreement: found.0.is_empty(), differences: found.0 }
}

#[derive(Default)]
struct Differences(Vec<DifferenceBody>);

impl Differences {
    fn note(&mut self, what: &str, key: &str, here: impl Serialize, there: impl Serialize) {
        let [here, there] = [json!(here), json!(there)];
        if here != there {
            let (what, key) = (what.to_owned(), key.to_owned());
            self.0.push(DifferenceBody { what, key, here, there });
        }
    }
}

fn relationship(here: &ConfiguredBody, there: &ConfiguredBody, found: &mut Differences) {
    let what = format!("relationship {}", here.name);
    if here.role == there.role {
        // Told as it is, as nothing here is compared with its opposite.
        let (here, there) = (json!(here.role), json!(there.role));
        found.0.push(DifferenceBody { what: what.clone(), key: "role".to_owned(), here, there });
    }
    found.note(&what, "address", &here.address, &there.peer_address);
    found.note(&what, "port", here.port, there.peer_port);
    found.note(&what, "peer-address", &here.peer_address, &there.address);
    found.note(&what, "peer-port", here.peer_port, there.port);
    found.note(&what, "dialect", &here.dialect, &there.dialect);
    found.note(&what, "shared-secret", &here.shared_secret, &there.shared_secret);
    found.note(&what, "server-hba", &here.server_hba, &there.server_hba);
    found.note(
        &what,
        "load-balance-max-seconds",
        here.load_balance_max_seconds,
        there.load_balance_max_seconds,
    );
}

fn scope(what: &str, here: &Scope, there: &Scope, found: &mut Differences) {
    found.note(what, "default-lease-time", here.default_lease_time, there.default_lease_time);
    found.note(what, "min-lease-time", here.min_lease_time, there.min_lease_time);
    found.note(what, "max-lease-time", here.max_lease_time, there.max_lease_time);
    let options: BTreeSet<_> = here.options.keys().chain(there.options.keys()).collect();
    for option in options {
        let key = format!("options.{option}");
        found.note(what, &key, here.options.get(option), there.options.get(option));
    }
    pools(what, here, there, found);
    let reserved = |scope: &Scope| scope.reservations.iter().cloned().collect::<BTreeSet<_>>();
    let (ours, theirs) = (reserved(here), reserved(there));
    for one in ours.symmetric_difference(&theirs) {
        let (here, there) =
            (ours.contains(one).then_some(one), theirs.contains(one).then_some(one));
        found.note(what, "reservation", here, there);
    }
}

fn pools(what: &str, here: &Scope, there: &Scope, found: &mut Differences) {
    let ranges: BTreeSet<_> =
        here.pools.iter().chain(&there.pools).map(|pool| pool.range.clone()).collect();
    for range in ranges {
        let of = |scope: &Scope| scope.pools.iter().find(|pool| pool.range == range).cloned();
        match (of(here), of(there)) {
            (Some(ours), Some(theirs)) => {
                let key = |key: &str| format!("pool {range} {key}");
                found.note(what, &key("disabled"), ours.disabled, theirs.disabled);
                let bootp = [ours.dynamic_bootp, theirs.dynamic_bootp];
                found.note(what, &key("dynamic-bootp"), bootp[0], bootp[1]);
            }
            (ours, theirs) => {
                let [ours, theirs] =
                    [ours, theirs].map(|pool| pool.map_or(Value::Null, |pool| json!(pool.range)));
                found.note(what, "range", ours, theirs);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::server::config::Config;

    use super::*;

    const PRIMARY: &str = r#"data-dir = "/tmp/none"
[[relationship]]
name = "a"
role = "primary"
address = "10.0.0.1"
peer-address = "10.0.0.2"
[dhcp.options]
routers = "10.1.0.1"
[[subnet]]
network = "10.1.0.0/24"
[[subnet.pool]]
range = "10.1.0.10-10.1.0.99"
relationship = "a"
[[subnet.pool]]
range = "10.1.0.200-10.1.0.209"
[[subnet.reservation]]
hw-address = "00:0c:01:02:03:04"
address = "10.1.0.5"
"#;

    fn secondary() -> String {
        let turned =
            PRIMARY.replace("\"10.0.0.1\"", "\"there\"").replace("\"10.0.0.2\"", "\"10.0.0.1\"");
        turned
            .replace("\"there\"", "\"10.0.0.2\"")
            .replace("role = \"primary\"", "role = \"secondary\"")
    }

    /// Key, here, there of every difference.
    fn differences(there: &str) -> Vec<String> {
        let sides = [PRIMARY, there].map(|text| {
            let config = Config::parse(text, Path::new("t.toml")).unwrap();
            let configured = ConfiguredBody::new(&config.relationships[0], &config, None);
            (configured, Scope::all(&config))
        });
        let [here, there] =
            sides.each_ref().map(|(relationship, scopes)| Side { relationship, scopes });
        let found = compare(&here, &there);
        assert_eq!(found.in_agreement, found.differences.is_empty());
        let shown = |one: &DifferenceBody| format!("{} {} {}", one.key, one.here, one.there);
        found.differences.iter().map(shown).collect()
    }

    #[test]
    fn two_ends_of_one_relationship_agree() {
        assert_eq!(differences(&secondary()), Vec::<String>::new());
    }

    #[test]
    fn what_a_server_has_alone_is_its_own_affair() {
        let there = secondary().replace("10.1.0.200-10.1.0.209", "10.1.0.150-10.1.0.159");
        assert_eq!(differences(&there), Vec::<String>::new());
    }

    #[test]
    fn another_way_of_writing_is_no_difference() {
        let option = "[dhcp.options]\nrouters = \"10.1.0.1\"\n";
        let there = secondary().replace(option, "");
        let there = there.replace(
            "[[subnet.pool]]\nrange = \"10.1.0.10",
            "options = { option-3 = [\"10.1.0.1\"] }\n[[subnet.pool]]\nrange = \"10.1.0.10",
        );
        assert_eq!(differences(&there), Vec::<String>::new());
    }

    #[test]
    fn every_difference_has_its_name() {
        let there = secondary()
            .replace("role = \"secondary\"", "role = \"primary\"\nport = 648\ndialect = \"draft\"")
            .replace("10.1.0.99", "10.1.0.89")
            .replace("network", "max-lease-time = 9000\nnetwork")
            .replace("routers = \"10.1.0.1\"", "domain-name = \"a.bc\"")
            .replace("03:04", "03:05");
        assert_eq!(
            differences(&there),
            [
                "role \"primary\" \"primary\"",
                "peer-port 647 648",
                "dialect \"isc\" \"draft\"",
                "max-lease-time 7200 9000",
                "options.domain-name null \"a.bc\"",
                "options.routers [\"10.1.0.1\"] null",
                "range null \"10.1.0.10-10.1.0.89\"",
                "range \"10.1.0.10-10.1.0.99\" null",
                "reservation {\"address\":\"10.1.0.5\",\"hw-address\":\"00:0c:01:02:03:04\"} null",
                "reservation null {\"address\":\"10.1.0.5\",\"hw-address\":\"00:0c:01:02:03:05\"}",
            ]
        );
    }

    #[test]
    fn a_scope_that_one_side_lacks_is_named() {
        let there = secondary().replace("relationship = \"a\"", "disabled = true");
        assert_eq!(differences(&there), ["relationship \"a\" null"]);
    }
}
