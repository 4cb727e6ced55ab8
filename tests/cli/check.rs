//! `twinlease check`: every kind of mistake with its line, column, key, and both sentences.

use std::path::Path;

use super::support::run;

/// Everything that a file may have, all of it right.
const FULL: &str = r#"data-dir = "/var/lib/twinlease"

[admin]
listen = "127.0.0.1:8067"

[dhcp]
interfaces = ["eth0"]
listen = ["127.0.0.1:6767"]
authoritative = true
ping-check = false

[[relationship]]
name = "office-lan"
role = "primary"
address = "10.78.0.1"
port = 647
peer-address = "10.78.0.2"
peer-port = 647
max-response-delay = 30
max-unacked-updates = 10
mclt = "1h"
split = 128
load-balance-max-seconds = 3
auto-partner-down = 0
dialect = "isc"

[[subnet]]
network = "10.78.0.0/24"
default-lease-time = 600
max-lease-time = 7200
options = { routers = ["10.78.0.3"], domain-name-servers = ["10.78.0.3"], domain-name = "example.net" }

[[subnet.pool]]
range = "10.78.0.20-10.78.0.119"
relationship = "office-lan"

[[subnet.reservation]]
hw-address = "00:0c:01:02:03:04"
address = "10.78.0.30"
"#;

/// Runs `check` on a text; the path of the file is cut out of what it prints.
fn check(text: &str) -> (i32, String, String) {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("t.toml");
    std::fs::write(&file, text).unwrap();
    let (code, out, err) = run([Path::new("check"), Path::new("--config"), &file]);
    let path = file.to_str().unwrap();
    (code, out.replace(path, "t.toml"), err.replace(path, "t.toml"))
}

/// The first line of each error of a text, without the name of the file.
fn errors(text: &str) -> Vec<String> {
    let (code, out, err) = check(text);
    assert_eq!((code, out.as_str()), (2, ""), "{err}");
    let errors = err.lines().filter_map(|line| line.strip_prefix("t.toml:"));
    let mut errors: Vec<String> = errors.map(str::to_owned).collect();
    // The last line counts them.
    let plural = if errors.len() == 2 { "" } else { "s" };
    assert_eq!(errors.pop().unwrap(), format!(" {} error{plural}", errors.len()));
    errors
}

/// Replaces a line of [`FULL`], which must be there, and expects exactly this one error.
#[track_caller]
fn refuses(line: &str, replacement: &str, expected: &str) {
    assert!(FULL.contains(line), "{line}");
    assert_eq!(errors(&FULL.replacen(line, replacement, 1)), [expected]);
}

#[test]
fn a_right_file_is_summed_up() {
    let (code, out, err) = check(FULL);
    assert_eq!((code, err.as_str()), (0, ""));
    assert_eq!(
        out,
        "t.toml: ok
  data       /var/lib/twinlease
  admin      127.0.0.1:8067
  clients    interface eth0, UDP 127.0.0.1:6767
  partner    isc \"office-lan\": primary at 10.78.0.1:647, partner at 10.78.0.2:647, 100 addresses
             known by its address alone: ISC dhcpd neither signs messages nor verifies them, and has no TLS
  subnet     10.78.0.0/24: 100 addresses in 1 pools, 1 reservations, leases of 60 to 7200 s
"
    );
}

#[test]
fn a_file_that_cannot_be_read_is_exit_code_1() {
    let (code, out, err) = run(["check", "--config", "/nonexistent.toml"]);
    assert_eq!((code, out.as_str()), (1, ""));
    assert_eq!(
        err,
        "twinlease: cannot read the configuration file /nonexistent.toml: \
         No such file or directory (os error 2)\n"
    );
}

#[test]
fn the_place_is_underlined() {
    let (_, _, err) = check(&FULL.replace("split = 128", "split = 300"));
    let expected = "\
t.toml:22:9: relationship.split: 300 is too large; a whole number from 0 to 256 is needed
  22 | split = 300
     |         ^^^
t.toml: 1 error
";
    assert_eq!(err, expected);
}

