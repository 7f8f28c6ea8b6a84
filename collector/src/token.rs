//! Whose is a token, and until when is it good? Read, not checked: that is up to Kafka. Pure.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use purple_sector_codec::{UserId, UserIdError};
use serde_json::Value;

use crate::secret::Secret;

/// Longest token that is looked at, bytes.
pub const MAX_TOKEN_BYTES: usize = 64 * 1_024;

/// A user's access token (JWT), with which the collector logs in to Kafka.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    text: Secret,
    user: Option<UserId>,
    ends_at_s: Option<u64>,
}

/// Why a text is not a token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// There is nothing but white space.
    #[error("it is empty")]
    Empty,
    /// It is longer than [`MAX_TOKEN_BYTES`].
    #[error("it has more than {MAX_TOKEN_BYTES} bytes")]
    TooLong,
    /// It does not have a token's form, or its claims are not JSON.
    #[error("it is not an access token (a JWT: three parts of letters and digits, with a dot between them)")]
    NotJwt,
    /// Its `sub` is not the id of a user.
    #[error("its `sub` is not a user id: {0}")]
    Subject(UserIdError),
}

impl Token {
    /// Reads what a token says of itself. White space around it is left out, as editors end a file with an empty line.
    ///
    /// # Errors
    /// [`TokenError`], if it is not one.
    pub fn parse(text: &str) -> Result<Self, TokenError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(TokenError::Empty);
        }
        if text.len() > MAX_TOKEN_BYTES {
            return Err(TokenError::TooLong);
        }
        let claims = claims(text).ok_or(TokenError::NotJwt)?;
        let user = claims.get("sub").and_then(Value::as_str).map(UserId::parse).transpose();
        // Seconds, and some issuers give fractions of them.
        let ends_at_s = claims.get("exp").and_then(Value::as_f64).map(|s| s as u64);
        Ok(Self { text: Secret::new(text), user: user.map_err(TokenError::Subject)?, ends_at_s })
    }

    /// The token itself, to be shown to Kafka.
    pub fn expose(&self) -> &str {
        self.text.expose()
    }

    /// The user in its `sub`, if there is one.
    pub fn user(&self) -> Option<&UserId> {
        self.user.as_ref()
    }

    /// When it ends, Unix s, if it says so.
    pub fn ends_at_s(&self) -> Option<u64> {
        self.ends_at_s
    }
}

/// The claims of a token: the second of its three parts.
fn claims(text: &str) -> Option<serde_json::Map<String, Value>> {
    let parts: Vec<&str> = text.split('.').collect();
    let [_, claims, _] = parts.as_slice() else { return None };
    let is_base64 = |part: &&str| {
        !part.is_empty()
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    if !parts.iter().all(is_base64) {
        return None;
    }
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A token with these claims, signed by nobody.
    pub(crate) fn token_of(claims: &str) -> String {
        format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims))
    }

    #[track_caller]
    fn check(claims: &str, user: Option<&str>, ends_at_s: Option<u64>) {
        let token = Token::parse(&format!("{}\r\n", token_of(claims))).expect(claims);
        assert_eq!((token.user().map(UserId::as_str), token.ends_at_s()), (user, ends_at_s), "{claims}");
        assert_eq!(token.expose(), token_of(claims));
    }

    #[test]
    fn a_token_says_whose_it_is_and_when_it_ends() {
        check(r#"{"sub":"alice","exp":1795869786}"#, Some("alice"), Some(1_795_869_786));
        check(r#"{"sub":"zoë","exp":1795869786.5}"#, Some("zoë"), Some(1_795_869_786));
        check(r#"{"kafka_principal":"u-alice"}"#, None, None);
        check(r#"{"sub":7,"exp":"soon"}"#, None, None);
        check(r#"{"exp":-1}"#, None, Some(0));
    }

    #[test]
    fn what_is_not_a_token_is_refused_with_the_reason() {
        for text in [
            "alice",
            "a.b",
            "a.b.c",
            "e30.e30",
            "e30.e30.",
            "e30.W10.c2ln",
            "e30.e30.c2ln.c2ln",
            "e30.e3 0.c",
        ] {
            assert_eq!(Token::parse(text), Err(TokenError::NotJwt), "{text}");
        }
        assert_eq!(Token::parse(" \n"), Err(TokenError::Empty));
        assert_eq!(Token::parse(&"a".repeat(MAX_TOKEN_BYTES + 1)), Err(TokenError::TooLong));
        let nobody = Token::parse(&token_of(r#"{"sub":""}"#));
        assert!(matches!(nobody, Err(TokenError::Subject(_))), "{nobody:?}");
    }

    #[test]
    fn a_token_does_not_print() {
        let text = token_of(r#"{"sub":"alice"}"#);
        let printed = format!("{:?}", Token::parse(&text));
        assert!(!printed.contains(&text) && printed.contains("alice"), "{printed}");
    }
}
