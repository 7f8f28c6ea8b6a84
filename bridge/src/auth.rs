//! Who is calling, and may they?
//!
//! The rules are pure: a token, keys and the time go in, [`Claims`] or an [`AuthError`] come out. Only this module and its
//! children can build a [`VerifiedUser`], and only a [`VerifiedUser`] opens a feed.

mod access;
mod key_file;
mod key_store;
mod keys;
mod remote_keys;
mod reserved;
mod revocations;
mod secret;
mod token;
mod token_id;
mod unique;
mod user_token;

pub use self::access::{Access, Admission, Refusal, Refused, Withdrawal};
pub use self::key_file::KeyFile;
pub use self::key_store::KeyStore;
pub use self::keys::{KeyError, KeyId, KeySet};
pub use self::remote_keys::{Endpoint, EndpointError, FetchError, RemoteKeys};
pub use self::reserved::{NotAName, Reserved, ReservedName};
pub use self::revocations::{Revocation, RevocationStore};
pub use self::secret::Secret;
pub use self::token::{AuthError, Claims, LEEWAY, Rules, verify};
pub use self::token_id::TokenId;
pub use self::user_token::UserToken;

use std::fmt;

use purple_sector_codec::UserId;

/// A user whose identity was checked: by a token, or, in open mode, by the operator's decision to believe everyone.
///
/// There is no public way to make one from a string; that is what keeps one user's data from another.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct VerifiedUser(UserId);

impl VerifiedUser {
    /// The user's id, from which the topic's name is made.
    pub fn id(&self) -> &UserId {
        &self.0
    }

    /// A user for tests of what comes after the check.
    #[cfg(test)]
    pub(crate) fn for_test(id: &str) -> Self {
        Self(UserId::parse(id).expect("a test names a valid user id"))
    }
}

/// Ids hold no control characters, so this is safe to log.
impl fmt::Display for VerifiedUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
