//! Whose data is this, and what are the names made from that?

use alloc::{borrow::ToOwned, boxed::Box, string::String};
use core::{fmt, str};

use crate::topic::Topic;

const TOPIC_PREFIX: &str = "telemetry-user-";
const GROUP_PREFIX: &str = "telemetry-processors-bridge-";
const ENCODED_PREFIX: &str = "x-";
const BASE32: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// A user, whose data only that user sees.
///
/// Ids of `A-Z a-z 0-9 -` (1 to 64 characters, not starting with `x-`) are in topic and group names as they are;
/// any other id is there as `x-` and the base32 of its bytes, so two users never share a name.
///
/// ```
/// use purple_sector_codec::{UserId, UserIdError};
///
/// let alice = UserId::parse("alice")?;
/// assert_eq!(alice.topic().as_str(), "telemetry-user-alice");
/// assert_eq!(UserId::from_topic(alice.topic().as_str()), Ok(alice));
///
/// // What Kafka's names cannot hold is written in base32; no two ids give the same name.
/// let zoe = UserId::parse("zoë@example.com")?;
/// assert!(zoe.topic().as_str().starts_with("telemetry-user-x-"));
/// assert_eq!(UserId::from_topic(zoe.topic().as_str()), Ok(zoe));
///
/// assert_eq!(UserId::parse(" alice"), Err(UserIdError::Padded));
/// # Ok::<(), UserIdError>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserId(Box<str>);

/// The text is not a user id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UserIdError {
    /// There is nothing in it.
    #[error("user id is empty")]
    Empty,
    /// It is longer than [`UserId::MAX_LEN`].
    #[error("user id has {found} bytes, the limit is {limit}")]
    TooLong {
        /// Bytes of the refused id.
        found: usize,
        /// Bytes that are allowed.
        limit: usize,
    },
    /// It has a control character.
    #[error("user id has a control character")]
    ControlCharacter,
    /// It starts or ends with white space, which Kafka would trim: two ids would become one principal.
    #[error("user id starts or ends with white space")]
    Padded,
    /// The name is not a topic that [`UserId::topic`] makes.
    #[error("not the topic of a user")]
    NotAUserTopic,
}

impl UserId {
    /// The longest user id, in bytes of UTF-8. The topic of such an id has 222 of the 249 characters that Kafka allows.
    pub const MAX_LEN: usize = 128;

