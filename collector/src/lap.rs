//! Where does one lap end and the next begin, when all there is is the lap clock?
//!
//! The clock's reset ends a lap. The spline's wrap may come a sample earlier or later, and the first crossing after a start
//! or a pit stop wraps without a reset, so the wrap alone ends nothing; a reset in the middle of a lap (back to the
//! pits) is not a lap.

use purple_sector_codec::LapSummary;

/// A reset further from the line than this share of a lap is not a finish.
const NEAR_LINE: f32 = 0.05;
/// A clock that falls by less than this, ms, only jitters.
const RESET_MS: u32 = 5_000;

/// One reading of clock and place.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Moment {
    /// Lap clock, ms.
    pub clock_ms: u32,
    /// Place on the lap, 0 to 1, if known.
    pub lap_fraction: Option<f32>,
}

/// Watches the lap clock.
#[derive(Debug, Clone, Default)]
pub struct LapClock {
    before: Option<Moment>,
    /// Laps finished so far.
    pub n_completed: u32,
    /// Time of the last lap, ms.
    pub last_ms: Option<u32>,
    /// Time of the best lap, ms.
    pub best_ms: Option<u32>,
}

impl LapClock {
    /// Takes the next reading; gives the lap that it ended. The time is the clock's last value seen, so it is up to one
    /// reading short.
    pub fn step(&mut self, now: Moment) -> Option<LapSummary> {
        let before = self.before.replace(now)?;
        let reset = now.clock_ms.saturating_add(RESET_MS) < before.clock_ms;
        let near_line = |moment: Moment| {
            moment.lap_fraction.is_none_or(|fraction| !(NEAR_LINE..=1.0 - NEAR_LINE).contains(&fraction))
        };
        if !reset || !near_line(before) || !near_line(now) {
            return None;
        }
        let time_ms = before.clock_ms;
        self.n_completed += 1;
        self.last_ms = Some(time_ms);
        self.best_ms = Some(self.best_ms.map_or(time_ms, |best| best.min(time_ms)));
        Some(LapSummary { number: self.n_completed, time_ms, valid: true, ..LapSummary::default() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(readings: &[(u32, f32)], expected_ms: &[u32]) {
        let mut clock = LapClock::default();
        let step = |&(clock_ms, fraction)| clock.step(Moment { clock_ms, lap_fraction: Some(fraction) });
        let times: Vec<u32> = readings.iter().filter_map(step).map(|lap| lap.time_ms).collect();
        assert_eq!(times, expected_ms);
    }

    #[test]
    fn a_reset_at_the_line_ends_a_lap() {
        check(&[(96_100, 0.998), (96_228, 0.9994), (60, 0.0013), (180, 0.002)], &[96_228]);
    }

    #[test]
    fn the_wrap_may_come_a_sample_before_the_reset() {
        check(&[(105_000, 0.9995), (105_129, 0.0004), (90, 0.0011)], &[105_129]);
    }

    #[test]
    fn the_first_crossing_wraps_without_a_reset() {
        check(&[(7_029, 0.9999), (7_149, 0.0001), (7_272, 0.0008)], &[]);
    }

    #[test]
    fn a_return_to_the_pits_is_not_a_lap() {
        check(&[(50_000, 0.4), (0, 0.98), (120, 0.98)], &[]);
        check(&[(50_000, 0.4), (49_000, 0.4)], &[]);
    }
}
