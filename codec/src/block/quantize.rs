//! How does a value become a whole number, and a number a value again? The same on every machine: only additions,
//! multiplications and comparisons of IEEE 754, no fused operations, no library functions.

use wide::{bytemuck, f32x4, i32x4, u32x4};

use super::GROUP;
use super::slot::{Coding, Slot};
use crate::channels::ABSENT;

/// Adding this to a double below 2^31 in size leaves its rounded value in the lowest bits (half to even).
const ROUND: f64 = (3_u64 << 51) as f64;

/// The way from value to number of eight neighbouring slots, side by side so that one instruction serves several.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Quantizers {
    lossless: [bool; GROUP],
    /// Whether any of `lossless` is set.
    any_lossless: bool,
    steps_per_unit: [f64; GROUP],
    min: [f32; GROUP],
    max: [f32; GROUP],
}

impl Quantizers {
    pub(super) fn new(slots: &[Slot]) -> Self {
        let mut quantizers = Self::default();
        for (lane, slot) in slots.iter().enumerate() {
            match slot.coding {
                Coding::Fixed { resolution, min, max } => {
                    quantizers.steps_per_unit[lane] = 1.0 / f64::from(resolution);
                    (quantizers.min[lane], quantizers.max[lane]) = (min, max);
                }
                Coding::Lossless { .. } => quantizers.lossless[lane] = true,
                Coding::Int { .. } => {}
            }
        }
        quantizers.any_lossless = quantizers.lossless.contains(&true);
        quantizers
    }

    /// Sets the first of `numbers` to those of `values` (up to eight), and returns how many lay outside their range.
    #[inline(always)]
    pub(super) fn numbers(&self, values: &[f32], numbers: &mut [i32; GROUP]) -> u64 {
        if let Ok(values) = values.try_into() {
            return self.eight_numbers(values, numbers);
        }
        let mut padded = [0.0; GROUP];
        let mut results = [0; GROUP];
        padded[..values.len()].copy_from_slice(values);
        padded[values.len()..].copy_from_slice(&self.min[values.len()..]); // in range
        let outside = self.eight_numbers(&padded, &mut results);
        numbers[..values.len()].copy_from_slice(&results[..values.len()]);
        outside
    }

    #[inline(always)]
    fn eight_numbers(&self, values: &[f32; GROUP], numbers: &mut [i32; GROUP]) -> u64 {
        let mut outside = [0_u32; GROUP];
        for lane in 0..GROUP {
            let (value, min, max) = (values[lane], self.min[lane], self.max[lane]);
            let limited = if value > max { max } else { value };
            let limited = if limited < min { min } else { limited };
            outside[lane] = u32::from(value > max) | u32::from(value < min);
            let rounded = (f64::from(limited) * self.steps_per_unit[lane] + ROUND).to_bits() as i32;
            numbers[lane] = if value.is_nan() { ABSENT } else { rounded };
        }
        if self.any_lossless {
            for lane in (0..GROUP).filter(|lane| self.lossless[*lane]) {
                numbers[lane] = ordered_bits(values[lane]);
                outside[lane] = 0;
            }
        }
        u64::from(outside.iter().sum::<u32>())
    }
}

/// The values of four fixed point numbers. Numbers come as floats with their bits, in the place of the values.
#[inline(always)]
pub(super) fn fixed_values(numbers: [f32; 4], resolution: f32) -> [f32; 4] {
    let numbers: i32x4 = bytemuck::cast(numbers);
    with_absent(numbers, bytemuck::cast(numbers.round_float() * f32x4::splat(resolution)))
}

/// The inverse of [`ordered_bits`], for four numbers as [`fixed_values`] takes them.
#[inline(always)]
pub(super) fn ordered_values(numbers: [f32; 4]) -> [f32; 4] {
    let numbers: i32x4 = bytemuck::cast(numbers);
    let sign: u32x4 = bytemuck::cast(numbers >> 31_u32);
    with_absent(numbers, numbers ^ bytemuck::cast::<_, i32x4>(sign >> 1_u32))
}

/// Values by their bits, but `NaN` where the number stands for absence.
#[inline(always)]
fn with_absent(numbers: i32x4, values: i32x4) -> [f32; 4] {
    let absent = numbers.simd_eq(i32x4::splat(ABSENT));
    bytemuck::cast(absent.bitselect(i32x4::splat(f32::NAN.to_bits() as i32), values))
}

/// The bits of `value` as a number that is the larger the larger the value is; every `NaN` becomes absent.
#[inline(always)]
pub(super) fn ordered_bits(value: f32) -> i32 {
    if value.is_nan() { ABSENT } else { flip(value.to_bits() as i32) }
}

/// Flips the lower 31 bits of negative numbers.
#[inline(always)]
const fn flip(bits: i32) -> i32 {
    bits ^ ((bits >> 31) as u32 >> 1) as i32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channels::Pace;

    #[track_caller]
    fn check_fixed(value: f32, number: i32, outside: u64) {
        let coding = Coding::Fixed { resolution: 0.5, min: -10.0, max: 10.0 };
        let quantizers = Quantizers::new(&[Slot { coding, pace: Pace::Fast }; GROUP]);
        let mut numbers = [7; GROUP];
        assert_eq!(quantizers.numbers(&[value], &mut numbers), outside);
        assert_eq!(numbers, [number, 7, 7, 7, 7, 7, 7, 7]);
        assert_eq!(quantizers.numbers(&[value; GROUP], &mut numbers), outside * GROUP as u64);
        assert_eq!(numbers, [number; GROUP]);
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

    #[test]
    fn every_float_keeps_its_bits_and_its_order() {
        let values = [f32::NEG_INFINITY, -1.5, -1e-45, -0.0, 0.0, 1e-45, 1.5, f32::MAX, f32::INFINITY];
        for pair in values.windows(2) {
            assert!(ordered_bits(pair[0]) < ordered_bits(pair[1]));
        }
        for value in values {
            let back = ordered_values([f32::from_bits(ordered_bits(value) as u32); 4]);
            assert_eq!(back.map(f32::to_bits), [value.to_bits(); 4]);
        }
        assert_eq!(ordered_bits(f32::NAN), ABSENT);
        assert_eq!(ordered_bits(-f32::NAN), ABSENT);
        assert!(ordered_values([f32::from_bits(ABSENT as u32); 4])[0].is_nan());
    }
}
