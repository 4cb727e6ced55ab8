//! What Prometheus is told of a live pair, and what `contrib/` makes of it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::clients::lease;
use crate::http::{Answer, get, send};
use crate::server::{PATIENCE, Pair, Server};
use crate::skipping::skip;
use crate::wait::wait_until;

fn contrib(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("contrib").join(file)
}

fn metrics(server: &Server) -> String {
    get(server, "/metrics").body
}

fn open_metrics(server: &Server) -> Answer {
    send(server, "GET", "/metrics", "Accept: application/openmetrics-text;version=1.0.0\r\n", "")
}

/// Names of metrics in a text.
fn names(text: &str) -> BTreeSet<&str> {
    let words = text.split(|sign: char| !sign.is_ascii_lowercase() && sign != '_');
    words.filter(|word| word.starts_with("twinlease_") && word.len() > 10).collect()
}

/// A pair with leases, counted so far that everything is known.
fn counted(network: u8) -> Pair {
    let mut pair = Pair::new(network);
    pair.start();
    lease(0..40, [pair.primary.dhcp(), pair.secondary.dhcp()], |_| {});
    pair.wait_until_equal();
    wait_until("the leases to be counted", PATIENCE, || {
        metrics(&pair.primary).contains("twinlease_pool_endurance_seconds{")
    });
    pair
}

#[test]
fn whoever_asks_for_open_metrics_gets_them() {
    let pair = counted(140);
    let answer = open_metrics(&pair.primary);
    let kind = answer.header("content-type").unwrap();
    assert_eq!(kind, "application/openmetrics-text; version=1.0.0; charset=utf-8");
    assert!(answer.body.ends_with("\n# EOF\n"));
    let mut family = ("", "");
    for line in answer.body.lines().filter(|line| !line.starts_with("# ")) {
        assert!(line.starts_with("twinlease_"), "{line}");
    }
    for line in answer.body.lines() {
        if let Some(declared) = line.strip_prefix("# TYPE ") {
            family = declared.split_once(' ').unwrap();
            assert!(!family.0.ends_with("_total"), "{line}");
        } else if !line.starts_with('#') {
            let suffix = if family.1 == "counter" { "_total" } else { "" };
            let name = line.split(['{', ' ']).next().unwrap();
            assert_eq!(name, format!("{}{suffix}", family.0), "{line}");
        }
    }
}

#[test]
fn updates_and_acknowledgements_are_counted_on_both_sides() {
    let pair = counted(141);
    let sample = |server: &Server, direction, message| {
        server.sample(&format!(
            "twinlease_messages_total{{relationship=\"loopback\",direction=\"{direction}\",type=\"{message}\"}}"
        ))
    };
    let (primary, secondary) = (&pair.primary, &pair.secondary);
    for message in ["bndupd", "bndack"] {
        assert!(sample(primary, "sent", message) > 0, "{message}");
        assert_eq!(sample(primary, "sent", message), sample(secondary, "received", message));
        assert_eq!(sample(secondary, "sent", message), sample(primary, "received", message));
    }
    for pending in ["twinlease_updates_unacked", "twinlease_updates_queued"] {
        assert_eq!(primary.sample(pending), 0, "{pending}");
    }
    let normal = "to=\"normal\"";
    assert!(
        metrics(primary).lines().any(|line| {
            line.starts_with("twinlease_transitions_total{") && line.contains(normal)
        })
    );
}

