//! How is one slot decoded? What the decoder keeps of it, its changes, its column.

use super::RESIDUALS_PER_WORD;
use super::bits::BitReader;
use super::slot::{Coding, Mode, unzigzag};
use crate::channels::ABSENT;

/// What the decoder keeps of one slot between blocks.
#[derive(Debug, Clone, Copy)]
pub struct DecoderSlot {
    pub(super) coding: Coding,
    mode: Mode,
    /// Width from the last change.
    width: u8,
    /// Width in this block: 0 for a sparse slot that does not move.
    pub(super) width_now: u8,
    last: i32,
    before: i32,
}

impl Default for DecoderSlot {
    fn default() -> Self {
        let coding = Coding::Int { min: 0, max: 0 };
        Self { coding, mode: Mode::Sparse, width: 0, width_now: 0, last: 0, before: 0 }
    }
}

impl DecoderSlot {
    /// Starts anew with the first number of a key block.
    pub(super) fn start(&mut self, bits: &mut BitReader<'_>) {
        *self = Self { coding: self.coding, last: take_absolute(bits), ..Self::default() };
    }

    /// Reads what follows the slot's event bit. `false` if no encoder writes such a change.
    pub(super) fn take_change(&mut self, is_key: bool, bits: &mut BitReader<'_>) -> bool {
        let is_good = self.take_mode_and_width(bits);
        if is_key && self.mode == Mode::Linear {
            self.before = take_absolute(bits);
        }
        is_good
    }

    fn take_mode_and_width(&mut self, bits: &mut BitReader<'_>) -> bool {
        let is_new = self.mode == Mode::Sparse && self.width == 0;
        if self.mode == Mode::Sparse && !is_new && bits.take(1) == 0 {
            self.width_now = self.width;
            return true;
        }
        let step: i32 = match if is_new { 3 } else { bits.peek() & 3 } {
            0 => 1,
            2 => -1,
            1 => {
                if bits.peek() & 4 == 0 {
                    2
                } else {
                    -2
                }
            }
            _ => return self.take_full_change(is_new, bits),
        };
        bits.skip(if step.abs() == 1 { 2 } else { 3 });
        let width = i32::from(self.width) + step;
        self.width = width as u8;
        self.width_now = self.width;
        (0..=32).contains(&width)
    }

    fn take_full_change(&mut self, is_new: bool, bits: &mut BitReader<'_>) -> bool {
        bits.skip(if is_new { 0 } else { 2 });
        let was_dense = self.mode != Mode::Sparse;
        self.mode = Mode::from_bits(bits.take(2));
        self.width = match bits.take(5) {
            31 => 32,
            width => width as u8,
        };
        let falls_asleep = was_dense && self.mode == Mode::Sparse;
        self.width_now = if falls_asleep { 0 } else { self.width };
        true
    }

    /// Reads part 4 of this slot into `column[from..]`, with its last value in `column[..from]`.
    #[inline(always)]
    pub(super) fn take_column<V: Copy>(
        &mut self,
        column: &mut [V],
        from: usize,
        bits: &mut BitReader<'_>,
        value: impl Fn(i32) -> V,
    ) {
        let (first, rest) = column.split_at_mut(from);
        first.fill(value(self.last));
        match self.mode {
            Mode::Sparse | Mode::Delta if self.width_now == 0 => {
                self.before = if rest.is_empty() { self.before } else { 0 };
                rest.fill(value(self.last));
            }
            Mode::Sparse | Mode::Delta => self.take_residuals(rest, Mode::Delta, bits, value),
            Mode::Linear => self.take_residuals(rest, Mode::Linear, bits, value),
            Mode::Mean => self.take_residuals(rest, Mode::Mean, bits, value),
        }
        self.width_now = if self.mode == Mode::Sparse { 0 } else { self.width };
    }

    /// Reads residuals, as many as one word holds at a time.
    #[inline(always)]
    fn take_residuals<V>(
        &mut self,
        column: &mut [V],
        mode: Mode,
        bits: &mut BitReader<'_>,
        value: impl Fn(i32) -> V,
    ) {
        let width = u32::from(self.width_now);
        let mask = ((1_u64 << width) - 1) as u32;
        let (mut last, mut before) = (self.last, self.before);
        for part in column.chunks_mut(usize::from(RESIDUALS_PER_WORD[width as usize & 63])) {
            let mut word = bits.peek();
            bits.skip(width * part.len() as u32);
            for place in part {
                before = mode.predicted_delta(before).wrapping_add(unzigzag(word as u32 & mask));
                last = last.wrapping_add(before);
                *place = value(last);
                word >>= width;
            }
        }
        (self.last, self.before) = (last, before);
    }
}

/// Part 2 of a body: one number on its own.
fn take_absolute(bits: &mut BitReader<'_>) -> i32 {
    match bits.take(5) {
        31 => ABSENT,
        30 => unzigzag(bits.take(32)),
        width => unzigzag(bits.take(width)),
    }
}
