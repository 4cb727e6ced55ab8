//! TLS of HTTP: the admin listener shows a certificate, and whoever asks a web server says whom it believes.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;
use ureq::tls::{Certificate, RootCerts, TlsConfig};

use super::tls::{TlsError, TlsPart, certificates};

/// Where Debian and its kin keep the authorities that the machine believes.
pub(crate) const SYSTEM_AUTHORITIES: &str = "/etc/ssl/certs/ca-certificates.crt";

/// As whom a listener is known.
#[derive(Clone)]
pub struct WebIdentity {
    chain: Vec<CertificateDer<'static>>,
    config: Arc<ServerConfig>,
}

impl fmt::Debug for WebIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebIdentity(..)")
    }
}

/// Two are the same that show the same certificate.
impl PartialEq for WebIdentity {
    fn eq(&self, other: &Self) -> bool {
        self.chain == other.chain
    }
}

impl WebIdentity {
    /// Reads a certificate, with those between it and an authority, and its key, both in PEM.
    pub fn load(certificate: &Path, key: &Path) -> Result<Self, TlsError> {
        let unfit = |part, file: &Path, error: &dyn fmt::Display| TlsError {
            part,
            problem: format!("{} cannot be used: {error}", file.display()),
        };
        let chain = certificates(certificate)
            .map_err(|problem| TlsError { part: TlsPart::Certificate, problem })?;
        let private =
            PrivateKeyDer::from_pem_file(key).map_err(|error| unfit(TlsPart::Key, key, &error))?;
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(&[&rustls::version::TLS13])
            .map_err(|error| unfit(TlsPart::Certificate, certificate, &error))?
            .with_no_client_auth()
            .with_single_cert(chain.clone(), private)
            .map_err(|error| unfit(TlsPart::Key, key, &error))?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { chain, config: Arc::new(config) })
    }

    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.config))
    }
}

/// Certificates of authorities that are believed.
#[derive(Clone, PartialEq, Eq)]
pub struct Authorities(Arc<Vec<CertificateDer<'static>>>);

impl fmt::Debug for Authorities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Authorities({})", self.0.len())
    }
}

impl Authorities {
    /// Reads a PEM file; the error says what is wrong with it.
    pub fn load(file: &Path) -> Result<Self, String> {
        Ok(Self(Arc::new(certificates(file)?)))
    }

    /// Those of this machine; none where it has none.
    pub(crate) fn of_system() -> Self {
        let found = certificates(Path::new(SYSTEM_AUTHORITIES));
        Self(Arc::new(found.unwrap_or_default()))
    }

    /// How a client believes them.
    pub(crate) fn client(&self) -> TlsConfig {
        let roots = self.0.iter().map(|der| Certificate::from_der(der).to_owned());
        TlsConfig::builder()
            .root_certs(RootCerts::from(roots))
            .unversioned_rustls_crypto_provider(Arc::new(ring::default_provider()))
            .build()
    }
}