#[test]
fn all_errors_are_reported_at_once_in_the_order_of_the_file() {
    let text = FULL
        .replace("interfaces", "interface")
        .replace("role = \"primary\"", "role = \"first\"")
        .replace("network = \"10.78.0.0/24\"", "network = 7")
        .replace("max-unacked-updates = 10", "max-unacked-updates = 0");
    assert_eq!(
        errors(&text),
        [
            "7:1: dhcp.interface: \"interface\" is no key of [dhcp]; did you mean \"interfaces\"?",
            "14:8: relationship.role: \"first\" is not known here; \
             write \"primary\" or \"secondary\"",
            "20:23: relationship.max-unacked-updates: 0 is too small; \
             a whole number from 1 to 65535 is needed",
            "28:11: subnet.network: 7 is no network; \
             write address and prefix length in quotes: \"10.78.0.0/24\"",
        ]
    );
}

#[test]
fn json_gives_the_same_errors_as_values() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("t.toml");
    std::fs::write(&file, FULL.replace("split = 128", "split = 300")).unwrap();
    let (code, out, err) = run(["check", "--json", "--config", file.to_str().unwrap()]);
    assert_eq!((code, err.as_str()), (2, ""));
    let outcome: serde_json::Value = serde_json::from_str(&out).unwrap();
    let expected = serde_json::json!({"ok": false, "errors": [{
        "line": 22, "column": 9, "key": "relationship.split",
        "problem": "300 is too large", "fix": "a whole number from 0 to 256 is needed"
    }]});
    assert_eq!(outcome, expected);
}

#[test]
fn what_is_no_toml_is_placed() {
    refuses(
        "split = 128",
        "split = ",
        "22:9: string values must be quoted, expected literal string; \
         write it as TOML, see https://toml.io",
    );
}

#[test]
fn a_key_given_twice_is_refused() {
    refuses(
        "split = 128",
        "split = 128\nsplit = 129",
        "23:1: duplicate key; write it as TOML, see https://toml.io",
    );
}

#[test]
fn an_unknown_key_gets_the_nearest_known() {
    refuses(
        "split = 128",
        "splitt = 128",
        "22:1: relationship.splitt: \"splitt\" is no key of [relationship]; did you mean \"split\"?",
    );
}

#[test]
fn an_unknown_section_gets_the_nearest_known() {
    refuses(
        "[admin]\nlisten",
        "[admn]\nlisten",
        "3:2: admn: \"admn\" is no key of the file; did you mean \"admin\"?",
    );
}

#[test]
fn a_list_of_sections_needs_double_brackets() {
    let text = FULL
        .replace("[[relationship]]", "[relationship]")
        .replace("relationship = \"office-lan\"\n", "");
    assert_eq!(
        errors(&text),
        ["12:2: relationship: this has to be a list of sections; \
          write [[relationship]], in double brackets"]
    );
}

#[test]
fn a_missing_key_is_placed_at_its_section() {
    refuses(
        "peer-address = \"10.78.0.2\"\n",
        "",
        "12:1: relationship.peer-address: \"peer-address\" is missing in [relationship]; \
         add, for example: peer-address = \"10.78.0.2\"",
    );
}

#[test]
fn a_missing_data_dir_is_placed_at_the_beginning() {
    refuses(
        "data-dir = \"/var/lib/twinlease\"\n",
        "",
        "1:1: data-dir: \"data-dir\" is missing in the file; \
         add, for example: data-dir = \"/var/lib/twinlease\"",
    );
}

#[test]
fn an_address_must_be_ipv4() {
    refuses(
        "peer-address = \"10.78.0.2\"",
        "peer-address = \"fe80::1\"",
        "17:16: relationship.peer-address: \"fe80::1\" is no IPv4 address; \
         write an IPv4 address in quotes: \"10.78.0.1\"",
    );
}

#[test]
fn the_partner_cannot_be_this_server() {
    refuses(
        "peer-address = \"10.78.0.2\"",
        "peer-address = \"10.78.0.1\"",
        "17:16: relationship.peer-address: 10.78.0.1:647 is this server's own address and port; \
         write the partner's address",
    );
}

#[test]
fn a_port_must_fit() {
    refuses(
        "port = 647",
        "port = 70000",
        "16:8: relationship.port: 70000 is too large; a whole number from 1 to 65535 is needed",
    );
}

