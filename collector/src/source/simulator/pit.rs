//! When does the car go to the pits, how fast may it be there, and when does it leave?

use super::noise::Noise;

/// Where the lane begins and ends and where the box is, metres from the start line.
const ENTRY_M: f64 = -320.0;
const BOX_M: f64 = 70.0;
const EXIT_M: f64 = 240.0;
/// Speed limit in the lane, m/s (80 km/h), less what a careful driver leaves.
const LIMIT_MPS: f64 = 21.9;
/// How far the lane is from the middle of the road, metres to the left.
pub(crate) const LANE_OFFSET_M: f64 = 14.0;

/// What the car is doing about the pits.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Phase {
    Racing,
    /// It will turn in at the end of this lap.
    Called,
    /// On its way through the lane; `served` once it has stopped.
    Lane {
        served: bool,
    },
    Stopped {
        left_s: f64,
    },
}

/// A car's pit stops.
#[derive(Debug, Clone)]
pub(crate) struct Pit {
    phase: Phase,
    every_laps: u32,
    laps_since_stop: u32,
}

/// What a step in the pits brought about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PitEvent {
    None,
    /// Tyres are new, the tank is full, damage is repaired: now.
    Served,
}

impl Pit {
    /// Stops at the end of every `every_laps`th lap; 0 never stops.
    pub(crate) fn new(every_laps: u32) -> Self {
        Self { phase: Phase::Racing, every_laps, laps_since_stop: 0 }
    }

    /// Takes the end of a lap.
    pub(crate) fn finish_lap(&mut self) {
        self.laps_since_stop += 1;
        // The lap after this one is the last before the stop.
        if self.every_laps > 0 && self.laps_since_stop + 1 >= self.every_laps && self.phase == Phase::Racing {
            self.phase = Phase::Called;
        }
    }

    /// Moves on by `dt_s`; `along_m` is the distance from the nearest start line, negative before it.
    pub(crate) fn step(&mut self, along_m: f64, speed_mps: f64, dt_s: f64, noise: &mut Noise) -> PitEvent {
        match self.phase {
            Phase::Called if (ENTRY_M..0.0).contains(&along_m) => self.phase = Phase::Lane { served: false },
            Phase::Lane { served: false } if along_m >= BOX_M - 1.0 && speed_mps < 0.5 => {
                self.phase = Phase::Stopped { left_s: noise.between(18.0, 30.0) };
            }
            Phase::Lane { served: true } if along_m > EXIT_M => {
                self.phase = Phase::Racing;
                self.laps_since_stop = 0;
            }
            Phase::Stopped { left_s } if left_s <= dt_s => {
                self.phase = Phase::Lane { served: true };
                return PitEvent::Served;
            }
            Phase::Stopped { left_s } => self.phase = Phase::Stopped { left_s: left_s - dt_s },
            _ => {}
        }
        PitEvent::None
    }

    /// The fastest speed that the pits allow at `along_m`, m/s; infinite out on the road.
    pub(crate) fn limit_mps(&self, along_m: f64) -> f64 {
        match self.phase {
            Phase::Racing => f64::INFINITY,
            Phase::Called if along_m < ENTRY_M => {
                (LIMIT_MPS * LIMIT_MPS + 2.0 * 11.0 * (ENTRY_M - along_m)).sqrt()
            }
            // Past the last entry: on the next time round.
            Phase::Called if along_m >= 0.0 => f64::INFINITY,
            Phase::Lane { served: false } => LIMIT_MPS.min((2.0 * 4.5 * (BOX_M - along_m).max(0.0)).sqrt()),
            Phase::Called | Phase::Lane { served: true } => LIMIT_MPS,
            Phase::Stopped { .. } => 0.0,
        }
    }

    pub(crate) fn in_lane(&self) -> bool {
        matches!(self.phase, Phase::Lane { .. } | Phase::Stopped { .. })
    }

    pub(crate) fn in_box(&self) -> bool {
        matches!(self.phase, Phase::Stopped { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_car_drives_in_stops_is_served_and_leaves() {
        let mut noise = Noise::new(1, 1);
        let mut pit = Pit::new(2);
        pit.finish_lap();
        let (mut along_m, mut served, mut stood_s) = (-900.0, 0, 0.0);
        for _ in 0..20_000 {
            let speed = pit.limit_mps(along_m).min(60.0);
            if pit.step(along_m, speed, 0.01, &mut noise) == PitEvent::Served {
                served += 1;
            }
            assert!(!pit.in_lane() || speed < 22.3, "{speed} m/s in the lane");
            stood_s += if pit.in_box() { 0.01 } else { 0.0 };
            // Creep the last decimetres, as a driver does.
            along_m += speed.max(if pit.in_box() { 0.0 } else { 0.4 }) * 0.01;
        }
        assert_eq!(served, 1);
        assert!((18.0..31.0).contains(&stood_s), "{stood_s} s");
        assert!(!pit.in_lane());
    }

    #[test]
    fn zero_never_stops() {
        let mut pit = Pit::new(0);
        (0..50).for_each(|_| pit.finish_lap());
        assert_eq!(pit.limit_mps(-100.0), f64::INFINITY);
    }
}
