//! Whose a client is, against what live dhcpd pairs decided for 10,000 client identifiers at each of
//! seven splits (`pcaps/README.md` describes the fixtures).
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

use std::collections::HashSet;
use std::path::Path;

use twinlease::balance::{HashBuckets, Role};
use twinlease::wire::Dialect;

const IDENTIFIERS: u32 = 10_000;

/// Client identifier number `serial`, 1 to 32 octets, by the recipe of the fixtures.
fn identifier(serial: u32) -> Vec<u8> {
    let length = if serial < 8192 { 1 + serial % 32 } else { 2 + serial % 31 };
    let mut octets = vec![(serial >> 5).to_le_bytes()[0]];
    let mut x = (serial + 1).wrapping_mul(2_654_435_761);
    for _ in 1..length {
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
        octets.push(x.to_be_bytes()[0]);
    }
    octets
}

/// Who answered each identifier.
fn recorded(split: u16) -> Vec<Role> {
    let path = format!("pcaps/splits/split-{split}.txt");
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap();
    let answers = text.lines().filter(|line| !line.starts_with('#')).flat_map(str::chars);
    answers
        .map(|letter| match letter {
            'p' => Role::Primary,
            's' => Role::Secondary,
            other => panic!("{other:?} is neither p nor s"),
        })
        .collect()
}

fn assert_agrees_with_dhcpd(split: u16) {
    let recorded = recorded(split);
    assert_eq!(recorded.len(), IDENTIFIERS as usize);
    let buckets = HashBuckets::from_split(split).unwrap();
    // The secondary decides by what the primary sent it.
    let received = HashBuckets::from_wire(&buckets.to_wire(Dialect::Isc), Dialect::Isc).unwrap();
    for (serial, role) in (0..IDENTIFIERS).zip(recorded) {
        let key = identifier(serial);
        assert_eq!(buckets.role_for(&key), role, "identifier {serial} {key:02x?}");
        assert_eq!(received.role_for(&key), role, "identifier {serial} on the secondary");
    }
}

#[test]
fn at_split_0_the_secondary_answers_everybody_as_with_dhcpd() {
    assert_agrees_with_dhcpd(0);
}

#[test]
fn at_split_1_one_bucket_is_the_primarys_as_with_dhcpd() {
    assert_agrees_with_dhcpd(1);
}

#[test]
fn at_split_64_every_identifier_has_the_server_it_has_with_dhcpd() {
    assert_agrees_with_dhcpd(64);
}

#[test]
fn at_split_128_every_identifier_has_the_server_it_has_with_dhcpd() {
    assert_agrees_with_dhcpd(128);
}

#[test]
fn at_split_192_every_identifier_has_the_server_it_has_with_dhcpd() {
    assert_agrees_with_dhcpd(192);
}

#[test]
fn at_split_255_one_bucket_is_the_secondarys_as_with_dhcpd() {
    assert_agrees_with_dhcpd(255);
}

#[test]
fn at_split_256_the_primary_answers_everybody_as_with_dhcpd() {
    assert_agrees_with_dhcpd(256);
}

#[test]
fn the_identifiers_are_those_that_dhcpd_was_asked_with() {
    assert_eq!(identifier(3), [0x00, 0x44, 0x13, 0x0d]);
    assert_eq!(identifier(33), [0x01, 0x0b]);
    let last = identifier(9999);
    assert_eq!((last.len(), &last[..4]), (19, &[0x38, 0xcd, 0x47, 0xad][..]));
    let distinct: HashSet<_> = (0..IDENTIFIERS).map(identifier).collect();
    assert_eq!(distinct.len(), IDENTIFIERS as usize);
}
