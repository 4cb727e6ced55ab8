//! TLS 1.3 on a connection with a partner, both sides known by certificates.

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::client::{Resumption, verify_server_name};
use rustls::crypto::ring;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{ParsedCertificate, WebPkiClientVerifier};
use rustls::{
    ClientConfig, DigitallySignedStruct, DistinguishedName, RootCertStore, ServerConfig,
    SignatureScheme,
};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use sha2::{Digest, Sha256};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::{TlsAcceptor, TlsConnector, TlsStream};

use crate::endpoint::TlsSide;

/// Time in which a handshake has to be done, less than the endpoint gives the whole set-up.
pub const HANDSHAKE_TIME: Duration = Duration::from_secs(10);

/// Where certificates and the key stand, in PEM.
#[derive(Clone, Copy, Debug)]
pub struct TlsFiles<'a> {
    /// Certificates of the authorities that are believed.
    pub authorities: &'a Path,
    /// This server's certificate, and those between it and an authority.
    pub certificate: &'a Path,
    /// The key of that certificate.
    pub key: &'a Path,
}

/// What cannot be used, so that whoever named it can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsPart {
    /// The certificates of the authorities.
    Authorities,
    /// This server's certificate.
    Certificate,
    /// Its key.
    Key,
    /// The partner's name.
    PeerName,
}

/// Why there is no identity.
#[derive(Clone, Debug)]
pub struct TlsError {
    /// What is wrong.
    pub part: TlsPart,
    /// In what way.
    pub problem: String,
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.problem)
    }
}

impl std::error::Error for TlsError {}

/// Why there is no TLS on a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFailure {
    /// In words that may be the partner's.
    pub reason: String,
    /// One server does not accept what the other is. Everything else may be well the next time.
    pub refused: bool,
}

impl TlsFailure {
    pub(super) fn not_configured() -> Self {
        Self { reason: "TLS is not configured".to_owned(), refused: true }
    }
}

impl From<io::Error> for TlsFailure {
    fn from(error: io::Error) -> Self {
        let cause = error.get_ref().and_then(|cause| cause.downcast_ref::<rustls::Error>());
        Self { reason: error.to_string(), refused: cause.is_some_and(is_refusal) }
    }
}

fn is_refusal(error: &rustls::Error) -> bool {
    use rustls::{AlertDescription as Alert, Error};
    match error {
        Error::InvalidCertificate(_)
        | Error::NoCertificatesPresented
        | Error::PeerIncompatible(_) => true,
        Error::AlertReceived(alert) => matches!(
            alert,
            Alert::BadCertificate
                | Alert::UnsupportedCertificate
                | Alert::CertificateRevoked
                | Alert::CertificateExpired
                | Alert::CertificateUnknown
                | Alert::CertificateRequired
                | Alert::UnknownCA
                | Alert::AccessDenied
                | Alert::DecryptError
                | Alert::HandshakeFailure
                | Alert::ProtocolVersion
        ),
        _ => false,
    }
}

/// Who this server is, and whom it believes to be its partner.
#[derive(Clone)]
pub struct TlsIdentity {
    client: Arc<ClientConfig>,
    server: Arc<ServerConfig>,
    peer: ServerName<'static>,
    /// Of everything that was read.
    digest: [u8; 32],
}

/// Two are the same if the same was read for both.
impl PartialEq for TlsIdentity {
    fn eq(&self, other: &Self) -> bool {
        (&self.peer, self.digest) == (&other.peer, other.digest)
    }
}

impl Eq for TlsIdentity {}

impl fmt::Debug for TlsIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsIdentity").field("peer", &self.peer).finish_non_exhaustive()
    }
}