#[test]
fn a_heartbeat_has_to_come_twice_before_the_partner_counts_as_lost() {
    refuses(
        "max-response-delay = 30",
        "max-response-delay = 30\nheartbeat-interval = \"100ms\"\ncontact-lost-time = \"150ms\"",
        "21:21: relationship.contact-lost-time: a heartbeat of 100 ms does not come twice within 150 ms; \
         set heartbeat-interval to a third of it, on both servers",
    );
}

#[test]
fn a_contact_lost_time_needs_a_heartbeat() {
    refuses(
        "max-response-delay = 30",
        "max-response-delay = 30\ncontact-lost-time = \"2s\"",
        "20:21: relationship.contact-lost-time: a heartbeat of its default does not come twice within 2000 ms; \
         set heartbeat-interval to a third of it, on both servers",
    );
}

#[test]
fn a_contact_lost_time_under_100_milliseconds_is_refused() {
    refuses(
        "max-response-delay = 30",
        "max-response-delay = 30\nheartbeat-interval = \"20ms\"\ncontact-lost-time = \"50ms\"",
        "21:21: relationship.contact-lost-time: \"50ms\" is too short; at least \"100ms\" is needed",
    );
}

#[test]
fn a_response_delay_under_3_seconds_would_make_dhcpd_spin() {
    refuses(
        "max-response-delay = 30",
        "max-response-delay = 2",
        "19:22: relationship.max-response-delay: 2 is too short; \
         at least 3 seconds are needed, written as 30 or \"30s\"",
    );
}

#[test]
fn a_time_needs_a_unit_that_is_known() {
    refuses(
        "mclt = \"1h\"",
        "mclt = \"1 fortnight\"",
        "21:8: relationship.mclt: \"1 fortnight\" is no time; \
         write seconds as a whole number, or with units: 30 or \"30s\", \"1h30m\", \"1d\"",
    );
}

#[test]
fn a_hash_bucket_assignment_has_32_octets() {
    refuses(
        "split = 128",
        "hba = \"ff:00\"",
        "22:7: relationship.hba: the hash bucket assignment has 2 octets; \
         write 32 octets, \"ff:ff:...:00\"",
    );
}

#[test]
fn a_server_hba_has_32_octets() {
    refuses(
        "split = 128",
        "server-hba = \"ff:00\"",
        "22:14: relationship.server-hba: the hash bucket assignment has 2 octets; \
         write 32 octets, \"ff:ff:...:00\"",
    );
}

#[test]
fn a_secondary_has_a_server_hba_of_its_own() {
    let all = vec!["ff"; 32].join(":");
    let secondary = FULL
        .replace("role = \"primary\"", "role = \"secondary\"")
        .replace("mclt = \"1h\"\n", "")
        .replace("split = 128", &format!("server-hba = \"{all}\""));
    let (code, _, err) = check(&secondary);
    assert_eq!((code, err.as_str()), (0, ""));
}

/// Holds: FO-12.10-1.
#[test]
fn the_draft_has_one_octet_for_the_wait_of_a_client() {
    for seconds in [0, 256] {
        let expected = format!(
            "23:28: relationship.load-balance-max-seconds: the draft cannot tell the secondary \
             {seconds} seconds; write 1 to 255, or leave it out for 3"
        );
        let text = FULL
            .replace("dialect = \"isc\"", "dialect = \"draft\"")
            .replace("max-seconds = 3", &format!("max-seconds = {seconds}"));
        assert_eq!(errors(&text), [expected]);
    }
}

#[test]
fn split_and_hba_exclude_each_other() {
    let hba = vec!["ff"; 32].join(":");
    refuses(
        "split = 128",
        &format!("split = 128\nhba = \"{hba}\""),
        "23:1: relationship.hba: \"split\" and \"hba\" both divide the clients; \
         remove one of the two",
    );
}

#[test]
fn hot_standby_has_no_split() {
    refuses(
        "split = 128",
        "split = 128\nmode = \"hot-standby\"",
        "22:1: relationship.split: \"split\" has no meaning in hot standby, where the primary \
         answers all; remove it, or remove mode = \"hot-standby\"",
    );
}

