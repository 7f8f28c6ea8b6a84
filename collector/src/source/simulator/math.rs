//! Which trigonometry gives the same bits on every platform?
//!
//! The system's `sin`, `cos` and `atan2` differ in the last bits between platforms, and one bit is enough to make a lap
//! of the same seed drift apart. These use only additions, multiplications, divisions and `floor`, which IEEE 754 fixes.

use std::f64::consts::{FRAC_PI_2, PI, TAU};

/// Brings an angle into `-pi..=pi` (radians).
pub(crate) fn wrap_angle(angle: f64) -> f64 {
    angle - TAU * (angle / TAU + 0.5).floor()
}

/// Sine of `angle` radians, to about 1e-9.
pub(crate) fn sin(angle: f64) -> f64 {
    let mut x = wrap_angle(angle);
    if x > FRAC_PI_2 {
        x = PI - x;
    } else if x < -FRAC_PI_2 {
        x = -PI - x;
    }
    let x2 = x * x;
    let terms = [
        -1.0 / 6.0,
        1.0 / 120.0,
        -1.0 / 5_040.0,
        1.0 / 362_880.0,
        -1.0 / 39_916_800.0,
        1.0 / 6_227_020_800.0,
    ];
    x + x * x2 * terms.iter().rev().fold(0.0, |sum, term| sum * x2 + term)
}

/// Cosine of `angle` radians, to about 1e-9.
pub(crate) fn cos(angle: f64) -> f64 {
    sin(angle + FRAC_PI_2)
}

/// The angle of the point (`x`, `y`), `-pi..=pi` radians; 0 for the origin. To about 1e-7.
pub(crate) fn atan2(y: f64, x: f64) -> f64 {
    if x == 0.0 && y == 0.0 {
        return 0.0;
    }
    let steep = y.abs() > x.abs();
    let slope = if steep { x / y } else { y / x };
    // Halving the angle once keeps the series short: atan(t) = 2 atan(t / (1 + sqrt(1 + t^2))).
    let t = slope / (1.0 + (1.0 + slope * slope).sqrt());
    let t2 = t * t;
    let series = (0..9).rev().fold(0.0, |sum, k| {
        let term = 1.0 / f64::from(2 * k + 1);
        sum * t2 + if k % 2 == 0 { term } else { -term }
    });
    let angle = 2.0 * t * series;
    match (steep, x < 0.0, y < 0.0) {
        (true, _, false) => FRAC_PI_2 - angle,
        (true, _, true) => -FRAC_PI_2 - angle,
        (false, false, _) => angle,
        (false, true, false) => PI + angle,
        (false, true, true) => angle - PI,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_the_standard_library_all_around_the_circle() {
        for degree in -720..720 {
            let angle = f64::from(degree) * PI / 180.0 + 0.001;
            assert!((sin(angle) - angle.sin()).abs() < 1e-8, "sin at {degree} degrees");
            assert!((cos(angle) - angle.cos()).abs() < 1e-8, "cos at {degree} degrees");
            let (y, x) = (3.0 * angle.sin(), 3.0 * angle.cos());
            assert!((atan2(y, x) - y.atan2(x)).abs() < 1e-6, "atan2 at {degree} degrees");
        }
    }

    #[test]
    fn the_origin_has_angle_zero() {
        assert_eq!(atan2(0.0, 0.0), 0.0);
    }
}
