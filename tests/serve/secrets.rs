//! Two servers that share a secret.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::clients::lease;
use crate::server::{PATIENCE, Pair};
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

#[test]
fn two_servers_with_a_secret_share_leases_and_rotate_it() {
    let mut pair = Pair::with(21, sharing);
    pair.start();
    let given = lease(0..50, [pair.primary.dhcp(), pair.secondary.dhcp()], |_| {});
    pair.wait_until_synced();
    let leases = pair.primary.leases();
    assert!(given.iter().all(|given| leases[&given.address].status == "active"));
    // The new one beside the old on each server, then alone.
    for server in [&mut pair.primary, &mut pair.secondary] {
        let before = format!("{}/old\"", server.directory().display());
        let after = format!(
            "{dir}/new\"\nprevious-shared-secret-file = \"{dir}/old\"",
            dir = server.directory().display()
        );
        server.reconfigure(&before, &after);
        assert!(server.terminate().success());
        server.start();
        server.wait_for_state("normal");
    }
    for server in [&mut pair.primary, &mut pair.secondary] {
        let line =
            format!("previous-shared-secret-file = \"{}/old\"", server.directory().display());
        server.reconfigure(&line, "");
        assert!(server.terminate().success());
        server.start();
        server.wait_for_state("normal");
    }
    pair.wait_until_synced();
    assert_eq!(pair.primary.leases(), pair.secondary.leases());
    for server in [&pair.primary, &pair.secondary] {
        assert!(!server.log().contains(OLD) && !server.log().contains(NEW));
    }
}

#[test]
fn two_servers_with_different_secrets_say_so_and_do_not_talk() {
    let mut pair = Pair::with(22, |directory| {
        let octets = if directory.ends_with("primary") { OLD } else { NEW };
        format!("dialect = \"draft\"\nshared-secret-file = {}", secret(directory, "secret", octets))
    });
    pair.primary.start();
    pair.secondary.start();
    wait_until("the operator to be told", PATIENCE, || {
        pair.secondary.log().contains("message digest failed to compare")
    });
    assert_ne!(pair.primary.relationship("communications"), Some("ok".into()));
    assert_ne!(pair.secondary.relationship("communications"), Some("ok".into()));
}
