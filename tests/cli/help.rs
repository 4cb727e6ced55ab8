//! Every command says what it is for and gives an example; wrong usage is exit code 2.

use super::support::run;

/// Commands that print data.
const PRINTING: &[&[&str]] = &[
    &["check"],
    &["status"],
    &["leases"],
    &["partner-down"],
    &["shutdown"],
    &["forget-connect-time"],
    &["pause"],
    &["maintenance"],
    &["resynchronise"],
    &["rebalance"],
    &["reset"],
    &["why"],
    &["relationship", "list"],
    &["relationship", "show"],
    &["relationship", "create"],
    &["relationship", "modify"],
    &["relationship", "remove"],
    &["scope", "list"],
    &["scope", "add"],
    &["scope", "remove"],
    &["scope", "move"],
    &["scope", "replicate"],
    &["reservation", "list"],
    &["reservation", "set"],
    &["reservation", "remove"],
    &["drift"],
    &["reload"],
    &["demo"],
    &["pcap", "decode"],
    &["bench", "clients"],
];

fn commands() -> impl Iterator<Item = &'static [&'static str]> {
    PRINTING.iter().copied().chain([&["serve"][..]])
}

#[test]
fn every_command_has_help_with_an_example() {
    for command in commands() {
        let (code, out, _) = run(command.iter().chain(&["--help"]));
        assert_eq!(code, 0, "{command:?}");
        let example = format!("\n  twinlease {}", command.join(" "));
        assert!(out.contains(&example), "{command:?}: no example in\n{out}");
    }
}

#[test]
fn every_command_has_a_manual_page_with_its_example() {
    let directory = tempfile::tempdir().unwrap();
    let (code, _, err) = run(["man", directory.path().to_str().unwrap()]);
    assert_eq!((code, err.as_str()), (0, ""));
    for command in commands() {
        let name = format!("twinlease-{}.1", command.join("-"));
        let page = std::fs::read_to_string(directory.path().join(&name)).unwrap();
        let example = format!("twinlease {}", command.join(" "));
        assert!(page.replace("\\-", "-").contains(&example), "{name}: {page}");
    }
    assert!(directory.path().join("twinlease.1").exists());
}

#[test]
fn the_configuration_of_the_package_is_right() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/contrib/debian/twinlease.toml");
    let (code, _, err) = run(["check", "--config", file]);
    assert_eq!(code, 0, "{err}");
}

#[test]
fn every_command_that_prints_data_has_json() {
    for command in PRINTING {
        let (_, out, _) = run(command.iter().chain(&["--help"]));
        assert!(out.contains("--json"), "{command:?}");
    }
}

#[test]
fn the_help_of_the_whole_names_every_command_and_the_exit_codes() {
    let (code, out, _) = run(["--help"]);
    assert_eq!(code, 0);
    for command in commands() {
        assert!(out.contains(&format!("\n  {} ", command[0])), "{command:?}");
    }
    assert!(out.contains("Exit codes: 0 all is well, 1 it failed, 2"));
}

#[test]
fn the_version_is_that_of_the_package() {
    let expected = format!("twinlease {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(run(["--version"]), (0, expected, String::new()));
}

#[test]
fn wrong_usage_is_exit_code_2() {
    for wrong in [&["nonsense"][..], &["check"], &["status", "--nonsense"], &["partner-down"], &[]]
    {
        assert_eq!(run(wrong).0, 2, "{wrong:?}");
    }
}

#[test]
fn a_server_that_cannot_be_reached_is_exit_code_1_and_said_so() {
    // Port 1 of loopback: nothing listens there.
    for command in [
        &["status"][..],
        &["leases"],
        &["partner-down", "x"],
        &["shutdown", "x"],
        &["forget-connect-time", "x"],
    ] {
        let (code, out, err) = run(command.iter().chain(&["--admin", "127.0.0.1:1"]));
        assert_eq!((code, out.as_str()), (1, ""), "{command:?}");
        let beginning = "twinlease: cannot reach a twinlease server at http://127.0.0.1:1: ";
        assert!(err.starts_with(beginning), "{err}");
    }
}
