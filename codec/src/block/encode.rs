//! How do rows become the body of a block? Numbers first, then the widths they need, then the bits.

use super::bits::{BitWriter, MAX_BITS};
use super::choice::{Choice, WORTH_BITS, Widths, choose};
use super::quantize::Quantizers;
use super::slot::{Mode, Slot, width_of, zigzag};
use super::{
    GROUP, HISTORY, MAX_CHANNELS, MAX_SAMPLES, RESIDUALS_PER_WORD, SPAN_LIMIT_US, TIME_LIMIT_US,
    max_encoded_len, n_groups, n_number_groups,
};
use crate::channels::ABSENT;
use crate::error::EncodeError;
use crate::sample::Row;

/// Turns rows into block bodies. Works in memory that the caller gives; the same rows give the same bytes everywhere.
///
/// `G` and `N` are the memory: anything that lends slices of [`EncoderGroup`] and `[i32; 8]` (arrays, `Vec`s, `&mut`
/// slices). With `alloc`, [`BlockEncoder::owned`] brings its own.
#[derive(Debug, Clone)]
pub struct BlockEncoder<G, N> {
    /// One per eight slots.
    groups: G,
    /// For each group the rows of its slots, `HISTORY` of them from the block before.
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

/// With fewer rows than this behind its second one, a key block has no linear slots: their first difference costs more
/// than they save.
const MIN_KEY_ROWS_FOR_LINEAR: usize = 3;

/// Whether a block stands on its own.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Key,
    Block,
}

/// Rows of eight slots.
type Rows = [[i32; GROUP]];

#[cfg(feature = "alloc")]
impl BlockEncoder<alloc::vec::Vec<EncoderGroup>, alloc::vec::Vec<[i32; GROUP]>> {
    /// An encoder that owns its memory. All of it is allocated here.
    ///
    /// # Errors
    /// As [`BlockEncoder::new`].
    pub fn owned(slots: &[Slot], samples_per_block: usize) -> Result<Self, EncodeError> {
        check_limits(slots.len(), samples_per_block)?;
        let groups = alloc::vec![EncoderGroup::default(); n_groups(slots.len())];
        let numbers = alloc::vec![[0; GROUP]; n_number_groups(slots.len(), samples_per_block)];
        Self::new(slots, samples_per_block, groups, numbers)
    }
}

