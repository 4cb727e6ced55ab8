//! What tells two states of an endpoint apart, for those who explore what a pair can do.

use std::hash::{DefaultHasher, Hasher};

use twinlease::endpoint::{BindingChange, FailoverEndpoint, Input, LeaseAuthority};

use crate::support::address;
use crate::support::scripted::Script;

fn fingerprint(endpoint: &FailoverEndpoint) -> u64 {
    let mut hasher = DefaultHasher::new();
    endpoint.hash_state(&mut hasher);
    hasher.finish()
}

#[test]
fn a_copy_of_an_endpoint_is_in_the_same_state() {
    let script = Script::normal_primary();
    assert_eq!(fingerprint(&script.endpoint.clone()), fingerprint(&script.endpoint));
}

#[test]
fn a_binding_that_changes_makes_another_state() {
    let mut script = Script::normal_primary();
    let before = fingerprint(&script.endpoint);
    let change = BindingChange::Abandoned { address: address(10) };
    script.endpoint.record(script.now, change).unwrap();
    script.input(Input::TimeReached);
    assert_ne!(fingerprint(&script.endpoint), before);
}
