//! How are eight neighbouring slots encoded at once? What the encoder keeps of them, what they need, their bits.

use super::bits::{BitWriter, MAX_BITS};
use super::choice::{Choice, WORTH_BITS, Widths, choose};
use super::quantize::Quantizers;
use super::slot::{Mode, Slot, width_of, zigzag};
use super::{GROUP, HISTORY, RESIDUALS_PER_WORD};
use crate::channels::ABSENT;

/// What the encoder keeps of eight slots between blocks.
#[derive(Debug, Clone, Copy, Default)]
pub struct EncoderGroup {
    quantizers: Quantizers,
    mode: [Mode; GROUP],
    width: [u8; GROUP],
    /// Two to the power of `width`, as far as 32 bits hold it.
    limit: [u32; GROUP],
    /// All ones in the lanes of slots that are sparse, linear or mean.
    is_sparse: [u32; GROUP],
    is_linear: [u32; GROUP],
    is_mean: [u32; GROUP],
    /// Blocks in a row in which the slot moved.
    streak: [u32; GROUP],
    /// `width`, but 0 for sparse slots.
    dense_width: [u8; GROUP],
    /// Width in the block being encoded: 0 for a sparse slot that does not move.
    width_now: [u8; GROUP],
}

/// Whether a block stands on its own.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Key,
    Block,
}

/// Rows of eight slots.
pub(super) type Rows = [[i32; GROUP]];

/// With fewer rows than this behind its second one, a key block has no linear slots: their first difference costs more
/// than they save.
const MIN_KEY_ROWS_FOR_LINEAR: usize = 3;

impl EncoderGroup {
    pub(super) fn new(slots: &[Slot]) -> Self {
        let mut group = Self { quantizers: Quantizers::new(slots), ..Self::default() };
        for (streak, slot) in group.streak.iter_mut().zip(slots) {
            *streak = slot.initial_streak();
        }
        group
    }

    /// Sets the first of `numbers` to those of `values` (up to eight), and returns how many lay outside their range.
    #[inline(always)]
    pub(super) fn quantize(&self, values: &[f32], numbers: &mut [i32; GROUP]) -> u64 {
        self.quantizers.numbers(values, numbers)
    }

    /// Takes every slot back to where a key block starts.
    pub(super) fn reset(&mut self) {
        (0..GROUP).for_each(|lane| self.set(lane, Mode::Sparse, 0));
    }

    /// Writes part 3 of a body for the `lanes` first slots, whose numbers are `rows` (the first two are history), and
    /// sets `width_now` for part 4.
    pub(super) fn put_changes(&mut self, kind: Kind, rows: &mut Rows, lanes: u32, bits: &mut BitWriter<'_>) {
        let n = (rows.len() - HISTORY) as u32;
        let widest = if kind == Kind::Key { Widest::of_key(rows) } else { Widest::of_block(rows) };
        let mut unsettled = self.unsettled(&widest, n);
        let mut choices = [Choice::Keep; GROUP];
        let mut events = 0;
        while unsettled != 0 {
            let lane = unsettled.trailing_zeros() as usize % GROUP;
            unsettled &= unsettled - 1;
            let width = u32::from(self.width[lane]);
            choices[lane] = choose(self.mode[lane], width, self.streak[lane], &widest.widths(lane), n);
            events |= u64::from(choices[lane] != Choice::Keep) << lane;
        }
        if events == 0 {
            return bits.put(0, 1);
        }
        bits.put(1 | events << 1, 1 + lanes);
        while events != 0 {
            let lane = events.trailing_zeros() as usize % GROUP;
            events &= events - 1;
            self.put_change(lane, choices[lane], bits);
            if kind == Kind::Key && self.mode[lane] == Mode::Linear {
                let difference = rows[2][lane].wrapping_sub(rows[1][lane]);
                put_absolute(bits, difference);
                rows[0][lane] = rows[1][lane].wrapping_sub(difference);
            }
        }
    }

