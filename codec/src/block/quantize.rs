//! How does a value become a whole number, and a number become a value again? The same way on every machine: only additions,
//! multiplications and comparisons of IEEE 754, no fused operations, no library functions.

use wide::{bytemuck, f32x4, f32x8, i32x4, i32x8, u32x4, u32x8};

use super::GROUP;
use super::slot::{Coding, Slot};
use crate::channels::ABSENT;

/// Adding this to a double below 2^31 in size leaves its rounded value in the lowest bits (half to even).
const ROUND: f64 = (3_u64 << 51) as f64;

/// The way from value to number of eight neighbouring slots, side by side so that one instruction serves several.
#[derive(Debug, Clone, Copy)]
pub(super) struct Quantizers {
    /// All ones in the lanes of lossless slots.
    is_lossless: i32x8,
    any_lossless: bool,
    steps_per_unit: [f64; GROUP],
    /// Infinite for lossless slots and for lanes without floats, so that nothing is outside.
    min: f32x8,
    max: f32x8,
}

impl Default for Quantizers {
    fn default() -> Self {
        Self::new(&[])
    }
}

impl Quantizers {
    pub(super) fn new(slots: &[Slot]) -> Self {
        let (mut min, mut max) = ([f32::NEG_INFINITY; GROUP], [f32::INFINITY; GROUP]);
        let (mut is_lossless, mut steps_per_unit) = ([0; GROUP], [0.0; GROUP]);
        for (lane, slot) in slots.iter().enumerate() {
            match slot.coding {
                Coding::Fixed { resolution, min: lowest, max: highest } => {
                    steps_per_unit[lane] = 1.0 / f64::from(resolution);
                    (min[lane], max[lane]) = (lowest, highest);
                }
                Coding::Lossless { .. } => is_lossless[lane] = -1,
                Coding::Int { .. } => {}
            }
        }
        let any_lossless = is_lossless.contains(&-1);
        let (min, max, is_lossless) = (f32x8::new(min), f32x8::new(max), i32x8::new(is_lossless));
        Self { is_lossless, any_lossless, steps_per_unit, min, max }
    }

    /// The numbers of eight values. Counts those outside their range.
    #[inline(always)]
    pub(super) fn numbers(&self, values: &[f32; GROUP], outside: &mut OutsideCount) -> [i32; GROUP] {
        let values = f32x8::new(*values);
        let limited = values.fast_min(self.max).fast_max(self.min);
        let is_absent: i32x8 = bytemuck::cast(values.is_nan());
        let is_limited: i32x8 = bytemuck::cast(limited.simd_ne(values));
        outside.add(is_limited & !is_absent);
        let numbers = i32x8::new(self.steps(limited.to_array()));
        let numbers = if self.any_lossless {
            self.is_lossless.bitselect(ordered_bits(bytemuck::cast(values)), numbers)
        } else {
            numbers
        };
        is_absent.bitselect(i32x8::splat(ABSENT), numbers).to_array()
    }

    /// The numbers of steps nearest to eight values.
    #[inline(always)]
    fn steps(&self, limited: [f32; GROUP]) -> [i32; GROUP] {
        core::array::from_fn(|lane| {
            (f64::from(limited[lane]) * self.steps_per_unit[lane] + ROUND).to_bits() as i32
        })
    }
}

/// Counts the values of one row that lie outside their range.
#[derive(Default)]
pub(super) struct OutsideCount(i32x8);

impl OutsideCount {
    /// Counts the lanes that are all ones.
    #[inline(always)]
    fn add(&mut self, is_outside: i32x8) {
        self.0 -= is_outside;
    }

    #[inline(always)]
    pub(super) fn sum(&self) -> u64 {
        self.0.to_array().iter().map(|count| *count as u64).sum()
    }
}

/// The values of four fixed point numbers.
#[inline(always)]
pub(super) fn fixed_values(numbers: i32x4, resolutions: f32x4) -> f32x4 {
    with_absent(numbers, numbers.round_float() * resolutions)
}