impl TlsIdentity {
    /// Reads the files. The partner's certificate has to be issued by one of the authorities and to
    /// be for `peer`, the name of a machine or an address.
    pub fn load(files: TlsFiles<'_>, peer: &str) -> Result<Self, TlsError> {
        let peer = ServerName::try_from(peer.to_owned()).map_err(|_| TlsError {
            part: TlsPart::PeerName,
            problem: format!("\"{peer}\" is neither the name of a machine nor an address"),
        })?;
        let authorities = Arc::new(authorities(files.authorities)?);
        let chain = certificates(files.certificate)
            .map_err(|problem| TlsError { part: TlsPart::Certificate, problem })?;
        let key = PrivateKeyDer::from_pem_file(files.key)
            .map_err(|error| unusable(TlsPart::Key, files.key, &error))?;
        let unfit = |error: rustls::Error| unusable(TlsPart::Key, files.key, &error);
        let no_version =
            |error: rustls::Error| unusable(TlsPart::Certificate, files.certificate, &error);
        let digest = digest(files)?;
        let provider = Arc::new(ring::default_provider());
        let versions = &[&rustls::version::TLS13];
        let mut client = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(versions)
            .map_err(no_version)?
            .with_root_certificates(Arc::clone(&authorities))
            .with_client_auth_cert(chain.clone(), key.clone_key())
            .map_err(unfit)?;
        // Every handshake shows certificates: a connection lasts for weeks.
        client.resumption = Resumption::disabled();
        let chains =
            WebPkiClientVerifier::builder_with_provider(authorities, Arc::clone(&provider))
                .build()
                .map_err(|error| unusable(TlsPart::Authorities, files.authorities, &error))?;
        let verifier = Arc::new(PartnerVerifier { chains, peer: peer.clone() });
        let mut server = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .map_err(no_version)?
            .with_client_cert_verifier(verifier)
            .with_single_cert(chain, key)
            .map_err(unfit)?;
        server.send_tls13_tickets = 0;
        Ok(Self { client: Arc::new(client), server: Arc::new(server), peer, digest })
    }

    /// The handshake, within its time.
    pub(super) async fn negotiate(
        &self,
        stream: TcpStream,
        side: TlsSide,
    ) -> Result<TlsStream<TcpStream>, TlsFailure> {
        let handshake = async {
            match side {
                TlsSide::Client => self.connect(stream).await,
                TlsSide::Server => self.accept(stream).await,
            }
        };
        let late = |_| {
            let reason = "the handshake took too long".to_owned();
            TlsFailure { reason, refused: false }
        };
        Ok(timeout(HANDSHAKE_TIME, handshake).await.map_err(late)??)
    }

    async fn connect(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        let connector = TlsConnector::from(Arc::clone(&self.client));
        Ok(connector.connect(self.peer.clone(), stream).await?.into())
    }

    async fn accept(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        let acceptor = TlsAcceptor::from(Arc::clone(&self.server));
        Ok(acceptor.accept(stream).await?.into())
    }
}

/// Of the contents of all files together.
fn digest(files: TlsFiles<'_>) -> Result<[u8; 32], TlsError> {
    let mut hash = Sha256::new();
    for (part, file) in [
        (TlsPart::Authorities, files.authorities),
        (TlsPart::Certificate, files.certificate),
        (TlsPart::Key, files.key),
    ] {
        let octets = std::fs::read(file).map_err(|error| unusable(part, file, &error))?;
        hash.update((octets.len() as u64).to_be_bytes());
        hash.update(octets);
    }
    Ok(hash.finalize().into())
}

/// What a server asks of the certificate of a partner that is the client of the handshake: an
/// authority and, as a client asks of a server, its name. Inside the handshake, so that a partner
/// that is refused is told.
#[derive(Debug)]
struct PartnerVerifier {
    chains: Arc<dyn ClientCertVerifier>,
    peer: ServerName<'static>,
}

impl ClientCertVerifier for PartnerVerifier {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.chains.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        shown: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        let verified = self.chains.verify_client_cert(shown, intermediates, now)?;
        verify_server_name(&ParsedCertificate::try_from(shown)?, &self.peer)?;
        Ok(verified)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.chains.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.chains.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.chains.supported_verify_schemes()
    }
}

fn authorities(file: &Path) -> Result<RootCertStore, TlsError> {
    let mut store = RootCertStore::empty();
    let part = TlsPart::Authorities;
    let found = certificates(file).map_err(|problem| TlsError { part, problem })?;
    for certificate in found {
        store.add(certificate).map_err(|error| unusable(TlsPart::Authorities, file, &error))?;
    }
    Ok(store)
}

/// All certificates of a PEM file, or what is wrong with it.
pub(crate) fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_file_iter(file).and_then(Iterator::collect);
    match found {
        Ok(found) if found.is_empty() => Err(format!("{} holds no certificate", file.display())),
        Ok(found) => Ok(found),
        Err(error) => Err(format!("{} cannot be used: {error}", file.display())),
    }
}

fn unusable(part: TlsPart, file: &Path, error: &dyn fmt::Display) -> TlsError {
    TlsError { part, problem: format!("{} cannot be used: {error}", file.display()) }
}
