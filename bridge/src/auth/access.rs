//! Does this caller get in, as whom, and for how long?

use purple_sector_codec::UserId;
use thiserror::Error;

use super::{AuthError, Claims, KeyStore, RevocationStore, Rules, TokenId, UserToken, VerifiedUser, verify};

/// How the bridge finds out who calls.
#[derive(Debug, Clone)]
pub enum Access {
    /// Believes the `userId` of the address. For trying things out on your own machine.
    Open,
    /// Demands a token.
    Tokens {
        /// Keys that sign tokens.
        keys: KeyStore,
        /// What a token must say.
        rules: Rules,
        /// Tokens that are good no longer, whatever they say.
        revoked: RevocationStore,
        /// Kafka's audience, where readers log in with their users' tokens.
        kafka_audience: Option<String>,
    },
}

/// A caller who got in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Admission {
    /// Believed without a token.
    Open(VerifiedUser),
    /// By a token.
    Token {
        /// What it says.
        claims: Claims,
        /// The token itself, where the user's reader logs in to Kafka with it.
        for_kafka: Option<UserToken>,
    },
}

impl Admission {
    /// Who it is.
    pub fn user(&self) -> &VerifiedUser {
        match self {
            Self::Open(user) => user,
            Self::Token { claims, .. } => &claims.user,
        }
    }

    /// The token's `jti`, where it has one.
    pub fn token_id(&self) -> Option<&TokenId> {
        match self {
            Self::Open(_) => None,
            Self::Token { claims, .. } => claims.id.as_ref(),
        }
    }

    /// When the token ends, in Unix seconds; never in open mode.
    pub fn expires_at_s(&self) -> Option<u64> {
        match self {
            Self::Open(_) => None,
            Self::Token { claims, .. } => Some(claims.expires_at_s),
        }
    }

    /// With what the user's reader may log in to Kafka, where it does that with its user's tokens.
    pub fn for_kafka(&self) -> Option<&UserToken> {
        match self {
            Self::Open(_) => None,
            Self::Token { for_kafka, .. } => for_kafka.as_ref(),
        }
    }
}

/// What a caller who did not get in is told. It says no more than the caller knew already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Refusal {
    /// There was no token.
    #[error("a token is needed")]
    TokenMissing,
    /// The token is bad, for whatever reason.
    #[error("the token is not valid")]
    TokenInvalid,
    /// The token was valid once.
    #[error("the token has expired")]
    TokenExpired,
    /// The address names another user than the token.
    #[error("the token is not for this user")]
    OtherUser,
    /// The user's reader could not log in to Kafka with it.
    #[error(
        "the token cannot be used for Kafka: it must be signed with ES256 or RS256, and its aud must name Kafka as well \
         as the bridge"
    )]
    NotForKafka,
    /// Open mode needs to be told the user.
    #[error("userId is missing: this bridge runs without tokens, add ?userId=… to the address")]
    UserMissing,
    /// Not a user id.
    #[error("userId is not a valid user id")]
    UserInvalid,
}

/// A caller who did not get in.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{why}")]
pub struct Refused {
    /// What it is told.
    pub refusal: Refusal,
    /// What the operator is told. It names no part of the token.
    pub why: String,
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self { refusal, why: refusal.to_string() }
    }
}

impl From<AuthError> for Refused {
    fn from(error: AuthError) -> Self {
        let refusal = if matches!(error, AuthError::Expired(_)) {
            Refusal::TokenExpired
        } else {
            Refusal::TokenInvalid
        };
        Self { refusal, why: error.to_string() }
    }
}

impl From<Withdrawal> for Refused {
    fn from(withdrawal: Withdrawal) -> Self {
        Self { refusal: Refusal::TokenInvalid, why: withdrawal.to_string() }
    }
}

/// Why a token that was good is good no longer, although it has not ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Withdrawal {
    /// It, or all of its user's tokens, were revoked.
    #[error("the token was revoked")]
    Revoked,
    /// The key that signed it is not published any more.
    #[error("the key of the token is not valid any more")]
    KeyGone,
}

