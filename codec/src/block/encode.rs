//! How do rows become the body of a block? Numbers first, then the widths they need, then the bits.

use super::bits::BitWriter;
use super::choice::{Choice, Widths, choose};
use super::quantize::Quantizer;
use super::slot::{Mode, Slot, width_of, zigzag};
use super::{GROUP, HISTORY, MAX_CHANNELS, MAX_SAMPLES, TIME_LIMIT_US, max_encoded_len, n_numbers, n_slots};
use crate::channels::ABSENT;
use crate::error::EncodeError;
use crate::sample::Row;

/// Longest time between a key block's first sample and a sample of its followers: about 18 minutes.
const SPAN_LIMIT_US: u64 = 1 << 30;

/// Turns rows into block bodies. Works in memory that the caller gives; the same rows give the same bytes everywhere.
///
/// `S` and `N` are the memory: anything that lends slices of [`EncoderSlot`] and `i32` (arrays, `Vec`s, `&mut` slices).
#[derive(Debug, Clone)]
pub struct BlockEncoder<S, N> {
    /// One per slot: the time, then the channels.
    slots: S,
    /// `HISTORY` rows and the rows of the block, one number per slot in each.
    numbers: N,
    n_floats: usize,
    n_ints: usize,
    capacity: usize,
    /// Rows waiting to be encoded.
    n_rows: usize,
    /// Time of the first sample of the last key block.
    origin_us: u64,
    /// Time of the first waiting row.
    first_us: u64,
    /// Whether only a key block can take the waiting rows.
    needs_key: bool,
    saturated: u64,
}

/// What the encoder keeps of one slot between blocks.
#[derive(Debug, Clone, Copy)]
pub struct EncoderSlot {
    quantizer: Quantizer,
    mode: Mode,
    width: u8,
    /// Whether the slot has residuals in this block.
    moves: bool,
    /// All residuals of this block under each prediction, or-ed together: their widest width.
    delta_bits: u32,
    linear_bits: u32,
    damped_bits: u32,
}

impl Default for EncoderSlot {
    fn default() -> Self {
        let quantizer = Quantizer::Lossless;
        Self {
            quantizer,
            mode: Mode::Sparse,
            width: 0,
            moves: false,
            delta_bits: 0,
            linear_bits: 0,
            damped_bits: 0,
        }
    }
}

#[cfg(feature = "alloc")]
impl BlockEncoder<alloc::vec::Vec<EncoderSlot>, alloc::vec::Vec<i32>> {
    /// An encoder that owns its memory. All of it is allocated here.
    ///
    /// # Errors
    /// As [`BlockEncoder::new`].
    pub fn owned(slots: &[Slot], samples_per_block: usize) -> Result<Self, EncodeError> {
        check_limits(slots.len(), samples_per_block)?;
        let memory = alloc::vec![EncoderSlot::default(); n_slots(slots.len())];
        let numbers = alloc::vec![0; n_numbers(slots.len(), samples_per_block)];
        Self::new(slots, samples_per_block, memory, numbers)
    }
}

impl<S: AsMut<[EncoderSlot]>, N: AsMut<[i32]>> BlockEncoder<S, N> {
    /// An encoder for these slots (floats first, as [`Schema::slots`](crate::Schema::slots) gives them) and blocks of
    /// up to `samples_per_block` samples, in memory of at least [`n_slots`] and
    /// [`n_numbers`] elements.
    ///
    /// # Errors
    /// [`EncodeError::Limit`] for too many channels or samples, or too little memory.
    pub fn new(
        slots: &[Slot],
        samples_per_block: usize,
        mut memory: S,
        mut numbers: N,
    ) -> Result<Self, EncodeError> {
        check_limits(slots.len(), samples_per_block)?;
        let n_slots = n_slots(slots.len());
        let n_needed = n_numbers(slots.len(), samples_per_block);
        let enough = |found, limit| {
            if limit > found {
                Err(EncodeError::Limit { what: "elements of encoder memory", found, limit })
            } else {
                Ok(())
            }
        };
        enough(memory.as_mut().len(), n_slots)?;
        enough(numbers.as_mut().len(), n_needed)?;
        for (kept, slot) in memory.as_mut()[1..n_slots].iter_mut().zip(slots) {
            *kept = EncoderSlot { quantizer: Quantizer::of(slot.coding), ..EncoderSlot::default() };
        }
        let n_floats = slots.iter().filter(|slot| slot.coding.is_float()).count();
        Ok(Self {
            slots: memory,
            numbers,
            n_floats,
            n_ints: slots.len() - n_floats,
            capacity: samples_per_block,
            n_rows: 0,
            origin_us: 0,
            first_us: 0,
            needs_key: true,
            saturated: 0,
        })
    }

