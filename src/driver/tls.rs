//! TLS 1.3 on a connection with a partner, both sides known by certificates.

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::client::{Resumption, verify_server_name};
use rustls::crypto::ring;
use rustls::server::{ParsedCertificate, WebPkiClientVerifier};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
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

/// Who this server is, and whom it believes to be its partner.
#[derive(Clone)]
pub struct TlsIdentity {
    client: Arc<ClientConfig>,
    server: Arc<ServerConfig>,
    peer: ServerName<'static>,
}

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
        let chain = certificates(files.certificate, TlsPart::Certificate)?;
        let key = PrivateKeyDer::from_pem_file(files.key)
            .map_err(|error| unusable(TlsPart::Key, files.key, &error))?;
        let unfit = |error: rustls::Error| unusable(TlsPart::Key, files.key, &error);
        let no_version =
            |error: rustls::Error| unusable(TlsPart::Certificate, files.certificate, &error);
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
        let verifier =
            WebPkiClientVerifier::builder_with_provider(authorities, Arc::clone(&provider))
                .build()
                .map_err(|error| unusable(TlsPart::Authorities, files.authorities, &error))?;
        let mut server = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .map_err(no_version)?
            .with_client_cert_verifier(verifier)
            .with_single_cert(chain, key)
            .map_err(unfit)?;
        server.send_tls13_tickets = 0;
        Ok(Self { client: Arc::new(client), server: Arc::new(server), peer })
    }

    /// The handshake, within its time.
    pub(super) async fn negotiate(
        &self,
        stream: TcpStream,
        side: TlsSide,
    ) -> Result<TlsStream<TcpStream>, String> {
        let handshake = async {
            match side {
                TlsSide::Client => self.connect(stream).await,
                TlsSide::Server => self.accept(stream).await,
            }
        };
        match timeout(HANDSHAKE_TIME, handshake).await {
            Ok(Ok(stream)) => Ok(stream),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err("the handshake took too long".to_owned()),
        }
    }

    async fn connect(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        let connector = TlsConnector::from(Arc::clone(&self.client));
        Ok(connector.connect(self.peer.clone(), stream).await?.into())
    }

    async fn accept(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        let acceptor = TlsAcceptor::from(Arc::clone(&self.server));
        let stream = acceptor.accept(stream).await?;
        let (_, session) = stream.get_ref();
        let shown = session.peer_certificates().and_then(<[_]>::first);
        shown
            .ok_or(rustls::Error::NoCertificatesPresented)
            .and_then(ParsedCertificate::try_from)
            .and_then(|certificate| verify_server_name(&certificate, &self.peer))
            .map_err(io::Error::other)?;
        Ok(stream.into())
    }
}

fn authorities(file: &Path) -> Result<RootCertStore, TlsError> {
    let mut store = RootCertStore::empty();
    for certificate in certificates(file, TlsPart::Authorities)? {
        store.add(certificate).map_err(|error| unusable(TlsPart::Authorities, file, &error))?;
    }
    Ok(store)
}

fn certificates(file: &Path, part: TlsPart) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let found: Vec<_> = CertificateDer::pem_file_iter(file)
        .and_then(Iterator::collect)
        .map_err(|error| unusable(part, file, &error))?;
    if found.is_empty() {
        let problem = format!("{} holds no certificate", file.display());
        return Err(TlsError { part, problem });
    }
    Ok(found)
}

fn unusable(part: TlsPart, file: &Path, error: &dyn fmt::Display) -> TlsError {
    TlsError { part, problem: format!("{} cannot be used: {error}", file.display()) }
}
