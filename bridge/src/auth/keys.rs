//! Which keys sign tokens, and with which one algorithm each?

use std::collections::HashSet;
use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use jsonwebtoken::jwk::{Jwk, ThumbprintHash};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde_json::Value;
use thiserror::Error;

use super::Secret;

/// Fewest bytes of an HS256 secret: as many as the hash has (RFC 7518, section 3.2).
pub(super) const MIN_SECRET_BYTES: usize = 32;
/// Longest key id, in bytes, in a token or a key set.
pub(super) const MAX_KID_BYTES: usize = 128;

/// Why a secret or a key set is not taken.
#[derive(Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The HS256 secret could be guessed.
    #[error(
        "the secret has {found} bytes, at least {MIN_SECRET_BYTES} are needed (for example: openssl rand -hex 32)"
    )]
    SecretTooShort {
        /// Bytes that it has.
        found: usize,
    },
    /// The text is not a JSON Web Key Set.
    #[error("not a JSON Web Key Set: {0}")]
    NotAKeySet(String),
    /// A symmetric key in a file of public keys: whoever reads the file could sign tokens.
    #[error(
        "key {0} is symmetric (kty \"oct\"); a key set holds public keys only, use JWT_SECRET for a secret"
    )]
    Symmetric(String),
    /// A private key in a file of public keys.
    #[error("key {0} holds its private part; publish only the public one")]
    Private(String),
    /// A key that cannot be read.
    #[error("key {key} cannot be used: {reason}")]
    Malformed {
        /// Which key, by position and id.
        key: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Two keys that a token's key id cannot distinguish.
    #[error("two keys have the kid \"{0}\"")]
    Duplicate(String),
    /// Nothing to check a token with.
    #[error("no key for ES256, RS256 or EdDSA (Ed25519) in the key set")]
    Empty,
}

/// Which key it is, whatever its `kid` says: a digest of the key itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyId([u8; 32]);

impl KeyId {
    /// A key for tests of what comes after the check.
    #[cfg(test)]
    pub(crate) fn for_test(byte: u8) -> Self {
        Self([byte; 32])
    }

    fn of(key: &[u8]) -> Self {
        let mut id = [0; 32];
        id.copy_from_slice(digest(&SHA256, key).as_ref());
        Self(id)
    }
}

/// One key, and the only algorithm that it may be used with.
pub(super) struct Key {
    pub(super) id: KeyId,
    kid: Option<String>,
    pub(super) algorithm: Algorithm,
    pub(super) key: DecodingKey,
}

/// The keys that tokens are checked with.
#[derive(Default)]
pub struct KeySet {
    keys: Vec<Key>,
}

impl KeySet {
    /// A single secret for HS256.
    ///
    /// # Errors
    /// [`KeyError::SecretTooShort`] below 32 bytes.
    pub fn from_secret(secret: &Secret) -> Result<Self, KeyError> {
        let bytes = secret.expose().as_bytes();
        if bytes.len() < MIN_SECRET_BYTES {
            return Err(KeyError::SecretTooShort { found: bytes.len() });
        }
        let (id, key) = (KeyId::of(bytes), DecodingKey::from_secret(bytes));
        let key = Key { id, kid: None, algorithm: Algorithm::HS256, key };
        Ok(Self { keys: vec![key] })
    }

    /// The public signing keys of a JSON Web Key Set: P-256 for ES256, RSA for RS256, Ed25519 for EdDSA.
    ///
    /// Keys of other kinds and keys for encryption are skipped, as RFC 7517 asks.
    ///
    /// # Errors
    /// Symmetric and private keys refuse the whole set, as do unreadable keys, equal ids and a set without a usable key.
    pub fn from_jwks(json: &[u8]) -> Result<Self, KeyError> {
        let set: Value =
            serde_json::from_slice(json).map_err(|error| KeyError::NotAKeySet(error.to_string()))?;
        let Some(Value::Array(entries)) = set.get("keys") else {
            return Err(KeyError::NotAKeySet("there is no list \"keys\"".into()));
        };
        let mut keys = Vec::new();
        let mut kids = HashSet::new();
        for (i, entry) in entries.iter().enumerate() {
            let Some(key) = read_key(i, entry)? else { continue };
            if !kids.insert(key.kid.clone()) {
                return Err(KeyError::Duplicate(key.kid.unwrap_or_default().escape_debug().to_string()));
            }
            keys.push(key);
        }
        if keys.is_empty() { Err(KeyError::Empty) } else { Ok(Self { keys }) }
    }

    /// The key for a token: by its id, or the only one there is. An id is compared and never used in any other way.
    pub(super) fn find(&self, kid: Option<&str>) -> Option<&Key> {
        match (self.keys.as_slice(), kid) {
            ([only], None) => Some(only),
            // A secret has no id; issuers that write one anyway mean the only key there is.
            ([only], Some(_)) if only.kid.is_none() => Some(only),
            (keys, Some(_)) => keys.iter().find(|key| key.kid.as_deref() == kid),
            (_, None) => None,
        }
    }

