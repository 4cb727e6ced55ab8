//! Damaged and hostile files: a value or an error with its place, never a panic.

use twinlease::isc::LeaseFile;

use crate::lease_file::FILE;

fn error(text: &str) -> String {
    LeaseFile::read(text.as_bytes()).unwrap_err().to_string()
}

#[test]
fn a_file_cut_off_anywhere_is_read_or_refused() {
    for end in 0..FILE.len() {
        drop(LeaseFile::read(&FILE.as_bytes()[..end]));
    }
}

#[test]
fn a_file_with_any_octet_changed_is_read_or_refused() {
    for position in 0..FILE.len() {
        for octet in [0, b'\n', b'"', b'\\', b'{', b'}', b';', b'#', b'9', 0xff] {
            let mut octets = FILE.as_bytes().to_vec();
            octets[position] = octet;
            drop(LeaseFile::read(&octets));
        }
    }
}

#[test]
fn nested_blocks_cost_no_stack() {
    let deep = format!("x {}{}", "{".repeat(200_000), "}".repeat(200_000));
    assert_eq!(LeaseFile::read(deep.as_bytes()), Ok(LeaseFile::default()));
}

#[test]
fn an_unfinished_entry_is_named_by_the_line_in_which_it_begins() {
    let said = error("\nlease 10.0.0.1 {\n  starts 5 2026");
    let expected =
        "3:16: the file ends inside the entry that begins in line 2; remove what there is of it";
    assert_eq!(said, expected);
}

#[test]
fn a_mistake_is_named_with_line_and_column() {
    for (text, expected) in [
        ("lease 10.0.0 {\n}\n", "1:7: 10.0.0 is no IPv4 address"),
        (
            "lease 10.0.0.1 {\n  ends 8 2026/11/20 13:07:17;\n}\n",
            "2:8: 8 2026/11/20 13:07:17 is no date; write \"5 2026/11/20 13:07:17\", \
             \"epoch 1795180037\" or \"never\"",
        ),
        (
            "lease 10.0.0.1 {\n  binding state lost;\n}\n",
            "2:17: lost is no binding state; there are free, active, expired, released, abandoned, \
             reset, backup",
        ),
        (
            "lease 10.0.0.1 {\n  hardware ethernet 00:zz;\n}\n",
            "2:12: ethernet 00:zz is no hardware address; write \"ethernet 00:0c:01:02:03:04\"",
        ),
        ("lease 10.0.0.1 {\n  uid \"\";\n}\n", "2:7: a client identifier has 1 to 255 octets"),
        ("lease 10.0.0.1 {\n  uid \"a;\n}\n", "2:7: this string has no closing quote"),
        ("lease 10.0.0.1 {\n  uid \"\\777\";\n}\n", "2:9: \\777 is no octet; write \\000 to \\377"),
        ("failover peer \"x\" state {\n  mclt soon;\n}\n", "2:3: soon is no number of seconds"),
        (
            "failover peer \"x\" state {\n  my state startup at never;\n}\n",
            "2:12: startup is no failover state",
        ),
        ("}", "1:1: \"}\" stands where an entry belongs"),
    ] {
        assert_eq!(error(text), expected);
    }
}
