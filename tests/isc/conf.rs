//! dhcpd.conf.

use std::path::Path;

use twinlease::isc::{DhcpdConf, Half, dhcpd_conf};
use twinlease::server::config::Config;

const CONFIG: &str = r#"
data-dir = "/tmp/none"
[[relationship]]
name = "office-lan"
role = "secondary"
address = "10.78.0.2"
peer-address = "10.78.0.1"
[[subnet]]
network = "10.78.0.0/24"
options = { routers = ["10.78.0.3"], option-224 = "01:ff" }
[[subnet.pool]]
range = "10.78.0.20-10.78.0.119"
relationship = "office-lan"
"#;

fn conf(text: &str, half: Half) -> DhcpdConf {
    dhcpd_conf(&Config::parse(text, Path::new("t.toml")).unwrap(), half)
}

#[test]
fn the_file_of_this_half_says_what_the_configuration_says() {
    let conf = conf(CONFIG, Half::This);
    let expected = "authoritative;
ddns-update-style none;
ping-check false;
option twinlease-224 code 224 = string;

failover peer \"office-lan\" {
  secondary;
  address 10.78.0.2;
  port 647;
  peer address 10.78.0.1;
  peer port 647;
  max-response-delay 30;
  max-unacked-updates 11;
  load balance max seconds 3;
}

subnet 10.78.0.0 netmask 255.255.255.0 {
  default-lease-time 600;
  min-lease-time 60;
  max-lease-time 7200;
  option routers 10.78.0.3;
  option twinlease-224 01:ff;
  pool { failover peer \"office-lan\"; range 10.78.0.20 10.78.0.119; }
}
";
    assert_eq!(conf.text, expected);
    assert_eq!(conf.notes, Vec::<String>::new());
}

#[test]
fn the_file_of_the_partner_has_the_roles_and_addresses_exchanged() {
    let conf = conf(CONFIG, Half::Partner);
    for line in ["  primary;", "  address 10.78.0.1;", "  peer address 10.78.0.2;", "  mclt 3600;"]
    {
        assert!(conf.text.lines().any(|found| found == line), "{line}\n{}", conf.text);
    }
    let note =
        "mclt and split of \"office-lan\" are the primary's to say: this file has 3600 and 128";
    assert_eq!(conf.notes, [note]);
}

#[test]
fn a_relationship_without_a_pool_is_left_out_as_dhcpd_refuses_it() {
    let conf = conf(&CONFIG.replace("relationship = \"office-lan\"", ""), Half::This);
    assert!(!conf.text.contains("failover"), "{}", conf.text);
    assert_eq!(conf.notes.len(), 1);
}

#[test]
fn what_dhcpd_has_no_words_for_is_noted() {
    let text = CONFIG.replace("relationship = \"office-lan\"", "$0\ndynamic-bootp = true");
    let text = text.replace("$0", "relationship = \"office-lan\"");
    let conf = conf(&text, Half::This);
    assert_eq!(
        conf.notes,
        ["dhcpd refuses dynamic-bootp in the failover pool 10.78.0.20-10.78.0.119"]
    );
    assert!(conf.text.contains("range 10.78.0.20 "), "{}", conf.text);
}
