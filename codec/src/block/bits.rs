//! How are bits written to and read from bytes? Lowest bit first, up to 56 at a time.

/// Most bits that one call writes or reads: what is left of a 64-bit word that starts anywhere in its first byte.
pub(super) const MAX_BITS: u32 = 56;

/// Bytes that the output must have beyond the last bit, because whole words are written.
pub(super) const SLACK: usize = 8;

/// Writes bits into a slice that is long enough: what does not fit is lost, so callers check the length first.
pub(super) struct BitWriter<'a> {
    out: &'a mut [u8],
    /// Position of the next bit. Far below 2^32: a body has at most 2^24.
    at: u32,
    /// The bits before it in its byte, lowest first.
    pending: u64,
}

impl<'a> BitWriter<'a> {
    pub(super) fn new(out: &'a mut [u8]) -> Self {
        Self { out, at: 0, pending: 0 }
    }

    /// Writes the lowest `width` (0 to [`MAX_BITS`]) bits of `value`; the bits above must be zero.
    #[inline(always)]
    pub(super) fn put(&mut self, value: u64, width: u32) {
        let (first, n_pending) = ((self.at / 8) as usize, self.at % 8);
        let word = self.pending | value << n_pending;
        if let Some(bytes) = self.out.get_mut(first..first + 8) {
            bytes.copy_from_slice(&word.to_le_bytes());
        }
        self.pending = word >> ((n_pending + width) & !7);
        self.at += width;
    }

    /// Returns the number of bytes written; the last one is filled with zeros.
    pub(super) fn finish(self) -> usize {
        self.at.div_ceil(8) as usize
    }
}

/// Reads bits of a slice by their position. Beyond the end there are zeros; callers check the length.
#[derive(Clone, Copy)]
pub(super) struct BitReader<'a> {
    bytes: &'a [u8],
    /// The last word of the bytes, for reads that would go beyond the end.
    tail: u64,
    /// Position of its first bit.
    tail_at: usize,
    /// Position of the next bit.
    at: usize,
}

impl<'a> BitReader<'a> {
    /// Reads `bytes` from the bit at `at` on.
    pub(super) fn new(bytes: &'a [u8], at: usize) -> Self {
        let (tail, tail_at) = match bytes.last_chunk() {
            Some(word) => (u64::from_le_bytes(*word), 8 * (bytes.len() - 8)),
            None => (bytes.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte)), 0),
        };
        Self { bytes, tail, tail_at, at }
    }

    /// Position of the next bit, which may lie beyond the end.
    pub(super) fn position(&self) -> usize {
        self.at
    }

    /// Reads `width` (0 to 32) bits.
    #[inline(always)]
    pub(super) fn take(&mut self, width: u32) -> u32 {
        let value = self.peek() & ((1_u64 << width) - 1);
        self.skip(width);
        value as u32
    }

    /// Moves on by `n_bits` bits.
    #[inline(always)]
    pub(super) fn skip(&mut self, n_bits: u32) {
        self.at += n_bits as usize;
    }

    /// The next bits, at least [`MAX_BITS`] of them, in the lowest places.
    #[inline(always)]
    pub(super) fn peek(&self) -> u64 {
        self.peek_at(self.at)
    }

    /// The bits from position `at` on, at least [`MAX_BITS`] of them, in the lowest places.
    #[inline(always)]
    pub(super) fn peek_at(&self, at: usize) -> u64 {
        let first = at / 8;
        match self.bytes.get(first..first + 8) {
            Some(&[a, b, c, d, e, f, g, h]) => u64::from_le_bytes([a, b, c, d, e, f, g, h]) >> (at % 8),
            _ => {
                let skipped = at.wrapping_sub(self.tail_at);
                if skipped < 64 { self.tail >> skipped } else { 0 }
            }
        }
    }
}

/// Reads many small numbers: keeps the word that they come from.
pub(super) struct WordReader<'a> {
    /// Where `word` was read.
    bits: BitReader<'a>,
    word: u64,
    /// Bits of the word that were skipped.
    n_skipped: u32,
}

impl<'a> WordReader<'a> {
    /// Continues where `bits` are.
    pub(super) fn new(bits: BitReader<'a>) -> Self {
        Self { bits, word: bits.peek(), n_skipped: 0 }
    }

    /// The next bits, at least `N` (up to [`MAX_BITS`]) of them, in the lowest places.
    #[inline(always)]
    pub(super) fn peek<const N: u32>(&mut self) -> u32 {
        if self.n_skipped > MAX_BITS - N {
            *self = Self::new(self.rest());
        }
        self.word as u32
    }

    /// Moves on by `n_bits` bits of those that [`peek`](Self::peek) gave.
    #[inline(always)]
    pub(super) fn skip(&mut self, n_bits: u32) {
        self.word >>= n_bits;
        self.n_skipped += n_bits;
    }

    /// All that comes next.
    #[inline(always)]
    pub(super) fn rest(&self) -> BitReader<'a> {
        let mut bits = self.bits;
        bits.skip(self.n_skipped);
        bits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_in_any_width_is_read_again() {
        let mut bytes = [0; 4 * 33 + SLACK];
        let mut writer = BitWriter::new(&mut bytes);
        let values = |width: u32| 0xdead_beef_u32 & ((1_u64 << width) - 1) as u32;
        (0..=32).for_each(|width| writer.put(values(width).into(), width));
        let len = writer.finish();
        assert_eq!(len, (0..=32_usize).sum::<usize>().div_ceil(8));
        let mut reader = BitReader::new(&bytes[..len], 0);
        (0..=32).for_each(|width| assert_eq!(reader.take(width), values(width), "width {width}"));
    }

    #[test]
    fn the_longest_write_fits_behind_any_bit() {
        for before in 0..8 {
            let mut bytes = [0; 7 + 1 + SLACK];
            let mut writer = BitWriter::new(&mut bytes);
            writer.put(0, before);
            writer.put((1 << MAX_BITS) - 1, MAX_BITS);
            let len = writer.finish();
            let reader = BitReader::new(&bytes[..len], before as usize);
            assert_eq!(reader.peek() & ((1 << MAX_BITS) - 1), (1 << MAX_BITS) - 1, "after {before} bits");
        }
    }

    #[test]
    fn bits_come_lowest_first() {
        let mut bytes = [0; 2 + SLACK];
        let mut writer = BitWriter::new(&mut bytes);
        writer.put(1, 1);
        writer.put(0, 2);
        writer.put(0b11, 2);
        writer.put(1, 4);
        assert_eq!(writer.finish(), 2);
        assert_eq!(bytes[..2], [0b0011_1001, 0]);
    }

    #[test]
    fn beyond_the_end_there_are_zeros() {
        let mut reader = BitReader::new(&[0xff], 4);
        assert_eq!(reader.take(32), 0x0f);
        assert_eq!(reader.take(32), 0);
        assert_eq!(reader.position(), 68);
    }
}
