//! Which mode and width should slots have in this block? The encoder's choice; decoders only read what it was.
//!
//! Keeping mode and width costs a bit or less, changing them two to nine bits. So a slot changes when it must (a
//! residual does not fit) or when the change pays for itself within the block.
//!
//! Eight slots choose side by side, without branches, because nearly every block has some that change. A condition is
//! all ones in the lanes of the slots for which it holds.

use wide::i16x8;

use super::slot::Mode;

/// How eight slots are coded: the result of their changes so far.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Settings {
    /// The values of [`Mode`].
    pub(super) mode: i16x8,
    /// Bits of a residual.
    pub(super) width: i16x8,
}

impl Settings {
    /// The slots that are at `mode`.
    #[inline(always)]
    pub(super) fn are(&self, mode: Mode) -> i16x8 {
        self.mode.simd_eq(mode_lanes(mode))
    }

    /// The slots at which a change finds mode and width as a key block sets them.
    #[inline(always)]
    pub(super) fn are_new(&self) -> i16x8 {
        (self.mode | self.width).simd_eq(i16x8::ZERO)
    }

    /// `new` where `changed`, else these.
    #[inline(always)]
    fn changed_to(&self, new: &Self, changed: i16x8) -> Self {
        Self { mode: changed.bitselect(new.mode, self.mode), width: changed.bitselect(new.width, self.width) }
    }
}

/// The widest residuals of eight slots in one block, for each prediction.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Widths {
    /// Under [`Mode::Delta`] and [`Mode::Sparse`].
    pub(super) delta: i16x8,
    /// Under [`Mode::Linear`].
    pub(super) linear: i16x8,
    /// Under [`Mode::Mean`].
    pub(super) mean: i16x8,
}

/// What eight slots do in one block. Those without an event stay as they are; if they are sparse, they do not move.
#[derive(Debug, Clone, Copy)]
pub(super) struct Choices {
    /// Slots with an event bit: those that change, and sparse ones that move.
    pub(super) events: i16x8,
    /// Slots with a new mode or width.
    pub(super) changes: i16x8,
    /// What holds from this block on.
    pub(super) settings: Settings,
}

/// Bits of a change of width by one, by two, and of any other change.
const STEP_BITS: i16 = 2;
const LONG_STEP_BITS: i16 = 3;
const FULL_BITS: i16 = 9;

/// What a change of mode must save: a little less than it costs, because it lasts longer than one block.
const WORTH_BITS: i16 = 7;

/// Blocks after which a slot that moved in each of them is no longer sparse.
const SPARSE_STREAK: i16 = 2;

/// Chooses for slots that were at `settings` and have moved for `streak` blocks (this one included), for a block with
/// `n` residuals of these widths.
#[inline(always)]
pub(super) fn choose(settings: &Settings, streak: i16x8, widths: &Widths, n: i16) -> Choices {
    let (mode, width) = (settings.mode, settings.width);
    let is_sparse = settings.are(Mode::Sparse);
    let needed = settings.are(Mode::Linear).bitselect(widths.linear, widths.delta);
    let needed = settings.are(Mode::Mean).bitselect(widths.mean, needed);
    let outgrown = is_sparse & streak.simd_gt(i16x8::splat(SPARSE_STREAK));
    let best = best_settings(mode, needed, outgrown, widths);

    let (keep_bits, change_bits) = (width * n, best.width * n);
    let resize_bits = needed * n + resize_cost(width, needed);
    let worth_bits = change_bits + WORTH_BITS;
    let too_narrow = needed.simd_gt(width);
    let resizes = !outgrown & resize_bits.simd_lt(change_bits + FULL_BITS);
    let pays = worth_bits.simd_lt(keep_bits) & !worth_bits.simd_gt(resize_bits);
    let to_best = too_narrow.bitselect(!resizes, pays);
    let to_needed = too_narrow | resize_bits.simd_lt(keep_bits);

    let moves = !widths.delta.simd_eq(i16x8::ZERO);
    let rests = !too_narrow & !keep_bits.simd_gt(i16x8::splat(WORTH_BITS));
    let changes = moves.bitselect(to_best | to_needed, !(is_sparse | rests));
    let moving = Settings { mode, width: needed }.changed_to(&best, to_best);
    let sleeping = Settings { mode: mode_lanes(Mode::Sparse), width: i16x8::splat(1) };
    let new = sleeping.changed_to(&moving, moves);
    let events = changes | (moves & is_sparse);
    Choices { events, changes, settings: settings.changed_to(&new, changes) }
}

/// The modes with the narrowest residuals, the current ones if they are among them, and the widths of those.
#[inline(always)]
fn best_settings(current: i16x8, needed: i16x8, outgrown: i16x8, widths: &Widths) -> Settings {
    let mut best = Settings { mode: outgrown.bitselect(mode_lanes(Mode::Delta), current), width: needed };
    for (mode, width) in
        [(Mode::Delta, widths.delta), (Mode::Linear, widths.linear), (Mode::Mean, widths.mean)]
    {
        let narrower = width.simd_lt(best.width);
        best = best.changed_to(&Settings { mode: mode_lanes(mode), width }, narrower);
    }
    best
}

/// Bits to say that only the width changes.
#[inline(always)]
fn resize_cost(from: i16x8, to: i16x8) -> i16x8 {
    let size = (to - from).abs();
    let saved_by_one = size.simd_eq(i16x8::splat(1)) & (FULL_BITS - 1 - STEP_BITS);
    let saved_by_two = size.simd_eq(i16x8::splat(2)) & (FULL_BITS - 1 - LONG_STEP_BITS);
    i16x8::splat(FULL_BITS - 1) - saved_by_one - saved_by_two
}

