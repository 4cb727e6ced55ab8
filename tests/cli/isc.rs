//! `twinlease isc`.

use std::path::Path;

use super::support::run;

/// A server that never ran; its configuration and its directory.
fn server() -> (tempfile::TempDir, String) {
    let dir = tempfile::tempdir().unwrap();
    let config = format!(
        r#"data-dir = "{}/data"
[[relationship]]
name = "office-lan"
role = "secondary"
address = "10.78.0.2"
peer-address = "10.78.0.1"
[[subnet]]
network = "10.78.0.0/24"
[[subnet.pool]]
range = "10.78.0.20-10.78.0.119"
relationship = "office-lan"
"#,
        dir.path().display()
    );
    let file = dir.path().join("twinlease.toml");
    std::fs::write(&file, config).unwrap();
    let file = file.to_str().unwrap().to_owned();
    (dir, file)
}

fn leases(directory: &Path, text: &str) -> String {
    let file = directory.join("dhcpd.leases");
    std::fs::write(&file, text).unwrap();
    file.to_str().unwrap().to_owned()
}

const FILE: &str = r#"
failover peer "office-lan" state {
  my state normal at 5 2026/11/20 13:07:17;
  partner state normal at 5 2026/11/20 13:07:17;
  mclt 60;
}
lease 10.78.0.20 {
  starts 5 2026/11/20 13:07:17;
  ends never;
  tstp never;
  tsfp never;
  atsfp never;
  cltt 5 2026/11/20 13:07:17;
  binding state active;
  next binding state expired;
  hardware ethernet 00:0c:01:02:03:04;
}
lease 10.99.0.1 {
  binding state free;
}
"#;

#[test]
fn an_import_says_what_it_took_and_what_it_left_out() {
    let (dir, config) = server();
    let file = leases(dir.path(), FILE);
    let (code, out, err) =
        run(["isc", "import-leases", "--config", &config, &file, "--trust-states"]);
    assert_eq!((code, out), (0, "office-lan: bindings 1, state normal since 1795180037\n".into()));
    assert_eq!(err, "twinlease: leases in no pool, left out: 1, the first is 10.99.0.1\n");
}

#[test]
fn without_trust_an_import_begins_in_recover() {
    let (dir, config) = server();
    let file = leases(dir.path(), FILE);
    let (code, out, _) = run(["isc", "import-leases", "--config", &config, &file]);
    assert_eq!(code, 0);
    assert!(out.starts_with("office-lan: bindings 1, state recover since "), "{out}");
}

#[test]
fn what_was_imported_is_exported() {
    let (dir, config) = server();
    let file = leases(dir.path(), FILE);
    run(["isc", "import-leases", "--config", &config, &file, "--trust-states"]);
    let (code, out, err) = run(["isc", "export-leases", "--config", &config]);
    let (_, expected) = FILE.split_at(1);
    let (expected, _) = expected.split_once("lease 10.99").unwrap();
    let expected = format!("authoring-byte-order little-endian;\n\n{expected}");
    assert_eq!((code, out, err), (0, expected, String::new()));
}

#[test]
fn a_server_that_never_ran_has_nothing_to_export() {
    let (_dir, config) = server();
    let (code, out, err) = run(["isc", "export-leases", "--config", &config]);
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(err.ends_with("holds nothing\n"), "{err}");
}

#[test]
fn a_second_import_is_refused() {
    let (dir, config) = server();
    let file = leases(dir.path(), FILE);
    run(["isc", "import-leases", "--config", &config, &file]);
    let (code, out, err) = run(["isc", "import-leases", "--config", &config, &file]);
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(err.contains("is not empty: move it away first"), "{err}");
}

#[test]
fn a_damaged_file_is_exit_code_1_with_its_place() {
    let (dir, config) = server();
    let file = leases(dir.path(), "lease 10.78.0.20 {\n  ends soon;\n}\n");
    let (code, out, err) = run(["isc", "import-leases", "--config", &config, &file]);
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(err.starts_with(&format!("twinlease: {file}:2:8: soon is no date")), "{err}");
}

#[test]
fn a_configuration_for_dhcpd_is_printed_for_either_half() {
    let (_dir, config) = server();
    for (option, role) in [(None, "secondary"), (Some("--partner"), "primary")] {
        let arguments = ["isc", "dhcpd-conf", "--config", &config];
        let (code, out, _) = run(arguments.into_iter().chain(option));
        assert_eq!(code, 0);
        assert!(out.contains(&format!("failover peer \"office-lan\" {{\n  {role};\n")), "{out}");
    }
}
