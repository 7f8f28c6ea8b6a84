//! How are structured bytes read? Value by value in postcard's format, with every limit checked.
//!
//! serde and postcard write; this reads the same bytes without them, because a module for a page is a third smaller so,
//! and a header is read faster. Tests hold both against each other.

#[cfg(feature = "alloc")]
use alloc::vec::Vec;

use crate::DecodeError;

/// Reads one value after the other. After the first fault all values are empty ones, and [`Take::finish`] reports it, so
/// that reading needs no branch per value.
pub(crate) struct Take<'a> {
    rest: &'a [u8],
    has_failed: bool,
    /// Length of the first text that was too long.
    too_long: Option<usize>,
}

/// Longest text anywhere in a record, in bytes of UTF-8.
pub(crate) const MAX_TEXT_LEN: usize = 256;

impl<'a> Take<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, has_failed: false, too_long: None }
    }

    /// Whether some value could not be read.
    pub(crate) fn has_failed(&self) -> bool {
        self.has_failed
    }

    /// Ends reading; `what` names the whole in the error.
    pub(crate) fn finish(self, what: &'static str) -> Result<(), DecodeError> {
        match self {
            Self { too_long: Some(found), .. } => {
                Err(DecodeError::Limit { what: "bytes of text", found, limit: MAX_TEXT_LEN })
            }
            Self { has_failed: true, .. } => Err(DecodeError::Body { what }),
            Self { rest: [], .. } => Ok(()),
            Self { rest, .. } => Err(DecodeError::TrailingBytes { extra: rest.len() }),
        }
    }

    /// Ends reading and gives what comes after; nothing if some value could not be read.
    pub(crate) fn rest(self) -> Option<&'a [u8]> {
        (!self.has_failed).then_some(self.rest)
    }

    pub(crate) fn u8(&mut self) -> u8 {
        let [byte] = self.array();
        byte
    }

    pub(crate) fn bool(&mut self) -> bool {
        self.number_below(2) == 1
    }

    pub(crate) fn u16(&mut self) -> u16 {
        self.varint(16) as u16
    }

    pub(crate) fn u32(&mut self) -> u32 {
        self.varint(32) as u32
    }

    pub(crate) fn u64(&mut self) -> u64 {
        self.varint(64)
    }

    /// A number of either sign, zigzag coded.
    pub(crate) fn i64(&mut self) -> i64 {
        let code = self.varint(64);
        (code >> 1) as i64 ^ -((code & 1) as i64)
    }

    pub(crate) fn i32(&mut self) -> i32 {
        let code = self.varint(32);
        (code >> 1) as i32 ^ -((code & 1) as i32)
    }

    #[inline(never)]
    pub(crate) fn f32(&mut self) -> f32 {
        f32::from_le_bytes(self.array())
    }

    /// A byte that must be below `limit`: a choice, or whether there is something.
    #[inline(never)]
    pub(crate) fn number_below(&mut self, limit: u8) -> u8 {
        let number = self.u8();
        if number < limit { number } else { self.fail() }
    }

    #[inline(never)]
    pub(crate) fn text(&mut self) -> &'a str {
        let len = self.u32() as usize;
        self.text_of(len)
    }

    /// A text of `len` bytes.
    fn text_of(&mut self, len: usize) -> &'a str {
        match self.rest.split_at_checked(len).map(|(text, rest)| (core::str::from_utf8(text), rest)) {
            Some((Ok(text), rest)) if !self.has_failed => {
                self.rest = rest;
                text
            }
            _ => self.fail(),
        }
    }

    /// A text of at most [`MAX_TEXT_LEN`] bytes.
    #[inline(never)]
    pub(crate) fn short_text(&mut self) -> &'a str {
        let len = self.u32() as usize;
        if len > MAX_TEXT_LEN {
            self.too_long = Some(len);
            return self.fail();
        }
        self.text_of(len)
    }

    /// So many bytes as they are.
    #[inline(always)]
    pub(crate) fn array<const N: usize>(&mut self) -> [u8; N] {
        match self.rest.split_first_chunk() {
            Some((bytes, rest)) => {
                self.rest = rest;
                *bytes
            }
            None => {
                self.fail::<()>();
                [0; N]
            }
        }
    }

    #[cfg(feature = "alloc")]
    pub(crate) fn option<T>(&mut self, take: impl FnOnce(&mut Self) -> T) -> Option<T> {
        self.bool().then(|| take(self))
    }

    /// A list of at most `limit` values; the declared length reserves nothing.
    #[cfg(feature = "alloc")]
    pub(crate) fn list<T>(&mut self, limit: usize, mut take: impl FnMut(&mut Self) -> T) -> Vec<T> {
        let n_values = self.u32() as usize;
        let mut values = Vec::new();
        if n_values > limit {
            return self.fail();
        }
        while values.len() < n_values && !self.has_failed {
            values.push(take(self));
        }
        values
    }

    /// A number of up to `n_bits` bits, seven in a byte, the lowest first, until a byte below 128.
    #[inline(never)]
    fn varint(&mut self, n_bits: u32) -> u64 {
        let mut value = 0;
        for shift in (0..n_bits).step_by(7) {
            let byte = self.u8();
            let bits = u64::from(byte & 0x7F);
            if bits > (u64::MAX >> (64 - n_bits)) >> shift {
                return self.fail();
            }
            value |= bits << shift;
            if byte < 0x80 {
                return value;
            }
        }
        self.fail()
    }

    #[cold]
    #[inline(never)]
    fn fail<T: Default>(&mut self) -> T {
        self.has_failed = true;
        self.rest = &[];
        T::default()
    }
}