    /// Finds, for eight slots at once, those that [`choose`] might not keep as they are: one bit each, set where the
    /// residuals do not fit the width, leave its highest bit unused, or another mode could pay for a change.
    #[expect(clippy::needless_range_loop, reason = "eight lanes of many arrays, side by side")]
    fn unsettled(&mut self, widest: &Widest, n: u32) -> u32 {
        let gain_width = WORTH_BITS / n + 1;
        let outside = |limit: u32| !limit.wrapping_sub(1);
        let mut unsettled = [0; GROUP];
        for lane in 0..GROUP {
            let (delta, linear, mean) = (widest.delta[lane], widest.linear[lane], widest.mean[lane]);
            let (is_linear, is_mean) = (self.is_linear[lane], self.is_mean[lane]);
            let needed = (delta & !(is_linear | is_mean)) | (linear & is_linear) | (mean & is_mean);
            let limit = self.limit[lane];
            let too_wide = ones_if(needed & outside(limit) != 0);
            let too_narrow = ones_if(needed & outside(limit >> 1) == 0);
            let gain = outside(limit >> gain_width) | ones_if(limit >> gain_width == 0);
            let gains = ones_if(delta & gain == 0) | ones_if(linear & gain == 0) | ones_if(mean & gain == 0);
            let moves = ones_if(delta != 0);
            let is_sparse = self.is_sparse[lane];
            unsettled[lane] = (is_sparse & moves) | (!is_sparse & (too_wide | too_narrow | gains));
            self.streak[lane] = self.streak[lane].wrapping_add(1) & moves;
        }
        self.width_now = self.dense_width;
        unsettled.iter().enumerate().fold(0, |lanes, (lane, mask)| lanes | (mask & 1) << lane)
    }

    /// Sets what a change brings.
    fn set(&mut self, lane: usize, mode: Mode, width: u32) {
        self.mode[lane] = mode;
        self.width[lane] = width as u8;
        self.dense_width[lane] = if mode == Mode::Sparse { 0 } else { width as u8 };
        self.limit[lane] = 1_u32.checked_shl(width).unwrap_or(0);
        self.is_sparse[lane] = ones_if(mode == Mode::Sparse);
        self.is_linear[lane] = ones_if(mode == Mode::Linear);
        self.is_mean[lane] = ones_if(mode == Mode::Mean);
    }

    /// Writes what follows the event bit of one slot.
    fn put_change(&mut self, lane: usize, choice: Choice, bits: &mut BitWriter<'_>) {
        let (mode, width) = (self.mode[lane], u32::from(self.width[lane]));
        let is_new = mode == Mode::Sparse && width == 0;
        if mode == Mode::Sparse && !is_new {
            bits.put(u64::from(choice != Choice::Move), 1);
        }
        let Choice::Change(new_mode, new_width) = choice else {
            self.width_now[lane] = self.width[lane];
            return;
        };
        let step = new_width as i32 - width as i32;
        let mut new_width = new_width;
        if !is_new && mode == new_mode && step.abs() == 1 {
            bits.put(u64::from(step < 0) << 1, 2);
        } else if !is_new && mode == new_mode && step.abs() == 2 {
            bits.put(0b01 | u64::from(step < 0) << 2, 3);
        } else {
            new_width = if new_width > 30 { 32 } else { new_width };
            let full = u64::from(new_mode as u8) | u64::from(new_width.min(31)) << 2;
            if is_new { bits.put(full, 7) } else { bits.put(0b11 | full << 2, 9) }
        }
        self.set(lane, new_mode, new_width);
        let falls_asleep = new_mode == Mode::Sparse && mode != Mode::Sparse;
        self.width_now[lane] = if falls_asleep { 0 } else { new_width as u8 };
    }

    /// Writes part 4 of a body for the slots of this group. Its residuals take the place of `rows`.
    pub(super) fn put_residuals(&self, rows: &mut Rows, bits: &mut BitWriter<'_>) {
        if self.width_now == [0; GROUP] {
            return;
        }
        let residuals = self.residuals(rows);
        for lane in 0..GROUP {
            let width = u32::from(self.width_now[lane]);
            let n_bits = width * residuals.len() as u32;
            if n_bits <= MAX_BITS {
                bits.put(packed(residuals, lane, width), n_bits);
            } else {
                for part in residuals.chunks(usize::from(RESIDUALS_PER_WORD[width as usize & 63])) {
                    bits.put(packed(part, lane, width), width * part.len() as u32);
                }
            }
        }
    }