#[test]
fn a_reserve_is_for_hot_standby() {
    refuses(
        "split = 128",
        "reserve-percent = 5",
        "22:1: relationship.reserve-percent: this has a meaning in hot standby only; \
         remove it, or add mode = \"hot-standby\"",
    );
}

#[test]
fn a_hot_standby_with_its_reserve_is_right() {
    let text = FULL.replace("split = 128", "mode = \"hot-standby\"\nreserve-percent = 5");
    assert_eq!(check(&text).0, 0);
}

#[test]
fn a_secondary_is_told_by_its_primary() {
    let text = FULL.replace("\"primary\"", "\"secondary\"");
    let decided = "is decided by the primary and told to the secondary; \
                   remove it here and set it in the primary's file";
    assert_eq!(
        errors(&text),
        [
            format!("21:1: relationship.mclt: \"mclt\" {decided}"),
            format!("22:1: relationship.split: \"split\" {decided}"),
        ]
    );
}

#[test]
fn a_dialect_must_be_known() {
    refuses(
        "dialect = \"isc\"",
        "dialect = \"kea\"",
        "25:11: relationship.dialect: \"kea\" is not known here; write \"isc\" or \"draft\"",
    );
}

/// Holds: FO-8.1-3.
#[test]
fn a_name_is_given_once() {
    let second = "[[relationship]]
name = \"office-lan\"
role = \"secondary\"
address = \"10.78.0.1\"
peer-address = \"10.78.0.9\"

[[subnet]]";
    refuses(
        "[[subnet]]",
        second,
        "28:8: relationship.name: \"office-lan\" is already the name of a relationship, in line 13; \
         give each relationship its own name",
    );
}

/// Holds: FO-8.2-15.
#[test]
fn two_machines_share_one_relationship() {
    let second = "[[relationship]]
name = \"other\"
role = \"secondary\"
address = \"10.78.0.1\"
peer-address = \"10.78.0.2\"

[[subnet]]";
    refuses(
        "[[subnet]]",
        second,
        "31:16: relationship.peer-address: 10.78.0.1 and 10.78.0.2 already share the relationship \
         \"office-lan\", in line 17; two machines share one relationship; give this one another \
         address pair, or put its pools into the first",
    );
}

#[test]
fn a_network_has_no_host_bits() {
    refuses(
        "network = \"10.78.0.0/24\"",
        "network = \"10.78.0.1/24\"",
        "28:11: subnet.network: 10.78.0.1 has bits behind its first 24; write \"10.78.0.0/24\"",
    );
}

#[test]
fn subnets_do_not_overlap() {
    refuses(
        "[[subnet]]",
        "[[subnet]]\nnetwork = \"10.78.0.0/16\"\n\n[[subnet]]",
        "31:11: subnet.network: 10.78.0.0/24 overlaps 10.78.0.0/16 in line 28; \
         give each subnet addresses of its own",
    );
}

#[test]
fn a_default_lease_is_not_longer_than_the_longest() {
    refuses(
        "max-lease-time = 7200",
        "max-lease-time = 500",
        "29:22: subnet.default-lease-time: default-lease-time 600 is above max-lease-time 500, \
         in line 30; write at most 500, or raise max-lease-time",
    );
}

#[test]
fn an_option_must_have_a_known_name() {
    refuses(
        "domain-name-servers =",
        "domain-name-server =",
        "31:38: subnet.options.domain-name-server: \"domain-name-server\" is no DHCP option; \
         did you mean \"domain-name-servers\"?",
    );
}

#[test]
fn an_option_must_have_its_type_and_the_wrong_element_is_placed() {
    refuses(
        "routers = [\"10.78.0.3\"]",
        "routers = [\"10.78.0.3\", \"10.78.0\"]",
        "31:37: subnet.options.routers: \"10.78.0\" is no IPv4 address; \
         write an IPv4 address in quotes: \"10.78.0.1\"",
    );
}

