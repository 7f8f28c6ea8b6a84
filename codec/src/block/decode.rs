//! How does the body of a block become columns? Header first, then tight loops, then one check of the length.

use wide::bytemuck;

use super::bits::BitReader;
use super::change_reader::{Layout, take_changes, take_firsts};
use super::quad::{DecoderQuad, Rows, SLACK, take_columns};
use super::slot::Slot;
use super::{MAX_CHANNELS, MAX_NUMBERS, n_quads};
use crate::error::DecodeError;
use crate::sample::TIME_LIMIT_US;

/// Turns block bodies into columns. Works in memory that the caller gives: anything that lends a slice of
/// [`n_quads`] [`DecoderQuad`]s (an array, a `Vec`, a `&mut` slice).
#[derive(Debug, Clone)]
pub struct BlockDecoder<S> {
    quads: S,
    layout: Layout,
    /// Time of the key block's first sample; none before the first key block and after an error.
    origin_us: Option<u64>,
}

/// Where decoded values go: one column after the other, in schema order.
///
/// Column `i` of a block of `n` samples is `floats[i * stride..][..n]`, and `ints` likewise.
#[derive(Debug)]
pub struct Columns<'a> {
    /// Room for the times: microseconds since 1970 on the driver's clock.
    pub captured_at_us: &'a mut [u64],
    /// Room for the float channels: their number times `stride`. Absent is `NaN`.
    pub floats: &'a mut [f32],
    /// Room for the int channels: their number times `stride`. Absent is [`ABSENT`](crate::ABSENT).
    pub ints: &'a mut [i32],
    /// Distance from one column to the next; [`column_stride`](super::column_stride) says how much blocks need. What
    /// follows a column's last sample has no meaning.
    pub stride: usize,
}

#[cfg(feature = "alloc")]
impl BlockDecoder<alloc::vec::Vec<DecoderQuad>> {
    /// A decoder that owns its memory. All of it is allocated here.
    ///
    /// # Errors
    /// As [`BlockDecoder::new`].
    pub fn owned(slots: &[Slot]) -> Result<Self, DecodeError> {
        check_channels(slots.len())?;
        Self::new(slots, alloc::vec![DecoderQuad::default(); n_quads(slots.len())])
    }
}

impl<S: AsMut<[DecoderQuad]>> BlockDecoder<S> {
    /// A decoder for these slots (floats first, as [`Schema::slots`](crate::Schema::slots) gives them), in memory of
    /// at least [`n_quads`] elements.
    ///
    /// # Errors
    /// [`DecodeError::Limit`] for too many channels or too little memory.
    pub fn new(slots: &[Slot], mut memory: S) -> Result<Self, DecodeError> {
        check_channels(slots.len())?;
        let found = memory.as_mut().len();
        let limit = n_quads(slots.len());
        if found < limit {
            return Err(DecodeError::Limit { what: "elements of decoder memory", found, limit });
        }
        let n_floats = slots.iter().filter(|slot| slot.coding.is_float()).count();
        let layout = Layout { n_floats, n_ints: slots.len() - n_floats };
        memory.as_mut().fill(DecoderQuad::default());
        for (at, slot) in slots.iter().enumerate() {
            let (quad, lane) = layout.place(at);
            memory.as_mut()[quad].set_coding(lane, slot.coding);
        }
        Ok(Self { quads: memory, layout, origin_us: None })
    }

    /// Decodes the body of a key block whose first sample was taken at `origin_us`, and returns its number of samples.
    ///
    /// # Errors
    /// [`DecodeError::Truncated`], [`DecodeError::TrailingBytes`] or [`DecodeError::Body`] if the bytes are not a body of
    /// this schema, [`DecodeError::TimeRange`], [`DecodeError::Limit`] for more than [`MAX_NUMBERS`] numbers or if the
    /// columns are too short. After that only another key block can be decoded; what the columns hold has no meaning.
    pub fn decode_key(
        &mut self,
        origin_us: u64,
        body: &[u8],
        columns: &mut Columns<'_>,
    ) -> Result<usize, DecodeError> {
        self.origin_us = None;
        let n = self.n_samples(body, columns)?;
        let mut bits = BitReader::new(body, 8);
        take_firsts(self.quads.as_mut(), self.layout, &mut bits);
        self.decode(Rows { is_key: true, n }, origin_us, body, bits, columns)
    }

    /// Decodes the body of a block that continues the one decoded before, and returns its number of samples.
    ///
    /// # Errors
    /// As [`BlockDecoder::decode_key`], and [`DecodeError::Body`] without a key block before.
    pub fn decode_block(&mut self, body: &[u8], columns: &mut Columns<'_>) -> Result<usize, DecodeError> {
        let origin_us =
            self.origin_us.take().ok_or(DecodeError::Body { what: "no key block came before it" })?;
        let n = self.n_samples(body, columns)?;
        let bits = BitReader::new(body, 8);
        self.decode(Rows { is_key: false, n }, origin_us, body, bits, columns)
    }

