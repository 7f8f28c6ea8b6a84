//! How are structured bodies written? By serde and postcard, with every limit checked. `take` reads them.

use serde::Serialize;

use crate::{EncodeError, take::MAX_TEXT_LEN};

/// Writes a value to the start of `out` and gives its length.
pub(crate) fn put<T: Serialize>(value: &T, out: &mut [u8]) -> Result<usize, EncodeError> {
    let capacity = out.len();
    match postcard::to_slice(value, out) {
        Ok(written) => Ok(written.len()),
        Err(_) => Err(EncodeError::OutputTooShort { capacity }),
    }
}

/// Refuses to write a text that is too long.
pub(crate) fn check_text(text: &str) -> Result<(), EncodeError> {
    check_count("bytes of text", text.len(), MAX_TEXT_LEN)
}

/// Refuses to write more than `limit` of something.
pub(crate) fn check_count(what: &'static str, found: usize, limit: usize) -> Result<(), EncodeError> {
    if found <= limit { Ok(()) } else { Err(EncodeError::Limit { what, found, limit }) }
}