#[test]
fn a_pool_lies_in_its_subnet() {
    refuses(
        "range = \"10.78.0.20-10.78.0.119\"",
        "range = \"10.78.0.20-10.78.1.119\"",
        "34:9: subnet.pool.range: 10.78.0.20-10.78.1.119 lies outside the subnet 10.78.0.0/24; \
         use addresses from 10.78.0.0 to 10.78.0.255",
    );
}

#[test]
fn a_range_runs_upwards() {
    refuses(
        "range = \"10.78.0.20-10.78.0.119\"",
        "range = \"10.78.0.119-10.78.0.20\"",
        "34:9: subnet.pool.range: the range ends with 10.78.0.20, before its beginning \
         10.78.0.119; write \"10.78.0.20-10.78.0.119\"",
    );
}

#[test]
fn pools_do_not_overlap() {
    refuses(
        "[[subnet.reservation]]",
        "[[subnet.pool]]\nrange = \"10.78.0.10-10.78.0.20\"\n\n[[subnet.reservation]]",
        "38:9: subnet.pool.range: the pool overlaps 10.78.0.20-10.78.0.119 in line 34; \
         give each pool addresses of its own",
    );
}

#[test]
fn a_pool_names_a_relationship_that_there_is() {
    refuses(
        "relationship = \"office-lan\"",
        "relationship = \"ofice-lan\"",
        "35:16: subnet.pool.relationship: there is no relationship \"ofice-lan\"; \
         did you mean \"office-lan\"?",
    );
}

#[test]
fn a_reservation_lies_in_its_subnet() {
    refuses(
        "address = \"10.78.0.30\"",
        "address = \"10.79.0.30\"",
        "39:11: subnet.reservation.address: 10.79.0.30 lies outside the subnet 10.78.0.0/24; \
         use an address from 10.78.0.0 to 10.78.0.255",
    );
}

#[test]
fn a_reservation_names_a_client() {
    refuses(
        "hw-address = \"00:0c:01:02:03:04\"\n",
        "",
        "37:1: subnet.reservation.hw-address: \"hw-address\" is missing in [subnet.reservation]; \
         add, for example: hw-address = \"00:0c:01:02:03:04\"",
    );
}

#[test]
fn a_reservation_names_a_client_in_one_way() {
    refuses(
        "hw-address = \"00:0c:01:02:03:04\"",
        "hw-address = \"00:0c:01:02:03:04\"\nclient-id = \"01:02\"",
        "39:1: subnet.reservation.client-id: a reservation is for a client identifier or a \
         hardware address, not both; remove one of the two",
    );
}

#[test]
fn a_hardware_address_has_six_octets() {
    refuses(
        "hw-address = \"00:0c:01:02:03:04\"",
        "hw-address = \"00-0c-01-02-03-04\"",
        "38:14: subnet.reservation.hw-address: \"00-0c-01-02-03-04\" is no hardware address; \
         write six octets in hexadecimal digits with colons: \"00:0c:01:02:03:04\"",
    );
}

#[test]
fn off_loopback_a_token_is_needed() {
    refuses(
        "listen = \"127.0.0.1:8067\"",
        "listen = \"10.78.0.1:8067\"",
        "4:10: admin.listen: 10.78.0.1:8067 can be reached from other machines and there is no \
         token; add token = \"...\" to [admin], or listen on 127.0.0.1",
    );
    let with_token = FULL.replace("\"127.0.0.1:8067\"", "\"10.78.0.1:8067\"\ntoken = \"secret\"");
    assert_eq!(check(&with_token).0, 0);
}

#[test]
fn clients_must_be_told_one_address() {
    refuses(
        "listen = [\"127.0.0.1:6767\"]",
        "listen = [\"0.0.0.0:6767\"]",
        "8:10: dhcp.listen: clients have to be told one address of this server; \
         listen on that address instead of 0.0.0.0, or add server-identifier = \"...\"",
    );
}

#[test]
fn the_name_of_an_interface_is_short() {
    refuses(
        "interfaces = [\"eth0\"]",
        "interfaces = [\"a-name-of-17-char\"]",
        "7:15: dhcp.interfaces: \"a-name-of-17-char\" is no name of an interface; \
         write the name that `ip link` shows, of at most 15 characters",
    );
}
