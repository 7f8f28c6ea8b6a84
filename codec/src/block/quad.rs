//! How do residuals become columns? Four slots side by side.
//!
//! Each slot has its own width and its own prediction. Taken one after the other, every slot costs a branch that the
//! processor guesses wrong, and with a few samples to a block that is most of the time. So what differs between slots
//! is kept as numbers instead: a [`DecoderQuad`] holds four neighbouring slots, one to a lane, and all lanes do the same:
//!
//! 1. *Unpack*. One 64-bit word for each lane holds its next four residuals of up to [`NARROW`] bits. The word is cut in
//!    halves of two residuals. The first of a half is under the mask of the lane's width. The second would need a shift by
//!    the width, and WebAssembly shifts all lanes by the same. Multiplied by 2^([`NARROW`] − width), though, it starts at
//!    bit [`NARROW`] in every lane. Wider residuals are read one by one.
//! 2. *Predict*. The masks of the modes say which lanes go on with the last difference, or with half of it.
//! 3. *Convert* numbers to values, by the resolutions of the lanes.
//! 4. *Transpose*. Four rows of four lanes become four values of four columns.

use wide::{bytemuck, f32x4, i32x4, u32x4};

use super::bits::BitReader;
use super::quantize::{fixed_values, ordered_values};
use super::slot::{Coding, Mode, unzigzag};

/// Slots that are decoded side by side.
pub(super) const LANES: usize = 4;

/// Rows that are decoded before they are stored: four values of each column.
pub(super) const TILE: usize = 4;

/// Numbers by which a column must be longer than a block, so that whole tiles fit.
pub(super) const SLACK: usize = TILE - 1;

/// Widest residuals of which a word holds a whole tile.
const NARROW: u32 = 14;

/// Widest residuals of which a word holds [`SHORT_ROWS`].
const SHORT: u32 = 9;
const SHORT_ROWS: usize = 6;

/// What the decoder keeps of four neighbouring slots between blocks, one slot to a lane.
#[derive(Debug, Clone, Copy, Default)]
pub struct DecoderQuad {
    /// The last numbers.
    last: [i32; LANES],
    /// The last differences.
    delta: [i32; LANES],
    /// As many ones as a residual of this block has bits: none in a sparse lane that does not move.
    masks: [u32; LANES],
    /// What moves the second residual of a half to bit [`NARROW`].
    factors: [u32; LANES],
    /// All ones in the lanes of this mode, else 0.
    is_linear: [i32; LANES],
    is_mean: [i32; LANES],
    /// All ones in the lanes that have residuals in every block, else 0.
    is_dense: [u32; LANES],
    values: Values,
    resolutions: [f32; LANES],
    /// All ones in the lanes of lossless slots, else 0.
    is_lossless: [i32; LANES],
    modes: [Mode; LANES],
    /// Widths from the last changes.
    widths: [u8; LANES],
}

/// What the numbers of a quad mean.
#[derive(Debug, Clone, Copy, Default)]
enum Values {
    #[default]
    Ints,
    /// Floats, all of fixed point slots.
    Fixed,
    /// Floats, some of them of lossless slots.
    Lossless,
}

/// The rows of a block.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rows {
    /// Whether the first row is in the key block itself, and only the others have residuals.
    pub(super) is_key: bool,
    /// Rows in the block.
    pub(super) n: usize,
}

impl Rows {
    pub(super) fn n_residuals(self) -> usize {
        self.n - usize::from(self.is_key)
    }
}

impl DecoderQuad {
    /// Sets the coding of a lane; without it a lane holds ints.
    pub(super) fn set_coding(&mut self, lane: usize, coding: Coding) {
        match coding {
            Coding::Fixed { resolution, .. } => {
                self.resolutions[lane] = resolution;
                if matches!(self.values, Values::Ints) {
                    self.values = Values::Fixed;
                }
            }
            Coding::Lossless { .. } => {
                self.is_lossless[lane] = -1;
                self.values = Values::Lossless;
            }
            Coding::Int { .. } => {}
        }
    }

    /// Starts a lane again with the first number of a key block.
    pub(super) fn start(&mut self, lane: usize, number: i32) {
        self.last[lane] = number;
        self.delta[lane] = 0;
        self.set_mode(lane, Mode::Sparse);
        self.set_width(lane, 0);
    }

    pub(super) fn mode(&self, lane: usize) -> Mode {
        self.modes[lane]
    }

