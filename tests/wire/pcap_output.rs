//! Lines and JSON.

use serde_json::{Value, json};
use twinlease::pcap::render::{write_json, write_line};

use crate::capture_file::{ethernet_pcap, segment, syn};
use crate::octets::message;
use crate::pcap_files::read;

/// The line and the JSON object for a message with these options.
fn output(message_type: u8, payload: &str) -> (String, Value) {
    let octets = message(message_type, payload);
    let (entries, outcome) = read(ethernet_pcap(&[syn(0), segment(1, &octets)]).as_slice());
    outcome.unwrap();
    let (mut line, mut json) = (Vec::new(), Vec::new());
    write_line(&entries[0], &mut line).unwrap();
    write_json(&entries[0], &mut json).unwrap();
    assert_eq!(json.iter().position(|octet| *octet == b'\n'), Some(json.len() - 1));
    (String::from_utf8(line).unwrap(), serde_json::from_slice(&json).unwrap())
}

#[test]
fn a_message_is_one_json_object_with_these_keys() {
    let (_, json) = output(10, "0018 0001 02 0017 0001 01 0019 0004 6553f100");
    assert_eq!(
        json,
        json!({
            "frame": 2,
            "time": 1_001.000_005,
            "src": "10.0.0.1:647",
            "dst": "10.0.0.2:40000",
            "type": "state",
            "type-code": 10,
            "xid": 7,
            "options": [
                {"code": 24, "name": "server-state", "value": "normal"},
                {"code": 23, "name": "server-flags", "value": 1},
                {"code": 25, "name": "start-time-of-state", "value": 1_700_000_000},
            ],
            "errors": [],
        })
    );
}

#[test]
fn the_keys_stand_in_their_documented_order() {
    let octets = message(11, "");
    let (entries, _) = read(ethernet_pcap(&[syn(0), segment(1, &octets)]).as_slice());
    let mut json = Vec::new();
    write_json(&entries[0], &mut json).unwrap();
    assert_eq!(
        String::from_utf8(json).unwrap(),
        "{\"frame\":2,\"time\":1001.000005,\"src\":\"10.0.0.1:647\",\"dst\":\"10.0.0.2:40000\",\
         \"type\":\"contact\",\"type-code\":11,\"xid\":7,\"options\":[],\"errors\":[]}\n"
    );
}

/// The JSON value of an option.
fn value(option: &str) -> Value {
    output(200, option).1["options"][0]["value"].clone()
}

#[test]
fn every_form_of_value() {
    for (option, expected) in [
        ("0001 0004 00000005", json!(5)),
        ("0002 0004 0a140039", json!("10.20.0.57")),
        ("0003 0001 02", json!("active")),
        ("0003 0001 08", json!(8)),
        ("0004 0003 0a14ff", json!("0a14ff")),
        ("0005 0007 0102005e100001", json!("01:02:00:5e:10:00:01")),
        ("0006 0004 00000001", json!(1)),
        ("0009 0003 000100", json!("000100")),
        ("000a 0001 05", json!(5)),
        ("000b 0002 ff00", json!("ff00")),
        ("000c 0002 0003", json!(3)),
        ("000f 0004 00000e10", json!(3600)),
        ("0010 0002 6869", json!("hi")),
        ("0010 0002 000a", json!("000a")),
        ("0011 0002 01ff", json!("01ff")),
        ("0014 0001 01", json!(1)),
        ("0015 0001 0f", json!(15)),
        ("0016 0002 7831", json!("x1")),
        ("0018 0001 fe", json!("recover-wait")),
        ("0018 0001 0c", json!(12)),
        ("001b 0001 00", json!(0)),
        ("001c 000c 6973632d342e342e332d5031", json!("isc-4.4.3-P1")),
        ("0063 0002 abcd", json!("abcd")),
        ("0003 0002 0203", json!("0203")),
    ] {
        assert_eq!(value(option), expected, "{option}");
    }
}

#[test]
fn a_type_without_a_name_is_unknown() {
    let (_, json) = output(200, "");
    assert_eq!((&json["type"], &json["type-code"]), (&json!("unknown"), &json!(200)));
}

#[test]
fn errors_stand_beside_the_options_that_can_be_read() {
    let (line, json) = output(10, "0018 0001 02 0017 0002 0101");
    assert_eq!(
        json["errors"],
        json!(["option 23 (server-flags) at octet 17: the value has 2 octets; it must have 1"])
    );
    assert_eq!(json["options"][1], json!({"code": 23, "name": "server-flags", "value": "0101"}));
    assert_eq!(
        line,
        "2 1001.000005 10.0.0.1:647 > 10.0.0.2:40000: state xid 7 time 1700000000 length 23: \
         server-state normal, server-flags 0101 (wrong length) [option 23 (server-flags) at \
         octet 17: the value has 2 octets; it must have 1]\n"
    );
}

#[test]
fn a_gap_has_no_type_and_one_error() {
    let first = message(11, "");
    let packets = [syn(0), segment(1, &first), segment(14, &first)];
    let (entries, _) = read(ethernet_pcap(&packets).as_slice());
    let mut json = Vec::new();
    write_json(&entries[1], &mut json).unwrap();
    let json: Value = serde_json::from_slice(&json).unwrap();
    assert_eq!(
        (&json["frame"], &json["type"], &json["type-code"], &json["xid"]),
        (&json!(3), &Value::Null, &Value::Null, &Value::Null)
    );
    assert_eq!(json["errors"].as_array().unwrap().len(), 1);
}