    /// The number of samples that the body states, if the columns have room for them.
    fn n_samples(&self, body: &[u8], columns: &Columns<'_>) -> Result<usize, DecodeError> {
        let n = usize::from(*body.first().ok_or(DecodeError::Truncated { needed: 1, found: 0 })?) + 1;
        let n_numbers = n * self.layout.n_slots();
        if n_numbers > MAX_NUMBERS {
            let what = "numbers in a block";
            return Err(DecodeError::Limit { what, found: n_numbers, limit: MAX_NUMBERS });
        }
        let floats = columns.floats.len().checked_div(self.layout.n_floats).unwrap_or(columns.stride);
        let ints = columns.ints.len().checked_div(self.layout.n_ints).unwrap_or(columns.stride);
        let limit = columns.captured_at_us.len().min(columns.stride.saturating_sub(SLACK));
        if columns.stride > floats || columns.stride > ints || n > limit {
            return Err(DecodeError::Limit { what: "samples in a block", found: n, limit });
        }
        Ok(n)
    }

    /// Decodes parts 3 and 4 into the columns.
    fn decode(
        &mut self,
        rows: Rows,
        origin_us: u64,
        body: &[u8],
        mut bits: BitReader<'_>,
        columns: &mut Columns<'_>,
    ) -> Result<usize, DecodeError> {
        let Self { quads, layout, .. } = self;
        let quads = quads.as_mut();
        if rows.n_residuals() > 0 {
            take_changes(quads, *layout, rows.is_key, &mut bits)
                .ok_or_else(|| bad_width(body, bits.position()))?;
        }
        let (channels, time) = quads.split_at_mut(layout.n_channel_quads());
        let (float_quads, int_quads) = channels.split_at_mut(layout.n_float_quads());
        let Columns { captured_at_us, floats, ints, stride } = columns;
        let (floats, ints) = (&mut floats[..layout.n_floats * *stride], &mut ints[..layout.n_ints * *stride]);
        take_columns(float_quads, rows, &mut bits, bytemuck::cast_slice_mut(floats), *stride);
        take_columns(int_quads, rows, &mut bits, ints, *stride);
        let mut latest_us = 0;
        let times_us = &mut captured_at_us[..rows.n];
        time[0].take_lane(rows, &mut bits, |row, offset_us| {
            let time_us = origin_us.wrapping_add_signed(offset_us.into());
            times_us[row] = time_us;
            latest_us = time_us.max(latest_us);
        });
        check_length(body, bits.position())?;
        if latest_us >= TIME_LIMIT_US {
            return Err(DecodeError::TimeRange);
        }
        self.origin_us = Some(origin_us);
        Ok(rows.n)
    }
}

fn check_channels(n_channels: usize) -> Result<(), DecodeError> {
    if n_channels == 0 || n_channels > MAX_CHANNELS {
        return Err(DecodeError::Limit { what: "channels", found: n_channels, limit: MAX_CHANNELS });
    }
    Ok(())
}

/// Why a change that ends with bit `end` cannot be: the width leaves its range, or the change is not there.
#[cold]
fn bad_width(body: &[u8], end: usize) -> DecodeError {
    let needed = end.div_ceil(8);
    if needed > body.len() {
        return DecodeError::Truncated { needed, found: body.len() };
    }
    DecodeError::Body { what: "a width leaves the range 0 to 32" }
}

/// Whether the body ends with bit `end`, but for zeros that fill its last byte.
fn check_length(body: &[u8], end: usize) -> Result<(), DecodeError> {
    let needed = end.div_ceil(8);
    if needed > body.len() {
        return Err(DecodeError::Truncated { needed, found: body.len() });
    }
    if needed < body.len() {
        return Err(DecodeError::TrailingBytes { extra: body.len() - needed });
    }
    let unused = (8 - end % 8) % 8;
    if body.last().is_some_and(|last| last.leading_zeros() < unused as u32) {
        return Err(DecodeError::Body { what: "bits after the end are not zero" });
    }
    Ok(())
}

#[cfg(all(test, feature = "alloc"))]
mod tests {
    use alloc::vec;
    use alloc::vec::Vec;

    use super::*;
    use crate::block::{BlockEncoder, Coding, max_encoded_len};
    use crate::channels::Pace;
    use crate::sample::Row;

    const FIXED: Coding = Coding::Fixed { resolution: 0.5, min: -1e6, max: 1e6 };
    const LOSSLESS: Coding = Coding::Lossless { min: 0.0, max: 1.0 };
    const INT: Coding = Coding::Int { min: 0, max: 9 };

