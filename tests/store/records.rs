//! Whatever stands in a record, the outcome is data or a typed error.

use twinlease::durable::EndpointRecord;
use twinlease::store::record::{
    binding_key, decode_binding, decode_endpoint, encode_binding, encode_endpoint,
};
use twinlease::store::{OwnerId, RecordError};
use twinlease::time::UnixTime;

use crate::samples::{address, binding, carrying, endpoint};

const OWNER: OwnerId = OwnerId(0x0102);

fn binding_octets() -> Vec<u8> {
    let mut octets = Vec::new();
    encode_binding(OWNER, &binding(4), &mut octets);
    octets
}

fn endpoint_octets() -> Vec<u8> {
    let mut octets = Vec::new();
    encode_endpoint(OWNER, &endpoint(), &mut octets);
    octets
}

#[test]
fn a_binding_record_is_written_as_the_format_says() {
    let expected = [
        &[1, 2, 6, 1, 6, 7, 0x80, 0x03][..],
        &1_700_000_001u32.to_be_bytes(),
        &1_700_000_002u32.to_be_bytes(),
        &1_700_000_003u32.to_be_bytes(),
        &1_700_000_004u32.to_be_bytes(),
        &1_700_000_005u32.to_be_bytes(),
        &1_700_000_006u32.to_be_bytes(),
        &[0, 12, 1, 2, 3, 4],
        &[1, 0, 12, 1, 2, 3, 4],
    ]
    .concat();
    assert_eq!(binding_octets().split_last_chunk::<4>().unwrap().0, expected);
}

#[test]
fn an_endpoint_record_is_written_as_the_format_says() {
    let expected = [
        &[3, 4, 2, 254, 1 + 4 + 8 + 16, 0, 0, 0][..],
        &1_700_000_011u32.to_be_bytes(),
        &1_700_000_012u32.to_be_bytes(),
        &1_700_000_013u32.to_be_bytes(),
        &1_700_000_014u32.to_be_bytes(),
        &3600u32.to_be_bytes(),
        &endpoint().hash_bucket_assignment.unwrap(),
        &0x6553_f109u32.to_be_bytes(),
        &1_700_000_015u32.to_be_bytes(),
        &0u32.to_be_bytes(),
    ]
    .concat();
    assert_eq!(endpoint_octets().split_last_chunk::<4>().unwrap().0, expected);
}

#[test]
fn an_endpoint_record_has_the_lowest_version_that_holds_its_times() {
    let connected = endpoint().last_connect_time;
    let unsure = endpoint().unsure_before;
    for (last_connect_time, unsure_before, version, length) in [
        (None, UnixTime::ABSENT, 1, 64),
        (connected, UnixTime::ABSENT, 2, 68),
        (None, unsure, 3, 76),
        (connected, unsure, 3, 76),
    ] {
        let record = EndpointRecord { last_connect_time, unsure_before, ..endpoint() };
        let mut octets = Vec::new();
        encode_endpoint(OWNER, &record, &mut octets);
        assert_eq!((octets[0], octets.len()), (version, length));
        assert_eq!(decode_endpoint(OWNER, &octets), Ok(record));
    }
}

#[test]
fn an_endpoint_record_in_maintenance_is_written_as_version_3() {
    let mut octets = Vec::new();
    let record = EndpointRecord {
        unsure_before: UnixTime::ABSENT,
        maintenance_until: Some(UnixTime(0x6553_f10f)),
        ..endpoint()
    };
    encode_endpoint(OWNER, &record, &mut octets);
    assert_eq!((octets[0], octets.len()), (3, 76));
    assert_eq!(octets[60..72], [0x65, 0x53, 0xf1, 0x09, 0, 0, 0, 0, 0x65, 0x53, 0xf1, 0x0f]);
    for bit in 0..octets.len() * 8 {
        let mut damaged = octets.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        assert!(decode_endpoint(OWNER, &damaged).is_err(), "bit {bit}");
    }
}

#[test]
fn every_flipped_bit_of_a_binding_record_is_noticed() {
    let key = binding_key(OWNER, address(4));
    let octets = binding_octets();
    assert_eq!(decode_binding(key, &octets), Ok(binding(4)));
    for bit in 0..octets.len() * 8 {
        let mut damaged = octets.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        assert!(decode_binding(key, &damaged).is_err(), "bit {bit}");
    }
}

#[test]
fn every_flipped_bit_of_an_endpoint_record_is_noticed() {
    let octets = endpoint_octets();
    assert_eq!(decode_endpoint(OWNER, &octets), Ok(endpoint()));
    for bit in 0..octets.len() * 8 {
        let mut damaged = octets.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        assert!(decode_endpoint(OWNER, &damaged).is_err(), "bit {bit}");
    }
}

#[test]
fn every_other_length_of_a_record_is_noticed() {
    let key = binding_key(OWNER, address(4));
    for (octets, is_binding) in [(binding_octets(), true), (endpoint_octets(), false)] {
        for len in 0..octets.len() {
            let cut = &octets[..len];
            assert!(if is_binding {
                decode_binding(key, cut).is_err()
            } else {
                decode_endpoint(OWNER, cut).is_err()
            });
        }
        let longer = [octets.as_slice(), &[0]].concat();
        assert!(if is_binding {
            decode_binding(key, &longer).is_err()
        } else {
            decode_endpoint(OWNER, &longer).is_err()
        });
    }
}

#[test]
fn a_record_in_the_place_of_another_address_is_noticed() {
    let error = decode_binding(binding_key(OWNER, address(5)), &binding_octets()).unwrap_err();
    assert!(matches!(error, RecordError::Checksum { .. }), "{error}");
}

#[test]
fn a_record_of_a_newer_version_is_named_as_such() {
    let mut octets = binding_octets();
    octets[0] = 9;
    let error = decode_binding(binding_key(OWNER, address(4)), &octets).unwrap_err();
    assert_eq!(error, RecordError::Version { found: 9 });
}

#[test]
fn a_binding_record_that_carries_something_is_written_as_the_format_says() {
    let mut octets = Vec::new();
    encode_binding(OWNER, &carrying(4), &mut octets);
    let plain = binding_octets();
    let behind = plain.len() - 4;
    assert_eq!(octets[0], 2);
    assert_eq!(octets[1..behind], plain[1..behind]);
    let carried = [
        &[0, 7, 0, 10][..],
        &[99, 130, 83, 99, 12, 1, 4],
        &[99, 130, 83, 99, 58, 4, 0, 0, 1, 44],
        &[0, 7],
        b"\x04host\x07example\x00",
    ]
    .concat();
    assert_eq!(octets[behind..octets.len() - 4], carried);
}

#[test]
fn every_flipped_bit_of_a_binding_record_that_carries_something_is_noticed() {
    let mut octets = Vec::new();
    encode_binding(OWNER, &carrying(4), &mut octets);
    for bit in 0..octets.len() * 8 {
        let mut damaged = octets.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        assert!(decode_binding(binding_key(OWNER, address(4)), &damaged).is_err(), "bit {bit}");
    }
}
