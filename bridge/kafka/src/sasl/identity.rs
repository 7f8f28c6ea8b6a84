//! What does a client show, and how does it stay out of logs?

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use super::Mechanism;
use super::scram::Salted;

/// Who a client is, and how it proves that. It prints as its mechanism. Two are equal if they are the same token, or one
/// a copy of the other.
#[derive(Clone)]
pub struct Identity(Arc<Proof>);

/// The hash of a SCRAM mechanism.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum ScramHash {
    Sha256,
    Sha512,
}

pub(super) enum Proof {
    Plain { username: String, password: String },
    Scram(ScramSecret),
    Bearer { token: String, expires_at_ms: u64 },
}

/// A name and a password, and what the last broker's salt made of it: deriving that takes milliseconds, and all brokers
/// of a cluster have the same salt.
pub(super) struct ScramSecret {
    pub(super) hash: ScramHash,
    pub(super) username: String,
    password: String,
    salted: Mutex<Option<Arc<Salted>>>,
}

/// The token holds a character that tokens do not have (RFC 6750, section 2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a bearer token")]
pub struct BadToken;

impl Identity {
    /// A name and a password, which the broker gets to see.
    pub fn plain(username: &str, password: &str) -> Self {
        let (username, password) = (username.to_owned(), password.to_owned());
        Self(Arc::new(Proof::Plain { username, password }))
    }

    /// A name and a password, which the broker does not get to see.
    pub fn scram(hash: ScramHash, username: &str, password: &str) -> Self {
        let (username, password) = (username.to_owned(), password.to_owned());
        Self(Arc::new(Proof::Scram(ScramSecret { hash, username, password, salted: Mutex::default() })))
    }

    /// A token that is good until `expires_at_ms` (since 1970).
    ///
    /// # Errors
    /// [`BadToken`] for characters that could be read as more than a token.
    pub fn bearer(token: &str, expires_at_ms: u64) -> Result<Self, BadToken> {
        let is_of_a_token = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(byte);
        if token.is_empty() || !token.as_bytes().iter().all(is_of_a_token) {
            return Err(BadToken);
        }
        Ok(Self(Arc::new(Proof::Bearer { token: token.to_owned(), expires_at_ms })))
    }

    /// How it logs in.
    pub fn mechanism(&self) -> Mechanism {
        match &*self.0 {
            Proof::Plain { .. } => Mechanism::Plain,
            Proof::Bearer { .. } => Mechanism::OAuthBearer,
            Proof::Scram(ScramSecret { hash: ScramHash::Sha256, .. }) => Mechanism::ScramSha256,
            Proof::Scram(ScramSecret { hash: ScramHash::Sha512, .. }) => Mechanism::ScramSha512,
        }
    }

    /// When it ends, in milliseconds since 1970, where it does.
    pub fn expires_at_ms(&self) -> Option<u64> {
        match &*self.0 {
            Proof::Bearer { expires_at_ms, .. } => Some(*expires_at_ms),
            Proof::Plain { .. } | Proof::Scram(_) => None,
        }
    }

    pub(super) fn proof(&self) -> &Proof {
        &self.0
    }

    #[cfg(test)]
    pub(crate) fn token(&self) -> Option<&str> {
        match &*self.0 {
            Proof::Bearer { token, .. } => Some(token),
            _ => None,
        }
    }
}

impl PartialEq for Identity {
    fn eq(&self, other: &Self) -> bool {
        match (&*self.0, &*other.0) {
            (Proof::Bearer { token, .. }, Proof::Bearer { token: other, .. }) => token == other,
            // There is one of these in a program.
            _ => Arc::ptr_eq(&self.0, &other.0),
        }
    }
}

impl Eq for Identity {}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity({})", self.mechanism())
    }
}

impl ScramSecret {
    /// What `salt` and so many iterations make of the password.
    pub(super) fn salted(&self, salt: &[u8], n_iterations: u32) -> Arc<Salted> {
        let mut known = self.salted.lock().unwrap_or_else(PoisonError::into_inner);
        match &*known {
            Some(salted) if salted.is_of(salt, n_iterations) => salted.clone(),
            _ => {
                let salted = Arc::new(Salted::derive(self.hash, &self.password, salt, n_iterations));
                *known = Some(salted.clone());
                salted
            }
        }
    }
}