/// The value of `mode` in every lane.
#[inline(always)]
pub(super) const fn mode_lanes(mode: Mode) -> i16x8 {
    i16x8::splat(mode as i16)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a slot does, distinguished as on the wire.
    #[derive(Debug, PartialEq)]
    enum Choice {
        Keep,
        Move,
        Change(Mode, i16),
    }
    use Choice::{Change, Keep, Move};

    /// Chooses in every lane.
    fn choose_one(
        mode: Mode,
        width: i16,
        streak: i16,
        (delta, linear, mean): (i16, i16, i16),
        n: i16,
    ) -> Choice {
        let settings = Settings { mode: mode_lanes(mode), width: i16x8::splat(width) };
        let [delta, linear, mean] = [delta, linear, mean].map(i16x8::splat);
        let choices = choose(&settings, i16x8::splat(streak), &Widths { delta, linear, mean }, n);
        let [events, changes, mode, width] =
            [choices.events, choices.changes, choices.settings.mode, choices.settings.width].map(|lanes| {
                assert_eq!(lanes, i16x8::splat(lanes.to_array()[0]));
                lanes.to_array()[0]
            });
        match (events, changes) {
            (0, 0) => Keep,
            (-1, 0) => Move,
            (-1, -1) => Change(Mode::from_bits(mode as u32), width),
            other => panic!("{other:?} are no conditions"),
        }
    }

    #[track_caller]
    fn check(mode: Mode, width: i16, widths: (i16, i16, i16), expected: Choice) {
        assert_eq!(choose_one(mode, width, 1, widths, 6), expected);
    }

    #[test]
    fn what_fits_well_stays() {
        check(Mode::Delta, 4, (4, 4, 4), Keep);
        check(Mode::Delta, 4, (4, 3, 4), Keep);
        check(Mode::Sparse, 4, (4, 4, 4), Move);
        check(Mode::Sparse, 4, (0, 0, 0), Keep);
        check(Mode::Linear, 1, (0, 1, 1), Keep);
    }

    #[test]
    fn what_does_not_fit_must_change() {
        check(Mode::Delta, 4, (5, 6, 6), Change(Mode::Delta, 5));
        check(Mode::Delta, 4, (5, 4, 6), Change(Mode::Delta, 5));
        check(Mode::Delta, 4, (8, 4, 6), Change(Mode::Linear, 4));
        check(Mode::Linear, 1, (0, 2, 2), Change(Mode::Sparse, 1));
    }

    #[test]
    fn what_saves_bits_changes() {
        check(Mode::Delta, 4, (3, 4, 4), Change(Mode::Delta, 3));
        check(Mode::Delta, 6, (6, 4, 6), Change(Mode::Linear, 4));
        check(Mode::Mean, 4, (0, 4, 4), Change(Mode::Sparse, 1));
    }

    #[test]
    fn a_sparse_slot_that_moves_all_the_time_becomes_dense_with_its_next_change() {
        let widths = (5, 6, 6);
        assert_eq!(choose_one(Mode::Sparse, 4, 2, widths, 6), Change(Mode::Sparse, 5));
        assert_eq!(choose_one(Mode::Sparse, 4, 3, widths, 6), Change(Mode::Delta, 5));
    }

    /// The rule for one slot, as one would write it.
    fn rule(mode: Mode, width: i16, streak: i16, (delta, linear, mean): (i16, i16, i16), n: i16) -> Choice {
        let width_at = |mode| match mode {
            Mode::Sparse | Mode::Delta => delta,
            Mode::Linear => linear,
            Mode::Mean => mean,
        };
        let needed = width_at(mode);
        if delta == 0 {
            let stays = mode == Mode::Sparse || (needed <= width && width * n <= WORTH_BITS);
            return if stays { Keep } else { Change(Mode::Sparse, 1) };
        }
        let outgrown = mode == Mode::Sparse && streak > SPARSE_STREAK;
        let mut best = if outgrown { Mode::Delta } else { mode };
        for other in [Mode::Delta, Mode::Linear, Mode::Mean] {
            best = if width_at(other) < width_at(best) { other } else { best };
        }
        let resize_cost = match width.abs_diff(needed) {
            1 => STEP_BITS,
            2 => LONG_STEP_BITS,
            _ => FULL_BITS - 1,
        };
        let (keep_bits, best_bits) = (width * n, width_at(best) * n);
        let resize_bits = needed * n + resize_cost;
        if needed > width {
            let resizes = best != mode && !outgrown && resize_bits < best_bits + FULL_BITS;
            if resizes { Change(mode, needed) } else { Change(best, width_at(best)) }
        } else if best_bits + WORTH_BITS < keep_bits && best_bits + WORTH_BITS <= resize_bits {
            Change(best, width_at(best))
        } else if needed < width && resize_bits < keep_bits {
            Change(mode, needed)
        } else if mode == Mode::Sparse {
            Move
        } else {
            Keep
        }
    }

    #[test]
    fn eight_slots_choose_as_the_rule_for_one_says() {
        const WIDTHS: [i16; 11] = [0, 1, 2, 3, 4, 6, 7, 9, 15, 31, 32];
        let all = |width| WIDTHS.map(|other| (width, other));
        for (delta, linear) in WIDTHS.into_iter().flat_map(all) {
            for (mean, width) in WIDTHS.into_iter().flat_map(all) {
                for mode in [Mode::Sparse, Mode::Delta, Mode::Linear, Mode::Mean] {
                    for (streak, n) in [(1, 1), (3, 1), (2, 2), (3, 6), (i16::MAX, 60), (2, 256)] {
                        let widths = (delta, linear, mean);
                        let expected = rule(mode, width, streak, widths, n);
                        assert_eq!(choose_one(mode, width, streak, widths, n), expected);
                    }
                }
            }
        }
    }
}
