//! How are eight neighbouring slots encoded at once? What the encoder keeps of them, what they need, their bits.

use wide::{bytemuck, i16x8, i32x8, u32x8};

use super::bits::BitWriter;
use super::change::Changes;
use super::choice::{Settings, Widths, choose};
use super::pack::put_residuals;
use super::quantize::{OutsideCount, Quantizers};
use super::slot::{Mode, Slot, width_of, zigzag};
use super::{GROUP, GroupRows, HISTORY};
use crate::channels::ABSENT;

/// What the encoder keeps of eight slots between blocks.
#[derive(Debug, Clone, Copy, Default)]
pub struct EncoderGroup {
    quantizers: Quantizers,
    settings: Settings,
    /// Blocks in a row in which the slot moved.
    streak: i16x8,
    /// Width in the block being encoded: 0 for a sparse slot that does not move.
    width_now: i16x8,
}

/// Whether a block can be decoded on its own.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum BlockKind {
    Key,
    Block,
}

/// With fewer rows than this behind its second one, a key block has no linear slots: their first difference costs more
/// than they save.
const MIN_KEY_ROWS_FOR_LINEAR: usize = 3;

impl EncoderGroup {
    pub(super) fn new(slots: &[Slot]) -> Self {
        let mut streak = [0; GROUP];
        for (streak, slot) in streak.iter_mut().zip(slots) {
            *streak = slot.initial_streak();
        }
        Self { quantizers: Quantizers::new(slots), streak: i16x8::new(streak), ..Self::default() }
    }

    /// The numbers of eight values. Counts those outside their range.
    #[inline(always)]
    pub(super) fn numbers(&self, values: &[f32; GROUP], outside: &mut OutsideCount) -> [i32; GROUP] {
        self.quantizers.numbers(values, outside)
    }

    /// Takes every slot back to where a key block starts.
    pub(super) fn reset(&mut self) {
        self.settings = Settings::default();
    }

    /// Writes part 3 of a body for the `lanes` first slots, whose numbers are `rows` (the first two are history), and
    /// sets `width_now` for part 4.
    #[inline(always)]
    pub(super) fn put_changes(
        &mut self,
        kind: BlockKind,
        rows: &mut GroupRows,
        lanes: u32,
        bits: &mut BitWriter<'_>,
    ) {
        let widest = if kind == BlockKind::Key { Widest::of_key(rows) } else { Widest::of_block(rows) };
        let widths = widest.widths();
        let moves = !widths.delta.simd_eq(i16x8::ZERO);
        self.streak = self.streak.saturating_add(i16x8::splat(1)) & moves;
        let choices = choose(&self.settings, self.streak, &widths, (rows.len() - HISTORY) as i16);
        let events = choices.events.to_bitmask();
        let was_sparse = self.settings.are(Mode::Sparse);
        if events == 0 {
            self.width_now = self.settings.width & !was_sparse;
            return bits.put(0, 1);
        }
        let changes = Changes::new(&self.settings, &choices);
        self.settings = changes.settings;
        // A slot that becomes sparse does not move; a sparse one that moves may become dense.
        let is_sparse = self.settings.are(Mode::Sparse);
        self.width_now = self.settings.width & (was_sparse & choices.events | !is_sparse);
        let head = (1 | events << 1).into();
        if kind == BlockKind::Key {
            bits.put(head, 1 + lanes);
            self.put_key_codes(&changes, rows, events, bits);
        } else {
            put_codes(head, 1 + lanes, &changes, bits);
        }
    }

    /// Writes the changes of a key block: those to linear are followed by the first difference.
    fn put_key_codes(&self, changes: &Changes, rows: &mut GroupRows, events: u32, bits: &mut BitWriter<'_>) {
        let is_linear = self.settings.are(Mode::Linear).to_bitmask();
        let (codes, n_bits) = (changes.code.to_array(), changes.n_bits.to_array());
        for lane in (0..GROUP).filter(|lane| events & 1 << lane != 0) {
            bits.put(codes[lane] as u64, n_bits[lane] as u32);
            if is_linear & 1 << lane != 0 {
                let difference = rows[2][lane].wrapping_sub(rows[1][lane]);
                put_absolute(bits, difference);
                rows[0][lane] = rows[1][lane].wrapping_sub(difference);
            }
        }
    }

