//! `twinlease pcap decode`.

use super::support::run;

/// A little-endian pcap of Ethernet without any packet.
const EMPTY: &[u8] =
    &[0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0];

#[test]
fn a_capture_without_packets_prints_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("empty.pcap");
    std::fs::write(&file, EMPTY).unwrap();
    let arguments = ["pcap", "decode", file.to_str().unwrap(), "--json"];
    assert_eq!(run(arguments), (0, String::new(), String::new()));
}

#[test]
fn every_line_of_json_is_an_object_with_the_keys_of_the_contract() {
    let capture = first_capture();
    let (code, out, err) = run(["pcap", "decode", &capture, "--json"]);
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(out.lines().count() > 10);
    for line in out.lines() {
        let message: serde_json::Value = serde_json::from_str(line).unwrap();
        let mut keys: Vec<_> = message.as_object().unwrap().keys().map(String::as_str).collect();
        keys.sort_unstable();
        let expected =
            ["dst", "errors", "frame", "options", "src", "time", "type", "type-code", "xid"];
        assert_eq!(keys, expected);
    }
}

#[test]
fn a_file_that_is_no_capture_is_exit_code_1_and_named() {
    let (code, out, err) = run(["pcap", "decode", "Cargo.toml"]);
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(err.starts_with("twinlease: Cargo.toml: "), "{err}");
}

#[test]
fn a_file_that_is_not_there_is_exit_code_1_and_named() {
    let (code, _, err) = run(["pcap", "decode", "/nonexistent.pcap"]);
    assert_eq!(code, 1);
    assert!(err.starts_with("twinlease: /nonexistent.pcap: "), "{err}");
}

fn first_capture() -> String {
    let mut captures: Vec<_> = std::fs::read_dir("pcaps")
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "pcap"))
        .collect();
    captures.sort();
    captures.first().unwrap().to_str().unwrap().to_owned()
}
