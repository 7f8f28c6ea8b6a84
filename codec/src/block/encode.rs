//! How do rows become the body of a block? Numbers first, then the widths they need, then the bits.

use super::bits::BitWriter;
use super::group::{BlockKind, EncoderGroup, put_absolute};
use super::quantize::OutsideCount;
use super::slot::Slot;
use super::{
    GROUP, HISTORY, MAX_CHANNELS, MAX_NUMBERS, MAX_SAMPLES, SPAN_LIMIT_US, max_encoded_len, n_groups,
    n_number_groups, n_slots,
};
use crate::error::EncodeError;
use crate::sample::{Row, TIME_LIMIT_US};

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

impl<G: AsMut<[EncoderGroup]>, N: AsMut<[[i32; GROUP]]>> BlockEncoder<G, N> {
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
        self.put_floats(row.floats);
        self.put_ints_and_time(&row);
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

    /// Values so far that were outside their channel's range and were sent as its nearer end.
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
            group.reset();
        }
        Ok(self.encode_rows(BlockKind::Key, n_rows - 1, bits))
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
        Ok(self.encode_rows(BlockKind::Block, self.n_rows, bits))
    }

    /// Writes parts 3 and 4 of a body for `n` rows. The last rows become history.
    fn encode_rows(&mut self, kind: BlockKind, n: usize, mut bits: BitWriter<'_>) -> usize {
        let n_slots = self.n_floats + self.n_ints + 1;
        let n_rows_of_group = HISTORY + self.capacity;
        let groups = &mut self.groups.as_mut()[..n_groups(n_slots - 1)];
        // A key block's first row is coded already and serves as the last one before.
        let from = if kind == BlockKind::Key { 1 } else { 0 };
        let until = from + HISTORY + n;
        if n > 0 {
            let rows = self.numbers.as_mut().chunks_exact_mut(n_rows_of_group);
            for (at, (group, rows)) in groups.iter_mut().zip(rows).enumerate() {
                let lanes = GROUP.min(n_slots - at * GROUP);
                group.put_changes(kind, &mut rows[from..until], lanes as u32, &mut bits);
            }
        }
        // Moved into a local that no call sees unless it is inlined, so that it stays in registers.
        let mut bits = bits;
        let rows = self.numbers.as_mut().chunks_exact_mut(n_rows_of_group);
        for (group, rows) in groups.iter().zip(rows) {
            let history = [rows[until - 2], rows[until - 1]];
            group.put_residuals(&mut rows[from..until], &mut bits);
            rows[..HISTORY].copy_from_slice(&history);
        }
        self.n_rows = 0;
        bits.finish()
    }

    /// Puts the numbers of the floats into the next row of each group. What is left of the last group is for ints.
    fn put_floats(&mut self, floats: &[f32]) {
        let (groups, numbers) = (self.groups.as_mut(), self.numbers.as_mut());
        let (eights, rest) = floats.as_chunks::<GROUP>();
        let mut outside = OutsideCount::default();
        let mut at = HISTORY + self.n_rows;
        for (group, values) in groups.iter().zip(eights) {
            numbers[at] = group.numbers(values, &mut outside);
            at += HISTORY + self.capacity;
        }
        if !rest.is_empty() {
            let values = core::array::from_fn(|lane| rest.get(lane).copied().unwrap_or(0.0));
            numbers[at] = groups[eights.len()].numbers(&values, &mut outside);
        }
        self.saturated += outside.sum();
    }

    /// Puts the numbers of the ints and of the time behind those of the floats.
    fn put_ints_and_time(&mut self, row: &Row<'_>) {
        let time = row.captured_at_us.wrapping_sub(self.origin_us) as i32;
        let n_rows_of_group = HISTORY + self.capacity;
        let numbers = self.numbers.as_mut();
        let mut at = HISTORY + self.n_rows + self.n_floats / GROUP * n_rows_of_group;
        // The first ints are in a group with the last floats.
        let lane = self.n_floats % GROUP;
        let (first, others) = row.ints.split_at(row.ints.len().min(GROUP - lane));
        numbers[at][lane..][..first.len()].copy_from_slice(first);
        if let Some(number) = numbers[at].get_mut(lane + first.len()) {
            *number = time;
            return;
        }
        let (eights, last) = others.as_chunks::<GROUP>();
        for eight in eights {
            at += n_rows_of_group;
            numbers[at] = *eight;
        }
        let number = |lane| last.get(lane).copied().unwrap_or(if lane == last.len() { time } else { 0 });
        numbers[at + n_rows_of_group] = core::array::from_fn(number);
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

fn check_limits(n_channels: usize, n_samples: usize) -> Result<(), EncodeError> {
    let within = |what, found, limit| {
        if found == 0 || found > limit { Err(EncodeError::Limit { what, found, limit }) } else { Ok(()) }
    };
    within("channels", n_channels, MAX_CHANNELS)?;
    within("samples per block", n_samples, MAX_SAMPLES)?;
    within("numbers in a block", n_slots(n_channels) * n_samples, MAX_NUMBERS)
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

    /// An encoder for one float and one int channel and three samples, without an allocator.
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