    /// Adds a row to the waiting ones.
    ///
    /// # Errors
    /// [`EncodeError::RowShape`], [`EncodeError::TimeRange`], or [`EncodeError::Limit`] when the block is full or
    /// would span more than 2^30 µs. The row is then not taken.
    pub fn push(&mut self, row: Row<'_>) -> Result<(), EncodeError> {
        self.check_row(&row)?;
        let n_slots = 1 + self.n_floats + self.n_ints;
        let slots = &self.slots.as_mut()[..n_slots];
        let start = (HISTORY + self.n_rows) * n_slots;
        let numbers = &mut self.numbers.as_mut()[start..start + n_slots];
        let (time, numbers) = numbers.split_at_mut(1);
        let (floats, ints) = numbers.split_at_mut(self.n_floats);
        time[0] = row.captured_at_us.wrapping_sub(self.origin_us) as i32;
        let mut saturated = 0;
        for ((number, value), slot) in floats.iter_mut().zip(row.floats).zip(&slots[1..]) {
            let (quantized, outside) = slot.quantizer.number(*value);
            *number = quantized;
            saturated += u32::from(outside);
        }
        ints.copy_from_slice(row.ints);
        self.saturated += u64::from(saturated);
        if self.n_rows == 0 {
            self.first_us = row.captured_at_us;
        }
        self.needs_key |= self.origin_us.abs_diff(row.captured_at_us) >= SPAN_LIMIT_US;
        self.n_rows += 1;
        Ok(())
    }

    /// Number of rows that wait to be encoded.
    pub fn n_waiting(&self) -> usize {
        self.n_rows
    }

    /// Whether the waiting rows fill a block.
    pub fn is_full(&self) -> bool {
        self.n_rows == self.capacity
    }

    /// Time of the first waiting row: the origin of a key block made of them.
    pub fn first_us(&self) -> u64 {
        self.first_us
    }

    /// Whether the waiting rows can only go into a key block: at the start, and long after the last key block.
    pub fn needs_key(&self) -> bool {
        self.needs_key
    }

    /// Values so far that lay outside their channel's range and were sent as its nearer end.
    pub fn saturated(&self) -> u64 {
        self.saturated
    }

    /// Encodes the waiting rows into a body that is decodable on its own, and returns its length in bytes.
    /// Its decoder must be told the origin: [`BlockEncoder::first_us`] as it is before this call.
    ///
    /// # Errors
    /// [`EncodeError::Limit`] if no row waits, [`EncodeError::OutputTooShort`] if `out` is shorter than
    /// [`max_encoded_len`] of the waiting rows. Nothing changes then.
    pub fn encode_key(&mut self, out: &mut [u8]) -> Result<usize, EncodeError> {
        self.check_output(out)?;
        let (n_slots, n_rows) = (self.n_slots(), self.n_rows);
        let slots = &mut self.slots.as_mut()[..n_slots];
        let numbers = self.numbers.as_mut();
        let first = HISTORY * n_slots;
        let shift = self.first_us.wrapping_sub(self.origin_us) as i32;
        for time in numbers[first..].iter_mut().step_by(n_slots).take(n_rows) {
            *time = time.wrapping_sub(shift);
        }
        self.origin_us = self.first_us;
        self.needs_key = false;
        for slot in slots.iter_mut() {
            (slot.mode, slot.width) = (Mode::Sparse, 0);
        }
        let mut bits = BitWriter::new(out);
        bits.put(n_rows as u32 - 1, 8);
        for number in &numbers[first + 1..first + n_slots] {
            put_absolute(&mut bits, *number);
        }
        // The other rows follow the first as if it had stood still before.
        numbers.copy_within(first..first + n_slots, first - n_slots);
        encode_rows(slots, &numbers[first - n_slots..first + n_rows * n_slots], n_rows - 1, &mut bits);
        self.forget_rows();
        Ok(bits.finish())
    }

