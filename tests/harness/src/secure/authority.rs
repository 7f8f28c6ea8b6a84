//! Who vouches for the services and the broker? An authority of one's own, which makes their certificates.

use std::fmt;
use std::ops::Range;
use std::time::{Duration, SystemTime};

use anyhow::Result;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, ExtendedKeyUsagePurpose,
    IsCa, KeyPair, KeyUsagePurpose,
};

/// For clocks that differ.
const BEFORE: Duration = Duration::from_secs(60 * 60);
/// Longer than any test, and than a broker that is started by hand.
const LIFE: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Signs certificates (ECDSA, P-256). Its own key never leaves this process.
pub struct Authority {
    certified: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    /// A new authority with a new key.
    ///
    /// # Errors
    /// Where the system has no random numbers.
    pub fn new(name: &str) -> Result<Self> {
        let mut params = named(name, life())?;
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        Ok(Self { certified: CertifiedIssuer::self_signed(params, KeyPair::generate()?)? })
    }

    /// Its own certificate as PEM, which clients trust.
    pub fn certificate(&self) -> String {
        self.certified.pem()
    }

    /// For a broker on this machine. It is a client too: of itself, as the controller.
    ///
    /// # Errors
    /// As [`Authority::new`].
    pub fn broker(&self, name: &str) -> Result<Identity> {
        let mut params = named(name, life())?;
        params.subject_alt_names =
            CertificateParams::new(["localhost".to_owned(), "127.0.0.1".to_owned()])?.subject_alt_names;
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        self.sign(params)
    }

    /// For a client called `name`.
    ///
    /// # Errors
    /// As [`Authority::new`].
    pub fn service(&self, name: &str) -> Result<Identity> {
        self.service_during(name, life())
    }

    /// For a client called `name`, valid at some other time than now.
    ///
    /// # Errors
    /// As [`Authority::new`].
    pub fn service_during(&self, name: &str, validity: Range<SystemTime>) -> Result<Identity> {
        let mut params = named(name, validity)?;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.sign(params)
    }

    fn sign(&self, mut params: CertificateParams) -> Result<Identity> {
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.certified)?;
        Ok(Identity { certificate: certificate.pem(), key: key.serialize_pem() })
    }
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authority").finish_non_exhaustive()
    }
}

/// A certificate and its key.
pub struct Identity {
    /// The certificate as PEM.
    pub certificate: String,
    /// Its private key as PEM (PKCS #8).
    pub key: String,
}

impl Identity {
    /// Key, certificate and authority in one text, as Kafka takes them from one file.
    pub fn keystore(&self, authority: &Authority) -> String {
        format!("{}{}{}", self.key, self.certificate, authority.certificate())
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").field("certificate", &self.certificate).finish_non_exhaustive()
    }
}

fn named(name: &str, validity: Range<SystemTime>) -> Result<CertificateParams> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = validity.start.into();
    params.not_after = validity.end.into();
    Ok(params)
}

fn life() -> Range<SystemTime> {
    let now = SystemTime::now();
    now - BEFORE..now + LIFE
}