#[test]
fn the_status_has_its_gauges() {
    let pair = counted(142);
    pair.primary.ask(&["maintenance", "loopback", "--for", "1h"]).unwrap();
    let status = get(&pair.primary, "/v1/status").json()["relationships"][0].clone();
    let text = metrics(&pair.primary);
    for (name, member) in [
        ("twinlease_maintenance_until_seconds", "maintenance-until"),
        ("twinlease_partner_state_since_seconds", "partner-state-since"),
        ("twinlease_oldest_unacked_seconds", "oldest-unacked-seconds"),
        ("twinlease_mclt_seconds", "mclt"),
    ] {
        let value = status[member].as_u64().unwrap_or(0);
        let line = format!("{name}{{relationship=\"loopback\"}} {value}\n");
        assert!(text.contains(&line), "{line}{text}");
    }
    for name in [
        "twinlease_last_contact_seconds{",
        "twinlease_last_synced_seconds{",
        "twinlease_window_updates{relationship=\"loopback\",side=\"own\"} 200\n",
        "twinlease_window_updates{relationship=\"loopback\",side=\"partner\"} 200\n",
        "twinlease_leases_cut_ratio{",
        "twinlease_pool_available{",
        "twinlease_pool_endurance_short{relationship=\"loopback\",range=\"10.78.8.0-10.78.71.255\"} 0\n",
        "twinlease_pool_new_leases_per_hour{",
    ] {
        assert!(text.contains(name), "{name}\n{text}");
    }
}

/// What is only there after something has happened stands in the documentation at least.
#[test]
fn every_metric_of_the_alerts_and_of_the_dashboard_exists() {
    let pair = counted(143);
    let text = metrics(&pair.primary);
    let documented = include_str!("../../docs/admin.md");
    for file in [
        "prometheus/twinlease.rules.yml",
        "prometheus/twinlease.test.yml",
        "grafana/twinlease.json",
    ] {
        let used = fs::read_to_string(contrib(file)).unwrap();
        assert!(!names(&used).is_empty(), "{file}");
        for name in names(&used) {
            let is_there = names(&text).contains(name) || names(documented).contains(name);
            assert!(is_there, "{file}: {name}");
        }
    }
}

#[test]
fn the_dashboard_is_one_that_grafana_can_import() {
    let text = fs::read_to_string(contrib("grafana/twinlease.json")).unwrap();
    let dashboard: Value = serde_json::from_str(&text).unwrap();
    for member in ["title", "uid", "schemaVersion", "templating", "time"] {
        assert!(!dashboard[member].is_null(), "{member}");
    }
    let panels = dashboard["panels"].as_array().unwrap();
    let ids: BTreeSet<_> = panels.iter().map(|panel| panel["id"].as_u64().unwrap()).collect();
    assert_eq!(ids.len(), panels.len());
    let mut taken = BTreeSet::new();
    for panel in panels {
        assert_eq!(panel["datasource"]["uid"], "${datasource}", "{panel}");
        for target in panel["targets"].as_array().unwrap() {
            assert!(target["expr"].as_str().is_some_and(|expr| !expr.is_empty()), "{panel}");
        }
        let at = |side: &str| panel["gridPos"][side].as_u64().unwrap();
        assert!(at("x") + at("w") <= 24, "{panel}");
        for x in at("x")..at("x") + at("w") {
            for y in at("y")..at("y") + at("h") {
                assert!(taken.insert((x, y)), "two panels at {x}, {y}");
            }
        }
    }
}

/// Its own tool looks at the rules, and at what it would be told.
#[test]
fn prometheus_takes_the_rules_and_the_metrics() {
    let promtool = |arguments: &[&str]| {
        let mut command = Command::new("promtool");
        command.args(arguments).current_dir(contrib("prometheus"));
        command
    };
    if promtool(&["--version"]).output().is_err() {
        return skip("the rules for Prometheus", "missing: promtool (package prometheus)");
    }
    for arguments in
        [&["check", "rules", "twinlease.rules.yml"][..], &["test", "rules", "twinlease.test.yml"]]
    {
        let output = promtool(arguments).output().unwrap();
        assert!(output.status.success(), "{output:?}");
    }
    let pair = counted(144);
    let mut check = promtool(&["check", "metrics"]);
    check.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut check = check.spawn().unwrap();
    std::io::Write::write_all(&mut check.stdin.take().unwrap(), metrics(&pair.primary).as_bytes())
        .unwrap();
    let output = check.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
}