    /// Encodes the waiting rows into a body that continues the block before, and returns its length in bytes.
    ///
    /// # Errors
    /// As [`BlockEncoder::encode_key`], and [`EncodeError::Limit`] when the rows [need a key block](Self::needs_key).
    pub fn encode_block(&mut self, out: &mut [u8]) -> Result<usize, EncodeError> {
        self.check_output(out)?;
        if self.needs_key {
            let found = self.origin_us.abs_diff(self.first_us) as usize;
            return Err(EncodeError::Limit {
                what: "µs since the key block",
                found,
                limit: SPAN_LIMIT_US as usize,
            });
        }
        let (n_slots, n_rows) = (self.n_slots(), self.n_rows);
        let slots = &mut self.slots.as_mut()[..n_slots];
        let mut bits = BitWriter::new(out);
        bits.put(n_rows as u32 - 1, 8);
        encode_rows(slots, &self.numbers.as_mut()[..(HISTORY + n_rows) * n_slots], n_rows, &mut bits);
        self.forget_rows();
        Ok(bits.finish())
    }

    fn n_slots(&self) -> usize {
        n_slots(self.n_floats + self.n_ints)
    }

    /// The last rows become history.
    fn forget_rows(&mut self) {
        let (n_slots, n_rows) = (self.n_slots(), self.n_rows);
        self.numbers.as_mut().copy_within(n_rows * n_slots..(n_rows + HISTORY) * n_slots, 0);
        self.n_rows = 0;
    }

    fn check_row(&self, row: &Row<'_>) -> Result<(), EncodeError> {
        if row.floats.len() != self.n_floats || row.ints.len() != self.n_ints {
            return Err(EncodeError::RowShape {
                floats: self.n_floats,
                ints: self.n_ints,
                found_floats: row.floats.len(),
                found_ints: row.ints.len(),
            });
        }
        if row.captured_at_us >= TIME_LIMIT_US {
            return Err(EncodeError::TimeRange { found_us: row.captured_at_us });
        }
        if self.is_full() {
            return Err(EncodeError::Limit {
                what: "samples per block",
                found: self.n_rows + 1,
                limit: self.capacity,
            });
        }
        let span = self.first_us.abs_diff(row.captured_at_us);
        if self.n_rows > 0 && span >= SPAN_LIMIT_US {
            return Err(EncodeError::Limit {
                what: "µs in a block",
                found: span as usize,
                limit: SPAN_LIMIT_US as usize,
            });
        }
        Ok(())
    }

    fn check_output(&self, out: &[u8]) -> Result<(), EncodeError> {
        if self.n_rows == 0 {
            return Err(EncodeError::Limit { what: "samples in a block", found: 0, limit: self.capacity });
        }
        if out.len() < max_encoded_len(self.n_floats + self.n_ints, self.n_rows) {
            return Err(EncodeError::OutputTooShort { capacity: out.len() });
        }
        Ok(())
    }
}

fn check_limits(n_channels: usize, n_samples: usize) -> Result<(), EncodeError> {
    let within = |what, found, limit| {
        if found == 0 || found > limit { Err(EncodeError::Limit { what, found, limit }) } else { Ok(()) }
    };
    within("channels", n_channels, MAX_CHANNELS)?;
    within("samples per block", n_samples, MAX_SAMPLES)
}

