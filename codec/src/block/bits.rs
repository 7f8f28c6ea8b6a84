//! How are bits written to and read from bytes? Lowest bit first, in any width up to 32.

/// Writes bits into a slice that is long enough: what does not fit is lost, so callers check the length first.
pub(super) struct BitWriter<'a> {
    out: &'a mut [u8],
    /// Bytes of `out` that are final.
    at: usize,
    /// Bits not yet written, lowest first.
    pending: u64,
    /// Number of bits in `pending`, below 32 between calls.
    n_pending: u32,
}

impl<'a> BitWriter<'a> {
    pub(super) fn new(out: &'a mut [u8]) -> Self {
        Self { out, at: 0, pending: 0, n_pending: 0 }
    }

    /// Writes the lowest `width` (0 to 32) bits of `value`; the bits above must be zero.
    #[inline(always)]
    pub(super) fn put(&mut self, value: u32, width: u32) {
        self.pending |= u64::from(value) << self.n_pending;
        self.n_pending += width;
        if self.n_pending >= 32 {
            if let Some(word) = self.out.get_mut(self.at..self.at + 4) {
                word.copy_from_slice(&(self.pending as u32).to_le_bytes());
            }
            self.at += 4;
            self.pending >>= 32;
            self.n_pending -= 32;
        }
    }

    /// Fills the last byte with zeros and returns the number of bytes written.
    pub(super) fn finish(mut self) -> usize {
        while self.n_pending > 0 {
            if let Some(byte) = self.out.get_mut(self.at) {
                *byte = self.pending as u8;
            }
            self.at += 1;
            self.pending >>= 8;
            self.n_pending = self.n_pending.saturating_sub(8);
        }
        self.at
    }
}

/// Reads bits of a slice by their position. Beyond the end there are zeros; callers check the length.
#[derive(Clone, Copy)]
pub(super) struct BitReader<'a> {
    bytes: &'a [u8],
    /// Position of the next bit.
    at: usize,
}

impl<'a> BitReader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// Position of the next bit, which may lie beyond the end.
    pub(super) fn position(&self) -> usize {
        self.at
    }

    /// Reads `width` (0 to 32) bits.
    #[inline(always)]
    pub(super) fn take(&mut self, width: u32) -> u32 {
        let value = self.peek() & ((1_u64 << width) - 1);
        self.at += width as usize;
        value as u32
    }

    /// Moves on by `n_bits` bits.
    #[inline(always)]
    pub(super) fn skip(&mut self, n_bits: usize) {
        self.at += n_bits;
    }

    /// The next bits, at least 57 of them, in the lowest places.
    #[inline(always)]
    pub(super) fn peek(&self) -> u64 {
        let first = self.at / 8;
        let word = match self.bytes.get(first..first + 8) {
            Some(word) => {
                u64::from_le_bytes([word[0], word[1], word[2], word[3], word[4], word[5], word[6], word[7]])
            }
            None => self.last_word(first),
        };
        word >> (self.at % 8)
    }

    /// Up to eight bytes from `first` on, followed by zeros.
    #[cold]
    fn last_word(&self, first: usize) -> u64 {
        let rest = self.bytes.get(first..).unwrap_or(&[]);
        rest.iter().rev().fold(0, |word, byte| (word << 8) | u64::from(*byte))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_in_any_width_is_read_again() {
        let mut bytes = [0; 4 * 33];
        let mut writer = BitWriter::new(&mut bytes);
        let values = |width: u32| 0xdead_beef_u32 & ((1_u64 << width) - 1) as u32;
        (0..=32).for_each(|width| writer.put(values(width), width));
        let len = writer.finish();
        assert_eq!(len, (0..=32_usize).sum::<usize>().div_ceil(8));
        let mut reader = BitReader::new(&bytes[..len]);
        (0..=32).for_each(|width| assert_eq!(reader.take(width), values(width), "width {width}"));
    }

    #[test]
    fn bits_come_lowest_first() {
        let mut bytes = [0; 2];
        let mut writer = BitWriter::new(&mut bytes);
        writer.put(1, 1);
        writer.put(0, 2);
        writer.put(0b11, 2);
        writer.put(1, 4);
        assert_eq!(writer.finish(), 2);
        assert_eq!(bytes, [0b0011_1001, 0]);
    }

    #[test]
    fn beyond_the_end_there_are_zeros() {
        let mut reader = BitReader::new(&[0xff]);
        reader.skip(4);
        assert_eq!(reader.take(32), 0x0f);
        assert_eq!(reader.take(32), 0);
        assert_eq!(reader.position(), 68);
    }
}
