//! Two servers that share a secret.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crate::clients::lease;
use crate::hexadecimal;
use crate::server::{PATIENCE, Pair, Server};
use crate::wait::wait_until;

const OLD: &str = "the secret of last year";
const NEW: &str = "the secret of this year";

/// A file with a secret; how the configuration names it.
fn secret(directory: &Path, name: &str, octets: &str) -> String {
    let path = directory.join(name);
    fs::write(&path, octets).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    format!("\"{}\"", path.display())
}

/// Both secrets stand ready; the old one is in force.
fn sharing(directory: &Path) -> String {
    let old = secret(directory, "old", OLD);
    secret(directory, "new", NEW);
    format!("dialect = \"draft\"\nshared-secret-file = {old}")
}

/// Restarts a server with another configuration.
fn restarted(server: &mut Server) {
    assert!(server.terminate().success());
    server.start();
}

/// Has a server read its configuration again.
fn reloaded(server: &mut Server) {
    assert!(server.reload().contains("changed=[\"loopback\"]"));
}

/// The new secret beside the old one on each server in turn, then alone.
fn rotate(pair: &mut Pair, take_over: fn(&mut Server)) {
    let change = |server: &mut Server, from: &str, to: &str| {
        server.reconfigure(from, to);
        take_over(server);
        server.wait_for_state("normal");
    };
    for server in [&mut pair.primary, &mut pair.secondary] {
        let directory = server.directory().display().to_string();
        let both = format!("{directory}/new\"\nprevious-shared-secret-file = \"{directory}/old\"");
        change(server, &format!("{directory}/old\""), &both);
    }
    for server in [&mut pair.primary, &mut pair.secondary] {
        let line =
            format!("previous-shared-secret-file = \"{}/old\"", server.directory().display());
        change(server, &line, "");
    }
}

#[test]
fn a_secret_is_rotated_one_server_at_a_time_while_leases_are_given() {
    rotated_while_leases_are_given(21, restarted);
}

#[test]
fn a_secret_is_rotated_without_a_restart() {
    rotated_while_leases_are_given(109, reloaded);
}

fn rotated_while_leases_are_given(network: u8, take_over: fn(&mut Server)) {
    let mut pair = Pair::with(network, sharing);
    pair.start();
    let servers = [pair.primary.dhcp(), pair.secondary.dhcp()];
    let enough = AtomicBool::new(false);
    let given = thread::scope(|scope| {
        let clients = scope.spawn(|| {
            let (mut given, mut first) = (Vec::new(), 0);
            while !enough.load(Ordering::Relaxed) {
                given.extend(lease(first..first + 20, servers, |_| {}));
                first += 20;
            }
            given
        });
        rotate(&mut pair, take_over);
        enough.store(true, Ordering::Relaxed);
        clients.join().unwrap()
    });
    pair.wait_until_equal();
    let leases = pair.primary.leases();
    assert!(given.len() > 40);
    assert!(given.iter().all(|given| leases[&given.address].status == "active"));
}

/// Everything that a server says of itself, at its most talkative.
fn all_that_is_said(server: &Server) -> String {
    let mut said = server.log();
    for arguments in [
        &["status", "--json"][..],
        &["leases", "--json", "--details"],
        &["why", "10.78.8.1", "--json"],
        &["why", "--client", "02:7e:00:00:00:01", "--json"],
        &["partner-down", "loopback"],
    ] {
        said.push_str(&server.ask(arguments).unwrap_or_else(|error| error));
    }
    let mut stream = TcpStream::connect((server.address, 8067)).unwrap();
    let host = server.address;
    let request = format!("GET /metrics HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    stream.read_to_string(&mut said).unwrap();
    said
}

#[test]
fn a_secret_of_the_environment_is_said_nowhere() {
    let mut pair =
        Pair::with(24, |_| "dialect = \"draft\"\nshared-secret-env = \"SECRET\"".to_owned());
    for server in [&mut pair.primary, &mut pair.secondary] {
        server.environment.insert("SECRET", NEW.to_owned());
        server.environment.insert("TWINLEASE_LOG", "trace".to_owned());
    }
    pair.start();
    lease(0..20, [pair.primary.dhcp(), pair.secondary.dhcp()], |_| {});
    pair.wait_until_synced();
    let hexadecimal = hexadecimal(NEW.as_bytes());
    let numbers = format!("{:?}", NEW.as_bytes());
    for server in [&pair.primary, &pair.secondary] {
        let said = all_that_is_said(server);
        assert!(said.contains("twinlease_state"), "{said}");
        for shown in [NEW, &hexadecimal, numbers.trim_matches(['[', ']'])] {
            assert!(!said.contains(shown), "{said}");
        }
    }
}

/// Starts two servers that do not believe each other; what each says about it.
fn refuse(pair: &mut Pair, primary_says: &str, secondary_says: &str) {
    pair.primary.start();
    pair.secondary.start();
    for (server, reason) in [(&pair.secondary, secondary_says), (&pair.primary, primary_says)] {
        let line = format!("connection not established: rejected: {reason}");
        wait_until(&line, PATIENCE, || server.log().contains(&line));
        assert_eq!(server.relationship("communications"), Some("interrupted".into()));
    }
}

fn is_primary(directory: &Path) -> bool {
    directory.ends_with("primary")
}

#[test]
fn two_servers_with_different_secrets_say_so_and_do_not_talk() {
    let mut pair = Pair::with(22, |directory| {
        let octets = if is_primary(directory) { OLD } else { NEW };
        format!("dialect = \"draft\"\nshared-secret-file = {}", secret(directory, "secret", octets))
    });
    let reason = "message digest failed to compare";
    refuse(&mut pair, reason, reason);
}

#[test]
fn a_primary_without_the_secret_of_the_secondary_is_refused() {
    let mut pair = Pair::with(25, |directory| {
        if is_primary(directory) { "dialect = \"draft\"".to_owned() } else { sharing(directory) }
    });
    refuse(&mut pair, "message digest not configured", "missing message digest");
}

#[test]
fn a_secondary_without_the_secret_of_the_primary_refuses_and_is_refused() {
    let mut pair = Pair::with(26, |directory| {
        if is_primary(directory) { sharing(directory) } else { "dialect = \"draft\"".to_owned() }
    });
    refuse(&mut pair, "missing message digest", "message digest not configured");
}