    /// Bodies of one channel's values, `n` samples each, 10 ms apart, the first a key block.
    fn bodies(coding: Coding, values: &[f32], n: usize) -> Vec<Vec<u8>> {
        let slot = Slot { coding, pace: Pace::Fast };
        let mut encoder = BlockEncoder::owned(&[slot], n).unwrap();
        let mut out = vec![0; max_encoded_len(1, n)];
        let mut times = (0..).map(|at| 5_000_000 + at * 10_000);
        let body = |(at, block): (usize, &[f32])| {
            for value in block {
                let (floats, ints) = ([*value], [*value as i32]);
                let (floats, ints) =
                    if coding.is_float() { (&floats[..], &[][..]) } else { (&[][..], &ints[..]) };
                encoder.push(Row { captured_at_us: times.next().unwrap(), floats, ints }).unwrap();
            }
            let len = if at == 0 { encoder.encode_key(&mut out) } else { encoder.encode_block(&mut out) };
            out[..len.unwrap()].to_vec()
        };
        values.chunks(n).enumerate().map(body).collect()
    }

    /// What a decoder makes of a body: times and values.
    struct Reader {
        decoder: BlockDecoder<Vec<DecoderQuad>>,
        times: [u64; 64],
        floats: [f32; 64],
        ints: [i32; 64],
    }

    impl Reader {
        fn new(coding: Coding) -> Self {
            let decoder = BlockDecoder::owned(&[Slot { coding, pace: Pace::Fast }]).unwrap();
            Self { decoder, times: [0; 64], floats: [0.0; 64], ints: [0; 64] }
        }

        fn read(&mut self, key: Option<u64>, body: &[u8], stride: usize) -> Result<usize, DecodeError> {
            let Self { decoder, times, floats, ints } = self;
            let (captured_at_us, floats, ints) = (&mut times[..], &mut floats[..], &mut ints[..]);
            let mut columns = Columns { captured_at_us, floats, ints, stride };
            match key {
                Some(origin_us) => decoder.decode_key(origin_us, body, &mut columns),
                None => decoder.decode_block(body, &mut columns),
            }
        }
    }

    #[track_caller]
    fn check_round_trip(coding: Coding, values: &[f32]) {
        for n in [1, 2, 3, 7, 60] {
            let mut reader = Reader::new(coding);
            let mut from = 0;
            for (at, body) in bodies(coding, values, n).iter().enumerate() {
                let n = reader.read((at == 0).then_some(5_000_000), body, 64).unwrap();
                for place in 0..n {
                    let value = values[from + place];
                    let decoded =
                        if coding.is_float() { reader.floats[place] } else { reader.ints[place] as f32 };
                    let allowed = if coding == FIXED { 0.25 } else { 0.0 };
                    let same = (value - decoded).abs() <= allowed || (value.is_nan() && decoded.is_nan());
                    assert!(same, "sample {} in blocks of {n}: {decoded} instead of {value}", from + place);
                    assert_eq!(reader.times[place], 5_000_000 + (from + place) as u64 * 10_000);
                }
                from += n;
            }
            assert_eq!(from, values.len());
        }
    }

    /// A signal that makes every mode the best one somewhere: rest, noise, slopes, jumps, absence.
    fn signal() -> Vec<f32> {
        let rest = [3.0; 40];
        let noise = (0..80).map(|at: u32| ((at.wrapping_mul(2_654_435_761) >> 24) as f32) - 128.0);
        let slope = (0..80).map(|at| at as f32 * 7.0);
        let jumps = [1e6, -1e6, f32::NAN, f32::NAN, 0.0, 1e6];
        rest.into_iter().chain(noise).chain(slope).chain(jumps).chain(rest).collect()
    }

    #[test]
    fn what_is_encoded_is_decoded() {
        check_round_trip(FIXED, &signal());
        check_round_trip(LOSSLESS, &signal());
        let present: Vec<f32> = signal().into_iter().filter(|value| !value.is_nan()).collect();
        check_round_trip(INT, &present);
    }

    #[test]
    fn a_body_must_end_where_it_says() {
        let bodies = bodies(FIXED, &signal()[40..100], 6);
        for (at, body) in bodies.iter().enumerate().take(3) {
            let start = || {
                let mut reader = Reader::new(FIXED);
                for (before, body) in bodies[..at].iter().enumerate() {
                    reader.read((before == 0).then_some(0), body, 64).unwrap();
                }
                reader
            };
            let key = (at == 0).then_some(0);
            assert_eq!(start().read(key, body, 64), Ok(6));
            for len in 0..body.len() {
                assert!(start().read(key, &body[..len], 64).is_err(), "block {at} cut to {len} bytes");
            }
            let longer = [&body[..], &[0]].concat();
            assert_eq!(start().read(key, &longer, 64), Err(DecodeError::TrailingBytes { extra: 1 }));
        }
    }

