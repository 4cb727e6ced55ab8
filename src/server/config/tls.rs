//! `[relationship.tls]`: certificates of both servers, and whether there has to be TLS.

use std::path::PathBuf;

use crate::driver::tls::{TlsFiles, TlsIdentity, TlsPart};
use crate::endpoint::TlsPolicy;
use crate::wire::Dialect;

use super::problem::Problems;
use super::section::{Located, Section};
use super::security;
use super::value;

pub(super) const KEYS: &[&str] = &["mode", "ca-file", "certificate-file", "key-file", "peer-name"];

/// TLS with a partner.
#[derive(Clone, Debug)]
pub struct Tls {
    /// Desired or required.
    pub policy: TlsPolicy,
    /// The certificate that the partner has to have is for this machine.
    pub peer_name: String,
    /// Who this server is, and whom it believes.
    pub identity: TlsIdentity,
}

/// `None` without TLS, or if anything that it needs is missing or wrong.
pub(super) fn read(
    relationship: &Section<'_>,
    dialect: Dialect,
    problems: &mut Problems<'_>,
) -> Option<Tls> {
    let section = relationship.section("tls", KEYS, problems)?;
    let policy = section.required("mode", "\"required\"", problems, |value| {
        let modes = [
            ("off", TlsPolicy::Off),
            ("desired", TlsPolicy::Desired),
            ("required", TlsPolicy::Required),
        ];
        value::word(value, &modes)
    })?;
    if policy.value == TlsPolicy::Off {
        return None;
    }
    if !dialect.has_tls() {
        problems.add(
            &policy.span,
            policy.key,
            format!("a partner of dialect \"{dialect}\" has no TLS"),
            "remove the section; or, where the partner is twinlease too, write dialect = \"draft\" on both",
        );
        return None;
    }
    let authorities =
        section.required("ca-file", "\"/etc/twinlease/ca.pem\"", problems, value::text);
    let certificate = section.required(
        "certificate-file",
        "\"/etc/twinlease/server.pem\"",
        problems,
        value::text,
    );
    let example = "\"/etc/twinlease/server.key\"";
    let key = section.required("key-file", example, problems, security::private_file);
    let peer = section.required("peer-name", "\"dhcp2.example.net\"", problems, value::text);
    let (authorities, certificate, key, peer) = (authorities?, certificate?, key?, peer?);
    load(policy.value, &authorities, &certificate, &key, &peer, problems)
}

fn load(
    policy: TlsPolicy,
    authorities: &Located<String>,
    certificate: &Located<String>,
    key: &Located<String>,
    peer: &Located<String>,
    problems: &mut Problems<'_>,
) -> Option<Tls> {
    let path = |located: &Located<String>| PathBuf::from(&located.value);
    let files = TlsFiles {
        authorities: &path(authorities),
        certificate: &path(certificate),
        key: &path(key),
    };
    match TlsIdentity::load(files, &peer.value) {
        Ok(identity) => Some(Tls { policy, peer_name: peer.value.clone(), identity }),
        Err(error) => {
            let (place, fix) = match error.part {
                TlsPart::Authorities => {
                    (authorities, "name a PEM file with the certificates of the authorities")
                }
                TlsPart::Certificate => {
                    (certificate, "name a PEM file with this server's certificate")
                }
                TlsPart::Key => (key, "name the PEM file with the key of certificate-file"),
                TlsPart::PeerName => (peer, "write the name that the partner's certificate is for"),
            };
            problems.add(&place.span, &*place.key, error.problem, fix);
            None
        }
    }
}
