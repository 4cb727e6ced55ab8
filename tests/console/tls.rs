//! The admin listener over TLS, with certificates made here.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::Value;

use crate::server::{PATIENCE, Pair, Server};
use crate::wait::{wait_for, wait_until};

const PORT: u16 = 8067;

/// A primary alone whose admin listener has a certificate, and the authority that made it.
struct Secured {
    pair: Pair,
    authority: CertificateDer<'static>,
    authority_file: PathBuf,
}

impl Secured {
    fn started(network: u8) -> Self {
        let mut pair = Pair::new(network);
        let server = &pair.primary;
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let params = CertificateParams::new(vec![server.address.to_string()]).unwrap();
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &ca).unwrap();
        let write = |name: &str, text: String| {
            let path = server.directory().join(name);
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
            path
        };
        let authority_file = write("ca.pem", ca.pem());
        let (own, key) =
            (write("own.pem", certificate.pem()), write("own.key", key.serialize_pem()));
        let tls = format!(
            "[admin.tls]\ncertificate-file = \"{}\"\nkey-file = \"{}\"\n[dhcp]",
            own.display(),
            key.display()
        );
        server.reconfigure("[dhcp]", &tls);
        let base = format!("https://{}:{PORT}", server.address);
        pair.primary.environment.insert("TWINLEASE_ADMIN", base);
        let file = authority_file.display().to_string();
        pair.primary.environment.insert("TWINLEASE_ADMIN_CA", file);
        pair.primary.launch();
        let secured = Self { pair, authority: ca.der().clone(), authority_file };
        wait_for("an answer over TLS", PATIENCE, || secured.ask(&["status", "--json"]));
        secured
    }

    fn server(&self) -> &Server {
        &self.pair.primary
    }

    /// A command of the program, which finds the listener by its environment.
    fn ask(&self, arguments: &[&str]) -> Result<String, String> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_twinlease"));
        let output = command.args(arguments).envs(&self.server().environment).output().unwrap();
        let text = |octets: Vec<u8>| String::from_utf8(octets).unwrap();
        if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
    }

    /// The answer to a GET as a browser makes it.
    fn get(&self, path: &str) -> String {
        let mut roots = RootCertStore::empty();
        roots.add(self.authority.clone()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let address = self.server().address;
        let name = ServerName::IpAddress(std::net::IpAddr::V4(address).into());
        let connection = ClientConnection::new(Arc::new(config), name).unwrap();
        let mut stream = StreamOwned::new(connection, self.connect());
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: {address}:{PORT}\r\nConnection: close\r\n\r\n"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect((self.server().address, PORT)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }
}

#[test]
fn page_api_and_metrics_come_over_tls() {
    let secured = Secured::started(216);
    assert!(secured.get("/").contains("<html"));
    let status = secured.get("/v1/status");
    let body: Value = serde_json::from_str(status.split_once("\r\n\r\n").unwrap().1).unwrap();
    assert_eq!(body["relationships"][0]["name"], "loopback");
    assert!(secured.get("/metrics").contains("twinlease_state{"));
    assert!(secured.get("/v1/openapi.json").starts_with("HTTP/1.1 200"));
}

#[test]
fn the_commands_ask_over_https_whom_they_believe() {
    let mut secured = Secured::started(217);
    let base = format!("https://{}:{PORT}", secured.server().address);
    let authority = secured.authority_file.display().to_string();
    let arguments = ["status", "--admin", &base, "--admin-ca", &authority];
    assert!(secured.ask(&arguments).unwrap().contains("loopback"));
    secured.pair.primary.environment.remove("TWINLEASE_ADMIN_CA");
    let error = secured.ask(&["status"]).unwrap_err();
    assert!(error.contains("invalid peer certificate"), "{error}");
}

#[test]
fn nothing_is_answered_in_clear() {
    let secured = Secured::started(218);
    let mut stream = secured.connect();
    stream.write_all(b"GET /v1/status HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    let _reset = stream.read_to_end(&mut answer);
    assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
}

#[test]
fn whoever_never_ends_a_handshake_makes_room_in_the_end() {
    let secured = Secured::started(219);
    let mut silent: Vec<_> = (0..64).map(|_| secured.connect()).collect();
    wait_until("an answer while all places are taken", PATIENCE, || {
        secured.ask(&["status"]).is_ok()
    });
    let mut octet = [0];
    assert!(silent.iter_mut().all(|stream| !matches!(stream.read(&mut octet), Ok(1..))));
}

#[test]
fn a_key_of_another_certificate_is_refused() {
    let pair = Pair::new(220);
    let server = &pair.primary;
    let write = |name: &str, text: String| {
        let path = server.directory().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        path.display().to_string()
    };
    let [one, other] = ["one.test", "other.test"]
        .map(|name| rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap());
    let tls = format!(
        "[admin.tls]\ncertificate-file = \"{}\"\nkey-file = \"{}\"\n[dhcp]",
        write("one.pem", one.cert.pem()),
        write("other.key", other.signing_key.serialize_pem())
    );
    server.reconfigure("[dhcp]", &tls);
    let (status, said) = server.refuse();
    assert_eq!(status.code(), Some(2));
    assert!(said.contains("admin.tls.key-file") && said.contains("cannot be used"), "{said}");
}
