//! Who is let in, who is not, and that both are written down without anything secret.

use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::http::{Answer, bearer, get, send};
use crate::server::{Pair, Server};

const PARTNER_DOWN: &str = "/v1/relationships/loopback/partner-down";

/// A token as `twinlease token` makes it.
pub struct Made {
    pub token: String,
    digest: String,
    pub lines: String,
}

pub fn make(name: &str, role: &str) -> Made {
    let mut command = Command::new(env!("CARGO_BIN_EXE_twinlease"));
    let output = command.args(["token", "--name", name, "--role", role]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let (token, lines) = text.split_once("\n\n").unwrap();
    let digest = lines.split('"').rev().nth(1).unwrap();
    Made { token: token.to_owned(), digest: digest.to_owned(), lines: lines.to_owned() }
}

/// A primary alone that asks for tokens.
fn guarded(network: u8, tokens: &[&Made]) -> Pair {
    let mut pair = Pair::new(network);
    let lines: String = tokens.iter().map(|made| made.lines.as_str()).collect();
    pair.primary.reconfigure("[dhcp]", &format!("{lines}[dhcp]"));
    let token = tokens.last().unwrap().token.clone();
    pair.primary.environment.insert("TWINLEASE_TOKEN", token);
    pair.primary.start();
    pair
}

#[track_caller]
fn assert_problem(answer: &Answer, status: u16) {
    assert_eq!(answer.status, status, "{answer:?}");
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    let problem = answer.json();
    assert_eq!(problem["status"], status);
    for member in ["error", "detail", "rule", "title", "type"] {
        assert!(problem[member].as_str().is_some_and(|text| !text.is_empty()), "{problem}");
    }
}

#[track_caller]
fn assert_logged(server: &Server, status: u16) {
    let log = server.log();
    let is_refusal =
        |line: &str| line.contains("request refused") && line.contains(&format!("status={status}"));
    assert!(log.lines().any(|line| is_refusal(&plain(line))), "{log}");
}

/// A line without the colours of the log.
fn plain(line: &str) -> String {
    let mut plain = String::new();
    let mut is_colour = false;
    for character in line.chars() {
        match (is_colour, character) {
            (false, '\u{1b}') => is_colour = true,
            (true, 'm') => is_colour = false,
            (true, _) => {}
            (false, character) => plain.push(character),
        }
    }
    plain
}

#[test]
fn a_request_without_a_token_is_refused_and_logged() {
    let admin = make("ann", "admin");
    let pair = guarded(180, &[&admin]);
    let answer = get(&pair.primary, "/v1/status");
    assert_problem(&answer, 401);
    assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
    assert_logged(&pair.primary, 401);
    assert_eq!(send(&pair.primary, "GET", "/v1/status", &bearer(&admin.token), "").status, 200);
}

#[test]
fn a_role_looks_steers_or_sees_what_others_did_and_no_more() {
    let made = [make("grafana", "read"), make("bob", "operate"), make("ann", "admin")];
    let pair = guarded(181, &[&made[0], &made[1], &made[2]]);
    let codes = |made: &Made| {
        let asked = [("GET", "/v1/status"), ("POST", PARTNER_DOWN), ("GET", "/v1/audit")];
        asked.map(|(method, path)| {
            send(&pair.primary, method, path, &bearer(&made.token), "").status
        })
    };
    pair.primary.wait_for_state("recover");
    // The state does not allow it, which is another matter.
    assert_eq!(codes(&made[0]), [200, 403, 403]);
    assert_eq!(codes(&made[1]), [200, 409, 403]);
    assert_eq!(codes(&made[2]), [200, 409, 200]);
    assert_logged(&pair.primary, 403);
}

#[test]
fn a_page_of_another_origin_is_refused_and_logged_even_with_a_token() {
    let admin = make("ann", "admin");
    let pair = guarded(182, &[&admin]);
    let headers = format!("{}Origin: http://evil.example\r\n", bearer(&admin.token));
    assert_problem(&send(&pair.primary, "POST", PARTNER_DOWN, &headers, ""), 403);
    assert_logged(&pair.primary, 403);
}

#[test]
fn an_oversized_request_is_refused_and_logged_where_nobody_would_read_it() {
    let mut pair = Pair::new(183);
    pair.primary.start();
    let body = " ".repeat(5000);
    for path in [PARTNER_DOWN, "/v1/relationships/loopback/shutdown"] {
        assert_problem(&send(&pair.primary, "POST", path, "", &body), 413);
    }
    assert_logged(&pair.primary, 413);
}

#[test]
fn a_stranger_gets_the_page_and_nothing_about_this_server() {
    let admin = make("ann", "admin");
    let pair = guarded(184, &[&admin]);
    for path in ["/", "/console/console.css", "/console/console.js"] {
        let answer = get(&pair.primary, path);
        assert_eq!(answer.status, 200, "{path}");
        assert!(!answer.body.contains("127.77."), "{path}");
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'; script-src 'self';"), "{policy}");
    }
    assert_problem(&get(&pair.primary, "/nowhere"), 401);
}

#[test]
fn nothing_secret_is_in_an_answer_a_log_or_a_file() {
    let [bob, ann] = [make("bob", "operate"), make("ann", "admin")];
    let pair = guarded(185, &[&bob, &ann]);
    let server = &pair.primary;
    let wrong = "an-attempt-of-somebody-else";
    let mut seen = String::new();
    for token in [wrong, &bob.token, &ann.token] {
        for path in ["/v1/status", "/v1/session", "/v1/audit", "/metrics", "/v1/nothing"] {
            seen += &send(server, "GET", path, &bearer(token), "").body;
        }
        seen += &send(server, "POST", PARTNER_DOWN, &bearer(token), "").body;
        let query = format!("/v1/status?token={token}");
        seen += &send(server, "GET", &query, "", "").body;
    }
    seen += &server.log();
    seen += &fs::read_to_string(server.data().join("audit.jsonl")).unwrap();
    let secrets = [wrong, &bob.token, &bob.digest, &ann.token, &ann.digest];
    for secret in secrets {
        assert!(!seen.contains(secret), "{secret} in {seen}");
    }
}

#[test]
fn a_token_printed_as_json_fits_its_digest() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_twinlease"));
    command.args(["token", "--name", "a", "--role", "read", "--json"]);
    let [one, other]: [Value; 2] =
        std::array::from_fn(|_| serde_json::from_slice(&command.output().unwrap().stdout).unwrap());
    assert_eq!(one["role"], "read");
    assert_eq!(one["token"].as_str().unwrap().len(), 64);
    assert_ne!(one["token"], other["token"]);
}