    /// Writes part 4 of a body for the slots of this group, whose numbers are `rows`. These are lost.
    #[inline(always)]
    pub(super) fn put_residuals(&self, rows: &mut GroupRows, bits: &mut BitWriter<'_>) {
        if self.width_now != i16x8::ZERO {
            put_residuals(&self.settings, self.width_now, rows, bits);
        }
    }
}

/// Writes `n_head_bits` of `head` (at most 9) and what follows them.
#[inline(always)]
fn put_codes(head: u64, n_head_bits: u32, changes: &Changes, bits: &mut BitWriter<'_>) {
    let [(a, n_a), (b, n_b), (c, n_c), (d, n_d)] = changes.in_pairs();
    bits.put(head | a << n_head_bits | b << (n_head_bits + n_a), n_head_bits + n_a + n_b);
    bits.put(c | d << n_c, n_c + n_d);
}

/// The residuals of a block under each prediction, or-ed together after [`spread`]: as wide as the widest.
#[derive(Default)]
struct Widest {
    delta: i32x8,
    linear: i32x8,
    mean: i32x8,
}

impl Widest {
    /// The widest residuals of a block that continues another.
    #[inline(always)]
    fn of_block(rows: &GroupRows) -> Self {
        let [older, last, rest @ ..] = rows else { return Self::default() };
        let last = i32x8::new(*last);
        Self::default().with(rest, last, last - i32x8::new(*older))
    }

    /// The widest residuals of a key block: its first difference is coded on its own for linear slots.
    fn of_key(rows: &GroupRows) -> Self {
        let [_, first, second, rest @ ..] = rows else { return Self::default() };
        let second = i32x8::new(*second);
        let first_delta = second - i32x8::new(*first);
        let delta = spread(first_delta);
        let widest = Self { delta, linear: i32x8::ZERO, mean: delta }.with(rest, second, first_delta);
        if rest.len() < MIN_KEY_ROWS_FOR_LINEAR { Self { linear: widest.delta, ..widest } } else { widest }
    }

    /// These and the residuals of `rows`, which follow the row `last` and the differences `before`.
    #[inline(always)]
    fn with(mut self, rows: &GroupRows, mut last: i32x8, mut before: i32x8) -> Self {
        for row in rows {
            let now = i32x8::new(*row);
            let delta = now - last;
            self.delta |= spread(delta);
            self.linear |= spread(delta - before);
            self.mean |= spread(delta + (before >> 1_u32));
            (last, before) = (now, delta);
        }
        self
    }

    #[inline(always)]
    fn widths(&self) -> Widths {
        Widths { delta: widths_of(self.delta), linear: widths_of(self.linear), mean: widths_of(self.mean) }
    }
}

/// Numbers without sign that are as wide as the zigzag codes of `numbers`, for less work: the highest bit set is the one
/// above those that only repeat the sign.
#[inline(always)]
fn spread(numbers: i32x8) -> i32x8 {
    numbers ^ numbers << 1_u32
}

/// Bits needed for each of eight codes: the exponents that they have as floats.
#[inline(always)]
fn widths_of(codes: i32x8) -> i16x8 {
    let codes: u32x8 = bytemuck::cast(codes);
    // Without two ones in a row, no float is rounded up to the next power of two.
    let codes: i32x8 = bytemuck::cast(codes & !(codes >> 1_u32));
    let floats: u32x8 = bytemuck::cast(codes.round_float());
    let exponents = i16x8::from_i32x8_saturate(bytemuck::cast(floats >> 23_u32));
    // The exponent of 1 is 127, 0 has none, and codes of 32 bits count as negative: their signs make large numbers.
    (exponents - 126).max(i16x8::ZERO).min(i16x8::splat(32))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eight_widths_are_those_of_the_zigzag_codes() {
        let near = |shift: u32| [-2, -1, 0, 1, 2].map(|more| (1_i32 << shift).wrapping_add(more));
        for number in (0..32).flat_map(near) {
            for number in [number, number.wrapping_neg(), !(number as u32 >> 1) as i32] {
                let widths = widths_of(spread(i32x8::splat(number)));
                assert_eq!(widths, i16x8::splat(width_of(zigzag(number)) as i16), "{number}");
            }
        }
    }
}
