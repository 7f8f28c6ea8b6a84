//! How are structured bodies written and read? postcard, with every limit checked and nothing left over.

use alloc::vec::Vec;
use core::{fmt, marker::PhantomData};

use serde::{Deserialize, Deserializer, Serialize, de};

use crate::{DecodeError, EncodeError};

/// Longest text anywhere in a record, in bytes of UTF-8.
pub(crate) const MAX_TEXT_LEN: usize = 256;

/// Reads a value from the whole of `bytes`; `what` names it in the error.
pub(crate) fn take_all<'a, T: Deserialize<'a>>(
    bytes: &'a [u8],
    what: &'static str,
) -> Result<T, DecodeError> {
    let (value, rest) = postcard::take_from_bytes(bytes).map_err(|_| DecodeError::Body { what })?;
    if rest.is_empty() { Ok(value) } else { Err(DecodeError::TrailingBytes { extra: rest.len() }) }
}

/// Writes a value to the start of `out` and gives its length.
pub(crate) fn put<T: Serialize>(value: &T, out: &mut [u8]) -> Result<usize, EncodeError> {
    let capacity = out.len();
    match postcard::to_slice(value, out) {
        Ok(written) => Ok(written.len()),
        Err(_) => Err(EncodeError::OutputTooShort { capacity }),
    }
}

/// Refuses a text that was read and is too long.
pub(crate) fn text(text: &str) -> Result<(), DecodeError> {
    if text.len() <= MAX_TEXT_LEN {
        return Ok(());
    }
    Err(DecodeError::Limit { what: "bytes of text", found: text.len(), limit: MAX_TEXT_LEN })
}

/// Refuses to write a text that is too long.
pub(crate) fn check_text(text: &str) -> Result<(), EncodeError> {
    check_count("bytes of text", text.len(), MAX_TEXT_LEN)
}

/// Refuses to write more than `limit` of something.
pub(crate) fn check_count(what: &'static str, found: usize, limit: usize) -> Result<(), EncodeError> {
    if found <= limit { Ok(()) } else { Err(EncodeError::Limit { what, found, limit }) }
}

/// Reads a list of at most `LIMIT` values; the declared length reserves nothing.
pub(crate) fn list<'de, D, T, const LIMIT: usize>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    deserializer.deserialize_seq(ListVisitor::<T, LIMIT>(PhantomData))
}

struct ListVisitor<T, const LIMIT: usize>(PhantomData<T>);

impl<'de, T: Deserialize<'de>, const LIMIT: usize> de::Visitor<'de> for ListVisitor<T, LIMIT> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list within its limit")
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, mut sequence: A) -> Result<Vec<T>, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = sequence.next_element()? {
            if values.len() == LIMIT {
                return Err(de::Error::custom("list too long"));
            }
            values.push(value);
        }
        Ok(values)
    }
}
