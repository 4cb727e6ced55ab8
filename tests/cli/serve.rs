//! A running server without a partner, asked from outside.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::support::{run, texts, twinlease};

/// Longest time that a server may take to start or to stop.
const PATIENCE: Duration = Duration::from_secs(20);

/// A server that is killed when the test ends.
struct Server {
    child: Child,
    admin: String,
    dhcp: String,
    /// Configuration, log and data; removed at the end.
    files: TempDir,
}

impl Server {
    /// A primary whose partner is not there, with one pool shared and one alone.
    fn start(admin_lines: &str) -> Self {
        let files = tempfile::tempdir().unwrap();
        let (admin, dhcp) = (free_tcp(), free_udp());
        let file = configuration(files.path(), &admin, &dhcp, admin_lines);
        let log = std::fs::File::create(files.path().join("log")).unwrap();
        let child = twinlease([Path::new("serve"), Path::new("--config"), &file])
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        let server = Self { child, admin, dhcp, files };
        let since = Instant::now();
        while !server.answers() {
            assert!(since.elapsed() < PATIENCE, "the server does not start");
            std::thread::sleep(Duration::from_millis(10));
        }
        server
    }

    fn answers(&self) -> bool {
        TcpStream::connect(&self.admin).is_ok()
    }

    fn ask(&self, arguments: &[&str]) -> (i32, String, String) {
        run(arguments.iter().copied().chain(["--admin", &self.admin]))
    }

    fn status(&self) -> Value {
        let (code, out, err) = self.ask(&["status", "--json"]);
        assert_eq!((code, err.as_str()), (0, ""));
        serde_json::from_str(&out).unwrap()
    }

