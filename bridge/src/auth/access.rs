//! Does this caller get in, and as whom?

use purple_sector_codec::UserId;
use thiserror::Error;
use tracing::debug;

use super::{AuthError, KeyStore, Rules, UserToken, VerifiedUser, verify};

/// How the bridge finds out who calls.
#[derive(Debug, Clone)]
pub enum Access {
    /// Believes the `userId` of the address. For trying things out on a machine of one's own.
    Open,
    /// Demands a token.
    Tokens {
        /// Keys that sign tokens.
        keys: KeyStore,
        /// What a token must say.
        rules: Rules,
        /// Kafka's audience, where readers log in with their users' tokens.
        kafka_audience: Option<String>,
    },
}

/// A caller who got in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admission {
    /// Who it is.
    pub user: VerifiedUser,
    /// When the token ends, in Unix seconds; never in open mode.
    pub expires_at_s: Option<u64>,
    /// The token itself, where the user's reader logs in to Kafka with it.
    pub token: Option<UserToken>,
}

/// What a caller who did not get in is told. It says no more than the caller knew already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Refusal {
    /// No token came along.
    #[error("a token is needed")]
    TokenMissing,
    /// The token is bad, for whatever reason.
    #[error("the token is not valid")]
    TokenInvalid,
    /// The token was good once.
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

impl Access {
    /// Decides at `now_s` (Unix seconds) about a caller with this `token` who asks for the data of the user `asked`.
    ///
    /// # Errors
    /// A [`Refusal`]; the exact reason goes to the log at DEBUG, without the token.
    pub fn admit(&self, token: Option<&str>, asked: Option<&str>, now_s: u64) -> Result<Admission, Refusal> {
        match self {
            Self::Open => {
                let id =
                    UserId::parse(asked.ok_or(Refusal::UserMissing)?).map_err(|_| Refusal::UserInvalid)?;
                Ok(Admission { user: VerifiedUser(id), expires_at_s: None, token: None })
            }
            Self::Tokens { keys, rules, kafka_audience } => {
                let token = token.ok_or(Refusal::TokenMissing)?;
                let claims = verify(token, &keys.current(), rules, now_s).map_err(|error| {
                    debug!(reason = %error, "token refused");
                    match error {
                        AuthError::Expired(_) => Refusal::TokenExpired,
                        _ => Refusal::TokenInvalid,
                    }
                })?;
                // Compared as ids, so that no second spelling of a user can differ from the first.
                if asked.is_some_and(|asked| UserId::parse(asked).as_ref() != Ok(claims.user.id())) {
                    return Err(Refusal::OtherUser);
                }
                let for_kafka =
                    kafka_audience.as_ref().map(|audience| UserToken::new(token, &claims, audience));
                let expires_at_s = Some(claims.expires_at_s);
                Ok(Admission { token: for_kafka.transpose()?, user: claims.user, expires_at_s })
            }
        }
    }
}
