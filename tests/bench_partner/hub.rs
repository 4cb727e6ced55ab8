//! With a server that has many partners.

use std::fmt::Write as _;
use std::fs;
use std::net::Ipv4Addr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::wait::wait_until;
use crate::{PROGRAM, play};

/// More partners than a server of one relationship may have connections.
const PARTNERS: u32 = 100;
const HUB: Ipv4Addr = Ipv4Addr::new(127, 77, 95, 1);
const FIRST_PARTNER: Ipv4Addr = Ipv4Addr::new(127, 77, 96, 1);
const FIRST_POOL: Ipv4Addr = Ipv4Addr::new(10, 78, 0, 16);
/// Every branch has a network of its own.
const NETWORK: u32 = 256;
const POOL: u32 = 64;

/// A server process that ends with the test.
struct Hub(Child);

impl Drop for Hub {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn configuration(data: &str) -> String {
    let mut text = format!(
        "data-dir = \"{data}\"\n[admin]\nlisten = \"{HUB}:8067\"\n[dhcp]\nlisten = [\"{HUB}:6767\"]\n"
    );
    let after = |first: Ipv4Addr, count: u32| Ipv4Addr::from(u32::from(first) + count);
    for number in 0..PARTNERS {
        let partner = after(FIRST_PARTNER, number);
        writeln!(
            text,
            "[[relationship]]\nname = \"branch-{number}\"\nrole = \"primary\"\naddress = \"{HUB}\"\nport = 6470\n\
             peer-address = \"{partner}\"\npeer-port = 6470\nmclt = 600\nsplit = 128"
        )
        .unwrap();
    }
    for number in 0..PARTNERS {
        let first = after(FIRST_POOL, number * NETWORK);
        let last = after(first, POOL - 1);
        writeln!(
            text,
            "[[subnet]]\nnetwork = \"10.78.{number}.0/24\"\ndefault-lease-time = 600\nmax-lease-time = 7200\n\
             [[subnet.pool]]\nrange = \"{first}-{last}\"\nrelationship = \"branch-{number}\""
        )
        .unwrap();
    }
    text
}

#[test]
fn a_hub_serves_a_hundred_partners_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("twinlease.toml");
    let data = directory.path().join("data");
    fs::write(&file, configuration(&data.display().to_string())).unwrap();
    let mut command = Command::new(PROGRAM);
    command.args(["serve", "--log", "error", "--config"]).arg(&file).stdin(Stdio::null());
    let mut hub = Hub(command.spawn().unwrap());
    wait_until("the hub to listen", Duration::from_secs(60), || {
        assert!(hub.0.try_wait().unwrap().is_none(), "the hub has ended");
        std::net::TcpStream::connect((HUB, 8067)).is_ok()
    });
    let report = play(
        Command::new(PROGRAM),
        &format!(
            "--server {HUB}:6470 --local {FIRST_PARTNER}:6470 --role secondary \
             --relationship branch-{{}} --relationships {PARTNERS} --pool {FIRST_POOL} --stride {NETWORK} \
             --sync-to 40 --sync-from"
        ),
    );
    assert_eq!(report["sync-to"]["bindings"], 40 * PARTNERS);
    assert!(report["sync-from"]["bindings"].as_u64().unwrap() >= u64::from(40 * PARTNERS));
}
