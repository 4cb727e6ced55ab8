//! One line for a message.

use twinlease::wire::Frame;
use twinlease::wire::pretty::{Line, printable};

use crate::octets::message;

fn line(message_type: u8, payload: &str) -> String {
    Line(Frame::parse(&message(message_type, payload)).unwrap()).to_string()
}

#[test]
fn a_message_without_options_is_its_header() {
    assert_eq!(line(11, ""), "contact xid 7 time 1700000000 length 12");
}

#[test]
fn an_update_shows_its_values() {
    assert_eq!(
        line(
            3,
            "0002 0004 0a140039 0003 0001 02 0005 0007 0102005e100001 000d 0004 6553f808
             000c 0002 0003 0004 0002 ff01"
        ),
        "bndupd xid 7 time 1700000000 length 56: assigned-IP-address 10.20.0.57, \
         binding-status active, client-hardware-address 01:02:00:5e:10:00:01, \
         lease-expiration-time 1700001800, IP-flags 0x3 reserved bootp, client-identifier ff01"
    );
}

#[test]
fn a_state_shows_its_name_and_flag() {
    assert_eq!(
        line(10, "0018 0001 fe 0017 0001 01 0019 0004 00000001"),
        "state xid 7 time 1700000000 length 30: server-state recover-wait, \
         server-flags 0x1 startup, start-time-of-state 1"
    );
}

#[test]
fn values_without_a_name_are_numbers() {
    assert_eq!(
        line(10, "0018 0001 0c 0003 0001 08 0063 0002 abcd"),
        "state xid 7 time 1700000000 length 28: server-state 12, binding-status 8, \
         option-99 abcd"
    );
}

#[test]
fn text_is_quoted_and_anything_else_hexadecimal() {
    assert_eq!(
        line(12, "0015 0001 07 0010 0002 6869 0010 0002 000a"),
        "disconnect xid 7 time 1700000000 length 29: reject-reason 7 (duplicate connection), \
         message \"hi\", message 000a"
    );
}

#[test]
fn intervals_have_a_unit() {
    assert_eq!(
        line(5, "000f 0004 00000e10 0014 0001 01"),
        "connect xid 7 time 1700000000 length 25: MCLT 3600s, protocol-version 1"
    );
}

#[test]
fn what_is_wrong_stands_where_it_is() {
    assert_eq!(
        line(10, "0018 0002 0202 0017"),
        "state xid 7 time 1700000000 length 20: server-state 0202 (wrong length), malformed: \
         octet 18: the message ends after 2 octets of an option; code and length need 4"
    );
}

#[test]
fn an_unknown_type_is_a_number() {
    assert_eq!(line(200, ""), "type 200 xid 7 time 1700000000 length 12");
}

#[test]
fn control_characters_are_not_printable() {
    assert_eq!(printable(b"isc-4.4"), Some("isc-4.4"));
    assert_eq!(printable("b\u{fc}ro".as_bytes()), Some("b\u{fc}ro"));
    assert_eq!(printable(b"a\x1bb"), None);
    assert_eq!(printable(b"a\xff"), None);
}
