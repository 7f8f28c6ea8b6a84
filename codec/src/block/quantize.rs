//! How does a value become a whole number, and a number a value again? The same on every machine: only additions,
//! multiplications and comparisons of IEEE 754, no fused operations, no library functions.

use super::slot::Coding;
use crate::channels::ABSENT;

/// Adding this to a double below 2^31 in size leaves its rounded value in the lowest bits (half to even).
const ROUND: f64 = (3_u64 << 51) as f64;

/// A float channel's way from value to number.
#[derive(Debug, Clone, Copy)]
pub(super) enum Quantizer {
    /// Fixed point.
    Fixed { steps_per_unit: f64, min: f32, max: f32 },
    /// The bits of the float.
    Lossless,
}

impl Quantizer {
    pub(super) fn of(coding: Coding) -> Self {
        match coding {
            Coding::Fixed { resolution, min, max } => {
                Self::Fixed { steps_per_unit: 1.0 / f64::from(resolution), min, max }
            }
            Coding::Lossless { .. } | Coding::Int { .. } => Self::Lossless,
        }
    }

    /// The number of `value`, and whether it lay outside the range.
    #[inline(always)]
    pub(super) fn number(&self, value: f32) -> (i32, bool) {
        match *self {
            Self::Fixed { steps_per_unit, min, max } => {
                let limited = if value > max { max } else { value };
                let limited = if limited < min { min } else { limited };
                let rounded = (f64::from(limited) * steps_per_unit + ROUND).to_bits() as i32;
                (if value.is_nan() { ABSENT } else { rounded }, value < min || value > max)
            }
            Self::Lossless => (ordered_bits(value), false),
        }
    }
}

/// The value of a fixed point number.
#[inline(always)]
pub(super) fn fixed_value(number: i32, resolution: f32) -> f32 {
    if number == ABSENT { f32::NAN } else { number as f32 * resolution }
}

/// The bits of `value` as a number that is the larger the larger the value is; every `NaN` becomes absent.
#[inline(always)]
pub(super) fn ordered_bits(value: f32) -> i32 {
    if value.is_nan() { ABSENT } else { flip(value.to_bits() as i32) }
}

/// The inverse of [`ordered_bits`].
#[inline(always)]
pub(super) fn ordered_value(number: i32) -> f32 {
    if number == ABSENT { f32::NAN } else { f32::from_bits(flip(number) as u32) }
}

/// Flips the lower 31 bits of negative numbers.
#[inline(always)]
const fn flip(bits: i32) -> i32 {
    bits ^ ((bits >> 31) as u32 >> 1) as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_fixed(value: f32, number: i32, outside: bool) {
        let quantizer = Quantizer::of(Coding::Fixed { resolution: 0.5, min: -10.0, max: 10.0 });
        assert_eq!(quantizer.number(value), (number, outside));
    }

    #[test]
    fn values_round_to_the_nearest_step_and_stop_at_the_range() {
        check_fixed(0.0, 0, false);
        check_fixed(-0.0, 0, false);
        check_fixed(1.2, 2, false);
        check_fixed(-1.3, -3, false);
        check_fixed(0.25, 0, false);
        check_fixed(0.75, 2, false);
        check_fixed(10.0, 20, false);
        check_fixed(10.1, 20, true);
        check_fixed(f32::INFINITY, 20, true);
        check_fixed(f32::NEG_INFINITY, -20, true);
        check_fixed(f32::NAN, ABSENT, false);
    }

    #[test]
    fn every_float_keeps_its_bits_and_its_order() {
        let values = [f32::NEG_INFINITY, -1.5, -1e-45, -0.0, 0.0, 1e-45, 1.5, f32::MAX, f32::INFINITY];
        for pair in values.windows(2) {
            assert!(ordered_bits(pair[0]) < ordered_bits(pair[1]));
        }
        for value in values {
            assert_eq!(ordered_value(ordered_bits(value)).to_bits(), value.to_bits());
        }
        assert_eq!(ordered_bits(f32::NAN), ABSENT);
        assert_eq!(ordered_bits(-f32::NAN), ABSENT);
        assert!(ordered_value(ABSENT).is_nan());
    }
}