impl Access {
    /// Decides about a caller with this `token` who asks for the data of the user `asked`. If the token names a key that is
    /// not here, newer keys are fetched first, where they come from an address.
    ///
    /// # Errors
    /// [`Refused`], with what the caller is told and what only the operator is.
    pub async fn admit(
        &self,
        token: Option<&str>,
        asked: Option<&str>,
        clock_s: impl Fn() -> u64,
    ) -> Result<Admission, Refused> {
        let Self::Tokens { keys, rules, revoked, kafka_audience } = self else {
            let id = UserId::parse(asked.ok_or(Refusal::UserMissing)?).map_err(|_| Refusal::UserInvalid)?;
            return Ok(Admission::Open(VerifiedUser(id)));
        };
        let token = token.ok_or(Refusal::TokenMissing)?;
        let check = || verify(token, &keys.current(), rules, clock_s());
        let mut checked = check();
        if checked == Err(AuthError::UnknownKey) && keys.look_again().await {
            checked = check();
        }
        let claims = checked?;
        if revoked.revokes(&claims) {
            return Err(Withdrawal::Revoked.into());
        }
        // Compared as ids, so that no second spelling of a user can differ from the first.
        if asked.is_some_and(|asked| UserId::parse(asked).as_ref() != Ok(claims.user.id())) {
            return Err(Refusal::OtherUser.into());
        }
        let for_kafka = kafka_audience.as_ref().map(|audience| UserToken::new(token, &claims, audience));
        Ok(Admission::Token { for_kafka: for_kafka.transpose()?, claims })
    }

