//! How do the residuals of eight slots become bits? Found and put together side by side, then written slot by slot.

use wide::{bytemuck, f32x8, i16x8, i32x8};

use super::bits::{BitWriter, MAX_BITS};
use super::choice::Settings;
use super::slot::Mode;
use super::{GROUP, GroupRows, RESIDUALS_PER_WORD};

/// Widest residuals of which one instruction puts two together, as it multiplies signed numbers of 16 bits.
const MAX_PAIR_WIDTH: i16 = 14;

/// Writes part 4 of a body for eight slots: the residuals of `rows` (the first two are history) in these widths. The
/// rows are lost.
#[inline(always)]
pub(super) fn put_residuals(
    settings: &Settings,
    widths: i16x8,
    rows: &mut GroupRows,
    bits: &mut BitWriter<'_>,
) {
    let [older, last, rest @ ..] = rows else { return };
    let residuals = Residuals::new(settings, older, last);
    let n = rest.len() as i16;
    let n_bits = lanes_u32(widths * n);
    if widths.simd_gt(i16x8::splat(MAX_PAIR_WIDTH)).any() {
        residuals.replace(rest);
        put_columns(rest, lanes_u32(widths), n_bits, bits);
    } else {
        let pairs = residuals.replace_with_pairs(rest, widths);
        put_columns(pairs, lanes_u32(widths * 2), n_bits, bits);
    }
}

/// Goes through the rows of eight slots and finds their zigzag residuals.
struct Residuals {
    last: i32x8,
    /// The difference that led to `last`.
    before: i32x8,
    /// All ones in the lanes of slots of these modes.
    is_linear: i32x8,
    is_mean: i32x8,
}

impl Residuals {
    #[inline(always)]
    fn new(settings: &Settings, older: &[i32; GROUP], last: &[i32; GROUP]) -> Self {
        let last = i32x8::new(*last);
        Self {
            last,
            before: last - i32x8::new(*older),
            is_linear: i32x8::from_i16x8(settings.are(Mode::Linear)),
            is_mean: i32x8::from_i16x8(settings.are(Mode::Mean)),
        }
    }

    #[inline(always)]
    fn next(&mut self, row: &[i32; GROUP]) -> i32x8 {
        let now = i32x8::new(*row);
        let delta = now - self.last;
        let residual = delta - (self.before & self.is_linear) + (self.before >> 1_u32 & self.is_mean);
        (self.last, self.before) = (now, delta);
        residual << 1_u32 ^ residual >> 31_u32
    }

    /// Puts residuals into the places of numbers.
    #[inline(always)]
    fn replace(mut self, rows: &mut GroupRows) {
        for row in rows {
            *row = self.next(row).to_array();
        }
    }

    /// Puts pairs of residuals into the first places, the earlier residual in the lower bits, and returns them.
    #[inline(always)]
    fn replace_with_pairs(mut self, rows: &mut GroupRows, widths: i16x8) -> &GroupRows {
        let pairing = Pairing::new(widths);
        let n_pairs = rows.len() / 2;
        for at in 0..n_pairs {
            let [first, second] = [rows[2 * at], rows[2 * at + 1]].map(|row| self.next(&row));
            rows[at] = pairing.pair(first, second).to_array();
        }
        if rows.len().is_multiple_of(2) {
            return &rows[..n_pairs];
        }
        rows[n_pairs] = self.next(&rows[2 * n_pairs]).to_array();
        &rows[..=n_pairs]
    }
}

/// Puts two residuals of each of eight slots behind each other.
struct Pairing {
    /// For each slot two factors of 16 bits: one for the first residual, two to the power of the width for the second.
    factors: i32x8,
}

impl Pairing {
    #[inline(always)]
    fn new(widths: i16x8) -> Self {
        // A float whose exponent is the width, and 16 more, is the second factor where it has to be.
        let exponents = i32x8::from_i16x8(widths + (127 + 16)) << 23_u32;
        Self { factors: bytemuck::cast::<_, f32x8>(exponents).fast_trunc_int() | 1 }
    }

    #[inline(always)]
    fn pair(&self, first: i32x8, second: i32x8) -> i32x8 {
        let [low, high]: [i16x8; 2] = bytemuck::cast(first | second << 16_u32);
        let [low_factors, high_factors]: [i16x8; 2] = bytemuck::cast(self.factors);
        bytemuck::cast([low.dot(low_factors), high.dot(high_factors)])
    }
}

/// Writes `n_bits` of each column: numbers of `widths` bits, one behind the other.
#[inline(always)]
fn put_columns(rows: &GroupRows, widths: [u32; GROUP], n_bits: [u32; GROUP], bits: &mut BitWriter<'_>) {
    if n_bits.iter().any(|n_bits| *n_bits > MAX_BITS) {
        for lane in 0..GROUP {
            put_column(rows, lane, widths[lane], n_bits[lane], bits);
        }
        return;
    }
    let words = words(rows, widths);
    for (words, n_bits) in words.as_chunks::<2>().0.iter().zip(n_bits.as_chunks::<2>().0) {
        if n_bits[0] + n_bits[1] <= MAX_BITS {
            bits.put(words[0] | words[1] << n_bits[0], n_bits[0] + n_bits[1]);
        } else {
            bits.put(words[0], n_bits[0]);
            bits.put(words[1], n_bits[1]);
        }
    }
}

/// The numbers of each column one behind the other, the first in the lowest bits.
#[inline(always)]
fn words(rows: &GroupRows, widths: [u32; GROUP]) -> [u64; GROUP] {
    let factors = widths.map(|width| 1_u64 << (width % 64));
    let mut words = [0; GROUP];
    for row in rows.iter().rev() {
        for lane in 0..GROUP {
            words[lane] = words[lane] * factors[lane] + u64::from(row[lane] as u32);
        }
    }
    words
}

/// Writes a column of numbers that may need more than one word.
#[inline(always)]
fn put_column(rows: &GroupRows, lane: usize, width: u32, n_bits: u32, bits: &mut BitWriter<'_>) {
    let mut left = n_bits;
    for part in rows.chunks(usize::from(RESIDUALS_PER_WORD[width as usize % 64])) {
        let word = part.iter().rev().fold(0, |word, row| word << width | u64::from(row[lane] as u32));
        let n_bits = left.min(width * part.len() as u32);
        bits.put(word, n_bits);
        left -= n_bits;
    }
}

/// Eight numbers that are not negative.
#[inline(always)]
fn lanes_u32(lanes: i16x8) -> [u32; GROUP] {
    bytemuck::cast(i32x8::from_i16x8(lanes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_of_a_pair_is_above_the_first() {
        for widths in [[0, 1, 2, 3, 4, 5, 6, 7], [7, 8, 9, 10, 11, 12, 13, MAX_PAIR_WIDTH]] {
            let first = widths.map(|width| (1 << width) - 1);
            let second = first.map(|number| number / 3);
            let pairs =
                Pairing::new(i16x8::new(widths)).pair(i32x8::new(first), i32x8::new(second)).to_array();
            let expected = core::array::from_fn(|lane| first[lane] | second[lane] << widths[lane]);
            assert_eq!(pairs, expected);
        }
    }
}
