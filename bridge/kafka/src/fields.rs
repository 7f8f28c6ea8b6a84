//! How are the fields of an answer read, when nothing that it declares can be trusted?
//!
//! Every field is checked against the bytes that are there; no length that an answer declares allocates anything.

use crate::response::Malformed;

/// What is left of an answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All bytes that are left.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.0
    }

    pub(crate) fn bytes(&mut self, length: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(Malformed)?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(Malformed)?;
        self.0 = rest;
        Ok(*taken)
    }

    pub(crate) fn i8(&mut self) -> Result<i8, Malformed> {
        self.array().map(i8::from_be_bytes)
    }

    pub(crate) fn i16(&mut self) -> Result<i16, Malformed> {
        self.array().map(i16::from_be_bytes)
    }

    pub(crate) fn i32(&mut self) -> Result<i32, Malformed> {
        self.array().map(i32::from_be_bytes)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, Malformed> {
        self.array().map(u32::from_be_bytes)
    }

    pub(crate) fn i64(&mut self) -> Result<i64, Malformed> {
        self.array().map(i64::from_be_bytes)
    }

    pub(crate) fn uuid(&mut self) -> Result<[u8; 16], Malformed> {
        self.array()
    }

    pub(crate) fn varint(&mut self) -> Result<u32, Malformed> {
        u32::try_from(self.varint_64()?).map_err(|_| Malformed)
    }

    fn varint_64(&mut self) -> Result<u64, Malformed> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let [byte] = self.array()?;
            value |= u64::from(byte & 0x7F) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(Malformed)
    }

    /// A signed number in zigzag form, as records have them.
    pub(crate) fn zigzag(&mut self) -> Result<i64, Malformed> {
        let value = self.varint_64()?;
        Ok((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    /// How many elements an array has; 0 for an absent one. Each takes at least a byte, so a false number is noticed here.
    pub(crate) fn compact_len(&mut self) -> Result<usize, Malformed> {
        let length = (self.varint()? as usize).saturating_sub(1);
        if length > self.0.len() { Err(Malformed) } else { Ok(length) }
    }

    /// Bytes that may be absent, which reads as empty.
    pub(crate) fn compact_bytes(&mut self) -> Result<&'a [u8], Malformed> {
        let length = self.compact_len()?;
        self.bytes(length)
    }

    pub(crate) fn compact_str(&mut self) -> Result<&'a str, Malformed> {
        std::str::from_utf8(self.compact_bytes()?).map_err(|_| Malformed)
    }

    /// Skips fields that an older or newer broker adds.
    pub(crate) fn skip_tags(&mut self) -> Result<(), Malformed> {
        for _ in 0..self.varint()? {
            self.varint()?;
            let length = self.varint()? as usize;
            self.bytes(length)?;
        }
        Ok(())
    }

    /// Skips an array whose elements have this many bytes each.
    pub(crate) fn skip_array(&mut self, element_len: usize) -> Result<(), Malformed> {
        let length = self.compact_len()?;
        self.bytes(length.checked_mul(element_len).ok_or(Malformed)?).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_end_where_their_bytes_end() {
        assert_eq!(Fields::new(&[0xAC, 0x02]).varint(), Ok(300));
        assert_eq!(Fields::new(&[0xAC]).varint(), Err(Malformed));
        assert_eq!(Fields::new(&[0xFF, 0xFF, 0xFF, 0xFF, 0x0F]).varint(), Ok(u32::MAX));
        assert_eq!(Fields::new(&[0xFF, 0xFF, 0xFF, 0xFF, 0x1F]).varint(), Err(Malformed));
        assert_eq!(Fields::new(&[0xFF; 11]).varint(), Err(Malformed));
        assert_eq!(Fields::new(&[1]).zigzag(), Ok(-1));
        assert_eq!(Fields::new(&[0, 0, 1]).i32(), Err(Malformed));
    }

    #[test]
    fn a_length_beyond_the_bytes_is_refused_before_anything_is_done_with_it() {
        assert_eq!(Fields::new(&[3, 1, 2]).compact_bytes(), Ok(&[1, 2][..]));
        assert_eq!(Fields::new(&[4, 1, 2]).compact_bytes(), Err(Malformed));
        assert_eq!(Fields::new(&[0xFF, 0xFF, 0xFF, 0xFF, 0x0F, 1]).compact_len(), Err(Malformed));
        assert_eq!(Fields::new(&[0]).compact_bytes(), Ok(&[][..]), "absent");
        assert_eq!(Fields::new(&[2, 1]).skip_array(usize::MAX), Err(Malformed));
    }
}
