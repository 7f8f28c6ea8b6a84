//! What must the kernel know of a channel, and how does a slot predict its next number?

use serde::{Deserialize, Serialize};

use crate::channels::Pace;

/// How the values of a channel become numbers, with the range to expect.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Coding {
    /// `f32` as a whole number of steps; values outside `min..=max` are sent as the nearer end and counted.
    /// A decoded value differs from the original by at most half a step and one unit in the last place.
    Fixed {
        /// Step between neighbouring values.
        resolution: f32,
        /// Smallest value on the wire.
        min: f32,
        /// Largest value on the wire.
        max: f32,
    },
    /// `f32` bit for bit, except that every `NaN` is the same absent.
    Lossless {
        /// Smallest value to expect; does not limit what is sent.
        min: f32,
        /// Largest value to expect; does not limit what is sent.
        max: f32,
    },
    /// `i32`, exact.
    Int {
        /// Smallest value to expect; does not limit what is sent.
        min: i32,
        /// Largest value to expect; does not limit what is sent.
        max: i32,
    },
}

impl Coding {
    /// Whether the channel holds floats (else ints).
    pub const fn is_float(self) -> bool {
        !matches!(self, Self::Int { .. })
    }
}

/// One channel as the block kernel sees it. Slots are ordered: all float channels, then all int channels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Slot {
    /// How values become numbers.
    pub coding: Coding,
    /// How often the value moves.
    pub pace: Pace,
}

impl Slot {
    /// For how many blocks a slot of this pace is taken to have moved when a stream starts.
    pub(super) const fn initial_streak(self) -> i16 {
        match self.pace {
            Pace::Fast => i16::MAX,
            Pace::Slow => 0,
        }
    }
}

/// How a slot predicts its next number. The values are those on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(u8)]
pub(super) enum Mode {
    /// The last number; blocks without any difference have no residuals.
    #[default]
    Sparse = 0,
    /// The last number.
    Delta = 1,
    /// The last number plus the last difference.
    Linear = 2,
    /// The mean of the last two numbers.
    Mean = 3,
}

impl Mode {
    /// The mode of the two lowest bits of `bits`.
    pub(super) const fn from_bits(bits: u32) -> Self {
        match bits & 3 {
            0 => Self::Sparse,
            1 => Self::Delta,
            2 => Self::Linear,
            _ => Self::Mean,
        }
    }

    /// The difference to expect after the difference `before`.
    #[inline(always)]
    pub(super) const fn predicted_delta(self, before: i32) -> i32 {
        match self {
            Self::Sparse | Self::Delta => 0,
            Self::Linear => before,
            Self::Mean => (before >> 1).wrapping_neg(),
        }
    }
}

/// Small numbers of either sign become small numbers without sign: 0, -1, 1, -2 become 0, 1, 2, 3.
#[inline(always)]
pub(super) const fn zigzag(number: i32) -> u32 {
    ((number << 1) ^ (number >> 31)) as u32
}

/// The inverse of [`zigzag`].
#[inline(always)]
pub(super) const fn unzigzag(code: u32) -> i32 {
    (code >> 1) as i32 ^ -((code & 1) as i32)
}

/// Bits needed for `code`.
#[inline(always)]
pub(super) const fn width_of(code: u32) -> u32 {
    32 - code.leading_zeros()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(number: i32, code: u32, width: u32) {
        assert_eq!(zigzag(number), code);
        assert_eq!(unzigzag(code), number);
        assert_eq!(width_of(code), width);
    }

    #[test]
    fn zigzag_is_small_for_small_numbers() {
        check(0, 0, 0);
        check(-1, 1, 1);
        check(1, 2, 2);
        check(-2, 3, 2);
        check(2, 4, 3);
        check(i32::MAX, u32::MAX - 1, 32);
        check(i32::MIN, u32::MAX, 32);
    }
}