#[cfg(all(test, feature = "alloc"))]
mod tests {
    use alloc::string::String;

    use proptest::prelude::*;

    use super::*;

    /// What `take` reads of the whole of `bytes`.
    fn read<'a, T>(bytes: &'a [u8], take: impl FnOnce(&mut Take<'a>) -> T) -> Option<T> {
        let mut reader = Take::new(bytes);
        let value = take(&mut reader);
        reader.finish("test").ok().map(|()| value)
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_as_postcard_reads_them(bytes in prop::collection::vec(any::<u8>(), 0..14)) {
            fn by_postcard<'a, T: serde::Deserialize<'a>>(bytes: &'a [u8]) -> Option<T> {
                postcard::take_from_bytes(bytes).ok().and_then(|(value, rest)| rest.is_empty().then_some(value))
            }
            prop_assert_eq!(read(&bytes, Take::u8), by_postcard(&bytes));
            prop_assert_eq!(read(&bytes, Take::bool), by_postcard(&bytes));
            prop_assert_eq!(read(&bytes, Take::u16), by_postcard(&bytes));
            prop_assert_eq!(read(&bytes, Take::u32), by_postcard(&bytes));
            prop_assert_eq!(read(&bytes, Take::u64), by_postcard(&bytes));
            prop_assert_eq!(read(&bytes, Take::i32), by_postcard(&bytes));
            prop_assert_eq!(read(&bytes, Take::i64), by_postcard(&bytes));
            prop_assert_eq!(read(&bytes, Take::f32).map(f32::to_bits), by_postcard(&bytes).map(f32::to_bits));
            prop_assert_eq!(read(&bytes, |take| take.option(Take::u16)), by_postcard(&bytes));
            prop_assert_eq!(read(&bytes, |take| take.list(16, Take::u16)), by_postcard(&bytes));
            prop_assert_eq!(read(&bytes, Take::text), by_postcard(&bytes));
        }

        #[test]
        fn what_postcard_writes_is_read(a: u64, b: i64, c: Option<u16>, d: f32, e: String, f: bool, g: Vec<u32>) {
            let bytes = postcard::to_allocvec(&(a, b, c, d, e.as_str(), f, &g)).unwrap();
            let mut take = Take::new(&bytes);
            prop_assert_eq!((take.u64(), take.i64(), take.option(Take::u16)), (a, b, c));
            prop_assert_eq!((take.f32().to_bits(), take.text(), take.bool()), (d.to_bits(), e.as_str(), f));
            prop_assert_eq!(take.list(g.len(), Take::u32), g);
            prop_assert_eq!(take.finish("test"), Ok(()));
        }
    }

    #[test]
    fn after_a_fault_everything_is_empty() {
        let mut take = Take::new(&[2, 1, 1]);
        assert!(!take.bool());
        assert!(take.has_failed());
        assert_eq!((take.u8(), take.u64(), take.text()), (0, 0, ""));
        assert_eq!(take.rest(), None);
    }

    #[test]
    fn a_text_beyond_its_limit_is_refused_by_its_length_alone() {
        let mut take = Take::new(&[0x81, 0x02, 0xFF]);
        assert_eq!(take.short_text(), "");
        assert!(matches!(take.finish("test"), Err(DecodeError::Limit { found: 257, .. })));
        let mut take = Take::new(&[0x80, 0x02, 0xFF]);
        assert_eq!(take.short_text(), "");
        assert_eq!(take.finish("test"), Err(DecodeError::Body { what: "test" }));
    }

    #[test]
    fn a_list_beyond_its_limit_is_refused() {
        assert_eq!(read(&[2, 7, 8], |take| take.list(2, Take::u8)), Some([7, 8].into()));
        assert_eq!(read(&[2, 7, 8], |take| take.list(1, Take::u8)), None);
    }
}