    pub(super) fn set_mode(&mut self, lane: usize, mode: Mode) {
        self.modes[lane] = mode;
        self.is_linear[lane] = -i32::from(mode == Mode::Linear);
        self.is_mean[lane] = -i32::from(mode == Mode::Mean);
        self.is_dense[lane] = 0_u32.wrapping_sub((mode != Mode::Sparse).into());
    }

    pub(super) fn width(&self, lane: usize) -> u32 {
        self.widths[lane].into()
    }

    /// Sets a lane's width from this block on, 0 to 32. The lane has residuals in this block, unless it
    /// [`rests`](Self::rest).
    #[inline(always)]
    pub(super) fn set_width(&mut self, lane: usize, width: u32) {
        self.widths[lane] = width as u8;
        self.masks[lane] = ((1_u64 << width) - 1) as u32;
        self.factors[lane] = (1 << NARROW) >> width.min(31);
    }

    /// A sparse lane has no residuals in this block.
    pub(super) fn rest(&mut self, lane: usize) {
        self.masks[lane] = 0;
    }

    pub(super) fn set_delta(&mut self, lane: usize, delta: i32) {
        self.delta[lane] = delta;
    }

    /// Decodes the rows of four columns, `stride` apart; there are fewer at the end of the floats and of the ints.
    #[inline(always)]
    fn take_rows(&mut self, rows: Rows, bits: &mut BitReader<'_>, columns: &mut [i32], stride: usize) {
        let residuals = Residuals::new(self.masks, self.factors, rows, bits);
        let mut state = State::new(self);
        let mut words = [0; LANES];
        for first in (0..rows.n).step_by(TILE) {
            let n_rows = rows.n - first;
            let codes = residuals.take_tile(first, n_rows, &mut words, bits);
            let row_0 = if rows.is_key && first == 0 { state.last } else { state.next(codes[0]) };
            let row_1 = if n_rows > 1 { state.next(codes[1]) } else { row_0 };
            let row_2 = if n_rows > 2 { state.next(codes[2]) } else { row_0 };
            let row_3 = if n_rows > 3 { state.next(codes[3]) } else { row_0 };
            let tile = f32x4::transpose(self.values([row_0, row_1, row_2, row_3]));
            for (lane, values) in tile.iter().enumerate() {
                let at = lane * stride + first;
                if let Some(place) = columns.get_mut(at..at + TILE) {
                    place.copy_from_slice(&bytemuck::cast::<_, [i32; TILE]>(*values));
                }
            }
        }
        self.last = state.last.to_array();
        self.delta = state.delta.to_array();
        self.fall_asleep();
    }

    /// Decodes the first lane alone and gives its numbers to `see`.
    pub(super) fn take_lane(
        &mut self,
        rows: Rows,
        bits: &mut BitReader<'_>,
        mut see: impl FnMut(usize, i32),
    ) {
        let ([last, ..], [delta, ..]) = (&mut self.last, &mut self.delta);
        let (mode, width) = (self.modes[0], self.masks[0].count_ones());
        for row in 0..rows.n {
            if row > 0 || !rows.is_key {
                *delta = mode.predicted_delta(*delta).wrapping_add(unzigzag(bits.take(width)));
                *last = last.wrapping_add(*delta);
            }
            see(row, *last);
        }
        self.fall_asleep();
    }

    /// Sparse lanes have no residuals in the next block, unless an event announces some.
    #[inline(always)]
    fn fall_asleep(&mut self) {
        self.masks = (u32x4::new(self.masks) & u32x4::new(self.is_dense)).to_array();
    }

    /// The values of a tile of numbers, by their bits.
    #[inline(always)]
    fn values(&self, numbers: [i32x4; TILE]) -> [f32x4; TILE] {
        let resolutions = f32x4::new(self.resolutions);
        match self.values {
            Values::Ints => numbers.map(bytemuck::cast),
            Values::Fixed => numbers.map(|row| fixed_values(row, resolutions)),
            Values::Lossless => {
                let is_lossless: f32x4 = bytemuck::cast(self.is_lossless);
                numbers.map(|row| is_lossless.bitselect(ordered_values(row), fixed_values(row, resolutions)))
            }
        }
    }
}

/// Decodes part 4 of a body for these quads, into one column for each slot, `stride` apart.
/// Writes [`TILE`] numbers at a time: what follows the last row has no meaning.
// On its own, so that the loop has all registers.
#[inline(never)]
pub(super) fn take_columns(
    quads: &mut [DecoderQuad],
    rows: Rows,
    bits: &mut BitReader<'_>,
    columns: &mut [i32],
    stride: usize,
) {
    let mut reader = *bits;
    for (quad, columns) in quads.iter_mut().zip(columns.chunks_mut(LANES * stride)) {
        quad.take_rows(rows, &mut reader, columns, stride);
    }
    *bits = reader;
}

