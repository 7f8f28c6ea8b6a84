//! Whom do brokers let in, and for how long? As Kafka does with OAUTHBEARER and `connections.max.reauth.ms`.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use bytes::Bytes;
use kafka_protocol::messages::{
    SaslAuthenticateRequest, SaslAuthenticateResponse, SaslHandshakeRequest, SaslHandshakeResponse,
};

use super::super::super::Now;
use super::answers::{decoded, encoded};
use crate::request::text;
use crate::{Identity, Mechanism, Refusal};

pub(in super::super) const SASL_HANDSHAKE: i16 = 17;
pub(in super::super) const SASL_AUTHENTICATE: i16 = 36;
/// A connection may log in again so long after it did before.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// The tokens that are good: whose they are, and when they end (ms since 1970).
#[derive(Default)]
pub(in super::super) struct Door {
    pub(in super::super) good: HashMap<&'static str, (&'static str, u64)>,
    pub(in super::super) max_session: Option<Duration>,
}

/// Who came in.
pub(in super::super) struct Guest {
    principal: &'static str,
    since: Instant,
    ends_at: Instant,
    /// Whether the next message is a token.
    is_asked: bool,
}

/// A token until then, as a reader shows it.
pub(in super::super) fn token(text: &str, ends_ms: u64) -> Identity {
    Identity::bearer(text, ends_ms).expect("a token")
}

impl Guest {
    pub(in super::super) fn is_over(&self, now: Instant) -> bool {
        now >= self.ends_at
    }

    pub(in super::super) fn lifetime(&self) -> Option<Duration> {
        Some(self.ends_at - self.since)
    }
}

impl Door {
    pub(in super::super) fn let_in(&self, identity: Option<&Identity>, now: Now) -> Result<Guest, Refusal> {
        let text = identity.and_then(Identity::token);
        self.check(text.unwrap_or("none"), now).ok_or(Refusal::Credentials(Mechanism::OAuthBearer))
    }

    fn check(&self, text: &str, now: Now) -> Option<Guest> {
        let (principal, ends_ms) = *self.good.get(text)?;
        let left = ends_ms.checked_sub(now.unix_ms).filter(|left| *left > 0)?;
        let left = Duration::from_millis(left);
        let ends_at = now.at + self.max_session.map_or(left, |longest| longest.min(left));
        Some(Guest { principal, since: now.at, ends_at, is_asked: false })
    }

    /// The answer to a message of a log-in on an open connection.
    pub(in super::super) fn answer(&self, guest: &mut Guest, key: i16, request: Bytes, now: Now) -> Bytes {
        if key == SASL_HANDSHAKE {
            let (version, number, request) = decoded::<SaslHandshakeRequest>(request);
            assert_eq!(request.mechanism.as_str(), "OAUTHBEARER");
            guest.is_asked = now.at >= guest.since + AGAIN_AFTER;
            let answer = SaslHandshakeResponse::default()
                .with_error_code(if guest.is_asked { 0 } else { 34 })
                .with_mechanisms(vec![text("OAUTHBEARER")]);
            return encoded(&answer, version, number);
        }
        let (version, number, request) = decoded::<SaslAuthenticateRequest>(request);
        assert!(std::mem::take(&mut guest.is_asked), "a handshake comes first");
        let message = std::str::from_utf8(&request.auth_bytes).expect("text");
        let token =
            message.strip_prefix("n,,\x01auth=Bearer ").and_then(|rest| rest.strip_suffix("\x01\x01"));
        let again = self.check(token.expect("a token"), now);
        let answer = match again.filter(|again| again.principal == guest.principal) {
            Some(again) => {
                *guest = again;
                let lifetime_ms = (guest.ends_at - guest.since).as_millis() as i64;
                SaslAuthenticateResponse::default().with_session_lifetime_ms(lifetime_ms)
            }
            None => SaslAuthenticateResponse::default().with_error_code(58),
        };
        encoded(&answer, version, number)
    }
}