    #[test]
    fn a_block_needs_the_one_before() {
        let bodies = bodies(FIXED, &signal(), 6);
        let mut reader = Reader::new(FIXED);
        let no_key = Err(DecodeError::Body { what: "no key block came before it" });
        assert_eq!(reader.read(None, &bodies[1], 64), no_key);
        assert_eq!(reader.read(Some(0), &bodies[0], 64), Ok(6));
        assert_eq!(reader.read(None, &bodies[1], 64), Ok(6));
        assert!(reader.read(None, &[], 64).is_err());
        assert_eq!(reader.read(None, &bodies[2], 64), no_key);
    }

    #[test]
    fn columns_must_have_room() {
        let bodies = bodies(FIXED, &signal(), 6);
        let mut reader = Reader::new(FIXED);
        assert_eq!(reader.read(Some(0), &bodies[0], 9), Ok(6));
        let too_many = Err(DecodeError::Limit { what: "samples in a block", found: 6, limit: 5 });
        assert_eq!(reader.read(Some(0), &bodies[0], 8), too_many);
        assert!(reader.read(Some(0), &bodies[0], 0).is_err());
        assert!(reader.read(Some(0), &bodies[0], 65).is_err());
    }

    #[test]
    fn times_stay_below_their_limit() {
        let bodies = bodies(FIXED, &signal(), 6);
        let mut reader = Reader::new(FIXED);
        assert_eq!(reader.read(Some(TIME_LIMIT_US - 50_001), &bodies[0], 64), Ok(6));
        assert_eq!(reader.read(Some(TIME_LIMIT_US - 50_000), &bodies[0], 64), Err(DecodeError::TimeRange));
    }

    #[test]
    fn a_width_never_leaves_its_range() {
        let mut reader = Reader::new(INT);
        // Two samples, all numbers 0, and the int slot becomes a delta slot of width 0.
        assert_eq!(reader.read(Some(0), &[1, 0, 0b0010_1100, 0], 64), Ok(2));
        // Then its width shrinks by one.
        let shrink = [0, 0b0001_0011];
        let expected = Err(DecodeError::Body { what: "a width leaves the range 0 to 32" });
        assert_eq!(reader.read(None, &shrink, 64), expected);
    }

    #[test]
    fn a_body_that_ends_within_a_change_is_truncated_whatever_the_change_would_be() {
        let mut reader = Reader::new(INT);
        // Two samples, all numbers 0: the slot and the time become delta slots of width 32.
        let key = [1, 0, 0b1011_1100, 0b1101_1111, 0b0000_0111, 0, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(reader.read(Some(0), &key, 64), Ok(2));
        // The slot's width shrinks by one, that of the time grows.
        let grown = [0, 0b0001_0111];
        let expected = Err(DecodeError::Body { what: "a width leaves the range 0 to 32" });
        assert_eq!(reader.read(None, &grown, 64), expected);
        // The slot's change continues beyond the end, so the time's is not there at all.
        assert_eq!(reader.read(Some(0), &key, 64), Ok(2));
        let cut = [0, 0b0001_1111];
        assert_eq!(reader.read(None, &cut, 64), Err(DecodeError::Truncated { needed: 3, found: 2 }));
    }

    #[test]
    fn a_block_has_no_more_numbers_than_an_encoder_writes() {
        let slots = |n| vec![Slot { coding: INT, pace: Pace::Fast }; n];
        let decode = |n_channels: usize| {
            let mut decoder = BlockDecoder::owned(&slots(n_channels)).unwrap();
            let stride = crate::block::column_stride(256);
            let mut ints = vec![0; n_channels * stride];
            let mut columns =
                Columns { captured_at_us: &mut [0; 259], floats: &mut [], ints: &mut ints, stride };
            // One sample in which all is 0, then 256 in which nothing moves: 9 bytes.
            let first = vec![0; 1 + (5 * (n_channels + 1)).div_ceil(8)];
            decoder.decode_key(0, &first, &mut columns).unwrap();
            let changes = (n_channels + 1).div_ceil(8);
            decoder.decode_block(&[&[255][..], &vec![0; changes.div_ceil(8)]].concat(), &mut columns)
        };
        assert_eq!(decode(63), Ok(256));
        let refused = DecodeError::Limit { what: "numbers in a block", found: 65 * 256, limit: 64 * 256 };
        assert_eq!(decode(64), Err(refused));
        assert!(BlockEncoder::owned(&slots(63), 256).is_ok());
        let refused =
            crate::EncodeError::Limit { what: "numbers in a block", found: 65 * 256, limit: 64 * 256 };
        assert_eq!(BlockEncoder::owned(&slots(64), 256).err(), Some(refused));
    }
}
