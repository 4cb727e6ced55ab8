//! Two servers that speak over TLS 1.3, with certificates made here.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

use crate::clients::lease;
use crate::server::{PATIENCE, Pair, Server};
use crate::tap::Tap;
use crate::wait::wait_until;

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority() -> Authority {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// What one server shows, and what it wants to see.
struct Papers<'a> {
    issuer: &'a Authority,
    believed: &'a Authority,
    name: &'a str,
    peer: &'a str,
    expired: bool,
    mode: &'a str,
}

impl<'a> Papers<'a> {
    /// Those of the server in `directory`, in order.
    fn good(directory: &Path, ca: &'a Authority) -> Self {
        let (name, peer) = if directory.ends_with("primary") {
            ("one.test", "two.test")
        } else {
            ("two.test", "one.test")
        };
        Self { issuer: ca, believed: ca, name, peer, expired: false, mode: "required" }
    }

    /// Writes the files; the lines that name them.
    fn lines(&self, directory: &Path) -> String {
        let mut params = CertificateParams::new(vec![self.name.to_owned()]).unwrap();
        if self.expired {
            params.not_after = rcgen::date_time_ymd(2020, 1, 1);
        }
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, self.issuer).unwrap();
        let write = |name: &str, text: String| {
            let path = directory.join(name);
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
            path.display().to_string()
        };
        format!(
            "dialect = \"draft\"\n[relationship.tls]\nmode = \"{}\"\nca-file = \"{}\"\n\
             certificate-file = \"{}\"\nkey-file = \"{}\"\npeer-name = \"{}\"",
            self.mode,
            write("ca.pem", self.believed.pem()),
            write("own.pem", certificate.pem()),
            write("own.key", key.serialize_pem()),
            self.peer
        )
    }
}

fn is_primary(directory: &Path) -> bool {
    directory.ends_with("primary")
}

fn active(server: &Server) -> usize {
    server.leases().values().filter(|lease| lease.status == "active").count()
}

fn wait_for_line(server: &Server, line: &str) {
    wait_until(line, PATIENCE, || server.log().contains(line));
}

/// Starts two servers that must not come together; what each of them has to say about it.
fn refuse(pair: &mut Pair, primary_says: &str, secondary_says: &str) {
    pair.primary.start();
    pair.secondary.start();
    wait_for_line(&pair.primary, primary_says);
    wait_for_line(&pair.secondary, secondary_says);
    for server in [&pair.primary, &pair.secondary] {
        assert_ne!(server.relationship("communications"), Some("ok".into()));
        assert!(!server.log().contains("communications ok"), "{}", server.log());
    }
}

/// Holds: FO-11.2-1.
#[test]
fn two_servers_share_leases_over_tls_and_nothing_of_it_can_be_read() {
    let ca = authority();
    let mut pair = Pair::with(31, |directory| Papers::good(directory, &ca).lines(directory));
    let tap = Tap::between(&pair);
    pair.start();
    let given = lease(0..50, [pair.primary.dhcp(), pair.secondary.dhcp()], |_| {});
    pair.wait_until_equal();
    assert_eq!(active(&pair.primary), given.len());
    for server in [&pair.primary, &pair.secondary] {
        assert!(server.log().contains("connection secured by TLS"), "{}", server.log());
    }
    // The hardware addresses that go into every binding update all begin with these octets.
    assert!(!tap.saw(&[2, 0x7e, 0, 0]));
    assert!(tap.saw(&[0x17, 3, 3]));
}

#[test]
fn without_tls_the_same_octets_can_be_read() {
    let mut pair = Pair::with(32, |_| "dialect = \"draft\"".to_owned());
    let tap = Tap::between(&pair);
    pair.start();
    lease(0..2, [pair.primary.dhcp(), pair.secondary.dhcp()], |_| {});
    pair.wait_until_synced();
    assert!(tap.saw(&[2, 0x7e, 0, 0]));
}

#[test]
fn kill_9_of_either_server_is_followed_by_a_new_connection_over_tls() {
    let ca = authority();
    let mut pair = Pair::with(33, |directory| Papers::good(directory, &ca).lines(directory));
    pair.start();
    let mut given = lease(0..20, [pair.primary.dhcp(), pair.secondary.dhcp()], |_| {});
    for round in 0..2 {
        let server = if round == 0 { &mut pair.primary } else { &mut pair.secondary };
        server.kill();
        server.start();
        pair.wait_until_synced();
        let first = 20 + 20 * round;
        given.extend(lease(
            first..first + 20,
            [pair.primary.dhcp(), pair.secondary.dhcp()],
            |_| {},
        ));
    }
    pair.wait_until_equal();
    assert_eq!(active(&pair.primary), given.len());
    assert!(pair.primary.log().matches("connection secured by TLS").count() >= 2);
}

