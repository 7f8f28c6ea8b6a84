//! Is this token good, and whose is it?
//!
//! The signature is checked by `jsonwebtoken`; header and claims are read here, because the library checks claims only where
//! they are present, against its own clock, and lets more shapes pass than RFC 8725 advises.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::Algorithm;
use purple_sector_codec::UserId;
use serde::Deserialize;
use serde_json::{Map, Value};
use thiserror::Error;

use super::keys::{KeyId, KeySet, MAX_KID_BYTES};
use super::reserved::Reserved;
use super::unique::Unique;
use super::{TokenId, VerifiedUser};

/// Longest token, in bytes.
const MAX_TOKEN_BYTES: usize = 8 * 1024;
/// Latest expiry that is believed, in Unix seconds: the end of the year 9999.
const MAX_TIME_S: u64 = 253_402_300_799;
/// Longest `sub`, in bytes (OpenID Connect Core 1.0, section 2).
const MAX_SUBJECT_BYTES: usize = 255;
/// How far an issuer's clock may differ from ours.
pub const LEEWAY: Duration = Duration::from_secs(5);

/// What a token must say.
#[derive(Debug, Clone)]
pub struct Rules {
    /// Value that `iss` must equal, byte for byte.
    pub issuer: String,
    /// Value that `aud` must equal or, as a list, hold.
    pub audience: String,
    /// Name of the claim that holds the user id, usually `sub`.
    pub user_claim: String,
    /// Longest time from `iat` to `exp`.
    pub max_lifetime: Duration,
    /// Names that are no user's, because they are Kafka's own.
    pub reserved: Reserved,
}

impl Rules {
    /// Issuer that `bridge token mint` writes and the bridge expects, unless told otherwise.
    pub const DEFAULT_ISSUER: &str = "purple-sector";
    /// Audience that `bridge token mint` writes and the bridge expects, unless told otherwise.
    pub const DEFAULT_AUDIENCE: &str = "purple-sector-bridge";
}

/// What a good token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims {
    /// Whose data may be seen.
    pub user: VerifiedUser,
    /// When the token was made, in Unix seconds.
    pub issued_at_s: u64,
    /// When the token ends, in Unix seconds; it is honoured for [`LEEWAY`] longer.
    pub expires_at_s: u64,
    /// Which key signed it.
    pub key: KeyId,
    /// Its `jti`, where it has one.
    pub id: Option<TokenId>,
}

/// Why a token is refused: for the log of the operator, not for the caller.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum AuthError {
    /// Longer than any token should be.
    #[error("the token has {0} bytes, more than {MAX_TOKEN_BYTES}")]
    TooLong(usize),
    /// Not three parts, or not Base64 and JSON.
    #[error("not a signed JWT: {0}")]
    Malformed(&'static str),
    /// A `typ` of other tokens, such as ID tokens.
    #[error("the type is not JWT or at+jwt")]
    Type,
    /// The token demands an extension that is not known here.
    #[error("the header has critical extensions")]
    Critical,
    /// No key with that id.
    #[error("no key with this kid")]
    UnknownKey,
    /// An algorithm other than the key's.
    #[error("the algorithm is not the key's {expected:?}")]
    Algorithm {
        /// The one algorithm of that key.
        expected: Algorithm,
    },
    /// The signature is not this key's over these bytes.
    #[error("the signature does not match")]
    Signature,
    /// A required claim is missing or has another type.
    #[error("the claim \"{0}\" is missing or of the wrong type")]
    Claim(&'static str),
    /// It was valid once.
    #[error("expired {0} s ago")]
    Expired(u64),
    /// It is not valid yet.
    #[error("not valid before {0} s from now")]
    NotYet(u64),
    /// It would be good for longer than any token may be.
    #[error("good for {0} s, longer than the bridge accepts (--jwt-max-lifetime, JWT_MAX_LIFETIME)")]
    TooLongLived(u64),
    /// From someone else.
    #[error("another issuer")]
    Issuer,
    /// For someone else.
    #[error("another audience")]
    Audience,
    /// `sub` is not a name that an issuer would give: empty, longer than 255 bytes, with spaces around it
    /// or control characters in it.
    #[error("the subject is not a name")]
    Subject,
    /// The claim that names the user does not hold a user id.
    #[error("the user claim does not hold a valid user id")]
    User,
    /// The name belongs to a service of the operator.
    #[error("the name is reserved for a service (--reserved-users, RESERVED_USERS)")]
    Reserved,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    typ: Option<String>,
    kid: Option<String>,
    #[serde(default, deserialize_with = "present")]
    crit: bool,
}

/// Whether a field is there at all, `null` included.
fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    serde::de::IgnoredAny::deserialize(deserializer).map(|_| true)
}

/// Checks `token` at `now_s` (Unix seconds) against `keys` and `rules`.
///
/// # Errors
/// See [`AuthError`]; no input panics. The caller may learn only of [`AuthError::Expired`], because a page then asks
/// for a new token; everything else gets the same answer.
pub fn verify(token: &str, keys: &KeySet, rules: &Rules, now_s: u64) -> Result<Claims, AuthError> {
    if token.len() > MAX_TOKEN_BYTES {
        return Err(AuthError::TooLong(token.len()));
    }
    let mut parts = token.split('.');
    let (Some(header), Some(payload), Some(signature), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(AuthError::Malformed("it has not three parts"));
    };
    let key = check_signature(&token[..header.len() + 1 + payload.len()], header, signature, keys)?;
    let Unique(claims) = decode(payload)?;
    check_claims(&claims, key, rules, now_s)
}

