//! How are connections to Kafka secured, and as whom do they log in?

use std::fmt;
use std::io::{self, ErrorKind};
use std::path::Path;
use std::sync::Arc;

use purple_sector_kafka::Identity;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore, version::TLS13};

/// How the bridge connects to Kafka, and as whom. By default without encryption and without a log-in.
#[derive(Debug, Clone, Default)]
pub struct Security {
    /// TLS of the bridge's own connections; with a certificate, that is its log-in.
    pub tls: Option<Tls>,
    /// As whom the bridge logs in by SASL.
    pub identity: Option<Identity>,
    /// As whom its readers log in.
    pub readers: ReaderLogin,
}

/// As whom readers log in.
#[derive(Debug, Clone, Default)]
pub enum ReaderLogin {
    /// As the bridge, with connections of the same kind: which topics a user gets is up to the bridge alone.
    #[default]
    Bridge,
    /// As the user whose topic they read, with that user's own token: Kafka refuses them any other topic.
    User {
        /// Bootstrap addresses of the listener for users, where it is another than the bridge's.
        brokers: Option<String>,
        /// TLS there. The bridge shows no certificate: nobody but the user is to be seen.
        tls: Option<Tls>,
    },
}

impl Security {
    /// Whether brokers know who connects.
    pub fn is_secured(&self) -> bool {
        self.tls.is_some() || self.identity.is_some()
    }

    /// Kafka's name for how the bridge connects.
    pub(super) fn protocol(&self) -> &'static str {
        match (&self.tls, &self.identity) {
            (None, None) => "PLAINTEXT",
            (Some(_), None) => "SSL",
            (None, Some(_)) => "SASL_PLAINTEXT",
            (Some(_), Some(_)) => "SASL_SSL",
        }
    }
}

/// TLS 1.3 towards brokers: whom to trust, and what to show.
#[derive(Clone)]
pub struct Tls(Arc<ClientConfig>);

/// Why files with certificates and keys cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file cannot be read, or does not hold what it should.
    #[error("cannot use {file}: {error}")]
    File {
        /// Which.
        file: String,
        /// What is wrong.
        error: pem::Error,
    },
    /// A file holds no certificate.
    #[error("there is no certificate in {0}")]
    Empty(String),
    /// Certificate and key do not belong together, or are of a kind that is not known.
    #[error("certificate and key cannot be used: {0}")]
    Unusable(#[from] rustls::Error),
}

impl Tls {
    /// Trusts the authorities in `ca`, and shows the certificate of `shown` (a file with it and its chain, one with its
    /// key). All are PEM.
    ///
    /// # Errors
    /// [`TlsError`] names the file.
    pub fn load(ca: &Path, shown: Option<(&Path, &Path)>) -> Result<Self, TlsError> {
        let mut roots = RootCertStore::empty();
        for authority in certificates(ca)? {
            roots.add(authority)?;
        }
        let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_protocol_versions(&[&TLS13])?
            .with_root_certificates(roots);
        let config = match shown {
            None => config.with_no_client_auth(),
            Some((certificate, key)) => {
                let private = PrivateKeyDer::from_pem_file(key).map_err(|error| unusable(key, error))?;
                config.with_client_auth_cert(certificates(certificate)?, private)?
            }
        };
        Ok(Self(Arc::new(config)))
    }

    /// Settles on keys with the broker at `address` (`host:port`), whose certificate must be for that host.
    pub(super) async fn connect(&self, address: &str, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_| io::Error::new(ErrorKind::InvalidInput, "no certificate can be for this host"))?;
        TlsConnector::from(self.0.clone()).connect(name, stream).await
    }
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let read = CertificateDer::pem_file_iter(file).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let certificates = read.map_err(|error| unusable(file, error))?;
    if certificates.is_empty() { Err(TlsError::Empty(file.display().to_string())) } else { Ok(certificates) }
}

fn unusable(file: &Path, error: pem::Error) -> TlsError {
    TlsError::File { file: file.display().to_string(), error }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls")
    }
}
