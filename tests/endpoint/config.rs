//! Relationships that cannot work are refused, with what would be right.

use twinlease::balance::Role;
use twinlease::binding::AddressRange;
use twinlease::binding::times::Mclt;
use twinlease::durable::Recovered;
use twinlease::endpoint::config::{MAX_RELATIONSHIP_NAME, MIN_RECEIVE_TIMER};
use twinlease::endpoint::{ConfigError, FailoverEndpoint, RelationshipConfig};
use twinlease::time::{Instant, Now, UnixTime};

use crate::support::{START, address, config};

/// The error that a change to a good configuration leads to, as text; empty if there is none.
fn refusal(change: impl FnOnce(&mut RelationshipConfig)) -> String {
    let mut relationship = config(Role::Primary, 20);
    change(&mut relationship);
    made(relationship, Recovered::default())
        .map_or_else(|error| error.to_string(), |()| String::new())
}

fn made(relationship: RelationshipConfig, recovered: Recovered) -> Result<(), ConfigError> {
    let now = Now { monotonic: Instant::from_micros(0), wall: UnixTime(START) };
    FailoverEndpoint::new(relationship, recovered, now).map(drop)
}

#[test]
fn a_name_has_1_to_255_octets() {
    assert_eq!(refusal(|c| c.name = "n".repeat(MAX_RELATIONSHIP_NAME)), "");
    let long = refusal(|c| c.name = "n".repeat(MAX_RELATIONSHIP_NAME + 1));
    assert_eq!(long, "the relationship-name has 256 octets; 1 to 255 are allowed");
    let empty = refusal(|c| c.name.clear());
    assert_eq!(empty, "the relationship-name has 0 octets; 1 to 255 are allowed");
}

#[test]
fn the_receive_timer_has_a_least_value() {
    assert_eq!(refusal(|c| c.receive_timer = MIN_RECEIVE_TIMER), "");
    let short = refusal(|c| c.receive_timer = MIN_RECEIVE_TIMER - 1);
    assert_eq!(
        short,
        "max-response-delay is 2; at least 3 seconds are needed, 15 or more are sensible"
    );
}

#[test]
fn at_least_one_update_may_be_unacknowledged() {
    assert_eq!(refusal(|c| c.max_unacked_bndupd = 1), "");
    let none = refusal(|c| c.max_unacked_bndupd = 0);
    assert_eq!(none, "max-unacked-updates is 0; it must be at least 1");
}

/// Holds: FO-5.2.1-12.
#[test]
fn the_mclt_is_at_least_a_second() {
    assert_eq!(refusal(|c| c.mclt = Mclt(1)), "");
    assert_eq!(refusal(|c| c.mclt = Mclt(0)), "mclt is 0; it must be at least 1 second");
}

#[test]
fn ranges_do_not_overlap() {
    let overlap = refusal(|c| c.ranges.push(AddressRange::new(address(29), address(40)).unwrap()));
    assert!(overlap.starts_with("the address ranges cannot be used: "), "{overlap}");
}