/// Which key signed it.
fn check_signature(message: &str, header: &str, signature: &str, keys: &KeySet) -> Result<KeyId, AuthError> {
    let header: Header = decode(header)?;
    if header.crit {
        return Err(AuthError::Critical);
    }
    if header.typ.is_some_and(|typ| !typ.eq_ignore_ascii_case("JWT") && !typ.eq_ignore_ascii_case("at+jwt")) {
        return Err(AuthError::Type);
    }
    if header.kid.as_ref().is_some_and(|kid| kid.len() > MAX_KID_BYTES) {
        return Err(AuthError::UnknownKey);
    }
    let key = keys.find(header.kid.as_deref()).ok_or(AuthError::UnknownKey)?;
    // The key decides; what the token names must only agree with it.
    if header.alg.parse() != Ok(key.algorithm) {
        return Err(AuthError::Algorithm { expected: key.algorithm });
    }
    match jsonwebtoken::crypto::verify(signature, message.as_bytes(), &key.key, key.algorithm) {
        Ok(true) => Ok(key.id),
        Ok(false) | Err(_) => Err(AuthError::Signature),
    }
}

fn check_claims(
    claims: &Map<String, Value>,
    key: KeyId,
    rules: &Rules,
    now_s: u64,
) -> Result<Claims, AuthError> {
    let text = |name: &'static str| claims.get(name).and_then(Value::as_str).ok_or(AuthError::Claim(name));
    if text("iss")? != rules.issuer {
        return Err(AuthError::Issuer);
    }
    check_audience(claims.get("aud"), &rules.audience)?;
    let (issued_at_s, expires_at_s) = check_times(claims, rules, now_s)?;
    let user = check_subject(text("sub")?, claims, rules)?;
    let id = match claims.get("jti") {
        None => None,
        Some(id) => Some(id.as_str().and_then(TokenId::parse).ok_or(AuthError::Claim("jti"))?),
    };
    Ok(Claims { user, issued_at_s, expires_at_s, key, id })
}

fn check_audience(claim: Option<&Value>, audience: &str) -> Result<(), AuthError> {
    let for_us = match claim {
        Some(Value::String(only)) => only == audience,
        Some(Value::Array(list)) if list.iter().all(Value::is_string) => {
            list.iter().any(|one| one.as_str() == Some(audience))
        }
        _ => return Err(AuthError::Claim("aud")),
    };
    if for_us { Ok(()) } else { Err(AuthError::Audience) }
}

/// When the token was made and when it ends.
fn check_times(claims: &Map<String, Value>, rules: &Rules, now_s: u64) -> Result<(u64, u64), AuthError> {
    let leeway_s = LEEWAY.as_secs();
    let expires_at_s = time(claims, "exp")?.ok_or(AuthError::Claim("exp"))?;
    if now_s > expires_at_s + leeway_s {
        return Err(AuthError::Expired(now_s - expires_at_s));
    }
    let issued_at_s = time(claims, "iat")?.ok_or(AuthError::Claim("iat"))?;
    let good_from_s = time(claims, "nbf")?.unwrap_or_default().max(issued_at_s);
    if good_from_s > now_s + leeway_s {
        return Err(AuthError::NotYet(good_from_s - now_s));
    }
    let lifetime_s = expires_at_s.saturating_sub(issued_at_s);
    if lifetime_s > rules.max_lifetime.as_secs() {
        return Err(AuthError::TooLongLived(lifetime_s));
    }
    Ok((issued_at_s, expires_at_s))
}

/// Whose token it is. The subject is checked as the issuer wrote it, before another claim may stand for it.
fn check_subject(
    subject: &str,
    claims: &Map<String, Value>,
    rules: &Rules,
) -> Result<VerifiedUser, AuthError> {
    let is_padded = subject.trim().len() != subject.len();
    let is_too_long = subject.len() > MAX_SUBJECT_BYTES;
    if subject.is_empty() || is_too_long || is_padded || subject.contains(char::is_control) {
        return Err(AuthError::Subject);
    }
    let user = match rules.user_claim.as_str() {
        "sub" => subject,
        name => claims.get(name).and_then(Value::as_str).ok_or(AuthError::User)?,
    };
    if rules.reserved.holds(subject) || rules.reserved.holds(user) {
        return Err(AuthError::Reserved);
    }
    UserId::parse(user).map(VerifiedUser).map_err(|_| AuthError::User)
}

/// A time claim in whole Unix seconds; absent is `None`, any other shape an error.
fn time(claims: &Map<String, Value>, name: &'static str) -> Result<Option<u64>, AuthError> {
    match claims.get(name) {
        None => Ok(None),
        Some(value) => match value.as_u64() {
            Some(time_s) if time_s <= MAX_TIME_S => Ok(Some(time_s)),
            _ => Err(AuthError::Claim(name)),
        },
    }
}

fn decode<T: for<'de> Deserialize<'de>>(part: &str) -> Result<T, AuthError> {
    let json = URL_SAFE_NO_PAD.decode(part).map_err(|_| AuthError::Malformed("a part is not Base64"))?;
    serde_json::from_slice(&json).map_err(|_| AuthError::Malformed("a part is not the JSON expected"))
}

#[cfg(test)]
#[path = "token_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "token_algorithm_tests.rs"]
mod algorithm_tests;
