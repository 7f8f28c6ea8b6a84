//! May this token be shown to Kafka as well, and how does it stay its user's?

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use purple_sector_kafka::Identity;
use serde::Deserialize;
use serde_json::Value;

use super::{Claims, Refusal, VerifiedUser};

/// What Kafka can check without knowing a secret that could sign.
const ALGORITHMS: [&str; 2] = ["ES256", "RS256"];

/// A verified token with which a user's reader logs in to Kafka. It carries its user with it, so that no other user's
/// feed can be given it, and prints without its text.
#[derive(Debug, Clone)]
pub struct UserToken {
    user: VerifiedUser,
    expires_at_s: u64,
    identity: Identity,
}

impl UserToken {
    /// Takes a token that [`verify`](super::verify) found good. It must also be for Kafka, whose audience is `audience`.
    ///
    /// # Errors
    /// [`Refusal::NotForKafka`]
    pub(super) fn new(token: &str, claims: &Claims, audience: &str) -> Result<Self, Refusal> {
        #[derive(Deserialize)]
        struct Header {
            alg: String,
        }
        #[derive(Deserialize)]
        struct Payload {
            aud: Value,
        }
        let mut parts = token.split('.');
        let header = parts.next().and_then(decode::<Header>).ok_or(Refusal::NotForKafka)?;
        let payload = parts.next().and_then(decode::<Payload>).ok_or(Refusal::NotForKafka)?;
        let names_kafka = match &payload.aud {
            Value::String(only) => only == audience,
            Value::Array(list) => list.iter().any(|one| one.as_str() == Some(audience)),
            _ => false,
        };
        if !names_kafka || !ALGORITHMS.contains(&header.alg.as_str()) {
            return Err(Refusal::NotForKafka);
        }
        let identity = Identity::bearer(token, claims.expires_at_s.saturating_mul(1000));
        let identity = identity.map_err(|_| Refusal::NotForKafka)?;
        Ok(Self { user: claims.user.clone(), expires_at_s: claims.expires_at_s, identity })
    }

    /// Whose it is.
    pub fn user(&self) -> &VerifiedUser {
        &self.user
    }

    /// When it ends, in Unix seconds.
    pub fn expires_at_s(&self) -> u64 {
        self.expires_at_s
    }

    /// As whom a reader logs in with it.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// A token for tests of what comes after the check; equal texts are equal tokens.
    #[cfg(test)]
    pub(crate) fn for_test(user: &str, text: &str, expires_at_s: u64) -> Self {
        let identity = Identity::bearer(text, expires_at_s * 1000).expect("a test shows a token");
        Self { user: VerifiedUser::for_test(user), expires_at_s, identity }
    }
}

impl PartialEq for UserToken {
    fn eq(&self, other: &Self) -> bool {
        self.user == other.user && self.identity == other.identity
    }
}

impl Eq for UserToken {}

fn decode<T: for<'de> Deserialize<'de>>(part: &str) -> Option<T> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::KeyId;

    #[track_caller]
    fn check(alg: &str, aud: &str, is_for_kafka: bool) {
        let part = |json: String| URL_SAFE_NO_PAD.encode(json);
        let header = part(format!(r#"{{"alg":"{alg}"}}"#));
        let payload = part(format!(r#"{{"aud":{aud},"sub":"alice"}}"#));
        let user = VerifiedUser::for_test("alice");
        let claims =
            Claims { user, issued_at_s: 900, expires_at_s: 1_000, key: KeyId::for_test(1), id: None };
        let token = UserToken::new(&format!("{header}.{payload}.c2ln"), &claims, "kafka");
        assert_eq!(
            token.as_ref().map(|token| token.user().id().as_str()).ok(),
            is_for_kafka.then_some("alice")
        );
        if let Ok(token) = token {
            assert_eq!(token.identity().expires_at_ms(), Some(1_000_000));
            assert!(!format!("{token:?}").contains(&payload));
        }
    }

    #[test]
    fn a_token_for_kafka_names_it_and_is_signed_by_a_key_that_only_the_issuer_has() {
        check("ES256", r#"["bridge","kafka"]"#, true);
        check("RS256", r#"["kafka"]"#, true);
        check("ES256", r#""kafka""#, true);
        check("HS256", r#"["bridge","kafka"]"#, false);
        check("EdDSA", r#"["bridge","kafka"]"#, false);
        check("ES256", r#"["bridge"]"#, false);
        check("ES256", r#"["bridge","kafka2","Kafka"]"#, false);
        check("ES256", r#""bridge""#, false);
    }
}