    /// Whether this key is still one of them.
    pub(super) fn holds(&self, id: KeyId) -> bool {
        self.keys.iter().any(|key| key.id == id)
    }

    /// How many keys there are.
    pub fn n_keys(&self) -> usize {
        self.keys.len()
    }
}

impl fmt::Debug for KeySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.keys.iter().map(|key| (&key.kid, key.algorithm))).finish()
    }
}

/// Reads one entry of a key set; `None` if it is not for signing or of a kind that is not supported.
fn read_key(i: usize, entry: &Value) -> Result<Option<Key>, KeyError> {
    let text = |name: &str| entry.get(name).and_then(Value::as_str);
    let kid = text("kid");
    let name = || match kid {
        Some(kid) => format!("{i} (\"{}\")", kid.escape_debug()),
        None => i.to_string(),
    };
    let malformed = |reason: String| KeyError::Malformed { key: name(), reason };
    if text("kty") == Some("oct") {
        return Err(KeyError::Symmetric(name()));
    }
    if entry.get("d").is_some() {
        return Err(KeyError::Private(name()));
    }
    if text("use").is_some_and(|use_| use_ != "sig") {
        return Ok(None);
    }
    let (algorithm, alg) = match (text("kty"), text("crv")) {
        (Some("EC"), Some("P-256")) => (Algorithm::ES256, "ES256"),
        (Some("RSA"), None) => (Algorithm::RS256, "RS256"),
        (Some("OKP"), Some("Ed25519")) => (Algorithm::EdDSA, "EdDSA"),
        _ => return Ok(None),
    };
    if text("alg").is_some_and(|stated| stated != alg) {
        return Ok(None);
    }
    if kid.is_some_and(|kid| kid.len() > MAX_KID_BYTES) {
        return Err(malformed(format!("its kid is longer than {MAX_KID_BYTES} bytes")));
    }
    let jwk: Jwk = serde_json::from_value(entry.clone()).map_err(|error| malformed(error.to_string()))?;
    let key = DecodingKey::from_jwk(&jwk).map_err(|error| malformed(error.to_string()))?;
    let thumbprint = jwk.thumbprint(ThumbprintHash::SHA256).map_err(|error| malformed(error.to_string()))?;
    Ok(Some(Key { id: KeyId::of(thumbprint.as_bytes()), kid: kid.map(str::to_owned), algorithm, key }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const EC: &str = r#""kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0""#;

    #[track_caller]
    fn check(json: &str, expected: Result<usize, &str>) {
        match (KeySet::from_jwks(json.as_bytes()), expected) {
            (Ok(set), Ok(n_keys)) => assert_eq!(set.n_keys(), n_keys),
            (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{error}"),
            (found, expected) => panic!("{found:?} instead of {expected:?}"),
        }
    }

    #[test]
    fn key_sets_are_checked() {
        check(&format!(r#"{{"keys":[{{{EC}}}]}}"#), Ok(1));
        check(
            &format!(r#"{{"keys":[{{{EC},"kid":"a","use":"sig","alg":"ES256"}},{{{EC},"kid":"b"}}]}}"#),
            Ok(2),
        );
        check(&format!(r#"{{"keys":[{{{EC},"kid":"a"}},{{{EC},"kid":"a"}}]}}"#), Err("two keys"));
        check(&format!(r#"{{"keys":[{{{EC},"d":"AAAA"}}]}}"#), Err("private part"));
        check(&format!(r#"{{"keys":[{{{EC},"use":"enc"}}]}}"#), Err("no key for"));
        check(&format!(r#"{{"keys":[{{{EC},"alg":"HS256"}}]}}"#), Err("no key for"));
        check(&format!(r#"{{"keys":[{{{EC},"kid":"{}"}}]}}"#, "k".repeat(129)), Err("longer than 128"));
        check(r#"{"keys":[{"kty":"oct","k":"AAAA"}]}"#, Err("symmetric"));
        check(r#"{"keys":[{"kty":"EC","crv":"P-256","x":"?","y":"?"}]}"#, Err("cannot be used"));
        check(r#"{"keys":[]}"#, Err("no key for"));
        check(r#"{"keys":[1,null,"x"]}"#, Err("no key for"));
        check("[]", Err("there is no list"));
        check("", Err("not a JSON Web Key Set"));
    }

    #[test]
    fn a_short_secret_is_refused() {
        let from = |n: usize| KeySet::from_secret(&"s".repeat(n).parse().expect("any text is a secret"));
        assert_eq!(from(31).err(), Some(KeyError::SecretTooShort { found: 31 }));
        assert!(from(32).is_ok());
    }
}
