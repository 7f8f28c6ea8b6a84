//! Which lap is it, how long has it taken, and how does it compare with the best one?

/// Lap fractions at which the second and third sector begin.
const SECTOR_STARTS: [f64; 2] = [0.32, 0.67];
/// Places per lap at which the time is noted, to compare laps.
const N_PLACES: usize = 400;

/// A finished lap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LapTimes {
    /// 1 for the first.
    pub number: u32,
    pub time_ms: u32,
    pub sector_ms: [u32; 3],
    pub valid: bool,
}

/// The stopwatch of one car.
#[derive(Debug, Clone)]
pub(crate) struct Timing {
    /// When this lap began, µs since the start of the simulation.
    lap_start_us: i64,
    sector_start_us: i64,
    sector: usize,
    sector_ms: [u32; 3],
    pub laps_completed: u32,
    pub last_ms: Option<u32>,
    pub best_ms: Option<u32>,
    pub last_sector_ms: Option<u32>,
    pub valid: bool,
    /// The run-up to the first line counts as no lap.
    run_up: bool,
    /// Time since the lap's start at each place passed, µs.
    places: Vec<i64>,
    best_places: Vec<i64>,
}

impl Timing {
    pub(crate) fn new() -> Self {
        Self {
            lap_start_us: 0,
            sector_start_us: 0,
            sector: 0,
            sector_ms: [0; 3],
            laps_completed: 0,
            last_ms: None,
            best_ms: None,
            last_sector_ms: None,
            valid: true,
            run_up: true,
            places: Vec::with_capacity(N_PLACES),
            best_places: Vec::new(),
        }
    }

    /// The car is at `lap_fraction` of the lap at `now_us`.
    pub(crate) fn step(&mut self, now_us: i64, lap_fraction: f64) {
        if self.run_up {
            return;
        }
        let next = SECTOR_STARTS.get(self.sector).copied().unwrap_or(f64::INFINITY);
        if lap_fraction >= next {
            self.end_sector(now_us);
        }
        while self.places.len() < N_PLACES && lap_fraction * N_PLACES as f64 >= self.places.len() as f64 {
            self.places.push(now_us - self.lap_start_us);
        }
    }

    /// The car crossed the line at `crossed_us`; gives the lap that this ended, if it was one.
    pub(crate) fn cross_line(&mut self, crossed_us: i64) -> Option<LapTimes> {
        let finished = (!self.run_up).then(|| self.end_lap(crossed_us));
        self.run_up = false;
        self.lap_start_us = crossed_us;
        self.sector_start_us = crossed_us;
        self.sector = 0;
        self.sector_ms = [0; 3];
        self.valid = true;
        self.places.clear();
        finished
    }

    fn end_sector(&mut self, now_us: i64) {
        let time_ms = to_ms(now_us - self.sector_start_us);
        self.sector_ms[self.sector] = time_ms;
        self.last_sector_ms = Some(time_ms);
        self.sector = (self.sector + 1).min(2);
        self.sector_start_us = now_us;
    }

    fn end_lap(&mut self, crossed_us: i64) -> LapTimes {
        self.end_sector(crossed_us);
        self.laps_completed += 1;
        let time_ms = to_ms(crossed_us - self.lap_start_us);
        // The sectors add up to the lap, whatever was rounded.
        self.sector_ms[2] = time_ms.saturating_sub(self.sector_ms[0] + self.sector_ms[1]);
        self.last_ms = Some(time_ms);
        if self.valid && self.best_ms.is_none_or(|best| time_ms < best) {
            self.best_ms = Some(time_ms);
            std::mem::swap(&mut self.places, &mut self.best_places);
        }
        LapTimes { number: self.laps_completed, time_ms, sector_ms: self.sector_ms, valid: self.valid }
    }

    /// 0 for the first sector.
    pub(crate) fn sector(&self) -> usize {
        self.sector
    }

    /// Time on this lap, ms.
    pub(crate) fn current_ms(&self, now_us: i64) -> u32 {
        to_ms(now_us - self.lap_start_us)
    }

    /// Seconds behind the best lap at this place; `None` before there is one.
    pub(crate) fn delta_s(&self, now_us: i64, lap_fraction: f64) -> Option<f64> {
        if self.best_places.len() < N_PLACES || self.run_up {
            return None;
        }
        let position = lap_fraction.clamp(0.0, 1.0) * N_PLACES as f64;
        let i = (position.floor() as usize).min(N_PLACES - 1);
        let after = self
            .best_places
            .get(i + 1)
            .copied()
            .unwrap_or_else(|| i64::from(self.best_ms.unwrap_or(0)) * 1_000);
        let before = self.best_places[i];
        let best_us = before as f64 + (after - before) as f64 * (position - i as f64);
        Some(((now_us - self.lap_start_us) as f64 - best_us) / 1e6)
    }
}

fn to_ms(us: i64) -> u32 {
    u32::try_from(us.max(0) / 1_000).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Drives one lap of `lap_s` seconds at a steady speed from `start_us`.
    fn lap(timing: &mut Timing, start_us: i64, lap_s: i64) -> Option<LapTimes> {
        for step in 1..lap_s * 100 {
            timing.step(start_us + step * 10_000, step as f64 / (lap_s * 100) as f64);
        }
        timing.cross_line(start_us + lap_s * 1_000_000)
    }

    #[test]
    fn the_run_up_is_not_a_lap() {
        let mut timing = Timing::new();
        assert_eq!(timing.cross_line(3_000_000), None);
        assert_eq!(timing.laps_completed, 0);
    }

    #[test]
    fn sectors_add_up_to_the_lap() {
        let mut timing = Timing::new();
        timing.cross_line(0);
        let finished = lap(&mut timing, 0, 90).expect("a lap");
        assert_eq!(finished.time_ms, 90_000);
        assert_eq!(finished.sector_ms.iter().sum::<u32>(), 90_000);
        assert!(finished.sector_ms.iter().all(|&ms| ms > 20_000), "{finished:?}");
    }

    #[test]
    fn only_a_faster_valid_lap_becomes_the_best() {
        let mut timing = Timing::new();
        timing.cross_line(0);
        lap(&mut timing, 0, 90);
        timing.valid = false;
        lap(&mut timing, 90_000_000, 80);
        assert_eq!((timing.last_ms, timing.best_ms), (Some(80_000), Some(90_000)));
        lap(&mut timing, 170_000_000, 85);
        assert_eq!(timing.best_ms, Some(85_000));
    }

    #[test]
    fn delta_compares_with_the_best_lap_at_the_same_place() {
        let mut timing = Timing::new();
        timing.cross_line(0);
        assert_eq!(timing.delta_s(1, 0.1), None);
        lap(&mut timing, 0, 100);
        // Half a lap after 45 s where the best lap needed 50 s.
        let delta_s = timing.delta_s(145_000_000, 0.5).expect("there is a best lap");
        assert!((delta_s + 5.0).abs() < 0.05, "{delta_s}");
    }
}
