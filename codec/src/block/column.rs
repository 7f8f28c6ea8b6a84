//! How is one slot decoded? What the decoder keeps of it, its changes, its column of numbers.

use super::RESIDUALS_PER_WORD;
use super::bits::{BitReader, MAX_BITS};
use super::slot::{Coding, Mode, unzigzag};
use crate::channels::ABSENT;

/// Numbers of a column that are handled side by side.
pub(super) const TILE: usize = 4;

/// Numbers by which a column must be longer than a block, so that whole tiles fit.
pub(super) const SLACK: usize = TILE - 1;

/// What the decoder keeps of one slot between blocks.
#[derive(Debug, Clone, Copy, Default)]
pub struct DecoderSlot {
    /// Of a fixed point slot.
    pub(super) resolution: Option<f32>,
    mode: Mode,
    /// Width from the last change.
    width: u8,
    /// Width in this block: 0 for a sparse slot that does not move.
    pub(super) width_now: u8,
    last: i32,
    before: i32,
}

/// The rows of a block that have residuals: from 1 on in a key block, else all.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rows {
    pub(super) is_key: bool,
    /// Rows in the block.
    pub(super) n: usize,
}

impl Rows {
    pub(super) fn n_residuals(self) -> usize {
        self.n - usize::from(self.is_key)
    }
}

impl DecoderSlot {
    pub(super) fn new(coding: Coding) -> Self {
        let resolution = if let Coding::Fixed { resolution, .. } = coding { Some(resolution) } else { None };
        Self { resolution, ..Self::default() }
    }

    /// Starts anew with the first number of a key block.
    pub(super) fn start(&mut self, bits: &mut BitReader<'_>) {
        *self = Self { resolution: self.resolution, last: take_absolute(bits), ..Self::default() };
    }

    /// Bits of one residual in a block in which a sparse slot does not move.
    pub(super) fn dense_width(&self) -> usize {
        if self.mode == Mode::Sparse { 0 } else { self.width.into() }
    }

    /// Reads what follows the slot's event bit; nothing if no encoder writes such a change.
    #[inline(always)]
    pub(super) fn take_change(&mut self, is_key: bool, bits: &mut BitReader<'_>) -> Option<()> {
        let mut next = bits.peek() as u32;
        let is_new = self.mode == Mode::Sparse && self.width == 0;
        if self.mode == Mode::Sparse && !is_new {
            bits.skip(1);
            if next & 1 == 0 {
                self.width_now = self.width;
                return Some(());
            }
            next >>= 1;
        }
        if is_new || next & 0b11 == 0b11 {
            let n_bits = if is_new { 0 } else { 2 };
            bits.skip(n_bits + 7);
            self.change_fully(next >> n_bits);
            if is_key && self.mode == Mode::Linear {
                self.before = take_absolute(bits);
            }
            return Some(());
        }
        // 00, 10: one up or down; 001, 101: two.
        let is_long = next & 1;
        bits.skip(2 + is_long);
        let shrinks = next >> (1 + is_long) & 1;
        let size = 1 + is_long;
        let width =
            (u32::from(self.width) + size).checked_sub(2 * size * shrinks).filter(|width| *width <= 32)?;
        (self.width, self.width_now) = (width as u8, width as u8);
        Some(())
    }

    fn change_fully(&mut self, bits: u32) {
        let was_dense = self.mode != Mode::Sparse;
        self.mode = Mode::from_bits(bits);
        self.width = match bits >> 2 & 31 {
            31 => 32,
            width => width as u8,
        };
        let falls_asleep = was_dense && self.mode == Mode::Sparse;
        self.width_now = if falls_asleep { 0 } else { self.width };
    }

    /// Reads one residual for each number of `column`, as many as one word holds at a time.
    // Most columns need one word only and have a way of their own.
    #[inline(never)]
    fn take_long_column(&mut self, column: &mut [i32], bits: &mut BitReader<'_>) {
        let width = u32::from(self.width_now);
        for part in column.chunks_mut(RESIDUALS_PER_WORD[width as usize & 63].into()) {
            let word = bits.peek();
            bits.skip(width * part.len() as u32);
            self.take_residuals(part, word);
        }
    }

    /// Takes the residuals of `column` from the lowest bits of `word`.
    #[inline(always)]
    fn take_residuals(&mut self, column: &mut [i32], word: u64) {
        match self.mode {
            Mode::Sparse | Mode::Delta => self.take_residuals_as(Mode::Delta, column, word),
            Mode::Linear => self.take_residuals_as(Mode::Linear, column, word),
            Mode::Mean => self.take_residuals_as(Mode::Mean, column, word),
        }
    }

    #[inline(always)]
    fn take_residuals_as(&mut self, mode: Mode, column: &mut [i32], mut word: u64) {
        let width = u32::from(self.width_now);
        let mask = ((1_u64 << width) - 1) as u32;
        let (mut last, mut before) = (self.last, self.before);
        for number in column {
            before = mode.predicted_delta(before).wrapping_add(unzigzag(word as u32 & mask));
            last = last.wrapping_add(before);
            *number = last;
            word >>= width;
        }
        (self.last, self.before) = (last, before);
    }

    /// Whether all numbers of this block are the last one.
    #[inline(always)]
    fn rests(&self) -> bool {
        self.width_now == 0 && matches!(self.mode, Mode::Sparse | Mode::Delta)
    }
}

/// Reads part 4 of a body for these slots, into one column each, `stride` apart, of which the last is whole too.
/// Writes [`TILE`] numbers at a time where a slot rests: what lies behind the last row is of no use.
// On its own, so that the loop over the slots has all registers.
#[inline(never)]
pub(super) fn take_columns(
    slots: &mut [DecoderSlot],
    rows: Rows,
    bits: &mut BitReader<'_>,
    columns: &mut [i32],
    stride: usize,
) {
    let mut reader = *bits;
    for (slot, column) in slots.iter_mut().zip(columns.chunks_exact_mut(stride)) {
        if slot.rests() {
            slot.before = 0;
            let tiles = column.as_chunks_mut().0.iter_mut().take(rows.n.div_ceil(TILE));
            tiles.for_each(|tile| *tile = [slot.last; TILE]);
            continue;
        }
        if rows.is_key {
            column[..1].fill(slot.last);
        }
        let column = &mut column[usize::from(rows.is_key)..rows.n];
        let n_bits = u32::from(slot.width_now) * column.len() as u32;
        if n_bits <= MAX_BITS {
            let word = reader.peek();
            reader.skip(n_bits);
            slot.take_residuals(column, word);
        } else {
            slot.take_long_column(column, &mut reader);
        }
        if slot.mode == Mode::Sparse {
            slot.width_now = 0;
        }
    }
    *bits = reader;
}

/// Part 2 of a body: one number on its own.
fn take_absolute(bits: &mut BitReader<'_>) -> i32 {
    match bits.take(5) {
        31 => ABSENT,
        30 => unzigzag(bits.take(32)),
        width => unzigzag(bits.take(width)),
    }
}
