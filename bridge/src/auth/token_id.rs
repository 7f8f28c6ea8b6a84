//! What is one token called?

use std::fmt;
use std::sync::Arc;

/// Longest `jti`, in bytes.
const MAX_BYTES: usize = 128;

/// A token's `jti`: visible ASCII, so that it can be logged and used as a key.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TokenId(Arc<str>);

impl TokenId {
    /// Reads an id of 1 to 128 visible ASCII characters.
    pub fn parse(text: &str) -> Option<Self> {
        let is_good =
            (1..=MAX_BYTES).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        is_good.then(|| Self(text.into()))
    }

    /// The id as the issuer wrote it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_short_and_visible() {
        for text in ["a", "4f9c-1", &"x".repeat(128)] {
            assert_eq!(TokenId::parse(text).map(|id| id.to_string()).as_deref(), Some(text));
        }
        for text in ["", "a b", "a\nb", "\u{1b}[2J", "é", &"x".repeat(129)] {
            assert_eq!(TokenId::parse(text), None, "{text:?}");
        }
    }
}