#[test]
fn octets_that_were_changed_on_the_way_end_the_connection_and_change_nothing() {
    let ca = authority();
    let mut pair = Pair::with(34, |directory| Papers::good(directory, &ca).lines(directory));
    let tap = Tap::between(&pair);
    pair.start();
    tap.tamper();
    lease(0..20, [pair.primary.dhcp(), pair.secondary.dhcp()], |_| {});
    wait_until("one of the servers to notice", PATIENCE, || {
        [&pair.primary, &pair.secondary]
            .iter()
            .any(|server| server.log().contains("TLS broken off: "))
    });
    pair.wait_until_equal();
}

#[test]
fn a_handshake_that_stalls_ends_and_clients_are_served_meanwhile() {
    let ca = authority();
    let mut pair = Pair::with(35, |directory| Papers::good(directory, &ca).lines(directory));
    let tap = Tap::between(&pair);
    pair.start();
    tap.hold_tls(true);
    pair.primary.kill();
    pair.primary.start();
    pair.secondary.wait_for_state("communications-interrupted");
    lease(0..20, [pair.secondary.dhcp(), pair.secondary.dhcp()], |_| {});
    wait_for_line(&pair.secondary, "TLS broken off: \"the handshake took too long\"");
    tap.hold_tls(false);
    pair.wait_until_synced();
}

#[test]
fn a_certificate_for_another_name_is_refused_by_the_primary() {
    let ca = authority();
    let mut pair = Pair::with(36, |directory| {
        let good = Papers::good(directory, &ca);
        let name = if is_primary(directory) { good.name } else { "other.test" };
        Papers { name, ..good }.lines(directory)
    });
    refuse(&mut pair, "certificate not valid for name", "no TLS: ");
}

#[test]
fn a_certificate_for_another_name_is_refused_by_the_secondary() {
    let ca = authority();
    let mut pair = Pair::with(37, |directory| {
        let good = Papers::good(directory, &ca);
        let name = if is_primary(directory) { "other.test" } else { good.name };
        Papers { name, ..good }.lines(directory)
    });
    refuse(&mut pair, "no TLS: ", "certificate not valid for name");
}

#[test]
fn a_certificate_of_an_unknown_authority_is_refused() {
    let (ca, other) = (authority(), authority());
    let mut pair = Pair::with(38, |directory| {
        let good = Papers::good(directory, &ca);
        let issuer = if is_primary(directory) { &ca } else { &other };
        Papers { issuer, ..good }.lines(directory)
    });
    refuse(&mut pair, "invalid peer certificate: ", "no TLS: ");
}

#[test]
fn an_expired_certificate_is_refused_and_said_to_be_expired() {
    let ca = authority();
    let mut pair = Pair::with(39, |directory| {
        let good = Papers::good(directory, &ca);
        Papers { expired: is_primary(directory), ..good }.lines(directory)
    });
    refuse(&mut pair, "no TLS: ", "certificate expired");
}

#[test]
fn a_secondary_that_requires_tls_refuses_a_primary_without() {
    let ca = authority();
    let mut pair = Pair::with(40, |directory| {
        if is_primary(directory) {
            "dialect = \"draft\"".to_owned()
        } else {
            Papers::good(directory, &ca).lines(directory)
        }
    });
    refuse(&mut pair, "this server speaks over TLS only", "this server speaks over TLS only");
}

#[test]
fn a_primary_that_requires_tls_refuses_a_secondary_without() {
    let ca = authority();
    let mut pair = Pair::with(44, |directory| {
        if is_primary(directory) {
            Papers::good(directory, &ca).lines(directory)
        } else {
            "dialect = \"draft\"".to_owned()
        }
    });
    refuse(
        &mut pair,
        "TLS is not configured on this server",
        "TLS is not configured on this server",
    );
}

#[test]
fn a_primary_that_desires_tls_does_without_where_the_secondary_has_none() {
    let ca = authority();
    let mut pair = Pair::with(42, |directory| {
        if is_primary(directory) {
            Papers { mode: "desired", ..Papers::good(directory, &ca) }.lines(directory)
        } else {
            "dialect = \"draft\"".to_owned()
        }
    });
    pair.start();
    assert!(!pair.primary.log().contains("secured by TLS"));
}

#[test]
fn a_secret_and_tls_go_together() {
    let ca = authority();
    let mut pair = Pair::with(43, |directory| {
        let secret = directory.join("secret");
        fs::write(&secret, "the secret of this year").unwrap();
        fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
        let tls = Papers::good(directory, &ca).lines(directory);
        format!("shared-secret-file = \"{}\"\n{tls}", secret.display())
    });
    pair.start();
    lease(0..20, [pair.primary.dhcp(), pair.secondary.dhcp()], |_| {});
    pair.wait_until_equal();
    assert!(pair.primary.log().contains("secured by TLS"));
}