/// Where the residuals of a quad are in the body.
struct Residuals {
    masks: [u32; LANES],
    factors: [u32; LANES],
    widths: [u32; LANES],
    /// Positions of the first residuals.
    at: [usize; LANES],
    /// The row that they belong to: 1 in a key block.
    first_row: usize,
    is_narrow: bool,
    is_short: bool,
}

impl Residuals {
    /// Finds the residuals from the next bit on, and moves the reader behind them.
    #[inline(always)]
    fn new(masks: [u32; LANES], factors: [u32; LANES], rows: Rows, bits: &mut BitReader<'_>) -> Self {
        let widths = masks.map(|mask| 32 - mask.leading_zeros());
        let at = widths.map(|width| {
            let start = bits.position();
            bits.skip(width * rows.n_residuals() as u32);
            start
        });
        let [a, b, c, d] = masks;
        let widest = a | b | c | d;
        let is_narrow = widest >> NARROW == 0;
        let is_short = widest >> SHORT == 0 && rows.n <= SHORT_ROWS;
        Self { masks, factors, widths, at, first_row: rows.is_key.into(), is_narrow, is_short }
    }

    /// The residuals, still zigzag coded, of the rows from `first` on: a tile of them, of which `n_rows` count.
    /// `words` is what the call for the previous tile left there.
    #[inline(always)]
    fn take_tile(
        &self,
        first: usize,
        n_rows: usize,
        words: &mut [u64; LANES],
        bits: &BitReader<'_>,
    ) -> [i32x4; TILE] {
        let [w0, w1, w2, w3] = self.widths;
        let [a0, a1, a2, a3] = self.at;
        // In a key block row 0 has no residual: what is read for it comes before the others and is ignored.
        let position = |at: usize, width: u32, row: usize| {
            at.wrapping_add((width as usize).wrapping_mul(row.wrapping_sub(self.first_row)))
        };
        if !self.is_narrow {
            let row = |row: usize| {
                let code = |at, width| bits.peek_at(position(at, width, row)) as u32;
                let codes = u32x4::new([code(a0, w0), code(a1, w1), code(a2, w2), code(a3, w3)]);
                bytemuck::cast(codes & u32x4::new(self.masks))
            };
            let row_if = |at: usize| if at < n_rows { row(first + at) } else { i32x4::ZERO };
            return [row_if(0), row_if(1), row_if(2), row_if(3)];
        }
        let [x0, x1, x2, x3] = if self.is_short && first > 0 {
            let [x0, x1, x2, x3] = *words;
            [x0 >> (4 * w0), x1 >> (4 * w1), x2 >> (4 * w2), x3 >> (4 * w3)]
        } else {
            let word = |at, width| bits.peek_at(position(at, width, first));
            [word(a0, w0), word(a1, w1), word(a2, w2), word(a3, w3)]
        };
        *words = [x0, x1, x2, x3];
        let [row_0, row_1] = self.split_half([x0 as u32, x1 as u32, x2 as u32, x3 as u32]);
        if n_rows <= 2 {
            return [row_0, row_1, i32x4::ZERO, i32x4::ZERO];
        }
        let [row_2, row_3] = self.split_half([
            (x0 >> (2 * w0)) as u32,
            (x1 >> (2 * w1)) as u32,
            (x2 >> (2 * w2)) as u32,
            (x3 >> (2 * w3)) as u32,
        ]);
        [row_0, row_1, row_2, row_3]
    }

    /// The two narrow residuals of each lane that start in the lowest bit.
    #[inline(always)]
    fn split_half(&self, halves: [u32; LANES]) -> [i32x4; 2] {
        let (halves, masks) = (u32x4::new(halves), u32x4::new(self.masks));
        let second = (halves * u32x4::new(self.factors)) >> NARROW;
        [bytemuck::cast(halves & masks), bytemuck::cast(second & masks)]
    }
}

/// The last numbers and differences of a quad, and how they go on.
struct State {
    last: i32x4,
    delta: i32x4,
    is_linear: i32x4,
    is_mean: i32x4,
}

impl State {
    #[inline(always)]
    fn new(quad: &DecoderQuad) -> Self {
        Self {
            last: i32x4::new(quad.last),
            delta: i32x4::new(quad.delta),
            is_linear: i32x4::new(quad.is_linear),
            is_mean: i32x4::new(quad.is_mean),
        }
    }