    fn wait_for_state(&self, state: &str) {
        let since = Instant::now();
        while self.status()["relationships"][0]["state"] != state {
            assert!(since.elapsed() < PATIENCE, "{:?}", self.status());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Status line and body of an HTTP request.
    fn http(&self, method: &str, path: &str, headers: &str) -> (String, String) {
        let mut stream = TcpStream::connect(&self.admin).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nConnection: close\r\nContent-Length: 0\r\n{headers}\r\n"
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.lines().next().unwrap().to_owned(), body.to_owned())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _already_gone = self.child.kill();
        let _no_status = self.child.wait();
    }
}

fn free_tcp() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

fn free_udp() -> String {
    UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

fn configuration(dir: &Path, admin: &str, dhcp: &str, admin_lines: &str) -> PathBuf {
    let (port, peer_port) = (free_tcp(), free_tcp());
    let port = port.rsplit(':').next().unwrap();
    let peer_port = peer_port.rsplit(':').next().unwrap();
    let text = format!(
        r#"data-dir = "{}"
[admin]
listen = "{admin}"
{admin_lines}
[dhcp]
listen = ["{dhcp}"]
[[relationship]]
name = "trial"
role = "primary"
address = "127.0.0.1"
port = {port}
peer-address = "127.0.0.2"
peer-port = {peer_port}
startup-wait = 1
[[subnet]]
network = "10.99.0.0/24"
[[subnet.pool]]
range = "10.99.0.10-10.99.0.29"
relationship = "trial"
[[subnet]]
network = "10.98.0.0/24"
[[subnet.pool]]
range = "10.98.0.10-10.98.0.19"
"#,
        dir.join("data").display()
    );
    let file = dir.join("twinlease.toml");
    std::fs::write(&file, text).unwrap();
    file
}

/// A DHCP message of the client 02:00:00:00:00:01 behind the relay agent 10.98.0.1.
fn message(kind: u8, options: &[u8]) -> Vec<u8> {
    let mut octets = vec![0; 236];
    octets[..4].copy_from_slice(&[1, 1, 6, 1]);
    octets[7] = 42;
    octets[24..28].copy_from_slice(&[10, 98, 0, 1]);
    octets[28..34].copy_from_slice(&[2, 0, 0, 0, 0, 1]);
    octets.extend([99, 130, 83, 99, 53, 1, kind]);
    octets.extend(options);
    octets.push(255);
    octets
}

/// Gets a lease in the pool without a partner; its address.
fn lease(server: &Server) -> [u8; 4] {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.connect(&server.dhcp).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut buffer = [0; 1500];
    socket.send(&message(1, &[])).unwrap();
    socket.recv(&mut buffer).unwrap();
    let offered = <[u8; 4]>::try_from(&buffer[16..20]).unwrap();
    let mut choice = vec![50, 4];
    choice.extend(offered);
    choice.extend([54, 4, 127, 0, 0, 1]);
    socket.send(&message(3, &choice)).unwrap();
    let length = socket.recv(&mut buffer).unwrap();
    let is_ack = buffer[..length].windows(3).any(|option| option == [53, 1, 5]);
    assert!(is_ack, "no DHCPACK");
    <[u8; 4]>::try_from(&buffer[16..20]).unwrap()
}

fn keys(value: &Value) -> Vec<String> {
    let mut keys: Vec<String> = value.as_object().unwrap().keys().cloned().collect();
    keys.sort_unstable();
    keys
}

#[test]
fn status_json_has_the_keys_of_the_contract() {
    let server = Server::start("");
    let status = server.status();
    assert_eq!(keys(&status), ["relationships", "storage", "version"]);
    assert_eq!(status["version"], env!("CARGO_PKG_VERSION"));
    let relationship = &status["relationships"][0];
    let members = keys(relationship);
    assert!(
        [
            "clock-delta-seconds",
            "communications",
            "name",
            "partner-state",
            "pools",
            "queued-updates",
            "role",
            "state",
            "state-since",
            "sync",
            "unacked-updates",
        ]
        .iter()
        .all(|member| members.contains(&(*member).to_owned())),
        "{members:?}"
    );
    assert_eq!(relationship["name"], "trial");
    assert_eq!(relationship["role"], "primary");
    assert_eq!(relationship["partner-state"], Value::Null);
    assert_eq!(relationship["communications"], "interrupted");
    assert_eq!(relationship["sync"], "not-synced");
    let pool = json!({
        "range": "10.99.0.10-10.99.0.29", "relationship": "trial", "free": 20, "backup": 0,
        "active": 0, "expired": 0, "released": 0, "abandoned": 0, "reset": 0
    });
    for (member, value) in pool.as_object().unwrap() {
        assert_eq!(relationship["pools"][0][member], *value, "{member}");
    }
}

#[test]
fn what_a_binding_carries_is_listed_with_details_only() {
    let server = Server::start("");
    lease(&server);
    let (code, out, err) = server.ask(&["leases", "--json", "--details"]);
    assert_eq!((code, err.as_str()), (0, ""));
    let lease: Value = serde_json::from_str(&out).unwrap();
    let t1 = "638253633a04";
    let options = lease["client-reply-options"].as_str().unwrap();
    assert!(options.starts_with(t1), "{options}");
    assert_eq!(lease.get("ddns-name"), None);
}

#[test]
fn details_are_for_json() {
    let server = Server::start("");
    let (code, _, err) = server.ask(&["leases", "--details"]);
    assert_eq!(code, 2);
    assert!(err.contains("--json"), "{err}");
}

#[test]
fn a_lease_is_listed_with_the_keys_of_the_contract() {
    let server = Server::start("");
    let [a, b, c, d] = lease(&server);
    let (code, out, err) = server.ask(&["leases", "--json"]);
    assert_eq!((code, err.as_str()), (0, ""));
    let lease: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        keys(&lease),
        [
            "acked-potential-expiration",
            "address",
            "binding-status",
            "client-id",
            "client-last-transaction",
            "hw-address",
            "lease-expiration",
            "received-potential-expiration",
            "relationship",
            "sent-potential-expiration",
            "start-of-status",
        ]
    );
    assert_eq!(lease["address"], format!("{a}.{b}.{c}.{d}"));
    assert_eq!(lease["binding-status"], "active");
    assert_eq!(lease["hw-address"], "02:00:00:00:00:01");
    assert_eq!(lease["client-id"], Value::Null);
    assert_eq!(lease["relationship"], Value::Null);
    assert_eq!(lease["acked-potential-expiration"], Value::Null);
    let times = ["lease-expiration", "client-last-transaction", "start-of-status"];
    assert!(times.iter().all(|key| lease[key].as_u64().is_some_and(|time| time > 1_700_000_000)));
}

#[test]
fn the_list_can_be_narrowed_down() {
    let server = Server::start("");
    let [a, b, c, d] = lease(&server);
    let count = |arguments: &[&str]| {
        let (code, out, _) = server.ask(&[&["leases", "--json"], arguments].concat());
        assert_eq!(code, 0);
        out.lines().count()
    };
    assert_eq!(count(&["--status", "active"]), 1);
    assert_eq!(count(&["--status", "abandoned"]), 0);
    assert_eq!(count(&["--address", &format!("{a}.{b}.{c}.{d}")]), 1);
    assert_eq!(count(&["--address", "10.98.0.99"]), 0);
    assert_eq!(count(&["--relationship", "trial"]), 0);
}

#[test]
fn an_unknown_status_is_refused_with_those_that_are_known() {
    let server = Server::start("");
    let (code, out, err) = server.ask(&["leases", "--status", "bound"]);
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(err.contains("free, active, expired, released, abandoned, reset, backup"), "{err}");
}

#[test]
fn a_lease_survives_kill_9() {
    let mut server = Server::start("");
    let [a, b, c, d] = lease(&server);
    server.child.kill().unwrap();
    server.child.wait().unwrap();
    let file = server.files.path().join("twinlease.toml");
    server.child = twinlease([Path::new("serve"), Path::new("--config"), &file])
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let since = Instant::now();
    while !server.answers() {
        assert!(since.elapsed() < PATIENCE);
        std::thread::sleep(Duration::from_millis(10));
    }
    let (_, out, _) = server.ask(&["leases", "--json"]);
    let lease: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(lease["address"], format!("{a}.{b}.{c}.{d}"));
    assert_eq!(lease["binding-status"], "active");
}

#[test]
fn an_unknown_relationship_is_exit_code_1_with_those_that_are_known() {
    let server = Server::start("");
    let sentence = "twinlease: there is no relationship \"office\"; configured: trial\n";
    for command in ["partner-down", "shutdown", "forget-connect-time"] {
        let expected = (1, String::new(), sentence.to_owned());
        assert_eq!(server.ask(&[command, "office"]), expected, "{command}");
    }
    let (line, body) = server.http("POST", "/v1/relationships/office/shutdown", "");
    assert_eq!(line, "HTTP/1.1 404 Not Found");
    assert!(body.contains("{\"error\":\"there is no relationship"), "{body}");
}

#[test]
fn an_operator_can_force_partner_down_out_of_recover() {
    let server = Server::start("");
    server.wait_for_state("recover");
    let (code, out, err) = server.ask(&["partner-down", "trial"]);
    assert_eq!((code, out.as_str()), (1, ""), "not without --force");
    assert!(err.starts_with("twinlease: "), "{err}");
    let (line, _) = server.http("POST", "/v1/relationships/trial/partner-down", "");
    assert_eq!(line, "HTTP/1.1 409 Conflict");
    let (code, out, err) = server.ask(&["partner-down", "trial", "--force"]);
    assert_eq!((code, err.as_str()), (0, ""));
    assert_eq!(out, "trial: state partner-down\n");
    server.wait_for_state("partner-down");
}

#[test]
fn a_wrong_question_is_answered_in_json() {
    let server = Server::start("");
    let partner_down = "/v1/relationships/trial/partner-down";
    for (method, path, code) in [
        ("GET", "/v1/leases?status=bound", "400 Bad Request"),
        ("GET", "/v1/leases?colour=red", "400 Bad Request"),
        ("POST", &format!("{partner_down}?force=perhaps"), "400 Bad Request"),
        ("POST", "/v1/relationships/%ff/shutdown", "400 Bad Request"),
        ("GET", partner_down, "405 Method Not Allowed"),
        ("GET", "/v2/status", "404 Not Found"),
    ] {
        let (line, body) = server.http(method, path, "");
        assert_eq!(line, format!("HTTP/1.1 {code}"), "{method} {path}");
        let error: Value = serde_json::from_str(&body).unwrap_or_else(|_| panic!("{body}"));
        assert_eq!(keys(&error), ["detail", "error", "rule", "status", "title", "type"]);
    }
}

#[test]
fn metrics_are_in_the_prometheus_format() {
    let server = Server::start("");
    let (line, body) = server.http("GET", "/metrics", "");
    assert_eq!(line, "HTTP/1.1 200 OK");
    assert!(body.contains("# TYPE twinlease_state gauge\n"));
    assert!(body.contains("twinlease_communications_ok{relationship=\"trial\"} 0\n"));
    assert!(body.contains(
        "twinlease_pool_addresses{relationship=\"trial\",range=\"10.99.0.10-10.99.0.29\",\
         binding_status=\"free\"} 20\n"
    ));
}

#[test]
fn without_a_token_a_foreign_host_or_origin_is_refused() {
    let server = Server::start("");
    let code = |method, path, headers: &str| server.http(method, path, headers).0;
    assert_eq!(code("GET", "/v1/status", "Host: 127.0.0.1\r\n"), "HTTP/1.1 200 OK");
    assert_eq!(code("GET", "/v1/status", "Host: evil.example\r\n"), "HTTP/1.1 403 Forbidden");
    let smuggled = "Host: 127.0.0.1\r\nOrigin: http://evil.example\r\n";
    let path = "/v1/relationships/trial/partner-down?force=true";
    assert_eq!(code("POST", path, smuggled), "HTTP/1.1 403 Forbidden");
}

#[test]
fn a_token_is_asked_for_where_one_is_configured() {
    let server = Server::start("token = \"secret\"");
    let (code, out, err) = server.ask(&["status"]);
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(err.contains("a token is needed"), "{err}");
    let with = |token| {
        let mut command = twinlease(["status", "--json", "--admin", &server.admin]);
        texts(&command.env("TWINLEASE_TOKEN", token).output().unwrap())
    };
    assert_eq!(with("secret").0, 0);
    assert_eq!(with("guess").0, 1);
    assert_eq!(server.http("GET", "/metrics", "").0, "HTTP/1.1 401 Unauthorized");
}

#[test]
fn a_body_that_is_too_long_is_refused() {
    let server = Server::start("");
    let mut stream = TcpStream::connect(&server.admin).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let head = "POST /v1/relationships/trial/partner-down HTTP/1.1\r\nHost: 127.0.0.1\r\n\
                Connection: close\r\nContent-Length: 5000\r\n\r\n";
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(&[b' '; 5000]).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    assert!(answer.contains("{\"error\":"), "{answer}");
}

#[test]
fn a_client_that_is_refused_again_and_again_does_not_fill_the_log() {
    let server = Server::start("");
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.connect(&server.dhcp).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let address_of_elsewhere = [50, 4, 192, 0, 2, 1];
    for _ in 0..200 {
        socket.send(&message(3, &address_of_elsewhere)).unwrap();
        socket.recv(&mut [0; 1500]).unwrap();
    }
    let log = std::fs::read_to_string(server.files.path().join("log")).unwrap();
    let lines = log.matches("DHCPNAK").count();
    assert!((1..200).contains(&lines), "{lines} lines");
}

#[test]
fn sigterm_ends_a_server_with_exit_code_0() {
    let mut server = Server::start("");
    let id = nix::unistd::Pid::from_raw(i32::try_from(server.child.id()).unwrap());
    nix::sys::signal::kill(id, nix::sys::signal::Signal::SIGTERM).unwrap();
    assert_eq!(server.child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_wrong_file_is_exit_code_2_for_serve_too() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("t.toml");
    std::fs::write(&file, "data-dri = \"x\"\n").unwrap();
    let (code, out, err) = run([Path::new("serve"), Path::new("--config"), &file]);
    assert_eq!((code, out.as_str()), (2, ""));
    assert!(err.contains("did you mean \"data-dir\"?"), "{err}");
}

#[test]
fn a_wrong_log_filter_is_exit_code_2() {
    let (code, _, err) = run(["serve", "--config", "/nonexistent", "--log", "loud=very=much"]);
    assert_eq!(code, 2);
    assert!(err.contains("is no log filter"), "{err}");
}

#[test]
fn an_address_in_use_is_exit_code_1_and_named() {
    let server = Server::start("");
    let dir = tempfile::tempdir().unwrap();
    let file = configuration(dir.path(), &server.admin, &free_udp(), "");
    let (code, _, err) = run([Path::new("serve"), Path::new("--config"), &file]);
    assert_eq!(code, 1);
    assert!(err.contains(&server.admin), "{err}");
}

fn why(server: &Server, about: &[&str]) -> Value {
    let arguments: Vec<_> = ["why"].iter().chain(about).chain(["--json"].iter()).copied().collect();
    let (code, out, err) = server.ask(&arguments);
    assert_eq!((code, err.as_str()), (0, ""));
    let mut told: Value = serde_json::from_str(&out).unwrap();
    told["answers"].take()
}

#[test]
fn why_tells_of_a_lease_and_of_its_end() {
    let server = Server::start("");
    let address = std::net::Ipv4Addr::from(lease(&server)).to_string();
    let told = why(&server, &[&address]);
    assert_eq!(told[0]["relationship"], Value::Null);
    assert_eq!(told[0]["binding-status"], "active");
    assert_eq!(told[0]["for-any-client"], false);
    assert!(told[0]["changes"][0]["at"].as_u64().unwrap() > 1_700_000_000);
    assert!(told[0]["reasons"].as_array().unwrap().iter().all(|reason| reason["rule"] != ""));
}

#[test]
fn why_tells_of_a_client_at_every_owner_of_pools() {
    let server = Server::start("");
    let address = std::net::Ipv4Addr::from(lease(&server)).to_string();
    server.wait_for_state("recover");
    let told = why(&server, &["--client", "02:00:00:00:00:01"]);
    let [shared, alone] = told.as_array().unwrap().as_slice() else { panic!("{told}") };
    assert_eq!(shared["relationship"], "trial");
    assert_eq!(shared["answers-discover"], false);
    let rules: Vec<_> = shared["reasons"].as_array().unwrap().iter().map(|r| &r["rule"]).collect();
    assert!(rules.contains(&&json!("§9.5.1")), "{rules:?}");
    assert_eq!(alone["address"], json!(address));
    assert_eq!(alone["addresses"][0]["address"], json!(address));
}

#[test]
fn why_speaks_in_sentences() {
    let server = Server::start("");
    let address = std::net::Ipv4Addr::from(lease(&server)).to_string();
    let (code, out, _) = server.ask(&["why", &address]);
    assert_eq!(code, 0);
    assert!(out.contains("its binding-status is active (§5.11)"), "{out}");
    assert!(out.contains("not for other clients: another client holds it (§4.1)"), "{out}");
}

#[test]
fn why_of_a_stranger_is_exit_code_1() {
    let server = Server::start("");
    let (code, _, err) = server.ask(&["why", "192.0.2.1"]);
    assert_eq!((code, err.as_str()), (1, "twinlease: the address is in no pool of this server\n"));
    let (code, _, err) = server.ask(&["why", "--client", "printer"]);
    assert_eq!(code, 1);
    assert!(err.contains("write a hardware address as 00:0c:01:02:03:04"), "{err}");
}