/// The inverse of [`ordered_bits`], for four numbers.
#[inline(always)]
pub(super) fn ordered_values(numbers: i32x4) -> f32x4 {
    let sign: u32x4 = bytemuck::cast(numbers >> 31_u32);
    with_absent(numbers, bytemuck::cast(numbers ^ bytemuck::cast::<_, i32x4>(sign >> 1_u32)))
}

/// Values, but `NaN` where the number means absent.
#[inline(always)]
fn with_absent(numbers: i32x4, values: f32x4) -> f32x4 {
    let is_absent: f32x4 = bytemuck::cast(numbers.simd_eq(i32x4::splat(ABSENT)));
    is_absent.bitselect(f32x4::splat(f32::NAN), values)
}

/// The bits of eight values as numbers in the order of the values: flips the lower 31 bits of
/// negative numbers.
#[inline(always)]
fn ordered_bits(bits: i32x8) -> i32x8 {
    let sign: u32x8 = bytemuck::cast(bits >> 31_u32);
    bits ^ bytemuck::cast::<_, i32x8>(sign >> 1_u32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channels::Pace;

    #[track_caller]
    fn check_fixed(value: f32, number: i32, outside: u64) {
        let coding = Coding::Fixed { resolution: 0.5, min: -10.0, max: 10.0 };
        let quantizers = Quantizers::new(&[Slot { coding, pace: Pace::Fast }; GROUP]);
        let mut count = OutsideCount::default();
        assert_eq!(quantizers.numbers(&[value; GROUP], &mut count), [number; GROUP]);
        assert_eq!(count.sum(), outside * GROUP as u64);
    }

    #[test]
    fn values_round_to_the_nearest_step_and_stop_at_the_range() {
        check_fixed(0.0, 0, 0);
        check_fixed(-0.0, 0, 0);
        check_fixed(1.2, 2, 0);
        check_fixed(-1.3, -3, 0);
        check_fixed(0.25, 0, 0);
        check_fixed(0.75, 2, 0);
        check_fixed(10.0, 20, 0);
        check_fixed(10.1, 20, 1);
        check_fixed(f32::INFINITY, 20, 1);
        check_fixed(f32::NEG_INFINITY, -20, 1);
        check_fixed(f32::NAN, ABSENT, 0);
    }

    /// The number of a value in a lossless slot between others.
    fn lossless(value: f32) -> i32 {
        let codings = [
            Coding::Fixed { resolution: 0.5, min: 0.0, max: 0.0 },
            Coding::Lossless { min: 0.0, max: 0.0 },
            Coding::Int { min: 0, max: 0 },
        ];
        let quantizers = Quantizers::new(&codings.map(|coding| Slot { coding, pace: Pace::Fast }));
        let mut count = OutsideCount::default();
        let values = [7.0, value, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];
        let [fixed, number, rest @ ..] = quantizers.numbers(&values, &mut count);
        assert_eq!((fixed, rest, count.sum()), (0, [0; 6], 1));
        number
    }

    #[test]
    fn every_float_keeps_its_bits_and_its_order() {
        let values = [f32::NEG_INFINITY, -1.5, -1e-45, -0.0, 0.0, 1e-45, 1.5, f32::MAX, f32::INFINITY];
        for pair in values.windows(2) {
            assert!(lossless(pair[0]) < lossless(pair[1]));
        }
        for value in values {
            let back = ordered_values(i32x4::splat(lossless(value))).to_array();
            assert_eq!(back.map(f32::to_bits), [value.to_bits(); 4]);
        }
        assert_eq!(lossless(f32::NAN), ABSENT);
        assert_eq!(lossless(-f32::NAN), ABSENT);
        assert!(ordered_values(i32x4::splat(ABSENT)).to_array()[0].is_nan());
    }
}
