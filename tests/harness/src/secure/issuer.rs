//! Who vouches for the users? An issuer, which signs their tokens and publishes the keys that check them.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Result, anyhow};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use purple_sector_codec::UserId;
use serde_json::{Value, json};

use super::files;
use super::principal::{Access, of_user};

/// Signs tokens, and keeps the file of the keys that check them.
#[derive(Debug)]
pub struct Issuer {
    jwks: PathBuf,
    key: SigningKey,
}

impl Issuer {
    /// The `iss` of its tokens.
    pub const NAME: &'static str = "https://issuer.example";
    /// The `aud` that the broker expects.
    pub const KAFKA_AUDIENCE: &'static str = "kafka";
    /// The `aud` that the bridge expects. Tokens hold both.
    pub const BRIDGE_AUDIENCE: &'static str = "purple-sector-bridge";

    /// A new issuer with a new key, whose public half is written to the file `jwks`.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub fn new(jwks: &Path) -> Result<Self> {
        let issuer = Self { jwks: jwks.to_path_buf(), key: SigningKey::generate()? };
        issuer.publish(&[&issuer.key])?;
        Ok(issuer)
    }

    /// A token with which `user` writes or reads for `life`.
    ///
    /// # Errors
    /// Where signing fails.
    pub fn token(&self, user: &UserId, access: Access, life: Duration) -> Result<String> {
        self.key.sign(&self.claims(user, access, life))
    }

    /// What [`Issuer::token`] says, for a test to bend before it signs it.
    pub fn claims(&self, user: &UserId, access: Access, life: Duration) -> Value {
        let now_s = unix_s();
        json!({
            "iss": Self::NAME,
            "aud": [Self::BRIDGE_AUDIENCE, Self::KAFKA_AUDIENCE],
            "sub": user.as_str(),
            "kafka_principal": of_user(user, access),
            "iat": now_s,
            "exp": now_s + life.as_secs(),
        })
    }

    /// The key that signs.
    pub fn key(&self) -> &SigningKey {
        &self.key
    }

    /// The file of the keys that check, a JWKS.
    pub fn jwks(&self) -> &Path {
        &self.jwks
    }

    /// Signs with a new key from now on, and gives the old one, which is not published any more.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub fn rotate(&mut self) -> Result<SigningKey> {
        let old = std::mem::replace(&mut self.key, SigningKey::generate()?);
        self.publish(&[&self.key])?;
        Ok(old)
    }

    /// Publishes these keys and no others.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub fn publish(&self, keys: &[&SigningKey]) -> Result<()> {
        let keys: Vec<Value> = keys.iter().map(|key| key.public()).collect();
        files::write(&self.jwks, &format!("{:#}\n", json!({ "keys": keys })))
    }
}

/// A key that signs tokens (ES256).
pub struct SigningKey {
    id: String,
    pair: EcdsaKeyPair,
}

impl SigningKey {
    /// A new key, with a `kid` that no other key of this process has.
    ///
    /// # Errors
    /// Where the system has no random numbers.
    pub fn generate() -> Result<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(1);
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)
            .map_err(|_| anyhow!("this machine cannot make a key"))?;
        Ok(Self { id: format!("key-{}", NUMBER.fetch_add(1, Ordering::Relaxed)), pair })
    }

    /// Its `kid`.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// A token that says `claims`, good or bad.
    ///
    /// # Errors
    /// Where signing fails.
    pub fn sign(&self, claims: &Value) -> Result<String> {
        self.sign_under(&json!({ "alg": "ES256", "kid": self.id, "typ": "JWT" }), claims)
    }

    /// As [`SigningKey::sign`], under a header of the caller's own.
    ///
    /// # Errors
    /// Where signing fails.
    pub fn sign_under(&self, header: &Value, claims: &Value) -> Result<String> {
        jws(header, claims, |text| {
            let signature = self.pair.sign(&SystemRandom::new(), text);
            signature.map(|signature| signature.as_ref().to_vec()).map_err(|_| anyhow!("cannot sign"))
        })
    }

    /// Its public half as a JWK.
    pub fn public(&self) -> Value {
        let (x, y) = self.point();
        json!({ "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": self.id, "x": x, "y": y })
    }

    /// The coordinates of its public point, as a JWK holds them.
    fn point(&self) -> (String, String) {
        // Uncompressed: a byte that says so, then two numbers of 32 bytes.
        let point = self.pair.public_key().as_ref();
        (URL_SAFE_NO_PAD.encode(&point[1..33]), URL_SAFE_NO_PAD.encode(&point[33..]))
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("id", &self.id).finish_non_exhaustive()
    }
}

/// A token (RFC 7515, compact) of any header and claims; `sign` makes the signature of the text that it is given.
///
/// # Errors
/// Those of `sign`.
pub fn jws(header: &Value, claims: &Value, sign: impl FnOnce(&[u8]) -> Result<Vec<u8>>) -> Result<String> {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(header), part(claims));
    let signature = URL_SAFE_NO_PAD.encode(sign(signed.as_bytes())?);
    Ok(format!("{signed}.{signature}"))
}

fn unix_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