impl<G: AsMut<[EncoderGroup]>, N: AsMut<Rows>> BlockEncoder<G, N> {
    /// An encoder for these slots (floats first, as [`Schema::slots`](crate::Schema::slots) gives them) and blocks of
    /// up to `samples_per_block` samples, in memory of at least [`n_groups`] and [`n_number_groups`] elements.
    ///
    /// # Errors
    /// [`EncodeError::Limit`] for too many channels or samples, or too little memory.
    pub fn new(
        slots: &[Slot],
        samples_per_block: usize,
        mut groups: G,
        mut numbers: N,
    ) -> Result<Self, EncodeError> {
        check_limits(slots.len(), samples_per_block)?;
        check_memory(groups.as_mut().len(), n_groups(slots.len()))?;
        check_memory(numbers.as_mut().len(), n_number_groups(slots.len(), samples_per_block))?;
        groups.as_mut().fill(EncoderGroup::default());
        numbers.as_mut().fill([0; GROUP]);
        for (group, slots) in groups.as_mut().iter_mut().zip(slots.chunks(GROUP)) {
            *group = EncoderGroup::new(slots);
        }
        let n_floats = slots.iter().filter(|slot| slot.coding.is_float()).count();
        Ok(Self {
            groups,
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
    /// would span 2^30 µs or more. The row is then not taken.
    pub fn push(&mut self, row: Row<'_>) -> Result<(), EncodeError> {
        self.check_row(&row)?;
        let (at, n_rows_of_group) = (HISTORY + self.n_rows, HISTORY + self.capacity);
        let mut rows = self.numbers.as_mut().iter_mut().skip(at).step_by(n_rows_of_group);
        let floats = row.floats.chunks(GROUP);
        for ((group, values), numbers) in self.groups.as_mut().iter().zip(floats).zip(rows.by_ref()) {
            self.saturated += group.quantizers.numbers(values, numbers);
        }
        self.put_ints_and_time(&row, at);
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
        let n_slots = self.n_floats + self.n_ints + 1;
        let shift = self.first_us.wrapping_sub(self.origin_us) as i32;
        let (n_rows, n_rows_of_group) = (self.n_rows, HISTORY + self.capacity);
        self.origin_us = self.first_us;
        self.needs_key = false;
        let mut bits = BitWriter::new(out);
        bits.put(n_rows as u64 - 1, 8);
        let n_groups = n_groups(self.n_floats + self.n_ints);
        for (at, rows) in self.numbers.as_mut().chunks_exact_mut(n_rows_of_group).take(n_groups).enumerate() {
            let lanes = GROUP.min(n_slots - at * GROUP);
            if at + 1 == n_groups {
                rows[HISTORY..]
                    .iter_mut()
                    .for_each(|row| row[lanes - 1] = row[lanes - 1].wrapping_sub(shift));
            }
            rows[HISTORY][..lanes].iter().for_each(|number| put_absolute(&mut bits, *number));
            // The other rows follow the first as if it had stood still before.
            rows[HISTORY - 1] = rows[HISTORY];
        }
        for group in self.groups.as_mut() {
            (0..GROUP).for_each(|lane| group.set(lane, Mode::Sparse, 0));
        }
        self.encode_rows(Kind::Key, n_rows - 1, &mut bits);
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
        let mut bits = BitWriter::new(out);
        bits.put(self.n_rows as u64 - 1, 8);
        self.encode_rows(Kind::Block, self.n_rows, &mut bits);
        Ok(bits.finish())
    }

    /// Writes parts 3 and 4 of a body for `n` rows. The last rows become history.
    fn encode_rows(&mut self, kind: Kind, n: usize, bits: &mut BitWriter<'_>) {
        let n_slots = self.n_floats + self.n_ints + 1;
        let n_rows_of_group = HISTORY + self.capacity;
        let groups = &mut self.groups.as_mut()[..n_groups(n_slots - 1)];
        // A key block's first row is coded already and stands for the last one before.
        let from = if kind == Kind::Key { 1 } else { 0 };
        let until = from + HISTORY + n;
        if n > 0 {
            let rows = self.numbers.as_mut().chunks_exact_mut(n_rows_of_group);
            for (at, (group, rows)) in groups.iter_mut().zip(rows).enumerate() {
                let lanes = GROUP.min(n_slots - at * GROUP);
                group.put_changes(kind, &mut rows[from..until], lanes as u32, bits);
            }
        }
        let rows = self.numbers.as_mut().chunks_exact_mut(n_rows_of_group);
        for (group, rows) in groups.iter().zip(rows) {
            let history = [rows[until - 2], rows[until - 1]];
            group.put_residuals(&mut rows[from..until], bits);
            rows[..HISTORY].copy_from_slice(&history);
        }
        self.n_rows = 0;
    }

    /// Puts the numbers of the ints and of the time behind those of the floats, in row `at` of each group.
    fn put_ints_and_time(&mut self, row: &Row<'_>, at: usize) {
        let time = row.captured_at_us.wrapping_sub(self.origin_us) as i32;
        let first_group = self.n_floats / GROUP;
        let n_rows_of_group = HISTORY + self.capacity;
        let rows = self
            .numbers
            .as_mut()
            .iter_mut()
            .skip(first_group * n_rows_of_group + at)
            .step_by(n_rows_of_group);
        let mut lane = self.n_floats % GROUP;
        let mut ints = row.ints;
        for numbers in rows {
            let (here, rest) = ints.split_at(ints.len().min(GROUP - lane));
            numbers[lane..lane + here.len()].copy_from_slice(here);
            if let (true, Some(number)) = (rest.is_empty(), numbers.get_mut(lane + here.len())) {
                *number = time;
                return;
            }
            (ints, lane) = (rest, 0);
        }
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
            let found = self.n_rows + 1;
            return Err(EncodeError::Limit { what: "samples per block", found, limit: self.capacity });
        }
        let span = self.first_us.abs_diff(row.captured_at_us);
        if self.n_rows > 0 && span >= SPAN_LIMIT_US {
            let (found, limit) = (span as usize, SPAN_LIMIT_US as usize);
            return Err(EncodeError::Limit { what: "µs in a block", found, limit });
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

impl EncoderGroup {
    fn new(slots: &[Slot]) -> Self {
        let mut group = Self { quantizers: Quantizers::new(slots), ..Self::default() };
        for (streak, slot) in group.streak.iter_mut().zip(slots) {
            *streak = slot.initial_streak();
        }
        group
    }

    /// Writes part 3 of a body for the `lanes` first slots, whose numbers are `rows` (the first two are history), and
    /// sets `width_now` for part 4.
    fn put_changes(&mut self, kind: Kind, rows: &mut Rows, lanes: u32, bits: &mut BitWriter<'_>) {
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
    fn put_residuals(&self, rows: &mut Rows, bits: &mut BitWriter<'_>) {
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
fn put_absolute(bits: &mut BitWriter<'_>, number: i32) {
    let code = u64::from(zigzag(number));
    match width_of(zigzag(number)) {
        _ if number == ABSENT => bits.put(31, 5),
        width @ 0..=29 => bits.put(u64::from(width) | code << 5, 5 + width),
        _ => bits.put(30 | code << 5, 5 + 32),
    }
}

fn check_limits(n_channels: usize, n_samples: usize) -> Result<(), EncodeError> {
    let within = |what, found, limit| {
        if found == 0 || found > limit { Err(EncodeError::Limit { what, found, limit }) } else { Ok(()) }
    };
    within("channels", n_channels, MAX_CHANNELS)?;
    within("samples per block", n_samples, MAX_SAMPLES)
}

fn check_memory(found: usize, limit: usize) -> Result<(), EncodeError> {
    if found < limit { Err(EncodeError::Limit { what: "elements of memory", found, limit }) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::block::Coding;
    use crate::channels::Pace;

    const FLOAT: Slot =
        Slot { coding: Coding::Fixed { resolution: 0.5, min: -10.0, max: 10.0 }, pace: Pace::Fast };
    const INT: Slot = Slot { coding: Coding::Int { min: 0, max: 9 }, pace: Pace::Slow };
    const SLOTS: [Slot; 2] = [FLOAT, INT];

    type ArrayEncoder = BlockEncoder<[EncoderGroup; 1], [[i32; GROUP]; n_number_groups(2, 3)]>;

    /// An encoder for one float and one int channel and three samples, without allocator.
    fn encoder() -> ArrayEncoder {
        let memory = [EncoderGroup::default(); 1];
        BlockEncoder::new(&SLOTS, 3, memory, [[0; GROUP]; n_number_groups(2, 3)]).unwrap()
    }

    fn row(captured_at_us: u64, float: &f32) -> Row<'_> {
        Row { captured_at_us, floats: core::slice::from_ref(float), ints: &[4] }
    }

    #[track_caller]
    fn check_limit(result: Result<impl Sized, EncodeError>, expected: &str) {
        match result.map(drop) {
            Err(EncodeError::Limit { what, .. }) => assert_eq!(what, expected),
            other => panic!("{other:?} instead of a limit of {expected}"),
        }
    }

    #[test]
    fn rows_of_another_shape_or_time_are_refused() {
        let mut encoder = encoder();
        let wide = Row { captured_at_us: 0, floats: &[1.0, 2.0], ints: &[4] };
        assert!(matches!(encoder.push(wide), Err(EncodeError::RowShape { floats: 1, found_floats: 2, .. })));
        assert_eq!(encoder.push(row(1 << 53, &1.0)), Err(EncodeError::TimeRange { found_us: 1 << 53 }));
        assert_eq!(encoder.push(row((1 << 53) - 1, &1.0)), Ok(()));
        assert_eq!(encoder.n_waiting(), 1);
    }

    #[test]
    fn a_full_block_takes_no_more_and_an_empty_one_gives_nothing() {
        let mut encoder = encoder();
        check_limit(encoder.encode_key(&mut [0; 256]), "samples in a block");
        (0..3).for_each(|at| encoder.push(row(at, &1.0)).unwrap());
        assert!(encoder.is_full());
        check_limit(encoder.push(row(3, &1.0)), "samples per block");
    }

    #[test]
    fn a_short_output_changes_nothing() {
        let (mut tried, mut other) = (encoder(), encoder());
        tried.push(row(5, &1.0)).unwrap();
        other.push(row(5, &1.0)).unwrap();
        let needed = max_encoded_len(2, 1);
        let short = tried.encode_key(&mut [0; 256][..needed - 1]);
        assert_eq!(short, Err(EncodeError::OutputTooShort { capacity: needed - 1 }));
        let (mut first, mut second) = ([0; 256], [0; 256]);
        assert_eq!(tried.encode_key(&mut first[..needed]), other.encode_key(&mut second));
        assert_eq!(first, second);
    }

    #[test]
    fn long_after_a_key_block_comes_another() {
        let mut encoder = encoder();
        encoder.push(row(0, &1.0)).unwrap();
        check_limit(encoder.push(row(SPAN_LIMIT_US, &1.0)), "µs in a block");
        encoder.encode_key(&mut [0; 256]).unwrap();
        encoder.push(row(SPAN_LIMIT_US - 1, &1.0)).unwrap();
        encoder.encode_block(&mut [0; 256]).unwrap();
        encoder.push(row(SPAN_LIMIT_US, &1.0)).unwrap();
        assert!(encoder.needs_key());
        check_limit(encoder.encode_block(&mut [0; 256]), "µs since the key block");
        assert_eq!(encoder.first_us(), SPAN_LIMIT_US);
        encoder.encode_key(&mut [0; 256]).unwrap();
        assert!(!encoder.needs_key());
    }

    #[test]
    fn values_outside_their_range_are_counted() {
        let mut encoder = encoder();
        for value in [10.0, 10.1, f32::NAN] {
            encoder.push(row(0, &value)).unwrap();
        }
        assert_eq!(encoder.saturated(), 1);
    }

    #[test]
    fn channels_samples_and_memory_are_limited() {
        let new = |n_channels: usize, n_samples, n_groups: usize| {
            let slots = [INT; MAX_CHANNELS + 1];
            let (mut groups, mut numbers) = ([EncoderGroup::default(); 129], [[0; GROUP]; 129 * 3]);
            BlockEncoder::new(&slots[..n_channels], n_samples, &mut groups[..n_groups], &mut numbers[..])
                .map(drop)
        };
        assert_eq!(new(MAX_CHANNELS, 1, 129), Ok(()));
        check_limit(new(MAX_CHANNELS + 1, 1, 129), "channels");
        check_limit(new(0, 1, 129), "channels");
        check_limit(new(1, MAX_SAMPLES + 1, 129), "samples per block");
        check_limit(new(8, 1, 1), "elements of memory");
        assert_eq!(new(7, 1, 1), Ok(()));
    }
}
