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

use super::VerifiedUser;
use super::keys::{KeySet, MAX_KID_BYTES};

/// Longest token, in bytes.
const MAX_TOKEN_BYTES: usize = 8 * 1024;
/// Latest expiry that is believed, in Unix seconds: the end of the year 9999.
const MAX_TIME_S: u64 = 253_402_300_799;
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
}

/// What a good token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims {
    /// Whose data may be seen.
    pub user: VerifiedUser,
    /// When the token ends, in Unix seconds; it is honoured for [`LEEWAY`] longer.
    pub expires_at_s: u64,
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
    /// From someone else.
    #[error("another issuer")]
    Issuer,
    /// For someone else.
    #[error("another audience")]
    Audience,
    /// The claim that names the user does not hold a user id.
    #[error("the user claim holds no valid user id")]
    User,
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
    check_signature(&token[..header.len() + 1 + payload.len()], header, signature, keys)?;
    let claims: Map<String, Value> = decode(payload)?;
    check_claims(&claims, rules, now_s)
}

fn check_signature(message: &str, header: &str, signature: &str, keys: &KeySet) -> Result<(), AuthError> {
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
        Ok(true) => Ok(()),
        Ok(false) | Err(_) => Err(AuthError::Signature),
    }
}

fn check_claims(claims: &Map<String, Value>, rules: &Rules, now_s: u64) -> Result<Claims, AuthError> {
    let text = |name: &'static str| claims.get(name).and_then(Value::as_str).ok_or(AuthError::Claim(name));
    let leeway_s = LEEWAY.as_secs();

    if text("iss")? != rules.issuer {
        return Err(AuthError::Issuer);
    }
    let for_us = match claims.get("aud") {
        Some(Value::String(audience)) => *audience == rules.audience,
        Some(Value::Array(list)) if list.iter().all(Value::is_string) => {
            list.iter().any(|audience| audience.as_str() == Some(&rules.audience))
        }
        _ => return Err(AuthError::Claim("aud")),
    };
    if !for_us {
        return Err(AuthError::Audience);
    }
    let expires_at_s = time(claims, "exp")?.ok_or(AuthError::Claim("exp"))?;
    if now_s > expires_at_s + leeway_s {
        return Err(AuthError::Expired(now_s - expires_at_s));
    }
    if let Some(not_before_s) = time(claims, "nbf")?
        && not_before_s > now_s + leeway_s
    {
        return Err(AuthError::NotYet(not_before_s - now_s));
    }
    let subject = text("sub")?;
    let user = match rules.user_claim.as_str() {
        "sub" => subject,
        name => claims.get(name).and_then(Value::as_str).ok_or(AuthError::User)?,
    };
    let user = UserId::parse(user).map_err(|_| AuthError::User)?;
    Ok(Claims { user: VerifiedUser(user), expires_at_s })
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