    /// Checks and keeps a user id.
    ///
    /// # Errors
    /// A [`UserIdError`] that says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, UserIdError> {
        if text.is_empty() {
            return Err(UserIdError::Empty);
        }
        if text.len() > Self::MAX_LEN {
            return Err(UserIdError::TooLong { found: text.len(), limit: Self::MAX_LEN });
        }
        if text.chars().any(char::is_control) {
            return Err(UserIdError::ControlCharacter);
        }
        if text.trim().len() != text.len() {
            return Err(UserIdError::Padded);
        }
        Ok(Self(text.into()))
    }

    /// The user whose topic is named `topic`.
    ///
    /// # Errors
    /// [`UserIdError::NotAUserTopic`] unless [`topic`](Self::topic) of some user gives exactly this name.
    pub fn from_topic(topic: &str) -> Result<Self, UserIdError> {
        let name = topic.strip_prefix(TOPIC_PREFIX).ok_or(UserIdError::NotAUserTopic)?;
        let user = match name.strip_prefix(ENCODED_PREFIX) {
            Some(digits) => from_base32(digits).and_then(|text| Self::parse(&text).ok()),
            None => Self::parse(name).ok(),
        };
        user.filter(|user| user.name() == name).ok_or(UserIdError::NotAUserTopic)
    }

    /// The user's id as given.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The Kafka topic that holds this user's records, and no one else's.
    pub fn topic(&self) -> Topic {
        Topic::new(&(TOPIC_PREFIX.to_owned() + &self.name()))
    }

    /// The Kafka consumer group under which bridges publish how far they have read for this user.
    pub fn group(&self) -> String {
        GROUP_PREFIX.to_owned() + &self.name()
    }

    /// The id as it appears in names.
    fn name(&self) -> String {
        let plain = self.0.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if plain && self.0.len() <= 64 && !self.0.starts_with(ENCODED_PREFIX) {
            self.0.as_ref().to_owned()
        } else {
            to_base32(self.0.as_bytes())
        }
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl str::FromStr for UserId {
    type Err = UserIdError;

    fn from_str(text: &str) -> Result<Self, UserIdError> {
        Self::parse(text)
    }
}

/// `x-` and the lower-case base32 (RFC 4648, without padding) of `bytes`.
fn to_base32(bytes: &[u8]) -> String {
    let mut text = ENCODED_PREFIX.to_owned();
    for chunk in bytes.chunks(5) {
        let mut padded = [0; 8];
        padded[3..3 + chunk.len()].copy_from_slice(chunk);
        let bits = u64::from_be_bytes(padded);
        for digit in 0..(chunk.len() * 8).div_ceil(5) {
            text.push(char::from(BASE32[(bits >> (35 - 5 * digit)) as usize & 31]));
        }
    }
    text
}

/// The text whose base32 is `digits`. Lenient about left-over bits: the caller compares with what it would write.
fn from_base32(digits: &str) -> Option<String> {
    let mut bytes = alloc::vec::Vec::new();
    let (mut bits, mut n_bits) = (0u32, 0);
    for digit in digits.bytes() {
        let value = BASE32.iter().position(|&known| known == digit)?;
        bits = (bits << 5 | value as u32) & 0xFFF;
        n_bits += 5;
        if n_bits >= 8 {
            n_bits -= 8;
            bytes.push((bits >> n_bits) as u8);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[track_caller]
    fn check(id: &str, name: &str) {
        let user = UserId::parse(id).unwrap();
        assert_eq!(user.to_string(), id);
        assert_eq!(user.topic().as_str(), TOPIC_PREFIX.to_owned() + name);
        assert_eq!(user.group(), GROUP_PREFIX.to_owned() + name);
        assert_eq!(UserId::from_topic(user.topic().as_str()), Ok(user));
    }

    #[track_caller]
    fn check_refused(id: &str, error: UserIdError) {
        assert_eq!(UserId::parse(id), Err(error));
    }

    #[test]
    fn plain_ids_stand_as_they_are() {
        check("alice", "alice");
        check("Alice-7", "Alice-7");
        check("-", "-");
        check("X-alice", "X-alice");
        check(&"a".repeat(64), &"a".repeat(64));
    }

    #[test]
    fn other_ids_are_encoded() {
        check("x-alice", "x-pawwc3djmnsq");
        check("alice@example.com", "x-mfwgsy3fibsxqylnobwgkltdn5wq");
        check("f", "f");
        check("f_", "x-mzpq");
        check("auth0|5f7c", "x-mf2xi2bqpq2wmn3d");
        check("юзер", "x-2ghnbn6qwxiya");
    }

    #[test]
    fn long_ids_are_encoded_and_fit_a_topic_name() {
        let id = "a".repeat(65);
        assert!(UserId::parse(&id).unwrap().topic().as_str().starts_with("telemetry-user-x-"));
        assert_eq!(UserId::parse(&"a".repeat(128)).unwrap().topic().as_str().len(), 222);
        check_refused(&"a".repeat(129), UserIdError::TooLong { found: 129, limit: 128 });
    }

    #[test]
    fn ids_that_could_be_mixed_up_are_refused() {
        check_refused("", UserIdError::Empty);
        check_refused(" alice", UserIdError::Padded);
        check_refused("alice\u{a0}", UserIdError::Padded);
        check_refused("ali\nce", UserIdError::ControlCharacter);
        check_refused("alice\0", UserIdError::ControlCharacter);
        check_refused("ali\u{85}ce", UserIdError::ControlCharacter);
    }

    #[test]
    fn only_names_that_topic_makes_are_read_back() {
        for topic in [
            "telemetry",
            "telemetry-user-",
            "telemetry-user-a_b",
            "telemetry-user-x-",
            "telemetry-user-x-MZPQ",
            "telemetry-user-x-mzpr",      // left-over bits
            "telemetry-user-x-mzpqa",     // a digit too many
            "telemetry-user-x-mfwgsy3f",  // "alice", which stays as it is
            "telemetry-user-x-mfwgsy3f1", // no base32 digit
            "__consumer_offsets",
        ] {
            assert_eq!(UserId::from_topic(topic), Err(UserIdError::NotAUserTopic), "{topic}");
        }
    }
}
