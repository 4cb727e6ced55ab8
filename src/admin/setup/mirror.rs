//! A relationship seen from its other end: which keys both files have, and how.

use serde_json::{Map, Value, json};

use crate::balance::Role;
use crate::server::config::PRIMARY_ONLY;

/// Keys that name this server's end in one file and the other's in the other.
const ENDS: [(&str, &str); 4] = [
    ("address", "peer-address"),
    ("port", "peer-port"),
    ("peer-address", "address"),
    ("peer-port", "port"),
];

/// Keys that both files have with the same value.
const SAME: [&str; 17] = [
    "name",
    "max-response-delay",
    "max-unacked-updates",
    "server-hba",
    "load-balance-max-seconds",
    "heartbeat-interval",
    "contact-lost-time",
    "takeover-delay",
    "auto-partner-down",
    "dialect",
    "batch-updates",
    "shared-secret-file",
    "shared-secret-env",
    "previous-shared-secret-file",
    "previous-shared-secret-env",
    "digest-covers",
    "max-clock-difference",
];

/// The other end of a new relationship. What only a primary has is told to the secondary by it.
pub(super) fn mirrored(keys: &Map<String, Value>) -> Map<String, Value> {
    let other =
        keys.iter().filter_map(|(key, value)| Some((mirror(key)?.to_owned(), turned(key, value))));
    other.collect()
}

/// What of a change is for this end, and what for the other. Keys of a primary go to the primary.
pub(super) fn divided(
    role: Role,
    set: &Map<String, Value>,
) -> (Map<String, Value>, Map<String, Value>) {
    let role = match set.get("role").and_then(Value::as_str) {
        Some("primary") => Role::Primary,
        Some("secondary") => Role::Secondary,
        _ => role,
    };
    let (mut here, mut there) = (Map::new(), Map::new());
    for (key, value) in set {
        if PRIMARY_ONLY.contains(&key.as_str()) && role == Role::Secondary {
            there.insert(key.clone(), value.clone());
            continue;
        }
        here.insert(key.clone(), value.clone());
        if let Some(other) = mirror(key) {
            there.insert(other.to_owned(), turned(key, value));
        }
    }
    (here, there)
}

/// What a key is called at the other end; `None` for what is of no concern there.
fn mirror(key: &str) -> Option<&'static str> {
    let end = ENDS.iter().find(|(here, _)| *here == key).map(|(_, there)| *there);
    let same = || SAME.iter().find(|same| **same == key).copied();
    end.or_else(same).or((key == "role").then_some("role"))
}

fn turned(key: &str, value: &Value) -> Value {
    match (key, value.as_str()) {
        ("role", Some("primary")) => json!("secondary"),
        ("role", Some("secondary")) => json!("primary"),
        _ => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(json: &Value) -> Map<String, Value> {
        json.as_object().unwrap().clone()
    }

    #[test]
    fn the_other_end_has_the_other_role_and_the_addresses_turned_round() {
        let keys = json!({ "name": "a", "role": "primary", "address": "10.0.0.1", "peer-port": 648,
            "peer-address": "10.0.0.2", "split": 64, "mclt": 600, "dialect": "draft",
            "startup-policy": "commission-alone", "peer-admin": "http://10.0.0.2:8067" });
        let there = json!({ "name": "a", "role": "secondary", "address": "10.0.0.2", "port": 648,
            "peer-address": "10.0.0.1", "dialect": "draft" });
        assert_eq!(mirrored(&object(&keys)), object(&there));
    }

    #[test]
    fn what_a_primary_decides_goes_to_the_primary() {
        let set = object(&json!({ "split": 64, "max-response-delay": 10, "startup-wait": 5 }));
        let (here, there) = divided(Role::Secondary, &set);
        assert_eq!(here, object(&json!({ "max-response-delay": 10, "startup-wait": 5 })));
        assert_eq!(there, object(&json!({ "split": 64, "max-response-delay": 10 })));
        let (here, there) = divided(Role::Primary, &set);
        assert_eq!(here, set);
        assert_eq!(there, object(&json!({ "max-response-delay": 10 })));
    }

    #[test]
    fn a_default_is_a_default_at_both_ends() {
        let (_, there) = divided(Role::Primary, &object(&json!({ "peer-port": null })));
        assert_eq!(there, object(&json!({ "port": null })));
    }
}