    /// The next row of numbers, from its residuals.
    #[inline(always)]
    fn next(&mut self, codes: i32x4) -> i32x4 {
        let predicted = (self.delta & self.is_linear) - (self.delta >> 1_u32 & self.is_mean);
        self.delta = predicted + unzigzag_lanes(codes);
        self.last += self.delta;
        self.last
    }
}

/// [`unzigzag`] of four codes.
#[inline(always)]
fn unzigzag_lanes(codes: i32x4) -> i32x4 {
    let halves: u32x4 = bytemuck::cast::<_, u32x4>(codes) >> 1_u32;
    bytemuck::cast::<_, i32x4>(halves) ^ (i32x4::ZERO - (codes & i32x4::ONE))
}

#[cfg(test)]
mod tests {
    use super::*;

    const STRIDE: usize = 64;

    /// A quad whose lanes have numbers, differences, modes and widths of all kinds.
    fn quad(widths: [u32; LANES], first_mode: u32) -> DecoderQuad {
        let mut quad = DecoderQuad::default();
        for (lane, width) in widths.into_iter().enumerate() {
            quad.start(lane, (lane as i32 - 2) * 1_000_003);
            quad.set_delta(lane, 7 - 5 * lane as i32);
            quad.set_mode(lane, Mode::from_bits(first_mode + lane as u32));
            quad.set_width(lane, width);
        }
        quad
    }

    /// The lane of a quad as the first one of its own.
    fn alone(quad: &DecoderQuad, lane: usize) -> DecoderQuad {
        let mut alone = DecoderQuad::default();
        alone.start(0, quad.last[lane]);
        alone.set_delta(0, quad.delta[lane]);
        alone.set_mode(0, quad.mode(lane));
        alone.set_width(0, quad.width(lane));
        alone
    }

    #[track_caller]
    fn check(widths: [u32; LANES], first_mode: u32, rows: Rows, bytes: &[u8]) {
        // A key block has at least 18 bits before its residuals.
        let (mut bits, mut bits_alone) = (BitReader::new(bytes, 18), BitReader::new(bytes, 18));
        let mut quad = quad(widths, first_mode);
        let mut columns = [0; LANES * STRIDE];
        let before = quad;
        take_columns(core::slice::from_mut(&mut quad), rows, &mut bits, &mut columns, STRIDE);
        for (lane, column) in columns.chunks(STRIDE).enumerate() {
            let mut alone = alone(&before, lane);
            alone.take_lane(rows, &mut bits_alone, |row, number| assert_eq!(column[row], number));
            let state =
                |quad: &DecoderQuad, lane: usize| (quad.last[lane], quad.delta[lane], quad.masks[lane]);
            assert_eq!(state(&quad, lane), state(&alone, 0), "lane {lane}, widths {widths:?}, {rows:?}");
        }
        assert_eq!(bits.position(), bits_alone.position());
    }

    #[test]
    fn four_lanes_are_decoded_like_four_slots_one_after_the_other() {
        let random = |at: u32| (at.wrapping_mul(2_654_435_761) >> 13 ^ at.wrapping_mul(40_503) >> 7) as u8;
        let bytes: [u8; 1100] = core::array::from_fn(|at| random(at as u32));
        let all_widths = [
            [0, 0, 0, 0],
            [0, 1, 8, SHORT],
            [SHORT; 4],
            [3, SHORT + 1, NARROW, 0],
            [NARROW; 4],
            [NARROW + 1, 1, NARROW, 5],
            [0, 24, 25, 26],
            [28, 31, 30, 29],
            [32; 4],
        ];
        for widths in all_widths {
            for first_mode in 0..4 {
                for n in [1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 60] {
                    for is_key in [false, true] {
                        check(widths, first_mode, Rows { is_key, n }, &bytes);
                    }
                    // Near the end of a body, and beyond it.
                    check(widths, first_mode, Rows { is_key: false, n }, &bytes[..n + 3]);
                }
            }
        }
    }

    #[test]
    fn lanes_without_a_column_write_nothing() {
        let mut columns = [7; 2 * STRIDE];
        let mut bits = BitReader::new(&[0xff; 64], 18);
        let rows = Rows { is_key: false, n: 6 };
        take_columns(&mut [quad([5; LANES], 1)], rows, &mut bits, &mut columns, STRIDE);
        assert_eq!(bits.position(), 18 + 4 * 5 * 6);
        assert_eq!(columns[8..STRIDE], [7; STRIDE - 8]);
        assert_eq!(columns[STRIDE + 8..], [7; STRIDE - 8]);
    }
}