    /// Replaces all numbers but the two of history by their zigzag residuals, eight slots at once.
    fn residuals<'r>(&self, rows: &'r mut Rows) -> &'r Rows {
        let [older, last, rest @ ..] = rows else { return &[] };
        let (mut before, mut last) = (differences(last, older), *last);
        for row in rest.iter_mut() {
            self.replace_row(row, &mut last, &mut before);
        }
        rest
    }

    // On its own for the same reason as `Widest::add_row`.
    #[inline(never)]
    fn replace_row(&self, row: &mut [i32; GROUP], last: &mut [i32; GROUP], before: &mut [i32; GROUP]) {
        for lane in 0..GROUP {
            let delta = row[lane].wrapping_sub(last[lane]);
            let linear = Mode::Linear.predicted_delta(before[lane]) & self.is_linear[lane] as i32;
            let mean = Mode::Mean.predicted_delta(before[lane]) & self.is_mean[lane] as i32;
            last[lane] = row[lane];
            row[lane] = zigzag(delta.wrapping_sub(linear | mean)) as i32;
            before[lane] = delta;
        }
    }
}

/// All residuals of a block under each prediction, or-ed together: as wide as the widest.
#[derive(Default)]
struct Widest {
    delta: [u32; GROUP],
    linear: [u32; GROUP],
    mean: [u32; GROUP],
}

impl Widest {
    /// The widest residuals of a block that continues another.
    fn of_block(rows: &Rows) -> Self {
        let mut widest = Self::default();
        if let [older, last, rest @ ..] = rows {
            widest.add(rest, last, differences(last, older));
        }
        widest
    }

    /// The widest residuals of a key block: its first difference is coded on its own for linear slots.
    fn of_key(rows: &Rows) -> Self {
        let mut widest = Self::default();
        if let [_, first, second, rest @ ..] = rows {
            let delta = differences(second, first);
            widest.delta = delta.map(zigzag);
            widest.mean = widest.delta;
            widest.add(rest, second, delta);
            if rest.len() < MIN_KEY_ROWS_FOR_LINEAR {
                widest.linear = widest.delta;
            }
        }
        widest
    }

    /// Adds the residuals of `rows`, which follow the row `last` and the differences `before`.
    #[inline(always)]
    fn add(&mut self, rows: &Rows, last: &[i32; GROUP], mut before: [i32; GROUP]) {
        let mut last = last;
        for now in rows {
            self.add_row(now, last, &mut before);
            last = now;
        }
    }

    // On its own because the compiler otherwise works on several rows at once instead of eight slots, at twice the cost.
    #[inline(never)]
    fn add_row(&mut self, now: &[i32; GROUP], last: &[i32; GROUP], before: &mut [i32; GROUP]) {
        for lane in 0..GROUP {
            let delta = now[lane].wrapping_sub(last[lane]);
            self.delta[lane] |= zigzag(delta);
            self.linear[lane] |= zigzag(delta.wrapping_sub(Mode::Linear.predicted_delta(before[lane])));
            self.mean[lane] |= zigzag(delta.wrapping_sub(Mode::Mean.predicted_delta(before[lane])));
            before[lane] = delta;
        }
    }

    #[inline(always)]
    fn widths(&self, lane: usize) -> Widths {
        Widths {
            delta: width_of(self.delta[lane]),
            linear: width_of(self.linear[lane]),
            mean: width_of(self.mean[lane]),
        }
    }
}

/// By how much eight numbers differ from those before.
#[inline(always)]
fn differences(now: &[i32; GROUP], last: &[i32; GROUP]) -> [i32; GROUP] {
    core::array::from_fn(|lane| now[lane].wrapping_sub(last[lane]))
}

/// The residuals of one slot one behind the other, the first in the lowest bits.
#[inline(always)]
fn packed(residuals: &Rows, lane: usize, width: u32) -> u64 {
    residuals.iter().rev().fold(0, |word, row| word << width | u64::from(row[lane] as u32))
}

/// All ones or none.
const fn ones_if(condition: bool) -> u32 {
    if condition { u32::MAX } else { 0 }
}

/// Part 2 of a body: one number on its own.
pub(super) fn put_absolute(bits: &mut BitWriter<'_>, number: i32) {
    let code = u64::from(zigzag(number));
    match width_of(zigzag(number)) {
        _ if number == ABSENT => bits.put(31, 5),
        width @ 0..=29 => bits.put(u64::from(width) | code << 5, 5 + width),
        _ => bits.put(30 | code << 5, 5 + 32),
    }
}
