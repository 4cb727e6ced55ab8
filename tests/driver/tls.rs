//! Connections secured by TLS, with real certificates.

use std::fs;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::Path;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio::time::timeout;
use twinlease::driver::Clock;
use twinlease::driver::links::{LinkEvent, LinkSpec, Links};
use twinlease::driver::tls::{TlsFiles, TlsIdentity};
use twinlease::endpoint::TlsSide;
use twinlease::store::OwnerId;

const PATIENCE: Duration = Duration::from_secs(20);

fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// What a server is that has a certificate of `issuer` for `name`, believes `believed`, and wants
/// its partner to be `peer`.
fn identity(
    issuer: &CertifiedIssuer<'static, KeyPair>,
    believed: &CertifiedIssuer<'static, KeyPair>,
    name: &str,
    peer: &str,
    expired: bool,
) -> TlsIdentity {
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    if expired {
        params.not_after = rcgen::date_time_ymd(2020, 1, 1);
    }
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, issuer).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let write = |file: &str, text: String| {
        let path = directory.path().join(file);
        fs::write(&path, text).unwrap();
        path
    };
    let (ca, own) = (write("ca", believed.pem()), write("own", certificate.pem()));
    let key = write("key", key.serialize_pem());
    let files: TlsFiles<'_> =
        TlsFiles { authorities: &ca, certificate: &own, key: Path::new(&key) };
    TlsIdentity::load(files, peer).unwrap()
}

fn spec(own: u8, peer: u8, port: u16, tls: TlsIdentity) -> LinkSpec {
    let at = |last| SocketAddrV4::new(Ipv4Addr::new(127, 0, 5, last), port);
    LinkSpec {
        owner: OwnerId(1),
        name: "pair".to_owned(),
        local: at(own),
        peer: at(peer),
        receive_timer: Duration::from_secs(30),
        tls: Some(tls),
    }
}

/// The next event; the end of a connection that was refused counts as such.
async fn next(links: &mut Links) -> LinkEvent {
    timeout(PATIENCE, links.next()).await.unwrap()
}

/// Both ends begin TLS behind a word in clear; what each says then.
async fn meet(port: u16, client: TlsIdentity, server: TlsIdentity) -> [LinkEvent; 2] {
    let mut one = Links::start(vec![spec(1, 2, port, client)], Clock::new());
    let mut other = Links::start(vec![spec(2, 1, port, server)], Clock::new());
    let mine = loop {
        one.connect(OwnerId(1));
        match next(&mut one).await {
            LinkEvent::Connected { link, .. } => break link,
            _ => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    };
    let LinkEvent::Connected { link: theirs, .. } = next(&mut other).await else { panic!() };
    other.start_tls(theirs, b"in clear", TlsSide::Server);
    let LinkEvent::Bytes { bytes, .. } = next(&mut one).await else { panic!() };
    assert_eq!(&*bytes, b"in clear");
    one.start_tls(mine, b"", TlsSide::Client);
    let mut seen = [next(&mut one).await, next(&mut other).await];
    if let [LinkEvent::Secured { .. }, LinkEvent::Secured { .. }] = seen {
        one.transmit(mine, b"a secret");
        let LinkEvent::Bytes { bytes, .. } = next(&mut other).await else { panic!() };
        assert_eq!(&*bytes, b"a secret");
    } else if let [LinkEvent::Secured { .. }, _] = seen {
        // A client has done its part before its certificate is looked at.
        seen[0] = next(&mut one).await;
    }
    seen
}

fn failed(event: &LinkEvent) -> bool {
    matches!(event, LinkEvent::TlsFailed { .. } | LinkEvent::Closed { .. })
}

#[tokio::test]
async fn two_servers_with_good_certificates_talk_inside_tls() {
    let ca = authority();
    let seen = meet(
        16471,
        identity(&ca, &ca, "one.test", "two.test", false),
        identity(&ca, &ca, "two.test", "one.test", false),
    )
    .await;
    assert!(seen.iter().all(|event| matches!(event, LinkEvent::Secured { .. })), "{seen:?}");
}

#[tokio::test]
async fn a_certificate_of_another_authority_is_refused_on_either_side() {
    let (ca, other) = (authority(), authority());
    for (port, [client, server]) in [(16472, [&other, &ca]), (16473, [&ca, &other])] {
        let seen = meet(
            port,
            identity(client, &ca, "one.test", "two.test", false),
            identity(server, &ca, "two.test", "one.test", false),
        )
        .await;
        assert!(seen.iter().all(failed), "{seen:?}");
    }
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused_on_either_side() {
    let ca = authority();
    for (port, [client, server]) in
        [(16474, ["other.test", "two.test"]), (16475, ["one.test", "other.test"])]
    {
        let seen = meet(
            port,
            identity(&ca, &ca, client, "two.test", false),
            identity(&ca, &ca, server, "one.test", false),
        )
        .await;
        assert!(seen.iter().all(failed), "{seen:?}");
    }
}

#[tokio::test]
async fn an_expired_certificate_is_refused_on_either_side() {
    let ca = authority();
    for (port, [client, server]) in [(16476, [true, false]), (16477, [false, true])] {
        let seen = meet(
            port,
            identity(&ca, &ca, "one.test", "two.test", client),
            identity(&ca, &ca, "two.test", "one.test", server),
        )
        .await;
        assert!(seen.iter().all(failed), "{seen:?}");
    }
}
