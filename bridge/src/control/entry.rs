//! What do the bridges tell each other?
//!
//! Each entry is a Kafka record: the key says what it is about, so that the topic's compaction keeps the newest of each, and
//! the value is JSON. An entry that a bridge does not know is from a newer one, and passed over.

use purple_sector_codec::UserId;
use serde::{Deserialize, Serialize};

use crate::auth::{Revocation, TokenId};

/// Longest value that is read, in bytes.
pub(super) const MAX_VALUE_BYTES: usize = 16 * 1024;

/// What is written to the control topic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Entry {
    /// One token is good no longer.
    TokenRevoked {
        /// Its `jti`.
        id: String,
        /// When it ends anyway, in Unix seconds.
        keep_until_s: u64,
    },
    /// A user's tokens that were made up to a moment are good no longer.
    UserRevoked {
        /// Whose.
        user: String,
        /// That moment, in Unix seconds.
        issued_until_s: u64,
        /// When the last of them ends anyway, in Unix seconds.
        keep_until_s: u64,
    },
}

/// Why an entry means nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum EntryError {
    #[error("it is longer than {} KiB", MAX_VALUE_BYTES / 1024)]
    TooLong,
    #[error("it is not an entry that this bridge knows")]
    Unknown,
    #[error("it does not name a token or a user")]
    Name,
}

impl Entry {
    /// The key of its record.
    pub(super) fn key(&self) -> String {
        match self {
            Self::TokenRevoked { id, .. } => format!("revoked/token/{id}"),
            Self::UserRevoked { user, .. } => format!("revoked/user/{user}"),
        }
    }

    /// The value of its record.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        // Text and numbers always are JSON.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Reads the value of a record.
    pub(super) fn parse(value: &[u8]) -> Result<Self, EntryError> {
        if value.len() > MAX_VALUE_BYTES {
            return Err(EntryError::TooLong);
        }
        serde_json::from_slice(value).map_err(|_| EntryError::Unknown)
    }

    /// What it revokes.
    pub(super) fn revocation(&self) -> Result<Revocation, EntryError> {
        match self {
            Self::TokenRevoked { id, keep_until_s } => {
                let id = TokenId::parse(id).ok_or(EntryError::Name)?;
                Ok(Revocation::Token { id, keep_until_s: *keep_until_s })
            }
            Self::UserRevoked { user, issued_until_s, keep_until_s } => {
                let user = UserId::parse(user).map_err(|_| EntryError::Name)?;
                let (issued_until_s, keep_until_s) = (*issued_until_s, *keep_until_s);
                Ok(Revocation::User { user, issued_until_s, keep_until_s })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_come_back_as_they_went() {
        let token = Entry::TokenRevoked { id: "a1".into(), keep_until_s: 7 };
        let user = Entry::UserRevoked { user: "zoë@example.com".into(), issued_until_s: 5, keep_until_s: 7 };
        for (entry, key) in [(token, "revoked/token/a1"), (user, "revoked/user/zoë@example.com")] {
            assert_eq!(entry.key(), key);
            assert_eq!(Entry::parse(&entry.to_bytes()), Ok(entry.clone()));
            assert!(entry.revocation().is_ok());
        }
    }

    #[test]
    fn the_form_of_entries_is_a_contract_between_versions() {
        let json = r#"{"kind":"token_revoked","id":"a1","keep_until_s":7,"from_a_newer_version":1}"#;
        assert_eq!(
            Entry::parse(json.as_bytes()),
            Ok(Entry::TokenRevoked { id: "a1".into(), keep_until_s: 7 })
        );
        let json = r#"{"kind":"user_revoked","user":"alice","issued_until_s":5,"keep_until_s":7}"#;
        let user = Entry::UserRevoked { user: "alice".into(), issued_until_s: 5, keep_until_s: 7 };
        assert_eq!(Entry::parse(json.as_bytes()), Ok(user));
    }

    #[test]
    fn what_is_not_an_entry_is_told_apart() {
        for value in
            ["", "null", "[]", "{}", r#"{"kind":"weather"}"#, r#"{"kind":"token_revoked","id":"a"}"#, "\u{0}"]
        {
            assert_eq!(Entry::parse(value.as_bytes()), Err(EntryError::Unknown), "{value}");
        }
        assert_eq!(Entry::parse(&[b' '; MAX_VALUE_BYTES + 1]), Err(EntryError::TooLong));
        let nameless = Entry::TokenRevoked { id: "a b".into(), keep_until_s: 7 };
        assert_eq!(nameless.revocation(), Err(EntryError::Name));
        let nobody = Entry::UserRevoked { user: " ".into(), issued_until_s: 0, keep_until_s: 0 };
        assert_eq!(nobody.revocation(), Err(EntryError::Name));
    }
}
