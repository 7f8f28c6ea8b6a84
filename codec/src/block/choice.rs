//! Which mode and width should a slot have in this block? The encoder's choice; decoders only read what it was.
//!
//! Keeping mode and width costs a bit or less, changing them two to nine. So a slot changes when it must (a
//! residual does not fit) or when the change pays for itself within the block.

use super::slot::Mode;

/// The widest residual of a slot in one block, for each prediction.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Widths {
    /// Under [`Mode::Delta`] and [`Mode::Sparse`].
    pub(super) delta: u32,
    /// Under [`Mode::Linear`].
    pub(super) linear: u32,
    /// Under [`Mode::Mean`].
    pub(super) mean: u32,
}

impl Widths {
    #[inline(always)]
    pub(super) const fn of(&self, mode: Mode) -> u32 {
        match mode {
            Mode::Sparse | Mode::Delta => self.delta,
            Mode::Linear => self.linear,
            Mode::Mean => self.mean,
        }
    }
}

/// What a slot does in one block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Choice {
    /// As before: no event bit. A sparse slot does not move.
    Keep,
    /// A sparse slot moves, with the width as it was.
    Move,
    /// A new mode or width.
    Change(Mode, u32),
}

/// Bits of a change of width by one, by two, and of any other change.
const STEP_BITS: u32 = 2;
const LONG_STEP_BITS: u32 = 3;
const FULL_BITS: u32 = 9;

/// What a change of mode must save: a little less than it costs, because it lasts longer than one block.
pub(super) const WORTH_BITS: u32 = 7;

/// Blocks after which a slot that moved in each of them is no longer sparse.
const SPARSE_STREAK: u32 = 2;

/// Chooses for a slot that was at `mode` and `width` and has moved for `streak` blocks (this one included), for a
/// block with `n` residuals of these widths.
pub(super) fn choose(mode: Mode, width: u32, streak: u32, widths: &Widths, n: u32) -> Choice {
    let needed = widths.of(mode);
    if widths.delta == 0 {
        let stays = mode == Mode::Sparse || (needed <= width && width * n <= WORTH_BITS);
        return if stays { Choice::Keep } else { Choice::Change(Mode::Sparse, 1) };
    }
    let outgrown = mode == Mode::Sparse && streak > SPARSE_STREAK;
    let best = best_mode(mode, outgrown, widths);
    let best_width = widths.of(best);
    let resize_bits = needed * n + resize_cost(width, needed);
    let change_bits = best_width * n;
    if needed > width {
        let resize = best != mode && !outgrown && resize_bits < change_bits + FULL_BITS;
        return if resize { Choice::Change(mode, needed) } else { Choice::Change(best, best_width) };
    }
    let keep_bits = width * n;
    if change_bits + WORTH_BITS < keep_bits && change_bits + WORTH_BITS <= resize_bits {
        Choice::Change(best, best_width)
    } else if needed < width && resize_bits < keep_bits {
        Choice::Change(mode, needed)
    } else if mode == Mode::Sparse {
        Choice::Move
    } else {
        Choice::Keep
    }
}

/// The mode with the narrowest residuals; the current one if it is among them.
fn best_mode(current: Mode, outgrown: bool, widths: &Widths) -> Mode {
    let mut best = if outgrown { Mode::Delta } else { current };
    for mode in [Mode::Delta, Mode::Linear, Mode::Mean] {
        if widths.of(mode) < widths.of(best) {
            best = mode;
        }
    }
    best
}

/// Bits to say that only the width changes.
fn resize_cost(from: u32, to: u32) -> u32 {
    match from.abs_diff(to) {
        1 => STEP_BITS,
        2 => LONG_STEP_BITS,
        _ => FULL_BITS - 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(mode: Mode, width: u32, (delta, linear, mean): (u32, u32, u32), expected: Choice) {
        assert_eq!(choose(mode, width, 1, &Widths { delta, linear, mean }, 6), expected);
    }

    #[test]
    fn what_fits_well_stays() {
        check(Mode::Delta, 4, (4, 4, 4), Choice::Keep);
        check(Mode::Delta, 4, (4, 3, 4), Choice::Keep);
        check(Mode::Sparse, 4, (4, 4, 4), Choice::Move);
        check(Mode::Sparse, 4, (0, 0, 0), Choice::Keep);
        check(Mode::Linear, 1, (0, 1, 1), Choice::Keep);
    }

    #[test]
    fn what_does_not_fit_must_change() {
        check(Mode::Delta, 4, (5, 6, 6), Choice::Change(Mode::Delta, 5));
        check(Mode::Delta, 4, (5, 4, 6), Choice::Change(Mode::Delta, 5));
        check(Mode::Delta, 4, (8, 4, 6), Choice::Change(Mode::Linear, 4));
        check(Mode::Linear, 1, (0, 2, 2), Choice::Change(Mode::Sparse, 1));
    }

    #[test]
    fn what_saves_bits_changes() {
        check(Mode::Delta, 4, (3, 4, 4), Choice::Change(Mode::Delta, 3));
        check(Mode::Delta, 6, (6, 4, 6), Choice::Change(Mode::Linear, 4));
        check(Mode::Mean, 4, (0, 4, 4), Choice::Change(Mode::Sparse, 1));
    }

    #[test]
    fn a_sparse_slot_that_moves_all_the_time_becomes_dense_with_its_next_change() {
        let widths = Widths { delta: 5, linear: 6, mean: 6 };
        assert_eq!(choose(Mode::Sparse, 4, 2, &widths, 6), Choice::Change(Mode::Sparse, 5));
        assert_eq!(choose(Mode::Sparse, 4, 3, &widths, 6), Choice::Change(Mode::Delta, 5));
    }
}
