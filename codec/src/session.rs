//! Which run of a game is this, and which partition do its records go to?

use core::{fmt, str};

/// One run of a game: 1 to 64 characters of `A-Z a-z 0-9 . _ -`. Kept inline, so it needs no allocator.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId {
    // Bytes after `length` are zero, so that the derived comparisons see only the id.
    bytes: [u8; Self::MAX_LEN],
    length: u8,
}

/// The text is not a session id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a session id has 1 to 64 characters of A-Z a-z 0-9 . _ -")]
pub struct SessionIdError;

impl SessionId {
    /// The longest session id, in bytes.
    pub const MAX_LEN: usize = 64;

    /// A placeholder while there is no session yet; differs from every session id.
    pub(crate) const NONE: Self = Self { bytes: [0; Self::MAX_LEN], length: 0 };

    /// Checks and keeps a session id.
    ///
    /// # Errors
    /// [`SessionIdError`] if `text` is empty, too long, or has other characters.
    pub fn parse(text: &str) -> Result<Self, SessionIdError> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        let mut bytes = [0; Self::MAX_LEN];
        match bytes.get_mut(..text.len()) {
            Some(start) if !text.is_empty() && text.bytes().all(allowed) => {
                start.copy_from_slice(text.as_bytes())
            }
            _ => return Err(SessionIdError),
        }
        Ok(Self { bytes, length: text.len() as u8 })
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        let text = self.bytes.get(..usize::from(self.length)).unwrap_or_default();
        str::from_utf8(text).unwrap_or_default()
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl str::FromStr for SessionId {
    type Err = SessionIdError;

    fn from_str(text: &str) -> Result<Self, SessionIdError> {
        Self::parse(text)
    }
}

/// The partition of a session's records among `n_partitions` (0 counts as 1), as Kafka's default partitioner
/// chooses it for the session id as key.
///
/// It is computed once per epoch, so that adding partitions never splits a chain of blocks.
pub fn partition_for(session: &SessionId, n_partitions: u32) -> u32 {
    (murmur2(session.as_str().as_bytes()) & 0x7FFF_FFFF) % n_partitions.max(1)
}

/// MurmurHash2 as `org.apache.kafka.common.utils.Utils.murmur2`.
fn murmur2(bytes: &[u8]) -> u32 {
    const SEED: u32 = 0x9747_B28C;
    const M: u32 = 0x5BD1_E995;
    let mut hash = SEED ^ bytes.len() as u32;
    let (chunks, rest) = bytes.as_chunks::<4>();
    for &chunk in chunks {
        let mut k = u32::from_le_bytes(chunk).wrapping_mul(M);
        k ^= k >> 24;
        hash = hash.wrapping_mul(M) ^ k.wrapping_mul(M);
    }
    if !rest.is_empty() {
        for (i, &byte) in rest.iter().enumerate() {
            hash ^= u32::from(byte) << (8 * i);
        }
        hash = hash.wrapping_mul(M);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(M);
    hash ^ (hash >> 15)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, allowed: bool) {
        assert_eq!(SessionId::parse(text).is_ok(), allowed, "{text:?}");
        if let Ok(session) = SessionId::parse(text) {
            assert_eq!(session.as_str(), text);
        }
    }

    #[test]
    fn only_plain_characters_and_lengths_are_allowed() {
        check("", false);
        check("a", true);
        check("2026-11-23T18.04.55_imola", true);
        check("0123456789012345678901234567890123456789012345678901234567890123", true);
        check("01234567890123456789012345678901234567890123456789012345678901234", false);
        check("a b", false);
        check("a/b", false);
        check("é", false);
        check("a\0", false);
    }

    #[test]
    fn murmur2_equals_kafkas() {
        // The cases of Kafka's own UtilsTest.testMurmur2.
        let cases: [(&[u8], i32); 6] = [
            (b"21", -973_932_308),
            (b"foobar", -790_332_482),
            (b"a-little-bit-long-string", -985_981_536),
            (b"a-little-bit-longer-string", -1_486_304_829),
            (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
            (b"abc", 479_470_107),
        ];
        for (key, hash) in cases {
            assert_eq!(murmur2(key) as i32, hash, "{key:?}");
        }
    }

    #[test]
    fn partition_is_the_positive_hash_modulo_the_count() {
        let session = SessionId::parse("foobar").unwrap();
        assert_eq!(partition_for(&session, 10), ((-790_332_482i32) as u32 & 0x7FFF_FFFF) % 10);
        assert_eq!(partition_for(&session, 1), 0);
        assert_eq!(partition_for(&session, 0), 0);
    }
}
