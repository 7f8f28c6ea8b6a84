//! Which mode and width should a slot have in this block? The encoder's choice; decoders only read what it was.
//!
//! Keeping mode and width costs one bit or less, changing them about eight. So a slot changes only when it must
//! (a residual does not fit) or when the change pays for itself within a block or two.

use super::slot::Mode;

/// The widest residual of a slot in one block, for each prediction.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Widths {
    /// Under [`Mode::Delta`] and [`Mode::Sparse`].
    pub(super) delta: u32,
    /// Under [`Mode::Linear`].
    pub(super) linear: u32,
    /// Under [`Mode::Damped`].
    pub(super) damped: u32,
}

impl Widths {
    fn of(&self, mode: Mode) -> u32 {
        match mode {
            Mode::Sparse | Mode::Delta => self.delta,
            Mode::Linear => self.linear,
            Mode::Damped => self.damped,
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
    /// A new mode and width.
    Change(Mode, u32),
}

/// Bits that a change costs, and what it must save beyond them before it is made.
const CHANGE_BITS: u32 = 8;

/// Chooses for a slot that was at `mode` and `width`, for a block with `n` residuals of these widths.
pub(super) fn choose(mode: Mode, width: u32, widths: &Widths, n: u32) -> Choice {
    let needed = widths.of(mode);
    if mode == Mode::Sparse && widths.delta == 0 {
        return Choice::Keep;
    }
    let best = best_mode(mode, widths);
    let best_width = widths.of(best);
    if widths.delta == 0 && (needed > width || width * n > CHANGE_BITS) {
        // Nothing differs: sparse is free from now on.
        return Choice::Change(Mode::Sparse, 1);
    }
    if needed > width {
        return Choice::Change(best, best_width);
    }
    if (width - best_width) * n > CHANGE_BITS {
        return Choice::Change(best, best_width);
    }
    if mode == Mode::Sparse { Choice::Move } else { Choice::Keep }
}

fn best_mode(current: Mode, widths: &Widths) -> Mode {
    let mut best = if current == Mode::Sparse { Mode::Sparse } else { Mode::Delta };
    for mode in [current, Mode::Linear, Mode::Damped] {
        if widths.of(mode) < widths.of(best) {
            best = mode;
        }
    }
    best
}
