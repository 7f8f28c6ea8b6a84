//! How does the listener speak TLS, and how does a renewed certificate come into use?
//!
//! TLS 1.3 only. The two files are read again when they change; new connections get the new certificate, and a pair that
//! does not fit together changes nothing.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::{CryptoProvider, aws_lc_rs};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::version::TLS13;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

/// How often the files are compared with what is in use.
const LOOK_EVERY: Duration = Duration::from_secs(10);
/// Largest file, in bytes.
const MAX_BYTES: u64 = 1024 * 1024;

/// The listener's certificate, which follows its files.
#[derive(Debug)]
pub struct Tls {
    chain: PathBuf,
    key: PathBuf,
    last: Pair,
    in_use: Arc<InUse>,
}

/// What the files hold.
#[derive(PartialEq, Eq)]
struct Pair {
    chain: Vec<u8>,
    key: Vec<u8>,
}

/// What new connections are shown.
struct InUse(RwLock<Arc<CertifiedKey>>);

impl Tls {
    /// Reads the certificate with those that it was issued by (`chain`), and its private key, both PEM.
    ///
    /// # Errors
    /// One sentence that names the file and the setting.
    pub fn load(chain: &Path, key: &Path) -> Result<Self> {
        let last = Pair::read(chain, key)?;
        let in_use = Arc::new(InUse(RwLock::new(Arc::new(last.certified(chain, key)?))));
        Ok(Self { chain: chain.to_owned(), key: key.to_owned(), last, in_use })
    }

    /// Does the handshakes of connections.
    ///
    /// # Errors
    /// The cryptography of this build lacks what TLS 1.3 needs.
    pub(crate) fn acceptor(&self) -> Result<TlsAcceptor> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider).with_protocol_versions(&[&TLS13])?;
        let mut config = config.with_no_client_auth().with_cert_resolver(self.in_use.clone());
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        // Nothing may be sent before the handshake is done, where it could be sent again by someone else.
        config.max_early_data_size = 0;
        Ok(TlsAcceptor::from(Arc::new(config)))
    }

    /// Follows the files until `stop`.
    pub(crate) async fn watch(mut self, stop: CancellationToken) {
        while stop.run_until_cancelled(tokio::time::sleep(LOOK_EVERY)).await.is_some() {
            self.look();
        }
    }

    /// Takes the files' certificate if it has changed; a pair that cannot be used is told once, and nothing changes.
    fn look(&mut self) {
        // A file that is being replaced may be missing for a moment.
        let Ok(found) = Pair::read(&self.chain, &self.key) else { return };
        if found == self.last {
            return;
        }
        match found.certified(&self.chain, &self.key) {
            Ok(certified) => {
                info!("the listener's certificate has changed, new connections get it");
                *self.in_use.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(certified);
            }
            Err(error) => {
                warn!(
                    error = format!("{error:#}"),
                    "the changed certificate is not usable, the last one stays in use"
                );
            }
        }
        self.last = found;
    }
}

impl Pair {
    fn read(chain: &Path, key: &Path) -> Result<Self> {
        Ok(Self { chain: read(chain, "--tls-cert, TLS_CERT")?, key: read(key, "--tls-key, TLS_KEY")? })
    }

    fn certified(&self, chain: &Path, key: &Path) -> Result<CertifiedKey> {
        let certificates: Vec<_> = CertificateDer::pem_slice_iter(&self.chain)
            .collect::<Result<_, _>>()
            .with_context(|| format!("{} does not hold certificates in PEM (TLS_CERT)", chain.display()))?;
        ensure!(!certificates.is_empty(), "{} holds no certificate in PEM (TLS_CERT)", chain.display());
        let private = PrivateKeyDer::from_pem_slice(&self.key)
            .with_context(|| format!("{} does not hold a private key in PEM (TLS_KEY)", key.display()))?;
        let provider: CryptoProvider = aws_lc_rs::default_provider();
        CertifiedKey::from_der(certificates, private, &provider).with_context(|| {
            format!("the certificate {} and the key {} do not fit together", chain.display(), key.display())
        })
    }
}

fn read(path: &Path, setting: &str) -> Result<Vec<u8>> {
    let context = || format!("cannot read {} ({setting})", path.display());
    let metadata = std::fs::metadata(path).with_context(context)?;
    ensure!(
        metadata.is_file() && metadata.len() <= MAX_BYTES,
        "{} is not a PEM file ({setting})",
        path.display()
    );
    std::fs::read(path).with_context(context)
}

impl ResolvesServerCert for InUse {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.read().unwrap_or_else(PoisonError::into_inner).clone())
    }
}

impl fmt::Debug for InUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InUse")
    }
}

impl fmt::Debug for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pair")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A certificate for `name` and its key, in two files of this folder.
    fn write(folder: &Path, name: &str) {
        let made = rcgen::generate_simple_self_signed([name.to_owned()]).expect("a certificate");
        std::fs::write(folder.join("cert.pem"), made.cert.pem()).expect("the folder is writable");
        std::fs::write(folder.join("key.pem"), made.signing_key.serialize_pem())
            .expect("the folder is writable");
    }

    fn load(folder: &Path) -> Result<Tls> {
        Tls::load(&folder.join("cert.pem"), &folder.join("key.pem"))
    }

    fn shown(tls: &Tls) -> Vec<u8> {
        let in_use = tls.in_use.0.read().unwrap_or_else(PoisonError::into_inner);
        in_use.cert[0].to_vec()
    }

    #[test]
    fn a_renewed_certificate_comes_into_use_and_a_broken_one_does_not() {
        let folder = tempfile::tempdir().expect("a folder");
        write(folder.path(), "a.example");
        let mut tls = load(folder.path()).expect("a good pair");
        let first = shown(&tls);
        tls.look();
        assert_eq!(shown(&tls), first);

        // Half of a renewal: the new certificate with the old key.
        let old_key = std::fs::read(folder.path().join("key.pem")).expect("it is there");
        write(folder.path(), "a.example");
        let new_key = std::fs::read(folder.path().join("key.pem")).expect("it is there");
        std::fs::write(folder.path().join("key.pem"), old_key).expect("it is writable");
        tls.look();
        assert_eq!(shown(&tls), first);
        std::fs::write(folder.path().join("key.pem"), new_key).expect("it is writable");
        tls.look();
        assert_ne!(shown(&tls), first);

        let second = shown(&tls);
        std::fs::remove_file(folder.path().join("cert.pem")).expect("it is there");
        tls.look();
        assert_eq!(shown(&tls), second);
    }

    #[test]
    fn files_that_cannot_be_used_are_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let check = |part: &str| {
            let error = format!("{:#}", load(folder.path()).expect_err("it cannot be used"));
            assert!(error.contains(part), "{error}");
        };
        check("TLS_CERT");
        write(folder.path(), "a.example");
        std::fs::write(folder.path().join("key.pem"), "not a key").expect("it is writable");
        check("TLS_KEY");
        let other = rcgen::generate_simple_self_signed(["b.example".to_owned()]).expect("a certificate");
        std::fs::write(folder.path().join("key.pem"), other.signing_key.serialize_pem())
            .expect("it is writable");
        check("do not fit together");
        std::fs::write(folder.path().join("cert.pem"), "").expect("it is writable");
        check("holds no certificate");
    }
}
