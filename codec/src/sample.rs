//! What does a source hand over? One value per channel of the table at one instant, addressed by typed keys.
//!
//! A [`Sample`] has room for the whole table and starts with everything absent, so a source sets what it knows
//! and nothing else. A [`Row`] is the same instant in the order of one [`Schema`](crate::Schema), ready to encode.

use core::ops::{Index, IndexMut};

use crate::channels::{ABSENT, FloatChannel, IntChannel, N_FLOATS, N_INTS};

/// Times of samples are below this, so that JavaScript's numbers hold them exactly: 2^53 µs.
pub const TIME_LIMIT_US: u64 = 1 << 53;

/// If the source gave no sample for longer than this, the stream continues with a key block.
pub const SOURCE_GAP_US: u64 = 1_000_000;

/// All channels of the table at one instant; those that the source does not give are absent.
///
/// ```
/// use purple_sector_codec::{ABSENT, Sample, ch};
///
/// let mut sample = Sample::absent(1_700_000_000_000_000);
/// sample[ch::SPEED_MPS] = 61.5;
/// sample[ch::GEAR] = 4;
/// assert!(sample[ch::THROTTLE].is_nan());
/// assert_eq!(sample[ch::SECTOR], ABSENT);
/// ```
#[derive(Debug, Clone)]
pub struct Sample {
    /// When the values were read: microseconds since 1970 on the driver's clock, below 2^53.
    pub captured_at_us: u64,
    floats: [f32; N_FLOATS],
    ints: [i32; N_INTS],
}

impl Sample {
    /// A sample in which every channel is absent.
    pub const fn absent(captured_at_us: u64) -> Self {
        Self { captured_at_us, floats: [f32::NAN; N_FLOATS], ints: [ABSENT; N_INTS] }
    }

    /// The float channels in the order of [`FLOAT_CHANNELS`](crate::channels::FLOAT_CHANNELS); absent is `NaN`.
    pub const fn floats(&self) -> &[f32; N_FLOATS] {
        &self.floats
    }

    /// The int channels in the order of [`INT_CHANNELS`](crate::channels::INT_CHANNELS); absent is [`ABSENT`].
    pub const fn ints(&self) -> &[i32; N_INTS] {
        &self.ints
    }
}

impl Index<FloatChannel> for Sample {
    type Output = f32;

    fn index(&self, channel: FloatChannel) -> &f32 {
        &self.floats[channel.index()]
    }
}

impl IndexMut<FloatChannel> for Sample {
    fn index_mut(&mut self, channel: FloatChannel) -> &mut f32 {
        &mut self.floats[channel.index()]
    }
}

impl Index<IntChannel> for Sample {
    type Output = i32;

    fn index(&self, channel: IntChannel) -> &i32 {
        &self.ints[channel.index()]
    }
}

impl IndexMut<IntChannel> for Sample {
    fn index_mut(&mut self, channel: IntChannel) -> &mut i32 {
        &mut self.ints[channel.index()]
    }
}

/// One sample in a schema's order: all its float channels, then all its int channels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Row<'a> {
    /// When the values were read: microseconds since 1970 on the driver's clock, below 2^53.
    pub captured_at_us: u64,
    /// Values of the schema's float channels, in its order; absent is `NaN`.
    pub floats: &'a [f32],
    /// Values of the schema's int channels, in its order; absent is [`ABSENT`].
    pub ints: &'a [i32],
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channels::ch;

    #[test]
    fn a_new_sample_has_every_channel_absent() {
        let sample = Sample::absent(7);
        assert_eq!(sample.captured_at_us, 7);
        assert!(sample.floats().iter().all(|value| value.is_nan()));
        assert!(sample.ints().iter().all(|value| *value == ABSENT));
    }

    #[test]
    fn keys_reach_one_channel_and_no_other() {
        let mut sample = Sample::absent(0);
        sample[ch::SPEED_MPS] = 61.5;
        sample[ch::GEAR] = -1;
        assert_eq!((sample[ch::SPEED_MPS], sample[ch::GEAR]), (61.5, -1));
        assert_eq!(sample.floats().iter().filter(|value| !value.is_nan()).count(), 1);
        assert_eq!(sample.ints().iter().filter(|value| **value != ABSENT).count(), 1);
    }
}
