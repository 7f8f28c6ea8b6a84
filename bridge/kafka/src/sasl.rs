//! How does a client show a broker who it is?
//!
//! A [`LogIn`] is one exchange of messages: SaslHandshake names the mechanism, SaslAuthenticate carries its messages. On
//! a connection that is open already the same exchange renews the session before its lifetime ends (KIP-368). What a
//! client shows is its [`Identity`], which prints its mechanism and nothing else.

mod identity;
mod scram;

use std::fmt;
use std::time::Duration;

use self::identity::Proof;
pub use self::identity::{BadToken, Identity, ScramHash};
use self::scram::Scram;
use crate::ErrorCode;
use crate::request::Request;
use crate::response::{self, Authenticated, Malformed};

/// A way to log in, by Kafka's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are Kafka's")]
pub enum Mechanism {
    OAuthBearer,
    Plain,
    ScramSha256,
    ScramSha512,
}

impl Mechanism {
    const ALL: [Self; 4] = [Self::OAuthBearer, Self::Plain, Self::ScramSha256, Self::ScramSha512];

    /// Its name in SASL's registry, as settings and brokers write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::OAuthBearer => "OAUTHBEARER",
            Self::Plain => "PLAIN",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha512 => "SCRAM-SHA-512",
        }
    }
}

impl fmt::Display for Mechanism {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The mechanisms of a broker, as far as they are known here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Offered([bool; Mechanism::ALL.len()]);

impl Offered {
    fn add(&mut self, name: &str) {
        for (is_offered, mechanism) in self.0.iter_mut().zip(Mechanism::ALL) {
            *is_offered |= mechanism.name() == name;
        }
    }
}

impl fmt::Display for Offered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let offered = self.0.iter().zip(Mechanism::ALL).filter(|(is_offered, _)| **is_offered);
        let names: Vec<&str> = offered.map(|(_, mechanism)| mechanism.name()).collect();
        f.write_str(if names.is_empty() { "none that is known here" } else { "" })?;
        f.write_str(&names.join(", "))
    }
}

/// Why a broker does not let a client in. A broker's own words are not repeated: they may hold what it was shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The listener has other mechanisms.
    #[error("the listener does not take {wanted}; it has {offered}")]
    Mechanism {
        /// What was asked for.
        wanted: Mechanism,
        /// What there is.
        offered: Offered,
    },
    /// The token or the password is not good; only the broker's log knows why.
    #[error("what was shown for {0} is not good")]
    Credentials(Mechanism),
    /// The broker does not know the password that it should check.
    #[error("the broker does not prove that it knows the password")]
    Impostor,
    /// Another error; a listener without SASL has ILLEGAL_SASL_STATE.
    #[error("{0}")]
    Other(ErrorCode),
}

/// Why a log-in ended without success.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LogInError {
    /// The broker says no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// An answer is not what it should be.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// A nonce cannot be drawn.
    #[error("the system gives no random bytes")]
    NoRandomness,
}

/// What comes next in a log-in.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// Send this; its answer belongs to [`LogIn::take`].
    Ask(Request),
    /// The connection may be used, as long as the broker says.
    Done {
        /// After which the broker ends the connection; `None` where it never does.
        lifetime: Option<Duration>,
    },
}

/// One log-in under way.
#[derive(Debug)]
pub struct LogIn {
    identity: Identity,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    /// The mechanism was named.
    Handshake,
    /// All of a mechanism with one message was sent.
    Sent,
    /// SCRAM's first message was sent, then its second.
    Scram(Box<Scram>),
    Proved(Box<Scram>),
}

impl LogIn {
    /// Begins a log-in: what to send first, under `number`.
    pub fn begin(identity: Identity, number: i32) -> (Self, Request) {
        let request = Request::sasl_handshake(identity.mechanism(), number);
        (Self { identity, stage: Stage::Handshake }, request)
    }

    /// Takes the body of the answer to what was sent last; what is sent next has `number`.
    ///
    /// # Errors
    /// [`LogInError::Refused`] if the broker says no, [`LogInError::Malformed`] if it does not speak as it should. Either
    /// way the connection is of no use for anything else.
    pub fn take(&mut self, body: &[u8], number: i32) -> Result<Step, LogInError> {
        let mechanism = self.identity.mechanism();
        if let Stage::Handshake = self.stage {
            let mut offered = Offered::default();
            return match response::sasl_handshake(body, |name| offered.add(name))?.0 {
                0 => self.first_message(number),
                UNSUPPORTED_SASL_MECHANISM => Err(Refusal::Mechanism { wanted: mechanism, offered }.into()),
                error => Err(Refusal::Other(ErrorCode(error)).into()),
            };
        }
        let Authenticated { error, message, lifetime_ms } = response::authenticated(body)?;
        match error.0 {
            0 => {}
            SASL_AUTHENTICATION_FAILED => return Err(Refusal::Credentials(mechanism).into()),
            _ => return Err(Refusal::Other(error).into()),
        }
        let lifetime = u64::try_from(lifetime_ms).ok().filter(|ms| *ms > 0).map(Duration::from_millis);
        match std::mem::replace(&mut self.stage, Stage::Sent) {
            // A broker has nothing to say to a good token; to a bad one it says what it is missing (RFC 7628, 3.2.2).
            Stage::Sent | Stage::Handshake if message.is_empty() => Ok(Step::Done { lifetime }),
            Stage::Sent | Stage::Handshake => Err(Refusal::Credentials(mechanism).into()),
            Stage::Scram(mut scram) => {
                let Proof::Scram(secret) = self.identity.proof() else { return Err(Malformed.into()) };
                let message = scram.prove(secret, message)?;
                self.stage = Stage::Proved(scram);
                Ok(Step::Ask(Request::sasl_authenticate(message.into(), number)))
            }
            Stage::Proved(scram) => {
                scram.check(message)?;
                Ok(Step::Done { lifetime })
            }
        }
    }

    fn first_message(&mut self, number: i32) -> Result<Step, LogInError> {
        let message = match self.identity.proof() {
            Proof::Plain { username, password } => format!("\0{username}\0{password}"),
            Proof::Bearer { token, .. } => format!("n,,\x01auth=Bearer {token}\x01\x01"),
            Proof::Scram(secret) => {
                let (scram, message) = Scram::begin(secret, scram::nonce()?);
                self.stage = Stage::Scram(Box::new(scram));
                return Ok(Step::Ask(Request::sasl_authenticate(message.into(), number)));
            }
        };
        self.stage = Stage::Sent;
        Ok(Step::Ask(Request::sasl_authenticate(message.into(), number)))
    }
}

const UNSUPPORTED_SASL_MECHANISM: i16 = 33;
const SASL_AUTHENTICATION_FAILED: i16 = 58;

#[cfg(test)]
mod tests;