    /// Waits until what let this caller in is withdrawn: for ever, if it is not.
    pub async fn withdrawn(&self, admission: Admission) -> Withdrawal {
        let (Self::Tokens { keys, revoked, .. }, Admission::Token { claims, .. }) = (self, admission) else {
            return std::future::pending().await;
        };
        let (mut key_changes, mut revocations) = (keys.changes(), revoked.changes());
        loop {
            if revoked.revokes(&claims) {
                return Withdrawal::Revoked;
            }
            if !keys.current().holds(claims.key) {
                return Withdrawal::KeyGone;
            }
            // Both senders live as long as `self`.
            let _ = tokio::select! {
                changed = key_changes.changed() => changed,
                changed = revocations.changed() => changed,
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
    use jsonwebtoken::jwk::Jwk;
    use jsonwebtoken::{Algorithm, EncodingKey, Header};
    use serde_json::json;
    use tokio::time::timeout;

    use super::*;
    use crate::auth::{KeySet, Reserved, Revocation};

    const NOW_S: u64 = 1_800_000_000;

    /// A key pair, its public half as an entry of a key set.
    fn pair(kid: &str) -> (EncodingKey, Jwk) {
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new());
        let key = EncodingKey::from_ec_der(document.expect("there are random numbers").as_ref());
        let mut jwk = Jwk::from_encoding_key(&key, Algorithm::ES256).expect("it has a public half");
        jwk.common.key_id = Some(kid.to_owned());
        (key, jwk)
    }

    fn key_set(keys: &[&Jwk]) -> KeySet {
        KeySet::from_jwks(json!({ "keys": keys }).to_string().as_bytes()).expect("a good set")
    }

    fn token(key: &EncodingKey, kid: &str, jti: &str) -> String {
        let claims = json!({ "iss": "id", "aud": "bridge", "sub": "alice", "iat": NOW_S, "exp": NOW_S + 60, "jti": jti });
        let header = Header { kid: Some(kid.to_owned()), ..Header::new(Algorithm::ES256) };
        jsonwebtoken::encode(&header, &claims, key).expect("it is signed")
    }

    fn access(keys: KeyStore) -> Access {
        let rules = Rules {
            issuer: "id".into(),
            audience: "bridge".into(),
            user_claim: "sub".into(),
            max_lifetime: Duration::from_secs(3600),
            reserved: Reserved::default(),
        };
        Access::Tokens { keys, rules, revoked: RevocationStore::default(), kafka_audience: None }
    }

    async fn admit(access: &Access, token: &str) -> Result<Admission, Refusal> {
        access.admit(Some(token), None, || NOW_S).await.map_err(|refused| refused.refusal)
    }

    fn revoke(access: &Access, revocation: Revocation) {
        let Access::Tokens { revoked, .. } = access else { unreachable!("tokens are demanded") };
        assert!(revoked.add(revocation, NOW_S));
    }

    #[tokio::test(start_paused = true)]
    async fn what_lets_a_caller_in_lasts_until_it_is_revoked() {
        let (key, jwk) = pair("k1");
        let access = access(KeyStore::new(key_set(&[&jwk])));
        let admission = admit(&access, &token(&key, "k1", "t1")).await.expect("a good token");
        let lasting = timeout(Duration::from_secs(3600), access.withdrawn(admission.clone()));
        assert!(lasting.await.is_err(), "it lasts");

        let of =
            |jti| Revocation::Token { id: TokenId::parse(jti).expect("an id"), keep_until_s: NOW_S + 60 };
        let (withdrawn, ()) = tokio::join!(access.withdrawn(admission), async {
            revoke(&access, of("t2"));
            tokio::task::yield_now().await;
            revoke(&access, of("t1"));
        });
        assert_eq!(withdrawn, Withdrawal::Revoked);
        assert_eq!(admit(&access, &token(&key, "k1", "t1")).await, Err(Refusal::TokenInvalid));
        assert!(admit(&access, &token(&key, "k1", "t3")).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn all_of_a_users_tokens_go_together() {
        let (key, jwk) = pair("k1");
        let access = access(KeyStore::new(key_set(&[&jwk])));
        let admission = admit(&access, &token(&key, "k1", "t1")).await.expect("a good token");
        let user = UserId::parse("alice").expect("a user id");
        revoke(&access, Revocation::User { user, issued_until_s: NOW_S, keep_until_s: NOW_S + 60 });
        assert_eq!(access.withdrawn(admission).await, Withdrawal::Revoked);
        assert_eq!(admit(&access, &token(&key, "k1", "t2")).await, Err(Refusal::TokenInvalid));
    }

    #[tokio::test(start_paused = true)]
    async fn a_key_that_goes_takes_those_along_whom_it_signed() {
        let ((old, old_jwk), (new, new_jwk)) = (pair("k1"), pair("k2"));
        let store = KeyStore::new(key_set(&[&old_jwk, &new_jwk]));
        let access = access(store.clone());
        let by_old = admit(&access, &token(&old, "k1", "t1")).await.expect("a good token");
        let by_new = admit(&access, &token(&new, "k2", "t1")).await.expect("a good token");
        // Another key under the same name is another key.
        let (_, impostor) = pair("k1");
        store.replace(key_set(&[&impostor, &new_jwk]));
        assert_eq!(access.withdrawn(by_old).await, Withdrawal::KeyGone);
        assert!(timeout(Duration::from_secs(3600), access.withdrawn(by_new)).await.is_err(), "it lasts");
    }

    #[tokio::test(start_paused = true)]
    async fn a_key_that_is_not_known_is_fetched() {
        let ((_, old_jwk), (new, new_jwk)) = (pair("k1"), pair("k2"));
        let (store, mut waiters) = KeyStore::with_source(key_set(&[&old_jwk]));
        let access = access(store.clone());
        let token = token(&new, "k2", "t1");
        let (admitted, ()) = tokio::join!(admit(&access, &token), async {
            let waiter = waiters.recv().await.expect("someone asks");
            store.replace(key_set(&[&old_jwk, &new_jwk]));
            waiter.send(()).expect("someone waits");
        });
        assert!(admitted.is_ok());
        // Where it is too soon for that, or takes too long, the answer is no.
        store.replace(key_set(&[&old_jwk]));
        let (refused, ()) = tokio::join!(admit(&access, &token), async { drop(waiters.recv().await) });
        assert_eq!(refused, Err(Refusal::TokenInvalid));
        assert_eq!(admit(&access, &token).await, Err(Refusal::TokenInvalid));
    }
}
