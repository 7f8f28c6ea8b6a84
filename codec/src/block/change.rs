//! How are changes written? The bits that follow the event bits, of eight slots side by side.

use wide::{bytemuck, f32x4, i16x8};

use super::GROUP;
use super::choice::{Choices, Settings};
use super::slot::Mode;

/// What follows the event bits of eight slots, and what it changes.
pub(super) struct Changes {
    /// The bits, the first in the lowest place.
    pub(super) code: i16x8,
    /// How many there are: none for slots without an event, at most 10.
    pub(super) n_bits: i16x8,
    /// What holds from this block on: as chosen, except that the wire has no full change to width 31.
    pub(super) settings: Settings,
}

impl Changes {
    /// What to write for slots that were at `before`.
    #[inline(always)]
    pub(super) fn new(before: &Settings, choices: &Choices) -> Self {
        let lanes = i16x8::splat;
        let (is_new, changes) = (before.are_new(), choices.changes);
        let Settings { mode, width } = choices.settings;
        let step = width - before.width;
        let can_step = mode.simd_eq(before.mode) & !is_new;
        let by_one = can_step & step.abs().simd_eq(lanes(1));
        let by_two = can_step & step.abs().simd_eq(lanes(2));
        let shrinks = step.simd_lt(i16x8::ZERO);

        let full = mode | width.min(lanes(31)) << 2_u32;
        let code = is_new.bitselect(full, lanes(0b11) | full << 2_u32);
        let n_bits = is_new.bitselect(lanes(7), lanes(9));
        let code = by_two.bitselect(lanes(0b01) | (shrinks & lanes(0b100)), code);
        let n_bits = by_two.bitselect(lanes(3), n_bits);
        let code = changes & by_one.bitselect(shrinks & lanes(0b10), code);
        let n_bits = changes & by_one.bitselect(lanes(2), n_bits);

        // A sparse slot that has moved before says first whether it changes.
        let says_first = choices.events & before.are(Mode::Sparse) & !is_new;
        let code = says_first.bitselect(code << 1_u32 | (changes & lanes(1)), code);
        let n_bits = n_bits + (says_first & lanes(1));

        let has_no_code = changes & width.simd_eq(lanes(31)) & !(by_one | by_two);
        let width = width + (has_no_code & lanes(1));
        Self { code, n_bits, settings: Settings { mode, width } }
    }

    /// The codes of neighbouring slots behind each other, and how many bits each pair has.
    #[inline(always)]
    pub(super) fn in_pairs(&self) -> [(u64, u32); GROUP / 2] {
        let firsts = i16x8::new([1, 0, 1, 0, 1, 0, 1, 0]);
        let seconds = i16x8::new([0, 1, 0, 1, 0, 1, 0, 1]);
        // A float whose exponent is a number of bits shifts by that many, as a factor. All is far below 2^15, where a
        // product of 16 bits is one of 32.
        let exponents = (self.n_bits.dot(firsts) + 127) << 23_u32;
        let factors: i16x8 = bytemuck::cast(bytemuck::cast::<_, f32x4>(exponents).fast_trunc_int());
        let second_codes: i16x8 = bytemuck::cast(self.code.dot(seconds));
        let codes = (self.code.dot(firsts) + second_codes.dot(factors)).to_array();
        let n_bits = self.n_bits.dot(firsts | seconds).to_array();
        core::array::from_fn(|pair| (codes[pair] as u64, n_bits[pair] as u32))
    }
}

#[cfg(test)]
#[expect(clippy::unusual_byte_groupings, reason = "the fields of a change")]
mod tests {
    use super::*;
    use crate::block::choice::mode_lanes;

    /// Writes the same change in every lane; `after` is `None` for a sparse slot that moves without one.
    #[track_caller]
    fn check(before: (Mode, i16), after: Option<(Mode, i16)>, (code, n_bits): (i16, i16), width: i16) {
        let settings = |(mode, width)| Settings { mode: mode_lanes(mode), width: i16x8::splat(width) };
        let changes = if after.is_some() { !i16x8::ZERO } else { i16x8::ZERO };
        let choices = Choices { events: !i16x8::ZERO, changes, settings: settings(after.unwrap_or(before)) };
        let written = Changes::new(&settings(before), &choices);
        assert_eq!(written.code, i16x8::splat(code));
        assert_eq!(written.n_bits, i16x8::splat(n_bits));
        assert_eq!(written.settings.width, i16x8::splat(width));
        let (code, n_bits) = (code as u64, n_bits as u32);
        assert_eq!(written.in_pairs(), [(code | code << n_bits, 2 * n_bits); 4]);
    }

    #[test]
    fn small_steps_of_the_width_are_short() {
        check((Mode::Mean, 4), Some((Mode::Mean, 5)), (0b00, 2), 5);
        check((Mode::Mean, 4), Some((Mode::Mean, 3)), (0b10, 2), 3);
        check((Mode::Mean, 4), Some((Mode::Mean, 6)), (0b001, 3), 6);
        check((Mode::Mean, 4), Some((Mode::Mean, 2)), (0b101, 3), 2);
        check((Mode::Mean, 4), Some((Mode::Mean, 7)), (0b00111_11_11, 9), 7);
        check((Mode::Mean, 4), Some((Mode::Delta, 5)), (0b00101_01_11, 9), 5);
    }

    #[test]
    fn sparse_slots_say_whether_they_change_unless_they_are_new() {
        check((Mode::Sparse, 4), None, (0, 1), 4);
        check((Mode::Sparse, 4), Some((Mode::Sparse, 3)), (0b10_1, 3), 3);
        check((Mode::Sparse, 4), Some((Mode::Delta, 4)), (0b00100_01_11_1, 10), 4);
        check((Mode::Sparse, 0), Some((Mode::Sparse, 1)), (0b00001_00, 7), 1);
    }

    #[test]
    fn a_full_change_has_no_code_for_31() {
        check((Mode::Sparse, 0), Some((Mode::Delta, 30)), (0b11110_01, 7), 30);
        check((Mode::Sparse, 0), Some((Mode::Delta, 31)), (0b11111_01, 7), 32);
        check((Mode::Delta, 30), Some((Mode::Delta, 31)), (0b00, 2), 31);
        check((Mode::Delta, 28), Some((Mode::Delta, 31)), (0b11111_01_11, 9), 32);
        check((Mode::Delta, 32), Some((Mode::Delta, 31)), (0b10, 2), 31);
    }
}
