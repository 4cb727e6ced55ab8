//! Loads on a pair of `twinlease serve` on loopback.

use std::fs;

use crate::report::{Report, load};
use crate::server::Pair;

/// A pair that serves, and where.
struct Stage {
    pair: Pair,
    servers: String,
}

impl Stage {
    fn new(network: u8) -> Self {
        let mut pair = Pair::new(network);
        pair.start();
        let servers = format!("{},{}", pair.primary.dhcp(), pair.secondary.dhcp());
        Self { pair, servers }
    }

    /// A hundred clients, a turn for each of them within a second, so that none is cut short.
    fn load(&self, arguments: &[&str]) -> Report {
        let fixed = [
            "--servers",
            &self.servers,
            "--giaddr",
            "10.78.0.3",
            "--rate",
            "100",
            "--seconds",
            "1",
            "--clients",
            "100",
        ];
        load(&[&fixed[..], arguments].concat())
    }

    fn active(&self) -> usize {
        let leases = self.pair.primary.leases();
        leases.values().filter(|lease| lease.status == "active").count()
    }
}

#[test]
fn every_exchange_ends_with_a_lease_that_both_servers_know() {
    let stage = Stage::new(181);
    let report = stage.load(&["--split", "128"]);
    report.assert_all_completed(100);
    let offers = report.servers("offers");
    assert!(offers.iter().all(|offers| *offers > 0), "{offers:?}");
    assert_eq!(offers.iter().sum::<u64>(), 100);
    for kind in ["offer", "ack", "exchange"] {
        let latency = &report.json["runs"][0]["latency-microseconds"][kind];
        assert_eq!(latency["count"], 100, "{kind}: {latency}");
    }
    stage.pair.wait_until_synced();
    assert_eq!(stage.active(), 100);
}

#[test]
fn leases_are_got_first_and_then_renewed() {
    let stage = Stage::new(182);
    for (kind, other) in [("renew", "reboot"), ("reboot", "mixed"), ("mixed", "renew")] {
        let report = stage.load(&["--load", kind]);
        report.assert_all_completed(100);
        assert_eq!(report.json["preparation"]["leases"], 100, "{kind} before {other}");
    }
}

#[test]
fn released_leases_are_given_back() {
    let stage = Stage::new(183);
    let report = stage.load(&["--load", "release"]);
    report.assert_all_completed(100);
    assert_eq!(report.run("released"), 100);
    stage.pair.wait_until_synced();
    assert_eq!(stage.active(), 0);
}

#[test]
fn an_answer_of_the_wrong_server_is_a_violation_and_exit_code_1() {
    let stage = Stage::new(184);
    let report = stage.load(&["--split", "0"]);
    assert_eq!(report.code, 1);
    assert_eq!(report.run("completed"), 100);
    let wrong = &report.json["violations"]["wrong-server"];
    assert_eq!(wrong.as_u64().unwrap(), report.servers("offers")[0]);
    let example = report.json["violations"]["examples"][0].as_str().unwrap();
    assert!(example.starts_with("wrong-server: client "), "{example}");
}

#[test]
fn the_page_shows_the_runs_and_needs_nothing_from_elsewhere() {
    let stage = Stage::new(185);
    let page = stage.pair.primary.directory().join("report.html");
    let report = stage.load(&["--overload", "2", "--html", page.to_str().unwrap()]);
    assert_eq!(report.json["runs"][1]["name"], "overload");
    assert_eq!(report.json["runs"][1]["begun"], 200);
    let html = fs::read_to_string(page).unwrap();
    assert!(html.contains("Latency, overload run at 200/s"), "{html}");
    for word in ["http:", "https:", "src=", "href=", "url(", "<script"] {
        assert!(!html.contains(word), "{word} in {html}");
    }
}

#[test]
fn a_search_ends_with_a_rate_that_was_kept_up_with() {
    let stage = Stage::new(186);
    let report = stage.load(&["--ramp", "--step-seconds", "0.1", "--timeout", "0.3"]);
    let ramp = &report.json["ramp"];
    let steps = ramp["steps"].as_array().unwrap();
    let good = steps.iter().filter(|step| step["kept-up"] == true);
    let best = good.map(|step| step["rate"].as_u64().unwrap()).max();
    assert_eq!(ramp["rate"].as_u64(), best, "{ramp}");
    assert!(steps.iter().any(|step| step["kept-up"] == false), "{ramp}");
}

#[test]
fn nobody_there_is_said_and_exit_code_1() {
    let report = load(&[
        "--servers",
        "127.77.187.1:6767",
        "--giaddr",
        "10.78.0.3",
        "--seconds",
        "1",
        "--timeout",
        "0.2",
    ]);
    assert_eq!(report.code, 1);
    assert!(report.errors.contains("not one answer came"), "{}", report.errors);
}

#[test]
fn wrong_usage_is_said_and_exit_code_2() {
    for wrong in [
        &["--servers", "127.0.0.1"][..],
        &["--giaddr", "10.78.0.3"],
        &["--giaddr", "10.78.0.3", "--servers", "127.0.0.1", "--split", "128"],
        &["--interface", "lo", "--load", "renew"],
        &["--interface", "lo", "--giaddr", "10.78.0.3", "--servers", "127.0.0.1"],
    ] {
        let report = load(wrong);
        assert_eq!(report.code, 2, "{wrong:?}: {}", report.errors);
    }
}