/// Part 2 of a body: one number on its own.
fn put_absolute(bits: &mut BitWriter<'_>, number: i32) {
    if number == ABSENT {
        return bits.put(31, 5);
    }
    let code = zigzag(number);
    match width_of(code) {
        width @ 0..=29 => {
            bits.put(width, 5);
            bits.put(code, width);
        }
        _ => {
            bits.put(30, 5);
            bits.put(code, 32);
        }
    }
}

/// Parts 3 and 4 of a body. `numbers` holds two rows of history and the `n` rows to encode.
fn encode_rows(slots: &mut [EncoderSlot], numbers: &[i32], n: usize, bits: &mut BitWriter<'_>) {
    if n == 0 {
        return;
    }
    measure(slots, numbers, n);
    for group in slots.chunks_mut(GROUP) {
        put_changes(group, n as u32, bits);
    }
    put_residuals(slots, numbers, n, bits);
}

/// Finds how wide the residuals of every slot are under each prediction.
fn measure(slots: &mut [EncoderSlot], numbers: &[i32], n: usize) {
    let n_slots = slots.len();
    for slot in slots.iter_mut() {
        (slot.delta_bits, slot.linear_bits, slot.damped_bits) = (0, 0, 0);
    }
    for row in 0..n {
        let rows = &numbers[row * n_slots..(row + 3) * n_slots];
        let (older, rest) = rows.split_at(n_slots);
        let (last, now) = rest.split_at(n_slots);
        for (((slot, older), last), now) in slots.iter_mut().zip(older).zip(last).zip(now) {
            let delta = now.wrapping_sub(*last);
            let before = last.wrapping_sub(*older);
            slot.delta_bits |= zigzag(delta);
            slot.linear_bits |= zigzag(delta.wrapping_sub(before));
            slot.damped_bits |= zigzag(delta.wrapping_sub(before >> 1));
        }
    }
}

/// Part 3 of a body for one group. Afterwards `width` is the width of this block's residuals and `moves` says whether
/// there are any.
fn put_changes(group: &mut [EncoderSlot], n: u32, bits: &mut BitWriter<'_>) {
    let mut choices = [Choice::Keep; GROUP];
    let mut events = 0;
    for (at, (slot, choice)) in group.iter_mut().zip(&mut choices).enumerate() {
        let widths = Widths {
            delta: width_of(slot.delta_bits),
            linear: width_of(slot.linear_bits),
            damped: width_of(slot.damped_bits),
        };
        *choice = choose(slot.mode, u32::from(slot.width), &widths, n);
        slot.moves = slot.mode != Mode::Sparse || *choice != Choice::Keep;
        events |= u32::from(*choice != Choice::Keep) << at;
    }
    bits.put(u32::from(events != 0), 1);
    if events == 0 {
        return;
    }
    bits.put(events, group.len() as u32);
    for (slot, choice) in group.iter_mut().zip(choices).filter(|(_, choice)| *choice != Choice::Keep) {
        if slot.mode == Mode::Sparse && slot.width > 0 {
            bits.put(u32::from(choice != Choice::Move), 1);
        }
        if let Choice::Change(mode, width) = choice {
            let width = if width > 30 { 32 } else { width };
            (slot.mode, slot.width) = (mode, width as u8);
            bits.put(mode as u32 | width.min(31) << 2, 7);
            slot.moves = true;
        }
    }
}

/// Part 4 of a body.
fn put_residuals(slots: &[EncoderSlot], numbers: &[i32], n: usize, bits: &mut BitWriter<'_>) {
    let n_slots = slots.len();
    for (at, slot) in slots.iter().enumerate().filter(|(_, slot)| slot.moves && slot.width > 0) {
        let mut column = numbers[at..].iter().step_by(n_slots).take(n + HISTORY);
        let (Some(older), Some(last)) = (column.next(), column.next()) else { return };
        let (mut last, mut before) = (*last, last.wrapping_sub(*older));
        for now in column {
            let delta = now.wrapping_sub(last);
            let predicted = slot.mode.predicted_delta(before);
            bits.put(zigzag(delta.wrapping_sub(predicted)), u32::from(slot.width));
            (last, before) = (*now, delta);
        }
    }
}

#[cfg(test)]
mod tests {}
